//! What a client's packet asks for.

use std::collections::HashMap;

use bytes::{BufMut, Bytes};

use super::fields::{Fields, packet};
use super::frames::Frame;
use super::{Attributes, Malformed, Status, extensions, kinds};

/// One packet of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Exactly what is sent on.
    pub bytes: Bytes,
    /// None for the first packet of all.
    pub id: Option<u32>,
    pub ask: Ask,
}

/// What is to be done with a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The first packet: passes, without the extensions that the client claims.
    Start,
    /// Judged on its own.
    Judge(Request),
    /// Part of what was judged when its handle was opened.
    Continue { handle: Bytes, what: Continued },
    /// Never passes: the client is told so.
    Refuse {
        status: Status,
        message: &'static str,
    },
}

/// A request with a meaning of its own. Paths are bytes as the client wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    Open {
        path: Bytes,
        flags: OpenFlags,
        attributes: Attributes,
    },
    OpenFolder {
        path: Bytes,
    },
    /// Asks about a path: `stat`, `lstat`, `readlink`, `realpath`, `statvfs`.
    Look {
        path: Bytes,
        packet: &'static str,
    },
    Remove {
        path: Bytes,
        folder: bool,
    },
    Rename {
        from: Bytes,
        to: Bytes,
        /// By the extension that replaces what is there.
        replaces: bool,
    },
    MakeFolder {
        path: Bytes,
    },
    SetStat {
        path: Bytes,
        attributes: Attributes,
        packet: &'static str,
    },
    Link {
        link: Bytes,
        target: Bytes,
        hard: bool,
    },
    /// At the server, between two open files.
    Copy {
        from: Bytes,
        to: Bytes,
    },
    /// An extension that is about no path.
    Extended {
        name: &'static str,
    },
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenFlags {
    pub read: bool,
    pub write: bool,
    pub append: bool,
    pub create: bool,
    pub truncate: bool,
    pub exclusive: bool,
}

/// What is done with an open handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Continued {
    Read { offset: u64, length: u32 },
    Write { offset: u64, data: Bytes },
    List,
    Look,
    Sync,
    Close,
}

impl Request {
    /// The paths that it names; of two the one that is read or taken away comes first.
    #[must_use]
    pub fn paths(&self) -> [Option<&Bytes>; 2] {
        match self {
            Self::Open { path, .. }
            | Self::OpenFolder { path }
            | Self::Look { path, .. }
            | Self::Remove { path, .. }
            | Self::MakeFolder { path }
            | Self::SetStat { path, .. } => [Some(path), None],
            Self::Rename { from, to, .. } | Self::Copy { from, to } => [Some(from), Some(to)],
            Self::Link { link, target, .. } => [Some(target), Some(link)],
            Self::Extended { .. } => [None, None],
        }
    }
}

impl OpenFlags {
    fn of(flags: u32) -> Result<Self, Malformed> {
        let has = |bit: u32| flags & bit != 0;
        match flags & !0x3f {
            0 => Ok(Self {
                read: has(1),
                write: has(2),
                append: has(4),
                create: has(8),
                truncate: has(16),
                exclusive: has(32),
            }),
            _ => Err(Malformed::Flags(flags)),
        }
    }

    /// Whether anything at the server may change.
    #[must_use]
    pub const fn changes(self) -> bool {
        self.write || self.append || self.create || self.truncate
    }
}

/// The first packet, which says which versions are spoken: ours is 3, and no extension is claimed.
pub(super) fn start(frame: &Frame) -> Result<Bytes, Malformed> {
    let mut fields = Fields(frame.body());
    let version = fields.number()?;
    while !fields.0.is_empty() {
        fields.string()?;
        fields.string()?;
    }
    match version {
        0..3 => Err(Malformed::Version(version)),
        _ => Ok(packet(kinds::INIT, |body| body.put_u32(3))),
    }
}

/// Reads any packet but the first; `handles` are the paths of those that are open.
pub(super) fn read(
    frame: &Frame,
    handles: &HashMap<Bytes, Bytes>,
) -> Result<(u32, Ask), Malformed> {
    let mut fields = Fields(frame.body());
    if !CLIENT.contains(&frame.kind) {
        return Err(Malformed::Kind(frame.kind));
    }
    let id = fields.number()?;
    let ask = match frame.kind {
        kinds::EXTENDED => extended(&mut fields, handles)?,
        kinds::CLOSE | kinds::READ | kinds::WRITE | kinds::FSTAT | kinds::READDIR => {
            continued(frame.kind, &mut fields, handles)?
        }
        kinds::FSETSTAT => {
            let handle = fields.string()?;
            let attributes = fields.attributes()?;
            of_handle(handles, &handle, |path| Request::SetStat {
                path,
                attributes,
                packet: "fsetstat",
            })
        }
        other => Ask::Judge(named(other, &mut fields)?),
    };
    let ask = match &ask {
        Ask::Judge(request) if request.paths().into_iter().flatten().any(too_long) => TOO_LONG,
        Ask::Start | Ask::Judge(_) | Ask::Continue { .. } | Ask::Refuse { .. } => ask,
    };
    // an extension that is refused is not read to its end
    if !matches!(ask, Ask::Refuse { .. }) {
        fields.end()?;
    }
    Ok((id, ask))
}

