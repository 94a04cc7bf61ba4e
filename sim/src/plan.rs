//! **Here**: [`Plan`]: all that is decided before a simulation begins, from its seed: routes, events, limits, weather, accidents.
//! **Not here**: what chance decides on the way (`github`, `grid`, `disk`).
//! **Reads**: `random`; everything else reads it.
//! **Source**: the issue's row "deterministic simulation"; facts/eventgrid 2.4, facts/github 5 and 6.

use std::time::Duration;

use relay_core::budget::Budget;
use relay_core::lane::{LaneMode, Order};
use relay_core::retry::{Again, OnUnknown};
use relay_core::rules::RouteConfig;

use crate::random::Random;
use crate::weather::{Weather, Whom};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Where the journal lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Engine {
    /// In memory; a restart opens the same one again.
    Memory,
    /// In a file of SQLite; a restart closes it and opens it again.
    Sqlite,
}

/// How the relay is hosted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Host {
    /// A server: `run_until` all the time.
    Loop,
    /// A function: `run_due` after each delivery and every minute.
    Due,
    /// Both at the same time, over one journal.
    Both,
}

/// A repository.
#[derive(Clone, Debug)]
pub struct Repository {
    /// `owner/name`.
    pub name: String,
    /// Whether its runs show the relay id.
    pub shows: bool,
    /// Whether a check can find that out.
    pub readable: bool,
    /// How many of a thousand runs show up late, and later than the longest probe window.
    pub late: (u64, u64),
}

/// GitHub's limits of one identity.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests that create content, in any minute.
    pub content_minute: usize,
    /// The same in any hour.
    pub content_hour: usize,
    /// Points in any minute: 5 for a write, 1 for a read.
    pub points_minute: u32,
    /// Requests of any kind in an hour that begins with the first of them.
    pub primary_hour: u32,
}

/// One event that the workspace publishes.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it is published.
    pub at: i64,
    /// Its id.
    pub id: String,
    /// Which workspace, by index.
    pub workspace: usize,
    /// The model's name.
    pub model: String,
    /// The model's version.
    pub version: String,
    /// Its time, in milliseconds since 1970.
    pub time: i64,
    /// Whether it is a `ModelRegistered`.
    pub registers: bool,
    /// The element as it is sent; also of one that cannot be read as an event.
    pub body: String,
    /// Whether it can be read as an event.
    pub readable: bool,
}

/// When a process stops.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// At a moment.
    At(i64),
    /// At the n-th step of those that matter: a verb begins or is written, a request leaves, arrives or is answered.
    AtStep(usize),
}

/// A stop, and what follows.
#[derive(Clone, Copy, Debug)]
pub struct Accident {
    /// When.
    pub stop: Stop,
    /// So many polls later.
    pub polls_later: u64,
    /// In order: the host lets it finish what is under way.
    pub orderly: bool,
    /// How long it is down.
    pub down: i64,
}

/// What a person does at random.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// Between two commands, in milliseconds, about.
    pub every: i64,
}

/// All that is decided before.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed it comes from.
    pub seed: u64,
    /// Where the journal lies.
    pub engine: Engine,
    /// How the relay is hosted.
    pub host: Host,
    /// How many requests at once.
    pub max_at_once: usize,
    /// The routes.
    pub routes: Vec<RouteConfig>,
    /// The resource ids of the workspaces.
    pub workspaces: Vec<String>,
    /// The repositories.
    pub repositories: Vec<Repository>,
    /// What is published, by time.
    pub events: Vec<Event>,
    /// How many events one delivery holds at most.
    pub batch: usize,
    /// The budget of every identity.
    pub budget: Budget,
    /// GitHub's limits of every identity.
    pub limits: Limits,
    /// Whether GitHub never has to say no: its limits are not below the budget.
    pub within_limits: bool,
    /// Accidents.
    pub accidents: Vec<Accident>,
    /// Jumps of the relay's clock: when, and by how much.
    pub jumps: Vec<(i64, i64)>,
    /// What goes wrong, and when.
    pub weather: Vec<(i64, Weather)>,
    /// What a person does.
    pub person: Option<Person>,
    /// From when on nothing goes wrong any more, in milliseconds since the start.
    pub calm_at: i64,
    /// How many of a thousand releases GitHub can never accept.
    pub unacceptable: u64,
}

