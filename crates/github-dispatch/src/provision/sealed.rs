//! **Here**: the key of a place, and a secret sealed with it: only GitHub can open the box.
//! **Not here**: sending it (`ops/provision`).
//! **Reads**: GitHub's answer with the key.
//! **Source**: <https://docs.github.com/rest/guides/encrypting-secrets-for-the-rest-api>, read 2026-11-23: libsodium's sealed boxes (X25519,
//! XSalsa20-Poly1305), 48 bytes longer than what is in them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::aead::OsRng;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::MAX_VALUE_BYTES;

/// A key that cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct InvalidKey {
    why: &'static str,
}

/// The public key of a place.
#[derive(Clone, Debug)]
pub struct PublicKey {
    id: String,
    key: crypto_box::PublicKey,
}

/// As it is on the wire.
///
/// Shape: `{"key_id": "568250167242549743", "key": "…"}`, 32 bytes in base64.
#[derive(Debug, Deserialize)]
pub(crate) struct WireKey {
    key_id: String,
    key: String,
}

impl TryFrom<WireKey> for PublicKey {
    type Error = InvalidKey;

    fn try_from(wire: WireKey) -> Result<Self, InvalidKey> {
        Self::new(wire.key_id, &wire.key)
    }
}

impl PublicKey {
    /// A key by its id and its 32 bytes in base64.
    ///
    /// # Errors
    /// It is not base64 of 32 bytes.
    pub fn new(id: impl Into<String>, base64: &str) -> Result<Self, InvalidKey> {
        let bytes = STANDARD.decode(base64).map_err(|_| InvalidKey {
            why: "github's public key is not base64",
        })?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| InvalidKey {
            why: "github's public key does not have 32 bytes",
        })?;
        Ok(Self {
            id: id.into(),
            key: crypto_box::PublicKey::from(bytes),
        })
    }

    /// Its id, which GitHub wants to see with what is sealed.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A value sealed with it.
    ///
    /// # Errors
    /// The value is longer than 48 KB, or the system has no randomness.
    pub(crate) fn seal(&self, value: &SecretString) -> Result<SealedSecret, InvalidKey> {
        let value = value.expose_secret().as_bytes();
        if value.len() > MAX_VALUE_BYTES {
            return Err(InvalidKey {
                why: "a secret has 48 KB at most",
            });
        }
        let sealed = self.key.seal(&mut OsRng, value).map_err(|_| InvalidKey {
            why: "the secret cannot be sealed",
        })?;
        Ok(SealedSecret {
            key_id: self.id.clone(),
            encrypted_value: STANDARD.encode(sealed),
        })
    }
}

/// What is sent: nobody but GitHub can read it, and each sealing gives another text.
pub(crate) struct SealedSecret {
    pub(crate) key_id: String,
    pub(crate) encrypted_value: String,
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSecret")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_only_the_owner_of_the_key_opens_the_box() {
        let secret = crypto_box::SecretKey::generate(&mut OsRng);
        let key = PublicKey::new("7", &STANDARD.encode(secret.public_key().as_bytes())).unwrap();
        let sealed = key.seal(&SecretString::from("top secret")).unwrap();
        let again = key.seal(&SecretString::from("top secret")).unwrap();
        assert_ne!(sealed.encrypted_value, again.encrypted_value);
        let bytes = STANDARD.decode(&sealed.encrypted_value).unwrap();
        assert_eq!(bytes.len(), "top secret".len() + 48);
        assert_eq!(secret.unseal(&bytes).unwrap(), b"top secret");
        assert!(!format!("{sealed:?}").contains(&sealed.encrypted_value));
        let other = crypto_box::SecretKey::generate(&mut OsRng);
        assert!(other.unseal(&bytes).is_err());
    }

    #[test]
    fn err_what_is_no_key_or_too_long() {
        for text in [
            "",
            "not base64!",
            &STANDARD.encode([0; 31]),
            &STANDARD.encode([0; 33]),
        ] {
            assert!(PublicKey::new("7", text).is_err(), "{text}");
        }
        let key = PublicKey::new("7", &STANDARD.encode([9; 32])).unwrap();
        assert!(key.seal(&SecretString::from("x".repeat(MAX_VALUE_BYTES))).is_ok());
        let error = key
            .seal(&SecretString::from("x".repeat(MAX_VALUE_BYTES + 1)))
            .unwrap_err();
        assert_eq!(error.to_string(), "a secret has 48 KB at most");
    }
}
