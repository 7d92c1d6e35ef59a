//! tokio-postgres: everything prepared and binary, pipelined by itself, cancelled by a token.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use countersign_clients::{Client, Command, serve, shown, variable};
use futures_util::{SinkExt, TryStreamExt};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{Config, Row, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

#[derive(Default)]
struct Driver {
    client: Option<tokio_postgres::Client>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    serve(Driver::default()).await
}

impl Client for Driver {
    async fn obey(&mut self, command: &Command) -> anyhow::Result<Value> {
        if command.text("do") == "connect" {
            drop(self.client.take());
            let config = config()?;
            let (client, connection) = config.connect(tls()?).await?;
            tokio::spawn(connection);
            self.client = Some(client);
            return Ok(json!({}));
        }
        let client = self.client.as_mut().context("not connected")?;
        let sql = command.text("sql");
        match command.text("do") {
            "query" => query(client, sql, &command.arguments()).await,
            "begin" => simple(client, "BEGIN").await,
            "rollback" => simple(client, "ROLLBACK").await,
            "commit" => simple(client, "COMMIT").await,
            "timed" => timed(client, sql, command.milliseconds()).await,
            "batch" => batch(client, sql, &command.arguments()).await,
            "copy_in" => copy_in(client, command).await,
            "own" => own(client).await,
            other => anyhow::bail!("nothing is known of {other}"),
        }
    }

    fn code(error: &anyhow::Error) -> Option<String> {
        let error: &tokio_postgres::Error = error.downcast_ref()?;
        Some(error.code()?.code().to_owned())
    }
}

fn config() -> anyhow::Result<Config> {
    let mut config = Config::new();
    config
        .host(variable("PGHOST"))
        .port(variable("PGPORT").parse()?)
        .user(variable("PGUSER"))
        .password(variable("PGPASSWORD"))
        .dbname(variable("PGDATABASE"))
        .application_name("tokio-postgres")
        .ssl_mode(tokio_postgres::config::SslMode::Require);
    Ok(config)
}

fn tls() -> anyhow::Result<MakeRustlsConnect> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(variable("PGSSLROOTCERT"))? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Bytes as they came, of any type.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn values(row: &Row) -> Vec<Value> {
    (0..row.len())
        .map(|i| shown(row.get::<_, Option<Raw>>(i).map(|raw| raw.0)))
        .collect()
}

fn given(arguments: &[Value]) -> Vec<Box<dyn ToSql + Sync>> {
    let one = |value: &Value| -> Box<dyn ToSql + Sync> {
        match value {
            Value::Number(number) => Box::new(number.as_i64().and_then(|n| i32::try_from(n).ok())),
            Value::String(text) => Box::new(text.clone()),
            _ => Box::new(None::<String>),
        }
    };
    arguments.iter().map(one).collect()
}

fn borrowed(given: &[Box<dyn ToSql + Sync>]) -> Vec<&(dyn ToSql + Sync)> {
    given.iter().map(AsRef::as_ref).collect()
}

async fn query(
    client: &tokio_postgres::Client,
    sql: &str,
    arguments: &[Value],
) -> anyhow::Result<Value> {
    let given = given(arguments);
    let stream = client.query_raw(sql, borrowed(&given)).await?;
    let mut stream = pin!(stream);
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await? {
        rows.push(values(&row));
    }
    Ok(json!({"count": stream.rows_affected(), "rows": rows}))
}

async fn simple(client: &tokio_postgres::Client, sql: &str) -> anyhow::Result<Value> {
    client.batch_execute(sql).await?;
    Ok(json!({}))
}

async fn timed(
    client: &tokio_postgres::Client,
    sql: &str,
    milliseconds: u64,
) -> anyhow::Result<Value> {
    let token = client.cancel_token();
    let mut asked = pin!(query(client, sql, &[]));
    if let Ok(answer) = tokio::time::timeout(Duration::from_millis(milliseconds), &mut asked).await
    {
        return answer;
    }
    token.cancel_query(tls()?).await?;
    asked.await
}

async fn batch(
    client: &tokio_postgres::Client,
    sql: &str,
    lists: &[Value],
) -> anyhow::Result<Value> {
    let statement = client.prepare(sql).await?;
    let one = |list: &Value| {
        let list = list.as_array().cloned().unwrap_or_default();
        let statement = &statement;
        async move { client.execute(statement, &borrowed(&given(&list))).await }
    };
    futures_util::future::try_join_all(lists.iter().map(one)).await?;
    Ok(json!({}))
}

async fn copy_in(client: &tokio_postgres::Client, command: &Command) -> anyhow::Result<Value> {
    let copy = format!("COPY {} (id, note) FROM STDIN", command.text("table"));
    let mut sink = pin!(client.copy_in::<_, bytes::Bytes>(&copy).await?);
    sink.send(command.lines().into()).await?;
    sink.finish().await?;
    Ok(json!({}))
}

async fn own(client: &mut tokio_postgres::Client) -> anyhow::Result<Value> {
    Ok(json!({"rows": [
        ["pipelined", pipelined(client).await?.to_string()],
        ["portal", portal(client).await?.to_string()],
        ["simple", several(client).await?.to_string()],
        ["types", types(client).await?.to_string()],
        ["savepoints", savepoints(client).await?.to_string()],
        ["copied out", copied_out(client).await?.to_string()],
        ["typed", typed(client).await?.to_string()],
    ]}))
}

async fn pipelined(client: &tokio_postgres::Client) -> anyhow::Result<Value> {
    let statement = client.prepare("SELECT 12 / $1::int").await?;
    let one = |n: i32| {
        let statement = &statement;
        async move {
            client
                .query_one(statement, &[&n])
                .await
                .map(|row| row.get::<_, i32>(0))
        }
    };
    let (a, b, c, d) = tokio::join!(one(1), one(0), one(3), one(4));
    let failed = b
        .err()
        .and_then(|error| Some(error.code()?.code().to_owned()));
    Ok(json!([a?, failed, c?, d?]))
}

async fn portal(client: &mut tokio_postgres::Client) -> anyhow::Result<Value> {
    let transaction = client.transaction().await?;
    let portal = transaction
        .bind("SELECT n FROM generate_series(1, 25) AS n", &[])
        .await?;
    let mut sizes = Vec::new();
    loop {
        let rows = transaction.query_portal(&portal, 10).await?;
        sizes.push(rows.len());
        if rows.len() < 10 {
            break;
        }
    }
    transaction.commit().await?;
    Ok(json!(sizes))
}

async fn several(client: &tokio_postgres::Client) -> anyhow::Result<Value> {
    let told = client.simple_query("SELECT 1; SELECT 'two', NULL").await?;
    let shown = told.iter().map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            json!((0..row.len()).map(|i| row.get(i)).collect::<Vec<_>>())
        }
        SimpleQueryMessage::CommandComplete(rows) => json!(rows),
        _ => Value::Null,
    });
    Ok(shown.collect())
}

