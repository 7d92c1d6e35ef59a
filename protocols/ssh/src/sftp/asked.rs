//! An SFTP request as the gate is asked about it.

use std::sync::Arc;

use bytes::Bytes;
use gate::words::{Operations, visible};
use gate::{Fingerprint, Guard};

use crate::decode::sftp::Request;
use crate::request::{Asked, Shown};
use crate::visit::Reached;
use crate::words;

/// Length, type and id come before what gives a packet its meaning.
const TYPE: usize = 4;
const BODY: usize = 9;

/// A file that grows while it is read or written.
pub(super) struct Growing {
    pub(super) path: Bytes,
    pub(super) writes: bool,
    pub(super) size: u64,
}

/// The request, and how people call it.
pub(super) fn asked(reached: &Reached, bytes: Bytes, request: &Request) -> (Asked, String) {
    let operations = words::sftp(request, reached.login.as_str());
    about(reached, bytes, (operations, described(request)))
}

/// A read or write that goes further than what was judged.
pub(super) fn growing(reached: &Reached, bytes: Bytes, growing: &Growing) -> (Asked, String) {
    let Growing { path, writes, size } = growing;
    let operations = words::sftp_grown((path, *writes), *size, reached.login.as_str());
    let how = if *writes { "write" } else { "read" };
    let text = format!(
        "sftp {how} {} from {size} bytes on",
        String::from_utf8_lossy(path)
    );
    let (mut asked, name) = about(reached, bytes, (operations, text));
    // the opening's record is on the disk, and a power cut loses no more than how far the file had come
    asked.guard = Guard::Guarded;
    (asked, name)
}

fn about(
    reached: &Reached,
    bytes: Bytes,
    (operations, text): (Operations, String),
) -> (Asked, String) {
    let login = reached.login.as_str();
    let part = |from: usize, to: usize| {
        let length = bytes.len();
        bytes.slice(from.min(length)..to.min(length))
    };
    let asked = Asked {
        content: vec![
            Bytes::from_static(b"sftp"),
            Bytes::from(login.to_owned()),
            // the id is the client's count of its requests, and no part of what is asked
            part(TYPE, TYPE + 1),
            part(BODY, bytes.len()),
        ],
        wire: vec![bytes.clone()],
        meaning: Fingerprint::of(&[]),
        operations: Ok(Arc::new(operations)),
        guard: Guard::Alone,
        shown: Shown::new(&text, Some(&reached.session.mask()), Vec::new()),
    };
    (asked, visible(&text))
}

fn described(request: &Request) -> String {
    let name = |path: &Bytes| String::from_utf8_lossy(path).into_owned();
    match request {
        Request::Open { path, flags, .. } => {
            let how = match (flags.read, flags.changes()) {
                (true, true) => "read and write",
                (_, true) => "write",
                (_, false) => "read",
            };
            format!("sftp {how} {}", name(path))
        }
        Request::OpenFolder { path } => format!("sftp list {}", name(path)),
        Request::Look { path, packet } => format!("sftp {packet} {}", name(path)),
        Request::Remove { path, folder } => {
            let what = if *folder { "rmdir" } else { "remove" };
            format!("sftp {what} {}", name(path))
        }
        Request::Rename { from, to, .. } => format!("sftp rename {} {}", name(from), name(to)),
        Request::MakeFolder { path } => format!("sftp mkdir {}", name(path)),
        Request::SetStat { path, packet, .. } => format!("sftp {packet} {}", name(path)),
        Request::Link { link, target, hard } => {
            let what = if *hard { "link" } else { "symlink" };
            format!("sftp {what} {} {}", name(target), name(link))
        }
        Request::Copy { from, to } => format!("sftp copy {} {}", name(from), name(to)),
        Request::Extended { name } => format!("sftp {name}"),
    }
}
