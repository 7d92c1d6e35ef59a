//! What a held statement would touch, asked beside the session while people are asked already. Nothing waits for it.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use gate::ledger::Impact;
use gate::{Error, Hold, Inquiry, Session};

use super::Exchange;
use super::ask::Then;
use crate::decode::Analysis;
use crate::impact::{self, Refused, quoted};
use crate::request::Asked;
use crate::server::{Beside, Way};
use crate::wire::Malformed;
use crate::wire::frame::Frame;
use crate::wire::frontend::Frontend;
use crate::wire::write::server as write;

/// Reaching the server and all questions.
const WITHIN: Duration = Duration::from_secs(4);

/// On its way; ends with the session.
pub(super) type Inquiring = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is asked, and in which state of the session.
struct Subject {
    session: Session,
    way: Way,
    database: String,
    role: String,
    search_path: Vec<String>,
    /// Of the relations that are named.
    names: Vec<String>,
    /// EXPLAIN with its parameters.
    explain: Result<Vec<Bytes>, Refused>,
    /// The server's process, where it holds locks for the session.
    holder: Option<i32>,
}

impl Exchange {
    /// `None` where there is nothing to be found out.
    pub(super) fn inquire(&self, hold: &Hold<Asked>, then: &Then) -> Option<Inquiring> {
        let analysis = then.plan.analysis.as_deref()?;
        let inquiry = hold.inquiry()?;
        let asked = hold.request();
        let locked = asked.circumstances.locks_held;
        let subject = Subject {
            session: self.session.clone(),
            way: self.way.clone(),
            database: self.facts.database.clone(),
            role: self.facts.role.clone(),
            search_path: self.facts.search_path.clone(),
            names: impact::names(analysis),
            explain: self.explain(asked, then, analysis),
            holder: self.key.as_ref().filter(|_| locked).map(|key| key.pid),
        };
        Some(Box::pin(found(subject, inquiry)))
    }

    fn explain(
        &self,
        asked: &Asked,
        then: &Then,
        analysis: &Analysis,
    ) -> Result<Vec<Bytes>, Refused> {
        let statement = impact::plannable(analysis, &self.facts.search_path)?;
        if self.facts.temp_tables {
            return Err(Refused::Elsewhere);
        }
        // a message, and maybe what executes it; many executions have many plans
        let ([wire] | [wire, _]) = asked.wire.as_slice() else {
            return Err(Refused::NoPlan);
        };
        let frame = Frame::whole(wire.clone()).ok_or(Refused::NoPlan)?;
        let explained = match (Frontend::read(&frame), &then.portal) {
            (Ok(Frontend::Query(query)), _) => {
                let gate::words::Span(from, to) = statement.span;
                let place = usize::try_from(from).ok().zip(usize::try_from(to).ok());
                let text = place.and_then(|(from, to)| query.text.get(from..to));
                plain_explain(text.ok_or(Refused::NoPlan)?)
            }
            (Ok(Frontend::Bind(bind)), Some(portal)) => {
                let text = std::str::from_utf8(&portal.prepared.content);
                let types = portal.prepared.types.as_chunks().0.iter();
                let types: Vec<u32> = types.map(|oid| u32::from_be_bytes(*oid)).collect();
                let text = text.map_err(|_| Refused::NoPlan)?;
                let bound = write::bind_same(&bind);
                bound.and_then(|bound| explain_of(text, &types, bound))
            }
            _ => return Err(Refused::NoPlan),
        };
        explained.map_err(|_| Refused::NoPlan)
    }
}

fn plain_explain(text: &str) -> Result<Vec<Bytes>, Malformed> {
    let bound = write::bind(&write::Bind {
        portal: "",
        statement: "",
        parameters: &[],
        binary_results: false,
    })?;
    explain_of(text, &[], bound)
}

/// Not ANALYZE: nothing of it is run.
fn explain_of(text: &str, types: &[u32], bound: Bytes) -> Result<Vec<Bytes>, Malformed> {
    Ok(vec![
        write::parse("", &format!("EXPLAIN (FORMAT JSON) {text}"), types)?,
        bound,
        write::execute("", 0)?,
        write::sync(),
    ])
}

async fn found(subject: Subject, inquiry: Inquiry) {
    let impact = match tokio::time::timeout(WITHIN, subject.ask()).await {
        Ok(Ok(impact)) => impact,
        Ok(Err(_)) => none("the server could not be asked beside the session"),
        Err(_) => none("the server took too long"),
    };
    // who is asked sees the question without it, where it cannot be added
    drop(inquiry.found(impact).await);
}

fn none(why: &str) -> Impact {
    Impact {
        no_estimate: Some(why.to_owned()),
        ..Impact::default()
    }
}

impl Subject {
    async fn ask(self) -> Result<Impact, Error> {
        let mut beside = Beside::enter(&self.session, &self.way, &self.database).await?;
        let impact = self.ask_beside(&mut beside).await?;
        beside.leave().await?;
        Ok(impact)
    }

    async fn ask_beside(self, beside: &mut Beside) -> Result<Impact, Error> {
        let begun = write::query(&self.begin());
        let begun = begun.map_err(|malformed| Error::Backend(malformed.to_string()))?;
        if let Err(code) = beside.ask(vec![begun]).await? {
            return Ok(none(&format!("the server refused with {code}")));
        }
        let mut impact = Impact::default();
        if let Some(holder) = self.holder {
            let holder = holder.to_string();
            let whose = [Some(holder.as_bytes())];
            let rows = beside.ask_with(impact::LOCKS, &whose).await?;
            let rows = rows.unwrap_or_default();
            impact.locks = impact::locks_read(&rows);
        }
        let names: Vec<_> = self
            .names
            .iter()
            .map(|name| Some(name.as_bytes()))
            .collect();
        let mut plain = true;
        if !names.is_empty() {
            let rows = beside
                .ask_with(&impact::tables(names.len()), &names)
                .await?;
            (impact.tables, plain) = match rows {
                Ok(rows) => impact::tables_read(&rows),
                Err(_) => (Vec::new(), false),
            };
        }
        let estimated = match self.explain {
            Err(refused) => Err(refused.words().to_owned()),
            Ok(_) if !plain => Err(
                "planning on these relations may run what is not the server's own, or they are views"
                    .to_owned(),
            ),
            Ok(wire) => match beside.ask(wire).await? {
                Ok(rows) => impact::estimate(&rows).ok_or("the server told no plan".to_owned()),
                Err(code) if code == "57014" => Err("planning took too long".to_owned()),
                Err(code) => Err(format!("the server refused with {code}")),
            },
        };
        match estimated {
            Ok(estimate) => impact.estimate = Some(estimate),
            Err(why) => impact.no_estimate = Some(why),
        }
        Ok(impact)
    }

    /// As the session's own statements would be read, and nothing may change.
    fn begin(&self) -> String {
        let path: Vec<String> = self
            .search_path
            .iter()
            .map(|schema| quoted(schema))
            .collect();
        let mut text = format!(
            "BEGIN READ ONLY; SET LOCAL search_path = {}",
            path.join(", ")
        );
        if self.role != self.way.user() {
            text.push_str(&format!("; SET LOCAL ROLE {}", quoted(&self.role)));
        }
        text
    }
}
