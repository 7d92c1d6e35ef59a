//! What programs do, by a reviewed list: a program that is not on it is `unknown`, whatever it is called.

mod changes;
mod own;
mod reads;
mod subcommands;

use super::argument::Argument;
use super::leaf::Judged;
use subcommands::Subcommands;

/// How a program on the list is judged by its arguments.
enum Rule {
    /// None of its options changes anything.
    Reads,
    /// Reads, unless one of these options is given: letters, and long names, which may be shortened.
    Without(&'static str, &'static [&'static str]),
    /// The same, with at most this many operands: one more is a file that it writes.
    AtMost(usize, &'static str, &'static [&'static str]),
    Writes,
    /// Writes, unless one of these long options makes it run something.
    WritesWithout(&'static [&'static str]),
    Deletes,
    Administers,
    /// Runs what its arguments or its input say: nothing is told.
    Code,
    Subcommands(&'static Subcommands),
    /// Told by a function of its own.
    Own(fn(&[Argument]) -> Judged),
}

/// Names, and how they are judged.
type Row = (&'static [&'static str], Rule);

/// What a program does with these arguments; none of them is dynamic.
pub(super) fn judged(program: &str, arguments: &[Argument]) -> Judged {
    let tables = [
        reads::PROGRAMS,
        changes::PROGRAMS,
        subcommands::PROGRAMS,
        own::PROGRAMS,
    ];
    let rule = tables
        .into_iter()
        .flatten()
        .find_map(|(names, rule)| names.contains(&program).then_some(rule));
    let Some(rule) = rule else {
        return Judged::UNKNOWN;
    };
    match rule {
        Rule::Reads => Judged::READ,
        Rule::Without(letters, long) => match given(arguments, letters, long) {
            true => Judged::UNKNOWN,
            false => Judged::READ,
        },
        Rule::AtMost(most, letters, long) => {
            let operands = arguments
                .iter()
                .filter(|word| !word.text.starts_with('-'))
                .count();
            match given(arguments, letters, long) || operands > *most {
                true => Judged::UNKNOWN,
                false => Judged::READ,
            }
        }
        Rule::Writes => Judged::WRITE,
        Rule::WritesWithout(long) => match given(arguments, "", long) {
            true => Judged::UNKNOWN,
            false => Judged::WRITE,
        },
        Rule::Deletes => Judged::DELETE,
        Rule::Administers => Judged::ADMIN,
        Rule::Code => Judged::opaque("code"),
        Rule::Subcommands(subcommands) => subcommands.judged(arguments),
        Rule::Own(own) => own(arguments),
    }
}

/// Whether one of these options could be among the words: letters anywhere in a cluster, long names from any beginning.
fn given(arguments: &[Argument], letters: &str, long: &[&str]) -> bool {
    arguments.iter().any(|word| {
        let Some(option) = word.text.strip_prefix('-') else {
            return false;
        };
        match option.strip_prefix('-') {
            Some("") => false,
            Some(name) => {
                let name = name.split('=').next().unwrap_or_default();
                long.iter()
                    .any(|long| long.starts_with(name) || name.starts_with(long))
            }
            None => option.contains(|letter| letters.contains(letter)),
        }
    })
}
