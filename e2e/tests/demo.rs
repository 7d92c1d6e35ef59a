//! What `make run` promises to scripts: its environment file, the commands that it prints, and an end without remains.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use e2e::environment::plain;
use e2e::watchdog::until;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// Every key of the contract that a demo of Postgres and SSH has.
const KEYS: [&str; 35] = [
    "DEMO_VERSION",
    "DEMO_PID",
    "DEMO_SUPERVISOR_PID",
    "DEMO_DIR",
    "DEMO_BIN",
    "DEMO_CONFIG",
    "DEMO_POLICIES",
    "COUNTERSIGN_CONFIG",
    "DEMO_AUDIT_DIR",
    "DEMO_AUDIT_PUBLIC_KEY",
    "DEMO_DIAGNOSTICS",
    "COUNTERSIGN_URL",
    "COUNTERSIGN_CA",
    "DEMO_METRICS_URL",
    "DEMO_READY_URL",
    "DEMO_ADMIN_TOKEN",
    "DEMO_ADA_TOKEN",
    "DEMO_GRACE_TOKEN",
    "DEMO_HEIDI_TOKEN",
    "DEMO_ROBOT_TOKEN",
    "DEMO_PROTOCOLS",
    "DEMO_POSTGRES_HOST",
    "DEMO_POSTGRES_PORT",
    "DEMO_POSTGRES_TARGET",
    "DEMO_POSTGRES_URL_ADA",
    "DEMO_POSTGRES_URL_ROBOT",
    "PGSSLROOTCERT",
    "DEMO_POSTGRES_DIRECT_URL",
    "DEMO_SSH_HOST",
    "DEMO_SSH_PORT",
    "DEMO_SSH_TARGET",
    "DEMO_SSH_CONFIG",
    "DEMO_SSH_KNOWN_HOSTS",
    "DEMO_SSH_KEY_ADA",
    "DEMO_SSH_DIRECT_CONFIG",
];

struct Demo {
    process: Child,
    folder: PathBuf,
    said: PathBuf,
}

impl Demo {
    fn start(folder: &Path) -> Self {
        Self::before(folder, None)
    }

