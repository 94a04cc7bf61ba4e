//! **Here**: events to accept, requests to claim with, and a journal in a temporary folder.
//! **Not here**: assertions.
//! **Reads**: used by every test module.
//! **Source**: our own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use github_dispatch::{DispatchEventType, RepoFullName};
use relay_core::budget::Budget;
use relay_core::clock::Timestamp;
use relay_core::dispatch::{Checked, DispatchTarget};
use relay_core::journal::item::{Item, ItemId, Phase, Policy};
use relay_core::journal::rows::LaneFront;
use relay_core::journal::scan::{ItemFilter, Page, ScanQuery};
use relay_core::journal::{
    AcceptBatch, Budgets, ClaimKind, ClaimRequest, Journal, NewEvent, NewItem, Record, Task, Work,
};
use relay_core::key::{DispatchKey, ReleaseKey};
use relay_core::lane::{self, Place};
use relay_core::testing::rows;
use relay_sqlite::{OpenOptions, SqliteJournal};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(1_763_856_000_000 + ms)
}

/// A folder, and the path of a journal in it.
pub(crate) fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.db");
    (folder, path)
}

pub(crate) fn open(path: &PathBuf) -> SqliteJournal {
    SqliteJournal::open(path, OpenOptions::new()).unwrap()
}

pub(crate) fn target(repository: &str) -> DispatchTarget {
    DispatchTarget::of_event_type(
        "default",
        RepoFullName::parse(repository).unwrap(),
        DispatchEventType::parse("deploy").unwrap(),
    )
}

pub(crate) fn new_item(route: &str, policy: Policy, model: &str, version: &str) -> NewItem {
    NewItem {
        route: route.to_owned(),
        snapshot: format!("{{\"route\":\"{route}\"}}"),
        key: DispatchKey::new(&ReleaseKey::of_model("/w", model, version), route),
        policy,
        target: target(&format!("owner/{route}")),
        lane: Some(format!("/w/{model}/{route}")),
        place: Place::of_version(version).ok(),
        park: None,
    }
}

/// An event with this id that registers a version, wanted by one route.
pub(crate) fn event(id: &str, model: &str, version: &str) -> NewEvent {
    NewEvent {
        key: format!("/w {id}"),
        event_type: "Microsoft.MachineLearningServices.ModelRegistered".to_owned(),
        subject: Some(format!("models/{model}:{version}")),
        workspace: Some("/w".to_owned()),
        model: Some(model.to_owned()),
        version: Some(version.to_owned()),
        time: None,
        instant: Some((1_763_856_000, 0)),
        release: ReleaseKey::of_model("/w", model, version),
        body: format!("{{\"id\":\"{id}\"}}"),
        wanted: vec![new_item("deploy", rows::policy(), model, version)],
        unwanted: None,
    }
}

pub(crate) fn batch(now: Timestamp, events: Vec<NewEvent>) -> AcceptBatch {
    AcceptBatch {
        now,
        events,
        unreadable: Vec::new(),
        keep_unreadable: (100, 1_000_000),
    }
}

pub(crate) fn request(kind: ClaimKind, now: Timestamp) -> ClaimRequest {
    let budgets = Budgets {
        default: Budget::unbounded().with_max_in_flight(0),
        ..Budgets::default()
    };
    ClaimRequest {
        kind,
        now,
        lease: Duration::from_secs(60),
        max: 10,
        budgets,
    }
}

/// Checks every target that wants it, so that sends may be claimed.
pub(crate) async fn check_targets(journal: &dyn Journal, now: Timestamp) {
    let claimed = journal.claim(request(ClaimKind::Judge, now)).await.unwrap();
    for task in claimed.tasks {
        let Task::Check(target) = task else { continue };
        let result = Ok(Checked {
            shows_relay_id: Some(true),
            remarks: Vec::new(),
        });
        journal
            .record(
                now,
                vec![Record::Checked {
                    target: target.key,
                    result,
                }],
            )
            .await
            .unwrap();
    }
}

