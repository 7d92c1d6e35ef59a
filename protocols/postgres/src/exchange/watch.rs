//! Whether the client is still there while a statement waits: nobody reads then what it sends.

use gate::{Duplex, Error, Fault, Gone, Stream};

/// Of one client; costs nothing while nothing waits.
#[derive(Default)]
pub(crate) struct Watch(Option<Gone>);

impl Watch {
    /// Begins or ends. Who cannot be watched, for want of descriptors, cannot wait.
    pub(crate) fn keep(&mut self, held: bool, client: &mut Duplex<Stream>) -> Result<(), Error> {
        let unwatched = |error: std::io::Error| Fault::LedgerUnavailable(error.to_string());
        match (held, &self.0) {
            (true, None) => self.0 = Some(client.io().watch().map_err(unwatched)?),
            (false, Some(_)) => self.0 = None,
            _ => {}
        }
        Ok(())
    }

    /// Once it has gone, if it is watched. Cancel-safe.
    pub(crate) async fn gone(&mut self) {
        match &mut self.0 {
            Some(watch) => watch.wait().await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const WATCHDOG: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_client_is_watched_while_something_waits() {
        let (here, mut client) = UnixStream::pair().unwrap();
        let mut here = Duplex::new(Stream::Unix(here));
        let mut watch = Watch::default();
        client.write_all(b"behind what waits").await.unwrap();
        watch.keep(true, &mut here).unwrap();
        assert!(timeout(SOON, watch.gone()).await.is_err(), "it is there");
        watch.keep(false, &mut here).unwrap();
        drop(client);
        assert!(timeout(SOON, watch.gone()).await.is_err(), "nothing waits");
        // it had gone before the next one began to wait
        watch.keep(true, &mut here).unwrap();
        timeout(WATCHDOG, watch.gone()).await.unwrap();
    }
}
