//! **Here**: clauses of leases: what their end means, fencing, and a clock that jumps back.
//! **Not here**: who gets a lease (`claim`).
//! **Reads**: `trial`.
//! **Source**: DESIGN section 5: journal, two claims, clocks.

use crate::alarm::Alert;
use crate::dispatch::{Advice, Checked, Dispatched, Scope};
use crate::journal::item::Phase;
use crate::journal::{Journal, Record, Settlement, Task};
use crate::lane::LaneMode;
use crate::retry::{CHECK_EVERY, OnUnknown};
use crate::testing::contract::journal::trial::{Trial, error, holds, not_seen, same, secs};
use crate::testing::rows::Arrival;

/// The end of a look's lease merely frees the item.
pub async fn the_end_of_a_look_frees_the_item(journal: &dyn Journal) {
    let mut t = Trial::new("the_end_of_a_look_frees_the_item", journal);
    let item = t
        .arrive(&Arrival::new("m", "1").with_policy(|policy| policy.wants_facts = true))
        .await;
    let Some(old) = t.judge().await.pop() else {
        holds!(t, false, "it is to be judged");
        return;
    };
    let end = t.now.after(t.lease);
    t.idle_until(end).await;
    let Some(new) = t.judge().await.pop() else {
        holds!(t, false, "it is to be judged again");
        return;
    };
    same!(
        t,
        (new.item.id, new.item.n_attempts, new.item.unknown_since),
        (item, 0, None),
        "nothing can be at GitHub"
    );
    let written = t
        .record(Record::Admit {
            item,
            fence: old.fence,
        })
        .await;
    same!(t, written.fenced, [item], "the earlier look comes too late");
    let written = t
        .record(Record::Admit {
            item,
            fence: new.fence,
        })
        .await;
    same!(t, written.fenced, [], "the later look counts");
    t.send(item).await;
    t.finish().await;
}

/// The end of a send's lease means that the outcome is unknown: runs are looked for, or the policy says otherwise; it is
/// never simply sent again.
pub async fn the_end_of_a_send_means_unknown(journal: &dyn Journal) {
    let mut t = Trial::new("the_end_of_a_send_means_unknown", journal);
    t.budgets.default.max_in_flight = 3;
    let arrival =
        |unknown, name: &str| Arrival::new(name, "1").with_policy(|policy| policy.unknown = unknown);
    let probe = t.arrive(&arrival(OnUnknown::Probe, "probe")).await;
    let resend = t.arrive(&arrival(OnUnknown::Resend, "resend")).await;
    let park = t.arrive(&arrival(OnUnknown::Park, "park")).await;
    t.open().await;
    let works = t.sends().await;
    same!(t, works.len(), 3, "all are sent");
    let others = [
        t.arrive_version("1").await,
        t.arrive(&Arrival::new("n", "1")).await,
    ];
    let end = t.now.after(t.lease);
    t.idle_until(end).await;
    let again = t.sends().await;
    holds!(
        t,
        again
            .iter()
            .all(|work| work.item.id != probe && work.item.id != park),
        "only a policy by that name sends again at once"
    );
    holds!(
        t,
        others
            .iter()
            .all(|id| again.iter().any(|work| work.item.id == *id)),
        "the attempts have ended, so others may go"
    );
    t.expect_phase(probe, Phase::Probing).await;
    t.expect_verdict(park, "parked").await;
    holds!(
        t,
        t.reason(park).await.contains("may have been dispatched"),
        "the reason says what a person must find out: {}",
        t.reason(park).await
    );
    same!(t, t.n_parked_alerts(), 1, "and alarms");
    t.budgets.default.max_in_flight = 0;
    let mut resent = again.into_iter().find(|work| work.item.id == resend);
    if resent.is_none() {
        let due = t.expect_phase(resend, Phase::Waiting).await.due_at;
        holds!(
            t,
            due <= t.now.after(secs(300)),
            "it is sent again soon, not at {due}"
        );
        t.advance_to(due);
        resent = t.sends().await.into_iter().find(|work| work.item.id == resend);
    }
    let first = works.into_iter().find(|work| work.item.id == resend);
    let relay_ids = (
        first.map(|work| work.item.relay_id),
        resent.map(|work| work.item.relay_id),
    );
    same!(t, relay_ids.0, relay_ids.1, "sent again under the same id");
    t.finish().await;
}

