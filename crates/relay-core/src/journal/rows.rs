//! **Here**: [`ReadRows`] and [`Rows`], what the verbs ask of a store inside one transaction; nothing but rows in and out.
//! **Not here**: any decision: transitions, supersession, order and budget are pure functions that `verbs` calls.
//! **Reads**: `item` before it; engines implement it, `verbs` is written over it.
//! **Source**: DESIGN section 5, "engines contain no policy".

use std::collections::BTreeSet;

use crate::clock::Timestamp;
use crate::journal::JournalError;
use crate::journal::item::{
    Attempt, ClosedTargets, EventRow, EventSeq, Item, ItemId, Meta, Phase, Principal, ReleaseRow, Target,
    UnreadableRow,
};
use crate::journal::scan::{HistoryRow, ItemFilter, Parked, Waiting};
use crate::journal::track::{ReadTracks, TrackRows};
use crate::key::DispatchKey;
use crate::lane::Place;

/// What a store answers with.
pub type Stored<T> = Result<T, JournalError>;

/// Work that a claim looks for; without what stands behind others in its lane, see [`Rows::put_behind`].
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the verbs build it, engines read it")]
pub struct DueQuery<'a> {
    /// Items in this phase,
    pub phase: Phase,
    /// without a lease and due at or before this moment,
    pub now: Timestamp,
    /// whose target is none of these,
    pub closed: &'a ClosedTargets,
    /// whose lane, if they have one, is none of these,
    pub closed_lanes: &'a BTreeSet<String>,
    /// after this one in the order (priority falling, due time, number),
    pub after: Option<(i32, Timestamp, ItemId)>,
    /// at most so many.
    pub limit: usize,
}

/// What stands at the front of a lane.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "engines build it, the verbs read it")]
pub struct LaneFront {
    /// Whether an item that holds it is being sent, or looked for.
    pub under_way: bool,
    /// Whether a settled item holds it.
    pub parked: bool,
    /// The first, by [`lane::order`](crate::lane::order), of those that are judged or wait.
    pub first: Option<Item>,
}

/// Reading. Every list is in order of its numbers unless it says otherwise.
pub trait ReadRows: ReadTracks {
    /// Facts of the journal as a whole; the default before anything was written.
    ///
    /// # Errors
    /// The store failed. This holds for every method of this trait and the next.
    fn meta(&mut self) -> Stored<Meta>;
    /// The event with this number.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn event(&mut self, seq: EventSeq) -> Stored<Option<EventRow>>;
    /// The item with this number.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn item(&mut self, id: ItemId) -> Stored<Option<Item>>;
    /// At most `limit` events after a number.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn events_after(&mut self, after: EventSeq, limit: usize) -> Stored<Vec<EventRow>>;
    /// At most `limit` items after a number that match the filter.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn items_after(&mut self, after: ItemId, filter: &ItemFilter, limit: usize) -> Stored<Vec<Item>>;
    /// At most `limit` rows of history after a number, of one item or of all.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn history_after(&mut self, after: i64, item: Option<ItemId>, limit: usize) -> Stored<Vec<HistoryRow>>;
    /// The elements that were kept aside, oldest first.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn unreadable(&mut self) -> Stored<Vec<UnreadableRow>>;
    /// All targets, by key.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn targets(&mut self) -> Stored<Vec<Target>>;
    /// All principals, by name.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn principals(&mut self) -> Stored<Vec<Principal>>;
    /// At most `limit` releases after a key, by key.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn releases_after(&mut self, after: Option<&DispatchKey>, limit: usize) -> Stored<Vec<ReleaseRow>>;
    /// At most `limit` lanes after one, by name, with their marks.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn lane_marks_after(&mut self, after: Option<&str>, limit: usize) -> Stored<Vec<(String, Place)>>;
    /// At most `limit` attempts after a fence.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn attempts_after(&mut self, after: u64, limit: usize) -> Stored<Vec<Attempt>>;
    /// How many items are in each phase, settled ones by verdict: pairs of a word and a count.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn counts(&mut self) -> Stored<Vec<(String, u64)>>;
    /// What is judged or waits and has no lease, by target, in order of its keys.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn waiting(&mut self) -> Stored<Vec<Waiting>>;
    /// Items whose verdict is parked, that are the latest of their release, and whose release was not forgotten.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn parked(&mut self) -> Stored<Parked>;
    /// The latest attempts of a principal, at most `limit`, in order of their starts and fences.
    #[expect(clippy::missing_errors_doc, reason = "said once, at the first method")]
    fn latest_attempts(&mut self, principal: &str, limit: usize) -> Stored<Vec<Attempt>>;
}

