//! How long a login with one command takes.

use std::time::Instant;

use anyhow::Context;

use crate::figures::{cpu, median, percentile, setting};
use crate::ways::{Way, Ways, run};

/// OpenSSH with itself agrees on another key exchange, which costs some 80 ms of CPU; the library does not have it.
const SAME: [&str; 2] = ["-o", "KexAlgorithms=curve25519-sha256"];

pub(crate) fn table(ways: &Ways) -> anyhow::Result<String> {
    let count = setting("BENCH_LOGINS", 40)?;
    let straight = ways.all.first().context("a direct way")?;
    let usual: [(String, &Way, &[&str]); 1] = [("direct, usual".to_owned(), straight, &[])];
    let same = ways.all.iter().map(|way| {
        let options: &[&str] = &SAME;
        (format!("{}, curve25519", way.name), way, options)
    });
    let all: Vec<_> = same.chain(usual).collect();
    let mut times = vec![Vec::new(); all.len()];
    let mut used = vec![0.0; all.len()];
    for _ in 0..count {
        for (((_, way, options), times), used) in all.iter().zip(&mut times).zip(&mut used) {
            let cpu = || way.between.map(cpu).transpose();
            let (before, began) = (cpu()?, Instant::now());
            run(&mut way.ssh(options, &["true"]))?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
            if let (Some(before), Some(after)) = (before, cpu()?) {
                *used += (after - before).as_secs_f64() * 1000.0;
            }
        }
    }
    let mut text = format!(
        "`ssh true`, {count} times in turns; shares are those of the first row.\n\n\
         | way | p50 ms | p90 ms | of direct | CPU ms/login between |\n|---|---|---|---|---|\n"
    );
    let direct = times.first().map_or(f64::NAN, |times| median(times));
    for (((name, way, _), times), used) in all.iter().zip(&times).zip(&used) {
        let (middle, high) = (median(times), percentile(times, 90));
        let used = match way.between {
            Some(_) => format!("{:.1}", used / count as f64),
            None => "-".to_owned(),
        };
        let share = middle / direct;
        text += &format!("| {name} | {middle:.0} | {high:.0} | {share:.2}x | {used} |\n");
    }
    Ok(text)
}
