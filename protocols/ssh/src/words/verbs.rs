//! The actions of the vocabulary, each with its one effect.

use gate::words::{Action, Effect};

/// An action of the vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Verb {
    /// The Cedar id of the action in the namespace `Ssh`.
    pub id: &'static str,
    /// The one group it belongs to.
    pub effect: Effect,
}

impl Verb {
    /// The action in the words of policy.
    #[must_use]
    pub const fn action(self) -> Action {
        Action {
            protocol: "ssh",
            id: self.id,
        }
    }

    /// Of a program with this effect.
    pub(super) const fn exec(effect: Effect) -> Self {
        match effect {
            Effect::Read => EXEC_READ,
            Effect::Write => EXEC_WRITE,
            Effect::Admin => EXEC_ADMIN,
            Effect::Unknown => EXEC,
        }
    }
}

macro_rules! verbs {
    ($($effect:ident { $($name:ident = $id:literal,)* })*) => {
        $($(pub(super) const $name: Verb = Verb { id: $id, effect: Effect::$effect };)*)*
        /// Every action of the vocabulary.
        pub const VERBS: &[Verb] = &[$($($name,)*)*];
    };
}

verbs! {
    Read {
        EXEC_READ = "exec_read", SFTP_READ = "sftp_read", SFTP_STAT = "sftp_stat", SFTP_EXTENDED = "sftp_extended",
        SUBSYSTEM = "subsystem", ENV = "env",
    }
    Write {
        EXEC_WRITE = "exec_write", SFTP_WRITE = "sftp_write", SFTP_REMOVE = "sftp_remove",
        SFTP_RENAME = "sftp_rename", SFTP_MKDIR = "sftp_mkdir", SFTP_SETSTAT = "sftp_setstat",
        SFTP_SYMLINK = "sftp_symlink",
    }
    Admin {
        EXEC_ADMIN = "exec_admin", AGENT = "agent", AGENT_SIGN = "agent_sign",
    }
    Unknown {
        EXEC = "exec", SHELL = "shell", SUBSYSTEM_UNKNOWN = "subsystem_unknown",
        FORWARD_LOCAL = "forward_local", FORWARD_REMOTE = "forward_remote", FORWARD_SOCKET = "forward_socket",
        X11 = "x11",
    }
}
