//! **Here**: the webhook: method, secret, size and handshake of one request, before any event is looked at.
//! **Not here**: events (`intake`), sockets and TLS (the host).
//! **Reads**: `http::Request<Bytes>` from the host; hands the body to `intake`.
//! **Source**: DESIGN section 4; facts/eventgrid 3 and 4.

mod callback;
mod secret;

use bytes::Bytes;
use eventgrid_schema::OriginCheck;
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
        let delivery = eventgrid_schema::Delivery::from_headers(pairs(&parts.headers));
        let lost = |reply: Reply| {
            if delivery.is_from_event_grid() {
                let subscription = delivery.subscription_name().map(str::to_owned);
                return Admitted::Lost { reply, subscription };
            }
            Admitted::Answered(reply)
        };
        if !is_handshake(&parts.method) && parts.method != Method::POST {
            return Admitted::Answered(Reply::WrongMethod);
        }
        if !self.secrets.admit(parts.uri.query(), &parts.headers) {
            return lost(Reply::Unauthorized);
        }
        if is_handshake(&parts.method) {
            return Admitted::Answered(self.consent(&parts.headers));
        }
        if body.len() > self.max_body_bytes {
            return lost(Reply::TooLarge {
                why: format!("{} bytes, and {} are taken", body.len(), self.max_body_bytes),
            });
        }
        Admitted::Delivery(body)
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

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
}
