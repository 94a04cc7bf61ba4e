//! **Here**: everything of the mock that is kept as it was written: assets but models, jobs, datastores, schedules, batch endpoints, the
//! workspace itself, and registries.
//! **Not here**: models and online endpoints, which behave (`state`, `answers`).
//! **Reads**: requests; keeps documents by their paths.
//! **Source**: azure-ai-ml 1.35.2 `_restclient/arm_ml_service` (paths, statuses, which of them are long-running), and Azure/azureml-assets issue
//! 3439 (a registry's versions cannot be changed, nor made again), read 2026-11-23.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use super::answers::{error, missing, not_found, ok, page};
use super::operations::started;
use super::state::{Change, State, set_state};
use super::{OperationStyle, Outcome};

/// Kinds that have versions.
const KINDS: [&str; 5] = ["models", "environments", "data", "components", "codes"];

/// What is kept of a workspace or a registry, by path, such as `environments/sklearn/versions/2`. Names are compared with regard to case.
#[derive(Debug, Default)]
pub(super) struct Documents {
    kept: BTreeMap<String, Document>,
    /// What was deleted from a registry.
    gone: BTreeSet<String>,
}

#[derive(Debug)]
struct Document {
    body: Value,
    /// The operation that makes it.
    operation: Option<u64>,
}

/// Which documents.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope<'a> {
    Workspace,
    /// A registry, by its id in lower case.
    Registry(&'a str),
}

impl State {
    fn documents(&mut self, scope: Scope<'_>) -> Option<&mut Documents> {
        match scope {
            Scope::Workspace => Some(&mut self.documents),
            Scope::Registry(id) => self.registries.get_mut(id),
        }
    }

    /// Keeps a document at once. Kinds are kept in lower case, names as they are.
    pub(super) fn add_document(&mut self, scope: Scope<'_>, path: &str, properties: &Value) {
        let parts = path.split('/').enumerate().map(|(n, part)| {
            if n % 2 == 0 {
                part.to_ascii_lowercase()
            } else {
                part.to_owned()
            }
        });
        let path = &parts.collect::<Vec<_>>().join("/");
        let body = json!({ "properties": properties });
        self.keep(scope, path, body, None);
    }

    fn keep(&mut self, scope: Scope<'_>, path: &str, mut body: Value, operation: Option<u64>) {
        let id = match scope {
            Scope::Workspace => self.workspace.to_string(),
            Scope::Registry(id) => id.to_owned(),
        };
        if let Some(body) = body.as_object_mut() {
            body.insert("id".to_owned(), Value::from(format!("{id}/{path}")));
            let name = path.rsplit('/').next().unwrap_or_default();
            body.insert("name".to_owned(), Value::from(name));
        }
        if let Some(documents) = self.documents(scope) {
            documents
                .kept
                .insert(path.to_owned(), Document { body, operation });
        }
    }

    /// A document as a read shows it.
    pub(super) fn document(&mut self, scope: Scope<'_>, path: &str) -> Option<Value> {
        let now = self.now();
        let found = self.documents(scope)?.kept.get(path)?;
        let (mut body, operation) = (found.body.clone(), found.operation);
        if let Some(operation) = operation.and_then(|number| self.operations.get(&number)) {
            let word = match &operation.outcome {
                _ if operation.ends_at > now => "Creating",
                Outcome::Succeed => "Succeeded",
                Outcome::Fail { .. } => "Failed",
            };
            set_state(&mut body, word);
        }
        Some(body)
    }

    /// Whether any document lies below a path, and not one more segment below.
    fn children(&mut self, scope: Scope<'_>, path: &str) -> Vec<String> {
        let prefix = format!("{path}/");
        let Some(documents) = self.documents(scope) else {
            return Vec::new();
        };
        let below = |found: &&String| {
            found
                .strip_prefix(&prefix)
                .is_some_and(|rest| !rest.contains('/'))
        };
        documents.kept.keys().filter(below).cloned().collect()
    }
}

