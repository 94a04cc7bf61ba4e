//! **Here**: a deployment of an online endpoint as the service writes it, and its logs.
//! **Not here**: calls (`ops::online_deployments`).
//! **Reads**: nothing before it.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json` (OnlineDeployment, DeploymentLogs) and
//! azure-ai-ml 1.35.2 for 2025-12-01, read 2026-11-23.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ProvisioningState, StringMap};
use crate::error::Error;
use crate::poller::{OperationResult, resource};

/// A deployment of an online endpoint.
///
/// Shape: `{"location": "westeurope", "sku": {"name": "Default", "capacity": 1}, "properties": {"endpointComputeType": "Managed", "model": "/subscriptions/…"}}`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OnlineDeployment {
    /// `id`: the resource id; read only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `name`; read only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `location`: the workspace's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// `sku`: `{"name": "Default", "capacity": n}`; the service wants the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<Value>,
    /// `tags`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<StringMap>,
    /// `properties`.
    pub properties: OnlineDeploymentProperties,
    /// Every other field, as it came.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What is known of a deployment.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OnlineDeploymentProperties {
    /// `endpointComputeType`: `Managed` or `Kubernetes`; others are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_compute_type: Option<String>,
    /// `model`: a resource id or a registry's address; see [`ModelRef`](crate::ModelRef).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// `instanceType`, such as `Standard_DS3_v2`; only when it is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// `environmentId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_id: Option<String>,
    /// `environmentVariables`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_variables: Option<StringMap>,
    /// `description`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `provisioningState`; read only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning_state: Option<ProvisioningState>,
    /// `properties`: may only grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<StringMap>,
    /// Every other field, as it came: probes, scale and request settings, `dataCollector`, and what is newer than this crate.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

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

impl OperationResult for OnlineDeployment {
    fn read(body: Option<Vec<u8>>, now: SystemTime) -> Result<Self, Error> {
        resource(body, now)
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
