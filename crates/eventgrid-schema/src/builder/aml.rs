//! **Here**: the five Azure ML events with type, topic, subject and payload as the service writes them.
//! **Not here**: reading them (`aml`).
//! **Reads**: the names of a workspace, a model, a run; gives an [`EventBuilder`] that lacks id and time.
//! **Source**: facts of 2026-11-22: keys are camelCase and versions are text (sections 1.2 and 1.3), subjects have no leading slash
//! and `dataVersion` is `2` (section 1.4).

use serde_json::{Map, Value, json};

use super::{Data, EventBuilder};
use crate::error::{Error, shown};
use crate::event::EventType;
use crate::id::WorkspaceId;

/// What names a run: the payload of `RunCompleted`, and most of that of `RunStatusChanged`.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "written as a literal, so that no two texts are confused"
)]
pub struct RunFields<'a> {
    /// `experimentId`: JSON text, a GUID; the subject has it too.
    pub experiment_id: &'a str,
    /// `experimentName`: JSON text.
    pub experiment_name: &'a str,
    /// `runId`: JSON text; the subject has it too.
    pub run_id: &'a str,
    /// `runType`: JSON text such as `azureml.PipelineRun`, or null as in the official samples.
    pub run_type: Option<&'a str>,
}

/// The payload of `DatasetDriftDetected`.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "written as a literal, so that no two texts are confused"
)]
pub struct DriftFields<'a> {
    /// `dataDriftId`: JSON text; the subject has it too.
    pub data_drift_id: &'a str,
    /// `dataDriftName`: JSON text.
    pub data_drift_name: &'a str,
    /// `runId`: JSON text; the subject has it too.
    pub run_id: &'a str,
    /// `baseDatasetId`: JSON text.
    pub base_dataset_id: &'a str,
    /// `targetDatasetId`: JSON text.
    pub target_dataset_id: &'a str,
    /// `driftCoefficient`: a JSON number, finite.
    pub drift_coefficient: f64,
    /// `startTime`: JSON text, RFC 3339, or null.
    pub start_time: Option<&'a str>,
    /// `endTime`: JSON text, RFC 3339, or null.
    pub end_time: Option<&'a str>,
}

/// A payload whose members can still be set.
#[derive(Clone, Debug)]
pub(super) struct Payload {
    /// What the keys of tags and properties begin with; none where the type has neither.
    stem: Option<&'static str>,
    fields: Map<String, Value>,
}

impl Payload {
    pub(super) fn to_json(&self) -> String {
        Value::from(self.fields.clone()).to_string()
    }
}

impl EventBuilder {
    /// `ModelRegistered` of a model and its version; give it [`with_id`](Self::with_id) and, for the Event Grid schema,
    /// [`with_time`](Self::with_time). The subject is `models/{name}:{version}`.
    #[must_use]
    pub fn model_registered(workspace: &WorkspaceId, name: &str, version: &str) -> Self {
        let fields = [("modelName", name.into()), ("modelVersion", version.into())];
        Self::aml(EventType::MODEL_REGISTERED, workspace, Some("model"), fields)
            .with_subject(&format!("models/{name}:{version}"))
    }

    /// `ModelDeployed` of models, each a name and a version, to a service of a compute type such as `ACI`. The subject is
    /// `endpoints/{service}`.
    ///
    /// `modelIds` is one text, `a:1,b:2`, so that no name or version may hold a comma; building refuses one.
    #[must_use]
    pub fn model_deployed(
        workspace: &WorkspaceId,
        service: &str,
        compute_type: &str,
        models: &[(&str, &str)],
    ) -> Self {
        let is_entry = |text: &str| !text.is_empty() && !text.contains(',') && text.trim() == text;
        let odd = models
            .iter()
            .find(|(name, version)| !is_entry(name) || !is_entry(version) || version.contains(':'));
        let ids: Vec<String> = models
            .iter()
            .map(|(name, version)| format!("{name}:{version}"))
            .collect();
        let fault = match odd {
            Some((name, version)) => Some(shown(&format!("{name}:{version}"))),
            None => models.is_empty().then(|| "nothing".to_owned()),
        };
        let fields = [
            ("serviceName", service.into()),
            ("serviceComputeType", compute_type.into()),
            ("modelIds", ids.join(",").into()),
        ];
        Self::aml(EventType::MODEL_DEPLOYED, workspace, Some("service"), fields)
            .with_subject(&format!("endpoints/{service}"))
            .with_fault(fault.map(|found| Error::new("data.modelIds", "names and versions", found)))
    }

