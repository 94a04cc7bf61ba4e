//! **Here**: how a row becomes a value and back: words, JSON text, moments, bytes.
//! **Not here**: which rows (`read`, `write`, `due`).
//! **Reads**: `schema/*.sql` before it; the rest of `rows` after it.
//! **Source**: our own. What has no meaning is an error of the column, never a default.

use relay_core::clock::Timestamp;
use relay_core::journal::item::{
    Attempt, Block, EventRow, EventSeq, Item, ItemId, Lease, Meta, Phase, Principal, ReleaseRow, RetryAnchor,
    Target, UnreadableRow,
};
use relay_core::journal::rows::Stored;
use relay_core::journal::scan::{Entry, HistoryRow, Parked, Waiting};
use relay_core::journal::track::{Stage, Track};
use relay_core::lane::Place;
use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type};
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};

use crate::error::corrupt;

type Read<T> = rusqlite::Result<T>;

// The columns in the order in which a query gives them, which for `*` is that of the tables. A column is found by its place: by
// its name SQLite would be asked for the names of all columns before it, each time one is read.
const ITEMS: [&str; 32] = [
    "id",
    "relay_id",
    "dispatch_key",
    "generation",
    "event",
    "route",
    "snapshot",
    "policy",
    "rank",
    "target",
    "principal",
    "lane",
    "place",
    "allow_older",
    "created_at",
    "phase",
    "verdict",
    "standing",
    "due_at",
    "lease_fence",
    "lease_epoch",
    "lease_until",
    "n_attempts",
    "n_not_sent",
    "retry_at",
    "retry_blocked",
    "unknown_since",
    "n_looks",
    "n_resends",
    "holds_lane",
    "settled_at",
    "behind",
];
const EVENTS: [&str; 12] = [
    "seq",
    "key",
    "event_type",
    "subject",
    "workspace",
    "model",
    "version",
    "time",
    "release_key",
    "body",
    "unwanted",
    "received_at",
];
const TARGETS: [&str; 15] = [
    "key",
    "principal",
    "repository",
    "event_type",
    "asked_epoch",
    "checked_epoch",
    "found",
    "check_due_at",
    "shows_relay_id",
    "block_why",
    "block_since",
    "blocked_ms",
    "pause_why",
    "pause_since",
    "hides_relay_id",
];
const TRACKS: [&str; 14] = [
    "item",
    "target",
    "stage",
    "standing",
    "since",
    "deadline",
    "late",
    "due_at",
    "n_looks",
    "note",
    "ending",
    "lease_fence",
    "lease_epoch",
    "lease_until",
];
const PRINCIPALS: [&str; 5] = ["name", "closed_until", "block_why", "block_since", "blocked_ms"];
const RELEASES: [&str; 6] = [
    "dispatch_key",
    "generation",
    "item",
    "registered_s",
    "registered_n",
    "forgotten",
];
const LANES: [&str; 2] = ["lane", "mark"];
const ATTEMPTS: [&str; 5] = ["fence", "item", "principal", "started_at", "ended_at"];
// Those of a query that names its columns.
const META: [&str; 6] = [
    "epoch",
    "fence",
    "clock",
    "n_unreadable",
    "pause_why",
    "pause_since",
];
const UNREADABLE: [&str; 4] = ["digest", "body", "why", "received_at"];
const WAITING: [&str; 5] = ["target", "n", "n_held", "earliest_due", "latest_due"];
const PARKED: [&str; 3] = ["n", "oldest", "n_lanes"];
const HISTORY: [&str; 5] = ["seq", "at", "event", "item", "entry"];

/// The place of a column, found while this is compiled.
macro_rules! at {
    ($columns:ident, $name:literal) => {
        const { place_of(&$columns, $name) }
    };
}

