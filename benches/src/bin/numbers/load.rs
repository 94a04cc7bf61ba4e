//! **Here**: deliveries over kept connections: bounded in number and time, loopback only, every answer held to be a 200.
//! **Not here**: who answers (`process`, `webhook`).
//! **Reads**: `relay_benches::model_registered` for the bodies.
//! **Source**: our own: HTTP/1.1 by hand, since what is sent and read is known, and the sender shares the machine with who answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What deliveries carry as `code`.
pub(crate) const SECRET: &str = "a-shared-secret";
/// No load lasts longer; what is left then is not sent, and the counts say so.
const LONGEST: Duration = Duration::from_secs(120);

/// What came of a load.
pub(crate) struct Loaded {
    /// From the first byte of each delivery to the last of its answer, in order of size.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) took: Duration,
}

impl Loaded {
    /// The latency that this share of all was at or below.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        quantile_ms(&self.latencies, share)
    }

    /// Deliveries a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }
}

/// The value of an ordered list that this share is at or below, in milliseconds.
pub(crate) fn quantile_ms(sorted: &[Duration], share: f64) -> f64 {
    let index = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len());
    sorted[index - 1].as_secs_f64() * 1e3
}

/// Delivers the events of these numbers, one a delivery, so many at once; each connection begins its next when it has its answer.
pub(crate) async fn deliver(to: SocketAddr, numbers: std::ops::Range<usize>, n_at_once: usize) -> Loaded {
    let next = Arc::new(AtomicUsize::new(numbers.start));
    let begin = Instant::now();
    let tasks: Vec<_> = (0..n_at_once)
        .map(|_| {
            let (next, end) = (Arc::clone(&next), numbers.end);
            tokio::spawn(async move {
                let mut connection = Connection::open(to).await;
                let mut latencies = Vec::new();
                while begin.elapsed() < LONGEST {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= end {
                        break;
                    }
                    let body = relay_benches::model_registered(n);
                    let sent = Instant::now();
                    connection.post(&body).await;
                    latencies.push(sent.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("all answers"));
    }
    let took = begin.elapsed();
    latencies.sort_unstable();
    assert_eq!(
        latencies.len(),
        numbers.len(),
        "not all was delivered in {LONGEST:?}"
    );
    Loaded { latencies, took }
}

/// One kept connection.
pub(crate) struct Connection {
    stream: TcpStream,
    to: SocketAddr,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(to: SocketAddr) -> Self {
        assert!(to.ip().is_loopback(), "a load stays on this machine");
        let stream = TcpStream::connect(to).await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        Self {
            stream,
            to,
            buffer: Vec::new(),
        }
    }

    /// Delivers a body and reads the whole answer, which has to be a 200.
    pub(crate) async fn post(&mut self, body: &str) {
        let request = format!(
            "POST /events?code={SECRET} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json; charset=utf-8\r\n\
             aeg-event-type: Notification\r\ncontent-length: {}\r\n\r\n{body}",
            self.to,
            body.len()
        );
        self.stream
            .write_all(request.as_bytes())
            .await
            .expect("a delivery");
        self.buffer.clear();
        let head_ends = loop {
            self.more().await;
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_ends]).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "answered {head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.expect("a length").trim().parse().expect("a number");
        while self.buffer.len() < head_ends + length {
            self.more().await;
        }
    }

    async fn more(&mut self) {
        let n = self.stream.read_buf(&mut self.buffer).await.expect("an answer");
        assert!(n > 0, "the connection was closed");
    }
}
