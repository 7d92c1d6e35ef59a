//! Reads policies and data classes as the configuration names them, into the rules that the gate judges by.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gate::Rules;
use policy::mask::{How, Masking};
use policy::policies::{LoadError, Policies, Source};
use policy::vocabulary::Vocabulary;

use crate::config::Config;
use crate::protocols::PROTOCOLS;

/// The most that all policies together may measure.
const LARGEST: u64 = 16 * 1024 * 1024;
const KEY: usize = 32;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}: {cause}", .path.display())]
    Unreadable {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error("{} holds no `*.cedar` file (hint: `countersign init` writes examples)", .0.display())]
    NoPolicies(PathBuf),
    #[error("{} holds more than {LARGEST} bytes of policies", .0.display())]
    TooLarge(PathBuf),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Policies(Vec<LoadError>),
    #[error("masking: {0}")]
    Masking(#[from] policy::Error),
    #[error("masking.key: {0}")]
    Key(#[from] gate::secret::SecretError),
    #[error("masking.key: needs at least {KEY} bytes (hint: openssl rand -hex 32)")]
    ShortKey,
    #[error("masking: `how: hash` needs `masking.key`")]
    NoKey,
}

/// The words of all protocols.
pub(crate) fn vocabulary() -> Result<Arc<Vocabulary>, policy::Error> {
    let fragments: Vec<&'static str> = PROTOCOLS.iter().map(|entry| entry.vocabulary).collect();
    Vocabulary::merge(&fragments).map(Arc::new)
}

/// All rules, or every reason why there are none.
pub(crate) fn load(config: &Config, vocabulary: &Arc<Vocabulary>) -> Result<Rules, Error> {
    let folder = config.path(&config.settings.policies.folder);
    Ok(Rules {
        policies: policies(&folder, vocabulary)?,
        masking: Arc::new(masking(config)?),
    })
}

/// The policies of a folder.
pub(crate) fn policies(folder: &Path, vocabulary: &Arc<Vocabulary>) -> Result<Policies, Error> {
    Policies::load(vocabulary, &sources(folder)?).map_err(Error::Policies)
}

pub(crate) fn masking(config: &Config) -> Result<Masking, Error> {
    let settings = &config.settings.masking;
    let masking = Masking::new(settings.classes.clone())?;
    match &settings.key {
        Some(reference) => {
            let secret = reference.resolve()?;
            let key = secret
                .expose()
                .as_bytes()
                .first_chunk::<KEY>()
                .ok_or(Error::ShortKey)?;
            Ok(masking.keyed(key))
        }
        None if settings.classes.iter().any(|class| class.how == How::Hash) => Err(Error::NoKey),
        None => Ok(masking),
    }
}

/// Each `*.cedar` file of a folder, by name.
fn sources(folder: &Path) -> Result<Vec<Source>, Error> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |cause| Error::Unreadable { path, cause }
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "cedar")
        {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(Error::NoPolicies(folder.to_owned()));
    }
    paths.sort();
    let mut total = 0;
    let mut sources = Vec::with_capacity(paths.len());
    for path in paths {
        total += std::fs::metadata(&path).map_err(unreadable(&path))?.len();
        if total > LARGEST {
            return Err(Error::TooLarge(folder.to_owned()));
        }
        let text = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
        sources.push(Source {
            file: path.display().to_string(),
            text,
        });
    }
    Ok(sources)
}
