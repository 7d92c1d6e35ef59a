//! The door: turns a request into `Permitted<Request>`, a hold or a refusal, and is the only way to a backend.

pub mod directory;
pub mod ledger;
pub mod scram;
