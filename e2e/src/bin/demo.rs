//! The demo's supervisor: puts the stand up, says how to try it, and takes it down when asked.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use e2e::environment::{Around, Environment, plain, url};
use e2e::folder::private;
use e2e::process::pause;
use e2e::shown::Shown;
use e2e::ssh::TARGET;
use e2e::stand::{Options, Stand};
use rustix::fs::{FlockOperation, flock};

/// Of a folder that another demo has left.
const LEFT_OVER: [&str; 7] = [
    "env",
    "ssh",
    "gateway",
    "gateway.token",
    "gateway.output",
    "diagnostics.log",
    "postgres.log",
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("demo: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let asked = listen_for_signals()?;
    let stop = move || asked.load(Ordering::SeqCst);
    let folder = folder()?;
    let lock = std::fs::File::create(folder.join("lock"))?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        bail!(
            "another demo runs in {}; choose another DEMO_DIR",
            folder.display()
        );
    }
    clear(&folder)?;
    let policies = std::env::var_os("DEMO_POLICIES_FROM").filter(|from| !from.is_empty());
    let policies = policies.map(PathBuf::from);
    let mut shown = Shown::prepare(&folder)?;
    let options = Options {
        folder: &folder,
        binary: Some(binary()?),
        policies: policies.as_deref(),
        edit: &|text| shown.ground.served(&text),
        durable: true,
        leashed: true,
    };
    let mut stand = match Stand::start(&options, &stop) {
        Err(_) if stop() => return Ok(()),
        started => started?,
    };
    shown.open(&stand)?;
    let environment = publish(&stand, &shown, &folder)?;
    tell(&stand, &shown, &folder)?;
    watch((&mut stand, &mut shown), environment, &folder, &stop)?;
    stand.end()
}

fn publish(stand: &Stand, shown: &Shown, folder: &Path) -> anyhow::Result<Environment> {
    let around = Around {
        folder,
        shown,
        supervisor: std::process::id(),
    };
    Environment::publish(stand, &around)
}

/// Until the demo is to end; nobody may read of a stand that is being taken down, so the environment goes first.
fn watch(
    (stand, shown): (&mut Stand, &mut Shown),
    environment: Environment,
    folder: &Path,
    stop: &dyn Fn() -> bool,
) -> anyhow::Result<()> {
    let mut environment = Some(environment);
    while !stop() {
        pause();
        if let Some(status) = stand.gateway.ended()? {
            environment.take();
            if status.success() {
                say("demo: the gateway stopped as it was asked to; Ctrl-C ends the demo");
                wait_for(stop);
                break;
            }
            say(&format!(
                "demo: the gateway ended with {status}; starting it again"
            ));
            stand.restart(stop)?;
            environment = Some(publish(stand, shown, folder)?);
            say(&format!("ready {}/env", folder.display()));
        }
        let servers = [
            ("PostgreSQL", "postgres.log", stand.postgres.alive()?),
            ("sshd", "ssh/sshd.log", shown.ground.sshd.alive()?),
        ];
        if let Some((name, log, _)) = servers.into_iter().find(|(.., alive)| !alive) {
            drop(environment);
            bail!("{name} has ended; see {}/{log}", folder.display());
        }
    }
    Ok(())
}

fn wait_for(stop: &dyn Fn() -> bool) {
    while !stop() {
        pause();
    }
}

/// SIGINT and SIGTERM are seen from here on, whatever else goes on.
fn listen_for_signals() -> anyhow::Result<Arc<AtomicBool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let asked = Arc::new(AtomicBool::new(false));
    let flag = asked.clone();
    let (mut interrupt, mut terminate) = {
        let _within = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        )
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                flag.store(true, Ordering::SeqCst);
            }
        });
    });
    Ok(asked)
}

/// `DEMO_DIR`, absolute; it stands in commands that people paste.
fn folder() -> anyhow::Result<PathBuf> {
    let folder = std::env::var_os("DEMO_DIR").filter(|folder| !folder.is_empty());
    let folder = std::path::absolute(folder.unwrap_or_else(|| "target/demo".into()))?;
    refuse_quoting(&folder)?;
    private(&folder)?;
    let folder = std::fs::canonicalize(&folder)?;
    refuse_quoting(&folder)?;
    Ok(folder)
}

