//! What a channel may keep while nobody reads it: past that it ends, and neither a sibling nor its connection with it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::raw_ssh::{RawChannel, RawSsh};
use e2e::ssh::{Ground, Narrow, TARGET};
use e2e::ssh_requests::{CHANNEL_CLOSE, CHANNEL_REQUEST, CHANNEL_SUCCESS, string};
use e2e::stand::Stand;
use e2e::watchdog::until;

static LASTING: LazyLock<Lasting<Narrow>> =
    LazyLock::new(|| Lasting::beside(&["ssh_ways.cedar"]).unwrap());

const WINDOW: u32 = 1 << 20;
/// More than lies on the way.
const MUCH: &str = "head -c 60000000 /dev/zero";

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn ground() -> &'static Ground {
    &LASTING.ground.as_ref().unwrap().0
}

fn entered(user: &str) -> RawSsh {
    let token = stand().newcomer(user, "engineers").unwrap();
    RawSsh::enter(ground().port, TARGET, &token).unwrap()
}

fn running(client: &mut RawSsh, command: &str, window: u32) -> RawChannel {
    let channel = client.session(window).unwrap();
    client.exec(channel, command).unwrap();
    client.until(CHANNEL_SUCCESS).unwrap();
    channel
}

/// Until the gateway says how this channel ended, which takes no window, and closes it.
fn refused(client: &mut RawSsh, channel: RawChannel) {
    let of = |message: &[u8]| message[1..5] == channel.own.to_be_bytes();
    let status = client.until(CHANNEL_REQUEST).unwrap();
    let expected = [&string(b"exit-status")[..], &[0], &126_u32.to_be_bytes()].concat();
    assert!(of(&status) && status[5..] == expected, "{status:?}");
    let close = client.until(CHANNEL_CLOSE).unwrap();
    assert!(of(&close), "{close:?}");
}

/// The code of the outcome of a user's request that failed.
fn failed(user: &str) -> String {
    let asked = stand().decided_for(&format!("user:{user}"), MUCH).unwrap();
    let outcome = stand().outcome_of(&asked).unwrap();
    assert_eq!(outcome["outcome"], "failed", "{outcome}");
    outcome["code"].as_str().unwrap().to_owned()
}

/// Bytes in the unlinked files of the gateway's that hold what memory has no room for.
fn spilled() -> u64 {
    let open = format!("/proc/{}/fd", stand().gateway.id());
    let files = std::fs::read_dir(open).unwrap().filter_map(Result::ok);
    let spills = files.filter(|file| {
        let to = std::fs::read_link(file.path()).unwrap_or_default();
        to.to_string_lossy().contains("countersign-spill-")
    });
    let sizes = spills.map(|file| std::fs::metadata(file.path()).map_or(0, |file| file.len()));
    sizes.sum()
}

#[test]
fn past_its_limit_a_channel_ends_and_its_sibling_lives() {
    let mut client = entered("beside");
    let sibling = running(&mut client, "cat", WINDOW);
    let unread = running(&mut client, MUCH, 0);
    refused(&mut client, unread);
    client.data(sibling, b"beside\n").unwrap();
    client.hears(sibling, b"beside\n").unwrap();
    let again = running(&mut client, "echo again", WINDOW);
    client.hears(again, b"again\n").unwrap();
    assert_eq!(failed("beside"), "overflow");
}

#[test]
fn who_is_past_the_limit_alone_ends_when_somebody_joins() {
    let mut client = entered("alone");
    let unread = running(&mut client, MUCH, 0);
    // it slows its sender down before each piece
    until("its file is full", || {
        Ok((spilled() >= Narrow::SPILL).then_some(()))
    })
    .unwrap();
    let joined = running(&mut client, "cat", WINDOW);
    refused(&mut client, unread);
    client.data(joined, b"joined\n").unwrap();
    client.hears(joined, b"joined\n").unwrap();
    assert_eq!(failed("alone"), "overflow");
}

#[test]
fn connections_within_another_are_counted_and_have_no_longer_to_log_in() {
    let token = stand().newcomer("jumper", "engineers").unwrap();
    // from where no other test comes
    let from = Ipv4Addr::new(127, 0, 0, 7);
    let mut client = RawSsh::enter_from(from, ground().port, TARGET, &token).unwrap();
    for _ in 1..Narrow::SEATS {
        let jump = client.tunnel(TARGET, 22).unwrap();
        client.hears(jump, b"SSH-2.0-").unwrap();
    }
    let refused = client.tunnel(TARGET, 22).unwrap_err().to_string();
    assert!(refused.contains("too many connections"), "{refused}");
    // nobody logs in there: each ends long before it would by default
    for _ in 1..Narrow::SEATS {
        client.until(CHANNEL_CLOSE).unwrap();
    }
    let again = client.tunnel(TARGET, 22).unwrap();
    client.hears(again, b"SSH-2.0-").unwrap();
}
