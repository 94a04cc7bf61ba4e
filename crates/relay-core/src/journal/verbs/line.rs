//! **Here**: who of a lane is looked at by a claim: where every version goes out, the one that goes next, and none that stands behind it.
//! **Not here**: who goes next (`lane`), whether it is due and everything is open (`claim`).
//! **Reads**: `lane` decides; `accept`, every step and `import` keep it.
//! **Source**: our own: a claim must not become slower by what waits in a lane that is held.
//!
//! What is kept: of the items of a lane that stand in line, all but the one that goes next are noted as behind. So whatever moves the
//! front of a lane (an arrival, a step, what a person decides) notes at most three items: who was next, who is, and the one that moved.

use crate::journal::item::{Item, ItemId, Phase};
use crate::journal::rows::{Rows, Stored};
use crate::lane::{self, LaneMode};

/// Who went next in a lane before one of its items moved.
#[derive(Debug)]
pub(super) enum Before {
    /// Nothing of a line changes.
    Unmoved,
    /// It was this one, or nobody that stands in line.
    Next(Option<ItemId>),
    /// Nobody asked: the one that moves stands in no line itself.
    NotAsked,
}

/// Adds an item: behind, unless it goes next of its lane.
pub(super) fn join(rows: &mut dyn Rows, item: &Item) -> Stored<ItemId> {
    let (Some(lane), LaneMode::Every) = (item.lane.as_deref(), item.policy.lane) else {
        return rows.add_item(item, false);
    };
    let front = rows.lane_front(lane)?;
    let (was, next) = (lane::next_in_line(&front), lane::next_with(&front, item));
    let is_next = next.is_some_and(|next| std::ptr::eq(next, item));
    if let Some(was) = was.filter(|was| (is_next || next.is_none()) && lane::stands_in_line(was)) {
        rows.put_behind(was.id, true)?;
    }
    rows.add_item(item, !is_next && lane::stands_in_line(item))
}

/// What has to be known before an item takes a step.
pub(super) fn before(rows: &mut dyn Rows, item: &Item, after: &Item) -> Stored<Before> {
    let Some(lane) = item.lane.as_deref() else {
        return Ok(Before::Unmoved);
    };
    let is_same = (item.phase, item.holds_lane) == (after.phase, after.holds_lane);
    // Only what goes next is sent, and then nobody goes next.
    if is_same || is_under_way(after.phase) {
        return Ok(Before::Unmoved);
    }
    if item.policy.lane == LaneMode::Latest {
        // A lane whose route was of the other mode before may hold both.
        return Ok(match rows.any_behind(lane)? {
            true => Before::NotAsked,
            false => Before::Unmoved,
        });
    }
    if is_under_way(item.phase) {
        return Ok(Before::Next(None));
    }
    next(rows, lane).map(Before::Next)
}

/// Notes what an item moved, once it has.
pub(super) fn moved(rows: &mut dyn Rows, before: &Before, item: &Item) -> Stored<()> {
    let (Some(lane), false) = (item.lane.as_deref(), matches!(before, Before::Unmoved)) else {
        return Ok(());
    };
    let now = next(rows, lane)?;
    if lane::stands_in_line(item) && now != Some(item.id) {
        rows.put_behind(item.id, true)?;
    }
    let was = match before {
        Before::Next(was) => *was,
        Before::Unmoved | Before::NotAsked => None,
    };
    if was == now {
        return Ok(());
    }
    if let Some(was) = was.filter(|was| *was != item.id) {
        rows.put_behind(was, true)?;
    }
    now.map_or(Ok(()), |now| rows.put_behind(now, false))
}

/// Puts an item back with its own number, and notes what that moves.
pub(super) fn restore(rows: &mut dyn Rows, item: &Item) -> Stored<()> {
    let (Some(lane), LaneMode::Every, true) = (item.lane.as_deref(), item.policy.lane, item.holds_lane)
    else {
        return rows.restore_item(item);
    };
    let before = Before::Next(next(rows, lane)?);
    rows.restore_item(item)?;
    moved(rows, &before, item)
}

/// Who goes next of a lane, if it stands in line.
fn next(rows: &mut dyn Rows, lane: &str) -> Stored<Option<ItemId>> {
    let front = rows.lane_front(lane)?;
    let next = lane::next_in_line(&front).filter(|next| lane::stands_in_line(next));
    Ok(next.map(|next| next.id))
}

const fn is_under_way(phase: Phase) -> bool {
    matches!(phase, Phase::Sending | Phase::Probing)
}
