//! The section `ssh`, handed to the listeners that speak SSH: each file is named once.

use gate::secret::Reference;
use protocol_ssh::config::{Listener as SshListener, Section};

use super::Settings;

/// Listeners of another protocol take nothing of it.
pub(super) fn hand_down(settings: &mut Settings) {
    let Some(ssh) = &settings.ssh else {
        return;
    };
    let section = Section {
        host_keys: ssh.host_key.iter().cloned().map(Reference::File).collect(),
        names: ssh.names.clone(),
        host_authority: Reference::File(ssh.host_authority.clone()),
        user_authority: Reference::File(ssh.user_authority.clone()),
    };
    for listener in &mut settings.listeners {
        if let Some(own) = listener.settings.downcast_mut::<SshListener>() {
            own.section = Some(section.clone());
        }
    }
}
