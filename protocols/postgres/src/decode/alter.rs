//! ALTER TABLE and its kin, by subcommand.
#![deny(clippy::wildcard_enum_match_arm)]

use pg_query::NodeEnum;
use pg_query::protobuf::{self, AlterTableType, ObjectType};

use super::classes::relation_kind;
use super::objects::{DEFINITION, cascades};
use super::parts::{Object, Part};
use super::verbs::{self, Verb};
use super::walk::{Walk, relation_name, span};
use crate::lineage::{Named, Place, Use};

impl Walk {
    pub(super) fn alter_table(&mut self, node: &protobuf::AlterTableStmt) {
        let Some(relation) = &node.relation else {
            return self.opaque();
        };
        let kind =
            relation_kind(ObjectType::try_from(node.objtype).unwrap_or(ObjectType::Undefined));
        for command in &node.cmds {
            let Some(NodeEnum::AlterTableCmd(command)) = &command.node else {
                self.opaque();
                continue;
            };
            let subtype =
                AlterTableType::try_from(command.subtype).unwrap_or(AlterTableType::Undefined);
            let (verb, word) = subcommand(subtype);
            if verb == verbs::OPAQUE {
                self.opaque();
                continue;
            }
            let mut part = Part::new(verb, Object::Relation(relation_name(relation)))
                .kind(kind)
                .cascade(cascades(command.behavior))
                .at(span(relation.location, relation.relname.len()));
            part.facts.command = Some(word);
            if !command.name.is_empty() {
                part.facts.columns.insert(command.name.clone());
            }
            self.part(part);
            self.over_table(relation, |walk, read| {
                walk.alter_command(command, subtype, read)
            });
        }
    }

    fn over_table(&mut self, relation: &protobuf::RangeVar, inner: impl FnOnce(&mut Self, usize)) {
        let read = self.read(relation);
        self.levels.push(Vec::new());
        self.name_relation(relation, read);
        inner(self, read);
        self.levels.pop();
    }

    fn alter_command(
        &mut self,
        command: &protobuf::AlterTableCmd,
        subtype: AlterTableType,
        read: usize,
    ) {
        match command.def.as_deref().map(|def| (def, &def.node)) {
            Some((def, Some(NodeEnum::ColumnDef(column)))) => {
                self.table_elements(std::slice::from_ref(def));
                // USING of a new type reads the old column, as does a cast where there is none
                if subtype == AlterTableType::AtAlterColumnType {
                    let named = Named::Column {
                        name: command.name.clone(),
                        qualified: false,
                    };
                    self.mention(
                        named,
                        Place::Other(Use::Cast),
                        vec![vec![read]],
                        column.location,
                    );
                }
            }
            Some((def, Some(NodeEnum::Constraint(_)))) => {
                self.table_elements(std::slice::from_ref(def))
            }
            Some((_, Some(NodeEnum::PartitionCmd(partition)))) => {
                // rows are read through the other relation from then on
                self.whole(vec![read], Use::Renamed, 0);
                if let Some(other) = &partition.name {
                    self.on_relation(verbs::ALTER, Some(other));
                    let read = self.read(other);
                    self.whole(vec![read], Use::Renamed, other.location);
                }
            }
            Some((_, Some(NodeEnum::RangeVar(parent)))) => {
                self.on_relation(verbs::ALTER, Some(parent));
                self.whole(vec![read], Use::Renamed, parent.location);
                let parent = self.read(parent);
                self.whole(vec![parent], Use::Renamed, 0);
            }
            Some((
                _,
                Some(
                    NodeEnum::ReplicaIdentityStmt(_)
                    | NodeEnum::AtalterConstraint(_)
                    | NodeEnum::RoleSpec(_)
                    | NodeEnum::TypeName(_)
                    | NodeEnum::String(_)
                    | NodeEnum::Integer(_),
                ),
            ))
            | None => {}
            Some((_, Some(NodeEnum::List(list)))) => self.nodes_of_options(&list.items),
            Some((def, _)) => self.node(def, DEFINITION),
        }
    }
}

