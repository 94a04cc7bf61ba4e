//! **Here**: [`MockWorkspace`], a stateful Azure ML workspace on loopback for your own tests: models register and show late, deployments take
//! time and may fail, throttling and conflicts bite, and the events of what happened can be delivered.
//! **Not here**: a client (`client`), what is kept (`state`), what is answered (`answers` and the files it sends requests to).
//! **Reads**: requests; keeps what they change.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json`, the resource provider contract, and
//! MicrosoftDocs `event-schema-machine-learning`, read 2026-11-23.

mod answers;
mod documents;
mod models;
mod online;
mod operations;
mod state;
mod subscriptions;
mod tracking;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer};

use self::answers::Answering;
use self::state::State;
use crate::arm_id::{RegistryScope, WorkspaceScope};
use crate::clock::{Clock, SystemClock};

/// How a long-running operation of the mock is watched.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OperationStyle {
    /// `Azure-AsyncOperation`, as the service does for a PUT.
    #[default]
    Status,
    /// `Location`, as it does for a PATCH and a DELETE.
    Location,
    /// The resource's own state and no header.
    Resource,
}

/// What the next operation comes to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// It succeeds.
    #[default]
    Succeed,
    /// It fails with this code, and the resource is there in the state `Failed`.
    Fail {
        /// Such as `ResourceNotReady`.
        code: String,
    },
}

/// A workspace on loopback. Stops when it is dropped.
#[derive(Debug)]
pub struct MockWorkspace {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

impl MockWorkspace {
    /// Starts one on a free port of loopback.
    pub async fn start(workspace: WorkspaceScope) -> Self {
        Self::start_with_clock(workspace, SystemClock).await
    }

    /// The same, living by a clock of your own: operations end and models show by it.
    pub async fn start_with_clock(workspace: WorkspaceScope, clock: impl Clock + 'static) -> Self {
        let server = MockServer::start().await;
        let state = State::new(workspace, Arc::new(clock), server.uri());
        let state = Arc::new(Mutex::new(state));
        let answering = Answering::new(Arc::clone(&state));
        Mock::given(any()).respond_with(answering).mount(&server).await;
        Self { server, state }
    }

    /// Its endpoint: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn uri(&self) -> String {
        self.server.uri()
    }

    /// What links say from now on instead of [`uri`](Self::uri), for a server that stands before this one: next pages, operations, the
    /// address of scoring. Without a slash at its end.
    pub fn public_uri(&self, uri: &str) {
        uri.trim_end_matches('/').clone_into(&mut self.state().uri);
    }

    /// Only this token is accepted from now on; before, any is.
    pub fn require_token(&self, token: &str) {
        self.state().required_token = Some(token.to_owned());
    }

    /// Registers a model version as somebody else would, which makes an event, and shows it after so long.
    pub fn register_model(&self, name: &str, version: &str, tags: &[(&str, &str)], shows_after: Duration) {
        self.state().register_model(name, version, tags, shows_after);
    }

    /// An endpoint with deployments that serve these models, and this split of traffic.
    pub fn add_endpoint(&self, endpoint: &str, deployments: &[(&str, &str, i64)]) {
        self.state().add_endpoint(endpoint, deployments);
    }

    /// Something that is there, by its path below the workspace, such as `environments/sklearn/versions/2`, `datastores/models`,
    /// `schedules/nightly`, `jobs/brave_fig_1` or `batchEndpoints/churn/deployments/blue`, with these properties.
    pub fn add_resource(&self, path: &str, properties: &Value) {
        self.state()
            .add_document(documents::Scope::Workspace, path, properties);
    }

    /// A batch endpoint with one deployment, its default, which serves this model.
    pub fn add_batch_endpoint(&self, endpoint: &str, deployment: &str, model: &str) {
        let uri = format!("{}/batch/{endpoint}/jobs", self.state().uri);
        let path = format!("batchEndpoints/{endpoint}");
        let properties = json!({ "authMode": "AADToken", "defaults": { "deploymentName": deployment }, "scoringUri": uri,
            "provisioningState": "Succeeded" });
        self.add_resource(&path, &properties);
        let properties =
            json!({ "model": { "referenceType": "Id", "assetId": model }, "provisioningState": "Succeeded" });
        self.add_resource(&format!("{path}/deployments/{deployment}"), &properties);
    }

