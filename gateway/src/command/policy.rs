//! `countersign policy`: what the policies say, without a gateway and without a backend.

mod answer;
mod explain;
mod identity;
mod line;
mod live;
mod masks;
mod words;

use std::process::ExitCode;

use serde_json::json;

use crate::cli::{Policy, PolicySource};
use crate::config::Config;
use crate::output::Printer;
use crate::rules;

pub(super) fn run(command: Policy, printer: &Printer) -> anyhow::Result<ExitCode> {
    match command {
        Policy::Check(source) => check(&source, printer),
        Policy::Explain(arguments) => explain::run(&arguments, printer),
    }
}

fn check(source: &PolicySource, printer: &Printer) -> anyhow::Result<ExitCode> {
    let vocabulary = rules::vocabulary()?;
    let folder = match &source.policies {
        Some(folder) => folder.clone(),
        None => {
            let config = Config::load(&source.config.config)?;
            config.path(&config.settings.policies.folder)
        }
    };
    let policies = rules::policies(&folder, &vocabulary)?;
    let answer = json!({ "folder": folder, "policy_revision": policies.revision() });
    printer.say(&answer, &format!("{}: all is well", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
