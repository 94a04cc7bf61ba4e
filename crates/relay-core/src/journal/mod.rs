//! **Here**: the [`Journal`] trait, its five verbs with what they take and give, and [`JournalError`].
//! **Not here**: what the verbs do (`verbs`), where rows lie (`memory`, the engine crates).
//! **Reads**: `rules` before it, by way of `intake`; `worker` after it.
//! **Source**: DESIGN section 5.

pub mod admin;
pub mod item;
mod memory;
pub mod rows;
pub mod scan;
pub mod state;
pub mod track;
pub mod verbs;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

pub use self::admin::{Compacted, JournalAdmin};
pub use self::memory::MemoryJournal;

use crate::alarm::Alert;
use crate::budget::Budget;
use crate::clock::Timestamp;
use crate::dispatch::{Checked, DispatchError, DispatchTarget, Dispatched, Sighting};
use crate::key::{DispatchKey, ReleaseKey};
use crate::lane::Place;
use crate::tracker::Observation;
use item::{EventSeq, Item, ItemId, Policy, RunRef};
use scan::{Page, ScanQuery};
use state::IllegalStep;
use track::Track;

/// How long what a journal has promised lasts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Durability {
    /// As long as the process.
    Process,
    /// It survives a crash of the machine.
    Machine,
}

/// A verb that did not happen: nothing of it was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// It cannot promise now: full, locked, gone. Try again later.
    #[error("the journal cannot promise now: {why}")]
    Unavailable {
        /// What the store said: no path of the machine, no content.
        why: String,
    },
    /// What it holds cannot be understood. A person must look.
    #[error("the journal holds what cannot be understood: {why}")]
    Corrupt {
        /// What was found.
        why: String,
    },
    /// An item was asked to take a step that its phase does not allow.
    #[error(transparent)]
    Illegal(#[from] IllegalStep),
    /// A command named something that is not there, or cannot be done with it.
    #[error("{why}")]
    Refused {
        /// Why.
        why: String,
    },
}

/// Events of one delivery, to be written down in one transaction.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what an acceptance consists of is fixed by the verb"
)]
pub struct AcceptBatch {
    /// Now, by the relay's clock.
    pub now: Timestamp,
    /// Readable events, in the order in which they came.
    pub events: Vec<NewEvent>,
    /// Elements that could not be read: bytes verbatim, and why.
    pub unreadable: Vec<(String, String)>,
    /// How many unreadable elements are kept at most, and of how many bytes together.
    pub keep_unreadable: (usize, usize),
}

/// A readable event with the columns extracted from it, and what the rules want with it.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "sources other than the webhook build it as well"
)]
pub struct NewEvent {
    /// Source in lower case and id.
    pub key: String,
    /// The event type as written.
    pub event_type: String,
    /// The subject as written.
    pub subject: Option<String>,
    /// The workspace, canonical.
    pub workspace: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// The model's version.
    pub version: Option<String>,
    /// The time as written.
    pub time: Option<String>,
    /// The time as seconds and nanoseconds since the epoch.
    pub instant: Option<(i64, u32)>,
    /// What it releases.
    pub release: ReleaseKey,
    /// The element verbatim.
    pub body: String,
    /// One for each route that matched; none when no rule wanted it.
    pub wanted: Vec<NewItem>,
    /// Why no rule wanted it.
    pub unwanted: Option<String>,
}

/// One release on one route, about to become an item.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "sources other than the webhook build it as well"
)]
pub struct NewItem {
    /// The route's name.
    pub route: String,
    /// The route as JSON text.
    pub snapshot: String,
    /// Release and route.
    pub key: DispatchKey,
    /// What the verbs decide by.
    pub policy: Policy,
    /// Where it goes.
    pub target: DispatchTarget,
    /// Its lane, if it has one.
    pub lane: Option<String>,
    /// Its place in the lane.
    pub place: Option<Place>,
    /// Why it parks at once: a value outside its grammar, a version without a place.
    pub park: Option<String>,
}

/// What became of one event.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "intake reports each")]
pub enum Fate {
    /// Written down, with the items it made.
    Accepted {
        /// Its number.
        event: EventSeq,
        /// Its items.
        items: Vec<ItemId>,
    },
    /// Its key, or everything it releases, was known.
    SeenAgain,
    /// Written down without an item, since no rule wanted it.
    Unwanted {
        /// Its number.
        event: EventSeq,
    },
}

/// What `accept` wrote.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what an acceptance says is fixed by the verb"
)]
pub struct Acceptance {
    /// One for each event, in order.
    pub fates: Vec<Fate>,
    /// Items that got a verdict.
    pub settled: Vec<Settled>,
    /// What a person must know, now that it is durable.
    pub alerts: Vec<Alert>,
}

/// Which work is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "DESIGN section 5: two claims")]
pub enum ClaimKind {
    /// What has to be looked at: facts, runs, targets. A lease only; a crash merely frees it.
    Judge,
    /// What may be sent. The recorded intent; after it a crash means "unknown".
    Send,
}

