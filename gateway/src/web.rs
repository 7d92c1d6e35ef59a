//! Serves HTTP routers on a port: TLS where there is a certificate, deadlines for the peer, the peer's address for the door.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use gate::Stream;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::listen::{Serve, stopped};

/// A peer that has not shaken hands, or not sent its headers, by then is dropped.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest request head.
const HEAD: usize = 16 * 1024;

/// One HTTP port.
pub(crate) struct Web {
    router: Router,
    tls: RwLock<Option<Arc<rustls::ServerConfig>>>,
    stop: watch::Receiver<bool>,
}

impl Web {
    pub(crate) fn new(
        router: Router,
        tls: Option<Arc<rustls::ServerConfig>>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            router,
            tls: RwLock::new(tls),
            stop,
        }
    }

    /// Later connections are shown another certificate.
    pub(crate) fn replace_tls(&self, tls: Option<Arc<rustls::ServerConfig>>) {
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = tls;
    }

    async fn speak(&self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: IpAddr) {
        let from = admin::Peer(peer.to_canonical());
        let router = self
            .router
            .clone()
            .map_request(move |mut request: hyper::Request<_>| {
                request.extensions_mut().insert(from);
                request
            });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .max_buf_size(HEAD)
            .serve_connection(TokioIo::new(io), TowerToHyperService::new(router));
        let mut connection = std::pin::pin!(connection);
        let mut stop = self.stop.clone();
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = stopped(&mut stop) => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                // what is being answered is answered to its end
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "an http connection broke off");
        }
    }
}

impl Serve for Web {
    async fn serve(self: Arc<Self>, stream: Stream, peer: IpAddr) {
        let tls = self
            .tls
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(config) = tls else {
            return self.speak(stream, peer).await;
        };
        match tokio::time::timeout(PATIENCE, TlsAcceptor::from(config).accept(stream)).await {
            Ok(Ok(secured)) => self.speak(secured, peer).await,
            Ok(Err(error)) => tracing::debug!(%error, "a tls handshake failed"),
            Err(_) => tracing::debug!("a tls handshake took too long"),
        }
    }
}
