//! **Here**: [`history_makes_items`]: what the history tells, replayed, is what the items are.
//! **Not here**: clauses, all of which end with it.
//! **Reads**: `journal::state`, the one transition function.
//! **Source**: DESIGN section 8, invariant 8.
#![expect(
    clippy::panic,
    reason = "a history that cannot be replayed says so by panicking, as tests do"
)]

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::Journal;
use crate::journal::item::{Item, ItemId, Phase};
use crate::journal::scan::{Entry, HistoryRow, ItemFilter, Page, ScanQuery};
use crate::journal::state::{Step, next};

/// How much is read at once.
const PAGE: usize = 1_000;

/// Replays the whole history and compares every item with what is stored, except who works on it; and, after a jump of
/// the clock, its moments. Each item must have had one verdict, and one more only where a person refused what was parked.
/// An item that was compacted, and has no snapshot any more, need not have a history.
///
/// # Panics
/// When it cannot be replayed, or makes something else; `who` is named then.
pub async fn history_makes_items(who: &str, journal: &dyn Journal, clock_jumped: bool) {
    let mut replayed: BTreeMap<ItemId, (Item, Vec<&'static str>)> = BTreeMap::new();
    let mut never_began = BTreeSet::new();
    let mut latest = 0;
    loop {
        let rows = match journal
            .scan(ScanQuery::History {
                after: latest,
                item: None,
                limit: PAGE,
            })
            .await
        {
            Ok(Page::History(rows)) => rows,
            other => panic!("{who}: the history cannot be read: {other:?}"),
        };
        if rows.is_empty() {
            break;
        }
        for row in rows {
            assert!(
                row.seq > latest,
                "{who}: row {} of the history comes after row {latest}",
                row.seq
            );
            latest = row.seq;
            never_began.extend(replay(who, &mut replayed, row));
        }
    }
    let mut after = ItemId(0);
    loop {
        let query = ScanQuery::Items {
            after,
            filter: ItemFilter::default(),
            limit: PAGE,
        };
        let items = match journal.scan(query).await {
            Ok(Page::Items(items)) => items,
            other => panic!("{who}: the items cannot be read: {other:?}"),
        };
        let Some(last) = items.last() else { break };
        after = last.id;
        for item in items {
            if item.snapshot.is_empty() && item.phase == Phase::Settled {
                never_began.remove(&item.id);
                replayed.remove(&item.id);
                continue;
            }
            compare(who, item, &mut replayed, clock_jumped);
        }
    }
    assert!(
        never_began.is_empty(),
        "{who}: these take steps before they begin: {never_began:?}"
    );
    assert!(
        replayed.is_empty(),
        "{who}: these began, and are not there: {:?}",
        replayed.keys()
    );
}

/// One row; gives the item that takes a step without having begun.
fn replay(
    who: &str,
    replayed: &mut BTreeMap<ItemId, (Item, Vec<&'static str>)>,
    row: HistoryRow,
) -> Option<ItemId> {
    match (row.item, row.entry) {
        (Some(id), Entry::Began { item }) => {
            assert_eq!(id, item.id, "{who}: an item begins under its own number");
            assert!(
                replayed.insert(id, (*item, Vec::new())).is_none(),
                "{who}: item {} begins twice",
                id.0
            );
        }
        (Some(id), Entry::Stepped { step }) => {
            let Some((item, verdicts)) = replayed.get_mut(&id) else {
                return Some(id);
            };
            let was = item.phase;
            match next(item, &step, row.at) {
                Ok(after) => *item = after,
                Err(error) => panic!("{who}: the history cannot be replayed: {error}"),
            }
            let of_a_person = matches!(step, Step::Refuse { .. }) && was == Phase::Settled;
            if item.phase == Phase::Settled && (was != Phase::Settled || of_a_person) {
                verdicts.push(step.as_str());
            }
        }
        _ => {}
    }
    None
}

fn compare(
    who: &str,
    item: Item,
    replayed: &mut BTreeMap<ItemId, (Item, Vec<&'static str>)>,
    clock_jumped: bool,
) {
    let (id, settled) = (item.id.0, item.phase == Phase::Settled);
    assert_eq!(
        item.verdict.is_some(),
        settled,
        "{who}: item {id} has a verdict when it is settled"
    );
    assert_eq!(
        item.settled_at.is_some(),
        settled,
        "{who}: item {id} says when it was settled"
    );
    let Some((mut again, verdicts)) = replayed.remove(&item.id) else {
        panic!("{who}: item {id} never began")
    };
    match (settled, verdicts.as_slice()) {
        (false, []) | (true, [_] | ["park", "refuse"]) => {}
        (_, verdicts) => panic!("{who}: item {id} had these verdicts: {verdicts:?}"),
    }
    if clock_jumped {
        (again.due_at, again.unknown_since, again.retry_since) =
            (item.due_at, item.unknown_since, item.retry_since);
    }
    again.lease = None;
    assert_eq!(
        again,
        Item { lease: None, ..item },
        "{who}: the history of item {id} makes it what it is"
    );
}
