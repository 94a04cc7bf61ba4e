//! **Here**: a delivery's body to a reply: parse, route, write down, answer. Never talks to the network.
//! **Not here**: secrets and handshakes by `OPTIONS` (`webhook`), sending (`worker`).
//! **Reads**: `eventgrid_schema` and `rules` before it; `journal` after it.
//! **Source**: DESIGN sections 3 and 4.

use eventgrid_schema::{Batch, BatchErrorKind, Element, Event, GridEvent, Limits};
use tracing::field::Empty;

use crate::alarm::Alert;
use crate::clock::Timestamp;
use crate::journal::{AcceptBatch, Acceptance, Fate, Journal, NewEvent, NewItem};
use crate::key::{DispatchKey, RelayId, ReleaseKey};
use crate::lane::{NoPlace, Order, Place};
use crate::observe;
use crate::reply::{Receipt, Reply};
use crate::rules::{EventView, Route, Router};
use crate::trace::{self, TraceContext};

/// How much of what could not be read is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct KeepUnreadable {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
}

/// What a delivery led to.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) reply: Reply,
    pub(crate) alerts: Vec<Alert>,
    /// Whether there may be something to send now.
    pub(crate) work: bool,
}

/// Takes one delivery: no 2xx before the journal has said `Ok`.
pub(crate) async fn take(
    journal: &dyn Journal,
    router: &dyn Router,
    keep: KeepUnreadable,
    max_body_bytes: usize,
    now: Timestamp,
    body: &[u8],
) -> Taken {
    // Only bytes are bounded: 413 is final, and one bad element more must not cost the good ones. An element takes two bytes.
    let limits = Limits::default()
        .with_max_body_bytes(max_body_bytes)
        .with_max_elements(max_body_bytes);
    let sorted = match Batch::parse_with(body, &limits) {
        Ok(batch) => sort(&batch, router),
        Err(error) => {
            let why = error.to_string();
            let reply = match error.kind() {
                BatchErrorKind::TooLarge => Reply::TooLarge { why },
                _ => Reply::Unreadable { why },
            };
            return Taken {
                reply,
                alerts: Vec::new(),
                work: false,
            };
        }
    };
    let Sorted {
        events,
        unreadable,
        validation,
        n_system,
        mut alerts,
    } = sorted;
    let mut receipt = Receipt {
        unreadable: unreadable.len(),
        system: n_system,
        ..Receipt::default()
    };
    let told: Vec<Told> = if tracing::enabled!(tracing::Level::INFO) {
        events.iter().map(Told::of).collect()
    } else {
        Vec::new()
    };
    if !events.is_empty() || !unreadable.is_empty() {
        let keep_unreadable = (keep.rows, keep.bytes);
        match journal
            .accept(AcceptBatch {
                now,
                events,
                unreadable,
                keep_unreadable,
            })
            .await
        {
            Ok(Acceptance {
                fates,
                settled,
                alerts: more,
            }) => {
                observe::settled(&settled);
                for (fate, event) in fates.iter().zip(&told) {
                    event.tell(fate);
                }
                for fate in fates {
                    match fate {
                        Fate::Accepted { .. } => receipt.accepted += 1,
                        Fate::SeenAgain => receipt.seen_again += 1,
                        Fate::Unwanted { .. } => receipt.unwanted += 1,
                    }
                }
                alerts.extend(more);
            }
            Err(error) => {
                observe::journal_failed("accept");
                alerts.push(Alert::JournalFailing {
                    why: crate::report::report(&error),
                });
                return Taken {
                    reply: Reply::TryAgain,
                    alerts,
                    work: false,
                };
            }
        }
    }
    let work = receipt.accepted > 0;
    let reply = validation.map_or(Reply::Accepted(receipt), |body| Reply::Validated { body });
    Taken { reply, alerts, work }
}

/// An event as its span names it.
struct Told {
    digits: String,
    context: TraceContext,
}

impl Told {
    fn of(event: &NewEvent) -> Self {
        let element = Event::parse_element(&event.body).ok();
        Self {
            digits: trace::event_digits(&event.key),
            context: element.as_ref().map(TraceContext::of_event).unwrap_or_default(),
        }
    }

