//! What watches the gateway itself: `/metrics`, `/healthz` and `/readyz`. They tell nothing of people or requests.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gate::Gate;
use prometheus_client::registry::Registry;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone)]
struct Watched {
    gate: Gate,
    registry: Arc<Registry>,
}

pub(crate) fn router(gate: Gate, registry: Registry) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .with_state(Watched {
            gate,
            registry: Arc::new(registry),
        })
}

async fn metrics(State(watched): State<Watched>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &watched.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The process answers.
async fn healthy() -> &'static str {
    "ok\n"
}

/// It takes new sessions, and can record what they do.
async fn ready(State(watched): State<Watched>) -> (StatusCode, &'static str) {
    if watched.gate.draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n");
    }
    match watched.gate.audit().healthy() {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the audit log cannot be written\n",
        ),
    }
}
