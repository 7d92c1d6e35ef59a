//! The command line: what may be typed, and with which words it is explained.

mod sessions;
mod ssh;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use sessions::{Form, Replay, Sessions};
pub(crate) use ssh::{SshCertificate, SshConfig, UserCertificate, UserKey};

/// A gateway that decodes, judges, holds, masks and records what people and programs ask of databases.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    /// How answers are printed: a table for people, JSON for programs
    #[arg(long, global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Table,
    Json,
    /// One JSON value a line
    Ndjson,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a first configuration with certificates, keys, policies and an admin
    Init(Init),
    /// Run the gateway
    Serve(ConfigFile),
    /// Read configuration and policies and say what is wrong with them
    Check(Check),
    /// Users and services
    #[command(subcommand)]
    User(User),
    /// Access tokens
    #[command(subcommand)]
    Token(Token),
    /// Questions that wait for a second person
    #[command(subcommand)]
    Approvals(Approvals),
    /// Sessions, live and past
    #[command(subcommand)]
    Sessions(Sessions),
    /// Lock or unlock a user, a token, a target or a session
    Lock(Lock),
    /// The tamper-evident account of all sessions
    #[command(subcommand)]
    Audit(Audit),
    /// What the policies say
    #[command(subcommand)]
    Policy(Policy),
    /// Have the gateway sign a short-lived SSH certificate in your name
    SshCertificate(SshCertificate),
    /// Write what OpenSSH's client must know to reach targets through the gateway
    SshConfig(SshConfig),
    /// Print the version
    Version,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration
    #[arg(
        long,
        env = "COUNTERSIGN_CONFIG",
        default_value = "countersign.yaml",
        value_name = "FILE"
    )]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder to write into; must be empty or new
    #[arg(long, value_name = "FOLDER")]
    pub(crate) directory: PathBuf,
    /// A further name or address that clients use for the gateway; repeatable
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,
    /// The first admin's name
    #[arg(long, default_value = "admin", value_name = "NAME")]
    pub(crate) admin: String,
    /// Write the first admin's token into this file (mode 0600) instead of printing it
    #[arg(long, value_name = "FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// Print the JSON Schema of the configuration instead
    #[arg(long)]
    pub(crate) schema: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Add a user, or a service where an owner is named
    Add(UserAdd),
    /// List users and services
    List,
    /// Public keys of SSH
    #[command(subcommand)]
    Key(UserKey),
    /// Short-lived SSH certificates
    #[command(subcommand)]
    Certificate(UserCertificate),
}

#[derive(Debug, Args)]
pub(crate) struct UserAdd {
    pub(crate) name: String,
    /// Groups, comma between them
    #[arg(long, value_delimiter = ',', value_name = "GROUPS")]
    pub(crate) groups: Vec<String>,
    /// Makes it a service that this user owns
    #[arg(long, value_name = "USER")]
    pub(crate) owner: Option<String>,
    /// Add the first admin, without a gateway, while there is none
    #[arg(long, conflicts_with_all = ["groups", "owner"])]
    pub(crate) admin: bool,
    /// With --admin: the configuration
    #[command(flatten)]
    pub(crate) config: ConfigFile,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Issue a token; it is shown once
    Create {
        /// Whose
        account: String,
        /// What it is for
        #[arg(long, default_value = "")]
        name: String,
        /// How long it lives, in days; 0 is for ever [default: as configured]
        #[arg(long, value_name = "DAYS")]
        days: Option<u16>,
    },
    /// List tokens, of all or of one
    List { account: Option<String> },
    /// End a token for good
    Revoke { id: String },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Approvals {
    /// List questions
    List {
        /// Only those in this state
        #[arg(long, value_enum, default_value_t = State::Asked)]
        state: State,
    },
    /// Show one question whole
    Show { id: u64 },
    /// Countersign it
    Approve(Decide),
    /// Refuse it
    Refuse(Decide),
    /// Print questions as they are asked
    Watch {
        /// End after so many seconds
        #[arg(long, value_name = "SECONDS")]
        seconds: Option<u64>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum State {
    Asked,
    Granted,
    Refused,
    Expired,
    Withdrawn,
    Used,
    All,
}

#[derive(Debug, Args)]
pub(crate) struct Decide {
    pub(crate) id: u64,
    /// Decide only what has this digest
    #[arg(long, value_name = "HEX")]
    pub(crate) digest: Option<String>,
    /// Told to the asker and recorded
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Ask nothing at the terminal
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Lock {
    /// What: `user`, `token`, `target` or `session`
    #[arg(value_enum)]
    pub(crate) kind: Lockable,
    /// Its name or id
    pub(crate) name: String,
    /// Recorded
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Take the lock off again
    #[arg(long)]
    pub(crate) remove: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lockable {
    User,
    Token,
    Target,
    Session,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Prove that nothing was changed, or name the first bad entry
    Verify(Verify),
    /// Print the newest checkpoint, to be kept elsewhere
    Checkpoint,
    /// Print every decision and outcome, one JSON object a line
    Export(Export),
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The audit log's folder [default: the configuration's]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,
    /// From this time on (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    #[command(flatten)]
    pub(crate) config: ConfigFile,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The audit log's folder [default: the configuration's]
    #[arg(long, value_name = "FOLDER", requires = "key")]
    pub(crate) dir: Option<PathBuf>,
    /// The public key [default: the configuration's]
    #[arg(long, value_name = "FILE", requires = "dir")]
    pub(crate) key: Option<PathBuf>,
    /// A checkpoint that was kept elsewhere: shows a cut tail
    #[arg(long, value_name = "FILE")]
    pub(crate) since: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigFile,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Load the policies against the vocabulary and say what is wrong with them
    Check(PolicySource),
    /// Tell what a request is, what the verdict is, and which policies made it
    Explain(Explain),
}

#[derive(Debug, Args)]
pub(crate) struct PolicySource {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// Take the policies of this folder instead
    #[arg(long, value_name = "FOLDER")]
    pub(crate) policies: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) source: PolicySource,
    /// Who asks: `user:NAME` or `service:NAME`
    #[arg(long = "as", value_name = "WHO")]
    pub(crate) identity: Option<String>,
    /// The groups of who asks [default: as the store knows them]
    #[arg(long, value_delimiter = ',', value_name = "GROUPS")]
    pub(crate) groups: Option<Vec<String>>,
    /// The target that is asked
    #[arg(long)]
    pub(crate) target: Option<String>,
    /// The database, where the target has several
    #[arg(long)]
    pub(crate) database: Option<String>,
    /// Ask the running gateway what the target holds now, with the token of whoever explains
    #[arg(long, value_enum, default_value_t = Catalog::None)]
    pub(crate) catalog: Catalog,
    /// The address that is asked from
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) address: IpAddr,
    /// End with 0 for allow, 10 for hold, 11 for deny
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// A statement or command, or `-` to read one JSON value a line
    #[arg(value_name = "REQUEST")]
    pub(crate) request: String,
}

/// Where an explanation knows the target from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Catalog {
    /// From the configuration alone.
    None,
    /// From the target itself.
    Live,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
