//! Sorts every node kind of the grammar into the part it plays; a kind that a new grammar adds does not compile here.
#![deny(clippy::wildcard_enum_match_arm)]

use pg_query::NodeEnum;

use super::nodes::{Command, Expression, Query, Source};

/// The part that a node plays in a raw parse tree.
#[derive(Clone, Copy)]
pub(super) enum Kind<'t> {
    Expression(Expression<'t>),
    Source(Source<'t>),
    Query(Query<'t>),
    Command(Command<'t>),
    /// Stands only inside one particular other node, which reads it there.
    Clause,
    /// Made by the server's analysis or by another language's parser, never by the grammar.
    Foreign,
}

/// The part that `node` plays.
#[expect(clippy::too_many_lines, reason = "names every node kind")]
pub(super) fn kind(node: &NodeEnum) -> Kind<'_> {
    match node {
        NodeEnum::RangeVar(node) => Kind::Source(Source::RangeVar(node)),
        NodeEnum::GroupingFunc(node) => Kind::Expression(Expression::GroupingFunc(node)),
        NodeEnum::MergeSupportFunc(node) => Kind::Expression(Expression::MergeSupportFunc(node)),
        NodeEnum::NamedArgExpr(node) => Kind::Expression(Expression::NamedArgExpr(node)),
        NodeEnum::BoolExpr(node) => Kind::Expression(Expression::BoolExpr(node)),
        NodeEnum::SubLink(node) => Kind::Expression(Expression::SubLink(node)),
        NodeEnum::CaseExpr(node) => Kind::Expression(Expression::CaseExpr(node)),
        NodeEnum::CaseWhen(node) => Kind::Expression(Expression::CaseWhen(node)),
        NodeEnum::RowExpr(node) => Kind::Expression(Expression::RowExpr(node)),
        NodeEnum::CoalesceExpr(node) => Kind::Expression(Expression::CoalesceExpr(node)),
        NodeEnum::MinMaxExpr(node) => Kind::Expression(Expression::MinMaxExpr(node)),
        NodeEnum::SqlvalueFunction(node) => Kind::Expression(Expression::SqlvalueFunction(node)),
        NodeEnum::XmlExpr(node) => Kind::Expression(Expression::XmlExpr(node)),
        NodeEnum::JsonValueExpr(node) => Kind::Expression(Expression::JsonValueExpr(node)),
        NodeEnum::JsonIsPredicate(node) => Kind::Expression(Expression::JsonIsPredicate(node)),
        NodeEnum::NullTest(node) => Kind::Expression(Expression::NullTest(node)),
        NodeEnum::BooleanTest(node) => Kind::Expression(Expression::BooleanTest(node)),
        NodeEnum::SetToDefault(node) => Kind::Expression(Expression::SetToDefault(node)),
        NodeEnum::CurrentOfExpr(node) => Kind::Expression(Expression::CurrentOfExpr(node)),
        NodeEnum::JoinExpr(node) => Kind::Source(Source::JoinExpr(node)),
        NodeEnum::ColumnRef(node) => Kind::Expression(Expression::ColumnRef(node)),
        NodeEnum::ParamRef(node) => Kind::Expression(Expression::ParamRef(node)),
        NodeEnum::AExpr(node) => Kind::Expression(Expression::AExpr(node)),
        NodeEnum::TypeCast(node) => Kind::Expression(Expression::TypeCast(node)),
        NodeEnum::CollateClause(node) => Kind::Expression(Expression::CollateClause(node)),
        NodeEnum::FuncCall(node) => Kind::Expression(Expression::FuncCall(node)),
        NodeEnum::AStar(node) => Kind::Expression(Expression::AStar(node)),
        NodeEnum::AIndices(node) => Kind::Expression(Expression::AIndices(node)),
        NodeEnum::AIndirection(node) => Kind::Expression(Expression::AIndirection(node)),
        NodeEnum::AArrayExpr(node) => Kind::Expression(Expression::AArrayExpr(node)),
        NodeEnum::ResTarget(node) => Kind::Expression(Expression::ResTarget(node)),
        NodeEnum::MultiAssignRef(node) => Kind::Expression(Expression::MultiAssignRef(node)),
        NodeEnum::SortBy(node) => Kind::Expression(Expression::SortBy(node)),
        NodeEnum::WindowDef(node) => Kind::Expression(Expression::WindowDef(node)),
        NodeEnum::RangeSubselect(node) => Kind::Source(Source::RangeSubselect(node)),
        NodeEnum::RangeFunction(node) => Kind::Source(Source::RangeFunction(node)),
        NodeEnum::RangeTableFunc(node) => Kind::Source(Source::RangeTableFunc(node)),
        NodeEnum::RangeTableSample(node) => Kind::Source(Source::RangeTableSample(node)),
        NodeEnum::XmlSerialize(node) => Kind::Expression(Expression::XmlSerialize(node)),
        NodeEnum::GroupingSet(node) => Kind::Expression(Expression::GroupingSet(node)),
        NodeEnum::JsonArgument(node) => Kind::Expression(Expression::JsonArgument(node)),
        NodeEnum::JsonFuncExpr(node) => Kind::Expression(Expression::JsonFuncExpr(node)),
        NodeEnum::JsonTablePathSpec(node) => Kind::Expression(Expression::JsonTablePathSpec(node)),
        NodeEnum::JsonTable(node) => Kind::Source(Source::JsonTable(node)),
        NodeEnum::JsonKeyValue(node) => Kind::Expression(Expression::JsonKeyValue(node)),
        NodeEnum::JsonParseExpr(node) => Kind::Expression(Expression::JsonParseExpr(node)),
        NodeEnum::JsonScalarExpr(node) => Kind::Expression(Expression::JsonScalarExpr(node)),
        NodeEnum::JsonSerializeExpr(node) => Kind::Expression(Expression::JsonSerializeExpr(node)),
        NodeEnum::JsonObjectConstructor(node) => {
            Kind::Expression(Expression::JsonObjectConstructor(node))
        }
        NodeEnum::JsonArrayConstructor(node) => {
            Kind::Expression(Expression::JsonArrayConstructor(node))
        }
        NodeEnum::JsonArrayQueryConstructor(node) => {
            Kind::Expression(Expression::JsonArrayQueryConstructor(node))
        }
        NodeEnum::JsonObjectAgg(node) => Kind::Expression(Expression::JsonObjectAgg(node)),
        NodeEnum::JsonArrayAgg(node) => Kind::Expression(Expression::JsonArrayAgg(node)),
        NodeEnum::InsertStmt(node) => Kind::Query(Query::InsertStmt(node)),
        NodeEnum::DeleteStmt(node) => Kind::Query(Query::DeleteStmt(node)),
        NodeEnum::UpdateStmt(node) => Kind::Query(Query::UpdateStmt(node)),
        NodeEnum::MergeStmt(node) => Kind::Query(Query::MergeStmt(node)),
        NodeEnum::SelectStmt(node) => Kind::Query(Query::SelectStmt(node)),
        NodeEnum::CreateSchemaStmt(node) => Kind::Command(Command::CreateSchemaStmt(node)),
        NodeEnum::AlterTableStmt(node) => Kind::Command(Command::AlterTableStmt(node)),
        NodeEnum::AlterCollationStmt(node) => Kind::Command(Command::AlterCollationStmt(node)),
        NodeEnum::AlterDomainStmt(node) => Kind::Command(Command::AlterDomainStmt(node)),
        NodeEnum::GrantStmt(node) => Kind::Command(Command::GrantStmt(node)),
        NodeEnum::GrantRoleStmt(node) => Kind::Command(Command::GrantRoleStmt(node)),
        NodeEnum::AlterDefaultPrivilegesStmt(node) => {
            Kind::Command(Command::AlterDefaultPrivilegesStmt(node))
        }
        NodeEnum::CopyStmt(node) => Kind::Command(Command::CopyStmt(node)),
        NodeEnum::VariableSetStmt(node) => Kind::Command(Command::VariableSetStmt(node)),
        NodeEnum::VariableShowStmt(node) => Kind::Command(Command::VariableShowStmt(node)),
        NodeEnum::CreateStmt(node) => Kind::Command(Command::CreateStmt(node)),
        NodeEnum::CreateTableSpaceStmt(node) => Kind::Command(Command::CreateTableSpaceStmt(node)),
        NodeEnum::DropTableSpaceStmt(node) => Kind::Command(Command::DropTableSpaceStmt(node)),
        NodeEnum::AlterTableSpaceOptionsStmt(node) => {
            Kind::Command(Command::AlterTableSpaceOptionsStmt(node))
        }
        NodeEnum::AlterTableMoveAllStmt(node) => {
            Kind::Command(Command::AlterTableMoveAllStmt(node))
        }
        NodeEnum::CreateExtensionStmt(node) => Kind::Command(Command::CreateExtensionStmt(node)),
        NodeEnum::AlterExtensionStmt(node) => Kind::Command(Command::AlterExtensionStmt(node)),
        NodeEnum::AlterExtensionContentsStmt(node) => {
            Kind::Command(Command::AlterExtensionContentsStmt(node))
        }
        NodeEnum::CreateFdwStmt(node) => Kind::Command(Command::CreateFdwStmt(node)),
        NodeEnum::AlterFdwStmt(node) => Kind::Command(Command::AlterFdwStmt(node)),
        NodeEnum::CreateForeignServerStmt(node) => {
            Kind::Command(Command::CreateForeignServerStmt(node))
        }
        NodeEnum::AlterForeignServerStmt(node) => {
            Kind::Command(Command::AlterForeignServerStmt(node))
        }
        NodeEnum::CreateForeignTableStmt(node) => {
            Kind::Command(Command::CreateForeignTableStmt(node))
        }
        NodeEnum::CreateUserMappingStmt(node) => {
            Kind::Command(Command::CreateUserMappingStmt(node))
        }
        NodeEnum::AlterUserMappingStmt(node) => Kind::Command(Command::AlterUserMappingStmt(node)),
        NodeEnum::DropUserMappingStmt(node) => Kind::Command(Command::DropUserMappingStmt(node)),
        NodeEnum::ImportForeignSchemaStmt(node) => {
            Kind::Command(Command::ImportForeignSchemaStmt(node))
        }
        NodeEnum::CreatePolicyStmt(node) => Kind::Command(Command::CreatePolicyStmt(node)),
        NodeEnum::AlterPolicyStmt(node) => Kind::Command(Command::AlterPolicyStmt(node)),
        NodeEnum::CreateAmStmt(node) => Kind::Command(Command::CreateAmStmt(node)),
        NodeEnum::CreateTrigStmt(node) => Kind::Command(Command::CreateTrigStmt(node)),
        NodeEnum::CreateEventTrigStmt(node) => Kind::Command(Command::CreateEventTrigStmt(node)),
        NodeEnum::AlterEventTrigStmt(node) => Kind::Command(Command::AlterEventTrigStmt(node)),
        NodeEnum::CreatePlangStmt(node) => Kind::Command(Command::CreatePlangStmt(node)),
        NodeEnum::CreateRoleStmt(node) => Kind::Command(Command::CreateRoleStmt(node)),
        NodeEnum::AlterRoleStmt(node) => Kind::Command(Command::AlterRoleStmt(node)),
        NodeEnum::AlterRoleSetStmt(node) => Kind::Command(Command::AlterRoleSetStmt(node)),
        NodeEnum::DropRoleStmt(node) => Kind::Command(Command::DropRoleStmt(node)),
        NodeEnum::CreateSeqStmt(node) => Kind::Command(Command::CreateSeqStmt(node)),
        NodeEnum::AlterSeqStmt(node) => Kind::Command(Command::AlterSeqStmt(node)),
        NodeEnum::DefineStmt(node) => Kind::Command(Command::DefineStmt(node)),
        NodeEnum::CreateDomainStmt(node) => Kind::Command(Command::CreateDomainStmt(node)),
        NodeEnum::CreateOpClassStmt(node) => Kind::Command(Command::CreateOpClassStmt(node)),
        NodeEnum::CreateOpFamilyStmt(node) => Kind::Command(Command::CreateOpFamilyStmt(node)),
        NodeEnum::AlterOpFamilyStmt(node) => Kind::Command(Command::AlterOpFamilyStmt(node)),
        NodeEnum::DropStmt(node) => Kind::Command(Command::DropStmt(node)),
        NodeEnum::TruncateStmt(node) => Kind::Command(Command::TruncateStmt(node)),
        NodeEnum::CommentStmt(node) => Kind::Command(Command::CommentStmt(node)),
        NodeEnum::SecLabelStmt(node) => Kind::Command(Command::SecLabelStmt(node)),
        NodeEnum::DeclareCursorStmt(node) => Kind::Command(Command::DeclareCursorStmt(node)),
        NodeEnum::ClosePortalStmt(node) => Kind::Command(Command::ClosePortalStmt(node)),
        NodeEnum::FetchStmt(node) => Kind::Command(Command::FetchStmt(node)),
        NodeEnum::IndexStmt(node) => Kind::Command(Command::IndexStmt(node)),
        NodeEnum::CreateStatsStmt(node) => Kind::Command(Command::CreateStatsStmt(node)),
        NodeEnum::AlterStatsStmt(node) => Kind::Command(Command::AlterStatsStmt(node)),
        NodeEnum::CreateFunctionStmt(node) => Kind::Command(Command::CreateFunctionStmt(node)),
        NodeEnum::AlterFunctionStmt(node) => Kind::Command(Command::AlterFunctionStmt(node)),
        NodeEnum::DoStmt(node) => Kind::Command(Command::DoStmt(node)),
        NodeEnum::CallStmt(node) => Kind::Command(Command::CallStmt(node)),
        NodeEnum::RenameStmt(node) => Kind::Command(Command::RenameStmt(node)),
        NodeEnum::AlterObjectDependsStmt(node) => {
            Kind::Command(Command::AlterObjectDependsStmt(node))
        }
        NodeEnum::AlterObjectSchemaStmt(node) => {
            Kind::Command(Command::AlterObjectSchemaStmt(node))
        }
        NodeEnum::AlterOwnerStmt(node) => Kind::Command(Command::AlterOwnerStmt(node)),
        NodeEnum::AlterOperatorStmt(node) => Kind::Command(Command::AlterOperatorStmt(node)),
        NodeEnum::AlterTypeStmt(node) => Kind::Command(Command::AlterTypeStmt(node)),
        NodeEnum::RuleStmt(node) => Kind::Command(Command::RuleStmt(node)),
        NodeEnum::NotifyStmt(node) => Kind::Command(Command::NotifyStmt(node)),
        NodeEnum::ListenStmt(node) => Kind::Command(Command::ListenStmt(node)),
        NodeEnum::UnlistenStmt(node) => Kind::Command(Command::UnlistenStmt(node)),
        NodeEnum::TransactionStmt(node) => Kind::Command(Command::TransactionStmt(node)),
        NodeEnum::CompositeTypeStmt(node) => Kind::Command(Command::CompositeTypeStmt(node)),
        NodeEnum::CreateEnumStmt(node) => Kind::Command(Command::CreateEnumStmt(node)),
        NodeEnum::CreateRangeStmt(node) => Kind::Command(Command::CreateRangeStmt(node)),
        NodeEnum::AlterEnumStmt(node) => Kind::Command(Command::AlterEnumStmt(node)),
        NodeEnum::ViewStmt(node) => Kind::Command(Command::ViewStmt(node)),
        NodeEnum::LoadStmt(node) => Kind::Command(Command::LoadStmt(node)),
        NodeEnum::CreatedbStmt(node) => Kind::Command(Command::CreatedbStmt(node)),
        NodeEnum::AlterDatabaseStmt(node) => Kind::Command(Command::AlterDatabaseStmt(node)),
        NodeEnum::AlterDatabaseRefreshCollStmt(node) => {
            Kind::Command(Command::AlterDatabaseRefreshCollStmt(node))
        }
        NodeEnum::AlterDatabaseSetStmt(node) => Kind::Command(Command::AlterDatabaseSetStmt(node)),
        NodeEnum::DropdbStmt(node) => Kind::Command(Command::DropdbStmt(node)),
        NodeEnum::AlterSystemStmt(node) => Kind::Command(Command::AlterSystemStmt(node)),
        NodeEnum::ClusterStmt(node) => Kind::Command(Command::ClusterStmt(node)),
        NodeEnum::VacuumStmt(node) => Kind::Command(Command::VacuumStmt(node)),
        NodeEnum::ExplainStmt(node) => Kind::Command(Command::ExplainStmt(node)),
        NodeEnum::CreateTableAsStmt(node) => Kind::Command(Command::CreateTableAsStmt(node)),
        NodeEnum::RefreshMatViewStmt(node) => Kind::Command(Command::RefreshMatViewStmt(node)),
        NodeEnum::CheckPointStmt(node) => Kind::Command(Command::CheckPointStmt(node)),
        NodeEnum::DiscardStmt(node) => Kind::Command(Command::DiscardStmt(node)),
        NodeEnum::LockStmt(node) => Kind::Command(Command::LockStmt(node)),
        NodeEnum::ConstraintsSetStmt(node) => Kind::Command(Command::ConstraintsSetStmt(node)),
        NodeEnum::ReindexStmt(node) => Kind::Command(Command::ReindexStmt(node)),
        NodeEnum::CreateConversionStmt(node) => Kind::Command(Command::CreateConversionStmt(node)),
        NodeEnum::CreateCastStmt(node) => Kind::Command(Command::CreateCastStmt(node)),
        NodeEnum::CreateTransformStmt(node) => Kind::Command(Command::CreateTransformStmt(node)),
        NodeEnum::PrepareStmt(node) => Kind::Command(Command::PrepareStmt(node)),
        NodeEnum::ExecuteStmt(node) => Kind::Command(Command::ExecuteStmt(node)),
        NodeEnum::DeallocateStmt(node) => Kind::Command(Command::DeallocateStmt(node)),
        NodeEnum::DropOwnedStmt(node) => Kind::Command(Command::DropOwnedStmt(node)),
        NodeEnum::ReassignOwnedStmt(node) => Kind::Command(Command::ReassignOwnedStmt(node)),
        NodeEnum::AlterTsdictionaryStmt(node) => {
            Kind::Command(Command::AlterTsdictionaryStmt(node))
        }
        NodeEnum::AlterTsconfigurationStmt(node) => {
            Kind::Command(Command::AlterTsconfigurationStmt(node))
        }
        NodeEnum::CreatePublicationStmt(node) => {
            Kind::Command(Command::CreatePublicationStmt(node))
        }
        NodeEnum::AlterPublicationStmt(node) => Kind::Command(Command::AlterPublicationStmt(node)),
        NodeEnum::CreateSubscriptionStmt(node) => {
            Kind::Command(Command::CreateSubscriptionStmt(node))
        }
        NodeEnum::AlterSubscriptionStmt(node) => {
            Kind::Command(Command::AlterSubscriptionStmt(node))
        }
        NodeEnum::DropSubscriptionStmt(node) => Kind::Command(Command::DropSubscriptionStmt(node)),
        NodeEnum::Integer(node) => Kind::Expression(Expression::Integer(node)),
        NodeEnum::Float(node) => Kind::Expression(Expression::Float(node)),
        NodeEnum::Boolean(node) => Kind::Expression(Expression::Boolean(node)),
        NodeEnum::String(node) => Kind::Expression(Expression::String(node)),
        NodeEnum::BitString(node) => Kind::Expression(Expression::BitString(node)),
        NodeEnum::List(node) => Kind::Expression(Expression::List(node)),
        NodeEnum::AConst(node) => Kind::Expression(Expression::AConst(node)),
        NodeEnum::Alias(_)
        | NodeEnum::IntoClause(_)
        | NodeEnum::JsonFormat(_)
        | NodeEnum::JsonReturning(_)
        | NodeEnum::JsonBehavior(_)
        | NodeEnum::TypeName(_)
        | NodeEnum::RoleSpec(_)
        | NodeEnum::RangeTableFuncCol(_)
        | NodeEnum::ColumnDef(_)
        | NodeEnum::TableLikeClause(_)
        | NodeEnum::IndexElem(_)
        | NodeEnum::DefElem(_)
        | NodeEnum::LockingClause(_)
        | NodeEnum::PartitionElem(_)
        | NodeEnum::PartitionSpec(_)
        | NodeEnum::PartitionBoundSpec(_)
        | NodeEnum::PartitionRangeDatum(_)
        | NodeEnum::PartitionCmd(_)
        | NodeEnum::WithClause(_)
        | NodeEnum::InferClause(_)
        | NodeEnum::OnConflictClause(_)
        | NodeEnum::CtesearchClause(_)
        | NodeEnum::CtecycleClause(_)
        | NodeEnum::CommonTableExpr(_)
        | NodeEnum::MergeWhenClause(_)
        | NodeEnum::ReturningOption(_)
        | NodeEnum::ReturningClause(_)
        | NodeEnum::TriggerTransition(_)
        | NodeEnum::JsonOutput(_)
        | NodeEnum::JsonTableColumn(_)
        | NodeEnum::JsonAggConstructor(_)
        | NodeEnum::RawStmt(_)
        | NodeEnum::ReturnStmt(_)
        | NodeEnum::AlterTableCmd(_)
        | NodeEnum::AtalterConstraint(_)
        | NodeEnum::ReplicaIdentityStmt(_)
        | NodeEnum::ObjectWithArgs(_)
        | NodeEnum::AccessPriv(_)
        | NodeEnum::Constraint(_)
        | NodeEnum::CreateOpClassItem(_)
        | NodeEnum::StatsElem(_)
        | NodeEnum::FunctionParameter(_)
        | NodeEnum::VacuumRelation(_)
        | NodeEnum::PublicationTable(_)
        | NodeEnum::PublicationObjSpec(_) => Kind::Clause,
        NodeEnum::TableFunc(_)
        | NodeEnum::Var(_)
        | NodeEnum::Param(_)
        | NodeEnum::Aggref(_)
        | NodeEnum::WindowFunc(_)
        | NodeEnum::WindowFuncRunCondition(_)
        | NodeEnum::SubscriptingRef(_)
        | NodeEnum::FuncExpr(_)
        | NodeEnum::OpExpr(_)
        | NodeEnum::DistinctExpr(_)
        | NodeEnum::NullIfExpr(_)
        | NodeEnum::ScalarArrayOpExpr(_)
        | NodeEnum::SubPlan(_)
        | NodeEnum::AlternativeSubPlan(_)
        | NodeEnum::FieldSelect(_)
        | NodeEnum::FieldStore(_)
        | NodeEnum::RelabelType(_)
        | NodeEnum::CoerceViaIo(_)
        | NodeEnum::ArrayCoerceExpr(_)
        | NodeEnum::ConvertRowtypeExpr(_)
        | NodeEnum::CollateExpr(_)
        | NodeEnum::CaseTestExpr(_)
        | NodeEnum::ArrayExpr(_)
        | NodeEnum::RowCompareExpr(_)
        | NodeEnum::JsonConstructorExpr(_)
        | NodeEnum::JsonExpr(_)
        | NodeEnum::JsonTablePath(_)
        | NodeEnum::JsonTablePathScan(_)
        | NodeEnum::JsonTableSiblingJoin(_)
        | NodeEnum::MergeAction(_)
        | NodeEnum::CoerceToDomain(_)
        | NodeEnum::CoerceToDomainValue(_)
        | NodeEnum::NextValueExpr(_)
        | NodeEnum::InferenceElem(_)
        | NodeEnum::ReturningExpr(_)
        | NodeEnum::TargetEntry(_)
        | NodeEnum::RangeTblRef(_)
        | NodeEnum::FromExpr(_)
        | NodeEnum::OnConflictExpr(_)
        | NodeEnum::Query(_)
        | NodeEnum::RangeTblEntry(_)
        | NodeEnum::RtepermissionInfo(_)
        | NodeEnum::RangeTblFunction(_)
        | NodeEnum::TableSampleClause(_)
        | NodeEnum::WithCheckOption(_)
        | NodeEnum::SortGroupClause(_)
        | NodeEnum::WindowClause(_)
        | NodeEnum::RowMarkClause(_)
        | NodeEnum::SetOperationStmt(_)
        | NodeEnum::PlassignStmt(_)
        | NodeEnum::InlineCodeBlock(_)
        | NodeEnum::CallContext(_)
        | NodeEnum::IntList(_)
        | NodeEnum::OidList(_) => Kind::Foreign,
    }
}
