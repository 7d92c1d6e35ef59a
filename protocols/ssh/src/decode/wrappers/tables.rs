//! The options of each wrapper, as its manual has them.

use crate::decode::options::Table;

/// A wrapper whose command follows its options and a fixed number of operands.
pub(super) struct Plain {
    pub(super) name: &'static str,
    pub(super) table: Table,
    /// Operands before the command: the duration of `timeout`, the file of `flock`.
    pub(super) operands: usize,
}

pub(super) const ENV: Table = Table {
    flags: "i0v",
    valued: "uC",
    long: &["ignore-environment", "null", "debug"],
    long_valued: &["unset", "chdir"],
};

pub(super) const SUDO: Table = Table {
    flags: "AbBEeHiKklNnPSsVv",
    valued: "CDghpRrTtUu",
    long: &[
        "askpass",
        "background",
        "bell",
        "preserve-env",
        "edit",
        "set-home",
        "login",
        "remove-timestamp",
        "reset-timestamp",
        "list",
        "no-update",
        "non-interactive",
        "preserve-groups",
        "stdin",
        "shell",
        "version",
        "validate",
    ],
    long_valued: &[
        "close-from",
        "chdir",
        "group",
        "host",
        "prompt",
        "chroot",
        "role",
        "command-timeout",
        "type",
        "other-user",
        "user",
    ],
};

pub(super) const DOAS: Table = Table {
    flags: "Lns",
    valued: "Cu",
    long: &[],
    long_valued: &[],
};

pub(super) const SU: Table = Table {
    flags: "lmpP",
    valued: "cugG",
    long: &["login", "preserve-environment", "pty"],
    long_valued: &["command", "user", "group", "supp-group"],
};

pub(super) const LOOKUP: Table = Table {
    flags: "pvV",
    valued: "",
    long: &[],
    long_valued: &[],
};

pub(super) const XARGS: Table = Table {
    flags: "0rtx",
    valued: "ILnPsdaE",
    long: &["null", "no-run-if-empty", "verbose", "exit"],
    long_valued: &[
        "max-args",
        "max-lines",
        "max-procs",
        "replace",
        "delimiter",
        "arg-file",
        "max-chars",
    ],
};

pub(super) const WATCH: Table = Table {
    flags: "bcdegtpwx",
    valued: "nq",
    long: &["color", "differences", "no-title", "errexit", "chgexit"],
    long_valued: &["interval"],
};

pub(super) const PLAIN: &[Plain] = &[
    plain("nice", "", "n", &[], &["adjustment"], 0),
    plain("nohup", "", "", &[], &[], 0),
    plain("ionice", "t", "cn", &["ignore"], &["class", "classdata"], 0),
    plain("setsid", "cfw", "", &["ctty", "fork", "wait"], &[], 0),
    plain("stdbuf", "", "ioe", &[], &["input", "output", "error"], 0),
    plain(
        "timeout",
        "fpv",
        "ks",
        &["foreground", "preserve-status", "verbose"],
        &["kill-after", "signal"],
        1,
    ),
    plain(
        "flock",
        "enosux",
        "wE",
        &[
            "exclusive",
            "nonblock",
            "nb",
            "no-fork",
            "close",
            "shared",
            "unlock",
            "verbose",
        ],
        &["timeout", "wait", "conflict-exit-code"],
        1,
    ),
    plain("time", "p", "", &["portability"], &[], 0),
    plain("builtin", "", "", &[], &[], 0),
    plain("busybox", "", "", &[], &[], 0),
];

#[expect(
    clippy::too_many_arguments,
    reason = "a row of the table, in one line where it fits"
)]
const fn plain(
    name: &'static str,
    flags: &'static str,
    valued: &'static str,
    long: &'static [&'static str],
    long_valued: &'static [&'static str],
    operands: usize,
) -> Plain {
    Plain {
        name,
        table: Table {
            flags,
            valued,
            long,
            long_valued,
        },
        operands,
    }
}
