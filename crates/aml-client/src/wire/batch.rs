//! **Here**: batch endpoints and their deployments as the service writes them.
//! **Not here**: calls (`ops::batch`).
//! **Reads**: nothing before it.
//! **Source**: azure-ai-ml 1.35.2 `_restclient/arm_ml_service` (BatchEndpoint, BatchDeployment), read 2026-11-23.

use serde_json::Value;

use super::{ProvisioningState, StringMap};

open! {
    /// A batch endpoint: jobs that score a lot at once.
    ///
    /// Shape: `{"location": "westeurope", "properties": {"authMode": "AADToken", "defaults": {"deploymentName": "blue"}, "scoringUri": "https://..."}}`.
    pub struct BatchEndpoint {
        /// `id`: the resource id; read only.
        id: Option<String> = "id",
        /// `name`; read only.
        name: Option<String> = "name",
        /// `location`: the workspace's.
        location: Option<String> = "location",
        /// `identity`.
        identity: Option<Value> = "identity",
        /// `tags`.
        tags: Option<StringMap> = "tags",
        ;
        /// `properties`.
        properties: BatchEndpointProperties = "properties",
        ..
    }
}

open! {
    /// What is known of a batch endpoint.
    #[derive(Default)]
    pub struct BatchEndpointProperties {
        /// `authMode`: `AADToken`.
        auth_mode: Option<String> = "authMode",
        /// `defaults`: `{"deploymentName": "blue"}`: who answers where nobody is named.
        defaults: Option<Value> = "defaults",
        /// `scoringUri`: where jobs are asked for; read only.
        scoring_uri: Option<String> = "scoringUri",
        /// `description`: text.
        description: Option<String> = "description",
        /// `provisioningState`; read only.
        provisioning_state: Option<ProvisioningState> = "provisioningState",
        ..
    }
}

impl BatchEndpoint {
    /// The deployment that answers where nobody is named.
    #[must_use]
    pub fn default_deployment(&self) -> Option<&str> {
        self.properties.defaults.as_ref()?.get("deploymentName")?.as_str()
    }
}

open! {
    /// A deployment of a batch endpoint.
    ///
    /// Shape: `{"location": "westeurope", "properties": {"model": {"referenceType": "Id", "assetId": "/subscriptions/..."}, "compute": "..."}}`.
    pub struct BatchDeployment {
        /// `id`: the resource id; read only.
        id: Option<String> = "id",
        /// `name`; read only.
        name: Option<String> = "name",
        /// `location`: the workspace's.
        location: Option<String> = "location",
        /// `tags`.
        tags: Option<StringMap> = "tags",
        ;
        /// `properties`.
        properties: BatchDeploymentProperties = "properties",
        ..
    }
}

open! {
    /// What is known of a batch deployment.
    #[derive(Default)]
    pub struct BatchDeploymentProperties {
        /// `model`: a reference, not a text as online: see [`model_id`](BatchDeployment::model_id).
        model: Option<Value> = "model",
        /// `compute`: the resource id of the cluster.
        compute: Option<String> = "compute",
        /// `environmentId`.
        environment_id: Option<String> = "environmentId",
        /// `description`: text.
        description: Option<String> = "description",
        /// `provisioningState`; read only.
        provisioning_state: Option<ProvisioningState> = "provisioningState",
        ..
    }
}

impl BatchDeployment {
    /// The resource id of its model, where it is named by one.
    #[must_use]
    pub fn model_id(&self) -> Option<&str> {
        self.properties.model.as_ref()?.get("assetId")?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ok_both_survive_and_show_what_matters() {
        let wire = json!({ "location": "l", "kind": null, "properties": { "authMode": "AADToken", "keys": null,
            "defaults": { "deploymentName": "blue", "newer": 1 }, "scoringUri": "https://x/jobs" } });
        let endpoint: BatchEndpoint = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(endpoint.default_deployment(), Some("blue"));
        assert_eq!(serde_json::to_value(endpoint).unwrap(), wire);
        let wire = json!({ "location": "l", "properties": { "model": { "referenceType": "Id", "assetId": "/m" }, "miniBatchSize": 10 } });
        let deployment: BatchDeployment = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(deployment.model_id(), Some("/m"));
        assert_eq!(serde_json::to_value(deployment).unwrap(), wire);
        for odd in [
            json!({ "properties": { "defaults": "x" } }),
            json!({ "properties": {} }),
        ] {
            let endpoint: BatchEndpoint = serde_json::from_value(odd).unwrap();
            assert_eq!(endpoint.default_deployment(), None);
        }
    }
}
