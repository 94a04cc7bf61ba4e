//! **Here**: [`TargetCheck`]: whether a repository can be dispatched to, and whether its workflows show the relay id.
//! **Not here**: what a file says (`workflow_file`), the doctor, who asks more (`setup`).
//! **Reads**: `client`, `workflow_file`.
//! **Source**: <https://docs.github.com/rest/repos/repos#get-a-repository> and <https://docs.github.com/rest/repos/contents>, read
//! 2026-11-22. GitHub answers 204 to a dispatch that no workflow listens to.

use serde::Deserialize;

use crate::client::{Client, as_json};
use crate::error::{Advice, BlockScope, Error, ErrorKind};
use crate::repo::RepoFullName;
use crate::repository_dispatch::DispatchEventType;
use crate::retry::Effect;
use crate::send::Answer;
use crate::workflow_dispatch::{GitRef, WorkflowFile};
use crate::workflow_file::{read_dispatched_workflow, read_workflow};

/// Workflow files that a check reads at most.
const MAX_WORKFLOWS: usize = 50;

/// What a check of a target found.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TargetCheck {
    /// `full_name` as GitHub spells it.
    pub full_name: String,
    /// The branch whose workflow files count.
    pub default_branch: Option<String>,
    /// Whether the repository is archived.
    pub archived: bool,
    /// Whether a workflow of the default branch listens to the event type, or the named one at its ref to a workflow dispatch; none when
    /// the files could not be read.
    pub listens: Option<bool>,
    /// Whether every workflow that listens shows the relay id in its `run-name`, and there is one; none when a file that may listen could
    /// not be read, and no other gave the answer.
    pub shows_relay_id: Option<bool>,
}

impl Client {
    /// Checks whether a repository can be dispatched to, and whether its workflows show the relay id.
    ///
    /// # Errors
    /// A definite no has the advice `Block`: not accepted, not visible, moved elsewhere. Anything else is no answer.
    pub async fn check_target(
        &self,
        repo: &RepoFullName,
        event_type: &DispatchEventType,
    ) -> Result<TargetCheck, Error> {
        let mut found = self.visible_repository(repo).await?;
        (found.listens, found.shows_relay_id) = self.check_workflows(repo, event_type).await?;
        Ok(found)
    }

    /// Checks whether a workflow can be dispatched at a ref, and whether its runs show the input `relay_id`. What it says at the ref
    /// counts; that GitHub wants it on the default branch as well is not looked at.
    ///
    /// # Errors
    /// As [`check_target`](Self::check_target).
    pub async fn check_workflow_target(
        &self,
        repo: &RepoFullName,
        workflow: &WorkflowFile,
        git_ref: &GitRef,
    ) -> Result<TargetCheck, Error> {
        #[derive(Deserialize)]
        struct Workflow {
            path: String,
        }
        let mut found = self.visible_repository(repo).await?;
        let name = if workflow.is_id() {
            match self
                .read::<Workflow>(|| self.requests().workflow(repo, workflow))
                .await
            {
                Ok(Workflow { path }) => WorkflowFile::parse(&path).ok(),
                Err(error) => return unreadable(error, found),
            }
        } else {
            Some(workflow.clone())
        };
        // A path that is none, such as a dynamic workflow of GitHub's own, is no file that could be read.
        let Some(name) = name else { return Ok(found) };
        let read = |answer: &Answer, now| {
            if answer.status.is_success() {
                return Ok(String::from_utf8_lossy(&answer.body).into_owned());
            }
            as_json(answer, now)
        };
        let make = || self.requests().workflow_file_at(repo, name.as_str(), git_ref);
        match self.call(Effect::Read, make, read).await {
            Ok(text) => {
                let facts = read_dispatched_workflow(&text);
                found.listens = Some(facts.listens);
                found.shows_relay_id = Some(facts.listens && facts.shows_relay_id);
                Ok(found)
            }
            Err(error) => unreadable(error, found),
        }
    }

