//! **Here**: [`PassThrough`]: one delivery, one event, one dispatch, and Event Grid as the only memory: for hosts without any disk.
//! **Not here**: a journal and everything that needs one: order, supersession, budgets, fan-out, facts (`relay`).
//! **Reads**: `webhook`, `rules`, `dispatch`.
//! **Source**: DESIGN section 3, PassThrough; facts/eventgrid 2.4: what Event Grid delivers again, and after how long.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use eventgrid_schema::{Batch, BatchErrorKind, Delivery, Element, Event, GridEvent, Limits};
use futures_util::future::{Either, select};
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde::Serialize;
use tracing::{Instrument as _, Span};

use crate::alarm::{Alarm, Alert, LogAlarm};
use crate::clock::{Clock, Timestamp};
use crate::dispatch::{Advice, DispatchError, DispatchRequest, Dispatcher, Sighting};
use crate::error::BuildError;
use crate::intake::{release_of, release_on};
use crate::key::{DispatchKey, RelayId};
use crate::observe;
use crate::reply::Reply;
use crate::retry::OnUnknown;
use crate::rules::{EventView, Route, Router};
use crate::trace;
use crate::webhook::{DEFAULT_MAX_BODY_BYTES, DEFAULT_ORIGINS, Early, SharedSecrets, Webhook};

/// Until when an answer has to be found: Event Grid waits for 30 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(25);
/// Between two looks for a run.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// The longest time for which runs are listed: the id decides, not the time. Event Grid delivers for a day.
const LIST_FROM: Duration = Duration::from_secs(25 * 3_600);
/// How many dispatches one process remembers.
const REMEMBERED: usize = 10_000;
/// How long Event Grid is asked to wait where nothing is known of a better moment.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// Answers each delivery only after GitHub has: without a journal, Event Grid's own retries are all that outlives a crash.
///
/// What it cannot promise, because nothing remembers: that versions go out in order, that a newer one supersedes an older one, or that
/// GitHub's limits are kept ahead of time. What it does: a delivery is answered 2xx only after GitHub accepted it; the same release
/// has the same relay id in every delivery; a delivery that Event Grid says it repeats is looked for before it is sent again; and
/// one process sends a release one time.
///
/// | what came of it | status | Event Grid |
/// | --- | --- | --- |
/// | GitHub accepted it, or its run was seen; no route wants it; a handshake; `[]` | 200 | is done |
/// | throttled, blocked, surely not sent; under way at this moment | 503 with `Retry-After` | delivers again |
/// | unknown, and not seen for the rest of 25 s: `unknown = "probe"` or `"park"` | 200 and an alarm | is done: a person decides |
/// | the same with `unknown = "resend"` | 503 with `Retry-After` | delivers again: a run may start twice |
/// | it can never be accepted; not readable as an event | 400 and an alarm | dead-letters it |
/// | more than one event; several routes want it; its route wants facts | 503 and an alarm | delivers again, until somebody changes the settings |
/// | no secret, too large, another method | as the relay | as there |
#[derive(Clone, Debug)]
pub struct PassThrough {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    webhook: Webhook,
    router: Arc<dyn Router>,
    dispatcher: Arc<dyn Dispatcher>,
    clock: Arc<dyn Clock>,
    alarm: Arc<dyn Alarm>,
    memory: Mutex<Memory>,
}

/// What one process knows; nothing of it outlives the process.
#[derive(Debug, Default)]
struct Memory {
    under_way: HashSet<RelayId>,
    /// What was answered 200: whether GitHub has it for sure.
    over: HashMap<RelayId, bool>,
    /// In the order in which they ended.
    order: VecDeque<RelayId>,
}

/// What is plugged together into a [`PassThrough`].
#[derive(Debug)]
pub struct PassThroughBuilder {
    dispatcher: Arc<dyn Dispatcher>,
    router: Arc<dyn Router>,
    clock: Option<Arc<dyn Clock>>,
    alarm: Arc<dyn Alarm>,
    secrets: Option<SharedSecrets>,
    origins: Vec<String>,
    max_body_bytes: usize,
}

