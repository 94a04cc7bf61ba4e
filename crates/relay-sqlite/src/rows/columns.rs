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
use relay_core::journal::scan::{HistoryRow, Parked, Waiting};
use relay_core::lane::Place;
use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type};
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};

use crate::error::corrupt;

type Read<T> = rusqlite::Result<T>;

pub(super) fn item(row: &Row<'_>) -> Read<Item> {
    let lease_parts = (
        number(row, "lease_fence")?,
        number(row, "lease_epoch")?,
        moment(row, "lease_until")?,
    );
    let lease = match lease_parts {
        (Some(fence), Some(epoch), Some(until)) => Some(Lease { fence, epoch, until }),
        (None, None, None) => None,
        _ => return Err(meaningless(row, "lease_fence", "a lease without all its parts")),
    };
    let retry_since = match (moment(row, "retry_at")?, row.get("retry_blocked")?) {
        (Some(at), Some(blocked_ms)) => Some(RetryAnchor { at, blocked_ms }),
        _ => None,
    };
    let word: String = row.get("phase")?;
    Ok(Item {
        id: ItemId(row.get("id")?),
        relay_id: transparent(row, "relay_id")?,
        key: transparent(row, "dispatch_key")?,
        generation: row.get("generation")?,
        event: EventSeq(row.get("event")?),
        route: row.get("route")?,
        snapshot: row.get("snapshot")?,
        policy: json(row, "policy")?.ok_or_else(|| meaningless(row, "policy", "no policy"))?,
        target: row.get("target")?,
        principal: row.get("principal")?,
        lane: row.get("lane")?,
        place: json(row, "place")?,
        allow_older: row.get("allow_older")?,
        phase: Phase::parse(&word).ok_or_else(|| meaningless(row, "phase", "a phase that is not known"))?,
        verdict: json(row, "verdict")?,
        due_at: Timestamp::from_unix_ms(row.get("due_at")?),
        lease,
        n_attempts: row.get("n_attempts")?,
        n_not_sent: row.get("n_not_sent")?,
        retry_since,
        unknown_since: moment(row, "unknown_since")?,
        n_looks: row.get("n_looks")?,
        n_resends: row.get("n_resends")?,
        holds_lane: row.get("holds_lane")?,
        created_at: Timestamp::from_unix_ms(row.get("created_at")?),
        settled_at: moment(row, "settled_at")?,
    })
}

pub(super) fn event(row: &Row<'_>) -> Read<EventRow> {
    Ok(EventRow {
        seq: EventSeq(row.get("seq")?),
        key: row.get("key")?,
        event_type: row.get("event_type")?,
        subject: row.get("subject")?,
        workspace: row.get("workspace")?,
        model: row.get("model")?,
        version: row.get("version")?,
        time: row.get("time")?,
        release: transparent(row, "release_key")?,
        body: body(row, "body")?,
        unwanted: row.get("unwanted")?,
        received_at: Timestamp::from_unix_ms(row.get("received_at")?),
    })
}

pub(super) fn unreadable(row: &Row<'_>) -> Read<UnreadableRow> {
    Ok(UnreadableRow {
        digest: row.get("digest")?,
        body: body(row, "body")?.ok_or_else(|| meaningless(row, "body", "no body"))?,
        why: row.get("why")?,
        received_at: Timestamp::from_unix_ms(row.get("received_at")?),
    })
}

pub(super) fn target(row: &Row<'_>) -> Read<Target> {
    Ok(Target {
        key: row.get("key")?,
        principal: row.get("principal")?,
        repository: row.get("repository")?,
        event_type: row.get("event_type")?,
        asked_epoch: number(row, "asked_epoch")?,
        checked_epoch: number(row, "checked_epoch")?,
        check: row.get("found")?,
        check_due_at: moment(row, "check_due_at")?,
        shows_relay_id: row.get("shows_relay_id")?,
        block: block(row)?,
        pause: pause(row)?,
        blocked_ms: row.get("blocked_ms")?,
    })
}

pub(super) fn principal(row: &Row<'_>) -> Read<Principal> {
    Ok(Principal {
        name: row.get("name")?,
        closed_until: moment(row, "closed_until")?,
        block: block(row)?,
        blocked_ms: row.get("blocked_ms")?,
    })
}

pub(super) fn history(row: &Row<'_>) -> Read<HistoryRow> {
    Ok(HistoryRow {
        seq: row.get("seq")?,
        at: Timestamp::from_unix_ms(row.get("at")?),
        event: row.get::<_, Option<i64>>("event")?.map(EventSeq),
        item: row.get::<_, Option<i64>>("item")?.map(ItemId),
        entry: json(row, "entry")?.ok_or_else(|| meaningless(row, "entry", "no entry"))?,
    })
}

