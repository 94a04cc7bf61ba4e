//! **Here**: clauses of `accept`: what is taken once, what is kept, what parks on arrival; and that a verb is one transaction.
//! **Not here**: what an arrival does in its lane (`lanes`).
//! **Reads**: `trial`.
//! **Source**: DESIGN section 6, one dispatch per release; section 3, what is stored; section 4.

use crate::alarm::Alert;
use crate::dispatch::{Advice, Dispatched, Scope};
use crate::journal::item::{ItemId, Phase, Verdict};
use crate::journal::scan::Entry;
use crate::journal::{AcceptBatch, ClaimKind, Command, Fate, Journal, Record, Settlement, Task};
use crate::retry::Again;
use crate::testing::contract::journal::trial::{Trial, error, holds, run, same};
use crate::testing::rows::Arrival;

/// The same event again, in a later delivery or in the same one, is seen again and makes no second item.
pub async fn an_event_is_taken_once(journal: &dyn Journal) {
    let mut t = Trial::new("an_event_is_taken_once", journal);
    let event = Arrival::new("m", "1").event();
    let other = Arrival::new("n", "1").event();
    let fates = t.accept(vec![event.clone(), other.clone(), event.clone()]).await;
    holds!(
        t,
        matches!(
            fates.as_slice(),
            [Fate::Accepted { .. }, Fate::Accepted { .. }, Fate::SeenAgain]
        ),
        "{fates:?}"
    );
    let fates = t.accept(vec![event, other]).await;
    same!(
        t,
        fates,
        [Fate::SeenAgain, Fate::SeenAgain],
        "a delivery that was redelivered"
    );
    same!(
        t,
        (t.items().await.len(), t.events().await.len()),
        (2, 2),
        "two items of two events"
    );
    let again = t
        .history()
        .await
        .into_iter()
        .filter(|row| matches!(row.entry, Entry::SeenAgain { .. }))
        .count();
    same!(t, again, 3, "the history tells each time it was seen again");
    t.finish().await;
}

/// Another event about the same version with the same event time, an earlier one, or none, is seen again.
pub async fn a_release_is_taken_once(journal: &dyn Journal) {
    let mut t = Trial::new("a_release_is_taken_once", journal);
    let first = t.arrive(&Arrival::new("m", "7").with_time(Some(50))).await;
    for (id, time) in [("same", Some(50)), ("earlier", Some(49)), ("none", None)] {
        let fates = t
            .accept(vec![Arrival::new("m", "7").with_id(id).with_time(time).event()])
            .await;
        same!(
            t,
            fates,
            [Fate::SeenAgain],
            "the same version, with the time {id}"
        );
    }
    same!(
        t,
        t.items().await.iter().map(|item| item.id).collect::<Vec<_>>(),
        [first],
        "still one item"
    );
    t.finish().await;
}

/// A version registered again with a later time parks, with an alarm, as a generation of its own with a new relay id.
pub async fn registered_again_parks(journal: &dyn Journal) {
    let mut t = Trial::new("registered_again_parks", journal);
    let first = t.arrive(&Arrival::new("m", "7")).await;
    let second = t.arrive(&Arrival::new("m", "7").with_time(Some(1))).await;
    let (one, two) = (t.item(first).await, t.expect_verdict(second, "parked").await);
    same!(
        t,
        (one.phase, one.generation, two.generation),
        (Phase::Waiting, 1, 2),
        "the first goes on, the second is new"
    );
    holds!(
        t,
        one.relay_id != two.relay_id,
        "a new generation has a new relay id"
    );
    same!(t, t.n_alerts(|alert| matches!(alert, Alert::RegisteredAgain { relay_id, .. } if *relay_id == two.relay_id.to_string())), 1, "the alarm says registered again");
    same!(t, t.n_parked_alerts(), 1, "the alarm says parked");
    t.open().await;
    let work = t.send(first).await;
    t.dispatched(&work).await;
    t.send_nothing("the second generation waits for a person").await;
    t.finish().await;
}

/// With `again = "ignore"` a later registration is seen again.
pub async fn registered_again_is_ignored_on_request(journal: &dyn Journal) {
    let mut t = Trial::new("registered_again_is_ignored_on_request", journal);
    let arrival = Arrival::new("m", "7").with_policy(|policy| policy.again = Again::Ignore);
    t.arrive(&arrival).await;
    for time in [5, 9, 9] {
        let fates = t
            .accept(vec![arrival.clone().with_time(Some(time)).event()])
            .await;
        same!(t, fates, [Fate::SeenAgain], "registered again at {time}");
    }
    same!(t, t.items().await.len(), 1, "still one item");
    same!(t, t.alerts, [], "and nobody is alarmed");
    t.finish().await;
}

