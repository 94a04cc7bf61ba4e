//! Hack challenge 1.2: the workflow that deploys.
//!
//! Replaces: the workflow file that the challenge has people copy, which pastes values of the payload into a shell line.
//! Shows: the file rendered from names, and checked: that it listens, and that its runs show the relay id.
//! Simplifies: it is written to a file or standard output; committing it is for a person.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to whoever runs it"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use github_dispatch::deploy_workflow::{AzureLogin, DeployWorkflow};
use github_dispatch::workflow_file::read_workflow;

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
