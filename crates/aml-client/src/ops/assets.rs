//! **Here**: the calls for what is kept in versions: models, environments, data, components and code, of a workspace or of a registry.
//! **Not here**: the bodies (`wire`), shorter names for the models of a workspace (`models`).
//! **Reads**: `client`, `registry`, `pager`, `poller`.
//! **Source**: azure-ai-ml 1.35.2 `_restclient/arm_ml_service` (`*Containers_*`, `*Versions_*`, `Registry*`), read 2026-11-23. In a workspace a PUT
//! is done when it is answered; in a registry it begins an operation, and so does a DELETE.

use std::fmt;
use std::marker::PhantomData;

use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::caller::Caller;
use crate::client::Client;
use crate::error::Error;
use crate::pager::Pager;
use crate::poller::{OperationResult, Poller};
use crate::registry::RegistryClient;
use crate::request::{Call, check_asset_part, check_registry_name};
use crate::retry::Effect;
use crate::wire::resource::for_put;
use crate::wire::{
    AssetContainer, CodeVersion, ComponentVersion, DataVersion, EnvironmentVersion, ModelVersion,
    PendingUpload, WireUpload,
};

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
pub struct VersionsQuery {
    /// `listViewType`.
    pub view: ListView,
    /// `$orderBy`, such as `createdtime desc`.
    pub order_by: Option<String>,
    /// `$top`: how many, at most.
    pub top: Option<u32>,
    /// Tags: `name` or `name=value`, with commas between them. Models and data only.
    pub tags: Option<String>,
    /// `properties`: the same. Models only.
    pub properties: Option<String>,
}

impl VersionsQuery {
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

    /// Only those with these properties: `name` or `name=value`, with commas between them.
    #[must_use]
    pub fn with_properties(mut self, properties: impl Into<String>) -> Self {
        self.properties = Some(properties.into());
        self
    }
}

#[expect(unnameable_types, reason = "nobody else makes kinds or places")]
mod sealed {
    /// What an asset's kind says of itself.
    pub trait Kind {
        /// The segment of its path.
        const PATH: &'static str;
        /// What it is called in errors.
        const NOUN: &'static str;
        /// The parameters by which versions are filtered: tags, properties.
        const FILTERS: [Option<&'static str>; 2];

        /// `properties.isArchived`.
        fn archived(&mut self) -> &mut Option<bool>;
    }

    /// Where assets are.
    pub trait Place {
        /// Whether names have the pattern of registries.
        const STRICT: bool;
    }
}

/// One version of an asset: [`ModelVersion`], [`EnvironmentVersion`], [`DataVersion`], [`ComponentVersion`] or [`CodeVersion`].
pub trait Asset: sealed::Kind + OperationResult + Serialize + DeserializeOwned + Send + Sync {}

macro_rules! asset {
    ($($kind:ty: $path:literal, $noun:literal, $filters:expr;)*) => {$(
        impl sealed::Kind for $kind {
            const FILTERS: [Option<&'static str>; 2] = $filters;
            const NOUN: &'static str = $noun;
            const PATH: &'static str = $path;

            fn archived(&mut self) -> &mut Option<bool> {
                &mut self.properties.is_archived
            }
        }

        impl Asset for $kind {}
    )*};
}

asset! {
    ModelVersion: "models", "model", [Some("tags"), Some("properties")];
    EnvironmentVersion: "environments", "environment", [None, None];
    DataVersion: "data", "data asset", [Some("$tags"), None];
    ComponentVersion: "components", "component", [None, None];
    CodeVersion: "codes", "code asset", [None, None];
}

/// In a workspace.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it has no value")]
pub enum InWorkspace {}

/// In a registry.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it has no value")]
pub enum InRegistry {}

impl sealed::Place for InWorkspace {
    const STRICT: bool = false;
}

impl sealed::Place for InRegistry {
    const STRICT: bool = true;
}

/// The assets of one kind, in a workspace or in a registry.
pub struct Assets<'c, V, P> {
    caller: &'c Caller,
    kind: PhantomData<fn() -> (V, P)>,
}

impl<V: Asset, P: sealed::Place> Assets<'_, V, P> {
    /// Lists the names: `GET {scope}/{kind}`.
    pub fn list(&self, view: ListView) -> Pager<AssetContainer> {
        let query = view.said().map(|view| ("listViewType", view.to_owned()));
        Pager::new(self.caller, &[V::PATH], query.into_iter().collect())
    }

