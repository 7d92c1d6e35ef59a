//! What no decent client says on an SSH connection: second starts, floods, lies about windows, ends and channels.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::raw_ssh::{RawChannel, RawSsh, about};
use e2e::ssh::{Ground, TARGET, run};
use e2e::ssh_requests::{
    CHANNEL_CLOSE, CHANNEL_CONFIRMED, CHANNEL_DATA, CHANNEL_EOF, CHANNEL_FAILURE, CHANNEL_REFUSED,
    CHANNEL_SUCCESS, GLOBAL_REQUEST, REQUEST_FAILURE, REQUEST_SUCCESS, WINDOW_ADJUST, string,
};
use e2e::stand::Stand;
use e2e::ways::pattern;

static LASTING: LazyLock<Lasting> =
    LazyLock::new(|| Lasting::with_ssh(&["ssh_ways.cedar"]).unwrap());

const WINDOW: u32 = 1 << 20;

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn ground() -> &'static Ground {
    LASTING.ground.as_ref().unwrap()
}

fn entered() -> RawSsh {
    RawSsh::enter(ground().port, TARGET, &stand().people.ada).unwrap()
}

/// A command that runs on a channel of its own.
fn running(client: &mut RawSsh, command: &str) -> RawChannel {
    let channel = client.session(WINDOW).unwrap();
    client.exec(channel, command).unwrap();
    client.until(CHANNEL_SUCCESS).unwrap();
    channel
}

/// The connection is as good as before.
fn lives(client: &mut RawSsh) {
    let channel = running(client, "echo lives");
    client.hears(channel, b"lives\n").unwrap();
}

/// The gateway's memory, in bytes.
fn memory() -> usize {
    let status = format!("/proc/{}/status", stand().gateway.id());
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<usize>().unwrap() << 10
}

#[test]
fn a_channel_starts_one_thing() {
    let yard = ground().yard("second").unwrap();
    let mut client = entered();
    let channel = running(&mut client, "echo first; cat");
    client.hears(channel, b"first\n").unwrap();
    let made = |name: &str| yard.join(name);
    let touch = format!("touch {}", made("exec").display());
    client.exec(channel, &touch).unwrap();
    client.until(CHANNEL_FAILURE).unwrap();
    client.request(channel, "shell", &[]).unwrap();
    client.until(CHANNEL_FAILURE).unwrap();
    client
        .request(channel, "subsystem", &string(b"sftp"))
        .unwrap();
    client.until(CHANNEL_FAILURE).unwrap();
    client.data(channel, b"goes on\n").unwrap();
    client.hears(channel, b"goes on\n").unwrap();
    // what is asked for behind the start, the target is not asked for
    for (kind, words) in set_up() {
        client.request(channel, kind, &words).unwrap();
        client.until(CHANNEL_FAILURE).expect(kind);
    }
    client.data(channel, b"still\n").unwrap();
    client.hears(channel, b"still\n").unwrap();
    assert!(!made("exec").exists());
    lives(&mut client);
}

/// What comes before a start, and is granted there.
fn set_up() -> [(&'static str, Vec<u8>); 4] {
    let terminal = [string(b"xterm"), vec![0; 16], string(&[0])].concat();
    let variable = [string(b"LC_NAME"), string(b"late")].concat();
    let display = [
        &[0][..],
        &string(b"MIT-MAGIC-COOKIE-1"),
        &string(b"00"),
        &[0; 4],
    ]
    .concat();
    [
        ("pty-req", terminal),
        ("env", variable),
        ("x11-req", display),
        ("auth-agent-req@openssh.com", Vec::new()),
    ]
}

#[test]
fn what_is_set_up_before_a_start_is_said_to_be() {
    let mut client = entered();
    let channel = client.session(WINDOW).unwrap();
    for (kind, words) in set_up() {
        client.request(channel, kind, &words).unwrap();
        client.until(CHANNEL_SUCCESS).expect(kind);
    }
}

#[test]
fn requests_that_nobody_knows_are_refused() {
    let mut client = entered();
    let channel = client.session(WINDOW).unwrap();
    let unknown = [
        "anything@example.com",
        "break",
        "xon-xoff",
        "exit-status",
        "",
    ];
    for kind in unknown {
        client.request(channel, kind, &[0; 4]).unwrap();
        client.until(CHANNEL_FAILURE).expect(kind);
    }
    client.exec(channel, "cat").unwrap();
    client.until(CHANNEL_SUCCESS).unwrap();
    for kind in unknown {
        client.request(channel, kind, &[0; 4]).unwrap();
        client.until(CHANNEL_FAILURE).expect(kind);
    }
    client.data(channel, b"goes on\n").unwrap();
    client.hears(channel, b"goes on\n").unwrap();
    lives(&mut client);
}

#[test]
fn a_subsystem_is_no_command() {
    let yard = ground().yard("subsystem").unwrap();
    let touch = format!("touch {}", yard.join("made").display());
    let ada = &stand().people.ada;
    let ran = run(&mut ground().ssh(ada, &["-s"], &[&touch]).unwrap()).unwrap();
    assert!(!ran.status.success(), "{ran:?}");
    assert!(!yard.join("made").exists());
    let decided = stand()
        .decided_about(&format!("subsystem {touch}"))
        .unwrap();
    assert_eq!(
        decided["operations"][0]["action"], "ssh.subsystem_unknown",
        "{decided}"
    );
}

#[test]
fn nothing_passes_behind_an_end() {
    let yard = ground().yard("behind").unwrap();
    let file = yard.join("file");
    let mut client = entered();
    let command = format!("cat > {}; echo over", file.display());
    let channel = running(&mut client, &command);
    client.data(channel, b"before").unwrap();
    client.send(&about(CHANNEL_EOF, channel)).unwrap();
    client.data(channel, b"after").unwrap();
    client.send(&about(CHANNEL_EOF, channel)).unwrap();
    client.hears(channel, b"over\n").unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), b"before");
    client.send(&about(CHANNEL_CLOSE, channel)).unwrap();
    client.data(channel, b"and after the close").unwrap();
    client.send(&about(CHANNEL_CLOSE, channel)).unwrap();
    lives(&mut client);
}

