//! Chance that can be repeated: the same seed gives the same choices on every machine.

/// The seed of a run, where none is named by `COUNTERSIGN_SEED`.
pub const SEED: u64 = 20_260_722;

/// A sequence of choices.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// From `COUNTERSIGN_SEED`, or the usual one.
    pub fn of_this_run() -> Self {
        let named = std::env::var("COUNTERSIGN_SEED").ok();
        Self(named.and_then(|seed| seed.parse().ok()).unwrap_or(SEED))
    }

    /// The next 64 bits, by SplitMix64.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is above zero.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(1).max(1);
        usize::try_from(self.bits() % end).unwrap_or(0)
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of several, which are not none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    /// One of several words; an empty one of none.
    pub fn word<'a>(&mut self, from: &[&'a str]) -> &'a str {
        self.pick(from).copied().unwrap_or_default()
    }

    /// So many characters of an alphabet.
    pub fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        let one = |_| char::from(self.pick(alphabet).copied().unwrap_or(b'x'));
        (0..length).map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_choices() {
        let mut one = Chance::seeded(7);
        let mut other = Chance::seeded(7);
        let choices = |chance: &mut Chance| (0..50).map(|_| chance.below(1000)).collect::<Vec<_>>();
        let chosen = choices(&mut one);
        assert_eq!(chosen, choices(&mut other));
        assert!(chosen.iter().all(|choice| *choice < 1000));
        assert_ne!(chosen, choices(&mut Chance::seeded(8)));
    }
}
