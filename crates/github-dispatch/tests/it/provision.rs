//! Secrets that only the mock can read, variables, environments and files; and that no text and no request holds a value.

use github_dispatch::mock::MockGitHub;
use github_dispatch::provision::{
    EnvironmentName, FilePath, MAX_VALUE_BYTES, OrgName, Put, SecretName, SecretScope, Visibility,
};
use github_dispatch::{Advice, Client, ErrorKind, RetryPolicy};
use http::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{Turned, assert_shows_no_secret, builder, client, repo, texts};

const VALUE: &str = "c0rrect-horse-battery-staple";

fn scopes() -> [(SecretScope, &'static str); 3] {
    let environment = EnvironmentName::parse("prod/eu").unwrap();
    let org = OrgName::parse("contoso").unwrap();
    [
        (SecretScope::Repository(repo()), "repos/contoso/deploy"),
        (
            SecretScope::Environment(repo(), environment),
            "environments/contoso/deploy/prod/eu",
        ),
        (
            SecretScope::Organisation(org, Visibility::Private),
            "orgs/contoso",
        ),
    ]
}

fn name(text: &str) -> SecretName {
    SecretName::parse(text).unwrap()
}

async fn github() -> (MockGitHub, Client) {
    let github = MockGitHub::start("contoso/deploy").await;
    let client = client(&github.uri());
    let environment = EnvironmentName::parse("prod/eu").unwrap();
    assert_eq!(
        client.ensure_environment(&repo(), &environment).await.unwrap(),
        Put::Created
    );
    assert_eq!(
        client.ensure_environment(&repo(), &environment).await.unwrap(),
        Put::Unchanged
    );
    (github, client)
}

#[tokio::test]
async fn ok_secrets_arrive_in_every_place_and_only_the_mock_reads_them() {
    let (github, client) = github().await;
    for (scope, place) in scopes() {
        let value = SecretString::from(format!("{VALUE} ü {place}"));
        assert_eq!(
            client
                .put_secret(&scope, &name("azure_credentials"), &value)
                .await
                .unwrap(),
            Put::Created
        );
        assert_eq!(
            client
                .put_secret(&scope, &name("AZURE_CREDENTIALS"), &value)
                .await
                .unwrap(),
            Put::Updated
        );
        assert_eq!(
            github.secret(place, "AZURE_CREDENTIALS").unwrap(),
            format!("{VALUE} ü {place}")
        );
        assert_eq!(client.list_secrets(&scope).await.unwrap(), ["AZURE_CREDENTIALS"]);
        client
            .delete_secret(&scope, &name("AZURE_CREDENTIALS"))
            .await
            .unwrap();
        client
            .delete_secret(&scope, &name("AZURE_CREDENTIALS"))
            .await
            .unwrap();
        assert_eq!(github.secret(place, "AZURE_CREDENTIALS"), None);
    }
}

#[tokio::test]
async fn ok_what_is_sent_holds_no_value() {
    let server = MockServer::start().await;
    let key = json!({ "key_id": "7", "key": "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=" });
    Mock::given(method(Method::GET.as_str()))
        .respond_with(ResponseTemplate::new(200).set_body_json(key))
        .mount(&server)
        .await;
    Mock::given(method(Method::PUT.as_str()))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let client = client(&server.uri());
    let org = SecretScope::Organisation(
        OrgName::parse("contoso").unwrap(),
        Visibility::Selected(vec![1, 2]),
    );
    let value = SecretString::from(VALUE);
    for scope in scopes().map(|(scope, _)| scope).into_iter().chain([org]) {
        client.put_secret(&scope, &name("A"), &value).await.unwrap();
    }
    let requests = server.received_requests().await.unwrap();
    let puts: Vec<(String, Value)> = requests
        .iter()
        .filter(|request| request.method == Method::PUT)
        .map(|request| (request.url.path().to_owned(), request.body_json().unwrap()))
        .collect();
    let paths: Vec<&str> = puts.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/repos/contoso/deploy/actions/secrets/A",
            "/repos/contoso/deploy/environments/prod%2Feu/secrets/A",
            "/orgs/contoso/actions/secrets/A",
            "/orgs/contoso/actions/secrets/A",
        ]
    );
    for (_, body) in &puts {
        assert_eq!(body["key_id"], "7");
        let sealed = body["encrypted_value"].as_str().unwrap();
        assert!(!sealed.contains(VALUE) && sealed.len() > VALUE.len());
    }
    assert_eq!(
        (&puts[2].1["visibility"], &puts[2].1["selected_repository_ids"]),
        (&json!("private"), &Value::Null)
    );
    assert_eq!(
        (&puts[3].1["visibility"], &puts[3].1["selected_repository_ids"]),
        (&json!("selected"), &json!([1, 2]))
    );
    for request in &requests {
        assert!(!String::from_utf8_lossy(&request.body).contains(VALUE));
    }
}

