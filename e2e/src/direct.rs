//! The server itself, on a connection that lasts: what the gateway's answers are compared with.

use anyhow::{Context, ensure};

use crate::postgres::SUPERUSER;
use crate::stand::Stand;
use crate::wire::{Message, Wire, text};

/// A connection past the gateway.
pub struct Direct {
    wire: Wire,
}

/// One value a column; none for NULL.
pub type Values = Vec<Option<String>>;

impl Direct {
    /// As the superuser.
    pub fn open(stand: &Stand) -> anyhow::Result<Self> {
        let url = stand.postgres.direct_url();
        let password = url
            .strip_prefix(&format!("postgresql://{SUPERUSER}:"))
            .and_then(|rest| rest.split_once('@'))
            .map(|(password, _)| password)
            .context("the superuser's password")?;
        Self::of(stand, SUPERUSER, password)
    }

    /// As the role that the gateway logs in as.
    pub fn as_gateway(stand: &Stand) -> anyhow::Result<Self> {
        let password = stand.postgres.gateway_password().to_owned();
        Self::of(stand, crate::postgres::GATEWAY_ROLE, &password)
    }

    fn of(stand: &Stand, role: &str, password: &str) -> anyhow::Result<Self> {
        let mut place = stand.gateway.place().clone();
        place.ports.postgres = stand.postgres.port();
        Ok(Self {
            wire: Wire::login(&place, role, password)?,
        })
    }

    /// What one query text answers, message by message.
    pub fn answer(&mut self, query: &str) -> anyhow::Result<Vec<Message>> {
        self.wire.query(query)?;
        self.wire.answer(b'Z')
    }

    /// The rows of a query that must succeed.
    pub fn rows(&mut self, query: &str) -> anyhow::Result<Vec<Values>> {
        let messages = self.answer(query)?;
        let failed = messages.iter().any(|(tag, _)| *tag == b'E');
        ensure!(!failed, "{query}: {}", text(&messages));
        rows(&messages)
    }
}

/// The rows among messages, in text format.
pub fn rows(messages: &[Message]) -> anyhow::Result<Vec<Values>> {
    let rows = messages.iter().filter(|(tag, _)| *tag == b'D');
    rows.map(|(_, body)| row(body)).collect()
}

fn row(body: &[u8]) -> anyhow::Result<Values> {
    let (_, mut rest) = body.split_at_checked(2).context("a row without a count")?;
    let mut values = Values::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>().context("a cut length")?;
        rest = after;
        values.push(match usize::try_from(i32::from_be_bytes(*length)) {
            Ok(length) => {
                let (value, after) = rest.split_at_checked(length).context("a cut value")?;
                rest = after;
                Some(String::from_utf8_lossy(value).into_owned())
            }
            Err(_) => None,
        });
    }
    Ok(values)
}

/// The SQLSTATE of the first error among messages.
pub fn sqlstate(messages: &[Message]) -> Option<String> {
    let (_, body) = messages.iter().find(|(tag, _)| *tag == b'E')?;
    let mut fields = body.split(|byte| *byte == 0);
    let code = fields.find_map(|field| field.strip_prefix(b"C"))?;
    Some(String::from_utf8_lossy(code).into_owned())
}
