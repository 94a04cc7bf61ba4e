//! **Here**: [`RuleTrial`]: rules tried on event files: which routes want an event, why others do not, and what each would send.
//! **Not here**: rules themselves (`rules`), sending (`doubles`).
//! **Reads**: `rules` and `intake`, as the relay does.
//! **Source**: our own; a rule is tested like code.

use std::fmt;
use std::path::Path;

use eventgrid_schema::{Batch, Element};
use serde_json::{Map, Value};

use crate::dispatch::DispatchTarget;
use crate::intake::new_event;
use crate::key::RelayId;
use crate::rules::{EventView, Route, RouteConfig, Router as _, RuleError, RuleSet};

/// Rules, tried on events as Event Grid delivers them, without a relay, a journal or a network.
///
/// # Example: a test of one's own rules
///
/// ```
/// use relay_core::testing::rules::RuleTrial;
/// use serde_json::json;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rules = RuleTrial::from_json(
///     r#"[
///         { "name": "prod", "repository": "contoso/deploy",
///           "conditions": [{ "key": "data.modelTags.stage", "operator": "StringIn", "values": ["prod"] }],
///           "payload": { "model": "${data.modelName}", "version": "${data.modelVersion|number}" } },
///         { "name": "try", "repository": "contoso/try", "workflow": "try.yml", "ref": "main",
///           "inputs": { "model": "${data.modelName}", "owner": "${data.modelTags.owner|default(\"nobody\")}" } }
///     ]"#,
/// )?;
/// assert_eq!(rules.remarks(), Vec::<String>::new());
///
/// // A file as it was captured, with `on_file`, or bytes.
/// let workspace = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w";
/// let tried = rules.on(json!([{
///     "id": "1", "topic": workspace, "subject": "models/credit-risk:7", "eventTime": "2026-11-22T10:00:00Z",
///     "eventType": "Microsoft.MachineLearningServices.ModelRegistered", "dataVersion": "2",
///     "data": { "modelName": "credit-risk", "modelVersion": 7, "modelTags": { "stage": "dev" } }
/// }]).to_string())?;
///
/// assert_eq!(tried[0].wanted_by(), ["try"]);
/// let why = tried[0].route("prod").and_then(|prod| prod.why_not());
/// assert_eq!(why, Some(r#"conditions: data.modelTags.stage StringIn ["prod"], and it is "dev""#));
/// let sent = tried[0].route("try").and_then(|it| it.sent()).ok_or("it parks")?;
/// assert_eq!(sent.target.action.to_string(), "try.yml@main");
/// assert_eq!(sent.payload["owner"], "nobody");
/// assert_eq!(sent.payload["relay_id"], sent.relay_id.as_str());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RuleTrial {
    rules: RuleSet,
}

/// Rules or events that cannot be tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrialError {
    /// The text is no JSON array of routes.
    #[error("routes: {0}")]
    Routes(String),
    /// The rules do not load.
    #[error(transparent)]
    Rules(#[from] RuleError),
    /// The file cannot be read.
    #[error("{path}: {why}")]
    File {
        /// Which file.
        path: String,
        /// Why not.
        why: String,
    },
    /// The bytes are no delivery: neither an object nor an array.
    #[error("not a delivery: {0}")]
    Delivery(String),
}

/// What became of one element of a delivery.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tried {
    /// The event in words: its type and subject; or the beginning of an element that is none.
    pub about: String,
    /// Why it is no event, or one that the relay keeps as unreadable.
    pub unreadable: Option<String>,
    /// What each route makes of it, in their order; none of an event that is Event Grid's own, which is never forwarded.
    pub routes: Vec<RouteTried>,
}

/// What one route makes of one event.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RouteTried {
    /// The route's name.
    pub route: String,
    /// What comes of it.
    pub fate: Fate,
}

/// What comes of an event on a route.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a test asks for each")]
pub enum Fate {
    /// It is not wanted: the first thing that does not fit, and what was found.
    NotWanted(String),
    /// It is wanted, and parks on arrival: why.
    Parks(String),
    /// It is wanted, and this would be sent.
    Sends(Box<Sent>),
}

/// What would be sent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sent {
    /// Where to.
    pub target: DispatchTarget,
    /// The id of its first generation.
    pub relay_id: RelayId,
    /// `client_payload`, or the inputs, with the id.
    pub payload: Map<String, Value>,
}

impl RuleTrial {
    /// Loads routes.
    ///
    /// # Errors
    /// They do not load.
    pub fn new(routes: impl IntoIterator<Item = RouteConfig>) -> Result<Self, TrialError> {
        Ok(Self {
            rules: RuleSet::load(routes)?,
        })
    }

    /// Loads routes from a JSON array. What a TOML file holds, its host turns into [`RouteConfig`]s.
    ///
    /// # Errors
    /// They are not readable, or do not load.
    pub fn from_json(routes: &str) -> Result<Self, TrialError> {
        let routes: Vec<RouteConfig> =
            serde_json::from_str(routes).map_err(|error| TrialError::Routes(error.to_string()))?;
        Self::new(routes)
    }

