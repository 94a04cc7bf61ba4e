//! Example: every call of the client, against whatever answers at a base URL: a mock, a proxy that judges, a server of your own.
//!
//! `cargo run -p github-dispatch --all-features --example every_call -- http://127.0.0.1:8080 TOKEN 2022-11-28 contoso/deploy` prints
//! one line a call, and fails if one of them does. With `--canned` at the end answers are examples that do not know what was sent: they
//! must be readable, but need not belong together.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to whoever runs it"
)]

use std::error::Error;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use github_dispatch::auth::{App, JwtSigner, SignError};
use github_dispatch::ops::watch::Look;
use github_dispatch::provision::{
    EnvironmentName, FilePath, OrgName, Put, SecretName, SecretScope, Visibility,
};
use github_dispatch::request::{JobFilter, RunQuery};
use github_dispatch::{
    Client, ClientBuilder, DispatchEventType, Probe, ProbeWindow, RepoFullName, RepositoryDispatch,
    RetryPolicy, StaticToken, TokenSource as _, WorkflowDispatch, WorkflowFile,
};
use secrecy::SecretString;
use serde_json::json;

/// The id that the dispatch carries, and its run shows.
const RELAY_ID: &str = "474p54ivefce66s2nsvlvyw7zg";
/// The App that `mock_github` is told of.
const ISSUER: &str = "Iv1.everycall";
const EVENT_TYPE: &str = "deploy_pipeline_action";

type Failed = Box<dyn Error + Send + Sync>;
type Call<'t> = Pin<Box<dyn Future<Output = Result<(), Failed>> + 't>>;

