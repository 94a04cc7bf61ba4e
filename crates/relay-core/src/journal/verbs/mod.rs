//! **Here**: the five verbs over [`Rows`]: everything that changes together in one transaction, decided by pure functions.
//! **Not here**: the transaction itself (an engine opens it, calls a verb, and commits or rolls back).
//! **Reads**: `state`, `lane`, `retry`, `budget` decide; `rows` stores.
//! **Source**: DESIGN sections 5 and 6.

mod accept;
mod admin;
mod claim;
mod command;
mod line;
mod record;
mod track;

pub use self::accept::accept;
pub use self::admin::{compact, export, import};
pub use self::claim::claim;
pub use self::record::{record, settle};

use std::collections::BTreeSet;

use crate::alarm::Alert;
use crate::clock::{JUMP, Timestamp};
use crate::dispatch::Scope;
use crate::journal::item::{Block, EventSeq, Item, ItemId, Meta, Phase, Principal, Target, Verdict};
use crate::journal::rows::{ReadRows, Rows};
use crate::journal::scan::{Entry, HistoryRow, Overview, Page, ScanQuery};
use crate::journal::state::{Step, next};
use crate::journal::{JournalError, Settled};
use crate::lane;
use crate::retry::{self, CHECK_EVERY};

/// Opens the journal for its owner: the epoch is bumped, so that every lease of an earlier owner has ended.
///
/// # Errors
/// The store failed.
pub fn open(rows: &mut dyn Rows) -> Result<Meta, JournalError> {
    let mut meta = rows.meta()?;
    meta.epoch = meta.epoch.saturating_add(1);
    rows.put_meta(&meta)?;
    Ok(meta)
}

/// Pauses everything, as an engine does that finds that it was given a copy: another relay may still send the same.
///
/// # Errors
/// The store failed.
pub fn pause_copy(rows: &mut dyn Rows, why: &str) -> Result<(), JournalError> {
    let mut meta = rows.meta()?;
    let at = meta.clock;
    meta.pause.get_or_insert_with(|| Block {
        why: why.to_owned(),
        since: at,
    });
    rows.put_meta(&meta)?;
    rows.add_history(&HistoryRow {
        seq: 0,
        at,
        event: None,
        item: None,
        entry: Entry::Paused {
            scope: "journal".to_owned(),
            name: "everything".to_owned(),
            why: why.to_owned(),
        },
    })
}

/// Reads a page.
///
/// # Errors
/// The store failed.
pub fn scan(rows: &mut dyn ReadRows, query: &ScanQuery) -> Result<Page, JournalError> {
    Ok(match query {
        ScanQuery::Events { after, limit } => Page::Events(rows.events_after(*after, *limit)?),
        ScanQuery::Items { after, filter, limit } => Page::Items(rows.items_after(*after, filter, *limit)?),
        ScanQuery::History { after, item, limit } => {
            Page::History(rows.history_after(*after, *item, *limit)?)
        }
        ScanQuery::Tracks {
            after,
            standing,
            limit,
        } => Page::Tracks(rows.tracks_after(*after, standing.as_deref(), *limit)?),
        ScanQuery::Unreadable => Page::Unreadable(rows.unreadable()?),
        ScanQuery::Overview => Page::Overview(Overview {
            targets: rows.targets()?,
            principals: rows.principals()?,
            pause: rows.meta()?.pause,
            counts: rows.counts()?,
            tracks: rows.track_counts()?,
            n_unreadable: rows.meta()?.n_unreadable,
            waiting: rows.waiting()?,
            parked: rows.parked()?,
        }),
        ScanQuery::Attempts { principal, limit } => Page::Attempts(rows.latest_attempts(principal, *limit)?),
    })
}

/// One verb under way: the rows, the moment, and what is collected for the caller.
struct Verb<'a> {
    rows: &'a mut dyn Rows,
    now: Timestamp,
    meta: Meta,
    meta_before: Meta,
    alerts: Vec<Alert>,
    settled: Vec<Settled>,
    /// Items that took a step: what was read of them before is old.
    stepped: BTreeSet<ItemId>,
}

