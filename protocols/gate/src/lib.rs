//! The door: what every listener is handed, and the only way to a backend.

pub mod scram;
