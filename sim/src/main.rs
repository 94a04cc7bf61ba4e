//! The long runs: `relay-sim --seeds 100000`, and one seed to look at: `relay-sim --seed 4711 --trace`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser;
use relay_sim::record::{Run, append};
use relay_sim::stage::Figures;
use relay_sim::{Options, Outcome, Sabotage, run};

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
    /// The commit that the line names.
    #[arg(long, default_value = "unknown")]
    commit: String,
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

fn many(arguments: &Arguments) -> ExitCode {
    let line = Run::begin("simulation", arguments.from, &arguments.commit);
    let (next, end) = (
        AtomicU64::new(arguments.from),
        arguments.from.saturating_add(arguments.seeds),
    );
    let result: Mutex<(u64, Figures, Vec<Outcome>)> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let outcome = run(seed, Options::default());
                    let mut result = result.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    result.0 += 1;
                    for (what, n) in &outcome.figures {
                        *result.1.entry(what).or_default() += n;
                    }
                    if outcome.broken.is_some() {
                        failed(&outcome);
                        result.2.push(outcome);
                    }
                    if result.0.is_multiple_of(1_000) {
                        eprintln!("{} seeds, {} failed", result.0, result.2.len());
                    }
                }
            });
        }
    });
    let (count, figures, failures) = result
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let seeds: Vec<u64> = failures.iter().map(|outcome| outcome.seed).collect();
    let mut figures = serde_json::json!(figures);
    if let Some(figures) = figures.as_object_mut() {
        figures.insert("failed seeds".to_owned(), seeds.clone().into());
    }
    let line = line.end(count, &figures);
    println!("{line}");
    if let Some(path) = &arguments.record
        && let Err(error) = append(path, &line)
    {
        eprintln!("the line could not be written: {error}");
        return ExitCode::FAILURE;
    }
    if seeds.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
