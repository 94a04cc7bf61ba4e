//! **Here**: reading a request's body up to a bound, within a time.
//! **Not here**: how many are read at once (`host_server`).
//! **Reads**: bodies of axum.
//! **Source**: our own.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

/// The body, up to a little more than is taken: whoever takes it refuses what is longer, and says so. None when it broke off.
pub async fn read(body: &mut Body, max: usize) -> Option<Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > max {
            break;
        }
    }
    Some(bytes.freeze())
}

/// The same, or none when it took longer.
pub async fn within<T>(limit: Duration, what: impl Future<Output = T> + Send) -> Option<T> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a host measures its deadlines by the real clock"
    )]
    let ended = tokio::time::timeout(limit, what).await;
    ended.ok()
}
