//! **Here**: [`SharedSecrets`]: who may deliver, by a secret in the query or in a header; several at once for rotation.
//! **Not here**: Entra tokens, where secrets come from (the host).
//! **Reads**: the request's query and headers; `webhook` asks it first.
//! **Source**: DESIGN section 4; facts/eventgrid 4: both reach the handshakes as well.

use std::fmt;

use http::HeaderMap;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The query parameter that may carry the secret.
const QUERY: &str = "code";
/// The header that may carry the secret.
const HEADER: &str = "x-relay-secret";

/// A secret that cannot be one. Shows nothing of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSecret {
    /// It is empty.
    #[error("secret number {index} is empty, which would let everybody in")]
    Empty {
        /// Which one, counted from 1.
        index: usize,
    },
    /// It begins or ends with a blank, or holds a line end or another control character: a header never carries such a one, so
    /// that nobody would be let in.
    #[error(
        "secret number {index} begins or ends with a blank, or holds a line end or another control character"
    )]
    Blank {
        /// Which one, counted from 1.
        index: usize,
    },
}

/// The secrets that let a delivery in: `?code=…` or the header `x-relay-secret`.
///
/// Only SHA-256 digests are kept, and all of them are compared in constant time, whichever matches.
#[derive(Clone)]
pub struct SharedSecrets {
    digests: Vec<[u8; 32]>,
    anonymous: bool,
}

impl SharedSecrets {
    /// These secrets; all are valid at once, so that one can be replaced by another without losing events.
    ///
    /// # Errors
    /// One of them is empty, or is such that no request can carry it. None at all lets nobody in; see [`anonymous`](Self::anonymous).
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Result<Self, InvalidSecret> {
        let mut digests = Vec::new();
        for (index, secret) in secrets.into_iter().enumerate() {
            let (secret, index) = (secret.as_ref(), index + 1);
            if secret.trim().is_empty() {
                return Err(InvalidSecret::Empty { index });
            }
            if secret.trim() != secret || secret.contains(char::is_control) {
                return Err(InvalidSecret::Blank { index });
            }
            digests.push(digest(secret));
        }
        Ok(Self {
            digests,
            anonymous: false,
        })
    }

    /// Everybody may deliver. For a webhook behind something that authenticates, and for trying things out.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self {
            digests: Vec::new(),
            anonymous: true,
        }
    }

    /// Whether a request with this query and these headers may deliver.
    #[must_use]
    pub fn admit(&self, query: Option<&str>, headers: &HeaderMap) -> bool {
        if self.anonymous {
            return true;
        }
        let query = query.unwrap_or_default();
        // People write base64 into a URL as it is: a plus counts as a blank, as forms have it, and as itself.
        let as_it_is = query.replace('+', "%2B");
        let from_query = [query, &as_it_is].map(|query| {
            let pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs
                .filter(|(name, _)| name == QUERY)
                .map(|(_, value)| value.into_owned())
        });
        let from_headers = headers
            .get_all(HEADER)
            .iter()
            .filter_map(|value| value.to_str().ok().map(str::to_owned));
        let mut admitted = Choice::from(0);
        for shown in from_query.into_iter().flatten().chain(from_headers) {
            admitted |= self.holds(&shown);
        }
        admitted.into()
    }

    /// Whether this text is one of the secrets, compared in constant time: for hosts with doors of their own. Anonymous has none.
    #[must_use]
    pub fn knows(&self, shown: &str) -> bool {
        self.holds(shown).into()
    }

    fn holds(&self, shown: &str) -> Choice {
        let shown = digest(shown);
        self.digests
            .iter()
            .fold(Choice::from(0), |any, known| any | known.ct_eq(&shown))
    }
}

impl fmt::Debug for SharedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SharedSecrets({}{})",
            self.digests.len(),
            if self.anonymous { ", anonymous" } else { "" }
        )
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(secret: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(HEADER), secret.parse().unwrap())])
    }

    #[test]
    fn ok_any_of_several_secrets_by_query_or_header() {
        let secrets = SharedSecrets::new(["old one", "new+one"]).unwrap();
        let check = |query: Option<&str>, header: Option<&str>, expect| {
            let headers = header.map(headers).unwrap_or_default();
            assert_eq!(secrets.admit(query, &headers), expect, "{query:?} {header:?}");
        };
        check(Some("code=old%20one"), None, true);
        check(Some("code=old+one"), None, true);
        check(Some("code=new%2Bone"), None, true);
        check(Some("code=new+one"), None, true);
        check(Some("x=1&code=new%2Bone&y=2"), None, true);
        check(None, Some("new+one"), true);
        check(Some("code=wrong"), Some("old one"), true);
        check(None, None, false);
        check(Some("code="), None, false);
        check(Some("CODE=old%20one"), None, false);
        check(Some("code=old"), Some("new"), false);
        check(Some("secret=old%20one"), None, false);
        assert!(secrets.knows("new+one") && secrets.knows("old one"));
        assert!(!secrets.knows("new one") && !secrets.knows(""));
    }

    #[test]
    fn err_an_empty_secret_is_refused_and_none_lets_nobody_in() {
        assert_eq!(
            SharedSecrets::new(["a", " "]).unwrap_err().to_string(),
            "secret number 2 is empty, which would let everybody in"
        );
        for secret in ["a\n", " a", "a\u{7f}b", "a\tb"] {
            let error = SharedSecrets::new([secret]).unwrap_err();
            assert_eq!(error, InvalidSecret::Blank { index: 1 }, "{secret:?}");
        }
        let none = SharedSecrets::new::<&str>([]).unwrap();
        assert!(!none.admit(Some("code="), &HeaderMap::new()));
        assert!(SharedSecrets::anonymous().admit(None, &HeaderMap::new()));
        assert!(!none.knows("") && !SharedSecrets::anonymous().knows(""));
    }

    #[test]
    fn ok_debug_shows_no_secret() {
        let text = format!("{:?}", SharedSecrets::new(["hunter2"]).unwrap());
        assert_eq!(text, "SharedSecrets(1)");
    }
}
