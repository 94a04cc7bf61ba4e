//! **Here**: the queries of a claim: what is due, whose lease is lost, when something is due next, which targets are wanted.
//! **Not here**: what may go (`relay_core::journal::verbs`).
//! **Reads**: `columns` before it; `write` calls it.
//! **Source**: our own. Each walk seeks from one group of an index to the next, so that neither closed targets, nor what
//! is due later, nor what is settled costs time.

use relay_core::clock::Timestamp;
use relay_core::journal::item::{Item, ItemId, Phase};
use relay_core::journal::rows::{DueQuery, LaneFront, ReadRows, Stored};
use relay_core::lane;
use rusqlite::params;

use super::Tx;
use super::columns::{to_i64, to_json, to_limit};

/// The first group (target, rank) of a phase behind all groups of a target.
// Not `(target, rank) > (?2, ?3)`: SQLite seeks to the first equal row then, and walks over all that are equal.
pub(super) const NEXT_TARGET: &str = "SELECT target, rank FROM items \
     WHERE phase = ?1 AND behind = 0 AND phase <> 'settled' AND lease_fence IS NULL AND target > ?2 ORDER BY target, rank LIMIT 1";
/// The next group of a phase with the same target.
pub(super) const NEXT_RANK: &str = "SELECT target, rank FROM items \
     WHERE phase = ?1 AND behind = 0 AND phase <> 'settled' AND lease_fence IS NULL AND target = ?2 AND rank > ?3 \
     ORDER BY rank LIMIT 1";
/// What is due in a group.
pub(super) const DUE_IN_GROUP: &str = "SELECT due_at, id FROM items \
     WHERE phase = ?1 AND behind = 0 AND phase <> 'settled' AND lease_fence IS NULL AND target = ?2 AND rank = ?3 AND due_at <= ?4 \
     AND (due_at, id) > (?5, ?6) AND (lane IS NULL OR lane NOT IN (SELECT value FROM json_each(?8))) \
     ORDER BY due_at, id LIMIT ?7";
/// The first of a lane in a phase, by the order of `relay_core::lane::order`.
pub(super) const FIRST_OF_LANE: &str = "SELECT id FROM items WHERE holds_lane = 1 AND lane = ?1 AND phase = ?2 \
     ORDER BY place IS NULL, json_extract(place, '$.event_time.seconds'), json_extract(place, '$.event_time.nanos'), \
     json_extract(place, '$.event_time.id'), length(place), place, id LIMIT 1";
/// The same, without those that somebody allowed to be older, and without one.
pub(super) const FIRST_IN_ORDER: &str = "SELECT id FROM items WHERE holds_lane = 1 AND lane = ?1 AND phase = ?2 \
     AND allow_older = 0 AND id <> ?3 \
     ORDER BY place IS NULL, json_extract(place, '$.event_time.seconds'), json_extract(place, '$.event_time.nanos'), \
     json_extract(place, '$.event_time.id'), length(place), place, id LIMIT 1";
/// Whether something of a phase holds a lane.
pub(super) const HOLDS: &str =
    "SELECT 1 FROM items WHERE holds_lane = 1 AND lane = ?1 AND phase = ?2 LIMIT 1";
pub(super) const ANY_BEHIND: &str =
    "SELECT 1 FROM items WHERE holds_lane = 1 AND lane = ?1 AND behind = 1 LIMIT 1";
pub(super) const FIRST_WANTED: &str = "SELECT min(target) FROM items WHERE phase <> 'settled'";
pub(super) const NEXT_WANTED: &str = "SELECT min(target) FROM items WHERE phase <> 'settled' AND target > ?1";
pub(super) const NEXT_DUE: &str =
    "SELECT min(due_at) FROM items WHERE phase <> 'settled' AND lease_fence IS NULL AND due_at > ?1";
pub(super) const NEXT_LEASE_END: &str = "SELECT min(lease_until) FROM items WHERE phase <> 'settled' AND lease_fence IS NOT NULL AND lease_until > ?1";
// Named, because the order would otherwise tempt SQLite to walk over the whole table.
pub(super) const LOST: &str = "SELECT id FROM items INDEXED BY items_leased \
     WHERE phase <> 'settled' AND lease_fence IS NOT NULL AND (lease_epoch <> ?1 OR lease_until <= ?2) ORDER BY id";

