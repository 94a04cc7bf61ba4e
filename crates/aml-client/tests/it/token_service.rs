//! **Here**: a token service that judges everything it is sent and answers signed tokens, and an Azure ML that judges those tokens.
//! **Not here**: tests; signatures (`jwt`).
//! **Reads**: `jwt`, `script` (the clock), `support`.
//! **Source**: the pages named in `auth`'s files for what is judged; AADSTS codes from
//! <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>; codes of the resource manager as it words them, read 2026-11-23.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use aml_client::clock::Clock as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::credentials::{CLIENT, TENANT};
use crate::jwt;
use crate::script::Turned;
use crate::support::MODEL_PATH;

pub(crate) const RESOURCE: &str = "https://management.azure.com";
pub(crate) const EXCHANGE: &str = "api://AzureADTokenExchange";
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
pub(crate) const CLIENT_SECRET: &str = "c1ient~s3cr3t+&=/of-tests";
pub(crate) const JOB_TOKEN: &str = "j0b-t0ken-of-tests";
pub(crate) const HOST_SECRET: &str = "h0st-s3cret-of-tests";
pub(crate) const POD: &str = "system:serviceaccount:ml:relay";
pub(crate) const JOB: &str = "repo:contoso/churn:ref:refs/heads/main";
/// Thumbprints as openssl tells them: `keys/pkcs8.pem` and `keys/pkcs1.pem`, and the last one of `keys/chain.pem`.
pub(crate) const THUMBPRINT: &str = "lMcu7zytlOHxrlFLpTs61GVgLOPHINBCEc6nxiOE2VI";
pub(crate) const CHAIN_THUMBPRINT: &str = "2RDtv8RdQckHoLUlViRD3g9PkJCKbOZjorMkz4tKE-E";

/// What is wrong with the tokens that are answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flaw {
    None,
    OtherKey,
    OtherAudience,
    OtherTenant,
    Expired,
    Unsigned,
}

pub(crate) struct State {
    pub(crate) clock: Turned,
    pub(crate) flaw: Flaw,
    /// Thumbprints of the certificates that the service principal has, and public keys to them.
    pub(crate) certificates: HashMap<&'static str, &'static str>,
    /// Whose statements are trusted.
    pub(crate) subjects: Vec<&'static str>,
    /// What is said of a job that asks who it is.
    pub(crate) job: &'static str,
    jtis: HashSet<String>,
    /// Every secret that came or went: secrets, statements, tokens.
    pub(crate) secrets: Vec<String>,
    /// What proved each token that was answered.
    pub(crate) proofs: Vec<&'static str>,
}

/// The token service.
pub(crate) struct TokenService {
    pub(crate) server: MockServer,
    pub(crate) state: Arc<Mutex<State>>,
}

#[derive(Clone)]
struct Service {
    base: String,
    state: Arc<Mutex<State>>,
}

