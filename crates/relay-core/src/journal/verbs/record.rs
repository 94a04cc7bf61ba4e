//! **Here**: the verbs `record` and `settle`: what happened to leased work, under its fence.
//! **Not here**: which step follows (`retry`), commands of a person (`command`).
//! **Reads**: `claim` before it; the next `claim` after it.
//! **Source**: DESIGN section 6, advice -> what follows.

use crate::alarm::Alert;
use crate::clock::Timestamp;
use crate::dispatch::{Advice, Checked, DispatchError, Scope, Sighting};
use crate::journal::item::{Item, ItemId};
use crate::journal::rows::Rows;
use crate::journal::scan::Entry;
use crate::journal::state::Step;
use crate::journal::verbs::{Verb, command};
use crate::journal::{JournalError, Record, Settlement, Written};
use crate::lane::{self, LaneMode};
use crate::retry::{self, CHECK_EVERY, Circumstances};

/// Writes down what happened.
///
/// # Errors
/// The store failed, or a command was refused; the engine rolls back.
pub fn record(rows: &mut dyn Rows, now: Timestamp, batch: Vec<Record>) -> Result<Written, JournalError> {
    let mut verb = Verb::begin(rows, now)?;
    let mut written = Written::default();
    for record in batch {
        match record {
            Record::Admit { item, fence } => {
                if let Some(item) = fenced(&mut verb, item, fence, &mut written)? {
                    let admitted = verb.step(&item, &Step::Admit)?;
                    verb.give_way(&admitted)?;
                }
            }
            Record::Hold {
                item,
                fence,
                due,
                why,
            } => {
                if let Some(item) = fenced(&mut verb, item, fence, &mut written)? {
                    verb.step(&item, &Step::Hold { due, why })?;
                }
            }
            Record::Failed { item, fence, error } => {
                if let Some(item) = fenced(&mut verb, item, fence, &mut written)? {
                    failed(&mut verb, &item, fence, &error)?;
                }
            }
            Record::Looked { item, fence, look } => {
                if let Some(item) = fenced(&mut verb, item, fence, &mut written)? {
                    looked(&mut verb, &item, &look)?;
                }
            }
            Record::Tracked { item, fence, seen } => {
                if !verb.tracked(item, fence, &seen)? {
                    written.fenced.push(item);
                }
            }
            Record::Checked { target, result } => checked(&mut verb, &target, &result)?,
            Record::Command(command) => command::carry_out(&mut verb, command, &mut written)?,
        }
    }
    written.settled = std::mem::take(&mut verb.settled);
    written.alerts = verb.end(true)?;
    Ok(written)
}

/// Writes down verdicts.
///
/// # Errors
/// The store failed; the engine rolls back.
pub fn settle(rows: &mut dyn Rows, now: Timestamp, batch: Vec<Settlement>) -> Result<Written, JournalError> {
    let mut verb = Verb::begin(rows, now)?;
    let mut written = Written::default();
    for settlement in batch {
        match settlement {
            Settlement::Dispatched { item, fence, answer } => {
                if let Some(item) = fenced(&mut verb, item, fence, &mut written)? {
                    verb.rows.end_attempt(fence, now)?;
                    let item = verb.step(&item, &Step::Dispatch { run: answer.run })?;
                    verb.raise_mark(&item)?;
                    if let Some(until) = answer.closed_until {
                        verb.throttle(&item.principal, until)?;
                    }
                }
            }
            Settlement::Refused { item, fence, why } => {
                if let Some(item) = fenced(&mut verb, item, fence, &mut written)? {
                    verb.step(&item, &Step::Refuse { why })?;
                }
            }
            Settlement::Parked { item, fence, why } => {
                if let Some(item) = fenced(&mut verb, item, fence, &mut written)? {
                    verb.rows.end_attempt(fence, now)?;
                    verb.step(&item, &Step::Park { why })?;
                }
            }
            Settlement::RunSeen { item, run } => {
                let item = verb.load(item)?;
                verb.run_seen(&item, &run)?;
            }
        }
    }
    written.settled = std::mem::take(&mut verb.settled);
    written.alerts = verb.end(true)?;
    Ok(written)
}

/// The item, if the caller's fence is still the current one. Where it was a request whose lease had ended, it was under way until now: its
/// budget counts it from here on, since a clock that jumped forward may have ended the lease of what was still on its way.
fn fenced(
    verb: &mut Verb<'_>,
    id: ItemId,
    fence: u64,
    written: &mut Written,
) -> Result<Option<Item>, JournalError> {
    let item = verb.load(id)?;
    if item
        .lease
        .is_some_and(|lease| lease.fence == fence && lease.epoch == verb.meta.epoch)
    {
        return Ok(Some(item));
    }
    verb.rows.end_attempt(fence, verb.now)?;
    written.fenced.push(id);
    Ok(None)
}

