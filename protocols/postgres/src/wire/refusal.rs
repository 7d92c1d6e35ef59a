//! Every refusal in PostgreSQL's own words: one place says which SQLSTATE, message, detail and hint each one has.

use std::borrow::Cow;

use bytes::Bytes;

use super::Malformed;
use super::backend::Fields;
use super::write::client::{Report, error_response};

/// Why something is not done. Those that end the session say so by their severity, see [`Refusal::ends_session`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// By policy; without a policy, because none permits it.
    Denied {
        policy: Option<String>,
        request: String,
        hint: Option<String>,
    },
    /// A person said no.
    Refused {
        approval: String,
        by: String,
        reason: Option<String>,
    },
    /// Nobody answered in time.
    Expired {
        approval: String,
    },
    /// Nobody waits: the question stays open for whoever sends the same again.
    Ticket {
        approval: String,
        /// Who is asked, in words.
        asked: String,
        /// When it ends, as text.
        until: String,
    },
    /// The approval was there, and another retry was released by it.
    Spent {
        approval: String,
    },
    /// The client cancelled before it was judged.
    Cancelled,
    /// The client cancelled while it waited.
    Withdrawn {
        approval: String,
    },
    /// The statement's meaning could not be established.
    Unclear {
        reason: String,
        request: String,
    },
    /// The grammar takes no such text.
    Syntax {
        request: String,
    },
    /// A mask cannot be kept truthfully in a result of this shape.
    Masking {
        reason: String,
        hint: String,
    },
    /// Not spoken here yet, such as COPY FROM STDIN: `what` says so.
    NotSupported {
        what: String,
        hint: Option<String>,
    },
    /// A question too many, or a text too long: `what` says which limit it is over.
    OverLimit {
        what: String,
        hint: Option<String>,
    },
    /// The gateway itself could not do its work (audit log, store); the session lives on.
    GatewayFault {
        request: Option<String>,
    },

    /// The client broke the protocol.
    Malformed(Malformed),
    /// A StartupMessage in plaintext.
    Plaintext,
    NoUser,
    UnsupportedVersion {
        major: u16,
        minor: u16,
    },
    /// A startup parameter or option that is not on the list.
    Parameter {
        name: String,
    },
    /// A startup parameter whose value is not taken.
    Value {
        name: String,
        hint: &'static str,
    },
    LoginFailed {
        user: String,
    },
    /// Who asked may not connect, or there is no such target: both look the same from outside.
    NotConnected {
        target: String,
    },
    TooManyConnections,
    LoginTimeout,
    /// The server cannot be reached, or does not let the gateway in.
    NotEntered {
        why: String,
    },
    /// The server cannot be reached, or broke the protocol.
    UpstreamLost,
    /// The session was locked or killed.
    Killed,
    /// The gateway is going down.
    Drain,
}

/// What a refusal says.
pub struct Words {
    fatal: bool,
    pub sqlstate: &'static str,
    pub message: Cow<'static, str>,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

impl Refusal {
    /// The ErrorResponse, ready to be sent.
    pub fn encode(&self) -> Bytes {
        let words = self.words();
        error_response(&Report {
            severity: if words.fatal { "FATAL" } else { "ERROR" },
            sqlstate: words.sqlstate,
            message: &words.message,
            detail: words.detail.as_deref().unwrap_or_default(),
            hint: words.hint.as_deref().unwrap_or_default(),
            position: None,
        })
    }

    /// What the client is told in place of the server's answer to a substituted message.
    ///
    /// `None`: the server's own words are to be relayed, for they say something truer: the transaction had already failed
    /// (25P02), or the server ends the session.
    pub fn rewrite(&self, answer: &Fields<'_>) -> Option<Bytes> {
        let own_words = answer.sqlstate() == Some(IN_FAILED_TRANSACTION) || answer.is_fatal();
        (!own_words).then(|| self.encode())
    }

    /// What the ErrorResponse will say, field by field.
    pub fn described(&self) -> Words {
        self.words()
    }

    pub fn sqlstate(&self) -> &'static str {
        self.words().sqlstate
    }

    /// The connection is closed after this.
    pub fn ends_session(&self) -> bool {
        self.words().fatal
    }

