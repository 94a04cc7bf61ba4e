//! The certificate as a credential: what is signed is judged by its public half, every form of a file, and what is refused with a word on what
//! to do.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aml_client::auth::{ClientCertificate, CredentialError, JwtSigner, TokenCredential as _, from_env};
use aml_client::clock::{Clock as _, SystemClock};
use aml_client::cloud::Cloud;
use secrecy::SecretString;
use serde_json::json;

use crate::credentials::{CLIENT, SCOPE, TENANT, n, text, texts};
use crate::jwt;
use crate::script::Turned;
use crate::token_service::{ASSERTION_TYPE, THUMBPRINT, TokenService, audience};

const PKCS1: &str = include_str!("keys/pkcs1.pem");
const CHAIN: &str = include_str!("keys/chain.pem");
const NEXT: &str = include_str!("keys/next.pem");
const NEXT_PUBLIC: &str = include_str!("keys/next.public.pem");
/// As openssl tells it.
const NEXT_THUMBPRINT: &str = "bz5dIem_NwbQh2xKqDP9u4mVTwbHzAl8TwZFxPEZhp0";
const EC: &str = include_str!("keys/ec.pem");
const ENCRYPTED: &str = include_str!("keys/encrypted.pem");
const ENCRYPTED_PKCS1: &str = include_str!("keys/encrypted-pkcs1.pem");

fn of(service: &TokenService, pem: &str, clock: &Turned) -> ClientCertificate {
    ClientCertificate::from_pem(&service.uri(), TENANT, CLIENT, &SecretString::from(pem))
        .unwrap()
        .with_clock(clock.clone())
}

/// The header of the last statement that came.
async fn last_header(service: &TokenService) -> serde_json::Value {
    let requests = service.server.received_requests().await.unwrap();
    let form = url::form_urlencoded::parse(&requests.last().unwrap().body);
    let (_, assertion) = form
        .into_owned()
        .find(|(name, _)| name == "client_assertion")
        .unwrap();
    jwt::read(&assertion).unwrap().0
}

/// Keys before and after certificates, in either form, with the authority's certificate before its own, which is one of version 1.
#[tokio::test]
async fn ok_every_form_of_a_file_proves_the_service_principal() {
    let windows = jwt::PKCS8.replace('\n', "\r\n");
    let attributes = format!("Bag Attributes\n    localKeyID: 01\nKey Attributes: <No Attributes>\n{PKCS1}");
    for pem in [jwt::PKCS8, PKCS1, CHAIN, &windows, &attributes] {
        let clock = Turned::new();
        let service = TokenService::start(&clock).await;
        let credential = of(&service, pem, &clock);
        let token = credential.get_token(SCOPE).await.unwrap();
        assert!(jwt::is_signed(jwt::ISSUER_PUBLIC, &text(&token)));
        assert_eq!(service.proofs(), ["certificate"]);
        assert_eq!(last_header(&service).await.get("x5c"), None);
        let chain = of(&service, pem, &clock).with_chain();
        chain.get_token(SCOPE).await.unwrap();
        assert_eq!(service.proofs(), ["certificate", "certificate and chain"]);
        let n_certificates = pem.matches("BEGIN CERTIFICATE").count();
        let header = last_header(&service).await;
        assert_eq!(header["x5c"].as_array().unwrap().len(), n_certificates);
        let shown = format!("{credential:?} {credential:#?}");
        assert!(!shown.contains("MII") && !shown.contains("BEGIN"), "{shown}");
    }
}

