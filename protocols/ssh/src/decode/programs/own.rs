//! Programs whose arguments need a look of their own.

use super::super::argument::Argument;
use super::super::leaf::Judged;
use super::{Row, Rule, given};

pub(super) const PROGRAMS: &[Row] = &[
    (&["date"], Rule::Own(date)),
    (&["sed"], Rule::Own(sed)),
    (&["awk", "gawk", "mawk"], Rule::Own(awk)),
    (&["tar"], Rule::Own(tar)),
    (&["ip"], Rule::Own(ip)),
    (&["sysctl"], Rule::Own(sysctl)),
    (&["crontab"], Rule::Own(crontab)),
    (&["dpkg", "rpm"], Rule::Own(packages)),
    (&["top", "htop"], Rule::Own(top)),
    (&["set"], Rule::Own(set)),
    (
        &[
            "python", "python2", "python3", "perl", "ruby", "node", "php", "lua", "Rscript",
            "tclsh", "deno", "bun",
        ],
        Rule::Own(interpreter),
    ),
];

/// `-s` and an operand without `+` set the clock; a file or a text to show does not.
fn date(arguments: &[Argument]) -> Judged {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "-d" | "--date" | "-r" | "--reference" => {
                words.next();
            }
            "-u" | "-R" | "--utc" | "--universal" | "--rfc-email" => {}
            text if text.starts_with('+') => {}
            text if [
                "-I",
                "-d",
                "--date=",
                "--iso-8601",
                "--rfc-3339=",
                "--reference=",
            ]
            .iter()
            .any(|beginning| text.starts_with(beginning)) => {}
            _ => return Judged::ADMIN,
        }
    }
    Judged::READ
}

/// Scripts of printing, deleting lines and plain substitution; any other can write files or run programs.
fn sed(arguments: &[Argument]) -> Judged {
    let (mut scripts, mut operands, mut in_place) = (Vec::new(), Vec::new(), false);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "-n" | "-E" | "-r" | "-u" | "-z" | "-s" | "-nE" | "-En" | "-nr" | "--quiet"
            | "--silent" => {}
            "-e" => scripts.extend(words.next().map(|script| script.text.as_str())),
            "-ne" => scripts.extend(words.next().map(|script| script.text.as_str())),
            "-Ei" | "-ri" => in_place = true,
            text if text.starts_with("-i") || text.starts_with("--in-place") => {
                in_place = true;
                // `-ie` keeps a copy named `e`, `-i.bak` one named `.bak`
                if text.contains(['/', '*']) {
                    return Judged::UNKNOWN;
                }
            }
            text if text.starts_with('-') => return Judged::UNKNOWN,
            text => operands.push(text),
        }
    }
    if scripts.is_empty() && !operands.is_empty() {
        scripts.push(operands.remove(0));
    }
    match (scripts.iter().all(|script| plain_script(script)), in_place) {
        (true, false) => Judged::READ,
        (true, true) => Judged::WRITE,
        (false, _) => Judged::UNKNOWN,
    }
}

/// One command a part: `[address[,address]]p`, `d`, `q`, `=`, or `s` with flags that only choose.
fn plain_script(script: &str) -> bool {
    script.split([';', '\n']).all(|command| {
        let command = command.trim();
        let command = address(command);
        let command = command.strip_prefix(',').map_or(command, address);
        let command = command.trim_start_matches([' ', '!']);
        if matches!(command, "" | "p" | "d" | "q" | "=" | "$!d") {
            return true;
        }
        let mut letters = command.chars();
        let (Some('s'), Some(mark)) = (letters.next(), letters.next()) else {
            return false;
        };
        let body = letters.as_str();
        let parts: Vec<&str> = body.split(mark).collect();
        let (false, [_, _, flags]) = (mark.is_alphanumeric() || mark == '\\', parts.as_slice())
        else {
            return false;
        };
        !body.contains("\\\\")
            && flags
                .chars()
                .all(|flag| flag.is_ascii_digit() || matches!(flag, 'g' | 'p' | 'I' | 'i'))
    })
}

/// What follows an address: a number, `$`, or `/text/`.
fn address(command: &str) -> &str {
    if let Some(rest) = command.strip_prefix('/') {
        return match rest.split_once('/') {
            Some((text, after)) if !text.contains('\\') => after,
            Some(_) | None => command,
        };
    }
    command
        .strip_prefix('$')
        .unwrap_or_else(|| command.trim_start_matches(|letter: char| letter.is_ascii_digit()))
}

/// A program text that can neither write nor run anything.
fn awk(arguments: &[Argument]) -> Judged {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "-F" | "-v" => {
                words.next();
            }
            text if text.starts_with("-F") || text.starts_with("-v") => {}
            text if text.starts_with('-') => return Judged::UNKNOWN,
            text => {
                let acts = [
                    "system", "getline", "|", ">", "@", "close", "fflush", "printf >",
                ];
                return match acts.iter().any(|act| text.contains(act)) {
                    true => Judged::opaque("code"),
                    false => Judged::READ,
                };
            }
        }
    }
    Judged::UNKNOWN
}

