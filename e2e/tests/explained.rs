//! What `policy explain` says of the requests of a run is what the gateway made of them: same operations, same verdict,
//! same reason, and for what psql sends the same digest.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use e2e::driver::Driver;
use e2e::stand::{Options, Stand};
use e2e::story::asked;
use e2e::trail::{self, text};
use serde_json::{Value, json};

/// One request of the run, as it was sent.
struct Kept {
    request: Value,
    session: Value,
    /// Policies whose question was answered with yes.
    approved: Vec<&'static str>,
    /// Sent as a simple query, whose bytes make its digest.
    simple: bool,
}

/// What is answered or refused at once.
const PLAIN: &[&str] = &[
    "SELECT 1;",
    "SELECT name, email, card FROM customers WHERE id = 1;",
    "SELECT c.name, sum(i.cents) FROM customers c JOIN orders o ON o.customer_id = c.id JOIN items i ON i.id = o.item_id GROUP BY c.name;",
    "INSERT INTO items (name, cents) VALUES ('ink', 120);",
    "UPDATE items SET cents = 130 WHERE name = 'ink';",
    "DELETE FROM items WHERE name = 'ink';",
    "ALTER ROLE shop_gateway SUPERUSER;",
    "GRANT SELECT ON customers TO public;",
    "COPY items TO PROGRAM 'cat';",
    "SELECT rolpassword FROM pg_authid;",
    "SELECT pg_read_file('/etc/passwd');",
    "CREATE TABLE drafts (id int);",
    "CREATE SCHEMA side;",
    "SHOW search_path;",
    "SELEC 1;",
    "SELECT relname FROM pg_catalog.pg_class LIMIT 1;",
];

#[test]
fn explain_agrees_with_what_the_gateway_did() {
    let folder = tempfile::tempdir().unwrap();
    let mut stand = Stand::start(&Options::in_folder(folder.path()), &|| false).unwrap();
    let mut kept = Vec::new();
    psql_run(&stand, &mut kept);
    driver_run(&stand, &mut kept);
    stand.gateway.end().unwrap();

    let place = stand.gateway.place();
    let requests: Vec<Value> = kept.iter().map(line).collect();
    let explained = trail::explain(place, "user:ada", &requests).unwrap();
    let decided: Vec<Value> = trail::entries(place)
        .unwrap()
        .into_iter()
        .filter(|entry| text(entry, "entry") == "decided")
        .collect();
    let mut verdicts = std::collections::BTreeSet::new();
    let mut rest = decided.iter();
    for (kept, explained) in kept.iter().zip(&explained) {
        assert_eq!(explained["error"], Value::Null, "{explained}");
        let passed_over: Vec<Value> = rest.clone().map(brief).collect();
        let found = rest.find(|entry| same(kept, entry, explained));
        assert!(
            found.is_some(),
            "{} is explained as\n{}\nand the log goes on with\n{}",
            kept.request,
            brief(explained),
            json!(passed_over)
        );
        verdicts.insert(text(explained, "verdict").to_owned());
    }
    assert_eq!(
        verdicts.into_iter().collect::<Vec<_>>(),
        ["allow", "deny", "hold"]
    );
}

/// psql's statements, some of them under another search path, one held and refused, one held and approved.
fn psql_run(stand: &Stand, kept: &mut Vec<Kept>) {
    let usual = json!({});
    let mut psql = stand.ada("explained").unwrap();
    for statement in PLAIN {
        psql.ask(statement).unwrap();
        keep(kept, statement, &usual, &[]);
    }
    psql.say("TRUNCATE drafts;").unwrap();
    stand
        .refuse(&stand.people.grace, asked(&psql).unwrap(), "no")
        .unwrap();
    psql.answer().unwrap();
    keep(kept, "TRUNCATE drafts;", &usual, &[]);
    psql.say("DROP TABLE drafts;").unwrap();
    stand
        .approve(&stand.people.grace, asked(&psql).unwrap())
        .unwrap();
    psql.answer().unwrap();
    keep(kept, "DROP TABLE drafts;", &usual, &["destruction"]);
    let set = "SET search_path = public, pg_catalog;";
    psql.ask(set).unwrap();
    keep(kept, set, &usual, &[]);
    let elsewhere = json!({"search_path": ["public", "pg_catalog"]});
    for statement in ["SELECT lower('A');", "SELECT count(*) FROM items;"] {
        psql.ask(statement).unwrap();
        keep(kept, statement, &elsewhere, &[]);
    }
    psql.quit().unwrap();
}

/// A driver's statements with parameters.
fn driver_run(stand: &Stand, kept: &mut Vec<Kept>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let driver = Driver::connect(stand.gateway.place(), "ada", &stand.people.ada)
            .await
            .unwrap();
        let select = "SELECT name FROM items WHERE cents > $1 AND name <> $2";
        driver
            .client
            .query(select, &[&700_i32, &"lamp oil"])
            .await
            .unwrap();
        let delete = "DELETE FROM items WHERE name = $1";
        driver.client.execute(delete, &[&"nothing"]).await.unwrap();
        driver.close().await.unwrap();
        for (statement, parameters) in [
            (select, json!(["700", "lamp oil"])),
            (delete, json!(["nothing"])),
        ] {
            kept.push(Kept {
                request: json!({"statement": statement, "parameters": parameters}),
                session: json!({}),
                approved: Vec::new(),
                simple: false,
            });
        }
    });
}

fn keep(kept: &mut Vec<Kept>, statement: &str, session: &Value, approved: &[&'static str]) {
    kept.push(Kept {
        request: json!({"query": statement}),
        session: session.clone(),
        approved: approved.to_vec(),
        simple: true,
    });
}

fn line(kept: &Kept) -> Value {
    json!({"request": kept.request, "session": kept.session, "approvals": kept.approved})
}

/// Whether an entry of the log says what was explained.
fn same(kept: &Kept, entry: &Value, explained: &Value) -> bool {
    let operations = |of: &Value| -> Vec<Value> {
        let all = of["operations"].as_array().unwrap();
        let one = |operation: &Value| {
            json!([
                operation["action"],
                operation["effect"],
                operation["resource"]
            ])
        };
        all.iter().map(one).collect()
    };
    let digest = !kept.simple || entry["digest"] == explained["digest"];
    // what became of a question stands in the log; that there was one is all that can be explained
    let refused = text(explained, "verdict") == "hold" && text(entry, "reason") == "refused";
    let verdict = refused || entry["verdict"] == explained["verdict"];
    digest && verdict && operations(entry) == operations(explained)
}

/// What the comparison looks at.
fn brief(of: &Value) -> Value {
    let actions = of["operations"].as_array().unwrap().iter();
    let actions: Vec<&Value> = actions.map(|one| &one["action"]).collect();
    json!([of["verdict"], of["reason"], actions, of["digest"]])
}
