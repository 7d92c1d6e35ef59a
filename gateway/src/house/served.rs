//! A protocol's port: what serves it is exchanged by a reload, under the connections that are open.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use gate::{Connection, Gate, Registry, Running, Stream};

use super::{Error, server_tls};
use crate::config::Listener;
use crate::listen::{Seats, SeatsWithin, Serve};

/// A protocol's port; a reload exchanges what serves it.
pub(super) struct Served {
    pub(super) now: RwLock<Now>,
    pub(super) seats: Arc<Seats>,
    pub(super) gate: Gate,
}

#[derive(Clone)]
pub(super) struct Now {
    running: Arc<dyn Running>,
    tls: Option<Arc<gate::tls::Server>>,
}

impl Serve for Served {
    async fn serve(self: Arc<Self>, stream: Stream, peer: IpAddr) {
        let Now { running, tls } = self
            .now
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let doorkeeper = Arc::new(SeatsWithin(self.seats.clone()));
        let connection = Connection::new(stream, peer, tls, doorkeeper);
        if let Err(error) = running.serve(connection, self.gate.clone()).await {
            tracing::info!(%peer, %error, "a connection ended");
        }
    }
}

impl Now {
    pub(super) fn of(
        listener: Listener,
        registry: &Registry,
        folder: &Path,
    ) -> Result<Self, Error> {
        let tls = listener
            .tls
            .as_ref()
            .map(|tls| server_tls(tls, folder))
            .transpose()?;
        let running = (listener.entry.new)(listener.settings, registry).map_err(Error::Protocol)?;
        Ok(Self { running, tls })
    }
}
