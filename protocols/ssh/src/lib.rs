//! SSH: speaks the protocol to clients and servers, and tells policy what each request of a channel asks for.

mod account;
mod address;
mod agent;
mod answers;
mod ask;
mod certificate;
mod channel;
pub mod config;
mod cut;
pub mod decode;
mod decoder;
mod door;
mod environment;
mod explain;
mod face;
mod factors;
mod forward;
mod host;
mod incoming;
mod jump;
mod keys;
mod lend;
mod listen;
mod login;
pub mod mask;
mod permits;
mod places;
mod reach;
pub mod request;
mod running;
mod serve;
mod sftp;
mod started;
mod ticket;
mod told;
mod upstream;
mod visit;
pub mod words;

use std::sync::Arc;

use gate::{
    Backends, Connection, Endpoint, Error, Gate, Hint, Protocol, Reason, Sample, Target, Unclear,
};
use russh::keys::ssh_key::public::KeyData;

use crate::channel::spill::Disk;
use crate::config::{Backend, Buffers, Listener};
use crate::decoder::Decoder;
use crate::factors::Required;
use crate::keys::HostKeys;
use crate::request::Asked;
use crate::serve::Arrival;

/// A listener that speaks SSH.
pub struct Ssh {
    shared: Arc<Shared>,
}

/// What all connections of a listener share.
pub(crate) struct Shared {
    pub(crate) backends: Backends<Backend>,
    pub(crate) keys: HostKeys,
    /// Whose user certificates log in.
    pub(crate) authorities: Vec<KeyData>,
    pub(crate) required: Required,
    pub(crate) decoder: Decoder,
    pub(crate) buffers: Buffers,
    /// What all its channels may keep in files.
    pub(crate) disk: Disk,
    /// Open channels of one connection.
    pub(crate) channels: usize,
}

impl Protocol for Ssh {
    const NAME: &'static str = "ssh";
    const VOCABULARY: &'static str = include_str!("vocabulary.cedarschema");
    type Request = Asked;
    type Listener = Listener;
    type Backend = Backend;

    fn new(listener: Listener, backends: Backends<Backend>) -> Result<Self, Error> {
        let authorities = keys::user_authorities(&listener)?;
        let required = Required::of(listener.require.clone(), !authorities.is_empty())?;
        let shared = Shared {
            backends,
            keys: HostKeys::load(&listener, required.methods(&[]))?,
            authorities,
            required,
            decoder: Decoder::start().map_err(|error| Error::Configuration(error.to_string()))?,
            buffers: listener.buffers,
            disk: Disk::of(listener.buffers.spill_total_bytes),
            channels: listener.channels,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    async fn serve(&self, connection: Connection, gate: Gate) -> Result<(), Error> {
        let arrival = Arrival {
            peer: connection.peer,
            deadline: connection.login_deadline,
            stream: Box::new(connection.stream),
            doorkeeper: connection.doorkeeper,
            jump: None,
        };
        serve::serve(self.shared.clone(), gate, arrival).await
    }

    async fn explain(target: &Target<Backend>, sample: Sample) -> Result<Asked, Unclear> {
        explain::explain(target, &sample).await
    }

    fn answer(reason: &Reason) -> serde_json::Value {
        answers::described(reason)
    }

    fn endpoints(backend: &Backend) -> Vec<Endpoint> {
        vec![backend.endpoint()]
    }

    fn hints(target: &Target<Backend>) -> Vec<Hint> {
        let name = &target.policy.name;
        let login = target.backend.login(None);
        let login = login.map_or("LOGIN", |login| login.name.as_str());
        vec![
            Hint {
                client: "ssh",
                text: format!("ssh -p PORT '{login}@{name}@HOST'"),
            },
            Hint {
                client: "scp",
                text: format!("scp -P PORT FILE '{login}#{name}@HOST:'"),
            },
            Hint {
                client: "ssh -J",
                text: format!("ssh -J NAME@HOST:PORT {login}@{name}"),
            },
        ]
    }
}
