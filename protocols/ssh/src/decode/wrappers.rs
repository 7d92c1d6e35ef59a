//! Programs that run another one: peeled by their real option tables, so that what runs inside is judged.

mod tables;

use super::argument::Argument;
use super::command::Leaf;
use super::leaf::{Around, Environment, Judged};
use super::options::Found;
use super::walk::Walk;
use tables::{DOAS, ENV, LOOKUP, PLAIN, Plain, SU, SUDO, WATCH, XARGS};

impl Walk {
    /// Peels a wrapper; false when the program is none.
    pub(super) fn wrapper(&mut self, name: &str, arguments: &[Argument], around: &Around) -> bool {
        match name {
            "env" => self.env(arguments, around),
            "sudo" => self.sudo(arguments, around),
            "doas" => self.doas(arguments, around),
            "su" | "runuser" => self.su(arguments, around),
            "command" => self.lookup(arguments, around),
            "xargs" => self.xargs(arguments, around),
            "watch" => self.watch(arguments, around),
            "find" => self.find(arguments, around),
            "export" => self.export(arguments, around),
            "sh" | "bash" | "dash" | "ash" => self.shell(name, arguments, around),
            _ => match PLAIN.iter().find(|plain| plain.name == name) {
                Some(plain) => self.plain(plain, arguments, around),
                None => return false,
            },
        }
        true
    }

    fn plain(&mut self, plain: &Plain, arguments: &[Argument], around: &Around) {
        let Some(found) = plain.table.read(arguments) else {
            return self.unread(plain.name, arguments, around);
        };
        let Some(skipped) = arguments.get(found.operands..) else {
            return self.unread(plain.name, arguments, around);
        };
        let (before, rest) = skipped.split_at(plain.operands.min(skipped.len()));
        // `flock file -c line`
        let stray = rest.first().is_none_or(|word| word.text.starts_with('-'));
        if before.iter().any(|word| word.dynamic) || stray {
            return self.unread(plain.name, arguments, around);
        }
        self.argv(rest, around);
    }

    /// A wrapper with options that are not in its table, or without a command.
    pub(super) fn unread(&mut self, name: &str, arguments: &[Argument], around: &Around) {
        self.push(
            Leaf::new(name, arguments, Judged::opaque("options")),
            around,
        );
    }

    fn env(&mut self, arguments: &[Argument], around: &Around) {
        let Some(found) = ENV.read(arguments) else {
            return self.unread("env", arguments, around);
        };
        let mut rest = arguments.get(found.operands..).unwrap_or_default();
        // a bare `-` is `-i`
        if rest.first().and_then(Argument::exact) == Some("-") {
            rest = rest.get(1..).unwrap_or_default();
        }
        let mut around = around.clone();
        while let Some((name, tail)) = assigned(rest) {
            around.environment = around.environment.max(Environment::of(&name));
            rest = tail;
        }
        match rest.is_empty() {
            true => self.push(Leaf::new("env", arguments, Judged::READ), &around),
            false => self.argv(rest, &around),
        }
    }

    fn sudo(&mut self, arguments: &[Argument], around: &Around) {
        let Some(found) = SUDO.read(arguments) else {
            return self.unread("sudo", arguments, &as_user(around, "*"));
        };
        let mut around = as_user(around, found.value(&["u", "user"]).unwrap_or("root"));
        let mut rest = arguments.get(found.operands..).unwrap_or_default();
        while let Some((name, tail)) = assigned(rest) {
            around.environment = around.environment.max(Environment::of(&name));
            rest = tail;
        }
        if found.has(&["h", "host", "D", "chdir", "R", "chroot", "e", "edit"]) {
            return self.unread("sudo", arguments, &around);
        }
        if rest.is_empty() {
            let asks = found.has(&["l", "list", "v", "validate", "k", "K", "V", "version"]);
            let shell = found.has(&["i", "login", "s", "shell"]);
            return match asks && !shell {
                true => self.push(Leaf::new("sudo", arguments, Judged::READ), &around),
                false => self.push(
                    Leaf::new("sudo", arguments, Judged::opaque("shell")),
                    &around,
                ),
            };
        }
        // through the other user's shell, which sees `$` in the arguments
        let by_shell = found.has(&["i", "login", "s", "shell"]);
        if by_shell && rest.iter().any(|word| word.text.contains('$')) {
            return self.unread("sudo", arguments, &around);
        }
        self.argv(rest, &around);
    }

