//! The long proof of the promise: the real server killed again and again, and the count at GitHub's stand-in.
//!
//! Replaces: nothing of the hack; this is how we know that a crash neither loses nor repeats a release.
//! Shows: `kill_run -- KILLS [SEED] [--record FILE]` runs rounds of 400 events, several at once, until that many kills have happened.
//! Simplifies: nothing; CI runs a round of it as a test.
#![expect(clippy::print_stdout, reason = "a program talks to whoever runs it")]

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use relay_core::clock::{Clock as _, TokioClock};
use relay_examples::kill::{Plan, Report, run};
use relay_examples::server::Failed;
use relay_tidy::reliability::Line;
use tokio::task::JoinSet;

/// Kills the real server at random points and counts at the stand-in.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many kills, over as many rounds of 400 events as it takes.
    kills: usize,
    /// Where the random numbers begin; each round has the next number.
    #[arg(default_value_t = 1)]
    seed: u64,
    /// Rounds at once, each with a server, a journal and a stand-in of its own.
    #[arg(long, default_value_t = 3)]
    at_once: usize,
    /// Begin no further round after so many minutes, and say what was reached.
    #[arg(long)]
    minutes: Option<u64>,
    /// Append what was reached to this file.
    #[arg(long)]
    record: Option<PathBuf>,
}

/// All rounds so far.
#[derive(Debug, Default)]
struct Sum {
    rounds: usize,
    events: usize,
    kills: usize,
    spoiled: usize,
    redelivered: usize,
    parked: usize,
    lost: usize,
    repeated: usize,
}

impl Sum {
    fn add(&mut self, n_events: usize, report: &Report) {
        self.rounds += 1;
        self.events += n_events;
        self.kills += report.n_kills;
        self.spoiled += report.n_spoiled;
        self.redelivered += report.n_redelivered;
        self.parked += report.n_parked;
        self.lost += report.lost.len();
        self.repeated += report.repeated.len();
    }
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments = Arguments::parse();
    let line = Line::begin("kills", Some(arguments.seed));
    let limit = arguments
        .minutes
        .map(|minutes| TokioClock.now().after(Duration::from_secs(60 * minutes)));
    let (mut sum, mut seed, mut rounds) = (Sum::default(), arguments.seed, JoinSet::new());
    loop {
        let goes_on = sum.kills < arguments.kills
            && sum.lost + sum.repeated == 0
            && limit.is_none_or(|limit| TokioClock.now() < limit);
        while goes_on && rounds.len() < arguments.at_once {
            rounds.spawn(round(seed));
            seed += 1;
        }
        let Some(round) = rounds.join_next().await else {
            break;
        };
        let (seed, plan, report) = round??;
        sum.add(plan.n_events, &report);
        println!(
            "seed {seed}: {} kills, {} answers spoiled, {} redelivered, {} parked, lost {:?}, repeated {:?}, {:.1} s ({} of {} kills)",
            report.n_kills,
            report.n_spoiled,
            report.n_redelivered,
            report.n_parked,
            report.lost,
            report.repeated,
            report.took.as_secs_f64(),
            sum.kills,
            arguments.kills
        );
    }
    if let Some(file) = &arguments.record {
        line.with("rounds", sum.rounds)
            .with("events", sum.events)
            .with("answers_spoiled", sum.spoiled)
            .with("redelivered", sum.redelivered)
            .with("releases_lost", sum.lost)
            .with("releases_that_ran_twice", sum.repeated)
            .with("left_to_a_person", sum.parked)
            .end(u64::try_from(sum.kills)?, file)?;
    }
    println!("{sum:?}");
    if sum.lost + sum.repeated > 0 {
        return Err("a release was lost or repeated".into());
    }
    Ok(())
}

async fn round(seed: u64) -> Result<(u64, Plan, Report), Failed> {
    let folder = tempfile::tempdir()?;
    let plan = Plan {
        n_events: 400,
        n_kills: 40,
        seed,
        unknown: "probe",
        drain: Duration::from_secs(180),
    };
    Ok((seed, plan, run(plan, folder.path()).await?))
}
