//! **Here**: time and allocations of every way to read a body, side by side; tables on standard output.
//! **Not here**: instructions (`instructions.sh`, by way of `--only`).
//! **Reads**: `contenders`.
//! **Source**: `benches/RESULTS.md` says how to reproduce what is published.

mod contenders;
mod counting;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use contenders::{CLOUD_EVENTS, EVENT_GRID, Read};

/// Reads the same events in every way and says what it costs.
#[derive(Debug, Parser)]
struct Arguments {
    /// Run one way alone, for a counter of instructions: its number in the list of its schema.
    #[arg(long)]
    only: Option<usize>,
    /// CloudEvents instead of the Event Grid schema, with --only.
    #[arg(long)]
    cloud: bool,
    /// Events of a body, with --only.
    #[arg(long, default_value_t = 100)]
    events: usize,
    /// How many times the body is read, with --only.
    #[arg(long, default_value_t = 1)]
    times: usize,
    /// Only what does not depend on the clock: check sums, and the allocations that we promise.
    #[arg(long)]
    check: bool,
    /// Rounds of each measurement; the median counts.
    #[arg(long, default_value_t = 101)]
    rounds: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(only) = arguments.only {
        let ways: &[(&str, Read)] = if arguments.cloud {
            &CLOUD_EVENTS
        } else {
            &EVENT_GRID
        };
        let body = contenders::body(arguments.events, arguments.cloud);
        for _ in 0..arguments.times {
            black_box(ways[only].1(black_box(&body)));
        }
        return ExitCode::SUCCESS;
    }
    let mut kept = true;
    for (schema, cloud) in [("Event Grid schema", false), ("CloudEvents", true)] {
        let ways: &[(&str, Read)] = if cloud { &CLOUD_EVENTS } else { &EVENT_GRID };
        for n in [1, 10, 100, 1_000] {
            let body = contenders::body(n, cloud);
            same_sums(ways, &body);
            let allocations: Vec<(u64, u64)> = ways
                .iter()
                .map(|(_, read)| counting::of(|| _ = black_box(read(black_box(&body)))))
                .collect();
            // The vector of the elements, and one more where the first of them was longer than the others.
            let bound = 2;
            kept &= allocations[1].0 <= bound;
            if arguments.check {
                println!(
                    "{schema}, {n}: a view makes {} allocation(s), at most {bound}",
                    allocations[1].0
                );
                continue;
            }
            let nanos = medians(ways, &body, arguments.rounds);
            println!("\n{schema}, {n} event(s), {} bytes\n", body.len());
            println!("| way | ns an event | to skipping | allocations an event | bytes allocated an event |");
            println!("| --- | --: | --: | --: | --: |");
            for (index, (way, _)) in ways.iter().enumerate() {
                let each = |total: f64| total / n as f64;
                let (calls, bytes) = allocations[index];
                println!(
                    "| {way} | {:.0} | {:.2} | {:.2} | {:.0} |",
                    each(nanos[index]),
                    nanos[index] / nanos[0],
                    each(calls as f64),
                    each(bytes as f64)
                );
            }
        }
    }
    if kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Every way that types the payload gives the same sum.
fn same_sums(ways: &[(&str, Read)], body: &[u8]) {
    let expected = ways[2].1(body);
    for (way, read) in &ways[3..] {
        assert_eq!(read(body), expected, "{way} reads something else");
    }
}

/// Nanoseconds of one body in every way: medians of rounds in which each way has its turn, so that noise meets all of them.
fn medians(ways: &[(&str, Read)], body: &[u8], rounds: usize) -> Vec<f64> {
    // Long enough for the clock, short enough for many rounds.
    let times = (200_000 / body.len()).max(1);
    let mut nanos = vec![Vec::with_capacity(rounds); ways.len()];
    for round in 0..=rounds {
        for ((_, read), nanos) in ways.iter().zip(&mut nanos) {
            #[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
            let start = Instant::now();
            for _ in 0..times {
                black_box(read(black_box(body)));
            }
            // The first round warms up.
            if round > 0 {
                nanos.push(start.elapsed().as_nanos() as f64 / times as f64);
            }
        }
    }
    let median = |mut nanos: Vec<f64>| {
        nanos.sort_by(f64::total_cmp);
        nanos[nanos.len() / 2]
    };
    nanos.into_iter().map(median).collect()
}
