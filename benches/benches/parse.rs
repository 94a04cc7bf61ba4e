//! Bytes to events: the elements alone, and with their payloads typed, beside `serde_json` merely skipping the bytes.
#![expect(clippy::expect_used, reason = "a bench stops at the first wrong answer")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eventgrid_schema::{AmlEvent, Batch};
use serde::de::IgnoredAny;

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    for n in [1, 10, 100, 1_000] {
        let body = relay_benches::body(n);
        group.throughput(Throughput::Bytes(body.len() as u64));
        let id = |what: &str| BenchmarkId::new(what, format!("{n}_events"));
        group.bench_with_input(id("skipped_by_serde_json"), &body, |b, body| {
            b.iter(|| serde_json::from_str::<IgnoredAny>(body).expect("JSON"));
        });
        group.bench_with_input(id("envelopes"), &body, |b, body| {
            b.iter(|| {
                let batch = Batch::parse(body.as_bytes()).expect("a batch");
                assert_eq!(batch.iter().filter(|element| element.event().is_ok()).count(), n);
            });
        });
        group.bench_with_input(id("payloads"), &body, |b, body| {
            b.iter(|| {
                let batch = Batch::parse(body.as_bytes()).expect("a batch");
                let typed = batch
                    .iter()
                    .filter_map(|element| element.event().ok()?.aml().ok())
                    .filter(|event| matches!(event, AmlEvent::ModelRegistered(_)));
                assert_eq!(typed.count(), n);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