pub(super) fn meta(row: &Row<'_>) -> Read<Meta> {
    let part = |name| number(row, name).map(Option::unwrap_or_default);
    Ok(Meta {
        epoch: part("epoch")?,
        fence: part("fence")?,
        clock: Timestamp::from_unix_ms(row.get("clock")?),
        n_unreadable: part("n_unreadable")?,
        pause: pause(row)?,
    })
}

fn block(row: &Row<'_>) -> Read<Option<Block>> {
    closing(row, "block_why", "block_since")
}

fn pause(row: &Row<'_>) -> Read<Option<Block>> {
    closing(row, "pause_why", "pause_since")
}

fn closing(row: &Row<'_>, why: &str, since: &str) -> Read<Option<Block>> {
    match (row.get(why)?, moment(row, since)?) {
        (Some(why), Some(since)) => Ok(Some(Block { why, since })),
        (None, None) => Ok(None),
        _ => Err(meaningless(row, why, "a closing without all its parts")),
    }
}

pub(super) fn release(row: &Row<'_>) -> Read<ReleaseRow> {
    let instant = (
        row.get::<_, Option<i64>>("registered_s")?,
        row.get::<_, Option<u32>>("registered_n")?,
    );
    Ok(ReleaseRow {
        key: transparent(row, "dispatch_key")?,
        generation: row.get("generation")?,
        item: ItemId(row.get("item")?),
        registered: instant.0.zip(instant.1),
        forgotten: row.get("forgotten")?,
    })
}

pub(super) fn lane_mark(row: &Row<'_>) -> Read<(String, Place)> {
    let mark = json(row, "mark")?.ok_or_else(|| meaningless(row, "mark", "no mark"))?;
    Ok((row.get("lane")?, mark))
}

pub(super) fn attempt(row: &Row<'_>) -> Read<Attempt> {
    Ok(Attempt {
        fence: number(row, "fence")?.unwrap_or_default(),
        item: ItemId(row.get("item")?),
        principal: row.get("principal")?,
        started_at: Timestamp::from_unix_ms(row.get("started_at")?),
        ended_at: moment(row, "ended_at")?,
    })
}

pub(super) fn waiting(row: &Row<'_>) -> Read<Waiting> {
    Ok(Waiting {
        target: row.get("target")?,
        n: number(row, "n")?.unwrap_or_default(),
        earliest_due: Timestamp::from_unix_ms(row.get("earliest_due")?),
        latest_due: Timestamp::from_unix_ms(row.get("latest_due")?),
    })
}

pub(super) fn parked(row: &Row<'_>) -> Read<Parked> {
    Ok(Parked {
        n: number(row, "n")?.unwrap_or_default(),
        oldest: moment(row, "oldest")?,
        n_lanes: number(row, "n_lanes")?.unwrap_or_default(),
    })
}

pub(super) fn moment(row: &Row<'_>, column: &str) -> Read<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_unix_ms))
}

/// A count or number that is never negative.
fn number(row: &Row<'_>, column: &str) -> Read<Option<u64>> {
    let stored: Option<i64> = row.get(column)?;
    stored
        .map(|value| u64::try_from(value).map_err(|_| meaningless(row, column, "a negative number")))
        .transpose()
}

/// Text that was JSON when it was stored.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Read<Option<T>> {
    let Some(text) = row
        .get_ref(column)?
        .as_str_or_null()
        .map_err(|error| wrong_type(row, column, error))?
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
fn transparent<T: for<'de> Deserialize<'de>>(row: &Row<'_>, column: &str) -> Read<T> {
    let text = row
        .get_ref(column)?
        .as_str()
        .map_err(|error| wrong_type(row, column, error))?;
    let reader: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    T::deserialize(reader).map_err(|_| meaningless(row, column, "text that is no key"))
}

/// Bytes verbatim, which were UTF-8 when they came.
fn body(row: &Row<'_>, column: &str) -> Read<Option<String>> {
    let bytes: Option<Vec<u8>> = row.get(column)?;
    bytes
        .map(|bytes| {
            String::from_utf8(bytes).map_err(|_| meaningless(row, column, "bytes that are not UTF-8"))
        })
        .transpose()
}

fn meaningless(row: &Row<'_>, column: &str, why: &str) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or(usize::MAX);
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, format!("{column}: {why}").into())
}

fn wrong_type(row: &Row<'_>, column: &str, error: FromSqlError) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or(usize::MAX);
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error))
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
