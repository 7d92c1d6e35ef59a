//! Round trips of the gateway's own on the session's connection: reading back, looking up, describing.

use std::sync::Arc;

use bytes::Bytes;
use gate::{Error, Outcome, OutcomeKind, Purpose};
use tokio::time::Instant;

use super::Exchange;
use super::expected::{Expected, Kind};
use super::state::{Prepared, ResultColumn};
use crate::governed::{Catalogue, FRESH, Governed, QUERY};
use crate::look_up::{READ_BACK, role_and_path};
use crate::wire::backend::Status;
use crate::wire::frontend::Named;
use crate::wire::write::server as write;

/// How often in a row reading back may be stopped.
const STOPPED: u8 = 3;

type Rows = Vec<Vec<Option<Vec<u8>>>>;

/// What an answer to the gateway itself is for.
pub(super) enum OwnWork {
    ReadBack(Rows),
    Catalogue(Rows),
    /// Of a statement that is about to be bound, without a Sync.
    Describe {
        prepared: Arc<Prepared>,
    },
    /// Which columns a COPY has: of a prepared one, without a Sync.
    Shape {
        of: Option<Arc<Prepared>>,
        columns: Option<Vec<ResultColumn>>,
    },
    /// A Sync of the gateway's own, before people are asked.
    EarlySync,
}

impl Exchange {
    /// Whether something must be known first that can be asked now.
    pub(super) fn must_look(&self) -> bool {
        (self.state.read_back || self.state.catalogue_stale)
            && self.state.queue.is_empty()
            && self.status != Status::Failed
    }

    /// Starts whatever the gateway must know before it takes the next message. Only when the server is ready.
    pub(super) async fn own_work(&mut self) -> Result<(), Error> {
        // a cancellation on its way would hit the look
        let busy = !self.state.queue.is_empty() || self.state.cancelling.is_some();
        if busy || self.status == Status::Failed {
            return Ok(());
        }
        self.refresh_mask();
        if self.state.read_back {
            return self
                .round_trip(Purpose::ReadBack, READ_BACK, OwnWork::ReadBack(Rows::new()))
                .await;
        }
        if self.state.catalogue_stale {
            let (target, database) = (&self.session.target().name, &self.facts.database);
            // before the look: what changes while it is under way is looked at again
            self.state.generation = self.shared.catalogues.generation();
            self.state.looked_at = Instant::now();
            if let Some(catalogue) = self.shared.catalogues.fresh(target, database) {
                self.learned(catalogue);
            } else {
                let work = OwnWork::Catalogue(Rows::new());
                return self.round_trip(Purpose::LookUp, QUERY, work).await;
            }
        }
        Ok(())
    }

    /// Whether the server works for the gateway itself now.
    pub(super) fn looks(&self) -> bool {
        let front = self.state.queue.front().map(|front| &front.kind);
        matches!(front, Some(Kind::Own(work)) if !matches!(work, OwnWork::EarlySync))
    }

    /// Whether an answer to the gateway itself is outstanding: the client waits for it.
    pub(super) fn owes_own(&self) -> bool {
        self.state.queue.iter().any(|one| match &one.kind {
            Kind::Own(OwnWork::EarlySync) => false,
            Kind::Own(_) => true,
            _ => false,
        })
    }

    async fn round_trip(
        &mut self,
        purpose: Purpose,
        text: &str,
        work: OwnWork,
    ) -> Result<(), Error> {
        let name = self.substitute.private("own");
        let broken = |malformed: crate::wire::Malformed| Error::Backend(malformed.to_string());
        let bind = write::Bind {
            portal: &name,
            statement: &name,
            parameters: &[],
            binary_results: false,
        };
        let wire = vec![
            write::parse(&name, text, &[]).map_err(broken)?,
            write::bind(&bind).map_err(broken)?,
            write::execute(&name, 0).map_err(broken)?,
            write::close(Named::Portal(&name)).map_err(broken)?,
            write::close(Named::Statement(&name)).map_err(broken)?,
            write::sync(),
        ];
        self.send_own(purpose, wire, work).await
    }

    /// Asks what a statement returns: a prepared one before it is bound, a portal before it is fetched from.
    pub(super) async fn describe_own(
        &mut self,
        named: Named<'_>,
        prepared: Arc<Prepared>,
    ) -> Result<(), Error> {
        if let Some(copy) = prepared.copied_out() {
            let query = copy.query.clone();
            return self.shape_own(&query, Some(prepared)).await;
        }
        let broken = |malformed: crate::wire::Malformed| Error::Backend(malformed.to_string());
        let wire = vec![write::describe(named).map_err(broken)?, write::flush()];
        self.state.batch.forwarded = true;
        self.send_own(Purpose::LookUp, wire, OwnWork::Describe { prepared })
            .await
    }

