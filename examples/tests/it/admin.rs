//! What a person sees and commands over HTTP, against the real server: who may, what is shown, what is done, what is refused.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use github_dispatch::mock::{MockGitHub, Scripted};
use relay_core::clock::{Clock, TokioClock};
use relay_examples::events::{WORKSPACE, model_registered, run_completed};
use relay_examples::server::{SECRET, Server, TOKEN, configuration, refusal_with};
use relay_sqlite::{OpenOptions, SqliteJournal};
use reqwest::Method;
use serde_json::{Value, json};

const REPOSITORY: &str = "contoso/deploy";
const ADMIN: &str = "the-secret-of-who-commands";
const ENVIRONMENT: [(&str, &str); 1] = [("ADMIN_SECRET", ADMIN)];

fn write(folder: &Path, api_root: &str, admin: &str) -> std::path::PathBuf {
    let text = configuration(&folder.join("relay.db"), api_root, REPOSITORY, admin);
    let path = folder.join("relay.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn start(folder: &Path, github: &MockGitHub) -> Server {
    let backups = folder.join("backups");
    std::fs::create_dir_all(&backups).unwrap();
    let admin = format!("[admin]\nsecret_env = \"ADMIN_SECRET\"\nbackup_folder = {backups:?}\n");
    Server::start_with(&write(folder, &github.uri(), &admin), &ENVIRONMENT).unwrap()
}

async fn ask(server: &Server, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let mut request = server
        .request(method, path)
        .bearer_auth(ADMIN)
        .header("x-relay-who", "anna");
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (
        status,
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {text}: {error}")),
    )
}

async fn get(server: &Server, path: &str) -> Value {
    let (status, body) = ask(server, Method::GET, path, None).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn post(server: &Server, path: &str, body: Value) -> (u16, Value) {
    ask(server, Method::POST, path, Some(body)).await
}

/// Asserts a refusal: its status, and words of its text.
async fn refused(server: &Server, path: &str, body: Value, status: u16, words: &str) {
    let (found, answer) = post(server, path, body).await;
    assert_eq!(found, status, "{path}: {answer}");
    let why = answer["why"].as_str().unwrap();
    assert!(why.contains(words), "{path}: {why}");
    assert!(answer["error"].is_string(), "{answer}");
}

async fn wait_for(server: &Server, word: &str, n: u64) {
    for _ in 0..400 {
        if server.count(word).await.unwrap() == n {
            return;
        }
        TokioClock.sleep(Duration::from_millis(25)).await;
    }
    panic!("never {n} {word}: {}", server.logged());
}

fn ids(page: &Value) -> Vec<i64> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["id"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn err_nobody_passes_without_the_secret_and_without_the_section_there_is_no_door() {
    let github = MockGitHub::start(REPOSITORY).await;
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(&write(folder.path(), &github.uri(), "")).unwrap();
    let here = [
        "/admin",
        "/admin/",
        "/admin/items",
        "/admin/items/1",
        "/admin/export?body=1",
    ];
    for path in here {
        let request = server.request(Method::GET, path).bearer_auth(ADMIN);
        assert_eq!(request.send().await.unwrap().status().as_u16(), 404, "{path}");
    }
    server.stop().unwrap();

    let mut server = start(folder.path(), &github);
    for path in here {
        for (name, value) in [
            ("x-nothing", ""),
            ("authorization", "Bearer"),
            ("authorization", "Bearer wrong"),
            ("authorization", ADMIN),
            ("x-relay-admin", "the-secret-of-who-command"),
            // The webhook's secret opens the webhook and nothing else.
            ("authorization", &format!("Bearer {SECRET}")),
            ("x-relay-admin", SECRET),
            ("x-relay-secret", ADMIN),
        ] {
            let request = server.request(Method::GET, path).header(name, value);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 401, "{path} {name}: {value}");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        }
    }
    let by_query = server.get(&format!("/admin/items?code={ADMIN}")).await.unwrap();
    assert_eq!(by_query.0, 401, "a secret in a URL would stand in logs");
    // And the secret of who commands delivers nothing.
    let answer = server
        .post_bytes(format!("/events?code={ADMIN}"), Bytes::from_static(b"[]"))
        .await;
    assert_eq!(answer.unwrap().0, 401);
    for (name, value) in [
        ("authorization", format!("bearer {ADMIN}")),
        ("x-relay-admin", ADMIN.to_owned()),
    ] {
        let request = server.request(Method::GET, "/admin/overview").header(name, value);
        assert_eq!(request.send().await.unwrap().status().as_u16(), 200, "{name}");
    }
    let (status, body) = ask(&server, Method::GET, "/admin/nowhere", None).await;
    assert_eq!((status, &body["error"]), (404, &json!("not_found")));
    let (status, body) = ask(&server, Method::POST, "/admin/items", None).await;
    assert_eq!((status, &body["error"]), (405, &json!("wrong_method")));
    server.stop().unwrap();
    let logged = server.logged();
    assert!(logged.contains("without its secret"), "{logged}");
    for secret in [ADMIN, SECRET, TOKEN] {
        assert!(!logged.contains(secret), "{logged}");
    }
}

#[test]
fn err_a_secret_that_delivers_or_is_short_is_refused() {
    let check = |name: &str, value: &str, expect: &str| {
        let folder = tempfile::tempdir().unwrap();
        let admin = format!("[admin]\nsecret_env = {name:?}\n");
        let config = write(folder.path(), "http://127.0.0.1:9", &admin);
        let long = "a-secret-that-is-long-enough";
        let said = refusal_with(&config, &[("ADMIN_SECRET", value), ("RELAY_SECRET", long)]).unwrap();
        assert!(said.contains(expect), "expected {expect:?} in {said}");
        assert!(
            !said.contains(long) && (value.len() < 3 || !said.contains(value)),
            "{said}"
        );
    };
    check(
        "ADMIN_SECRET",
        "a-secret-that-is-long-enough",
        "whoever may deliver must not command",
    );
    check("RELAY_SECRET", "", "whoever may deliver must not command");
    check("ADMIN_SECRET", "short-secret", "shorter than 16 characters");
    check(
        "NOT_SET_AT_ALL",
        "",
        "admin.secret_env names the environment variable NOT_SET_AT_ALL, which is not set",
    );
    check(
        "a-secret-by-mistake",
        "",
        "admin.secret_env must hold the NAME of an environment variable",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_items_are_listed_by_page_and_shown_with_their_story() {
    let github = MockGitHub::start(REPOSITORY).await;
    github.script([Scripted::Accept, Scripted::status(422), Scripted::Accept]);
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &github);
    for model in ["a", "b", "c"] {
        server.post(&[model_registered(model, "1", 0)]).await.unwrap();
        wait_for(&server, "sending", 0).await;
        wait_for(&server, "waiting", 0).await;
    }
    server
        .post(&[run_completed("job-1", 1), json!({ "no": "event" })])
        .await
        .unwrap();
    wait_for(&server, "dispatched", 2).await;

    assert_eq!(ids(&get(&server, "/admin/items").await), [1, 2, 3]);
    let page = get(&server, "/admin/items?limit=2").await;
    assert_eq!((ids(&page), &page["next"]), (vec![1, 2], &json!(2)));
    let page = get(&server, "/admin/items?limit=2&after=2").await;
    assert_eq!((ids(&page), &page["next"]), (vec![3], &Value::Null));
    let cases: [(&str, &[i64]); 10] = [
        ("verdict=parked", &[2]),
        ("verdict=dispatched", &[1, 3]),
        ("phase=settled&phase=waiting", &[1, 2, 3]),
        ("phase=waiting", &[]),
        ("model=c", &[3]),
        ("model=c&version=2", &[]),
        ("workspace=WS-PROD&route=deploy", &[1, 2, 3]),
        ("workspace=another", &[]),
        ("route=another", &[]),
        ("event=2", &[2]),
    ];
    for (query, expect) in cases {
        assert_eq!(
            ids(&get(&server, &format!("/admin/items?{query}")).await),
            expect,
            "{query}"
        );
    }
    let by_id = format!("/admin/items?workspace={}", WORKSPACE.replace('/', "%2F"));
    assert_eq!(ids(&get(&server, &by_id).await), [1, 2, 3]);
    for query in [
        "phase=nothing",
        "verdict=nothing",
        "limit=0",
        "limit=501",
        "after=-1",
        "after=x",
        "colour=red",
    ] {
        let (status, body) = ask(&server, Method::GET, &format!("/admin/items?{query}"), None).await;
        assert_eq!(status, 400, "{query}: {body}");
    }

    let parked = get(&server, "/admin/items/2").await;
    assert_eq!(parked["item"]["verdict"]["verdict"], "parked");
    assert_eq!(
        (&parked["item"]["model"], &parked["item"]["version"]),
        (&json!("b"), &json!("1"))
    );
    assert_eq!(parked["item"]["route_as_accepted"]["repository"], REPOSITORY);
    assert_eq!(
        (&parked["event"]["model"], &parked["event"]["has_body"]),
        (&json!("b"), &json!(true))
    );
    let attempts = parked["attempts"].as_array().unwrap();
    assert_eq!(
        (attempts.len(), &attempts[0]["outcome"]["step"]),
        (1, &json!("park"))
    );
    assert!(attempts[0]["ended_at"].as_i64() >= attempts[0]["started_at"].as_i64());
    let story = parked["history"].as_array().unwrap().iter();
    let story: Vec<&str> = story
        .map(|row| {
            row["entry"]["step"]["step"]
                .as_str()
                .or_else(|| row["entry"]["entry"].as_str())
                .unwrap()
        })
        .collect();
    assert_eq!(story, ["began", "send", "park"]);
    assert!(
        !parked.to_string().contains("ExperimentRun"),
        "no body unless it is asked for: {parked}"
    );
    let whole = get(&server, "/admin/items/2?body=1").await;
    assert_eq!(whole["event"]["body"]["data"]["modelName"], "b");
    for (path, status) in [
        ("/admin/items/99", 404),
        ("/admin/items/x", 400),
        ("/admin/items/2?bodies=1", 400),
    ] {
        assert_eq!(ask(&server, Method::GET, path, None).await.0, status, "{path}");
    }

    let overview = get(&server, "/admin/overview").await;
    assert_eq!(overview["counts"]["unreadable"], 1);
    assert_eq!(overview["journal"]["targets"][0]["repository"], REPOSITORY);
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_commands_are_carried_out_and_logged_with_who_and_what_is_refused_says_why() {
    let github = MockGitHub::start(REPOSITORY).await;
    github.script([Scripted::status(422), Scripted::Accept]);
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path(), &github);
    server.post(&[model_registered("a", "1", 0)]).await.unwrap();
    wait_for(&server, "parked", 1).await;

    refused(&server, "/admin/items/99/replay", json!({}), 404, "no item 99").await;
    refused(
        &server,
        "/admin/items/1/cancel",
        json!({"why": "x"}),
        409,
        "can be cancelled",
    )
    .await;
    refused(
        &server,
        "/admin/items/1/refuse",
        json!({}),
        400,
        "missing field `why`",
    )
    .await;
    refused(
        &server,
        "/admin/items/1/refuse",
        json!({"why": " "}),
        400,
        "a reason on one line",
    )
    .await;
    refused(
        &server,
        "/admin/items/1/replay",
        json!({"allow": true}),
        400,
        "unknown field",
    )
    .await;
    refused(
        &server,
        "/admin/items/1/replay",
        json!({"pad": "x".repeat(70_000)}),
        413,
        "bytes at most",
    )
    .await;
    refused(
        &server,
        "/admin/replay",
        json!({"filter": {}}),
        400,
        "verdict, event or relay_id",
    )
    .await;
    refused(
        &server,
        "/admin/replay",
        json!({"filter": {"verdict": "lost"}}),
        400,
        "expected one of",
    )
    .await;
    refused(
        &server,
        "/admin/replay",
        json!({"filter": {"verdict": "parked"}, "limit": 0}),
        400,
        "limit",
    )
    .await;
    refused(
        &server,
        "/admin/pause",
        json!({"what": "all", "why": "x"}),
        400,
        "everything",
    )
    .await;
    refused(
        &server,
        "/admin/pause",
        json!({"what": {"identity": "default", "repository": "contoso/never"}, "why": "x"}),
        409,
        "was ever to go to contoso/never",
    )
    .await;
    refused(
        &server,
        "/admin/forget",
        json!({"workspace": "another"}),
        409,
        "nothing is known",
    )
    .await;

    let (status, made) = post(&server, "/admin/items/1/replay", json!({})).await;
    assert_eq!((status, &made), (200, &json!({"made": [2], "passed_over": []})));
    wait_for(&server, "dispatched", 1).await;
    refused(
        &server,
        "/admin/items/1/replay",
        json!({}),
        409,
        "generation 2 of it is the latest",
    )
    .await;

    // Paused, a new version waits until it is resumed, or cancelled.
    let target = json!({"identity": "default", "repository": "CONTOSO/deploy"});
    for what in [json!("everything"), target] {
        let (status, answer) = post(&server, "/admin/pause", json!({"what": what, "why": "a freeze"})).await;
        assert_eq!(status, 200, "{answer}");
    }
    let overview = get(&server, "/admin/overview").await;
    assert_eq!(overview["journal"]["pause"]["why"], "a freeze");
    assert_eq!(overview["journal"]["targets"][0]["pause"]["why"], "a freeze");
    server
        .post(&[model_registered("a", "2", 1), model_registered("b", "1", 1)])
        .await
        .unwrap();
    let waiting = get(&server, "/admin/items?phase=waiting").await;
    assert_eq!(ids(&waiting), [3, 4]);
    let (status, _) = post(&server, "/admin/items/4/cancel", json!({"why": "not this one"})).await;
    assert_eq!(status, 200);
    refused(
        &server,
        "/admin/forget",
        json!({"workspace": WORKSPACE}),
        409,
        "it is not over",
    )
    .await;
    let sent = github.received().len();
    post(&server, "/admin/resume", json!({"what": "everything"})).await;
    assert_eq!(
        ids(&get(&server, "/admin/items?phase=waiting").await),
        [3],
        "the target is still paused"
    );
    assert_eq!(github.received().len(), sent);
    let target = json!({"identity": "default", "repository": REPOSITORY});
    assert_eq!(
        post(&server, "/admin/resume", json!({"what": target})).await.0,
        200
    );
    wait_for(&server, "dispatched", 2).await;
    assert_eq!(
        get(&server, "/admin/items/4").await["item"]["verdict"]["why"],
        "not this one"
    );

    // Everything parked at once; what cannot go is passed over with the reason.
    github.script([Scripted::status(422), Scripted::status(422), Scripted::Accept]);
    server
        .post(&[model_registered("c", "1", 2), model_registered("d", "1", 2)])
        .await
        .unwrap();
    wait_for(&server, "parked", 3).await;
    assert_eq!(
        post(&server, "/admin/items/5/refuse", json!({"why": "a bad model"}))
            .await
            .0,
        200
    );
    let (status, made) = post(
        &server,
        "/admin/replay",
        json!({"filter": {"verdict": "parked"}, "limit": 10}),
    )
    .await;
    assert_eq!((status, &made["made"]), (200, &json!([7])), "{made}");
    assert_eq!(made["passed_over"][0]["item"], 1, "{made}");
    wait_for(&server, "dispatched", 3).await;

    assert_eq!(post(&server, "/admin/recheck", json!({})).await.0, 200);
    let (status, answer) = post(&server, "/admin/forget", json!({"workspace": WORKSPACE})).await;
    assert_eq!(status, 200, "{answer}");
    let (_, receipt) = server.post(&[model_registered("b", "2", 3)]).await.unwrap();
    assert!(receipt.contains("\"accepted\":1"), "{receipt}");

    server.stop().unwrap();
    let logged = server.logged();
    let of_commands = logged.lines().filter(|line| line.contains("a command was"));
    let of_commands: Vec<Value> = of_commands
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(of_commands.len() > 10, "{logged}");
    assert!(
        of_commands.iter().all(|line| line["fields"]["who"] == "anna"),
        "{logged}"
    );
    assert!(
        logged.contains("not this one") && logged.contains("Cancel"),
        "{logged}"
    );
    for secret in [ADMIN, SECRET, TOKEN] {
        assert!(!logged.contains(secret), "{logged}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_copies_of_the_journal_are_whole_and_stay_in_their_folder() {
    let github = MockGitHub::start(REPOSITORY).await;
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &github);
    let events: Vec<Value> = (0..300)
        .map(|n| model_registered(&format!("m{n}"), "1", 0))
        .collect();
    server.post(&events).await.unwrap();
    wait_for(&server, "dispatched", 300).await;

    let (status, body) = ask(&server, Method::GET, "/admin/export", None).await;
    assert_eq!(status, 400, "{body}");
    let request = server
        .request(Method::GET, "/admin/export?body=1")
        .bearer_auth(ADMIN);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let export = answer.text().await.unwrap();
    assert!(export.len() > 128 << 10, "several pieces: {}", export.len());
    assert!(
        export
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
    );
    let copy = SqliteJournal::open(folder.path().join("import.db"), OpenOptions::default()).unwrap();
    let lines = u64::try_from(export.lines().count()).unwrap();
    let imported = {
        use relay_core::journal::JournalAdmin;
        let from = std::io::Cursor::new(export.into_bytes());
        copy.import(TokioClock.now(), Box::new(from)).await.unwrap()
    };
    assert_eq!(imported, lines);

    let (status, answer) = post(&server, "/admin/backup", json!({"name": "monday.db"})).await;
    assert_eq!(
        (status, &answer["written"]),
        (200, &json!("monday.db")),
        "{answer}"
    );
    drop(SqliteJournal::open(folder.path().join("backups/monday.db"), OpenOptions::default()).unwrap());
    refused(
        &server,
        "/admin/backup",
        json!({"name": "monday.db"}),
        409,
        "lies where the copy is to go",
    )
    .await;
    for name in [
        "../escaped.db",
        "/tmp/escaped.db",
        "a/b.db",
        "..",
        ".hidden",
        "",
        "a\\b",
        "a\0b",
    ] {
        refused(
            &server,
            "/admin/backup",
            json!({ "name": name }),
            400,
            "a name within admin.backup_folder",
        )
        .await;
    }
    assert!(!folder.path().join("escaped.db").exists());
}
