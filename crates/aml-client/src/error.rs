//! **Here**: [`Error`], what kind it is, what the service said, and what it advises.
//! **Not here**: how an answer becomes an error (`response`), what follows from an advice (the caller).
//! **Reads**: nothing before it but the credentials' own errors; every other file returns it.
//! **Source**: Azure/azure-rest-api-specs and the resource provider contract (common-api-details: error response), read 2026-11-22.

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, SystemTime};

use http::StatusCode;

use crate::auth::CredentialError;

/// Why a call has no result.
///
/// The text is lower case, reads after "failed to read a model version: ", holds no token, body or URL, and does
/// not repeat its [source](StdError::source).
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    advice: Advice,
    message: String,
    status: Option<StatusCode>,
    service_code: Option<String>,
    request_id: Option<String>,
    correlation_id: Option<String>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What went wrong, coarsely.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No connection came about, TLS included: the request was surely not sent.
    Connect,
    /// The request was sent, at least in part, and no whole answer came: closed socket, time-out.
    SentNoAnswer,
    /// The service answered with a status that has no kind of its own here: redirects, 4xx, 5xx.
    Status,
    /// The service answered 429: too many requests.
    Throttled,
    /// No token could be had, or the service refused the token (401) or its rights (403).
    Auth,
    /// The service answered 404. Right after `ModelRegistered` the read may lag behind the event, so this need not mean
    /// that the model is missing: ask again a bounded number of times before believing it.
    NotFound,
    /// The answer was a success that could not be read.
    Decode,
    /// The request or the settings are not acceptable; nothing was sent.
    Invalid,
    /// A long-running operation ended in `Failed` or `Canceled`.
    OperationFailed,
    /// What was waited for did not happen in time; a long-running operation goes on.
    Late,
    /// A health check of yours said that a deployment is not well.
    Unhealthy,
}

/// What to do after a failed call. Every case is a decision of its own, so there is no "other".
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a caller must decide for each case")]
pub enum Advice {
    /// The same request will get the same answer. For [`ErrorKind::NotFound`] see the note there.
    GiveUp,
    /// Nothing with this credential, or at this address, can be accepted until somebody changes something.
    Block,
    /// Refused for now and not executed; nothing more is wanted until then.
    Throttled {
        /// Until when: the service's `Retry-After` from the moment of the answer, or 30 s where it named none.
        until: SystemTime,
    },
    /// It surely did not reach the service; it may be sent again.
    NotSent,
    /// It may have been executed. A read may simply be repeated, anything else must look first.
    Unknown,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, advice: Advice, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            advice,
            message: message.into(),
            status: None,
            service_code: None,
            request_id: None,
            correlation_id: None,
            retry_after: None,
            source: None,
        }))
    }

    /// A request or a setting that is refused before anything is sent.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, Advice::GiveUp, message)
    }

    /// No token: nothing was sent.
    pub(crate) fn credential(error: CredentialError) -> Self {
        let advice = match error {
            CredentialError::Unavailable { .. } => Advice::NotSent,
            CredentialError::Failed { .. } => Advice::Block,
        };
        Self::new(ErrorKind::Auth, advice, "no token from the credential").with_source(error)
    }

    /// What the transport said, without the URL that reqwest puts into its errors.
    pub(crate) fn transport(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let (kind, advice, message) = if error.is_builder() {
            (
                ErrorKind::Invalid,
                Advice::GiveUp,
                "the http client refused the request",
            )
        } else if error.is_redirect() {
            (ErrorKind::Invalid, Advice::GiveUp, FOLLOWS_REDIRECTS)
        } else if error.is_connect() {
            (ErrorKind::Connect, Advice::NotSent, "no connection to azure ml")
        } else if error.is_timeout() {
            (
                ErrorKind::SentNoAnswer,
                Advice::Unknown,
                "no whole answer from azure ml in time",
            )
        } else {
            (
                ErrorKind::SentNoAnswer,
                Advice::Unknown,
                "no whole answer from azure ml",
            )
        };
        Self::new(kind, advice, message).with_source(error)
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_service_code(mut self, code: Option<String>) -> Self {
        self.0.service_code = code;
        self
    }

    pub(crate) fn with_answer(mut self, answer: Answer) -> Self {
        self.0.status = Some(answer.status);
        self.0.service_code = answer.service_code;
        self.0.request_id = answer.request_id;
        self.0.correlation_id = answer.correlation_id;
        self.0.retry_after = answer.retry_after;
        self
    }

    /// What went wrong, coarsely.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> Advice {
        self.0.advice
    }

    /// The status of the answer, where there was one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The outermost code in the answer that says something, such as `ModelNotFound`.
    ///
    /// Azure ML's outer code is often only `UserError` or `SystemError`; then this is the first better one among
    /// the details and inner errors. Where there is none, it is the outer one.
    #[must_use]
    pub fn service_code(&self) -> Option<&str> {
        self.0.service_code.as_deref()
    }

    /// The service's id of the request (header `x-ms-request-id`): what its support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The service's correlation id (header `x-ms-correlation-request-id`).
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.0.correlation_id.as_deref()
    }

    /// How long the service asked to wait, counted from its answer; at most seven days.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(code) = &self.0.service_code {
            write!(f, ", code {code}")?;
        }
        if let Some(id) = &self.0.request_id {
            write!(f, " (request id {id})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The source is shown by its text: what a foreign `Debug` prints is not ours to promise.
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("advice", &self.0.advice)
            .field("message", &self.0.message)
            .field("status", &self.0.status)
            .field("service_code", &self.0.service_code)
            .field("request_id", &self.0.request_id)
            .field("correlation_id", &self.0.correlation_id)
            .field("retry_after", &self.0.retry_after)
            .field("source", &self.0.source.as_ref().map(ToString::to_string))
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

/// What an answer says about itself, taken from its status, headers and body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) service_code: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) correlation_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

pub(crate) const FOLLOWS_REDIRECTS: &str = "the http client follows redirects; build it with redirects off";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_text_names_code_and_request_id() {
        let error =
            Error::new(ErrorKind::NotFound, Advice::GiveUp, "azure ml answered 404").with_answer(Answer {
                status: StatusCode::NOT_FOUND,
                service_code: Some("ModelNotFound".to_owned()),
                request_id: Some("1f".to_owned()),
                correlation_id: None,
                retry_after: None,
            });
        assert_eq!(
            error.to_string(),
            "azure ml answered 404, code ModelNotFound (request id 1f)"
        );
    }

    #[test]
    fn ok_text_does_not_print_its_source() {
        let error = Error::credential(CredentialError::failed("the secret expired"));
        assert_eq!(error.to_string(), "no token from the credential");
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some("the credential's source refused: the secret expired")
        );
        assert_eq!(error.advice(), Advice::Block);
    }

    #[test]
    fn ok_an_unavailable_credential_means_not_sent() {
        let error = Error::credential(CredentialError::unavailable("no answer"));
        assert_eq!((error.kind(), error.advice()), (ErrorKind::Auth, Advice::NotSent));
    }
}