impl PassThroughBuilder {
    /// The two things that it needs. Nothing is contacted before a delivery comes.
    #[must_use]
    pub fn new(dispatcher: impl Dispatcher + 'static, router: impl Router + 'static) -> Self {
        Self {
            dispatcher: Arc::new(dispatcher),
            router: Arc::new(router),
            clock: crate::relay::default_clock(),
            alarm: Arc::new(LogAlarm),
            secrets: None,
            origins: DEFAULT_ORIGINS.map(str::to_owned).to_vec(),
            max_body_bytes: DEFAULT_MAX_BODY_BYTES,
        }
    }

    /// Who may deliver. There is no default.
    #[must_use]
    pub fn with_secrets(mut self, secrets: SharedSecrets) -> Self {
        self.secrets = Some(secrets);
        self
    }

    /// The clock; tokio's by default where that feature is on.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Who is told what a person must know; the log by default.
    #[must_use]
    pub fn with_alarm(mut self, alarm: impl Alarm + 'static) -> Self {
        self.alarm = Arc::new(alarm);
        self
    }

    /// The origins that may ask for consent by `OPTIONS`; those of Event Grid's clouds by default.
    #[must_use]
    pub fn with_origins(mut self, origins: impl IntoIterator<Item = String>) -> Self {
        self.origins = origins
            .into_iter()
            .map(|origin| origin.to_ascii_lowercase())
            .collect();
        self
    }

    /// The largest body that is taken, in bytes; 4 MiB by default.
    #[must_use]
    pub const fn with_max_body_bytes(mut self, max: usize) -> Self {
        self.max_body_bytes = max;
        self
    }

    /// The pass-through. Offline.
    ///
    /// # Errors
    /// Something that has no safe default was not said.
    pub fn build(self) -> Result<PassThrough, BuildError> {
        let secrets = self.secrets.ok_or(BuildError::NoSecrets)?;
        let clock = self.clock.ok_or(BuildError::NoClock)?;
        Ok(PassThrough {
            inner: Arc::new(Inner {
                webhook: Webhook {
                    secrets,
                    max_body_bytes: self.max_body_bytes,
                    origins: self.origins,
                },
                router: self.router,
                dispatcher: self.dispatcher,
                clock,
                alarm: self.alarm,
                memory: Mutex::default(),
            }),
        })
    }
}

/// What a delivery is answered.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the table of the type's documentation")]
pub enum PassReply {
    /// An answer of the webhook: a handshake, a wrong secret, another method, too large, not JSON.
    Webhook(Reply),
    /// GitHub has it.
    Sent {
        /// The id that its run shows.
        relay_id: RelayId,
        /// Whether it was GitHub's in an earlier delivery.
        again: bool,
    },
    /// Nothing of it is for GitHub: no route wants it, or it is Event Grid's own.
    Nothing,
    /// It may be GitHub's or not, and it is not sent again: a person was told.
    Unknown {
        /// The id that its run would show.
        relay_id: RelayId,
        /// What is known.
        why: String,
    },
    /// It can never be accepted.
    Refused {
        /// Why.
        why: String,
    },
    /// Not now.
    NotNow {
        /// Why.
        why: String,
        /// When it may be worth trying again.
        retry_after: Duration,
    },
}

