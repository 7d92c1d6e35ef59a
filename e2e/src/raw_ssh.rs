//! Channels by hand, for what no decent client would say on them: floods, lies about windows, ends and numbers.

use std::io::ErrorKind;
use std::net::Ipv4Addr;

use anyhow::{Context, bail};

use crate::ssh_requests::{
    CHANNEL_CLOSE, CHANNEL_CONFIRMED, CHANNEL_DATA, CHANNEL_OPEN, CHANNEL_REFUSED, CHANNEL_REQUEST,
    DISCONNECT, USERAUTH_SUCCESS, password, string,
};
use crate::ssh_wire::Wire;

/// What a tunnel may be told before it says more.
const WINDOW: u32 = 1 << 20;

/// A connection of somebody who is logged in.
pub struct RawSsh {
    wire: Wire,
    channels: u32,
}

/// A channel of one's own.
#[derive(Debug, Clone, Copy)]
pub struct RawChannel {
    pub own: u32,
    pub theirs: u32,
    /// What may be sent.
    pub window: u32,
}

impl RawSsh {
    /// With keys and a person.
    pub fn enter(port: u16, user: &str, token: &str) -> anyhow::Result<Self> {
        Self::enter_from(Ipv4Addr::LOCALHOST, port, user, token)
    }

    /// The same from another address of this machine.
    pub fn enter_from(from: Ipv4Addr, port: u16, user: &str, token: &str) -> anyhow::Result<Self> {
        let mut entered = Self {
            wire: Wire::agreed(port, from)?,
            channels: 0,
        };
        entered.send(&password(user, token))?;
        entered.until(USERAUTH_SUCCESS)?;
        Ok(entered)
    }

    /// A session channel, with a window of so many bytes.
    pub fn session(&mut self, window: u32) -> anyhow::Result<RawChannel> {
        let own = self.channels;
        self.open("session", window)?;
        self.opened(own)
    }

    /// A tunnel to a host and port.
    pub fn tunnel(&mut self, host: &str, port: u32) -> anyhow::Result<RawChannel> {
        let own = self.channels;
        let to = [string(host.as_bytes()), port.to_be_bytes().to_vec()].concat();
        let from = [string(b"127.0.0.1"), vec![0; 4]].concat();
        self.open_to("direct-tcpip", WINDOW, &[to, from].concat())?;
        self.opened(own)
    }

    pub fn close(&mut self, channel: RawChannel) -> anyhow::Result<()> {
        self.send(&about(CHANNEL_CLOSE, channel))
    }

    fn opened(&mut self, own: u32) -> anyhow::Result<RawChannel> {
        let answer = loop {
            let message = self.wire.packet()?;
            match message.first() {
                Some(&CHANNEL_CONFIRMED) => break message,
                Some(&CHANNEL_REFUSED) if message.get(1..5) != Some(&own.to_be_bytes()[..]) => {}
                Some(&(CHANNEL_REFUSED | DISCONNECT)) => {
                    bail!("{}", String::from_utf8_lossy(&message));
                }
                Some(_) | None => {}
            }
        };
        let number = |at: usize| {
            let bytes = answer.get(at..at + 4).and_then(|four| four.try_into().ok());
            bytes.map(u32::from_be_bytes).context("a number")
        };
        Ok(RawChannel {
            own,
            theirs: number(5)?,
            window: number(9)?,
        })
    }

    /// Asks for a channel of any kind.
    pub fn open(&mut self, kind: &str, window: u32) -> anyhow::Result<()> {
        self.open_to(kind, window, &[])
    }

    fn open_to(&mut self, kind: &str, window: u32, rest: &[u8]) -> anyhow::Result<()> {
        let own = self.channels;
        self.channels += 1;
        let parts = [
            vec![CHANNEL_OPEN],
            string(kind.as_bytes()),
            own.to_be_bytes().to_vec(),
            window.to_be_bytes().to_vec(),
            32768_u32.to_be_bytes().to_vec(),
            rest.to_vec(),
        ];
        self.send(&parts.concat())
    }

    /// A request of a channel, with what belongs to it.
    pub fn request(&mut self, channel: RawChannel, kind: &str, rest: &[u8]) -> anyhow::Result<()> {
        let parts = [
            &about(CHANNEL_REQUEST, channel)[..],
            &string(kind.as_bytes()),
            &[1],
            rest,
        ];
        self.send(&parts.concat())
    }

    pub fn exec(&mut self, channel: RawChannel, command: &str) -> anyhow::Result<()> {
        self.request(channel, "exec", &string(command.as_bytes()))
    }

    pub fn data(&mut self, channel: RawChannel, bytes: &[u8]) -> anyhow::Result<()> {
        self.send(&[about(CHANNEL_DATA, channel), string(bytes)].concat())
    }

    /// Whatever a message holds.
    pub fn send(&mut self, payload: &[u8]) -> anyhow::Result<()> {
        self.wire.send(payload)
    }

    /// Whatever bytes.
    pub fn raw(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.wire.raw(bytes)
    }

    /// The next message of a kind; what comes before it is skipped.
    pub fn until(&mut self, kind: u8) -> anyhow::Result<Vec<u8>> {
        loop {
            let message = self.wire.packet()?;
            match message.first() {
                Some(first) if *first == kind => return Ok(message),
                Some(&DISCONNECT) => bail!("{}", String::from_utf8_lossy(&message)),
                Some(_) | None => {}
            }
        }
    }

    /// Reads what a channel says until it holds something.
    pub fn hears(&mut self, channel: RawChannel, what: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut heard = Vec::new();
        while !heard.windows(what.len()).any(|part| part == what) {
            let message = self.until(CHANNEL_DATA)?;
            if message.get(1..5) == Some(&channel.own.to_be_bytes()[..]) {
                heard.extend_from_slice(message.get(9..).unwrap_or_default());
            }
        }
        Ok(heard)
    }

    /// Whether the other side closes the connection, whatever it says before.
    pub fn is_closed(&mut self) -> anyhow::Result<bool> {
        loop {
            match self.wire.packet() {
                Ok(message) if message.first() == Some(&DISCONNECT) => return Ok(true),
                Ok(_) => {}
                Err(error) => {
                    let io = error.downcast_ref::<std::io::Error>();
                    return Ok(io.is_some_and(|error| closed(error.kind())));
                }
            }
        }
    }
}

/// The beginning of a message about a channel.
pub fn about(kind: u8, channel: RawChannel) -> Vec<u8> {
    [&[kind][..], &channel.theirs.to_be_bytes()].concat()
}

fn closed(kind: ErrorKind) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        kind,
        UnexpectedEof | ConnectionReset | BrokenPipe | ConnectionAborted
    )
}
