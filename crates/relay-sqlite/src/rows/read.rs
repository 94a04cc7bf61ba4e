//! **Here**: [`ReadRows`] over SQLite.
//! **Not here**: writing (`write`), the queries of a claim (`due`).
//! **Reads**: `columns` before it; `reader` uses nothing else of this folder.
//! **Source**: our own.

use std::collections::BTreeMap;

use relay_core::journal::item::{
    Attempt, EventRow, EventSeq, Item, ItemId, Meta, Phase, Principal, ReleaseRow, Target, UnreadableRow,
};
use relay_core::journal::rows::{ReadRows, Stored};
use relay_core::journal::scan::{HistoryRow, ItemFilter, Parked, Waiting};
use relay_core::key::DispatchKey;
use relay_core::lane::Place;
use rusqlite::types::Value;
use rusqlite::{params, params_from_iter};

use super::columns::{self, to_limit};
use super::{Tx, began};

pub(super) const COUNTS: &str = "SELECT standing, count(*) FROM items GROUP BY standing ORDER BY standing";
// One phase at a time, and what stands behind on its own, as the index is ordered, so that nothing is sorted.
pub(super) const WAITING: &str =
    "SELECT target, count(*) AS n, count(CASE WHEN behind = 1 AND lane IN (
            SELECT lane FROM items WHERE standing = 'parked' AND holds_lane = 1
        ) THEN 1 END) AS n_held, min(due_at) AS earliest_due, max(due_at) AS latest_due FROM items
    WHERE phase = ?1 AND behind = ?2 AND phase <> 'settled' AND lease_fence IS NULL GROUP BY target ORDER BY target";
pub(super) const PARKED: &str = "SELECT count(*) AS n, min(items.settled_at) AS oldest,
        count(DISTINCT CASE WHEN items.holds_lane = 1 THEN items.lane END) AS n_lanes
    FROM items JOIN releases ON releases.dispatch_key = items.dispatch_key
    WHERE items.standing = 'parked' AND (items.holds_lane = 1 OR (releases.item = items.id AND releases.forgotten = 0))";
pub(super) const LATEST_ATTEMPTS: &str =
    "SELECT * FROM attempts WHERE principal = ?1 ORDER BY started_at DESC, fence DESC LIMIT ?2";
pub(super) const HISTORY_OF_ITEM: &str =
    "SELECT seq, at, event, item, entry FROM history WHERE item = ?2 AND seq > ?1 ORDER BY seq LIMIT ?3";
const HISTORY: &str = "SELECT seq, at, event, item, entry FROM history WHERE seq > ?1 ORDER BY seq LIMIT ?2";

