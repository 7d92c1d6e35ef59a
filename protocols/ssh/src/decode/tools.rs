//! The server sides of scp, rsync and git: recognised only in the exact shape that their clients send.

use super::argument::Argument;
use super::command::{Direction, Tool, ToolName};
use super::leaf::{Judged, PATTERN};

/// A server side, or something that calls itself one.
pub(super) struct Recognised {
    pub(super) judged: Judged,
    pub(super) tool: Option<Tool>,
}

/// None where the program is no server side of these tools.
pub(super) fn recognised(name: &str, arguments: &[Argument]) -> Option<Recognised> {
    let server = |word: &Argument| word.text == "--server";
    let direction = |word: &Argument| matches!(word.text.strip_prefix('-'), Some(letters) if letters.contains(['t', 'f']));
    let read = match name {
        "scp" if arguments.first().is_some_and(direction) || arguments.iter().any(is_mode) => {
            scp(arguments)
        }
        "rsync" if arguments.first().is_some_and(server) => rsync(arguments),
        "rsync" if arguments.iter().any(|word| word.text == "--daemon") => None,
        "git-upload-pack" | "git-upload-archive" => git(arguments, Direction::Download),
        "git-receive-pack" => git(arguments, Direction::Upload),
        "git" => match arguments.split_first() {
            Some((verb, rest)) if verb.text == "upload-pack" => git(rest, Direction::Download),
            Some((verb, rest)) if verb.text == "receive-pack" => git(rest, Direction::Upload),
            Some(_) | None => return None,
        },
        _ => return None,
    };
    Some(read.unwrap_or(Recognised {
        judged: Judged::opaque("options"),
        tool: None,
    }))
}

fn is_mode(word: &Argument) -> bool {
    matches!(word.text.as_str(), "-t" | "-f")
}

/// `scp [-v] [-r] [-p] [-d] -t|-f [--] path`.
fn scp(arguments: &[Argument]) -> Option<Recognised> {
    let mut direction = None;
    let mut words = arguments.iter();
    let mut path = None;
    for word in words.by_ref() {
        if word.dynamic {
            return None;
        }
        match word.text.as_str() {
            "--" => continue,
            "-v" | "-r" | "-p" | "-d" | "-q" => {}
            "-t" if direction.is_none() => direction = Some(Direction::Upload),
            "-f" if direction.is_none() => direction = Some(Direction::Download),
            text if text.starts_with('-') => return None,
            _ => {
                path = Some(word);
                break;
            }
        }
    }
    let (direction, path, None) = (direction?, path?, words.next()) else {
        return None;
    };
    Some(tool(ToolName::Scp, direction, vec![path], false))
}

/// `rsync --server [--sender] -letters [--long ...] . path ...`, as clients since 3.0 write it.
fn rsync(arguments: &[Argument]) -> Option<Recognised> {
    let (mut direction, mut deletes) = (Direction::Upload, false);
    let mut words = arguments.iter().skip(1);
    let source = loop {
        let word = words.next()?;
        let text = word.exact()?;
        match text {
            "--sender" => direction = Direction::Download,
            "." => break word,
            _ if text.starts_with("--delete") || text == "--remove-source-files" => {
                deletes = true;
            }
            _ if RSYNC_LONG.contains(&text) => {}
            _ if RSYNC_VALUED.iter().any(|known| {
                text.strip_prefix(known)
                    .is_some_and(|rest| rest.starts_with('='))
            }) => {}
            _ => rsync_letters(text)?,
        }
    };
    let paths: Vec<&Argument> = words.collect();
    let told = paths
        .iter()
        .all(|path| !path.dynamic && !path.text.starts_with('-'));
    if source.text != "." || paths.is_empty() || !told {
        return None;
    }
    Some(tool(ToolName::Rsync, direction, paths, deletes))
}

/// One cluster: what to copy and how, then `e` with what both sides can do. `s` would send the paths by another way.
fn rsync_letters(cluster: &str) -> Option<()> {
    let letters = cluster.strip_prefix('-')?;
    let (options, can) = letters.split_once('e').unwrap_or((letters, ""));
    let known = |letter: char| "vqclLkKpogtDrRSHAXUWxzunmiIOJNadbyBwE".contains(letter);
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
    (!options.starts_with('-') && options.chars().all(known) && can.chars().all(plain))
        .then_some(())
}

/// `git-upload-pack [--strict] [--timeout=n] 'path'`.
fn git(arguments: &[Argument], direction: Direction) -> Option<Recognised> {
    let harmless = |word: &&Argument| {
        matches!(
            word.text.as_str(),
            "--strict" | "--no-strict" | "--stateless-rpc"
        ) || word.text.starts_with("--timeout=")
    };
    let rest: Vec<&Argument> = arguments.iter().skip_while(harmless).collect();
    let [path] = rest.as_slice() else {
        return None;
    };
    // `--help` would open a pager
    if path.dynamic || path.text.starts_with('-') || path.text.is_empty() {
        return None;
    }
    Some(tool(ToolName::Git, direction, vec![path], false))
}

fn tool(name: ToolName, direction: Direction, paths: Vec<&Argument>, deletes: bool) -> Recognised {
    let judged = match (direction, deletes) {
        (_, true) => Judged::DELETE,
        (Direction::Upload, false) => Judged::WRITE,
        (Direction::Download, false) => Judged::READ,
    };
    let judged = match paths.iter().any(|path| path.pattern && !path.symbolic) {
        true => Judged {
            deletes: judged.deletes,
            ..Judged::opaque(PATTERN)
        },
        false => judged,
    };
    let paths = paths
        .into_iter()
        .map(|path| match path.text.starts_with('~') && !path.symbolic {
            // a quoted `~` is a name like any other
            true => format!("./{}", path.text),
            false => path.text.clone(),
        });
    let paths = paths.collect();
    Recognised {
        judged,
        tool: Some(Tool {
            name,
            direction,
            paths,
        }),
    }
}

const RSYNC_LONG: &[&str] = &[
    "--partial",
    "--numeric-ids",
    "--inplace",
    "--append",
    "--append-verify",
    "--ignore-existing",
    "--existing",
    "--ignore-errors",
    "--force",
    "--safe-links",
    "--copy-unsafe-links",
    "--delay-updates",
    "--no-r",
    "--no-implied-dirs",
    "--fuzzy",
    "--size-only",
    "--super",
    "--fake-super",
    "--stats",
    "--list-only",
    "--new-compress",
    "--old-compress",
    "--open-noatime",
    "--preallocate",
    "--prune-empty-dirs",
    "--specials",
    "--devices",
    "--mkpath",
    "--no-W",
    "--no-whole-file",
    "--use-qsort",
    "--munge-links",
];

const RSYNC_VALUED: &[&str] = &[
    "--bwlimit",
    "--timeout",
    "--max-delete",
    "--max-size",
    "--min-size",
    "--modify-window",
    "--compress-level",
    "--compress-choice",
    "--checksum-choice",
    "--checksum-seed",
    "--block-size",
    "--out-format",
    "--log-format",
    "--chmod",
    "--skip-compress",
    "--max-alloc",
    "--stop-after",
    "--usermap",
    "--groupmap",
];
