//! What it takes to log in: lists of proofs, of which one must be given whole and in its order.

use gate::Error;
use russh::{MethodKind, MethodSet};
use schemars::JsonSchema;
use serde::Deserialize;

/// One of the proofs that a listener asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Factor {
    /// A registered key, or a certificate of the user authority.
    PublicKey,
    /// A certificate of the user authority.
    Certificate,
    /// An access token, as the password or the answer to a question.
    Token,
}

/// A proof that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Key,
    Certificate,
    Token,
}

impl Factor {
    fn takes(self, kind: Kind) -> bool {
        match self {
            Self::PublicKey => matches!(kind, Kind::Key | Kind::Certificate),
            Self::Certificate => kind == Kind::Certificate,
            Self::Token => kind == Kind::Token,
        }
    }

    fn methods(self) -> &'static [MethodKind] {
        match self {
            Self::PublicKey | Self::Certificate => &[MethodKind::PublicKey],
            Self::Token => &[MethodKind::KeyboardInteractive, MethodKind::Password],
        }
    }
}

/// What a listener asks for.
#[derive(Debug, Clone)]
pub(crate) struct Required(Vec<Vec<Factor>>);

impl Required {
    pub(crate) fn of(lists: Vec<Vec<Factor>>, authority: bool) -> Result<Self, Error> {
        let refuse = |message: &str| Err(Error::Configuration(format!("`require` {message}")));
        if lists.is_empty() || lists.iter().any(Vec::is_empty) {
            return refuse("asks for nothing, so that anybody would be let in");
        }
        let twice = |list: &Vec<Factor>| {
            let mut rest = list.iter().enumerate();
            rest.any(|(at, factor)| list.iter().skip(at + 1).any(|other| other == factor))
        };
        if lists.iter().any(twice) {
            return refuse("names a proof twice in one list");
        }
        let certified = |list: &Vec<Factor>| list.contains(&Factor::Certificate);
        if !authority && lists.iter().any(certified) {
            return refuse("names `certificate`, but no user authority is configured");
        }
        Ok(Self(lists))
    }

    /// Whether these proofs, in this order, are all that is asked for.
    pub(crate) fn enough(&self, given: &[Kind]) -> bool {
        let mut open = self.open(given);
        open.any(|list| list.len() == given.len())
    }

    /// Whether another proof of that kind leads anywhere.
    pub(crate) fn wants(&self, given: &[Kind], next: Kind) -> bool {
        let mut wanted = self.wanted(given);
        wanted.any(|factor| factor.takes(next))
    }

    /// How the next proof may be given.
    pub(crate) fn methods(&self, given: &[Kind]) -> MethodSet {
        let wanted = self.wanted(given).flat_map(|factor| factor.methods());
        let wanted: Vec<MethodKind> = wanted.copied().collect();
        // in this order whatever the lists say: clients try what needs no typing first
        let all = [
            MethodKind::PublicKey,
            MethodKind::KeyboardInteractive,
            MethodKind::Password,
        ];
        let offered = all.into_iter().filter(|method| wanted.contains(method));
        MethodSet::from(offered.collect::<Vec<_>>().as_slice())
    }

    fn wanted(&self, given: &[Kind]) -> impl Iterator<Item = Factor> {
        let at = given.len();
        self.open(given)
            .filter_map(move |list| list.get(at))
            .copied()
    }

    /// The lists that begin so.
    fn open(&self, given: &[Kind]) -> impl Iterator<Item = &Vec<Factor>> {
        self.0.iter().filter(move |list| {
            let mut pairs = list.iter().zip(given);
            list.len() >= given.len() && pairs.all(|(factor, kind)| factor.takes(*kind))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn required(lists: &[&[Factor]]) -> Required {
        let lists = lists.iter().map(|list| list.to_vec()).collect();
        Required::of(lists, true).unwrap()
    }

    #[test]
    fn proofs_count_in_their_order_only() {
        let both = required(&[&[Factor::PublicKey, Factor::Token]]);
        assert!(!both.wants(&[], Kind::Token) && both.wants(&[], Kind::Key));
        assert!(!both.enough(&[Kind::Key]) && both.wants(&[Kind::Certificate], Kind::Token));
        assert!(!both.wants(&[Kind::Key], Kind::Certificate));
        assert!(both.enough(&[Kind::Key, Kind::Token]));
        assert!(!both.enough(&[Kind::Token, Kind::Key]) && !both.enough(&[]));
        assert!(!both.enough(&[Kind::Key, Kind::Token, Kind::Key]));
        assert_eq!(both.methods(&[]).len(), 1);
        assert_eq!(both.methods(&[Kind::Key]).len(), 2);
    }

    #[test]
    fn any_of_the_lists_is_enough_but_no_mixture() {
        let either = required(&[&[Factor::Certificate], &[Factor::PublicKey, Factor::Token]]);
        assert!(either.enough(&[Kind::Certificate]));
        assert!(!either.enough(&[Kind::Key]) && either.enough(&[Kind::Key, Kind::Token]));
        assert!(either.enough(&[Kind::Certificate, Kind::Token]));
    }

    #[test]
    fn what_lets_everybody_in_is_refused() {
        for lists in [
            vec![],
            vec![vec![]],
            vec![vec![Factor::Token], vec![]],
            vec![vec![Factor::Token, Factor::Token]],
        ] {
            Required::of(lists, true).unwrap_err();
        }
        Required::of(vec![vec![Factor::Certificate]], false).unwrap_err();
    }
}
