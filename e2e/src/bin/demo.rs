//! The demo's supervisor: puts the stand up, says how to try it, and takes it down when asked.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use e2e::environment::{Around, Environment, plain, url, url_of};
use e2e::existing::{self, Existing, Fronted};
use e2e::folder::private;
use e2e::gateway::{Gateway, Place};
use e2e::process::pause;
use e2e::shown::Shown;
use e2e::signals::listen_for_signals;
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
    let begin = Begin {
        folder: &folder,
        binary: binary()?,
        policies: variable("DEMO_POLICIES_FROM").map(PathBuf::from),
    };
    let url = variable("DEMO_DATABASE_URL");
    let started: anyhow::Result<Box<dyn Standing>> = match url {
        Some(url) => Before::start(&begin, &url, &stop).map(|one| Box::new(one) as _),
        None => Whole::start(&begin, &stop).map(|one| Box::new(one) as _),
    };
    let mut standing = match started {
        Err(_) if stop() => return Ok(()),
        started => started?,
    };
    let environment = standing.publish(&folder)?;
    standing.tell()?;
    say(&format!("\nready {}/env", folder.display()));
    watch(standing.as_mut(), environment, &folder, &stop)?;
    standing.end()
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// What a demo begins with.
struct Begin<'a> {
    folder: &'a Path,
    binary: PathBuf,
    policies: Option<PathBuf>,
}

/// What stands while a demo runs.
trait Standing {
    fn gateway(&mut self) -> &mut Gateway;
    fn restart(&mut self, stop: &dyn Fn() -> bool) -> anyhow::Result<()>;
    fn publish(&self, folder: &Path) -> anyhow::Result<Environment>;
    /// A server that has ended, and its log.
    fn lost(&mut self) -> anyhow::Result<Option<(&'static str, &'static str)>>;
    fn tell(&self) -> anyhow::Result<()>;
    fn end(&mut self) -> anyhow::Result<()>;
}

/// The demo's own servers, and the gateway before them.
struct Whole {
    stand: Stand,
    shown: Shown,
}

impl Whole {
    fn start(begin: &Begin<'_>, stop: &dyn Fn() -> bool) -> anyhow::Result<Self> {
        let shown = Shown::prepare(begin.folder)?;
        let options = Options {
            folder: begin.folder,
            binary: Some(begin.binary.clone()),
            policies: begin.policies.as_deref(),
            edit: &|text| shown.ground.served(&text),
            durable: true,
            leashed: true,
        };
        let stand = Stand::start(&options, stop)?;
        shown.open(&stand)?;
        Ok(Self { stand, shown })
    }
}

impl Standing for Whole {
    fn gateway(&mut self) -> &mut Gateway {
        &mut self.stand.gateway
    }

    fn restart(&mut self, stop: &dyn Fn() -> bool) -> anyhow::Result<()> {
        self.stand.restart(stop)
    }

    fn publish(&self, folder: &Path) -> anyhow::Result<Environment> {
        let around = Around {
            folder,
            shown: &self.shown,
            supervisor: std::process::id(),
        };
        Environment::publish(&self.stand, &around)
    }

    fn lost(&mut self) -> anyhow::Result<Option<(&'static str, &'static str)>> {
        let servers = [
            ("PostgreSQL", "postgres.log", self.stand.postgres.alive()?),
            ("sshd", "ssh/sshd.log", self.shown.ground.sshd.alive()?),
        ];
        let lost = servers.into_iter().find(|(.., alive)| !alive);
        Ok(lost.map(|(name, log, _)| (name, log)))
    }

    fn tell(&self) -> anyhow::Result<()> {
        tell(&self.stand, &self.shown);
        Ok(())
    }

    fn end(&mut self) -> anyhow::Result<()> {
        self.stand.end()
    }
}

/// A database that was there already, and the gateway before it.
struct Before(Fronted);

