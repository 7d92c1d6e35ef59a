//! A database that is there already, as the demo fronts it: named by a URL, changed by nothing but what people approve.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::folder::private;
use crate::gateway::{Gateway, Place};
use crate::people::People;
use crate::ports;
use crate::process::output;
use crate::settings::{self, Ports};
use crate::stand::replace_policies;

/// What clients call it.
pub const TARGET: &str = "database";

const POLICIES: &str = include_str!("existing.policies.cedar");
/// Where systems keep the authorities that they believe.
const SYSTEM_AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Where it is and how it is entered.
pub struct Existing {
    /// Each as the configuration says it.
    places: Vec<String>,
    /// The same for people.
    shown: Vec<String>,
    user: String,
    password: Option<String>,
    database: String,
}

impl Existing {
    /// Reads a URL as libpq writes them; `authority` vouches for the server where the URL names none.
    pub fn read(url: &str, authority: Option<PathBuf>) -> anyhow::Result<Self> {
        let (mode, root, url) = without_tls(url);
        let config: Config = url.parse().map_err(|error| {
            anyhow::anyhow!("DEMO_DATABASE_URL is no URL of PostgreSQL: {error}")
        })?;
        let user = config
            .get_user()
            .context("DEMO_DATABASE_URL names no user")?;
        let password = config.get_password().map(<[u8]>::to_vec);
        let mut existing = Self {
            places: Vec::new(),
            shown: Vec::new(),
            user: user.to_owned(),
            password: password.map(String::from_utf8).transpose()?,
            database: config.get_dbname().unwrap_or(user).to_owned(),
        };
        let roots = root.map(PathBuf::from).or(authority);
        let tls = Tls { mode, roots };
        for (number, host) in config.get_hosts().iter().enumerate() {
            let ports = config.get_ports();
            let port = ports.get(number).or(ports.first()).copied();
            existing.add(host, port.unwrap_or(5432), &tls)?;
        }
        if existing.places.is_empty() {
            bail!("DEMO_DATABASE_URL names no host");
        }
        Ok(existing)
    }

    fn add(&mut self, host: &Host, port: u16, tls: &Tls) -> anyhow::Result<()> {
        let (place, shown) = match host {
            Host::Unix(folder) => {
                let path = folder.join(format!(".s.PGSQL.{port}"));
                let path = path.to_str().context("the socket's path is no text")?;
                let place = format!("unix: {{ path: {} }}", quoted(path)?);
                (place, format!("{path}, a socket"))
            }
            Host::Tcp(host) if is_loopback(host) && !tls.asked() => (
                format!("loopback: {{ port: {port} }}"),
                format!("127.0.0.1:{port}, without TLS on this machine"),
            ),
            Host::Tcp(host) => {
                let roots = tls.roots()?;
                let roots = roots.to_str().context("the authority's path is no text")?;
                let (host_text, roots_text) = (quoted(host)?, quoted(roots)?);
                let place = format!("tcp: {{ host: {host_text}, port: {port}, ca: {roots_text} }}");
                (
                    place,
                    format!("{host}:{port}, over TLS verified by {roots}"),
                )
            }
        };
        self.places.push(place);
        self.shown.push(shown);
        Ok(())
    }

    /// What is fronted, for people; never the password.
    pub fn described(&self) -> String {
        let Self {
            database,
            user,
            shown,
            ..
        } = self;
        format!(
            "database {database} at {} as role {user}",
            shown.join(" or ")
        )
    }

    /// The stand's configuration with this target in place of its own.
    fn configured(&self, text: &str) -> anyhow::Result<String> {
        let (before, after) = text.split_once("\ntargets:\n").context("no targets")?;
        let (_, after) = after.split_once("\npolicies:\n").context("no policies")?;
        let [first, others @ ..] = self.places.as_slice() else {
            bail!("no place");
        };
        let others: Vec<String> = others
            .iter()
            .map(|place| format!("{{ {place} }}"))
            .collect();
        let (database, user) = (quoted(&self.database)?, quoted(&self.user)?);
        let password = match self.password {
            Some(_) => "\n      password: { file: keys/database.password }",
            None => "",
        };
        let target = format!(
            "  {TARGET}:\n    labels: [env:demo]\n    postgres:\n      at: {{ {first} }}\n      or_at: [{}]\n      \
             databases: [{database}]\n      user: {user}{password}\n",
            others.join(", ")
        );
        let after = after
            .replace(
                "\"shop.public.customers.card\"",
                "\"*.card\", \"*.card_number\"",
            )
            .replace("\"shop.public.customers.email\"", "\"*.email\"");
        Ok(format!("{before}\ntargets:\n{target}\npolicies:\n{after}"))
    }
}

/// A gateway before it, and the people of the demo.
pub struct Fronted {
    pub gateway: Gateway,
    pub people: People,
}

