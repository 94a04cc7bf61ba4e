//! **Here**: every problem with its text, and what an estimate takes into account.
//! **Not here**: that a relay's health is put together of it (`tests/it`).
//! **Reads**: the parent module only.
//! **Source**: our own.

use super::*;
use crate::journal::item::Principal;
use crate::journal::scan::{Parked, Waiting};

const NOW: Timestamp = Timestamp::from_unix_ms(1_763_856_000_000);

fn ago(seconds: u64) -> Timestamp {
    NOW.before(Duration::from_secs(seconds))
}

fn block(why: &str, seconds: u64) -> Option<Block> {
    Some(Block {
        why: why.to_owned(),
        since: ago(seconds),
    })
}

fn target(repository: &str, event_type: &str) -> Target {
    Target {
        key: format!("default {repository} {event_type}"),
        principal: "default".to_owned(),
        repository: repository.to_owned(),
        event_type: event_type.to_owned(),
        asked_epoch: None,
        checked_epoch: None,
        check: None,
        check_due_at: None,
        shows_relay_id: true,
        hides_relay_id: false,
        block: None,
        pause: None,
        blocked_ms: 0,
    }
}

fn principal() -> Principal {
    Principal {
        name: "default".to_owned(),
        closed_until: None,
        block: None,
        blocked_ms: 0,
    }
}

fn waiting(target: &Target, n: u64, due: Timestamp) -> Waiting {
    Waiting {
        target: target.key.clone(),
        n,
        n_held: 0,
        earliest_due: due,
        latest_due: due,
    }
}

/// Severity, kind, text and advice of each problem, as a host shows them.
fn told(known: &Known<'_>) -> Vec<String> {
    let line = |problem: Problem| {
        let word = |value| serde_json::to_value(value).unwrap().as_str().unwrap().to_owned();
        let (severity, kind) = (
            word(serde_json::to_value(problem.severity).unwrap()),
            word(serde_json::to_value(problem.kind).unwrap()),
        );
        format!("{severity} {kind}: {} -> {}", problem.what, problem.todo)
    };
    problems(known).into_iter().map(line).collect()
}

fn check(journal: &Overview, facts: &SinceStart, expect: &[&str]) {
    let known = Known {
        now: NOW,
        why: None,
        journal: Some(journal),
        counts: &Counts::default(),
        since_start: facts,
    };
    assert_eq!(told(&known), expect);
}

fn at_work() -> SinceStart {
    SinceStart {
        last_work_at: Some(ago(1)),
        ..SinceStart::default()
    }
}

#[test]
fn ok_nothing_is_wrong() {
    check(&Overview::default(), &SinceStart::default(), &[]);
    let (open, mut opened) = (target("contoso/deploy", "deploy"), principal());
    opened.closed_until = Some(NOW);
    let journal = Overview {
        waiting: vec![waiting(&open, 1_000, ago(3_000))],
        targets: vec![open],
        principals: vec![opened],
        ..Overview::default()
    };
    check(&journal, &at_work(), &[]);
}

#[test]
fn err_the_journal_fails() {
    let known = Known {
        now: NOW,
        why: Some("the journal cannot promise now: the disk is full"),
        journal: None,
        counts: &Counts::default(),
        since_start: &SinceStart::default(),
    };
    let expect = [
        "critical journal_failing: nothing is accepted: the journal cannot promise now: the disk is full -> repair, or make room \
         on, the disk of the journal; Event Grid delivers again meanwhile, for a day unless its subscription says otherwise",
        "stuck journal_not_read: how things stand could not be read from the journal -> look at the log: its reason is there",
    ];
    assert_eq!(told(&known), expect);
}

