//! The actions of the vocabulary, each with its one effect.

use crate::words::{Action, Effect};

/// An action of the vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Verb {
    /// The Cedar id of the action in the namespace `Postgres`.
    pub id: &'static str,
    /// The one group it belongs to.
    pub effect: Effect,
}

impl Verb {
    /// The action in the words of policy.
    #[must_use]
    pub const fn action(self) -> Action {
        Action {
            protocol: "postgres",
            id: self.id,
        }
    }
}

macro_rules! verbs {
    ($($effect:ident { $($name:ident = $id:literal,)* })*) => {
        $($(pub(crate) const $name: Verb = Verb { id: $id, effect: Effect::$effect };)*)*
        /// Every action of the vocabulary.
        pub const VERBS: &[Verb] = &[$($($name,)*)*];
    };
}

verbs! {
    Read {
        SELECT = "select", SHOW = "show", EXPLAIN = "explain", PREPARE = "prepare", DEALLOCATE = "deallocate",
        DECLARE = "declare", FETCH = "fetch", CLOSE = "close", SET = "set", TRANSACTION = "transaction",
        COPY_OUT = "copy_out", EMPTY = "empty",
    }
    Write {
        INSERT = "insert", UPDATE = "update", DELETE = "delete", MERGE = "merge", TRUNCATE = "truncate",
        CREATE = "create", ALTER = "alter", DROP = "drop", COMMENT = "comment", LOCK_ROWS = "lock_rows",
        LOCK_TABLE = "lock_table", VACUUM = "vacuum", ANALYZE = "analyze", REINDEX = "reindex", CLUSTER = "cluster",
        REFRESH = "refresh", NOTIFY = "notify", LISTEN = "listen", UNLISTEN = "unlisten", COPY_IN = "copy_in",
        TWO_PHASE = "two_phase", SET_SESSION = "set_session", DISCARD = "discard", CALL_WRITE = "call_write",
    }
    Admin {
        GRANT = "grant", REVOKE = "revoke", GRANT_ROLE = "grant_role", REVOKE_ROLE = "revoke_role",
        CREATE_ROLE = "create_role", ALTER_ROLE = "alter_role", DROP_ROLE = "drop_role",
        ALTER_OWNER = "alter_owner", ALTER_PRIVILEGES = "alter_privileges", ROW_SECURITY = "row_security",
        CREATE_FUNCTION = "create_function", ALTER_FUNCTION = "alter_function", DROP_FUNCTION = "drop_function",
        CREATE_TRIGGER = "create_trigger", ALTER_TRIGGER = "alter_trigger", DROP_TRIGGER = "drop_trigger",
        CREATE_RULE = "create_rule", ALTER_RULE = "alter_rule", DROP_RULE = "drop_rule",
        CREATE_EXTENSION = "create_extension", ALTER_EXTENSION = "alter_extension", DROP_EXTENSION = "drop_extension",
        CREATE_FOREIGN = "create_foreign", ALTER_FOREIGN = "alter_foreign", DROP_FOREIGN = "drop_foreign",
        CREATE_PUBLICATION = "create_publication", ALTER_PUBLICATION = "alter_publication",
        DROP_PUBLICATION = "drop_publication",
        CREATE_DATABASE = "create_database", ALTER_DATABASE = "alter_database", DROP_DATABASE = "drop_database",
        CREATE_DEFINITION = "create_definition", ALTER_DEFINITION = "alter_definition",
        DROP_DEFINITION = "drop_definition",
        COPY_FILE = "copy_file", COPY_PROGRAM = "copy_program", ALTER_SYSTEM = "alter_system", SET_ROLE = "set_role",
        CALL_ADMIN = "call_admin", CHECKPOINT = "checkpoint", LOAD = "load", SECURITY_LABEL = "security_label",
    }
    Unknown {
        CALL = "call", SET_UNKNOWN = "set_unknown", OPAQUE = "opaque",
    }
}
