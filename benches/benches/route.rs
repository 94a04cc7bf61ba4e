//! One event against many routes, of which the last one wants it.
#![expect(clippy::expect_used, reason = "a bench stops at the first wrong answer")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eventgrid_schema::Event;
use relay_core::rules::{ConditionConfig, EventView, Operator, RouteConfig, Router as _, RuleSet};
use serde_json::json;

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
        // As the intake asks: the routes of the event's type, and what they are.
        group.bench_with_input(
            BenchmarkId::new("router", format!("{n}_routes")),
            &rules,
            |b, rules| b.iter(|| assert_eq!(rules.route(&view).len(), 1)),
        );
    }
    // Every route looks at three fields of `data` before it knows.
    let n: u64 = 100;
    let configs = (0..n).map(|i| {
        let mut config = RouteConfig::new(format!("r{i}"), format!("contoso/deploy-{i}"));
        let team = if i + 1 == n {
            "QUAY".to_owned()
        } else {
            format!("team-{i}")
        };
        config.conditions = vec![
            ConditionConfig::test("data.modelVersion", Operator::NumberGreaterThanOrEquals, 7),
            ConditionConfig::test(
                "data.modelTags.season",
                Operator::StringNotIn,
                json!(["summer", "spring"]),
            ),
            ConditionConfig::test("data.modelTags.team", Operator::StringIn, json!([team, "none"])),
        ];
        config
    });
    let rules = RuleSet::load(configs).expect("rules");
    group.throughput(Throughput::Elements(n));
    group.bench_with_input(
        BenchmarkId::new("conditions", format!("{n}_routes")),
        &rules,
        |b, rules| b.iter(|| assert_eq!(rules.route(&view).len(), 1)),
    );
    group.finish();
}

criterion_group!(benches, route);
criterion_main!(benches);
