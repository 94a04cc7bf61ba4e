//! The long runs: `relay-sim --seeds 100000`, and one seed to look at: `relay-sim --seed 4711 --trace`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use relay_sim::stage::Figures;
use relay_sim::{Options, Outcome, Sabotage, run};
use relay_tidy::reliability::Line;

/// Runs the relay in virtual time.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 300)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Only this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Breaks the relay in every way that is known, and tells which seed shows it to the judge.
    #[arg(long)]
    sabotaged: bool,
    /// Prints what happened.
    #[arg(long)]
    trace: bool,
    /// How many at a time.
    #[arg(long, default_value_t = 1)]
    threads: u64,
    /// The file that gets the line of this run.
    #[arg(long)]
    record: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.seed {
        Some(seed) => one(seed, arguments.trace),
        None if arguments.sabotaged => sabotaged(&arguments),
        None => many(&arguments),
    }
}

fn sabotaged(arguments: &Arguments) -> ExitCode {
    let mut missed = 0;
    for (sabotage, _) in Sabotage::ALL {
        let seeds = arguments.from..arguments.from.saturating_add(arguments.seeds);
        let options = Options {
            sabotage,
            ..Options::default()
        };
        let found = seeds
            .into_iter()
            .find_map(|seed| Some((seed, run(seed, options).broken?)));
        missed += u32::from(found.is_none());
        println!("{sabotage:?}: {found:?}");
    }
    ExitCode::from(u8::from(missed > 0))
}

fn one(seed: u64, trace: bool) -> ExitCode {
    let outcome = run(
        seed,
        Options {
            trace,
            ..Options::default()
        },
    );
    for line in &outcome.trace {
        println!("{line}");
    }
    println!(
        "{}",
        serde_json::json!({"seed": seed, "digest": format!("{:016x}", outcome.digest.0), "figures": outcome.figures})
    );
    failed(&outcome)
}

fn failed(outcome: &Outcome) -> ExitCode {
    let Some(broken) = &outcome.broken else {
        return ExitCode::SUCCESS;
    };
    eprintln!(
        "seed {}: {broken}\n  cargo run --release -p relay-sim -- --seed {} --trace",
        outcome.seed, outcome.seed
    );
    ExitCode::FAILURE
}

/// The figures of the line: each a sum of what the simulations counted.
const FIGURES: [(&str, &[&str]); 16] = [
    ("events_accepted", &["events accepted"]),
    (
        "delivered_again",
        &["deliveries repeated after a failure", "deliveries copied"],
    ),
    ("stops", &["stops without warning", "orderly stops"]),
    (
        "journal_failures",
        &[
            "journal failures before the write",
            "journal failures after the write",
        ],
    ),
    ("clock_jumps", &["jumps back", "jumps forward"]),
    ("commands", &["commands"]),
    ("requests", &["requests"]),
    ("runs_started", &["runs started"]),
    (
        "answers_lost_or_5xx",
        &[
            "answers lost",
            "answers: 5xx, and a run started",
            "answers: 5xx, and nothing started",
        ],
    ),
    (
        "limits_met",
        &[
            "answers: primary limit",
            "answers: secondary limit",
            "answers: limit out of nowhere",
        ],
    ),
    (
        "answers_4xx_3xx",
        &[
            "answers: 401",
            "answers: 403",
            "answers: 404",
            "answers: 301",
            "answers: 422",
        ],
    ),
    ("sent_again_after_a_look", &["requests repeated after a look"]),
    (
        "runs_hidden_beyond_the_window",
        &["runs hidden longer than the longest window"],
    ),
    (
        "doubles_of_hidden_runs",
        &["doubles of runs hidden longer than the window"],
    ),
    ("parked", &["verdicts: parked"]),
    ("promises_broken", &["promises broken"]),
];

fn many(arguments: &Arguments) -> ExitCode {
    let mut line = Line::begin("simulation", Some(arguments.from));
    let (next, end) = (
        AtomicU64::new(arguments.from),
        arguments.from.saturating_add(arguments.seeds),
    );
    let result: Mutex<(u64, Figures)> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let outcome = run(seed, Options::default());
                    let mut result = result.lock().unwrap_or_else(PoisonError::into_inner);
                    result.0 += 1;
                    for (what, n) in &outcome.figures {
                        *result.1.entry(what).or_default() += n;
                    }
                    if outcome.broken.is_some() {
                        failed(&outcome);
                        *result.1.entry("promises broken").or_default() += 1;
                    }
                    if result.0.is_multiple_of(1_000) {
                        let broken = result.1.get("promises broken").copied().unwrap_or(0);
                        eprintln!("{} seeds, {broken} broke a promise", result.0);
                    }
                }
            });
        }
    });
    let (count, figures) = result.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{}", serde_json::json!(figures));
    for (name, parts) in FIGURES {
        let sum: u64 = parts.iter().filter_map(|part| figures.get(part)).sum();
        line = line.with(name, sum);
    }
    if let Some(path) = &arguments.record
        && let Err(error) = line.end(count, path)
    {
        eprintln!("the line could not be written: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::from(u8::from(figures.contains_key("promises broken")))
}
