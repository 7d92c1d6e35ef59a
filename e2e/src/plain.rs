//! A second door of a stand, by which clients come in without TLS: what they do to their sockets is all that is sent.

use std::net::TcpStream;
use std::path::{Path, PathBuf};

use crate::lasting::Site;
use crate::ports;
use crate::raw;
use crate::stand::Stand;
use crate::wire::Wire;

/// A listener that takes plaintext, beside the stand's own.
pub struct Plain {
    port: u16,
}

impl Plain {
    /// A client by this door, logged in at `shop`; the session is named after the story.
    pub fn login(
        &self,
        stand: &Stand,
        (user, token): (&str, &str),
        story: &str,
    ) -> anyhow::Result<Wire<TcpStream>> {
        let mut place = stand.place().clone();
        place.ports.postgres = self.port;
        let packet = raw::startup(&[
            ("user", user),
            ("database", "shop"),
            ("application_name", story),
        ])?;
        Wire::over(raw::connect(&place)?, &packet, token)
    }
}

impl Site for Plain {
    fn prepare(_: &Path) -> anyhow::Result<Self> {
        let [port] = ports::free()?;
        Ok(Self { port })
    }

    fn configured(&self, text: &str) -> String {
        let listener = format!(
            "listeners:\n  - address: 127.0.0.1:{}\n    postgres: {{ allow_plaintext: true }}",
            self.port
        );
        text.replacen("listeners:", &listener, 1)
    }

    fn folders(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}
