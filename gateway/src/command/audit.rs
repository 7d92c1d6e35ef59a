//! `countersign audit`: proves the audit log, prints its newest checkpoint, exports it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use recorder::Checkpoint;
use recorder::keys::PublicKey;
use recorder::verify::{Report, verify};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cli::{Audit, Export, Verify};
use crate::client::Client;
use crate::config::Config;
use crate::output::{Printer, print, visible};

/// The log was changed.
const CHANGED: u8 = 8;

pub(super) fn run(command: Audit, printer: &Printer) -> anyhow::Result<ExitCode> {
    match command {
        Audit::Verify(arguments) => proved(&arguments, printer),
        Audit::Checkpoint => {
            let newest = Client::from_environment()?.get("/v1/audit/checkpoint")?;
            let text = newest
                .get("text")
                .and_then(Value::as_str)
                .context("a checkpoint has a text")?;
            printer.say(&newest, text)?;
            Ok(ExitCode::SUCCESS)
        }
        Audit::Export(arguments) => export(&arguments),
    }
}

fn proved(arguments: &Verify, printer: &Printer) -> anyhow::Result<ExitCode> {
    let (folder, key) = match (&arguments.dir, &arguments.key) {
        (Some(folder), Some(key)) => (folder.clone(), key.clone()),
        _ => {
            let config = Config::load(&arguments.config.config)?;
            let settings = &config.settings;
            (
                config.path(&settings.recording.audit),
                config.path(&settings.keys.audit_public),
            )
        }
    };
    let key = PublicKey::load(&key)?;
    let since = arguments.since.as_deref().map(kept).transpose()?;
    let report = verify(&folder, &key, since.as_ref())?;
    printer.say(&told(&report), &words(&report, &folder))?;
    Ok(if report.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(CHANGED)
    })
}

/// A checkpoint as `audit checkpoint` printed it, in either form.
fn kept(path: &Path) -> anyhow::Result<Checkpoint> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let value: Option<Value> = serde_json::from_str(&text).ok();
    let within = value
        .as_ref()
        .and_then(|value| value.get("text"))
        .and_then(Value::as_str);
    let parsed: Result<Checkpoint, _> = within.unwrap_or(&text).parse();
    parsed.with_context(|| format!("{} is no checkpoint", path.display()))
}

fn told(report: &Report) -> Value {
    let counts = &report.counts;
    json!({
        "good": report.is_good(),
        "entries": report.entries,
        "sealed": report.sealed,
        "checkpoints": report.checkpoints,
        "torn_bytes": report.torn_bytes,
        "bad": report.bad.as_ref().map(|bad| json!({ "entry": bad.sequence, "reason": bad.reason })),
        "counts": {
            "decided": counts.decided,
            "allowed": counts.allowed,
            "refused": counts.refused,
            "outcomes": counts.outcomes,
            "unknown": counts.unknown,
            "open": counts.open,
        },
    })
}

fn words(report: &Report, folder: &Path) -> String {
    let folder = folder.display();
    let counts = &report.counts;
    match &report.bad {
        Some(bad) => format!(
            "{folder}: entry {} is bad: {}\nnothing after it was looked at",
            bad.sequence,
            visible(&bad.reason)
        ),
        None => format!(
            "{folder}: {} entries, {} of them sealed by {} checkpoints: nothing was changed\n\
             {} requests decided: {} let through, {} refused; {} outcomes, {} of them unknown; {} open",
            report.entries,
            report.sealed,
            report.checkpoints,
            counts.decided,
            counts.allowed,
            counts.refused,
            counts.outcomes,
            counts.unknown,
            counts.open
        ),
    }
}

/// One entry a line, whatever the form of output: an export is for programs.
fn export(arguments: &Export) -> anyhow::Result<ExitCode> {
    let folder: PathBuf = match &arguments.dir {
        Some(folder) => folder.clone(),
        None => {
            let config = Config::load(&arguments.config.config)?;
            config.path(&config.settings.recording.audit)
        }
    };
    let since = arguments.since.as_deref().map(|text| {
        OffsetDateTime::parse(text, &Rfc3339)
            .with_context(|| format!("`{}` is no RFC 3339 time", visible(text)))
    });
    let since = since.transpose()?;
    for entry in recorder::export::export(&folder)? {
        let entry = entry?;
        if since.is_none_or(|since| at(&entry).is_none_or(|at| at >= since)) {
            print(&entry.to_string())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn at(entry: &Value) -> Option<OffsetDateTime> {
    let text = entry.get("at").or_else(|| entry.get("time"))?.as_str()?;
    OffsetDateTime::parse(text, &Rfc3339).ok()
}
