//! What a client has the session keep by name: it may prepare and bind without end, so there is an end to it here.

use std::collections::HashMap;

use gate::{Unclear, UnclearKind};

use super::Exchange;
use super::ask::Then;
use super::expected::Kind;

/// Names of a kind; pools and drivers keep hundreds.
const MOST: usize = 10_000;
/// Bytes of their texts and parameters.
const LARGEST: usize = 64 << 20;

/// How many bytes of memory something takes, as far as a client decides it.
pub(super) trait Weighs {
    fn bytes(&self) -> usize;
}

/// Things by name, and what they weigh together.
pub(super) struct Kept<T> {
    by_name: HashMap<String, T>,
    bytes: usize,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            by_name: HashMap::new(),
            bytes: 0,
        }
    }
}

impl<T: Weighs> Kept<T> {
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.by_name.get(name)
    }

    pub(super) fn insert(&mut self, name: String, thing: T) {
        self.bytes += thing.bytes() + name.len();
        let length = name.len();
        if let Some(old) = self.by_name.insert(name, thing) {
            self.bytes -= old.bytes() + length;
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Some(old) = self.by_name.remove(name) {
            self.bytes -= old.bytes() + name.len();
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn is_full(&self) -> bool {
        let named = self.by_name.len() - usize::from(self.by_name.contains_key(""));
        named >= MOST || self.bytes >= LARGEST
    }
}

impl Exchange {
    /// Why what a message makes is not kept, where there is no room for it. The unnamed replaces itself.
    pub(super) fn no_room(&self, then: &Then) -> Option<Unclear> {
        let state = &self.state;
        let makes = |analysis: &crate::decode::Analysis| {
            let mut statements = analysis.statements.iter();
            statements.any(|statement| statement.prepared.is_some())
        };
        let full = match &then.kind {
            Kind::Parse { name, .. } => !name.is_empty() && state.statements.is_full(),
            Kind::Bind { portal, .. } => !portal.is_empty() && state.portals.is_full(),
            _ => false,
        };
        let prepares = then.plan.analysis.as_deref().is_some_and(makes);
        (full || prepares && state.sources.is_full()).then(|| Unclear {
            kind: UnclearKind::Oversize,
            code: "names",
            message: format!(
                "this session keeps {MOST} prepared statements or portals already, or {} MiB of them",
                LARGEST >> 20
            ),
            hint: Some("close or DEALLOCATE what is not needed any more".into()),
            at: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weighs for usize {
        fn bytes(&self) -> usize {
            *self
        }
    }

    #[test]
    fn the_weight_is_that_of_what_is_there() {
        let mut kept = Kept::default();
        kept.insert("a".into(), LARGEST);
        assert!(kept.is_full());
        kept.insert("a".into(), 1);
        assert!(!kept.is_full());
        kept.insert("b".into(), LARGEST);
        kept.remove("b");
        kept.remove("c");
        assert!(!kept.is_full());
        for number in 0..MOST {
            kept.insert(number.to_string(), 1);
        }
        assert!(kept.is_full());
        kept.clear();
        assert_eq!((kept.get("a"), kept.bytes), (None, 0));
    }
}
