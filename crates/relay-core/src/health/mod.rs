//! **Here**: [`Health`]: how the relay stands, and what is wrong in plain words, each with what to do about it. Pure but for what a
//! process remembers of itself.
//! **Not here**: telling somebody at once (`alarm`), numbers over time (`observe`).
//! **Reads**: `journal::scan`'s overview and `drain` before it; `Relay::health` puts it together, hosts show it.
//! **Source**: our own: whoever is woken at night needs the cause and the next step, not a word such as "degraded".

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::alarm::Alert;
use crate::budget::Budget;
use crate::clock::Timestamp;
use crate::drain::{Drain, Tried, drained_at, left, plain, usual_request};
use crate::journal::Budgets;
use crate::journal::item::{Attempt, Block, Target};
use crate::journal::scan::Overview;
use crate::relay::Counts;

/// What is due may wait that long for somebody who works: a loop asks every minute at least.
const WORK_WITHIN: Duration = Duration::from_secs(120);

/// How the relay stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// Whether the journal can promise: it has just written.
    pub ready: bool,
    /// Why not.
    pub why: Option<String>,
    /// What is wrong, the worst first.
    pub problems: Vec<Problem>,
    /// When what waits will have been sent, by identity.
    pub drains: Vec<Drain>,
    /// What this process has taken.
    pub counts: Counts,
    /// What this process remembers.
    pub since_start: SinceStart,
    /// Targets, principals and items, as far as the journal could be read.
    pub journal: Option<Overview>,
}

/// How bad it is. The order is that of urgency.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// Events are lost, or nothing is accepted.
    Critical,
    /// Something does not go out until a person does something.
    Stuck,
    /// It passes by itself, or costs nothing but should be known.
    Note,
}

impl Severity {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Stuck => "stuck",
            Self::Note => "note",
        }
    }
}

/// What is wrong, as a word for rules and dashboards.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProblemKind {
    /// The journal cannot promise: deliveries are answered 503.
    JournalFailing,
    /// How things stand could not be read from the journal.
    JournalNotRead,
    /// Deliveries that look like Event Grid's were refused for good.
    EventsLost,
    /// An event subscription was deleted.
    SubscriptionDeleted,
    /// Nothing is sent until a person says so.
    JournalPaused,
    /// An identity is closed until a check succeeds.
    IdentityBlocked,
    /// A repository is closed until a check succeeds.
    TargetBlocked,
    /// A person closed a repository.
    TargetPaused,
    /// Something is due, and nobody asks for work.
    NobodyWorks,
    /// Items wait for a person.
    Parked,
    /// Lanes stand still behind a parked item.
    LanesHeld,
    /// What was dispatched was not seen to run, or its run did not end, within its route's time.
    RunsLate,
    /// GitHub closed an identity for a while.
    IdentityClosed,
    /// Elements could not be read.
    Unreadable,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Its word.
    pub kind: ProblemKind,
    /// What is wrong, in a sentence.
    pub what: String,
    /// What to do about it.
    pub todo: String,
    /// Since when, as far as that is known.
    pub since: Option<Timestamp>,
}

/// What a process remembers of itself; gone with it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SinceStart {
    /// When the latest delivery came whose secret was right.
    pub last_delivery_at: Option<Timestamp>,
    /// When somebody asked for work last.
    pub last_work_at: Option<Timestamp>,
    /// Deliveries that look like Event Grid's and were refused for good.
    pub n_lost: u64,
    /// When the latest of them came.
    pub last_lost_at: Option<Timestamp>,
    /// When the end of an event subscription was told, unless a handshake came after it.
    pub subscription_deleted_at: Option<Timestamp>,
    /// Which.
    pub subscription_deleted: Option<String>,
}

/// What a process remembers, while it does.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    facts: Mutex<SinceStart>,
}

