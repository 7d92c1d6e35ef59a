//! Looks into conditions: which parts of the context they read, and what would silently be false.

use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal, Var};
use cedar_policy::{Policy, pst};

use super::Reads;

/// What a policy's conditions say.
pub(super) struct Conditions {
    pub(super) reads: Reads,
    /// A question about somebody or something whose groups or attributes are not known when a request is judged.
    pub(super) unknowable: Option<&'static str>,
}

impl Conditions {
    pub(super) fn of(policy: &Policy) -> Result<Self, Box<pst::PstConstructionError>> {
        let pst = policy.to_pst().map_err(Box::new)?;
        let mut conditions = Self {
            reads: Reads::default(),
            unknowable: None,
        };
        for clause in pst.body().clauses() {
            match clause {
                Clause::When(expression) | Clause::Unless(expression) => {
                    conditions.look(expression)
                }
            }
        }
        Ok(conditions)
    }

    fn look(&mut self, expression: &Expr) {
        match expression {
            Expr::GetAttr { expr, attr } if is_context(expr) => self.read(attr),
            Expr::HasAttr { expr, attrs } if is_context(expr) => self.read(&attrs.head),
            // the context as a value: compared or packed, everything in it matters
            Expr::Var(Var::Context) => self.reads = Reads::EVERYTHING,
            Expr::Literal(_) | Expr::Var(Var::Principal | Var::Action | Var::Resource) => {}
            Expr::GetAttr { expr, .. } | Expr::HasAttr { expr, .. } => {
                if is_literal_entity(expr) {
                    self.unknowable = Some(NAMED_ATTRIBUTE);
                }
                self.look(expr);
            }
            Expr::UnaryOp { expr, .. } | Expr::Like { expr, .. } => self.look(expr),
            Expr::BinaryOp { op, left, right } => {
                if matches!(op, BinaryOp::In) {
                    self.membership_of(left);
                }
                self.look(left);
                self.look(right);
            }
            Expr::Is { expr, in_expr, .. } => {
                if let Some(above) = in_expr {
                    self.membership_of(expr);
                    self.look(above);
                }
                self.look(expr);
            }
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => {
                [cond, then_expr, else_expr]
                    .into_iter()
                    .for_each(|part| self.look(part));
            }
            Expr::Set(parts) => parts.iter().for_each(|part| self.look(part)),
            Expr::Record(parts) => parts.values().for_each(|part| self.look(part)),
            // slots, unknowns and whatever a later Cedar adds
            _ => {
                self.reads = Reads::EVERYTHING;
                self.unknowable = Some(NEW_EXPRESSION);
            }
        }
    }

    fn read(&mut self, attribute: &str) {
        match attribute {
            "now" => self.reads.now = true,
            "address" => self.reads.address = true,
            "credential" => self.reads.credential = true,
            "on_behalf_of" => self.reads.on_behalf_of = true,
            "reason" => self.reads.reason = true,
            "approval" => self.reads.approval = true,
            // the target and the protocols' facts are always part of the question
            _ => {}
        }
    }

    /// `in` is false where the left side's groups are not known: a forbid would fall away without a word.
    fn membership_of(&mut self, left: &Expr) {
        match left {
            Expr::Literal(_) => self.unknowable = Some(NAMED_MEMBERSHIP),
            Expr::GetAttr { expr, attr } => match attr.as_str() {
                "owner" | "on_behalf_of" => self.unknowable = Some(OTHER_MEMBERSHIP),
                _ => self.membership_of(expr),
            },
            Expr::IfThenElse {
                then_expr,
                else_expr,
                ..
            } => {
                self.membership_of(then_expr);
                self.membership_of(else_expr);
            }
            Expr::Record(parts) => parts.values().for_each(|part| self.membership_of(part)),
            Expr::Var(_) => {}
            _ => self.unknowable = Some(NEW_EXPRESSION),
        }
    }
}

fn is_context(expression: &Expr) -> bool {
    matches!(expression, Expr::Var(Var::Context))
}

fn is_literal_entity(expression: &Expr) -> bool {
    matches!(expression, Expr::Literal(Literal::EntityUID(_)))
}

const NAMED_ATTRIBUTE: &str = "only `principal`, `resource` and `context.target` have attributes that are known when a request is judged";
const NAMED_MEMBERSHIP: &str = "only `principal`, `action`, `resource` and `context.target` have groups that are known when a request is judged";
const OTHER_MEMBERSHIP: &str = "the groups of an owner or of who is acted for are not known when a request is judged; compare with `==`";
const NEW_EXPRESSION: &str = "this expression is not supported here";
