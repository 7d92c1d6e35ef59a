//! Maps in which one key is a protocol's name and its value that protocol's own settings, typed at once by the table.

use std::fmt;
use std::marker::PhantomData;

use gate::Entry;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use crate::protocols::PROTOCOLS;

/// What a listener and a target have in common: fields of their own beside one protocol.
pub(super) trait Keyed: Sized {
    /// The fields of its own, as far as they were read.
    type Own: Default;
    /// The protocol's settings, erased.
    type Settings;

    const FIELDS: &'static [&'static str];

    /// The table's function that reads the settings.
    fn reader(entry: &Entry) -> Reader<Self::Settings>;
    /// Reads the value of one field of [`Self::FIELDS`].
    fn field<'de, A: MapAccess<'de>>(
        own: &mut Self::Own,
        name: &str,
        map: &mut A,
    ) -> Result<(), A::Error>;
    fn build(
        own: Self::Own,
        entry: &'static Entry,
        settings: Self::Settings,
    ) -> Result<Self, &'static str>;
}

pub(super) type Reader<T> =
    fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<T, erased_serde::Error>;

pub(super) fn deserialize<'de, K: Keyed, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<K, D::Error> {
    deserializer.deserialize_map(OneProtocol(PhantomData))
}

struct OneProtocol<K>(PhantomData<K>);

impl<'de, K: Keyed> Visitor<'de> for OneProtocol<K> {
    type Value = K;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map of {}", names::<K>())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<K, A::Error> {
        let mut own = K::Own::default();
        let mut chosen: Option<(&'static Entry, K::Settings)> = None;
        while let Some(key) = map.next_key_seed(KeySeed::<K>(PhantomData))? {
            let entry = match key {
                Key::Own(name) => {
                    K::field(&mut own, name, &mut map)?;
                    continue;
                }
                Key::Protocol(entry) => entry,
            };
            if let Some((other, _)) = chosen {
                let message = format!(
                    "`{}` and `{}` cannot both be served here",
                    other.name, entry.name
                );
                return Err(A::Error::custom(message));
            }
            chosen = Some((entry, map.next_value_seed(Seed(K::reader(entry)))?));
        }
        let Some((entry, settings)) = chosen else {
            let message = format!("no protocol is named, expected one of {}", protocols());
            return Err(A::Error::custom(message));
        };
        K::build(own, entry, settings).map_err(A::Error::custom)
    }
}

/// A key of such a map.
enum Key {
    Own(&'static str),
    Protocol(&'static Entry),
}

/// Reads a key and knows it; an unknown one is refused here, where the parser knows its place.
struct KeySeed<K>(PhantomData<K>);

impl<'de, K: Keyed> DeserializeSeed<'de> for KeySeed<K> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<K: Keyed> Visitor<'_> for KeySeed<K> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {}", names::<K>())
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
        if let Some(name) = K::FIELDS.iter().find(|name| **name == key) {
            return Ok(Key::Own(name));
        }
        let entry = PROTOCOLS.iter().find(|entry| entry.name == key);
        entry.map(Key::Protocol).ok_or_else(|| {
            E::custom(format!(
                "unknown field `{key}`, expected one of {}",
                names::<K>()
            ))
        })
    }
}

/// Reads a value with one of the table's functions; the parser still knows line and column.
struct Seed<T>(Reader<T>);

impl<'de, T> DeserializeSeed<'de> for Seed<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let mut erased = <dyn erased_serde::Deserializer<'_>>::erase(deserializer);
        (self.0)(&mut erased).map_err(D::Error::custom)
    }
}

fn names<K: Keyed>() -> String {
    let own = K::FIELDS.iter().copied();
    let all: Vec<String> = own
        .chain(PROTOCOLS.iter().map(|e| e.name))
        .map(quoted)
        .collect();
    all.join(", ")
}

fn protocols() -> String {
    let all: Vec<String> = PROTOCOLS.iter().map(|entry| quoted(entry.name)).collect();
    all.join(", ")
}

fn quoted(name: &str) -> String {
    format!("`{name}`")
}