    /// A span of its own for each event: only so can it be part of the trace that the event carries.
    fn tell(&self, fate: &Fate) {
        let (word, items) = match fate {
            Fate::Accepted { items, .. } => ("accepted", items.as_slice()),
            Fate::SeenAgain => ("seen_again", &[][..]),
            Fate::Unwanted { .. } => ("unwanted", &[][..]),
        };
        let items: Vec<i64> = items.iter().map(|item| item.0).collect();
        let span = tracing::info_span!(
            "event",
            event = %self.digits,
            fate = word,
            items = ?items,
            trace_id = Empty,
            parent_span_id = Empty,
            sampled = Empty,
            trace_state = Empty,
        );
        self.context.record(&span);
        span.in_scope(|| tracing::debug!("an event was written down"));
    }
}

/// The elements of a delivery by what is to be done with them.
struct Sorted {
    events: Vec<NewEvent>,
    unreadable: Vec<(String, String)>,
    validation: Option<String>,
    n_system: usize,
    alerts: Vec<Alert>,
}

fn sort(batch: &Batch<'_>, router: &dyn Router) -> Sorted {
    let mut sorted = Sorted {
        events: Vec::new(),
        unreadable: Vec::new(),
        validation: None,
        n_system: 0,
        alerts: Vec::new(),
    };
    for element in batch.elements() {
        match read(element, router) {
            Ok(Read::Wanted(event)) => sorted.events.push(*event),
            Ok(Read::System(system)) => {
                sorted.n_system += 1;
                match system {
                    GridEvent::SubscriptionValidation(validation) => {
                        sorted.validation = Some(validation.response_body());
                    }
                    GridEvent::SubscriptionDeleted {
                        event_subscription_id,
                    } => {
                        sorted.alerts.push(Alert::SubscriptionDeleted {
                            subscription: event_subscription_id,
                        });
                    }
                    _ => {}
                }
            }
            Err(why) => sorted.unreadable.push((element.raw().to_owned(), why)),
        }
    }
    sorted
}

enum Read {
    Wanted(Box<NewEvent>),
    System(GridEvent),
}

fn read(element: &Element<'_>, router: &dyn Router) -> Result<Read, String> {
    let event = element.event().map_err(|error| error.to_string())?;
    if let Some(system) = event.system() {
        return Ok(Read::System(system));
    }
    let view = EventView::of(event).map_err(|error| error.to_string())?;
    let routes = router.route(&view);
    Ok(Read::Wanted(Box::new(new_event(
        element.raw(),
        event,
        &view,
        &routes,
    ))))
}

/// What is being released by an event.
pub(crate) fn release_of(event: &Event<'_>, view: &EventView<'_>) -> ReleaseKey {
    let source = event.source().to_lowercase();
    match (view.model(), view.version()) {
        (Some(model), Some(version)) => {
            let workspace = view.workspace().map(eventgrid_schema::WorkspaceId::canonical);
            ReleaseKey::of_model(&workspace.unwrap_or(source), model, version)
        }
        _ => ReleaseKey::of_event(&source, event.id()),
    }
}

/// What counts as one release on a route; and why a person must decide, where the route's own key cannot be made: then it is known by the
/// usual one.
pub(crate) fn release_on(
    route: &Route,
    view: &EventView<'_>,
    usual: &ReleaseKey,
) -> (ReleaseKey, Option<String>) {
    match route.release_key(view) {
        None => (usual.clone(), None),
        Some(Ok(own)) => (own, None),
        Some(Err(error)) => (usual.clone(), Some(error.to_string())),
    }
}

