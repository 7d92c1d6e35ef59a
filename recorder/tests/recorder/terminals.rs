//! Recordings of terminals: whatever was recorded, nothing of it harms who looks at it; and lines are told without what
//! was typed.

use bytes::Bytes;
use proptest::prelude::*;
use recorder::RequestId;
use recorder::tape::cast::{Begun, Cast};
use recorder::tape::{Event, Header, Kind, Moment, Size};
use recorder::terminal::harmless::Harmless;
use recorder::terminal::lines::Lines;

fn harmless(bytes: &[u8]) -> String {
    Harmless::new().pass(bytes)
}

/// Read by hand, so that it does not err where the parser does: the first thing that is not on the list.
fn first_harm(shown: &str) -> Option<String> {
    let letters: Vec<char> = shown.chars().collect();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        at += 1;
        if letter != '\x1b' {
            let turns =
                matches!(u32::from(letter), 0x200e | 0x200f | 0x202a..=0x202e | 0x2066..=0x2069);
            if turns || (letter.is_control() && !"\n\r\t\x08".contains(letter)) {
                return Some(format!("{letter:?}"));
            }
            continue;
        }
        let Some(&kind) = letters.get(at) else {
            return Some("half a sequence".to_owned());
        };
        at += 1;
        if kind != '[' {
            if !"78DEM".contains(kind) {
                return Some(format!("ESC {kind:?}"));
            }
            continue;
        }
        let private = letters.get(at) == Some(&'?');
        at += usize::from(private);
        let from = at;
        while letters
            .get(at)
            .is_some_and(|l| l.is_ascii_digit() || ";:".contains(*l))
        {
            at += 1;
        }
        let numbers: String = letters[from..at].iter().collect();
        let Some(&action) = letters.get(at) else {
            return Some("half a sequence".to_owned());
        };
        at += 1;
        let fine = match (private, action) {
            (true, 'h' | 'l') => ["7", "25", "47", "1047", "1048", "1049"].contains(&&*numbers),
            (true, _) => false,
            (false, 'h' | 'l') => numbers == "4",
            (false, 's' | 'u') => numbers.is_empty(),
            (false, 'J') => numbers.split([';', ':']).next() != Some("3"),
            (false, action) => "mABCDEFGHIZ`adefbKXLMP@STr".contains(action),
        };
        if !fine {
            return Some(format!("CSI {private} {numbers} {action}"));
        }
    }
    None
}

#[test]
fn what_paints_a_screen_passes() {
    for (sent, shown) in [
        ("plain, f\u{fc}r \u{20ac} \u{1f980}\r\n\tx\x08", None),
        ("\x1b[1;38:2:1:2:3;48;5;7mred\x1b[0m", None),
        (
            "\x1b[?1049h\x1b[2;3H\x1b[2J\x1b[5;20r\x1b[3A\x1b[?25l\x1b[?1049l",
            None,
        ),
        ("\x1b7\x1b8\x1bM", None),
        // the graphic letters of a terminal, in those of today
        ("\x1b(0lqk\x1b(B lqk", Some("\u{250c}\u{2500}\u{2510} lqk")),
        ("\x1b)0\x0ex\x0fx", Some("\u{2502}x")),
        // a letter that comes with the next piece is shown then
        ("a\u{20ac}", None),
    ] {
        assert_eq!(harmless(sent.as_bytes()), shown.unwrap_or(sent), "{sent:?}");
        assert_eq!(first_harm(&harmless(sent.as_bytes())), None, "{sent:?}");
    }
    let mut pieces = Harmless::new();
    let shown: Vec<String> = ["a\u{20ac}".as_bytes(), b"b"]
        .concat()
        .chunks(1)
        .map(|byte| pieces.pass(byte))
        .collect();
    assert_eq!(shown, ["a", "", "", "\u{20ac}", "b"]);
}