impl Plan {
    /// The plan of this seed; moments are milliseconds since the start.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let random = &mut Random::new(seed, 1);
        let busy = random.per_mille(60);
        let calm_at = match random.below(10) {
            0..=5 => random.within(20 * MINUTE, 3 * HOUR),
            6..=8 => random.within(3 * HOUR, 10 * HOUR),
            _ => random.within(10 * HOUR, 50 * HOUR),
        };
        let repositories = repositories(random);
        let workspaces: Vec<String> = ["Prod-ML", "staging"]
            .iter()
            .take(1 + random.index(2))
            .map(|name| {
                format!(
                    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/Team/providers/Microsoft.MachineLearningServices/workspaces/{name}"
                )
            })
            .collect();
        let routes = routes(random, &repositories, &workspaces);
        let events = events(random, &workspaces, calm_at, busy);
        let (budget, limits, within_limits) = budget_and_limits(random);
        let whom = Whom {
            identities: 2,
            repositories: repositories.len(),
        };
        let weather = weather(random, calm_at, &whom);
        let accidents = accidents(random, calm_at, events.len());
        let jumps = jumps(random, calm_at);
        let person = random.per_mille(600).then(|| Person {
            every: random.within(2 * MINUTE, 90 * MINUTE),
        });
        Self {
            seed,
            // A sync takes longer than all the rest: a long run has fewer of them.
            engine: if seed % (if seed < 1_000 { 25 } else { 250 }) == 24 {
                Engine::Sqlite
            } else {
                Engine::Memory
            },
            host: match random.below(10) {
                0..=5 => Host::Loop,
                6..=7 => Host::Due,
                _ => Host::Both,
            },
            max_at_once: random.pick(&[1, 2, 4, 16]),
            routes,
            workspaces,
            repositories,
            events,
            batch: random.pick(&[1, 1, 3, 20]),
            budget,
            limits,
            within_limits,
            accidents,
            jumps,
            weather,
            person,
            calm_at,
            unacceptable: random.pick(&[0, 0, 30, 120]),
        }
    }
}

fn repositories(random: &mut Random) -> Vec<Repository> {
    let n = 1 + random.index(3);
    (0..n)
        .map(|index| Repository {
            name: format!("Octo/app{index}"),
            shows: random.per_mille(750),
            readable: random.per_mille(850),
            late: random.pick(&[(0, 0), (100, 0), (300, 30), (500, 250)]),
        })
        .collect()
}

fn routes(random: &mut Random, repositories: &[Repository], workspaces: &[String]) -> Vec<RouteConfig> {
    let n = 1 + random.index(4);
    let shared = random.per_mille(200);
    (0..n)
        .map(|index| {
            let mut route = RouteConfig::new(
                format!("route{index}"),
                repositories[random.index(repositories.len())].name.as_str(),
            );
            // Two routes with the same place and event type have to mean it.
            route.event_type = if shared {
                "deploy".to_owned()
            } else {
                format!("deploy{index}")
            };
            route.allow_overlap = shared;
            route.identity = random.pick(&["default", "default", "other"]).to_owned();
            route.models = vec![random.pick(&["*", "*", "*", "m0", "m?", "m1"]).to_owned()];
            if workspaces.len() > 1 && random.per_mille(300) {
                let id = &workspaces[random.index(workspaces.len())];
                let name = id.rsplit('/').next().unwrap_or_default();
                route.workspaces = vec![if random.per_mille(500) {
                    id.to_lowercase()
                } else {
                    name.to_uppercase()
                }];
            }
            route.lane = random.pick(&[LaneMode::Latest, LaneMode::Latest, LaneMode::Every]);
            route.order = random.pick(&[Order::Version, Order::Version, Order::EventTime]);
            route.unknown = random.pick(&[
                OnUnknown::Probe,
                OnUnknown::Probe,
                OnUnknown::Probe,
                OnUnknown::Park,
                OnUnknown::Resend,
            ]);
            route.probe_window_s = random.pick(&[30, 120, 600, 600]);
            route.again = random.pick(&[Again::Park, Again::Ignore, Again::Dispatch]);
            route.priority = random.pick(&[0, 0, 5, -5]);
            route.wants_facts = random.per_mille(250);
            route
        })
        .collect()
}

