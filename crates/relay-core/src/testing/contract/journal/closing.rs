//! **Here**: clauses of what an outcome closes and opens: verdicts, blocks, throttles, what surely was not sent.
//! **Not here**: unknown outcomes (`unknown`), rate (`budget`).
//! **Reads**: `trial`.
//! **Source**: DESIGN section 6, advice -> what follows.
#![expect(
    clippy::indexing_slicing,
    reason = "a clause that finds too little panics, as it should"
)]

use std::time::Duration;

use crate::alarm::Alert;
use crate::dispatch::{Advice, Checked, Dispatched, Scope};
use crate::journal::item::{Phase, Verdict};
use crate::journal::scan::Entry;
use crate::journal::{ClaimKind, Closing, Command, Journal, Record, Settlement, Task};
use crate::retry::{CHECK_EVERY, LONGEST_WAIT, NOT_SENT_FOR};
use crate::testing::contract::journal::trial::{Trial, error, holds, run, same, secs};
use crate::testing::rows::Arrival;

/// What GitHub accepted is dispatched; its run is remembered when it was named, and when it is seen later.
pub async fn dispatched_is_a_verdict(journal: &dyn Journal) {
    let mut t = Trial::new("dispatched_is_a_verdict", journal);
    let (a, b) = (
        t.arrive(&Arrival::new("a", "1")).await,
        t.arrive(&Arrival::new("b", "1")).await,
    );
    t.open().await;
    for work in t.sends().await {
        let named = (work.item.id == b).then(|| run("77"));
        let answer = Dispatched {
            run: named,
            closed_until: None,
        };
        t.settle(Settlement::Dispatched {
            item: work.item.id,
            fence: work.fence,
            answer,
        })
        .await;
    }
    same!(
        t,
        t.item(a).await.verdict,
        Some(Verdict::Dispatched { run: None }),
        "no run was named"
    );
    same!(
        t,
        t.item(b).await.verdict,
        Some(Verdict::Dispatched { run: Some(run("77")) }),
        "the run that was named"
    );
    t.settle(Settlement::RunSeen {
        item: a,
        run: run("78"),
    })
    .await;
    same!(
        t,
        t.item(a).await.verdict,
        Some(Verdict::Dispatched { run: Some(run("78")) }),
        "the run that was seen"
    );
    same!(t, t.alerts, [], "nobody is alarmed");
    t.finish().await;
}

/// An answer may say until when no further request is wanted: the principal is closed until exactly then.
pub async fn an_answer_may_close_the_principal(journal: &dyn Journal) {
    let mut t = Trial::new("an_answer_may_close_the_principal", journal);
    let a = t.arrive(&Arrival::new("a", "1")).await;
    t.open().await;
    let work = t.send(a).await;
    let b = t.arrive(&Arrival::new("b", "1")).await;
    let until = t.now.after(secs(1_234));
    let answer = Dispatched {
        run: None,
        closed_until: Some(until),
    };
    t.settle(Settlement::Dispatched {
        item: a,
        fence: work.fence,
        answer,
    })
    .await;
    t.idle_until(until).await;
    t.send(b).await;
    t.finish().await;
}

/// What can never be accepted parks, with the reason and an alarm; it closes nothing.
pub async fn what_can_never_be_accepted_parks(journal: &dyn Journal) {
    let mut t = Trial::new("what_can_never_be_accepted_parks", journal);
    let (a, b) = (
        t.arrive(&Arrival::new("a", "1")).await,
        t.arrive(&Arrival::new("b", "1")).await,
    );
    t.budgets.default.max_in_flight = 1;
    t.open().await;
    let work = t.send(a).await;
    t.fail(&work, Advice::GiveUp).await;
    t.expect_verdict(a, "parked").await;
    same!(t, t.reason(a).await, "GiveUp", "the reason is what was said");
    same!(t, t.n_parked_alerts(), 1, "an alarm");
    t.send(b).await;
    t.finish().await;
}

/// A worker may park what it cannot make a request of; the attempt is over.
pub async fn a_worker_may_park(journal: &dyn Journal) {
    let mut t = Trial::new("a_worker_may_park", journal);
    t.budgets.default.max_in_flight = 1;
    let (a, b) = (
        t.arrive(&Arrival::new("a", "1")).await,
        t.arrive(&Arrival::new("b", "1")).await,
    );
    t.open().await;
    let work = t.send(a).await;
    t.settle(Settlement::Parked {
        item: a,
        fence: work.fence,
        why: "the credential is gone".to_owned(),
    })
    .await;
    same!(t, t.reason(a).await, "the credential is gone", "the reason");
    same!(t, t.n_parked_alerts(), 1, "an alarm");
    t.send(b).await;
    t.finish().await;
}

