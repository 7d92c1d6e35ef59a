//! A command line as policy sees it: every program in it with what it does, or that this cannot be told.

use std::collections::BTreeSet;

use super::leaf::PATTERN;
use super::walk::Walk;
use crate::words::Effect;

/// The stack that [`command`] needs for the deepest command line that it accepts.
pub const STACK: usize = 4 << 20;

/// A decoded command line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Command {
    /// The exact text; none where it is not UTF-8.
    pub text: Option<String>,
    /// Never empty: what cannot be read at all is one opaque leaf.
    pub leaves: Vec<Leaf>,
    /// Every program that is named, wrappers such as `sudo` and `sh` included.
    pub programs: BTreeSet<String>,
}

/// One program that the command line runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Leaf {
    /// Its name where the system's folders or the shell's search find it, else its path as written; `*` if not told.
    pub program: String,
    /// Program and arguments, quoted where that is needed; an argument that is not told is `*`.
    pub line: String,
    /// The arguments that are told, in order.
    pub arguments: Vec<String>,
    /// What it does to the target; an opaque leaf is `unknown`, whatever else is known of it.
    pub effects: BTreeSet<Effect>,
    /// Why it cannot be told what this does: `dynamic`, `code`, `shell`, `options`, `environment` ...
    pub opaque: Option<&'static str>,
    /// Some word is known only to the target's shell.
    pub dynamic: bool,
    /// Some argument is a file name pattern with a known beginning, or starts at a home folder.
    pub patterns: bool,
    pub deletes: bool,
    /// It runs as another user: which, `*` if not told.
    pub other_user: Option<String>,
    /// Files that its redirections read.
    pub reads: Vec<String>,
    /// Files that its redirections write.
    pub writes: Vec<String>,
    pub tool: Option<Tool>,
    /// A variable is set for it, of which it is not known that it is harmless.
    pub altered: bool,
    /// On a terminal it opens a pager, from which anything can be started.
    pub pager: bool,
}

/// The server side of a tool that copies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tool {
    pub name: ToolName,
    pub direction: Direction,
    /// Paths at the target; the repository for git.
    pub paths: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ToolName {
    Scp,
    Rsync,
    Git,
}

/// As the client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    Upload,
    Download,
}

/// Decodes the command line of an `exec` request, as the target's `sh`, `bash` or `dash` would read it.
///
/// Pure and infallible: what is not understood is opaque. Call it on a thread with a stack of [`STACK`] bytes; how long
/// one may take is bounded by its length, at most 64 KiB.
#[must_use]
pub fn command(bytes: &[u8]) -> Command {
    let text = std::str::from_utf8(bytes).ok().map(str::to_owned);
    let mut walk = Walk::default();
    match &text {
        Some(source) => walk.text(source),
        None => walk.leaves.push(Leaf::opaque("encoding")),
    }
    let (leaves, programs) = walk.finish();
    Command {
        text,
        leaves,
        programs,
    }
}

/// A command line for a target whose login shell is none of those that [`command`] reads: opaque as a whole.
#[must_use]
pub fn other_shell(bytes: &[u8]) -> Command {
    Command {
        text: std::str::from_utf8(bytes).ok().map(str::to_owned),
        leaves: vec![Leaf::opaque("login_shell")],
        programs: BTreeSet::new(),
    }
}

impl Command {
    /// Whether something in it cannot be told.
    #[must_use]
    pub fn opaque(&self) -> bool {
        self.leaves.iter().any(|leaf| leaf.opaque.is_some())
    }

    /// Whether it is nothing but the server sides of tools that copy, and surely those tools: a path that is a pattern is
    /// opaque too, but does not change what runs.
    #[must_use]
    pub fn copies(&self) -> bool {
        let surely = |leaf: &Leaf| !leaf.altered && matches!(leaf.opaque, None | Some(PATTERN));
        self.leaves
            .iter()
            .all(|leaf| leaf.tool.is_some() && surely(leaf))
    }

    /// The same command line where the channel has a terminal: whatever opens a pager is opaque.
    #[must_use]
    pub fn on_terminal(mut self) -> Self {
        self.leaves = self.leaves.into_iter().map(Leaf::on_terminal).collect();
        self
    }
}

impl ToolName {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scp => "scp",
            Self::Rsync => "rsync",
            Self::Git => "git",
        }
    }
}
