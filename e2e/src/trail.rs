//! What the gateway left behind, read by its own offline commands: the audit log's entries, its proof, and explanations.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::gateway::Place;

/// Where the audit log of a stand lies.
pub fn folder(place: &Place) -> PathBuf {
    place.folder.join("audit")
}

/// All decisions and outcomes so far, oldest first.
pub fn entries(place: &Place) -> anyhow::Result<Vec<Value>> {
    entries_of(place, &folder(place))
}

/// The same of a log in another folder.
pub fn entries_of(place: &Place, log: &Path) -> anyhow::Result<Vec<Value>> {
    let log = log.to_str().context("a folder's name is text")?;
    let lines = place.cli("", &["--output", "ndjson", "audit", "export", "--dir", log])?;
    let parsed = lines.lines().map(|line| Ok(serde_json::from_str(line)?));
    parsed.collect()
}

/// `audit verify` of a log, whatever it finds.
pub fn verify(place: &Place, log: &Path) -> anyhow::Result<Output> {
    let key = place.folder.join("keys/audit.pub");
    let mut command = place.command("", &["--output", "json", "audit", "verify"]);
    command.arg("--dir").arg(log).arg("--key").arg(key);
    command.output().context("starting `audit verify`")
}

/// The proof of a log that nothing was changed in; what it found otherwise is the error.
pub fn proof(place: &Place, log: &Path) -> anyhow::Result<Value> {
    let output = verify(place, log)?;
    let told = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{}: {told}{errors}", output.status);
    }
    Ok(serde_json::from_str(&told)?)
}

/// `policy explain` of one request a line, in order.
pub fn explain(place: &Place, person: &str, requests: &[Value]) -> anyhow::Result<Vec<Value>> {
    let lines: Vec<String> = requests.iter().map(Value::to_string).collect();
    let mut command = place.command("", &["--output", "json", "policy", "explain"]);
    command.args(["--as", person, "--target", "shop", "-"]);
    // from a file: it answers each line before it reads the next, and a pipe would fill up
    let mut input = tempfile::tempfile()?;
    input.write_all(lines.join("\n").as_bytes())?;
    input.seek(SeekFrom::Start(0))?;
    let output = command.stdin(input).output()?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("`policy explain` ended with {}: {errors}", output.status);
    }
    let told = String::from_utf8(output.stdout)?;
    let parsed = told.lines().map(|line| Ok(serde_json::from_str(line)?));
    let parsed: Vec<Value> = parsed.collect::<anyhow::Result<_>>()?;
    if parsed.len() != requests.len() {
        bail!("{} answers to {} requests", parsed.len(), requests.len());
    }
    Ok(parsed)
}

/// A field's text, empty where it has none.
pub fn text<'a>(entry: &'a Value, field: &str) -> &'a str {
    entry.get(field).and_then(Value::as_str).unwrap_or_default()
}
