//! A stream that its owner can cut: the library that reads it then sees its end, whatever it was doing.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

pub(crate) struct Cut<S> {
    stream: S,
    /// `None` once cut.
    line: Option<oneshot::Receiver<Infallible>>,
}

/// Dropping it cuts the stream.
pub(crate) struct Line {
    _held: oneshot::Sender<Infallible>,
}

impl<S> Cut<S> {
    pub(crate) fn new(stream: S) -> (Self, Line) {
        let (held, line) = oneshot::channel();
        let line = Some(line);
        (Self { stream, line }, Line { _held: held })
    }

    fn is_cut(&mut self, context: &mut Context<'_>) -> bool {
        let Some(line) = &mut self.line else {
            return true;
        };
        if Pin::new(line).poll(context).is_pending() {
            return false;
        }
        self.line = None;
        true
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Cut<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_cut(context) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Cut<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_cut(context) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_cut(context) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_cut(context) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
