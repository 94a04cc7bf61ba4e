//! A delivery of one event to a durable 200: in memory, and with SQLite (each 200 is synced to the disk of this machine).
#![expect(clippy::expect_used, reason = "a bench stops at the first wrong answer")]

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use relay_core::Relay;
use relay_core::journal::MemoryJournal;
use relay_sqlite::{OpenOptions, SqliteJournal};
use tokio::runtime::Runtime;

fn accept(c: &mut Criterion, journal: &str, relay: &Relay, runtime: &Runtime) {
    let mut group = c.benchmark_group("journal");
    for at_once in [1, 8, 64] {
        group.throughput(Throughput::Elements(at_once));
        group.bench_function(
            BenchmarkId::new(format!("accept_{journal}"), format!("{at_once}_at_once")),
            |b| {
                let setup = || {
                    (0..at_once)
                        .map(|_| relay_benches::fresh_delivery())
                        .collect::<Vec<_>>()
                };
                let accept_all = |deliveries: Vec<_>| {
                    let answers =
                        runtime.block_on(join_all(deliveries.into_iter().map(|one| relay.accept(one))));
                    assert!(answers.iter().all(|answer| answer.status() == 200));
                };
                b.iter_batched(setup, accept_all, BatchSize::SmallInput);
            },
        );
    }
    group.finish();
}

fn journal(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = SqliteJournal::open(folder.path().join("relay.db"), OpenOptions::new()).expect("a journal");
    accept(
        c,
        "memory",
        &relay_benches::relay(MemoryJournal::new()).0,
        &runtime,
    );
    accept(c, "sqlite", &relay_benches::relay(sqlite).0, &runtime);
}

criterion_group!(benches, journal);
criterion_main!(benches);
