//! **Here**: what is kept in versions beside models: environments, data, components and code; and the container that all of them have.
//! **Not here**: model versions (`models`), calls (`ops::assets`).
//! **Reads**: nothing before it.
//! **Source**: azure-ai-ml 1.35.2 `_restclient/arm_ml_service` (DataVersionBase, EnvironmentVersion, ComponentVersion, CodeVersion, and their
//! containers), read 2026-11-23.

use std::fmt;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ProvisioningState, StringMap};

open! {
    /// What the versions of one name are below: a model, an environment, a data asset, a component, a code asset.
    ///
    /// Shape: `{"id": "/subscriptions/...", "name": "churn", "properties": {"latestVersion": "7", "nextVersion": "8"}}`.
    pub struct AssetContainer {
        /// `id`: the resource id, such as `{workspace}/models/{name}`.
        id: Option<String> = "id",
        /// `name`.
        name: Option<String> = "name",
        ;
        /// `properties`.
        properties: AssetContainerProperties = "properties",
        ..
    }
}

open! {
    /// What is known of a container.
    #[derive(Default)]
    pub struct AssetContainerProperties {
        /// `description`: text.
        description: Option<String> = "description",
        /// `tags`.
        tags: Option<StringMap> = "tags",
        /// `properties`: may only grow.
        properties: Option<StringMap> = "properties",
        /// `isArchived`.
        is_archived: Option<bool> = "isArchived",
        /// `latestVersion`: the newest one.
        latest_version: Option<String> = "latestVersion",
        /// `nextVersion`: what a client registers next; two that ask at once are told the same.
        next_version: Option<String> = "nextVersion",
        /// `provisioningState`: read only.
        provisioning_state: Option<ProvisioningState> = "provisioningState",
        ..
    }
}

open! {
    /// One version of a data asset.
    ///
    /// Shape: `{"id": "/subscriptions/...", "name": "3", "properties": {"dataType": "uri_folder", "dataUri": "azureml://..."}}`.
    pub struct DataVersion {
        /// `id`: the resource id, `{workspace}/data/{name}/versions/{version}`.
        id: Option<String> = "id",
        /// `name`: the version.
        name: Option<String> = "name",
        ;
        /// `properties`.
        properties: DataVersionProperties = "properties",
        ..
    }
}

open! {
    /// What is known of a version of a data asset.
    #[derive(Default)]
    pub struct DataVersionProperties {
        /// `dataType`: `uri_file`, `uri_folder` or `mltable`; others are kept.
        data_type: Option<String> = "dataType",
        /// `dataUri`: where the data is.
        data_uri: Option<String> = "dataUri",
        /// `description`: text.
        description: Option<String> = "description",
        /// `tags`.
        tags: Option<StringMap> = "tags",
        /// `properties`: may only grow.
        properties: Option<StringMap> = "properties",
        /// `isArchived`.
        is_archived: Option<bool> = "isArchived",
        /// `isAnonymous`: whether the name was made up.
        is_anonymous: Option<bool> = "isAnonymous",
        ..
    }
}

open! {
    /// One version of an environment: what a model runs in.
    ///
    /// Shape: `{"id": "/subscriptions/...", "name": "2", "properties": {"image": "...", "condaFile": "...", "osType": "Linux"}}`.
    pub struct EnvironmentVersion {
        /// `id`: the resource id, `{workspace}/environments/{name}/versions/{version}`: the `environmentId` of a deployment.
        id: Option<String> = "id",
        /// `name`: the version.
        name: Option<String> = "name",
        ;
        /// `properties`.
        properties: EnvironmentVersionProperties = "properties",
        ..
    }
}

open! {
    /// What is known of a version of an environment.
    #[derive(Default)]
    pub struct EnvironmentVersionProperties {
        /// `image`: of the container.
        image: Option<String> = "image",
        /// `condaFile`: the text of a conda file.
        conda_file: Option<String> = "condaFile",
        /// `osType`: `Linux` or `Windows`.
        os_type: Option<String> = "osType",
        /// `environmentType`: `Curated` or `UserCreated`; read only.
        environment_type: Option<String> = "environmentType",
        /// `description`: text.
        description: Option<String> = "description",
        /// `tags`.
        tags: Option<StringMap> = "tags",
        /// `properties`: may only grow.
        properties: Option<StringMap> = "properties",
        /// `isArchived`.
        is_archived: Option<bool> = "isArchived",
        /// `isAnonymous`: whether the name was made up.
        is_anonymous: Option<bool> = "isAnonymous",
        /// `provisioningState`: read only.
        provisioning_state: Option<ProvisioningState> = "provisioningState",
        ..
    }
}

