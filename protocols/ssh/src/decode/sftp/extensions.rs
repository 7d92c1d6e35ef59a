//! The extensions that pass: both sides hear of no other.

use bytes::{BufMut, Bytes};

use super::Malformed;
use super::fields::{Fields, packet, put_string};
use super::kinds::VERSION;

pub(super) const POSIX_RENAME: &str = "posix-rename@openssh.com";
pub(super) const HARD_LINK: &str = "hardlink@openssh.com";
pub(super) const SYNC: &str = "fsync@openssh.com";
pub(super) const SPACE: &str = "statvfs@openssh.com";
pub(super) const SPACE_OF_HANDLE: &str = "fstatvfs@openssh.com";
pub(super) const LIMITS: &str = "limits@openssh.com";
pub(super) const COPY: &str = "copy-data";
pub(super) const LINK_SETSTAT: &str = "lsetstat@openssh.com";
pub(super) const HOME: &str = "home-directory";
pub(super) const NAMES: &str = "users-groups-by-id@openssh.com";

/// Every extension that is passed on; the server's offer of any other is taken out of its VERSION.
pub const EXTENSIONS: &[&str] = &[
    POSIX_RENAME,
    HARD_LINK,
    SYNC,
    SPACE,
    SPACE_OF_HANDLE,
    LIMITS,
    COPY,
    LINK_SETSTAT,
    HOME,
    NAMES,
];

/// The name of an extension that passes.
pub(super) fn known(name: &[u8]) -> Option<&'static str> {
    EXTENSIONS
        .iter()
        .find(|known| known.as_bytes() == name)
        .copied()
}

/// A server's VERSION without the extensions that do not pass.
pub(super) fn version(mut fields: Fields) -> Result<Bytes, Malformed> {
    let version = fields.number()?;
    if version != 3 {
        return Err(Malformed::Version(version));
    }
    let mut kept = Vec::new();
    while !fields.0.is_empty() {
        let (name, value) = (fields.string()?, fields.string()?);
        if known(&name).is_some() {
            kept.push((name, value));
        }
    }
    Ok(packet(VERSION, |body| {
        body.put_u32(version);
        for (name, value) in &kept {
            put_string(body, name);
            put_string(body, value);
        }
    }))
}
