//! Tapes: what was pushed is replayed, also after a crash; a changed tape is refused.

use std::fs;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use recorder::tape::replay::{Ending, read};
use recorder::tape::{
    Content, Event, File, HEAD, Header, Kind, Moment, RecordMode, Reply, Size, TapeKey, Tapes,
};
use recorder::{Error, RequestId, SessionId};

fn header() -> Header {
    let text = |text: &str| text.to_owned();
    Header {
        actor: text("user:ada"),
        target: text("shop"),
        protocol: text("postgres"),
        at: 1,
    }
}

fn event(number: u64) -> Event {
    let kind = Kind::Statement(format!("SELECT {number} -- {}", "x".repeat(500)));
    Event {
        at: number,
        request: Some(RequestId::from(u128::from(number))),
        kind,
    }
}

fn keys(directory: &Path) -> (TapeKey, TapeKey) {
    let path = directory.join("tape.key");
    (
        TapeKey::generate(&path).unwrap(),
        TapeKey::load(&path).unwrap(),
    )
}

#[tokio::test]
async fn a_sealed_tape_replays_what_was_pushed() {
    let folder = tempfile::tempdir().unwrap();
    let (key, again) = keys(folder.path());
    let directory = folder.path().join("tapes");
    let tapes = Tapes::open(&directory, key).unwrap();
    let session = SessionId::from(1);
    let tape = tapes.start(session, header()).await.unwrap();
    let events: Vec<_> = (0..1000).map(event).collect();
    for event in &events {
        tape.push(event.clone()).await.unwrap();
    }
    let sealed = tape.seal().await.unwrap();
    let file = fs::read(directory.join(format!("{session}.tape"))).unwrap();
    assert_eq!(sealed.digest, digest(&SHA256, &file).as_ref());
    assert_eq!((sealed.events, sealed.bytes), (1000, file.len() as u64));
    assert!(!file.windows(6).any(|window| window == b"SELECT"));
    let mut replay = read(&directory, &again, session).unwrap();
    assert_eq!(replay.header(), header());
    assert_eq!(
        replay.by_ref().map(Result::unwrap).collect::<Vec<_>>(),
        events
    );
    assert_eq!(replay.ending(), Some(Ending::Sealed));
}

#[tokio::test]
async fn a_tape_cut_at_any_byte_replays_its_beginning_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (key, again) = keys(folder.path());
    let tapes = Tapes::open(folder.path(), key).unwrap();
    let session = SessionId::from(2);
    let tape = tapes.start(session, header()).await.unwrap();
    let events: Vec<_> = (0..400).map(event).collect();
    for event in &events {
        tape.push(event.clone()).await.unwrap();
    }
    tape.seal().await.unwrap();
    let path = folder.path().join(format!("{session}.tape"));
    let whole = fs::read(&path).unwrap();
    for cut in (84..whole.len()).step_by(7) {
        fs::write(&path, &whole[..cut]).unwrap();
        let mut replay = read(folder.path(), &again, session).unwrap();
        let found: Vec<_> = replay.by_ref().map(Result::unwrap).collect();
        assert_eq!(found, events[..found.len()]);
        assert!(
            matches!(replay.ending(), Some(Ending::Unsealed { .. })),
            "{cut}"
        );
    }
}

#[tokio::test]
async fn a_changed_or_borrowed_tape_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (key, again) = keys(folder.path());
    let tapes = Tapes::open(folder.path(), key).unwrap();
    let session = SessionId::from(3);
    let tape = tapes.start(session, header()).await.unwrap();
    for number in 0..200 {
        tape.try_push(&event(number)).unwrap();
    }
    tape.seal().await.unwrap();
    let path = folder.path().join(format!("{session}.tape"));
    let whole = fs::read(&path).unwrap();
    let play = |key: &TapeKey, session| -> Result<Vec<Event>, Error> {
        let mut replay = read(folder.path(), key, session)?;
        let events = replay.by_ref().collect::<Result<Vec<_>, _>>()?;
        // cut short is not whole
        if replay.ending() == Some(Ending::Sealed) {
            Ok(events)
        } else {
            Err(Error::Tape("not sealed"))
        }
    };
    assert_eq!(play(&again, session).unwrap().len(), 200);
    for place in (0..whole.len()).step_by(5) {
        let mut changed = whole.clone();
        changed[place] ^= 0x11;
        fs::write(&path, &changed).unwrap();
        assert!(play(&again, session).is_err(), "{place}");
    }
    fs::write(
        folder.path().join(format!("{}.tape", SessionId::from(4))),
        &whole,
    )
    .unwrap();
    assert!(play(&again, SessionId::from(4)).is_err());
    fs::write(&path, &whole).unwrap();
    let (_, stranger) = keys(tempfile::tempdir().unwrap().path());
    assert!(play(&stranger, session).is_err());
}

