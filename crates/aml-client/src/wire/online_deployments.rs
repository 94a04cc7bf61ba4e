//! **Here**: a deployment of an online endpoint as the service writes it, and its logs.
//! **Not here**: calls (`ops::online_deployments`).
//! **Reads**: nothing before it.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json` (OnlineDeployment, DeploymentLogs) and
//! azure-ai-ml 1.35.2 for 2025-12-01, read 2026-11-23.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ProvisioningState, StringMap};

open! {
    /// A deployment of an online endpoint.
    ///
    /// Shape: `{"location": "westeurope", "sku": {"name": "Default", "capacity": 1}, "properties": {"endpointComputeType": "Managed", "model": "/subscriptions/…"}}`.
    pub struct OnlineDeployment {
        /// `id`: the resource id; read only.
        id: Option<String> = "id",
        /// `name`; read only.
        name: Option<String> = "name",
        /// `location`: the workspace's.
        location: Option<String> = "location",
        /// `sku`: `{"name": "Default", "capacity": n}`; the service wants the name.
        sku: Option<Value> = "sku",
        /// `tags`.
        tags: Option<StringMap> = "tags",
        ;
        /// `properties`.
        properties: OnlineDeploymentProperties = "properties",
        ..
    }
}

open! {
    /// What is known of a deployment.
    #[derive(Default)]
    pub struct OnlineDeploymentProperties {
        /// `endpointComputeType`: `Managed` or `Kubernetes`; others are kept.
        endpoint_compute_type: Option<String> = "endpointComputeType",
        /// `model`: a resource id or a registry's address; see [`ModelRef`](crate::ModelRef).
        model: Option<String> = "model",
        /// `instanceType`, such as `Standard_DS3_v2`; only when it is created.
        instance_type: Option<String> = "instanceType",
        /// `environmentId`.
        environment_id: Option<String> = "environmentId",
        /// `environmentVariables`.
        environment_variables: Option<StringMap> = "environmentVariables",
        /// `description`.
        description: Option<String> = "description",
        /// `provisioningState`; read only.
        provisioning_state: Option<ProvisioningState> = "provisioningState",
        /// `properties`: may only grow.
        properties: Option<StringMap> = "properties",
        ..
    }
}

results!(OnlineDeployment);

impl OnlineDeployment {
    /// A managed deployment to create, with one instance.
    #[must_use]
    pub fn managed(
        location: impl Into<String>,
        model: impl Into<String>,
        instance_type: impl Into<String>,
    ) -> Self {
        Self {
            id: None,
            name: None,
            location: Some(location.into()),
            sku: Some(serde_json::json!({ "name": "Default", "capacity": 1 })),
            tags: None,
            properties: OnlineDeploymentProperties {
                endpoint_compute_type: Some("Managed".to_owned()),
                model: Some(model.into()),
                instance_type: Some(instance_type.into()),
                ..OnlineDeploymentProperties::default()
            },
            extra: Map::new(),
        }
    }
}

/// Whose log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum LogContainer {
    /// Where the model is fetched: `StorageInitializer`.
    StorageInitializer,
    /// Where it runs: `InferenceServer`.
    #[default]
    InferenceServer,
}

impl LogContainer {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::StorageInitializer => "StorageInitializer",
            Self::InferenceServer => "InferenceServer",
        }
    }
}

/// The end of a log.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct DeploymentLogs {
    /// `content`: text; none before there is any.
    #[serde(default)]
    pub content: Option<String>,
}
