//! **Here**: what an administrator asks of the journal in memory: what is old, what is forgotten, and how it is removed.
//! **Not here**: when it is asked for (`verbs`); the rows themselves (`mod`).
//! **Reads**: `mod`, which calls it.
//! **Source**: `rows` says what each method means.

use std::collections::BTreeSet;

use super::State;
use super::undo::Change;
use crate::clock::Timestamp;
use crate::journal::item::{EventRow, EventSeq, Item, Phase, ReleaseRow, Verdict};
use crate::journal::rows::{Rows as _, Stored};
use crate::journal::scan::HistoryRow;

impl State {
    pub(super) fn find_open_item_of(&self, workspace: &str) -> Option<Item> {
        let is_open = |item: &&Item| item.phase != Phase::Settled || item.holds_lane;
        let mut open = self.items.values().filter(is_open);
        open.find(|item| self.is_of(item.event, workspace)).cloned()
    }

    pub(super) fn forget_all_of(&mut self, workspace: &str) -> Stored<(u64, u64)> {
        let items = self
            .items
            .values()
            .filter(|item| self.is_of(item.event, workspace));
        let items: Vec<Item> = items.cloned().collect();
        let (mut n_releases, mut n_lanes) = (0, 0);
        for item in &items {
            let known = self.releases.get(&item.key);
            if let Some(release) = known.filter(|release| release.item == item.id && !release.forgotten) {
                let forgotten = ReleaseRow {
                    forgotten: true,
                    ..release.clone()
                };
                self.put_release(&forgotten)?;
                n_releases += 1;
            }
            if let Some(lane) = &item.lane
                && let Some(mark) = self.marks.remove(lane)
            {
                self.undo.push(Change::Mark(lane.clone(), Some(mark)));
                n_lanes += 1;
            }
        }
        let of_it = |event: &&EventRow| {
            event.workspace.as_deref() == Some(workspace) && !event.key.starts_with(FORGOTTEN)
        };
        let events: Vec<EventSeq> = self
            .events
            .values()
            .filter(of_it)
            .map(|event| event.seq)
            .collect();
        for seq in events {
            self.change_event(seq, |event| {
                event.key = format!("{FORGOTTEN}{} {}", seq.0, event.key);
            });
        }
        Ok((n_releases, n_lanes))
    }

    pub(super) fn find_old_items(&self, before: Timestamp, limit: usize) -> Vec<Item> {
        let is_old = |item: &&Item| {
            let is_latest = || {
                self.releases
                    .get(&item.key)
                    .is_some_and(|release| release.item == item.id)
            };
            let waits_for_a_person =
                matches!(item.verdict, Some(Verdict::Parked { .. })) && (item.holds_lane || is_latest());
            item.settled_at.is_some_and(|at| at < before)
                && !waits_for_a_person
                && !self.tracks.is_open(item.id)
                && !item.snapshot.is_empty()
        };
        let mut old: Vec<&Item> = self.items.values().filter(is_old).collect();
        old.sort_by_key(|item| (item.settled_at, item.id));
        old.into_iter().take(limit).cloned().collect()
    }

    pub(super) fn remove_old_unwanted(&mut self, before: Timestamp, limit: usize) -> usize {
        // The latest stay, so that no number is given twice: of events, and of the history, which names an event.
        let latest = self.events.last_key_value().map(|(seq, _)| *seq);
        let named = self.history.last().and_then(|row| row.event);
        let is_old = |event: &&EventRow| {
            let stays = [latest, named].contains(&Some(event.seq));
            event.unwanted.is_some() && event.received_at < before && !stays
        };
        let mut old: Vec<EventRow> = self.events.values().filter(is_old).cloned().collect();
        old.sort_by_key(|event| (event.received_at, event.seq));
        old.truncate(limit);
        for event in &old {
            self.events.remove(&event.seq);
            self.event_keys.remove(&event.key);
            self.undo.push(Change::EventWas(Box::new(event.clone())));
            self.remove_history(|row| row.event == Some(event.seq), usize::MAX);
        }
        old.len()
    }

    pub(super) fn change_event(&mut self, seq: EventSeq, change: impl FnOnce(&mut EventRow)) {
        let Some(before) = self.events.get(&seq).cloned() else {
            return;
        };
        let mut event = before.clone();
        change(&mut event);
        self.event_keys.remove(&before.key);
        self.event_keys.insert(event.key.clone(), seq);
        self.events.insert(seq, event);
        self.undo.push(Change::EventWas(Box::new(before)));
    }

    /// Removes what is meant, earliest first, but never the latest row; gives how many.
    pub(super) fn remove_history(&mut self, is_meant: impl Fn(&HistoryRow) -> bool, limit: usize) -> usize {
        let latest = self.history.last().map(|row| row.seq);
        let meant = |row: &&HistoryRow| Some(row.seq) != latest && is_meant(row);
        let meant = self.history.iter().filter(meant);
        let mut gone: Vec<(Timestamp, i64)> = meant.map(|row| (row.at, row.seq)).collect();
        gone.sort_unstable();
        gone.truncate(limit);
        let gone: BTreeSet<i64> = gone.into_iter().map(|(_, seq)| seq).collect();
        let history = std::mem::take(&mut self.history);
        let (removed, kept) = history.into_iter().partition(|row| gone.contains(&row.seq));
        self.history = kept;
        self.undo.push(Change::HistoryWithout(removed));
        gone.len()
    }

    fn is_of(&self, event: EventSeq, workspace: &str) -> bool {
        let event = self.events.get(&event);
        event.is_some_and(|event| event.workspace.as_deref() == Some(workspace))
    }
}

/// Keys that no event has begin with it: no source does.
const FORGOTTEN: &str = "\nforgotten ";
