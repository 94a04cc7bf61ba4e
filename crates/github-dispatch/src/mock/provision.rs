//! **Here**: the mock's secrets, which it decrypts with its own key, its variables, environments and files.
//! **Not here**: reading files (`answers`).
//! **Reads**: requests; keeps what they set.
//! **Source**: GitHub's OpenAPI description, API versions 2022-11-28 and 2026-03-10, read 2026-11-23; a sealed box that cannot be opened is
//! refused with 422.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::SecretKey;
use crypto_box::aead::OsRng;
use http::Method;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use super::answers::{error, ok, segments, written};
use super::shapes;
use super::state::{State, WORKFLOW};

/// The id of every key: beyond what fits into a number of JavaScript, as GitHub's are.
const KEY_ID: &str = "568250167242549743";

/// What was set, by place and name; a place is `repos/owner/name`, `environments/owner/name/environment` or `orgs/name`.
pub(super) struct Provisioned {
    key: SecretKey,
    secrets: BTreeMap<(String, String), String>,
    variables: BTreeMap<(String, String), String>,
    environments: BTreeSet<String>,
}

impl std::fmt::Debug for Provisioned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provisioned").finish_non_exhaustive()
    }
}

impl Default for Provisioned {
    fn default() -> Self {
        Self {
            key: SecretKey::generate(&mut OsRng),
            secrets: BTreeMap::new(),
            variables: BTreeMap::new(),
            environments: BTreeSet::new(),
        }
    }
}

impl Provisioned {
    pub(super) fn secret(&self, place: &str, name: &str) -> Option<&String> {
        self.secrets
            .get(&(place.to_ascii_lowercase(), name.to_ascii_uppercase()))
    }

    pub(super) fn variable(&self, place: &str, name: &str) -> Option<&String> {
        self.variables
            .get(&(place.to_ascii_lowercase(), name.to_ascii_uppercase()))
    }

    /// Another key from now on: what was sealed with the one before cannot be opened.
    pub(super) fn change_key(&mut self) {
        self.key = SecretKey::generate(&mut OsRng);
    }
}

/// A request of this kind, answered; none where it is of another.
pub(super) fn answered(state: &mut State, request: &Request) -> Option<ResponseTemplate> {
    let parts = segments(request);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        [
            "repos",
            owner,
            name,
            "actions",
            kind @ ("secrets" | "variables"),
            rest @ ..,
        ] => Some(values(
            state,
            &format!("repos/{owner}/{name}"),
            kind,
            rest,
            request,
        )),
        [
            "repos",
            owner,
            name,
            "environments",
            environment,
            kind @ ("secrets" | "variables"),
            rest @ ..,
        ] => {
            let place = format!("environments/{owner}/{name}/{environment}").to_ascii_lowercase();
            if !state.provisioned.environments.contains(&place) {
                return Some(error(404, "Not Found"));
            }
            Some(values(state, &place, kind, rest, request))
        }
        [
            "orgs",
            org,
            "actions",
            kind @ ("secrets" | "variables"),
            rest @ ..,
        ] => Some(values(state, &format!("orgs/{org}"), kind, rest, request)),
        ["repos", owner, name, "environments", environment] => Some(environments(
            state,
            &format!("{owner}/{name}"),
            environment,
            request,
        )),
        ["repos", owner, name, "contents", path @ ..] if request.method == Method::PUT => Some(put_file(
            state,
            &format!("{owner}/{name}"),
            &path.join("/"),
            request,
        )),
        _ => None,
    }
}

