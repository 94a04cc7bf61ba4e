//! **Here**: clauses of `claim`: who gets what, in which order, and when there may be more; and of `scan`: pages.
//! **Not here**: the ends of leases (`leases`), lanes (`lanes`), what closes a target (`closing`), rate (`budget`).
//! **Reads**: `trial`.
//! **Source**: DESIGN section 5: journal, two claims, check, clocks.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::alarm::Alert;
use crate::dispatch::{Advice, Checked};
use crate::journal::item::{EventSeq, ItemId, Phase};
use crate::journal::scan::ItemFilter;
use crate::journal::{ClaimKind, Journal, Record, Settlement, Task};
use crate::testing::contract::journal::trial::{Trial, error, holds, same, secs};
use crate::testing::rows::Arrival;

/// Nothing is sent to a target that was not checked yet; each target is checked once, and then gets its items.
pub async fn nothing_is_sent_before_its_target_was_checked(journal: &dyn Journal) {
    let mut t = Trial::new("nothing_is_sent_before_its_target_was_checked", journal);
    let (a, b) = (
        t.arrive(&Arrival::new("a", "1")).await,
        t.arrive(&Arrival::new("b", "1").with_repository("octo/b")).await,
    );
    t.send_nothing("no target was checked").await;
    let checks = t.looks().await;
    let keys: BTreeSet<_> = checks
        .iter()
        .filter_map(|task| {
            if let Task::Check(target) = task {
                Some(target.key.clone())
            } else {
                None
            }
        })
        .collect();
    let wanted = BTreeSet::from([
        Arrival::new("a", "1").target().key(),
        Arrival::new("b", "1").with_repository("octo/b").target().key(),
    ]);
    same!(t, keys, wanted, "each target is to be checked");
    t.look_at_nothing("both checks are under way").await;
    t.send_nothing("no check has ended").await;
    let result = Ok(Checked {
        shows_relay_id: Some(false),
        remarks: Vec::new(),
    });
    t.record(Record::Checked {
        target: Arrival::new("b", "1").with_repository("octo/b").target().key(),
        result,
    })
    .await;
    t.send(b).await;
    same!(
        t,
        t.item(a).await.n_attempts,
        0,
        "the other target is still closed"
    );
    t.finish().await;
}

/// A check that had no answer is a warning and stops nothing.
pub async fn a_check_without_an_answer_stops_nothing(journal: &dyn Journal) {
    let mut t = Trial::new("a_check_without_an_answer_stops_nothing", journal);
    let mut items = Vec::new();
    for (n, advice) in [Advice::Unknown, Advice::NotSent, Advice::GiveUp]
        .into_iter()
        .enumerate()
    {
        let repository = format!("octo/r{n}");
        items.push(
            t.arrive(&Arrival::new(&repository, "1").with_repository(&repository))
                .await,
        );
        same!(t, t.check_all(Err(error(advice))).await, 1, "one check");
        same!(
            t,
            t.n_alerts(|alert| matches!(alert, Alert::Warning { .. })),
            n + 1,
            "a warning"
        );
    }
    same!(t, t.sent_ids().await, items, "sending goes on");
    t.finish().await;
}

/// What one claim gave for sending, with the intent recorded, no other claim gives while the lease lasts.
pub async fn an_item_is_claimed_once(journal: &dyn Journal) {
    let mut t = Trial::new("an_item_is_claimed_once", journal);
    let item = t.arrive_version("1").await;
    t.open().await;
    let work = t.send(item).await;
    let row = t.expect_phase(item, Phase::Sending).await;
    same!(
        t,
        (row.n_attempts, row.lease),
        (1, work.item.lease),
        "the intent, and the lease, are recorded"
    );
    for _ in 0..3 {
        t.send_nothing("it is claimed").await;
        t.look_at_nothing("it is claimed").await;
        t.advance(secs(19));
    }
    t.dispatched(&work).await;
    t.advance(secs(3_600));
    same!(t, t.idle().await, None, "it is done");
    t.finish().await;
}

