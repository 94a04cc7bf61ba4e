//! **Here**: [`RouteConfig`], a route as configuration writes it and as a journal keeps it, and its conversion into a [`Route`].
//! **Not here**: files and TOML (the host), what routes do (`matcher`, `template`).
//! **Reads**: nothing before it; `RuleSet::load` builds from it.
//! **Source**: DESIGN section 6; the defaults are the mapping of the workshop's Logic App (facts/github 1.5).

use std::collections::BTreeMap;
use std::time::Duration;

use eventgrid_schema::{EventType, WorkspaceId};
use github_dispatch::{DispatchEventType, GitRef, RepoFullName, WorkflowFile};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::condition::{self, ConditionConfig};
use super::glob::Glob;
use super::matcher::{Matcher, Workspace};
use super::naming::{self, Naming};
use super::template::{KeyTemplate, Template};
use super::{Route, RuleError};
use crate::dispatch::{Action, DispatchTarget};
use crate::journal::item::Policy;
use crate::lane::{LaneMode, Order};
use crate::retry::{Again, OnUnknown};
use crate::tracker;

/// The longest probe window, in seconds: a day.
const MAX_PROBE_WINDOW_S: u64 = 24 * 3_600;
/// The longest time in which a run must be seen, in seconds: a day.
const MAX_SEEN_WITHIN_S: u64 = 24 * 3_600;
/// The longest time in which one must have ended, in seconds: GitHub ends each after 35 days.
const MAX_CONCLUDED_WITHIN_S: u64 = 35 * 24 * 3_600;

/// A route as configuration writes it. Unknown keys are refused.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RouteConfig {
    /// Its name, 1 to 64 characters of `[A-Za-z0-9._-]`; it is the route's identity.
    pub name: String,
    /// The event types it wants, in any casing.
    #[serde(default = "default_event_types")]
    pub event_types: Vec<String>,
    /// The workspaces it serves, each by resource id or by name; empty for every one.
    #[serde(default)]
    pub workspaces: Vec<String>,
    /// Globs (`*`, `?`) on the model's name; they do not concern events without a model.
    #[serde(default = "default_models")]
    pub models: Vec<String>,
    /// The subject begins with one of these, in any casing; empty for every subject.
    #[serde(default)]
    pub subject_begins_with: Vec<String>,
    /// The subject ends with one of these, in any casing; empty for every subject.
    #[serde(default)]
    pub subject_ends_with: Vec<String>,
    /// Tags of the model, run or service that must have these values. Names may contain dots.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// What else must hold, all of it, on any field of the event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ConditionConfig>,
    /// `owner/name`.
    pub repository: String,
    /// The event type that the workflow listens to.
    #[serde(default = "default_dispatch_event_type")]
    pub event_type: String,
    /// Whose credential is used; the host says what it is.
    #[serde(default = "default_identity")]
    pub identity: String,
    /// `client_payload` without the reserved key `relay`; texts may hold references.
    ///
    /// | reference | becomes |
    /// | --- | --- |
    /// | `${data.modelVersion}`, `${data.modelVersion\|text}` | its text, whether it came as a text, number or boolean |
    /// | `${data.modelVersion\|number}` | a number; a text has to be one, written as JSON writes it |
    /// | `${data.modelTags\|json}` | whatever it is; named under `widen`, with the bytes that it may take |
    /// | `${data.modelTags\|json\|text}` | the same as JSON text |
    /// | `${data.modelTags.stage\|default("none")}` | the default where it is missing or null; without one the item parks (but null stays null as `json`) |
    /// | `${data.modelTags["azureml.pipelineid"]}` | keys that hold points |
    /// | `${id}`, `${source}`, `${type}`, `${subject}`, `${time}`, `${dataVersion}`, `${extensions.NAME}` | the event's own |
    /// | `${relay.id}` | the relay id |
    /// | `$${` | the two characters `${` |
    ///
    /// Among other text, and in inputs, a number or JSON is its text.
    #[serde(default = "default_payload")]
    pub payload: Map<String, Value>,
    /// Whose names are used where `event_type` and `payload` are not set.
    #[serde(default, skip_serializing_if = "Naming::is_own")]
    pub naming: Naming,
    /// The workflow that a workflow dispatch starts, by its file or id; without it a repository dispatch is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// The branch or tag at which the workflow is started.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    /// The inputs of the workflow beside `relay_id`, which it has to declare and show in `run-name`: texts that may hold references; by
    /// default `model_name` and `model_version`. GitHub takes 25 with ours; an Enterprise Server up to 3.19 takes 10, and parks more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Map<String, Value>>,
    /// References whose values may be any text without control characters.
    #[serde(default)]
    pub widen: Vec<Widen>,
    /// What waits for what.
    #[serde(default)]
    pub lane: LaneMode,
    /// By what versions are ordered.
    #[serde(default)]
    pub order: Order,
    /// What to do when an answer was lost.
    #[serde(default)]
    pub unknown: OnUnknown,
    /// For how many seconds runs are looked for before "not seen" counts.
    #[serde(default = "default_probe_window_s")]
    pub probe_window_s: u64,
    /// What to do when a version is registered again with a later time.
    #[serde(default)]
    pub again: Again,
    /// What counts as one release, as a text with references such as `${data.runId}`: of events with the same text one goes out, and a
    /// later one is "registered again". By default it is the workspace, model and version of a ModelRegistered, and of every other event
    /// its own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_key: Option<String>,
    /// Larger goes first when the budget is short.
    #[serde(default)]
    pub priority: i32,
    /// Whether another route may send the same event to the same place.
    #[serde(default)]
    pub allow_overlap: bool,
    /// Whether facts are asked for and judged before an item may go.
    #[serde(default)]
    pub wants_facts: bool,
    /// Within how many seconds after GitHub accepted it a run must be seen, else it is an alarm; 0: it is not looked for.
    #[serde(
        default = "default_run_seen_within_s",
        skip_serializing_if = "is_default_seen_within"
    )]
    pub run_seen_within_s: u64,
    /// Within how many seconds after it was seen the run must have ended, else it is an alarm; 0: its end is not asked for.
    #[serde(
        default = "default_run_concluded_within_s",
        skip_serializing_if = "is_default_concluded_within"
    )]
    pub run_concluded_within_s: u64,
}

