//! **Here**: what is in other people's payloads, asserted: `cargo run -p eventgrid-schema --example samples -- DIR`.
//! **Not here**: the payloads, which are not ours to copy; our own are in `fixtures/events`.
//! **Reads**: every `*.json` of DIR, not of its folders. A file without a row, a row without a file and a mismatch all exit with 1.
//! **Source**: documentation pages, SDK tests and captured requests; what each is, its name says.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that says what it found"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use eventgrid_schema::aml::{JsonObject, RunCompleted};
use eventgrid_schema::{AmlEvent, Batch, BatchError, Delivery, EnvelopeError, Event, GridEvent};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// How a file holds its event.
#[derive(Clone, Copy)]
enum Form {
    /// The file is the body of a delivery.
    Body,
    /// The file is a captured request: `headers` and `body`.
    Request,
    /// The file is the answer to a pull, no delivery: an element that is no event, with the event in `value[0].event`.
    Pull,
}

/// Name, form, and facts as `key=value`, divided by ` | `.
type Row = (&'static str, Form, &'static [&'static str]);

const DOCS: &str = "id=831e1650-001e-001b-66ab-eeb76e069631 | time=2017-06-26T18:41:00.9584103Z | workspace={workspace-name}";
const DOCS_MODEL: &str = "type=Microsoft.MachineLearningServices.ModelRegistered | subject=models/sklearn_regression_model:20 | names=model sklearn_regression_model 20 | model=sklearn_regression_model | version=20 | data modelversion=20 | tags=2 | tag area=diabetes | tag type=regression | properties=1 | property type=test";
const DOCS_DEPLOYED: &str = "type=Microsoft.MachineLearningServices.ModelDeployed | subject=endpoints/my-sklearn-service | service=my-sklearn-service | compute=ACI | ids=2 | id 0=sklearn_regression_model 1 | id 1=sklearn_regression_model 2 | tags=2 | tag area=diabetes | tag type=regression | properties=1 | property type=test";
const DOCS_RUN: &str = "subject=experiments/0fa9dfaa-cba3-4fa7-b590-23e48548f5c1/runs/AutoML_ad912b2d-6467-4f32-a616-dbe4af6dd8fc_5 | run=AutoML_ad912b2d-6467-4f32-a616-dbe4af6dd8fc_5 | experiment=0fa9dfaa-cba3-4fa7-b590-23e48548f5c1 automl-local-regression | run type=- | properties=13 | property iteration=5 | property predicted_cost=0.062226144097381045 | property training_percent=100 | inside pipeline_spec/pipeline_id=5adc0a4fe02504a586f09a4fcbb241f9a4012062 | inside pipeline_spec/objects/1/param_kwargs/alpha=0.001";
const DOCS_DRIFT: &str = "type=Microsoft.MachineLearningServices.DatasetDriftDetected | subject=datadrifts/{}/runs/{} | names=drift {} {} | drift=01d29aa4-e6a4-470a-9ef3-66660d21f8ef myDriftMonitor | run=01d29aa4-e6a4-470a-9ef3-66660d21f8ef_1571590300380 | data sets=3c56d136-0f64-4657-a0e8-5162089a88a3 d7e74d2e-c972-4266-b5fb-6c9c182d2a74 | data driftcoefficient=0.83503490684792081 | coefficient=0.8350349068479208 | start=2019-07-04T00:00:00+00:00 | end=2019-07-05T00:00:00+00:00";
const SDK: &str = "workspace=jenns-canary | group=jenns | subscription=a5fe3bc5-98f0-4c84-affc-a589f54d9b23";
const SDK_DEPLOYED: &str = "type=Microsoft.MachineLearningServices.ModelDeployed | id=40d0b167-be44-477b-9d23-a2befba7cde0 | time=2019-10-23T18:20:08.8824474+00:00 | subject=endpoints/aciservice1 | service=aciservice1 | compute=ACI | ids=2 | id 0=my_first_model 1 | id 1=my_second_model 1 | tags=1 | tag mytag=test tag | properties=1 | property myprop=test property";
const SDK_COMPLETED: &str = "type=Microsoft.MachineLearningServices.RunCompleted | id=044ac44d-462c-4043-99eb-d9e01dc760ab | time=2019-10-18T19:29:55.8856038+00:00";
const SDK_STATUS: &str = "type=Microsoft.MachineLearningServices.RunStatusChanged | id=aa8cd7df-fe28-5d5d-9b40-3342dbc2a887 | time=2020-03-09T23:53:04.4579724Z | status=Running";
const SDK_RUN: &str = "subject=experiments/0fa9dfaa-cba3-4fa7-b590-23e48548f5c1/runs/AutoML_ad912b2d-6467-4f32-a616-dbe4af6dd8fc | names=run 0fa9dfaa-cba3-4fa7-b590-23e48548f5c1 AutoML_ad912b2d-6467-4f32-a616-dbe4af6dd8fc | run=AutoML_ad912b2d-6467-4f32-a616-dbe4af6dd8fc | experiment=0fa9dfaa-cba3-4fa7-b590-23e48548f5c1 automl-local-regression | run type=automl | tags=2 | tag experiment_status=ModelSelection | tag experiment_status_descr=Beginning model selection. | properties=2 | property num_iterations=10 | property target=local";
const SDK_DRIFT: &str = "type=Microsoft.MachineLearningServices.DatasetDriftDetected | id=2684de79-b145-4dcf-ad2e-6a1db798585f | time=2019-10-20T17:08:08.467191+00:00 | workspace=driftDemoWS | group=copetersRG | names=drift 01d29aa4-e6a4-470a-9ef3-66660d21f8ef 01d29aa4-e6a4-470a-9ef3-66660d21f8ef_1571590300380 | drift=01d29aa4-e6a4-470a-9ef3-66660d21f8ef copetersDriftMonitor3 | run=01d29aa4-e6a4-470a-9ef3-66660d21f8ef_1571590300380 | data sets=3c56d136-0f64-4657-a0e8-5162089a88a3 d7e74d2e-c972-4266-b5fb-6c9c182d2a74 | data driftcoefficient=0.8350349068479208 | coefficient=0.8350349068479208 | start=2019-07-04T00:00:00+00:00 | end=2019-07-05T00:00:00+00:00";
const VALIDATION: &str = "schema=EventGrid | type=Microsoft.EventGrid.SubscriptionValidationEvent | id=2d1781af-3a4c-4d7c-bd0c-e34b19da4e66 | subject= | workspace=- | code=512d38b6-c7b8-40c8-89fe-f46f9e9622b6";

const TABLE: &[Row] = &[
    (
        "amlfunction-missing-eventtype.json",
        Form::Body,
        &["element error=eventType: expected a text, found nothing"],
    ),
    (
        "amlfunction-run-completed.json",
        Form::Body,
        &[
            "schema=EventGrid | type=Microsoft.MachineLearningServices.RunCompleted | tags=1 | tag githuB_REPOSITORY=TestGenericRepositoryDispatch | data runstatus=\"failed\" | attribute dataVersion=\"\"",
            DOCS,
            DOCS_RUN,
        ],
    ),
    (
        "amlfunction-subscription-validation.json",
        Form::Body,
        &[VALIDATION, "time=2018-01-25T22:12:19.4556811Z | url=-"],
    ),
    (
        "docs-ce-model-deployed.json",
        Form::Body,
        &["schema=CloudEvents", DOCS, DOCS_DEPLOYED],
    ),
    (
        "docs-ce-model-registered.json",
        Form::Body,
        &["schema=CloudEvents", DOCS, DOCS_MODEL],
    ),
    (
        "docs-ce-run-status-changed.json",
        Form::Body,
        &[
            "schema=CloudEvents | type=Microsoft.MachineLearningServices.RunStatusChanged | status=failed | tags=0",
            DOCS,
            DOCS_RUN,
        ],
    ),
    (
        "docs-deadletter-ce.invalid-trailing-comma.json",
        Form::Body,
        &[
            "body error kind=NotJson | body error=the body is not JSON: key must be a string at line 17 column 1",
        ],
    ),
    (
        "docs-deadletter-custom.json",
        Form::Body,
        &[
            "schema=EventGrid | type=myEventType | id=8bc07e6f-0885-4729-90e4-7c3f052bd754 | time=2020-08-13T18:11:29.4121391Z | subject=subjectDefault | workspace=- | unknown=myEventType | data prop2=5 | extensions=5 | attribute deadLetterReason=\"MaxDeliveryAttemptsExceeded\" | attribute deliveryAttempts=1",
        ],
    ),
    (
        "docs-deadletter-eg.json",
        Form::Body,
        &[
            "schema=EventGrid | type=Microsoft.Storage.BlobCreated | id=93902694-901e-008f-6f95-7153a806873c | time=2020-08-13T17:18:13.1647262Z | subject=/blobServices/default/containers/deadletter/blobs/myBlobFile.txt | workspace=- | unknown=Microsoft.Storage.BlobCreated | data api=\"PutBlob\" | extensions=5 | attribute lastDeliveryOutcome=\"NotFound\"",
        ],
    ),
    (
        "docs-eg-dataset-drift-detected.json",
        Form::Body,
        &["schema=EventGrid", DOCS, DOCS_DRIFT],
    ),
    (
        "docs-eg-model-deployed.json",
        Form::Body,
        &["schema=EventGrid", DOCS, DOCS_DEPLOYED],
    ),
    (
        "docs-eg-model-registered.json",
        Form::Body,
        &["schema=EventGrid", DOCS, DOCS_MODEL],
    ),
    (
        "docs-eg-run-completed.json",
        Form::Body,
        &[
            "schema=EventGrid | type=Microsoft.MachineLearningServices.RunCompleted | tags=0",
            DOCS,
            DOCS_RUN,
        ],
    ),
    (
        "docs-eg-run-status-changed.json",
        Form::Body,
        &[
            "schema=EventGrid | type=Microsoft.MachineLearningServices.RunStatusChanged | status=failed | tags=0",
            DOCS,
            DOCS_RUN,
        ],
    ),
    (
        "docs-subscription-validation.json",
        Form::Body,
        &[
            VALIDATION,
            "time=2022-10-28T04:23:35.1981776Z | url=https://rp-eastus2.eventgrid.azure.net:553/eventsubscriptions/myeventsub/validate?id=0000000000-0000-0000-0000-00000000000000&t=2022-10-28T04:23:35.1981776Z&apiVersion=2018-05-01-preview&token=1A1A1A1A",
        ],
    ),
    (
        "logicapp-model-registered.schema.json",
        Form::Body,
        &["element error=id: expected a text, found nothing"],
    ),
    (
        "real-logicapp-iothub-cloudevent-delivery.json",
        Form::Request,
        &[
            "header type=Notification | header subscription=THERMOSTATALERT | header count=0 | header data version= | schema=CloudEvents | type=Microsoft.Devices.DeviceTelemetry | id=05ae2c06-d9f6-ef8f-d994-0dcbb8d1879e | time=2019-12-18T23:27:22.272Z | subject=devices/SimulatedThermostat | workspace=- | unknown=Microsoft.Devices.DeviceTelemetry | attribute dataschema=\"#\" | extensions=0 | inside data/body/temperature=24.679108131527485",
        ],
    ),
    (
        "real-logicapp-run-status-changed.json",
        Form::Request,
        &[
            "header type=Notification | header subscription=XXX | header count=0 | header data version=2 | schema=EventGrid | type=Microsoft.MachineLearningServices.RunStatusChanged | id=1280a0fd-90dc-52d2-b26a-8baf5e268b26 | time=2021-04-28T04:33:45.5390469Z | workspace=my_workspace | group=Logic_app_test | status=Completed | run=2a7b95bb-9a26-442e-8de7-93f451c8019f | experiment=a4badd35-1c73-4322-822a-a097442cedd4 My-pipeline | run type=azureml.PipelineRun | tags=2 | tag azureml.pipelineid=47a6a7c1-3adb-4ad1-930f-b85d9e740ba7 | tag azureml.pipelineComponent=pipelinerun | properties=5 | property azureml.parameters={} | property runType=Schedule | attribute dataVersion=\"2\"",
        ],
    ),
    (
        "sdk-ce-dataset-drift-detected-mangled-key.json",
        Form::Body,
        &[
            "schema=CloudEvents | data tarAsSystemEventDatasetId=\"d7e74d2e-c972-4266-b5fb-6c9c182d2a74\"",
            SDK_DRIFT,
        ],
    ),
    (
        "sdk-ce-model-deployed.json",
        Form::Body,
        &["schema=CloudEvents", SDK, SDK_DEPLOYED],
    ),
    (
        "sdk-ce-run-completed.json",
        Form::Body,
        &["schema=CloudEvents", SDK, SDK_COMPLETED, SDK_RUN],
    ),
    (
        "sdk-ce-run-status-changed.json",
        Form::Body,
        &["schema=CloudEvents", SDK, SDK_STATUS, SDK_RUN],
    ),
    (
        "sdk-eg-dataset-drift-detected.json",
        Form::Body,
        &["schema=EventGrid", SDK_DRIFT],
    ),
    (
        "sdk-eg-model-deployed.json",
        Form::Body,
        &[
            "schema=EventGrid | attribute dataVersion=\"2\"",
            SDK,
            SDK_DEPLOYED,
        ],
    ),
    (
        "sdk-eg-model-registered.json",
        Form::Body,
        &[
            "schema=EventGrid | type=Microsoft.MachineLearningServices.ModelRegistered | id=3b73ee51-bbf4-480d-9112-cfc23b41bfdb | time=2019-10-17T22:23:57.5350054+00:00 | subject=models/sklearn_regression_model:3 | names=model sklearn_regression_model 3 | model=sklearn_regression_model | version=3 | data modelVersion=\"3\" | tags=2 | tag area=diabetes | tag type=regression | properties=1 | property area=test",
            SDK,
        ],
    ),
    (
        "sdk-eg-run-completed.json",
        Form::Body,
        &["schema=EventGrid", SDK, SDK_COMPLETED, SDK_RUN],
    ),
    (
        "sdk-eg-run-status-changed.json",
        Form::Body,
        &["schema=EventGrid", SDK, SDK_STATUS, SDK_RUN],
    ),
    (
        "sdk-eg-subscription-deleted.json",
        Form::Body,
        &[
            "schema=EventGrid | type=Microsoft.EventGrid.SubscriptionDeletedEvent | id=2d1781af-3a4c-4d7c-bd0c-e34b19da4e66 | time=2018-01-25T22:12:19.4556811Z | subject= | workspace=- | deleted=/subscriptions/id/resourceGroups/rg/providers/Microsoft.EventGrid/topics/topic1/providers/Microsoft.EventGrid/eventSubscriptions/eventsubscription1",
        ],
    ),
    (
        "specs-ce-model-registered.json",
        Form::Body,
        &["schema=CloudEvents", DOCS, DOCS_MODEL],
    ),
    (
        "specs-ce-run-completed.json",
        Form::Body,
        &[
            "schema=CloudEvents | type=Microsoft.MachineLearningServices.RunCompleted | tags=0",
            DOCS,
            DOCS_RUN,
        ],
    ),
    (
        "specs-eg-dataset-drift-detected.json",
        Form::Body,
        &["schema=EventGrid", DOCS, DOCS_DRIFT],
    ),
    (
        "specs-eg-run-status-changed.json",
        Form::Body,
        &[
            "schema=EventGrid | type=Microsoft.MachineLearningServices.RunStatusChanged | status=failed | tags=0",
            DOCS,
            DOCS_RUN,
        ],
    ),
    (
        "specs-namespace-receive-response.json",
        Form::Pull,
        &[
            "element error=eventType: expected a text, found nothing | schema=CloudEvents | type=demo-started | id=e770f36b-381a-41db-8b2b-b7199daeb202 | time=2023-05-05T17:31:00Z | subject=all-hands-0405 | source=/test | workspace=- | unknown=demo-started | data=\"test\" | attribute datacontenttype=\"application/json\"",
        ],
    ),
    (
        "specs-namespace-reject-response.json",
        Form::Body,
        &["element error=eventType: expected a text, found nothing"],
    ),
];

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: samples DIR");
        return ExitCode::FAILURE;
    };
    match run(Path::new(&folder)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(wrong) => {
            eprintln!("{wrong} faults");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

/// Reads a folder; how many files are wrong, missing or not listed.
fn run(folder: &Path) -> Result<usize, Box<dyn Error>> {
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".json") && entry.path().is_file() {
            files.insert(name);
        }
    }
    if !TABLE.iter().any(|(name, ..)| files.contains(*name)) {
        return Err("holds none of the samples".into());
    }
    let (mut good, mut wrong) = (0, 0);
    for (name, form, facts) in TABLE {
        if !files.remove(*name) {
            eprintln!("MISSING {name}");
            wrong += 1;
            continue;
        }
        match check(&std::fs::read(folder.join(name))?, *form, facts) {
            Ok(what) => {
                println!("ok {name}: {what}");
                good += 1;
            }
            Err(error) => {
                eprintln!("WRONG {name}: {error}");
                wrong += 1;
            }
        }
    }
    for name in files {
        eprintln!("UNLISTED {name}: nothing says what is in it");
        wrong += 1;
    }
    println!("{good} samples read correctly");
    Ok(wrong)
}

/// What a file turned out to hold.
#[derive(Default)]
struct Found<'a> {
    delivery: Option<Delivery>,
    body_error: Option<BatchError>,
    element_error: Option<EnvelopeError>,
    event: Option<Event<'a>>,
}

