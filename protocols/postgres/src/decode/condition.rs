//! Whether a condition narrows what it stands for: a tautology in any of its usual disguises does not.
//!
//! Where this cannot tell, the condition does not narrow: a needless question is better than a table lost.
#![deny(clippy::wildcard_enum_match_arm)]

use std::collections::BTreeSet;

use pg_query::protobuf::{self, AExprKind, BoolExprType, BoolTestType, NullTestType, SubLinkType};
use pg_query::{Node, NodeEnum};

use super::columns::column_path;
use super::kinds::{Kind, kind};
use super::nodes::Expression;
use super::walk::names;

/// Whose rows must be narrowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Narrowing<'t> {
    /// The name of the relation in this statement; none where any relation will do.
    target: Option<&'t str>,
    /// The name of the relation itself.
    relation: &'t str,
    /// No other relation stands beside it, so that an unqualified column is its own.
    alone: bool,
    /// Its own rows stand beside it once more, so that columns of one name may be one column.
    again: bool,
}

impl<'t> Narrowing<'t> {
    pub(super) const fn any() -> Self {
        Self {
            target: None,
            relation: "",
            alone: true,
            again: false,
        }
    }

    /// `beside` is what else the statement reads from.
    pub(super) fn of(target: &'t str, relation: &'t str, beside: &[Node]) -> Self {
        Self {
            target: Some(target),
            relation,
            alone: beside.is_empty(),
            again: stands_in(beside, relation),
        }
    }

    fn owns(&self, path: &[&str]) -> bool {
        match (self.target, path) {
            (None, _) => true,
            (Some(_), [_]) => self.alone,
            (Some(target), [.., qualifier, _]) => *qualifier == target,
            (Some(_), []) => false,
        }
    }

    /// Whether two columns as written may be one: a name left out, or the relation's own, is any.
    fn may_be_same(&self, left: &[&str], right: &[&str]) -> bool {
        match (left, right) {
            ([.., one], [.., other]) if one != other => false,
            ([_], _) | (_, [_]) => true,
            ([.., one, _], [.., other, _]) => self.again || one == other,
            ([], _) | (_, []) => true,
        }
    }
}

/// Whether `condition` keeps some rows of the relation out for what they hold.
pub(super) fn narrows(condition: Option<&Node>, of: &Narrowing<'_>) -> bool {
    condition.is_some_and(|condition| holds(condition, of, false))
}

fn holds(node: &Node, of: &Narrowing<'_>, negated: bool) -> bool {
    let Some(node) = &node.node else { return false };
    let Kind::Expression(expression) = kind(node) else {
        return false;
    };
    if let Expression::BoolExpr(node) = expression {
        let mut each = node.args.iter();
        return match BoolExprType::try_from(node.boolop) {
            Ok(BoolExprType::AndExpr) if !negated => each.any(|node| holds(node, of, false)),
            Ok(BoolExprType::AndExpr) => each.all(|node| holds(node, of, true)),
            Ok(BoolExprType::OrExpr) if !negated => each.all(|node| holds(node, of, false)),
            Ok(BoolExprType::OrExpr) => each.any(|node| holds(node, of, true)),
            Ok(BoolExprType::NotExpr) => each.any(|node| holds(node, of, !negated)),
            Ok(BoolExprType::Undefined) | Err(_) => false,
        };
    }
    if let Expression::BooleanTest(node) = expression {
        return node.arg.as_deref().is_some_and(|inner| {
            match BoolTestType::try_from(node.booltesttype) {
                Ok(BoolTestType::IsTrue) => holds(inner, of, negated),
                Ok(BoolTestType::IsFalse) => holds(inner, of, !negated),
                Ok(
                    BoolTestType::Undefined
                    | BoolTestType::IsNotTrue
                    | BoolTestType::IsNotFalse
                    | BoolTestType::IsUnknown
                    | BoolTestType::IsNotUnknown,
                )
                | Err(_) => false,
            }
        });
    }
    simple(expression, of, negated)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only what is known to narrow does"
)]
fn simple(expression: Expression<'_>, of: &Narrowing<'_>, negated: bool) -> bool {
    match expression {
        Expression::AExpr(node) => comparison(node, of),
        Expression::SubLink(node) => sub_link(node, of),
        Expression::CurrentOfExpr(_) => true,
        Expression::NullTest(node) => {
            let is_null = NullTestType::try_from(node.nulltesttype) == Ok(NullTestType::IsNull);
            is_null != negated && node.arg.as_deref().is_some_and(|arg| is_column(arg, of))
        }
        Expression::ColumnRef(node) => of.owns(&column_path(node).0),
        Expression::FuncCall(node) => node.args.iter().any(|argument| is_column(argument, of)),
        _ => false,
    }
}

