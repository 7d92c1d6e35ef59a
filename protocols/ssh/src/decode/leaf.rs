//! How the leaves of a command line come to be.

use std::collections::BTreeSet;

use super::argument::Argument;
use super::command::Leaf;
use crate::words::Effect;

/// What holds around a program: who runs it, how deep it stands, what its environment does.
#[derive(Debug, Clone, Default)]
pub(super) struct Around {
    pub(super) other_user: Option<String>,
    /// Command lines within command lines.
    pub(super) depth: u8,
    /// Wrappers around wrappers.
    pub(super) peeled: u8,
    pub(super) environment: Environment,
}

/// What assignments before a program mean for it, weakest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Environment {
    #[default]
    Harmless,
    /// Some program may read it.
    Unknown,
    /// It changes which program runs, or what else runs with it.
    Dangerous,
}

/// What a program does with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) effect: Effect,
    pub(super) deletes: bool,
    pub(super) opaque: Option<&'static str>,
}

impl Judged {
    pub(super) const READ: Self = Self::of(Effect::Read);
    pub(super) const WRITE: Self = Self::of(Effect::Write);
    pub(super) const ADMIN: Self = Self::of(Effect::Admin);
    pub(super) const UNKNOWN: Self = Self::of(Effect::Unknown);
    pub(super) const DELETE: Self = Self {
        deletes: true,
        ..Self::WRITE
    };

    const fn of(effect: Effect) -> Self {
        Self {
            effect,
            deletes: false,
            opaque: None,
        }
    }

    pub(super) const fn opaque(why: &'static str) -> Self {
        Self {
            opaque: Some(why),
            ..Self::UNKNOWN
        }
    }
}

impl Environment {
    /// Of a variable that is set before a program.
    pub(super) fn of(name: &str) -> Self {
        let harmless = HARMLESS.contains(&name) || name.starts_with("LC_");
        let dangerous = DANGEROUS.contains(&name)
            || DANGEROUS_BEGINNINGS
                .iter()
                .any(|beginning| name.starts_with(beginning));
        match (harmless, dangerous) {
            (true, _) => Self::Harmless,
            (false, true) => Self::Dangerous,
            (false, false) => Self::Unknown,
        }
    }
}

impl Leaf {
    /// A program whose meaning is told.
    pub(super) fn new(program: &str, arguments: &[Argument], judged: Judged) -> Self {
        let mut line = match program {
            "*" => program.to_owned(),
            _ => Argument::constant(program).quoted(),
        };
        for argument in arguments {
            line.push(' ');
            line.push_str(&argument.quoted());
        }
        let told = arguments.iter().filter(|argument| !argument.dynamic);
        Self {
            program: program.to_owned(),
            line,
            arguments: told.map(|argument| argument.text.clone()).collect(),
            effects: BTreeSet::from([judged.effect]),
            opaque: judged.opaque,
            dynamic: arguments.iter().any(|argument| argument.dynamic),
            patterns: arguments.iter().any(|argument| argument.pattern),
            deletes: judged.deletes,
            other_user: None,
            reads: Vec::new(),
            writes: Vec::new(),
            tool: None,
            altered: false,
            pager: PAGERS.contains(&program)
                && !arguments.iter().any(|word| word.text == "--no-pager"),
        }
    }

    /// Something of which nothing is told but why.
    pub(super) fn opaque(why: &'static str) -> Self {
        Self {
            program: "*".to_owned(),
            line: "*".to_owned(),
            arguments: Vec::new(),
            dynamic: why == "dynamic",
            ..Self::new("*", &[], Judged::opaque(why))
        }
    }

    /// Lays over it what holds around it, and settles its effects.
    pub(super) fn within(mut self, around: &Around) -> Self {
        if let Some(user) = &around.other_user {
            self.other_user = Some(user.clone());
            self.effects.insert(Effect::Admin);
        }
        self.altered = around.environment != Environment::Harmless;
        match around.environment {
            Environment::Harmless => {}
            Environment::Unknown => {
                self.effects.insert(Effect::Unknown);
            }
            Environment::Dangerous => self.cannot_be_told("environment"),
        }
        self.settled()
    }

    pub(super) fn on_terminal(mut self) -> Self {
        if self.pager {
            self.cannot_be_told("pager");
        }
        self.settled()
    }

    /// Of several reasons the first stays, but for one that leaves no doubt about what runs.
    pub(super) fn cannot_be_told(&mut self, why: &'static str) {
        self.opaque = self.opaque.filter(|first| *first != PATTERN).or(Some(why));
    }

    /// An opaque leaf is `unknown`; a read beside anything else says nothing.
    pub(super) fn settled(mut self) -> Self {
        if self.opaque.is_some() {
            self.effects.insert(Effect::Unknown);
        }
        if !self.writes.is_empty() || self.deletes {
            self.effects.insert(Effect::Write);
        }
        if self.effects.len() > 1 {
            self.effects.remove(&Effect::Read);
        }
        self
    }
}

/// The base name of a program in one of the system's folders; any other path stays as it is, for it may be anything.
pub(super) fn program_name(word: &str) -> &str {
    let name = SYSTEM_FOLDERS
        .iter()
        .find_map(|folder| word.strip_prefix(folder));
    name.filter(|name| !name.is_empty() && !name.contains('/'))
        .unwrap_or(word)
}

const SYSTEM_FOLDERS: &[&str] = &[
    "/bin/",
    "/usr/bin/",
    "/sbin/",
    "/usr/sbin/",
    "/usr/local/bin/",
    "/usr/local/sbin/",
];

/// Which files are copied is for the shell to say; what copies them is told.
pub(super) const PATTERN: &str = "pattern";

/// Show what they read in a pager, where their output is a terminal.
const PAGERS: &[&str] = &[
    "git",
    "journalctl",
    "systemctl",
    "hostnamectl",
    "timedatectl",
    "localectl",
    "loginctl",
    "resolvectl",
    "networkctl",
    "apt",
];

const HARMLESS: &[&str] = &[
    "LANG",
    "LANGUAGE",
    "TERM",
    "COLORTERM",
    "TZ",
    "COLUMNS",
    "LINES",
    "NO_COLOR",
    "DEBIAN_FRONTEND",
    "SYSTEMD_COLORS",
];

const DANGEROUS: &[&str] = &[
    "PATH",
    "IFS",
    "ENV",
    "CDPATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "SHELLOPTS",
    "BASHOPTS",
    "PROMPT_COMMAND",
    "PS1",
    "PS4",
    "PAGER",
    "MANPAGER",
    "EDITOR",
    "VISUAL",
    "LESSOPEN",
    "LESSCLOSE",
    "TAR_OPTIONS",
    "GREP_OPTIONS",
    "RSYNC_RSH",
    "NODE_OPTIONS",
    "RUBYOPT",
    "RUBYLIB",
    "GLOBIGNORE",
    "OPTIND",
];

const DANGEROUS_BEGINNINGS: &[&str] = &[
    "LD_", "BASH_", "DYLD_", "PYTHON", "PERL", "GIT_", "SYSTEMD_", "GCONV_", "SSH_",
];