impl Fronted {
    /// Ready when the database itself answered through it; `stop` is asked now and then whether to give up.
    pub fn start(
        existing: &Existing,
        (folder, binary): (&Path, PathBuf),
        policies: Option<&Path>,
        stop: &dyn Fn() -> bool,
    ) -> anyhow::Result<Self> {
        private(folder)?;
        let folder = std::fs::canonicalize(folder)?;
        let [postgres, admin, metrics] = ports::free()?;
        let ports = Ports {
            postgres,
            admin,
            metrics,
        };
        let place = Place {
            binary,
            folder: folder.join("gateway"),
            diagnostics: folder.join("diagnostics.log"),
            ports,
        };
        let admin = place.initialise()?;
        let text = existing.configured(&settings::text(ports, 0, &place.diagnostics))?;
        std::fs::write(place.config(), text)?;
        if let Some(password) = &existing.password {
            let path = place.folder.join("keys/database.password");
            std::fs::write(&path, password)?;
            let only_owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(&path, only_owner)?;
        }
        match policies {
            Some(from) => replace_policies(from, &place.policies())?,
            None => own_policies(&place.policies())?,
        }
        let gateway = Gateway::start(place, true, stop)?;
        let people = People::add(gateway.place(), admin).context("adding the people")?;
        let fronted = Self { gateway, people };
        fronted.answers()?;
        Ok(fronted)
    }

    /// psql as ada, through the gateway, as anybody may type it.
    pub fn psql(&self, statement: &str) -> Command {
        let place = self.gateway.place();
        let url = crate::environment::url_of(place, TARGET, ("ada", &self.people.ada));
        let mut command = Command::new("psql");
        command
            .args(["--no-psqlrc", &url, "-Atc", statement])
            .env("PGSSLROOTCERT", place.authority());
        command
    }

    fn answers(&self) -> anyhow::Result<()> {
        output(&mut self.psql("SELECT 1")).context("the database does not answer")?;
        Ok(())
    }
}

fn own_policies(folder: &Path) -> anyhow::Result<()> {
    for name in ["shop.cedar", "box.cedar", "masking.cedar"] {
        std::fs::remove_file(folder.join(name)).with_context(|| name.to_owned())?;
    }
    std::fs::write(folder.join("database.cedar"), POLICIES)?;
    Ok(())
}

/// How the URL wants TLS, and who vouches for servers.
struct Tls {
    mode: Option<String>,
    roots: Option<PathBuf>,
}

impl Tls {
    fn asked(&self) -> bool {
        let mode = self.mode.as_deref();
        matches!(mode, Some("require" | "verify-ca" | "verify-full"))
    }

    fn roots(&self) -> anyhow::Result<PathBuf> {
        if self.mode.as_deref() == Some("disable") {
            bail!(
                "`sslmode=disable` to another machine: its TLS is always verified (hint: leave `sslmode` out)"
            );
        }
        let named = self.roots.clone();
        let kept = || {
            SYSTEM_AUTHORITIES
                .iter()
                .map(PathBuf::from)
                .find(|path| path.is_file())
        };
        let roots = named.or_else(kept).context(
            "no authority that vouches for the server (hint: name a PEM file with `sslrootcert` in the URL)",
        )?;
        std::fs::canonicalize(&roots).with_context(|| roots.display().to_string())
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == IpAddr::from([127, 0, 0, 1]).to_string()
}

/// The URL without what it says of TLS: `sslmode`, `sslrootcert`, the rest.
fn without_tls(url: &str) -> (Option<String>, Option<String>, String) {
    let Some((before, query)) = url.split_once('?') else {
        return (None, None, url.to_owned());
    };
    let (mut mode, mut root, mut rest) = (None, None, Vec::new());
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value.to_owned()),
            Some(("sslrootcert", value)) => root = Some(value.to_owned()),
            _ => rest.push(pair),
        }
    }
    let separator = if rest.is_empty() { "" } else { "?" };
    (mode, root, format!("{before}{separator}{}", rest.join("&")))
}

/// As YAML takes any text.
fn quoted(text: &str) -> anyhow::Result<String> {
    Ok(serde_json::to_string(text)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(url: &str) -> anyhow::Result<Existing> {
        Existing::read(url, Some("/etc/hostname".into()))
    }

    #[test]
    fn tls_is_verified_except_on_this_machine() {
        let here = read("postgresql://ada:s%20ecret@localhost:5433/shop").unwrap();
        assert_eq!(here.places, ["loopback: { port: 5433 }"]);
        assert_eq!(here.password.as_deref(), Some("s ecret"));
        assert!(!here.described().contains("ecret"), "{}", here.described());
        let socket = read("postgresql://ada@/shop?host=/run/postgresql").unwrap();
        assert_eq!(
            socket.places,
            ["unix: { path: \"/run/postgresql/.s.PGSQL.5432\" }"]
        );
        for mode in ["", "?sslmode=require", "?sslmode=prefer"] {
            let url = format!("postgresql://ada@db.example,db2.example:1/shop{mode}");
            let far = read(&url).unwrap();
            assert_eq!(far.places.len(), 2, "{url}");
            assert!(far.places.iter().all(|place| place.starts_with("tcp:")));
        }
        let asked = read("postgresql://ada@127.0.0.1/shop?sslmode=verify-full").unwrap();
        assert!(asked.places.iter().all(|place| place.starts_with("tcp:")));
        for wrong in [
            "postgresql://ada@db.example/shop?sslmode=disable",
            "postgresql:///shop",
            "mysql://ada@localhost/shop",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