impl<'a> Verb<'a> {
    /// Begins a verb: a clock that jumped back takes all stored moments with it.
    fn begin(rows: &'a mut dyn Rows, now: Timestamp) -> Result<Self, JournalError> {
        let meta = rows.meta()?;
        let mut verb = Self {
            rows,
            now,
            meta_before: meta.clone(),
            meta,
            alerts: Vec::new(),
            settled: Vec::new(),
            stepped: BTreeSet::new(),
        };
        let by_ms = now.as_unix_ms().saturating_sub(verb.meta.clock.as_unix_ms());
        if now.after(JUMP) < verb.meta.clock {
            verb.rows.shift_times(by_ms)?;
            if let Some(pause) = verb.meta.pause.as_mut() {
                pause.since = pause.since.shifted_ms(by_ms);
            }
            verb.alerts.push(Alert::ClockJumpedBack { by_ms: -by_ms });
            verb.meta.clock = now;
        } else if by_ms > 0 {
            verb.meta.clock = now;
        }
        Ok(verb)
    }

    /// Ends a verb. A clock that merely went on is written only when something else was, so that looking for work that
    /// is not there writes nothing.
    fn end(self, wrote: bool) -> Result<Vec<Alert>, JournalError> {
        let only_clock = Meta {
            clock: self.meta_before.clock,
            ..self.meta.clone()
        } == self.meta_before;
        if self.meta != self.meta_before && (wrote || !only_clock || !self.alerts.is_empty()) {
            self.rows.put_meta(&self.meta)?;
        }
        Ok(self.alerts)
    }

    fn history(
        &mut self,
        event: Option<EventSeq>,
        item: Option<ItemId>,
        entry: Entry,
    ) -> Result<(), JournalError> {
        self.rows.add_history(&HistoryRow {
            seq: 0,
            at: self.now,
            event,
            item,
            entry,
        })
    }

    fn load(&mut self, id: ItemId) -> Result<Item, JournalError> {
        self.rows.item(id)?.ok_or_else(|| JournalError::Refused {
            why: format!("there is no item {}", id.0),
        })
    }

    /// The item after a step: written, told in the history, and alarmed when it parks.
    fn step(&mut self, item: &Item, step: &Step) -> Result<Item, JournalError> {
        let after = next(item, step, self.now)?;
        let before = line::before(self.rows, item, &after)?;
        self.rows.put_item(&after)?;
        line::moved(self.rows, &before, &after)?;
        self.stepped.insert(after.id);
        if !matches!(step, Step::Look { .. } | Step::Free) {
            self.history(
                Some(item.event),
                Some(item.id),
                Entry::Stepped { step: step.clone() },
            )?;
        }
        let word = |item: &Item| item.verdict.as_ref().map(Verdict::as_str);
        if let Some(verdict) = word(&after).filter(|_| word(&after) != word(item)) {
            self.settled.push(Settled {
                item: item.id,
                route: item.route.clone(),
                verdict,
            });
        }
        if let Step::Park { why } = step {
            self.alerts.push(Alert::Parked {
                route: item.route.clone(),
                relay_id: item.relay_id.to_string(),
                why: why.clone(),
            });
            if after.holds_lane && after.lane.is_some() {
                self.alerts.push(Alert::LaneHeld {
                    route: item.route.clone(),
                    relay_id: item.relay_id.to_string(),
                });
            }
        }
        if matches!(step, Step::Dispatch { .. }) {
            self.begin_track(&after)?;
        }
        Ok(after)
    }

    /// Records that a place of a lane went out, or may have: what waits there and is older never goes.
    fn raise_mark(&mut self, item: &Item) -> Result<(), JournalError> {
        let (Some(lane), Some(place)) = (item.lane.as_deref(), item.place.as_ref()) else {
            return Ok(());
        };
        let mark = lane::raised(self.rows.lane_mark(lane)?, place);
        self.rows.put_lane_mark(lane, &mark)?;
        // Where every version goes out, the lane may be long; whoever is behind the mark stands before all that are not, but for those
        // that somebody allowed.
        if item.policy.lane == lane::LaneMode::Every {
            while let Some(first) = self.rows.lane_first_in_order(lane, item.id)? {
                let Some(step) = lane::behind_mark(&first, Some(&mark)) else {
                    break;
                };
                self.step(&first, &step)?;
            }
            return Ok(());
        }
        for other in self.rows.lane_items(lane)? {
            let waits = matches!(other.phase, Phase::Judging | Phase::Waiting);
            if other.id != item.id
                && waits
                && let Some(step) = lane::behind_mark(&other, Some(&mark))
            {
                self.step(&other, &step)?;
            }
        }
        Ok(())
    }

