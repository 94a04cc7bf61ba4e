//! **Here**: [`Disk`], what survives a process, and [`SimJournal`], a process's way to it: verbs that take time, fail, or are written and fail.
//! **Not here**: what the verbs do (the real journals).
//! **Reads**: `weather`; tells `judge` what was written, whether the caller learns it or not.
//! **Source**: DESIGN section 5: `Ok` means durable, `Err` means that nothing was written, and a caller that stops does not know.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use async_trait::async_trait;
use relay_core::budget::Budget;
use relay_core::clock::Timestamp;
use relay_core::dispatch::{Advice, DispatchError};
use relay_core::journal::scan::{Page, ScanQuery};
use relay_core::journal::{
    AcceptBatch, Acceptance, Budgets, ClaimRequest, Claimed, Command, Durability, Fate, Journal,
    JournalError, MemoryJournal, Record, Settlement, Task, Written,
};
use relay_core::lane::Place;
use relay_core::testing::faults::Cut;
use relay_sqlite::{OpenOptions, SqliteJournal};
use tempfile::TempDir;

use crate::plan::Engine;
use crate::sabotage::Sabotage;
use crate::stage::Stage;
use crate::time::{Sleep, yield_now};

/// What survives a process.
pub(crate) enum Disk {
    Memory(Arc<MemoryJournal>),
    Sqlite {
        path: PathBuf,
        open: Option<Arc<SqliteJournal>>,
        _folder: TempDir,
    },
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory(_) => "memory",
            Self::Sqlite { .. } => "sqlite",
        })
    }
}

impl Disk {
    pub(crate) fn new(engine: Engine) -> Self {
        match engine {
            Engine::Memory => Self::Memory(Arc::new(MemoryJournal::new())),
            Engine::Sqlite => {
                // What a disk makes of a sync is proved elsewhere; in memory a sync costs nothing.
                let in_memory = tempfile::tempdir_in("/dev/shm");
                let folder = in_memory
                    .or_else(|_| tempfile::tempdir())
                    .expect("a folder for a journal");
                Self::Sqlite {
                    path: folder.path().join("relay.db"),
                    open: None,
                    _folder: folder,
                }
            }
        }
    }

    /// Opens it as a new process does.
    pub(crate) fn open(&mut self) -> Arc<dyn Journal> {
        match self {
            Self::Memory(journal) => {
                journal.reopen();
                Arc::clone(journal) as Arc<dyn Journal>
            }
            Self::Sqlite { path, open, .. } => {
                if let Some(former) = open.take() {
                    former
                        .close()
                        .expect("the former process's journal can be closed");
                }
                let journal = Arc::new(
                    SqliteJournal::open(path, OpenOptions::new()).expect("the journal can be opened again"),
                );
                *open = Some(Arc::clone(&journal));
                journal
            }
        }
    }

    /// Reads what is there, whatever process runs.
    pub(crate) fn scan(&self, query: ScanQuery) -> Page {
        let page = match self {
            Self::Memory(journal) => finish(journal.scan(query)),
            Self::Sqlite { open, .. } => finish(open.as_ref().expect("it was opened").scan(query)),
        };
        page.expect("a journal can be read")
    }