/// A comparison narrows when its sides stand on different columns, one of them a value of the relation.
fn comparison(node: &protobuf::AExpr, of: &Narrowing<'_>) -> bool {
    let (Some(left), Some(right)) = (node.lexpr.as_deref(), node.rexpr.as_deref()) else {
        return false;
    };
    if is_pattern_for_all(node, right) {
        return false;
    }
    differ(&Side::of(left, of), &Side::of(right, of), of)
}

/// Whether some column of the relation stands on one side only.
fn differ(left: &Side<'_>, right: &Side<'_>, of: &Narrowing<'_>) -> bool {
    let alone = |one: &Side<'_>, other: &Side<'_>| {
        one.columns.iter().any(|path| {
            of.owns(path)
                && !other
                    .columns
                    .iter()
                    .any(|beside| of.may_be_same(path, beside))
        })
    };
    !left.tells_nothing && !right.tells_nothing && (alone(left, right) || alone(right, left))
}

fn is_column(node: &Node, of: &Narrowing<'_>) -> bool {
    let side = Side::of(node, of);
    !side.tells_nothing && side.columns.iter().any(|path| of.owns(path))
}

/// `LIKE '%'`, `~ ''`, `~ '.*'` hold for every value.
fn is_pattern_for_all(node: &protobuf::AExpr, pattern: &Node) -> bool {
    let Some(NodeEnum::AConst(protobuf::AConst {
        val: Some(protobuf::a_const::Val::Sval(pattern)),
        ..
    })) = &pattern.node
    else {
        return false;
    };
    let operator = names(&node.name).last().copied().unwrap_or_default();
    match AExprKind::try_from(node.kind) {
        Ok(AExprKind::AexprLike | AExprKind::AexprIlike | AExprKind::AexprSimilar) => {
            pattern.sval.chars().all(|letter| letter == '%')
        }
        Ok(_) if operator.contains("~~") => pattern.sval.chars().all(|letter| letter == '%'),
        Ok(_) if operator.contains('~') => {
            pattern.sval.chars().all(|letter| ".*^$".contains(letter))
        }
        Ok(_) | Err(_) => false,
    }
}

/// One side of a comparison: the columns that it stands on.
struct Side<'t> {
    columns: BTreeSet<Vec<&'t str>>,
    /// Its value may not depend on its columns: `id - id`, `id * 0`, `(id = id)`, `coalesce(..)`.
    tells_nothing: bool,
    relation: &'t str,
}

impl<'t> Side<'t> {
    fn of(node: &'t Node, of: &Narrowing<'t>) -> Self {
        let mut side = Self::empty(of.relation);
        side.take(node);
        side
    }

    const fn empty(relation: &'t str) -> Self {
        Self {
            columns: BTreeSet::new(),
            tells_nothing: false,
            relation,
        }
    }

    fn take(&mut self, node: &'t Node) {
        let Some(node) = &node.node else { return };
        let Kind::Expression(expression) = kind(node) else {
            self.tells_nothing = true;
            return;
        };
        self.expression(expression);
    }

    fn take_all(&mut self, nodes: impl IntoIterator<Item = &'t Node>) {
        for node in nodes {
            self.take(node);
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is not known to depend on its columns does not"
    )]
    fn expression(&mut self, expression: Expression<'t>) {
        match expression {
            Expression::ColumnRef(node) => {
                self.columns.insert(column_path(node).0);
            }
            Expression::AConst(_) | Expression::ParamRef(_) | Expression::SqlvalueFunction(_) => {}
            Expression::TypeCast(node) => self.take_all(node.arg.as_deref()),
            Expression::CollateClause(node) => self.take_all(node.arg.as_deref()),
            Expression::FuncCall(node) => self.take_all(&node.args),
            Expression::RowExpr(node) => self.take_all(&node.args),
            Expression::List(node) => self.take_all(&node.items),
            Expression::AArrayExpr(node) => self.take_all(&node.elements),
            Expression::AExpr(node) => self.arithmetic(node),
            Expression::SubLink(node) => match selected(node) {
                Some(select) => self.looked_up(select),
                None => self.tells_nothing = true,
            },
            _ => self.tells_nothing = true,
        }
    }

    /// A value looked up elsewhere; from the relation's own rows, or from none, it may be the row's own.
    fn looked_up(&mut self, select: &'t protobuf::SelectStmt) {
        self.tells_nothing |= !reads_others(&select.from_clause, self.relation);
        for target in &select.target_list {
            match &target.node {
                Some(NodeEnum::ResTarget(target)) => self.take_all(target.val.as_deref()),
                Some(_) | None => self.tells_nothing = true,
            }
        }
    }

