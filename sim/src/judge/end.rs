//! **Here**: what must hold when everything has come to rest: verdicts, history, keys, supersession.
//! **Not here**: what is judged on the way.
//! **Reads**: the journal's rows beside what `github` and `grid` know.
//! **Source**: DESIGN sections 2 and 6.

use std::collections::BTreeMap;

use relay_core::journal::item::{EventRow, Item, ItemId, Phase, Verdict};
use relay_core::journal::scan::{Entry, HistoryRow};
use relay_core::journal::state::Step;
use relay_core::lane::LaneMode;
use relay_core::retry::OnUnknown;

use crate::judge::Rank;
use crate::stage::State;

impl State {
    /// Everything has come to rest.
    pub(crate) fn judge_end(&mut self, events: &[EventRow], items: &[Item], history: &[HistoryRow]) {
        let mut found = Vec::new();
        self.kept(events, items, &mut found);
        self.generations(items, &mut found);
        for item in items {
            self.verdict(item, items, &mut found);
        }
        self.latest(items, &mut found);
        verdicts_of(items, history, &mut found);
        for item in items {
            self.count(match &item.verdict {
                None => "items without a verdict",
                Some(Verdict::Dispatched { .. }) => "verdicts: dispatched",
                Some(Verdict::Superseded { .. }) => "verdicts: superseded",
                Some(Verdict::Refused { .. }) => "verdicts: refused",
                Some(Verdict::Cancelled { .. }) => "verdicts: cancelled",
                Some(Verdict::Parked { .. }) => "verdicts: parked",
            });
        }
        if let Some(what) = found.into_iter().next() {
            self.broken(what);
        }
    }

    /// Whatever was answered 2xx is there, as it came, with an item on each route that wants it.
    fn kept(&self, events: &[EventRow], items: &[Item], found: &mut Vec<String>) {
        let keys: std::collections::BTreeSet<&str> = items.iter().map(|item| item.key.as_str()).collect();
        for index in &self.judge.acknowledged {
            let event = &self.plan.events[*index];
            for route in self.judge.wanted_by(event) {
                let key = self.judge.key_of(event, route);
                if !keys.contains(key.as_str()) {
                    found.push(format!(
                        "lost: {} was answered 2xx and has no item on {}",
                        event.id, self.plan.routes[route].name
                    ));
                }
            }
        }
        for row in events {
            let Some(index) = self.judge.event_of.get(&row.seq) else {
                continue;
            };
            if row.body.as_deref() != Some(self.plan.events[*index].body.as_str()) {
                found.push(format!(
                    "body: {} is not kept as it came",
                    self.plan.events[*index].id
                ));
            }
        }
    }

    /// The generations of a dispatch are 1, 2, 3 and so on.
    fn generations(&self, items: &[Item], found: &mut Vec<String>) {
        let mut of: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for item in items {
            of.entry(item.key.as_str()).or_default().push(item.generation);
        }
        for (key, generations) in of {
            let expected: Vec<u32> = (1..=u32::try_from(generations.len()).unwrap_or(0)).collect();
            if generations != expected {
                found.push(format!("generations of {key} are {generations:?}"));
            }
        }
    }

    /// A verdict says what is true.
    fn verdict(&self, item: &Item, items: &[Item], found: &mut Vec<String>) {
        let fact = self.judge.facts.get(item.relay_id.as_str());
        let requests = fact.map_or(&[][..], |fact| fact.requests.as_slice());
        let executed: Vec<usize> = requests
            .iter()
            .copied()
            .filter(|no| self.github.requests[*no].executed)
            .collect();
        let about = format!("item {} ({}), {:?}", item.id.0, item.relay_id, item.verdict);
        let window = i64::try_from(item.policy.probe_window.as_millis()).unwrap_or(0);
        match &item.verdict {
            None => found.push(format!("no verdict: {about}, {}", item.phase.as_str())),
            Some(_) if item.phase != Phase::Settled => {
                found.push(format!("no verdict: {about} is not settled"));
            }
            Some(Verdict::Dispatched { .. }) if executed.is_empty() => {
                found.push(format!("dispatched without effect: {about}"));
            }
            Some(Verdict::Cancelled { .. }) if !executed.is_empty() => {
                found.push(format!("cancelled after it took effect: {about}"));
            }
            Some(Verdict::Superseded { by }) => {
                let hidden =
                    |no: &usize| item.policy.unknown == OnUnknown::Resend || self.was_hidden(*no, window);
                if !executed.iter().all(hidden) {
                    found.push(format!("superseded after it took effect: {about}"));
                }
                if item.policy.lane == LaneMode::Every {
                    found.push(format!("superseded where every version counts: {about}"));
                }
                self.superseded_by(item, items, by, found);
            }
            Some(_) => {}
        }
    }

