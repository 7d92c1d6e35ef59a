//! However a command line is made, decoding it takes bounded time and stack.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::mpsc;
use std::time::Duration;

use protocol_ssh::decode::{Command, STACK, command};
use protocol_ssh::words::exec;

/// Not a measure: what is not bounded takes hours.
const LASTS: Duration = Duration::from_secs(20);

#[test]
fn however_deep_it_is_read_or_opaque_in_bounded_time() {
    let mut shapes = Vec::new();
    for levels in [8, 12, 16, 20, 24, 31, 60, 5000] {
        for (name, open, middle, close) in NESTING {
            let closed = format!("{}{middle}{}", open.repeat(levels), close.repeat(levels));
            let hidden = closed.replace("if", "i\\f").replace("case", "c\\ase");
            let hidden = hidden.replace([' '], "\\ ").replace(';', "\\;");
            shapes.push((format!("{name} {levels} open"), open.repeat(levels)));
            shapes.push((format!("{name} {levels} within"), format!("sh -c {hidden}")));
            shapes.push((format!("{name} {levels}"), closed));
        }
    }
    let mut read = 0;
    for (name, text) in &shapes {
        read += usize::from(!decoded(name, text).opaque());
    }
    assert!(read >= 20, "{read} of {}", shapes.len());
}

#[test]
fn what_nests_in_one_another_is_read_or_opaque_in_bounded_time() {
    for (outer, open, _, close) in NESTING {
        for (inner, open_inner, middle, close_inner) in NESTING {
            let (begin, end) = (
                format!("{open}{open_inner}"),
                format!("{close_inner}{close}"),
            );
            for levels in [10, 20] {
                let name = format!("{inner} in {outer}, {levels}");
                decoded(&name, &begin.repeat(levels));
                let closed = format!("{}{middle}{}", begin.repeat(levels), end.repeat(levels));
                decoded(&name, &closed);
            }
        }
    }
}

#[test]
fn a_document_without_a_delimiter_is_opaque() {
    for text in [
        "cat <<\"\"",
        "cat <<''\na\n\n",
        "cat <<- \"\"''\n",
        "cat <<\\",
        "cat <<\n",
        "cat <<<<<\"\"\"\"",
        "echo $(cat <<  a ",
        "echo $(cat <<  a ) ",
        "cat \\<<<\"\" ",
        "cat <<a$(\"\" ",
        "cat <<a${\"\" ",
        "cat <<a$[  b ",
        "x=1 <<EOF$(\"\" ",
        "cat <<'a'\"\" ",
        "for i in 9 a#lb;sh -c  \\\\fi12<<<<<\"\"\"\"\"\"\"\"; ",
    ] {
        assert!(decoded(text, text).opaque(), "{text}");
    }
    for text in [
        "cat <<EOF\na\nEOF\n",
        "cat <<-'E'\n\ta\nE\n",
        "cat <<<a",
        "cat <<< \"\"",
    ] {
        assert!(!decoded(text, text).opaque(), "{text}");
    }
}

#[test]
fn however_much_there_is_it_is_listed_in_bounded_time() {
    let many = |part: &dyn Fn(usize) -> String| (0..6000).map(part).collect::<String>();
    let shapes = [
        ("programs", many(&|n| format!("a{n};"))),
        (
            "files of programs",
            format!(
                "sh -c '{}' {}",
                "a;".repeat(250),
                many(&|n| format!(">{n} "))
            ),
        ),
        (
            "documents",
            format!("cat {}\n{}", "<<a ".repeat(8000), "a\n".repeat(8000)),
        ),
        ("assignments", many(&|n| format!("a{n}=1 "))),
        ("wrappers", format!("{}ls", "env ".repeat(12_000))),
        ("finds", format!("find / {}", "-exec find / ".repeat(4000))),
        ("braces", format!("echo {}", "{".repeat(60_000))),
        ("patterns", format!("echo {}", "[".repeat(60_000))),
    ];
    for (name, text) in &shapes {
        let decoded = decoded(name, text);
        let files = decoded
            .leaves
            .iter()
            .map(|leaf| leaf.reads.len() + leaf.writes.len());
        let listed = decoded.programs.len() + decoded.leaves.len() + files.sum::<usize>();
        assert!(listed < 2000, "{name}: {listed}");
    }
}

/// A name, what opens, what stands within, what closes.
const NESTING: &[(&str, &str, &str, &str)] = &[
    ("subshells", "( ", "ls", " )"),
    ("brackets", "(", "a;", ")"),
    ("arithmetic", "((", "1", "))"),
    ("a regular expression", "[[ x =~ (", "a", ") ]]"),
    (
        "groups of one",
        "[[ x =~ ((((((((((((((((((((((((",
        "a",
        ")))))))))))))))))))))))) ]];",
    ),
    ("for", "for a in b; do ", "ls", "; done"),
    (
        "arithmetic for",
        "for ((;;(((((((((((((( ; do ",
        "ls",
        "; done",
    ),
    ("if", "if ", "ls", "; then ls; fi"),
    ("else", "if ls; then ls; else ", "ls", "; fi"),
    ("elif", "if ls; then ls; elif ", "ls", "; then ls; fi"),
    ("while", "while ", "ls", "; do ls; done"),
    ("until", "until ls; do ", "ls", "; done"),
    ("case", "case a in b) ", "ls", " esac"),
    ("case, ended", "case a in b) ", "ls", ";; esac"),
    ("time", "time ", "ls", ""),
    ("time of blocks", "time { ", "ls", "; }"),
    ("not", "! ", "ls", ""),
    ("tests", "[[ ! ( ", "a", " ) ]]"),
    ("braces", "{ ", "ls", "; }"),
    ("functions", "f() { ", "ls", "; }"),
    ("function", "function f { ", "ls", "; }"),
    ("function ()", "function f () ( ", "ls", " )"),
    ("coprocesses", "coproc ", "ls", ""),
    ("named coprocesses", "coproc a { ", "ls", "; }"),
    ("from processes", "cat <( ", "ls", " )"),
    ("redirected from processes", "cat < <( ", "ls", " )"),
    ("substitutions", "echo $( ", "ls", " )"),
    ("quoted substitutions", "echo \"$( ", "ls", " )\""),
    ("calculations", "echo $((", "1", "))"),
    ("expansions", "echo ${a:-", "b", "}"),
    ("arrays", "a=(", "b", ")"),
    ("extended patterns", "echo @(", "b", ")"),
    (
        "hidden by a pattern",
        "echo @(((((((((((((((((((((((((( ; ((((((((((((((((((((((((;",
        "b",
        ")",
    ),
    ("pipes", "ls | ( ", "ls", " )"),
    ("shells", "sh -c ", "ls", ""),
];

/// On a thread with the stack that the decoder asks for: more would end the process.
fn decoded(name: &str, text: &str) -> Command {
    let text = text.to_owned();
    let (done, result) = mpsc::channel();
    let thread = std::thread::Builder::new().stack_size(STACK);
    let decoding = move || {
        let decoded = command(text.as_bytes());
        assert!(!exec(&decoded, "login").is_empty());
        done.send(decoded).unwrap();
    };
    thread.spawn(decoding).unwrap();
    let decoded = result.recv_timeout(LASTS);
    decoded.unwrap_or_else(|error| panic!("{name}: {error}"))
}
