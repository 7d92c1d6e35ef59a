//! Plays an asciicast in the terminal. What it shows is made harmless once more: whoever looks at a recording trusts
//! neither those who were recorded nor the file.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use recorder::terminal::harmless::Harmless;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// It is read faster than it is played, and kept until then.
const KEPT: Ahead = Ahead {
    lines: 8 << 20,
    bytes: 256 << 20,
};
/// As after Ctrl-C.
const INTERRUPTED: u8 = 130;

/// How fast.
pub(super) struct Pace {
    pub(super) waits: bool,
    pub(super) speed: f64,
    /// Seconds.
    pub(super) idle_limit: f64,
}

/// How far reading goes ahead of showing, and how many bytes are read at all.
pub(super) struct Ahead {
    pub(super) lines: usize,
    pub(super) bytes: usize,
}

pub(super) fn run(cast: impl Read + Send + 'static, pace: Pace) -> anyhow::Result<ExitCode> {
    let lines = read(cast, KEPT)?;
    super::runtime()?.block_on(async {
        let mut player = Player {
            screen: Screen::default(),
            pace,
            at: Instant::now(),
            seconds: 0.0,
        };
        let ended = tokio::select! {
            played = player.play(lines) => played.map(|()| ExitCode::SUCCESS),
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.map(|()| ExitCode::from(INTERRUPTED)).map_err(Into::into)
            }
        };
        player.screen.restore()?;
        ended
    })
}

/// The lines of an answer, read by a thread that ends with the answer or the program.
pub(super) fn read(
    answer: impl Read + Send + 'static,
    ahead: Ahead,
) -> anyhow::Result<mpsc::Receiver<anyhow::Result<String>>> {
    let (sender, receiver) = mpsc::channel(ahead.lines);
    let reading = move || {
        let mut length: usize = 0;
        for line in BufReader::new(answer).lines() {
            let line = line.context("the answer broke off");
            length = length.saturating_add(line.as_ref().map_or(0, String::len));
            let over = line.is_err();
            if sender.blocking_send(line).is_err() || over {
                return;
            }
            if length > ahead.bytes {
                let long = "it is too long to be played; write it with `--format asciicast`";
                // nobody may be left to be told
                drop(sender.blocking_send(Err(anyhow::anyhow!(long))));
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("recording".to_owned())
        .spawn(reading)?;
    Ok(receiver)
}

struct Player {
    screen: Screen,
    pace: Pace,
    /// When the last event was due, and where in the recording it stood.
    at: Instant,
    seconds: f64,
}

impl Player {
    async fn play(
        &mut self,
        mut lines: mpsc::Receiver<anyhow::Result<String>>,
    ) -> anyhow::Result<()> {
        let header = lines.recv().await.context("the answer is empty")??;
        let header: Value = serde_json::from_str(&header).context("the answer makes no sense")?;
        if header.get("version").and_then(Value::as_u64) != Some(2) {
            bail!("the answer is no asciicast of version 2");
        }
        while let Some(line) = lines.recv().await {
            let event: (f64, String, String) =
                serde_json::from_str(&line?).context("the answer makes no sense")?;
            let (seconds, code, data) = event;
            if code != "o" {
                continue;
            }
            self.wait(seconds).await;
            self.screen.show(data.as_bytes())?;
        }
        Ok(())
    }

    async fn wait(&mut self, seconds: f64) {
        let passed = (seconds - self.seconds).clamp(0.0, self.pace.idle_limit);
        self.seconds = self.seconds.max(seconds);
        if !self.pace.waits {
            return;
        }
        let pause = Duration::try_from_secs_f64(passed / self.pace.speed);
        self.at += pause.unwrap_or_default();
        sleep_until(self.at).await;
    }
}

/// The terminal of whoever looks on.
#[derive(Default)]
pub(super) struct Screen(Harmless);

impl Screen {
    pub(super) fn show(&mut self, bytes: &[u8]) -> io::Result<()> {
        let shown = self.0.pass(bytes);
        let mut out = io::stdout().lock();
        out.write_all(shown.as_bytes())?;
        out.flush()
    }

    /// In order again, and below what was shown.
    pub(super) fn restore(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(self.0.end().as_bytes())?;
        out.write_all(b"\r\n")?;
        *self = Self::default();
        out.flush()
    }
}
