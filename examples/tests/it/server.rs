//! The program that an operator runs: its configuration, its paths, its refusals, its end.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use github_dispatch::mock::{MockGitHub, Scripted};
use relay_core::clock::{Clock, TokioClock};
use relay_examples::events::model_registered;
use relay_examples::server::{SECRET, Server, TOKEN, configuration, program, refusal};
use serde_json::{Value, json};

const REPOSITORY: &str = "contoso/deploy";

fn write(folder: &Path, text: &str) -> std::path::PathBuf {
    let path = folder.join("relay.toml");
    std::fs::write(&path, text).unwrap();
    path
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

/// Neither the webhook's secret nor GitHub's token is in these bytes.
fn assert_no_secret(what: &str, bytes: &[u8]) {
    for secret in [SECRET, TOKEN] {
        let found = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "{what} holds a secret");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_paths_logs_and_an_orderly_end() {
    let github = MockGitHub::start(REPOSITORY).await;
    let folder = tempfile::tempdir().unwrap();
    let config = write(
        folder.path(),
        &configuration(&folder.path().join("relay.db"), &github.uri(), REPOSITORY, ""),
    );
    let mut server = Server::start(&config).unwrap();
    assert!(server.address().starts_with("http://127.0.0.1:"));
    assert_eq!(server.get("/healthz").await.unwrap(), (200, "alive\n".to_owned()));
    assert_eq!(server.get("/nowhere").await.unwrap().0, 404);
    assert_eq!(server.get("/events").await.unwrap().0, 405);
    let (status, receipt) = server.post(&[model_registered("a", "1", 0)]).await.unwrap();
    assert_eq!(
        (status, receipt.contains("\"accepted\":1")),
        (200, true),
        "{receipt}"
    );
    let (status, _) = server
        .post_bytes("/events?code=wrong", Bytes::from_static(b"[]"))
        .await
        .unwrap();
    assert_eq!(status, 401);
    let (status, why) = server
        .post_bytes(format!("/events?code={SECRET}"), Bytes::from(vec![b' '; 5 << 20]))
        .await
        .unwrap();
    assert_eq!(status, 413);
    assert!(why.contains("more than 4194304 bytes"), "{why}");
    wait_for(&server, "dispatched", 1).await;

    let (status, ready) = server.get("/readyz").await.unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!((status, &ready["ready"]), (200, &json!(true)));
    assert_eq!(ready["journal"]["targets"][0]["repository"], json!(REPOSITORY));
    assert_eq!(ready["journal"]["targets"][0]["shows_relay_id"], json!(true));
    assert_eq!(ready["counts"]["unauthorized"], json!(1));

    // What is in flight when the signal comes is finished first.
    github.script([Scripted::Hang {
        wait: Duration::from_millis(500),
        effect: true,
    }]);
    server.post(&[model_registered("b", "1", 0)]).await.unwrap();
    while github.received().len() < 2 {
        TokioClock.sleep(Duration::from_millis(5)).await;
    }
    let status = server.stop().unwrap();
    let logged = server.logged();
    assert!(status.success(), "{status} {logged}");
    for line in logged.lines() {
        let line: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON: {line}: {error}"));
        assert!(line["level"].is_string(), "{line}");
    }
    assert!(
        logged.contains("SIGTERM") && logged.contains("stopped"),
        "{logged}"
    );
    assert!(
        logged.contains("events_being_lost"),
        "a wrong secret with aeg- headers is an alarm: {logged}"
    );
    assert_no_secret("the log", logged.as_bytes());
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        assert_no_secret(&path.display().to_string(), &std::fs::read(&path).unwrap());
    }

    let mut server = Server::start(&config).unwrap();
    assert_eq!(
        server.count("dispatched").await.unwrap(),
        2,
        "the second was written down before the end"
    );
    assert_eq!(github.received().len(), 2);
    server.kill().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_the_secret_may_come_in_a_header_and_several_are_valid_at_once() {
    let github = MockGitHub::start(REPOSITORY).await;
    let folder = tempfile::tempdir().unwrap();
    let text = configuration(&folder.path().join("relay.db"), &github.uri(), REPOSITORY, "");
    let text = text.replace("[\"RELAY_SECRET\"]", "[\"RELAY_SECRET\", \"RELAY_TEST_TOKEN\"]");
    let server = Server::start(&write(folder.path(), &text)).unwrap();
    let post = async |path: &str| {
        server
            .post_bytes(path.to_owned(), Bytes::from_static(b"[]"))
            .await
            .unwrap()
            .0
    };
    assert_eq!(post(&format!("/events?code={SECRET}")).await, 200);
    assert_eq!(post(&format!("/events?code={TOKEN}")).await, 200);
    assert_eq!(post("/events").await, 401);
}

#[test]
fn err_every_wrong_configuration_names_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let good = configuration(
        &folder.path().join("relay.db"),
        "http://127.0.0.1:9",
        REPOSITORY,
        "",
    );
    let check = |from: &str, to: &str, expect: &str| {
        assert!(good.contains(from), "{from}");
        let said = refusal(&write(folder.path(), &good.replace(from, to))).unwrap();
        assert!(said.contains(expect), "{to}: expected {expect:?} in {said}");
        assert!(!said.contains("panicked"), "{said}");
    };
    check("secret_env", "secret_envs", "secret_envs");
    check("probe_window_s = 3", "probe_windows = 3", "probe_windows");
    check("probe_window_s = 3", "probe_window_s = 0", "probe_window_s");
    check(
        "probe_window_s = 3",
        "probe_window_s = 3\nlane = \"newest\"",
        "route.lane: the value is not one that can stand here; expected `latest` or `every`",
    );
    check("[budget]", "[budgets]", "budgets");
    check("min_interval_ms = 0", "min_interval_ms = -1", "min_interval_ms");
    check("[\"RELAY_SECRET\"]", "[]", "allow_anonymous");
    check("[\"RELAY_SECRET\"]", "[\"NOT_SET_AT_ALL\"]", "NOT_SET_AT_ALL");
    check("\"RELAY_TEST_TOKEN\"", "\"NOT_SET_AT_ALL\"", "github.token_env");
    check("\"contoso/deploy\"", "\"a/../b\"", "a/../b");
    check("\"http://127.0.0.1:9\"", "\"http://github.example\"", "https://");
    check(
        "connect_timeout_ms = 500",
        "connect_timeout_ms = 5000",
        "connect timeout",
    );
    check("probe_window_s = 3", "payload = { relay = \"x\" }", "reserved");
    let eleven: String = (0..11).map(|n| format!("k{n} = \"x\", ")).collect();
    check(
        "probe_window_s = 3",
        &format!("payload = {{ {} }}", eleven.trim_end_matches(", ")),
        "at most 10",
    );
    check(
        "[[route]]",
        "[[route]]\nname = \"other\"\nrepository = \"contoso/deploy\"\n[[route]]",
        "allow_overlap",
    );
    check("[[route]]", "[[routes]]", "routes");
    let said = refusal(&folder.path().join("nothing.toml")).unwrap();
    assert!(said.contains("nothing.toml"), "{said}");
}

/// A configuration with one change.
fn changed(folder: &Path, change: impl FnOnce(String) -> String) -> std::path::PathBuf {
    let text = configuration(&folder.join("relay.db"), "http://127.0.0.1:9", REPOSITORY, "");
    write(folder, &change(text))
}

/// Invariant 6. The most usual mistake: the token itself, under the key that one would expect.
#[test]
fn err_a_wrong_configuration_shows_no_value() {
    const LEAKED: &str = "ghp_RealTokenByMistake";
    let check = |from: &str, to: &str, expect: &str| {
        let folder = tempfile::tempdir().unwrap();
        let config = changed(folder.path(), |text| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
        let said = refusal(&config).unwrap();
        assert!(!said.contains(LEAKED), "{to}: {said}");
        assert!(said.contains(expect), "{to}: expected {expect:?} in {said}");
    };
    let env = "token_env = \"RELAY_TEST_TOKEN\"";
    let secret = "secret_env = [\"RELAY_SECRET\"]";
    let name = "must hold the NAME of an environment variable";
    check(
        env,
        "token = \"ghp_RealTokenByMistake\"",
        "line 11, column 1: github: the key token is unknown; expected one of `api_root`, `token_env`",
    );
    check(
        env,
        "token_env = \"ghp_RealTokenByMistake\"",
        &format!("github.token_env {name}"),
    );
    check(
        env,
        "token_env = ghp_RealTokenByMistake",
        "line 11, column 13: this",
    );
    check(
        "min_interval_ms = 0",
        "min_interval_ms = \"ghp_RealTokenByMistake, expected ghp_RealTokenByMistake\"",
        "budget.min_interval_ms: the value is not one that can stand here; expected u64",
    );
    check(
        env,
        &format!("{LEAKED}{LEAKED} = 1"),
        "github: the key (not shown) is unknown",
    );
    check(
        secret,
        "secret_env = \"ghp_RealTokenByMistake\"",
        "line 3, column 14: webhook.secret_env: the value is not one that can stand here; expected a sequence",
    );
    check(
        secret,
        "secret_env = [\"ghp_RealTokenByMistake\"]",
        &format!("webhook.secret_env {name}"),
    );
    check(secret, "", "webhook: the key secret_env is missing");
    let twice = "secret_env = [\"A\"]\nsecret_env = [\"ghp_RealTokenByMistake\"]";
    check(secret, twice, "line 4, column 1: this key is there already");
}

/// Runs the program with `--check`: whether it calls the configuration good, and what it said.
fn check_with(config: &Path, secret: &str, token: &str) -> (bool, String) {
    let mut command = Command::new(program().unwrap());
    command.arg("--config").arg(config).arg("--check").env_clear();
    let output = command
        .env("RELAY_SECRET", secret)
        .env("RELAY_TEST_TOKEN", token)
        .output()
        .unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Taken as it is, a secret with a line end is sent by nobody: each delivery would be answered 401, which is final.
#[test]
fn err_a_secret_with_a_line_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = changed(folder.path(), |text| text);
    for secret in [
        "a-shared-secret\n",
        "a-shared-secret\r\n",
        " a-shared-secret",
        "a-shared-\tsecret",
    ] {
        let (good, said) = check_with(&config, secret, "t");
        assert!(!good, "{secret:?}: {said}");
        assert!(
            said.contains("webhook.secret_env") && said.contains("RELAY_SECRET"),
            "{said}"
        );
        assert!(!said.contains("a-shared"), "{said}");
    }
    let (good, said) = check_with(&config, "a shared secret", "t");
    assert!(good, "{said}");
}

#[test]
fn err_a_wrong_token_is_refused_with_the_name_of_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let config = changed(folder.path(), |text| text);
    for token in ["t\n", "t t", "é"] {
        let (good, said) = check_with(&config, "s", token);
        assert!(!good && said.contains("github.token_env"), "{said}");
        assert!(said.contains("RELAY_TEST_TOKEN"), "{said}");
    }
}

/// With a limit below a full batch, deliveries would be answered 413, which Event Grid never repeats.
#[test]
fn err_a_number_that_cannot_be_meant_names_its_key() {
    let check = |section: &str, key: &str, value: &str| {
        let folder = tempfile::tempdir().unwrap();
        let config = changed(folder.path(), |text| {
            let text = text
                .lines()
                .filter(|line| !line.starts_with(key))
                .collect::<Vec<_>>()
                .join("\n");
            let text = if section == "server" {
                format!("[server]\n{text}")
            } else {
                text
            };
            text.replace(&format!("[{section}]"), &format!("[{section}]\n{key} = {value}"))
        });
        let (good, said) = check_with(&config, "s", "t");
        let key = format!("{section}.{key}");
        assert!(!good && said.contains(&key), "{key} = {value}: {said}");
    };
    check("webhook", "max_body_bytes", "0");
    check("webhook", "max_body_bytes", "1048575");
    check("webhook", "max_body_bytes", "1073741824");
    check("server", "shutdown_deadline_s", "0");
    check("server", "header_timeout_s", "0");
    check("server", "header_timeout_s", "61");
    check("server", "max_connections", "0");
    check("journal", "lock_wait_s", "9223372036854775807");
    check("github", "connect_timeout_ms", "0");
    check("journal", "retention_days", "36501");
    check("github", "timeout_ms", "0");
    check("budget", "min_interval_ms", "9223372036854775807");
    check("budget", "per_minute", "4294967295");
    check("budget", "per_hour", "4294967295");
    let folder = tempfile::tempdir().unwrap();
    let config = changed(folder.path(), |text| {
        text.replace("[webhook]", "[webhook]\nmax_body_bytes = 1048576")
    });
    let (good, said) = check_with(&config, "s", "t");
    assert!(good, "{said}");
}

#[test]
fn err_every_journal_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let check = |journal: &Path, expect: &[&str]| {
        let said = refusal(&write(
            folder.path(),
            &configuration(journal, "http://127.0.0.1:9", REPOSITORY, ""),
        ))
        .unwrap();
        for expect in expect {
            assert!(said.contains(expect), "{expect:?} in {said}");
        }
    };
    check(&folder.path().join("missing").join("relay.db"), &["missing"]);
    let text = folder.path().join("text.db");
    std::fs::write(
        &text,
        "this is no database at all, but it is long enough to look at",
    )
    .unwrap();
    check(&text, &["text.db"]);
    assert!(
        std::fs::read_to_string(&text)
            .unwrap()
            .starts_with("this is no database"),
        "a refused file is left alone"
    );

    let newer = folder.path().join("newer.db");
    drop(relay_sqlite::SqliteJournal::open(&newer, relay_sqlite::OpenOptions::default()).unwrap());
    rusqlite::Connection::open(&newer)
        .unwrap()
        .pragma_update(None, "user_version", 999)
        .unwrap();
    check(&newer, &["newer.db", "999"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn err_a_second_owner_waits_and_is_told_who_owns_it() {
    let github = MockGitHub::start(REPOSITORY).await;
    let folder = tempfile::tempdir().unwrap();
    let text = configuration(&folder.path().join("relay.db"), &github.uri(), REPOSITORY, "");
    let config = write(folder.path(), &text.replace("lock_wait_s = 5", "lock_wait_s = 1"));
    let mut first = Server::start(&config).unwrap();
    let begin = TokioClock.now();
    let said = tokio::task::spawn_blocking({
        let config = config.clone();
        move || refusal(&config).unwrap()
    });
    let said = said.await.unwrap();
    assert!(
        TokioClock.now().since(begin) >= Duration::from_secs(1),
        "it waits first"
    );
    assert!(said.contains("relay.db"), "{said}");
    // The first goes on, and when it is gone another can own the journal.
    assert_eq!(first.post(&[model_registered("a", "1", 0)]).await.unwrap().0, 200);
    first.kill().unwrap();
    let second = Server::start(&config).unwrap();
    wait_for(&second, "dispatched", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_readyz_is_503_and_deliveries_are_too_when_the_journal_cannot_promise() {
    let github = MockGitHub::start(REPOSITORY).await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("place");
    std::fs::create_dir(&place).unwrap();
    let server = Server::start(&write(
        folder.path(),
        &configuration(&place.join("relay.db"), &github.uri(), REPOSITORY, ""),
    ))
    .unwrap();
    assert_eq!(server.get("/readyz").await.unwrap().0, 200);
    // The folder with the journal is gone: what is written now would be gone with it.
    std::fs::remove_dir_all(&place).unwrap();
    TokioClock.sleep(Duration::from_millis(1_100)).await;
    let (status, body) = server.post(&[model_registered("a", "1", 0)]).await.unwrap();
    assert_eq!(status, 503, "{body}");
    let (status, body) = server.get("/readyz").await.unwrap();
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("cannot promise"), "{body}");
}
