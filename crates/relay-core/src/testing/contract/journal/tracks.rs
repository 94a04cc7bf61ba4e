//! **Here**: what clauses on tracking do and read: a dispatched item, looks at it, how it stands.
//! **Not here**: the clauses (`tracking`, `following`).
//! **Reads**: `trial`, `view`.
//! **Source**: our own.
#![expect(
    clippy::panic,
    reason = "a clause that does not hold says so by panicking, as tests do"
)]

use crate::alarm::Alert;
use crate::dispatch::{Checked, DispatchError, RunState};
use crate::journal::item::{ItemId, Policy};
use crate::journal::scan::{Entry, Page, ScanQuery};
use crate::journal::track::Track;
use crate::journal::{Record, Task, Tracking, Written};
use crate::testing::contract::journal::trial::{Trial, holds, not_seen, run, same, secs};
use crate::testing::rows::Arrival;
use crate::tracker::{Observation, TrackStep};

/// Seen within ten minutes, concluded within an hour.
pub(super) fn followed(policy: &mut Policy) {
    policy.run_seen_within = Some(secs(600));
    policy.run_concluded_within = Some(secs(3_600));
}

pub(super) fn arrival(version: &str) -> Arrival {
    Arrival::new("m", version).with_policy(followed)
}

pub(super) fn state(status: &str, conclusion: Option<&str>) -> Observation {
    Observation::Run(Ok(RunState {
        run: run("7"),
        status: Some(status.to_owned()),
        conclusion: conclusion.map(str::to_owned),
    }))
}

pub(super) fn running() -> Observation {
    state("in_progress", None)
}

pub(super) fn succeeded() -> Observation {
    state("completed", Some("success"))
}

pub(super) fn checked(shows_relay_id: Option<bool>) -> Result<Checked, DispatchError> {
    Ok(Checked {
        shows_relay_id,
        remarks: Vec::new(),
    })
}

impl Trial<'_> {
    /// An item that was dispatched just now, without a run in the answer.
    pub(super) async fn dispatch(&mut self, arrival: &Arrival) -> ItemId {
        let id = self.arrive(arrival).await;
        self.open().await;
        let work = self.send(id).await;
        self.dispatched(&work).await;
        id
    }

    pub(super) async fn tracks(&self) -> Vec<Track> {
        let query = ScanQuery::Tracks {
            after: ItemId(0),
            standing: None,
            limit: 1_000,
        };
        match self.journal.scan(query).await {
            Ok(Page::Tracks(tracks)) => tracks,
            other => panic!(
                "clause {} is broken: a scan for tracks gave {other:?}",
                self.clause
            ),
        }
    }

    pub(super) async fn track(&self, id: ItemId) -> Track {
        let tracks = self.tracks().await;
        match tracks.into_iter().find(|track| track.item == id) {
            Some(track) => track,
            None => panic!("clause {} is broken: item {} is not followed", self.clause, id.0),
        }
    }

    pub(super) async fn expect_standing(&self, id: ItemId, word: &str) {
        let track = self.track(id).await;
        same!(self, track.standing(), word, "how it stands: {track:?}");
        let query = ScanQuery::Tracks {
            after: ItemId(id.0 - 1),
            standing: Some(word.to_owned()),
            limit: 1,
        };
        match self.journal.scan(query).await {
            Ok(Page::Tracks(found)) => same!(self, found, [track], "it is found by its word"),
            other => panic!(
                "clause {} is broken: a scan for {word} gave {other:?}",
                self.clause
            ),
        }
        let counts = self.overview().await.tracks;
        holds!(
            self,
            counts.iter().any(|(known, n)| known == word && *n > 0),
            "{word} is counted: {counts:?}"
        );
    }

    /// What is to be followed now.
    pub(super) async fn tracking(&mut self) -> Vec<Tracking> {
        let clause = self.clause;
        let only = |task| match task {
            Task::Track(work) => work,
            other => panic!("clause {clause} is broken: only tracks are due, not {other:?}"),
        };
        self.looks().await.into_iter().map(only).collect()
    }

    /// The one item that is to be followed at the moment at which it is due, which is this one.
    pub(super) async fn next_look(&mut self, id: ItemId) -> Tracking {
        let due = self.track(id).await.due_at;
        if due > self.now {
            self.advance_to(due);
        }
        let mut work = self.tracking().await;
        let ids: Vec<_> = work.iter().map(|work| work.item.id).collect();
        same!(self, ids, [id], "this item is to be followed at {}", self.now);
        work.remove(0)
    }

    pub(super) async fn saw(&mut self, work: &Tracking, seen: Observation) -> Written {
        let (item, fence) = (work.item.id, work.fence);
        self.record(Record::Tracked { item, fence, seen }).await
    }

    pub(super) async fn see(&mut self, id: ItemId, seen: Observation) {
        let work = self.next_look(id).await;
        let written = self.saw(&work, seen).await;
        same!(self, written.fenced, [], "it came with the current fence");
    }

    pub(super) async fn look_in_vain(&mut self, id: ItemId) {
        self.see(id, Observation::Look(not_seen())).await;
    }

    /// What the history tells of the track of an item.
    pub(super) async fn told(&self, id: ItemId) -> Vec<TrackStep> {
        let rows = self.history_after(0, Some(id), 1_000).await;
        let steps = rows.into_iter().filter_map(|row| match row.entry {
            Entry::Tracked { step } => Some(step),
            _ => None,
        });
        steps.collect()
    }

    pub(super) async fn told_words(&self, id: ItemId) -> Vec<&'static str> {
        self.told(id).await.iter().map(TrackStep::as_str).collect()
    }

    pub(super) fn n_late(&self) -> usize {
        self.n_alerts(|alert| matches!(alert, Alert::RunLate { .. }))
    }

    pub(super) fn n_failed(&self) -> usize {
        self.n_alerts(|alert| matches!(alert, Alert::RunFailed { .. }))
    }

    /// Nothing is ever due any more.
    pub(super) async fn ended(&mut self) {
        let due = self.idle().await;
        same!(self, due, None, "nothing is due any more");
    }
}
