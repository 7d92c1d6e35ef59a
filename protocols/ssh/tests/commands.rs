//! What must hold for any command line: never judged by its first word, never deeper than the stack, never a panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod shapes;

use std::thread;

use proptest::prelude::*;
use protocol_ssh::decode::{Command, STACK, command};
use protocol_ssh::words::exec;

/// Whether a permit on `read` alone would let it through.
fn reads_only(command: &Command) -> bool {
    exec(command, "deploy")
        .iter()
        .all(|operation| operation.action.id == "exec_read")
}

/// On half the stack that the decoder asks for.
fn tight<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = thread::Builder::new().stack_size(STACK / 2);
    thread.spawn(run).unwrap().join().unwrap()
}

/// Ways to hide `rm` behind a program that only reads.
#[test]
#[expect(clippy::too_many_lines, reason = "names every shape")]
fn nothing_hides_behind_a_harmless_word() {
    let hidden = [
        "ls; {}",
        "ls\n{}",
        "ls && {}",
        "ls || {}",
        "ls | {}",
        "ls & {}",
        "{} & ls",
        "ls $({})",
        "ls \"$({})\"",
        "ls `{}`",
        "ls \"`{}`\"",
        "ls <({})",
        "ls >({})",
        "({})",
        "{ {}; }",
        "! {}",
        "time {}",
        "if {}; then ls; fi",
        "if ls; then {}; fi",
        "if ls; then ls; else {}; fi",
        "while {}; do ls; done",
        "until ls; do {}; done",
        "for i in a; do {}; done",
        "for i in $({}); do ls; done",
        "case a in a) {};; esac",
        "case $({}) in *) ls;; esac",
        "f() { {}; }; f",
        "ls() { {}; }; ls",
        "sh -c '{}'",
        "bash -c \"{}\"",
        "bash -lc '{}'",
        "env {}",
        "env -i {}",
        "env A=1 {}",
        "nice {}",
        "nice -n 3 {}",
        "nohup {}",
        "timeout 3 {}",
        "timeout -k 1 3 {}",
        "setsid {}",
        "stdbuf -o0 {}",
        "command {}",
        "builtin {}",
        "exec {}",
        "eval {}",
        "eval '{}'",
        "echo '{}' | sh",
        "echo x | xargs {}",
        "xargs -I% {}",
        "find / -exec {} \\;",
        "find / -ok {} +",
        "watch '{}'",
        "sudo {}",
        "sudo -u x {}",
        "doas {}",
        "su -c '{}'",
        "su x -c '{}'",
        "flock /tmp/l {}",
        "ionice -c3 {}",
        "LANG=C {}",
        "X=$({}) ls",
        "X=$({})",
        "ls > $({})",
        "cat <<A\n$({})\nA",
        "cat <<A\n`{}`\nA",
        "[[ -f $({}) ]]",
        "ls # $({})\n{}",
        "ls a#b; {}",
        "coproc {}",
        "trap '{}' EXIT",
        "alias ls='{}'\nls",
        "busybox {}",
        "\\{}",
        "''{}",
        "{} ''",
        "/bin/{}",
        "/usr/bin/{}",
        "ls;{}",
        "ls;;{}",
        "echo \\\\; {}",
        "echo \\; ; {}",
        "echo ';' ; {}",
        "echo '\\' ; {}",
        "echo \"\\\\\" ; {}",
        "ls 2>&1 ; {}",
        "ls \\\n; {}",
        "ls |& {}",
        "ls &> x; {}",
        "function f { {}; }; f",
        "cat <<'A' ; {}\nx\nA",
        "cat <<A\nx\nA\n{}",
        "cat <<'A'\nx\nA\n{}",
        "echo $'\\''; {}",
        "echo $((1)); {}",
        "((1)); {}",
        "select i in a; do {}; done",
        "bash -c 'bash -c \"{}\"'",
        "sudo sh -c 'env nice {}'",
        "ls ${X:-$({})}",
    ];
    for shape in hidden {
        let line = shape.replace("{}", "rm x");
        let decoded = command(line.as_bytes());
        assert!(!reads_only(&decoded), "{line}: {decoded:?}");
    }
}

