//! A client in a terminal of its own, as people have one: 100 columns across and 30 rows down at first.

use std::process::Command;

use serde_json::json;

use crate::ssh::Client;

/// What holds the terminal.
const HOLDER: &str = include_str!("terminal.py");

/// A program that is looked at and typed into.
pub struct Terminal {
    pub client: Client,
}

impl Terminal {
    pub fn start(program: &Command) -> anyhow::Result<Self> {
        let mut holder = Command::new("python3");
        holder
            .args(["-c", HOLDER])
            .arg(program.get_program())
            .args(program.get_args())
            .current_dir("/");
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => holder.env(name, value),
                None => holder.env_remove(name),
            };
        }
        let client = Client::start(holder.env("TERM", "xterm"))?;
        Ok(Self { client })
    }

    pub fn types(&mut self, text: &str) -> anyhow::Result<()> {
        self.tell(&json!(["type", text]))
    }

    pub fn resize(&mut self, rows: u16, columns: u16) -> anyhow::Result<()> {
        self.tell(&json!(["size", rows, columns]))
    }

    fn tell(&mut self, what: &serde_json::Value) -> anyhow::Result<()> {
        self.client.say(format!("{what}\n").as_bytes())
    }
}
