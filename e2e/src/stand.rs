//! The whole stand: certificates, a PostgreSQL with a shop in it, the gateway before it, and people who may log in.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::binary;
use crate::folder::private;
use crate::gateway::{Gateway, Place};
use crate::people::People;
use crate::ports;
use crate::postgres::{self, Postgres};
use crate::settings::{self, Ports};

/// How a stand is put up.
pub struct Options<'a> {
    /// Takes everything but PostgreSQL's own folder; mode 0700.
    pub folder: &'a Path,
    /// The gateway's binary; the built one where none is named.
    pub binary: Option<PathBuf>,
    /// `*.cedar` files in place of those that `init` writes.
    pub policies: Option<&'a Path>,
    /// Changes the configuration before it is written.
    pub edit: &'a dyn Fn(String) -> String,
    /// Off makes tests faster.
    pub durable: bool,
    /// Everything ends with the thread that put it up.
    pub leashed: bool,
}

impl<'a> Options<'a> {
    /// For a test: fast, leashed, with the policies of `init`.
    pub fn in_folder(folder: &'a Path) -> Self {
        Self {
            folder,
            binary: None,
            policies: None,
            edit: &|text| text,
            durable: false,
            leashed: true,
        }
    }
}

/// Everything up and ready. Ends in the order of its fields.
pub struct Stand {
    pub gateway: Gateway,
    pub postgres: Postgres,
    pub people: People,
    leashed: bool,
}

impl Stand {
    /// Puts it up; `stop` is asked now and then whether to give up.
    pub fn start(options: &Options<'_>, stop: &dyn Fn() -> bool) -> anyhow::Result<Self> {
        private(options.folder)?;
        let folder = std::fs::canonicalize(options.folder)?;
        let [postgres, admin, metrics] = ports::free()?;
        let place = Place {
            binary: match &options.binary {
                Some(binary) => binary.clone(),
                None => binary::countersign()?,
            },
            folder: folder.join("gateway"),
            diagnostics: folder.join("diagnostics.log"),
            ports: Ports {
                postgres,
                admin,
                metrics,
            },
        };
        let admin = place.initialise()?;
        let postgres = Postgres::start(
            &postgres::Options {
                certificate: &place.folder.join("server.pem"),
                key: &place.folder.join("server.key"),
                authority: &place.authority(),
                log: &folder.join("postgres.log"),
                durable: options.durable,
                leashed: options.leashed,
            },
            stop,
        )?;
        configure(&place, &postgres, options)?;
        let gateway = Gateway::start(place, options.leashed, stop)?;
        let people = People::add(gateway.place(), admin).context("adding the people")?;
        Ok(Self {
            gateway,
            postgres,
            people,
            leashed: options.leashed,
        })
    }

    /// Starts the gateway anew, after it ended or was killed.
    pub fn restart(&mut self, stop: &dyn Fn() -> bool) -> anyhow::Result<()> {
        self.gateway.end()?;
        self.gateway = Gateway::start(self.gateway.place().clone(), self.leashed, stop)?;
        Ok(())
    }

    /// Ends all that was started, the gateway first.
    pub fn end(&mut self) -> anyhow::Result<()> {
        self.gateway.end()?;
        self.postgres.end()
    }
}

fn configure(place: &Place, postgres: &Postgres, options: &Options<'_>) -> anyhow::Result<()> {
    let text = settings::text(place.ports, postgres.port(), &place.diagnostics);
    std::fs::write(place.config(), (options.edit)(text))?;
    let password = place.folder.join("keys/shop.password");
    std::fs::write(&password, postgres.gateway_password())?;
    let only_owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&password, only_owner)?;
    if let Some(from) = options.policies {
        replace_policies(from, &place.policies())?;
    }
    Ok(())
}

/// Takes the `*.cedar` files of another folder in place of those that are there.
pub(crate) fn replace_policies(from: &Path, to: &Path) -> anyhow::Result<()> {
    let read = |folder: &Path| {
        std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))
    };
    for entry in read(to)? {
        std::fs::remove_file(entry?.path())?;
    }
    for entry in read(from)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "cedar")
            && let Some(name) = path.file_name()
        {
            std::fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}
