//! **Here**: [`Rows`] over SQLite.
//! **Not here**: reading for people (`read`), the queries of a claim (`due`).
//! **Reads**: `columns`, `read`, `due` before it; `writer` after it.
//! **Source**: our own.

use relay_core::clock::Timestamp;
use relay_core::journal::item::{
    Attempt, EventRow, EventSeq, Item, ItemId, Meta, Principal, ReleaseRow, Target, UnreadableRow,
};
use relay_core::journal::rows::{DueQuery, LaneFront, Rows, Stored};
use relay_core::journal::scan::HistoryRow;
use relay_core::key::DispatchKey;
use relay_core::lane::Place;
use rusqlite::params;

use super::columns::{self, to_i64, to_json};
use super::{Tx, began, shift};
use crate::error::corrupt;

// As its index is ordered.
pub(super) const LANE_ITEMS: &str =
    "SELECT * FROM items WHERE holds_lane = 1 AND lane = ?1 ORDER BY behind, id";
pub(super) const NTH_END: &str = "SELECT ended_at FROM attempts WHERE principal = ?1 AND ended_at IS NOT NULL \
     ORDER BY ended_at DESC LIMIT 1 OFFSET ?2";
pub(super) const LATEST_START: &str = "SELECT max(started_at) FROM attempts WHERE principal = ?1";
pub(super) const IN_FLIGHT: &str = "SELECT count(*) FROM attempts WHERE principal = ?1 AND ended_at IS NULL";
pub(super) const FORGET: &str = "DELETE FROM attempts WHERE ended_at IS NOT NULL AND started_at < ?1";

const ADD_EVENT: &str = "INSERT INTO events \
     (key, event_type, subject, workspace, model, version, time, release_key, body, unwanted, received_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const ADD_ITEM: &str = "INSERT INTO items \
     (relay_id, dispatch_key, generation, event, route, snapshot, policy, rank, target, principal, lane, place, \
     allow_older, created_at, phase, verdict, standing, due_at, lease_fence, lease_epoch, lease_until, n_attempts, \
     n_not_sent, retry_at, retry_blocked, unknown_since, n_looks, n_resends, holds_lane, settled_at, behind) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
     ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, \
     ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, \
     ?29, ?30, ?31)";
pub(super) const PUT_ITEM: &str = "UPDATE items SET phase = ?1, verdict = ?2, standing = ?3, due_at = ?4, \
     lease_fence = ?5, lease_epoch = ?6, lease_until = ?7, n_attempts = ?8, \
     n_not_sent = ?9, retry_at = ?10, retry_blocked = ?11, unknown_since = ?12, \
     n_looks = ?13, n_resends = ?14, holds_lane = ?15, settled_at = ?16 \
     WHERE id = ?17 AND relay_id = ?18";
pub(super) const PUT_BEHIND: &str = "UPDATE items SET behind = ?2 WHERE id = ?1 AND behind <> ?2";
// An item is hardly ever of a release that is known. What may turn into an update of a column that refers to another table is
// written with a copy of each page beside it, so that is asked for only then.
const ADD_RELEASE: &str = "INSERT INTO releases (dispatch_key, generation, item, registered_s, registered_n, forgotten) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (dispatch_key) DO NOTHING";
const PUT_RELEASE: &str = "INSERT INTO releases (dispatch_key, generation, item, registered_s, registered_n, forgotten) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (dispatch_key) DO UPDATE SET generation = excluded.generation, \
     item = excluded.item, registered_s = excluded.registered_s, registered_n = excluded.registered_n, \
     forgotten = excluded.forgotten";
const PUT_MARK: &str =
    "INSERT INTO lanes (lane, mark) VALUES (?1, ?2) ON CONFLICT (lane) DO UPDATE SET mark = excluded.mark";
const PUT_PRINCIPAL: &str = "INSERT INTO principals (name, closed_until, block_why, block_since, blocked_ms) \
     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (name) DO UPDATE SET closed_until = excluded.closed_until, \
     block_why = excluded.block_why, block_since = excluded.block_since, blocked_ms = excluded.blocked_ms";
