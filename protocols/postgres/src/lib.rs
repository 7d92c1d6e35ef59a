//! PostgreSQL: speaks the wire protocol to clients and servers, and tells policy what each statement means.

mod analyses;
mod answers;
mod cancel;
mod catalog;
mod client;
pub mod config;
pub mod decode;
mod exchange;
mod explain;
mod governed;
mod impact;
mod layout;
pub mod lineage;
pub mod login;
mod look_up;
pub mod mask;
pub mod request;
mod serve;
mod server;
pub mod wire;
mod words;

use gate::{
    Backends, Connection, Endpoint, Error, Gate, Hint, Protocol, Reason, Sample, Target, Unclear,
};

use crate::analyses::Analyses;
use crate::cancel::Cancels;
use crate::config::{At, Backend, Listener};
use crate::exchange::Shared;
use crate::governed::Catalogues;
use crate::request::Asked;

/// A listener that speaks PostgreSQL's protocol 3.
pub struct Postgres {
    pub(crate) listener: Listener,
    pub(crate) backends: Backends<Backend>,
    pub(crate) shared: Shared,
    pub(crate) cancels: Cancels,
}

impl Protocol for Postgres {
    const NAME: &'static str = "postgres";
    const VOCABULARY: &'static str = include_str!("vocabulary.cedarschema");
    type Request = Asked;
    type Listener = Listener;
    type Backend = Backend;

    fn new(listener: Listener, backends: Backends<Backend>) -> Result<Self, Error> {
        let analyses =
            Analyses::start().map_err(|error| Error::Configuration(error.to_string()))?;
        let shared = Shared {
            analyses,
            catalogues: Catalogues::default(),
        };
        Ok(Self {
            listener,
            backends,
            shared,
            cancels: Cancels::default(),
        })
    }

    async fn serve(&self, connection: Connection, gate: Gate) -> Result<(), Error> {
        serve::serve(self, connection, gate).await
    }

    async fn explain(target: &Target<Backend>, sample: Sample) -> Result<Asked, Unclear> {
        explain::explain(target, &sample)
    }

    async fn catalogue(
        target: &Target<Backend>,
        session: gate::Session,
        database: Option<String>,
    ) -> Result<serde_json::Value, Error> {
        look_up::catalogue(target, session, database).await
    }

    fn answer(reason: &Reason) -> serde_json::Value {
        answers::described(reason)
    }

    fn endpoints(backend: &Backend) -> Vec<Endpoint> {
        backend.places().map(At::endpoint).collect()
    }

    fn check(backend: &Backend) -> Result<(), Error> {
        backend.check()
    }

    fn hints(target: &Target<Backend>) -> Vec<Hint> {
        let name = &target.policy.name;
        vec![
            Hint {
                client: "psql",
                text: format!(
                    "psql 'host=HOST port=PORT user=NAME dbname={name} sslmode=verify-full'"
                ),
            },
            Hint {
                client: "jdbc",
                text: format!("jdbc:postgresql://HOST:PORT/{name}?user=NAME&sslmode=verify-full"),
            },
        ]
    }
}
