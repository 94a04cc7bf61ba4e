//! **Here**: [`Poller`]: follows a long-running operation step by step, or to its end.
//! **Not here**: what answers mean (`operation`).
//! **Reads**: `client`, `operation`; `ops` give pollers.
//! **Source**: the resource provider contract, as named in `operation`; and Azure SDKs for the words *poller* and *resume*.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use futures_util::stream::{Stream, unfold};
use http::{Method, Response};
use serde::de::DeserializeOwned;

use crate::caller::Caller;
use crate::client::Client;
use crate::error::{Advice, Error, ErrorKind};
use crate::operation::{Operation, Seen, timeout};
use crate::request::Call;
use crate::response;
use crate::retry::Effect;

/// An operation that the service does in its own time. Its result is a `T`; `()` where there is none.
///
/// Await it for the result; or take [`step`](Self::step)s with waits of your own; or make a stream of its states. Dropping it stops the
/// asking and not the operation; [`resume_token`](Self::resume_token) lets another process go on asking.
#[must_use = "nothing is asked unless it is awaited or stepped"]
pub struct Poller<T> {
    caller: Caller,
    operation: Operation,
    /// What the first answer, or the last one, said.
    state: State,
    interval: Duration,
    gives_up_at: Option<SystemTime>,
    result: PhantomData<fn() -> T>,
}

/// What is known.
enum State {
    Running {
        status: Option<String>,
        wait: Duration,
    },
    Ended(Option<Vec<u8>>),
    /// The result was given, or an error that stays.
    Over,
}

/// How far an operation is.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide for each")]
pub enum Step<T> {
    /// It goes on.
    Running {
        /// The service's word, such as `InProgress`, where it has one.
        status: Option<String>,
        /// `percentComplete`, from 0 to 100, where it is told.
        percent: Option<f64>,
        /// How long to wait before the next step.
        wait: Duration,
    },
    /// It ended well.
    Ended(T),
}

/// The result of an operation.
pub trait OperationResult: Sized + Send {
    /// From the last body; none where there was none.
    #[doc(hidden)]
    fn read(body: Option<Vec<u8>>, now: SystemTime) -> Result<Self, Error>;
}

impl OperationResult for () {
    fn read(_body: Option<Vec<u8>>, _now: SystemTime) -> Result<Self, Error> {
        Ok(())
    }
}

/// A resource as a result.
pub(crate) fn resource<T: DeserializeOwned>(body: Option<Vec<u8>>, now: SystemTime) -> Result<T, Error> {
    match body {
        Some(body) => response::decode(&Response::new(body), now),
        None => Err(Error::new(
            ErrorKind::Decode,
            Advice::GiveUp,
            "the operation ended without its result",
        )),
    }
}

impl<T: OperationResult> Poller<T> {
    /// Sends the request that begins the operation.
    pub(crate) async fn begin(
        caller: &Caller,
        method: Method,
        effect: Effect,
        call: &Call<'_>,
    ) -> Result<Self, Error> {
        let url = call.clone().build(caller.target())?.uri().to_string();
        let response = caller.call(effect, call).await?;
        let now = caller.now();
        let (operation, seen) = Operation::begin(method, url, &response, now)?;
        let polling = caller.polling();
        let limit = timeout(response.headers()).unwrap_or(polling.deadline);
        let interval = polling.interval;
        Ok(Self {
            caller: caller.clone(),
            operation,
            // The first question is asked as soon as the service allows.
            state: State::of(seen, Duration::ZERO),
            interval,
            gives_up_at: now.checked_add(limit),
            result: PhantomData,
        })
    }

