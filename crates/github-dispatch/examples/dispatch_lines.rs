//! Example: a repository dispatch for each line of standard input, such as
//! `{"event_type":"deploy","client_payload":{"model_name":"credit-risk"}}`.
//!
//! `cargo run -p github-dispatch --example dispatch_lines -- http://127.0.0.1:8080 TOKEN contoso/deploy < lines` prints one line each, and
//! ends at the first that is not accepted.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to whoever runs it"
)]

use std::error::Error;
use std::process::ExitCode;

use github_dispatch::{Client, DispatchEventType, RepoFullName, RepositoryDispatch, StaticToken};
use serde_json::{Map, Value};

#[derive(serde::Deserialize)]
struct Line {
    event_type: String,
    client_payload: Map<String, Value>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [api_root, token, repo] = arguments else {
        return Err("usage: dispatch_lines BASE_URL TOKEN OWNER/NAME".into());
    };
    let client = Client::builder(StaticToken::new(token.as_str(), "dispatch_lines")?)
        .api_root(api_root)
        .build()?;
    let repo = RepoFullName::parse(repo)?;
    for line in std::io::read_to_string(std::io::stdin())?.lines() {
        let line: Line = serde_json::from_str(line)?;
        let dispatch =
            RepositoryDispatch::new(DispatchEventType::parse(&line.event_type)?, line.client_payload)?;
        client.dispatch(&repo, &dispatch).await?;
        println!("accepted: {}", line.event_type);
    }
    Ok(())
}