/// A captured request.
#[derive(Deserialize)]
struct Request<'a> {
    headers: BTreeMap<String, String>,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// The answer to a pull.
#[derive(Deserialize)]
struct Pull<'a> {
    #[serde(borrow)]
    value: Vec<Pulled<'a>>,
}

#[derive(Deserialize)]
struct Pulled<'a> {
    #[serde(borrow)]
    event: &'a RawValue,
}

/// Reads one file and compares all facts; a line on what it is.
fn check(bytes: &[u8], form: Form, facts: &[&str]) -> Result<String, Box<dyn Error>> {
    let mut found = Found::default();
    match form {
        Form::Body => found.take(bytes)?,
        Form::Request => {
            let request: Request<'_> = serde_json::from_slice(bytes)?;
            let headers = request
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            found.delivery = Some(Delivery::from_headers(headers));
            found.take(request.body.get().as_bytes())?;
        }
        Form::Pull => {
            found.take(bytes)?;
            let pull: Pull<'_> = serde_json::from_slice(bytes)?;
            let first = pull.value.first().ok_or("no value")?;
            found.event = Some(Event::parse_element(first.event.get())?);
        }
    }
    let mut count = 0;
    for fact in facts.iter().flat_map(|group| group.split(" | ")) {
        let (key, expect) = fact.split_once('=').ok_or_else(|| format!("the table: {fact}"))?;
        let value = found
            .fact(key)
            .map_err(|error| format!("{key}: expected {expect:?}: {error}"))?;
        if value != expect {
            return Err(format!("{key}: expected {expect:?}, found {value:?}").into());
        }
        count += 1;
    }
    Ok(format!("{}, {count} facts", found.what()))
}

