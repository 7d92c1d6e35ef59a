//! A certificate that the gateway makes for one connection to one target: it says there for whom it was made.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use gate::Error;
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Certificate, PrivateKey};

use crate::config::{Authority, Login};
use crate::keys;
use crate::permits::Permits;

/// It is used at once; what was let in by it may stay longer.
const LASTS: Duration = Duration::from_secs(300);
/// A target's clock may be behind by so much.
const BACKDATED: Duration = Duration::from_secs(60);

/// For whom the gateway enters a target.
pub(crate) struct Bearer<'a> {
    /// As the target's log will show it: `ada session 0123..`.
    pub(crate) label: String,
    pub(crate) permits: &'a Permits,
    /// The authorities of people's own certificates.
    pub(crate) people: &'a [KeyData],
}

/// A key of its own and its certificate: one principal, and no more than the person may ask for.
pub(crate) fn issue(
    authority: &Authority,
    login: &Login,
    bearer: &Bearer<'_>,
) -> Result<(PrivateKey, Certificate), Error> {
    let signs = keys::private(&authority.authority, "authority")?;
    if bearer.people.contains(signs.public_key().key_data()) {
        let message =
            "`authority` signs people's certificates too: they could go round the gateway";
        return Err(Error::Configuration(message.to_owned()));
    }
    let unsigned = |error: russh::keys::ssh_key::Error| {
        Error::Configuration(format!("a certificate for the target: {error}"))
    };
    let mut seed = [0; 32];
    random(&mut seed)?;
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
    let (mut nonce, mut serial) = ([0; 32], [0; 8]);
    random(&mut nonce)?;
    random(&mut serial)?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let valid = now.saturating_sub(BACKDATED)..now + LASTS;
    let public = key.public_key().key_data().clone();
    let (from, until) = (valid.start.as_secs(), valid.end.as_secs());
    let mut builder = Builder::new(nonce, public, from, until).map_err(unsigned)?;
    let principal = authority.principal.as_ref().unwrap_or(&login.name);
    if principal.is_empty() {
        let message = "`principal` is empty: a target might take it for everybody";
        return Err(Error::Configuration(message.to_owned()));
    }
    let mut fill = || {
        builder
            .serial(u64::from_be_bytes(serial))?
            .cert_type(CertType::User)?
            .key_id(bearer.label.as_str())?
            .valid_principal(principal.as_str())?;
        for extension in bearer.permits.extensions() {
            builder.extension(extension, "")?;
        }
        Ok(())
    };
    fill().map_err(unsigned)?;
    let certificate = builder.sign(&signs).map_err(unsigned)?;
    Ok((key, certificate))
}

fn random(bytes: &mut [u8]) -> Result<(), Error> {
    rand::fill(bytes).map_err(|_| Error::Configuration("no randomness".to_owned()))
}
