//! A statement laid out over lines, for people to read beside what was sent.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// Longer texts are shown as they were sent only.
const LONGEST: usize = 16 << 10;
/// Deeper ones too.
const DEEPEST: usize = 64;
/// A chain of operators is no depth for the parser, but its tree is as deep as the chain is long, and written and freed
/// by recursion.
const STACK: usize = 64 << 20;

/// `None` where the text is not understood, or reads the same. Comments are left out.
pub(crate) fn laid_out(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    let layout = std::thread::Builder::new()
        .name("layout".to_owned())
        .stack_size(STACK);
    std::thread::scope(|scope| {
        let work = layout.spawn_scoped(scope, || lay_out(text)).ok()?;
        work.join().ok()?
    })
}

fn lay_out(text: &str) -> Option<String> {
    let dialect = PostgreSqlDialect {};
    let parser = Parser::new(&dialect).with_recursion_limit(DEEPEST);
    let statements = parser.try_with_sql(text).ok()?.parse_statements().ok()?;
    let statements: Vec<String> = statements.iter().map(|one| format!("{one:#}")).collect();
    let laid_out = statements.join(";\n");
    // a short one is as good as it was sent
    laid_out.contains('\n').then_some(laid_out)
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, laid_out};

    #[test]
    fn a_long_statement_is_laid_out() {
        let text = "delete from orders where id in (select id from old where kind = 'x') and shop = 1 -- all";
        let shown = laid_out(text).unwrap();
        assert!(shown.lines().count() > 3, "{shown}");
        assert!(shown.starts_with("DELETE FROM\n"), "{shown}");
        assert!(!shown.contains("all"), "{shown}");
    }

    #[test]
    fn what_is_not_understood_stays_as_it_is() {
        for text in [
            "not a statement",
            "UPDATE t SET a = <email:15>",
            "",
            &"(".repeat(5000),
        ] {
            assert_eq!(laid_out(text), None, "{text:.40}");
        }
        let deep = format!("SELECT {}1{}", "(".repeat(3000), ")".repeat(3000));
        assert_eq!(laid_out(&deep), None);
        assert_eq!(laid_out(&format!("SELECT '{}'", "x".repeat(70_000))), None);
    }

    /// As long as texts are, with no more stack than a task has.
    #[test]
    fn long_chains_need_no_deep_stack() {
        let chains = || {
            let mut understood = 0;
            for (begin, part) in [
                ("DELETE FROM a WHERE 1", " OR 1"),
                ("DELETE FROM a WHERE b", "=b"),
                ("DELETE FROM a WHERE 1 = 1", "+1"),
                ("DELETE FROM a WHERE a", "::b"),
                ("DELETE FROM a WHERE a", "[1]"),
                ("DELETE FROM a WHERE a", ".b"),
                ("DELETE FROM a WHERE a", " IS NULL"),
                ("DELETE FROM a WHERE a", " COLLATE c"),
                ("DELETE FROM a WHERE a", "->'b'"),
                ("SELECT 1", " UNION SELECT 1"),
                ("SELECT 1 FROM a", " CROSS JOIN a"),
            ] {
                let text = format!(
                    "{begin}{}",
                    part.repeat((LONGEST - begin.len()) / part.len())
                );
                understood += usize::from(laid_out(&text).is_some());
            }
            assert!(understood > 5, "{understood}");
        };
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        thread.spawn(chains).unwrap().join().unwrap();
    }
}
