//! One file a command; here alone errors are only told, not sorted.

mod approvals;
mod audit;
mod check;
mod init;
mod lock;
mod play;
mod policy;
mod replay;
mod serve;
mod sessions;
mod ssh_certificate;
mod ssh_config;
mod token;
mod user;
mod user_key;
mod version;
mod watch;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::client;
use crate::output::{Printer, remark};

/// What every command may end with; a command's own codes stand in docs/cli.md.
pub(crate) mod code {
    /// The command was refused or failed.
    pub(crate) const FAILED: u8 = 1;
    /// The command line, the configuration or a policy is wrong.
    pub(crate) const USAGE: u8 = 2;
    /// The gateway cannot be reached.
    pub(crate) const UNREACHABLE: u8 = 4;
    /// Who asks is not known, or may not do this.
    pub(crate) const NOT_PERMITTED: u8 = 5;
    /// There is no such thing.
    pub(crate) const NOT_FOUND: u8 = 6;
    /// It was decided already, or has changed since it was shown.
    pub(crate) const CONFLICT: u8 = 7;
}

pub(crate) fn run(cli: Cli) -> ExitCode {
    let printer = Printer::new(cli.output);
    let done = match cli.command {
        Command::Init(arguments) => init::run(&arguments, &printer),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Check(arguments) => check::run(&arguments, &printer),
        Command::User(command) => user::run(command, &printer),
        Command::Token(command) => token::run(command, &printer),
        Command::Approvals(command) => approvals::run(command, &printer),
        Command::Sessions(command) => sessions::run(command, &printer),
        Command::Lock(arguments) => lock::run(&arguments, &printer),
        Command::Audit(command) => audit::run(command, &printer),
        Command::Policy(command) => policy::run(command, &printer),
        Command::SshCertificate(arguments) => ssh_certificate::run(&arguments, &printer),
        Command::SshConfig(arguments) => ssh_config::run(&arguments, &printer),
        Command::Version => version::run(&printer),
    };
    match done {
        Ok(code) => code,
        // whoever reads our output has had enough
        Err(error) if broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            remark(&format!("countersign: {error:#}"));
            ExitCode::from(code_of(&error))
        }
    }
}

/// The runtime of commands that need one.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

fn code_of(error: &anyhow::Error) -> u8 {
    if error.is::<crate::config::Error>() || error.is::<crate::rules::Error>() {
        return code::USAGE;
    }
    match error.downcast_ref::<client::Error>() {
        Some(client::Error::Unset(..) | client::Error::Authority { .. }) => code::USAGE,
        Some(client::Error::Unreachable { .. }) => code::UNREACHABLE,
        Some(client::Error::Refused {
            status: 401 | 403, ..
        }) => code::NOT_PERMITTED,
        Some(client::Error::Refused { status: 404, .. }) => code::NOT_FOUND,
        Some(client::Error::Refused { status: 409, .. }) => code::CONFLICT,
        Some(client::Error::Refused { .. } | client::Error::Nonsense(_)) | None => code::FAILED,
    }
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
