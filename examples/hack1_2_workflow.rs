//! Hack challenge 1.2: the workflow that deploys.
//!
//! Replaces: the workflow file that the challenge has people copy, which pastes values of the payload into a shell line.
//! Shows: the file rendered from names, and checked: that it listens, and that its runs show the relay id.
//! Simplifies: nothing; with `--put` it is committed to the repository, offline to a mock, and the doctor looks at it there.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to whoever runs it"
)]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use github_dispatch::deploy_workflow::{AzureLogin, DeployWorkflow};
use github_dispatch::mock::MockGitHub;
use github_dispatch::provision::FilePath;
use github_dispatch::workflow_file::read_workflow;
use github_dispatch::{Client, DispatchEventType, RepoFullName, StaticToken};

/// Renders a workflow that deploys the model of a dispatch, or checks one that is there.
#[derive(Debug, Parser)]
struct Arguments {
    /// The event type that it listens to.
    #[arg(long, default_value = "deploy_pipeline_action")]
    event_type: String,
    /// Azure's resource group.
    #[arg(long, default_value = "my-resource-group")]
    resource_group: String,
    /// The Azure ML workspace.
    #[arg(long, default_value = "my-workspace")]
    workspace: String,
    /// The online endpoint.
    #[arg(long, default_value = "my-endpoint")]
    endpoint: String,
    /// The deployment of the endpoint.
    #[arg(long, default_value = "blue")]
    deployment: String,
    /// The environment of the repository, whose approvals count.
    #[arg(long)]
    environment: Option<String>,
    /// How it logs in to Azure.
    #[arg(long, value_enum, default_value_t)]
    login: Login,
    /// Where it is written, such as .github/workflows/deploy.yml; standard output without it. A file that is there is never replaced.
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    output: Option<PathBuf>,
    /// Commit it to this repository instead, as .github/workflows/deploy.yml, where it differs; offline to a mock, unless --live is given.
    #[arg(long, value_name = "OWNER/NAME", conflicts_with_all = ["output", "check"])]
    put: Option<String>,
    /// With --put: at the real GitHub, with GITHUB_TOKEN of the environment.
    #[arg(long, requires = "put")]
    live: bool,
    /// Check this file instead: whether it listens to the event type, and shows the relay id.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Login {
    /// OpenID Connect: no stored secret.
    #[default]
    Oidc,
    /// The secret AZURE_CREDENTIALS.
    Secret,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let event_type = &arguments.event_type;
    if let Some(path) = &arguments.check {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        check(&text, event_type)?;
        println!(
            "{}: it listens to {event_type}, and shows the relay id",
            path.display()
        );
        return Ok(());
    }
    let text = render(arguments).map_err(|error| error.to_string())?;
    check(&text, event_type)?;
    if let Some(repo) = &arguments.put {
        let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
        let put = runtime.block_on(put(repo, &text, arguments));
        return put.map_err(|error| relay_core::report::report(&*error));
    }
    let Some(path) = &arguments.output else {
        print!("{text}");
        return Ok(());
    };
    let failed = |error| format!("{}: {error}", path.display());
    let mut file = std::fs::File::create_new(path).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)?;
    println!("{}: written; commit it to the default branch", path.display());
    Ok(())
}

/// Commits the file, and has the doctor look at what is there then.
async fn put(repo: &str, text: &str, arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let repo = RepoFullName::parse(repo)?;
    let path = FilePath::parse(".github/workflows/deploy.yml")?;
    let (github, client) = if arguments.live {
        #[expect(
            clippy::disallowed_methods,
            reason = "a host reads its environment, and only with --live"
        )]
        let token =
            std::env::var("GITHUB_TOKEN").map_err(|_| "--live needs GITHUB_TOKEN in the environment")?;
        println!("target: {repo} at github.com");
        (
            None,
            Client::builder(StaticToken::new(token, "GITHUB_TOKEN")?).build()?,
        )
    } else {
        println!("target: {repo} at a mock on loopback");
        let github = MockGitHub::start(repo.as_str()).await;
        let client = Client::builder(StaticToken::new("offline", "mock")?)
            .api_root(github.uri())
            .build()?;
        (Some(github), client)
    };
    let message = "Deploy what a dispatch names";
    let put = client
        .put_file(&repo, &path, text.as_bytes(), message, None)
        .await?;
    println!("{path}: {put:?}");
    let report = client
        .check_setup(&repo, &DispatchEventType::parse(&arguments.event_type)?)
        .await?;
    println!("{report}");
    let arrived = github
        .is_none_or(|github| github.file(repo.as_str(), path.as_str()).as_deref() == Some(text.as_bytes()));
    if arrived && report.is_usable() {
        Ok(())
    } else {
        Err("what is there now is not what it should be".into())
    }
}

fn render(arguments: &Arguments) -> Result<String, github_dispatch::deploy_workflow::InvalidWorkflowValue> {
    let workflow = DeployWorkflow::new(
        &arguments.event_type,
        &arguments.resource_group,
        &arguments.workspace,
        &arguments.endpoint,
        &arguments.deployment,
    )?
    .with_login(match arguments.login {
        Login::Oidc => AzureLogin::Oidc,
        Login::Secret => AzureLogin::Secret,
    });
    Ok(match &arguments.environment {
        Some(name) => workflow.with_environment(name)?.render(),
        None => workflow.render(),
    })
}

fn check(text: &str, event_type: &str) -> Result<(), String> {
    let facts = read_workflow(text, event_type);
    if !facts.listens {
        return Err(format!(
            "the workflow does not listen to a repository dispatch of {event_type}"
        ));
    }
    if !facts.shows_relay_id {
        return Err("the workflow does not show ${{ github.event.client_payload.relay.id }} in its run-name, as a word of its own, \
                    so that an unknown outcome would be parked"
            .to_owned());
    }
    Ok(())
}
