//! With real ssh: what a session lends to the target (key agent, display) and sets there, each granted on its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the tests are clients of what was lent"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::ssh::{Client, Ground, run, text};
use e2e::stand::Stand;
use e2e::ways::{Agent, echo};

static LASTING: LazyLock<Lasting> =
    LazyLock::new(|| Lasting::with_ssh(&["ssh_ways.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn ground() -> &'static Ground {
    LASTING.ground.as_ref().unwrap()
}

/// `ssh -A` of somebody with an agent.
fn lending(token: &str, agent: &Agent, options: &[&str], command: &str) -> Command {
    let mut options = options.to_vec();
    options.push("-A");
    let mut ssh = ground().ssh(token, &options, &[command]).unwrap();
    ssh.env("SSH_AUTH_SOCK", &agent.socket);
    ssh
}

/// An agent in a folder of its own, and somebody of some groups.
fn lender(name: &str, groups: &str) -> (Agent, String) {
    let agent = Agent::start(&ground().yard(name).unwrap()).unwrap();
    (agent, stand().newcomer(name, groups).unwrap())
}

#[test]
fn an_agent_that_may_not_be_lent_stops_no_login() {
    let agent = Agent::start(&ground().yard("kept").unwrap()).unwrap();
    let ada = &stand().people.ada;
    let command = "echo ${SSH_AUTH_SOCK:-none}";
    let ran = run(&mut lending(ada, &agent, &[], command)).unwrap();
    assert_eq!(text(&ran.stdout), "none\n", "{ran:?}");
    // many ask by habit: a program's output stays clean
    assert!(!text(&ran.stderr).contains("countersign"), "{ran:?}");
    let denied = stand()
        .decided_for("user:ada", "lend the key agent")
        .unwrap();
    assert_eq!(denied["verdict"], "deny", "{denied}");
    assert_eq!(denied["operations"][0]["action"], "ssh.agent", "{denied}");
    let ran = run(&mut lending(ada, &agent, &["-tt"], command)).unwrap();
    let said = text(&ran.stdout);
    assert!(said.contains("refused to lend the key agent"), "{said}");
    assert!(said.contains("none"), "{said}");
}

#[test]
fn each_signature_of_a_lent_agent_is_recorded() {
    let (agent, token) = lender("lender", "engineers,lenders");
    let fingerprint = agent.fingerprint().unwrap();
    let listed = run(&mut lending(&token, &agent, &[], "ssh-add -l")).unwrap();
    assert!(text(&listed.stdout).contains(&fingerprint), "{listed:?}");
    // a file
    let key = agent.key.with_extension("pub");
    let sign = format!(
        "echo text | ssh-keygen -Y sign -n notes -f {}",
        key.display()
    );
    let signed = run(&mut lending(&token, &agent, &[], &sign)).unwrap();
    let signature = text(&signed.stdout);
    assert!(signature.contains("BEGIN SSH SIGNATURE"), "{signed:?}");
    let recorded = stand().decided_about("sign for notes").unwrap();
    assert_eq!(recorded["operations"][0]["action"], "ssh.agent_sign");
    let summary = recorded["summary"].as_str().unwrap();
    assert!(summary.contains(&fingerprint), "{summary}");
    assert_eq!(
        stand().outcome_of(&recorded).unwrap()["outcome"],
        "completed"
    );
    // and a login onwards
    let keys = ground().sshd.folder().join("authorized_keys");
    let mut keys = std::fs::OpenOptions::new().append(true).open(keys).unwrap();
    keys.write_all(&std::fs::read(&key).unwrap()).unwrap();
    let onwards = format!(
        "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -p {} 127.0.0.1 echo onwards",
        ground().sshd.port()
    );
    let went = run(&mut lending(&token, &agent, &[], &onwards)).unwrap();
    assert_eq!(text(&went.stdout), "onwards\n", "{went:?}");
    let login = format!("log in as {} (ssh-connection)", ground().sshd.login());
    let recorded = stand().decided_about(&login).unwrap();
    assert_eq!(recorded["verdict"], "allow", "{recorded}");
}

/// What a lent agent answers to a frame, as the target's side sees it.
fn answered(socket: &PathBuf, frame: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket).unwrap();
    let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length, frame].concat()).unwrap();
    let mut length = [0; 4];
    if stream.read_exact(&mut length).is_err() {
        return Vec::new();
    }
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    stream.read_exact(&mut answer).unwrap();
    answer
}