/// The action and the word for a subcommand.
#[expect(clippy::too_many_lines, reason = "names every subcommand")]
const fn subcommand(subtype: AlterTableType) -> (Verb, &'static str) {
    match subtype {
        AlterTableType::AtAddColumn | AlterTableType::AtAddColumnToView => {
            (verbs::ALTER, "add_column")
        }
        AlterTableType::AtDropColumn => (verbs::ALTER, "drop_column"),
        AlterTableType::AtAlterColumnType => (verbs::ALTER, "alter_column_type"),
        AlterTableType::AtColumnDefault
        | AlterTableType::AtCookedColumnDefault
        | AlterTableType::AtDropNotNull
        | AlterTableType::AtSetNotNull
        | AlterTableType::AtSetExpression
        | AlterTableType::AtDropExpression
        | AlterTableType::AtSetStatistics
        | AlterTableType::AtSetOptions
        | AlterTableType::AtResetOptions
        | AlterTableType::AtSetStorage
        | AlterTableType::AtSetCompression
        | AlterTableType::AtAddIdentity
        | AlterTableType::AtSetIdentity
        | AlterTableType::AtDropIdentity => (verbs::ALTER, "alter_column"),
        AlterTableType::AtAddConstraint
        | AlterTableType::AtReAddConstraint
        | AlterTableType::AtReAddDomainConstraint
        | AlterTableType::AtAddIndexConstraint
        | AlterTableType::AtAddIndex
        | AlterTableType::AtReAddIndex => (verbs::ALTER, "add_constraint"),
        AlterTableType::AtAlterConstraint | AlterTableType::AtValidateConstraint => {
            (verbs::ALTER, "alter_constraint")
        }
        AlterTableType::AtDropConstraint => (verbs::ALTER, "drop_constraint"),
        AlterTableType::AtClusterOn
        | AlterTableType::AtDropCluster
        | AlterTableType::AtSetLogged
        | AlterTableType::AtSetUnLogged
        | AlterTableType::AtDropOids
        | AlterTableType::AtSetAccessMethod
        | AlterTableType::AtSetTableSpace
        | AlterTableType::AtSetRelOptions
        | AlterTableType::AtResetRelOptions
        | AlterTableType::AtReplaceRelOptions
        | AlterTableType::AtReplicaIdentity
        | AlterTableType::AtReAddComment
        | AlterTableType::AtReAddStatistics => (verbs::ALTER, "set_options"),
        AlterTableType::AtAddInherit
        | AlterTableType::AtDropInherit
        | AlterTableType::AtAddOf
        | AlterTableType::AtDropOf => (verbs::ALTER, "inherit"),
        AlterTableType::AtAttachPartition => (verbs::ALTER, "attach_partition"),
        AlterTableType::AtDetachPartition | AlterTableType::AtDetachPartitionFinalize => {
            (verbs::ALTER, "detach_partition")
        }
        AlterTableType::AtChangeOwner => (verbs::ALTER_OWNER, "owner"),
        AlterTableType::AtEnableTrig
        | AlterTableType::AtEnableAlwaysTrig
        | AlterTableType::AtEnableReplicaTrig
        | AlterTableType::AtDisableTrig
        | AlterTableType::AtEnableTrigAll
        | AlterTableType::AtDisableTrigAll
        | AlterTableType::AtEnableTrigUser
        | AlterTableType::AtDisableTrigUser => (verbs::ALTER_TRIGGER, "trigger"),
        AlterTableType::AtEnableRule
        | AlterTableType::AtEnableAlwaysRule
        | AlterTableType::AtEnableReplicaRule
        | AlterTableType::AtDisableRule => (verbs::ALTER_RULE, "rule"),
        AlterTableType::AtEnableRowSecurity
        | AlterTableType::AtDisableRowSecurity
        | AlterTableType::AtForceRowSecurity
        | AlterTableType::AtNoForceRowSecurity => (verbs::ROW_SECURITY, "row_security"),
        AlterTableType::AtGenericOptions | AlterTableType::AtAlterColumnGenericOptions => {
            (verbs::ALTER_FOREIGN, "foreign_options")
        }
        AlterTableType::Undefined => (verbs::OPAQUE, "unknown"),
    }
}