/// When the leases of two versions of one lane end together, what the one means for the other counts: an older version
/// that was being judged parks as late, once, and is not judged again.
pub async fn leases_of_one_lane_may_end_together(journal: &dyn Journal) {
    let mut t = Trial::new("leases_of_one_lane_may_end_together", journal);
    let every = |version: &str, wants_facts| {
        Arrival::new("m", version).with_policy(|policy| {
            policy.lane = LaneMode::Every;
            policy.wants_facts = wants_facts;
        })
    };
    let newer = t.arrive(&every("2", false)).await;
    t.open().await;
    t.send(newer).await;
    let older = t.arrive(&every("1", true)).await;
    same!(t, t.judge().await.len(), 1, "the older version is being judged");
    t.advance(t.lease);
    t.send_nothing("the newer version is in doubt").await;
    t.expect_phase(newer, Phase::Probing).await;
    t.expect_verdict(older, "parked").await;
    t.look_at_nothing("what is parked is not judged").await;
    same!(t, t.n_parked_alerts(), 1, "with one alarm");
    t.finish().await;
}

/// A request that was lost with its worker is known to have left no later than its lease ended, however much later that
/// was found: runs are listed from before the intent.
pub async fn a_lost_send_remembers_when_it_left(journal: &dyn Journal) {
    let mut t = Trial::new("a_lost_send_remembers_when_it_left", journal);
    let item = t.arrive_version("1").await;
    t.open().await;
    let work = t.send(item).await;
    let (left, end) = (t.now, work.item.lease.map(|lease| lease.until));
    t.advance(secs(5 * 3_600));
    t.sends().await;
    let row = t.expect_phase(item, Phase::Probing).await;
    let since = row.unknown_since;
    holds!(
        t,
        since >= Some(left) && since <= end,
        "the request left at {left}, and found out about at {}, is said to have left at {since:?}",
        t.now
    );
    t.finish().await;
}

/// Whoever presents a fence that is not the current one changes nothing, and is told so.
pub async fn an_old_fence_changes_nothing(journal: &dyn Journal) {
    let mut t = Trial::new("an_old_fence_changes_nothing", journal);
    let item = t.arrive_version("1").await;
    t.open().await;
    let old = t.send(item).await;
    t.advance(t.lease);
    t.sends().await;
    let due = t.expect_phase(item, Phase::Probing).await.due_at;
    t.advance_to(due);
    let current = t.probe(item).await;
    let before = (t.items().await, t.history().await, t.overview().await);
    for fence in [old.fence, 0, current.fence + 1, u64::from(u32::MAX)] {
        let why = String::new;
        let records = [
            Record::Admit { item, fence },
            Record::Hold {
                item,
                fence,
                due: t.now,
                why: why(),
            },
            Record::Failed {
                item,
                fence,
                error: error(Advice::NotSent),
            },
            Record::Failed {
                item,
                fence,
                error: error(Advice::GiveUp),
            },
            Record::Looked {
                item,
                fence,
                look: not_seen(),
            },
        ];
        let settlements = [
            Settlement::Dispatched {
                item,
                fence,
                answer: Dispatched::default(),
            },
            Settlement::Refused {
                item,
                fence,
                why: why(),
            },
            Settlement::Parked {
                item,
                fence,
                why: why(),
            },
        ];
        for record in records {
            let written = t.record(record).await;
            same!(t, written.fenced, [item], "a record with fence {fence}");
        }
        for settlement in settlements {
            let written = t.settle(settlement).await;
            same!(t, written.fenced, [item], "a settlement with fence {fence}");
        }
    }
    same!(
        t,
        (t.items().await, t.history().await, t.overview().await),
        before,
        "nothing changed"
    );
    let written = t
        .record(Record::Looked {
            item,
            fence: current.fence,
            look: not_seen(),
        })
        .await;
    same!(t, written.fenced, [], "the current fence works");
    let written = t
        .record(Record::Looked {
            item,
            fence: current.fence,
            look: not_seen(),
        })
        .await;
    same!(t, written.fenced, [item], "a fence works once");
    t.finish().await;
}

/// One fenced write of a batch does not spoil the others.
pub async fn a_fenced_write_spares_its_batch(journal: &dyn Journal) {
    let mut t = Trial::new("a_fenced_write_spares_its_batch", journal);
    let (a, b) = (
        t.arrive(&Arrival::new("a", "1")).await,
        t.arrive(&Arrival::new("b", "1")).await,
    );
    t.open().await;
    let works = t.sends().await;
    let settled = works.iter().map(|work| Settlement::Dispatched {
        item: work.item.id,
        fence: if work.item.id == a {
            work.fence + 1_000
        } else {
            work.fence
        },
        answer: Dispatched::default(),
    });
    let result = journal.settle(t.now, settled.collect()).await;
    same!(
        t,
        result.ok().map(|written| written.fenced),
        Some(vec![a]),
        "only one was fenced"
    );
    t.expect_phase(a, Phase::Sending).await;
    t.expect_verdict(b, "dispatched").await;
    t.finish().await;
}

