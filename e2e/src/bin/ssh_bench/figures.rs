//! Numbers of a run: how much of everything, medians, and what a process used.

use std::time::Duration;

use anyhow::Context;

/// A setting, or what is usual.
pub(crate) fn setting(name: &str, usual: u64) -> anyhow::Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| name.to_owned()),
        Err(_) => Ok(usual),
    }
}

/// The value below which a share of all lies, in percent.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let at = (last * percent).div_ceil(100);
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// User and system time of a process so far.
pub(crate) fn cpu(process: u32) -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, behind_name) = text.rsplit_once(") ").context("the name of a process")?;
    let mut fields = behind_name.split(' ').skip(11);
    let mut ticks = || -> anyhow::Result<u64> { Ok(fields.next().context("its time")?.parse()?) };
    // a tick has been 10 ms wherever this runs
    Ok(Duration::from_millis(10 * (ticks()? + ticks()?)))
}

/// The memory of a process, in KiB.
pub(crate) fn resident(process: u32) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("its memory")?.parse()?)
}
