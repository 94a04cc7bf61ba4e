//! **Here**: [`Case`]: a small simulation that is stopped at every step that matters, or at any two of them, and recovers.
//! **Not here**: what must hold (`judge`, the same as for every simulation).
//! **Reads**: `plan`, `world`.
//! **Source**: the row "crash at every named step x journal x policy, then recover".

use std::time::Duration;

use relay_core::budget::Budget;
use relay_core::lane::LaneMode;
use relay_core::retry::{Again, OnUnknown};
use relay_core::rules::RouteConfig;

use crate::plan::{Accident, Engine, Event, Host, Limits, Plan, Repository, Stop, body};
use crate::time::START_MS;
use crate::weather::Weather;
use crate::world::{Options, Outcome, run_plan};

/// Every step at which a process may stop, by name: before and after each verb, and around each effect between verbs.
pub const STEPS: [&str; 13] = [
    "accept begins",
    "accept is written",
    "claim begins",
    "claim is written",
    "record begins",
    "record is written",
    "settle begins",
    "settle is written",
    "a request leaves",
    "a request arrives",
    "a request ends",
    "a question is answered",
    "facts are asked for",
];

/// How GitHub treats the requests of a case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Conduct {
    /// It accepts them.
    Fine,
    /// Answers are lost, and some say 5xx, whether a run started or not.
    Lossy,
    /// There is no connection now and then, and a limit now and then.
    Shy,
}

/// One way of running the same events.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Case {
    /// Where the journal lies.
    pub engine: Engine,
    /// What the routes do with unknown outcomes.
    pub unknown: OnUnknown,
    /// The mode of their lanes.
    pub lane: LaneMode,
    /// How GitHub treats requests.
    pub conduct: Conduct,
    /// How long a process is down, in milliseconds.
    pub down: i64,
}

impl Case {
    /// All cases of an engine.
    #[must_use]
    pub fn all(engine: Engine) -> Vec<Self> {
        let mut cases = Vec::new();
        for unknown in [OnUnknown::Probe, OnUnknown::Resend, OnUnknown::Park] {
            for lane in [LaneMode::Latest, LaneMode::Every] {
                for conduct in [Conduct::Fine, Conduct::Lossy, Conduct::Shy] {
                    for down in [0, 3_600_000] {
                        cases.push(Self {
                            engine,
                            unknown,
                            lane,
                            conduct,
                            down,
                        });
                    }
                }
            }
        }
        cases
    }

    /// Runs it, stopping at these steps; steps are counted from 1.
    #[must_use]
    pub fn run(self, stops: &[usize]) -> Outcome {
        run_plan(self.plan(stops), Options::default())
    }

    /// The steps at which it is worth stopping, with their names: all of them, but for claims that give nothing, since these change nothing.
    #[must_use]
    pub fn steps(self) -> Vec<(usize, &'static str)> {
        let steps = self.run(&[]).steps;
        let gives = |at: usize| {
            let ends = steps
                .iter()
                .skip(at)
                .find(|step| step.starts_with("claim ") && **step != "claim begins");
            ends.copied() != Some("claim gives nothing")
        };
        let worth = |(at, step): &(usize, &'static str)| match *step {
            "claim gives nothing" => false,
            "claim begins" => gives(*at),
            _ => true,
        };
        let all = steps.iter().copied().enumerate().filter(worth);
        all.map(|(at, step)| (at + 1, step)).collect()
    }

    fn plan(self, stops: &[usize]) -> Plan {
        let workspace = "/subscriptions/1/resourceGroups/Team/providers/Microsoft.MachineLearningServices/workspaces/Prod-ML";
        let route = |name: &str, repository: &str, identity: &str| {
            let mut route = RouteConfig::new(name, repository);
            route.identity = identity.to_owned();
            (route.lane, route.unknown, route.again) = (self.lane, self.unknown, Again::Dispatch);
            route.probe_window_s = 120;
            route
        };
        let mut judged = route("judged", "Octo/app1", "other");
        (judged.wants_facts, judged.models) = (true, vec!["m1".to_owned()]);
        let repository = |name: &str, shows| Repository {
            name: name.to_owned(),
            shows,
            readable: true,
            late: (0, 0),
        };
        // A second version while the first may be under way, one that comes late, one again, and a lane of its own.
        let events = [
            (0, "m0", "1"),
            (300, "m0", "3"),
            (1_000, "m1", "1"),
            (20_000, "m0", "2"),
            (60_000, "m0", "3"),
        ];
        let events = events.iter().enumerate().map(|(index, (at, model, version))| {
            let mut event = Event {
                at: *at,
                id: format!("e{index}"),
                workspace: 0,
                model: (*model).to_owned(),
                version: (*version).to_owned(),
                time: START_MS + at,
                registers: true,
                body: String::new(),
                readable: true,
            };
            event.body = body(&event, workspace, false);
            event
        });
        let stop = |step: &usize| Accident {
            stop: Stop::AtStep(*step),
            polls_later: 0,
            orderly: false,
            down: self.down,
        };
        let none = usize::from(u16::MAX);
        Plan {
            seed: 1,
            engine: self.engine,
            host: Host::Loop,
            max_at_once: 4,
            routes: vec![route("plain", "Octo/app0", "default"), judged],
            workspaces: vec![workspace.to_owned()],
            repositories: vec![repository("Octo/app0", true), repository("Octo/app1", false)],
            events: events.collect(),
            batch: 2,
            budget: Budget::unbounded()
                .with_min_interval(Duration::from_millis(200))
                .with_max_in_flight(2),
            limits: Limits {
                content_minute: none,
                content_hour: none,
                points_minute: 100_000,
                primary_hour: 100_000,
            },
            within_limits: true,
            accidents: stops.iter().map(stop).collect(),
            jumps: Vec::new(),
            weather: vec![(0, self.weather()), (600_000, Weather::fine())],
            person: None,
            calm_at: 900_000 + 3 * self.down,
            unacceptable: 0,
        }
    }

    fn weather(self) -> Weather {
        match self.conduct {
            Conduct::Fine => Weather::fine(),
            Conduct::Lossy => Weather {
                lost: 400,
                broken: 300,
                ..Weather::fine()
            },
            Conduct::Shy => Weather {
                unreachable: 300,
                moody: 300,
                ..Weather::fine()
            },
        }
    }
}
