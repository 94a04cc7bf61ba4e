//! **Here**: [`Client`] and its builder: one method a call, one attempt a call.
//! **Not here**: bytes (`request`, `response`), sockets (`send`).
//! **Reads**: everything before it.
//! **Source**: facts of 2026-11-22: a fresh connection for each dispatch, a connect timeout below the whole, no redirects.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use crate::auth::TokenSource;
use crate::clock::{Clock, SystemClock};
use crate::error::{Advice, BlockScope, Error, ErrorKind};
use crate::repo::RepoFullName;
use crate::repository_dispatch::{DispatchEventType, RepositoryDispatch};
use crate::request::{ApiRoot, DEFAULT_API_VERSION, Draft, Drafts, GITHUB_COM, InvalidRequest, RunQuery};
use crate::response::{Accepted, Hidden, WorkflowAccepted, dispatched, json, workflow_dispatched};
use crate::runs::{Probe, Run, RunPage, shows_id};
use crate::send::{Answer, send};
use crate::tls::{Connections, http_client};
use crate::workflow_dispatch::{WorkflowDispatch, WorkflowFile};
use crate::workflow_file::read_workflow;

/// Pages that a look for a run reads at most: GitHub shows 1,000 runs of a search.
const MAX_PAGES: u32 = 10;
/// Runs to a page.
const PER_PAGE: usize = 100;
/// Workflow files that a check reads at most.
const MAX_WORKFLOWS: usize = 50;

/// A client of GitHub's REST API for dispatches and their runs. Cheap to clone; all clones share connections.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    requests: Drafts,
    token: Arc<dyn TokenSource>,
    dispatching: reqwest::Client,
    reading: reqwest::Client,
    clock: Arc<dyn Clock>,
    timeout: Duration,
}

/// Settings of a [`Client`].
#[derive(Debug)]
pub struct ClientBuilder {
    token: Arc<dyn TokenSource>,
    api_root: String,
    api_version: String,
    user_agent: String,
    connect_timeout: Duration,
    timeout: Duration,
    http: Option<reqwest::Client>,
    clock: Arc<dyn Clock>,
}

impl ClientBuilder {
    /// The API root; `https://api.github.com` by default. Plain http is taken for loopback only.
    #[must_use]
    pub fn api_root(mut self, root: impl Into<String>) -> Self {
        self.api_root = root.into();
        self
    }

    /// `X-GitHub-Api-Version`; `2022-11-28` by default.
    #[must_use]
    pub fn api_version(mut self, version: impl Into<String>) -> Self {
        self.api_version = version.into();
        self
    }

    /// `User-Agent`.
    #[must_use]
    pub fn user_agent(mut self, agent: impl Into<String>) -> Self {
        self.user_agent = agent.into();
        self
    }

    /// How long a connection, TLS included, may take to come about; 5 s by default. Must be below the whole timeout: else
    /// a request that was surely not sent could not be told from one that was.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a whole attempt may take; 15 s by default. GitHub itself gives up after 10 s.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// An HTTP client of your own, for a custom certificate or proxy. It must neither follow redirects nor repeat requests,
    /// and needs a connect timeout below [`timeout`](Self::timeout), since [`connect_timeout`](Self::connect_timeout)
    /// cannot be set on it any more.
    #[must_use]
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// The clock that moments of rate limits are told by.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The client. Offline: nothing is contacted.
    ///
    /// # Errors
    /// A setting cannot be right; the text says which.
    pub fn build(self) -> Result<Client, Error> {
        let root = ApiRoot::parse(&self.api_root).map_err(|error| Error::invalid(error.to_string()))?;
        if self.connect_timeout.is_zero() || self.connect_timeout >= self.timeout {
            return Err(Error::invalid(
                "the connect timeout must be above zero and below the timeout of the whole attempt",
            ));
        }
        let is_https = root.is_https();
        let make = |connections| match &self.http {
            Some(client) => Ok(client.clone()),
            None => http_client(is_https, connections, self.connect_timeout, self.timeout),
        };
        let (dispatching, reading) = (make(Connections::Fresh)?, make(Connections::Kept)?);
        let requests = Drafts::new(root, self.api_version, self.user_agent);
        Ok(Client {
            inner: Arc::new(Inner {
                requests,
                token: self.token,
                dispatching,
                reading,
                clock: self.clock,
                timeout: self.timeout,
            }),
        })
    }
}

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
    /// Whether a workflow of the default branch listens to the event type; none when the files could not be read.
    pub listens: Option<bool>,
    /// Whether every workflow that listens shows the relay id in its `run-name`, and there is one.
    pub shows_relay_id: bool,
}

