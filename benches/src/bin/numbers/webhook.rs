//! **Here**: the webhook over loopback HTTP, with the durable journal and with none.
//! **Not here**: sending, which is switched off here; the real server (`peers`, `latency`).
//! **Reads**: `load` delivers; `bare` is the other bound.
//! **Source**: our own: the same handler, over another journal.

use std::net::SocketAddr;
use std::path::Path;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use relay_core::Relay;
use relay_core::clock::Timestamp;
use relay_core::journal::item::{EventSeq, ItemId};
use relay_core::journal::scan::{Page, ScanQuery};
use relay_core::journal::{
    AcceptBatch, Acceptance, ClaimRequest, Claimed, Durability, Fate, Journal, JournalError, MemoryJournal,
    Record, Settlement, Written,
};
use serde_json::json;
use tokio::net::TcpListener;

use crate::accept::{AT_ONCE, median, relay_over, sorted};
use crate::bare;
use crate::load;
use crate::report::Row;

/// Says yes to every event and keeps nothing.
#[derive(Debug)]
struct Nothing(MemoryJournal);

#[async_trait]
impl Journal for Nothing {
    fn durability(&self) -> Durability {
        self.0.durability()
    }

    async fn accept(&self, batch: AcceptBatch) -> Result<Acceptance, JournalError> {
        let fate = |_| Fate::Accepted {
            event: EventSeq(1),
            items: vec![ItemId(1)],
        };
        Ok(Acceptance {
            fates: batch.events.iter().map(fate).collect(),
            ..Acceptance::default()
        })
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, JournalError> {
        self.0.claim(request).await
    }

    async fn record(&self, now: Timestamp, batch: Vec<Record>) -> Result<Written, JournalError> {
        self.0.record(now, batch).await
    }

    async fn settle(&self, now: Timestamp, batch: Vec<Settlement>) -> Result<Written, JournalError> {
        self.0.settle(now, batch).await
    }

    async fn scan(&self, query: ScanQuery) -> Result<Page, JournalError> {
        self.0.scan(query).await
    }
}

async fn events(State(relay): State<Relay>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let body: Bytes = body.collect().await.expect("a body").to_bytes();
    relay
        .accept(Request::from_parts(head, body))
        .await
        .map(Body::from)
}

async fn serve(relay: Relay) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new()
        .route("/events", axum::routing::any(events))
        .with_state(relay);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// The handler with a durable journal beside the same one without, and beside bare inserts by a thread that writes.
pub(crate) async fn durable(folder: &Path, n: usize, n_rounds: usize) -> Row {
    let (mut durable, mut without, mut bare_rates) = (Vec::new(), Vec::new(), Vec::new());
    let (mut p99s, mut bare_p99s, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..n_rounds {
        let file = folder.join(format!("webhook-{round}.db"));
        let (journal, relay) = relay_over(&file);
        let with = load::deliver(serve(relay.clone()).await, 0..n, AT_ONCE).await;
        assert_eq!(relay.counts().accepted, u64::try_from(n).expect("a number"));
        journal.close().expect("closed");
        let (relay, _) = relay_benches::relay(Nothing(MemoryJournal::new()));
        let no = load::deliver(serve(relay).await, 0..n, AT_ONCE).await;
        let bare = bare::concurrent(&file, &folder.join(format!("webhook-bare-{round}.db")), AT_ONCE).await;
        shares.push(with.rate() / no.rate().min(bare));
        p99s.push(with.quantile_ms(0.99));
        bare_p99s.push(no.quantile_ms(0.99));
        durable.push(with.rate());
        without.push(no.rate());
        bare_rates.push(bare);
    }
    let shares = sorted(shares);
    let p99_ratio = median(&sorted(p99s.clone())) / median(&sorted(bare_p99s.clone()));
    let of = |numbers: &[f64]| median(&sorted(numbers.to_vec()));
    Row {
        measure: "webhook over loopback HTTP, durable, 64 connections",
        goal: "at least 50 % of the lower of: the same handler without a journal, bare batched inserts at the same concurrency; p99 under 10 x the bare handler's",
        reached: format!(
            "{:.0} % ({:.0} to {:.0} %): {:.0} deliveries/s beside {:.0} without a journal and {:.0} bare inserts/s; p99 {:.1} ms, {p99_ratio:.1} x the bare handler's {:.1} ms",
            median(&shares) * 100.0,
            shares[0] * 100.0,
            shares[shares.len() - 1] * 100.0,
            of(&durable),
            of(&without),
            of(&bare_rates),
            of(&p99s),
            of(&bare_p99s),
        ),
        is_met: median(&shares) >= 0.5 && p99_ratio < 10.0,
        figures: json!({
            "deliveries": n, "durable_per_s": durable, "without_journal_per_s": without, "bare_inserts_per_s": bare_rates,
            "p99_ms": p99s, "without_journal_p99_ms": bare_p99s,
        }),
    }
}
