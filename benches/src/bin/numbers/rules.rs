//! **Here**: what it takes to find the routes that want an event.
//! **Not here**: other numbers of routes (`benches/benches/route.rs`).
//! **Reads**: `relay_core::rules`, as the intake asks.
//! **Source**: our own.

use std::time::Instant;

use eventgrid_schema::Event;
use relay_benches::{element, routes_by_conditions, routes_by_model};
use relay_core::rules::{EventView, Router as _, RuleSet};
use serde_json::{Value, json};

use crate::report::Row;

const ROUTES: usize = 100;
const CALLS: u32 = 2_000;

/// 100 routes and one event that the last of them wants, by the name of the model and by three fields of `data`.
pub(crate) fn row(rounds: usize) -> Row {
    let ways = [
        ("by model", routes_by_model(ROUTES)),
        ("by three conditions each", routes_by_conditions(ROUTES)),
    ];
    let mut taken = ways.each_ref().map(|_| Vec::with_capacity(rounds));
    for _ in 0..rounds {
        for ((_, rules), taken) in ways.iter().zip(&mut taken) {
            taken.push(microseconds(rules));
        }
    }
    for taken in &mut taken {
        taken.sort_by(f64::total_cmp);
    }
    let said = ways.iter().zip(&taken).map(|((name, _), taken)| {
        let (middle, most) = (taken[rounds / 2], taken[rounds - 1]);
        format!("{name} {middle:.2} us, at most {most:.2}")
    });
    let reached = said.collect::<Vec<_>>().join("; ");
    let figures = ways.iter().zip(&taken).map(
        |((name, _), taken)| json!({"routes": ROUTES, "calls_per_round": CALLS, "way": name, "us": taken}),
    );
    Row {
        measure: "rules: 100 routes x 1 event, which the last one wants; medians of rounds of 2,000 events",
        goal: "under 20 us",
        is_met: taken.iter().flatten().all(|us| *us < 20.0),
        reached,
        figures: Value::Array(figures.collect()),
    }
}

/// One event, from its text already read to the routes that want it: the mean of a round.
fn microseconds(rules: &RuleSet) -> f64 {
    let event = Event::parse_element(element()).expect("an event");
    let begin = Instant::now();
    for _ in 0..CALLS {
        let view = EventView::of(&event).expect("readable");
        assert_eq!(rules.route(&view).len(), 1, "one route wants it");
    }
    begin.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
}
