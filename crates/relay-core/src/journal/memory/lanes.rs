//! **Here**: [`Lanes`], which items hold a lane of the journal in memory, in the order in which they go, and who stands behind.
//! **Not here**: the items themselves (`mod`), who goes next (`lane`).
//! **Reads**: `mod`, which puts and takes every item here too.
//! **Source**: `Rows::lane_front`: however long a lane is, its front is found as quickly.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::journal::item::{Item, ItemId, Phase};
use crate::lane::{self, Place};

/// What holds each lane.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    of: BTreeMap<String, Lane>,
    /// What was noted as standing behind; it may name what is settled by now.
    behind: BTreeSet<ItemId>,
}

#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) holders: BTreeSet<ItemId>,
    pub(super) under_way: BTreeSet<ItemId>,
    pub(super) parked: BTreeSet<ItemId>,
    line: BTreeSet<Spot>,
}

/// An item that is judged or waits, by its place in the order of its lane.
#[derive(Debug)]
struct Spot {
    place: Option<Place>,
    id: ItemId,
}

impl Ord for Spot {
    fn cmp(&self, other: &Self) -> Ordering {
        lane::order_of((self.place.as_ref(), self.id), (other.place.as_ref(), other.id))
    }
}

impl PartialOrd for Spot {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Spot {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Spot {}

impl Lanes {
    pub(super) fn put(&mut self, item: &Item) {
        let (Some(name), true) = (&item.lane, item.holds_lane) else {
            return;
        };
        let lane = self.of.entry(name.clone()).or_default();
        lane.holders.insert(item.id);
        match item.phase {
            Phase::Sending | Phase::Probing => lane.under_way.insert(item.id),
            Phase::Settled => lane.parked.insert(item.id),
            Phase::Judging | Phase::Waiting => lane.line.insert(spot(item)),
        };
    }

    pub(super) fn take(&mut self, item: &Item) {
        let Some(name) = &item.lane else { return };
        let Some(lane) = self.of.get_mut(name) else { return };
        lane.holders.remove(&item.id);
        lane.under_way.remove(&item.id);
        lane.parked.remove(&item.id);
        lane.line.remove(&spot(item));
        if lane.holders.is_empty() {
            self.of.remove(name);
        }
    }

    pub(super) fn of(&self, lane: &str) -> Option<&Lane> {
        self.of.get(lane)
    }

    /// Notes it, and gives what was noted before.
    pub(super) fn put_behind(&mut self, id: ItemId, behind: bool) -> bool {
        if behind {
            !self.behind.insert(id)
        } else {
            self.behind.remove(&id)
        }
    }

    pub(super) fn is_behind(&self, id: ItemId) -> bool {
        self.behind.contains(&id)
    }

    pub(super) fn any_behind(&self, lane: &str) -> bool {
        let holders = self.of(lane).map(|lane| &lane.holders);
        holders.into_iter().flatten().any(|id| self.behind.contains(id))
    }
}

impl Lane {
    /// Those that are judged or wait, in the order in which they go.
    pub(super) fn in_order(&self) -> impl Iterator<Item = ItemId> + '_ {
        self.line.iter().map(|spot| spot.id)
    }
}

fn spot(item: &Item) -> Spot {
    Spot {
        place: item.place.clone(),
        id: item.id,
    }
}
