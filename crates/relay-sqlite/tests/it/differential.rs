//! **Here**: the same random verbs on this journal and on the one in memory: every answer and every row is equal.
//! **Not here**: what the verbs should do (relay-core's own tests).
//! **Reads**: `support`.
//! **Source**: our own; seeds that found a fault stay in the list.

use std::collections::BTreeSet;
use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use relay_core::budget::Budget;
use relay_core::clock::Timestamp;
use relay_core::dispatch::{Advice, Checked, DispatchError, Dispatched, RunState, Scope, Sighting};
use relay_core::journal::item::{EventSeq, ItemId, Phase, Policy, RunRef};
use relay_core::journal::scan::{ItemFilter, Page, ScanQuery};
use relay_core::journal::track::{Stage, Track};
use relay_core::journal::{
    AcceptBatch, Budgets, ClaimKind, ClaimRequest, Closing, Command, Journal, JournalAdmin, MemoryJournal,
    NewEvent, Record, Settlement, Task,
};
use relay_core::key::{DispatchKey, ReleaseKey};
use relay_core::lane::{LaneMode, Place};
use relay_core::retry::{Again, OnUnknown};
use relay_core::testing::rows;
use relay_core::tracker::Observation;
use relay_sqlite::SqliteJournal;

use crate::support::{Lcg, at, check_lines, event, everything, folder, new_item, open};

/// Work that was claimed and not reported yet, possibly stale by now.
#[derive(Clone, Debug)]
enum Held {
    Judge(ItemId, u64),
    Probe(ItemId, u64),
    Send(ItemId, u64),
    Check(String),
    Track(ItemId, u64, Stage),
}

struct Pair {
    memory: MemoryJournal,
    sqlite: SqliteJournal,
    random: Lcg,
    now: Timestamp,
    held: Vec<Held>,
    n_events: u64,
    n_compacted: usize,
}

/// Everything that a journal holds, as text.
async fn exported(journal: &dyn JournalAdmin) -> String {
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);
    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let to = Shared::default();
    journal.export(Box::new(to.clone())).await.unwrap();
    String::from_utf8(to.0.lock().unwrap().clone()).unwrap()
}

fn policy_of(route: &str) -> Policy {
    let mut policy = rows::policy();
    policy.run_seen_within = (route != "resent").then_some(Duration::from_secs(600));
    policy.run_concluded_within = (route != "judged").then_some(Duration::from_secs(1_200));
    match route {
        "latest" => policy.again = Again::Dispatch,
        "every" => (policy.lane, policy.unknown, policy.priority) = (LaneMode::Every, OnUnknown::Park, -3),
        "judged" => (policy.wants_facts, policy.priority, policy.again) = (true, i32::MAX, Again::Ignore),
        _ => (policy.unknown, policy.priority) = (OnUnknown::Resend, i32::MIN),
    }
    policy
}

impl Pair {
    fn some_event(&mut self) -> NewEvent {
        // One in eight comes again.
        let id = if self.random.one_in(8) {
            self.random.below(self.n_events + 1)
        } else {
            self.n_events
        };
        self.n_events += 1;
        let model = self.random.pick(&["a", "b", "ü\0\u{fffd}'\""]);
        let version = self.random.pick(&["1", "2", "3", "10", "007", "x"]);
        let mut new = event(&id.to_string(), model, version);
        new.instant = self.random.pick(&[
            None,
            Some((5, 1)),
            Some((i64::try_from(self.n_events).unwrap(), 999_999_999)),
        ]);
        new.body = format!("{{\"n\":{id},\"odd\":\"\0\u{7f}\u{feff}\u{10ffff}\r\n\"}}");
        new.wanted.clear();
        for route in ["latest", "every", "judged", "resent"] {
            if self.random.one_in(2) {
                let mut item = new_item(route, policy_of(route), model, version);
                if self.random.one_in(12) {
                    item.park = Some("outside its grammar".to_owned());
                }
                if self.random.one_in(12) {
                    (item.lane, item.place) = (None, None);
                }
                if self.random.one_in(20) {
                    item.place = Some(Place::EventTime {
                        seconds: -1,
                        nanos: 5,
                        id: "i".to_owned(),
                    });
                }
                new.wanted.push(item);
            }
        }
        if self.random.one_in(2) {
            new.unwanted = Some("not this workspace".to_owned());
        }
        // Of the other workspace everything is over at once, so that it can be forgotten.
        if self.random.one_in(8) {
            new.workspace = Some("/v".to_owned());
            new.release = ReleaseKey::of_model("/v", model, version);
            let mut item = new_item("latest", policy_of("latest"), model, version);
            item.key = DispatchKey::new(&new.release, "latest");
            item.lane = Some(format!("/v {model}"));
            item.park = Some("outside its grammar".to_owned());
            new.wanted = vec![item];
        }
        new
    }

