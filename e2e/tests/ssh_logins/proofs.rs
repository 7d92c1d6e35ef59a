//! Several proofs of one person, and every way of proving oneself within a jump.

use super::*;

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
fn a_second_proof_does_not_take_a_forced_command_off() {
    let key = key("forced-both");
    let force = ["-n", "ada", "-O", "force-command=echo forced"];
    certify(&user_authority(), &public(&key), &force).unwrap();
    let client = Client {
        key: &key,
        from: "127.0.0.16",
        port: logins().both,
        user: "box",
    };
    for words in [&["echo asked-for"][..], &[]] {
        let mut ssh = client.ssh(&["-T"], words);
        worked(&typing(&mut ssh, &stand().people.ada), "forced\n");
    }
}

#[test]
fn two_forced_commands_lead_nowhere() {
    let (outer, inner) = (key("forced-outer"), key("forced-inner"));
    let folder = outer.parent().unwrap();
    let force = |key: &Path, command: &str| {
        let force = format!("force-command={command}");
        certify(
            &user_authority(),
            &public(key),
            &["-n", "ada", "-O", &force],
        )
        .unwrap();
    };
    let config = folder.join("config");
    let port = logins().port;
    let text = format!(
        "Host gateway\n  HostName 127.0.0.1\n  Port {port}\n  User ada\n  IdentityFile {}\n\
         Host box\n  User {}\n  ProxyJump gateway\n  IdentityFile {}\n\
         Host *\n  IdentitiesOnly yes\n  BatchMode yes\n  StrictHostKeyChecking no\n  \
         UserKnownHostsFile /dev/null\n  GlobalKnownHostsFile /dev/null\n",
        outer.display(),
        logins().ground.sshd.login(),
        inner.display()
    );
    std::fs::write(&config, text).unwrap();
    let jumped = || {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F")
            .arg(&config)
            .args(["-T", "box", "echo asked-for"]);
        run(ssh.env_remove("SSH_AUTH_SOCK").current_dir("/")).unwrap()
    };
    force(&outer, "echo one");
    force(&inner, "echo one");
    worked(&jumped(), "one\n");
    force(&inner, "echo another");
    let ran = jumped();
    assert_eq!(ran.status.code(), Some(255), "{ran:?}");
    assert!(ran.stdout.is_empty(), "{ran:?}");
}