    fn arithmetic(&mut self, node: &'t protobuf::AExpr) {
        let operator = names(&node.name).last().copied().unwrap_or_default();
        let plain = AExprKind::try_from(node.kind) == Ok(AExprKind::AexprOp);
        if !plain
            || !matches!(
                operator,
                "+" | "-" | "*" | "/" | "%" | "||" | "->" | "->>" | "#>" | "#>>"
            )
        {
            self.tells_nothing = true;
            return;
        }
        let of = |node: Option<&'t Node>| {
            let mut side = Self::empty(self.relation);
            side.take_all(node);
            side
        };
        let (mut left, right) = (of(node.lexpr.as_deref()), of(node.rexpr.as_deref()));
        let shared = left
            .columns
            .iter()
            .any(|one| right.columns.iter().any(|other| one.last() == other.last()));
        let degenerate = matches!(operator, "*" | "/" | "%")
            && [&node.lexpr, &node.rexpr]
                .into_iter()
                .flatten()
                .any(|side| is_small_number(side));
        self.tells_nothing |= left.tells_nothing || right.tells_nothing || shared || degenerate;
        // the longer set is kept, so that a chain of operators stays linear
        left.columns.extend(right.columns);
        if self.columns.is_empty() {
            self.columns = left.columns;
        } else {
            self.columns.extend(left.columns);
        }
    }
}

/// 0, 1 and -1, with which a product or remainder may say nothing of the other factor.
fn is_small_number(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(protobuf::a_const::Val::Ival(number)) => (-1..=1).contains(&number.ival),
            Some(protobuf::a_const::Val::Fval(number)) => number
                .fval
                .parse::<f64>()
                .is_ok_and(|number| number.abs() <= 1.0),
            Some(
                protobuf::a_const::Val::Boolval(_)
                | protobuf::a_const::Val::Sval(_)
                | protobuf::a_const::Val::Bsval(_),
            )
            | None => false,
        },
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_small_number),
        Some(_) | None => false,
    }
}

/// `column IN (SELECT ...)` narrows as a comparison with what is looked up does; EXISTS when its condition speaks of
/// the relation by name.
fn sub_link(node: &protobuf::SubLink, of: &Narrowing<'_>) -> bool {
    let Some(select) = selected(node) else {
        return false;
    };
    match SubLinkType::try_from(node.sub_link_type) {
        Ok(SubLinkType::AnySublink) => node.testexpr.as_deref().is_some_and(|test| {
            let mut found = Side::empty(of.relation);
            found.looked_up(select);
            // rows of its own, but not all of them
            found.tells_nothing &= !narrows(select.where_clause.as_deref(), &Narrowing::any())
                && select.limit_count.is_none();
            let own = found.columns.is_empty() || differ(&Side::of(test, of), &found, of);
            let narrowed = is_column(test, of) && select.limit_count.is_some();
            narrowed || (own && !found.tells_nothing && is_column(test, of))
        }),
        Ok(SubLinkType::ExistsSublink) => of.target.is_some_and(|target| {
            narrows(
                select.where_clause.as_deref(),
                &Narrowing {
                    alone: false,
                    ..Narrowing::of(target, of.relation, &select.from_clause)
                },
            )
        }),
        Ok(
            SubLinkType::Undefined
            | SubLinkType::AllSublink
            | SubLinkType::RowcompareSublink
            | SubLinkType::ExprSublink
            | SubLinkType::MultiexprSublink
            | SubLinkType::ArraySublink
            | SubLinkType::CteSublink,
        )
        | Err(_) => false,
    }
}

fn selected(node: &protobuf::SubLink) -> Option<&protobuf::SelectStmt> {
    match node
        .subselect
        .as_deref()
        .and_then(|select| select.node.as_ref())
    {
        Some(NodeEnum::SelectStmt(select)) => Some(select),
        Some(_) | None => None,
    }
}

/// Whether a FROM holds some other relation.
fn reads_others(from: &[Node], relation: &str) -> bool {
    from.iter().any(|item| match &item.node {
        Some(NodeEnum::RangeVar(other)) => other.relname != relation,
        Some(_) | None => false,
    })
}

/// Whether rows of the relation may stand in a FROM, also in a sub-select or a join.
fn stands_in(from: &[Node], relation: &str) -> bool {
    from.iter().any(|item| match &item.node {
        Some(NodeEnum::RangeVar(other)) => other.relname == relation,
        Some(NodeEnum::RangeSubselect(node)) => {
            match node
                .subquery
                .as_deref()
                .and_then(|query| query.node.as_ref())
            {
                Some(NodeEnum::SelectStmt(select)) => stands_in(&select.from_clause, relation),
                Some(_) | None => true,
            }
        }
        Some(NodeEnum::JoinExpr(join)) => {
            let sides = [join.larg.as_deref(), join.rarg.as_deref()];
            let mut sides = sides.into_iter().flatten();
            sides.any(|side| stands_in(std::slice::from_ref(side), relation))
        }
        Some(_) | None => true,
    })
}
