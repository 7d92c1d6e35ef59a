//! `countersign token`: access tokens.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::cli::Token;
use crate::client::{Client, escaped};
use crate::output::{Printer, visible};

/// How long a token lives where nothing else is said.
const DAYS: u16 = 90;

pub(super) fn run(command: Token, printer: &Printer) -> anyhow::Result<ExitCode> {
    let client = Client::from_environment()?;
    match command {
        Token::Create {
            account,
            name,
            days,
        } => {
            let body = json!({ "account": account, "name": name, "expires_at": expiry(days.unwrap_or(DAYS))? });
            let issued = client.post("/v1/tokens", &body)?;
            let text = issued
                .get("token")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let words = format!(
                "a token of {}; it is shown once:\n{}",
                visible(&account),
                visible(text)
            );
            printer.say(&issued, &words)?;
        }
        Token::List { account } => {
            let query = account.map(|name| format!("?account={}", escaped(&name)));
            let tokens = client.get(&format!("/v1/tokens{}", query.unwrap_or_default()))?;
            let columns = [
                ("ID", "id"),
                ("ACCOUNT", "account"),
                ("NAME", "name"),
                ("ISSUED", "issued_at"),
                ("EXPIRES", "expires_at"),
                ("LAST USED", "last_used"),
                ("REVOKED", "revoked"),
            ];
            printer.list(
                tokens.as_array().map(Vec::as_slice).unwrap_or_default(),
                &columns,
            )?;
        }
        Token::Revoke { id } => {
            client.delete(&format!("/v1/tokens/{}", escaped(&id)))?;
            let words = format!("token {} is revoked; its sessions have ended", visible(&id));
            printer.say(&json!({ "id": id, "revoked": true }), &words)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// So many days from now; never, where there are none.
pub(super) fn expiry(days: u16) -> anyhow::Result<Option<String>> {
    if days == 0 {
        return Ok(None);
    }
    let at = OffsetDateTime::now_utc() + Duration::days(days.into());
    let at = at.replace_nanosecond(0).context("a whole second")?;
    Ok(Some(at.format(&Rfc3339)?))
}
