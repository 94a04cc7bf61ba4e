//! **Here**: the identities of a release: [`ReleaseKey`], [`DispatchKey`] and the [`RelayId`] that travels to GitHub.
//! **Not here**: the identity of one event (`eventgrid_schema::EventKey`), and what a second release with one key means (`journal::verbs`).
//! **Reads**: `eventgrid_schema` before it; `rules` and `journal` after it.
//! **Source**: DESIGN section 6, release key, dispatch key, relay id.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What is being released: one model version of one workspace, or one event of any other kind.
///
/// Shape: a JSON array as text, so that no part can pretend to be two: `["model","/subscriptions/…","credit-risk","7"]`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ReleaseKey(String);

impl ReleaseKey {
    /// The key of a model version. `workspace` is the canonical (lower-case) resource id.
    #[must_use]
    pub fn of_model(workspace: &str, model: &str, version: &str) -> Self {
        Self(joined(&["model", workspace, model, version]))
    }

    /// The key of an event that releases nothing but itself.
    #[must_use]
    pub fn of_event(source_in_lower_case: &str, id: &str) -> Self {
        Self(joined(&["event", source_in_lower_case, id]))
    }

    /// The key that a route's own template makes of an event.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        Self(joined(&["key", text]))
    }

    /// The key as the journal stores it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One release on one route: what is dispatched at most once per generation.
///
/// Shape: a JSON array as text, `["deploy","[\"model\",…]"]`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct DispatchKey(String);

impl DispatchKey {
    /// The key of this release on the route with this name.
    #[must_use]
    pub fn new(release: &ReleaseKey, route: &str) -> Self {
        Self(joined(&[route, release.as_str()]))
    }

    /// The key as the journal stores it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The correlation id that GitHub shows back to us: equal for all attempts of a generation, new for a replay.
///
/// Shape: 26 characters of RFC 4648 base 32 in lower case, the first 130 bits of SHA-256 over dispatch key and
/// generation. It travels as `client_payload.relay.id` and is looked for in the title of a run.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct RelayId(String);

impl RelayId {
    /// How many characters an id has.
    pub const LEN: usize = 26;

    /// The id of this generation of this dispatch.
    #[must_use]
    pub fn new(key: &DispatchKey, generation: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(key.as_str().as_bytes());
        hash.update([0]);
        hash.update(generation.to_be_bytes());
        Self(base32(&hash.finalize(), Self::LEN))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RelayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Parts as a compact JSON array: unambiguous whatever the parts contain.
fn joined(parts: &[&str]) -> String {
    serde_json::Value::from(parts).to_string()
}

/// The first `len` digits of these bytes in RFC 4648 base 32, lower case, most significant bit first.
fn base32(bytes: &[u8], len: usize) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bit = |index: usize| {
        bytes
            .get(index / 8)
            .is_some_and(|byte| byte & (0x80 >> (index % 8)) != 0)
    };
    (0..len)
        .map(|digit| {
            let value = (0..5).fold(0_usize, |value, place| {
                (value << 1) | usize::from(bit(digit * 5 + place))
            });
            DIGITS.get(value).copied().map_or('a', char::from)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_base32_agrees_with_the_vectors_of_rfc_4648() {
        let check = |input: &str, expect: &str| assert_eq!(base32(input.as_bytes(), expect.len()), expect);
        check("f", "my");
        check("fo", "mzxq");
        check("foo", "mzxw6");
        check("foob", "mzxw6yq");
        check("fooba", "mzxw6ytb");
        check("foobar", "mzxw6ytboi");
    }

    #[test]
    fn ok_relay_id_is_stable_and_new_for_each_generation() {
        let release = ReleaseKey::of_model("/subscriptions/s", "credit-risk", "7");
        let key = DispatchKey::new(&release, "deploy");
        assert_eq!(RelayId::new(&key, 1), RelayId::new(&key, 1));
        assert_ne!(RelayId::new(&key, 1), RelayId::new(&key, 2));
        assert_eq!(RelayId::new(&key, 1).as_str().len(), RelayId::LEN);
        // Pinned: a change of this text would make a relay that is upgraded repeat what it has sent.
        assert_eq!(
            key.as_str(),
            r#"["deploy","[\"model\",\"/subscriptions/s\",\"credit-risk\",\"7\"]"]"#
        );
        assert_eq!(RelayId::new(&key, 1).as_str(), "474p54ivefce66s2nsvlvyw7zg");
    }

    #[test]
    fn ok_parts_cannot_run_into_each_other() {
        let a = ReleaseKey::of_model("w", "a\",\"b", "1");
        let b = ReleaseKey::of_model("w", "a", "b\",\"1");
        assert_ne!(a, b);
        assert_ne!(ReleaseKey::of_event("w", "a"), ReleaseKey::of_model("w", "a", ""));
    }
}
