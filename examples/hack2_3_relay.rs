//! Hack challenge 2.3: an event becomes a repository dispatch.
//!
//! Replaces: the Logic App's "Create a repository dispatch event" action.
//! Shows: the least that is needed to embed the relay: journal, dispatcher, rules; `accept`, then `run_due`.
//! Simplifies: the journal is in memory, and GitHub a stand-in on loopback; `quickstart -- --live` sends for real.
#![expect(clippy::print_stdout, reason = "a program talks to whoever runs it")]

use std::time::Duration;

use github_dispatch::mock::MockGitHub;
use github_dispatch::{Client, StaticToken};
use relay_core::RelayBuilder;
use relay_core::adapters::github::GithubDispatcher;
use relay_core::journal::MemoryJournal;
use relay_core::rules::{RouteConfig, RuleSet};
use relay_core::webhook::SharedSecrets;
use relay_examples::events::{delivery, model_registered};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let github = MockGitHub::start("contoso/deploy").await;
    let client = Client::builder(StaticToken::new("offline-token", "default")?)
        .api_root(github.uri())
        .timeout(Duration::from_secs(10))
        .build()?;
    let rules = RuleSet::load([RouteConfig::new("deploy", "contoso/deploy")])?;
    let relay = RelayBuilder::new(
        MemoryJournal::new(),
        GithubDispatcher::new("default", &client),
        rules,
    )
    .with_secrets(SharedSecrets::new(["s3cret"])?)
    .build()?;

    let answer = relay
        .accept(delivery(&[model_registered("credit-risk", "7", 0)], "s3cret")?)
        .await;
    println!(
        "Event Grid is answered {} {}",
        answer.status(),
        String::from_utf8_lossy(answer.body())
    );
    relay.run_due().await?;

    let received = github.received();
    let [dispatch] = received.as_slice() else {
        return Err(format!("expected one dispatch, found {}", received.len()).into());
    };
    println!(
        "GitHub received {} {}",
        dispatch.event_type,
        json!(dispatch.client_payload)
    );
    let expected =
        json!({ "model_name": "credit-risk", "model_version": "7", "relay": { "id": dispatch.relay_id } });
    if json!(dispatch.client_payload) != expected || dispatch.event_type != "deploy_pipeline_action" {
        return Err(format!("expected {expected}").into());
    }
    Ok(())
}
