//! **Here**: what follows from an outcome: the step an item takes after an attempt, or after a look for its run. Pure.
//! **Not here**: what the outcome closes (`journal::verbs` closes principals and targets), order (`lane`).
//! **Reads**: `dispatch` before it; `journal::verbs` asks it inside the transaction.
//! **Source**: DESIGN section 6, unknown outcome, advice -> what follows.
#![expect(clippy::exhaustive_enums, reason = "the verbs must decide for each policy")]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::dispatch::{Advice, DispatchError, Scope, Sighting};
use crate::journal::item::{Item, RetryAnchor};
use crate::journal::state::Step;

/// For how long attempts that were surely not sent are repeated; blocked time does not count.
pub const NOT_SENT_FOR: Duration = Duration::from_secs(24 * 3_600);
/// How often something blocked is checked again.
pub const CHECK_EVERY: Duration = Duration::from_secs(600);
/// The longest wait between two attempts that were not sent.
pub const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// For how long a look that keeps failing is repeated after the probe window has passed.
pub const LOOK_FOR: Duration = Duration::from_secs(24 * 3_600);
/// The longest time for which a limit that the destination named is believed: GitHub's are of an hour at most, and a moment in
/// the wrong unit would close an identity for ever.
pub const LONGEST_LIMIT: Duration = Duration::from_secs(24 * 3_600);
/// The longest wait between two looks for a run.
const LONGEST_LOOK_WAIT: Duration = Duration::from_secs(96);

/// What to do when it is not known whether GitHub took a request.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// Look for the run; repeat once only where its absence means something; else park.
    #[default]
    Probe,
    /// Repeat at once: a run may start twice.
    Resend,
    /// Park at once.
    Park,
}

/// What to do when a version is registered again with a later time.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// A person decides.
    #[default]
    Park,
    /// It counts as seen again.
    Ignore,
    /// It goes out as a new generation.
    Dispatch,
}

/// What the verbs know beside the item when they ask.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "the verbs fill it from rows")]
pub struct Circumstances<'a> {
    /// Blocked time of target and principal so far, in milliseconds.
    pub blocked_ms: i64,
    /// Whether the target's runs are known to show the relay id.
    pub shows_relay_id: bool,
    /// A newer version that waits in the lane, as it is named in a verdict.
    pub newer: Option<&'a str>,
}

/// The step after an attempt that was not accepted.
#[must_use]
pub fn after_attempt(item: &Item, error: &DispatchError, now: Timestamp, around: Circumstances<'_>) -> Step {
    let why = error.why.clone();
    match error.advice {
        Advice::GiveUp => Step::Park { why },
        // Nothing is counted while the way is closed: the target's or principal's row says until when.
        Advice::Block(_) => Step::Retry {
            due: now,
            why,
            since: None,
        },
        Advice::Throttled { until } => Step::Retry {
            due: believed(until, now).max(now),
            why,
            since: None,
        },
        Advice::NotSent => not_sent(item, why, now, around),
        Advice::Unknown => unknown(item, why, now),
    }
}

/// The step after a send whose outcome nobody recorded: the lease ended, or the process did.
#[must_use]
pub fn after_lost_lease(item: &Item, now: Timestamp) -> Step {
    unknown(
        item,
        "the outcome was never recorded: the worker stopped after the intent to send".to_owned(),
        now,
    )
}

/// The step after a look for the item's run.
#[must_use]
pub fn after_look(
    item: &Item,
    look: &Result<Sighting, DispatchError>,
    now: Timestamp,
    around: Circumstances<'_>,
) -> Step {
    let since = item.unknown_since.unwrap_or(now);
    let window_passed = now >= since.after(item.policy.probe_window);
    let again = |why: String| Step::LookAgain {
        due: next_look(item, now),
        why,
    };
    match look {
        Ok(Sighting::Seen(run)) => Step::Dispatch {
            run: Some(run.clone()),
        },
        Ok(Sighting::NotSeen) if !window_passed => again("no run shows the relay id yet".to_owned()),
        Ok(Sighting::NotSeen) => not_seen(item, now, around),
        // A look that failed has seen nothing, not "nothing".
        Err(error) if now < since.after(item.policy.probe_window).after(LOOK_FOR) => {
            let due = match error.advice {
                Advice::Throttled { until } => believed(until, now).max(next_look(item, now)),
                Advice::Block(Scope::Principal | Scope::Target) => now.after(CHECK_EVERY),
                Advice::GiveUp | Advice::NotSent | Advice::Unknown => next_look(item, now),
            };
            Step::LookAgain {
                due,
                why: format!("looking for the run failed: {}", error.why),
            }
        }
        Err(error) => Step::Park {
            why: format!(
                "unknown: it may have been dispatched, and looking for its run failed to the end: {}",
                error.why
            ),
        },
    }
}

/// Until when a limit closes a principal that is said to last until a moment.
#[must_use]
pub fn believed(until: Timestamp, now: Timestamp) -> Timestamp {
    until.min(now.after(LONGEST_LIMIT))
}