#[expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "it runs while this is compiled: a column that is not there stops the compiler"
)]
const fn place_of(columns: &[&str], name: &str) -> usize {
    let mut place = 0;
    while place < columns.len() {
        let (column, name) = (columns[place].as_bytes(), name.as_bytes());
        let mut same = if column.len() == name.len() { 0 } else { usize::MAX };
        while same < name.len() && column[same] == name[same] {
            same += 1;
        }
        if same == name.len() {
            return place;
        }
        place += 1;
    }
    panic!("no such column")
}

pub(super) fn item(row: &Row<'_>) -> Read<Item> {
    let lease = lease(
        row,
        [
            at!(ITEMS, "lease_fence"),
            at!(ITEMS, "lease_epoch"),
            at!(ITEMS, "lease_until"),
        ],
    )?;
    let retry_since = match (
        moment(row, at!(ITEMS, "retry_at"))?,
        row.get(at!(ITEMS, "retry_blocked"))?,
    ) {
        (Some(at), Some(blocked_ms)) => Some(RetryAnchor { at, blocked_ms }),
        _ => None,
    };
    let word: String = row.get(at!(ITEMS, "phase"))?;
    Ok(Item {
        id: ItemId(row.get(at!(ITEMS, "id"))?),
        relay_id: transparent(row, at!(ITEMS, "relay_id"))?,
        key: transparent(row, at!(ITEMS, "dispatch_key"))?,
        generation: row.get(at!(ITEMS, "generation"))?,
        event: EventSeq(row.get(at!(ITEMS, "event"))?),
        route: row.get(at!(ITEMS, "route"))?,
        snapshot: row.get(at!(ITEMS, "snapshot"))?,
        policy: json(row, at!(ITEMS, "policy"))?
            .ok_or_else(|| meaningless(row, at!(ITEMS, "policy"), "no policy"))?,
        target: row.get(at!(ITEMS, "target"))?,
        principal: row.get(at!(ITEMS, "principal"))?,
        lane: row.get(at!(ITEMS, "lane"))?,
        place: json(row, at!(ITEMS, "place"))?,
        allow_older: row.get(at!(ITEMS, "allow_older"))?,
        phase: Phase::parse(&word)
            .ok_or_else(|| meaningless(row, at!(ITEMS, "phase"), "a phase that is not known"))?,
        verdict: json(row, at!(ITEMS, "verdict"))?,
        due_at: Timestamp::from_unix_ms(row.get(at!(ITEMS, "due_at"))?),
        lease,
        n_attempts: row.get(at!(ITEMS, "n_attempts"))?,
        n_not_sent: row.get(at!(ITEMS, "n_not_sent"))?,
        retry_since,
        unknown_since: moment(row, at!(ITEMS, "unknown_since"))?,
        n_looks: row.get(at!(ITEMS, "n_looks"))?,
        n_resends: row.get(at!(ITEMS, "n_resends"))?,
        holds_lane: row.get(at!(ITEMS, "holds_lane"))?,
        created_at: Timestamp::from_unix_ms(row.get(at!(ITEMS, "created_at"))?),
        settled_at: moment(row, at!(ITEMS, "settled_at"))?,
    })
}

pub(super) fn track(row: &Row<'_>) -> Read<Track> {
    let word: String = row.get(at!(TRACKS, "stage"))?;
    let lease_parts = [
        at!(TRACKS, "lease_fence"),
        at!(TRACKS, "lease_epoch"),
        at!(TRACKS, "lease_until"),
    ];
    Ok(Track {
        item: ItemId(row.get(at!(TRACKS, "item"))?),
        target: row.get(at!(TRACKS, "target"))?,
        stage: Stage::parse(&word)
            .ok_or_else(|| meaningless(row, at!(TRACKS, "stage"), "a stage that is not known"))?,
        since: Timestamp::from_unix_ms(row.get(at!(TRACKS, "since"))?),
        deadline: Timestamp::from_unix_ms(row.get(at!(TRACKS, "deadline"))?),
        late: row.get(at!(TRACKS, "late"))?,
        due_at: Timestamp::from_unix_ms(row.get(at!(TRACKS, "due_at"))?),
        n_looks: row.get(at!(TRACKS, "n_looks"))?,
        note: row.get(at!(TRACKS, "note"))?,
        end: json(row, at!(TRACKS, "ending"))?,
        lease: lease(row, lease_parts)?,
    })
}

