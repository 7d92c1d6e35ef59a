//! A kind of sensitive data as it is configured.

use std::collections::BTreeSet;

use crate::Error;

/// A kind of sensitive data: how it is found, and how it is hidden from those who may not `reveal` it.
#[derive(
    Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct DataClass {
    /// As in `DataClass::"payment-card"`.
    pub name: String,
    /// Columns by name, matched from the right: `*.email`, `customers.card`, `shop.public.customers.card`.
    /// A `*` is one whole segment.
    #[serde(default)]
    pub columns: Vec<String>,
    /// What a value looks like, wherever it stands.
    #[serde(default)]
    pub detectors: Vec<Detector>,
    pub how: How,
}

/// Finds values by what they look like.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Detector {
    /// An e-mail address.
    Email,
    /// 13 to 19 digits with the check digit of payment cards (Luhn).
    PaymentCard,
}

/// How a value is hidden.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Replaced by the name of its class.
    Redact,
    /// All but the last four characters are replaced by `*`.
    Last4,
    /// Replaced by nothing: a null where there is one.
    Null,
    /// Replaced by a keyed hash, so that equal values stay equal.
    Hash,
}

/// A name stands in policies, marks and the audit log: short, plain, and only once.
pub(super) fn check_names(classes: &[DataClass]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for class in classes {
        let plain = !class.name.is_empty()
            && class.name.len() <= LONGEST_NAME
            && class
                .name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let reason = match (plain, seen.insert(&class.name)) {
            (false, _) => "a name has 1 to 64 letters, digits, `-` or `_`",
            (true, false) => "named twice",
            (true, true) => continue,
        };
        return Err(Error::DataClass {
            class: class.name.clone(),
            reason,
        });
    }
    Ok(())
}

const LONGEST_NAME: usize = 64;
