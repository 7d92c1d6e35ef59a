//! A server that is none: it lets the gateway in, and says at the moment that a test chooses what the test tells it to.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// When it says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// In answer to the SSLRequest, over TCP.
    Encryption,
    /// In answer to the start-up packet.
    Startup,
    /// In answer to the first message of SCRAM, of which the nonce takes the place of `{nonce}`.
    Challenge,
    /// In answer to the proof.
    Proof,
    /// In answer to a Query.
    Query,
}

/// What it says.
#[derive(Debug, Clone)]
pub struct Speech {
    pub when: When,
    pub bytes: Vec<u8>,
}

/// Ends with the process.
pub struct Fake {
    socket: PathBuf,
    port: u16,
    speech: Arc<Mutex<Option<Speech>>>,
}

impl Fake {
    /// Listens on a socket in a folder, and on a port.
    pub fn listen(folder: &Path) -> anyhow::Result<Self> {
        let socket = folder.join("fake.sock");
        let unix = UnixListener::bind(&socket)?;
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let fake = Self {
            socket,
            port: tcp.local_addr()?.port(),
            speech: Arc::default(),
        };
        let speech = fake.speech.clone();
        std::thread::spawn(move || {
            for stream in unix.incoming().flatten() {
                let speech = speech.clone();
                std::thread::spawn(move || drop(serve(stream, &speech)));
            }
        });
        let speech = fake.speech.clone();
        std::thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                let speech = speech.clone();
                std::thread::spawn(move || drop(encrypted(stream, &speech)));
            }
        });
        Ok(fake)
    }

    /// What is said from now on; none is an honest server without tables.
    pub fn says(&self, speech: Option<Speech>) {
        *lock(&self.speech) = speech;
    }

    /// Targets for the configuration: `fake` by the socket, `faketcp` by the port.
    pub fn targets(&self) -> String {
        let (socket, port) = (self.socket.display(), self.port);
        let rest = "databases: [shop]\n      user: shop_gateway\n      password: { file: keys/shop.password }\n";
        format!(
            "targets:\n  fake:\n    labels: []\n    postgres:\n      at:\n        unix: {{ path: {socket} }}\n      {rest}  \
             faketcp:\n    labels: []\n    postgres:\n      at:\n        tcp: {{ host: 127.0.0.1, port: {port}, ca: ca.pem }}\n      {rest}"
        )
    }
}

fn lock(speech: &Mutex<Option<Speech>>) -> MutexGuard<'_, Option<Speech>> {
    speech.lock().unwrap_or_else(PoisonError::into_inner)
}

fn told(speech: &Mutex<Option<Speech>>, when: When) -> Option<Vec<u8>> {
    let told = lock(speech).clone().filter(|speech| speech.when == when);
    told.map(|speech| speech.bytes)
}

/// A message as a server sends it.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(4);
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// Several, one after the other.
pub fn messages(all: &[(u8, &[u8])]) -> Vec<u8> {
    all.iter()
        .flat_map(|(tag, body)| message(*tag, body))
        .collect()
}

fn encrypted(
    mut stream: std::net::TcpStream,
    speech: &Mutex<Option<Speech>>,
) -> anyhow::Result<()> {
    packet(&mut stream)?;
    let answer = told(speech, When::Encryption).unwrap_or_else(|| b"N".to_vec());
    stream.write_all(&answer)?;
    silent(&mut stream);
    Ok(())
}

/// An honest server without tables that asks nobody who they are, within TLS: until the client ends it.
pub fn within_tls(
    mut stream: std::net::TcpStream,
    config: Arc<rustls::ServerConfig>,
) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    packet(&mut stream)?;
    stream.write_all(b"S")?;
    let connection = rustls::ServerConnection::new(config)?;
    let mut stream = rustls::StreamOwned::new(connection, stream);
    packet(&mut stream)?;
    honest(&mut stream, || None)
}

/// The start-up packet, or a message without its tag.
fn packet(stream: &mut impl Read) -> anyhow::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length))?;
    let mut body = vec![0; length.saturating_sub(4)];
    stream.read_exact(&mut body)?;
    Ok(body)
}

