//! **Here**: long lanes: what a claim costs, the order within a lane, and both after an older schema was brought up to date.
//! **Not here**: what lanes are for (the contract suite).
//! **Reads**: `support`.
//! **Source**: DESIGN section 6, lane and order; section 3: Event Grid's 30 s never depend on GitHub.

use std::path::Path;
use std::time::{Duration, Instant};

use relay_core::journal::{ClaimKind, Journal, NewEvent, Settlement};
use relay_core::lane::{LaneMode, Order, Place};
use relay_core::testing::rows;
use rusqlite::Connection;

use crate::support::{at, batch, check_targets, claim_sends, event, folder, open, request, to_version_5};

#[expect(clippy::disallowed_methods, reason = "what it costs is what is measured")]
fn now() -> Instant {
    Instant::now()
}

/// A claim is made in the thread that also accepts: however much waits in a lane that is held, it may not take long.
#[tokio::test]
async fn ok_what_waits_in_a_held_lane_costs_a_claim_next_to_nothing() {
    let took = async |n: u32| {
        let (_folder, path) = folder();
        let journal = open(&path);
        let policy = {
            let mut policy = rows::policy();
            policy.lane = LaneMode::Every;
            policy
        };
        let make = |n: u32| {
            let mut event = event(&format!("e{n}"), "m", &n.to_string());
            event.wanted[0].policy = policy;
            event
        };
        let mut first = make(0);
        first.wanted[0].park = Some("on purpose".to_owned());
        journal.accept(batch(at(0), vec![first])).await.unwrap();
        for from in (1..=n).step_by(1_000) {
            journal
                .accept(batch(
                    at(0),
                    (from..(from + 1_000).min(n + 1)).map(make).collect(),
                ))
                .await
                .unwrap();
        }
        check_targets(&journal, at(1)).await;
        assert_eq!(claim_sends(&journal, at(1)).await.len(), 0);
        let started = now();
        journal.claim(request(ClaimKind::Send, at(2))).await.unwrap();
        started.elapsed()
    };
    let (few, many) = (took(100).await, took(20_000).await);
    assert!(
        many < few * 10 + Duration::from_millis(50),
        "100 waiting: {few:?}, 20,000 waiting: {many:?}"
    );
}

/// Releases of one lane from which every version goes out, in this order of places.
fn every(places: &[Place]) -> Vec<NewEvent> {
    let mut policy = rows::policy();
    policy.lane = LaneMode::Every;
    let make = |(n, place): (usize, &Place)| {
        if matches!(place, Place::EventTime { .. }) {
            policy.order = Order::EventTime;
        }
        let mut event = event(&format!("e{n}"), "m", &n.to_string());
        event.wanted[0].policy = policy;
        event.wanted[0].place = Some(place.clone());
        event
    };
    places.iter().enumerate().map(make).collect()
}

/// The places of what goes out, one claim after another.
async fn sent(journal: &dyn Journal) -> Vec<Place> {
    let mut sent = Vec::new();
    check_targets(journal, at(1)).await;
    loop {
        let work = claim_sends(journal, at(2)).await;
        let [work] = work.as_slice() else {
            assert!(work.is_empty(), "one request of a lane at a time: {work:?}");
            return sent;
        };
        sent.extend(work.item.place.clone());
        let settlement = Settlement::Dispatched {
            item: work.item.id,
            fence: work.fence,
            answer: relay_core::dispatch::Dispatched::default(),
        };
        journal.settle(at(2), vec![settlement]).await.unwrap();
    }
}

fn versions(texts: &[&str]) -> Vec<Place> {
    texts
        .iter()
        .map(|text| Place::of_version(text).unwrap())
        .collect()
}

#[tokio::test]
async fn ok_every_version_goes_in_the_order_of_places() {
    let time = |(seconds, nanos, id): (i64, u32, &str)| Place::EventTime {
        seconds,
        nanos,
        id: id.to_owned(),
    };
    let times = [
        (-5, 7, "a"),
        (-5, 20, "a"),
        (3, 0, "B"),
        (3, 0, "a"),
        (3, 0, "a\u{e9}"),
        (3, 100, "0"),
        (20, 5, "\"x"),
    ];
    let in_order = [
        versions(&[
            "2",
            "9",
            "10",
            "20",
            "100",
            "99999999999999999999",
            "100000000000000000000",
        ]),
        times.map(time).to_vec(),
    ];
    for expect in in_order {
        let (_folder, path) = folder();
        let journal = open(&path);
        let mut places = expect.clone();
        places.reverse();
        places.rotate_left(3);
        journal.accept(batch(at(0), every(&places))).await.unwrap();
        assert_eq!(sent(&journal).await, expect);
    }
}

