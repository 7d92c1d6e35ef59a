//! What the SSH library calls on the leg to a target: it must be the one that is known, and what it opens waits
//! to be judged.

use std::sync::{Arc, Mutex, PoisonError};

use russh::client::{self, ChannelOpenHandle};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelOpenFailure};
use tokio::sync::{mpsc, watch};

use crate::incoming::{From, Incoming};
use crate::listen::At;

use crate::host::Known;

/// The handler of the leg.
pub(crate) struct Pins {
    known: Known,
    /// Why it was refused.
    shown: Arc<Mutex<Option<String>>>,
    /// Takes what the target opens; what it has no room for is refused.
    came: mpsc::Sender<Box<Incoming>>,
    /// Goes with the library's loop, which owns this.
    _alive: watch::Sender<()>,
}

impl Pins {
    pub(super) fn new(
        known: Known,
        shown: Arc<Mutex<Option<String>>>,
        (came, alive): (mpsc::Sender<Box<Incoming>>, watch::Sender<()>),
    ) -> Self {
        Self {
            known,
            shown,
            came,
            _alive: alive,
        }
    }

    fn hand_on(&self, from: From, channel: Channel<client::Msg>, reply: ChannelOpenHandle) {
        // dropped, the answer is a refusal
        drop(self.came.try_send(Box::new(Incoming {
            from,
            channel,
            reply,
        })));
    }
}

impl client::Handler for Pins {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let Err(why) = self.known.check(shown) else {
            return Ok(true);
        };
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        Ok(false)
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        channel: Channel<client::Msg>,
        address: &str,
        port: u32,
        originator: &str,
        originator_port: u32,
        reply: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        let address = address.to_owned();
        let from = From::Connection {
            at: At::Port { address, port },
            peer: (originator.to_owned(), originator_port),
        };
        self.hand_on(from, channel, reply);
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        channel: Channel<client::Msg>,
        path: &str,
        reply: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        let from = From::Connection {
            at: At::Socket(path.to_owned()),
            peer: (String::new(), 0),
        };
        self.hand_on(from, channel, reply);
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        channel: Channel<client::Msg>,
        reply: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        self.hand_on(From::Agent, channel, reply);
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _: Channel<client::Msg>,
        reply: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        refuse(reply).await
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<client::Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        refuse(reply).await
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<client::Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        refuse(reply).await
    }

    async fn server_channel_open_x11(
        &mut self,
        channel: Channel<client::Msg>,
        originator: &str,
        originator_port: u32,
        reply: ChannelOpenHandle,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        let peer = (originator.to_owned(), originator_port);
        self.hand_on(From::Display { peer }, channel, reply);
        Ok(())
    }
}

async fn refuse(reply: ChannelOpenHandle) -> Result<(), russh::Error> {
    reply
        .reject(ChannelOpenFailure::AdministrativelyProhibited)
        .await;
    Ok(())
}