#[test]
fn more_than_the_window_is_kept_out_of_memory() {
    const MUCH: usize = 40 << 20;
    let mut client = entered();
    // alone, it would only be slowed down
    let sibling = running(&mut client, "cat");
    let channel = running(&mut client, "sleep 1000");
    let before = memory();
    assert!(usize::try_from(channel.window).unwrap() < MUCH);
    let piece = pattern(32 << 10);
    // no window is looked at
    for _ in 0..MUCH / piece.len() {
        client.data(channel, &piece).unwrap();
    }
    client.data(sibling, b"beside\n").unwrap();
    client.hears(sibling, b"beside\n").unwrap();
    let grown = memory().saturating_sub(before);
    assert!(grown < 28 << 20, "{grown} bytes more");
}

#[test]
fn a_window_of_nothing_stops_nothing_else() {
    let mut client = entered();
    let before = memory();
    let closed = client.session(0).unwrap();
    client.exec(closed, "head -c 60000000 /dev/zero").unwrap();
    client.until(CHANNEL_SUCCESS).unwrap();
    lives(&mut client);
    // windows that overflow when they are added up
    let open = running(&mut client, "cat");
    for _ in 0..3 {
        let more = [about(WINDOW_ADJUST, open), u32::MAX.to_be_bytes().to_vec()].concat();
        client.send(&more).unwrap();
    }
    client.data(open, b"there\n").unwrap();
    client.hears(open, b"there\n").unwrap();
    let grown = memory().saturating_sub(before);
    assert!(grown < 48 << 20, "{grown} bytes more");
}

#[test]
fn packets_past_every_measure_end_the_connection() {
    for length in [u32::MAX, 1 << 30, 1 << 20, 0, 1] {
        let mut client = entered();
        let before = memory();
        client.raw(&length.to_be_bytes()).unwrap();
        // enough for a tag; it may be closed already
        drop(client.raw(&[0; 64]));
        assert!(client.is_closed().unwrap(), "{length}");
        assert!(memory().saturating_sub(before) < 64 << 20, "{length}");
    }
    // a string that is longer than its message
    let mut client = entered();
    let channel = running(&mut client, "cat");
    let lie = [
        about(CHANNEL_DATA, channel),
        u32::MAX.to_be_bytes().to_vec(),
    ]
    .concat();
    client.send(&lie).unwrap();
    assert!(client.is_closed().unwrap());
    lives(&mut entered());
}

#[test]
fn channels_are_counted() {
    const ALLOWED: usize = 256;
    let mut client = entered();
    let channel = running(&mut client, "cat");
    for _ in 0..ALLOWED + 20 {
        client.open("session", WINDOW).unwrap();
    }
    let mut closed = 0;
    // the ones too many are closed again; the first goes on
    while closed < 21 {
        client.until(CHANNEL_CLOSE).unwrap();
        closed += 1;
    }
    client.data(channel, b"goes on\n").unwrap();
    client.hears(channel, b"goes on\n").unwrap();
    lives(&mut entered());
}

