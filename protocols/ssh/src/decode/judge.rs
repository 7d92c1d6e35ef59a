//! One simple command: its words, assignments and redirections, and what the program in it does.

use brush_parser::ast::{
    Assignment, AssignmentName, AssignmentValue, CommandPrefixOrSuffixItem, IoFileRedirectKind,
    IoFileRedirectTarget, IoHereDocument, IoRedirect, SimpleCommand, SubshellCommand, Word,
};

use super::argument::Argument;
use super::command::Leaf;
use super::heredoc::certain;
use super::leaf::{Around, Environment, Judged, program_name};
use super::walk::Walk;
use super::word::fold_document;
use super::{programs, tools};

impl Walk {
    pub(super) fn simple(&mut self, simple: &SimpleCommand, around: &Around) {
        let mut around = around.clone();
        let mut redirects = Vec::new();
        let mut assignments = Vec::new();
        let mut argv = Vec::new();
        for item in simple.prefix.iter().flat_map(|prefix| &prefix.0) {
            match item {
                CommandPrefixOrSuffixItem::IoRedirect(redirect) => redirects.push(redirect),
                CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) => {
                    assignments.push((assignment, word));
                }
                CommandPrefixOrSuffixItem::Word(word) => argv.push(self.constant(word, &around)),
                CommandPrefixOrSuffixItem::ProcessSubstitution(_, subshell) => {
                    argv.push(self.process(subshell, &around));
                }
            }
        }
        let program = simple.word_or_name.as_ref();
        let mut environment = Environment::Harmless;
        for (assignment, word) in &assignments {
            environment = environment.max(self.assignment(assignment, word, &around));
        }
        if program.is_some() {
            around.environment = around.environment.max(environment);
        }
        argv.extend(program.map(|word| self.constant(word, &around)));
        for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
            match item {
                CommandPrefixOrSuffixItem::IoRedirect(redirect) => redirects.push(redirect),
                CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) => {
                    if matches!(assignment.value, AssignmentValue::Array(_)) {
                        self.opaque("array", &around);
                    }
                    argv.push(self.constant(word, &around));
                }
                CommandPrefixOrSuffixItem::Word(word) => argv.push(self.constant(word, &around)),
                CommandPrefixOrSuffixItem::ProcessSubstitution(_, subshell) => {
                    argv.push(self.process(subshell, &around));
                }
            }
        }
        let before = self.leaves.len();
        match argv.is_empty() {
            true => self.bare(&assignments, environment, &around),
            false => self.argv(&argv, &around),
        }
        // what runs because of a redirection stands after what is redirected
        let mut made = self.leaves.split_off(before.min(self.leaves.len()));
        self.redirections(&redirects, &mut made, &around);
        let also = self.leaves.split_off(before.min(self.leaves.len()));
        self.leaves.extend(made.into_iter().map(Leaf::settled));
        self.leaves.extend(also);
    }

    /// Assignments or redirections without a program.
    fn bare(
        &mut self,
        assignments: &[(&Assignment, &Word)],
        environment: Environment,
        around: &Around,
    ) {
        let mut judged = Judged::READ;
        for (assignment, _) in assignments {
            if let AssignmentName::VariableName(name) = &assignment.name {
                self.assigned.insert(name.clone());
            }
        }
        if environment != Environment::Harmless {
            judged = Judged::UNKNOWN;
        }
        let program = match assignments {
            [] => ">",
            _ => "=",
        };
        self.push(Leaf::new(program, &[], judged), around);
    }

    fn assignment(&mut self, assignment: &Assignment, word: &Word, around: &Around) -> Environment {
        match (&assignment.name, &assignment.value) {
            (AssignmentName::VariableName(name), AssignmentValue::Scalar(value)) => {
                self.marks += word.value.matches('#').count();
                self.marks = self.marks.saturating_sub(value.value.matches('#').count());
                let value = self.constant(value, around);
                let environment = Environment::of(name);
                match value.dynamic {
                    true => environment.max(Environment::Unknown),
                    false => environment,
                }
            }
            (AssignmentName::ArrayElementName(..), _) | (_, AssignmentValue::Array(_)) => {
                self.opaque("array", around);
                Environment::Dangerous
            }
        }
    }

    /// `<(...)` and `>(...)`: a file whose name only the shell knows.
    fn process(&mut self, subshell: &SubshellCommand, around: &Around) -> Argument {
        let inner = brush_parser::ast::Command::Compound(
            brush_parser::ast::CompoundCommand::Subshell(subshell.clone()),
            None,
        );
        self.command(&inner, around);
        Argument::unknown()
    }

    /// A program and its arguments.
    pub(super) fn argv(&mut self, argv: &[Argument], around: &Around) {
        let Some((first, arguments)) = argv.split_first() else {
            return self.opaque("empty", around);
        };
        let Some(name) = first.exact() else {
            let mut leaf = Leaf::new("*", arguments, Judged::opaque("dynamic"));
            leaf.dynamic = true;
            return self.push(leaf, around);
        };
        let name = program_name(name);
        self.named(name, around);
        if around.peeled > MAX_PEELED {
            return self.opaque("nesting", around);
        }
        let inside = Around {
            peeled: around.peeled + 1,
            ..around.clone()
        };
        if self.wrapper(name, arguments, &inside) {
            return;
        }
        if let Some(tool) = tools::recognised(name, arguments) {
            let mut leaf = Leaf::new(name, arguments, tool.judged);
            leaf.tool = tool.tool;
            return self.push(leaf, around);
        }
        let judged = match arguments.iter().any(|argument| argument.dynamic) {
            // of what it would do with other arguments only the worst is kept
            true => Judged {
                deletes: programs::judged(name, arguments).deletes,
                ..Judged::opaque("dynamic")
            },
            false => programs::judged(name, arguments),
        };
        self.push(Leaf::new(name, arguments, judged), around);
    }

    /// Lays redirections over the leaves that they redirect.
    pub(super) fn redirections(
        &mut self,
        redirects: &[&IoRedirect],
        leaves: &mut [Leaf],
        around: &Around,
    ) {
        for redirect in redirects {
            let files = match redirect {
                IoRedirect::File(_, kind, target) => self.file(kind, target, around),
                IoRedirect::HereDocument(_, document) => self.document(document, around),
                IoRedirect::HereString(_, word) => {
                    let word = self.constant(word, around);
                    told(&word, Files::default)
                }
                IoRedirect::OutputAndError(word, _) => {
                    let word = self.constant(word, around);
                    told(&word, || Files::written(&word))
                }
            };
            let kept: usize = leaves
                .iter()
                .map(|leaf| leaf.reads.len() + leaf.writes.len())
                .sum();
            for leaf in leaves.iter_mut() {
                if kept > MAX_FILES {
                    leaf.cannot_be_told("complexity");
                    continue;
                }
                leaf.reads.extend(files.reads.clone());
                leaf.writes.extend(files.writes.clone());
                if let Some(why) = files.opaque {
                    leaf.cannot_be_told(why);
                }
                leaf.dynamic |= files.opaque == Some("dynamic");
            }
        }
    }

    fn file(
        &mut self,
        kind: &IoFileRedirectKind,
        target: &IoFileRedirectTarget,
        around: &Around,
    ) -> Files {
        let word = match target {
            IoFileRedirectTarget::Fd(_) => return Files::default(),
            IoFileRedirectTarget::Filename(word) | IoFileRedirectTarget::Duplicate(word) => {
                self.constant(word, around)
            }
            IoFileRedirectTarget::ProcessSubstitution(_, subshell) => {
                self.process(subshell, around);
                return Files::opaque("dynamic");
            }
        };
        let number = |text: &str| {
            text.trim_end_matches('-')
                .bytes()
                .all(|b| b.is_ascii_digit())
        };
        match kind {
            IoFileRedirectKind::Read => told(&word, || Files::read(&word)),
            IoFileRedirectKind::DuplicateInput | IoFileRedirectKind::DuplicateOutput
                if word.exact().is_some_and(number) =>
            {
                Files::default()
            }
            IoFileRedirectKind::DuplicateInput => Files::opaque("redirection"),
            IoFileRedirectKind::Write
            | IoFileRedirectKind::Append
            | IoFileRedirectKind::ReadAndWrite
            | IoFileRedirectKind::Clobber
            | IoFileRedirectKind::DuplicateOutput => told(&word, || Files::written(&word)),
        }
    }

    fn document(&mut self, document: &IoHereDocument, around: &Around) -> Files {
        self.marks += document.doc.value.matches('#').count();
        if !certain(&self.source, document) {
            return Files::opaque("document");
        }
        if !document.requires_expansion {
            return Files::default();
        }
        match fold_document(&document.doc.value) {
            Ok(folded) => {
                let text = self.folded(folded, around);
                told(&text, Files::default)
            }
            Err(_) => Files::opaque("quoting"),
        }
    }
}

