//! **Here**: what `JournalAdmin` does over [`Rows`]: compaction, export and import as JSON lines.
//! **Not here**: the transaction (engines), backups (a file's matter).
//! **Reads**: `item`, `scan` for the rows; engines call it.
//! **Source**: DESIGN section 5, `JournalAdmin`; section 6, what is never compacted.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::journal::JournalError;
use crate::journal::admin::Compacted;
use crate::journal::item::{
    Attempt, Block, EventRow, EventSeq, Item, ItemId, Meta, Principal, ReleaseRow, Target, UnreadableRow,
};
use crate::journal::rows::{ReadRows, Rows};
use crate::journal::scan::{Entry, HistoryRow, ItemFilter};
use crate::journal::track::Track;
use crate::journal::verbs::line;
use crate::lane::Place;

/// The form of an export: another one is not read.
const FORMAT: u32 = 1;
/// How many rows are loaded at a time.
const PAGE: usize = 1_000;
/// The longest line that is read: a body of the largest delivery, escaped.
const MAX_LINE_BYTES: u64 = 64 * 1024 * 1024;

/// Removes what nobody needs any more.
///
/// # Errors
/// The store failed; the engine rolls back.
pub fn compact(rows: &mut dyn Rows, before: Timestamp, limit: usize) -> Result<Compacted, JournalError> {
    let mut done = Compacted::default();
    let mut events = BTreeSet::new();
    for item in rows.old_items(before, limit)? {
        rows.strip_item(item.id)?;
        rows.remove_track(item.id)?;
        events.insert(item.event);
        done.items += 1;
    }
    for event in events {
        let filter = ItemFilter {
            event: Some(event),
            ..ItemFilter::default()
        };
        // Other routes, and replays, have items of the same event.
        let items = rows.items_after(ItemId(0), &filter, usize::MAX)?;
        if items.iter().all(|item| item.snapshot.is_empty()) {
            rows.strip_event(event)?;
            done.bodies += 1;
        }
    }
    done.unwanted = rows.remove_unwanted(before, limit)?;
    done.history = rows.remove_history_of_nothing(before, limit)?;
    Ok(done)
}

/// One line of an export.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "row", rename_all = "snake_case")]
enum Line {
    /// The first.
    Format {
        format: u32,
    },
    Meta(Meta),
    Principal(Principal),
    Target(Target),
    Event(EventRow),
    Unreadable(UnreadableRow),
    Item(Box<Item>),
    Release(ReleaseRow),
    Lane {
        lane: String,
        mark: Place,
    },
    Attempt(Attempt),
    Track(Track),
    History(HistoryRow),
    /// The last: how many came before it.
    End {
        lines: u64,
    },
}

/// Writes everything as JSON lines; gives how many.
///
/// # Errors
/// The store failed, or what is written to.
pub fn export(rows: &mut dyn ReadRows, to: &mut dyn Write) -> Result<u64, JournalError> {
    let mut out = Lines { to, n: 0 };
    out.put(&Line::Format { format: FORMAT })?;
    out.put(&Line::Meta(rows.meta()?))?;
    for row in rows.principals()? {
        out.put(&Line::Principal(row))?;
    }
    for row in rows.targets()? {
        out.put(&Line::Target(row))?;
    }
    for row in rows.unreadable()? {
        out.put(&Line::Unreadable(row))?;
    }
    let mut after = EventSeq(0);
    while let Some(last) = out.page(rows.events_after(after, PAGE)?, |row| row.seq, Line::Event)? {
        after = last;
    }
    let (mut after, all) = (ItemId(0), ItemFilter::default());
    let line = |item| Line::Item(Box::new(item));
    while let Some(last) = out.page(rows.items_after(after, &all, PAGE)?, |row: &Item| row.id, line)? {
        after = last;
    }
    let mut after = None;
    while let Some(last) = out.page(
        rows.releases_after(after.as_ref(), PAGE)?,
        |row| row.key.clone(),
        Line::Release,
    )? {
        after = Some(last);
    }
    let mut after: Option<String> = None;
    let line = |(lane, mark)| Line::Lane { lane, mark };
    while let Some(last) = out.page(
        rows.lane_marks_after(after.as_deref(), PAGE)?,
        |(lane, _): &(String, Place)| lane.clone(),
        line,
    )? {
        after = Some(last);
    }
    let mut after = 0;
    while let Some(last) = out.page(rows.attempts_after(after, PAGE)?, |row| row.fence, Line::Attempt)? {
        after = last;
    }
    let mut after = ItemId(0);
    while let Some(last) = out.page(rows.tracks_after(after, None, PAGE)?, |row| row.item, Line::Track)? {
        after = last;
    }
    let mut after = 0;
    while let Some(last) = out.page(
        rows.history_after(after, None, PAGE)?,
        |row| row.seq,
        Line::History,
    )? {
        after = last;
    }
    let lines = out.n;
    out.put(&Line::End { lines })?;
    out.to.flush().map_err(|error| not_written(&error))?;
    Ok(out.n)
}

