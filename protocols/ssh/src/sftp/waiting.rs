//! Who waits for people's answer about one SFTP request.

use std::sync::Arc;

use tokio::sync::watch;

use crate::ask::Waiting;
use crate::channel::inbox::Inbox;
use crate::face::Face;
use crate::visit::Visit;

/// A client whose request waits while others go on.
pub(super) struct AtFile {
    pub(super) face: Arc<Face>,
    pub(super) client: Inbox,
    pub(super) visit: Arc<Visit>,
    pub(super) closing: watch::Receiver<bool>,
}

impl Waiting for AtFile {
    async fn tell(&self, text: &str) {
        self.face.say(text).await;
    }

    async fn given_up(&self) {
        let mut closing = self.closing.clone();
        tokio::select! {
            () = self.client.gone() => {}
            () = self.visit.going() => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }
}