/// A check whose worker is gone is asked for again when its time is over.
pub async fn a_lost_check_is_asked_for_again(journal: &dyn Journal) {
    let mut t = Trial::new("a_lost_check_is_asked_for_again", journal);
    let item = t.arrive_version("1").await;
    same!(t, t.looks().await.len(), 1, "one check");
    let end = t.now.after(t.lease);
    t.idle_until(end).await;
    same!(t, t.open().await, 1, "the same check");
    t.send(item).await;
    t.finish().await;
}

/// A check that was lost is asked for again, though another event type's check has opened the blocked repository meanwhile.
pub async fn a_lost_check_is_asked_for_again_though_its_repository_was_opened(journal: &dyn Journal) {
    let mut t = Trial::new(
        "a_lost_check_is_asked_for_again_though_its_repository_was_opened",
        journal,
    );
    let first = t.arrive(&Arrival::new("a", "1")).await;
    let open = Ok(Checked {
        shows_relay_id: Some(true),
        remarks: Vec::new(),
    });
    same!(
        t,
        t.check_all(Err(error(Advice::Block(Scope::Target)))).await,
        1,
        "one check, which blocks"
    );
    let second = t.arrive(&Arrival::new("b", "1").with_event_type("later")).await;
    let lost = t.looks().await;
    same!(t, lost.len(), 1, "a check of what is new, which is lost");
    t.advance(CHECK_EVERY);
    for task in t.looks().await {
        let Task::Check(target) = task else { continue };
        if target.event_type != "later" {
            let (target, result) = (target.key, open.clone());
            holds!(
                t,
                t.try_record(vec![Record::Checked { target, result }])
                    .await
                    .is_ok(),
                "the check is written"
            );
        }
    }
    t.advance(CHECK_EVERY);
    t.open().await;
    let mut sent = t.sent_ids().await;
    sent.sort_unstable();
    same!(t, sent, [first, second], "what goes once both were checked");
    t.finish().await;
}

/// When the clock jumps back, due times, the ends of leases and what is closed move back with it.
pub async fn a_clock_that_jumps_back_takes_due_times_with_it(journal: &dyn Journal) {
    let mut t = Trial::new("a_clock_that_jumps_back_takes_due_times_with_it", journal);
    t.budgets.default.min_interval = secs(100);
    let arrival = |name: &str, identity: &str| Arrival::new(name, "1").with_identity(identity);
    let (retried, throttled) = (
        t.arrive(&arrival("a", "one")).await,
        t.arrive(&arrival("b", "two")).await,
    );
    let (spent, lost) = (
        t.arrive(&arrival("c", "three")).await,
        t.arrive(&arrival("d", "four")).await,
    );
    let next = t.arrive(&arrival("e", "three")).await;
    t.open().await;
    let works = t.sends().await;
    same!(t, works.len(), 4, "one for each identity");
    for work in &works {
        match work.item.id {
            id if id == retried => t.fail(work, Advice::NotSent).await,
            id if id == throttled => {
                t.fail(
                    work,
                    Advice::Throttled {
                        until: t.now.after(secs(500)),
                    },
                )
                .await;
            }
            id if id == spent => t.dispatched(work).await,
            _ => {}
        }
    }
    let wait = t.item(retried).await.due_at.since(t.now);
    t.jump_back(secs(3_600));
    let start = t.now;
    t.idle().await;
    same!(
        t,
        t.n_alerts(|alert| matches!(alert, Alert::ClockJumpedBack { by_ms: 3_600_000 })),
        1,
        "the jump is told"
    );
    t.budgets
        .of
        .insert("one".to_owned(), crate::budget::Budget::unbounded());
    t.idle_until(start.after(wait)).await;
    let work = t.send(retried).await;
    t.dispatched(&work).await;
    t.advance_to(start.after(t.lease));
    t.sends().await;
    t.expect_phase(lost, Phase::Probing).await;
    t.advance_to(start.after(secs(99)));
    t.send_nothing("the interval since the latest request is as long as before")
        .await;
    t.advance(secs(1));
    t.send(next).await;
    t.advance_to(start.after(secs(499)));
    t.send_nothing("the identity is closed for as long as before")
        .await;
    t.advance(secs(1));
    t.send(throttled).await;
    t.finish().await;
}
