//! **Here**: JSON Web Tokens made and judged with the keys of the tests, by rustls's crypto and not by the crate's own code.
//! **Not here**: what is in them (`token_service`), tests.
//! **Reads**: `keys`, all made by openssl; the thumbprints and public halves beside them as well.
//! **Source**: RFC 7515, RFC 7518 sections 3.3 and 3.5, read 2026-11-23.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

/// The key and certificate of the service principal in PKCS#8; `PUBLIC` is its public half.
pub(crate) const PKCS8: &str = include_str!("keys/pkcs8.pem");
pub(crate) const PUBLIC: &str = include_str!("keys/public.pem");
/// Who issues tokens and statements.
pub(crate) const ISSUER: &str = include_str!("keys/issuer.pem");
pub(crate) const ISSUER_PUBLIC: &str = include_str!("keys/issuer.public.pem");
/// Somebody else.
pub(crate) const STRANGER: &str = include_str!("keys/stranger.pem");

fn scheme(alg: &str) -> Option<SignatureScheme> {
    match alg {
        "RS256" => Some(SignatureScheme::RSA_PKCS1_SHA256),
        "PS256" => Some(SignatureScheme::RSA_PSS_SHA256),
        _ => None,
    }
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The signature of these bytes.
pub(crate) fn signature(pem: &str, alg: &str, message: &[u8]) -> Vec<u8> {
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let key = rustls::crypto::ring::sign::any_supported_type(&der).unwrap();
    let signer = key.choose_scheme(&[scheme(alg).unwrap()]).unwrap();
    signer.sign(message).unwrap()
}

/// A token whose header says more than `alg`.
pub(crate) fn sign_with(pem: &str, header: &Value, claims: &Value) -> String {
    let unsigned = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let alg = header["alg"].as_str().unwrap();
    format!("{unsigned}.{}", encode(signature(pem, alg, unsigned.as_bytes())))
}

pub(crate) fn sign(pem: &str, claims: &Value) -> String {
    sign_with(pem, &json!({ "alg": "RS256", "typ": "JWT" }), claims)
}

/// The bytes between the first BEGIN line and its END, for what `rustls` has no name.
pub(crate) fn der(pem: &str) -> Vec<u8> {
    let lines = pem.lines().skip_while(|line| !line.starts_with("-----BEGIN"));
    let text: String = lines
        .skip(1)
        .take_while(|line| !line.starts_with("-----END"))
        .collect();
    STANDARD.decode(text).unwrap()
}

/// Header and claims, unjudged.
pub(crate) fn read(token: &str) -> Option<(Value, Value)> {
    let mut parts = token.split('.');
    let mut part = || serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok();
    Some((part()?, part()?))
}

/// Whether the public half of a key, as openssl wrote it, says that its private half has signed.
pub(crate) fn is_signed(public: &str, token: &str) -> bool {
    let Some((unsigned, signature)) = token.rsplit_once('.') else {
        return false;
    };
    let Some(wanted) = read(token).and_then(|(header, _)| scheme(header["alg"].as_str()?)) else {
        return false;
    };
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else {
        return false;
    };
    let provider = rustls::crypto::ring::default_provider();
    let mut algorithms = provider
        .signature_verification_algorithms
        .mapping
        .iter()
        .filter(|(scheme, _)| *scheme == wanted)
        .flat_map(|(_, algorithms)| algorithms.iter());
    let key = der(public);
    algorithms.any(|algorithm| {
        algorithm
            .verify_signature(&key, unsigned.as_bytes(), &signature)
            .is_ok()
    })
}

#[test]
fn ok_and_err_signatures() {
    let claims = json!({ "sub": "x" });
    for alg in ["RS256", "PS256"] {
        let token = sign_with(ISSUER, &json!({ "alg": alg }), &claims);
        assert!(is_signed(ISSUER_PUBLIC, &token), "{alg}");
        assert!(!is_signed(PUBLIC, &token), "{alg}: another key");
        let (unsigned, signature) = token.rsplit_once('.').unwrap();
        let none = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode("{}"));
        let other = format!("{}.{}.{signature}", encode(r#"{"alg":"RS256"}"#), encode("{}"));
        for wrong in ["", "x", "a.b.c", unsigned, &format!("{unsigned}."), &none, &other] {
            assert!(!is_signed(ISSUER_PUBLIC, wrong), "{alg}: {wrong}");
        }
    }
    // One algorithm's signature under the other's name.
    let token = sign_with(ISSUER, &json!({ "alg": "PS256" }), &claims);
    let (unsigned, _) = token.rsplit_once('.').unwrap();
    let wrong = encode(signature(ISSUER, "RS256", unsigned.as_bytes()));
    assert!(!is_signed(ISSUER_PUBLIC, &format!("{unsigned}.{wrong}")));
}
