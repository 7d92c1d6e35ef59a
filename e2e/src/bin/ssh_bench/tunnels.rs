//! Thirty tunnels of one connection at once, of which nobody reads one: how long the others take.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use e2e::ports;
use e2e::process::pause;

use crate::figures::{median, setting};
use crate::ways::{Way, Ways};

const TUNNELS: usize = 30;
const WITHIN: Duration = Duration::from_secs(60);

/// Ends with its owner.
struct Open(Child);

impl Drop for Open {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub(crate) fn table(ways: &Ways) -> anyhow::Result<String> {
    let (size, rounds) = (
        setting("BENCH_TUNNEL_MIB", 20)?,
        setting("BENCH_ROUNDS", 3)?,
    );
    let bytes = usize::try_from(size << 20)?;
    let from = source(bytes)?;
    let mut times = vec![Vec::new(); ways.all.len()];
    for _ in 0..rounds {
        for (way, times) in ways.all.iter().zip(&mut times) {
            times.push(measure(way, from, bytes)?);
        }
    }
    let mut text = format!(
        "{TUNNELS} tunnels of one connection, {size} MiB down each, one of them read by nobody; until the others are \
         through, the median of {rounds}.\n\n| way | s | of direct |\n|---|---|---|\n"
    );
    let direct = times.first().map_or(f64::NAN, |times| median(times));
    for (way, times) in ways.all.iter().zip(&times) {
        let middle = median(times);
        text += &if middle.is_finite() {
            format!("| {} | {middle:.2} | {:.2}x |\n", way.name, middle / direct)
        } else {
            format!("| {} | not within {} | - |\n", way.name, WITHIN.as_secs())
        };
    }
    Ok(text)
}

/// Sends so much to whoever comes, from this process.
fn source(bytes: usize) -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let piece = vec![7; 1 << 16];
                let mut left = bytes;
                while left > 0 {
                    let part = piece.get(..left.min(piece.len())).unwrap_or_default();
                    if stream.write_all(part).is_err() {
                        return;
                    }
                    left -= part.len();
                }
            });
        }
    });
    Ok(port)
}

/// Seconds; infinite where they do not come through.
fn measure(way: &Way, from: u16, bytes: usize) -> anyhow::Result<f64> {
    let [port] = ports::free()?;
    let forward = format!("127.0.0.1:{port}:127.0.0.1:{from}");
    let mut command = way.ssh(&["-N", "-L", &forward], &[]);
    let tunnel = Open(command.stdout(Stdio::null()).spawn()?);
    let mut stalled = open(port)?;
    let mut first = [0; 1];
    stalled
        .read_exact(&mut first)
        .context("the first byte of the one that stalls")?;
    let began = Instant::now();
    let reading: Vec<_> = (1..TUNNELS)
        .map(|_| std::thread::spawn(move || read(port, bytes)))
        .collect();
    let mut whole = true;
    for thread in reading {
        whole &= matches!(thread.join(), Ok(Ok(true)));
    }
    let took = began.elapsed().as_secs_f64();
    drop(stalled);
    drop(tunnel);
    Ok(if whole { took } else { f64::INFINITY })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the bench is a client of ssh's own port"
)]
fn open(port: u16) -> anyhow::Result<TcpStream> {
    let deadline = Instant::now() + WITHIN;
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(stream) => {
                stream.set_read_timeout(Some(WITHIN))?;
                return Ok(stream);
            }
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Err(_) => pause(),
        }
    }
}

/// Whether all of it came in time.
fn read(port: u16, bytes: usize) -> anyhow::Result<bool> {
    let mut stream = open(port)?;
    let (mut buffer, mut left) = (vec![0; 1 << 16], bytes);
    while left > 0 {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return Ok(false),
            Ok(count) => left -= count.min(left),
        }
    }
    Ok(true)
}
