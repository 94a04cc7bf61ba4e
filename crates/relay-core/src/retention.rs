//! **Here**: [`Retention`], how long what is over is kept, and when the relay removes it.
//! **Not here**: what is removed and what stays for ever (`journal::admin`, `journal::verbs`).
//! **Reads**: `journal::admin` before it; `relay` asks it between two claims.
//! **Source**: DESIGN section 6: retention removes bodies and attempts, never release keys, verdicts and marks.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::journal::{Compacted, JournalAdmin, JournalError};

/// So much of each kind is removed in one transaction: nobody who delivers waits longer than for that.
const AT_ONCE: usize = 500;
/// How often it is looked for.
#[cfg(feature = "tokio")]
const EVERY: Duration = Duration::from_secs(3_600);

/// How long what is over is kept, and by whom it is removed.
#[derive(Debug)]
pub(crate) struct Retention {
    pub(crate) admin: Arc<dyn JournalAdmin>,
    pub(crate) keep: Duration,
}

impl Retention {
    /// One step.
    pub(crate) async fn step(&self, now: Timestamp) -> Result<Compacted, JournalError> {
        self.admin.compact(now.before(self.keep), AT_ONCE).await
    }

    /// All that is old by now.
    pub(crate) async fn all(&self, now: Timestamp) -> Result<Compacted, JournalError> {
        let mut all = Compacted::default();
        loop {
            let done = self.step(now).await?;
            all = all.with(done);
            if done.is_nothing() {
                return Ok(all);
            }
        }
    }
}

/// When the next step is due: at the start, each hour, and at once while there is more.
#[cfg(feature = "tokio")]
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    next: Timestamp,
    since: Compacted,
}

#[cfg(feature = "tokio")]
impl Schedule {
    /// Whether a step is due. A clock that jumped back makes it due, too.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        now >= self.next || self.next > now.after(EVERY)
    }

    /// How long until then.
    pub(crate) fn wait(&self, now: Timestamp) -> Duration {
        if self.is_due(now) {
            return Duration::ZERO;
        }
        self.next.since(now)
    }

    /// Notes what a step did; a failed one is tried again when the next is due: what is kept too long does no harm.
    pub(crate) fn note(&mut self, now: Timestamp, done: &Result<Compacted, JournalError>) {
        match done {
            Ok(done) if !done.is_nothing() => {
                self.since = self.since.with(*done);
                self.next = now;
                return;
            }
            Ok(_) if !self.since.is_nothing() => {
                let Compacted {
                    items,
                    bodies,
                    unwanted,
                    history,
                } = std::mem::take(&mut self.since);
                tracing::info!(items, bodies, unwanted, history, "the journal was compacted");
            }
            Ok(_) | Err(_) => {}
        }
        self.next = now.after(EVERY);
    }
}

#[cfg(all(test, feature = "tokio"))]
mod tests {
    use super::*;

    #[test]
    fn ok_a_step_is_due_at_the_start_then_hourly_and_at_once_while_there_is_more() {
        let at = |s: i64| Timestamp::from_unix_ms(1_000_000_000_000 + s * 1_000);
        let mut schedule = Schedule::default();
        let check = |schedule: &Schedule, now: i64, wait: u64| {
            let wait = Duration::from_secs(wait);
            assert_eq!(schedule.wait(at(now)), wait, "at {now} s");
            assert_eq!(schedule.is_due(at(now)), wait.is_zero(), "at {now} s");
        };
        check(&schedule, 0, 0);
        let some = Compacted {
            items: 500,
            ..Compacted::default()
        };
        schedule.note(at(0), &Ok(some));
        check(&schedule, 0, 0);
        schedule.note(at(1), &Ok(Compacted::default()));
        check(&schedule, 1, 3_600);
        check(&schedule, 3_600, 1);
        check(&schedule, 3_601, 0);
        let failed = JournalError::Unavailable {
            why: "full".to_owned(),
        };
        schedule.note(at(3_601), &Err(failed));
        check(&schedule, 3_602, 3_599);
        // The clock went back by two hours.
        check(&schedule, -3_600, 0);
    }
}
