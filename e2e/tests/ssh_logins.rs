//! With real ssh: what proves a person, what proves a target, and what the gateway proves itself with.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use e2e::lasting::Lasting;
use e2e::logins::{
    CURVED, Client, Logins, MISNAMED, PLAIN, SHUT, STRANGE, VOUCHED, certify, generated,
};
use e2e::ssh::run;
use e2e::sshd::key_pair;
use e2e::stand::Stand;
use e2e::watchdog::until;
use serde_json::Value;

static LASTING: LazyLock<Lasting<Logins>> =
    LazyLock::new(|| Lasting::beside(&["ssh.cedar", "logins.cedar"]).unwrap());

fn stand() -> &'static Stand {
    &LASTING.stand
}

fn logins() -> &'static Logins {
    LASTING.ground.as_ref().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A fresh key in a folder of its own.
fn key(name: &str) -> PathBuf {
    let folder = logins().ground.yard(name).unwrap();
    key_pair(&folder, "id").unwrap();
    folder.join("id")
}

fn public(key: &Path) -> PathBuf {
    key.with_extension("pub")
}

/// Registers a key; returns its id.
fn register(key: &Path, person: &str) -> String {
    let public = public(key);
    let add = ["--output", "json", "user", "key", "add", person, "--file"];
    let arguments: Vec<&str> = add.into_iter().chain([public.to_str().unwrap()]).collect();
    let added = stand().place().cli(&stand().people.admin, &arguments);
    let added: Value = serde_json::from_str(&added.unwrap()).unwrap();
    added["id"].as_str().unwrap().to_owned()
}

/// The file that signs people's certificates.
fn user_authority() -> PathBuf {
    stand().place().folder.join("keys/ssh-user-ca")
}

/// Has the gateway sign a certificate for ada; returns its serial.
fn signed_by_gateway(key: &Path) -> String {
    let public = public(key);
    let arguments = ["--output", "json", "ssh-certificate", "--file"];
    let arguments: Vec<&str> = arguments
        .into_iter()
        .chain([public.to_str().unwrap()])
        .collect();
    let issued = stand().place().cli(&stand().people.ada, &arguments);
    let issued: Value = serde_json::from_str(&issued.unwrap()).unwrap();
    issued["serial"].as_str().unwrap().to_owned()
}

/// The newest decision whose text holds something.
fn decided(what: &str) -> Value {
    until(&format!("the log tells of `{what}`"), || {
        let entries = stand().exported()?;
        let tells = |entry: &&Value| {
            let summary = entry.get("summary").and_then(Value::as_str);
            summary.is_some_and(|summary| summary.contains(what))
        };
        Ok(entries.iter().rfind(tells).cloned())
    })
    .unwrap()
}

fn worked(ran: &Output, printed: &str) {
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(text(&ran.stdout), printed, "{ran:?}");
}

/// Not let in, by the gateway's word.
fn shut_out(ran: &Output, what: &str) {
    assert_eq!(ran.status.code(), Some(255), "{what}: {ran:?}");
    let said = text(&ran.stderr);
    assert!(said.contains("Permission denied"), "{what}: {said}");
}

/// Logged in, and told that there is no terminal.
fn no_terminal(ran: &Output) {
    let said = text(&ran.stderr);
    assert!(said.contains("PTY allocation request failed"), "{ran:?}");
}

/// Types the token where it is asked for.
fn typing(command: &mut Command, token: &str) -> Output {
    let helper = logins().ground.program("ssh", token).unwrap();
    for (name, value) in helper.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    run(command).unwrap()
}

#[test]
fn a_certificate_and_the_written_config_are_all_it_takes() {
    let key = key("config");
    signed_by_gateway(&key);
    let folder = key.with_file_name("client");
    let arguments = [
        "ssh-config",
        "--directory",
        folder.to_str().unwrap(),
        "--identity",
        key.to_str().unwrap(),
    ];
    let place = stand().place();
    place.cli(&stand().people.ada, &arguments).unwrap();
    let ssh = |words: &[&str]| {
        let mut command = Command::new("ssh");
        command.arg("-F").arg(folder.join("config")).args(words);
        run(command.env_remove("SSH_AUTH_SOCK")).unwrap()
    };
    // through the gateway by its jump, by the target's name alone
    worked(&ssh(&["box", "echo by jump"]), "by jump\n");
    let entry = decided("echo by jump");
    assert_eq!(entry["as"], "user:ada", "{entry}");
    let login = logins().ground.sshd.login();
    worked(&ssh(&["-l", login, "box", "echo by login"]), "by login\n");
    // and at the gateway's own port, in each way of naming the target
    let names = [
        "box".to_owned(),
        format!("{login}@box"),
        format!("{login}#box"),
    ];
    for name in names {
        let said = ssh(&["-l", &name, "countersign", "echo in"]);
        worked(&said, "in\n");
    }
    let unknown = ssh(&["-l", "nobody-there", "box", "true"]);
    assert_eq!(unknown.status.code(), Some(126), "{unknown:?}");
    // the gateway itself is no place to work at
    let nowhere = ssh(&["countersign", "true"]);
    assert_eq!(nowhere.status.code(), Some(126), "{nowhere:?}");
}

