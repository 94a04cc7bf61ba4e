//! Identities of hosts, chains, what the environment names, and the Azure CLI.

use std::time::Duration;

use aml_client::auth::{
    CredentialChain, CredentialError, IdentitySelector, ManagedIdentity, TokenCredential, from_env,
};
use aml_client::cloud::Cloud;
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::credentials::{CLIENT, SCOPE, TENANT, answering, n, principal, text, texts, token};
use crate::script::Turned;

#[tokio::test]
async fn ok_each_host_has_its_own_spelling() {
    let answer = || {
        let end = crate::support::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs()
            + 3_600;
        ResponseTemplate::new(200)
            .set_body_json(json!({ "access_token": "m", "expires_on": end.to_string() }))
    };
    let check =
        async |make: &dyn Fn(&str) -> ManagedIdentity, expect: &[(&str, &str)], headers: (&str, &str)| {
            let server = answering(answer()).await;
            let credential = make(&format!("{}/token", server.uri())).with_clock(Turned::new());
            let got = credential.get_token(SCOPE).await.unwrap();
            assert_eq!(
                got.expires_at(),
                Some(crate::support::now() + Duration::from_secs(3_600))
            );
            let request = &server.received_requests().await.unwrap()[0];
            let pairs: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
            let expect: Vec<(String, String)> = expect
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            assert_eq!(pairs, expect);
            assert_eq!(request.headers.get(headers.0).unwrap(), headers.1);
            assert!(!format!("{credential:?}").contains("host-secret"));
        };
    let resource = ("resource", "https://management.azure.com");
    let user = || IdentitySelector::ClientId(CLIENT.to_owned());
    let by_id = || IdentitySelector::ResourceId("/r".to_owned());
    check(
        &|url| ManagedIdentity::of_machine(Some(url), IdentitySelector::System).unwrap(),
        &[("api-version", "2018-02-01"), resource],
        ("metadata", "true"),
    )
    .await;
    check(
        &|url| ManagedIdentity::of_machine(Some(url), user()).unwrap(),
        &[("api-version", "2018-02-01"), resource, ("client_id", CLIENT)],
        ("metadata", "true"),
    )
    .await;
    check(
        &|url| ManagedIdentity::of_machine(Some(url), by_id()).unwrap(),
        &[("api-version", "2018-02-01"), resource, ("msi_res_id", "/r")],
        ("metadata", "true"),
    )
    .await;
    let app = |url: &str, selector| ManagedIdentity::of_app_service(url, "host-secret", selector).unwrap();
    check(
        &|url| app(url, by_id()),
        &[("api-version", "2019-08-01"), resource, ("mi_res_id", "/r")],
        ("x-identity-header", "host-secret"),
    )
    .await;
    check(
        &|url| app(url, IdentitySelector::ObjectId("o".to_owned())),
        &[("api-version", "2019-08-01"), resource, ("object_id", "o")],
        ("x-identity-header", "host-secret"),
    )
    .await;
    let compute = |url: &str, selector| ManagedIdentity::of_aml_compute(url, "host-secret", selector);
    check(
        &|url| compute(url, user()).unwrap(),
        &[("api-version", "2017-09-01"), resource, ("clientid", CLIENT)],
        ("secret", "host-secret"),
    )
    .await;
    assert!(compute("http://127.0.0.1:9", by_id()).is_err());
    assert!(ManagedIdentity::of_app_service("http://10.0.0.1/x", "s", IdentitySelector::System).is_err());
}

#[tokio::test]
async fn ok_the_service_of_a_machine_is_asked_again_and_may_have_no_identity() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(410))
        .up_to_n_times(5)
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(token("m", 3600))
        .mount(&server)
        .await;
    let clock = Turned::new();
    let machine = ManagedIdentity::of_machine(Some(&server.uri()), IdentitySelector::System)
        .unwrap()
        .with_clock(clock.clone());
    machine.get_token(SCOPE).await.unwrap();
    assert!(clock.waits().iter().sum::<u64>() >= 70, "{:?}", clock.waits());
    let server = answering(ResponseTemplate::new(400)).await;
    let machine = ManagedIdentity::of_machine(Some(&server.uri()), IdentitySelector::System).unwrap();
    assert!(matches!(
        machine.get_token(SCOPE).await.unwrap_err(),
        CredentialError::Unavailable { .. }
    ));
    let server = answering(ResponseTemplate::new(503)).await;
    let machine = ManagedIdentity::of_machine(Some(&server.uri()), IdentitySelector::System)
        .unwrap()
        .with_clock(Turned::new());
    machine.get_token(SCOPE).await.unwrap_err();
    assert_eq!(n(&server).await, 6);
}

