//! Hack challenge 1.3: the repository dispatch that starts the workflow.
//!
//! Replaces: the `curl` of the challenge, whose 204 says nothing about a run, and a look at the Actions tab.
//! Shows: the doctor, the dispatch, its run found by the id it shows (also when the answer is lost), and followed to its end.
//! Simplifies: one model; a relay does this for every event (`hack2_3_relay`).
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to whoever runs it"
)]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use github_dispatch::mock::{MockGitHub, RunsShow, Scripted, Stage};
use github_dispatch::{
    Client, DispatchEventType, FindOptions, Found, RepoFullName, RepositoryDispatch, Run, StaticToken,
};
use indicatif::{ProgressBar, ProgressStyle};
use relay_core::key::{DispatchKey, RelayId, ReleaseKey};
use relay_examples::quick::QuickClock;

/// Starts the deploy workflow for one model version, and waits for its run.
///
/// Offline against a mock that loses the answer, unless --live is given: then GITHUB_TOKEN is read from the environment.
#[derive(Debug, Parser)]
struct Arguments {
    /// The repository with the workflow.
    #[arg(long, default_value = "contoso/deploy")]
    repo: String,
    /// The event type that the workflow listens to.
    #[arg(long, default_value = "deploy_pipeline_action")]
    event_type: String,
    /// The model's name.
    #[arg(long, default_value = "credit-risk")]
    model_name: String,
    /// The model's version.
    #[arg(long, default_value = "7")]
    model_version: String,
    /// The id that the run shows: 26 letters and digits of base 32, another one for each release. Made of the model by default.
    #[arg(long)]
    id: Option<String>,
    /// How long a run is looked for, in seconds.
    #[arg(long, default_value_t = 120)]
    window: u64,
    /// How long its end is waited for, in seconds.
    #[arg(long, default_value_t = 3_600)]
    patience: u64,
    /// Dispatches at the real GitHub.
    #[arg(long)]
    live: bool,
}

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
    let event_type = DispatchEventType::parse(&arguments.event_type)?;
    let id = arguments
        .id
        .clone()
        .unwrap_or_else(|| relay_id(&arguments.model_name, &arguments.model_version));
    let payload = serde_json::json!({
        "model_name": arguments.model_name, "model_version": arguments.model_version, "relay": { "id": id },
    });
    let dispatch = RepositoryDispatch::new(
        event_type.clone(),
        payload.as_object().cloned().unwrap_or_default(),
    )?;
    if arguments.live {
        #[expect(
            clippy::disallowed_methods,
            reason = "a host reads its environment, and only with --live"
        )]
        let token =
            std::env::var("GITHUB_TOKEN").map_err(|_| "--live needs GITHUB_TOKEN in the environment")?;
        println!("target: {repo} at github.com, event type {event_type}");
        let client = Client::builder(StaticToken::new(token, "GITHUB_TOKEN")?).build()?;
        println!("{}\n", client.check_setup(&repo, &event_type).await?);
        return judge(&follow(&client, &repo, &dispatch, arguments).await?);
    }
    // Ten minutes of GitHub in ten seconds. The answer to the dispatch is lost, and its run shows late.
    let clock = QuickClock::new(60);
    let github = MockGitHub::start_with_clock(&arguments.repo, clock).await;
    github.script([Scripted::AcceptThenDrop]);
    github.show_runs(RunsShow::After(Duration::from_secs(8)));
    github.progress([
        Stage::status(Duration::from_secs(60), "in_progress"),
        Stage::conclusion(Duration::from_secs(240), "success"),
    ]);
    println!("target: {repo} at a mock on loopback, event type {event_type}");
    let client = Client::builder(StaticToken::new("offline", "mock")?)
        .api_root(github.uri())
        .clock(clock)
        .build()?;
    println!("{}\n", client.check_setup(&repo, &event_type).await?);
    let found = follow(&client, &repo, &dispatch, arguments).await?;
    let n_runs = github.n_effects(&id);
    println!("runs that the mock started for {id}: {n_runs}");
    if n_runs != 1 || found.accepted.is_some() {
        return Err(format!(
            "one run and a lost answer were expected: {n_runs}, {:?}",
            found.accepted
        )
        .into());
    }
    judge(&found)
}

/// The id that a relay would give this release: the deploy workflow takes no other form.
fn relay_id(model: &str, version: &str) -> String {
    let release = ReleaseKey::of_model("hack1_3", model, version);
    RelayId::new(&DispatchKey::new(&release, "hack1_3"), 1)
        .as_str()
        .to_owned()
}

/// Sends, finds and waits, with a spinner for whoever looks on.
async fn follow(
    client: &Client,
    repo: &RepoFullName,
    dispatch: &RepositoryDispatch,
    arguments: &Arguments,
) -> Result<Found, Box<dyn Error>> {
    let spinner = ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {msg}")?);
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner.set_message("dispatched; looking for its run");
    let options = FindOptions::default().with_window(Duration::from_secs(arguments.window));
    let mut found = client.dispatch_and_find(repo, dispatch, options).await?;
    if found.accepted.is_none() {
        spinner.suspend(|| {
            println!("the answer was lost, and the run was found all the same: nothing was sent again");
        });
    }
    for run in &mut found.runs {
        let mut watch = client
            .watch(repo, run.id)
            .with_patience(Duration::from_secs(arguments.patience));
        while let Some(state) = watch.next().await {
            *run = state?;
            let line = told(run);
            spinner.suspend(|| println!("{line}"));
            spinner.set_message(line);
        }
    }
    spinner.finish_and_clear();
    Ok(found)
}

fn told(run: &Run) -> String {
    let word = |word: Option<&str>| word.unwrap_or("unknown").to_owned();
    let status = word(run.status.as_ref().map(|status| status.as_str()));
    let title = word(run.display_title.as_deref());
    format!("run {} ({title}): {status}", run.id)
}

fn judge(found: &Found) -> Result<(), Box<dyn Error>> {
    if found.runs.is_empty() {
        return Err("github accepted the dispatch, and no run was seen: does a workflow of the default branch listen?".into());
    }
    for run in &found.runs {
        let conclusion = run
            .conclusion
            .as_ref()
            .map_or("none", |conclusion| conclusion.as_str());
        println!(
            "{}: {conclusion}",
            run.html_url.as_deref().unwrap_or("(no address)")
        );
    }
    match found.runs.iter().all(Run::succeeded) {
        true => Ok(()),
        false => Err("a run did not succeed".into()),
    }
}
