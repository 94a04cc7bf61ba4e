//! **Here**: [`next`], the one transition function of an item's life, and the [`Step`]s it knows. Pure.
//! **Not here**: which step is taken (`lane`, `retry`), and the transaction it is taken in (`verbs`).
//! **Reads**: `item` before it; `verbs` and every replay of a history after it.
//! **Source**: DESIGN section 3 (intent before the effect), section 8 invariant 8.
#![expect(
    clippy::exhaustive_enums,
    reason = "a step that a journal does not know is an error, never a default"
)]

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::journal::item::{Item, Lease, Phase, RetryAnchor, RunRef, Verdict};
use crate::lane::LaneMode;

/// One step of an item's life, as the history records it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// A worker looks at it: facts are asked for, or a run is looked for. A lease and nothing more.
    Look {
        /// The lease.
        lease: Lease,
    },
    /// A look ended without an answer: the lease ended, or the worker gave it back.
    Free,
    /// The gate admits it.
    Admit,
    /// The gate holds it until a moment.
    Hold {
        /// When to look again.
        due: Timestamp,
        /// Why.
        why: String,
    },
    /// The intent to send. From here on a crash means "unknown".
    Send {
        /// The lease.
        lease: Lease,
    },
    /// Surely not taken: it waits again.
    Retry {
        /// When it is due.
        due: Timestamp,
        /// Why.
        why: String,
        /// Where the time of retries is counted from; none when this wait is not counted.
        since: Option<RetryAnchor>,
    },
    /// Perhaps taken: runs are looked for.
    Doubt {
        /// When to look first.
        due: Timestamp,
        /// Why.
        why: String,
    },
    /// No run was seen, or the look failed: look again.
    LookAgain {
        /// When.
        due: Timestamp,
        /// Why.
        why: String,
    },
    /// It goes out once more with the same id, after an unknown outcome.
    Resend {
        /// When it is due.
        due: Timestamp,
        /// Why.
        why: String,
    },
    /// GitHub accepted it, or a run of it was seen.
    Dispatch {
        /// The run, if one was seen.
        run: Option<RunRef>,
    },
    /// A run of it was seen after it had been dispatched.
    SeeRun {
        /// The run.
        run: RunRef,
    },
    /// A newer one took its place.
    Supersede {
        /// Which.
        by: String,
    },
    /// A person must look at it.
    Park {
        /// Why.
        why: String,
    },
    /// A gate or a person refuses it.
    Refuse {
        /// Why.
        why: String,
    },
    /// A person cancels it.
    Cancel {
        /// Why.
        why: String,
    },
    /// A person asked for it again: a new generation stands for it in its lane.
    Replace {
        /// The relay id of the new generation.
        by: String,
    },
}

impl Step {
    /// The word for it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Look { .. } => "look",
            Self::Free => "free",
            Self::Admit => "admit",
            Self::Hold { .. } => "hold",
            Self::Send { .. } => "send",
            Self::Retry { .. } => "retry",
            Self::Doubt { .. } => "doubt",
            Self::LookAgain { .. } => "look_again",
            Self::Resend { .. } => "resend",
            Self::Dispatch { .. } => "dispatch",
            Self::SeeRun { .. } => "see_run",
            Self::Supersede { .. } => "supersede",
            Self::Park { .. } => "park",
            Self::Refuse { .. } => "refuse",
            Self::Cancel { .. } => "cancel",
            Self::Replace { .. } => "replace",
        }
    }
}

/// A step that an item in this phase cannot take.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("item {item} is {phase}, from where it cannot {step}")]
#[non_exhaustive]
pub struct IllegalStep {
    /// The item's number.
    pub item: i64,
    /// Where it stands, and its verdict.
    pub phase: String,
    /// The step.
    pub step: &'static str,
}

