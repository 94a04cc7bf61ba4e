//! **Here**: the calls, one file per service noun, in the service's order.
//! **Not here**: the bodies (`wire`, same file names).
//! **Reads**: `client` before it; nothing after it.
//! **Source**: named in each file, read 2026-11-22.

mod models;
