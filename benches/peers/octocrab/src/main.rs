//! **Here**: the program `peers-octocrab`: the same dispatch sent by this crate, by a bare reqwest and by octocrab, side by side.
//! **Not here**: instructions (`instructions.sh`, which runs one contender at a time through `send`), sizes (`weight.sh`).
//! **Reads**: its arguments; then `measure`, `check`, `sender` or `standin`.
//! **Source**: `benches/RESULTS.md` says what was measured with it, and how to measure it again.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench prints, and stops at the first wrong answer"
)]

mod check;
mod contenders;
#[expect(unsafe_code, reason = "an allocator cannot be written without")]
mod counting;
mod crates;
mod logging;
mod measure;
mod payload;
mod sender;
mod standin;

use std::process::ExitCode;

use contenders::{CONTENDERS, Policy};
use sender::Turn;

const USAGE: &str = "\
peers-octocrab [--rounds R] [--times N]                  one dispatch, then N with 64 at a time, then crates, as Markdown
peers-octocrab --check                                   what must hold on every machine
peers-octocrab --list                                    all contenders: name and what it does
peers-octocrab send NAME [--policy fresh|kept] [--times N] [--warm N] [--at-a-time N] [--logs] [--allocations]
                                                         one contender, against a stand-in of its own
peers-octocrab serve                                     the stand-in: prints its port, ends with its input, prints what it saw";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    let done = match arguments.peek().map(String::as_str) {
        Some("serve") => {
            standin::serve();
            Ok(ExitCode::SUCCESS)
        }
        Some("send") => send(arguments.skip(1)),
        Some("--check") => Ok(check::check()),
        Some("--list") => {
            CONTENDERS
                .iter()
                .for_each(|(name, what)| println!("{name}: {what}"));
            Ok(ExitCode::SUCCESS)
        }
        _ => measure(arguments),
    };
    done.unwrap_or_else(|why| {
        eprintln!("{why}\n\n{USAGE}");
        ExitCode::from(2)
    })
}

fn measure(mut given: impl Iterator<Item = String>) -> Result<ExitCode, String> {
    let (mut n_rounds, mut n_times) = (9, 10_000);
    while let Some(name) = given.next() {
        let value = given.next();
        match name.as_str() {
            "--rounds" => {
                n_rounds = usize::try_from(number(&name, value)?).map_err(|error| error.to_string())?;
            }
            "--times" => n_times = number(&name, value)?,
            _ => return Err(format!("unknown argument {name}")),
        }
    }
    measure::one_at_a_time();
    measure::many_at_a_time(n_times, n_rounds);
    measure::weight();
    Ok(ExitCode::SUCCESS)
}

fn send(mut given: impl Iterator<Item = String>) -> Result<ExitCode, String> {
    let contender = given.next().ok_or("send needs a contender: see --list")?;
    let mut turn = Turn::of(&contender, Policy::Fresh, 1);
    while let Some(name) = given.next() {
        match name.as_str() {
            "--logs" => turn.listens = true,
            "--allocations" => turn.counts = true,
            "--times" => turn.n_times = number(&name, given.next())?,
            "--at-a-time" => turn.n_at_a_time = number(&name, given.next())?,
            "--warm" => turn.n_warm = number(&name, given.next())?,
            "--policy" => {
                let text = given.next().unwrap_or_default();
                let found = Policy::ALL.into_iter().find(|policy| policy.name() == text);
                turn.policy = found.ok_or_else(|| format!("no policy is called {text}"))?;
            }
            _ => return Err(format!("unknown argument {name}")),
        }
    }
    let outcome = turn.perform();
    outcome
        .ok_or_else(|| format!("no contender is called {contender}"))?
        .print();
    Ok(ExitCode::SUCCESS)
}

fn number(name: &str, value: Option<String>) -> Result<u64, String> {
    let text = value.ok_or_else(|| format!("{name} needs a value"))?;
    match text.parse() {
        Ok(number) => Ok(number),
        Err(_) => Err(format!("expected a whole number, found {text}")),
    }
}
