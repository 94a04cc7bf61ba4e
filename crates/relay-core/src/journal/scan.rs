//! **Here**: what can be read back: rows of history, filters, pages, and the numbers of a journal.
//! **Not here**: rows that the verbs work on (`item`).
//! **Reads**: `state` before it; `Relay::health`, hosts and tests read pages of it.
//! **Source**: DESIGN section 7: the history of one model version reads like a story.
#![expect(
    clippy::exhaustive_structs,
    reason = "engines in other crates build these rows from their tables"
)]

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::alarm::Alert;
use crate::clock::Timestamp;
use crate::journal::item::{
    Attempt, Block, EventRow, EventSeq, Item, ItemId, Phase, Principal, Target, UnreadableRow, Verdict,
};
use crate::journal::state::Step;
use crate::journal::track::Track;
use crate::tracker::TrackStep;

/// One line of history: something that happened to an event, an item, or a destination.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct HistoryRow {
    /// Its number.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// The event, if it is about one.
    pub event: Option<EventSeq>,
    /// The item, if it is about one.
    pub item: Option<ItemId>,
    /// What.
    pub entry: Entry,
}

/// What happened.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Entry {
    /// An event was accepted.
    Accepted,
    /// An event or release that is known came again.
    SeenAgain {
        /// The event's key.
        key: String,
    },
    /// No route wanted the event.
    Unwanted {
        /// Why.
        why: String,
    },
    /// An item began: the whole of it, so that the steps can be replayed over it.
    Began {
        /// The item before its first step.
        item: Box<Item>,
    },
    /// An item took a step.
    Stepped {
        /// Which.
        step: Step,
    },
    /// What became of an item after it had been dispatched.
    Tracked {
        /// Which step its track took.
        step: TrackStep,
    },
    /// Something was closed.
    Blocked {
        /// `principal` or `target`.
        scope: String,
        /// Which.
        name: String,
        /// Why.
        why: String,
    },
    /// It was opened again.
    Unblocked {
        /// `principal` or `target`.
        scope: String,
        /// Which.
        name: String,
    },
    /// A person, or an import, closed a target or the whole journal.
    Paused {
        /// `target` or `journal`.
        scope: String,
        /// Which.
        name: String,
        /// Why.
        why: String,
    },
    /// A person opened it again.
    Resumed {
        /// `target` or `journal`.
        scope: String,
        /// Which.
        name: String,
    },
    /// What was known of a workspace's releases was forgotten.
    Forgotten {
        /// The workspace, canonical.
        workspace: String,
        /// How many releases.
        releases: u64,
        /// How many lanes.
        lanes: u64,
    },
    /// A principal is closed until a moment that the destination named.
    Throttled {
        /// Which.
        name: String,
        /// Until when.
        until: Timestamp,
    },
    /// A target was checked.
    Checked {
        /// Which.
        name: String,
        /// What was found.
        found: String,
    },
}

/// Which items a scan wants; the default wants all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ItemFilter {
    /// Only these phases; empty for all.
    pub phases: Vec<Phase>,
    /// Only items with this verdict's word.
    pub verdict: Option<String>,
    /// Only items of this event.
    pub event: Option<EventSeq>,
    /// Only the item with this relay id.
    pub relay_id: Option<String>,
    /// Only items of the route with this name.
    pub route: Option<String>,
}

impl ItemFilter {
    /// Whether an item matches.
    #[must_use]
    pub fn matches(&self, item: &Item) -> bool {
        (self.phases.is_empty() || self.phases.contains(&item.phase))
            && self
                .verdict
                .as_deref()
                .is_none_or(|word| item.verdict.as_ref().is_some_and(|v| v.as_str() == word))
            && self.event.is_none_or(|event| item.event == event)
            && self
                .relay_id
                .as_deref()
                .is_none_or(|id| item.relay_id.as_str() == id)
            && self.route.as_deref().is_none_or(|route| item.route == route)
    }
}

/// What to read.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "verbs::scan must answer each")]
pub enum ScanQuery {
    /// Events after a number.
    Events {
        /// The number; zero for the first page.
        after: EventSeq,
        /// At most so many.
        limit: usize,
    },
    /// Items after a number.
    Items {
        /// The number; zero for the first page.
        after: ItemId,
        /// Which.
        filter: ItemFilter,
        /// At most so many.
        limit: usize,
    },
    /// History after a number.
    History {
        /// The number; zero for the first page.
        after: i64,
        /// Of one item, or of everything.
        item: Option<ItemId>,
        /// At most so many.
        limit: usize,
    },
    /// How far dispatched items were followed.
    Tracks {
        /// After the track of this item; zero for the first page.
        after: ItemId,
        /// Only those with this [word](Track::standing).
        standing: Option<String>,
        /// At most so many.
        limit: usize,
    },
    /// Elements that were kept aside.
    Unreadable,
    /// Targets, principals, and counts.
    Overview,
    /// The latest attempts of a principal.
    Attempts {
        /// Which.
        principal: String,
        /// At most so many.
        limit: usize,
    },
}

