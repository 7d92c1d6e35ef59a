//! A client that sends whatever messages it is told to, in whatever order, once it is logged in as libpq is.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, bail, ensure};
use bytes::BytesMut;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;
use rustls::{ClientConnection, StreamOwned};

use crate::gateway::Place;
use crate::raw;

/// A message of the server: its tag and body.
pub type Message = (u8, Vec<u8>);

/// The most bytes of one message.
const LONGEST: usize = 16 << 20;

pub struct Wire {
    stream: StreamOwned<ClientConnection, TcpStream>,
    out: BytesMut,
}

impl Wire {
    /// Logged in at `shop`, and ready.
    pub fn login(place: &Place, user: &str, token: &str) -> anyhow::Result<Self> {
        Self::login_at(place, user, token, "shop")
    }

    /// Logged in at any database, and ready.
    pub fn login_at(
        place: &Place,
        user: &str,
        token: &str,
        database: &str,
    ) -> anyhow::Result<Self> {
        let stream = raw::secured(place)?;
        let mut wire = Self {
            stream,
            out: BytesMut::new(),
        };
        let parameters = [("user", user), ("database", database)];
        wire.stream.write_all(&raw::startup(&parameters)?)?;
        let mut scram = ScramSha256::new(token.as_bytes(), ChannelBinding::unsupported());
        loop {
            let (tag, body) = wire.message()?;
            ensure!(
                tag == b'R',
                "in place of a login comes {}",
                text(&[(tag, body)])
            );
            let (code, data) = body.split_at_checked(4).context("a short message")?;
            match code {
                [0, 0, 0, 0] => break,
                [0, 0, 0, 10] => {
                    frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut wire.out)?;
                }
                [0, 0, 0, 11] => {
                    scram.update(data)?;
                    frontend::sasl_response(scram.message(), &mut wire.out)?;
                }
                [0, 0, 0, 12] => scram.finish(data)?,
                other => bail!("another login is asked for: {other:?}"),
            }
            wire.send()?;
        }
        wire.until(b'Z')?;
        Ok(wire)
    }

    pub fn query(&mut self, text: &str) -> anyhow::Result<&mut Self> {
        frontend::query(text, &mut self.out)?;
        Ok(self)
    }

    pub fn parse(&mut self, name: &str, text: &str) -> anyhow::Result<&mut Self> {
        frontend::parse(name, text, [], &mut self.out)?;
        Ok(self)
    }

    /// All results as text, no parameters.
    pub fn bind(&mut self, portal: &str, statement: &str) -> anyhow::Result<&mut Self> {
        let bound = frontend::bind(
            portal,
            statement,
            [],
            std::iter::empty::<()>(),
            |(), _| Ok(postgres_protocol::IsNull::Yes),
            [],
            &mut self.out,
        );
        match bound {
            Ok(()) => Ok(self),
            Err(_) => bail!("a Bind could not be written"),
        }
    }

    /// The same with parameters, all of them text.
    pub fn bind_text(
        &mut self,
        portal: &str,
        statement: &str,
        values: &[&str],
    ) -> anyhow::Result<&mut Self> {
        let bound = frontend::bind(
            portal,
            statement,
            [],
            values,
            |value, out| {
                out.extend_from_slice(value.as_bytes());
                Ok(postgres_protocol::IsNull::No)
            },
            [],
            &mut self.out,
        );
        match bound {
            Ok(()) => Ok(self),
            Err(_) => bail!("a Bind could not be written"),
        }
    }

    /// All results in binary, no parameters.
    pub fn bind_binary(&mut self, portal: &str, statement: &str) -> anyhow::Result<&mut Self> {
        let none = std::iter::empty::<()>();
        let null = |(), _: &mut BytesMut| Ok(postgres_protocol::IsNull::Yes);
        match frontend::bind(portal, statement, [], none, null, [1], &mut self.out) {
            Ok(()) => Ok(self),
            Err(_) => bail!("a Bind could not be written"),
        }
    }

    pub fn describe(&mut self, statement: &str) -> anyhow::Result<&mut Self> {
        frontend::describe(b'S', statement, &mut self.out)?;
        Ok(self)
    }

    pub fn describe_portal(&mut self, portal: &str) -> anyhow::Result<&mut Self> {
        frontend::describe(b'P', portal, &mut self.out)?;
        Ok(self)
    }

    pub fn close(&mut self, statement: &str) -> anyhow::Result<&mut Self> {
        frontend::close(b'S', statement, &mut self.out)?;
        Ok(self)
    }

    pub fn execute(&mut self, portal: &str) -> anyhow::Result<&mut Self> {
        frontend::execute(portal, 0, &mut self.out)?;
        Ok(self)
    }

    pub fn copy_data(&mut self, data: &[u8]) -> anyhow::Result<&mut Self> {
        frontend::CopyData::new(data)?.write(&mut self.out);
        Ok(self)
    }

    pub fn copy_done(&mut self) -> &mut Self {
        frontend::copy_done(&mut self.out);
        self
    }

    pub fn copy_fail(&mut self, message: &str) -> anyhow::Result<&mut Self> {
        frontend::copy_fail(message, &mut self.out)?;
        Ok(self)
    }

    pub fn sync(&mut self) -> &mut Self {
        frontend::sync(&mut self.out);
        self
    }

    pub fn flush(&mut self) -> &mut Self {
        frontend::flush(&mut self.out);
        self
    }

    /// Writes bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(bytes)?;
        Ok(self.stream.flush()?)
    }

    /// Writes all that was said, at once.
    pub fn send(&mut self) -> anyhow::Result<()> {
        let out = self.out.split();
        self.stream.write_all(&out)?;
        Ok(self.stream.flush()?)
    }

    /// Sends, and reads until a message of this kind, which is the last.
    pub fn answer(&mut self, last: u8) -> anyhow::Result<Vec<Message>> {
        self.send()?;
        self.until(last)
    }

    pub fn until(&mut self, last: u8) -> anyhow::Result<Vec<Message>> {
        let mut messages = Vec::new();
        loop {
            let message = self.message().with_context(|| {
                let heard = text(&messages);
                format!("waiting for `{}` after: {heard}", char::from(last))
            })?;
            let found = message.0 == last;
            let ends = is_fatal(&message);
            messages.push(message);
            ensure!(!ends, "the session ended: {}", text(&messages));
            if found {
                return Ok(messages);
            }
        }
    }

    fn message(&mut self) -> anyhow::Result<Message> {
        let tag = raw::byte(&mut self.stream)?;
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length))?;
        ensure!(
            (4..LONGEST).contains(&length),
            "a message of {length} bytes"
        );
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body)?;
        Ok((tag, body))
    }
}

/// Whether nothing comes after it.
fn is_fatal((tag, body): &Message) -> bool {
    let mut fields = body.split(|byte| *byte == 0);
    *tag == b'E' && fields.any(|field| field == b"VFATAL")
}

/// Kinds of messages, a letter each.
pub fn tags(messages: &[Message]) -> String {
    messages.iter().map(|(tag, _)| char::from(*tag)).collect()
}

/// Kinds and contents of messages, for a look at them.
pub fn text(messages: &[Message]) -> String {
    let one =
        |(tag, body): &Message| format!("{}({}) ", char::from(*tag), String::from_utf8_lossy(body));
    messages.iter().map(one).collect()
}
