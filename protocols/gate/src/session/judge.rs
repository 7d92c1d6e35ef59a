//! What a session may do and see by the rules of this moment, and what is underway in it when they change.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use policy::approval::Requirement;
use policy::identity::Identity;
use policy::operation::Operations;
use policy::policies::Asking;
use policy::verdict::{Judged, Verdict};
use recorder::entry::OperationRecord;

use super::Session;
use crate::approvals::Standing;
use crate::gate::Gate;
use crate::record;
use crate::rules::{Mask, Snapshot};
use crate::underway::{Countersigned, End, Live, lock};

/// Verdicts kept per session; when full, all are forgotten.
const VERDICTS: usize = 512;

#[derive(Default)]
pub(super) struct Verdicts {
    /// Epoch, and the second where some policy reads the clock.
    valid: (u64, i64),
    by_operations: HashMap<Arc<Operations>, Arc<Judged>>,
    /// In the words of the audit log.
    recorded: HashMap<Arc<Operations>, Arc<[OperationRecord]>>,
}

impl Session {
    /// What this session may not see; judged anew when the rules change.
    pub fn mask(&self) -> Arc<Mask> {
        let gate = &self.0.gate;
        let epoch = gate.rules().epoch();
        let snapshot = gate.rules().now();
        let valid = (epoch, self.second(&snapshot));
        let mut kept = lock(&self.0.mask);
        if let Some(mask) = kept.as_ref().filter(|mask| mask.valid == valid) {
            return mask.clone();
        }
        let identity = self.identity();
        let asking = self.asking(&identity);
        let masking = snapshot.rules.masking.clone();
        let revealed = masking
            .classes()
            .iter()
            .filter(|class| snapshot.rules.policies.reveals(&asking, &class.name))
            .map(|class| class.name.clone())
            .collect();
        let mask = Arc::new(Mask::new(masking, revealed, valid));
        *kept = Some(mask.clone());
        mask
    }

    /// What the verdict would be now, without asking or recording: for a message that only prepares another.
    pub fn preview(&self, operations: &Arc<Operations>) -> Verdict {
        self.judge(operations).overall.verdict
    }

    /// Judges, and takes off what was countersigned already. Judged again where the rules changed meanwhile.
    pub(crate) fn weigh(
        &self,
        operations: &Arc<Operations>,
        countersigned: &Countersigned,
    ) -> (Arc<Judged>, Standing) {
        loop {
            let judged = self.judge(operations);
            let standing = match judged.overall.verdict {
                Verdict::Allow => Standing::Allowed,
                Verdict::Deny => Standing::Denied,
                Verdict::Hold => match self.0.gate.outstanding(&judged, countersigned) {
                    Some(left) if left.is_empty() => Standing::Allowed,
                    Some(left) => Standing::Asks(left),
                    None => continue,
                },
            };
            return (judged, standing);
        }
    }

    /// The verdict on these operations by the rules of this moment.
    pub(crate) fn judge(&self, operations: &Arc<Operations>) -> Arc<Judged> {
        let gate = &self.0.gate;
        // the epoch is read before the rules: a verdict can only be filed under an epoch that is over
        let epoch = gate.rules().epoch();
        let snapshot = gate.rules().now();
        let valid = (epoch, self.second(&snapshot));
        let mut verdicts = lock(&self.0.verdicts);
        if verdicts.valid != valid || verdicts.by_operations.len() >= VERDICTS {
            verdicts.by_operations.clear();
            verdicts.recorded.clear();
            verdicts.valid = valid;
        }
        if let Some(judged) = verdicts.by_operations.get(operations) {
            return judged.clone();
        }
        let judged = Arc::new(self.judge_uncached(&snapshot, operations));
        verdicts
            .by_operations
            .insert(operations.clone(), judged.clone());
        judged
    }

    /// The operations of a request that was judged, as the audit log tells them.
    pub(crate) fn recorded_words(&self, operations: &Arc<Operations>) -> Arc<[OperationRecord]> {
        if let Some(known) = lock(&self.0.verdicts).recorded.get(operations) {
            return known.clone();
        }
        let words = record::records(self, operations);
        let mut verdicts = lock(&self.0.verdicts);
        // what was judged under rules that are over is not kept: nothing would ever take it out
        if verdicts.by_operations.contains_key(operations) {
            verdicts.recorded.insert(operations.clone(), words.clone());
        }
        words
    }

    fn judge_uncached(&self, snapshot: &Snapshot, operations: &Operations) -> Judged {
        let identity = self.identity();
        snapshot
            .rules
            .policies
            .judge_all(&self.asking(&identity), operations)
    }

    pub(crate) fn asking<'a>(&'a self, identity: &'a Identity) -> Asking<'a> {
        Asking {
            identity,
            target: &self.0.target,
            reason: self.0.reason.as_deref(),
            now: self.0.gate.now() / 1_000_000_000,
            approval: None,
        }
    }

    /// Judges again whatever is underway, and the identity as it is known now. Called after the rules changed.
    pub(crate) fn review(&self) {
        let now = self.0.gate.now() / 1_000_000_000;
        let over = self.0.until.is_some_and(|until| until <= now);
        let gate = &self.0.gate;
        let refreshed = gate.refreshed(&self.identity(), &self.0.beside);
        let Some(identity) = refreshed.filter(|_| !over) else {
            return self.0.end(End::Locked);
        };
        *lock(&self.0.identity) = Arc::new(identity);
        // what was judged under the new epoch but for the old identity is void too
        *lock(&self.0.verdicts) = Verdicts::default();
        *lock(&self.0.mask) = None;
        let live: Vec<Arc<Live>> = lock(&self.0.live).values().cloned().collect();
        for request in live {
            let Some(operations) = &request.operations else {
                continue;
            };
            let countersigned = lock(&request.countersigned).clone();
            match self.weigh(operations, &countersigned).1 {
                Standing::Allowed => {}
                Standing::Asks(_) | Standing::Denied => request.switch.end(End::Policy),
            }
        }
    }

    /// The second, where some policy reads the clock: a verdict is not kept longer then.
    fn second(&self, snapshot: &Snapshot) -> i64 {
        if snapshot.rules.policies.reads().now {
            self.0.gate.now() / 1_000_000_000
        } else {
            0
        }
    }
}

impl Gate {
    /// What of a verdict nothing countersigned covers; `None` where the rules changed since it was made. A countersigned
    /// policy that was rewritten since is not covered.
    fn outstanding(
        &self,
        judged: &Judged,
        countersigned: &Countersigned,
    ) -> Option<BTreeMap<String, Requirement>> {
        let rules = self.rules().now();
        let mut left = BTreeMap::new();
        for id in &judged.overall.asks {
            let requirement = rules.rules.policies.requirement(id)?;
            if countersigned.get(id) != Some(&requirement.text) {
                left.insert(id.clone(), requirement.clone());
            }
        }
        Some(left)
    }
}