fn values(state: &mut State, place: &str, kind: &str, rest: &[&str], request: &Request) -> ResponseTemplate {
    let place = place.to_ascii_lowercase();
    let now = written(state.now());
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let provisioned = &mut state.provisioned;
    match (kind, &request.method, rest) {
        ("secrets", &Method::GET, ["public-key"]) => {
            let key = STANDARD.encode(provisioned.key.public_key().as_bytes());
            ok(&shapes::public_key(KEY_ID, &key))
        }
        ("secrets", &Method::GET, []) => {
            let names = provisioned.secrets.keys().filter(|(at, _)| *at == place);
            let list = names.map(|(_, name)| {
                let mut secret = shapes::secret(name, &now, &now);
                if let (true, Some(secret)) = (place.starts_with("orgs/"), secret.as_object_mut()) {
                    secret.insert("visibility".to_owned(), Value::from("all"));
                }
                secret
            });
            listed("secrets", list.collect(), request)
        }
        ("secrets", &Method::PUT, [name]) => {
            if text("key_id").as_deref() != Some(KEY_ID) {
                return error(422, "Validation Failed");
            }
            let sealed = text("encrypted_value").and_then(|text| STANDARD.decode(text).ok());
            let opened = sealed.and_then(|sealed| provisioned.key.unseal(&sealed).ok());
            let Some(value) = opened.and_then(|bytes| String::from_utf8(bytes).ok()) else {
                return error(422, "Bad request - Box could not be opened");
            };
            let is_new = provisioned
                .secrets
                .insert((place, name.to_ascii_uppercase()), value)
                .is_none();
            if is_new {
                ResponseTemplate::new(201).set_body_json(json!({}))
            } else {
                ResponseTemplate::new(204)
            }
        }
        ("secrets", &Method::DELETE, [name]) => gone(
            provisioned
                .secrets
                .remove(&(place, name.to_ascii_uppercase()))
                .is_some(),
        ),
        ("variables", &Method::GET, []) => {
            let all = provisioned.variables.iter().filter(|((at, _), _)| *at == place);
            let list = all.map(|((_, name), value)| {
                let mut variable = shapes::variable(name, value, &now, &now);
                if let (true, Some(variable)) = (place.starts_with("orgs/"), variable.as_object_mut()) {
                    variable.insert("visibility".to_owned(), Value::from("all"));
                }
                variable
            });
            listed("variables", list.collect(), request)
        }
        ("variables", &Method::POST, []) => {
            let (Some(name), Some(value)) = (text("name"), text("value")) else {
                return error(422, "Invalid request.");
            };
            let key = (place, name.to_ascii_uppercase());
            if provisioned.variables.contains_key(&key) {
                return error(409, "Already exists - Variable already exists");
            }
            provisioned.variables.insert(key, value);
            ResponseTemplate::new(201).set_body_json(json!({}))
        }
        ("variables", &Method::PATCH, [name]) => {
            match (
                provisioned.variables.get_mut(&(place, name.to_ascii_uppercase())),
                text("value"),
            ) {
                (Some(value), Some(new)) => {
                    *value = new;
                    ResponseTemplate::new(204)
                }
                (None, _) => error(404, "Not Found"),
                (_, None) => error(422, "Invalid request."),
            }
        }
        ("variables", &Method::DELETE, [name]) => gone(
            provisioned
                .variables
                .remove(&(place, name.to_ascii_uppercase()))
                .is_some(),
        ),
        _ => error(404, "Not Found"),
    }
}

fn gone(was_there: bool) -> ResponseTemplate {
    if was_there {
        ResponseTemplate::new(204)
    } else {
        error(404, "Not Found")
    }
}

fn listed(kind: &str, all: Vec<Value>, request: &Request) -> ResponseTemplate {
    let number = |name: &str, default: usize| {
        let found = request.url.query_pairs().find(|(key, _)| key == name);
        found.and_then(|(_, value)| value.parse().ok()).unwrap_or(default)
    };
    let (page, per_page) = (number("page", 1).max(1), number("per_page", 30).min(100));
    let total = all.len();
    let page: Vec<Value> = all
        .into_iter()
        .skip((page - 1) * per_page)
        .take(per_page)
        .collect();
    ok(&json!({ "total_count": total, kind: page }))
}

fn environments(state: &mut State, repository: &str, name: &str, request: &Request) -> ResponseTemplate {
    let place = format!("environments/{repository}/{name}").to_ascii_lowercase();
    let now = written(state.now());
    match request.method {
        Method::GET if !state.provisioned.environments.contains(&place) => error(404, "Not Found"),
        Method::GET => ok(&shapes::environment(repository, name, &now)),
        Method::PUT => {
            state.provisioned.environments.insert(place);
            ok(&shapes::environment(repository, name, &now))
        }
        _ => error(404, "Not Found"),
    }
}

/// A file that is there is changed only by whoever names what it is now.
fn put_file(state: &mut State, repository: &str, path: &str, request: &Request) -> ResponseTemplate {
    let now = written(state.now());
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let content = text("content").and_then(|text| STANDARD.decode(text).ok());
    let (Some(content), Some(message)) = (content, text("message")) else {
        return error(422, "Invalid request.");
    };
    if text("branch").is_some_and(|branch| branch != "main") {
        return error(404, "Branch not found");
    }
    let Some(kept) = state.repositories.get_mut(&repository.to_ascii_lowercase()) else {
        return error(404, "Not Found");
    };
    let present = kept.files.get(path).map(|file| shapes::git_id(file));
    let status = match (&present, text("sha")) {
        (None, _) => 201,
        (Some(_), None) => return error(422, "Invalid request.\n\n\"sha\" wasn't supplied."),
        (Some(present), Some(sha)) if present == sha => 200,
        (Some(_), Some(_)) => return error(409, &format!("{path} does not match")),
    };
    kept.files.insert(path.to_owned(), content.clone());
    let full_name = kept.full_name.clone();
    if path == WORKFLOW {
        state.set_workflow(repository, &String::from_utf8_lossy(&content));
    }
    ResponseTemplate::new(status)
        .set_body_json(shapes::file_commit(&full_name, path, &content, message, &now))
}
