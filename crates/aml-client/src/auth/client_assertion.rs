//! **Here**: the statement that a service principal makes with its certificate, a JWT; [`JwtSigner`], who signs it; certificates and keys in PEM form.
//! **Not here**: where the PEM comes from and what the statement is exchanged for (`client_certificate`).
//! **Reads**: a certificate, its key and the time; `client_certificate` after it.
//! **Source**: <https://learn.microsoft.com/entra/identity-platform/certificate-credentials> (PS256, `x5t#S256`, claims), RFC 7515 section 4.1
//! (`x5c` in base64, all else in base64url), RFC 7518 section 3.5 (a salt as long as the hash), read 2026-11-23.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::CredentialError;

/// How long a statement is good for: the longest that is advised.
const LIFE: Duration = Duration::from_secs(600);

/// Signs with the private key of a certificate, wherever that is kept.
#[async_trait]
pub trait JwtSigner: fmt::Debug + Send + Sync {
    /// The PS256 signature of these bytes: RSASSA-PSS with SHA-256, MGF1 with SHA-256, and a salt of 32 bytes.
    ///
    /// # Errors
    /// [`CredentialError`]: it cannot be made; `Unavailable` where another time may help.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CredentialError>;
}

/// A certificate, those above it, and who signs with its key.
#[derive(Clone)]
pub(super) struct Identity {
    /// The one whose key signs is the first.
    certificates: Vec<CertificateDer<'static>>,
    signer: Arc<dyn JwtSigner>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("n_certificates", &self.certificates.len())
            .field("signer", &self.signer)
            .finish()
    }
}

impl Identity {
    /// With a signer, who has the key of the first of these certificates.
    pub(super) fn signed_by(pem: &[u8], signer: Arc<dyn JwtSigner>) -> Result<Self, CredentialError> {
        Ok(Self {
            certificates: certificates(pem)?,
            signer,
        })
    }

    /// Certificates and a private key in one text, in any order.
    #[cfg(feature = "rustls")]
    pub(super) fn from_pem(pem: &[u8]) -> Result<Self, CredentialError> {
        let key = rsa::RsaKey::from_pem(pem)?;
        let mut certificates = certificates(pem)?;
        let own = certificates
            .iter()
            .position(|certificate| key.is_of(certificate))
            .ok_or_else(|| {
                CredentialError::failed("none of the certificates belongs to the private key beside them")
            })?;
        // Files hold it first as a rule, and those above it in their order.
        if let Some(above) = certificates.get_mut(..=own) {
            above.rotate_right(1);
        }
        Ok(Self {
            certificates,
            signer: Arc::new(key),
        })
    }

    /// The statement for that address, good from now on.
    pub(super) async fn assertion(
        &self,
        audience: &str,
        client_id: &str,
        sends_chain: bool,
        now: SystemTime,
    ) -> Result<SecretString, CredentialError> {
        let thumbprint = self.certificates.first().map(Sha256::digest);
        let mut header = Map::new();
        header.insert("alg".to_owned(), "PS256".into());
        header.insert("typ".to_owned(), "JWT".into());
        header.insert(
            "x5t#S256".to_owned(),
            thumbprint.map(|hash| URL_SAFE_NO_PAD.encode(hash)).into(),
        );
        if sends_chain {
            let chain = self.certificates.iter();
            let chain: Value = chain.map(|certificate| STANDARD.encode(certificate)).collect();
            header.insert("x5c".to_owned(), chain);
        }
        let since_1970 = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let end = now.checked_add(LIFE).unwrap_or(now);
        let claims = json!({
            "aud": audience, "iss": client_id, "sub": client_id, "jti": jti(),
            "nbf": since_1970(now), "iat": since_1970(now), "exp": since_1970(end),
        });
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let unsigned = format!("{}.{}", part(&header.into()), part(&claims));
        let signature = URL_SAFE_NO_PAD.encode(self.signer.sign(unsigned.as_bytes()).await?);
        Ok(SecretString::from(format!("{unsigned}.{signature}")))
    }
}

/// An id that no other statement has. It is signed and need not be secret, so the random keys of the standard library do: 128 bits of the
/// system's, and others for each call.
fn jti() -> String {
    let half = || RandomState::new().hash_one(0_u8);
    format!("{:016x}{:016x}", half(), half())
}

/// All certificates of a text in PEM form, at least one. Errors of the parser are left out: they may quote what they could not read.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CredentialError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|_| CredentialError::failed(NOT_PEM))?;
    if certificates.is_empty() {
        return Err(CredentialError::failed(if is_der(pem) {
            PKCS12
        } else {
            NO_CERTIFICATE
        }));
    }
    Ok(certificates)
}

/// PKCS#12, and a certificate or a key alone in binary form, begin with a sequence.
fn is_der(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x30])
}

const NOT_PEM: &str = "the certificate is not in PEM form, or is cut off";
const NO_CERTIFICATE: &str = "the certificate is missing: nothing begins with BEGIN CERTIFICATE";
const PKCS12: &str = "the certificate is binary (PKCS#12 or DER), and PEM is read; \
                      openssl pkcs12 -in IN -out OUT -nodes makes it of a .pfx or .p12";

#[cfg(feature = "rustls")]
mod rsa {
    use super::*;
    use rustls::SignatureScheme;
    use rustls::sign::SigningKey;
    use rustls_pki_types::PrivateKeyDer;

