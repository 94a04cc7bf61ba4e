//! **Here**: odd input through the whole relay: very many tags, versions that are no numbers, a clock that jumps back an hour.
//! **Not here**: what a webhook refuses (`webhook`), rules that contradict (`rules`), two owners of a file (aml-relay-sqlite).
//! **Reads**: `rig`.
//! **Source**: issue 6, bad input: a clear refusal or a recorded verdict, never silence.

use std::time::Duration;

use relay_core::alarm::Alert;
use relay_core::dispatch::{Advice, DispatchError};
use relay_core::journal::item::Verdict;
use relay_core::journal::scan::{ItemFilter, Page, ScanQuery};
use serde_json::{Map, Value, json};

use crate::rig::{Rig, registered};

/// The verdict of each item.
async fn verdicts(rig: &Rig) -> Vec<Option<Verdict>> {
    let query = ScanQuery::Items {
        after: Default::default(),
        filter: ItemFilter::default(),
        limit: usize::MAX,
    };
    let Page::Items(items) = rig.relay.scan(query).await.unwrap() else {
        panic!("the items can be read")
    };
    items.into_iter().map(|item| item.verdict).collect()
}

#[tokio::test]
async fn ok_a_model_with_a_hundred_thousand_tags_goes_out() {
    let rig = Rig::new();
    let tags: Map<String, Value> = (0..100_000).map(|n| (format!("tag.{n}"), json!("v"))).collect();
    let mut event = registered("e1", "m", "7");
    event["data"]["modelTags"] = Value::Object(tags);
    rig.deliver(&json!([event])).await;
    rig.relay.run_due().await.unwrap();
    let requests = rig.github.requests();
    assert_eq!(requests.len(), 1);
    let payload = serde_json::to_value(&requests[0].payload).unwrap();
    assert_eq!(payload["model_version"], "7", "{payload}");
}

#[tokio::test]
async fn err_versions_that_are_no_numbers_park_and_name_the_setting() {
    let rig = Rig::new();
    let versions = ["latest", "1.0", "-1", "+1", "1e3", "0x10", "\u{661}", " 7", "7 "];
    for (n, version) in versions.into_iter().enumerate() {
        rig.deliver(&json!([registered(&n.to_string(), "m", version)]))
            .await;
    }
    rig.relay.run_due().await.unwrap();
    assert_eq!(rig.github.requests().len(), 0);
    let verdicts = verdicts(&rig).await;
    assert_eq!(verdicts.len(), versions.len(), "one for each: {verdicts:?}");
    for (verdict, version) in verdicts.iter().zip(versions) {
        let Some(Verdict::Parked { why }) = verdict else {
            panic!("{version}: {verdict:?}")
        };
        assert!(
            why.contains("order") || why.contains("version"),
            "{version}: {why}"
        );
    }
    let parked = |alert: &Alert| matches!(alert, Alert::Parked { .. });
    assert_eq!(
        rig.alarm.alerts().into_iter().filter(parked).count(),
        versions.len()
    );
}

/// What was due in a moment is due in a moment, by the clock that is right now.
#[tokio::test]
async fn ok_a_clock_that_jumps_back_an_hour_delays_nothing() {
    let rig = Rig::new();
    rig.github
        .then_dispatch(Err(DispatchError::new(Advice::NotSent, "no connection")));
    rig.deliver(&json!([registered("e1", "m", "1")])).await;
    rig.relay.run_due().await.unwrap();
    let jumped = rig.relay.now().before(Duration::from_secs(3_600));
    rig.clock.set(jumped);
    let mut round = rig.relay.run_due().await.unwrap();
    assert_eq!(rig.github.requests().len(), 1, "it is not due yet");
    let told = rig.alarm.take();
    let is_told = |alert: &Alert| matches!(alert, Alert::ClockJumpedBack { by_ms: 3_600_000 });
    assert!(told.iter().any(is_told), "{told:?}");
    while rig.github.requests().len() < 2 {
        rig.clock.set(round.next_due.unwrap());
        round = rig.relay.run_due().await.unwrap();
    }
    let took = rig.relay.now().since(jumped);
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    let verdicts = verdicts(&rig).await;
    assert!(
        matches!(verdicts.as_slice(), [Some(Verdict::Dispatched { .. })]),
        "{verdicts:?}"
    );
}
