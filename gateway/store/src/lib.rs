//! Remembers across restarts: accounts with their tokens and keys, locks, approvals and sessions, embedded in one SQLite file.

mod accounts;
mod checkpoint;
mod directory;
mod error;
mod keeper;
mod ledger;
mod locks;
mod name;
mod open;
mod sessions;
mod ssh_certificates;
mod ssh_keys;
mod token;
mod tokens;

pub use accounts::NewAccount;
pub use checkpoint::KeptCheckpoint;
pub use error::Error;
pub use locks::{Lock, Lockable};
pub use name::Name;
pub use open::Store;
pub use sessions::SessionRecord;
pub use ssh_certificates::{NewSshCertificate, SshCertificateRecord};
pub use ssh_keys::{NewSshKey, SshKeyRecord};
pub use token::TokenText;
pub use tokens::{NewToken, Revoked, TokenRecord};
