//! **Here**: the paths below `/admin`, who may go there, and how a refusal is said.
//! **Not here**: what is shown (`view`), what is commanded (`command`), copies of the whole journal (`copy`).
//! **Reads**: requests with the secret of `[admin]`; where there is no such section, none of these paths is there.
//! **Source**: our own. The secret is another than the webhook's: that one stands in the settings of event subscriptions.

mod command;
mod copy;
mod view;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::{HeaderMap, StatusCode, header};
use relay_core::Relay;
use relay_core::journal::JournalError;
use relay_core::report::report;
use relay_core::webhook::SharedSecrets;
use relay_examples::host::body::{read, within};
use relay_sqlite::SqliteJournal;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::http::discard;

/// The largest body of a command.
const MAX_BODY_BYTES: usize = 64 << 10;
/// How long it may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// The header that may carry the secret; `authorization: Bearer` is the other.
const HEADER: &str = "x-relay-admin";
/// Who commands, in their own words: for the log.
const WHO: &str = "x-relay-who";
/// The longest of these words.
const MAX_WHO: usize = 64;

/// What is behind the door, and who may pass.
#[derive(Debug)]
pub(crate) struct Admin {
    relay: Relay,
    journal: Arc<SqliteJournal>,
    secrets: SharedSecrets,
    backups: Option<PathBuf>,
    /// One copy of the whole journal at a time.
    copies: Arc<Semaphore>,
}

impl Admin {
    pub(crate) fn new(
        relay: Relay,
        journal: Arc<SqliteJournal>,
        secrets: SharedSecrets,
        backups: Option<PathBuf>,
    ) -> Arc<Self> {
        Arc::new(Self {
            relay,
            journal,
            secrets,
            backups,
            copies: Arc::new(Semaphore::new(1)),
        })
    }

    /// Whether a request with these headers carries the secret.
    pub(crate) fn admits(&self, headers: &HeaderMap) -> bool {
        let bearer = headers.get_all(header::AUTHORIZATION).iter().filter_map(|value| {
            let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
        });
        let own = headers.get_all(HEADER).iter();
        let own = own.filter_map(|value| value.to_str().ok());
        bearer
            .chain(own)
            .fold(false, |any, shown| any | self.secrets.knows(shown))
    }
}

/// Everything below `/admin`.
pub(crate) fn router(admin: &Arc<Admin>) -> Router {
    let nowhere = || any(async || Refusal::not_found("there is no such path"));
    Router::new()
        .route("/admin/overview", get(view::overview))
        .route("/admin/items", get(view::items))
        .route("/admin/items/{id}", get(view::item))
        .route("/admin/items/{id}/replay", post(command::replay))
        .route("/admin/items/{id}/cancel", post(command::cancel))
        .route("/admin/items/{id}/refuse", post(command::refuse))
        .route("/admin/replay", post(command::replay_all))
        .route("/admin/pause", post(command::pause))
        .route("/admin/resume", post(command::resume))
        .route("/admin/recheck", post(command::recheck))
        .route("/admin/forget", post(command::forget))
        .route("/admin/export", get(copy::export))
        .route("/admin/backup", post(copy::backup))
        .method_not_allowed_fallback(async || {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "wrong_method",
                "this path has another method",
            )
        })
        .route("/admin", nowhere())
        .route("/admin/", nowhere())
        .route("/admin/{*path}", nowhere())
        .layer(from_fn_with_state(Arc::clone(admin), door))
        .with_state(Arc::clone(admin))
}

/// Nothing is read, and no path is told from another, before the secret was shown.
async fn door(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    if admin.admits(request.headers()) {
        return next.run(request).await;
    }
    tracing::warn!("a request to /admin without its secret was refused");
    let (head, body) = request.into_parts();
    discard(&head, body);
    unauthorized()
}

/// The answer to whoever has not shown the secret.
pub(crate) fn unauthorized() -> Response {
    let refusal = Refusal::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "the secret is missing or wrong",
    );
    ([(header::WWW_AUTHENTICATE, "Bearer")], refusal).into_response()
}

type Answer = Result<Response, Refusal>;

/// Why not, as JSON: a word for programs, a text for persons.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    word: &'static str,
    why: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, word: &'static str, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { status, word, why }
    }

    fn bad(why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", why)
    }

    fn not_found(why: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", why)
    }

    fn conflict(why: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "refused", why)
    }
}

impl From<JournalError> for Refusal {
    fn from(error: JournalError) -> Self {
        let why = report(&error);
        match error {
            JournalError::Refused { .. } | JournalError::Illegal(_) => Self::conflict(why),
            JournalError::Unavailable { .. } => Self::new(StatusCode::SERVICE_UNAVAILABLE, "try_again", why),
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", why),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        answer(self.status, &json!({ "error": self.word, "why": self.why }))
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let mut text = body.to_string();
    text.push('\n');
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, json, text).into_response()
}

fn done(body: &Value) -> Answer {
    Ok(answer(StatusCode::OK, body))
}

/// The body of a command; nothing at all counts as an empty object.
async fn body<T: DeserializeOwned>(mut body: Body) -> Result<T, Refusal> {
    let Some(Some(bytes)) = within(BODY_WITHIN, read(&mut body, MAX_BODY_BYTES)).await else {
        let why = "the body did not come in time";
        return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "too_slow", why));
    };
    if bytes.len() > MAX_BODY_BYTES {
        let why = format!("a command has {MAX_BODY_BYTES} bytes at most");
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", why));
    }
    let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    serde_json::from_slice(bytes).map_err(|error| Refusal::bad(format!("the body: {error}")))
}

/// Who says that they command. A label and no proof: the proof is the secret.
fn who(headers: &HeaderMap) -> Result<&str, Refusal> {
    let Some(value) = headers.get(WHO) else {
        return Ok("");
    };
    match value.to_str() {
        Ok(text) if text.len() <= MAX_WHO => Ok(text),
        _ => Err(Refusal::bad(format!(
            "{WHO} has {MAX_WHO} characters of ASCII at most"
        ))),
    }
}
