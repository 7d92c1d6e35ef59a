//! How the values of a reply will be hidden: planned before its request is sent, by where each column comes from.

use std::sync::Arc;

use super::Exchange;
use super::copy_out::is_binary;
use super::expected::Plan;
use super::state::{Portal, Prepared, ResultColumn, Standing};
use crate::decode::Analysis;
use crate::governed::Origin;
use crate::mask::{RowMask, Rule};

impl Exchange {
    pub(super) fn plan(&self, analysis: Option<Arc<Analysis>>) -> Plan {
        let governs = self.state.mask.governs_columns();
        let path = &self.facts.search_path;
        let mut plan = Plan {
            analysis,
            drop_detail: false,
            unknown: false,
            opaque: false,
            shadowed: false,
            source: None,
            copy: None,
            instead: None,
        };
        let Some(analysis) = plan.analysis.clone().filter(|_| governs) else {
            return plan;
        };
        for statement in &analysis.statements {
            plan.opaque |= self.runs_opaque(statement);
            plan.unknown |=
                plan.opaque || self.fetches_opaque(statement) || self.is_unknown(statement);
            // what EXECUTE gives is hidden like what it stands for
            for statement in self.with_executed(statement).into_iter().flatten() {
                let governed = &self.state.governed;
                plan.drop_detail |= statement
                    .relations()
                    .any(|relation| governed.holds(relation, path));
                plan.shadowed |= statement
                    .relations()
                    .any(|relation| governed.shadows(relation, path));
            }
        }
        plan
    }

    /// Whether the columns must be known before a Bind can be judged.
    pub(super) fn must_describe(&self, prepared: &Prepared) -> bool {
        let masks = self.state.mask.governs_columns() || self.state.mask.detects();
        masks && prepared.columns(self.state.generation).is_none()
    }

    pub(super) fn portal_mask(&self, portal: &Portal) -> Option<Arc<RowMask>> {
        let columns = portal.prepared.columns(self.state.generation)??;
        let state = Standing {
            state: self.state.operations.state(),
            generation: self.state.generation,
            unknown: portal.plan.unknown,
            shadowed: portal.plan.shadowed,
        };
        if let Some(mask) = portal.prepared.mask(state, &portal.binary) {
            return Some(mask);
        }
        let copies = portal.prepared.copied_out().is_some();
        let copies_binary = copies && is_binary(&portal.prepared.analysis);
        let binary = |place: usize| match portal.binary.as_slice() {
            _ if copies => copies_binary,
            [] => false,
            [all] => *all,
            each => each.get(place).copied().unwrap_or(false),
        };
        let mask = Arc::new(self.columns_mask(&columns, &portal.plan, &binary));
        portal.prepared.masked(state, &portal.binary, &mask);
        Some(mask)
    }

    /// The rules for what was described before it runs.
    pub(super) fn columns_mask(
        &self,
        columns: &[ResultColumn],
        plan: &Plan,
        binary: &dyn Fn(usize) -> bool,
    ) -> RowMask {
        RowMask::new(columns.iter().enumerate().map(|(place, column)| {
            let rule = self.rule(column.table, column.attribute, plan.unknown);
            // the name may mean the governed one by now
            let rule = match rule {
                Rule::Class(_) | Rule::Whole => rule,
                _ if plan.shadowed => Rule::Whole,
                _ => rule,
            };
            (rule, column.type_oid, binary(place))
        }))
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