struct Lines<'w> {
    to: &'w mut dyn Write,
    n: u64,
}

impl Lines<'_> {
    fn put(&mut self, line: &Line) -> Result<(), JournalError> {
        let mut text = serde_json::to_string(line).map_err(|error| JournalError::Corrupt {
            why: format!("a row cannot be written as JSON ({:?})", error.classify()),
        })?;
        text.push('\n');
        self.n += 1;
        self.to
            .write_all(text.as_bytes())
            .map_err(|error| not_written(&error))
    }

    /// Puts a page, and gives the place of its last row; none where there was no row.
    fn page<T, K>(
        &mut self,
        rows: Vec<T>,
        key: impl Fn(&T) -> K,
        line: impl Fn(T) -> Line,
    ) -> Result<Option<K>, JournalError> {
        let last = rows.last().map(key);
        for row in rows {
            self.put(&line(row))?;
        }
        Ok(last)
    }
}

fn not_written(error: &std::io::Error) -> JournalError {
    JournalError::Unavailable {
        why: format!("the export cannot be written: {}", error.kind()),
    }
}

/// Takes over an export into a journal that holds nothing, and pauses it; gives the number of lines.
///
/// # Errors
/// The journal holds something; a line cannot be read, or the last is missing; or the store failed. The engine rolls back.
pub fn import(rows: &mut dyn Rows, now: Timestamp, from: &mut dyn BufRead) -> Result<u64, JournalError> {
    refuse_unless_empty(rows)?;
    let (mut n, mut text) = (0_u64, String::new());
    loop {
        text.clear();
        n += 1;
        match (read_line(from, n, &mut text)?, n) {
            (Line::Format { format: FORMAT }, 1) => {}
            (Line::Format { format }, 1) => {
                let why = format!("the export is of form {format}, and {FORMAT} is read");
                return Err(refused(n, &why));
            }
            (Line::Meta(meta), 2) => {
                let own = rows.meta()?;
                rows.put_meta(&taken_over(&own, &meta, now))?;
            }
            (_, 1) => return Err(refused(n, "an export begins with its form")),
            (_, 2) => return Err(refused(n, "an export goes on with the journal itself")),
            (Line::Format { .. } | Line::Meta(_), _) => {
                return Err(refused(n, "another export begins here"));
            }
            (Line::End { lines }, _) if lines.saturating_add(1) == n => break,
            (Line::End { lines }, _) => {
                let why = format!("{lines} lines were written, and {} came", n - 1);
                return Err(refused(n, &why));
            }
            (line, _) => restore(rows, line).map_err(|error| match error {
                JournalError::Corrupt { why } => refused(n, &why),
                other => other,
            })?,
        }
    }
    if from.fill_buf().is_ok_and(|more| !more.is_empty()) {
        return Err(refused(n + 1, "something comes after the last line"));
    }
    rows.add_history(&HistoryRow {
        seq: 0,
        at: now,
        event: None,
        item: None,
        entry: Entry::Paused {
            scope: "journal".to_owned(),
            name: "everything".to_owned(),
            why: format!("imported, {n} lines"),
        },
    })?;
    Ok(n)
}

/// What it knows of a clock and of an owner's time is all that an empty journal may hold.
fn refuse_unless_empty(rows: &mut dyn Rows) -> Result<(), JournalError> {
    let is_empty = rows.events_after(EventSeq(0), 1)?.is_empty()
        && rows.unreadable()?.is_empty()
        && rows.targets()?.is_empty()
        && rows.principals()?.is_empty()
        && rows.releases_after(None, 1)?.is_empty()
        && rows.history_after(0, None, 1)?.is_empty();
    if is_empty {
        return Ok(());
    }
    Err(JournalError::Refused {
        why: "a journal that holds something takes no import".to_owned(),
    })
}