/// A reference whose value may be any text without control characters, up to a length.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a reference, a bound, and what happens beyond it"
)]
pub struct Widen {
    /// Such as `data.modelTags.area`.
    pub reference: String,
    /// How many bytes of UTF-8 it may have.
    pub max_bytes: usize,
    /// What happens to a longer one.
    pub over: Over,
}

/// What happens to a text that is longer than its bound.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "DESIGN section 6: truncate, or park")]
pub enum Over {
    /// It is cut, at a character.
    Truncate,
    /// The item parks.
    Park,
}

impl RouteConfig {
    /// A route with this name to this repository, and the defaults for everything else.
    #[must_use]
    pub fn new(name: impl Into<String>, repository: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            event_types: default_event_types(),
            workspaces: Vec::new(),
            models: default_models(),
            subject_begins_with: Vec::new(),
            subject_ends_with: Vec::new(),
            tags: BTreeMap::new(),
            conditions: Vec::new(),
            repository: repository.into(),
            event_type: default_dispatch_event_type(),
            identity: default_identity(),
            payload: default_payload(),
            naming: Naming::Own,
            workflow: None,
            git_ref: None,
            inputs: None,
            widen: Vec::new(),
            lane: LaneMode::default(),
            order: Order::default(),
            unknown: OnUnknown::default(),
            probe_window_s: default_probe_window_s(),
            again: Again::default(),
            release_key: None,
            priority: 0,
            allow_overlap: false,
            wants_facts: false,
            run_seen_within_s: default_run_seen_within_s(),
            run_concluded_within_s: default_run_concluded_within_s(),
        }
    }

    /// The route, checked.
    ///
    /// # Errors
    /// The first key that is wrong, and why.
    pub fn build(self) -> Result<Route, RuleError> {
        let refuse = |key: &str, why: String| RuleError {
            route: self.name.clone(),
            key: key.to_owned(),
            why,
        };
        let word = |text: &str| {
            (1..=64).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        };
        if !word(&self.name) {
            return Err(refuse(
                "name",
                "1 to 64 characters of [A-Za-z0-9._-] are expected".to_owned(),
            ));
        }
        if !word(&self.identity) {
            return Err(refuse(
                "identity",
                "1 to 64 characters of [A-Za-z0-9._-] are expected".to_owned(),
            ));
        }
        if self.event_types.is_empty() || self.event_types.iter().any(|one| one.trim().is_empty()) {
            return Err(refuse(
                "event_types",
                "at least one event type is expected, and none of them empty".to_owned(),
            ));
        }
        if self.models.is_empty() || self.models.iter().any(String::is_empty) {
            return Err(refuse(
                "models",
                "at least one pattern is expected, and none of them empty (\"*\" is every model)".to_owned(),
            ));
        }
        if !(1..=MAX_PROBE_WINDOW_S).contains(&self.probe_window_s) {
            return Err(refuse(
                "probe_window_s",
                format!("{} is not within 1..={MAX_PROBE_WINDOW_S}", self.probe_window_s),
            ));
        }
        for (key, given, most) in [
            ("run_seen_within_s", self.run_seen_within_s, MAX_SEEN_WITHIN_S),
            (
                "run_concluded_within_s",
                self.run_concluded_within_s,
                MAX_CONCLUDED_WITHIN_S,
            ),
        ] {
            if given > most {
                return Err(refuse(key, format!("{given} is not within 0..={most}")));
            }
        }
        let workspaces = self
            .workspaces
            .iter()
            .map(|text| workspace(text).map_err(|why| refuse("workspaces", why)));
        let workspaces = workspaces.collect::<Result<_, _>>()?;
        let conditions = condition::load(&self.conditions).map_err(|why| refuse("conditions", why))?;
        let may_take = |one: &String| conditions.iter().all(|condition| condition.may_take_type(one));
        if !self.event_types.iter().any(may_take) {
            return Err(refuse(
                "conditions",
                "none of the `event_types` can match what they say about the type".to_owned(),
            ));
        }
        let repository =
            RepoFullName::parse(&self.repository).map_err(|error| refuse("repository", error.to_string()))?;
        let (action, template) = match &self.workflow {
            Some(workflow) => self.workflow_dispatch(workflow),
            None => self.repository_dispatch(),
        }
        .map_err(|(key, why)| refuse(key, why))?;
        let release_key = self.release_key.as_deref().map(KeyTemplate::load).transpose();
        let release_key = release_key.map_err(|why| refuse("release_key", why))?;
        let lower = |list: &[String]| {
            list.iter()
                .map(|text| text.to_ascii_lowercase())
                .collect::<Vec<_>>()
        };
        let snapshot = serde_json::to_string(&self).map_err(|error| refuse("payload", error.to_string()))?;
        Ok(Route {
            matcher: Matcher {
                event_types: lower(&self.event_types),
                workspaces,
                models: self.models.iter().map(|pattern| Glob::new(pattern)).collect(),
                subject_begins_with: lower(&self.subject_begins_with),
                subject_ends_with: lower(&self.subject_ends_with),
                tags: self.tags,
                conditions,
            },
            target: DispatchTarget {
                identity: self.identity,
                repository,
                action,
            },
            template,
            release_key,
            policy: Policy {
                lane: self.lane,
                order: self.order,
                unknown: self.unknown,
                probe_window: Duration::from_secs(self.probe_window_s),
                again: self.again,
                priority: self.priority,
                wants_facts: self.wants_facts,
                run_seen_within: within(self.run_seen_within_s),
                run_concluded_within: within(self.run_concluded_within_s),
            },
            allow_overlap: self.allow_overlap,
            snapshot,
            name: self.name,
        })
    }
}

