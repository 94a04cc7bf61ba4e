//! **Here**: what a person commands over HTTP: replay, cancel, refuse, pause, resume, recheck, forget.
//! **Not here**: what becomes of it (`relay_core::journal::verbs`).
//! **Reads**: bodies of requests; the relay carries out.
//! **Source**: DESIGN section 6. A command that is refused is 409, and nothing of it was done.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use http::HeaderMap;
use relay_core::journal::item::{EventSeq, Item};
use relay_core::journal::scan::ItemFilter;
use relay_core::journal::{Closing, Command};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Admin, Answer, Refusal, body, done, view, who};

/// The longest reason.
const MAX_WHY: usize = 500;
/// How many items one command sends once more where nobody says so, and at most.
const REPLAYED: usize = 100;
const MAX_REPLAYED: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replay {
    #[serde(default)]
    allow_older: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayAll {
    filter: Filter,
    #[serde(default)]
    allow_older: bool,
    limit: Option<usize>,
}

/// Something of it must be said: nobody means every item that there ever was.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    verdict: Option<String>,
    event: Option<i64>,
    relay_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pause {
    what: What,
    why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resume {
    what: What,
}

/// `"everything"`, or `{"identity": …, "repository": …}`.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"everything\", or an identity and a repository"
)]
enum What {
    Word(Everything),
    Target(Target),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Everything {
    Everything,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    identity: String,
    repository: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forget {
    workspace: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

type Asked = (State<Arc<Admin>>, HeaderMap);

pub(super) async fn replay((State(admin), headers): Asked, Path(id): Path<String>, asked: Body) -> Answer {
    let (item, Replay { allow_older }) = (view::find(&admin.relay, &id).await?, body(asked).await?);
    let command = Command::Replay {
        item: item.id,
        allow_older,
    };
    carry_out(&admin, &headers, command).await
}

pub(super) async fn cancel((State(admin), headers): Asked, Path(id): Path<String>, asked: Body) -> Answer {
    let (Item { id: item, .. }, why) = (view::find(&admin.relay, &id).await?, body(asked).await?);
    let why = reason(why)?;
    carry_out(&admin, &headers, Command::Cancel { item, why }).await
}

pub(super) async fn refuse((State(admin), headers): Asked, Path(id): Path<String>, asked: Body) -> Answer {
    let (Item { id: item, .. }, why) = (view::find(&admin.relay, &id).await?, body(asked).await?);
    let why = reason(why)?;
    carry_out(&admin, &headers, Command::Refuse { item, why }).await
}

pub(super) async fn replay_all((State(admin), headers): Asked, asked: Body) -> Answer {
    let ReplayAll {
        filter,
        allow_older,
        limit,
    } = body(asked).await?;
    let limit = limit.unwrap_or(REPLAYED);
    if !(1..=MAX_REPLAYED).contains(&limit) {
        return Err(Refusal::bad(format!("limit: from 1 to {MAX_REPLAYED}")));
    }
    let filter = ItemFilter {
        verdict: filter.verdict.map(view::verdict).transpose()?,
        event: filter.event.map(EventSeq),
        relay_id: filter.relay_id,
        ..ItemFilter::default()
    };
    if filter == ItemFilter::default() {
        return Err(Refusal::bad("filter: verdict, event or relay_id is expected"));
    }
    let command = Command::ReplayAll {
        filter,
        allow_older,
        limit,
    };
    carry_out(&admin, &headers, command).await
}

pub(super) async fn pause((State(admin), headers): Asked, asked: Body) -> Answer {
    let Pause { what, why } = body(asked).await?;
    let (what, why) = (closing(what), reason(Why { why })?);
    carry_out(&admin, &headers, Command::Pause { what, why }).await
}

pub(super) async fn resume((State(admin), headers): Asked, asked: Body) -> Answer {
    let Resume { what } = body(asked).await?;
    let what = closing(what);
    carry_out(&admin, &headers, Command::Resume { what }).await
}

pub(super) async fn recheck((State(admin), headers): Asked, asked: Body) -> Answer {
    let Nothing {} = body(asked).await?;
    carry_out(&admin, &headers, Command::Recheck).await
}

pub(super) async fn forget((State(admin), headers): Asked, asked: Body) -> Answer {
    let Forget { workspace } = body(asked).await?;
    carry_out(&admin, &headers, Command::Forget { workspace }).await
}

/// Carries it out, and says in the log who asked for what, and whether it was done.
async fn carry_out(admin: &Admin, headers: &HeaderMap, command: Command) -> Answer {
    let who = who(headers)?;
    let what = format!("{command:?}");
    match admin.relay.carry_out(command).await {
        Ok(written) => {
            tracing::info!(who, command = what, "a command was carried out");
            let made: Vec<i64> = written.made.iter().map(|item| item.0).collect();
            let passed_over = written.passed_over.iter();
            let passed_over = passed_over.map(|(item, why)| json!({ "item": item.0, "why": why }));
            let passed_over = Value::Array(passed_over.collect());
            done(&json!({ "made": made, "passed_over": passed_over }))
        }
        Err(error) => {
            let refusal = Refusal::from(error);
            tracing::warn!(who, command = what, why = refusal.why, "a command was refused");
            Err(refusal)
        }
    }
}

fn reason(Why { why }: Why) -> Result<String, Refusal> {
    if why.trim().is_empty() || why.len() > MAX_WHY || why.contains(char::is_control) {
        return Err(Refusal::bad(format!(
            "why: a reason on one line is expected, of {MAX_WHY} bytes at most"
        )));
    }
    Ok(why)
}

fn closing(what: What) -> Closing {
    match what {
        What::Word(Everything::Everything) => Closing::Journal,
        What::Target(Target { identity, repository }) => Closing::Target { identity, repository },
    }
}
