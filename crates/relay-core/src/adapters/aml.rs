//! **Here**: [`AmlEnricher`]: the facts of a model version, read back from Azure Machine Learning.
//! **Not here**: the REST call (aml-client), what facts decide (`rules::gate`).
//! **Reads**: `enrich` before it.
//! **Source**: facts/azure-ml 0.5 and 11.30: a version may not be visible yet when its event is here, so "not found" is asked again.

use aml_client::{Client, ErrorKind, WorkspaceScope};
use async_trait::async_trait;
use serde_json::{Map, Value, json};

use crate::enrich::{EnrichError, Enricher, FactQuery, Facts};

/// Asks Azure Machine Learning about the model version that an event names.
///
/// Facts have the shape `{"model": {"tags": {}, "properties": {}, "isArchived": false, "jobName": …,
/// "provisioningState": …}}`; an event without a model has none.
#[derive(Clone, Debug)]
pub struct AmlEnricher {
    client: Client,
}

impl AmlEnricher {
    /// An enricher that asks with this client's credential, in the workspace that each event names. The client's own retries are switched
    /// off: the relay decides.
    #[must_use]
    pub fn new(client: &Client) -> Self {
        Self {
            client: client.without_retries(),
        }
    }
}

#[async_trait]
impl Enricher for AmlEnricher {
    async fn enrich(&self, query: &FactQuery) -> Result<Facts, EnrichError> {
        let (Some(workspace), Some(model), Some(version)) = (&query.workspace, &query.model, &query.version)
        else {
            return Ok(Facts::default());
        };
        let workspace = WorkspaceScope::parse(workspace).map_err(|error| EnrichError {
            why: error.to_string(),
        })?;
        let answer = self
            .client
            .for_workspace(workspace)
            .get_model_version(model, version)
            .await;
        let found = answer.map_err(|error| EnrichError { why: told(&error) })?;
        let properties = &found.properties;
        let model = json!({
            "tags": properties.tags,
            "properties": properties.properties,
            "isArchived": properties.is_archived(),
            "jobName": properties.job_name,
            "provisioningState": properties.provisioning_state.as_ref().map(aml_client::wire::ProvisioningState::as_str),
        });
        Ok(Facts(Map::from_iter([(
            "model".to_owned(),
            Value::clone(&model),
        )])))
    }
}

fn told(error: &aml_client::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "the model version is not visible yet".to_owned(),
        _ => error.to_string(),
    }
}
