//! What columns a result has: learned from each description, whoever asked for it.

use std::sync::Arc;

use gate::Error;

use super::Exchange;
use super::answer::out_of_turn;
use super::expected::Kind;
use super::own::OwnWork;
use super::state::ResultColumn;
use crate::mask::RowMask;
use crate::wire::backend::RowDescription;
use crate::wire::frame::Frame;
use crate::wire::values::Types;

impl Exchange {
    pub(super) fn row_description(
        &mut self,
        frame: &Frame,
        description: RowDescription<'_>,
    ) -> Result<(), Error> {
        let columns: Vec<ResultColumn> = description
            .iter()
            .map(|column| ResultColumn {
                table: column.table,
                attribute: column.attribute,
                type_oid: column.type_oid,
            })
            .collect();
        let unknown_seen = columns.iter().any(|column| {
            column.table != 0
                && self.state.governed.origin(column.table, column.attribute)
                    == crate::governed::Origin::Unknown
        });
        if unknown_seen && self.state.mask.governs_columns() {
            self.shared
                .catalogues
                .forget(&self.session.target().name, &self.facts.database);
            self.state.catalogue_stale = true;
        }
        let Some(front) = self.state.queue.front() else {
            return Err(out_of_turn());
        };
        match &front.kind {
            Kind::Query { .. } => {
                let unknown = front.plan.unknown;
                self.described_query(description, unknown);
                self.protocol(frame)
            }
            Kind::Describe { prepared } => {
                let prepared = prepared.clone();
                if let Some(prepared) = &prepared {
                    prepared.described(self.state.generation, Some(columns));
                }
                self.one_done(frame)?;
                if let Some(prepared) = prepared {
                    self.described_on_the_way(&prepared);
                }
                Ok(())
            }
            Kind::Own(OwnWork::Describe { prepared }) => {
                prepared.described(self.state.generation, Some(columns));
                self.own_front_done()
            }
            Kind::Own(OwnWork::Shape { .. }) => {
                let front = self.state.queue.front_mut().map(|front| &mut front.kind);
                if let Some(Kind::Own(OwnWork::Shape {
                    columns: learned, ..
                })) = front
                {
                    *learned = Some(columns);
                }
                Ok(())
            }
            Kind::Own(_) => Ok(()),
            Kind::Parse { .. } | Kind::Bind { .. } | Kind::Execute | Kind::Close | Kind::Sync => {
                Err(out_of_turn())
            }
        }
    }

    /// Of a statement: what a client binds in binary is read by these.
    pub(super) fn parameters_described(
        &mut self,
        frame: &Frame,
        types: Types<'_>,
    ) -> Result<(), Error> {
        let front = self.state.queue.front().map(|front| &front.kind);
        match front {
            Some(Kind::Describe {
                prepared: Some(prepared),
            }) => prepared.takes(types),
            Some(Kind::Own(OwnWork::Describe { prepared })) => prepared.takes(types),
            _ => {}
        }
        self.protocol(frame)
    }

    fn described_query(&mut self, description: RowDescription<'_>, unknown: bool) {
        let rules = description.iter().map(|column| {
            (
                self.rule(column.table, column.attribute, unknown),
                column.type_oid,
                column.binary,
            )
        });
        let mask = RowMask::new(rules);
        if let Some(front) = self.state.queue.front_mut() {
            front.mask = Some(Arc::new(mask));
        }
    }

    pub(super) fn no_data(&mut self, frame: &Frame) -> Result<(), Error> {
        let Some(front) = self.state.queue.front() else {
            return Err(out_of_turn());
        };
        match &front.kind {
            Kind::Own(OwnWork::Describe { prepared }) => {
                prepared.described(self.state.generation, None);
                self.own_front_done()
            }
            Kind::Describe { prepared } => {
                if let Some(prepared) = prepared {
                    prepared.described(self.state.generation, None);
                }
                self.one_done(frame)
            }
            Kind::Own(OwnWork::Shape { .. }) => Ok(()),
            _ => Err(out_of_turn()),
        }
    }

    pub(super) fn own_front_done(&mut self) -> Result<(), Error> {
        match self.state.queue.pop_front() {
            Some(expected) => self.own_done(expected),
            None => Err(out_of_turn()),
        }
    }
}
