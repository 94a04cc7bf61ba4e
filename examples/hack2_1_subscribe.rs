//! Hack challenge 2.1: the workspace's events come to a webhook.
//!
//! Replaces: the Logic App's Event Grid trigger, clicked together in the portal.
//! Shows: an event subscription for `ModelRegistered` created by code, its handshake watched, and the first delivery.
//! Simplifies: the webhook is a relay in this process with a journal in memory; `host_server` is the one to keep.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to whoever runs it"
)]

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aml_client::auth::{AzureCli, FixedToken, TokenCredential, from_env};
use aml_client::cloud::Cloud;
use aml_client::mock::MockWorkspace;
use aml_client::operation::Polling;
use aml_client::wire::{DeliverySchema, EventSubscription, NewEventSubscription};
use aml_client::{Client, Step, WorkspaceScope};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use clap::{Parser, ValueEnum};
use github_dispatch::StaticToken;
use github_dispatch::mock::MockGitHub;
use relay_core::adapters::github::GithubDispatcher;
use relay_core::journal::MemoryJournal;
use relay_core::rules::{RouteConfig, RuleSet};
use relay_core::webhook::SharedSecrets;
use relay_core::{Relay, RelayBuilder};
use relay_examples::quick::QuickClock;

/// Subscribes a webhook to the ModelRegistered events of a workspace.
///
/// Offline against a mock and a relay in this process, unless --live is given: then the environment names the credential
/// (`AZURE_CREDENTIALS`, …), or with --cli whoever is logged in with `az` is it.
#[derive(Debug, Parser)]
struct Arguments {
    /// The workspace's resource id.
    #[arg(long, default_value = WORKSPACE)]
    workspace: String,
    /// The subscription's name.
    #[arg(long, default_value = "relay")]
    name: String,
    /// The webhook's address, its secret included: https://your.host/events?code=…
    #[arg(long, required_if_eq("live", "true"))]
    webhook: Option<String>,
    /// In which schema events are delivered.
    #[arg(long, value_enum, default_value_t)]
    schema: Schema,
    /// Subscribes at the real Azure.
    #[arg(long)]
    live: bool,
    /// With --live: as whoever is logged in with `az`.
    #[arg(long, requires = "live")]
    cli: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Schema {
    /// CloudEvents 1.0.
    #[default]
    CloudEvents,
    /// Event Grid's own.
    EventGrid,
}

const WORKSPACE: &str = "/subscriptions/0a1b2c3d/resourceGroups/ml-rg/providers/Microsoft.MachineLearningServices/workspaces/ml-ws";

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", relay_core::report::report(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let scope = WorkspaceScope::parse(&arguments.workspace)?;
    if arguments.live {
        #[expect(
            clippy::disallowed_methods,
            reason = "a host reads its environment, and only with --live"
        )]
        let credential: Arc<dyn TokenCredential> = if arguments.cli {
            Arc::new(AzureCli::default())
        } else {
            from_env(Cloud::Public, |name| std::env::var(name).ok())?
        };
        println!("target: {scope} at azure");
        let client = Client::builder(scope, credential).build()?;
        if !client.event_grid_is_registered().await? {
            println!(
                "Event Grid is not switched on in this Azure subscription; switching it on takes some minutes"
            );
            client.register_event_grid().await?;
        }
        let webhook = arguments.webhook.clone().unwrap_or_default();
        return subscribe(&client, arguments, &webhook).await.map(drop);
    }
    let clock = QuickClock::new(20);
    let mock = Arc::new(MockWorkspace::start_with_clock(scope.clone(), clock).await);
    println!("target: {scope} at a mock on loopback");
    let github = MockGitHub::start("contoso/deploy").await;
    let relay = relay(&github)?;
    let webhook = serve(relay).await?;
    let client = Client::builder(scope, FixedToken::new("offline"))
        .with_endpoint(mock.uri())
        .with_clock(clock)
        .with_polling(Polling::default().with_interval(Duration::from_secs(5)))
        .build()?;
    // Event Grid asks the webhook while the subscription is being created.
    let event_grid = Arc::clone(&mock);
    let event_grid = tokio::spawn(async move {
        loop {
            match event_grid.validate_subscriptions().await {
                Ok(0) => aml_client::clock::Clock::sleep(&clock, Duration::from_secs(2)).await,
                asked => return asked,
            }
        }
    });
    let subscription = subscribe(&client, arguments, &webhook).await?;
    event_grid.await??;
    if subscription
        .properties
        .provisioning_state
        .is_none_or(|state| state.as_str() != "Succeeded")
    {
        return Err("the subscription did not succeed".into());
    }
    if matches!(arguments.schema, Schema::EventGrid) {
        mock.register_model("credit-risk", "7", &[], Duration::ZERO);
        let statuses = mock.deliver_to_subscribers().await?;
        println!("the first delivery was answered {statuses:?}");
        if statuses != [200] {
            return Err("the delivery was not accepted".into());
        }
    }
    // A webhook that does not know the secret refuses, and the subscription fails.
    let wrong = NewEventSubscription::to_webhook(webhook.replace("s3cret", "wrong"))?;
    let poller = client.put_event_subscription("wrong", &wrong).await?;
    mock.validate_subscriptions().await?;
    match poller.await {
        Err(error) => println!("with a wrong secret: {error}"),
        Ok(_) => return Err("a webhook that refuses was taken".into()),
    }
    Ok(())
}

async fn subscribe(
    client: &Client,
    arguments: &Arguments,
    webhook: &str,
) -> Result<EventSubscription, Box<dyn Error>> {
    let schema = match arguments.schema {
        Schema::CloudEvents => DeliverySchema::CloudEvents,
        Schema::EventGrid => DeliverySchema::EventGrid,
    };
    let subscription = NewEventSubscription::to_webhook(webhook)?
        .with_event_types(["Microsoft.MachineLearningServices.ModelRegistered"])
        .with_schema(schema);
    let mut poller = client
        .put_event_subscription(&arguments.name, &subscription)
        .await?;
    let mut said = None;
    loop {
        match poller.step().await? {
            Step::Ended(subscription) => {
                println!("{}: events will be delivered", arguments.name);
                return Ok(subscription);
            }
            Step::Running { status, .. } => {
                if said != status {
                    println!("{}: {}", arguments.name, status.as_deref().unwrap_or("running"));
                    said = status;
                }
                client.pause(poller.wait()).await;
            }
        }
    }
}

fn relay(github: &MockGitHub) -> Result<Relay, Box<dyn Error>> {
    let client = github_dispatch::Client::builder(StaticToken::new("offline", "default")?)
        .api_root(github.uri())
        .build()?;
    let rules = RuleSet::load([RouteConfig::new("deploy", "contoso/deploy")])?;
    let dispatcher = GithubDispatcher::new("default", &client);
    Ok(RelayBuilder::new(MemoryJournal::new(), dispatcher, rules)
        .with_secrets(SharedSecrets::new(["s3cret"])?)
        .build()?)
}

/// The relay behind a free port of loopback: any host is one function away.
async fn serve(relay: Relay) -> Result<String, Box<dyn Error>> {
    let webhook = async move |request: Request| {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, relay.max_body_bytes())
            .await
            .unwrap_or_default();
        relay
            .accept(http::Request::from_parts(head, body))
            .await
            .map(Body::from)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(webhook)).await });
    Ok(format!("http://{address}/events?code=s3cret"))
}
