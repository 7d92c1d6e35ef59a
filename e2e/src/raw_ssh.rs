//! An SSH client that says whatever it is told to, for what no decent client would say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;

/// Whoever waits longer for an answer gets an error.
const PATIENCE: Duration = Duration::from_secs(10);
const VERSION: &str = "SSH-2.0-Raw";
const TAG: usize = 16;

pub const DISCONNECT: u8 = 1;
const SERVICE_REQUEST: u8 = 5;
const SERVICE_ACCEPT: u8 = 6;
const KEXINIT: u8 = 20;
const NEWKEYS: u8 = 21;
const ECDH_INIT: u8 = 30;
const ECDH_REPLY: u8 = 31;
const USERAUTH_REQUEST: u8 = 50;
const USERAUTH_SUCCESS: u8 = 52;
pub const GLOBAL_REQUEST: u8 = 80;
pub const REQUEST_SUCCESS: u8 = 81;
pub const REQUEST_FAILURE: u8 = 82;
pub const CHANNEL_OPEN: u8 = 90;
pub const CHANNEL_CONFIRMED: u8 = 91;
pub const CHANNEL_REFUSED: u8 = 92;
pub const WINDOW_ADJUST: u8 = 93;
pub const CHANNEL_DATA: u8 = 94;
pub const CHANNEL_EOF: u8 = 96;
pub const CHANNEL_CLOSE: u8 = 97;
pub const CHANNEL_REQUEST: u8 = 98;
pub const CHANNEL_SUCCESS: u8 = 99;
pub const CHANNEL_FAILURE: u8 = 100;

/// A connection with keys agreed on; the server's are not looked at.
pub struct RawSsh {
    stream: BufReader<TcpStream>,
    keys: Option<Keys>,
    channels: u32,
}

struct Keys {
    sending: Half,
    receiving: Half,
}