/// A bad credential blocks its principal, all targets of it and only those, with one alarm; a check that succeeds opens
/// them, and what waited goes.
pub async fn a_blocked_principal_closes_its_targets(journal: &dyn Journal) {
    let mut t = Trial::new("a_blocked_principal_closes_its_targets", journal);
    let a = t.arrive(&Arrival::new("a", "1").with_repository("octo/a")).await;
    let b = t.arrive(&Arrival::new("b", "1").with_repository("octo/b")).await;
    let c = t.arrive(&Arrival::new("c", "1").with_identity("other")).await;
    t.open().await;
    for work in t.sends().await {
        t.fail(
            &work,
            if work.item.id == c {
                Advice::NotSent
            } else {
                Advice::Block(Scope::Principal)
            },
        )
        .await;
    }
    same!(
        t,
        t.n_alerts(|alert| matches!(alert, Alert::Blocked { scope, .. } if scope == "principal")),
        1,
        "one alarm"
    );
    t.advance(secs(60));
    let work = t.send(c).await;
    t.dispatched(&work).await;
    let d = t.arrive(&Arrival::new("d", "1").with_repository("octo/d")).await;
    for task in t.looks().await {
        holds!(
            t,
            matches!(&task, Task::Check(target) if target.repository == "octo/d"),
            "only a new target is checked so soon, not {task:?}"
        );
        let Task::Check(target) = task else { return };
        t.record(Record::Checked {
            target: target.key,
            result: Err(error(Advice::Block(Scope::Principal))),
        })
        .await;
    }
    t.send_nothing("the principal is blocked, for targets that came later as well")
        .await;
    t.advance(CHECK_EVERY);
    let n = t.open().await;
    holds!(t, n >= 1, "it is checked again");
    same!(
        t,
        t.n_alerts(|alert| matches!(alert, Alert::Unblocked { scope, .. } if scope == "principal")),
        1,
        "told when it is open again"
    );
    let mut sent = t.sent_ids().await;
    sent.sort_unstable();
    same!(t, sent, [a, b, d], "everything that waited goes");
    let told = t.history().await;
    holds!(
        t,
        told.iter().any(|row| matches!(row.entry, Entry::Blocked { .. }))
            && told
                .iter()
                .any(|row| matches!(row.entry, Entry::Unblocked { .. })),
        "the history tells of both"
    );
    t.finish().await;
}

/// A blocked principal is checked again every ten minutes, whichever of its targets was told no, and whatever became of
/// the item that was told so.
pub async fn a_blocked_principal_is_checked_every_ten_minutes(journal: &dyn Journal) {
    let mut t = Trial::new("a_blocked_principal_is_checked_every_ten_minutes", journal);
    for (case, blocker, taken_back) in [
        ("first", 0, false),
        ("last", 2, false),
        ("gone", 0, true),
        ("last gone", 2, true),
    ] {
        let arrival = |n: usize| {
            Arrival::new(&format!("{case} {n}"), "1")
                .with_identity(case)
                .with_repository(&format!("octo/r{n}"))
        };
        let mut items = Vec::new();
        for n in 0..3 {
            items.push(t.arrive(&arrival(n)).await);
        }
        t.open().await;
        for work in t.sends().await {
            let advice = if work.item.id == items[blocker] {
                Advice::Block(Scope::Principal)
            } else {
                Advice::Throttled { until: t.now }
            };
            t.fail(&work, advice).await;
        }
        if taken_back {
            let written = t
                .command(Command::Cancel {
                    item: items[blocker],
                    why: "not wanted".to_owned(),
                })
                .await;
            holds!(t, written.is_ok(), "{written:?}");
        }
        for _ in 0..3 {
            let again = t.now.after(CHECK_EVERY);
            t.idle_until(again).await;
            let n = t.check_all(Err(error(Advice::Block(Scope::Principal)))).await;
            same!(t, n, 1, "case {case}: one check stands for the principal");
            t.send_nothing("it is still blocked").await;
        }
        t.advance(CHECK_EVERY);
        t.open().await;
        let expect = if taken_back { 2 } else { 3 };
        let works = t.sends().await;
        same!(t, works.len(), expect, "case {case}: everything that waited goes");
        for work in works {
            t.dispatched(&work).await;
        }
    }
    t.finish().await;
}

