//! What a statement would touch, from what the server says of its tables, its plan and its locks: names and numbers only.

use gate::ledger::Estimate;
use gate::words::visible;
use serde_json::Value;

use crate::decode::{Analysis, Object, RelationName, Statement, StatementKind};
use crate::server::Rows;

/// More tables, steps or locks than this tell nobody more.
const MOST: usize = 40;
const DEEPEST: usize = 60;

/// What plans without running anything that is not on the list of harmless functions, operators and casts.
const PLAIN: [&str; 5] = ["select", "insert", "update", "delete", "merge"];

/// Why there is no estimate.
pub(crate) enum Refused {
    /// Several statements, or one that has no plan.
    NoPlan,
    /// Planning may run what is not known to be harmless.
    Opaque,
    /// Names mean something else on another connection.
    Elsewhere,
}

impl Refused {
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::NoPlan => "only single SELECT, INSERT, UPDATE, DELETE and MERGE have a plan",
            Self::Opaque => {
                "planning may run functions, operators or casts that are not known to be harmless"
            }
            Self::Elsewhere => "its names mean something of this session's own",
        }
    }
}

/// The one statement whose plan may be asked for.
pub(crate) fn plannable<'a>(
    analysis: &'a Analysis,
    search_path: &[String],
) -> Result<&'a Statement, Refused> {
    let [statement] = analysis.statements.as_slice() else {
        return Err(Refused::NoPlan);
    };
    if !matches!(statement.kind, StatementKind::Query | StatementKind::Change)
        || statement.executes.is_some()
    {
        return Err(Refused::NoPlan);
    }
    if !statement
        .parts
        .iter()
        .all(|part| PLAIN.contains(&part.verb.id))
    {
        return Err(Refused::Opaque);
    }
    // operators of a schema that comes before the server's own could be meant
    let first = search_path
        .first()
        .is_some_and(|schema| schema == "pg_catalog");
    let temporary = |name: &RelationName| name.temporary || name.catalog.is_some();
    if !first || relations(analysis).any(temporary) {
        return Err(Refused::Elsewhere);
    }
    Ok(statement)
}

/// The relations that a text names, as written.
pub(crate) fn relations(analysis: &Analysis) -> impl Iterator<Item = &RelationName> {
    let parts = analysis.statements.iter().flat_map(|one| one.parts.iter());
    parts.filter_map(|part| match &part.object {
        Object::Relation(name) => Some(name),
        _ => None,
    })
}

/// Each once, quoted as the server reads names.
pub(crate) fn names(analysis: &Analysis) -> Vec<String> {
    let mut names: Vec<String> = relations(analysis)
        .map(|name| match &name.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(&name.name)),
            None => quoted(&name.name),
        })
        .collect();
    names.sort();
    names.dedup();
    names.truncate(MOST);
    names
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Of each name: what it is, its rows and bytes, and whether planning a statement on it runs nothing but the server's own.
/// The schema `pg_catalog` comes first on the path.
pub(crate) fn tables(count: usize) -> String {
    let places: Vec<String> = (1..=count).map(|number| format!("${number}")).collect();
    format!(
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.reltuples::int8::text, \
         pg_catalog.pg_size_pretty(c.relpages::int8 * pg_catalog.current_setting('block_size')::int8), \
         (c.relkind = 'r' AND NOT c.relrowsecurity AND NOT c.relhasrules AND NOT c.relhassubclass \
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_statistic_ext e WHERE e.stxrelid = c.oid) \
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
              AND t.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace) \
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d \
              LEFT JOIN pg_catalog.pg_proc p ON d.refclassid = 1255 AND p.oid = d.refobjid \
              LEFT JOIN pg_catalog.pg_operator o ON d.refclassid = 2617 AND o.oid = d.refobjid \
              WHERE coalesce(p.pronamespace, o.oprnamespace) <> 'pg_catalog'::pg_catalog.regnamespace \
              AND (d.classid = 2604 AND d.objid IN (SELECT f.oid FROM pg_catalog.pg_attrdef f WHERE f.adrelid = c.oid) \
                OR d.classid = 2606 AND d.objid IN (SELECT k.oid FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid) \
                OR d.classid = 1259 AND d.objid IN (SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid)) \
         ))::text \
         FROM pg_catalog.unnest(ARRAY[{}]::pg_catalog.text[]) AS u(name) \
         LEFT JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(u.name) \
         LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace",
        places.join(", ")
    )
}

/// What a backend process holds, but for the server's own tables.
pub(crate) const LOCKS: &str = "\
SELECT DISTINCT l.mode || ' on ' || coalesce(pg_catalog.format('%I.%I', n.nspname, c.relname), l.locktype) \
FROM pg_catalog.pg_locks l \
LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation \
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
WHERE l.pid = $1::int4 AND l.granted AND l.locktype IN ('relation', 'advisory', 'object', 'tuple') \
AND coalesce(n.nspname, '') NOT IN ('pg_catalog', 'pg_toast') ORDER BY 1 LIMIT 40";

