//! **Here**: what GitHub posts to us: the signature verified, then `workflow_run`, `workflow_job` and `deployment_status` as values.
//! **Not here**: sockets (the host), creating webhooks, redelivery.
//! **Reads**: headers and the raw bytes of a body; a host that prefers a push to polling uses it.
//! **Source**: <https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries> and
//! <https://docs.github.com/webhooks/webhook-events-and-payloads>, read 2026-11-23.
//!
//! Answer with any 2xx within 10 s (30 s on Enterprise Server), whatever the event is: GitHub does not deliver again by itself.
//! Deliveries come in any order; the key of a run is its id with its attempt, and only `completed` with a conclusion is an end.
//!
//! ```
//! use github_dispatch::webhooks::{WebhookEvent, WebhookSecrets, read_webhook};
//! use http::HeaderMap;
//!
//! let secrets = WebhookSecrets::new(["It's a Secret to Everybody"])?;
//! let body = br#"{"action":"completed","workflow_run":{"id":7,"conclusion":"success"},"repository":{"full_name":"a/b"}}"#;
//! let mut headers = HeaderMap::new();
//! headers.insert("x-github-event", "workflow_run".parse()?);
//! headers.insert("x-hub-signature-256", secrets.sign(body).parse()?);
//! let webhook = read_webhook(&headers, body, &secrets)?;
//! let WebhookEvent::WorkflowRun(event) = webhook.event else { panic!("another event") };
//! assert!(event.has_ended());
//!
//! assert!(read_webhook(&headers, b"{}", &secrets).is_err(), "not what was signed");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;

use crate::runs::{Run, RunConclusion, RunStatus, words};

/// The header that carries the signature. The older `X-Hub-Signature` (SHA-1) is not looked at.
const SIGNATURE: &str = "x-hub-signature-256";
const EVENT: &str = "x-github-event";
const DELIVERY: &str = "x-github-delivery";

/// A webhook secret that is empty: anybody could sign with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("webhook secret number {index} is empty, and anybody could sign with it")]
#[non_exhaustive]
pub struct EmptyWebhookSecret {
    /// Which one, counted from 1.
    pub index: usize,
}

/// The secrets with which deliveries may be signed; several at once, so that one can be replaced by another.
#[derive(Clone)]
pub struct WebhookSecrets(Vec<SecretString>);

impl WebhookSecrets {
    /// These secrets, taken as they are: a line end at the end of one is a part of it.
    ///
    /// # Errors
    /// One of them is empty. None at all verifies nothing.
    pub fn new<S: Into<String>>(secrets: impl IntoIterator<Item = S>) -> Result<Self, EmptyWebhookSecret> {
        let secrets: Vec<String> = secrets.into_iter().map(Into::into).collect();
        if let Some(index) = secrets.iter().position(String::is_empty) {
            return Err(EmptyWebhookSecret { index: index + 1 });
        }
        Ok(Self(secrets.into_iter().map(SecretString::from).collect()))
    }

    /// The value of `X-Hub-Signature-256` for a body, by the first secret: for tests and for stand-ins of GitHub. Empty when there is
    /// no secret.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> String {
        use fmt::Write as _;
        let Some(mac) = self.0.first().and_then(|secret| mac(secret, body)) else {
            return String::new();
        };
        let mut text = "sha256=".to_owned();
        for byte in mac.finalize().into_bytes() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// Whether one of the secrets signed these bytes. Every secret is tried, each in constant time.
    fn signed(&self, body: &[u8], signature: &[u8]) -> bool {
        let verify = |secret| mac(secret, body).is_some_and(|mac| mac.verify_slice(signature).is_ok());
        self.0.iter().fold(false, |any, secret| verify(secret) | any)
    }
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookSecrets({})", self.0.len())
    }
}

fn mac(secret: &SecretString, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    mac.update(body);
    Some(mac)
}

/// A delivery that is not to be believed, or cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// No `X-Hub-Signature-256`, or not `sha256=` and 64 hexadecimal digits. Answer 401.
    #[error("the delivery has no signature by SHA-256")]
    NotSigned,
    /// None of the secrets made the signature. Answer 401.
    #[error("none of the secrets made the signature of the delivery")]
    WrongSignature,
    /// The signature is right, and the body is not what the event's name says. Answer 400.
    #[error("the body is no {event} event")]
    Unreadable {
        /// The event's name.
        event: String,
        /// What serde_json says: a place and an expected type.
        #[source]
        source: serde_json::Error,
    },
}

