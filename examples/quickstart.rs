//! The whole path in one process: a model release goes through, end to end, and checks itself.
//!
//! Replaces: all of challenges 5 and 6, in miniature.
//! Shows: both handshakes, several releases, a duplicate, an element that cannot be read, a hostile name, an older version
//! that comes late, an answer that got lost; and the story of each event as the journal tells it.
//! Simplifies: GitHub is a stand-in on loopback, the requests are handed over in memory. `--live owner/repo` sends one
//! dispatch for real, with the token in GITHUB_TOKEN.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to whoever runs it"
)]

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use github_dispatch::mock::{MockGitHub, Scripted};
use github_dispatch::{Client, StaticToken};
use http::{Method, Request, StatusCode};
use relay_core::adapters::github::GithubDispatcher;
use relay_core::budget::Budget;
use relay_core::clock::{Clock, TokioClock};
use relay_core::journal::scan::{Page, ScanQuery};
use relay_core::rules::{RouteConfig, RuleSet};
use relay_core::webhook::SharedSecrets;
use relay_core::{Relay, RelayBuilder};
use relay_examples::events::{delivery, model_registered, run_completed, subscription_validation};
use relay_examples::story::Story;
use relay_sqlite::{OpenOptions, SqliteJournal};
use serde_json::{Value, json};

const SECRET: &str = "quickstart-secret";
const REPOSITORY: &str = "contoso/deploy";