    /// Of one statement: never 40001 or 40P01, which drivers retry, nor 08xxx or 57P0x, which make pools hang up.
    #[expect(clippy::too_many_lines, reason = "names every refusal")]
    fn words(&self) -> Words {
        match self {
            Self::Denied {
                policy,
                request,
                hint,
            } => match policy {
                Some(policy) => Words::error("42501", format!("denied by policy \"{policy}\"")),
                None => Words::error("42501", "denied: no policy permits this"),
            }
            .detail(named(request))
            .hint(hint.clone()),
            Self::Refused {
                approval,
                by,
                reason,
            } => Words::error(
                "42501",
                format!("approval request {approval} was refused by {by}"),
            )
            .detail(reason.as_ref().map(|reason| format!("reason: {reason}"))),
            Self::Expired { approval } => {
                Words::error("42501", format!("approval request {approval} expired"))
                    .advice("nobody answered in time; nothing was executed")
            }
            Self::Ticket {
                approval,
                asked,
                until,
            } => Words::error(
                "42501",
                format!("approval request {approval} is pending: {asked}"),
            )
            .detail(Some(format!("approval_id={approval} state=pending")))
            .hint(Some(format!(
                "nothing was executed; once it is approved, send exactly the same again before {until}. Show it with: countersign approvals show {approval}"
            ))),
            Self::Spent { approval } => Words::error(
                "42501",
                format!("approval request {approval} was used by another retry"),
            )
            .detail(Some(format!("approval_id={approval} state=used")))
            .advice("an approval is used once; send the statement again to ask anew"),
            Self::Cancelled => {
                Words::error("57014", "canceling statement due to user request")
            }
            Self::Withdrawn { approval } => Words::error(
                "57014",
                format!("canceling statement: approval request {approval} withdrawn"),
            ),
            Self::Unclear { reason, request } => {
                Words::error("42501", format!("denied: {reason}")).detail(named(request))
            }
            Self::Syntax { request } => Words::error(
                "42601",
                "syntax error: the statement could not be understood",
            )
            .detail(named(request))
            .advice("what PostgreSQL's grammar does not take is not passed on"),
            Self::Masking { reason, hint } => {
                Words::error("0A000", format!("cannot be masked: {reason}"))
                    .hint(Some(hint.clone()))
            }
            Self::NotSupported { what, hint } => {
                Words::error("0A000", what.clone()).hint(hint.clone())
            }
            Self::OverLimit { what, hint } => {
                Words::error("54000", what.clone()).hint(hint.clone())
            }
            Self::GatewayFault { request } => {
                Words::error("58000", "the gateway could not carry out this request")
                    .detail(request.as_ref().map(|request| format!("request {request}")))
                    .advice("nothing was executed; the gateway's diagnostics name the cause")
            }
            Self::Malformed(malformed) => Words::fatal("08P01", malformed.to_string()),
            Self::Plaintext => Words::fatal("28000", "unencrypted connections are refused")
                .advice("connect with sslmode=verify-full"),
            Self::NoUser => Words::fatal("28000", "no user name specified in startup packet"),
            Self::UnsupportedVersion { major, minor } => Words::fatal(
                "0A000",
                format!(
                    "unsupported frontend protocol {major}.{minor}: the gateway supports 3.0 to 3.2"
                ),
            ),
            Self::Parameter { name } => Words::fatal(
                "0A000",
                format!(
                    "startup parameter \"{}\" is not supported by this gateway",
                    shown(name)
                ),
            ),
            Self::Value { name, hint } => Words::fatal(
                "0A000",
                format!(
                    "this value of startup parameter \"{}\" is not supported by this gateway",
                    shown(name)
                ),
            )
            .advice(hint),
            Self::LoginFailed { user } => Words::fatal(
                "28P01",
                format!(
                    "password authentication failed for user \"{}\"",
                    shown(user)
                ),
            )
            .advice("the password is an access token"),
            Self::NotConnected { target } => Words::fatal(
                "42501",
                format!("permission denied to connect to \"{}\"", shown(target)),
            )
            .advice("the database name is TARGET or TARGET/DATABASE"),
            Self::TooManyConnections => Words::fatal("53300", "too many connections"),
            Self::LoginTimeout => Words::fatal("57014", "canceling authentication due to timeout"),
            Self::NotEntered { why } => {
                Words::fatal("58000", "the gateway could not enter the server")
                    .detail(Some(why.clone()))
                    .advice("ask an administrator; the gateway's diagnostics say more")
            }
            Self::UpstreamLost => Words::fatal("58000", "the gateway lost the server"),
            Self::Killed => Words::fatal(
                "57P01",
                "terminating connection due to administrator command",
            ),
            Self::Drain => Words::fatal(
                "57P01",
                "terminating connection: the gateway is shutting down",
            ),
        }
    }
}

impl Words {
    fn new(fatal: bool, sqlstate: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            fatal,
            sqlstate,
            message: message.into(),
            detail: None,
            hint: None,
        }
    }

    fn error(sqlstate: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(false, sqlstate, message)
    }

    fn fatal(sqlstate: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(true, sqlstate, message)
    }

    fn detail(self, detail: Option<String>) -> Self {
        Self { detail, ..self }
    }

    fn hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }

    fn advice(self, hint: &str) -> Self {
        self.hint(Some(hint.to_owned()))
    }
}

const IN_FAILED_TRANSACTION: &[u8] = b"25P02";

/// A client's own word, short and without control characters, for it also ends up in other programs' logs.
fn shown(word: &str) -> String {
    word.chars()
        .filter(|character| !character.is_control())
        .take(63)
        .collect()
}

/// The request by its id in the audit log; nothing where it has none, as in an explanation.
fn named(request: &str) -> Option<String> {
    (!request.is_empty()).then(|| format!("request {request}"))
}
