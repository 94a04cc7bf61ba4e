//! **Here**: clauses of lanes from which every version goes, one after another: whatever moves the front of a lane brings the next one
//! forward, and nobody who stands behind is forgotten there.
//! **Not here**: what a lane is for (`lanes`); how long a claim takes where much stands behind (an engine's own tests).
//! **Reads**: `trial`.
//! **Source**: DESIGN section 6, lane and order.

use crate::dispatch::Advice;
use crate::journal::item::{ItemId, Phase};
use crate::journal::{Closing, Command, Journal, Record, Settlement};
use crate::lane::LaneMode;
use crate::retry::{Again, OnUnknown};
use crate::testing::contract::journal::trial::{Trial, holds, same, secs};
use crate::testing::rows::Arrival;

fn every(version: &str) -> Arrival {
    Arrival::new("m", version).with_policy(|policy| policy.lane = LaneMode::Every)
}

async fn arrive<const N: usize>(t: &mut Trial<'_>, versions: [&str; N]) -> [ItemId; N] {
    let mut items = [ItemId(0); N];
    for (item, version) in items.iter_mut().zip(versions) {
        *item = t.arrive(&every(version)).await;
    }
    items
}

/// This goes, and nothing beside it; GitHub takes it.
async fn goes(t: &mut Trial<'_>, item: ItemId) {
    let work = t.send(item).await;
    t.dispatched(&work).await;
}

async fn done(t: &mut Trial<'_>, command: Command) -> Vec<ItemId> {
    let written = t.command(command).await;
    holds!(t, written.is_ok(), "{written:?}");
    written.map(|written| written.made).unwrap_or_default()
}

fn cancel(item: ItemId) -> Command {
    let why = "not wanted".to_owned();
    Command::Cancel { item, why }
}

fn refuse(item: ItemId) -> Command {
    let why = "broken".to_owned();
    Command::Refuse { item, why }
}

fn replay(item: ItemId, allow_older: bool) -> Command {
    Command::Replay { item, allow_older }
}

/// The first to go may be the last to come; all are counted as waiting, wherever they stand.
pub async fn the_first_may_come_last(journal: &dyn Journal) {
    let mut t = Trial::new("the_first_may_come_last", journal);
    let [v9, v5, v7] = arrive(&mut t, ["9", "5", "7"]).await;
    t.open().await;
    let v3 = t.arrive(&every("3")).await;
    let waiting = t.overview().await.waiting;
    same!(
        t,
        waiting.iter().map(|waiting| waiting.n).sum::<u64>(),
        4,
        "all four wait"
    );
    goes(&mut t, v3).await;
    let v4 = t.arrive(&every("4")).await;
    for item in [v4, v5] {
        goes(&mut t, item).await;
    }
    let v6 = t.arrive(&every("6")).await;
    for item in [v6, v7, v9] {
        goes(&mut t, item).await;
    }
    t.finish().await;
}

/// Whoever is cancelled, refused or replayed at the front, or behind it, takes nobody along.
pub async fn what_a_person_decides_brings_the_next_one_forward(journal: &dyn Journal) {
    let mut t = Trial::new("what_a_person_decides_brings_the_next_one_forward", journal);
    let [v1, v2, v3, v4, v5, v6] = arrive(&mut t, ["1", "2", "3", "4", "5", "6"]).await;
    t.open().await;
    for item in [v1, v3, v6] {
        done(&mut t, cancel(item)).await;
    }
    let work = t.send(v2).await;
    t.fail(&work, Advice::GiveUp).await;
    t.send_nothing("version 2 holds the lane").await;
    done(&mut t, cancel(v4)).await;
    t.send_nothing("version 2 still holds the lane").await;
    let made = done(&mut t, replay(v2, false)).await;
    let [again] = made.as_slice() else {
        holds!(t, false, "one item was made, not {made:?}");
        return;
    };
    let work = t.send(*again).await;
    t.fail(&work, Advice::GiveUp).await;
    t.send_nothing("its second generation holds the lane").await;
    done(&mut t, refuse(*again)).await;
    goes(&mut t, v5).await;
    same!(t, t.sent_ids().await, [], "nothing is left");
    t.finish().await;
}

/// What waits to be sent again goes behind an older one that came meanwhile, and after it all the same.
pub async fn what_is_repeated_goes_behind_an_older_one(journal: &dyn Journal) {
    let mut t = Trial::new("what_is_repeated_goes_behind_an_older_one", journal);
    let [v5, v8] = arrive(&mut t, ["5", "8"]).await;
    t.open().await;
    let work = t.send(v5).await;
    let v3 = t.arrive(&every("3")).await;
    t.send_nothing("version 5 is under way").await;
    t.fail(&work, Advice::NotSent).await;
    goes(&mut t, v3).await;
    t.send_nothing("version 5 waits to be sent again").await;
    let v4 = t.arrive(&every("4")).await;
    goes(&mut t, v4).await;
    t.advance_to(t.item(v5).await.due_at);
    for item in [v5, v8] {
        goes(&mut t, item).await;
    }
    t.finish().await;
}