impl Seen {
    fn change(&self, change: impl FnOnce(&mut SinceStart)) {
        // A panic cannot leave a fact half written.
        change(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn delivered(&self, now: Timestamp) {
        self.change(|facts| facts.last_delivery_at = Some(now));
    }

    pub(crate) fn worked(&self, now: Timestamp) {
        self.change(|facts| facts.last_work_at = Some(now));
    }

    /// A subscription was made, or made again.
    pub(crate) fn shook_hands(&self) {
        self.change(|facts| {
            facts.subscription_deleted_at = None;
            facts.subscription_deleted = None;
        });
    }

    pub(crate) fn heard(&self, alert: &Alert, now: Timestamp) {
        match alert {
            Alert::EventsBeingLost { .. } => self.change(|facts| {
                facts.n_lost = facts.n_lost.saturating_add(1);
                facts.last_lost_at = Some(now);
            }),
            Alert::SubscriptionDeleted { subscription } => self.change(|facts| {
                facts.subscription_deleted_at = Some(now);
                facts.subscription_deleted.clone_from(subscription);
            }),
            _ => {}
        }
    }

    pub(crate) fn since_start(&self) -> SinceStart {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What [`problems`] judges by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) now: Timestamp,
    /// Why the journal cannot promise.
    pub(crate) why: Option<&'a str>,
    pub(crate) journal: Option<&'a Overview>,
    pub(crate) counts: &'a Counts,
    pub(crate) since_start: &'a SinceStart,
}

/// What is wrong, the worst first.
pub(crate) fn problems(known: &Known<'_>) -> Vec<Problem> {
    let mut found = Found {
        now: known.now,
        problems: Vec::new(),
    };
    if let Some(why) = known.why {
        found.add(
            Severity::Critical,
            ProblemKind::JournalFailing,
            None,
            format!("nothing is accepted: {why}"),
            "repair, or make room on, the disk of the journal; Event Grid delivers again meanwhile, for a day unless its subscription says otherwise",
        );
    }
    found.of_process(known);
    match known.journal {
        Some(journal) => {
            found.of_destinations(journal);
            found.of_items(journal, known.since_start);
        }
        None => found.add(
            Severity::Stuck,
            ProblemKind::JournalNotRead,
            None,
            "how things stand could not be read from the journal".to_owned(),
            "look at the log: its reason is there",
        ),
    }
    found
        .problems
        .sort_by_key(|problem| (problem.severity, problem.kind));
    found.problems
}

struct Found {
    now: Timestamp,
    problems: Vec<Problem>,
}

impl Found {
    fn add(
        &mut self,
        severity: Severity,
        kind: ProblemKind,
        since: Option<Timestamp>,
        what: String,
        todo: &str,
    ) {
        self.problems.push(Problem {
            severity,
            kind,
            what,
            todo: todo.to_owned(),
            since,
        });
    }

    fn ago(&self, at: Timestamp) -> String {
        plain(self.now.since(at))
    }

    /// What the process itself has seen.
    fn of_process(&mut self, known: &Known<'_>) {
        let facts = known.since_start;
        if let Some(at) = facts.last_lost_at {
            let what = format!(
                "{} that look like Event Grid's were refused for good, for want of a right secret, for their size, or since they were no JSON; the last {} ago",
                n_of(facts.n_lost, "request", "requests"),
                self.ago(at)
            );
            let todo = "compare the secret in the URL of the event subscription with the configured ones; what was refused lies in its dead letters, if it has any";
            self.add(Severity::Critical, ProblemKind::EventsLost, Some(at), what, todo);
        }
        if let Some(at) = facts.subscription_deleted_at {
            let which = facts
                .subscription_deleted
                .as_deref()
                .unwrap_or("a subscription that was not named");
            let what = format!(
                "the event subscription {which} was deleted {} ago: nothing comes from it any more",
                self.ago(at)
            );
            let todo = "create it again, unless that was meant";
            self.add(
                Severity::Critical,
                ProblemKind::SubscriptionDeleted,
                Some(at),
                what,
                todo,
            );
        }
        if known.counts.unreadable > 0 {
            let what = format!(
                "{} could not be read as an event since the start",
                n_of(known.counts.unreadable, "element", "elements")
            );
            let todo =
                "read what was kept aside, and ask whoever sends it; nothing of it is lost while it is kept";
            self.add(Severity::Note, ProblemKind::Unreadable, None, what, todo);
        }
    }

    /// What is closed.
    fn of_destinations(&mut self, journal: &Overview) {
        let waiting = Waiters::of(journal);
        if let Some(Block { why, since }) = &journal.pause {
            let what = format!("nothing is sent, for {}: {why}", self.ago(*since));
            let todo = "resume the journal once no other relay sends what it holds";
            self.add(
                Severity::Stuck,
                ProblemKind::JournalPaused,
                Some(*since),
                what,
                todo,
            );
        }
        for principal in &journal.principals {
            let (name, wait) = (&principal.name, waiting.for_principal(&principal.name));
            if let Some(Block { why, since }) = &principal.block {
                let what = format!(
                    "the identity {name:?} is blocked for {}: {why}; {wait}",
                    self.ago(*since)
                );
                let todo = "renew its credential, or its rights; it is checked every 10 minutes, and at once on the command `recheck`";
                self.add(
                    Severity::Stuck,
                    ProblemKind::IdentityBlocked,
                    Some(*since),
                    what,
                    todo,
                );
            }
            if let Some(until) = principal.closed_until.filter(|until| *until > self.now) {
                let what = format!(
                    "GitHub closed the identity {name:?} for another {}; {wait}",
                    plain(until.since(self.now))
                );
                let todo =
                    "nothing: it opens by itself; where this comes often, give the identity a smaller budget";
                self.add(Severity::Note, ProblemKind::IdentityClosed, None, what, todo);
            }
        }
        // A repository is one problem, whatever event types are sent there.
        let mut repositories: BTreeMap<(&str, String), &Target> = BTreeMap::new();
        for target in &journal.targets {
            let repository = (target.principal.as_str(), target.repository.to_lowercase());
            let known = repositories.entry(repository).or_insert(target);
            if known.block.is_none() && known.pause.is_none() {
                *known = target;
            }
        }
        for target in repositories.values() {
            let name = format!("{} as {:?}", target.repository, target.principal);
            let wait = waiting.for_repository(target);
            if let Some(Block { why, since }) = &target.block {
                let what = format!("{name} is blocked for {}: {why}; {wait}", self.ago(*since));
                let todo = "see that the repository is there and that the identity may write to it; it is checked every 10 minutes, and at once on the command `recheck`";
                self.add(
                    Severity::Stuck,
                    ProblemKind::TargetBlocked,
                    Some(*since),
                    what,
                    todo,
                );
            }
            if let Some(Block { why, since }) = &target.pause {
                let what = format!("{name} is paused for {}: {why}; {wait}", self.ago(*since));
                let todo = "resume it when it may go on";
                self.add(
                    Severity::Stuck,
                    ProblemKind::TargetPaused,
                    Some(*since),
                    what,
                    todo,
                );
            }
        }
    }

    /// What waits.
    fn of_items(&mut self, journal: &Overview, facts: &SinceStart) {
        let parked = &journal.parked;
        if let Some(oldest) = parked.oldest.filter(|_| parked.n > 0) {
            let what = format!(
                "{} for a person, the oldest for {}",
                n_of(parked.n, "parked item waits", "parked items wait"),
                self.ago(oldest)
            );
            let todo = "list what is parked, and replay or refuse each: its verdict says why it was parked";
            self.add(Severity::Stuck, ProblemKind::Parked, Some(oldest), what, todo);
        }
        if parked.n_lanes > 0 {
            let what = format!(
                "{} in which every version goes out, behind a parked one",
                n_of(parked.n_lanes, "lane stands still", "lanes stand still")
            );
            let todo = "replay or refuse what is parked there: until then nothing newer of that model goes out on that route";
            self.add(Severity::Stuck, ProblemKind::LanesHeld, None, what, todo);
        }
        self.of_runs(journal);
        let late = self.now.before(WORK_WITHIN);
        let is_idle = facts.last_work_at.is_none_or(|at| at < late);
        let due = journal.waiting.iter().filter(|row| row.earliest_due < late);
        if let Some(since) = due.map(|row| row.earliest_due).min().filter(|_| is_idle) {
            let asked = facts.last_work_at.map_or_else(
                || "nobody has asked for work since the start".to_owned(),
                |at| format!("nobody has asked for work for {}", self.ago(at)),
            );
            let what = format!("something is due for {}, and {asked}", self.ago(since));
            let todo = "see that the host runs the second half: `run_until` in a server, `run_due` in a function or a command";
            self.add(Severity::Stuck, ProblemKind::NobodyWorks, Some(since), what, todo);
        }
    }

    /// What was dispatched and is late: GitHub took the request, and that says nothing of a run.
    fn of_runs(&mut self, journal: &Overview) {
        let (unseen, unended) = (
            journal.n_tracks("seeking_late"),
            journal.n_tracks("following_late"),
        );
        if unseen > 0 {
            let what = format!(
                "GitHub accepted {}, and no run was seen within its route's time",
                n_of(unseen, "dispatch", "dispatches")
            );
            let todo = "see that a workflow on the default branch listens to the event type, that Actions are on, and that `run-name` shows the relay id; replay what did not run";
            self.add(Severity::Stuck, ProblemKind::RunsLate, None, what, todo);
        }
        if unended > 0 {
            let what = format!(
                "{} not ended within its route's time",
                n_of(unended, "run has", "runs have")
            );
            let todo = "look at it at GitHub: it waits for a runner, for an approval, or goes on";
            self.add(Severity::Note, ProblemKind::RunsLate, None, what, todo);
        }
    }
}

/// How many items wait, by target.
struct Waiters<'a> {
    journal: &'a Overview,
}

impl<'a> Waiters<'a> {
    const fn of(journal: &'a Overview) -> Self {
        Self { journal }
    }

