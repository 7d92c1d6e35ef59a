//! How a channel's SFTP comes to its end, and what its client is told of it.

use std::time::Duration;

use gate::{End, OutcomeKind};

use super::Session;
use crate::answers;
use crate::channel::inbox::Over;
use crate::channel::{Ending, over};
use crate::decode::sftp::Malformed;
use crate::upstream::Broken;

const CONCLUDES_WITHIN: Duration = Duration::from_secs(3);

pub(super) enum Ended {
    Target(Option<String>),
    ClientLeft,
    Revoked(End),
    Over(Over),
    Lost,
    Malformed(Malformed),
    NotStarted,
    Unrecorded(gate::Fault),
    /// A task that asks people.
    Panicked,
}

impl Session<'_> {
    pub(super) async fn conclude(mut self, ended: Ended) -> Ending {
        self.closing.send_replace(true);
        self.files.broken_off();
        self.side.close().await;
        // questions are withdrawn by those who asked them
        let asking = &mut self.asking;
        let all = async { while asking.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(CONCLUDES_WITHIN, all).await;
        let (kind, ending, code) = match ended {
            Ended::Target(code) => (OutcomeKind::Completed, Ending::Done, code),
            Ended::ClientLeft => (OutcomeKind::Completed, Ending::Done, None),
            Ended::Revoked(end) => {
                let told = Ending::Told(answers::ended(end));
                (OutcomeKind::Revoked, told, None)
            }
            Ended::Over(why) => (OutcomeKind::Failed, over(Some(why)), None),
            Ended::Lost => {
                let told = Ending::Told("the connection to the target is lost".to_owned());
                (OutcomeKind::Unknown, told, None)
            }
            Ended::Malformed(why) => {
                let told = Ending::Told(format!("not SFTP as it is spoken here: {why}"));
                (OutcomeKind::Failed, told, None)
            }
            Ended::NotStarted => {
                let told = Ending::Told("the target has no SFTP".to_owned());
                (OutcomeKind::Failed, told, None)
            }
            Ended::Unrecorded(fault) => {
                let told = Ending::Told(answers::fault(&fault));
                (OutcomeKind::Unknown, told, None)
            }
            Ended::Panicked => (OutcomeKind::Unknown, Ending::Told(answers::failed()), None),
        };
        self.running.done(kind, code);
        ending
    }
}

impl From<Malformed> for Ended {
    fn from(why: Malformed) -> Self {
        Self::Malformed(why)
    }
}

impl From<Broken> for Ended {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Revoked(end) => Self::Revoked(end),
            Broken::Lost => Self::Lost,
        }
    }
}

impl From<gate::Revoked> for Ended {
    fn from(gate::Revoked(end): gate::Revoked) -> Self {
        Self::Revoked(end)
    }
}
