//! **Here**: [`AmlEvent`]: an event to the typed payload of its type; what is unknown keeps its raw data.
//! **Not here**: the payloads (`model`, `run`, `dataset`).
//! **Reads**: `event` before it.
//! **Source**: <https://learn.microsoft.com/azure/event-grid/event-schema-machine-learning>, read 2026-11-22.

mod dataset;
mod model;
mod object;
mod run;
mod tolerant;

pub use self::dataset::DatasetDriftDetected;
pub use self::model::{ModelDeployed, ModelReference, ModelRegistered};
pub use self::object::JsonObject;
pub use self::run::{MONITOR_ALERT_TAG, RunCompleted, RunStatus, RunStatusChanged};

use self::tolerant::Fields;
use crate::error::Error;
use crate::event::{Event, EventType};

/// The payload of an Azure Machine Learning event.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AmlEvent {
    /// A model, or a version of one, was registered.
    ModelRegistered(ModelRegistered),
    /// Models were deployed to an endpoint.
    ModelDeployed(ModelDeployed),
    /// A run ended well.
    RunCompleted(RunCompleted),
    /// A run's status changed.
    RunStatusChanged(RunStatusChanged),
    /// Data drifted.
    DatasetDriftDetected(DatasetDriftDetected),
    /// Any other type.
    Unknown {
        /// The type as written.
        event_type: String,
        /// `data` verbatim, if there is any.
        data: Option<String>,
    },
}

impl AmlEvent {
    pub(crate) fn read(event: &Event<'_>) -> Result<Self, Error> {
        let event_type = event.event_type();
        let payload = event.payload_text();
        let fields = || Fields::read(payload.as_deref());
        Ok(if event_type.is(EventType::MODEL_REGISTERED) {
            Self::ModelRegistered(ModelRegistered::read(&fields()?)?)
        } else if event_type.is(EventType::MODEL_DEPLOYED) {
            Self::ModelDeployed(ModelDeployed::read(&fields()?)?)
        } else if event_type.is(EventType::RUN_COMPLETED) {
            Self::RunCompleted(RunCompleted::read(&fields()?)?)
        } else if event_type.is(EventType::RUN_STATUS_CHANGED) {
            Self::RunStatusChanged(RunStatusChanged::read(&fields()?)?)
        } else if event_type.is(EventType::DATASET_DRIFT_DETECTED) {
            Self::DatasetDriftDetected(DatasetDriftDetected::read(&fields()?)?)
        } else {
            let data = event.data_text().map(str::to_owned);
            Self::Unknown {
                event_type: event_type.as_str().to_owned(),
                data,
            }
        })
    }
}
