//! Programs whose first operand says what they do.

mod services;
mod works;

use super::super::argument::Argument;
use super::super::leaf::Judged;
use super::{Row, Rule, given};
use services::{APT, CONTROL, PACKAGES, SERVERS, SYSTEMCTL, UFW};
use works::{COMPOSE, DOCKER, GIT, KUBECTL};

/// What each subcommand of a program does; one that is not named is `unknown`.
pub(super) struct Subcommands {
    /// Options before it without a value.
    flags: &'static [&'static str],
    /// Options before it whose value is the next word, or follows `=`.
    valued: &'static [&'static str],
    /// Options, wherever they stand, that make anything unknown: letters and long names.
    never: (&'static str, &'static [&'static str]),
    /// Without any subcommand.
    alone: Judged,
    read: &'static [&'static str],
    write: &'static [&'static str],
    delete: &'static [&'static str],
    admin: &'static [&'static str],
}

impl Subcommands {
    pub(super) fn judged(&self, arguments: &[Argument]) -> Judged {
        // git takes the name of a program in place of an address
        let program = arguments.iter().any(|word| word.text.starts_with("ext:"));
        if program || given(arguments, self.never.0, self.never.1) {
            return Judged::UNKNOWN;
        }
        let mut words = arguments.iter();
        let Some(first) = self.operand(&mut words) else {
            return match arguments.iter().all(|word| word.text.starts_with('-')) {
                true if self.known(arguments) => self.alone,
                true | false => Judged::UNKNOWN,
            };
        };
        if let Some(judged) = self.named(first) {
            return judged;
        }
        let second = self.operand(&mut words);
        second
            .and_then(|second| self.named(&format!("{first} {second}")))
            .unwrap_or(Judged::UNKNOWN)
    }

    /// The next operand; none where an option before it is not known.
    fn operand<'w>(&self, words: &mut std::slice::Iter<'w, Argument>) -> Option<&'w str> {
        while let Some(word) = words.next() {
            let text = word.exact()?;
            if !text.starts_with('-') {
                return Some(text);
            }
            if self.valued.contains(&text) {
                words.next()?;
            } else if !self.is_flag(text) {
                return None;
            }
        }
        None
    }

    fn known(&self, arguments: &[Argument]) -> bool {
        arguments.iter().all(|word| self.is_flag(&word.text))
    }

    fn is_flag(&self, text: &str) -> bool {
        let name = text.split('=').next().unwrap_or_default();
        self.flags.contains(&text) || (name != text && self.valued.contains(&name))
    }

    fn named(&self, name: &str) -> Option<Judged> {
        let tables = [
            (self.read, Judged::READ),
            (self.write, Judged::WRITE),
            (self.delete, Judged::DELETE),
            (self.admin, Judged::ADMIN),
        ];
        tables
            .into_iter()
            .find_map(|(names, judged)| names.contains(&name).then_some(judged))
    }
}

const NONE: Subcommands = Subcommands {
    flags: &[],
    valued: &[],
    never: ("", &[]),
    alone: Judged::UNKNOWN,
    read: &[],
    write: &[],
    delete: &[],
    admin: &[],
};

pub(super) const PROGRAMS: &[Row] = &[
    (&["systemctl"], Rule::Subcommands(&SYSTEMCTL)),
    (&["service"], Rule::Own(super::own::service)),
    (&["git"], Rule::Subcommands(&GIT)),
    (&["docker", "podman"], Rule::Subcommands(&DOCKER)),
    (&["docker-compose"], Rule::Subcommands(&COMPOSE)),
    (
        &["apt", "apt-get", "apt-cache", "apt-mark"],
        Rule::Subcommands(&APT),
    ),
    (
        &["dnf", "yum", "zypper", "apk", "snap"],
        Rule::Subcommands(&PACKAGES),
    ),
    (&["kubectl"], Rule::Subcommands(&KUBECTL)),
    (
        &[
            "hostnamectl",
            "timedatectl",
            "localectl",
            "loginctl",
            "resolvectl",
            "networkctl",
        ],
        Rule::Subcommands(&CONTROL),
    ),
    (&["ufw"], Rule::Subcommands(&UFW)),
    (
        &["nginx", "apachectl", "apache2ctl"],
        Rule::Subcommands(&SERVERS),
    ),
];