#[tokio::test]
async fn ok_a_key_that_changed_meanwhile_is_read_again() {
    let server = MockServer::start().await;
    let key = json!({ "key_id": "7", "key": "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=" });
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(key))
        .expect(2)
        .mount(&server)
        .await;
    Mock::given(method("PUT"))
        .respond_with(ResponseTemplate::new(422))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("PUT"))
        .respond_with(ResponseTemplate::new(201))
        .expect(1)
        .mount(&server)
        .await;
    let scope = SecretScope::Repository(repo());
    let put = client(&server.uri())
        .put_secret(&scope, &name("A"), &SecretString::from(VALUE))
        .await
        .unwrap();
    assert_eq!(put, Put::Created);
    // The mock refuses what it cannot open, and says so.
    let (github, client) = github().await;
    let old = client.public_key(&scope).await.unwrap();
    github.change_key();
    let new = client.public_key(&scope).await.unwrap();
    assert_ne!(format!("{old:?}"), format!("{new:?}"));
}

#[tokio::test]
async fn ok_variables_are_set_whether_they_are_there_or_not() {
    let (github, client) = github().await;
    for (scope, place) in scopes() {
        assert_eq!(
            client
                .set_variable(&scope, &name("region"), "westeurope")
                .await
                .unwrap(),
            Put::Created
        );
        assert_eq!(
            client
                .set_variable(&scope, &name("REGION"), "northeurope")
                .await
                .unwrap(),
            Put::Updated
        );
        assert_eq!(github.variable(place, "REGION").as_deref(), Some("northeurope"));
        let all = client.list_variables(&scope).await.unwrap();
        assert_eq!(
            all.into_iter().collect::<Vec<_>>(),
            [("REGION".to_owned(), "northeurope".to_owned())]
        );
        client.delete_variable(&scope, &name("REGION")).await.unwrap();
        client.delete_variable(&scope, &name("REGION")).await.unwrap();
    }
    let scope = SecretScope::Repository(repo());
    for n in 0..65 {
        client
            .set_variable(&scope, &name(&format!("V{n}")), "x")
            .await
            .unwrap();
    }
    assert_eq!(
        client.list_variables(&scope).await.unwrap().len(),
        65,
        "every page"
    );

    // Somebody creates it between our two requests.
    let server = MockServer::start().await;
    Mock::given(method("PATCH"))
        .respond_with(ResponseTemplate::new(404))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(409))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("PATCH"))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    let put = crate::support::client(&server.uri())
        .set_variable(&scope, &name("A"), "x")
        .await
        .unwrap();
    assert_eq!(put, Put::Updated);
}

#[tokio::test]
async fn ok_files_are_created_changed_and_left_alone() {
    let (github, client) = github().await;
    let file = FilePath::parse("docs/a b/readme.md").unwrap();
    let put = async |content: &[u8]| {
        client
            .put_file(&repo(), &file, content, "docs", Some("main"))
            .await
            .unwrap()
    };
    assert_eq!(client.get_file(&repo(), &file, None).await.unwrap(), None);
    assert_eq!(put(b"one").await, Put::Created);
    let before = github.n_requests();
    assert_eq!(put(b"one").await, Put::Unchanged);
    assert_eq!(github.n_requests() - before, 1, "it was read, and not written");
    assert_eq!(put(&[0, 159, 146, 150]).await, Put::Updated);
    assert_eq!(
        github.file("contoso/deploy", "docs/a b/readme.md").unwrap(),
        [0, 159, 146, 150]
    );

    // A workflow that is put is the repository's workflow.
    let workflow = FilePath::parse(".github/workflows/deploy.yml").unwrap();
    let text = "on:\n  repository_dispatch:\n    types: [deploy_pipeline_action]\n";
    client
        .put_file(&repo(), &workflow, text.as_bytes(), "ci", None)
        .await
        .unwrap();
    let check = client
        .check_target(&repo(), &crate::support::deploy())
        .await
        .unwrap();
    assert_eq!((check.listens, check.shows_relay_id), (Some(true), Some(false)));
    let error = client
        .put_file(&repo(), &file, b"x", "docs", Some("other"))
        .await
        .unwrap_err();
    assert_eq!(error.status(), Some(404));
}

