//! **Here**: [`Track`], how far a dispatched item was followed: the row that engines store; and what is asked of a store about it.
//! **Not here**: which step follows a look (`tracker`), the transaction it is taken in (`verbs`).
//! **Reads**: `item` before it; `rows` takes it in, `tracker` decides over it.
//! **Source**: DESIGN section 7, closing the loop.
#![expect(
    clippy::exhaustive_structs,
    reason = "engines in other crates build these rows from their tables"
)]
#![expect(
    clippy::exhaustive_enums,
    reason = "engines and verbs must decide for each variant"
)]

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::journal::item::{ItemId, Lease};
use crate::journal::rows::Stored;

/// What is waited for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A run with the relay id.
    Seeking,
    /// The end of the run.
    Following,
    /// Azure ML serves the version. Nothing goes here yet: reading it back is not built.
    Deploying,
    /// Nothing more.
    Over,
}

impl Stage {
    /// All stages, in the order in which an item comes by.
    pub const ALL: [Self; 4] = [Self::Seeking, Self::Following, Self::Deploying, Self::Over];

    /// The word that journals store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seeking => "seeking",
            Self::Following => "following",
            Self::Deploying => "deploying",
            Self::Over => "over",
        }
    }

    /// The stage that a journal stored under this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == word)
    }
}

/// Why nothing more is waited for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum TrackEnd {
    /// A run was seen, and its end is of no interest to the route.
    Seen,
    /// The run ended.
    Concluded {
        /// GitHub's word, such as `success`.
        conclusion: String,
    },
    /// It cannot be known what became of it.
    Untracked {
        /// Why.
        why: String,
    },
    /// It was late, and was looked at for long enough after that.
    Stopped {
        /// Why.
        why: String,
    },
}

/// How far one dispatched item was followed. There is at most one for an item: a replay is an item of its own.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Track {
    /// The item.
    pub item: ItemId,
    /// Its target's key.
    pub target: String,
    /// What is waited for.
    pub stage: Stage,
    /// Since when: the item was dispatched, or its run was seen.
    pub since: Timestamp,
    /// From when on it is late.
    pub deadline: Timestamp,
    /// Whether a person was told that it is late.
    pub late: bool,
    /// When to look next.
    pub due_at: Timestamp,
    /// Looks so far in this stage, and since it is late.
    pub n_looks: u32,
    /// What the last look found.
    pub note: Option<String>,
    /// Why nothing more is waited for.
    pub end: Option<TrackEnd>,
    /// Who looks.
    pub lease: Option<Lease>,
}

impl Track {
    /// All words that [`standing`](Self::standing) gives.
    pub const STANDINGS: [&'static str; 9] = [
        "seeking",
        "seeking_late",
        "following",
        "following_late",
        "seen",
        "succeeded",
        "failed",
        "untracked",
        "stopped",
    ];

    /// The word by which it is counted and found.
    #[must_use]
    pub fn standing(&self) -> &'static str {
        match (&self.end, self.stage, self.late) {
            (Some(TrackEnd::Seen), ..) => "seen",
            (Some(TrackEnd::Concluded { conclusion }), ..) if succeeded(conclusion) => "succeeded",
            (Some(TrackEnd::Concluded { .. }), ..) => "failed",
            (Some(TrackEnd::Untracked { .. }), ..) => "untracked",
            (Some(TrackEnd::Stopped { .. }), ..) => "stopped",
            (None, Stage::Seeking, true) => "seeking_late",
            (None, Stage::Following, true) => "following_late",
            (None, stage, _) => stage.as_str(),
        }
    }
}

/// Whether a run that concluded like this did what it was to do. A run that was skipped deployed nothing, and a word that is not
/// known is no success.
#[must_use]
pub fn succeeded(conclusion: &str) -> bool {
    matches!(conclusion, "success" | "neutral")
}

/// Reading. Part of [`ReadRows`](crate::journal::rows::ReadRows).
pub trait ReadTracks {
    /// The track of an item.
    ///
    /// # Errors
    /// The store failed. This holds for every method of this trait and the next.
    fn track(&mut self, item: ItemId) -> Stored<Option<Track>>;
    /// At most `limit` tracks of items after one, in order of their numbers; only those with this word.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn tracks_after(&mut self, after: ItemId, standing: Option<&str>, limit: usize) -> Stored<Vec<Track>>;
    /// How many tracks stand how: pairs of a word and a count, by word.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn track_counts(&mut self) -> Stored<Vec<(String, u64)>>;
}

/// Reading and writing inside one transaction. Part of [`Rows`](crate::journal::rows::Rows). What is *open* is not over.
#[expect(clippy::missing_errors_doc, reason = "said once: the store failed")]
pub trait TrackRows: ReadTracks {
    /// Adds or replaces the track of an item.
    fn put_track(&mut self, track: &Track) -> Stored<()>;
    /// Removes it, if there is one.
    fn remove_track(&mut self, item: ItemId) -> Stored<()>;
    /// The targets that open tracks name, each once, by key. However many tracks there are, this should take no longer.
    fn tracked_targets(&mut self) -> Stored<Vec<String>>;
    /// At most `limit` open tracks of a target without a lease that are due at or before this moment, by due time and number.
    fn due_tracks(&mut self, target: &str, now: Timestamp, limit: usize) -> Stored<Vec<Track>>;
    /// Open tracks whose lease ended: it is of an earlier epoch, or its end has come.
    fn lost_tracks(&mut self, epoch: u64, now: Timestamp) -> Stored<Vec<Track>>;
    /// How many open tracks have a lease.
    fn n_leased_tracks(&mut self) -> Stored<usize>;
    /// The earliest due time after `now` of open tracks, and of the ends of their leases.
    fn next_track_due(&mut self, now: Timestamp) -> Stored<Option<Timestamp>>;
    /// Until when the looks of a principal have spent their pace.
    fn looks_spent_until(&mut self, principal: &str) -> Stored<Option<Timestamp>>;
    /// Sets it.
    fn put_looks_spent_until(&mut self, principal: &str, until: Timestamp) -> Stored<()>;
}
