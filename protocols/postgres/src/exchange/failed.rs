//! The server's errors: scrubbed or rewritten, and what they leave undone.

use gate::{Error, Masked, Ungoverned};

use super::Exchange;
use super::expected::Kind;
use super::own::OwnWork;
use crate::wire::backend::Fields;
use crate::wire::frame::Frame;

impl Exchange {
    pub(super) async fn error(&mut self, frame: &Frame, fields: Fields<'_>) -> Result<(), Error> {
        let code = String::from_utf8_lossy(fields.sqlstate().unwrap_or(b"XX000")).into_owned();
        let fatal = fields.is_fatal();
        let mask = self.state.mask.clone();
        self.copy_in_over(false);
        let told = self.told(frame, &fields)?;
        if fatal {
            // the last that the client is told, whatever it was that it waited for
            self.state.farewelled = true;
            self.reply(Masked::by(&mask, told))?;
            if let Some(front) = self.state.queue.front_mut() {
                front.code = Some(code.clone());
            }
            return Err(Error::Backend(format!("ended the session with {code}")));
        }
        let Some(front) = self.state.queue.front_mut() else {
            return self.reply(Masked::by(&mask, told));
        };
        front.code = Some(code.clone());
        let rewritten = front
            .refusal
            .as_ref()
            .and_then(|refusal| refusal.rewrite(&fields));
        let instead = front.plan.instead.take().filter(|_| code == "25P02");
        let silent = front.silent;
        match rewritten {
            Some(refusal) => self.reply(Masked::ungoverned(Ungoverned::Own, refusal))?,
            None if silent => self.not_shaped(told)?,
            None => self.reply(Masked::by(&mask, instead.unwrap_or(told)))?,
        }
        self.skip_to_sync().await;
        Ok(())
    }

    /// After an error of the extended protocol the server skips everything until Sync, a Query too: so does what is
    /// expected of it. An error of a simple query ends with its own ReadyForQuery.
    async fn skip_to_sync(&mut self) {
        let extended = |kind: &Kind| match kind {
            Kind::Query { .. } | Kind::Sync => false,
            Kind::Own(work) => matches!(
                work,
                OwnWork::Describe { .. } | OwnWork::Shape { of: Some(_), .. }
            ),
            Kind::Parse { .. }
            | Kind::Bind { .. }
            | Kind::Describe { .. }
            | Kind::Execute
            | Kind::Close => true,
        };
        if !self
            .state
            .queue
            .front()
            .is_some_and(|front| extended(&front.kind))
        {
            return;
        }
        let (mut skipped, mut failed) = (false, None::<String>);
        while let Some(mut expected) = self.state.queue.pop_front() {
            if matches!(expected.kind, Kind::Sync | Kind::Own(OwnWork::EarlySync)) {
                self.state.queue.push_front(expected);
                break;
            }
            self.undo(&expected.kind);
            if std::mem::replace(&mut skipped, true) {
                let of_group = failed.clone().filter(|_| expected.grouped);
                expected.code = of_group.or_else(|| Some("skipped".to_owned()));
            }
            // the outcome of a group comes with its last
            let open = expected.grouped && expected.underway.is_none();
            failed = expected.code.clone().filter(|_| open);
            self.settled(expected);
        }
        let early = matches!(
            self.state.queue.front().map(|front| &front.kind),
            Some(Kind::Own(OwnWork::EarlySync))
        );
        if self.state.queue.is_empty() || early {
            self.state.batch.skipping = true;
            // a message of the same batch that waits for people will not run any more
            if let Some(held) = self.state.held.take() {
                Box::pin(held.abandon(false)).await;
            }
        }
    }

    /// What a message that failed or was skipped would have made is not there: it has to be made again.
    fn undo(&mut self, kind: &Kind) {
        match kind {
            Kind::Parse { name, made } => {
                if let Some(prepared) = made {
                    prepared.made.answered(false);
                }
                self.forget_name(name);
            }
            Kind::Bind { portal, made } => {
                if let Some(made) = made {
                    made.answered(false);
                }
                self.state.portals.remove(portal);
            }
            _ => {}
        }
    }
}
