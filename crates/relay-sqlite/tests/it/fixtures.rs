//! **Here**: journals that earlier schema versions wrote, as a crash left them, are opened and drained by the real relay.
//! **Not here**: single steps of a migration (`lanes`).
//! **Reads**: `support`; `tests/journals/README.md` says how the files were made.
//! **Source**: DESIGN section 2: what was accepted ends in one verdict, also after the program was replaced.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use relay_core::budget::Budget;
use relay_core::clock::Timestamp;
use relay_core::dispatch::{
    Advice, Checked, DispatchError, DispatchRequest, DispatchTarget, Dispatched, Dispatcher, RunState, Scope,
    Sighting,
};
use relay_core::enrich::{EnrichError, Enricher, FactQuery, Facts};
use relay_core::journal::item::{Item, RunRef, Verdict};
use relay_core::journal::scan::{Page, ScanQuery};
use relay_core::journal::{ClaimKind, Closing, Command, Journal, Settlement};
use relay_core::key::RelayId;
use relay_core::lane::LaneMode;
use relay_core::rules::gate::{Gate, Judgement};
use relay_core::rules::{Route, RouteConfig, RuleSet};
use relay_core::testing::contract::journal::history_makes_items;
use relay_core::testing::doubles::ManualClock;
use relay_core::webhook::SharedSecrets;
use relay_core::{Relay, RelayBuilder};
use relay_sqlite::{Health, SqliteJournal};
use rusqlite::Connection;

use crate::support::{at, everything, folder, items, open, request};

/// Its name is that of the file to write; the child looks for it where it was started.
const WRITE: &str = "write-a-journal";
const JOURNALS: [(i64, &str); 6] = [
    (1, include_str!("../journals/v1.sql")),
    (2, include_str!("../journals/v2.sql")),
    (3, include_str!("../journals/v3.sql")),
    (4, include_str!("../journals/v4.sql")),
    (5, include_str!("../journals/v5.sql")),
    (6, include_str!("../journals/v6.sql")),
];
const WORKSPACE: &str =
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w";

/// A destination that treats each repository in its own way, while the journal is written; later everything is well there.
#[derive(Debug, Default)]
struct GitHub {
    all_is_well: bool,
    sent: Mutex<Vec<(String, String)>>,
}

#[async_trait]
impl Dispatcher for GitHub {
    fn longest_attempt(&self) -> Duration {
        Duration::from_secs(30)
    }

    async fn check(&self, _: &DispatchTarget) -> Result<Checked, DispatchError> {
        Ok(Checked {
            shows_relay_id: Some(true),
            remarks: Vec::new(),
        })
    }

    async fn dispatch(&self, request: &DispatchRequest) -> Result<Dispatched, DispatchError> {
        let (repository, id) = (request.target.repository.as_str(), request.relay_id.as_str());
        self.sent
            .lock()
            .unwrap()
            .push((repository.to_owned(), id.to_owned()));
        let until = at(3_600_000);
        let advice = match repository {
            _ if self.all_is_well => return Ok(Dispatched::default()),
            "o/probed" | "o/unseen" => Advice::Unknown,
            "o/every" => Advice::GiveUp,
            "o/retried" => Advice::NotSent,
            "o/gone" => Advice::Block(Scope::Target),
            "o/limited" => Advice::Throttled { until },
            _ => return Ok(Dispatched::default()),
        };
        Err(DispatchError::new(advice, "on purpose"))
    }

    async fn probe(
        &self,
        target: &DispatchTarget,
        _: &RelayId,
        _: Timestamp,
    ) -> Result<Sighting, DispatchError> {
        match target.repository.as_str() {
            "o/unseen" => Ok(Sighting::NotSeen),
            _ => Ok(Sighting::Seen(run("77"))),
        }
    }

    async fn run(&self, _: &DispatchTarget, run: &RunRef) -> Result<RunState, DispatchError> {
        Ok(RunState {
            run: run.clone(),
            status: Some("completed".to_owned()),
            conclusion: Some("success".to_owned()),
        })
    }
}

fn run(id: &str) -> RunRef {
    RunRef {
        id: id.to_owned(),
        url: None,
    }
}

/// The model's name is the fact.
#[derive(Debug)]
struct Names;

#[async_trait]
impl Enricher for Names {
    async fn enrich(&self, query: &FactQuery) -> Result<Facts, EnrichError> {
        let name = query.model.clone().unwrap_or_default();
        Ok(Facts([("name".to_owned(), name.into())].into_iter().collect()))
    }
}

