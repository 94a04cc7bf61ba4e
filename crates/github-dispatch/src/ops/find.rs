//! **Here**: finding the runs of a dispatch, by the id they show; and dispatch, find and wait in one call.
//! **Not here**: which id a title shows (`runs`), following a run (`watch`).
//! **Reads**: `client`, `dispatches`, `runs`; `watch` after it.
//! **Source**: facts of 2026-11-23 on lost answers: a dispatch whose answer was lost is looked for, never blindly sent again.

use std::time::{Duration, SystemTime};

use super::runs::PER_PAGE;
use crate::client::Client;
use crate::error::{Advice, Error, ErrorKind};
use crate::repo::RepoFullName;
use crate::repository_dispatch::RepositoryDispatch;
use crate::request::RunQuery;
use crate::response::{Accepted, StartedRun};
use crate::runs::{Probe, ProbeWindow, Run, shows_id};
use crate::workflow_dispatch::{WorkflowDispatch, WorkflowFile};

/// Pages that a look for a run reads at most: GitHub shows 1,000 runs of a search.
const MAX_PAGES: u32 = 10;
/// A run may seem to be older than its dispatch: clocks differ.
const CLOCK_MARGIN: Duration = Duration::from_secs(60);

/// What is to be started.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Dispatch<'a> {
    /// A repository dispatch, found by `relay.id` of its payload.
    Repository(&'a RepositoryDispatch),
    /// A workflow dispatch, found by the run that GitHub names, or else by its input `relay_id`.
    Workflow(&'a WorkflowFile, &'a WorkflowDispatch),
}

impl<'a> From<&'a RepositoryDispatch> for Dispatch<'a> {
    fn from(dispatch: &'a RepositoryDispatch) -> Self {
        Self::Repository(dispatch)
    }
}

impl<'a> From<(&'a WorkflowFile, &'a WorkflowDispatch)> for Dispatch<'a> {
    fn from((workflow, dispatch): (&'a WorkflowFile, &'a WorkflowDispatch)) -> Self {
        Self::Workflow(workflow, dispatch)
    }
}

impl Dispatch<'_> {
    fn relay_id(&self) -> Option<&str> {
        match self {
            Self::Repository(dispatch) => dispatch.relay_id(),
            Self::Workflow(_, dispatch) => dispatch.relay_id(),
        }
    }

    const fn event(&self) -> &'static str {
        match self {
            Self::Repository(_) => "repository_dispatch",
            Self::Workflow(..) => "workflow_dispatch",
        }
    }
}

/// What to do when the answer was lost, and no run was seen until the window passed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide for one")]
pub enum IfHidden {
    /// Nothing: the error says that nobody knows.
    #[default]
    Report,
    /// Send it a second time, with the same id, and never a third time. If GitHub hid the run of the first one, two will run: so only
    /// where the workflow ends copies of an id, as [`DeployWorkflow`](crate::deploy_workflow::DeployWorkflow) does.
    ResendOnce,
}

/// How [`Client::dispatch_and_find`] looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FindOptions {
    /// How long a run is looked for after each request; 10 minutes by default.
    pub window: Duration,
    /// What follows a lost answer of which no run was seen.
    pub if_hidden: IfHidden,
}

impl Default for FindOptions {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(600),
            if_hidden: IfHidden::Report,
        }
    }
}

impl FindOptions {
    /// Another window.
    #[must_use]
    pub const fn with_window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Another answer to a hidden run.
    #[must_use]
    pub const fn with_if_hidden(mut self, if_hidden: IfHidden) -> Self {
        self.if_hidden = if_hidden;
        self
    }
}

/// A dispatch that GitHub has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Found {
    /// What GitHub answered; none where the answer was lost and the run was found all the same.
    pub accepted: Option<Accepted>,
    /// Whether the request was made a second time after its answer had been lost: then there may be two runs.
    pub resent: bool,
    /// The runs that show the id, oldest first; empty where none was seen until the window passed. Several are copies, or several
    /// workflows that listen.
    pub runs: Vec<Run>,
}

/// A run that is looked for.
#[derive(Clone, Copy)]
struct LookedFor<'a> {
    relay_id: &'a str,
    event: &'static str,
    /// By our clock, the margin taken off.
    since: SystemTime,
}

