//! The long proof of the promise: the real server killed again and again, and the count at GitHub's stand-in.
//!
//! Replaces: nothing of the hack; this is how we know that a crash neither loses nor repeats a release.
//! Shows: `kill_run -- KILLS [SEED]` runs rounds of 200 events until that many kills have happened, with a line a round.
//! Simplifies: nothing; CI runs one round of it as a test.
#![expect(clippy::print_stdout, reason = "a program talks to whoever runs it")]

use std::time::Duration;

use clap::Parser;
use relay_examples::kill::{Plan, run};
use relay_examples::server::Failed;

/// Kills the real server at random points and counts at the stand-in.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many kills, over as many rounds of 200 events as it takes.
    kills: usize,
    /// Where the random numbers begin.
    #[arg(default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments = Arguments::parse();
    let (mut kills, mut events, mut spoiled, mut parked, mut seed) = (0, 0, 0, 0, arguments.seed);
    while kills < arguments.kills {
        let folder = tempfile::tempdir()?;
        let plan = Plan {
            n_events: 200,
            n_kills: 20,
            seed,
            unknown: "probe",
            drain: Duration::from_secs(120),
        };
        let report = run(plan, folder.path()).await?;
        kills += report.n_kills;
        events += plan.n_events;
        spoiled += report.n_spoiled;
        parked += report.n_parked;
        println!(
            "seed {seed}: {} kills, {} answers spoiled, {} redelivered, {} parked, lost {:?}, repeated {:?}, {:.1} s ({kills} of {} kills)",
            report.n_kills,
            report.n_spoiled,
            report.n_redelivered,
            report.n_parked,
            report.lost,
            report.repeated,
            report.took.as_secs_f64(),
            arguments.kills
        );
        if !report.lost.is_empty() || !report.repeated.is_empty() {
            return Err(format!("a release was lost or repeated: {report:?}").into());
        }
        seed += 1;
    }
    println!(
        "{kills} kills over {events} events, {spoiled} answers spoiled, {parked} left to a person: none lost, none repeated"
    );
    Ok(())
}
