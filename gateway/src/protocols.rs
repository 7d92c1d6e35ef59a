//! The protocols that this gateway speaks: one line each.

use gate::Entry;

pub(crate) const PROTOCOLS: &[Entry] = &[
    Entry::of::<protocol_postgres::Postgres>(),
    Entry::of::<protocol_ssh::Ssh>(),
];