impl PassReply {
    /// The status that Event Grid sees.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Webhook(reply) => reply.status(),
            Self::Sent { .. } | Self::Nothing | Self::Unknown { .. } => StatusCode::OK,
            Self::Refused { .. } => StatusCode::BAD_REQUEST,
            Self::NotNow { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Its word in numbers, spans and bodies.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Webhook(reply) => reply.as_str(),
            Self::Sent { again: true, .. } => "sent_before",
            Self::Sent { again: false, .. } => "sent",
            Self::Nothing => "nothing",
            Self::Unknown { .. } => "unknown",
            Self::Refused { .. } => "refused",
            Self::NotNow { .. } => "not_now",
        }
    }

    /// The response as the host sends it.
    #[must_use]
    pub fn into_response(self) -> Response<Bytes> {
        #[derive(Serialize)]
        struct Body<'a> {
            outcome: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            relay_id: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            why: Option<&'a str>,
        }
        let status = self.status();
        let (relay_id, why, wait) = match &self {
            Self::Webhook(reply) => return reply.clone().into_response(),
            Self::Sent { relay_id, .. } => (Some(relay_id), None, None),
            Self::Nothing => (None, None, None),
            Self::Unknown { relay_id, why } => (Some(relay_id), Some(why), None),
            Self::Refused { why } => (None, Some(why), None),
            Self::NotNow { why, retry_after } => (None, Some(why), Some(*retry_after)),
        };
        let body = Body {
            outcome: self.as_str(),
            relay_id: relay_id.map(RelayId::as_str),
            why: why.map(String::as_str),
        };
        let mut response = Response::new(Bytes::from(serde_json::to_vec(&body).unwrap_or_default()));
        *response.status_mut() = status;
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        if let Some(wait) = wait {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl PassThrough {
    /// Takes one request of Event Grid, sends what it asks for, and answers within 25 s.
    ///
    /// # Cancel safety
    /// Not cancel safe: a request to GitHub that is under way has an unknown outcome. On a tokio runtime what was begun goes on to its
    /// end: a sender that hangs up takes no alarm with it.
    pub async fn accept(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.reply(request).await.into_response()
    }

    /// The same, as a value.
    ///
    /// # Cancel safety
    /// As [`accept`](Self::accept).
    pub async fn reply(&self, request: Request<Bytes>) -> PassReply {
        let span = trace::delivery(request.headers());
        let reply = self.judged(request, &span).instrument(span.clone()).await;
        observe::passed_through(reply.as_str());
        span.record("reply", reply.as_str());
        reply
    }

    async fn judged(&self, request: Request<Bytes>, span: &Span) -> PassReply {
        let count = Delivery::from_headers(crate::webhook::pairs(request.headers())).delivery_count();
        let (body, losing) = match self.inner.webhook.admit(request) {
            Ok(admitted) => admitted,
            Err(early) => {
                let Early { reply, alert } = *early;
                self.inner.raise(alert);
                return PassReply::Webhook(reply);
            }
        };
        let all = Arc::clone(&self.inner);
        // Without an answer from there the outcome is unknown, and Event Grid delivers again.
        let taken = async move {
            let reply = all.take(&body, count.unwrap_or(0)).await;
            if matches!(&reply, PassReply::Webhook(reply) if reply.is_for_good()) {
                all.raise(losing);
            }
            reply
        };
        crate::relay::to_its_end(taken.instrument(span.clone()))
            .await
            .unwrap_or_else(|| not_now("it broke off"))
    }
}

impl Inner {
    async fn take(&self, body: &[u8], delivery_count: u32) -> PassReply {
        let limits = Limits::default()
            .with_max_body_bytes(self.webhook.max_body_bytes)
            .with_max_elements(self.webhook.max_body_bytes);
        let batch = match Batch::parse_with(body, &limits) {
            Ok(batch) => batch,
            Err(error) => {
                let why = error.to_string();
                return PassReply::Webhook(match error.kind() {
                    BatchErrorKind::TooLarge => Reply::TooLarge { why },
                    _ => Reply::Unreadable { why },
                });
            }
        };
        let elements: Vec<&Element<'_>> = batch.elements().iter().collect();
        match elements.as_slice() {
            [] => PassReply::Nothing,
            [element] => match element.event() {
                Ok(event) => self.event(event, delivery_count).await,
                Err(error) => self.refuse(
                    Alert::Unreadable {
                        why: error.to_string(),
                    },
                    error.to_string(),
                ),
            },
            many => {
                self.raise(Some(Alert::NeedsJournal {
                    why: format!(
                        "a delivery held {} events, and without a journal one can be answered for: set one event per batch",
                        many.len()
                    ),
                }));
                not_now("more than one event")
            }
        }
    }

    async fn event(&self, event: &Event<'_>, delivery_count: u32) -> PassReply {
        if let Some(system) = event.system() {
            return self.system(system);
        }
        let view = match EventView::of(event) {
            Ok(view) => view,
            Err(error) => {
                return self.refuse(
                    Alert::Unreadable {
                        why: error.to_string(),
                    },
                    error.to_string(),
                );
            }
        };
        let routes = self.router.route(&view);
        let route = match routes.as_slice() {
            [] => return PassReply::Nothing,
            [route] => route,
            many => {
                let names: Vec<&str> = many.iter().map(|route| route.name()).collect();
                let why = format!(
                    "the routes {names:?} want one event, and without a journal one can be answered for"
                );
                self.raise(Some(Alert::NeedsJournal { why }));
                return not_now("several routes want it");
            }
        };
        if route.policy().wants_facts {
            let why = format!(
                "the route {:?} wants facts, and without a journal nothing waits for them",
                route.name()
            );
            self.raise(Some(Alert::NeedsJournal { why }));
            return not_now("its route wants facts");
        }
        let (release, unkeyed) = release_on(route, &view, &release_of(event, &view));
        let relay_id = RelayId::new(&DispatchKey::new(&release, route.name()), 1);
        let payload = match unkeyed {
            Some(why) => Err(why),
            None => route.payload(&view, &relay_id).map_err(|error| error.to_string()),
        };
        let request = match payload {
            Ok(payload) => DispatchRequest {
                target: route.target().clone(),
                relay_id: relay_id.clone(),
                payload,
            },
            Err(why) => return self.refuse(parked(route, &relay_id, &why), why),
        };
        match self.memory(|memory| memory.begin(&relay_id)) {
            Known::New => {}
            Known::UnderWay => return not_now("the same release is under way"),
            Known::Sent => {
                return PassReply::Sent {
                    relay_id,
                    again: true,
                };
            }
            Known::Doubtful => {
                let why = "an earlier delivery of it may have been dispatched".to_owned();
                return PassReply::Unknown { relay_id, why };
            }
        }
        let mut ends = Ends {
            all: self,
            relay_id: &relay_id,
            over: None,
        };
        let reply = self.once(route, &request, delivery_count).await;
        ends.over = match reply {
            PassReply::Sent { .. } => Some(true),
            PassReply::Unknown { .. } => Some(false),
            _ => None,
        };
        drop(ends);
        reply
    }

    fn system(&self, system: GridEvent) -> PassReply {
        match system {
            GridEvent::SubscriptionValidation(validation) => PassReply::Webhook(Reply::Validated {
                body: validation.response_body(),
            }),
            GridEvent::SubscriptionDeleted {
                event_subscription_id,
            } => {
                self.raise(Some(Alert::SubscriptionDeleted {
                    subscription: event_subscription_id,
                }));
                PassReply::Nothing
            }
            _ => PassReply::Nothing,
        }
    }

    /// One dispatch: looked for first where Event Grid repeats itself, sent, and looked for where its outcome is unknown.
    async fn once(&self, route: &Route, request: &DispatchRequest, delivery_count: u32) -> PassReply {
        let end = self.clock.now().after(ANSWER_WITHIN);
        let relay_id = request.relay_id.clone();
        if delivery_count > 0 {
            match self.look(request, end).await {
                Some(Ok(Sighting::Seen(_))) => {
                    return PassReply::Sent {
                        relay_id,
                        again: true,
                    };
                }
                Some(Ok(Sighting::NotSeen)) => {}
                // Whether an earlier delivery did anything has to be known before it is done again.
                Some(Err(error)) if route.policy().unknown != OnUnknown::Resend => {
                    return not_now(&format!(
                        "an earlier delivery could not be looked for: {}",
                        error.why
                    ));
                }
                None if route.policy().unknown != OnUnknown::Resend => {
                    return not_now("an earlier delivery could not be looked for in time");
                }
                Some(Err(_)) | None => {}
            }
        }
        let began = self.clock.now();
        let sent = self.until(end, self.dispatcher.dispatch(request)).await;
        let principal = request.target.identity.as_str();
        observe::attempt_lasted(principal, self.clock.now().since(began));
        observe::outcome(&observe::ATTEMPTS, principal, outcome_word(sent.as_ref()));
        let why = match sent {
            Some(Ok(_)) => {
                return PassReply::Sent {
                    relay_id,
                    again: false,
                };
            }
            Some(Err(error)) => match error.advice {
                Advice::GiveUp => {
                    return self.refuse(parked(route, &relay_id, &error.why), error.why);
                }
                Advice::Block(_) => {
                    self.raise(Some(Alert::Blocked {
                        scope: "target".to_owned(),
                        name: request.target.key(),
                        why: error.why.clone(),
                    }));
                    return not_now(&error.why);
                }
                Advice::Throttled { until } => {
                    return PassReply::NotNow {
                        why: error.why,
                        retry_after: until.since(self.clock.now()).max(Duration::from_secs(1)),
                    };
                }
                Advice::NotSent => return not_now(&error.why),
                Advice::Unknown => error.why,
            },
            None => "no answer came in time".to_owned(),
        };
        self.unknown(route, request, end, why).await
    }

    /// Looks for the run as long as Event Grid waits, and follows the route's policy where none is seen.
    async fn unknown(
        &self,
        route: &Route,
        request: &DispatchRequest,
        end: Timestamp,
        why: String,
    ) -> PassReply {
        let relay_id = request.relay_id.clone();
        while self.clock.now().after(LOOK_EVERY) < end {
            self.clock.sleep(LOOK_EVERY).await;
            if let Some(Ok(Sighting::Seen(_))) = self.look(request, end).await {
                return PassReply::Sent {
                    relay_id,
                    again: false,
                };
            }
        }
        if route.policy().unknown == OnUnknown::Resend {
            return not_now(&why);
        }
        let why = format!("unknown: it may have been dispatched: {why}");
        self.raise(Some(parked(route, &relay_id, &why)));
        PassReply::Unknown { relay_id, why }
    }

    async fn look(
        &self,
        request: &DispatchRequest,
        end: Timestamp,
    ) -> Option<Result<Sighting, DispatchError>> {
        let since = self.clock.now().before(LIST_FROM);
        let look = self.dispatcher.probe(&request.target, &request.relay_id, since);
        self.until(end, look).await
    }

    /// What comes of it by then; none where nothing has.
    async fn until<T>(&self, end: Timestamp, work: impl Future<Output = T>) -> Option<T> {
        let left = end.since(self.clock.now());
        match select(std::pin::pin!(work), self.clock.sleep(left)).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(((), _)) => None,
        }
    }

    fn refuse(&self, alert: Alert, why: String) -> PassReply {
        self.raise(Some(alert));
        PassReply::Refused { why }
    }

    fn memory<T>(&self, change: impl FnOnce(&mut Memory) -> T) -> T {
        change(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn raise(&self, alert: Option<Alert>) {
        if let Some(alert) = alert {
            observe::alert(&alert);
            self.alarm.raise(&alert);
        }
    }
}

/// What this process knows of a release.
enum Known {
    New,
    UnderWay,
    Sent,
    Doubtful,
}

/// Ends what is under way, also where it is dropped.
struct Ends<'a> {
    all: &'a Inner,
    relay_id: &'a RelayId,
    over: Option<bool>,
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.all.memory(|memory| memory.end(self.relay_id, self.over));
    }
}

