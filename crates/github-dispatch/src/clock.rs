//! **Here**: the [`Clock`] trait and [`SystemClock`]: the only code of this crate that reads the time.
//! **Not here**: what time is compared with (`rate_limit`).
//! **Reads**: nothing.
//! **Source**: our own.

use std::fmt;
use std::time::SystemTime;

/// Says what time it is.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Now.
    fn now(&self) -> SystemTime;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit struct has nothing to add")]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one file that reads the time"
        )]
        SystemTime::now()
    }
}