/// The answer, where the path is one of a document.
pub(super) fn answered(
    state: &mut State,
    scope: Scope<'_>,
    request: &Request,
    rest: &[&str],
    body: Option<Value>,
) -> ResponseTemplate {
    let path = rest.join("/");
    match (&request.method, rest, body) {
        (&Method::GET, [kind], _) if KINDS.contains(kind) => {
            let names = names(state, scope, kind);
            let all = names
                .iter()
                .filter_map(|name| container(state, scope, kind, name))
                .collect();
            page(state, all, request)
        }
        (&Method::GET, [kind, name], _) if KINDS.contains(kind) => {
            match container(state, scope, kind, name) {
                Some(found) => ok(&found),
                None => not_found("ContainerNotFound", "The asset was not found."),
            }
        }
        (&Method::GET, [kind, name, "versions"], _) if KINDS.contains(kind) => {
            let mut all: Vec<Value> = versions(state, scope, kind, name)
                .iter()
                .filter_map(|path| state.document(scope, path))
                .collect();
            if all.is_empty() {
                return not_found("ContainerNotFound", "The asset was not found.");
            }
            let parameter = |wanted: &str| {
                let found = request.url.query_pairs().find(|(name, _)| name == wanted);
                found.map(|(_, value)| value.into_owned())
            };
            if parameter("$orderBy").is_some_and(|order| order.ends_with("desc")) {
                all.reverse();
            }
            let view = parameter("listViewType");
            all.retain(|body| {
                let archived = body.pointer("/properties/isArchived") == Some(&Value::from(true));
                match view.as_deref() {
                    Some("All") => true,
                    Some("ArchivedOnly") => archived,
                    _ => !archived,
                }
            });
            let top = parameter("$top").and_then(|top| top.parse().ok());
            all.truncate(top.unwrap_or(usize::MAX));
            page(state, all, request)
        }
        (&Method::POST, [kind, _, "versions", _, "startpendingupload"], Some(_)) if KINDS.contains(kind) => {
            let blob = format!("{}/upload/{path}", state.uri);
            ok(
                &json!({ "pendingUploadId": path, "pendingUploadType": "TemporaryBlobReference",
                "blobReferenceForConsumption": { "blobUri": blob, "credential": { "credentialType": "SAS", "sasUri": format!("{blob}?sig=mock") } } }),
            )
        }
        (method, [kind, _, "versions", _], body) if KINDS.contains(kind) => {
            version(state, scope, method, &path, body)
        }
        (&Method::GET, ["datastores" | "jobs" | "schedules" | "batchendpoints"], _)
        | (&Method::GET, ["batchendpoints", _, "deployments"], _) => {
            let wanted = request.url.query_pairs().any(|(name, _)| name == "isDefault");
            let view = request.url.query_pairs().find(|(name, _)| name == "listViewType");
            let view = view.map(|(_, view)| view.into_owned());
            let mut all: Vec<Value> = state
                .children(scope, &path)
                .iter()
                .filter_map(|path| state.document(scope, path))
                .collect();
            let truth =
                |body: &Value, name: &str| body.pointer(&format!("/properties/{name}")) == Some(&json!(true));
            all.retain(|body| match rest {
                ["datastores"] => !wanted || truth(body, "isDefault"),
                ["schedules"] => match view.as_deref() {
                    Some("All") => true,
                    Some("DisabledOnly") => !truth(body, "isEnabled"),
                    _ => truth(body, "isEnabled"),
                },
                _ => true,
            });
            page(state, all, request)
        }
        (&Method::GET, _, _) => match state.document(scope, &path) {
            Some(found) => ok(&found),
            None => missing(),
        },
        (&Method::PUT, ["jobs", _], Some(mut body)) => {
            set_status(&mut body, "NotStarted");
            let is_there = state.document(scope, &path).is_some();
            state.keep(scope, &path, body, None);
            let shown = state.document(scope, &path).unwrap_or_default();
            ResponseTemplate::new(if is_there { 200 } else { 201 }).set_body_json(shown)
        }
        (&Method::POST, ["jobs", name, "cancel"], _) => cancel(state, name),
        (&Method::PUT, ["schedules", _], Some(body)) => {
            let is_valid = body.pointer("/properties/trigger").is_some_and(Value::is_object)
                && body.pointer("/properties/action").is_some_and(Value::is_object);
            if !is_valid || body.pointer("/properties/provisioningState").is_some() {
                return error(400, "UserError", "The schedule is invalid.");
            }
            let is_there = state.document(scope, &path).is_some();
            begin(state, scope, &path, body, is_there)
        }
        _ => missing(),
    }
}

