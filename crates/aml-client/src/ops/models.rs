//! **Here**: the calls for models and their versions, by names of their own.
//! **Not here**: what they do (`assets`, which has them for every kind of asset).
//! **Reads**: `client` before it; `assets`.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json`, `Model*_*`, and azure-ai-ml
//! 1.35.2 for which of them its users make, read 2026-11-23.

use super::assets::{ListView, VersionsQuery};
use crate::client::Client;
use crate::error::Error;
use crate::pager::Pager;
use crate::poller::Poller;
use crate::wire::{AssetContainer, ModelVersion};

impl Client {
    /// Reads one version of a model of the workspace: `GET {workspace}/models/{name}/versions/{version}`.
    ///
    /// Name and version are taken as an event writes them, such as `churn` and `7`; both are compared with regard to case
    /// by the service. It is a read, so a caller may repeat it whatever came of it.
    ///
    /// Source: `ModelVersions_Get`.
    ///
    /// # Errors
    /// - [`Invalid`](crate::ErrorKind::Invalid): name or version is empty, longer than 255 characters, made of full stops
    ///   only, or holds anything but printable ASCII without `/ \ % ? #`; nothing was sent.
    /// - [`NotFound`](crate::ErrorKind::NotFound): there is no such version or workspace, **or not yet**: right after
    ///   `ModelRegistered` the read may lag behind the event. Ask again, a bounded number of times.
    /// - [`Auth`](crate::ErrorKind::Auth): no token, or the service refused it or its rights.
    /// - [`Throttled`](crate::ErrorKind::Throttled): too many requests; ask again after
    ///   [`Advice::Throttled`](crate::Advice::Throttled)'s instant.
    /// - [`Connect`](crate::ErrorKind::Connect), [`SentNoAnswer`](crate::ErrorKind::SentNoAnswer): ask again later.
    /// - [`Decode`](crate::ErrorKind::Decode): the answer is not a model version.
    /// - [`Status`](crate::ErrorKind::Status): any other answer; [`Error::advice`] tells what to do.
    ///
    /// # Cancel safety
    /// Safe: it only reads.
    pub async fn get_model_version(&self, name: &str, version: &str) -> Result<ModelVersion, Error> {
        self.models().get(name, version).await
    }

    /// Lists the models of the workspace: `GET {workspace}/models`.
    pub fn list_models(&self, view: ListView) -> Pager<AssetContainer> {
        self.models().list(view)
    }

    /// Reads a model, which knows its latest version: `GET {workspace}/models/{name}`.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn get_model(&self, name: &str) -> Result<AssetContainer, Error> {
        self.models().container(name).await
    }

    /// Lists versions of a model: `GET {workspace}/models/{name}/versions`.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the name cannot be one.
    pub fn list_model_versions(
        &self,
        name: &str,
        query: &VersionsQuery,
    ) -> Result<Pager<ModelVersion>, Error> {
        self.models().versions(name, query)
    }

    /// The version that was created last; none where there is none that is not archived.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version); 404 where there is no such model.
    pub async fn latest_model_version(&self, name: &str) -> Result<Option<ModelVersion>, Error> {
        self.models().latest(name).await
    }

    /// Registers a version, or changes the description, tags, stage or archive mark of one: `PUT {workspace}/models/{name}/versions/{version}`.
    /// Its files cannot be changed.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version); 400 where the version is there with other files.
    ///
    /// # Cancel safety
    /// The same again comes to the same.
    pub async fn put_model_version(
        &self,
        name: &str,
        version: &str,
        model: &ModelVersion,
    ) -> Result<ModelVersion, Error> {
        self.models().put(name, version, model).await
    }

    /// Marks a version as archived, or takes the mark away. Nothing is sent where it is so already.
    ///
    /// # Errors
    /// As [`put_model_version`](Self::put_model_version). There is no If-Match at this service: a change of somebody else between our read
    /// and our write is lost.
    pub async fn archive_model_version(
        &self,
        name: &str,
        version: &str,
        archived: bool,
    ) -> Result<ModelVersion, Error> {
        self.models().archive(name, version, archived).await
    }

    /// Copies a version to a registry: `POST …/publish`. Not made again by itself after a lost answer.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version), and those of the operation.
    pub async fn publish_model_version(
        &self,
        name: &str,
        version: &str,
        registry: &str,
        as_name: &str,
        as_version: &str,
    ) -> Result<Poller<()>, Error> {
        self.models()
            .publish(name, version, registry, as_name, as_version)
            .await
    }

    /// Deletes a version: `DELETE {workspace}/models/{name}/versions/{version}`. One that is not there is as good.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn delete_model_version(&self, name: &str, version: &str) -> Result<(), Error> {
        self.models().delete(name, version).await
    }

    /// Goes on with a list where another pager's [`continuation`](Pager::continuation) says.
    pub fn continue_list<T: serde::de::DeserializeOwned + Send>(&self, link: &str) -> Pager<T> {
        Pager::from_link(self.caller(), link)
    }
}
