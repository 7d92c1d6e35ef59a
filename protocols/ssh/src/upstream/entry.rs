//! Entering a target: its key is checked, and the gateway proves itself as one of its accounts.

use std::sync::{Arc, Mutex, PoisonError};

use gate::{Error, Stream};
use russh::client::{self, AuthResult, Handle};
use russh::keys::PrivateKeyWithHashAlg;
use tokio::sync::watch;

use super::{Entry, WITHIN, Wire};
use crate::config::{Credential, Login};
use crate::cut::Cut;
use crate::host::Known;
use crate::keys;
use crate::ticket::{self, Bearer};
use crate::upstream::pins::Pins;

pub(super) async fn enter(
    stream: Stream,
    (known, alive): (Known, watch::Sender<()>),
    Entry {
        login,
        bearer,
        came,
    }: Entry<'_>,
) -> Result<Wire, Error> {
    let (stream, line) = Cut::new(stream);
    let shown = Arc::new(Mutex::new(None));
    let config = Arc::new(keys::towards(&known));
    let pins = Pins::new(known, shown.clone(), (came, alive));
    let entering = async {
        let mut handle = client::connect_stream(config, stream, pins)
            .await
            .map_err(|error| mismatch(&shown, &error))?;
        prove(&mut handle, login, &bearer).await?;
        Ok(Wire {
            handle,
            _line: line,
        })
    };
    match tokio::time::timeout(WITHIN, entering).await {
        Ok(entered) => entered,
        Err(_) => Err(Error::Deadline("login at the target")),
    }
}

async fn prove(handle: &mut Handle<Pins>, login: &Login, bearer: &Bearer<'_>) -> Result<(), Error> {
    let name = login.name.as_str();
    let answer = match &login.with {
        Credential::Key(reference) => {
            let key = Arc::new(keys::private(reference, "key")?);
            let key = PrivateKeyWithHashAlg::new(key, None);
            handle.authenticate_publickey(name, key).await
        }
        Credential::Certificate(authority) => {
            let (key, certificate) = ticket::issue(authority, login, bearer)?;
            let key = Arc::new(key);
            handle
                .authenticate_openssh_cert(name, key, certificate)
                .await
        }
        Credential::Password(reference) => {
            let secret = reference
                .resolve()
                .map_err(|error| Error::Configuration(error.to_string()))?;
            handle.authenticate_password(name, secret.expose()).await
        }
    };
    match answer {
        Ok(AuthResult::Success) => Ok(()),
        Ok(AuthResult::Failure { .. }) => Err(Error::Backend("does not let the gateway in".into())),
        Err(error) => Err(Error::Backend(error.to_string())),
    }
}

fn mismatch(shown: &Mutex<Option<String>>, error: &russh::Error) -> Error {
    let shown = shown.lock().unwrap_or_else(PoisonError::into_inner).take();
    match shown {
        Some(why) => Error::Backend(why),
        None => Error::Backend(error.to_string()),
    }
}
