//! **Here**: the [`Clock`] trait and the system's clock: the only code of this crate that reads the time.
//! **Not here**: waiting; a client advises until when, its caller waits.
//! **Reads**: nothing before it; `response` turns `Retry-After` into an instant with it.
//! **Source**: our own, read 2026-11-22.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// The source of time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The instant now.
    fn now(&self) -> SystemTime;
}

#[deny(clippy::missing_trait_methods)]
impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }
}

#[deny(clippy::missing_trait_methods)]
impl<T: Clock + ?Sized> Clock for Box<T> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit struct has nothing to add")]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one file that reads the time"
    )]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
