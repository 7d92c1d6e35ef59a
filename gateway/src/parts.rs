//! Opens what outlives a run: the store, the audit log and the tapes, and starts the gate on them.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use gate::metrics::Metrics;
use gate::{About, Gate, Limits, Parts, Rules, SystemClock};
use policy::vocabulary::Vocabulary;
use prometheus_client::registry::Registry;
use recorder::sink::disk::Disk;
use recorder::tape::{RecordMode, TapeKey, Tapes};
use recorder::{Audit, Settings};
use store::Store;

use crate::config::Config;
use crate::house::Error;
use crate::protocols::PROTOCOLS;

pub(crate) async fn open(
    config: &Config,
    vocabulary: Arc<Vocabulary>,
    rules: Rules,
) -> Result<(Store, Gate, Registry), Error> {
    let settings = &config.settings;
    let store = Store::open(config.path(&settings.store.file)).await?;
    let audit = Settings::new(
        config.path(&settings.recording.audit),
        config.path(&settings.keys.audit),
    );
    let seed = recorder::keys::Key::load(&audit.key_file)?;
    let (audit, recovered) = Audit::open(audit, Arc::new(Disk))?;
    if let Some(kept) = store.kept_checkpoint().await?
        && recovered.entries < kept.size
    {
        let (entries, kept) = (recovered.entries, kept.size);
        tracing::error!(
            entries,
            kept,
            "the audit log is shorter than it was: its end was cut off"
        );
    }
    if recovered.closed_unknown > 0 || recovered.torn_bytes > 0 {
        let (closed, torn) = (recovered.closed_unknown, recovered.torn_bytes);
        tracing::warn!(
            closed,
            torn,
            "an earlier run broke off: its open requests are recorded as unknown"
        );
    }
    let folder = config.path(&settings.recording.tapes);
    let key = config.path(&settings.keys.tapes);
    let tapes = Tapes::open(&folder, TapeKey::load(&key)?)?;
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let parts = Parts {
        vocabulary,
        rules,
        directory: Arc::new(store.clone()),
        ledger: Arc::new(store.clone()),
        audit,
        tapes: Some(tapes),
        record: RecordMode::Head,
        clock: Arc::new(SystemClock),
        metrics,
        limits: Limits {
            questions_per_identity: settings.identity.open_questions.into(),
        },
        seed: seed.derive("login").to_vec(),
    };
    let gate = Gate::start(parts).await?;
    Ok((store, gate, registry))
}

/// What the admin API replays.
pub(crate) fn recordings(config: &Config) -> Result<admin::Recordings, Error> {
    let key = TapeKey::load(&config.path(&config.settings.keys.tapes))?;
    Ok(admin::Recordings {
        directory: config.path(&config.settings.recording.tapes),
        key,
    })
}

/// The authorities of SSH, where the configuration names them.
pub(crate) fn ssh(config: &Config, targets: gate::Registry) -> Result<Option<admin::Ssh>, Error> {
    let Some(ssh) = &config.settings.ssh else {
        return Ok(None);
    };
    let listeners = config.settings.listeners.iter();
    let ports = listeners
        .filter(|listener| listener.entry.name == "ssh")
        .filter_map(|listener| listener.address.port());
    let (user, host) = (&ssh.user_authority, &ssh.host_authority);
    let (user, host) = (config.path(user), config.path(host));
    let loaded = admin::Ssh::load(&user, &host, ports.collect(), targets)?;
    Ok(Some(loaded))
}

/// How the admin API looks into targets: the gate judges whether the caller may.
pub(crate) fn look_up(gate: Gate, targets: gate::Registry) -> admin::LookUp {
    Arc::new(move |who, name, database| {
        let (gate, targets) = (gate.clone(), targets.clone());
        Box::pin(async move {
            let Some(target) = targets.all().get(&name).cloned() else {
                return Ok(None);
            };
            let mut table = PROTOCOLS.iter();
            let Some(entry) = table.find(|entry| entry.name == target.policy.protocol) else {
                return Ok(None);
            };
            let about = About {
                protocol: entry.name,
                target: target.policy.clone(),
                reason: None,
                client: "policy explain".to_owned(),
            };
            let session = gate.open(who, about).await;
            let session = session.map_err(|_| "the target is locked".to_owned())?;
            let told = (entry.catalogue)(target, session, database).await;
            told.map(Some).map_err(|error| match error {
                // it names files
                gate::Error::Configuration(_) => "the target's settings are incomplete".to_owned(),
                error => error.to_string(),
            })
        })
    })
}

/// Makes a folder for its owner alone.
pub(crate) fn private_folder(path: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}
