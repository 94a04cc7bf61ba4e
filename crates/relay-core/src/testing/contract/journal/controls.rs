//! **Here**: clauses of a person's commands for many: pause and resume, replay of what a filter finds, forget.
//! **Not here**: commands for one item (`commands`); what is imported or copied and starts paused (`admin`).
//! **Reads**: `trial`.
//! **Source**: DESIGN section 6: asking again is an explicit replay; `forget WORKSPACE` clears keys and lanes by command.

use crate::alarm::Alert;
use crate::dispatch::Advice;
use crate::journal::item::{ItemId, Phase};
use crate::journal::scan::{Entry, ItemFilter};
use crate::journal::{Closing, Command, Fate, Journal, NewEvent, Written};
use crate::key::{DispatchKey, ReleaseKey};
use crate::lane::LaneMode;
use crate::retry::{NOT_SENT_FOR, OnUnknown};
use crate::testing::contract::journal::trial::{Trial, holds, same, secs, seen};
use crate::testing::rows::Arrival;

const WHY: &str = "the building is on fire";

fn repository(identity: &str, repository: &str) -> Closing {
    Closing::Target {
        identity: identity.to_owned(),
        repository: repository.to_owned(),
    }
}

async fn done(t: &mut Trial<'_>, command: Command) -> Written {
    let what = format!("{command:?}");
    let written = t.command(command).await;
    holds!(t, written.is_ok(), "{what} is carried out: {written:?}");
    written.unwrap_or_default()
}

async fn pause(t: &mut Trial<'_>, what: Closing) {
    let why = WHY.to_owned();
    done(t, Command::Pause { what, why }).await;
}

async fn resume(t: &mut Trial<'_>, what: Closing) {
    done(t, Command::Resume { what }).await;
}

fn n_paused(t: &Trial<'_>) -> usize {
    t.n_alerts(|alert| matches!(alert, Alert::Paused { why, .. } if why == WHY))
}

/// A journal that is paused accepts, judges and looks for runs, and sends nothing until a person resumes it. The overview says why,
/// the history who did what, and an alarm is raised once.
pub async fn a_paused_journal_sends_nothing(journal: &dyn Journal) {
    let mut t = Trial::new("a_paused_journal_sends_nothing", journal);
    let lost = t.arrive(&Arrival::new("lost", "1")).await;
    t.open().await;
    let work = t.send(lost).await;
    t.fail(&work, Advice::Unknown).await;
    pause(&mut t, Closing::Journal).await;
    let why = t.overview().await.pause.map(|pause| (pause.why, pause.since));
    same!(
        t,
        why,
        Some((WHY.to_owned(), t.now)),
        "the overview says why, and since when"
    );
    same!(t, n_paused(&t), 1, "an alarm");
    let waits = t.arrive(&Arrival::new("waits", "1")).await;
    let facts = Arrival::new("facts", "1").with_policy(|policy| policy.wants_facts = true);
    let judged = t.arrive(&facts).await;
    same!(t, t.judge().await.len(), 1, "facts are asked for");
    t.send_nothing("it is paused").await;
    let probe_due = t.item(lost).await.due_at;
    t.advance_to(probe_due.max(t.now));
    let probe = t.looks().await;
    holds!(t, !probe.is_empty(), "runs are looked for, at {}", t.now);
    // Whoever pauses it again does not take over.
    let (what, why) = (Closing::Journal, "another reason".to_owned());
    done(&mut t, Command::Pause { what, why }).await;
    let why = t.overview().await.pause.map(|pause| pause.why);
    same!(t, why.as_deref(), Some(WHY), "the first reason stays");
    t.advance(secs(100_000));
    t.send_nothing("a pause does not end by itself").await;
    resume(&mut t, Closing::Journal).await;
    same!(t, t.overview().await.pause, None, "it is over");
    let sent = t.sent_ids().await;
    holds!(t, sent.contains(&waits), "what waited goes: {sent:?}");
    holds!(t, !sent.contains(&judged), "what is judged does not: {sent:?}");
    resume(&mut t, Closing::Journal).await;
    let told: Vec<&str> = t
        .history()
        .await
        .into_iter()
        .filter_map(|row| match row.entry {
            Entry::Paused { .. } => Some("paused"),
            Entry::Resumed { .. } => Some("resumed"),
            _ => None,
        })
        .collect();
    same!(t, told, ["paused", "resumed"], "each once in the history");
    t.finish().await;
}

