//! What the program says about itself: diagnostics without request text, and metrics.

use std::backtrace::Backtrace;
use std::fs::File;
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, Format, Output};

const FILTER: &str = "info";

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}: {cause}", .path.display())]
    Unwritable { path: PathBuf, cause: io::Error },
    #[error("telemetry.filter: {0}")]
    Filter(String),
    #[error("diagnostics were started already")]
    Twice,
}

/// The open diagnostics; kept to open their file anew.
pub(crate) struct Diagnostics {
    destination: Destination,
}

impl Diagnostics {
    /// Starts them for the whole process.
    pub(crate) fn start(config: &Config) -> Result<Self, Error> {
        let telemetry = &config.settings.telemetry;
        let destination = match &telemetry.output {
            Output::Stderr => Destination::Stderr,
            Output::File(path) => Destination::open(config.path(path))?,
        };
        let filter = telemetry.filter.as_deref().unwrap_or(FILTER);
        let filter =
            EnvFilter::try_new(filter).map_err(|error| Error::Filter(error.to_string()))?;
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            // a message that cannot be written is lost; to complain of it on a standard error that is as full panics
            .log_internal_errors(false)
            .with_writer(destination.clone());
        let started = match telemetry.format {
            Format::Text => subscriber.finish().try_init(),
            Format::Json => subscriber.json().finish().try_init(),
        };
        started.map_err(|_| Error::Twice)?;
        std::panic::set_hook(Box::new(panicked));
        Ok(Self { destination })
    }

    /// Opens the file anew, after it was moved away.
    pub(crate) fn reopen(&self) -> Result<(), Error> {
        match &self.destination {
            Destination::Stderr => Ok(()),
            Destination::File { path, file } => {
                *file.write().unwrap_or_else(PoisonError::into_inner) = append(path)?;
                Ok(())
            }
        }
    }
}

/// Says where, and nothing more: the text of a panic may hold what a client sent.
fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let place = place.unwrap_or_default();
    // there is one with RUST_BACKTRACE=1
    let trace = Backtrace::capture();
    tracing::error!(place, %trace, "a task panicked; its session is ended");
}

#[derive(Clone)]
enum Destination {
    Stderr,
    File {
        path: PathBuf,
        file: Arc<RwLock<Arc<File>>>,
    },
}

impl Destination {
    fn open(path: PathBuf) -> Result<Self, Error> {
        let file = Arc::new(RwLock::new(append(&path)?));
        Ok(Self::File { path, file })
    }
}

fn append(path: &Path) -> Result<Arc<File>, Error> {
    let file = File::options().create(true).append(true).open(path);
    file.map(Arc::new).map_err(|cause| Error::Unwritable {
        path: path.to_owned(),
        cause,
    })
}

impl<'a> MakeWriter<'a> for Destination {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        match self {
            Self::Stderr => Line::Stderr,
            Self::File { file, .. } => {
                Line::File(file.read().unwrap_or_else(PoisonError::into_inner).clone())
            }
        }
    }
}

/// Where one message goes.
enum Line {
    Stderr,
    File(Arc<File>),
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stderr => io::stderr().write(bytes),
            Self::File(file) => (&**file).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stderr => io::stderr().flush(),
            Self::File(file) => (&**file).flush(),
        }
    }
}
