//! PostgreSQL: speaks the wire protocol to clients and servers, and tells policy what each statement means.

pub mod wire;
