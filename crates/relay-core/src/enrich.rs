//! **Here**: the [`Enricher`] trait: facts that the event does not carry, asked for only when a matched route wants them.
//! **Not here**: what facts decide (`rules::gate`), Azure ML's REST (`adapters::aml`).
//! **Reads**: `journal::item` before it; `worker` calls it, `rules::gate` reads its answers.
//! **Source**: DESIGN section 5; facts/azure-ml 0.5: tags of an event may be empty, the model version read back is not.
#![expect(
    clippy::exhaustive_structs,
    reason = "enrichers of other crates build these answers"
)]

use std::fmt;

use async_trait::async_trait;
use serde_json::{Map, Value};

/// What is asked about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FactQuery {
    /// The workspace's resource id as the event wrote it.
    pub workspace: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// The model's version.
    pub version: Option<String>,
}

/// What was found: a JSON object, such as `{"model": {"tags": {"stage": "prod"}, "isArchived": false}}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts(pub Map<String, Value>);

/// The facts could not be had now; the item is asked about again later.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct EnrichError {
    /// Why, for a person: no secret, no URL.
    pub why: String,
}

/// Asks for facts.
#[async_trait]
pub trait Enricher: fmt::Debug + Send + Sync {
    /// Asks once.
    ///
    /// # Errors
    /// The facts cannot be had now.
    ///
    /// # Cancel safety
    /// Safe: it only reads.
    async fn enrich(&self, query: &FactQuery) -> Result<Facts, EnrichError>;
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Enricher + ?Sized> Enricher for std::sync::Arc<T> {
    async fn enrich(&self, query: &FactQuery) -> Result<Facts, EnrichError> {
        (**self).enrich(query).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Enricher + ?Sized> Enricher for Box<T> {
    async fn enrich(&self, query: &FactQuery) -> Result<Facts, EnrichError> {
        (**self).enrich(query).await
    }
}

/// Knows nothing and says so.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEnrichment;

#[async_trait]
impl Enricher for NoEnrichment {
    async fn enrich(&self, _query: &FactQuery) -> Result<Facts, EnrichError> {
        Ok(Facts::default())
    }
}
