//! **Here**: which routes want an event: the [`Router`] trait, [`RuleSet`], the shipped router, and [`Route`].
//! **Not here**: configuration text (`config`), matching (`matcher`, `condition`), payloads (`template`), judging on facts (`gate`).
//! **Reads**: `eventgrid_schema` before it; `intake` asks the router, `worker` reads a route's snapshot.
//! **Source**: DESIGN sections 5 and 6.

pub mod condition;
pub mod config;
mod field;
pub mod gate;
mod glob;
mod matcher;
mod naming;
mod reference;
mod snapshots;
mod template;
mod view;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use self::condition::{ConditionConfig, Operator};
pub use self::config::RouteConfig;
pub use self::naming::Naming;
pub(crate) use self::snapshots::Snapshots;
pub use self::template::{KeyError, RenderError};
pub use self::view::{EventView, UnreadableEvent};

use self::condition::Condition;
use self::matcher::Matcher;
use self::template::{KeyTemplate, Template};
use crate::dispatch::{Action, DispatchTarget};
use crate::journal::item::Policy;
use crate::key::{RelayId, ReleaseKey};

/// Decides which routes want an event. Pure: the same event always gets the same routes.
pub trait Router: fmt::Debug + Send + Sync {
    /// The routes that want it, in their order; none means that it is kept as unwanted.
    fn route(&self, event: &EventView<'_>) -> Vec<Arc<Route>>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: Router + ?Sized> Router for Arc<T> {
    fn route(&self, event: &EventView<'_>) -> Vec<Arc<Route>> {
        (**self).route(event)
    }
}

#[deny(clippy::missing_trait_methods)]
impl<T: Router + ?Sized> Router for Box<T> {
    fn route(&self, event: &EventView<'_>) -> Vec<Arc<Route>> {
        (**self).route(event)
    }
}

/// Rules that cannot be loaded: which route, which key, and what is wrong with it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("route {route:?}: {key}: {why}")]
#[non_exhaustive]
pub struct RuleError {
    /// The route's name, as far as it has one.
    pub route: String,
    /// The key of the configuration.
    pub key: String,
    /// What is wrong.
    pub why: String,
}

/// One route: what it wants, where it sends it, what it puts into the payload, and how it behaves when things go wrong.
#[derive(Debug)]
pub struct Route {
    name: String,
    matcher: Matcher,
    target: DispatchTarget,
    template: Template,
    release_key: Option<KeyTemplate>,
    policy: Policy,
    allow_overlap: bool,
    snapshot: String,
}

impl Route {
    /// Its name, which is its identity.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it sends.
    #[must_use]
    pub const fn target(&self) -> &DispatchTarget {
        &self.target
    }

    /// How it behaves.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// The route as JSON text, which journals keep with every item.
    #[must_use]
    pub fn snapshot(&self) -> &str {
        &self.snapshot
    }

    /// The route that a journal kept.
    ///
    /// # Errors
    /// The text is not a route of this version of the crate: the item has to be parked.
    pub fn of_snapshot(snapshot: &str) -> Result<Self, RuleError> {
        let config: RouteConfig = serde_json::from_str(snapshot).map_err(|error| RuleError {
            route: String::new(),
            key: "snapshot".to_owned(),
            why: error.to_string(),
        })?;
        config.build()
    }

    /// Whether the route wants the event.
    #[must_use]
    pub fn wants(&self, event: &EventView<'_>) -> bool {
        self.matcher.matches(event)
    }

    /// The first thing about the event that the route does not want, in the words of its configuration, with what was found; none where
    /// it wants the event.
    #[must_use]
    pub fn why_not(&self, event: &EventView<'_>) -> Option<String> {
        self.matcher.why_not(event)
    }

    /// What is odd about the route though it loads: fields of `data` that no event it wants is known to have.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let tested = self.matcher.conditions.iter().flat_map(Condition::fields);
        let doubts = tested.chain(self.template.fields());
        let mut remarks: Vec<String> = doubts
            .filter_map(|field| field.doubt(&self.matcher.event_types))
            .collect();
        remarks.sort();
        remarks.dedup();
        remarks
    }

    /// `client_payload` for this event, with the reserved key `relay`.
    ///
    /// # Errors
    /// A reference leads nowhere, or to a value that may not enter a payload.
    pub fn payload(
        &self,
        event: &EventView<'_>,
        relay_id: &RelayId,
    ) -> Result<serde_json::Map<String, serde_json::Value>, RenderError> {
        self.template.render(event, relay_id)
    }