    async fn accept(&mut self) {
        let events = (0..self.random.below(4)).map(|_| self.some_event()).collect();
        let mut unreadable = Vec::new();
        if self.random.one_in(5) {
            let body = format!(
                "bad {}",
                "x".repeat(usize::try_from(self.random.below(7)).unwrap())
            );
            unreadable.push((body, "no id".to_owned()));
        }
        let keep_unreadable = (self.random.pick(&[0, 2, 4]), self.random.pick(&[5, 22, 1_000]));
        let batch = AcceptBatch {
            now: self.now,
            events,
            unreadable,
            keep_unreadable,
        };
        let (a, b) = (
            self.memory.accept(batch.clone()).await,
            self.sqlite.accept(batch).await,
        );
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
    }

    async fn claim(&mut self) {
        let kind = self.random.pick(&[ClaimKind::Judge, ClaimKind::Send]);
        let budget = self.random.pick(&[
            Budget::unbounded().with_max_in_flight(0),
            Budget::unbounded().with_max_in_flight(3).with_per_minute(5),
            Budget::default(),
        ]);
        let request = ClaimRequest {
            kind,
            now: self.now,
            lease: Duration::from_secs(self.random.pick(&[1, 60])),
            max: self.random.pick(&[0, 1, 3, 50]),
            budgets: Budgets {
                default: budget,
                ..Budgets::default()
            },
        };
        let (a, b) = (
            self.memory.claim(request.clone()).await,
            self.sqlite.claim(request).await,
        );
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
        self.held
            .extend(a.unwrap().tasks.into_iter().map(|task| match task {
                Task::Judge(work) => Held::Judge(work.item.id, work.fence),
                Task::Probe(work) => Held::Probe(work.item.id, work.fence),
                Task::Send(work) => Held::Send(work.item.id, work.fence),
                Task::Check(target) => Held::Check(target.key),
                Task::Track(work) => Held::Track(work.item.id, work.fence, work.track.stage),
            }));
    }

    fn some_error(&mut self) -> DispatchError {
        let until = self.now.shifted_ms(30_000);
        let advice = self.random.pick(&[
            Advice::GiveUp,
            Advice::Block(Scope::Principal),
            Advice::Block(Scope::Target),
            Advice::Throttled { until },
            Advice::NotSent,
            Advice::Unknown,
            Advice::Unknown,
        ]);
        DispatchError::new(advice, "said \0 no")
    }

