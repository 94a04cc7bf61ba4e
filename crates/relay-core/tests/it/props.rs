//! **Here**: random sequences of arrivals, claims, outcomes, commands, crashes and time, and what must hold after each of them.
//! **Not here**: single promises (the contract suite), every cut of one run (`crash`).
//! **Reads**: `support`, `relay_core::journal`.
//! **Source**: DESIGN sections 2 and 6; STYLE section 8, property.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::test_runner::Config;
use relay_core::budget::Budget;
use relay_core::clock::Timestamp;
use relay_core::dispatch::{Advice, Checked, DispatchError, Dispatched, RunState, Scope, Sighting};
use relay_core::journal::item::{Item, ItemId, Phase, RunRef, Verdict};
use relay_core::journal::scan::{Entry, Page, ScanQuery};
use relay_core::journal::track::{Stage, Track};
use relay_core::journal::{
    AcceptBatch, Budgets, ClaimKind, ClaimRequest, Command, Journal, JournalError, MemoryJournal, Record,
    Settlement, Task, Tracking, Work,
};
use relay_core::lane::{LaneMode, Place};
use relay_core::retry::{Again, OnUnknown};
use relay_core::testing::contract::journal::history_makes_items;
use relay_core::testing::rows::Arrival;
use relay_core::tracker::{self, Observation, TrackStep};

use crate::support::{Conduct, Destination, START, Worker, items};

const LEASE: Duration = Duration::from_secs(60);
const PER_MINUTE: u32 = 4;
const PER_HOUR: u32 = 30;
const IN_FLIGHT: u32 = 2;
const INTERVAL: Duration = Duration::from_secs(2);

/// One thing that happens.
#[derive(Clone, Debug)]
enum Happening {
    /// A version is registered: model, version, time, and whether it is parked on arrival.
    Arrive {
        model: usize,
        version: u8,
        time: i64,
        park: bool,
    },
    /// Looks are claimed.
    Look { max: usize },
    /// Sends are claimed.
    Send { max: usize },
    /// What was claimed ends, this one first.
    End { pick: usize, how: How },
    /// Time passes, in seconds.
    Pass(u64),
    /// The process stops, and is started again.
    Stop,
    /// A person asks for something, of this item.
    Ask { pick: usize, what: Asked },
}

#[derive(Clone, Copy, Debug)]
enum How {
    Well,
    Advice(u8),
    NotSeen,
    /// The worker forgets it.
    Forgotten,
}

#[derive(Clone, Copy, Debug)]
enum Asked {
    Replay,
    ReplayOlder,
    Refuse,
    Cancel,
    Recheck,
}

fn happening() -> impl Strategy<Value = Happening> {
    let how = prop_oneof![
        4 => Just(How::Well),
        4 => (0_u8..6).prop_map(How::Advice),
        2 => Just(How::NotSeen),
        1 => Just(How::Forgotten),
    ];
    let asked = prop_oneof![
        Just(Asked::Replay),
        Just(Asked::ReplayOlder),
        Just(Asked::Refuse),
        Just(Asked::Cancel),
        Just(Asked::Recheck)
    ];
    prop_oneof![
        6 => (0_usize..6, 1_u8..12, 0_i64..3, 0_u8..20)
            .prop_map(|(model, version, time, park)| Happening::Arrive { model, version, time, park: park == 0 }),
        4 => (1_usize..6).prop_map(|max| Happening::Look { max }),
        6 => (1_usize..6).prop_map(|max| Happening::Send { max }),
        8 => (any::<usize>(), how).prop_map(|(pick, how)| Happening::End { pick, how }),
        5 => prop_oneof![0_u64..5, 5_u64..90, 90_u64..2_000].prop_map(Happening::Pass),
        1 => Just(Happening::Stop),
        2 => (any::<usize>(), asked).prop_map(|(pick, what)| Happening::Ask { pick, what }),
    ]
}

/// Each model has a lane mode, a policy and a target of its own.
fn arrival(model: usize, version: u8, time: i64, park: bool) -> Arrival {
    let unknown = [OnUnknown::Probe, OnUnknown::Resend, OnUnknown::Park][model % 3];
    let arrival = Arrival::new(&format!("m{model}"), &version.to_string())
        .with_time(Some(time))
        .with_repository(&format!("octo/r{}", model % 2))
        .with_identity(if model == 5 { "other" } else { "default" })
        .with_policy(|policy| {
            policy.lane = if model < 3 {
                LaneMode::Latest
            } else {
                LaneMode::Every
            };
            policy.unknown = unknown;
            policy.again = [Again::Dispatch, Again::Park, Again::Ignore][usize::from(version) % 3];
            policy.wants_facts = model == 1 || model == 4;
            policy.priority = i32::try_from(model % 2).unwrap_or(0);
            policy.probe_window = Duration::from_secs(30);
            policy.run_seen_within = (model != 2).then_some(Duration::from_secs(40));
            policy.run_concluded_within = (model != 3).then_some(Duration::from_secs(300));
        });
    if park {
        arrival.with_park("asked for")
    } else {
        arrival
    }
}

