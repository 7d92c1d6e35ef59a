//! SSH by hand, for what no real client would send: packets in the clear, keys agreed on or not, requests one by one.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use crate::ssh_requests::{
    CHANNEL_CONFIRMED, DISCONNECT, ECDH_INIT, KEXINIT, Lists, NEWKEYS, SERVICE_ACCEPT,
    SERVICE_REQUEST, kexinit, open_session, public_key, string,
};

const ID: &str = "SSH-2.0-ByHand";
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
const BLOCK: usize = 16;

/// One connection.
pub struct Wire {
    stream: TcpStream,
    server: String,
    keys: Option<(Sealed, Sealed)>,
    session: Vec<u8>,
}

/// One direction once keys are agreed.
struct Sealed {
    key: LessSafeKey,
    nonce: [u8; 12],
}

/// What this client offers, with some strict key exchange or without.
pub fn lists() -> Lists {
    let cipher = "aes128-gcm@openssh.com";
    let offered = [
        "curve25519-sha256,kex-strict-c-v00@openssh.com",
        "ssh-ed25519",
        cipher,
        cipher,
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ];
    offered.map(str::to_owned).to_vec()
}

impl Wire {
    /// Connected from an address of this machine, nothing said yet.
    pub fn connect(port: u16, from: Ipv4Addr) -> anyhow::Result<Self> {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        bind(&socket, &SocketAddrV4::new(from, 0))?;
        connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
        stream.set_write_timeout(Some(ANSWERS_WITHIN))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            server: String::new(),
            keys: None,
            session: Vec::new(),
        })
    }

    /// Both have said who they are.
    pub fn greeted(port: u16, from: Ipv4Addr) -> anyhow::Result<Self> {
        let mut wire = Self::connect(port, from)?;
        wire.raw(format!("{ID}\r\n").as_bytes())?;
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let mut byte = [0];
            wire.stream.read_exact(&mut byte)?;
            line.extend(byte);
        }
        wire.server = String::from_utf8(line)?.trim_end().to_owned();
        Ok(wire)
    }

    /// Keys are agreed, and the service is asked for.
    pub fn agreed(port: u16, from: Ipv4Addr) -> anyhow::Result<Self> {
        let mut wire = Self::greeted(port, from)?;
        wire.agree()?;
        wire.send(&[&[SERVICE_REQUEST][..], &string(b"ssh-userauth")].concat())?;
        loop {
            match wire.packet()?.first() {
                Some(&SERVICE_ACCEPT) => return Ok(wire),
                // the server tells of its extensions
                Some(&7) => {}
                other => bail!("{other:?} instead of the service"),
            }
        }
    }

    /// The lists that the server offers.
    pub fn offered(&mut self) -> anyhow::Result<Lists> {
        let packet = self.packet()?;
        ensure!(packet.first() == Some(&KEXINIT), "{packet:?}");
        let mut rest = packet.get(17..).context("a cookie")?;
        (0..10)
            .map(|_| Ok(String::from_utf8(take(&mut rest)?.to_vec())?))
            .collect()
    }

    fn agree(&mut self) -> anyhow::Result<()> {
        let ours = kexinit(&lists());
        self.send(&ours)?;
        let theirs = self.packet()?;
        ensure!(theirs.first() == Some(&KEXINIT), "{theirs:?}");
        let random = SystemRandom::new();
        let secret = EphemeralPrivateKey::generate(&X25519, &random)?;
        let public = secret.compute_public_key()?;
        self.send(&[&[ECDH_INIT][..], &string(public.as_ref())].concat())?;
        let reply = self.packet()?;
        let mut rest = reply.get(1..).context("a reply")?;
        let host_key = take(&mut rest)?;
        let peer = take(&mut rest)?;
        let peer = UnparsedPublicKey::new(&X25519, peer);
        let broken = anyhow::anyhow!("no shared secret");
        let shared = agree_ephemeral(secret, peer, broken, |shared| Ok(shared.to_vec()))?;
        let shared = mpint(&shared);
        let hashed = [
            string(ID.as_bytes()),
            string(self.server.as_bytes()),
            string(&ours),
            string(&theirs),
            string(host_key),
            string(public.as_ref()),
            string(peer.bytes()),
            shared.clone(),
        ];
        let hash = digest(&SHA256, &hashed.concat()).as_ref().to_vec();
        self.send(&[NEWKEYS])?;
        let done = self.packet()?;
        ensure!(done == [NEWKEYS], "{done:?}");
        let derived = |letter: u8| {
            let input = [&shared[..], &hash, &[letter], &hash].concat();
            digest(&SHA256, &input).as_ref().to_vec()
        };
        let sealed = |nonce: u8, key: u8| Sealed::new(&derived(nonce), &derived(key));
        self.keys = Some((sealed(b'A', b'C')?, sealed(b'B', b'D')?));
        self.session = hash;
        Ok(())
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// A packet, sealed once keys are agreed.
    pub fn send(&mut self, payload: &[u8]) -> anyhow::Result<()> {
        // in the clear the length counts too
        let counted = payload.len() + if self.keys.is_some() { 1 } else { 5 };
        let padding = BLOCK - counted % BLOCK;
        let padding = if padding < 4 {
            padding + BLOCK
        } else {
            padding
        };
        let mut packet = vec![u8::try_from(padding)?];
        packet.extend_from_slice(payload);
        packet.resize(packet.len() + padding, 0);
        let length = u32::try_from(packet.len())?.to_be_bytes();
        if let Some((sending, _)) = &mut self.keys {
            let nonce = sending.nonce();
            let sealed =
                sending
                    .key
                    .seal_in_place_append_tag(nonce, Aad::from(length), &mut packet);
            sealed.context("sealing")?;
        }
        self.raw(&[&length[..], &packet].concat())
    }

    /// The next packet; an error where the connection ended.
    pub fn packet(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let size = usize::try_from(u32::from_be_bytes(length))?;
        ensure!(size < 1 << 20, "a packet of {size} bytes");
        let tag = if self.keys.is_some() { BLOCK } else { 0 };
        let mut packet = vec![0; size + tag];
        self.stream.read_exact(&mut packet)?;
        if let Some((_, receiving)) = &mut self.keys {
            let nonce = receiving.nonce();
            let opened = receiving
                .key
                .open_in_place(nonce, Aad::from(length), &mut packet);
            opened.context("opening")?;
            packet.truncate(size);
        }
        let padding = usize::from(*packet.first().context("a padding")?);
        let payload = packet.get(1..packet.len().saturating_sub(padding));
        Ok(payload.context("a payload")?.to_vec())
    }

    /// Sends a packet and takes the next one that comes.
    pub fn ask(&mut self, payload: &[u8]) -> anyhow::Result<Vec<u8>> {
        self.send(payload)?;
        self.packet()
    }

    /// Whether the server ends the connection, with its reason or without, before it says anything else.
    pub fn is_ended(&mut self) -> anyhow::Result<bool> {
        match self.packet() {
            Ok(packet) if packet.first() == Some(&DISCONNECT) => Ok(true),
            Ok(packet) => bail!("it said {packet:?}"),
            Err(error) => match error.downcast_ref::<std::io::Error>() {
                Some(error) => Ok(!matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut
                )),
                None => Err(error),
            },
        }
    }

    /// Reads until the connection ends; how many bytes came.
    pub fn drained(&mut self) -> anyhow::Result<usize> {
        let mut count = 0;
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(count),
                Ok(more) => count += more,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(count),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A session channel, by the server's number.
    pub fn session(&mut self) -> anyhow::Result<u32> {
        self.send(&open_session())?;
        loop {
            let packet = self.packet()?;
            if packet.first() == Some(&CHANNEL_CONFIRMED) {
                let number = packet.get(5..9).context("a number")?;
                return Ok(u32::from_be_bytes(number.try_into()?));
            }
        }
    }

    /// A request to log in by a signature of `signer`'s under the name of `shown`.
    pub fn signed(&self, user: &str, shown: &Key, signer: &Key) -> Vec<u8> {
        let request = shown.request(user, true);
        let message = [string(&self.session), request.clone()].concat();
        let signature = signer.0.sign(&message);
        let signature = [string(b"ssh-ed25519"), string(signature.as_ref())].concat();
        [request, string(&signature)].concat()
    }
}

