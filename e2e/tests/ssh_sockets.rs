//! With real ssh through a Unix socket: a listener for SSH may be one, and what is asked there is judged as on a port.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::Path;

use e2e::lasting;
use e2e::ssh::{Ground, run, text};

/// What carries ssh to a socket, as `nc -U` does where it is installed.
const CARRIER: &str = "
import os, socket, sys, threading
door = socket.socket(socket.AF_UNIX)
door.connect(sys.argv[1])
def forth():
    while piece := os.read(0, 65536):
        door.sendall(piece)
    door.shutdown(socket.SHUT_WR)
threading.Thread(target=forth, daemon=True).start()
while piece := door.recv(65536):
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
";

/// The configuration with the listener for SSH once more, at a socket.
fn with_socket(configuration: &str, socket: &Path) -> String {
    let (_, listeners) = configuration.split_once("listeners:\n").unwrap();
    let (_, rest) = listeners.split_once("  - address: ").unwrap();
    let (first, _) = rest.split_once("  - address: ").unwrap();
    let (_, settings) = first.split_once('\n').unwrap();
    let more = format!("listeners:\n  - address: {}\n{settings}", socket.display());
    configuration.replacen("listeners:\n", &more, 1)
}

#[test]
fn ssh_comes_in_by_a_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("ssh.sock");
    let carrier = folder.path().join("carrier.py");
    std::fs::write(&carrier, CARRIER).unwrap();
    let ground = Ground::prepare(&folder.path().join("ground")).unwrap();
    let edit = |text: String| with_socket(&ground.served(&text), &socket);
    let place = folder.path().join("stand");
    let stand = lasting::edited(&place, &["ssh.cedar"], &edit).unwrap();
    let proxy = format!(
        "ProxyCommand=python3 {} {}",
        carrier.display(),
        socket.display()
    );
    let ssh = |command: &str| {
        let mut ssh = ground
            .ssh(&stand.people.ada, &["-o", &proxy], &[command])
            .unwrap();
        run(&mut ssh).unwrap()
    };
    let ran = ssh("head -c 300000 /dev/zero | wc -c");
    assert_eq!(text(&ran.stdout).trim(), "300000", "{ran:?}");
    let denied = ssh("reboot");
    assert_eq!(denied.status.code(), Some(126), "{denied:?}");
}
