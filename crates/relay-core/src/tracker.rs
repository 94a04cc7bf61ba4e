//! **Here**: what follows a dispatch: which run is looked for until when, and the step after each look. Pure.
//! **Not here**: the looks themselves (`worker`), the transaction in which a step is written (`journal::verbs`).
//! **Reads**: `dispatch`, `journal::track` before it; `journal::verbs` asks it inside the transaction.
//! **Source**: DESIGN section 7; facts/github 2.2, 2.3 and 5.1.
//!
//! A 204 says that GitHub took the request, and nothing of a run. A verdict never changes by what is found here, and no lane
//! waits for it. Somebody who starts a failed run again keeps its id; that second attempt is not followed.
#![expect(
    clippy::exhaustive_enums,
    reason = "the verbs must decide for each answer and each step"
)]

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::dispatch::{Advice, DispatchError, RunState, Scope, Sighting};
use crate::journal::item::{Item, Lease, Policy, RunRef, Target, Verdict};
use crate::journal::state::IllegalStep;
use crate::journal::track::{Stage, Track, TrackEnd, succeeded};
use crate::retry::{CHECK_EVERY, believed};

/// Within which time a run must be seen where a route does not say.
pub const SEEN_WITHIN: Duration = Duration::from_secs(600);
/// Within which time it must have concluded where a route does not say.
pub const CONCLUDED_WITHIN: Duration = Duration::from_secs(6 * 3_600);
/// For how long a run that is late is looked for.
pub const SEEK_ON_FOR: Duration = Duration::from_secs(24 * 3_600);
/// For how long a run that is late is followed: GitHub ends one after 35 days, waits for approval included.
pub const FOLLOW_ON_FOR: Duration = Duration::from_secs(35 * 24 * 3_600);
/// How many looks are under way at once at most, over all identities. They do not take the room of sends.
pub const AT_ONCE: usize = 4;
/// The mean time between two looks of one identity: 1,800 of the 5,000 requests that GitHub grants an hour. A look for a run
/// may take more than one request, and sending must never be short of them.
pub const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// How many looks of one identity may come together after a pause.
pub const TOGETHER: u32 = 8;

/// How long before the dispatch the listing begins: clocks differ. The id decides, so that listing more costs only requests.
const LIST_FROM: Duration = Duration::from_secs(300);
/// The same, once some looks were in vain.
const LIST_FROM_LATER: Duration = Duration::from_secs(3_600);
const LATER: u32 = 4;

/// What a look found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Observation {
    /// It was looked for a run.
    Look(Result<Sighting, DispatchError>),
    /// The run was asked for.
    Run(Result<RunState, DispatchError>),
}

impl Observation {
    /// The word for it in numbers and spans.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Look(Ok(Sighting::Seen(_))) => "seen",
            Self::Look(Ok(Sighting::NotSeen)) => "not_seen",
            Self::Run(Ok(state)) => match conclusion(state) {
                None => "not_concluded",
                Some(word) if succeeded(word) => "succeeded",
                Some(_) => "run_failed",
            },
            Self::Look(Err(_)) | Self::Run(Err(_)) => "failed",
        }
    }

    /// What went wrong.
    #[must_use]
    pub const fn error(&self) -> Option<&DispatchError> {
        match self {
            Self::Look(Err(error)) | Self::Run(Err(error)) => Some(error),
            Self::Look(Ok(_)) | Self::Run(Ok(_)) => None,
        }
    }
}

/// One step of a track.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum TrackStep {
    /// A worker looks. A lease and nothing more.
    Look {
        /// The lease.
        lease: Lease,
    },
    /// A look ended without an answer: the lease ended.
    Free,
    /// Not yet.
    LookAgain {
        /// When.
        due: Timestamp,
        /// What was found.
        note: String,
    },
    /// A run was seen.
    See {
        /// The run.
        run: RunRef,
        /// When, by our clock.
        at: Timestamp,
        /// Until when it must have concluded; none where that is of no interest.
        deadline: Option<Timestamp>,
    },
    /// It is late: a person is told.
    Late {
        /// What is late, and why as far as known.
        why: String,
    },
    /// The run ended.
    Conclude {
        /// The run.
        run: RunRef,
        /// GitHub's word.
        conclusion: String,
    },
    /// It cannot be known what becomes of it.
    GiveUp {
        /// Why.
        why: String,
    },
    /// It was late, and was looked at for long enough.
    Stop {
        /// Why.
        why: String,
    },
}

impl TrackStep {
    /// The word for it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Look { .. } => "look",
            Self::Free => "free",
            Self::LookAgain { .. } => "look_again",
            Self::See { .. } => "see",
            Self::Late { .. } => "late",
            Self::Conclude { .. } => "conclude",
            Self::GiveUp { .. } => "give_up",
            Self::Stop { .. } => "stop",
        }
    }

    /// Whether the history tells it under this name: a run that was seen is told by the item's own step, and looks in vain are only
    /// counted, since a long run has hundreds.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        matches!(
            self,
            Self::Late { .. } | Self::Conclude { .. } | Self::GiveUp { .. } | Self::Stop { .. }
        )
    }
}

