//! **Here**: [`Run`], pages of runs, and how the run of a dispatch is recognised. Pure.
//! **Not here**: listing (`client`), the line of a workflow that shows the id (`workflow_file`).
//! **Reads**: `response` before it; `client` uses it.
//! **Source**: <https://docs.github.com/rest/actions/workflow-runs>, read 2026-11-22. Ids need 64 bits; name, branch, status and
//! conclusion may be null; new statuses and conclusions may come.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

/// A run of a workflow, as far as a dispatcher needs it. What GitHub leaves out, or sends as null, is none here.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct Run {
    /// `id`: JSON integer of up to 64 bits.
    pub id: u64,
    /// `display_title`: the evaluated `run-name`; this is where a relay id is shown.
    #[serde(default)]
    pub display_title: Option<String>,
    /// `event`, such as `repository_dispatch`.
    #[serde(default)]
    pub event: Option<String>,
    /// `path` of the workflow file.
    #[serde(default)]
    pub path: Option<String>,
    /// `status`.
    #[serde(default)]
    pub status: Option<RunStatus>,
    /// `conclusion`; none while it runs.
    #[serde(default)]
    pub conclusion: Option<RunConclusion>,
    /// `run_attempt`: 1 for the first.
    #[serde(default)]
    pub run_attempt: Option<u32>,
    /// `html_url`: where a person looks at it.
    #[serde(default)]
    pub html_url: Option<String>,
    /// `created_at` as written.
    #[serde(default)]
    pub created_at: Option<String>,
    /// `run_number`: counts the runs of its workflow.
    #[serde(default)]
    pub run_number: Option<u64>,
    /// `workflow_id`.
    #[serde(default)]
    pub workflow_id: Option<u64>,
    /// `head_branch`: for a repository dispatch the default branch.
    #[serde(default)]
    pub head_branch: Option<String>,
    /// `head_sha`: the commit whose workflow file runs.
    #[serde(default)]
    pub head_sha: Option<String>,
    /// `run_started_at` of this attempt, as written.
    #[serde(default)]
    pub run_started_at: Option<String>,
    /// `updated_at` as written.
    #[serde(default)]
    pub updated_at: Option<String>,
}

impl Run {
    /// A run of which only this is known.
    #[cfg(feature = "client")]
    pub(crate) const fn named(id: u64, html_url: Option<String>) -> Self {
        Self {
            id,
            display_title: None,
            event: None,
            path: None,
            status: None,
            conclusion: None,
            run_attempt: None,
            html_url,
            created_at: None,
            run_number: None,
            workflow_id: None,
            head_branch: None,
            head_sha: None,
            run_started_at: None,
            updated_at: None,
        }
    }

    /// Whether it came to an end. One that asks for action is `completed` and has not.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.status == Some(RunStatus::Completed)
            && !matches!(self.conclusion, None | Some(RunConclusion::ActionRequired))
    }

    /// Whether it ended, and well.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.is_ended() && self.conclusion == Some(RunConclusion::Success)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
        #[serde(from = "String")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A word that was not known when this was written.
            Other(String),
        }

        impl $name {
            /// GitHub's word.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($word => Self::$variant,)+
                    _ => Self::Other(word),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

#[cfg(feature = "webhooks")]
pub(crate) use words;

words!(
    /// How far a run is.
    RunStatus {
        /// Asked for.
        Requested = "requested",
        /// In a queue.
        Queued = "queued",
        /// Behind another of its concurrency group.
        Pending = "pending",
        /// On an approval.
        Waiting = "waiting",
        /// Running.
        InProgress = "in_progress",
        /// Ended; see its conclusion.
        Completed = "completed",
    }
);

words!(
    /// How a run ended.
    RunConclusion {
        /// Well.
        Success = "success",
        /// Badly.
        Failure = "failure",
        /// Cancelled.
        Cancelled = "cancelled",
        /// Skipped.
        Skipped = "skipped",
        /// Out of time.
        TimedOut = "timed_out",
        /// Neither well nor badly.
        Neutral = "neutral",
        /// Not an end: somebody has to act.
        ActionRequired = "action_required",
        /// Given up by GitHub.
        Stale = "stale",
        /// The workflow could not start.
        StartupFailure = "startup_failure",
    }
);

/// One page of runs.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct RunPage {
    /// `total_count` of the whole search; GitHub shows 1,000 at most.
    #[serde(default)]
    pub total_count: u64,
    /// `workflow_runs`.
    pub workflow_runs: Vec<Run>,
}

/// How long a run of a dispatch is looked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ProbeWindow {
    /// When the dispatch was sent, by our clock. Runs of up to a minute before are looked at as well: clocks differ.
    pub sent_at: SystemTime,
    /// How long after that a run is waited for. GitHub shows runs within seconds as a rule, and within minutes on a bad day.
    pub length: Duration,
}

impl ProbeWindow {
    /// Ten minutes from this moment on.
    #[must_use]
    pub const fn since(sent_at: SystemTime) -> Self {
        Self {
            sent_at,
            length: Duration::from_secs(600),
        }
    }

    /// Another length.
    #[must_use]
    pub const fn with_length(mut self, length: Duration) -> Self {
        self.length = length;
        self
    }

