//! **Here**: the smallest program that sends one dispatch, by the client that a feature of this package names.
//! **Not here**: measuring: `weight.sh` reads the size of this program and the number of crates in its tree.
//! **Reads**: two arguments, the API root and the token; and `payload`, so that the stand-in knows what it gets.
//! **Source**: the front-page examples of `github-dispatch`, `octocrab` and `reqwest`.

#[path = "../../src/payload.rs"]
#[expect(dead_code, reason = "each feature needs a part of it")]
mod payload;

use std::error::Error;

use payload::{NAME, OWNER};

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
    let dispatch = RepositoryDispatch::new(
        DispatchEventType::parse(payload::EVENT_TYPE)?,
        payload::client_payload(),
    )?;
    let repo = RepoFullName::parse(&format!("{OWNER}/{NAME}"))?;
    client.dispatch(&repo, &dispatch).await?;
    Ok(())
}

#[cfg(any(feature = "octocrab-default", feature = "octocrab-minimal"))]
async fn dispatch(root: String, token: String) -> Result<(), Box<dyn Error>> {
    let client = octocrab::Octocrab::builder()
        .personal_token(token)
        .base_uri(root)?
        .build()?;
    client
        .repos(OWNER, NAME)
        .create_dispatch(payload::EVENT_TYPE)
        .client_payload(payload::client_payload())
        .send()
        .await?;
    Ok(())
}

#[cfg(feature = "bare")]
async fn dispatch(root: String, token: String) -> Result<(), Box<dyn Error>> {
    use std::time::Duration;

    // Without a provider of the process reqwest makes no client, and this program has no other.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(15))
        .pool_max_idle_per_host(0)
        .build()?;
    client
        .post(format!("{root}/repos/{OWNER}/{NAME}/dispatches"))
        .header("accept", "application/vnd.github+json")
        .header("content-type", "application/json")
        .header("user-agent", "tiny")
        .header("x-github-api-version", "2022-11-28")
        .bearer_auth(token)
        .body(payload::body().to_string())
        .send()
        .await?
        .error_for_status()?;
    Ok(())
}
