//! Remembers across restarts: accounts and their tokens, locks, approvals and sessions, embedded in one SQLite file.

mod accounts;
mod checkpoint;
mod directory;
mod error;
mod keeper;
mod keys;
mod ledger;
mod locks;
mod name;
mod open;
mod sessions;
mod token;
mod tokens;

pub use accounts::NewAccount;
pub use checkpoint::KeptCheckpoint;
pub use error::Error;
pub use keys::{KeyRecord, NewKey};
pub use locks::{Lock, Lockable};
pub use name::Name;
pub use open::Store;
pub use sessions::SessionRecord;
pub use token::TokenText;
pub use tokens::{NewToken, Revoked, TokenRecord};