impl TokenService {
    pub(crate) async fn start(clock: &Turned) -> Self {
        let server = MockServer::start().await;
        let state = State {
            clock: clock.clone(),
            flaw: Flaw::None,
            certificates: HashMap::from([(THUMBPRINT, jwt::PUBLIC), (CHAIN_THUMBPRINT, jwt::PUBLIC)]),
            subjects: vec![POD, JOB],
            job: JOB,
            jtis: HashSet::new(),
            secrets: Vec::new(),
            proofs: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let service = Service {
            base: server.uri(),
            state: Arc::clone(&state),
        };
        Mock::given(any()).respond_with(service).mount(&server).await;
        Self { server, state }
    }

    pub(crate) fn uri(&self) -> String {
        self.server.uri()
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    pub(crate) fn proofs(&self) -> Vec<&'static str> {
        self.state.lock().unwrap().proofs.clone()
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        self.state.lock().unwrap().secrets.clone()
    }

    /// A token such as the service answers.
    pub(crate) fn token(&self) -> String {
        self.state.lock().unwrap().token(RESOURCE)
    }

    /// A statement about a pod.
    pub(crate) fn statement(&self, subject: &str, audience: &str, life: i64) -> String {
        let mut state = self.state.lock().unwrap();
        let claims = json!({ "iss": "https://issuer.example", "sub": subject, "aud": audience,
            "exp": state.now() + life });
        let statement = jwt::sign(jwt::ISSUER, &claims);
        state.secrets.push(statement.clone());
        statement
    }
}

/// Where tokens are asked for, and for whom a statement has to be made.
pub(crate) fn audience(base: &str) -> String {
    format!("{base}/{TENANT}/oauth2/v2.0/token")
}

type Refusal = (u16, &'static str, i64);

impl State {
    pub(crate) fn now(&self) -> i64 {
        let since = self.clock.now().duration_since(UNIX_EPOCH).unwrap();
        i64::try_from(since.as_secs()).unwrap()
    }

    fn token(&mut self, resource: &str) -> String {
        let is = |flaw| self.flaw == flaw;
        let now = self.now() - if is(Flaw::Expired) { 7_200 } else { 0 };
        let claims = json!({
            "aud": if is(Flaw::OtherAudience) { "https://graph.microsoft.com" } else { resource },
            "tid": if is(Flaw::OtherTenant) { "00000000-0000-0000-0000-000000000000" } else { TENANT },
            "appid": CLIENT, "iat": now, "nbf": now, "exp": now + 3_600, "uti": self.secrets.len(),
        });
        let key = if is(Flaw::OtherKey) {
            jwt::STRANGER
        } else {
            jwt::ISSUER
        };
        let mut token = jwt::sign(key, &claims);
        if is(Flaw::Unsigned) {
            token = format!(
                "{}.{}.",
                jwt::encode(r#"{"alg":"none"}"#),
                jwt::encode(claims.to_string())
            );
        }
        self.secrets.push(token.clone());
        token
    }

    /// Judges a request for a token: what proved it.
    fn judge(&mut self, form: &HashMap<String, String>, audience: &str) -> Result<&'static str, Refusal> {
        let field = |name: &str| form.get(name).map(String::as_str);
        if field("grant_type") != Some("client_credentials") {
            return Err((400, "unsupported_grant_type", 70003));
        }
        if field("scope") != Some("https://management.azure.com/.default") {
            return Err((400, "invalid_scope", 1_002_012));
        }
        if field("client_id") != Some(CLIENT) {
            return Err((400, "unauthorized_client", 700_016));
        }
        let names: HashSet<&str> = form.keys().map(String::as_str).collect();
        let wanted = |more: &[&'static str]| {
            let all = ["grant_type", "scope", "client_id"].iter().chain(more).copied();
            all.collect::<HashSet<&str>>() == names
        };
        if let (Some(secret), true) = (field("client_secret"), wanted(&["client_secret"])) {
            self.secrets.push(secret.to_owned());
            if secret != CLIENT_SECRET {
                return Err((401, "invalid_client", 7_000_215));
            }
            return Ok("secret");
        }
        let (Some(ASSERTION_TYPE), Some(assertion), true) = (
            field("client_assertion_type"),
            field("client_assertion"),
            wanted(&["client_assertion_type", "client_assertion"]),
        ) else {
            return Err((401, "invalid_client", 7_000_216));
        };
        self.secrets.push(assertion.to_owned());
        let (header, claims) = jwt::read(assertion).ok_or((401, "invalid_client", 50_027))?;
        match header["alg"].as_str() {
            Some("PS256") => self.judge_certificate(assertion, &header, &claims, audience),
            Some("RS256") => self.judge_statement(assertion, &claims),
            _ => Err((401, "invalid_client", 50_027)),
        }
    }

    fn judge_certificate(
        &mut self,
        assertion: &str,
        header: &Value,
        claims: &Value,
        audience: &str,
    ) -> Result<&'static str, Refusal> {
        let thumbprint = header["x5t#S256"].as_str().unwrap_or_default();
        let public = self.certificates.get(thumbprint);
        let signed = public.is_some_and(|public| jwt::is_signed(public, assertion));
        let chain = header.get("x5c").map(|chain| {
            let first = chain[0].as_str().and_then(|text| STANDARD.decode(text).ok());
            first.is_some_and(|first| jwt::encode(Sha256::digest(first)) == thumbprint)
        });
        if !signed || chain == Some(false) || header["typ"] != "JWT" {
            return Err((401, "invalid_client", 700_027));
        }
        if claims["aud"] != audience {
            return Err((401, "invalid_client", 700_023));
        }
        if claims["iss"] != CLIENT || claims["sub"] != CLIENT {
            return Err((401, "invalid_client", 700_021));
        }
        let second = |name: &str| claims[name].as_i64().unwrap_or(i64::MAX);
        let (nbf, iat, exp, now) = (second("nbf"), second("iat"), second("exp"), self.now());
        if nbf > now || iat > now || exp <= now || exp - nbf > 600 {
            return Err((401, "invalid_client", 700_024));
        }
        let jti = claims["jti"].as_str().unwrap_or_default();
        if jti.len() < 16 || !self.jtis.insert(jti.to_owned()) {
            return Err((401, "invalid_client", 70_0025));
        }
        Ok(if chain.is_some() {
            "certificate and chain"
        } else {
            "certificate"
        })
    }

    fn judge_statement(&self, statement: &str, claims: &Value) -> Result<&'static str, Refusal> {
        if !jwt::is_signed(jwt::ISSUER_PUBLIC, statement) {
            return Err((401, "invalid_client", 5_002_738));
        }
        if claims["exp"].as_i64().unwrap_or(0) <= self.now() {
            return Err((401, "invalid_client", 700_024));
        }
        if claims["aud"] != EXCHANGE {
            return Err((400, "invalid_request", 700_212));
        }
        match self.subjects.iter().find(|subject| claims["sub"] == **subject) {
            Some(_) => Ok("statement"),
            None => Err((401, "invalid_client", 700_213)),
        }
    }

