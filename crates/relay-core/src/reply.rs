//! **Here**: [`Reply`], what the host must answer, with the table of status codes.
//! **Not here**: what leads to a reply (`webhook`, `intake`).
//! **Reads**: `intake` before it; hosts after it.
//! **Source**: DESIGN section 4; facts/eventgrid 2.4: Event Grid never retries 400, 401, 403 and 413.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

/// What Event Grid is answered. GitHub's status is never among it.
///
/// | reply | status | Event Grid |
/// | --- | --- | --- |
/// | [`Accepted`](Self::Accepted) | 200 | is done |
/// | [`Validated`](Self::Validated), [`Consented`](Self::Consented) | 200 | has its handshake |
/// | [`NoConsent`](Self::NoConsent) | 403 | does not deliver here |
/// | [`Unauthorized`](Self::Unauthorized) | 401 | drops or dead-letters the delivery |
/// | [`Unreadable`](Self::Unreadable) | 400 | drops or dead-letters the delivery |
/// | [`TooLarge`](Self::TooLarge) | 413 | drops or dead-letters the delivery |
/// | [`TryAgain`](Self::TryAgain) | 503 | delivers again, after 30 s or more |
/// | [`WrongMethod`](Self::WrongMethod) | 405 | - |
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the reply table of DESIGN section 4")]
pub enum Reply {
    /// Everything readable is durable, or known, or wanted by no rule.
    Accepted(Receipt),
    /// The answer to a subscription validation: this JSON body, and nothing else counts.
    Validated {
        /// `{"validationResponse": code}`.
        body: String,
    },
    /// Consent to deliveries, in these headers.
    Consented(Vec<(String, String)>),
    /// `OPTIONS` without an origin that is allowed.
    NoConsent,
    /// No secret, or a wrong one.
    Unauthorized,
    /// Bytes that can never be read.
    Unreadable {
        /// What is wrong with them.
        why: String,
    },
    /// More bytes, or elements, than are taken.
    TooLarge {
        /// What is too large, and the limit.
        why: String,
    },
    /// The journal cannot promise now.
    TryAgain,
    /// Neither `POST` nor `OPTIONS`.
    WrongMethod,
}

/// What became of a delivery, by number of elements.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Receipt {
    /// New, and wanted by at least one route.
    pub accepted: usize,
    /// Known already.
    pub seen_again: usize,
    /// Wanted by no route; kept with the reason.
    pub unwanted: usize,
    /// Not readable as an event; kept aside.
    pub unreadable: usize,
    /// Event Grid's own events.
    pub system: usize,
}

impl Reply {
    /// Whether Event Grid never delivers it again, though nothing of it was taken.
    pub(crate) const fn is_for_good(&self) -> bool {
        matches!(
            self,
            Self::Unauthorized | Self::Unreadable { .. } | Self::TooLarge { .. }
        )
    }

    /// After how many seconds Event Grid is asked to try again. It waits for 30 s at least after a 503.
    pub const RETRY_AFTER_S: u32 = 30;

    /// The status that Event Grid sees.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Accepted(_) | Self::Validated { .. } | Self::Consented(_) => StatusCode::OK,
            Self::NoConsent => StatusCode::FORBIDDEN,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Unreadable { .. } => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TryAgain => StatusCode::SERVICE_UNAVAILABLE,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// Its word in numbers and spans.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Validated { .. } => "validated",
            Self::Consented(_) => "consented",
            Self::NoConsent => "no_consent",
            Self::Unauthorized => "unauthorized",
            Self::Unreadable { .. } => "unreadable",
            Self::TooLarge { .. } => "too_large",
            Self::TryAgain => "try_again",
            Self::WrongMethod => "wrong_method",
        }
    }

    /// The response as the host sends it: a JSON body, and the headers of the table.
    #[must_use]
    pub fn into_response(self) -> Response<Bytes> {
        let mut headers = HeaderMap::new();
        let error = |word: &str, why: &str| serde_json::json!({"error": word, "why": why}).to_string();
        let status = self.status();
        let body = match self {
            Self::Accepted(receipt) => serde_json::to_string(&receipt).unwrap_or_default(),
            Self::Validated { body } => body,
            Self::Consented(consent) => {
                headers.extend(consent.iter().filter_map(|(name, value)| {
                    Some((
                        HeaderName::try_from(name.as_str()).ok()?,
                        HeaderValue::try_from(value.as_str()).ok()?,
                    ))
                }));
                String::new()
            }
            Self::NoConsent => error(
                "no_consent",
                "the origin that asks is not allowed to deliver here",
            ),
            Self::Unauthorized => error("unauthorized", "the secret is missing or wrong"),
            Self::Unreadable { why } => error("unreadable", &why),
            Self::TooLarge { why } => error("too_large", &why),
            Self::TryAgain => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(Self::RETRY_AFTER_S));
                error("try_again", "the journal cannot promise now")
            }
            Self::WrongMethod => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
                error("wrong_method", "deliveries are posted")
            }
        };
        if !body.is_empty() {
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json; charset=utf-8"),
            );
        }
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

/// The methods that the webhook answers.
pub(crate) fn is_handshake(method: &Method) -> bool {
    method == Method::OPTIONS
}