    /// The same before a database that is there already.
    fn before(folder: &Path, database: Option<&str>) -> Self {
        let said = folder.with_extension("said");
        let output = std::fs::File::create(&said).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
        command
            .arg("--bin")
            .arg(e2e::binary::countersign().unwrap())
            .env("DEMO_DIR", folder)
            .env_remove("DEMO_POLICIES_FROM")
            .env_remove("DEMO_DATABASE_URL")
            .env_remove("PGSSLROOTCERT");
        if let Some(database) = database {
            command.env("DEMO_DATABASE_URL", database);
        }
        let process = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let demo = Self {
            process,
            folder: folder.to_owned(),
            said,
        };
        let env = folder.join("env");
        // it makes a database first, which a busy machine takes its time for
        let ready = || until("the demo is ready", || Ok(env.exists().then_some(())));
        ready().or_else(|_| ready()).unwrap();
        until("it says so", || {
            let ready = format!("ready {}", env.display());
            Ok((demo.said().lines().last() == Some(&ready)).then_some(()))
        })
        .unwrap();
        demo
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap()
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(self.folder.join("env")).unwrap();
        let pairs = text.lines().map(|line| line.split_once('=').unwrap());
        pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    /// The printed commands, in order.
    fn commands(&self) -> Vec<String> {
        let said = self.said();
        let lines = said.lines().filter(|line| {
            !line.is_empty()
                && !line.starts_with(['#', 'j'])
                && !line.starts_with("ready ")
                && !line.starts_with("demo:")
        });
        lines.map(str::to_owned).collect()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // it may have ended
        let _ = kill_process(pid(self.process.id()), Signal::TERM);
        drop(self.process.wait());
    }
}

fn pid(id: u32) -> Pid {
    Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
}

/// As somebody types it into a fresh shell in another folder.
fn shell(command: &str) -> Command {
    let mut shell = Command::new("bash");
    shell
        .args(["-c", command])
        .current_dir("/")
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
        .env("HOME", "/")
        .stdin(Stdio::null());
    shell
}

fn text(output: &Output) -> String {
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(all).unwrap()
}

#[test]
fn a_demo_keeps_its_contract() {
    let folder = tempfile::tempdir().unwrap();
    let home = std::fs::canonicalize(folder.path()).unwrap();
    let mut demo = Demo::start(&home.join("one"));
    let beside = Demo::start(&home.join("two"));

    let environment = demo.environment();
    for key in KEYS {
        let value = environment.get(key);
        assert!(value.is_some_and(|value| plain(value)), "{key}: {value:?}");
    }
    assert_eq!(environment["DEMO_VERSION"], "1");
    assert_eq!(environment["DEMO_PROTOCOLS"], "postgres,ssh");
    assert_eq!(
        environment["DEMO_SUPERVISOR_PID"],
        demo.process.id().to_string()
    );
    let mode = std::fs::metadata(demo.folder.join("env")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);

    let commands = demo.commands();
    let [read, denied, held, approve, verify, ssh @ ..] = commands.as_slice() else {
        panic!("five commands and those of SSH, not {commands:?}");
    };
    let said = text(&shell(read).output().unwrap());
    assert!(
        said.contains("<email>") && said.contains("************1111"),
        "{said}"
    );
    let said = text(&shell(denied).output().unwrap());
    assert!(said.contains("denied by policy"), "{said}");
    let mut waiting = shell(held);
    waiting.stdout(Stdio::piped()).stderr(Stdio::piped());
    let waiting = waiting.spawn().unwrap();
    until("grace countersigns", || {
        Ok(shell(approve).output()?.status.success().then_some(()))
    })
    .unwrap();
    let said = text(&waiting.wait_with_output().unwrap());
    assert!(said.contains("waiting for approval 1"), "{said}");
    assert!(said.contains("TRUNCATE TABLE"), "{said}");
    let said = text(&shell(verify).output().unwrap());
    assert!(said.contains("nothing was changed"), "{said}");

    serves_ssh(&demo, ssh, approve);

    kill_process(pid(demo.process.id()), Signal::TERM).unwrap();
    let process = &mut demo.process;
    let ended = until("the demo ends", || Ok(process.try_wait()?)).unwrap();
    assert!(ended.success(), "{ended}");
    assert!(!demo.folder.join("env").exists());
    let gateway = pid(environment["DEMO_PID"].parse().unwrap());
    assert!(test_kill_process(gateway).is_err(), "the gateway is left");
    let direct = format!(
        "psql '{}' -c 'SELECT 1'",
        environment["DEMO_POSTGRES_DIRECT_URL"]
    );
    assert!(!shell(&direct).output().unwrap().status.success());
    // and nothing of the other one
    let other = beside.environment();
    let direct = format!(
        "psql '{}' -Atc 'SELECT 1'",
        other["DEMO_POSTGRES_DIRECT_URL"]
    );
    let direct = format!("PGSSLROOTCERT='{}' {direct}", other["PGSSLROOTCERT"]);
    assert_eq!(text(&shell(&direct).output().unwrap()).trim(), "1");
}

/// The commands for `box`, and what its policies promise besides.
fn serves_ssh(demo: &Demo, commands: &[String], approve: &str) {
    let [read, held] = commands else {
        panic!("two commands, not {commands:?}");
    };
    let ran = shell(read).output().unwrap();
    assert!(ran.status.success(), "{}", text(&ran));
    assert_eq!(String::from_utf8(ran.stderr).unwrap(), "");

    let mut waiting = shell(held);
    waiting.stdout(Stdio::piped()).stderr(Stdio::piped());
    let waiting = waiting.spawn().unwrap();
    let second = approve.replace("approve 1", "approve 2");
    until("grace countersigns", || {
        Ok(shell(&second).output()?.status.success().then_some(()))
    })
    .unwrap();
    let ran = waiting.wait_with_output().unwrap();
    assert!(ran.status.success(), "{}", text(&ran));
    assert!(
        text(&ran).contains("waiting for approval 2"),
        "{}",
        text(&ran)
    );

    let environment = demo.environment();
    let (through, direct) = (
        &environment["DEMO_SSH_CONFIG"],
        &environment["DEMO_SSH_DIRECT_CONFIG"],
    );
    let file = tempfile::Builder::new()
        .prefix("countersign-demo-")
        .tempfile_in("/tmp")
        .unwrap();
    let path = file.path().display();
    let copied = format!("scp -F '{through}' /etc/hostname box:{path}");
    assert!(shell(&copied).output().unwrap().status.success());
    assert_eq!(
        std::fs::read(file.path()).unwrap(),
        std::fs::read("/etc/hostname").unwrap()
    );
    let elsewhere = format!("scp -F '{through}' /etc/hostname box:/var/tmp/countersign-demo");
    assert!(!shell(&elsewhere).output().unwrap().status.success());
    let forwarded = format!("ssh -F '{through}' -W 127.0.0.1:1 box");
    let said = text(&shell(&forwarded).output().unwrap());
    assert!(said.contains("box-forwards"), "{said}");
    let direct = format!("ssh -F '{direct}' box 'echo past the gateway'");
    assert_eq!(
        text(&shell(&direct).output().unwrap()),
        "past the gateway\n"
    );
}

/// A PostgreSQL of nobody's, in a stand of its own.
#[test]
fn a_database_that_is_there_already_is_fronted() {
    let folder = tempfile::tempdir().unwrap();
    let home = std::fs::canonicalize(folder.path()).unwrap();
    let beside = e2e::lasting::stand(&home.join("theirs"), &[]).unwrap();
    let postgres = &beside.postgres;
    let authority = beside.gateway.place().authority();
    let url = format!(
        "postgresql://shop_gateway:{}@127.0.0.1:{}/shop?sslmode=require&sslrootcert={}",
        postgres.gateway_password(),
        postgres.port(),
        authority.display()
    );
    let demo = Demo::before(&home.join("demo"), Some(&url));
    let said = demo.said();
    let first = said.lines().next().unwrap();
    let place = format!("127.0.0.1:{}", postgres.port());
    assert!(
        first.contains("fronting database shop") && first.contains(&place),
        "{first}"
    );
    assert!(!said.contains(postgres.gateway_password()), "{said}");
    let environment = demo.environment();
    assert_eq!(environment["DEMO_PROTOCOLS"], "postgres");
    assert_eq!(environment["DEMO_POSTGRES_TARGET"], "database");
    assert!(!environment.contains_key("DEMO_POSTGRES_DIRECT_URL"));
    assert!(environment["DEMO_POSTGRES_URL_ADA"].contains("/database?"));

    let commands = demo.commands();
    let [read, held, approve, verify] = commands.as_slice() else {
        panic!("four commands, not {commands:?}");
    };
    let seen = text(&shell(read).output().unwrap());
    assert!(seen.contains("shop_gateway"), "{seen}");
    let customers = read.replace(
        "SELECT current_database(), current_user",
        "SELECT email, card FROM customers",
    );
    let seen = text(&shell(&customers).output().unwrap());
    assert!(seen.contains("<email>") && !seen.contains('@'), "{seen}");

    let there = "SELECT to_regclass($$public.countersigned$$) IS NOT NULL";
    let mut waiting = shell(held);
    waiting.stdout(Stdio::piped()).stderr(Stdio::piped());
    let waiting = waiting.spawn().unwrap();
    until("it waits", || {
        let list = approve.replace("approve 1", "list");
        let listed = text(&shell(&list).output()?);
        Ok(listed.contains("postgres.create").then_some(()))
    })
    .unwrap();
    assert_eq!(postgres.sql(there).unwrap().trim(), "f");
    assert!(shell(approve).output().unwrap().status.success());
    let made = text(&waiting.wait_with_output().unwrap());
    assert!(made.contains("CREATE TABLE"), "{made}");
    assert_eq!(postgres.sql(there).unwrap().trim(), "t");
    assert!(shell(verify).output().unwrap().status.success());
}

#[test]
fn a_database_that_does_not_answer_is_told_and_ends_the_demo() {
    let folder = tempfile::tempdir().unwrap();
    let demo = |url: &str| {
        let ended = Command::new(env!("CARGO_BIN_EXE_demo"))
            .arg("--bin")
            .arg(e2e::binary::countersign().unwrap())
            .env("DEMO_DIR", folder.path().join("demo"))
            .env("DEMO_DATABASE_URL", url)
            .output()
            .unwrap();
        assert!(!ended.status.success());
        text(&ended)
    };
    let [port] = e2e::ports::free().unwrap();
    let said = demo(&format!("postgresql://ada:unspoken@127.0.0.1:{port}/shop"));
    assert!(said.contains("could not enter the server"), "{said}");
    assert!(said.contains("it does not answer"), "{said}");
    assert!(!said.contains("unspoken"), "{said}");
    let said = demo("postgresql://ada:unspoken@db.example/shop?sslmode=disable");
    assert!(said.contains("TLS is always verified"), "{said}");
}

#[test]
fn a_folder_that_would_need_quoting_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_demo"))
        .arg("--bin")
        .arg(e2e::binary::countersign().unwrap())
        .env("DEMO_DIR", folder.path().join("a b"))
        .output()
        .unwrap();
    assert!(!ended.status.success());
    assert!(text(&ended).contains("need quoting"), "{}", text(&ended));
}