/// A repository that is paused under an identity, in whatever casing, holds back all of its targets, those that come later too, and
/// nothing else. Its runs are still looked for.
pub async fn a_paused_repository_holds_back_only_itself(journal: &dyn Journal) {
    let mut t = Trial::new("a_paused_repository_holds_back_only_itself", journal);
    let at = |model: &str, repository: &str| Arrival::new(model, "1").with_repository(repository);
    let lost = t.arrive(&at("lost", "octo/app")).await;
    t.open().await;
    let work = t.send(lost).await;
    t.fail(&work, Advice::Unknown).await;
    let known = t.arrive(&at("known", "octo/app")).await;
    pause(&mut t, repository("default", "OCTO/App")).await;
    same!(t, n_paused(&t), 1, "an alarm");
    same!(t, t.overview().await.pause, None, "the journal itself is open");
    let later = t
        .arrive(&at("later", "octo/app").with_event_type("another"))
        .await;
    let elsewhere = t.arrive(&at("elsewhere", "octo/other")).await;
    let as_other = t.arrive(&at("as other", "octo/app").with_identity("other")).await;
    t.open().await;
    let sent = t.sent_ids().await;
    same!(t, sent, [elsewhere, as_other], "the rest goes");
    let due = t.item(lost).await.due_at;
    t.advance_to(due.max(t.now));
    let work = t.probe(lost).await;
    t.looked(&work, seen("1")).await;
    t.expect_verdict(lost, "dispatched").await;
    resume(&mut t, repository("default", "octo/APP")).await;
    same!(t, t.sent_ids().await, [known, later], "what waited goes");
    t.finish().await;
}

/// A pause of what no item goes to is refused: it would hold back nothing, also later.
pub async fn a_pause_of_nothing_is_refused(journal: &dyn Journal) {
    let mut t = Trial::new("a_pause_of_nothing_is_refused", journal);
    t.arrive_version("1").await;
    let why = || WHY.to_owned();
    for (identity, name) in [("default", "octo/none"), ("none", "octo/app")] {
        let what = repository(identity, name);
        t.refused(Command::Resume { what: what.clone() }, name).await;
        t.refused(Command::Pause { what, why: why() }, name).await;
    }
    // What is open already is left open, without a word.
    resume(&mut t, repository("default", "octo/app")).await;
    resume(&mut t, Closing::Journal).await;
    t.finish().await;
}

/// Time in which everything, or its repository, was paused does not count against an item that could not be sent.
pub async fn paused_time_does_not_count(journal: &dyn Journal) {
    let mut t = Trial::new("paused_time_does_not_count", journal);
    let item = t.arrive_version("1").await;
    t.open().await;
    for what in [Closing::Journal, repository("default", "octo/app")] {
        let work = t.send(item).await;
        t.fail(&work, Advice::NotSent).await;
        pause(&mut t, what.clone()).await;
        t.advance(NOT_SENT_FOR * 2);
        t.send_nothing("it is paused").await;
        resume(&mut t, what).await;
    }
    let work = t.send(item).await;
    t.fail(&work, Advice::NotSent).await;
    t.expect_phase(item, Phase::Waiting).await;
    t.advance(NOT_SENT_FOR);
    let work = t.send(item).await;
    t.fail(&work, Advice::NotSent).await;
    t.expect_verdict(item, "parked").await;
    t.finish().await;
}

fn everything_parked() -> ItemFilter {
    ItemFilter {
        verdict: Some("parked".to_owned()),
        ..ItemFilter::default()
    }
}

fn replay_all(filter: ItemFilter, limit: usize) -> Command {
    Command::ReplayAll {
        filter,
        allow_older: false,
        limit,
    }
}

/// Everything parked is replayed as new generations, oldest first and no more than asked for; what cannot be is passed over, with the
/// reason. A filter may name a route. Other verdicts stay.
pub async fn everything_parked_is_replayed(journal: &dyn Journal) {
    let mut t = Trial::new("everything_parked_is_replayed", journal);
    let sent = t.arrive(&Arrival::new("sent", "1")).await;
    t.open().await;
    let work = t.send(sent).await;
    t.dispatched(&work).await;
    let mut parked = Vec::new();
    for model in ["a", "b", "c"] {
        parked.push(t.arrive(&Arrival::new(model, "1").with_park("by its name")).await);
    }
    let other = Arrival::new("d", "1")
        .with_route("other")
        .with_park("by its name");
    let other = t.arrive(&other).await;
    let by_route = ItemFilter {
        route: Some("other".to_owned()),
        ..everything_parked()
    };
    let written = done(&mut t, replay_all(by_route, 10)).await;
    same!(t, written.passed_over, [], "nothing is passed over");
    same!(t, t.sent_ids().await, written.made, "the one of that route goes");
    let written = done(&mut t, replay_all(everything_parked(), 2)).await;
    same!(t, written.made.len(), 2, "no more than asked for");
    let passed_over: Vec<ItemId> = written.passed_over.iter().map(|(id, _)| *id).collect();
    holds!(
        t,
        passed_over.iter().all(|id| *id == other),
        "what has a later generation is passed over, nothing else: {:?}",
        written.passed_over
    );
    same!(t, t.sent_ids().await, written.made, "oldest first");
    let written = done(&mut t, replay_all(everything_parked(), 10)).await;
    let of = t.item(written.made.first().copied().unwrap_or_default()).await;
    same!(
        t,
        (written.made.len(), of.generation),
        (1, 2),
        "the last, as a new generation"
    );
    same!(
        t,
        of.event,
        t.item(parked.remove(2)).await.event,
        "of the youngest"
    );
    let reasons: Vec<&str> = written.passed_over.iter().map(|(_, why)| why.as_str()).collect();
    holds!(
        t,
        reasons.len() == 3 && reasons.iter().all(|why| why.contains("generation 2")),
        "each with its reason: {reasons:?}"
    );
    t.expect_verdict(sent, "dispatched").await;
    t.finish().await;
}

