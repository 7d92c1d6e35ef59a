//! `ssh -R` and `ssh -A`, straight and through the gateway by each way of naming the target: byte for byte the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use e2e::compared::{Row, compare};
use e2e::lasting::Lasting;
use e2e::ports;
use e2e::routes::{Route, Routes, THROUGH};
use e2e::ssh::{Ground, run, text};
use e2e::ways::Agent;

static LASTING: LazyLock<Lasting> =
    LazyLock::new(|| Lasting::with_ssh(&["ssh_clients.cedar"]).unwrap());
static ROUTES: LazyLock<Routes> =
    LazyLock::new(|| Routes::prepare(ground(), &LASTING.stand, "ada").unwrap());

fn ground() -> &'static Ground {
    LASTING.ground.as_ref().unwrap()
}

/// A script, and something that it prints where all goes well.
struct Way<'a> {
    name: &'a str,
    script: &'a str,
    prints: &'a str,
}

const fn way<'a>(name: &'a str, prints: &'a str, script: &'a str) -> Way<'a> {
    Way {
        name,
        script,
        prints,
    }
}

fn same(name: &str, ways: &[Way<'_>]) {
    let yard = ground().yard(name).unwrap();
    for way in ways {
        goes_well(&yard, way);
    }
    let rows: Vec<Row<'_>> = ways
        .iter()
        .map(|way| Row {
            name: way.name,
            script: way.script,
        })
        .collect();
    compare(&ROUTES, &yard, &THROUGH, &rows).unwrap();
}

/// Straight: what fails there, fails in the same way through the gateway, and says nothing of it.
fn goes_well(yard: &Path, way: &Way<'_>) {
    let folder = yard.join("straight");
    std::fs::create_dir_all(&folder).unwrap();
    let [free] = ports::free().unwrap();
    let mut command = Command::new("timeout");
    command
        .args(["60", "sh", "-c", way.script])
        .envs(ROUTES.variables(Route::Direct))
        .env("HERE", &folder)
        .env("HOME", &folder)
        .env("FREE", free.to_string())
        .env_remove("SSH_AUTH_SOCK")
        .current_dir(&folder);
    let ran = run(&mut command).unwrap();
    assert!(
        text(&ran.stdout).contains(way.prints),
        "{}: {ran:?}",
        way.name
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What the server says that the forwards lead to.
const SAID: &str = "SSH-2.0-bystander";

const REMOTE: &[Way<'static>] = &[
    way(
        "a port",
        SAID,
        "$SSH -o ExitOnForwardFailure=yes -fNM -S ctl -R 127.0.0.1:$FREE:127.0.0.1:$BYSTANDER_PORT $TO
         curl -s --http0.9 http://127.0.0.1:$FREE/ | head -n 1; $SSH -S ctl -O exit $TO; rm -f ctl",
    ),
    way(
        "a port that the target chooses, and says",
        "chosen for remote forward to 127.0.0.1",
        "$SSH -o LogLevel=INFO -o ExitOnForwardFailure=yes -fNM -S ctl -R 127.0.0.1:0:127.0.0.1:$BYSTANDER_PORT $TO 2>said
         port=$(sed -n 's/^Allocated port \\([0-9]*\\) .*/\\1/p' said); sed -n \"s/^Allocated port $port/chosen/p\" said
         curl -s --http0.9 http://127.0.0.1:$port/ | head -n 1; $SSH -S ctl -O exit $TO; rm -f ctl said",
    ),
    way(
        "a port that is chosen and taken back while the connection is in use",
        "nobody listens",
        "$SSH -fNM -S ctl $TO
         port=$($SSH -S ctl -O forward -R 127.0.0.1:0:127.0.0.1:$BYSTANDER_PORT $TO)
         curl -s --http0.9 http://127.0.0.1:$port/ | head -n 1
         $SSH -S ctl -O cancel -R 127.0.0.1:0:127.0.0.1:$BYSTANDER_PORT $TO; echo $?
         until curl -s -o /dev/null --http0.9 http://127.0.0.1:$port/; [ $? = 7 ]; do sleep 0.05; done; echo nobody listens
         $SSH -S ctl $TO 'echo still here'; $SSH -S ctl -O exit $TO; rm -f ctl",
    ),
    way(
        "gone with its connection",
        "nobody listens",
        "$SSH -o ExitOnForwardFailure=yes -fNM -S ctl -R 127.0.0.1:$FREE:127.0.0.1:$BYSTANDER_PORT $TO
         curl -s --http0.9 http://127.0.0.1:$FREE/ | head -n 1; $SSH -S ctl -O exit $TO; rm -f ctl
         until curl -s -o /dev/null --http0.9 http://127.0.0.1:$FREE/; [ $? = 7 ]; do sleep 0.05; done; echo nobody listens",
    ),
    way(
        "where no address is named, asked by a command at the target",
        "ended with 4",
        "$SSH -o ExitOnForwardFailure=yes -R $FREE:127.0.0.1:$BYSTANDER_PORT $TO \\
            \"curl -s --http0.9 http://127.0.0.1:$FREE/ | head -n 1; exit 4\"; echo ended with $?",
    ),
    way(
        "to where a proxy is told",
        SAID,
        "$SSH -o ExitOnForwardFailure=yes -R $FREE $TO \\
            \"curl -s --http0.9 -x socks5h://127.0.0.1:$FREE http://127.0.0.1:$BYSTANDER_PORT/ | head -n 1\"",
    ),
    way(
        "a socket",
        SAID,
        "$SSH -o ExitOnForwardFailure=yes -R $HERE/at:127.0.0.1:$BYSTANDER_PORT $TO \\
            \"curl -s --http0.9 --unix-socket $HERE/at http://there/ | head -n 1\"; rm -f at",
    ),
    way(
        "a port that is taken",
        "ended with 255",
        "for strict in no yes; do
             $SSH -o LogLevel=INFO -o ExitOnForwardFailure=$strict -R 127.0.0.1:$BYSTANDER_PORT:127.0.0.1:1 $TO 'echo on' 2>said
             echo ended with $?; grep -o 'remote port forwarding failed for listen port' said
         done; rm said",
    ),
    way(
        "much",
        " 2688895",
        "seq 400000 >much; python3 -m http.server --bind 127.0.0.1 $FREE >/dev/null 2>&1 & server=$!
         until curl -s -o /dev/null http://127.0.0.1:$FREE/much; do sleep 0.05; done
         $SSH -fNM -S ctl $TO
         port=$($SSH -S ctl -O forward -R 127.0.0.1:0:127.0.0.1:$FREE $TO)
         for n in 1 2 3 4; do curl -s http://127.0.0.1:$port/much | cksum; done
         kill $server; $SSH -S ctl -O exit $TO; rm -f ctl",
    ),
];

/// What the agent says goes into files: those are compared as they are.
const LENT: &[Way<'static>] = &[
    way(
        "its keys",
        "ssh-ed25519",
        "$SSH -A $TO 'ssh-add -L' >keys; echo $?; grep -o ssh-ed25519 keys",
    ),
    way(
        "in a terminal",
        "SHA256:",
        "$SSH -A -tt $TO 'ssh-add -l' >keys; echo $?; grep -o SHA256: keys",
    ),
    way(
        "to those who ask for it",
        "none\nnone\nlent",
        "for option in -a -T '-T -A'; do
             $SSH $option $TO '[ -S \"$SSH_AUTH_SOCK\" ] && echo lent || echo none'
         done",
    ),
    way(
        "named by its path",
        "ssh-ed25519",
        "$SSH -o ForwardAgent=$SSH_AUTH_SOCK $TO 'ssh-add -L' >keys; echo $?; grep -o ssh-ed25519 keys",
    ),
    way(
        "one that is gone",
        "ended with 2",
        "SSH_AUTH_SOCK=$HERE/none $SSH -A $TO 'ssh-add -l'; echo ended with $?",
    ),
    way(
        "signs a file",
        "BEGIN SSH SIGNATURE",
        "$SSH -A $TO \"echo text | ssh-keygen -Y sign -n notes -f $LENT.pub\" >signed
         echo $?; grep -o 'BEGIN SSH SIGNATURE' signed",
    ),
    way(
        "leads onwards",
        "onwards",
        "$SSH -A $TO \"ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \\
            -o LogLevel=ERROR -p $TARGET_PORT 127.0.0.1 echo onwards\"; echo $?",
    ),
    way(
        "eight at once on one connection",
        "16",
        "$SSH -A -fNM -S ctl $TO
         for n in $(seq 8); do $SSH -A -S ctl $TO 'ssh-add -L; ssh-add -L' >keys$n & done; wait
         cat keys* | grep -c ssh-ed25519; $SSH -S ctl -O exit $TO; rm -f ctl",
    ),
];

#[test]
fn listening_at_the_target_is_the_same() {
    same("a", REMOTE);
}

#[test]
fn a_lent_agent_is_the_same() {
    let agent = Agent::start(&ground().yard("agent").unwrap()).unwrap();
    // the login onwards is by the lent key
    let keys = ground().sshd.folder().join("authorized_keys");
    let mut keys = std::fs::OpenOptions::new().append(true).open(keys).unwrap();
    let key = std::fs::read(agent.key.with_extension("pub")).unwrap();
    keys.write_all(&key).unwrap();
    let setting = format!(
        "export SSH_AUTH_SOCK={} LENT={} TARGET_PORT={}",
        agent.socket.display(),
        agent.key.display(),
        ground().sshd.port()
    );
    let script = |way: &Way<'_>| format!("{setting}\n{}", way.script);
    let scripts: Vec<String> = LENT.iter().map(script).collect();
    let ways = LENT.iter().zip(&scripts);
    let ways: Vec<Way<'_>> = ways
        .map(|(lent, script)| way(lent.name, lent.prints, script))
        .collect();
    same("b", &ways);
}
