//! Dispatches whose answer is lost, as many cases as are wanted: `lost_answers [CASES] [SEED]`, 10,000 and 1 by default.
//!
//! Each case draws what is lost, when the run shows (0 to twice the window), how many looks fail, and whether a hidden dispatch is sent
//! again, and panics where a run is doubled inside the window or one beyond it is not reported. Prints a line of JSON at the end.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a program of tests"
)]

#[path = "../tests/it/lost_answers.rs"]
mod lost_answers;

fn main() {
    let number = |n: usize, default: u64| {
        std::env::args()
            .nth(n)
            .map_or(default, |text| text.parse().unwrap())
    };
    let (cases, seed) = (number(1, 10_000), number(2, 1));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let tally = runtime.block_on(lost_answers::cases(seed, cases));
    println!(
        "{{\"seed\":{seed},\"cases\":{},\"found\":{},\"hidden\":{},\"doubled\":{},\"missing\":{},\"repaired\":{},\"failed_looks\":{}}}",
        tally.cases,
        tally.found,
        tally.hidden,
        tally.doubled,
        tally.missing,
        tally.repaired,
        tally.failed_looks
    );
}
