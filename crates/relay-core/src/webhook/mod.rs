//! **Here**: the webhook: method, secret, size and handshake of one request, before any event is looked at.
//! **Not here**: events (`intake`), sockets and TLS (the host).
//! **Reads**: `http::Request<Bytes>` from the host; hands the body to `intake`.
//! **Source**: DESIGN section 4; facts/eventgrid 3 and 4.

mod callback;
mod secret;

use bytes::Bytes;
use eventgrid_schema::OriginCheck;
use http::request::Parts;
use http::{HeaderMap, Method, Request};

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
        let (parts, body) = request.into_parts();
        if let Some(early) = self.before_body(&parts) {
            return early;
        }
        if body.len() > self.max_body_bytes {
            let why = format!("more than {} bytes", self.max_body_bytes);
            return lost(&parts, Reply::TooLarge { why });
        }
        Admitted::Delivery(body)
    }

    /// What is decided by the head alone; none when the body has to be looked at.
    pub(crate) fn before_body(&self, parts: &Parts) -> Option<Admitted> {
        if !is_handshake(&parts.method) && parts.method != Method::POST {
            return Some(Admitted::Answered(Reply::WrongMethod));
        }
        if !self.secrets.admit(parts.uri.query(), &parts.headers) {
            return Some(lost(parts, Reply::Unauthorized));
        }
        is_handshake(&parts.method).then(|| Admitted::Answered(self.consent(&parts.headers)))
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

/// A refusal that is final: what Event Grid sent is lost by it.
fn lost(parts: &Parts, reply: Reply) -> Admitted {
    let delivery = eventgrid_schema::Delivery::from_headers(pairs(&parts.headers));
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
