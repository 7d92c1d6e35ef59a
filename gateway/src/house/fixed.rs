//! What may only change by a restart: a reload that would change it is refused.

use std::net::SocketAddr;

use super::Error;
use crate::config::{Address, Config};

/// Settings that are in force from start to end.
#[derive(PartialEq, Eq)]
pub(super) struct Fixed {
    listeners: Vec<(Address, &'static str)>,
    admin: SocketAddr,
    telemetry: Option<SocketAddr>,
    folders: Vec<std::path::PathBuf>,
    authorities: Vec<std::path::PathBuf>,
}

impl Fixed {
    pub(super) fn of(config: &Config) -> Self {
        let settings = &config.settings;
        let listeners = settings
            .listeners
            .iter()
            .map(|one| (one.address.clone(), one.entry.name));
        let folders = [
            &settings.recording.audit,
            &settings.recording.tapes,
            &settings.store.file,
            &settings.keys.audit,
            &settings.keys.tapes,
        ];
        let authorities = settings.ssh.iter();
        let authorities = authorities.flat_map(|ssh| [&ssh.user_authority, &ssh.host_authority]);
        Self {
            listeners: listeners.collect(),
            admin: settings.admin.address,
            telemetry: settings.telemetry.address,
            folders: folders.map(|path| config.path(path)).to_vec(),
            authorities: authorities.map(|path| config.path(path)).collect(),
        }
    }

    pub(super) fn same(&self, other: &Self) -> Result<(), Error> {
        let parts = [
            (self.listeners == other.listeners, "listeners: address"),
            (self.admin == other.admin, "admin: address"),
            (self.telemetry == other.telemetry, "telemetry: address"),
            (self.folders == other.folders, "recording, store, keys"),
            (self.authorities == other.authorities, "ssh"),
        ];
        match parts.iter().find(|(same, _)| !same) {
            Some((_, what)) => Err(Error::NeedsRestart(what)),
            None => Ok(()),
        }
    }
}
