//! Shells and `find`: what they run is read as a command line, or as a program of its own.

use super::argument::Argument;
use super::command::Leaf;
use super::leaf::{Around, Judged};
use super::options::Table;
use super::walk::Walk;
use crate::words::Effect;

impl Walk {
    /// `sh -c line` is read like the line itself; a script is a program; anything else takes its commands from input.
    pub(super) fn shell(&mut self, name: &str, arguments: &[Argument], around: &Around) {
        let Some(found) = SHELL.read(arguments) else {
            return self.unread(name, arguments, around);
        };
        let named = found.options.iter().filter(|(name, _)| name == "o");
        let harmless = |value: &Option<String>| {
            value
                .as_deref()
                .is_some_and(|value| SHELL_OPTIONS.contains(&value))
        };
        if !named.into_iter().all(|(_, value)| harmless(value)) {
            return self.unread(name, arguments, around);
        }
        let operand = arguments.get(found.operands);
        if found.has(&["c"]) {
            let Some(line) = operand.and_then(Argument::exact) else {
                return self.push(
                    Leaf::new(name, arguments, Judged::opaque("dynamic")),
                    around,
                );
            };
            let inside = Around {
                depth: around.depth + 1,
                ..around.clone()
            };
            return self.script(line, &inside);
        }
        if found.has(&["version"]) {
            return self.push(Leaf::new(name, arguments, Judged::READ), around);
        }
        let judged = match operand {
            Some(script) if script.dynamic => Judged::opaque("dynamic"),
            Some(script) if found.has(&["s"]) || !is_file(&script.text) => Judged::opaque("code"),
            Some(_) => Judged::UNKNOWN,
            None => Judged::opaque("code"),
        };
        self.push(Leaf::new(name, arguments, judged), around);
    }

    /// What it finds begins as the folders do that it is given, so what it runs gets words that are no options.
    pub(super) fn find(&mut self, arguments: &[Argument], around: &Around) {
        let mut effect = Judged::READ;
        let mut words = arguments.iter();
        let mut inner = Vec::new();
        let mut bounded = false;
        while let Some(word) = words.next() {
            if word.dynamic {
                effect = Judged::opaque("dynamic");
                continue;
            }
            match word.text.as_str() {
                "-delete" => effect = stricter(effect, Judged::DELETE),
                "-fprint" | "-fprint0" | "-fls" | "-fprintf" => {
                    effect = stricter(effect, Judged::WRITE);
                }
                "-exec" | "-execdir" | "-ok" | "-okdir" => {
                    let mut argv: Vec<Argument> = Vec::new();
                    for word in words.by_ref() {
                        let last = argv.last().is_some_and(|last| last.text == "{}");
                        match word.exact() {
                            Some(";") => break,
                            Some("+") if last => break,
                            Some(_) | None => argv.push(found(word, bounded)),
                        }
                    }
                    inner.push(argv);
                }
                test if test.starts_with('-') && !is_test(test) => {
                    effect = stricter(effect, Judged::UNKNOWN);
                }
                folder => bounded |= folder.starts_with(['/', '.', '~']),
            }
        }
        self.push(Leaf::new("find", arguments, effect), around);
        for argv in inner {
            self.argv(&argv, around);
        }
    }
}

/// A script that lies in a file, and not on the shell's input.
fn is_file(script: &str) -> bool {
    !script.starts_with(['-', '+']) && !script.starts_with("/dev/") && !script.starts_with("/proc/")
}

/// A test of `find`, or a number that one compares with.
fn is_test(word: &str) -> bool {
    let number = word.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    number || FIND_TESTS.contains(&word)
}

/// A word of a command that `find` runs.
fn found(word: &Argument, bounded: bool) -> Argument {
    match word.text.contains("{}") {
        true if bounded && word.text == "{}" => Argument {
            pattern: true,
            ..word.clone()
        },
        true => Argument {
            dynamic: true,
            ..word.clone()
        },
        false => word.clone(),
    }
}

fn stricter(one: Judged, other: Judged) -> Judged {
    let effect: Effect = one.effect.max(other.effect);
    Judged {
        effect,
        deletes: one.deletes || other.deletes,
        opaque: one.opaque.or(other.opaque),
    }
}

const SHELL: Table = Table {
    flags: "acefhlnsuvxCEmT",
    valued: "o",
    long: &["login", "noprofile", "norc", "posix", "version"],
    long_valued: &[],
};

const SHELL_OPTIONS: &[&str] = &["pipefail", "errexit", "nounset", "xtrace", "verbose"];

/// Tests, and actions that only print.
const FIND_TESTS: &[&str] = &[
    "-H",
    "-L",
    "-P",
    "-name",
    "-iname",
    "-path",
    "-ipath",
    "-wholename",
    "-regex",
    "-iregex",
    "-regextype",
    "-type",
    "-xtype",
    "-size",
    "-mtime",
    "-mmin",
    "-atime",
    "-amin",
    "-ctime",
    "-cmin",
    "-newer",
    "-newermt",
    "-user",
    "-group",
    "-uid",
    "-gid",
    "-nouser",
    "-nogroup",
    "-perm",
    "-readable",
    "-writable",
    "-executable",
    "-empty",
    "-maxdepth",
    "-mindepth",
    "-depth",
    "-prune",
    "-print",
    "-print0",
    "-printf",
    "-ls",
    "-quit",
    "-xdev",
    "-mount",
    "-links",
    "-inum",
    "-samefile",
    "-follow",
    "-daystart",
    "-true",
    "-false",
    "-not",
    "-a",
    "-and",
    "-o",
    "-or",
    "-noleaf",
    "-nowarn",
];
