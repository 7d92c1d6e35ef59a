//! Login: what a client may ask for at start-up, and how the gateway proves itself to a server.

pub mod md5;
pub mod parameters;
pub mod scram;
