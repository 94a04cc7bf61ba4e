//! **Here**: durable accepts in this process beside bare inserts of the same rows; one large delivery.
//! **Not here**: HTTP (`webhook`), a deep journal (`backlog`).
//! **Reads**: `bare` for the other side.
//! **Source**: our own: closed loops, turns alternate, the journal counts its commits.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use relay_core::Relay;
use relay_sqlite::{OpenOptions, SqliteJournal};
use serde_json::json;

use crate::bare;
use crate::load::quantile_ms;
use crate::report::Row;

/// How many deliveries are under way at once.
pub(crate) const AT_ONCE: usize = 64;
/// Deliveries before those that are counted.
const WARM: usize = 1_000;

/// What came of deliveries to a relay in this process.
pub(crate) struct Accepted {
    pub(crate) latencies: Vec<Duration>,
    pub(crate) took: Duration,
}

/// A new journal in a folder, and a relay over it that does not send.
pub(crate) fn relay_over(file: &Path) -> (Arc<SqliteJournal>, Relay) {
    let journal = Arc::new(SqliteJournal::open(file, OpenOptions::new()).expect("a journal"));
    let relay = relay_benches::relay(Arc::clone(&journal)).0;
    (journal, relay)
}

pub(crate) fn delivery(body: String) -> Request<Bytes> {
    let request = Request::post("/events?code=s").body(Bytes::from(body));
    request.expect("a request")
}

/// Accepts the events of these numbers, one a delivery, so many at once.
pub(crate) async fn accept(relay: &Relay, numbers: std::ops::Range<usize>, n_at_once: usize) -> Accepted {
    let n = numbers.len();
    let bodies: Arc<Vec<String>> = Arc::new(numbers.map(relay_benches::model_registered).collect());
    let next = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let tasks: Vec<_> = (0..n_at_once)
        .map(|_| {
            let (relay, bodies, next) = (relay.clone(), Arc::clone(&bodies), Arc::clone(&next));
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let delivery = delivery(body.clone());
                    let sent = Instant::now();
                    assert_eq!(relay.accept(delivery).await.status(), 200);
                    latencies.push(sent.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::with_capacity(n);
    for task in tasks {
        latencies.extend(task.await.expect("accepted"));
    }
    let took = begin.elapsed();
    latencies.sort_unstable();
    assert_eq!(latencies.len(), n);
    Accepted { latencies, took }
}

/// 64 deliveries of one event at once: commits, and the rate beside bare inserts of the same rows in batches of the same size.
pub(crate) async fn durable(folder: &Path, n: usize, n_rounds: usize) -> Row {
    let (mut ours, mut bare_rates, mut commits, mut p99s) = (Vec::new(), Vec::new(), 0, Vec::new());
    for round in 0..n_rounds {
        let file = folder.join(format!("durable-{round}.db"));
        let (journal, relay) = relay_over(&file);
        accept(&relay, 0..WARM, AT_ONCE).await;
        let before = journal.n_commits();
        let accepted = accept(&relay, WARM..WARM + n, AT_ONCE).await;
        let made = journal.n_commits() - before;
        commits += made;
        ours.push(n as f64 / accepted.took.as_secs_f64());
        p99s.push(quantile_ms(&accepted.latencies, 0.99));
        drop(relay);
        journal.close().expect("closed");
        let batch = n.div_ceil(usize::try_from(made).expect("a number"));
        bare_rates.push(bare::inserts(
            &file,
            &folder.join(format!("bare-{round}.db")),
            WARM,
            batch,
        ));
    }
    let per_commit = (n * n_rounds) as f64 / commits as f64;
    let ratios = sorted(
        ours.iter()
            .zip(&bare_rates)
            .map(|(ours, bare)| ours / bare)
            .collect(),
    );
    let ratio = median(&ratios);
    Row {
        measure: "durable accept: 64 concurrent deliveries of one event, SQLite, in process",
        goal: "at most 1 commit per 16 events; at least 70 % of the rate of bare batched inserts of the same rows",
        reached: format!(
            "1 commit per {per_commit:.1} events; {:.0} % ({:.0} to {:.0} %): {:.0} events/s beside {:.0}",
            ratio * 100.0,
            ratios[0] * 100.0,
            ratios[ratios.len() - 1] * 100.0,
            median(&sorted(ours.clone())),
            median(&sorted(bare_rates.clone())),
        ),
        is_met: per_commit >= 16.0 && ratio >= 0.7,
        figures: json!({
            "events": n, "events_per_commit": per_commit, "events_per_s": ours, "bare_events_per_s": bare_rates,
            "accept_p99_ms": p99s,
        }),
    }
}

/// The whole life of events, 16 at once: nothing but relay and journal, for whoever looks for where the time goes.
pub(crate) async fn cycle(folder: &Path, n: usize) {
    const AT_ONCE: usize = 16;
    let journal =
        Arc::new(SqliteJournal::open(folder.join("cycle.db"), OpenOptions::new()).expect("a journal"));
    let (relay, github) = relay_benches::relay(Arc::clone(&journal));
    for first in (0..n).step_by(AT_ONCE) {
        accept(&relay, first..first + AT_ONCE, AT_ONCE).await;
        relay.run_due().await.expect("a round");
    }
    assert_eq!(github.requests().len(), n.next_multiple_of(AT_ONCE));
    println!("{:.1} events per commit", n as f64 / journal.n_commits() as f64);
}

/// One delivery of 5,000 events.
pub(crate) async fn large(folder: &Path) -> Row {
    const EVENTS: usize = 5_000;
    let (mut took, mut commits, mut bytes) = (Vec::new(), 0, 0);
    for round in 0..3 {
        let (journal, relay) = relay_over(&folder.join(format!("large-{round}.db")));
        let elements: Vec<String> = (0..EVENTS).map(relay_benches::short).collect();
        let body = format!("[{}]", elements.join(","));
        bytes = body.len();
        let before = journal.n_commits();
        let begin = Instant::now();
        assert_eq!(relay.accept(delivery(body)).await.status(), 200);
        took.push(begin.elapsed().as_secs_f64());
        assert_eq!(relay.counts().accepted, u64::try_from(EVENTS).expect("a number"));
        commits = commits.max(journal.n_commits() - before);
    }
    let took = sorted(took);
    Row {
        measure: "one delivery of 5,000 events, SQLite, in process",
        goal: "answered well under 10 s, accepted in few transactions",
        reached: format!(
            "{:.2} to {:.2} s for {:.2} MB, {commits} commit",
            took[0],
            took[took.len() - 1],
            bytes as f64 / 1e6
        ),
        is_met: took[took.len() - 1] < 5.0 && commits <= 4,
        figures: json!({"events": EVENTS, "bytes": bytes, "seconds": took, "commits": commits}),
    }
}

pub(crate) fn sorted(mut numbers: Vec<f64>) -> Vec<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers
}

pub(crate) fn median(sorted: &[f64]) -> f64 {
    sorted[(sorted.len() - 1) / 2]
}