    /// When to look next: 3, 6, 12, 24 and 48 s after the dispatch and then every 48 s, one last time when the window passes; none
    /// afterwards.
    #[must_use]
    pub fn next_look(&self, now: SystemTime) -> Option<Duration> {
        let age = now.duration_since(self.sent_at).unwrap_or_default();
        let left = self.length.checked_sub(age).filter(|left| !left.is_zero())?;
        let planned = [3_u64, 9, 21, 45, 93]
            .map(Duration::from_secs)
            .into_iter()
            .find_map(|at| at.checked_sub(age).filter(|wait| !wait.is_zero()))
            .unwrap_or(Duration::from_secs(48));
        Some(planned.min(left))
    }
}

/// What a look for the run of a dispatch found.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide for each")]
pub enum Probe {
    /// It started: these runs show the id. Several copies are possible, and several workflows that listen.
    Started(Vec<Run>),
    /// No run shows it yet.
    NotSeenYet {
        /// How long to wait before the next look.
        look_again_in: Duration,
    },
    /// No run showed it, and the window is over. That is no proof: Actions may be down, or no workflow listens.
    WindowPassed,
}

/// Whether a run's title shows an id: as a word of its own, since a title holds text of others as well.
///
/// ASCII letters and digits beside it belong to another id; anything else does not, a hyphen or an underscore neither:
/// `deploy-ID` shows it. So ids should be of one length, or none should be the beginning of another up to a hyphen.
#[must_use]
pub fn shows_id(run: &Run, id: &str) -> bool {
    let Some(title) = run.display_title.as_deref() else {
        return false;
    };
    !id.is_empty()
        && title.match_indices(id).any(|(at, found)| {
            let before = title.get(..at).unwrap_or_default();
            let after = title.get(at + found.len()..).unwrap_or_default();
            stands_alone(before, after)
        })
}

/// Whether an id between these texts is a word of its own. `shows_id` asks it of a title, `workflow_file` of the text that a
/// title will be made of: what the one promises, the other finds.
pub(crate) fn stands_alone(before: &str, after: &str) -> bool {
    // What ids are made of: lower-case base 32 in a relay's, hexadecimal in a UUID.
    let joins = |c: char| c.is_ascii_alphanumeric();
    !before.ends_with(joins) && !after.starts_with(joins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_looks_become_rarer_and_the_last_is_at_the_end() {
        let sent_at = SystemTime::UNIX_EPOCH;
        let window = ProbeWindow::since(sent_at).with_length(Duration::from_secs(200));
        let (mut now, mut looks) = (sent_at, Vec::new());
        while let Some(wait) = window.next_look(now) {
            now += wait;
            looks.push(now.duration_since(sent_at).unwrap().as_secs());
        }
        assert_eq!(looks, [3, 9, 21, 45, 93, 141, 189, 200]);
        // A clock that went back is no reason to wait longer than planned.
        let before = sent_at - Duration::from_secs(50);
        assert_eq!(window.next_look(before), Some(Duration::from_secs(3)));
        assert_eq!(window.with_length(Duration::ZERO).next_look(sent_at), None);
    }

    #[test]
    fn ok_only_a_conclusion_is_an_end() {
        let run = |status: &str, conclusion: &str| -> Run {
            let text = format!(r#"{{"id": 1, "status": {status}, "conclusion": {conclusion}}}"#);
            serde_json::from_str(&text).unwrap()
        };
        for (status, conclusion, ended, succeeded) in [
            (r#""completed""#, r#""success""#, true, true),
            (r#""completed""#, r#""failure""#, true, false),
            (r#""completed""#, r#""new_word""#, true, false),
            (r#""completed""#, r#""action_required""#, false, false),
            (r#""completed""#, "null", false, false),
            (r#""waiting""#, "null", false, false),
            (r#""in_progress""#, r#""success""#, false, false),
            ("null", "null", false, false),
        ] {
            let run = run(status, conclusion);
            assert_eq!((run.is_ended(), run.succeeded()), (ended, succeeded), "{run:?}");
        }
    }

    fn titled(title: Option<&str>) -> Run {
        let mut run: Run = serde_json::from_str(r#"{"id": 1}"#).unwrap();
        run.display_title = title.map(str::to_owned);
        run
    }

    #[test]
    fn ok_an_id_is_a_word_of_its_own() {
        let check =
            |title: &str, expect| assert_eq!(shows_id(&titled(Some(title)), "abc"), expect, "{title}");
        check("deploy m [abc]", true);
        check("abc", true);
        check("(abc) and xabc", true);
        check("xabc", false);
        check("abc2", false);
        check("abc-d", true);
        check("deploy_abc", true);
        check("éabcé", true);
        check("Xabc", false);
        check("ABC", false);
        check("", false);
        assert!(!shows_id(&titled(None), "abc"));
        assert!(!shows_id(&titled(Some("x")), ""));
    }

    #[test]
    fn ok_nulls_gaps_large_ids_and_new_words() {
        let text = r#"{"total_count": 2, "workflow_runs": [
            {"id": 18446744073709551615, "display_title": null, "status": "flying", "conclusion": null, "actor": {}},
            {"id": 30000000000, "status": "completed", "conclusion": "startup_failure"}]}"#;
        let page: RunPage = serde_json::from_str(text).unwrap();
        assert_eq!(page.workflow_runs[0].id, u64::MAX);
        assert_eq!(
            page.workflow_runs[0].status,
            Some(RunStatus::Other("flying".to_owned()))
        );
        assert_eq!(
            page.workflow_runs[1].conclusion.as_ref().unwrap().as_str(),
            "startup_failure"
        );
    }
}
