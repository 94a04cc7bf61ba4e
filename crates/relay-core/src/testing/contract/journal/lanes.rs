//! **Here**: clauses of lanes: order, supersession, one request in flight, what holds a lane and what is late.
//! **Not here**: unknown outcomes as such (`unknown`), replay (`commands`).
//! **Reads**: `trial`.
//! **Source**: DESIGN section 6, lane and order; section 2: in a lane an older version never goes out after a newer one.

use crate::alarm::Alert;
use crate::dispatch::{Advice, Scope};
use crate::journal::item::{ItemId, Phase};
use crate::journal::{Command, Journal};
use crate::lane::{LaneMode, Order};
use crate::retry::OnUnknown;
use crate::testing::contract::journal::trial::{Trial, holds, not_seen, same, secs};
use crate::testing::rows::Arrival;

fn every(model: &str, version: &str) -> Arrival {
    Arrival::new(model, version).with_policy(|policy| policy.lane = LaneMode::Every)
}

/// In a lane of the latest a newer version supersedes older ones that wait, and says by which.
pub async fn latest_supersedes_what_waits(journal: &dyn Journal) {
    let mut t = Trial::new("latest_supersedes_what_waits", journal);
    let (v8, v9) = (t.arrive_version("8").await, t.arrive_version("9").await);
    let v10 = t.arrive_version("010").await;
    for old in [v8, v9] {
        t.expect_verdict(old, "superseded").await;
    }
    let relay_id = t.item(v10).await.relay_id.to_string();
    holds!(
        t,
        t.reason(v9).await.contains(&relay_id),
        "the verdict names its successor: {}",
        t.reason(v9).await
    );
    t.open().await;
    let work = t.send(v10).await;
    t.dispatched(&work).await;
    t.send_nothing("only the latest goes").await;
    t.finish().await;
}

/// The same in one delivery, whatever the order of its elements.
pub async fn latest_is_the_latest_of_a_delivery(journal: &dyn Journal) {
    let mut t = Trial::new("latest_is_the_latest_of_a_delivery", journal);
    let events = ["2", "3", "1"].map(|version| Arrival::new("m", version).event());
    t.accept(events.into()).await;
    t.open().await;
    let works = t.sends().await;
    let versions: Vec<_> = works.iter().map(|work| work.about.2.as_deref()).collect();
    same!(t, versions, [Some("3")], "only the latest goes");
    same!(
        t,
        t.items()
            .await
            .into_iter()
            .filter(|item| item.phase == Phase::Settled)
            .count(),
        2,
        "the others have a verdict"
    );
    t.finish().await;
}

/// In a lane of the latest an older version that arrives late is superseded: by what waits, is being sent, is in doubt,
/// went out, or may have gone out.
pub async fn latest_supersedes_what_arrives_late(journal: &dyn Journal) {
    let mut t = Trial::new("latest_supersedes_what_arrives_late", journal);
    let models = [
        "waits",
        "facts",
        "sending",
        "probing",
        "dispatched",
        "resending",
        "parked unknown",
    ];
    let mut newer = Vec::new();
    for model in models {
        let arrival = Arrival::new(model, "5").with_policy(|policy| {
            policy.wants_facts = model == "facts";
            policy.unknown = match model {
                "resending" => OnUnknown::Resend,
                "parked unknown" => OnUnknown::Park,
                _ => OnUnknown::Probe,
            };
        });
        // What waits is made to wait at a target that nobody opens.
        let arrival = if model == "waits" {
            arrival.with_identity("nobody")
        } else {
            arrival
        };
        newer.push((model, t.arrive(&arrival).await));
    }
    for task in t.looks().await {
        if let crate::journal::Task::Check(target) = task
            && target.principal != "nobody"
        {
            let result = Ok(crate::dispatch::Checked {
                shows_relay_id: Some(true),
                remarks: Vec::new(),
            });
            t.record(crate::journal::Record::Checked {
                target: target.key,
                result,
            })
            .await;
        }
    }
    for work in t.sends().await {
        match work.about.1.as_deref() {
            Some("probing" | "resending" | "parked unknown") => t.fail(&work, Advice::Unknown).await,
            Some("dispatched") => t.dispatched(&work).await,
            _ => {}
        }
    }
    for (model, phase) in [
        ("waits", Phase::Waiting),
        ("facts", Phase::Judging),
        ("sending", Phase::Sending),
        ("probing", Phase::Probing),
        ("resending", Phase::Waiting),
    ] {
        let id = newer
            .iter()
            .find(|(of, _)| *of == model)
            .map(|(_, id)| *id)
            .unwrap_or_default();
        t.expect_phase(id, phase).await;
    }
    for (model, newer) in newer {
        let older = t.arrive(&Arrival::new(model, "4")).await;
        let found = t.item(older).await.verdict;
        holds!(
            t,
            matches!(found, Some(crate::journal::item::Verdict::Superseded { .. })),
            "an older version of {model:?} should be superseded on arrival, not {found:?}"
        );
        holds!(
            t,
            !matches!(
                t.item(newer).await.verdict,
                Some(crate::journal::item::Verdict::Superseded { .. })
            ),
            "the newer one is left alone"
        );
    }
    t.finish().await;
}

