//! Releases against the mock workspace, in virtual time: success, failure with roll back, conflicts, lag, resume, traffic in steps.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aml_client::mock::{MockWorkspace, OperationStyle, Outcome};
use aml_client::operation::Polling;
use aml_client::ops::{ListView, VersionsQuery};
use aml_client::release::{HealthCheck, ReleaseOptions, RollBack};
use aml_client::wire::{ModelVersion, OnlineEndpoint};
use aml_client::{Client, ErrorKind, ModelRef};
use futures_util::StreamExt as _;

use crate::script::Turned;
use crate::support::{TOKEN, assert_no_secret, workspace};

/// What a model of the workspace is for REST.
fn id(version: &str) -> String {
    format!("{}/models/churn/versions/{version}", workspace())
}

fn model(version: &str) -> ModelRef {
    ModelRef::new("churn", version).unwrap()
}

/// An endpoint with all traffic on blue, which serves version 6, and an idle green one.
async fn mocked() -> (MockWorkspace, Client, Turned) {
    let clock = Turned::new();
    let mock = MockWorkspace::start_with_clock(workspace(), clock.clone()).await;
    mock.add_endpoint("credit", &[("blue", &id("6"), 100), ("green", &id("5"), 0)]);
    let client = Client::builder(workspace(), aml_client::auth::FixedToken::new(TOKEN))
        .with_endpoint(mock.uri())
        .with_clock(clock.clone())
        .with_polling(Polling::default().with_interval(Duration::from_secs(5)))
        .build()
        .unwrap();
    (mock, client, clock)
}

#[tokio::test]
async fn ok_a_release_is_made_one_time_whatever_the_style_of_operations() {
    for style in [
        OperationStyle::Status,
        OperationStyle::Location,
        OperationStyle::Resource,
    ] {
        let (mock, client, clock) = mocked().await;
        mock.operations(Duration::from_secs(300), style);
        let options = ReleaseOptions::default();
        let released = client
            .release_model("credit", "blue", &model("7"), &options)
            .await
            .unwrap();
        assert!(released.changed && released.percent == 100, "{style:?}");
        assert_eq!(
            mock.deployment("credit", "blue").unwrap(),
            (id("7"), "Succeeded".to_owned())
        );
        assert!(clock.waits().iter().sum::<u64>() >= 300, "{style:?}");
        let before = mock.n_requests("PUT");
        let again = client
            .release_model("Credit", "BLUE", &model("7"), &options)
            .await
            .unwrap();
        assert_eq!(
            (again.changed, mock.n_requests("PUT") - before),
            (false, 0),
            "{style:?}"
        );
        // Another spelling of the same version is no other model.
        let spelled = ModelRef::parse(&id("7").to_lowercase().replace("churn-ws", "CHURN-WS")).unwrap();
        assert!(
            !client
                .release_model("credit", "blue", &spelled, &options)
                .await
                .unwrap()
                .changed
        );
    }
}

#[tokio::test]
async fn err_an_update_that_fails_is_rolled_back() {
    let (mock, client, _) = mocked().await;
    let fail = || Outcome::Fail {
        code: "ResourceNotReady".to_owned(),
    };
    mock.outcomes([fail()]);
    let failed = client
        .release_model("credit", "blue", &model("7"), &ReleaseOptions::default())
        .await
        .unwrap_err();
    assert_eq!(
        failed.to_string(),
        "the model was not released while setting the model of the deployment"
    );
    assert_eq!(
        (failed.error.kind(), failed.error.service_code()),
        (ErrorKind::OperationFailed, Some("ResourceNotReady"))
    );
    assert!(matches!(failed.roll_back, RollBack::Done), "{failed:?}");
    assert_eq!(
        mock.deployment("credit", "blue").unwrap(),
        (id("6"), "Succeeded".to_owned())
    );
    assert_no_secret(&failed.error);

    // The way back fails as well: a person has to look.
    mock.outcomes([fail(), fail()]);
    let failed = client
        .release_model("credit", "blue", &model("7"), &ReleaseOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(failed.roll_back, RollBack::Failed(_)), "{failed:?}");
    assert_eq!(mock.deployment("credit", "blue").unwrap().1, "Failed");
    // And the next release mends it, though the model is the same.
    let released = client
        .release_model("credit", "blue", &model("6"), &ReleaseOptions::default())
        .await
        .unwrap();
    assert!(released.changed);
    assert_eq!(
        mock.deployment("credit", "blue").unwrap(),
        (id("6"), "Succeeded".to_owned())
    );

    // Nothing began, so nothing is put back.
    let missing = client
        .release_model("credit", "grey", &model("7"), &ReleaseOptions::default())
        .await
        .unwrap_err();
    assert_eq!(missing.error.kind(), ErrorKind::NotFound);
    assert!(matches!(missing.roll_back, RollBack::NotNeeded));
    // A failure may be left as it is.
    mock.outcomes([fail()]);
    let options = ReleaseOptions::default().without_roll_back();
    let failed = client
        .release_model("credit", "blue", &model("8"), &options)
        .await
        .unwrap_err();
    assert!(matches!(failed.roll_back, RollBack::NotNeeded));
    assert_eq!(
        mock.deployment("credit", "blue").unwrap(),
        (id("8"), "Failed".to_owned())
    );
}

