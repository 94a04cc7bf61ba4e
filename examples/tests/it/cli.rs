//! The relay from the command line: delivered, seen again, sent, told, replayed; and each exit code says what happened.

use std::path::Path;

use github_dispatch::mock::{MockGitHub, Scripted};
use relay_examples::events::{model_registered, subscription_validation};
use relay_examples::server::{Server, TOKEN, configuration, run};
use serde_json::{Value, json};

const REPOSITORY: &str = "contoso/deploy";

/// Runs the program in a folder with a configuration; gives its exit code, its output, and what it said beside it.
fn cli(folder: &Path, arguments: &[&str], input: &str) -> (i32, String, String) {
    let config = folder.join("relay.toml");
    let mut all = vec!["--config", config.to_str().unwrap()];
    all.extend(arguments);
    let output = run("host_cli", &all, &[("RELAY_TEST_TOKEN", TOKEN)], input.as_bytes()).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, said) = (text(output.stdout), text(output.stderr));
    for text in [&out, &said] {
        assert!(!text.contains(TOKEN) && !text.contains("panicked"), "{text}");
    }
    (output.status.code().unwrap(), out, said)
}

fn configured(api_root: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = configuration(&folder.path().join("relay.db"), api_root, REPOSITORY, "");
    std::fs::write(folder.path().join("relay.toml"), text).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_a_release_from_a_file_to_its_replay() {
    let github = MockGitHub::start(REPOSITORY).await;
    let folder = configured(&github.uri());
    let file = folder.path().join("event.json");
    std::fs::write(
        &file,
        json!([model_registered("credit-risk", "7", 0)]).to_string(),
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let here = |arguments: &[&str], input: &str| cli(folder.path(), arguments, input);

    let (code, out, said) = here(&["deliver", file], "");
    assert_eq!(code, 0, "{out} {said}");
    assert!(out.contains("\"accepted\":1"), "{out}");
    let (code, out, _) = here(
        &["deliver", file, "-"],
        &json!([model_registered("credit-risk", "7", 0)]).to_string(),
    );
    assert_eq!((code, out.matches("\"seen_again\":1").count()), (3, 2), "{out}");
    assert_eq!(github.received().len(), 0, "deliver sends nothing");

    github.script([Scripted::AcceptThenDrop]);
    let (code, out, said) = here(&["run-due"], "");
    assert_eq!(
        (code, out.trim()),
        (7, "1 probing"),
        "its answer was lost: {said}"
    );
    let (code, out, said) = here(&["run-due", "--wait", "--within", "30"], "");
    assert_eq!((code, out.trim()), (0, "1 dispatched"), "{said}");
    assert_eq!(github.received().len(), 1);

    let (code, out, _) = here(&["history", "--model", "credit-risk"], "");
    assert_eq!(code, 0);
    for words in [
        "event 1 models/credit-risk:7",
        "accepted",
        "the intent to send",
        "unknown, so its run is looked for",
        "seen again",
        "dispatched: run",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    assert_eq!(here(&["history", "--model", "another"], "").1, "");
    let (code, shown, _) = here(&["show", "1"], "");
    assert_eq!(code, 0);
    let relay_id = github.received()[0].relay_id.clone().unwrap();
    assert!(shown.contains(&relay_id) && shown.contains("event 1"), "{shown}");
    assert_eq!(here(&["show", &relay_id], "").1, shown);

    // A dispatched item goes out once more only when it is named.
    assert_eq!(here(&["replay", "--parked"], "").0, 0);
    assert_eq!(here(&["run-due"], "").1.trim(), "1 dispatched");
    let (code, out, _) = here(&["replay", "1"], "");
    assert_eq!((code, out.trim()), (0, "item 2 waits for run-due"));
    assert_eq!(here(&["run-due"], "").0, 0);
    assert_eq!(github.received().len(), 2);
    let (code, _, said) = here(&["replay", "1"], "");
    assert!(
        code == 5 && said.contains("generation 2 of it is the latest"),
        "{said}"
    );
    let (code, _, said) = here(&["replay", "9"], "");
    assert!(code == 1 && said.contains("there is no item 9"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_what_was_parked_is_told_and_replayed_together() {
    let github = MockGitHub::start(REPOSITORY).await;
    github.script([Scripted::status(422), Scripted::status(422)]);
    let folder = configured(&github.uri());
    let here = |arguments: &[&str], input: &str| cli(folder.path(), arguments, input);
    let two = json!([model_registered("a", "1", 0), model_registered("b", "1", 0)]).to_string();
    assert_eq!(here(&["deliver"], &two).0, 0);
    let (code, out, said) = here(&["run-due"], "");
    assert_eq!((code, out.trim()), (6, "2 parked"));
    assert!(said.contains("parked"), "an alarm is shown: {said}");
    let (code, out, _) = here(&["replay", "--parked"], "");
    assert_eq!(
        (code, out.trim()),
        (0, "item 3 waits for run-due\nitem 4 waits for run-due")
    );
    assert_eq!(here(&["run-due"], "").1.trim(), "2 dispatched, 2 parked");
    let (code, out, _) = here(&["replay", "--parked"], "");
    assert!(code == 0 && out.contains("item 1 was passed over"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn err_each_fault_has_its_exit_code() {
    let folder = configured("https://github.example/api");
    let here = |arguments: &[&str], input: &str| cli(folder.path(), arguments, input);
    let mixed = json!([model_registered("a", "1", 0), { "no": "event" }]).to_string();
    let (code, out, _) = here(&["deliver"], &mixed);
    assert!(
        code == 4 && out.contains("\"accepted\":1") && out.contains("\"unreadable\":1"),
        "{out}"
    );
    assert_eq!(here(&["deliver"], "not json at all").0, 4);
    assert_eq!(here(&["deliver"], "[]").0, 3);
    assert_eq!(
        here(
            &["deliver"],
            &json!([subscription_validation("code")]).to_string()
        )
        .0,
        3
    );
    let (code, _, said) = here(&["deliver", "nothing.json"], "");
    assert!(code == 1 && said.contains("nothing.json"), "{said}");
    assert_eq!(here(&["deliver", "--nothing"], "").0, 2);
    assert_eq!(here(&["replay"], "").0, 2);

    // Invariant 11: without --live nothing goes beyond this machine, and no credential is looked at.
    let (code, _, said) = here(&["run-due"], "");
    assert!(
        code == 1 && said.contains("would send to https://github.example/api; say --live"),
        "{said}"
    );
    let config = folder.path().join("relay.toml");
    let output = run(
        "host_cli",
        &["run-due", "--config", config.to_str().unwrap()],
        &[],
        b"",
    )
    .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("say --live"));

    let output = run("host_cli", &["history"], &[], b"").unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("--config or --journal is expected"));
    let missing = folder.path().join("missing.db");
    let output = run(
        "host_cli",
        &["history", "--journal", missing.to_str().unwrap()],
        &[],
        b"",
    )
    .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("missing.db"));
    assert!(!missing.exists(), "a question makes no journal");
    let output = run("host_cli", &["--help"], &[], b"").unwrap();
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    for words in [
        "deliver",
        "run-due",
        "history",
        "show",
        "replay",
        "--live",
        "Exit codes",
    ] {
        assert!(help.contains(words), "{words}: {help}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_history_reads_beside_a_running_server_and_what_writes_is_told_who_owns_the_journal() {
    let github = MockGitHub::start(REPOSITORY).await;
    let folder = configured(&github.uri());
    let config = folder.path().join("relay.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("lock_wait_s = 5", "lock_wait_s = 0")).unwrap();
    let server = Server::start(&config).unwrap();
    server.post(&[model_registered("a", "1", 0)]).await.unwrap();
    let (code, out, said) = cli(folder.path(), &["history"], "");
    assert!(code == 0 && out.contains("models/a:1"), "{out} {said}");
    let event: Value = model_registered("b", "1", 0);
    let (code, _, said) = cli(folder.path(), &["deliver"], &json!([event]).to_string());
    assert!(code == 1 && said.contains("is owned by"), "{said}");
}
