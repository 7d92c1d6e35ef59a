//! Walks a parsed command line: every pipeline, list, block, function, redirection and substitution of it.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use brush_parser::ast::{
    AndOr, Command, CompoundCommand, CompoundList, ExtendedTestExpr, FunctionBody, IoRedirect,
    Program, RedirectList, Word,
};
use brush_parser::{ParserOptions, parse_tokens, uncached_tokenize_str};
use tracing::subscriber::{NoSubscriber, with_default};

use super::argument::Argument;
use super::command::Leaf;
use super::cost::bearable;
use super::leaf::{Around, Environment, Judged, program_name};
use super::scan::readable;
use super::word::{Folded, fold};

/// The leaves found so far, and what must hold for all of them together.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) leaves: Vec<Leaf>,
    pub(super) programs: BTreeSet<String>,
    /// There are more leaves than are kept, which is a leaf of its own.
    full: bool,
    /// Names of functions that the text defines.
    functions: BTreeSet<String>,
    /// Variables that the text sets for the shell itself.
    pub(super) assigned: BTreeSet<String>,
    /// Some word holds what the login sets.
    pub(super) symbolic: bool,
    /// The text that is walked.
    pub(super) source: String,
    /// How many `#` stand in the words that the parser found in it.
    pub(super) marks: usize,
}

impl Walk {
    pub(super) fn text(&mut self, source: &str) {
        self.script(source, &Around::default());
    }

    /// A command line, or one within another.
    pub(super) fn script(&mut self, source: &str, around: &Around) {
        if around.depth > MAX_DEPTH {
            return self.opaque("nesting", around);
        }
        let program = match readable(source).and_then(parse) {
            Ok(program) => program,
            Err(why) => return self.opaque(why, around),
        };
        let before = self.leaves.len();
        let outer = (
            std::mem::replace(&mut self.source, source.to_owned()),
            std::mem::take(&mut self.marks),
        );
        for list in &program.complete_commands {
            self.list(list, around);
        }
        // a comment for the parser might be none for the shell
        if self.marks != marks(source) {
            self.opaque("comment", around);
        }
        (self.source, self.marks) = outer;
        if self.leaves.len() == before {
            self.opaque("empty", around);
        }
    }

    /// The leaves, after what only the whole text shows.
    pub(super) fn finish(mut self) -> (Vec<Leaf>, BTreeSet<String>) {
        let around = Around::default();
        if !self.functions.is_disjoint(&self.programs) {
            self.opaque("function", &around);
        }
        let sets_symbols = ["HOME", "USER", "LOGNAME"]
            .iter()
            .any(|name| self.assigned.contains(*name))
            || ASSIGNING.iter().any(|name| self.programs.contains(*name));
        if self.symbolic && sets_symbols {
            self.opaque("environment", &around);
        }
        let unknown = |name: &String| Environment::of(name) != Environment::Harmless;
        if self.assigned.iter().any(unknown) {
            // what is set already may be exported
            self.leaves.iter_mut().for_each(|leaf| leaf.altered = true);
        }
        let dangerous = |name: &String| Environment::of(name) == Environment::Dangerous;
        if self.assigned.iter().any(dangerous) {
            self.opaque("environment", &around);
        }
        (self.leaves, self.programs)
    }

    pub(super) fn opaque(&mut self, why: &'static str, around: &Around) {
        self.push(Leaf::opaque(why), around);
    }

    pub(super) fn push(&mut self, leaf: Leaf, around: &Around) {
        if self.leaves.len() < MAX_LEAVES {
            self.leaves.push(leaf.within(around));
        } else if !self.full {
            self.full = true;
            self.leaves.push(Leaf::opaque("complexity").within(around));
        }
    }

    /// A program that is named; of more than can be listed the rest stays unnamed.
    pub(super) fn named(&mut self, program: &str, around: &Around) {
        match self.programs.len() {
            0..MAX_LEAVES => _ = self.programs.insert(program.to_owned()),
            _ if self.programs.contains(program) => {}
            _ => self.opaque("complexity", around),
        }
    }

    fn list(&mut self, list: &CompoundList, around: &Around) {
        for item in &list.0 {
            let more = item.0.additional.iter().map(|next| match next {
                AndOr::And(pipeline) | AndOr::Or(pipeline) => pipeline,
            });
            for pipeline in std::iter::once(&item.0.first).chain(more) {
                for command in &pipeline.seq {
                    self.command(command, around);
                }
            }
        }
    }

    pub(super) fn command(&mut self, command: &Command, around: &Around) {
        match command {
            Command::Simple(simple) => self.simple(simple, around),
            Command::Compound(compound, redirects) => {
                self.compound(compound, around);
                self.redirected(redirects.as_ref(), around);
            }
            Command::Function(function) => {
                self.constant(&function.fname, around);
                self.functions
                    .insert(program_name(&function.fname.value).to_owned());
                let FunctionBody(body, redirects) = &function.body;
                self.compound(body, around);
                self.redirected(redirects.as_ref(), around);
            }
            Command::ExtendedTest(test, redirects) => {
                let mut words = Vec::new();
                self.test(&test.expr, &mut words, around);
                self.named("[[", around);
                let judged = match words.iter().any(|word| word.dynamic) {
                    true => Judged::opaque("dynamic"),
                    false => Judged::READ,
                };
                self.push(Leaf::new("[[", &words, judged), around);
                self.redirected(redirects.as_ref(), around);
            }
        }
    }

