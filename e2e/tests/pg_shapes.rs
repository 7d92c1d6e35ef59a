//! However a statement is shaped, it costs the gateway little and ends nothing: the shapes that parsers are known to fail
//! on, each sent alone, with the processor's time of the gateway before and after.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

use std::time::{Duration, Instant};

use e2e::direct::sqlstate;
use e2e::lasting::Lasting;
use e2e::wire::{Wire, text};

/// Of the processor, for one statement; what is not optimised takes several times as long.
const COSTS: Duration = match cfg!(debug_assertions) {
    true => Duration::from_millis(1000),
    false => Duration::from_millis(250),
};
/// Until its answer.
const TAKES: Duration = Duration::from_secs(8);

fn nested(open: &str, middle: &str, close: &str, times: usize) -> String {
    format!("{}{middle}{}", open.repeat(times), close.repeat(times))
}

/// What parsers overflow, hang or grow on.
#[expect(clippy::too_many_lines, reason = "one table of shapes")]
fn shapes() -> Vec<(String, String)> {
    let mut shapes = Vec::new();
    for times in [3_000, 45_000, 100_000] {
        let mut shape = |what: &str, text: String| shapes.push((format!("{what} x {times}"), text));
        shape("sums", format!("SELECT 1{}", "+1".repeat(times)));
        shape(
            "alternatives",
            format!("SELECT 1 WHERE false{}", " OR false".repeat(times)),
        );
        shape(
            "conjunctions",
            format!(
                "SELECT 1 WHERE true{}",
                " AND (true OR false)".repeat(times)
            ),
        );
        shape("casts", format!("SELECT 1{}", "::int".repeat(times)));
        shape(
            "arrows",
            format!("SELECT '{{}}'::jsonb{}", "->'a'".repeat(times)),
        );
        shape(
            "concatenations",
            format!("SELECT ''{}", "||''".repeat(times)),
        );
        shape(
            "arms",
            format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(times)),
        );
        shape(
            "parentheses",
            format!("SELECT {}", nested("(", "1", ")", times)),
        );
        shape(
            "negations",
            format!("SELECT {}", nested("NOT ", "true", "", times)),
        );
        shape("signs", format!("SELECT {}", nested("- ", "1", "", times)));
        shape(
            "calls",
            format!("SELECT {}", nested("abs(", "1", ")", times)),
        );
        shape(
            "cases",
            format!(
                "SELECT {}",
                nested("CASE WHEN ", "true", " THEN true END", times)
            ),
        );
        shape(
            "arrays",
            format!("SELECT {}", nested("ARRAY[", "1", "]", times)),
        );
        shape("sub-selects", nested("SELECT (", "SELECT 1", ")", times));
        shape(
            "derived tables",
            nested("SELECT * FROM (", "SELECT 1", ") x", times),
        );
        shape(
            "common tables",
            nested("WITH x AS (", "SELECT 1", ") SELECT 1", times),
        );
        shape("explanations", nested("EXPLAIN ", "SELECT 1", "", times));
        shape(
            "joins",
            format!("SELECT 1 FROM items{}", " CROSS JOIN items".repeat(times)),
        );
        shape(
            "self joins",
            format!(
                "SELECT a.id FROM items a{}",
                " NATURAL JOIN items".repeat(times)
            ),
        );
        shape(
            "members",
            format!("SELECT 1 WHERE 1 IN (1{})", ",1".repeat(times)),
        );
        shape("outputs", format!("SELECT 1{}", ",1".repeat(times)));
        shape(
            "names",
            format!("SELECT id{} FROM items", ",id".repeat(times)),
        );
        shape(
            "orders",
            format!(
                "SELECT id{0} FROM items ORDER BY id{0}",
                ",id".repeat(times)
            ),
        );
        shape(
            "numbered orders",
            format!(
                "SELECT *{} FROM items ORDER BY 1{}",
                ",id".repeat(times / 3),
                ",9000".repeat(times / 3)
            ),
        );
        shape(
            "columns of many tables",
            format!(
                "SELECT 1{} FROM items{}",
                ",id".repeat(times / 3),
                ",items".repeat(times / 3)
            ),
        );
        shape(
            "groups",
            format!("SELECT 1 FROM items GROUP BY id{}", ",id".repeat(times)),
        );
        shape("fields", format!("SELECT (x){}", ".a".repeat(times)));
        shape("qualifiers", format!("SELECT {}a", "a.".repeat(times)));
        shape("subscripts", format!("SELECT x{}", "[1]".repeat(times)));
        shape("statements", "SELECT 1;".repeat(times));
        shape("empty statements", ";".repeat(times));
        shape(
            "empty statements behind another",
            format!("SELECT 1 AS a ORDER BY a = 42{}", ";".repeat(times)),
        );
        shape(
            "comparisons",
            format!(
                "SELECT 1 FROM items WHERE id = 42{}",
                " OR id = 42".repeat(times)
            ),
        );
        shape("many common tables", {
            let tables: Vec<String> = (0..times).map(|n| format!("t{n} AS (SELECT 1)")).collect();
            format!("WITH {} SELECT 1", tables.join(", "))
        });
        shape("many parameters", {
            let names: Vec<String> = (1..=times).map(|n| format!("${n}")).collect();
            format!("SELECT {}", names.join(", "))
        });
        shape(
            "comments in comments",
            format!("SELECT 1 {}", nested("/*", "", "*/", times)),
        );
        shape(
            "comments never closed",
            format!("SELECT 1 {}", "/*".repeat(times)),
        );
        shape(
            "dollar quotes",
            format!("SELECT {}", "$a$x$a$||".repeat(times) + "''"),
        );
        shape("tags never closed", "SELECT $a$ $b$ ".repeat(times));
        shape(
            "continued strings",
            format!("SELECT 'a'{}", "\n'b'".repeat(times)),
        );
    }
    let rows = |count: usize| vec!["(1,'a')"; count].join(",");
    for (what, text) in [
        (
            "a literal of a megabyte",
            format!("SELECT '{}'", "x".repeat(1_000_000)),
        ),
        (
            "a literal of quotes",
            format!("SELECT '{}'", "''".repeat(500_000)),
        ),
        (
            "a literal of escapes",
            format!("SELECT E'{}'", "\\x41".repeat(250_000)),
        ),
        (
            "an array of a megabyte",
            format!("SELECT '{{{}1}}'::int[]", "1,".repeat(450_000)),
        ),
        (
            "a document of a megabyte",
            format!(
                "SELECT '{}1{}'::json",
                "[".repeat(400_000),
                "]".repeat(400_000)
            ),
        ),
        (
            "a comment of a megabyte",
            format!("SELECT 1 /*{}*/", "x".repeat(1_000_000)),
        ),
        (
            "a line of a megabyte",
            format!("SELECT 1 --{}", "x".repeat(1_000_000)),
        ),
        (
            "a name of a megabyte",
            format!("SELECT 1 AS {}", "x".repeat(1_000_000)),
        ),
        (
            "a quoted name of a megabyte",
            format!("SELECT 1 AS \"{}\"", "x".repeat(1_000_000)),
        ),
        ("blanks", format!("SELECT{}1", " ".repeat(1_000_000))),
        ("digits", format!("SELECT {}", "1".repeat(1_000_000))),
        ("rows", format!("SELECT * FROM (VALUES {}) v", rows(50_000))),
        (
            "cards",
            format!("SELECT '{}'", "4111111111111111 ".repeat(50_000)),
        ),
        (
            "near cards",
            format!("SELECT '{}'", "4111 1111 1111 111".repeat(50_000)),
        ),
        (
            "near addresses",
            format!("SELECT '{}'", "a@b.".repeat(200_000)),
        ),
        (
            "dots and signs",
            format!("SELECT '{}'", "a.a@".repeat(200_000)),
        ),
    ] {
        shapes.push((what.to_owned(), text));
    }
    shapes
}

