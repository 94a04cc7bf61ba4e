//! **Here**: [`Judge`]: what is known of the truth, and the first promise that was broken. Here: what is written, and what may be claimed.
//! **Not here**: requests (`sending`), what must hold at the end (`end`).
//! **Reads**: what `disk` saw written, and what the stand-ins know; never what the relay believes.
//! **Source**: DESIGN sections 2, 4 and 6.

mod end;
mod sending;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::StatusCode;
use relay_core::clock::Timestamp;
use relay_core::dispatch::{Advice, DispatchError, Scope, Sighting};
use relay_core::journal::item::{EventSeq, ItemId};
use relay_core::journal::{
    AcceptBatch, Acceptance, Claimed, Closing, Command, Fate, JournalError, Record, Settlement, Task, Work,
    Written,
};
use relay_core::key::{DispatchKey, RelayId, ReleaseKey};
use relay_core::lane::Order;
use relay_core::retry::OnUnknown;

use crate::plan::{Event, Plan};
use crate::stage::{State, note};

/// A place in the order of a lane, found without the relay's own code.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Rank {
    Version(u64),
    Time(i64, String),
}

/// What is known of a relay id.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) item: ItemId,
    pub(crate) event: usize,
    pub(crate) route: usize,
    /// Route, workspace, model.
    pub(crate) lane: (usize, usize, String),
    pub(crate) rank: Option<Rank>,
    pub(crate) allow_older: bool,
    pub(crate) unknown: OnUnknown,
    pub(crate) window_ms: i64,
    /// Requests of it, by number.
    pub(crate) requests: Vec<usize>,
    /// Those of which it is written that they surely had no effect.
    pub(crate) surely_not: BTreeSet<usize>,
    /// It is written that it went out.
    pub(crate) went_out: bool,
    /// It is written that GitHub can never accept it.
    pub(crate) refused: bool,
}

/// What is known of the truth.
#[derive(Debug)]
pub(crate) struct Judge {
    plan: Arc<Plan>,
    by_body: BTreeMap<String, usize>,
    durable: BTreeSet<usize>,
    acknowledged: BTreeSet<usize>,
    event_of: BTreeMap<EventSeq, usize>,
    pub(crate) max_item: i64,
    pub(crate) facts: BTreeMap<String, Fact>,
    relay_ids: BTreeMap<ItemId, String>,
    /// Items that a command made which allows older versions.
    may_be_older: BTreeSet<ItemId>,
    /// Claims of a send that no request has used yet, by relay id; and which request used which.
    intents: BTreeMap<String, u64>,
    requests_of: BTreeMap<u64, usize>,
    lanes: BTreeMap<(usize, usize, String), Vec<usize>>,
    arrivals: BTreeMap<String, Vec<usize>>,
    blocked: BTreeSet<String>,
    blocked_targets: BTreeSet<(String, String)>,
    closed_until: BTreeMap<String, i64>,
    paused: bool,
    paused_targets: BTreeSet<(String, String)>,
    checked: BTreeSet<String>,
    /// All jumps forward: when, and their sum from then on.
    forward: Vec<(i64, i64)>,
    pub(crate) broken: Option<String>,
}

impl Judge {
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        let by_body = plan
            .events
            .iter()
            .enumerate()
            .map(|(index, event)| (event.body.clone(), index))
            .collect();
        Self {
            plan,
            by_body,
            durable: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            event_of: BTreeMap::new(),
            max_item: 0,
            facts: BTreeMap::new(),
            relay_ids: BTreeMap::new(),
            may_be_older: BTreeSet::new(),
            intents: BTreeMap::new(),
            requests_of: BTreeMap::new(),
            lanes: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            blocked: BTreeSet::new(),
            blocked_targets: BTreeSet::new(),
            closed_until: BTreeMap::new(),
            paused: false,
            paused_targets: BTreeSet::new(),
            checked: BTreeSet::new(),
            forward: Vec::new(),
            broken: None,
        }
    }

    /// The routes that want an event, found without the relay's own code.
    fn wanted_by(&self, event: &Event) -> Vec<usize> {
        if !event.registers || !event.readable {
            return Vec::new();
        }
        let serves = |workspaces: &[String]| {
            let id = self.plan.workspaces[event.workspace].to_lowercase();
            let name = id.rsplit('/').next().unwrap_or_default().to_owned();
            workspaces.is_empty()
                || workspaces
                    .iter()
                    .any(|one| [&id, &name].contains(&&one.to_lowercase()))
        };
        let matches = |pattern: &String| match pattern.as_str() {
            "*" => true,
            "m?" => event.model.len() == 2 && event.model.starts_with('m'),
            exact => exact == event.model,
        };
        let wants = |index: &usize| {
            let route = &self.plan.routes[*index];
            route.models.iter().any(matches) && serves(&route.workspaces)
        };
        (0..self.plan.routes.len()).filter(wants).collect()
    }

    fn key_of(&self, event: &Event, route: usize) -> DispatchKey {
        let workspace = self.plan.workspaces[event.workspace].to_lowercase();
        let release = ReleaseKey::of_model(&workspace, &event.model, &event.version);
        DispatchKey::new(&release, &self.plan.routes[route].name)
    }

    fn rank_of(&self, event: &Event, route: usize) -> Option<Rank> {
        match self.plan.routes[route].order {
            Order::Version => event.version.parse().ok().map(Rank::Version),
            Order::EventTime => Some(Rank::Time(event.time, event.id.clone())),
        }
    }

    /// All jumps forward until a moment.
    fn forward_at(&self, at: i64) -> i64 {
        self.forward
            .iter()
            .rev()
            .find(|(from, _)| *from <= at)
            .map_or(0, |(_, sum)| *sum)
    }
}

