//! **Here**: every file of `fixtures/events` against what it must read as, element by element.
//! **Not here**: any input at all (`props`).
//! **Reads**: the files, by their names.
//! **Source**: `fixtures/README.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use eventgrid_schema::aml::{JsonObject, RunCompleted};
use eventgrid_schema::{
    AmlEvent, Batch, BatchErrorKind, Element, Event, EventSchema, GridEvent, Subject, WorkspaceId,
};

const WORKSPACE: &str = "/subscriptions/0b5f7c1e-4d2a-4e6b-9c3d-7a8e9f0a1b2c/resourceGroups/rg-lakeside/providers/Microsoft.MachineLearningServices/workspaces/ws-lakeside";
const EXPERIMENT: &str = "5c0d2e4f-1a3b-4c5d-8e7f-6a9b8c7d6e5f";

/// What one file must read as.
struct Row {
    file: &'static str,
    expect: Expect,
}

enum Expect {
    /// Its elements, in their order.
    Elements(Vec<One>),
    /// Nothing of it can be read.
    Body(BatchErrorKind, &'static str),
}

/// What one element must read as.
enum One {
    Event {
        schema: EventSchema,
        /// Without the prefix of Azure ML's own types, as written.
        event_type: &'static str,
        id: &'static str,
        subject: Option<&'static str>,
        time: &'static str,
        /// As [`payload`] renders it.
        payload: String,
    },
    Error(&'static str),
}

fn of(
    schema: EventSchema,
    event_type: &'static str,
    id: &'static str,
    subject: &'static str,
    time: &'static str,
    payload: impl Into<String>,
) -> One {
    let subject = (subject != "-").then_some(subject);
    One::Event {
        schema,
        event_type,
        id,
        subject,
        time,
        payload: payload.into(),
    }
}

fn row(file: &'static str, elements: impl Into<Vec<One>>) -> Row {
    Row {
        file,
        expect: Expect::Elements(elements.into()),
    }
}

fn table() -> Vec<Row> {
    let mut rows = models_in_event_grid_schema();
    rows.extend(runs_and_the_rest_in_event_grid_schema());
    rows.extend(cloud_events());
    rows.extend(handshakes_and_batches());
    rows
}

fn models_in_event_grid_schema() -> Vec<Row> {
    let model = |id, subject, time, payload| {
        [of(
            EventSchema::EventGrid,
            "ModelRegistered",
            id,
            subject,
            time,
            payload,
        )]
    };
    vec![
        row(
            "own-eg-model-registered.json",
            model(
                "7d1c3a52-6b0e-4f58-9d21-3c5e7a9b1d01",
                "models/harbor-demand:7",
                "2026-11-22T08:15:30.1234567Z",
                r#"model harbor-demand 7 {"season":"winter","team":"quay"} {"framework":"lightgbm"}"#,
            ),
        ),
        row(
            "own-eg-model-registered-pascal.json",
            model(
                "7d1c3a52-6b0e-4f58-9d21-3c5e7a9b1d02",
                "models/harbor-demand:41",
                "2026-11-22T08:16:00.7654321Z",
                r#"model harbor-demand 41 {"season":"spring"} {"stage":"trial"}"#,
            ),
        ),
        row(
            "own-eg-model-registered-huge-version.json",
            model(
                "7d1c3a52-6b0e-4f58-9d21-3c5e7a9b1d03",
                "models/tide-table:202611220817009876543210",
                "2026-11-22T08:17:00.0000001Z",
                "model tide-table 202611220817009876543210 {} {}",
            ),
        ),
        row(
            "own-eg-model-registered-single-object.json",
            model(
                "7d1c3a52-6b0e-4f58-9d21-3c5e7a9b1d04",
                "models/tide-table:1.10",
                "2026-11-22T08:18:00.2000000Z",
                "model tide-table 1.10 {} {}",
            ),
        ),
        row(
            "own-eg-model-registered-data-first.json",
            model(
                "7d1c3a52-6b0e-4f58-9d21-3c5e7a9b1d05",
                "models/harbor-demand:8",
                "2026-11-22T08:19:00.3333333Z",
                "model harbor-demand 8 {} {}",
            ),
        ),
        row(
            "own-eg-model-registered-data-as-text.json",
            model(
                "7d1c3a52-6b0e-4f58-9d21-3c5e7a9b1d06",
                "models/harbor-demand:9",
                "2026-11-22T08:20:00.4444444Z",
                r#"model harbor-demand 9 {"note":"a \"quoted\" word"} {}"#,
            ),
        ),
        row(
            "own-eg-model-registered-hostile-name.json",
            model(
                "7d1c3a52-6b0e-4f58-9d21-3c5e7a9b1d07",
                r#"models/x:y;$(touch${IFS}pwned)`id`|&>'"../..%2e%2e:${{github.token}}"#,
                "2026-11-22T08:21:00.5555555Z",
                r#"model x:y;$(touch${IFS}pwned)`id`|&>'"../..%2e%2e ${{github.token}} {"a\nb":"$(id)"} {}"#,
            ),
        ),
        row(
            "own-eg-model-registered-upper-case-topic.json",
            model(
                "7d1c3a52-6b0e-4f58-9d21-3c5e7a9b1d01",
                "models/harbor-demand:7",
                "2026-11-22T08:15:30.1234567Z",
                r#"model harbor-demand 7 {"season":"winter","team":"quay"} {"framework":"lightgbm"}"#,
            ),
        ),
        row(
            "own-eg-model-registered-bom.json",
            model(
                "7d1c3a52-6b0e-4f58-9d21-3c5e7a9b1d08",
                "models/harbor-demand:10",
                "2026-11-22T08:22:00.6666666Z",
                "model harbor-demand 10 {} {}",
            ),
        ),
        row(
            "own-eg-model-registered-created-by.json",
            model(
                "7d1c3a52-6b0e-4f58-9d21-3c5e7a9b1d09",
                "models/harbor-demand:11",
                "2026-11-22T08:23:00.7777777Z",
                "model harbor-demand 11 {} {}",
            ),
        ),
        row(
            "own-eg-model-registered-json-text-properties.json",
            model(
                "7d1c3a52-6b0e-4f58-9d21-3c5e7a9b1d0a",
                "models/ferry-delay:2",
                "2026-11-22T08:24:00.8888888Z",
                r#"model ferry-delay 2 {} {"azureml.artifactPrefix":"ExperimentRun/dcid.ferry_1/model","flavors":"{\"python_function\": {\"loader_module\": \"mlflow.sklearn\"}}","flavors.python_function":"{\"python_version\": \"3.12.4\"}","mlflow.modelSourceUri":"azureml://jobs/ferry_1/outputs/model"}"#,
            ),
        ),
        row(
            "own-eg-model-registered-two-spellings.json",
            model(
                "7d1c3a52-6b0e-4f58-9d21-3c5e7a9b1d0b",
                "models/harbor-demand:12",
                "2026-11-22T08:25:00.9999999Z",
                "model harbor-demand 12 {} {}",
            ),
        ),
        row(
            "own-eg-model-registered-data-null.json",
            model(
                "7d1c3a52-6b0e-4f58-9d21-3c5e7a9b1d0c",
                "models/harbor-demand:14",
                "2026-11-22T08:26:00.1000000Z",
                "error data: expected an object, found nothing",
            ),
        ),
        Row {
            file: "own-eg-model-registered-trailing-comma.json",
            expect: Expect::Body(
                BatchErrorKind::NotJson,
                "the body is not JSON: key must be a string at line 8 column 3",
            ),
        },
        row(
            "own-eg-model-registered-dead-letter.json",
            model(
                "7d1c3a52-6b0e-4f58-9d21-3c5e7a9b1d0e",
                "models/harbor-demand:16",
                "2026-11-22T08:28:00.1010101Z",
                "model harbor-demand 16 {} {}",
            ),
        ),
    ]
}

fn runs_and_the_rest_in_event_grid_schema() -> Vec<Row> {
    let event = |event_type, id, subject, time, payload: String| {
        [of(EventSchema::EventGrid, event_type, id, subject, time, payload)]
    };
    vec![
        row("own-eg-model-deployed-model-ids.json", event("ModelDeployed", "2f9b6c70-5e14-4a83-8b3d-90a1b2c3d401", "endpoints/pier-blue", "2026-11-22T09:00:00.1112131Z",
            r#"deployed pier-blue on AKS [harbor-demand 7] [fleet:eta 3] [tide-table -] {"tier":"gold"} {}"#.to_owned())),
        row("own-eg-run-completed-mixed-casing.json", event("RunCompleted", "b3e8d9f0-2c41-4d6e-a5b7-1f2e3d4c5b01",
            "experiments/5c0d2e4f-1a3b-4c5d-8e7f-6a9b8c7d6e5f/runs/Sweep_dock_12", "2026-11-22T09:10:00.5151617Z",
            format!(r#"run Sweep_dock_12 azureml.HyperDrive {EXPERIMENT} dock-sweep {{"sweep_state":"finished"}} {{"iteration":"12","predicted_cost":"0.04170022004702574"}}"#))),
        row("own-eg-run-completed-null-type.json", event("RunCompleted", "b3e8d9f0-2c41-4d6e-a5b7-1f2e3d4c5b02",
            "experiments/5c0d2e4f-1a3b-4c5d-8e7f-6a9b8c7d6e5f/runs/Sweep_dock_13", "2026-11-22T09:11:00.5151617Z",
            format!(r#"run Sweep_dock_13 - {EXPERIMENT} dock-sweep {{}} {{"runTemplate":"sweep_child"}}"#))),
        row("own-eg-run-completed-missing-event-type.json", [One::Error("eventType: expected a text, found nothing")]),
        row("own-eg-run-status-changed.json", event("RunStatusChanged", "9ac4e1d2-7f30-5b1c-9e8d-4a5b6c7d8e01",
            "experiments/5c0d2e4f-1a3b-4c5d-8e7f-6a9b8c7d6e5f/runs/plucky_gull_81", "2026-11-22T09:20:00.6172839Z",
            format!(r#"status Completed run plucky_gull_81 azureml.PipelineRun {EXPERIMENT} dock-nightly {{"azureml.pipelineComponent":"pipelinerun","azureml.pipelineid":"d0c4b3a2-9e8f-4d7c-b6a5-0f1e2d3c4b5a"}} {{"azureml.parameters":"{{}}","azureml.runsource":"azureml.PipelineRun"}}"#))),
        row("own-eg-run-status-changed-offset-time.json", event("RunStatusChanged", "9ac4e1d2-7f30-5b1c-9e8d-4a5b6c7d8e02",
            "experiments/5c0d2e4f-1a3b-4c5d-8e7f-6a9b8c7d6e5f/runs/plucky_gull_82", "2026-11-22T02:21:00.0070700-07:00",
            format!("status Running run plucky_gull_82 azureml.PipelineRun {EXPERIMENT} dock-nightly {{}} {{}}"))),
        row("own-eg-run-status-changed-null-tags.json", event("RunStatusChanged", "9ac4e1d2-7f30-5b1c-9e8d-4a5b6c7d8e03",
            "experiments/5c0d2e4f-1a3b-4c5d-8e7f-6a9b8c7d6e5f/runs/plucky_gull_83", "2026-11-22T09:22:00.818283+00:00",
            format!("status NotStarted run plucky_gull_83 - {EXPERIMENT} dock-nightly {{}} {{}}"))),
        row("own-eg-run-status-changed-lower-case.json", event("microsoft.machinelearningservices.runstatuschanged", "9ac4e1d2-7f30-5b1c-9e8d-4a5b6c7d8e04",
            "experiments/5c0d2e4f-1a3b-4c5d-8e7f-6a9b8c7d6e5f/runs/plucky_gull_84", "2026-11-22T09:23:00.7391824Z",
            format!("status failed run plucky_gull_84 azureml.StepRun {EXPERIMENT} dock-nightly {{}} {{}}"))),
        row("own-eg-run-status-changed-monitor-alert.json", event("RunStatusChanged", "9ac4e1d2-7f30-5b1c-9e8d-4a5b6c7d8e05",
            "experiments/5c0d2e4f-1a3b-4c5d-8e7f-6a9b8c7d6e5f/runs/watchful_seal_3", "2026-11-22T09:24:00.1300001Z",
            format!(r#"status Failed run watchful_seal_3 azureml.StepRun {EXPERIMENT} dock-monitor {{"azureml_modelmonitor_threshold_breached":"harbor-watch inputs-drift has failed due to one or more features violating metric thresholds"}} {{}}"#))),
        row("own-eg-dataset-drift-detected.json", event("DatasetDriftDetected", "4e7a8b9c-0d1e-4f2a-b3c4-d5e6f7a8b901",
            "datadrift/e1f2a3b4-c5d6-4e7f-8091-a2b3c4d5e6f7/run/e1f2a3b4-c5d6-4e7f-8091-a2b3c4d5e6f7_1795340400000", "2026-11-22T09:30:00.0314159Z",
            "drift e1f2a3b4-c5d6-4e7f-8091-a2b3c4d5e6f7 swell-watch e1f2a3b4-c5d6-4e7f-8091-a2b3c4d5e6f7_1795340400000 10203040-5060-4708-8090-a0b0c0d0e0f0 f0e0d0c0-b0a0-4908-8070-605040302010 0.6180339887498949 - 2026-11-21T00:00:00-07:00".to_owned())),
        row("own-eg-future-event-unknown-type.json", event("EndpointScaled", "c8d7e6f5-a4b3-4c2d-9e1f-0a9b8c7d6e01", "endpoints/pier-blue", "2026-11-22T09:40:00.1618033Z",
            r#"unknown {"instances": 3, "ratio": 1.50}"#.to_owned())),
    ]
}

fn cloud_events() -> Vec<Row> {
    let event = |event_type, id, subject, time, payload: String| {
        of(EventSchema::CloudEvents, event_type, id, subject, time, payload)
    };
    let model =
        |id, subject, time, payload: &str| [event("ModelRegistered", id, subject, time, payload.to_owned())];
    vec![
        row("own-ce-model-registered.json", model("61a2b3c4-d5e6-4f70-8192-a3b4c5d6e701", "models/harbor-demand:7", "2026-11-22T08:15:30.1234567Z",
            r#"model harbor-demand 7 {"season":"winter"} {}"#)),
        row("own-ce-model-registered-spec-version.json", model("61a2b3c4-d5e6-4f70-8192-a3b4c5d6e702", "models/harbor-demand:17", "2026-11-22T10:00:00.1234567Z",
            "model harbor-demand 17 {} {}")),
        row("own-ce-model-registered-data-as-text.json", model("61a2b3c4-d5e6-4f70-8192-a3b4c5d6e703", "models/harbor-demand:18", "2026-11-22T10:01:00.1234567Z",
            "error data: expected an object, found a text")),
        row("own-ce-model-registered-data-base64.json", model("61a2b3c4-d5e6-4f70-8192-a3b4c5d6e704", "models/harbor-demand:19", "2026-11-22T10:02:00.1234567Z",
            "error data: expected an object, found nothing")),
        row("own-ce-model-registered-data-base64-json.json", model("61a2b3c4-d5e6-4f70-8192-a3b4c5d6e707", "models/harbor-demand:22", "2026-11-22T10:03:00.1234567Z",
            "model harbor-demand 22 {} {}")),
        row("own-ce-model-registered-dead-letter.json", model("61a2b3c4-d5e6-4f70-8192-a3b4c5d6e705", "models/harbor-demand:20", "-",
            "model harbor-demand 20 {} {}")),
        row("own-ce-device-telemetry-extensions.json", [event("Microsoft.Devices.DeviceTelemetry", "61a2b3c4-d5e6-4f70-8192-a3b4c5d6e706", "devices/buoy-4", "2026-11-22T10:04:00.604Z",
            r#"unknown {"body":{"swell":2.4170000000000001}}"#.to_owned())]),
        row("own-ce-model-deployed-array.json", [
            event("ModelDeployed", "2f9b6c70-5e14-4a83-8b3d-90a1b2c3d402", "endpoints/pier-green", "2026-11-22T09:01:00.1415161Z",
                "deployed pier-green on ACI [harbor-demand 8] {} {}".to_owned()),
            event("ModelDeployed", "2f9b6c70-5e14-4a83-8b3d-90a1b2c3d403", "endpoints/pier-red", "2026-11-22T09:01:01Z",
                "deployed pier-red on - {} {}".to_owned()),
        ]),
        row("own-ce-run-completed-duplicate-source.json", [event("RunCompleted", "b3e8d9f0-2c41-4d6e-a5b7-1f2e3d4c5b04", "-", "2026-11-22T09:13:00.9081726+00:00",
            format!("run Sweep_dock_15 azureml.scriptrun {EXPERIMENT} dock-sweep {{}} {{}}"))]),
        row("own-ce-dataset-drift-detected-mangled-key.json", [event("DatasetDriftDetected", "4e7a8b9c-0d1e-4f2a-b3c4-d5e6f7a8b902",
            "datadrifts/e1f2a3b4-c5d6-4e7f-8091-a2b3c4d5e6f7/runs/r_2", "2026-11-22T09:31:00.0271828Z",
            "drift e1f2a3b4-c5d6-4e7f-8091-a2b3c4d5e6f7 swell-watch r_2 10203040-5060-4708-8090-a0b0c0d0e0f0 f0e0d0c0-b0a0-4908-8070-605040302010 0.25 2026-11-20T00:00:00+00:00 2026-11-21T00:00:00+00:00".to_owned())]),
        row("own-ce-subscription-validation-data-as-text.json", [event("Microsoft.EventGrid.SubscriptionValidationEvent", "d5e6f708-192a-4b3c-8d4e-5f60718293a1", "", "2026-11-22T10:10:00.3692581Z",
            "validate 0A1B2C3D-4E5F-4071-8293-A4B5C6D7E8F9 https://rp-northsea.eventgrid.azure.net:553/eventsubscriptions/relay/validate?id=0A1B2C3D&token=T".to_owned())]),
    ]
}

fn handshakes_and_batches() -> Vec<Row> {
    let event = |event_type, id, subject, time, payload: String| {
        of(EventSchema::EventGrid, event_type, id, subject, time, payload)
    };
    vec![
        row("own-eg-subscription-validation.json", [event("Microsoft.EventGrid.SubscriptionValidationEvent", "d5e6f708-192a-4b3c-8d4e-5f60718293a2", "", "2026-11-22T10:11:00.3692581Z",
            r#"validate any text, "quoted" -"#.to_owned())]),
        row("own-eg-subscription-validation-url.json", [event("Microsoft.EventGrid.SubscriptionValidationEvent", "d5e6f708-192a-4b3c-8d4e-5f60718293a3", "", "2026-11-22T10:12:00.2468013Z",
            "validate 0A1B2C3D-4E5F-4071-8293-A4B5C6D7E8FA https://rp-northsea.eventgrid.azure.net:553/eventsubscriptions/relay/validate?id=0A1B2C3D&t=2026-11-22T10:12:00.2468013Z&apiVersion=2018-05-01-preview&token=T".to_owned())]),
        row("own-eg-subscription-deleted.json", [event("Microsoft.EventGrid.SubscriptionDeletedEvent", "d5e6f708-192a-4b3c-8d4e-5f60718293a4", "", "2026-11-22T10:13:00.3692581Z",
            format!("deleted {WORKSPACE}/providers/Microsoft.EventGrid/eventSubscriptions/relay"))]),
        row("own-eg-batch-one-bad-element.json", [
            event("ModelRegistered", "e9f0a1b2-c3d4-4e5f-8607-18293a4b5c01", "models/harbor-demand:21", "2026-11-22T10:20:00.1000001Z",
                "model harbor-demand 21 {} {}".to_owned()),
            One::Error("eventTime: expected an RFC 3339 time, found \"yesterday\""),
            event("RunCompleted", "e9f0a1b2-c3d4-4e5f-8607-18293a4b5c03", "experiments/e/runs/r_3", "2026-11-22T10:20:02.1000001Z",
                "run r_3 - - - {} {}".to_owned()),
        ]),
        row("own-eg-batch-empty.json", []),
    ]
}

/// The typed payload as one line; `-` for what is not there.
fn payload(event: &Event<'_>) -> String {
    let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
    if let Some(system) = event.system() {
        return match system {
            GridEvent::SubscriptionValidation(it) => {
                format!("validate {} {}", it.validation_code(), or(it.validation_url()))
            }
            GridEvent::SubscriptionDeleted {
                event_subscription_id,
            } => format!("deleted {}", or(event_subscription_id.as_deref())),
            other => format!("{other:?}"),
        };
    }
    match event.aml() {
        Ok(AmlEvent::ModelRegistered(it)) => {
            format!(
                "model {} {} {} {}",
                it.model_name(),
                it.model_version(),
                json(it.model_tags()),
                json(it.model_properties())
            )
        }
        Ok(AmlEvent::ModelDeployed(it)) => {
            let ids: String = it
                .model_ids()
                .iter()
                .map(|id| {
                    format!(
                        "[{} {}] ",
                        id.name,
                        or(id.version.as_ref().map(|version| version.as_str()))
                    )
                })
                .collect();
            let compute = or(it.service_compute_type());
            format!(
                "deployed {} on {compute} {ids}{} {}",
                it.service_name(),
                json(it.service_tags()),
                json(it.service_properties())
            )
        }
        Ok(AmlEvent::RunCompleted(it)) => run(&it),
        Ok(AmlEvent::RunStatusChanged(it)) => format!("status {} {}", it.run_status(), run(it.run())),
        Ok(AmlEvent::DatasetDriftDetected(it)) => {
            let ids = [
                it.data_drift_id(),
                it.data_drift_name(),
                it.run_id(),
                it.base_dataset_id(),
                it.target_dataset_id(),
            ];
            let coefficient = it.drift_coefficient().map(|coefficient| coefficient.to_string());
            let times = [it.start_time(), it.end_time()].map(|time| time.map(|time| time.as_str()));
            let parts: Vec<String> = ids
                .into_iter()
                .chain([coefficient.as_deref()])
                .chain(times)
                .map(or)
                .collect();
            format!("drift {}", parts.join(" "))
        }
        Ok(AmlEvent::Unknown { event_type, data }) => {
            assert_eq!(event_type, event.event_type().as_str());
            format!("unknown {}", or(data.as_deref()))
        }
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("error {error}"),
    }
}

fn run(it: &RunCompleted) -> String {
    let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let (run_type, id, name) = (
        or(it.run_type()),
        or(it.experiment_id()),
        or(it.experiment_name()),
    );
    format!(
        "run {} {run_type} {id} {name} {} {}",
        it.run_id(),
        json(it.run_tags()),
        json(it.run_properties())
    )
}

fn json(object: &JsonObject) -> String {
    serde_json::to_string(&object.to_map().unwrap()).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/events")
}

fn bytes(file: &str) -> Vec<u8> {
    fs::read(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn check(file: &str, element: &Element<'_>, expect: &One) {
    match (element.event(), expect) {
        (
            Ok(event),
            One::Event {
                schema,
                event_type,
                id,
                subject,
                time,
                payload: expect,
            },
        ) => {
            let prefix = "Microsoft.MachineLearningServices.";
            let found = event.event_type().as_str();
            assert_eq!(
                found.strip_prefix(prefix).unwrap_or(found),
                *event_type,
                "{file}: type"
            );
            assert_eq!(payload(event), *expect, "{file}: payload");
            assert_eq!(
                (event.schema(), event.id(), event.subject()),
                (*schema, *id, *subject),
                "{file}"
            );
            assert_eq!(
                event.time().map_or("-", |time| time.as_str()),
                *time,
                "{file}: time"
            );
            let is_system = event.event_type().is_system();
            assert_eq!(event.system().is_some(), is_system, "{file}: system");
        }
        (Err(error), One::Error(expect)) => assert_eq!(error.to_string(), *expect, "{file}"),
        (Ok(event), One::Error(expect)) => panic!("{file}: expected {expect:?}, read {event:?}"),
        (Err(error), One::Event { id, .. }) => panic!("{file}: expected event {id}, found {error}"),
    }
}

#[test]
fn ok_every_file_reads_as_its_row_says() {
    for Row { file, expect } in table() {
        let bytes = bytes(file);
        match (Batch::parse(&bytes), expect) {
            (Ok(batch), Expect::Elements(expect)) => {
                assert_eq!(batch.len(), expect.len(), "{file}: elements");
                for (element, expect) in batch.iter().zip(&expect) {
                    check(file, element, expect);
                }
            }
            (Err(error), Expect::Body(kind, text)) => {
                assert_eq!((error.kind(), error.to_string().as_str()), (kind, text), "{file}");
            }
            (Ok(_), Expect::Body(_, text)) => panic!("{file}: expected {text:?}, and it was read"),
            (Err(error), Expect::Elements(_)) => panic!("{file}: {error}"),
        }
    }
}

#[test]
fn ok_files_and_rows_are_the_same_names() {
    let files: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let rows: Vec<String> = table().iter().map(|row| row.file.to_owned()).collect();
    let names: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(names.len(), rows.len(), "a file has two rows");
    let lists = (
        files.difference(&names).collect::<Vec<_>>(),
        names.difference(&files).collect::<Vec<_>>(),
    );
    assert_eq!(
        lists,
        (vec![], vec![]),
        "(files without a row, rows without a file)"
    );
}

/// Gives the only event of a file to a closure.
fn only(file: &str, look: impl FnOnce(&Event<'_>)) {
    let bytes = bytes(file);
    let batch = Batch::parse(&bytes).unwrap();
    assert_eq!(batch.len(), 1, "{file}");
    look(batch.elements()[0].event().unwrap());
}

#[test]
fn ok_sources_compare_without_regard_to_case() {
    only("own-eg-model-registered.json", |one| {
        only("own-eg-model-registered-upper-case-topic.json", |other| {
            assert_ne!(one.source(), other.source());
            assert_eq!(one.key(), other.key());
            assert_eq!(one.workspace(), other.workspace());
            assert_eq!(one.workspace(), Some(WorkspaceId::parse(WORKSPACE).unwrap()));
            assert_eq!(other.workspace().unwrap().workspace(), "WS-LAKESIDE");
        });
        only("own-ce-model-registered.json", |cloud| {
            assert_eq!((cloud.workspace(), cloud.time()), (one.workspace(), one.time()));
            assert_ne!(cloud.key(), one.key(), "another id");
        });
    });
    only("own-ce-run-completed-duplicate-source.json", |event| {
        assert_eq!(event.source(), WORKSPACE);
    });
    only("own-ce-device-telemetry-extensions.json", |event| {
        assert_eq!(event.workspace(), None);
        let trace = r#""00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01""#;
        assert_eq!(
            event.extensions().collect::<Vec<_>>(),
            [("traceparent".into(), trace)]
        );
        assert_eq!(event.attribute("dataSchema"), Some("\"#\""));
    });
}

#[test]
fn ok_digits_are_kept_as_they_were_written() {
    only("own-eg-dataset-drift-detected.json", |event| {
        assert!(
            event
                .data_text()
                .unwrap()
                .contains(r#""driftCoefficient":0.61803398874989485,"#)
        );
    });
    only("own-eg-run-status-changed-offset-time.json", |offset| {
        let utc = eventgrid_schema::EventTime::parse("2026-11-22T09:21:00.00707Z").unwrap();
        assert_eq!(offset.time(), Some(&utc));
    });
}

#[test]
fn ok_a_hostile_name_is_read_and_not_plain() {
    only("own-eg-model-registered-hostile-name.json", |event| {
        let Ok(AmlEvent::ModelRegistered(model)) = event.aml() else {
            panic!("{event:?}")
        };
        assert!(!model.model_name().is_plain() && !model.model_version().is_plain());
        let Some(Subject::Model { name, version }) = event.subject_parts() else {
            panic!("{event:?}")
        };
        assert_eq!((&name, &version), (model.model_name(), model.model_version()));
    });
    only("own-eg-model-registered.json", |event| {
        let Ok(AmlEvent::ModelRegistered(model)) = event.aml() else {
            panic!("{event:?}")
        };
        assert!(model.model_name().is_plain() && model.model_version().is_plain());
    });
}

#[test]
fn ok_a_handshake_is_answered_with_its_code_verbatim() {
    only("own-eg-subscription-validation.json", |event| {
        let Some(GridEvent::SubscriptionValidation(validation)) = event.system() else {
            panic!("{event:?}")
        };
        assert_eq!(
            validation.response_body(),
            r#"{"validationResponse":"any text, \"quoted\""}"#
        );
    });
}

#[test]
fn ok_status_and_type_are_compared_without_regard_to_case() {
    only("own-eg-run-status-changed-lower-case.json", |event| {
        assert!(
            event
                .event_type()
                .is(eventgrid_schema::EventType::RUN_STATUS_CHANGED)
        );
        let Ok(AmlEvent::RunStatusChanged(run)) = event.aml() else {
            panic!("{event:?}")
        };
        assert!(run.run_status().is("Failed"));
    });
}

#[test]
fn ok_dead_letters_and_base64_keep_their_attributes() {
    only("own-eg-model-registered-dead-letter.json", |event| {
        assert_eq!(
            event.attribute("deadletterreason"),
            Some("\"TimeToLiveExceeded\"")
        );
        assert_eq!(event.extensions().count(), 5);
    });
    only("own-ce-model-registered-dead-letter.json", |event| {
        assert_eq!(event.attribute("deliveryAttempts"), Some("5"));
        assert_eq!(event.extensions().count(), 5);
    });
    only("own-ce-model-registered-data-base64.json", |event| {
        assert_eq!(event.data_text(), None);
        assert_eq!(
            event.attribute("data_base64"),
            Some("\"eyJtb2RlbE5hbWUiOiJoYXJib3ItZGVtYW5kIn0=\"")
        );
        assert_eq!(
            event.data_bytes().as_deref(),
            Some(&br#"{"modelName":"harbor-demand"}"#[..])
        );
        assert_eq!((event.payload_text(), event.extensions().count()), (None, 0));
    });
}