impl Memory {
    fn begin(&mut self, relay_id: &RelayId) -> Known {
        match self.over.get(relay_id) {
            Some(true) => Known::Sent,
            Some(false) => Known::Doubtful,
            None if self.under_way.insert(relay_id.clone()) => Known::New,
            None => Known::UnderWay,
        }
    }

    fn end(&mut self, relay_id: &RelayId, over: Option<bool>) {
        self.under_way.remove(relay_id);
        if let Some(surely) = over
            && self.over.insert(relay_id.clone(), surely).is_none()
        {
            self.order.push_back(relay_id.clone());
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.over.remove(&oldest);
        }
    }
}

fn parked(route: &Route, relay_id: &RelayId, why: &str) -> Alert {
    Alert::Parked {
        route: route.name().to_owned(),
        relay_id: relay_id.as_str().to_owned(),
        why: why.to_owned(),
    }
}

/// What came of an attempt, as numbers call it.
const fn outcome_word<T>(sent: Option<&Result<T, DispatchError>>) -> &'static str {
    match sent {
        Some(Ok(_)) => "accepted",
        Some(Err(error)) => error.advice.as_str(),
        None => "unknown",
    }
}

fn not_now(why: &str) -> PassReply {
    PassReply::NotNow {
        why: why.to_owned(),
        retry_after: RETRY_AFTER,
    }
}
