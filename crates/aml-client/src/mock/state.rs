//! **Here**: what the mock workspace keeps: models, endpoints, deployments, operations under way, and events.
//! **Not here**: HTTP (`answers`).
//! **Reads**: what requests change, and the clock.
//! **Source**: the resource provider contract and MicrosoftDocs `event-schema-machine-learning`, read 2026-11-23.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::documents::Documents;
use super::{OperationStyle, Outcome, operations};
use crate::arm_id::WorkspaceScope;
use crate::clock::Clock;

/// Where everything is.
pub(super) const REGION: &str = "westeurope";
/// The workspace's own id, which is in the ids of operations.
pub(super) const WORKSPACE_ID: &str = "4d8c9a1e-0f6b-4b7e-9a53-6f2d1c0b7e11";
/// The identity that an endpoint, or the workspace, is given.
const PRINCIPAL: &str = "7b1f0c52-94c7-4c0e-8a5e-3f6de1a2b904";
const TENANT: &str = "c2a7e0d4-5b1c-4f4e-8d37-90e6b7a1f3d2";

/// A version of a model.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) body: Value,
    pub(super) shows_at: SystemTime,
    pub(super) number: u64,
}

/// An endpoint or a deployment: what is so now, and what reads show.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) body: Value,
    /// What it was before the last change, and how many reads still show that.
    before: Option<(Value, u32)>,
    /// The operation that changes it.
    pub(super) operation: Option<u64>,
}

/// What an operation comes to, where it succeeds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Change {
    /// The resource is as it was written.
    Set,
    /// It is gone.
    Delete,
    /// The endpoint has another key.
    Key { is_primary: bool },
}

/// An operation under way, or ended.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) ends_at: SystemTime,
    pub(super) outcome: Outcome,
    /// `endpoint` or `endpoint/deployment`, in lower case.
    pub(super) resource: String,
    pub(super) change: Change,
    /// As the service writes instants.
    pub(super) started: String,
    pub(super) ended: String,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) workspace: WorkspaceScope,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) uri: String,
    pub(super) required_token: Option<String>,
    /// By name and version.
    pub(super) models: BTreeMap<(String, String), Model>,
    /// By name: what was written to a model itself.
    pub(super) containers: BTreeMap<String, Value>,
    /// By `endpoint` or `endpoint/deployment`, in lower case.
    pub(super) resources: BTreeMap<String, Resource>,
    pub(super) operations: HashMap<u64, Operation>,
    /// By endpoint in lower case: how often each key was made anew.
    keys: HashMap<String, (u32, u32)>,
    pub(super) operation_takes: Duration,
    pub(super) operation_style: OperationStyle,
    pub(super) outcomes: VecDeque<Outcome>,
    pub(super) throttles: u32,
    /// So many answers to a PUT are lost.
    pub(super) lost: u32,
    pub(super) retry_after: Duration,
    pub(super) lag: u32,
    pub(super) page_size: usize,
    pub(super) n_requests: HashMap<String, usize>,
    pub(super) events: Vec<Value>,
    /// By name in lower case: the body, and the whole address of its webhook.
    pub(super) subscriptions: BTreeMap<String, (Value, String)>,
    pub(super) documents: Documents,
    /// By id in lower case.
    pub(super) registries: BTreeMap<String, Documents>,
    /// What MLflow answers of a run, by its id.
    pub(super) runs: BTreeMap<String, Value>,
    next: u64,
}

