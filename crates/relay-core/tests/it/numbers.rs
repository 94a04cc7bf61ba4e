//! **Here**: what a recorder hears of a relay: every number of the table, its labels, and nothing else.
//! **Not here**: the table (`relay_core::observe`), recorders of others.
//! **Reads**: `rig` for the relay; a recorder of our own that keeps everything.
//! **Source**: issue "observability"; the table in `docs/metrics.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString,
};
use relay_core::dispatch::{Advice, Scope, Sighting};
use relay_core::journal::{Command, MemoryJournal};
use relay_core::lane::LaneMode;
use relay_core::observe::{self, Kind};
use relay_core::rules::RouteConfig;
use relay_core::testing::faults::{Cut, FaultPlan, FaultyJournal};
use serde_json::json;

use crate::rig::{Rig, after, deploy, error, post, registered, run};

#[derive(Debug, Default)]
struct Cell(Mutex<Vec<f64>>);

impl CounterFn for Cell {
    fn increment(&self, by: u64) {
        self.0.lock().unwrap().push(by as f64);
    }

    fn absolute(&self, _: u64) {
        panic!("counters are only incremented");
    }
}

impl GaugeFn for Cell {
    fn increment(&self, _: f64) {
        panic!("gauges are only set");
    }

    fn decrement(&self, _: f64) {
        panic!("gauges are only set");
    }

    fn set(&self, to: f64) {
        *self.0.lock().unwrap() = vec![to];
    }
}

impl HistogramFn for Cell {
    fn record(&self, value: f64) {
        self.0.lock().unwrap().push(value);
    }
}

/// Everything that was recorded on this thread.
#[derive(Debug, Default)]
struct Numbers {
    cells: Mutex<BTreeMap<String, (Kind_, Arc<Cell>)>>,
    described: Mutex<BTreeSet<(String, Kind_)>>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind_ {
    Counter,
    Gauge,
    Histogram,
}

impl Numbers {
    fn cell(&self, key: &Key, kind: Kind_) -> Arc<Cell> {
        let labels: Vec<String> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        let mut cells = self.cells.lock().unwrap();
        let (known, cell) = cells
            .entry(name.clone())
            .or_insert_with(|| (kind, Arc::default()));
        assert_eq!(*known, kind, "{name}");
        Arc::clone(cell)
    }

    fn describe(&self, name: &KeyName, kind: Kind_) {
        self.described
            .lock()
            .unwrap()
            .insert((name.as_str().to_owned(), kind));
    }

    /// The counters and gauges, as a page of them would show them.
    fn page(&self) -> Vec<String> {
        let cells = self.cells.lock().unwrap();
        let shown = cells.iter().filter(|(_, (kind, _))| *kind != Kind_::Histogram);
        shown
            .map(|(name, (_, cell))| format!("{name} {}", cell.0.lock().unwrap().iter().sum::<f64>()))
            .collect()
    }

    fn counters(&self) -> Vec<String> {
        let gauges: Vec<&str> = observe::ALL
            .iter()
            .filter(|one| one.kind == Kind::Gauge)
            .map(|one| one.name)
            .collect();
        let mut page = self.page();
        page.retain(|line| !gauges.contains(&line.split('{').next().unwrap()));
        page
    }

    fn gauge(&self, name: &str) -> f64 {
        let cells = self.cells.lock().unwrap();
        let (_, cell) = cells
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not there: {:#?}", cells.keys()));
        let values = cell.0.lock().unwrap();
        assert_eq!(values.len(), 1);
        values[0]
    }

    fn durations(&self, name: &str) -> Vec<f64> {
        let cells = self.cells.lock().unwrap();
        let (kind, cell) = &cells[name];
        assert_eq!(*kind, Kind_::Histogram);
        cell.0.lock().unwrap().clone()
    }
}

impl Recorder for Numbers {
    fn describe_counter(&self, name: KeyName, unit: Option<metrics::Unit>, help: SharedString) {
        assert!(unit.is_some() && !help.is_empty());
        self.describe(&name, Kind_::Counter);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<metrics::Unit>, help: SharedString) {
        assert!(unit.is_some() && !help.is_empty());
        self.describe(&name, Kind_::Gauge);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<metrics::Unit>, help: SharedString) {
        assert!(unit.is_some() && !help.is_empty());
        self.describe(&name, Kind_::Histogram);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key, Kind_::Counter))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key, Kind_::Gauge))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.cell(key, Kind_::Histogram))
    }
}