#[tokio::test]
async fn ok_a_thousand_who_wait_ask_one_time_and_each_statement_is_a_new_one() {
    let clock = Turned::new();
    let service = TokenService::start(&clock).await;
    let credential = Arc::new(of(&service, jwt::PKCS8, &clock));
    for n_asked in 1..=3 {
        let tasks: Vec<_> = (0..1_000)
            .map(|_| {
                let credential = Arc::clone(&credential);
                tokio::spawn(async move { credential.get_token(SCOPE).await.map(drop) })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(n(&service.server).await, n_asked);
        // The service takes no id of a statement twice.
        clock.turn(Duration::from_secs(3_301));
    }
    assert!(credential.forget(SCOPE) && !credential.forget(SCOPE));
    credential.get_token(SCOPE).await.unwrap();
    assert_eq!(n(&service.server).await, 4);
}

#[tokio::test]
async fn ok_a_file_is_read_anew_and_what_it_holds_in_between_spoils_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("certificate.pem");
    let clock = Turned::new();
    let service = TokenService::start(&clock).await;
    let credential = ClientCertificate::from_file(&service.uri(), TENANT, CLIENT, &file)
        .unwrap()
        .with_clock(clock.clone());
    let error = credential.get_token(SCOPE).await.unwrap_err();
    assert!(matches!(error, CredentialError::Unavailable { .. }), "{error}");
    clock.turn(Duration::from_secs(2));
    std::fs::write(&file, jwt::PKCS8).unwrap();
    let first = text(&credential.get_token(SCOPE).await.unwrap());
    // Half written while the token still lives: it goes on being used.
    std::fs::write(&file, &NEXT[..700]).unwrap();
    clock.turn(Duration::from_secs(3_400));
    assert_eq!(text(&credential.get_token(SCOPE).await.unwrap()), first);
    assert_eq!(n(&service.server).await, 1);
    // Entra has the new one only.
    service.set(|state| state.certificates = [(NEXT_THUMBPRINT, NEXT_PUBLIC)].into());
    std::fs::write(&file, NEXT).unwrap();
    clock.turn(Duration::from_secs(31));
    let second = text(&credential.get_token(SCOPE).await.unwrap());
    assert!(first != second && jwt::is_signed(jwt::ISSUER_PUBLIC, &second));
    assert_eq!(last_header(&service).await["x5t#S256"], NEXT_THUMBPRINT);
    // One that Entra does not have.
    std::fs::write(&file, jwt::PKCS8).unwrap();
    credential.forget(SCOPE);
    let error = credential.get_token(SCOPE).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the credential's source refused: the token service answered 401: invalid_client AADSTS700027"
    );
    for content in [&b"\x30\x82\x0a\x00"[..], &[b'a'; 1_100_000]] {
        std::fs::write(&file, content).unwrap();
        clock.turn(Duration::from_secs(2));
        let error = credential.get_token(SCOPE).await.unwrap_err().to_string();
        assert!(
            error.contains("PKCS#12") || error.ends_with("too long"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn ok_a_signer_of_ones_own_and_what_it_says_when_it_cannot() {
    #[derive(Debug)]
    struct Vault(Result<&'static str, bool>);

    #[async_trait::async_trait]
    impl JwtSigner for Vault {
        async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CredentialError> {
            match self.0 {
                Ok(pem) => Ok(jwt::signature(pem, "PS256", message)),
                Err(true) => Err(CredentialError::failed("the vault says no")),
                Err(false) => Err(CredentialError::unavailable("the vault is away")),
            }
        }
    }

    let clock = Turned::new();
    let service = TokenService::start(&clock).await;
    // The certificate alone is public, so it is no secret here.
    let certificate = &jwt::PKCS8[jwt::PKCS8.find("-----BEGIN CERT").unwrap()..];
    let of = |vault| ClientCertificate::with_signer(&service.uri(), TENANT, CLIENT, certificate, vault);
    let with = |vault| of(vault).unwrap().with_clock(clock.clone());
    with(Vault(Ok(jwt::PKCS8))).get_token(SCOPE).await.unwrap();
    let error = with(Vault(Ok(jwt::STRANGER))).get_token(SCOPE).await.unwrap_err();
    assert!(error.to_string().ends_with("AADSTS700027"), "{error}");
    let error = with(Vault(Err(true))).get_token(SCOPE).await.unwrap_err();
    assert!(matches!(error, CredentialError::Failed { .. }), "{error}");
    let error = with(Vault(Err(false))).get_token(SCOPE).await.unwrap_err();
    assert!(matches!(error, CredentialError::Unavailable { .. }), "{error}");
    assert_eq!(n(&service.server).await, 2);
    let empty = ClientCertificate::with_signer(&service.uri(), TENANT, CLIENT, "", Vault(Err(true)));
    assert!(empty.unwrap_err().to_string().contains("BEGIN CERTIFICATE"));
}

#[test]
fn err_what_cannot_be_used_says_what_to_do() {
    let of = |pem: &str| {
        let error = ClientCertificate::from_pem(
            Cloud::Public.authority(),
            TENANT,
            CLIENT,
            &SecretString::from(pem),
        )
        .unwrap_err();
        assert!(matches!(error, CredentialError::Failed { .. }), "{error}");
        let shown = texts(&error);
        assert!(
            !pem.lines().any(|line| line.len() == 64 && shown.contains(line)),
            "{shown}"
        );
        error.to_string()
    };
    let (key, certificate) = jwt::PKCS8.split_at(jwt::PKCS8.find("-----BEGIN CERT").unwrap());
    let mixed = format!("{key}{}", &NEXT[NEXT.find("-----BEGIN CERT").unwrap()..]);
    let sec1 = "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n";
    for (pem, expect) in [
        (EC, "Entra takes RSA"),
        (sec1, "Entra takes RSA"),
        (
            ENCRYPTED,
            "is encrypted, and only plain ones are read; openssl pkey",
        ),
        (
            ENCRYPTED_PKCS1,
            "is encrypted, and only plain ones are read; openssl pkey",
        ),
        (certificate, "private key is missing"),
        (key, "certificate is missing"),
        (&mixed, "none of the certificates belongs to the private key"),
        (&jwt::PKCS8[..500], "not in PEM form, or is cut off"),
        (
            &jwt::PKCS8[..jwt::PKCS8.len() - 60],
            "not in PEM form, or is cut off",
        ),
        ("", "private key is missing"),
        (
            "0\u{2}",
            "binary (PKCS#12 or DER), and PEM is read; openssl pkcs12",
        ),
    ] {
        let error = of(pem);
        assert!(error.contains(expect), "{expect}: {error}");
    }
    for (tenant, client) in [("..", CLIENT), (TENANT, "a b")] {
        let pem = SecretString::from(jwt::PKCS8);
        assert!(ClientCertificate::from_pem("https://x", tenant, client, &pem).is_err());
        assert!(ClientCertificate::from_file("https://x", tenant, client, Path::new("x")).is_err());
    }
}

/// Statements that are wrong in one thing each: so the service of these tests does not say yes to everything.
#[tokio::test]
async fn err_the_service_judges_each_part_of_a_statement() {
    let clock = Turned::new();
    let service = TokenService::start(&clock).await;
    let credential = of(&service, jwt::PKCS8, &clock);
    credential.get_token(SCOPE).await.unwrap();
    let now = service.state.lock().unwrap().now();
    let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": THUMBPRINT });
    let claims = |jti: &str| {
        json!({ "aud": audience(&service.uri()), "iss": CLIENT, "sub": CLIENT, "jti": jti,
            "nbf": now, "iat": now, "exp": now + 600 })
    };
    let http = reqwest::Client::builder().no_proxy();
    let http = http.tls_backend_preconfigured(
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth(),
    );
    let http = http.build().unwrap();
    let send = async |assertion: String| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT),
            ("scope", SCOPE),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = http
            .post(audience(&service.uri()))
            .header("content-type", "application/x-www-form-urlencoded");
        request.body(body).send().await.unwrap().status().as_u16()
    };
    let right = jwt::sign_with(jwt::PKCS8, &header, &claims("0123456789abcdef"));
    assert_eq!(send(right.clone()).await, 200);
    assert_eq!(send(right).await, 401, "an id that was there already");
    for (n, (name, value)) in [
        ("aud", json!("https://login.microsoftonline.com")),
        ("aud", json!(format!("{}/", audience(&service.uri())))),
        ("iss", json!("x")),
        ("sub", json!("x")),
        ("jti", json!("")),
        ("nbf", json!(now + 1)),
        ("iat", json!(now + 1)),
        ("exp", json!(now)),
        ("exp", json!(now + 601)),
        ("exp", json!(null)),
    ]
    .into_iter()
    .enumerate()
    {
        let mut wrong = claims(&format!("0123456789abcde{n:02}"));
        wrong[name] = value;
        let wrong = jwt::sign_with(jwt::PKCS8, &header, &wrong);
        assert_eq!(send(wrong).await, 401, "{n}: {name}");
    }
    for (name, value) in [
        ("alg", json!("RS256")),
        ("x5t#S256", json!(NEXT_THUMBPRINT)),
        ("x5t#S256", json!(null)),
        ("x5c", json!(["YWJj"])),
        ("typ", json!("x")),
    ] {
        let mut wrong = header.clone();
        wrong[name] = value;
        let wrong = jwt::sign_with(jwt::PKCS8, &wrong, &claims(&format!("0123456789abcdef{name}")));
        assert_eq!(send(wrong).await, 401, "{name}");
    }
    let strange = jwt::sign_with(jwt::STRANGER, &header, &claims("another-id-of-a-stranger"));
    assert_eq!(send(strange).await, 401);
    // An honest credential whose clock is wrong is refused as well.
    let late = of(&service, jwt::PKCS8, &Turned::new());
    clock.turn(Duration::from_secs(1_200));
    let error = late.get_token(SCOPE).await.unwrap_err();
    assert!(error.to_string().ends_with("AADSTS700024"), "{error}");
}

#[tokio::test]
async fn ok_the_environment_names_a_certificate() {
    let clock = Turned::new();
    let service = TokenService::start(&clock).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("certificate.pem");
    std::fs::write(&file, CHAIN).unwrap();
    let (uri, path) = (service.uri(), file.display().to_string());
    let chosen = |more: &[(&str, &str)]| {
        let all = [
            ("AZURE_AUTHORITY_HOST", uri.as_str()),
            ("AZURE_CLIENT_CERTIFICATE_PATH", &path),
            ("AZURE_TENANT_ID", TENANT),
            ("AZURE_CLIENT_ID", CLIENT),
            // What comes after it in the table.
            ("AZURE_FEDERATED_TOKEN_FILE", "/x"),
        ];
        let all: Vec<_> = more.iter().chain(&all).copied().collect();
        let variable = |name: &str| all.iter().find(|(key, _)| *key == name);
        from_env(Cloud::Public, |name| {
            variable(name).map(|(_, value)| (*value).to_owned())
        })
    };
    // What is chosen lives by the system's clock, so the service does too: first a day behind it, and then a minute before it.
    let real = SystemClock.now();
    service.set(|state| state.clock = Turned::at(real - Duration::from_secs(86_400)));
    let named = chosen(&[]).unwrap();
    assert!(format!("{named:?}").starts_with("ClientCertificate"));
    let error = named.get_token(SCOPE).await.unwrap_err();
    assert!(error.to_string().ends_with("AADSTS700024"), "{error}");
    service.set(|state| state.clock = Turned::at(real + Duration::from_secs(60)));
    let named = chosen(&[("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "true")]).unwrap();
    named.get_token(SCOPE).await.unwrap();
    assert_eq!(service.proofs(), ["certificate and chain"]);
    for (chain, expect) in [("1", true), ("TRUE", true), ("0", false), ("false", false)] {
        let shown = format!(
            "{:?}",
            chosen(&[("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", chain)]).unwrap()
        );
        assert!(shown.contains(&format!("sends_chain: {expect}")), "{shown}");
    }
    let secret = chosen(&[("AZURE_CLIENT_SECRET", "x")]).unwrap();
    assert!(format!("{secret:?}").starts_with("ClientSecret"));
    for (more, expect) in [
        (
            ("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "maybe"),
            "neither true nor false",
        ),
        (
            ("AZURE_CLIENT_CERTIFICATE_PASSWORD", "s3cr3t"),
            "PEM files without a password",
        ),
        (
            ("AZURE_TENANT_ID", ""),
            "AZURE_TENANT_ID or AZURE_CLIENT_ID is not",
        ),
        (
            ("AZURE_CLIENT_ID", ""),
            "AZURE_TENANT_ID or AZURE_CLIENT_ID is not",
        ),
    ] {
        let error = chosen(&[more]).unwrap_err();
        assert!(error.to_string().contains(expect), "{error}");
        assert!(!texts(&error).contains("s3cr3t"));
    }
}
