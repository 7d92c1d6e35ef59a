//! A statement laid out over lines, for people to read beside what was sent.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// Longer texts are shown as they were sent only.
const LONGEST: usize = 64 << 10;
/// Deeper ones too.
const DEEPEST: usize = 64;

/// `None` where the text is not understood, or reads the same. Comments are left out.
pub(crate) fn laid_out(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
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
    use super::laid_out;

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
}
