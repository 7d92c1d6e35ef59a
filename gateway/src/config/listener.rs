//! A port: where it listens, what certificate it shows, how many it lets in, and which protocol it speaks.

use std::any::Any;
use std::borrow::Cow;
use std::path::PathBuf;

use gate::Entry;
use gate::secret::Reference;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, MapAccess};

use super::address::Address;
use super::keyed::{self, Keyed, Reader};
use super::schema::with_protocols;
use crate::protocols::PROTOCOLS;

pub(crate) struct Listener {
    pub(crate) address: Address,
    pub(crate) tls: Option<Tls>,
    pub(crate) caps: Caps,
    pub(crate) entry: &'static Entry,
    /// The protocol's own settings.
    pub(crate) settings: Box<dyn Any + Send>,
}

/// A certificate chain and its private key, both PEM.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: Reference,
}

/// How many connections a port takes, and how long each may take to log in.
#[derive(Debug, Clone, Copy, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Caps {
    /// At most so many at a time.
    #[schemars(range(min = 1))]
    pub(crate) connections: u32,
    /// At most so many at a time from one address.
    #[schemars(range(min = 1))]
    pub(crate) connections_per_source: u32,
    /// Until then a client must have proved who it is.
    #[schemars(range(min = 1, max = 300))]
    pub(crate) login_seconds: u16,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_source: 1_000,
            login_seconds: 30,
        }
    }
}

/// The fields beside the protocol, for the schema and the reader.
#[derive(Default, JsonSchema)]
pub(super) struct Own {
    /// Address and port, such as `0.0.0.0:5432` or `[::]:5432`, or the full path of a Unix socket.
    #[schemars(required, with = "Address")]
    address: Option<Address>,
    /// Without it the port speaks plaintext only.
    #[serde(default)]
    #[schemars(with = "Tls")]
    tls: Option<Tls>,
    #[serde(default)]
    #[schemars(with = "Caps")]
    caps: Option<Caps>,
}

impl Keyed for Listener {
    type Own = Own;
    type Settings = Box<dyn Any + Send>;

    const FIELDS: &'static [&'static str] = &["address", "tls", "caps"];

    fn reader(entry: &Entry) -> Reader<Self::Settings> {
        entry.listener
    }

    fn field<'de, A: MapAccess<'de>>(
        own: &mut Own,
        name: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match name {
            "address" => own.address = Some(map.next_value()?),
            "tls" => own.tls = Some(map.next_value()?),
            _ => own.caps = Some(map.next_value()?),
        }
        Ok(())
    }

    fn build(
        own: Own,
        entry: &'static Entry,
        settings: Self::Settings,
    ) -> Result<Self, &'static str> {
        let address = own.address.ok_or("missing field `address`")?;
        if matches!(address, Address::Unix(_)) && own.tls.is_some() {
            return Err("a Unix socket has no `tls`: what passes does not leave the machine");
        }
        Ok(Self {
            address,
            tls: own.tls,
            caps: own.caps.unwrap_or_default(),
            entry,
            settings,
        })
    }
}

impl<'de> Deserialize<'de> for Listener {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        keyed::deserialize(deserializer)
    }
}

impl JsonSchema for Listener {
    fn schema_name() -> Cow<'static, str> {
        "Listener".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let own = Own::json_schema(generator);
        let each = PROTOCOLS
            .iter()
            .map(|entry| (entry.name, (entry.listener_schema)(generator)));
        with_protocols(own, each.collect())
    }
}