async fn types(client: &tokio_postgres::Client) -> anyhow::Result<Value> {
    let sql = "SELECT mood, moods, pair, percent, span FROM feelings WHERE mood = $1";
    let statement = client.prepare(sql).await?;
    let columns: Vec<_> = statement
        .columns()
        .iter()
        .map(|column| format!("{:?}", column.type_().kind()))
        .collect();
    // numbers of one's own types differ from server to server only
    Ok(json!([
        columns.len(),
        columns.first(),
        format!("{:?}", statement.params())
    ]))
}

async fn savepoints(client: &mut tokio_postgres::Client) -> anyhow::Result<Value> {
    let mut outer = client.build_transaction().read_only(true).start().await?;
    let inner = outer.savepoint("within").await?;
    let failed = inner.query("SELECT 1 / 0", &[]).await.is_err();
    inner.rollback().await?;
    let row = outer.query_one("SELECT 'still here'", &[]).await?;
    let still: String = row.get(0);
    outer.commit().await?;
    Ok(json!([failed, still]))
}

async fn copied_out(client: &tokio_postgres::Client) -> anyhow::Result<Value> {
    let mut stream = pin!(
        client
            .copy_out("COPY (SELECT id, name FROM items ORDER BY id) TO STDOUT")
            .await?
    );
    let mut text = Vec::new();
    while let Some(part) = stream.try_next().await? {
        text.extend_from_slice(&part);
    }
    Ok(json!(String::from_utf8(text)?))
}

async fn typed(client: &tokio_postgres::Client) -> anyhow::Result<Value> {
    let rows = client
        .query_typed(
            "SELECT name FROM items WHERE id = $1",
            &[(&2_i64, Type::INT8)],
        )
        .await?;
    Ok(json!(rows.iter().map(values).collect::<Vec<_>>()))
}
