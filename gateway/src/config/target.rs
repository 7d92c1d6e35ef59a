//! One backend behind the gateway: its labels, and how its protocol reaches it.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use gate::Entry;
use recorder::tape::RecordMode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess};

use super::keyed::{self, Keyed, Reader};
use super::schema::with_protocols;
use crate::protocols::PROTOCOLS;

const LONGEST_NAME: usize = 63;

pub(crate) struct Target {
    pub(crate) labels: BTreeSet<String>,
    pub(crate) record: Record,
    pub(crate) entry: &'static Entry,
    /// The protocol's own settings.
    pub(crate) backend: Arc<dyn Any + Send + Sync>,
}

/// What clients and policies call a target: small letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TargetName(String);

impl TargetName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for TargetName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if name == policy::target::GATEWAY {
            let message = format!("`{name}` is the gateway itself and no target may be called so");
            return Err(D::Error::custom(message));
        }
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(plain) {
            let message = format!("a target's name has 1 to {LONGEST_NAME} of a-z, 0-9, - and _");
            return Err(D::Error::custom(message));
        }
        Ok(Self(name))
    }
}

impl JsonSchema for TargetName {
    fn schema_name() -> Cow<'static, str> {
        "TargetName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z0-9_-]{1,63}$" })
    }
}

/// The fields beside the protocol.
#[derive(Default, JsonSchema)]
pub(super) struct Own {
    /// Words for policies, such as `env:prod`.
    #[serde(default)]
    labels: BTreeSet<String>,
    /// How much of answers is recorded; terminals are always recorded whole, copied files and tunnels in figures.
    #[serde(default)]
    record: Record,
}

/// How much of an answer stands in the recording.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Record {
    /// The first 64 KiB, figures, and a hash of the rest.
    #[default]
    Head,
    Full,
    /// Figures and a hash.
    None,
}

impl From<Record> for RecordMode {
    fn from(record: Record) -> Self {
        match record {
            Record::Head => Self::Head,
            Record::Full => Self::Full,
            Record::None => Self::None,
        }
    }
}

impl Keyed for Target {
    type Own = Own;
    type Settings = Arc<dyn Any + Send + Sync>;

    const FIELDS: &'static [&'static str] = &["labels", "record"];

    fn reader(entry: &Entry) -> Reader<Self::Settings> {
        entry.backend
    }

    fn field<'de, A: MapAccess<'de>>(
        own: &mut Own,
        field: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match field {
            "record" => own.record = map.next_value()?,
            _ => own.labels = map.next_value()?,
        }
        Ok(())
    }

    fn build(
        own: Own,
        entry: &'static Entry,
        backend: Self::Settings,
    ) -> Result<Self, &'static str> {
        Ok(Self {
            labels: own.labels,
            record: own.record,
            entry,
            backend,
        })
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        keyed::deserialize(deserializer)
    }
}

impl JsonSchema for Target {
    fn schema_name() -> Cow<'static, str> {
        "Target".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let own = Own::json_schema(generator);
        let each = PROTOCOLS
            .iter()
            .map(|entry| (entry.name, (entry.backend_schema)(generator)));
        with_protocols(own, each.collect())
    }
}