/// With `again = "dispatch"` a later registration goes out as a new generation with a new relay id.
pub async fn registered_again_goes_out_on_request(journal: &dyn Journal) {
    let mut t = Trial::new("registered_again_goes_out_on_request", journal);
    let arrival = Arrival::new("m", "7").with_policy(|policy| policy.again = Again::Dispatch);
    let first = t.arrive(&arrival).await;
    t.open().await;
    let work = t.send(first).await;
    t.dispatched(&work).await;
    let second = t.arrive(&arrival.clone().with_time(Some(5))).await;
    same!(
        t,
        t.n_alerts(|alert| matches!(alert, Alert::RegisteredAgain { .. })),
        1,
        "registered again is an alarm"
    );
    let again = t.send(second).await;
    same!(t, again.item.generation, 2, "a new generation");
    holds!(
        t,
        again.item.relay_id != work.item.relay_id,
        "a new generation has a new relay id"
    );
    t.dispatched(&again).await;
    let fates = t
        .accept(vec![arrival.with_time(Some(5)).with_id("late copy").event()])
        .await;
    same!(
        t,
        fates,
        [Fate::SeenAgain],
        "the same time once more is no third registration"
    );
    t.finish().await;
}

/// Each route that matched gets an item of its own, with its own relay id and its own fate.
pub async fn every_route_gets_its_item(journal: &dyn Journal) {
    let mut t = Trial::new("every_route_gets_its_item", journal);
    let (deploy, scan) = (
        Arrival::new("m", "7"),
        Arrival::new("m", "7")
            .with_route("scan")
            .with_repository("octo/scan"),
    );
    let fates = t.accept(vec![deploy.event_with(&[scan])]).await;
    let [Fate::Accepted { items, .. }] = fates.as_slice() else {
        holds!(t, false, "{fates:?}");
        return;
    };
    same!(t, items.len(), 2, "two routes, two items");
    let relay_ids: std::collections::BTreeSet<_> =
        t.items().await.into_iter().map(|item| item.relay_id).collect();
    same!(t, relay_ids.len(), 2, "each has a relay id of its own");
    t.open().await;
    let works = t.sends().await;
    same!(t, works.len(), 2, "neither waits for the other");
    let fates = t
        .accept(vec![
            Arrival::new("m", "7").with_route("late").with_id("other").event(),
        ])
        .await;
    holds!(
        t,
        matches!(fates.as_slice(), [Fate::Accepted { items, .. }] if items.len() == 1),
        "a route that is new takes a known version: {fates:?}"
    );
    t.finish().await;
}

/// Events that no route wanted are kept: key and reason, but not the body.
pub async fn unwanted_events_are_kept_without_their_body(journal: &dyn Journal) {
    let mut t = Trial::new("unwanted_events_are_kept_without_their_body", journal);
    let mut event = Arrival::new("m", "7").event();
    event.wanted.clear();
    event.unwanted = Some("no route serves the workspace".to_owned());
    let fates = t.accept(vec![event.clone()]).await;
    let rows = t.events().await;
    let [row] = rows.as_slice() else {
        holds!(t, false, "one event is kept, not {rows:?}");
        return;
    };
    same!(t, fates, [Fate::Unwanted { event: row.seq }], "it is unwanted");
    same!(
        t,
        (&row.key, row.unwanted.as_deref(), row.body.as_deref()),
        (&event.key, Some("no route serves the workspace"), None),
        "key and reason, no body"
    );
    let told = t.history().await.into_iter().any(
        |row| matches!(row.entry, Entry::Unwanted { ref why } if why == "no route serves the workspace"),
    );
    holds!(t, told, "the history tells why");
    same!(
        t,
        t.accept(vec![event]).await,
        [Fate::SeenAgain],
        "it is deduplicated like every event"
    );
    t.finish().await;
}

