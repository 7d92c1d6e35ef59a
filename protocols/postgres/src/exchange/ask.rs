//! From a decoded message to the gate and back: asked, permitted, refused, or not to be judged now.

use std::sync::Arc;

use bytes::Bytes;
use gate::words::{Action, Attributes, Operation, Operations, Resource, Value, Verdict};
use gate::{
    Circumstances, Decision, Denied, Error, Fault, Fingerprint, Guard, Leave, Permitted, Reason,
    Unclear, UnclearKind,
};

use super::{Exchange, Expected, Kind, Plan, Portal, Prepared};
use crate::answers;
use crate::decode::{Analysis, Statement, StatementKind, TransactionChange};
use crate::governed::Origin;
use crate::mask::{RowMask, Rule};
use crate::request::{Asked, Text, unsupported};
use crate::wire::backend::Status;
use crate::wire::frame::Frame;
use crate::wire::refusal::Refusal;
use crate::wire::write::client as write;

/// What is to be done once a message is permitted.
pub(super) struct Then {
    pub(super) kind: Kind,
    pub(super) plan: Plan,
    pub(super) leave: Option<Leave>,
    /// Of a Bind or an Execute.
    pub(super) portal: Option<Portal>,
    /// Of a Parse.
    pub(super) parsed: Option<Arc<Prepared>>,
}

/// While locks are held, people are waited for this long at most.
const WHILE_LOCKED: std::time::Duration = std::time::Duration::from_secs(10);

impl Exchange {
    pub(super) async fn ask(&mut self, asked: Asked, then: Then) -> Result<(), Error> {
        let decision = match &then.leave {
            Some(leave) => self.session.authorize_within(leave, asked).await,
            None => self.session.authorize(asked).await,
        };
        self.decided(decision, then).await
    }

    pub(super) async fn decided(
        &mut self,
        decision: Decision<Asked>,
        then: Then,
    ) -> Result<(), Error> {
        match decision {
            Decision::Permit(permit) => self.forward(permit, then),
            Decision::Hold(hold) => self.hold(hold, then).await,
            Decision::Deny(denied) => self.refuse(denied, then),
            Decision::Fault(_, fault) => self.faulted(fault, &then),
        }
    }

    fn forward(&mut self, permit: Permitted<Asked>, then: Then) -> Result<(), Error> {
        let underway = match self.server.forward(permit) {
            Ok((_, underway)) => underway,
            Err(denied) => return self.refuse(denied, then),
        };
        self.state.batch.forwarded = true;
        if let Some(analysis) = &then.plan.analysis
            && !matches!(then.kind, Kind::Parse { .. } | Kind::Bind { .. })
        {
            let analysis = analysis.clone();
            self.forwarded(&analysis);
        }
        match &then.kind {
            Kind::Parse { name } => {
                if let Some(prepared) = then.parsed {
                    if let [statement] = prepared.analysis.statements.as_slice() {
                        self.facts
                            .prepared
                            .insert(name.clone(), Arc::new(statement.clone()));
                    }
                    self.state.statements.insert(name.clone(), prepared);
                    self.state.operations.forget();
                }
            }
            Kind::Bind { portal: name } => {
                if let Some(mut portal) = then.portal.clone() {
                    portal.leave = Some(underway.leave());
                    self.state.portals.insert(name.clone(), portal);
                }
            }
            _ => {}
        }
        let mask = match &then.kind {
            Kind::Execute => then
                .portal
                .as_ref()
                .and_then(|portal| self.portal_mask(portal).ok().flatten()),
            _ => None,
        };
        if matches!(then.kind, Kind::Query { .. }) {
            // a simple query is a batch of its own
            self.state.batch.forwarded = false;
            self.state.batch.executed = false;
        }
        self.state.queue.push_back(Expected {
            plan: then.plan,
            mask,
            ..Expected::new(then.kind, Some(underway))
        });
        Ok(())
    }

    /// What must be assumed from the moment a statement is on its way.
    fn forwarded(&mut self, analysis: &Analysis) {
        self.state.batch.executed = true;
        for statement in &analysis.statements {
            let opaque = statement.effect() == gate::words::Effect::Unknown;
            let changes = statement.after.read_back || opaque;
            self.state.read_back |= changes;
            self.state.volatile |= changes || statement.after.until_end_of_transaction;
            self.state.batch.begun |= statement.after.transaction == Some(TransactionChange::Begin);
            if opaque {
                self.forget_names();
            }
            if let Some((name, _)) = &statement.prepared {
                self.state.statements.remove(name);
            }
            self.forget_prepared(statement);
        }
    }

