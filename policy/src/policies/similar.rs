//! Finds the action that a misspelt one was probably meant to be.

use crate::vocabulary::Vocabulary;

/// The nearest action or effect to one as written in a policy (`Postgres::Action::"selct"`); none when nothing is near.
pub(super) fn nearest_action(vocabulary: &Vocabulary, written: &str) -> Option<String> {
    let (written_type, written_id) = split(written)?;
    let known = vocabulary.schema.actions().map(ToString::to_string);
    let scored = known.filter_map(|name| {
        let (type_name, id) = split(&name)?;
        let away = distance(written_id, id);
        // the same word in another namespace is one step away
        let score = away + usize::from(type_name != written_type);
        (away <= MOST_AWAY && away < written_id.chars().count().max(2)).then_some((score, name))
    });
    scored.min().map(|(_, name)| name)
}

/// Type and id of `Type::"id"`.
fn split(name: &str) -> Option<(&str, &str)> {
    name.strip_suffix('"')?.split_once("::\"")
}

/// How many letters must be added, left out, changed or swapped with their neighbour (Damerau and Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    let mut previous = None;
    for (row, letter) in one.chars().enumerate() {
        let mut here = vec![row + 1];
        for (column, rival) in other.iter().enumerate() {
            let at =
                |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let mut least = at(&last, column) + usize::from(letter != *rival);
            least = least
                .min(at(&last, column + 1) + 1)
                .min(at(&here, column) + 1);
            let earlier = column.checked_sub(1).and_then(|index| other.get(index));
            if earlier == Some(&letter) && previous == Some(*rival) {
                least = least.min(at(&before_last, column - 1) + 1);
            }
            here.push(least);
        }
        before_last = std::mem::replace(&mut last, here);
        previous = Some(letter);
    }
    last.last().copied().unwrap_or_default()
}

const MOST_AWAY: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_steps_between_words() {
        for (one, other, steps) in [
            ("", "", 0),
            ("drop", "drop", 0),
            ("drp", "drop", 1),
            ("drpo", "drop", 1),
            ("", "ab", 2),
            ("grant", "kill", 5),
            ("ab", "", 2),
        ] {
            assert_eq!(distance(one, other), steps, "{one} {other}");
        }
    }
}
