//! A relay before a port that keeps what comes back over it, byte for byte.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// Ends with the process.
pub struct Tap {
    port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    /// Listens on a port of its own and passes everything on to another one of this machine.
    pub fn before(port: u16) -> anyhow::Result<Self> {
        Self::at(0, port)
    }

    /// The same on a port that was chosen before.
    pub fn at(own: u16, port: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, own))?;
        let tap = Self {
            port: listener.local_addr()?.port(),
            heard: Arc::default(),
        };
        let heard = tap.heard.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                drop(relay(client, port, &heard));
            }
        });
        Ok(tap)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Everything that was sent to the clients so far.
    pub fn heard(&self) -> Vec<u8> {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it stands before the gateway, where clients are"
)]
fn relay(client: TcpStream, port: u16, heard: &Arc<Mutex<Vec<u8>>>) -> anyhow::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        drop(std::io::copy(&mut from_client, &mut to_server));
        drop(to_server.shutdown(Shutdown::Write));
    });
    let (mut from_server, mut to_client) = (server, client);
    let heard = heard.clone();
    std::thread::spawn(move || {
        let mut bytes = [0; 16 << 10];
        while let Ok(read @ 1..) = from_server.read(&mut bytes) {
            let bytes = bytes.get(..read).unwrap_or_default();
            heard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(bytes);
            if to_client.write_all(bytes).is_err() {
                break;
            }
        }
        drop(to_client.shutdown(Shutdown::Both));
    });
    Ok(())
}
