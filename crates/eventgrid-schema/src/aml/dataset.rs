//! **Here**: the payload [`DatasetDriftDetected`].
//! **Not here**: odd spellings (`tolerant`).
//! **Reads**: the fields of `data`.
//! **Source**: <https://learn.microsoft.com/azure/event-grid/event-schema-machine-learning>, read 2026-11-22. Azure no longer advertises it.

use super::tolerant::Fields;
use crate::error::{Error, shown};
use crate::time::EventTime;

/// Data drifted from its baseline.
///
/// Shape: `{"dataDriftId": "…", "dataDriftName": "…", "runId": "…", "baseDatasetId": "…", "targetDatasetId": "…",
/// "driftCoefficient": 0.83, "startTime": null, "endTime": null}`.
#[derive(Clone, Debug, PartialEq)]
pub struct DatasetDriftDetected {
    data_drift_id: Option<String>,
    data_drift_name: Option<String>,
    run_id: Option<String>,
    base_dataset_id: Option<String>,
    target_dataset_id: Option<String>,
    drift_coefficient: Option<f64>,
    start_time: Option<EventTime<'static>>,
    end_time: Option<EventTime<'static>>,
}

impl DatasetDriftDetected {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Error> {
        let time = |name: &str| -> Result<Option<EventTime<'static>>, Error> {
            let Some(text) = fields.text(name)? else {
                return Ok(None);
            };
            let wrong = || Error::new(format!("data.{name}"), "an RFC 3339 time or null", shown(&text));
            EventTime::parse(&text)
                .map(|time| Some(time.into_owned()))
                .map_err(|_| wrong())
        };
        let coefficient = fields.text("driftCoefficient")?.map(|text| {
            text.parse::<f64>()
                .map_err(|_| Error::new("data.driftCoefficient", "a number", shown(&text)))
        });
        // A bulk rename in several SDKs' samples mangled this key.
        let target = fields
            .owned("targetDatasetId")?
            .map_or_else(|| fields.owned("tarAsSystemEventDatasetId"), |id| Ok(Some(id)))?;
        Ok(Self {
            data_drift_id: fields.owned("dataDriftId")?,
            data_drift_name: fields.owned("dataDriftName")?,
            run_id: fields.owned("runId")?,
            base_dataset_id: fields.owned("baseDatasetId")?,
            target_dataset_id: target,
            drift_coefficient: coefficient.transpose()?,
            start_time: time("startTime")?,
            end_time: time("endTime")?,
        })
    }

    /// `dataDriftId`: JSON text.
    #[must_use]
    pub fn data_drift_id(&self) -> Option<&str> {
        self.data_drift_id.as_deref()
    }

    /// `dataDriftName`: JSON text.
    #[must_use]
    pub fn data_drift_name(&self) -> Option<&str> {
        self.data_drift_name.as_deref()
    }

    /// `runId`: JSON text.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        self.run_id.as_deref()
    }

    /// `baseDatasetId`: JSON text.
    #[must_use]
    pub fn base_dataset_id(&self) -> Option<&str> {
        self.base_dataset_id.as_deref()
    }

    /// `targetDatasetId`: JSON text.
    #[must_use]
    pub fn target_dataset_id(&self) -> Option<&str> {
        self.target_dataset_id.as_deref()
    }

    /// `driftCoefficient`: a JSON number. The digits as written are in the event's `data_text`.
    #[must_use]
    pub const fn drift_coefficient(&self) -> Option<f64> {
        self.drift_coefficient
    }

    /// `startTime`: JSON text or null.
    #[must_use]
    pub const fn start_time(&self) -> Option<&EventTime<'static>> {
        self.start_time.as_ref()
    }

    /// `endTime`: JSON text or null.
    #[must_use]
    pub const fn end_time(&self) -> Option<&EventTime<'static>> {
        self.end_time.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_nulls_and_the_mangled_key() {
        let fields = Fields::read(Some(r#"{"DriftCoefficient":0.83503490684792081,"startTime":null,"endTime":"2026-07-05T00:00:00+00:00","tarAsSystemEventDatasetId":"t"}"#)).unwrap();
        let drift = DatasetDriftDetected::read(&fields).unwrap();
        assert_eq!(drift.target_dataset_id(), Some("t"));
        assert_eq!(drift.drift_coefficient(), Some(0.835_034_906_847_920_8));
        assert_eq!(
            (drift.start_time(), drift.end_time().unwrap().as_str()),
            (None, "2026-07-05T00:00:00+00:00")
        );
    }

    #[test]
    fn err_a_time_that_is_none() {
        let fields = Fields::read(Some(r#"{"startTime":"yesterday"}"#)).unwrap();
        let error = DatasetDriftDetected::read(&fields).unwrap_err().to_string();
        assert_eq!(
            error,
            "data.startTime: expected an RFC 3339 time or null, found \"yesterday\""
        );
    }
}
