//! **Here**: the [`JournalAdmin`] trait: what keeps a journal small, and what carries it elsewhere.
//! **Not here**: what is removed and what stays (`verbs`), who may ask (the host).
//! **Reads**: `item` before it; hosts and their operators after it.
//! **Source**: DESIGN section 5; section 6: release keys, verdicts and each lane's mark are never compacted.

use std::fmt;
use std::io::{BufRead, Write};
use std::path::Path;

use async_trait::async_trait;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::journal::JournalError;

/// Keeps a journal small, and carries it elsewhere. A second trait, so that who sends needs none of it.
#[async_trait]
pub trait JournalAdmin: fmt::Debug + Send + Sync {
    /// Removes what nobody needs after a time, in one transaction: of at most `limit` items that were settled before that moment,
    /// earliest first, the history, the route and (with the last item of an event) the event's body; at most `limit` events of which
    /// nothing came; and at most `limit` rows of history about destinations. Release keys, verdicts and the marks of lanes stay for
    /// ever, so that nothing goes out twice. So does all of an item that is parked, until somebody replays or refuses it;
    /// and the latest event and row of history, whose numbers are never given again. An item
    /// without its route cannot be replayed. Call it until it says that it did nothing.
    ///
    /// # Errors
    /// Nothing was removed.
    async fn compact(&self, before: Timestamp, limit: usize) -> Result<Compacted, JournalError>;

    /// Writes a copy of the journal as it is at one moment to a file that must not exist, while it is in use. A relay that opens the copy
    /// starts paused: two of them must not send the same.
    ///
    /// # Errors
    /// There is no whole copy; nothing lies at that place. `Refused` where the engine has no file, or something lies there already.
    async fn back_up(&self, to: &Path) -> Result<(), JournalError>;

    /// Writes everything as JSON lines, as it is at one moment. Gives the number of lines.
    ///
    /// # Errors
    /// It could not be read, or not be written: what was written is no whole export, and an import sees that.
    async fn export(&self, to: Box<dyn Write + Send>) -> Result<u64, JournalError>;

    /// Takes over an export, in one transaction, into a journal that holds nothing. It starts paused, until
    /// [`Command::Resume`](super::Command::Resume). Gives the number of lines. Nothing else is written meanwhile, so import before
    /// the relay runs.
    ///
    /// # Errors
    /// Nothing was taken over: the journal holds something, or a line cannot be read, which is named.
    async fn import(&self, now: Timestamp, from: Box<dyn BufRead + Send>) -> Result<u64, JournalError>;
}

/// What a compaction removed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Compacted {
    /// Items whose history and route were removed.
    pub items: usize,
    /// Events whose body was removed.
    pub bodies: usize,
    /// Events of which nothing came, removed altogether.
    pub unwanted: usize,
    /// Rows of history about destinations and commands that were removed.
    pub history: usize,
}

impl Compacted {
    /// Whether there was nothing to remove.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// This and another one together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self {
            items: self.items + other.items,
            bodies: self.bodies + other.bodies,
            unwanted: self.unwanted + other.unwanted,
            history: self.history + other.history,
        }
    }
}

macro_rules! forward {
    ($($pointer:ident)::+) => {
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<T: JournalAdmin + ?Sized> JournalAdmin for $($pointer)::+<T> {
            async fn compact(&self, before: Timestamp, limit: usize) -> Result<Compacted, JournalError> {
                (**self).compact(before, limit).await
            }

            async fn back_up(&self, to: &Path) -> Result<(), JournalError> {
                (**self).back_up(to).await
            }

            async fn export(&self, to: Box<dyn Write + Send>) -> Result<u64, JournalError> {
                (**self).export(to).await
            }

            async fn import(&self, now: Timestamp, from: Box<dyn BufRead + Send>) -> Result<u64, JournalError> {
                (**self).import(now, from).await
            }
        }
    };
}
forward!(std::sync::Arc);
forward!(Box);