    /// A registry, empty.
    pub fn add_registry(&self, registry: &RegistryScope) {
        let id = registry.to_string().to_ascii_lowercase();
        self.state().registries.entry(id).or_default();
    }

    /// Sets the status of a job, such as `Completed`. False where there is no such job.
    #[must_use]
    pub fn set_job_status(&self, job: &str, status: &str) -> bool {
        self.state().documents.set_job_status(job, status).is_some()
    }

    /// A run that MLflow knows, with these metrics and parameters.
    pub fn add_run(&self, run_id: &str, metrics: &[(&str, f64)], params: &[(&str, &str)]) {
        let metrics: Vec<Value> = metrics
            .iter()
            .map(|(key, value)| json!({ "key": key, "value": value, "timestamp": 1_795_341_661_000_u64, "step": "0" }))
            .collect();
        let pairs = |all: &[(&str, &str)]| -> Vec<Value> {
            all.iter()
                .map(|(key, value)| json!({ "key": key, "value": value }))
                .collect()
        };
        let run = json!({ "run": { "info": { "run_id": run_id, "status": "FINISHED", "experiment_id": "1", "end_time": "1795341661000" },
            "data": { "metrics": metrics, "params": pairs(params), "tags": pairs(&[("mlflow.runName", run_id)]) } } });
        self.state().runs.insert(run_id.to_owned(), run);
    }

    /// How long operations take from now on, and how they are watched.
    pub fn operations(&self, take: Duration, style: OperationStyle) {
        let mut state = self.state();
        state.operation_takes = take;
        state.operation_style = style;
    }

    /// What the next operations come to, one after another; then they succeed.
    pub fn outcomes(&self, outcomes: impl IntoIterator<Item = Outcome>) {
        self.state().outcomes.extend(outcomes);
    }

    /// The next so many requests are answered 429, to be tried again after so long.
    pub fn throttle(&self, n: u32, retry_after: Duration) {
        let mut state = self.state();
        state.throttles = n;
        state.retry_after = retry_after;
    }

    /// The next so many answers to a PUT are a 502, though it has its effect.
    pub fn lose_answers(&self, n: u32) {
        self.state().lost = n;
    }

    /// So many reads after a change show what was before.
    pub fn lag(&self, reads: u32) {
        self.state().lag = reads;
    }

    /// How many items are on a page of a list; 30 by default.
    pub fn page_size(&self, items: usize) {
        self.state().page_size = items.max(1);
    }

    /// A version of a model as the service would show it; none where there is none.
    #[must_use]
    pub fn model(&self, name: &str, version: &str) -> Option<Value> {
        let key = (name.to_owned(), version.to_owned());
        self.state().models.get(&key).map(|model| model.body.clone())
    }

    /// The model that a deployment serves, and the state it is in; none where there is none.
    #[must_use]
    pub fn deployment(&self, endpoint: &str, deployment: &str) -> Option<(String, String)> {
        self.state().deployment(endpoint, deployment)
    }

    /// The share of traffic of a deployment, in percent.
    #[must_use]
    pub fn traffic(&self, endpoint: &str, deployment: &str) -> i64 {
        self.state().traffic(endpoint, deployment)
    }

    /// How many requests of a method came in.
    #[must_use]
    pub fn n_requests(&self, method: &str) -> usize {
        self.state().n_requests.get(method).copied().unwrap_or_default()
    }

    /// The events of what happened since the last call, in the Event Grid schema, as they would be delivered.
    #[must_use]
    pub fn take_events(&self) -> Vec<Value> {
        std::mem::take(&mut self.state().events)
    }

    /// Posts the events of what happened since the last call to a webhook on loopback, one delivery each, as Event Grid would; with these
    /// headers beside its own. Gives the statuses.
    ///
    /// # Errors
    /// A delivery was not answered.
    pub async fn deliver_events(
        &self,
        webhook: &str,
        headers: &[(&str, &str)],
    ) -> Result<Vec<u16>, crate::Error> {
        let client = crate::tls::http_client(crate::tls::Security::LoopbackPlain, Duration::from_secs(5))?;
        let mut statuses = Vec::new();
        for event in self.take_events() {
            let mut request = client
                .post(webhook)
                .header("content-type", "application/json; charset=utf-8")
                .header("aeg-event-type", "Notification")
                .timeout(Duration::from_secs(30))
                .body(Value::from(vec![event]).to_string());
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = request.send().await.map_err(crate::Error::transport)?;
            statuses.push(answer.status().as_u16());
        }
        Ok(statuses)
    }

