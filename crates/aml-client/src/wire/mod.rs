//! **Here**: bodies as the service writes them, one file per service noun.
//! **Not here**: calls (`ops`).
//! **Reads**: nothing before it; `response` fills these types.
//! **Source**: named in each file, read 2026-11-22.

#[macro_use]
mod open;

mod assets;
mod batch;
mod datastores;
mod event_subscriptions;
mod jobs;
mod models;
mod online_deployments;
pub(crate) mod online_endpoints;
pub(crate) mod resource;
mod schedules;
mod workspaces;

pub(crate) use self::assets::WireUpload;
pub use self::assets::{
    AssetContainer, AssetContainerProperties, CodeVersion, CodeVersionProperties, ComponentVersion,
    ComponentVersionProperties, DataVersion, DataVersionProperties, EnvironmentVersion,
    EnvironmentVersionProperties, PendingUpload,
};
pub use self::batch::{BatchDeployment, BatchDeploymentProperties, BatchEndpoint, BatchEndpointProperties};
pub use self::datastores::{Datastore, DatastoreProperties};
pub use self::event_subscriptions::{
    DeliverySchema, EventSubscription, EventSubscriptionProperties, NewEventSubscription,
};
pub use self::jobs::{Job, JobProperties, JobStatus};
pub use self::models::{ModelVersion, ModelVersionProperties, ProvisioningState, StringMap};
pub use self::online_deployments::{
    DeploymentLogs, LogContainer, OnlineDeployment, OnlineDeploymentProperties,
};
pub use self::online_endpoints::{
    EndpointKeys, EndpointToken, IntMap, KeyKind, OnlineEndpoint, OnlineEndpointProperties,
};
pub use self::schedules::{Schedule, ScheduleProperties};
pub use self::workspaces::{Workspace, WorkspaceProperties};