fn spent(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, after) = stat.rsplit_once(')').unwrap();
    // user and system time, in hundredths of a second
    let fields = after.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

#[test]
fn no_shape_costs_much_or_ends_anything() {
    let lasting: Lasting = Lasting::start(&[]).unwrap();
    let stand = &lasting.stand;
    let login = || {
        let mut wire = Wire::login(stand.place(), "ada", &stand.people.ada).unwrap();
        // what takes the server long is not what is asked here
        wire.query("SET statement_timeout = '300ms'").unwrap();
        wire.answer(b'Z').unwrap();
        wire
    };
    let mut wire = login();
    let mut costly = Vec::new();
    let mut worst = (Duration::ZERO, String::new());
    let mut understood = 0;
    for (what, text_of_it) in shapes() {
        let before = spent(stand.gateway.id());
        let started = Instant::now();
        wire.query(&text_of_it).unwrap();
        match wire.answer(b'Z') {
            Ok(heard) => understood += u32::from(sqlstate(&heard).is_none()),
            // what is longer than a message may be ends its own session, in native words
            Err(error) => {
                let told = format!("{error:#}");
                if !told.contains("SFATAL") {
                    costly.push(format!("{what}: {told}"));
                }
                wire = login();
            }
        }
        let (cost, took) = (spent(stand.gateway.id()) - before, started.elapsed());
        if std::env::var_os("COUNTERSIGN_SHOW").is_some() {
            eprintln!("{cost:?} {took:?} {what}");
        }
        if cost > worst.0 {
            worst = (cost, what.clone());
        }
        if cost > COSTS || took > TAKES {
            costly.push(format!("{what}: {cost:?} of the processor, {took:?}"));
        }
    }
    eprintln!("{understood} are understood; the worst: {worst:?}");
    assert!(costly.is_empty(), "{}", costly.join("\n"));
    assert!(understood > 20, "only {understood} are understood");
    wire.query("SELECT 'alive'").unwrap();
    assert!(text(&wire.answer(b'Z').unwrap()).contains("alive"));
}
