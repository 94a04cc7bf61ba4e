//! **Here**: clauses of compaction: what it removes, what it leaves for ever, what it spares.
//! **Not here**: when a host compacts (`relay`).
//! **Reads**: `trial`.
//! **Source**: DESIGN section 6: release keys, verdicts and each lane's highest version sent are never compacted.

use crate::clock::Timestamp;
use crate::dispatch::Advice;
use crate::journal::item::{EventSeq, ItemId};
use crate::journal::scan::HistoryRow;
use crate::journal::{Command, Compacted, Fate, JournalAdmin, Settlement};
use crate::lane::LaneMode;
use crate::retry::Again;
use crate::testing::contract::journal::admin::Administered;
use crate::testing::contract::journal::trial::{Trial, holds, run, same, secs};
use crate::testing::rows::Arrival;

async fn compact(t: &Trial<'_>, admin: &dyn JournalAdmin, before: Timestamp, limit: usize) -> Compacted {
    let done = admin.compact(before, limit).await;
    holds!(t, done.is_ok(), "a compaction is carried out: {done:?}");
    done.unwrap_or_default()
}

/// Arrives, and goes out.
pub(super) async fn sent(t: &mut Trial<'_>, arrival: &Arrival) -> ItemId {
    let item = t.arrive(arrival).await;
    t.open().await;
    let work = t.send(item).await;
    t.dispatched(&work).await;
    item
}

async fn history_of(t: &Trial<'_>, item: ItemId) -> Vec<HistoryRow> {
    t.history_after(0, Some(item), usize::from(u16::MAX)).await
}

async fn body(t: &Trial<'_>, item: ItemId) -> Option<String> {
    let event = t.item(item).await.event;
    let events = t.events_after(EventSeq(event.0 - 1), 1).await;
    events.into_iter().find(|row| row.seq == event)?.body
}

/// Of what was settled before a moment, routes, histories and bodies go; so do events of which nothing came, and what the history
/// tells of destinations. What is younger or open stays as it is. Doing it again does nothing.
pub async fn removes_what_is_old(journal: &dyn Administered, _: &dyn Administered) {
    let mut t = Trial::new("removes_what_is_old", journal);
    let old = sent(&mut t, &Arrival::new("old", "2")).await;
    let superseded = t.arrive(&Arrival::new("old", "1")).await;
    t.expect_verdict(superseded, "superseded").await;
    let mut unwanted = Arrival::new("unwanted", "1").event();
    unwanted.wanted.clear();
    unwanted.unwanted = Some("no route wants it".to_owned());
    t.accept(vec![unwanted]).await;
    // Another event of a release that is known: nothing comes of it.
    let known = Arrival::new("old", "2").with_id("once more");
    same!(
        t,
        t.accept(vec![known.event()]).await,
        [Fate::SeenAgain],
        "it is known"
    );
    let waits = t.arrive(&Arrival::new("waits", "1")).await;
    t.advance(secs(10));
    let before = t.now;
    let young = sent_beside(&mut t, &Arrival::new("young", "1"), waits).await;
    let stays = [t.item(waits).await, t.item(young).await];
    let told = (history_of(&t, waits).await, history_of(&t, young).await);
    let done = compact(&t, journal, before, 100).await;
    same!(
        t,
        (done.items, done.bodies, done.unwanted),
        (2, 2, 2),
        "what was removed"
    );
    holds!(t, done.history > 0, "the check of a target was told of: {done:?}");
    for item in [old, superseded] {
        let item = t.item(item).await;
        same!(t, item.snapshot, "", "its route is gone");
        same!(t, history_of(&t, item.id).await, [], "its history is gone");
        same!(t, body(&t, item.id).await, None, "its event's body is gone");
    }
    same!(
        t,
        t.events().await.len(),
        4,
        "events of which nothing came are gone"
    );
    same!(
        t,
        [t.item(waits).await, t.item(young).await],
        stays,
        "what is younger or open"
    );
    same!(
        t,
        (history_of(&t, waits).await, history_of(&t, young).await),
        told,
        "and its history"
    );
    for item in [waits, young] {
        holds!(t, body(&t, item).await.is_some(), "and its event");
    }
    let again = compact(&t, journal, before, 100).await;
    holds!(t, again.is_nothing(), "there is nothing left to do: {again:?}");
    t.finish().await;
}