open! {
    /// One version of a component: a step of pipelines.
    ///
    /// Shape: `{"id": "/subscriptions/...", "name": "1", "properties": {"componentSpec": {...}}}`.
    pub struct ComponentVersion {
        /// `id`: the resource id, `{workspace}/components/{name}/versions/{version}`.
        id: Option<String> = "id",
        /// `name`: the version.
        name: Option<String> = "name",
        ;
        /// `properties`.
        properties: ComponentVersionProperties = "properties",
        ..
    }
}

open! {
    /// What is known of a version of a component.
    #[derive(Default)]
    pub struct ComponentVersionProperties {
        /// `componentSpec`: free-form JSON.
        component_spec: Option<Value> = "componentSpec",
        /// `description`: text.
        description: Option<String> = "description",
        /// `tags`.
        tags: Option<StringMap> = "tags",
        /// `properties`: may only grow.
        properties: Option<StringMap> = "properties",
        /// `isArchived`.
        is_archived: Option<bool> = "isArchived",
        /// `isAnonymous`: whether the name was made up.
        is_anonymous: Option<bool> = "isAnonymous",
        /// `provisioningState`: read only.
        provisioning_state: Option<ProvisioningState> = "provisioningState",
        ..
    }
}

open! {
    /// One version of a code asset: the folder with a scoring script.
    ///
    /// Shape: `{"id": "/subscriptions/...", "name": "1", "properties": {"codeUri": "https://..."}}`.
    pub struct CodeVersion {
        /// `id`: the resource id, `{workspace}/codes/{name}/versions/{version}`: the `codeConfiguration.codeId` of a deployment.
        id: Option<String> = "id",
        /// `name`: the version.
        name: Option<String> = "name",
        ;
        /// `properties`.
        properties: CodeVersionProperties = "properties",
        ..
    }
}

open! {
    /// What is known of a version of a code asset.
    #[derive(Default)]
    pub struct CodeVersionProperties {
        /// `codeUri`: where the folder is.
        code_uri: Option<String> = "codeUri",
        /// `description`: text.
        description: Option<String> = "description",
        /// `tags`.
        tags: Option<StringMap> = "tags",
        /// `properties`: may only grow; `hash_sha256` and `hash_version` of the folder are among them.
        properties: Option<StringMap> = "properties",
        /// `isArchived`.
        is_archived: Option<bool> = "isArchived",
        /// `isAnonymous`: whether the name was made up.
        is_anonymous: Option<bool> = "isAnonymous",
        /// `provisioningState`: read only.
        provisioning_state: Option<ProvisioningState> = "provisioningState",
        ..
    }
}

results!(DataVersion, EnvironmentVersion, ComponentVersion, CodeVersion);

impl DataVersion {
    /// A version to register: `uri_file`, `uri_folder` or `mltable`, and where the data is.
    #[must_use]
    pub fn registered(data_type: impl Into<String>, data_uri: impl Into<String>) -> Self {
        let properties = DataVersionProperties {
            data_type: Some(data_type.into()),
            data_uri: Some(data_uri.into()),
            ..DataVersionProperties::default()
        };
        Self {
            id: None,
            name: None,
            properties,
            extra: Map::new(),
        }
    }
}

impl EnvironmentVersion {
    /// A version to register: an image, and the text of a conda file where there is one.
    #[must_use]
    pub fn of_image(image: impl Into<String>, conda_file: Option<String>) -> Self {
        let properties = EnvironmentVersionProperties {
            image: Some(image.into()),
            conda_file,
            os_type: Some("Linux".to_owned()),
            ..EnvironmentVersionProperties::default()
        };
        Self {
            id: None,
            name: None,
            properties,
            extra: Map::new(),
        }
    }
}

