//! **Here**: the doctor: `check_setup` asks whatever can be asked without a dispatch, and says in plain words what it means.
//! **Not here**: the report (`setup`), the check that a relay makes before it sends (`target`).
//! **Reads**: `client`, `workflow_file`, `workflow_lint`.
//! **Source**: <https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api> and the facts of 2026-11-23 on what GitHub
//! answers 204 to and never runs.

use serde::Deserialize;

use crate::client::{Client, as_json};
use crate::error::{Advice, Error, ErrorKind};
use crate::repo::RepoFullName;
use crate::repository_dispatch::DispatchEventType;
use crate::request::RunQuery;
use crate::retry::Effect;
use crate::send::Answer;
use crate::setup::{SetupReport, Subject, Verdict};
use crate::workflow_dispatch::WorkflowFile;
use crate::workflow_file::{WorkflowFacts, read_workflow};
use crate::workflow_lint::{Danger, dangers};

/// Workflow files that are read at most.
const MAX_WORKFLOWS: usize = 50;

/// What GitHub says of the repository, and of the token by the way.
#[derive(Deserialize)]
struct Repository {
    full_name: String,
    #[serde(default)]
    default_branch: Option<String>,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    private: Option<bool>,
    #[serde(default)]
    permissions: Option<Permissions>,
}

/// What the owner of the token may do, whatever the token may.
#[derive(Deserialize)]
struct Permissions {
    #[serde(default)]
    push: bool,
}

/// A workflow that listens.
struct Listening {
    name: String,
    facts: WorkflowFacts,
    dangers: Vec<Danger>,
}

impl Client {
    /// The doctor. Says whether dispatches of this event type to this repository would work: whether the token is accepted and may dispatch, whether a
    /// workflow of the default branch listens and is active, whether it shows the relay id, whether its concurrency group swallows
    /// versions, and whether values of the payload reach a shell line. Nothing is sent that could start anything.
    ///
    /// # Errors
    /// GitHub could not be asked now. That it refuses is no error, but a finding.
    pub async fn check_setup(
        &self,
        repo: &RepoFullName,
        event_type: &DispatchEventType,
    ) -> Result<SetupReport, Error> {
        let mut report = SetupReport::default();
        let Some(branch) = self.check_repository(repo, &mut report).await? else {
            return Ok(report);
        };
        self.check_runs(repo, &mut report).await?;
        self.check_files(repo, event_type, &branch, &mut report).await?;
        Ok(report)
    }

    /// The default branch; none where nothing else can be asked.
    async fn check_repository(
        &self,
        repo: &RepoFullName,
        report: &mut SetupReport,
    ) -> Result<Option<String>, Error> {
        let read = |answer: &Answer, now| {
            let scopes = answer.headers.get("x-oauth-scopes");
            let scopes = scopes.and_then(|scopes| scopes.to_str().ok()).map(str::to_owned);
            Ok((as_json::<Repository>(answer, now)?, scopes, answer.hidden.clone()))
        };
        let asked = self
            .call(Effect::Read, || self.requests().repository(repo), read)
            .await;
        let (found, scopes, hidden) = match asked {
            Ok(found) => found,
            Err(error) => {
                report.add(Subject::Repository, Verdict::Bad, definite(error)?);
                return Ok(None);
            }
        };
        if !found.full_name.eq_ignore_ascii_case(repo.as_str()) {
            let name = hidden.out_of(&found.full_name);
            let text =
                format!("it is named {name:?} now, and redirects are not followed: change the configuration");
            report.add(Subject::Repository, Verdict::Bad, text);
            return Ok(None);
        }
        if found.archived {
            report.add(
                Subject::Repository,
                Verdict::Bad,
                "it is archived, and runs nothing",
            );
        } else {
            report.add(
                Subject::Repository,
                Verdict::Fine,
                "the token is accepted and sees it",
            );
        }
        let (verdict, text) = may_dispatch(&found, scopes.as_deref());
        report.add(Subject::Dispatch, verdict, text);
        Ok(Some(found.default_branch.unwrap_or_else(|| "main".to_owned())))
    }

    async fn check_runs(&self, repo: &RepoFullName, report: &mut SetupReport) -> Result<(), Error> {
        match self.list_runs(repo, &RunQuery::default(), 1).await {
            Ok(_) => report.add(
                Subject::Runs,
                Verdict::Fine,
                "runs can be listed, so a lost answer can be settled",
            ),
            Err(error) => {
                let why = definite(error)?;
                let text = format!(
                    "runs cannot be listed, so a lost answer stays unknown (Actions: read is needed): {why}"
                );
                report.add(Subject::Runs, Verdict::Warning, text);
            }
        }
        Ok(())
    }