/// Elements that cannot be read are kept verbatim, once each, bounded in number and in bytes, and alarmed.
pub async fn unreadable_elements_are_kept_once_and_bounded(journal: &dyn Journal) {
    let mut t = Trial::new("unreadable_elements_are_kept_once_and_bounded", journal);
    let batch = |bodies: &[&str], keep| AcceptBatch {
        now: t.now,
        events: Vec::new(),
        unreadable: bodies
            .iter()
            .map(|body| ((*body).to_owned(), format!("why of {body}")))
            .collect(),
        keep_unreadable: keep,
    };
    let (first, second, third) = (
        batch(&["\"a\u{e9}\t\"", "2"], (3, 100)),
        batch(&["2", "3", "4"], (3, 100)),
        batch(&["55555", "66666"], (3, 10)),
    );
    t.accept_batch(first).await;
    same!(
        t,
        t.unreadable().await,
        [
            ("\"a\u{e9}\t\"".to_owned(), "why of \"a\u{e9}\t\"".to_owned()),
            ("2".to_owned(), "why of 2".to_owned())
        ],
        "verbatim, oldest first"
    );
    t.accept_batch(second).await;
    let bodies: Vec<_> = t.unreadable().await.into_iter().map(|(body, _)| body).collect();
    same!(t, bodies, ["2", "3", "4"], "each once, and at most three");
    t.accept_batch(third).await;
    let bodies: Vec<_> = t.unreadable().await.into_iter().map(|(body, _)| body).collect();
    same!(t, bodies, ["55555", "66666"], "at most ten bytes");
    same!(t, t.overview().await.n_unreadable, 7, "all that came are counted");
    same!(
        t,
        t.n_alerts(|alert| matches!(alert, Alert::Unreadable { .. })),
        6,
        "an alarm for each, redeliveries excepted"
    );
    t.finish().await;
}

/// One delivery may hold good, bad, known and unwanted elements: each has its own fate, in order.
pub async fn one_delivery_holds_all_kinds(journal: &dyn Journal) {
    let mut t = Trial::new("one_delivery_holds_all_kinds", journal);
    let (good, park) = (
        Arrival::new("a", "1"),
        Arrival::new("b", "x").with_park("version \"x\" is not a decimal integer"),
    );
    let mut unwanted = Arrival::new("c", "1").event();
    unwanted.wanted.clear();
    let events = vec![unwanted, good.event(), good.event(), park.event()];
    let batch = AcceptBatch {
        now: t.now,
        events,
        unreadable: vec![("{}".to_owned(), "no id".to_owned())],
        keep_unreadable: (9, 99),
    };
    let fates = t.accept_batch(batch).await.fates;
    holds!(
        t,
        matches!(
            fates.as_slice(),
            [
                Fate::Unwanted { .. },
                Fate::Accepted { .. },
                Fate::SeenAgain,
                Fate::Accepted { .. }
            ]
        ),
        "{fates:?}"
    );
    same!(
        t,
        (t.items().await.len(), t.unreadable().await.len()),
        (2, 1),
        "two items, one unreadable element"
    );
    t.finish().await;
}

/// The element that a worker gets is the one that came, byte for byte.
pub async fn bodies_are_kept_byte_for_byte(journal: &dyn Journal) {
    let mut t = Trial::new("bodies_are_kept_byte_for_byte", journal);
    let long = format!("{{ \"x\" : \"{}\" }}", "0123456789".repeat(20_000));
    let bodies = [
        " {\"b\":1,\"a\":2, \"a\":3,\n\t\"n\":1.0e+05}\r\n ",
        "{\"text\":\"\u{fc}\u{1f600}\u{feff}\u{2028}\\u0000\u{7f}'\\\"; drop table x --%s\"}",
        "{\"nul\":\"\u{0}after\"}",
        &long,
    ];
    for (n, body) in bodies.iter().enumerate() {
        t.arrive(
            &Arrival::new("m", "1")
                .with_route(&format!("route {n}"))
                .with_id(&n.to_string())
                .with_body(body),
        )
        .await;
    }
    let rows = t.events().await;
    let kept: Vec<_> = rows.iter().map(|row| row.body.as_deref()).collect();
    same!(t, kept, bodies.map(Some), "the element in the event's row");
    t.open().await;
    let works = t.sends().await;
    let given: Vec<_> = works.iter().map(|work| work.body.as_str()).collect();
    same!(t, given, bodies, "the element with the work");
    t.finish().await;
}

