//! **Here**: [`Mlflow`]: what a gate wants of a workspace's tracking server: runs with their metrics, model versions with their tags.
//! **Not here**: logging to it: the training code does that.
//! **Reads**: `caller`; `client` gives one.
//! **Source**: MLflow REST API 2.0 (`runs/get`, `registered-models/get`, `model-versions/*`), and azureml-mlflow 1.62 for the address
//! (`azureml://` is https, `/mlflow/v1.0` is `/mlflow/v2.0`) and the token's scope, read 2026-11-23. Tags are lists of pairs, times are
//! milliseconds and may be texts, and errors have a form of their own: `{"error_code", "message"}`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::Method;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use url::Url;

use crate::caller::Caller;
use crate::client::{Client, is_loopback};
use crate::error::{Advice, Error, ErrorKind};
use crate::request::{Call, check_asset_part};
use crate::retry::Effect;

/// How many pages of model versions are read before it is taken for a fault.
const MAX_PAGES: usize = 100;

/// The MLflow tracking server of a workspace.
#[derive(Clone)]
pub struct Mlflow {
    caller: Caller,
    base: Url,
}

/// A run, as far as gates want it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MlflowRun {
    /// `run_id`: the name of the job.
    pub run_id: String,
    /// `status`: `RUNNING`, `SCHEDULED`, `FINISHED`, `FAILED` or `KILLED`; another word is kept.
    pub status: Option<String>,
    /// `experiment_id`.
    pub experiment_id: Option<String>,
    /// When it ended, where it has.
    pub ended_at: Option<SystemTime>,
    /// The last value of each metric.
    pub metrics: BTreeMap<String, f64>,
    /// Its parameters.
    pub params: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A version of a registered model, as MLflow sees it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MlflowModelVersion {
    /// `name`.
    pub name: String,
    /// `version`.
    pub version: String,
    /// `run_id`: the run that made it.
    pub run_id: Option<String>,
    /// `source`: where its files are.
    pub source: Option<String>,
    /// `status`: `READY`, `PENDING_REGISTRATION` or `FAILED_REGISTRATION`; another word is kept.
    pub status: Option<String>,
    /// `current_stage`, such as `Production`.
    pub stage: Option<String>,
    /// When it was registered.
    pub created_at: Option<SystemTime>,
    /// Its tags. A value may be JSON in a text, such as `{"RMSE": 0.3}`.
    pub tags: BTreeMap<String, String>,
}

/// A registered model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MlflowModel {
    /// `name`.
    pub name: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The newest version of each stage.
    pub latest_versions: Vec<MlflowModelVersion>,
}

impl Client {
    /// The tracking server of the workspace, whose address is read from the workspace.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version); [`Invalid`](ErrorKind::Invalid) where the workspace names no tracking server, or one
    /// that is not a host of the client's cloud, to which no token is sent.
    pub async fn mlflow(&self) -> Result<Mlflow, Error> {
        let workspace = self.get_workspace().await?;
        let uri = workspace.properties.mlflow_tracking_uri.as_deref();
        Mlflow::new(self.caller(), uri.unwrap_or_default())
    }
}

impl Mlflow {
    fn new(caller: &Caller, tracking_uri: &str) -> Result<Self, Error> {
        let Some(rest) = tracking_uri.strip_prefix("azureml://") else {
            return Err(Error::invalid("the workspace names no mlflow tracking server"));
        };
        let rest = rest
            .trim_end_matches('/')
            .replacen("/mlflow/v1.0/", "/mlflow/v2.0/", 1);
        // A mock of this machine has no TLS.
        let here = Url::parse(&format!("http://{rest}")).ok();
        let is_here = |url: &Url| is_loopback(url) && caller.transport.endpoint.scheme() == "http";
        let scheme = if here.as_ref().is_some_and(is_here) {
            "http"
        } else {
            "https"
        };
        let base = caller.data_plane(&format!("{scheme}://{rest}"))?;
        if base.query().is_some() || base.fragment().is_some() || base.path().contains("..") {
            return Err(Error::invalid("the address of the mlflow tracking server is odd"));
        }
        let scope = caller.transport.token_scope.clone();
        Ok(Self {
            caller: caller.at(base.clone(), scope),
            base,
        })
    }

