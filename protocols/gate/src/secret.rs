//! Secrets by reference: the configuration names where one lies, never the secret itself.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// Where a secret is to be read when it is needed, so that a rotated one is found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Reference {
    /// The name of an environment variable.
    Env(String),
    /// A file; one trailing newline is not part of the secret.
    File(PathBuf),
}

/// No `Display`, no `Serialize`, and a `Debug` that shows nothing.
#[derive(Clone)]
pub struct Secret(String);

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the environment variable `{0}` is not set")]
    NoVariable(String),
    #[error("`{path}` cannot be read: {source}")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl Reference {
    pub fn resolve(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Env(name) => std::env::var(name)
                .map(Secret)
                .map_err(|_| SecretError::NoVariable(name.clone())),
            Self::File(path) => {
                let mut text =
                    std::fs::read_to_string(path).map_err(|source| SecretError::Unreadable {
                        path: path.clone(),
                        source,
                    })?;
                if text.ends_with('\n') {
                    text.pop();
                }
                Ok(Secret(text))
            }
        }
    }
}

impl Secret {
    /// The one way to the text; the caller must not keep it longer than it needs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}