struct Half {
    key: LessSafeKey,
    nonce: [u8; 12],
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
    #[expect(clippy::disallowed_methods, reason = "a client of the gateway")]
    pub fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut made = Self {
            stream: BufReader::new(stream),
            keys: None,
            channels: 0,
        };
        made.agree()?;
        Ok(made)
    }

    /// With keys and a person.
    pub fn enter(port: u16, user: &str, token: &str) -> anyhow::Result<Self> {
        let mut made = Self::connect(port)?;
        made.send(&[&[SERVICE_REQUEST][..], &string(b"ssh-userauth")].concat())?;
        made.until(SERVICE_ACCEPT)?;
        let request = [
            vec![USERAUTH_REQUEST],
            string(user.as_bytes()),
            string(b"ssh-connection"),
            string(b"password"),
            vec![0],
            string(token.as_bytes()),
        ];
        made.send(&request.concat())?;
        made.until(USERAUTH_SUCCESS)?;
        Ok(made)
    }

    /// A session channel, with a window of so many bytes.
    pub fn session(&mut self, window: u32) -> anyhow::Result<RawChannel> {
        let own = self.channels;
        self.open("session", window)?;
        let answer = self.until(CHANNEL_CONFIRMED)?;
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
        let own = self.channels;
        self.channels += 1;
        let parts = [
            vec![CHANNEL_OPEN],
            string(kind.as_bytes()),
            own.to_be_bytes().to_vec(),
            window.to_be_bytes().to_vec(),
            32768_u32.to_be_bytes().to_vec(),
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
        let block = if self.keys.is_some() { 16 } else { 8 };
        // the length itself is not encrypted, and stands outside the blocks
        let ahead = if self.keys.is_some() { 1 } else { 5 };
        let padding = block - (ahead + payload.len()) % block;
        let padding = if padding < 4 {
            padding + block
        } else {
            padding
        };
        let length = u32::try_from(1 + payload.len() + padding)?.to_be_bytes();
        let mut rest = vec![u8::try_from(padding)?];
        rest.extend_from_slice(payload);
        rest.resize(rest.len() + padding, 0);
        if let Some(keys) = &mut self.keys {
            let nonce = keys.sending.next();
            let key = &keys.sending.key;
            key.seal_in_place_append_tag(nonce, Aad::from(length), &mut rest)
                .ok()
                .context("sealing")?;
        }
        self.raw(&[&length, &rest[..]].concat())
    }

    /// Whatever bytes.
    pub fn raw(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.get_mut().write_all(bytes)?)
    }

    /// The next message; `None` where the connection is closed.
    pub fn read(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let mut length = [0; 4];
        match self.stream.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) if closed(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let tag = if self.keys.is_some() { TAG } else { 0 };
        let mut rest = vec![0; usize::try_from(u32::from_be_bytes(length))? + tag];
        self.stream.read_exact(&mut rest)?;
        if let Some(keys) = &mut self.keys {
            let nonce = keys.receiving.next();
            let key = &keys.receiving.key;
            key.open_in_place(nonce, Aad::from(length), &mut rest)
                .ok()
                .context("opening")?;
            rest.truncate(rest.len() - TAG);
        }
        let padding = usize::from(*rest.first().context("a length of the padding")?);
        let end = rest.len().checked_sub(padding).context("padding")?;
        Ok(Some(rest.get(1..end).context("a payload")?.to_vec()))
    }

    /// The next message of a kind; what comes before it is skipped.
    pub fn until(&mut self, kind: u8) -> anyhow::Result<Vec<u8>> {
        loop {
            let Some(message) = self.read()? else {
                bail!("the connection was closed before message {kind}");
            };
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

    /// Whether the other side closed the connection.
    pub fn is_closed(&mut self) -> anyhow::Result<bool> {
        loop {
            match self.read() {
                Ok(None) => return Ok(true),
                Ok(Some(message)) if message.first() == Some(&DISCONNECT) => return Ok(true),
                Ok(Some(_)) => {}
                Err(error) => {
                    let io = error.downcast_ref::<std::io::Error>();
                    return Ok(io.is_some_and(closed));
                }
            }
        }
    }

    fn agree(&mut self) -> anyhow::Result<()> {
        self.raw(format!("{VERSION}\r\n").as_bytes())?;
        let mut theirs = String::new();
        self.stream.read_line(&mut theirs)?;
        let ours = offer();
        self.send(&ours)?;
        let offered = self.until(KEXINIT)?;
        let random = SystemRandom::new();
        let private = EphemeralPrivateKey::generate(&X25519, &random)
            .ok()
            .context("a key")?;
        let public = private.compute_public_key().ok().context("a public key")?;
        let init = [&[ECDH_INIT][..], &string(public.as_ref())].concat();
        self.send(&init)?;
        let reply = self.until(ECDH_REPLY)?;
        let mut rest = reply.get(1..).unwrap_or_default();
        let (host, point) = (taken(&mut rest)?, taken(&mut rest)?);
        let peer = UnparsedPublicKey::new(&X25519, point);
        let secret = agree_ephemeral(private, peer, anyhow::anyhow!("no secret"), |secret| {
            Ok(mpint(secret))
        })?;
        let parts = [
            string(VERSION.as_bytes()),
            string(theirs.trim_end().as_bytes()),
            string(&ours),
            string(&offered),
            string(host),
            string(public.as_ref()),
            string(point),
            secret.clone(),
        ];
        let hash = digest(&SHA256, &parts.concat());
        self.send(&[NEWKEYS])?;
        self.until(NEWKEYS)?;
        let derived = |letter: u8| {
            let parts = [&secret[..], hash.as_ref(), &[letter], hash.as_ref()];
            digest(&SHA256, &parts.concat())
        };
        self.keys = Some(Keys {
            sending: Half::of(derived(b'C').as_ref(), derived(b'A').as_ref())?,
            receiving: Half::of(derived(b'D').as_ref(), derived(b'B').as_ref())?,
        });
        Ok(())
    }
}

impl Half {
    fn of(key: &[u8], nonce: &[u8]) -> anyhow::Result<Self> {
        let key = UnboundKey::new(&AES_128_GCM, key.get(..16).context("16 bytes")?);
        Ok(Self {
            key: LessSafeKey::new(key.ok().context("a key")?),
            nonce: nonce.get(..12).context("12 bytes")?.try_into()?,
        })
    }

    /// The nonce of the next packet: its last eight bytes count.
    fn next(&mut self) -> Nonce {
        let now = self.nonce;
        for byte in self.nonce.iter_mut().skip(4).rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
        Nonce::assume_unique_for_key(now)
    }
}

/// The beginning of a message about a channel.
pub fn about(kind: u8, channel: RawChannel) -> Vec<u8> {
    [&[kind][..], &channel.theirs.to_be_bytes()].concat()
}

/// With its length before it.
pub fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], bytes].concat()
}

fn offer() -> Vec<u8> {
    let lists = [
        "curve25519-sha256",
        "ssh-ed25519",
        "aes128-gcm@openssh.com",
        "aes128-gcm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ];
    let mut offer = vec![KEXINIT];
    offer.extend([7; 16]);
    for list in lists {
        offer.extend(string(list.as_bytes()));
    }
    offer.extend([0; 5]);
    offer
}

fn taken<'a>(rest: &mut &'a [u8]) -> anyhow::Result<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>().context("a length")?;
    let length = usize::try_from(u32::from_be_bytes(*length))?;
    let (text, after) = after.split_at_checked(length).context("a string")?;
    *rest = after;
    Ok(text)
}

fn mpint(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = number.get(zeros..).unwrap_or_default();
    match number.first() {
        Some(first) if first & 0x80 != 0 => string(&[&[0], number].concat()),
        Some(_) | None => string(number),
    }
}

fn closed(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        UnexpectedEof | ConnectionReset | BrokenPipe | ConnectionAborted
    )
}
