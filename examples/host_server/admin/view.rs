//! **Here**: what the journal holds, as JSON: items by page, one item with its event and its story, the overview.
//! **Not here**: what changes anything (`command`).
//! **Reads**: pages of `scan`.
//! **Source**: DESIGN section 7: the history of one model version reads like a story. Instants are milliseconds since 1970.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use relay_core::Relay;
use relay_core::journal::item::{EventSeq, Item, ItemId, Phase};
use relay_core::journal::scan::{Entry, HistoryRow, ItemFilter, Page, ScanQuery};
use relay_core::journal::state::Step;
use serde_json::{Value, json};

use super::{Admin, Answer, Refusal, done};

/// Items on a page where nobody says how many, and at most.
const LIMIT: usize = 100;
const MAX_LIMIT: usize = 500;
/// So many items are looked at for one page; a page that ends there says where to go on.
const MAX_LOOKED_AT: usize = 5_000;
/// So many lines of one item's story are shown.
const MAX_STORY: usize = 2_000;
/// Rows of one scan.
const ROWS: usize = 500;

const VERDICTS: [&str; 5] = ["dispatched", "superseded", "refused", "cancelled", "parked"];

/// Which items; the journal looks for some of it, and this host for the rest.
#[derive(Debug, Default)]
struct Wanted {
    filter: ItemFilter,
    route: Option<String>,
    workspace: Option<String>,
    model: Option<String>,
    version: Option<String>,
    after: i64,
    limit: Option<usize>,
}

impl Wanted {
    fn parse(query: Option<&str>) -> Result<Self, Refusal> {
        let mut wanted = Self::default();
        for (key, value) in pairs(query) {
            match key.as_str() {
                "phase" => wanted.filter.phases.push(phase(&value)?),
                "verdict" => wanted.filter.verdict = Some(verdict(value)?),
                "event" => wanted.filter.event = Some(EventSeq(number("event", &value)?)),
                "relay_id" => wanted.filter.relay_id = Some(value),
                "route" => wanted.route = Some(value),
                "workspace" => wanted.workspace = Some(value.trim_end_matches('/').to_lowercase()),
                "model" => wanted.model = Some(value),
                "version" => wanted.version = Some(value),
                "after" => wanted.after = number("after", &value)?,
                "limit" => wanted.limit = Some(limit(&value)?),
                _ => {
                    return Err(Refusal::bad(
                        "expected phase, verdict, event, relay_id, route, workspace, model, version, after, limit",
                    ));
                }
            }
        }
        Ok(wanted)
    }

    fn is_met(&self, item: &Item) -> bool {
        let [workspace, model, version] = release_of(item);
        let same = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        let in_workspace = self.workspace.as_ref().is_none_or(|wanted| {
            workspace
                .as_ref()
                .is_some_and(|found| found == wanted || found.rsplit('/').next() == Some(wanted))
        });
        self.route.as_ref().is_none_or(|route| *route == item.route)
            && in_workspace
            && same(&self.model, &model)
            && same(&self.version, &version)
    }
}

pub(super) fn phase(word: &str) -> Result<Phase, Refusal> {
    let words = Phase::ALL.map(Phase::as_str).join(", ");
    Phase::parse(word).ok_or_else(|| Refusal::bad(format!("phase: expected one of {words}")))
}

pub(super) fn verdict(word: String) -> Result<String, Refusal> {
    if VERDICTS.contains(&word.as_str()) {
        Ok(word)
    } else {
        Err(Refusal::bad(format!(
            "verdict: expected one of {}",
            VERDICTS.join(", ")
        )))
    }
}

fn number(key: &str, text: &str) -> Result<i64, Refusal> {
    match text.parse() {
        Ok(number) if number >= 0 => Ok(number),
        _ => Err(Refusal::bad(format!("{key}: a number is expected"))),
    }
}

fn limit(text: &str) -> Result<usize, Refusal> {
    match text.parse() {
        Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        _ => Err(Refusal::bad(format!("limit: from 1 to {MAX_LIMIT}"))),
    }
}

fn pairs(query: Option<&str>) -> impl Iterator<Item = (String, String)> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.map(|(key, value)| (key.into_owned(), value.into_owned()))
}

/// Whether the bodies of events are asked for, by `body=1`; nothing else is.
pub(super) fn wants_body(query: Option<&str>) -> Result<bool, Refusal> {
    let mut wants = false;
    for (key, value) in pairs(query) {
        match (key.as_str(), value.as_str()) {
            ("body", "1") => wants = true,
            ("body", "0") => wants = false,
            _ => return Err(Refusal::bad("expected body=1")),
        }
    }
    Ok(wants)
}

/// What `/readyz` says.
pub(super) async fn overview(State(admin): State<Arc<Admin>>) -> Answer {
    done(&json!(admin.relay.health().await))
}

pub(super) async fn items(State(admin): State<Arc<Admin>>, RawQuery(query): RawQuery) -> Answer {
    let wanted = Wanted::parse(query.as_deref())?;
    let limit = wanted.limit.unwrap_or(LIMIT);
    let (mut found, mut after, mut looked_at) = (Vec::new(), wanted.after, 0);
    let mut next = None;
    'pages: while looked_at < MAX_LOOKED_AT {
        let page = page_of_items(&admin.relay, after, &wanted.filter, ROWS).await?;
        let is_last = page.len() < ROWS;
        for item in page {
            after = item.id.0;
            looked_at += 1;
            if wanted.is_met(&item) {
                found.push(shown(&item));
            }
            if found.len() == limit {
                next = Some(after);
                break 'pages;
            }
        }
        next = (!is_last).then_some(after);
        if is_last {
            break;
        }
    }
    done(&json!({ "items": found, "next": next }))
}