/// What is being sent is not superseded; what arrives meanwhile waits, and goes when the lane is free.
pub async fn latest_waits_for_what_is_in_flight(journal: &dyn Journal) {
    let mut t = Trial::new("latest_waits_for_what_is_in_flight", journal);
    let v1 = t.arrive_version("1").await;
    t.open().await;
    let work = t.send(v1).await;
    let v2 = t.arrive_version("2").await;
    t.expect_phase(v1, Phase::Sending).await;
    t.send_nothing("one request of a lane at a time").await;
    t.dispatched(&work).await;
    let work = t.send(v2).await;
    t.dispatched(&work).await;
    t.finish().await;
}

/// What surely was not taken gives way to a newer version that waits.
pub async fn latest_does_not_repeat_what_is_outdated(journal: &dyn Journal) {
    let mut t = Trial::new("latest_does_not_repeat_what_is_outdated", journal);
    let outcomes = [
        Advice::NotSent,
        Advice::Throttled {
            until: t.now.after(secs(100)),
        },
        Advice::Block(Scope::Principal),
        Advice::Block(Scope::Target),
    ];
    for (n, advice) in outcomes.into_iter().enumerate() {
        let arrival = |version: &str| Arrival::new(&format!("m{n}"), version).with_identity(&format!("i{n}"));
        let v1 = t.arrive(&arrival("1")).await;
        t.open().await;
        let work = t.send(v1).await;
        let v2 = t.arrive(&arrival("2")).await;
        t.fail(&work, advice).await;
        t.expect_verdict(v1, "superseded").await;
        // Cancelled, so that the next identity has the journal to itself.
        let taken_back = t
            .command(Command::Cancel {
                item: v2,
                why: "next".to_owned(),
            })
            .await;
        holds!(t, taken_back.is_ok(), "{taken_back:?}");
    }
    t.finish().await;
}

/// An older version whose request may have to be repeated never goes out again once a newer one has been accepted.
pub async fn latest_never_resends_after_a_newer_one(journal: &dyn Journal) {
    let mut t = Trial::new("latest_never_resends_after_a_newer_one", journal);
    for unknown in [OnUnknown::Resend, OnUnknown::Probe] {
        let arrival = |version: &str| {
            Arrival::new(&format!("{unknown:?}"), version).with_policy(|policy| {
                policy.unknown = unknown;
                policy.probe_window = secs(5);
            })
        };
        let v1 = t.arrive(&arrival("1")).await;
        t.open().await;
        let work = t.send(v1).await;
        t.fail(&work, Advice::Unknown).await;
        t.look_until_decided(v1, not_seen()).await;
        let row = t.expect_phase(v1, Phase::Waiting).await;
        same!(
            t,
            row.n_resends,
            1,
            "with {unknown:?}, version 1 waits to be sent once more"
        );
        let v2 = t.arrive(&arrival("2")).await;
        let mut sent = Vec::new();
        for _ in 0..400 {
            for work in t.sends().await {
                sent.push(work.item.id);
                t.dispatched(&work).await;
            }
            t.advance(secs(1));
        }
        same!(
            t,
            sent,
            [v2],
            "with {unknown:?}, what went out after version 2 had come"
        );
        t.expect_verdict(v1, "superseded").await;
    }
    t.finish().await;
}

/// In a lane of the latest, parking frees the lane.
pub async fn latest_goes_on_after_parking(journal: &dyn Journal) {
    let mut t = Trial::new("latest_goes_on_after_parking", journal);
    let v1 = t.arrive_version("1").await;
    t.open().await;
    let work = t.send(v1).await;
    let v2 = t.arrive_version("2").await;
    t.fail(&work, Advice::GiveUp).await;
    t.expect_verdict(v1, "parked").await;
    t.send(v2).await;
    t.finish().await;
}

/// In a lane of every version all go out, one at a time, in the order of integers of any length.
pub async fn every_version_goes_in_order(journal: &dyn Journal) {
    let mut t = Trial::new("every_version_goes_in_order", journal);
    let versions = [
        "10",
        "9",
        "340282366920938463463374607431768211456",
        "0008",
        "340282366920938463463374607431768211455",
    ];
    for version in versions {
        t.arrive(&every("m", version)).await;
    }
    t.open().await;
    let mut sent = Vec::new();
    for _ in versions {
        let works = t.sends().await;
        let [work] = works.as_slice() else {
            holds!(t, false, "one at a time, not {}", works.len());
            return;
        };
        sent.extend(work.about.2.clone());
        t.send_nothing("one request of a lane at a time").await;
        t.dispatched(work).await;
    }
    same!(
        t,
        sent,
        ["0008", "9", "10", versions[4], versions[2]],
        "the order"
    );
    t.finish().await;
}