    /// A managed identity's request: a header and a resource are all that it has.
    fn judge_host(request: &Request, header: (&str, &str), version: &str) -> Option<String> {
        let pairs: HashMap<_, _> = request.url.query_pairs().into_owned().collect();
        let is_right = request
            .headers
            .get(header.0)
            .is_some_and(|value| value == header.1)
            && pairs.get("api-version").is_some_and(|told| told == version);
        pairs.get("resource").filter(|_| is_right).cloned()
    }
}

impl Respond for Service {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.state.lock().unwrap();
        let path = request.url.path();
        let host = match path {
            "/imds" => Some(("metadata", "true", "2018-02-01")),
            "/app" => Some(("x-identity-header", HOST_SECRET, "2019-08-01")),
            "/aml" => Some(("secret", HOST_SECRET, "2017-09-01")),
            _ => None,
        };
        if let Some((header, value, version)) = host {
            return match State::judge_host(request, (header, value), version) {
                Some(resource) => {
                    state.proofs.push("host");
                    let (token, end) = (state.token(&resource), state.now() + 3_600);
                    ResponseTemplate::new(200)
                        .set_body_json(json!({ "access_token": token, "expires_on": end.to_string() }))
                }
                None => ResponseTemplate::new(401),
            };
        }
        if path == "/job" {
            let asked = request.headers.get("authorization");
            let audience = request.url.query_pairs().find(|(name, _)| name == "audience");
            let (Some((_, audience)), true) = (
                audience,
                asked.is_some_and(|value| value == format!("Bearer {JOB_TOKEN}").as_str()),
            ) else {
                return ResponseTemplate::new(401).set_body_string(JOB_TOKEN);
            };
            let claims = json!({ "iss": "https://issuer.example", "sub": state.job, "aud": audience,
                "exp": state.now() + 300 });
            let statement = jwt::sign(jwt::ISSUER, &claims);
            state.secrets.push(statement.clone());
            return ResponseTemplate::new(200).set_body_json(json!({ "count": 1, "value": statement }));
        }
        let audience = audience(&self.base);
        let is_form = request
            .headers
            .get("content-type")
            .is_some_and(|value| value == "application/x-www-form-urlencoded");
        if request.method != "POST" || format!("{}{path}", self.base) != audience || !is_form {
            return ResponseTemplate::new(404);
        }
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
        let form: HashMap<String, String> = pairs.iter().cloned().collect();
        let judged = match pairs.len() == form.len() {
            true => state.judge(&form, &audience),
            false => Err((400, "invalid_request", 90_0023)),
        };
        match judged {
            Ok(proof) => {
                state.proofs.push(proof);
                let token = state.token(RESOURCE);
                ResponseTemplate::new(200).set_body_json(
                    json!({ "token_type": "Bearer", "expires_in": 3_600, "access_token": token }),
                )
            }
            // A service that says back everything it was sent, as none should.
            Err((status, error, code)) => ResponseTemplate::new(status).set_body_json(json!({
                "error": error, "error_codes": [code], "error_description": format!("AADSTS{code}: {form:?}"),
            })),
        }
    }
}

/// An Azure ML that has one model version, and shows it to whom the token service's tokens name.
pub(crate) async fn azure_ml(clock: &Turned) -> MockServer {
    let server = MockServer::start().await;
    let gate = Gate { clock: clock.clone() };
    Mock::given(any()).respond_with(gate).mount(&server).await;
    server
}

struct Gate {
    clock: Turned,
}

impl Gate {
    fn judge(&self, request: &Request) -> Result<(), &'static str> {
        let bearer = request.headers.get("authorization");
        let token = bearer
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .ok_or("AuthenticationFailed")?;
        let (_, claims) = jwt::read(token).ok_or("InvalidAuthenticationToken")?;
        if !jwt::is_signed(jwt::ISSUER_PUBLIC, token) || claims["appid"] != CLIENT {
            return Err("InvalidAuthenticationToken");
        }
        if claims["aud"] != RESOURCE {
            return Err("InvalidAuthenticationTokenAudience");
        }
        if claims["tid"] != TENANT {
            return Err("InvalidAuthenticationTokenTenant");
        }
        let end = Duration::from_secs(claims["exp"].as_u64().ok_or("InvalidAuthenticationToken")?);
        if self.clock.now() >= UNIX_EPOCH + end {
            return Err("ExpiredAuthenticationToken");
        }
        Ok(())
    }
}

impl Respond for Gate {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        if let Err(code) = self.judge(request) {
            let sent = format!("{:?}", request.headers.get("authorization"));
            let challenge =
                r#"Bearer authorization_uri="https://login.microsoftonline.com", error="invalid_token""#;
            return ResponseTemplate::new(401)
                .insert_header("www-authenticate", challenge)
                .set_body_json(json!({ "error": { "code": code, "message": sent } }));
        }
        match request.url.path() == MODEL_PATH {
            true => ResponseTemplate::new(200)
                .set_body_json(json!({ "name": "7", "properties": { "tags": { "stage": "signed" } } })),
            false => ResponseTemplate::new(404),
        }
    }
}
