//! The admin REST API: what people, the CLI and bots do beside the wire; every route names the rule it asks.

pub mod door;
pub mod input;
mod problem;
mod routes;
mod ssh;
mod state;
pub mod view;

pub use problem::Problem;
pub use routes::router;
pub use ssh::{Ssh, SshError};
pub use state::{Admin, LookUp, LookedUp, Peer, Recordings};
