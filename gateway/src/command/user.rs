//! `countersign user`: users and services.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use store::{Name, NewToken, Store};

use crate::cli::{User, UserAdd};
use crate::client::Client;
use crate::command::{runtime, user_key};
use crate::config::Config;
use crate::output::Printer;

pub(super) fn run(command: User, printer: &Printer) -> anyhow::Result<ExitCode> {
    match command {
        User::Add(arguments) if arguments.admin => first_admin(&arguments, printer)?,
        User::Add(arguments) => add(&arguments, printer)?,
        User::List => list(printer)?,
        User::Key(command) => user_key::key(command, printer)?,
        User::Certificate(command) => user_key::certificate(command, printer)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn add(arguments: &UserAdd, printer: &Printer) -> anyhow::Result<()> {
    let kind = if arguments.owner.is_some() {
        "service"
    } else {
        "user"
    };
    let body = json!({
        "name": arguments.name,
        "kind": kind,
        "owner": arguments.owner,
        "groups": arguments.groups,
    });
    let added = Client::from_environment()?.post("/v1/users", &body)?;
    let next = format!(
        "{kind} {name} was added; `countersign token create {name}` issues an access token",
        name = arguments.name
    );
    printer.say(&added, &next)?;
    Ok(())
}

fn list(printer: &Printer) -> anyhow::Result<()> {
    let mut users = Client::from_environment()?.get("/v1/users")?;
    let rows = users.as_array_mut().map(std::mem::take).unwrap_or_default();
    if printer.for_programs() {
        printer.list(&rows, &[])?;
        return Ok(());
    }
    let rows: Vec<Value> = rows.into_iter().map(with_group_names).collect();
    let columns = [
        ("NAME", "name"),
        ("KIND", "kind"),
        ("OWNER", "owner"),
        ("GROUPS", "groups"),
        ("TOKENS", "live_tokens"),
        ("SSH KEYS", "live_ssh_keys"),
        ("LOCKED", "locked"),
    ];
    printer.list(&rows, &columns)?;
    Ok(())
}

/// People read names; who gave them is for programs.
fn with_group_names(mut user: Value) -> Value {
    if let Some(groups) = user.get_mut("groups").and_then(Value::as_array_mut) {
        for group in groups {
            let name = group.get_mut("name").map(Value::take).unwrap_or_default();
            *group = name;
        }
    }
    user
}

/// Without a gateway: there is nobody yet who could ask one.
fn first_admin(arguments: &UserAdd, printer: &Printer) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config.config)?;
    let file = config.path(&config.settings.store.file);
    let token = runtime()?.block_on(async {
        let store = Store::open(&file).await?;
        let token = add_first_admin(&store, &arguments.name).await;
        store.close().await?;
        token
    })?;
    let words = format!(
        "admin {} was added; this token is shown once:\n{token}",
        arguments.name
    );
    printer.say(&json!({ "name": arguments.name, "token": token }), &words)?;
    Ok(())
}

/// The first admin and a token for them.
pub(super) async fn add_first_admin(store: &Store, name: &str) -> anyhow::Result<String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let now = i64::try_from(since.as_secs())?;
    let account = store.add_first_admin(Name::new(name)?, now).await?;
    let token = NewToken {
        account: account.name.clone(),
        name: "first".to_owned(),
        by: account.name.clone(),
        expires_at: None,
    };
    Ok(store.issue_token(token, now).await?.expose().to_owned())
}
