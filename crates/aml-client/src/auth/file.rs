//! **Here**: a secret in a file, read whole up to a limit, and never on a thread of the runtime.
//! **Not here**: what the file means (the credentials).
//! **Reads**: nothing before it; `federated` and `client_certificate` after it.
//! **Source**: our own, read 2026-11-23.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretSlice};

use super::CredentialError;

/// The bytes of a file. `what` is what it is called in errors, which do not show its path.
pub(super) async fn read_file(
    path: &Path,
    what: &str,
    max_bytes: usize,
) -> Result<SecretSlice<u8>, CredentialError> {
    let path = path.to_owned();
    // One more than is allowed, so that what is too long is seen; a device without an end is not read to it.
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    let read = move || -> io::Result<SecretSlice<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(SecretSlice::from(bytes))
    };
    let bytes = tokio::task::spawn_blocking(read)
        .await
        .map_err(|_| CredentialError::unavailable(format!("{what} was not read")))?
        .map_err(|error| CredentialError::unavailable(format!("{what} cannot be read")).with_source(error))?;
    if bytes.expose_secret().len() > max_bytes {
        return Err(CredentialError::unavailable(format!("{what} is too long")));
    }
    Ok(bytes)
}