/// In a lane of the latest version, what is replayed gives way as it did when it arrived: one request, that of the newest.
pub async fn what_is_replayed_together_keeps_its_order(journal: &dyn Journal) {
    let mut t = Trial::new("what_is_replayed_together_keeps_its_order", journal);
    let mut latest = ItemId(0);
    for version in ["1", "3", "2"] {
        latest = t
            .arrive(&Arrival::new("m", version).with_park("by its name"))
            .await;
    }
    let every = |version: &str| {
        Arrival::new("every", version)
            .with_policy(|policy| policy.lane = LaneMode::Every)
            .with_park("by its name")
    };
    let (first, second) = (t.arrive(&every("1")).await, t.arrive(&every("2")).await);
    let written = done(&mut t, replay_all(everything_parked(), 10)).await;
    t.open().await;
    same!(t, written.made.len(), 5, "all of them: {:?}", written.passed_over);
    let works = t.sends().await;
    let sent: Vec<_> = works
        .iter()
        .map(|work| (work.about.1.clone(), work.about.2.clone()))
        .collect();
    let of = |model: &str, version: &str| (Some(model.to_owned()), Some(version.to_owned()));
    same!(
        t,
        sent,
        [of("m", "3"), of("every", "1")],
        "the newest of one lane, the first of the other"
    );
    for work in &works {
        t.dispatched(work).await;
    }
    let works = t.sends().await;
    let sent: Vec<_> = works.iter().map(|work| work.about.2.clone()).collect();
    same!(t, sent, [Some("2".to_owned())], "the second of the other");
    for item in [latest, first, second] {
        t.expect_verdict(item, "parked").await;
    }
    t.finish().await;
}

/// A filter that does not say what, be it a verdict, an event or a relay id, is refused: everything that ever went out would go out again.
pub async fn everything_at_all_is_not_replayed(journal: &dyn Journal) {
    let mut t = Trial::new("everything_at_all_is_not_replayed", journal);
    let item = t.arrive_version("1").await;
    t.open().await;
    let work = t.send(item).await;
    t.dispatched(&work).await;
    let only_settled = ItemFilter {
        phases: vec![Phase::Settled],
        route: Some("deploy".to_owned()),
        ..ItemFilter::default()
    };
    for filter in [ItemFilter::default(), only_settled] {
        t.refused(replay_all(filter, 10), "name the verdict").await;
    }
    let by_id = ItemFilter {
        relay_id: Some(t.item(item).await.relay_id.to_string()),
        ..ItemFilter::default()
    };
    let written = done(&mut t, replay_all(by_id, 10)).await;
    same!(t, written.made.len(), 1, "what is named is");
    t.finish().await;
}

fn forget(workspace: &str) -> Command {
    Command::Forget {
        workspace: workspace.to_owned(),
    }
}

