//! Hack challenge 1.1: the credentials, stored as secrets of the repository.
//!
//! Replaces: pasting the output of `az ad sp create-for-rbac --sdk-auth` into a form.
//! Shows: the JSON checked before it is stored, three secrets in sealed boxes, and the list read back. The hack's workflow reads
//! `AZURE_CREDENTIALS`; where it deploys to is in `AZURE_RESOURCE_GROUP` and `AZURE_WORKSPACE`.
//! Simplifies: a federated credential needs no stored secret at all (`hack1_2_workflow --login oidc`), and is better.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to whoever runs it"
)]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use github_dispatch::mock::MockGitHub;
use github_dispatch::provision::{Put, SecretName, SecretScope};
use github_dispatch::{Client, RepoFullName, StaticToken};
use secrecy::SecretString;
use serde_json::Value;

/// Checks Azure credentials and stores them as three secrets of a repository.
///
/// Offline against a mock that decrypts them, unless --live is given: then GITHUB_TOKEN is read from the environment.
#[derive(Debug, Parser)]
struct Arguments {
    /// The repository.
    #[arg(long, default_value = "contoso/deploy")]
    repo: String,
    /// The JSON that `az` printed; - is standard input. Made-up credentials without it, offline only.
    #[arg(long, value_name = "FILE", required_if_eq("live", "true"))]
    credentials: Option<PathBuf>,
    /// Azure's resource group.
    #[arg(long, default_value = "my-resource-group")]
    resource_group: String,
    /// The Azure ML workspace.
    #[arg(long, default_value = "my-workspace")]
    workspace: String,
    /// Stores them at the real GitHub.
    #[arg(long)]
    live: bool,
}

/// Ids that mean nothing to anybody.
const MADE_UP: &str = r#"{"clientId": "11111111-2222-4333-8444-555555555555", "clientSecret": "made-up~secret",
    "subscriptionId": "66666666-7777-4888-8999-000000000000", "tenantId": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"}"#;

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
    let repo = RepoFullName::parse(&arguments.repo)?;
    let credentials = match &arguments.credentials {
        None => MADE_UP.to_owned(),
        Some(path) if path.as_os_str() == "-" => std::io::read_to_string(std::io::stdin())?,
        Some(path) => {
            std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?
        }
    };
    check(&credentials)?;
    println!("the credentials have what a login needs");
    let values = [
        ("AZURE_CREDENTIALS", credentials.as_str()),
        ("AZURE_RESOURCE_GROUP", &arguments.resource_group),
        ("AZURE_WORKSPACE", &arguments.workspace),
    ];
    if arguments.live {
        #[expect(
            clippy::disallowed_methods,
            reason = "a host reads its environment, and only with --live"
        )]
        let token =
            std::env::var("GITHUB_TOKEN").map_err(|_| "--live needs GITHUB_TOKEN in the environment")?;
        println!("target: {repo} at github.com");
        let client = Client::builder(StaticToken::new(token, "GITHUB_TOKEN")?).build()?;
        return store(&client, repo, &values).await;
    }
    println!("target: {repo} at a mock on loopback");
    let github = MockGitHub::start(&arguments.repo).await;
    let client = Client::builder(StaticToken::new("offline", "mock")?)
        .api_root(github.uri())
        .build()?;
    store(&client, repo, &values).await?;
    for (name, value) in values {
        if github
            .secret(&format!("repos/{}", arguments.repo), name)
            .as_deref()
            != Some(value)
        {
            return Err(format!("the mock did not decrypt {name} to what was given").into());
        }
    }
    println!("the mock opened all three with its key, and each is what was given");
    Ok(())
}

async fn store(
    client: &Client,
    repo: RepoFullName,
    values: &[(&str, &str); 3],
) -> Result<(), Box<dyn Error>> {
    let scope = SecretScope::Repository(repo);
    for (name, value) in values {
        let put = client
            .put_secret(&scope, &SecretName::parse(name)?, &SecretString::from(*value))
            .await?;
        println!(
            "{name}: {}",
            if put == Put::Created { "created" } else { "updated" }
        );
    }
    let listed = client.list_secrets(&scope).await?;
    match values
        .iter()
        .find(|(name, _)| !listed.iter().any(|one| one == name))
    {
        None => Ok(()),
        Some((name, _)) => Err(format!("{name} is not in the list that github gives").into()),
    }
}

/// Whether these are credentials that a login could use. No text shows a value.
fn check(text: &str) -> Result<(), String> {
    let json: Value = serde_json::from_str(text)
        .map_err(|error| format!("the credentials are no JSON: line {}", error.line()))?;
    let object = json.as_object().ok_or("the credentials are no JSON object")?;
    for name in ["clientId", "clientSecret", "subscriptionId", "tenantId"] {
        let value = object
            .get(name)
            .ok_or_else(|| format!("the credentials have no {name}"))?;
        let value = value.as_str().ok_or_else(|| format!("{name} is not text"))?;
        let is_placeholder = value.trim().is_empty()
            || value.contains(['<', '>', '$', '{'])
            || value.to_ascii_lowercase().contains("xxxx");
        if is_placeholder {
            return Err(format!("{name} is empty, or a placeholder that nobody filled in"));
        }
        if name != "clientSecret" && !is_guid(value) {
            return Err(format!("{name} is not a GUID"));
        }
    }
    for (name, value) in object.iter().filter(|(name, _)| name.ends_with("Url")) {
        if !value.as_str().is_some_and(|url| url.starts_with("https://")) {
            return Err(format!("{name} is not an https address"));
        }
    }
    Ok(())
}

fn is_guid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let parts: Vec<&str> = text.split('-').collect();
    let is_part = |(part, length): (&&str, usize)| {
        part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    parts.len() == lengths.len() && parts.iter().zip(lengths).all(is_part)
}