/// The lease in the columns of fence, epoch and end.
fn lease(row: &Row<'_>, [fence, epoch, until]: [usize; 3]) -> Read<Option<Lease>> {
    match (number(row, fence)?, number(row, epoch)?, moment(row, until)?) {
        (Some(fence), Some(epoch), Some(until)) => Ok(Some(Lease { fence, epoch, until })),
        (None, None, None) => Ok(None),
        _ => Err(meaningless(row, fence, "a lease without all its parts")),
    }
}

pub(super) fn event(row: &Row<'_>) -> Read<EventRow> {
    Ok(EventRow {
        seq: EventSeq(row.get(at!(EVENTS, "seq"))?),
        key: row.get(at!(EVENTS, "key"))?,
        event_type: row.get(at!(EVENTS, "event_type"))?,
        subject: row.get(at!(EVENTS, "subject"))?,
        workspace: row.get(at!(EVENTS, "workspace"))?,
        model: row.get(at!(EVENTS, "model"))?,
        version: row.get(at!(EVENTS, "version"))?,
        time: row.get(at!(EVENTS, "time"))?,
        release: transparent(row, at!(EVENTS, "release_key"))?,
        body: body(row, at!(EVENTS, "body"))?,
        unwanted: row.get(at!(EVENTS, "unwanted"))?,
        received_at: Timestamp::from_unix_ms(row.get(at!(EVENTS, "received_at"))?),
    })
}

pub(super) fn unreadable(row: &Row<'_>) -> Read<UnreadableRow> {
    Ok(UnreadableRow {
        digest: row.get(at!(UNREADABLE, "digest"))?,
        body: body(row, at!(UNREADABLE, "body"))?
            .ok_or_else(|| meaningless(row, at!(UNREADABLE, "body"), "no body"))?,
        why: row.get(at!(UNREADABLE, "why"))?,
        received_at: Timestamp::from_unix_ms(row.get(at!(UNREADABLE, "received_at"))?),
    })
}

pub(super) fn target(row: &Row<'_>) -> Read<Target> {
    Ok(Target {
        key: row.get(at!(TARGETS, "key"))?,
        principal: row.get(at!(TARGETS, "principal"))?,
        repository: row.get(at!(TARGETS, "repository"))?,
        event_type: row.get(at!(TARGETS, "event_type"))?,
        asked_epoch: number(row, at!(TARGETS, "asked_epoch"))?,
        checked_epoch: number(row, at!(TARGETS, "checked_epoch"))?,
        check: row.get(at!(TARGETS, "found"))?,
        check_due_at: moment(row, at!(TARGETS, "check_due_at"))?,
        shows_relay_id: row.get(at!(TARGETS, "shows_relay_id"))?,
        hides_relay_id: row.get(at!(TARGETS, "hides_relay_id"))?,
        block: closing(row, at!(TARGETS, "block_why"), at!(TARGETS, "block_since"))?,
        pause: closing(row, at!(TARGETS, "pause_why"), at!(TARGETS, "pause_since"))?,
        blocked_ms: row.get(at!(TARGETS, "blocked_ms"))?,
    })
}

pub(super) fn principal(row: &Row<'_>) -> Read<Principal> {
    Ok(Principal {
        name: row.get(at!(PRINCIPALS, "name"))?,
        closed_until: moment(row, at!(PRINCIPALS, "closed_until"))?,
        block: closing(row, at!(PRINCIPALS, "block_why"), at!(PRINCIPALS, "block_since"))?,
        blocked_ms: row.get(at!(PRINCIPALS, "blocked_ms"))?,
    })
}

