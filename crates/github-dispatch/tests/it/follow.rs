//! A run is found, followed to its end, cancelled, run again, and its log read; in the virtual time of the mock.

use std::time::Duration;

use futures_util::StreamExt as _;
use github_dispatch::clock::Clock as _;
use github_dispatch::mock::{MockGitHub, MockLimits, RunsShow, Scripted, Stage};
use github_dispatch::ops::watch::Look;
use github_dispatch::request::JobFilter;
use github_dispatch::runs::RunStatus;
use github_dispatch::{
    Advice, Client, ErrorKind, FindOptions, Probe, ProbeWindow, RetryPolicy, StaticToken, WorkflowDispatch,
    WorkflowFile,
};
use serde_json::json;
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{TOKEN, Turned, after, assert_shows_no_secret, builder, client, dispatch, of, repo};

const MINUTE: Duration = Duration::from_secs(60);

async fn github() -> (MockGitHub, Client, Turned) {
    let clock = Turned::new();
    let github = MockGitHub::start_with_clock("contoso/deploy", clock.clone()).await;
    let client = builder(&github.uri()).clock(clock.clone()).build().unwrap();
    (github, client, clock)
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test]
async fn ok_a_dispatch_is_found_and_followed_to_its_end() {
    let (github, client, clock) = github().await;
    github.show_runs(RunsShow::After(seconds(20)));
    github.progress([
        Stage::status(seconds(30), "in_progress"),
        Stage::status(seconds(60), "waiting"),
        Stage::conclusion(seconds(900), "failure"),
    ]);
    let dispatch = dispatch("abc");
    let found = client
        .dispatch_and_wait(&repo(), &dispatch, FindOptions::default(), 60 * MINUTE)
        .await
        .unwrap();
    assert!(found.accepted.is_some() && !found.resent);
    let [run] = found.runs.as_slice() else {
        panic!("{found:?}");
    };
    assert!(run.is_ended() && !run.succeeded());
    // It ended at 900 s, and pauses are a minute at most by then.
    assert!(
        (900..=960).contains(&clock.elapsed().as_secs()),
        "{:?}",
        clock.elapsed()
    );
    // Looks at 3, 9 and 21 s, and then at the run alone.
    assert!(github.n_requests() < 40, "{}", github.n_requests());
}

#[tokio::test]
async fn ok_every_state_is_told_one_time_and_most_looks_cost_nothing() {
    let (github, client, _) = github().await;
    github.progress([
        Stage::status(seconds(100), "in_progress"),
        Stage::conclusion(seconds(400), "success"),
    ]);
    client.dispatch(&repo(), &dispatch("abc")).await.unwrap();
    let id = client
        .find_runs(&repo(), "abc", "repository_dispatch", after(0))
        .await
        .unwrap()[0]
        .id;
    let states: Vec<_> = client
        .watch(&repo(), id)
        .into_stream()
        .map(|run| run.unwrap().status.unwrap().to_string())
        .collect()
        .await;
    assert_eq!(states, ["queued", "in_progress", "completed"]);

    let mut watch = client.watch(&repo(), id);
    assert!(matches!(watch.look().await.unwrap(), Look::Changed(run) if run.succeeded()));
    assert_eq!(watch.pause(), seconds(5));
    assert_eq!(watch.look().await.unwrap(), Look::Unchanged);
    assert!(watch.pause() > seconds(5));
    assert_eq!(watch.last().unwrap().status, Some(RunStatus::Completed));
}

#[tokio::test]
async fn ok_a_look_asks_whether_something_changed() {
    let server = MockServer::start().await;
    let run = ResponseTemplate::new(200)
        .insert_header("etag", "W/\"1\"")
        .set_body_json(json!({ "id": 7, "status": "queued" }));
    Mock::given(method("GET"))
        .respond_with(run)
        .up_to_n_times(1)
        .mount(&server)
        .await;
    let same = Mock::given(wiremock::matchers::header("if-none-match", "W/\"1\""))
        .respond_with(ResponseTemplate::new(304));
    same.expect(2).mount(&server).await;
    let client = client(&server.uri());
    let mut watch = client.watch(&repo(), 7);
    assert!(matches!(watch.look().await.unwrap(), Look::Changed(_)));
    assert_eq!(watch.look().await.unwrap(), Look::Unchanged);
    assert_eq!(watch.look().await.unwrap(), Look::Unchanged);
}