/// Hears whatever comes and says nothing more.
fn silent(stream: &mut impl Read) {
    drop(std::io::copy(stream, &mut std::io::sink()));
}

fn serve(
    mut stream: std::os::unix::net::UnixStream,
    speech: &Mutex<Option<Speech>>,
) -> anyhow::Result<()> {
    packet(&mut stream)?;
    if let Some(bytes) = told(speech, When::Startup) {
        stream.write_all(&bytes)?;
        silent(&mut stream);
        return Ok(());
    }
    let challenge = told(speech, When::Challenge);
    let proof = told(speech, When::Proof);
    if challenge.is_some() || proof.is_some() {
        return challenged(&mut stream, challenge, proof);
    }
    honest(&mut stream, || told(speech, When::Query))
}

/// An honest server without tables, behind the start-up packet, until the client ends it; a Query may be answered
/// otherwise.
fn honest(
    stream: &mut (impl Read + Write),
    told: impl Fn() -> Option<Vec<u8>>,
) -> anyhow::Result<()> {
    stream.write_all(&messages(&[
        (b'R', &[0, 0, 0, 0]),
        (b'S', b"standard_conforming_strings\0on\0"),
        (b'S', b"client_encoding\0UTF8\0"),
        (b'K', &[0, 0, 0, 1, 0, 0, 0, 2]),
        (b'Z', b"I"),
    ]))?;
    let mut reads_back = false;
    loop {
        let mut tag = [0];
        stream.read_exact(&mut tag)?;
        let body = packet(stream)?;
        match &tag {
            b"P" => {
                let text = String::from_utf8_lossy(&body).into_owned();
                reads_back = text.contains("current_schemas");
            }
            b"S" => stream.write_all(&own(reads_back))?,
            b"Q" => {
                let honest = messages(&[(b'C', b"SELECT 0\0"), (b'Z', b"I")]);
                let answer = told().unwrap_or(honest);
                stream.write_all(&answer)?;
            }
            b"X" => return Ok(()),
            _ => {}
        }
    }
}

/// The answer to what the gateway itself asks: a role and a path, or a catalogue of nothing.
fn own(reads_back: bool) -> Vec<u8> {
    let row = |number: &[u8], name: &[u8]| {
        let length = |value: &[u8]| u32::try_from(value.len()).unwrap_or(0).to_be_bytes();
        let parts = [&[0, 2][..], &length(number), number, &length(name), name];
        message(b'D', &parts.concat())
    };
    let mut answer = messages(&[(b'1', b""), (b'2', b"")]);
    if reads_back {
        answer.extend(row(b"0", b"shop_gateway"));
        answer.extend(row(b"1", b"pg_catalog"));
        answer.extend(row(b"2", b"public"));
    }
    let end: [(u8, &[u8]); 4] = [
        (b'C', b"SELECT 0\0"),
        (b'3', b""),
        (b'3', b""),
        (b'Z', b"I"),
    ];
    answer.extend(messages(&end));
    answer
}

fn challenged(
    stream: &mut (impl Read + Write),
    challenge: Option<Vec<u8>>,
    proof: Option<Vec<u8>>,
) -> anyhow::Result<()> {
    stream.write_all(&message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"))?;
    let mut tag = [0];
    stream.read_exact(&mut tag)?;
    let first = String::from_utf8_lossy(&packet(stream)?).into_owned();
    let nonce = first.rsplit("r=").next().unwrap_or_default();
    let honest = b"r={nonce}more,s=c2FsdHNhbHRzYWx0c2FsdA==,i=4096".to_vec();
    let text = String::from_utf8_lossy(&challenge.unwrap_or(honest)).replace("{nonce}", nonce);
    stream.write_all(&message(b'R', &[b"\0\0\0\x0b", text.as_bytes()].concat()))?;
    if let Some(bytes) = proof {
        stream.read_exact(&mut tag)?;
        packet(stream)?;
        stream.write_all(&bytes)?;
    }
    silent(stream);
    Ok(())
}