/// Arrives and goes out, while another one waits to be sent.
async fn sent_beside(t: &mut Trial<'_>, arrival: &Arrival, other: ItemId) -> ItemId {
    let item = t.arrive(arrival).await;
    t.open().await;
    for work in t.sends().await {
        if work.item.id == other {
            t.fail(&work, Advice::NotSent).await;
        } else {
            t.dispatched(&work).await;
        }
    }
    item
}

/// After a compaction the same event, and the same release in another event, is still known; an older version still never goes out; a
/// later registration is still one; and the verdict is still there. What it would send is not: a replay is refused, and says so.
pub async fn keeps_keys_verdicts_and_marks(journal: &dyn Administered, _: &dyn Administered) {
    let mut t = Trial::new("keeps_keys_verdicts_and_marks", journal);
    let v2 = Arrival::new("m", "2");
    let item = sent(&mut t, &v2).await;
    let settlement = Settlement::RunSeen { item, run: run("7") };
    t.advance(secs(10));
    compact(&t, journal, t.now, 100).await;
    // A run that is seen late is still written down.
    t.settle(settlement).await;
    let after = t.expect_verdict(item, "dispatched").await;
    same!(t, after.snapshot, "", "it was compacted");
    same!(
        t,
        t.accept(vec![v2.event()]).await,
        [Fate::SeenAgain],
        "the event is known"
    );
    let other = v2.clone().with_id("another");
    same!(
        t,
        t.accept(vec![other.event()]).await,
        [Fate::SeenAgain],
        "the release is known"
    );
    let v1 = t.arrive(&Arrival::new("m", "1")).await;
    t.expect_verdict(v1, "superseded").await;
    let replay = Command::Replay {
        item,
        allow_older: true,
    };
    t.refused(replay, "removed").await;
    let again = v2
        .with_time(Some(60))
        .with_policy(|policy| policy.again = Again::Dispatch);
    let again = t.arrive(&again).await;
    let again = t.item(again).await;
    same!(t, again.generation, 2, "registered again: the next generation");
    holds!(t, again.relay_id != after.relay_id, "with a relay id of its own");
    t.finish().await;
}

/// A compaction removes no more of each kind than it was told to, what was settled first first.
pub async fn goes_in_steps(journal: &dyn Administered, _: &dyn Administered) {
    let mut t = Trial::new("goes_in_steps", journal);
    let mut items = Vec::new();
    for n in 0..5 {
        items.push(sent(&mut t, &Arrival::new(&format!("m{n}"), "1")).await);
        t.advance(secs(1));
    }
    let mut found = Vec::new();
    for _ in 0..4 {
        found.push(compact(&t, journal, t.now, 2).await.items);
        let left = t
            .items()
            .await
            .iter()
            .filter(|item| !item.snapshot.is_empty())
            .count();
        let gone = found.iter().sum::<usize>();
        let youngest: Vec<ItemId> = items.iter().copied().skip(gone).collect();
        same!(t, left, youngest.len(), "what is left");
        for item in youngest {
            holds!(
                t,
                !t.item(item).await.snapshot.is_empty(),
                "the older one went first"
            );
        }
    }
    same!(t, found, [2, 2, 1, 0], "in steps");
    t.finish().await;
}

/// What is parked stays whole, however long it lasts, and can be replayed; when a later generation stands for it, it goes like the rest.
pub async fn spares_what_waits_for_a_person(journal: &dyn Administered, _: &dyn Administered) {
    let mut t = Trial::new("spares_what_waits_for_a_person", journal);
    let item = t
        .arrive(
            &Arrival::new("m", "1")
                .with_park("by its name")
                .with_body("{\"b\":1}"),
        )
        .await;
    let rows = (t.item(item).await, history_of(&t, item).await);
    t.advance(secs(10_000_000));
    let done = compact(&t, journal, t.now, 100).await;
    same!(t, (done.items, done.bodies), (0, 0), "it is parked");
    same!(
        t,
        (t.item(item).await, history_of(&t, item).await),
        rows,
        "as it was"
    );
    let written = t
        .command(Command::Replay {
            item,
            allow_older: false,
        })
        .await;
    holds!(t, written.is_ok(), "{written:?}");
    t.open().await;
    let works = t.sends().await;
    for work in &works {
        same!(t, work.body, "{\"b\":1}", "with its event");
        t.dispatched(work).await;
    }
    same!(t, works.len(), 1, "it goes out");
    t.advance(secs(1));
    let done = compact(&t, journal, t.now, 100).await;
    same!(
        t,
        (done.items, done.bodies),
        (2, 1),
        "both generations, and their event"
    );
    t.expect_verdict(item, "parked").await;
    t.finish().await;
}

