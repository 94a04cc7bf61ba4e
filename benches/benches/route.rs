//! One event against many routes, of which the last one wants it.
#![expect(clippy::expect_used, reason = "a bench stops at the first wrong answer")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eventgrid_schema::Event;
use relay_benches::{routes_by_conditions, routes_by_model};
use relay_core::rules::{EventView, Router as _};

fn route(c: &mut Criterion) {
    let event = Event::parse_element(relay_benches::element()).expect("an event");
    let view = EventView::of(&event).expect("readable");
    let mut group = c.benchmark_group("route");
    for n in [1, 10, 100, 1_000] {
        let rules = routes_by_model(n);
        group.throughput(Throughput::Elements(n as u64));
        group.bench_with_input(
            BenchmarkId::new("match", format!("{n}_routes")),
            &rules,
            |b, rules| {
                b.iter(|| {
                    let wanted = rules.routes().iter().filter(|route| route.wants(&view));
                    assert_eq!(wanted.count(), 1);
                });
            },
        );
        // As the intake asks: the routes of the event's type, and what they are.
        group.bench_with_input(
            BenchmarkId::new("router", format!("{n}_routes")),
            &rules,
            |b, rules| b.iter(|| assert_eq!(rules.route(&view).len(), 1)),
        );
    }
    // Every route looks at three fields of `data` before it knows.
    let n = 100;
    let rules = routes_by_conditions(n);
    group.throughput(Throughput::Elements(n as u64));
    group.bench_with_input(
        BenchmarkId::new("conditions", format!("{n}_routes")),
        &rules,
        |b, rules| b.iter(|| assert_eq!(rules.route(&view).len(), 1)),
    );
    group.finish();
}

criterion_group!(benches, route);
criterion_main!(benches);