/// What is judged holds back what comes after it, whoever is admitted first; refused, it holds back nobody.
pub async fn what_is_judged_is_waited_for(journal: &dyn Journal) {
    let mut t = Trial::new("what_is_judged_is_waited_for", journal);
    let mut items = Vec::new();
    for version in ["1", "2", "3"] {
        let arrival = every(version).with_policy(|policy| policy.wants_facts = true);
        items.push(t.arrive(&arrival).await);
    }
    let fences: Vec<_> = t.judge().await.iter().map(|work| work.fence).collect();
    let (&[v1, v2, v3], &[of_v1, of_v2, of_v3]) = (items.as_slice(), fences.as_slice()) else {
        holds!(t, false, "three are to be judged: {items:?} {fences:?}");
        return;
    };
    let admit = |item, fence| Record::Admit { item, fence };
    t.record(admit(v3, of_v3)).await;
    t.send_nothing("versions 1 and 2 are judged").await;
    t.record(admit(v1, of_v1)).await;
    goes(&mut t, v1).await;
    t.send_nothing("version 2 is judged").await;
    let why = "worse".to_owned();
    let (item, fence) = (v2, of_v2);
    t.settle(Settlement::Refused { item, fence, why }).await;
    goes(&mut t, v3).await;
    t.finish().await;
}

/// One that a person allowed to be older goes first, also once more after its answer was lost, and nobody behind it is touched.
pub async fn an_allowed_one_leaves_the_others_as_they_were(journal: &dyn Journal) {
    let mut t = Trial::new("an_allowed_one_leaves_the_others_as_they_were", journal);
    let resent = |version: &str| every(version).with_policy(|policy| policy.unknown = OnUnknown::Resend);
    let v7 = t.arrive(&resent("7")).await;
    t.open().await;
    goes(&mut t, v7).await;
    let v4 = t.arrive(&resent("4")).await;
    t.expect_verdict(v4, "parked").await;
    let (v9, v8) = (t.arrive(&resent("9")).await, t.arrive(&resent("8")).await);
    t.send_nothing("version 4 came late and holds the lane").await;
    let made = done(&mut t, replay(v4, true)).await;
    let [again] = made.as_slice() else {
        holds!(t, false, "one item was made, not {made:?}");
        return;
    };
    let work = t.send(*again).await;
    t.fail(&work, Advice::Unknown).await;
    for item in [v8, v9] {
        t.expect_phase(item, Phase::Waiting).await;
    }
    t.send_nothing("version 4 waits to be sent again").await;
    t.advance_to(t.item(*again).await.due_at);
    for item in [*again, v8, v9] {
        goes(&mut t, item).await;
    }
    t.finish().await;
}

/// After an unknown outcome what is behind it parks as late, and what is before it stays, though the one that is sent again stands first.
pub async fn what_came_late_parks_while_a_newer_one_is_sent_again(journal: &dyn Journal) {
    let mut t = Trial::new("what_came_late_parks_while_a_newer_one_is_sent_again", journal);
    let resent = |version: &str| every(version).with_policy(|policy| policy.unknown = OnUnknown::Resend);
    let (v5, v6) = (t.arrive(&resent("5")).await, t.arrive(&resent("6")).await);
    t.open().await;
    let work = t.send(v5).await;
    let v3 = t.arrive(&resent("3")).await;
    let v4 = t.arrive(&resent("4")).await;
    t.fail(&work, Advice::Unknown).await;
    for item in [v3, v4] {
        t.expect_verdict(item, "parked").await;
    }
    t.expect_phase(v6, Phase::Waiting).await;
    t.advance(secs(3_600));
    t.send_nothing("versions 3 and 4 hold the lane").await;
    done(&mut t, refuse(v3)).await;
    t.send_nothing("version 4 holds the lane").await;
    done(&mut t, refuse(v4)).await;
    for item in [v5, v6] {
        goes(&mut t, item).await;
    }
    t.finish().await;
}

/// A lane whose route was of the latest before, and is of every version now, or the other way round, forgets nobody.
pub async fn a_lane_of_both_modes_forgets_nobody(journal: &dyn Journal) {
    let mut t = Trial::new("a_lane_of_both_modes_forgets_nobody", journal);
    let latest = |version: &str| Arrival::new("m", version);
    let v1 = t.arrive(&latest("1")).await;
    let [v2, v3] = arrive(&mut t, ["2", "3"]).await;
    t.open().await;
    done(&mut t, cancel(v1)).await;
    goes(&mut t, v2).await;
    let work = t.send(v3).await;
    t.fail(&work, Advice::NotSent).await;
    t.advance_to(t.item(v3).await.due_at);
    // It is before what waits from the other time, and goes first.
    let [v4] = arrive(&mut t, ["4"]).await;
    goes(&mut t, v3).await;
    let v6 = t.arrive(&latest("6")).await;
    t.expect_verdict(v4, "superseded").await;
    let [v7, v8] = arrive(&mut t, ["7", "8"]).await;
    for item in [v6, v7, v8] {
        goes(&mut t, item).await;
    }
    t.finish().await;
}

