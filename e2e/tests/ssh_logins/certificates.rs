//! Which user certificates count, and what they leave open.

use super::*;
use e2e::ways::Agent;

/// Who signed a certificate, with what `ssh-keygen` was told besides.
type Signed<'a> = (&'a Path, &'a [&'a str]);

/// A key, and the address that it comes from next: failures of one would slow down its next.
struct Visitor {
    key: PathBuf,
    network: u8,
    visits: std::cell::Cell<u8>,
}

impl Visitor {
    fn of(network: u8, name: &str) -> Self {
        Self {
            key: key(name),
            network,
            visits: std::cell::Cell::new(1),
        }
    }

    /// What comes of a login with such a certificate.
    fn with(&self, user: &str, (authority, options): Signed<'_>) -> Output {
        certify(authority, &public(&self.key), options).unwrap();
        let visit = self.visits.replace(self.visits.get() + 1);
        let client = Client {
            key: &self.key,
            from: &format!("127.0.{}.{visit}", self.network),
            port: logins().port,
            user,
        };
        run(&mut client.alone(&["echo in"])).unwrap()
    }
}

#[test]
fn a_users_certificate_of_the_gateways_authority_that_names_the_person_counts() {
    let visitor = Visitor::of(20, "counts");
    let ours = user_authority();
    let here = "source-address=192.0.2.1,127.0.20.0/24";
    for options in [
        &["-n", "ada"][..],
        &["-n", "ada", "-V", "-1m:+1m"],
        &["-n", "ada", "-O", here],
        // an option that may be ignored is
        &["-n", "ada", "-O", "extension:x@example.com=y"],
    ] {
        worked(&visitor.with("box", (&ours, options)), "in\n");
    }
    // of several names it is the one that the client goes by
    let several = ["-n", "ada,grace"];
    let known = visitor.with("ada", (&ours, &several));
    assert_eq!(known.status.code(), Some(126), "{known:?}");
    shut_out(&visitor.with("heidi", (&ours, &several)), "a third name");
    shut_out(&visitor.with("box", (&ours, &several)), "no name");
}

