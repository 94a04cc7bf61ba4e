//! **Here**: a workspace as the service writes it.
//! **Not here**: calls (`ops::workspaces`).
//! **Reads**: nothing before it.
//! **Source**: azure-ai-ml 1.35.2 `_restclient/arm_ml_service` (Workspace, WorkspaceProperties), read 2026-11-23.

use serde_json::Value;

use super::{ProvisioningState, StringMap};
use crate::arm_id::WorkspaceScope;

open! {
    /// A workspace.
    ///
    /// Shape: `{"id": "/subscriptions/...", "location": "westeurope", "properties": {"workspaceId": "...", "mlFlowTrackingUri": "azureml://..."}}`.
    pub struct Workspace {
        /// `id`: the resource id: see [`scope`](Workspace::scope).
        id: Option<String> = "id",
        /// `name`.
        name: Option<String> = "name",
        /// `location`: where endpoints and deployments are created.
        location: Option<String> = "location",
        /// `kind`: `Default`, `Hub`, `Project`, `FeatureStore`, or what is newer.
        kind: Option<String> = "kind",
        /// `identity`.
        identity: Option<Value> = "identity",
        /// `tags`.
        tags: Option<StringMap> = "tags",
        ;
        /// `properties`.
        properties: WorkspaceProperties = "properties",
        ..
    }
}

open! {
    /// What is known of a workspace.
    #[derive(Default)]
    pub struct WorkspaceProperties {
        /// `workspaceId`: a GUID.
        workspace_id: Option<String> = "workspaceId",
        /// `friendlyName`.
        friendly_name: Option<String> = "friendlyName",
        /// `description`: text.
        description: Option<String> = "description",
        /// `discoveryUrl`: where the addresses of its other services can be asked for.
        discovery_url: Option<String> = "discoveryUrl",
        /// `mlFlowTrackingUri`: see [`Client::mlflow`](crate::Client::mlflow).
        mlflow_tracking_uri: Option<String> = "mlFlowTrackingUri",
        /// `publicNetworkAccess`: `Enabled` or `Disabled`.
        public_network_access: Option<String> = "publicNetworkAccess",
        /// `provisioningState`; read only.
        provisioning_state: Option<ProvisioningState> = "provisioningState",
        ..
    }
}

impl Workspace {
    /// Its scope, for [`Client::for_workspace`](crate::Client::for_workspace).
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the service gave no resource id of a workspace.
    pub fn scope(&self) -> Result<WorkspaceScope, crate::Error> {
        WorkspaceScope::parse(self.id.as_deref().unwrap_or_default())
    }
}
