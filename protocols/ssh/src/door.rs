//! What the SSH library calls on a client's connection: proofs are checked here, and everything else is handed on.
//!
//! Nothing here waits for people or for a target: these calls run on the connection's own loop.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use gate::Gate;
use russh::keys::Certificate;
use russh::server::{
    Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, Pty, Sig};
use tokio::sync::mpsc;

use crate::Shared;
use crate::address::Address;
use crate::answers::answer;
use crate::certificate::acceptable;
use crate::environment;
use crate::factors::Kind;
use crate::forward::{Forward, Socket};
use crate::listen::{self, At, Listen, Listenings};
use crate::login::{self, Given, Proof, Step};
use crate::permits::Permits;
use crate::serve::Jump;
use crate::told::{Entered, Opened, Told};

/// The handler of one connection.
pub(crate) struct Door {
    pub(crate) gate: Gate,
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: IpAddr,
    /// Within another connection, to this target.
    pub(crate) jump: Option<Jump>,
    pub(crate) tell: mpsc::UnboundedSender<Box<Told>>,
    /// The proofs so far, while more are asked for.
    pub(crate) given: Option<Box<Given>>,
    pub(crate) proved: Option<(Address, Box<Given>)>,
    /// Nothing before login.
    pub(crate) permits: Permits,
    /// Session channels, while their tasks live.
    pub(crate) sessions: HashMap<ChannelId, Opened>,
    pub(crate) listenings: Arc<Listenings>,
    /// Some channel was opened: it waits for whatever is answered here.
    pub(crate) opened: bool,
}

impl Door {
    async fn prove(&mut self, user: &str, proof: Proof<'_>) -> Result<Auth, russh::Error> {
        Ok(match login::prove(self, user, proof).await {
            Step::In(address, given) => {
                self.given = None;
                self.proved = Some((address, given));
                Auth::Accept
            }
            Step::More(given) => {
                self.given = Some(given);
                self.asks(user, true)
            }
            Step::No => self.asks(user, false),
        })
    }

    /// What is left to prove stays on offer: the library would take away the method that failed.
    fn asks(&self, user: &str, partial: bool) -> Auth {
        let kinds = login::kinds(self.given.as_deref(), user);
        Auth::Reject {
            proceed_with_methods: Some(self.shared.required.methods(kinds)),
            partial_success: partial,
        }
    }

    fn begin(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        let opened = self.sessions.get_mut(&channel);
        let first = opened.is_some_and(|opened| !std::mem::replace(&mut opened.begun, true));
        // answered at once: one flag holds the answer to whatever request comes next
        answer(session, channel, first)
    }

    /// What comes behind the start is dropped, and so it is refused.
    fn sets_up(&self, channel: ChannelId, allowed: bool) -> bool {
        allowed
            && self
                .sessions
                .get(&channel)
                .is_some_and(|opened| !opened.begun)
    }

    /// Whether the target listens now, and at which port.
    async fn listen(&self, at: At, session: &mut Session) -> Result<Option<u32>, russh::Error> {
        let (listen, answered) = Listen::at(at);
        self.hand_on(Told::Listen(listen));
        match listen::answer(answered, self.opened).await {
            Ok(port) => Ok(Some(port)),
            Err(why) => {
                // the answer itself has no room for words
                session.debug(true, &format!("countersign: {why}"), "")?;
                Ok(None)
            }
        }
    }

    fn hand_on(&self, told: Told) {
        // fails only where the connection's task is gone, and with it the connection
        let _ = self.tell.send(Box::new(told));
    }
}

