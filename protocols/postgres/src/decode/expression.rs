//! Expressions: the functions, operators and casts they call, and the columns that stand in them.
#![deny(clippy::wildcard_enum_match_arm)]

use pg_query::protobuf::{self, AExprKind};
use pg_query::{Node, NodeEnum};

use super::nodes::Expression;
use super::parts::Object;
use super::verbs;
use super::walk::{Outlet, Walk, names, qualified_name, text};
use crate::catalog::{self, Call};
use crate::lineage::{Place, Use};
use crate::words::Effect;

const FUNCTION: Place = Place::Other(Use::Function);
const OPERATOR: Place = Place::Other(Use::Operator);
const CONDITION: Place = Place::Other(Use::Condition);

impl Walk {
    /// An expression; `place` is where a column stands that is all there is of it.
    #[expect(clippy::too_many_lines, reason = "names every node kind")]
    pub(super) fn expression(&mut self, expression: Expression<'_>, place: Place) {
        match expression {
            Expression::ColumnRef(node) => self.column(node, place),
            Expression::AConst(_)
            | Expression::ParamRef(_)
            | Expression::SqlvalueFunction(_)
            | Expression::SetToDefault(_)
            | Expression::CurrentOfExpr(_)
            | Expression::MergeSupportFunc(_)
            | Expression::AStar(_)
            | Expression::Integer(_)
            | Expression::Float(_)
            | Expression::Boolean(_)
            | Expression::String(_)
            | Expression::BitString(_) => {}
            Expression::AExpr(node) => self.operation(node),
            Expression::BoolExpr(node) => self.nodes(&node.args, CONDITION),
            Expression::TypeCast(node) => {
                self.type_name(node.type_name.as_ref());
                self.optional(node.arg.as_deref(), Place::Other(Use::Cast));
            }
            Expression::CollateClause(node) => {
                self.optional(node.arg.as_deref(), Place::Other(Use::Cast))
            }
            Expression::FuncCall(node) => self.function(node),
            Expression::AIndirection(node) => self.indirection(node),
            Expression::AIndices(node) => {
                self.optional(node.lidx.as_deref(), OPERATOR);
                self.optional(node.uidx.as_deref(), OPERATOR);
            }
            Expression::AArrayExpr(node) => self.nodes(&node.elements, FUNCTION),
            Expression::SubLink(node) => self.sub_link(node),
            Expression::CaseExpr(node) => {
                self.optional(node.arg.as_deref(), FUNCTION);
                self.nodes(&node.args, FUNCTION);
                self.optional(node.defresult.as_deref(), FUNCTION);
            }
            Expression::CaseWhen(node) => {
                self.optional(node.expr.as_deref(), FUNCTION);
                self.optional(node.result.as_deref(), FUNCTION);
            }
            Expression::RowExpr(node) => self.nodes(&node.args, FUNCTION),
            Expression::CoalesceExpr(node) => self.nodes(&node.args, FUNCTION),
            Expression::MinMaxExpr(node) => self.nodes(&node.args, FUNCTION),
            Expression::XmlExpr(node) => {
                self.nodes(&node.named_args, FUNCTION);
                self.nodes(&node.args, FUNCTION);
            }
            Expression::XmlSerialize(node) => {
                self.type_name(node.type_name.as_ref());
                self.optional(node.expr.as_deref(), FUNCTION);
            }
            Expression::NullTest(node) => self.optional(node.arg.as_deref(), CONDITION),
            Expression::BooleanTest(node) => self.optional(node.arg.as_deref(), CONDITION),
            Expression::GroupingFunc(node) => self.nodes(&node.args, Place::Other(Use::Group)),
            Expression::GroupingSet(node) => self.nodes(&node.content, Place::Other(Use::Group)),
            Expression::MultiAssignRef(node) => {
                self.optional(node.source.as_deref(), Place::Other(Use::Stored))
            }
            Expression::NamedArgExpr(node) => self.optional(node.arg.as_deref(), FUNCTION),
            Expression::List(node) => self.nodes(&node.items, within(place)),
            Expression::ResTarget(node) => {
                self.nodes(&node.indirection, OPERATOR);
                self.optional(node.val.as_deref(), place);
            }
            Expression::SortBy(node) => {
                if !node.use_op.is_empty() {
                    self.operator(&node.use_op);
                }
                self.optional(node.node.as_deref(), Place::Other(Use::Order));
            }
            Expression::WindowDef(node) => self.window(node),
            Expression::JsonFuncExpr(_)
            | Expression::JsonObjectConstructor(_)
            | Expression::JsonArrayConstructor(_)
            | Expression::JsonArrayQueryConstructor(_)
            | Expression::JsonObjectAgg(_)
            | Expression::JsonArrayAgg(_)
            | Expression::JsonParseExpr(_)
            | Expression::JsonScalarExpr(_)
            | Expression::JsonSerializeExpr(_)
            | Expression::JsonIsPredicate(_)
            | Expression::JsonValueExpr(_)
            | Expression::JsonKeyValue(_)
            | Expression::JsonArgument(_)
            | Expression::JsonTablePathSpec(_) => self.json(expression),
        }
    }

