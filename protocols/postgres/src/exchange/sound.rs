//! What is refused because no later message could answer for it.

use std::sync::Arc;

use gate::{Mask, Unclear, UnclearKind};

use super::Exchange;
use super::expected::Kind;
use crate::decode::{Analysis, Object, Statement, StatementKind};
use crate::governed::Governed;
use crate::request::unsupported;

impl Exchange {
    /// Refuses what no later message could answer for: session state that is not known yet, laundering.
    pub(super) fn sound(&self, analysis: &Arc<Analysis>) -> Result<(), Unclear> {
        let looked_at = self.state.operations.knows(analysis);
        // not read back yet: something before it is still on its way
        let mut changed = self.state.read_back;
        let mut renamed = false;
        for statement in &analysis.statements {
            let executes = statement.executes.as_deref();
            if executes.is_some_and(|name| renamed || self.is_being_renamed(name)) {
                return Err(unsupported(
                    "prepared_name",
                    "an earlier statement that is not answered yet changes what is prepared under a name",
                    "send the EXECUTE after the earlier one was answered",
                ));
            }
            renamed |= statement.prepared.is_some() || statement.after.forgets.is_some();
            if changed && names_things(statement) {
                return Err(unsupported(
                    "session_state",
                    "an earlier statement of the same batch may change what this one means",
                    "send it after the earlier one was answered",
                ));
            }
            changed |=
                statement.after.read_back || statement.effect() == gate::words::Effect::Unknown;
            self.not_stored_elsewhere(statement)?;
            if !looked_at {
                let path = &self.facts.search_path;
                unlaundered(statement, (&self.state.mask, &self.state.governed), path)?;
            }
        }
        self.copied_soundly(analysis)
    }

    /// Whether something on its way to the server changes what a name stands for when this gets there.
    fn is_being_renamed(&self, name: &str) -> bool {
        self.state.queue.iter().any(|one| match &one.kind {
            Kind::Parse { name: parsed, .. } => parsed == name,
            Kind::Close => true,
            _ => one.plan.analysis.iter().any(|analysis| {
                let mut statements = analysis.statements.iter();
                statements.any(|one| one.prepared.is_some() || one.after.forgets.is_some())
            }),
        })
    }

    /// What an EXECUTE gives is known only as far as what it stands for.
    fn not_stored_elsewhere(&self, statement: &Statement) -> Result<(), Unclear> {
        if !self.state.mask.governs_columns() || !self.stores_executed(statement) {
            return Ok(());
        }
        Err(Unclear {
            kind: UnclearKind::Masked,
            code: "masking",
            message: "what EXECUTE gives may be masked and would be stored elsewhere".into(),
            hint: Some("execute it by itself: it is shown masked".into()),
            at: None,
        })
    }

    /// Whether every relation that a text reads was in the catalogue as it was read.
    pub(super) fn knows(&self, analysis: &Analysis) -> bool {
        let path = &self.facts.search_path;
        let mut relations = analysis
            .statements
            .iter()
            .flat_map(|one| one.reads.relations.iter());
        relations.all(|relation| self.state.governed.knows(relation, path))
    }
}

/// Whether a statement's meaning depends on role or search path.
fn names_things(statement: &Statement) -> bool {
    !matches!(
        statement.kind,
        StatementKind::Transaction(_)
            | StatementKind::Set
            | StatementKind::Show
            | StatementKind::Empty
    )
}

/// Governed columns may stand as plain output, where they are masked, or be compared with a constant.
pub(crate) fn unlaundered(
    statement: &Statement,
    (mask, governed): (&Mask, &Governed),
    path: &[String],
) -> Result<(), Unclear> {
    if !mask.governs_columns() {
        return Ok(());
    }
    let offence = statement.reads.offending_use(
        &|relation, column| governed.standing(relation, column, path),
        &|relation| governed.holds(relation, path),
    );
    let moved = statement.parts.iter().find_map(|part| match &part.object {
        Object::Schema(name) if part.verb.id.starts_with("alter") => Some(name),
        _ => None,
    });
    if let Some(schema) = moved.filter(|schema| governed.within(schema)) {
        return Err(Unclear {
            kind: UnclearKind::Masked,
            code: "masking",
            message: format!("schema {schema} holds masked columns, whose rules go by its name"),
            hint: Some("ask an administrator to rename it together with the rules".into()),
            at: None,
        });
    }
    match offence {
        None => Ok(()),
        Some(offence) => Err(Unclear {
            kind: UnclearKind::Masked,
            code: "masking",
            message: format!("a masked column of {} stands in {}", offence.relation.name, offence.reason.words()),
            hint: Some(
                "select it as it is (it is shown masked), compare it with = to a constant, or leave it out".into(),
            ),
            at: Some(offence.at),
        }),
    }
}