    /// Tokens of another scope than the resource manager's. Microsoft's clients differ in what they ask for here:
    /// [`Cloud::ml_scope`](crate::cloud::Cloud::ml_scope) is what some take.
    #[must_use]
    pub fn with_token_scope(self, scope: impl Into<String>) -> Self {
        Self {
            caller: self.caller.at(self.base.clone(), scope.into()),
            ..self
        }
    }

    /// Reads a run; the name of a job is a run's id.
    ///
    /// # Errors
    /// As [`Client::get_model_version`].
    pub async fn run(&self, run_id: &str) -> Result<MlflowRun, Error> {
        check_asset_part("run id", run_id)?;
        let answer: RunAnswer = self.get("runs/get", &[("run_id", run_id)]).await?;
        Ok(answer.run.into())
    }

    /// Reads a registered model and the newest version of each stage.
    ///
    /// # Errors
    /// As [`Client::get_model_version`].
    pub async fn model(&self, name: &str) -> Result<MlflowModel, Error> {
        check_asset_part("model name", name)?;
        let answer: ModelAnswer = self.get("registered-models/get", &[("name", name)]).await?;
        Ok(answer.registered_model.into())
    }

    /// Reads a version with its tags: also those that were set after the registration, which its event does not have.
    ///
    /// # Errors
    /// As [`Client::get_model_version`].
    pub async fn model_version(&self, name: &str, version: &str) -> Result<MlflowModelVersion, Error> {
        check_asset_part("model name", name)?;
        check_asset_part("model version", version)?;
        let pairs = [("name", name), ("version", version)];
        let answer: VersionAnswer = self.get("model-versions/get", &pairs).await?;
        Ok(answer.model_version.into())
    }

    /// Lists the versions of a model.
    ///
    /// # Errors
    /// As [`Client::get_model_version`]; a name with a quotation mark cannot be asked for.
    pub async fn model_versions(&self, name: &str) -> Result<Vec<MlflowModelVersion>, Error> {
        check_asset_part("model name", name)?;
        if name.contains(['\'', '"']) {
            return Err(Error::invalid("the model name holds a quotation mark"));
        }
        let filter = format!("name='{name}'");
        let mut token = String::new();
        let mut all = Vec::new();
        for _ in 0..MAX_PAGES {
            let mut pairs = vec![("filter", filter.as_str())];
            if !token.is_empty() {
                pairs.push(("page_token", &token));
            }
            let page: VersionsAnswer = self.get("model-versions/search", &pairs).await?;
            all.extend(page.model_versions.into_iter().flatten().map(Into::into));
            match page.next_page_token {
                Some(next) if !next.is_empty() && next != token => token = next,
                _ => return Ok(all),
            }
        }
        let text = "the list of model versions does not end";
        Err(Error::new(ErrorKind::Decode, Advice::GiveUp, text))
    }

    /// Sets a tag of a version. The same again comes to the same.
    ///
    /// # Errors
    /// As [`Client::get_model_version`].
    pub async fn set_model_version_tag(
        &self,
        name: &str,
        version: &str,
        key: &str,
        value: &str,
    ) -> Result<(), Error> {
        check_asset_part("model name", name)?;
        check_asset_part("model version", version)?;
        let link = self.link("model-versions/set-tag", &[])?;
        let body = json!({ "name": name, "version": version, "key": key, "value": value });
        let call = Call::to_link(Method::POST, &link).with_json(&body)?;
        self.caller.done(Effect::Repeatable, &call).await
    }

    async fn get<T: serde::de::DeserializeOwned>(
        &self,
        what: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Error> {
        let link = self.link(what, query)?;
        self.caller.read(&Call::to_link(Method::GET, &link)).await
    }

    fn link(&self, what: &str, query: &[(&str, &str)]) -> Result<String, Error> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::invalid("the address of the mlflow tracking server is odd"))?
            .extend(["api", "2.0", "mlflow"])
            .extend(what.split('/'));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url.into())
    }
}

