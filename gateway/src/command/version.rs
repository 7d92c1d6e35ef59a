//! `countersign version`.

use std::process::ExitCode;

use serde_json::json;

use crate::output::Printer;
use crate::protocols::PROTOCOLS;

pub(super) fn run(printer: &Printer) -> anyhow::Result<ExitCode> {
    let version = env!("CARGO_PKG_VERSION");
    let protocols: Vec<&str> = PROTOCOLS.iter().map(|entry| entry.name).collect();
    let answer = json!({ "name": "countersign", "version": version, "protocols": protocols });
    printer.say(&answer, &format!("countersign {version}"))?;
    Ok(ExitCode::SUCCESS)
}