/// A pause, and what is decided while it lasts, leave the line as it stands.
pub async fn a_paused_line_goes_on_where_it_stands(journal: &dyn Journal) {
    let mut t = Trial::new("a_paused_line_goes_on_where_it_stands", journal);
    let [v2, v3] = arrive(&mut t, ["2", "3"]).await;
    t.open().await;
    for what in [
        Closing::Journal,
        Closing::Target {
            identity: "default".to_owned(),
            repository: "octo/app".to_owned(),
        },
    ] {
        let why = "a holiday".to_owned();
        done(&mut t, Command::Pause { what, why }).await;
    }
    let v1 = t.arrive(&every("1")).await;
    done(&mut t, cancel(v2)).await;
    t.send_nothing("it is paused").await;
    done(
        &mut t,
        Command::Resume {
            what: Closing::Journal,
        },
    )
    .await;
    t.send_nothing("the repository is paused").await;
    let what = Closing::Target {
        identity: "default".to_owned(),
        repository: "octo/app".to_owned(),
    };
    done(&mut t, Command::Resume { what }).await;
    for item in [v1, v3] {
        goes(&mut t, item).await;
    }
    t.finish().await;
}

/// An earlier generation that parked holds its lane also from a later one of the same version, which was registered again: replayed, it
/// hands the lane on to that one, and the order is as it was.
pub async fn an_earlier_generation_hands_its_lane_on(journal: &dyn Journal) {
    let mut t = Trial::new("an_earlier_generation_hands_its_lane_on", journal);
    let again = |version: &str, at: i64| {
        let dispatched = every(version).with_policy(|policy| policy.again = Again::Dispatch);
        dispatched.with_time(Some(at))
    };
    let first = t.arrive(&again("1", 0)).await;
    let v2 = t.arrive(&again("2", 0)).await;
    t.open().await;
    let work = t.send(first).await;
    t.fail(&work, Advice::GiveUp).await;
    let second = t.arrive(&again("1", 60)).await;
    t.send_nothing("the first generation holds the lane, also from the second")
        .await;
    let parked = t.overview().await.parked;
    same!(
        t,
        (parked.n, parked.n_lanes),
        (1, 1),
        "it still waits for a person"
    );
    same!(t, held(&t).await, (2, 2), "both wait for a person to decide");
    let made = done(&mut t, replay(first, false)).await;
    same!(t, made, [second], "the one that waits goes instead, and no third");
    same!(t, held(&t).await, (2, 0), "one goes after the other");
    t.expect_verdict(first, "parked").await;
    t.refused(replay(first, false), "generation 2 of it is the latest")
        .await;

    // Where the later one is over as well, one more goes instead of both.
    let work = t.send(second).await;
    t.fail(&work, Advice::GiveUp).await;
    let third = t.arrive(&again("1", 120)).await;
    done(&mut t, cancel(third)).await;
    let made = done(&mut t, replay(second, false)).await;
    let [fourth] = made.as_slice() else {
        holds!(t, false, "one item was made, not {made:?}");
        return;
    };
    same!(t, t.item(*fourth).await.generation, 4, "its generation");
    for item in [*fourth, v2] {
        goes(&mut t, item).await;
    }
    t.finish().await;
}

/// How many wait, and how many of them stand behind what is parked.
async fn held(t: &Trial<'_>) -> (u64, u64) {
    let waiting = t.overview().await.waiting;
    (
        waiting.iter().map(|row| row.n).sum(),
        waiting.iter().map(|row| row.n_held).sum(),
    )
}

/// An earlier generation is not sent by mistake after a later one went out: the refusal says what frees the lane.
pub async fn an_earlier_generation_is_not_sent_after_a_later_one(journal: &dyn Journal) {
    let mut t = Trial::new("an_earlier_generation_is_not_sent_after_a_later_one", journal);
    let again = |at: i64| {
        let dispatched = every("1").with_policy(|policy| policy.again = Again::Dispatch);
        dispatched.with_time(Some(at))
    };
    let first = t.arrive(&again(0).with_park("not decided")).await;
    let second = t.arrive(&again(60)).await;
    let [v2] = arrive(&mut t, ["2"]).await;
    t.open().await;
    done(&mut t, cancel(second)).await;
    let made = done(&mut t, replay(second, true)).await;
    let [third] = made.as_slice() else {
        holds!(t, false, "one item was made, not {made:?}");
        return;
    };
    // Allowed to be older, it passes what is parked.
    goes(&mut t, *third).await;
    t.send_nothing("the first generation still holds the lane").await;
    t.refused(replay(first, false), "refuse this one, which frees its lane")
        .await;
    done(&mut t, refuse(first)).await;
    goes(&mut t, v2).await;
    t.finish().await;
}