/// In a lane of every version a later one waits for an earlier one that is held, retried, or in doubt.
pub async fn every_version_waits_for_the_one_before(journal: &dyn Journal) {
    let mut t = Trial::new("every_version_waits_for_the_one_before", journal);
    let (v1, v2) = (t.arrive(&every("m", "1")).await, t.arrive(&every("m", "2")).await);
    t.open().await;
    let work = t.send(v1).await;
    t.fail(&work, Advice::NotSent).await;
    t.send_nothing("version 1 waits to be sent again").await;
    t.advance_to(t.item(v1).await.due_at);
    let work = t.send(v1).await;
    t.fail(&work, Advice::Unknown).await;
    t.send_nothing("version 1 is in doubt").await;
    let moments = t.look_until_decided(v1, not_seen()).await;
    holds!(t, !moments.is_empty(), "its run was looked for");
    let work = t.send(v1).await;
    t.dispatched(&work).await;
    t.send(v2).await;
    t.finish().await;
}

/// In a lane of every version one that parks holds the lane, with an alarm, until a person refuses it.
pub async fn every_lane_is_held_by_what_parks_until_refused(journal: &dyn Journal) {
    let mut t = Trial::new("every_lane_is_held_by_what_parks_until_refused", journal);
    let (v1, v2) = (t.arrive(&every("m", "1")).await, t.arrive(&every("m", "2")).await);
    t.open().await;
    let work = t.send(v1).await;
    t.fail(&work, Advice::GiveUp).await;
    t.expect_verdict(v1, "parked").await;
    same!(t, t.n_parked_alerts(), 1, "an alarm");
    let n_held = t.n_alerts(|alert| matches!(alert, Alert::LaneHeld { .. }));
    same!(t, n_held, 1, "an alarm about the lane");
    let v3 = t.arrive(&every("m", "3")).await;
    t.advance(secs(48 * 3_600));
    t.send_nothing("a person must decide about version 1").await;
    let written = t
        .command(Command::Refuse {
            item: v1,
            why: "broken".to_owned(),
        })
        .await;
    holds!(t, written.is_ok(), "{written:?}");
    t.expect_verdict(v1, "refused").await;
    for version in [v2, v3] {
        let work = t.send(version).await;
        t.dispatched(&work).await;
    }
    t.finish().await;
}

/// In a lane of every version one that parks holds the lane until a person replays it; then it goes first.
pub async fn every_lane_is_held_by_what_parks_until_replayed(journal: &dyn Journal) {
    let mut t = Trial::new("every_lane_is_held_by_what_parks_until_replayed", journal);
    let v1 = t.arrive(&every("m", "1").with_park("not decided")).await;
    let v2 = t.arrive(&every("m", "2")).await;
    t.open().await;
    t.send_nothing("a person must decide about version 1").await;
    let made = t
        .command(Command::Replay {
            item: v1,
            allow_older: false,
        })
        .await
        .map(|written| written.made);
    let Ok([again]) = made.as_deref() else {
        holds!(t, false, "one item was made, not {made:?}");
        return;
    };
    let again = *again;
    let work = t.send(again).await;
    t.dispatched(&work).await;
    t.send(v2).await;
    t.finish().await;
}

/// In a lane of every version one that arrives after a newer one went out, or may have, parks as late.
pub async fn every_version_that_comes_late_parks(journal: &dyn Journal) {
    let mut t = Trial::new("every_version_that_comes_late_parks", journal);
    let sent = [
        t.arrive(&every("sent", "5")).await,
        t.arrive(&every("doubt", "5")).await,
    ];
    t.open().await;
    for work in t.sends().await {
        if work.item.id == sent[0] {
            t.dispatched(&work).await;
        } else {
            t.fail(&work, Advice::Unknown).await;
        }
    }
    for model in ["sent", "doubt"] {
        let late = t.arrive(&every(model, "4")).await;
        t.expect_verdict(late, "parked").await;
        holds!(
            t,
            t.reason(late).await.contains("late"),
            "the reason: {}",
            t.reason(late).await
        );
    }
    same!(t, t.n_parked_alerts(), 2, "an alarm each");
    t.finish().await;
}

