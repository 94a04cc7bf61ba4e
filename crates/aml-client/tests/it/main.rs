//! **Here**: the crate against a server on loopback, one file per subject.
//! **Not here**: pure functions (at the foot of their files).
//! **Reads**: `support` first.
//! **Source**: our own bodies, after the facts named in each test, read 2026-11-22.

#[cfg(test)]
mod support;

#[cfg(test)]
mod script;

#[cfg(test)]
mod models;

#[cfg(test)]
mod operations;

#[cfg(test)]
#[cfg(feature = "mock")]
mod release;

#[cfg(test)]
#[cfg(feature = "mock")]
mod scoring;

#[cfg(test)]
#[cfg(feature = "mock")]
mod mock;

#[cfg(test)]
mod subscriptions;

#[cfg(test)]
mod errors;

#[cfg(test)]
mod credentials;

#[cfg(test)]
mod hosts;

#[cfg(test)]
mod auth;

#[cfg(test)]
#[cfg(feature = "mock")]
mod assets;

#[cfg(test)]
#[cfg(feature = "rustls")]
mod jwt;

#[cfg(test)]
#[cfg(feature = "rustls")]
mod token_service;

#[cfg(test)]
#[cfg(feature = "rustls")]
mod capture;

#[cfg(test)]
#[cfg(feature = "rustls")]
mod signed;

#[cfg(test)]
#[cfg(all(feature = "certificate", feature = "rustls"))]
mod certificate;

#[cfg(test)]
#[cfg(all(feature = "azure-identity", feature = "rustls"))]
mod azure_identity;
