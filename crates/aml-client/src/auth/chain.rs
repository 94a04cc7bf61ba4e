//! **Here**: [`CredentialChain`], one credential after another, and [`from_env`], which chooses by the variables that are there.
//! **Not here**: the credentials themselves; reading the environment, which is the host's.
//! **Reads**: every credential beside it.
//! **Source**: azure-identity 1.27.0 for the variables' names, read 2026-11-23. The order is ours: what is named most clearly first, and never
//! from a production credential to a developer's.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;

use super::client_secret::ClientSecret;
use super::federated::{GithubOidc, WorkloadIdentity};
use super::managed_identity::{IdentitySelector, ManagedIdentity};
use super::{AccessToken, CredentialError, TokenCredential};
use crate::cloud::Cloud;

/// Asks one credential after another: the next one where one is not available; a refusal is the end.
#[derive(Clone, Debug, Default)]
pub struct CredentialChain {
    credentials: Vec<Arc<dyn TokenCredential>>,
}

impl CredentialChain {
    /// Adds one, asked after those before it.
    #[must_use]
    pub fn with(mut self, credential: impl TokenCredential + 'static) -> Self {
        self.credentials.push(Arc::new(credential));
        self
    }
}

#[async_trait]
impl TokenCredential for CredentialChain {
    async fn get_token(&self, scope: &str) -> Result<AccessToken, CredentialError> {
        let mut reasons = Vec::new();
        for credential in &self.credentials {
            match credential.get_token(scope).await {
                Err(CredentialError::Unavailable { why, .. }) => reasons.push(why),
                answered => return answered,
            }
        }
        let why = match reasons.is_empty() {
            true => "the chain has no credential".to_owned(),
            false => format!("none of the chain is available: {}", reasons.join("; ")),
        };
        Err(CredentialError::unavailable(why))
    }

    fn forget(&self, scope: &str) -> bool {
        let forgotten = self.credentials.iter().map(|credential| credential.forget(scope));
        forgotten.fold(false, |any, one| any | one)
    }
}

/// The credential that the environment names; `variable` reads one variable.
///
/// | in this order, where all of these are there | credential |
/// | --- | --- |
/// | `AZURE_CREDENTIALS` | a service principal of that JSON |
/// | `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET` | a service principal |
/// | `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_CERTIFICATE_PATH` | a service principal and the certificate of that PEM file |
/// | `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_FEDERATED_TOKEN_FILE` | workload identity |
/// | `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `ACTIONS_ID_TOKEN_REQUEST_URL`, `…_TOKEN` | a job of GitHub Actions |
/// | `IDENTITY_ENDPOINT`, `IDENTITY_HEADER` | App Service, Functions, Container Apps |
/// | `MSI_ENDPOINT`, `MSI_SECRET` | Azure ML compute |
/// | nothing of these | the identity of the virtual machine |
///
/// The certificate needs the features `certificate` and `rustls`. Where they are off, or the tenant or the client id is not there, its
/// variable is an error: whoever set it wants no other credential. `AZURE_CLIENT_SEND_CERTIFICATE_CHAIN` sends all certificates of the file
/// along; with `AZURE_CLIENT_CERTIFICATE_PASSWORD` the file cannot be read.
///
/// `AZURE_AUTHORITY_HOST` is another authority than the cloud's; `AZURE_CLIENT_ID` chooses among identities of a host.
///
/// # Errors
/// [`Failed`](CredentialError::Failed): a variable that is there cannot be right. It is not passed over.
pub fn from_env(
    cloud: Cloud,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Arc<dyn TokenCredential>, CredentialError> {
    let get = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let authority = get("AZURE_AUTHORITY_HOST").unwrap_or_else(|| cloud.authority().to_owned());
    if let Some(json) = get("AZURE_CREDENTIALS") {
        return Ok(Arc::new(ClientSecret::from_azure_credentials(
            &SecretString::from(json),
        )?));
    }
    let tenant = get("AZURE_TENANT_ID");
    let client_id = get("AZURE_CLIENT_ID");
    let certificate = get("AZURE_CLIENT_CERTIFICATE_PATH");
    if certificate.is_some() && (tenant.is_none() || client_id.is_none()) {
        return Err(CredentialError::failed(
            "AZURE_CLIENT_CERTIFICATE_PATH is there, but AZURE_TENANT_ID or AZURE_CLIENT_ID is not",
        ));
    }
    if let (Some(tenant), Some(client_id)) = (tenant, &client_id) {
        if let Some(secret) = get("AZURE_CLIENT_SECRET") {
            return Ok(Arc::new(ClientSecret::new(
                &authority, &tenant, client_id, secret,
            )?));
        }
        if let Some(file) = certificate {
            return of_certificate(&get, &authority, &tenant, client_id, file);
        }
        if let Some(file) = get("AZURE_FEDERATED_TOKEN_FILE") {
            return Ok(Arc::new(WorkloadIdentity::new(
                &authority, &tenant, client_id, file,
            )?));
        }
        let job = (
            get("ACTIONS_ID_TOKEN_REQUEST_URL"),
            get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
        );
        if let (Some(url), Some(token)) = job {
            return Ok(Arc::new(GithubOidc::new(
                &authority, &tenant, client_id, &url, token,
            )?));
        }
    }
    let selector = client_id.map_or(IdentitySelector::System, IdentitySelector::ClientId);
    if let (Some(endpoint), Some(header)) = (get("IDENTITY_ENDPOINT"), get("IDENTITY_HEADER")) {
        return Ok(Arc::new(ManagedIdentity::of_app_service(
            &endpoint, header, selector,
        )?));
    }
    if let (Some(endpoint), Some(secret)) = (get("MSI_ENDPOINT"), get("MSI_SECRET")) {
        return Ok(Arc::new(ManagedIdentity::of_aml_compute(
            &endpoint, secret, selector,
        )?));
    }
    Ok(Arc::new(ManagedIdentity::of_machine(None, selector)?))
}

#[cfg(all(feature = "certificate", feature = "rustls"))]
fn of_certificate(
    get: &dyn Fn(&str) -> Option<String>,
    authority: &str,
    tenant: &str,
    client_id: &str,
    file: String,
) -> Result<Arc<dyn TokenCredential>, CredentialError> {
    use super::client_certificate::ClientCertificate;

    if get("AZURE_CLIENT_CERTIFICATE_PASSWORD").is_some() {
        return Err(CredentialError::failed(
            "AZURE_CLIENT_CERTIFICATE_PASSWORD is there, but only PEM files without a password are read; \
             openssl pkcs12 -in IN -out OUT -nodes makes one of a .pfx, openssl pkey -in IN -out OUT a plain key",
        ));
    }
    let credential = ClientCertificate::from_file(authority, tenant, client_id, file)?;
    let chain = get("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN").unwrap_or_default();
    match chain.trim().to_ascii_lowercase().as_str() {
        "1" | "true" => Ok(Arc::new(credential.with_chain())),
        "" | "0" | "false" => Ok(Arc::new(credential)),
        _ => Err(CredentialError::failed(
            "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN is neither true nor false",
        )),
    }
}

#[cfg(not(all(feature = "certificate", feature = "rustls")))]
fn of_certificate(
    _get: &dyn Fn(&str) -> Option<String>,
    _authority: &str,
    _tenant: &str,
    _client_id: &str,
    _file: String,
) -> Result<Arc<dyn TokenCredential>, CredentialError> {
    Err(CredentialError::failed(
        "AZURE_CLIENT_CERTIFICATE_PATH is there, but this program was built without the feature certificate or rustls of aml-client",
    ))
}