#[test]
fn err_what_the_process_has_seen() {
    let seen = Seen::default();
    let lost = Alert::EventsBeingLost { subscription: None };
    seen.heard(&lost, ago(600));
    seen.heard(&lost, ago(120));
    let deleted = Alert::SubscriptionDeleted {
        subscription: Some("/subscriptions/s/eventSubscriptions/relay".to_owned()),
    };
    seen.heard(&deleted, ago(7_200));
    let counts = Counts {
        unreadable: 1,
        ..Counts::default()
    };
    let expect = [
        "critical events_lost: 2 requests that look like Event Grid's were refused for good, for want of a right secret, for their size, or since they \
         were no JSON; the last 2 min ago -> compare the secret in the URL of the event subscription with the configured ones; \
         what was refused lies in its dead letters, if it has any",
        "critical subscription_deleted: the event subscription /subscriptions/s/eventSubscriptions/relay was deleted 2 h ago: \
         nothing comes from it any more -> create it again, unless that was meant",
        "note unreadable: 1 element could not be read as an event since the start -> read what was kept aside, and ask whoever \
         sends it; nothing of it is lost while it is kept",
    ];
    let known = |facts: &SinceStart| {
        told(&Known {
            now: NOW,
            why: None,
            journal: Some(&Overview::default()),
            counts: &counts,
            since_start: facts,
        })
    };
    assert_eq!(known(&seen.since_start()), expect);
    // Whoever subscribes again has seen to it.
    seen.shook_hands();
    assert_eq!(known(&seen.since_start()), [expect[0], expect[2]]);
}

#[test]
fn err_what_is_closed() {
    let (mut first, mut second, other) = (
        target("contoso/deploy", "a"),
        target("Contoso/Deploy", "b"),
        target("contoso/other", "a"),
    );
    first.block = block("404 Not Found", 720);
    second.block = block("404 Not Found", 720);
    second.pause = block("a release freeze", 60);
    let mut journal = Overview {
        waiting: vec![waiting(&first, 2, NOW), waiting(&second, 1, NOW)],
        targets: vec![second, other, first],
        principals: vec![principal()],
        ..Overview::default()
    };
    let todo = "see that the repository is there and that the identity may write to it; it is checked every 10 minutes, and at once \
                on the command `recheck`";
    let blocked = format!(
        "stuck target_blocked: Contoso/Deploy as \"default\" is blocked for 12 min: 404 Not Found; 3 items wait for it -> {todo}"
    );
    let paused = "stuck target_paused: Contoso/Deploy as \"default\" is paused for 60 s: a release freeze; 3 items wait for it -> \
                  resume it when it may go on";
    check(&journal, &at_work(), &[&blocked, paused]);

    journal.targets.truncate(0);
    journal.waiting.truncate(0);
    journal.pause = block("it was opened as a copy", 3_600);
    journal.principals[0].block = block("401 Bad credentials", 95);
    journal.principals[0].closed_until = Some(NOW.after(Duration::from_secs(3_480)));
    let expect = [
        "stuck journal_paused: nothing is sent, for 60 min: it was opened as a copy -> resume the journal once no other relay \
         sends what it holds",
        "stuck identity_blocked: the identity \"default\" is blocked for 1 min: 401 Bad credentials; nothing waits for it -> renew \
         its credential, or its rights; it is checked every 10 minutes, and at once on the command `recheck`",
        "note identity_closed: GitHub closed the identity \"default\" for another 58 min; nothing waits for it -> nothing: it \
         opens by itself; where this comes often, give the identity a smaller budget",
    ];
    check(&journal, &at_work(), &expect);
}

