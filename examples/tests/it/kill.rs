//! `host_server` survives `kill -9` at any moment: nothing is lost, and nothing goes out twice.

use std::time::Duration;

use relay_examples::kill::{Plan, run};

#[tokio::test(flavor = "multi_thread")]
async fn ok_250_events_and_50_kills_at_random_points_lose_nothing_and_repeat_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        n_events: 250,
        n_kills: 50,
        seed: 20_261_123,
        unknown: "probe",
        drain: Duration::from_secs(90),
    };
    let report = run(plan, folder.path()).await.unwrap();
    assert_eq!(report.lost, Vec::<String>::new());
    assert_eq!(report.repeated, Vec::<String>::new());
    // A request that was lost on its way twice is left to a person; every other lost answer is settled by looking.
    assert!(report.n_parked <= 2, "{report:?}");
    assert!(report.n_kills >= 50, "{report:?}");
    assert!(report.n_spoiled >= 5, "{report:?}");
}

/// The control: with the unsafe policy, which has to be asked for by name, the same lost answers do repeat releases, and the
/// count at the stand-in sees it. Without this the test above could be blind.
#[tokio::test(flavor = "multi_thread")]
async fn ok_the_count_sees_what_the_unsafe_policy_repeats() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        n_events: 80,
        n_kills: 2,
        seed: 7,
        unknown: "resend",
        drain: Duration::from_secs(60),
    };
    let report = run(plan, folder.path()).await.unwrap();
    assert_eq!(report.lost, Vec::<String>::new());
    assert!(!report.repeated.is_empty(), "{report:?}");
}

/// The other safe policy: whatever nobody knows is left to a person, and nothing beside it is missing.
#[tokio::test(flavor = "multi_thread")]
async fn ok_the_parking_policy_repeats_nothing_and_leaves_the_unknown_to_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        n_events: 80,
        n_kills: 4,
        seed: 11,
        unknown: "park",
        drain: Duration::from_secs(60),
    };
    let report = run(plan, folder.path()).await.unwrap();
    assert_eq!(report.repeated, Vec::<String>::new());
    assert_eq!(report.lost, Vec::<String>::new());
    assert!(report.n_parked > 0, "{report:?}");
}
