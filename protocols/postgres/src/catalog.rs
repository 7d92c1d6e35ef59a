//! What PostgreSQL's own catalogue holds: names of functions, operators, types and relations, with reviewed effects.

mod functions;
mod names;

use std::collections::BTreeSet;

use crate::words::Effect;

/// What a call of a system function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Reads nothing but its arguments, the clock, the session or the description of the database.
    Harmless,
    /// Has the effect, whatever its arguments.
    Has(Effect),
    /// Sets the setting that its first argument names.
    Sets,
}

/// What a function of `pg_catalog` does; one that is not on the list is unknown.
pub(crate) fn call(name: &str) -> Call {
    if listed(functions::HARMLESS_FUNCTIONS, name) {
        Call::Harmless
    } else if listed(functions::WRITE_FUNCTIONS, name) {
        Call::Has(Effect::Write)
    } else if listed(functions::ADMIN_FUNCTIONS, name) {
        Call::Has(Effect::Admin)
    } else if listed(functions::SETTING_FUNCTIONS, name) {
        Call::Sets
    } else {
        Call::Has(Effect::Unknown)
    }
}

/// The same of `information_schema`, whose views and pgjdbc's metadata call what is listed.
pub(crate) fn call_of_information_schema(name: &str) -> Call {
    if listed(INFORMATION_FUNCTIONS, name) {
        Call::Harmless
    } else {
        Call::Has(Effect::Unknown)
    }
}

/// Reviewed: SQL over their arguments and the catalogue.
const INFORMATION_FUNCTIONS: &[&str] = &[
    "_pg_char_max_length",
    "_pg_char_octet_length",
    "_pg_datetime_precision",
    "_pg_expandarray",
    "_pg_index_position",
    "_pg_interval_type",
    "_pg_numeric_precision",
    "_pg_numeric_precision_radix",
    "_pg_numeric_scale",
    "_pg_truetypid",
    "_pg_truetypmod",
];

/// Whether `pg_catalog` has a function of this name that can be called at all.
pub(crate) fn has_function(name: &str) -> bool {
    call(name) != Call::Has(Effect::Unknown) || listed(functions::UNKNOWN_FUNCTIONS, name)
}

/// Whether every operator of `pg_catalog` with this name calls only harmless functions.
pub(crate) fn harmless_operator(name: &str) -> bool {
    listed(names::OPERATORS, name)
}

/// Whether `pg_catalog` has this type, so that a cast to it calls only the server's own functions.
pub(crate) fn known_type(name: &str) -> bool {
    listed(names::TYPES, name)
}

/// Whether `schema` is one of the server's own that holds a relation of this name.
pub(crate) fn has_relation(schema: &str, name: &str) -> bool {
    match schema {
        "pg_catalog" => listed(names::CATALOG, name),
        "information_schema" => listed(names::INFORMATION, name),
        _ => false,
    }
}

/// Whether the schema is one of the server's own.
pub(crate) fn is_system_schema(schema: &str) -> bool {
    matches!(schema, "pg_catalog" | "information_schema" | "pg_toast")
        || schema.starts_with("pg_toast_temp_")
}

/// Whether a relation of a system schema may hold secrets, samples of rows or other people's statements;
/// one that is not on the list of a fresh cluster counts as such.
pub(crate) fn is_sensitive(schema: &str, name: &str) -> bool {
    listed(names::SENSITIVE, name) || !has_relation(schema, name)
}

/// Whether a sensitive relation is asked for none of the columns that make it so; `pg_dump` counts subscriptions, psql
/// lists user mappings.
pub(crate) fn shows_no_secret(name: &str, columns: &BTreeSet<String>) -> bool {
    let secret = SECRET_COLUMNS
        .iter()
        .find(|(relation, _)| *relation == name);
    secret.is_some_and(|(_, secret)| {
        let mut columns = columns.iter();
        columns.all(|column| column != "*" && !listed(secret, column))
    })
}

/// Reviewed: the columns of sensitive relations whose other columns the server itself shows to everybody, or tell of a
/// connection only how it is secured.
const SECRET_COLUMNS: &[(&str, &[&str])] = &[
    ("pg_stat_gssapi", &["principal"]),
    ("pg_stat_ssl", &["client_dn", "client_serial", "issuer_dn"]),
    ("pg_subscription", &["subconninfo"]),
    ("pg_user_mappings", &["umoptions"]),
];

fn listed(list: &[&str], name: &str) -> bool {
    list.binary_search(&name).is_ok()
}
