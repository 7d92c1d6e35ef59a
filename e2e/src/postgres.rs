//! A throwaway PostgreSQL: an unprivileged user's process in a folder of its own, with SCRAM and TLS on 127.0.0.1.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;

use crate::binary;
use crate::folder::{Account, Folder};
use crate::ports;
use crate::process::{Plan, Running, fed, name, output, pause};

/// The superuser's name.
pub const SUPERUSER: &str = "postgres";
/// The role that the gateway logs in as; it owns the database and is nothing else.
pub const GATEWAY_ROLE: &str = "shop_gateway";
pub const DATABASE: &str = "shop";

const SHOP: &str = include_str!("shop.sql");
const READY_WITHIN: Duration = Duration::from_secs(30);
const STOPS_WITHIN: Duration = Duration::from_secs(4);

/// What the server shows to its clients, and how it treats its disk.
pub struct Options<'a> {
    /// PEM files: the chain and the key that are shown on 127.0.0.1, and the CA that signed them.
    pub certificate: &'a Path,
    pub key: &'a Path,
    pub authority: &'a Path,
    /// Takes what the server says.
    pub log: &'a Path,
    /// Off makes tests faster; benches and the demo leave it on.
    pub durable: bool,
    /// Stops when the thread that started it ends.
    pub leashed: bool,
}

/// A running server with the `shop` in it.
pub struct Postgres {
    // Ends before its folder goes.
    process: Running,
    folder: Folder,
    port: u16,
    superuser_password: String,
    gateway_password: String,
    authority: PathBuf,
}

impl Postgres {
    /// Makes a cluster, starts it and fills it; `stop` is asked now and then whether to give up.
    pub fn start(options: &Options<'_>, stop: &dyn Fn() -> bool) -> anyhow::Result<Self> {
        let programs = binary::postgres()?;
        let account = Account::for_servers()?;
        let folder = Folder::make("countersign-pg-", account.as_ref())?;
        let superuser_password = secret()?;
        initialise(&programs, &folder, account.as_ref(), &superuser_password)?;
        let [port] = ports::free()?;
        configure(&folder, account.as_ref(), options, port)?;
        let command = server(&programs, &folder, account.as_ref(), options.leashed);
        let process = Running::start(Plan {
            command,
            log: options.log,
            stop: Signal::INT,
            patience: STOPS_WITHIN,
        })?;
        let mut started = Self {
            process,
            folder,
            port,
            superuser_password,
            gateway_password: secret()?,
            authority: options.authority.to_owned(),
        };
        started.wait_until_ready(&programs, options.log, stop)?;
        started.fill()?;
        Ok(started)
    }

    /// A server that follows this one and takes no writes, in a folder of its own.
    pub fn standby(&self, log: &Path) -> anyhow::Result<Self> {
        let programs = binary::postgres()?;
        let account = Account::for_servers()?;
        let folder = Folder::make("countersign-pg-", account.as_ref())?;
        let clients = self.folder.path().join("data/pg_hba.conf");
        let clients = std::fs::read_to_string(&clients)? + "local replication all scram-sha-256\n";
        let mine = account.as_ref();
        self.folder
            .file("data/pg_hba.conf", clients.as_bytes(), mine, 0o600)?;
        self.sql("SELECT pg_reload_conf()")?;
        let mut copy = as_account(&programs.join("pg_basebackup"), mine, None);
        copy.arg("--pgdata")
            .arg(folder.path().join("data"))
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
            .args(["--username", SUPERUSER, "--port", &self.port.to_string()])
            .arg("--host")
            .arg(self.folder.path())
            .env("PGPASSWORD", &self.superuser_password)
            .current_dir(folder.path());
        output(&mut copy).context("copying the cluster")?;
        let [port] = ports::free()?;
        let path = folder.path().join("data/postgresql.auto.conf");
        // what comes last counts
        let settings = std::fs::read_to_string(&path)?
            + &format!(
                "port = {port}\nunix_socket_directories = '{}'\n",
                folder.path().display()
            );
        folder.file(
            "data/postgresql.auto.conf",
            settings.as_bytes(),
            mine,
            0o600,
        )?;
        let mut started = Self {
            process: Running::start(Plan {
                command: server(&programs, &folder, mine, true),
                log,
                stop: Signal::INT,
                patience: STOPS_WITHIN,
            })?,
            folder,
            port,
            superuser_password: self.superuser_password.clone(),
            gateway_password: self.gateway_password.clone(),
            authority: self.authority.clone(),
        };
        started.wait_until_ready(&programs, log, &|| false)?;
        Ok(started)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder that also holds the server's socket.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn gateway_password(&self) -> &str {
        &self.gateway_password
    }

