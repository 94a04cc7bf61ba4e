//! **Here**: [`Error`] with its kind and [`Advice`]: what to do after a request that was not accepted.
//! **Not here**: reading a response (`response`), doing what is advised (the caller).
//! **Reads**: `rate_limit`; everything that fails makes one.
//! **Source**: facts of 2026-11-22 on repository dispatch: 5xx may hide an accepted event; a limit is no refusal.

use std::fmt;
use std::time::SystemTime;

use crate::rate_limit::LimitKind;

/// What to do after a request that was not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide for each")]
pub enum Advice {
    /// This request can never be accepted.
    GiveUp,
    /// Nothing of this kind can be accepted until somebody changes something.
    Block(BlockScope),
    /// Refused for now, and not executed: send it again then.
    Throttled {
        /// When.
        until: SystemTime,
    },
    /// It surely did not reach GitHub: send it again.
    NotSent,
    /// It may have been executed: look for its run, and do not send it again blindly.
    Unknown,
}

/// What is closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide for each")]
pub enum BlockScope {
    /// The identity: its token is not accepted.
    Principal,
    /// The repository, for this identity.
    Target,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No connection came about.
    Connect,
    /// The request left, and no answer came.
    SentNoAnswer,
    /// GitHub answered with another status than the ones below.
    Status,
    /// A rate limit.
    Throttled,
    /// The token was not accepted, or may not do this.
    Auth,
    /// Not there, or not visible with this token.
    NotFound,
    /// It is somewhere else now. Redirects are not followed.
    Redirected,
    /// An answer that cannot be read.
    Decode,
    /// Nothing was sent, since it could not have been right.
    Invalid,
    /// What was waited for did not happen in time.
    Late,
}

/// A request that was not accepted, or an answer that cannot be used.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    advice: Advice,
    text: String,
    status: Option<u16>,
    message: Option<String>,
    request_id: Option<String>,
    limit: Option<LimitKind>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, advice: Advice, text: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            advice,
            text: text.into(),
            status: None,
            message: None,
            request_id: None,
            limit: None,
            source: None,
        }))
    }

    /// Nothing was sent, and nothing that is sent can be right.
    #[cfg(feature = "client")]
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, Advice::GiveUp, text)
    }

    pub(crate) fn with_answer(
        mut self,
        status: u16,
        message: Option<String>,
        request_id: Option<String>,
    ) -> Self {
        self.0.status = Some(status);
        self.0.message = message;
        self.0.request_id = request_id;
        self
    }

    pub(crate) const fn with_limit(mut self, limit: Option<LimitKind>) -> Self {
        self.0.limit = limit;
        self
    }

    #[cfg(feature = "client")]
    pub(crate) fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What to do.
    #[must_use]
    pub const fn advice(&self) -> Advice {
        self.0.advice
    }

    /// The status of the answer, if there was one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Which limit refused the request; none where none of GitHub's did.
    #[must_use]
    pub const fn limit(&self) -> Option<LimitKind> {
        self.0.limit
    }

    /// GitHub's own words, at most 256 bytes of them.
    #[must_use]
    pub fn service_message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// `x-github-request-id`, which GitHub's support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)?;
        if let Some(message) = &self.0.message {
            write!(f, " ({message:?})")?;
        }
        if let Some(id) = &self.0.request_id {
            write!(f, ", request {id}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("advice", &self.0.advice)
            .field("status", &self.0.status)
            .field("text", &self.0.text)
            .field("message", &self.0.message)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
