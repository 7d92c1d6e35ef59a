//! SQL/JSON expressions: whatever stands in them is an argument.
#![deny(clippy::wildcard_enum_match_arm)]

use pg_query::protobuf;

use super::nodes::Expression;
use super::walk::{Outlet, Walk};
use crate::lineage::{Place, Use};

const FUNCTION: Place = Place::Other(Use::Function);

impl Walk {
    #[expect(clippy::too_many_lines, reason = "names every node kind")]
    pub(super) fn json(&mut self, expression: Expression<'_>) {
        match expression {
            Expression::JsonFuncExpr(node) => {
                self.json_value(node.context_item.as_deref());
                self.optional(node.pathspec.as_deref(), FUNCTION);
                self.nodes(&node.passing, FUNCTION);
                self.json_output(node.output.as_ref());
                self.json_behavior(node.on_empty.as_deref());
                self.json_behavior(node.on_error.as_deref());
            }
            Expression::JsonObjectConstructor(node) => {
                self.nodes(&node.exprs, FUNCTION);
                self.json_output(node.output.as_ref());
            }
            Expression::JsonArrayConstructor(node) => {
                self.nodes(&node.exprs, FUNCTION);
                self.json_output(node.output.as_ref());
            }
            Expression::JsonArrayQueryConstructor(node) => {
                if let Some(query) = node.query.as_deref() {
                    self.sub_select(query, Outlet::To(Use::SubSelect));
                }
                self.json_output(node.output.as_ref());
            }
            Expression::JsonObjectAgg(node) => {
                self.json_aggregate(node.constructor.as_deref());
                if let Some(pair) = node.arg.as_deref() {
                    self.json_pair(pair);
                }
            }
            Expression::JsonArrayAgg(node) => {
                self.json_aggregate(node.constructor.as_deref());
                self.json_value(node.arg.as_deref());
            }
            Expression::JsonParseExpr(node) => {
                self.json_value(node.expr.as_deref());
                self.json_output(node.output.as_ref());
            }
            Expression::JsonScalarExpr(node) => {
                self.optional(node.expr.as_deref(), FUNCTION);
                self.json_output(node.output.as_ref());
            }
            Expression::JsonSerializeExpr(node) => {
                self.json_value(node.expr.as_deref());
                self.json_output(node.output.as_ref());
            }
            Expression::JsonIsPredicate(node) => self.optional(node.expr.as_deref(), FUNCTION),
            Expression::JsonValueExpr(node) => self.json_value(Some(node)),
            Expression::JsonKeyValue(node) => self.json_pair(node),
            Expression::JsonArgument(node) => self.json_value(node.val.as_deref()),
            Expression::JsonTablePathSpec(node) => self.optional(node.string.as_deref(), FUNCTION),
            Expression::AConst(_)
            | Expression::ParamRef(_)
            | Expression::ColumnRef(_)
            | Expression::AExpr(_)
            | Expression::BoolExpr(_)
            | Expression::TypeCast(_)
            | Expression::CollateClause(_)
            | Expression::FuncCall(_)
            | Expression::AIndirection(_)
            | Expression::AArrayExpr(_)
            | Expression::SubLink(_)
            | Expression::CaseExpr(_)
            | Expression::CaseWhen(_)
            | Expression::RowExpr(_)
            | Expression::CoalesceExpr(_)
            | Expression::MinMaxExpr(_)
            | Expression::SqlvalueFunction(_)
            | Expression::XmlExpr(_)
            | Expression::XmlSerialize(_)
            | Expression::NullTest(_)
            | Expression::BooleanTest(_)
            | Expression::GroupingFunc(_)
            | Expression::GroupingSet(_)
            | Expression::SetToDefault(_)
            | Expression::CurrentOfExpr(_)
            | Expression::MultiAssignRef(_)
            | Expression::NamedArgExpr(_)
            | Expression::MergeSupportFunc(_)
            | Expression::List(_)
            | Expression::AStar(_)
            | Expression::AIndices(_)
            | Expression::Integer(_)
            | Expression::Float(_)
            | Expression::Boolean(_)
            | Expression::String(_)
            | Expression::BitString(_)
            | Expression::ResTarget(_)
            | Expression::SortBy(_)
            | Expression::WindowDef(_) => self.opaque(),
        }
    }

    pub(super) fn json_value(&mut self, value: Option<&protobuf::JsonValueExpr>) {
        if let Some(value) = value {
            self.optional(value.raw_expr.as_deref(), FUNCTION);
            self.optional(value.formatted_expr.as_deref(), FUNCTION);
        }
    }

    fn json_pair(&mut self, pair: &protobuf::JsonKeyValue) {
        self.optional(pair.key.as_deref(), FUNCTION);
        self.json_value(pair.value.as_deref());
    }

    fn json_output(&mut self, output: Option<&protobuf::JsonOutput>) {
        if let Some(output) = output {
            self.type_name(output.type_name.as_ref());
        }
    }

    pub(super) fn json_behavior(&mut self, behavior: Option<&protobuf::JsonBehavior>) {
        if let Some(behavior) = behavior {
            self.optional(behavior.expr.as_deref(), FUNCTION);
        }
    }

    fn json_aggregate(&mut self, constructor: Option<&protobuf::JsonAggConstructor>) {
        if let Some(constructor) = constructor {
            self.json_output(constructor.output.as_ref());
            self.optional(constructor.agg_filter.as_deref(), FUNCTION);
            self.nodes(&constructor.agg_order, Place::Other(Use::Order));
            if let Some(window) = constructor.over.as_deref() {
                self.window(window);
            }
        }
    }
}
