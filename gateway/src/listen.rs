//! Accepts connections. The accept loop never waits for a peer: each connection is a task with caps and a deadline.

mod doorway;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gate::failpoint::{self, Step};
use gate::{Doorkeeper, Stream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{Address, Caps};

use doorway::Doorway;

/// After accepting failed, such as for want of descriptors, the loop rests so long.
const REST: Duration = Duration::from_millis(50);

/// What serves one connection to its end.
pub(crate) trait Serve: Send + Sync + 'static {
    fn serve(self: Arc<Self>, stream: Stream, peer: IpAddr) -> impl Future<Output = ()> + Send;
}

/// A bound port, not served yet: what cannot be bound is known before anything starts.
pub(crate) struct Port {
    doorway: Doorway,
    seats: Arc<Seats>,
}

impl Port {
    pub(crate) async fn bind(address: &Address, caps: Caps) -> std::io::Result<Self> {
        Ok(Self {
            doorway: Doorway::bind(address).await?,
            seats: Arc::new(Seats::new(caps)),
        })
    }

    /// Takes new caps; who is seated already stays.
    pub(crate) fn seats(&self) -> Arc<Seats> {
        self.seats.clone()
    }

    /// Accepts until `stop` says so, then waits for the connections that are open.
    pub(crate) async fn run<S: Serve>(self, serve: Arc<S>, mut stop: watch::Receiver<bool>) {
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                Some(_) = open.join_next(), if !open.is_empty() => {}
                accepted = self.doorway.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let Some(seat) = Seats::take(&self.seats, peer) else {
                            tracing::debug!(%peer, "connection refused: no seat left");
                            continue;
                        };
                        let serve = serve.clone();
                        open.spawn(async move {
                            failpoint::pass(Step::Accepted);
                            serve.serve(stream, peer).await;
                            drop(seat);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(REST).await;
                    }
                },
            }
        }
        // nobody is accepted any more; the gate's drain ends what is open
        drop(self.doorway);
        while open.join_next().await.is_some() {}
    }
}

/// Resolves once the ports are to be closed; cancel-safe.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // the sender's going is a stop as well
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Counts connections, in all and by source.
pub(crate) struct Seats {
    caps: Mutex<Caps>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: u32,
    by_source: HashMap<IpAddr, u32>,
}

/// One connection's seat, given back when dropped.
pub(crate) struct Seat {
    seats: Arc<Seats>,
    source: IpAddr,
}

impl Seats {
    fn new(caps: Caps) -> Self {
        Self {
            caps: Mutex::new(caps),
            taken: Mutex::default(),
        }
    }

    pub(crate) fn replace_caps(&self, caps: Caps) {
        *lock(&self.caps) = caps;
    }

    /// `None` where all seats, or all of this source, are taken.
    fn take(seats: &Arc<Self>, source: IpAddr) -> Option<Seat> {
        let caps = *lock(&seats.caps);
        let source = network(source);
        let mut taken = lock(&seats.taken);
        if taken.all >= caps.connections {
            return None;
        }
        let count = taken.by_source.entry(source).or_default();
        if *count >= caps.connections_per_source {
            return None;
        }
        *count += 1;
        taken.all += 1;
        drop(taken);
        Some(Seat {
            seats: seats.clone(),
            source,
        })
    }
}

/// The same seats for connections that others carry.
pub(crate) struct SeatsWithin(pub(crate) Arc<Seats>);

impl Doorkeeper for SeatsWithin {
    fn seat(&self, source: IpAddr) -> Option<Box<dyn Send>> {
        Some(Box::new(Seats::take(&self.0, source)?))
    }

    fn login_within(&self) -> Duration {
        Duration::from_secs(lock(&self.0.caps).login_seconds.into())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = lock(&self.seats.taken);
        taken.all = taken.all.saturating_sub(1);
        if let Some(count) = taken.by_source.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                taken.by_source.remove(&self.source);
            }
        }
    }
}

/// A host owns a whole IPv6 /64, so that is what counts as one source.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(prefix.into())
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpStream;

    fn seats(connections: u32, connections_per_source: u32) -> Arc<Seats> {
        Arc::new(Seats::new(Caps {
            connections,
            connections_per_source,
            login_seconds: 1,
        }))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn seats_are_counted_by_source_and_in_all() {
        let seats = seats(3, 2);
        let first = Seats::take(&seats, address("10.0.0.1")).unwrap();
        let _second = Seats::take(&seats, address("::ffff:10.0.0.1")).unwrap();
        assert!(Seats::take(&seats, address("10.0.0.1")).is_none());
        let _third = Seats::take(&seats, address("10.0.0.2")).unwrap();
        assert!(Seats::take(&seats, address("10.0.0.3")).is_none());
        drop(first);
        assert!(Seats::take(&seats, address("10.0.0.1")).is_some());
        assert_eq!(lock(&seats.taken).by_source.len(), 2);
    }

    #[test]
    fn a_source_is_a_whole_ipv6_network() {
        let seats = seats(10, 1);
        let _one = Seats::take(&seats, address("2001:db8::1")).unwrap();
        assert!(Seats::take(&seats, address("2001:db8::ffff:2")).is_none());
        assert!(Seats::take(&seats, address("2001:db8:0:1::1")).is_some());
    }

    struct Silent(watch::Sender<u32>);

    impl Serve for Silent {
        async fn serve(self: Arc<Self>, stream: Stream, _: IpAddr) {
            self.0.send_modify(|count| *count += 1);
            // a peer that says nothing
            if let Stream::Plain(stream) = stream {
                let _ = stream.readable().await;
            }
        }
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the test is the peer")]
    async fn silent_peers_hold_up_nobody_and_a_stop_waits_for_them() {
        let caps = Caps {
            connections: 2,
            ..Caps::default()
        };
        let port = Port::bind(&"127.0.0.1:0".parse().unwrap(), caps)
            .await
            .unwrap();
        let Doorway::Tcp(listener) = &port.doorway else {
            panic!("no TCP");
        };
        let to = listener.local_addr().unwrap();
        let (stop, stopping) = watch::channel(false);
        let served = Arc::new(Silent(watch::Sender::new(0)));
        let mut count = served.0.subscribe();
        let running = tokio::spawn(port.run(served, stopping));

        let one = TcpStream::connect(to).await.unwrap();
        let two = TcpStream::connect(to).await.unwrap();
        count.wait_for(|count| *count == 2).await.unwrap();
        // the third has no seat and is closed at once
        let mut third = TcpStream::connect(to).await.unwrap();
        let mut byte = [0];
        assert!(matches!(
            tokio::io::AsyncReadExt::read(&mut third, &mut byte).await,
            Ok(0) | Err(_)
        ));

        stop.send(true).unwrap();
        assert!(!running.is_finished());
        drop((one, two));
        running.await.unwrap();
    }
}
