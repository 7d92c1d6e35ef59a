//! Ways to hide a value, and the marks that stand in for one.

use aws_lc_rs::hmac;

use super::{DataClass, How};

/// What stands in for a value of a class.
pub(super) fn hide(class: &DataClass, how: How, value: &[u8], key: Option<&hmac::Key>) -> Vec<u8> {
    match (how, key) {
        (How::Null, _) => Vec::new(),
        (How::Last4, _) => last4(value),
        (How::Hash, Some(key)) => hash(&class.name, value, key),
        (How::Redact, _) | (How::Hash, None) => format!("<{}>", class.name).into_bytes(),
    }
}

/// The mark of a value in a request's text: `<email:17>`, its class and its length in characters.
pub fn mark(class: &str, value: &str) -> String {
    format!("<{class}:{}>", value.chars().count())
}

/// Letters and digits but the last four become `*`; what separates them stays. Of less than eight nothing is kept.
fn last4(value: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(value) else {
        return vec![b'*'; value.len()];
    };
    let counted = text
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .count();
    let hidden = if counted < SHORTEST_WITH_LAST4 {
        counted
    } else {
        counted - 4
    };
    let mut seen = 0;
    let masked: String = text
        .chars()
        .map(|letter| match letter.is_alphanumeric() {
            true if seen < hidden => {
                seen += 1;
                '*'
            }
            true | false => letter,
        })
        .collect();
    masked.into_bytes()
}

/// The class is hashed too, so that equal values of two classes cannot be told.
fn hash(class: &str, value: &[u8], key: &hmac::Key) -> Vec<u8> {
    let mut context = hmac::Context::with_key(key);
    context.update(&(class.len() as u64).to_be_bytes());
    context.update(class.as_bytes());
    context.update(value);
    let tag: String = context
        .sign()
        .as_ref()
        .iter()
        .take(HASH_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("<{class}:{tag}>").into_bytes()
}

const SHORTEST_WITH_LAST4: usize = 8;
const HASH_BYTES: usize = 16;