#[tokio::test]
async fn err_a_watch_ends_when_its_patience_does_or_the_run_is_gone() {
    let (github, client, clock) = github().await;
    client.dispatch(&repo(), &dispatch("abc")).await.unwrap();
    let id = client
        .find_runs(&repo(), "abc", "repository_dispatch", after(0))
        .await
        .unwrap()[0]
        .id;
    let error = client
        .watch(&repo(), id)
        .with_patience(10 * MINUTE)
        .ended()
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.advice()), (ErrorKind::Late, Advice::Unknown));
    assert_eq!(error.to_string(), "the run had not ended in time; it was queued");
    assert!((600..=601).contains(&clock.elapsed().as_secs()));
    let error = client.watch(&repo(), id + 1).ended().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::NotFound, Some(404)));
    let mut watch = client.watch(&repo(), id + 1);
    assert!(watch.next().await.unwrap().is_err());
    assert!(watch.next().await.is_none(), "an error that stays is the end");
    drop(github);
}

#[tokio::test]
async fn ok_a_watch_goes_on_after_answers_that_failed_and_waits_as_github_asks() {
    let server = MockServer::start().await;
    let answer = |status: u16| ResponseTemplate::new(status).insert_header("date", crate::support::DATE);
    let once = async |answer: ResponseTemplate| {
        Mock::given(any())
            .respond_with(answer)
            .up_to_n_times(1)
            .mount(&server)
            .await;
    };
    once(answer(200).set_body_json(json!({ "id": 7, "status": "queued" }))).await;
    once(answer(502)).await;
    once(answer(429).insert_header("retry-after", "120")).await;
    once(answer(200).set_body_json(json!({ "id": 7, "status": "completed", "conclusion": "success" }))).await;
    let clock = Turned::new();
    let client = builder(&server.uri()).clock(clock.clone()).build().unwrap();
    let run = client.watch(&repo(), 7).ended().await.unwrap();
    assert!(run.succeeded());
    assert!(
        (130..=150).contains(&clock.elapsed().as_secs()),
        "{:?}",
        clock.elapsed()
    );
}

#[tokio::test]
async fn ok_a_probe_says_started_not_yet_or_passed() {
    let (github, client, clock) = github().await;
    github.show_runs(RunsShow::After(seconds(10)));
    let window = ProbeWindow::since(clock.now()).with_length(seconds(100));
    client.dispatch(&repo(), &dispatch("abc")).await.unwrap();
    let look_again_in = seconds(3);
    assert_eq!(
        client.probe(&repo(), "abc", window).await.unwrap(),
        Probe::NotSeenYet { look_again_in }
    );
    clock.turn(seconds(10));
    let Probe::Started(runs) = client.probe(&repo(), "abc", window).await.unwrap() else {
        panic!("not started");
    };
    assert_eq!(runs.len(), 1);
    clock.turn(seconds(89));
    let look_again_in = seconds(1);
    assert_eq!(
        client.probe(&repo(), "other", window).await.unwrap(),
        Probe::NotSeenYet { look_again_in }
    );
    clock.turn(seconds(1));
    assert_eq!(
        client.probe(&repo(), "other", window).await.unwrap(),
        Probe::WindowPassed
    );
}

#[tokio::test]
async fn ok_looks_use_githubs_clock_where_ours_is_wrong() {
    let (theirs, ours) = (Turned::new(), Turned::new());
    ours.turn(60 * MINUTE);
    let github = MockGitHub::start_with_clock("contoso/deploy", theirs).await;
    let client = builder(&github.uri()).clock(ours).build().unwrap();
    let found = client
        .dispatch_and_find(&repo(), &dispatch("abc"), FindOptions::default())
        .await
        .unwrap();
    assert_eq!(found.runs.len(), 1, "an hour ahead, and the run is not too old");
}

