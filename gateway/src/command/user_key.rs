//! `countersign user key` and `user certificate`: what SSH knows people and services by.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use ssh_key::{HashAlg, PublicKey};

use crate::cli::{UserCertificate, UserKey};
use crate::client::{Client, escaped};
use crate::command::token::expiry;
use crate::output::{Printer, visible};

/// The largest file that is read as a public key.
const LARGEST: usize = 8 * 1024;

pub(super) fn key(command: UserKey, printer: &Printer) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    match command {
        UserKey::Add {
            account,
            file,
            name,
            days,
        } => {
            let key = public_key(&file)?;
            let name = name.unwrap_or_else(|| key.comment().to_string());
            let line = key.to_openssh()?;
            let until = expiry(days)?;
            let (path, body) = if account == own_name(&client)? {
                let body = json!({ "name": name, "key": line, "expires_at": until });
                ("/v1/me/ssh-keys", body)
            } else {
                let body = json!({
                    "account": account, "name": name, "key": line, "expires_at": until
                });
                ("/v1/ssh-keys", body)
            };
            let added = client.post(path, &body)?;
            let fingerprint = key.fingerprint(HashAlg::Sha256);
            let words = format!("{} is known by {fingerprint}", visible(&account));
            printer.say(&added, &words)?;
        }
        UserKey::List { account } => {
            let columns = [
                ("ID", "id"),
                ("ACCOUNT", "account"),
                ("NAME", "name"),
                ("FINGERPRINT", "fingerprint"),
                ("ADDED", "added_at"),
                ("EXPIRES", "expires_at"),
                ("LAST USED", "last_used"),
                ("REVOKED", "revoked"),
            ];
            printer.list(&listed(&client, "ssh-keys", account.as_deref())?, &columns)?;
        }
        UserKey::Remove { id } => {
            end(&client, "ssh-keys", ("id", &id))?;
            let words = format!("key {} is removed; its sessions have ended", visible(&id));
            printer.say(&json!({ "id": id, "revoked": true }), &words)?;
        }
    }
    Ok(())
}

pub(super) fn certificate(command: UserCertificate, printer: &Printer) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    match command {
        UserCertificate::List { account } => {
            let columns = [
                ("SERIAL", "serial"),
                ("ACCOUNT", "account"),
                ("FINGERPRINT", "fingerprint"),
                ("TOKEN", "issued_with"),
                ("ISSUED", "issued_at"),
                ("VALID UNTIL", "valid_until"),
                ("REVOKED", "revoked"),
            ];
            let rows = listed(&client, "ssh-certificates", account.as_deref())?;
            printer.list(&rows, &columns)?;
        }
        UserCertificate::Revoke { serial } => {
            let serial = serial.to_string();
            end(&client, "ssh-certificates", ("serial", &serial))?;
            let words = format!("certificate {serial} is revoked; its sessions have ended");
            printer.say(&json!({ "serial": serial, "revoked": true }), &words)?;
        }
    }
    Ok(())
}

/// Reads a public key, and refuses a private one before anything is sent.
pub(super) fn public_key(file: &Path) -> anyhow::Result<PublicKey> {
    let text = std::fs::read(file).with_context(|| file.display().to_string())?;
    let text = String::from_utf8_lossy(&text);
    if text.contains("PRIVATE KEY") {
        bail!(
            "{} is a private key; nothing was sent (hint: name the `.pub` file beside it)",
            file.display()
        );
    }
    if text.len() > LARGEST {
        bail!("{} is too large for a public key", file.display());
    }
    PublicKey::from_openssh(text.trim()).with_context(|| {
        let file = file.display();
        format!("{file} holds no public key of OpenSSH's, such as `ssh-ed25519 AAAA... name`")
    })
}

pub(super) fn own_name(client: &Client) -> anyhow::Result<String> {
    let me = client.get("/v1/me")?;
    let name = me.get("name").and_then(Value::as_str);
    Ok(name
        .context("the gateway does not say who asks")?
        .to_owned())
}

fn listed(client: &Client, what: &str, account: Option<&str>) -> anyhow::Result<Vec<Value>> {
    let query = account.map(|name| format!("?account={}", escaped(name)));
    let mut all = client.get(&format!("/v1/{what}{}", query.unwrap_or_default()))?;
    Ok(all.as_array_mut().map(std::mem::take).unwrap_or_default())
}

/// One's own, or by the leave to manage those of others.
fn end(client: &Client, what: &str, (field, id): (&str, &str)) -> anyhow::Result<()> {
    let own = listed(client, what, Some(&own_name(client)?))?;
    let mine = own
        .iter()
        .any(|one| one.get(field).and_then(Value::as_str) == Some(id));
    let whose = if mine { "me/" } else { "" };
    client.delete(&format!("/v1/{whose}{what}/{}", escaped(id)))?;
    Ok(())
}