    /// Reads what is known of a name, its latest version for one: `GET {scope}/{kind}/{name}`.
    ///
    /// # Errors
    /// As [`Client::get_model_version`].
    pub async fn container(&self, name: &str) -> Result<AssetContainer, Error> {
        self.check(name, None)?;
        self.caller.read(&Call::get(&[V::PATH, name])).await
    }

    /// Lists versions of a name: `GET {scope}/{kind}/{name}/versions`.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the name cannot be one; or the query filters by what the service cannot filter this kind by.
    pub fn versions(&self, name: &str, query: &VersionsQuery) -> Result<Pager<V>, Error> {
        self.check(name, None)?;
        let mut pairs = Vec::new();
        let mut say = |name: &'static str, value: Option<String>| {
            pairs.extend(value.map(|value| (name, value)));
        };
        say("$orderBy", query.order_by.clone());
        say("$top", query.top.map(|top| top.to_string()));
        for (filter, wanted) in V::FILTERS.into_iter().zip([&query.tags, &query.properties]) {
            match (filter, wanted) {
                (Some(filter), wanted) => say(filter, wanted.clone()),
                (None, None) => {}
                (None, Some(_)) => {
                    return Err(Error::invalid(format!(
                        "versions of this kind ({}) cannot be filtered by that",
                        V::NOUN
                    )));
                }
            }
        }
        say("listViewType", query.view.said().map(str::to_owned));
        Ok(Pager::new(self.caller, &[V::PATH, name, "versions"], pairs))
    }

    /// The version that was created last; none where there is none that is not archived.
    ///
    /// # Errors
    /// As [`Client::get_model_version`]; 404 where there is no such name.
    pub async fn latest(&self, name: &str) -> Result<Option<V>, Error> {
        let mut pages = self.versions(name, &VersionsQuery::default().newest(1))?;
        while let Some(page) = pages.next_page().await? {
            if let Some(version) = page.into_iter().next() {
                return Ok(Some(version));
            }
        }
        Ok(None)
    }

    /// Reads a version: `GET {scope}/{kind}/{name}/versions/{version}`.
    ///
    /// # Errors
    /// As [`Client::get_model_version`].
    pub async fn get(&self, name: &str, version: &str) -> Result<V, Error> {
        self.check(name, Some(version))?;
        self.caller
            .read(&Call::get(&[V::PATH, name, "versions", version]))
            .await
    }

    fn check(&self, name: &str, version: Option<&str>) -> Result<(), Error> {
        if P::STRICT {
            check_registry_name(&format!("{} name", V::NOUN), name)?;
        } else {
            check_asset_part(&format!("{} name", V::NOUN), name)?;
        }
        match version {
            Some(version) => check_asset_part(&format!("{} version", V::NOUN), version),
            None => Ok(()),
        }
    }

    fn put_call<'a>(&self, name: &'a str, version: &'a str, body: &V) -> Result<Call<'a>, Error> {
        self.check(name, Some(version))?;
        let body = serde_json::to_value(body).map_err(|error| {
            Error::invalid(format!("the {} cannot be written", V::NOUN)).with_source(error)
        })?;
        Call::new(Method::PUT, &[V::PATH, name, "versions", version]).with_json(&for_put(body))
    }

    fn delete_call<'a>(&self, name: &'a str, version: &'a str) -> Result<Call<'a>, Error> {
        self.check(name, Some(version))?;
        Ok(Call::new(Method::DELETE, &[V::PATH, name, "versions", version]))
    }

    async fn upload(&self, name: &str, version: &str) -> Result<PendingUpload, Error> {
        self.check(name, Some(version))?;
        let call = Call::new(
            Method::POST,
            &[V::PATH, name, "versions", version, "startPendingUpload"],
        )
        .with_json(&json!({ "pendingUploadType": "TemporaryBlobReference" }))?;
        self.caller
            .json::<WireUpload>(Effect::Repeatable, &call)
            .await
            .map(Into::into)
    }
}

