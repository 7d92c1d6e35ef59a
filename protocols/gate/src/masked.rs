//! Bytes that may go to a client: what the masker made, or what provably holds nothing that is governed.

use bytes::Bytes;

/// Made by a masker, or by naming why nothing in it is governed.
#[derive(Debug, Clone)]
pub struct Masked(Bytes);

/// Why bytes of a reply need no masking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ungoverned {
    /// The protocol's own framing or state, no value of the backend's data.
    Protocol,
    /// Values of columns that no data class covers, looked up at the backend, and no detector is configured.
    Lineage,
    /// The identity may see every class that could be in it.
    Revealed,
    /// Bytes of files and tunnels: governed by where they lie and where they lead, not by what is in them.
    Opaque,
    /// Written by the gateway itself.
    Own,
}

impl Masked {
    pub fn ungoverned(_why: Ungoverned, bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Every governed value in `bytes` was passed through `mask`.
    pub fn by(_mask: &crate::rules::Mask, bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Where nothing is underway: a notice or report between two requests.
    pub fn unrecorded(
        self,
        session: &crate::session::Session,
    ) -> Result<Bytes, crate::underway::End> {
        match session.ended() {
            None => Ok(self.0),
            Some(end) => Err(end),
        }
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.0
    }
}
