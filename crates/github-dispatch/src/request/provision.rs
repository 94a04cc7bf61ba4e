//! **Here**: requests for secrets, variables, environments and files.
//! **Not here**: what they are (`provision`).
//! **Reads**: `request`, `provision`; `ops/provision` after it.
//! **Source**: <https://docs.github.com/rest/actions/secrets>, <https://docs.github.com/rest/actions/variables>,
//! <https://docs.github.com/rest/deployments/environments> and <https://docs.github.com/rest/repos/contents>, read 2026-11-23.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Map, Value, json};
use url::Url;

use super::{JSON, Made, Requests};
use crate::provision::{EnvironmentName, FilePath, SealedSecret, SecretName, SecretScope, Visibility};
use crate::repo::RepoFullName;

/// A change of a file.
pub(crate) struct FileChange<'a> {
    pub(crate) content: &'a [u8],
    pub(crate) message: &'a str,
    pub(crate) branch: Option<&'a str>,
    /// Of what is there now; none where nothing is.
    pub(crate) sha: Option<&'a str>,
}

impl Requests {
    /// `GET …/secrets/public-key` of a place.
    pub(crate) fn public_key(&self, scope: &SecretScope) -> Made {
        self.get(self.place(scope, "secrets", &["public-key"]))
    }

    /// `GET …/secrets`, names only, 100 to the page; pages count from 1.
    pub(crate) fn secrets(&self, scope: &SecretScope, page: u32) -> Made {
        self.get(paged(self.place(scope, "secrets", &[]), 100, page))
    }

    /// `PUT …/secrets/{name}`.
    pub(crate) fn put_secret(&self, scope: &SecretScope, name: &SecretName, sealed: &SealedSecret) -> Made {
        let mut body = visibility(scope);
        body.insert(
            "encrypted_value".to_owned(),
            Value::from(sealed.encrypted_value.as_str()),
        );
        body.insert("key_id".to_owned(), Value::from(sealed.key_id.as_str()));
        self.put(self.place(scope, "secrets", &[name.as_str()]), body)
    }

    /// `DELETE …/secrets/{name}`.
    pub(crate) fn delete_secret(&self, scope: &SecretScope, name: &SecretName) -> Made {
        let url = self.place(scope, "secrets", &[name.as_str()]);
        self.request(Method::DELETE, url, JSON, None)
    }

    /// `GET …/variables`, 30 to the page, which is the most for variables; pages count from 1.
    pub(crate) fn variables(&self, scope: &SecretScope, page: u32) -> Made {
        self.get(paged(self.place(scope, "variables", &[]), 30, page))
    }

    /// `POST …/variables`.
    pub(crate) fn create_variable(&self, scope: &SecretScope, name: &SecretName, value: &str) -> Made {
        let body = variable(scope, name, value);
        self.post(self.place(scope, "variables", &[]), Some(text(&body)))
    }

    /// `PATCH …/variables/{name}`.
    pub(crate) fn update_variable(&self, scope: &SecretScope, name: &SecretName, value: &str) -> Made {
        let body = variable(scope, name, value);
        let url = self.place(scope, "variables", &[name.as_str()]);
        self.request(Method::PATCH, url, JSON, Some(text(&body)))
    }

    /// `DELETE …/variables/{name}`.
    pub(crate) fn delete_variable(&self, scope: &SecretScope, name: &SecretName) -> Made {
        let url = self.place(scope, "variables", &[name.as_str()]);
        self.request(Method::DELETE, url, JSON, None)
    }

    /// `GET /repos/{owner}/{repo}/environments/{environment}`.
    pub(crate) fn environment(&self, repo: &RepoFullName, name: &EnvironmentName) -> Made {
        self.get(self.repository_url(repo, &["environments", name.as_str()]))
    }

    /// `PUT` of the same. It replaces the protection of one that is there.
    pub(crate) fn create_environment(&self, repo: &RepoFullName, name: &EnvironmentName) -> Made {
        let url = self.repository_url(repo, &["environments", name.as_str()]);
        self.put(url, Map::new())
    }

    /// `GET /repos/{owner}/{repo}/contents/{path}`, at a branch or the default one.
    pub(crate) fn file(&self, repo: &RepoFullName, path: &FilePath, branch: Option<&str>) -> Made {
        let mut url = self.repository_url(repo, &["contents", path.as_str()]);
        if let Some(branch) = branch {
            url.query_pairs_mut().append_pair("ref", branch);
        }
        self.get(url)
    }

    /// `PUT` of the same: a commit.
    pub(crate) fn put_file(&self, repo: &RepoFullName, path: &FilePath, change: &FileChange<'_>) -> Made {
        let mut body = Map::new();
        body.insert("content".to_owned(), Value::from(STANDARD.encode(change.content)));
        body.insert("message".to_owned(), Value::from(change.message));
        for (name, value) in [("branch", change.branch), ("sha", change.sha)] {
            if let Some(value) = value {
                body.insert(name.to_owned(), Value::from(value));
            }
        }
        self.put(self.repository_url(repo, &["contents", path.as_str()]), body)
    }

    fn put(&self, url: Url, body: Map<String, Value>) -> Made {
        self.request(Method::PUT, url, JSON, Some(text(&Value::Object(body))))
    }

    /// Where secrets or variables of a place are.
    fn place(&self, scope: &SecretScope, kind: &str, rest: &[&str]) -> Url {
        let mut segments = match scope {
            SecretScope::Repository(repo) => vec!["repos", repo.owner(), repo.name(), "actions", kind],
            SecretScope::Environment(repo, environment) => {
                vec![
                    "repos",
                    repo.owner(),
                    repo.name(),
                    "environments",
                    environment.as_str(),
                    kind,
                ]
            }
            SecretScope::Organisation(org, _) => vec!["orgs", org.as_str(), "actions", kind],
        };
        segments.extend_from_slice(rest);
        self.root.below(&segments)
    }
}

fn paged(mut url: Url, per_page: u32, page: u32) -> Url {
    url.query_pairs_mut()
        .append_pair("per_page", &per_page.to_string())
        .append_pair("page", &page.to_string());
    url
}

fn text(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}

fn variable(scope: &SecretScope, name: &SecretName, value: &str) -> Value {
    let mut body = visibility(scope);
    body.insert("name".to_owned(), Value::from(name.as_str()));
    body.insert("value".to_owned(), Value::from(value));
    Value::Object(body)
}

/// What an organisation wants to know.
fn visibility(scope: &SecretScope) -> Map<String, Value> {
    let SecretScope::Organisation(_, visibility) = scope else {
        return Map::new();
    };
    let (word, ids) = match visibility {
        Visibility::All => ("all", None),
        Visibility::Private => ("private", None),
        Visibility::Selected(ids) => ("selected", Some(ids)),
    };
    let mut body = Map::new();
    body.insert("visibility".to_owned(), Value::from(word));
    if let Some(ids) = ids {
        body.insert("selected_repository_ids".to_owned(), json!(ids));
    }
    body
}
