//! **Here**: what was dispatched is followed across restarts; a journal of version 3 is not followed afterwards.
//! **Not here**: what follows which look (relay-core's own tests), random sequences (`differential`).
//! **Reads**: `support`.
//! **Source**: DESIGN section 7.

use std::path::Path;
use std::time::Duration;

use relay_core::alarm::Alert;
use relay_core::clock::Timestamp;
use relay_core::dispatch::{Dispatched, RunState, Sighting};
use relay_core::journal::item::{ItemId, RunRef};
use relay_core::journal::scan::{Page, ScanQuery};
use relay_core::journal::track::Track;
use relay_core::journal::{ClaimKind, Command, Journal, NewEvent, Record, Settlement, Task, Tracking};
use relay_core::testing::rows;
use relay_core::tracker::Observation;
use rusqlite::Connection;

use crate::support::{
    at, batch, check_targets, claim_sends, event, folder, new_item, open, request, to_version_5,
};

/// A version whose run must be seen within ten minutes and have ended within an hour.
fn followed(id: &str, version: &str) -> NewEvent {
    let mut policy = rows::policy();
    policy.run_seen_within = Some(Duration::from_secs(600));
    policy.run_concluded_within = Some(Duration::from_secs(3_600));
    let mut event = event(id, "m", version);
    event.wanted = vec![new_item("deploy", policy, "m", version)];
    event
}

/// Sends everything that can be sent.
async fn dispatch(journal: &dyn Journal, now: Timestamp) {
    check_targets(journal, now).await;
    for work in claim_sends(journal, now).await {
        let settlement = Settlement::Dispatched {
            item: work.item.id,
            fence: work.fence,
            answer: Dispatched::default(),
        };
        assert_eq!(journal.settle(now, vec![settlement]).await.unwrap().fenced, []);
    }
}

async fn tracking(journal: &dyn Journal, now: Timestamp) -> Vec<Tracking> {
    let claimed = journal.claim(request(ClaimKind::Judge, now)).await.unwrap();
    let only = |task| match task {
        Task::Track(work) => Some(work),
        _ => None,
    };
    claimed.tasks.into_iter().filter_map(only).collect()
}

/// What a look saw: which alerts follow, and whether it came too late to count.
async fn saw(
    journal: &dyn Journal,
    work: &Tracking,
    seen: Observation,
    now: Timestamp,
) -> (Vec<Alert>, bool) {
    let (item, fence) = (work.item.id, work.fence);
    let written = journal
        .record(now, vec![Record::Tracked { item, fence, seen }])
        .await
        .unwrap();
    (written.alerts, !written.fenced.is_empty())
}

async fn tracks(journal: &dyn Journal) -> Vec<Track> {
    let query = ScanQuery::Tracks {
        after: ItemId(0),
        standing: None,
        limit: 100,
    };
    match journal.scan(query).await.unwrap() {
        Page::Tracks(tracks) => tracks,
        other => panic!("not tracks: {other:?}"),
    }
}

#[tokio::test]
async fn ok_a_restart_forgets_no_track_and_repeats_no_alarm() {
    let (_folder, path) = folder();
    let journal = open(&path);
    journal
        .accept(batch(at(0), vec![followed("1", "1")]))
        .await
        .unwrap();
    dispatch(&journal, at(0)).await;
    let lost = tracking(&journal, at(10_000)).await.remove(0);
    journal.close().unwrap();

    // The look of the owner before is lost with it, though its lease would last.
    let journal = open(&path);
    let work = tracking(&journal, at(20_000)).await.remove(0);
    let not_seen = || Observation::Look(Ok(Sighting::NotSeen));
    assert_eq!(saw(&journal, &lost, not_seen(), at(20_000)).await, (vec![], true));
    assert_eq!(
        saw(&journal, &work, not_seen(), at(700_000)).await.0.len(),
        1,
        "it is late"
    );
    let before = tracks(&journal).await;
    assert_eq!(before[0].standing(), "seeking_late");
    journal.close().unwrap();

    let journal = open(&path);
    assert_eq!(tracks(&journal).await, before);
    let work = tracking(&journal, at(2_000_000)).await.remove(0);
    assert_eq!(
        saw(&journal, &work, not_seen(), at(2_000_000)).await,
        (vec![], false)
    );
    let run = RunRef {
        id: "42".to_owned(),
        url: None,
    };
    let work = tracking(&journal, at(6_000_000)).await.remove(0);
    let seen = Observation::Look(Ok(Sighting::Seen(run.clone())));
    saw(&journal, &work, seen, at(6_000_000)).await;
    let work = tracking(&journal, at(6_100_000)).await.remove(0);
    let ended = Observation::Run(Ok(RunState {
        run,
        status: Some("completed".to_owned()),
        conclusion: Some("failure".to_owned()),
    }));
    let (alerts, _) = saw(&journal, &work, ended, at(6_100_000)).await;
    assert!(matches!(*alerts, [Alert::RunFailed { .. }]), "{alerts:?}");
    journal.close().unwrap();
    let journal = open(&path);
    assert_eq!(tracks(&journal).await[0].standing(), "failed");
    assert!(tracking(&journal, at(9_000_000)).await.is_empty());
}

/// The journal as version 3 of the schema had it: nothing in it knows of tracks.
fn to_version_3(path: &Path) {
    to_version_5(path);
    let connection = Connection::open(path).unwrap();
    let back = "BEGIN; DROP TABLE tracks; DROP TABLE track_paces; ALTER TABLE targets DROP COLUMN hides_relay_id; \
         UPDATE items SET policy = json_remove(policy, '$.run_seen_within', '$.run_concluded_within'); \
         PRAGMA user_version = 3; COMMIT";
    connection.execute_batch(back).unwrap();
}

#[tokio::test]
async fn ok_what_version_3_dispatched_is_not_followed_and_what_it_left_is() {
    let (_folder, path) = folder();
    let journal = open(&path);
    let off = event("1", "m", "1");
    journal.accept(batch(at(0), vec![off])).await.unwrap();
    dispatch(&journal, at(0)).await;
    journal
        .accept(batch(at(1), vec![event("2", "m", "2")]))
        .await
        .unwrap();
    journal.close().unwrap();
    to_version_3(&path);

    let journal = open(&path);
    assert_eq!(tracks(&journal).await, []);
    // What waited has the policy of a journal that said nothing: it is followed as a route that sets nothing.
    dispatch(&journal, at(900_000)).await;
    let [track] = tracks(&journal).await.try_into().unwrap();
    assert_eq!((track.item, track.standing()), (ItemId(2), "seeking"));
    let replay = Command::Replay {
        item: ItemId(1),
        allow_older: true,
    };
    journal
        .record(at(901_000), vec![Record::Command(replay)])
        .await
        .unwrap();
    dispatch(&journal, at(901_000)).await;
    assert_eq!(tracks(&journal).await.len(), 2, "asked for again, it is followed");
}
