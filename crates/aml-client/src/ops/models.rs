//! **Here**: the calls for models and their versions.
//! **Not here**: the body's shape (`wire`), the request (`request`), the answer's meaning (`response`).
//! **Reads**: `client` before it; nothing after it.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json`, `Model*_*`, and azure-ai-ml
//! 1.35.2 for which of them its users make, read 2026-11-23.

use http::Method;
use serde_json::json;

use crate::client::Client;
use crate::error::Error;
use crate::pager::Pager;
use crate::poller::Poller;
use crate::request::{Call, check_asset_part};
use crate::response;
use crate::retry::Effect;
use crate::wire::resource::for_put;
use crate::wire::{ModelContainer, ModelVersion};

/// Which of the archived and the others are listed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the specification names these three")]
pub enum ListView {
    /// Those that are not archived.
    #[default]
    ActiveOnly,
    /// Those that are.
    ArchivedOnly,
    /// All.
    All,
}

impl ListView {
    /// Said only where it is not what the service does by itself.
    pub(crate) const fn said(self) -> Option<&'static str> {
        match self {
            Self::ActiveOnly => None,
            Self::ArchivedOnly => Some("ArchivedOnly"),
            Self::All => Some("All"),
        }
    }
}

/// Which versions are listed, and how.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ModelVersionsQuery {
    /// `listViewType`.
    pub view: ListView,
    /// `$orderBy`, such as `createdtime desc`.
    pub order_by: Option<String>,
    /// `$top`: how many, at most.
    pub top: Option<u32>,
    /// `tags`: `name` or `name=value`, with commas between them.
    pub tags: Option<String>,
    /// `properties`: the same.
    pub properties: Option<String>,
}

impl ModelVersionsQuery {
    /// With or without the archived ones.
    #[must_use]
    pub const fn with_view(mut self, view: ListView) -> Self {
        self.view = view;
        self
    }

    /// Newest first, so many at most.
    #[must_use]
    pub fn newest(mut self, top: u32) -> Self {
        self.order_by = Some("createdtime desc".to_owned());
        self.top = Some(top);
        self
    }

    /// Only those with these tags: `name` or `name=value`, with commas between them.
    #[must_use]
    pub fn with_tags(mut self, tags: impl Into<String>) -> Self {
        self.tags = Some(tags.into());
        self
    }
}

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
        check_version(name, version)?;
        let call = Call::get(&["models", name, "versions", version]);
        let response = self.caller().call(Effect::Repeatable, &call).await?;
        response::model_version(&response, self.now())
    }

    /// Lists the models of the workspace: `GET {workspace}/models`.
    pub fn list_models(&self, view: ListView) -> Pager<ModelContainer> {
        let query = view.said().map(|view| ("listViewType", view.to_owned()));
        Pager::new(self.caller(), &["models"], query.into_iter().collect())
    }

    /// Reads a model, which knows its latest version: `GET {workspace}/models/{name}`.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn get_model(&self, name: &str) -> Result<ModelContainer, Error> {
        check_asset_part("model name", name)?;
        self.caller().read(&Call::get(&["models", name])).await
    }

    /// Lists versions of a model: `GET {workspace}/models/{name}/versions`.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the name cannot be one.
    pub fn list_model_versions(
        &self,
        name: &str,
        query: &ModelVersionsQuery,
    ) -> Result<Pager<ModelVersion>, Error> {
        check_asset_part("model name", name)?;
        let pairs = [
            ("$orderBy", query.order_by.clone()),
            ("$top", query.top.map(|top| top.to_string())),
            ("tags", query.tags.clone()),
            ("properties", query.properties.clone()),
            ("listViewType", query.view.said().map(str::to_owned)),
        ];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Ok(Pager::new(
            self.caller(),
            &["models", name, "versions"],
            pairs.collect(),
        ))
    }

    /// The version that was created last; none where there is none that is not archived.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version); 404 where there is no such model.
    pub async fn latest_model_version(&self, name: &str) -> Result<Option<ModelVersion>, Error> {
        let query = ModelVersionsQuery::default().newest(1);
        let mut pages = self.list_model_versions(name, &query)?;
        while let Some(page) = pages.next_page().await? {
            if let Some(version) = page.into_iter().next() {
                return Ok(Some(version));
            }
        }
        Ok(None)
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
        check_version(name, version)?;
        let body = serde_json::to_value(model)
            .map_err(|error| Error::invalid("the model cannot be written").with_source(error))?;
        let call =
            Call::new(Method::PUT, &["models", name, "versions", version]).with_json(&for_put(body))?;
        self.caller().json(Effect::Repeatable, &call).await
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
        let mut model = self.get_model_version(name, version).await?;
        if model.properties.is_archived() == archived {
            return Ok(model);
        }
        model.properties.is_archived = Some(archived);
        self.put_model_version(name, version, &model).await
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
        check_version(name, version)?;
        check_version(as_name, as_version)?;
        let body =
            json!({ "registryName": registry, "destinationName": as_name, "destinationVersion": as_version });
        let call =
            Call::new(Method::POST, &["models", name, "versions", version, "publish"]).with_json(&body)?;
        Poller::begin(self.caller(), Method::POST, Effect::Once, &call).await
    }

    /// Deletes a version: `DELETE {workspace}/models/{name}/versions/{version}`. One that is not there is as good.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn delete_model_version(&self, name: &str, version: &str) -> Result<(), Error> {
        check_version(name, version)?;
        let call = Call::new(Method::DELETE, &["models", name, "versions", version]);
        self.caller().done(Effect::Repeatable, &call).await
    }

    /// Goes on with a list where another pager's [`continuation`](Pager::continuation) says.
    pub fn continue_list<T: serde::de::DeserializeOwned + Send>(&self, link: &str) -> Pager<T> {
        Pager::from_link(self.caller(), link)
    }
}

fn check_version(name: &str, version: &str) -> Result<(), Error> {
    check_asset_part("model name", name)?;
    check_asset_part("model version", version)
}
