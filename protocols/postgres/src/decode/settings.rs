//! SET, RESET, SHOW, set_config: what a setting means for the session, and which ones are never passed on.

use pg_query::protobuf::{self, VariableSetKind};
use pg_query::{Node, NodeEnum};

use super::columns::column_path;
use super::parts::Object;
use super::verbs::{self, Verb};
use super::walk::{Walk, names};
use crate::lineage::{Place, Use};

/// Settings that change nothing about what a later statement means or may do.
pub const HARMLESS_SETTINGS: &[&str] = &[
    "application_name",
    "bytea_output",
    "check_function_bodies",
    "client_min_messages",
    "commit_delay",
    "constraint_exclusion",
    "cpu_index_tuple_cost",
    "cpu_operator_cost",
    "cpu_tuple_cost",
    "cursor_tuple_fraction",
    "datestyle",
    "deadlock_timeout",
    "default_statistics_target",
    "default_table_access_method",
    "default_tablespace",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "effective_cache_size",
    "effective_io_concurrency",
    "enable_bitmapscan",
    "enable_hashagg",
    "enable_hashjoin",
    "enable_indexonlyscan",
    "enable_indexscan",
    "enable_material",
    "enable_memoize",
    "enable_mergejoin",
    "enable_nestloop",
    "enable_parallel_append",
    "enable_parallel_hash",
    "enable_partition_pruning",
    "enable_partitionwise_aggregate",
    "enable_partitionwise_join",
    "enable_seqscan",
    "enable_sort",
    "enable_tidscan",
    "escape_string_warning",
    "extra_float_digits",
    "force_parallel_mode",
    "from_collapse_limit",
    "geqo",
    "gin_fuzzy_search_limit",
    "hash_mem_multiplier",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "intervalstyle",
    "jit",
    "join_collapse_limit",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "lock_timeout",
    "maintenance_work_mem",
    "max_parallel_maintenance_workers",
    "max_parallel_workers",
    "max_parallel_workers_per_gather",
    "parallel_leader_participation",
    "parallel_setup_cost",
    "parallel_tuple_cost",
    "plan_cache_mode",
    "quote_all_identifiers",
    "random_page_cost",
    "restrict_nonsystem_relation_kind",
    "seed",
    "seq_page_cost",
    "statement_timeout",
    "synchronize_seqscans",
    "temp_buffers",
    "timezone",
    "transaction_deferrable",
    "transaction_isolation",
    "transaction_read_only",
    "transaction_timeout",
    "vacuum_cost_delay",
    "vacuum_cost_limit",
    "vacuum_cost_page_dirty",
    "vacuum_cost_page_hit",
    "vacuum_cost_page_miss",
    "work_mem",
    "xmlbinary",
    "xmloption",
];

/// How a setting may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    Changes(Verb),
    /// Decides how texts are read; only values that change nothing pass.
    Encoding,
    /// Decides where literals end; pinned on, which clients may say again.
    Strings,
    /// Pinned.
    Refused,
}

impl Setting {
    /// Whether the value is the one that the setting has anyway.
    fn keeps(self, value: Option<&str>) -> bool {
        match self {
            Self::Encoding => value.is_some_and(is_utf8),
            Self::Strings => value.is_some_and(|value| {
                matches!(
                    value.to_ascii_lowercase().as_str(),
                    "on" | "true" | "yes" | "1"
                )
            }),
            Self::Changes(_) | Self::Refused => false,
        }
    }
}

fn setting(name: &str) -> Setting {
    match name {
        "standard_conforming_strings" => Setting::Strings,
        "client_encoding" => Setting::Encoding,
        "role" | "session_authorization" => Setting::Changes(verbs::SET_ROLE),
        "search_path" | "row_security" => Setting::Changes(verbs::SET_SESSION),
        name if name.starts_with("countersign.") => Setting::Refused,
        name if HARMLESS_SETTINGS.binary_search(&name).is_ok() => Setting::Changes(verbs::SET),
        _ => Setting::Changes(verbs::SET_UNKNOWN),
    }
}

impl Walk {
    pub(super) fn variable_set(&mut self, node: &protobuf::VariableSetStmt) {
        let name = node.name.to_lowercase();
        match VariableSetKind::try_from(node.kind) {
            Ok(VariableSetKind::VarSetValue) => {
                self.set(&name, constant_text(&node.args).as_deref())
            }
            Ok(VariableSetKind::VarSetCurrent) => self.set(&name, None),
            Ok(VariableSetKind::VarSetDefault | VariableSetKind::VarReset) => self.reset(&name),
            Ok(VariableSetKind::VarResetAll) => {
                self.on_database(verbs::SET_SESSION);
                self.session.read_back = true;
            }
            // SET TRANSACTION, SET SESSION CHARACTERISTICS
            Ok(VariableSetKind::VarSetMulti) => self.on_database(verbs::TRANSACTION),
            Ok(VariableSetKind::Undefined) | Err(_) => self.opaque(),
        }
        self.session.until_end_of_transaction |= node.is_local && self.session.read_back;
    }

