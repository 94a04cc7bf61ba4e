//! **Here**: tracks over SQLite: [`ReadTracks`] and [`TrackRows`].
//! **Not here**: items (`read`, `write`, `due`), any decision (`relay_core::tracker`).
//! **Reads**: `columns` before it; `writer` and `reader` after it.
//! **Source**: our own.

use relay_core::clock::Timestamp;
use relay_core::journal::item::ItemId;
use relay_core::journal::rows::Stored;
use relay_core::journal::track::{ReadTracks, Track, TrackRows};
use rusqlite::{named_params, params};

use super::Tx;
use super::columns::{self, to_i64, to_json, to_limit};

pub(super) const FIRST_TRACKED: &str = "SELECT min(target) FROM tracks WHERE stage <> 'over'";
pub(super) const NEXT_TRACKED: &str = "SELECT min(target) FROM tracks WHERE stage <> 'over' AND target > ?1";
pub(super) const DUE: &str = "SELECT * FROM tracks WHERE stage <> 'over' AND lease_fence IS NULL AND target = ?1 \
     AND due_at <= ?2 ORDER BY due_at, item LIMIT ?3";
// Named, as that of items is: the order would tempt SQLite to walk over the whole table.
pub(super) const LOST: &str = "SELECT * FROM tracks INDEXED BY tracks_leased \
     WHERE stage <> 'over' AND lease_fence IS NOT NULL AND (lease_epoch <> ?1 OR lease_until <= ?2) ORDER BY item";
pub(super) const N_LEASED: &str =
    "SELECT count(*) FROM tracks WHERE stage <> 'over' AND lease_fence IS NOT NULL";
pub(super) const NEXT_DUE: &str =
    "SELECT min(due_at) FROM tracks WHERE stage <> 'over' AND lease_fence IS NULL AND due_at > ?1";
pub(super) const NEXT_LEASE_END: &str = "SELECT min(lease_until) FROM tracks WHERE stage <> 'over' AND lease_fence IS NOT NULL AND lease_until > ?1";
pub(super) const COUNTS: &str = "SELECT standing, count(*) FROM tracks GROUP BY standing ORDER BY standing";
pub(super) const OF_STANDING: &str =
    "SELECT * FROM tracks WHERE standing = ?2 AND item > ?1 ORDER BY item LIMIT ?3";
const AFTER: &str = "SELECT * FROM tracks WHERE item > ?1 ORDER BY item LIMIT ?2";
pub(super) const PUT: &str = "INSERT INTO tracks (item, target, stage, standing, since, deadline, late, due_at, n_looks, note, \
     ending, lease_fence, lease_epoch, lease_until) VALUES (:item, :target, :stage, :standing, :since, :deadline, :late, \
     :due_at, :n_looks, :note, :ending, :lease_fence, :lease_epoch, :lease_until) ON CONFLICT (item) DO UPDATE SET \
     stage = excluded.stage, standing = excluded.standing, since = excluded.since, deadline = excluded.deadline, \
     late = excluded.late, due_at = excluded.due_at, n_looks = excluded.n_looks, note = excluded.note, \
     ending = excluded.ending, lease_fence = excluded.lease_fence, lease_epoch = excluded.lease_epoch, \
     lease_until = excluded.lease_until";
const PUT_PACE: &str = "INSERT INTO track_paces (principal, spent_until) VALUES (?1, ?2) \
     ON CONFLICT (principal) DO UPDATE SET spent_until = excluded.spent_until";

impl ReadTracks for Tx<'_> {
    fn track(&mut self, item: ItemId) -> Stored<Option<Track>> {
        let sql = "SELECT * FROM tracks WHERE item = ?1";
        self.first(sql, params![item.0], columns::track)
    }

    fn tracks_after(&mut self, after: ItemId, standing: Option<&str>, limit: usize) -> Stored<Vec<Track>> {
        match standing {
            Some(word) => self.all(
                OF_STANDING,
                params![after.0, word, to_limit(limit)],
                columns::track,
            ),
            None => self.all(AFTER, params![after.0, to_limit(limit)], columns::track),
        }
    }

    fn track_counts(&mut self) -> Stored<Vec<(String, u64)>> {
        self.all(COUNTS, [], |row| {
            Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0)))
        })
    }
}

