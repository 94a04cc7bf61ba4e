//! The whole path but the network: delivered, accepted, claimed, dispatched to a double, settled.
#![expect(clippy::expect_used, reason = "a bench stops at the first wrong answer")]

use std::sync::atomic::{AtomicUsize, Ordering};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use relay_core::journal::{Journal, MemoryJournal};
use relay_sqlite::{OpenOptions, SqliteJournal};
use tokio::runtime::Runtime;

fn one_release(c: &mut Criterion, name: &str, journal: impl Journal + 'static, runtime: &Runtime) {
    let (relay, github) = relay_benches::relay(journal);
    let n_released = AtomicUsize::new(0);
    let mut group = c.benchmark_group("flow");
    group.throughput(Throughput::Elements(1));
    group.bench_function(format!("one_release_{name}"), |b| {
        let release = |delivery| {
            runtime.block_on(async {
                assert_eq!(relay.accept(delivery).await.status(), 200);
                let round = relay.run_due().await.expect("a round");
                assert!(round.n_done > 0);
            });
            n_released.fetch_add(1, Ordering::Relaxed);
        };
        b.iter_batched(relay_benches::fresh_delivery, release, BatchSize::SmallInput);
    });
    group.finish();
    // Each was sent, and none of them more than one time.
    assert_eq!(github.requests().len(), n_released.load(Ordering::Relaxed));
}

fn flow(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    one_release(c, "memory", MemoryJournal::new(), &runtime);
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = SqliteJournal::open(folder.path().join("relay.db"), OpenOptions::new()).expect("a journal");
    one_release(c, "sqlite", sqlite, &runtime);
}

criterion_group!(benches, flow);
criterion_main!(benches);