#[derive(Debug)]
struct ByName {
    hold: bool,
}

impl Gate for ByName {
    fn judge(&self, _: &Route, facts: &Facts) -> Judgement {
        match facts.0.get("name").and_then(|name| name.as_str()) {
            Some("refused") => Judgement::Refuse {
                why: "worse".to_owned(),
            },
            Some("held") if self.hold => Judgement::Hold {
                wait: Duration::from_secs(5),
                why: "not yet".to_owned(),
            },
            _ => Judgement::Admit,
        }
    }
}

/// One route for each of these models, to the repository of its name.
fn rules() -> RuleSet {
    let names = [
        "sent",
        "sending",
        "waiting",
        "probed",
        "unseen",
        "every",
        "retried",
        "gone",
        "limited",
        "refused",
        "held",
        "cancelled",
        "odd",
        "again",
    ];
    let route = |name: &str| {
        let mut route = RouteConfig::new(name, format!("o/{name}"));
        route.models = vec![name.to_owned()];
        match name {
            "every" => route.lane = LaneMode::Every,
            "gone" => route.identity = "other".to_owned(),
            "limited" => route.identity = "slow".to_owned(),
            "refused" | "held" => route.wants_facts = true,
            _ => {}
        }
        route
    };
    RuleSet::load(names.map(route)).unwrap()
}

fn relay(journal: &Arc<SqliteJournal>, github: &Arc<GitHub>, clock: &Arc<ManualClock>) -> Relay {
    RelayBuilder::new(Arc::clone(journal), Arc::clone(github), rules())
        .with_secrets(SharedSecrets::new(["s3cret"]).unwrap())
        .with_clock(Arc::clone(clock))
        .with_budget(Budget::unbounded().with_max_in_flight(0))
        .with_enricher(Names)
        .with_gate(ByName {
            hold: !github.all_is_well,
        })
        .build()
        .unwrap()
}

/// Delivers a version that was registered at that hour.
async fn deliver(relay: &Relay, model: &str, version: &str, hour: u8) {
    let event = serde_json::json!([{
        "id": format!("{model}:{version}@{hour}"), "topic": WORKSPACE, "subject": format!("models/{model}:{version}"),
        "eventTime": format!("2025-11-22T{hour:02}:00:00Z"), "dataVersion": "2",
        "eventType": "Microsoft.MachineLearningServices.ModelRegistered",
        "data": { "modelName": model, "modelVersion": version, "modelTags": {}, "modelProperties": {} }
    }]);
    let request = Request::post("/events?code=s3cret").body(Bytes::from(event.to_string()));
    assert_eq!(relay.accept(request.unwrap()).await.status(), 200);
}

/// What was delivered, in this order.
const FIRST: [(&str, &str, u8); 15] = [
    ("sent", "2", 1),
    ("sent", "1", 1),
    ("again", "1", 1),
    ("sending", "0", 1),
    ("probed", "1", 1),
    ("unseen", "1", 1),
    ("every", "1", 1),
    ("retried", "1", 1),
    ("gone", "1", 1),
    ("limited", "1", 1),
    ("refused", "1", 1),
    ("held", "1", 1),
    ("cancelled", "1", 1),
    ("odd", "not-a-number", 1),
    ("nobody", "1", 1),
];
const LATER: [(&str, &str, u8); 5] = [
    ("again", "1", 2),
    ("every", "2", 1),
    ("every", "10", 1),
    ("sending", "1", 1),
    ("waiting", "1", 1),
];

fn of<'i>(items: &'i [Item], route: &str) -> &'i Item {
    items.iter().find(|item| item.route == route).unwrap()
}