#[tokio::test]
async fn ok_a_workflow_dispatch_is_found_by_what_github_names_or_by_its_input() {
    let (github, client, _) = github().await;
    github.progress([Stage::conclusion(seconds(60), "success")]);
    let file = WorkflowFile::parse("deploy.yml").unwrap();
    let named = WorkflowDispatch::new("main", [("relay_id", "abc")])
        .unwrap()
        .with_run_details();
    let found = client
        .dispatch_and_wait(&repo(), (&file, &named), FindOptions::default(), 10 * MINUTE)
        .await
        .unwrap();
    assert!(found.runs[0].succeeded());
    let silent = WorkflowDispatch::new("main", [("relay_id", "def")]).unwrap();
    let found = client
        .dispatch_and_find(&repo(), (&file, &silent), FindOptions::default())
        .await
        .unwrap();
    assert_eq!(found.runs[0].event.as_deref(), Some("workflow_dispatch"));
    // Also where the answer was lost.
    github.script([Scripted::AcceptThen { status: 502 }]);
    let lost = WorkflowDispatch::new("main", [("relay_id", "ghi")])
        .unwrap()
        .with_run_details();
    let found = client
        .dispatch_and_find(&repo(), (&file, &lost), FindOptions::default())
        .await
        .unwrap();
    assert!(found.accepted.is_none() && found.runs.len() == 1);
}

#[tokio::test]
async fn err_what_cannot_be_found_is_not_sent_and_what_never_shows_is_said() {
    let (github, client, clock) = github().await;
    let unnamed = of(json!({ "model_name": "m" }));
    let error = client
        .dispatch_and_find(&repo(), &unnamed, FindOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(github.n_requests(), 0);
    github.show_runs(RunsShow::Never);
    let options = FindOptions::default().with_window(seconds(90));
    let found = client
        .dispatch_and_find(&repo(), &dispatch("abc"), options)
        .await
        .unwrap();
    assert!(found.accepted.is_some() && found.runs.is_empty());
    assert_eq!(clock.elapsed(), seconds(90));
    let error = client
        .dispatch_and_wait(&repo(), &dispatch("def"), options, MINUTE)
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.advice()), (ErrorKind::Late, Advice::Unknown));
    assert!(error.to_string().contains("no run of it was seen"), "{error}");
    // Refused is refused: nothing is looked for.
    github.script([Scripted::status(422)]);
    let before = github.n_requests();
    let error = client
        .dispatch_and_find(&repo(), &dispatch("x"), options)
        .await
        .unwrap_err();
    assert_eq!(
        (error.advice(), github.n_requests() - before),
        (Advice::GiveUp, 1)
    );
}

#[tokio::test]
async fn ok_jobs_cancel_and_rerun() {
    let (github, client, clock) = github().await;
    github.progress([
        Stage::status(seconds(5), "in_progress"),
        Stage::conclusion(seconds(60), "failure"),
    ]);
    client.dispatch(&repo(), &dispatch("abc")).await.unwrap();
    let id = client
        .find_runs(&repo(), "abc", "repository_dispatch", after(0))
        .await
        .unwrap()[0]
        .id;
    let error = client.rerun(&repo(), id).await.unwrap_err();
    assert_eq!(error.status(), Some(403));
    clock.turn(seconds(60));
    let jobs = client.jobs(&repo(), id, JobFilter::Latest).await.unwrap();
    assert_eq!((jobs.len(), jobs[0].run_id), (1, id));
    assert_eq!(jobs[0].failed_step().unwrap().number, 1);
    let error = client.cancel_run(&repo(), id).await.unwrap_err();
    assert_eq!((error.status(), error.advice()), (Some(409), Advice::GiveUp));

    client.rerun_failed_jobs(&repo(), id).await.unwrap();
    let run = client.run(&repo(), id).await.unwrap();
    assert_eq!((run.run_attempt, run.status), (Some(2), Some(RunStatus::Queued)));
    client.cancel_run(&repo(), id).await.unwrap();
    let run = client.run(&repo(), id).await.unwrap();
    assert_eq!(run.conclusion.unwrap().as_str(), "cancelled");
    client.rerun(&repo(), id).await.unwrap();
    client.force_cancel_run(&repo(), id).await.unwrap();
    assert_eq!(client.run(&repo(), id).await.unwrap().run_attempt, Some(3));
}