#[test]
fn a_pager_on_a_terminal_is_opaque() {
    for line in ["git log", "journalctl -u x", "sudo systemctl status x"] {
        let decoded = command(line.as_bytes());
        assert!(!decoded.opaque(), "{line}");
        assert!(decoded.on_terminal().opaque(), "{line}");
    }
    let plain = command(b"systemctl status x --no-pager").on_terminal();
    assert!(!plain.opaque());
    assert!(!command(b"ls").on_terminal().opaque());
}

#[test]
fn the_deepest_and_the_longest_fit_the_stack() {
    let nested = |open: &str, inside: &str, close: &str, times: usize| {
        format!("{}{inside}{}", open.repeat(times), close.repeat(times))
    };
    let mut lines = Vec::new();
    for times in [32, 64, 65, 1000, 20_000] {
        lines.extend([
            nested("(", "ls", ")", times),
            nested("( ", "ls", " )", times),
            nested("{ ", "ls;", " }", times),
            nested("$(", "ls", ")", times),
            nested("echo $(", "ls", ")", times),
            nested("\"$(", "ls", ")\"", times),
            nested("${x:-", "ls", "}", times),
            nested("if ", "ls", "; then ls; fi", times),
            nested("while ", "ls", "; do ls; done", times),
            nested("f() { ", "ls;", " };", times),
            nested("[[ ( ", "-f x", " ) ]]", times),
            nested("case x in x) ", "ls", ";; esac", times),
            nested("$((", "1", "))", times),
            nested("((", "1", "))", times),
            nested("<(", "ls", ")", times),
            format!("{}ls", "! ".repeat(times)),
            format!("{}ls", "time ".repeat(times)),
            format!("{}ls", "coproc ".repeat(times)),
            format!("{}ls", "env ".repeat(times)),
            format!("{}ls", "sudo ".repeat(times)),
            format!("{}ls", "nice ".repeat(times)),
            format!("[[ {} x ]]", "x && ".repeat(times)),
            format!("ls{}", " | ls".repeat(times)),
            format!("ls{}", "; ls".repeat(times)),
            format!("ls{}", " [".repeat(times)),
            format!("ls {}", "[".repeat(times)),
            format!("ls {}", "'a'\"b\"".repeat(times)),
            "<<a ".repeat(times),
            "\\".repeat(times),
            "\"".repeat(times),
            "~".repeat(times),
            "=".repeat(times),
            "a=".repeat(times),
        ]);
    }
    let mut quoted = "ls".to_owned();
    for _ in 0..12 {
        quoted = format!("sh -c '{}'", quoted.replace('\'', "'\\''"));
        lines.push(quoted.clone());
    }
    tight(move || {
        for line in lines {
            let decoded = command(line.as_bytes());
            assert!(!decoded.leaves.is_empty());
        }
    });
}

#[test]
fn many_programs_are_opaque_in_the_end() {
    let line = "ls;".repeat(300);
    let decoded = command(line.as_bytes());
    assert!(decoded.leaves.len() <= 258);
    assert!(
        decoded
            .leaves
            .iter()
            .any(|leaf| leaf.opaque == Some("complexity"))
    );
}

#[test]
fn the_shapes_that_readers_got_wrong_are_no_reads() {
    let harmless = ["empty", "rsync", "git"];
    for (name, bytes) in shapes::commands::commands() {
        if !harmless.contains(&name) {
            let decoded = tight(move || command(&bytes));
            assert!(!reads_only(&decoded), "{name}: {decoded:?}");
        }
    }
}