    /// What became of work that is held: a record, or a verdict.
    fn outcome(&mut self, held: Held) -> Result<Record, Settlement> {
        let run = RunRef {
            id: "5".to_owned(),
            url: Some("u".to_owned()),
        };
        let closed_until = self.random.pick(&[None, Some(self.now.shifted_ms(10_000))]);
        match held {
            Held::Judge(item, fence) => match self.random.below(5) {
                0 => Err(Settlement::Refused {
                    item,
                    fence,
                    why: "worse".to_owned(),
                }),
                1 => Ok(Record::Hold {
                    item,
                    fence,
                    due: self.now.shifted_ms(5_000),
                    why: "not yet".to_owned(),
                }),
                _ => Ok(Record::Admit { item, fence }),
            },
            Held::Probe(item, fence) => Ok(Record::Looked {
                item,
                fence,
                look: match self.random.below(4) {
                    0 => Ok(Sighting::Seen(run)),
                    1 => Err(self.some_error()),
                    _ => Ok(Sighting::NotSeen),
                },
            }),
            Held::Send(item, fence) => match self.random.below(8) {
                0..4 => Err(Settlement::Dispatched {
                    item,
                    fence,
                    answer: Dispatched {
                        run: self.random.pick(&[None, Some(run)]),
                        closed_until,
                    },
                }),
                4 => Err(Settlement::Parked {
                    item,
                    fence,
                    why: "no payload".to_owned(),
                }),
                _ => Ok(Record::Failed {
                    item,
                    fence,
                    error: self.some_error(),
                }),
            },
            Held::Track(item, fence, stage) => Ok(Record::Tracked {
                item,
                fence,
                seen: match (stage, self.random.below(6)) {
                    (Stage::Seeking, 0) => Observation::Look(Ok(Sighting::Seen(run))),
                    (Stage::Seeking, 1) => Observation::Look(Err(self.some_error())),
                    (Stage::Seeking, _) => Observation::Look(Ok(Sighting::NotSeen)),
                    (_, 0) => Observation::Run(Err(self.some_error())),
                    (_, n) => Observation::Run(Ok(RunState {
                        run,
                        status: Some("completed".to_owned()),
                        conclusion: match n {
                            1 => None,
                            2 | 3 => Some("failure".to_owned()),
                            _ => Some("success".to_owned()),
                        },
                    })),
                },
            }),
            Held::Check(target) => Ok(Record::Checked {
                target,
                result: if self.random.one_in(4) {
                    Err(self.some_error())
                } else {
                    let remarks = self.random.pick(&[vec![], vec!["no workflow".to_owned()]]);
                    Ok(Checked {
                        shows_relay_id: self.random.pick(&[None, Some(true), Some(true), Some(false)]),
                        remarks,
                    })
                },
            }),
        }
    }

    async fn report(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let mut index = usize::try_from(self.random.below(self.held.len() as u64)).unwrap();
        // Items wait long behind closed doors; what was dispatched should come to its end now and then all the same.
        let is_track = |held: &Held| matches!(held, Held::Track(..));
        if let Some(track) = self
            .held
            .iter()
            .position(is_track)
            .filter(|_| self.random.one_in(2))
        {
            index = track;
        }
        // One in six is reported again later: by then its fence is an old one.
        let held = if self.random.one_in(6) {
            self.held[index].clone()
        } else {
            self.held.swap_remove(index)
        };
        match self.outcome(held) {
            Ok(record) => self.record(vec![record]).await,
            Err(settlement) => self.settle(vec![settlement]).await,
        }
    }

    async fn command(&mut self) {
        let item = ItemId(i64::try_from(self.random.below(40)).unwrap());
        let why = "a person".to_owned();
        let command = match self.random.below(12) {
            0 | 1 => Command::Refuse { item, why },
            2 | 3 => Command::Cancel { item, why },
            4 => Command::Recheck,
            5 => {
                let what = self.some_closing();
                Command::Pause { what, why }
            }
            6 | 7 => Command::Resume {
                what: self.some_closing(),
            },
            8 => Command::ReplayAll {
                filter: ItemFilter {
                    verdict: self.random.pick(&[
                        None,
                        Some("parked".to_owned()),
                        Some("superseded".to_owned()),
                    ]),
                    route: self
                        .random
                        .pick(&[None, Some("latest".to_owned()), Some("every".to_owned())]),
                    ..ItemFilter::default()
                },
                allow_older: self.random.one_in(2),
                limit: self.random.pick(&[1, 3, 100]),
            },
            9 => Command::Forget {
                workspace: self.random.pick(&["/w", "/V/", "/v"]).to_owned(),
            },
            _ => Command::Replay {
                item,
                allow_older: self.random.one_in(2),
            },
        };
        // A command that is refused takes with it what came before it in its batch.
        self.record(vec![Record::Command(Command::Recheck), Record::Command(command)])
            .await;
        if self.random.one_in(3) {
            let run = RunRef {
                id: "9".to_owned(),
                url: None,
            };
            self.settle(vec![Settlement::RunSeen { item, run }]).await;
        }
    }