/// A line for each table, and whether a plan may be asked for.
pub(crate) fn tables_read(rows: &Rows) -> (Vec<String>, bool) {
    let mut plain = true;
    let mut lines = Vec::new();
    for row in rows {
        let text = |place: usize| std::str::from_utf8(row.get(place)?.as_deref()?).ok();
        plain &= text(3) == Some("true");
        let Some(name) = text(0) else {
            continue;
        };
        let size = match (text(1), text(2)) {
            // never counted
            (Some(count), Some(size)) if !count.starts_with('-') => {
                format!("about {count} rows, {size}")
            }
            _ => "its size is not known".to_owned(),
        };
        lines.push(visible(&format!("{name}: {size}")));
    }
    (lines, plain)
}

pub(crate) fn locks_read(rows: &Rows) -> Vec<String> {
    let one = |row: &Vec<Option<Vec<u8>>>| {
        let text = row.first()?.as_deref()?;
        Some(visible(&String::from_utf8_lossy(text)))
    };
    rows.iter().take(MOST).filter_map(one).collect()
}

/// From `EXPLAIN (FORMAT JSON)`: rows and steps; what stands in conditions is left out, for values stand there.
pub(crate) fn estimate(rows: &Rows) -> Option<Estimate> {
    let text: Vec<u8> = rows
        .iter()
        .filter_map(|row| row.first()?.as_deref())
        .collect::<Vec<_>>()
        .join(&b'\n');
    let explained: Value = serde_json::from_slice(&text).ok()?;
    let top = explained.get(0)?.get("Plan")?;
    let mut plan = Vec::new();
    steps(top, 0, &mut plan);
    let changes = top.get("Node Type").and_then(Value::as_str) == Some("ModifyTable");
    let rows = if changes {
        children(top).iter().filter_map(planned).sum()
    } else {
        planned(top)?
    };
    Some(Estimate { rows, plan })
}

fn planned(step: &Value) -> Option<u64> {
    step.get("Plan Rows").and_then(Value::as_u64)
}

fn children(step: &Value) -> &[Value] {
    let children = step.get("Plans").and_then(Value::as_array);
    children.map(Vec::as_slice).unwrap_or_default()
}

fn steps(step: &Value, depth: usize, lines: &mut Vec<String>) {
    if lines.len() >= MOST || depth > DEEPEST {
        return;
    }
    let text = |name: &str| step.get(name).and_then(Value::as_str);
    let what = match text("Operation") {
        Some(operation) => operation,
        None => text("Node Type").unwrap_or("?"),
    };
    let on = text("Relation Name").map(|name| format!(" on {name}"));
    let by = text("Index Name").map(|name| format!(" by {name}"));
    let rows = planned(step).map(|rows| format!(": about {rows} rows"));
    lines.push(visible(&format!(
        "{}{what}{}{}{}",
        "  ".repeat(depth),
        on.unwrap_or_default(),
        by.unwrap_or_default(),
        rows.filter(|_| text("Operation").is_none())
            .unwrap_or_default()
    )));
    for child in children(step) {
        steps(child, depth + 1, lines);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_plan_is_told_without_its_values() {
        let text = r#"[{"Plan": {"Node Type": "ModifyTable", "Operation": "Delete", "Relation Name": "orders", "Plan Rows": 0,
            "Plans": [{"Node Type": "Seq Scan", "Relation Name": "orders", "Alias": "orders", "Plan Rows": 42,
                       "Filter": "(email = 'ada@example.com'::text)"}]}}]"#;
        let found = estimate(&vec![vec![Some(text.as_bytes().to_vec())]]).unwrap();
        assert_eq!(found.rows, 42);
        assert_eq!(
            found.plan,
            ["Delete on orders", "  Seq Scan on orders: about 42 rows"]
        );
        assert!(estimate(&vec![vec![Some(b"nothing".to_vec())]]).is_none());
    }

    #[test]
    fn sizes_that_nobody_counted_are_not_told() {
        let row = |fields: [Option<&str>; 4]| {
            fields
                .into_iter()
                .map(|field| field.map(|text| text.as_bytes().to_vec()))
                .collect::<Vec<_>>()
        };
        let counted = row([
            Some("public.a"),
            Some("7"),
            Some("8192 bytes"),
            Some("true"),
        ]);
        let fresh = row([Some("public.b"), Some("-1"), Some("0 bytes"), Some("true")]);
        let missing = row([None, None, None, None]);
        let (lines, plain) = tables_read(&vec![counted.clone(), fresh]);
        assert_eq!(
            lines,
            [
                "public.a: about 7 rows, 8192 bytes",
                "public.b: its size is not known"
            ]
        );
        assert!(plain);
        assert!(!tables_read(&vec![counted, missing]).1);
    }
}