impl Sealed {
    fn new(nonce: &[u8], key: &[u8]) -> anyhow::Result<Self> {
        let key = UnboundKey::new(&AES_128_GCM, key.get(..16).context("a key")?)?;
        let nonce = nonce.get(..12).context("a nonce")?;
        Ok(Self {
            key: LessSafeKey::new(key),
            nonce: nonce.try_into()?,
        })
    }

    /// The last eight bytes count packets.
    fn nonce(&mut self) -> Nonce {
        let now = self.nonce;
        let (_, counter) = self.nonce.split_at_mut(4);
        for byte in counter.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
        Nonce::assume_unique_for_key(now)
    }
}

/// An Ed25519 pair.
pub struct Key(Ed25519KeyPair);

impl Key {
    pub fn make() -> anyhow::Result<Self> {
        Ok(Self(Ed25519KeyPair::generate()?))
    }

    fn blob(&self) -> Vec<u8> {
        let public = self.0.public_key().as_ref();
        [string(b"ssh-ed25519"), string(public)].concat()
    }

    /// As OpenSSH writes it.
    pub fn line(&self) -> String {
        format!("ssh-ed25519 {}\n", STANDARD.encode(self.blob()))
    }

    /// Asks whether it would be taken.
    pub fn offer(&self, user: &str) -> Vec<u8> {
        self.request(user, false)
    }

    fn request(&self, user: &str, signed: bool) -> Vec<u8> {
        public_key(user, "ssh-ed25519", &self.blob(), signed)
    }
}

fn mpint(bytes: &[u8]) -> Vec<u8> {
    let zeroes = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = bytes.get(zeroes..).unwrap_or_default();
    let negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
    let sign: &[u8] = if negative { &[0] } else { &[] };
    string(&[sign, bytes].concat())
}

fn take<'a>(rest: &mut &'a [u8]) -> anyhow::Result<&'a [u8]> {
    let (length, behind) = rest.split_first_chunk::<4>().context("a length")?;
    let length = usize::try_from(u32::from_be_bytes(*length))?;
    let (taken, behind) = behind.split_at_checked(length).context("its bytes")?;
    *rest = behind;
    Ok(taken)
}