/// Versions as a team registers them: rising, now and then one of them again, one out of order, one that is no number.
fn events(random: &mut Random, workspaces: &[String], calm_at: i64, busy: bool) -> Vec<Event> {
    let n = if busy {
        80 + random.index(220)
    } else {
        3 + random.index(28)
    };
    let n_models = 1 + random.index(4);
    let mut next_version = vec![0_u64; workspaces.len() * n_models];
    let mut at = 0;
    // The last tenth of the time is left to what is under way.
    let gap = (calm_at * 9 / 10) / i64::try_from(n).unwrap_or(1);
    let cloud_events = random.per_mille(300);
    let mut events = Vec::new();
    for index in 0..n {
        at += match random.below(4) {
            0 => 0,
            1 => random.within(0, 2_000.min(gap)),
            _ => random.within(0, 2 * gap),
        };
        at = at.min(calm_at * 9 / 10);
        let (workspace, model) = (random.index(workspaces.len()), random.index(n_models));
        let next = &mut next_version[workspace * n_models + model];
        let version = match random.below(20) {
            0..=13 => {
                *next += 1;
                next.to_string()
            }
            // A gap, which a later event may fill.
            14 => {
                *next += 2;
                next.to_string()
            }
            15..=17 => random
                .within(1, i64::try_from(*next).unwrap_or(0).max(1))
                .to_string(),
            18 => format!("0{}", random.within(1, 9)),
            _ => "1.0-rc".to_owned(),
        };
        let model = match random.below(60) {
            0 => "not a name!".to_owned(),
            _ => format!("m{model}"),
        };
        let mut event = Event {
            at,
            id: format!("e{index:04}"),
            workspace,
            model,
            version,
            time: crate::time::START_MS + at - random.within(0, 3_000),
            registers: !random.per_mille(60),
            body: String::new(),
            readable: !random.per_mille(25),
        };
        event.body = body(&event, &workspaces[workspace], cloud_events);
        events.push(event);
    }
    events
}

