//! Programs whose first operand says what they do.

use super::super::argument::Argument;
use super::super::leaf::Judged;
use super::{Row, Rule, given};

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

const SYSTEMCTL: Subcommands = Subcommands {
    flags: &[
        "--user",
        "--no-pager",
        "--full",
        "-l",
        "--all",
        "-a",
        "--quiet",
        "-q",
        "--now",
        "--plain",
        "--no-legend",
        "--system",
        "--failed",
        "--no-block",
        "--version",
    ],
    valued: &[
        "-t",
        "--type",
        "-n",
        "--lines",
        "-o",
        "--output",
        "-p",
        "--property",
        "--state",
    ],
    never: ("HM", &["host", "machine", "root", "image"]),
    alone: Judged::READ,
    read: &[
        "status",
        "show",
        "cat",
        "is-active",
        "is-enabled",
        "is-failed",
        "is-system-running",
        "list-units",
        "list-unit-files",
        "list-timers",
        "list-sockets",
        "list-jobs",
        "list-dependencies",
        "get-default",
    ],
    admin: &[
        "start",
        "stop",
        "restart",
        "reload",
        "try-restart",
        "reload-or-restart",
        "enable",
        "disable",
        "mask",
        "unmask",
        "daemon-reload",
        "daemon-reexec",
        "reset-failed",
        "kill",
        "isolate",
        "set-default",
        "reboot",
        "poweroff",
        "halt",
        "suspend",
        "revert",
        "preset",
    ],
    ..NONE
};

const GIT: Subcommands = Subcommands {
    flags: &["--no-pager", "--version", "--no-optional-locks"],
    valued: &["-C"],
    never: (
        "cOu",
        &[
            "config-env",
            "exec-path",
            "git-dir",
            "work-tree",
            "upload-pack",
            "receive-pack",
            "output",
            "ext-diff",
            "open-files-in-pager",
            "exec",
            "template",
            "help",
            "textconv",
            "filters",
        ],
    ),
    alone: Judged::READ,
    read: &[
        "status",
        "log",
        "diff",
        "show",
        "rev-parse",
        "describe",
        "ls-files",
        "ls-tree",
        "ls-remote",
        "blame",
        "shortlog",
        "cat-file",
        "rev-list",
        "merge-base",
        "for-each-ref",
        "name-rev",
        "count-objects",
        "version",
    ],
    write: &[
        "pull",
        "fetch",
        "clone",
        "checkout",
        "switch",
        "restore",
        "reset",
        "merge",
        "add",
        "commit",
        "stash",
        "tag",
        "branch",
        "init",
        "mv",
        "push",
        "gc",
        "cherry-pick",
        "revert",
        "remote",
    ],
    delete: &["clean", "rm", "prune"],
    ..NONE
};

const DOCKER: Subcommands = Subcommands {
    flags: &["--version", "-v"],
    valued: &[
        "-f",
        "--file",
        "-p",
        "--project-name",
        "--profile",
        "--env-file",
        "--project-directory",
    ],
    never: ("Ho", &["host", "context", "config", "output"]),
    alone: Judged::READ,
    read: &[
        "ps",
        "images",
        "logs",
        "inspect",
        "stats",
        "top",
        "version",
        "info",
        "port",
        "diff",
        "history",
        "events",
        "search",
        "container ls",
        "container inspect",
        "container logs",
        "container list",
        "image ls",
        "image inspect",
        "volume ls",
        "volume inspect",
        "network ls",
        "network inspect",
        "system df",
        "system info",
        "compose ps",
        "compose logs",
        "compose config",
        "compose images",
        "compose top",
        "compose ls",
        "compose version",
        "node ls",
        "service ls",
        "service ps",
        "stack ls",
    ],
    write: &[
        "start",
        "stop",
        "restart",
        "kill",
        "pause",
        "unpause",
        "rename",
        "pull",
        "push",
        "tag",
        "wait",
        "login",
        "logout",
        "compose pull",
        "compose stop",
        "compose start",
        "compose restart",
        "compose pause",
        "compose unpause",
    ],
    delete: &[
        "rm",
        "rmi",
        "container rm",
        "container prune",
        "image rm",
        "image prune",
        "volume rm",
        "volume prune",
        "network rm",
        "network prune",
        "system prune",
        "compose rm",
        "compose down",
        "builder prune",
    ],
    ..NONE
};