#[tokio::test]
async fn ok_a_conflict_is_waited_for_and_a_release_is_gone_on_with() {
    // Somebody else changes another deployment of the endpoint: 409.
    let (mock, client, clock) = mocked().await;
    let mut green = client.get_online_deployment("credit", "green").await.unwrap();
    green.properties.model = Some(id("1"));
    drop(
        client
            .put_online_deployment("credit", "green", &green)
            .await
            .unwrap(),
    );
    client
        .release_model("credit", "blue", &model("7"), &ReleaseOptions::default())
        .await
        .unwrap();
    assert!(clock.waits().iter().sum::<u64>() >= 120);
    assert_eq!(mock.deployment("credit", "blue").unwrap().0, id("7"));

    // A process that began a release died; another one calls it again.
    let (mock, client, _) = mocked().await;
    let mut blue = client.get_online_deployment("credit", "blue").await.unwrap();
    blue.properties.model = Some(id("7"));
    drop(
        client
            .put_online_deployment("credit", "blue", &blue)
            .await
            .unwrap(),
    );
    let released = client
        .release_model("credit", "blue", &model("7"), &ReleaseOptions::default())
        .await
        .unwrap();
    assert_eq!((released.changed, mock.n_requests("PUT")), (false, 1));

    // Patience ends.
    let (mock, client, _) = mocked().await;
    mock.operations(Duration::from_secs(3_600), OperationStyle::Status);
    let mut green = client.get_online_deployment("credit", "green").await.unwrap();
    green.properties.model = Some(id("1"));
    drop(
        client
            .put_online_deployment("credit", "green", &green)
            .await
            .unwrap(),
    );
    let failed = client
        .release_model("credit", "blue", &model("7"), &ReleaseOptions::default())
        .await
        .unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::Late);
    assert!(matches!(failed.roll_back, RollBack::NotNeeded), "nothing began");
    assert_eq!(mock.deployment("credit", "blue").unwrap().0, id("6"));

    // An operation that takes longer than all patience has begun, and is put back once it ended.
    let (mock, client, _) = mocked().await;
    mock.operations(Duration::from_secs(4_000), OperationStyle::Status);
    mock.outcomes([Outcome::Fail {
        code: "TooSlow".to_owned(),
    }]);
    let failed = client
        .release_model("credit", "blue", &model("7"), &ReleaseOptions::default())
        .await
        .unwrap_err();
    assert_eq!(
        failed.error.kind(),
        ErrorKind::Late,
        "the mock says that an operation may take an hour"
    );
    assert!(
        matches!(failed.roll_back, RollBack::Failed(_) | RollBack::Done),
        "{failed:?}"
    );
}

#[tokio::test]
async fn ok_releases_to_one_endpoint_wait_for_each_other() {
    let (mock, client, _) = mocked().await;
    let (one, two) = (client.clone(), client.clone());
    let (blue, green, options) = (model("7"), model("8"), ReleaseOptions::default());
    let (blue, green) = tokio::join!(
        one.release_model("credit", "blue", &blue, &options),
        two.release_model("CREDIT", "green", &green, &options)
    );
    assert!(blue.unwrap().changed && green.unwrap().changed);
    // Two, and none that met a conflict.
    assert_eq!(mock.n_requests("PUT"), 2);
}

