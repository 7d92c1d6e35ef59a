//! `countersign user key`: public keys.

use anyhow::Context;
use serde_json::{Value, json};

use crate::cli::Key;
use crate::client::{Client, escaped};
use crate::output::{Printer, visible};

pub(super) fn run(command: Key, printer: &Printer) -> anyhow::Result<()> {
    let client = Client::from_environment()?;
    match command {
        Key::Add {
            account,
            file,
            name,
        } => {
            let line = std::fs::read_to_string(&file)
                .with_context(|| format!("reading `{}`", file.display()))?;
            let body = json!({ "account": account, "key": line.trim(), "name": name });
            let added = client.post("/v1/keys", &body)?;
            let id = added.get("id").and_then(Value::as_str).unwrap_or_default();
            let words = format!("key {} is {}'s now", visible(id), visible(&account));
            printer.say(&added, &words)?;
        }
        Key::List { account } => {
            let query = account.map(|name| format!("?account={}", escaped(&name)));
            let keys = client.get(&format!("/v1/keys{}", query.unwrap_or_default()))?;
            let columns = [
                ("ID", "id"),
                ("ACCOUNT", "account"),
                ("NAME", "name"),
                ("ADDED", "added_at"),
                ("BY", "added_by"),
                ("REMOVED", "revoked"),
            ];
            let rows = keys.as_array().map(Vec::as_slice).unwrap_or_default();
            printer.list(rows, &columns)?;
        }
        Key::Remove { id } => {
            client.delete(&format!("/v1/keys/{}", escaped(&id)))?;
            let words = format!("key {} is removed; its sessions have ended", visible(&id));
            printer.say(&json!({ "id": id, "removed": true }), &words)?;
        }
    }
    Ok(())
}