impl TrackRows for Tx<'_> {
    fn put_track(&mut self, track: &Track) -> Stored<()> {
        let lease = track.lease;
        let given = named_params! {
            ":item": track.item.0,
            ":target": track.target,
            ":stage": track.stage.as_str(),
            ":standing": track.standing(),
            ":since": track.since.as_unix_ms(),
            ":deadline": track.deadline.as_unix_ms(),
            ":late": track.late,
            ":due_at": track.due_at.as_unix_ms(),
            ":n_looks": track.n_looks,
            ":note": track.note,
            ":ending": track.end.as_ref().map(to_json).transpose()?,
            ":lease_fence": lease.map(|lease| to_i64(lease.fence)).transpose()?,
            ":lease_epoch": lease.map(|lease| to_i64(lease.epoch)).transpose()?,
            ":lease_until": lease.map(|lease| lease.until.as_unix_ms()),
        };
        self.execute(PUT, given).map(drop)
    }

    fn remove_track(&mut self, item: ItemId) -> Stored<()> {
        self.execute("DELETE FROM tracks WHERE item = ?1", params![item.0])
            .map(drop)
    }

    fn tracked_targets(&mut self) -> Stored<Vec<String>> {
        let mut targets = Vec::new();
        let mut next: Option<String> = self.first(FIRST_TRACKED, [], |row| row.get(0))?.flatten();
        while let Some(target) = next {
            next = self
                .first(NEXT_TRACKED, params![target], |row| row.get(0))?
                .flatten();
            targets.push(target);
        }
        Ok(targets)
    }

    fn due_tracks(&mut self, target: &str, now: Timestamp, limit: usize) -> Stored<Vec<Track>> {
        let given = params![target, now.as_unix_ms(), to_limit(limit)];
        self.all(DUE, given, columns::track)
    }

    fn lost_tracks(&mut self, epoch: u64, now: Timestamp) -> Stored<Vec<Track>> {
        self.all(LOST, params![to_i64(epoch)?, now.as_unix_ms()], columns::track)
    }

    fn n_leased_tracks(&mut self) -> Stored<usize> {
        let n: Option<i64> = self.first(N_LEASED, [], |row| row.get(0))?;
        Ok(n.map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX)))
    }

    fn next_track_due(&mut self, now: Timestamp) -> Stored<Option<Timestamp>> {
        let mut earliest: Option<i64> = None;
        for sql in [NEXT_DUE, NEXT_LEASE_END] {
            let at: Option<i64> = self
                .first(sql, params![now.as_unix_ms()], |row| row.get(0))?
                .flatten();
            earliest = earliest.into_iter().chain(at).min();
        }
        Ok(earliest.map(Timestamp::from_unix_ms))
    }

    fn looks_spent_until(&mut self, principal: &str) -> Stored<Option<Timestamp>> {
        let sql = "SELECT spent_until FROM track_paces WHERE principal = ?1";
        self.first(sql, params![principal], |row| {
            row.get(0).map(Timestamp::from_unix_ms)
        })
    }

    fn put_looks_spent_until(&mut self, principal: &str, until: Timestamp) -> Stored<()> {
        self.execute(PUT_PACE, params![principal, until.as_unix_ms()])
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, StatementStatus};

    use super::*;
    use crate::schema::STEPS;

    #[test]
    fn ok_a_claim_does_not_walk_over_what_is_over_or_due_later() {
        // Counted in steps of SQLite's machine, which do not depend on the clock of this computer.
        let steps = |n: i64| {
            let connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(&STEPS.concat()).unwrap();
            connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
            let mut insert = connection
                .prepare(
                    "INSERT INTO tracks (item, target, stage, standing, since, deadline, late, due_at, n_looks) \
                     VALUES (?1, ?2, ?3, ?3, 0, 0, 0, ?4, 0)",
                )
                .unwrap();
            for i in 0..n {
                insert.execute(params![3 * i, "a", "over", 0]).unwrap();
                insert.execute(params![3 * i + 1, "a", "seeking", 9_000]).unwrap();
                insert
                    .execute(params![3 * i + 2, "b", "following", 9_000])
                    .unwrap();
            }
            let now = Timestamp::from_unix_ms(1_000);
            let mut tx = Tx::new(&connection);
            assert_eq!(tx.tracked_targets().unwrap(), ["a", "b"]);
            assert_eq!(tx.due_tracks("a", now, 4).unwrap(), []);
            assert_eq!(tx.lost_tracks(1, now).unwrap(), []);
            assert_eq!(tx.n_leased_tracks().unwrap(), 0);
            let due = Some(Timestamp::from_unix_ms(9_000));
            assert_eq!(tx.next_track_due(now).unwrap(), due);
            let statements = [
                FIRST_TRACKED,
                NEXT_TRACKED,
                DUE,
                LOST,
                N_LEASED,
                NEXT_DUE,
                NEXT_LEASE_END,
            ];
            let of = |sql: &str| {
                let statement = connection.prepare_cached(sql).unwrap();
                statement.get_status(StatementStatus::VmStep)
            };
            statements.into_iter().map(of).sum::<i32>()
        };
        assert_eq!(steps(10), steps(2_000));
    }
}
