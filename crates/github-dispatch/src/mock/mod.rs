//! **Here**: [`MockGitHub`], a stateful GitHub on loopback for your own tests: dispatches make runs, limits bite, answers get lost.
//! **Not here**: a client (`client`).
//! **Reads**: requests; keeps what it saw.
//! **Source**: GitHub's OpenAPI description and observed error bodies, read 2026-11-22.
//!
//! It refuses what GitHub refuses, and it records the effect of a request apart from its answer: that is what a test of "nothing
//! goes out twice" has to count.

mod answers;
#[cfg(feature = "app")]
mod apps;
mod limits;
#[cfg(feature = "provision")]
mod provision;
mod runs;
mod shapes;
mod state;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer};

use self::answers::{Answering, Dropping, drop_connection};
pub use self::limits::MockLimits;
pub use self::runs::{RunsShow, Stage};
use self::state::State;
use crate::clock::{Clock, SystemClock};

/// A GitHub on loopback. Stops when it is dropped.
#[derive(Debug)]
pub struct MockGitHub {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

/// What the next dispatch is answered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Scripted {
    /// As GitHub would: checked, accepted, 204.
    Accept,
    /// This status, and no effect.
    Refuse {
        /// The status.
        status: u16,
        /// Headers, such as `("retry-after", "7")`.
        headers: Vec<(String, String)>,
        /// GitHub's `message`.
        message: String,
    },
    /// The effect happens, and the answer is this status all the same: what a 502 may hide.
    AcceptThen {
        /// The status.
        status: u16,
    },
    /// The effect happens, and the connection is closed without an answer.
    AcceptThenDrop,
    /// No effect, and the connection is closed without an answer.
    DropBefore,
    /// No answer for that long; then 204.
    Hang {
        /// How long.
        wait: Duration,
        /// Whether the effect happens.
        effect: bool,
    },
}

impl Scripted {
    /// This status without headers, and no effect.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Refuse {
            status,
            headers: Vec::new(),
            message: "scripted".to_owned(),
        }
    }
}

/// A dispatch that came in.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Received {
    /// `owner/name` of the path.
    pub repository: String,
    /// `event_type`; empty for a workflow dispatch.
    pub event_type: String,
    /// `client_payload`, or the inputs of a workflow dispatch.
    pub client_payload: Map<String, Value>,
    /// `client_payload.relay.id`, or the input `relay_id`.
    pub relay_id: Option<String>,
    /// The file of a workflow dispatch: `deploy.yml`, the only one there is.
    pub workflow: Option<String>,
    /// The ref of a workflow dispatch: `main`, the only branch there is.
    pub git_ref: Option<String>,
    /// Whether it had an effect: a run was started, whatever was answered.
    pub effect: bool,
}

impl MockGitHub {
    /// Starts one on a free port of loopback, with one repository whose workflow shows the relay id.
    pub async fn start(repository: &str) -> Self {
        Self::start_with_clock(repository, SystemClock).await
    }

    /// The same, living by a clock of your own: runs appear and progress by it, and limits count by it.
    pub async fn start_with_clock(repository: &str, clock: impl Clock + 'static) -> Self {
        let server = MockServer::start().await;
        let state = Arc::new(Mutex::new(State::new(Arc::new(clock), server.uri())));
        let github = Self { server, state };
        github.add_repository(repository, true);
        let state = Arc::clone(&github.state);
        Mock::given(Dropping::new(Arc::clone(&github.state)))
            .respond_with_err(move |request: &wiremock::Request| drop_connection(&state, request))
            .with_priority(1)
            .mount(&github.server)
            .await;
        Mock::given(any())
            .respond_with(Answering::new(Arc::clone(&github.state)))
            .with_priority(9)
            .mount(&github.server)
            .await;
        github
    }