    fn some_closing(&mut self) -> Closing {
        if self.random.one_in(2) {
            return Closing::Journal;
        }
        let route = self.random.pick(&["latest", "every", "judged", "RESENT", "none"]);
        Closing::Target {
            identity: "default".to_owned(),
            repository: format!("owner/{route}"),
        }
    }

    async fn compact(&mut self) {
        let before = self
            .now
            .shifted_ms(-self.random.pick(&[0_i64, 10_000, 1_000_000]));
        let limit = self.random.pick(&[0, 1, 4, 100]);
        let (a, b) = (
            self.memory.compact(before, limit).await,
            self.sqlite.compact(before, limit).await,
        );
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
        self.n_compacted += a.unwrap().items;
    }

    /// Both say the same line by line, and what one wrote the other reads.
    async fn carry_over(&self) {
        let (a, b) = (exported(&self.memory).await, exported(&self.sqlite).await);
        assert!(a == b, "the exports differ");
        let (_folder, path) = folder();
        let (memory, sqlite) = (MemoryJournal::new(), open(&path));
        let from = |text: &str| Box::new(Cursor::new(text.to_owned().into_bytes()));
        let (a, b) = (
            memory.import(self.now, from(&b)).await,
            sqlite.import(self.now, from(&a)).await,
        );
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
        a.unwrap();
        assert_eq!(everything(&memory).await, everything(&sqlite).await);
        check_lines(&path, &sqlite).await;
        assert!(
            exported(&memory).await == exported(&sqlite).await,
            "the exports differ"
        );
    }

    async fn record(&self, batch: Vec<Record>) {
        let (a, b) = (
            self.memory.record(self.now, batch.clone()).await,
            self.sqlite.record(self.now, batch).await,
        );
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
    }

    async fn settle(&self, batch: Vec<Settlement>) {
        let (a, b) = (
            self.memory.settle(self.now, batch.clone()).await,
            self.sqlite.settle(self.now, batch).await,
        );
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
    }

    async fn compare(&mut self) {
        for (a, b) in everything(&self.memory)
            .await
            .into_iter()
            .zip(everything(&self.sqlite).await)
        {
            // Line by line: a whole page is too much to read.
            let (a, b) = (format!("{a:#?}"), format!("{b:#?}"));
            let differing = a.lines().zip(b.lines()).enumerate().find(|(_, (a, b))| a != b);
            assert!(a == b, "memory and SQLite differ, first in {differing:?}");
        }
        let words = [
            None,
            Some("parked"),
            Some("dispatched"),
            Some("waiting"),
            Some("'; DROP TABLE items"),
        ];
        let filter = ItemFilter {
            phases: self.random.pick(&[
                vec![],
                vec![Phase::Settled],
                vec![Phase::Waiting, Phase::Waiting, Phase::Probing],
            ]),
            verdict: self.random.pick(&words).map(str::to_owned),
            event: self.random.pick(&[None, None, Some(EventSeq(3))]),
            relay_id: self.random.pick(&[None, None, Some("none".to_owned())]),
            route: self.random.pick(&[None, None, Some("every".to_owned())]),
        };
        let after = ItemId(i64::try_from(self.random.below(10)).unwrap());
        for query in [
            ScanQuery::Items {
                after,
                filter,
                limit: 7,
            },
            ScanQuery::History {
                after: after.0,
                item: Some(ItemId(2)),
                limit: 5,
            },
            ScanQuery::Events {
                after: EventSeq(after.0),
                limit: 3,
            },
            ScanQuery::Tracks {
                after,
                standing: self
                    .random
                    .pick(&[None, Some("seeking"), Some("succeeded"), Some("'")])
                    .map(str::to_owned),
                limit: 4,
            },
            ScanQuery::Attempts {
                principal: "default".to_owned(),
                limit: 3,
            },
        ] {
            let (a, b) = (
                self.memory.scan(query.clone()).await,
                self.sqlite.scan(query).await,
            );
            assert_eq!(a.unwrap(), b.unwrap());
        }
    }
}

