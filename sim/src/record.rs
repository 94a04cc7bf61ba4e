//! **Here**: the line of JSON that a long run leaves, from which RELIABILITY.md is made.
//! **Not here**: that page.
//! **Reads**: nothing.
//! **Source**: the issue: seed, commit, start, end, count.

use std::io::Write as _;
use std::path::Path;

use relay_core::clock::{Clock as _, Timestamp, TokioClock};
use serde_json::{Value, json};

/// A run, from its start to its end.
#[derive(Clone, Debug)]
pub struct Run {
    proof: &'static str,
    seed: u64,
    commit: String,
    start: String,
}

fn text(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.as_unix_ms()).unwrap_or_default();
    at.round(jiff::Unit::Second).unwrap_or(at).to_string()
}

impl Run {
    /// A run begins, with this seed, of this commit.
    #[must_use]
    pub fn begin(proof: &'static str, seed: u64, commit: &str) -> Self {
        Self {
            proof,
            seed,
            commit: commit.to_owned(),
            start: text(TokioClock.now()),
        }
    }

    /// The line of a run that ends now.
    #[must_use]
    pub fn end(&self, count: u64, figures: &Value) -> Value {
        json!({
            "proof": self.proof,
            "seed": self.seed,
            "commit": self.commit,
            "start": self.start,
            "end": text(TokioClock.now()),
            "count": count,
            "machine": machine(),
            "figures": figures,
        })
    }
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "{} {}, {cores} cores",
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

/// Adds a line to a file.
///
/// # Errors
/// It could not be written.
pub fn append(path: &Path, line: &Value) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    writeln!(file, "{line}")
}
