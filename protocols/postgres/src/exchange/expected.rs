//! What the server owes: one answer to each message that went to it, and how its replies are treated.

use std::sync::Arc;

use bytes::Bytes;
use gate::Underway;

use super::copy_out::CopyOut;
use super::own::OwnWork;
use super::state::{Made, Portal, Prepared, Source};
use crate::decode::Analysis;
use crate::mask::RowMask;
use crate::wire::refusal::Refusal;

/// One answer that the server owes.
pub(super) struct Expected {
    pub(super) kind: Kind,
    pub(super) underway: Option<Underway>,
    /// What the client is told in place of the server's error.
    pub(super) refusal: Option<Refusal>,
    pub(super) plan: Plan,
    pub(super) rows: u64,
    pub(super) code: Option<String>,
    pub(super) mask: Option<Arc<RowMask>>,
    /// Of an Execute whose columns are described on its way: what its mask is made from then.
    pub(super) unmasked: Option<Portal>,
    /// The client gets nothing of it.
    pub(super) silent: bool,
    /// It belongs to the same request as the one behind it, which ends its record.
    pub(super) joined: bool,
    /// Its result could not be shown: the refusal comes in place of what the server says to a cancellation.
    pub(super) withheld: bool,
    /// Of a group of executions, whose outcome comes with the last; and the rows of those before it.
    pub(super) grouped: bool,
    pub(super) rows_before: u64,
    pub(super) copy_out: CopyOut,
}

pub(super) enum Kind {
    Query {
        done: usize,
    },
    /// `made` where it was let through.
    Parse {
        name: String,
        made: Option<Arc<Prepared>>,
    },
    Bind {
        portal: String,
        made: Option<Arc<Made>>,
    },
    /// Of a statement or a portal of it, as they were when it was asked.
    Describe {
        prepared: Option<Arc<Prepared>>,
    },
    Execute,
    Close,
    Sync,
    Own(OwnWork),
}

/// How a request's replies are treated.
#[derive(Clone, Default)]
pub(super) struct Plan {
    pub(super) analysis: Option<Arc<Analysis>>,
    /// A relation with governed columns is named: DETAIL and CONTEXT may hold them.
    pub(super) drop_detail: bool,
    /// Functions are called whose results may be anything.
    pub(super) unknown: bool,
    /// Code runs that nobody can look into: so may be what the server says meanwhile.
    pub(super) opaque: bool,
    /// A name may mean a relation with governed columns, or another one that stands before it.
    pub(super) shadowed: bool,
    /// The text itself, where it prepares a statement by name.
    pub(super) source: Option<Source>,
    /// The rules for what a COPY sends.
    pub(super) copy: Option<Arc<RowMask>>,
    /// What the server said to the gateway's look at it, which failed the transaction.
    pub(super) instead: Option<Bytes>,
}

impl Expected {
    pub(super) fn new(kind: Kind, underway: Option<Underway>) -> Self {
        Self {
            kind,
            underway,
            refusal: None,
            plan: Plan::default(),
            rows: 0,
            code: None,
            mask: None,
            unmasked: None,
            silent: false,
            joined: false,
            withheld: false,
            grouped: false,
            rows_before: 0,
            copy_out: CopyOut::Off,
        }
    }
}
