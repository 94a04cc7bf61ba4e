//! **Here**: [`BuildError`]: a relay that cannot be put together.
//! **Not here**: errors of each trait (beside the trait).
//! **Reads**: nothing; `relay` returns it.
//! **Source**: STYLE section 5.

/// A relay that cannot be put together.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Nobody said who may deliver.
    #[error(
        "no secrets were given; `SharedSecrets::anonymous()` lets everybody deliver, and has to be asked for"
    )]
    NoSecrets,
    /// There is no clock, which the feature `tokio` would have brought.
    #[error("no clock was given, and without the feature `tokio` there is none")]
    NoClock,
    /// Nothing could ever be sent.
    #[error("max_at_once is 0, so nothing could ever be sent")]
    NothingAtOnce,
}