/// A version of an asset: written at once in a workspace, by an operation in a registry.
fn version(
    state: &mut State,
    scope: Scope<'_>,
    method: &Method,
    path: &str,
    body: Option<Value>,
) -> ResponseTemplate {
    let found = state.document(scope, path);
    match (method, body, scope) {
        (&Method::GET, _, _) => match found {
            Some(found) => ok(&found),
            None => not_found("VersionNotFound", "The version was not found."),
        },
        (&Method::PUT, Some(body), Scope::Workspace)
            if body.get("properties").is_some_and(Value::is_object) =>
        {
            let is_there = found.is_some();
            state.keep(scope, path, body, None);
            let shown = state.document(scope, path).unwrap_or_default();
            ResponseTemplate::new(if is_there { 200 } else { 201 }).set_body_json(shown)
        }
        (&Method::PUT, Some(body), Scope::Registry(id))
            if body.get("properties").is_some_and(Value::is_object) =>
        {
            if state
                .registries
                .get(id)
                .is_some_and(|registry| registry.gone.contains(path))
            {
                return error(
                    400,
                    "UserError",
                    "A version that was deleted cannot be created again.",
                );
            }
            if let Some(found) = found {
                let same = body
                    .get("properties")
                    .and_then(Value::as_object)
                    .is_some_and(|sent| {
                        sent.iter().all(|(name, value)| {
                            found.pointer("/properties").and_then(|kept| kept.get(name)) == Some(value)
                        })
                    });
                return if same {
                    ok(&found)
                } else {
                    error(400, "UserError", "A version of a registry cannot be changed.")
                };
            }
            begin(state, scope, path, body, false)
        }
        (&Method::DELETE, _, Scope::Workspace) => {
            state.documents.kept.remove(path);
            ResponseTemplate::new(if found.is_some() { 200 } else { 204 })
        }
        (&Method::DELETE, _, Scope::Registry(id)) => {
            if found.is_none() {
                return ResponseTemplate::new(204);
            }
            if let Some(registry) = state.registries.get_mut(id) {
                registry.kept.remove(path);
                registry.gone.insert(path.to_owned());
            }
            let number = state.begin(path, Change::Delete);
            started(state, 202, number, None, OperationStyle::Location)
        }
        _ => error(400, "UserError", "The request is invalid."),
    }
}

fn begin(state: &mut State, scope: Scope<'_>, path: &str, body: Value, is_there: bool) -> ResponseTemplate {
    let number = state.begin(path, Change::Set);
    state.keep(scope, path, body, Some(number));
    let shown = state.document(scope, path);
    let status = if is_there { 200 } else { 201 };
    started(state, status, number, shown, OperationStyle::Status)
}

fn cancel(state: &mut State, name: &str) -> ResponseTemplate {
    let found = state.documents.kept.get_mut(&format!("jobs/{name}"));
    let Some(job) = found else {
        return missing();
    };
    set_status(&mut job.body, "Canceled");
    // As the official example has it: the job itself, and no address.
    let location = format!("http://{name}");
    ResponseTemplate::new(202).insert_header("location", location)
}

pub(super) fn set_status(body: &mut Value, status: &str) {
    if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("status".to_owned(), Value::from(status));
    }
}

impl Documents {
    /// Sets the status of a job; none where there is none.
    pub(super) fn set_job_status(&mut self, name: &str, status: &str) -> Option<()> {
        let job = self.kept.get_mut(&format!("jobs/{name}"))?;
        set_status(&mut job.body, status);
        Some(())
    }
}

