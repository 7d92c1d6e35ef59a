//! `countersign check`: reads configuration and policies as `serve` would, and says what is wrong with them.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

use crate::cli::Check;
use crate::config::{Config, schema};
use crate::output::{Printer, print};
use crate::{house, rules};

pub(super) fn run(arguments: &Check, printer: &Printer) -> anyhow::Result<ExitCode> {
    if arguments.schema {
        print(&serde_json::to_string_pretty(&schema())?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = Config::load(&arguments.config.config)?;
    config.enter()?;
    let vocabulary = rules::vocabulary().context("vocabulary")?;
    let loaded = rules::load(&config, &vocabulary)?;
    let listeners = config
        .settings
        .listeners
        .iter()
        .filter_map(|one| one.tls.as_ref());
    for tls in listeners.chain(config.settings.admin.tls.as_ref()) {
        house::server_tls(tls, config.folder())?;
    }
    for (name, target) in &config.settings.targets {
        (target.entry.check)(&*target.backend)
            .with_context(|| format!("target `{}`", name.as_str()))?;
    }
    let keys = &config.settings.keys;
    for key in [&keys.audit, &keys.tapes] {
        let path = config.path(key);
        std::fs::metadata(&path).with_context(|| path.display().to_string())?;
    }
    crate::parts::ssh(&config, gate::Registry::default())?;
    let answer = json!({
        "config": config.file(),
        "listeners": config.settings.listeners.len(),
        "targets": config.settings.targets.keys().map(|name| name.as_str()).collect::<Vec<_>>(),
        "policy_revision": loaded.policies.revision(),
    });
    printer.say(
        &answer,
        &format!("{}: all is well", config.file().display()),
    )?;
    Ok(ExitCode::SUCCESS)
}
