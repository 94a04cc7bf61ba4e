//! **Here**: [`run`], one case: operations that a seed decides, on the journal in memory and on the model, compared after each.
//! **Not here**: the rules (`model`).
//! **Reads**: `relay_core::journal` by its trait, `random`.
//! **Source**: the row "state-machine property test of the journal against a model".

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use relay_core::budget::Budget;
use relay_core::clock::Timestamp;
use relay_core::dispatch::{Advice, Checked, DispatchError, Dispatched, Sighting};
use relay_core::journal::item::{ItemId, Phase, RunRef, Verdict};
use relay_core::journal::scan::{ItemFilter, Page, ScanQuery};
use relay_core::journal::{
    AcceptBatch, Budgets, ClaimKind, ClaimRequest, Command, Fate as JournalFate, Journal, JournalError,
    MemoryJournal, NewEvent, Record, Settlement, Task, Written,
};
use relay_core::lane::{LaneMode, Order};
use relay_core::retry::{Again, OnUnknown};
use relay_core::testing::rows::Arrival;

use crate::model::{Event, Fate, Model, Outcome, Route, State, Wrong};
use crate::random::Random;
use crate::stage::Figures;

const ROUTES: [&str; 4] = ["a", "b", "c", "plain"];
const MODELS: [&str; 2] = ["m", "n"];
/// `010` is in the same place as `10`, and no place is known for `v2`.
const VERSIONS: [&str; 9] = ["1", "2", "3", "4", "9", "10", "010", "11", "v2"];
const START: i64 = 1_763_856_000_000;
const LEASE: i64 = 60_000;
const MANY: usize = 1_000;
/// After so many rounds everything has its verdict.
const ROUNDS: usize = 400;
const WILD_ROUNDS: usize = 20;
/// What comes of a request, and of a look.
const OF_SENDS: [Outcome; 5] = [
    Outcome::Dispatched,
    Outcome::GiveUp,
    Outcome::NotSent,
    Outcome::Unknown,
    Outcome::Unknown,
];
const OF_LOOKS: [Outcome; 5] = [
    Outcome::Seen,
    Outcome::NotSeen,
    Outcome::NotSeen,
    Outcome::NotSeen,
    Outcome::LookFailed,
];

/// What became of a case.
#[derive(Clone, Debug)]
pub struct Tried {
    /// What was done, in order.
    pub operations: Vec<String>,
    /// What happened how often.
    pub figures: Figures,
    /// Where the journal was not as the model says.
    pub broken: Option<String>,
}

/// The case of this seed, the model being told this rule wrongly.
#[must_use]
pub fn run(seed: u64, wrong: Wrong) -> Tried {
    let mut case = Case::new(seed, wrong);
    let broken = case.whole().err();
    Tried {
        operations: case.operations,
        figures: case.figures,
        broken,
    }
}

type Compared<T = ()> = Result<T, String>;

#[derive(Debug)]
struct Leased {
    id: usize,
    fence: u64,
    sends: bool,
}

#[derive(Debug)]
struct Case {
    random: Random,
    journal: MemoryJournal,
    model: Model,
    routes: Vec<Route>,
    now: i64,
    arrived: Vec<Event>,
    work: Vec<Leased>,
    /// By lane, in which order the journal had items sent, and in which the model.
    sent: [BTreeMap<String, Vec<usize>>; 2],
    operations: Vec<String>,
    figures: Figures,
}

/// The journal in memory never waits.
fn at_once<T>(future: impl Future<Output = T>) -> Compared<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => Err("the journal in memory waits for something".to_owned()),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, journal: &T, model: &T) -> Compared {
    if journal == model {
        return Ok(());
    }
    Err(format!(
        "{what}: the journal has {journal:?}, the model {model:?}"
    ))
}

fn number(id: usize) -> ItemId {
    ItemId(i64::try_from(id).unwrap_or(i64::MAX).saturating_add(1))
}