    /// The backend itself, over TCP as its superuser.
    pub fn direct_url(&self) -> String {
        let Self {
            superuser_password,
            port,
            ..
        } = self;
        format!(
            "postgresql://{SUPERUSER}:{superuser_password}@127.0.0.1:{port}/{DATABASE}?sslmode=verify-full"
        )
    }

    /// Runs statements as the superuser and returns what `psql` prints, unaligned and without headers.
    pub fn sql(&self, statements: &str) -> anyhow::Result<String> {
        self.psql(SUPERUSER, &self.superuser_password, DATABASE, statements)
    }

    /// Whether it still runs.
    pub fn alive(&mut self) -> anyhow::Result<bool> {
        Ok(self.process.ended()?.is_none())
    }

    pub fn end(&mut self) -> anyhow::Result<()> {
        self.process.end()?;
        Ok(())
    }

    fn wait_until_ready(
        &mut self,
        programs: &Path,
        log: &Path,
        stop: &dyn Fn() -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        let port = self.port.to_string();
        loop {
            let ready = Command::new(programs.join("pg_isready"))
                .args(["--quiet", "--host=127.0.0.1", "--port", &port])
                .stdin(Stdio::null())
                .status()?;
            if ready.success() {
                return Ok(());
            }
            if let Some(status) = self.process.ended()? {
                bail!("PostgreSQL ended with {status}; see {}", log.display());
            }
            if stop() {
                bail!("stopped while PostgreSQL was starting");
            }
            if Instant::now() > deadline {
                bail!(
                    "PostgreSQL is not ready after {READY_WITHIN:?}; see {}",
                    log.display()
                );
            }
            pause();
        }
    }

    fn fill(&self) -> anyhow::Result<()> {
        let password = &self.gateway_password;
        self.psql(
            SUPERUSER,
            &self.superuser_password,
            "postgres",
            &format!(
                "CREATE ROLE {GATEWAY_ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS \
                     PASSWORD '{password}';\n\
                 CREATE DATABASE {DATABASE} OWNER {GATEWAY_ROLE} TEMPLATE template0 ENCODING 'UTF8';\n"
            ),
        )?;
        self.sql(&format!(
            "ALTER SCHEMA public OWNER TO {GATEWAY_ROLE};\n\
             ALTER DEFAULT PRIVILEGES FOR ROLE {SUPERUSER} GRANT ALL ON TABLES TO {GATEWAY_ROLE};\n\
             ALTER DEFAULT PRIVILEGES FOR ROLE {SUPERUSER} GRANT ALL ON SEQUENCES TO {GATEWAY_ROLE};\n\
             ALTER DEFAULT PRIVILEGES FOR ROLE {SUPERUSER} GRANT ALL ON ROUTINES TO {GATEWAY_ROLE};\n\
             ALTER DEFAULT PRIVILEGES FOR ROLE {SUPERUSER} GRANT ALL ON TYPES TO {GATEWAY_ROLE};\n\
             ALTER DEFAULT PRIVILEGES FOR ROLE {SUPERUSER} GRANT ALL ON SCHEMAS TO {GATEWAY_ROLE};\n"
        ))?;
        self.psql(GATEWAY_ROLE, password, DATABASE, SHOP)?;
        Ok(())
    }