fn tar(arguments: &[Argument]) -> Judged {
    let runs = [
        "to-command",
        "checkpoint-action",
        "use-compress-program",
        "rmt-command",
        "rsh-command",
        "info-script",
        "new-volume-script",
    ];
    let first = arguments.first().map_or("", |word| word.text.as_str());
    let clusters = arguments
        .iter()
        .map(|word| word.text.as_str())
        .filter(|word| word.starts_with('-') && !word.starts_with("--"));
    // the first word may do without its `-`
    let bundled = (!first.starts_with('-')).then_some(first);
    let letters: String = bundled.into_iter().chain(clusters).collect();
    // `host:file` is an archive on another machine
    let remote = arguments
        .iter()
        .any(|word| word.text.contains(':') && !word.text.starts_with(['/', '.', '-']));
    if given(arguments, "", &runs) || letters.contains(['I', 'F']) || remote {
        return Judged::UNKNOWN;
    }
    if given(arguments, "", &["remove-files", "delete"]) {
        return Judged::DELETE;
    }
    let lists = letters.contains('t') || given(arguments, "", &["list"]);
    let changes = letters.contains(['x', 'c', 'r', 'u', 'A']);
    match lists
        && !changes
        && !given(
            arguments,
            "",
            &["extract", "get", "create", "append", "update"],
        ) {
        true => Judged::READ,
        false => Judged::WRITE,
    }
}

/// An object, and what is done with it.
fn ip(arguments: &[Argument]) -> Judged {
    let flags = [
        "-4",
        "-6",
        "-br",
        "-brief",
        "-s",
        "-d",
        "-o",
        "-c",
        "-j",
        "-p",
        "-details",
        "-json",
        "-color=never",
    ];
    let mut words = arguments
        .iter()
        .map(|word| word.text.as_str())
        .skip_while(|word| flags.contains(word));
    let (object, verb) = (words.next(), words.next());
    match (object, verb) {
        (Some(object), _) if object.starts_with('-') => Judged::UNKNOWN,
        (Some("netns" | "vrf"), Some("exec" | "e" | "ex" | "exe")) => Judged::opaque("options"),
        (_, None | Some("show" | "list" | "ls" | "s" | "sh" | "get")) => Judged::READ,
        (_, Some(_)) => Judged::ADMIN,
    }
}

fn sysctl(arguments: &[Argument]) -> Judged {
    let sets = given(arguments, "wp", &["write", "load", "system"])
        || arguments.iter().any(|word| word.text.contains('='));
    match sets {
        true => Judged::ADMIN,
        false => Judged::READ,
    }
}

fn crontab(arguments: &[Argument]) -> Judged {
    match arguments {
        [only] if only.text == "-l" => Judged::READ,
        [user, _, list] if user.text == "-u" && list.text == "-l" => Judged::READ,
        _ => Judged::ADMIN,
    }
}

/// The first option says whether it asks or changes.
fn packages(arguments: &[Argument]) -> Judged {
    let first = arguments.first().map_or("", |word| word.text.as_str());
    let asks = [
        "-l",
        "-L",
        "-s",
        "-S",
        "-p",
        "--list",
        "--status",
        "--print-architecture",
        "--version",
    ];
    // rpm's queries run what `--pipe` and `--define` name
    let runs = given(
        arguments,
        "ED",
        &[
            "pipe",
            "define",
            "eval",
            "root",
            "rcfile",
            "macros",
            "pre-invoke",
            "admindir",
        ],
    );
    match (asks.contains(&first) || first.starts_with("-q"), runs) {
        (true, false) => Judged::READ,
        (_, true) => Judged::UNKNOWN,
        (false, false) => Judged::ADMIN,
    }
}

/// Only in batch mode: on a terminal it can signal processes.
fn top(arguments: &[Argument]) -> Judged {
    let batch = arguments
        .iter()
        .any(|word| word.text.starts_with("-b") || word.text == "--batch-mode");
    match batch {
        true => Judged::READ,
        false => Judged::UNKNOWN,
    }
}

/// Options of the shell that leave the meaning of commands alone.
fn set(arguments: &[Argument]) -> Judged {
    let mut named = false;
    for word in arguments {
        let text = word.text.as_str();
        let known = match text.strip_prefix(['-', '+']) {
            Some(letters) => {
                named = letters.ends_with('o');
                !letters.is_empty()
                    && letters
                        .chars()
                        .all(|letter| matches!(letter, 'e' | 'u' | 'x' | 'o'))
            }
            None => named && ["pipefail", "errexit", "nounset", "xtrace"].contains(&text),
        };
        if !known {
            return Judged::opaque("options");
        }
    }
    Judged::READ
}

pub(super) fn service(arguments: &[Argument]) -> Judged {
    match arguments {
        [only] if only.text == "--status-all" => Judged::READ,
        [name, action] if !name.text.starts_with('-') => match action.text.as_str() {
            "status" => Judged::READ,
            "start" | "stop" | "restart" | "reload" | "force-reload" | "try-restart" => {
                Judged::ADMIN
            }
            _ => Judged::UNKNOWN,
        },
        _ => Judged::UNKNOWN,
    }
}

/// A script in a file is a program like any other; code among the arguments or on the input is not told.
fn interpreter(arguments: &[Argument]) -> Judged {
    let words: Vec<&str> = arguments.iter().map(|word| word.text.as_str()).collect();
    match words.as_slice() {
        ["--version" | "-V" | "-v" | "-VV"] => Judged::READ,
        ["-m", _, ..] => Judged::UNKNOWN,
        ["-u" | "-B" | "-s" | "-S" | "-I" | "-E" | "-w", script, ..] if is_script(script) => {
            Judged::UNKNOWN
        }
        [script, ..] if is_script(script) => Judged::UNKNOWN,
        _ => Judged::opaque("code"),
    }
}

fn is_script(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with('-')
        && !word.starts_with("/dev/")
        && !word.starts_with("/proc/")
}