pub(super) fn history(row: &Row<'_>) -> Read<HistoryRow> {
    let entry = json(row, at!(HISTORY, "entry"))?;
    history_without_entry(
        row,
        entry.ok_or_else(|| meaningless(row, at!(HISTORY, "entry"), "no entry"))?,
    )
}

pub(super) fn history_without_entry(row: &Row<'_>, entry: Entry) -> Read<HistoryRow> {
    Ok(HistoryRow {
        seq: row.get(at!(HISTORY, "seq"))?,
        at: Timestamp::from_unix_ms(row.get(at!(HISTORY, "at"))?),
        event: row.get::<_, Option<i64>>(at!(HISTORY, "event"))?.map(EventSeq),
        item: row.get::<_, Option<i64>>(at!(HISTORY, "item"))?.map(ItemId),
        entry,
    })
}

pub(super) fn meta(row: &Row<'_>) -> Read<Meta> {
    let part = |column| number(row, column).map(Option::unwrap_or_default);
    Ok(Meta {
        epoch: part(at!(META, "epoch"))?,
        fence: part(at!(META, "fence"))?,
        clock: Timestamp::from_unix_ms(row.get(at!(META, "clock"))?),
        n_unreadable: part(at!(META, "n_unreadable"))?,
        pause: closing(row, at!(META, "pause_why"), at!(META, "pause_since"))?,
    })
}

fn closing(row: &Row<'_>, why: usize, since: usize) -> Read<Option<Block>> {
    match (row.get(why)?, moment(row, since)?) {
        (Some(why), Some(since)) => Ok(Some(Block { why, since })),
        (None, None) => Ok(None),
        _ => Err(meaningless(row, why, "a closing without all its parts")),
    }
}

pub(super) fn release(row: &Row<'_>) -> Read<ReleaseRow> {
    let instant = (
        row.get::<_, Option<i64>>(at!(RELEASES, "registered_s"))?,
        row.get::<_, Option<u32>>(at!(RELEASES, "registered_n"))?,
    );
    Ok(ReleaseRow {
        key: transparent(row, at!(RELEASES, "dispatch_key"))?,
        generation: row.get(at!(RELEASES, "generation"))?,
        item: ItemId(row.get(at!(RELEASES, "item"))?),
        registered: instant.0.zip(instant.1),
        forgotten: row.get(at!(RELEASES, "forgotten"))?,
    })
}

pub(super) fn lane_mark(row: &Row<'_>) -> Read<(String, Place)> {
    let mark =
        json(row, at!(LANES, "mark"))?.ok_or_else(|| meaningless(row, at!(LANES, "mark"), "no mark"))?;
    Ok((row.get(at!(LANES, "lane"))?, mark))
}

pub(super) fn attempt(row: &Row<'_>) -> Read<Attempt> {
    Ok(Attempt {
        fence: number(row, at!(ATTEMPTS, "fence"))?.unwrap_or_default(),
        item: ItemId(row.get(at!(ATTEMPTS, "item"))?),
        principal: row.get(at!(ATTEMPTS, "principal"))?,
        started_at: Timestamp::from_unix_ms(row.get(at!(ATTEMPTS, "started_at"))?),
        ended_at: moment(row, at!(ATTEMPTS, "ended_at"))?,
    })
}

pub(super) fn waiting(row: &Row<'_>) -> Read<Waiting> {
    Ok(Waiting {
        target: row.get(at!(WAITING, "target"))?,
        n: number(row, at!(WAITING, "n"))?.unwrap_or_default(),
        n_held: number(row, at!(WAITING, "n_held"))?.unwrap_or_default(),
        earliest_due: Timestamp::from_unix_ms(row.get(at!(WAITING, "earliest_due"))?),
        latest_due: Timestamp::from_unix_ms(row.get(at!(WAITING, "latest_due"))?),
    })
}

