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
use crate::journal::verbs::Verb;
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
pub fn compact(
    rows: &mut dyn Rows,
    now: Timestamp,
    before: Timestamp,
    limit: usize,
) -> Result<Compacted, JournalError> {
    let verb = Verb::begin(rows, now)?;
    let mut done = Compacted::default();
    let mut events = BTreeSet::new();
    for item in verb.rows.old_items(before, limit)? {
        verb.rows.strip_item(item.id)?;
        verb.rows.remove_track(item.id)?;
        events.insert(item.event);
        done.items += 1;
    }
    for event in events {
        let filter = ItemFilter {
            event: Some(event),
            ..ItemFilter::default()
        };
        // The event of a replay has more than one item.
        let items = verb.rows.items_after(ItemId(0), &filter, usize::MAX)?;
        if items.iter().all(|item| item.snapshot.is_empty()) {
            verb.rows.strip_event(event)?;
            done.bodies += 1;
        }
    }
    done.unwanted = verb.rows.remove_unwanted(before, limit)?;
    verb.end(!done.is_nothing())?;
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
    let own = rows.meta()?;
    let holds_something = !rows.events_after(EventSeq(0), 1)?.is_empty()
        || !rows.unreadable()?.is_empty()
        || !rows.targets()?.is_empty()
        || !rows.releases_after(None, 1)?.is_empty();
    if holds_something {
        return Err(JournalError::Refused {
            why: "a journal that holds something takes no import".to_owned(),
        });
    }
    let (mut n, mut text) = (0_u64, String::new());
    let refused = |n: u64, why: &str| JournalError::Refused {
        why: format!("line {n} of the import: {why}"),
    };
    loop {
        text.clear();
        n += 1;
        let mut line = std::io::Read::take(&mut *from, MAX_LINE_BYTES);
        line.read_line(&mut text)
            .map_err(|error| refused(n, &format!("it cannot be read: {}", error.kind())))?;
        if !text.ends_with('\n') {
            return Err(refused(n, "the export ends here, and its last line is missing"));
        }
        // What serde_json says may quote what it found.
        let line: Line = serde_json::from_str(&text)
            .map_err(|error| refused(n, &format!("it is no row of an export ({:?})", error.classify())))?;
        match (line, n) {
            (Line::Format { format: FORMAT }, 1) => {}
            (Line::Format { format }, 1) => {
                return Err(refused(
                    n,
                    &format!("the export is of form {format}, and {FORMAT} is read"),
                ));
            }
            (_, 1) => return Err(refused(n, "an export begins with its form")),
            (Line::Format { .. }, _) => return Err(refused(n, "another export begins here")),
            (Line::End { lines }, _) if lines + 1 == n => break,
            (Line::End { lines }, _) => {
                return Err(refused(
                    n,
                    &format!("{lines} lines were written, and {} came", n - 1),
                ));
            }
            (Line::Meta(mut meta), _) => {
                // Every lease of the one that was exported has ended.
                meta.epoch = meta.epoch.max(own.epoch).saturating_add(1);
                meta.pause = Some(Block {
                    why: "imported: another relay may still send the same".to_owned(),
                    since: now,
                });
                rows.put_meta(&meta)?;
            }
            (line, _) => restore(rows, line).map_err(|error| match error {
                JournalError::Corrupt { why } => refused(n, &why),
                other => other,
            })?,
        }
    }
    if rows.meta()?.pause.is_none() {
        return Err(refused(n, "the export has no line for the journal itself"));
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

fn restore(rows: &mut dyn Rows, line: Line) -> Result<(), JournalError> {
    let missing = |what: String| JournalError::Corrupt {
        why: format!("it names {what}, which did not come before it"),
    };
    match line {
        Line::Principal(row) => rows.put_principal(&row),
        Line::Target(row) => rows.put_target(&row),
        Line::Unreadable(row) => rows.add_unreadable(&row).map(drop),
        Line::Event(row) => {
            if rows.event(row.seq)?.is_some() || rows.find_event(&row.key)?.is_some() {
                return Err(JournalError::Corrupt {
                    why: "the event is there already".to_owned(),
                });
            }
            rows.restore_event(&row)
        }
        Line::Item(row) => {
            if rows.item(row.id)?.is_some() {
                return Err(JournalError::Corrupt {
                    why: "the item is there already".to_owned(),
                });
            }
            rows.event(row.event)?
                .ok_or_else(|| missing(format!("event {}", row.event.0)))?;
            rows.target(&row.target)?
                .ok_or_else(|| missing("a target".to_owned()))?;
            rows.restore_item(&row)
        }
        Line::Release(row) => {
            rows.item(row.item)?
                .ok_or_else(|| missing(format!("item {}", row.item.0)))?;
            rows.put_release(&row)
        }
        Line::Lane { lane, mark } => rows.put_lane_mark(&lane, &mark),
        Line::Attempt(row) => {
            rows.item(row.item)?
                .ok_or_else(|| missing(format!("item {}", row.item.0)))?;
            rows.add_attempt(&row)
        }
        Line::Track(row) => {
            rows.item(row.item)?
                .ok_or_else(|| missing(format!("item {}", row.item.0)))?;
            rows.target(&row.target)?
                .ok_or_else(|| missing("a target".to_owned()))?;
            rows.put_track(&row)
        }
        Line::History(row) => {
            if let Some(event) = row.event {
                rows.event(event)?
                    .ok_or_else(|| missing(format!("event {}", event.0)))?;
            }
            if let Some(item) = row.item {
                rows.item(item)?
                    .ok_or_else(|| missing(format!("item {}", item.0)))?;
            }
            rows.restore_history(&row)
        }
        Line::Format { .. } | Line::Meta(_) | Line::End { .. } => Ok(()),
    }
}