fn not_sent(item: &Item, why: String, now: Timestamp, around: Circumstances<'_>) -> Step {
    let since = item.retry_since.unwrap_or(RetryAnchor {
        at: now,
        blocked_ms: around.blocked_ms,
    });
    let blocked = u64::try_from(around.blocked_ms.saturating_sub(since.blocked_ms)).unwrap_or(0);
    let counted = now.since(since.at).saturating_sub(Duration::from_millis(blocked));
    if counted >= NOT_SENT_FOR {
        return Step::Park {
            why: format!("not sent for {} h: {why}", NOT_SENT_FOR.as_secs() / 3_600),
        };
    }
    Step::Retry {
        due: now.after(jittered_wait(item)),
        why,
        since: Some(since),
    }
}

fn unknown(item: &Item, why: String, now: Timestamp) -> Step {
    match item.policy.unknown {
        OnUnknown::Probe => Step::Doubt {
            due: now.after(look_wait(0)),
            why,
        },
        OnUnknown::Park => Step::Park {
            why: format!("unknown: it may have been dispatched: {why}"),
        },
        OnUnknown::Resend => {
            let since = item.unknown_since.unwrap_or(now);
            if now.since(since) >= NOT_SENT_FOR {
                return Step::Park {
                    why: format!("unknown for {} h: {why}", NOT_SENT_FOR.as_secs() / 3_600),
                };
            }
            Step::Resend {
                due: now.after(jittered_wait(item)),
                why,
            }
        }
    }
}

fn not_seen(item: &Item, now: Timestamp, around: Circumstances<'_>) -> Step {
    if let Some(newer) = around.newer {
        return Step::Supersede { by: newer.to_owned() };
    }
    let why = if !around.shows_relay_id {
        "the target is not known to show the relay id in run-name, so a run may have started unseen"
    } else if item.n_resends > 0 {
        "it was sent a second time already"
    } else {
        return Step::Resend {
            due: now,
            why: "no run shows the relay id, and the probe window has passed".to_owned(),
        };
    };
    Step::Park {
        why: format!("unknown: it may have been dispatched; {why}"),
    }
}

/// Full jitter over a doubling wait, from the key and the count: no random numbers, so that a replay agrees.
fn jittered_wait(item: &Item) -> Duration {
    let n = item.n_not_sent.saturating_add(item.n_resends);
    let ceiling = Duration::from_secs(1_u64 << n.min(16)).min(LONGEST_WAIT);
    let mut hash = Sha256::new();
    hash.update(item.relay_id.as_str().as_bytes());
    hash.update(item.n_attempts.to_be_bytes());
    let digest = hash.finalize();
    let fraction = digest.first_chunk().copied().map_or(0, u32::from_be_bytes);
    // At least a tenth of a second, so that a refused connection is never a busy loop.
    ceiling
        .mul_f64(f64::from(fraction) / f64::from(u32::MAX))
        .max(Duration::from_millis(100))
}

/// 3, 6, 12, 24, 48, then 96 s between looks.
fn look_wait(n_looks: u32) -> Duration {
    Duration::from_secs(3_u64 << n_looks.min(6)).min(LONGEST_LOOK_WAIT)
}