    fn psql(
        &self,
        role: &str,
        password: &str,
        database: &str,
        statements: &str,
    ) -> anyhow::Result<String> {
        let mut command = Command::new("psql");
        command
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set", "ON_ERROR_STOP=1", "--host=127.0.0.1"])
            .args([
                "--port",
                &self.port.to_string(),
                "--username",
                role,
                "--dbname",
                database,
            ])
            .arg("--file=-")
            .env("PGPASSWORD", password)
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", &self.authority)
            .env_remove("PGOPTIONS");
        fed(&mut command, statements)
    }
}

fn initialise(
    programs: &Path,
    folder: &Folder,
    account: Option<&Account>,
    password: &str,
) -> anyhow::Result<()> {
    let file = folder.file("superuser-password", password.as_bytes(), account, 0o600)?;
    let mut command = as_account(&programs.join("initdb"), account, None);
    command
        .arg("--pgdata")
        .arg(folder.path().join("data"))
        .args([
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth=scram-sha-256",
            "--no-sync",
        ])
        .args(["--username", SUPERUSER])
        .arg("--pwfile")
        .arg(&file)
        .current_dir(folder.path());
    output(&mut command).context("making a PostgreSQL cluster")?;
    std::fs::remove_file(file)?;
    Ok(())
}

fn configure(
    folder: &Folder,
    account: Option<&Account>,
    options: &Options<'_>,
    port: u16,
) -> anyhow::Result<()> {
    let path = folder.path().display();
    folder.file(
        "server.pem",
        &std::fs::read(options.certificate)?,
        account,
        0o600,
    )?;
    folder.file("server.key", &std::fs::read(options.key)?, account, 0o600)?;
    let durable = if options.durable { "on" } else { "off" };
    // errors and statements hold what is masked, and its log lies among the gateway's files
    let settings = format!(
        "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{path}'\nmax_connections = 200\n\
         ssl = on\nssl_cert_file = '{path}/server.pem'\nssl_key_file = '{path}/server.key'\n\
         password_encryption = 'scram-sha-256'\nfsync = {durable}\nsynchronous_commit = {durable}\n\
         full_page_writes = {durable}\ntimezone = 'UTC'\nlog_timezone = 'UTC'\nlc_messages = 'C.UTF-8'\n\
         log_min_messages = log\nlog_min_error_statement = panic\n"
    );
    folder.file(
        "data/postgresql.auto.conf",
        settings.as_bytes(),
        account,
        0o600,
    )?;
    let clients = "hostssl all all 127.0.0.1/32 scram-sha-256\nlocal all all scram-sha-256\n";
    folder.file("data/pg_hba.conf", clients.as_bytes(), account, 0o600)?;
    Ok(())
}

fn server(programs: &Path, folder: &Folder, account: Option<&Account>, leashed: bool) -> Command {
    let leash = leashed.then_some(Signal::INT);
    let mut command = as_account(&programs.join("postgres"), account, leash);
    command
        .arg("-D")
        .arg(folder.path().join("data"))
        .current_dir(folder.path());
    command
}

/// `setpriv` gives up root's rights for good, and ties the process to the thread that starts it.
fn as_account(program: &Path, account: Option<&Account>, leash: Option<Signal>) -> Command {
    if account.is_none() && leash.is_none() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    if let Some(account) = account {
        command
            .args([
                "--reuid",
                &account.user.to_string(),
                "--regid",
                &account.group.to_string(),
            ])
            .arg("--clear-groups");
    }
    if let Some(signal) = leash {
        command.args(["--pdeathsig", name(signal)]);
    }
    command.arg("--").arg(program);
    command
}

/// A password that needs quoting nowhere.
fn secret() -> anyhow::Result<String> {
    use base64::Engine;
    let mut bytes = [0; 24];
    aws_lc_rs::rand::fill(&mut bytes)
        .ok()
        .context("the system gives no random bytes")?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}