impl ReadRows for Tx<'_> {
    fn meta(&mut self) -> Stored<Meta> {
        let found = self.first(
            "SELECT epoch, fence, clock, n_unreadable, pause_why, pause_since FROM meta WHERE id = 1",
            [],
            columns::meta,
        )?;
        Ok(found.unwrap_or_default())
    }

    fn event(&mut self, seq: EventSeq) -> Stored<Option<EventRow>> {
        self.first(
            "SELECT * FROM events WHERE seq = ?1",
            params![seq.0],
            columns::event,
        )
    }

    fn item(&mut self, id: ItemId) -> Stored<Option<Item>> {
        self.first("SELECT * FROM items WHERE id = ?1", params![id.0], columns::item)
    }

    fn events_after(&mut self, after: EventSeq, limit: usize) -> Stored<Vec<EventRow>> {
        let sql = "SELECT * FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        self.all(sql, params![after.0, to_limit(limit)], columns::event)
    }

    fn items_after(&mut self, after: ItemId, filter: &ItemFilter, limit: usize) -> Stored<Vec<Item>> {
        let (sql, mut values) = items(filter);
        values.insert(0, Value::from(after.0));
        values.push(Value::from(to_limit(limit)));
        self.all(&sql, params_from_iter(values), columns::item)
    }

    fn history_after(&mut self, after: i64, item: Option<ItemId>, limit: usize) -> Stored<Vec<HistoryRow>> {
        let rows = match item {
            Some(item) => {
                let given = params![after, item.0, to_limit(limit)];
                self.all(HISTORY_OF_ITEM, given, began::read)
            }
            None => self.all(HISTORY, params![after, to_limit(limit)], began::read),
        };
        self.with_items(rows?)
    }

    fn unreadable(&mut self) -> Stored<Vec<UnreadableRow>> {
        self.all(
            "SELECT digest, body, why, received_at FROM unreadable ORDER BY id",
            [],
            columns::unreadable,
        )
    }

    fn targets(&mut self) -> Stored<Vec<Target>> {
        self.all("SELECT * FROM targets ORDER BY key", [], columns::target)
    }

    fn principals(&mut self) -> Stored<Vec<Principal>> {
        self.all("SELECT * FROM principals ORDER BY name", [], columns::principal)
    }

    fn releases_after(&mut self, after: Option<&DispatchKey>, limit: usize) -> Stored<Vec<ReleaseRow>> {
        let sql = "SELECT * FROM releases WHERE dispatch_key > ?1 ORDER BY dispatch_key LIMIT ?2";
        let after = after.map_or("", DispatchKey::as_str);
        self.all(sql, params![after, to_limit(limit)], columns::release)
    }

    fn lane_marks_after(&mut self, after: Option<&str>, limit: usize) -> Stored<Vec<(String, Place)>> {
        let sql = "SELECT lane, mark FROM lanes WHERE lane > ?1 ORDER BY lane LIMIT ?2";
        self.all(
            sql,
            params![after.unwrap_or_default(), to_limit(limit)],
            columns::lane_mark,
        )
    }

    fn attempts_after(&mut self, after: u64, limit: usize) -> Stored<Vec<Attempt>> {
        let sql = "SELECT * FROM attempts WHERE fence > ?1 ORDER BY fence LIMIT ?2";
        self.all(
            sql,
            params![columns::to_i64(after)?, to_limit(limit)],
            columns::attempt,
        )
    }

    fn counts(&mut self) -> Stored<Vec<(String, u64)>> {
        self.all(COUNTS, [], |row| {
            let n: i64 = row.get(1)?;
            Ok((row.get(0)?, u64::try_from(n).unwrap_or(0)))
        })
    }

    fn waiting(&mut self) -> Stored<Vec<Waiting>> {
        let mut of_target: BTreeMap<String, Waiting> = BTreeMap::new();
        for (phase, behind) in [
            (Phase::Judging, false),
            (Phase::Waiting, false),
            (Phase::Waiting, true),
        ] {
            for row in self.all(WAITING, params![phase.as_str(), behind], columns::waiting)? {
                let known = of_target.entry(row.target.clone()).or_insert_with(|| Waiting {
                    n: 0,
                    n_held: 0,
                    ..row.clone()
                });
                known.n = known.n.saturating_add(row.n);
                known.n_held = known.n_held.saturating_add(row.n_held);
                known.earliest_due = known.earliest_due.min(row.earliest_due);
                known.latest_due = known.latest_due.max(row.latest_due);
            }
        }
        Ok(of_target.into_values().collect())
    }

    fn parked(&mut self) -> Stored<Parked> {
        Ok(self.first(PARKED, [], columns::parked)?.unwrap_or_default())
    }

    fn latest_attempts(&mut self, principal: &str, limit: usize) -> Stored<Vec<Attempt>> {
        let mut latest = self.all(
            LATEST_ATTEMPTS,
            params![principal, to_limit(limit)],
            columns::attempt,
        )?;
        latest.reverse();
        Ok(latest)
    }
}

/// The items of a filter: its text consists of constants and question marks only.
fn items(filter: &ItemFilter) -> (String, Vec<Value>) {
    let mut text = String::from("SELECT * FROM items WHERE id > ?");
    let mut values = Vec::new();
    if !filter.phases.is_empty() {
        // A phase that is named twice counts once; the list is never longer than there are phases.
        let phases: Vec<Phase> = Phase::ALL
            .into_iter()
            .filter(|phase| filter.phases.contains(phase))
            .collect();
        text.push_str(" AND phase IN (");
        text.push_str(&vec!["?"; phases.len()].join(", "));
        text.push(')');
        if !phases.contains(&Phase::Settled) {
            text.push_str(" AND phase <> 'settled'");
        }
        values.extend(
            phases
                .into_iter()
                .map(|phase| Value::from(phase.as_str().to_owned())),
        );
    }
    if let Some(word) = &filter.verdict {
        text.push_str(" AND standing = ? AND verdict IS NOT NULL");
        values.push(Value::from(word.clone()));
    }
    if let Some(event) = filter.event {
        text.push_str(" AND event = ?");
        values.push(Value::from(event.0));
    }
    if let Some(id) = &filter.relay_id {
        text.push_str(" AND relay_id = ?");
        values.push(Value::from(id.clone()));
    }
    if let Some(route) = &filter.route {
        text.push_str(" AND route = ?");
        values.push(Value::from(route.clone()));
    }
    text.push_str(" ORDER BY id LIMIT ?");
    (text, values)
}

/// What a compaction asks for each event.
#[cfg(test)]
pub(super) fn items_of_event() -> String {
    let filter = ItemFilter {
        event: Some(EventSeq(1)),
        ..ItemFilter::default()
    };
    items(&filter).0
}