    /// Its API root: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn uri(&self) -> String {
        self.server.uri()
    }

    /// Adds a repository, or replaces it; its workflow shows the relay id in `run-name`, or does not.
    pub fn add_repository(&self, repository: &str, shows_relay_id: bool) {
        self.state().add_repository(repository, shows_relay_id);
    }

    /// Removes a repository: from now on it is answered 404.
    pub fn remove_repository(&self, repository: &str) {
        self.state().remove_repository(repository);
    }

    /// Only this token is accepted from now on; before, any is.
    pub fn require_token(&self, token: &str) {
        self.state().required_token = Some(token.to_owned());
    }

    /// Adds a GitHub App, installed everywhere, by its client id or app id. With a public key (`BEGIN RSA PUBLIC KEY`, as
    /// `openssl rsa -RSAPublicKey_out` writes it) its signatures count; without one any does. Its permissions are such as
    /// `("contents", "write")`.
    #[cfg(feature = "app")]
    pub fn add_app(&self, issuer: &str, public_key_pem: Option<&str>, permissions: &[(&str, &str)]) {
        self.state().apps.add(issuer, public_key_pem, permissions);
    }

    /// How many installation tokens were given out.
    #[cfg(feature = "app")]
    #[must_use]
    pub fn n_app_tokens(&self) -> usize {
        self.state().apps.n_tokens()
    }

    /// Installation tokens that were given out count no longer.
    #[cfg(feature = "app")]
    pub fn revoke_app_tokens(&self) {
        self.state().apps.forget_tokens();
    }

    /// A secret as the mock decrypted it. A place is `repos/owner/name`, `environments/owner/name/environment` or `orgs/name`.
    #[cfg(feature = "provision")]
    #[must_use]
    pub fn secret(&self, place: &str, name: &str) -> Option<String> {
        self.state().provisioned.secret(place, name).cloned()
    }

    /// A variable, by the same places.
    #[cfg(feature = "provision")]
    #[must_use]
    pub fn variable(&self, place: &str, name: &str) -> Option<String> {
        self.state().provisioned.variable(place, name).cloned()
    }

    /// Seals of the key that it gave before count no longer.
    #[cfg(feature = "provision")]
    pub fn change_key(&self) {
        self.state().provisioned.change_key();
    }

    /// A file of the default branch.
    #[must_use]
    pub fn file(&self, repository: &str, path: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state
            .repositories
            .get(&repository.to_ascii_lowercase())?
            .files
            .get(path)
            .cloned()
    }

    /// What the next dispatches are answered, one after another; then they are accepted.
    pub fn script(&self, answers: impl IntoIterator<Item = Scripted>) {
        self.state().script.extend(answers);
    }

    /// What every dispatch without a script is answered.
    pub fn always(&self, answer: Scripted) {
        self.state().always = answer;
    }

    /// When runs show up in lists.
    pub fn show_runs(&self, when: RunsShow) {
        self.state().show = when;
    }

    /// How a run goes on, each stage so long after it was created; `queued` for ever where nothing is said. Counts for runs that are
    /// started from now on.
    pub fn progress(&self, stages: impl IntoIterator<Item = Stage>) {
        self.state().stages = stages.into_iter().collect();
    }

    /// Limits that bite from now on; before, there are none.
    pub fn limit(&self, limits: MockLimits) {
        self.state().meter.set(limits);
    }

    /// How many requests a limit refused.
    #[must_use]
    pub fn n_throttled(&self) -> usize {
        self.state().meter.n_refused()
    }

    /// The workflow file `deploy.yml` of a repository, from now on.
    pub fn set_workflow(&self, repository: &str, text: &str) {
        self.state().set_workflow(repository, text);
    }

    /// The next so many listings of runs fail with 502.
    pub fn fail_lists(&self, n: u32) {
        self.state().failing_lists = n;
    }

    /// Answers that are scripted and have not been given.
    #[must_use]
    pub fn unused_script(&self) -> VecDeque<Scripted> {
        self.state().script.clone()
    }

    /// The dispatches that came in, in order, refused ones included.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state().received.clone()
    }

    /// How many dispatches with this relay id had an effect.
    #[must_use]
    pub fn n_effects(&self, relay_id: &str) -> usize {
        self.state()
            .received
            .iter()
            .filter(|one| one.effect && one.relay_id.as_deref() == Some(relay_id))
            .count()
    }

    /// How many requests of any kind came in.
    #[must_use]
    pub fn n_requests(&self) -> usize {
        self.state().n_requests
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// The state, also after a test panicked while it held it.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
