//! Whose credential a route uses: tokens and a GitHub App, each with its own budget; and every configuration that cannot be meant.

use std::path::{Path, PathBuf};
use std::time::Duration;

use github_dispatch::mock::{MockGitHub, Scripted};
use relay_core::clock::{Clock, TokioClock};
use relay_examples::events::model_registered;
use relay_examples::server::{Server, TOKEN, configuration, refusal_with};

const REPOSITORY: &str = "contoso/deploy";
const OTHER: &str = "contoso/other";
const ISSUER: &str = "Iv23liTestsOnly";
const KEY: &str = include_str!("../../../crates/github-dispatch/tests/it/keys/pkcs8.pem");
const PUBLIC: &str = include_str!("../../../crates/github-dispatch/tests/it/keys/public.pem");
const CI_TOKEN: &str = "the-token-of-ci";

fn write(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("relay.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// The usual configuration, with a route of another identity behind it, and that identity.
fn with_identity(folder: &Path, api_root: &str, identity: &str) -> String {
    let more = format!(
        "[[route]]\nname = \"other\"\nrepository = {OTHER:?}\nidentity = \"ci\"\nprobe_window_s = 3\n[identity.ci]\n{identity}\n"
    );
    configuration(&folder.join("relay.db"), api_root, REPOSITORY, &more)
}

async fn wait_for(server: &Server, word: &str, n: u64) {
    for _ in 0..400 {
        if server.count(word).await.unwrap() == n {
            return;
        }
        TokioClock.sleep(Duration::from_millis(25)).await;
    }
    panic!(
        "never {n} {word}: {} {}",
        server.get("/readyz").await.unwrap().1,
        server.logged()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_each_route_is_sent_with_its_own_token_and_limits_concern_one_identity() {
    let (ours, theirs) = (
        MockGitHub::start(REPOSITORY).await,
        MockGitHub::start(OTHER).await,
    );
    ours.require_token(TOKEN);
    theirs.require_token(CI_TOKEN);
    // The one is closed for an hour by its first answer; the other goes on.
    ours.script([Scripted::Refuse {
        status: 429,
        headers: vec![("retry-after".to_owned(), "3600".to_owned())],
        message: "slow down".to_owned(),
    }]);
    let folder = tempfile::tempdir().unwrap();
    let identity = format!(
        "api_root = {:?}\ntoken_env = \"CI_TOKEN\"\n[identity.ci.budget]\nper_hour = 2",
        theirs.uri()
    );
    let config = write(
        folder.path(),
        &with_identity(folder.path(), &ours.uri(), &identity),
    );
    let mut server = Server::start_with(&config, &[("CI_TOKEN", CI_TOKEN)]).unwrap();
    for model in ["a", "b", "c"] {
        let (status, _) = server.post(&[model_registered(model, "1", 0)]).await.unwrap();
        assert_eq!(status, 200);
    }
    wait_for(&server, "dispatched", 2).await;
    assert!(server.stop().unwrap().success());
    let sent = theirs.received();
    assert_eq!(sent.len(), 2, "its own budget is two in an hour: {sent:?}");
    assert!(sent.iter().all(|one| one.effect));
    assert_eq!(ours.received().len(), 1, "it is closed for an hour");
    let logged = server.logged();
    assert!(!logged.contains(CI_TOKEN), "{logged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_an_app_sends_with_tokens_of_its_installation() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.pem");
    std::fs::write(&file, KEY).unwrap();
    let file = file.to_str().unwrap();
    let by_file = "private_key_file_env = \"APP_KEY_FILE\"";
    for identity in [
        "private_key_env = \"APP_KEY\"".to_owned(),
        format!("{by_file}\ninstallation_id = 50000001"),
        format!("{by_file}\ninstallation_of = {OTHER:?}"),
    ] {
        let github = MockGitHub::start(REPOSITORY).await;
        github.add_repository(OTHER, true);
        github.require_token(TOKEN);
        github.add_app(
            ISSUER,
            Some(PUBLIC),
            &[("contents", "write"), ("actions", "read")],
        );
        let folder = tempfile::tempdir().unwrap();
        let identity = format!("app_id = {ISSUER:?}\n{identity}");
        let config = write(
            folder.path(),
            &with_identity(folder.path(), &github.uri(), &identity),
        );
        let environment = [("APP_KEY", KEY), ("APP_KEY_FILE", file)];
        let mut server = Server::start_with(&config, &environment).unwrap();
        let (status, _) = server.post(&[model_registered("a", "1", 0)]).await.unwrap();
        assert_eq!(status, 200);
        wait_for(&server, "dispatched", 2).await;
        // The look for the run of a lost answer uses the App's token as well.
        if identity.contains("installation_of") {
            github.script([Scripted::AcceptThenDrop, Scripted::AcceptThenDrop]);
        }
        server.post(&[model_registered("b", "1", 0)]).await.unwrap();
        wait_for(&server, "dispatched", 4).await;
        assert_eq!(
            github.n_app_tokens(),
            1,
            "one token lives for an hour: {identity}"
        );
        assert_eq!(github.received().len(), 4, "{identity}");
        server.stop().unwrap();
        let logged = server.logged();
        assert!(
            !logged.contains("ghs_") && !logged.contains("PRIVATE KEY"),
            "{logged}"
        );
    }
}

/// Where a route names a workflow, the App's token may start it, and says so without being told.
#[tokio::test(flavor = "multi_thread")]
async fn ok_an_app_starts_a_workflow_by_its_file() {
    let github = MockGitHub::start(OTHER).await;
    github.set_workflow(
        OTHER,
        "name: deploy\nrun-name: deploy ${{ inputs.relay_id }}\non:\n  workflow_dispatch:\n    inputs:\n      relay_id: {}\n      model_name: {}\n      model_version: {}\njobs: {}\n",
    );
    github.add_app(
        ISSUER,
        Some(PUBLIC),
        &[("contents", "write"), ("actions", "write")],
    );
    let folder = tempfile::tempdir().unwrap();
    let text = configuration(&folder.path().join("relay.db"), &github.uri(), OTHER, "")
        .replace(
            "token_env = \"RELAY_TEST_TOKEN\"",
            &format!("app_id = {ISSUER:?}\nprivate_key_env = \"APP_KEY\""),
        )
        .replace(
            "name = \"deploy\"",
            "name = \"deploy\"\nworkflow = \"deploy.yml\"\nref = \"main\"",
        );
    let config = write(folder.path(), &text);
    let server = Server::start_with(&config, &[("APP_KEY", KEY)]).unwrap();
    server.post(&[model_registered("a", "1", 0)]).await.unwrap();
    wait_for(&server, "dispatched", 1).await;
    assert_eq!(github.received().iter().filter(|one| one.effect).count(), 1);
}

#[test]
fn err_every_identity_that_cannot_be_meant_names_its_key_and_no_value() {
    const LEAKED: &str = "ghp_RealTokenByMistakeOfSomebodyWhoHurried";
    let check = |identity: &str, expect: &str| {
        let folder = tempfile::tempdir().unwrap();
        let text = with_identity(folder.path(), "http://127.0.0.1:9", identity);
        let environment = [("CI_TOKEN", CI_TOKEN), ("APP_KEY", KEY), ("NO_KEY", LEAKED)];
        let said = refusal_with(&write(folder.path(), &text), &environment).unwrap();
        assert!(said.contains(expect), "{identity}: expected {expect:?} in {said}");
        assert!(
            !said.contains(LEAKED) && !said.contains(CI_TOKEN) && !said.contains("panicked"),
            "{said}"
        );
    };
    let app = |rest: &str| format!("app_id = {ISSUER:?}\n{rest}");
    check("", "[identity.ci]: token_env or app_id is expected");
    check(
        "token_env = \"CI_TOKENS\"",
        "identity.ci.token_env names the environment variable CI_TOKENS, which is not set",
    );
    check(
        &format!("token_env = {LEAKED:?}"),
        "identity.ci.token_env must hold the NAME",
    );
    check(
        "token = \"x\"",
        "identity.ci: the key token is unknown; expected one of `api_root`, `token_env`, `app_id`",
    );
    check(
        "token_env = \"CI_TOKEN\"\ninstallation_id = 1",
        "identity.ci.installation_id is of a GitHub App",
    );
    check(&app("token_env = \"CI_TOKEN\""), "a token or an App, not both");
    check(
        &app(""),
        "one of private_key_env and private_key_file_env is expected",
    );
    check(
        &app("private_key_env = \"APP_KEY\"\nprivate_key_file_env = \"APP_KEY\""),
        "one of private_key_env and private_key_file_env",
    );
    check(
        &app("private_key_env = \"APP_KEY\"\ninstallation_id = 1\ninstallation_of = \"a/b\""),
        "identity.ci.installation_of: one of them names the installation",
    );
    check(
        &app("private_key_env = \"NO_KEY\""),
        "[identity.ci]: the app's key is not a private key in PEM form",
    );
    check(
        &app("private_key_file_env = \"NO_KEY\""),
        "identity.ci.private_key_file_env names the environment variable NO_KEY, whose file cannot be read",
    );
    check(
        &app("private_key_file_env = \"APP_KEY\""),
        "identity.ci.private_key_file_env names the environment variable APP_KEY, which begins or ends with white space or holds a line end",
    );
    check(
        &app("private_key_env = \"APP_KEY\"\ninstallation_of = \"a\""),
        "identity.ci.installation_of",
    );
    check(
        "token_env = \"CI_TOKEN\"\ntimeout_ms = 0",
        "identity.ci.timeout_ms must be from 1 to 60000",
    );
    check(
        "token_env = \"CI_TOKEN\"\n[identity.ci.budget]\nper_hour = 4294967295",
        "identity.ci.budget.per_hour",
    );
    check(
        "token_env = \"CI_TOKEN\"\n[identity.default]\ntoken_env = \"CI_TOKEN\"",
        "[identity.default]: the identity",
    );
    check(
        &format!("token_env = \"CI_TOKEN\"\n[identity.{LEAKED}]\ntoken_env = \"CI_TOKEN\""),
        "a name has 1 to 32 characters",
    );
    check(
        &app(
            "private_key_env = \"APP_KEY\"\n[[route]]\nname = \"third\"\nrepository = \"fabrikam/deploy\"\nidentity = \"ci\"",
        ),
        "an installation is of one: say installation_id or installation_of",
    );
    check(
        &format!(
            "token_env = \"CI_TOKEN\"\n[[route]]\nname = \"third\"\nrepository = \"contoso/third\"\nidentity = \"{}\"",
            &LEAKED[..40]
        ),
        "identity: it is none of those that are configured: default, ci",
    );
}

#[test]
fn ok_an_identity_that_no_route_uses_is_a_warning_and_the_default_may_be_absent() {
    let folder = tempfile::tempdir().unwrap();
    let text = with_identity(
        folder.path(),
        "http://127.0.0.1:9",
        "token_env = \"CI_TOKEN\"\n[identity.unused]\ntoken_env = \"CI_TOKEN\"",
    );
    let mut server = Server::start_with(&write(folder.path(), &text), &[("CI_TOKEN", CI_TOKEN)]).unwrap();
    server.stop().unwrap();
    let logged = server.logged();
    let warned = logged
        .lines()
        .filter(|line| line.contains("no route uses this identity"));
    let warned: Vec<&str> = warned.collect();
    assert!(warned.len() == 1 && warned[0].contains("\"unused\""), "{logged}");

    // Where every route has an identity of its own, no token is asked for that nobody uses.
    let text = text
        .replace("token_env = \"RELAY_TEST_TOKEN\"", "")
        .replace("name = \"deploy\"", "name = \"deploy\"\nidentity = \"unused\"");
    let mut server = Server::start_with(&write(folder.path(), &text), &[("CI_TOKEN", CI_TOKEN)]).unwrap();
    server.stop().unwrap();
    assert!(!server.logged().contains("no route uses"), "{}", server.logged());
}
