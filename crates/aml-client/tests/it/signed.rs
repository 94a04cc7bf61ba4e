//! Every credential through a client, end to end: from what proves who asks, over a signed token, to a model that Azure ML shows to whom the
//! token names. What is wrong in one thing is refused, and no text and no log line shows a secret.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use aml_client::auth::{
    AccessToken, ClientSecret, CredentialChain, CredentialError, FixedToken, GithubOidc, IdentitySelector,
    ManagedIdentity, TokenCredential, WorkloadIdentity, from_env,
};
use aml_client::cloud::Cloud;
use aml_client::{Advice, Client, Error, ErrorKind, RetryPolicy};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tempfile::TempDir;
use wiremock::MockServer;

use crate::capture::logged;
use crate::credentials::{CLIENT, SCOPE, TENANT, n};
use crate::jwt;
use crate::script::Turned;
use crate::support::{everything, workspace};
use crate::token_service::{
    CLIENT_SECRET, EXCHANGE, Flaw, HOST_SECRET, JOB, JOB_TOKEN, POD, TokenService, azure_ml,
};

/// Everything that a test needs: a token service, an Azure ML that trusts it, a clock for all, a folder.
struct World {
    clock: Turned,
    tokens: TokenService,
    ml: MockServer,
    folder: TempDir,
}

type Made = Arc<dyn TokenCredential>;

impl World {
    async fn new() -> Self {
        let clock = Turned::new();
        Self {
            tokens: TokenService::start(&clock).await,
            ml: azure_ml(&clock).await,
            folder: tempfile::tempdir().unwrap(),
            clock,
        }
    }

    fn client(&self, credential: impl TokenCredential + 'static) -> Client {
        Client::builder(workspace(), credential)
            .with_endpoint(self.ml.uri())
            .with_retry(RetryPolicy::off())
            .with_clock(self.clock.clone())
            .build()
            .unwrap()
    }

    /// Reads the model, and what was read is what Azure ML has.
    async fn read(&self, credential: &Made) -> Result<(), Error> {
        let client = self.client(Arc::clone(credential));
        let model = client.get_model_version("churn", "7").await?;
        assert_eq!(model.properties.tag("stage"), Some("signed"));
        Ok(())
    }

    fn secret(&self, secret: &str) -> Made {
        let made = ClientSecret::new(&self.tokens.uri(), TENANT, CLIENT, secret).unwrap();
        Arc::new(made.with_clock(self.clock.clone()))
    }

    fn pod(&self, statement: &str) -> Made {
        // One file for each, as it is read when a token is fetched and not before.
        let n_files = std::fs::read_dir(self.folder.path()).unwrap().count();
        let file = self.folder.path().join(format!("statement-{n_files}"));
        std::fs::write(&file, statement).unwrap();
        let made = WorkloadIdentity::new(&self.tokens.uri(), TENANT, CLIENT, file).unwrap();
        Arc::new(made.with_clock(self.clock.clone()))
    }

    fn job(&self, token: &str) -> Made {
        let url = format!("{}/job?api-version=2.0", self.tokens.uri());
        let made = GithubOidc::new(&self.tokens.uri(), TENANT, CLIENT, &url, token).unwrap();
        Arc::new(made.with_clock(self.clock.clone()))
    }

    fn hosts(&self, secret: &str) -> [Made; 3] {
        let url = |path: &str| format!("{}/{path}", self.tokens.uri());
        let user = || IdentitySelector::ClientId(CLIENT.to_owned());
        [
            ManagedIdentity::of_machine(Some(&url("imds")), user()),
            ManagedIdentity::of_app_service(&url("app"), secret, user()),
            ManagedIdentity::of_aml_compute(&url("aml"), secret, user()),
        ]
        .map(|made| Arc::new(made.unwrap().with_clock(self.clock.clone())) as Made)
    }

    #[cfg(feature = "certificate")]
    fn certificate(&self, pem: &str) -> Made {
        let pem = SecretString::from(pem);
        let made =
            aml_client::auth::ClientCertificate::from_pem(&self.tokens.uri(), TENANT, CLIENT, &pem).unwrap();
        Arc::new(made.with_chain().with_clock(self.clock.clone()))
    }

