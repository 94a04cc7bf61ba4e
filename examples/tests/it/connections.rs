//! What strangers can do to the server by its connections: little, and not for long.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use github_dispatch::mock::MockGitHub;
use relay_core::clock::{Clock, TokioClock};
use relay_examples::events::model_registered;
use relay_examples::server::{SECRET, Server, configuration};
use serde_json::Value;

const REPOSITORY: &str = "contoso/deploy";
const MIB: usize = 1 << 20;

/// A server for this GitHub, with these keys of `[server]`.
fn start(folder: &Path, api_root: &str, keys: &str) -> Server {
    let text = configuration(&folder.join("relay.db"), api_root, REPOSITORY, "");
    let path = folder.join("relay.toml");
    std::fs::write(&path, format!("[server]\n{keys}\n{text}")).unwrap();
    Server::start(&path).unwrap()
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address().trim_start_matches("http://")).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream
}

fn head(method: &str, query: &str, length: usize) -> String {
    format!("{method} /events{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n")
}

/// What has come when the head of the answer is complete, or the connection has ended.
fn answer(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).unwrap();
        all.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&all);
        if n == 0 || text.contains("\r\n\r\n") {
            return text.into_owned();
        }
    }
}

#[test]
fn err_without_a_secret_the_answer_comes_before_the_body() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "http://127.0.0.1:9", "");
    let with = format!("?code={SECRET}");
    let check = |method: &str, query: &str, length: usize, expect: &str| {
        let mut stream = connect(&server);
        stream.write_all(head(method, query, length).as_bytes()).unwrap();
        let answer = answer(&mut stream);
        let about = format!("{method} {query} {length}: {answer}");
        assert!(answer.starts_with(&format!("HTTP/1.1 {expect} ")), "{about}");
    };
    check("POST", "", 4 * MIB, "401");
    check("POST", "?code=wrong", 4 * MIB, "401");
    check("OPTIONS", "", 4 * MIB, "401");
    check("OPTIONS", &with, 4 * MIB, "403");
    check("PUT", &with, 4 * MIB, "405");
    check("POST", &with, 4 * MIB + 1, "413");
}

/// Whoever writes the whole body before reading gets the answer as well, and no reset connection.
#[test]
fn err_a_sender_that_reads_last_gets_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "http://127.0.0.1:9", "");
    let with = format!("?code={SECRET}");
    for (query, length, expect) in [
        ("", 4 * MIB, "HTTP/1.1 401"),
        (with.as_str(), 8 * MIB, "HTTP/1.1 413"),
    ] {
        let mut stream = connect(&server);
        stream.write_all(head("POST", query, length).as_bytes()).unwrap();
        stream.write_all(&vec![b' '; length]).unwrap();
        let answer = answer(&mut stream);
        assert!(answer.starts_with(expect), "{answer}");
    }
}

/// What the server holds, in kB.
#[cfg(target_os = "linux")]
fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Whoever has no secret cannot make the server hold 4 MiB for each connection.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn ok_bodies_without_a_secret_are_not_held() {
    let github = MockGitHub::start(REPOSITORY).await;
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &github.uri(), "");
    let before = memory(&server);
    let chunk = vec![b' '; 63 * 65_536];
    let mut held = Vec::new();
    for _ in 0..50 {
        let mut stream = connect(&server);
        stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let _ = stream.write_all(b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 4194304\r\n\r\n");
        let _ = stream.write_all(&chunk);
        let mut answer = [0; 64];
        let _ = stream.read(&mut answer);
        held.push(stream);
    }
    let after = memory(&server);
    assert!(
        after < before + 50_000,
        "{before} kB before, {after} kB with 50 connections that have no secret"
    );
}

/// Nor can many of them that write at the same time: what is read ahead of each is little.
#[cfg(target_os = "linux")]
#[test]
fn ok_many_strangers_at_once_are_held_by_little() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "http://127.0.0.1:9", "");
    let before = memory(&server);
    let most = std::thread::scope(|scope| {
        let strangers: Vec<_> = (0..100)
            .map(|_| {
                scope.spawn(|| {
                    let mut stream = connect(&server);
                    stream.write_all(head("POST", "", 4 * MIB).as_bytes()).unwrap();
                    // The body never ends; when the server has closed, the rest cannot be written.
                    for _ in 0..63 {
                        if stream.write_all(&[b' '; 65_536]).is_err() {
                            break;
                        }
                    }
                    let _ = stream.read_to_end(&mut Vec::new());
                })
            })
            .collect();
        let mut most = before;
        while strangers.iter().any(|stranger| !stranger.is_finished()) {
            most = most.max(memory(&server));
            std::thread::yield_now();
        }
        most
    });
    assert!(
        most < before + 25_000,
        "{before} kB before, {most} kB with 100 that write at once"
    );
}

#[test]
fn err_a_head_that_does_not_end_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "http://127.0.0.1:9", "header_timeout_s = 1");
    for half in ["", "POST /events HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let begin = TokioClock.now();
        let mut stream = connect(&server);
        stream.write_all(half.as_bytes()).unwrap();
        // A read that gets nothing for 5 s fails.
        assert!(!answer(&mut stream).contains("200"), "{half:?}");
        let took = TokioClock.now().since(begin);
        assert!(took >= Duration::from_millis(900), "{half:?}: {took:?}");
    }
}

