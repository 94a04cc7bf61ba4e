//! **Here**: the verb `claim`: what has to be looked at, and what may be sent, leased to one worker.
//! **Not here**: doing it (`worker`), what comes of it (`record`).
//! **Reads**: `accept` before it; `record` after it.
//! **Source**: DESIGN section 5, two claims and check; section 6, rate budget.

use std::collections::{BTreeMap, BTreeSet};

use crate::budget::{Opening, Spent, opening};
use crate::clock::Timestamp;
use crate::journal::item::{Attempt, ClosedTargets, Item, Lease, Phase, Target};
use crate::journal::rows::{DueQuery, Rows};
use crate::journal::state::Step;
use crate::journal::verbs::Verb;
use crate::journal::{Budgets, ClaimKind, ClaimRequest, Claimed, JournalError, Task, Work};
use crate::lane::{self, LaneMode};

/// How many waiting items are loaded at a time while a claim looks for one whose lane is free: as many as are wanted, within these.
const PAGE: usize = 64;
const LEAST: usize = 4;
/// Attempts are forgotten after two hours, twice the longest window; every so many fences.
const FORGET_EVERY: u64 = 256;
const FORGET_AFTER: std::time::Duration = std::time::Duration::from_secs(2 * 3_600);

/// Leases work, and says when there may be more.
///
/// # Errors
/// The store failed; the engine rolls back.
pub fn claim(rows: &mut dyn Rows, request: &ClaimRequest) -> Result<Claimed, JournalError> {
    let mut verb = Verb::begin(rows, request.now)?;
    let mut wrote = verb.end_lost_leases()?;
    if request.kind == ClaimKind::Judge {
        wrote |= verb.end_lost_tracks()?;
    }
    let wanted = verb.rows.wanted_targets()?;
    let mut openings = Openings::default();
    let tasks = match request.kind {
        ClaimKind::Judge => claim_looks(&mut verb, request, &wanted, &mut openings)?,
        ClaimKind::Send => claim_sends(&mut verb, request, &wanted, &mut openings)?,
    };
    wrote |= !tasks.is_empty();
    if tasks.len() >= request.max {
        openings.note(request.now);
    }
    let stored = verb.rows.next_due(request.now)?;
    let next_due = stored.into_iter().chain(openings.earliest).min();
    Ok(Claimed {
        tasks,
        next_due,
        settled: std::mem::take(&mut verb.settled),
        alerts: verb.end(wrote)?,
    })
}

/// When what is closed now opens by itself.
#[derive(Default)]
struct Openings {
    earliest: Option<Timestamp>,
}

impl Openings {
    fn note(&mut self, at: Timestamp) {
        self.earliest = Some(self.earliest.map_or(at, |known| known.min(at)));
    }
}

fn claim_looks(
    verb: &mut Verb<'_>,
    request: &ClaimRequest,
    wanted: &[String],
    openings: &mut Openings,
) -> Result<Vec<Task>, JournalError> {
    let also_blocked = verb.also_blocked(wanted)?;
    let mut tasks = claim_checks(verb, request, &also_blocked, openings)?;
    let closed = closed_targets(verb, wanted, false, openings)?;
    // What is probed holds its lane, and is over soon; what is judged may be held for ever.
    for (phase, closed) in [(Phase::Probing, &closed), (Phase::Judging, &ClosedTargets::new())] {
        let limit = request.max.saturating_sub(tasks.len());
        let query = DueQuery {
            phase,
            now: request.now,
            closed,
            closed_lanes: &BTreeSet::new(),
            after: None,
            limit,
        };
        for item in verb.rows.due_items(&query)? {
            let lease = lease(verb, request);
            let item = verb.step(&item, &Step::Look { lease })?;
            let work = work(verb, item, lease.fence)?;
            tasks.push(if phase == Phase::Judging {
                Task::Judge(work)
            } else {
                Task::Probe(work)
            });
        }
    }
    let (tracking, opens) = verb.claim_tracks(request, request.max.saturating_sub(tasks.len()))?;
    tasks.extend(tracking.into_iter().map(Task::Track));
    let later = verb.rows.next_track_due(request.now)?;
    opens.into_iter().chain(later).for_each(|at| openings.note(at));
    Ok(tasks)
}