fn index(id: ItemId) -> usize {
    usize::try_from(id.0.saturating_sub(1)).unwrap_or(usize::MAX)
}

impl Case {
    fn new(seed: u64, wrong: Wrong) -> Self {
        let mut random = Random::new(seed, 0x006D_6F64_656C);
        let routes: Vec<Route> = ROUTES
            .iter()
            .map(|name| Route {
                has_lane: *name != "plain",
                lane: random.pick(&[LaneMode::Latest, LaneMode::Every]),
                by_time: random.per_mille(250),
                unknown: random.pick(&[
                    OnUnknown::Probe,
                    OnUnknown::Probe,
                    OnUnknown::Resend,
                    OnUnknown::Park,
                ]),
                again: random.pick(&[Again::Park, Again::Ignore, Again::Dispatch]),
                priority: random.pick(&[0, 0, 5]),
            })
            .collect();
        let shows = random.per_mille(600);
        Self {
            journal: MemoryJournal::new(),
            model: Model::new(wrong, routes.clone(), shows),
            routes,
            now: START,
            arrived: Vec::new(),
            work: Vec::new(),
            sent: Default::default(),
            operations: vec![format!("runs show the relay id: {shows}")],
            figures: Figures::new(),
            random,
        }
        .with_routes_told(shows)
    }

    fn with_routes_told(mut self, shows: bool) -> Self {
        for (name, route) in ROUTES.iter().zip(&self.routes) {
            self.operations.push(format!("{name}: {route:?}"));
        }
        self.figures
            .insert("cases whose runs show the relay id", u64::from(shows));
        self
    }

    fn whole(&mut self) -> Compared {
        self.open()?;
        for _ in 0..self.random.within(15, 40) {
            self.operation()?;
            *self.figures.entry("operations").or_default() += 1;
            self.compare()?;
        }
        self.drain()?;
        let [journal, model] = &self.sent;
        same("the order of a lane", journal, model)?;
        for item in &self.model.items {
            if let State::Settled(word) = item.state {
                *self.figures.entry(word).or_default() += 1;
            }
        }
        Ok(())
    }

    /// The one target is checked, before anything else.
    fn open(&mut self) -> Compared {
        let shows = self.figures.get("cases whose runs show the relay id") == Some(&1);
        self.accept(&Event {
            id: "first".to_owned(),
            model: MODELS[0],
            version: VERSIONS[0],
            time: Some(0),
            routes: vec![(3, false)],
        })?;
        let claimed = self.claim(ClaimKind::Judge, MANY)?;
        let [Task::Check(target)] = claimed.as_slice() else {
            return Err(format!("the target is checked first, not {claimed:?}"));
        };
        let result = Ok(Checked {
            shows_relay_id: Some(shows),
            remarks: Vec::new(),
        });
        let target = target.key.clone();
        self.record(Record::Checked { target, result })?
            .map(drop)
            .map_err(|error| error.to_string())
    }

    fn operation(&mut self) -> Compared {
        match self.random.below(100) {
            0..28 => self.arrival(),
            28..33 => self.redelivery(),
            33..52 => {
                let max = self.random.pick(&[1, 2, MANY, MANY]);
                self.sends(max)
            }
            52..60 => self.looks(),
            60..78 => self.outcome(),
            78..86 => self.command(),
            _ => {
                self.now += self
                    .random
                    .pick(&[1, 1_000, 5_000, 30_000, 61_000, 300_000, 601_000, 90_000_000]);
                self.operations.push(format!("at +{} ms", self.now - START));
                Ok(())
            }
        }
    }

    fn arrival(&mut self) -> Compared {
        let mut routes = Vec::new();
        let model = self.random.pick(&MODELS);
        let version = self.random.pick(&VERSIONS);
        for route in 0..ROUTES.len() {
            if self.random.per_mille(400) {
                let parks = self.random.per_mille(60);
                routes.push((route, parks));
            }
        }
        let time = self.random.within(-1, 12);
        let event = Event {
            id: format!("e{}", self.random.below(1_000)),
            model,
            version,
            time: (time >= 0).then_some(time),
            routes,
        };
        self.accept(&event)?;
        self.arrived.push(event);
        Ok(())
    }

