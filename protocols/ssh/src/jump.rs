//! A connection within another one: `ssh -J gateway login@target`, which ends at the gateway.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use russh::server::{ChannelOpenHandle, Msg};
use russh::{Channel, ChannelWriteHalf};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, split};
use tokio::time::{Instant, timeout};

use crate::channel::Pipes;
use crate::channel::inbox::{Inbox, Piece};
use crate::forward::refuse;
use crate::serve::{Arrival, Jump};
use crate::visit::Visit;

/// Bytes on their way between the two connections, in each direction.
const BETWEEN: usize = 64 << 10;
/// Room for what goes out in one piece.
const PIECE: usize = 32 << 10;
/// How long the last words of the connection within may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The connection within: it agrees on keys and proves itself anew.
///
/// Its library reads nothing while it writes, and the outer one writes nothing while it hands over what it has read: an
/// inbox stands between them, which always takes.
pub(crate) async fn jump(
    visit: &Arc<Visit>,
    channel: Channel<Msg>,
    reply: ChannelOpenHandle,
    target: String,
) {
    let Some(_seat) = visit.doorkeeper.seat(visit.peer) else {
        return refuse(reply, "too many connections are open").await;
    };
    reply.accept().await;
    let (from_client, client) = channel.split();
    let pipes = Pipes::new(visit, from_client);
    pipes.client.flow();
    let (within, outside) = tokio::io::duplex(BETWEEN);
    let arrival = Arrival {
        stream: Box::new(within),
        peer: visit.peer,
        deadline: Instant::now() + visit.doorkeeper.login_within(),
        doorkeeper: visit.doorkeeper.clone(),
        jump: Some(Jump {
            target,
            person: visit.who.identity().name.clone(),
            permits: visit.permits.clone(),
        }),
    };
    let serving = async {
        if let Err(error) =
            crate::serve::serve(visit.shared.clone(), visit.gate.clone(), arrival).await
        {
            tracing::info!(%error, "a connection within another one ended");
        }
    };
    tokio::select! {
        () = carried(serving, outside, (&pipes.client, &client)) => {}
        () = visit.going() => {}
    }
    // the client may be gone already
    let _ = client.close().await;
}

/// Until the connection within has ended in good order, and what it said last is on its way.
async fn carried(
    serving: impl Future<Output = ()>,
    outside: DuplexStream,
    (inbox, client): (&Inbox, &ChannelWriteHalf<Msg>),
) {
    let (said, hears) = split(outside);
    let outwards = outwards(said, inbox, client);
    let inwards = async {
        // it hears of the end, and says no more then
        let _ = inwards(inbox, hears).await;
        std::future::pending::<()>().await;
    };
    let carrying = async {
        tokio::select! {
            () = outwards => {}
            () = inwards => {}
        }
    };
    tokio::pin!(serving, carrying);
    tokio::select! {
        () = &mut serving => {
            // fails only where the client reads nothing any more
            let _ = timeout(LAST_WORDS, carrying).await;
        }
        // the streams are gone, and so it ends
        () = &mut carrying => serving.await,
    }
}

async fn inwards(inbox: &Inbox, mut hears: WriteHalf<DuplexStream>) -> io::Result<()> {
    while let Ok(piece) = inbox.next().await {
        match piece {
            Piece::Data(bytes) => hears.write_all(&bytes).await?,
            Piece::Eof => break,
            // of no meaning in a tunnel
            _ => {}
        }
    }
    hears.shutdown().await
}

/// Until nothing more is said. Where the client is gone it is said to nobody: the library within hears of its end only
/// while it has nothing to write.
async fn outwards(mut said: ReadHalf<DuplexStream>, inbox: &Inbox, client: &ChannelWriteHalf<Msg>) {
    let mut buffer = BytesMut::new();
    let mut gone = false;
    loop {
        buffer.reserve(PIECE);
        match said.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let bytes = buffer.split().freeze();
        if gone {
            continue;
        }
        gone = tokio::select! {
            sent = inbox.beside(client.data_bytes(bytes)) => sent.is_err(),
            // the library wakes nobody who waits for a window that is closed
            () = inbox.gone() => true,
        };
    }
}