/// A blocked target is checked again every ten minutes, and a check that had no answer changes nothing.
pub async fn a_blocked_target_is_checked_every_ten_minutes(journal: &dyn Journal) {
    let mut t = Trial::new("a_blocked_target_is_checked_every_ten_minutes", journal);
    let item = t.arrive_version("1").await;
    t.open().await;
    let work = t.send(item).await;
    t.fail(&work, Advice::Block(Scope::Target)).await;
    for answer in [Advice::Unknown, Advice::Block(Scope::Target), Advice::NotSent] {
        let again = t.now.after(CHECK_EVERY);
        t.idle_until(again).await;
        same!(t, t.check_all(Err(error(answer))).await, 1, "a check");
        t.send_nothing("it is still blocked").await;
    }
    same!(
        t,
        t.n_alerts(|alert| matches!(alert, Alert::Blocked { .. })),
        1,
        "the alarm comes once"
    );
    let again = t.now.after(CHECK_EVERY);
    t.idle_until(again).await;
    t.open().await;
    t.send(item).await;
    t.finish().await;
}

/// On command what is blocked is checked now, and nothing else is.
pub async fn what_is_blocked_is_checked_on_command(journal: &dyn Journal) {
    let mut t = Trial::new("what_is_blocked_is_checked_on_command", journal);
    let a = t.arrive(&Arrival::new("a", "1").with_repository("octo/a")).await;
    let b = t.arrive(&Arrival::new("b", "1").with_identity("other")).await;
    let c = t.arrive(&Arrival::new("c", "1").with_identity("fine")).await;
    t.open().await;
    for work in t.sends().await {
        match work.item.id {
            id if id == a => t.fail(&work, Advice::Block(Scope::Target)).await,
            id if id == b => t.fail(&work, Advice::Block(Scope::Principal)).await,
            _ => t.fail(&work, Advice::NotSent).await,
        }
    }
    t.advance(secs(5));
    let written = t.command(Command::Recheck).await;
    holds!(t, written.is_ok(), "{written:?}");
    same!(t, t.open().await, 2, "what is blocked is checked");
    let mut sent = t.sent_ids().await;
    sent.sort_unstable();
    same!(t, sent, [a, b, c], "and goes, beside what was open");
    t.finish().await;
}

/// A repository that is blocked, or that a person paused, is so for an event type that is sent there for the first time.
pub async fn what_is_closed_is_closed_for_what_comes_later(journal: &dyn Journal) {
    let mut t = Trial::new("what_is_closed_is_closed_for_what_comes_later", journal);
    let at = |model: &str, repository: &str| Arrival::new(model, "1").with_repository(repository);
    t.arrive(&at("a", "octo/gone")).await;
    t.arrive(&at("b", "octo/paused")).await;
    t.open().await;
    for work in t.sends().await {
        let gone = work.item.target.contains("octo/gone");
        let advice = if gone {
            Advice::Block(Scope::Target)
        } else {
            Advice::NotSent
        };
        t.fail(&work, advice).await;
    }
    let what = Closing::Target {
        identity: "default".to_owned(),
        repository: "Octo/Paused".to_owned(),
    };
    let why = "maintenance".to_owned();
    let written = t
        .command(Command::Pause {
            what: what.clone(),
            why,
        })
        .await;
    holds!(t, written.is_ok(), "{written:?}");
    let later = t.arrive(&at("c", "OCTO/gone").with_event_type("later")).await;
    let paused = t.arrive(&at("d", "octo/PAUSED").with_event_type("later")).await;
    // No answer opens nothing.
    t.check_all(Err(error(Advice::NotSent))).await;
    t.advance(LONGEST_WAIT);
    same!(t, t.sent_ids().await, [], "what goes while it is closed");
    let written = t.command(Command::Resume { what }).await;
    holds!(t, written.is_ok(), "{written:?}");
    holds!(t, t.sent_ids().await.contains(&paused), "what was paused goes");
    t.expect_phase(later, Phase::Waiting).await;
    t.advance(CHECK_EVERY);
    t.open().await;
    holds!(t, t.sent_ids().await.contains(&later), "what was blocked goes");
    t.finish().await;
}