    /// Another wait where the service asks for none.
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Gives up after so long from now; the operation goes on.
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.gives_up_at = self.caller.now().checked_add(deadline);
        self
    }

    /// How long to wait before the next [`step`](Self::step).
    #[must_use]
    pub const fn wait(&self) -> Duration {
        match &self.state {
            State::Running { wait, .. } => *wait,
            State::Ended(_) | State::Over => Duration::ZERO,
        }
    }

    /// A text by which [`Client::resume`] goes on with it, in another process as well. It holds addresses, and no secret; it may have to be
    /// the same identity that goes on.
    #[must_use]
    pub fn resume_token(&self) -> String {
        self.operation.token()
    }

    /// Asks one time, without waiting.
    ///
    /// # Errors
    /// [`OperationFailed`](ErrorKind::OperationFailed): it ended, and not well: its code is in
    /// [`service_code`](Error::service_code). [`Late`](ErrorKind::Late): it takes longer than the deadline, and goes on. Anything else says
    /// that the question failed, and nothing of the operation: ask again where the advice is not `GiveUp`.
    ///
    /// # Cancel safety
    /// Cancel safe: a step that is dropped is asked again by the next one.
    pub async fn step(&mut self) -> Result<Step<T>, Error> {
        if let State::Ended(body) = &mut self.state {
            let body = body.take();
            self.state = State::Over;
            return Ok(Step::Ended(T::read(body, self.caller.now())?));
        }
        let Some(link) = self.operation.next() else {
            return Err(Error::invalid(
                "the operation has ended, and its result was taken",
            ));
        };
        if self.gives_up_at.is_some_and(|at| at < self.caller.now()) {
            return Err(self.late());
        }
        let response = self.caller.follow(link).await?;
        let now = self.caller.now();
        match self.operation.read(&response, now)? {
            Seen::Running {
                status,
                percent,
                wait,
            } => {
                let wait = wait.unwrap_or(self.interval);
                self.state = State::Running {
                    status: status.clone(),
                    wait,
                };
                Ok(Step::Running {
                    status,
                    percent,
                    wait,
                })
            }
            Seen::Ended(body) => {
                self.state = State::Over;
                Ok(Step::Ended(T::read(body, now)?))
            }
        }
    }

    /// A stream of its states, the last one being its result or an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Step<T>, Error>> + Send {
        unfold(Some(self), |poller| async move {
            let mut poller = poller?;
            poller.pause().await;
            let step = poller.step().await;
            let goes_on = matches!(step, Ok(Step::Running { .. }));
            Some((step, goes_on.then_some(poller)))
        })
    }

    async fn pause(&self) {
        let left = self
            .gives_up_at
            .map(|at| at.duration_since(self.caller.now()).unwrap_or_default());
        // One last question at the very end.
        let wait = self.wait();
        let wait = left.map_or(wait, |left| wait.min(left));
        if !wait.is_zero() {
            self.caller.sleep(wait).await;
        }
    }

    async fn end(mut self) -> Result<T, Error> {
        loop {
            self.pause().await;
            let is_last = self.gives_up_at.is_some_and(|at| at <= self.caller.now());
            match self.step().await {
                Ok(Step::Ended(result)) => return Ok(result),
                Ok(Step::Running { .. }) if is_last => return Err(self.late()),
                Ok(Step::Running { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn late(&self) -> Error {
        let word = match &self.state {
            State::Running { status, .. } => status.as_deref(),
            State::Ended(_) | State::Over => None,
        };
        let text = format!(
            "the operation takes longer than it may; it was {}",
            word.unwrap_or("running")
        );
        Error::new(ErrorKind::Late, Advice::Unknown, text)
    }
}

impl Client {
    /// Goes on with an operation by its [`resume_token`](Poller::resume_token).
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid): the text names no operation. That its addresses are ours is seen at the first step.
    pub fn resume<T: OperationResult>(&self, token: &str) -> Result<Poller<T>, Error> {
        let operation = Operation::resume(token)?;
        Ok(Poller {
            caller: self.caller().clone(),
            operation,
            state: State::Running {
                status: None,
                wait: Duration::ZERO,
            },
            interval: self.polling().interval,
            gives_up_at: self.now().checked_add(self.polling().deadline),
            result: PhantomData,
        })
    }
}

impl<T: OperationResult + 'static> IntoFuture for Poller<T> {
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;
    type Output = Result<T, Error>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.end())
    }
}

impl State {
    fn of(seen: Seen, interval: Duration) -> Self {
        match seen {
            Seen::Running { status, wait, .. } => Self::Running {
                status,
                wait: wait.unwrap_or(interval),
            },
            Seen::Ended(body) => Self::Ended(body),
        }
    }
}

impl<T> fmt::Debug for Poller<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}
