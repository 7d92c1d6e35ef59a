//! How much of what the server says beside its rows may be passed on: its texts may quote what is hidden.

use bytes::Bytes;
use gate::{Error, Masked, Ungoverned};

use super::Exchange;
use super::answer::broke;
use crate::decode::{Object, RelationName, Statement};
use crate::mask::fields::{scrub_fields, scrub_parameter, withhold};
use crate::wire::backend::{Fields, Status};
use crate::wire::frame::Frame;

/// What was done before and may still be told of.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Since the transaction began, a relation with governed columns was named: its constraints may be checked at the end.
    governed: bool,
    /// Since the session began, code ran that nobody can look into: its cursors and settings outlive it.
    opaque: bool,
}

impl Touched {
    pub(super) fn governed(&mut self, named: bool) {
        self.governed |= named;
    }

    pub(super) fn opaque(&mut self, ran: bool) {
        self.opaque |= ran;
    }

    pub(super) fn ready(&mut self, status: Status) {
        self.governed &= status != Status::Idle;
    }
}

/// What may be passed on of an error or a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    /// What detectors leave of it.
    All,
    /// The same without DETAIL and CONTEXT.
    Brief,
    /// That it happened, and its code.
    Code,
}

/// Settings that are reported and may hold any text.
const ANY_TEXT: [&str; 3] = ["application_name", "TimeZone", "search_path"];

impl Exchange {
    /// An error or a notice as it may be shown.
    pub(super) fn told(&self, frame: &Frame, fields: &Fields<'_>) -> Result<Bytes, Error> {
        let mask = &self.state.mask;
        let told = match self.telling(fields) {
            Telling::All => scrub_fields(frame, &|text| mask.detect(text), false),
            Telling::Brief => scrub_fields(frame, &|text| mask.detect(text), true),
            Telling::Code => withhold(frame),
        };
        told.map_err(broke)
    }

    fn telling(&self, fields: &Fields<'_>) -> Telling {
        if !self.state.mask.governs_columns() {
            return Telling::All;
        }
        let front = self.state.queue.front();
        let opaque = front.is_some_and(|front| front.plan.opaque);
        let named = front.is_none_or(|front| front.plan.drop_detail);
        let governed = named || self.state.touched.governed || self.is_of_governed(fields);
        // it is about the client's own text, at this place of it
        let own = fields.field(b'P').is_some();
        match (opaque, governed) {
            (true, _) if !own => Telling::Code,
            (_, true) if !own && quotes_values(fields) => Telling::Code,
            (false, false) => Telling::All,
            _ => Telling::Brief,
        }
    }

    /// Whether the server names a relation with governed columns beside its text.
    fn is_of_governed(&self, fields: &Fields<'_>) -> bool {
        let text = |code| {
            fields
                .field(code)
                .and_then(|text| std::str::from_utf8(text).ok())
        };
        let Some(name) = text(b't') else {
            return false;
        };
        let relation = RelationName {
            catalog: None,
            schema: text(b's').map(str::to_owned),
            name: name.to_owned(),
            temporary: false,
        };
        self.state
            .governed
            .holds(&relation, &self.facts.search_path)
    }

    /// A report of a setting, which the session's own statements may have filled with anything.
    pub(super) fn reported(&self, frame: &Frame, name: &str) -> Result<Option<Masked>, Error> {
        let mask = &self.state.mask;
        if mask.governs_columns() && self.state.touched.opaque && ANY_TEXT.contains(&name) {
            return Ok(None);
        }
        let scrubbed = scrub_parameter(frame, &|text| mask.detect(text)).map_err(broke)?;
        Ok(Some(match scrubbed {
            Some(scrubbed) => Masked::by(mask, scrubbed),
            None => Masked::ungoverned(Ungoverned::Protocol, frame.bytes().clone()),
        }))
    }

    /// The statement itself, and the one that its EXECUTE stands for.
    pub(super) fn with_executed<'s>(
        &'s self,
        statement: &'s Statement,
    ) -> [Option<&'s Statement>; 2] {
        let executed = statement.executes.as_ref();
        let executed = executed.and_then(|name| self.facts.prepared.get(name));
        [Some(statement), executed.map(AsRef::as_ref)]
    }

    /// Whether a statement runs code that nobody can look into.
    pub(super) fn runs_opaque(&self, statement: &Statement) -> bool {
        let unknown = statement.executes.as_ref();
        unknown.is_some_and(|name| !self.facts.prepared.contains_key(name))
            || self
                .with_executed(statement)
                .into_iter()
                .flatten()
                .any(|statement| is_opaque(statement) || self.facts.calls_own(statement))
    }

    /// Whether a statement reads from a cursor that such code may have opened.
    pub(super) fn fetches_opaque(&self, statement: &Statement) -> bool {
        self.state.touched.opaque && statement.parts.iter().any(|part| part.verb.id == "fetch")
    }

    /// Whether what EXECUTE gives is stored, and may be hidden.
    pub(super) fn stores_executed(&self, statement: &Statement) -> bool {
        let Some(name) = &statement.executes else {
            return false;
        };
        let stores = |part: &crate::decode::Part| matches!(part.object, Object::NewRelation(_));
        let path = &self.facts.search_path;
        let prepared = self.facts.prepared.get(name);
        statement.parts.iter().any(stores)
            && prepared.is_none_or(|prepared| {
                let governed = &self.state.governed;
                prepared
                    .reads
                    .reads(&|relation| governed.holds(relation, path))
            })
    }
}

fn is_opaque(statement: &Statement) -> bool {
    let opaque = |part: &crate::decode::Part| matches!(part.verb.id, "call" | "opaque");
    !statement.reads.other_functions.is_empty() || statement.parts.iter().any(opaque)
}

/// Whether the text may quote a value that was read. What constraints, locks, rights and limits say are names.
fn quotes_values(fields: &Fields<'_>) -> bool {
    let within_code = fields.field(b'W').is_some();
    match fields.sqlstate().and_then(<[u8]>::first_chunk) {
        Some(b"25" | b"40" | b"53" | b"54" | b"55" | b"57") => false,
        Some(b"00" | b"01" | b"02" | b"23") => within_code,
        _ => fields.sqlstate() != Some(b"42501") || within_code,
    }
}
