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

use crate::alarm::Alert;
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

/// An answer that was found before any event was looked at.
#[derive(Debug)]
pub(crate) struct Early {
    pub(crate) reply: Reply,
    /// It is a refusal that looks as if Event Grid had sent what it refuses: its events are lost.
    pub(crate) alert: Option<Alert>,
}

impl Webhook {
    /// The body of a delivery, and what is alarming should it be refused for good.
    pub(crate) fn admit(&self, request: Request<Bytes>) -> Result<(Bytes, Option<Alert>), Box<Early>> {
        let (head, body) = request.into_parts();
        self.admit_head(&head)?;
        if body.len() > self.max_body_bytes {
            return Err(lost(&head, self.too_large()));
        }
        Ok((body, losing(&head)))
    }

    /// What the head alone decides; all is well with it when it is of a delivery whose body may be read.
    pub(crate) fn admit_head(&self, head: &Parts) -> Result<(), Box<Early>> {
        let answered = |reply| Err(Box::new(Early { reply, alert: None }));
        if !is_handshake(&head.method) && head.method != Method::POST {
            return answered(Reply::WrongMethod);
        }
        if !self.secrets.admit(head.uri.query(), &head.headers) {
            return Err(lost(head, Reply::Unauthorized));
        }
        if is_handshake(&head.method) {
            return answered(self.consent(&head.headers));
        }
        let announced = head.headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|n| n.to_str().ok()?.trim().parse::<u64>().ok());
        let max = u64::try_from(self.max_body_bytes).unwrap_or(u64::MAX);
        if announced.is_some_and(|announced| announced > max) {
            return Err(lost(head, self.too_large()));
        }
        Ok(())
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
fn lost(head: &Parts, reply: Reply) -> Box<Early> {
    let alert = losing(head);
    Box::new(Early { reply, alert })
}

fn losing(head: &Parts) -> Option<Alert> {
    let delivery = eventgrid_schema::Delivery::from_headers(pairs(&head.headers));
    delivery.is_from_event_grid().then(|| Alert::EventsBeingLost {
        subscription: delivery.subscription_name().map(str::to_owned),
    })
}

pub(crate) fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
}