#[tokio::test]
async fn ok_the_path_of_some_events_in_numbers() {
    let numbers = Numbers::default();
    let _guard = metrics::set_default_local_recorder(&numbers);
    let mut every = RouteConfig::new("every", "contoso/every");
    every.models = vec!["each".to_owned()];
    every.lane = LaneMode::Every;
    every.priority = -1;
    let mut latest = deploy();
    latest.models = vec!["m*".to_owned()];
    let rig = Rig::with(MemoryJournal::new(), [latest, every]);

    // Version 2 supersedes version 1; nobody wants "other"; one element cannot be read.
    let body = json!([
        registered("1", "m", "1"), registered("2", "m", "2"), registered("3", "other", "1"), {"id": "x"},
        registered("1", "m", "1"), registered("4", "each", "1"),
    ]);
    rig.deliver(&body).await;
    assert_eq!(rig.post("no json").await.status(), 400);
    let stranger = crate::rig::request(
        &http::Method::POST,
        "/events",
        &[("aeg-event-type", "Notification")],
        "{}".into(),
    );
    assert_eq!(rig.relay.accept(stranger).await.status(), 401);
    rig.clock.advance(Duration::from_secs(7));
    rig.github
        .then_dispatch(error(Advice::Throttled { until: after(100) }, "403, and a limit"));
    rig.github.then_dispatch(error(Advice::Unknown, "502"));
    rig.github.then_probe(Ok(Sighting::NotSeen));
    rig.github.then_probe(error(Advice::NotSent, "no connection"));
    rig.github.always_probe(Ok(Sighting::Seen(run("9"))));
    rig.github.then_dispatch(error(Advice::GiveUp, "422"));
    rig.drain().await;

    let expect = [
        "relay_alerts_total{alarm=events_being_lost} 1",
        "relay_alerts_total{alarm=lane_held} 1",
        "relay_alerts_total{alarm=parked} 1",
        "relay_alerts_total{alarm=unreadable} 1",
        "relay_attempts_total{principal=default,outcome=give_up} 1",
        "relay_attempts_total{principal=default,outcome=throttled} 1",
        "relay_attempts_total{principal=default,outcome=unknown} 1",
        "relay_checks_total{principal=default,outcome=ok} 2",
        "relay_deliveries_total{reply=accepted} 1",
        "relay_deliveries_total{reply=unauthorized} 1",
        "relay_deliveries_total{reply=unreadable} 1",
        "relay_events_total{fate=accepted} 3",
        "relay_events_total{fate=seen_again} 1",
        "relay_events_total{fate=unreadable} 1",
        "relay_events_total{fate=unwanted} 1",
        "relay_items_settled_total{route=deploy,verdict=dispatched} 1",
        "relay_items_settled_total{route=deploy,verdict=superseded} 1",
        "relay_items_settled_total{route=every,verdict=parked} 1",
        "relay_looks_total{principal=default,outcome=failed} 1",
        "relay_looks_total{principal=default,outcome=not_seen} 1",
        "relay_looks_total{principal=default,outcome=seen} 1",
        "relay_throttles_total{principal=default} 1",
    ];
    assert_eq!(numbers.counters(), expect, "{:#?}", numbers.counters());
    assert_eq!(
        numbers.durations("relay_accept_seconds{}").len(),
        2,
        "only what had a right secret"
    );
    assert_eq!(
        numbers.durations("relay_accepted_to_request_seconds{route=deploy}"),
        [7.0]
    );
    assert_eq!(
        numbers
            .durations("relay_attempt_seconds{principal=default}")
            .len(),
        3
    );

    // A person decides: the verdict changes, and is counted once more.
    let parked = rig
        .items()
        .await
        .into_iter()
        .find(|item| item.route == "every")
        .unwrap();
    let refuse = Command::Refuse {
        item: parked.id,
        why: "no".to_owned(),
    };
    rig.relay.command(refuse).await.unwrap();
    let line = "relay_items_settled_total{route=every,verdict=refused} 1".to_owned();
    assert!(numbers.counters().contains(&line));
}