impl Pair {
    /// How what was dispatched stands now.
    async fn standings(&self) -> Vec<&'static str> {
        let query = ScanQuery::Tracks {
            after: ItemId(0),
            standing: None,
            limit: usize::MAX,
        };
        let Page::Tracks(tracks) = self.sqlite.scan(query).await.unwrap() else {
            panic!("the tracks can be read")
        };
        tracks.iter().map(Track::standing).collect()
    }
}

async fn run(seed: u64, n: usize) -> BTreeSet<&'static str> {
    let (_folder, path) = folder();
    let (memory, sqlite) = (MemoryJournal::new(), open(&path));
    let mut pair = Pair {
        memory,
        sqlite,
        random: Lcg(seed),
        now: at(0),
        held: Vec::new(),
        n_events: 0,
        n_compacted: 0,
    };
    let mut standings = BTreeSet::new();
    for step in 0..n {
        // Mostly a little later, sometimes much later, now and then back.
        let by = match pair.random.below(60) {
            0 => -3_600_000,
            1..6 => 400_000,
            _ => i64::try_from(pair.random.below(4_000)).unwrap(),
        };
        pair.now = pair.now.shifted_ms(by);
        match pair.random.below(20) {
            0..4 => pair.accept().await,
            4..10 => pair.claim().await,
            10..18 => pair.report().await,
            18 if pair.random.one_in(3) => pair.compact().await,
            _ => pair.command().await,
        }
        if pair.random.one_in(80) {
            pair.carry_over().await;
        }
        if pair.random.one_in(50) {
            pair.memory.reopen();
            pair.sqlite.close().unwrap();
            pair.sqlite = open(&path);
        }
        if step % 10 == 9 || step + 1 == n {
            pair.compare().await;
            check_lines(&path, &pair.sqlite).await;
            standings.extend(pair.standings().await);
        }
    }
    let items = crate::support::items(&pair.sqlite).await;
    let words = items.iter().map(|item| {
        item.verdict
            .as_ref()
            .map_or(item.phase.as_str(), |verdict| verdict.as_str())
    });
    let mut seen: BTreeSet<&'static str> = words.collect();
    seen.extend((pair.n_compacted > 0).then_some("compacted"));
    let told = format!("{:?}", everything(&pair.sqlite).await[2]);
    for word in ["Paused", "Resumed", "Forgotten"] {
        seen.extend(told.contains(word).then_some(word));
    }
    seen.extend(standings);
    seen
}

#[tokio::test]
async fn ok_the_same_verbs_give_the_same_answers_and_rows_as_in_memory() {
    let mut seen = BTreeSet::new();
    for seed in 1..=10 {
        seen.extend(run(seed, 250).await);
    }
    // The random walk is worth something only if it comes everywhere.
    for word in [
        "judging",
        "waiting",
        "probing",
        "cancelled",
        "dispatched",
        "parked",
        "refused",
        "superseded",
        "compacted",
        "Paused",
        "Resumed",
        "Forgotten",
        "seeking",
        "following",
        "succeeded",
        "failed",
        "untracked",
    ] {
        assert!(seen.contains(word), "no item ended {word}: {seen:?}");
    }
}

#[tokio::test]
async fn ok_times_at_the_ends_of_the_range_are_moved_like_in_memory() {
    let (_folder, path) = folder();
    let (memory, sqlite) = (MemoryJournal::new(), open(&path));
    for journal in [&memory as &dyn Journal, &sqlite] {
        for ms in [i64::MAX, 0, i64::MIN + 6_000, i64::MIN] {
            let now = Timestamp::from_unix_ms(ms);
            let batch = crate::support::batch(now, vec![event(&ms.to_string(), &ms.to_string(), "1")]);
            journal.accept(batch).await.unwrap();
            crate::support::check_targets(journal, now).await;
            crate::support::claim_sends(journal, now).await;
        }
    }
    assert_eq!(everything(&memory).await, everything(&sqlite).await);
}