impl State {
    pub(super) fn new(workspace: WorkspaceScope, clock: Arc<dyn Clock>, uri: String) -> Self {
        Self {
            workspace,
            clock,
            uri,
            required_token: None,
            models: BTreeMap::new(),
            containers: BTreeMap::new(),
            keys: HashMap::new(),
            resources: BTreeMap::new(),
            operations: HashMap::new(),
            operation_takes: Duration::from_secs(60),
            operation_style: OperationStyle::default(),
            outcomes: VecDeque::new(),
            throttles: 0,
            lost: 0,
            retry_after: Duration::ZERO,
            lag: 0,
            page_size: 30,
            n_requests: HashMap::new(),
            events: Vec::new(),
            subscriptions: BTreeMap::new(),
            documents: Documents::default(),
            registries: BTreeMap::new(),
            runs: BTreeMap::new(),
            next: 1,
        }
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn register_model(
        &mut self,
        name: &str,
        version: &str,
        tags: &[(&str, &str)],
        shows_after: Duration,
    ) {
        let tags: BTreeMap<&str, &str> = tags.iter().copied().collect();
        let body = json!({ "properties": { "modelUri": format!("azureml://jobs/job-1/outputs/{name}"), "modelType": "mlflow_model",
            "tags": tags, "properties": {}, "isArchived": false, "isAnonymous": false, "jobName": "job-1" } });
        self.put_model(name, version, body, shows_after);
    }

    /// Whether it was not there before.
    pub(super) fn put_model(
        &mut self,
        name: &str,
        version: &str,
        mut body: Value,
        shows_after: Duration,
    ) -> bool {
        let id = format!("{}/models/{name}/versions/{version}", self.workspace);
        if let Some(body) = body.as_object_mut() {
            body.insert("id".to_owned(), Value::from(id));
            body.insert("name".to_owned(), Value::from(version));
            body.insert(
                "type".to_owned(),
                Value::from("Microsoft.MachineLearningServices/workspaces/models/versions"),
            );
        }
        set_state(&mut body, "Succeeded");
        // Microsoft's own client reads these without a look whether they are there.
        for (name, value) in [
            ("isArchived", json!(false)),
            ("isAnonymous", json!(false)),
            ("tags", json!({})),
            ("properties", json!({})),
            ("flavors", json!({})),
        ] {
            default(&mut body, name, value);
        }
        let now = self.now();
        let key = (name.to_owned(), version.to_owned());
        let old = self.models.get(&key);
        let made = self.made_anew(old.map(|old| &old.body));
        insert(&mut body, "systemData", made);
        // What is written again stays as old as it is: the newest is what was created last.
        let old = old.map(|old| (old.number, old.shows_at));
        let (number, shows_at) = match old {
            Some(old) => old,
            None => (self.number(), now.checked_add(shows_after).unwrap_or(now)),
        };
        let model = Model {
            body,
            shows_at,
            number,
        };
        let is_new = old.is_none();
        if is_new {
            let event = self.registered(name, version, &model.body);
            self.events.push(event);
        }
        self.models.insert(key, model);
        is_new
    }

    /// The event as Event Grid delivers it; its tags are those of the moment.
    fn registered(&self, name: &str, version: &str, body: &Value) -> Value {
        let properties = body.get("properties");
        let of = |member: &str| properties.and_then(|properties| properties.get(member)).cloned();
        json!({
            "topic": self.workspace.to_string(), "subject": format!("models/{name}:{version}"),
            "eventType": "Microsoft.MachineLearningServices.ModelRegistered", "id": format!("mock-{name}-{version}-{}", self.next),
            "eventTime": instant(self.now()), "dataVersion": "2", "metadataVersion": "1",
            "data": { "modelName": name, "modelVersion": version, "modelTags": of("tags"), "modelProperties": of("properties") },
        })
    }

    pub(super) fn add_endpoint(&mut self, endpoint: &str, deployments: &[(&str, &str, i64)]) {
        let traffic: BTreeMap<String, i64> = deployments
            .iter()
            .filter(|(_, _, share)| *share > 0)
            .map(|(name, _, share)| (name.to_ascii_lowercase(), *share))
            .collect();
        let body = json!({ "location": "westeurope", "identity": { "type": "SystemAssigned" }, "kind": "Managed",
            "properties": { "authMode": "Key", "traffic": traffic } });
        self.set(endpoint, None, body, "Succeeded");
        for (name, model, _) in deployments {
            let body = json!({ "location": "westeurope", "sku": { "name": "Default", "capacity": 1 },
                "properties": { "endpointComputeType": "Managed", "model": model, "instanceType": "Standard_DS3_v2" } });
            self.set(endpoint, Some(name), body, "Succeeded");
        }
    }

    /// Sets a resource at once; reads may lag.
    pub(super) fn set(
        &mut self,
        endpoint: &str,
        deployment: Option<&str>,
        mut body: Value,
        state: &str,
    ) -> String {
        let key = key(endpoint, deployment);
        let kind = deployment.map_or("", |_| "/deployments");
        let path = deployment.map_or_else(String::new, |name| format!("/deployments/{name}"));
        let kind = format!("Microsoft.MachineLearningServices/workspaces/onlineEndpoints{kind}");
        let id = format!("{}/onlineEndpoints/{endpoint}{path}", self.workspace);
        let made = self.made_anew(self.resources.get(&key).map(|old| &old.body));
        insert(&mut body, "id", Value::from(id));
        insert(&mut body, "name", Value::from(deployment.unwrap_or(endpoint)));
        insert(&mut body, "type", Value::from(kind));
        insert(&mut body, "systemData", made);
        match deployment {
            None => self.complete_endpoint(endpoint, &mut body),
            Some(_) => complete_deployment(&mut body),
        }
        set_state(&mut body, state);
        let lag = self.lag;
        let before = self.resources.get(&key).map(|old| (old.body.clone(), lag));
        let resource = Resource {
            body,
            before: before.filter(|(_, reads)| *reads > 0),
            operation: None,
        };
        self.resources.insert(key.clone(), resource);
        key
    }

    /// What only the service writes to an endpoint, and its defaults.
    fn complete_endpoint(&self, endpoint: &str, body: &mut Value) {
        let identity = body.get_mut("identity").and_then(Value::as_object_mut);
        if let Some(identity) = identity {
            identity.insert("principalId".to_owned(), Value::from(PRINCIPAL));
            identity.insert("tenantId".to_owned(), Value::from(TENANT));
        }
        let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) else {
            return;
        };
        let scoring = format!("{}/score/{endpoint}", self.uri);
        properties.insert("scoringUri".to_owned(), Value::from(scoring));
        let description = format!("{}/swagger/{endpoint}.json", self.uri);
        properties.insert("swaggerUri".to_owned(), Value::from(description));
        for (name, value) in [
            ("traffic", json!({})),
            ("mirrorTraffic", json!({})),
            ("publicNetworkAccess", json!("Enabled")),
            ("properties", json!({})),
        ] {
            default(body, name, value);
        }
    }

