//! With real ssh and curl: tunnels from the client, to sockets too, and what leads to where another target listens.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io::Read;
use std::net::ToSocketAddrs;
use std::process::Command;
use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::ports;
use e2e::ssh::{Client, Ground, run, text};
use e2e::stand::Stand;
use e2e::ways::{connected, echo, echo_at, echoed, pattern, source};

static LASTING: LazyLock<Lasting> =
    LazyLock::new(|| Lasting::with_ssh(&["ssh_ways.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn ground() -> &'static Ground {
    LASTING.ground.as_ref().unwrap()
}

fn ssh(options: &[&str], words: &[&str]) -> Command {
    ground().ssh(&stand().people.ada, options, words).unwrap()
}

#[test]
fn a_tunnel_to_a_socket_waits_for_its_answer() {
    let yard = ground().yard("held-sockets").unwrap();
    let behind = yard.join("held");
    echo_at(&behind).unwrap();
    let [port] = ports::free().unwrap();
    let local = format!("127.0.0.1:{port}:{}", behind.display());
    let _client = Client::start(&mut ssh(&["-N", "-L", &local], &[])).unwrap();
    let stream = connected(port).unwrap();
    let id = stand().question_about("held-sockets").unwrap();
    stand().approve(&stand().people.grace, id).unwrap();
    assert_eq!(echoed(stream, b"granted").unwrap(), b"granted");
    stand().recorded(id, ("allow", "approval")).unwrap();
    // a way round is no way
    let [port] = ports::free().unwrap();
    let detour = format!("127.0.0.1:{port}:{}/x/../held", yard.display());
    let client = Client::start(&mut ssh(&["-N", "-L", &detour], &[])).unwrap();
    let _stream = connected(port).unwrap();
    client.told("leads where only the target knows").unwrap();
}

#[test]
fn a_tunnel_waits_for_its_answer_and_stops_no_sibling() {
    let yard = ground().yard("waiting").unwrap();
    let path = format!("ControlPath={}", yard.join("control").display());
    let behind = echo().unwrap();
    let to = format!("localhost:{behind}");
    let master = ["-o", &path, "-o", "ControlMaster=yes", "-W", &to];
    let mut tunnel = Client::start(&mut ssh(&master, &[])).unwrap();
    tunnel.say(b"early").unwrap();
    let id = stand().question_about(&behind.to_string()).unwrap();
    let ran = run(&mut ssh(&["-o", &path], &["echo beside"])).unwrap();
    assert_eq!(text(&ran.stdout), "beside\n", "{ran:?}");
    assert!(tunnel.pending().unwrap());
    stand().approve(&stand().people.grace, id).unwrap();
    tunnel.printed("early").unwrap();
    drop(tunnel);
    stand().recorded(id, ("allow", "approval")).unwrap();
    // another one to the same place is another question
    let refused = Client::start(&mut ssh(&["-W", &to], &[])).unwrap();
    let second = stand().question_about(&behind.to_string()).unwrap();
    assert_ne!(second, id);
    stand()
        .refuse(&stand().people.grace, second, "once is enough")
        .unwrap();
    refused
        .told("was refused by grace: once is enough")
        .unwrap();
    stand().recorded(second, ("deny", "refused")).unwrap();
}

#[test]
fn a_browser_goes_through_a_dynamic_tunnel() {
    const MUCH: usize = 1 << 20;
    let behind = source(MUCH, true).unwrap();
    let [port] = ports::free().unwrap();
    let _client = Client::start(&mut ssh(&["-N", "-D", &port.to_string()], &[])).unwrap();
    drop(connected(port).unwrap());
    let proxy = format!("127.0.0.1:{port}");
    let fetch = |host: &str| {
        let url = format!("http://{host}:{behind}/");
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-m", "20", "--socks5-hostname", &proxy, &url]);
        run(&mut curl).unwrap()
    };
    let fetched = fetch("127.0.0.1");
    assert!(fetched.stdout == pattern(MUCH), "{:?}", fetched.status);
    let refused = fetch("192.0.2.1");
    assert!(!refused.status.success());
    let denied = stand().decided_about("forward to 192.0.2.1").unwrap();
    assert_eq!(denied["verdict"], "deny");
}

#[test]
fn one_of_thirty_tunnels_that_nobody_reads_stops_no_other() {
    // more than all windows and queues on its way hold, and something that is soon read
    const MUCH: usize = 12 << 20;
    const SOME: usize = 512 << 10;
    let [slow, port] = ports::free().unwrap();
    let local = |port, bytes| {
        let behind = source(bytes, false).unwrap();
        format!("127.0.0.1:{port}:127.0.0.1:{behind}")
    };
    let options = ["-N", "-L", &local(slow, MUCH), "-L", &local(port, SOME)];
    let _client = Client::start(&mut ssh(&options, &[])).unwrap();
    let mut stalled = connected(slow).unwrap();
    let mut first = [0; 1];
    stalled.read_exact(&mut first).unwrap();
    let readers: Vec<_> = (0..29)
        .map(|_| {
            std::thread::spawn(move || {
                let mut heard = Vec::new();
                connected(port).unwrap().read_to_end(&mut heard).unwrap();
                heard
            })
        })
        .collect();
    for reader in readers {
        assert!(reader.join().unwrap() == pattern(SOME), "it was changed");
    }
    let mut rest = Vec::new();
    stalled.read_to_end(&mut rest).unwrap();
    assert!([first.to_vec(), rest].concat() == pattern(MUCH));
}

#[test]
fn no_spelling_leads_round_another_target() {
    let shop = stand().postgres.port();
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let name = name.trim();
    // by its own name, where that is known
    let named = (name, 0).to_socket_addrs().is_ok().then_some(name);
    let spellings = [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "127.1",
        "0x7f000001",
        "0177.0.0.1",
        "2130706433",
        "0.0.0.0",
        "::1",
        "::ffff:127.0.0.1",
        "127.0.0.5",
        "box.localhost",
    ];
    for host in spellings.into_iter().chain(named) {
        let to = match host.contains(':') {
            true => format!("[{host}]:{shop}"),
            false => format!("{host}:{shop}"),
        };
        let ran = run(&mut ssh(&["-W", &to], &[])).unwrap();
        let said = text(&ran.stderr);
        assert!(
            said.contains("`shop` listens there; reach it as `shop`, through the gateway"),
            "{host}: {said}"
        );
    }
    let judged = stand()
        .decided_about("connect to shop by a forward from=box")
        .unwrap();
    assert_eq!(judged["operations"][0]["action"], "connect", "{judged}");
    assert_eq!(judged["verdict"], "allow", "{judged}");
    let outcome = stand().outcome_of(&judged).unwrap();
    assert_eq!(outcome["outcome"], "not_sent", "{outcome}");
    // somebody who may not even connect there learns no name
    let stranger = stand().newcomer("stranger", "boxers").unwrap();
    let to = format!("127.0.0.1:{shop}");
    let ran = run(&mut ground().ssh(&stranger, &["-W", &to], &[]).unwrap()).unwrap();
    let said = text(&ran.stderr);
    assert!(said.contains("reached through the gateway only"), "{said}");
    assert!(!said.contains("shop"), "{said}");
    // nor does the target's own door open from within
    let to = format!("127.0.0.1:{}", ground().sshd.port());
    let ran = run(&mut ssh(&["-W", &to], &[])).unwrap();
    let said = text(&ran.stderr);
    assert!(said.contains("`box` listens there"), "{said}");
}