/// A claim for work.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what a claim consists of is fixed by the verb"
)]
pub struct ClaimRequest {
    /// Which work.
    pub kind: ClaimKind,
    /// Now, by the relay's clock.
    pub now: Timestamp,
    /// How long the worker may take.
    pub lease: Duration,
    /// At most so many.
    pub max: usize,
    /// The budgets of principals.
    pub budgets: Budgets,
}

/// The budgets of principals: one for all, and exceptions by name.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a table with a default")]
pub struct Budgets {
    /// For every principal that has none of its own.
    pub default: Budget,
    /// By principal.
    pub of: BTreeMap<String, Budget>,
}

impl Budgets {
    /// The budget of a principal.
    #[must_use]
    pub fn of(&self, principal: &str) -> &Budget {
        self.of.get(principal).unwrap_or(&self.default)
    }
}

/// What a claim gave.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what a claim gives is fixed by the verb"
)]
pub struct Claimed {
    /// Work, leased to the caller.
    pub tasks: Vec<Task>,
    /// When there may be more; none when nothing is waiting for a moment.
    pub next_due: Option<Timestamp>,
    /// Items that got a verdict.
    pub settled: Vec<Settled>,
    /// What a person must know.
    pub alerts: Vec<Alert>,
}

/// One piece of work.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the worker must do each")]
pub enum Task {
    /// Ask for facts and judge.
    Judge(Work),
    /// Look for the run.
    Probe(Work),
    /// Send.
    Send(Work),
    /// Check a target, by its key.
    Check(item::Target),
    /// Look for the run of a dispatched item, or ask how it is doing.
    Track(Tracking),
}

/// A dispatched item to follow.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what a claim gives is fixed by the verb"
)]
pub struct Tracking {
    /// The item. It has its verdict, and no lease.
    pub item: Item,
    /// How far it was followed, leased.
    pub track: Track,
    /// The number to present with what is seen.
    pub fence: u64,
    /// The event's element, verbatim.
    pub body: String,
}

/// An item to work on.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what a claim gives is fixed by the verb"
)]
pub struct Work {
    /// The item, leased.
    pub item: Item,
    /// The number to present with every write about it.
    pub fence: u64,
    /// The event's element, verbatim.
    pub body: String,
    /// The workspace as the event wrote it, its model and version.
    pub about: (Option<String>, Option<String>, Option<String>),
}

/// Something that happened, to be written down. It does not end an item by itself, though a policy may.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the verb must write each")]
pub enum Record {
    /// The gate admits an item.
    Admit {
        /// The item.
        item: ItemId,
        /// From the claim.
        fence: u64,
    },
    /// The gate holds it, or facts could not be had.
    Hold {
        /// The item.
        item: ItemId,
        /// From the claim.
        fence: u64,
        /// When to look again.
        due: Timestamp,
        /// Why.
        why: String,
    },
    /// An attempt was not accepted.
    Failed {
        /// The item.
        item: ItemId,
        /// From the claim.
        fence: u64,
        /// What came back.
        error: DispatchError,
    },
    /// A look for the run of an item.
    Looked {
        /// The item.
        item: ItemId,
        /// From the claim.
        fence: u64,
        /// What was seen.
        look: Result<Sighting, DispatchError>,
    },
    /// A check of a target.
    Checked {
        /// The target's key.
        target: String,
        /// What was found.
        result: Result<Checked, DispatchError>,
    },
    /// What became of a dispatched item.
    Tracked {
        /// The item.
        item: ItemId,
        /// From the claim.
        fence: u64,
        /// What was seen.
        seen: Observation,
    },
    /// A person's command.
    Command(Command),
}

/// What a person asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Command {
    /// Send a settled item once more, as a new generation. Of an earlier generation that is parked and holds its lane, the latest one goes
    /// instead where it waits.
    Replay {
        /// Which.
        item: ItemId,
        /// Even after a newer one of its lane went out.
        allow_older: bool,
    },
    /// Decide that a parked item never goes out; in a lane of every version this frees the lane.
    Refuse {
        /// Which.
        item: ItemId,
        /// Why.
        why: String,
    },
    /// Take back an item that waits.
    Cancel {
        /// Which.
        item: ItemId,
        /// Why.
        why: String,
    },
    /// Check every blocked target now.
    Recheck,
    /// Send everything once more that a filter finds and that can be sent once more, such as everything parked; oldest first.
    ReplayAll {
        /// Which: it must name a verdict, an event or a relay id.
        filter: scan::ItemFilter,
        /// Even after a newer one of its lane went out.
        allow_older: bool,
        /// At most so many.
        limit: usize,
    },
    /// Send nothing, or nothing to a repository, until a person says so. What is under way goes on, and runs are looked for.
    Pause {
        /// What.
        what: Closing,
        /// Why.
        why: String,
    },
    /// Go on.
    Resume {
        /// With what.
        what: Closing,
    },
    /// Forget what was released of a workspace, and the order of its lanes: what comes again is new.
    Forget {
        /// The workspace's resource id, in any casing.
        workspace: String,
    },
}