#[test]
fn a_lent_agent_takes_and_loses_nothing() {
    let (agent, token) = lender("guarded", "engineers,lenders");
    let mut command = lending(&token, &agent, &[], "echo at=$SSH_AUTH_SOCK=; cat");
    let mut client = Client::start(&mut command).unwrap();
    let said = client.printed("=\n").unwrap();
    let socket = PathBuf::from(said.split('=').nth(1).unwrap());
    let string = |text: &[u8]| {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&length, text].concat()
    };
    let library = [string(b"/usr/lib/evil.so"), string(b"1")].concat();
    let extension = string(b"anything@example.com");
    for (kind, body) in [
        (17, &string(b"ssh-ed25519")),
        (25, &string(b"ssh-ed25519")),
        (18, &string(b"key")),
        (19, &Vec::new()),
        (20, &library),
        (26, &library),
        (21, &library),
        (22, &string(b"secret")),
        (23, &string(b"secret")),
        (27, &extension),
        (1, &Vec::new()),
        (255, &Vec::new()),
    ] {
        let frame = [&[kind][..], body].concat();
        assert_eq!(answered(&socket, &frame), [5], "{kind}");
    }
    let denied = stand()
        .decided_about("ask the key agent to load or drop a token's library")
        .unwrap();
    assert_eq!(denied["verdict"], "deny", "{denied}");
    // a signature by a key that it has not is the agent's own to refuse
    let unknown = [
        &[13][..],
        &string(b"no such key"),
        &string(b"data"),
        &[0; 4],
    ]
    .concat();
    assert_eq!(answered(&socket, &unknown), [5]);
    // more than a frame may hold ends that channel, and nothing else
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream.write_all(&(1_u32 << 30).to_be_bytes()).unwrap();
    assert_eq!(stream.read(&mut [0; 8]).unwrap_or(0), 0);
    let listed = answered(&socket, &[11]);
    assert_eq!(listed[..5], [12, 0, 0, 0, 1], "its key is gone");
    client.say(b"still here\n").unwrap();
    client.printed("still here").unwrap();
}

#[test]
fn lending_waits_for_its_answer_and_so_does_a_signature() {
    let (agent, token) = lender("careful", "engineers,lenders,careful");
    let fingerprint = agent.fingerprint().unwrap();
    let key = agent.key.with_extension("pub");
    let sign = format!(
        "ssh-add -l; echo text | ssh-keygen -Y sign -n held -f {}; echo over",
        key.display()
    );
    let start = || {
        let mut client = Client::start(&mut lending(&token, &agent, &[], &sign)).unwrap();
        let id = client.asked().unwrap();
        assert!(client.pending().unwrap());
        (client, id)
    };
    let (mut client, id) = start();
    assert!(!text(&client.bytes()).contains("over"), "it ran already");
    stand().approve(&stand().people.grace, id).unwrap();
    client.printed(&fingerprint).unwrap();
    let signing = stand().question_about("agent_sign").unwrap();
    client
        .told(&format!("waiting for approval {signing}"))
        .unwrap();
    assert!(!text(&client.bytes()).contains("BEGIN SSH SIGNATURE"));
    stand().approve(&stand().people.grace, signing).unwrap();
    let (_, out, err) = client.end().unwrap();
    assert!(out.contains("BEGIN SSH SIGNATURE"), "{out} {err}");
    stand().recorded(signing, ("allow", "approval")).unwrap();
    stand().recorded(id, ("allow", "approval")).unwrap();
    // refused, the signature fails and the command goes on
    let (mut client, id) = start();
    stand().approve(&stand().people.grace, id).unwrap();
    let signing = stand().question_about("agent_sign").unwrap();
    stand()
        .refuse(&stand().people.grace, signing, "not that")
        .unwrap();
    let (_, out, err) = client.end().unwrap();
    assert!(!out.contains("BEGIN SSH SIGNATURE"), "{out}");
    assert!(out.contains("over"), "{out} {err}");
    // refused, the agent stays out of reach
    let (mut client, id) = start();
    stand().refuse(&stand().people.grace, id, "no").unwrap();
    let (_, out, _) = client.end().unwrap();
    assert!(!out.contains(&fingerprint), "{out}");
    assert!(out.contains("over"), "{out}");
}