/// A PUT whose answer was lost has begun: it is put again, and in the end there is one model.
#[tokio::test]
async fn ok_lost_answers_are_settled_by_what_is_there() {
    let (mock, client, _) = mocked().await;
    mock.lose_answers(1);
    let released = client
        .release_model("credit", "blue", &model("7"), &ReleaseOptions::default())
        .await
        .unwrap();
    assert!(released.changed);
    assert_eq!(
        mock.deployment("credit", "blue").unwrap(),
        (id("7"), "Succeeded".to_owned())
    );
    // Without retries nobody knows, and what may have begun is put back.
    let (mock, client, _) = mocked().await;
    mock.lose_answers(1);
    let failed = client
        .without_retries()
        .release_model("credit", "blue", &model("7"), &ReleaseOptions::default())
        .await
        .unwrap_err();
    assert_eq!(failed.error.status().unwrap().as_u16(), 502);
    assert!(matches!(failed.roll_back, RollBack::Done), "{failed:?}");
    assert_eq!(
        mock.deployment("credit", "blue").unwrap(),
        (id("6"), "Succeeded".to_owned())
    );
}

/// Says no at a share, and remembers what it was asked.
#[derive(Clone, Debug, Default)]
struct Nervous {
    fails_at: Option<i64>,
    asked: Arc<Mutex<Vec<(i64, i64)>>>,
}

#[async_trait::async_trait]
impl HealthCheck for Nervous {
    async fn check(&self, endpoint: &OnlineEndpoint, deployment: &str, percent: i64) -> Result<(), String> {
        self.asked
            .lock()
            .unwrap()
            .push((percent, endpoint.traffic_of(deployment)));
        if self.fails_at == Some(percent) {
            return Err("too many errors".to_owned());
        }
        Ok(())
    }
}

#[tokio::test]
async fn ok_traffic_is_shifted_in_steps_and_read_back() {
    let (mock, client, _) = mocked().await;
    mock.lag(3);
    let health = Nervous::default();
    let options = ReleaseOptions::default()
        .with_traffic_steps([10, 50, 100])
        .with_health_check(health.clone());
    let released = client
        .release_model("credit", "green", &model("7"), &options)
        .await
        .unwrap();
    assert_eq!((released.percent, released.changed), (100, true));
    assert_eq!(
        (mock.traffic("credit", "green"), mock.traffic("credit", "blue")),
        (100, 0)
    );
    assert_eq!(*health.asked.lock().unwrap(), [(10, 10), (50, 50), (100, 100)]);
    assert_eq!(released.deployment.properties.model, Some(id("7")));
}

#[tokio::test]
async fn err_a_step_that_is_not_well_puts_traffic_and_model_back() {
    let (mock, client, _) = mocked().await;
    let health = Nervous {
        fails_at: Some(50),
        ..Nervous::default()
    };
    let options = ReleaseOptions::default()
        .with_traffic_steps([10, 50, 100])
        .with_health_check(health);
    let failed = client
        .release_model("credit", "green", &model("7"), &options)
        .await
        .unwrap_err();
    assert_eq!(
        failed.error.to_string(),
        "the deployment is not well at 50 percent: too many errors"
    );
    assert_eq!(
        (failed.during, failed.error.kind()),
        ("checking its health", ErrorKind::Unhealthy)
    );
    assert!(matches!(failed.roll_back, RollBack::Done), "{failed:?}");
    assert_eq!(
        (mock.traffic("credit", "green"), mock.traffic("credit", "blue")),
        (0, 100)
    );
    assert_eq!(
        mock.deployment("credit", "green").unwrap(),
        (id("5"), "Succeeded".to_owned())
    );
    // A traffic change of the service that fails goes back as well.
    mock.outcomes([
        Outcome::Succeed,
        Outcome::Succeed,
        Outcome::Fail {
            code: "Busy".to_owned(),
        },
    ]);
    let options = ReleaseOptions::default().with_traffic_steps([10, 50]);
    let failed = client
        .release_model("credit", "green", &model("7"), &options)
        .await
        .unwrap_err();
    assert_eq!(failed.during, "shifting the traffic");
    assert_eq!(
        (mock.traffic("credit", "green"), mock.traffic("credit", "blue")),
        (0, 100)
    );
}