// No REPLACE: it would delete the row that items refer to.
const PUT_TARGET: &str = "INSERT INTO targets (key, principal, repository, event_type, asked_epoch, checked_epoch, \
     found, check_due_at, shows_relay_id, block_why, block_since, blocked_ms, pause_why, pause_since, hides_relay_id) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT (key) DO UPDATE SET \
     principal = excluded.principal, repository = excluded.repository, event_type = excluded.event_type, \
     asked_epoch = excluded.asked_epoch, checked_epoch = excluded.checked_epoch, found = excluded.found, \
     check_due_at = excluded.check_due_at, shows_relay_id = excluded.shows_relay_id, \
     block_why = excluded.block_why, block_since = excluded.block_since, blocked_ms = excluded.blocked_ms, \
     pause_why = excluded.pause_why, pause_since = excluded.pause_since, hides_relay_id = excluded.hides_relay_id";
// Likewise: only an import may bring an attempt that is there.
const ADD_ATTEMPT: &str = "INSERT INTO attempts (fence, item, principal, started_at, ended_at) \
     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (fence) DO NOTHING";
const PUT_ATTEMPT: &str = "INSERT INTO attempts (fence, item, principal, started_at, ended_at) \
     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (fence) DO UPDATE SET item = excluded.item, \
     principal = excluded.principal, started_at = excluded.started_at, ended_at = excluded.ended_at";

