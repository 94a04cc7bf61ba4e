//! **Here**: [`Change`], what was there before each change of a transaction, and how it is put back when a verb fails.
//! **Not here**: the rows themselves (`mod`).
//! **Reads**: `mod`, which collects them.
//! **Source**: `Journal`: `Err` means that nothing of the verb was written.

use std::collections::BTreeMap;

use super::State;
use super::tracks::TrackChange;
use crate::journal::item::{
    Attempt, EventRow, EventSeq, Item, ItemId, Meta, Principal, ReleaseRow, Target, UnreadableRow,
};
use crate::journal::scan::HistoryRow;
use crate::key::DispatchKey;
use crate::lane::Place;

/// What was there before a change.
#[derive(Debug)]
pub(super) enum Change {
    Meta(Meta),
    Event(EventSeq, String),
    /// Changed or removed.
    EventWas(Box<EventRow>),
    /// What was trimmed from the front.
    UnreadableTrimmed(Vec<UnreadableRow>),
    UnreadableAdded,
    Release(DispatchKey, Option<ReleaseRow>),
    Item(ItemId, Option<Item>),
    Behind(ItemId, bool),
    Mark(String, Option<Place>),
    Principal(String, Option<Principal>),
    Target(String, Option<Target>),
    Attempt(u64, Option<Attempt>),
    Track(TrackChange),
    History,
    /// Rows that were removed.
    HistoryWithout(Vec<HistoryRow>),
}

impl Change {
    pub(super) fn revert(self, state: &mut State) {
        match self {
            Self::Meta(meta) => state.meta = meta,
            Self::Event(seq, key) => {
                state.events.remove(&seq);
                state.event_keys.remove(&key);
            }
            Self::EventWas(event) => {
                if let Some(now) = state.events.get(&event.seq) {
                    state.event_keys.remove(&now.key);
                }
                state.event_keys.insert(event.key.clone(), event.seq);
                state.events.insert(event.seq, *event);
            }
            Self::UnreadableTrimmed(mut rows) => {
                rows.append(&mut state.unreadable);
                state.unreadable = rows;
            }
            Self::UnreadableAdded => {
                state.unreadable.pop();
            }
            Self::Release(key, row) => put_back(&mut state.releases, key, row),
            Self::Item(id, item) => {
                match item {
                    Some(item) => state.place_item(item),
                    None => state.take_item(id),
                };
            }
            Self::Behind(id, was) => {
                state.lanes.put_behind(id, was);
            }
            Self::Mark(lane, place) => put_back(&mut state.marks, lane, place),
            Self::Principal(name, row) => put_back(&mut state.principals, name, row),
            Self::Target(key, row) => put_back(&mut state.targets, key, row),
            Self::Attempt(fence, row) => put_back(&mut state.attempts, fence, row),
            Self::Track(change) => state.tracks.revert(change),
            Self::History => {
                state.history.pop();
            }
            Self::HistoryWithout(rows) => {
                state.history.extend(rows);
                state.history.sort_by_key(|row| row.seq);
            }
        }
    }
}

fn put_back<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}
