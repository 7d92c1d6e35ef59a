//! What a protocol is to the gateway: one way in (`serve`) and two pure answers (`explain`, `hints`).

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use erased_serde::Deserializer as Erased;
use policy::digest::Digest;
use policy::operation::Operations;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;

use crate::connection::Connection;
use crate::error::Error;
use crate::gate::Gate;
use crate::request::{self, Rendering, Request, Unclear};
use crate::rules::Mask;
use crate::session::Session;
use crate::targets::{Backends, ErasedTarget, Registry, Target, typed};
use crate::upstream::Endpoint;

/// A protocol crate implements this once; `gateway/src/protocols.rs` has one line for it.
pub trait Protocol: Sized + Send + Sync + 'static {
    /// Also the key in the configuration, the audit log and the metrics.
    const NAME: &'static str;
    /// A Cedar schema fragment of one namespace.
    const VOCABULARY: &'static str;
    /// What `explain` yields; `serve` may use others beside it.
    type Request: Request;
    /// Settings of a port.
    type Listener: DeserializeOwned + JsonSchema + Send + 'static;
    /// Settings of a target.
    type Backend: DeserializeOwned + JsonSchema + Send + Sync + 'static;

    fn new(listener: Self::Listener, backends: Backends<Self::Backend>) -> Result<Self, Error>;
    fn serve(
        &self,
        connection: Connection,
        gate: Gate,
    ) -> impl Future<Output = Result<(), Error>> + Send;
    /// The decoder that `serve` uses, without any backend.
    fn explain(
        target: &Target<Self::Backend>,
        sample: Sample,
    ) -> impl Future<Output = Result<Self::Request, Unclear>> + Send;
    /// What a target holds that changes what requests mean, for `Sample::live`; looked up in a session of whoever explains.
    fn catalogue(
        _: &Target<Self::Backend>,
        _: Session,
        _: Option<String>,
    ) -> impl Future<Output = Result<serde_json::Value, Error>> + Send {
        async { Err(Error::Backend("has no catalogue".into())) }
    }
    /// The native refusal, as `policy explain` shows it.
    fn answer(reason: &crate::decision::Reason) -> serde_json::Value;
    /// Everywhere that a target listens.
    fn endpoints(backend: &Self::Backend) -> Vec<Endpoint>;
    /// What `countersign check` finds wrong with a target's settings: files that cannot be read, values at odds.
    fn check(_: &Self::Backend) -> Result<(), Error> {
        Ok(())
    }
    /// How to connect, per client, ready to paste.
    fn hints(target: &Target<Self::Backend>) -> Vec<Hint>;
}

/// A line for people that connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    pub client: &'static str,
    pub text: String,
}

/// A request to be explained: the protocol's own shape of it, and the session it would meet.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// As CONTRACTS of `policy explain` shape it: a string, or the protocol's object.
    pub request: serde_json::Value,
    pub database: Option<String>,
    /// `search_path`, `role`, `in_transaction`.
    pub session: serde_json::Value,
    /// The target as it is now.
    pub live: Option<Live>,
    /// Every target with where it listens, of whatever protocol.
    pub everywhere: Vec<(policy::target::Target, Vec<Endpoint>)>,
}

