//! The server removes what is over and old, and nothing else; what it released long ago is never new again.

use std::time::Duration;

use async_trait::async_trait;
use github_dispatch::mock::{MockGitHub, Scripted};
use github_dispatch::{Client, StaticToken};
use relay_core::adapters::github::GithubDispatcher;
use relay_core::budget::Budget;
use relay_core::clock::{Clock, Timestamp, TokioClock};
use relay_core::rules::{RouteConfig, RuleSet};
use relay_core::webhook::SharedSecrets;
use relay_core::{Relay, RelayBuilder};
use relay_examples::events::{delivery, model_registered, run_completed};
use relay_examples::server::{Server, configuration};
use relay_examples::story::Story;
use relay_sqlite::{OpenOptions, SqliteJournal};

const REPOSITORY: &str = "contoso/deploy";

/// So many days behind the real one.
#[derive(Debug)]
struct DaysAgo(u64);

#[async_trait]
impl Clock for DaysAgo {
    fn now(&self) -> Timestamp {
        TokioClock.now().before(Duration::from_secs(self.0 * 24 * 3_600))
    }

    async fn sleep(&self, wait: Duration) {
        TokioClock.sleep(wait).await;
    }
}

fn relay(journal: SqliteJournal, api_root: &str, days: u64) -> Relay {
    let client = Client::builder(StaticToken::new("t", "default").unwrap())
        .api_root(api_root)
        .build()
        .unwrap();
    // What is still followed to its run's end is not over.
    let mut route = RouteConfig::new("deploy", REPOSITORY);
    route.run_seen_within_s = 0;
    let rules = RuleSet::load([route]).unwrap();
    RelayBuilder::new(journal, GithubDispatcher::new("default", &client), rules)
        .with_secrets(SharedSecrets::new(["s"]).unwrap())
        .with_budget(Budget::unbounded())
        .with_clock(DaysAgo(days))
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_bodies_of_what_is_over_and_old_are_removed_and_releases_stay_known() {
    let github = MockGitHub::start(REPOSITORY).await;
    github.script([Scripted::Accept, Scripted::status(422), Scripted::Accept]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.db");
    for (days, events) in [
        (
            100,
            vec![
                model_registered("old", "1", 0),
                model_registered("refused", "1", 1),
                run_completed("job-1", 2),
            ],
        ),
        (1, vec![model_registered("young", "1", 3)]),
    ] {
        let journal = SqliteJournal::open(&path, OpenOptions::default()).unwrap();
        let relay = relay(journal, &github.uri(), days);
        let answer = relay.accept(delivery(&events, "s").unwrap()).await;
        assert_eq!(answer.status(), 200);
        relay.run_due().await.unwrap();
    }
    let text = configuration(&path, "http://127.0.0.1:9", REPOSITORY, "");
    let config = folder.path().join("relay.toml");
    let settings = |days| {
        text.replace(
            "lock_wait_s = 5",
            &format!("lock_wait_s = 5\nretention_days = {days}"),
        )
    };

    std::fs::write(&config, settings(0)).unwrap();
    let mut server = Server::start(&config).unwrap();
    server.stop().unwrap();
    assert!(!server.logged().contains("compacted"), "0 keeps everything");

    std::fs::write(&config, settings(30)).unwrap();
    let mut server = Server::start(&config).unwrap();
    for _ in 0..200 {
        if server.logged().contains("the journal was compacted") {
            break;
        }
        TokioClock.sleep(Duration::from_millis(25)).await;
    }
    // Seen again, though its body is gone.
    let (status, receipt) = server.post(&[model_registered("old", "1", 0)]).await.unwrap();
    assert!(status == 200 && receipt.contains("\"seen_again\":1"), "{receipt}");
    server.stop().unwrap();
    let logged = server.logged();
    assert!(
        logged.contains("\"items\":1,\"bodies\":1,\"unwanted\":1"),
        "{logged}"
    );

    let story = Story::read(&relay(
        SqliteJournal::open(&path, OpenOptions::default()).unwrap(),
        &github.uri(),
        0,
    ))
    .await
    .unwrap();
    let bodies = story
        .events
        .iter()
        .map(|event| (event.model.as_deref().unwrap_or("-"), event.body.is_some()));
    assert_eq!(
        bodies.collect::<Vec<_>>(),
        [("old", false), ("refused", true), ("young", true)],
        "what is parked waits for a person, however old it is"
    );
    assert_eq!(story.n_with_verdict("dispatched"), 2);
}