impl fmt::Debug for Mlflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mlflow")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct RunAnswer {
    run: WireRun,
}

#[derive(Deserialize)]
struct WireRun {
    info: WireRunInfo,
    #[serde(default)]
    data: Option<WireRunData>,
}

#[derive(Deserialize)]
struct WireRunInfo {
    #[serde(alias = "run_uuid")]
    run_id: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    experiment_id: Option<String>,
    #[serde(default, deserialize_with = "milliseconds")]
    end_time: Option<SystemTime>,
}

#[derive(Default, Deserialize)]
struct WireRunData {
    #[serde(default)]
    metrics: Option<Vec<WireMetric>>,
    #[serde(default)]
    params: Option<Vec<Pair>>,
    #[serde(default)]
    tags: Option<Vec<Pair>>,
}

#[derive(Deserialize)]
struct WireMetric {
    key: String,
    #[serde(deserialize_with = "double")]
    value: f64,
}

#[derive(Deserialize)]
struct Pair {
    key: String,
    #[serde(default)]
    value: Option<String>,
}

#[derive(Deserialize)]
struct ModelAnswer {
    registered_model: WireModel,
}

#[derive(Deserialize)]
struct WireModel {
    name: String,
    #[serde(default)]
    tags: Option<Vec<Pair>>,
    #[serde(default)]
    latest_versions: Option<Vec<WireVersion>>,
}

#[derive(Deserialize)]
struct VersionAnswer {
    model_version: WireVersion,
}

#[derive(Deserialize)]
struct VersionsAnswer {
    #[serde(default)]
    model_versions: Option<Vec<WireVersion>>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct WireVersion {
    name: String,
    #[serde(deserialize_with = "text_or_number")]
    version: String,
    #[serde(default)]
    run_id: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    current_stage: Option<String>,
    #[serde(default, deserialize_with = "milliseconds")]
    creation_timestamp: Option<SystemTime>,
    #[serde(default)]
    tags: Option<Vec<Pair>>,
}

impl From<WireRun> for MlflowRun {
    fn from(wire: WireRun) -> Self {
        let data = wire.data.unwrap_or_default();
        let metrics = data.metrics.into_iter().flatten();
        Self {
            run_id: wire.info.run_id,
            status: wire.info.status,
            experiment_id: wire.info.experiment_id,
            ended_at: wire.info.end_time,
            metrics: metrics.map(|metric| (metric.key, metric.value)).collect(),
            params: map(data.params),
            tags: map(data.tags),
        }
    }
}

impl From<WireVersion> for MlflowModelVersion {
    fn from(wire: WireVersion) -> Self {
        Self {
            name: wire.name,
            version: wire.version,
            run_id: wire.run_id.filter(|id| !id.is_empty()),
            source: wire.source,
            status: wire.status,
            stage: wire.current_stage,
            created_at: wire.creation_timestamp,
            tags: map(wire.tags),
        }
    }
}

impl From<WireModel> for MlflowModel {
    fn from(wire: WireModel) -> Self {
        let versions = wire.latest_versions.into_iter().flatten();
        Self {
            name: wire.name,
            tags: map(wire.tags),
            latest_versions: versions.map(Into::into).collect(),
        }
    }
}

fn map(pairs: Option<Vec<Pair>>) -> BTreeMap<String, String> {
    let pairs = pairs.into_iter().flatten();
    pairs
        .map(|pair| (pair.key, pair.value.unwrap_or_default()))
        .collect()
}

/// Milliseconds since 1970, as a number or a text of digits; zero is no time.
fn milliseconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SystemTime>, D::Error> {
    let number = match Option::<Value>::deserialize(from)? {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let since = number.filter(|number| *number > 0).map(Duration::from_millis);
    Ok(since.and_then(|since| UNIX_EPOCH.checked_add(since)))
}

/// A number, or one of the words that JSON has no numbers for.
fn double<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let found = match Value::deserialize(from)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    found.ok_or_else(|| serde::de::Error::custom("a metric is not a number"))
}

fn text_or_number<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match Value::deserialize(from)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(serde::de::Error::custom(
            "a version is neither a text nor a number",
        )),
    }
}