/// Requests that name paths.
fn named(kind: u8, fields: &mut Fields) -> Result<Request, Malformed> {
    let path = fields.string()?;
    let look = |packet| Request::Look {
        path: path.clone(),
        packet,
    };
    Ok(match kind {
        kinds::OPEN => Request::Open {
            flags: OpenFlags::of(fields.number()?)?,
            attributes: fields.attributes()?,
            path,
        },
        kinds::OPENDIR => Request::OpenFolder { path },
        kinds::LSTAT => look("lstat"),
        kinds::STAT => look("stat"),
        kinds::READLINK => look("readlink"),
        kinds::REALPATH => look("realpath"),
        kinds::REMOVE => Request::Remove {
            path,
            folder: false,
        },
        kinds::RMDIR => Request::Remove { path, folder: true },
        kinds::MKDIR => {
            fields.attributes()?;
            Request::MakeFolder { path }
        }
        kinds::SETSTAT => Request::SetStat {
            path,
            attributes: fields.attributes()?,
            packet: "setstat",
        },
        kinds::RENAME => Request::Rename {
            from: path,
            to: fields.string()?,
            replaces: false,
        },
        // OpenSSH, and whoever speaks with it, sends the target first
        kinds::SYMLINK => Request::Link {
            target: path,
            link: fields.string()?,
            hard: false,
        },
        other => return Err(Malformed::Kind(other)),
    })
}

/// Requests on an open handle that its opening covers.
fn continued(
    kind: u8,
    fields: &mut Fields,
    handles: &HashMap<Bytes, Bytes>,
) -> Result<Ask, Malformed> {
    let handle = fields.string()?;
    let what = match kind {
        kinds::READ => Continued::Read {
            offset: fields.long()?,
            length: fields.number()?,
        },
        kinds::WRITE => Continued::Write {
            offset: fields.long()?,
            data: fields.string()?,
        },
        kinds::READDIR => Continued::List,
        kinds::FSTAT => Continued::Look,
        _ => Continued::Close,
    };
    Ok(known(handles, handle, what))
}

fn extended(fields: &mut Fields, handles: &HashMap<Bytes, Bytes>) -> Result<Ask, Malformed> {
    let name = fields.string()?;
    let Some(name) = extensions::known(&name) else {
        return Ok(Ask::Refuse {
            status: Status::Unsupported,
            message: "this extension is not passed on",
        });
    };
    Ok(match name {
        extensions::POSIX_RENAME => Ask::Judge(Request::Rename {
            from: fields.string()?,
            to: fields.string()?,
            replaces: true,
        }),
        extensions::HARD_LINK => Ask::Judge(Request::Link {
            target: fields.string()?,
            link: fields.string()?,
            hard: true,
        }),
        extensions::SPACE => Ask::Judge(Request::Look {
            path: fields.string()?,
            packet: "statvfs",
        }),
        extensions::LINK_SETSTAT => Ask::Judge(Request::SetStat {
            path: fields.string()?,
            attributes: fields.attributes()?,
            packet: "lsetstat",
        }),
        extensions::SYNC => known(handles, fields.string()?, Continued::Sync),
        extensions::SPACE_OF_HANDLE => known(handles, fields.string()?, Continued::Look),
        extensions::COPY => {
            let from = fields.string()?;
            let (_offset, _length) = (fields.long()?, fields.long()?);
            let to = fields.string()?;
            fields.long()?;
            match (handles.get(&from), handles.get(&to)) {
                (Some(from), Some(to)) => Ask::Judge(Request::Copy {
                    from: from.clone(),
                    to: to.clone(),
                }),
                (_, _) => NOT_OPEN,
            }
        }
        extensions::HOME => {
            fields.string()?;
            Ask::Judge(Request::Extended { name })
        }
        extensions::NAMES => {
            // numbers of users and groups
            let (_users, _groups) = (fields.string()?, fields.string()?);
            Ask::Judge(Request::Extended { name })
        }
        // `limits` has no fields
        other => Ask::Judge(Request::Extended { name: other }),
    })
}

fn known(handles: &HashMap<Bytes, Bytes>, handle: Bytes, what: Continued) -> Ask {
    match handles.contains_key(&handle) {
        true => Ask::Continue { handle, what },
        false => NOT_OPEN,
    }
}

fn of_handle(
    handles: &HashMap<Bytes, Bytes>,
    handle: &Bytes,
    request: impl FnOnce(Bytes) -> Request,
) -> Ask {
    match handles.get(handle) {
        Some(path) => Ask::Judge(request(path.clone())),
        None => NOT_OPEN,
    }
}

fn too_long(path: &Bytes) -> bool {
    path.len() > MAX_PATH
}

/// What Linux allows.
const MAX_PATH: usize = 4096;

const TOO_LONG: Ask = Ask::Refuse {
    status: Status::NoSuchFile,
    message: "the path is too long",
};

const NOT_OPEN: Ask = Ask::Refuse {
    status: Status::Failure,
    message: "no such handle is open",
};

/// What a client may send after its first packet.
const CLIENT: &[u8] = &[
    kinds::OPEN,
    kinds::CLOSE,
    kinds::READ,
    kinds::WRITE,
    kinds::LSTAT,
    kinds::FSTAT,
    kinds::SETSTAT,
    kinds::FSETSTAT,
    kinds::OPENDIR,
    kinds::READDIR,
    kinds::REMOVE,
    kinds::MKDIR,
    kinds::RMDIR,
    kinds::REALPATH,
    kinds::STAT,
    kinds::RENAME,
    kinds::READLINK,
    kinds::SYMLINK,
    kinds::EXTENDED,
];