/// One whole line, which stays in `text`.
fn read_line(from: &mut dyn BufRead, n: u64, text: &mut String) -> Result<Line, JournalError> {
    let mut line = std::io::Read::take(&mut *from, MAX_LINE_BYTES);
    line.read_line(text)
        .map_err(|error| refused(n, &format!("it cannot be read: {}", error.kind())))?;
    if !text.ends_with('\n') {
        let is_long = u64::try_from(text.len()).is_ok_and(|len| len >= MAX_LINE_BYTES);
        let why = if is_long {
            "it is longer than any line of an export"
        } else {
            "the export ends here, and its last line is missing"
        };
        return Err(refused(n, why));
    }
    // What serde_json says may quote what it found.
    serde_json::from_str(text)
        .map_err(|error| refused(n, &format!("it is no row of an export ({:?})", error.classify())))
}

/// The imported journal as a whole: every lease and fence of the one that was exported has ended, and nothing is sent.
fn taken_over(own: &Meta, exported: &Meta, now: Timestamp) -> Meta {
    Meta {
        epoch: exported.epoch.max(own.epoch).saturating_add(1),
        fence: exported.fence.max(own.fence),
        pause: Some(Block {
            why: "imported: another relay may still send the same".to_owned(),
            since: now,
        }),
        ..exported.clone()
    }
}

fn refused(n: u64, why: &str) -> JournalError {
    JournalError::Refused {
        why: format!("line {n} of the import: {why}"),
    }
}

fn corrupt(why: impl Into<String>) -> JournalError {
    JournalError::Corrupt { why: why.into() }
}

/// Numbers are given from 1 on; after the largest there has to be another.
fn is_number(n: i64) -> Result<(), JournalError> {
    if (1..i64::MAX / 2).contains(&n) {
        return Ok(());
    }
    Err(corrupt(format!("{n} is no number that a journal gives")))
}

fn restore(rows: &mut dyn Rows, line: Line) -> Result<(), JournalError> {
    match line {
        Line::Principal(row) => rows.put_principal(&row),
        Line::Target(row) => rows.put_target(&row),
        Line::Unreadable(row) => rows.add_unreadable(&row).map(drop),
        Line::Event(row) => {
            is_number(row.seq.0)?;
            if rows.event(row.seq)?.is_some() || rows.find_event(&row.key)?.is_some() {
                return Err(corrupt("the event is there already"));
            }
            rows.restore_event(&row)
        }
        Line::Item(row) => {
            is_number(row.id.0)?;
            let filter = ItemFilter {
                relay_id: Some(row.relay_id.to_string()),
                ..ItemFilter::default()
            };
            if rows.item(row.id)?.is_some() || !rows.items_after(ItemId(0), &filter, 1)?.is_empty() {
                return Err(corrupt("the item is there already"));
            }
            is_there(rows, Some(row.event), None)?;
            rows.target(&row.target)?
                .ok_or_else(|| corrupt("it names a target, which did not come before it"))?;
            line::restore(rows, &row)
        }
        Line::Release(row) => {
            is_there(rows, None, Some(row.item))?;
            rows.put_release(&row)
        }
        Line::Lane { lane, mark } => rows.put_lane_mark(&lane, &mark),
        Line::Attempt(row) => {
            is_there(rows, None, Some(row.item))?;
            rows.add_attempt(&row)
        }
        Line::Track(row) => {
            is_there(rows, None, Some(row.item))?;
            rows.target(&row.target)?
                .ok_or_else(|| corrupt("it names a target, which did not come before it"))?;
            rows.put_track(&row)
        }
        Line::History(row) => {
            is_number(row.seq)?;
            is_there(rows, row.event, row.item)?;
            if rows
                .history_after(row.seq - 1, None, 1)?
                .iter()
                .any(|known| known.seq == row.seq)
            {
                return Err(corrupt("the row of history is there already"));
            }
            rows.restore_history(&row)
        }
        Line::Format { .. } | Line::Meta(_) | Line::End { .. } => Ok(()),
    }
}

/// Whether what a line names came before it.
fn is_there(rows: &mut dyn Rows, event: Option<EventSeq>, item: Option<ItemId>) -> Result<(), JournalError> {
    if let Some(event) = event {
        rows.event(event)?.ok_or_else(|| {
            corrupt(format!(
                "it names event {}, which did not come before it",
                event.0
            ))
        })?;
    }
    if let Some(item) = item {
        rows.item(item)?
            .ok_or_else(|| corrupt(format!("it names item {}, which did not come before it", item.0)))?;
    }
    Ok(())
}
