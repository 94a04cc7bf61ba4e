//! **Here**: the webhook: method, secret, size and handshake of one request, before any event is looked at.
//! **Not here**: events (`intake`), sockets and TLS (the host).
//! **Reads**: `http::Request<Bytes>` from the host; hands the body to `intake`.
//! **Source**: DESIGN section 4; facts/eventgrid 3 and 4.

mod callback;
mod secret;

use bytes::Bytes;
use eventgrid_schema::OriginCheck;
use http::request::Parts;
use http::{HeaderMap, Method, Request, header};

pub use self::callback::{Callback, RefusedCallback};
pub use self::secret::{InvalidSecret, SharedSecrets};

use crate::reply::{Reply, is_handshake};

/// The largest body that is taken unless the builder says otherwise: a full batch of Event Grid is about 1 MB.
pub const DEFAULT_MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// The origins of Event Grid in the public and the sovereign clouds.
pub const DEFAULT_ORIGINS: [&str; 3] = ["eventgrid.azure.net", "eventgrid.azure.us", "eventgrid.azure.cn"];

/// What stands before the intake.
#[derive(Debug)]
pub(crate) struct Webhook {
    pub(crate) secrets: SharedSecrets,
    pub(crate) max_body_bytes: usize,
    /// In lower case.
    pub(crate) origins: Vec<String>,
}

/// What a request turned out to be.
#[derive(Debug)]
pub(crate) enum Admitted {
    /// A delivery.
    Delivery(Bytes),
    /// It is answered already.
    Answered(Reply),
    /// It is refused, and looks as if Event Grid had sent it: its events are lost.
    Lost {
        reply: Reply,
        subscription: Option<String>,
    },
}

impl Webhook {
    pub(crate) fn admit(&self, request: Request<Bytes>) -> Admitted {
        let (head, body) = request.into_parts();
        if let Some(answered) = self.admit_head(&head) {
            return answered;
        }
        if body.len() > self.max_body_bytes {
            return lost(&head, self.too_large());
        }
        Admitted::Delivery(body)
    }

    /// What the head alone decides; nothing when it is a delivery whose body may be read.
    pub(crate) fn admit_head(&self, head: &Parts) -> Option<Admitted> {
        if !is_handshake(&head.method) && head.method != Method::POST {
            return Some(Admitted::Answered(Reply::WrongMethod));
        }
        if !self.secrets.admit(head.uri.query(), &head.headers) {
            return Some(lost(head, Reply::Unauthorized));
        }
        if is_handshake(&head.method) {
            return Some(Admitted::Answered(self.consent(&head.headers)));
        }
        let announced = head.headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|n| n.to_str().ok()?.trim().parse::<u64>().ok());
        let max = u64::try_from(self.max_body_bytes).unwrap_or(u64::MAX);
        (announced? > max).then(|| lost(head, self.too_large()))
    }

    /// A host reads no further than the limit, so how long the body is stays unknown.
    fn too_large(&self) -> Reply {
        let max = self.max_body_bytes;
        Reply::TooLarge {
            why: format!("more than {max} bytes, and {max} are taken"),
        }
    }

    /// The CloudEvents webhook handshake: consent is in the headers.
    fn consent(&self, headers: &HeaderMap) -> Reply {
        match OriginCheck::from_headers(pairs(headers)) {
            Some(check) if self.origins.contains(&check.origin().to_ascii_lowercase()) => Reply::Consented(
                check
                    .consent(None)
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
            ),
            _ => Reply::NoConsent,
        }
    }
}

/// Refused; with the headers of Event Grid it is an event that is lost.
fn lost(head: &Parts, reply: Reply) -> Admitted {
    let delivery = eventgrid_schema::Delivery::from_headers(pairs(&head.headers));
    if delivery.is_from_event_grid() {
        let subscription = delivery.subscription_name().map(str::to_owned);
        return Admitted::Lost { reply, subscription };
    }
    Admitted::Answered(reply)
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
}