    fn compound(&mut self, compound: &CompoundCommand, around: &Around) {
        match compound {
            CompoundCommand::Arithmetic(_) | CompoundCommand::ArithmeticForClause(_) => {
                self.opaque("arithmetic", around);
                if let CompoundCommand::ArithmeticForClause(clause) = compound {
                    self.list(&clause.body.list, around);
                }
            }
            CompoundCommand::BraceGroup(group) => self.list(&group.list, around),
            CompoundCommand::Subshell(subshell) => self.list(&subshell.list, around),
            CompoundCommand::ForClause(clause) => {
                self.assigned.insert(clause.variable_name.clone());
                for value in clause.values.iter().flatten() {
                    self.constant(value, around);
                }
                self.list(&clause.body.list, around);
            }
            CompoundCommand::CaseClause(clause) => {
                self.constant(&clause.value, around);
                for case in &clause.cases {
                    for pattern in &case.patterns {
                        self.constant(pattern, around);
                    }
                    if let Some(list) = &case.cmd {
                        self.list(list, around);
                    }
                }
            }
            CompoundCommand::IfClause(clause) => {
                self.list(&clause.condition, around);
                self.list(&clause.then, around);
                for other in clause.elses.iter().flatten() {
                    if let Some(condition) = &other.condition {
                        self.list(condition, around);
                    }
                    self.list(&other.body, around);
                }
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.list(&clause.0, around);
                self.list(&clause.1.list, around);
            }
            CompoundCommand::Coprocess(coprocess) => {
                self.opaque("coprocess", around);
                self.command(&coprocess.body, around);
            }
        }
    }

    fn test(&mut self, test: &ExtendedTestExpr, words: &mut Vec<Argument>, around: &Around) {
        match test {
            ExtendedTestExpr::And(left, right) | ExtendedTestExpr::Or(left, right) => {
                self.test(left, words, around);
                self.test(right, words, around);
            }
            ExtendedTestExpr::Not(inner) | ExtendedTestExpr::Parenthesized(inner) => {
                self.test(inner, words, around);
            }
            ExtendedTestExpr::UnaryTest(_, word) => words.push(self.constant(word, around)),
            ExtendedTestExpr::BinaryTest(_, left, right) => {
                words.push(self.constant(left, around));
                words.push(self.constant(right, around));
            }
        }
    }

    /// The redirections of a block, as a leaf of their own.
    fn redirected(&mut self, redirects: Option<&RedirectList>, around: &Around) {
        let list: Vec<&IoRedirect> = redirects.iter().flat_map(|list| &list.0).collect();
        if list.is_empty() {
            return;
        }
        let mut leaf = Leaf::new(">", &[], Judged::READ);
        self.redirections(&list, std::slice::from_mut(&mut leaf), around);
        self.push(leaf, around);
    }

    /// What a word of the text is; the commands that run to make it are leaves.
    pub(super) fn constant(&mut self, word: &Word, around: &Around) -> Argument {
        self.marks += word.value.matches('#').count();
        match fold(&word.value) {
            Ok(folded) => self.folded(folded, around),
            Err(_) => {
                self.opaque("quoting", around);
                Argument::unknown()
            }
        }
    }

    pub(super) fn folded(&mut self, folded: Folded, around: &Around) -> Argument {
        let inside = Around {
            depth: around.depth + 1,
            ..around.clone()
        };
        for command in &folded.substitutions {
            self.script(command, &inside);
        }
        self.symbolic |= folded.argument.symbolic;
        folded.argument
    }
}

/// How many `#` the words of a text must hold, when no line but whole ones is a comment.
fn marks(source: &str) -> usize {
    source
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .map(|line| line.matches('#').count())
        .sum()
}

/// The parser tells its own diagnostics what it reads, which is nothing for them; what it cannot bear is no syntax.
fn parse(source: &str) -> Result<Program, &'static str> {
    let options = ParserOptions {
        enable_extended_globbing: false,
        ..ParserOptions::default()
    };
    let parse = || {
        let tokens = uncached_tokenize_str(source, &options.tokenizer_options());
        let tokens = tokens.map_err(|_| "syntax")?;
        match bearable(&tokens) {
            true => parse_tokens(&tokens, &options).map_err(|_| "syntax"),
            false => Err("complexity"),
        }
    };
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        with_default(NoSubscriber::default(), parse)
    }));
    parsed.unwrap_or(Err("syntax"))
}

const MAX_DEPTH: u8 = 8;
const MAX_LEAVES: usize = 256;

/// What sets variables by other means than an assignment.
const ASSIGNING: &[&str] = &[
    "read",
    "printf",
    "declare",
    "typeset",
    "local",
    "export",
    "readonly",
    "unset",
    "getopts",
    "mapfile",
    "readarray",
    "let",
    "set",
];