/// What a redirection opens.
#[derive(Debug, Default)]
struct Files {
    reads: Vec<String>,
    writes: Vec<String>,
    opaque: Option<&'static str>,
}

impl Files {
    fn opaque(why: &'static str) -> Self {
        Self {
            opaque: Some(why),
            ..Self::default()
        }
    }

    fn read(word: &Argument) -> Self {
        Self {
            reads: vec![word.text.clone()],
            ..Self::default()
        }
        .checked()
    }

    fn written(word: &Argument) -> Self {
        match HARMLESS_FILES.contains(&word.text.as_str()) {
            true => Self::default(),
            false => Self {
                writes: vec![word.text.clone()],
                ..Self::default()
            }
            .checked(),
        }
    }

    /// The shell's own names for network connections open no file.
    fn checked(self) -> Self {
        let network =
            |path: &String| path.starts_with("/dev/tcp/") || path.starts_with("/dev/udp/");
        match self.reads.iter().chain(&self.writes).any(network) {
            true => Self {
                opaque: Some("network"),
                ..self
            },
            false => self,
        }
    }
}

fn told(word: &Argument, files: impl FnOnce() -> Files) -> Files {
    match word.dynamic {
        true => Files::opaque("dynamic"),
        false => files(),
    }
}

/// Files of the redirections of one command, counted for each program that has them.
const MAX_FILES: usize = 1024;
/// Wrappers in one another.
const MAX_PEELED: u8 = 16;

const HARMLESS_FILES: &[&str] = &["/dev/null", "/dev/stdout", "/dev/stderr"];