/// Checks that are due: once for each target in an owner's time, and again while it, or its principal, is blocked.
fn claim_checks(
    verb: &mut Verb<'_>,
    request: &ClaimRequest,
    wanted: &[String],
    openings: &mut Openings,
) -> Result<Vec<Task>, JournalError> {
    let mut tasks = Vec::new();
    let mut asked_of_blocked: BTreeSet<String> = BTreeSet::new();
    for key in wanted {
        let mut target = verb.target(key)?;
        let principal = verb.principal(&target.principal)?;
        if let Some(until) = principal.closed_until.filter(|until| *until > request.now) {
            openings.note(until);
            continue;
        }
        // One target speaks for all of a blocked principal; a bad token is not tried at every door.
        if principal.block.is_some() && !asked_of_blocked.insert(principal.name) {
            continue;
        }
        let due = target.check_due_at.is_some_and(|at| at <= request.now);
        if target.asked_epoch == Some(verb.meta.epoch) && !due {
            if let Some(at) = target.check_due_at {
                openings.note(at);
            }
            continue;
        }
        if tasks.len() >= request.max {
            openings.note(request.now);
            continue;
        }
        target.asked_epoch = Some(verb.meta.epoch);
        target.check_due_at = Some(request.now.after(request.lease));
        verb.rows.put_target(&target)?;
        tasks.push(Task::Check(target));
    }
    Ok(tasks)
}

fn claim_sends(
    verb: &mut Verb<'_>,
    request: &ClaimRequest,
    wanted: &[String],
    openings: &mut Openings,
) -> Result<Vec<Task>, JournalError> {
    if verb.meta.pause.is_some() {
        return Ok(Vec::new());
    }
    let mut closed = closed_targets(verb, wanted, true, openings)?;
    let mut of_principal: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for key in wanted {
        let target = verb.target(key)?;
        of_principal.entry(target.principal).or_default().push(target.key);
    }
    for (principal, targets) in &of_principal {
        close_if_spent(verb, &request.budgets, principal, targets, &mut closed, openings)?;
    }
    let mut tasks = Vec::new();
    // Lanes of which nothing more goes in this claim: each is looked at one time, however much waits in it.
    let mut lanes = BTreeSet::new();
    let fence_before = verb.meta.fence;
    let mut after = None;
    while tasks.len() < request.max {
        let query = DueQuery {
            phase: Phase::Waiting,
            now: request.now,
            closed: &closed,
            closed_lanes: &lanes,
            after,
            limit: (request.max - tasks.len()).clamp(LEAST, PAGE),
        };
        let page = verb.rows.due_items(&query)?;
        let Some(last) = page.last() else { break };
        after = Some((last.policy.priority, last.due_at, last.id));
        for item in page {
            if tasks.len() >= request.max || item.lane.as_ref().is_some_and(|lane| lanes.contains(lane)) {
                continue;
            }
            // A step of an earlier item of this page may have settled this one.
            let item = verb.fresh(item)?;
            if !is_due(&item, request.now, &closed) {
                continue;
            }
            let Some(item) = next_of_lane(verb, request.now, item, &closed, &mut lanes)? else {
                continue;
            };
            tasks.push(send(verb, request, &item)?);
            let targets = of_principal.get(&item.principal).map_or(&[][..], Vec::as_slice);
            close_if_spent(
                verb,
                &request.budgets,
                &item.principal,
                targets,
                &mut closed,
                openings,
            )?;
        }
    }
    if fence_before / FORGET_EVERY != verb.meta.fence / FORGET_EVERY {
        verb.rows.forget_attempts(request.now.before(FORGET_AFTER))?;
    }
    Ok(tasks)
}

fn is_due(item: &Item, now: Timestamp, closed: &ClosedTargets) -> bool {
    item.phase == Phase::Waiting
        && item.lease.is_none()
        && item.due_at <= now
        && !closed.contains(&item.target)
}