    /// The workspace itself.
    pub(super) fn shown_workspace(&self) -> Value {
        let id = self.workspace.to_string();
        let host = self.uri.split("://").nth(1).unwrap_or_default();
        let group = format!(
            "/subscriptions/{}/resourceGroups/{}/providers",
            self.workspace.subscription(),
            self.workspace.resource_group()
        );
        json!({
            "id": id, "name": self.workspace.workspace(), "type": "Microsoft.MachineLearningServices/workspaces",
            "location": REGION, "kind": "Default", "tags": {}, "sku": { "name": "Basic", "tier": "Basic" }, "systemData": self.made(),
            "identity": { "type": "SystemAssigned", "principalId": PRINCIPAL, "tenantId": TENANT },
            "properties": {
                "friendlyName": self.workspace.workspace(), "workspaceId": WORKSPACE_ID, "provisioningState": "Succeeded",
                "discoveryUrl": format!("{}/discovery", self.uri), "publicNetworkAccess": "Enabled", "hbiWorkspace": false,
                "mlFlowTrackingUri": format!("azureml://{host}/mlflow/v1.0{id}"),
                "storageAccount": format!("{group}/Microsoft.Storage/storageAccounts/mock"),
                "keyVault": format!("{group}/Microsoft.Keyvault/vaults/mock"),
                "applicationInsights": format!("{group}/Microsoft.insights/components/mock"),
            },
        })
    }

