//! Sends every command to what reads it.

use super::nodes::Command;
use super::parts::Object;
use super::verbs;
use super::walk::{Walk, names};

impl Walk {
    #[expect(clippy::too_many_lines, reason = "names every node kind")]
    pub(super) fn command(&mut self, command: Command<'_>) {
        match command {
            // the session, transactions, cursors
            Command::TransactionStmt(node) => self.transaction(node),
            Command::VariableSetStmt(node) => self.variable_set(node),
            Command::VariableShowStmt(node) => self.show(node),
            Command::DiscardStmt(node) => self.discard(node),
            Command::ConstraintsSetStmt(node) => {
                self.relations_of_names(&node.constraints);
                self.on_database(verbs::TRANSACTION);
            }
            Command::PrepareStmt(node) => self.prepare(node),
            Command::ExecuteStmt(node) => self.execute(node),
            Command::DeallocateStmt(node) => self.deallocate(node),
            Command::DeclareCursorStmt(node) => self.declare(node),
            Command::FetchStmt(_) => self.on_database(verbs::FETCH),
            Command::ClosePortalStmt(_) => self.on_database(verbs::CLOSE),
            Command::ExplainStmt(node) => self.explain(node),
            Command::CopyStmt(node) => self.copy(node),
            Command::ListenStmt(node) => {
                self.add(verbs::LISTEN, Object::Channel(node.conditionname.clone()))
            }
            Command::UnlistenStmt(node) if node.conditionname.is_empty() => {
                self.on_database(verbs::UNLISTEN)
            }
            Command::UnlistenStmt(node) => {
                self.add(verbs::UNLISTEN, Object::Channel(node.conditionname.clone()))
            }
            Command::NotifyStmt(node) => {
                self.add(verbs::NOTIFY, Object::Channel(node.conditionname.clone()))
            }
            Command::DoStmt(_) => self.opaque(),
            Command::CallStmt(node) => self.call_procedure(node),
            Command::LoadStmt(_) => self.on_database(verbs::LOAD),
            Command::CheckPointStmt(_) => self.on_database(verbs::CHECKPOINT),
            // tables and what belongs to them
            Command::CreateStmt(node) => self.create_table(node),
            Command::CreateForeignTableStmt(node) => self.create_foreign_table(node),
            Command::CreateTableAsStmt(node) => self.create_table_as(node),
            Command::ViewStmt(node) => self.create_view(node),
            Command::IndexStmt(node) => self.create_index(node),
            Command::CreateSeqStmt(node) => self.create_sequence(node),
            Command::AlterSeqStmt(node) => self.alter_sequence(node),
            Command::CreateStatsStmt(node) => self.create_statistics(node),
            Command::AlterStatsStmt(node) => {
                self.type_object(verbs::ALTER, &node.defnames, "statistics");
                self.optional(node.stxstattarget.as_deref(), super::objects::DEFINITION);
            }
            Command::AlterTableStmt(node) => self.alter_table(node),
            Command::AlterTableMoveAllStmt(_) => {
                self.definition(verbs::ALTER_DEFINITION, "tablespace", "")
            }
            Command::TruncateStmt(node) => self.truncate(node),
            Command::LockStmt(node) => self.on_relations(verbs::LOCK_TABLE, &node.relations),
            Command::VacuumStmt(node) => self.vacuum(node),
            Command::ReindexStmt(node) => self.reindex(node),
            Command::ClusterStmt(node) => self.cluster(node),
            Command::RefreshMatViewStmt(node) => {
                self.on_relation(verbs::REFRESH, node.relation.as_ref())
            }
            Command::CreateSchemaStmt(node) => self.create_schema(node),
            // types
            Command::CompositeTypeStmt(node) => self.create_composite(node),
            Command::CreateEnumStmt(node) => {
                self.type_object(verbs::CREATE, &node.type_name, "type")
            }
            Command::AlterEnumStmt(node) => self.type_object(verbs::ALTER, &node.type_name, "type"),
            Command::CreateRangeStmt(node) => self.create_range(node),
            Command::AlterTypeStmt(node) => self.definition(
                verbs::ALTER_DEFINITION,
                "type",
                &names(&node.type_name).join("."),
            ),
            Command::CreateDomainStmt(node) => self.create_domain(node),
            Command::AlterDomainStmt(node) => self.alter_domain(node),
            Command::DefineStmt(node) => self.define(node),
            // any kind of object
            Command::DropStmt(node) => self.drop_objects(node),
            Command::RenameStmt(node) => self.rename(node),
            Command::AlterObjectSchemaStmt(node) => self.alter_schema_of(node),
            Command::AlterOwnerStmt(node) => self.alter_owner(node),
            Command::AlterObjectDependsStmt(node) => self.depends(node),
            Command::CommentStmt(node) => self.comment(node),
            Command::SecLabelStmt(_) => self.on_database(verbs::SECURITY_LABEL),
            // who may do what
            Command::GrantStmt(node) => self.grant(node),
            Command::GrantRoleStmt(node) => self.grant_role(node),
            Command::AlterDefaultPrivilegesStmt(_) => self.on_database(verbs::ALTER_PRIVILEGES),
            Command::CreateRoleStmt(node) => {
                self.add(verbs::CREATE_ROLE, Object::Role(node.role.clone()))
            }
            Command::AlterRoleStmt(node) => self.on_role(verbs::ALTER_ROLE, node.role.as_ref()),
            Command::AlterRoleSetStmt(node) => {
                self.on_role(verbs::ALTER_ROLE, node.role.as_ref());
                self.stored_set(node.setstmt.as_ref());
            }
            Command::DropRoleStmt(node) => self.on_roles(verbs::DROP_ROLE, &node.roles),
            Command::DropOwnedStmt(node) => self.on_roles(verbs::ALTER_OWNER, &node.roles),
            Command::ReassignOwnedStmt(node) => self.on_roles(verbs::ALTER_OWNER, &node.roles),
            Command::CreatePolicyStmt(node) => {
                self.row_security(
                    node.table.as_ref(),
                    [node.qual.as_deref(), node.with_check.as_deref()],
                );
            }
            Command::AlterPolicyStmt(node) => {
                self.row_security(
                    node.table.as_ref(),
                    [node.qual.as_deref(), node.with_check.as_deref()],
                );
            }
            // code that runs later
            Command::CreateFunctionStmt(node) => self.create_function(node),
            Command::AlterFunctionStmt(node) => self.alter_function(node),
            Command::CreateTrigStmt(node) => self.create_trigger(node),
            Command::CreateEventTrigStmt(node) => {
                self.definition(verbs::CREATE_TRIGGER, "event trigger", &node.trigname)
            }
            Command::AlterEventTrigStmt(node) => {
                self.definition(verbs::ALTER_TRIGGER, "event trigger", &node.trigname)
            }
            Command::RuleStmt(node) => self.create_rule(node),
            Command::CreateExtensionStmt(node) => {
                self.definition(verbs::CREATE_EXTENSION, "extension", &node.extname)
            }
            Command::AlterExtensionStmt(node) => {
                self.definition(verbs::ALTER_EXTENSION, "extension", &node.extname)
            }
            Command::AlterExtensionContentsStmt(node) => {
                self.definition(verbs::ALTER_EXTENSION, "extension", &node.extname)
            }
            Command::CreatePlangStmt(node) => {
                self.definition(verbs::CREATE_DEFINITION, "language", &node.plname)
            }
            Command::CreateAmStmt(node) => {
                self.definition(verbs::CREATE_DEFINITION, "access method", &node.amname)
            }
            Command::CreateCastStmt(_) => self.definition(verbs::CREATE_DEFINITION, "cast", ""),
            Command::CreateTransformStmt(node) => {
                self.definition(verbs::CREATE_DEFINITION, "transform", &node.lang)
            }
            Command::CreateConversionStmt(node) => {
                self.definition(
                    verbs::CREATE_DEFINITION,
                    "conversion",
                    &names(&node.conversion_name).join("."),
                );
            }
            Command::CreateOpClassStmt(node) => {
                self.definition(
                    verbs::CREATE_DEFINITION,
                    "operator class",
                    &names(&node.opclassname).join("."),
                );
            }
            Command::CreateOpFamilyStmt(node) => {
                self.definition(
                    verbs::CREATE_DEFINITION,
                    "operator family",
                    &names(&node.opfamilyname).join("."),
                );
            }
            Command::AlterOpFamilyStmt(node) => {
                self.definition(
                    verbs::ALTER_DEFINITION,
                    "operator family",
                    &names(&node.opfamilyname).join("."),
                );
            }
            Command::AlterOperatorStmt(_) => {
                self.definition(verbs::ALTER_DEFINITION, "operator", "")
            }
            Command::AlterCollationStmt(node) => {
                self.definition(
                    verbs::ALTER_DEFINITION,
                    "collation",
                    &names(&node.collname).join("."),
                );
            }
            Command::AlterTsdictionaryStmt(node) => {
                self.definition(
                    verbs::ALTER_DEFINITION,
                    "text search dictionary",
                    &names(&node.dictname).join("."),
                );
            }
            Command::AlterTsconfigurationStmt(node) => {
                self.definition(
                    verbs::ALTER_DEFINITION,
                    "text search configuration",
                    &names(&node.cfgname).join("."),
                );
            }
            // the server and what lies beyond it
            Command::CreateFdwStmt(node) => {
                self.definition(verbs::CREATE_FOREIGN, "foreign data wrapper", &node.fdwname)
            }
            Command::AlterFdwStmt(node) => {
                self.definition(verbs::ALTER_FOREIGN, "foreign data wrapper", &node.fdwname)
            }
            Command::CreateForeignServerStmt(node) => {
                self.definition(verbs::CREATE_FOREIGN, "server", &node.servername)
            }
            Command::AlterForeignServerStmt(node) => {
                self.definition(verbs::ALTER_FOREIGN, "server", &node.servername)
            }
            Command::CreateUserMappingStmt(node) => {
                self.definition(verbs::CREATE_FOREIGN, "user mapping", &node.servername)
            }
            Command::AlterUserMappingStmt(node) => {
                self.definition(verbs::ALTER_FOREIGN, "user mapping", &node.servername)
            }
            Command::DropUserMappingStmt(node) => {
                self.definition(verbs::DROP_FOREIGN, "user mapping", &node.servername)
            }
            Command::ImportForeignSchemaStmt(node) => {
                self.definition(verbs::CREATE_FOREIGN, "server", &node.server_name)
            }
            Command::CreatePublicationStmt(node) => self.create_publication(node),
            Command::AlterPublicationStmt(node) => self.alter_publication(node),
            Command::CreateSubscriptionStmt(node) => {
                self.definition(verbs::CREATE_PUBLICATION, "subscription", &node.subname)
            }
            Command::AlterSubscriptionStmt(node) => {
                self.definition(verbs::ALTER_PUBLICATION, "subscription", &node.subname)
            }
            Command::DropSubscriptionStmt(node) => {
                self.definition(verbs::DROP_PUBLICATION, "subscription", &node.subname)
            }
            Command::CreateTableSpaceStmt(node) => {
                self.definition(verbs::CREATE_DEFINITION, "tablespace", &node.tablespacename)
            }
            Command::AlterTableSpaceOptionsStmt(node) => {
                self.definition(verbs::ALTER_DEFINITION, "tablespace", &node.tablespacename);
            }
            Command::DropTableSpaceStmt(node) => {
                self.definition(verbs::DROP_DEFINITION, "tablespace", &node.tablespacename)
            }
            Command::CreatedbStmt(node) => {
                self.on_named_database(verbs::CREATE_DATABASE, &node.dbname)
            }
            Command::AlterDatabaseStmt(node) => {
                self.on_named_database(verbs::ALTER_DATABASE, &node.dbname)
            }
            Command::AlterDatabaseRefreshCollStmt(node) => {
                self.on_named_database(verbs::ALTER_DATABASE, &node.dbname)
            }
            Command::AlterDatabaseSetStmt(node) => {
                self.on_named_database(verbs::ALTER_DATABASE, &node.dbname);
                self.stored_set(node.setstmt.as_ref());
            }
            Command::DropdbStmt(node) => self.on_named_database(verbs::DROP_DATABASE, &node.dbname),
            Command::AlterSystemStmt(node) => {
                self.on_database(verbs::ALTER_SYSTEM);
                self.stored_set(node.setstmt.as_ref());
            }
        }
    }
}
