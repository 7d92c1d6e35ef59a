//! The harness's words for clients in Rust: a command a line on standard input, an answer a line on standard output.

use std::io::Write;

use serde_json::{Value, json};

/// A driver, told what to do.
#[allow(async_fn_in_trait, reason = "nobody needs it to be Send")]
pub trait Client {
    async fn obey(&mut self, command: &Command) -> anyhow::Result<Value>;
    /// The SQLSTATE, where the server gave one.
    fn code(error: &anyhow::Error) -> Option<String>;
}

pub struct Command(Value);

impl Command {
    pub fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    pub fn milliseconds(&self) -> u64 {
        self.0["milliseconds"].as_u64().unwrap_or_default()
    }

    /// Rows of a number and a note, as COPY reads them.
    pub fn lines(&self) -> String {
        let rows = self.0["values"].as_array().cloned().unwrap_or_default();
        let line = |row: &Value| format!("{}\t{}\n", row[0], row[1].as_str().unwrap_or_default());
        rows.iter().map(line).collect()
    }

    pub fn arguments(&self) -> Vec<Value> {
        self.0["arguments"].as_array().cloned().unwrap_or_default()
    }
}

pub async fn serve(mut client: impl Client) -> anyhow::Result<()> {
    for line in std::io::stdin().lines() {
        let command = Command(serde_json::from_str(&line?)?);
        let answer = match client.obey(&command).await {
            Ok(answer) => answer,
            Err(error) => failure(&client, &error),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn failure<C: Client>(_: &C, error: &anyhow::Error) -> Value {
    json!({"error": C::code(error), "message": format!("{error:#}")})
}

/// What of libpq's variables says where the server is.
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// A value as it came: as text where it is that, else byte for byte.
pub fn shown(bytes: Option<&[u8]>) -> Value {
    match bytes.map(|bytes| (std::str::from_utf8(bytes), bytes)) {
        None => Value::Null,
        Some((Ok(text), _)) if !text.contains(|letter: char| letter.is_control()) => json!(text),
        Some((_, bytes)) => json!(
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        ),
    }
}