/// A delivery whose signature is right.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Webhook {
    /// `X-GitHub-Delivery`: a GUID, the same when it is delivered again by hand.
    pub delivery_id: Option<String>,
    /// What happened.
    pub event: WebhookEvent,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WebhookEvent {
    /// `workflow_run`: a run was asked for, began or ended.
    WorkflowRun(Box<WorkflowRunEvent>),
    /// `workflow_job`: the same for one of its jobs.
    WorkflowJob(Box<WorkflowJobEvent>),
    /// `deployment_status`: an environment has something new, or failed to.
    DeploymentStatus(Box<DeploymentStatusEvent>),
    /// `ping`: the webhook was made.
    Ping,
    /// Any other event, unread.
    Other {
        /// `X-GitHub-Event`.
        name: String,
    },
}

words!(
    /// What is said of a run or job. `requested` does not come when a run is repeated.
    WorkflowAction {
        /// A run was asked for.
        Requested = "requested",
        /// A job waits for a runner.
        Queued = "queued",
        /// A job waits for an approval.
        Waiting = "waiting",
        /// It began.
        InProgress = "in_progress",
        /// It ended.
        Completed = "completed",
    }
);

/// Shape: `{"action": "completed", "workflow_run": {…}, "repository": {"full_name": "owner/name"}, …}`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct WorkflowRunEvent {
    /// `action`.
    pub action: WorkflowAction,
    /// `workflow_run`.
    pub workflow_run: Run,
    /// `repository`.
    pub repository: WebhookRepository,
}

impl WorkflowRunEvent {
    /// Whether this is an end of the run: `completed`, with a conclusion that is one. `action_required` is none.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let conclusion = self.workflow_run.conclusion.as_ref();
        self.action == WorkflowAction::Completed
            && conclusion.is_some_and(|conclusion| *conclusion != RunConclusion::ActionRequired)
    }

    /// What tells one run from another, and one attempt of it: deliveries come in any order, and more than once.
    #[must_use]
    pub fn key(&self) -> (u64, u32) {
        (self.workflow_run.id, self.workflow_run.run_attempt.unwrap_or(1))
    }

    /// Whether the run shows the id of a dispatch in its title; see [`workflow_file`](crate::workflow_file).
    #[must_use]
    pub fn shows_id(&self, id: &str) -> bool {
        crate::runs::shows_id(&self.workflow_run, id)
    }
}

/// `repository`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct WebhookRepository {
    /// `full_name`, as GitHub spells it.
    pub full_name: String,
}

/// Shape: `{"action": "completed", "workflow_job": {…}, "repository": {…}, …}`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct WorkflowJobEvent {
    /// `action`.
    pub action: WorkflowAction,
    /// `workflow_job`.
    pub workflow_job: WorkflowJob,
    /// `repository`.
    pub repository: WebhookRepository,
}

/// A job of a run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct WorkflowJob {
    /// `id`: JSON integer of up to 64 bits.
    pub id: u64,
    /// `run_id`: whose job it is.
    pub run_id: u64,
    /// `run_attempt`: 1 for the first.
    #[serde(default)]
    pub run_attempt: Option<u32>,
    /// `name`.
    #[serde(default)]
    pub name: Option<String>,
    /// `status`.
    #[serde(default)]
    pub status: Option<RunStatus>,
    /// `conclusion`; none while it runs.
    #[serde(default)]
    pub conclusion: Option<RunConclusion>,
    /// `html_url`: where a person looks at it.
    #[serde(default)]
    pub html_url: Option<String>,
    /// `steps`; empty before it began.
    #[serde(default, deserialize_with = "or_default")]
    pub steps: Vec<WorkflowStep>,
}

/// A step of a job.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct WorkflowStep {
    /// `number`, from 1 on.
    pub number: u32,
    /// `name`.
    #[serde(default)]
    pub name: Option<String>,
    /// `status`.
    #[serde(default)]
    pub status: Option<RunStatus>,
    /// `conclusion`; none while it runs.
    #[serde(default)]
    pub conclusion: Option<RunConclusion>,
}

words!(
    /// How a deployment stands.
    DeploymentState {
        /// Asked for.
        Pending = "pending",
        /// In a queue.
        Queued = "queued",
        /// On an approval.
        Waiting = "waiting",
        /// Under way.
        InProgress = "in_progress",
        /// It is there.
        Success = "success",
        /// It failed.
        Failure = "failure",
        /// Something else failed.
        Error = "error",
        /// It was replaced.
        Inactive = "inactive",
    }
);

