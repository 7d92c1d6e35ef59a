//! `countersign init`: writes a first configuration with all that it refers to, so that `serve` can follow.

mod certificates;
mod ssh;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use recorder::keys::Key;
use serde_json::json;
use store::Store;

use crate::cli::Init;
use crate::command::{runtime, user};
use crate::config::{Config, schema};
use crate::output::Printer;
use crate::parts::private_folder;

const CONFIGURATION: &str = include_str!("init/countersign.yaml");
const POLICIES: [(&str, &str); 4] = [
    (
        "sessions.cedar",
        include_str!("init/policies/sessions.cedar"),
    ),
    ("shop.cedar", include_str!("init/policies/shop.cedar")),
    ("box.cedar", include_str!("init/policies/box.cedar")),
    ("masking.cedar", include_str!("init/policies/masking.cedar")),
];
/// As the configuration has them where no further name is given.
const NAMES: &str = r#"["localhost","127.0.0.1","::1"]"#;
/// Everybody may read a certificate and a policy, only the owner a key.
const PUBLIC: u32 = 0o644;
const PRIVATE: u32 = 0o600;

pub(super) fn run(arguments: &Init, printer: &Printer) -> anyhow::Result<ExitCode> {
    let folder = std::path::absolute(&arguments.directory)?;
    refuse_what_is_there(&folder)?;
    for part in ["", "keys", "policies", "state", "audit", "tapes"] {
        private_folder(&folder.join(part)).with_context(|| folder.display().to_string())?;
    }
    write_certificates(&folder, &arguments.hosts)?;
    write_ssh_keys(&folder.join("keys"))?;
    Key::generate(&folder.join("keys/audit.key"))?
        .public()
        .write(&folder.join("keys/audit.pub"))?;
    recorder::tape::TapeKey::generate(&folder.join("keys/tapes.key"))?;
    for (name, text) in POLICIES {
        write(&folder.join("policies").join(name), text.as_bytes(), PUBLIC)?;
    }
    let schema = serde_json::to_string_pretty(&schema())?;
    write(
        &folder.join("countersign.schema.json"),
        schema.as_bytes(),
        PUBLIC,
    )?;
    let file = folder.join("countersign.yaml");
    let text = configuration(&arguments.hosts)?;
    write(&file, text.as_bytes(), PRIVATE)?;

    let token = first_admin(&file, &arguments.admin)?;
    if let Some(path) = &arguments.admin_token_file {
        write(path, token.as_bytes(), PRIVATE)?;
    }
    let shown = arguments
        .admin_token_file
        .is_none()
        .then_some(token.as_str());
    let answer = json!({
        "config": file,
        "ca": folder.join("ca.pem"),
        "audit_public_key": folder.join("keys/audit.pub"),
        "admin": arguments.admin,
        "token": shown,
        "token_file": arguments.admin_token_file,
    });
    printer.say(&answer, &words(arguments, &file, shown))?;
    Ok(ExitCode::SUCCESS)
}

fn words(arguments: &Init, file: &Path, token: Option<&str>) -> String {
    let admin = &arguments.admin;
    let token = match (token, &arguments.admin_token_file) {
        (Some(token), _) => format!("the access token of {admin}; it is shown once:\n{token}"),
        (None, Some(path)) => format!("the access token of {admin} is in {}", path.display()),
        (None, None) => String::new(),
    };
    let file = file.display();
    format!(
        "wrote {file}\n{token}\n\n\
         next: name your database under `targets`, write its password into keys/shop.password, then\n  \
         countersign check --config {file}\n  countersign serve --config {file}"
    )
}

fn refuse_what_is_there(folder: &Path) -> anyhow::Result<()> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            Some(_) => bail!(
                "{} is not empty; nothing was written (hint: choose a new folder)",
                folder.display()
            ),
            None => Ok(()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| folder.display().to_string()),
    }
}

fn write_certificates(folder: &Path, hosts: &[String]) -> anyhow::Result<()> {
    let made = certificates::make(hosts)?;
    write(&folder.join("ca.pem"), made.authority.as_bytes(), PUBLIC)?;
    write(
        &folder.join("keys/ca.key"),
        made.authority_key.as_bytes(),
        PRIVATE,
    )?;
    write(&folder.join("server.pem"), made.server.as_bytes(), PUBLIC)?;
    write(
        &folder.join("server.key"),
        made.server_key.as_bytes(),
        PRIVATE,
    )
}

fn write_ssh_keys(keys: &Path) -> anyhow::Result<()> {
    let made = ssh::make()?;
    for (name, pair) in [
        ("ssh-user-ca", made.user_authority),
        ("ssh-host-ca", made.host_authority),
        ("ssh-target-ca", made.target_authority),
        ("ssh-host-key", made.host),
    ] {
        write(&keys.join(name), pair.private.as_bytes(), PRIVATE)?;
        let public = keys.join(format!("{name}.pub"));
        write(&public, pair.public.as_bytes(), PUBLIC)?;
    }
    Ok(())
}

/// The first configuration, with the names that clients call the gateway by.
fn configuration(hosts: &[String]) -> anyhow::Result<String> {
    let names = serde_json::to_string(&certificates::names(hosts))?;
    Ok(CONFIGURATION.replacen(NAMES, &names, 1))
}

fn first_admin(file: &Path, name: &str) -> anyhow::Result<String> {
    let config = Config::load(file)?;
    let path = config.path(&config.settings.store.file);
    runtime()?.block_on(async {
        let store = Store::open(&path).await?;
        let token = user::add_first_admin(&store, name).await;
        store.close().await?;
        token
    })
}

/// Never over a file that is there.
fn write(path: &Path, content: &[u8], mode: u32) -> anyhow::Result<()> {
    let opened: std::io::Result<File> = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    opened
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_is_certified_under_the_names_it_is_called() {
        let plain = configuration(&[]).unwrap();
        assert_eq!(plain, CONFIGURATION);
        let named = configuration(&["gate.example.com".to_owned(), "::1".to_owned()]).unwrap();
        let names = r#"names: ["localhost","127.0.0.1","::1","gate.example.com"]"#;
        assert!(named.contains(names), "{named}");
    }
}
