//! Both directions of one connection: nothing lost when cancelled, small pieces gathered, a flush that is owed is paid.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use gate::failpoint::Step;
use gate::{Duplex, Turn};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

#[tokio::test]
async fn bytes_keep_their_order_whatever_their_size() {
    let (near, mut far) = tokio::io::duplex(100);
    let mut duplex = Duplex::new(near);
    let mut expected = Vec::new();
    for number in 0..200_usize {
        let piece = vec![u8::try_from(number).unwrap(); (number * 97) % 9000];
        expected.extend_from_slice(&piece);
        duplex.queue(Bytes::from(piece));
    }
    assert_eq!(duplex.backlog(), expected.len());
    let reader = tokio::spawn(async move {
        let mut seen = vec![0; expected.len()];
        far.read_exact(&mut seen).await.unwrap();
        assert!(seen == expected);
    });
    // cancelled again and again
    let mut into = BytesMut::new();
    while duplex.backlog() > 0 {
        tokio::select! {
            biased;
            turn = duplex.turn(&mut into, false) => assert_eq!(turn.unwrap(), Turn::Written),
            () = tokio::task::yield_now() => {}
        }
    }
    reader.await.unwrap();
}

#[tokio::test]
async fn it_reads_while_the_other_side_does_not() {
    let (near, mut far) = tokio::io::duplex(16);
    let mut duplex = Duplex::new(near);
    duplex.queue(Bytes::from(vec![1; 10_000]));
    far.write_all(b"hello").await.unwrap();
    let mut into = BytesMut::new();
    assert_eq!(duplex.turn(&mut into, true).await.unwrap(), Turn::Read(5));
    assert_eq!(&into[..], b"hello");
    assert!(duplex.backlog() > 0);
    drop(far);
    assert!(duplex.flush().await.is_err());
}

#[tokio::test]
async fn a_quiet_turn_tells_of_a_long_queue_and_goes_on_reading_after_a_short_one() {
    let (near, mut far) = tokio::io::duplex(1 << 20);
    let mut duplex = Duplex::new(near);
    let mut into = BytesMut::new();
    duplex.queue(Bytes::from_static(b"question"));
    far.write_all(b"answer").await.unwrap();
    let turn = duplex.turn_quietly(&mut into, true, Step::Sent).await;
    assert_eq!(turn.unwrap(), Turn::Read(6));
    let mut seen = [0; 8];
    far.read_exact(&mut seen).await.unwrap();
    assert_eq!(&seen, b"question");

    duplex.queue(Bytes::from(vec![1; 100_000]));
    let turn = duplex.turn_quietly(&mut into, true, Step::Sent).await;
    assert_eq!(turn.unwrap(), Turn::Written);
    duplex.queue(Bytes::from_static(b"the last"));
    let turn = duplex.turn_quietly(&mut into, false, Step::Sent).await;
    assert_eq!(turn.unwrap(), Turn::Written);
}

/// A stream with a buffer of its own, as TLS has: it takes all bytes at once and passes them on when flushed.
#[derive(Clone, Default)]
struct Buffered(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    held: Vec<u8>,
    passed: Vec<u8>,
    writes: usize,
    blocked: bool,
}

impl AsyncWrite for Buffered {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock().unwrap();
        state.held.extend_from_slice(bytes);
        state.writes += 1;
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock().unwrap();
        if state.blocked {
            return Poll::Pending;
        }
        let held = std::mem::take(&mut state.held);
        state.passed.extend(held);
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Buffered {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn small_pieces_are_one_write() {
    let stream = Buffered::default();
    let mut duplex = Duplex::new(stream.clone());
    for _ in 0..1000 {
        duplex.queue(Bytes::from_static(b"seven b"));
    }
    assert_eq!(stream.0.lock().unwrap().writes, 0);
    duplex.flush().await.unwrap();
    assert_eq!(stream.0.lock().unwrap().passed.len(), 7000);
    assert_eq!(stream.0.lock().unwrap().writes, 1);
}

#[tokio::test]
async fn a_flush_that_had_to_wait_is_made_up_for() {
    let stream = Buffered::default();
    let mut duplex = Duplex::new(stream.clone());
    stream.0.lock().unwrap().blocked = true;
    duplex.queue(Bytes::from_static(b"answer"));
    let mut into = BytesMut::new();
    tokio::select! {
        biased;
        _ = duplex.turn(&mut into, true) => panic!("written though blocked"),
        () = std::future::ready(()) => {}
    }
    stream.0.lock().unwrap().blocked = false;
    assert_eq!(duplex.turn(&mut into, true).await.unwrap(), Turn::Written);
    assert_eq!(stream.0.lock().unwrap().passed, b"answer");
}