    fn of_targets(&self, is_meant: impl Fn(&Target) -> bool) -> String {
        let targets = self.journal.targets.iter().filter(|target| is_meant(target));
        let n = targets.map(|target| n_waiting(self.journal, &target.key)).sum();
        match n {
            0 => "nothing waits for it".to_owned(),
            n => format!("{} for it", n_of(n, "item waits", "items wait")),
        }
    }

    fn for_principal(&self, name: &str) -> String {
        self.of_targets(|target| target.principal == name)
    }

    fn for_repository(&self, of: &Target) -> String {
        self.of_targets(|target| {
            target.principal == of.principal && target.repository.eq_ignore_ascii_case(&of.repository)
        })
    }
}

fn n_of(n: u64, one: &str, many: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    }
}

fn n_waiting(journal: &Overview, target: &str) -> u64 {
    let rows = journal.waiting.iter().filter(|row| row.target == target);
    rows.map(|row| row.n).sum()
}

/// The names of all identities that something was ever sent with, each with the budget that it has.
pub(crate) fn principals<'a>(journal: &'a Overview, budgets: &'a Budgets) -> BTreeMap<&'a str, &'a Budget> {
    let names = journal.targets.iter().map(|target| target.principal.as_str());
    names.map(|name| (name, budgets.of(name))).collect()
}