impl Tx<'_> {
    pub(super) fn find_due(&mut self, query: &DueQuery<'_>) -> Stored<Vec<Item>> {
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        let after = query
            .after
            .map(|(priority, due, id)| (-i64::from(priority), due.as_unix_ms(), id.0));
        let closed_lanes = to_json(query.closed_lanes)?;
        let mut due: Vec<(i64, i64, i64)> = Vec::new();
        // A key is never the empty text.
        let mut group = self.next_target(query, "")?;
        while let Some((target, rank)) = group {
            if query.closed.contains(&target) {
                group = self.next_target(query, &target)?;
                continue;
            }
            self.due_in_group(query, (&target, rank), after, &closed_lanes, &mut due)?;
            group = match self.next_rank(query, &target, rank)? {
                None => self.next_target(query, &target)?,
                same => same,
            };
        }
        due.sort_unstable();
        due.truncate(query.limit);
        self.load(due.into_iter().map(|(_, _, id)| id))
    }

    fn next_target(&self, query: &DueQuery<'_>, target: &str) -> Stored<Option<(String, i64)>> {
        self.first(NEXT_TARGET, params![query.phase.as_str(), target], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
    }

    fn next_rank(&self, query: &DueQuery<'_>, target: &str, rank: i64) -> Stored<Option<(String, i64)>> {
        self.first(NEXT_RANK, params![query.phase.as_str(), target, rank], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
    }

    fn due_in_group(
        &self,
        query: &DueQuery<'_>,
        (target, rank): (&str, i64),
        after: Option<(i64, i64, i64)>,
        closed_lanes: &str,
        due: &mut Vec<(i64, i64, i64)>,
    ) -> Stored<()> {
        let (after_due, after_id) = match after {
            Some((seen, ..)) if rank < seen => return Ok(()),
            Some((seen, due_at, id)) if rank == seen => (due_at, id),
            _ => (i64::MIN, i64::MIN),
        };
        let now = query.now.as_unix_ms();
        let given = params![
            query.phase.as_str(),
            target,
            rank,
            now,
            after_due,
            after_id,
            to_limit(query.limit),
            closed_lanes
        ];
        due.extend(self.all(DUE_IN_GROUP, given, |row| Ok((rank, row.get(0)?, row.get(1)?)))?);
        Ok(())
    }

    pub(super) fn find_front(&mut self, lane: &str) -> Stored<LaneFront> {
        let holds = |phase: Phase| {
            let found = self.first(HOLDS, params![lane, phase.as_str()], |_| Ok(()));
            found.map(|found| found.is_some())
        };
        let under_way = holds(Phase::Sending)? || holds(Phase::Probing)?;
        let parked = holds(Phase::Settled)?;
        let mut first = None;
        for phase in [Phase::Judging, Phase::Waiting] {
            let id: Option<i64> =
                self.first(FIRST_OF_LANE, params![lane, phase.as_str()], |row| row.get(0))?;
            first = self.before(first, id)?;
        }
        Ok(LaneFront {
            under_way,
            parked,
            first,
        })
    }

    pub(super) fn find_first_in_order(&mut self, lane: &str, but: ItemId) -> Stored<Option<Item>> {
        let mut first = None;
        for phase in [Phase::Judging, Phase::Waiting] {
            let given = params![lane, phase.as_str(), but.0];
            let id: Option<i64> = self.first(FIRST_IN_ORDER, given, |row| row.get(0))?;
            first = self.before(first, id)?;
        }
        Ok(first)
    }

    /// The first of two by the order of their lane.
    fn before(&mut self, known: Option<Item>, other: Option<i64>) -> Stored<Option<Item>> {
        let other = other.map_or(Ok(None), |id| self.item(ItemId(id)))?;
        Ok(known.into_iter().chain(other).min_by(lane::order))
    }

    pub(super) fn find_any_behind(&self, lane: &str) -> Stored<bool> {
        Ok(self.first(ANY_BEHIND, params![lane], |_| Ok(()))?.is_some())
    }

    pub(super) fn find_lost(&mut self, epoch: u64, now: Timestamp) -> Stored<Vec<Item>> {
        let ids: Vec<i64> = self.all(LOST, params![to_i64(epoch)?, now.as_unix_ms()], |row| row.get(0))?;
        self.load(ids)
    }

    pub(super) fn find_next_due(&self, now: Timestamp) -> Stored<Option<Timestamp>> {
        let mut earliest: Option<i64> = None;
        for sql in [NEXT_DUE, NEXT_LEASE_END] {
            let at: Option<i64> = self
                .first(sql, params![now.as_unix_ms()], |row| row.get(0))?
                .flatten();
            earliest = earliest.into_iter().chain(at).min();
        }
        Ok(earliest.map(Timestamp::from_unix_ms))
    }

    pub(super) fn find_wanted(&self) -> Stored<Vec<String>> {
        let mut wanted = Vec::new();
        let mut next: Option<String> = self.first(FIRST_WANTED, [], |row| row.get(0))?.flatten();
        while let Some(target) = next {
            next = self
                .first(NEXT_WANTED, params![target], |row| row.get(0))?
                .flatten();
            wanted.push(target);
        }
        Ok(wanted)
    }

    fn load(&mut self, ids: impl IntoIterator<Item = i64>) -> Stored<Vec<Item>> {
        let mut items = Vec::new();
        for id in ids {
            items.extend(self.item(ItemId(id))?);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rusqlite::Connection;

    use super::*;
    use crate::rows::{admin, read, tracks, write};
    use crate::schema::STEPS;

    /// The plan that SQLite makes for a statement, as one text.
    fn plan(connection: &Connection, sql: &str) -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let n = statement.parameter_count();
        let given = rusqlite::params_from_iter(std::iter::repeat_n(1, n));
        let lines: Vec<String> = statement
            .query_map(given, |row| row.get("detail"))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        lines.join("; ")
    }

    #[test]
    fn ok_every_query_of_a_claim_seeks_in_an_index() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&STEPS.concat()).unwrap();
        let check = |sql: &str, index: &str| {
            let plan = plan(&connection, sql);
            assert!(plan.contains(index), "{sql}: {plan}");
            assert!(
                !plan.contains("TEMP B-TREE") || [LOST, tracks::LOST].contains(&sql),
                "sorts: {sql}: {plan}"
            );
            let scans_table = plan
                .split("; ")
                .any(|step| step.starts_with("SCAN") && !step.contains("INDEX"));
            assert!(!scans_table, "{sql}: {plan}");
        };
        check(NEXT_TARGET, "INDEX items_due (phase=? AND behind=? AND target>?)");
        check(
            NEXT_RANK,
            "INDEX items_due (phase=? AND behind=? AND target=? AND rank>?)",
        );
        check(
            DUE_IN_GROUP,
            "COVERING INDEX items_due (phase=? AND behind=? AND target=? AND rank=? AND",
        );
        check(FIRST_OF_LANE, "INDEX items_lane_order (lane=? AND phase=?)");
        check(FIRST_IN_ORDER, "INDEX items_lane_order (lane=? AND phase=?)");
        check(HOLDS, "COVERING INDEX items_lane_order (lane=? AND phase=?)");
        check(ANY_BEHIND, "COVERING INDEX items_lane (lane=? AND behind=?)");
        check(FIRST_WANTED, "INDEX items_wanted");
        check(NEXT_WANTED, "INDEX items_wanted (target>?)");
        check(NEXT_DUE, "INDEX items_next_due (due_at>?)");
        check(NEXT_LEASE_END, "INDEX items_leased (lease_until>?)");
        check(LOST, "items_leased");
        check(write::LANE_ITEMS, "INDEX items_lane (lane=?)");
        check(write::NTH_END, "COVERING INDEX attempts_ended (principal=?");
        check(
            write::LATEST_START,
            "COVERING INDEX attempts_started (principal=?)",
        );
        check(write::IN_FLIGHT, "INDEX attempts_open (principal=?)");
        check(write::FORGET, "INDEX attempts_old (started_at<?)");
        check(tracks::FIRST_TRACKED, "INDEX tracks_open");
        check(tracks::NEXT_TRACKED, "INDEX tracks_open (target>?)");
        check(tracks::DUE, "INDEX tracks_due (target=? AND due_at<?)");
        check(tracks::LOST, "tracks_leased");
        check(tracks::N_LEASED, "INDEX tracks_leased");
        check(tracks::NEXT_DUE, "INDEX tracks_next_due (due_at>?)");
        check(tracks::NEXT_LEASE_END, "INDEX tracks_leased (lease_until>?)");
        check(tracks::COUNTS, "COVERING INDEX tracks_standing");
        check(
            tracks::OF_STANDING,
            "INDEX tracks_standing (standing=? AND rowid>?)",
        );
        check(read::COUNTS, "COVERING INDEX items_standing");
        check(read::WAITING, "COVERING INDEX items_due (phase=? AND behind=?)");
        check(read::LATEST_ATTEMPTS, "INDEX attempts_started (principal=?)");
        let parked = plan(&connection, read::PARKED);
        assert!(
            parked.contains("SEARCH items USING INDEX items_standing (standing=?)"),
            "{parked}"
        );
        assert!(
            parked.contains("SEARCH releases USING PRIMARY KEY (dispatch_key=?)"),
            "{parked}"
        );
        check(read::HISTORY_OF_ITEM, "INDEX history_item (item=? AND rowid>?)");
        check(admin::OLD_ITEMS, "INDEX items_old (settled_at<?)");
        check(admin::UNWANTED, "INDEX events_unwanted (received_at<?)");
        check(admin::HISTORY_OF_STRIPPED, "INDEX history_item (item=? AND");
        check(admin::HISTORY_OF_EVENT, "INDEX history_event (event=?");
        check(admin::HISTORY_OF_NOTHING, "INDEX history_of_nothing (at<?)");
        check(&read::items_of_event(), "INDEX items_event (event=? AND rowid>?)");
    }

    #[test]
    fn ok_no_statement_is_prepared_again_for_another_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay.db");
        let connection = crate::connection::writing(&path, std::time::Duration::ZERO).unwrap();
        for sql in [
            NEXT_TARGET,
            NEXT_RANK,
            DUE_IN_GROUP,
            FIRST_OF_LANE,
            FIRST_IN_ORDER,
            HOLDS,
            ANY_BEHIND,
            NEXT_WANTED,
            NEXT_DUE,
            NEXT_LEASE_END,
            LOST,
            write::LANE_ITEMS,
            write::PUT_ITEM,
            write::PUT_BEHIND,
            admin::HISTORY_OF_STRIPPED,
            admin::HISTORY_OF_EVENT,
            admin::HISTORY_OF_NOTHING,
            write::NTH_END,
            write::LATEST_START,
            write::IN_FLIGHT,
            read::HISTORY_OF_ITEM,
        ] {
            for value in ["[1]", "[2]", "[3]"] {
                let mut statement = connection.prepare_cached(sql).unwrap();
                let n = statement.parameter_count();
                let given = rusqlite::params_from_iter(std::iter::repeat_n(value, n));
                // It fails where a number is wanted, after it would have been prepared.
                let _ = statement.query(given).unwrap().next();
            }
            let statement = connection.prepare_cached(sql).unwrap();
            let n = statement.get_status(rusqlite::StatementStatus::RePrepare);
            assert_eq!(n, 0, "{sql}");
        }
    }

    #[test]
    fn ok_a_claim_does_not_walk_over_what_is_settled_closed_due_later_or_behind() {
        // Counted in steps of SQLite's machine, which do not depend on the clock of this computer.
        let steps = |n: usize| {
            let connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(&STEPS.concat()).unwrap();
            connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
            let mut insert = connection
                .prepare(
                    "INSERT INTO items (relay_id, dispatch_key, generation, event, route, snapshot, policy, rank, target, \
                     principal, allow_older, created_at, phase, standing, due_at, n_attempts, n_not_sent, n_looks, \
                     n_resends, holds_lane, behind, lane, place) VALUES (?1, '', 1, 1, '', '', '', 0, ?2, '', 0, 0, ?3, ?3, ?4, 0, 0, 0, 0, \
                     ?5, ?5, CASE WHEN ?5 = 1 THEN 'long' END, CASE WHEN ?5 = 1 THEN '{\"version\":\"1' || ?1 || '\"}' END)",
                )
                .unwrap();
            for i in 0..n {
                insert
                    .execute(params![format!("a{i}"), "open", "settled", 0, 0])
                    .unwrap();
                insert
                    .execute(params![format!("b{i}"), "closed", "waiting", 0, 0])
                    .unwrap();
                insert
                    .execute(params![format!("c{i}"), "open", "waiting", 1_000_000, 0])
                    .unwrap();
                insert
                    .execute(params![format!("d{i}"), "open", "waiting", 0, 1])
                    .unwrap();
            }
            let closed = std::iter::once("closed".to_owned()).collect();
            let query = DueQuery {
                phase: Phase::Waiting,
                now: Timestamp::from_unix_ms(1_000),
                closed: &closed,
                closed_lanes: &BTreeSet::new(),
                after: None,
                limit: 64,
            };
            let mut tx = Tx::new(&connection);
            assert_eq!(tx.find_due(&query).unwrap(), []);
            for sql in [HOLDS, FIRST_OF_LANE] {
                for phase in [Phase::Waiting, Phase::Settled] {
                    let given = params!["long", phase.as_str()];
                    tx.first(sql, given, |_| Ok(())).unwrap();
                }
            }
            let given = params!["long", "waiting", 1];
            assert!(tx.first(FIRST_IN_ORDER, given, |_| Ok(())).unwrap().is_some());
            assert!(tx.find_any_behind("long").unwrap());
            let mut total = 0;
            for sql in [
                NEXT_TARGET,
                NEXT_RANK,
                DUE_IN_GROUP,
                FIRST_WANTED,
                NEXT_WANTED,
                NEXT_DUE,
                NEXT_LEASE_END,
                LOST,
                HOLDS,
                FIRST_OF_LANE,
                FIRST_IN_ORDER,
                ANY_BEHIND,
            ] {
                let statement = connection.prepare_cached(sql).unwrap();
                total += statement.get_status(rusqlite::StatementStatus::VmStep);
            }
            total
        };
        assert_eq!(steps(10), steps(2_000));
    }
}
