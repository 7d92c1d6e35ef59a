//! What a session costs that does nothing: both legs open, one program running at the target.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate, load_secret_key};
use russh::{Channel, ChannelMsg, client};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::figures::resident;
use crate::ways::{Way, Ways};

/// Logins at once.
const AT_ONCE: usize = 8;
const SETTLES_WITHIN: Duration = Duration::from_secs(3);

struct Any;

impl client::Handler for Any {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

/// An open session; dropping it ends it.
struct Session {
    _handle: client::Handle<Any>,
    _channel: Channel<client::Msg>,
}

pub(crate) fn table(ways: &Ways) -> anyhow::Result<String> {
    let counts = std::env::var("BENCH_IDLE").unwrap_or_else(|_| "100 1000".to_owned());
    let key = Arc::new(load_secret_key(&ways.key, None)?);
    let runtime = tokio::runtime::Runtime::new()?;
    let mut text = "Sessions in which `cat` waits for input that does not come.\n\n\
         | way | sessions | memory before, MiB | memory with them, MiB | KiB a session |\n|---|---|---|---|---|\n"
        .to_owned();
    for way in &ways.all {
        let Some(between) = way.between else {
            continue;
        };
        let before = resident(between)?;
        let mut sessions = Vec::new();
        for count in counts.split_whitespace() {
            let count: usize = count.parse().context("BENCH_IDLE")?;
            let more = count.saturating_sub(sessions.len());
            sessions.extend(runtime.block_on(open(way, key.clone(), more))?);
            let with = resident(between)?;
            let each = with.saturating_sub(before) / u64::try_from(count.max(1))?;
            let (before, with) = (before / 1024, with / 1024);
            text += &format!("| {} | {count} | {before} | {with} | {each} |\n", way.name);
        }
    }
    Ok(text)
}

async fn open(way: &Way, key: Arc<PrivateKey>, count: usize) -> anyhow::Result<Vec<Session>> {
    let seats = Arc::new(Semaphore::new(AT_ONCE));
    let mut opening = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (seats, key, door) = (seats.clone(), key.clone(), way.door.clone());
        opening.spawn(async move {
            let _seat = seats.acquire().await?;
            session(&door, key).await
        });
    }
    let mut sessions = Vec::new();
    while let Some(opened) = opening.join_next().await {
        sessions.push(opened??);
    }
    // what logging in took is given back meanwhile
    tokio::time::sleep(SETTLES_WITHIN).await;
    Ok(sessions)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the bench is a client of each way"
)]
async fn session((port, user): &(u16, String), key: Arc<PrivateKey>) -> anyhow::Result<Session> {
    let config = Arc::new(client::Config {
        inactivity_timeout: None,
        nodelay: true,
        ..client::Config::default()
    });
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).await?;
    let mut handle = client::connect_stream(config, stream, Any).await?;
    let key = PrivateKeyWithHashAlg::new(key, None);
    if !handle.authenticate_publickey(user, key).await?.success() {
        bail!("`{user}` was not let in");
    }
    let mut channel = handle.channel_open_session().await?;
    channel.exec(true, "echo there; cat").await?;
    while let Some(message) = channel.wait().await {
        if matches!(message, ChannelMsg::Data { .. }) {
            return Ok(Session {
                _handle: handle,
                _channel: channel,
            });
        }
    }
    bail!("a session ended before it began")
}