#[test]
fn nobody_is_asked_for_what_a_server_opens() {
    let mut client = entered();
    let kinds = [
        "forwarded-tcpip",
        "x11",
        "auth-agent@openssh.com",
        "forwarded-streamlocal@openssh.com",
        "tun@openssh.com",
        "anything",
    ];
    for kind in kinds {
        let own = 1000_u32.to_be_bytes();
        let numbers = [own, WINDOW.to_be_bytes(), 32768_u32.to_be_bytes()].concat();
        let address = [string(b"127.0.0.1"), 22_u32.to_be_bytes().to_vec()].concat();
        let rest = match kind {
            "forwarded-tcpip" => [address.clone(), address].concat(),
            "x11" => address,
            "tun@openssh.com" => [1_u32.to_be_bytes(), [0; 4]].concat(),
            "forwarded-streamlocal@openssh.com" => [string(b"/x"), string(b"")].concat(),
            _ => Vec::new(),
        };
        let open = [vec![90], string(kind.as_bytes()), numbers, rest].concat();
        client.send(&open).unwrap();
        client.until(CHANNEL_REFUSED).expect(kind);
    }
    lives(&mut client);
}

#[test]
fn answers_that_nobody_waits_for_are_nothing() {
    let mut client = entered();
    for kind in [REQUEST_SUCCESS, REQUEST_FAILURE] {
        client.send(&[kind]).unwrap();
    }
    // of a channel that never was
    let nowhere = RawChannel {
        own: 4711,
        theirs: 4711,
        window: 0,
    };
    client.data(nowhere, b"lost").unwrap();
    client.exec(nowhere, "touch /nowhere").unwrap();
    client.send(&about(CHANNEL_EOF, nowhere)).unwrap();
    let unknown = [
        vec![GLOBAL_REQUEST],
        string(b"anything@example.com"),
        vec![1],
    ];
    client.send(&unknown.concat()).unwrap();
    client.until(REQUEST_FAILURE).unwrap();
    lives(&mut client);
    // one that was never asked for has no place here
    let unasked = [about(CHANNEL_CONFIRMED, nowhere), vec![0; 12]].concat();
    client.send(&unasked).unwrap();
    assert!(client.is_closed().unwrap());
    lives(&mut entered());
}

#[test]
fn listening_is_counted_and_only_what_stands_is_taken_back() {
    const ALLOWED: usize = 64;
    let mut client = entered();
    let global = |kind: &str, port: u32| {
        let parts = [
            vec![GLOBAL_REQUEST],
            string(kind.as_bytes()),
            vec![1],
            string(b"127.0.0.1"),
            port.to_be_bytes().to_vec(),
        ];
        parts.concat()
    };
    let mut ports = Vec::new();
    for _ in 0..ALLOWED {
        client.send(&global("tcpip-forward", 0)).unwrap();
        let answer = client.until(REQUEST_SUCCESS).unwrap();
        ports.push(u32::from_be_bytes(answer[1..5].try_into().unwrap()));
    }
    client.send(&global("tcpip-forward", 0)).unwrap();
    client.until(REQUEST_FAILURE).unwrap();
    let port = ports[0];
    client.send(&global("cancel-tcpip-forward", port)).unwrap();
    client.until(REQUEST_SUCCESS).unwrap();
    client.send(&global("cancel-tcpip-forward", port)).unwrap();
    client.until(REQUEST_FAILURE).unwrap();
    // a port that is none
    client.send(&global("tcpip-forward", 70_000)).unwrap();
    client.until(REQUEST_FAILURE).unwrap();
    lives(&mut client);
}

#[test]
fn what_waits_is_told_no_more_than_it_may_keep() {
    // the key agent is asked for, and people with it: nothing that comes meanwhile has a meaning
    let token = stand()
        .newcomer("waiting", "engineers,lenders,careful")
        .unwrap();
    let mut client = RawSsh::enter(ground().port, TARGET, &token).unwrap();
    let channel = client.session(WINDOW).unwrap();
    client
        .request(channel, "auth-agent-req@openssh.com", &[])
        .unwrap();
    client.exec(channel, "echo at last").unwrap();
    let id = stand().question_about("user:waiting").unwrap();
    let before = memory();
    let long = string(&[b'x'; 30_000]);
    let display = [&[0][..], &long, &long, &[0; 4]].concat();
    let variable = [string(b"LANG"), long.clone()].concat();
    for _ in 0..1000 {
        client.request(channel, "x11-req", &display).unwrap();
        client.request(channel, "subsystem", &long).unwrap();
        client.request(channel, "env", &variable).unwrap();
        client.request(channel, "signal", &long).unwrap();
    }
    stand().approve(&stand().people.grace, id).unwrap();
    client.hears(channel, b"at last\n").unwrap();
    let grown = memory().saturating_sub(before);
    assert!(grown < 48 << 20, "{grown} bytes more");
}