/// The item after one step: the only place where an item changes.
///
/// # Errors
/// [`IllegalStep`] when the item's phase does not allow the step; nothing has changed then.
pub fn next(item: &Item, step: &Step, at: Timestamp) -> Result<Item, IllegalStep> {
    let mut after = item.clone();
    match (item.phase, step) {
        (Phase::Judging | Phase::Probing, Step::Look { lease }) => after.lease = Some(*lease),
        (Phase::Judging | Phase::Probing, Step::Free) => after.lease = None,
        (Phase::Judging, Step::Admit) => {
            after.phase = Phase::Waiting;
            after.lease = None;
            after.due_at = at;
        }
        (Phase::Judging, Step::Hold { due, .. }) => {
            after.lease = None;
            after.due_at = *due;
        }
        (Phase::Waiting, Step::Send { lease }) => {
            after.phase = Phase::Sending;
            after.lease = Some(*lease);
            after.n_attempts = after.n_attempts.saturating_add(1);
            after.due_at = lease.until;
        }
        (Phase::Sending, Step::Retry { due, since, .. }) => {
            after.phase = Phase::Waiting;
            after.lease = None;
            after.due_at = *due;
            after.n_not_sent = if since.is_some() {
                after.n_not_sent.saturating_add(1)
            } else {
                0
            };
            after.retry_since = *since;
        }
        (Phase::Sending, Step::Doubt { due, .. }) => {
            after.phase = Phase::Probing;
            after.lease = None;
            after.due_at = *due;
            after.n_looks = 0;
            after.n_not_sent = 0;
            after.retry_since = None;
            // A second doubt, after a resend, has a window of its own. It left before its lease ended, whenever the
            // loss is found out.
            after.unknown_since = Some(item.lease.map_or(at, |lease| at.min(lease.until)));
        }
        (Phase::Probing, Step::LookAgain { due, .. }) => {
            after.lease = None;
            after.due_at = *due;
            after.n_looks = after.n_looks.saturating_add(1);
        }
        (Phase::Sending | Phase::Probing, Step::Resend { due, .. }) => {
            after.phase = Phase::Waiting;
            after.lease = None;
            after.due_at = *due;
            after.n_resends = after.n_resends.saturating_add(1);
            after.unknown_since = after.unknown_since.or(Some(at));
        }
        (Phase::Sending | Phase::Probing, Step::Dispatch { run }) => {
            settle(&mut after, Verdict::Dispatched { run: run.clone() }, at);
        }
        (Phase::Settled, Step::SeeRun { run })
            if matches!(item.verdict, Some(Verdict::Dispatched { .. })) =>
        {
            after.verdict = Some(Verdict::Dispatched {
                run: Some(run.clone()),
            });
        }
        (Phase::Judging | Phase::Waiting | Phase::Probing, Step::Supersede { by }) => {
            settle(&mut after, Verdict::Superseded { by: by.clone() }, at);
        }
        (Phase::Judging | Phase::Waiting | Phase::Sending | Phase::Probing, Step::Park { why }) => {
            settle(&mut after, Verdict::Parked { why: why.clone() }, at);
            after.holds_lane = item.lane.is_some() && item.policy.lane == LaneMode::Every;
        }
        (Phase::Judging, Step::Refuse { why }) => {
            settle(&mut after, Verdict::Refused { why: why.clone() }, at);
        }
        (Phase::Judging | Phase::Waiting, Step::Cancel { why }) => {
            settle(&mut after, Verdict::Cancelled { why: why.clone() }, at);
        }
        (Phase::Settled, Step::Refuse { why }) if matches!(item.verdict, Some(Verdict::Parked { .. })) => {
            settle(&mut after, Verdict::Refused { why: why.clone() }, at);
        }
        // The verdict stays: each generation has one. Only the lane is handed on.
        (Phase::Settled, Step::Replace { .. }) => after.holds_lane = false,
        (phase, step) => {
            let verdict = item
                .verdict
                .as_ref()
                .map(|verdict| format!(" ({})", verdict.as_str()))
                .unwrap_or_default();
            let phase = format!("{}{verdict}", phase.as_str());
            return Err(IllegalStep {
                item: item.id.0,
                phase,
                step: step.as_str(),
            });
        }
    }
    Ok(after)
}

