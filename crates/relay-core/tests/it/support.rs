//! **Here**: a destination that keeps count of what takes effect, and a worker of a few lines, independent of the crate's own.
//! **Not here**: what must hold (`crash`, `props`).
//! **Reads**: `relay_core::journal` by its trait.
//! **Source**: DESIGN sections 2 and 5.

use std::collections::BTreeMap;
use std::time::Duration;

use relay_core::alarm::Alert;
use relay_core::clock::Timestamp;
use relay_core::dispatch::{Advice, Checked, DispatchError, Dispatched, RunState, Sighting};
use relay_core::journal::item::{Item, ItemId, RunRef};
use relay_core::journal::scan::{ItemFilter, Page, ScanQuery};
use relay_core::journal::track::Stage;
use relay_core::journal::{
    Budgets, ClaimKind, ClaimRequest, Journal, JournalError, Record, Settlement, Task, Tracking, Work,
    Written,
};
use relay_core::tracker::{self, Observation};

pub(crate) const START: Timestamp = Timestamp::from_unix_ms(1_763_856_000_000);

/// How the destination treats one request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Conduct {
    /// It takes effect, and says so.
    Accept,
    /// It takes effect, and the answer is lost.
    LoseAnswer,
    /// It does not take effect, and nobody can know.
    LoseRequest,
    /// It surely does not take effect.
    NotReached,
    /// It is refused for a minute.
    Limit,
}

/// A destination that keeps count.
#[derive(Debug, Default)]
pub(crate) struct Destination {
    /// How it treats requests, one after the other, and from the beginning again.
    pub(crate) conducts: Vec<Conduct>,
    /// Whether runs show the relay id, and whether it says so when checked.
    pub(crate) shows: bool,
    /// When each request of a relay id took effect.
    pub(crate) effects: BTreeMap<String, Vec<Timestamp>>,
    pub(crate) n_requests: usize,
}

impl Destination {
    fn dispatch(&mut self, relay_id: &str, now: Timestamp) -> Result<Dispatched, DispatchError> {
        let conduct = self.conducts[self.n_requests % self.conducts.len()];
        self.n_requests += 1;
        let effect = matches!(conduct, Conduct::Accept | Conduct::LoseAnswer);
        if effect {
            self.effects.entry(relay_id.to_owned()).or_default().push(now);
        }
        match conduct {
            Conduct::Accept => Ok(Dispatched::default()),
            Conduct::LoseAnswer | Conduct::LoseRequest => {
                Err(DispatchError::new(Advice::Unknown, "no answer"))
            }
            Conduct::NotReached => Err(DispatchError::new(Advice::NotSent, "no connection")),
            Conduct::Limit => Err(DispatchError::new(
                Advice::Throttled {
                    until: now.after(Duration::from_secs(60)),
                },
                "limit",
            )),
        }
    }

    /// What is seen of a dispatched item: every run ends at once, and well, but for those of the model `bad`; of the model `none`
    /// there is none.
    fn follow(&self, work: &Tracking) -> Observation {
        let is_of = |model: &str| work.item.lane.as_ref().is_some_and(|lane| lane.contains(model));
        match (work.track.stage, tracker::run_of(&work.item)) {
            _ if is_of("\"none\"") => Observation::Look(Ok(Sighting::NotSeen)),
            (Stage::Following, Some(run)) => Observation::Run(Ok(RunState {
                run: run.clone(),
                status: Some("completed".to_owned()),
                conclusion: Some(if is_of("\"bad\"") { "failure" } else { "success" }.to_owned()),
            })),
            _ => {
                let since = tracker::list_from(&work.item, &work.track);
                Observation::Look(Ok(self.probe(work.item.relay_id.as_str(), since)))
            }
        }
    }

    /// Lists runs that were created since a moment, as GitHub does.
    fn probe(&self, relay_id: &str, since: Timestamp) -> Sighting {
        let shown = self.shows
            && self
                .effects
                .get(relay_id)
                .is_some_and(|at| at.iter().any(|at| *at >= since));
        if shown {
            Sighting::Seen(RunRef {
                id: "1".to_owned(),
                url: None,
            })
        } else {
            Sighting::NotSeen
        }
    }
}

