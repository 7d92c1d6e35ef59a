//! No text aborts the process: the deepest of every construct is decoded or refused on a stack of 64 MiB.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use protocol_postgres::decode::{SessionState, analyse, operations};

fn nested(open: &str, middle: &str, close: &str, times: usize) -> String {
    format!("{}{middle}{}", open.repeat(times), close.repeat(times))
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of constructs")]
fn nesting_never_aborts() {
    let run = || {
        let mut decoded = 0_u32;
        for times in [100, 1_000, 3_000, 4_500, 8_000, 60_000] {
            for text in [
                nested("SELECT (", "1", ")", 1).replace("(1)", &nested("(", "1", ")", times)),
                format!("SELECT 1{}", " + 1".repeat(times)),
                format!("SELECT 1{}", " || a.b".repeat(times)),
                format!("SELECT x{}", "::int".repeat(times)),
                format!("SELECT {}", nested("- ", "x", "", times)),
                format!("SELECT {}", nested("NOT ", "true", "", times)),
                format!("SELECT 1 WHERE true{}", " AND (x OR y)".repeat(times)),
                format!("SELECT {}", nested("f(", "1", ")", times)),
                format!(
                    "SELECT {}",
                    nested("CASE WHEN ", "true", " THEN 1 END", times)
                ),
                format!("SELECT {}", nested("ARRAY[", "1", "]", times)),
                format!("SELECT {}", nested("ROW(", "1", ")", times)),
                format!("SELECT {}", nested("coalesce(", "1", ")", times)),
                nested("SELECT * FROM (", "SELECT 1", ") x", times),
                nested("SELECT (", "SELECT 1", ")", times),
                nested("SELECT 1 WHERE EXISTS (", "SELECT 1", ")", times),
                nested("WITH x AS (", "SELECT 1", ") SELECT 1", times),
                nested("EXPLAIN ", "SELECT 1", "", times),
                format!("SELECT 1{}", " UNION SELECT 1".repeat(times)),
                format!(
                    "SELECT 1{}",
                    " UNION ALL (SELECT 1".repeat(times) + &")".repeat(times)
                ),
                format!("SELECT * FROM t{}", " JOIN t USING (a)".repeat(times)),
                format!(
                    "SELECT * FROM {}",
                    nested("(", "t", " CROSS JOIN t)", times)
                ),
                format!(
                    "DELETE FROM t WHERE {}",
                    nested("NOT (a = 1 AND ", "a = a", ")", times)
                ),
                format!("SELECT x{}", "[1]".repeat(times)),
                format!("SELECT x{}", " COLLATE \"C\"".repeat(times)),
                format!("SELECT {}", nested("(x).", "a", "", times)),
                format!("SELECT {}1", "a.".repeat(times)),
                format!(
                    "SELECT * FROM {}",
                    nested("JSON_TABLE(", "a", ", '$' COLUMNS (b int))", times)
                ),
                "SELECT 1;".repeat(times),
            ] {
                if let Ok(analysis) = analyse(&text) {
                    decoded += 1;
                    assert!(!operations(&analysis, &SessionState::default()).is_empty());
                }
            }
        }
        decoded
    };
    let decoded = std::thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
    assert!(decoded >= 40, "{decoded}");
}

#[test]
fn statements_and_words_are_counted_and_what_only_looks_like_them_is_not() {
    let refused = |text: &str| analyse(text).err().map(|unclear| unclear.code);
    assert_eq!(refused(&"SELECT 1;".repeat(4096)), None);
    assert_eq!(refused(&"SELECT 1;".repeat(4097)), Some("complexity"));
    assert_eq!(refused(&";".repeat(100_000)), Some("complexity"));
    let quoted = format!("SELECT '{}' -- {}", ";".repeat(5000), ";".repeat(5000));
    assert_eq!(refused(&quoted), None);
    let listed = |count: usize| format!("SELECT 1 WHERE 1 IN (1{})", ",1".repeat(count));
    assert_eq!(refused(&listed(49_990)), None);
    assert_eq!(refused(&listed(50_010)), Some("complexity"));
    let quoted = format!("SELECT '{}'", "a, ".repeat(300_000));
    assert_eq!(refused(&quoted), None);
}

#[test]
fn outputs_are_looked_up_once_by_each_name_and_number() {
    let ordered = |outputs: usize, by: &str, times: usize| {
        format!(
            "SELECT *{} FROM items ORDER BY 1{}",
            ", id AS x".repeat(outputs),
            by.repeat(times)
        )
    };
    for by in [", x", ", 1000", ", id"] {
        // looked up for each, these would be too many things to be judged
        assert!(analyse(&ordered(1_950, by, 2_000)).is_ok(), "{by}");
        assert!(analyse(&ordered(10_000, by, 20_000)).is_err(), "{by}");
    }
}
