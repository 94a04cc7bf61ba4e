//! **Here**: clauses of a person's commands: replay, refuse, cancel; what they refuse, and in which words.
//! **Not here**: recheck (`closing`), who may ask (the host).
//! **Reads**: `trial`.
//! **Source**: DESIGN section 6: asking again is an explicit replay, a new generation.

use crate::dispatch::Advice;
use crate::journal::item::{ItemId, Phase};
use crate::journal::{Command, Journal};
use crate::lane::LaneMode;
use crate::testing::contract::journal::trial::{Trial, holds, same, secs};
use crate::testing::rows::Arrival;

const fn replay(item: ItemId) -> Command {
    Command::Replay {
        item,
        allow_older: false,
    }
}

fn cancel(item: ItemId) -> Command {
    Command::Cancel {
        item,
        why: "not wanted".to_owned(),
    }
}

fn refuse(item: ItemId) -> Command {
    Command::Refuse {
        item,
        why: "not good".to_owned(),
    }
}

/// Carries a replay out and gives the item it made.
async fn replayed(t: &mut Trial<'_>, item: ItemId, allow_older: bool) -> ItemId {
    let written = t.command(Command::Replay { item, allow_older }).await;
    let made = written.as_ref().ok().map(|written| written.made.as_slice());
    holds!(
        t,
        matches!(made, Some([_])),
        "a replay makes one item: {written:?}"
    );
    made.and_then(|made| made.first()).copied().unwrap_or_default()
}

/// A replay is a new generation of the same release: new item, new relay id, same event; the earlier verdict stays.
pub async fn a_replay_is_a_new_generation(journal: &dyn Journal) {
    let mut t = Trial::new("a_replay_is_a_new_generation", journal);
    let first = t.arrive_version("1").await;
    t.open().await;
    let work = t.send(first).await;
    t.dispatched(&work).await;
    let second = replayed(&mut t, first, false).await;
    let (old, new) = (
        t.expect_verdict(first, "dispatched").await,
        t.expect_phase(second, Phase::Waiting).await,
    );
    same!(
        t,
        (new.generation, new.event, &new.key, &new.target),
        (2, old.event, &old.key, &old.target),
        "the same release, once more"
    );
    holds!(
        t,
        new.relay_id != old.relay_id,
        "a new generation has a new relay id"
    );
    let work = t.send(second).await;
    same!(t, work.item.n_attempts, 1, "its attempts are counted anew");
    t.fail(&work, Advice::GiveUp).await;
    let third = replayed(&mut t, second, false).await;
    same!(
        t,
        t.item(third).await.generation,
        3,
        "parked items can be replayed, too"
    );
    t.finish().await;
}

/// A replay is refused for what has no verdict, is not the latest generation, or is not there.
pub async fn a_replay_is_refused_with_a_reason(journal: &dyn Journal) {
    let mut t = Trial::new("a_replay_is_refused_with_a_reason", journal);
    let item = t.arrive_version("1").await;
    t.refused(replay(item), "verdict").await;
    t.open().await;
    let work = t.send(item).await;
    t.refused(replay(item), "verdict").await;
    t.dispatched(&work).await;
    replayed(&mut t, item, false).await;
    t.refused(replay(item), "generation 2").await;
    t.refused(replay(ItemId(item.0 + 1_000)), &(item.0 + 1_000).to_string())
        .await;
    t.finish().await;
}

/// An older version is replayed only with `allow_older`, after a newer one of its lane went out or may have.
pub async fn an_older_version_is_replayed_only_on_request(journal: &dyn Journal) {
    let mut t = Trial::new("an_older_version_is_replayed_only_on_request", journal);
    for (lane, advice) in [
        (LaneMode::Latest, None),
        (LaneMode::Every, None),
        (LaneMode::Latest, Some(Advice::Unknown)),
    ] {
        let model = format!("{lane:?} {advice:?}");
        let arrival = |version: &str| {
            Arrival::new(&model, version).with_policy(|policy| {
                policy.lane = lane;
                policy.unknown = crate::retry::OnUnknown::Park;
            })
        };
        let v1 = t.arrive(&arrival("1")).await;
        t.open().await;
        let work = t.send(v1).await;
        t.dispatched(&work).await;
        let v2 = t.arrive(&arrival("2")).await;
        let work = t.send(v2).await;
        match advice {
            Some(advice) => t.fail(&work, advice).await,
            None => t.dispatched(&work).await,
        }
        t.refused(replay(v1), "allow_older").await;
        let again = replayed(&mut t, v1, true).await;
        let work = t.send(again).await;
        t.dispatched(&work).await;
        let v3 = t.arrive(&arrival("3")).await;
        let work = t.send(v3).await;
        t.dispatched(&work).await;
    }
    t.finish().await;
}

