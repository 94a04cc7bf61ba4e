//! Hack challenge 2.4: a model is registered, and the endpoint serves it.
//!
//! Replaces: looking into two portals until the new version shows.
//! Shows: a version registered and read back, the deployment followed until it serves exactly that version, and its answer.
//! Simplifies: the deploy workflow is played by a task that releases the model, offline; at the real Azure it is the workflow that does.
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
use aml_client::clock::Clock;
use aml_client::cloud::Cloud;
use aml_client::mock::MockWorkspace;
use aml_client::operation::Polling;
use aml_client::release::ReleaseOptions;
use aml_client::wire::ModelVersion;
use aml_client::{Client, ErrorKind, ModelRef, WorkspaceScope};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use relay_examples::quick::QuickClock;

/// Registers a model version and follows it until an endpoint serves it.
///
/// Offline against a mock, unless --live is given: then the environment names the credential (`AZURE_CREDENTIALS`, …), or with --cli whoever
/// is logged in with `az` is it.
#[derive(Debug, Parser)]
struct Arguments {
    /// The workspace's resource id.
    #[arg(long, default_value = WORKSPACE)]
    workspace: String,
    /// The online endpoint.
    #[arg(long, default_value = "credit")]
    endpoint: String,
    /// Its deployment.
    #[arg(long, default_value = "blue")]
    deployment: String,
    /// The model's name.
    #[arg(long, default_value = "churn")]
    model_name: String,
    /// The version to register.
    #[arg(long, default_value = "7")]
    model_version: String,
    /// Where the model's files are.
    #[arg(long, default_value = "azureml://jobs/made-up/outputs/model")]
    model_uri: String,
    /// What the model is asked once it is served.
    #[arg(long, default_value = r#"{"input_data": [[0]]}"#)]
    question: String,
    /// How long it may take until it is served, in seconds.
    #[arg(long, default_value_t = 3_600)]
    patience: u64,
    /// Registers at the real Azure.
    #[arg(long)]
    live: bool,
    /// With --live: as whoever is logged in with `az`.
    #[arg(long, requires = "live")]
    cli: bool,
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
    let model = ModelRef::new(&arguments.model_name, &arguments.model_version)?;
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
        return verify(&client, &aml_client::clock::SystemClock, &model, arguments).await;
    }
    // Ten minutes of Azure in ten seconds: the version shows late, and the deployment takes its time.
    let clock = QuickClock::new(60);
    let mock = MockWorkspace::start_with_clock(scope.clone(), clock).await;
    let before = ModelRef::new(&arguments.model_name, "6")?.to_rest(&scope);
    mock.add_endpoint(&arguments.endpoint, &[(&arguments.deployment, &before, 100)]);
    println!("target: {scope} at a mock on loopback");
    let client = Client::builder(scope, FixedToken::new("offline"))
        .with_endpoint(mock.uri())
        .with_clock(clock)
        .with_polling(Polling::default().with_interval(Duration::from_secs(5)))
        .build()?;
    let (workflow, endpoint, deployment) = (
        client.clone(),
        arguments.endpoint.clone(),
        arguments.deployment.clone(),
    );
    let released = model.clone();
    let workflow = tokio::spawn(async move {
        // What the relay and the workflow take until they come to it.
        clock.sleep(Duration::from_secs(90)).await;
        workflow
            .release_model(&endpoint, &deployment, &released, &ReleaseOptions::default())
            .await
    });
    verify(&client, &clock, &model, arguments).await?;
    workflow.await??;
    let events = mock.take_events();
    println!("events that Event Grid would have delivered: {}", events.len());
    match events.as_slice() {
        [event]
            if event.get("subject").is_some_and(|subject| {
                *subject == format!("models/{}:{}", model.name(), model.version())
            }) =>
        {
            Ok(())
        }
        _ => Err("one event of the registered version was expected".into()),
    }
}

async fn verify(
    client: &Client,
    clock: &dyn Clock,
    model: &ModelRef,
    arguments: &Arguments,
) -> Result<(), Box<dyn Error>> {
    let version = ModelVersion::registered(&arguments.model_uri);
    client
        .put_model_version(model.name(), model.version(), &version)
        .await?;
    let registered = client.get_model_version(model.name(), model.version()).await?;
    println!("registered: {}", registered.id.as_deref().unwrap_or("(no id)"));

    let spinner = ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {msg}")?);
    spinner.enable_steady_tick(Duration::from_millis(100));
    let gives_up_at = clock.now() + Duration::from_secs(arguments.patience);
    loop {
        let found = client
            .get_online_deployment(&arguments.endpoint, &arguments.deployment)
            .await;
        let told = match found {
            Ok(found) => {
                let served = found
                    .properties
                    .model
                    .as_deref()
                    .and_then(|text| ModelRef::parse(text).ok());
                let is_it = served
                    .as_ref()
                    .is_some_and(|served| served.is_same(model, client.workspace()));
                let state = found
                    .properties
                    .provisioning_state
                    .map_or_else(String::new, |state| state.to_string());
                if is_it && state == "Succeeded" {
                    break;
                }
                format!(
                    "{} serves {}, {state}",
                    arguments.deployment,
                    served.map_or_else(|| "nothing".to_owned(), |served| served.version().to_owned())
                )
            }
            Err(error) if error.kind() == ErrorKind::NotFound => "the deployment is not there yet".to_owned(),
            Err(error) => return Err(error.into()),
        };
        spinner.set_message(told.clone());
        if clock.now() >= gives_up_at {
            return Err(format!("the version is not served in time: {told}").into());
        }
        clock.sleep(Duration::from_secs(15)).await;
    }
    spinner.finish_and_clear();
    let endpoint = client.get_online_endpoint(&arguments.endpoint).await?;
    println!(
        "served: {model} by {}, with {} % of the traffic",
        arguments.deployment,
        endpoint.traffic_of(&arguments.deployment)
    );

    let question = serde_json::from_str(&arguments.question)?;
    let scorer = client
        .scorer(&arguments.endpoint)
        .await?
        .with_deployment(&arguments.deployment)?;
    let answer = scorer.invoke(&question).await?;
    let answer = String::from_utf8_lossy(&answer);
    println!("answer: {answer}");
    // Only the mock says who answered.
    if arguments.live || answer.contains(&format!("/versions/{}", model.version())) {
        Ok(())
    } else {
        Err("another version answered".into())
    }
}