    /// The item as it is now: read again only if it took a step since.
    fn fresh(&mut self, item: Item) -> Result<Item, JournalError> {
        if self.stepped.contains(&item.id) {
            return self.load(item.id);
        }
        Ok(item)
    }

    fn lane_of(&mut self, item: &Item) -> Result<Vec<Item>, JournalError> {
        item.lane
            .as_deref()
            .map_or_else(|| Ok(Vec::new()), |lane| self.rows.lane_items(lane))
    }

    fn principal(&mut self, name: &str) -> Result<Principal, JournalError> {
        Ok(self.rows.principal(name)?.unwrap_or_else(|| Principal {
            name: name.to_owned(),
            closed_until: None,
            block: None,
            blocked_ms: 0,
        }))
    }

    fn target(&mut self, key: &str) -> Result<Target, JournalError> {
        let missing = || JournalError::Corrupt {
            why: format!("an item names the target {key}, which is not there"),
        };
        self.rows.target(key)?.ok_or_else(missing)
    }

    /// Blocked time of an item's target and principal so far, in milliseconds.
    fn blocked_ms(&mut self, item: &Item) -> Result<i64, JournalError> {
        let (target, principal) = (self.target(&item.target)?, self.principal(&item.principal)?);
        let running = |block: &Option<Block>| {
            block.as_ref().map_or(0, |block| {
                i64::try_from(self.now.since(block.since).as_millis()).unwrap_or(i64::MAX)
            })
        };
        let sum = target.blocked_ms.saturating_add(principal.blocked_ms);
        Ok(sum
            .saturating_add(running(&target.block))
            .saturating_add(running(&target.pause))
            .saturating_add(running(&self.meta.pause))
            .saturating_add(running(&principal.block)))
    }

    /// Closes a principal until the moment that the destination named, as far as that is believed.
    fn throttle(&mut self, name: &str, until: Timestamp) -> Result<(), JournalError> {
        let until = retry::believed(until, self.now);
        let mut principal = self.principal(name)?;
        if until > self.now && principal.closed_until.is_none_or(|known| known < until) {
            principal.closed_until = Some(until);
            self.rows.put_principal(&principal)?;
            self.history(
                None,
                None,
                Entry::Throttled {
                    name: name.to_owned(),
                    until,
                },
            )?;
        }
        Ok(())
    }

    /// Closes a principal, or a repository under one, until a check succeeds.
    fn block(&mut self, scope: Scope, target: &Target, why: &str) -> Result<(), JournalError> {
        let block = Block {
            why: why.to_owned(),
            since: self.now,
        };
        let mut fresh = false;
        match scope {
            Scope::Principal => {
                let mut principal = self.principal(&target.principal)?;
                if principal.block.is_none() {
                    fresh = true;
                    principal.block = Some(block);
                    self.rows.put_principal(&principal)?;
                }
            }
            Scope::Target => {
                for mut other in self.same_repository(target)? {
                    if other.block.is_none() {
                        fresh |= other.key == target.key;
                        other.block = Some(block.clone());
                        other.check_due_at = Some(self.now.after(CHECK_EVERY));
                        self.rows.put_target(&other)?;
                    }
                }
            }
        }
        // Whichever target of a blocked principal is wanted next speaks for all of them.
        for mut checked in self.rows.targets()? {
            let shares_it = scope == Scope::Principal && checked.principal == target.principal;
            if checked.key == target.key || shares_it {
                checked.check_due_at = Some(self.now.after(CHECK_EVERY));
                self.rows.put_target(&checked)?;
            }
        }
        if fresh {
            let (word, name) = scope_and_name(scope, target);
            self.history(
                None,
                None,
                Entry::Blocked {
                    scope: word.clone(),
                    name: name.clone(),
                    why: why.to_owned(),
                },
            )?;
            self.alerts.push(Alert::Blocked {
                scope: word,
                name,
                why: why.to_owned(),
            });
        }
        Ok(())
    }