/// The journal as version 1 of the schema had it.
fn to_version_1(path: &Path) {
    to_version_5(path);
    let connection = Connection::open(path).unwrap();
    let back = "BEGIN; \
         DROP TABLE tracks; DROP TABLE track_paces; ALTER TABLE targets DROP COLUMN hides_relay_id; \
         DROP INDEX items_old; DROP INDEX events_unwanted; DROP INDEX history_event; DROP INDEX history_of_nothing; \
         ALTER TABLE meta DROP COLUMN pause_why; ALTER TABLE meta DROP COLUMN pause_since; \
         ALTER TABLE meta DROP COLUMN inode; ALTER TABLE meta DROP COLUMN born; ALTER TABLE releases DROP COLUMN forgotten; \
         ALTER TABLE targets DROP COLUMN pause_why; ALTER TABLE targets DROP COLUMN pause_since; \
         DROP INDEX items_lane_order; DROP INDEX items_due; \
         CREATE INDEX items_due ON items (phase, target, rank, due_at, id) \
             WHERE phase <> 'settled' AND lease_fence IS NULL; \
         PRAGMA user_version = 1; COMMIT";
    connection.execute_batch(back).unwrap();
}

#[tokio::test]
async fn ok_a_journal_of_version_1_is_brought_up_to_date() {
    let schema = |path: &Path| {
        let connection = Connection::open(path).unwrap();
        let mut statement = connection
            .prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")
            .unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let rows: Vec<(String, String, Option<String>)> = rows.unwrap().map(Result::unwrap).collect();
        let version: i64 = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap();
        (rows, version)
    };
    let (_folder, path) = folder();
    let journal = open(&path);
    journal
        .accept(batch(at(0), every(&versions(&["10", "9", "100"]))))
        .await
        .unwrap();
    journal.close().unwrap();
    let new = schema(&path);
    to_version_1(&path);
    assert_ne!(schema(&path), new);
    let journal = open(&path);
    assert_eq!(sent(&journal).await, versions(&["9", "10", "100"]));
    journal.close().unwrap();
    assert_eq!(schema(&path), new);
}

#[tokio::test]
async fn ok_a_journal_of_version_5_is_told_who_stands_behind() {
    let (_folder, path) = folder();
    let journal = open(&path);
    let policy = |mode| {
        let mut policy = rows::policy();
        policy.lane = mode;
        policy
    };
    let arrival = |model: &str, version: &str, mode| {
        let mut event = event(&format!("{model} {version}"), model, version);
        event.wanted = vec![crate::support::new_item("deploy", policy(mode), model, version)];
        event
    };
    let every = |model: &str, version: &str| arrival(model, version, LaneMode::Every);
    let parked = |model: &str, version: &str| {
        let mut event = every(model, version);
        event.wanted[0].park = Some("on purpose".to_owned());
        event
    };
    let timed = |model: &str, version: &str, seconds| {
        let mut event = every(model, version);
        event.wanted[0].policy.order = Order::EventTime;
        let (nanos, id) = (0, version.to_owned());
        event.wanted[0].place = Some(Place::EventTime { seconds, nanos, id });
        event
    };
    // Under way first, so that nothing else is claimed.
    let under_way = vec![every("under way", "1"), arrival("latest", "1", LaneMode::Latest)];
    journal.accept(batch(at(0), under_way)).await.unwrap();
    check_targets(&journal, at(1)).await;
    assert_eq!(claim_sends(&journal, at(1)).await.len(), 2);
    let waiting = vec![
        every("under way", "2"),
        every("under way", "3"),
        arrival("latest", "2", LaneMode::Latest),
        every("free", "10"),
        every("free", "9"),
        every("free", "100"),
        parked("held", "1"),
        every("held", "3"),
        every("held", "2"),
        timed("timed", "b", 20),
        timed("timed", "a", -3),
        timed("timed", "c", 3),
        arrival("both", "1", LaneMode::Latest),
        every("both", "2"),
        every("alone", "1"),
        every("no place", "x"),
        every("no place", "7"),
    ];
    journal.accept(batch(at(2), waiting)).await.unwrap();
    crate::support::check_lines(&path, &journal).await;
    journal.close().unwrap();
    let noted = crate::support::behind(&path);
    assert_eq!(noted.len(), 10, "{noted:?}");
    to_version_5(&path);
    let journal = open(&path);
    assert_eq!(crate::support::behind(&path), noted);
    // The line goes on from there.
    let mut places = Vec::new();
    for _ in 0..4 {
        for work in claim_sends(&journal, at(3)).await {
            places.push(work.about.1.clone().unwrap());
            let settlement = Settlement::Dispatched {
                item: work.item.id,
                fence: work.fence,
                answer: relay_core::dispatch::Dispatched::default(),
            };
            journal.settle(at(3), vec![settlement]).await.unwrap();
        }
        check_targets(&journal, at(3)).await;
        crate::support::check_lines(&path, &journal).await;
    }
    for (model, n) in [
        ("free", 3),
        ("timed", 3),
        ("both", 2),
        ("no place", 2),
        ("held", 0),
    ] {
        assert_eq!(
            places.iter().filter(|place| *place == model).count(),
            n,
            "{model}"
        );
    }
}
