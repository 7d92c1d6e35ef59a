//! With real ssh: what a target listens at, held and granted, counted, taken back and revoked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the tests are clients of ssh's own ports"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::ports;
use e2e::ssh::{Client, Ground, run, text};
use e2e::stand::Stand;
use e2e::watchdog::until;
use e2e::ways::{connected, echo, echo_at, echoed, pattern};
use rustix::process::{Pid, Signal, kill_process};

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

/// The port that the server chose, as ssh says it.
fn allocated(said: &str) -> u16 {
    let (_, after) = said.split_once("Allocated port ").expect(said);
    after.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_target_listens_where_it_may_and_says_its_port() {
    let behind = echo().unwrap();
    let remote = format!("127.0.0.1:0:127.0.0.1:{behind}");
    let client = Client::start(&mut ssh(&["-N", "-R", &remote], &[])).unwrap();
    let port = allocated(&client.told("Allocated port").unwrap());
    let said = pattern(3 << 20);
    assert!(
        echoed(connected(port).unwrap(), &said).unwrap() == said,
        "it was changed"
    );
    let listening = stand().decided_about("listen at 127.0.0.1:0").unwrap();
    assert_eq!(listening["verdict"], "allow", "{listening}");
    assert_eq!(listening["operations"][0]["action"], "ssh.forward_remote");
    let through = stand()
        .decided_about(&format!("to 127.0.0.1:{port}"))
        .unwrap();
    assert_eq!(through["operations"][0]["action"], "ssh.forward_remote");
    assert_eq!(
        stand().outcome_of(&through).unwrap()["outcome"],
        "completed"
    );
    drop(client);
    // gone with the connection
    until("nobody listens any more", || {
        let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err();
        Ok(refused.then_some(()))
    })
    .unwrap();
}

#[test]
fn what_may_not_listen_is_refused_with_words() {
    let behind = echo().unwrap();
    let [port] = ports::free().unwrap();
    let remote = format!("0.0.0.0:{port}:127.0.0.1:{behind}");
    // the command runs all the same, unless ssh itself is told to give up
    let ran = run(&mut ssh(&["-R", &remote], &["echo in"])).unwrap();
    assert_eq!(text(&ran.stdout), "in\n", "{ran:?}");
    let said = text(&ran.stderr);
    assert!(said.contains("remote port forwarding failed"), "{said}");
    assert!(
        said.contains("countersign: the target does not listen at")
            && said.contains("denied by policy \"ways-out\""),
        "{said}"
    );
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    let strict = ["-o", "ExitOnForwardFailure=yes", "-R", &remote];
    assert!(!run(&mut ssh(&strict, &["true"])).unwrap().status.success());
}

#[test]
fn what_is_held_listens_once_it_was_approved_and_asked_again() {
    let behind = echo().unwrap();
    let [port] = ports::free().unwrap();
    let remote = format!("localhost:{port}:127.0.0.1:{behind}");
    let ran = run(&mut ssh(&["-R", &remote], &["true"])).unwrap();
    let said = text(&ran.stderr);
    assert!(said.contains("ask again once it is approved"), "{said}");
    let id = stand().question_about(&port.to_string()).unwrap();
    // still held: nobody answered, and it is no second question
    drop(run(&mut ssh(&["-R", &remote], &["true"])).unwrap());
    assert_eq!(stand().question_about(&port.to_string()).unwrap(), id);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    stand().approve(&stand().people.grace, id).unwrap();
    let _client = Client::start(&mut ssh(&["-N", "-R", &remote], &[])).unwrap();
    assert_eq!(
        echoed(connected(port).unwrap(), b"through").unwrap(),
        b"through"
    );
    stand().becomes(id, "used").unwrap();
}

#[test]
fn what_was_held_does_not_listen_when_it_was_refused() {
    let [port] = ports::free().unwrap();
    let remote = format!("localhost:{port}:127.0.0.1:1");
    drop(run(&mut ssh(&["-R", &remote], &["true"])).unwrap());
    let id = stand().question_about(&port.to_string()).unwrap();
    stand()
        .refuse(&stand().people.grace, id, "not there")
        .unwrap();
    let ran = run(&mut ssh(&["-R", &remote], &["true"])).unwrap();
    let said = text(&ran.stderr);
    assert!(said.contains("was refused by grace: not there"), "{said}");
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
}

#[test]
fn listening_begins_and_ends_on_a_connection_that_is_in_use() {
    let yard = ground().yard("control").unwrap();
    let path = format!("ControlPath={}", yard.join("control").display());
    let master = [
        "-o",
        &path,
        "-o",
        "ControlMaster=yes",
        "-o",
        "ServerAliveInterval=1",
    ];
    let mut master = Client::start(&mut ssh(&master, &["echo up; cat"])).unwrap();
    master.printed("up").unwrap();
    let behind = echo().unwrap();
    let remote = format!("127.0.0.1:0:127.0.0.1:{behind}");
    let asked = run(&mut ssh(
        &["-o", &path, "-O", "forward", "-R", &remote],
        &[],
    ))
    .unwrap();
    assert!(asked.status.success(), "{asked:?}");
    let port: u16 = text(&asked.stdout).trim().parse().unwrap();
    let mut standing = connected(port).unwrap();
    standing.write_all(b"before").unwrap();
    let mut heard = [0; 6];
    standing.read_exact(&mut heard).unwrap();
    // ssh knows a forward by what was asked for
    let cancelled = run(&mut ssh(&["-o", &path, "-O", "cancel", "-R", &remote], &[])).unwrap();
    assert!(cancelled.status.success(), "{cancelled:?}");
    until("nobody listens any more", || {
        let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err();
        Ok(refused.then_some(()))
    })
    .unwrap();
    // what came through before goes on, and so does the sibling
    assert_eq!(echoed(standing, b"after").unwrap(), b"after");
    master.say(b"still here\n").unwrap();
    master.printed("still here").unwrap();
}

#[test]
fn a_target_that_says_nothing_holds_nobody_up() {
    let yard = ground().yard("silent").unwrap();
    let path = format!("ControlPath={}", yard.join("control").display());
    let alive = ["ServerAliveInterval=1", "ServerAliveCountMax=4"];
    let mut options = vec!["-o", &path, "-o", "ControlMaster=yes"];
    options.extend(alive.iter().flat_map(|option| ["-o", option]));
    let mut master = Client::start(&mut ssh(&options, &["echo =$PPID=; cat"])).unwrap();
    let said = master.printed("=\n").unwrap();
    let server: i32 = said.split('=').nth(1).unwrap().parse().unwrap();
    let server = Pid::from_raw(server).unwrap();
    let [port] = ports::free().unwrap();
    let remote = format!("127.0.0.1:{port}:127.0.0.1:1");
    // the target's half of this connection does not answer while it is stopped
    kill_process(server, Signal::STOP).unwrap();
    let asked = run(&mut ssh(
        &["-o", &path, "-O", "forward", "-R", &remote],
        &[],
    ));
    // a sibling that does not need the target is served meanwhile
    let shop = format!("127.0.0.1:{}", stand().postgres.port());
    let beside = run(&mut ssh(&["-o", &path, "-W", &shop], &[]));
    kill_process(server, Signal::CONT).unwrap();
    assert!(!asked.unwrap().status.success());
    assert!(!beside.unwrap().status.success());
    master.say(b"still here\n").unwrap();
    master.printed("still here").unwrap();
    // what the target agreed to too late is taken back
    let listening = stand()
        .decided_about(&format!("listen at 127.0.0.1:{port}"))
        .unwrap();
    let outcome = stand().outcome_of(&listening).unwrap();
    assert_eq!(outcome["outcome"], "cancelled", "{outcome}");
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
}

#[test]
fn a_target_listens_at_a_socket() {
    let yard = ground().yard("sockets").unwrap();
    let (behind, at) = (yard.join("behind"), yard.join("at"));
    echo_at(&behind).unwrap();
    let remote = format!("{}:{}", at.display(), behind.display());
    let _client = Client::start(&mut ssh(&["-N", "-R", &remote], &[])).unwrap();
    let mut stream = until("the socket is there", || Ok(UnixStream::connect(&at).ok())).unwrap();
    stream.write_all(b"to a socket").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"to a socket");
    let hidden = format!("{}:{}", yard.join("hidden").display(), behind.display());
    let ran = run(&mut ssh(&["-R", &hidden], &["true"])).unwrap();
    let said = text(&ran.stderr);
    assert!(said.contains("denied by policy \"ways-hidden\""), "{said}");
}