    /// `systemData` of what is made now.
    pub(super) fn made(&self) -> Value {
        self.made_anew(None)
    }

    /// `systemData` of what is written now, and was made before where it was there.
    fn made_anew(&self, old: Option<&Value>) -> Value {
        let now = Value::from(instant(self.now()));
        let created = old.and_then(|old| old.pointer("/systemData/createdAt")).cloned();
        let created = created.unwrap_or_else(|| now.clone());
        json!({ "createdAt": created, "createdBy": "mock", "createdByType": "User",
            "lastModifiedAt": now, "lastModifiedBy": "mock", "lastModifiedByType": "User" })
    }

    /// Seconds since 1970.
    pub(super) fn seconds(&self) -> u64 {
        let since = self.now().duration_since(UNIX_EPOCH);
        since.unwrap_or_default().as_secs()
    }

    /// How an endpoint is asked, in lower case; none where it is not there.
    pub(super) fn auth_mode(&self, endpoint: &str) -> Option<String> {
        let body = &self.resources.get(&key(endpoint, None))?.body;
        let mode = body.pointer("/properties/authMode").and_then(Value::as_str);
        Some(mode.unwrap_or("key").to_ascii_lowercase())
    }

    /// The keys of an endpoint.
    pub(super) fn keys(&self, endpoint: &str) -> (String, String) {
        let counts = self.keys.get(&key(endpoint, None));
        let (primary, secondary) = counts.copied().unwrap_or_default();
        let said = |word: &str, n: u32| match n {
            0 => format!("mock-{word}"),
            n => format!("mock-{word}-{n}"),
        };
        (said("primary", primary), said("secondary", secondary))
    }

    /// What a read shows; reads count.
    pub(super) fn shown(&mut self, key: &str) -> Option<Value> {
        let resource = self.resources.get_mut(key)?;
        if let Some((before, reads)) = &mut resource.before
            && *reads > 0
        {
            *reads -= 1;
            // Only what was written lags; the state does not.
            let mut shown = before.clone();
            let state = resource
                .body
                .pointer("/properties/provisioningState")
                .and_then(Value::as_str);
            set_state(&mut shown, state.unwrap_or("Succeeded"));
            return Some(shown);
        }
        Some(resource.body.clone())
    }

    /// Ends the operations whose time has come.
    pub(super) fn catch_up(&mut self) {
        let now = self.now();
        let due = |operation: &Operation| operation.ends_at <= now;
        let keys: Vec<(String, u64)> = self
            .resources
            .iter()
            .filter_map(|(key, resource)| Some((key.clone(), resource.operation?)))
            .collect();
        for (key, number) in keys {
            let Some(operation) = self.operations.get(&number).filter(|operation| due(operation)) else {
                continue;
            };
            let (change, succeeds) = (operation.change, operation.outcome == Outcome::Succeed);
            if succeeds && change == Change::Delete {
                let below = format!("{key}/");
                self.resources
                    .retain(|other, _| *other != key && !other.starts_with(&below));
                self.keys.remove(&key);
                continue;
            }
            if let Change::Key { is_primary } = change {
                // The endpoint itself is as it was.
                if succeeds {
                    let (primary, secondary) = self.keys.entry(key.clone()).or_default();
                    *(if is_primary { primary } else { secondary }) += 1;
                }
                if let Some(resource) = self.resources.get_mut(&key) {
                    resource.operation = None;
                }
                continue;
            }
            let state = if succeeds { "Succeeded" } else { "Failed" };
            if let Some(resource) = self.resources.get_mut(&key) {
                set_state(&mut resource.body, state);
                resource.operation = None;
            }
        }
    }

