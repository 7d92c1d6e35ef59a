//! The demo's `env` file: `KEY=value` lines that a shell and a dotenv reader agree on, complete or not there.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::existing::{self, Fronted};
use crate::gateway::{Gateway, Place};
use crate::people::People;
use crate::shown::Shown;
use crate::ssh;
use crate::stand::Stand;

const VERSION: &str = "1";
const TARGET: &str = "shop";

/// The file; removed when dropped.
pub struct Environment {
    path: PathBuf,
}

/// What the stand itself does not know.
pub struct Around<'a> {
    pub folder: &'a Path,
    pub shown: &'a Shown,
    pub supervisor: u32,
}

impl Environment {
    /// Writes it by an atomic rename, mode 0600.
    pub fn publish(stand: &Stand, around: &Around<'_>) -> anyhow::Result<Self> {
        Self::write(around.folder, &keys(stand, around))
    }

    /// The same of a database that was there already.
    pub fn publish_fronted(
        fronted: &Fronted,
        folder: &Path,
        supervisor: u32,
    ) -> anyhow::Result<Self> {
        let served = Served {
            gateway: &fronted.gateway,
            people: &fronted.people,
            target: existing::TARGET,
            protocols: "postgres",
        };
        Self::write(folder, &common(&served, folder, supervisor))
    }

    fn write(folder: &Path, keys: &[(&str, String)]) -> anyhow::Result<Self> {
        let path = folder.join("env");
        let text = text(keys)?;
        let unfinished = folder.join(".env.unfinished");
        drop(std::fs::remove_file(&unfinished));
        let mut file: File = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        std::fs::rename(&unfinished, &path)?;
        Ok(Self { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

/// Whether a value needs quoting nowhere.
pub fn plain(value: &str) -> bool {
    value
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_./:@%?=+,-".contains(&byte))
}

/// What every demo has.
struct Served<'a> {
    gateway: &'a Gateway,
    people: &'a People,
    target: &'a str,
    protocols: &'a str,
}

fn keys(stand: &Stand, around: &Around<'_>) -> Vec<(&'static str, String)> {
    let served = Served {
        gateway: &stand.gateway,
        people: &stand.people,
        target: TARGET,
        protocols: "postgres,ssh",
    };
    let mut keys = common(&served, around.folder, around.supervisor);
    keys.push(("DEMO_POSTGRES_DIRECT_URL", stand.postgres.direct_url()));
    keys.extend(of_ssh(around.shown));
    keys
}

fn common(served: &Served<'_>, folder: &Path, supervisor: u32) -> Vec<(&'static str, String)> {
    let Served {
        gateway,
        people,
        target,
        protocols,
    } = served;
    let place = gateway.place();
    let url = |person: &str, token: &str| url_of(place, target, (person, token));
    let path = |path: &Path| path.display().to_string();
    let authority = path(&place.authority());
    vec![
        ("DEMO_VERSION", VERSION.to_owned()),
        ("DEMO_PID", gateway.id().to_string()),
        ("DEMO_SUPERVISOR_PID", supervisor.to_string()),
        ("DEMO_DIR", path(folder)),
        ("DEMO_BIN", path(&place.binary)),
        ("DEMO_CONFIG", path(&place.config())),
        ("DEMO_POLICIES", path(&place.policies())),
        ("COUNTERSIGN_CONFIG", path(&place.config())),
        ("DEMO_AUDIT_DIR", path(&place.folder.join("audit"))),
        (
            "DEMO_AUDIT_PUBLIC_KEY",
            path(&place.folder.join("keys/audit.pub")),
        ),
        ("DEMO_DIAGNOSTICS", path(&place.diagnostics)),
        ("COUNTERSIGN_URL", place.admin_url()),
        ("COUNTERSIGN_CA", authority.clone()),
        ("DEMO_METRICS_URL", place.metrics_url()),
        ("DEMO_READY_URL", place.ready_url()),
        ("DEMO_ADMIN_TOKEN", people.admin.clone()),
        ("DEMO_ADA_TOKEN", people.ada.clone()),
        ("DEMO_GRACE_TOKEN", people.grace.clone()),
        ("DEMO_HEIDI_TOKEN", people.heidi.clone()),
        ("DEMO_ROBOT_TOKEN", people.robot.clone()),
        ("DEMO_PROTOCOLS", (*protocols).to_owned()),
        ("DEMO_POSTGRES_HOST", "localhost".to_owned()),
        ("DEMO_POSTGRES_PORT", place.ports.postgres.to_string()),
        ("DEMO_POSTGRES_TARGET", (*target).to_owned()),
        ("DEMO_POSTGRES_URL_ADA", url("ada", &people.ada)),
        ("DEMO_POSTGRES_URL_ROBOT", url("robot", &people.robot)),
        ("PGSSLROOTCERT", authority),
    ]
}

fn of_ssh(shown: &Shown) -> [(&'static str, String); 7] {
    let path = |path: PathBuf| path.display().to_string();
    [
        ("DEMO_SSH_HOST", "127.0.0.1".to_owned()),
        ("DEMO_SSH_PORT", shown.ground.port.to_string()),
        ("DEMO_SSH_TARGET", ssh::TARGET.to_owned()),
        ("DEMO_SSH_CONFIG", path(shown.configuration())),
        ("DEMO_SSH_KNOWN_HOSTS", path(shown.known_hosts())),
        ("DEMO_SSH_KEY_ADA", path(shown.key())),
        ("DEMO_SSH_DIRECT_CONFIG", path(shown.direct_configuration())),
    ]
}

/// Through the gateway, as libpq takes it.
pub fn url(stand: &Stand, person: &str, token: &str) -> String {
    url_of(stand.gateway.place(), TARGET, (person, token))
}

/// The same to any target.
pub fn url_of(place: &Place, target: &str, (person, token): (&str, &str)) -> String {
    let port = place.ports.postgres;
    format!("postgresql://{person}:{token}@localhost:{port}/{target}?sslmode=verify-full")
}

fn text(keys: &[(&str, String)]) -> anyhow::Result<String> {
    let mut text = String::new();
    for (key, value) in keys {
        if !plain(value) {
            bail!("the value of {key} would need quoting");
        }
        writeln!(text, "{key}={value}").context("writing to memory")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_need_quoting_are_found() {
        assert!(plain(
            "postgresql://ada:cs_Ab1_x@localhost:1/shop?sslmode=verify-full"
        ));
        for value in ["a b", "a'b", "a\"b", "$a", "a;b", "a&b", "ä", "a\nb", "(a)"] {
            assert!(!plain(value), "{value}");
        }
    }
}