/// The key of a target, taken apart.
fn parts(target: &str) -> (String, String) {
    let (identity, repository, _): (String, String, String) =
        serde_json::from_str(target).expect("the key of a target");
    (identity, repository.to_lowercase())
}

impl State {
    /// A promise is broken; the first is kept.
    pub(crate) fn broken(&mut self, what: String) {
        note!(self, "BROKEN: {what}");
        self.judge.broken.get_or_insert(what);
    }

    fn judge_error(&mut self, error: &JournalError) {
        if matches!(error, JournalError::Illegal(_) | JournalError::Corrupt { .. }) {
            self.broken(format!("a verb failed by itself: {error}"));
        }
    }

    pub(crate) fn judge_jump(&mut self) {
        let (now, sum) = (self.time.now, self.time.forward);
        self.judge.forward.push((now, sum));
    }

    /// Another process: what the former had claimed it does not use any more, and what it had checked counts no more.
    pub(crate) fn judge_restart(&mut self) {
        self.judge.intents.clear();
        self.judge.checked.clear();
    }

    pub(crate) fn judge_accepted(&mut self, batch: &AcceptBatch, result: &Result<Acceptance, JournalError>) {
        let acceptance = match result {
            Ok(acceptance) => acceptance,
            Err(error) => return self.judge_error(error),
        };
        for (event, fate) in batch.events.iter().zip(&acceptance.fates) {
            let Some(index) = self.judge.by_body.get(&event.body).copied() else {
                return self.broken(format!("accepted what nobody published: {}", event.key));
            };
            let planned = &self.plan.events[index];
            let routes: Vec<&str> = event.wanted.iter().map(|item| item.route.as_str()).collect();
            let expected = self.judge.wanted_by(planned);
            let expected: Vec<&str> = expected
                .iter()
                .map(|route| self.plan.routes[*route].name.as_str())
                .collect();
            if routes != expected {
                let what = format!("routes: {} is wanted by {routes:?}, not {expected:?}", planned.id);
                return self.broken(what);
            }
            self.judge.durable.insert(index);
            match fate {
                Fate::Accepted { event, items } => {
                    self.judge.event_of.insert(*event, index);
                    let last = items.iter().map(|item| item.0).max().unwrap_or(0);
                    self.judge.max_item = self.judge.max_item.max(last);
                    self.count("events accepted");
                }
                Fate::SeenAgain => self.count("events seen again"),
                Fate::Unwanted { .. } => self.count("events unwanted"),
            }
        }
        for (body, _) in &batch.unreadable {
            match self.judge.by_body.get(body).copied() {
                Some(index) => drop(self.judge.durable.insert(index)),
                None => self.broken("kept aside what nobody published".to_owned()),
            }
            self.count("elements kept aside");
        }
    }

    /// What Event Grid is answered.
    pub(crate) fn judge_answer(&mut self, events: &[usize], status: StatusCode) {
        match status {
            StatusCode::OK => {
                for event in events {
                    if !self.judge.durable.contains(event) {
                        let id = self.plan.events[*event].id.clone();
                        self.broken(format!("2xx before durable: {id}"));
                    }
                    self.judge.acknowledged.insert(*event);
                }
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                let calm_for = self.time.now - crate::time::START_MS - self.plan.calm_at;
                if calm_for > 60_000 {
                    self.broken("answered 503 when nothing was wrong".to_owned());
                }
            }
            other => self.broken(format!("answered {other} to what Event Grid may never lose")),
        }
    }