#[tokio::test]
async fn ok_a_chain_goes_on_where_one_is_not_available_and_ends_at_a_refusal() {
    let (down, no, yes) = (
        answering(ResponseTemplate::new(503)).await,
        answering(ResponseTemplate::new(401)).await,
        answering(token("yes", 3600)).await,
    );
    let one = |server: &MockServer| principal(server, &Turned::new());
    let chain = CredentialChain::default()
        .with(one(&down))
        .with(one(&yes))
        .with(one(&no));
    assert_eq!(text(&chain.get_token(SCOPE).await.unwrap()), "yes");
    let chain = CredentialChain::default()
        .with(one(&down))
        .with(one(&no))
        .with(one(&yes));
    assert!(matches!(
        chain.get_token(SCOPE).await.unwrap_err(),
        CredentialError::Failed { .. }
    ));
    let chain = CredentialChain::default().with(one(&down));
    assert!(matches!(
        chain.get_token(SCOPE).await.unwrap_err(),
        CredentialError::Unavailable { .. }
    ));
    assert!(CredentialChain::default().get_token(SCOPE).await.is_err());
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn ok_the_environment_names_one_and_what_is_wrong_is_not_passed_over() {
    let chosen = |pairs: &[(&str, &str)]| {
        let variable = |name: &str| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        from_env(Cloud::Public, variable).map(|credential| {
            let text = format!("{credential:?}");
            assert!(!text.contains("s3cr3t"), "{text}");
            text.split([' ', '{']).next().unwrap().to_owned()
        })
    };
    let json = format!(r#"{{"clientId": "{CLIENT}", "clientSecret": "s3cr3t", "tenantId": "{TENANT}"}}"#);
    let (tenant, client) = (("AZURE_TENANT_ID", TENANT), ("AZURE_CLIENT_ID", CLIENT));
    let app = [
        ("IDENTITY_ENDPOINT", "http://127.0.0.1:1/x"),
        ("IDENTITY_HEADER", "s3cr3t"),
    ];
    assert_eq!(
        chosen(&[("AZURE_CREDENTIALS", &json), app[0], app[1]]).unwrap(),
        "ClientSecret"
    );
    assert_eq!(
        chosen(&[tenant, client, ("AZURE_CLIENT_SECRET", "s3cr3t")]).unwrap(),
        "ClientSecret"
    );
    assert_eq!(
        chosen(&[tenant, client, ("AZURE_FEDERATED_TOKEN_FILE", "/x")]).unwrap(),
        "WorkloadIdentity"
    );
    let job = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://x/y"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "s3cr3t"),
    ];
    assert_eq!(chosen(&[tenant, client, job[0], job[1]]).unwrap(), "GithubOidc");
    assert_eq!(chosen(&[client, app[0], app[1]]).unwrap(), "ManagedIdentity");
    assert_eq!(
        chosen(&[("MSI_ENDPOINT", "http://127.0.0.1:1/x"), ("MSI_SECRET", "s3cr3t")]).unwrap(),
        "ManagedIdentity"
    );
    assert_eq!(chosen(&[]).unwrap(), "ManagedIdentity");
    assert_eq!(chosen(&[("AZURE_CREDENTIALS", " ")]).unwrap(), "ManagedIdentity");
    assert!(chosen(&[("AZURE_CREDENTIALS", "{}"), app[0], app[1]]).is_err());
    assert!(
        chosen(&[
            tenant,
            client,
            ("AZURE_CLIENT_SECRET", "x"),
            ("AZURE_AUTHORITY_HOST", "http://x")
        ])
        .is_err()
    );
}

/// A program that answers as `az` does, and writes down what it was called with.
#[cfg(unix)]
#[tokio::test]
async fn ok_the_azure_cli_is_called_with_a_list_of_arguments() {
    use std::os::unix::fs::PermissionsExt as _;

    use aml_client::auth::AzureCli;

    let folder = tempfile::tempdir().unwrap();
    let program = |name: &str, body: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let told = folder.path().join("told");
    let answers = format!(
        "printf '%s\\n' \"$@\" >> '{}'\necho '{{\"accessToken\": \"c\", \"expires_on\": 4102444800, \"expiresOn\": \"2099\"}}'",
        told.display()
    );
    let cli = AzureCli::new(program("az", &answers))
        .with_tenant("contoso.onmicrosoft.com")
        .unwrap();
    for _ in 0..3 {
        assert_eq!(text(&cli.get_token(SCOPE).await.unwrap()), "c");
    }
    let called = std::fs::read_to_string(&told).unwrap();
    let expect = [
        "account",
        "get-access-token",
        "--output",
        "json",
        "--scope",
        SCOPE,
        "--tenant",
        "contoso.onmicrosoft.com",
    ];
    assert_eq!(
        called.lines().collect::<Vec<_>>(),
        expect,
        "one call for three questions"
    );
    for (name, body, expect) in [
        ("fails", "echo 'somebody@contoso' >&2; exit 1", "az login"),
        ("odd", "echo no json", "holds no token"),
    ] {
        let error = AzureCli::new(program(name, body))
            .get_token(SCOPE)
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains(expect) && !texts(&error).contains("somebody"),
            "{error}"
        );
    }
    let error = AzureCli::new(folder.path().join("none"))
        .get_token(SCOPE)
        .await
        .unwrap_err();
    assert!(matches!(error, CredentialError::Unavailable { .. }));
    // A clock that does not wait: the program is given up, and ends.
    let slow = AzureCli::new(program("slow", "exec sleep 60")).with_clock(Turned::new());
    assert!(
        slow.get_token(SCOPE)
            .await
            .unwrap_err()
            .to_string()
            .ends_with("did not answer in time")
    );
    for scope in ["", "https://x; rm", "--help", "https://x y"] {
        assert!(AzureCli::default().get_token(scope).await.is_err(), "{scope}");
    }
    for tenant in ["", "-x", "a;b", "a b"] {
        assert!(AzureCli::default().with_tenant(tenant).is_err(), "{tenant}");
    }
}

/// A variable that names what this build does not have is not passed over.
#[cfg(not(all(feature = "certificate", feature = "rustls")))]
#[test]
fn err_a_certificate_that_this_build_cannot_read() {
    let variable = |name: &str| match name {
        "AZURE_CLIENT_CERTIFICATE_PATH" => Some("/x".to_owned()),
        "AZURE_TENANT_ID" => Some(TENANT.to_owned()),
        "AZURE_CLIENT_ID" => Some(CLIENT.to_owned()),
        "IDENTITY_ENDPOINT" | "IDENTITY_HEADER" => Some("http://127.0.0.1:1/x".to_owned()),
        _ => None,
    };
    let error = from_env(Cloud::Public, variable).unwrap_err();
    assert!(
        error.to_string().contains("without the feature certificate"),
        "{error}"
    );
}
