//! What can be wrong with what this crate is given, sorted by whose fault it is.

/// Everything but policies, whose errors have a place in a file ([`crate::policies::LoadError`]).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A protocol's author: its schema fragment does not merge.
    #[error("vocabulary: {0}")]
    Vocabulary(String),
    /// The operator: a column pattern of a data class.
    #[error("data class `{class}`: column pattern `{pattern}` {reason}")]
    ColumnPattern {
        class: String,
        pattern: String,
        reason: &'static str,
    },
    /// The operator: two data classes claim one column, so that it would be unclear who may see it.
    #[error(
        "data classes `{first}` and `{second}` overlap: `{first_pattern}` and `{second_pattern}` can name the same column"
    )]
    ColumnOverlap {
        first: String,
        first_pattern: String,
        second: String,
        second_pattern: String,
    },
    /// The operator: a data class without a usable name, or one named twice.
    #[error("data class `{class}`: {reason}")]
    DataClass { class: String, reason: &'static str },
    /// The caller: text that is no digest.
    #[error("a digest is 64 hexadecimal digits")]
    Digest,
}
