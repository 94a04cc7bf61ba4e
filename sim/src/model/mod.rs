//! **Here**: [`Model`], what a journal has to do, written a second time from DESIGN section 6 over plain vectors and maps.
//! **Not here**: the operations that are tried on it and on the journal at once (`case`); budgets, blocks and pauses, facts, tracks, clocks
//! that jump back, reopening, forgetting, bodies and history, which have tests of their own.
//! **Reads**: nothing of the relay but the names of a route's settings.
//! **Source**: DESIGN section 6. Where it is silent (how long a jitter is) the model has bounds, and takes the journal's word within them.

pub mod case;

use std::collections::{BTreeMap, BTreeSet};

use relay_core::lane::LaneMode;
use relay_core::retry::{Again, OnUnknown};

/// Milliseconds: for how long runs are looked for, and for how long what fails is repeated.
const WINDOW: i64 = 600_000;
const DAY: i64 = 24 * 3_600_000;
/// The longest wait before a request that was surely not taken is repeated, and between two looks.
const LONGEST_RETRY: i64 = 300_000;
const LONGEST_LOOK: i64 = 96_000;

/// A rule that the model can be told wrongly: the comparison has to find it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Wrong {
    /// All rules are as they are.
    #[default]
    Nothing,
    /// An unknown outcome leaves the mark of the lane where it is.
    UnknownLeavesTheMark,
    /// Two requests of a lane may be under way.
    TwoUnderWay,
    /// A newer version leaves older ones waiting.
    NewerSupersedesNothing,
    /// What parked in a lane of every version holds nothing back.
    ParkedHoldsNothing,
    /// Versions are compared as texts.
    VersionsAreTexts,
    /// A version registered again goes out whatever the route says.
    AgainIsDispatched,
    /// What was not seen is sent again however often.
    ResentForEver,
    /// A late outcome is taken from whoever brings it.
    FencesAreIgnored,
    /// A send whose worker stopped counts as not sent.
    LostIsNotSent,
    /// What is not sent is repeated for ever.
    RetriedForEver,
    /// What failed to be looked for is parked at the end of the window.
    FailedLooksAreBelieved,
    /// An item replayed by permission waits behind the mark like any other.
    NobodyMayBeOlder,
}

impl Wrong {
    /// All that are wrong.
    pub const ALL: [Self; 12] = [
        Self::UnknownLeavesTheMark,
        Self::TwoUnderWay,
        Self::NewerSupersedesNothing,
        Self::ParkedHoldsNothing,
        Self::VersionsAreTexts,
        Self::AgainIsDispatched,
        Self::ResentForEver,
        Self::FencesAreIgnored,
        Self::LostIsNotSent,
        Self::RetriedForEver,
        Self::FailedLooksAreBelieved,
        Self::NobodyMayBeOlder,
    ];
}

/// A route, as far as the model knows it.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Whether its events are in lanes.
    pub has_lane: bool,
    /// What waits for what.
    pub lane: LaneMode,
    /// Whether the order is the event's time, not the version.
    pub by_time: bool,
    /// What to do when an answer was lost.
    pub unknown: OnUnknown,
    /// What to do when a version was registered again.
    pub again: Again,
    /// Larger goes first.
    pub priority: i32,
}

/// An event, as far as the model knows it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id, by which it is known again.
    pub id: String,
    /// The model.
    pub model: &'static str,
    /// The version.
    pub version: &'static str,
    /// Its time in seconds.
    pub time: Option<i64>,
    /// The routes that want it, and whether it parks there at once.
    pub routes: Vec<(usize, bool)>,
}

/// What became of an event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It made these items.
    Accepted(Vec<usize>),
    /// It was known.
    SeenAgain,
    /// No route wanted it.
    Unwanted,
}

/// What a worker brings back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// GitHub took it.
    Dispatched,
    /// GitHub will never take it.
    GiveUp,
    /// Surely not taken.
    NotSent,
    /// Perhaps taken.
    Unknown,
    /// A run was seen.
    Seen,
    /// None was seen.
    NotSeen,
    /// The look failed.
    LookFailed,
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// It may go when it is due.
    Waiting,
    /// A request is under way.
    Sending,
    /// Perhaps it was taken.
    Probing,
    /// It has this verdict.
    Settled(&'static str),
}

