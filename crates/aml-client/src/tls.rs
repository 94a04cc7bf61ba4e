//! **Here**: the HTTP client that is made when none is handed in, and its TLS: explicit, never the process's default.
//! **Not here**: using it (`send`).
//! **Reads**: `error` before it; `client` after it.
//! **Source**: reqwest 0.13.5 (`tls_backend_preconfigured`, `retry::never`), rustls 0.23 and rustls-platform-verifier 0.7 documentation,
//! read 2026-11-22.

use std::time::Duration;

use crate::error::Error;

/// Whether the endpoint needs TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Security {
    /// https.
    Tls,
    /// http to loopback.
    LoopbackPlain,
}

/// A client that follows no redirect, uses no proxy of the environment and repeats nothing.
///
/// Works offline: it opens no connection.
pub(crate) fn http_client(security: Security, connect_timeout: Duration) -> Result<reqwest::Client, Error> {
    let builder = reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy();
    finish(builder, security)
}

#[cfg(feature = "rustls")]
fn finish(builder: reqwest::ClientBuilder, security: Security) -> Result<reqwest::Client, Error> {
    use rustls_platform_verifier::BuilderVerifierExt as _;

    let failed = |e| Error::invalid("tls cannot be set up").with_source(e);
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let config = match security {
        Security::Tls => config.with_platform_verifier().map_err(failed)?,
        // Trusts nobody, and reads no certificate store: a client for loopback works where there is none.
        Security::LoopbackPlain => config.with_root_certificates(rustls::RootCertStore::empty()),
    };
    build(builder.tls_backend_preconfigured(config.with_no_client_auth()))
}

#[cfg(all(feature = "native-tls", not(feature = "rustls")))]
fn finish(builder: reqwest::ClientBuilder, _security: Security) -> Result<reqwest::Client, Error> {
    build(builder.tls_backend_native())
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
fn finish(builder: reqwest::ClientBuilder, security: Security) -> Result<reqwest::Client, Error> {
    if security == Security::Tls {
        return Err(Error::invalid(
            "https needs the feature rustls or native-tls, or an http client of your own",
        ));
    }
    // Another crate of the same program may have switched on a TLS of reqwest's that wants a provider for the whole
    // process, and panics without one. That must not be our panic.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| build(builder))).unwrap_or_else(|_panic| {
        Err(Error::invalid(
            "this program's reqwest needs the feature rustls or native-tls here as well",
        ))
    })
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Error> {
    builder
        .build()
        .map_err(|e| Error::invalid("the http client cannot be made").with_source(e.without_url()))
}
