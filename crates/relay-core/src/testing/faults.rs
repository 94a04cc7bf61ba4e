//! **Here**: [`FaultyJournal`], a journal whose n-th verb fails or stops the process, by a [`FaultPlan`].
//! **Not here**: what must hold afterwards (`tests/it/crash.rs`, and yours).
//! **Reads**: `journal`.
//! **Source**: our own; STYLE section 8, crash.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::journal::scan::{Page, ScanQuery};
use crate::journal::{
    AcceptBatch, Acceptance, ClaimRequest, Claimed, Durability, Journal, JournalError, Record, Settlement,
    Written,
};

/// Where a verb is cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a verb is one transaction: there is nothing between"
)]
pub enum Cut {
    /// Before the journal has written: nothing of the verb is there.
    Before,
    /// After the journal has written, before the caller knows.
    After,
}

/// Which verb goes wrong, and how. Verbs are counted from 0; `scan` is not one of them, since it changes nothing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FaultPlan {
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Fault {
    verb: usize,
    cut: Cut,
    stops: bool,
}

impl FaultPlan {
    /// Nothing goes wrong.
    #[must_use]
    pub const fn none() -> Self {
        Self { fault: None }
    }

    /// The verb with this number answers `Unavailable`; later ones work.
    #[must_use]
    pub const fn fail(verb: usize, cut: Cut) -> Self {
        Self {
            fault: Some(Fault {
                verb,
                cut,
                stops: false,
            }),
        }
    }

    /// The process stops at the verb with this number: it and every later call answer `Unavailable`.
    #[must_use]
    pub const fn stop(verb: usize, cut: Cut) -> Self {
        Self {
            fault: Some(Fault {
                verb,
                cut,
                stops: true,
            }),
        }
    }
}

/// A journal with a plan of what goes wrong.
#[derive(Debug)]
pub struct FaultyJournal<J> {
    inner: J,
    plan: FaultPlan,
    n_verbs: AtomicUsize,
    stopped: AtomicBool,
}

impl<J> FaultyJournal<J> {
    /// This journal, going wrong by this plan.
    #[must_use]
    pub const fn new(inner: J, plan: FaultPlan) -> Self {
        Self {
            inner,
            plan,
            n_verbs: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// The journal inside, which a new process would open.
    #[must_use]
    pub const fn inner(&self) -> &J {
        &self.inner
    }

    /// How many verbs were called so far, failed ones included.
    #[must_use]
    pub fn n_verbs(&self) -> usize {
        self.n_verbs.load(Ordering::SeqCst)
    }

    /// Whether the process has stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn begin(&self) -> Result<Option<Fault>, JournalError> {
        self.alive()?;
        let verb = self.n_verbs.fetch_add(1, Ordering::SeqCst);
        let fault = self.plan.fault.filter(|fault| fault.verb == verb);
        if let Some(fault) = fault
            && fault.cut == Cut::Before
        {
            return Err(self.go_wrong(fault));
        }
        Ok(fault)
    }

    fn alive(&self) -> Result<(), JournalError> {
        if self.is_stopped() {
            Err(JournalError::Unavailable {
                why: "the process has stopped".to_owned(),
            })
        } else {
            Ok(())
        }
    }

    fn go_wrong(&self, fault: Fault) -> JournalError {
        self.stopped.store(fault.stops, Ordering::SeqCst);
        JournalError::Unavailable {
            why: format!("verb {} was cut {:?} it was written", fault.verb, fault.cut),
        }
    }

    fn end<T>(&self, fault: Option<Fault>, result: Result<T, JournalError>) -> Result<T, JournalError> {
        match (fault, result) {
            (Some(fault), Ok(_)) => Err(self.go_wrong(fault)),
            (_, result) => result,
        }
    }
}

#[async_trait]
impl<J: Journal> Journal for FaultyJournal<J> {
    fn durability(&self) -> Durability {
        self.inner.durability()
    }

    async fn accept(&self, batch: AcceptBatch) -> Result<Acceptance, JournalError> {
        let fault = self.begin()?;
        self.end(fault, self.inner.accept(batch).await)
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, JournalError> {
        let fault = self.begin()?;
        self.end(fault, self.inner.claim(request).await)
    }

    async fn record(&self, now: Timestamp, batch: Vec<Record>) -> Result<Written, JournalError> {
        let fault = self.begin()?;
        self.end(fault, self.inner.record(now, batch).await)
    }

    async fn settle(&self, now: Timestamp, batch: Vec<Settlement>) -> Result<Written, JournalError> {
        let fault = self.begin()?;
        self.end(fault, self.inner.settle(now, batch).await)
    }

    async fn scan(&self, query: ScanQuery) -> Result<Page, JournalError> {
        self.alive()?;
        self.inner.scan(query).await
    }
}
