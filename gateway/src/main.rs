//! `countersign`: the gateway, and the command line of its people.

mod cli;
mod client;
mod command;
mod config;
mod health;
mod house;
mod limits;
mod listen;
mod output;
mod parts;
mod protocols;
mod rules;
mod signals;
mod telemetry;
mod web;

use std::process::ExitCode;

use clap::Parser;

/// For PostgreSQL's grammar too: the C library's own takes more than a third of the gateway's time where texts are new.
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // fails only where it was installed already
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    command::run(cli::Cli::parse())
}
