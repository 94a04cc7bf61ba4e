//! **Here**: what an administrator asks of the tables: what is old, what is forgotten, and rows that come with their numbers.
//! **Not here**: when it is asked for (`relay_core::journal::verbs`).
//! **Reads**: `schema/*.sql` before it; `write` calls it.
//! **Source**: `relay_core::journal::rows` says what each of them means.

use relay_core::clock::Timestamp;
use relay_core::journal::item::{EventRow, EventSeq, Item, ItemId};
use relay_core::journal::rows::{Rows as _, Stored};
use relay_core::journal::scan::HistoryRow;
use rusqlite::params;

use super::Tx;
use super::columns::{self, to_json, to_limit};

pub(super) const OPEN_ITEM: &str = "SELECT items.* FROM items JOIN events ON events.seq = items.event \
     WHERE events.workspace = ?1 AND (items.phase <> 'settled' OR items.holds_lane = 1) ORDER BY items.id LIMIT 1";
const FORGET_RELEASES: &str = "UPDATE releases SET forgotten = 1 WHERE forgotten = 0 AND item IN \
     (SELECT items.id FROM items JOIN events ON events.seq = items.event WHERE events.workspace = ?1)";
const FORGET_LANES: &str = "DELETE FROM lanes WHERE lane IN \
     (SELECT items.lane FROM items JOIN events ON events.seq = items.event WHERE events.workspace = ?1)";
/// Keys that no event has: they begin as no source does.
const FORGET_EVENTS: &str = "UPDATE events SET key = char(10) || 'forgotten ' || seq || ' ' || key \
     WHERE workspace = ?1 AND substr(key, 1, 1) <> char(10)";
/// What waits for a person stays: it is parked, and holds its lane or no later generation has taken its place.
pub(super) const OLD_ITEMS: &str = "SELECT * FROM items WHERE phase = 'settled' AND snapshot <> '' AND settled_at < ?1 \
     AND (standing <> 'parked' OR holds_lane = 0 AND \
     (SELECT releases.item FROM releases WHERE releases.dispatch_key = items.dispatch_key) IS NOT items.id) \
     AND NOT EXISTS (SELECT 1 FROM tracks WHERE tracks.item = items.id AND tracks.stage <> 'over') \
     ORDER BY settled_at, id LIMIT ?2";
// The latest row of history stays, and the latest event: SQLite would give their numbers once more.
pub(super) const HISTORY_OF_STRIPPED: &str =
    "DELETE FROM history WHERE item = ?1 AND seq < (SELECT max(seq) FROM history)";
pub(super) const HISTORY_OF_EVENT: &str =
    "DELETE FROM history WHERE event = ?1 AND item IS NULL AND seq < (SELECT max(seq) FROM history)";
pub(super) const UNWANTED: &str = "SELECT seq FROM events WHERE unwanted IS NOT NULL AND received_at < ?1 \
     AND seq < (SELECT max(seq) FROM events) AND seq IS NOT (SELECT event FROM history WHERE seq = \
     (SELECT max(seq) FROM history)) \
     ORDER BY received_at, seq LIMIT ?2";
pub(super) const HISTORY_OF_NOTHING: &str = "DELETE FROM history WHERE seq IN (SELECT seq FROM history \
     WHERE item IS NULL AND event IS NULL AND at < ?1 AND seq < (SELECT max(seq) FROM history) \
     ORDER BY at, seq LIMIT ?2)";
const RESTORE_EVENT: &str = "INSERT INTO events \
     (seq, key, event_type, subject, workspace, model, version, time, release_key, body, unwanted, received_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const RESTORE_HISTORY: &str = "INSERT INTO history (seq, at, event, item, entry) VALUES (?1, ?2, ?3, ?4, ?5)";

impl Tx<'_> {
    /// Reads every event: nothing but this command asks by workspace, and an index would cost every delivery.
    pub(super) fn find_open_item_of(&self, workspace: &str) -> Stored<Option<Item>> {
        self.first(OPEN_ITEM, params![workspace], columns::item)
    }

    pub(super) fn forget_all_of(&self, workspace: &str) -> Stored<(u64, u64)> {
        let releases = self.execute(FORGET_RELEASES, params![workspace])?;
        let lanes = self.execute(FORGET_LANES, params![workspace])?;
        self.execute(FORGET_EVENTS, params![workspace])?;
        let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Ok((number(releases), number(lanes)))
    }

    pub(super) fn reject(&self, seq: EventSeq, why: &str) -> Stored<()> {
        let sql = "UPDATE events SET body = NULL, unwanted = ?2 WHERE seq = ?1";
        self.execute(sql, params![seq.0, why]).map(drop)
    }

    pub(super) fn find_old_items(&self, before: Timestamp, limit: usize) -> Stored<Vec<Item>> {
        let given = params![before.as_unix_ms(), to_limit(limit)];
        self.all(OLD_ITEMS, given, columns::item)
    }

    pub(super) fn strip(&self, id: ItemId) -> Stored<()> {
        self.execute("UPDATE items SET snapshot = '' WHERE id = ?1", params![id.0])?;
        self.execute(HISTORY_OF_STRIPPED, params![id.0]).map(drop)
    }

    pub(super) fn strip_body(&self, seq: EventSeq) -> Stored<()> {
        self.execute("UPDATE events SET body = NULL WHERE seq = ?1", params![seq.0])?;
        self.execute(HISTORY_OF_EVENT, params![seq.0]).map(drop)
    }

    pub(super) fn remove_old_unwanted(&self, before: Timestamp, limit: usize) -> Stored<usize> {
        let given = params![before.as_unix_ms(), to_limit(limit)];
        let old: Vec<i64> = self.all(UNWANTED, given, |row| row.get(0))?;
        for seq in &old {
            self.execute(HISTORY_OF_EVENT, params![seq])?;
            self.execute("DELETE FROM events WHERE seq = ?1", params![seq])?;
        }
        Ok(old.len())
    }

    pub(super) fn remove_old_history(&self, before: Timestamp, limit: usize) -> Stored<usize> {
        self.execute(HISTORY_OF_NOTHING, params![before.as_unix_ms(), to_limit(limit)])
    }

    pub(super) fn put_back_event(&self, event: &EventRow) -> Stored<()> {
        let given = params![
            event.seq.0,
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
        self.execute(RESTORE_EVENT, given).map(drop)
    }

    /// Nothing refers to it yet, so its number may still change.
    pub(super) fn put_back_item(&mut self, item: &Item) -> Stored<()> {
        let id = self.add_item(item, false)?;
        self.execute("UPDATE items SET id = ?2 WHERE id = ?1", params![id.0, item.id.0])
            .map(drop)
    }

    pub(super) fn put_back_history(&self, row: &HistoryRow) -> Stored<()> {
        let (event, item) = (row.event.map(|event| event.0), row.item.map(|item| item.0));
        let given = params![row.seq, row.at.as_unix_ms(), event, item, to_json(&row.entry)?];
        self.execute(RESTORE_HISTORY, given).map(drop)
    }
}
