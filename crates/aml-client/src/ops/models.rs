//! **Here**: the calls for models: so far, reading one version.
//! **Not here**: the body's shape (`wire`), the request (`request`), the answer's meaning (`response`).
//! **Reads**: `client` before it; nothing after it.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json`, `ModelVersions_Get`, read 2026-11-22.

use crate::client::Client;
use crate::error::Error;
use crate::wire::ModelVersion;
use crate::{request, response};

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
        let request = request::get_model_version(self.target(), name, version)?;
        let response = self.send(request).await?;
        response::model_version(&response, self.now())
    }
}