/// A worker: claims, does, writes down. It gives up at the first error, as a process that stops.
#[derive(Debug)]
pub(crate) struct Worker<'a> {
    pub(crate) journal: &'a dyn Journal,
    pub(crate) budgets: Budgets,
    pub(crate) now: Timestamp,
    pub(crate) lease: Duration,
    /// What was handed out for a person.
    pub(crate) alerts: Vec<Alert>,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(journal: &'a dyn Journal, budgets: Budgets, now: Timestamp, lease: Duration) -> Self {
        Self {
            journal,
            budgets,
            now,
            lease,
            alerts: Vec::new(),
        }
    }
}

impl Worker<'_> {
    /// One claim of each kind; gives how much was done, and when there may be more.
    pub(crate) async fn round(
        &mut self,
        to: &mut Destination,
    ) -> Result<(usize, Option<Timestamp>), JournalError> {
        let looks = self.claim(ClaimKind::Judge).await?;
        let mut n = looks.0.len();
        for task in looks.0 {
            let record = match task {
                Task::Judge(work) => Record::Admit {
                    item: work.item.id,
                    fence: work.fence,
                },
                Task::Check(target) => {
                    let result = Ok(Checked {
                        shows_relay_id: Some(to.shows),
                        remarks: Vec::new(),
                    });
                    Record::Checked {
                        target: target.key,
                        result,
                    }
                }
                Task::Probe(work) => {
                    let look = Ok(to.probe(work.item.relay_id.as_str(), list_from(&work.item)));
                    Record::Looked {
                        item: work.item.id,
                        fence: work.fence,
                        look,
                    }
                }
                Task::Track(work) => Record::Tracked {
                    item: work.item.id,
                    fence: work.fence,
                    seen: to.follow(&work),
                },
                Task::Send(_) => unreachable!("a claim for looks gives no sends"),
            };
            let written = self.journal.record(self.now, vec![record]).await?;
            self.written(written);
        }
        let sends = self.claim(ClaimKind::Send).await?;
        n += sends.0.len();
        for task in sends.0 {
            let Task::Send(work) = task else {
                unreachable!("a claim for sends gives nothing else")
            };
            self.send(&work, to).await?;
        }
        Ok((n, looks.1.into_iter().chain(sends.1).min()))
    }

    async fn send(&mut self, work: &Work, to: &mut Destination) -> Result<(), JournalError> {
        let (item, fence) = (work.item.id, work.fence);
        let written = match to.dispatch(work.item.relay_id.as_str(), self.now) {
            Ok(answer) => {
                self.journal
                    .settle(self.now, vec![Settlement::Dispatched { item, fence, answer }])
                    .await?
            }
            Err(error) => {
                self.journal
                    .record(self.now, vec![Record::Failed { item, fence, error }])
                    .await?
            }
        };
        self.written(written);
        Ok(())
    }

    fn written(&mut self, written: Written) {
        assert_eq!(written.fenced, [], "nobody else works at {}", self.now);
        self.alerts.extend(written.alerts);
    }

    async fn claim(&self, kind: ClaimKind) -> Result<(Vec<Task>, Option<Timestamp>), JournalError> {
        let request = ClaimRequest {
            kind,
            now: self.now,
            lease: self.lease,
            max: 3,
            budgets: self.budgets.clone(),
        };
        let claimed = self.journal.claim(request).await?;
        Ok((claimed.tasks, claimed.next_due))
    }

    /// Works until nothing is due any more, however late that is.
    pub(crate) async fn drain(&mut self, to: &mut Destination) -> Result<(), JournalError> {
        for _ in 0..5_000 {
            match self.round(to).await? {
                (0, None) => return Ok(()),
                (0, Some(due)) => {
                    assert!(
                        due > self.now,
                        "at {} nothing can be done, yet {due} is the next due time",
                        self.now
                    );
                    self.now = due;
                }
                _ => {}
            }
        }
        panic!("it never ends: {:#?}", items(self.journal).await);
    }
}

/// From when on runs are listed: from an hour before the intent.
fn list_from(item: &Item) -> Timestamp {
    item.unknown_since
        .unwrap_or(item.created_at)
        .before(Duration::from_secs(3_600))
}

/// All items.
pub(crate) async fn items(journal: &dyn Journal) -> Vec<Item> {
    let query = ScanQuery::Items {
        after: ItemId(0),
        filter: ItemFilter::default(),
        limit: 100_000,
    };
    let Ok(Page::Items(items)) = journal.scan(query).await else {
        panic!("the items can be read")
    };
    items
}