    /// `RunCompleted`. The subject is `experiments/{experimentId}/runs/{runId}`.
    #[must_use]
    pub fn run_completed(workspace: &WorkspaceId, run: &RunFields<'_>) -> Self {
        Self::run(EventType::RUN_COMPLETED, workspace, run)
    }

    /// `RunStatusChanged` to a status such as `Running`, `Completed`, `Failed`. The subject is that of the run.
    #[must_use]
    pub fn run_status_changed(workspace: &WorkspaceId, run: &RunFields<'_>, status: &str) -> Self {
        Self::run(EventType::RUN_STATUS_CHANGED, workspace, run).with_field("runStatus", status.into())
    }

    /// `DatasetDriftDetected`, which Azure no longer advertises. The subject is `datadrift/{dataDriftId}/run/{runId}`.
    #[must_use]
    pub fn dataset_drift_detected(workspace: &WorkspaceId, drift: &DriftFields<'_>) -> Self {
        let coefficient = drift.drift_coefficient;
        let fault = || {
            Error::new(
                "data.driftCoefficient",
                "a finite number",
                coefficient.to_string(),
            )
        };
        let fields = [
            ("dataDriftId", drift.data_drift_id.into()),
            ("dataDriftName", drift.data_drift_name.into()),
            ("runId", drift.run_id.into()),
            ("baseDatasetId", drift.base_dataset_id.into()),
            ("targetDatasetId", drift.target_dataset_id.into()),
            ("driftCoefficient", coefficient.into()),
            ("startTime", drift.start_time.into()),
            ("endTime", drift.end_time.into()),
        ];
        Self::aml(EventType::DATASET_DRIFT_DETECTED, workspace, None, fields)
            .with_subject(&format!("datadrift/{}/run/{}", drift.data_drift_id, drift.run_id))
            .with_fault((!coefficient.is_finite()).then(fault))
    }

    /// Sets the tags of a model, a service or a run: `modelTags`, `serviceTags` or `runTags`, an empty object by default.
    /// Building refuses them on any other event, and where `data` was set by other means.
    #[must_use]
    pub fn with_tags<K: Into<String>, V: Into<Value>>(self, tags: impl IntoIterator<Item = (K, V)>) -> Self {
        self.with_map("Tags", "data of a kind that has tags", object(tags))
    }

    /// Sets the properties of a model, a service or a run, as [`with_tags`](Self::with_tags) sets its tags. Azure writes
    /// numbers in them as texts, and objects as JSON inside a text.
    #[must_use]
    pub fn with_properties<K: Into<String>, V: Into<Value>>(
        self,
        properties: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.with_map(
            "Properties",
            "data of a kind that has properties",
            object(properties),
        )
    }

    fn run(event_type: &str, workspace: &WorkspaceId, run: &RunFields<'_>) -> Self {
        let fields = [
            ("experimentId", run.experiment_id.into()),
            ("experimentName", run.experiment_name.into()),
            ("runId", run.run_id.into()),
            ("runType", run.run_type.into()),
        ];
        Self::aml(event_type, workspace, Some("run"), fields)
            .with_subject(&format!("experiments/{}/runs/{}", run.experiment_id, run.run_id))
    }

    fn aml<const N: usize>(
        event_type: &str,
        workspace: &WorkspaceId,
        stem: Option<&'static str>,
        fields: [(&str, Value); N],
    ) -> Self {
        let mut fields = object(fields);
        if let Some(stem) = stem {
            fields.insert(format!("{stem}Tags"), json!({}));
            fields.insert(format!("{stem}Properties"), json!({}));
        }
        let mut builder = Self::without_id(event_type, workspace.as_str()).with_data_version("2");
        builder.data = Some(Data::Aml(Payload { stem, fields }));
        builder
    }

