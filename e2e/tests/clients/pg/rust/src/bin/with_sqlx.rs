//! sqlx: its pool pings, its statements stay prepared, and a future that is dropped closes the connection.

use std::time::Duration;

use anyhow::Context;
use countersign_clients::{Client, Command, serve, shown, variable};
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use sqlx::postgres::{
    PgArguments, PgConnectOptions, PgListener, PgPoolCopyExt, PgPoolOptions, PgRow, PgSslMode,
    PgValueFormat,
};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Postgres, Row, ValueRef};

#[derive(Default)]
struct Driver {
    connection: Option<PgConnection>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    serve(Driver::default()).await
}

impl Client for Driver {
    async fn obey(&mut self, command: &Command) -> anyhow::Result<Value> {
        if command.text("do") == "connect" {
            drop(self.connection.take());
            self.connection = Some(PgConnection::connect_with(&options()?).await?);
            return Ok(json!({}));
        }
        let connection = self.connection.as_mut().context("not connected")?;
        let sql = command.text("sql");
        match command.text("do") {
            "query" => query(connection, sql, &command.arguments()).await,
            "begin" => query(connection, "BEGIN", &[]).await,
            "rollback" => query(connection, "ROLLBACK", &[]).await,
            "commit" => query(connection, "COMMIT", &[]).await,
            "timed" => {
                let within = Duration::from_millis(command.milliseconds());
                let ended = tokio::time::timeout(within, query(connection, sql, &[])).await;
                if ended.is_err() {
                    // as a pool does with a connection whose query was given up
                    drop(self.connection.take());
                }
                ended?
            }
            "batch" => {
                for list in command.arguments() {
                    query(connection, sql, list.as_array().map_or(&[], Vec::as_slice)).await?;
                }
                Ok(json!({}))
            }
            "copy_in" => {
                let copy = format!("COPY {} (id, note) FROM STDIN", command.text("table"));
                let mut copy = connection.copy_in_raw(&copy).await?;
                copy.send(command.lines().as_bytes()).await?;
                copy.finish().await?;
                Ok(json!({}))
            }
            "own" => own(connection).await,
            other => anyhow::bail!("nothing is known of {other}"),
        }
    }

    fn code(error: &anyhow::Error) -> Option<String> {
        let error: &sqlx::Error = error.downcast_ref()?;
        Some(error.as_database_error()?.code()?.into_owned())
    }
}

fn options() -> anyhow::Result<PgConnectOptions> {
    Ok(PgConnectOptions::new_without_pgpass()
        .host(&variable("PGHOST"))
        .port(variable("PGPORT").parse()?)
        .username(&variable("PGUSER"))
        .password(&variable("PGPASSWORD"))
        .database(&variable("PGDATABASE"))
        .application_name("sqlx")
        .ssl_mode(PgSslMode::VerifyFull)
        .ssl_root_cert(variable("PGSSLROOTCERT")))
}

type Asked<'q> = Query<'q, Postgres, PgArguments>;

fn asked<'q>(sql: &str, arguments: &[Value]) -> Asked<'q> {
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    for value in arguments {
        query = match value {
            Value::Number(number) => {
                query.bind(number.as_i64().and_then(|n| i32::try_from(n).ok()))
            }
            Value::String(text) => query.bind(text.clone()),
            _ => query.bind(None::<String>),
        };
    }
    query
}

fn values(row: &PgRow) -> anyhow::Result<Vec<Value>> {
    let mut values = Vec::new();
    for i in 0..row.len() {
        let value = row.try_get_raw(i)?;
        let bytes = (!value.is_null()).then(|| value.as_bytes()).transpose();
        values.push(shown(bytes.map_err(anyhow::Error::from_boxed)?));
    }
    Ok(values)
}