/// What is not there, or has moved, blocks that repository under that identity, whatever the event type, and nothing else.
pub async fn a_blocked_target_closes_its_repository(journal: &dyn Journal) {
    let mut t = Trial::new("a_blocked_target_closes_its_repository", journal);
    let at = |model: &str| Arrival::new(model, "1").with_repository("octo/gone");
    let gone = t.arrive(&at("gone")).await;
    let same = t.arrive(&at("same").with_event_type("other_action")).await;
    let other_repository = t
        .arrive(&Arrival::new("other repository", "1").with_repository("octo/there"))
        .await;
    let other_identity = t.arrive(&at("other identity").with_identity("other")).await;
    t.open().await;
    let claimed = t.claim(ClaimKind::Send, 1).await;
    let Some(Task::Send(work)) = claimed.tasks.first() else {
        holds!(t, false, "one is sent");
        return;
    };
    same!(t, work.item.id, gone, "what came first is sent first");
    t.fail(work, Advice::Block(Scope::Target)).await;
    same!(
        t,
        t.sent_ids().await,
        [other_repository, other_identity],
        "what goes on"
    );
    t.expect_phase(same, Phase::Waiting).await;
    same!(
        t,
        t.n_alerts(|alert| matches!(alert, Alert::Blocked { scope, .. } if scope == "target")),
        1,
        "one alarm"
    );
    t.finish().await;
}

/// A check that is told no blocks, like an attempt that is told no.
pub async fn a_check_that_is_told_no_blocks(journal: &dyn Journal) {
    let mut t = Trial::new("a_check_that_is_told_no_blocks", journal);
    let item = t.arrive_version("1").await;
    t.check_all(Err(error(Advice::Block(Scope::Target)))).await;
    same!(
        t,
        t.n_alerts(|alert| matches!(alert, Alert::Blocked { .. })),
        1,
        "with an alarm"
    );
    let again = t.now.after(CHECK_EVERY);
    t.idle_until(again).await;
    t.check_all(Ok(Checked {
        shows_relay_id: Some(false),
        remarks: vec!["no workflow listens".to_owned()],
    }))
    .await;
    same!(
        t,
        t.n_alerts(|alert| matches!(alert, Alert::Warning { .. })),
        1,
        "a remark is a warning"
    );
    t.send(item).await;
    t.finish().await;
}

/// A limit closes the principal, all its targets and no other, until exactly the moment that was named.
pub async fn a_limit_closes_the_principal_until_then(journal: &dyn Journal) {
    let mut t = Trial::new("a_limit_closes_the_principal_until_then", journal);
    let a = t.arrive(&Arrival::new("a", "1")).await;
    t.open().await;
    let work = t.send(a).await;
    let b = t.arrive(&Arrival::new("b", "1").with_repository("octo/b")).await;
    let c = t.arrive(&Arrival::new("c", "1").with_identity("other")).await;
    t.open().await;
    let until = t.now.after(Duration::from_millis(3_599_999));
    t.fail(&work, Advice::Throttled { until }).await;
    let work = t.send(c).await;
    t.dispatched(&work).await;
    t.idle_until(until).await;
    let mut sent = t.sent_ids().await;
    sent.sort_unstable();
    same!(t, sent, [a, b], "all of the principal go on");
    same!(t, t.alerts, [], "a limit is no alarm");
    t.finish().await;
}

/// A later limit counts; an earlier one does not open what is closed for longer.
pub async fn the_latest_limit_counts(journal: &dyn Journal) {
    let mut t = Trial::new("the_latest_limit_counts", journal);
    for model in ["a", "b", "c"] {
        t.arrive(&Arrival::new(model, "1")).await;
    }
    t.open().await;
    let until = t.now.after(secs(300));
    for (work, wait) in t.sends().await.iter().zip([100, 300, 200]) {
        t.fail(
            work,
            Advice::Throttled {
                until: t.now.after(secs(wait)),
            },
        )
        .await;
    }
    t.advance(secs(299));
    t.send_nothing("the latest limit is not over").await;
    t.advance_to(until);
    same!(t, t.sends().await.len(), 3, "all go on");
    t.finish().await;
}

