//! The answers of the API as types: the CLI reads what the handlers write.

mod approval;
mod audit;
mod keys;
mod people;
mod replay;
mod session;
mod time;

pub use approval::{Approval, ApprovalDetail, Cast, Decision, Ended, Operation, Required, Verdict};
pub use audit::Checkpoint;
pub use keys::{AddedKey, Key, NewKey};
pub use people::{
    Group, IssuedToken, Kind, Lock, LockKind, Locked, Me, NewLock, NewToken, NewUser, Revoked,
    Token, User,
};
pub use replay::{Line, What};
pub use session::Session;
pub use time::Time;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