    /// An operator with its operands.
    fn operation(&mut self, node: &protobuf::AExpr) {
        // BETWEEN, IN, LIKE and the like name the operators they stand for; BETWEEN names itself
        let kind = AExprKind::try_from(node.kind).unwrap_or(AExprKind::Undefined);
        match kind {
            AExprKind::AexprOp
            | AExprKind::AexprOpAny
            | AExprKind::AexprOpAll
            | AExprKind::AexprIn
            | AExprKind::AexprLike
            | AExprKind::AexprIlike
            | AExprKind::AexprSimilar
            | AExprKind::AexprDistinct
            | AExprKind::AexprNotDistinct
            | AExprKind::AexprNullif => self.operator(&node.name),
            AExprKind::AexprBetween
            | AExprKind::AexprNotBetween
            | AExprKind::AexprBetweenSym
            | AExprKind::AexprNotBetweenSym => self.needs_catalog_first = true,
            AExprKind::Undefined => self.opaque(),
        }
        let equals = kind == AExprKind::AexprOp
            && matches!(names(&node.name).as_slice(), ["="] | ["pg_catalog", "="]);
        let (left, right) = (node.lexpr.as_deref(), node.rexpr.as_deref());
        let beside = |other: Option<&Node>| match other {
            Some(other) if equals && is_constant(other) => Place::EqualsConstant,
            Some(_) | None => OPERATOR,
        };
        self.optional(left, beside(right));
        self.optional(right, beside(left));
    }

    /// An operator by name: harmless, or a call of who knows what.
    pub(super) fn operator(&mut self, name: &[Node]) {
        let (schema, operator) = qualified_name(name);
        self.needs_catalog_first |= schema.is_none();
        if schema
            .as_deref()
            .is_some_and(|schema| schema != "pg_catalog")
            || !catalog::harmless_operator(&operator)
        {
            self.call(schema, operator, Effect::Unknown, "operator");
        }
    }

    /// A type that something is cast to, or that a column is made of.
    pub(super) fn type_name(&mut self, written: Option<&protobuf::TypeName>) {
        let Some(written) = written else { return };
        self.nodes(&written.typmods, FUNCTION);
        let (schema, name) = qualified_name(&written.names);
        self.needs_catalog_first |= schema.is_none();
        if schema
            .as_deref()
            .is_some_and(|schema| schema != "pg_catalog")
            || !catalog::known_type(&name)
            || written.pct_type
        {
            self.call(schema, name, Effect::Unknown, "type");
        }
    }

    /// A function call; `count(*)` and harmless functions of the server add nothing but their arguments.
    pub(super) fn function(&mut self, node: &protobuf::FuncCall) {
        self.called(&node.funcname, &node.args);
        self.nodes(&node.args, FUNCTION);
        self.nodes(&node.agg_order, Place::Other(Use::Order));
        self.optional(node.agg_filter.as_deref(), CONDITION);
        if let Some(window) = node.over.as_deref() {
            self.window(window);
        }
    }

