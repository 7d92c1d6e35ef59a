//! What a credential lets its holder ask for at all: policy decides only within it.

use crate::lend::What;

/// What of a session's ways in and out is not closed to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Permits {
    pub(crate) terminal: bool,
    /// Tunnels of every kind. The jump to a target is a login of its own and no tunnel.
    pub(crate) forwards: bool,
    pub(crate) agent: bool,
    pub(crate) display: bool,
}

impl Permits {
    /// Of a credential that says nothing of it.
    pub(crate) const ALL: Self = Self {
        terminal: true,
        forwards: true,
        agent: true,
        display: true,
    };

    pub(crate) const NONE: Self = Self {
        terminal: false,
        forwards: false,
        agent: false,
        display: false,
    };

    /// What both permit.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            terminal: self.terminal && other.terminal,
            forwards: self.forwards && other.forwards,
            agent: self.agent && other.agent,
            display: self.display && other.display,
        }
    }

    pub(crate) fn lends(self, what: What) -> bool {
        match what {
            What::Agent => self.agent,
            What::Display => self.display,
        }
    }

    /// As the names of a certificate's extensions.
    pub(crate) fn of_extensions(has: impl Fn(&str) -> bool) -> Self {
        Self {
            terminal: has(TERMINAL),
            forwards: has(FORWARDS),
            agent: has(AGENT),
            display: has(DISPLAY),
        }
    }

    /// The other way round.
    pub(crate) fn extensions(self) -> Vec<&'static str> {
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
