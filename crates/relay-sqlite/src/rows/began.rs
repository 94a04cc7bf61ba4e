//! **Here**: how the history says that an item began without a second copy of the item.
//! **Not here**: the rest of the history (`read`, `write`).
//! **Reads**: `columns` before it; `read` and `write` use it.
//! **Source**: our own: the copy was a third of what accepting an event wrote.

use relay_core::journal::item::{Item, ItemId, Phase};
use relay_core::journal::rows::{ReadRows as _, Stored};
use relay_core::journal::scan::{Entry, HistoryRow};
use rusqlite::Row;
use rusqlite::types::Type;

use super::Tx;
use super::columns::{self, to_json};
use crate::error::corrupt;

/// Stands for an entry that says that the item of its row began.
const BEGAN: &str = r#"{"began":null}"#;

/// The text of an entry: the short one where the item that began is the one that was added last, unchanged.
pub(super) fn text_of(row: &HistoryRow, added: Option<&Item>) -> Stored<String> {
    match &row.entry {
        Entry::Began { item }
            if Some(&**item) == added
                && row.item == Some(item.id)
                && **item == new_again((**item).clone()) =>
        {
            Ok(BEGAN.to_owned())
        }
        entry => to_json(entry),
    }
}

/// A row of history, with the number of the item that began where the entry is the short one, which another stands for until then.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<(HistoryRow, Option<ItemId>)> {
    const ENTRY: usize = 4;
    if row.get_ref(ENTRY)?.as_str() != Ok(BEGAN) {
        return Ok((columns::history(row)?, None));
    }
    let row = columns::history_without_entry(row, Entry::Accepted)?;
    let Some(item) = row.item else {
        let why = "entry: an item began, and none is named".into();
        return Err(rusqlite::Error::FromSqlConversionFailure(ENTRY, Type::Text, why));
    };
    Ok((row, Some(item)))
}

impl Tx<'_> {
    /// Puts the items that began where only their numbers are.
    pub(super) fn with_items(&mut self, rows: Vec<(HistoryRow, Option<ItemId>)>) -> Stored<Vec<HistoryRow>> {
        let whole = rows.into_iter().map(|(row, began)| {
            let Some(id) = began else { return Ok(row) };
            let missing = || {
                corrupt(format!(
                    "the history says that item {} began, which is not there",
                    id.0
                ))
            };
            let item = Box::new(new_again(self.item(id)?.ok_or_else(missing)?));
            Ok(HistoryRow {
                entry: Entry::Began { item },
                ..row
            })
        });
        whole.collect()
    }
}

/// An item as it was when it was added. What never changes stays; an item that was added otherwise is written out.
fn new_again(item: Item) -> Item {
    Item {
        phase: if item.policy.wants_facts {
            Phase::Judging
        } else {
            Phase::Waiting
        },
        verdict: None,
        due_at: item.created_at,
        lease: None,
        n_attempts: 0,
        n_not_sent: 0,
        retry_since: None,
        unknown_since: None,
        n_looks: 0,
        n_resends: 0,
        holds_lane: item.lane.is_some(),
        settled_at: None,
        ..item
    }
}

#[cfg(test)]
mod tests {
    use relay_core::clock::Timestamp;
    use relay_core::testing::rows;

    use super::*;

    #[test]
    fn ok_only_an_item_that_was_just_added_is_not_written_out() {
        let check = |added: Option<&Item>, began: &Item, expect: bool| {
            let row = HistoryRow {
                seq: 0,
                at: began.created_at,
                event: Some(began.event),
                item: Some(began.id),
                entry: Entry::Began {
                    item: Box::new(began.clone()),
                },
            };
            let text = text_of(&row, added).unwrap();
            assert_eq!(text == BEGAN, expect, "{text}");
            if !expect {
                assert_eq!(text, to_json(&row.entry).unwrap());
            }
        };
        let item = new_again(rows::item(7));
        check(Some(&item), &item, true);
        check(None, &item, false);
        check(Some(&new_again(rows::item(8))), &item, false);
        let other = |change: fn(&mut Item)| {
            let mut other = item.clone();
            change(&mut other);
            other
        };
        let later = other(|item| item.due_at = Timestamp::from_unix_ms(item.due_at.as_unix_ms() + 1));
        check(Some(&later), &later, false);
        check(Some(&later), &item, false);
        let tried = other(|item| item.n_attempts = 1);
        check(Some(&tried), &tried, false);
    }
}