impl Rows for Tx<'_> {
    fn put_meta(&mut self, meta: &Meta) -> Stored<()> {
        let sql = "UPDATE meta SET epoch = ?1, fence = ?2, clock = ?3, n_unreadable = ?4, pause_why = ?5, pause_since = ?6 \
                   WHERE id = 1";
        let (epoch, fence, n_unreadable) = (
            to_i64(meta.epoch)?,
            to_i64(meta.fence)?,
            to_i64(meta.n_unreadable)?,
        );
        let pause = meta.pause.as_ref();
        let given = params![
            epoch,
            fence,
            meta.clock.as_unix_ms(),
            n_unreadable,
            pause.map(|pause| pause.why.as_str()),
            pause.map(|pause| pause.since.as_unix_ms()),
        ];
        self.execute(sql, given).map(|_| ())
    }

    fn shift_times(&mut self, by_ms: i64) -> Stored<()> {
        shift::ALL
            .iter()
            .try_for_each(|sql| self.execute(sql, params![by_ms]).map(|_| ()))
    }

    fn find_event(&mut self, key: &str) -> Stored<Option<EventSeq>> {
        self.first("SELECT seq FROM events WHERE key = ?1", params![key], |row| {
            Ok(EventSeq(row.get(0)?))
        })
    }

    fn add_event(&mut self, event: &EventRow) -> Stored<EventSeq> {
        let given = params![
            event.key,
            event.event_type,
            event.subject,
            event.workspace,
            event.model,
            event.version,
            event.time,
            event.release.as_str(),
            event.body.as_deref().map(str::as_bytes),
            event.unwanted,
            event.received_at.as_unix_ms(),
        ];
        self.insert(ADD_EVENT, given).map(EventSeq)
    }

    fn add_unreadable(&mut self, row: &UnreadableRow) -> Stored<bool> {
        let sql = "INSERT INTO unreadable (digest, body, why, received_at) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (digest) DO NOTHING";
        let given = params![
            row.digest,
            row.body.as_bytes(),
            row.why,
            row.received_at.as_unix_ms()
        ];
        self.execute(sql, given).map(|n| n > 0)
    }

    fn trim_unreadable(&mut self, rows: usize, bytes: usize) -> Stored<()> {
        let sizes: Vec<(i64, i64)> = self.all(
            "SELECT id, length(body) FROM unreadable ORDER BY id DESC",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let mut used = 0_usize;
        for (kept, (id, size)) in sizes.into_iter().enumerate() {
            used = used.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
            if kept == rows || used > bytes {
                return self
                    .execute("DELETE FROM unreadable WHERE id <= ?1", params![id])
                    .map(|_| ());
            }
        }
        Ok(())
    }

    fn release(&mut self, key: &DispatchKey) -> Stored<Option<ReleaseRow>> {
        let sql = "SELECT * FROM releases WHERE dispatch_key = ?1";
        self.first(sql, params![key.as_str()], columns::release)
    }

    fn put_release(&mut self, row: &ReleaseRow) -> Stored<()> {
        let (seconds, nanos) = row.registered.unzip();
        let given = params![
            row.key.as_str(),
            row.generation,
            row.item.0,
            seconds,
            nanos,
            row.forgotten
        ];
        match self.execute(ADD_RELEASE, given)? {
            0 => self.execute(PUT_RELEASE, given).map(drop),
            _ => Ok(()),
        }
    }

    fn add_item(&mut self, item: &Item, behind: bool) -> Stored<ItemId> {
        let (fence, epoch) = lease_numbers(item)?;
        let given = params![
            item.relay_id.as_str(),
            item.key.as_str(),
            item.generation,
            item.event.0,
            item.route,
            item.snapshot,
            to_json(&item.policy)?,
            -i64::from(item.policy.priority),
            item.target,
            item.principal,
            item.lane,
            item.place.as_ref().map(to_json).transpose()?,
            item.allow_older,
            item.created_at.as_unix_ms(),
            item.phase.as_str(),
            item.verdict.as_ref().map(to_json).transpose()?,
            standing(item),
            item.due_at.as_unix_ms(),
            fence,
            epoch,
            item.lease.map(|lease| lease.until.as_unix_ms()),
            item.n_attempts,
            item.n_not_sent,
            item.retry_since.map(|since| since.at.as_unix_ms()),
            item.retry_since.map(|since| since.blocked_ms),
            item.unknown_since.map(Timestamp::as_unix_ms),
            item.n_looks,
            item.n_resends,
            item.holds_lane,
            item.settled_at.map(Timestamp::as_unix_ms),
            behind,
        ];
        let id = self.insert(ADD_ITEM, given).map(ItemId)?;
        self.added = Some(Item { id, ..item.clone() });
        Ok(id)
    }

    /// What `relay_core::journal::state::next` never changes (identity, route, policy, target, place) is not written
    /// again: its indexes stay as they are.
    fn put_item(&mut self, item: &Item) -> Stored<()> {
        let (fence, epoch) = lease_numbers(item)?;
        let given = params![
            item.phase.as_str(),
            item.verdict.as_ref().map(to_json).transpose()?,
            standing(item),
            item.due_at.as_unix_ms(),
            fence,
            epoch,
            item.lease.map(|lease| lease.until.as_unix_ms()),
            item.n_attempts,
            item.n_not_sent,
            item.retry_since.map(|since| since.at.as_unix_ms()),
            item.retry_since.map(|since| since.blocked_ms),
            item.unknown_since.map(Timestamp::as_unix_ms),
            item.n_looks,
            item.n_resends,
            item.holds_lane,
            item.settled_at.map(Timestamp::as_unix_ms),
            item.id.0,
            item.relay_id.as_str(),
        ];
        match self.execute(PUT_ITEM, given)? {
            1 => Ok(()),
            _ => Err(corrupt(format!(
                "item {} with relay id {} is not there",
                item.id.0, item.relay_id
            ))),
        }
    }

    fn lane_items(&mut self, lane: &str) -> Stored<Vec<Item>> {
        let mut items = self.all(LANE_ITEMS, params![lane], columns::item)?;
        items.sort_unstable_by_key(|item| item.id);
        Ok(items)
    }

    fn lane_front(&mut self, lane: &str) -> Stored<LaneFront> {
        self.find_front(lane)
    }

    fn lane_first_in_order(&mut self, lane: &str, but: ItemId) -> Stored<Option<Item>> {
        self.find_first_in_order(lane, but)
    }

    fn put_behind(&mut self, id: ItemId, behind: bool) -> Stored<()> {
        self.execute(PUT_BEHIND, params![id.0, behind]).map(|_| ())
    }

    fn any_behind(&mut self, lane: &str) -> Stored<bool> {
        self.find_any_behind(lane)
    }

    fn due_items(&mut self, query: &DueQuery<'_>) -> Stored<Vec<Item>> {
        self.find_due(query)
    }

    fn lost_leases(&mut self, epoch: u64, now: Timestamp) -> Stored<Vec<Item>> {
        self.find_lost(epoch, now)
    }

    fn next_due(&mut self, now: Timestamp) -> Stored<Option<Timestamp>> {
        self.find_next_due(now)
    }

    fn lane_mark(&mut self, lane: &str) -> Stored<Option<Place>> {
        let mark = self.first("SELECT mark FROM lanes WHERE lane = ?1", params![lane], |row| {
            columns::json(row, 0)
        })?;
        Ok(mark.flatten())
    }

    fn put_lane_mark(&mut self, lane: &str, mark: &Place) -> Stored<()> {
        self.execute(PUT_MARK, params![lane, to_json(mark)?]).map(|_| ())
    }

    fn principal(&mut self, name: &str) -> Stored<Option<Principal>> {
        self.first(
            "SELECT * FROM principals WHERE name = ?1",
            params![name],
            columns::principal,
        )
    }

    fn put_principal(&mut self, principal: &Principal) -> Stored<()> {
        let block = principal.block.as_ref();
        let given = params![
            principal.name,
            principal.closed_until.map(Timestamp::as_unix_ms),
            block.map(|block| block.why.as_str()),
            block.map(|block| block.since.as_unix_ms()),
            principal.blocked_ms,
        ];
        self.execute(PUT_PRINCIPAL, given).map(|_| ())
    }

    fn target(&mut self, key: &str) -> Stored<Option<Target>> {
        self.first(
            "SELECT * FROM targets WHERE key = ?1",
            params![key],
            columns::target,
        )
    }

    fn put_target(&mut self, target: &Target) -> Stored<()> {
        let (block, pause) = (target.block.as_ref(), target.pause.as_ref());
        let given = params![
            target.key,
            target.principal,
            target.repository,
            target.event_type,
            target.asked_epoch.map(to_i64).transpose()?,
            target.checked_epoch.map(to_i64).transpose()?,
            target.check,
            target.check_due_at.map(Timestamp::as_unix_ms),
            target.shows_relay_id,
            block.map(|block| block.why.as_str()),
            block.map(|block| block.since.as_unix_ms()),
            target.blocked_ms,
            pause.map(|pause| pause.why.as_str()),
            pause.map(|pause| pause.since.as_unix_ms()),
            target.hides_relay_id,
        ];
        self.execute(PUT_TARGET, given).map(|_| ())
    }

    fn wanted_targets(&mut self) -> Stored<Vec<String>> {
        self.find_wanted()
    }

    fn add_attempt(&mut self, attempt: &Attempt) -> Stored<()> {
        let given = params![
            to_i64(attempt.fence)?,
            attempt.item.0,
            attempt.principal,
            attempt.started_at.as_unix_ms(),
            attempt.ended_at.map(Timestamp::as_unix_ms),
        ];
        match self.execute(ADD_ATTEMPT, given)? {
            0 => self.execute(PUT_ATTEMPT, given).map(drop),
            _ => Ok(()),
        }
    }

    fn end_attempt(&mut self, fence: u64, at: Timestamp) -> Stored<()> {
        let sql = "UPDATE attempts SET ended_at = ?2 WHERE fence = ?1";
        self.execute(sql, params![to_i64(fence)?, at.as_unix_ms()])
            .map(|_| ())
    }

    fn nth_latest_end(&mut self, principal: &str, n: u32) -> Stored<Option<Timestamp>> {
        let before = n.max(1) - 1;
        self.first(NTH_END, params![principal, before], |row| {
            row.get(0).map(Timestamp::from_unix_ms)
        })
    }

    fn latest_start(&mut self, principal: &str) -> Stored<Option<Timestamp>> {
        let at: Option<Option<i64>> = self.first(LATEST_START, params![principal], |row| row.get(0))?;
        Ok(at.flatten().map(Timestamp::from_unix_ms))
    }

    fn in_flight(&mut self, principal: &str) -> Stored<u32> {
        let n: Option<i64> = self.first(IN_FLIGHT, params![principal], |row| row.get(0))?;
        Ok(n.map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX)))
    }

    fn forget_attempts(&mut self, before: Timestamp) -> Stored<()> {
        self.execute(FORGET, params![before.as_unix_ms()]).map(|_| ())
    }

    fn add_history(&mut self, row: &HistoryRow) -> Stored<()> {
        let sql = "INSERT INTO history (at, event, item, entry) VALUES (?1, ?2, ?3, ?4)";
        let (event, item) = (row.event.map(|event| event.0), row.item.map(|item| item.0));
        let entry = began::text_of(row, self.added.as_ref())?;
        self.execute(sql, params![row.at.as_unix_ms(), event, item, entry])
            .map(|_| ())
    }

    fn open_item_of(&mut self, workspace: &str) -> Stored<Option<Item>> {
        self.find_open_item_of(workspace)
    }

    fn forget_workspace(&mut self, workspace: &str) -> Stored<(u64, u64)> {
        self.forget_all_of(workspace)
    }

    fn reject_event(&mut self, seq: EventSeq, why: &str) -> Stored<()> {
        self.reject(seq, why)
    }

    fn old_items(&mut self, before: Timestamp, limit: usize) -> Stored<Vec<Item>> {
        self.find_old_items(before, limit)
    }

    fn strip_item(&mut self, id: ItemId) -> Stored<()> {
        self.strip(id)
    }

    fn strip_event(&mut self, seq: EventSeq) -> Stored<()> {
        self.strip_body(seq)
    }

    fn remove_unwanted(&mut self, before: Timestamp, limit: usize) -> Stored<usize> {
        self.remove_old_unwanted(before, limit)
    }

    fn remove_history_of_nothing(&mut self, before: Timestamp, limit: usize) -> Stored<usize> {
        self.remove_old_history(before, limit)
    }

    fn restore_event(&mut self, event: &EventRow) -> Stored<()> {
        self.put_back_event(event)
    }

    fn restore_item(&mut self, item: &Item) -> Stored<()> {
        self.put_back_item(item)
    }

    fn restore_history(&mut self, row: &HistoryRow) -> Stored<()> {
        self.put_back_history(row)
    }
}