impl<V: Asset> Assets<'_, V, InWorkspace> {
    /// Registers a version, or changes what may be changed of one (description, tags, stage, the mark of the archived):
    /// `PUT {workspace}/{kind}/{name}/versions/{version}`. What it stands for cannot be changed.
    ///
    /// # Errors
    /// As [`Client::get_model_version`]; 400 where the version is there and stands for something else.
    ///
    /// # Cancel safety
    /// The same again comes to the same.
    pub async fn put(&self, name: &str, version: &str, body: &V) -> Result<V, Error> {
        let call = self.put_call(name, version, body)?;
        self.caller.json(Effect::Repeatable, &call).await
    }

    /// Marks a version as archived, or takes the mark away. Nothing is sent where it is so already.
    ///
    /// # Errors
    /// As [`put`](Self::put). There is no If-Match at this service: a change of somebody else between our read and our write is lost.
    pub async fn archive(&self, name: &str, version: &str, archived: bool) -> Result<V, Error> {
        let mut found = self.get(name, version).await?;
        if found.archived().unwrap_or(false) == archived {
            return Ok(found);
        }
        *found.archived() = Some(archived);
        self.put(name, version, &found).await
    }

    /// Copies a version to a registry: `POST …/publish`. Not made again by itself after a lost answer.
    ///
    /// # Errors
    /// As [`Client::get_model_version`], and those of the operation.
    pub async fn publish(
        &self,
        name: &str,
        version: &str,
        registry: &str,
        as_name: &str,
        as_version: &str,
    ) -> Result<Poller<()>, Error> {
        self.check(name, Some(version))?;
        check_registry_name("name in the registry", as_name)?;
        check_asset_part("version in the registry", as_version)?;
        let body =
            json!({ "registryName": registry, "destinationName": as_name, "destinationVersion": as_version });
        let call =
            Call::new(Method::POST, &[V::PATH, name, "versions", version, "publish"]).with_json(&body)?;
        Poller::begin(self.caller, Method::POST, Effect::Once, &call).await
    }

    /// Deletes a version: `DELETE {workspace}/{kind}/{name}/versions/{version}`. One that is not there is as good.
    ///
    /// # Errors
    /// As [`Client::get_model_version`].
    pub async fn delete(&self, name: &str, version: &str) -> Result<(), Error> {
        let call = self.delete_call(name, version)?;
        self.caller.done(Effect::Repeatable, &call).await
    }
}

impl Assets<'_, CodeVersion, InWorkspace> {
    /// Asks where the folder of a code asset is to be put, before it is registered: `POST …/startPendingUpload`. The same is answered when it
    /// is asked again.
    ///
    /// # Errors
    /// As [`Client::get_model_version`].
    pub async fn start_upload(&self, name: &str, version: &str) -> Result<PendingUpload, Error> {
        self.upload(name, version).await
    }
}

impl<V: Asset> Assets<'_, V, InRegistry> {
    /// Registers a version: `PUT {registry}/{kind}/{name}/versions/{version}`. It cannot be changed afterwards.
    ///
    /// # Errors
    /// As [`Client::get_model_version`], and those of the operation.
    pub async fn put(&self, name: &str, version: &str, body: &V) -> Result<Poller<V>, Error> {
        let call = self.put_call(name, version, body)?;
        Poller::begin(self.caller, Method::PUT, Effect::Repeatable, &call).await
    }

    /// Deletes a version, which can then never be made again. One that is not there is as good.
    ///
    /// # Errors
    /// As [`Client::get_model_version`], and those of the operation.
    pub async fn delete(&self, name: &str, version: &str) -> Result<Poller<()>, Error> {
        let call = self.delete_call(name, version)?;
        Poller::begin(self.caller, Method::DELETE, Effect::Repeatable, &call).await
    }

    /// Asks where the files are to be put, before the version is registered: `POST …/startPendingUpload`. The same is answered when it is
    /// asked again.
    ///
    /// # Errors
    /// As [`Client::get_model_version`].
    pub async fn start_upload(&self, name: &str, version: &str) -> Result<PendingUpload, Error> {
        self.upload(name, version).await
    }
}

impl<V, P> fmt::Debug for Assets<'_, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assets")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

macro_rules! kinds {
    ($client:ident, $place:ident: $($(#[$doc:meta])* $name:ident: $kind:ident,)*) => {
        impl $client {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(&self) -> Assets<'_, $kind, $place> {
                    Assets {
                        caller: self.caller(),
                        kind: PhantomData,
                    }
                }
            )*
        }
    };
}

kinds! { Client, InWorkspace:
    /// The models of the workspace.
    models: ModelVersion,
    /// The environments of the workspace.
    environments: EnvironmentVersion,
    /// The data assets of the workspace.
    data: DataVersion,
    /// The components of the workspace.
    components: ComponentVersion,
    /// The code assets of the workspace.
    codes: CodeVersion,
}

kinds! { RegistryClient, InRegistry:
    /// The models of the registry.
    models: ModelVersion,
    /// The environments of the registry.
    environments: EnvironmentVersion,
    /// The data assets of the registry.
    data: DataVersion,
    /// The components of the registry.
    components: ComponentVersion,
    /// The code assets of the registry.
    codes: CodeVersion,
}