    #[cfg(unix)]
    fn cli(&self) -> Made {
        use std::os::unix::fs::PermissionsExt as _;

        // It lives by the system's clock, as a clock that goes on by what is waited for would give the program no time.
        let answer = json!({ "accessToken": self.tokens.token(), "expires_on": 4_102_444_800_u64 });
        let program = self.folder.path().join("az");
        std::fs::write(&program, format!("#!/bin/sh\necho '{answer}'\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Arc::new(aml_client::auth::AzureCli::new(program))
    }

    #[cfg(feature = "azure-identity")]
    fn official(&self) -> Made {
        let theirs = crate::azure_identity::Theirs::of(&self.clock, &self.tokens.token());
        let made = aml_client::auth::AzureIdentity::new(Arc::new(theirs));
        Arc::new(made.with_clock(self.clock.clone()))
    }

    /// One of each, right in everything, and what the token service takes for its proof.
    fn all(&self) -> Vec<(&'static str, Made, Option<&'static str>)> {
        let json = json!({ "clientId": CLIENT, "clientSecret": CLIENT_SECRET, "tenantId": TENANT,
            "activeDirectoryEndpointUrl": self.tokens.uri() });
        let read = ClientSecret::from_azure_credentials(&SecretString::from(json.to_string())).unwrap();
        let chain = CredentialChain::default()
            .with(self.pod(""))
            .with(self.secret(CLIENT_SECRET));
        let uri = self.tokens.uri();
        let named = from_env(Cloud::Public, |name| match name {
            "AZURE_TENANT_ID" => Some(TENANT.to_owned()),
            "AZURE_CLIENT_ID" => Some(CLIENT.to_owned()),
            "AZURE_CLIENT_SECRET" => Some(CLIENT_SECRET.to_owned()),
            "AZURE_AUTHORITY_HOST" => Some(uri.clone()),
            _ => None,
        });
        let [machine, app, compute] = self.hosts(HOST_SECRET);
        let mut all = vec![
            ("secret", self.secret(CLIENT_SECRET), Some("secret")),
            ("azure credentials", Arc::new(read) as Made, Some("secret")),
            ("environment", named.unwrap(), Some("secret")),
            ("job", self.job(JOB_TOKEN), Some("statement")),
            ("machine", machine, Some("host")),
            ("app service", app, Some("host")),
            ("azure ml compute", compute, Some("host")),
            (
                "fixed",
                Arc::new(FixedToken::new(self.tokens.token())) as Made,
                None,
            ),
            ("chain", Arc::new(chain) as Made, Some("secret")),
        ];
        #[cfg(unix)]
        all.push(("azure cli", self.cli(), None));
        #[cfg(feature = "certificate")]
        all.push((
            "certificate",
            self.certificate(jwt::PKCS8),
            Some("certificate and chain"),
        ));
        #[cfg(feature = "azure-identity")]
        all.push(("azure identity", self.official(), None));
        let pod = self.pod(&self.tokens.statement(POD, EXCHANGE, 600));
        all.push(("pod", pod, Some("statement")));
        all
    }
}

#[tokio::test]
async fn ok_each_credential_that_is_right_reads_the_model() {
    let world = World::new().await;
    let mut n_read = 0;
    let mut check = async |name: &str, credential: Made, proof: Option<&str>| {
        let n_proofs = world.tokens.proofs().len();
        for _ in 0..3 {
            world
                .read(&credential)
                .await
                .unwrap_or_else(|error| panic!("{name}: {}", everything(&error)));
            n_read += 1;
        }
        let proofs = &world.tokens.proofs()[n_proofs..];
        assert_eq!(proofs, proof.as_slice(), "{name}: one token for three calls");
        assert_eq!(n(&world.ml).await, n_read, "{name}: nothing was sent twice");
    };
    for (name, credential, proof) in world.all() {
        check(name, credential, proof).await;
    }
}

/// No token: what is behind the error says who refused and with which code, and Azure ML is not asked.
#[tokio::test]
async fn err_what_proves_nothing_is_refused_by_the_token_service() {
    let refused = async |credential: Made, world: &World, expect: &str| {
        let error = world.read(&credential).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Auth, None));
        assert_eq!(error.advice(), Advice::Block);
        let source = std::error::Error::source(&error).unwrap();
        let credential_error = source.downcast_ref::<CredentialError>().unwrap();
        assert!(
            matches!(credential_error, CredentialError::Failed { .. }),
            "{expect}"
        );
        assert!(source.to_string().ends_with(expect), "{expect}: {source}");
        assert_eq!(n(&world.ml).await, 0, "{expect}");
        assert!(
            world.tokens.proofs().is_empty(),
            "{expect}: {:?}",
            world.tokens.proofs()
        );
    };
    let world = World::new().await;
    let statement = |subject, audience, life| world.tokens.statement(subject, audience, life);
    let now = world.tokens.state.lock().unwrap().now();
    let strange = jwt::sign(
        jwt::STRANGER,
        &json!({ "sub": POD, "aud": EXCHANGE, "exp": now + 600 }),
    );
    let unsigned = format!(
        "{}.{}.",
        jwt::encode(r#"{"alg":"none"}"#),
        jwt::encode(format!(
            r#"{{"sub":"{POD}","aud":"{EXCHANGE}","exp":{}}}"#,
            now + 600
        ))
    );
    for (statement, expect) in [
        (statement(POD, RESOURCE_OF_ANOTHER, 600), "AADSTS700212"),
        (
            statement("system:serviceaccount:ml:other", EXCHANGE, 600),
            "AADSTS700213",
        ),
        (statement(POD, EXCHANGE, 0), "AADSTS700024"),
        (strange, "AADSTS5002738"),
        (unsigned, "AADSTS50027"),
        ("no-jwt".to_owned(), "AADSTS50027"),
    ] {
        refused(world.pod(&statement), &world, expect).await;
    }
    for secret in ["wrong", "c1ient~s3cr3t+&=/of-test", "c1ient~s3cr3t &=/of-tests"] {
        refused(world.secret(secret), &world, "401: invalid_client AADSTS7000215").await;
    }
    let expect = "github answered 401 when it was asked for the job's identity";
    refused(world.job("another"), &world, expect).await;
    world
        .tokens
        .set(|state| state.job = "repo:contoso/churn:pull_request");
    refused(world.job(JOB_TOKEN), &world, "AADSTS700213").await;
    world.tokens.set(|state| {
        state.job = JOB;
        state.subjects = vec![POD];
    });
    refused(world.job(JOB_TOKEN), &world, "AADSTS700213").await;
    let [_, app, compute] = world.hosts("wrong");
    refused(app, &world, "answered 401").await;
    refused(compute, &world, "answered 401").await;
    #[cfg(feature = "certificate")]
    {
        let next = world.certificate(include_str!("keys/next.pem"));
        refused(next, &world, "AADSTS700027").await;
        let right = world.certificate(jwt::PKCS8);
        // Entra's clock is a quarter of an hour ahead.
        let ahead = Turned::new();
        ahead.turn(Duration::from_secs(900));
        world.tokens.set(|state| state.clock = ahead);
        refused(right, &world, "AADSTS700024").await;
    }
}

const RESOURCE_OF_ANOTHER: &str = "api://another";

/// A token that Azure ML does not take: it is forgotten, another one is asked for, and then it is an error that names the reason.
#[tokio::test]
async fn err_tokens_that_azure_ml_does_not_take() {
    for (flaw, code) in [
        (Flaw::OtherKey, "InvalidAuthenticationToken"),
        (Flaw::Unsigned, "InvalidAuthenticationToken"),
        (Flaw::OtherAudience, "InvalidAuthenticationTokenAudience"),
        (Flaw::OtherTenant, "InvalidAuthenticationTokenTenant"),
        (Flaw::Expired, "ExpiredAuthenticationToken"),
    ] {
        let world = World::new().await;
        world.tokens.set(|state| state.flaw = flaw);
        for (name, credential, proof) in world.all() {
            let (n_before, n_proofs) = (n(&world.ml).await, world.tokens.proofs().len());
            let error = world.read(&credential).await.unwrap_err();
            let seen = (
                error.kind(),
                error.advice(),
                error.status().map(|status| status.as_u16()),
            );
            assert_eq!(seen, (ErrorKind::Auth, Advice::Block, Some(401)), "{name}");
            assert_eq!(error.service_code(), Some(code), "{name}");
            let n_asked = n(&world.ml).await - n_before;
            let n_tokens = world.tokens.proofs().len() - n_proofs;
            // Whoever can have another token has it asked for one time; a token that was given is all there is.
            match (name, proof) {
                ("fixed" | "azure identity", _) => assert_eq!((n_asked, n_tokens), (1, 0)),
                (_, None) => assert_eq!((n_asked, n_tokens), (2, 0), "{name}"),
                (_, Some(_)) => assert_eq!((n_asked, n_tokens), (2, 2), "{name}"),
            }
        }
        // Right again: a credential that was refused is not spoilt.
        let secret = world.secret(CLIENT_SECRET);
        world.read(&secret).await.unwrap_err();
        world.tokens.set(|state| state.flaw = Flaw::None);
        world.read(&secret).await.unwrap();
    }
}

/// A token ends while the client lives on: a new one is there before, and Azure ML never sees an old one.
#[tokio::test]
async fn ok_tokens_are_replaced_before_they_end() {
    let world = World::new().await;
    let (credential, hour) = (world.secret(CLIENT_SECRET), Duration::from_secs(3_599));
    for n_hours in 1..=5 {
        world.read(&credential).await.unwrap();
        assert_eq!(world.tokens.proofs().len(), n_hours);
        world.clock.turn(hour);
    }
    assert_eq!(n(&world.ml).await, 5, "and nothing was sent two times");
}

/// Whoever prints a thing prints this.
fn shown(of: &impl Debug) -> String {
    format!("{of:?} {of:#?}")
}

/// All that must not be seen: what was configured, what came and went, and each part of a key or token that is long enough to be one.
fn secrets(world: &World) -> Vec<String> {
    let mut secrets = world.tokens.secrets();
    for text in [CLIENT_SECRET, JOB_TOKEN, HOST_SECRET, "wr0ng-s3cret-of-tests"] {
        secrets.push(text.to_owned());
        secrets.push(url::form_urlencoded::byte_serialize(text.as_bytes()).collect());
    }
    let parts: Vec<String> = secrets
        .iter()
        .flat_map(|secret| secret.split('.'))
        .filter(|part| part.len() >= 16)
        .map(str::to_owned)
        .collect();
    secrets.extend(parts);
    for pem in [
        jwt::PKCS8,
        include_str!("keys/next.pem"),
        jwt::ISSUER,
        jwt::STRANGER,
    ] {
        secrets.extend(pem.lines().filter(|line| line.len() == 64).map(str::to_owned));
    }
    secrets.retain(|secret| secret.len() >= 8);
    secrets
}

fn leaks<'a>(secrets: &'a [String], text: &str) -> Vec<&'a String> {
    secrets.iter().filter(|secret| text.contains(*secret)).collect()
}

