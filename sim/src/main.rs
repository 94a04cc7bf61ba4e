//! The long runs: `relay-sim --seeds 100000`, and one seed to look at: `relay-sim --seed 4711 --trace`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports")]

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use relay_sim::crash::Case;
use relay_sim::model::{self, Wrong};
use relay_sim::plan::Engine;
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
    /// Stops the process at every step of every case instead.
    #[arg(long)]
    crash: bool,
    /// Stops it at any two of them.
    #[arg(long)]
    crash_pairs: bool,
    /// Tries so many sequences of operations on the journal in memory and on the model of it instead.
    #[arg(long)]
    journal_cases: Option<u64>,
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
    if let Some(cases) = arguments.journal_cases {
        return journal_model(&arguments, cases);
    }
    match arguments.seed {
        Some(seed) => one(seed, arguments.trace),
        None if arguments.sabotaged => sabotaged(&arguments),
        None if arguments.crash || arguments.crash_pairs => crashes(&arguments),
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

/// Cases of the journal in memory for pairs; of both journals for single stops.
fn crashes(arguments: &Arguments) -> ExitCode {
    let mut line = Line::begin(
        if arguments.crash_pairs {
            "crash_pairs"
        } else {
            "crash"
        },
        Some(1),
    );
    let mut cases = Case::all(Engine::Memory);
    if !arguments.crash_pairs {
        cases.extend(Case::all(Engine::Sqlite));
    }
    let mut work = Vec::new();
    for case in &cases {
        let steps: Vec<usize> = case.steps().into_iter().map(|(step, _)| step).collect();
        for (index, first) in steps.iter().enumerate() {
            if arguments.crash_pairs {
                let seconds = steps.iter().skip(index + 1);
                work.extend(seconds.map(|second| (*case, vec![*first, *second])));
            } else {
                work.push((*case, vec![*first]));
            }
        }
    }
    let figures = Mutex::new(Figures::new());
    each(0..work.len() as u64, arguments.threads, |index| {
        let work_at = usize::try_from(index).ok().and_then(|index| work.get(index));
        let Some((case, stops)) = work_at else {
            return ControlFlow::Break(());
        };
        let outcome = case.run(stops);
        let mut figures = figures.lock().unwrap_or_else(PoisonError::into_inner);
        for (what, n) in &outcome.figures {
            *figures.entry(what).or_default() += n;
        }
        let done = figures.entry("cases").or_default();
        *done += 1;
        if done.is_multiple_of(10_000) {
            eprintln!("{done} of {}", work.len());
        }
        if let Some(what) = outcome.broken {
            eprintln!("{case:?}, stopped at {stops:?}: {what}");
            *figures.entry("promises broken").or_default() += 1;
        }
        ControlFlow::Continue(())
    });
    let figures = figures.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{}", serde_json::json!(figures));
    for (name, what) in [
        ("stops", "stops without warning"),
        ("requests", "requests"),
        ("runs_started", "runs started"),
        ("requests_orphaned", "requests orphaned"),
        ("parked", "verdicts: parked"),
        ("promises_broken", "promises broken"),
    ] {
        line = line.with(name, figures.get(what).copied().unwrap_or(0));
    }
    let broken = figures.get("promises broken").copied().unwrap_or(0);
    let n_cases = figures.get("cases").copied().unwrap_or(0);
    line = line.with(
        "policies_lanes_conducts_downtimes",
        Case::all(Engine::Memory).len(),
    );
    written(line, n_cases, arguments.record.as_deref(), broken)
}

/// What the line of the journal's cases says: its name, and what was counted.
const JOURNAL_FIGURES: [(&str, &str); 16] = [
    ("operations", "operations"),
    ("events_accepted", "events accepted"),
    ("events_seen_again", "events seen again"),
    ("sends", "sends"),
    ("looks", "looks"),
    ("sent_again_after_a_look", "sent again after a look"),
    ("outcomes", "outcomes"),
    ("outcomes_fenced_off", "outcomes fenced off"),
    ("commands", "commands"),
    ("commands_refused", "commands refused"),
    ("dispatched", "dispatched"),
    ("superseded", "superseded"),
    ("parked", "parked"),
    ("refused", "refused"),
    ("cancelled", "cancelled"),
    ("differences", "differences"),
];

/// The journal against the model, until a case differs ten times.
fn journal_model(arguments: &Arguments, cases: u64) -> ExitCode {
    let (from, end) = match arguments.seed {
        Some(seed) => (seed, seed.saturating_add(1)),
        None => (arguments.from, arguments.from.saturating_add(cases)),
    };
    let mut line = Line::begin("journal_model", Some(from));
    let result: Mutex<(u64, Figures)> = Mutex::default();
    each(from..end, arguments.threads, |seed| {
        let tried = model::case::run(seed, Wrong::Nothing);
        let mut result = result.lock().unwrap_or_else(PoisonError::into_inner);
        result.0 += 1;
        for (what, n) in &tried.figures {
            *result.1.entry(what).or_default() += n;
        }
        if arguments.trace || tried.broken.is_some() {
            eprintln!(
                "seed {seed}: {:?}\n  {}",
                tried.broken,
                tried.operations.join("\n  ")
            );
        }
        if tried.broken.is_some() {
            *result.1.entry("differences").or_default() += 1;
        }
        if result.0.is_multiple_of(50_000) {
            eprintln!("{} cases", result.0);
        }
        if result.1.get("differences") == Some(&10) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    let (count, figures) = result.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{}", serde_json::json!(figures));
    for (name, what) in JOURNAL_FIGURES {
        line = line.with(name, figures.get(what).copied().unwrap_or(0));
    }
    let differences = figures.get("differences").copied().unwrap_or(0);
    written(line, count, arguments.record.as_deref(), differences)
}

/// Tries each of these numbers, on so many threads, until one says that it is enough.
fn each(numbers: Range<u64>, threads: u64, tried: impl Fn(u64) -> ControlFlow<()> + Sync) {
    let next = AtomicU64::new(numbers.start);
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        return;
                    }
                    if tried(number).is_break() {
                        next.store(numbers.end, Ordering::Relaxed);
                    }
                }
            });
        }
    });
}

fn written(line: Line, count: u64, record: Option<&Path>, broken: u64) -> ExitCode {
    if let Some(path) = record
        && let Err(error) = line.end(count, path)
    {
        eprintln!("the line could not be written: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::from(u8::from(broken > 0))
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
    let seeds = arguments.from..arguments.from.saturating_add(arguments.seeds);
    let result: Mutex<(u64, Figures)> = Mutex::default();
    each(seeds, arguments.threads, |seed| {
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
        ControlFlow::Continue(())
    });
    let (count, figures) = result.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{}", serde_json::json!(figures));
    for (name, parts) in FIGURES {
        let sum: u64 = parts.iter().filter_map(|part| figures.get(part)).sum();
        line = line.with(name, sum);
    }
    let broken = figures.get("promises broken").copied().unwrap_or(0);
    written(line, count, arguments.record.as_deref(), broken)
}
