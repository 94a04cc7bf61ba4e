//! Hack challenge 2.2: events to typed values.
//!
//! Replaces: the Logic App's "Parse JSON" action and its pasted schema.
//! Shows: files or standard input in either schema, each element an event or an error of its own, typed payloads.
//! Simplifies: nothing; `--strict` makes an element that cannot be read an error of the program.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to whoever runs it"
)]

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use eventgrid_schema::{AmlEvent, Batch, Event, GridEvent};

/// Reads deliveries of Event Grid and says what is in them.
#[derive(Debug, Parser)]
struct Arguments {
    /// Files to read, each the body of one delivery; none, or -, for standard input.
    files: Vec<PathBuf>,
    /// One line an event: type, model or run, time, id.
    #[arg(long)]
    table: bool,
    /// Fail when an element, or a whole body, cannot be read.
    #[arg(long)]
    strict: bool,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    if arguments.files.is_empty() {
        arguments.files.push(PathBuf::from("-"));
    }
    let mut n_bad = 0;
    for path in &arguments.files {
        let body = match read(path) {
            Ok(body) => body,
            Err(error) => {
                eprintln!("{}: {error}", path.display());
                return ExitCode::FAILURE;
            }
        };
        match Batch::parse(&body) {
            Ok(batch) => {
                println!("{}: {} element(s)", path.display(), batch.len());
                for element in &batch {
                    match element.event() {
                        Ok(event) => n_bad += usize::from(!show(event, arguments.table)),
                        Err(error) => {
                            n_bad += 1;
                            println!("  element {} is no event: {error}", element.index());
                        }
                    }
                }
            }
            Err(error) => {
                n_bad += 1;
                println!("{}: nothing can be read: {error}", path.display());
            }
        }
    }
    if arguments.strict && n_bad > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn read(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    if path.as_os_str() != "-" {
        return std::fs::read(path);
    }
    let mut body = Vec::new();
    std::io::stdin().read_to_end(&mut body)?;
    Ok(body)
}

/// Shows one event; false when its payload cannot be read.
fn show(event: &Event<'_>, table: bool) -> bool {
    let time = event.time().map_or("-", eventgrid_schema::EventTime::as_str);
    let (what, good) = match (event.system(), event.aml()) {
        (Some(GridEvent::SubscriptionValidation(validation)), _) => {
            (format!("answer it with {}", validation.response_body()), true)
        }
        (Some(system), _) => (format!("{system:?}"), true),
        (None, Err(error)) => (format!("payload cannot be read: {error}"), false),
        (None, Ok(AmlEvent::ModelRegistered(model))) => (
            format!("{} version {}", model.model_name(), model.model_version()),
            true,
        ),
        (None, Ok(AmlEvent::ModelDeployed(deployed))) => (
            format!("{} on {}", deployed.model_ids_text(), deployed.service_name()),
            true,
        ),
        (None, Ok(AmlEvent::RunCompleted(run))) => (run.run_id().to_string(), true),
        (None, Ok(AmlEvent::RunStatusChanged(run))) => {
            (format!("{} is {}", run.run_id(), run.run_status()), true)
        }
        (None, Ok(AmlEvent::DatasetDriftDetected(drift))) => {
            (format!("drift of {:?}", drift.drift_coefficient()), true)
        }
        (None, Ok(_)) => ("no payload that this crate knows".to_owned(), true),
    };
    if table {
        println!(
            "  {:<58} {what:<40} {time:<34} {}",
            event.event_type().as_str(),
            event.id()
        );
    } else {
        println!(
            "  {:?}: {}\n    id {}\n    source {}",
            event.schema(),
            event.event_type(),
            event.id(),
            event.source()
        );
        println!(
            "    subject {}\n    time {time}\n    {what}",
            event.subject().unwrap_or("-")
        );
    }
    good
}
