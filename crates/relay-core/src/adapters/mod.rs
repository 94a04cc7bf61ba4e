//! **Here**: the shipped adapters, one file a client: each is a thin translation, and one match translates its errors.
//! **Not here**: the traits (`dispatch`, `enrich`), the clients themselves (github-dispatch, aml-client).
//! **Reads**: a client's values; gives the values of our traits.
//! **Source**: DESIGN section 5.

#[cfg(feature = "aml")]
pub mod aml;
#[cfg(feature = "github")]
pub mod github;