impl Before {
    fn start(
        begin: &Begin<'_>,
        url: &std::ffi::OsStr,
        stop: &dyn Fn() -> bool,
    ) -> anyhow::Result<Self> {
        let url = url.to_str().context("DEMO_DATABASE_URL is no text")?;
        let existing = Existing::read(url, variable("PGSSLROOTCERT").map(PathBuf::from))?;
        say(&format!(
            "demo: fronting {}: reads are let through, all else waits",
            existing.described()
        ));
        let place = (begin.folder, begin.binary.clone());
        Fronted::start(&existing, place, begin.policies.as_deref(), stop).map(Self)
    }
}

impl Standing for Before {
    fn gateway(&mut self) -> &mut Gateway {
        &mut self.0.gateway
    }

    fn restart(&mut self, stop: &dyn Fn() -> bool) -> anyhow::Result<()> {
        self.0.gateway.end()?;
        self.0.gateway = Gateway::start(self.0.gateway.place().clone(), true, stop)?;
        Ok(())
    }

    fn publish(&self, folder: &Path) -> anyhow::Result<Environment> {
        Environment::publish_fronted(&self.0, folder, std::process::id())
    }

    fn lost(&mut self) -> anyhow::Result<Option<(&'static str, &'static str)>> {
        Ok(None)
    }

    fn tell(&self) -> anyhow::Result<()> {
        let place = self.0.gateway.place();
        let people = &self.0.people;
        let psql = |statement: &str| {
            let url = url_of(place, existing::TARGET, ("ada", &people.ada));
            let authority = place.authority();
            format!(
                "psql '{url}&sslrootcert={}' -c '{statement}'",
                authority.display()
            )
        };
        let lines = [
            "# 1. ada reads: answered at once".to_owned(),
            psql("SELECT current_database(), current_user"),
            "# 2. whatever is more than a read waits until a second person countersigns".to_owned(),
            psql("CREATE TABLE countersigned (id int)"),
            "# 3. meanwhile, in another shell: grace countersigns it".to_owned(),
            cli(place, &people.grace, "approvals approve 1"),
            "# 4. and afterwards: prove that the record of all this was not changed".to_owned(),
            verify(place),
        ];
        say(&format!("\n{}", lines.join("\n")));
        Ok(())
    }

    fn end(&mut self) -> anyhow::Result<()> {
        self.0.gateway.end()?;
        Ok(())
    }
}

/// Until the demo is to end; nobody may read of a stand that is being taken down, so the environment goes first.
fn watch(
    standing: &mut dyn Standing,
    environment: Environment,
    folder: &Path,
    stop: &dyn Fn() -> bool,
) -> anyhow::Result<()> {
    let mut environment = Some(environment);
    while !stop() {
        pause();
        if let Some(status) = standing.gateway().ended()? {
            environment.take();
            if status.success() {
                say("demo: the gateway stopped as it was asked to; Ctrl-C ends the demo");
                wait_for(stop);
                break;
            }
            say(&format!(
                "demo: the gateway ended with {status}; starting it again"
            ));
            standing.restart(stop)?;
            environment = Some(standing.publish(folder)?);
            say(&format!("ready {}/env", folder.display()));
        }
        if let Some((name, log)) = standing.lost()? {
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
fn tell(stand: &Stand, shown: &Shown) {
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
        cli(place, &people.grace, "approvals approve 1"),
        "# 5. and afterwards: prove that the record of all this was not changed".to_owned(),
        verify(place),
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
    say(&format!("\n{}", lines.join("\n")));
}

/// The command line, acting with a token.
fn cli(place: &Place, token: &str, arguments: &str) -> String {
    format!(
        "COUNTERSIGN_URL='{}' COUNTERSIGN_CA='{}' COUNTERSIGN_TOKEN='{token}' '{}' {arguments}",
        place.admin_url(),
        place.authority().display(),
        place.binary.display()
    )
}

fn verify(place: &Place) -> String {
    format!(
        "'{}' audit verify --config '{}'",
        place.binary.display(),
        place.config().display()
    )
}

fn ssh(shown: &Shown, command: &str) -> String {
    let configuration = shown.configuration();
    format!("ssh -F '{}' {TARGET} '{command}'", configuration.display())
}

fn say(text: &str) {
    // nobody is left to tell where this fails
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}