/// Claims what may be sent.
pub(crate) async fn claim_sends(journal: &dyn Journal, now: Timestamp) -> Vec<Work> {
    let claimed = journal.claim(request(ClaimKind::Send, now)).await.unwrap();
    let work = claimed.tasks.into_iter().map(|task| match task {
        Task::Send(work) => work,
        other => panic!("not a send: {other:?}"),
    });
    work.collect()
}

/// Everything that a scan shows, as pages.
pub(crate) async fn everything(journal: &dyn Journal) -> Vec<Page> {
    let limit = usize::MAX;
    let queries = [
        ScanQuery::Events {
            after: Default::default(),
            limit,
        },
        ScanQuery::Items {
            after: ItemId(0),
            filter: ItemFilter::default(),
            limit,
        },
        ScanQuery::History {
            after: 0,
            item: None,
            limit,
        },
        ScanQuery::Unreadable,
        ScanQuery::Overview,
        ScanQuery::Tracks {
            after: ItemId(0),
            standing: None,
            limit,
        },
    ];
    let mut pages = Vec::new();
    for query in queries {
        pages.push(journal.scan(query).await.unwrap());
    }
    pages
}

pub(crate) async fn items(journal: &dyn Journal) -> Vec<Item> {
    let query = ScanQuery::Items {
        after: ItemId(0),
        filter: ItemFilter::default(),
        limit: usize::MAX,
    };
    match journal.scan(query).await.unwrap() {
        Page::Items(items) => items,
        other => panic!("not items: {other:?}"),
    }
}

/// A small generator of numbers, the same on every machine.
pub(crate) struct Lcg(pub(crate) u64);

impl Lcg {
    /// A number below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()].clone()
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// The waiting items that the file notes as standing behind others of their lanes.
pub(crate) fn behind(path: &Path) -> BTreeSet<ItemId> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut statement = connection
        .prepare("SELECT id FROM items WHERE phase = 'waiting' AND behind = 1")
        .unwrap();
    let ids = statement.query_map([], |row| row.get(0).map(ItemId)).unwrap();
    ids.map(Result::unwrap).collect()
}

/// All but the one that goes next stand behind, in every lane from which every version goes.
pub(crate) async fn check_lines(path: &Path, journal: &dyn Journal) {
    let mut lanes: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for item in items(journal).await.into_iter().filter(|item| item.holds_lane) {
        lanes.entry(item.lane.clone().unwrap()).or_default().push(item);
    }
    let mut expect = BTreeSet::new();
    for holders in lanes.into_values() {
        let any = |phases: &[Phase]| holders.iter().any(|item| phases.contains(&item.phase));
        let line = holders
            .iter()
            .filter(|item| matches!(item.phase, Phase::Judging | Phase::Waiting));
        let front = LaneFront {
            under_way: any(&[Phase::Sending, Phase::Probing]),
            parked: any(&[Phase::Settled]),
            first: line.min_by(|a, b| lane::order(a, b)).cloned(),
        };
        let next = lane::next_in_line(&front).map(|next| next.id);
        let stand = holders.iter().filter(|item| lane::stands_in_line(item));
        expect.extend(stand.map(|item| item.id).filter(|id| Some(*id) != next));
    }
    assert_eq!(behind(path), expect);
}

/// The journal as version 5 of the schema had it: nobody stands behind.
pub(crate) fn to_version_5(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let back = "BEGIN; DROP INDEX items_due; DROP INDEX items_lane; ALTER TABLE items DROP COLUMN behind; \
         CREATE INDEX items_due ON items (phase, target, rank, due_at, id, lane, lease_fence) \
             WHERE phase <> 'settled' AND lease_fence IS NULL; \
         CREATE INDEX items_lane ON items (lane) WHERE holds_lane = 1; \
         PRAGMA user_version = 5; COMMIT";
    connection.execute_batch(back).unwrap();
}
