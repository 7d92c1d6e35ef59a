//! How the values of a reply will be hidden: planned before its request is sent, by where each column comes from.

use std::sync::Arc;

use gate::Unclear;

use super::Exchange;
use super::expected::Plan;
use super::state::{Portal, Prepared, Standing};
use crate::decode::Analysis;
use crate::governed::Origin;
use crate::mask::{RowMask, Rule};
use crate::request::unsupported;

impl Exchange {
    pub(super) fn plan(&self, analysis: Option<Arc<Analysis>>) -> Plan {
        let governs = self.state.mask.governs_columns();
        let path = &self.facts.search_path;
        let mut plan = Plan {
            analysis,
            drop_detail: false,
            unknown: false,
            shadowed: false,
            source: None,
        };
        let Some(analysis) = plan.analysis.clone().filter(|_| governs) else {
            return plan;
        };
        for statement in &analysis.statements {
            plan.drop_detail |= statement
                .relations()
                .any(|relation| self.state.governed.holds(relation, path));
            plan.shadowed |= statement
                .relations()
                .any(|relation| self.state.governed.shadows(relation, path));
            plan.unknown |= !statement.reads.other_functions.is_empty()
                || statement.effect() == gate::words::Effect::Unknown;
        }
        plan
    }

    /// Whether the columns must be known before a Bind can be judged.
    pub(super) fn must_describe(&self, prepared: &Prepared) -> bool {
        let masks = self.state.mask.governs_columns() || self.state.mask.detects();
        masks && prepared.columns(self.state.generation).is_none()
    }

    /// Refuses a Bind whose values no mask could follow in the formats it asks for.
    pub(super) fn maskable(&self, portal: &Portal) -> Result<(), Unclear> {
        self.portal_mask(portal).map(|_| ()).map_err(|error| {
            unsupported(
                "binary",
                &format!("{error}: it cannot be masked"),
                "ask for text results",
            )
        })
    }

    pub(super) fn portal_mask(
        &self,
        portal: &Portal,
    ) -> Result<Option<Arc<RowMask>>, crate::mask::Unmaskable> {
        let Some(Some(columns)) = portal.prepared.columns(self.state.generation) else {
            return Ok(None);
        };
        let state = Standing {
            state: self.state.operations.state(),
            generation: self.state.generation,
            unknown: portal.plan.unknown,
            shadowed: portal.plan.shadowed,
        };
        if let Some(mask) = portal.prepared.mask(state, &portal.binary) {
            return Ok(Some(mask));
        }
        let binary = |place: usize| match portal.binary.as_slice() {
            [] => false,
            [all] => *all,
            each => each.get(place).copied().unwrap_or(false),
        };
        let rules = columns.iter().enumerate().map(|(place, column)| {
            let rule = self.rule(column.table, column.attribute, portal.plan.unknown);
            // it was described before it was bound: the name may mean the governed one by now
            let rule = match rule {
                Rule::Class(_) | Rule::Whole => rule,
                _ if portal.plan.shadowed => Rule::Whole,
                _ => rule,
            };
            (rule, column.type_oid, binary(place))
        });
        let mask = Arc::new(RowMask::new(rules)?);
        portal.prepared.masked(state, &portal.binary, &mask);
        Ok(Some(mask))
    }

    /// What is done with a column of a result, by where it comes from.
    pub(super) fn rule(&self, table: u32, attribute: i16, unknown: bool) -> Rule {
        let governs = self.state.mask.governs_columns();
        let otherwise = if self.state.mask.detects() {
            Rule::Detect
        } else {
            Rule::Keep
        };
        match (table, governs) {
            (_, false) => otherwise,
            (0, true) if unknown => Rule::Whole,
            (0, true) => otherwise,
            (_, true) => match self.state.governed.origin(table, attribute) {
                Origin::Class(class) => Rule::Class(class),
                Origin::Unknown | Origin::Opaque => Rule::Whole,
                Origin::Free => otherwise,
            },
        }
    }
}