impl Handler for Door {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        self.prove(user, Proof::Token(password)).await
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let Some(mut response) = response else {
            let kinds = login::kinds(self.given.as_deref(), user);
            if !self.shared.required.wants(kinds, Kind::Token) {
                return Ok(self.asks(user, false));
            }
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Access token: ".into(), false)].into(),
            });
        };
        // one answer was asked for: none, or more, is none
        let token = response.next().filter(|_| response.next().is_none());
        let token = token.unwrap_or_default();
        let token = std::str::from_utf8(&token).unwrap_or_default();
        self.prove(user, Proof::Token(token)).await
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        // nothing is remembered of an offer: who it is, only a signature says
        let plausible =
            acceptable(offer.algorithm) && login::plausible(self, user, offer.public_key);
        Ok(if plausible {
            Auth::Accept
        } else {
            self.asks(user, false)
        })
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        if !acceptable(key.algorithm) {
            return Ok(self.asks(user, false));
        }
        self.prove(user, Proof::Key(key.public_key)).await
    }

    async fn auth_openssh_certificate(
        &mut self,
        user: &str,
        certificate: &Certificate,
    ) -> Result<Auth, Self::Error> {
        self.prove(user, Proof::Certificate(certificate)).await
    }

    async fn auth_succeeded(&mut self, session: &mut Session) -> Result<(), Self::Error> {
        let Some((address, given)) = self.proved.take() else {
            return Err(russh::Error::NotAuthenticated);
        };
        let all = Permits::ALL;
        let outer = self.jump.as_ref().map_or(&all, |jump| &jump.permits);
        let permits = given.permits.and(outer);
        self.permits = permits.ok_or(russh::Error::NotAuthenticated)?;
        let client = String::from_utf8_lossy(session.remote_sshid());
        self.hand_on(Told::Entered(Box::new(Entered {
            who: given.who,
            permits: self.permits.clone(),
            address,
            client: client.chars().take(100).collect(),
        })));
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.opened = true;
        reply.accept().await;
        let (opened, living) = Opened::now();
        self.sessions.retain(|_, opened| opened.lives());
        self.sessions.insert(channel.id(), opened);
        self.hand_on(Told::Session(channel, living));
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        originator: &str,
        originator_port: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.opened = true;
        self.hand_on(Told::Forward(Forward {
            channel,
            reply,
            host: host.to_owned(),
            port,
            originator: (originator.to_owned(), originator_port),
        }));
        Ok(())
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        channel: Channel<Msg>,
        path: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.opened = true;
        self.hand_on(Told::Socket(Socket {
            channel,
            reply,
            path: path.to_owned(),
        }));
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let set = self.sets_up(channel, self.permits.terminal);
        answer(session, channel, set)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        _: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let set = self.sets_up(channel, environment::passes(name));
        answer(session, channel, set)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.begin(channel, session)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.begin(channel, session)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.begin(channel, session)
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn signal(
        &mut self,
        channel: ChannelId,
        _: Sig,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _: bool,
        _: &str,
        _: &str,
        _: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        // asked of the gate with the start; the answer cannot wait so long
        let set = self.sets_up(channel, self.permits.display);
        answer(session, channel, set)
    }

    async fn agent_request(
        &mut self,
        channel: ChannelId,
        _: &mut Session,
    ) -> Result<bool, Self::Error> {
        Ok(self.sets_up(channel, self.permits.agent))
    }

    async fn tcpip_forward(
        &mut self,
        address: &str,
        port: &mut u32,
        session: &mut Session,
    ) -> Result<bool, Self::Error> {
        if u16::try_from(*port).is_err() {
            return Ok(false);
        }
        let at = At::Port {
            address: address.to_owned(),
            port: *port,
        };
        match self.listen(at, session).await? {
            Some(chosen) => {
                *port = chosen;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    async fn cancel_tcpip_forward(
        &mut self,
        address: &str,
        port: u32,
        _: &mut Session,
    ) -> Result<bool, Self::Error> {
        let address = address.to_owned();
        Ok(self.listenings.cancel(&At::Port { address, port }))
    }

    async fn streamlocal_forward(
        &mut self,
        path: &str,
        session: &mut Session,
    ) -> Result<bool, Self::Error> {
        let at = At::Socket(path.to_owned());
        Ok(self.listen(at, session).await?.is_some())
    }

    async fn cancel_streamlocal_forward(
        &mut self,
        path: &str,
        _: &mut Session,
    ) -> Result<bool, Self::Error> {
        Ok(self.listenings.cancel(&At::Socket(path.to_owned())))
    }
}
