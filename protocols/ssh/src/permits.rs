//! What a credential lets its holder ask for at all: policy decides only within it.

use std::sync::Arc;

use bytes::Bytes;

use crate::channel::inbox::Start;
use crate::lend::What;

/// What of a session's ways in and out is not closed to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Permits {
    /// Runs instead of whatever a session asks for.
    pub(crate) forced: Option<Arc<str>>,
    pub(crate) terminal: bool,
    /// Tunnels of every kind. The jump to a target is a login of its own and no tunnel.
    pub(crate) forwards: bool,
    pub(crate) agent: bool,
    pub(crate) display: bool,
}

impl Permits {
    /// Of a credential that says nothing of it.
    pub(crate) const ALL: Self = Self {
        forced: None,
        terminal: true,
        forwards: true,
        agent: true,
        display: true,
    };

    pub(crate) const NONE: Self = Self {
        forced: None,
        terminal: false,
        forwards: false,
        agent: false,
        display: false,
    };

    /// What both permit; nothing where they force different commands.
    pub(crate) fn and(self, other: &Self) -> Option<Self> {
        let forced = match (self.forced, &other.forced) {
            (Some(one), Some(another)) if one != *another => return None,
            (one, another) => one.or_else(|| another.clone()),
        };
        Some(Self {
            forced,
            terminal: self.terminal && other.terminal,
            forwards: self.forwards && other.forwards,
            agent: self.agent && other.agent,
            display: self.display && other.display,
        })
    }

    /// What runs, where a client asks for this.
    pub(crate) fn starts(&self, asked: Start) -> Start {
        match self.forced.as_deref() {
            None => asked,
            // OpenSSH's word for its own SFTP server
            Some("internal-sftp") => Start::Subsystem(crate::sftp::NAME.to_owned()),
            Some(forced) => Start::Exec(Bytes::copy_from_slice(forced.as_bytes())),
        }
    }

    pub(crate) fn lends(&self, what: What) -> bool {
        match what {
            What::Agent => self.agent,
            What::Display => self.display,
        }
    }

    /// As the names of a certificate's extensions.
    pub(crate) fn of_extensions(forced: Option<Arc<str>>, has: impl Fn(&str) -> bool) -> Self {
        Self {
            forced,
            terminal: has(TERMINAL),
            forwards: has(FORWARDS),
            agent: has(AGENT),
            display: has(DISPLAY),
        }
    }

    /// The other way round.
    pub(crate) fn extensions(&self) -> Vec<&'static str> {
        let named = [
            (self.display, DISPLAY),
            (self.agent, AGENT),
            (self.forwards, FORWARDS),
            (self.terminal, TERMINAL),
        ];
        let permitted = named.into_iter().filter(|(permitted, _)| *permitted);
        permitted.map(|(_, name)| name).collect()
    }
}

const TERMINAL: &str = "permit-pty";
const FORWARDS: &str = "permit-port-forwarding";
const AGENT: &str = "permit-agent-forwarding";
const DISPLAY: &str = "permit-X11-forwarding";

#[cfg(test)]
mod tests {
    use super::*;

    fn forced(command: &str) -> Permits {
        Permits {
            forced: Some(command.into()),
            ..Permits::ALL
        }
    }

    #[test]
    fn a_forced_command_stays_whatever_else_is_shown() {
        let one = forced("backup");
        assert_eq!(Permits::ALL.and(&one), Some(one.clone()));
        assert_eq!(one.clone().and(&Permits::ALL), Some(one.clone()));
        assert_eq!(one.clone().and(&forced("backup")), Some(one));
    }

    #[test]
    fn two_commands_cannot_both_be_forced() {
        assert_eq!(forced("backup").and(&forced("restore")), None);
        assert_eq!(forced("backup").and(&forced("")), None);
    }

    #[test]
    fn what_one_does_not_permit_both_do_not() {
        let quiet = Permits {
            terminal: false,
            ..Permits::ALL
        };
        assert_eq!(Permits::ALL.and(&quiet), Some(quiet.clone()));
        assert_eq!(quiet.and(&Permits::NONE), Some(Permits::NONE));
    }
}