#[test]
fn what_was_permitted_ends_with_its_permission() {
    let revoked = stand().newcomer("revoked", "engineers,revoked").unwrap();
    let behind = echo().unwrap();
    let remote = format!("127.0.0.1:0:127.0.0.1:{behind}");
    let options = ["-N", "-R", &remote];
    let client = Client::start(&mut ground().ssh(&revoked, &options, &[]).unwrap()).unwrap();
    let port = allocated(&client.told("Allocated port").unwrap());
    let mut standing = connected(port).unwrap();
    standing.write_all(b"before").unwrap();
    let mut heard = [0; 6];
    standing.read_exact(&mut heard).unwrap();
    let policy = "@id(\"ways-revoked\")\nforbid (principal in Group::\"revoked\", \
                  action == Ssh::Action::\"forward_remote\", resource);\n";
    let folder = stand().place().policies();
    std::fs::write(folder.join("revoked.unfinished"), policy).unwrap();
    std::fs::rename(
        folder.join("revoked.unfinished"),
        folder.join("revoked.cedar"),
    )
    .unwrap();
    stand().gateway.reload().unwrap();
    assert_eq!(standing.read(&mut heard).unwrap_or(0), 0, "it goes on");
    until("nobody listens any more", || {
        let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err();
        Ok(refused.then_some(()))
    })
    .unwrap();
}
