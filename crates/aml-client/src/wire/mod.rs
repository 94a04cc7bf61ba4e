//! **Here**: bodies as the service writes them, one file per service noun.
//! **Not here**: calls (`ops`).
//! **Reads**: nothing before it; `response` fills these types.
//! **Source**: named in each file, read 2026-11-22.

mod models;

pub use self::models::{ModelVersion, ModelVersionProperties, ProvisioningState, StringMap};
