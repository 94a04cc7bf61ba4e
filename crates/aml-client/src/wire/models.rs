//! **Here**: a model version as the service writes it; fields that have no name here are kept in `extra`.
//! **Not here**: asking for one (`ops::models`).
//! **Reads**: nothing before it; `response` fills it.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json`, ModelVersion and
//! ModelVersionProperties, and azure-ai-ml 1.35.2 for 2025-12-01, read 2026-11-22.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Map;

/// A map of texts as the service writes it: any value may be null.
pub type StringMap = BTreeMap<String, Option<String>>;

open! {
    /// One version of a model.
    ///
    /// Shape: `{"id": "/subscriptions/...", "name": "7", "type": "Microsoft...", "properties": {...}, "systemData": {...}}`.
    /// `systemData` and everything newer than this crate is in `extra`.
    ///
    /// Source: ModelVersion in the specification named at the head of this file.
    pub struct ModelVersion {
        /// `id`: the resource id, `{workspace}/models/{name}/versions/{version}`.
        id: Option<String> = "id",
        /// `name`: the **version**, since that is the last part of the resource id.
        name: Option<String> = "name",
        ;
        /// `properties`: what is known of the model.
        properties: ModelVersionProperties = "properties",
        ..
    }
}

open! {
    /// What is known of one version of a model. Absent and null read alike.
    ///
    /// Source: ModelVersionProperties in the specification named at the head of this file.
    #[derive(Default)]
    pub struct ModelVersionProperties {
        /// `description`: text.
        description: Option<String> = "description",
        /// `tags`: may be changed at any time; those set after the registration are not in the event.
        tags: Option<StringMap> = "tags",
        /// `properties`: may only grow.
        properties: Option<StringMap> = "properties",
        /// `isArchived`: hidden from lists, for example because it must not be used any more.
        is_archived: Option<bool> = "isArchived",
        /// `isAnonymous`: whether the name was made up by the service.
        is_anonymous: Option<bool> = "isAnonymous",
        /// `jobName`: the job that produced the model; the events call it the run.
        job_name: Option<String> = "jobName",
        /// `stage`: text, such as `Production`.
        stage: Option<String> = "stage",
        /// `modelType`: such as `mlflow_model`, `custom_model` or `triton_model`.
        model_type: Option<String> = "modelType",
        /// `modelUri`: where the files are, such as `azureml://jobs/{job}/outputs/...`.
        model_uri: Option<String> = "modelUri",
        /// `provisioningState`: read only.
        provisioning_state: Option<ProvisioningState> = "provisioningState",
        ..
    }
}

results!(ModelVersion);

impl ModelVersion {
    /// A version to register, whose files are at `model_uri`: `azureml://…` or `runs:/…`.
    #[must_use]
    pub fn registered(model_uri: impl Into<String>) -> Self {
        let properties = ModelVersionProperties {
            model_uri: Some(model_uri.into()),
            ..ModelVersionProperties::default()
        };
        Self {
            id: None,
            name: None,
            properties,
            extra: Map::new(),
        }
    }
}

impl ModelVersionProperties {
    /// The value of that tag; `None` when it is absent or null.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        text(self.tags.as_ref(), key)
    }

    /// The value of that property; `None` when it is absent or null.
    #[must_use]
    pub fn property(&self, key: &str) -> Option<&str> {
        text(self.properties.as_ref(), key)
    }

    /// Whether the version is archived; absent means that it is not.
    #[must_use]
    pub fn is_archived(&self) -> bool {
        self.is_archived.unwrap_or(false)
    }
}

/// The state of a resource, such as `Succeeded`. Compared without regard to case; an unknown one is kept as text.
#[derive(Clone, Debug, Deserialize, Eq, Serialize)]
#[serde(transparent)]
pub struct ProvisioningState(Cow<'static, str>);

impl ProvisioningState {
    /// Ready.
    pub const SUCCEEDED: Self = Self(Cow::Borrowed("Succeeded"));
    /// It went wrong.
    pub const FAILED: Self = Self(Cow::Borrowed("Failed"));
    /// Somebody stopped it.
    pub const CANCELED: Self = Self(Cow::Borrowed("Canceled"));
    /// Not ready yet.
    pub const CREATING: Self = Self(Cow::Borrowed("Creating"));
    /// Being changed.
    pub const UPDATING: Self = Self(Cow::Borrowed("Updating"));
    /// Going away.
    pub const DELETING: Self = Self(Cow::Borrowed("Deleting"));

    /// The text as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for ProvisioningState {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl fmt::Display for ProvisioningState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn text<'a>(map: Option<&'a StringMap>, key: &str) -> Option<&'a str> {
    map?.get(key)?.as_deref()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(wire: Value) -> ModelVersion {
        serde_json::from_value(wire).unwrap()
    }

    #[test]
    fn ok_null_reads_like_absent() {
        let model = check(json!({"id": null, "properties": {
            "tags": {"stage": "prod", "owner": null}, "properties": null, "isArchived": null, "jobName": null,
            "provisioningState": null,
        }}));
        let properties = &model.properties;
        assert_eq!(
            (
                properties.tag("stage"),
                properties.tag("owner"),
                properties.tag("none")
            ),
            (Some("prod"), None, None)
        );
        assert_eq!(
            (properties.property("any"), properties.is_archived()),
            (None, false)
        );
        assert_eq!(
            (&model.id, &properties.job_name, &properties.provisioning_state),
            (&None, &None, &None)
        );
    }

    #[test]
    fn ok_states_ignore_case_and_keep_the_unknown() {
        let state = |text: &str| {
            check(json!({"properties": {"provisioningState": text}}))
                .properties
                .provisioning_state
        };
        assert_eq!(state("succeeded"), Some(ProvisioningState::SUCCEEDED));
        assert_eq!(state("Resting").unwrap().as_str(), "Resting");
    }

    #[test]
    fn ok_unknown_fields_survive_a_round_trip() {
        let wire = json!({
            "id": "/x/models/churn/versions/7", "name": "7", "type": "t", "systemData": {"createdAt": "2026-01-02T03:04:05.1234567+00:00"},
            "newAtTop": [1, null],
            "properties": {
                "tags": {"a": null, "b": ""}, "properties": {}, "isArchived": true, "isAnonymous": false,
                "flavors": {"python_function": {"data": {"env": null}}, "sklearn": null}, "newBelow": {"x": 1.5},
            },
        });
        assert_eq!(serde_json::to_value(check(wire.clone())).unwrap(), wire);
    }

    #[test]
    fn err_without_properties() {
        assert!(serde_json::from_value::<ModelVersion>(json!({"id": "x"})).is_err());
        assert!(serde_json::from_value::<ModelVersion>(json!({"properties": null})).is_err());
    }
}