    async fn check_files(
        &self,
        repo: &RepoFullName,
        event_type: &DispatchEventType,
        branch: &str,
        report: &mut SetupReport,
    ) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct File {
            name: String,
        }
        let files: Vec<File> = match self.read(|| self.requests().workflow_files(repo)).await {
            Ok(files) => files,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                let why = definite(error)?;
                let text = format!("the workflow files cannot be read (Contents: read is needed): {why}");
                report.add(Subject::Workflow, Verdict::NotKnown, text);
                return Ok(());
            }
        };
        let is_workflow =
            |name: &str| (name.ends_with(".yml") || name.ends_with(".yaml")) && !name.contains(['/', '\\']);
        let names: Vec<String> = files
            .into_iter()
            .map(|file| file.name)
            .filter(|name| is_workflow(name))
            .collect();
        let mut listening = Vec::new();
        let mut not_read = names.len().saturating_sub(MAX_WORKFLOWS);
        for name in names.iter().take(MAX_WORKFLOWS) {
            let text = match self.workflow_text(repo, name).await {
                // A person who looks is told what else there is, though one file could not be had.
                Err(error) if error.advice() == Advice::Unknown => None,
                text => text?,
            };
            let Some(text) = text else {
                not_read += 1;
                continue;
            };
            let facts = read_workflow(&text, event_type.as_str());
            if facts.listens {
                listening.push(Listening {
                    name: name.clone(),
                    facts,
                    dangers: dangers(&text),
                });
            }
        }
        if listening.is_empty() && not_read == 0 {
            let n = names.len();
            let text = format!(
                "none of the {n} workflow files on {branch} listens to repository_dispatch of type {:?}: GitHub will answer 204, and nothing will run",
                event_type.as_str()
            );
            report.add(Subject::Workflow, Verdict::Bad, text);
        }
        if not_read > 0 {
            let text = format!("{not_read} workflow files could not be read, and may listen as well");
            report.add(Subject::Workflow, Verdict::NotKnown, text);
        }
        for workflow in &listening {
            self.check_workflow(repo, branch, workflow, report).await?;
        }
        Ok(())
    }

    async fn check_workflow(
        &self,
        repo: &RepoFullName,
        branch: &str,
        workflow: &Listening,
        report: &mut SetupReport,
    ) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Known {
            state: String,
        }
        let name = &workflow.name;
        let file = WorkflowFile::parse(name).map_err(|error| Error::invalid(error.to_string()))?;
        match self.read(|| self.requests().workflow(repo, &file)).await {
            Ok(Known { state }) if state == "active" => {
                let text = format!("{name} on {branch} listens, and is active");
                report.add(Subject::Workflow, Verdict::Fine, text);
            }
            Ok(Known { state }) => {
                let state = state.chars().take(40).collect::<String>();
                let text = format!(
                    "{name} listens, and is {state:?}: enable it, since GitHub answers 204 all the same"
                );
                report.add(Subject::Workflow, Verdict::Bad, text);
            }
            Err(error) => {
                let why = definite(error)?;
                let text = format!("{name} on {branch} listens; whether it is active cannot be seen: {why}");
                report.add(Subject::Workflow, Verdict::NotKnown, text);
            }
        }
        let (verdict, text) = if workflow.facts.shows_relay_id {
            (Verdict::Fine, format!("{name} shows it in its run-name"))
        } else {
            let text = "does not show client_payload.relay.id in its run-name, alone on one line: its runs cannot be found, and a lost answer stays unknown";
            (Verdict::Warning, format!("{name} {text}"))
        };
        report.add(Subject::RelayId, verdict, text);
        for danger in &workflow.dangers {
            let (subject, verdict, text) = told(danger);
            report.add(subject, verdict, format!("{name} {text}"));
        }
        let has = |subject: Subject| workflow.dangers.iter().any(|danger| told(danger).0 == subject);
        if !has(Subject::Concurrency) {
            let text = format!("{name} has no group that swallows or cancels deployments");
            report.add(Subject::Concurrency, Verdict::Fine, text);
        }
        if !has(Subject::Injection) {
            let text =
                format!("no value of the payload is pasted into a script of {name}, as far as can be read");
            report.add(Subject::Injection, Verdict::Fine, text);
        }
        Ok(())
    }
}

/// Whether the token may dispatch, as far as it can be seen.
fn may_dispatch(found: &Repository, scopes: Option<&str>) -> (Verdict, String) {
    if found
        .permissions
        .as_ref()
        .is_some_and(|permissions| !permissions.push)
    {
        let text = "the token's owner may not write to the repository, and a dispatch needs that";
        return (Verdict::Bad, text.to_owned());
    }
    // Only classic tokens have scopes.
    if let Some(scopes) = scopes.filter(|scopes| !scopes.trim().is_empty()) {
        let has = |wanted: &str| scopes.split(',').any(|scope| scope.trim() == wanted);
        if has("repo") || (has("public_repo") && found.private == Some(false)) {
            return (Verdict::Fine, "the classic token has the scope for it".to_owned());
        }
        let text = "the classic token lacks the scope repo (public_repo for a public repository)";
        return (Verdict::Bad, text.to_owned());
    }
    let text = "it needs Contents: write (not Actions: write), and only a dispatch can tell whether this token has it";
    (Verdict::NotKnown, text.to_owned())
}

fn told(danger: &Danger) -> (Subject, Verdict, String) {
    match danger {
        Danger::Pasted { line, expression } => {
            let expression: String = expression.chars().take(80).collect();
            let text = format!(
                "pastes {expression:?} into a script in line {line}: whoever chooses the value runs commands; pass it by env and quote the variable"
            );
            (Subject::Injection, Verdict::Bad, text)
        }
        Danger::Swallows { line } => {
            let text = format!(
                "has a concurrency group in line {line} that versions share: of three quick ones the second never runs; set queue: max, or put the relay id into the group"
            );
            (Subject::Concurrency, Verdict::Bad, text)
        }
        Danger::Cancels { line } => {
            let text = format!(
                "has cancel-in-progress in line {line}: a newer dispatch ends a deployment in the middle"
            );
            (Subject::Concurrency, Verdict::Bad, text)
        }
        Danger::NoFallback { line } => {
            let text = format!(
                "has a group of the relay id alone in line {line}: dispatches without one share a group; add || github.run_id"
            );
            (Subject::Concurrency, Verdict::Warning, text)
        }
    }
}

/// The text of an error that is an answer; any other one is none.
fn definite(error: Error) -> Result<String, Error> {
    match error.advice() {
        Advice::Block(_) | Advice::GiveUp => Ok(error.to_string()),
        Advice::Throttled { .. } | Advice::NotSent | Advice::Unknown => Err(error),
    }
}
