//! What the library's calls tell the connection's task.

use std::sync::{Arc, Weak};

use gate::Authenticated;
use russh::Channel;
use russh::server::Msg;

use crate::address::Address;
use crate::forward::{Forward, Socket};
use crate::listen::Listen;
use crate::permits::Permits;

/// What the connection's task is told.
pub(crate) enum Told {
    Entered(Box<Entered>),
    Session(Channel<Msg>, Living),
    Forward(Forward),
    Socket(Socket),
    Listen(Listen),
}

/// Somebody who proved who it is.
pub(crate) struct Entered {
    pub(crate) who: Authenticated,
    pub(crate) permits: Permits,
    pub(crate) address: Address,
    /// What the client calls itself.
    pub(crate) client: String,
}

/// Held by a session channel's task to its end.
pub(crate) struct Living(#[expect(dead_code, reason = "it is held, not read")] Arc<()>);

/// A session channel as the library's calls know it: it starts one thing.
pub(crate) struct Opened {
    pub(crate) begun: bool,
    living: Weak<()>,
}

impl Opened {
    pub(crate) fn now() -> (Self, Living) {
        let living = Arc::new(());
        let opened = Self {
            begun: false,
            living: Arc::downgrade(&living),
        };
        (opened, Living(living))
    }

    pub(crate) fn lives(&self) -> bool {
        self.living.strong_count() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_known_as_long_as_its_task_lives() {
        let (opened, living) = Opened::now();
        assert!(opened.lives() && !opened.begun);
        drop(living);
        assert!(!opened.lives());
    }
}