/// When to look next: by the row of waits, but once exactly at the end of the window.
fn next_look(item: &Item, now: Timestamp) -> Timestamp {
    let by_wait = now.after(look_wait(item.n_looks.saturating_add(1)));
    let end = item.unknown_since.unwrap_or(now).after(item.policy.probe_window);
    if now < end { by_wait.min(end) } else { by_wait }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::item::{Phase, RunRef};
    use crate::testing::rows::item;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_ms(seconds * 1_000)
    }

    fn error(advice: Advice) -> DispatchError {
        DispatchError::new(advice, "reason")
    }

    #[test]
    fn ok_each_advice_has_its_step() {
        let check = |advice, expect: &str| {
            let step = after_attempt(&item(1), &error(advice), at(10), Circumstances::default());
            assert_eq!(step.as_str(), expect, "{advice:?}");
        };
        check(Advice::GiveUp, "park");
        check(Advice::Block(Scope::Principal), "retry");
        check(Advice::Block(Scope::Target), "retry");
        check(Advice::Throttled { until: at(99) }, "retry");
        check(Advice::NotSent, "retry");
        check(Advice::Unknown, "doubt");
    }

    #[test]
    fn ok_throttled_waits_until_the_moment_that_was_named() {
        let step = after_attempt(
            &item(1),
            &error(Advice::Throttled { until: at(99) }),
            at(10),
            Circumstances::default(),
        );
        assert_eq!(
            step,
            Step::Retry {
                due: at(99),
                why: "reason".to_owned(),
                since: None
            }
        );
    }

    /// What GitHub names is an hour at most; a moment of another unit must not close an identity for ever.
    #[test]
    fn ok_a_limit_is_believed_for_a_day() {
        const HOUR: i64 = 3_600;
        for (named, due) in [
            (23 * HOUR, 23 * HOUR),
            (24 * HOUR, 24 * HOUR),
            (1_000 * HOUR, 24 * HOUR),
        ] {
            let limit = error(Advice::Throttled { until: at(named) });
            let Step::Retry { due: found, .. } =
                after_attempt(&item(1), &limit, at(0), Circumstances::default())
            else {
                panic!("a limit is waited for")
            };
            assert_eq!(found, at(due), "{named} s");
        }
    }

    #[test]
    fn ok_not_sent_waits_within_bounds_and_parks_after_24_hours_that_were_not_blocked() {
        let mut one = item(1);
        let mut longest = Duration::ZERO;
        for n in 0..40 {
            (one.n_not_sent, one.n_attempts) = (n, n);
            let wait = jittered_wait(&one);
            assert!(
                wait >= Duration::from_millis(100) && wait <= LONGEST_WAIT,
                "{n}: {wait:?}"
            );
            assert!(wait <= Duration::from_secs(1 << n.min(16)), "{n}: {wait:?}");
            longest = longest.max(wait);
        }
        assert!(
            longest > Duration::from_secs(60),
            "the jitter must use the whole span: {longest:?}"
        );

        let day = 24 * 3_600;
        one.retry_since = Some(RetryAnchor {
            at: at(0),
            blocked_ms: 0,
        });
        let step = |now, blocked_ms| {
            let around = Circumstances {
                blocked_ms,
                ..Circumstances::default()
            };
            after_attempt(&one, &error(Advice::NotSent), at(now), around).as_str()
        };
        assert_eq!(step(day - 1, 0), "retry");
        assert_eq!(step(day, 0), "park");
        assert_eq!(step(day, 1_000), "retry", "a blocked second does not count");
        assert_eq!(step(day + 1, 1_000), "park");
    }

    #[test]
    fn ok_unknown_follows_the_policy() {
        for (policy, expect) in [
            (OnUnknown::Probe, "doubt"),
            (OnUnknown::Resend, "resend"),
            (OnUnknown::Park, "park"),
        ] {
            let mut one = item(1);
            one.policy.unknown = policy;
            let step = after_attempt(&one, &error(Advice::Unknown), at(10), Circumstances::default());
            assert_eq!(step.as_str(), expect, "{policy:?}");
            assert_eq!(after_lost_lease(&one, at(10)).as_str(), expect, "{policy:?}");
        }
    }

    #[test]
    fn ok_a_look_decides_only_on_what_it_saw() {
        let mut one = item(1);
        one.phase = Phase::Probing;
        one.unknown_since = Some(at(0));
        let run = RunRef {
            id: "5".to_owned(),
            url: None,
        };
        let shows = Circumstances {
            shows_relay_id: true,
            ..Circumstances::default()
        };
        let check = |look: Result<Sighting, DispatchError>, now, around, expect: &str| {
            let step = after_look(&one, &look, at(now), around);
            assert_eq!(step.as_str(), expect, "{look:?} at {now}: {step:?}");
        };
        check(Ok(Sighting::Seen(run)), 5, Circumstances::default(), "dispatch");
        check(Ok(Sighting::NotSeen), 599, shows, "look_again");
        check(Ok(Sighting::NotSeen), 600, shows, "resend");
        check(Ok(Sighting::NotSeen), 600, Circumstances::default(), "park");
        check(
            Ok(Sighting::NotSeen),
            600,
            Circumstances {
                newer: Some("version 8"),
                ..shows
            },
            "supersede",
        );
        check(Err(error(Advice::Unknown)), 600, shows, "look_again");
        check(
            Err(error(Advice::Block(Scope::Principal))),
            700,
            shows,
            "look_again",
        );
        check(
            Err(error(Advice::Unknown)),
            600 + 24 * 3_600 - 1,
            shows,
            "look_again",
        );
        check(Err(error(Advice::Unknown)), 600 + 24 * 3_600, shows, "park");
    }

    #[test]
    fn ok_a_second_resend_never_happens() {
        let mut one = item(1);
        (one.phase, one.unknown_since, one.n_resends) = (Phase::Probing, Some(at(0)), 1);
        let shows = Circumstances {
            shows_relay_id: true,
            ..Circumstances::default()
        };
        assert_eq!(
            after_look(&one, &Ok(Sighting::NotSeen), at(600), shows).as_str(),
            "park"
        );
    }

    #[test]
    fn ok_looks_come_at_3_6_12_24_48_96_seconds_and_once_at_the_end_of_the_window() {
        let mut one = item(1);
        (one.phase, one.unknown_since) = (Phase::Probing, Some(at(0)));
        let mut now = at(0).after(look_wait(0));
        let mut seen = vec![];
        while now <= at(600) {
            seen.push(now.as_unix_ms() / 1_000);
            assert!(seen.len() < 20, "it never ends: {seen:?}");
            let step = after_look(&one, &Ok(Sighting::NotSeen), now, Circumstances::default());
            let Step::LookAgain { due, .. } = step else { break };
            one.n_looks += 1;
            now = due;
        }
        assert_eq!(seen, [3, 9, 21, 45, 93, 189, 285, 381, 477, 573, 600]);
    }
}
