//! COPY FROM STDIN: data that belongs to a statement underway, passed as it comes, counted and hashed, never kept.

use aws_lc_rs::digest::{Context, SHA256};
use gate::Error;
use gate::told::{Content, File, Moment};

use super::Exchange;
use super::expected::Kind;
use crate::decode::{Analysis, Statement};
use crate::wire::Malformed;
use crate::wire::copy::Run;
use crate::wire::frame::{Frame, Phase, next_frontend};
use crate::wire::frontend::Frontend;

/// Where a COPY from the client stands.
#[derive(Default)]
pub(super) enum CopyIn {
    #[default]
    Off,
    /// So many statements on their way will ask for data: until the server says what becomes of the first, nothing that
    /// follows is taken, for what it is depends on the answer.
    Awaited { left: usize },
    /// The server takes data; `left` more statements will ask.
    Passing { left: usize, passed: Box<Passed> },
    /// It failed in the middle of a long message.
    Dropping(Run),
}

/// What passed so far.
pub(super) struct Passed {
    run: Run,
    bytes: u64,
    digest: Context,
}

impl CopyIn {
    /// A statement went to the server.
    pub(super) fn sent(&mut self, analysis: &Analysis) {
        let copies = analysis.statements.iter().filter(|one| copies_in(one));
        match copies.count() {
            0 => {}
            left => *self = Self::Awaited { left },
        }
    }

    pub(super) fn passes(&self) -> bool {
        matches!(self, Self::Passing { .. })
    }

    /// Drops the rest of a message of a COPY that failed; false until all of it came.
    pub(super) fn drop_rest(&mut self, inbox: &mut bytes::BytesMut) -> bool {
        let dropped = match self {
            Self::Dropping(run) => run.drop_rest(inbox),
            Self::Off | Self::Awaited { .. } | Self::Passing { .. } => return true,
        };
        if dropped {
            *self = Self::Off;
        }
        dropped
    }

    pub(super) fn is_awaited(&self) -> bool {
        matches!(self, Self::Awaited { .. })
    }
}

/// COPY from the client; what a file or a program at the server feeds is for policy to judge.
pub(super) fn copies_in(statement: &Statement) -> bool {
    let has = |verb: &str| statement.parts.iter().any(|part| part.verb.id == verb);
    has("copy_in") && !has("copy_file") && !has("copy_program")
}

/// What who approves a COPY must know.
pub(super) fn note(analysis: Option<&Analysis>) -> Option<&'static str> {
    let copies = analysis.is_some_and(|all| all.statements.iter().any(copies_in));
    copies.then_some("the data of the COPY follows once it is approved, and is not shown here")
}

impl Exchange {
    /// The server asks for data.
    pub(super) async fn copy_in_begun(&mut self, frame: &Frame) -> Result<(), Error> {
        let runs = self.state.queue.front().is_some_and(|front| {
            let kind = matches!(front.kind, Kind::Query { .. } | Kind::Execute);
            kind && front.refusal.is_none()
        });
        let CopyIn::Awaited { left } = self.state.copy_in else {
            return self.fail_copy_in().await;
        };
        if !runs {
            return self.fail_copy_in().await;
        }
        self.state.copy_in = CopyIn::Passing {
            left: left.saturating_sub(1),
            passed: Box::new(Passed {
                run: Run::default(),
                bytes: 0,
                digest: Context::new(&SHA256),
            }),
        };
        self.protocol(frame)
    }

    /// Takes what has come of the data, or its end. False where there is nothing to be taken now.
    pub(super) async fn take_copy_data(&mut self) -> Result<bool, Error> {
        let CopyIn::Passing { passed, .. } = &mut self.state.copy_in else {
            return Ok(false);
        };
        let Passed { run, bytes, digest } = &mut **passed;
        let taken = run.take(&mut self.inbox, &mut |data| {
            *bytes = bytes.saturating_add(data.len() as u64);
            digest.update(data);
        });
        match taken {
            Ok(data) if data.is_empty() => {}
            Ok(data) => {
                self.more(data)?;
                return Ok(true);
            }
            Err(malformed) => return self.broken(malformed).await,
        }
        match next_frontend(&mut self.inbox, Phase::CopyIn, &self.limits) {
            Ok(Some(frame)) => self.take_beside_data(frame).await.map(|()| true),
            Ok(None) if self.state.client_ended => {
                Err(Error::Client("left while copying in".into()))
            }
            Ok(None) => Ok(false),
            Err(malformed) => self.broken(malformed).await,
        }
    }

    async fn take_beside_data(&mut self, frame: Frame) -> Result<(), Error> {
        let message = match Frontend::read(&frame) {
            Ok(message) => message,
            Err(malformed) => return self.broken(malformed).await,
        };
        let done = match message {
            Frontend::CopyDone => true,
            Frontend::CopyFail { .. } => false,
            // as the server itself has it: sent by those who did not notice that their statement was a COPY
            Frontend::Flush | Frontend::Sync => return Ok(()),
            Frontend::Terminate => return Err(Error::Client("ended while copying in".into())),
            _ => return self.broken(Malformed::Type(frame.tag())).await,
        };
        let left = match &self.state.copy_in {
            CopyIn::Passing { left, .. } => *left,
            CopyIn::Off | CopyIn::Awaited { .. } | CopyIn::Dropping(_) => 0,
        };
        self.copy_in_over(done);
        if left > 0 {
            self.state.copy_in = CopyIn::Awaited { left };
        }
        self.more(frame.into_bytes())
    }

    /// No more data passes: what did is told to the recording.
    pub(super) fn copy_in_over(&mut self, done: bool) {
        if !self.state.copy_in.passes() {
            return;
        }
        let CopyIn::Passing { passed, .. } = std::mem::take(&mut self.state.copy_in) else {
            return;
        };
        let Passed { run, bytes, digest } = *passed;
        if !done {
            self.state.copy_in = CopyIn::Dropping(run);
        }
        let digest = digest.finish().as_ref().try_into().ok();
        let file = File {
            path: "STDIN".to_owned(),
            read: Content::default(),
            written: Content {
                bytes,
                digest,
                unhashed: String::new(),
            },
            closed: done,
        };
        let front = self.state.queue.front();
        if let Some(underway) = front.and_then(|front| front.underway.as_ref()) {
            underway.tell(Moment::File(file));
        }
    }

    /// What was to be copied in is answered without a word of data.
    pub(super) fn copy_in_settled(&mut self, kind: &Kind, analysis: Option<&Analysis>) {
        let runs = matches!(kind, Kind::Query { .. } | Kind::Execute);
        let copies = analysis.is_some_and(|all| all.statements.iter().any(copies_in));
        if runs && copies && self.state.copy_in.is_awaited() {
            self.state.copy_in = CopyIn::Off;
        }
    }

    /// More of what the front is about.
    fn more(&mut self, bytes: bytes::Bytes) -> Result<(), Error> {
        let front = self.state.queue.front_mut();
        let Some(underway) = front.and_then(|front| front.underway.as_mut()) else {
            return Err(Error::Backend(
                "asked for data that belongs to nothing".into(),
            ));
        };
        let passed = self.server.more(underway, bytes);
        passed.map_err(|revoked| Error::Ended(revoked.0))
    }
}