pub(super) fn parked(row: &Row<'_>) -> Read<Parked> {
    Ok(Parked {
        n: number(row, at!(PARKED, "n"))?.unwrap_or_default(),
        oldest: moment(row, at!(PARKED, "oldest"))?,
        n_lanes: number(row, at!(PARKED, "n_lanes"))?.unwrap_or_default(),
    })
}

pub(super) fn moment(row: &Row<'_>, column: usize) -> Read<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_unix_ms))
}

/// A count or number that is never negative.
fn number(row: &Row<'_>, column: usize) -> Read<Option<u64>> {
    let stored: Option<i64> = row.get(column)?;
    stored
        .map(|value| u64::try_from(value).map_err(|_| meaningless(row, column, "a negative number")))
        .transpose()
}

/// Text that was JSON when it was stored.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Read<Option<T>> {
    let Some(text) = row
        .get_ref(column)?
        .as_str_or_null()
        .map_err(|error| wrong_type(column, error))?
    else {
        return Ok(None);
    };
    // The message of serde_json may quote what it found; its category says enough.
    serde_json::from_str(text).map(Some).map_err(|error| {
        meaningless(
            row,
            column,
            &format!("JSON that cannot be read ({:?})", error.classify()),
        )
    })
}

/// A newtype over text that only serde can build from outside its crate.
fn transparent<T: for<'de> Deserialize<'de>>(row: &Row<'_>, column: usize) -> Read<T> {
    let text = row
        .get_ref(column)?
        .as_str()
        .map_err(|error| wrong_type(column, error))?;
    let reader: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    T::deserialize(reader).map_err(|_| meaningless(row, column, "text that is no key"))
}

/// Bytes verbatim, which were UTF-8 when they came.
fn body(row: &Row<'_>, column: usize) -> Read<Option<String>> {
    let bytes: Option<Vec<u8>> = row.get(column)?;
    bytes
        .map(|bytes| {
            String::from_utf8(bytes).map_err(|_| meaningless(row, column, "bytes that are not UTF-8"))
        })
        .transpose()
}

fn meaningless(row: &Row<'_>, column: usize, why: &str) -> rusqlite::Error {
    let name = row.as_ref().column_name(column).unwrap_or("a column");
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, format!("{name}: {why}").into())
}

fn wrong_type(column: usize, error: FromSqlError) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

/// A value as JSON text.
pub(super) fn to_json<T: Serialize>(value: &T) -> Stored<String> {
    serde_json::to_string(value)
        .map_err(|error| corrupt(format!("a value cannot be written as JSON: {error}")))
}

/// A number as SQLite stores it.
pub(super) fn to_i64(number: u64) -> Stored<i64> {
    i64::try_from(number).map_err(|_| corrupt(format!("the number {number} is larger than SQLite can store")))
}

/// A limit as SQLite takes it.
pub(super) fn to_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn ok_the_tables_have_these_columns_in_this_order() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&crate::schema::STEPS.concat()).unwrap();
        let check = |table: &str, columns: &[&str]| {
            let statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let found: Vec<&str> = statement.column_names().collect();
            assert_eq!(found, columns, "{table}");
        };
        check("items", &ITEMS);
        check("events", &EVENTS);
        check("targets", &TARGETS);
        check("tracks", &TRACKS);
        check("principals", &PRINCIPALS);
        check("releases", &RELEASES);
        check("lanes", &LANES);
        check("attempts", &ATTEMPTS);
    }

    #[test]
    fn ok_a_column_is_found_by_its_whole_name() {
        assert_eq!(at!(ITEMS, "id"), 0);
        assert_eq!(at!(ITEMS, "lane"), 11);
        assert_eq!(at!(ITEMS, "settled_at"), 30);
        assert_eq!(at!(ATTEMPTS, "ended_at"), 4);
    }
}