/// Shape: `{"action": "created", "deployment_status": {…}, "deployment": {…}, "repository": {…}, …}`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct DeploymentStatusEvent {
    /// `deployment_status`.
    pub deployment_status: DeploymentStatus,
    /// `deployment`.
    pub deployment: Deployment,
    /// `workflow_run`, where a run made the deployment.
    #[serde(default)]
    pub workflow_run: Option<Run>,
    /// `repository`.
    pub repository: WebhookRepository,
}

/// What is new of a deployment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct DeploymentStatus {
    /// `state`.
    pub state: DeploymentState,
    /// `environment`.
    #[serde(default)]
    pub environment: Option<String>,
    /// `environment_url`; often an empty text.
    #[serde(default)]
    pub environment_url: Option<String>,
    /// `log_url`.
    #[serde(default)]
    pub log_url: Option<String>,
}

/// A deployment.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct Deployment {
    /// `id`: JSON integer of up to 64 bits.
    pub id: u64,
    /// `task`, such as `deploy`.
    #[serde(default)]
    pub task: Option<String>,
    /// `payload`: any JSON value; sometimes an object as text.
    #[serde(default)]
    pub payload: Value,
}

/// Verifies and reads one delivery. Give it the body as it came: bytes that were parsed and printed again have another signature.
///
/// # Errors
/// The signature is missing or wrong, or the body is not what its name says. Nothing of the body is looked at before the signature is right.
pub fn read_webhook(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &WebhookSecrets,
) -> Result<Webhook, WebhookError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signature = text(SIGNATURE)
        .and_then(signature)
        .ok_or(WebhookError::NotSigned)?;
    if !secrets.signed(body, &signature) {
        return Err(WebhookError::WrongSignature);
    }
    let name = text(EVENT).unwrap_or_default();
    let unreadable = |source| WebhookError::Unreadable {
        event: name.to_owned(),
        source,
    };
    let event = match name {
        "workflow_run" => WebhookEvent::WorkflowRun(serde_json::from_slice(body).map_err(unreadable)?),
        "workflow_job" => WebhookEvent::WorkflowJob(serde_json::from_slice(body).map_err(unreadable)?),
        "deployment_status" => {
            WebhookEvent::DeploymentStatus(serde_json::from_slice(body).map_err(unreadable)?)
        }
        "ping" => WebhookEvent::Ping,
        other => WebhookEvent::Other {
            name: other.to_owned(),
        },
    };
    Ok(Webhook {
        delivery_id: text(DELIVERY).map(str::to_owned),
        event,
    })
}

/// `sha256=` and 64 hexadecimal digits in any casing.
fn signature(text: &str) -> Option<[u8; 32]> {
    let digits = text.trim().strip_prefix("sha256=")?.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        let mut value = 0;
        for digit in pair {
            value = value << 4 | char::from(*digit).to_digit(16)?;
        }
        *byte = u8::try_from(value).ok()?;
    }
    Some(bytes)
}

