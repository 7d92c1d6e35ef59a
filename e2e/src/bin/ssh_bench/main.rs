//! SSH straight, through a plain relay on the same library, and through the gateway as it is shipped, in turns. Prints
//! Markdown tables. `BENCH_MIB` (1024), `BENCH_ROUNDS` (3), `BENCH_LOGINS` (40), `BENCH_TUNNEL_MIB` (20) and
//! `BENCH_IDLE` ("100 1000") say how much.

mod bulk;
mod figures;
mod idle;
mod logins;
mod tunnels;
mod ways;

use std::io::Write;
use std::process::ExitCode;

use crate::ways::Ways;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "ssh_bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("countersign-bench-")
        .tempdir()?;
    let ways = Ways::start(&folder.path().join("fresh"))?;
    print(&ways.described()?)?;
    // first, and on its own: memory that something else took is not given back
    print(&idle::table(&ways)?)?;
    drop(ways);
    let ways = Ways::start(&folder.path().join("again"))?;
    print(&bulk::table(&ways)?)?;
    print(&logins::table(&ways)?)?;
    print(&tunnels::table(&ways)?)
}

/// A table as soon as it is there.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