/// Nothing of a lane goes out until a person decides on what holds it, whichever generation that is.
pub async fn spares_an_earlier_generation_that_holds_its_lane(
    journal: &dyn Administered,
    _: &dyn Administered,
) {
    let mut t = Trial::new("spares_an_earlier_generation_that_holds_its_lane", journal);
    let every = |at: i64| {
        let arrival = Arrival::new("m", "1").with_time(Some(at));
        arrival.with_policy(|policy| (policy.lane, policy.again) = (LaneMode::Every, Again::Dispatch))
    };
    let first = t.arrive(&every(0).with_park("by its name")).await;
    let second = t.arrive(&every(60)).await;
    t.advance(secs(10_000_000));
    let done = compact(&t, journal, t.now, 100).await;
    same!(
        t,
        (done.items, done.bodies),
        (0, 0),
        "one holds the lane, one waits"
    );
    let command = Command::Replay {
        item: first,
        allow_older: false,
    };
    let made = t.command(command).await.map(|written| written.made);
    same!(t, made.ok(), Some(vec![second]), "the later one goes instead");
    t.open().await;
    let work = t.send(second).await;
    t.dispatched(&work).await;
    t.finish().await;
}

/// The body of an event stays as long as the item of any of its routes is open, young or parked.
pub async fn spares_a_body_that_a_route_needs(journal: &dyn Administered, _: &dyn Administered) {
    let mut t = Trial::new("spares_a_body_that_a_route_needs", journal);
    let arrival = Arrival::new("m", "1");
    let other = arrival.clone().with_route("other").with_park("by its name");
    let fates = t.accept(vec![arrival.event_with(&[other])]).await;
    let [Fate::Accepted { items, .. }] = fates.as_slice() else {
        holds!(t, false, "it makes items: {fates:?}");
        return;
    };
    let (Some(&first), Some(&parked)) = (items.first(), items.get(1)) else {
        holds!(t, false, "one for each route: {items:?}");
        return;
    };
    t.open().await;
    let work = t.send(first).await;
    t.dispatched(&work).await;
    t.advance(secs(1));
    let done = compact(&t, journal, t.now, 100).await;
    same!(
        t,
        (done.items, done.bodies),
        (1, 0),
        "the other route may need it"
    );
    holds!(t, body(&t, parked).await.is_some(), "it is there");
    let why = "never".to_owned();
    let written = t.command(Command::Refuse { item: parked, why }).await;
    holds!(t, written.is_ok(), "{written:?}");
    t.advance(secs(1));
    let done = compact(&t, journal, t.now, 100).await;
    same!(t, (done.items, done.bodies), (1, 1), "nobody needs it");
    t.finish().await;
}

/// An event that comes once more after it was compacted is known, is told of, and leaves nothing that a later compaction would not remove.
pub async fn what_is_seen_after_compaction_leaves_nothing_behind(
    journal: &dyn Administered,
    _: &dyn Administered,
) {
    let mut t = Trial::new("what_is_seen_after_compaction_leaves_nothing_behind", journal);
    let arrival = Arrival::new("m", "1");
    sent(&mut t, &arrival).await;
    t.advance(secs(1));
    compact(&t, journal, t.now, 100).await;
    for n in 0..3 {
        let id = arrival.clone().with_id(&format!("another {n}"));
        let fates = t.accept(vec![arrival.event(), id.event()]).await;
        same!(t, fates, [Fate::SeenAgain, Fate::SeenAgain], "it is known");
    }
    let n_told = t.history().await.len();
    holds!(t, n_told >= 6, "each is told of: {n_told}");
    t.advance(secs(1));
    compact(&t, journal, t.now, 100).await;
    // The latest of each stays, whatever it is, until something comes after it.
    let new = t.arrive(&Arrival::new("new", "1")).await;
    let new = t.item(new).await.event;
    compact(&t, journal, t.now, 100).await;
    let mut left = t.history().await;
    left.retain(|row| row.event != Some(new));
    holds!(t, left.len() <= 1, "nothing is left of it: {left:?}");
    same!(t, t.events().await.len(), 2, "but the event's key");
    t.finish().await;
}
