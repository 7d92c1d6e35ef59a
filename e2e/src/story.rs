//! What the stories share: a table to lose, questions and their answers by the CLI, and what the database itself says.

use std::process::Output;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::gateway::Place;
use crate::people::token;
use crate::psql::{Login, Psql};
use crate::stand::Stand;
use crate::watchdog::until;

/// How many rows a table of a story has.
pub const ROWS: u64 = 3;

impl Stand {
    pub fn place(&self) -> &Place {
        self.gateway.place()
    }

    /// psql as somebody, connected; the session is named after the story.
    pub fn psql(&self, (user, token): (&str, &str), story: &str) -> anyhow::Result<Psql> {
        Psql::open(self.place(), &Login::of(user, token, story))
    }

    /// psql as ada.
    pub fn ada(&self, story: &str) -> anyhow::Result<Psql> {
        self.psql(("ada", &self.people.ada), story)
    }

    /// A further user, of some groups; returns a token.
    pub fn newcomer(&self, name: &str, groups: &str) -> anyhow::Result<String> {
        let admin = &self.people.admin;
        self.place()
            .cli(admin, &["user", "add", name, "--groups", groups])?;
        token(self.place(), admin, name)
    }

    /// A table with three rows, which the gateway's role owns.
    pub fn table(&self, name: &str) -> anyhow::Result<()> {
        self.postgres.sql(&format!(
            "CREATE TABLE {name} (id int PRIMARY KEY, note text NOT NULL);
             INSERT INTO {name} SELECT n, 'note ' || n FROM generate_series(1, {ROWS}) AS n;
             ALTER TABLE {name} OWNER TO shop_gateway;"
        ))?;
        Ok(())
    }

    /// So many rows are in a table, as the database itself says.
    pub fn rows(&self, table: &str) -> anyhow::Result<u64> {
        let rows = self
            .postgres
            .sql(&format!("SELECT count(*) FROM {table}"))?;
        Ok(rows.trim().parse()?)
    }

    /// Statements of the gateway's role that are at the server now, or were the last of their session, and name something;
    /// but for what the gateway looks at for approvers, on a connection of its own that reads only.
    pub fn at_server(&self, what: &str) -> anyhow::Result<String> {
        self.postgres.sql(&format!(
            "SELECT state, query FROM pg_stat_activity 
             WHERE usename = 'shop_gateway' AND application_name NOT LIKE 'countersign for %' AND query ~* '{what}'"
        ))
    }

    /// Says a statement that must wait; proves that it does, and that nothing of it is at the server. Returns the question.
    pub fn held(&self, psql: &mut Psql, statement: &str, table: &str) -> anyhow::Result<u64> {
        psql.say(statement)?;
        let id = asked(psql)?;
        self.untouched(psql, id, table)?;
        Ok(id)
    }

    /// The statement waits, the question is open, the table is whole, and the server has not heard of it.
    pub fn untouched(&self, psql: &Psql, id: u64, table: &str) -> anyhow::Result<()> {
        ensure!(self.state(id)? == "asked", "approval {id} is not open");
        let at_server = self.at_server(table)?;
        ensure!(at_server.is_empty(), "the server has it: {at_server}");
        let rows = self.rows(table)?;
        ensure!(rows == ROWS, "{rows} rows are left in {table}");
        ensure!(psql.pending(), "it was answered: {}", psql.errors());
        Ok(())
    }

    /// An approval, whole.
    pub fn question(&self, id: u64) -> anyhow::Result<Value> {
        let shown = ["--output", "json", "approvals", "show", &id.to_string()];
        let text = self.place().cli(&self.people.admin, &shown)?;
        serde_json::from_str(&text).context("an approval is JSON")
    }

    pub fn state(&self, id: u64) -> anyhow::Result<String> {
        let question = self.question(id)?;
        let state = question.get("state").and_then(Value::as_str);
        Ok(state.context("an approval has a state")?.to_owned())
    }

    /// Waits until an approval is in a state.
    pub fn becomes(&self, id: u64, state: &str) -> anyhow::Result<()> {
        let mut last = String::new();
        let seen = until(&format!("approval {id} is {state}"), || {
            last = self.state(id)?;
            Ok((last == state).then_some(()))
        });
        seen.with_context(|| format!("it is {last}"))
    }