/// Output that nobody rewrites comes from the tools themselves, and from nothing that passes for one.
#[test]
fn only_the_tools_themselves_copy() {
    let line = |line: &str| command(line.as_bytes()).copies();
    for copies in [
        "scp -f /y",
        "/usr/bin/scp -r -t /y",
        "scp -f /y*",
        "LC_ALL=C scp -f /y",
        "sudo rsync --server --sender -vlogDtpre.iLsfxCIvu . /y",
        "nice -n 5 git-upload-pack '/r.git'",
        "sh -c 'scp -f /y'",
    ] {
        assert!(line(copies), "{copies}");
    }
    for own in [
        "PATH=/tmp/x scp -f /y",
        "PATH=/tmp/x scp -f /y*",
        "env PATH=/tmp/x scp -f /y",
        "env LD_PRELOAD=/tmp/x.so rsync --server --sender -vlogDtpre.iLsfxCIvu . /y",
        "sudo PATH=/tmp/x scp -f /y",
        "GIT_EXEC_PATH=/tmp/x git upload-pack /r.git",
        "SOMETHING=1 scp -f /y*",
        "LANG=$((PATH=5)) scp -f /y",
        "scp -f /y 2> $((PATH=5))",
        "scp -f /y* 2> $((PATH=5))",
        "for PATH in /tmp/x; do scp -f /y; done",
        "for SOMETHING in x; do scp -f /y; done",
        "export PATH=/tmp/x; scp -f /y",
        "PATH=/tmp/x; scp -f /y",
        "scp() { rsync --server . /y; }; scp -f /y",
        "/tmp/scp -f /y",
        "/tmp/x/scp -f /y",
        "./scp -f /y",
        "~/bin/scp -f /y",
        "/usr/bin/../../tmp/scp -f /y",
        "cd /tmp; scp -f /y",
        "scp -f /y; cat /y",
        "scp -S /tmp/x -f /y",
        "cat /y",
    ] {
        assert!(!line(own), "{own}");
    }
}

/// Pieces that mean something to a shell.
fn piece() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "ls",
        "rm",
        "x",
        " ",
        " ",
        ";",
        "&&",
        "||",
        "|",
        "&",
        "\n",
        "'",
        "\"",
        "`",
        "$(",
        ")",
        "(",
        "{ ",
        "; }",
        "$x",
        "${x}",
        "\\",
        "#",
        " #",
        "<",
        ">",
        "<<A\n",
        "A\n",
        "*",
        "~",
        "=",
        "sh -c ",
        "sudo ",
        "env ",
        "if ",
        "; then ",
        "; fi",
        "for i in ",
        "; do ",
        "; done",
        "case x in ",
        "esac",
        ";;",
        "[[ ",
        " ]]",
        "((",
        "))",
        "!",
        "2>&1",
        "$'",
        "\t",
        "-c",
        "é",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_pieces_are_decoded_or_opaque(pieces in proptest::collection::vec(piece(), 0..24)) {
        let line = pieces.concat();
        let decoded = tight(move || {
            let decoded = command(line.as_bytes());
            assert_eq!(decoded, command(line.as_bytes()));
            decoded
        });
        prop_assert!(!decoded.leaves.is_empty());
        for leaf in &decoded.leaves {
            prop_assert!(!leaf.effects.is_empty());
        }
        shapes::described(&exec(&decoded, "deploy"));
    }

    /// Quoted as a whole, a word is a constant, whatever stands in it.
    #[test]
    fn what_is_quoted_is_told(word in "[ -~éλ漢]{0,40}") {
        // what may be a test or a here-document is looked at before anybody knows what is quoted
        prop_assume!(!word.contains("[[") && !word.contains("<<"));
        let line = format!("echo '{}' done", word.replace('\'', "'\\''"));
        let decoded = command(line.as_bytes());
        prop_assert_eq!(decoded.leaves.len(), 1);
        prop_assert_eq!(&decoded.leaves[0].arguments, &vec![word, "done".to_owned()]);
    }

    #[test]
    fn any_bytes_are_decoded_or_opaque(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        prop_assert!(!command(&bytes).leaves.is_empty());
    }
}
