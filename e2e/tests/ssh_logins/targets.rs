//! Where a login leads: names of targets, what proves a target, and what the gateway proves itself with.

use super::*;

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
    let entry = stand().decided_about("echo by jump").unwrap();
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
    let session = stand().decided_about("echo vouched-for").unwrap()["session"]
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