/// When what waits for a principal will have been sent, by what is recorded of it.
pub(crate) fn drain(
    name: &str,
    budget: &Budget,
    journal: &Overview,
    attempts: &[Attempt],
    now: Timestamp,
) -> Drain {
    let tried: Vec<Tried> = attempts
        .iter()
        .map(|attempt| Tried {
            started_at: attempt.started_at,
            ended_at: attempt.ended_at,
        })
        .collect();
    let principal = journal.principals.iter().find(|principal| principal.name == name);
    let is_closed = journal.pause.is_some() || principal.is_some_and(|principal| principal.block.is_some());
    let (mut n_open, mut n_held, mut latest_due) = (0_u64, 0_u64, now);
    for target in journal.targets.iter().filter(|target| target.principal == name) {
        let n = n_waiting(journal, &target.key);
        if is_closed || target.block.is_some() || target.pause.is_some() {
            n_held = n_held.saturating_add(n);
            continue;
        }
        let rows = || journal.waiting.iter().filter(|row| row.target == target.key);
        // What stands behind a parked one goes when a person has decided, and nobody knows when that is.
        let n_behind = rows().map(|row| row.n_held).sum::<u64>().min(n);
        n_held = n_held.saturating_add(n_behind);
        n_open = n_open.saturating_add(n - n_behind);
        latest_due = rows()
            .map(|row| row.latest_due)
            .chain([latest_due])
            .max()
            .unwrap_or(now);
    }
    let opens_at = principal
        .and_then(|principal| principal.closed_until)
        .map_or(now, |until| until.max(now));
    let end = match n_open {
        0 => now,
        // What is tried again later is not sent before it is due.
        n => drained_at(budget, &tried, n, opens_at).max(latest_due.after(usual_request(&tried))),
    };
    let end = (!is_closed).then_some(end);
    let mut drain = Drain {
        says: String::new(),
        principal: name.to_owned(),
        n_waiting: n_open,
        n_held,
        drained_at: end,
        drained_in_s: end.map(|end| end.since(now).as_secs()),
        left_this_hour: left(budget.per_hour, Duration::from_secs(3_600), &tried, now),
        left_this_minute: left(budget.per_minute, Duration::from_secs(60), &tried, now),
    };
    drain.says = drain.to_string();
    drain
}

#[cfg(test)]
mod tests;
