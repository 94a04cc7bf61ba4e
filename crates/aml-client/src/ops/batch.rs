//! **Here**: the calls for batch endpoints: reading them, and asking one for a job.
//! **Not here**: creating them; what the job becomes (`jobs`).
//! **Reads**: `client`, `pager`.
//! **Source**: azure-ai-ml 1.35.2 `_restclient/arm_ml_service`, `BatchEndpoints_*` and `BatchDeployments_*`, and its
//! `operations/_batch_endpoint_operations.py` (asking for a job), read 2026-11-23.

use http::Method;
use http::header::HeaderValue;
use serde_json::{Value, json};

use crate::client::Client;
use crate::error::Error;
use crate::pager::Pager;
use crate::request::{Call, check_endpoint_name, client_request_id};
use crate::retry::Effect;
use crate::wire::{BatchDeployment, BatchEndpoint, Job};

impl Client {
    /// Lists the batch endpoints: `GET {workspace}/batchEndpoints`.
    pub fn list_batch_endpoints(&self) -> Pager<BatchEndpoint> {
        Pager::new(self.caller(), &["batchEndpoints"], Vec::new())
    }

    /// Reads a batch endpoint: `GET {workspace}/batchEndpoints/{name}`.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn get_batch_endpoint(&self, name: &str) -> Result<BatchEndpoint, Error> {
        check_endpoint_name("endpoint name", name)?;
        self.caller().read(&Call::get(&["batchEndpoints", name])).await
    }

    /// Lists the deployments of a batch endpoint: `GET {workspace}/batchEndpoints/{endpoint}/deployments`.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the name cannot be one.
    pub fn list_batch_deployments(&self, endpoint: &str) -> Result<Pager<BatchDeployment>, Error> {
        check_endpoint_name("endpoint name", endpoint)?;
        let path = ["batchEndpoints", endpoint, "deployments"];
        Ok(Pager::new(self.caller(), &path, Vec::new()))
    }

    /// Reads a deployment: `GET {workspace}/batchEndpoints/{endpoint}/deployments/{name}`.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn get_batch_deployment(&self, endpoint: &str, name: &str) -> Result<BatchDeployment, Error> {
        check_endpoint_name("endpoint name", endpoint)?;
        check_endpoint_name("deployment name", name)?;
        let path = ["batchEndpoints", endpoint, "deployments", name];
        self.caller().read(&Call::get(&path)).await
    }

    /// Asks a batch endpoint for a job: `POST` to its address, with a token of Entra for Azure ML. `properties` are the job's: inputs, outputs,
    /// the experiment's name. `request_id`, a GUID, is the same for attempts that mean the same job. Without `deployment` the endpoint's
    /// default answers. The job's name is in the answer: see [`wait_for_job`](Self::wait_for_job).
    ///
    /// Not made again by itself after a lost answer.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version); [`Invalid`](crate::ErrorKind::Invalid) where the endpoint has no address, or one that
    /// is not of the client's cloud, to which no token is sent.
    pub async fn invoke_batch_endpoint(
        &self,
        endpoint: &str,
        deployment: Option<&str>,
        request_id: &str,
        properties: &Value,
    ) -> Result<Job, Error> {
        let id = client_request_id(request_id)?;
        if let Some(deployment) = deployment {
            check_endpoint_name("deployment name", deployment)?;
        }
        let found = self.get_batch_endpoint(endpoint).await?;
        let Some(uri) = found.properties.scoring_uri.as_deref() else {
            return Err(Error::invalid("the endpoint has no address yet"));
        };
        let scope = self.caller().settings.cloud.ml_scope();
        let caller = self.caller().at(self.caller().data_plane(uri)?, scope.to_owned());
        let mut call = Call::to_link(Method::POST, uri)
            .with_json(&json!({ "properties": properties }))?
            .with_header("repeatability_request-id", id);
        if let Some(name) = deployment.and_then(|name| HeaderValue::from_str(name).ok()) {
            call = call.with_header("azureml-model-deployment", name);
        }
        caller.json(Effect::Once, &call).await
    }
}
