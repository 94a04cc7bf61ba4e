//! The shell of the rendered workflow, really run: what it lets through, what a hostile payload can do, and that a copy ends.

use std::path::Path;
use std::process::Command;

use github_dispatch::deploy_workflow::DeployWorkflow;

const ID: &str = "474p54ivefce66s2nsvlvyw7zg";

/// The script of the first job.
fn guard() -> String {
    let text = DeployWorkflow::new("deploy", "rg", "ws", "endpoint", "blue")
        .unwrap()
        .render();
    let script = text.split("        run: |\n").nth(1).unwrap();
    let lines = script.lines().take_while(|line| line.starts_with("          "));
    lines.map(|line| format!("{}\n", &line[10..])).collect()
}

/// Runs it with these values, and a `gh` that lists these runs through the given filter; gives whether it ended well, and its output.
fn run(name: &str, version: &str, relay_id: &str, copies: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| std::fs::write(folder.path().join(file), text).unwrap();
    write(
        "gh",
        &format!("#!/bin/sh\nprintf '%s' \"$*\" > asked\nprintf '{copies}'\n"),
    );
    let gh = folder.path().join("gh");
    std::fs::set_permissions(&gh, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    write("output", "");
    let output = Command::new("bash")
        .args(["-c", &guard()])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
        .env("GITHUB_OUTPUT", "output")
        .env("MODEL_NAME", name)
        .env("MODEL_VERSION", version)
        .env("RELAY_ID", relay_id)
        .env("WORKFLOW", "deploy")
        .env("REPOSITORY", "a/b")
        .env("RUN_ID", "7")
        .output()
        .unwrap();
    let read = |file: &str| std::fs::read_to_string(folder.path().join(file)).unwrap_or_default();
    assert!(!escaped(folder.path()), "{name:?} {version:?} {relay_id:?}");
    if !relay_id.is_empty() && output.status.success() {
        assert!(read("asked").starts_with("api --paginate repos/a/b/actions/runs?event=repository_dispatch"));
    }
    (output.status.success(), read("output"))
}

/// Whether a value was taken for a command: each of the hostile ones would make this file.
fn escaped(folder: &Path) -> bool {
    folder.join("escaped").exists()
}

#[test]
fn ok_a_first_run_deploys_and_a_copy_does_not() {
    let deploys = (true, "deploys=true\n".to_owned());
    assert_eq!(run("credit-risk", "7", ID, ""), deploys);
    assert_eq!(
        run("Credit_Risk.v2", "1.10", "", ""),
        deploys,
        "an older sender has no id"
    );
    let copy = (true, "deploys=false\n".to_owned());
    assert_eq!(run("credit-risk", "7", ID, "30000000001\\n"), copy);
    assert_eq!(run("credit-risk", "7", ID, "30000000001\\n30000000002\\n"), copy);
    assert_eq!(
        run("credit-risk", "7", "", "30000000001\\n"),
        deploys,
        "nobody is asked"
    );
}

#[test]
fn err_hostile_values_end_the_run_and_are_no_commands() {
    let hostile = [
        "",
        "$(touch escaped)",
        "`touch escaped`",
        "a; touch escaped",
        "a\ntouch escaped",
        "a' ; touch escaped #",
        "a\" ; touch escaped #",
        "a && touch escaped",
        "a|touch escaped",
        "${IFS}touch${IFS}escaped",
        "-a",
        "../a",
        "a b",
        "a\u{202e}b",
        "é",
        "a]] || touch escaped; [[ a",
    ];
    for value in hostile {
        assert_eq!(run(value, "7", ID, ""), (false, String::new()), "name {value:?}");
        assert_eq!(
            run("m", value, ID, ""),
            (false, String::new()),
            "version {value:?}"
        );
        if !value.is_empty() {
            assert_eq!(
                run("m", "7", value, ""),
                (false, String::new()),
                "relay id {value:?}"
            );
        }
    }
    assert_eq!(run(&"a".repeat(256), "7", ID, ""), (false, String::new()));
}