    /// What the event releases on this route, where the route says it: by default it is the model version, or the event itself.
    ///
    /// # Errors
    /// A reference of the route's `release_key` leads nowhere, or to a value that is no plain text.
    #[must_use]
    pub fn release_key(&self, event: &EventView<'_>) -> Option<Result<ReleaseKey, KeyError>> {
        let key = self.release_key.as_ref()?.render(event);
        Some(key.map(|text| ReleaseKey::of_text(&text)))
    }
}

/// The shipped router: routes from configuration, each checked alone and against the others when they are loaded.
#[derive(Clone, Debug)]
pub struct RuleSet {
    routes: Vec<Arc<Route>>,
    /// Which of them want a type, in lower case, in their order.
    by_type: HashMap<String, Vec<Arc<Route>>>,
    hash: String,
}

impl RuleSet {
    /// Loads routes.
    ///
    /// # Errors
    /// The first route that is wrong, or the first two that would send one event twice to the same place.
    pub fn load(configs: impl IntoIterator<Item = RouteConfig>) -> Result<Self, RuleError> {
        let mut routes: Vec<Arc<Route>> = Vec::new();
        for config in configs {
            let route = config.build()?;
            let refuse = |key: &str, why: String| RuleError {
                route: route.name.clone(),
                key: key.to_owned(),
                why,
            };
            if routes.iter().any(|other| other.name == route.name) {
                return Err(refuse(
                    "name",
                    "another route has this name, and a route's name is its identity".to_owned(),
                ));
            }
            if let Some(other) = routes.iter().find(|other| overlap(other, &route)) {
                let why = format!(
                    "an event can match this route and {:?}, and both send {:?} to {}; set `allow_overlap = true` to mean it",
                    other.name,
                    route.target.action.to_string(),
                    route.target.repository.as_str()
                );
                return Err(refuse("repository", why));
            }
            routes.push(Arc::new(route));
        }
        let mut hash = Sha256::new();
        for route in &routes {
            hash.update(route.snapshot.as_bytes());
            hash.update([0]);
        }
        let hash = hash
            .finalize()
            .iter()
            .take(8)
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let mut by_type: HashMap<String, Vec<Arc<Route>>> = HashMap::new();
        for route in &routes {
            for remark in route.remarks() {
                tracing::warn!(route = route.name, remark, "a route names what no event has");
            }
            let mut types = route.matcher.event_types.clone();
            types.sort();
            types.dedup();
            for event_type in types {
                by_type.entry(event_type).or_default().push(Arc::clone(route));
            }
        }
        Ok(Self {
            routes,
            by_type,
            hash,
        })
    }

    /// The routes in their order.
    #[must_use]
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// 16 hexadecimal digits that change with the rules.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

impl Router for RuleSet {
    fn route(&self, event: &EventView<'_>) -> Vec<Arc<Route>> {
        let event_type = event.event().event_type().as_str().to_ascii_lowercase();
        let of_type = self.by_type.get(&event_type).map_or(&[][..], Vec::as_slice);
        of_type
            .iter()
            .filter(|route| route.wants(event))
            .map(Arc::clone)
            .collect()
    }
}

/// Whether one event could go out twice to the same place.
fn overlap(a: &Route, b: &Route) -> bool {
    !(a.allow_overlap || b.allow_overlap)
        && a.target.repository == b.target.repository
        && may_be_same(&a.target.action, &b.target.action)
        && a.matcher.may_overlap(&b.matcher)
}

/// Whether both start the same. A workflow may listen to both kinds, which nobody can see from here: they count as two.
fn may_be_same(a: &Action, b: &Action) -> bool {
    match (a, b) {
        (
            Action::WorkflowDispatch { workflow, git_ref },
            Action::WorkflowDispatch {
                workflow: other,
                git_ref: other_ref,
            },
        ) => {
            // A file and an id may be one workflow, and `main` and `refs/heads/main` one branch.
            let name = |text: &'_ str| {
                let short = text
                    .strip_prefix("refs/heads/")
                    .or_else(|| text.strip_prefix("refs/tags/"));
                short.unwrap_or(text).to_owned()
            };
            (workflow == other || workflow.is_id() != other.is_id())
                && name(git_ref.as_str()) == name(other_ref.as_str())
        }
        (a, b) => a == b,
    }
}