/// What was superseded can be replayed, and is not superseded again when a person allowed it.
pub async fn an_older_version_may_go_before_a_newer_one_that_waits(journal: &dyn Journal) {
    let mut t = Trial::new("an_older_version_may_go_before_a_newer_one_that_waits", journal);
    let (v1, v2) = (t.arrive_version("1").await, t.arrive_version("2").await);
    t.expect_verdict(v1, "superseded").await;
    let again = replayed(&mut t, v1, true).await;
    t.open().await;
    let mut sent = Vec::new();
    for _ in 0..2 {
        let works = t.sends().await;
        same!(t, works.len(), 1, "one request of a lane at a time");
        for work in works {
            sent.push(work.item.id);
            t.dispatched(&work).await;
        }
    }
    sent.sort_unstable();
    same!(t, sent, [v2, again], "both went out");
    t.finish().await;
}

/// An older version that a person allowed goes out although another one is parked in its lane, whatever else waits there.
pub async fn an_allowed_older_version_passes_what_is_parked(journal: &dyn Journal) {
    let mut t = Trial::new("an_allowed_older_version_passes_what_is_parked", journal);
    let every =
        |version: &str| Arrival::new("m", version).with_policy(|policy| policy.lane = LaneMode::Every);
    let v7 = t.arrive(&every("7")).await;
    t.open().await;
    let work = t.send(v7).await;
    t.dispatched(&work).await;
    let (v4, v5) = (t.arrive(&every("4")).await, t.arrive(&every("5")).await);
    let v8 = t.arrive(&every("8")).await;
    t.advance(secs(1));
    t.send_nothing("versions 4 and 5 came late and are parked").await;
    let again = replayed(&mut t, v4, true).await;
    let work = t.send(again).await;
    t.dispatched(&work).await;
    t.send_nothing("version 5 is still parked").await;
    let written = t.command(refuse(v5)).await;
    holds!(t, written.is_ok(), "{written:?}");
    t.send(v8).await;
    t.finish().await;
}

/// Only what is parked can be refused; the reason is kept.
pub async fn only_what_is_parked_can_be_refused(journal: &dyn Journal) {
    let mut t = Trial::new("only_what_is_parked_can_be_refused", journal);
    let item = t.arrive_version("1").await;
    let parked = t.arrive(&Arrival::new("n", "1").with_park("bad name")).await;
    t.refused(refuse(item), "parked").await;
    let written = t.command(refuse(parked)).await;
    holds!(t, written.is_ok(), "{written:?}");
    t.expect_verdict(parked, "refused").await;
    same!(t, t.reason(parked).await, "not good", "the reason");
    t.refused(refuse(parked), "parked").await;
    t.refused(refuse(ItemId(99_999)), "99999").await;
    t.finish().await;
}

/// Only what waits, and of which nothing can be at GitHub, can be cancelled; it never goes out.
pub async fn only_what_waits_can_be_cancelled(journal: &dyn Journal) {
    let mut t = Trial::new("only_what_waits_can_be_cancelled", journal);
    let (a, b) = (
        t.arrive(&Arrival::new("a", "1")).await,
        t.arrive(&Arrival::new("b", "1")).await,
    );
    let facts = t
        .arrive(&Arrival::new("c", "1").with_policy(|policy| policy.wants_facts = true))
        .await;
    let resend = t
        .arrive(
            &Arrival::new("d", "1").with_policy(|policy| policy.unknown = crate::retry::OnUnknown::Resend),
        )
        .await;
    for item in [a, facts] {
        let written = t.command(cancel(item)).await;
        holds!(t, written.is_ok(), "{written:?}");
        t.expect_verdict(item, "cancelled").await;
        same!(t, t.reason(item).await, "not wanted", "the reason");
    }
    t.open().await;
    let works = t.sends().await;
    let ids: Vec<_> = works.iter().map(|work| work.item.id).collect();
    same!(t, ids, [b, resend], "what was not cancelled goes");
    t.refused(cancel(b), "cancel").await;
    for work in &works {
        t.fail(work, Advice::Unknown).await;
    }
    t.refused(cancel(b), "cancel").await;
    t.refused(cancel(resend), "cancel").await;
    t.refused(cancel(a), "cancel").await;
    t.finish().await;
}

/// Cancelling in a lane of every version lets the next one go.
pub async fn cancelling_frees_the_lane(journal: &dyn Journal) {
    let mut t = Trial::new("cancelling_frees_the_lane", journal);
    let every =
        |version: &str| Arrival::new("m", version).with_policy(|policy| policy.lane = LaneMode::Every);
    let (v1, v2) = (t.arrive(&every("1")).await, t.arrive(&every("2")).await);
    t.open().await;
    let work = t.send(v1).await;
    t.fail(&work, Advice::NotSent).await;
    t.send_nothing("version 1 waits to be sent again").await;
    let written = t.command(cancel(v1)).await;
    holds!(t, written.is_ok(), "{written:?}");
    t.send(v2).await;
    t.advance(secs(3_600));
    t.expect_verdict(v1, "cancelled").await;
    t.finish().await;
}
