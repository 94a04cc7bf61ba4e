//! **Here**: the calls that put secrets, variables, environments and files in place.
//! **Not here**: names and sealing (`provision`).
//! **Reads**: `client`, `provision`.
//! **Source**: <https://docs.github.com/rest/actions/secrets>, <https://docs.github.com/rest/actions/variables>,
//! <https://docs.github.com/rest/deployments/environments> and <https://docs.github.com/rest/repos/contents>, read 2026-11-23. Variables know no
//! "set": one that is there is changed, another one created. An environment that is put loses its protection: it is only ever created.
//!
//! # Example: a secret that only GitHub can read
//!
//! ```no_run
//! # async fn example(client: github_dispatch::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use github_dispatch::RepoFullName;
//! use github_dispatch::provision::{SecretName, SecretScope};
//! use secrecy::SecretString;
//!
//! let scope = SecretScope::Repository(RepoFullName::parse("contoso/deploy")?);
//! let value = SecretString::from("sealed before it is sent");
//! let put = client.put_secret(&scope, &SecretName::parse("AZURE_CREDENTIALS")?, &value).await?;
//! println!("{put:?}");
//! # Ok(())
//! # }
//! ```

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

use crate::client::{Client, Make};
use crate::error::{Advice, Error, ErrorKind};
use crate::provision::{
    EnvironmentName, FilePath, InvalidKey, MAX_VALUE_BYTES, PublicKey, Put, SecretName, SecretScope, WireKey,
};
use crate::repo::RepoFullName;
use crate::request::FileChange;
use crate::response::refusal;
use crate::retry::Effect;
use crate::send::Answer;

/// Pages of names that are read at most: an organisation has 1,000 of them.
const MAX_PAGES: u32 = 50;
/// Times that a file is read and put at most, when somebody else changes it meanwhile.
const MAX_TRIES: u32 = 2;

/// A file as it is in a repository.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RepositoryFile {
    /// Its bytes.
    pub content: Vec<u8>,
    /// `sha` of them, which a change has to name.
    pub sha: String,
}

impl Client {
    /// Reads the key that secrets of a place are sealed with. Needs *Secrets: read* (*Environments: read* for an environment).
    ///
    /// # Errors
    /// The key could not be had, or is none.
    pub async fn public_key(&self, scope: &SecretScope) -> Result<PublicKey, Error> {
        let wire: WireKey = self.read(|| self.requests().public_key(scope)).await?;
        PublicKey::try_from(wire).map_err(|error| unusable(&error))
    }

    /// Seals a secret with the key of its place and puts it there. Needs *Secrets: write* (*Environments: write*).
    ///
    /// # Errors
    /// It has more than 48 KB; or GitHub refuses it. No text holds the value.
    ///
    /// # Cancel safety
    /// The same again comes to the same.
    pub async fn put_secret(
        &self,
        scope: &SecretScope,
        name: &SecretName,
        value: &SecretString,
    ) -> Result<Put, Error> {
        let mut is_last = false;
        loop {
            let sealed = self
                .public_key(scope)
                .await?
                .seal(value)
                .map_err(|error| unusable(&error))?;
            let put = self
                .set(|| self.requests().put_secret(scope, name, &sealed))
                .await;
            match put {
                // The key may have changed since it was read.
                Err(error) if error.status() == Some(422) && !is_last => is_last = true,
                put => return put,
            }
        }
    }