/// In a lane of every version one that arrives while a newer one is being sent goes before it if that one was not taken,
/// and parks as late if it was.
pub async fn every_version_that_comes_while_a_newer_one_is_sent(journal: &dyn Journal) {
    let mut t = Trial::new("every_version_that_comes_while_a_newer_one_is_sent", journal);
    for taken in [true, false] {
        let model = format!("taken {taken}");
        let v5 = t.arrive(&every(&model, "5")).await;
        t.open().await;
        let work = t.send(v5).await;
        let v4 = t.arrive(&every(&model, "4")).await;
        t.send_nothing("one request of a lane at a time").await;
        if taken {
            t.dispatched(&work).await;
            t.expect_verdict(v4, "parked").await;
        } else {
            t.fail(&work, Advice::Throttled { until: t.now }).await;
            let work = t.send(v4).await;
            t.dispatched(&work).await;
            t.send(v5).await;
        }
    }
    t.finish().await;
}

/// Lanes do not wait for each other: another model, another route; and events without a lane wait for nobody.
pub async fn lanes_are_independent(journal: &dyn Journal) {
    let mut t = Trial::new("lanes_are_independent", journal);
    let park = t.arrive(&every("held", "1").with_park("x")).await;
    let mut expect = Vec::new();
    for arrival in [
        every("held", "2")
            .with_route("other")
            .with_id("yet another event"),
        every("free", "2"),
        Arrival::new("none", "1").without_lane(),
        Arrival::new("none", "2").without_lane(),
        Arrival::new("none", "1")
            .with_route("other")
            .with_id("another event")
            .without_lane(),
    ] {
        expect.push(t.arrive(&arrival).await);
    }
    t.arrive(&every("held", "2")).await;
    t.open().await;
    same!(t, t.sent_ids().await, expect, "what goes beside the held lane");
    t.expect_verdict(park, "parked").await;
    t.finish().await;
}

/// With `order = "event_time"` the event's instant orders, then its id, whatever the versions are called.
pub async fn event_times_order_where_asked(journal: &dyn Journal) {
    let mut t = Trial::new("event_times_order_where_asked", journal);
    let arrival = |lane, version: &str, time| {
        Arrival::new("m", version)
            .with_route(&format!("{lane:?}"))
            .with_time(Some(time))
            .with_policy(|policy| {
                policy.lane = lane;
                policy.order = Order::EventTime;
            })
    };
    t.open().await;
    let newest = t
        .arrive(&arrival(LaneMode::Latest, "alpha", 20).with_id("l2"))
        .await;
    let old = t.arrive(&arrival(LaneMode::Latest, "9", 10).with_id("l1")).await;
    t.expect_verdict(old, "superseded").await;
    let mut expect: Vec<(i32, ItemId)> = Vec::new();
    for (version, time, id, rank) in [("z", 30, "a", 2), ("y", 20, "c", 1), ("x", 20, "b", 0)] {
        expect.push((
            rank,
            t.arrive(&arrival(LaneMode::Every, version, time).with_id(id))
                .await,
        ));
    }
    expect.sort_unstable();
    t.open().await;
    let mut order = Vec::new();
    for _ in 0..4 {
        for work in t.sends().await {
            order.push(work.item.id);
            t.dispatched(&work).await;
        }
    }
    let of_every: Vec<_> = order.iter().copied().filter(|id| *id != newest).collect();
    same!(
        t,
        of_every,
        expect.into_iter().map(|(_, id)| id).collect::<Vec<_>>(),
        "the order"
    );
    same!(t, order.len(), 4, "the newest of the other lane went, too");
    t.finish().await;
}

/// Places of different orders are never compared: what a changed setting brings into a lane supersedes nothing there, and
/// parks once something has gone out by the earlier setting.
pub async fn orders_are_never_mixed(journal: &dyn Journal) {
    let mut t = Trial::new("orders_are_never_mixed", journal);
    for lane in [LaneMode::Latest, LaneMode::Every] {
        let arrival = |version: &str, order| {
            Arrival::new(&format!("{lane:?}"), version)
                .with_time(Some(5))
                .with_policy(|policy| {
                    policy.lane = lane;
                    policy.order = order;
                })
        };
        let by_version = t.arrive(&arrival("1", Order::Version)).await;
        let waits = t.arrive(&arrival("2", Order::EventTime)).await;
        t.open().await;
        let work = t.send(by_version).await;
        t.dispatched(&work).await;
        t.send_nothing("the lane is ordered by version").await;
        let later = t.arrive(&arrival("3", Order::EventTime)).await;
        for item in [waits, later] {
            t.expect_verdict(item, "parked").await;
        }
        if lane == LaneMode::Latest {
            let next = t.arrive(&arrival("4", Order::Version)).await;
            let work = t.send(next).await;
            t.dispatched(&work).await;
        }
    }
    t.finish().await;
}
