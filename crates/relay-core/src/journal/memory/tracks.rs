//! **Here**: [`Tracks`], the tracks of the journal in memory.
//! **Not here**: its other rows (`memory`), any decision (`verbs`).
//! **Reads**: `track` before it; the journal in memory keeps it and undoes what it says it changed.
//! **Source**: our own.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, State};
use crate::clock::Timestamp;
use crate::journal::item::ItemId;
use crate::journal::rows::Stored;
use crate::journal::track::{ReadTracks, Stage, Track, TrackRows};

/// Tracks by item, and until when the looks of each principal have spent their pace.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    rows: BTreeMap<ItemId, Track>,
    open: BTreeSet<ItemId>,
    spent: BTreeMap<String, Timestamp>,
}

/// What was there before a change.
#[derive(Debug)]
pub(super) enum TrackChange {
    Track(ItemId, Option<Box<Track>>),
    Spent(String, Option<Timestamp>),
}

impl Tracks {
    pub(super) fn revert(&mut self, change: TrackChange) {
        match change {
            TrackChange::Track(_, Some(track)) => drop(self.put(*track)),
            TrackChange::Track(item, None) => drop(self.remove(item)),
            TrackChange::Spent(principal, Some(until)) => drop(self.spend(&principal, until)),
            TrackChange::Spent(principal, None) => drop(self.spent.remove(&principal)),
        }
    }

    pub(super) fn put(&mut self, track: Track) -> TrackChange {
        let item = track.item;
        if track.stage == Stage::Over {
            self.open.remove(&item);
        } else {
            self.open.insert(item);
        }
        TrackChange::Track(item, self.rows.insert(item, track).map(Box::new))
    }

    pub(super) fn remove(&mut self, item: ItemId) -> TrackChange {
        self.open.remove(&item);
        TrackChange::Track(item, self.rows.remove(&item).map(Box::new))
    }

    pub(super) fn get(&self, item: ItemId) -> Option<Track> {
        self.rows.get(&item).cloned()
    }

    pub(super) fn is_open(&self, item: ItemId) -> bool {
        self.open.contains(&item)
    }

    pub(super) fn after(&self, after: ItemId, standing: Option<&str>, limit: usize) -> Vec<Track> {
        let later = self.rows.values().filter(|track| track.item > after);
        let wanted = later.filter(|track| standing.is_none_or(|word| track.standing() == word));
        wanted.take(limit).cloned().collect()
    }

    pub(super) fn counts(&self) -> Vec<(String, u64)> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for track in self.rows.values() {
            *counts.entry(track.standing()).or_default() += 1;
        }
        counts.into_iter().map(|(word, n)| (word.to_owned(), n)).collect()
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &Track> {
        self.open.iter().filter_map(|item| self.rows.get(item))
    }

    pub(super) fn due(&self, target: &str, now: Timestamp, limit: usize) -> Vec<Track> {
        let is_due = |track: &&Track| track.target == target && track.lease.is_none() && track.due_at <= now;
        let mut due: Vec<&Track> = self.open().filter(is_due).collect();
        due.sort_by_key(|track| (track.due_at, track.item));
        due.into_iter().take(limit).cloned().collect()
    }

    pub(super) fn lost(&self, epoch: u64, now: Timestamp) -> Vec<Track> {
        let is_lost = |track: &&Track| {
            track
                .lease
                .is_some_and(|lease| lease.epoch != epoch || lease.until <= now)
        };
        self.open().filter(is_lost).cloned().collect()
    }

    pub(super) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let moments = self
            .open()
            .map(|track| track.lease.map_or(track.due_at, |lease| lease.until));
        moments.filter(|at| *at > now).min()
    }

    pub(super) fn spent_until(&self, principal: &str) -> Option<Timestamp> {
        self.spent.get(principal).copied()
    }

    pub(super) fn spend(&mut self, principal: &str, until: Timestamp) -> TrackChange {
        let before = self.spent.insert(principal.to_owned(), until);
        TrackChange::Spent(principal.to_owned(), before)
    }

    /// Moves every moment that a jump of the clock moves.
    pub(super) fn shift(&mut self, by_ms: i64) -> Vec<TrackChange> {
        let mut changes = Vec::new();
        for mut track in self.open().cloned().collect::<Vec<_>>() {
            track.since = track.since.shifted_ms(by_ms);
            track.deadline = track.deadline.shifted_ms(by_ms);
            track.due_at = track.due_at.shifted_ms(by_ms);
            if let Some(lease) = track.lease.as_mut() {
                lease.until = lease.until.shifted_ms(by_ms);
            }
            changes.push(self.put(track));
        }
        for (principal, until) in self.spent.clone() {
            changes.push(self.spend(&principal, until.shifted_ms(by_ms)));
        }
        changes
    }
}

impl ReadTracks for State {
    fn track(&mut self, item: ItemId) -> Stored<Option<Track>> {
        Ok(self.tracks.get(item))
    }

    fn tracks_after(&mut self, after: ItemId, standing: Option<&str>, limit: usize) -> Stored<Vec<Track>> {
        Ok(self.tracks.after(after, standing, limit))
    }

    fn track_counts(&mut self) -> Stored<Vec<(String, u64)>> {
        Ok(self.tracks.counts())
    }
}

impl TrackRows for State {
    fn put_track(&mut self, track: &Track) -> Stored<()> {
        let change = self.tracks.put(track.clone());
        self.undo.push(Change::Track(change));
        Ok(())
    }

    fn remove_track(&mut self, item: ItemId) -> Stored<()> {
        let change = self.tracks.remove(item);
        self.undo.push(Change::Track(change));
        Ok(())
    }

    fn tracked_targets(&mut self) -> Stored<Vec<String>> {
        let keys: BTreeSet<&String> = self.tracks.open().map(|track| &track.target).collect();
        Ok(keys.into_iter().cloned().collect())
    }

    fn due_tracks(&mut self, target: &str, now: Timestamp, limit: usize) -> Stored<Vec<Track>> {
        Ok(self.tracks.due(target, now, limit))
    }

    fn lost_tracks(&mut self, epoch: u64, now: Timestamp) -> Stored<Vec<Track>> {
        Ok(self.tracks.lost(epoch, now))
    }

    fn n_leased_tracks(&mut self) -> Stored<usize> {
        Ok(self.tracks.open().filter(|track| track.lease.is_some()).count())
    }

    fn next_track_due(&mut self, now: Timestamp) -> Stored<Option<Timestamp>> {
        Ok(self.tracks.next_due(now))
    }

    fn looks_spent_until(&mut self, principal: &str) -> Stored<Option<Timestamp>> {
        Ok(self.tracks.spent_until(principal))
    }

    fn put_looks_spent_until(&mut self, principal: &str, until: Timestamp) -> Stored<()> {
        let change = self.tracks.spend(principal, until);
        self.undo.push(Change::Track(change));
        Ok(())
    }
}