/// What `catalogue` told of a target, and what who asks may see there.
#[derive(Clone)]
pub struct Live {
    pub catalogue: Arc<serde_json::Value>,
    pub mask: Arc<Mask>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

/// What `policy explain` needs of a decoded sample.
pub struct Explained {
    pub operations: Result<Arc<Operations>, Unclear>,
    pub digest: Digest,
    pub rendering: Rendering,
}

pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The dyn-safe face of a running protocol.
pub trait Running: Send + Sync {
    fn serve(self: Arc<Self>, connection: Connection, gate: Gate) -> Boxed<Result<(), Error>>;
}

impl<P: Protocol> Running for P {
    fn serve(self: Arc<Self>, connection: Connection, gate: Gate) -> Boxed<Result<(), Error>> {
        Box::pin(async move { Protocol::serve(&*self, connection, gate).await })
    }
}

type Listener = Box<dyn Any + Send>;
type Backend = Arc<dyn Any + Send + Sync>;

/// One line of the table: function pointers to monomorphised code, so that `const PROTOCOLS: &[Entry]` works.
pub struct Entry {
    pub name: &'static str,
    pub vocabulary: &'static str,
    pub listener: fn(&mut dyn Erased<'_>) -> Result<Listener, erased_serde::Error>,
    pub backend: fn(&mut dyn Erased<'_>) -> Result<Backend, erased_serde::Error>,
    pub listener_schema: fn(&mut SchemaGenerator) -> Schema,
    pub backend_schema: fn(&mut SchemaGenerator) -> Schema,
    pub new: New,
    pub explain: fn(ErasedTarget, Sample, Who) -> Boxed<Result<Explained, Unclear>>,
    pub catalogue: LookUp,
    pub answer: fn(&crate::decision::Reason) -> serde_json::Value,
    pub hints: fn(&ErasedTarget) -> Vec<Hint>,
    pub endpoints: fn(&(dyn Any + Send + Sync)) -> Vec<Endpoint>,
    pub check: fn(&(dyn Any + Send + Sync)) -> Result<(), Error>,
}

/// Puts a listener in service.
pub type New = fn(Listener, &Registry) -> Result<Arc<dyn Running>, Error>;

/// Tells what a target holds.
pub type LookUp =
    fn(ErasedTarget, Session, Option<String>) -> Boxed<Result<serde_json::Value, Error>>;

/// Whose digest is explained, `user:ada`.
pub type Who = String;

impl Entry {
    pub const fn of<P: Protocol>() -> Self {
        Self {
            name: P::NAME,
            vocabulary: P::VOCABULARY,
            listener: |d| erased_serde::deserialize::<P::Listener>(d).map(|v| Box::new(v) as _),
            backend: |d| erased_serde::deserialize::<P::Backend>(d).map(|v| Arc::new(v) as _),
            listener_schema: |generator| generator.subschema_for::<P::Listener>(),
            backend_schema: |generator| generator.subschema_for::<P::Backend>(),
            new: |settings, registry| {
                let settings = settings
                    .downcast::<P::Listener>()
                    .map_err(|_| Error::OtherProtocol)?;
                Ok(Arc::new(P::new(*settings, registry.typed())?))
            },
            explain: |target, sample, who| Box::pin(explained::<P>(target, sample, who)),
            catalogue: |target, session, database| {
                Box::pin(async move {
                    let target = typed::<P::Backend>(&target).ok_or(Error::OtherProtocol)?;
                    P::catalogue(&target, session, database).await
                })
            },
            answer: P::answer,
            hints: |target| {
                typed::<P::Backend>(target)
                    .map(|t| P::hints(&t))
                    .unwrap_or_default()
            },
            check: |backend| {
                let backend = backend.downcast_ref::<P::Backend>();
                backend.map_or(Err(Error::OtherProtocol), P::check)
            },
            endpoints: |backend| {
                backend
                    .downcast_ref::<P::Backend>()
                    .map(P::endpoints)
                    .unwrap_or_default()
            },
        }
    }
}

async fn explained<P: Protocol>(
    target: ErasedTarget,
    sample: Sample,
    who: Who,
) -> Result<Explained, Unclear> {
    let Some(target) = typed::<P::Backend>(&target) else {
        return Err(Unclear {
            kind: crate::request::UnclearKind::Unsupported,
            code: "other_protocol",
            message: format!("`{}` speaks another protocol", target.policy.name),
            hint: None,
            at: None,
        });
    };
    let request = P::explain(&target, sample).await?;
    Ok(Explained {
        operations: request.operations().await,
        digest: request::digest(&request, &who, &target.policy.name),
        rendering: request.render(),
    })
}