/// How an item that was dispatched just now is followed; none where its route wants nothing of what is left to know.
#[must_use]
pub fn begin(item: &Item, target: &Target, now: Timestamp) -> Option<Track> {
    let seeking = |within: Duration| Track {
        item: item.id,
        target: item.target.clone(),
        stage: Stage::Seeking,
        since: now,
        deadline: now.after(within),
        late: false,
        due_at: now.after(wait(Stage::Seeking, false, 0)),
        n_looks: 0,
        note: None,
        end: None,
        lease: None,
    };
    if run_of(item).is_some() {
        let within = item.policy.run_concluded_within?;
        return Some(Track {
            stage: Stage::Following,
            due_at: now.after(wait(Stage::Following, false, 0)),
            ..seeking(within)
        });
    }
    let track = seeking(item.policy.run_seen_within?);
    if !target.hides_relay_id {
        return Some(track);
    }
    let found = target.check.as_deref().unwrap_or("it does not show the relay id");
    let why = format!("no run can be told from another there; its check said: {found}");
    Some(ended(&track, TrackEnd::Untracked { why }))
}

/// The run that a dispatched item is known to have started.
#[must_use]
pub const fn run_of(item: &Item) -> Option<&RunRef> {
    match &item.verdict {
        Some(Verdict::Dispatched { run }) => run.as_ref(),
        _ => None,
    }
}

/// A track after one step: the only place where one changes.
///
/// # Errors
/// [`IllegalStep`] when its stage does not allow the step; nothing has changed then.
pub fn next(track: &Track, step: &TrackStep) -> Result<Track, IllegalStep> {
    let mut after = track.clone();
    match (track.stage, step) {
        (Stage::Seeking | Stage::Following, TrackStep::Look { lease }) => after.lease = Some(*lease),
        (Stage::Seeking | Stage::Following, TrackStep::Free) => after.lease = None,
        (Stage::Seeking | Stage::Following, TrackStep::LookAgain { due, note }) => {
            after.lease = None;
            after.due_at = *due;
            after.n_looks = after.n_looks.saturating_add(1);
            after.note = Some(note.clone());
        }
        (Stage::Seeking, TrackStep::See { at, deadline, .. }) => {
            let Some(deadline) = deadline else {
                return Ok(ended(track, TrackEnd::Seen));
            };
            after.lease = None;
            after.stage = Stage::Following;
            (after.since, after.deadline) = (*at, *deadline);
            after.due_at = at.after(wait(Stage::Following, false, 0));
            (after.n_looks, after.late, after.note) = (0, false, None);
        }
        (Stage::Seeking | Stage::Following, TrackStep::Late { why }) if !track.late => {
            (after.late, after.n_looks, after.note) = (true, 0, Some(why.clone()));
        }
        (Stage::Following, TrackStep::Conclude { conclusion, .. }) => {
            let conclusion = conclusion.clone();
            return Ok(ended(track, TrackEnd::Concluded { conclusion }));
        }
        (Stage::Seeking | Stage::Following, TrackStep::GiveUp { why }) => {
            return Ok(ended(track, TrackEnd::Untracked { why: why.clone() }));
        }
        (Stage::Seeking | Stage::Following, TrackStep::Stop { why }) if track.late => {
            return Ok(ended(track, TrackEnd::Stopped { why: why.clone() }));
        }
        (stage, step) => {
            let late = if track.late { ", and late" } else { "" };
            return Err(IllegalStep {
                item: track.item.0,
                phase: format!("tracked ({}{late})", stage.as_str()),
                step: step.as_str(),
            });
        }
    }
    Ok(after)
}

fn ended(track: &Track, end: TrackEnd) -> Track {
    Track {
        stage: Stage::Over,
        end: Some(end),
        lease: None,
        ..track.clone()
    }
}

/// The steps after a look, one or two: late is said beside what follows.
#[must_use]
pub fn after_look(
    track: &Track,
    policy: &Policy,
    shows_relay_id: bool,
    seen: &Observation,
    now: Timestamp,
) -> Vec<TrackStep> {
    match seen {
        Observation::Look(Ok(Sighting::Seen(run))) => vec![see(run, policy, now)],
        Observation::Look(Ok(Sighting::NotSeen)) if now >= track.deadline && !shows_relay_id => {
            // Its absence says nothing there: neither an alarm, nor more of the same.
            vec![TrackStep::GiveUp {
                why: format!(
                    "no run with the relay id was seen within {}, and the target is not known to show it in run-name",
                    in_words(track.deadline.since(track.since))
                ),
            }]
        }
        Observation::Look(Ok(Sighting::NotSeen)) => {
            not_yet(track, "no run shows the relay id".to_owned(), Duration::ZERO, now)
        }
        Observation::Run(Ok(state)) => match conclusion(state) {
            Some(conclusion) => vec![TrackStep::Conclude {
                run: state.run.clone(),
                conclusion: conclusion.to_owned(),
            }],
            None => {
                let status = state.status.as_deref().unwrap_or("of no known status");
                not_yet(track, format!("the run is {status}"), Duration::ZERO, now)
            }
        },
        Observation::Look(Err(error)) | Observation::Run(Err(error)) => {
            failed(track, shows_relay_id, error, now)
        }
    }
}