#[tokio::test]
async fn ok_jobs_of_every_page_each_one_time() {
    let server = MockServer::start().await;
    let page = |from: u64, n: u64| {
        let jobs: Vec<_> = (from..from + n)
            .map(|id| json!({ "id": id, "run_id": 7, "name": "x" }))
            .collect();
        ResponseTemplate::new(200).set_body_json(json!({ "total_count": 150, "jobs": jobs }))
    };
    for (number, from, n) in [("1", 0, 100), ("2", 95, 55)] {
        Mock::given(path("/repos/contoso/deploy/actions/runs/7/jobs"))
            .and(wiremock::matchers::query_param("page", number))
            .and(wiremock::matchers::query_param("filter", "all"))
            .respond_with(page(from, n))
            .expect(1)
            .mount(&server)
            .await;
    }
    let jobs = client(&server.uri())
        .jobs(&repo(), 7, JobFilter::All)
        .await
        .unwrap();
    assert_eq!(jobs.len(), 150);
}

#[tokio::test]
async fn ok_logs_are_fetched_without_the_token() {
    let (github, client, clock) = github().await;
    github.progress([Stage::conclusion(seconds(60), "success")]);
    client.dispatch(&repo(), &dispatch("abc")).await.unwrap();
    let id = client
        .find_runs(&repo(), "abc", "repository_dispatch", after(0))
        .await
        .unwrap()[0]
        .id;
    let error = client.run_logs(&repo(), id).await.unwrap_err();
    assert_eq!(error.status(), Some(404), "not before it ended");
    clock.turn(MINUTE);
    let log = client.run_logs(&repo(), id).await.unwrap();
    assert!(!format!("{log:?}").contains("sig="));
    // The mock refuses whoever shows a token there.
    assert!(log.read_to_end(1_000).await.unwrap().starts_with(b"PK"));
    let job = client.jobs(&repo(), id, JobFilter::Latest).await.unwrap()[0].id;
    let mut log = client.job_log(&repo(), job).await.unwrap();
    assert!(log.chunk().await.unwrap().unwrap().starts_with(b"2026"));
    let log = client.job_log(&repo(), job).await.unwrap();
    let error = log.read_to_end(10).await.unwrap_err();
    assert_eq!(error.to_string(), "the log is longer than 10 bytes");
}

#[tokio::test]
async fn err_a_log_is_not_fetched_from_just_anywhere() {
    for location in [
        "http://192.0.2.1/x",
        "ftp://127.0.0.1/x",
        "/relative",
        "",
        "http://127.0.0.1.example.com/",
    ] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(302).insert_header("location", location);
        Mock::given(any())
            .respond_with(answer)
            .expect(1)
            .mount(&server)
            .await;
        let error = client(&server.uri()).run_logs(&repo(), 7).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.advice()),
            (ErrorKind::Redirected, Advice::GiveUp),
            "{location}"
        );
        assert_shows_no_secret(&error);
    }
}

#[tokio::test]
async fn ok_what_remains_is_told_by_every_answer_and_can_be_asked_for() {
    let (github, client, _) = github().await;
    assert_eq!(client.rate_state(), None);
    github.limit(MockLimits::default().with_requests_per_hour(3));
    client.dispatch(&repo(), &dispatch("a")).await.unwrap();
    let state = client.rate_state().unwrap();
    assert_eq!((state.limit, state.used, state.remaining), (3, 1, 2));
    assert_eq!(state.resource, "core");
    assert_eq!(state.resets_at, after(3_601));
    client.dispatch(&repo(), &dispatch("b")).await.unwrap();
    let last = client.dispatch(&repo(), &dispatch("c")).await.unwrap();
    assert_eq!(last.exhausted_until, Some(after(3_601)));
    let error = client.dispatch(&repo(), &dispatch("d")).await.unwrap_err();
    assert_eq!(error.advice(), Advice::Throttled { until: after(3_601) });
    let limits = client.rate_limit().await.unwrap();
    assert_eq!(
        (limits.core().unwrap().remaining, limits.core().unwrap().limit),
        (0, 3)
    );
    assert_eq!(github.received().len(), 3);
}