/// What was extracted from an event is kept as it came, and given with the work.
pub async fn key_columns_are_kept(journal: &dyn Journal) {
    let mut t = Trial::new("key_columns_are_kept", journal);
    let event = Arrival::new("credit-risk", "007").event();
    let item = t.arrive(&Arrival::new("credit-risk", "007")).await;
    let rows = t.events().await;
    let [row] = rows.as_slice() else {
        holds!(t, false, "one event is kept, not {rows:?}");
        return;
    };
    same!(
        t,
        (&row.key, &row.event_type, &row.subject, &row.time),
        (&event.key, &event.event_type, &event.subject, &event.time),
        "as written"
    );
    same!(
        t,
        (&row.workspace, &row.model, &row.version, &row.release),
        (&event.workspace, &event.model, &event.version, &event.release),
        "as extracted"
    );
    same!(t, row.received_at, t.now, "by the relay's clock");
    t.open().await;
    let work = t.send(item).await;
    same!(
        t,
        work.about,
        (event.workspace, event.model, event.version),
        "what the work is about"
    );
    same!(t, work.item.event, row.seq, "the item knows its event");
    t.finish().await;
}

/// A delivery without events can be accepted: that is how a host asks whether the journal can promise.
pub async fn an_empty_delivery_is_accepted(journal: &dyn Journal) {
    let mut t = Trial::new("an_empty_delivery_is_accepted", journal);
    let fates = t.accept(Vec::new()).await;
    same!(t, fates, [], "no event, no fate");
    same!(
        t,
        (t.items().await.len(), t.history().await.len()),
        (0, 0),
        "nothing was written"
    );
    same!(t, t.idle().await, None, "and nothing is due");
    t.finish().await;
}

/// What cannot be sent parks on arrival, with the reason and an alarm; the rest of its delivery goes on.
pub async fn what_cannot_be_sent_parks_on_arrival(journal: &dyn Journal) {
    let mut t = Trial::new("what_cannot_be_sent_parks_on_arrival", journal);
    let why = "the model name \"a;b\" is outside its grammar";
    let bad = t.arrive(&Arrival::new("a;b", "1").with_park(why)).await;
    let good = t.arrive(&Arrival::new("ab", "1")).await;
    t.expect_verdict(bad, "parked").await;
    same!(t, t.reason(bad).await, why, "the reason");
    same!(
        t,
        t.n_alerts(|alert| matches!(alert, Alert::Parked { why: said, .. } if said == why)),
        1,
        "the alarm"
    );
    t.open().await;
    t.send(good).await;
    t.finish().await;
}

/// Every verb is one transaction: when one part of a batch is refused, nothing of the batch was written.
pub async fn a_batch_that_fails_leaves_nothing(journal: &dyn Journal) {
    let mut t = Trial::new("a_batch_that_fails_leaves_nothing", journal);
    let (a, b) = (
        t.arrive(&Arrival::new("a", "1")).await,
        t.arrive(&Arrival::new("b", "1")).await,
    );
    t.open().await;
    let claimed = t.claim(ClaimKind::Send, 1).await;
    let [Task::Send(work)] = claimed.tasks.as_slice() else {
        holds!(t, false, "{claimed:?}");
        return;
    };
    same!(t, work.item.id, a, "the first item is sent first");
    let before = (t.items().await, t.history().await, t.overview().await);

    let target = work.item.target.clone();
    let cancel = |item| {
        Record::Command(Command::Cancel {
            item,
            why: "no longer wanted".to_owned(),
        })
    };
    let blocked = error(Advice::Block(Scope::Principal));
    let failed = Record::Failed {
        item: a,
        fence: work.fence,
        error: blocked.clone(),
    };
    let replay = Record::Command(Command::Replay {
        item: b,
        allow_older: false,
    });
    let missing = cancel(ItemId(b.0 + 1_000));
    let batch = vec![
        Record::Checked {
            target,
            result: Err(blocked),
        },
        cancel(b),
        failed,
        replay,
        missing,
    ];
    let result = t.try_record(batch).await;
    holds!(
        t,
        result.is_err(),
        "an item that is not there cannot be cancelled: {result:?}"
    );
    same!(
        t,
        (t.items().await, t.history().await, t.overview().await),
        before,
        "a failed record leaves nothing"
    );

    let accepted = Settlement::Dispatched {
        item: a,
        fence: work.fence,
        answer: Dispatched::default(),
    };
    let result = journal
        .settle(
            t.now,
            vec![
                accepted.clone(),
                Settlement::RunSeen {
                    item: b,
                    run: run("1"),
                },
            ],
        )
        .await;
    holds!(
        t,
        result.is_err(),
        "a run of an item that waits cannot be seen: {result:?}"
    );
    same!(
        t,
        (t.items().await, t.history().await, t.overview().await),
        before,
        "a failed settle leaves nothing"
    );

    t.settle(accepted).await;
    holds!(
        t,
        matches!(t.item(a).await.verdict, Some(Verdict::Dispatched { .. })),
        "the same fence still works"
    );
    t.send(b).await;
    t.finish().await;
}