/// What goes next in the lane of an item that is due: itself where only the latest counts, the first of the lane where every
/// version goes out, and nothing while something is under way or the first may not go.
fn next_of_lane(
    verb: &mut Verb<'_>,
    now: Timestamp,
    item: Item,
    closed: &ClosedTargets,
    lanes: &mut BTreeSet<String>,
) -> Result<Option<Item>, JournalError> {
    let Some(name) = item.lane.clone() else {
        return Ok(Some(item));
    };
    let mark = verb.rows.lane_mark(&name)?;
    let only_latest = item.policy.lane == LaneMode::Latest;
    if only_latest && let Some(step) = lane::behind_mark(&item, mark.as_ref()) {
        verb.step(&item, &step)?;
        return Ok(None);
    }
    let front = loop {
        let front = verb.rows.lane_front(&name)?;
        let step = |first: &Item| lane::behind_mark(first, mark.as_ref());
        match &front.first {
            Some(first) if !only_latest && first.phase == Phase::Waiting => match step(first) {
                Some(step) => verb.step(first, &step)?,
                None => break front,
            },
            _ => break front,
        };
    };
    lanes.insert(name);
    if front.under_way {
        return Ok(None);
    }
    if only_latest {
        return Ok(Some(item));
    }
    let next = lane::next_in_line(&front).filter(|next| is_due(next, now, closed));
    Ok(next.cloned())
}

/// Records the intent to send this item.
fn send(verb: &mut Verb<'_>, request: &ClaimRequest, item: &Item) -> Result<Task, JournalError> {
    let lease = lease(verb, request);
    let item = verb.step(item, &Step::Send { lease })?;
    verb.rows.add_attempt(&Attempt {
        fence: lease.fence,
        item: item.id,
        principal: item.principal.clone(),
        started_at: request.now,
        ended_at: None,
    })?;
    Ok(Task::Send(work(verb, item, lease.fence)?))
}

/// The targets to which nothing may go now, whatever the budget says.
fn closed_targets(
    verb: &mut Verb<'_>,
    wanted: &[String],
    only_checked: bool,
    openings: &mut Openings,
) -> Result<ClosedTargets, JournalError> {
    let mut closed = ClosedTargets::new();
    for key in wanted {
        let target = verb.target(key)?;
        let principal = verb.principal(&target.principal)?;
        let throttled = principal.closed_until.filter(|until| *until > verb.now);
        if let Some(until) = throttled {
            openings.note(until);
        }
        if throttled.is_some() || is_closed(verb, &target, only_checked) || principal.block.is_some() {
            closed.insert(target.key);
        }
    }
    Ok(closed)
}

fn is_closed(verb: &Verb<'_>, target: &Target, only_checked: bool) -> bool {
    // What a person paused may still be looked at.
    let not_for_sends = target.pause.is_some() || target.checked_epoch != Some(verb.meta.epoch);
    target.block.is_some() || (only_checked && not_for_sends)
}

/// Closes all targets of a principal whose budget lets nothing start now.
fn close_if_spent(
    verb: &mut Verb<'_>,
    budgets: &Budgets,
    principal: &str,
    targets: &[String],
    closed: &mut ClosedTargets,
    openings: &mut Openings,
) -> Result<(), JournalError> {
    if targets.iter().all(|target| closed.contains(target)) {
        return Ok(());
    }
    let budget = budgets.of(principal);
    let in_flight = verb.rows.in_flight(principal)?;
    // What is under way has not ended yet, so it comes before everything that has.
    let mut bound = |n: u32| match n.checked_sub(in_flight) {
        None | Some(0) => Ok(None),
        Some(n) => verb.rows.nth_latest_end(principal, n),
    };
    let (minute_bound, hour_bound) = (bound(budget.per_minute)?, bound(budget.per_hour)?);
    let spent = Spent {
        latest: verb
            .rows
            .latest_start(principal)?
            .max(verb.rows.nth_latest_end(principal, 1)?),
        minute_bound,
        hour_bound,
        in_flight,
    };
    match opening(budget, &spent, verb.now) {
        Opening::Now => return Ok(()),
        Opening::At(at) => openings.note(at),
        Opening::WhenOneEnds => {}
    }
    closed.extend(targets.iter().cloned());
    Ok(())
}

pub(super) fn lease(verb: &mut Verb<'_>, request: &ClaimRequest) -> Lease {
    verb.meta.fence = verb.meta.fence.saturating_add(1);
    Lease {
        fence: verb.meta.fence,
        epoch: verb.meta.epoch,
        until: request.now.after(request.lease),
    }
}

pub(super) fn work(verb: &mut Verb<'_>, item: Item, fence: u64) -> Result<Work, JournalError> {
    let missing = || JournalError::Corrupt {
        why: format!(
            "item {} names event {}, which is not there",
            item.id.0, item.event.0
        ),
    };
    let event = verb.rows.event(item.event)?.ok_or_else(missing)?;
    let body = event.body.unwrap_or_default();
    Ok(Work {
        about: (event.workspace, event.model, event.version),
        item,
        fence,
        body,
    })
}
