//! One event against many routes, of which the last one wants it.
#![expect(clippy::expect_used, reason = "a bench stops at the first wrong answer")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eventgrid_schema::Event;
use relay_core::rules::{EventView, RouteConfig, RuleSet};

fn route(c: &mut Criterion) {
    let event = Event::parse_element(relay_benches::element()).expect("an event");
    let view = EventView::of(&event).expect("readable");
    let model = view.model().expect("a model").to_owned();
    let mut group = c.benchmark_group("route");
    for n in [1, 10, 100, 1_000] {
        let configs = (0..n).map(|i| {
            let mut config = RouteConfig::new(format!("r{i}"), format!("contoso/deploy-{i}"));
            config.models = vec![if i + 1 == n {
                model.clone()
            } else {
                format!("other-{i}-*")
            }];
            config
        });
        let rules = RuleSet::load(configs).expect("rules");
        group.throughput(Throughput::Elements(n));
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
    }
    group.finish();
}

criterion_group!(benches, route);
criterion_main!(benches);