type Key = (&'static str, &'static str, usize);
type Lane = (&'static str, usize);
/// A number and, where equal numbers are told apart, an id.
type Place = (i64, String);

/// An item, as far as the model knows it.
#[derive(Clone, Debug)]
pub struct Item {
    key: Key,
    generation: u32,
    route: Route,
    lane: Option<Lane>,
    place: Option<Place>,
    allow_older: bool,
    /// Where it stands.
    pub state: State,
    /// Between which moments it is due.
    pub due: (i64, i64),
    lease: Option<(u64, i64)>,
    not_sent_since: Option<i64>,
    unknown_since: Option<i64>,
    resent: bool,
    handed_on: bool,
}

#[derive(Clone, Copy, Debug)]
struct Release {
    item: usize,
    generation: u32,
    time: Option<i64>,
}

/// What a journal has to do.
#[derive(Clone, Debug)]
pub struct Model {
    wrong: Wrong,
    routes: Vec<Route>,
    shows_relay_id: bool,
    events: BTreeSet<String>,
    releases: BTreeMap<Key, Release>,
    marks: BTreeMap<Lane, Place>,
    /// The items; the journal counts from one.
    pub items: Vec<Item>,
}

impl Model {
    /// A journal of nothing.
    #[must_use]
    pub fn new(wrong: Wrong, routes: Vec<Route>, shows_relay_id: bool) -> Self {
        Self {
            wrong,
            routes,
            shows_relay_id,
            events: BTreeSet::new(),
            releases: BTreeMap::new(),
            marks: BTreeMap::new(),
            items: Vec::new(),
        }
    }

    /// An event arrives.
    pub fn accept(&mut self, now: i64, event: &Event) -> Fate {
        if !self.events.insert(event.id.clone()) {
            return Fate::SeenAgain;
        }
        if event.routes.is_empty() {
            return Fate::Unwanted;
        }
        let mut made = Vec::new();
        for (route, park) in &event.routes {
            let key = (event.model, event.version, *route);
            let rules = self.routes[*route];
            let (mut generation, mut park) = (1, *park);
            if let Some(known) = self.releases.get_mut(&key) {
                if event.time.is_none() || event.time <= known.time {
                    continue;
                }
                let again = if self.wrong == Wrong::AgainIsDispatched {
                    Again::Dispatch
                } else {
                    rules.again
                };
                if again == Again::Ignore {
                    known.time = event.time;
                    continue;
                }
                generation = known.generation + 1;
                park |= again == Again::Park;
            }
            let place = if rules.by_time {
                event.time.map(|time| (time, event.id.clone()))
            } else {
                event.version.parse().ok().map(|n| self.version(n))
            };
            let item = Item {
                key,
                generation,
                route: rules,
                lane: rules.has_lane.then_some((event.model, *route)),
                place: place.filter(|_| rules.has_lane),
                allow_older: false,
                state: State::Waiting,
                due: (now, now),
                lease: None,
                not_sent_since: None,
                unknown_since: None,
                resent: false,
                handed_on: false,
            };
            made.push(self.start(item, event.time, park));
        }
        if made.is_empty() {
            Fate::SeenAgain
        } else {
            Fate::Accepted(made)
        }
    }

    fn version(&self, n: i64) -> Place {
        if self.wrong == Wrong::VersionsAreTexts {
            (0, n.to_string())
        } else {
            (n, String::new())
        }
    }

    fn start(&mut self, item: Item, time: Option<i64>, park: bool) -> usize {
        let id = self.items.len();
        let (key, generation) = (item.key, item.generation);
        self.items.push(item);
        let release = Release {
            item: id,
            generation,
            time,
        };
        self.releases.insert(key, release);
        if park {
            self.settle(id, "parked");
        } else {
            self.arrive(id);
        }
        id
    }

    fn arrive(&mut self, id: usize) {
        let item = self.items[id].clone();
        let Some(place) = item.place else { return };
        if self.is_late(id) {
            return self.late(id);
        }
        if item.route.lane == LaneMode::Every {
            return;
        }
        let above = |other: &Item| other.place.as_ref().is_some_and(|there| *there > place);
        let open = |other: &Item| !matches!(other.state, State::Settled(_));
        let newer = self
            .others(id)
            .any(|other| open(&self.items[other]) && above(&self.items[other]));
        if newer && !item.allow_older {
            return self.settle(id, "superseded");
        }
        if self.wrong == Wrong::NewerSupersedesNothing {
            return;
        }
        let gives_way = |other: &Item| {
            other.state == State::Waiting && !other.allow_older && other.place.is_some() && !above(other)
        };
        let olds: Vec<usize> = self
            .others(id)
            .filter(|other| gives_way(&self.items[*other]))
            .collect();
        for old in olds {
            self.settle(old, "superseded");
        }
    }

    /// The others of an item's lane.
    fn others(&self, id: usize) -> impl Iterator<Item = usize> + '_ {
        let lane = self.items[id].lane;
        (0..self.items.len())
            .filter(move |other| *other != id && lane.is_some() && self.items[*other].lane == lane)
    }

    /// Whether a newer one went out before it, or may have.
    fn is_late(&self, id: usize) -> bool {
        let item = &self.items[id];
        let mark = item.lane.and_then(|lane| self.marks.get(&lane));
        !item.allow_older && item.place.is_some() && mark.is_some_and(|mark| item.place.as_ref() < Some(mark))
    }

    fn late(&mut self, id: usize) {
        let word = match self.items[id].route.lane {
            LaneMode::Latest => "superseded",
            LaneMode::Every => "parked",
        };
        self.settle(id, word);
    }

    fn settle(&mut self, id: usize, word: &'static str) {
        let item = &mut self.items[id];
        (item.state, item.lease) = (State::Settled(word), None);
    }

    /// It went out, or may have: what waits behind it never goes.
    fn went_out(&mut self, id: usize) {
        let item = &self.items[id];
        let (Some(lane), Some(place)) = (item.lane, item.place.clone()) else {
            return;
        };
        let mark = self.marks.entry(lane).or_insert_with(|| place.clone());
        if *mark < place {
            *mark = place;
        }
        let behind: Vec<usize> = self
            .others(id)
            .filter(|other| self.items[*other].state == State::Waiting && self.is_late(*other))
            .collect();
        for late in behind {
            self.late(late);
        }
    }

    /// Whether a newer one of a lane of the latest waits.
    fn newer_waits(&self, id: usize) -> bool {
        let item = &self.items[id];
        item.route.lane == LaneMode::Latest
            && item.place.is_some()
            && self.others(id).any(|other| {
                let other = &self.items[other];
                other.state == State::Waiting && other.place > item.place
            })
    }

    fn give_way(&mut self, id: usize) {
        let item = &self.items[id];
        if item.state == State::Waiting && !item.allow_older && self.newer_waits(id) {
            self.settle(id, "superseded");
        }
    }

    /// Whoever stopped in the middle is found out.
    fn end_leases(&mut self, now: i64) {
        for id in 0..self.items.len() {
            let item = &mut self.items[id];
            match item.lease {
                Some((_, until)) if until <= now && item.state == State::Sending => {
                    if self.wrong == Wrong::LostIsNotSent {
                        self.wait(id, now + 100, now + LONGEST_RETRY);
                    } else {
                        self.unknown(id, now);
                    }
                }
                Some((_, until)) if until <= now => item.lease = None,
                _ => {}
            }
        }
    }

    fn due(&self, now: i64, state: State) -> Vec<usize> {
        let is_due = |item: &Item| item.state == state && item.lease.is_none() && item.due.0 <= now;
        let mut due: Vec<usize> = (0..self.items.len())
            .filter(|id| is_due(&self.items[*id]))
            .collect();
        due.sort_by_key(|id| (-self.items[*id].route.priority, self.items[*id].due.0, *id));
        due
    }

    /// What may be sent now, which is then under way.
    pub fn sends(&mut self, now: i64, lease: i64, max: usize) -> Vec<usize> {
        self.end_leases(now);
        let (mut sends, mut lanes) = (Vec::new(), BTreeSet::new());
        for id in self.due(now, State::Waiting) {
            if sends.len() == max {
                break;
            }
            let Some(next) = self.next_of_lane(id, &mut lanes) else {
                continue;
            };
            let item = &mut self.items[next];
            (item.state, item.lease) = (State::Sending, Some((0, now + lease)));
            sends.push(next);
        }
        sends
    }

    fn next_of_lane(&self, id: usize, lanes: &mut BTreeSet<Lane>) -> Option<usize> {
        let item = &self.items[id];
        let Some(lane) = item.lane else {
            return Some(id);
        };
        let is_first = |other: usize| {
            let line = self.others(id).chain([id]);
            let waits = line.filter(|other| self.items[*other].state == State::Waiting);
            let first = waits.min_by_key(|other| {
                let place = &self.items[*other].place;
                (place.is_none(), place.clone(), *other)
            });
            first == Some(other)
        };
        // Where every version goes, only the first of a lane is in the line of all lanes, by its own priority and due time.
        if item.route.lane == LaneMode::Every && !is_first(id) {
            return None;
        }
        if !lanes.insert(lane) {
            return None;
        }
        let under_way = |other: usize| matches!(self.items[other].state, State::Sending | State::Probing);
        if self.wrong != Wrong::TwoUnderWay && self.others(id).any(under_way) {
            return None;
        }
        if item.route.lane == LaneMode::Latest {
            return Some(id);
        }
        let holds = |other: usize| {
            let other = &self.items[other];
            other.state == State::Settled("parked") && !other.handed_on
        };
        let held = self.others(id).any(holds) && self.wrong != Wrong::ParkedHoldsNothing;
        (item.allow_older || !held).then_some(id)
    }

    /// What has to be looked for now.
    pub fn looks(&mut self, now: i64, lease: i64) -> Vec<usize> {
        self.end_leases(now);
        let looks = self.due(now, State::Probing);
        for id in &looks {
            self.items[*id].lease = Some((0, now + lease));
        }
        looks
    }

    /// The number that the journal gave with a lease.
    pub fn fenced_by(&mut self, id: usize, fence: u64) {
        if let Some(lease) = &mut self.items[id].lease {
            lease.0 = fence;
        }
    }

    /// A worker brings something back; false where its lease is not the current one.
    pub fn outcome(&mut self, now: i64, id: usize, fence: u64, outcome: Outcome) -> bool {
        let lease = self.items[id].lease;
        if lease.is_none()
            || (lease.map(|lease| lease.0) != Some(fence) && self.wrong != Wrong::FencesAreIgnored)
        {
            return false;
        }
        match outcome {
            Outcome::Dispatched => {
                self.settle(id, "dispatched");
                self.went_out(id);
            }
            Outcome::Seen => {
                self.shows_relay_id = true;
                self.settle(id, "dispatched");
                self.went_out(id);
            }
            Outcome::GiveUp => self.settle(id, "parked"),
            Outcome::NotSent => {
                let since = *self.items[id].not_sent_since.get_or_insert(now);
                if now - since >= DAY && self.wrong != Wrong::RetriedForEver {
                    self.settle(id, "parked");
                } else {
                    self.wait(id, now + 100, now + LONGEST_RETRY);
                    self.give_way(id);
                }
            }
            Outcome::Unknown => self.unknown(id, now),
            Outcome::NotSeen | Outcome::LookFailed => self.looked(id, now, outcome),
        }
        true
    }

    fn wait(&mut self, id: usize, from: i64, to: i64) {
        let item = &mut self.items[id];
        (item.state, item.lease, item.due) = (State::Waiting, None, (from, to));
    }

    fn unknown(&mut self, id: usize, now: i64) {
        let item = &mut self.items[id];
        match item.route.unknown {
            OnUnknown::Park => self.settle(id, "parked"),
            OnUnknown::Probe => {
                let left = item.lease.map_or(now, |(_, until)| until.min(now));
                (item.state, item.lease) = (State::Probing, None);
                (item.unknown_since, item.not_sent_since) = (Some(left), None);
                item.due = (now + 1, now + LONGEST_LOOK);
            }
            OnUnknown::Resend => {
                let since = *item.unknown_since.get_or_insert(now);
                if now - since >= DAY {
                    self.settle(id, "parked");
                } else {
                    item.resent = true;
                    self.wait(id, now + 100, now + LONGEST_RETRY);
                }
            }
        }
        if self.wrong != Wrong::UnknownLeavesTheMark {
            self.went_out(id);
        }
        self.give_way(id);
    }

    /// A look that saw nothing, or failed.
    fn looked(&mut self, id: usize, now: i64, outcome: Outcome) {
        let end = self.items[id].unknown_since.unwrap_or(now) + WINDOW;
        let failed = outcome == Outcome::LookFailed && self.wrong != Wrong::FailedLooksAreBelieved;
        let patience = if failed { DAY } else { 0 };
        if now < end + patience {
            let item = &mut self.items[id];
            item.lease = None;
            let latest = now + LONGEST_LOOK;
            item.due = (now + 1, if now < end { latest.min(end) } else { latest });
        } else if outcome == Outcome::LookFailed {
            self.settle(id, "parked");
        } else if self.newer_waits(id) {
            self.settle(id, "superseded");
        } else if !self.shows_relay_id || (self.items[id].resent && self.wrong != Wrong::ResentForEver) {
            self.settle(id, "parked");
        } else {
            self.items[id].resent = true;
            self.wait(id, now, now);
        }
    }

    /// A person asks for an item once more; none where that is refused.
    pub fn replay(&mut self, now: i64, id: usize, allow_older: bool) -> Option<usize> {
        let old = self.items.get(id)?.clone();
        let release = *self.releases.get(&old.key)?;
        let mut new = Item {
            generation: old.generation + 1,
            allow_older: allow_older && self.wrong != Wrong::NobodyMayBeOlder,
            state: State::Waiting,
            due: (now, now),
            lease: None,
            not_sent_since: None,
            unknown_since: None,
            resent: false,
            handed_on: false,
            ..old.clone()
        };
        if release.item != id && self.holders().contains(&id) {
            return self.stand_in(now, id, release.item, allow_older);
        }
        let mark = old.lane.and_then(|lane| self.marks.get(&lane));
        let late = old.place.is_some() && mark.is_some() && old.place.as_ref() < mark;
        if !matches!(old.state, State::Settled(_)) || release.item != id || (late && !allow_older) {
            return None;
        }
        new.generation = release.generation + 1;
        self.items[id].handed_on = true;
        Some(self.start(new, release.time, false))
    }

    /// An earlier generation that holds its lane is asked for once more: the latest goes instead, or one more of it.
    fn stand_in(&mut self, now: i64, id: usize, latest: usize, allow_older: bool) -> Option<usize> {
        let instead = match self.items[latest].state {
            State::Settled("dispatched") => return None,
            State::Settled(_) => self.replay(now, latest, allow_older)?,
            _ => latest,
        };
        self.items[id].handed_on = true;
        Some(instead)
    }

    /// A person decides that a parked item never goes; false where that is refused.
    pub fn refuse(&mut self, id: usize) -> bool {
        let parked = self.items.get(id).map(|item| item.state) == Some(State::Settled("parked"));
        if parked {
            self.settle(id, "refused");
        }
        parked
    }

    /// A person takes back an item of which nothing can be at GitHub; false where that is refused.
    pub fn cancel(&mut self, id: usize) -> bool {
        let waits = self
            .items
            .get(id)
            .is_some_and(|item| item.state == State::Waiting && item.unknown_since.is_none());
        if waits {
            self.settle(id, "cancelled");
        }
        waits
    }

    /// Parked items that hold their lane.
    #[must_use]
    pub fn holders(&self) -> Vec<usize> {
        let holds = |item: &Item| {
            item.state == State::Settled("parked")
                && item.lane.is_some()
                && item.route.lane == LaneMode::Every
        };
        (0..self.items.len())
            .filter(|id| holds(&self.items[*id]) && !self.items[*id].handed_on)
            .collect()
    }

    /// The lane of an item, as a text.
    #[must_use]
    pub fn lane(&self, id: usize) -> String {
        format!("{:?}", self.items[id].lane)
    }
}
