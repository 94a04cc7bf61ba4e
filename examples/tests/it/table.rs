//! Whatever GitHub answers, the webhook's reply stays the one of the table, and the journal shows the right verdict, block or due time.

use std::time::Duration;

use github_dispatch::mock::{MockGitHub, Scripted};
use github_dispatch::{Client, StaticToken};
use relay_core::adapters::github::GithubDispatcher;
use relay_core::budget::Budget;
use relay_core::journal::Journal;
use relay_core::journal::MemoryJournal;
use relay_core::journal::item::{Phase, Verdict};
use relay_core::rules::{RouteConfig, RuleSet};
use relay_core::webhook::SharedSecrets;
use relay_core::{Relay, RelayBuilder};
use relay_examples::events::{delivery, model_registered};
use relay_examples::story::Story;
use relay_sqlite::{OpenOptions, SqliteJournal};

const REPOSITORY: &str = "contoso/deploy";

/// What the journal has to show after one attempt.
#[derive(Clone, Copy, Debug)]
enum Expect {
    Dispatched,
    /// Parked, and the reason holds this.
    Parked(&'static str),
    /// Waiting, and the target is blocked.
    TargetBlocked(&'static str),
    /// Waiting, and the principal is blocked.
    PrincipalBlocked(&'static str),
    /// Waiting, and the principal is closed for so many seconds, give or take one.
    Closed(u64),
    /// Probing, and the first look is due after 3 s.
    Probing,
    /// Waiting, nothing is closed, and it is due within so many seconds.
    Retry(u64),
}

fn relay(journal: impl Journal + 'static, api_root: &str) -> Relay {
    let client = Client::builder(StaticToken::new("t0ken", "default").unwrap())
        .api_root(api_root)
        .connect_timeout(Duration::from_millis(300))
        .timeout(Duration::from_millis(600))
        .build()
        .unwrap();
    let rules = RuleSet::load([RouteConfig::new("deploy", REPOSITORY)]).unwrap();
    RelayBuilder::new(journal, GithubDispatcher::new("default", &client), rules)
        .with_secrets(SharedSecrets::new(["s"]).unwrap())
        .with_budget(Budget::unbounded())
        .build()
        .unwrap()
}

async fn deliver(relay: &Relay, version: &str) -> (u16, String) {
    let response = relay
        .accept(delivery(&[model_registered("m", version, 0)], "s").unwrap())
        .await;
    (
        response.status().as_u16(),
        String::from_utf8(response.body().to_vec()).unwrap(),
    )
}

/// One answer of GitHub against one journal.
async fn check(journal: impl Journal + 'static, api_root: &str, what: &str, expect: Expect) {
    let relay = relay(journal, api_root);
    let (status, receipt) = deliver(&relay, "1").await;
    assert_eq!(status, 200, "{what}");
    assert!(receipt.contains("\"accepted\":1"), "{what}: {receipt}");
    relay.run_due().await.unwrap();
    let now = relay.now();
    let story = Story::read(&relay).await.unwrap();
    let [item] = story.items.as_slice() else {
        panic!("{what}: {:?}", story.items)
    };
    let target = &story.overview.targets[0];
    let principal = &story.overview.principals;
    let principal_block = principal
        .first()
        .and_then(|one| one.block.as_ref())
        .map(|block| block.why.as_str());
    let closed_until = principal.first().and_then(|one| one.closed_until);
    let target_block = target.block.as_ref().map(|block| block.why.as_str());
    let seen = format!("{what}: {item:#?} {target:#?} {principal:#?}");
    match expect {
        Expect::Dispatched => {
            assert!(matches!(item.verdict, Some(Verdict::Dispatched { .. })), "{seen}");
        }
        Expect::Parked(words) => {
            let Some(Verdict::Parked { why }) = &item.verdict else {
                panic!("{seen}")
            };
            assert!(why.contains(words), "{seen}");
        }
        Expect::TargetBlocked(words) => {
            assert_eq!(
                (item.phase, principal_block, closed_until),
                (Phase::Waiting, None, None),
                "{seen}"
            );
            assert!(target_block.is_some_and(|why| why.contains(words)), "{seen}");
            let again = target.check_due_at.unwrap().since(now).as_secs();
            assert!((595..=600).contains(&again), "{seen}");
        }
        Expect::PrincipalBlocked(words) => {
            assert_eq!(
                (item.phase, target_block, closed_until),
                (Phase::Waiting, None, None),
                "{seen}"
            );
            assert!(principal_block.is_some_and(|why| why.contains(words)), "{seen}");
        }
        Expect::Closed(seconds) => {
            assert_eq!(
                (item.phase, target_block, principal_block),
                (Phase::Waiting, None, None),
                "{seen}"
            );
            for until in [closed_until.unwrap(), item.due_at] {
                let wait = until.since(now).as_secs_f64();
                assert!((wait - seconds as f64).abs() <= 2.0, "{wait} s, {seen}");
            }
        }
        Expect::Probing => {
            assert_eq!(
                (item.phase, target_block, principal_block),
                (Phase::Probing, None, None),
                "{seen}"
            );
            let wait = item.due_at.since(now).as_secs_f64();
            assert!(wait > 1.0 && wait <= 3.0, "{wait} s, {seen}");
        }
        Expect::Retry(seconds) => {
            assert_eq!(
                (item.phase, target_block, principal_block, closed_until),
                (Phase::Waiting, None, None, None),
                "{seen}"
            );
            assert!(
                item.due_at > now && item.due_at.since(now).as_secs() <= seconds,
                "{seen}"
            );
            assert!(item.n_not_sent >= 1, "{seen}");
        }
    }
    // Event Grid sees none of it: the same again is seen again, and a newer version is accepted.
    assert_eq!(deliver(&relay, "1").await.0, 200, "{what}");
    let (status, receipt) = deliver(&relay, "2").await;
    assert_eq!(status, 200, "{what}");
    assert!(receipt.contains("\"accepted\":1"), "{what}: {receipt}");
}

async fn check_both(api_root: &str, what: &str, expect: Expect, rescript: impl Fn()) {
    rescript();
    check(MemoryJournal::new(), api_root, what, expect).await;
    rescript();
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(folder.path().join("relay.db"), OpenOptions::default()).unwrap();
    check(journal, api_root, what, expect).await;
}

fn refuse(status: u16, headers: &[(&str, &str)], message: &str) -> Scripted {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Scripted::Refuse {
        status,
        headers,
        message: message.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_every_answer_of_github() {
    let secondary =
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    let far = "4102444800";
    let rows: Vec<(Scripted, Expect)> = vec![
        (Scripted::Accept, Expect::Dispatched),
        (Scripted::status(200), Expect::Dispatched),
        (Scripted::status(201), Expect::Dispatched),
        (Scripted::status(202), Expect::Dispatched),
        (
            refuse(
                301,
                &[("location", "https://elsewhere.example/repositories/9/dispatches")],
                "Moved Permanently",
            ),
            Expect::TargetBlocked("/repositories/9/dispatches"),
        ),
        (
            refuse(302, &[("location", "https://elsewhere.example/x")], "Found"),
            Expect::TargetBlocked("renamed or moved"),
        ),
        (
            refuse(
                307,
                &[("location", "https://elsewhere.example/repositories/9/dispatches")],
                "Moved Permanently",
            ),
            Expect::TargetBlocked("redirects are not followed"),
        ),
        (refuse(308, &[], ""), Expect::TargetBlocked("renamed or moved")),
        (
            refuse(400, &[], "Problems parsing JSON"),
            Expect::Parked("Problems parsing JSON"),
        ),
        (
            refuse(401, &[], "Bad credentials"),
            Expect::PrincipalBlocked("Bad credentials"),
        ),
        (
            refuse(
                403,
                &[("x-accepted-github-permissions", "contents=write")],
                "Resource not accessible by integration",
            ),
            Expect::TargetBlocked("contents=write"),
        ),
        (refuse(403, &[("retry-after", "7")], secondary), Expect::Closed(7)),
        (
            refuse(
                403,
                &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", far)],
                "API rate limit exceeded",
            ),
            Expect::Closed(86_400),
        ),
        (
            refuse(403, &[("x-ratelimit-remaining", "17")], "Resource not accessible"),
            Expect::TargetBlocked("may not do this"),
        ),
        (refuse(403, &[], secondary), Expect::Closed(60)),
        (refuse(404, &[], "Not Found"), Expect::TargetBlocked("not there")),
        (refuse(410, &[], "Gone"), Expect::TargetBlocked("gone")),
        (
            refuse(
                422,
                &[],
                "No more than 10 properties are allowed; 13 were supplied.",
            ),
            Expect::Parked("13 were supplied"),
        ),
        (refuse(429, &[], ""), Expect::Closed(60)),
        (refuse(429, &[("retry-after", "30")], ""), Expect::Closed(30)),
        (refuse(500, &[], "Server Error"), Expect::Probing),
        (
            refuse(503, &[("retry-after", "5")], "Unavailable"),
            Expect::Probing,
        ),
        (Scripted::AcceptThen { status: 502 }, Expect::Probing),
        (Scripted::AcceptThenDrop, Expect::Probing),
        (Scripted::DropBefore, Expect::Probing),
        (
            Scripted::Hang {
                wait: Duration::from_secs(20),
                effect: true,
            },
            Expect::Probing,
        ),
        (
            Scripted::Hang {
                wait: Duration::from_secs(20),
                effect: false,
            },
            Expect::Probing,
        ),
    ];
    let n = rows.len();
    for (answer, expect) in rows {
        // A stand-in for each row: what one is told must not reach the next.
        let github = MockGitHub::start(REPOSITORY).await;
        check_both(&github.uri(), &format!("{answer:?}"), expect, || {
            github.script([answer.clone()]);
        })
        .await;
        assert!(github.unused_script().is_empty(), "{answer:?} was never given");
        assert_eq!(
            github.received().len(),
            2,
            "{answer:?}: one attempt for each journal"
        );
    }
    assert_eq!(n, 27);
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_nobody_listens() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    check_both(
        &format!("http://{closed}"),
        "connection refused",
        Expect::Retry(1),
        || {},
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_the_check_before_the_first_send_blocks_what_is_definitely_wrong() {
    let github = MockGitHub::start("contoso/another").await;
    check_both(
        &github.uri(),
        "an unknown repository",
        Expect::TargetBlocked("not there"),
        || {},
    )
    .await;
    assert_eq!(
        github.received().len(),
        0,
        "nothing is sent to a target that was refused"
    );
    let github = MockGitHub::start(REPOSITORY).await;
    github.require_token("another");
    check_both(
        &github.uri(),
        "a wrong token",
        Expect::PrincipalBlocked("Bad credentials"),
        || {},
    )
    .await;
    assert_eq!(github.received().len(), 0);
}