    /// Begins an operation on a resource.
    pub(super) fn begin(&mut self, key: &str, change: Change) -> u64 {
        let number = self.number();
        let now = self.now();
        let ends_at = now.checked_add(self.operation_takes).unwrap_or(now);
        let operation = Operation {
            ends_at,
            started: instant(now),
            ended: instant(ends_at),
            outcome: self.outcomes.pop_front().unwrap_or_default(),
            resource: key.to_owned(),
            change,
        };
        if change == Change::Set && self.operation_style == OperationStyle::Status {
            // The service writes it into what is otherwise the user's.
            let link = operations::link(self, "mfeOperationsStatus", number);
            let resource = self.resources.get_mut(key);
            let properties = resource.and_then(|resource| resource.body.get_mut("properties"));
            if let Some(properties) = properties {
                if !properties.get("properties").is_some_and(Value::is_object) {
                    insert(properties, "properties", json!({}));
                }
                if let Some(inner) = properties.get_mut("properties") {
                    insert(inner, "AzureAsyncOperationUri", Value::from(link));
                }
            }
        }
        self.operations.insert(number, operation);
        if let Some(resource) = self.resources.get_mut(key) {
            resource.operation = Some(number);
        }
        number
    }

    /// Whether the endpoint, or anything below it, is being changed.
    pub(super) fn is_busy(&self, endpoint: &str) -> bool {
        let endpoint = endpoint.to_ascii_lowercase();
        let below = format!("{endpoint}/");
        let belongs = |key: &String| *key == endpoint || key.starts_with(&below);
        self.resources
            .iter()
            .any(|(key, resource)| belongs(key) && resource.operation.is_some())
    }

    pub(super) fn deployment(&mut self, endpoint: &str, deployment: &str) -> Option<(String, String)> {
        self.catch_up();
        let body = &self.resources.get(&key(endpoint, Some(deployment)))?.body;
        let text = |pointer: &str| {
            body.pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Some((text("/properties/model"), text("/properties/provisioningState")))
    }

    pub(super) fn traffic(&mut self, endpoint: &str, deployment: &str) -> i64 {
        self.catch_up();
        let traffic = self
            .resources
            .get(&key(endpoint, None))
            .and_then(|resource| resource.body.pointer("/properties/traffic"))
            .and_then(Value::as_object);
        let shares = traffic.into_iter().flatten();
        shares
            .filter(|(name, _)| name.eq_ignore_ascii_case(deployment))
            .filter_map(|(_, share)| share.as_i64())
            .sum()
    }
}

pub(super) fn key(endpoint: &str, deployment: Option<&str>) -> String {
    match deployment {
        None => endpoint.to_ascii_lowercase(),
        Some(deployment) => format!("{endpoint}/{deployment}").to_ascii_lowercase(),
    }
}

/// The defaults of a deployment.
fn complete_deployment(body: &mut Value) {
    for (name, value) in [
        ("scaleSettings", json!({ "scaleType": "Default" })),
        (
            "requestSettings",
            json!({ "requestTimeout": "PT5S", "maxConcurrentRequestsPerInstance": 1, "maxQueueWait": "PT0.5S" }),
        ),
        ("appInsightsEnabled", json!(false)),
        ("egressPublicNetworkAccess", json!("Enabled")),
    ] {
        default(body, name, value);
    }
}

pub(super) fn insert(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

/// Sets one of the properties, where it is absent or null.
pub(super) fn default(body: &mut Value, name: &str, value: Value) {
    if let Some(properties) = body
        .get_mut("properties")
        .filter(|all| all.get(name).is_none_or(Value::is_null))
    {
        insert(properties, name, value);
    }
}

pub(super) fn set_state(body: &mut Value, state: &str) {
    let properties = body.get_mut("properties").and_then(Value::as_object_mut);
    if let Some(properties) = properties {
        properties.insert("provisioningState".to_owned(), Value::from(state));
    }
}

/// `2026-11-23T10:00:00Z`, by the calendar of days since the epoch.
fn instant(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Counted from March, so that the leap day comes last.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_instants() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_341_661, "2026-11-22T10:01:01Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
        ] {
            assert_eq!(instant(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }
}
