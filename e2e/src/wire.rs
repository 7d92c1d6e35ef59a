//! A client that sends whatever messages it is told to, in whatever order, once it is logged in as libpq is.

use std::io::{ErrorKind, Read, Write};
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

/// A connection within TLS.
pub type Secured = StreamOwned<ClientConnection, TcpStream>;

pub struct Wire<S = Secured> {
    stream: S,
    out: BytesMut,
    greeting: Vec<Message>,
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
        let packet = raw::startup(&[("user", user), ("database", database)])?;
        Self::over(raw::secured(place)?, &packet, token)
    }
}

impl<S: Read + Write> Wire<S> {
    /// Logged in by a start-up packet of one's own, over any stream, and ready.
    pub fn over(stream: S, packet: &[u8], token: &str) -> anyhow::Result<Self> {
        let mut wire = Self {
            stream,
            out: BytesMut::new(),
            greeting: Vec::new(),
        };
        wire.stream.write_all(packet)?;
        let mut scram = ScramSha256::new(token.as_bytes(), ChannelBinding::unsupported());
        loop {
            let (tag, body) = wire.message()?;
            if tag == b'v' {
                wire.greeting.push((tag, body));
                continue;
            }
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
        let rest = wire.until(b'Z')?;
        wire.greeting.extend(rest);
        Ok(wire)
    }

    /// What was told at the login: how far the protocol was negotiated down, settings, the key to cancel with.
    pub fn greeting(&self) -> &[Message] {
        &self.greeting
    }

    /// What a CancelRequest for this session says: its process and its key.
    pub fn cancel_key(&self) -> anyhow::Result<&[u8]> {
        let mut keys = self.greeting.iter().filter(|(tag, _)| *tag == b'K');
        let (_, key) = keys.next().context("a key to cancel with")?;
        Ok(key)
    }

    pub fn stream(&self) -> &S {
        &self.stream
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

    pub fn close_portal(&mut self, portal: &str) -> anyhow::Result<&mut Self> {
        frontend::close(b'P', portal, &mut self.out)?;
        Ok(self)
    }

    pub fn execute(&mut self, portal: &str) -> anyhow::Result<&mut Self> {
        self.execute_rows(portal, 0)
    }

    /// So many rows at most; 0 is all of them.
    pub fn execute_rows(&mut self, portal: &str, rows: i32) -> anyhow::Result<&mut Self> {
        frontend::execute(portal, rows, &mut self.out)?;
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

    /// All that was said and is not sent yet, to be sent by somebody else.
    pub fn unsent(&mut self) -> BytesMut {
        self.out.split()
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

    /// Everything until the connection ends, in order or not; that it does not end is an error.
    pub fn until_end(&mut self) -> anyhow::Result<Vec<Message>> {
        let mut messages = Vec::new();
        loop {
            let mut tag = [0];
            match self.stream.read(&mut tag) {
                Ok(0) => return Ok(messages),
                Ok(_) => {
                    let [tag] = tag;
                    messages.push((tag, self.body()?));
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                        bail!("it does not end after: {}", text(&messages))
                    }
                    _ => return Ok(messages),
                },
            }
        }
    }

    fn message(&mut self) -> anyhow::Result<Message> {
        let tag = raw::byte(&mut self.stream)?;
        Ok((tag, self.body()?))
    }

    fn body(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length))?;
        ensure!(
            (4..LONGEST).contains(&length),
            "a message of {length} bytes"
        );
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body)?;
        Ok(body)
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