#[test]
fn what_reaches_beyond_the_screen_is_taken_out() {
    for (what, sent) in [
        ("the clipboard", "\x1b]52;c;cm0gLXJmIC8K\x07"),
        ("a link", "\x1b]8;;http://evil.example/\x1b\\"),
        ("a title", "\x1b]0;title\x07"),
        ("a title and its report", "\x1b]2;x\x07\x1b[21t"),
        ("a window's size", "\x1b[8;1;1t"),
        ("colours and their report", "\x1b]4;1;?\x07\x1b]11;?\x07"),
        ("a device's attributes", "\x1b[c\x1b[>c\x1b[=c\x1b[0c\x1bZ"),
        ("where the cursor is", "\x1b[6n\x1b[?6n\x1b[5n"),
        ("settings", "\x1bP$qm\x1b\\\x1b[?2004$p"),
        (
            "a device's own words",
            "\x1bPq#0;2\x1b\\\x1b_Gf=32;AAAA\x1b\\",
        ),
        ("strings", "\x1bXsecret\x1b\\\x1b^private\x1b\\"),
        ("the mouse", "\x1b[?1000h\x1b[?1006h\x1b[?1003h"),
        ("pasting", "\x1b[?2004h"),
        ("keys", "\x1b[?1h\x1b=\x1b>\x1b[>1u\x1b[>4;2m"),
        ("printing", "\x1b[5i\x1b[4i"),
        ("the bell, and asking who is there", "\x07\x05"),
        ("eight bits", "\u{9b}6n\u{9d}0;x\u{9c}\u{90}q\u{9c}"),
        ("what scrolled away", "\x1b[3J"),
        ("margins and tests", "\x1b[1;2s\x1b#8"),
        ("the direction", "\u{202e}"),
    ] {
        let shown = harmless(format!("<{sent}>").as_bytes());
        assert_eq!(first_harm(&shown), None, "{what}: {shown:?}");
        assert!(!shown.contains('\x1b'), "{what}: {shown:?}");
        assert!(
            shown.starts_with('<') && shown.ends_with('>'),
            "{what}: {shown:?}"
        );
        for secret in ["evil", "title", "secret", "private", "AAAA", "cm0"] {
            assert!(!shown.contains(secret), "{what}: {shown:?}");
        }
    }
    assert_eq!(first_harm(&harmless(b"\x9b6n\x9d0;x\x07\x90q")), None);
}

#[test]
fn a_terminal_is_left_in_order() {
    let mut other = Harmless::new();
    other.pass(b"\x1b[?1049h\x1b[2;5r\x1b[31m\x1b]0;never ended");
    let end = other.end();
    assert!(
        end.starts_with("\x1b[?1049l") && end.contains("\x1b[0m"),
        "{end:?}"
    );
    assert!(
        end.contains("\x1b[0r") && end.contains("\x1b[?25h"),
        "{end:?}"
    );
    assert_eq!(first_harm(&end), None);
}

fn output() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 0..6),
        2 => "[0-9;:?>=<! \"$']{0,6}".prop_map(String::into_bytes),
        2 => any::<char>().prop_map(|letter| letter.to_string().into_bytes()),
        6 => proptest::sample::select(vec![
            "\x1b", "\x1b[", "\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x1b\\", "\x07", "\x18", "\u{9b}", "\u{9d}",
            "\u{90}", "\x1b[?", "\x1b]52;c;", "\x1b]8;;", "\x1b(0", "\x1b)0", "\x0e", "h", "l", "m", "n", "c", "t", "J",
            "r", "2004", "1049", "\x1bc", "\x1b[3J", "\x1b[?1049h",
        ]).prop_map(|text| text.as_bytes().to_vec()),
    ];
    proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn nothing_but_what_is_on_the_list_gets_through(bytes in output()) {
        let mut filter = Harmless::new();
        let shown = filter.pass(&bytes);
        prop_assert_eq!(first_harm(&shown), None);
        prop_assert_eq!(first_harm(&filter.end()), None);
        // and what got through once gets through as it is
        prop_assert_eq!(harmless(shown.as_bytes()), shown);
    }

    #[test]
    fn it_is_the_same_however_it_is_cut(bytes in output(), size in 1usize..7) {
        let mut filter = Harmless::new();
        let pieces: String = bytes.chunks(size).map(|piece| filter.pass(piece)).collect();
        prop_assert_eq!(pieces, harmless(&bytes));
    }

    #[test]
    fn lines_are_found_in_anything(bytes in output(), typed in output(), size in 1usize..50) {
        let mut lines = Lines::new();
        for piece in bytes.chunks(size) {
            lines.typed(&typed);
            for line in lines.shown(piece) {
                prop_assert_eq!(first_harm(&line), None);
            }
        }
    }
}

