//! A plain relay on the SSH library alone, to measure the gateway by: two legs, and nothing decoded, judged or recorded.
//!
//! `ssh_relay PORT HOST_KEY_FILE TARGET_PORT LOGIN KEY_FILE`

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate, load_secret_key};
use russh::server::{Auth, ChannelOpenHandle, Msg, Session, VerifiedPublicKey};
use russh::{
    Channel, ChannelId, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Preferred, cipher, client,
    server,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OnceCell;

/// As the gateway offers them.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
];

/// Where it leads.
struct Target {
    port: u16,
    login: String,
    key: Arc<PrivateKey>,
}

/// Takes whatever key the server shows: it runs on this machine.
struct Any;

impl client::Handler for Any {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

type Leg = Arc<OnceCell<client::Handle<Any>>>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, host_key, target_port, login, key] = arguments.as_slice() else {
        anyhow::bail!("usage: ssh_relay PORT HOST_KEY_FILE TARGET_PORT LOGIN KEY_FILE");
    };
    let target = Arc::new(Target {
        port: target_port.parse()?,
        login: login.clone(),
        key: Arc::new(read(key)?),
    });
    let config = Arc::new(server::Config {
        keys: vec![read(host_key)?],
        inactivity_timeout: None,
        auth_rejection_time_initial: Some(std::time::Duration::ZERO),
        preferred: preferred(),
        nodelay: true,
        ..server::Config::default()
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let door = Door {
            target: target.clone(),
            leg: Arc::default(),
        };
        let config = config.clone();
        tokio::spawn(async move {
            // a client that goes is no error of the relay's
            if let Ok(running) = server::run_stream(config, stream, door).await {
                drop(running.await);
            }
        });
    }
}

fn read(file: &str) -> anyhow::Result<PrivateKey> {
    load_secret_key(Path::new(file), None).with_context(|| file.to_owned())
}

fn preferred() -> Preferred {
    Preferred {
        cipher: Cow::Borrowed(CIPHERS),
        ..Preferred::DEFAULT
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the relay is measured beside the gateway, and no part of it"
)]
async fn reach(target: &Target) -> Result<client::Handle<Any>, russh::Error> {
    let config = Arc::new(client::Config {
        inactivity_timeout: None,
        preferred: preferred(),
        nodelay: true,
        ..client::Config::default()
    });
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, target.port)).await?;
    stream.set_nodelay(true)?;
    let mut handle = client::connect_stream(config, stream, Any).await?;
    let key = PrivateKeyWithHashAlg::new(target.key.clone(), None);
    handle.authenticate_publickey(&target.login, key).await?;
    Ok(handle)
}

/// One connection.
struct Door {
    target: Arc<Target>,
    leg: Leg,
}

impl Door {
    fn carry(&self, channel: Channel<Msg>, forward: Option<(String, u32)>) {
        let (target, leg) = (self.target.clone(), self.leg.clone());
        tokio::spawn(async move {
            // both ends hear of it as a closed channel
            drop(relay(&target, &leg, channel, forward).await);
        });
    }
}

impl server::Handler for Door {
    type Error = russh::Error;

    async fn auth_publickey(
        &mut self,
        _: &str,
        _: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        self.carry(channel, None);
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        self.carry(channel, Some((host.to_owned(), port)));
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }
}

async fn relay(
    target: &Target,
    leg: &Leg,
    channel: Channel<Msg>,
    forward: Option<(String, u32)>,
) -> Result<(), russh::Error> {
    let handle = leg.get_or_try_init(|| reach(target)).await?;
    let far = match forward {
        None => handle.channel_open_session().await?,
        Some((host, port)) => {
            let opening = handle.channel_open_direct_tcpip(host, port, "127.0.0.1", 0);
            opening.await?
        }
    };
    let (from_client, to_client) = channel.split();
    let (from_target, to_target) = far.split();
    tokio::select! {
        ended = up(from_client, &to_target) => ended?,
        ended = down(from_target, &to_client) => ended?,
    }
    drop(to_target.close().await);
    drop(to_client.eof().await);
    to_client.close().await
}

async fn up(
    mut from: ChannelReadHalf,
    to: &ChannelWriteHalf<client::Msg>,
) -> Result<(), russh::Error> {
    while let Some(message) = from.wait().await {
        match message {
            ChannelMsg::Data { data } => to.data_bytes(data).await?,
            ChannelMsg::Eof => to.eof().await?,
            ChannelMsg::Exec { command, .. } => to.exec(true, command).await?,
            ChannelMsg::RequestSubsystem { name, .. } => to.request_subsystem(true, name).await?,
            ChannelMsg::Close => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}

/// The end of output goes out behind the status, with the channel's.
async fn down(mut from: ChannelReadHalf, to: &ChannelWriteHalf<Msg>) -> Result<(), russh::Error> {
    while let Some(message) = from.wait().await {
        match message {
            ChannelMsg::Data { data } => to.data_bytes(data).await?,
            ChannelMsg::ExtendedData { data, ext } => to.extended_data_bytes(ext, data).await?,
            ChannelMsg::ExitStatus { exit_status } => to.exit_status(exit_status).await?,
            ChannelMsg::Close => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}