/// A journal with items in every phase; it is not closed.
async fn write(path: &Path) -> Arc<SqliteJournal> {
    let journal = Arc::new(open(&path.to_path_buf()));
    let (github, clock) = (Arc::new(GitHub::default()), Arc::new(ManualClock::new(at(0))));
    let relay = relay(&journal, &github, &clock);
    for (model, version, hour) in FIRST {
        deliver(&relay, model, version, hour).await;
    }
    let unreadable = Request::post("/events?code=s3cret").body(Bytes::from_static(b"[{\"id\":1}]"));
    assert_eq!(relay.accept(unreadable.unwrap()).await.status(), 200);
    let why = "not wanted".to_owned();
    let item = of(&items(&*journal).await, "cancelled").id;
    relay.command(Command::Cancel { item, why }).await.unwrap();
    relay.run_due().await.unwrap();
    let item = of(&items(&*journal).await, "sent").id;
    let run = run("7");
    journal
        .settle(at(1), vec![Settlement::RunSeen { item, run }])
        .await
        .unwrap();
    let allow_older = false;
    relay
        .command(Command::Replay { item, allow_older })
        .await
        .unwrap();
    relay.run_due().await.unwrap();
    for (model, version, hour) in LATER {
        deliver(&relay, model, version, hour).await;
    }
    // Intents to send, and looks, that nobody ends.
    clock.advance(Duration::from_secs(6));
    let mut send = request(ClaimKind::Send, at(6_000));
    send.max = 1;
    let sends = journal.claim(send).await.unwrap();
    let mut judge = request(ClaimKind::Judge, at(6_000));
    judge.max = 3;
    let looks = journal.claim(judge).await.unwrap();
    assert_eq!(
        (sends.tasks.len(), looks.tasks.len()),
        (1, 3),
        "{sends:?} {looks:?}"
    );
    journal
}

/// What each generation of each version is, by model, version and generation.
fn standings(items: &[Item], about: &BTreeMap<i64, (String, String)>) -> BTreeMap<String, &'static str> {
    let standing = |item: &Item| {
        let (model, version) = &about[&item.event.0];
        let word = item.verdict.as_ref().map_or(item.phase.as_str(), Verdict::as_str);
        (format!("{model} {version} {}", item.generation), word)
    };
    items.iter().map(standing).collect()
}

async fn about(journal: &dyn Journal) -> BTreeMap<i64, (String, String)> {
    let Page::Events(events) = everything(journal).await.remove(0) else {
        panic!("not events")
    };
    let about = events
        .into_iter()
        .map(|event| (event.seq.0, (event.model.unwrap(), event.version.unwrap())));
    about.collect()
}

const BEFORE: [(&str, &str); 19] = [
    ("again 1 1", "dispatched"),
    ("again 1 2", "parked"),
    ("cancelled 1 1", "cancelled"),
    ("every 1 1", "parked"),
    ("every 10 1", "waiting"),
    ("every 2 1", "waiting"),
    ("gone 1 1", "waiting"),
    ("held 1 1", "judging"),
    ("limited 1 1", "waiting"),
    ("odd not-a-number 1", "parked"),
    ("probed 1 1", "probing"),
    ("refused 1 1", "refused"),
    ("retried 1 1", "waiting"),
    ("sending 0 1", "dispatched"),
    ("sending 1 1", "sending"),
    ("sent 1 1", "superseded"),
    ("sent 2 1", "dispatched"),
    ("sent 2 2", "dispatched"),
    ("unseen 1 1", "probing"),
];

/// Written by the present version, whatever it is: the next one takes its file along.
#[tokio::test]
async fn child_writes_a_journal() {
    let Ok(name) = std::fs::read_to_string(WRITE) else {
        return;
    };
    let journal = write(Path::new(name.trim())).await;
    // It ends as a crash ends it: nothing is closed, and what was written is in the WAL.
    std::mem::forget(journal);
    std::process::exit(0);
}

#[tokio::test]
async fn ok_what_is_written_now_is_like_the_last_of_the_files() {
    let (_folder, path) = folder();
    let journal = write(&path).await;
    let mut found = standings(&items(&*journal).await, &about(&*journal).await);
    assert_eq!(found.remove("waiting 1 1"), Some("waiting"));
    assert_eq!(
        found
            .iter()
            .map(|(name, word)| (name.as_str(), *word))
            .collect::<Vec<_>>(),
        BEFORE
    );
    let connection = Connection::open(&path).unwrap();
    let version: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    let (newest, _) = JOURNALS[JOURNALS.len() - 1];
    assert_eq!(
        version, newest,
        "the present version has no file in tests/journals"
    );
}

#[tokio::test]
async fn ok_journals_of_every_version_open_and_drain() {
    for (version, sql) in JOURNALS {
        let (_folder, path) = folder();
        let connection = Connection::open(&path).unwrap();
        // The tables come in the order of their names.
        connection
            .execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}"))
            .unwrap();
        let found: (i64, i64) = connection
            .query_row(
                "SELECT user_version, clean FROM pragma_user_version, meta",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(found, (version, 0), "its version; and nobody closed it");
        drop(connection);
        drain(version, &path).await;
    }
}

