//! **Here**: bodies as the service writes them, one file per service noun.
//! **Not here**: calls (`ops`).
//! **Reads**: nothing before it; `response` fills these types.
//! **Source**: named in each file, read 2026-11-22.

#[macro_use]
mod open;

mod event_subscriptions;
mod jobs;
mod models;
mod online_deployments;
pub(crate) mod online_endpoints;
pub(crate) mod resource;

pub use self::event_subscriptions::{
    DeliverySchema, EventSubscription, EventSubscriptionProperties, NewEventSubscription,
};
pub use self::jobs::{Job, JobProperties, JobStatus};
pub use self::models::{
    ModelContainer, ModelContainerProperties, ModelVersion, ModelVersionProperties, ProvisioningState,
    StringMap,
};
pub use self::online_deployments::{
    DeploymentLogs, LogContainer, OnlineDeployment, OnlineDeploymentProperties,
};
pub use self::online_endpoints::{
    EndpointKeys, EndpointToken, IntMap, KeyKind, OnlineEndpoint, OnlineEndpointProperties,
};
