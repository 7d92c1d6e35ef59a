//! The extended protocol through tokio-postgres: prepared, pipelined, failed and recovered, held at Bind, cancelled.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::{Arc, LazyLock};

use e2e::driver::Driver;
use e2e::lasting::Lasting;
use e2e::stand::Stand;
use e2e::story::ROWS;
use e2e::trail::{self, text as text_of};
use e2e::watchdog::until;
use serde_json::Value;
use tokio_postgres::types::Type;
use tokio_postgres::{CancelToken, SimpleQueryMessage};

static LASTING: LazyLock<Lasting> = LazyLock::new(|| Lasting::start(&["stories.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

async fn ada() -> Driver {
    let stand = stand();
    Driver::connect(stand.place(), "ada", &stand.people.ada)
        .await
        .unwrap()
}

fn code(error: &tokio_postgres::Error) -> &str {
    error.code().map_or("none", |code| code.code())
}

/// What a story does beside a driver that waits.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// The question that the newest notice tells of, once there are so many notices.
fn asked(driver: &Driver, notices: usize) -> u64 {
    let notice = until("the notice comes", || {
        Ok(driver.notices().get(notices - 1).cloned())
    })
    .unwrap();
    let (_, after) = notice
        .split_once("waiting for approval ")
        .expect("it tells of a question");
    after.split(':').next().unwrap().parse().unwrap()
}

fn untouched(id: u64, table: &str) {
    let stand = stand();
    assert_eq!(stand.state(id).unwrap(), "asked");
    assert_eq!(stand.rows(table).unwrap(), ROWS);
    let running = format!(
        "SELECT query FROM pg_stat_activity WHERE usename = 'shop_gateway' AND state <> 'idle' AND query ~ '{table}'"
    );
    assert_eq!(stand.postgres.sql(&running).unwrap(), "");
}

/// Within TLS; psql's Ctrl-C, whose libpq sends it in plaintext, is another story.
async fn cancel(token: CancelToken) {
    let tls = e2e::driver::tls(stand().place()).unwrap();
    token.cancel_query(tls).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn prepared_statements_run_again_and_again() {
    let driver = ada().await;
    let statement = driver
        .client
        .prepare_typed("SELECT name FROM items WHERE id = $1", &[Type::INT8])
        .await
        .unwrap();
    for (id, name) in [
        (1_i64, "hand lens"),
        (2, "field notebook"),
        (3, "brass compass"),
        (1, "hand lens"),
    ] {
        let row = driver.client.query_one(&statement, &[&id]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), name);
    }
    let none = driver.client.query(&statement, &[&99_i64]).await.unwrap();
    assert!(none.is_empty());
    driver.close().await.unwrap();
}

/// What reaches the gateway in one piece is one request: one intent, one outcome, with the figures of both.
#[tokio::test(flavor = "multi_thread")]
async fn a_bind_and_the_execute_behind_it_are_recorded_once() {
    let driver = ada().await;
    let text = "SELECT name, 'recorded once' FROM items WHERE id = $1";
    let statement = driver.client.prepare(text).await.unwrap();
    for _ in 0..5 {
        let rows = driver.client.query(&statement, &[&1_i64]).await.unwrap();
        assert_eq!(rows.len(), 1);
    }
    let failing = "SELECT 'fails once' FROM items WHERE id = 1 / $1::int";
    let fails = driver.client.prepare(failing).await.unwrap();
    let zero = driver.client.query(&fails, &[&0_i32]).await.unwrap_err();
    assert_eq!(code(&zero), "22012");
    driver.close().await.unwrap();

    let place = stand().place();
    let entries = beside(|| trail::entries(place).unwrap()).await;
    let bound = |marker: &str| {
        let decided = entries.iter().filter(|entry| {
            let summary = text_of(entry, "summary");
            summary.contains(marker) && summary.contains("-- $1 = ")
        });
        let ends = decided.map(|decided| {
            let request = &decided["request"];
            let end = entries
                .iter()
                .find(|one| text_of(one, "entry") == "outcome" && one["request"] == *request);
            end.expect("a request has an outcome").clone()
        });
        ends.collect::<Vec<_>>()
    };
    let ends = bound("recorded once");
    let whole = |end: &Value| end["outcome"] == "completed" && end["rows"] == 1;
    assert!(ends.len() == 5 && ends.iter().all(whole), "{ends:?}");
    let ends = bound("fails once");
    let failed = |end: &Value| end["outcome"] == "failed" && end["code"] == "22012";
    assert!(ends.len() == 1 && ends.iter().all(failed), "{ends:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_is_answered_in_order() {
    let driver = ada().await;
    let client = &driver.client;
    let statement = client.prepare("SELECT $1::bigint * 2").await.unwrap();
    let one = |n: i64| {
        let statement = &statement;
        async move {
            client
                .query_one(statement, &[&n])
                .await
                .unwrap()
                .get::<_, i64>(0)
        }
    };
    let (a, b, c, d, e) = tokio::join!(one(1), one(2), one(3), one(4), one(5));
    assert_eq!([a, b, c, d, e], [2, 4, 6, 8, 10]);

    // one of them fails, the others do not
    let broken = client.prepare("SELECT 1 / $1::int").await.unwrap();
    let zero: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&0_i32];
    let (before, failed, after) = tokio::join!(one(6), client.query_one(&broken, &zero), one(7));
    assert_eq!((before, after), (12, 14));
    assert_eq!(code(&failed.unwrap_err()), "22012");
    assert_eq!(
        client
            .query_one(&broken, &[&1_i32])
            .await
            .unwrap()
            .get::<_, i32>(0),
        1
    );
    driver.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_parse_or_a_denied_one_is_recovered_from() {
    let driver = ada().await;
    let client = &driver.client;
    let unknown = client
        .prepare("SELECT nothing FROM nowhere")
        .await
        .unwrap_err();
    assert_eq!(code(&unknown), "42P01", "{unknown}");
    let wrong = client.prepare("SELEC 1").await.unwrap_err();
    assert_eq!(code(&wrong), "42601", "{wrong}");
    let denied = client
        .prepare("CREATE ROLE intruder_by_driver")
        .await
        .unwrap_err();
    assert_eq!(code(&denied), "42501", "{denied}");
    let denied = client
        .execute("CREATE ROLE intruder_by_driver", &[])
        .await
        .unwrap_err();
    assert_eq!(code(&denied), "42501", "{denied}");
    let alive = client.query_one("SELECT 'alive'", &[]).await.unwrap();
    assert_eq!(alive.get::<_, &str>(0), "alive");
    let roles = "SELECT count(*) FROM pg_roles WHERE rolname = 'intruder_by_driver'";
    assert_eq!(stand().postgres.sql(roles).unwrap().trim(), "0");
    driver.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_in_a_pipeline_rolls_its_transaction_back() {
    let stand = stand();
    stand.table("piped").unwrap();
    let driver = ada().await;
    let client = &driver.client;
    let (begun, first, denied, second, committed) = tokio::join!(
        client.simple_query("BEGIN"),
        client.simple_query("DELETE FROM piped WHERE id = 1"),
        client.simple_query("CREATE ROLE intruder_by_pipe"),
        client.simple_query("DELETE FROM piped WHERE id = 2"),
        client.simple_query("COMMIT"),
    );
    begun.unwrap();
    first.unwrap();
    assert_eq!(code(&denied.unwrap_err()), "42501");
    assert_eq!(code(&second.unwrap_err()), "25P02");
    // the server's own answer to COMMIT is a ROLLBACK
    let done = committed.unwrap();
    assert!(
        matches!(done.as_slice(), [SimpleQueryMessage::CommandComplete(_)]),
        "{done:?}"
    );
    assert_eq!(stand.rows("piped").unwrap(), ROWS);

    // the same with prepared statements, of which the denied one is bound before it is known to be denied
    let keep = client
        .prepare("DELETE FROM piped WHERE id = $1")
        .await
        .unwrap();
    client.batch_execute("BEGIN").await.unwrap();
    let (one, denied, two) = tokio::join!(
        client.execute(&keep, &[&1_i32]),
        client.execute("CREATE ROLE intruder_by_pipe", &[]),
        client.execute(&keep, &[&2_i32]),
    );
    assert_eq!(one.unwrap(), 1);
    assert_eq!(code(&denied.unwrap_err()), "42501");
    assert_eq!(code(&two.unwrap_err()), "25P02");
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(stand.rows("piped").unwrap(), ROWS);
    driver.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bind_is_held_and_its_execute_runs_once_approved() {
    let stand = stand();
    stand.table("wants_driver").unwrap();
    let driver = Arc::new(ada().await);
    let client = &driver.client;
    // preparing asks nobody
    let statement = client
        .prepare("DELETE FROM wants_driver WHERE id = $1")
        .await
        .unwrap();
    assert!(driver.notices().is_empty());
    let heard = driver.clone();
    let answering = beside(move || {
        let id = asked(&heard, 1);
        untouched(id, "wants_driver");
        let shown = stand.approve(&stand.people.grace, id).unwrap();
        assert!(
            shown.contains("DELETE FROM wants_driver WHERE id = $1"),
            "{shown}"
        );
        // sent in binary
        assert!(shown.contains("$1 = 1"), "{shown}");
        id
    });
    let (deleted, first) = tokio::join!(client.execute(&statement, &[&1_i32]), answering);
    assert_eq!(deleted.unwrap(), 1);
    assert_eq!(stand.rows("wants_driver").unwrap(), ROWS - 1);
    assert_eq!(stand.state(first).unwrap(), "used");

    // other parameters are another question
    let heard = driver.clone();
    let answering = beside(move || {
        let id = asked(&heard, 2);
        stand
            .refuse(&stand.people.grace, id, "one was enough")
            .unwrap();
        id
    });
    let (refused, second) = tokio::join!(client.execute(&statement, &[&2_i32]), answering);
    assert_ne!(first, second);
    assert_eq!(code(&refused.unwrap_err()), "42501");
    assert_eq!(stand.rows("wants_driver").unwrap(), ROWS - 1);
    let alive = client.query_one("SELECT 'alive'", &[]).await.unwrap();
    assert_eq!(alive.get::<_, &str>(0), "alive");
    Arc::into_inner(driver).unwrap().close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_while_held_withdraws_and_the_session_lives() {
    let stand = stand();
    stand.table("driver_cancels").unwrap();
    let driver = Arc::new(ada().await);
    let client = &driver.client;
    let token = client.cancel_token();
    let heard = driver.clone();
    let cancelling = async {
        let id = beside(move || {
            let id = asked(&heard, 1);
            untouched(id, "driver_cancels");
            id
        });
        let id = id.await;
        cancel(token).await;
        id
    };
    let (deleted, id) = tokio::join!(
        client.execute("DELETE FROM driver_cancels", &[]),
        cancelling
    );
    let error = deleted.unwrap_err();
    assert_eq!(code(&error), "57014", "{error}");
    beside(move || stand.becomes(id, "withdrawn"))
        .await
        .unwrap();
    assert_eq!(stand.rows("driver_cancels").unwrap(), ROWS);
    let alive = client.query_one("SELECT 'alive'", &[]).await.unwrap();
    assert_eq!(alive.get::<_, &str>(0), "alive");
    Arc::into_inner(driver).unwrap().close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_stops_what_runs() {
    let stand = stand();
    let driver = ada().await;
    let client = &driver.client;
    let token = client.cancel_token();
    let sleeping = client.execute("SELECT 1 FROM pg_sleep(61)", &[]);
    let cancelling = async {
        beside(move || {
            let look = "SELECT state FROM pg_stat_activity WHERE usename = 'shop_gateway' AND query ~ 'pg_sleep.61'";
            until("the statement runs", || {
                Ok((stand.postgres.sql(look)?.trim() == "active").then_some(()))
            })
            .unwrap();
        })
        .await;
        cancel(token).await;
    };
    let (slept, ()) = tokio::join!(sleeping, cancelling);
    assert_eq!(code(&slept.unwrap_err()), "57014");
    let alive = client.query_one("SELECT 'alive'", &[]).await.unwrap();
    assert_eq!(alive.get::<_, &str>(0), "alive");
    driver.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_results_are_masked() {
    let driver = ada().await;
    let rows = driver
        .client
        .query(
            "SELECT id, name, email, card FROM customers WHERE id = $1",
            &[&1_i64],
        )
        .await
        .unwrap();
    assert_eq!(rows[0].get::<_, i64>(0), 1);
    assert_eq!(rows[0].get::<_, &str>(1), "Mary Anning");
    let email: Option<&str> = rows[0].get(2);
    assert!(
        !email.unwrap_or_default().contains("mary.anning"),
        "{email:?}"
    );
    let card: Option<&str> = rows[0].get(3);
    assert!(
        card.unwrap().ends_with("1111") && !card.unwrap().contains("411111"),
        "{card:?}"
    );
    // parameters do not launder either
    let refused = driver
        .client
        .query("SELECT name FROM customers WHERE email LIKE $1", &[&"m%"])
        .await
        .unwrap_err();
    assert_eq!(code(&refused), "0A000", "{refused}");
    driver.close().await.unwrap();
}