/// A file whose content is read as given, then as `after`.
async fn changing(put: ResponseTemplate, after: &str) -> (MockServer, Result<Put, github_dispatch::Error>) {
    let server = MockServer::start().await;
    let content = |text: &str| {
        use base64::Engine as _;
        // Lines of GitHub's length.
        let text = base64::engine::general_purpose::STANDARD.encode(text);
        json!({ "sha": format!("sha of {text}"), "encoding": "base64", "content": format!("{text}\n") })
    };
    let read = |text: &str| ResponseTemplate::new(200).set_body_json(content(text));
    Mock::given(method("GET"))
        .respond_with(read("old"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .respond_with(read(after))
        .mount(&server)
        .await;
    Mock::given(method("PUT")).respond_with(put).mount(&server).await;
    let client = builder(&server.uri())
        .retry(RetryPolicy::default())
        .clock(Turned::new())
        .build()
        .unwrap();
    let path = FilePath::parse("a").unwrap();
    let outcome = client.put_file(&repo(), &path, b"new", "m", None).await;
    (server, outcome)
}

async fn n_puts(server: &MockServer) -> usize {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .filter(|request| request.method == Method::PUT)
        .count()
}

#[tokio::test]
async fn ok_a_commit_whose_answer_was_lost_is_looked_for() {
    // It was made.
    let (server, outcome) = changing(ResponseTemplate::new(502), "new").await;
    assert_eq!((outcome.unwrap(), n_puts(&server).await), (Put::Updated, 1));
    // It was not: one more try, which names what is there.
    let (server, outcome) = changing(ResponseTemplate::new(502), "old").await;
    assert_eq!(
        (outcome.unwrap_err().advice(), n_puts(&server).await),
        (Advice::Unknown, 2)
    );
    // Somebody else is quicker, again and again.
    let (server, outcome) = changing(ResponseTemplate::new(409), "theirs").await;
    assert_eq!(
        (outcome.unwrap_err().status(), n_puts(&server).await),
        (Some(409), 2)
    );
    // Refused is refused.
    let (server, outcome) = changing(ResponseTemplate::new(403), "old").await;
    assert_eq!(
        (outcome.unwrap_err().kind(), n_puts(&server).await),
        (ErrorKind::Auth, 1)
    );
}

#[tokio::test]
async fn err_nothing_shows_the_value() {
    let scope = SecretScope::Repository(repo());
    let value = SecretString::from(VALUE);
    for status in [401, 403, 404, 422, 500] {
        let server = MockServer::start().await;
        let key = json!({ "key_id": "7", "key": "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=" });
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(200).set_body_json(key))
            .mount(&server)
            .await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(status))
            .mount(&server)
            .await;
        let error = client(&server.uri())
            .put_secret(&scope, &name("A"), &value)
            .await
            .unwrap_err();
        assert_shows_no_secret(&error);
        assert!(!texts(&error).contains(VALUE));
    }
    for key in ["", "short", "CQkJ"] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200).set_body_json(json!({ "key_id": "7", "key": key }));
        Mock::given(path("/repos/contoso/deploy/actions/secrets/public-key"))
            .respond_with(answer)
            .mount(&server)
            .await;
        let error = client(&server.uri())
            .put_secret(&scope, &name("A"), &value)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(server.received_requests().await.unwrap().len(), 1);
    }
    let (github, client) = github().await;
    let long = SecretString::from("x".repeat(MAX_VALUE_BYTES + 1));
    let error = client.put_secret(&scope, &name("A"), &long).await.unwrap_err();
    assert_eq!(error.to_string(), "a secret has 48 KB at most");
    let error = client
        .set_variable(&scope, &name("A"), &"x".repeat(MAX_VALUE_BYTES + 1))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "a variable has 48 KB at most");
    assert_eq!(github.secret("repos/contoso/deploy", "A"), None);
}