/// Right and wrong, with all that is logged below the client and by it: no text, no `Debug`, no log line has a secret in it.
#[tokio::test]
async fn ok_nothing_shows_a_secret() {
    let world = World::new().await;
    let run = async || {
        let mut texts = String::new();
        let mut n_right = 0;
        let mut n_wrong = 0;
        for flaw in [Flaw::None, Flaw::OtherKey, Flaw::Expired] {
            world.tokens.set(|state| state.flaw = flaw);
            let mut credentials: Vec<Made> = world.all().into_iter().map(|(_, made, _)| made).collect();
            credentials.push(world.secret("wr0ng-s3cret-of-tests"));
            credentials.push(world.job("wr0ng-s3cret-of-tests"));
            credentials.extend(world.hosts("wr0ng-s3cret-of-tests"));
            #[cfg(feature = "certificate")]
            credentials.push(world.certificate(include_str!("keys/next.pem")));
            for credential in credentials {
                let client = world.client(Arc::clone(&credential));
                match client.get_model_version("churn", "7").await {
                    Ok(_) => n_right += 1,
                    Err(error) => {
                        n_wrong += 1;
                        texts.push_str(&everything(&error));
                    }
                }
                match credential.get_token(SCOPE).await {
                    Ok(token) => texts.push_str(&shown(&token)),
                    Err(error) => texts.push_str(&crate::credentials::texts(&error)),
                }
                texts.push_str(&shown(&credential));
                texts.push_str(&shown(&client));
            }
        }
        (texts, n_right, n_wrong)
    };
    let ((texts, n_right, n_wrong), log) = logged(run()).await;
    assert!(n_right >= 10 && n_wrong >= 20, "{n_right} right, {n_wrong} wrong");
    let secrets = secrets(&world);
    assert!(secrets.len() > 200, "{}", secrets.len());
    assert_eq!(leaks(&secrets, &texts), Vec::<&String>::new(), "in a text");
    assert_eq!(leaks(&secrets, &log), Vec::<&String>::new(), "in a log");
    // What would be found is found: the transport wrote by both ways of logging, and a token in it would be seen.
    for line in [
        "log DEBUG reqwest::connect: starting new connection",
        "TRACE hyper_util::client",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
    let token = world.tokens.token();
    let (made, log) = logged(async {
        let made = AccessToken::new(token.clone());
        tracing::trace!("{}", made.secret().expose_secret());
        made
    })
    .await;
    let secrets = self::secrets(&world);
    assert!(!leaks(&secrets, &log).is_empty());
    assert!(
        !leaks(&secrets, &token[..token.len() - 1]).is_empty(),
        "a part of it"
    );
    assert!(leaks(&secrets, &shown(&made)).is_empty());
}