#[tokio::test]
async fn ok_gauges_are_what_they_are_when_they_are_measured() {
    let numbers = Numbers::default();
    let _guard = metrics::set_default_local_recorder(&numbers);
    let rig = Rig::new();
    rig.relay.measure().await;
    for (name, expect) in [
        ("relay_ready{}", 1.0),
        ("relay_items{standing=waiting}", 0.0),
        ("relay_oldest_due_seconds{}", 0.0),
        ("relay_last_delivery_timestamp_seconds{}", 0.0),
        ("relay_problems{severity=critical}", 0.0),
    ] {
        assert!((numbers.gauge(name) - expect).abs() < f64::EPSILON, "{name}");
    }
    let events: Vec<_> = (0..5)
        .map(|n| registered(&n.to_string(), &format!("m{n}"), "1"))
        .collect();
    rig.deliver(&json!(events)).await;
    rig.github.then_dispatch(error(Advice::GiveUp, "422"));
    rig.relay.run_due().await.unwrap();
    rig.clock.advance(Duration::from_secs(300));
    rig.relay.measure().await;
    let expect = [
        "relay_blocked{scope=journal} 0",
        "relay_blocked{scope=principal} 0",
        "relay_blocked{scope=target} 0",
        "relay_budget_left{principal=default,window=hour} 499",
        "relay_budget_left{principal=default,window=minute} 60",
        // Four, a second apart; the one request that was made took no time.
        "relay_drained_in_seconds{principal=default} 3",
        "relay_held{principal=default} 0",
        "relay_items{standing=cancelled} 0",
        "relay_items{standing=dispatched} 0",
        "relay_items{standing=judging} 0",
        "relay_items{standing=parked} 1",
        "relay_items{standing=probing} 0",
        "relay_items{standing=refused} 0",
        "relay_items{standing=sending} 0",
        "relay_items{standing=superseded} 0",
        "relay_items{standing=waiting} 4",
        "relay_lanes_held{} 0",
        "relay_last_delivery_timestamp_seconds{} 1763856000",
        "relay_oldest_due_seconds{} 300",
        "relay_parked_oldest_seconds{} 300",
        "relay_parked_waiting{} 1",
        "relay_problems{severity=critical} 0",
        "relay_problems{severity=note} 0",
        // What is parked, and that nobody has asked for work for 5 minutes.
        "relay_problems{severity=stuck} 2",
        "relay_ready{} 1",
        "relay_tracks{standing=failed} 0",
        "relay_tracks{standing=following_late} 0",
        "relay_tracks{standing=following} 0",
        "relay_tracks{standing=seeking_late} 0",
        "relay_tracks{standing=seeking} 0",
        "relay_tracks{standing=seen} 0",
        "relay_tracks{standing=stopped} 0",
        "relay_tracks{standing=succeeded} 0",
        "relay_tracks{standing=untracked} 0",
        "relay_waiting{principal=default} 4",
    ];
    let counters = numbers.counters();
    let mut gauges = numbers.page();
    gauges.retain(|line| !counters.contains(line));
    assert_eq!(gauges, expect, "{gauges:#?}");
    rig.github
        .then_dispatch(error(Advice::Block(Scope::Principal), "401"));
    rig.relay.run_due().await.unwrap();
    rig.relay.measure().await;
    assert!(
        numbers
            .gauge("relay_drained_in_seconds{principal=default}")
            .is_infinite()
    );
    for (name, expect) in [
        ("relay_blocked{scope=principal}", 1.0),
        ("relay_waiting{principal=default}", 0.0),
        ("relay_held{principal=default}", 4.0),
    ] {
        assert!((numbers.gauge(name) - expect).abs() < f64::EPSILON, "{name}");
    }
}

#[tokio::test]
async fn ok_failures_of_the_journal_are_counted_by_verb() {
    let numbers = Numbers::default();
    let _guard = metrics::set_default_local_recorder(&numbers);
    let rig = Rig::with(
        FaultyJournal::new(MemoryJournal::new(), FaultPlan::stop(0, Cut::Before)),
        [deploy()],
    );
    let body = json!([registered("1", "m", "1")]).to_string();
    assert_eq!(rig.relay.accept(post(body)).await.status(), 503);
    assert!(rig.relay.run_due().await.is_err());
    rig.relay.measure().await;
    let failures: Vec<String> = numbers
        .counters()
        .into_iter()
        .filter(|line| line.contains("failures"))
        .collect();
    assert_eq!(
        failures,
        [
            "relay_journal_failures_total{verb=accept} 1",
            "relay_journal_failures_total{verb=claim} 1",
            "relay_journal_failures_total{verb=scan} 1"
        ]
    );
    assert!((numbers.gauge("relay_ready{}")).abs() < f64::EPSILON);
}

/// Whatever is recorded is in the table, with the labels and the kind that the table says; and the table is what is described.
#[test]
fn ok_every_number_is_described() {
    let numbers = Numbers::default();
    metrics::with_local_recorder(&numbers, observe::describe);
    let kind = |kind| match kind {
        Kind::Counter => Kind_::Counter,
        Kind::Gauge => Kind_::Gauge,
        Kind::Histogram => Kind_::Histogram,
    };
    let table: BTreeSet<_> = observe::ALL
        .iter()
        .map(|one| (one.name.to_owned(), kind(one.kind)))
        .collect();
    assert_eq!(*numbers.described.lock().unwrap(), table);
}