/// A claim gives at most as much as was asked for, and the next one goes on from there.
pub async fn a_claim_gives_at_most_max(journal: &dyn Journal) {
    let mut t = Trial::new("a_claim_gives_at_most_max", journal);
    let wants = |name: &str| Arrival::new(name, "1").with_policy(|policy| policy.wants_facts = true);
    let mut arrivals: Vec<_> = (0..5).map(|n| wants(&format!("m{n}"))).collect();
    arrivals.push(Arrival::new("x", "1").with_repository("octo/x"));
    for arrival in &arrivals {
        t.arrive(arrival).await;
    }
    let (mut judged, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let tasks = t.claim(ClaimKind::Judge, 2).await.tasks;
        if tasks.is_empty() {
            break;
        }
        sizes.push(tasks.len());
        for task in tasks {
            match task {
                Task::Check(target) => {
                    let result = Ok(Checked {
                        shows_relay_id: Some(true),
                        remarks: Vec::new(),
                    });
                    t.record(Record::Checked {
                        target: target.key,
                        result,
                    })
                    .await;
                }
                Task::Judge(work) => {
                    judged.push(work.item.id);
                    t.record(Record::Admit {
                        item: work.item.id,
                        fence: work.fence,
                    })
                    .await;
                }
                other => holds!(t, false, "neither a look nor a check: {other:?}"),
            }
        }
    }
    same!(
        t,
        sizes.iter().sum::<usize>(),
        7,
        "two checks and five looks, in {sizes:?}"
    );
    same!(
        t,
        judged.iter().collect::<BTreeSet<_>>().len(),
        5,
        "each item was judged once"
    );
    let mut sent = Vec::new();
    for expect in [2, 2, 2, 0] {
        let tasks = t.claim(ClaimKind::Send, 2).await.tasks;
        same!(t, tasks.len(), expect, "two at a time");
        sent.extend(tasks.into_iter().filter_map(|task| {
            if let Task::Send(work) = task {
                Some(work.item.id)
            } else {
                None
            }
        }));
    }
    same!(
        t,
        sent.iter().collect::<BTreeSet<_>>().len(),
        6,
        "each item was sent once"
    );
    t.finish().await;
}

/// Larger priority goes first; among equals what was due first, then what came first.
pub async fn larger_priority_goes_first(journal: &dyn Journal) {
    let mut t = Trial::new("larger_priority_goes_first", journal);
    let arrival =
        |name: &str, priority| Arrival::new(name, "1").with_policy(|policy| policy.priority = priority);
    let mut expect = Vec::new();
    for (name, priority, rank) in [
        ("a", 0, 4),
        ("b", 7, 1),
        ("c", -3, 6),
        ("d", 0, 5),
        ("e", 7, 2),
        ("f", i32::MAX, 0),
        ("g", i32::MIN, 7),
    ] {
        expect.push((rank, t.arrive(&arrival(name, priority)).await));
        if name == "c" {
            t.advance(Duration::from_millis(1));
        }
    }
    // Due later than the others of its priority, although it came before them.
    let late = t.arrive(&arrival("z", 7)).await;
    t.open().await;
    expect.push((3, late));
    expect.sort_unstable();
    let mut order = Vec::new();
    for _ in 0..8 {
        let tasks = t.claim(ClaimKind::Send, 1).await.tasks;
        order.extend(tasks.into_iter().filter_map(|task| {
            if let Task::Send(work) = task {
                Some(work.item.id)
            } else {
                None
            }
        }));
    }
    same!(
        t,
        order,
        expect.into_iter().map(|(_, id)| id).collect::<Vec<_>>(),
        "the order"
    );
    t.finish().await;
}