/// What was found while a prompt was shown, something typed, and the answer shown.
fn entered(steps: &[(&str, &str)]) -> Vec<String> {
    let mut lines = Lines::new();
    let mut found = Vec::new();
    for (typed, shown) in steps {
        lines.typed(typed.as_bytes());
        found.extend(lines.shown(shown.as_bytes()));
    }
    found
}

#[test]
fn a_line_is_what_stood_behind_the_prompt() {
    let mut lines = Lines::new();
    assert!(lines.shown(b"\x1b[1mada@box\x1b[0m:~$ ").is_empty());
    let steps = ["l", "s", " /"];
    for step in steps {
        lines.typed(step.as_bytes());
        assert!(lines.shown(step.as_bytes()).is_empty());
    }
    lines.typed(b"\r");
    assert_eq!(lines.shown(b"\r\nbin  etc\r\nada@box:~$ "), ["ls /"]);
    // an older command is fetched and changed
    lines.typed(b"\x1b[A");
    assert!(lines.shown(b"ls /").is_empty());
    lines.typed(b"\x7f\x7f");
    assert!(lines.shown(b"\x08\x1b[K\x08\x1b[K").is_empty());
    lines.typed(b"\r");
    assert_eq!(lines.shown(b"\r\n"), ["ls"]);
}

#[test]
fn what_is_not_shown_is_not_found() {
    let password = entered(&[
        ("", "Password: "),
        ("hunter2", ""),
        ("\r", "\r\n"),
        ("", "welcome\r\n"),
    ]);
    assert_eq!(password, Vec::<String>::new());
    let output = entered(&[("", "$ "), ("", "nobody typed this\r\nnor this\r\n")]);
    assert_eq!(output, Vec::<String>::new());
    let editor = entered(&[
        ("", "$ "),
        ("vi\r", "vi\r\n\x1b[?1049h"),
        ("text\r", "text\r\n"),
        (":q\r", ":q\r\n\x1b[?1049l"),
    ]);
    assert_eq!(editor, ["vi"]);
}

fn event(at: u64, kind: Kind) -> Event {
    Event {
        at: 1_000_000_000 + at,
        request: Some(RequestId::from(7)),
        kind,
    }
}

#[test]
fn a_cast_is_what_players_read() {
    let begun = Begun {
        request: RequestId::from(7),
        at: 1_000_000_000,
        size: Size {
            columns: 0,
            rows: 4_000_000_000,
        },
        statement: "shell as \u{1b}[2Jroot".to_owned(),
    };
    let header = Header {
        actor: "user:ada".to_owned(),
        target: "box".to_owned(),
        ..Header::default()
    };
    assert_eq!(
        Cast::header(&header, &begun),
        serde_json::json!({
            "version": 2, "width": 80, "height": 1000, "timestamp": 1, "title": "user:ada at box: shell as \\u{1b}[2Jroot",
        })
    );
    let mut cast = Cast::of(&begun);
    let euro = "\u{20ac}".as_bytes();
    let size = Size {
        columns: 100,
        rows: 30,
    };
    let mut lines = Vec::new();
    for event in [
        event(500_000_000, Kind::Reply(Bytes::copy_from_slice(&euro[..1]))),
        event(750_000_000, Kind::Reply(Bytes::copy_from_slice(&euro[1..]))),
        event(700_000_000, Kind::Moment(Moment::Resized(size))),
        event(
            800_000_000,
            Kind::Reply(Bytes::from_static(b"\x1b]52;c;eA==\x07")),
        ),
        event(
            2_000_000_000,
            Kind::Moment(Moment::Advisory("ls".to_owned())),
        ),
        Event {
            request: None,
            ..event(0, Kind::Reply(Bytes::from_static(b"of another")))
        },
    ] {
        lines.extend(cast.line(&event).map(|line| line.to_string()));
    }
    assert_eq!(
        lines,
        [
            "[0.75,\"o\",\"\u{20ac}\"]",
            "[0.75,\"r\",\"100x30\"]",
            "[2.0,\"m\",\"advisory: ls\"]"
        ]
    );
    assert!(cast.end().to_string().starts_with("[2.0,\"o\",\"\\u001b"));
}
