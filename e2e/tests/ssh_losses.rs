//! A target that goes away, or is not there yet: the client's connection neither outlives it nor remembers it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::net::{Ipv4Addr, TcpListener};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use e2e::lasting::{Lasting, edited};
use e2e::raw_ssh::RawSsh;
use e2e::ssh::{Client, Ground, TARGET, run, text};
use e2e::ssh_requests::{CHANNEL_CLOSE, CHANNEL_SUCCESS};
use e2e::stand::Stand;
use e2e::watchdog::until;

static LASTING: LazyLock<Lasting> =
    LazyLock::new(|| Lasting::with_ssh(&["ssh_ways.cedar"]).unwrap());

/// Ends the server's half of the connection that it comes in by.
const KILL: &str = "kill -9 $PPID";

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn ground() -> &'static Ground {
    LASTING.ground.as_ref().unwrap()
}

#[test]
fn a_master_whose_target_dies_is_told_and_ended() {
    let yard = ground().yard("master").unwrap();
    let socket = yard.join("control");
    let path = socket.to_str().unwrap();
    let ada = &stand().people.ada;
    let start = |options: &[&str], words: &[&str]| {
        Client::start(&mut ground().ssh(ada, options, words).unwrap()).unwrap()
    };
    let mut master = start(&["-N", "-M", "-S", path], &[]);
    until("the master listens", || Ok(socket.exists().then_some(()))).unwrap();
    let mut running = start(&["-S", path], &["echo begun; sleep 1000"]);
    running.printed("begun").unwrap();
    let killed = run(&mut ground().ssh(ada, &["-S", path], &[KILL]).unwrap()).unwrap();
    assert!(!killed.status.success(), "{killed:?}");
    let (status, _, _) = running.end().unwrap();
    assert!(!status.success());
    let (status, _, err) = master.end().unwrap();
    assert_eq!(status.code(), Some(255), "{err}");
    assert!(
        err.contains("the connection to the target is lost; connect again"),
        "{err}"
    );
    // as it would without a gateway between, the next command connects anew
    let again = run(&mut ground().ssh(ada, &["-S", path], &["echo again"]).unwrap()).unwrap();
    assert_eq!(text(&again.stdout), "again\n", "{again:?}");
}

#[test]
fn what_waits_for_people_is_withdrawn_with_the_target() {
    // lending the agent waits for somebody
    let token = stand()
        .newcomer("waiting", "engineers,lenders,careful")
        .unwrap();
    let mut client = RawSsh::enter(ground().port, TARGET, &token).unwrap();
    let waiting = client.session(1 << 20).unwrap();
    client
        .request(waiting, "auth-agent-req@openssh.com", &[])
        .unwrap();
    client.exec(waiting, "echo never").unwrap();
    stand().question_about("user:waiting").unwrap();
    let channel = client.session(1 << 20).unwrap();
    client.exec(channel, KILL).unwrap();
    let mut closed = Vec::new();
    for _ in 0..2 {
        closed.push(client.until(CHANNEL_CLOSE).unwrap()[1..5].to_vec());
    }
    closed.sort();
    assert_eq!(closed, [waiting, channel].map(|one| one.own.to_be_bytes()));
    assert!(client.is_closed().unwrap());
}

#[test]
fn what_leads_elsewhere_outlives_the_target() {
    let ada = &stand().people.ada;
    let mut client = RawSsh::enter(ground().port, TARGET, ada).unwrap();
    // a connection within this one
    let jump = client.tunnel(TARGET, 22).unwrap();
    client.hears(jump, b"SSH-2.0-").unwrap();
    let channel = client.session(1 << 20).unwrap();
    client.exec(channel, KILL).unwrap();
    client.until(CHANNEL_SUCCESS).unwrap();
    client.until(CHANNEL_CLOSE).unwrap();
    // longer than a connection without it would be left alone
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        let late = client.session(1 << 20).unwrap();
        client.exec(late, "echo late").unwrap();
        client.until(CHANNEL_CLOSE).unwrap();
    }
    client.close(jump).unwrap();
    assert!(client.is_closed().unwrap());
}

#[test]
fn a_target_that_was_not_there_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::prepare(folder.path()).unwrap();
    // nobody listens there yet
    let place = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = place.local_addr().unwrap().port();
    drop(place);
    let edit = |text: String| {
        let there = format!("port: {}\n", ground.sshd.port());
        ground
            .served(&text)
            .replacen(&there, &format!("port: {port}\n"), 1)
    };
    let stand = edited(&folder.path().join("stand"), &["ssh_ways.cedar"], &edit).unwrap();
    let mut client = RawSsh::enter(ground.port, TARGET, &stand.people.ada).unwrap();
    let early = client.session(1 << 20).unwrap();
    client.exec(early, "echo early").unwrap();
    client.until(CHANNEL_CLOSE).unwrap();
    let _tap = e2e::tap::Tap::at(port, ground.sshd.port()).unwrap();
    let channel = client.session(1 << 20).unwrap();
    client.exec(channel, "echo there").unwrap();
    client.hears(channel, b"there\n").unwrap();
}