    pub(super) async fn send_own(
        &mut self,
        purpose: Purpose,
        wire: Vec<Bytes>,
        work: OwnWork,
    ) -> Result<(), Error> {
        let permit = self.session.own(purpose, wire).await?;
        match self.server.forward(permit) {
            Ok((_, underway)) => {
                let mut expected = Expected::new(Kind::Own(work), Some(underway));
                expected.silent = true;
                self.state.queue.push_back(expected);
                Ok(())
            }
            Err(_) => Err(Error::Ended(
                self.session.ended().unwrap_or(gate::End::Killed),
            )),
        }
    }

    /// An answer to the gateway itself is complete.
    pub(super) fn own_done(&mut self, expected: Expected) -> Result<(), Error> {
        let failed = expected.code.is_some();
        let stopped = expected.code.as_deref() == Some("57014");
        let Kind::Own(work) = expected.kind else {
            return Ok(());
        };
        if let Some(underway) = expected.underway {
            let kind = if failed {
                OutcomeKind::Failed
            } else {
                OutcomeKind::Completed
            };
            underway.done(Outcome {
                rows: expected.rows,
                code: expected.code,
                ..Outcome::of(kind)
            });
        }
        let looks = matches!(work, OwnWork::ReadBack(_) | OwnWork::Catalogue(_));
        if looks && failed && self.status == Status::Failed {
            // the client's transaction went with it, of which nothing was said
            return Err(Error::Backend("failed a look within a transaction".into()));
        }
        match work {
            OwnWork::ReadBack(rows) if !failed => self.read_back(&rows),
            // the client's own statement_timeout may hit it
            OwnWork::ReadBack(_) if stopped && self.state.stopped < STOPPED => {
                self.state.stopped += 1;
                Ok(())
            }
            OwnWork::ReadBack(_) => {
                Err(Error::Backend("would not tell role and search path".into()))
            }
            OwnWork::Catalogue(rows) => {
                let catalogue = if failed { None } else { Catalogue::read(&rows) };
                match catalogue {
                    Some(catalogue) => {
                        let catalogue = Arc::new(catalogue);
                        let (target, database) =
                            (&self.session.target().name, &self.facts.database);
                        // what a transaction has not committed is there for nobody else
                        if !self.state.shaped && self.status == Status::Idle {
                            let shared = &self.shared.catalogues;
                            shared.keep(target, database, catalogue.clone());
                        }
                        self.learned(catalogue);
                    }
                    None => {
                        self.state.governed = Governed::unknown();
                        self.state.catalogue_stale = false;
                        self.state.operations.forget();
                    }
                }
                Ok(())
            }
            OwnWork::Shape { of, columns } => {
                self.shaped(of, columns.filter(|_| !failed));
                Ok(())
            }
            OwnWork::Describe { .. } | OwnWork::EarlySync => Ok(()),
        }
    }

    fn read_back(&mut self, rows: &Rows) -> Result<(), Error> {
        let (role, search_path) = role_and_path(rows)?;
        self.state.role = role.as_str().into();
        self.state.meaning = None;
        self.facts.role = role;
        self.facts.search_path = search_path;
        self.facts.temp_tables = self
            .facts
            .search_path
            .iter()
            .any(|schema| schema.starts_with("pg_temp"));
        self.state.read_back = false;
        self.state.stopped = 0;
        self.state.operations.forget();
        Ok(())
    }

    fn learned(&mut self, catalogue: Arc<Catalogue>) {
        self.facts.own_calls = Some(catalogue.own_calls.clone());
        self.state.governed = Governed::new(catalogue, &self.state.mask, &self.facts.database);
        self.state.catalogue_stale = false;
        self.state.operations.forget();
    }

    /// Rules may have changed since the last message: what may be seen is asked anew.
    pub(super) fn refresh_mask(&mut self) {
        // some session's statement changed which columns there are
        self.state.catalogue_stale |= self.state.generation != self.shared.catalogues.generation()
            // and what changed beside the gateway is seen after a while
            || self.state.looked_at.elapsed() > FRESH;
        let mask = self.session.mask();
        if Arc::ptr_eq(&mask, &self.state.mask) {
            return;
        }
        let same = mask.same_as(&self.state.mask);
        self.state.mask = mask;
        if !same {
            self.state.governed = Governed::unknown();
            self.state.catalogue_stale = true;
            self.state.operations.forget();
        }
    }
}