    fn forget_prepared(&mut self, statement: &Statement) {
        use crate::decode::Forgets;
        match &statement.after.forgets {
            None => return,
            Some(Forgets::Prepared(name)) => {
                self.state.statements.remove(name);
                self.facts.prepared.remove(name);
            }
            Some(Forgets::AllPrepared | Forgets::All) => self.forget_names(),
        }
        self.state.operations.forget();
    }

    /// Whatever was prepared may mean something else now: it has to be prepared again.
    pub(super) fn forget_names(&mut self) {
        self.state.statements.clear();
        self.state.portals.clear();
        self.facts.prepared.clear();
        self.state.operations.forget();
    }

    /// Deny by substitution: the server itself refuses, and its error is rewritten.
    pub(super) fn refuse(&mut self, mut denied: Denied<Asked>, then: Then) -> Result<(), Error> {
        if let Reason::Revoked(end) = denied.reason() {
            return Err(Error::Ended(*end));
        }
        let refusal = answers::refusal(denied.reason(), denied.id());
        let Some(permit) = denied.refusal() else {
            return Err(Error::Backend("a refusal has nothing to be sent".into()));
        };
        let Ok((_, underway)) = self.server.forward(permit) else {
            return Err(Error::Ended(
                self.session.ended().unwrap_or(gate::End::Killed),
            ));
        };
        self.state.batch.forwarded = !matches!(then.kind, Kind::Query { .. });
        let expected = Expected {
            refusal: Some(refusal),
            plan: then.plan,
            ..Expected::new(then.kind, Some(underway))
        };
        self.state.queue.push_back(expected);
        Ok(())
    }

    /// The gateway cannot judge or record. It answers itself where that cannot leave half a transaction behind.
    fn faulted(&mut self, fault: Fault, then: &Then) -> Result<(), Error> {
        let alone = self.status == Status::Idle
            && self.state.queue.is_empty()
            && !self.state.batch.forwarded;
        if fault == Fault::Draining || !alone {
            return Err(fault.into());
        }
        self.client
            .queue(Refusal::GatewayFault { request: None }.encode());
        match then.kind {
            Kind::Query { .. } => self.ready_locally(),
            _ => {
                self.state.batch.skipping = true;
                Ok(())
            }
        }
    }

    pub(super) fn ready_locally(&mut self) -> Result<(), Error> {
        let mut out = bytes::BytesMut::new();
        write::ready_for_query(&mut out, self.status);
        self.client.queue(out.freeze());
        Ok(())
    }

    /// A message with all that gives it its meaning.
    pub(super) fn asked(
        &self,
        frame: &Frame,
        (operations, text): (Result<Arc<Operations>, Unclear>, Text),
        content: Vec<Bytes>,
    ) -> Result<Asked, Error> {
        let substitute = self
            .substitute
            .of(frame)
            .map_err(|malformed| Error::Client(malformed.to_string()))?;
        let locked = self.in_transaction() || self.state.batch.executed;
        let mut notes = vec![format!("acts as {}", self.facts.role)];
        if locked {
            notes.push("a transaction is open: locks are held while people are asked".to_owned());
        }
        Ok(Asked {
            wire: [frame.bytes().clone()],
            content,
            meaning: self.meaning(),
            operations,
            text,
            notes,
            circumstances: Circumstances {
                guard: self.guard(frame),
                hold_at_most: locked.then_some(WHILE_LOCKED),
                locks_held: locked,
            },
            substitute,
        })
    }

    /// A write in an explicit transaction is made durable by its COMMIT, which waits for the disk itself.
    fn guard(&self, frame: &Frame) -> Guard {
        match (self.in_transaction(), frame.tag()) {
            // a batch of statements may hold the COMMIT itself
            (true, b'E' | b'B') => Guard::Guarded,
            _ => Guard::Alone,
        }
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.status != Status::Idle || self.state.batch.begun
    }

    fn meaning(&self) -> Fingerprint {
        meaning(&self.facts, &self.encoding)
    }

    /// Refuses what no later message could answer for: session state that is not known yet, COPY in, laundering.
    pub(super) fn sound(&self, analysis: &Analysis) -> Result<(), Unclear> {
        // not read back yet: something before it is still on its way
        let mut changed = self.state.read_back;
        for statement in &analysis.statements {
            if changed && names_things(statement) {
                return Err(unsupported(
                    "session_state",
                    "an earlier statement of the same batch may change what this one means",
                    "send it after the earlier one was answered",
                ));
            }
            changed |=
                statement.after.read_back || statement.effect() == gate::words::Effect::Unknown;
            if copies_in(statement) {
                return Err(unsupported(
                    "copy_in",
                    "COPY FROM STDIN is not spoken here yet",
                    "use INSERT",
                ));
            }
            self.unlaundered(statement)?;
        }
        Ok(())
    }