impl<'a> LookedFor<'a> {
    fn new(relay_id: &'a str, event: &'static str, sent_at: SystemTime) -> Self {
        Self {
            relay_id,
            event,
            since: sent_at.checked_sub(CLOCK_MARGIN).unwrap_or(sent_at),
        }
    }
}

/// What one request came to.
enum Sent {
    Accepted(Accepted, Option<StartedRun>),
    /// Nobody knows.
    Lost(Error),
}

impl Client {
    /// Looks once for the runs that show this id, among those that this event started since a moment of our clock. Oldest first.
    /// Needs *Actions: read*.
    ///
    /// # Errors
    /// A page could not be had, or there are more runs than GitHub lists: nothing is known then, in particular not that there is no run.
    pub async fn find_runs(
        &self,
        repo: &RepoFullName,
        relay_id: &str,
        event: &str,
        since: SystemTime,
    ) -> Result<Vec<Run>, Error> {
        let query = RunQuery {
            event: Some(event),
            created_since: Some(self.clock().theirs(since)),
        };
        let mut seen: Vec<Run> = Vec::new();
        for page in 1..=MAX_PAGES {
            let runs = self.list_runs(repo, &query, page).await?.workflow_runs;
            let is_last = runs.len() < PER_PAGE;
            for run in runs.into_iter().filter(|run| shows_id(run, relay_id)) {
                // Pages move while they are read, so that a run may come twice.
                if !seen.iter().any(|known| known.id == run.id) {
                    seen.push(run);
                }
            }
            if is_last || !seen.is_empty() {
                seen.sort_by_key(|run| run.id);
                return Ok(seen);
            }
        }
        let text = "there are more runs than github lists, so not all were seen";
        Err(Error::new(ErrorKind::Late, Advice::Unknown, text))
    }

    /// Looks once for the run of a repository dispatch, and says what that means: started, not seen yet, or window passed. Needs
    /// *Actions: read*.
    ///
    /// # Errors
    /// As [`find_runs`](Self::find_runs).
    pub async fn probe(
        &self,
        repo: &RepoFullName,
        relay_id: &str,
        window: ProbeWindow,
    ) -> Result<Probe, Error> {
        let looked_for = LookedFor::new(relay_id, "repository_dispatch", window.sent_at);
        self.look(repo, looked_for, window).await
    }

