//! Example: an Azure ML workspace on loopback as a program, for tests in whatever language.
//!
//! `cargo run -p aml-client --all-features --example mock_workspace -- RESOURCE_ID` prints its endpoint, and stays until its standard input
//! is closed. A line of input tells it what to do, and is answered by one line: JSON of what was asked for, `ok`, or what is wrong.
//!
//! ```text
//! public-uri https://localhost:8443     what links say instead of the printed address, for a server that stands before this one
//! require-token TOKEN                   only this token is accepted
//! register NAME VERSION                 a model, by somebody else
//! operations MILLISECONDS STYLE         status, location or resource
//! fail CODE                             the next operation fails
//! throttle N SECONDS                    the next N requests are answered 429
//! lose-answers N                        the next N answers to a PUT are lost, and have their effect
//! page-size N
//! model NAME VERSION                    the properties of a version, or null
//! deployment ENDPOINT NAME              {"model":"...","state":"Succeeded"}, or null
//! traffic ENDPOINT NAME                 90
//! n-requests METHOD                     7
//! validate                              1: so many new subscriptions' webhooks were asked whether they want events
//! deliver                               [200]: what they answered to the events of what happened since the last time
//! events                                [{"eventType":"...", ...}] of what happened since the last time
//! ```
#![expect(clippy::print_stdout, reason = "a program talks to whoever runs it")]

use std::time::Duration;

use aml_client::WorkspaceScope;
use aml_client::mock::{MockWorkspace, OperationStyle, Outcome};
use serde_json::{Value, json};

const WORKSPACE: &str =
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/wsp";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let workspace = std::env::args().nth(1);
    let workspace = WorkspaceScope::parse(workspace.as_deref().unwrap_or(WORKSPACE))?;
    let mock = MockWorkspace::start(workspace).await;
    println!("{}", mock.uri());
    // The mock answers on threads of its own, so that this one may wait.
    for line in std::io::stdin().lines() {
        match told(&mock, &line?).await {
            Some(Value::String(word)) => println!("{word}"),
            Some(found) => println!("{found}"),
            None => println!("wrong: there is no such line"),
        }
    }
    Ok(())
}

/// What a line comes to; none where there is no such line.
async fn told(mock: &MockWorkspace, line: &str) -> Option<Value> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["public-uri", uri] => mock.public_uri(uri),
        ["require-token", token] => mock.require_token(token),
        ["register", name, version] => mock.register_model(name, version, &[], Duration::ZERO),
        ["operations", takes, style] => {
            let style = match *style {
                "status" => OperationStyle::Status,
                "location" => OperationStyle::Location,
                "resource" => OperationStyle::Resource,
                _ => return None,
            };
            mock.operations(Duration::from_millis(takes.parse().ok()?), style);
        }
        ["fail", code] => mock.outcomes([Outcome::Fail {
            code: (*code).to_owned(),
        }]),
        ["throttle", n, wait] => {
            mock.throttle(n.parse().ok()?, Duration::from_secs(wait.parse().ok()?));
        }
        ["lose-answers", n] => mock.lose_answers(n.parse().ok()?),
        ["page-size", n] => mock.page_size(n.parse().ok()?),
        ["model", name, version] => {
            let properties = |body: &Value| body.get("properties").cloned();
            return Some(mock.model(name, version).as_ref().and_then(properties).into());
        }
        ["deployment", endpoint, name] => {
            let shown = |(model, state): (String, String)| json!({ "model": model, "state": state });
            return Some(mock.deployment(endpoint, name).map(shown).into());
        }
        ["traffic", endpoint, name] => return Some(mock.traffic(endpoint, name).into()),
        ["n-requests", method] => return Some(mock.n_requests(method).into()),
        ["validate"] => return Some(mock.validate_subscriptions().await.ok()?.into()),
        ["deliver"] => return Some(mock.deliver_to_subscribers().await.ok()?.into()),
        ["events"] => return Some(mock.take_events().into()),
        _ => return None,
    }
    Some(Value::from("ok"))
}
