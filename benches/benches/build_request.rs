//! An accepted element to the bytes of a request: template, limits, body.
#![expect(clippy::expect_used, reason = "a bench stops at the first wrong answer")]

use criterion::{Criterion, criterion_group, criterion_main};
use eventgrid_schema::Event;
use github_dispatch::RepositoryDispatch;
use relay_core::key::{DispatchKey, RelayId, ReleaseKey};
use relay_core::rules::{EventView, RouteConfig, RuleSet};

fn build_request(c: &mut Criterion) {
    let rules = RuleSet::load([RouteConfig::new("deploy", "contoso/deploy")]).expect("rules");
    let route = rules.routes().first().expect("a route");
    let relay_id = RelayId::new(
        &DispatchKey::new(&ReleaseKey::of_model("/w", "m", "1"), "deploy"),
        1,
    );
    c.bench_function("build_request/from_element", |b| {
        b.iter(|| {
            let event = Event::parse_element(relay_benches::element()).expect("an event");
            let view = EventView::of(&event).expect("readable");
            let payload = route.payload(&view, &relay_id).expect("a payload");
            let dispatch = RepositoryDispatch::new(
                route.target().event_type().expect("an event type").clone(),
                payload,
            )
            .expect("within limits");
            assert!(dispatch.client_payload().contains_key("relay"));
        });
    });
}

criterion_group!(benches, build_request);
criterion_main!(benches);