/// Models: registered, listed in pages, shown late, archived, and the events of it.
#[tokio::test]
async fn ok_models_of_the_mock() {
    let (mock, client, clock) = mocked().await;
    mock.page_size(7);
    for version in 1..=20 {
        mock.register_model(
            "churn",
            &version.to_string(),
            &[("stage", "prod")],
            Duration::ZERO,
        );
    }
    mock.register_model("churn", "21", &[], Duration::from_secs(30));
    let error = client.get_model_version("churn", "21").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.service_code()),
        (ErrorKind::NotFound, Some("ModelNotFound"))
    );
    assert_eq!(
        client
            .latest_model_version("churn")
            .await
            .unwrap()
            .unwrap()
            .name
            .as_deref(),
        Some("20")
    );
    let query = VersionsQuery::default();
    let all: Vec<ModelVersion> = client
        .list_model_versions("churn", &query)
        .unwrap()
        .into_items()
        .map(|item| item.unwrap())
        .collect()
        .await;
    assert_eq!(all.len(), 20);
    assert_eq!(all[0].properties.tag("stage"), Some("prod"));
    let mut pages = client.list_model_versions("churn", &query).unwrap();
    assert_eq!(pages.next_page().await.unwrap().unwrap().len(), 7);
    let rest = client.continue_list::<ModelVersion>(pages.continuation().unwrap());
    assert_eq!(rest.all().await.unwrap().len(), 13);
    clock.turn(Duration::from_secs(30));
    assert_eq!(
        client
            .get_model("churn")
            .await
            .unwrap()
            .properties
            .next_version
            .as_deref(),
        Some("22")
    );

    // Archived, and not listed any more; the same again sends nothing.
    client.archive_model_version("churn", "21", true).await.unwrap();
    let puts = mock.n_requests("PUT");
    client.archive_model_version("churn", "21", true).await.unwrap();
    assert_eq!(mock.n_requests("PUT"), puts);
    assert_eq!(
        client
            .latest_model_version("churn")
            .await
            .unwrap()
            .unwrap()
            .name
            .as_deref(),
        Some("20")
    );
    let archived = query.with_view(ListView::ArchivedOnly);
    assert_eq!(
        client
            .list_model_versions("churn", &archived)
            .unwrap()
            .all()
            .await
            .unwrap()
            .len(),
        1
    );

    let new = ModelVersion::registered("azureml://jobs/j/outputs/o");
    client.put_model_version("fraud", "1", &new).await.unwrap();
    let other = ModelVersion::registered("azureml://jobs/j/outputs/other");
    assert_eq!(
        client
            .put_model_version("fraud", "1", &other)
            .await
            .unwrap_err()
            .status()
            .unwrap()
            .as_u16(),
        400
    );
    assert_eq!(client.list_models(ListView::All).all().await.unwrap().len(), 2);
    client.delete_model_version("fraud", "1").await.unwrap();
    client.delete_model_version("fraud", "1").await.unwrap();

    let events = mock.take_events();
    assert_eq!(events.len(), 22);
    assert_eq!(events[20]["subject"], "models/churn:21");
    assert_eq!(events[21]["data"]["modelName"], "fraud");
    assert!(mock.take_events().is_empty());
}

#[tokio::test]
async fn ok_throttling_is_waited_for() {
    let (mock, client, clock) = mocked().await;
    mock.register_model("churn", "7", &[], Duration::ZERO);
    mock.throttle(2, Duration::from_secs(17));
    client.get_model_version("churn", "7").await.unwrap();
    assert_eq!(clock.waits(), [17, 17]);
    mock.throttle(1, Duration::from_secs(17));
    let error = client
        .without_retries()
        .get_model_version("churn", "7")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    mock.require_token("another");
    assert_eq!(
        client.get_model_version("churn", "7").await.unwrap_err().kind(),
        ErrorKind::Auth
    );
}
