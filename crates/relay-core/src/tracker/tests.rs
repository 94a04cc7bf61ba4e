//! **Here**: the steps of a track, its waits and its pace against tables.
//! **Not here**: tracks in a journal (`testing::contract`), a whole run that is followed (`tests/it/tracking.rs`).
//! **Reads**: `tracker`.
//! **Source**: DESIGN section 7; ARCHITECTURE, the life of an item.

use super::*;
use crate::testing::rows;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_ms(seconds * 1_000)
}

fn lease() -> Lease {
    Lease {
        fence: 7,
        epoch: 1,
        until: at(60),
    }
}

fn policy() -> Policy {
    Policy {
        run_seen_within: Some(SEEN_WITHIN),
        run_concluded_within: Some(CONCLUDED_WITHIN),
        ..rows::policy()
    }
}

fn seen() -> RunRef {
    RunRef {
        id: "7".to_owned(),
        url: None,
    }
}

fn item(run: Option<RunRef>) -> Item {
    Item {
        policy: policy(),
        verdict: Some(Verdict::Dispatched { run }),
        ..rows::item(1)
    }
}

fn target(hides_relay_id: bool) -> Target {
    Target {
        key: "target".to_owned(),
        principal: "default".to_owned(),
        repository: "octo/app".to_owned(),
        event_type: "deploy".to_owned(),
        asked_epoch: None,
        checked_epoch: None,
        check: None,
        check_due_at: None,
        shows_relay_id: !hides_relay_id,
        hides_relay_id,
        block: None,
        pause: None,
        blocked_ms: 0,
    }
}

fn track(run: Option<RunRef>) -> Track {
    begin(&item(run), &target(false), at(0)).unwrap()
}

fn steps() -> Vec<TrackStep> {
    let why = "x".to_owned();
    vec![
        TrackStep::Look { lease: lease() },
        TrackStep::Free,
        TrackStep::LookAgain {
            due: at(1),
            note: why.clone(),
        },
        see(&seen(), &policy(), at(1)),
        TrackStep::Late { why: why.clone() },
        TrackStep::Conclude {
            run: seen(),
            conclusion: "success".to_owned(),
        },
        TrackStep::GiveUp { why: why.clone() },
        TrackStep::Stop { why },
    ]
}

/// Which steps each stage allows: the whole table, so that a step added by accident is seen.
#[test]
fn ok_every_stage_allows_these_steps_and_no_other() {
    let check = |stage: Stage, late: bool, expect: &[&str]| {
        let from = Track {
            stage,
            late,
            ..track(None)
        };
        let steps = steps();
        let allowed = steps.iter().filter(|step| next(&from, step).is_ok());
        let words: Vec<_> = allowed.map(TrackStep::as_str).collect();
        assert_eq!(words, expect, "{stage:?}, late: {late}");
    };
    let seeking = ["look", "free", "look_again", "see", "late", "give_up"];
    check(Stage::Seeking, false, &seeking);
    let late = ["look", "free", "look_again", "see", "give_up", "stop"];
    check(Stage::Seeking, true, &late);
    let following = ["look", "free", "look_again", "late", "conclude", "give_up"];
    check(Stage::Following, false, &following);
    let late = ["look", "free", "look_again", "conclude", "give_up", "stop"];
    check(Stage::Following, true, &late);
    // Not built: nothing comes here, and nothing leaves.
    check(Stage::Deploying, false, &[]);
    check(Stage::Over, false, &[]);
    check(Stage::Over, true, &[]);
}

#[test]
fn err_an_illegal_step_names_both_states() {
    let from = Track {
        late: true,
        ..track(None)
    };
    let error = next(&from, &TrackStep::Late { why: String::new() }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "item 1 is tracked (seeking, and late), from where it cannot late"
    );
}

#[test]
fn ok_a_track_begins_with_what_is_left_to_know() {
    let check = |run: Option<RunRef>, hides: bool, change: fn(&mut Policy), expect: Option<&str>| {
        let mut item = item(run);
        change(&mut item.policy);
        let track = begin(&item, &target(hides), at(0));
        assert_eq!(track.as_ref().map(Track::standing), expect);
    };
    check(None, false, |_| {}, Some("seeking"));
    check(None, true, |_| {}, Some("untracked"));
    check(Some(seen()), true, |_| {}, Some("following"));
    check(
        None,
        false,
        |policy| policy.run_concluded_within = None,
        Some("seeking"),
    );
    check(None, true, |policy| policy.run_seen_within = None, None);
    check(
        Some(seen()),
        false,
        |policy| policy.run_seen_within = None,
        Some("following"),
    );
    check(
        Some(seen()),
        false,
        |policy| policy.run_concluded_within = None,
        None,
    );
}

