//! **Here**: a relay that compacts its journal: at the start of its second half, hourly, in steps; and what it says when it starts paused.
//! **Not here**: what a compaction removes (the contract suite).
//! **Reads**: `rig`.
//! **Source**: DESIGN section 6: retention removes bodies and attempts; release keys stay.

use std::sync::Arc;
use std::time::Duration;

use relay_core::alarm::Alert;
use relay_core::journal::scan::{Page, ScanQuery};
use relay_core::journal::{Closing, Command, Journal, MemoryJournal};
use serde_json::Value;

use crate::rig::{Rig, deploy, registered};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A relay that keeps what is over for a day, and as many versions that went out.
async fn rig_with(n: usize) -> (Rig, Arc<MemoryJournal>) {
    let journal = Arc::new(MemoryJournal::new());
    let rig = Rig::changed(Arc::clone(&journal), [deploy()], |builder| {
        builder.with_retention(Arc::clone(&journal), DAY)
    });
    for version in 1..=n {
        rig.deliver(&Value::Array(vec![registered(
            &format!("e{version}"),
            "m",
            &version.to_string(),
        )]))
        .await;
        // Requests keep their distance.
        rig.clock.advance(Duration::from_secs(10));
        rig.relay.run_due().await.unwrap();
    }
    (rig, journal)
}

/// How many events have a body.
async fn n_bodies(journal: &dyn Journal) -> usize {
    let query = ScanQuery::Events {
        after: Default::default(),
        limit: usize::MAX,
    };
    let Page::Events(events) = journal.scan(query).await.unwrap() else {
        panic!("not events")
    };
    events.iter().filter(|event| event.body.is_some()).count()
}

#[tokio::test]
async fn ok_compact_removes_what_is_older_and_nothing_goes_out_again() {
    let (rig, journal) = rig_with(3).await;
    assert!(rig.relay.compact().await.unwrap().is_nothing(), "it is young");
    rig.clock.advance(DAY + Duration::from_secs(1));
    let done = rig.relay.compact().await.unwrap();
    assert_eq!((done.items, done.bodies), (3, 3));
    assert_eq!(n_bodies(&*journal).await, 0);
    let sent = rig.github.requests().len();
    rig.deliver(&Value::Array(vec![
        registered("e3", "m", "3"),
        registered("other", "m", "2"),
    ]))
    .await;
    rig.relay.run_due().await.unwrap();
    assert_eq!(rig.github.requests().len(), sent, "what was released stays known");
}

#[tokio::test]
async fn ok_without_retention_everything_is_kept() {
    let journal = Arc::new(MemoryJournal::new());
    let rig = Rig::with(Arc::clone(&journal), [deploy()]);
    rig.deliver(&Value::Array(vec![registered("e1", "m", "1")])).await;
    rig.relay.run_due().await.unwrap();
    rig.clock.advance(DAY * 10_000);
    assert!(rig.relay.compact().await.unwrap().is_nothing());
    assert_eq!(n_bodies(&*journal).await, 1);
}

/// The clock of the rig moves on whenever the relay sleeps: days pass at once.
#[tokio::test]
async fn ok_the_loop_compacts_what_has_become_old_meanwhile() {
    let (rig, journal) = rig_with(3).await;
    let until = rig.relay.now().after(DAY * 3);
    let days = async {
        while rig.relay.now() < until {
            tokio::task::yield_now().await;
        }
    };
    rig.relay.run_until(days).await;
    assert_eq!(n_bodies(&*journal).await, 0);
    assert!(
        !rig.alarm
            .alerts()
            .iter()
            .any(|alert| matches!(alert, Alert::JournalFailing { .. })),
        "{:?}",
        rig.alarm.alerts()
    );
}

#[tokio::test]
async fn ok_a_relay_that_starts_paused_says_so() {
    let (rig, _journal) = rig_with(1).await;
    rig.relay.run_until(async {}).await;
    assert_eq!(rig.alarm.take(), [], "nothing is paused");
    for what in [
        Closing::Journal,
        Closing::Target {
            identity: "default".to_owned(),
            repository: "contoso/deploy".to_owned(),
        },
    ] {
        let why = "the building is on fire".to_owned();
        rig.relay.command(Command::Pause { what, why }).await.unwrap();
    }
    let told = rig.alarm.take();
    assert_eq!(told.len(), 2, "{told:?}");
    rig.relay.run_until(async {}).await;
    assert_eq!(rig.alarm.take(), told, "whoever starts it later is told as well");
}