#[test]
fn ok_a_connection_beyond_the_bound_waits_for_another_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "http://127.0.0.1:9", "max_connections = 2");
    let held = [connect(&server), connect(&server)];
    let mut third = connect(&server);
    third
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    third.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert!(third.read(&mut [0; 16]).is_err(), "answered, as a third of two");
    drop(held);
    third.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert!(answer(&mut third).starts_with("HTTP/1.1 200"));
}

#[test]
fn err_503_when_too_many_bodies_are_being_read() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "http://127.0.0.1:9", "");
    let head = format!(
        "POST /events?code={SECRET} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    );
    // Who is told to go on has one of the places.
    let begin = || {
        let mut stream = connect(&server);
        stream.write_all(head.as_bytes()).unwrap();
        let answer = answer(&mut stream);
        (stream, answer)
    };
    let finish = |mut stream: TcpStream| {
        stream.write_all(b"[]").unwrap();
        let answer = answer(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    let mut held = Vec::new();
    for _ in 0..64 {
        let (stream, answer) = begin();
        assert!(answer.starts_with("HTTP/1.1 100"), "{answer}");
        held.push(stream);
    }
    let (_, busy) = begin();
    assert!(busy.starts_with("HTTP/1.1 503"), "{busy}");
    assert!(busy.to_lowercase().contains("\r\nretry-after: 30\r\n"), "{busy}");
    finish(held.remove(0));
    let (next, answer) = begin();
    assert!(answer.starts_with("HTTP/1.1 100"), "{answer}");
    finish(next);
}

/// `/readyz`: how many events the relay says it accepted, how many items there are, and how many of them went out.
async fn counted(server: &Server) -> [u64; 3] {
    let ready: Value = serde_json::from_str(&server.get("/readyz").await.unwrap().1).unwrap();
    let counts = ready["journal"]["counts"].as_array().unwrap();
    let n = |pair: &Value| pair[1].as_u64().unwrap();
    let sent = counts.iter().find(|pair| pair[0] == "dispatched").map_or(0, n);
    [
        ready["counts"]["accepted"].as_u64().unwrap(),
        counts.iter().map(n).sum(),
        sent,
    ]
}

/// A delivery that was written down is counted and sent, though its sender did not wait for the answer.
#[tokio::test(flavor = "multi_thread")]
async fn ok_a_sender_that_hangs_up_leaves_nothing_half_done() {
    let github = MockGitHub::start(REPOSITORY).await;
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &github.uri(), "");
    // The journal cannot write until all of them have gone.
    let busy = rusqlite::Connection::open(folder.path().join("relay.db")).unwrap();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    for n in 0..10 {
        let body = Value::from([model_registered(&format!("m{n}"), "1", 0)].as_slice()).to_string();
        let mut stream = connect(&server);
        let request = head("POST", &format!("?code={SECRET}"), body.len()) + &body;
        stream.write_all(request.as_bytes()).unwrap();
        TokioClock.sleep(Duration::from_millis(20)).await;
        drop(stream);
    }
    TokioClock.sleep(Duration::from_millis(200)).await;
    busy.execute_batch("ROLLBACK").unwrap();
    let mut last = [0; 3];
    for _ in 0..10 {
        // Longer than `/readyz` repeats itself.
        TokioClock.sleep(Duration::from_millis(1_100)).await;
        let now = counted(&server).await;
        if now == last && now[0] > 0 && now[0] == now[1] && now[1] == now[2] {
            return;
        }
        last = now;
    }
    panic!("accepted, items, sent: {last:?} {}", server.logged());
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_the_end_waits_for_a_body_and_for_no_idle_connection() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path(), "http://127.0.0.1:9", "header_timeout_s = 60");
    let with = format!("?code={SECRET}");
    let idle = connect(&server);
    let mut kept = connect(&server);
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    assert!(answer(&mut kept).starts_with("HTTP/1.1 200"));
    let mut half = connect(&server);
    half.write_all(head("POST", &with, 2).as_bytes()).unwrap();
    half.write_all(b"[").unwrap();
    // Another request is answered after that one was begun.
    assert_eq!(server.get("/healthz").await.unwrap().0, 200);
    let address = server.address().trim_start_matches("http://").to_owned();
    let begin = TokioClock.now();
    let ended = std::thread::spawn(move || (server.stop().unwrap(), server.logged()));
    while TcpStream::connect(&address).is_ok() {
        TokioClock.sleep(Duration::from_millis(20)).await;
    }
    half.write_all(b"]").unwrap();
    assert!(answer(&mut half).starts_with("HTTP/1.1 200"));
    let (status, logged) = ended.join().unwrap();
    assert!(
        status.success() && logged.contains("\"message\":\"stopped\""),
        "{logged}"
    );
    let took = TokioClock.now().since(begin);
    assert!(
        took < Duration::from_secs(20),
        "{took:?}: idle ones are waited for"
    );
    drop((idle, kept));
}
