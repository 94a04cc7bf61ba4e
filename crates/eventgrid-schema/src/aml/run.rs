//! **Here**: the payloads [`RunCompleted`] and [`RunStatusChanged`].
//! **Not here**: odd spellings (`tolerant`).
//! **Reads**: the fields of `data`.
//! **Source**: <https://learn.microsoft.com/azure/event-grid/event-schema-machine-learning>, read 2026-11-22. `runType` is null in the
//! official samples; a run is what REST calls a job.

use std::fmt;

use std::borrow::Cow;

use super::object::JsonObject;
use super::tolerant::Fields;
use crate::error::{Error, shown};
use crate::id::RunId;

/// A run ended well.
///
/// Shape: `{"experimentId": "…", "experimentName": "…", "runId": "…", "runType": null, "runTags": {}, "runProperties": {}}`.
#[derive(Clone, Debug, PartialEq)]
pub struct RunCompleted {
    experiment_id: Option<String>,
    experiment_name: Option<String>,
    run_id: RunId,
    run_type: Option<String>,
    run_tags: JsonObject,
    run_properties: JsonObject,
}

impl RunCompleted {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Error> {
        let run_id = fields.required("runId")?;
        Ok(Self {
            experiment_id: fields.owned("experimentId")?,
            experiment_name: fields.owned("experimentName")?,
            run_id: RunId::parse(&run_id)
                .map_err(|_| Error::new("data.runId", "a run id", shown(&run_id)))?,
            run_type: fields.owned("runType")?,
            run_tags: fields.object("runTags")?,
            run_properties: fields.object("runProperties")?,
        })
    }

    /// `experimentId`: JSON text.
    #[must_use]
    pub fn experiment_id(&self) -> Option<&str> {
        self.experiment_id.as_deref()
    }

    /// `experimentName`: JSON text.
    #[must_use]
    pub fn experiment_name(&self) -> Option<&str> {
        self.experiment_name.as_deref()
    }

    /// `runId`: JSON text.
    #[must_use]
    pub const fn run_id(&self) -> &RunId {
        &self.run_id
    }

    /// `runType`: JSON text or null, such as `azureml.PipelineRun`.
    #[must_use]
    pub fn run_type(&self) -> Option<&str> {
        self.run_type.as_deref()
    }

    /// `runTags`: an object of any values; names may hold dots.
    #[must_use]
    pub const fn run_tags(&self) -> &JsonObject {
        &self.run_tags
    }

    /// `runProperties`: an object of any values, numbers as texts.
    #[must_use]
    pub const fn run_properties(&self) -> &JsonObject {
        &self.run_properties
    }
}

/// A run's status changed: the fields of [`RunCompleted`], and the status.
#[derive(Clone, Debug, PartialEq)]
pub struct RunStatusChanged {
    run: RunCompleted,
    run_status: RunStatus,
}

impl RunStatusChanged {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Error> {
        let run_status = RunStatus(fields.required("runStatus")?.into_owned());
        Ok(Self {
            run: RunCompleted::read(fields)?,
            run_status,
        })
    }

    /// `runStatus`: JSON text.
    #[must_use]
    pub const fn run_status(&self) -> &RunStatus {
        &self.run_status
    }

    /// The run.
    #[must_use]
    pub const fn run(&self) -> &RunCompleted {
        &self.run
    }

    /// `runTags` of the run.
    #[must_use]
    pub const fn run_tags(&self) -> &JsonObject {
        &self.run.run_tags
    }

    /// `runId` of the run.
    #[must_use]
    pub const fn run_id(&self) -> &RunId {
        &self.run.run_id
    }

    /// The alert of model monitoring, if this is one: such alerts have no event type of their own and ride on this one, as the
    /// text of the run tag [`MONITOR_ALERT_TAG`]. The tag's name counts in any casing.
    #[must_use]
    pub fn monitor_alert(&self) -> Option<Cow<'_, str>> {
        let mut tags = self.run.run_tags.iter();
        let (name, _) = tags.find(|(name, _)| name.eq_ignore_ascii_case(MONITOR_ALERT_TAG))?;
        self.run
            .run_tags
            .text(&name)
            .map(|text| Cow::Owned(text.into_owned()))
    }
}

/// The run tag that model monitoring writes when a metric has crossed its threshold. Its text names monitor and signal.
///
/// Source: <https://learn.microsoft.com/azure/machine-learning/how-to-monitor-model-performance>, read 2026-11-22.
pub const MONITOR_ALERT_TAG: &str = "azureml_modelmonitor_threshold_breached";

/// The status of a run, such as `Running`, `Completed`, `Failed`. Compared without regard to ASCII case; new ones may come.
#[derive(Clone, Debug)]
pub struct RunStatus(String);

impl RunStatus {
    /// The status as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this status, in any casing.
    #[must_use]
    pub fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl PartialEq for RunStatus {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for RunStatus {}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &str) -> Result<RunStatusChanged, String> {
        let fields = Fields::read(Some(data)).map_err(|error| error.to_string())?;
        RunStatusChanged::read(&fields).map_err(|error| error.to_string())
    }

    #[test]
    fn ok_mixed_casing_and_nulls() {
        let run = read(
            r#"{"RunId":"r","runType":null,"RunTags":{"a":"b"},"runProperties":null,"runStatus":"failed"}"#,
        )
        .unwrap();
        assert!(run.run_status().is("Failed"));
        assert_eq!(
            (
                run.run_id().as_str(),
                run.run().run_type(),
                run.run_tags().iter().count()
            ),
            ("r", None, 1)
        );
    }

    #[test]
    fn err_without_a_run_or_status() {
        assert_eq!(
            read(r#"{"runStatus":"x"}"#).unwrap_err(),
            "data.runId: expected a text, found nothing"
        );
        assert_eq!(
            read(r#"{"runId":"x"}"#).unwrap_err(),
            "data.runStatus: expected a text, found nothing"
        );
    }

    #[test]
    fn ok_an_alert_of_model_monitoring_is_recognised() {
        let check = |tags: &str, expect: Option<&str>| {
            let data = format!(r#"{{"runStatus":"Failed","runId":"r","runTags":{tags}}}"#);
            let fields = Fields::read(Some(&data)).unwrap();
            let changed = RunStatusChanged::read(&fields).unwrap();
            assert_eq!(changed.monitor_alert().as_deref(), expect, "{tags}");
        };
        check(
            r#"{"azureml_modelmonitor_threshold_breached":"drift has failed"}"#,
            Some("drift has failed"),
        );
        check(
            r#"{"a":"b","AzureML_ModelMonitor_Threshold_Breached":"x"}"#,
            Some("x"),
        );
        check(r#"{"azureml_modelmonitor_threshold_breached":1}"#, None);
        check(r#"{"a":"b"}"#, None);
        check("null", None);
    }
}