#[tokio::test]
async fn ok_retries_repeat_what_is_safe_and_one_call_switches_them_off() {
    // Reads: whatever became of them.
    let clock = Turned::new();
    let github = MockGitHub::start_with_clock("contoso/deploy", clock.clone()).await;
    let patient = Client::builder(StaticToken::new(TOKEN, "tester").unwrap())
        .api_root(github.uri())
        .clock(clock.clone())
        .build()
        .unwrap();
    github.fail_lists(2);
    patient
        .find_runs(&repo(), "abc", "repository_dispatch", after(0))
        .await
        .unwrap();
    assert_eq!(github.n_requests(), 3);
    github.fail_lists(1);
    let once = patient.without_retries();
    once.find_runs(&repo(), "abc", "repository_dispatch", after(0))
        .await
        .unwrap_err();
    assert_eq!(github.n_requests(), 4);

    // A limit that ends soon is waited for, by GitHub's word; a longer one is told.
    let limited = |wait: &str| Scripted::Refuse {
        status: 429,
        headers: vec![("retry-after".to_owned(), wait.to_owned())],
        message: "You have exceeded a secondary rate limit.".to_owned(),
    };
    let before = clock.elapsed();
    github.script([limited("20")]);
    patient.dispatch(&repo(), &dispatch("a")).await.unwrap();
    assert_eq!(clock.elapsed() - before, seconds(20));
    github.script([limited("31")]);
    patient.dispatch(&repo(), &dispatch("b")).await.unwrap_err();
    github.script([limited("20")]);
    once.dispatch(&repo(), &dispatch("c")).await.unwrap_err();

    // A dispatch that may have been executed is one request.
    for script in [
        Scripted::AcceptThen { status: 500 },
        Scripted::AcceptThen { status: 503 },
        Scripted::AcceptThenDrop,
        Scripted::DropBefore,
    ] {
        let before = github.n_requests();
        github.script([script.clone()]);
        let error = patient.dispatch(&repo(), &dispatch("d")).await.unwrap_err();
        assert_eq!(
            (error.advice(), github.n_requests() - before),
            (Advice::Unknown, 1),
            "{script:?}"
        );
    }
    // So is a run that is run again.
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(502))
        .expect(1)
        .mount(&server)
        .await;
    let patient = builder(&server.uri())
        .retry(RetryPolicy::default())
        .build()
        .unwrap();
    patient.rerun(&repo(), 7).await.unwrap_err();
}

/// The judge judges: without a pacer the documented limits bite.
#[tokio::test]
async fn err_without_a_pacer_the_limits_bite() {
    let (github, client, _) = github().await;
    github.limit(MockLimits::documented());
    client.dispatch(&repo(), &dispatch("a")).await.unwrap();
    let error = client.dispatch(&repo(), &dispatch("b")).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Throttled, Some(403)));
    assert_eq!(error.advice(), Advice::Throttled { until: after(1) });
    assert_eq!((github.n_throttled(), github.received().len()), (1, 1));
}

/// Once a dispatch was sent, no error may read as if it were not: else somebody sends it again.
#[tokio::test]
async fn err_what_hinders_a_look_does_not_undo_the_dispatch() {
    // A token that may dispatch and not read runs.
    for status in [401, 403, 404] {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(204))
            .expect(1)
            .mount(&server)
            .await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(status))
            .mount(&server)
            .await;
        let client = builder(&server.uri()).clock(Turned::new()).build().unwrap();
        let error = client
            .dispatch_and_find(&repo(), &dispatch("abc"), FindOptions::default())
            .await
            .unwrap_err();
        assert_eq!(error.advice(), Advice::Unknown, "{status}");
        assert_eq!(
            error.to_string(),
            "the dispatch was sent, and its run cannot be looked for"
        );
        assert!(crate::support::texts(&error).contains(&format!("status {status}")));
    }
    // A run that GitHub named and cannot show yet.
    let server = MockServer::start().await;
    let named =
        json!({ "workflow_run_id": 7, "run_url": "https://x", "html_url": "https://github.example/7" });
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(named))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(404))
        .mount(&server)
        .await;
    let client = builder(&server.uri()).clock(Turned::new()).build().unwrap();
    let file = WorkflowFile::parse("deploy.yml").unwrap();
    let dispatch = WorkflowDispatch::new("main", [("relay_id", "abc")])
        .unwrap()
        .with_run_details();
    let found = client
        .dispatch_and_find(&repo(), (&file, &dispatch), FindOptions::default())
        .await
        .unwrap();
    assert_eq!(
        (found.runs[0].id, found.runs[0].html_url.as_deref()),
        (7, Some("https://github.example/7"))
    );
    let error = client
        .dispatch_and_wait(&repo(), (&file, &dispatch), FindOptions::default(), MINUTE)
        .await
        .unwrap_err();
    assert_eq!(error.advice(), Advice::Unknown);
}