    /// Governed columns may stand as plain output, where they are masked, or be compared with a constant.
    fn unlaundered(&self, statement: &Statement) -> Result<(), Unclear> {
        if !self.state.mask.governs_columns() {
            return Ok(());
        }
        let path = &self.facts.search_path;
        let governed = &self.state.governed;
        let offence = statement.reads.offending_use(
            &|relation, column| governed.standing(relation, column, path),
            &|relation| governed.holds(relation, path),
        );
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

    /// Whether every relation that a text reads was in the catalogue as it was read.
    pub(super) fn knows(&self, analysis: &Analysis) -> bool {
        let path = &self.facts.search_path;
        let mut relations = analysis
            .statements
            .iter()
            .flat_map(|one| one.reads.relations.iter());
        relations.all(|relation| self.state.governed.knows(relation, path))
    }

    pub(super) fn plan(&self, analysis: Option<Arc<Analysis>>) -> Plan {
        let governs = self.state.mask.governs_columns();
        let path = &self.facts.search_path;
        let mut plan = Plan {
            analysis,
            drop_detail: false,
            unknown: false,
        };
        let Some(analysis) = plan.analysis.clone().filter(|_| governs) else {
            return plan;
        };
        for statement in &analysis.statements {
            plan.drop_detail |= statement
                .relations()
                .any(|relation| self.state.governed.holds(relation, path));
            plan.unknown |= !statement.reads.other_functions.is_empty()
                || statement.effect() == gate::words::Effect::Unknown;
        }
        plan
    }

    /// What a Parse asks for: leave to prepare, unless its statement could only be denied.
    pub(super) fn preparing(
        &mut self,
        analysis: &Arc<Analysis>,
    ) -> Result<Arc<Operations>, Unclear> {
        let operations = self.operations_of(analysis)?;
        if self.session.preview(&operations) == Verdict::Deny {
            return Ok(operations);
        }
        Ok(Arc::new(Operations::new(vec![prepare(
            &self.facts.database,
        )])))
    }

    /// Whether the columns must be known before a Bind can be judged.
    pub(super) fn must_describe(&self, prepared: &Prepared) -> bool {
        let masks = self.state.mask.governs_columns() || self.state.mask.detects();
        masks && prepared.columns.get().is_none()
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
        let Some(Some(columns)) = portal.prepared.columns.get() else {
            return Ok(None);
        };
        let binary = |place: usize| match portal.binary.as_slice() {
            [] => false,
            [all] => *all,
            each => each.get(place).copied().unwrap_or(false),
        };
        let rules = columns.iter().enumerate().map(|(place, column)| {
            (
                self.rule(column.table, column.attribute, portal.plan.unknown),
                column.type_oid,
                binary(place),
            )
        });
        RowMask::new(rules).map(|mask| Some(Arc::new(mask)))
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
                Origin::Unknown => Rule::Whole,
                Origin::Free => otherwise,
            },
        }
    }
}

/// The state that changes what the same bytes mean.
pub(crate) fn meaning(facts: &crate::decode::SessionState, encoding: &[u8]) -> Fingerprint {
    let mut parts: Vec<&[u8]> = vec![facts.database.as_bytes(), facts.role.as_bytes(), encoding];
    parts.extend(facts.search_path.iter().map(String::as_bytes));
    Fingerprint::of(&parts)
}

fn prepare(database: &str) -> Operation {
    Operation {
        action: Action {
            protocol: "postgres",
            id: "prepare",
        },
        resource: Resource {
            path: vec![("Database", database.to_owned().into())],
            attributes: Attributes::new(),
        },
        facts: plain_facts(),
        statement: 0,
        span: None,
    }
}

/// The facts that the vocabulary requires, of something that no statement says.
pub(crate) fn plain_facts() -> Attributes {
    Attributes::from([
        ("unfiltered", Value::Bool(false)),
        ("in_transaction", Value::Bool(false)),
        ("ambiguous", Value::Bool(false)),
        ("cascade", Value::Bool(false)),
    ])
}

/// COPY from the client; what a file or a program at the server feeds is for policy to judge.
fn copies_in(statement: &Statement) -> bool {
    let has = |verb: &str| statement.parts.iter().any(|part| part.verb.id == verb);
    has("copy_in") && !has("copy_file") && !has("copy_program")
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