/// A request that went out.
#[derive(Debug)]
struct Sent {
    item: Item,
    at: Timestamp,
    /// Whether it was said, and written down, that it surely was not taken.
    surely_not: bool,
}

/// The journal, and what an onlooker knows of it.
struct World {
    journal: MemoryJournal,
    now: Timestamp,
    under_way: Vec<Task>,
    sent: BTreeMap<u64, Sent>,
    budgets: Budgets,
}

impl World {
    fn new() -> Self {
        let budget = Budget::unbounded()
            .with_min_interval(INTERVAL)
            .with_per_minute(PER_MINUTE)
            .with_per_hour(PER_HOUR)
            .with_max_in_flight(IN_FLIGHT);
        let budgets = Budgets {
            default: budget,
            of: BTreeMap::new(),
        };
        Self {
            journal: MemoryJournal::new(),
            now: START,
            under_way: Vec::new(),
            sent: BTreeMap::new(),
            budgets,
        }
    }

    async fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive {
                model,
                version,
                time,
                park,
            } => {
                let events = vec![arrival(model, version, time, park).event()];
                let batch = AcceptBatch {
                    now: self.now,
                    events,
                    ..AcceptBatch::default()
                };
                self.journal.accept(batch).await.unwrap();
            }
            Happening::Look { max } => self.claim(ClaimKind::Judge, max).await,
            Happening::Send { max } => self.claim(ClaimKind::Send, max).await,
            Happening::End { pick, how } => {
                if !self.under_way.is_empty() {
                    let task = self.under_way.remove(pick % self.under_way.len());
                    self.end(task, how).await;
                }
            }
            Happening::Pass(seconds) => self.now = self.now.after(Duration::from_secs(seconds)),
            Happening::Stop => {
                self.journal.reopen();
                self.under_way.clear();
            }
            Happening::Ask { pick, what } => self.ask(pick, what).await,
        }
        self.check().await;
    }

    async fn claim(&mut self, kind: ClaimKind, max: usize) {
        let request = ClaimRequest {
            kind,
            now: self.now,
            lease: LEASE,
            max,
            budgets: self.budgets.clone(),
        };
        let claimed = self.journal.claim(request).await.unwrap();
        for task in &claimed.tasks {
            if let Task::Send(work) = task {
                self.goes_out(work);
            }
        }
        self.under_way.extend(claimed.tasks);
    }

    /// In a lane an older version never goes out after a newer one.
    fn goes_out(&mut self, work: &Work) {
        let item = &work.item;
        let newer = self.sent.values().find(|sent| {
            sent.item.lane == item.lane
                && !sent.surely_not
                && is_above(sent.item.place.as_ref(), item.place.as_ref())
        });
        assert!(
            item.allow_older || newer.is_none(),
            "at {} {item:#?} goes out after {newer:#?}",
            self.now
        );
        let again = self
            .sent
            .values()
            .filter(|sent| sent.item.relay_id == item.relay_id && !sent.surely_not)
            .count();
        match item.policy.unknown {
            OnUnknown::Park => assert_eq!(again, 0, "{item:#?} goes out again"),
            OnUnknown::Probe => assert!(again <= 1, "{item:#?} goes out a third time"),
            OnUnknown::Resend => {}
        }
        let sent = Sent {
            item: item.clone(),
            at: self.now,
            surely_not: false,
        };
        assert!(
            self.sent.insert(work.fence, sent).is_none(),
            "fence {} was given twice",
            work.fence
        );
    }

    async fn end(&mut self, task: Task, how: How) {
        let advice = |n| match n {
            0 => Advice::GiveUp,
            1 => Advice::Block(Scope::Principal),
            2 => Advice::Block(Scope::Target),
            3 => Advice::Throttled {
                until: self.now.after(Duration::from_secs(90)),
            },
            4 => Advice::NotSent,
            _ => Advice::Unknown,
        };
        let error = |n| DispatchError::new(advice(n), "said so");
        let (mut records, mut settlements) = (Vec::new(), Vec::new());
        let mut surely_not = None;
        match (task, how) {
            (_, How::Forgotten) => {}
            (Task::Check(target), how) => {
                let result = match how {
                    How::Advice(n) => Err(error(n)),
                    _ => Ok(Checked {
                        shows_relay_id: Some(target.repository.ends_with('0')),
                        remarks: Vec::new(),
                    }),
                };
                records.push(Record::Checked {
                    target: target.key,
                    result,
                });
            }
            (Task::Judge(Work { item, fence, .. }), how) => match how {
                How::Advice(0) => {
                    settlements.push(Settlement::Refused {
                        item: item.id,
                        fence,
                        why: "no".to_owned(),
                    });
                }
                How::Advice(n) => {
                    let due = self.now.after(Duration::from_secs(u64::from(n) * 10));
                    records.push(Record::Hold {
                        item: item.id,
                        fence,
                        due,
                        why: "not yet".to_owned(),
                    });
                }
                _ => records.push(Record::Admit { item: item.id, fence }),
            },
            (Task::Probe(Work { item, fence, .. }), how) => {
                let look = match how {
                    How::Well => Ok(Sighting::Seen(RunRef {
                        id: "1".to_owned(),
                        url: None,
                    })),
                    How::Advice(n) => Err(error(n)),
                    _ => Ok(Sighting::NotSeen),
                };
                records.push(Record::Looked {
                    item: item.id,
                    fence,
                    look,
                });
            }
            (
                Task::Track(Tracking {
                    item, track, fence, ..
                }),
                how,
            ) => {
                let run = RunRef {
                    id: "1".to_owned(),
                    url: None,
                };
                let state = |word: &str, conclusion: Option<&str>| {
                    Observation::Run(Ok(RunState {
                        run: run.clone(),
                        status: Some(word.to_owned()),
                        conclusion: conclusion.map(str::to_owned),
                    }))
                };
                let seen = match (track.stage, how) {
                    (Stage::Seeking, How::Well) => Observation::Look(Ok(Sighting::Seen(run))),
                    (Stage::Seeking, How::Advice(n)) => Observation::Look(Err(error(n))),
                    (Stage::Seeking, _) => Observation::Look(Ok(Sighting::NotSeen)),
                    (_, How::Well) => state("completed", Some("success")),
                    (_, How::Advice(n)) => Observation::Run(Err(error(n))),
                    _ => state("in_progress", None),
                };
                let item = item.id;
                records.push(Record::Tracked { item, fence, seen });
            }
            (Task::Send(Work { item, fence, .. }), How::Advice(n)) => {
                surely_not = (n < 5).then_some(fence);
                records.push(Record::Failed {
                    item: item.id,
                    fence,
                    error: error(n),
                });
            }
            (Task::Send(Work { item, fence, .. }), _) => {
                settlements.push(Settlement::Dispatched {
                    item: item.id,
                    fence,
                    answer: Dispatched::default(),
                });
            }
        }
        let mut fenced = self.journal.record(self.now, records).await.unwrap().fenced;
        fenced.extend(self.journal.settle(self.now, settlements).await.unwrap().fenced);
        if let Some(sent) = surely_not
            .filter(|_| fenced.is_empty())
            .and_then(|fence| self.sent.get_mut(&fence))
        {
            sent.surely_not = true;
        }
    }

    async fn ask(&mut self, pick: usize, what: Asked) {
        let items = items(&self.journal).await;
        let item = if items.is_empty() {
            ItemId(1)
        } else {
            items[pick % items.len()].id
        };
        let why = "a person said so".to_owned();
        let command = match what {
            Asked::Replay => Command::Replay {
                item,
                allow_older: false,
            },
            Asked::ReplayOlder => Command::Replay {
                item,
                allow_older: true,
            },
            Asked::Refuse => Command::Refuse { item, why },
            Asked::Cancel => Command::Cancel { item, why },
            Asked::Recheck => Command::Recheck,
        };
        match self
            .journal
            .record(self.now, vec![Record::Command(command)])
            .await
        {
            Ok(_) => {}
            Err(JournalError::Refused { why }) => assert!(!why.is_empty()),
            Err(error) => panic!("{what:?} of {item:?}: {error}"),
        }
    }

    async fn check(&self) {
        let mut lanes = BTreeSet::new();
        let mut under_way: BTreeMap<String, u32> = BTreeMap::new();
        for item in items(&self.journal).await {
            if item.phase == Phase::Sending {
                *under_way.entry(item.principal).or_default() += 1;
            }
            if matches!(item.phase, Phase::Sending | Phase::Probing)
                && let Some(lane) = item.lane
            {
                assert!(lanes.insert(lane.clone()), "two of lane {lane} are in flight");
            }
        }
        assert!(
            under_way.values().all(|n| *n <= IN_FLIGHT),
            "{under_way:?} are under way"
        );
        let looked_at = tracks(&self.journal).await.into_iter();
        let n_looks = looked_at.filter(|track| track.lease.is_some()).count();
        assert!(n_looks <= tracker::AT_ONCE, "{n_looks} looks for runs at once");
        for principal in ["default", "other"] {
            let of = self.sent.values().filter(|sent| sent.item.principal == principal);
            let mut starts: Vec<_> = of.map(|sent| sent.at).collect();
            starts.sort_unstable();
            for (window, most) in [(60, PER_MINUTE), (3_600, PER_HOUR), (2, 1)] {
                let most = usize::try_from(most).unwrap();
                let full = starts
                    .windows(most + 1)
                    .find(|of| of[most].since(of[0]) < Duration::from_secs(window));
                assert_eq!(
                    full, None,
                    "more than {most} requests of {principal} in {window} s"
                );
            }
        }
    }

    /// Everything ends once the destination behaves and a person decides about what is parked.
    async fn drain(&mut self) {
        let mut to = Destination {
            conducts: vec![Conduct::Accept],
            shows: true,
            ..Destination::default()
        };
        let mut worker = Worker::new(&self.journal, self.budgets.clone(), self.now, LEASE);
        for _ in 0..1_000 {
            worker.drain(&mut to).await.unwrap();
            let items = items(&self.journal).await;
            let parked = items
                .iter()
                .find(|item| item.holds_lane && item.phase == Phase::Settled);
            match parked {
                Some(item) => {
                    let command = Command::Refuse {
                        item: item.id,
                        why: "a person decided".to_owned(),
                    };
                    self.journal
                        .record(worker.now, vec![Record::Command(command)])
                        .await
                        .unwrap();
                }
                None => break,
            }
        }
        self.now = worker.now;
        let tracks = tracks(&self.journal).await;
        for track in &tracks {
            assert_eq!(track.stage, Stage::Over, "{track:?} after everything was done");
        }
        let mut late: BTreeMap<(ItemId, bool), u32> = BTreeMap::new();
        let query = ScanQuery::History {
            after: 0,
            item: None,
            limit: 100_000,
        };
        let Ok(Page::History(history)) = self.journal.scan(query).await else {
            panic!("the history can be read")
        };
        for row in history {
            if let (
                Some(item),
                Entry::Tracked {
                    step: TrackStep::Late { why },
                },
            ) = (row.item, row.entry)
            {
                *late.entry((item, why.contains("concluded"))).or_default() += 1;
            }
        }
        assert!(late.values().all(|n| *n == 1), "each step is late once: {late:?}");
        for item in items(&self.journal).await {
            assert_eq!(
                item.phase,
                Phase::Settled,
                "{item:#?} has no verdict after everything was done"
            );
            let dispatched = matches!(item.verdict, Some(Verdict::Dispatched { .. }));
            let n = to.effects.get(item.relay_id.as_str()).map_or(0, Vec::len);
            assert!(
                n <= 1 && (n == 0 || dispatched),
                "{item:#?} took effect {n} times while everything behaved"
            );
        }
    }
}

async fn tracks(journal: &dyn Journal) -> Vec<Track> {
    let query = ScanQuery::Tracks {
        after: ItemId(0),
        standing: None,
        limit: 100_000,
    };
    let Ok(Page::Tracks(tracks)) = journal.scan(query).await else {
        panic!("the tracks can be read")
    };
    tracks
}

fn is_above(one: Option<&Place>, other: Option<&Place>) -> bool {
    let both = one.zip(other);
    both.is_some_and(|(one, other)| one.compare(other) == Some(std::cmp::Ordering::Greater))
}

proptest! {
    #![proptest_config(Config { cases: 300, ..Config::default() })]

    #[test]
    fn ok_whatever_happens_order_budget_and_history_hold(happenings in vec(happening(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for happening in happenings {
                world.happen(happening).await;
            }
            history_makes_items("a random sequence", &world.journal, false).await;
            world.drain().await;
            history_makes_items("a random sequence, drained", &world.journal, false).await;
        });
    }
}