/// One page.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "one variant for each query")]
pub enum Page {
    /// Events.
    Events(Vec<EventRow>),
    /// Items.
    Items(Vec<Item>),
    /// History.
    History(Vec<HistoryRow>),
    /// How far dispatched items were followed.
    Tracks(Vec<Track>),
    /// Elements that were kept aside.
    Unreadable(Vec<UnreadableRow>),
    /// Targets, principals, and counts.
    Overview(Overview),
    /// Attempts, in order of their starts.
    Attempts(Vec<Attempt>),
}

/// How the journal stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Overview {
    /// All targets.
    pub targets: Vec<Target>,
    /// All principals.
    pub principals: Vec<Principal>,
    /// Why nothing at all is sent, if a person, or an import, said so.
    pub pause: Option<Block>,
    /// How many items are in each phase, settled ones by verdict.
    pub counts: Vec<(String, u64)>,
    /// How many of the dispatched ones that are or were followed stand how: see [`Track::standing`].
    pub tracks: Vec<(String, u64)>,
    /// How many unreadable elements came so far.
    pub n_unreadable: u64,
    /// What is judged or waits, by target.
    pub waiting: Vec<Waiting>,
    /// What waits for a person.
    pub parked: Parked,
}

impl Overview {
    /// How many items have no verdict yet.
    #[must_use]
    pub fn n_open(&self) -> u64 {
        let open = [Phase::Judging, Phase::Waiting, Phase::Sending, Phase::Probing];
        open.map(|phase| n_of(&self.counts, phase.as_str())).iter().sum()
    }

    /// How many of the dispatched ones stand like this: a word of [`Track::standing`].
    #[must_use]
    pub fn n_tracks(&self, standing: &str) -> u64 {
        n_of(&self.tracks, standing)
    }

    /// What a person, an import or a copy has closed, as alerts; each repository once.
    #[must_use]
    pub fn pauses(&self) -> Vec<Alert> {
        let of_all = self.pause.iter();
        let of_all = of_all.map(|pause| ("journal", "everything".to_owned(), pause.why.clone()));
        let of_targets = self.targets.iter().filter_map(|target| {
            let name = format!("{} as {}", target.repository, target.principal);
            Some(("target", name, target.pause.as_ref()?.why.clone()))
        });
        let pauses: BTreeSet<_> = of_all.chain(of_targets).collect();
        let alert = |(scope, name, why): (&str, String, String)| Alert::Paused {
            scope: scope.to_owned(),
            name,
            why,
        };
        pauses.into_iter().map(alert).collect()
    }
}

/// What is judged or waits for one target, and is not being worked on.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Waiting {
    /// The target's key.
    pub target: String,
    /// How many items.
    pub n: u64,
    /// How many of them stand behind a parked one in its lane: they do not go before a person decides on it.
    pub n_held: u64,
    /// When the first of them is, or was, due.
    pub earliest_due: Timestamp,
    /// When the last of them is.
    pub latest_due: Timestamp,
}

fn n_of(counts: &[(String, u64)], word: &str) -> u64 {
    let rows = counts.iter().filter(|(known, _)| known == word);
    rows.map(|(_, n)| n).sum()
}

impl Waiting {
    /// Those of these items that are judged or wait and have no lease, counted; `is_held` says which stand behind a parked
    /// one. For engines that hold items in memory.
    #[must_use]
    pub fn count<'i>(items: impl Iterator<Item = &'i Item>, is_held: impl Fn(&Item) -> bool) -> Vec<Self> {
        let is_one =
            |item: &&Item| item.lease.is_none() && matches!(item.phase, Phase::Judging | Phase::Waiting);
        let mut of_target: BTreeMap<&str, Self> = BTreeMap::new();
        for item in items.filter(is_one) {
            let row = of_target.entry(&item.target).or_insert_with(|| Self {
                target: item.target.clone(),
                n: 0,
                n_held: 0,
                earliest_due: item.due_at,
                latest_due: item.due_at,
            });
            row.n = row.n.saturating_add(1);
            row.n_held = row.n_held.saturating_add(u64::from(is_held(item)));
            row.earliest_due = row.earliest_due.min(item.due_at);
            row.latest_due = row.latest_due.max(item.due_at);
        }
        of_target.into_values().collect()
    }
}

/// What was parked, and that no later generation of its release took the place of.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Parked {
    /// How many items.
    pub n: u64,
    /// When the one was parked that waits longest.
    pub oldest: Option<Timestamp>,
    /// How many lanes they hold: nothing goes out there until a person decides.
    pub n_lanes: u64,
}

impl Parked {
    /// Those of these items that are parked, counted: all of them must be the latest of their release.
    #[must_use]
    pub fn count<'i>(items: impl Iterator<Item = &'i Item>) -> Self {
        let (mut parked, mut lanes) = (Self::default(), BTreeSet::new());
        for item in items.filter(|item| matches!(item.verdict, Some(Verdict::Parked { .. }))) {
            parked.n = parked.n.saturating_add(1);
            parked.oldest = parked.oldest.into_iter().chain(item.settled_at).min();
            lanes.extend(item.lane.as_ref().filter(|_| item.holds_lane));
        }
        parked.n_lanes = u64::try_from(lanes.len()).unwrap_or(u64::MAX);
        parked
    }
}
