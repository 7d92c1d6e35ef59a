//! What changes from message to message: what is owed, what is prepared and bound, what is known of the session.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gate::{Error, Fingerprint, Leave, Mask};
use tokio::time::Instant;

use super::copy_in::CopyIn;
use super::copy_out::Shaped;
use super::durable::Unsynced;
use super::expected::{Expected, Plan};
use super::group::Gathering;
use super::hold::Held;
use super::impact::Inquiring;
use super::kept::{Kept, Weighs};
use super::large::Passage;
use super::operations::Remembered;
use super::telling::Touched;
use crate::decode::{Analysis, CopyOut};
use crate::governed::Governed;
use crate::mask::RowMask;
use crate::request::Text;
use crate::wire::frame::Frame;
use crate::wire::values::Types;

/// A cancellation on its way to the server.
pub(super) type Cancelling = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// What changes from message to message.
pub(crate) struct State {
    /// What the server owes, in order.
    pub(super) queue: VecDeque<Expected>,
    pub(super) statements: Kept<Arc<Prepared>>,
    pub(super) portals: Kept<Portal>,
    pub(super) held: Option<Held>,
    /// A frame that waits for a look-up of the gateway's own.
    pub(super) postponed: Option<Frame>,
    /// What the postponed frame rests on, which the server has not answered yet.
    pub(super) awaited: Option<Arc<Made>>,
    pub(super) batch: Batch,
    /// Counts Syncs.
    pub(super) batches: u64,
    /// Texts of SQL's PREPARE, by name.
    pub(super) sources: Kept<Source>,
    /// The transaction changed which columns there are.
    pub(super) shaped: bool,
    /// When the catalogue was looked at last.
    pub(super) looked_at: Instant,
    /// Role and search path are not known for certain: read back when the server is ready.
    pub(super) read_back: bool,
    /// How often in a row that was stopped.
    pub(super) stopped: u8,
    /// The client cancelled what waits for a look-up of the gateway's own.
    pub(super) taken_back: bool,
    /// They may go back when the transaction ends.
    pub(super) volatile: bool,
    pub(super) catalogue_stale: bool,
    pub(super) touched: Touched,
    pub(super) unsynced: Unsynced,
    /// Of the catalogue that `governed` was made from.
    pub(super) generation: u64,
    pub(super) governed: Governed,
    pub(super) mask: Arc<Mask>,
    pub(super) cancelling: Option<Cancelling>,
    /// Frames that were read ahead of their turn.
    pub(super) ahead: VecDeque<Frame>,
    pub(super) gathering: Option<Gathering>,
    pub(super) copy_in: CopyIn,
    pub(super) copy_shape: Option<Shaped>,
    pub(super) large: Option<Passage>,
    /// What is being found out about the question that was put last.
    pub(super) inquiring: Option<Inquiring>,
    pub(super) client_ended: bool,
    pub(super) over: bool,
    /// The server ended the session, and its own words for it were passed on.
    pub(super) farewelled: bool,
    /// Of `SessionState`, to be shared.
    pub(super) role: Arc<str>,
    /// What the same bytes mean in this state; `None` until it is asked for again.
    pub(super) meaning: Option<Fingerprint>,
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
    pub(super) made: Arc<Made>,
    /// The types of its parameters as the server told them, as they stood in its message.
    parameters: OnceLock<bytes::Bytes>,
    columns: Mutex<Option<Described>>,
    masks: Mutex<Option<Planned>>,
}

/// All that a mask rests on beside columns and formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// Of `Remembered`.
    pub(super) state: u64,
    /// Of the catalogue.
    pub(super) generation: u64,
    pub(super) unknown: bool,
    pub(super) shadowed: bool,
}

/// The mask of its rows in one state of the session, for the formats that were bound last.
struct Planned {
    state: Standing,
    binary: Vec<bool>,
    mask: Arc<RowMask>,
}

/// What a statement returns, as it was in one generation of the catalogue.
struct Described {
    generation: u64,
    /// Origin, type and nothing else of each column; `None`: no rows.
    columns: Option<Arc<[ResultColumn]>>,
}

impl Prepared {
    pub(super) fn new(
        analysis: Arc<Analysis>,
        (content, types): (bytes::Bytes, bytes::Bytes),
        text: Text,
        batch: u64,
    ) -> Self {
        Self {
            analysis,
            content,
            types,
            text,
            made: Arc::new(Made::in_batch(batch)),
            parameters: OnceLock::new(),
            columns: Mutex::new(None),
            masks: Mutex::new(None),
        }
    }

    pub(super) fn mask(&self, state: Standing, binary: &[bool]) -> Option<Arc<RowMask>> {
        let planned = self.masks.lock().unwrap_or_else(PoisonError::into_inner);
        let planned = planned.as_ref()?;
        let same = planned.state == state && planned.binary == binary;
        same.then(|| planned.mask.clone())
    }

