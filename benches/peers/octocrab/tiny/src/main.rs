//! **Here**: the smallest program that sends one dispatch, by the client that a feature of this package names.
//! **Not here**: measuring: `weight.sh` reads the size of this program and the number of crates in its tree.
//! **Reads**: two arguments, the API root and the token.
//! **Source**: the front-page examples of `github-dispatch`, `octocrab` and `reqwest`.

use std::error::Error;

use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(root), Some(token)) = (arguments.next(), arguments.next()) else {
        return Err("tiny ROOT TOKEN".into());
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(dispatch(root, token))
}

#[cfg(feature = "ours")]
async fn dispatch(root: String, token: String) -> Result<(), Box<dyn Error>> {
    use github_dispatch::{Client, DispatchEventType, RepoFullName, RepositoryDispatch, StaticToken};

    let client = Client::builder(StaticToken::new(token, "tiny")?)
        .api_root(root)
        .build()?;
    let payload = json!({ "model_name": "credit-risk" })
        .as_object()
        .cloned()
        .unwrap_or_default();
    let dispatch = RepositoryDispatch::new(DispatchEventType::parse("deploy")?, payload)?;
    client
        .dispatch(&RepoFullName::parse("contoso/deploy")?, &dispatch)
        .await?;
    Ok(())
}

#[cfg(any(feature = "octocrab-default", feature = "octocrab-minimal"))]
async fn dispatch(root: String, token: String) -> Result<(), Box<dyn Error>> {
    let client = octocrab::Octocrab::builder()
        .personal_token(token)
        .base_uri(root)?
        .build()?;
    client
        .repos("contoso", "deploy")
        .create_dispatch("deploy")
        .client_payload(json!({ "model_name": "credit-risk" }))
        .send()
        .await?;
    Ok(())
}

#[cfg(feature = "bare")]
async fn dispatch(root: String, token: String) -> Result<(), Box<dyn Error>> {
    use std::time::Duration;

    // Without a provider of the process reqwest makes no client.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(15))
        .pool_max_idle_per_host(0)
        .build()?;
    let body = json!({ "event_type": "deploy", "client_payload": { "model_name": "credit-risk" } });
    client
        .post(format!("{root}/repos/contoso/deploy/dispatches"))
        .header("accept", "application/vnd.github+json")
        .header("content-type", "application/json")
        .header("user-agent", "tiny")
        .header("x-github-api-version", "2022-11-28")
        .bearer_auth(token)
        .body(body.to_string())
        .send()
        .await?
        .error_for_status()?;
    Ok(())
}