pub(crate) fn body(event: &Event, workspace: &str, cloud_event: bool) -> String {
    if !event.readable {
        return format!(r#"{{"id":"{}","note":"no event at all"}}"#, event.id);
    }
    let time = jiff::Timestamp::from_millisecond(event.time).unwrap_or_default();
    let (kind, subject, data) = if event.registers {
        (
            "Microsoft.MachineLearningServices.ModelRegistered",
            format!("models/{}:{}", event.model, event.version),
            serde_json::json!({
                "modelName": event.model, "modelVersion": event.version, "modelTags": {"stage": "prod"}, "modelProperties": {}
            }),
        )
    } else {
        (
            "Microsoft.MachineLearningServices.RunStatusChanged",
            "experiments/1/runs/r".to_owned(),
            serde_json::json!({
                "experimentId": "1", "experimentName": "e", "runId": event.id, "runType": "x", "runTags": {}, "runProperties": {}, "runStatus": "Completed"
            }),
        )
    };
    let element = if cloud_event {
        serde_json::json!({
            "specversion": "1.0", "id": event.id, "source": workspace, "type": kind, "subject": subject,
            "time": time.to_string(), "data": data
        })
    } else {
        serde_json::json!({
            "id": event.id, "topic": workspace, "subject": subject, "eventType": kind, "eventTime": time.to_string(),
            "data": data, "dataVersion": "2", "metadataVersion": "1"
        })
    };
    element.to_string()
}

/// GitHub's documented limits with the default budget, or all of them made small enough to be met within some hours.
fn budget_and_limits(random: &mut Random) -> (Budget, Limits, bool) {
    let real = Limits {
        content_minute: 80,
        content_hour: 500,
        points_minute: 900,
        primary_hour: 5_000,
    };
    if random.per_mille(300) {
        return (Budget::default(), real, true);
    }
    let (per_minute, per_hour) = random.pick(&[(2, 12), (3, 30), (5, 20), (10, 60)]);
    let budget = Budget::unbounded()
        .with_min_interval(Duration::from_millis(random.pick(&[0, 1_000, 1_000, 5_000])))
        .with_per_minute(per_minute)
        .with_per_hour(per_hour)
        .with_max_in_flight(random.pick(&[1, 1, 2, 3]));
    // In some worlds GitHub allows less than was hoped for.
    let less = random.per_mille(250);
    let by = |n: u32| usize::try_from(if less { n.div_ceil(2) } else { n }).unwrap_or(1);
    let limits = Limits {
        content_minute: by(per_minute),
        content_hour: by(per_hour),
        points_minute: 900,
        primary_hour: random.pick(&[40, 120, 5_000, 5_000]),
    };
    (budget, limits, !less)
}

fn weather(random: &mut Random, calm_at: i64, whom: &Whom) -> Vec<(i64, Weather)> {
    let mut phases = vec![(0, Weather::some(random, whom))];
    let mut at = 0;
    while phases.len() < 40 {
        at += match random.below(3) {
            0 => random.within(10_000, 3 * MINUTE),
            1 => random.within(3 * MINUTE, 30 * MINUTE),
            _ => random.within(30 * MINUTE, 4 * HOUR),
        };
        if at >= calm_at {
            break;
        }
        phases.push((at, Weather::some(random, whom)));
    }
    phases.push((calm_at, Weather::fine()));
    phases
}

fn accidents(random: &mut Random, calm_at: i64, n_events: usize) -> Vec<Accident> {
    let n = match random.below(10) {
        0..=1 => 0,
        2..=6 => 1 + random.index(3),
        _ => 3 + random.index(6),
    };
    // About ten steps that matter are taken for each event.
    let n_steps = 40 + 10 * n_events;
    (0..n)
        .map(|_| Accident {
            stop: if random.per_mille(300) {
                Stop::At(random.within(0, calm_at))
            } else {
                Stop::AtStep(random.index(n_steps))
            },
            polls_later: random.pick(&[0, 0, 0, 1, 2, 5]),
            orderly: random.per_mille(150),
            down: match random.below(4) {
                0 => 0,
                1 => random.within(0, 20_000),
                2 => random.within(0, 10 * MINUTE),
                _ => random.within(0, 2 * HOUR),
            },
        })
        .collect()
}

/// Back an hour, as when a clock is put right or a summer time is mistaken; forward, as when a machine slept. The clock is never more than
/// an hour ahead of GitHub's: runs are listed from an hour before the intent.
fn jumps(random: &mut Random, calm_at: i64) -> Vec<(i64, i64)> {
    if !random.per_mille(300) {
        return Vec::new();
    }
    let n = 1 + random.index(3);
    let mut at: Vec<i64> = (0..n).map(|_| random.within(0, calm_at)).collect();
    at.sort_unstable();
    let mut skew = 0;
    at.into_iter()
        .map(|at| {
            let mut by = match random.below(4) {
                0 | 1 => -HOUR,
                2 => -random.within(10_000, 20 * MINUTE),
                _ => random.within(10_000, 50 * MINUTE),
            };
            if skew + by > 50 * MINUTE {
                by = -by;
            }
            skew += by;
            (at, by)
        })
        .collect()
}
