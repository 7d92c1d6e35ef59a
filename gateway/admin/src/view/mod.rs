//! The answers of the API as types: the CLI reads what the handlers write.

mod approval;
mod audit;
mod people;
mod replay;
mod session;
mod ssh;
mod time;

pub use approval::{Approval, ApprovalDetail, Cast, Decision, Ended, Operation, Required, Verdict};
pub use audit::Checkpoint;
pub use people::{
    Group, IssuedToken, Kind, Lock, LockKind, Locked, Me, NewLock, NewToken, NewUser, Revoked,
    Token, User,
};
pub use replay::{Line, Passed, What};
pub use session::{NewPause, Session};
pub use ssh::{
    IssuedSshCertificate, NewOwnSshKey, NewSshCertificate, NewSshKey, Ssh, SshCertificate, SshKey,
};
pub use time::Time;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
