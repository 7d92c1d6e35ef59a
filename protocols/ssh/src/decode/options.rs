//! Reads the options before the first operand by a program's real table; what is not in it ends the reading.

use super::argument::Argument;

/// The options of a program: getopt's short ones and long ones, each with or without a value.
pub(super) struct Table {
    pub(super) flags: &'static str,
    pub(super) valued: &'static str,
    pub(super) long: &'static [&'static str],
    pub(super) long_valued: &'static [&'static str],
}

/// The options that stand before the operands.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Short ones by letter, long ones by name.
    pub(super) options: Vec<(String, Option<String>)>,
    /// Where the operands begin.
    pub(super) operands: usize,
}

impl Found {
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.options
            .iter()
            .any(|(name, _)| names.contains(&name.as_str()))
    }

    /// The value given last.
    pub(super) fn value(&self, names: &[&str]) -> Option<&str> {
        let given = self.options.iter().rev();
        given
            .filter(|(name, _)| names.contains(&name.as_str()))
            .find_map(|(_, value)| value.as_deref())
    }
}

impl Table {
    /// None for an option that the table does not know, or a word before the operands that is not told.
    pub(super) fn read(&self, arguments: &[Argument]) -> Option<Found> {
        let mut found = Found::default();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            if word.dynamic {
                break;
            }
            let Some(option) = word.text.strip_prefix('-') else {
                break;
            };
            if option.is_empty() {
                break;
            }
            let option = word
                .exact()
                .and_then(|word| word.strip_prefix('-'))
                .filter(|exact| *exact == option)?;
            found.operands += 1;
            if option == "-" {
                break;
            }
            let needs = match option.strip_prefix('-') {
                Some(long) => self.long(long, &mut found)?,
                None => self.short(option, &mut found)?,
            };
            if needs {
                let value = words.next().filter(|value| !value.dynamic)?;
                found.operands += 1;
                if let Some((_, wanted)) = found.options.last_mut() {
                    *wanted = Some(value.text.clone());
                }
            }
        }
        Some(found)
    }

    /// Whether the next word is its value.
    fn long(&self, option: &str, found: &mut Found) -> Option<bool> {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (option, None),
        };
        let valued = self.long_valued.contains(&name);
        if !valued && !self.long.contains(&name) {
            return None;
        }
        let needs = valued && value.is_none();
        found.options.push((name.to_owned(), value));
        Some(needs)
    }

    fn short(&self, cluster: &str, found: &mut Found) -> Option<bool> {
        for (at, letter) in cluster.char_indices() {
            if self.valued.contains(letter) {
                let value = cluster
                    .get(at + letter.len_utf8()..)
                    .filter(|value| !value.is_empty());
                found
                    .options
                    .push((letter.to_string(), value.map(str::to_owned)));
                return Some(value.is_none());
            }
            if !self.flags.contains(letter) {
                return None;
            }
            found.options.push((letter.to_string(), None));
        }
        Some(false)
    }
}