    /// The rules.
    #[must_use]
    pub const fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// What is odd about them though they load, with the route's name before it.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let of = |route: &std::sync::Arc<Route>| {
            let remarks = route.remarks().into_iter();
            remarks
                .map(|remark| format!("{}: {remark}", route.name()))
                .collect::<Vec<_>>()
        };
        self.rules.routes().iter().flat_map(of).collect()
    }

    /// Tries them on a delivery's body: one event, or an array.
    ///
    /// # Errors
    /// It is neither. An element that is no event is told of among the others.
    pub fn on(&self, body: impl AsRef<[u8]>) -> Result<Vec<Tried>, TrialError> {
        let batch = Batch::parse(body.as_ref()).map_err(|error| TrialError::Delivery(error.to_string()))?;
        Ok(batch
            .elements()
            .iter()
            .map(|element| self.element(element))
            .collect())
    }

    /// The same on a file.
    ///
    /// # Errors
    /// It cannot be read, or as above.
    pub fn on_file(&self, path: impl AsRef<Path>) -> Result<Vec<Tried>, TrialError> {
        let path = path.as_ref();
        let body = std::fs::read(path).map_err(|error| TrialError::File {
            path: path.display().to_string(),
            why: error.to_string(),
        })?;
        self.on(body)
    }

    fn element(&self, element: &Element<'_>) -> Tried {
        let unreadable = |about: String, why: String| Tried {
            about,
            unreadable: Some(why),
            routes: Vec::new(),
        };
        let event = match element.event() {
            Ok(event) => event,
            Err(error) => {
                let beginning: String = element.raw().chars().take(64).collect();
                return unreadable(beginning, error.to_string());
            }
        };
        let about = format!(
            "{} of {}",
            event.event_type(),
            event.subject().unwrap_or("nothing")
        );
        if event.system().is_some() {
            return Tried {
                about,
                unreadable: None,
                routes: Vec::new(),
            };
        }
        let view = match EventView::of(event) {
            Ok(view) => view,
            Err(error) => return unreadable(about, error.to_string()),
        };
        // As the relay does it: what it writes down for the routes that want the event.
        let mut items = new_event(element.raw(), event, &view, &self.rules.route(&view)).wanted;
        let routes = self.rules.routes().iter().map(|route| {
            let item = items.iter().position(|item| item.route == route.name());
            let fate = match (item.map(|at| items.remove(at)), route.why_not(&view)) {
                (None, why) => Fate::NotWanted(why.unwrap_or_default()),
                (Some(item), _) => {
                    let relay_id = RelayId::new(&item.key, 1);
                    match (item.park, route.payload(&view, &relay_id)) {
                        (Some(why), _) => Fate::Parks(why),
                        (None, Err(error)) => Fate::Parks(error.to_string()),
                        (None, Ok(payload)) => Fate::Sends(Box::new(Sent {
                            target: item.target,
                            relay_id,
                            payload,
                        })),
                    }
                }
            };
            RouteTried {
                route: route.name().to_owned(),
                fate,
            }
        });
        Tried {
            about,
            unreadable: None,
            routes: routes.collect(),
        }
    }
}

impl Tried {
    /// The names of the routes that want it, those on which it parks included.
    #[must_use]
    pub fn wanted_by(&self) -> Vec<&str> {
        let wanted = self.routes.iter().filter(|one| one.why_not().is_none());
        wanted.map(|one| one.route.as_str()).collect()
    }

    /// What this route makes of it.
    #[must_use]
    pub fn route(&self, name: &str) -> Option<&RouteTried> {
        self.routes.iter().find(|one| one.route == name)
    }
}

impl RouteTried {
    /// Why the route does not want it.
    #[must_use]
    pub fn why_not(&self) -> Option<&str> {
        match &self.fate {
            Fate::NotWanted(why) => Some(why),
            Fate::Parks(_) | Fate::Sends(_) => None,
        }
    }

    /// Why it parks on arrival.
    #[must_use]
    pub fn parks(&self) -> Option<&str> {
        match &self.fate {
            Fate::Parks(why) => Some(why),
            Fate::NotWanted(_) | Fate::Sends(_) => None,
        }
    }

    /// What would be sent.
    #[must_use]
    pub fn sent(&self) -> Option<&Sent> {
        match &self.fate {
            Fate::Sends(sent) => Some(sent),
            Fate::NotWanted(_) | Fate::Parks(_) => None,
        }
    }
}

/// As a report: a line for the event, and one for each route.
impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.about)?;
        if let Some(why) = &self.unreadable {
            write!(f, "\n  unreadable: {why}")?;
        }
        for RouteTried { route, fate } in &self.routes {
            match fate {
                Fate::NotWanted(why) => write!(f, "\n  {route}: not wanted: {why}")?,
                Fate::Parks(why) => write!(f, "\n  {route}: parks: {why}")?,
                Fate::Sends(sent) => write!(
                    f,
                    "\n  {route}: sends {} to {}: {}",
                    sent.target.action,
                    sent.target.repository.as_str(),
                    Value::Object(sent.payload.clone())
                )?,
            }
        }
        Ok(())
    }
}