    fn doas(&mut self, arguments: &[Argument], around: &Around) {
        let Some(found) = DOAS.read(arguments) else {
            return self.unread("doas", arguments, &as_user(around, "*"));
        };
        let around = as_user(around, found.value(&["u"]).unwrap_or("root"));
        match arguments.get(found.operands..) {
            Some(rest) if !rest.is_empty() && !found.has(&["s", "C"]) => self.argv(rest, &around),
            Some(_) | None => {
                self.push(
                    Leaf::new("doas", arguments, Judged::opaque("shell")),
                    &around,
                );
            }
        }
    }

    /// `su - user -c line`: options may stand behind the user.
    fn su(&mut self, arguments: &[Argument], around: &Around) {
        let mut options = Vec::new();
        let mut user = None;
        let mut rest = arguments;
        while let Some(found) = SU.read(rest) {
            options.extend(found.options);
            rest = rest.get(found.operands..).unwrap_or_default();
            let Some((operand, tail)) = rest.split_first() else {
                let found = Found {
                    options,
                    operands: 0,
                };
                return self.line_as(&found, user.as_deref(), arguments, around);
            };
            let Some(text) = operand.exact() else { break };
            if text != "-" {
                if user.is_some() {
                    break;
                }
                user = Some(text.to_owned());
            }
            rest = tail;
        }
        self.unread("su", arguments, &as_user(around, "*"));
    }

    fn line_as(
        &mut self,
        found: &Found,
        user: Option<&str>,
        arguments: &[Argument],
        around: &Around,
    ) {
        let user = user.or(found.value(&["u", "user"])).unwrap_or("root");
        let mut around = as_user(around, user);
        let line = found.value(&["c", "command"]);
        let symbolic = arguments
            .iter()
            .any(|word| word.symbolic || word.pattern || word.dynamic);
        match line {
            Some(line) if !symbolic => {
                around.depth += 1;
                self.script(line, &around);
            }
            Some(_) | None => {
                self.push(Leaf::new("su", arguments, Judged::opaque("shell")), &around);
            }
        }
    }

    /// `command -v name` asks, `command name` runs.
    fn lookup(&mut self, arguments: &[Argument], around: &Around) {
        let Some(found) = LOOKUP.read(arguments) else {
            return self.unread("command", arguments, around);
        };
        let rest = arguments.get(found.operands..).unwrap_or_default();
        if found.has(&["v", "V"]) || rest.is_empty() {
            let judged = match arguments.iter().any(|word| word.dynamic) {
                true => Judged::opaque("dynamic"),
                false => Judged::READ,
            };
            return self.push(Leaf::new("command", arguments, judged), around);
        }
        self.argv(rest, around);
    }

    /// What it runs gets arguments that only its input tells.
    fn xargs(&mut self, arguments: &[Argument], around: &Around) {
        let Some(found) = XARGS.read(arguments) else {
            return self.unread("xargs", arguments, around);
        };
        let mut argv = arguments.get(found.operands..).unwrap_or_default().to_vec();
        if argv.is_empty() {
            argv.push(Argument::constant("echo"));
        }
        argv.push(Argument::unknown());
        self.argv(&argv, around);
    }

    /// Its operands are joined to a command line.
    fn watch(&mut self, arguments: &[Argument], around: &Around) {
        let rest = WATCH
            .read(arguments)
            .map(|found| arguments.get(found.operands..).unwrap_or_default());
        let words: Option<Vec<&str>> =
            rest.and_then(|rest| rest.iter().map(Argument::exact).collect());
        match words {
            Some(words) if !words.is_empty() => {
                let mut around = around.clone();
                around.depth += 1;
                self.script(&words.join(" "), &around);
            }
            Some(_) | None => self.unread("watch", arguments, around),
        }
    }

    /// `export NAME=value` sets it for all that follows.
    fn export(&mut self, arguments: &[Argument], around: &Around) {
        let mut judged = Judged::READ;
        for word in arguments {
            let name = word.text.split('=').next().unwrap_or_default();
            if word.dynamic || name.starts_with('-') {
                judged = Judged::opaque("dynamic");
                break;
            }
            self.assigned.insert(name.to_owned());
            if Environment::of(name) != Environment::Harmless {
                judged = Judged::UNKNOWN;
            }
        }
        self.push(Leaf::new("export", arguments, judged), around);
    }
}

/// The name of a leading `NAME=value`, and what follows it.
fn assigned(words: &[Argument]) -> Option<(String, &[Argument])> {
    let (first, rest) = words.split_first()?;
    let (name, _) = first.text.split_once('=')?;
    // a value that is not told may end the word, and begin the next
    (!first.dynamic).then(|| (name.to_owned(), rest))
}

fn as_user(around: &Around, user: &str) -> Around {
    Around {
        other_user: Some(user.to_owned()),
        ..around.clone()
    }
}
