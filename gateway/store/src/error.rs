//! What can go wrong, sorted by who can mend it.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    // the caller's
    #[error(
        "`{0}` is not a name: use 1 to 63 of a-z, 0-9, `.`, `_`, `-`, beginning with a letter or digit"
    )]
    BadName(String),
    #[error("the name `{0}` is reserved")]
    Reserved(String),
    #[error("`{0}` exists already, as user or service")]
    Exists(String),
    #[error("there is no user or service `{0}`")]
    NoAccount(String),
    #[error("`{0}` cannot own a service: only a user can")]
    NotAnOwner(String),
    #[error("there is an admin already; ask them, or use their token")]
    AdminExists,
    #[error("there is no token `{0}`")]
    NoToken(String),
    #[error("`{account}` has {live} live tokens, as many as one may have: revoke one first")]
    TooManyTokens { account: String, live: usize },
    #[error("there is no SSH key `{0}`")]
    NoKey(String),
    #[error("the SSH key `{0}` is registered already: a key belongs to one account only")]
    KeyTaken(String),
    #[error("`{account}` has {live} live SSH keys, as many as one may have: remove one first")]
    TooManyKeys { account: String, live: usize },
    #[error("this is no public key of SSH that can be kept")]
    BadKey,
    #[error("there is no SSH certificate with the serial {0}")]
    NoCertificate(u64),
    #[error("`{account}` has {live} live SSH certificates, as many as one may have")]
    TooManyCertificates { account: String, live: usize },
    #[error("a credential cannot expire before it is issued")]
    ExpiredAtBirth,
    #[error("`{0}` is too long: at most {1} characters")]
    TooLong(&'static str, usize),
    // the operator's
    #[error(
        "the store was written by a newer version of this program (its schema is {found}, this program knows {known}): run the newer one"
    )]
    Newer { found: i64, known: i64 },
    #[error("the schema of the store is not the one that this program made (migration {0})")]
    Altered(i64),
    #[error("the store `{path}` cannot be opened: {cause}")]
    Open { path: PathBuf, cause: String },
    // the store's
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    #[error("the store holds what cannot be read: {0}")]
    Corrupt(String),
}

impl Error {
    /// The store said nothing within its second.
    pub(crate) fn silent() -> Self {
        Self::Unavailable("no answer in time".into())
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                Self::Corrupt(error.to_string())
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