async fn drain(version: i64, path: &Path) {
    let who = format!("version {version}");
    let journal = Arc::new(open(&path.to_path_buf()));
    let about = about(&*journal).await;
    let mut found = standings(&items(&*journal).await, &about);
    assert_eq!(found.remove("waiting 1 1"), Some("waiting"), "{who}");
    assert_eq!(
        found
            .iter()
            .map(|(name, word)| (name.as_str(), *word))
            .collect::<Vec<_>>(),
        BEFORE,
        "{who}"
    );
    let Page::Overview(overview) = journal.scan(ScanQuery::Overview).await.unwrap() else {
        panic!("not the overview")
    };
    // From version 3 on the file says which it was.
    assert_eq!(overview.pause.is_some(), version >= 3, "{who}: a copy");

    let github = Arc::new(GitHub {
        all_is_well: true,
        ..GitHub::default()
    });
    let clock = Arc::new(ManualClock::new(at(10_000)));
    let relay = relay(&journal, &github, &clock);
    if version >= 3 {
        let what = Closing::Journal;
        relay.command(Command::Resume { what }).await.unwrap();
    }
    until_nothing_is_due(&relay, &clock).await;
    // The lane of every version is held by what parked, until a person refuses it.
    let of_every = items(&*journal).await;
    assert_eq!(standings(&of_every, &about)["every 2 1"], "waiting", "{who}");
    let (item, why) = (of(&of_every, "every").id, "never".to_owned());
    relay.command(Command::Refuse { item, why }).await.unwrap();
    until_nothing_is_due(&relay, &clock).await;

    let found = items(&*journal).await;
    let mut expect: BTreeMap<&str, &str> = BEFORE.into_iter().chain([("waiting 1 1", "")]).collect();
    for name in [
        "every 10 1",
        "every 2 1",
        "gone 1 1",
        "held 1 1",
        "limited 1 1",
        "probed 1 1",
        "retried 1 1",
        "sending 1 1",
        "unseen 1 1",
        "waiting 1 1",
    ] {
        expect.insert(name, "dispatched");
    }
    expect.insert("every 1 1", "refused");
    let verdicts = standings(&found, &about);
    let verdicts: BTreeMap<&str, &str> = verdicts
        .iter()
        .map(|(name, word)| (name.as_str(), *word))
        .collect();
    assert_eq!(verdicts, expect, "{who}");
    // What was sent now: each one time, in the order of its lane; of what may have gone before, only what was not seen.
    let sent: Vec<String> = github
        .sent
        .lock()
        .unwrap()
        .iter()
        .map(|(to, _)| to.clone())
        .collect();
    let mut sorted = sent.clone();
    sorted.sort();
    assert_eq!(
        sorted,
        [
            "o/every",
            "o/every",
            "o/gone",
            "o/held",
            "o/limited",
            "o/retried",
            "o/unseen",
            "o/waiting"
        ],
        "{who}"
    );
    let ids: Vec<String> = github
        .sent
        .lock()
        .unwrap()
        .iter()
        .map(|(_, id)| id.clone())
        .collect();
    let of_every: Vec<&str> = ids
        .iter()
        .filter_map(|id| {
            found
                .iter()
                .find(|item| item.relay_id.as_str() == id && item.route == "every")
        })
        .map(|item| about[&item.event.0].1.as_str())
        .collect();
    assert_eq!(of_every, ["2", "10"], "{who}");

    // What was delivered then is known, and makes nothing new.
    for (model, version, hour) in FIRST.into_iter().chain(LATER) {
        deliver(&relay, model, version, hour).await;
    }
    assert_eq!(relay.counts().accepted, 0, "{who}: it is known");
    assert_eq!(items(&*journal).await, found, "{who}");
    history_makes_items(&who, &*journal, false).await;
    while journal.health() == Health::Checking {
        std::thread::yield_now();
    }
    assert_eq!(journal.health(), Health::Sound, "{who}");
}

async fn until_nothing_is_due(relay: &Relay, clock: &ManualClock) {
    for _ in 0..10_000 {
        let round = relay.run_due().await.unwrap();
        match round.next_due {
            Some(due) => clock.set(due.max(relay.now())),
            None => return,
        }
    }
    panic!("it never ends");
}
