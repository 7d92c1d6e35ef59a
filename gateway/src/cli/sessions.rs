//! What may be typed about sessions: live ones and recordings.

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Sessions {
    /// List sessions
    List {
        /// Also those that have ended
        #[arg(long)]
        all: bool,
    },
    /// Show one session
    Show { id: String },
    /// Play a terminal session as it was, or print what happened in one without a terminal
    Replay(Replay),
    /// Look on while it goes on
    Watch {
        id: String,
        /// Only this request: a terminal among several
        #[arg(long, value_name = "ID")]
        request: Option<String>,
    },
    /// Let nothing pass in it, in either direction, until it is resumed; it ends when nobody does
    Pause {
        id: String,
        /// When it ends unless it is resumed [default: 900]
        #[arg(long, value_name = "SECONDS")]
        seconds: Option<u64>,
    },
    /// Let it go on
    Resume { id: String },
    /// End it: the client's connection and what runs for it at the backend
    Kill {
        id: String,
        /// Recorded
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    pub(crate) id: String,
    /// Only this request: a terminal among several
    #[arg(long, value_name = "ID")]
    pub(crate) request: Option<String>,
    /// Play so many times as fast
    #[arg(long, value_name = "TIMES", value_parser = faster)]
    pub(crate) speed: Option<f64>,
    /// Wait no longer than this where nothing happened
    #[arg(long, value_name = "SECONDS", value_parser = positive)]
    pub(crate) idle_limit: Option<f64>,
    /// Everything at once; so it is where the output is no terminal and no speed is asked for
    #[arg(long, conflicts_with_all = ["speed", "idle_limit"])]
    pub(crate) no_wait: bool,
    /// Write it instead of playing it
    #[arg(long, value_enum)]
    pub(crate) format: Option<Form>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Everything that was recorded, in order, as text
    Timeline,
    /// One terminal, for players of asciicast v2
    Asciicast,
}

fn faster(text: &str) -> Result<f64, String> {
    let speed = positive(text)?;
    if (0.01..=1000.0).contains(&speed) {
        Ok(speed)
    } else {
        Err("from 0.01 to 1000".to_owned())
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("a number above 0".to_owned()),
    }
}
