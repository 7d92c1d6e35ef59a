//! What changes from message to message: what is owed, what is prepared and bound, what is known of the session.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;

use gate::{Error, Leave, Mask};

use super::expected::{Expected, Plan};
use super::hold::Held;
use super::operations::Remembered;
use crate::decode::Analysis;
use crate::governed::Governed;
use crate::request::Text;
use crate::wire::frame::Frame;

/// A cancellation on its way to the server.
pub(super) type Cancelling = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// What changes from message to message.
pub(crate) struct State {
    /// What the server owes, in order.
    pub(super) queue: VecDeque<Expected>,
    pub(super) statements: HashMap<String, Arc<Prepared>>,
    pub(super) portals: HashMap<String, Portal>,
    pub(super) held: Option<Held>,
    /// A frame that waits for a look-up of the gateway's own.
    pub(super) postponed: Option<Frame>,
    pub(super) batch: Batch,
    /// Role and search path are not known for certain: read back when the server is ready.
    pub(super) read_back: bool,
    /// They may go back when the transaction ends.
    pub(super) volatile: bool,
    pub(super) catalogue_stale: bool,
    /// Of the catalogue that `governed` was made from.
    pub(super) generation: u64,
    pub(super) governed: Governed,
    pub(super) mask: Arc<Mask>,
    pub(super) cancelling: Option<Cancelling>,
    pub(super) client_ended: bool,
    pub(super) over: bool,
    /// Decoded operations in this state of the session; forgotten when it changes.
    pub(super) operations: Remembered,
}

/// Since the last Sync or Query.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Batch {
    /// Something of it went to the server.
    pub(super) forwarded: bool,
    pub(super) executed: bool,
    pub(super) begun: bool,
    /// After an error: nothing is taken until Sync.
    pub(super) skipping: bool,
}

/// A prepared statement of the protocol.
pub(super) struct Prepared {
    pub(super) analysis: Arc<Analysis>,
    /// Text and parameter types, as they are hashed.
    pub(super) content: bytes::Bytes,
    pub(super) types: bytes::Bytes,
    pub(super) text: Text,
    /// Origin, type and nothing else of each column, once described; `None` within: no rows.
    pub(super) columns: std::sync::OnceLock<Option<Vec<ResultColumn>>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ResultColumn {
    pub(super) table: u32,
    pub(super) attribute: i16,
    pub(super) type_oid: u32,
}

#[derive(Clone)]
pub(super) struct Portal {
    pub(super) prepared: Arc<Prepared>,
    /// Parameters and formats, as they are hashed.
    pub(super) content: bytes::Bytes,
    pub(super) leave: Option<Leave>,
    pub(super) binary: Vec<bool>,
    pub(super) text: Text,
    pub(super) plan: Plan,
}

impl State {
    pub(crate) fn new(mask: Arc<Mask>) -> Self {
        Self {
            queue: VecDeque::new(),
            statements: HashMap::new(),
            portals: HashMap::new(),
            held: None,
            postponed: None,
            batch: Batch::default(),
            read_back: true,
            volatile: false,
            catalogue_stale: true,
            generation: 0,
            governed: Governed::unknown(),
            mask,
            cancelling: None,
            client_ended: false,
            over: false,
            operations: Remembered::default(),
        }
    }
}
