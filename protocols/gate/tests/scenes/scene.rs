//! What the scenes share.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use gate::testing::House;
use gate::testing::fake::Fake;
use gate::{Decision, Denied, Fault, Hold, Request, Session, Underway, Upstream};
use recorder::entry::ApprovalEvent;
use tokio::io::DuplexStream;

/// An upstream of the session and what the backend sees of it.
pub(crate) struct Backend {
    pub(crate) upstream: Upstream<gate::Stream>,
    /// The session's leave to be connected.
    pub(crate) connected: Underway,
    pub(crate) far: DuplexStream,
}

impl Backend {
    pub(crate) async fn of(house: &House, session: &Session) -> Self {
        let (near, far) = tokio::io::duplex(4096);
        let permit = house.connect(session).await;
        let (upstream, connected) = Upstream::in_memory(permit, near).unwrap();
        Self {
            upstream,
            connected,
            far,
        }
    }

    /// All that was handed over so far.
    pub(crate) async fn seen(&mut self) -> String {
        self.upstream.flush().await.unwrap();
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        while let Some(read) = now(tokio::io::AsyncReadExt::read(&mut self.far, &mut buffer)).await
        {
            seen.extend_from_slice(&buffer[..read.unwrap()]);
        }
        String::from_utf8(seen).unwrap()
    }
}

/// What a future yields without waiting.
pub(crate) async fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        })
    })
    .await
}

pub(crate) fn held<R: Request>(decision: Decision<R>) -> Hold<R> {
    match decision {
        Decision::Hold(hold) => hold,
        Decision::Permit(_) => panic!("permitted"),
        Decision::Deny(denied) => panic!("denied: {:?}", denied.reason()),
        Decision::Fault(_, fault) => panic!("fault: {fault}"),
    }
}

pub(crate) fn denied<R: Request>(decision: Decision<R>) -> Denied<R> {
    match decision {
        Decision::Deny(denied) => denied,
        Decision::Permit(_) => panic!("permitted"),
        Decision::Hold(hold) => panic!("held by {:?}", hold.asks()),
        Decision::Fault(_, fault) => panic!("fault: {fault}"),
    }
}

pub(crate) fn fault<R: Request>(decision: Decision<R>) -> Fault {
    match decision {
        Decision::Fault(_, fault) => fault,
        Decision::Permit(_) => panic!("permitted"),
        Decision::Hold(hold) => panic!("held by {:?}", hold.asks()),
        Decision::Deny(denied) => panic!("denied: {:?}", denied.reason()),
    }
}

/// Waits and settles until something else than a hold comes of it.
pub(crate) async fn ended<R: Request>(mut hold: Hold<R>) -> Decision<R> {
    loop {
        hold.wait().await;
        match hold.settle().await {
            Decision::Hold(again) => hold = again,
            decision => return decision,
        }
    }
}

/// Looks at the question until there is nothing new to see.
pub(crate) async fn quiet<R: Request>(mut hold: Hold<R>) -> Hold<R> {
    while now(hold.wait()).await.is_some() {
        hold = held(hold.settle().await);
    }
    hold
}

pub(crate) async fn hold_of(session: &Session, text: &str) -> Hold<Fake> {
    quiet(held(session.authorize(Fake::of(text)).await)).await
}

/// Ada's session in a house of its own, and the hold of her `drop orders`.
pub(crate) async fn held_drop() -> (House, Session, Hold<Fake>) {
    let house = House::new().await;
    let session = house.open("ada").await;
    let hold = hold_of(&session, "drop orders").await;
    (house, session, hold)
}

/// The same, granted by grace and not settled yet.
pub(crate) async fn granted_drop() -> (House, Session, Hold<Fake>) {
    let (house, session, hold) = held_drop().await;
    house.vote("grace", hold.id(), true).await.unwrap();
    (house, session, hold)
}

/// What became of the questions so far, whoever did it.
pub(crate) async fn steps(house: &House) -> Vec<ApprovalEvent> {
    let steps = house.approvals().await.into_iter();
    steps.map(|step| step.0).collect()
}

/// The reason of a denial in the audit log's word.
pub(crate) fn word<R: Request>(decision: Decision<R>) -> String {
    denied(decision).reason().as_str().to_owned()
}
