//! `countersign serve`: runs the gateway until it is asked to stop.

use std::process::ExitCode;

use anyhow::Context;

use crate::cli::ConfigFile;
use crate::config::Config;
use crate::house::House;
use crate::signals::{Asked, Signals};
use crate::telemetry::Diagnostics;
use crate::{command, limits};

pub(super) fn run(arguments: &ConfigFile) -> anyhow::Result<ExitCode> {
    let config = Config::load(&arguments.config)?;
    config
        .enter()
        .with_context(|| format!("entering {}", config.folder().display()))?;
    let diagnostics = Diagnostics::start(&config)?;
    command::runtime()?.block_on(serve(config, &diagnostics))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Config, diagnostics: &Diagnostics) -> anyhow::Result<()> {
    // before anything else, so that no signal is missed
    let mut signals = Signals::listen()?;
    let descriptors = limits::apply();
    let file = config.file().to_owned();
    let house = House::build(config).await.inspect_err(|error| {
        tracing::error!(%error, "the gateway did not start");
    });
    let mut house = house?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        ?descriptors,
        "the gateway is ready"
    );
    loop {
        match signals.next().await {
            Asked::Stop => break,
            Asked::Reload => {
                if let Err(error) = diagnostics.reopen() {
                    tracing::error!(%error, "the diagnostics file was not opened anew");
                }
                match house.reload(&file).await {
                    Ok(()) => tracing::info!("the configuration was reloaded"),
                    Err(error) => {
                        tracing::error!(%error, "the reload was refused, nothing has changed")
                    }
                }
            }
        }
    }
    tracing::info!("draining");
    house.close().await;
    tracing::info!("stopped");
    Ok(())
}