/// The moments of all looks that see nothing, from the dispatch to the end; and which steps came with them.
fn in_vain(mut track: Track, seen: &Observation) -> (Vec<i64>, Vec<(i64, &'static str)>) {
    let (mut looks, mut said) = (Vec::new(), Vec::new());
    while track.end.is_none() {
        let now = track.due_at;
        let second = now.as_unix_ms() / 1_000;
        looks.push(second);
        assert!(looks.len() <= 2_000, "it never ends");
        for step in after_look(&track, &policy(), true, seen, now) {
            if step.is_told() {
                said.push((second, step.as_str()));
            }
            track = next(&track, &step).unwrap();
        }
    }
    (looks, said)
}

#[test]
fn ok_looks_for_a_run_grow_rarer_with_one_at_the_deadline_and_one_at_the_end() {
    let (looks, said) = in_vain(track(None), &Observation::Look(Ok(Sighting::NotSeen)));
    assert_eq!(looks[..9], [5, 15, 35, 75, 155, 315, 600, 1_200, 2_400]);
    assert_eq!(looks[9..12], [4_800, 8_400, 12_000]);
    assert_eq!(looks.last(), Some(&87_000));
    assert_eq!(said, [(600, "late"), (87_000, "stop")]);
    assert_eq!(looks.len(), 33);
}

#[test]
fn ok_questions_about_a_run_grow_rarer_with_one_at_the_deadline_and_one_at_the_end() {
    let running = Observation::Run(Ok(RunState {
        run: seen(),
        status: Some("in_progress".to_owned()),
        conclusion: None,
    }));
    let (looks, said) = in_vain(track(Some(seen())), &running);
    assert_eq!(looks[..7], [15, 45, 105, 225, 465, 765, 1_065]);
    let on_time = looks.iter().filter(|second| **second <= 21_600).count();
    assert_eq!(on_time, 76);
    let end = 21_600 + 35 * 86_400;
    assert_eq!(said, [(21_600, "late"), (end, "stop")]);
    assert_eq!(looks.len(), 76 + 842);
}

#[test]
fn ok_the_pace_of_an_identity_is_kept_in_every_hour() {
    let (mut now, mut spent) = (at(0), None);
    let mut starts = Vec::new();
    while now < at(7_200) {
        match pace(spent, now) {
            Ok(until) => {
                spent = Some(until);
                starts.push(now);
            }
            Err(opens) => {
                assert!(opens > now, "it opens later than now");
                now = opens;
            }
        }
        // A pause in between earns no more than what may come together.
        if starts.len() == 100 && now < at(1_000) {
            now = at(1_000);
        }
    }
    let most = usize::try_from(3_600 / BETWEEN_LOOKS.as_secs()).unwrap() + usize::try_from(TOGETHER).unwrap();
    let hour = Duration::from_secs(3_600);
    let full = starts.windows(most + 1).find(|of| of[most].since(of[0]) < hour);
    assert_eq!(full, None);
    assert!(starts.len() > 3_000, "and it is used: {}", starts.len());
    let together = starts.iter().filter(|at_| **at_ == at(0)).count();
    assert_eq!(together, usize::try_from(TOGETHER).unwrap());
}

#[test]
fn ok_runs_are_listed_from_before_whatever_request_may_have_started_them() {
    let mut of = item(None);
    let mut one = Track {
        since: at(10_000),
        ..track(None)
    };
    assert_eq!(list_from(&of, &one), at(9_700));
    one.n_looks = 4;
    assert_eq!(list_from(&of, &one), at(6_400));
    one.n_looks = 0;
    of.unknown_since = Some(at(9_000));
    assert_eq!(list_from(&of, &one), at(8_700));
    of.n_resends = 1;
    assert_eq!(list_from(&of, &one), at(8_100));
}

#[test]
fn ok_times_are_said_in_whole_units() {
    let check = |seconds, expect: &str| assert_eq!(in_words(Duration::from_secs(seconds)), expect);
    check(0, "0 s");
    check(59, "59 s");
    check(90, "90 s");
    check(600, "10 min");
    check(5_400, "90 min");
    check(21_600, "6 h");
    check(86_400, "24 h");
    check(172_800, "2 days");
    check(35 * 86_400, "35 days");
}

#[test]
fn ok_whatever_ends_a_track_ends_its_lease() {
    for step in steps() {
        for stage in [Stage::Seeking, Stage::Following] {
            let from = Track {
                stage,
                late: matches!(step, TrackStep::Stop { .. }),
                lease: Some(lease()),
                ..track(None)
            };
            if let Ok(after) = next(&from, &step) {
                let is_held = matches!(step, TrackStep::Look { .. } | TrackStep::Late { .. });
                assert_eq!(after.lease.is_some(), is_held, "{stage:?}, {step:?}");
            }
        }
    }
}

#[test]
fn ok_what_was_observed_has_a_word() {
    let run = |status: &str, conclusion: Option<&str>| {
        Observation::Run(Ok(RunState {
            run: seen(),
            status: Some(status.to_owned()),
            conclusion: conclusion.map(str::to_owned),
        }))
    };
    let error = || DispatchError::new(Advice::NotSent, "x");
    let check = |of: Observation, expect: &str| assert_eq!(of.as_str(), expect, "{of:?}");
    check(Observation::Look(Ok(Sighting::Seen(seen()))), "seen");
    check(Observation::Look(Ok(Sighting::NotSeen)), "not_seen");
    check(Observation::Look(Err(error())), "failed");
    check(Observation::Run(Err(error())), "failed");
    check(run("in_progress", None), "not_concluded");
    check(run("completed", Some("action_required")), "not_concluded");
    check(run("completed", Some("success")), "succeeded");
    check(run("completed", Some("neutral")), "succeeded");
    check(run("completed", Some("failure")), "run_failed");
}