    pub(crate) fn journal(&self) -> Arc<dyn Journal> {
        match self {
            Self::Memory(journal) => Arc::clone(journal) as Arc<dyn Journal>,
            Self::Sqlite { open, .. } => {
                Arc::clone(open.as_ref().expect("it was opened")) as Arc<dyn Journal>
            }
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future that ends without our time: a verb of a journal that has threads of its own.
pub(crate) fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// A process's way to the disk.
#[derive(Debug)]
pub(crate) struct SimJournal {
    pub(crate) stage: Stage,
    pub(crate) disk: Arc<dyn Journal>,
}

/// The words for a verb.
struct Verb {
    name: &'static str,
    begins: &'static str,
    is_written: &'static str,
}

const ACCEPT: Verb = Verb {
    name: "verbs: accept",
    begins: "accept begins",
    is_written: "accept is written",
};
const CLAIM: Verb = Verb {
    name: "verbs: claim",
    begins: "claim begins",
    is_written: "claim is written",
};
const RECORD: Verb = Verb {
    name: "verbs: record",
    begins: "record begins",
    is_written: "record is written",
};
const SETTLE: Verb = Verb {
    name: "verbs: settle",
    begins: "settle begins",
    is_written: "settle is written",
};

fn gone_wrong(cut: Cut) -> JournalError {
    JournalError::Unavailable {
        why: format!("the disk failed {cut:?}"),
    }
}

impl SimJournal {
    /// What befalls a verb.
    async fn begin(&self, verb: &'static Verb) -> Result<Option<Cut>, JournalError> {
        let (cut, wait) = {
            let state = &mut *self.stage.lock();
            state.step(verb.begins);
            state.count(verb.name);
            let fails = state.random.per_mille(state.weather.disk);
            let cut = fails.then(|| state.random.pick(&[Cut::Before, Cut::After]));
            (cut, latency(state))
        };
        self.pass(wait).await;
        if cut == Some(Cut::Before) {
            self.stage.lock().count("journal failures before the write");
            return Err(gone_wrong(Cut::Before));
        }
        Ok(cut)
    }

    async fn end<T: Send>(
        &self,
        verb: &'static Verb,
        idle: bool,
        cut: Option<Cut>,
        result: Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let wait = {
            let state = &mut *self.stage.lock();
            state.step(if idle {
                "claim gives nothing"
            } else {
                verb.is_written
            });
            latency(state)
        };
        self.pass(wait).await;
        if result.is_ok() && cut.is_some() {
            self.stage.lock().count("journal failures after the write");
            return Err(gone_wrong(Cut::After));
        }
        result
    }

    /// A process may stop here.
    async fn pass(&self, wait: Option<i64>) {
        match wait {
            Some(ms) => Sleep::new(&self.stage, ms).await,
            None => yield_now().await,
        }
    }

    fn sabotage(&self) -> Sabotage {
        self.stage.lock().sabotage
    }
}

fn latency(state: &mut crate::stage::State) -> Option<i64> {
    if state.random.per_mille(state.weather.slow_disk) {
        return Some(state.random.within(1, 1_500));
    }
    match state.random.below(4) {
        0 => Some(state.random.within(1, 20)),
        _ => None,
    }
}

#[async_trait]
impl Journal for SimJournal {
    fn durability(&self) -> Durability {
        self.disk.durability()
    }

    async fn accept(&self, batch: AcceptBatch) -> Result<Acceptance, JournalError> {
        let cut = self.begin(&ACCEPT).await?;
        let told = batch.clone();
        let result = match self.sabotage() {
            Sabotage::AcceptsWithoutWriting if told.now.as_unix_ms() % 8 == 0 => Ok(Acceptance {
                fates: vec![Fate::SeenAgain; told.events.len()],
                ..Acceptance::default()
            }),
            sabotage => {
                let result = finish(self.disk.accept(broken(batch, sabotage)));
                self.stage.lock().judge_accepted(&told, &result);
                result
            }
        };
        self.end(&ACCEPT, false, cut, result).await
    }

    async fn claim(&self, mut request: ClaimRequest) -> Result<Claimed, JournalError> {
        let cut = self.begin(&CLAIM).await?;
        let sabotage = self.sabotage();
        if sabotage == Sabotage::HasNoBudget {
            let default = Budget::unbounded().with_max_in_flight(0);
            request.budgets = Budgets {
                default,
                ..Budgets::default()
            };
        }
        let mut result = finish(self.disk.claim(request));
        if let (Sabotage::NeverLooks, Ok(claimed)) = (sabotage, &mut result) {
            claimed.tasks.retain(|task| !matches!(task, Task::Probe(_)));
        }
        self.stage.lock().judge_claimed(&result);
        let idle = result.as_ref().is_ok_and(|claimed| claimed.tasks.is_empty());
        self.end(&CLAIM, idle, cut, result).await
    }

    async fn record(&self, now: Timestamp, batch: Vec<Record>) -> Result<Written, JournalError> {
        let cut = self.begin(&RECORD).await?;
        let mut written = batch.clone();
        match self.sabotage() {
            Sabotage::ForgetsBlocks => written.iter_mut().for_each(forget_block),
            Sabotage::ForgetsPauses => {
                written.retain(|record| !matches!(record, Record::Command(Command::Pause { .. })));
            }
            _ => {}
        }
        let result = finish(self.disk.record(now, written));
        self.stage.lock().judge_recorded(&batch, &result);
        self.end(&RECORD, false, cut, result).await
    }

    async fn settle(&self, now: Timestamp, batch: Vec<Settlement>) -> Result<Written, JournalError> {
        let cut = self.begin(&SETTLE).await?;
        let result = match self.sabotage() {
            Sabotage::LosesVerdicts => Ok(Written::default()),
            _ => finish(self.disk.settle(now, batch.clone())),
        };
        self.stage.lock().judge_settled(&batch, &result);
        self.end(&SETTLE, false, cut, result).await
    }

    async fn scan(&self, query: ScanQuery) -> Result<Page, JournalError> {
        finish(self.disk.scan(query))
    }
}

fn forget_block(record: &mut Record) {
    if let Record::Failed { error, .. } = record
        && matches!(error.advice, Advice::Block(_))
    {
        *error = DispatchError::new(Advice::NotSent, error.why.clone());
    }
}

fn broken(mut batch: AcceptBatch, sabotage: Sabotage) -> AcceptBatch {
    for event in &mut batch.events {
        if sabotage == Sabotage::ChangesBodies {
            event.body.push(' ');
        }
        for item in &mut event.wanted {
            match (sabotage, &mut item.place) {
                (Sabotage::HasNoLanes, _) => (item.lane, item.place) = (None, None),
                (Sabotage::OrdersBackwards, Some(Place::Version(digits))) => {
                    let n: u64 = digits.parse().unwrap_or(0);
                    *digits = 100_000_u64.saturating_sub(n).to_string();
                }
                _ => {}
            }
        }
    }
    batch
}