    /// `approvals approve`, by the CLI.
    pub fn approve(&self, token: &str, id: u64) -> anyhow::Result<String> {
        self.place()
            .cli(token, &["approvals", "approve", &id.to_string(), "--yes"])
    }

    /// The same where it must not count; returns what the CLI says.
    pub fn may_not_approve(&self, token: &str, id: u64) -> anyhow::Result<String> {
        let arguments = ["approvals", "approve", &id.to_string(), "--yes"];
        let Output { status, stderr, .. } = self.place().command(token, &arguments).output()?;
        let said = String::from_utf8(stderr)?;
        if status.success() {
            bail!("approval {id} took a vote that must not count");
        }
        Ok(said)
    }

    /// `approvals refuse`, by the CLI.
    pub fn refuse(&self, token: &str, id: u64, reason: &str) -> anyhow::Result<String> {
        let id = id.to_string();
        let arguments = ["approvals", "refuse", &id, "--yes", "--reason", reason];
        self.place().cli(token, &arguments)
    }

    /// The session of a story's psql.
    pub fn session(&self, story: &str) -> anyhow::Result<String> {
        let listed = ["--output", "json", "sessions", "list"];
        let listed = self.place().cli(&self.people.admin, &listed)?;
        let listed: Value = serde_json::from_str(&listed)?;
        let named = |row: &&Value| row.get("client").and_then(Value::as_str) == Some(story);
        let found = listed.as_array().into_iter().flatten().find(named);
        let id = found.and_then(|row| row.get("id")).and_then(Value::as_str);
        Ok(id
            .with_context(|| format!("no session of {story}"))?
            .to_owned())
    }

    /// `audit verify`: its report, which must be good.
    pub fn verified(&self) -> anyhow::Result<Value> {
        let verify = ["--output", "json", "audit", "verify"];
        let report = self.place().cli(&self.people.admin, &verify)?;
        let report: Value = serde_json::from_str(&report)?;
        ensure!(report.get("good") == Some(&Value::Bool(true)), "{report}");
        Ok(report)
    }

    /// What the log says of a held statement: what was decided of it, and how it came out where it was let through.
    pub fn account(&self, id: u64) -> anyhow::Result<(Value, Option<Value>)> {
        let number = Value::String(id.to_string());
        until(&format!("the log tells of approval {id}"), || {
            let entries = self.exported()?;
            let of_it = |entry: &&Value| entry.get("approval") == Some(&number);
            let Some(decided) = entries.iter().find(of_it) else {
                return Ok(None);
            };
            let its_outcome = |entry: &&Value| {
                entry.get("outcome").is_some() && entry.get("request") == decided.get("request")
            };
            let outcome = entries.iter().find(its_outcome);
            let allowed = decided.get("verdict").and_then(Value::as_str) == Some("allow");
            let whole = outcome.is_some() || !allowed;
            Ok(whole.then(|| (decided.clone(), outcome.cloned())))
        })
    }

    /// The same where verdict and reason are what they must be; how it came out.
    pub fn recorded(
        &self,
        id: u64,
        (verdict, reason): (&str, &str),
    ) -> anyhow::Result<Option<Value>> {
        let (decided, outcome) = self.account(id)?;
        let text = |field: &str| decided.get(field).and_then(Value::as_str);
        ensure!(text("verdict") == Some(verdict), "{decided}");
        ensure!(text("reason") == Some(reason), "{decided}");
        Ok(outcome)
    }

    /// `audit export`: what was decided, and how it came out.
    pub fn exported(&self) -> anyhow::Result<Vec<Value>> {
        let export = ["audit", "export"];
        let lines = self.place().cli(&self.people.admin, &export)?;
        let read = |line: &str| serde_json::from_str(line).context("an entry is JSON");
        lines.lines().map(read).collect()
    }
}

/// The notice of a held statement: the question's number, with the command that shows it.
pub fn asked(psql: &Psql) -> anyhow::Result<u64> {
    let notice = psql.told("waiting for approval")?;
    ensure!(notice.starts_with("NOTICE:"), "no notice: {notice}");
    let (_, after) = notice
        .split_once("waiting for approval ")
        .context("it has a number")?;
    let id: u64 = after.split(':').next().unwrap_or_default().parse()?;
    psql.told(&format!("countersign approvals show {id}"))?;
    Ok(id)
}