/// The word an item is counted and filtered by.
fn standing(item: &Item) -> &'static str {
    item.verdict
        .as_ref()
        .map_or_else(|| item.phase.as_str(), |verdict| verdict.as_str())
}

fn lease_numbers(item: &Item) -> Stored<(Option<i64>, Option<i64>)> {
    let Some(lease) = item.lease else {
        return Ok((None, None));
    };
    Ok((Some(to_i64(lease.fence)?), Some(to_i64(lease.epoch)?)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::connection;
    use crate::rows::tracks;

    /// Each such table is a tree of its own with a cache: six of them were a quarter of what an event cost.
    #[test]
    fn ok_what_is_written_for_each_event_builds_no_table_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let connection = connection::writing(&folder.path().join("relay.db"), Duration::ZERO).unwrap();
        // As in a release build.
        connection
            .pragma_update(None, "ignore_check_constraints", true)
            .unwrap();
        for sql in [
            ADD_EVENT,
            ADD_ITEM,
            PUT_ITEM,
            ADD_RELEASE,
            PUT_MARK,
            ADD_ATTEMPT,
            tracks::PUT,
        ] {
            let mut statement = connection.prepare(&format!("EXPLAIN {sql}")).unwrap();
            let mut steps = statement.raw_query();
            let mut n = 0;
            while let Some(step) = steps.next().unwrap() {
                n += 1;
                let word: String = step.get(1).unwrap();
                assert!(!word.contains("Ephemeral"), "{sql}");
            }
            assert!(n > 5, "{sql}");
        }
    }
}