/// Facts are asked for first where a route wants them: nothing is sent before it was admitted, and a hold lasts as long
/// as it says.
pub async fn facts_come_before_sending(journal: &dyn Journal) {
    let mut t = Trial::new("facts_come_before_sending", journal);
    let wants = |name: &str| {
        Arrival::new(name, "1")
            .with_policy(|policy| policy.wants_facts = true)
            .with_body(name)
    };
    let (a, b) = (t.arrive(&wants("a")).await, t.arrive(&wants("b")).await);
    let judged = t.judge().await;
    let [for_a, for_b] = judged.as_slice() else {
        holds!(t, false, "two items are to be judged: {judged:?}");
        return;
    };
    same!(t, (for_a.item.id, for_b.item.id), (a, b), "in order");
    same!(
        t,
        (for_a.body.as_str(), for_a.about.1.as_deref()),
        ("a", Some("a")),
        "with what is needed to ask"
    );
    t.send_nothing("neither was admitted").await;
    t.look_at_nothing("both are being judged").await;

    t.settle(Settlement::Refused {
        item: b,
        fence: for_b.fence,
        why: "accuracy fell".to_owned(),
    })
    .await;
    t.expect_verdict(b, "refused").await;
    let due = t.now.after(secs(300));
    t.record(Record::Hold {
        item: a,
        fence: for_a.fence,
        due,
        why: "not approved yet".to_owned(),
    })
    .await;
    t.send_nothing("it is held").await;
    t.idle_until(due).await;
    let Some(work) = t.judge().await.pop() else {
        holds!(t, false, "it is to be judged again");
        return;
    };
    t.record(Record::Admit {
        item: a,
        fence: work.fence,
    })
    .await;
    let work = t.send(a).await;
    same!(t, work.item.n_attempts, 1, "looking was no attempt");
    t.finish().await;
}

/// The next due time is never later than the moment at which something can be done, and a claim at that moment finds it.
pub async fn the_next_due_time_is_not_too_late(journal: &dyn Journal) {
    let mut t = Trial::new("the_next_due_time_is_not_too_late", journal);
    same!(t, t.idle().await, None, "nothing is due in an empty journal");
    let item = t.arrive_version("1").await;
    t.open().await;
    let work = t.send(item).await;
    t.advance(secs(7));
    t.fail(&work, Advice::NotSent).await;
    let due = t.item(item).await.due_at;
    t.idle_until(due).await;
    let work = t.send(item).await;
    let until = t.now.after(secs(1_000));
    t.fail(&work, Advice::Throttled { until }).await;
    t.idle_until(until).await;
    let work = t.send(item).await;
    t.fail(&work, Advice::Unknown).await;
    let due = t.item(item).await.due_at;
    t.idle_until(due).await;
    t.probe(item).await;
    // The look is lost with its worker.
    let end = t.now.after(t.lease);
    t.idle_until(end).await;
    t.probe(item).await;
    t.finish().await;
}

/// A claim that was given as much as it asked for, while more was due, says that there may be more now.
pub async fn a_full_claim_says_that_there_is_more(journal: &dyn Journal) {
    let mut t = Trial::new("a_full_claim_says_that_there_is_more", journal);
    for n in 0..3 {
        t.arrive(&Arrival::new(&format!("m{n}"), "1").with_repository(&format!("octo/r{n}")))
            .await;
        let facts = Arrival::new(&format!("f{n}"), "1").with_policy(|policy| policy.wants_facts = true);
        t.arrive(&facts.with_repository(&format!("octo/r{n}"))).await;
    }
    let checks = t.claim(ClaimKind::Judge, 2).await;
    holds!(
        t,
        checks.next_due.is_some_and(|due| due <= t.now),
        "two checks of three: {:?}",
        checks.next_due
    );
    for n in 0..3 {
        let target = Arrival::new("any", "1")
            .with_repository(&format!("octo/r{n}"))
            .target()
            .key();
        let result = Ok(Checked {
            shows_relay_id: Some(true),
            remarks: Vec::new(),
        });
        t.record(Record::Checked { target, result }).await;
    }
    for kind in [ClaimKind::Judge, ClaimKind::Send] {
        let claimed = t.claim(kind, 2).await;
        same!(t, claimed.tasks.len(), 2, "two of three");
        holds!(
            t,
            claimed.next_due.is_some_and(|due| due <= t.now),
            "{kind:?}, two of three: {:?}",
            claimed.next_due
        );
    }
    t.finish().await;
}