/// What is called, and how much its answers are worth.
struct Target {
    client: Client,
    repo: RepoFullName,
    canned: bool,
    api_root: String,
    api_version: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let target = match Target::of(&arguments) {
        Ok(target) => target,
        Err(why) => {
            eprintln!("{why}\nusage: every_call BASE_URL TOKEN API_VERSION OWNER/NAME [--canned]");
            return ExitCode::from(2);
        }
    };
    let mut n_failed = 0;
    for (name, call) in calls(&target) {
        match call.await {
            Ok(()) => println!("ok {name}"),
            Err(error) => {
                n_failed += 1;
                println!("FAILED {name}: {}", chain(error.as_ref()));
            }
        }
    }
    if n_failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Every call, in an order in which later ones find what earlier ones made. A new call of the client is a line here and a function below.
fn calls(target: &Target) -> Vec<(&'static str, Call<'_>)> {
    macro_rules! table {
        ($($name:ident),* $(,)?) => { vec![$((stringify!($name), Box::pin($name(target)) as Call<'_>)),*] };
    }
    table![
        rate_limit,
        installation_id,
        installation_token,
        check_target,
        check_setup,
        dispatch,
        find_runs,
        probe,
        dispatch_workflow,
        dispatch_workflow_with_its_run,
        list_runs,
        run,
        watch,
        jobs,
        cancel_run,
        run_logs,
        job_log,
        rerun,
        force_cancel_run,
        rerun_failed_jobs,
        ensure_environment,
        repository_values,
        environment_values,
        organisation_values,
        put_file,
        get_file,
    ]
}

fn environment() -> Result<EnvironmentName, Failed> {
    Ok(EnvironmentName::parse("production")?)
}

async fn ensure_environment(target: &Target) -> Result<(), Failed> {
    let put = target
        .client
        .ensure_environment(&target.repo, &environment()?)
        .await?;
    target.holds(
        "an environment that was not there is created",
        put == Put::Created,
    )
}

async fn repository_values(target: &Target) -> Result<(), Failed> {
    target.values(&SecretScope::Repository(target.repo.clone())).await
}

async fn environment_values(target: &Target) -> Result<(), Failed> {
    target
        .values(&SecretScope::Environment(target.repo.clone(), environment()?))
        .await
}

async fn organisation_values(target: &Target) -> Result<(), Failed> {
    let org = OrgName::parse(target.repo.owner())?;
    target
        .values(&SecretScope::Organisation(org.clone(), Visibility::Private))
        .await?;
    target
        .values(&SecretScope::Organisation(org, Visibility::Selected(vec![1])))
        .await
}

async fn put_file(target: &Target) -> Result<(), Failed> {
    let path = FilePath::parse("docs/every call.md")?;
    let content = format!("written at {:?}", recently());
    let put = target
        .client
        .put_file(&target.repo, &path, content.as_bytes(), "every call", None)
        .await?;
    target.holds("a file that was not there is created", put == Put::Created)?;
    let put = target
        .client
        .put_file(&target.repo, &path, b"again", "every call", Some("main"))
        .await?;
    target.holds("one that is there is changed", put == Put::Updated)
}

async fn get_file(target: &Target) -> Result<(), Failed> {
    let path = FilePath::parse("docs/every call.md")?;
    let file = target.client.get_file(&target.repo, &path, Some("main")).await?;
    target.holds(
        "it is as it was written",
        file.is_some_and(|file| file.content == b"again"),
    )
}

async fn rate_limit(target: &Target) -> Result<(), Failed> {
    let limits = target.client.rate_limit().await?;
    limits.core().ok_or("core has no limit")?;
    Ok(())
}

/// Signs nothing: whoever answers here looks at no signature.
#[derive(Debug)]
struct Unsigned;

#[async_trait::async_trait]
impl JwtSigner for Unsigned {
    async fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(vec![0; 256])
    }
}

async fn installation_id(target: &Target) -> Result<(), Failed> {
    target.app()?.installation_id(&target.repo).await?;
    Ok(())
}

async fn installation_token(target: &Target) -> Result<(), Failed> {
    let permissions = [("contents", "write"), ("actions", "read")];
    let token = target
        .app()?
        .installation_of(&target.repo)
        .with_permissions(permissions);
    token.token().await?;
    let granted = token.permissions().unwrap_or_default();
    target.holds(
        "the permissions that were asked for",
        granted.len() == permissions.len(),
    )
}

async fn check_setup(target: &Target) -> Result<(), Failed> {
    let event_type = DispatchEventType::parse(EVENT_TYPE)?;
    let report = target.client.check_setup(&target.repo, &event_type).await?;
    target.holds("a repository that can be used", report.is_usable())
}

async fn check_target(target: &Target) -> Result<(), Failed> {
    let event_type = DispatchEventType::parse(EVENT_TYPE)?;
    let found = target.client.check_target(&target.repo, &event_type).await?;
    target.holds(
        "the repository, whose workflow listens and shows the id",
        found.full_name == target.repo.as_str()
            && found.listens == Some(true)
            && found.shows_relay_id == Some(true),
    )
}

async fn dispatch(target: &Target) -> Result<(), Failed> {
    let payload = json!({ "model_name": "credit-risk", "model_version": "7", "relay": { "id": RELAY_ID, "attempt": 1 } });
    let payload = payload.as_object().cloned().unwrap_or_default();
    let dispatch = RepositoryDispatch::new(DispatchEventType::parse(EVENT_TYPE)?, payload)?;
    target.client.dispatch(&target.repo, &dispatch).await?;
    Ok(())
}

async fn dispatch_workflow(target: &Target) -> Result<(), Failed> {
    let dispatch = workflow_dispatch()?;
    let answer = target
        .client
        .dispatch_workflow(&target.repo, &workflow()?, &dispatch)
        .await?;
    // The newer version names the run unasked.
    let names_run = answer.run.is_some();
    target.holds(
        "a run is named in the newer version only",
        names_run == (target.api_version.as_str() >= "2026-03-10"),
    )
}

async fn dispatch_workflow_with_its_run(target: &Target) -> Result<(), Failed> {
    let dispatch = workflow_dispatch()?.with_run_details();
    let answer = target
        .client
        .dispatch_workflow(&target.repo, &workflow()?, &dispatch)
        .await?;
    answer.run.ok_or("no run is named")?;
    Ok(())
}

async fn list_runs(target: &Target) -> Result<(), Failed> {
    let page = target
        .client
        .list_runs(&target.repo, &RunQuery::of_dispatches(recently()), 1)
        .await?;
    target.holds(
        "the run of the repository dispatch alone",
        page.workflow_runs.len() == 1,
    )
}

async fn find_runs(target: &Target) -> Result<(), Failed> {
    let event = "repository_dispatch";
    let runs = target
        .client
        .find_runs(&target.repo, RELAY_ID, event, recently())
        .await?;
    target.holds("the run with the id", runs.len() == 1)
}

async fn probe(target: &Target) -> Result<(), Failed> {
    let window = ProbeWindow::since(recently());
    let found = target.client.probe(&target.repo, RELAY_ID, window).await?;
    target.holds(
        "the run with the id",
        matches!(found, Probe::Started(runs) if runs.len() == 1),
    )
}

async fn run(target: &Target) -> Result<(), Failed> {
    let id = target.newest_run().await?;
    let run = target.client.run(&target.repo, id).await?;
    target.holds("the run that was asked for", run.id == id)
}

async fn watch(target: &Target) -> Result<(), Failed> {
    let id = target.newest_run().await?;
    let mut watch = target.client.watch(&target.repo, id);
    watch.look().await?;
    // The second look shows the tag of the first.
    let second = watch.look().await?;
    target.holds("nothing has changed", matches!(second, Look::Unchanged))
}

async fn jobs(target: &Target) -> Result<(), Failed> {
    let id = target.newest_run().await?;
    for filter in [JobFilter::Latest, JobFilter::All] {
        let jobs = target.client.jobs(&target.repo, id, filter).await?;
        target.holds(
            "jobs of the run that was asked for",
            jobs.iter().all(|job| job.run_id == id),
        )?;
    }
    Ok(())
}

async fn cancel_run(target: &Target) -> Result<(), Failed> {
    let id = target.newest_run().await?;
    target.client.cancel_run(&target.repo, id).await?;
    let run = target.client.run(&target.repo, id).await?;
    target.holds("the run is cancelled", run.is_ended())
}

async fn run_logs(target: &Target) -> Result<(), Failed> {
    let id = target.newest_run().await?;
    let log = target.client.run_logs(&target.repo, id).await?;
    let archive = log.read_to_end(1 << 20).await?;
    target.holds("an archive", archive.starts_with(b"PK"))
}

async fn job_log(target: &Target) -> Result<(), Failed> {
    let id = target.newest_run().await?;
    let jobs = target.client.jobs(&target.repo, id, JobFilter::Latest).await?;
    let job = jobs.first().ok_or("the run has no job")?.id;
    let log = target.client.job_log(&target.repo, job).await?;
    let text = log.read_to_end(1 << 20).await?;
    target.holds("a text", !text.is_empty())
}

async fn rerun(target: &Target) -> Result<(), Failed> {
    let id = target.newest_run().await?;
    target.client.rerun(&target.repo, id).await?;
    let run = target.client.run(&target.repo, id).await?;
    target.holds("a second attempt", run.run_attempt == Some(2))
}

async fn force_cancel_run(target: &Target) -> Result<(), Failed> {
    let id = target.newest_run().await?;
    target.client.force_cancel_run(&target.repo, id).await?;
    Ok(())
}

async fn rerun_failed_jobs(target: &Target) -> Result<(), Failed> {
    let id = target.newest_run().await?;
    target.client.rerun_failed_jobs(&target.repo, id).await?;
    Ok(())
}

impl Target {
    fn of(arguments: &[String]) -> Result<Self, Failed> {
        let (api_root, token, api_version, repo, canned) = match arguments {
            [api_root, token, api_version, repo] => (api_root, token, api_version, repo, false),
            [api_root, token, api_version, repo, flag] if flag == "--canned" => {
                (api_root, token, api_version, repo, true)
            }
            _ => return Err("four arguments are needed".into()),
        };
        let client = Client::builder(StaticToken::new(token.as_str(), "every_call")?)
            .api_root(api_root)
            .api_version(api_version)
            .retry(RetryPolicy::off())
            .build()?;
        Ok(Self {
            client,
            repo: RepoFullName::parse(repo)?,
            canned,
            api_root: api_root.clone(),
            api_version: api_version.clone(),
        })
    }

    /// Secrets and variables of a place, from the key to the end.
    async fn values(&self, scope: &SecretScope) -> Result<(), Failed> {
        let (client, name) = (&self.client, SecretName::parse("EVERY_CALL")?);
        client.public_key(scope).await?;
        client
            .put_secret(scope, &name, &SecretString::from("sealed"))
            .await?;
        let listed = client.list_secrets(scope).await?;
        self.holds(
            "the secret is listed",
            listed.iter().any(|one| one == name.as_str()),
        )?;
        client.set_variable(scope, &name, "one").await?;
        client.set_variable(scope, &name, "two").await?;
        let listed = client.list_variables(scope).await?;
        self.holds(
            "the variable is listed",
            listed.get(name.as_str()).is_some_and(|value| value == "two"),
        )?;
        client.delete_secret(scope, &name).await?;
        client.delete_variable(scope, &name).await?;
        Ok(())
    }

    fn app(&self) -> Result<App, Failed> {
        let set = |client: ClientBuilder| {
            client
                .api_root(&self.api_root)
                .api_version(&self.api_version)
                .retry(RetryPolicy::off())
        };
        Ok(App::builder(ISSUER, Unsigned)?.configure(set).build()?)
    }

    /// An id to ask about.
    async fn newest_run(&self) -> Result<u64, Failed> {
        let page = self.client.list_runs(&self.repo, &RunQuery::default(), 1).await?;
        Ok(page.workflow_runs.first().ok_or("there is no run")?.id)
    }

    /// What an answer must show, unless answers are canned.
    fn holds(&self, what: &str, is_so: bool) -> Result<(), Failed> {
        if is_so || self.canned {
            Ok(())
        } else {
            Err(format!("the answer is not what was asked for: {what}").into())
        }
    }
}

fn workflow() -> Result<WorkflowFile, Failed> {
    Ok(WorkflowFile::parse("deploy.yml")?)
}

fn workflow_dispatch() -> Result<WorkflowDispatch, Failed> {
    let inputs = [
        ("model_name", "credit-risk"),
        ("model_version", "7"),
        ("relay_id", RELAY_ID),
    ];
    Ok(WorkflowDispatch::new("main", inputs)?)
}

/// A moment before the first call.
#[expect(clippy::disallowed_methods, reason = "a program, whose runs are of now")]
fn recently() -> SystemTime {
    let now = SystemTime::now();
    now.checked_sub(Duration::from_secs(600)).unwrap_or(now)
}

/// An error and what lies below it.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        text.extend([": ", &error.to_string()]);
        below = error.source();
    }
    text
}