/// The step that notes a run, whoever saw it.
#[must_use]
pub fn see(run: &RunRef, policy: &Policy, now: Timestamp) -> TrackStep {
    TrackStep::See {
        run: run.clone(),
        at: now,
        deadline: policy.run_concluded_within.map(|within| now.after(within)),
    }
}

/// A look that failed has seen nothing, not "nothing"; but what is late is late, whatever the reason.
fn failed(track: &Track, shows_relay_id: bool, error: &DispatchError, now: Timestamp) -> Vec<TrackStep> {
    let why = format!("looking failed: {}", error.why);
    let no_earlier = match error.advice {
        // The identity is gone, or what is stored cannot be asked for.
        Advice::GiveUp => return vec![TrackStep::GiveUp { why }],
        // Who may not list runs, and cannot tell whether they show the id, will never know.
        Advice::Block(Scope::Target) if track.stage == Stage::Seeking && !shows_relay_id => {
            return vec![TrackStep::GiveUp { why }];
        }
        Advice::Block(Scope::Target) => CHECK_EVERY,
        Advice::Throttled { until } => believed(until, now).since(now),
        // The principal's row says until when it is closed.
        Advice::Block(Scope::Principal) | Advice::NotSent | Advice::Unknown => Duration::ZERO,
    };
    not_yet(track, why, no_earlier, now)
}

fn not_yet(track: &Track, note: String, no_earlier: Duration, now: Timestamp) -> Vec<TrackStep> {
    let mut steps = Vec::new();
    let mut late = track.late;
    if now >= track.deadline && !late {
        late = true;
        let within = in_words(track.deadline.since(track.since));
        let what = match track.stage {
            Stage::Seeking => "it was accepted, and its run was not seen",
            _ => "its run has not concluded",
        };
        steps.push(TrackStep::Late {
            why: format!("{what} within {within}: {note}"),
        });
    }
    let on_for = match track.stage {
        Stage::Seeking => SEEK_ON_FOR,
        _ => FOLLOW_ON_FOR,
    };
    if late && now >= track.deadline.after(on_for) {
        let why = format!("it was late for {}: {note}", in_words(on_for));
        steps.push(TrackStep::Stop { why });
        return steps;
    }
    // Counted anew since it is late.
    let n_looks = match (track.late, late) {
        (true, _) => track.n_looks,
        (false, true) => 0,
        (false, false) => track.n_looks.saturating_add(1),
    };
    let by_wait = now.after(wait(track.stage, late, n_looks));
    // Once exactly when it becomes late, so that the alarm is not late as well; and once at the end.
    let due = by_wait.min(if late {
        track.deadline.after(on_for)
    } else {
        track.deadline
    });
    steps.push(TrackStep::LookAgain {
        due: due.max(now.after(no_earlier)),
        note,
    });
    steps
}

/// How a run ended. One that wants an action has not.
fn conclusion(state: &RunState) -> Option<&str> {
    let is_completed = state.status.as_deref().is_none_or(|status| status == "completed");
    state
        .conclusion
        .as_deref()
        .filter(|word| is_completed && *word != "action_required")
}

/// 5, 10, 20 ... 300 s between looks for a run; 15, 30, 60 ... 300 s between questions about one; 10, 20 ... 60 min once it is late.
fn wait(stage: Stage, late: bool, n_looks: u32) -> Duration {
    let (first, longest) = match (stage, late) {
        (_, true) => (600, 3_600),
        (Stage::Seeking, false) => (5, 300),
        (_, false) => (15, 300),
    };
    Duration::from_secs((first << n_looks.min(8)).min(longest))
}

/// From when on runs are listed for an item.
#[must_use]
pub fn list_from(item: &Item, track: &Track) -> Timestamp {
    // After an unknown outcome the run may be that of an earlier request.
    let sent = item
        .unknown_since
        .map_or(track.since, |since| since.min(track.since));
    let windows = item.policy.probe_window.saturating_mul(item.n_resends);
    let margin = if track.late || track.n_looks >= LATER {
        LIST_FROM_LATER
    } else {
        LIST_FROM
    };
    sent.before(margin.saturating_add(windows))
}

/// Whether one more look of a principal may begin now: until when its pace is spent afterwards, or else when it may begin.
///
/// # Errors
/// The moment at which it may begin.
pub fn pace(spent_until: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Timestamp> {
    let from = spent_until.unwrap_or(now).max(now);
    let opens = from.before(BETWEEN_LOOKS.saturating_mul(TOGETHER.saturating_sub(1)));
    if opens > now {
        return Err(opens);
    }
    Ok(from.after(BETWEEN_LOOKS))
}

fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    // One day reads better as 24 h.
    let units = [(86_400, 2, "days"), (3_600, 1, "h"), (60, 1, "min")];
    let fits =
        |(size, least, _): &&(u64, u64, &str)| seconds.is_multiple_of(*size) && seconds / size >= *least;
    match units.iter().find(fits) {
        Some((size, _, unit)) => format!("{} {unit}", seconds / size),
        None => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests;