/// `ssh -Y` of somebody, with a display of this machine's.
fn showing(token: &str, display: u16, options: &[&str], command: &str) -> Command {
    let mut options = options.to_vec();
    options.extend(["-Y", "-o", "XAuthLocation=/nonexistent"]);
    let mut ssh = ground().ssh(token, &options, &[command]).unwrap();
    ssh.env("DISPLAY", format!("127.0.0.1:{}", display - 6000));
    ssh
}

#[test]
fn a_lent_display_is_reached() {
    let token = stand().newcomer("painter", "engineers,lenders").unwrap();
    let display = echo().unwrap();
    let mut command = showing(&token, display, &[], "echo at=$DISPLAY=; cat");
    let client = Client::start(&mut command).unwrap();
    let said = client.printed("=\n").unwrap();
    let (_, number) = said.split_once("localhost:").expect(&said);
    let number: u16 = number.split('.').next().unwrap().parse().unwrap();
    // as a program at the target would begin, with the cookie that the target was told
    let cookies = std::fs::read_to_string(ground().sshd.folder().join("cookies")).unwrap();
    let of_it = format!("add unix:{number}.");
    let cookie = cookies.lines().rfind(|line| line.starts_with(&of_it));
    let cookie = cookie.expect(&cookies).rsplit(' ').next().unwrap();
    let cookie: Vec<u8> = (0..cookie.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&cookie[at..at + 2], 16).unwrap())
        .collect();
    let name = b"MIT-MAGIC-COOKIE-1\0\0";
    let hello = [
        &[b'l', 0, 11, 0, 0, 0, 18, 0, 16, 0, 0, 0][..],
        name,
        &cookie,
    ]
    .concat();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, 6000 + number)).unwrap();
    stream.write_all(&hello).unwrap();
    stream.write_all(b"and more").unwrap();
    // the client drops what the display answers behind an end: none is said
    let mut heard = vec![0; hello.len() + b"and more".len()];
    stream.read_exact(&mut heard).unwrap();
    drop(stream);
    assert!(heard.starts_with(&hello[..12]), "{heard:?}");
    assert!(heard.ends_with(b"and more"), "{heard:?}");
    let recorded = stand()
        .decided_for("user:painter", "a channel to the display")
        .unwrap();
    assert_eq!(recorded["operations"][0]["action"], "ssh.x11", "{recorded}");
    assert_eq!(recorded["verdict"], "allow", "{recorded}");
    drop(client);
}

#[test]
fn a_display_that_may_not_be_lent_stops_no_login() {
    let display = echo().unwrap();
    let ada = &stand().people.ada;
    let ran = run(&mut showing(ada, display, &[], "echo ${DISPLAY:-none}")).unwrap();
    assert_eq!(text(&ran.stdout), "none\n", "{ran:?}");
    let denied = stand().decided_for("user:ada", "lend the display").unwrap();
    assert_eq!(denied["operations"][0]["action"], "ssh.x11", "{denied}");
}