/// A model release, end to end, in one process.
#[derive(Debug, Parser)]
struct Arguments {
    /// Send one dispatch to this repository for real, with the token in GITHUB_TOKEN.
    #[arg(long, value_name = "OWNER/REPO")]
    live: Option<String>,
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().live {
        Some(repository) => live(&repository).await,
        None => offline().await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("not as it should be: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn offline() -> Outcome<()> {
    let github = MockGitHub::start(REPOSITORY).await;
    let token = StaticToken::new("offline-token", "default")?;
    let client = Client::builder(token).api_root(github.uri()).build()?;
    let folder = tempfile::tempdir()?;
    let relay = relay(folder.path().join("relay.db"), client, REPOSITORY).await?;
    println!(
        "GitHub's stand-in listens on {}, the journal is a file in a temporary folder",
        github.uri()
    );

    println!("\n1. Event Grid introduces itself");
    let consent = Request::builder()
        .method(Method::OPTIONS)
        .uri(format!("/events?code={SECRET}"));
    let consent = consent
        .header("WebHook-Request-Origin", "eventgrid.azure.net")
        .body(bytes::Bytes::new())?;
    let answer = relay.accept(consent).await;
    let allowed = answer
        .headers()
        .get("WebHook-Allowed-Origin")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    println!(
        "   CloudEvents handshake: {} allowed for {allowed}",
        answer.status()
    );
    check("the consent", allowed, "eventgrid.azure.net")?;
    let (status, body) = deliver(&relay, &[subscription_validation("CODE-512D38B6")], SECRET).await?;
    println!("   Event Grid handshake: {status} {body}");
    check(
        "the validation",
        body,
        json!({ "validationResponse": "CODE-512D38B6" }),
    )?;
    let (status, _) = deliver(&relay, &[model_registered("credit-risk", "1", 0)], "wrong").await?;
    println!("   a delivery with a wrong secret: {status}");
    check("the wrong secret", status, StatusCode::UNAUTHORIZED)?;

    println!("\n2. Models are registered");
    // The second dispatch is accepted, and its answer gets lost on the way.
    github.script([Scripted::Accept, Scripted::AcceptThenDrop]);
    let first = [model_registered("credit-risk", "7", 1)];
    let (status, receipt) = deliver(&relay, &first, SECRET).await?;
    println!("   one event: {status} {receipt}");
    relay.run_due().await?;
    let batch = [
        model_registered("fraud", "12", 2),
        json!({ "note": "not an event at all" }),
        run_completed("job-1", 3),
        model_registered("x; rm -rf /", "1", 4),
    ];
    let (status, receipt) = deliver(&relay, &batch, SECRET).await?;
    println!("   a batch of four: {status} {receipt}");
    let (status, receipt) = deliver(&relay, &first, SECRET).await?;
    println!("   the first one again: {status} {receipt}");
    let (status, receipt) = deliver(&relay, &[model_registered("credit-risk", "6", 5)], SECRET).await?;
    println!("   an older version, late: {status} {receipt}");
    println!("\n3. The relay sends what is due (a lost answer is looked into after 3 s)");
    settle(&relay).await?;

    println!("\n4. The story of each event");
    let story = Story::read(&relay).await?;
    tell(&story);
    println!(
        "   kept aside, not readable: {}",
        story
            .unreadable
            .iter()
            .map(|row| row.why.as_str())
            .collect::<Vec<_>>()
            .join("; ")
    );

    let counts = relay.counts();
    let (dispatched, parked) = (story.n_with_verdict("dispatched"), story.n_with_verdict("parked"));
    println!(
        "\ndelivered {}, accepted {}, seen again {}, unwanted {}, unreadable {}, dispatched {dispatched}, superseded {}, parked {parked}",
        counts.deliveries,
        counts.accepted,
        counts.seen_again,
        counts.unwanted,
        counts.unreadable,
        story.n_with_verdict("superseded")
    );
    check("delivered", counts.deliveries, 7)?;
    check("accepted", counts.accepted, 4)?;
    check("seen again", counts.seen_again, 1)?;
    check("unwanted", counts.unwanted, 1)?;
    check("unreadable", counts.unreadable, 1)?;
    check("dispatched", dispatched, 2)?;
    check("superseded", story.n_with_verdict("superseded"), 1)?;
    check("parked", parked, 1)?;
    let effects = github.received().iter().filter(|one| one.effect).count();
    check("runs that GitHub's stand-in started", effects, 2)?;
    for item in story.items.iter().filter(|item| {
        item.verdict
            .as_ref()
            .is_some_and(|verdict| verdict.as_str() == "dispatched")
    }) {
        check("runs of one release", github.n_effects(item.relay_id.as_str()), 1)?;
    }
    println!("GitHub's stand-in started {effects} runs for {dispatched} releases: all is as it should be");
    Ok(())
}

/// One dispatch for real. The event is ours; everything behind it is GitHub's.
async fn live(repository: &str) -> Outcome<()> {
    println!(
        "live: one repository_dispatch of type deploy_pipeline_action goes to {repository} on https://api.github.com"
    );
    #[expect(clippy::disallowed_methods, reason = "a person asked for it with --live")]
    let token = std::env::var("GITHUB_TOKEN").map_err(|_| "GITHUB_TOKEN is not set")?;
    let client = Client::builder(StaticToken::new(token, "default")?).build()?;
    let folder = tempfile::tempdir()?;
    let relay = relay(folder.path().join("relay.db"), client, repository).await?;
    let (status, receipt) = deliver(&relay, &[model_registered("quickstart-model", "1", 0)], SECRET).await?;
    println!("the relay answers {status} {receipt}");
    settle(&relay).await?;
    let story = Story::read(&relay).await?;
    tell(&story);
    check("dispatched", story.n_with_verdict("dispatched"), 1)
}

/// A relay with a journal in that file, and one route to that repository.
async fn relay(path: std::path::PathBuf, client: Client, repository: &str) -> Outcome<Relay> {
    let journal =
        tokio::task::spawn_blocking(move || SqliteJournal::open(path, OpenOptions::default())).await??;
    let rules = RuleSet::load([RouteConfig::new("deploy", repository)])?;
    let relay = RelayBuilder::new(journal, GithubDispatcher::new("default", &client), rules)
        .with_secrets(SharedSecrets::new([SECRET])?)
        .with_budget(Budget::default().with_min_interval(Duration::from_millis(100)))
        .build()?;
    Ok(relay)
}

async fn deliver(relay: &Relay, events: &[Value], secret: &str) -> Outcome<(StatusCode, Value)> {
    let response = relay.accept(delivery(events, secret)?).await;
    Ok((response.status(), serde_json::from_slice(response.body())?))
}

/// Runs what is due until everything has its verdict, and the run of each dispatch was seen, which a minute is given. Runs are followed to
/// their end for hours; that is for a program that stays.
async fn settle(relay: &Relay) -> Outcome<()> {
    let patience = TokioClock.now().after(Duration::from_secs(60));
    while let Some(due) = relay.run_due().await?.next_due {
        let Page::Overview(overview) = relay.scan(ScanQuery::Overview).await? else {
            return Err("an overview was asked for".into());
        };
        let (is_open, is_sought) = (overview.n_open() > 0, overview.n_tracks("seeking") > 0);
        let now = TokioClock.now();
        if !is_open && (!is_sought || now >= patience) {
            return Ok(());
        }
        TokioClock
            .sleep(due.since(now).max(Duration::from_millis(10)))
            .await;
    }
    Ok(())
}

fn tell(story: &Story) {
    for event in &story.events {
        println!(
            "   {} {}",
            event.subject.as_deref().unwrap_or("-"),
            event.time.as_deref().unwrap_or("-")
        );
        for line in story.lines_of(event.seq, event.received_at) {
            println!("     {line}");
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "most of what is compared is made for it"
)]
fn check<A: PartialEq<B> + std::fmt::Debug, B: std::fmt::Debug>(
    what: &str,
    found: A,
    expected: B,
) -> Outcome<()> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}: expected {expected:?}, found {found:?}").into())
    }
}