const COMPOSE: Subcommands = Subcommands {
    flags: &["--version", "-v"],
    valued: &[
        "-f",
        "--file",
        "-p",
        "--project-name",
        "--profile",
        "--env-file",
    ],
    never: ("Ho", &["host", "context", "output"]),
    alone: Judged::READ,
    read: &["ps", "logs", "config", "images", "top", "version"],
    write: &["pull", "stop", "start", "restart", "pause", "unpause"],
    delete: &["rm", "down"],
    ..NONE
};

const APT: Subcommands = Subcommands {
    flags: &[
        "-y",
        "--yes",
        "-q",
        "-qq",
        "-qy",
        "-yq",
        "--assume-yes",
        "--no-install-recommends",
        "--quiet",
    ],
    // `-o` and `-c` can name commands that run
    never: ("oc", &["option", "config-file"]),
    read: &[
        "list",
        "show",
        "search",
        "policy",
        "depends",
        "rdepends",
        "madison",
        "showhold",
        "showauto",
        "showmanual",
    ],
    admin: &[
        "update",
        "install",
        "upgrade",
        "full-upgrade",
        "dist-upgrade",
        "remove",
        "purge",
        "autoremove",
        "autoclean",
        "clean",
        "hold",
        "unhold",
        "download",
        "reinstall",
    ],
    ..NONE
};

const PACKAGES: Subcommands = Subcommands {
    flags: &[
        "-y",
        "-q",
        "--assumeyes",
        "--quiet",
        "--no-cache",
        "-n",
        "--non-interactive",
    ],
    never: ("cp", &["setopt", "config", "installroot", "root"]),
    read: &[
        "list",
        "info",
        "search",
        "repolist",
        "check-update",
        "provides",
        "history",
        "repos",
        "lr",
        "version",
    ],
    admin: &[
        "install",
        "update",
        "upgrade",
        "remove",
        "erase",
        "add",
        "del",
        "autoremove",
        "clean",
        "makecache",
        "reinstall",
        "downgrade",
        "distro-sync",
        "refresh",
        "in",
        "up",
        "rm",
        "dup",
        "groupinstall",
    ],
    ..NONE
};

const KUBECTL: Subcommands = Subcommands {
    valued: &["-n", "--namespace", "-l", "--selector", "-o", "--output"],
    flags: &["-A", "--all-namespaces"],
    never: ("s", &["kubeconfig", "server", "token", "as", "context"]),
    read: &[
        "get",
        "describe",
        "logs",
        "top",
        "version",
        "explain",
        "api-resources",
        "cluster-info",
        "rollout status",
        "rollout history",
        "config current-context",
        "config get-contexts",
    ],
    write: &[
        "apply",
        "create",
        "scale",
        "patch",
        "set",
        "label",
        "annotate",
        "rollout restart",
        "rollout undo",
        "cordon",
        "uncordon",
        "replace",
    ],
    delete: &["delete"],
    ..NONE
};

const CONTROL: Subcommands = Subcommands {
    flags: &["--no-pager", "--static"],
    never: ("HM", &["host", "machine"]),
    alone: Judged::READ,
    read: &[
        "status",
        "show",
        "list",
        "list-sessions",
        "list-users",
        "list-timezones",
        "list-locales",
        "list-seats",
        "show-session",
        "show-user",
        "user-status",
        "session-status",
        "timesync-status",
        "show-timesync",
        "query",
        "statistics",
        "hostname",
    ],
    admin: &[
        "set-hostname",
        "set-timezone",
        "set-ntp",
        "set-time",
        "set-locale",
        "set-keymap",
        "terminate-session",
        "terminate-user",
        "kill-session",
        "kill-user",
        "enable-linger",
        "disable-linger",
        "flush-caches",
        "reload",
        "reconfigure",
    ],
    ..NONE
};

const UFW: Subcommands = Subcommands {
    flags: &["--force"],
    read: &["status", "version", "show"],
    admin: &[
        "allow", "deny", "reject", "limit", "delete", "enable", "disable", "reload", "reset",
        "insert", "default",
    ],
    ..NONE
};

const SERVERS: Subcommands = Subcommands {
    flags: &["-t", "-T", "-v", "-V", "-S", "-q"],
    never: ("cgpfCdes", &[]),
    alone: Judged::READ,
    read: &["configtest", "status", "fullstatus"],
    admin: &[
        "start",
        "stop",
        "restart",
        "reload",
        "graceful",
        "graceful-stop",
    ],
    ..NONE
};