async fn query(
    connection: &mut PgConnection,
    sql: &str,
    arguments: &[Value],
) -> anyhow::Result<Value> {
    let (mut rows, mut count) = (Vec::new(), 0);
    let query = asked(sql, arguments);
    let mut stream = connection.fetch_many(query);
    while let Some(part) = stream.try_next().await? {
        match part {
            sqlx::Either::Left(done) => count = done.rows_affected(),
            sqlx::Either::Right(row) => rows.push(values(&row)?),
        }
    }
    Ok(json!({"count": count, "rows": rows}))
}

async fn own(connection: &mut PgConnection) -> anyhow::Result<Value> {
    Ok(json!({"rows": [
        ["prepared", prepared(connection).await?.to_string()],
        ["savepoints", savepoints(connection).await?.to_string()],
        ["types", types(connection).await?.to_string()],
        ["raw", raw(connection).await?.to_string()],
        ["pool", pool().await?.to_string()],
        ["listened", listened().await?.to_string()],
        ["copied out", copied_out().await?.to_string()],
    ]}))
}

async fn prepared(connection: &mut PgConnection) -> anyhow::Result<Value> {
    let mut found = Vec::new();
    for id in [1, 2, 1] {
        found.push(
            query(
                connection,
                "SELECT name FROM items WHERE id = $1::int",
                &[json!(id)],
            )
            .await?,
        );
    }
    connection.clear_cached_statements().await?;
    connection.ping().await?;
    Ok(json!(found))
}

async fn savepoints(connection: &mut PgConnection) -> anyhow::Result<Value> {
    let mut outer = connection.begin().await?;
    let mut inner = outer.begin().await?;
    let failed = query(&mut inner, "SELECT 1 / 0", &[]).await.is_err();
    inner.rollback().await?;
    let still = query(&mut outer, "SELECT 'still here'", &[]).await?;
    outer.commit().await?;
    Ok(json!([failed, still]))
}

#[derive(Debug, sqlx::Type)]
#[sqlx(type_name = "mood", rename_all = "lowercase")]
enum Mood {
    Happy,
    Sad,
}

async fn types(connection: &mut PgConnection) -> anyhow::Result<Value> {
    let row =
        sqlx::query("SELECT mood, moods, pair, percent FROM feelings WHERE mood = $1 OR mood = $2")
            .bind(Mood::Happy)
            .bind(Mood::Sad)
            .fetch_one(connection)
            .await?;
    let mood: Mood = row.try_get(0)?;
    Ok(json!([
        format!("{mood:?}"),
        row.columns().len(),
        row.try_get_raw(1)?.format() == PgValueFormat::Binary
    ]))
}

async fn raw(connection: &mut PgConnection) -> anyhow::Result<Value> {
    let rows = connection
        .fetch_all(sqlx::raw_sql("SELECT 1; SELECT 'two'"))
        .await?;
    rows.iter()
        .map(values)
        .collect::<Result<_, _>>()
        .map(|rows: Vec<_>| json!(rows))
}

async fn pool() -> anyhow::Result<Value> {
    let options = options()?.options([("statement_timeout", "9000"), ("search_path", "public")]);
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .test_before_acquire(true)
        .connect_with(options)
        .await?;
    let mut found = Vec::new();
    for _ in 0..3 {
        let timeout: String = sqlx::query_scalar("SHOW statement_timeout")
            .fetch_one(&pool)
            .await?;
        found.push(timeout);
    }
    pool.close().await;
    Ok(json!(found))
}

async fn listened() -> anyhow::Result<Value> {
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .connect_with(options()?)
        .await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("news").await?;
    sqlx::query("SELECT pg_notify('news', 'brass')")
        .execute(&pool)
        .await?;
    let heard = listener.recv().await?;
    Ok(json!([heard.channel(), heard.payload()]))
}

async fn copied_out() -> anyhow::Result<Value> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(options()?)
        .await?;
    let mut stream = pool
        .copy_out_raw("COPY (SELECT id, name FROM items ORDER BY id) TO STDOUT")
        .await?;
    let mut text = Vec::new();
    while let Some(part) = stream.try_next().await? {
        text.extend_from_slice(&part);
    }
    Ok(json!(String::from_utf8(text)?))
}