    fn redelivery(&mut self) -> Compared {
        if self.arrived.is_empty() {
            return Ok(());
        }
        let index = self.random.index(self.arrived.len());
        let event = self.arrived[index].clone();
        self.accept(&event)
    }

    fn accept(&mut self, event: &Event) -> Compared {
        self.operations.push(format!("accept {event:?}"));
        let batch = AcceptBatch {
            now: Timestamp::from_unix_ms(self.now),
            events: vec![self.new_event(event)],
            unreadable: Vec::new(),
            keep_unreadable: (10, 10_000),
        };
        let accepted = at_once(self.journal.accept(batch))?.map_err(|error| error.to_string())?;
        let fates: Vec<Fate> = accepted
            .fates
            .into_iter()
            .map(|fate| match fate {
                JournalFate::Accepted { items, .. } => Fate::Accepted(items.into_iter().map(index).collect()),
                JournalFate::SeenAgain => Fate::SeenAgain,
                JournalFate::Unwanted { .. } => Fate::Unwanted,
            })
            .collect();
        let expected = self.model.accept(self.now, event);
        *self
            .figures
            .entry(match expected {
                Fate::Accepted(_) => "events accepted",
                Fate::SeenAgain => "events seen again",
                Fate::Unwanted => "events unwanted",
            })
            .or_default() += 1;
        same("the fate", &fates, &vec![expected])
    }

    fn new_event(&self, event: &Event) -> NewEvent {
        let arrivals: Vec<Arrival> = event
            .routes
            .iter()
            .map(|(route, park)| {
                let rules = self.routes[*route];
                let arrival = Arrival::new(event.model, event.version)
                    .with_id(&event.id)
                    .with_time(event.time)
                    .with_route(ROUTES[*route])
                    .with_policy(|policy| {
                        (policy.lane, policy.unknown, policy.again) =
                            (rules.lane, rules.unknown, rules.again);
                        policy.order = if rules.by_time {
                            Order::EventTime
                        } else {
                            Order::Version
                        };
                        policy.priority = rules.priority;
                    });
                let arrival = if *park {
                    arrival.with_park("a value")
                } else {
                    arrival
                };
                if rules.has_lane {
                    arrival
                } else {
                    arrival.without_lane()
                }
            })
            .collect();
        match arrivals.split_first() {
            Some((first, others)) => first.event_with(others),
            None => NewEvent {
                wanted: Vec::new(),
                ..Arrival::new(event.model, event.version)
                    .with_id(&event.id)
                    .with_time(event.time)
                    .event()
            },
        }
    }

    fn claim(&self, kind: ClaimKind, max: usize) -> Compared<Vec<Task>> {
        let request = ClaimRequest {
            kind,
            now: Timestamp::from_unix_ms(self.now),
            lease: Duration::from_millis(LEASE.unsigned_abs()),
            max,
            budgets: Budgets {
                default: Budget::unbounded().with_max_in_flight(0),
                of: BTreeMap::new(),
            },
        };
        let claimed = at_once(self.journal.claim(request))?.map_err(|error| error.to_string())?;
        Ok(claimed.tasks)
    }

    fn sends(&mut self, max: usize) -> Compared {
        self.operations.push(format!("claim sends, {max} at most"));
        let tasks = self.claim(ClaimKind::Send, max)?;
        let expected = self.model.sends(self.now, LEASE, max);
        *self.figures.entry("sends").or_default() += u64::try_from(expected.len()).unwrap_or(0);
        let found = self.leased(tasks, true)?;
        for (sent, ids) in self.sent.iter_mut().zip([&found, &expected]) {
            for id in ids.iter().filter(|id| **id < self.model.items.len()) {
                sent.entry(self.model.lane(*id)).or_default().push(*id);
            }
        }
        same("what may be sent", &found, &expected)
    }