#[test]
fn a_display_waits_for_its_answer() {
    let token = stand()
        .newcomer("gallery", "engineers,lenders,careful")
        .unwrap();
    let display = echo().unwrap();
    let start = || {
        let mut command = showing(&token, display, &[], "echo at ${DISPLAY:-none}");
        let client = Client::start(&mut command).unwrap();
        let id = client.asked().unwrap();
        (client, id)
    };
    let (mut client, id) = start();
    stand().approve(&stand().people.grace, id).unwrap();
    let (_, out, _) = client.end().unwrap();
    assert!(out.starts_with("at localhost:"), "{out}");
    stand().recorded(id, ("allow", "approval")).unwrap();
    let (mut client, id) = start();
    stand().refuse(&stand().people.grace, id, "no").unwrap();
    let (_, out, _) = client.end().unwrap();
    assert_eq!(out, "at none\n");
}

#[test]
fn variables_pass_by_a_list_and_by_policy() {
    let names = [
        "LANG",
        "LC_NAME",
        "LC_PAPER",
        "COLORTERM",
        "GIT_PROTOCOL",
        "COUNTERSIGN_REASON",
        "LD_PRELOAD",
        "BASH_ENV",
        "GIT_SSH",
        "PATH_EXTRA",
        "LC_lower",
    ];
    let sent = format!("SendEnv={}", names.join(" "));
    let mut command = ground()
        .ssh(&stand().people.ada, &["-o", &sent], &["env"])
        .unwrap();
    command.envs(names.map(|name| (name, format!("sent-{name}"))));
    // what the client itself runs with stays its own
    command.env("LD_PRELOAD", "").env("BASH_ENV", "");
    let ran = run(&mut command).unwrap();
    let out = text(&ran.stdout);
    for name in names {
        let reaches = ["LANG", "LC_NAME", "COLORTERM", "GIT_PROTOCOL"].contains(&name);
        let there = out.contains(&format!("{name}=sent-{name}\n"));
        assert_eq!(there, reaches, "{name}: {out}");
    }
    let denied = stand().decided_about("set LC_PAPER=sent-LC_PAPER").unwrap();
    assert_eq!(denied["verdict"], "deny", "{denied}");
    // by name, for what they say may be secret
    let refused = "set BASH_ENV GIT_SSH LC_lower LD_PRELOAD PATH_EXTRA";
    let refused = stand().decided_about(refused).unwrap();
    assert_eq!(refused["reason"], "unsupported", "{refused}");
    let allowed = stand().decided_about("set LC_NAME=sent-LC_NAME").unwrap();
    assert_eq!(allowed["verdict"], "allow", "{allowed}");
}

#[test]
fn what_was_lent_is_out_of_reach_once_it_may_not_be_lent() {
    let (agent, token) = lender("retired", "engineers,lenders,retired");
    let mut command = lending(&token, &agent, &[], "echo at=$SSH_AUTH_SOCK=; cat");
    let mut client = Client::start(&mut command).unwrap();
    let said = client.printed("=\n").unwrap();
    let socket = PathBuf::from(said.split('=').nth(1).unwrap());
    let mut standing = UnixStream::connect(&socket).unwrap();
    standing.write_all(&[0, 0, 0, 1, 11]).unwrap();
    let mut kind = [0; 5];
    standing.read_exact(&mut kind).unwrap();
    assert_eq!(kind[4], 12);
    let policy = "@id(\"ways-retired\")\nforbid (principal in Group::\"retired\", \
                  action == Ssh::Action::\"agent\", resource);\n";
    let folder = stand().place().policies();
    let (unfinished, whole) = (
        folder.join("retired.unfinished"),
        folder.join("retired.cedar"),
    );
    std::fs::write(&unfinished, policy).unwrap();
    std::fs::rename(unfinished, whole).unwrap();
    stand().gateway.reload().unwrap();
    let mut rest = Vec::new();
    // ends, whatever was on its way
    drop(standing.read_to_end(&mut rest));
    assert_eq!(answered(&socket, &[11]), [0; 0], "it is reached again");
    let denied = stand()
        .decided_for("user:retired", "a channel to the key agent")
        .unwrap();
    assert_eq!(denied["verdict"], "deny", "{denied}");
    client.say(b"still here\n").unwrap();
    client.printed("still here").unwrap();
}