#[tokio::test]
async fn a_tape_that_cannot_be_written_fails_its_session() {
    let folder = tempfile::tempdir().unwrap();
    let (key, _) = keys(folder.path());
    let tapes = Tapes::open(folder.path(), key).unwrap();
    let session = SessionId::from(5);
    fs::create_dir(folder.path().join(format!("{session}.tape"))).unwrap();
    let tape = tapes.start(session, header()).await.unwrap();
    assert!(tape.seal().await.is_err());
}

#[tokio::test]
async fn tapes_end_with_what_they_have_when_all_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let (key, again) = keys(folder.path());
    let tapes = Tapes::open(folder.path(), key).unwrap();
    let (dropped, other) = (SessionId::from(6), SessionId::from(7));
    let tape = tapes.start(dropped, header()).await.unwrap();
    tape.push(event(1)).await.unwrap();
    drop(tape);
    // messages are taken in order: when this one is sealed, the other was taken, and is written within a second
    tapes
        .start(other, header())
        .await
        .unwrap()
        .seal()
        .await
        .unwrap();
    let length = || {
        fs::metadata(folder.path().join(format!("{dropped}.tape")))
            .unwrap()
            .len()
    };
    while length() == 84 {
        std::thread::yield_now();
    }
    let mut replay = read(folder.path(), &again, dropped).unwrap();
    assert_eq!(
        replay.by_ref().map(Result::unwrap).collect::<Vec<_>>(),
        [event(1)]
    );
    assert_eq!(replay.ending(), Some(Ending::Unsealed { torn_bytes: 0 }));
}

#[test]
fn a_reply_is_kept_as_far_as_the_mode_says() {
    let pieces = || (0..10).map(|_| Bytes::from(vec![7; 10_000]));
    for (mode, keeps) in [
        (RecordMode::Head, HEAD),
        (RecordMode::Full, 100_000),
        (RecordMode::None, 0),
    ] {
        let mut reply = Reply::new(RequestId::from(1), mode);
        let kept: usize = pieces()
            .filter_map(|piece| reply.piece(0, &piece))
            .map(|event| match event.kind {
                Kind::Reply(bytes) => bytes.len(),
                other => panic!("{other:?}"),
            })
            .sum();
        assert_eq!(kept, keeps);
        let Kind::ReplyEnd(end) = reply.end(0, 3).kind else {
            panic!("no end")
        };
        assert_eq!((end.rows, end.bytes), (3, 100_000));
        let rest = vec![7; 100_000 - keeps];
        let expected = (!rest.is_empty()).then(|| blake3::hash(&rest).as_bytes().to_vec());
        assert_eq!(end.rest.map(|rest| rest.digest.to_vec()), expected);
    }
}

/// One of each kind that came later than the first six.
fn moments() -> Vec<Event> {
    let size = Size {
        columns: 80,
        rows: 24,
    };
    let file = File {
        path: "/srv/a".into(),
        read: Content {
            bytes: 3,
            digest: Some([7; 32]),
            unhashed: String::new(),
        },
        written: Content::default(),
        closed: true,
    };
    let moments = [
        Moment::Terminal(size),
        Moment::Resized(size),
        Moment::Exited(7),
        Moment::Signalled("TERM".into()),
        Moment::Advisory("ls".into()),
        Moment::File(file),
    ];
    let kinds = moments.map(Kind::Moment).into_iter();
    let kinds = kinds.chain([Kind::ErrorReply(Bytes::from_static(b"no"))]);
    kinds.map(|kind| Event { kind, ..event(1) }).collect()
}

#[tokio::test]
async fn a_tape_is_followed_while_it_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let (key, again) = keys(folder.path());
    let tapes = Tapes::open(folder.path(), key).unwrap();
    let session = SessionId::from(8);
    let tape = tapes.start(session, header()).await.unwrap();
    // until its file is there
    let mut replay = loop {
        if let Ok(replay) = read(folder.path(), &again, session) {
            break replay;
        }
        tokio::task::yield_now().await;
    };
    assert!(replay.next().is_none());
    for event in moments() {
        tape.push(event.clone()).await.unwrap();
        while !replay.look_again().unwrap() {
            tokio::task::yield_now().await;
        }
        assert!(replay.has_begun());
        assert_eq!(replay.next().unwrap().unwrap(), event);
        assert!(replay.next().is_none());
        assert_eq!(replay.ending(), Some(Ending::Unsealed { torn_bytes: 0 }));
    }
    tape.seal().await.unwrap();
    assert!(!replay.look_again().unwrap());
    assert_eq!(replay.ending(), Some(Ending::Sealed));
    assert_eq!(replay.header(), header());
}
