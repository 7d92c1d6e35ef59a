//! Which policies can matter for an action, decided once at load by their action scopes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cedar_policy::{ActionConstraint, Effect, Policy, PolicySet, PolicySetError};

use crate::vocabulary::{KnownAction, Vocabulary};

/// The policies of one action.
pub(crate) struct Slice {
    pub(crate) all: PolicySet,
    /// The permits alone: they must allow before anything is held.
    pub(crate) permits: PolicySet,
}

/// By protocol, then by action; equal slices are kept once.
pub(crate) struct Slices(HashMap<String, HashMap<String, Arc<Slice>>>);

impl Slices {
    pub(super) fn cut(
        vocabulary: &Vocabulary,
        set: &PolicySet,
    ) -> Result<Self, Box<PolicySetError>> {
        let policies: Vec<(&Policy, ActionConstraint)> = set
            .policies()
            .map(|one| (one, one.action_constraint()))
            .collect();
        let mut kept: BTreeMap<Vec<usize>, Arc<Slice>> = BTreeMap::new();
        let mut slices: HashMap<String, HashMap<String, Arc<Slice>>> = HashMap::new();
        for (protocol, id, action) in vocabulary.actions() {
            let matching = policies
                .iter()
                .enumerate()
                .filter(|(_, (_, constraint))| covers(constraint, action));
            let (indices, chosen): (Vec<usize>, Vec<&Policy>) =
                matching.map(|(index, (one, _))| (index, *one)).unzip();
            let slice = match kept.get(&indices) {
                Some(slice) => Arc::clone(slice),
                None => Arc::new(Slice::of(&chosen)?),
            };
            kept.insert(indices, Arc::clone(&slice));
            slices
                .entry(protocol.to_owned())
                .or_default()
                .insert(id.to_owned(), slice);
        }
        Ok(Self(slices))
    }

    pub(super) fn of(&self, protocol: &str, action: &str) -> Option<&Slice> {
        self.0.get(protocol)?.get(action).map(Arc::as_ref)
    }
}

impl Slice {
    fn of(policies: &[&Policy]) -> Result<Self, Box<PolicySetError>> {
        let permits = policies
            .iter()
            .filter(|policy| policy.effect() == Effect::Permit);
        Ok(Self {
            permits: PolicySet::from_policies(permits.map(|policy| (*policy).clone()))?,
            all: PolicySet::from_policies(policies.iter().map(|policy| (*policy).clone()))?,
        })
    }
}

fn covers(constraint: &ActionConstraint, action: &KnownAction) -> bool {
    match constraint {
        ActionConstraint::Any => true,
        ActionConstraint::In(groups) => groups.iter().any(|uid| action.is_in(uid)),
        ActionConstraint::Eq(uid) => action.uid == *uid,
    }
}
