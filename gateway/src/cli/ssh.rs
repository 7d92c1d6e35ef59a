//! What may be typed about SSH: keys, certificates, and the client's own configuration.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum UserKey {
    /// Register a public key; everybody may register their own
    Add {
        /// Whose
        #[arg(value_name = "USER")]
        account: String,
        /// The public key, such as ~/.ssh/id_ed25519.pub
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// What it is called [default: the comment in the file]
        #[arg(long)]
        name: Option<String>,
        /// How long it lives, in days; 0 is for ever
        #[arg(long, value_name = "DAYS", default_value_t = 0)]
        days: u16,
    },
    /// List keys, of all whom you may see or of one
    List {
        #[arg(value_name = "USER")]
        account: Option<String>,
    },
    /// End a key for good
    Remove { id: String },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCertificate {
    /// List certificates that were signed lately, of all whom you may see or of one
    List {
        #[arg(value_name = "USER")]
        account: Option<String>,
    },
    /// End a certificate before its time
    Revoke { serial: u64 },
}

#[derive(Debug, Args)]
pub(crate) struct SshCertificate {
    /// Your public key, such as ~/.ssh/id_ed25519.pub
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// How long it is valid: `8h`, `30m`; a day at most, and no longer than the token that asks
    #[arg(long, default_value = "8h", value_name = "TIME")]
    pub(crate) valid: String,
    /// Where to write it [default: beside the key, as `-cert.pub`]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SshConfig {
    /// Only this target; repeatable [default: all that speak SSH]
    #[arg(long = "target", value_name = "NAME")]
    pub(crate) targets: Vec<String>,
    /// The gateway's host name [default: that of COUNTERSIGN_URL]
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,
    /// The gateway's port for SSH [default: as the gateway says]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Your private key; the certificate is looked for beside it [default: ~/.ssh/id_ed25519]
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// Where to write `config` and `known_hosts` [default: ~/.ssh/countersign]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) directory: Option<PathBuf>,
}