#[test]
fn any_other_certificate_is_void() {
    let visitor = Visitor::of(22, "void");
    let folder = visitor.key.parent().unwrap();
    key_pair(folder, "theirs").unwrap();
    let (ours, theirs) = (user_authority(), folder.join("theirs"));
    let hosts = stand().place().folder.join("keys/ssh-host-ca");
    let elsewhere = "source-address=192.0.2.0/24";
    let cases: [(&str, Signed<'_>); 12] = [
        ("another's", (&ours, &["-n", "nobody"])),
        ("her name and more", (&ours, &["-n", "ada "])),
        ("another case", (&ours, &["-n", "Ada"])),
        ("nobody's", (&ours, &[])),
        ("over", (&ours, &["-n", "ada", "-V", "20200101:20200102"])),
        ("not yet", (&ours, &["-n", "ada", "-V", "+1h:+2h"])),
        ("another authority's", (&theirs, &["-n", "ada"])),
        ("the host authority's", (&hosts, &["-n", "ada"])),
        ("a host's", (&ours, &["-h", "-n", "ada"])),
        ("elsewhere's", (&ours, &["-n", "ada", "-O", elsewhere])),
        (
            "with a command that is none",
            (&ours, &["-n", "ada", "-O", "critical:force-command="]),
        ),
        (
            "with an option of others",
            (&ours, &["-n", "ada", "-O", "critical:x@example.com=y"]),
        ),
    ];
    for (what, signed) in cases {
        shut_out(&visitor.with("box", signed), what);
    }
}

#[test]
fn a_forced_command_runs_instead_of_what_is_asked_for() {
    let visitor = Visitor::of(24, "forced");
    let ours = user_authority();
    let forced = |command: &str, option: &str, words: &[&str]| {
        let force = format!("force-command={command}");
        certify(&ours, &public(&visitor.key), &["-n", "ada", "-O", &force]).unwrap();
        let visit = visitor.visits.replace(visitor.visits.get() + 1);
        let client = Client {
            key: &visitor.key,
            from: &format!("127.0.24.{visit}"),
            port: logins().port,
            user: "box",
        };
        client.ssh(&["-o", "BatchMode=yes", option], words)
    };
    let ran = run(&mut forced("echo forced", "-T", &["echo asked-for"])).unwrap();
    worked(&ran, "forced\n");
    let decided = stand().decided_about("echo forced").unwrap();
    assert_eq!(decided["verdict"], "allow", "{decided}");
    // a shell is none either
    worked(
        &run(&mut forced("echo no shell", "-T", &[])).unwrap(),
        "no shell\n",
    );
    // what is forced is judged, not what is asked for
    let yard = logins().ground.yard("forced").unwrap();
    let kept = yard.join("kept");
    std::fs::write(&kept, "kept").unwrap();
    let remove = format!("rm {}", kept.display());
    let mut held = e2e::ssh::Client::start(&mut forced(&remove, "-T", &["true"])).unwrap();
    let id = held.asked().unwrap();
    let question = stand().question(id).unwrap();
    assert!(
        question.to_string().contains("instead of: true"),
        "{question}"
    );
    stand()
        .refuse(&stand().people.grace, id, "not today")
        .unwrap();
    let (status, _, _) = held.end().unwrap();
    assert_eq!(status.code(), Some(126));
    assert!(kept.exists());
    // SFTP is served to those who ask for anything at all
    let mut asked = forced("internal-sftp", "-T", &["true"]);
    let mut sftp = e2e::ssh::Client::start(&mut asked).unwrap();
    sftp.say(&[0, 0, 0, 5, 1, 0, 0, 0, 3]).unwrap();
    until("the server says its version", || {
        Ok((sftp.bytes().get(4) == Some(&2)).then_some(()))
    })
    .unwrap();
}

#[test]
fn a_certificate_that_sha1_might_have_signed_for_is_void() {
    let folder = logins().ground.yard("rsa").unwrap();
    let line = generated(&folder, "rsa", "rsa").unwrap();
    assert!(line.starts_with("ssh-rsa "));
    let key = folder.join("rsa");
    certify(&user_authority(), &public(&key), &["-n", "ada"]).unwrap();
    let client = Client {
        key: &key,
        from: "127.0.23.1",
        port: logins().port,
        user: "box",
    };
    shut_out(&run(&mut client.alone(&["true"])).unwrap(), "RSA");
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
fn no_agent_no_display_and_no_listening_goes_beyond_a_certificate() {
    let key = key("lending");
    let agent = Agent::start(key.parent().unwrap()).unwrap();
    let client = Client {
        key: &key,
        from: "127.0.0.18",
        port: logins().port,
        user: CURVED,
    };
    let tried = |options: &[&str]| {
        certify(&user_authority(), &public(&key), options).unwrap();
        let alone = ["-o", "BatchMode=yes"];
        let lent = [&alone[..], &["-A"]].concat();
        let mut lent = client.ssh(&lent, &["echo ${SSH_AUTH_SOCK:-none}"]);
        let lent = run(lent.env("SSH_AUTH_SOCK", &agent.socket)).unwrap();
        let [port] = e2e::ports::free().unwrap();
        let at = format!("127.0.0.1:{port}:127.0.0.1:1");
        let listening = [&alone[..], &["-R", &at]].concat();
        let listening = run(&mut client.ssh(&listening, &["echo listens"])).unwrap();
        let showing = ["-Y", "-o", "XAuthLocation=/nonexistent"];
        let showing = [&alone[..], &showing].concat();
        let mut showing = client.ssh(&showing, &["echo ${DISPLAY:-none}"]);
        let showing = run(showing.env("DISPLAY", "127.0.0.1:9")).unwrap();
        (lent, listening, text(&showing.stdout))
    };
    let (lent, listening, display) = tried(&["-n", "ada"]);
    assert!(
        lent.status.success() && text(&lent.stdout) != "none\n",
        "{lent:?}"
    );
    worked(&listening, "listens\n");
    let refused = "remote port forwarding failed";
    assert!(!text(&listening.stderr).contains(refused), "{listening:?}");
    assert!(display.starts_with("localhost:"), "{display}");
    let (lent, listening, display) = tried(&["-n", "ada", "-O", "clear"]);
    assert_eq!(display, "none\n");
    worked(&lent, "none\n");
    assert!(text(&listening.stderr).contains(refused), "{listening:?}");
    let why = "your certificate permits no tunnels";
    assert!(text(&listening.stderr).contains(why), "{listening:?}");
}
