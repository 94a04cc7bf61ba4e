//! **Here**: what every [`JournalAdmin`] promises, one clause a function; [`run_all`] runs each over fresh journals.
//! **Not here**: backups as files, which only an engine can open again (its own tests).
//! **Reads**: `trial`, which drives the journal, and the traits only.
//! **Source**: DESIGN sections 5 and 6: keys, verdicts and marks are never compacted; what is imported starts paused.
//!
//! # Panics
//! Every clause panics, naming itself, when the journal breaks it.
//!
//! Example: a journal of your own runs both suites.
//!
//! ```
//! use relay_core::journal::{Journal, MemoryJournal};
//! use relay_core::testing::contract::journal::{self, admin};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let n = journal::run_all(|| async { Box::new(MemoryJournal::new()) as Box<dyn Journal> }).await;
//! let of_admin = admin::run_all(|| async { Box::new(MemoryJournal::new()) as Box<dyn admin::Administered> }).await;
//! assert!(n > 90 && of_admin > 10);
//! # }
//! ```

use std::fmt;
use std::future::Future;

use crate::journal::{Journal, JournalAdmin};
use crate::testing::contract::journal::Verdict;

pub mod carrying;
pub mod compaction;

/// A journal that can be administered: whatever implements both traits.
pub trait Administered: Journal + JournalAdmin {}

impl<T: Journal + JournalAdmin + ?Sized> Administered for T {}

/// One clause: its name, and how to run it over a fresh, empty journal, and another one to import into.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Clause {
    /// Its name, such as `compaction::keeps_keys_verdicts_and_marks`.
    pub name: &'static str,
    /// Runs it; panics when it does not hold.
    pub run: for<'a> fn(&'a dyn Administered, &'a dyn Administered) -> Verdict<'a>,
}

impl fmt::Debug for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clause").field(&self.name).finish()
    }
}

macro_rules! clauses {
    ($($file:ident: $($name:ident),+;)+) => {
        /// All clauses, in the order in which the files tell them.
        pub const CLAUSES: &[Clause] = &[
            $($(Clause {
                name: concat!(stringify!($file), "::", stringify!($name)),
                run: |journal, other| Box::pin($file::$name(journal, other)),
            },)+)+
        ];
    };
}

clauses! {
    compaction:
        removes_what_is_old,
        keeps_keys_verdicts_and_marks,
        goes_in_steps,
        spares_what_waits_for_a_person,
        spares_an_earlier_generation_that_holds_its_lane,
        spares_a_body_that_a_route_needs,
        what_is_seen_after_compaction_leaves_nothing_behind;
    carrying:
        an_export_is_taken_over_whole,
        what_is_imported_starts_paused,
        an_import_ends_every_lease,
        a_line_is_taken_over_as_it_stood,
        an_import_is_whole_or_nothing,
        a_journal_that_holds_something_takes_no_import,
        an_export_that_cannot_be_written_fails,
        a_backup_that_cannot_be_made_fails;
}

/// Runs every clause, each over two journals that `make` gives: fresh and empty. Gives their number.
///
/// # Panics
/// At the first clause that does not hold, naming it.
pub async fn run_all<F, Fut>(make: F) -> usize
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future<Output = Box<dyn Administered>> + Send,
{
    for clause in CLAUSES {
        let (journal, other) = (make().await, make().await);
        (clause.run)(&*journal, &*other).await;
    }
    CLAUSES.len()
}
