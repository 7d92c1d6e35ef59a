//! `countersign.yaml`: one file, read whole or not at all; each protocol reads its own settings through the table.

mod address;
mod error;
mod keyed;
mod listener;
mod schema;
mod sections;
mod ssh;
mod target;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use address::Address;
pub(crate) use error::Error;
pub(crate) use listener::{Caps, Listener, Tls};
pub(crate) use schema::schema;
pub(crate) use sections::{
    Admin, Format, Identity, Keys, Masking, Output, Policies, Recording, Ssh, StoreSettings,
    Telemetry,
};
pub(crate) use target::{Target, TargetName};

/// The largest configuration file that is read.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The whole file as it is written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "countersign.yaml")]
pub(crate) struct Settings {
    /// The ports, each of one protocol.
    pub(crate) listeners: Vec<Listener>,
    /// What lies behind the gateway, by name.
    #[serde(default)]
    pub(crate) targets: BTreeMap<TargetName, Target>,
    #[serde(default)]
    pub(crate) identity: Identity,
    pub(crate) policies: Policies,
    #[serde(default)]
    pub(crate) masking: Masking,
    pub(crate) recording: Recording,
    pub(crate) store: StoreSettings,
    pub(crate) keys: Keys,
    /// Without it no SSH certificate is signed.
    pub(crate) ssh: Option<Ssh>,
    pub(crate) admin: Admin,
    #[serde(default)]
    pub(crate) telemetry: Telemetry,
    /// How long sessions with a request under way may go on once the gateway was asked to stop.
    #[serde(default = "drain_seconds")]
    #[schemars(range(max = 3600))]
    pub(crate) drain_seconds: u16,
}

/// The settings with the place that they were read from.
pub(crate) struct Config {
    pub(crate) settings: Settings,
    file: PathBuf,
    folder: PathBuf,
}

impl Config {
    /// Reads and checks a file; what it refers to is not opened yet.
    pub(crate) fn load(file: &Path) -> Result<Self, Error> {
        let unreadable = |cause| Error::Unreadable {
            file: file.to_owned(),
            cause,
        };
        let file = std::path::absolute(file).map_err(unreadable)?;
        if std::fs::metadata(&file).map_err(unreadable)?.len() > LARGEST {
            return Err(Error::TooLarge(file));
        }
        let text = std::fs::read_to_string(&file).map_err(unreadable)?;
        Self::parse(&file, &text)
    }

    /// `file` is absolute; relative paths within start at its folder.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Self, Error> {
        let mut settings: Settings =
            serde_saphyr::from_str(text).map_err(|error| Error::of_yaml(file, &error))?;
        ssh::hand_down(&mut settings);
        let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
        let config = Self {
            settings,
            file: file.to_owned(),
            folder,
        };
        config.check()?;
        Ok(config)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Where relative paths start.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes it the working directory, so that relative paths within a protocol's own settings start there too.
    pub(crate) fn enter(&self) -> std::io::Result<()> {
        std::env::set_current_dir(&self.folder)
    }

    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// What no single field can tell.
    fn check(&self) -> Result<(), Error> {
        let refuse = |message: String, hint: &str| {
            Err(Error::Contradiction {
                file: self.file.clone(),
                message,
                hint: hint.to_owned(),
            })
        };
        let admin = self.settings.admin.address;
        let mut ports: Vec<_> = self
            .settings
            .listeners
            .iter()
            .map(|one| one.address.clone())
            .collect();
        ports.push(admin.into());
        ports.extend(self.settings.telemetry.address.map(Address::from));
        ports.sort_unstable();
        for pair in ports.windows(2) {
            if let [one, other] = pair
                && one == other
            {
                return refuse(
                    format!("two listeners share the address `{one}`"),
                    "give each listener, `admin` and `telemetry` a port of its own",
                );
            }
        }
        if self.settings.admin.tls.is_none() && !admin.ip().is_loopback() {
            return refuse(
                format!("`admin` would serve tokens in plaintext on `{admin}`"),
                "add `tls` with certificate and key, or use 127.0.0.1",
            );
        }
        Ok(())
    }
}

fn drain_seconds() -> u16 {
    30
}

#[cfg(test)]
mod tests;