/// What is forgotten is new when it comes again, also the same event, and in whatever order; its generations are counted on, so that
/// no relay id is used twice. What was, stays readable.
pub async fn what_is_forgotten_is_new(journal: &dyn Journal) {
    let mut t = Trial::new("what_is_forgotten_is_new", journal);
    let (v1, v2) = (Arrival::new("m", "1"), Arrival::new("m", "2"));
    let mut before = Vec::new();
    for arrival in [&v1, &v2] {
        let item = t.arrive(arrival).await;
        t.open().await;
        let work = t.send(item).await;
        t.dispatched(&work).await;
        before.push(t.item(item).await);
    }
    same!(
        t,
        t.accept(vec![v1.event()]).await,
        [Fate::SeenAgain],
        "it is known"
    );
    done(&mut t, forget("/W/")).await;
    let entries = t.history().await;
    holds!(
        t,
        entries.iter().any(|row| matches!(
            &row.entry,
            Entry::Forgotten { workspace, releases: 2, lanes: 1 } if workspace == "/w"
        )),
        "the history says what was forgotten"
    );
    for old in &before {
        same!(t, &t.item(old.id).await, old, "what was, stays");
    }
    // Version 2 first: nobody knows any more that one of them went out before the other.
    for (arrival, old) in [(&v2, before.last()), (&v1, before.first())] {
        let item = t
            .arrive(
                &arrival
                    .clone()
                    .with_policy(|policy| policy.lane = LaneMode::Every),
            )
            .await;
        let new = t.item(item).await;
        same!(t, Some(&new.key), old.map(|old| &old.key), "the same release");
        same!(t, new.generation, 2, "its generations are counted on");
        holds!(
            t,
            old.is_some_and(|old| old.relay_id != new.relay_id),
            "a new relay id"
        );
        if arrival.event().version.as_deref() == Some("2") {
            let work = t.send(item).await;
            t.dispatched(&work).await;
        } else {
            t.expect_verdict(item, "parked").await;
        }
    }
    same!(
        t,
        t.accept(vec![v2.event()]).await,
        [Fate::SeenAgain],
        "it is known again"
    );
    t.finish().await;
}

/// Nothing is forgotten while something of the workspace is under way, waits, or holds a lane; nor where nothing is known. Other
/// workspaces keep what they have.
pub async fn only_what_is_over_is_forgotten(journal: &dyn Journal) {
    let mut t = Trial::new("only_what_is_over_is_forgotten", journal);
    t.refused(forget("/w"), "nothing is known").await;
    let every = |version: &str| {
        Arrival::new("m", version).with_policy(|policy| {
            policy.lane = LaneMode::Every;
            policy.unknown = OnUnknown::Park;
        })
    };
    let elsewhere = elsewhere();
    t.accept(vec![elsewhere.clone()]).await;
    let item = t.arrive(&every("1")).await;
    t.refused(forget("/w"), "not over").await;
    t.open().await;
    let works = t.sends().await;
    t.refused(forget("/w"), "not over").await;
    for work in &works {
        if work.item.id == item {
            t.fail(work, Advice::GiveUp).await;
        } else {
            t.dispatched(work).await;
        }
    }
    t.refused(forget("/w"), "its lane waits for it").await;
    let (item, why) = (item, "never".to_owned());
    done(&mut t, Command::Refuse { item, why }).await;
    done(&mut t, forget("/w")).await;
    t.refused(forget("/w"), "nothing is known").await;
    let fates = t.accept(vec![elsewhere]).await;
    same!(
        t,
        fates,
        [Fate::SeenAgain],
        "the other workspace knows what it knew"
    );
    t.finish().await;
}

/// A person who replays everything parked does not mean what was forgotten, and nobody counts that as parked either.
pub async fn what_is_forgotten_is_replayed_only_by_name(journal: &dyn Journal) {
    let mut t = Trial::new("what_is_forgotten_is_replayed_only_by_name", journal);
    let item = t.arrive(&Arrival::new("m", "1").with_park("by its name")).await;
    t.open().await;
    done(&mut t, forget("/w")).await;
    same!(t, t.overview().await.parked.n, 0, "nobody waits for a decision");
    let parked = ItemFilter {
        verdict: Some("parked".to_owned()),
        ..ItemFilter::default()
    };
    let written = t.command(replay_all(parked, 10)).await.unwrap_or_default();
    same!(t, written.made, [], "by a filter");
    let [(passed_over, why)] = written.passed_over.as_slice() else {
        holds!(t, false, "it is passed over: {:?}", written.passed_over);
        return;
    };
    same!(t, *passed_over, item, "what was passed over");
    holds!(t, why.contains("forgotten"), "and why: {why}");
    let replay = Command::Replay {
        item,
        allow_older: false,
    };
    let made = done(&mut t, replay).await;
    same!(t, made.made.len(), 1, "by its number");
    t.finish().await;
}

/// A release of another workspace.
fn elsewhere() -> NewEvent {
    let mut event = Arrival::new("m", "1").with_id("elsewhere").event();
    event.workspace = Some("/v".to_owned());
    event.release = ReleaseKey::of_model("/v", "m", "1");
    for item in &mut event.wanted {
        item.key = DispatchKey::new(&event.release, &item.route);
        item.lane = Some("of another workspace".to_owned());
    }
    event
}
