//! **Here**: a stand-in of GitHub as a process of its own: answers 204 to the one dispatch that it expects, and counts.
//! **Not here**: who sends (`sender`).
//! **Reads**: `payload`. Prints its port, serves until its input ends, then prints what it counted.
//! **Source**: hyper's example of a server; GitHub's answer to an accepted dispatch, with the headers that our client reads.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;

use http::header::AUTHORIZATION;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::payload::{PATH, TOKEN, body};

/// What it saw.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Seen {
    /// Connections that were accepted.
    pub(crate) n_connections: u64,
    /// Requests that were what it expects, and answered with 204.
    pub(crate) n_dispatches: u64,
    /// Any other, answered with 400.
    pub(crate) n_others: u64,
}

/// A stand-in that runs. It ends with the process that started it.
pub(crate) struct StandIn {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
    root: String,
}

impl StandIn {
    /// Starts this program again as a stand-in.
    pub(crate) fn start() -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let mut child = Command::new(program)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a stand-in");
        let mut answers = BufReader::new(child.stdout.take().expect("its output"));
        let mut port = String::new();
        answers.read_line(&mut port).expect("its port");
        let root = format!("http://127.0.0.1:{}", port.trim());
        Self { child, answers, root }
    }

    /// Where it listens.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// Ends it, and takes what it saw.
    pub(crate) fn stop(mut self) -> Seen {
        drop(self.child.stdin.take());
        let mut line = String::new();
        self.answers.read_to_string(&mut line).expect("what it saw");
        self.child.wait().expect("its end");
        let numbers: Vec<u64> = line
            .split_whitespace()
            .map(|word| word.parse().expect("a number"))
            .collect();
        let [n_connections, n_dispatches, n_others] = numbers[..] else {
            panic!("expected three numbers, found {line}");
        };
        Seen {
            n_connections,
            n_dispatches,
            n_others,
        }
    }
}

/// What all connections share. The server has one thread.
struct Counts {
    seen: Cell<Seen>,
    expected: Value,
    /// Bodies that were parsed and found right: each contender writes its keys in its own order, and always the same way.
    known: RefCell<Vec<Bytes>>,
}

impl Counts {
    fn update(&self, change: impl FnOnce(&mut Seen)) {
        let mut seen = self.seen.get();
        change(&mut seen);
        self.seen.set(seen);
    }

    fn is_expected(&self, body: &Bytes) -> bool {
        if self.known.borrow().contains(body) {
            return true;
        }
        let is_expected = serde_json::from_slice::<Value>(body).is_ok_and(|found| found == self.expected);
        if is_expected {
            self.known.borrow_mut().push(body.clone());
        }
        is_expected
    }
}

/// The stand-in itself.
pub(crate) fn serve() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let counts = Rc::new(Counts {
        seen: Cell::default(),
        expected: body(),
        known: RefCell::default(),
    });
    let (end, mut ended) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(end);
    });
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("an address").port());
        std::io::stdout().flush().expect("an output");
        loop {
            tokio::select! {
                biased;
                accepted = listener.accept() => {
                    let (stream, _) = accepted.expect("a connection");
                    counts.update(|seen| seen.n_connections += 1);
                    let counts = Rc::clone(&counts);
                    tokio::task::spawn_local(async move {
                        let service = service_fn(|request| answer(&counts, request));
                        // A client that goes away is no fault of the stand-in: the counts say whether anything is missing.
                        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                    });
                }
                _ = &mut ended => break,
            }
        }
    });
    let seen = counts.seen.get();
    println!("{} {} {}", seen.n_connections, seen.n_dispatches, seen.n_others);
}

async fn answer(counts: &Counts, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let token = head
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let is_addressed = head.method == Method::POST
        && head.uri.path() == PATH
        && token.and_then(|text| text.strip_prefix("Bearer ")) == Some(TOKEN);
    let is_expected = match body.collect().await {
        Ok(body) => is_addressed && counts.is_expected(&body.to_bytes()),
        Err(_) => false,
    };
    let mut answer = Response::new(Empty::new());
    if is_expected {
        counts.update(|seen| seen.n_dispatches += 1);
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let headers = answer.headers_mut();
        for (name, value) in [
            ("x-github-request-id", "C0DE:1234:56789A:BCDEF0:67A1B2C3"),
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", "4987"),
            ("x-ratelimit-reset", "4102444800"),
            ("x-ratelimit-resource", "core"),
            ("x-github-api-version-selected", "2022-11-28"),
        ] {
            headers.insert(name, http::HeaderValue::from_static(value));
        }
    } else {
        counts.update(|seen| seen.n_others += 1);
        *answer.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(answer)
}