    pub(super) fn masked(&self, state: Standing, binary: &[bool], mask: &Arc<RowMask>) {
        *self.masks.lock().unwrap_or_else(PoisonError::into_inner) = Some(Planned {
            state,
            binary: binary.to_vec(),
            mask: mask.clone(),
        });
    }

    pub(super) fn takes(&self, types: Types<'_>) {
        let _ = self
            .parameters
            .set(bytes::Bytes::copy_from_slice(types.as_bytes()));
    }

    /// The oid of a parameter's type: the server's word, else the client's, else 0.
    pub(super) fn parameter(&self, place: usize) -> u32 {
        let of = |types: &bytes::Bytes| types.as_chunks().0.get(place).copied();
        let told = self.parameters.get().and_then(of);
        told.or_else(|| of(&self.types))
            .map_or(0, u32::from_be_bytes)
    }

    pub(super) fn copied_out(&self) -> Option<&CopyOut> {
        let mut statements = self.analysis.statements.iter();
        statements.find_map(|one| one.copied_out.as_ref())
    }

    /// `None` where it was not described since the catalogue changed.
    pub(super) fn columns(&self, generation: u64) -> Option<Option<Arc<[ResultColumn]>>> {
        let described = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        let described = described.as_ref()?;
        (described.generation == generation).then(|| described.columns.clone())
    }

    pub(super) fn described(&self, generation: u64, columns: Option<Vec<ResultColumn>>) {
        if columns.is_none() && self.copied_out().is_some() {
            // a COPY has rows, of which its own description says nothing
            return;
        }
        let columns: Option<Arc<[ResultColumn]>> = columns.map(Arc::from);
        let mut kept = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        let same = kept.as_ref().is_some_and(|kept| kept.columns == columns);
        if !same {
            *self.masks.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        *kept = Some(Described {
            generation,
            columns,
        });
    }
}

/// Whether the server made what it was told to: until it says so, only what follows in the same batch may rest on it, for
/// that is skipped where it failed.
pub(super) struct Made {
    batch: u64,
    /// 0: not answered yet, 1: made, 2: not made.
    answer: AtomicU8,
}

impl Made {
    pub(super) fn in_batch(batch: u64) -> Self {
        Self {
            batch,
            answer: AtomicU8::new(0),
        }
    }

    pub(super) fn answered(&self, made: bool) {
        let answer = if made { 1 } else { 2 };
        self.answer.store(answer, Ordering::Relaxed);
    }

    /// Whether a message of a batch may rest on it now.
    pub(super) fn carries(&self, batch: u64) -> bool {
        match self.answer.load(Ordering::Relaxed) {
            0 => self.batch == batch,
            answer => answer == 1,
        }
    }

    pub(super) fn is_answered(&self) -> bool {
        self.answer.load(Ordering::Relaxed) != 0
    }
}

/// What a name stands for that SQL's PREPARE gave.
#[derive(Clone)]
pub(super) struct Source {
    /// As it was sent, for the digest.
    pub(super) sent: bytes::Bytes,
    pub(super) text: Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    pub(super) made: Arc<Made>,
    pub(super) leave: Option<Leave>,
    pub(super) binary: Vec<bool>,
    pub(super) text: Text,
    pub(super) plan: Plan,
}

/// What each takes beside its bytes, by estimate.
const ENTRY: usize = 512;

impl Weighs for Arc<Prepared> {
    fn bytes(&self) -> usize {
        // the text is there as it came and decoded, which may be shared
        ENTRY + 2 * self.content.len() + self.types.len()
    }
}

impl Weighs for Portal {
    fn bytes(&self) -> usize {
        // its text has the parameters in it
        ENTRY + self.content.len() + self.text.shown.len()
    }
}

impl Weighs for Source {
    fn bytes(&self) -> usize {
        ENTRY + self.sent.len()
    }
}

impl State {
    pub(crate) fn new(mask: Arc<Mask>) -> Self {
        Self {
            queue: VecDeque::new(),
            statements: Kept::default(),
            portals: Kept::default(),
            held: None,
            postponed: None,
            awaited: None,
            batch: Batch::default(),
            batches: 0,
            sources: Kept::default(),
            shaped: false,
            looked_at: Instant::now(),
            read_back: true,
            stopped: 0,
            taken_back: false,
            volatile: false,
            catalogue_stale: true,
            touched: Touched::default(),
            unsynced: Unsynced::default(),
            generation: 0,
            governed: Governed::unknown(),
            mask,
            cancelling: None,
            ahead: VecDeque::new(),
            gathering: None,
            copy_in: CopyIn::Off,
            copy_shape: None,
            large: None,
            inquiring: None,
            client_ended: false,
            over: false,
            farewelled: false,
            role: "".into(),
            meaning: None,
            operations: Remembered::default(),
        }
    }
}
