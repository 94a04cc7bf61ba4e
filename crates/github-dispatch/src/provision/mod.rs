//! **Here**: what is put into a repository before anything is dispatched: names that GitHub's rules are proved for, and sealed values. Pure.
//! **Not here**: the calls (`ops/provision`).
//! **Reads**: names and secrets of a person; `ops/provision` after it.
//! **Source**: <https://docs.github.com/actions/reference/security/secrets> and <https://docs.github.com/rest/actions/secrets>, read 2026-11-23: at
//! most 48 KB each; a name has letters, digits and underscores, begins with neither a digit nor `GITHUB_`, and is kept in upper case.

mod names;
mod sealed;

pub use self::names::{EnvironmentName, FilePath, InvalidName, OrgName, SecretName, SecretScope, Visibility};
pub use self::sealed::{InvalidKey, PublicKey};
pub(crate) use self::sealed::{SealedSecret, WireKey};

/// The longest secret or variable that GitHub takes, in bytes.
pub const MAX_VALUE_BYTES: usize = 48 * 1_024;

/// What a call that sets something came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a caller tells these apart")]
pub enum Put {
    /// It was not there before.
    Created,
    /// It was, and has another value now.
    Updated,
    /// It was so already, and nothing was sent.
    Unchanged,
}