#[test]
fn only_a_users_certificate_of_the_gateways_authority_that_names_the_person_counts() {
    let key = key("void");
    let logins = logins();
    let (ours, theirs) = (user_authority(), key.with_file_name("theirs"));
    key_pair(theirs.parent().unwrap(), "theirs").unwrap();
    let hosts = stand().place().folder.join("keys/ssh-host-ca");
    let runs = std::cell::Cell::new(1);
    let run_as = |user: &str| {
        // one address's failures would slow down its next
        let from = format!("127.0.20.{}", runs.replace(runs.get() + 1));
        let client = Client {
            key: &key,
            from: &from,
            port: logins.port,
            user,
        };
        run(&mut client.alone(&["echo in"])).unwrap()
    };
    let cases: [(&str, &Path, &[&str], bool); 16] = [
        ("ada's", &ours, &["-n", "ada"], true),
        ("another's", &ours, &["-n", "nobody"], false),
        ("her name and more", &ours, &["-n", "ada "], false),
        ("another case", &ours, &["-n", "Ada"], false),
        ("nobody's", &ours, &[], false),
        ("several people's", &ours, &["-n", "ada,grace"], false),
        (
            "over",
            &ours,
            &["-n", "ada", "-V", "20200101:20200102"],
            false,
        ),
        ("not yet", &ours, &["-n", "ada", "-V", "+1h:+2h"], false),
        ("in its time", &ours, &["-n", "ada", "-V", "-1m:+1m"], true),
        ("another authority's", &theirs, &["-n", "ada"], false),
        ("the host authority's", &hosts, &["-n", "ada"], false),
        ("a host's", &ours, &["-h", "-n", "ada"], false),
        (
            "for elsewhere",
            &ours,
            &["-n", "ada", "-O", "source-address=192.0.2.0/24"],
            false,
        ),
        (
            "for here",
            &ours,
            &["-n", "ada", "-O", "source-address=192.0.2.1,127.0.20.0/24"],
            true,
        ),
        (
            "with a command",
            &ours,
            &["-n", "ada", "-O", "force-command=true"],
            false,
        ),
        (
            "with an option of others",
            &ours,
            &["-n", "ada", "-O", "critical:x@example.com=y"],
            false,
        ),
    ];
    for (what, authority, options, counts) in cases {
        certify(authority, &public(&key), options).unwrap();
        let ran = run_as("box");
        if counts {
            worked(&ran, "in\n");
        } else {
            shut_out(&ran, what);
        }
    }
    // of several names it is the one that the client goes by
    certify(&ours, &public(&key), &["-n", "ada,grace"]).unwrap();
    assert_eq!(run_as("ada").status.code(), Some(126));
    shut_out(&run_as("heidi"), "a third name");
    // nor is one whose signature may be SHA-1's
    let rsa = generated(key.parent().unwrap(), "rsa", "rsa").unwrap();
    assert!(rsa.starts_with("ssh-rsa "));
    let rsa = key.with_file_name("rsa");
    certify(&ours, &public(&rsa), &["-n", "ada"]).unwrap();
    let client = Client {
        key: &rsa,
        from: "127.0.20.99",
        port: logins.port,
        user: "box",
    };
    shut_out(&run(&mut client.alone(&["true"])).unwrap(), "RSA");
    // an option that may be ignored is
    let extension = ["-n", "ada", "-O", "extension:x@example.com=y"];
    certify(&ours, &public(&key), &extension).unwrap();
    worked(&run_as("box"), "in\n");
}

#[test]
fn a_revoked_certificate_is_void_and_ends_what_it_began() {
    let key = key("revoked");
    let serial = signed_by_gateway(&key);
    let client = Client {
        key: &key,
        from: "127.0.0.12",
        port: logins().certified,
        user: "box",
    };
    let mut begun = e2e::ssh::Client::start(&mut client.alone(&["echo begun; sleep 60"])).unwrap();
    begun.printed("begun").unwrap();
    let admin = &stand().people.admin;
    let revoke = ["user", "certificate", "revoke", &serial];
    stand().place().cli(admin, &revoke).unwrap();
    let (status, ..) = begun.end().unwrap();
    assert!(!status.success());
    shut_out(&run(&mut client.alone(&["true"])).unwrap(), "revoked");
    // a registered key is no certificate
    register(&key, "ada");
    shut_out(&run(&mut client.alone(&["true"])).unwrap(), "a key");
}