    /// A function by name, with what its arguments tell.
    pub(super) fn called(&mut self, name: &[Node], arguments: &[Node]) {
        let (schema, function) = qualified_name(name);
        self.functions.insert(names(name).join("."));
        self.needs_catalog_first |= schema.is_none();
        let known = match schema.as_deref() {
            None | Some("pg_catalog") => catalog::call(&function),
            Some("information_schema") => catalog::call_of_information_schema(&function),
            Some(_) => Call::Has(Effect::Unknown),
        };
        match known {
            Call::Harmless => {}
            Call::Sets => self.set_config(arguments),
            Call::Has(effect) => self.call(schema, function, effect, "function"),
        }
    }

    fn call(&mut self, schema: Option<String>, name: String, effect: Effect, kind: &'static str) {
        let verb = match effect {
            Effect::Read | Effect::Unknown => verbs::CALL,
            Effect::Write => verbs::CALL_WRITE,
            Effect::Admin => verbs::CALL_ADMIN,
        };
        if verb == verbs::CALL {
            self.session.read_back = true;
            self.reads.other_functions.push(match &schema {
                Some(schema) => format!("{schema}.{name}"),
                None => name.clone(),
            });
        }
        self.part(super::parts::Part::new(verb, Object::Function { schema, name }).kind(kind));
    }

    pub(super) fn window(&mut self, node: &protobuf::WindowDef) {
        let window = Place::Other(Use::Window);
        self.nodes(&node.partition_clause, window);
        for item in &node.order_clause {
            match &item.node {
                Some(NodeEnum::SortBy(sort)) => {
                    if !sort.use_op.is_empty() {
                        self.operator(&sort.use_op);
                    }
                    self.optional(sort.node.as_deref(), window);
                }
                Some(other) => self.any(other, window),
                None => {}
            }
        }
        self.optional(node.start_offset.as_deref(), window);
        self.optional(node.end_offset.as_deref(), window);
    }

    fn indirection(&mut self, node: &protobuf::AIndirection) {
        // `(t).column` reads the row; `(column)[1]` and `($1).field` are operations on a value
        let reason = if node
            .indirection
            .iter()
            .any(|step| text(step).is_some() || is_star(step))
        {
            Use::WholeRow
        } else {
            Use::Operator
        };
        let fields = node.indirection.iter().filter_map(text);
        self.fields.extend(fields.map(str::to_owned));
        self.optional(node.arg.as_deref(), Place::Other(reason));
        self.nodes(&node.indirection, OPERATOR);
    }

    fn sub_link(&mut self, node: &protobuf::SubLink) {
        if !node.oper_name.is_empty() {
            self.operator(&node.oper_name);
        }
        self.optional(node.testexpr.as_deref(), OPERATOR);
        if let Some(select) = node.subselect.as_deref() {
            self.sub_select(select, Outlet::To(Use::SubSelect));
        }
    }
}

/// A literal or a parameter, perhaps cast to one of the server's own types.
pub(super) fn is_constant(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(_) | NodeEnum::ParamRef(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => {
            let known = cast.type_name.as_ref().is_some_and(|written| {
                let (schema, name) = qualified_name(&written.names);
                schema.is_none_or(|schema| schema == "pg_catalog") && catalog::known_type(&name)
            });
            known && cast.arg.as_deref().is_some_and(is_constant)
        }
        Some(_) | None => false,
    }
}

fn is_star(node: &Node) -> bool {
    matches!(node.node, Some(NodeEnum::AStar(_)))
}

/// A member of a list is no plain output of its own.
const fn within(place: Place) -> Place {
    match place {
        Place::Output(_) | Place::EqualsConstant => FUNCTION,
        Place::Other(_) => place,
    }
}
