//! **Here**: the program `peers`: the same bodies read by this crate, by derived structs and by `cloudevents-sdk`, side by side.
//! **Not here**: instructions (`instructions.sh`, which runs one contender at a time through `--only`).
//! **Reads**: its arguments; then `input`, `contenders`, `measure`, `table`.
//! **Source**: `benches/RESULTS.md` says what was measured with it, and how to measure it again.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a bench prints, and stops at the first wrong answer"
)]

mod contenders;
#[expect(unsafe_code, reason = "an allocator cannot be written without")]
mod counting;
mod derived;
mod input;
mod measure;
mod table;

use std::hint::black_box;
use std::process::ExitCode;

use eventgrid_schema::EventSchema;

use contenders::{Contender, contenders};
use input::{Input, SCHEMAS, SIZES};
use table::Row;

const USAGE: &str = "\
peers [--rounds R]                                       time and allocations, as Markdown
peers --check                                            the same answers, and no allocation of a view but its vector
peers --list                                             all contenders: schema and name
peers --only NAME --schema SCHEMA --events N --times K   one contender, for a counter of instructions";

/// Allocations of a view, at most: its vector, grown once where the first event was longer than the others.
const MAX_ALLOCATIONS_OF_A_VIEW: u64 = 2;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(why) => {
            eprintln!("{why}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match &arguments.only {
        _ if arguments.lists => list(),
        Some(name) => return only(name, &arguments),
        None if arguments.checks => return check(),
        None => measure(arguments.n_rounds),
    }
    ExitCode::SUCCESS
}

fn list() {
    for (schema, argument, _) in SCHEMAS {
        contenders(schema)
            .iter()
            .for_each(|contender| println!("{argument} {}", contender.name));
    }
}

/// Reads a body so many times. Making the body is part of the run, so that only a difference of two runs says something.
fn only(name: &str, arguments: &Arguments) -> ExitCode {
    let Some(contender) = contenders(arguments.schema)
        .iter()
        .find(|contender| contender.name == name)
    else {
        eprintln!("no contender is called {name}: see --list");
        return ExitCode::from(2);
    };
    let input = Input::new(arguments.schema, arguments.n_events);
    for _ in 0..arguments.n_times {
        let found = black_box((contender.read)(black_box(&input.bytes)));
        assert!(contender.is_right(found, &input), "{name} found {found:?}");
    }
    ExitCode::SUCCESS
}

fn measure(n_rounds: usize) {
    for (schema, _, title) in SCHEMAS {
        let contenders = contenders(schema);
        let rows: Vec<Row> = SIZES.map(|n_events| row(schema, n_events, n_rounds)).into();
        table::print(title, contenders, &rows);
    }
}

fn row(schema: EventSchema, n_events: usize, n_rounds: usize) -> Row {
    let contenders = contenders(schema);
    let input = Input::new(schema, n_events);
    measure::check_sums(contenders, &input);
    let costs = measure::costs(contenders, &input, n_rounds);
    Row { input, costs }
}

/// What must hold on every machine; says each number, and fails if one is out of its bound.
fn check() -> ExitCode {
    let mut all_hold = true;
    let mut say = |holds: bool, what: String| {
        println!("{}: {what}", if holds { "ok" } else { "FAILED" });
        all_hold &= holds;
    };
    for (schema, _, title) in SCHEMAS {
        let contenders = contenders(schema);
        let found = contenders.iter().find(|one| one.name == "ours-view");
        let view: &Contender = found.expect("a contender");
        for n_events in SIZES {
            let input = Input::new(schema, n_events);
            measure::check_sums(contenders, &input);
            say(
                true,
                format!("{title}, {n_events}: all contenders found what was written"),
            );
            let n_calls = measure::allocations(view, &input).n_calls;
            let bound = MAX_ALLOCATIONS_OF_A_VIEW;
            say(
                n_calls <= bound,
                format!("{title}, {n_events}: a view makes {n_calls} allocations, at most {bound}"),
            );
        }
    }
    if all_hold {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What is asked for.
struct Arguments {
    only: Option<String>,
    lists: bool,
    checks: bool,
    schema: EventSchema,
    n_events: usize,
    n_times: usize,
    n_rounds: usize,
}

impl Arguments {
    fn parse(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self {
            only: None,
            lists: false,
            checks: false,
            schema: EventSchema::EventGrid,
            n_events: 100,
            n_times: 1,
            n_rounds: 301,
        };
        while let Some(name) = given.next() {
            let mut value = || given.next().ok_or_else(|| format!("{name} needs a value"));
            let number = |text: String| match text.parse() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(format!("expected a whole number from 1 on, found {text}")),
            };
            match name.as_str() {
                "--list" => parsed.lists = true,
                "--check" => parsed.checks = true,
                "--only" => parsed.only = Some(value()?),
                "--events" => parsed.n_events = number(value()?)?,
                "--times" => parsed.n_times = number(value()?)?,
                "--rounds" => parsed.n_rounds = number(value()?)?,
                "--schema" => {
                    let text = value()?;
                    let found = SCHEMAS.into_iter().find(|(_, argument, _)| *argument == text);
                    parsed.schema = found.ok_or_else(|| format!("no schema is called {text}"))?.0;
                }
                _ => return Err(format!("unknown argument {name}")),
            }
        }
        Ok(parsed)
    }
}