/// Reading and writing inside one transaction.
#[expect(clippy::missing_errors_doc, reason = "said once: the store failed")]
pub trait Rows: ReadRows + TrackRows {
    /// Replaces the facts of the journal as a whole.
    fn put_meta(&mut self, meta: &Meta) -> Stored<()>;
    /// Moves every stored moment of the future or of a window by that many milliseconds: due times, lease ends,
    /// closings, checks, blocks, starts of unknown outcomes and of retries, starts and ends of attempts; and of tracks
    /// that are not over: starts, deadlines, due times, lease ends; and until when looks have spent their pace.
    fn shift_times(&mut self, by_ms: i64) -> Stored<()>;

    /// The number of the event with this key.
    fn find_event(&mut self, key: &str) -> Stored<Option<EventSeq>>;
    /// Adds an event, whose `seq` is ignored, and gives it its number.
    fn add_event(&mut self, event: &EventRow) -> Stored<EventSeq>;
    /// Adds an element that was kept aside; false when its digest is there already.
    fn add_unreadable(&mut self, row: &UnreadableRow) -> Stored<bool>;
    /// Removes the oldest of them until at most `rows` with at most `bytes` of body are left.
    fn trim_unreadable(&mut self, rows: usize, bytes: usize) -> Stored<()>;

    /// What is known of a release on a route.
    fn release(&mut self, key: &DispatchKey) -> Stored<Option<ReleaseRow>>;
    /// Adds or replaces it.
    fn put_release(&mut self, row: &ReleaseRow) -> Stored<()>;