impl<'a> Found<'a> {
    /// Reads a body that has one element.
    fn take(&mut self, body: &'a [u8]) -> Result<(), Box<dyn Error>> {
        let batch = match Batch::parse(body) {
            Ok(batch) => batch,
            Err(error) => {
                self.body_error = Some(error);
                return Ok(());
            }
        };
        if batch.len() != 1 {
            return Err(format!("{} elements", batch.len()).into());
        }
        for element in batch {
            match element.into_event() {
                Ok(event) => self.event = Some(event),
                Err(error) => self.element_error = Some(error),
            }
        }
        Ok(())
    }

    fn what(&self) -> String {
        let event = self
            .event
            .as_ref()
            .map(|event| format!("{:?} {}", event.schema(), event.event_type()));
        let element = self
            .element_error
            .as_ref()
            .map(|error| format!("no event ({error})"));
        let body = self
            .body_error
            .as_ref()
            .map(|error| format!("no delivery ({error})"));
        [body, element, event]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// One fact by its key; `-` for what is not there.
    fn fact(&self, key: &str) -> Result<String, Box<dyn Error>> {
        if let Some(key) = key.strip_prefix("header ") {
            return header(self.delivery.as_ref().ok_or("no headers")?, key);
        }
        Ok(match key {
            "body error" => self.body_error.as_ref().ok_or("it was read")?.to_string(),
            "body error kind" => format!("{:?}", self.body_error.as_ref().ok_or("it was read")?.kind()),
            "element error" => self.element_error.as_ref().ok_or("it is an event")?.to_string(),
            _ => return envelope(self.event.as_ref().ok_or_else(|| self.what())?, key),
        })
    }
}

fn header(delivery: &Delivery, key: &str) -> Result<String, Box<dyn Error>> {
    if !delivery.is_from_event_grid() {
        return Err("not from Event Grid".into());
    }
    Ok(match key {
        "type" => or(delivery.event_type()),
        "subscription" => or(delivery.subscription_name()),
        "count" => or(delivery
            .delivery_count()
            .map(|count| count.to_string())
            .as_deref()),
        "data version" => or(delivery.data_version()),
        _ => return Err("no such fact".into()),
    })
}

fn envelope(event: &Event<'_>, key: &str) -> Result<String, Box<dyn Error>> {
    if let Some(name) = key.strip_prefix("attribute ") {
        return Ok(or(event.attribute(name)));
    }
    if let Some(name) = key.strip_prefix("data ").filter(|name| *name != "sets") {
        // Verbatim: a number keeps all its digits.
        let data: BTreeMap<String, &RawValue> = serde_json::from_str(event.data_text().ok_or("no data")?)?;
        let member = data.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        return Ok(or(member.map(|(_, value)| value.get())));
    }
    if let Some(path) = key.strip_prefix("inside data/") {
        return pointer(event.data_text().ok_or("no data")?, path);
    }
    let workspace = event.workspace();
    let of_workspace = |part: fn(&eventgrid_schema::WorkspaceId) -> &str| or(workspace.as_ref().map(part));
    Ok(match key {
        "schema" => format!("{:?}", event.schema()),
        "type" => event.event_type().to_string(),
        "id" => event.id().to_owned(),
        "source" => event.source().to_owned(),
        "subject" => or(event.subject()),
        "time" => or(event.time().map(|time| time.as_str())),
        "data" => or(event.data_text()),
        "extensions" => event.extensions().count().to_string(),
        "workspace" => of_workspace(|id| id.workspace()),
        "group" => of_workspace(|id| id.resource_group()),
        "subscription" => of_workspace(|id| id.subscription()),
        "names" => subject(event)?,
        "code" | "url" | "deleted" => return system(event, key),
        _ => return payload(event, key),
    })
}

fn subject(event: &Event<'_>) -> Result<String, Box<dyn Error>> {
    use eventgrid_schema::Subject;
    Ok(match event.subject_parts().ok_or("no subject")? {
        Subject::Model { name, version } => format!("model {name} {version}"),
        Subject::Run { experiment, run } => format!("run {experiment} {run}"),
        Subject::DataDrift { monitor, run } => format!("drift {monitor} {run}"),
        other => format!("{other:?}"),
    })
}

fn system(event: &Event<'_>, key: &str) -> Result<String, Box<dyn Error>> {
    match (event.system(), key) {
        (Some(GridEvent::SubscriptionValidation(it)), "code") => {
            let answer = format!(r#"{{"validationResponse":"{}"}}"#, it.validation_code());
            if it.response_body() != answer {
                return Err(format!("the answer is {}", it.response_body()).into());
            }
            Ok(it.validation_code().to_owned())
        }
        (Some(GridEvent::SubscriptionValidation(it)), "url") => Ok(or(it.validation_url())),
        (
            Some(GridEvent::SubscriptionDeleted {
                event_subscription_id,
            }),
            "deleted",
        ) => Ok(or(event_subscription_id.as_deref())),
        (other, _) => Err(format!("{other:?}").into()),
    }
}

fn payload(event: &Event<'_>, key: &str) -> Result<String, Box<dyn Error>> {
    Ok(match (event.aml()?, key) {
        (AmlEvent::ModelRegistered(it), "model") => it.model_name().to_string(),
        (AmlEvent::ModelRegistered(it), "version") => it.model_version().to_string(),
        (AmlEvent::ModelRegistered(it), _) => return maps(it.model_tags(), it.model_properties(), key),
        (AmlEvent::ModelDeployed(it), "service") => it.service_name().to_owned(),
        (AmlEvent::ModelDeployed(it), "compute") => or(it.service_compute_type()),
        (AmlEvent::ModelDeployed(it), "ids") => it.model_ids().len().to_string(),
        (AmlEvent::ModelDeployed(it), _) => {
            let Some(index) = key.strip_prefix("id ") else {
                return maps(it.service_tags(), it.service_properties(), key);
            };
            let ids = it.model_ids();
            let id = ids.get(index.parse::<usize>()?).ok_or("no such entry")?;
            format!(
                "{} {}",
                id.name,
                or(id.version.as_ref().map(|version| version.as_str()))
            )
        }
        (AmlEvent::RunStatusChanged(it), "status") => it.run_status().to_string(),
        (AmlEvent::RunStatusChanged(it), _) => return of_run(it.run(), key),
        (AmlEvent::RunCompleted(it), _) => return of_run(&it, key),
        (AmlEvent::DatasetDriftDetected(it), _) => match key {
            "drift" => format!("{} {}", or(it.data_drift_id()), or(it.data_drift_name())),
            "run" => or(it.run_id()),
            "data sets" => format!("{} {}", or(it.base_dataset_id()), or(it.target_dataset_id())),
            "coefficient" => or(it.drift_coefficient().map(|number| number.to_string()).as_deref()),
            "start" => or(it.start_time().map(|time| time.as_str())),
            "end" => or(it.end_time().map(|time| time.as_str())),
            _ => return Err("no such fact".into()),
        },
        (AmlEvent::Unknown { event_type, .. }, "unknown") => event_type,
        (other, _) => return Err(format!("no such fact of {other:?}").into()),
    })
}

fn of_run(it: &RunCompleted, key: &str) -> Result<String, Box<dyn Error>> {
    Ok(match key {
        "run" => it.run_id().to_string(),
        "run type" => or(it.run_type()),
        "experiment" => format!("{} {}", or(it.experiment_id()), or(it.experiment_name())),
        _ => return maps(it.run_tags(), it.run_properties(), key),
    })
}

/// Tags and properties: how many, one of them, or what is inside one that is JSON as a text.
fn maps(tags: &JsonObject, properties: &JsonObject, key: &str) -> Result<String, Box<dyn Error>> {
    let (tags, properties) = (&tags.to_map()?, &properties.to_map()?);
    let text = |map: &Map<String, Value>, name: &str| or(map.get(name).and_then(Value::as_str));
    let Some((word, name)) = key.split_once(' ') else {
        return match key {
            "tags" => Ok(tags.len().to_string()),
            "properties" => Ok(properties.len().to_string()),
            _ => Err("no such fact".into()),
        };
    };
    match word {
        "tag" => Ok(text(tags, name)),
        "property" => Ok(text(properties, name)),
        "inside" => {
            let (name, path) = name.split_once('/').ok_or("a path has two parts")?;
            pointer(&text(properties, name), path)
        }
        _ => Err("no such fact".into()),
    }
}

/// What is at a path inside JSON text.
fn pointer(json: &str, path: &str) -> Result<String, Box<dyn Error>> {
    let value: Value = serde_json::from_str(json)?;
    let inner = value.pointer(&format!("/{path}")).ok_or("nothing there")?;
    Ok(inner.as_str().map_or_else(|| inner.to_string(), str::to_owned))
}

fn or(text: Option<&str>) -> String {
    text.unwrap_or("-").to_owned()
}