    fn with_field(mut self, name: &str, value: Value) -> Self {
        if let Some(Data::Aml(payload)) = &mut self.data {
            payload.fields.insert(name.to_owned(), value);
        }
        self
    }

    fn with_map(mut self, ending: &str, expected: &'static str, map: Map<String, Value>) -> Self {
        if let Some(Data::Aml(payload)) = &mut self.data
            && let Some(stem) = payload.stem
        {
            payload.fields.insert(format!("{stem}{ending}"), map.into());
            return self;
        }
        let found = format!("that of {}", shown(&self.event_type));
        self.with_fault(Some(Error::new("data", expected, found)))
    }

    fn with_fault(mut self, fault: Option<Error>) -> Self {
        self.fault = self.fault.or(fault);
        self
    }
}

fn object<K: Into<String>, V: Into<Value>>(members: impl IntoIterator<Item = (K, V)>) -> Map<String, Value> {
    members
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::{AmlEvent, Subject};

    const WORKSPACE: &str =
        "/subscriptions/s/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/w";
    const RUN: RunFields<'_> = RunFields {
        experiment_id: "e-1",
        experiment_name: "train",
        run_id: "r_1",
        run_type: None,
    };

    fn workspace() -> WorkspaceId {
        WorkspaceId::parse(WORKSPACE).unwrap()
    }

    fn drift(drift_coefficient: f64) -> DriftFields<'static> {
        DriftFields {
            data_drift_id: "d",
            data_drift_name: "n",
            run_id: "r",
            base_dataset_id: "b",
            target_dataset_id: "t",
            drift_coefficient,
            start_time: Some("2026-11-21T00:00:00-07:00"),
            end_time: None,
        }
    }

    /// The same in both schemas: type, subject and `data`, and the payload read.
    fn check(builder: EventBuilder, event_type: &str, subject: &str, data: &str) -> AmlEvent {
        let builder = builder.with_id("1").with_time("2026-11-22T10:00:00Z");
        let (grid, cloud) = (
            builder.build_event_grid().unwrap(),
            builder.build_cloud_event().unwrap(),
        );
        let (grid, cloud) = (
            Event::parse_element(&grid).unwrap(),
            Event::parse_element(&cloud).unwrap(),
        );
        for event in [&grid, &cloud] {
            assert_eq!(
                (event.event_type().as_str(), event.subject(), event.source()),
                (event_type, Some(subject), WORKSPACE)
            );
            assert!(!matches!(event.subject_parts(), Some(Subject::Other(_))));
            let read: Value = serde_json::from_str(event.data_text().unwrap()).unwrap();
            assert_eq!(read, serde_json::from_str::<Value>(data).unwrap());
        }
        assert_eq!(grid.attribute("dataVersion"), Some("\"2\""));
        assert_eq!(grid.aml(), cloud.aml());
        grid.aml().unwrap()
    }

    fn error(builder: EventBuilder) -> String {
        let builder = builder.with_id("1").with_time("2026-11-22T10:00:00Z");
        let error = builder.build_event_grid().unwrap_err();
        assert_eq!(builder.build_cloud_event(), Err(error.clone()));
        error.to_string()
    }

    #[test]
    fn ok_models() {
        let builder = EventBuilder::model_registered(&workspace(), "credit-risk", "7");
        let data = r#"{"modelName":"credit-risk","modelVersion":"7","modelTags":{},"modelProperties":{}}"#;
        check(
            builder.clone(),
            EventType::MODEL_REGISTERED,
            "models/credit-risk:7",
            data,
        );
        let builder = builder
            .with_tags([("a.b", "c")])
            .with_properties([("n", json!({"x": 1}))]);
        let data = r#"{"modelName":"credit-risk","modelVersion":"7","modelTags":{"a.b":"c"},"modelProperties":{"n":{"x":1}}}"#;
        check(builder, EventType::MODEL_REGISTERED, "models/credit-risk:7", data);
        let builder = EventBuilder::model_deployed(&workspace(), "blue", "ACI", &[("a", "1"), ("b:c", "2")]);
        let data = r#"{"serviceName":"blue","serviceComputeType":"ACI","modelIds":"a:1,b:c:2","serviceTags":{},"serviceProperties":{}}"#;
        let AmlEvent::ModelDeployed(deployed) =
            check(builder, EventType::MODEL_DEPLOYED, "endpoints/blue", data)
        else {
            panic!("another type")
        };
        let ids = deployed.model_ids();
        assert_eq!((ids.len(), ids[1].name.as_str()), (2, "b:c"));
    }

    #[test]
    fn ok_runs_and_drift() {
        let builder = EventBuilder::run_completed(&workspace(), &RUN).with_tags([("t", "v")]);
        let data = r#"{"experimentId":"e-1","experimentName":"train","runId":"r_1","runType":null,"runTags":{"t":"v"},"runProperties":{}}"#;
        check(
            builder,
            EventType::RUN_COMPLETED,
            "experiments/e-1/runs/r_1",
            data,
        );
        let run = RunFields {
            run_type: Some("azureml.PipelineRun"),
            ..RUN
        };
        let builder = EventBuilder::run_status_changed(&workspace(), &run, "Failed");
        let data = r#"{"experimentId":"e-1","experimentName":"train","runId":"r_1","runType":"azureml.PipelineRun","runStatus":"Failed","runTags":{},"runProperties":{}}"#;
        check(
            builder,
            EventType::RUN_STATUS_CHANGED,
            "experiments/e-1/runs/r_1",
            data,
        );
        let builder = EventBuilder::dataset_drift_detected(&workspace(), &drift(0.5));
        let data = r#"{"dataDriftId":"d","dataDriftName":"n","runId":"r","baseDatasetId":"b","targetDatasetId":"t","driftCoefficient":0.5,"startTime":"2026-11-21T00:00:00-07:00","endTime":null}"#;
        check(
            builder,
            EventType::DATASET_DRIFT_DETECTED,
            "datadrift/d/run/r",
            data,
        );
    }

    #[test]
    fn err_payloads_that_their_type_does_not_have() {
        let workspace = workspace();
        let check = |builder: EventBuilder, expect: &str| assert_eq!(error(builder), expect);
        check(
            EventBuilder::model_registered(&workspace, "", "7"),
            "data.modelName: expected a text that is not empty, found \"\"",
        );
        check(
            EventBuilder::run_status_changed(&workspace, &RUN, ""),
            "data.runStatus: expected a text that is not empty, found \"\"",
        );
        check(
            EventBuilder::model_deployed(&workspace, "s", "ACI", &[]),
            "data.modelIds: expected names and versions, found nothing",
        );
        for (name, version) in [("a,b", "1"), ("a", "1,2"), ("a", "1:2"), (" a", "1"), ("a", "")] {
            let builder =
                EventBuilder::model_deployed(&workspace, "s", "ACI", &[("ok", "1"), (name, version)]);
            let expect = format!("data.modelIds: expected names and versions, found \"{name}:{version}\"");
            check(builder, &expect);
        }
        check(
            EventBuilder::dataset_drift_detected(&workspace, &drift(f64::NAN)),
            "data.driftCoefficient: expected a finite number, found NaN",
        );
        let odd = DriftFields {
            end_time: Some("soon"),
            ..drift(0.5)
        };
        check(
            EventBuilder::dataset_drift_detected(&workspace, &odd),
            "data.endTime: expected an RFC 3339 time or null, found \"soon\"",
        );
        check(
            EventBuilder::dataset_drift_detected(&workspace, &drift(0.5)).with_tags([("a", "b")]),
            "data: expected data of a kind that has tags, found that of \"Microsoft.MachineLearningServices.DatasetDriftDetected\"",
        );
        check(
            EventBuilder::new("Contoso.X", "s", "1").with_properties([("a", "b")]),
            "data: expected data of a kind that has properties, found that of \"Contoso.X\"",
        );
    }
}