#[test]
fn err_what_waits() {
    let open = target("contoso/deploy", "deploy");
    let mut journal = Overview {
        waiting: vec![waiting(&open, 3, ago(600))],
        targets: vec![open],
        parked: Parked {
            n: 2,
            oldest: Some(ago(200_000)),
            n_lanes: 1,
        },
        ..Overview::default()
    };
    let parked = "stuck parked: 2 parked items wait for a person, the oldest for 2 d 7 h -> list what is parked, and replay or \
                  refuse each: its verdict says why it was parked";
    let held = "stuck lanes_held: 1 lane stands still in which every version goes out, behind a parked one -> replay or refuse \
                what is parked there: until then nothing newer of that model goes out on that route";
    check(&journal, &at_work(), &[parked, held]);
    journal.parked = Parked::default();
    let nobody = |asked: &str| {
        format!(
            "stuck nobody_works: something is due for 10 min, and nobody has asked for work {asked} -> see that the host runs the \
             second half: `run_until` in a server, `run_due` in a function or a command"
        )
    };
    check(&journal, &SinceStart::default(), &[&nobody("since the start")]);
    let mut idle = at_work();
    idle.last_work_at = Some(ago(180));
    check(&journal, &idle, &[&nobody("for 3 min")]);
    // What is due only now, or later, can wait.
    journal.waiting[0].earliest_due = ago(100);
    check(&journal, &idle, &[]);
}

#[test]
fn ok_an_estimate_leaves_out_what_is_closed_and_waits_for_what_opens() {
    let (first, mut second) = (target("contoso/deploy", "a"), target("contoso/other", "a"));
    second.pause = block("freeze", 1);
    let mut journal = Overview {
        waiting: vec![waiting(&first, 10, ago(9)), waiting(&second, 7, ago(9))],
        targets: vec![first, second],
        principals: vec![principal()],
        ..Overview::default()
    };
    let budget = Budget::default();
    let ended = |start, lasted: u64| Attempt {
        fence: 1,
        item: crate::journal::item::ItemId(1),
        principal: "default".to_owned(),
        started_at: start,
        ended_at: Some(start.after(Duration::from_millis(lasted))),
    };
    let attempts = [ended(ago(100), 250), ended(ago(50), 750)];
    let check = |journal: &Overview, expect: &str, in_s: Option<u64>| {
        let drain = drain("default", &budget, journal, &attempts, NOW);
        assert_eq!((drain.to_string().as_str(), drain.drained_in_s), (expect, in_s));
        assert_eq!(
            (drain.left_this_hour, drain.left_this_minute),
            (Some(498), Some(59))
        );
    };
    // Ten of half a second, a second apart.
    check(
        &journal,
        "default: 10 wait, 7 more are held, drained in 14 s",
        Some(14),
    );
    journal.principals[0].closed_until = Some(NOW.after(Duration::from_secs(600)));
    check(
        &journal,
        "default: 10 wait, 7 more are held, drained in 10 min",
        Some(614),
    );
    // One is tried again in 20 minutes.
    journal.waiting[0].latest_due = NOW.after(Duration::from_secs(1_200));
    check(
        &journal,
        "default: 10 wait, 7 more are held, drained in 20 min",
        Some(1_200),
    );
    journal.principals[0].block = block("401", 1);
    check(&journal, "default: 0 wait, 17 more are held", None);
    journal.principals[0].block = None;
    journal.pause = block("copy", 1);
    check(&journal, "default: 0 wait, 17 more are held", None);
}

#[test]
fn err_what_was_dispatched_and_is_late() {
    let with = |tracks: &[(&str, u64)]| Overview {
        tracks: tracks.iter().map(|(word, n)| ((*word).to_owned(), *n)).collect(),
        ..Overview::default()
    };
    let on_its_way = with(&[
        ("seeking", 3),
        ("following", 9),
        ("failed", 4),
        ("seeking_late", 0),
    ]);
    check(&on_its_way, &at_work(), &[]);
    check(
        &with(&[("following_late", 1), ("seeking_late", 2)]),
        &at_work(),
        &[
            "stuck runs_late: GitHub accepted 2 dispatches, and no run was seen within its route's time -> see that a workflow on the default branch listens to the event type, that Actions are on, and that `run-name` shows the relay id; replay what did not run",
            "note runs_late: 1 run has not ended within its route's time -> look at it at GitHub: it waits for a runner, for an approval, or goes on",
        ],
    );
}
