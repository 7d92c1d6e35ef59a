//! One stream of many bytes, up and down, by ssh and by SFTP.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::figures::{cpu, median, setting};
use crate::ways::{Way, Ways, run};

/// What moves the bytes.
#[derive(Clone, Copy)]
enum How {
    Up,
    Down,
    CopyUp,
    CopyDown,
}

const HOWS: [(How, &str); 4] = [
    (How::Up, "`ssh 'cat >/dev/null' <file`"),
    (How::Down, "`ssh 'cat file' >/dev/null`"),
    (How::CopyUp, "`scp file there`"),
    (How::CopyDown, "`scp there file`"),
];

pub(crate) fn table(ways: &Ways) -> anyhow::Result<String> {
    let (size, rounds) = (setting("BENCH_MIB", 1024)?, setting("BENCH_ROUNDS", 3)?);
    let yard = ways.ground.yard("bulk")?;
    let file = yard.join("file");
    let mut make = Command::new("sh");
    make.args(["-c", "head -c \"$0\"M /dev/urandom >\"$1\""]);
    run(make.arg(size.to_string()).arg(&file))?;
    let mut text = format!(
        "{size} MiB, the median of {rounds} rounds in turns. CPU is that of the relay or the gateway, all its threads.\n\n\
         | what | way | MiB/s | of direct | CPU s/GiB between |\n|---|---|---|---|---|\n"
    );
    for (how, name) in HOWS {
        let all: Vec<&Way> = ways.all.iter().chain([&ways.seer]).collect();
        let mut rates = vec![Vec::new(); all.len()];
        let mut used = vec![Vec::new(); all.len()];
        for _ in 0..rounds {
            for ((way, rates), used) in all.iter().zip(&mut rates).zip(&mut used) {
                let (rate, cpu) = measure(way, how, &file, size)?;
                rates.push(rate);
                used.push(cpu);
            }
        }
        let direct = rates.first().map_or(f64::NAN, |rates| median(rates));
        for ((way, rates), used) in all.iter().zip(&rates).zip(&used) {
            let rate = median(rates);
            let share = 100.0 * rate / direct;
            let used = match way.between {
                Some(_) => format!("{:.2}", median(used)),
                None => "-".to_owned(),
            };
            text += &format!(
                "| {name} | {} | {rate:.0} | {share:.0} % | {used} |\n",
                way.name
            );
        }
    }
    std::fs::remove_dir_all(&yard)?;
    Ok(text)
}

/// MiB a second, and CPU seconds a GiB.
fn measure(way: &Way, how: How, file: &Path, size: u64) -> anyhow::Result<(f64, f64)> {
    let copy = file.with_extension("copy");
    let mut command = match how {
        How::Up => way.ssh(&[], &["cat >/dev/null"]),
        How::Down => way.ssh(&[], &[&format!("cat {}", file.display())]),
        How::CopyUp => {
            let mut command = way.program("scp");
            command.arg("-q").arg(file).arg(way.file(&copy));
            command
        }
        How::CopyDown => {
            let mut command = way.program("scp");
            command.arg("-q").arg(way.file(file)).arg(&copy);
            command
        }
    };
    if matches!(how, How::Up) {
        command.stdin(File::open(file)?);
    }
    let used = || way.between.map(cpu).transpose();
    let (before, began) = (used()?, Instant::now());
    run(&mut command)?;
    let took = began.elapsed().as_secs_f64();
    let used = match (before, used()?) {
        (Some(before), Some(after)) => (after - before).as_secs_f64(),
        (_, _) => 0.0,
    };
    if copy.exists() {
        std::fs::remove_file(&copy)?;
    }
    let size = size as f64;
    Ok((size / took, used * 1024.0 / size))
}
