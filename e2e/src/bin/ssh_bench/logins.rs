//! How long a login with one command takes.

use std::time::Instant;

use crate::figures::{cpu, median, percentile, setting};
use crate::ways::{Ways, run};

pub(crate) fn table(ways: &Ways) -> anyhow::Result<String> {
    let count = setting("BENCH_LOGINS", 40)?;
    let mut times = vec![Vec::new(); ways.all.len()];
    let mut used = vec![0.0; ways.all.len()];
    for _ in 0..count {
        for ((way, times), used) in ways.all.iter().zip(&mut times).zip(&mut used) {
            let cpu = || way.between.map(cpu).transpose();
            let (before, began) = (cpu()?, Instant::now());
            run(&mut way.ssh(&[], &["true"]))?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
            if let (Some(before), Some(after)) = (before, cpu()?) {
                *used += (after - before).as_secs_f64() * 1000.0;
            }
        }
    }
    let mut text = format!(
        "`ssh true`, {count} times in turns.\n\n\
         | way | p50 ms | p90 ms | of direct | CPU ms/login between |\n|---|---|---|---|---|\n"
    );
    let direct = times.first().map_or(f64::NAN, |times| median(times));
    for ((way, times), used) in ways.all.iter().zip(&times).zip(&used) {
        let (middle, high) = (median(times), percentile(times, 90));
        let used = match way.between {
            Some(_) => format!("{:.1}", used / count as f64),
            None => "-".to_owned(),
        };
        let share = middle / direct;
        text += &format!(
            "| {} | {middle:.0} | {high:.0} | {share:.2}x | {used} |\n",
            way.name
        );
    }
    Ok(text)
}
