//! `countersign sessions watch`: looks on while a session goes on; of terminals, at the one that was begun last.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::sync::mpsc;

use super::play::{Ahead, Screen, read};
use super::replay::{INCOMPLETE, bytes, kind, shown};
use crate::client::{Client, escaped};
use crate::output::{Printer, print, visible};

/// No session is watched for longer at a stretch.
const WITHIN: Duration = Duration::from_secs(7 * 24 * 3600);
/// Whoever does not look on is left by the gateway.
const AHEAD: Ahead = Ahead {
    lines: 64,
    bytes: usize::MAX,
};

pub(super) fn run(
    client: &Client,
    id: &str,
    request: Option<&str>,
    printer: &Printer,
) -> anyhow::Result<ExitCode> {
    let request = request.map(escaped);
    let request = request.map_or_else(String::new, |request| format!("&request={request}"));
    let path = format!(
        "/v1/sessions/{}/recording?follow=true{request}",
        escaped(id)
    );
    let lines = read(client.stream(&path, WITHIN)?, AHEAD)?;
    super::runtime()?.block_on(async {
        let mut watch = Watch {
            for_programs: printer.for_programs(),
            terminal: None,
            screen: Screen::default(),
        };
        let ended = tokio::select! {
            ended = watch.look_on(lines) => ended,
            // whoever has seen enough leaves
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.map(|()| ExitCode::SUCCESS).map_err(Into::into)
            }
        };
        watch.leave()?;
        ended
    })
}

struct Watch {
    for_programs: bool,
    /// The request whose terminal is shown.
    terminal: Option<Value>,
    screen: Screen,
}

impl Watch {
    async fn look_on(
        &mut self,
        mut lines: mpsc::Receiver<anyhow::Result<String>>,
    ) -> anyhow::Result<ExitCode> {
        while let Some(line) = lines.recv().await {
            let line = line?;
            let event: Value = serde_json::from_str(&line).context("the answer makes no sense")?;
            if self.for_programs {
                print(&line)?;
            } else {
                self.show(&event)?;
            }
            match kind(&event) {
                Some("end") => return Ok(ExitCode::SUCCESS),
                Some("broken") => return Ok(ExitCode::from(INCOMPLETE)),
                _ => {}
            }
        }
        bail!("the answer was cut")
    }

    fn show(&mut self, event: &Value) -> anyhow::Result<()> {
        let request = event.get("request");
        let here = self.terminal.is_some() && request == self.terminal.as_ref();
        match kind(event) {
            Some("heartbeat") => {}
            Some("terminal") => {
                self.leave()?;
                print(&shown(event))?;
                self.terminal = request.cloned();
            }
            Some("reply" | "error_reply") if here => self.screen.show(&bytes(event))?,
            Some("exited" | "signalled") if here => {
                self.leave()?;
                print(&shown(event))?;
            }
            Some("notice" | "end" | "broken") => {
                let text = event.get("text").and_then(Value::as_str);
                match text.filter(|_| self.terminal.is_some()) {
                    Some(text) => {
                        let text = format!("\r\n-- {} --\r\n", visible(text));
                        self.screen.show(text.as_bytes())?;
                    }
                    None => {
                        self.leave()?;
                        print(&shown(event))?;
                    }
                }
            }
            // beside a terminal nothing else is shown
            _ if self.terminal.is_some() => {}
            _ => print(&shown(event))?,
        }
        Ok(())
    }

    fn leave(&mut self) -> anyhow::Result<()> {
        if self.terminal.take().is_some() {
            self.screen.restore()?;
        }
        Ok(())
    }
}
