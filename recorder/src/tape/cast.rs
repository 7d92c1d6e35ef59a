//! One terminal of a tape in the form of asciicast v2, which players of terminal recordings read. Its output is made
//! harmless: what was sent stands on the tape.

use serde_json::{Value, json};

use super::replay::Replay;
use super::{Event, Header, Kind, Moment, Size};
use crate::error::Error;
use crate::id::RequestId;
use crate::terminal::harmless::Harmless;
use crate::visible::visible;

/// Terminals of one session that are told apart; further ones are found by their request.
const MOST: usize = 1000;
/// No screen is larger.
const LARGEST: u32 = 1000;
const TITLE: usize = 200;

/// Where a terminal begins on a tape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    pub request: RequestId,
    pub at: u64,
    pub size: Size,
    /// What was asked to run in it.
    pub statement: String,
}

/// The terminals of a tape, in order; reads it to its end.
pub fn terminals(replay: &mut Replay) -> Result<Vec<Begun>, Error> {
    let mut found = Vec::new();
    let mut asked = None;
    for event in replay {
        let event = event?;
        match (event.kind, event.request) {
            (Kind::Statement(text), request) => asked = Some((request, text)),
            (Kind::Moment(Moment::Terminal(size)), Some(request)) if found.len() < MOST => {
                let of = asked
                    .take()
                    .filter(|(asked, _)| *asked == Some(request))
                    .map(|(_, text)| text);
                found.push(Begun {
                    request,
                    at: event.at,
                    size,
                    statement: of.unwrap_or_default(),
                });
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The lines of one terminal.
pub struct Cast {
    request: RequestId,
    from: u64,
    seconds: f64,
    shown: Harmless,
}

impl Cast {
    #[must_use]
    pub fn of(begun: &Begun) -> Self {
        Self {
            request: begun.request,
            from: begun.at,
            seconds: 0.0,
            shown: Harmless::new(),
        }
    }

    /// The first line.
    #[must_use]
    pub fn header(header: &Header, begun: &Begun) -> Value {
        let Header { actor, target, .. } = header;
        let title = format!("{actor} at {target}: {}", begun.statement);
        let title: String = title.chars().take(TITLE).collect();
        let (width, height) = sides(begun.size);
        json!({
            "version": 2,
            "width": width,
            "height": height,
            "timestamp": begun.at / 1_000_000_000,
            "title": visible(&title).replace(['\n', '\t'], " "),
        })
    }

    /// What an event is in this terminal, if it is about it.
    pub fn line(&mut self, event: &Event) -> Option<Value> {
        if event.request != Some(self.request) {
            return None;
        }
        // a clock that was set back does not turn the time
        let passed = event.at.saturating_sub(self.from) / 1000;
        self.seconds = self.seconds.max(passed as f64 / 1e6);
        match &event.kind {
            Kind::Reply(bytes) | Kind::ErrorReply(bytes) => {
                let shown = self.shown.pass(bytes);
                (!shown.is_empty()).then(|| json!([self.seconds, "o", shown]))
            }
            Kind::Moment(Moment::Resized(size)) => {
                let (width, height) = sides(*size);
                Some(json!([self.seconds, "r", format!("{width}x{height}")]))
            }
            Kind::Moment(Moment::Advisory(line)) => {
                Some(json!([self.seconds, "m", format!("advisory: {line}")]))
            }
            Kind::Statement(_)
            | Kind::ReplyEnd(_)
            | Kind::Notice(_)
            | Kind::Refusal(_)
            | Kind::Note(_)
            | Kind::Moment(
                Moment::Terminal(_) | Moment::Exited(_) | Moment::Signalled(_) | Moment::File(_),
            ) => None,
        }
    }

    /// The last line: the terminal in order again.
    #[must_use]
    pub fn end(&self) -> Value {
        json!([self.seconds, "o", self.shown.end()])
    }
}

/// A client may say anything of its terminal.
fn sides(size: Size) -> (u32, u32) {
    let side = |length: u32, usual| match length {
        0 => usual,
        length => length.min(LARGEST),
    };
    (side(size.columns, 80), side(size.rows, 24))
}