#[test]
fn what_a_certificate_does_not_permit_is_refused() {
    let key = key("narrow");
    let client = Client {
        key: &key,
        from: "127.0.0.13",
        port: logins().port,
        user: "box",
    };
    let [nowhere] = e2e::ports::free().unwrap();
    let tunnel = format!("127.0.0.1:{nowhere}");
    let tried = |options: &[&str]| {
        certify(&user_authority(), &public(&key), options).unwrap();
        let terminal = run(&mut client.ssh(&["-tt", "-o", "BatchMode=yes"], &["tty; true"]));
        let tunnel = run(&mut client.ssh(&["-W", &tunnel, "-o", "BatchMode=yes"], &[]));
        (terminal.unwrap(), tunnel.unwrap())
    };
    let (terminal, through) = tried(&["-n", "ada"]);
    assert!(text(&terminal.stdout).contains("/dev/"), "{terminal:?}");
    assert!(
        !text(&through.stderr).contains("certificate"),
        "{through:?}"
    );
    let (terminal, through) = tried(&["-n", "ada", "-O", "clear"]);
    no_terminal(&terminal);
    assert!(
        text(&through.stderr).contains("permits no tunnels"),
        "{through:?}"
    );
    // the jump is a login of its own, within the bounds of both
    let mut jump = Command::new("ssh");
    let proxy = format!(
        "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
         -o IdentitiesOnly=yes -i {} -b 127.0.0.13 -p {} -W box:22 ada@127.0.0.1",
        key.display(),
        logins().port
    );
    jump.args(["-F", "none", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"])
        .args([
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ])
        .args(["-o", "IdentitiesOnly=yes", "-i"])
        .arg(&key)
        .args(["-o", &format!("ProxyCommand={proxy}"), "-tt"])
        .args(["-l", logins().ground.sshd.login(), "box", "tty; echo there"]);
    let ran = run(jump.env_remove("SSH_AUTH_SOCK")).unwrap();
    no_terminal(&ran);
}

#[test]
fn two_proofs_are_asked_for_and_both_are_one_persons() {
    let key = key("both");
    let id = register(&key, "ada");
    let client = |user| Client {
        key: &key,
        from: "127.0.0.14",
        port: logins().both,
        user,
    };
    let people = &stand().people;
    for method in ["keyboard-interactive", "password"] {
        let preferred = format!("PreferredAuthentications=publickey,{method}");
        let mut ssh = client("box").ssh(&["-o", &preferred], &["echo in"]);
        worked(&typing(&mut ssh, &people.ada), "in\n");
    }
    // neither of them alone, nor the other way round
    shut_out(
        &run(&mut client("box").alone(&["true"])).unwrap(),
        "the key",
    );
    let only = ["-o", "PubkeyAuthentication=no"];
    let mut ssh = client("box").ssh(&only, &["true"]);
    shut_out(&typing(&mut ssh, &people.ada), "the token");
    let mut ssh = client("box").ssh(&[], &["true"]);
    shut_out(&typing(&mut ssh, &people.grace), "another's token");
    let mut ssh = client("box").ssh(&[], &["true"]);
    shut_out(&typing(&mut ssh, "cs_nobody_nothing"), "no token");
    // where one of them narrows, the other does not widen
    certify(
        &user_authority(),
        &public(&key),
        &["-n", "ada", "-O", "clear"],
    )
    .unwrap();
    let admin = &people.admin;
    let place = stand().place();
    place.cli(admin, &["user", "key", "remove", &id]).unwrap();
    let mut ssh = client("box").ssh(&["-tt"], &["tty; echo there"]);
    let ran = typing(&mut ssh, &people.ada);
    no_terminal(&ran);
}

#[test]
fn a_jump_takes_every_way_of_logging_in() {
    let key = key("jump");
    register(&key, "ada");
    let logins = logins();
    let config = key.with_file_name("config");
    let options = format!(
        "Host *\n  IdentityFile {}\n  IdentitiesOnly yes\n  StrictHostKeyChecking no\n  \
         UserKnownHostsFile /dev/null\n  GlobalKnownHostsFile /dev/null\n  NumberOfPasswordPrompts 1\n",
        key.display()
    );
    for (port, authentications) in [
        (logins.port, "publickey"),
        (logins.port, "password"),
        (logins.port, "keyboard-interactive"),
        (logins.both, "publickey,password"),
    ] {
        let preferred = format!("{options}  PreferredAuthentications {authentications}\n");
        std::fs::write(&config, preferred).unwrap();
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(&config);
        ssh.args(["-J", &format!("ada@127.0.0.1:{port}")]);
        let to = format!("{}@box", logins.ground.sshd.login());
        ssh.args([&to, "echo jumped"]).env_remove("SSH_AUTH_SOCK");
        worked(&typing(&mut ssh, &stand().people.ada), "jumped\n");
    }
    // the inner login is the same person's
    std::fs::write(
        &config,
        format!("{options}Host box\n  PubkeyAuthentication no\n"),
    )
    .unwrap();
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(&config);
    ssh.args([
        "-J",
        &format!("ada@127.0.0.1:{}", logins.port),
        "box",
        "true",
    ]);
    let grace = &stand().people.grace;
    shut_out(&typing(ssh.env_remove("SSH_AUTH_SOCK"), grace), "another's");
}

#[test]
fn losing_either_proof_ends_the_session() {
    let key = key("either");
    register(&key, "robot");
    let place = stand().place();
    let admin = &stand().people.admin;
    let create = [
        "--output", "json", "token", "create", "robot", "--name", "second",
    ];
    let issued: Value = serde_json::from_str(&place.cli(admin, &create).unwrap()).unwrap();
    let client = Client {
        key: &key,
        from: "127.0.0.15",
        port: logins().both,
        user: "box",
    };
    let mut ssh = client.ssh(&[], &["echo begun; sleep 60"]);
    let token = issued["token"].as_str().unwrap();
    for (name, value) in logins().ground.program("ssh", token).unwrap().get_envs() {
        if let Some(value) = value {
            ssh.env(name, value);
        }
    }
    let mut begun = e2e::ssh::Client::start(&mut ssh).unwrap();
    begun.printed("begun").unwrap();
    let id = issued["id"].as_str().unwrap();
    place.cli(admin, &["token", "revoke", id]).unwrap();
    let (status, _, said) = begun.end().unwrap();
    assert!(!status.success(), "{said}");
}

#[test]
fn a_target_is_known_by_its_authority_and_sees_for_whom_the_gateway_comes() {
    let key = key("vouched");
    register(&key, "ada");
    let at = |target| {
        let client = Client {
            key: &key,
            from: "127.0.0.16",
            port: logins().port,
            user: target,
        };
        run(&mut client.alone(&["echo vouched-for"])).unwrap()
    };
    worked(&at(CURVED), "vouched-for\n");
    worked(&at(VOUCHED), "vouched-for\n");
    let session = decided("echo vouched-for")["session"]
        .as_str()
        .unwrap()
        .to_owned();
    let log = logins().vouched_log();
    let label = format!("ID ada session {session} (serial ");
    let said = until("the target's log names the session", || {
        let text = std::fs::read_to_string(&log)?;
        Ok(text.contains(&label).then_some(text))
    })
    .unwrap();
    assert!(said.contains("ED25519-CERT"), "{said}");
    for (target, why) in [
        (MISNAMED, "with a certificate that is for another host"),
        (
            STRANGE,
            "with a certificate that another authority signed, SHA256:",
        ),
        (PLAIN, "without a certificate of its host authority"),
        (SHUT, "does not let the gateway in"),
    ] {
        let ran = at(target);
        assert_eq!(ran.status.code(), Some(126), "{ran:?}");
        let said = text(&ran.stderr);
        assert!(said.contains(why), "{target}: {said}");
        let named = said.contains("host key SHA256:") || target == SHUT;
        assert!(named, "{target}: {said}");
    }
}

#[test]
fn names_that_are_none_of_ours_are_refused_alike() {
    let key = key("names");
    register(&key, "ada");
    let runs = std::cell::Cell::new(1);
    let at = |user| {
        let from = format!("127.0.21.{}", runs.replace(runs.get() + 1));
        let client = Client {
            key: &key,
            from: &from,
            port: logins().port,
            user,
        };
        run(&mut client.alone(&["true"])).unwrap()
    };
    let said = |user| {
        let ran = at(user);
        shut_out(&ran, user);
        text(&ran.stderr).replace(user, "USER")
    };
    // a person that is not the key's, somebody unknown, and what is no name at all
    let one = said("grace");
    assert_eq!(said("nobody-known"), one);
    assert_eq!(said("../box"), one);
    assert_eq!(said("root:box"), one);
    // whoever is let in learns no more of a target that is not there than of one that is not theirs
    for (user, name) in [
        ("root@nowhere", "nowhere"),
        ("root@impostor-not", "impostor-not"),
    ] {
        let ran = at(user);
        assert_eq!(ran.status.code(), Some(126), "{ran:?}");
        let expected = format!("you may not connect to `{name}`, or there is no such target");
        assert!(text(&ran.stderr).contains(&expected), "{ran:?}");
    }
}
