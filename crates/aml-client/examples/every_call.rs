//! Calls of the client against whatever answers at an endpoint, each of them known by a name:
//!
//! `every_call ENDPOINT` makes all of them, `every_call ENDPOINT NAME` that one, and `every_call` lists the names. What is sent is compared
//! with what Azure's own clients send for the calls of the same names (`just azure-clients`), so each name says what is asked for, and its
//! counterpart is found by it. A line of output is `ok NAME` or what went wrong.
#![expect(clippy::print_stdout, reason = "a program talks to whoever runs it")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use aml_client::auth::FixedToken;
use aml_client::operation::Polling;
use aml_client::ops::{Asset, Assets, InWorkspace, JobsQuery, ListView, ScheduleView, VersionsQuery};
use aml_client::wire::{
    CodeVersion, ComponentVersion, DataVersion, DeliverySchema, EnvironmentVersion, KeyKind, LogContainer,
    ModelVersion, NewEventSubscription, OnlineDeployment, OnlineEndpoint, StringMap,
};
use aml_client::{Client, ModelRef, RegistryScope, RetryPolicy, WorkspaceScope};
use serde_json::json;

/// What Azure answers to is not looked at here, beside that the client can read it.
type Made = Result<(), Box<dyn Error>>;

const CALLS: [&str; 104] = [
    "models list",
    "models list archived",
    "models get",
    "versions list",
    "versions list filtered",
    "versions list archived",
    "versions latest",
    "versions get",
    "versions put",
    "versions archive",
    "versions restore",
    "versions publish",
    "versions delete",
    "endpoints list",
    "endpoints get",
    "endpoints put",
    "endpoints put by state",
    "endpoints put by link",
    "endpoints set traffic",
    "endpoints delete",
    "endpoints delete missing",
    "endpoints list keys",
    "endpoints regenerate key",
    "endpoints get token",
    "deployments list",
    "deployments get",
    "deployments put",
    "deployments put by state",
    "deployments put already done",
    "deployments change model",
    "deployments tag",
    "deployments tag at once",
    "deployments delete",
    "deployments get logs",
    "deployments get logs of storage",
    "jobs list",
    "jobs list filtered",
    "jobs get",
    "jobs put",
    "jobs cancel",
    "subscriptions put webhook",
    "subscriptions put queue",
    "subscriptions put topic",
    "subscriptions get",
    "subscriptions list",
    "subscriptions delete",
    "subscriptions get full url",
    "subscriptions are possible",
    "subscriptions made possible",
    "environments list",
    "environments container",
    "environments versions",
    "environments latest",
    "environments get",
    "environments put",
    "environments archive",
    "environments delete",
    "data list",
    "data container",
    "data versions",
    "data latest",
    "data get",
    "data put",
    "data archive",
    "data delete",
    "components list",
    "components container",
    "components versions",
    "components latest",
    "components get",
    "components put",
    "components archive",
    "components delete",
    "codes list",
    "codes container",
    "codes versions",
    "codes latest",
    "codes get",
    "codes put",
    "codes archive",
    "codes delete",
    "data versions filtered",
    "codes start upload",
    "registry models list",
    "registry models container",
    "registry models versions",
    "registry models get",
    "registry models put",
    "registry models delete",
    "registry models start upload",
    "datastores list",
    "datastores get",
    "datastores default",
    "schedules list",
    "schedules list disabled",
    "schedules get",
    "schedules disable",
    "batch list",
    "batch get",
    "batch deployments list",
    "batch deployments get",
    "workspaces get",
    "workspaces list",
    "workspaces list in group",
];

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(endpoint) = arguments.first() else {
        CALLS.iter().for_each(|name| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let wanted = arguments.get(1);
    let mut all_well = true;
    for name in CALLS {
        if wanted.is_none_or(|wanted| wanted == name) {
            match make(endpoint, name).await {
                Ok(()) => println!("ok {name}"),
                Err(error) => {
                    all_well = false;
                    println!("{name}: {error}");
                }
            }
        }
    }
    if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn make(endpoint: &str, name: &str) -> Made {
    let workspace = WorkspaceScope::new("s", "rg", "wsp")?;
    let client = Client::builder(workspace, FixedToken::new("fake-arm-token"))
        .with_endpoint(endpoint)
        .with_retry(RetryPolicy::off())
        .with_polling(Polling::default().with_interval(Duration::from_millis(10)))
        .build()?;
    match name.split(' ').next() {
        Some("models" | "versions") => Box::pin(models(&client, name)).await,
        Some("endpoints") => Box::pin(endpoints(&client, name)).await,
        Some("deployments") => Box::pin(deployments(&client, name)).await,
        Some("jobs") => jobs(&client, name).await,
        Some("environments") => {
            let image = EnvironmentVersion::of_image("registry.example/image:1", Some("conda".to_owned()));
            assets(&client.environments(), name, &image).await
        }
        Some("data") => {
            let data = DataVersion::registered("uri_folder", "azureml://datastores/d/paths/x");
            assets(&client.data(), name, &data).await
        }
        Some("components") => {
            let component = ComponentVersion::registered(json!({ "type": "command", "version": "1" }));
            assets(&client.components(), name, &component).await
        }
        Some("codes") if name == "codes start upload" => {
            drop(client.codes().start_upload("a", "1").await?);
            Ok(())
        }
        Some("codes") => {
            let code = CodeVersion::registered("https://account.blob.example/code");
            assets(&client.codes(), name, &code).await
        }
        Some("registry") => Box::pin(registry(&client, name)).await,
        Some("datastores" | "schedules" | "batch" | "workspaces") => Box::pin(others(&client, name)).await,
        _ => subscriptions(&client, name).await,
    }
}

async fn models(client: &Client, name: &str) -> Made {
    let versions = |query: &VersionsQuery| client.list_model_versions("m", query);
    let query = VersionsQuery::default();
    match name {
        "models list" => drop(client.list_models(ListView::ActiveOnly).all().await?),
        "models list archived" => drop(client.list_models(ListView::ArchivedOnly).all().await?),
        "models get" => drop(client.get_model("m").await?),
        "versions list" => drop(versions(&query)?.all().await?),
        "versions list filtered" => {
            let query = query.newest(5).with_tags("a=b,c").with_view(ListView::All);
            drop(versions(&query)?.all().await?);
        }
        "versions list archived" => drop(versions(&query.with_view(ListView::ArchivedOnly))?.all().await?),
        "versions latest" => drop(client.latest_model_version("m").await?.ok_or("there is one")?),
        "versions get" => drop(client.get_model_version("m", "2").await?),
        "versions put" => {
            let mut version = ModelVersion::registered("azureml://jobs/j/outputs/artifacts/paths/model");
            version.properties.model_type = Some("mlflow_model".to_owned());
            version.properties.description = Some("d, ü and \"".to_owned());
            version.properties.tags = Some([("k".to_owned(), Some("v".to_owned()))].into());
            version.properties.properties = Some([("p".to_owned(), Some("q".to_owned()))].into());
            version.properties.job_name = Some("j".to_owned());
            version.properties.is_anonymous = Some(false);
            drop(client.put_model_version("m", "3", &version).await?);
        }
        "versions archive" => drop(client.archive_model_version("m", "2", true).await?),
        "versions restore" => drop(client.archive_model_version("m", "archived", false).await?),
        "versions publish" => {
            client
                .publish_model_version("m", "2", "reg", "m2", "9")
                .await?
                .await?;
        }
        "versions delete" => client.delete_model_version("m", "2").await?,
        _ => return Err("there is no such call".into()),
    }
    Ok(())
}

async fn endpoints(client: &Client, name: &str) -> Made {
    match name {
        "endpoints list" => drop(client.list_online_endpoints().all().await?),
        "endpoints get" => drop(client.get_online_endpoint("epp").await?),
        "endpoints put" | "endpoints put by state" | "endpoints put by link" => {
            let mut endpoint = OnlineEndpoint::new("westeurope", "Key");
            endpoint.properties.description = Some("d".to_owned());
            endpoint.tags = Some(tags());
            endpoint.properties.traffic = Some(aml_client::ops::traffic([("blue", 90), ("green", 10)])?);
            drop(client.put_online_endpoint("epp", &endpoint).await?.await?);
        }
        "endpoints set traffic" => drop(
            client
                .set_traffic("epp", [("blue", 60), ("green", 40)])
                .await?
                .await?,
        ),
        "endpoints delete" | "endpoints delete missing" => {
            client.delete_online_endpoint("epp").await?.await?;
        }
        "endpoints list keys" => drop(client.list_endpoint_keys("epp").await?),
        "endpoints regenerate key" => {
            client
                .regenerate_endpoint_key("epp", KeyKind::Secondary)
                .await?
                .await?;
        }
        "endpoints get token" => drop(client.endpoint_token("epp").await?),
        _ => return Err("there is no such call".into()),
    }
    Ok(())
}

async fn deployments(client: &Client, name: &str) -> Made {
    match name {
        "deployments list" => drop(client.list_online_deployments("epp")?.all().await?),
        "deployments get" => drop(client.get_online_deployment("epp", "blue").await?),
        "deployments put" | "deployments put by state" | "deployments put already done" => {
            let model = ModelRef::new("m", "2")?.to_rest(client.workspace());
            let mut deployment = OnlineDeployment::managed("westeurope", model, "Standard_DS3_v2");
            deployment.tags = Some(tags());
            let properties = &mut deployment.properties;
            properties.environment_variables = Some([("A".to_owned(), Some("1".to_owned()))].into());
            let settings = json!({ "requestTimeout": "PT5S", "maxConcurrentRequestsPerInstance": 2 });
            properties.extra.insert("requestSettings".to_owned(), settings);
            properties
                .extra
                .insert("appInsightsEnabled".to_owned(), true.into());
            drop(
                client
                    .put_online_deployment("epp", "blue", &deployment)
                    .await?
                    .await?,
            );
        }
        "deployments change model" => {
            let mut deployment = client.get_online_deployment("epp", "blue").await?;
            deployment.properties.model = Some(ModelRef::new("m", "3")?.to_rest(client.workspace()));
            drop(
                client
                    .put_online_deployment("epp", "blue", &deployment)
                    .await?
                    .await?,
            );
        }
        "deployments tag" | "deployments tag at once" => {
            drop(
                client
                    .tag_online_deployment("epp", "blue", &tags())
                    .await?
                    .await?,
            );
        }
        "deployments delete" => client.delete_online_deployment("epp", "blue").await?.await?,
        "deployments get logs" => drop(
            client
                .deployment_logs("epp", "blue", LogContainer::InferenceServer, 50)
                .await?,
        ),
        "deployments get logs of storage" => drop(
            client
                .deployment_logs("epp", "blue", LogContainer::StorageInitializer, 7)
                .await?,
        ),
        _ => return Err("there is no such call".into()),
    }
    Ok(())
}

async fn jobs(client: &Client, name: &str) -> Made {
    match name {
        "jobs list" => drop(client.list_jobs(&JobsQuery::default()).all().await?),
        "jobs list filtered" => {
            let mut query = JobsQuery::default().with_job_type("Command").with_tag("a");
            query.view = ListView::All;
            drop(client.list_jobs(&query).all().await?);
        }
        "jobs get" => drop(client.get_job("j").await?),
        "jobs put" => {
            let job = json!({ "properties": { "jobType": "Command", "command": "python train.py",
                "environmentId": "azureml:env:1", "computeId": "/compute", "experimentName": "e", "displayName": "d",
                "tags": { "k": "v" }, "environmentVariables": { "A": "1" } } });
            drop(client.create_job("j", job).await?);
        }
        "jobs cancel" => client.cancel_job("j").await?,
        _ => return Err("there is no such call".into()),
    }
    Ok(())
}

async fn subscriptions(client: &Client, name: &str) -> Made {
    let provider = "/subscriptions/s/resourceGroups/rg/providers";
    let storage = format!("{provider}/Microsoft.Storage/storageAccounts/a");
    match name {
        "subscriptions put webhook" => {
            let subscription = NewEventSubscription::to_webhook("https://relay.example/api/events?code=c")?
                .with_entra("t", "api://a")
                .with_secret_header("X-Key", "v")
                .with_max_events(10)
                .with_event_types(["Microsoft.MachineLearningServices.ModelRegistered"])
                .with_subject(Some("models/"), Some(":7"))
                .with_advanced_filter(
                    json!({ "operatorType": "StringIn", "key": "data.ModelName", "values": ["m"] }),
                )
                .with_retry_policy(30, 1440)
                .with_dead_letter(&storage, "dl")
                .with_labels(["l"]);
            drop(client.put_event_subscription("sub", &subscription).await?.await?);
        }
        "subscriptions put queue" => {
            let subscription = NewEventSubscription::to_storage_queue(&storage, "q")
                .with_event_types(["Microsoft.MachineLearningServices.RunCompleted"])
                .with_schema(DeliverySchema::EventGrid);
            drop(client.put_event_subscription("sub", &subscription).await?.await?);
        }
        "subscriptions put topic" => {
            let topic = format!("{provider}/Microsoft.EventGrid/namespaces/n/topics/t");
            let subscription = NewEventSubscription::to_namespace_topic(topic)
                .with_event_types(["Microsoft.MachineLearningServices.RunStatusChanged"]);
            drop(client.put_event_subscription("sub", &subscription).await?.await?);
        }
        "subscriptions get" => drop(client.get_event_subscription("sub").await?),
        "subscriptions list" => drop(client.list_event_subscriptions().all().await?),
        "subscriptions delete" => client.delete_event_subscription("sub").await?.await?,
        "subscriptions are possible" => drop(client.event_grid_is_registered().await?),
        "subscriptions made possible" => client.register_event_grid().await?,
        "subscriptions get full url" => drop(client.event_subscription_url("sub").await?),
        _ => return Err("there is no such call".into()),
    }
    Ok(())
}

async fn assets<V: Asset>(assets: &Assets<'_, V, InWorkspace>, name: &str, body: &V) -> Made {
    let query = VersionsQuery::default();
    match name.split_once(' ').map(|(_, what)| what) {
        Some("list") => drop(assets.list(ListView::ActiveOnly).all().await?),
        Some("container") => drop(assets.container("a").await?),
        Some("versions") => drop(assets.versions("a", &query)?.all().await?),
        Some("versions filtered") => {
            let query = query.newest(5).with_tags("a=b,c").with_view(ListView::All);
            drop(assets.versions("a", &query)?.all().await?);
        }
        Some("latest") => drop(assets.latest("a").await?.ok_or("there is one")?),
        Some("get") => drop(assets.get("a", "1").await?),
        Some("put") => drop(assets.put("a", "1", body).await?),
        Some("archive") => drop(assets.archive("a", "1", true).await?),
        Some("delete") => assets.delete("a", "1").await?,
        _ => return Err("there is no such call".into()),
    }
    Ok(())
}

async fn registry(client: &Client, name: &str) -> Made {
    let registry = client.for_registry(RegistryScope::new("s", "rg", "reg")?);
    let models = registry.models();
    match name {
        "registry models list" => drop(models.list(ListView::ActiveOnly).all().await?),
        "registry models container" => drop(models.container("a").await?),
        "registry models versions" => drop(models.versions("a", &VersionsQuery::default())?.all().await?),
        "registry models get" => drop(models.get("a", "1").await?),
        "registry models put" => {
            let model = ModelVersion::registered("https://account.blob.example/model");
            drop(models.put("a", "1", &model).await?.await?);
        }
        "registry models delete" => models.delete("a", "1").await?.await?,
        "registry models start upload" => drop(models.start_upload("a", "1").await?),
        _ => return Err("there is no such call".into()),
    }
    Ok(())
}

async fn others(client: &Client, name: &str) -> Made {
    match name {
        "datastores list" => drop(client.list_datastores().all().await?),
        "datastores get" => drop(client.get_datastore("a").await?),
        "datastores default" => drop(client.default_datastore().await?.ok_or("there is one")?),
        "schedules list" => drop(client.list_schedules(ScheduleView::EnabledOnly).all().await?),
        "schedules list disabled" => drop(client.list_schedules(ScheduleView::DisabledOnly).all().await?),
        "schedules get" => drop(client.get_schedule("a").await?),
        "schedules disable" => {
            let poller = client.enable_schedule("a", false).await?;
            drop(poller.ok_or("it was enabled")?.await?);
        }
        "batch list" => drop(client.list_batch_endpoints().all().await?),
        "batch get" => drop(client.get_batch_endpoint("epp").await?),
        "batch deployments list" => drop(client.list_batch_deployments("epp")?.all().await?),
        "batch deployments get" => drop(client.get_batch_deployment("epp", "blue").await?),
        "workspaces get" => drop(client.get_workspace().await?),
        "workspaces list" => drop(client.list_workspaces().all().await?),
        "workspaces list in group" => drop(client.list_workspaces_in_resource_group().all().await?),
        _ => return Err("there is no such call".into()),
    }
    Ok(())
}

fn tags() -> StringMap {
    [("k".to_owned(), Some("v".to_owned()))].into()
}