/// The names of a kind that have a version.
fn names(state: &mut State, scope: Scope<'_>, kind: &str) -> BTreeSet<String> {
    let prefix = format!("{kind}/");
    let Some(documents) = state.documents(scope) else {
        return BTreeSet::new();
    };
    let names = documents.kept.keys().filter_map(|path| {
        let rest = path.strip_prefix(&prefix)?;
        Some(rest.split('/').next()?.to_owned())
    });
    names.collect()
}

/// The versions of a name, the oldest first: numbers by size, other texts before them.
fn versions(state: &mut State, scope: Scope<'_>, kind: &str, name: &str) -> Vec<String> {
    let mut paths = state.children(scope, &format!("{kind}/{name}/versions"));
    paths.sort_by_key(|path| {
        path.rsplit('/')
            .next()
            .and_then(|version| version.parse::<u64>().ok())
    });
    paths
}

fn container(state: &mut State, scope: Scope<'_>, kind: &str, name: &str) -> Option<Value> {
    let paths = versions(state, scope, kind, name);
    let latest = paths.last()?.rsplit('/').next()?.to_owned();
    let next = latest
        .parse::<u64>()
        .map_or_else(|_| "1".to_owned(), |latest| (latest + 1).to_string());
    Some(
        json!({ "id": format!("{}/{kind}/{name}", state.workspace), "name": name,
        "properties": { "latestVersion": latest, "nextVersion": next, "isArchived": false } }),
    )
}

/// Copies a model to a registry that is there.
pub(super) fn publish(state: &mut State, name: &str, version: &str, body: &Value) -> ResponseTemplate {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let Some(model) = state.models.get(&(name.to_owned(), version.to_owned())) else {
        return not_found("ModelNotFound", "The model was not found.");
    };
    let properties = model.body.get("properties").cloned().unwrap_or_default();
    let ending = format!("/registries/{}", text("registryName").to_ascii_lowercase());
    let Some(id) = state.registries.keys().find(|id| id.ends_with(&ending)).cloned() else {
        return error(404, "RegistryNotFound", "The registry was not found.");
    };
    let path = format!(
        "models/{}/versions/{}",
        text("destinationName"),
        text("destinationVersion")
    );
    state.add_document(Scope::Registry(&id), &path, &properties);
    let number = state.begin(&path, Change::Set);
    started(state, 202, number, None, OperationStyle::Location)
}

/// A job of a batch endpoint: by its default deployment, or the one that is named. The same request id is the same job.
pub(super) fn batch(state: &mut State, request: &Request) -> ResponseTemplate {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let segments: Vec<&str> = request.url.path().trim_start_matches('/').split('/').collect();
    let ["batch", endpoint, "jobs"] = segments.as_slice() else {
        return missing();
    };
    let Some(found) = state.document(Scope::Workspace, &format!("batchendpoints/{endpoint}")) else {
        return missing();
    };
    let default = found
        .pointer("/properties/defaults/deploymentName")
        .and_then(Value::as_str);
    let deployment = header("azureml-model-deployment").or(default).unwrap_or_default();
    let path = format!("batchendpoints/{endpoint}/deployments/{deployment}");
    if state.document(Scope::Workspace, &path).is_none() {
        return error(404, "DeploymentNotFound", "The deployment was not found.");
    }
    let body: Option<Value> = serde_json::from_slice(&request.body).ok();
    let properties = body.as_ref().and_then(|body| body.get("properties"));
    let (Some(properties), Some(id)) = (
        properties.filter(|found| found.is_object()),
        header("repeatability_request-id"),
    ) else {
        return error(400, "UserError", "The request is invalid.");
    };
    let path = format!("jobs/batchjob-{id}");
    let is_there = state.document(Scope::Workspace, &path).is_some();
    if !is_there {
        let mut body = json!({ "properties": properties });
        if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("jobType".to_owned(), Value::from("Pipeline"));
            properties.insert("tags".to_owned(), json!({ "deployment": deployment }));
        }
        set_status(&mut body, "Running");
        state.keep(Scope::Workspace, &path, body, None);
    }
    let shown = state.document(Scope::Workspace, &path).unwrap_or_default();
    ResponseTemplate::new(if is_there { 200 } else { 201 }).set_body_json(shown)
}
