//! **Here**: [`MemoryJournal`], a real journal that lasts as long as the process, and says so.
//! **Not here**: any decision (`verbs`), durability (aml-relay-sqlite); rows that only an administrator asks for (`admin` beside it).
//! **Reads**: `rows` before it; tests and hosts without a disk use it.
//! **Source**: our own; it passes the contract suite that every engine passes.

mod admin;
mod lanes;
mod tracks;
mod undo;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use self::lanes::Lanes;
use self::tracks::Tracks;
use self::undo::Change;
use crate::clock::Timestamp;
use crate::journal::item::{
    Attempt, EventRow, EventSeq, Item, ItemId, Meta, Phase, Principal, ReleaseRow, Target, UnreadableRow,
};
use crate::journal::rows::{DueQuery, LaneFront, ReadRows, Rows, Stored};
use crate::journal::scan::{HistoryRow, ItemFilter, Page, Parked, ScanQuery, Waiting};
use crate::journal::{
    AcceptBatch, Acceptance, ClaimRequest, Claimed, Compacted, Durability, Journal, JournalAdmin,
    JournalError, Record, Settlement, Written, verbs,
};
use crate::key::DispatchKey;
use crate::lane::Place;

/// A journal in memory: the same verbs and the same contract as every other, gone with the process.
#[derive(Debug)]
pub struct MemoryJournal {
    state: Mutex<State>,
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryJournal {
    /// An empty journal, opened by its first owner.
    #[must_use]
    pub fn new() -> Self {
        let state = State {
            meta: Meta {
                epoch: 1,
                ..Meta::default()
            },
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// Opens it again, as a new process would open a file: every lease of the earlier owner has ended.
    pub fn reopen(&self) {
        self.state().meta.epoch += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A verb that panicked was rolled back by nobody; the state is still whole rows.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One transaction: what a failing verb changed is undone.
    fn transact<T>(
        &self,
        verb: impl FnOnce(&mut dyn Rows) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let mut state = self.state();
        state.undo.clear();
        let result = verb(&mut *state);
        let undo = std::mem::take(&mut state.undo);
        if result.is_err() {
            for change in undo.into_iter().rev() {
                change.revert(&mut state);
            }
        }
        result
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    fn durability(&self) -> Durability {
        Durability::Process
    }

    async fn accept(&self, batch: AcceptBatch) -> Result<Acceptance, JournalError> {
        self.transact(|rows| verbs::accept(rows, batch))
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, JournalError> {
        self.transact(|rows| verbs::claim(rows, &request))
    }

    async fn record(&self, now: Timestamp, batch: Vec<Record>) -> Result<Written, JournalError> {
        self.transact(|rows| verbs::record(rows, now, batch))
    }

    async fn settle(&self, now: Timestamp, batch: Vec<Settlement>) -> Result<Written, JournalError> {
        self.transact(|rows| verbs::settle(rows, now, batch))
    }

    async fn scan(&self, query: ScanQuery) -> Result<Page, JournalError> {
        verbs::scan(&mut *self.state(), &query)
    }
}

#[async_trait]
impl JournalAdmin for MemoryJournal {
    async fn compact(&self, before: Timestamp, limit: usize) -> Result<Compacted, JournalError> {
        self.transact(|rows| verbs::compact(rows, before, limit))
    }

    async fn back_up(&self, _to: &Path) -> Result<(), JournalError> {
        Err(JournalError::Refused {
            why: "a journal in memory has no file: export it".to_owned(),
        })
    }

    async fn export(&self, mut to: Box<dyn Write + Send>) -> Result<u64, JournalError> {
        verbs::export(&mut *self.state(), &mut *to)
    }

    async fn import(&self, now: Timestamp, mut from: Box<dyn BufRead + Send>) -> Result<u64, JournalError> {
        self.transact(|rows| verbs::import(rows, now, &mut *from))
    }
}

#[derive(Debug, Default)]
struct State {
    meta: Meta,
    events: BTreeMap<EventSeq, EventRow>,
    event_keys: BTreeMap<String, EventSeq>,
    unreadable: Vec<UnreadableRow>,
    releases: BTreeMap<DispatchKey, ReleaseRow>,
    items: BTreeMap<ItemId, Item>,
    unsettled: BTreeSet<ItemId>,
    lanes: Lanes,
    marks: BTreeMap<String, Place>,
    principals: BTreeMap<String, Principal>,
    targets: BTreeMap<String, Target>,
    attempts: BTreeMap<u64, Attempt>,
    history: Vec<HistoryRow>,
    tracks: Tracks,
    undo: Vec<Change>,
}

impl State {
    fn unsettled(&self) -> impl Iterator<Item = &Item> {
        self.unsettled.iter().filter_map(|id| self.items.get(id))
    }

    fn write_item(&mut self, item: Item) {
        let id = item.id;
        let before = self.place_item(item);
        self.undo.push(Change::Item(id, before));
    }

    /// Puts an item and what finds it; gives the one that was there.
    fn place_item(&mut self, item: Item) -> Option<Item> {
        let before = self.take_item(item.id);
        if item.phase != Phase::Settled {
            self.unsettled.insert(item.id);
        }
        self.lanes.put(&item);
        self.items.insert(item.id, item);
        before
    }

    fn take_item(&mut self, id: ItemId) -> Option<Item> {
        let item = self.items.remove(&id)?;
        self.unsettled.remove(&id);
        self.lanes.take(&item);
        Some(item)
    }
}

impl ReadRows for State {
    fn meta(&mut self) -> Stored<Meta> {
        Ok(self.meta.clone())
    }

    fn event(&mut self, seq: EventSeq) -> Stored<Option<EventRow>> {
        Ok(self.events.get(&seq).cloned())
    }

    fn item(&mut self, id: ItemId) -> Stored<Option<Item>> {
        Ok(self.items.get(&id).cloned())
    }

    fn events_after(&mut self, after: EventSeq, limit: usize) -> Stored<Vec<EventRow>> {
        Ok(self
            .events
            .values()
            .filter(|row| row.seq > after)
            .take(limit)
            .cloned()
            .collect())
    }

    fn items_after(&mut self, after: ItemId, filter: &ItemFilter, limit: usize) -> Stored<Vec<Item>> {
        let matching = self
            .items
            .values()
            .filter(|item| item.id > after && filter.matches(item));
        Ok(matching.take(limit).cloned().collect())
    }

    fn history_after(&mut self, after: i64, item: Option<ItemId>, limit: usize) -> Stored<Vec<HistoryRow>> {
        let wanted = |row: &&HistoryRow| row.seq > after && (item.is_none() || row.item == item);
        Ok(self.history.iter().filter(wanted).take(limit).cloned().collect())
    }

    fn unreadable(&mut self) -> Stored<Vec<UnreadableRow>> {
        Ok(self.unreadable.clone())
    }

    fn targets(&mut self) -> Stored<Vec<Target>> {
        Ok(self.targets.values().cloned().collect())
    }

    fn principals(&mut self) -> Stored<Vec<Principal>> {
        Ok(self.principals.values().cloned().collect())
    }

    fn releases_after(&mut self, after: Option<&DispatchKey>, limit: usize) -> Stored<Vec<ReleaseRow>> {
        let wanted = |row: &&ReleaseRow| after.is_none_or(|after| row.key > *after);
        Ok(self
            .releases
            .values()
            .filter(wanted)
            .take(limit)
            .cloned()
            .collect())
    }

    fn lane_marks_after(&mut self, after: Option<&str>, limit: usize) -> Stored<Vec<(String, Place)>> {
        let wanted = |row: &(&String, &Place)| after.is_none_or(|after| row.0.as_str() > after);
        let marks = self.marks.iter().filter(wanted).take(limit);
        Ok(marks.map(|(lane, mark)| (lane.clone(), mark.clone())).collect())
    }

    fn attempts_after(&mut self, after: u64, limit: usize) -> Stored<Vec<Attempt>> {
        let wanted = |row: &&Attempt| row.fence > after;
        Ok(self
            .attempts
            .values()
            .filter(wanted)
            .take(limit)
            .cloned()
            .collect())
    }

    fn counts(&mut self) -> Stored<Vec<(String, u64)>> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for item in self.items.values() {
            *counts
                .entry(
                    item.verdict
                        .as_ref()
                        .map_or_else(|| item.phase.as_str(), |v| v.as_str()),
                )
                .or_default() += 1;
        }
        Ok(counts.into_iter().map(|(word, n)| (word.to_owned(), n)).collect())
    }

    fn waiting(&mut self) -> Stored<Vec<Waiting>> {
        let is_held = |item: &Item| {
            let lane = item.lane.as_deref().and_then(|lane| self.lanes.of(lane));
            self.lanes.is_behind(item.id) && lane.is_some_and(|lane| !lane.parked.is_empty())
        };
        Ok(Waiting::count(self.unsettled(), is_held))
    }

    fn parked(&mut self) -> Stored<Parked> {
        let waits = |item: &&Item| {
            let release = self.releases.get(&item.key);
            item.holds_lane || release.is_some_and(|release| release.item == item.id && !release.forgotten)
        };
        Ok(Parked::count(self.items.values().filter(waits)))
    }

    fn latest_attempts(&mut self, principal: &str, limit: usize) -> Stored<Vec<Attempt>> {
        let of_principal = self.attempts.values().filter(|row| row.principal == principal);
        let mut latest: Vec<Attempt> = of_principal.cloned().collect();
        latest.sort_by_key(|row| (row.started_at, row.fence));
        let surplus = latest.len().saturating_sub(limit);
        Ok(latest.split_off(surplus))
    }
}

impl Rows for State {
    fn put_meta(&mut self, meta: &Meta) -> Stored<()> {
        let before = std::mem::replace(&mut self.meta, meta.clone());
        self.undo.push(Change::Meta(before));
        Ok(())
    }

    fn shift_times(&mut self, by_ms: i64) -> Stored<()> {
        let items: Vec<Item> = self.unsettled().cloned().collect();
        for mut item in items {
            item.due_at = item.due_at.shifted_ms(by_ms);
            item.unknown_since = item.unknown_since.map(|at| at.shifted_ms(by_ms));
            if let Some(lease) = item.lease.as_mut() {
                lease.until = lease.until.shifted_ms(by_ms);
            }
            if let Some(anchor) = item.retry_since.as_mut() {
                anchor.at = anchor.at.shifted_ms(by_ms);
            }
            self.write_item(item);
        }
        for mut principal in self.principals()? {
            principal.closed_until = principal.closed_until.map(|at| at.shifted_ms(by_ms));
            shift_block(principal.block.as_mut(), by_ms);
            self.put_principal(&principal)?;
        }
        for mut target in self.targets()? {
            target.check_due_at = target.check_due_at.map(|at| at.shifted_ms(by_ms));
            shift_block(target.block.as_mut(), by_ms);
            shift_block(target.pause.as_mut(), by_ms);
            self.put_target(&target)?;
        }
        for mut attempt in self.attempts.values().cloned().collect::<Vec<_>>() {
            attempt.started_at = attempt.started_at.shifted_ms(by_ms);
            attempt.ended_at = attempt.ended_at.map(|at| at.shifted_ms(by_ms));
            self.add_attempt(&attempt)?;
        }
        let changes = self.tracks.shift(by_ms);
        self.undo.extend(changes.into_iter().map(Change::Track));
        Ok(())
    }

    fn find_event(&mut self, key: &str) -> Stored<Option<EventSeq>> {
        Ok(self.event_keys.get(key).copied())
    }

    fn add_event(&mut self, event: &EventRow) -> Stored<EventSeq> {
        let seq = EventSeq(self.events.last_key_value().map_or(0, |(seq, _)| seq.0) + 1);
        self.event_keys.insert(event.key.clone(), seq);
        self.events.insert(seq, EventRow { seq, ..event.clone() });
        self.undo.push(Change::Event(seq, event.key.clone()));
        Ok(seq)
    }

    fn add_unreadable(&mut self, row: &UnreadableRow) -> Stored<bool> {
        if self.unreadable.iter().any(|known| known.digest == row.digest) {
            return Ok(false);
        }
        self.undo.push(Change::UnreadableAdded);
        self.unreadable.push(row.clone());
        Ok(true)
    }

    fn trim_unreadable(&mut self, rows: usize, bytes: usize) -> Stored<()> {
        let mut kept = 0;
        let mut used = 0_usize;
        for row in self.unreadable.iter().rev() {
            used = used.saturating_add(row.body.len());
            if kept == rows || used > bytes {
                break;
            }
            kept += 1;
        }
        let surplus = self.unreadable.len() - kept;
        let trimmed = self.unreadable.drain(..surplus).collect();
        self.undo.push(Change::UnreadableTrimmed(trimmed));
        Ok(())
    }

    fn release(&mut self, key: &DispatchKey) -> Stored<Option<ReleaseRow>> {
        Ok(self.releases.get(key).cloned())
    }

    fn put_release(&mut self, row: &ReleaseRow) -> Stored<()> {
        let before = self.releases.insert(row.key.clone(), row.clone());
        self.undo.push(Change::Release(row.key.clone(), before));
        Ok(())
    }

    fn add_item(&mut self, item: &Item, behind: bool) -> Stored<ItemId> {
        let id = ItemId(self.items.last_key_value().map_or(0, |(id, _)| id.0) + 1);
        self.write_item(Item { id, ..item.clone() });
        if behind {
            self.put_behind(id, true)?;
        }
        Ok(id)
    }

    fn put_item(&mut self, item: &Item) -> Stored<()> {
        self.write_item(item.clone());
        Ok(())
    }

    fn lane_items(&mut self, lane: &str) -> Stored<Vec<Item>> {
        let holders = self.lanes.of(lane).map(|lane| &lane.holders);
        let holders = holders.into_iter().flatten();
        Ok(holders.filter_map(|id| self.items.get(id)).cloned().collect())
    }

    fn lane_front(&mut self, lane: &str) -> Stored<LaneFront> {
        let Some(lane) = self.lanes.of(lane) else {
            return Ok(LaneFront::default());
        };
        let first = lane.in_order().next();
        Ok(LaneFront {
            under_way: !lane.under_way.is_empty(),
            parked: !lane.parked.is_empty(),
            first: first.and_then(|id| self.items.get(&id)).cloned(),
        })
    }

    fn lane_first_in_order(&mut self, lane: &str, but: ItemId) -> Stored<Option<Item>> {
        let lane = self.lanes.of(lane);
        let in_order = lane.into_iter().flat_map(|lane| lane.in_order());
        let mut items = in_order.filter_map(|id| self.items.get(&id));
        Ok(items.find(|item| !item.allow_older && item.id != but).cloned())
    }

    fn put_behind(&mut self, id: ItemId, behind: bool) -> Stored<()> {
        let was = self.lanes.put_behind(id, behind);
        self.undo.push(Change::Behind(id, was));
        Ok(())
    }

    fn any_behind(&mut self, lane: &str) -> Stored<bool> {
        Ok(self.lanes.any_behind(lane))
    }

    fn due_items(&mut self, query: &DueQuery<'_>) -> Stored<Vec<Item>> {
        // Priority falls; `Reverse` would hide that the cursor is compared the same way.
        let order = |item: &Item| (-i64::from(item.policy.priority), item.due_at, item.id);
        let after = query
            .after
            .map(|(priority, due, id)| (-i64::from(priority), due, id));
        let mut due: Vec<&Item> = self
            .unsettled()
            .filter(|item| item.phase == query.phase && item.lease.is_none() && item.due_at <= query.now)
            .filter(|item| !self.lanes.is_behind(item.id))
            .filter(|item| !query.closed.contains(&item.target))
            .filter(|item| {
                let closed = |lane: &String| query.closed_lanes.contains(lane);
                !item.lane.as_ref().is_some_and(closed)
            })
            .filter(|item| after.is_none_or(|after| order(item) > after))
            .collect();
        due.sort_by_key(|item| order(item));
        Ok(due.into_iter().take(query.limit).cloned().collect())
    }

    fn lost_leases(&mut self, epoch: u64, now: Timestamp) -> Stored<Vec<Item>> {
        let lost = |item: &&Item| {
            item.lease
                .is_some_and(|lease| lease.epoch != epoch || lease.until <= now)
        };
        Ok(self.unsettled().filter(lost).cloned().collect())
    }

    fn next_due(&mut self, now: Timestamp) -> Stored<Option<Timestamp>> {
        let moments = self
            .unsettled()
            .map(|item| item.lease.map_or(item.due_at, |lease| lease.until));
        Ok(moments.filter(|at| *at > now).min())
    }

    fn lane_mark(&mut self, lane: &str) -> Stored<Option<Place>> {
        Ok(self.marks.get(lane).cloned())
    }

    fn put_lane_mark(&mut self, lane: &str, mark: &Place) -> Stored<()> {
        let before = self.marks.insert(lane.to_owned(), mark.clone());
        self.undo.push(Change::Mark(lane.to_owned(), before));
        Ok(())
    }

    fn principal(&mut self, name: &str) -> Stored<Option<Principal>> {
        Ok(self.principals.get(name).cloned())
    }

    fn put_principal(&mut self, principal: &Principal) -> Stored<()> {
        let before = self.principals.insert(principal.name.clone(), principal.clone());
        self.undo.push(Change::Principal(principal.name.clone(), before));
        Ok(())
    }

    fn target(&mut self, key: &str) -> Stored<Option<Target>> {
        Ok(self.targets.get(key).cloned())
    }

    fn put_target(&mut self, target: &Target) -> Stored<()> {
        let before = self.targets.insert(target.key.clone(), target.clone());
        self.undo.push(Change::Target(target.key.clone(), before));
        Ok(())
    }

    fn wanted_targets(&mut self) -> Stored<Vec<String>> {
        let keys: BTreeSet<&String> = self.unsettled().map(|item| &item.target).collect();
        Ok(keys.into_iter().cloned().collect())
    }

    fn add_attempt(&mut self, attempt: &Attempt) -> Stored<()> {
        let before = self.attempts.insert(attempt.fence, attempt.clone());
        self.undo.push(Change::Attempt(attempt.fence, before));
        Ok(())
    }

    fn end_attempt(&mut self, fence: u64, at: Timestamp) -> Stored<()> {
        if let Some(mut attempt) = self.attempts.get(&fence).cloned() {
            attempt.ended_at = Some(at);
            self.add_attempt(&attempt)?;
        }
        Ok(())
    }

    fn nth_latest_end(&mut self, principal: &str, n: u32) -> Stored<Option<Timestamp>> {
        let mut ends: Vec<Timestamp> = self
            .attempts
            .values()
            .filter(|row| row.principal == principal)
            .filter_map(|row| row.ended_at)
            .collect();
        ends.sort_unstable();
        let index = usize::try_from(n).unwrap_or(usize::MAX);
        Ok(ends
            .len()
            .checked_sub(index.max(1))
            .and_then(|index| ends.get(index).copied()))
    }

    fn latest_start(&mut self, principal: &str) -> Stored<Option<Timestamp>> {
        Ok(self
            .attempts
            .values()
            .filter(|row| row.principal == principal)
            .map(|row| row.started_at)
            .max())
    }

    fn in_flight(&mut self, principal: &str) -> Stored<u32> {
        let n = self
            .attempts
            .values()
            .filter(|row| row.principal == principal && row.ended_at.is_none())
            .count();
        Ok(u32::try_from(n).unwrap_or(u32::MAX))
    }

    fn forget_attempts(&mut self, before: Timestamp) -> Stored<()> {
        let old: Vec<Attempt> = self
            .attempts
            .values()
            .filter(|row| row.ended_at.is_some() && row.started_at < before)
            .cloned()
            .collect();
        for attempt in old {
            self.attempts.remove(&attempt.fence);
            self.undo.push(Change::Attempt(attempt.fence, Some(attempt)));
        }
        Ok(())
    }

    fn add_history(&mut self, row: &HistoryRow) -> Stored<()> {
        let seq = self.history.last().map_or(0, |row| row.seq) + 1;
        self.history.push(HistoryRow { seq, ..row.clone() });
        self.undo.push(Change::History);
        Ok(())
    }

    fn open_item_of(&mut self, workspace: &str) -> Stored<Option<Item>> {
        Ok(self.find_open_item_of(workspace))
    }

    fn forget_workspace(&mut self, workspace: &str) -> Stored<(u64, u64)> {
        self.forget_all_of(workspace)
    }

    fn reject_event(&mut self, seq: EventSeq, why: &str) -> Stored<()> {
        self.change_event(seq, |event| {
            event.body = None;
            event.unwanted = Some(why.to_owned());
        });
        Ok(())
    }

    fn old_items(&mut self, before: Timestamp, limit: usize) -> Stored<Vec<Item>> {
        Ok(self.find_old_items(before, limit))
    }

    fn strip_item(&mut self, id: ItemId) -> Stored<()> {
        if let Some(item) = self.items.get(&id).cloned() {
            let snapshot = String::new();
            self.write_item(Item { snapshot, ..item });
        }
        self.remove_history(|row| row.item == Some(id), usize::MAX);
        Ok(())
    }

    fn strip_event(&mut self, seq: EventSeq) -> Stored<()> {
        self.change_event(seq, |event| event.body = None);
        self.remove_history(|row| row.event == Some(seq) && row.item.is_none(), usize::MAX);
        Ok(())
    }

    fn remove_unwanted(&mut self, before: Timestamp, limit: usize) -> Stored<usize> {
        Ok(self.remove_old_unwanted(before, limit))
    }

    fn remove_history_of_nothing(&mut self, before: Timestamp, limit: usize) -> Stored<usize> {
        let is_old = |row: &HistoryRow| row.event.is_none() && row.item.is_none() && row.at < before;
        Ok(self.remove_history(is_old, limit))
    }

    fn restore_event(&mut self, event: &EventRow) -> Stored<()> {
        self.event_keys.insert(event.key.clone(), event.seq);
        self.events.insert(event.seq, event.clone());
        self.undo.push(Change::Event(event.seq, event.key.clone()));
        Ok(())
    }

    fn restore_item(&mut self, item: &Item) -> Stored<()> {
        self.write_item(item.clone());
        Ok(())
    }

    fn restore_history(&mut self, row: &HistoryRow) -> Stored<()> {
        self.history.push(row.clone());
        self.undo.push(Change::History);
        Ok(())
    }
}

fn shift_block(block: Option<&mut crate::journal::item::Block>, by_ms: i64) {
    if let Some(block) = block {
        block.since = block.since.shifted_ms(by_ms);
    }
}