    /// A private key in memory, signing with the crypto that TLS uses: no other one is linked.
    pub(super) struct RsaKey(Arc<dyn SigningKey>);

    impl RsaKey {
        /// The first private key of a text in PEM form: PKCS#8 or PKCS#1.
        pub(super) fn from_pem(pem: &[u8]) -> Result<Self, CredentialError> {
            if is_der(pem) {
                return Err(CredentialError::failed(PKCS12));
            }
            // Both forms of an encrypted key, which the parser passes over or cannot read.
            let is_encrypted = ["BEGIN ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED"]
                .iter()
                .any(|mark| pem.windows(mark.len()).any(|window| window == mark.as_bytes()));
            if is_encrypted {
                return Err(CredentialError::failed(ENCRYPTED));
            }
            let der = match PrivateKeyDer::pem_slice_iter(pem).next() {
                Some(Ok(der)) => der,
                Some(Err(_)) => return Err(CredentialError::failed(NOT_PEM)),
                None => return Err(CredentialError::failed(NO_KEY)),
            };
            let key = rustls::crypto::ring::sign::any_supported_type(&der)
                .map_err(|_| CredentialError::failed(NOT_RSA))?;
            let key = Self(key);
            key.signer()?;
            Ok(key)
        }

        fn signer(&self) -> Result<Box<dyn rustls::sign::Signer>, CredentialError> {
            self.0
                .choose_scheme(&[SignatureScheme::RSA_PSS_SHA256])
                .ok_or_else(|| CredentialError::failed(NOT_RSA))
        }

        /// Whether this is the key of the certificate. Its public half stands in there as it is, in the one form that DER has; so the
        /// old certificates (version 1) that some tools still make are read too.
        pub(super) fn is_of(&self, certificate: &[u8]) -> bool {
            let public = self.0.public_key();
            public.is_some_and(|public| {
                certificate
                    .windows(public.len())
                    .any(|window| window == &public[..])
            })
        }
    }

    impl fmt::Debug for RsaKey {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("RsaKey")
        }
    }

    #[async_trait]
    impl JwtSigner for RsaKey {
        async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CredentialError> {
            self.signer()?
                .sign(message)
                .map_err(|error| CredentialError::failed("the statement cannot be signed").with_source(error))
        }
    }

    const ENCRYPTED: &str = "the certificate's private key is encrypted, and only plain ones are read; \
                             openssl pkey -in IN -out OUT makes one, which nobody else should be able to read";
    const NO_KEY: &str = "the certificate's private key is missing: nothing begins with BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY";
    const NOT_RSA: &str = "the certificate's private key cannot be used: Entra takes RSA, and 2,048 to 4,096 bits are read here";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Echo;

    #[async_trait]
    impl JwtSigner for Echo {
        async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CredentialError> {
            Ok(message.to_vec())
        }
    }

    /// `abc` is no certificate, but its hash is known to everybody (FIPS 180-4).
    const PEM: &str = "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n\
                       -----BEGIN CERTIFICATE-----\n++//\n-----END CERTIFICATE-----\n";

    #[tokio::test]
    async fn ok_header_claims_and_what_is_signed() {
        use secrecy::ExposeSecret as _;

        let identity = Identity::signed_by(PEM.as_bytes(), Arc::new(Echo)).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_795_341_600);
        let mut jtis = Vec::new();
        for sends_chain in [false, true] {
            let jwt = identity
                .assertion("https://x/t", "c-1", sends_chain, now)
                .await
                .unwrap();
            let jwt = jwt.expose_secret();
            let parts: Vec<Vec<u8>> = jwt
                .split('.')
                .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap())
                .collect();
            let mut header: Value = serde_json::from_slice(&parts[0]).unwrap();
            let x5c = header.as_object_mut().unwrap().remove("x5c");
            assert_eq!(x5c, sends_chain.then(|| json!(["YWJj", "++//"])));
            let abc = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";
            assert_eq!(header, json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": abc }));
            let mut claims: Value = serde_json::from_slice(&parts[1]).unwrap();
            let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
            jtis.push(jti.as_str().unwrap().to_owned());
            assert_eq!(
                claims,
                json!({ "aud": "https://x/t", "iss": "c-1", "sub": "c-1", "nbf": 1_795_341_600,
                    "iat": 1_795_341_600, "exp": 1_795_342_200 })
            );
            assert_eq!(parts[2], jwt.rsplit_once('.').unwrap().0.as_bytes());
        }
        assert_ne!(jtis[0], jtis[1]);
    }

    #[test]
    fn ok_no_two_ids_are_equal() {
        let ids: std::collections::HashSet<String> = (0..10_000).map(|_| jti()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.len() == 32));
    }

    #[test]
    fn err_what_is_no_certificate() {
        for (pem, expect) in [
            (&b""[..], NO_CERTIFICATE),
            (b"certificate", NO_CERTIFICATE),
            (b"\x30\x82\x01\x00", PKCS12),
            (b"-----BEGIN CERTIFICATE-----\nYWJj\n", NOT_PEM),
            (
                b"-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n",
                NOT_PEM,
            ),
        ] {
            let error = Identity::signed_by(pem, Arc::new(Echo)).unwrap_err().to_string();
            assert!(error.ends_with(expect), "{error}");
        }
    }
}