    async fn visible_repository(&self, repo: &RepoFullName) -> Result<TargetCheck, Error> {
        #[derive(Deserialize)]
        struct Repository {
            full_name: String,
            #[serde(default)]
            default_branch: Option<String>,
            #[serde(default)]
            archived: bool,
        }
        let read = |answer: &Answer, now| Ok((as_json::<Repository>(answer, now)?, answer.hidden.clone()));
        let (found, hidden) = self
            .call(Effect::Read, || self.requests().repository(repo), read)
            .await?;
        if !found.full_name.eq_ignore_ascii_case(repo.as_str()) {
            let name = hidden.out_of(&found.full_name);
            let text = format!("it is named {name:?} now; change the configuration");
            return Err(Error::new(
                ErrorKind::Redirected,
                Advice::Block(BlockScope::Target),
                text,
            ));
        }
        Ok(TargetCheck {
            full_name: found.full_name,
            default_branch: found.default_branch,
            archived: found.archived,
            listens: None,
            shows_relay_id: None,
        })
    }

    async fn check_workflows(
        &self,
        repo: &RepoFullName,
        event_type: &DispatchEventType,
    ) -> Result<(Option<bool>, Option<bool>), Error> {
        #[derive(Deserialize)]
        struct File {
            name: String,
        }
        let files: Vec<File> = match self.read(|| self.requests().workflow_files(repo)).await {
            Ok(files) => files,
            // The repository was visible a moment ago: there is no such folder, or the token may not read contents.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Some(false), Some(false))),
            Err(error) if error.status() == Some(403) && error.kind() == ErrorKind::Auth => {
                return Ok((None, None));
            }
            Err(error) => return Err(error),
        };
        let is_workflow = |name: &str| name.ends_with(".yml") || name.ends_with(".yaml");
        let workflows: Vec<&File> = files.iter().filter(|file| is_workflow(&file.name)).collect();
        let (mut listening, mut showing) = (0_usize, 0_usize);
        let mut all_read = workflows.len() <= MAX_WORKFLOWS;
        for file in workflows.into_iter().take(MAX_WORKFLOWS) {
            let Some(text) = self.workflow_text(repo, &file.name).await? else {
                all_read = false;
                continue;
            };
            let facts = read_workflow(&text, event_type.as_str());
            listening += usize::from(facts.listens);
            showing += usize::from(facts.listens && facts.shows_relay_id);
        }
        let listens = if listening > 0 {
            Some(true)
        } else {
            all_read.then_some(false)
        };
        // One that was not read may listen as well, and not show it.
        let all_show = showing == listening;
        let is_known = all_read || !all_show;
        Ok((listens, is_known.then_some(all_show && listening > 0)))
    }

    /// The text of a workflow file of the default branch; none where it is not there, or may not be read. A failure or a limit is no
    /// answer: whoever went on would know less than there is, and ask more than is allowed.
    pub(crate) async fn workflow_text(
        &self,
        repo: &RepoFullName,
        name: &str,
    ) -> Result<Option<String>, Error> {
        let make = || self.requests().workflow_file(repo, name);
        let read = |answer: &Answer, now| {
            if answer.status.is_success() {
                return Ok(String::from_utf8_lossy(&answer.body).into_owned());
            }
            as_json(answer, now)
        };
        match self.call(Effect::Read, make, read).await {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if error.status() == Some(403) && error.kind() == ErrorKind::Auth => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What is known of a workflow that was not to be had in a repository that was visible a moment ago: it is not there, or may not be read.
fn unreadable(error: Error, found: TargetCheck) -> Result<TargetCheck, Error> {
    let listens = match error.kind() {
        ErrorKind::NotFound => Some(false),
        ErrorKind::Auth if error.status() == Some(403) => None,
        _ => return Err(error),
    };
    Ok(TargetCheck {
        listens,
        shows_relay_id: listens,
        ..found
    })
}