pub(super) async fn item(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let with_body = wants_body(query.as_deref())?;
    let item = find(&admin.relay, &id).await?;
    let event = event(&admin.relay, item.event, with_body).await?;
    let story = story(&admin.relay, item.id).await?;
    let mut view = shown(&item);
    if let Some(view) = view.as_object_mut() {
        let route = serde_json::from_str(&item.snapshot).unwrap_or(Value::Null);
        view.insert("route_as_accepted".to_owned(), route);
    }
    done(&json!({
        "item": view,
        "event": event,
        "attempts": attempts(&story),
        "history": story.iter().map(line).collect::<Vec<_>>(),
        "history_is_whole": story.len() < MAX_STORY,
    }))
}

/// The item with this number.
pub(super) async fn find(relay: &Relay, id: &str) -> Result<Item, Refusal> {
    let number = number("the item's number", id)?;
    let found = page_of_items(relay, number.saturating_sub(1), &ItemFilter::default(), 1).await?;
    let item = found.into_iter().find(|item| item.id.0 == number);
    item.ok_or_else(|| Refusal::not_found(format!("there is no item {number}")))
}

async fn page_of_items(
    relay: &Relay,
    after: i64,
    filter: &ItemFilter,
    limit: usize,
) -> Result<Vec<Item>, Refusal> {
    let query = ScanQuery::Items {
        after: ItemId(after),
        filter: filter.clone(),
        limit,
    };
    match relay.scan(query).await? {
        Page::Items(items) => Ok(items),
        _ => Err(another_page()),
    }
}

/// The event, without the element as it came unless that is asked for.
async fn event(relay: &Relay, seq: EventSeq, with_body: bool) -> Result<Value, Refusal> {
    let after = EventSeq(seq.0.saturating_sub(1));
    let Page::Events(events) = relay.scan(ScanQuery::Events { after, limit: 1 }).await? else {
        return Err(another_page());
    };
    let Some(mut row) = events.into_iter().find(|row| row.seq == seq) else {
        return Ok(Value::Null);
    };
    let has_body = row.body.is_some();
    let body = row.body.take().filter(|_| with_body);
    let mut view = json!(row);
    if let Some(view) = view.as_object_mut() {
        view.remove("body");
        view.insert("has_body".to_owned(), has_body.into());
        if let Some(body) = body {
            let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
            view.insert("body".to_owned(), body);
        }
    }
    Ok(view)
}

async fn story(relay: &Relay, item: ItemId) -> Result<Vec<HistoryRow>, Refusal> {
    let mut story: Vec<HistoryRow> = Vec::new();
    while story.len() < MAX_STORY {
        let query = ScanQuery::History {
            after: story.last().map_or(0, |row| row.seq),
            item: Some(item),
            limit: ROWS,
        };
        let Page::History(page) = relay.scan(query).await? else {
            return Err(another_page());
        };
        let is_last = page.len() < ROWS;
        story.extend(page);
        if is_last {
            break;
        }
    }
    Ok(story)
}

/// Each intent to send, with what came of it: the step that follows.
fn attempts(story: &[HistoryRow]) -> Vec<Value> {
    let steps = story.iter().filter_map(|row| match &row.entry {
        Entry::Stepped { step } => Some((row, step)),
        _ => None,
    });
    let steps: Vec<(&HistoryRow, &Step)> = steps.collect();
    let sends = steps.iter().enumerate();
    let sends = sends.filter(|(_, (_, step))| matches!(step, Step::Send { .. }));
    sends
        .map(|(index, (row, _))| match steps.get(index + 1) {
            Some((after, step)) => json!({ "started_at": row.at, "ended_at": after.at, "outcome": step }),
            None => json!({ "started_at": row.at }),
        })
        .collect()
}

/// An item without the route that it keeps, which is shown with a single one, and with what it releases.
fn shown(item: &Item) -> Value {
    let [workspace, model, version] = release_of(item);
    let mut view = json!(item);
    if let Some(view) = view.as_object_mut() {
        view.remove("snapshot");
        view.insert("workspace".to_owned(), workspace.into());
        view.insert("model".to_owned(), model.into());
        view.insert("version".to_owned(), version.into());
    }
    view
}

/// A line of history; the item at its beginning is shown as elsewhere.
fn line(row: &HistoryRow) -> Value {
    let mut line = json!(row);
    if let (Entry::Began { item }, Some(began)) = (&row.entry, line.pointer_mut("/entry/item")) {
        *began = shown(item);
    }
    line
}

/// Workspace, model and version, where it releases a model; the key of a dispatch is JSON within JSON.
fn release_of(item: &Item) -> [Option<String>; 3] {
    let release = serde_json::from_str::<[String; 2]>(item.key.as_str());
    let release = release.and_then(|[_, release]| serde_json::from_str::<[String; 4]>(&release));
    match release {
        Ok([kind, workspace, model, version]) if kind == "model" => [workspace, model, version].map(Some),
        _ => [None, None, None],
    }
}

fn another_page() -> Refusal {
    Refusal::new(
        http::StatusCode::INTERNAL_SERVER_ERROR,
        "failed",
        "the journal gave another page than was asked for",
    )
}