    /// Adds an item, whose `id` is ignored, and gives it its number; `behind` as in [`put_behind`](Self::put_behind).
    fn add_item(&mut self, item: &Item, behind: bool) -> Stored<ItemId>;
    /// Replaces an item.
    fn put_item(&mut self, item: &Item) -> Stored<()>;
    /// The items of a lane that hold it.
    fn lane_items(&mut self, lane: &str) -> Stored<Vec<Item>>;
    /// What stands at the front of a lane. However long the lane is, this should take no longer.
    fn lane_front(&mut self, lane: &str) -> Stored<LaneFront>;
    /// The first, by [`lane::order`](crate::lane::order), of those of a lane that are judged or wait, that nobody allowed to be older, and
    /// that are not this one. This should take no longer however long the lane is, but for those that somebody allowed.
    fn lane_first_in_order(&mut self, lane: &str, but: ItemId) -> Stored<Option<Item>>;
    /// Notes whether a waiting item stands behind others in its lane: as long as it does, [`due_items`](Self::due_items) steps over it,
    /// and takes no longer however many do. An item that was never noted does not. It is no part of the item: the verbs keep it.
    fn put_behind(&mut self, id: ItemId, behind: bool) -> Stored<()>;
    /// Whether anything that holds this lane is noted as standing behind.
    fn any_behind(&mut self, lane: &str) -> Stored<bool>;
    /// Items that are due and do not stand behind, in the order (priority falling, due time, number).
    fn due_items(&mut self, query: &DueQuery<'_>) -> Stored<Vec<Item>>;
    /// Items whose lease ended: it is of an earlier epoch, or its end has come.
    fn lost_leases(&mut self, epoch: u64, now: Timestamp) -> Stored<Vec<Item>>;
    /// The earliest due time after `now` of all unsettled items, and of the ends of their leases.
    fn next_due(&mut self, now: Timestamp) -> Stored<Option<Timestamp>>;

    /// The highest place of a lane that went out, or may have.
    fn lane_mark(&mut self, lane: &str) -> Stored<Option<Place>>;
    /// Sets it.
    fn put_lane_mark(&mut self, lane: &str, mark: &Place) -> Stored<()>;

    /// One principal.
    fn principal(&mut self, name: &str) -> Stored<Option<Principal>>;
    /// Adds or replaces it.
    fn put_principal(&mut self, principal: &Principal) -> Stored<()>;
    /// One target.
    fn target(&mut self, key: &str) -> Stored<Option<Target>>;
    /// Adds or replaces it.
    fn put_target(&mut self, target: &Target) -> Stored<()>;
    /// The keys of all targets that unsettled items go to.
    fn wanted_targets(&mut self) -> Stored<Vec<String>>;

    /// Adds an attempt.
    fn add_attempt(&mut self, attempt: &Attempt) -> Stored<()>;
    /// Ends the attempt with this fence.
    fn end_attempt(&mut self, fence: u64, at: Timestamp) -> Stored<()>;
    /// When the attempt of a principal ended that ended `n`-th latest, of those that have ended; 1 is the latest.
    fn nth_latest_end(&mut self, principal: &str, n: u32) -> Stored<Option<Timestamp>>;
    /// When the attempt of a principal started that started latest.
    fn latest_start(&mut self, principal: &str) -> Stored<Option<Timestamp>>;
    /// How many attempts of a principal have not ended.
    fn in_flight(&mut self, principal: &str) -> Stored<u32>;
    /// Removes ended attempts that started before a moment.
    fn forget_attempts(&mut self, before: Timestamp) -> Stored<()>;

    /// Adds a row of history, whose `seq` is ignored.
    fn add_history(&mut self, row: &HistoryRow) -> Stored<()>;

    /// Any item of this workspace (by its event) that has no verdict, or holds its lane.
    fn open_item_of(&mut self, workspace: &str) -> Stored<Option<Item>>;
    /// Marks the releases of this workspace as forgotten whose latest item is of an event of it, removes the marks of its lanes, and
    /// gives its events keys that no event has. Gives the numbers of releases and of lanes.
    fn forget_workspace(&mut self, workspace: &str) -> Stored<(u64, u64)>;

    /// Removes the body of an event and writes why nothing came of it.
    fn reject_event(&mut self, seq: EventSeq, why: &str) -> Stored<()>;
    /// At most `limit` settled items, in the order (when they were settled, number), that were settled before a moment and have a
    /// snapshot; without those that are parked, unless a later generation has taken their place, and without
    /// those whose track is open.
    fn old_items(&mut self, before: Timestamp, limit: usize) -> Stored<Vec<Item>>;
    /// Removes the snapshot of a settled item, and its history. Here and below the latest row of history stays, and the latest event: no
    /// number is given twice, and whoever reads on from a number misses nothing.
    fn strip_item(&mut self, id: ItemId) -> Stored<()>;
    /// Removes the body of an event, and its history that is of no item.
    fn strip_event(&mut self, seq: EventSeq) -> Stored<()>;
    /// Removes at most `limit` events of which nothing came and that were received before a moment, earliest first, with their history;
    /// gives how many.
    fn remove_unwanted(&mut self, before: Timestamp, limit: usize) -> Stored<usize>;
    /// Removes at most `limit` rows of history that are of no event and no item and older than a moment, earliest first; gives how many.
    fn remove_history_of_nothing(&mut self, before: Timestamp, limit: usize) -> Stored<usize>;

    /// Adds an event with its own number.
    fn restore_event(&mut self, event: &EventRow) -> Stored<()>;
    /// Adds an item with its own number, which does not stand behind.
    fn restore_item(&mut self, item: &Item) -> Stored<()>;
    /// Adds a row of history with its own number.
    fn restore_history(&mut self, row: &HistoryRow) -> Stored<()>;
}