    fn looks(&mut self) -> Compared {
        self.operations.push("claim looks".to_owned());
        let tasks = self.claim(ClaimKind::Judge, MANY)?;
        let expected = self.model.looks(self.now, LEASE);
        *self.figures.entry("looks").or_default() += u64::try_from(expected.len()).unwrap_or(0);
        let found = self.leased(tasks, false)?;
        same("what is looked for", &found, &expected)
    }

    fn leased(&mut self, tasks: Vec<Task>, sends: bool) -> Compared<Vec<usize>> {
        let mut ids = Vec::new();
        for task in tasks {
            let work = match task {
                Task::Send(work) if sends => work,
                Task::Probe(work) if !sends => work,
                other => return Err(format!("no such work is there: {other:?}")),
            };
            let (id, fence) = (index(work.item.id), work.fence);
            if id < self.model.items.len() {
                self.model.fenced_by(id, fence);
            }
            self.work.push(Leased { id, fence, sends });
            ids.push(id);
        }
        Ok(ids)
    }

    /// A worker brings something back, perhaps long after its lease; perhaps a second time.
    fn outcome(&mut self) -> Compared {
        if self.work.is_empty() {
            return Ok(());
        }
        let index = self.random.index(self.work.len());
        let outcomes: &[Outcome] = if self.work[index].sends {
            &OF_SENDS
        } else {
            &OF_LOOKS
        };
        let outcome = self.random.pick(outcomes);
        let (id, fence) = (self.work[index].id, self.work[index].fence);
        if self.random.per_mille(850) {
            self.work.swap_remove(index);
        }
        self.bring(id, fence, outcome)
    }

    fn bring(&mut self, id: usize, fence: u64, outcome: Outcome) -> Compared {
        self.operations
            .push(format!("{outcome:?} of item {}, fence {fence}", id + 1));
        let item = number(id);
        let failed = |advice| Record::Failed {
            item,
            fence,
            error: DispatchError::new(advice, "reason"),
        };
        let looked = |look| Record::Looked { item, fence, look };
        let run = RunRef {
            id: "1".to_owned(),
            url: None,
        };
        let written = match outcome {
            Outcome::Dispatched => {
                let settlement = Settlement::Dispatched {
                    item,
                    fence,
                    answer: Dispatched::default(),
                };
                at_once(
                    self.journal
                        .settle(Timestamp::from_unix_ms(self.now), vec![settlement]),
                )?
            }
            Outcome::GiveUp => self.record(failed(Advice::GiveUp))?,
            Outcome::NotSent => self.record(failed(Advice::NotSent))?,
            Outcome::Unknown => self.record(failed(Advice::Unknown))?,
            Outcome::Seen => self.record(looked(Ok(Sighting::Seen(run))))?,
            Outcome::NotSeen => self.record(looked(Ok(Sighting::NotSeen)))?,
            Outcome::LookFailed => {
                self.record(looked(Err(DispatchError::new(Advice::Unknown, "no answer"))))?
            }
        };
        let taken = written.map_err(|error| error.to_string())?.fenced.is_empty();
        let expected = self.model.outcome(self.now, id, fence, outcome);
        *self
            .figures
            .entry(if expected {
                "outcomes"
            } else {
                "outcomes fenced off"
            })
            .or_default() += 1;
        let again = outcome == Outcome::NotSeen
            && self
                .model
                .items
                .get(id)
                .is_some_and(|item| item.state == State::Waiting);
        *self.figures.entry("sent again after a look").or_default() += u64::from(again && expected);
        same("whether the outcome is taken", &taken, &expected)
    }

    fn record(&self, record: Record) -> Compared<Result<Written, JournalError>> {
        at_once(
            self.journal
                .record(Timestamp::from_unix_ms(self.now), vec![record]),
        )
    }