fn refuse_quoting(folder: &Path) -> anyhow::Result<()> {
    if !folder.to_str().is_some_and(plain) {
        bail!(
            "DEMO_DIR `{}` has characters that would need quoting; choose another",
            folder.display()
        );
    }
    Ok(())
}

fn clear(folder: &Path) -> anyhow::Result<()> {
    for name in LEFT_OVER {
        let path = folder.join(name);
        let removed = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("removing {}", path.display()));
            }
            Ok(()) | Err(_) => {}
        }
    }
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    Ok(())
}

/// `--bin PATH`, absolute.
fn binary() -> anyhow::Result<PathBuf> {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next(), arguments.next()) {
        (Some(flag), Some(path), None) if flag == "--bin" => {
            let path = PathBuf::from(path);
            std::fs::canonicalize(&path).with_context(|| path.display().to_string())
        }
        _ => bail!("usage: demo --bin COUNTERSIGN"),
    }
}

/// Commands that work in a fresh shell in any folder, and an address for those who click.
fn tell(stand: &Stand, shown: &Shown, folder: &Path) -> anyhow::Result<()> {
    let place = stand.gateway.place();
    let authority = place.authority();
    let psql = |person: &str, token: &str, statement: &str| {
        let url = format!(
            "{}&sslrootcert={}",
            url(stand, person, token),
            authority.display()
        );
        format!("psql '{url}' -c '{statement}'")
    };
    let cli = |token: &str, arguments: &str| {
        format!(
            "COUNTERSIGN_URL='{}' COUNTERSIGN_CA='{}' COUNTERSIGN_TOKEN='{token}' '{}' {arguments}",
            place.admin_url(),
            authority.display(),
            place.binary.display()
        )
    };
    let people = &stand.people;
    let lines = [
        "# 1. ada asks: answered at once, with e-mails and card numbers masked".to_owned(),
        psql(
            "ada",
            &people.ada,
            "SELECT name, email, card FROM customers ORDER BY id",
        ),
        "# 2. what no policy permits is refused, and the session lives on".to_owned(),
        psql("ada", &people.ada, "ALTER ROLE shop_gateway SUPERUSER"),
        "# 3. what destroys waits on the open connection until a second person countersigns"
            .to_owned(),
        psql("ada", &people.ada, "TRUNCATE orders"),
        "# 4. meanwhile, in another shell: grace countersigns what waits (it asks before it sends)"
            .to_owned(),
        approve(&cli, &people.grace),
        "# 5. and afterwards: prove that the record of all this was not changed".to_owned(),
        format!(
            "'{}' audit verify --config '{}'",
            place.binary.display(),
            place.config().display()
        ),
        "# the server `box` by SSH, with a key of ada's: what reads is answered at once".to_owned(),
        ssh(shown, "hostname; ls /tmp"),
        "# what deletes waits, as above".to_owned(),
        ssh(shown, "rm -f /tmp/countersigned"),
        "# DBeaver, DataGrip (user ada, the token below as password)".to_owned(),
        format!(
            "jdbc:postgresql://localhost:{}/shop?user=ada&password={}&sslmode=verify-full&sslrootcert={}",
            place.ports.postgres,
            people.ada,
            authority.display()
        ),
    ];
    say(&format!(
        "\n{}\n\nready {}/env",
        lines.join("\n"),
        folder.display()
    ));
    Ok(())
}

fn ssh(shown: &Shown, command: &str) -> String {
    let configuration = shown.configuration();
    format!("ssh -F '{}' {TARGET} '{command}'", configuration.display())
}

/// Approves the first question that waits, by its number.
fn approve(cli: &dyn Fn(&str, &str) -> String, token: &str) -> String {
    cli(token, "approvals approve 1")
}

fn say(text: &str) {
    // nobody is left to tell where this fails
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}
