//! Calls of the client, one after another, against whatever answers at an endpoint: `every_call ENDPOINT`. What is sent is compared with what
//! Azure's own clients send for the same calls; what is answered is of no account here, so errors are printed and passed over.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to whoever runs it"
)]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use aml_client::auth::FixedToken;
use aml_client::operation::Polling;
use aml_client::ops::{ListView, VersionsQuery};
use aml_client::wire::{ModelVersion, OnlineDeployment, OnlineEndpoint};
use aml_client::{Client, ModelRef, RetryPolicy, WorkspaceScope};

#[tokio::main]
async fn main() -> ExitCode {
    let Some(endpoint) = std::env::args().nth(1) else {
        eprintln!("usage: every_call ENDPOINT");
        return ExitCode::from(2);
    };
    match run(&endpoint).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(endpoint: &str) -> Result<(), Box<dyn Error>> {
    let workspace = WorkspaceScope::new("s", "rg", "wsp")?;
    let client = Client::builder(workspace.clone(), FixedToken::new("fake-arm-token"))
        .with_endpoint(endpoint)
        .with_retry(RetryPolicy::off())
        .with_polling(Polling::default().with_interval(Duration::from_millis(10)))
        .build()?;
    let say = |name: &str, outcome: Result<(), aml_client::Error>| match outcome {
        Ok(()) => println!("{name}: ok"),
        Err(error) => println!("{name}: {error}"),
    };
    let query = VersionsQuery::default();
    say(
        "list versions",
        client.list_model_versions("m", &query)?.all().await.map(drop),
    );
    let filtered = query.newest(5).with_tags("a=b,c").with_view(ListView::All);
    say(
        "list versions filters",
        client.list_model_versions("m", &filtered)?.all().await.map(drop),
    );
    say("get version", client.get_model_version("m", "2").await.map(drop));
    let mut version = ModelVersion::registered("azureml://jobs/j/outputs/artifacts/paths/model");
    version.properties.model_type = Some("mlflow_model".to_owned());
    version.properties.description = Some("d".to_owned());
    version.properties.tags = Some([("k".to_owned(), Some("v".to_owned()))].into());
    version.properties.properties = Some([("p".to_owned(), Some("q".to_owned()))].into());
    version.properties.job_name = Some("j".to_owned());
    version.properties.is_anonymous = Some(false);
    say(
        "create version",
        client.put_model_version("m", "3", &version).await.map(drop),
    );
    say("get endpoint", client.get_online_endpoint("epp").await.map(drop));
    say(
        "list endpoints",
        client.list_online_endpoints().all().await.map(drop),
    );
    let mut endpoint = OnlineEndpoint::new("westeurope", "Key");
    endpoint.properties.traffic = Some(aml_client::ops::traffic([("blue", 90), ("green", 10)])?);
    let put = match client.put_online_endpoint("epp", &endpoint).await {
        Ok(poller) => poller.await.map(drop),
        Err(error) => Err(error),
    };
    say("put endpoint", put);
    let model = ModelRef::new("m", "2")?.to_rest(&workspace);
    let mut deployment = OnlineDeployment::managed("westeurope", model, "Standard_DS3_v2");
    deployment
        .properties
        .extra
        .insert("appInsightsEnabled".to_owned(), true.into());
    let put = match client.put_online_deployment("epp", "blue", &deployment).await {
        Ok(poller) => poller.await.map(drop),
        Err(error) => Err(error),
    };
    say("put deployment", put);
    say(
        "get deployment",
        client.get_online_deployment("epp", "blue").await.map(drop),
    );
    let deleted = match client.delete_online_endpoint("epp").await {
        Ok(poller) => poller.await,
        Err(error) => Err(error),
    };
    say("delete endpoint", deleted);
    say("get job", client.get_job("j").await.map(drop));
    Ok(())
}