/// What surely was not sent is repeated at a stored due time, sooner or later but within bounds, for 24 hours; then it parks.
pub async fn what_was_not_sent_is_repeated_for_a_day(journal: &dyn Journal) {
    let mut t = Trial::new("what_was_not_sent_is_repeated_for_a_day", journal);
    let item = t.arrive_version("1").await;
    t.open().await;
    let (mut first, mut n) = (None, 0);
    loop {
        let work = t.send(item).await;
        t.fail(&work, Advice::NotSent).await;
        let first = *first.get_or_insert(t.now);
        n += 1;
        let row = t.item(item).await;
        if row.phase == Phase::Settled {
            holds!(
                t,
                t.now.since(first) >= NOT_SENT_FOR,
                "it parked after {:?}",
                t.now.since(first)
            );
            holds!(
                t,
                t.now.since(first) <= NOT_SENT_FOR + LONGEST_WAIT,
                "it parked only after {:?}",
                t.now.since(first)
            );
            break;
        }
        same!(
            t,
            (row.phase, row.n_attempts),
            (Phase::Waiting, n),
            "it waits again"
        );
        let wait = row.due_at.since(t.now);
        holds!(
            t,
            wait > Duration::ZERO && wait <= LONGEST_WAIT,
            "attempt {n} is repeated after {wait:?}"
        );
        holds!(
            t,
            n > 8 || wait <= secs(1 << n),
            "attempt {n} is repeated after {wait:?}"
        );
        t.advance_to(row.due_at.before(Duration::from_millis(1)));
        t.send_nothing("it is not due").await;
        t.advance_to(row.due_at);
    }
    t.expect_verdict(item, "parked").await;
    same!(t, t.n_parked_alerts(), 1, "an alarm");
    t.finish().await;
}

/// Time for which the way was blocked does not count among those 24 hours.
pub async fn blocked_time_does_not_count(journal: &dyn Journal) {
    let mut t = Trial::new("blocked_time_does_not_count", journal);
    let item = t.arrive(&Arrival::new("m", "1")).await;
    t.open().await;
    let work = t.send(item).await;
    t.fail(&work, Advice::NotSent).await;
    let other = t.arrive(&Arrival::new("n", "1")).await;
    let works = t.sends().await;
    let Some(blocker) = works.iter().find(|work| work.item.id == other) else {
        holds!(t, false, "the other is sent");
        return;
    };
    t.fail(blocker, Advice::Block(Scope::Principal)).await;
    let mut blocked = Duration::ZERO;
    while blocked < secs(30 * 3_600) {
        t.advance(CHECK_EVERY);
        blocked += CHECK_EVERY;
        t.send_nothing("it is blocked").await;
    }
    let written = t.command(Command::Recheck).await;
    holds!(t, written.is_ok(), "{written:?}");
    t.open().await;
    let works = t.sends().await;
    let Some(work) = works.iter().find(|work| work.item.id == item) else {
        holds!(t, false, "it goes on");
        return;
    };
    t.fail(work, Advice::NotSent).await;
    t.expect_phase(item, Phase::Waiting).await;
    t.advance(NOT_SENT_FOR);
    let works = t.sends().await;
    let Some(work) = works.iter().find(|work| work.item.id == item) else {
        holds!(t, false, "it goes on");
        return;
    };
    t.fail(work, Advice::NotSent).await;
    t.expect_verdict(item, "parked").await;
    t.finish().await;
}

/// While a limit closes a principal, nothing at all is asked of the destination as that principal: no attempt, no look, no
/// check, be it of a new target or of a blocked one.
pub async fn a_limit_stops_every_question(journal: &dyn Journal) {
    let mut t = Trial::new("a_limit_stops_every_question", journal);
    let doubt = t.arrive(&Arrival::new("doubt", "1")).await;
    let blocked = t
        .arrive(&Arrival::new("blocked", "1").with_repository("octo/gone"))
        .await;
    let limited = t.arrive(&Arrival::new("limited", "1")).await;
    t.open().await;
    let until = t.now.after(secs(3_000));
    for work in t.sends().await {
        match work.item.id {
            id if id == doubt => t.fail(&work, Advice::Unknown).await,
            id if id == blocked => t.fail(&work, Advice::Block(Scope::Target)).await,
            _ => t.fail(&work, Advice::Throttled { until }).await,
        }
    }
    t.arrive(&Arrival::new("new", "1").with_repository("octo/new"))
        .await;
    t.idle_until(until).await;
    let tasks = t.looks().await;
    holds!(
        t,
        tasks
            .iter()
            .any(|task| matches!(task, Task::Probe(work) if work.item.id == doubt)),
        "the look comes now"
    );
    let n_checks = tasks.iter().filter(|task| matches!(task, Task::Check(_))).count();
    same!(t, n_checks, 2, "the checks come now");
    t.send(limited).await;
    t.finish().await;
}
