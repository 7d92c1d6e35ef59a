//! The rules in force: policies and data classes, swapped as one, with the epoch that voids cached verdicts.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};

use policy::mask::{DataClass, Found, Hiding, Masking, Open, Redacted};
use policy::policies::Policies;
use tokio::sync::watch;

/// What is judged and masked by.
pub struct Rules {
    pub policies: Policies,
    pub masking: Arc<Masking>,
}

/// The rules of one moment.
pub(crate) struct Snapshot {
    pub(crate) rules: Rules,
    /// Of the policies, in the words of the audit log.
    pub(crate) revision: String,
}

impl Snapshot {
    fn of(rules: Rules) -> Arc<Self> {
        let revision = rules.policies.revision().to_string();
        Arc::new(Self { rules, revision })
    }
}

/// Raised by any change of policy, configuration, lock, group or target.
pub(crate) struct InForce {
    current: RwLock<Arc<Snapshot>>,
    epoch: watch::Sender<u64>,
}

impl InForce {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            current: RwLock::new(Snapshot::of(rules)),
            epoch: watch::Sender::new(1),
        }
    }

    pub(crate) fn now(&self) -> Arc<Snapshot> {
        self.current
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// Of the rules and of what changes outside them: groups, locks, targets.
    pub(crate) fn epoch(&self) -> u64 {
        *self.epoch.borrow()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.epoch.subscribe()
    }

    pub(crate) fn replace(&self, rules: Rules) {
        let mut current = self
            .current
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *current = Snapshot::of(rules);
        // under the lock: who sees the new rules sees the new epoch in their next look
        self.raise();
    }

    pub(crate) fn raise(&self) {
        self.epoch.send_modify(|epoch| *epoch += 1);
    }
}

/// The data classes as one session may see them: what is not revealed to it is masked.
pub struct Mask {
    masking: Arc<Masking>,
    revealed: BTreeSet<String>,
    /// Something is left to mask by detector,
    detects: bool,
    /// or by column.
    governs: bool,
    /// Epoch, and the second where some policy reads the clock.
    pub(crate) valid: (u64, i64),
}

impl Mask {
    /// For an explanation: what somebody would see, outside of any session.
    pub fn explained(masking: Arc<Masking>, revealed: BTreeSet<String>) -> Self {
        Self::new(masking, revealed, (0, 0))
    }

    pub(crate) fn new(
        masking: Arc<Masking>,
        revealed: BTreeSet<String>,
        valid: (u64, i64),
    ) -> Self {
        let hidden = || {
            let classes = masking.classes().iter();
            classes.filter(|class| !revealed.contains(&class.name))
        };
        let detects = hidden().any(|class| !class.detectors.is_empty());
        let governs = hidden().any(|class| !class.columns.is_empty());
        Self {
            masking,
            revealed,
            detects,
            governs,
            valid,
        }
    }

    /// The class that governs a column for this session; `None` where none does or where it is revealed.
    pub fn class_of_column(&self, path: Column<'_>) -> Option<&DataClass> {
        self.masking
            .class_of_column(path.database, path.schema, path.table, path.column)
            .filter(|class| !self.revealed.contains(&class.name))
    }

    /// Whether any class governs columns that this session may not see.
    pub fn governs_columns(&self) -> bool {
        self.governs
    }

    /// Whether it hides the same from the same eyes: a reload that changed neither is no reason to look again.
    pub fn same_as(&self, other: &Self) -> bool {
        self.revealed == other.revealed && self.masking.classes() == other.masking.classes()
    }

    pub fn detects(&self) -> bool {
        self.detects
    }

    /// A masked copy, or `None` where nothing was found.
    pub fn detect<'t>(&self, text: &'t [u8]) -> Option<Cow<'t, [u8]>> {
        if !self.detects {
            return None;
        }
        self.masking
            .detect(text, &|class| self.revealed.contains(class))
    }

    /// What `detect` hides, value by value.
    pub fn find(&self, text: &[u8]) -> Vec<Found> {
        if !self.detects {
            return Vec::new();
        }
        self.masking
            .find(text, &|class| self.revealed.contains(class))
    }

    /// The end of a text that may yet become a value.
    pub fn open(&self, text: &[u8]) -> Option<Open> {
        if !self.detects {
            return None;
        }
        self.masking
            .open(text, &|class| self.revealed.contains(class))
    }

    /// A value of a class, named, as it may be shown; `None` is NULL.
    pub fn mask_value(&self, class: &str, text: &[u8]) -> Option<Vec<u8>> {
        let class = self
            .masking
            .classes()
            .iter()
            .find(|known| known.name == class)?;
        match class.how {
            policy::mask::How::Null => None,
            _ => Some(self.masking.mask_value(class, text)),
        }
    }

    /// Request text for tape, store, notices and approvers: what detectors find where values stand is marked, whoever
    /// asks.
    pub fn redact(&self, text: &str, hiding: &Hiding) -> Redacted {
        self.masking.redact_request(text, hiding)
    }

    pub fn revealed(&self, class: &str) -> bool {
        self.revealed.contains(class)
    }
}

/// A column by its full name.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    pub database: &'a str,
    pub schema: &'a str,
    pub table: &'a str,
    pub column: &'a str,
}
