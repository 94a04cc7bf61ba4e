//! **Here**: at an interval, what nobody needs any more is removed from the journal.
//! **Not here**: what that is, and what stays for ever (`relay_core::journal::JournalAdmin::compact`).
//! **Reads**: `[journal]` of the configuration.
//! **Source**: DESIGN section 6: release keys, verdicts and each lane's mark are never compacted.

use std::sync::Arc;
use std::time::Duration;

use relay_core::clock::{Clock, TokioClock};
use relay_core::journal::{Compacted, JournalAdmin, JournalError};
use relay_core::report::report;
use relay_sqlite::SqliteJournal;
use tokio::task::JoinHandle;

use super::config::Journal;

/// So many items are looked at in one transaction: deliveries wait no longer than for that.
const AT_ONCE: usize = 500;
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Compacts now and then at the interval, until it is aborted; not at all where everything is kept.
#[must_use]
pub fn start(settings: &Journal, journal: Arc<SqliteJournal>) -> Option<JoinHandle<()>> {
    let keep = DAY.saturating_mul(settings.retention_days);
    let every = Duration::from_secs(settings.compact_every_min.saturating_mul(60));
    if keep.is_zero() {
        return None;
    }
    Some(tokio::spawn(async move {
        loop {
            match compact(&journal, keep).await {
                Ok(done) if done.is_nothing() => {}
                Ok(Compacted {
                    items,
                    bodies,
                    unwanted,
                    ..
                }) => tracing::info!(items, bodies, unwanted, "the journal was compacted"),
                // What is kept too long does no harm; it is tried again.
                Err(error) => tracing::warn!(error = %report(&error), "the journal was not compacted"),
            }
            TokioClock.sleep(every).await;
        }
    }))
}

async fn compact(journal: &SqliteJournal, keep: Duration) -> Result<Compacted, JournalError> {
    let mut all = Compacted::default();
    loop {
        let now = TokioClock.now();
        let done = journal.compact(now.before(keep), AT_ONCE).await?;
        if done.is_nothing() {
            return Ok(all);
        }
        all.items += done.items;
        all.bodies += done.bodies;
        all.unwanted += done.unwanted;
    }
}