    fn command(&mut self) -> Compared {
        let id = self.random.index(self.model.items.len());
        let (item, why) = (number(id), "a person".to_owned());
        let command = match self.random.below(4) {
            0 | 1 => Command::Replay {
                item,
                allow_older: self.random.per_mille(500),
            },
            2 => Command::Refuse { item, why },
            _ => Command::Cancel { item, why },
        };
        self.carry_out(id, command)
    }

    fn carry_out(&mut self, id: usize, command: Command) -> Compared {
        self.operations.push(format!("{command:?}"));
        let expected = match command {
            Command::Replay { allow_older, .. } => self
                .model
                .replay(self.now, id, allow_older)
                .map(|made| vec![made]),
            Command::Refuse { .. } => self.model.refuse(id).then(Vec::new),
            _ => self.model.cancel(id).then(Vec::new),
        };
        let found = match self.record(Record::Command(command))? {
            Ok(written) => Some(written.made.into_iter().map(index).collect()),
            Err(JournalError::Refused { .. }) => None,
            Err(other) => return Err(other.to_string()),
        };
        *self
            .figures
            .entry(if expected.is_some() {
                "commands"
            } else {
                "commands refused"
            })
            .or_default() += 1;
        same("the command", &found, &expected)
    }

    /// Every item stands where the model says, and is due within its bounds.
    fn compare(&mut self) -> Compared {
        let query = ScanQuery::Items {
            after: ItemId(0),
            filter: ItemFilter::default(),
            limit: MANY,
        };
        let page = at_once(self.journal.scan(query))?.map_err(|error| error.to_string())?;
        let Page::Items(items) = page else {
            return Err("a scan of items gives items".to_owned());
        };
        same("how many items there are", &items.len(), &self.model.items.len())?;
        for (found, item) in items.iter().zip(&mut self.model.items) {
            let words = match item.state {
                State::Waiting => (Phase::Waiting, None),
                State::Sending => (Phase::Sending, None),
                State::Probing => (Phase::Probing, None),
                State::Settled(word) => (Phase::Settled, Some(word)),
            };
            let verdict = found.verdict.as_ref().map(Verdict::as_str);
            let what = format!("item {}", found.id.0);
            same(&what, &(found.phase, verdict), &words)?;
            if matches!(item.state, State::Waiting | State::Probing) {
                let due = found.due_at.as_unix_ms();
                if due < item.due.0 || due > item.due.1 {
                    return Err(format!(
                        "{what} is due at {due}, which is not within {:?}",
                        item.due
                    ));
                }
                item.due = (due, due);
            }
        }
        Ok(())
    }

    /// Everything comes to an end: a person refuses what holds a lane, and after some rounds in which anything may happen still
    /// GitHub takes whatever comes.
    fn drain(&mut self) -> Compared {
        self.operations.push("drain".to_owned());
        let open = |item: &crate::model::Item| !matches!(item.state, State::Settled(_));
        for round in 0..ROUNDS {
            let wild = round < WILD_ROUNDS;
            if !self.model.items.iter().any(open) {
                return Ok(());
            }
            for id in self.model.holders() {
                let (item, why) = (number(id), "the end".to_owned());
                self.carry_out(id, Command::Refuse { item, why })?;
            }
            self.now += if wild {
                self.random.pick(&[LEASE, 200_000, 601_000])
            } else {
                LEASE
            };
            self.operations.push(format!("at +{} ms", self.now - START));
            self.work.clear();
            self.sends(MANY)?;
            self.looks()?;
            for Leased { id, fence, sends } in std::mem::take(&mut self.work) {
                let outcome = match (sends, wild) {
                    (true, true) => self.random.pick(&OF_SENDS),
                    (false, true) => self.random.pick(&OF_LOOKS),
                    (true, false) => Outcome::Dispatched,
                    (false, false) => Outcome::NotSeen,
                };
                self.bring(id, fence, outcome)?;
            }
            self.compare()?;
        }
        Err(format!("{ROUNDS} rounds are not enough for the end"))
    }
}
