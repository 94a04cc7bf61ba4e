//! **Here**: what a verb does about tracks: begins one with a dispatch, leases what is due, writes down what was seen.
//! **Not here**: which step follows (`tracker`), the looks themselves (`worker`).
//! **Reads**: `claim` and `record` call it.
//! **Source**: DESIGN section 7.

use std::collections::BTreeSet;

use crate::alarm::Alert;
use crate::clock::Timestamp;
use crate::dispatch::{Advice, Scope};
use crate::journal::item::{Item, ItemId, RunRef};
use crate::journal::scan::Entry;
use crate::journal::state::Step;
use crate::journal::track::{Stage, Track, TrackEnd, succeeded};
use crate::journal::verbs::{Verb, claim, record};
use crate::journal::{ClaimRequest, JournalError, Tracking, Work};
use crate::tracker::{self, Observation, TrackStep};

impl Verb<'_> {
    /// Follows an item that was dispatched just now, as its route wants it.
    pub(super) fn begin_track(&mut self, item: &Item) -> Result<(), JournalError> {
        let target = self.target(&item.target)?;
        let Some(track) = tracker::begin(item, &target, self.now) else {
            return Ok(());
        };
        self.rows.put_track(&track)?;
        match track.end {
            Some(TrackEnd::Untracked { why }) => self.tell(item, TrackStep::GiveUp { why }),
            _ => Ok(()),
        }
    }

    /// What is due to be looked at, as far as `room` and the pace of each identity go; and when more may begin that is due already.
    pub(super) fn claim_tracks(
        &mut self,
        request: &ClaimRequest,
        room: usize,
    ) -> Result<(Vec<Tracking>, Option<Timestamp>), JournalError> {
        let room = room.min(tracker::AT_ONCE.saturating_sub(self.rows.n_leased_tracks()?));
        let mut opens: Option<Timestamp> = None;
        let mut note = |at: Timestamp| opens = Some(opens.map_or(at, |known| known.min(at)));
        let mut due = Vec::new();
        for key in self.rows.tracked_targets()? {
            let target = self.target(&key)?;
            let principal = self.principal(&target.principal)?;
            // What a person paused may still be looked at.
            if target.block.is_some() || principal.block.is_some() {
                continue;
            }
            let throttled = principal.closed_until.filter(|until| *until > self.now);
            let limit = if throttled.is_some() { 1 } else { room };
            let found = self.rows.due_tracks(&key, self.now, limit)?;
            match throttled {
                Some(until) if !found.is_empty() => note(until),
                Some(_) => {}
                None => due.extend(found.into_iter().map(|track| (target.principal.clone(), track))),
            }
        }
        // Whoever has waited longest comes first, wherever it went.
        due.sort_by_key(|(_, track)| (track.due_at, track.item));
        let (mut tracking, mut spent) = (Vec::new(), BTreeSet::new());
        for (principal, track) in due {
            if tracking.len() >= room {
                break;
            }
            if spent.contains(&principal) {
                continue;
            }
            match tracker::pace(self.rows.looks_spent_until(&principal)?, self.now) {
                Ok(until) => self.rows.put_looks_spent_until(&principal, until)?,
                Err(at) => {
                    note(at);
                    spent.insert(principal);
                    continue;
                }
            }
            let lease = claim::lease(self, request);
            let item = self.load(track.item)?;
            let track = self.track_step(&item, &track, &TrackStep::Look { lease })?;
            let Work {
                item, fence, body, ..
            } = claim::work(self, item, lease.fence)?;
            tracking.push(Tracking {
                item,
                track,
                fence,
                body,
            });
        }
        Ok((tracking, opens))
    }

    /// The targets that items go to, and those that are closed while runs there are followed: who opens them has to ask.
    pub(super) fn also_blocked(&mut self, wanted: &[String]) -> Result<Vec<String>, JournalError> {
        let mut also: BTreeSet<String> = wanted.iter().cloned().collect();
        for key in self.rows.tracked_targets()? {
            let target = self.target(&key)?;
            if target.block.is_some() || self.principal(&target.principal)?.block.is_some() {
                also.insert(key);
            }
        }
        Ok(also.into_iter().collect())
    }

    /// Frees the tracks whose looks were lost: looking again does no harm.
    pub(super) fn end_lost_tracks(&mut self) -> Result<bool, JournalError> {
        let lost = self.rows.lost_tracks(self.meta.epoch, self.now)?;
        for track in &lost {
            self.rows.put_track(&tracker::next(track, &TrackStep::Free)?)?;
        }
        Ok(!lost.is_empty())
    }

    /// Writes down what was seen of an item; false when the fence is not the current one.
    pub(super) fn tracked(
        &mut self,
        id: ItemId,
        fence: u64,
        seen: &Observation,
    ) -> Result<bool, JournalError> {
        let is_current = |track: &Track| {
            track
                .lease
                .is_some_and(|lease| lease.fence == fence && lease.epoch == self.meta.epoch)
        };
        let Some(mut track) = self.rows.track(id)?.filter(is_current) else {
            return Ok(false);
        };
        let item = self.load(id)?;
        match seen.error() {
            // Who may not look may still send.
            None => {}
            Some(error) if error.advice == Advice::Block(Scope::Target) => {}
            Some(error) => record::close(self, &item, error)?,
        }
        let shows = self.target(&item.target)?.shows_relay_id;
        for step in tracker::after_look(&track, &item.policy, shows, seen, self.now) {
            track = self.track_step(&item, &track, &step)?;
        }
        Ok(true)
    }

    /// A run was seen by whoever: the item knows it, and what looked for it follows it from now on.
    pub(super) fn run_seen(&mut self, item: &Item, run: &RunRef) -> Result<(), JournalError> {
        match self.rows.track(item.id)? {
            Some(track) if track.stage == Stage::Seeking => {
                let step = tracker::see(run, &item.policy, self.now);
                self.track_step(item, &track, &step).map(drop)
            }
            _ => self.see(item, run),
        }
    }

    fn see(&mut self, item: &Item, run: &RunRef) -> Result<(), JournalError> {
        self.step(item, &Step::SeeRun { run: run.clone() })?;
        record::shows_relay_id(self, item)
    }

    /// The track after a step: written, told in the history, and alarmed where it is late or failed.
    fn track_step(&mut self, item: &Item, track: &Track, step: &TrackStep) -> Result<Track, JournalError> {
        let after = tracker::next(track, step)?;
        self.rows.put_track(&after)?;
        if step.is_told() {
            self.tell(item, step.clone())?;
        }
        let (route, relay_id) = (item.route.clone(), item.relay_id.to_string());
        match step {
            TrackStep::See { run, .. } => self.see(item, run)?,
            TrackStep::Late { why } => self.alerts.push(Alert::RunLate {
                route,
                relay_id,
                why: why.clone(),
            }),
            TrackStep::Conclude { run, conclusion } if !succeeded(conclusion) => {
                self.alerts.push(Alert::RunFailed {
                    route,
                    relay_id,
                    run: run.id.clone(),
                    url: run.url.clone(),
                    conclusion: conclusion.clone(),
                });
            }
            _ => {}
        }
        Ok(after)
    }

    fn tell(&mut self, item: &Item, step: TrackStep) -> Result<(), JournalError> {
        self.history(Some(item.event), Some(item.id), Entry::Tracked { step })
    }
}