fn settle(item: &mut Item, verdict: Verdict, at: Timestamp) {
    item.phase = Phase::Settled;
    item.lease = None;
    item.verdict = Some(verdict);
    item.settled_at = Some(at);
    item.holds_lane = false;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::rows::item;

    fn lease() -> Lease {
        Lease {
            fence: 7,
            epoch: 1,
            until: Timestamp::from_unix_ms(500),
        }
    }

    fn steps() -> Vec<Step> {
        let (due, why, by) = (Timestamp::from_unix_ms(1), "x".to_owned(), "y".to_owned());
        vec![
            Step::Look { lease: lease() },
            Step::Free,
            Step::Admit,
            Step::Hold {
                due,
                why: why.clone(),
            },
            Step::Send { lease: lease() },
            Step::Retry {
                due,
                why: why.clone(),
                since: None,
            },
            Step::Doubt {
                due,
                why: why.clone(),
            },
            Step::LookAgain {
                due,
                why: why.clone(),
            },
            Step::Resend {
                due,
                why: why.clone(),
            },
            Step::Dispatch { run: None },
            Step::SeeRun {
                run: RunRef {
                    id: "1".to_owned(),
                    url: None,
                },
            },
            Step::Supersede { by: by.clone() },
            Step::Park { why: why.clone() },
            Step::Refuse { why: why.clone() },
            Step::Cancel { why },
            Step::Replace { by },
        ]
    }

    /// Which steps each phase allows: the whole table, so that a step added by accident is seen.
    #[test]
    fn ok_every_phase_allows_these_steps_and_no_other() {
        let check = |phase: Phase, verdict: Option<Verdict>, expect: &[&str]| {
            let mut from = item(1);
            from.phase = phase;
            from.verdict = verdict;
            let allowed: Vec<_> = steps()
                .iter()
                .filter(|step| next(&from, step, Timestamp::default()).is_ok())
                .map(Step::as_str)
                .collect();
            assert_eq!(allowed, expect, "{phase:?}");
        };
        check(
            Phase::Judging,
            None,
            &[
                "look",
                "free",
                "admit",
                "hold",
                "supersede",
                "park",
                "refuse",
                "cancel",
            ],
        );
        check(Phase::Waiting, None, &["send", "supersede", "park", "cancel"]);
        check(
            Phase::Sending,
            None,
            &["retry", "doubt", "resend", "dispatch", "park"],
        );
        check(
            Phase::Probing,
            None,
            &[
                "look",
                "free",
                "look_again",
                "resend",
                "dispatch",
                "supersede",
                "park",
            ],
        );
        check(
            Phase::Settled,
            Some(Verdict::Dispatched { run: None }),
            &["see_run", "replace"],
        );
        check(
            Phase::Settled,
            Some(Verdict::Parked { why: String::new() }),
            &["refuse", "replace"],
        );
        check(
            Phase::Settled,
            Some(Verdict::Superseded { by: String::new() }),
            &["replace"],
        );
    }

    #[test]
    fn err_an_illegal_step_names_both_states() {
        let mut from = item(3);
        from.phase = Phase::Settled;
        from.verdict = Some(Verdict::Dispatched { run: None });
        let error = next(&from, &Step::Send { lease: lease() }, Timestamp::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "item 3 is settled (dispatched), from where it cannot send"
        );
    }

    #[test]
    fn ok_parking_holds_only_a_lane_that_wants_every_version() {
        for (mode, holds) in [(LaneMode::Latest, false), (LaneMode::Every, true)] {
            let mut from = item(1);
            from.policy.lane = mode;
            let parked = next(&from, &Step::Park { why: "x".to_owned() }, Timestamp::default()).unwrap();
            assert_eq!(parked.holds_lane, holds, "{mode:?}");
            let replaced = next(
                &parked,
                &Step::Replace { by: "y".to_owned() },
                Timestamp::default(),
            )
            .unwrap();
            assert!(!replaced.holds_lane);
        }
    }
}
