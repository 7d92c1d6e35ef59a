//! Programs that only read, reviewed with their options.

use super::{Row, Rule};

pub(super) const PROGRAMS: &[Row] = &[
    (
        &[
            // the shell's own
            ":", "true", "false", "cd", "pwd", "echo", "test", "[", "exit", "return", "break", "continue", "shift",
            "wait", "jobs", "times", "type", "umask", "ulimit", "pushd", "popd", "dirs",
            // files
            "ls", "dir", "vdir", "cat", "head", "tail", "wc", "stat", "du", "df", "basename", "dirname", "readlink",
            "realpath", "md5sum", "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "b2sum", "cksum",
            "sum", "cmp", "comm", "cut", "tr", "nl", "tac", "rev", "fold", "fmt", "expand", "unexpand", "paste",
            "join", "od", "hexdump", "hd", "strings", "grep", "egrep", "fgrep", "zcat", "zgrep", "bzcat", "xzcat",
            "zstdcat", "column", "jq", "seq", "getfacl", "lsattr", "namei", "pathchk", "diff", "base64",
            "numfmt", "tsort", "readelf", "getcap",
            // the machine
            "id", "whoami", "who", "w", "users", "groups", "last", "lastlog", "lastb", "logname", "uname", "arch",
            "nproc", "uptime", "free", "ps", "pgrep", "pidof", "pstree", "vmstat", "iostat", "mpstat", "lscpu",
            "lsblk", "lsmod", "lspci", "lsusb", "lsmem", "findmnt", "modinfo", "getent", "printenv",
            "locale", "tty", "sleep", "which", "whereis", "netstat", "dig", "host", "nslookup", "ping", "ping6",
            "traceroute", "tracepath", "getconf", "lsb_release", "sync", "cal", "hostid", "numastat", "slabtop",
            "pmap", "sestatus", "getenforce", "aa-status", "dpkg-query",
        ],
        Rule::Reads,
    ),
    (&["printf"], Rule::Without("v", &[])),
    (&["sort"], Rule::Without("oT", &["output", "compress-program", "temporary-directory"])),
    (&["tree"], Rule::Without("oR", &[])),
    (&["shuf"], Rule::Without("o", &["output"])),
    (&["lsof"], Rule::Without("D", &[])),
    (&["blkid"], Rule::Without("cg", &["cache-file", "garbage-collect"])),
    (&["uniq"], Rule::AtMost(1, "", &[])),
    (&["file"], Rule::Without("Cz", &["compile"])),
    (&["dmesg"], Rule::Without("cCDEHn", &["human", "clear", "read-clear", "console-off", "console-on", "console-level"])),
    (&["ss"], Rule::Without("KD", &["kill", "diag"])),
    (
        &["journalctl"],
        Rule::Without(
            "",
            &[
                "vacuum-size", "vacuum-time", "vacuum-files", "rotate", "flush", "sync", "relinquish-var",
                "smart-relinquish-var", "setup-keys", "update-catalog", "cursor-file",
            ],
        ),
    ),
    (&["hostname", "dnsdomainname"], Rule::AtMost(0, "Fb", &["file", "boot"])),
    (&["xxd"], Rule::AtMost(1, "r", &[])),
    (&["mount", "swapon"], Rule::AtMost(0, "aoBMRT", &["all", "bind", "move", "rbind", "options", "fstab"])),
    (&["ifconfig", "arp", "route", "brctl"], Rule::AtMost(0, "sd", &["set", "delete"])),
    (&["sar"], Rule::Without("o", &[])),
];