type Wrong = (&'static str, String);

impl RouteConfig {
    fn repository_dispatch(&self) -> Result<(Action, Template), Wrong> {
        let without = |key, is_set| {
            let why = || {
                (
                    key,
                    format!("`{key}` is of a workflow dispatch, and there is no `workflow`"),
                )
            };
            if is_set { Err(why()) } else { Ok(()) }
        };
        without("ref", self.git_ref.is_some())?;
        without("inputs", self.inputs.is_some())?;
        let (mut name, mut payload, mut widen) =
            (self.event_type.clone(), self.payload.clone(), self.widen.clone());
        if self.naming == Naming::AzureFunction {
            let [wanted] = self.event_types.as_slice() else {
                let why = "the function names what it sends after the event's type, so that such a route wants one of `event_types`";
                return Err(("naming", why.to_owned()));
            };
            if self.event_type != default_dispatch_event_type() {
                return Err((
                    "naming",
                    "it says the event type, and `event_type` says another".to_owned(),
                ));
            }
            name = naming::event_type(wanted)
                .ok_or_else(|| ("naming", format!("of {wanted:?} the function makes no name")))?;
            if self.payload == default_payload() {
                payload = naming::payload(wanted);
                if !widen.iter().any(|one| one.reference.eq_ignore_ascii_case("data")) {
                    widen.push(naming::widen());
                }
            }
        }
        let event_type =
            DispatchEventType::parse(&name).map_err(|error| ("event_type", error.to_string()))?;
        let template = Template::load(&payload, &widen).map_err(|why| ("payload", why))?;
        Ok((Action::RepositoryDispatch { event_type }, template))
    }

    fn workflow_dispatch(&self, workflow: &str) -> Result<(Action, Template), Wrong> {
        let with = |key, is_set, why: &str| {
            if is_set {
                Err((key, why.to_owned()))
            } else {
                Ok(())
            }
        };
        with(
            "event_type",
            self.event_type != default_dispatch_event_type(),
            "a workflow dispatch has no event type: `workflow` says what it starts",
        )?;
        with(
            "payload",
            self.payload != default_payload(),
            "a workflow dispatch has no payload: its texts are `inputs`",
        )?;
        with(
            "naming",
            self.naming != Naming::Own,
            "the function sends repository dispatches, and `workflow` asks for another kind",
        )?;
        let workflow = WorkflowFile::parse(workflow).map_err(|error| ("workflow", error.to_string()))?;
        let git_ref = self.git_ref.as_deref().ok_or_else(|| {
            (
                "ref",
                "a workflow is started at a branch or tag, such as \"main\"".to_owned(),
            )
        })?;
        let git_ref = GitRef::parse(git_ref).map_err(|error| ("ref", error.to_string()))?;
        let by_default = default_payload();
        let inputs = self.inputs.as_ref().unwrap_or(&by_default);
        let template = Template::load_inputs(inputs, &self.widen).map_err(|why| ("inputs", why))?;
        Ok((Action::WorkflowDispatch { workflow, git_ref }, template))
    }
}

pub(super) fn workspace(text: &str) -> Result<Workspace, String> {
    if text.contains('/') {
        return WorkspaceId::parse(text)
            .map(Workspace::Id)
            .map_err(|error| error.to_string());
    }
    if text.is_empty() {
        return Err("an empty name is no workspace; an empty list is every workspace".to_owned());
    }
    Ok(Workspace::Name(text.to_ascii_lowercase()))
}

fn default_event_types() -> Vec<String> {
    vec![EventType::MODEL_REGISTERED.to_owned()]
}

fn default_models() -> Vec<String> {
    vec!["*".to_owned()]
}

fn default_dispatch_event_type() -> String {
    "deploy_pipeline_action".to_owned()
}

fn default_identity() -> String {
    "default".to_owned()
}

fn default_payload() -> Map<String, Value> {
    let member = |key: &str, reference: &str| (key.to_owned(), Value::String(reference.to_owned()));
    Map::from_iter([
        member("model_name", "${data.modelName}"),
        member("model_version", "${data.modelVersion}"),
    ])
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_default_seen_within(seconds: &u64) -> bool {
    *seconds == default_run_seen_within_s()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_default_concluded_within(seconds: &u64) -> bool {
    *seconds == default_run_concluded_within_s()
}

const fn default_run_seen_within_s() -> u64 {
    tracker::SEEN_WITHIN.as_secs()
}

const fn default_run_concluded_within_s() -> u64 {
    tracker::CONCLUDED_WITHIN.as_secs()
}

/// A time in which something must happen; none for zero.
const fn within(seconds: u64) -> Option<Duration> {
    match seconds {
        0 => None,
        seconds => Some(Duration::from_secs(seconds)),
    }
}

const fn default_probe_window_s() -> u64 {
    600
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key that is refused, if one is.
    fn check(expect: Option<&str>, change: impl FnOnce(&mut RouteConfig)) {
        let mut config = RouteConfig::new("r", "a/b");
        change(&mut config);
        let said = format!("{config:?}");
        let refused = config.build().err().map(|error| error.key);
        assert_eq!(refused.as_deref(), expect, "{said}");
    }

    #[test]
    fn err_names_are_words_of_at_most_64_characters() {
        for (text, is_word) in [
            ("a", true),
            ("A.b_c-9", true),
            (&*"a".repeat(64), true),
            (&*"a".repeat(65), false),
            ("", false),
            ("a b", false),
            ("a/b", false),
            ("\u{e4}", false),
        ] {
            check((!is_word).then_some("name"), |one| one.name = text.to_owned());
            check((!is_word).then_some("identity"), |one| {
                one.identity = text.to_owned();
            });
        }
    }

    #[test]
    fn err_lists_that_want_nothing_are_refused() {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        check(Some("event_types"), |one| one.event_types = Vec::new());
        check(Some("event_types"), |one| one.event_types = list(&["A.B", " "]));
        check(None, |one| one.event_types = list(&["A.B", "C.D"]));
        check(Some("models"), |one| one.models = Vec::new());
        check(Some("models"), |one| one.models = list(&["a", ""]));
        check(None, |one| one.models = list(&["a", "b"]));
        check(Some("workspaces"), |one| one.workspaces = list(&["w", ""]));
        check(Some("workspaces"), |one| one.workspaces = list(&["a/b"]));
        check(None, |one| one.workspaces = list(&["w"]));
    }

    #[test]
    fn err_times_have_bounds() {
        let day = 24 * 60 * 60;
        for (seconds, is_allowed) in [(0, false), (1, true), (day, true), (day + 1, false)] {
            let expect = (!is_allowed).then_some("probe_window_s");
            check(expect, |one| one.probe_window_s = seconds);
        }
        for (seconds, is_allowed) in [(0, true), (day, true), (day + 1, false)] {
            let expect = (!is_allowed).then_some("run_seen_within_s");
            check(expect, |one| one.run_seen_within_s = seconds);
        }
        for (seconds, is_allowed) in [(0, true), (35 * day, true), (35 * day + 1, false)] {
            let expect = (!is_allowed).then_some("run_concluded_within_s");
            check(expect, |one| one.run_concluded_within_s = seconds);
        }
    }
}