    pub(crate) fn judge_forged(&mut self, status: StatusCode) {
        self.count("forged deliveries");
        if status != StatusCode::UNAUTHORIZED {
            self.broken(format!("answered {status} to somebody without the secret"));
        }
    }

    pub(crate) fn judge_claimed(&mut self, result: &Result<Claimed, JournalError>) {
        match result {
            Ok(claimed) => {
                for task in &claimed.tasks {
                    if let Task::Send(work) = task {
                        self.judge_intent(work);
                    }
                }
            }
            Err(error) => self.judge_error(error),
        }
    }

    /// A send was claimed: it is what it says it is, and nothing forbids it.
    fn judge_intent(&mut self, work: &Work) {
        let item = &work.item;
        let relay_id = item.relay_id.to_string();
        if !self.judge.facts.contains_key(&relay_id) {
            match self.fact(work) {
                Ok(fact) => {
                    self.judge.relay_ids.insert(item.id, relay_id.clone());
                    self.judge.facts.insert(relay_id.clone(), fact);
                }
                Err(what) => return self.broken(what),
            }
        }
        self.judge.intents.insert(relay_id.clone(), work.fence);
        let (identity, repository) = parts(&item.target);
        let target = (identity.clone(), repository.clone());
        let elapsed = self.time.elapsed();
        let closed = self
            .judge
            .closed_until
            .get(&identity)
            .copied()
            .unwrap_or(i64::MIN);
        let why = if self.judge.paused || self.judge.paused_targets.contains(&target) {
            "sent to what is paused"
        } else if self.judge.blocked.contains(&identity) || self.judge.blocked_targets.contains(&target) {
            "sent to what is closed: it is blocked"
        } else if elapsed < closed {
            "sent to what is closed: its limit has not passed"
        } else if !self.judge.checked.contains(&item.target) {
            "sent before its target was checked"
        } else {
            return;
        };
        self.broken(format!("{why}: {relay_id} to {repository} as {identity}"));
    }

    fn fact(&self, work: &Work) -> Result<Fact, String> {
        let item = &work.item;
        let judge = &self.judge;
        let event = *judge
            .event_of
            .get(&item.event)
            .ok_or("an item of an event that nobody accepted")?;
        let planned = &self.plan.events[event];
        let named = |route: &relay_core::rules::RouteConfig| route.name == item.route;
        let route = self
            .plan
            .routes
            .iter()
            .position(named)
            .ok_or("an item of no route")?;
        let key = judge.key_of(planned, route);
        if item.key != key || item.relay_id != RelayId::new(&key, item.generation) {
            return Err(format!(
                "keys: item {} of {} is {:?}",
                item.id.0, planned.id, item.key
            ));
        }
        if work.body != planned.body {
            return Err(format!("body: {} is {:?}", planned.id, work.body));
        }
        if item.allow_older && !judge.may_be_older.contains(&item.id) {
            return Err(format!("order: nobody allowed item {} to be older", item.id.0));
        }
        let config = &self.plan.routes[route];
        Ok(Fact {
            item: item.id,
            event,
            route,
            lane: (route, planned.workspace, planned.model.clone()),
            rank: judge.rank_of(planned, route),
            allow_older: item.allow_older,
            unknown: config.unknown,
            window_ms: i64::try_from(config.probe_window_s).unwrap_or(0) * 1_000,
            requests: Vec::new(),
            surely_not: BTreeSet::new(),
            went_out: false,
            refused: false,
        })
    }

    pub(crate) fn judge_recorded(&mut self, batch: &[Record], result: &Result<Written, JournalError>) {
        let written = match result {
            Ok(written) => written,
            Err(error) => return self.judge_error(error),
        };
        let fenced = |item: &ItemId| written.fenced.contains(item);
        for record in batch {
            match record {
                Record::Failed { item, fence, .. } if !fenced(item) => self.outcome_written(*fence),
                Record::Looked { item, look, .. } if !fenced(item) => self.look_written(*item, look),
                Record::Checked { target, result } => self.check_written(target, result.as_ref().err()),
                Record::Command(command) => self.command_written(command, written),
                _ => {}
            }
        }
    }

    pub(crate) fn judge_settled(&mut self, batch: &[Settlement], result: &Result<Written, JournalError>) {
        let written = match result {
            Ok(written) => written,
            Err(error) => return self.judge_error(error),
        };
        for settlement in batch {
            if let Settlement::Dispatched { item, fence, .. } = settlement
                && !written.fenced.contains(item)
            {
                self.outcome_written(*fence);
            }
        }
    }

