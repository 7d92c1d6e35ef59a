//! An SFTP request in the words of policy: one operation for each path and each thing done to it.

use bytes::Bytes;
use gate::words::{Attributes, Operation, Operations, Value};

use super::verbs::{self, Verb};
use super::{location, operation, set};
use crate::decode::sftp::{Attributes as FileAttributes, OpenFlags, Request};

/// What an SFTP request asks for.
#[must_use]
pub fn sftp(request: &Request, login: &str) -> Operations {
    let mut asked = Asked {
        login,
        list: Vec::new(),
    };
    match request {
        Request::Open {
            path,
            flags,
            attributes,
        } => asked.open(path, *flags, attributes),
        Request::OpenFolder { path } => asked.on(verbs::SFTP_READ, path, "opendir", &[]),
        Request::Look { path, packet } => asked.on(verbs::SFTP_STAT, path, packet, &[]),
        Request::Remove { path, folder } => {
            let packet = if *folder { "rmdir" } else { "remove" };
            asked.on(verbs::SFTP_REMOVE, path, packet, &[]);
        }
        Request::Rename { from, to, replaces } => {
            let packet = if *replaces { "posix-rename" } else { "rename" };
            asked.on(verbs::SFTP_RENAME, from, packet, &[end("from")]);
            asked.on(verbs::SFTP_RENAME, to, packet, &[end("to")]);
        }
        Request::MakeFolder { path } => asked.on(verbs::SFTP_MKDIR, path, "mkdir", &[]),
        Request::SetStat {
            path,
            attributes,
            packet,
        } => asked.on(verbs::SFTP_SETSTAT, path, packet, &given(attributes)),
        Request::Link { link, target, hard } => {
            let packet = if *hard { "hardlink" } else { "symlink" };
            asked.on(verbs::SFTP_SYMLINK, link, packet, &[end("link")]);
            asked.on(verbs::SFTP_SYMLINK, target, packet, &[end("target")]);
        }
        Request::Copy { from, to } => {
            asked.on(verbs::SFTP_READ, from, "copy-data", &[end("from")]);
            asked.on(verbs::SFTP_WRITE, to, "copy-data", &[end("to")]);
        }
        Request::Extended { name } => {
            let extension = ("extension", Value::Text((*name).to_owned()));
            let here = Bytes::from_static(b".");
            asked.on(verbs::SFTP_EXTENDED, &here, "extended", &[extension]);
        }
    }
    Operations::new(asked.list)
}

/// What reading or writing further on a handle asks for: `size` is how long the file is at least.
#[must_use]
pub fn sftp_grown((path, writes): (&Bytes, bool), size: u64, login: &str) -> Operations {
    let mut asked = Asked {
        login,
        list: Vec::new(),
    };
    let (verb, packet) = match writes {
        true => (verbs::SFTP_WRITE, "write"),
        false => (verbs::SFTP_READ, "read"),
    };
    asked.on(verb, path, packet, &[long(size)]);
    Operations::new(asked.list)
}

struct Asked<'l> {
    login: &'l str,
    list: Vec<Operation>,
}

impl Asked<'_> {
    /// Opened for reading and for writing it is both.
    fn open(&mut self, path: &Bytes, flags: OpenFlags, attributes: &FileAttributes) {
        let mut more = vec![
            ("create", Value::Bool(flags.create)),
            ("truncate", Value::Bool(flags.truncate)),
            ("append", Value::Bool(flags.append)),
        ];
        if flags.changes() {
            more.extend(given(attributes));
            self.on(verbs::SFTP_WRITE, path, "open", &more);
        }
        if flags.read || !flags.changes() {
            self.on(verbs::SFTP_READ, path, "open", &more);
        }
    }

    fn on(&mut self, verb: Verb, path: &Bytes, packet: &str, more: &[(&'static str, Value)]) {
        let mut facts: Attributes = location::facts(path);
        facts.insert("packet", Value::Text(packet.to_owned()));
        facts.extend(more.iter().cloned());
        let resource = location::resource(self.login, path);
        self.list.push(operation(verb, resource, facts, 0));
    }
}

fn end(name: &str) -> (&'static str, Value) {
    ("end", Value::Text(name.to_owned()))
}

/// What a packet gives a file.
fn given(attributes: &FileAttributes) -> Vec<(&'static str, Value)> {
    let size = attributes.size.map(long);
    let names = attributes.names();
    let sets = (!names.is_empty()).then(|| ("sets", set(names)));
    size.into_iter().chain(sets).collect()
}

fn long(size: u64) -> (&'static str, Value) {
    ("size", Value::Long(i64::try_from(size).unwrap_or(i64::MAX)))
}
