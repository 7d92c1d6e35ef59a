//! Calls of every function that a server has, with arguments as somebody would write them.

use crate::direct::Direct;

/// Every function, aggregate and window function of `pg_catalog`, with the types of its arguments.
const FUNCTIONS: &str = "
SELECT p.proname, p.prokind::text,
       array_to_string(ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS u(t, o) ORDER BY o), ';')
FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind IN ('f', 'a', 'w')
ORDER BY p.proname, p.oid";

/// One function with calls of it, the most plain first.
#[derive(Debug, Clone)]
pub struct Callable {
    pub name: String,
    pub calls: Vec<String>,
}

/// What stands for numbers and texts in the calls.
pub struct Arguments<'a> {
    /// The server process of somebody else.
    pub victim: &'a str,
    pub texts: &'a [&'a str],
}

/// Calls of all functions that SQL can call; those of internal arguments are left out.
pub fn of_server(server: &mut Direct, given: &Arguments<'_>) -> anyhow::Result<Vec<Callable>> {
    let rows = server.rows(FUNCTIONS)?;
    let text = |value: Option<&Option<String>>| value.cloned().flatten().unwrap_or_default();
    let mut callables: Vec<Callable> = Vec::new();
    for row in rows {
        let (name, kind, types) = (text(row.first()), text(row.get(1)), text(row.get(2)));
        let types: Vec<&str> = types.split(';').filter(|kind| !kind.is_empty()).collect();
        let calls = calls(&name, &kind, &types, given);
        if calls.is_empty() {
            continue;
        }
        callables.push(Callable { name, calls });
    }
    Ok(callables)
}

fn calls(name: &str, kind: &str, types: &[&str], given: &Arguments<'_>) -> Vec<String> {
    let numbers = ["1", given.victim];
    let mut found: Vec<String> = Vec::new();
    for (number, text) in numbers
        .iter()
        .flat_map(|number| given.texts.iter().map(move |text| (number, text)))
    {
        let values: Option<Vec<String>> = types
            .iter()
            .map(|kind| plausible(kind, number, text))
            .collect();
        let Some(values) = values else { continue };
        let arguments = values.join(", ");
        let call = format!("pg_catalog.\"{name}\"({arguments})");
        let call = match kind {
            "w" => format!("SELECT {call} OVER () FROM probed"),
            "a" if types.is_empty() => format!("SELECT pg_catalog.\"{name}\"(*) FROM probed"),
            "a" => format!("SELECT {call} FROM probed"),
            _ => format!("SELECT {call}"),
        };
        if !found.contains(&call) {
            found.push(call);
        }
    }
    found
}

fn plausible(kind: &str, number: &str, text: &str) -> Option<String> {
    if let Some(of) = kind.strip_suffix("[]") {
        return Some(format!("ARRAY[{}]", plausible(of, number, text)?));
    }
    let quoted = text.replace('\'', "''");
    let value = match kind {
        "boolean" => "true".to_owned(),
        "integer" | "bigint" | "smallint" => format!("{number}::{kind}"),
        "real" | "double precision" | "numeric" => format!("0.01::{kind}"),
        "text" | "character varying" | "character" | "name" => format!("'{quoted}'::{kind}"),
        "cstring" => "'1'::cstring".to_owned(),
        "oid" | "regclass" => format!("'probed'::regclass::{kind}"),
        other => return fixed(other).map(str::to_owned),
    };
    Some(value)
}

fn fixed(kind: &str) -> Option<&'static str> {
    let known = FIXED.iter().find(|(known, _)| *known == kind);
    known.map(|(_, value)| *value)
}

/// One value of each type; the types that SQL cannot write are left out.
const FIXED: &[(&str, &str)] = &[
    ("\"char\"", "'r'::\"char\""),
    ("bytea", "'\\x61'::bytea"),
    ("date", "'2026-01-01'::date"),
    ("time without time zone", "'10:00'::time"),
    ("time with time zone", "'10:00+00'::timetz"),
    ("timestamp without time zone", "'2026-01-01'::timestamp"),
    ("timestamp with time zone", "'2020-01-01'::timestamptz"),
    ("interval", "'1 ms'::interval"),
    ("uuid", "'00000000-0000-0000-0000-000000000001'::uuid"),
    ("json", "'{\"a\": 1}'::json"),
    ("jsonb", "'{\"a\": 1}'::jsonb"),
    ("jsonpath", "'$.a'::jsonpath"),
    ("xml", "'<a/>'::xml"),
    ("inet", "'10.0.0.1'::inet"),
    ("cidr", "'10.0.0.0/8'::cidr"),
    ("macaddr", "'08:00:2b:01:02:03'::macaddr"),
    ("macaddr8", "'08:00:2b:01:02:03:04:05'::macaddr8"),
    ("bit", "B'1'"),
    ("bit varying", "B'1'::varbit"),
    ("money", "'1'::money"),
    ("point", "'(1,1)'::point"),
    ("lseg", "'[(0,0),(1,1)]'::lseg"),
    ("line", "'{1,-1,0}'::line"),
    ("path", "'((0,0),(1,1))'::path"),
    ("box", "'((0,0),(1,1))'::box"),
    ("polygon", "'((0,0),(1,1),(1,0))'::polygon"),
    ("circle", "'<(0,0),1>'::circle"),
    ("tsvector", "'a'::tsvector"),
    ("tsquery", "'a'::tsquery"),
    ("regtype", "'int4'::regtype"),
    ("regproc", "'now'::regproc"),
    ("regprocedure", "'now()'::regprocedure"),
    ("regnamespace", "'public'::regnamespace"),
    ("regrole", "'shop_gateway'::regrole"),
    ("regconfig", "'simple'::regconfig"),
    ("regdictionary", "'simple'::regdictionary"),
    ("tid", "'(0,1)'::tid"),
    ("xid", "'3'::xid"),
    ("xid8", "'3'::xid8"),
    ("cid", "'0'::cid"),
    ("pg_lsn", "'0/1'::pg_lsn"),
    ("pg_snapshot", "pg_current_snapshot()"),
    ("txid_snapshot", "txid_current_snapshot()"),
    ("oidvector", "'1 2'::oidvector"),
    ("int2vector", "'1 2'::int2vector"),
    ("refcursor", "'c'::refcursor"),
    ("aclitem", "'postgres=r/postgres'::aclitem"),
    ("record", "ROW(1, 'a')"),
    ("anyelement", "1"),
    ("anynonarray", "1"),
    ("anycompatible", "1"),
    ("anycompatiblenonarray", "1"),
    ("\"any\"", "1"),
    ("anyarray", "ARRAY[1]"),
    ("anycompatiblearray", "ARRAY[1]"),
    ("anyrange", "int4range(1, 3)"),
    ("anycompatiblerange", "int4range(1, 3)"),
    ("int4range", "int4range(1, 3)"),
    ("anymultirange", "int4multirange(int4range(1, 3))"),
    ("anycompatiblemultirange", "int4multirange(int4range(1, 3))"),
    ("int4multirange", "int4multirange(int4range(1, 3))"),
    ("int8range", "int8range(1, 3)"),
    ("numrange", "numrange(1, 3)"),
    ("daterange", "daterange('2026-01-01', '2026-02-01')"),
    ("tsrange", "tsrange('2026-01-01', '2026-02-01')"),
    ("tstzrange", "tstzrange('2026-01-01', '2026-02-01')"),
];
