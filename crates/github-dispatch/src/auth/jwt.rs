//! **Here**: the JWT that a GitHub App proves itself with, and [`JwtSigner`], who signs it: [`RsaKey`], or a key vault of yours.
//! **Not here**: what it is exchanged for (`app`).
//! **Reads**: a key, and GitHub's clock; `app` after it.
//! **Source**: <https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app>,
//! read 2026-11-23: RS256; `iat` a minute ago, `exp` in ten minutes at most, `iss` the client id or the app id.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use serde_json::json;

use super::{TokenError, TokenSource};
use crate::clock::ServerClock;

/// GitHub's advice against clocks that differ.
const BEFORE: Duration = Duration::from_secs(60);
/// A minute less than the longest that is allowed.
const LIFE: Duration = Duration::from_secs(540);

/// A signature could not be made, or a key cannot make it.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct SignError {
    why: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl SignError {
    /// An error with this text, which must hold nothing of the key.
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            source: None,
        }
    }

    /// Adds what lies below it.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}

/// Signs with the private key of a GitHub App, wherever it is kept.
#[async_trait]
pub trait JwtSigner: fmt::Debug + Send + Sync {
    /// The RS256 signature (RSASSA-PKCS1-v1_5 with SHA-256) of these bytes.
    ///
    /// # Errors
    /// It cannot be made now.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// A private key in memory, signing with the crypto that TLS uses: no other one is linked.
#[cfg(feature = "rustls")]
pub struct RsaKey(Arc<dyn rustls::sign::SigningKey>);

#[cfg(feature = "rustls")]
impl RsaKey {
    /// Reads the PEM file that GitHub gives (`BEGIN RSA PRIVATE KEY`), or PKCS#8 (`BEGIN PRIVATE KEY`).
    ///
    /// # Errors
    /// It is no such file, or no RSA key of 2,048 bits or more.
    pub fn from_pem(pem: &SecretString) -> Result<Self, SignError> {
        use rustls::pki_types::PrivateKeyDer;
        use rustls::pki_types::pem::PemObject as _;
        use secrecy::ExposeSecret as _;

        // Errors of the parser are left out: they may quote what they could not read.
        let der = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes())
            .map_err(|_| SignError::new("the app's key is not a private key in PEM form"))?;
        let key = rustls::crypto::ring::sign::any_supported_type(&der).map_err(|_| {
            SignError::new("the app's key cannot be used: RSA of 2,048 bits or more is needed")
        })?;
        let key = Self(key);
        key.signer()?;
        Ok(key)
    }

    fn signer(&self) -> Result<Box<dyn rustls::sign::Signer>, SignError> {
        let scheme = rustls::SignatureScheme::RSA_PKCS1_SHA256;
        self.0
            .choose_scheme(&[scheme])
            .ok_or_else(|| SignError::new("the app's key is not an RSA key"))
    }
}

#[cfg(feature = "rustls")]
impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaKey")
    }
}

#[cfg(feature = "rustls")]
#[async_trait]
impl JwtSigner for RsaKey {
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.signer()?
            .sign(message)
            .map_err(|error| SignError::new("the signature cannot be made").with_source(error))
    }
}

/// JWTs of one app as tokens, a fresh one each time.
pub(super) struct AppJwt {
    issuer: String,
    signer: Arc<dyn JwtSigner>,
    clock: Arc<ServerClock>,
    /// How far GitHub's clock was from ours when the last one was made, in seconds.
    made_with: AtomicI64,
    principal: String,
}

impl AppJwt {
    pub(super) fn new(issuer: String, signer: Arc<dyn JwtSigner>, clock: Arc<ServerClock>) -> Self {
        Self {
            principal: format!("app {issuer}"),
            issuer,
            signer,
            clock,
            made_with: AtomicI64::new(0),
        }
    }
}

impl fmt::Debug for AppJwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppJwt")
            .field("issuer", &self.issuer)
            .field("signer", &self.signer)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenSource for AppJwt {
    async fn token(&self) -> Result<SecretString, TokenError> {
        self.made_with.store(self.clock.ahead(), Ordering::Relaxed);
        let unsigned = unsigned(&self.issuer, self.clock.theirs(self.clock.now()));
        let signature = self
            .signer
            .sign(unsigned.as_bytes())
            .await
            .map_err(|error| TokenError::new("the app's token cannot be signed").with_source(error))?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        Ok(SecretString::from(format!("{unsigned}.{signature}")))
    }

    /// A 401 tells what time it is at GitHub: if that is news, the next one may be accepted.
    async fn refresh(&self) -> Result<bool, TokenError> {
        Ok(self.clock.ahead() != self.made_with.load(Ordering::Relaxed))
    }

    fn principal(&self) -> &str {
        &self.principal
    }
}

/// Header and claims, as they are signed.
fn unsigned(issuer: &str, now: SystemTime) -> String {
    let seconds = |at: Option<SystemTime>| {
        at.unwrap_or(now)
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs()
    };
    let claims = json!({
        "iat": seconds(now.checked_sub(BEFORE)), "exp": seconds(now.checked_add(LIFE)), "iss": issuer,
    });
    let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let header = json!({ "alg": "RS256", "typ": "JWT" });
    format!("{}.{}", part(&header), part(&claims))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_header_and_claims() {
        let unsigned = unsigned("Iv1.abc", UNIX_EPOCH + Duration::from_secs(1_795_341_600));
        let parts: Vec<String> = unsigned
            .split('.')
            .map(|part| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
            .collect();
        assert_eq!(
            parts,
            [
                r#"{"alg":"RS256","typ":"JWT"}"#,
                r#"{"exp":1795342140,"iat":1795341540,"iss":"Iv1.abc"}"#,
            ]
        );
    }

    #[cfg(feature = "rustls")]
    #[test]
    fn err_what_is_no_key() {
        for text in [
            "",
            "key",
            "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
        ] {
            let error = RsaKey::from_pem(&SecretString::from(text))
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("the app's key"), "{error}");
            assert!(!error.contains("c2VjcmV0"), "{error}");
        }
    }
}