    /// An outcome is written: from now on the relay knows what GitHub said, whatever it made of it.
    fn outcome_written(&mut self, fence: u64) {
        let Some(no) = self.judge.requests_of.get(&fence).copied() else {
            return;
        };
        let request = &self.github.requests[no];
        let Some(told) = request.told.clone() else { return };
        let (relay_id, identity, repository) = (
            request.relay_id.clone(),
            request.identity.clone(),
            request.repository,
        );
        let repository = self.plan.repositories[repository].name.to_lowercase();
        let Some(fact) = self.judge.facts.get_mut(&relay_id) else {
            return;
        };
        match told.advice {
            None => fact.went_out = true,
            Some(Advice::Unknown) => return,
            Some(Advice::GiveUp) => fact.refused = true,
            Some(_) => {}
        }
        fact.surely_not.insert(no);
        if let Some(until) = told.closed_until {
            self.closes(&identity, until);
        }
        if let Some(Advice::Block(scope)) = told.advice {
            self.blocks(scope, identity, repository);
        }
    }

    fn closes(&mut self, identity: &str, until: i64) {
        let closed = self
            .judge
            .closed_until
            .entry(identity.to_owned())
            .or_insert(i64::MIN);
        *closed = (*closed).max(until);
    }

    fn blocks(&mut self, scope: Scope, identity: String, repository: String) {
        self.count(match scope {
            Scope::Principal => "identities blocked",
            Scope::Target => "targets blocked",
        });
        match scope {
            Scope::Principal => self.judge.blocked.insert(identity),
            Scope::Target => self.judge.blocked_targets.insert((identity, repository)),
        };
    }

    fn look_written(&mut self, item: ItemId, look: &Result<Sighting, DispatchError>) {
        let Some(relay_id) = self.judge.relay_ids.get(&item) else {
            return;
        };
        let Some(fact) = self.judge.facts.get_mut(relay_id) else {
            return;
        };
        let identity = self.plan.routes[fact.route].identity.clone();
        match look {
            Ok(Sighting::Seen(_)) => fact.went_out = true,
            Ok(Sighting::NotSeen) => {}
            Err(error) => match error.advice {
                Advice::Throttled { until } => self.closes_at(&identity, until),
                Advice::Block(Scope::Principal) => self.blocks(Scope::Principal, identity, String::new()),
                _ => {}
            },
        }
    }

    fn closes_at(&mut self, identity: &str, until: Timestamp) {
        let wait = until.as_unix_ms() - self.time.relay_now().as_unix_ms();
        let until = self.time.elapsed() + wait;
        self.closes(identity, until);
    }

    fn check_written(&mut self, target: &str, error: Option<&DispatchError>) {
        let (identity, repository) = parts(target);
        note!(
            self,
            "check of {target} is written: {:?}",
            error.map(|error| error.advice)
        );
        self.judge.checked.insert(target.to_owned());
        match error.map(|error| error.advice) {
            None => {
                self.judge.blocked.remove(&identity);
                self.judge.blocked_targets.remove(&(identity, repository));
            }
            Some(Advice::Block(scope)) => {
                if scope == Scope::Target {
                    // Whoever is told "not here" was let in.
                    self.judge.blocked.remove(&identity);
                }
                self.blocks(scope, identity, repository);
            }
            Some(Advice::Throttled { until }) => self.closes_at(&identity, until),
            Some(_) => {}
        }
    }

    fn command_written(&mut self, command: &Command, written: &Written) {
        let of = |what: &Closing| match what {
            Closing::Journal => None,
            Closing::Target { identity, repository } => Some((identity.clone(), repository.to_lowercase())),
        };
        match command {
            Command::Pause { what, .. } => match of(what) {
                None => self.judge.paused = true,
                Some(target) => drop(self.judge.paused_targets.insert(target)),
            },
            Command::Resume { what } => match of(what) {
                None => self.judge.paused = false,
                Some(target) => drop(self.judge.paused_targets.remove(&target)),
            },
            Command::Replay { allow_older, .. } | Command::ReplayAll { allow_older, .. } => {
                for made in &written.made {
                    self.judge.max_item = self.judge.max_item.max(made.0);
                    self.count("replays");
                    if *allow_older {
                        self.judge.may_be_older.insert(*made);
                    }
                }
            }
            _ => {}
        }
    }
}
