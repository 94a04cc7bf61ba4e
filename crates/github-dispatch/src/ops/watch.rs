//! **Here**: [`Watch`]: follows one run from state to state until it ends.
//! **Not here**: which states there are (`runs`), webhooks, which tell the same without asking (`webhooks`).
//! **Reads**: `client`, `runs`.
//! **Source**: <https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api>, read 2026-11-23: a conditional request
//! that is answered 304 costs nothing of the primary limit.

use std::time::{Duration, SystemTime};

use futures_util::stream::{Stream, unfold};
use http::{StatusCode, header};

use crate::client::{Client, as_json};
use crate::error::{Advice, Error, ErrorKind};
use crate::repo::RepoFullName;
use crate::response::refusal;
use crate::retry::Effect;
use crate::runs::Run;

/// The pause after a state that is new.
const SHORTEST: Duration = Duration::from_secs(5);
/// The longest pause: a run that waits for an approval may do so for a month.
const LONGEST: Duration = Duration::from_secs(60);

/// Follows a run.
///
/// # Example: every state of a run, until it ended
///
/// ```no_run
/// # async fn example(client: github_dispatch::Client, repo: github_dispatch::RepoFullName) -> Result<(), github_dispatch::Error> {
/// let mut watch = client.watch(&repo, 30_000_000_001).with_patience(std::time::Duration::from_secs(3_600));
/// while let Some(run) = watch.next().await {
///     let run = run?;
///     println!("{:?}, {:?}", run.status, run.conclusion);
/// }
/// # Ok(())
/// # }
/// ```
///
/// Ask for [`next`](Self::next) until there is none, for [`ended`](Self::ended), or make a stream of it.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    repo: RepoFullName,
    run: u64,
    etag: Option<String>,
    last: Option<Run>,
    /// The next wait.
    pause: Duration,
    /// The usual wait, which grows while nothing changes.
    interval: Duration,
    patience: Option<Duration>,
    gives_up_at: Option<SystemTime>,
    is_over: bool,
}

/// What one look at a run brought.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide for each")]
pub enum Look {
    /// Its state is another than before. Boxed, since the other is the usual case.
    Changed(Box<Run>),
    /// Nothing changed.
    Unchanged,
}

impl Client {
    /// Follows a run. Needs *Actions: read*.
    #[must_use]
    pub fn watch(&self, repo: &RepoFullName, run: u64) -> Watch {
        Watch {
            client: self.clone(),
            repo: repo.clone(),
            run,
            etag: None,
            last: None,
            pause: Duration::ZERO,
            interval: Duration::ZERO,
            patience: None,
            gives_up_at: None,
            is_over: false,
        }
    }
}

impl Watch {
    /// Gives up after so long, counted from the first look.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// The run as it was last seen.
    #[must_use]
    pub const fn last(&self) -> Option<&Run> {
        self.last.as_ref()
    }

    /// How long to wait before the next [`look`](Self::look).
    #[must_use]
    pub const fn pause(&self) -> Duration {
        self.pause
    }

    /// One look, without waiting: for callers that have a schedule of their own.
    ///
    /// # Errors
    /// The answer could not be had. Where the advice is `NotSent`, `Unknown` or `Throttled`, a later look may succeed.
    pub async fn look(&mut self) -> Result<Look, Error> {
        let (client, repo, run, etag) = (&self.client, &self.repo, self.run, self.etag.as_deref());
        let answered = client
            .call(
                Effect::Read,
                || client.requests().run(repo, run, etag),
                |answer, now| {
                    if answer.status == StatusCode::NOT_MODIFIED && etag.is_some() {
                        return Ok(None);
                    }
                    if answer.status == StatusCode::NOT_MODIFIED {
                        return Err(refusal(
                            answer.status,
                            &answer.headers,
                            &answer.body,
                            now,
                            &answer.hidden,
                        ));
                    }
                    let etag = answer
                        .headers
                        .get(header::ETAG)
                        .and_then(|etag| etag.to_str().ok());
                    Ok(Some((as_json::<Run>(answer, now)?, etag.map(str::to_owned))))
                },
            )
            .await;
        let longer = (self.interval * 3 / 2).clamp(SHORTEST, LONGEST);
        let (run, etag) = match answered {
            Ok(Some(answered)) => answered,
            Ok(None) => {
                (self.interval, self.pause) = (longer, longer);
                return Ok(Look::Unchanged);
            }
            Err(error) => {
                self.interval = longer;
                self.pause = match error.advice() {
                    Advice::Throttled { until } => {
                        let closed = until.duration_since(self.client.clock().now());
                        closed.unwrap_or_default().max(SHORTEST)
                    }
                    _ => longer,
                };
                return Err(error);
            }
        };
        self.etag = etag;
        let state = |run: &Run| (run.status.clone(), run.conclusion.clone(), run.run_attempt);
        let is_new = self.last.as_ref().map(state) != Some(state(&run));
        self.interval = if is_new { SHORTEST } else { longer };
        self.pause = self.interval;
        self.last = Some(run.clone());
        Ok(if is_new {
            Look::Changed(Box::new(run))
        } else {
            Look::Unchanged
        })
    }

    /// Waits for the next state of the run; none after the one it ended in, or after an error that stays. Looks that fail on the way are
    /// repeated.
    ///
    /// # Errors
    /// The run cannot be asked for; or it had not ended when the patience did (`Late`).
    ///
    /// # Cancel safety
    /// Cancel safe: the next call goes on.
    pub async fn next(&mut self) -> Option<Result<Run, Error>> {
        if self.is_over {
            return None;
        }
        loop {
            let now = self.client.clock().now();
            let gives_up_at = match (self.gives_up_at, self.patience) {
                (None, Some(patience)) => now.checked_add(patience),
                (known, _) => known,
            };
            self.gives_up_at = gives_up_at;
            if let Some(left) = gives_up_at.map(|at| at.duration_since(now).unwrap_or_default()) {
                if left.is_zero() && self.last.is_some() {
                    self.is_over = true;
                    return Some(Err(self.late()));
                }
                // One last look at the very end.
                self.pause = self.pause.min(left);
            }
            if !self.pause.is_zero() {
                self.client.clock().sleep(self.pause).await;
                // A call that is dropped during the look does not wait again.
                self.pause = Duration::ZERO;
            }
            match self.look().await {
                Ok(Look::Changed(run)) => {
                    self.is_over = run.is_ended();
                    return Some(Ok(*run));
                }
                Ok(Look::Unchanged) => {}
                Err(error) => {
                    let may_pass = matches!(
                        error.advice(),
                        Advice::NotSent | Advice::Unknown | Advice::Throttled { .. }
                    );
                    let is_late = gives_up_at.is_some_and(|at| at <= self.client.clock().now());
                    if !may_pass || is_late {
                        self.is_over = true;
                        return Some(Err(error));
                    }
                }
            }
        }
    }

    /// Waits for the end of the run.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn ended(mut self) -> Result<Run, Error> {
        let mut last = Err(self.late());
        while let Some(state) = self.next().await {
            last = Ok(state?);
        }
        last
    }

    /// A stream of its states, the last one being the end of the run or an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Run, Error>> + Send {
        unfold(self, |mut watch| async move {
            let state = watch.next().await?;
            Some((state, watch))
        })
    }

    fn late(&self) -> Error {
        let status = self.last.as_ref().and_then(|run| run.status.as_ref());
        let text = format!(
            "the run had not ended in time; it was {}",
            status.map_or("not seen", |status| status.as_str())
        );
        Error::new(ErrorKind::Late, Advice::Unknown, text)
    }
}