    /// Superseded only by something newer, or by a later generation.
    fn superseded_by(&self, item: &Item, items: &[Item], by: &str, found: &mut Vec<String>) {
        let mine = self.rank(item);
        let theirs = by
            .strip_prefix("version ")
            .and_then(|rest| rest.split(' ').next()?.parse().ok())
            .map(Rank::Version)
            .or_else(|| {
                let id = by.strip_prefix("event ")?.split(' ').next()?;
                let event = self.plan.events.iter().find(|event| event.id == id)?;
                Some(Rank::Time(event.time, event.id.clone()))
            });
        let later = items
            .iter()
            .any(|other| other.key == item.key && other.generation > item.generation);
        // The same version can come as a release of its own, such as 07 and 7.
        let equal = items
            .iter()
            .any(|other| other.id != item.id && other.lane == item.lane && self.rank(other) == mine);
        if theirs.is_none() || theirs < mine || (theirs == mine && !later && !equal) {
            found.push(format!(
                "superseded by what is not newer: item {} {mine:?} by {by}",
                item.id.0
            ));
        }
    }

    fn rank(&self, item: &Item) -> Option<Rank> {
        let event = &self.plan.events[*self.judge.event_of.get(&item.event)?];
        let route = self
            .plan
            .routes
            .iter()
            .position(|route| route.name == item.route)?;
        self.judge.rank_of(event, route)
    }

    /// The newest of a lane is never superseded.
    fn latest(&self, items: &[Item], found: &mut Vec<String>) {
        let mut newest: BTreeMap<&str, (Option<Rank>, ItemId, &Item)> = BTreeMap::new();
        for item in items {
            let Some(lane) = item.lane.as_deref() else {
                continue;
            };
            let mine = (self.rank(item), item.id, item);
            let known = newest.entry(lane).or_insert_with(|| mine.clone());
            if (&mine.0, mine.1) > (&known.0, known.1) {
                *known = mine;
            }
        }
        for (lane, (rank, _, item)) in newest {
            if matches!(item.verdict, Some(Verdict::Superseded { .. })) {
                found.push(format!(
                    "superseded although it is the newest: {rank:?} of {lane}, item {}",
                    item.id.0
                ));
            }
        }
    }
}

/// Each item has one verdict in its history; only what was parked may be refused afterwards.
fn verdicts_of(items: &[Item], history: &[HistoryRow], found: &mut Vec<String>) {
    let mut of: BTreeMap<ItemId, Vec<&'static str>> = BTreeMap::new();
    for row in history {
        if let (Some(item), Entry::Stepped { step }) = (row.item, &row.entry) {
            let word = match step {
                Step::Dispatch { .. } => "dispatched",
                Step::Supersede { .. } => "superseded",
                Step::Park { .. } => "parked",
                Step::Refuse { .. } => "refused",
                Step::Cancel { .. } => "cancelled",
                _ => continue,
            };
            of.entry(item).or_default().push(word);
        }
    }
    for item in items {
        let words = of.remove(&item.id).unwrap_or_default();
        let one = words.len() == 1 || words == ["parked", "refused"];
        if !one || words.last().copied() != item.verdict.as_ref().map(Verdict::as_str) {
            found.push(format!(
                "verdicts of item {} are {words:?}, and it is {:?}",
                item.id.0, item.verdict
            ));
        }
    }
}
