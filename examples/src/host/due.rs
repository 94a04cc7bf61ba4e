//! **Here**: doing what is due until nothing waits, for hosts that end; and how many items stand where.
//! **Not here**: the loop of a host that stays (`Relay::run_until`).
//! **Reads**: the relay.
//! **Source**: DESIGN section 3, two halves: a CLI calls `run_due` and ends.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use relay_core::Relay;
use relay_core::clock::{Clock, TokioClock};
use relay_core::journal::scan::{Page, ScanQuery};
use relay_core::report::report;

use super::signal;

/// How many items are in each phase, settled ones by verdict.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    counts: BTreeMap<String, u64>,
    n_open: u64,
}

impl Standing {
    /// Reads it.
    ///
    /// # Errors
    /// The journal could not be read.
    pub async fn of(relay: &Relay) -> Result<Self, String> {
        match relay.scan(ScanQuery::Overview).await {
            Ok(Page::Overview(overview)) => Ok(Self {
                n_open: overview.n_open(),
                counts: overview.counts.into_iter().collect(),
            }),
            Ok(_) => Err("the journal gave another page than was asked for".to_owned()),
            Err(error) => Err(report(&error)),
        }
    }

    /// How many stand under this word.
    #[must_use]
    pub fn n(&self, word: &str) -> u64 {
        self.counts.get(word).copied().unwrap_or(0)
    }

    /// How many have no verdict yet.
    #[must_use]
    pub const fn n_open(&self) -> u64 {
        self.n_open
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.counts.iter().filter(|(_, n)| **n > 0);
        let words: Vec<String> = words.map(|(word, n)| format!("{n} {word}")).collect();
        f.write_str(if words.is_empty() { "no items" } else { "" })?;
        f.write_str(&words.join(", "))
    }
}

/// Does what is due now, and removes what is old; with a limit also what becomes due within it, until everything has its verdict or a
/// signal comes. What was dispatched and is followed holds nobody up: the next call goes on with it. `tell` is called before each wait.
///
/// # Errors
/// The journal failed. What was begun ends as if the process had crashed: nothing is lost.
pub async fn run(
    relay: &Relay,
    within: Option<Duration>,
    mut tell: impl FnMut(&Standing, Duration),
) -> Result<(), String> {
    let end = relay.now().after(within.unwrap_or_default());
    relay.compact().await.map_err(|error| report(&error))?;
    loop {
        let round = relay.run_due().await.map_err(|error| report(&error))?;
        let (now, standing) = (relay.now(), Standing::of(relay).await?);
        let Some(due) = round.next_due.filter(|_| within.is_some() && now < end) else {
            return Ok(());
        };
        if standing.n_open() == 0 {
            return Ok(());
        }
        let wait = due.min(end).since(now).max(Duration::from_millis(10));
        tell(&standing, wait);
        tokio::select! {
            () = TokioClock.sleep(wait) => {}
            name = signal::stop() => {
                tracing::info!(signal = name?, "stopping");
                return Ok(());
            }
        }
    }
}