    fn set(&mut self, name: &str, value: Option<&str>) {
        match setting(name) {
            Setting::Refused => self.refuse_setting(name),
            pinned @ (Setting::Encoding | Setting::Strings) if pinned.keeps(value) => {
                self.add(verbs::SET, Object::Setting(name.to_owned()));
            }
            Setting::Encoding | Setting::Strings => self.refuse_setting(name),
            Setting::Changes(verb) => self.change(verb, name),
        }
    }

    /// Back to the value of the session's start, which was checked there.
    fn reset(&mut self, name: &str) {
        match setting(name) {
            Setting::Refused | Setting::Encoding | Setting::Strings => {
                self.add(verbs::SET, Object::Setting(name.to_owned()))
            }
            Setting::Changes(verb) => self.change(verb, name),
        }
    }

    fn change(&mut self, verb: Verb, name: &str) {
        self.add(verb, Object::Setting(name.to_owned()));
        self.session.read_back |= verb != verbs::SET;
    }

    fn refuse_setting(&mut self, name: &str) {
        self.refuse(
            "setting",
            format!("the setting `{name}` is fixed by the gateway and may not be changed"),
        );
    }

    pub(super) fn show(&mut self, node: &protobuf::VariableShowStmt) {
        self.add(verbs::SHOW, Object::Setting(node.name.to_lowercase()));
    }

    /// `set_config(name, value, local)`; a name that is not written out could be any.
    pub(super) fn set_config(&mut self, arguments: &[Node]) {
        let name = arguments.first().and_then(|node| match &node.node {
            Some(NodeEnum::ColumnRef(column)) if column_path(column) == (vec!["name"], false) => {
                self.setting_name.clone()
            }
            _ => constant_text(std::slice::from_ref(node)),
        });
        let value = arguments
            .get(1)
            .and_then(|node| constant_text(std::slice::from_ref(node)));
        match name {
            Some(name) => self.set(&name.to_lowercase(), value.as_deref()),
            None => self.refuse(
                "setting",
                "the name of a setting must be written out in set_config".to_owned(),
            ),
        }
        self.session.until_end_of_transaction |= self.session.read_back;
    }

    /// SET of a role, database, function or of the server: judged by its own action, but what is pinned stays so.
    pub(super) fn stored_set(&mut self, node: Option<&protobuf::VariableSetStmt>) {
        let Some(node) = node else { return };
        let name = node.name.to_lowercase();
        let sets = matches!(
            VariableSetKind::try_from(node.kind),
            Ok(VariableSetKind::VarSetValue | VariableSetKind::VarSetCurrent)
        );
        let pinned = match setting(&name) {
            Setting::Refused => true,
            pinned @ (Setting::Encoding | Setting::Strings) => {
                !pinned.keeps(constant_text(&node.args).as_deref())
            }
            Setting::Changes(_) => false,
        };
        if sets && pinned {
            self.refuse_setting(&name);
        }
        self.nodes(&node.args, Place::Other(Use::Definition));
    }
}

/// The setting that `SELECT ... FROM pg_settings WHERE name = '...'` is about, as pg_dump writes it.
pub(super) fn selected_setting(select: &protobuf::SelectStmt) -> Option<String> {
    let [
        Node {
            node: Some(NodeEnum::RangeVar(relation)),
        },
    ] = select.from_clause.as_slice()
    else {
        return None;
    };
    let system = relation.relname == "pg_settings"
        && matches!(relation.schemaname.as_str(), "" | "pg_catalog");
    let Some(NodeEnum::AExpr(condition)) = select
        .where_clause
        .as_deref()
        .and_then(|node| node.node.as_ref())
    else {
        return None;
    };
    let equals = protobuf::AExprKind::try_from(condition.kind) == Ok(protobuf::AExprKind::AexprOp)
        && names(&condition.name) == ["="];
    let Some(NodeEnum::ColumnRef(column)) = condition
        .lexpr
        .as_deref()
        .and_then(|node| node.node.as_ref())
    else {
        return None;
    };
    let named = system
        && relation.alias.is_none()
        && equals
        && column_path(column) == (vec!["name"], false);
    if named {
        constant_text(std::slice::from_ref(condition.rexpr.as_deref()?))
    } else {
        None
    }
}

/// The text of the one constant in `nodes`, seen through a cast.
fn constant_text(nodes: &[Node]) -> Option<String> {
    let [node] = nodes else { return None };
    match &node.node {
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(protobuf::a_const::Val::Sval(text)) => Some(text.sval.clone()),
            _ => None,
        },
        Some(NodeEnum::TypeCast(cast)) => constant_text(std::slice::from_ref(cast.arg.as_deref()?)),
        _ => None,
    }
}

/// Whether an encoding's name, read as the server does, is UTF-8.
fn is_utf8(name: &str) -> bool {
    let name: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    matches!(name.as_str(), "utf8" | "unicode")
}