/// An attempt that was not accepted: what it closes, and what the item does.
fn failed(verb: &mut Verb<'_>, item: &Item, fence: u64, error: &DispatchError) -> Result<(), JournalError> {
    verb.rows.end_attempt(fence, verb.now)?;
    close(verb, item, error)?;
    let around = Circumstances {
        blocked_ms: verb.blocked_ms(item)?,
        ..Circumstances::default()
    };
    let step = retry::after_attempt(item, error, verb.now, around);
    if error.advice == Advice::Unknown {
        return verb.after_unknown(item, &step);
    }
    let after = verb.step(item, &step)?;
    verb.give_way(&after)
}

fn looked(
    verb: &mut Verb<'_>,
    item: &Item,
    look: &Result<Sighting, DispatchError>,
) -> Result<(), JournalError> {
    match look {
        Ok(Sighting::Seen(_)) => shows_relay_id(verb, item)?,
        Ok(Sighting::NotSeen) => {}
        Err(DispatchError {
            advice: Advice::Block(Scope::Target),
            why,
        }) => {
            // Who may not list runs may still dispatch: only what looks has to wait.
            let target = verb.target(&item.target)?;
            let (_, name) = super::scope_and_name(Scope::Target, &target);
            verb.alerts.push(Alert::Warning {
                name,
                why: format!("runs cannot be looked for: {why}"),
            });
        }
        Err(error) => close(verb, item, error)?,
    }
    // Where every version goes out, none gives way to another: a long lane need not be read.
    let others = match item.policy.lane {
        LaneMode::Latest => verb.lane_of(item)?,
        LaneMode::Every => Vec::new(),
    };
    let newer = lane::newer_waits(item, &others).map(lane::named);
    let around = Circumstances {
        blocked_ms: 0,
        shows_relay_id: verb.target(&item.target)?.shows_relay_id,
        newer: newer.as_deref(),
    };
    let after = verb.step(item, &retry::after_look(item, look, verb.now, around))?;
    if matches!(
        after.verdict,
        Some(crate::journal::item::Verdict::Dispatched { .. })
    ) {
        verb.raise_mark(&after)?;
    }
    Ok(())
}

/// Closes what an error says is closed.
pub(super) fn close(verb: &mut Verb<'_>, item: &Item, error: &DispatchError) -> Result<(), JournalError> {
    match error.advice {
        Advice::Throttled { until } => verb.throttle(&item.principal, until),
        Advice::Block(scope) => {
            let target = verb.target(&item.target)?;
            verb.block(scope, &target, &error.why)
        }
        Advice::GiveUp | Advice::NotSent | Advice::Unknown => Ok(()),
    }
}

pub(super) fn shows_relay_id(verb: &mut Verb<'_>, item: &Item) -> Result<(), JournalError> {
    let mut target = verb.target(&item.target)?;
    if !target.shows_relay_id {
        (target.shows_relay_id, target.hides_relay_id) = (true, false);
        verb.rows.put_target(&target)?;
    }
    Ok(())
}

/// A check of a target: a definite no blocks, an answer opens, no answer is a warning and stops nothing.
fn checked(
    verb: &mut Verb<'_>,
    key: &str,
    result: &Result<Checked, DispatchError>,
) -> Result<(), JournalError> {
    let mut target = verb.target(key)?;
    target.checked_epoch = Some(verb.meta.epoch);
    target.check_due_at = None;
    let found = match result {
        Ok(checked) => {
            // What is not known leaves it at what runs have shown.
            if let Some(shows) = checked.shows_relay_id {
                (target.shows_relay_id, target.hides_relay_id) = (shows, !shows);
            }
            let shows = match checked.shows_relay_id {
                Some(true) => "shows the relay id",
                Some(false) => "does not show the relay id",
                None => "may show the relay id or not",
            };
            std::iter::once(shows)
                .chain(checked.remarks.iter().map(String::as_str))
                .collect::<Vec<_>>()
                .join("; ")
        }
        Err(error) => error.why.clone(),
    };
    target.check = Some(found.clone());
    verb.rows.put_target(&target)?;
    let (_, name) = super::scope_and_name(Scope::Target, &target);
    verb.history(
        None,
        None,
        Entry::Checked {
            name: name.clone(),
            found: found.clone(),
        },
    )?;
    match result {
        Ok(checked) => {
            verb.unblock(Scope::Principal, &target)?;
            verb.unblock(Scope::Target, &target)?;
            if !checked.remarks.is_empty() {
                verb.alerts.push(Alert::Warning { name, why: found });
            }
        }
        Err(DispatchError {
            advice: Advice::Block(scope),
            why,
        }) => {
            if *scope == Scope::Target {
                // Whoever is told "not here" was let in.
                verb.unblock(Scope::Principal, &target)?;
            }
            verb.block(*scope, &target, why)?;
        }
        Err(error) => {
            if let Advice::Throttled { until } = error.advice {
                verb.throttle(&target.principal, until)?;
            }
            let principal = verb.principal(&target.principal)?;
            if target.block.is_some() || principal.block.is_some() {
                target.check_due_at = Some(verb.now.after(CHECK_EVERY));
                verb.rows.put_target(&target)?;
            }
            verb.alerts.push(Alert::Warning {
                name,
                why: format!("the check had no answer: {found}"),
            });
        }
    }
    Ok(())
}