    /// Opens what a check found open again.
    fn unblock(&mut self, scope: Scope, target: &Target) -> Result<(), JournalError> {
        let lasted =
            |block: &Block, now: Timestamp| i64::try_from(now.since(block.since).as_millis()).unwrap_or(0);
        let mut opened = false;
        match scope {
            Scope::Principal => {
                let mut principal = self.principal(&target.principal)?;
                if let Some(block) = principal.block.take() {
                    opened = true;
                    principal.blocked_ms = principal.blocked_ms.saturating_add(lasted(&block, self.now));
                    self.rows.put_principal(&principal)?;
                }
            }
            Scope::Target => {
                for mut other in self.same_repository(target)? {
                    if let Some(block) = other.block.take() {
                        opened = true;
                        other.blocked_ms = other.blocked_ms.saturating_add(lasted(&block, self.now));
                        // One whose own check was asked for and lost is asked for again: nothing is sent before it.
                        if other.checked_epoch == Some(self.meta.epoch) {
                            other.check_due_at = None;
                        }
                        self.rows.put_target(&other)?;
                    }
                }
            }
        }
        if opened {
            let (word, name) = scope_and_name(scope, target);
            self.history(
                None,
                None,
                Entry::Unblocked {
                    scope: word.clone(),
                    name: name.clone(),
                },
            )?;
            self.alerts.push(Alert::Unblocked { scope: word, name });
        }
        Ok(())
    }

    /// All targets of one repository under one identity, whatever event type they send.
    fn same_repository(&mut self, target: &Target) -> Result<Vec<Target>, JournalError> {
        let mut targets = self.rows.targets()?;
        targets.retain(|other| {
            other.principal == target.principal && other.repository.eq_ignore_ascii_case(&target.repository)
        });
        Ok(targets)
    }

    /// Ends leases whose time, or whose owner, has passed: looks are freed, sends become unknown.
    fn end_lost_leases(&mut self) -> Result<bool, JournalError> {
        let lost = self.rows.lost_leases(self.meta.epoch, self.now)?;
        let wrote = !lost.is_empty();
        for item in lost {
            // The end of one lease may have settled another of this list.
            let item = &self.fresh(item)?;
            if item.lease.is_none() {
                continue;
            }
            if item.phase != Phase::Sending {
                self.step(item, &Step::Free)?;
                continue;
            }
            if let Some(lease) = item.lease {
                self.rows.end_attempt(lease.fence, self.now)?;
            }
            let step = retry::after_lost_lease(item, self.now);
            self.after_unknown(item, &step)?;
        }
        Ok(wrote)
    }

    /// A step after a request that may be at GitHub: the lane's mark rises before anything else can go.
    fn after_unknown(&mut self, item: &Item, step: &Step) -> Result<(), JournalError> {
        let after = self.step(item, step)?;
        self.raise_mark(&after)?;
        self.give_way(&after)
    }

    /// Lets a waiting item give way to a newer one that waits behind it in a lane of the latest.
    fn give_way(&mut self, item: &Item) -> Result<(), JournalError> {
        if item.phase != Phase::Waiting || item.policy.lane != lane::LaneMode::Latest || item.allow_older {
            return Ok(());
        }
        let others = self.lane_of(item)?;
        if let Some(newer) = lane::newer_waits(item, &others) {
            self.step(
                item,
                &Step::Supersede {
                    by: lane::named(newer),
                },
            )?;
        }
        Ok(())
    }
}

fn scope_and_name(scope: Scope, target: &Target) -> (String, String) {
    match scope {
        Scope::Principal => ("principal".to_owned(), target.principal.clone()),
        Scope::Target => (
            "target".to_owned(),
            format!("{} as {}", target.repository, target.principal),
        ),
    }
}
