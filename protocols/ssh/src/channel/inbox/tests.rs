//! Order, bounds and pressure of what one side of a channel keeps.

use super::*;

const SMALL: Buffers = Buffers {
    memory_bytes: 64 * 1024,
    spill_bytes: 8 * PLACE,
    spill_total_bytes: 8 * PLACE,
};

fn inbox(siblings: &Siblings) -> Inbox {
    on(&Disk::of(SMALL.spill_total_bytes), siblings)
}

fn on(disk: &Disk, siblings: &Siblings) -> Inbox {
    Inbox::new(SMALL, disk.clone(), siblings.clone())
}

fn data(byte: u8, length: usize) -> Piece {
    Piece::Data(vec![byte; length].into())
}

async fn bytes(inbox: &Inbox) -> Vec<u8> {
    match inbox.next().await.unwrap() {
        Piece::Data(bytes) | Piece::Extended(_, bytes) => bytes.to_vec(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_spills_comes_back_in_order() {
    let siblings = Siblings::default();
    let inbox = inbox(&siblings);
    for byte in 0..5 {
        inbox.put(data(byte, 30_000)).await.unwrap();
    }
    inbox
        .put(Piece::Extended(1, vec![9; 10].into()))
        .await
        .unwrap();
    inbox.put(Piece::Eof).await.unwrap();
    inbox.end(Over::Gone);
    for byte in 0..5 {
        assert_eq!(bytes(&inbox).await, vec![byte; 30_000]);
    }
    assert!(matches!(inbox.next().await, Ok(Piece::Extended(1, _))));
    assert!(matches!(inbox.next().await, Ok(Piece::Eof)));
    assert!(matches!(inbox.next().await, Err(Over::Gone)));
}

#[tokio::test]
async fn past_its_limit_a_held_channel_is_over_and_says_so() {
    let inbox = inbox(&Siblings::default());
    let mut result = Ok(());
    for _ in 0..64 {
        result = inbox.put(data(1, PLACE)).await;
        if result.is_err() {
            break;
        }
    }
    assert_eq!(result, Err(Over::Overflown));
    assert_eq!(inbox.over(), Some(Over::Overflown));
    assert!(matches!(inbox.next().await, Err(Over::Overflown)));
    inbox.given_up().await;
    inbox.gone().await;
}

#[tokio::test(start_paused = true)]
async fn alone_and_flowing_it_slows_its_sender_down_instead() {
    let siblings = Siblings::default();
    let _seat = siblings.join(8).unwrap();
    let inbox = inbox(&siblings);
    inbox.flow();
    let sender = inbox.clone();
    let sending = tokio::spawn(async move {
        for _ in 0..64 {
            sender.put(data(1, PLACE)).await.unwrap();
        }
    });
    for _ in 0..64 {
        assert_eq!(bytes(&inbox).await.len(), PLACE);
    }
    sending.await.unwrap();
}

#[tokio::test]
async fn words_find_room_where_data_does_not() {
    let siblings = Siblings::default();
    let inbox = inbox(&siblings);
    for _ in 0..4 {
        inbox.put(data(1, PLACE)).await.unwrap();
    }
    let size = Size {
        columns: 80,
        rows: 24,
        width: 0,
        height: 0,
    };
    inbox.put(Piece::Resized(size)).await.unwrap();
    inbox.put(Piece::Signal(Sig::HUP)).await.unwrap();
    assert_eq!(inbox.over(), None);
}

#[tokio::test]
async fn ctrl_c_is_a_word_on_a_terminal_only() {
    let siblings = Siblings::default();
    let plain = inbox(&siblings);
    plain.put(data(CTRL_C, 1)).await.unwrap();
    assert!(!plain.state().interrupted);
    let typed = inbox(&siblings);
    let size = Size {
        columns: 80,
        rows: 24,
        width: 0,
        height: 0,
    };
    let terminal = Terminal {
        term: "xterm".into(),
        size,
        modes: Vec::new(),
    };
    typed.put(Piece::Terminal(terminal)).await.unwrap();
    typed.put(data(CTRL_C, 1)).await.unwrap();
    typed.given_up().await;
}

#[test]
fn seats_are_counted() {
    let siblings = Siblings::default();
    let one = siblings.join(1).unwrap();
    assert!(siblings.join(1).is_none());
    drop(one);
    assert!(siblings.join(1).is_some());
}

/// A channel that is alone and flows, with a write beside it that never ends.
fn owing(siblings: &Siblings) -> (Inbox, tokio::task::JoinHandle<()>) {
    let inbox = inbox(siblings);
    inbox.flow();
    let beside = inbox.clone();
    let writing = tokio::spawn(async move { beside.beside(std::future::pending()).await });
    (inbox, writing)
}

#[tokio::test(start_paused = true)]
async fn who_cannot_write_meanwhile_is_not_slowed_down() {
    let siblings = Siblings::default();
    let _seat = siblings.join(8).unwrap();
    let (inbox, writing) = owing(&siblings);
    // what lies in memory
    inbox.put(data(0, PLACE)).await.unwrap();
    let began = Instant::now();
    inbox.put(data(1, PLACE)).await.unwrap();
    assert!(began.elapsed() < PATIENCE / 500, "{:?}", began.elapsed());
    // small ones wait no longer than a large one of as many bytes
    let small = Instant::now();
    for _ in 0..8 {
        inbox.put(data(2, PLACE / 8)).await.unwrap();
    }
    assert!(small.elapsed() < PATIENCE / 4, "{:?}", small.elapsed());
    writing.abort();
    assert!(writing.await.unwrap_err().is_cancelled());
    let began = Instant::now();
    inbox.put(data(3, PLACE)).await.unwrap();
    assert!(began.elapsed() >= PATIENCE, "{:?}", began.elapsed());
    for byte in 0..2 {
        assert_eq!(bytes(&inbox).await, vec![byte; PLACE]);
    }
    for _ in 0..8 {
        assert_eq!(bytes(&inbox).await, vec![2; PLACE / 8]);
    }
    assert_eq!(bytes(&inbox).await, vec![3; PLACE]);
}

/// The more lies in the file, the longer the next has to wait.
#[tokio::test(start_paused = true)]
async fn who_is_not_read_is_slowed_down_more_and_more() {
    let siblings = Siblings::default();
    let _seat = siblings.join(8).unwrap();
    let (inbox, writing) = owing(&siblings);
    inbox.put(data(0, PLACE)).await.unwrap();
    let mut before = Duration::ZERO;
    for _ in 0..SMALL.spill_bytes / PLACE {
        let began = Instant::now();
        inbox.put(data(1, PLACE)).await.unwrap();
        assert!(began.elapsed() > before, "{before:?}");
        before = began.elapsed();
    }
    assert!(before > PATIENCE / 4, "{before:?}");
    writing.abort();
}

#[tokio::test(start_paused = true)]
async fn a_standstill_past_the_limit_ends_the_channel() {
    let siblings = Siblings::default();
    let _seat = siblings.join(8).unwrap();
    let (inbox, writing) = owing(&siblings);
    let mut result = Ok(());
    for _ in 0..64 {
        result = inbox.put(data(1, PLACE)).await;
        if result.is_err() {
            break;
        }
    }
    assert_eq!(result, Err(Over::Overflown));
    writing.abort();
}

/// Puts pieces in until nothing more is taken.
fn filling(inbox: &Inbox) -> tokio::task::JoinHandle<Over> {
    let sender = inbox.clone();
    tokio::spawn(async move {
        loop {
            if let Err(over) = sender.put(data(1, PLACE)).await {
                return over;
            }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn nothing_that_moves_for_an_hour_ends_the_channel_though_nobody_waits_to_write() {
    let siblings = Siblings::default();
    let _seat = siblings.join(8).unwrap();
    let inbox = inbox(&siblings);
    inbox.flow();
    let began = Instant::now();
    let filling = filling(&inbox);
    assert_eq!(inbox.lost().await, Over::Overflown);
    assert!(began.elapsed() >= STANDSTILL, "{:?}", began.elapsed());
    assert_eq!(filling.await.unwrap(), Over::Overflown);
}

#[tokio::test(start_paused = true)]
async fn who_is_past_the_limit_ends_as_soon_as_a_sibling_joins() {
    let siblings = Siblings::default();
    let _seat = siblings.join(8).unwrap();
    let inbox = inbox(&siblings);
    inbox.flow();
    let filling = filling(&inbox);
    // in memory and file there is no room left, and it waits
    tokio::time::sleep(STANDSTILL / 2).await;
    assert_eq!(inbox.over(), None);
    let began = Instant::now();
    let _sibling = siblings.join(8).unwrap();
    assert_eq!(filling.await.unwrap(), Over::Overflown);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_memory_takes_to_the_file_as_soon_as_a_sibling_joins() {
    let siblings = Siblings::default();
    let _seat = siblings.join(8).unwrap();
    let inbox = inbox(&siblings);
    inbox.flow();
    inbox.put(data(0, PLACE)).await.unwrap();
    let sender = inbox.clone();
    let waiting = tokio::spawn(async move { sender.put(data(1, PLACE)).await });
    tokio::time::sleep(PATIENCE / 2).await;
    let began = Instant::now();
    let _sibling = siblings.join(8).unwrap();
    waiting.await.unwrap().unwrap();
    assert!(began.elapsed() < PATIENCE / 4, "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_end_in_good_order_loses_nothing() {
    let inbox = inbox(&Siblings::default());
    inbox.end(Over::Gone);
    let lost = inbox.lost();
    tokio::pin!(lost);
    let now = std::future::poll_fn(|context| std::task::Poll::Ready(lost.as_mut().poll(context)));
    assert!(now.await.is_pending());
}

#[tokio::test]
async fn past_the_limit_of_all_files_a_channel_is_over_too() {
    let disk = Disk::of(SMALL.spill_total_bytes);
    let siblings = Siblings::default();
    let first = on(&disk, &siblings);
    // one piece in memory, and all that files may hold
    for _ in 0..9 {
        first.put(data(1, PLACE)).await.unwrap();
    }
    let second = on(&disk, &siblings);
    second.put(data(2, PLACE)).await.unwrap();
    assert_eq!(second.put(data(2, PLACE)).await, Err(Over::Overflown));
    assert_eq!(first.over(), None);
    drop(first);
    let third = on(&disk, &siblings);
    for _ in 0..9 {
        third.put(data(3, PLACE)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn without_any_file_a_channel_that_is_alone_flows_all_the_same() {
    let siblings = Siblings::default();
    let _seat = siblings.join(8).unwrap();
    let inbox = on(&Disk::of(0), &siblings);
    inbox.flow();
    let sender = inbox.clone();
    let sending = tokio::spawn(async move {
        for byte in 0..16 {
            sender.put(data(byte, 3 * PLACE)).await.unwrap();
        }
    });
    // long after it waits no more for memory
    tokio::time::sleep(2 * PATIENCE).await;
    for byte in 0..16 {
        let mut left = 3 * PLACE;
        while left > 0 {
            let bytes = bytes(&inbox).await;
            assert!(bytes.iter().all(|one| *one == byte));
            left -= bytes.len();
        }
        tokio::time::sleep(2 * PATIENCE).await;
    }
    sending.await.unwrap();
}
