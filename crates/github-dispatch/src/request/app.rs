//! **Here**: requests of a GitHub App.
//! **Not here**: its JWT (`auth/jwt`).
//! **Reads**: `request`; `auth/app` after it.
//! **Source**: <https://docs.github.com/rest/apps/apps>, read 2026-11-23.

use serde_json::{Map, Value};

use super::{Made, Requests};
use crate::auth::Narrowed;
use crate::repo::RepoFullName;

impl Requests {
    /// `GET /repos/{owner}/{repo}/installation`. With the app's JWT.
    ///
    /// # Errors
    /// A header value of the builder cannot be sent.
    pub fn installation(&self, repo: &RepoFullName) -> Made {
        self.get(self.repository_url(repo, &["installation"]))
    }

    /// `POST /app/installations/{id}/access_tokens`. With the app's JWT.
    pub(crate) fn installation_token(&self, id: u64, narrowed: &Narrowed) -> Made {
        let url = self
            .root
            .below(&["app", "installations", &id.to_string(), "access_tokens"]);
        let mut body = Map::new();
        if !narrowed.repositories.is_empty() {
            body.insert(
                "repositories".to_owned(),
                Value::from(narrowed.repositories.clone()),
            );
        }
        if !narrowed.permissions.is_empty() {
            let permissions = narrowed
                .permissions
                .iter()
                .map(|(name, access)| (name.clone(), access.clone().into()));
            body.insert("permissions".to_owned(), Value::Object(permissions.collect()));
        }
        self.post(url, Some(Value::Object(body).to_string().into_bytes()))
    }
}