    /// Lists the names of secrets, in upper case; values cannot be read by anybody.
    ///
    /// # Errors
    /// A page could not be had.
    pub async fn list_secrets(&self, scope: &SecretScope) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Page {
            secrets: Vec<Named>,
        }
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        let mut names = Vec::new();
        for page in 1..=MAX_PAGES {
            let read: Page = self.read(|| self.requests().secrets(scope, page)).await?;
            let is_last = read.secrets.len() < 100;
            names.extend(read.secrets.into_iter().map(|secret| secret.name));
            if is_last {
                break;
            }
        }
        Ok(names)
    }

    /// Deletes a secret; one that is not there is as good.
    ///
    /// # Errors
    /// GitHub refuses it.
    pub async fn delete_secret(&self, scope: &SecretScope, name: &SecretName) -> Result<(), Error> {
        self.delete(|| self.requests().delete_secret(scope, name)).await
    }

    /// Sets a variable, which anybody who may read the repository's settings can read. Needs *Variables: write*.
    ///
    /// # Errors
    /// It has more than 48 KB; or GitHub refuses it.
    ///
    /// # Cancel safety
    /// The same again comes to the same.
    pub async fn set_variable(
        &self,
        scope: &SecretScope,
        name: &SecretName,
        value: &str,
    ) -> Result<Put, Error> {
        if value.len() > MAX_VALUE_BYTES {
            return Err(Error::invalid("a variable has 48 KB at most"));
        }
        let update = || self.requests().update_variable(scope, name, value);
        match self.set(update).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            updated => return updated.map(|_| Put::Updated),
        }
        match self
            .set(|| self.requests().create_variable(scope, name, value))
            .await
        {
            // Somebody created it meanwhile, or our own request did whose answer was lost.
            Err(error) if error.status() == Some(409) => self.set(update).await.map(|_| Put::Updated),
            created => created.map(|_| Put::Created),
        }
    }

    /// Lists variables and their values.
    ///
    /// # Errors
    /// A page could not be had.
    pub async fn list_variables(&self, scope: &SecretScope) -> Result<BTreeMap<String, String>, Error> {
        #[derive(Deserialize)]
        struct Page {
            variables: Vec<Variable>,
        }
        #[derive(Deserialize)]
        struct Variable {
            name: String,
            value: String,
        }
        let mut all = BTreeMap::new();
        for page in 1..=MAX_PAGES {
            let read: Page = self.read(|| self.requests().variables(scope, page)).await?;
            let is_last = read.variables.len() < 30;
            all.extend(read.variables.into_iter().map(|one| (one.name, one.value)));
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Deletes a variable; one that is not there is as good.
    ///
    /// # Errors
    /// GitHub refuses it.
    pub async fn delete_variable(&self, scope: &SecretScope, name: &SecretName) -> Result<(), Error> {
        self.delete(|| self.requests().delete_variable(scope, name)).await
    }

    /// Creates an environment where there is none; one that is there keeps its protection. Needs *Administration: write*.
    ///
    /// # Errors
    /// GitHub refuses it.
    pub async fn ensure_environment(
        &self,
        repo: &RepoFullName,
        name: &EnvironmentName,
    ) -> Result<Put, Error> {
        let found: Result<serde_json::Value, Error> =
            self.read(|| self.requests().environment(repo, name)).await;
        match found {
            Ok(_) => Ok(Put::Unchanged),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.set(|| self.requests().create_environment(repo, name))
                    .await?;
                Ok(Put::Created)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads a file of a branch, or of the default one; none where there is none. Needs *Contents: read*.
    ///
    /// # Errors
    /// It could not be had; it is a folder; or it has more than 1 MB, which this call does not give.
    pub async fn get_file(
        &self,
        repo: &RepoFullName,
        path: &FilePath,
        branch: Option<&str>,
    ) -> Result<Option<RepositoryFile>, Error> {
        #[derive(Deserialize)]
        struct Wire {
            sha: String,
            #[serde(default)]
            encoding: String,
            #[serde(default)]
            content: String,
        }
        let wire: Wire = match self.read(|| self.requests().file(repo, path, branch)).await {
            Ok(wire) => wire,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let undecodable = |text: &str| Error::new(ErrorKind::Decode, Advice::GiveUp, text);
        if wire.encoding != "base64" {
            return Err(undecodable("the file has more than 1 MB, or is none"));
        }
        // Its lines are 60 characters long.
        let text: String = wire.content.split_whitespace().collect();
        let content = STANDARD
            .decode(text)
            .map_err(|_| undecodable("the file's content is not base64"))?;
        Ok(Some(RepositoryFile {
            content,
            sha: wire.sha,
        }))
    }

    /// Creates a file or changes it, by a commit of its own; nothing is sent where it is so already. Needs *Contents: write*, and *Workflows:
    /// write* for a workflow file.
    ///
    /// # Errors
    /// GitHub refuses it; somebody else changed it at the same time, again and again (409); or the answer was lost and the file is not as it
    /// should be.
    ///
    /// # Cancel safety
    /// The same again comes to the same.
    pub async fn put_file(
        &self,
        repo: &RepoFullName,
        path: &FilePath,
        content: &[u8],
        message: &str,
        branch: Option<&str>,
    ) -> Result<Put, Error> {
        let mut n_tries = 0;
        loop {
            n_tries += 1;
            let present = self.get_file(repo, path, branch).await?;
            if present.as_ref().is_some_and(|file| file.content == content) {
                return Ok(if n_tries == 1 {
                    Put::Unchanged
                } else {
                    Put::Updated
                });
            }
            let change = FileChange {
                content,
                message,
                branch,
                sha: present.as_ref().map(|file| file.sha.as_str()),
            };
            // A commit: what may have been made is not made again, but looked at.
            let put = self
                .call(
                    Effect::Start,
                    || self.requests().put_file(repo, path, &change),
                    created_or_updated,
                )
                .await;
            let error = match put {
                Ok(put) => return Ok(put),
                Err(error) => error,
            };
            let is_conflict = matches!(error.status(), Some(409 | 422));
            let may_be_there = error.advice() == Advice::Unknown;
            if n_tries >= MAX_TRIES || !(is_conflict || may_be_there) {
                return Err(error);
            }
        }
    }

    async fn set(&self, make: impl Make) -> Result<Put, Error> {
        self.call(Effect::Set, make, created_or_updated).await
    }

    async fn delete(&self, make: impl Make) -> Result<(), Error> {
        let read = |answer: &Answer, now| {
            if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND {
                return Ok(());
            }
            Err(refusal(
                answer.status,
                &answer.headers,
                &answer.body,
                now,
                &answer.hidden,
            ))
        };
        self.call(Effect::Set, make, read).await
    }
}

/// 201 is created, any other success updated.
fn created_or_updated(answer: &Answer, now: std::time::SystemTime) -> Result<Put, Error> {
    match answer.status {
        StatusCode::CREATED => Ok(Put::Created),
        status if status.is_success() => Ok(Put::Updated),
        status => Err(refusal(
            status,
            &answer.headers,
            &answer.body,
            now,
            &answer.hidden,
        )),
    }
}

fn unusable(error: &InvalidKey) -> Error {
    Error::new(ErrorKind::Invalid, Advice::GiveUp, error.to_string())
}