/// Scans come in pages, in order, filtered where asked; pages put together are the whole.
pub async fn scans_come_in_pages(journal: &dyn Journal) {
    let mut t = Trial::new("scans_come_in_pages", journal);
    for n in 0..7 {
        t.arrive(&Arrival::new(&format!("m{n}"), "1")).await;
    }
    t.open().await;
    let work = t.claim(ClaimKind::Send, 1).await;
    let Some(Task::Send(work)) = work.tasks.first() else {
        holds!(t, false, "one is sent");
        return;
    };
    t.dispatched(work).await;

    let (mut items, mut after) = (Vec::new(), ItemId(0));
    loop {
        let page = t.items_after(after, ItemFilter::default(), 3).await;
        let Some(last) = page.last() else { break };
        holds!(t, page.len() <= 3, "at most three on a page");
        after = last.id;
        items.extend(page);
    }
    same!(t, items, t.items().await, "items, page by page");
    holds!(
        t,
        items.is_sorted_by_key(|item| item.id),
        "in order of their numbers"
    );
    let (mut events, mut after) = (Vec::new(), EventSeq(0));
    loop {
        let page = t.events_after(after, 2).await;
        let Some(last) = page.last() else { break };
        after = last.seq;
        events.extend(page);
    }
    same!(
        t,
        (events.len(), &events),
        (7, &t.events().await),
        "events, page by page"
    );
    let (mut rows, mut after) = (Vec::new(), 0);
    loop {
        let page = t.history_after(after, None, 4).await;
        let Some(last) = page.last() else { break };
        after = last.seq;
        rows.extend(page);
    }
    same!(t, rows, t.history().await, "history, page by page");
    let of_one = t.history_after(0, Some(work.item.id), 100).await;
    let expect: Vec<_> = rows
        .into_iter()
        .filter(|row| row.item == Some(work.item.id))
        .collect();
    same!(t, of_one, expect, "the history of one item");

    let ids =
        |items: Vec<crate::journal::item::Item>| items.into_iter().map(|item| item.id).collect::<Vec<_>>();
    let filter = ItemFilter {
        verdict: Some("dispatched".to_owned()),
        ..ItemFilter::default()
    };
    same!(
        t,
        ids(t.items_after(ItemId(0), filter, 9).await),
        [work.item.id],
        "by verdict"
    );
    let filter = ItemFilter {
        phases: vec![Phase::Waiting],
        ..ItemFilter::default()
    };
    same!(t, t.items_after(ItemId(0), filter, 9).await.len(), 6, "by phase");
    let filter = ItemFilter {
        relay_id: Some(work.item.relay_id.to_string()),
        ..ItemFilter::default()
    };
    same!(
        t,
        ids(t.items_after(ItemId(0), filter, 9).await),
        [work.item.id],
        "by relay id"
    );
    let filter = ItemFilter {
        event: Some(work.item.event),
        ..ItemFilter::default()
    };
    same!(
        t,
        ids(t.items_after(ItemId(0), filter, 9).await),
        [work.item.id],
        "by event"
    );
    let counts = t.overview().await.counts;
    let count = |word: &str| {
        counts
            .iter()
            .find(|(counted, _)| counted == word)
            .map(|(_, n)| *n)
    };
    same!(
        t,
        (count("waiting"), count("dispatched")),
        (Some(6), Some(1)),
        "counts of phases and verdicts"
    );
    t.finish().await;
}
