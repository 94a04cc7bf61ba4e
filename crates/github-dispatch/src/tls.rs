//! **Here**: the HTTP client that is made when none is handed in, and its TLS: explicit, never the process's default.
//! **Not here**: using it (`send`).
//! **Reads**: nothing; `client` after it.
//! **Source**: reqwest 0.13 (`tls_backend_preconfigured`, `retry::never`), rustls 0.23, rustls-platform-verifier 0.7, read 2026-11-22.

use std::time::Duration;

use crate::error::Error;

/// How a client keeps its connections.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Connections {
    /// A fresh one for each request, so that none can turn out to be closed after a dispatch was written to it.
    Fresh,
    /// Kept for the next request.
    Kept,
}

/// A client that follows no redirect, uses no proxy of the environment and repeats nothing. Works offline.
pub(crate) fn http_client(
    is_https: bool,
    connections: Connections,
    connect_timeout: Duration,
    timeout: Duration,
) -> Result<reqwest::Client, Error> {
    let builder = reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy();
    let builder = match connections {
        // The timeout of the attempt bounds it; reqwest's probes begin after 15 s, and cost four system calls a connection.
        Connections::Fresh => builder
            .pool_max_idle_per_host(0)
            .tcp_keepalive(None)
            .tcp_keepalive_interval(None)
            .tcp_keepalive_retries(None),
        Connections::Kept => builder,
    };
    finish(builder, is_https)
}

#[cfg(feature = "rustls")]
fn finish(builder: reqwest::ClientBuilder, is_https: bool) -> Result<reqwest::Client, Error> {
    use rustls_platform_verifier::BuilderVerifierExt as _;

    let failed = |error| Error::invalid("tls cannot be set up").with_source(error);
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let config = if is_https {
        config.with_platform_verifier().map_err(failed)?
    } else {
        // Trusts nobody, and reads no certificate store: a client for loopback works where there is none.
        config.with_root_certificates(rustls::RootCertStore::empty())
    };
    build(builder.tls_backend_preconfigured(config.with_no_client_auth()))
}

#[cfg(all(feature = "native-tls", not(feature = "rustls")))]
fn finish(builder: reqwest::ClientBuilder, _is_https: bool) -> Result<reqwest::Client, Error> {
    build(builder.tls_backend_native())
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
fn finish(builder: reqwest::ClientBuilder, is_https: bool) -> Result<reqwest::Client, Error> {
    if is_https {
        return Err(Error::invalid(
            "https needs the feature rustls or native-tls, or an http client of your own",
        ));
    }
    build(builder)
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Error> {
    builder
        .build()
        .map_err(|error| Error::invalid("the http client cannot be made").with_source(error.without_url()))
}
