//! **Here**: the mock's GitHub Apps: JWTs judged as GitHub judges them, installation tokens that live for an hour and may do what they
//! were asked for.
//! **Not here**: tokens of persons (`answers`).
//! **Reads**: requests with a JWT, and with the tokens that were given out.
//! **Source**: <https://docs.github.com/rest/apps/apps> and
//! <https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app>,
//! read 2026-11-23.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::answers::written;

const HOUR: Duration = Duration::from_secs(3_600);
/// The longest life of a JWT, in seconds.
const LONGEST_JWT: u64 = 600;

/// What a request is refused with.
type Refused = (u16, &'static str);

#[derive(Debug, Default)]
pub(super) struct Apps {
    apps: Vec<App>,
    tokens: BTreeMap<String, Granted>,
    n_tokens: usize,
}

#[derive(Debug)]
struct App {
    issuer: String,
    /// DER of the public key; without one no signature is looked at.
    key: Option<Vec<u8>>,
    installation: u64,
    permissions: BTreeMap<String, String>,
}

/// A token of an installation.
#[derive(Debug)]
pub(super) struct Granted {
    expires_at: SystemTime,
    /// Names in lower case, without the owner; all where none is named.
    repositories: Vec<String>,
    permissions: BTreeMap<String, String>,
}

impl Granted {
    /// What GitHub answers where this token may not do it; `name` is the repository's, without the owner.
    pub(super) fn refuses(
        &self,
        name: &str,
        needs: Option<(&str, &str)>,
        now: SystemTime,
    ) -> Option<Refused> {
        if self.expires_at <= now {
            return Some((401, "Bad credentials"));
        }
        if !self.repositories.is_empty() && !self.repositories.contains(&name.to_ascii_lowercase()) {
            return Some((404, "Not Found"));
        }
        let (permission, access) = needs?;
        let has = self.permissions.get(permission).map(String::as_str);
        let may = has == Some("write") || has == Some(access);
        (!may).then_some((403, "Resource not accessible by integration"))
    }
}

impl Apps {
    pub(super) fn add(&mut self, issuer: &str, public_key_pem: Option<&str>, permissions: &[(&str, &str)]) {
        let key = public_key_pem.map(|pem| {
            let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            STANDARD.decode(lines).unwrap_or_default()
        });
        let number = u64::try_from(self.apps.len()).unwrap_or_default();
        let pairs = permissions.iter();
        self.apps.push(App {
            issuer: issuer.to_owned(),
            key,
            installation: 50_000_001 + number,
            permissions: pairs
                .map(|(name, access)| ((*name).to_owned(), (*access).to_owned()))
                .collect(),
        });
    }

    pub(super) const fn has_any(&self) -> bool {
        !self.apps.is_empty()
    }

    pub(super) const fn n_tokens(&self) -> usize {
        self.n_tokens
    }

    pub(super) fn forget_tokens(&mut self) {
        self.tokens.clear();
    }

    pub(super) fn granted(&self, token: &str) -> Option<&Granted> {
        self.tokens.get(token)
    }

    /// `GET /repos/{owner}/{repo}/installation`.
    pub(super) fn installation(&self, jwt: &str, now: SystemTime) -> Result<Value, Refused> {
        let app = self.of_jwt(jwt, now)?;
        Ok(installation(app, now))
    }

    /// `POST /app/installations/{id}/access_tokens`.
    pub(super) fn token(
        &mut self,
        jwt: &str,
        id: &str,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Value, Refused> {
        let app = self.of_jwt(jwt, now)?;
        if app.installation.to_string() != id {
            return Err((404, "Not Found"));
        }
        let asked: Value = match body {
            [] => json!({}),
            body => serde_json::from_slice(body).map_err(|_| (400, "Problems parsing JSON"))?,
        };
        let mut permissions = app.permissions.clone();
        if let Some(wanted) = asked.get("permissions").and_then(Value::as_object) {
            let is_granted = |(name, access): (&String, &Value)| {
                let has = app.permissions.get(name).map(String::as_str);
                has == Some("write") || (has.is_some() && has == access.as_str())
            };
            if !wanted.iter().all(is_granted) {
                return Err((
                    422,
                    "The permissions requested are not granted to this installation.",
                ));
            }
            permissions = wanted
                .iter()
                .filter_map(|(name, access)| Some((name.clone(), access.as_str()?.to_owned())))
                .collect();
        }
        let repositories: Vec<String> = asked
            .get("repositories")
            .and_then(Value::as_array)
            .map(|names| {
                names
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_ascii_lowercase)
                    .collect()
            })
            .unwrap_or_default();
        self.n_tokens += 1;
        // Tokens are long, and no two are equal.
        let token = format!("ghs_{id}_{:06}.{}", self.n_tokens, "x".repeat(400));
        let expires_at = now.checked_add(HOUR).unwrap_or(now);
        let selection = if repositories.is_empty() {
            "all"
        } else {
            "selected"
        };
        let answer = json!({
            "token": token, "expires_at": written(expires_at), "permissions": permissions, "repository_selection": selection,
        });
        let granted = Granted {
            expires_at,
            repositories,
            permissions,
        };
        self.tokens.insert(token, granted);
        Ok(answer)
    }

    /// The app that a JWT proves.
    fn of_jwt(&self, jwt: &str, now: SystemTime) -> Result<&App, Refused> {
        const UNREADABLE: Refused = (401, "A JSON web token could not be decoded");
        let mut parts = jwt.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(UNREADABLE);
        };
        let read = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
            serde_json::from_slice::<Value>(&bytes).ok()
        };
        let (Some(head), Some(body)) = (read(header), read(claims)) else {
            return Err(UNREADABLE);
        };
        if head.get("alg") != Some(&Value::from("RS256")) {
            return Err(UNREADABLE);
        }
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let number = |name: &str| body.get(name).and_then(Value::as_u64);
        let (Some(iat), Some(exp)) = (number("iat"), number("exp")) else {
            return Err((401, "Missing 'issued at' or 'expiration' claim"));
        };
        if iat > now {
            return Err((
                401,
                "'Issued at' claim ('iat') must be an Integer representing a time in the past",
            ));
        }
        if exp <= now {
            return Err((
                401,
                "'Expiration time' claim ('exp') must be a numeric value representing the future time",
            ));
        }
        if exp > now + LONGEST_JWT {
            return Err((401, "'Expiration time' claim ('exp') is too far in the future"));
        }
        let issuer = match body.get("iss") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => return Err((401, "'Issuer' claim ('iss') must be present")),
        };
        let app = self.apps.iter().find(|app| app.issuer == issuer);
        let app = app.ok_or((404, "Integration not found"))?;
        let signed = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        if app
            .key
            .as_ref()
            .is_some_and(|key| !is_signed(key, signed.as_bytes(), &signature))
        {
            return Err(UNREADABLE);
        }
        Ok(app)
    }
}

#[cfg(feature = "rustls")]
fn is_signed(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let provider = rustls::crypto::ring::default_provider();
    let schemes = provider.signature_verification_algorithms.mapping;
    let rsa = schemes
        .iter()
        .find(|(scheme, _)| *scheme == rustls::SignatureScheme::RSA_PKCS1_SHA256);
    rsa.is_some_and(|(_, algorithms)| {
        algorithms
            .iter()
            .any(|algorithm| algorithm.verify_signature(key, message, signature).is_ok())
    })
}

/// Without crypto no signature can be judged, so none is right.
#[cfg(not(feature = "rustls"))]
const fn is_signed(_key: &[u8], _message: &[u8], _signature: &[u8]) -> bool {
    false
}

fn installation(app: &App, now: SystemTime) -> Value {
    json!({ "id": app.installation, "app_slug": "relay", "permissions": app.permissions, "repository_selection": "all",
        "events": [], "created_at": written(now), "updated_at": written(now) })
}
