//! The stand for black box tests and the demo: a throwaway PostgreSQL, the built gateway before it, and its people.

pub mod binary;
pub mod driver;
pub mod environment;
pub mod folder;
pub mod gateway;
pub mod lasting;
pub mod people;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod psql;
pub mod raw;
pub mod settings;
pub mod ssh;
pub mod sshd;
pub mod stand;
pub mod story;
pub mod tap;
pub mod terminal;
pub mod trail;
pub mod watchdog;
pub mod wire;
