//! Free ports on 127.0.0.1, taken from below the range that outgoing connections use.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::bail;

const FIRST: u16 = 18_000;
const LAST: u16 = 31_000;

/// `N` different ports that nobody listens on now; all are tried before any is let go.
pub fn free<const N: usize>() -> anyhow::Result<[u16; N]> {
    let mut held: Vec<(u16, TcpListener)> = Vec::with_capacity(N);
    for attempt in 0_u32..10_000 {
        if held.len() == N {
            break;
        }
        let random = RandomState::new().hash_one(attempt);
        let port = FIRST + u16::try_from(random % u64::from(LAST - FIRST))?;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push((port, listener));
        }
    }
    match <[u16; N]>::try_from(held.iter().map(|(port, _)| *port).collect::<Vec<_>>()) {
        Ok(ports) => Ok(ports),
        Err(_) => bail!("no free port between {FIRST} and {LAST} on 127.0.0.1"),
    }
}
