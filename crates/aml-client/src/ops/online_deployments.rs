//! **Here**: the calls for deployments of online endpoints.
//! **Not here**: releasing a model by them (`release`).
//! **Reads**: `client`, `poller`.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json`, `OnlineDeployments_*`, read 2026-11-23. PATCH
//! takes tags and sku only, so a model is changed by GET, edit, PUT.

use http::Method;
use serde_json::json;

use crate::client::Client;
use crate::error::Error;
use crate::pager::Pager;
use crate::poller::Poller;
use crate::request::{Call, check_endpoint_name};
use crate::retry::Effect;
use crate::wire::resource::for_put;
use crate::wire::{DeploymentLogs, LogContainer, OnlineDeployment, StringMap};

impl Client {
    /// Lists the deployments of an endpoint: `GET {workspace}/onlineEndpoints/{endpoint}/deployments`.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the name cannot be one.
    pub fn list_online_deployments(&self, endpoint: &str) -> Result<Pager<OnlineDeployment>, Error> {
        check_endpoint_name("endpoint name", endpoint)?;
        Ok(Pager::new(
            self.caller(),
            &["onlineEndpoints", endpoint, "deployments"],
            Vec::new(),
        ))
    }

    /// Reads a deployment: `GET {workspace}/onlineEndpoints/{endpoint}/deployments/{name}`.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn get_online_deployment(&self, endpoint: &str, name: &str) -> Result<OnlineDeployment, Error> {
        check(endpoint, name)?;
        self.caller()
            .read(&Call::get(&["onlineEndpoints", endpoint, "deployments", name]))
            .await
    }

    /// Creates a deployment, or sets everything of one: `PUT …/deployments/{name}`. What only the service writes is left out; what this crate
    /// does not know goes back as it came. It takes minutes.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version), and those of the operation; 409 while another one is under way.
    pub async fn put_online_deployment(
        &self,
        endpoint: &str,
        name: &str,
        deployment: &OnlineDeployment,
    ) -> Result<Poller<OnlineDeployment>, Error> {
        check(endpoint, name)?;
        let body = serde_json::to_value(deployment)
            .map_err(|error| Error::invalid("the deployment cannot be written").with_source(error))?;
        let call = Call::new(Method::PUT, &["onlineEndpoints", endpoint, "deployments", name])
            .with_json(&for_put(body))?;
        Poller::begin(self.caller(), Method::PUT, Effect::Repeatable, &call).await
    }

    /// Replaces the tags of a deployment: `PATCH …/deployments/{name}`, which takes nothing else that matters here.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version), and those of the operation.
    pub async fn tag_online_deployment(
        &self,
        endpoint: &str,
        name: &str,
        tags: &StringMap,
    ) -> Result<Poller<OnlineDeployment>, Error> {
        check(endpoint, name)?;
        let call = Call::new(Method::PATCH, &["onlineEndpoints", endpoint, "deployments", name])
            .with_json(&json!({ "tags": tags }))?;
        Poller::begin(self.caller(), Method::PATCH, Effect::Repeatable, &call).await
    }

    /// Deletes a deployment: `DELETE …/deployments/{name}`. One that has traffic is refused.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version), and those of the operation.
    pub async fn delete_online_deployment(&self, endpoint: &str, name: &str) -> Result<Poller<()>, Error> {
        check(endpoint, name)?;
        let call = Call::new(
            Method::DELETE,
            &["onlineEndpoints", endpoint, "deployments", name],
        );
        Poller::begin(self.caller(), Method::DELETE, Effect::Repeatable, &call).await
    }

    /// Reads the end of a deployment's log, so many lines: `POST …/getLogs`, which only reads.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn deployment_logs(
        &self,
        endpoint: &str,
        name: &str,
        container: LogContainer,
        tail: u32,
    ) -> Result<DeploymentLogs, Error> {
        check(endpoint, name)?;
        let call = Call::new(
            Method::POST,
            &["onlineEndpoints", endpoint, "deployments", name, "getLogs"],
        )
        .with_json(&json!({ "containerType": container.as_str(), "tail": tail }))?;
        self.caller().read(&call).await
    }
}

fn check(endpoint: &str, name: &str) -> Result<(), Error> {
    check_endpoint_name("endpoint name", endpoint)?;
    check_endpoint_name("deployment name", name)
}
