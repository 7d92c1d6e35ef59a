//! Asks the gate, and waits for people where it must: what the client is told, and when it makes no sense to go on.

use std::time::Duration;

use gate::{Decision, Hold, Permitted, Request, Session};
use tokio::time::{Instant, sleep_until};

use crate::answers;

/// When a waiting client is told again.
const AGAIN: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(60)];
const LATER: Duration = Duration::from_secs(300);

pub(crate) enum Answer<R: Request> {
    Go(Permitted<R>),
    /// Refused, in words for the client.
    No(String),
    /// The client gave up while people were asked.
    GivenUp,
}

/// Who waits while people are asked.
pub(crate) trait Waiting: Sync {
    /// Says a line, where there is a way to.
    fn tell(&self, text: &str) -> impl Future<Output = ()> + Send;
    /// Resolves when it does not wait any more. Cancel-safe.
    fn given_up(&self) -> impl Future<Output = ()> + Send;
}

pub(crate) async fn ask<R: Request, W: Waiting>(
    session: &Session,
    request: R,
    waiting: &W,
) -> Answer<R> {
    let answer = match session.authorize(request).await {
        Decision::Hold(hold) => wait_for(hold, waiting).await,
        decision => settled(decision),
    };
    // nothing begins in a session that is paused
    tokio::select! {
        biased;
        () = session.flows() => answer,
        () = waiting.given_up() => Answer::GivenUp,
    }
}

/// Until people have answered.
pub(crate) async fn wait_for<R: Request, W: Waiting>(mut hold: Hold<R>, waiting: &W) -> Answer<R> {
    let mut told: Option<Told> = None;
    loop {
        let text = answers::waiting(hold.id(), hold.asks());
        // a question that grew is told at once
        if told.as_ref().is_none_or(|told| told.text != text) {
            waiting.tell(&text).await;
            told = Some(Told::now(text));
        }
        match wait(hold, &mut told, waiting).await {
            None => return Answer::GivenUp,
            Some(Decision::Hold(again)) => hold = again,
            Some(decision) => return settled(decision),
        }
    }
}

fn settled<R: Request>(decision: Decision<R>) -> Answer<R> {
    match decision {
        Decision::Permit(permit) => Answer::Go(permit),
        Decision::Deny(denied) => {
            let text = answers::refusal(denied.reason(), denied.id().as_deref());
            Answer::No(text)
        }
        Decision::Fault(_, fault) => Answer::No(answers::fault(&fault)),
        // who holds it waits for it
        Decision::Hold(_) => Answer::GivenUp,
    }
}

struct Told {
    text: String,
    since: Instant,
    times: usize,
}

impl Told {
    fn now(text: String) -> Self {
        let since = Instant::now();
        Self {
            text,
            since,
            times: 1,
        }
    }

    fn next(&self) -> Instant {
        match AGAIN.get(self.times - 1) {
            Some(after) => self.since + *after,
            None => {
                let later = self.times.saturating_sub(AGAIN.len());
                self.since + LATER * u32::try_from(later).unwrap_or(u32::MAX)
            }
        }
    }
}

/// Until there is reason to settle; `None` where the client gave up, and the question is withdrawn.
async fn wait<R: Request, W: Waiting>(
    mut hold: Hold<R>,
    told: &mut Option<Told>,
    waiting: &W,
) -> Option<Decision<R>> {
    let mut gone = std::pin::pin!(waiting.given_up());
    loop {
        let again = told.as_ref().map_or_else(Instant::now, Told::next);
        let repeat = tokio::select! {
            biased;
            () = &mut gone => {
                drop(hold.withdraw().await);
                return None;
            }
            () = hold.wait() => false,
            () = sleep_until(again) => true,
        };
        if !repeat {
            return Some(hold.settle().await);
        }
        if let Some(told) = told {
            told.times += 1;
            waiting.tell(&told.text).await;
        }
    }
}