/// What a person closes and opens.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the verb must decide for each")]
pub enum Closing {
    /// Everything.
    Journal,
    /// One repository under one identity.
    Target {
        /// The identity's name.
        identity: String,
        /// `owner/name`, in any casing.
        repository: String,
    },
}

/// A verdict, to be written down.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the verb must write each")]
pub enum Settlement {
    /// GitHub accepted the request.
    Dispatched {
        /// The item.
        item: ItemId,
        /// From the claim.
        fence: u64,
        /// What it said.
        answer: Dispatched,
    },
    /// The gate refuses the item.
    Refused {
        /// The item.
        item: ItemId,
        /// From the claim.
        fence: u64,
        /// Why.
        why: String,
    },
    /// Nothing that could be sent can be made of it.
    Parked {
        /// The item.
        item: ItemId,
        /// From the claim.
        fence: u64,
        /// Why.
        why: String,
    },
    /// A run of a dispatched item was seen.
    RunSeen {
        /// The item.
        item: ItemId,
        /// The run.
        run: RunRef,
    },
}

/// An item that got its verdict, or another one, in a transaction.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "what the verbs say of it is fixed")]
pub struct Settled {
    /// Which.
    pub item: ItemId,
    /// The name of its route.
    pub route: String,
    /// The verdict's word.
    pub verdict: &'static str,
}

/// What a write did.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "what a write says is fixed by the verb")]
pub struct Written {
    /// Items whose fence was not the current one: nothing was written about them.
    pub fenced: Vec<ItemId>,
    /// Items that a command made, or found waiting to go instead.
    pub made: Vec<ItemId>,
    /// Items that a command for many passed over, and why.
    pub passed_over: Vec<(ItemId, String)>,
    /// Items that got a verdict.
    pub settled: Vec<Settled>,
    /// What a person must know.
    pub alerts: Vec<Alert>,
}

/// Writes down what was accepted, what is intended and what came of it. Five verbs, each one transaction.
///
/// `Ok` means durable to the degree that [`durability`](Self::durability) says; `Err` means that nothing of the verb was
/// written. The verbs themselves are in [`verbs`]: an engine opens a transaction, calls the function, and commits.
///
/// Each verb is told the time. When that goes back by over 5 s, everything that is stored moves back with it, so a verb that was told
/// the time before a jump must not be written after one that was told it later: [`Relay`](crate::Relay) sees to that for all that go
/// through it, and whoever calls a journal beside it does so one verb at a time.
#[async_trait]
pub trait Journal: fmt::Debug + Send + Sync {
    /// How long what it has promised lasts.
    fn durability(&self) -> Durability;

    /// Writes down a delivery: dedupe, items, history.
    ///
    /// # Errors
    /// Nothing was written; the sender must try again.
    ///
    /// # Cancel safety
    /// A dropped future leaves it open whether the batch was written; accepting it again is safe.
    async fn accept(&self, batch: AcceptBatch) -> Result<Acceptance, JournalError>;

    /// Leases work, and says when there may be more.
    ///
    /// # Errors
    /// Nothing was leased.
    ///
    /// # Cancel safety
    /// Not cancel safe: what a dropped claim leased ends as if the worker had crashed.
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, JournalError>;

    /// Writes down what happened.
    ///
    /// # Errors
    /// Nothing was written.
    async fn record(&self, now: Timestamp, batch: Vec<Record>) -> Result<Written, JournalError>;

    /// Writes down verdicts, and frees lanes.
    ///
    /// # Errors
    /// Nothing was written.
    async fn settle(&self, now: Timestamp, batch: Vec<Settlement>) -> Result<Written, JournalError>;

    /// Reads a page.
    ///
    /// # Errors
    /// It could not be read.
    async fn scan(&self, query: ScanQuery) -> Result<Page, JournalError>;
}

macro_rules! forward {
    ($($pointer:ident)::+) => {
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<T: Journal + ?Sized> Journal for $($pointer)::+<T> {
            fn durability(&self) -> Durability {
                (**self).durability()
            }

            async fn accept(&self, batch: AcceptBatch) -> Result<Acceptance, JournalError> {
                (**self).accept(batch).await
            }

            async fn claim(&self, request: ClaimRequest) -> Result<Claimed, JournalError> {
                (**self).claim(request).await
            }

            async fn record(&self, now: Timestamp, batch: Vec<Record>) -> Result<Written, JournalError> {
                (**self).record(now, batch).await
            }

            async fn settle(&self, now: Timestamp, batch: Vec<Settlement>) -> Result<Written, JournalError> {
                (**self).settle(now, batch).await
            }

            async fn scan(&self, query: ScanQuery) -> Result<Page, JournalError> {
                (**self).scan(query).await
            }
        }
    };
}
forward!(std::sync::Arc);
forward!(Box);