/// The columns of an event, and an item for each route that wants it.
pub(crate) fn new_event(
    raw: &str,
    event: &Event<'_>,
    view: &EventView<'_>,
    routes: &[std::sync::Arc<Route>],
) -> NewEvent {
    let workspace = view.workspace().map(eventgrid_schema::WorkspaceId::canonical);
    let place_of = workspace.clone().unwrap_or_else(|| event.source().to_lowercase());
    let release = release_of(event, view);
    let instant = event
        .time()
        .map(|time| (time.unix_seconds(), time.subsec_nanos()));
    let wanted = routes
        .iter()
        .map(|route| new_item(route, view, &release, &place_of, instant))
        .collect::<Vec<_>>();
    let unwanted = wanted.is_empty().then(|| {
        format!(
            "no route wants {} of {:?}",
            event.event_type().as_str(),
            event.subject().unwrap_or_default()
        )
    });
    NewEvent {
        key: event.key().as_str().to_owned(),
        event_type: event.event_type().as_str().to_owned(),
        subject: event.subject().map(str::to_owned),
        workspace,
        model: view.model().map(str::to_owned),
        version: view.version().map(str::to_owned),
        time: event.time().map(|time| time.as_str().to_owned()),
        instant,
        release,
        body: raw.to_owned(),
        wanted,
        unwanted,
    }
}

fn new_item(
    route: &Route,
    view: &EventView<'_>,
    release: &ReleaseKey,
    workspace: &str,
    instant: Option<(i64, u32)>,
) -> NewItem {
    let (own, unkeyed) = release_on(route, view, release);
    let key = DispatchKey::new(&own, route.name());
    let policy = route.policy();
    let lane = view
        .model()
        .map(|model| serde_json::Value::from([workspace, model, route.name()].as_slice()).to_string());
    let place = match (&lane, policy.order) {
        (None, _) => Ok(None),
        (Some(_), Order::Version) => Place::of_version(view.version().unwrap_or_default()).map(Some),
        (Some(_), Order::EventTime) => instant.ok_or(NoPlace::NoTime).map(|(seconds, nanos)| {
            Some(Place::EventTime {
                seconds,
                nanos,
                id: view.event().id().to_owned(),
            })
        }),
    };
    // A payload that cannot be made will not be made later either: a person is told now.
    let unpayable = route
        .payload(view, &RelayId::new(&key, 1))
        .err()
        .map(|error| error.to_string());
    let (place, unplaced) = match place {
        Ok(place) => (place, None),
        Err(error) => (None, Some(error.to_string())),
    };
    NewItem {
        route: route.name().to_owned(),
        snapshot: route.snapshot().to_owned(),
        key,
        policy,
        target: route.target().clone(),
        lane,
        place,
        park: unkeyed.or(unpayable).or(unplaced),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::MemoryJournal;
    use crate::rules::{RouteConfig, RuleSet};

    async fn taken(journal: &MemoryJournal, max_body_bytes: usize, body: &str) -> Taken {
        let rules = RuleSet::load([RouteConfig::new("deploy", "contoso/deploy")]).unwrap();
        let keep = KeepUnreadable {
            rows: 9,
            bytes: 9_000,
        };
        let now = Timestamp::from_unix_ms(1);
        take(journal, &rules, keep, max_body_bytes, now, body.as_bytes()).await
    }

    fn event(event_type: &str) -> String {
        format!(
            r#"[{{"id":"1","topic":"/w","subject":"models/m:1","eventType":"Microsoft.MachineLearningServices.{event_type}",
            "eventTime":"2026-11-22T10:00:00Z","data":{{"modelName":"m","modelVersion":"1"}},"dataVersion":"2"}}]"#
        )
    }

    /// Whoever sends is woken by work, and by nothing else: an idle relay would otherwise wait for its next round.
    #[tokio::test]
    async fn ok_only_what_was_accepted_is_work() {
        let journal = MemoryJournal::new();
        let mut work = Vec::new();
        for body in [
            "[]",
            &event("RunCompleted"),
            &event("ModelRegistered"),
            &event("ModelRegistered"),
        ] {
            let taken = taken(&journal, 4_096, body).await;
            assert!(matches!(taken.reply, Reply::Accepted(_)), "{taken:?}");
            work.push(taken.work);
        }
        assert_eq!(work, [false, false, true, false]);
    }

    /// A host that asked no webhook first is told the same.
    #[tokio::test]
    async fn err_too_large_is_told_apart_from_unreadable() {
        let journal = MemoryJournal::new();
        let reply = taken(&journal, 9, &event("ModelRegistered")).await.reply;
        assert!(matches!(reply, Reply::TooLarge { .. }), "{reply:?}");
        let reply = taken(&journal, 9, "[1,").await.reply;
        assert!(matches!(reply, Reply::Unreadable { .. }), "{reply:?}");
    }
}
