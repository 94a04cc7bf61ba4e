//! **Here**: the program `numbers`: the table of what a relay costs, each row with its goal, beside peers where there are any.
//! **Not here**: benches of single steps (`benches/benches`), the peers (`benches/peers`).
//! **Reads**: its arguments; then the module of each row.
//! **Source**: `benches/RESULTS.md` shows the rows and says how to measure them again.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench measures by the real clock, prints, and stops at the first wrong answer"
)]

mod accept;
mod backlog;
mod bare;
mod latency;
mod load;
mod peers;
mod process;
mod report;
mod rules;
mod standin;
mod webhook;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use report::{Begun, Row};

const USAGE: &str = "\
numbers ROW... [--small] [--rounds R] [--folder FOLDER] [--out FILE] [--only PEER] [--pending N]
    ROW is durable, webhook, large, idle, rules, peers, backlog, or all; FOLDER holds the journals (the system's for temporary files);
    FILE gets a line of JSON for each row; PEER is one of those of the row peers, which prints its figures and makes no row;
    N items wait in the row backlog
numbers table FILE       the rows of such a file as Markdown
numbers page             puts the rows of benches/results/numbers.jsonl into benches/RESULTS.md
numbers cycle N          accepts, sends to a double and settles N events, 16 at once, for a profiler or a counter of instructions
numbers --check          what must hold on every machine: commits of concurrent deliveries and of one large delivery";

const PAGE: &str = "benches/RESULTS.md";
const LINES: &str = "benches/results/numbers.jsonl";

const ROWS: [&str; 7] = ["durable", "webhook", "large", "idle", "rules", "peers", "backlog"];

struct Settings {
    small: bool,
    rounds: Option<usize>,
    folder: Option<PathBuf>,
    out: Option<PathBuf>,
    only: Option<String>,
    pending: Option<usize>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["table", file] => {
            print!(
                "{}",
                report::table(&std::fs::read_to_string(file).expect("a file of results"))
            );
            ExitCode::SUCCESS
        }
        ["page"] => {
            let page = read(PAGE);
            std::fs::write(PAGE, with_table(&page, &report::table(&read(LINES)))).expect("the page");
            ExitCode::SUCCESS
        }
        ["fill", file, shape, n] => {
            runtime().block_on(backlog::fill(Path::new(file), shape_of(shape, n)));
            ExitCode::SUCCESS
        }
        ["reopen", file, shape, n] => {
            runtime().block_on(backlog::reopen(Path::new(file), shape_of(shape, n)));
            ExitCode::SUCCESS
        }
        ["cycle", n] => {
            let folder = tempfile::tempdir().expect("a folder");
            runtime().block_on(accept::cycle(folder.path(), n.parse().expect("a number")));
            ExitCode::SUCCESS
        }
        ["--check"] => check(),
        given => measure(given).unwrap_or_else(|why| {
            eprintln!("{why}\n\n{USAGE}");
            ExitCode::from(2)
        }),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

fn shape_of(name: &str, n: &str) -> backlog::Shape {
    let shapes = backlog::shapes(n.parse().expect("a number"));
    shapes
        .into_iter()
        .find(|shape| shape.name == name)
        .expect("a shape")
}

fn measure(given: &[&str]) -> Result<ExitCode, String> {
    let mut settings = Settings {
        small: false,
        rounds: None,
        folder: None,
        out: None,
        only: None,
        pending: None,
    };
    let mut rows: Vec<&str> = Vec::new();
    let mut given = given.iter();
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or_else(|| format!("{argument} needs a value"));
        match *argument {
            "--small" => settings.small = true,
            "--rounds" => settings.rounds = Some(value()?.parse().map_err(|_| "--rounds needs a number")?),
            "--folder" => settings.folder = Some(PathBuf::from(value()?)),
            "--pending" => {
                settings.pending = Some(value()?.parse().map_err(|_| "--pending needs a number")?);
            }
            "--only" => settings.only = Some((*value()?).to_owned()),
            "--out" => settings.out = Some(PathBuf::from(value()?)),
            "all" => rows.extend(ROWS),
            row if ROWS.contains(&row) => rows.push(row),
            other => return Err(format!("unknown argument {other}")),
        }
    }
    if rows.is_empty() {
        return Err("no row is named".to_owned());
    }
    if let Some(only) = &settings.only {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        println!("{}", runtime().block_on(peers::only(only, folder.path(), 10_000)));
        return Ok(ExitCode::SUCCESS);
    }
    for row in rows {
        let folder = settings
            .folder
            .as_ref()
            .map_or_else(tempfile::tempdir, tempfile::tempdir_in);
        let folder = folder.map_err(|error| error.to_string())?;
        let begun = Begun::now();
        let row = one(row, folder.path(), &settings);
        begun.end(&row, settings.out.as_deref());
    }
    Ok(ExitCode::SUCCESS)
}

fn one(row: &str, folder: &Path, settings: &Settings) -> Row {
    let pick = |small, whole| if settings.small { small } else { whole };
    let rounds = settings.rounds.unwrap_or_else(|| pick(1, 7));
    let runtime = runtime();
    match row {
        "durable" => runtime.block_on(accept::durable(folder, pick(2_000, 20_000), rounds)),
        "webhook" => runtime.block_on(webhook::durable(folder, pick(2_000, 20_000), rounds)),
        "large" => runtime.block_on(accept::large(folder)),
        "rules" => rules::row(settings.rounds.unwrap_or_else(|| pick(3, 51))),
        "idle" => runtime.block_on(latency::idle(folder, pick(50, 1_000))),
        "peers" => runtime.block_on(peers::side_by_side(
            folder,
            pick(2_000, 10_000),
            settings.rounds.unwrap_or_else(|| pick(1, 3)),
        )),
        _ => backlog::row(
            folder,
            settings.pending.unwrap_or_else(|| pick(20_000, 1_000_000)),
        ),
    }
}

/// Counts, not times: they hold on every machine. And the page shows what the lines say.
fn check() -> ExitCode {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = runtime();
    let durable = runtime.block_on(accept::durable(folder.path(), 4_096, 1));
    let large = runtime.block_on(accept::large(folder.path()));
    let per_commit = durable.figures["events_per_commit"].as_f64().unwrap_or_default();
    let commits = large.figures["commits"].as_u64().unwrap_or(u64::MAX);
    println!(
        "64 concurrent deliveries: {per_commit:.1} events per commit; 5,000 events in one delivery: {commits} commits"
    );
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (page, table) = (
        read("benches/RESULTS.md"),
        report::table(&read("benches/results/numbers.jsonl")),
    );
    let is_shown = page.contains(&table);
    if !is_shown {
        println!("benches/RESULTS.md does not show what benches/results/numbers.jsonl says:\n\n{table}");
    }
    if per_commit >= 16.0 && commits <= 4 && is_shown {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The page with this table between its two marks.
fn with_table(page: &str, table: &str) -> String {
    const MARKS: [&str; 2] = ["<!-- numbers: begin -->\n", "<!-- numbers: end -->\n"];
    let [begin, end] = MARKS.map(|mark| page.find(mark).expect("both marks"));
    format!("{}{}\n{table}\n{}", &page[..begin], MARKS[0], &page[end..])
}