impl Client {
    /// A client with this source of tokens.
    #[must_use]
    pub fn builder(token: impl TokenSource + 'static) -> ClientBuilder {
        ClientBuilder {
            token: Arc::new(token),
            api_root: GITHUB_COM.to_owned(),
            api_version: DEFAULT_API_VERSION.to_owned(),
            user_agent: concat!("github-dispatch/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            http: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Whose token it sends.
    #[must_use]
    pub fn principal(&self) -> &str {
        self.inner.token.principal()
    }

    /// The longest time after which one attempt can still reach GitHub: twice the timeout. A token that was not accepted
    /// is replaced, and the request, which was not executed, sent with the new one; a token source that takes longer than
    /// the timeout ends the attempt unsent.
    #[must_use]
    pub fn longest_attempt(&self) -> Duration {
        self.inner.timeout.saturating_mul(2)
    }

    /// Sends a repository dispatch: one attempt, never repeated.
    ///
    /// # Errors
    /// It was not accepted, or nobody knows: [`Error::advice`] says what to do.
    ///
    /// # Cancel safety
    /// Not cancel safe: a dropped future leaves it open whether the dispatch was accepted.
    pub async fn dispatch(
        &self,
        repo: &RepoFullName,
        dispatch: &RepositoryDispatch,
    ) -> Result<Accepted, Error> {
        let inner = &self.inner;
        let make = || inner.requests.repository_dispatch(repo, dispatch);
        let answer = self.exchange(&inner.dispatching, make).await?;
        let now = inner.clock.now();
        dispatched(answer.status, &answer.headers, &answer.body, now, &answer.hidden)
    }

    /// Starts one workflow at a ref: one attempt, never repeated.
    ///
    /// # Errors
    /// As [`dispatch`](Self::dispatch). 404 means that there is no such workflow as well; 422 that it has no `workflow_dispatch` at this
    /// ref, or not these inputs.
    ///
    /// # Cancel safety
    /// Not cancel safe: a dropped future leaves it open whether the dispatch was accepted.
    pub async fn dispatch_workflow(
        &self,
        repo: &RepoFullName,
        workflow: &WorkflowFile,
        dispatch: &WorkflowDispatch,
    ) -> Result<WorkflowAccepted, Error> {
        let inner = &self.inner;
        let make = || inner.requests.workflow_dispatch(repo, workflow, dispatch);
        let answer = self.exchange(&inner.dispatching, make).await?;
        let now = inner.clock.now();
        workflow_dispatched(answer.status, &answer.headers, &answer.body, now, &answer.hidden)
    }

    /// Lists a page of runs, 100 to the page; pages count from 1. Needs *Actions: read*.
    ///
    /// # Errors
    /// The page could not be had.
    pub async fn list_runs(
        &self,
        repo: &RepoFullName,
        query: &RunQuery<'_>,
        page: u32,
    ) -> Result<RunPage, Error> {
        self.read(|| self.inner.requests.runs(repo, query, page)).await
    }

    /// Looks once for runs that show this id, among those that a repository dispatch started since that moment.
    ///
    /// # Errors
    /// A page could not be had: nothing is known then, in particular not that there is no run.
    pub async fn probe(
        &self,
        repo: &RepoFullName,
        relay_id: &str,
        since: SystemTime,
    ) -> Result<Probe, Error> {
        let query = RunQuery::of_dispatches(since);
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
            if !seen.is_empty() {
                return Ok(Probe::Seen(seen));
            }
            if is_last {
                return Ok(Probe::NotSeen { complete: true });
            }
        }
        Ok(Probe::NotSeen { complete: false })
    }

    /// Asks how a run is doing. Needs *Actions: read*.
    ///
    /// # Errors
    /// The answer could not be had.
    pub async fn run(&self, repo: &RepoFullName, id: u64) -> Result<Run, Error> {
        self.read(|| self.inner.requests.run(repo, id)).await
    }

    /// Checks whether a repository can be dispatched to, and whether its workflows show the relay id.
    ///
    /// # Errors
    /// A definite no has the advice `Block`: not accepted, not visible, moved elsewhere. Anything else is no answer.
    pub async fn check_target(
        &self,
        repo: &RepoFullName,
        event_type: &DispatchEventType,
    ) -> Result<TargetCheck, Error> {
        #[derive(Deserialize)]
        struct Repository {
            full_name: String,
            #[serde(default)]
            default_branch: Option<String>,
            #[serde(default)]
            archived: bool,
        }
        let (found, hidden): (Repository, Hidden) =
            self.read_hiding(|| self.inner.requests.repository(repo)).await?;
        if !found.full_name.eq_ignore_ascii_case(repo.as_str()) {
            let name = hidden.out_of(&found.full_name);
            let text = format!("it is named {name:?} now; change the configuration");
            return Err(Error::new(
                ErrorKind::Redirected,
                Advice::Block(BlockScope::Target),
                text,
            ));
        }
        let (listens, shows_relay_id) = self.check_workflows(repo, event_type).await?;
        Ok(TargetCheck {
            full_name: found.full_name,
            default_branch: found.default_branch,
            archived: found.archived,
            listens,
            shows_relay_id,
        })
    }

    async fn check_workflows(
        &self,
        repo: &RepoFullName,
        event_type: &DispatchEventType,
    ) -> Result<(Option<bool>, bool), Error> {
        #[derive(Deserialize)]
        struct File {
            name: String,
        }
        let files: Vec<File> = match self.read(|| self.inner.requests.workflow_files(repo)).await {
            Ok(files) => files,
            // The repository was visible a moment ago: there is no such folder, or the token may not read contents.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Some(false), false)),
            Err(error) if error.status() == Some(403) && error.kind() == ErrorKind::Auth => {
                return Ok((None, false));
            }
            Err(error) => return Err(error),
        };
        let is_workflow = |name: &str| name.ends_with(".yml") || name.ends_with(".yaml");
        let workflows: Vec<&File> = files.iter().filter(|file| is_workflow(&file.name)).collect();
        let (mut listening, mut showing) = (0_usize, 0_usize);
        let mut all_read = workflows.len() <= MAX_WORKFLOWS;
        for file in workflows.into_iter().take(MAX_WORKFLOWS) {
            let answer = self
                .exchange(&self.inner.reading, || {
                    self.inner.requests.workflow_file(repo, &file.name)
                })
                .await?;
            if !answer.status.is_success() {
                all_read = false;
                continue;
            }
            let facts = read_workflow(&String::from_utf8_lossy(&answer.body), event_type.as_str());
            listening += usize::from(facts.listens);
            showing += usize::from(facts.listens && facts.shows_relay_id);
        }
        let listens = if listening > 0 {
            Some(true)
        } else {
            all_read.then_some(false)
        };
        // One that was not read may listen as well, and not show it.
        Ok((listens, all_read && listening > 0 && showing == listening))
    }

    async fn read<T: serde::de::DeserializeOwned>(
        &self,
        make: impl Fn() -> Result<Draft, InvalidRequest> + Send + Sync,
    ) -> Result<T, Error> {
        self.read_hiding(make).await.map(|(found, _)| found)
    }

    /// With what a text that shows something of it must hide.
    async fn read_hiding<T: serde::de::DeserializeOwned>(
        &self,
        make: impl Fn() -> Result<Draft, InvalidRequest> + Send + Sync,
    ) -> Result<(T, Hidden), Error> {
        let answer = self.exchange(&self.inner.reading, make).await?;
        let now = self.inner.clock.now();
        let found = json(answer.status, &answer.headers, &answer.body, now, &answer.hidden)?;
        Ok((found, answer.hidden))
    }

    /// One request and its answer; two only if the token was not accepted and there is another, since a 401 was not executed.
    async fn exchange(
        &self,
        client: &reqwest::Client,
        make: impl Fn() -> Result<Draft, InvalidRequest> + Send + Sync,
    ) -> Result<Answer, Error> {
        // Whoever gave us time gave us twice the timeout: a request that begins later could outlast it.
        let latest_start = self.inner.clock.now().checked_add(self.inner.timeout);
        let answer = self.attempt(client, latest_start, &make).await?;
        if answer.status == http::StatusCode::UNAUTHORIZED
            && self.inner.token.refresh().await.unwrap_or(false)
        {
            return self.attempt(client, latest_start, &make).await;
        }
        Ok(answer)
    }

    async fn attempt(
        &self,
        client: &reqwest::Client,
        latest_start: Option<SystemTime>,
        make: impl Fn() -> Result<Draft, InvalidRequest> + Send + Sync,
    ) -> Result<Answer, Error> {
        let request =
            make().map_err(|error| Error::invalid("the request cannot be made").with_source(error))?;
        // Without a token nothing was sent.
        let token = self.inner.token.token().await.map_err(|error| {
            Error::new(ErrorKind::Auth, Advice::NotSent, "no token could be had").with_source(error)
        })?;
        if latest_start.is_some_and(|latest| self.inner.clock.now() > latest) {
            let text = "the token came too late for the request to end in time";
            return Err(Error::new(ErrorKind::Auth, Advice::NotSent, text));
        }
        let origin = self.inner.requests.root().origin();
        send(client, &origin, token, self.inner.timeout, request).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("requests", &self.inner.requests)
            .field("token", &self.inner.token)
            .finish_non_exhaustive()
    }
}