    /// Sends a dispatch, and looks for its run until one is seen or the window passes. An answer that was lost is looked for the same
    /// way.
    ///
    /// # Errors
    /// The dispatch was not accepted; or its answer was lost, and no run was seen (`Unknown`): look again later, and do not send it
    /// blindly. Without an id to find the run by (`relay.id` of the payload, the input `relay_id`) nothing is sent.
    ///
    /// # Cancel safety
    /// Not cancel safe: a dropped future leaves it open whether the dispatch was accepted. A `probe` with the same id can tell.
    pub async fn dispatch_and_find<'a>(
        &self,
        repo: &RepoFullName,
        dispatch: impl Into<Dispatch<'a>> + Send,
        options: FindOptions,
    ) -> Result<Found, Error> {
        let dispatch = dispatch.into();
        let Some(relay_id) = dispatch.relay_id() else {
            let text = "the dispatch holds no id that its run could be found by";
            return Err(Error::invalid(text));
        };
        // Also after a second request: the run of the first one may only have been hidden.
        let looked_for = LookedFor::new(relay_id, dispatch.event(), self.clock().now());
        let mut found = Found::default();
        loop {
            let window = ProbeWindow::since(self.clock().now()).with_length(options.window);
            let lost = match self.start(repo, dispatch).await? {
                Sent::Accepted(accepted, Some(run)) => {
                    found.accepted = Some(accepted);
                    // GitHub named it, so it is there, whether it can be read just now or not.
                    let read = self.run(repo, run.id).await;
                    found.runs = vec![read.unwrap_or_else(|_| Run::named(run.id, run.html_url))];
                    return Ok(found);
                }
                Sent::Accepted(accepted, None) => {
                    found.accepted = Some(accepted);
                    None
                }
                Sent::Lost(error) => Some(error),
            };
            // Whatever hinders the look, the dispatch is at GitHub, or may be: no error from here on may read as if it were not.
            let looked = self.look_on(repo, looked_for, window).await;
            found.runs = looked.map_err(|error| sent_already(error, "looked for"))?;
            match lost {
                Some(lost) if found.runs.is_empty() => {
                    if found.resent || options.if_hidden == IfHidden::Report {
                        return Err(lost);
                    }
                    found.resent = true;
                }
                _ => return Ok(found),
            }
        }
    }

    /// As [`dispatch_and_find`](Self::dispatch_and_find), and follows every run to its end. `patience` is how long that may take.
    ///
    /// # Errors
    /// As there; no run was seen in time (`Late`); or a run had not ended in time (`Late`), and goes on.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn dispatch_and_wait<'a>(
        &self,
        repo: &RepoFullName,
        dispatch: impl Into<Dispatch<'a>> + Send,
        options: FindOptions,
        patience: Duration,
    ) -> Result<Found, Error> {
        let mut found = self.dispatch_and_find(repo, dispatch, options).await?;
        if found.runs.is_empty() {
            let text = "github accepted the dispatch, and no run of it was seen: does a workflow of the default branch listen?";
            return Err(Error::new(ErrorKind::Late, Advice::Unknown, text));
        }
        for run in &mut found.runs {
            let ended = self.watch(repo, run.id).with_patience(patience).ended().await;
            *run = ended.map_err(|error| match error.kind() {
                ErrorKind::Late => error,
                _ => sent_already(error, "followed"),
            })?;
        }
        Ok(found)
    }

    async fn start(&self, repo: &RepoFullName, dispatch: Dispatch<'_>) -> Result<Sent, Error> {
        let sent = match dispatch {
            Dispatch::Repository(dispatch) => self
                .dispatch(repo, dispatch)
                .await
                .map(|accepted| Sent::Accepted(accepted, None)),
            Dispatch::Workflow(workflow, dispatch) => self
                .dispatch_workflow(repo, workflow, dispatch)
                .await
                .map(|told| Sent::Accepted(told.accepted, told.run)),
        };
        match sent {
            Err(error) if error.advice() == Advice::Unknown => Ok(Sent::Lost(error)),
            sent => sent,
        }
    }

    /// Looks until a run is seen or the window passes. A look that fails is none: the next one may not.
    async fn look_on(
        &self,
        repo: &RepoFullName,
        looked_for: LookedFor<'_>,
        window: ProbeWindow,
    ) -> Result<Vec<Run>, Error> {
        let mut wait = window.next_look(self.clock().now()).unwrap_or_default();
        loop {
            self.clock().sleep(wait).await;
            let looked = self.look(repo, looked_for, window).await;
            let left = window.next_look(self.clock().now());
            wait = match looked {
                Ok(Probe::Started(runs)) => return Ok(runs),
                Ok(Probe::NotSeenYet { look_again_in }) => look_again_in,
                Ok(Probe::WindowPassed) => return Ok(Vec::new()),
                Err(error) => match (error.advice(), left) {
                    (Advice::Unknown | Advice::NotSent, Some(wait)) => wait,
                    // Not to look before GitHub allows it, and still to look one last time.
                    (Advice::Throttled { until }, Some(wait)) => {
                        let closed = until.duration_since(self.clock().now()).unwrap_or_default();
                        wait.max(closed)
                    }
                    _ => return Err(error),
                },
            };
        }
    }

    async fn look(
        &self,
        repo: &RepoFullName,
        looked_for: LookedFor<'_>,
        window: ProbeWindow,
    ) -> Result<Probe, Error> {
        let LookedFor {
            relay_id,
            event,
            since,
        } = looked_for;
        let runs = self.find_runs(repo, relay_id, event, since).await?;
        if !runs.is_empty() {
            return Ok(Probe::Started(runs));
        }
        Ok(match window.next_look(self.clock().now()) {
            Some(look_again_in) => Probe::NotSeenYet { look_again_in },
            None => Probe::WindowPassed,
        })
    }
}

/// An error after the dispatch was sent: what is not known is the run.
fn sent_already(error: Error, what: &str) -> Error {
    let text = format!("the dispatch was sent, and its run cannot be {what}");
    Error::new(error.kind(), Advice::Unknown, text).with_source(error)
}
