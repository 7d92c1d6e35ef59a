//! Puts the gateway together from its configuration, swaps what a reload changes, and takes it down in order.

mod fixed;
mod served;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use gate::{Entry, ErasedTarget, Gate, Registry};
use policy::vocabulary::Vocabulary;
use recorder::tape::RecordMode;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{Address, Caps, Config, Target, TargetName, Tls};
use crate::listen::Port;
use crate::web::Web;
use crate::{health, rules};

use fixed::Fixed;
use served::{Now, Served};

/// Closing the audit log and the store may take so long.
const CLOSING: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Config(#[from] crate::config::Error),
    #[error(transparent)]
    Rules(#[from] rules::Error),
    #[error("vocabulary: {0}")]
    Vocabulary(policy::Error),
    #[error("{what}: {cause}")]
    Tls { what: String, cause: String },
    #[error("`{address}` cannot be listened on: {cause}{}", hint_of_bind(.address, .cause))]
    Bind {
        address: Address,
        cause: std::io::Error,
    },
    #[error("listeners: {0}")]
    Protocol(gate::Error),
    #[error("store: {0}")]
    Store(#[from] store::Error),
    #[error("recording: {0}")]
    Recorder(#[from] recorder::Error),
    #[error("ssh: {0}")]
    Ssh(#[from] admin::SshError),
    #[error("the gate did not start: {0}")]
    Gate(#[from] gate::ledger::LedgerError),
    #[error("`{0}` cannot change while the gateway runs (hint: restart it)")]
    NeedsRestart(&'static str),
}

/// The running gateway.
pub(crate) struct House {
    gate: Gate,
    store: store::Store,
    vocabulary: Arc<Vocabulary>,
    registry: Registry,
    ports: Vec<Arc<Served>>,
    admin: Arc<Web>,
    /// What may only change by a restart.
    fixed: Fixed,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    drain: Duration,
}

/// How often the newest checkpoint is kept beside the accounts.
const CHECKPOINTS: Duration = Duration::from_secs(5);

impl House {
    /// Opens, binds and starts everything, or nothing.
    pub(crate) async fn build(config: Config) -> Result<Self, Error> {
        let fixed = Fixed::of(&config);
        let vocabulary = rules::vocabulary().map_err(Error::Vocabulary)?;
        let rules = rules::load(&config, &vocabulary)?;
        let admin_tls = web_tls(&config, config.settings.admin.tls.as_ref())?;
        let (store, gate, metrics) = crate::parts::open(&config, vocabulary.clone(), rules).await?;
        let recordings = crate::parts::recordings(&config)?;
        let (stop, stopping) = watch::channel(false);
        let registry = Registry::default();
        let ssh = crate::parts::ssh(&config, registry.clone())?;
        let drain = Duration::from_secs(config.settings.drain_seconds.into());

        let admin = admin::Admin::new(store.clone(), gate.clone(), Some(recordings));
        let look_up = crate::parts::look_up(gate.clone(), registry.clone());
        let web = admin::router(admin.with_ssh(ssh).with_look_up(look_up));
        let watched = health::router(gate.clone(), metrics);
        let (web, watched) = match config.settings.telemetry.address {
            Some(address) => (web, Some((address, watched))),
            None => (web.merge(watched), None),
        };
        let mut tasks = JoinSet::new();
        let admin = Arc::new(Web::new(web, admin_tls, stopping.clone()));
        let port = bind(&config.settings.admin.address.into(), Caps::default()).await?;
        tasks.spawn(port.run(admin.clone(), stopping.clone()));
        if let Some((address, watched)) = watched {
            let port = bind(&address.into(), Caps::default()).await?;
            let web = Arc::new(Web::new(watched, None, stopping.clone()));
            tasks.spawn(port.run(web, stopping.clone()));
        }
        let mut house = Self {
            gate,
            store,
            vocabulary,
            registry,
            ports: Vec::new(),
            admin,
            fixed,
            stop,
            tasks,
            drain,
        };
        house.open_ports(config, stopping).await?;
        house.watch_directory();
        house.keep_checkpoints();
        Ok(house)
    }

    async fn open_ports(
        &mut self,
        config: Config,
        stopping: watch::Receiver<bool>,
    ) -> Result<(), Error> {
        let folder = config.folder().to_owned();
        let settings = config.settings;
        self.gate.records(records(&settings.targets));
        self.registry.replace(targets(settings.targets));
        let mut bound = Vec::new();
        for listener in settings.listeners {
            let port = bind(&listener.address, listener.caps).await?;
            let now = Now::of(listener, &self.registry, &folder)?;
            bound.push((port, now));
        }
        // served only now that every one of them could be bound
        for (port, now) in bound {
            let (now, seats) = (RwLock::new(now), port.seats());
            let served = Arc::new(Served {
                now,
                seats,
                gate: self.gate.clone(),
            });
            self.tasks.spawn(port.run(served.clone(), stopping.clone()));
            self.ports.push(served);
        }
        Ok(())
    }

    /// A lock, a revocation or a change of groups is in force at once, whichever process made it.
    fn watch_directory(&mut self) {
        let (gate, mut changes) = (self.gate.clone(), self.store.changed());
        let mut stop = self.stop.subscribe();
        self.tasks.spawn(async move {
            loop {
                tokio::select! {
                    changed = changes.changed() => match changed {
                        Ok(()) => gate.directory_changed(),
                        Err(_) => return,
                    },
                    _ = stop.wait_for(|stop| *stop) => return,
                }
            }
        });
    }

    /// The store keeps the newest checkpoint, so that a log whose tail was cut shows at the next start.
    fn keep_checkpoints(&mut self) {
        let (gate, store) = (self.gate.clone(), self.store.clone());
        let mut stop = self.stop.subscribe();
        let mut tick = tokio::time::interval(CHECKPOINTS);
        self.tasks.spawn(async move {
            loop {
                tokio::select! {
                    _ = tick.tick() => {}
                    _ = stop.wait_for(|stop| *stop) => return,
                }
                let Some(newest) = gate.audit().checkpoint() else {
                    continue;
                };
                let kept = store::KeptCheckpoint {
                    size: newest.size,
                    root: newest.root,
                };
                if let Err(error) = store.keep_checkpoint(kept).await {
                    tracing::warn!(%error, "the newest checkpoint could not be kept");
                }
            }
        });
    }

    /// Reads the configuration anew: all of it is put in force, or nothing. No connection is dropped.
    pub(crate) async fn reload(&mut self, file: &Path) -> Result<(), Error> {
        let swapped = self.swap(file).await;
        if swapped.is_err() {
            self.gate.reload_failed().await;
        }
        swapped
    }

    async fn swap(&mut self, file: &Path) -> Result<(), Error> {
        let config = Config::load(file)?;
        self.fixed.same(&Fixed::of(&config))?;
        let rules = rules::load(&config, &self.vocabulary)?;
        let admin_tls = web_tls(&config, config.settings.admin.tls.as_ref())?;
        let folder = config.folder().to_owned();
        let settings = config.settings;
        let mut served = Vec::new();
        for (listener, port) in settings.listeners.into_iter().zip(&self.ports) {
            let caps = listener.caps;
            served.push((port, caps, Now::of(listener, &self.registry, &folder)?));
        }
        // nothing can fail from here on
        self.gate.records(records(&settings.targets));
        self.registry.replace(targets(settings.targets));
        for (port, caps, now) in served {
            port.seats.replace_caps(caps);
            *port.now.write().unwrap_or_else(PoisonError::into_inner) = now;
        }
        self.admin.replace_tls(admin_tls);
        self.drain = Duration::from_secs(settings.drain_seconds.into());
        self.gate.reload(rules).await;
        Ok(())
    }

    /// Takes nobody in any more, lets what is under way end within the drain, and closes what was opened.
    pub(crate) async fn close(mut self) {
        let _ = self.stop.send(true);
        self.gate.drain(self.drain).await;
        let all_gone = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(CLOSING, all_gone).await.is_err() {
            tracing::warn!("connections were still open at the end");
            self.tasks.shutdown().await;
        }
        let audit = self.gate.audit().clone();
        if let Err(error) = audit.close().await {
            tracing::error!(%error, "the audit log was not closed in time");
        }
        if let Err(error) = self.store.close().await {
            tracing::error!(%error, "the store was not closed cleanly");
        }
    }
}

async fn bind(address: &Address, caps: Caps) -> Result<Port, Error> {
    Port::bind(address, caps)
        .await
        .map_err(|cause| Error::Bind {
            address: address.clone(),
            cause,
        })
}

/// What lies behind the gateway, with the table's line for each.
pub(crate) fn entries(
    targets: BTreeMap<TargetName, Target>,
) -> Vec<(&'static Entry, ErasedTarget)> {
    let erase = |(name, target): (TargetName, Target)| {
        let policy = policy::target::Target {
            name: name.as_str().to_owned(),
            protocol: target.entry.name.to_owned(),
            labels: target.labels,
        };
        (
            target.entry,
            ErasedTarget {
                policy,
                endpoints: (target.entry.endpoints)(&*target.backend),
                backend: target.backend,
            },
        )
    };
    targets.into_iter().map(erase).collect()
}

/// How much of answers is recorded, by target.
fn records(targets: &BTreeMap<TargetName, Target>) -> HashMap<String, RecordMode> {
    let each = targets.iter();
    each.map(|(name, target)| (name.as_str().to_owned(), target.record.into()))
        .collect()
}

fn targets(targets: BTreeMap<TargetName, Target>) -> Vec<ErasedTarget> {
    entries(targets)
        .into_iter()
        .map(|(_, target)| target)
        .collect()
}

/// The certificate of a port; a relative `key` starts at the working directory, which is the configuration's folder.
pub(crate) fn server_tls(tls: &Tls, folder: &Path) -> Result<Arc<gate::tls::Server>, Error> {
    let path = folder.join(&tls.certificate);
    let failed = |what: String| move |cause: String| Error::Tls { what, cause };
    let chain = std::fs::read(&path)
        .map_err(|error| failed(path.display().to_string())(error.to_string()))?;
    let key = tls
        .key
        .resolve()
        .map_err(|error| failed("tls.key".to_owned())(error.to_string()))?;
    gate::tls::server(&chain, key.expose().as_bytes(), &[])
        .map_err(|error| failed(path.display().to_string())(error.to_string()))
}

fn web_tls(config: &Config, tls: Option<&Tls>) -> Result<Option<Arc<rustls::ServerConfig>>, Error> {
    tls.map(|tls| Ok(server_tls(tls, config.folder())?.config.clone()))
        .transpose()
}

fn hint_of_bind(address: &Address, cause: &std::io::Error) -> &'static str {
    if matches!(address, Address::Unix(_)) {
        return match cause.kind() {
            std::io::ErrorKind::AddrInUse => {
                " (hint: is another gateway running? `ss -lxp` shows who listens; what is no socket there is left alone)"
            }
            _ => {
                " (hint: the folder must be there and be the gateway's to write; a path has at most 107 bytes)"
            }
        };
    }
    match cause.kind() {
        std::io::ErrorKind::AddrInUse => {
            " (hint: is another gateway running? `ss -ltnp` shows who listens)"
        }
        std::io::ErrorKind::PermissionDenied => {
            " (hint: ports below 1024 need CAP_NET_BIND_SERVICE)"
        }
        std::io::ErrorKind::AddrNotAvailable => {
            " (hint: the address must be one of this machine's)"
        }
        _ => "",
    }
}