    /// Asks the webhook of each subscription that is being created whether it wants events, as Event Grid does: by a validation event, or by
    /// OPTIONS for CloudEvents. What answers as it has to is `Succeeded`, everything else `Failed`. Gives how many were asked.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub async fn validate_subscriptions(&self) -> Result<usize, crate::Error> {
        let client = crate::tls::http_client(crate::tls::Security::LoopbackPlain, Duration::from_secs(5))?;
        let waiting: Vec<(String, Value, String)> = {
            let state = self.state();
            let is_new = |body: &Value| {
                body.pointer("/properties/provisioningState") == Some(&Value::from("Creating"))
            };
            let all = state.subscriptions.iter().filter(|(_, (body, _))| is_new(body));
            all.map(|(name, (body, url))| (name.clone(), body.clone(), url.clone()))
                .collect()
        };
        let topic = self.state().workspace.to_string();
        for (name, body, url) in &waiting {
            let is_cloud =
                body.pointer("/properties/eventDeliverySchema") == Some(&Value::from("CloudEventSchemaV1_0"));
            let wants = if is_cloud {
                consents(&client, url).await
            } else {
                echoes(&client, url, &topic).await
            };
            if let Some((body, _)) = self.state().subscriptions.get_mut(name) {
                state::set_state(body, if wants { "Succeeded" } else { "Failed" });
            }
        }
        Ok(waiting.len())
    }

    /// Posts the events of what happened since the last call to the webhooks of all subscriptions that succeeded. Gives the statuses.
    ///
    /// # Errors
    /// A delivery was not answered.
    pub async fn deliver_to_subscribers(&self) -> Result<Vec<u16>, crate::Error> {
        let urls: Vec<String> = {
            let state = self.state();
            let is_ready = |body: &Value| {
                body.pointer("/properties/provisioningState") == Some(&Value::from("Succeeded"))
            };
            let all = state
                .subscriptions
                .values()
                .filter(|(body, url)| is_ready(body) && !url.is_empty());
            all.map(|(_, url)| url.clone()).collect()
        };
        let events = self.take_events();
        let mut statuses = Vec::new();
        for url in urls {
            self.state().events.clone_from(&events);
            statuses.extend(self.deliver_events(&url, &[]).await?);
        }
        Ok(statuses)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// The state, also after a test panicked while it held it.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The handshake of CloudEvents: the webhook names the origin that it allows.
async fn consents(client: &reqwest::Client, url: &str) -> bool {
    let answer = client
        .request(http::Method::OPTIONS, url)
        .header("webhook-request-origin", "eventgrid.azure.net")
        .timeout(Duration::from_secs(30))
        .send()
        .await;
    let Ok(answer) = answer else {
        return false;
    };
    let origin = answer
        .headers()
        .get("webhook-allowed-origin")
        .and_then(|origin| origin.to_str().ok());
    answer.status().as_u16() == 200 && matches!(origin, Some("*" | "eventgrid.azure.net"))
}

/// The handshake of Event Grid's own schema: the webhook echoes a code.
async fn echoes(client: &reqwest::Client, url: &str, topic: &str) -> bool {
    const CODE: &str = "512D38B6-C7B8-40C8-89FE-F46F9E9622B6";
    let event = serde_json::json!([{
        "id": "2d1781af-3a4c-4d7c-bd0c-e34b19da4e66", "topic": topic, "subject": "",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "eventTime": "2026-11-23T10:00:00.0000000Z",
        "metadataVersion": "1", "dataVersion": "2", "data": { "validationCode": CODE },
    }]);
    let answer = client
        .post(url)
        .header("content-type", "application/json; charset=utf-8")
        .header("aeg-event-type", "SubscriptionValidation")
        .timeout(Duration::from_secs(30))
        .body(event.to_string())
        .send()
        .await;
    let Ok(answer) = answer else {
        return false;
    };
    let is_ok = answer.status().as_u16() == 200;
    let body = answer.bytes().await.unwrap_or_default();
    let echoed: Option<Value> = serde_json::from_slice(&body).ok();
    is_ok && echoed.is_some_and(|echoed| echoed.get("validationResponse") == Some(&Value::from(CODE)))
}
