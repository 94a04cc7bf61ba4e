//! **Here**: the tables of a whole run: what one dispatch costs, then many at a time, then crates.
//! **Not here**: one turn (`sender`), instructions (`instructions.sh`), sizes (`weight.sh`).
//! **Reads**: `sender`, `crates`.
//! **Source**: our own: turns in every round, so that whatever disturbs the machine meets all contenders.

use crate::contenders::{CONTENDERS, Policy};
use crate::crates;
use crate::sender::{Outcome, Turn};

/// Dispatches that are counted, and those before them: the first ones fill what is kept, such as the scheduler's own lists.
pub(crate) const N_COUNTED: u64 = 200;
const N_WARM: u64 = 20;
/// How many are under way at a time.
pub(crate) const N_AT_A_TIME: u64 = 64;

/// Connections, allocations and logs of one dispatch.
pub(crate) fn one_at_a_time() {
    println!("\nOne dispatch of {N_COUNTED}, one after another, after {N_WARM}:\n");
    println!(
        "| contender | connections | connections of a dispatch | allocations | bytes allocated | bytes logged, by crate | shows the token |"
    );
    println!("| --- | --- | --: | --: | --: | --- | --: |");
    for policy in Policy::ALL {
        for (name, _) in CONTENDERS {
            let counted = counted(name, policy);
            let listened = listened(name, policy);
            let n = N_COUNTED as f64;
            let logged: Vec<String> = listened
                .logged
                .iter()
                .map(|(name, [_, n_bytes, _])| format!("`{name}` {:.0}", *n_bytes as f64 / n))
                .collect();
            let logged = if logged.is_empty() {
                "none".to_owned()
            } else {
                logged.join(", ")
            };
            let n_leaks: u64 = listened.logged.values().map(|[_, _, n_leaks]| n_leaks).sum();
            println!(
                "| `{name}` | {} | {:.3} | {:.2} | {:.0} | {logged} | {n_leaks} |",
                policy.name(),
                counted.n_connections as f64 / (N_COUNTED + N_WARM) as f64,
                counted.n_allocations as f64 / n,
                counted.n_allocated_bytes as f64 / n,
            );
        }
    }
}

/// A turn whose allocations are counted.
pub(crate) fn counted(name: &str, policy: Policy) -> Outcome {
    let turn = Turn {
        n_warm: N_WARM,
        counts: true,
        ..Turn::of(name, policy, N_COUNTED)
    };
    turn.run()
}

/// A turn whose logs are listened to.
pub(crate) fn listened(name: &str, policy: Policy) -> Outcome {
    let turn = Turn {
        n_warm: N_WARM,
        listens: true,
        ..Turn::of(name, policy, N_COUNTED)
    };
    turn.run()
}

/// Many dispatches, many at a time. The first round warms up, and each round begins with another contender.
pub(crate) fn many_at_a_time(n_times: u64, n_rounds: usize) {
    for policy in Policy::ALL {
        let mut outcomes: Vec<Vec<Outcome>> = vec![Vec::new(); CONTENDERS.len()];
        for round in 0..=n_rounds {
            for turn in 0..CONTENDERS.len() {
                let index = (round + turn) % CONTENDERS.len();
                let turn = Turn {
                    n_warm: N_AT_A_TIME,
                    n_at_a_time: N_AT_A_TIME,
                    ..Turn::of(CONTENDERS[index].0, policy, n_times)
                };
                let outcome = turn.run();
                if round > 0 {
                    outcomes[index].push(outcome);
                }
            }
        }
        print_many(policy, n_times, &outcomes);
    }
}

fn print_many(policy: Policy, n_times: u64, outcomes: &[Vec<Outcome>]) {
    let n_rounds = outcomes[0].len();
    println!(
        "\n{n_times} dispatches, {N_AT_A_TIME} at a time, connections {}, {n_rounds} rounds:\n",
        policy.name()
    );
    println!(
        "| contender | wall, ms | least to most | to `octocrab` | CPU, ms | least to most | to `octocrab` | connections |"
    );
    println!("| --- | --: | --: | --: | --: | --: | --: | --: |");
    let of = |index: usize, number: fn(&Outcome) -> u64| sorted(&outcomes[index], number);
    let reference = CONTENDERS
        .iter()
        .position(|(name, _)| *name == "octocrab")
        .expect("it is there");
    for (index, (name, _)) in CONTENDERS.iter().enumerate() {
        print!("| `{name}` |");
        for number in [|one: &Outcome| one.wall_micros, |one: &Outcome| one.cpu_micros] {
            let (mine, theirs) = (of(index, number), of(reference, number));
            print!(
                " {:.0} | {:.0} to {:.0} | {:.2} |",
                median(&mine) / 1e3,
                mine[0] / 1e3,
                mine[mine.len() - 1] / 1e3,
                median(&mine) / median(&theirs),
            );
        }
        println!(" {:.0} |", median(&of(index, |one| one.n_connections)));
    }
}

fn sorted(outcomes: &[Outcome], number: impl Fn(&Outcome) -> u64) -> Vec<f64> {
    let mut numbers: Vec<f64> = outcomes.iter().map(|one| number(one) as f64).collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

fn median(sorted: &[f64]) -> f64 {
    sorted[(sorted.len() - 1) / 2]
}

/// Crates of the smallest program.
pub(crate) fn weight() {
    println!("\n| smallest program | crates |\n| --- | --: |");
    for feature in crates::FEATURES {
        println!("| `{feature}` | {} |", crates::count(feature));
    }
}
