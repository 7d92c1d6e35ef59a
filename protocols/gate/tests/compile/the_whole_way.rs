//! The one way to a backend.

use gate::{Decision, Masked, Outcome, OutcomeKind, Request, Session, Ungoverned, Upstream};

pub(crate) async fn run<R: Request, T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    session: &Session,
    upstream: &mut Upstream<T>,
    request: R,
) {
    if let Decision::Permit(permit) = session.authorize(request).await
        && let Ok((_request, mut underway)) = upstream.forward(permit)
    {
        let _ = upstream.more(&mut underway, bytes::Bytes::from_static(b"more"));
        let _ = upstream.flush().await;
        let _ = underway.reply(Masked::ungoverned(
            Ungoverned::Protocol,
            bytes::Bytes::new(),
        ));
        underway.done(Outcome::of(OutcomeKind::Completed));
    }
}