/// Null counts as missing.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector that GitHub documents.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNED: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (http::HeaderName::from_static(name), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn read(event: &str, body: &str) -> Result<WebhookEvent, WebhookError> {
        let secrets = WebhookSecrets::new([SECRET]).unwrap();
        let signed = secrets.sign(body.as_bytes());
        let headers = headers(&[(EVENT, event), (SIGNATURE, &signed), (DELIVERY, "guid")]);
        let webhook = read_webhook(&headers, body.as_bytes(), &secrets)?;
        assert_eq!(webhook.delivery_id.as_deref(), Some("guid"));
        Ok(webhook.event)
    }

    #[test]
    fn ok_the_documented_vector_by_any_of_the_secrets() {
        let check = |secrets: &[&str], signature: &str, body: &[u8], expect: bool| {
            let secrets = WebhookSecrets::new(secrets.iter().copied()).unwrap();
            let read = read_webhook(&headers(&[(SIGNATURE, signature)]), body, &secrets);
            assert_eq!(read.is_ok(), expect, "{secrets:?} {signature} {read:?}");
        };
        check(&[SECRET], SIGNED, BODY, true);
        check(&["former", SECRET, "next"], SIGNED, BODY, true);
        check(&[SECRET], &SIGNED.replace("757107ea", "757107EA"), BODY, true);
        check(&[SECRET], SIGNED, b"Hello, World", false);
        check(&[SECRET], &SIGNED.replace("3e17", "3e18"), BODY, false);
        check(&["another"], SIGNED, BODY, false);
        check(&[], SIGNED, BODY, false);
        assert_eq!(WebhookSecrets::new([SECRET]).unwrap().sign(BODY), SIGNED);
    }

    #[test]
    fn err_what_is_no_signature_by_sha_256() {
        let secrets = WebhookSecrets::new([SECRET]).unwrap();
        for pairs in [
            &[][..],
            &[("x-hub-signature", SIGNED)],
            &[(SIGNATURE, "")],
            &[(SIGNATURE, "sha256=")],
            &[(SIGNATURE, &SIGNED[..SIGNED.len() - 1])],
            &[(SIGNATURE, &SIGNED[7..])],
            &[(
                SIGNATURE,
                "sha256=zz7107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            )],
        ] {
            let error = read_webhook(&headers(pairs), BODY, &secrets).unwrap_err();
            assert!(matches!(error, WebhookError::NotSigned), "{pairs:?}: {error}");
        }
        assert_eq!(
            WebhookSecrets::new(["a", ""]).unwrap_err().to_string(),
            "webhook secret number 2 is empty, and anybody could sign with it"
        );
        assert_eq!(format!("{secrets:?}"), "WebhookSecrets(1)");
    }

    #[test]
    fn ok_a_run_ends_only_when_it_is_completed_with_an_end() {
        let check = |action: &str, conclusion: &str, attempt: &str, ends: bool, key: (u64, u32)| {
            let body = format!(
                r#"{{"action":"{action}","workflow_run":{{"id":30000000001,"display_title":"deploy m [abc]","run_attempt":{attempt},"conclusion":{conclusion},"actor":null}},"repository":{{"full_name":"Contoso/Deploy"}}}}"#
            );
            let Ok(WebhookEvent::WorkflowRun(event)) = read("workflow_run", &body) else {
                panic!("{body}")
            };
            assert_eq!((event.has_ended(), event.key()), (ends, key), "{body}");
            assert!(event.shows_id("abc") && !event.shows_id("ab"));
            assert_eq!(event.repository.full_name, "Contoso/Deploy");
        };
        let id = 30_000_000_001;
        check("completed", "\"success\"", "1", true, (id, 1));
        check("completed", "\"startup_failure\"", "3", true, (id, 3));
        check("completed", "\"a_new_one\"", "null", true, (id, 1));
        check("completed", "\"action_required\"", "1", false, (id, 1));
        check("completed", "null", "1", false, (id, 1));
        check("in_progress", "null", "1", false, (id, 1));
        check("a_new_one", "\"success\"", "1", false, (id, 1));
    }

    #[test]
    fn ok_jobs_and_deployments() {
        let job = r#"{"action":"waiting","workflow_job":{"id":1,"run_id":2,"name":"deploy","status":"waiting","conclusion":null,"steps":null},"repository":{"full_name":"a/b"}}"#;
        let Ok(WebhookEvent::WorkflowJob(event)) = read("workflow_job", job) else {
            panic!("no job")
        };
        assert_eq!(event.action, WorkflowAction::Waiting);
        assert_eq!(
            (event.workflow_job.run_id, event.workflow_job.steps.len()),
            (2, 0)
        );

        let job = job.replace(
            "null}",
            r#"[{"number":1,"name":"Set up job","status":"completed","conclusion":"skipped"}]}"#,
        );
        let Ok(WebhookEvent::WorkflowJob(event)) = read("workflow_job", &job) else {
            panic!("no job")
        };
        assert_eq!(
            event.workflow_job.steps[0].conclusion,
            Some(RunConclusion::Skipped)
        );

        let status = r#"{"action":"created","deployment_status":{"state":"success","environment":"production","environment_url":"","log_url":null},"deployment":{"id":9,"task":"deploy","payload":"{}"},"workflow_run":null,"repository":{"full_name":"a/b"}}"#;
        let Ok(WebhookEvent::DeploymentStatus(event)) = read("deployment_status", status) else {
            panic!("no status")
        };
        assert_eq!(event.deployment_status.state, DeploymentState::Success);
        assert_eq!(
            (event.deployment.id, event.deployment.payload),
            (9, Value::from("{}"))
        );
    }

    #[test]
    fn ok_others_are_named_and_unread() {
        assert_eq!(read("ping", "no json").unwrap(), WebhookEvent::Ping);
        let name = "issues".to_owned();
        assert_eq!(read("issues", "").unwrap(), WebhookEvent::Other { name });
    }

    #[test]
    fn err_a_body_that_is_another_event() {
        for (event, body) in [
            ("workflow_run", "{}"),
            ("workflow_job", "[]"),
            ("deployment_status", "x"),
        ] {
            let error = read(event, body).unwrap_err();
            assert_eq!(error.to_string(), format!("the body is no {event} event"));
            assert!(std::error::Error::source(&error).is_some());
        }
    }
}