impl ComponentVersion {
    /// A version to register, as its specification says.
    #[must_use]
    pub fn registered(spec: Value) -> Self {
        let properties = ComponentVersionProperties {
            component_spec: Some(spec),
            ..ComponentVersionProperties::default()
        };
        Self {
            id: None,
            name: None,
            properties,
            extra: Map::new(),
        }
    }
}

impl CodeVersion {
    /// A version to register: a folder that was uploaded.
    #[must_use]
    pub fn registered(code_uri: impl Into<String>) -> Self {
        let properties = CodeVersionProperties {
            code_uri: Some(code_uri.into()),
            ..CodeVersionProperties::default()
        };
        Self {
            id: None,
            name: None,
            properties,
            extra: Map::new(),
        }
    }
}

/// Where the files of an asset are to be put, and what allows it. Never printed.
#[derive(Clone)]
#[non_exhaustive]
pub struct PendingUpload {
    /// `blobReferenceForConsumption.blobUri`: where.
    pub blob_uri: String,
    /// `blobReferenceForConsumption.credential.sasUri`: the same with a signature that allows writing.
    pub sas_uri: Option<SecretString>,
    /// `pendingUploadId`.
    pub id: Option<String>,
}

impl fmt::Debug for PendingUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingUpload")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// As it is on the wire.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireUpload {
    #[serde(default)]
    pending_upload_id: Option<String>,
    blob_reference_for_consumption: WireBlob,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireBlob {
    blob_uri: String,
    #[serde(default)]
    credential: Option<WireCredential>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCredential {
    #[serde(default)]
    sas_uri: Option<String>,
}

impl From<WireUpload> for PendingUpload {
    fn from(wire: WireUpload) -> Self {
        let blob = wire.blob_reference_for_consumption;
        Self {
            blob_uri: blob.blob_uri,
            sas_uri: blob
                .credential
                .and_then(|credential| credential.sas_uri)
                .map(Into::into),
            id: wire.pending_upload_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn survives<T: serde::de::DeserializeOwned + serde::Serialize>(properties: &Value) {
        let wire = json!({ "id": "/x", "name": "1", "systemData": { "createdBy": null }, "newer": [1, null], "properties": properties });
        let read: T = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), wire);
    }

    #[test]
    fn ok_every_kind_survives_reading_and_writing() {
        let common = |mut own: Value| {
            for (name, value) in [
                ("description", json!("d")),
                ("tags", json!({ "a": null, "b": "" })),
                ("properties", json!({})),
                ("isArchived", json!(false)),
                ("newerBelow", json!({ "x": [null] })),
            ] {
                own[name] = value;
            }
            own
        };
        survives::<AssetContainer>(&common(
            json!({ "latestVersion": "7", "nextVersion": "8", "dataType": "mltable" }),
        ));
        survives::<DataVersion>(&common(
            json!({ "dataType": "uri_folder", "dataUri": "azureml://x" }),
        ));
        survives::<EnvironmentVersion>(&common(
            json!({ "image": "i", "condaFile": "c", "osType": "Linux", "build": { "contextUri": "u" } }),
        ));
        survives::<ComponentVersion>(&common(
            json!({ "componentSpec": { "type": "command", "inputs": { "a": null } } }),
        ));
        survives::<CodeVersion>(&common(
            json!({ "codeUri": "https://x", "provisioningState": "Succeeded" }),
        ));
    }

    #[test]
    fn ok_an_upload_is_not_printed() {
        let wire = json!({ "pendingUploadId": "u", "blobReferenceForConsumption": { "blobUri": "https://a/b",
            "credential": { "credentialType": "SAS", "sasUri": "https://a/b?sig=s3cr3t" } } });
        let upload: PendingUpload = serde_json::from_value::<WireUpload>(wire).unwrap().into();
        assert_eq!(format!("{upload:?}"), r#"PendingUpload { id: Some("u"), .. }"#);
        let secret = upload.sas_uri.unwrap();
        assert!(secrecy::ExposeSecret::expose_secret(&secret).ends_with("s3cr3t"));
    }
}
