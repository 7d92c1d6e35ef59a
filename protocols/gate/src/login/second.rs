//! A login of several proofs: they must be one person's, and what each allows is the most that they allow together.

use std::net::IpAddr;

use super::{Authenticated, LoginRefused};
use crate::gate::Gate;

impl Authenticated {
    /// Proved by another credential too: it ends with whichever ends first.
    pub fn and(mut self, other: Self) -> Result<Self, LoginRefused> {
        let same = self.identity.kind == other.identity.kind
            && self.identity.name == other.identity.name
            && self.identity.address == other.identity.address;
        if !same {
            return Err(LoginRefused::WrongCredential);
        }
        self.until = self.until.into_iter().chain(other.until).min();
        self.beside.push(other.identity.credential);
        self.beside.extend(other.beside);
        Ok(self)
    }
}

impl Gate {
    /// A login is complete: failures of this source and name are forgotten. A proof of several does not do that, or
    /// whoever holds one could guess the next at no cost.
    pub fn welcome(&self, user: &str, source: IpAddr) {
        self.failures().forget(user, source);
    }

    /// What was shown proves nobody, and no credential was looked up: a failure of its source like any other.
    pub fn unproved(&self, user: &str, source: IpAddr) {
        self.failures().note(user, source);
    }
}
