//! Hack challenge 2.2: events to typed values.
//!
//! Replaces: the Logic App's "Parse JSON" action and its pasted schema.
//! Shows: files or standard input in either schema, each element an event or an error of its own, typed payloads; dead letters with
//! why they died, and the body that delivers them again; the Event Grid schema as CloudEvents.
//! Simplifies: nothing; `--strict` makes an element that cannot be read an error of the program.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to whoever runs it"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use eventgrid_schema::{AmlEvent, Batch, Event, EventSchema, EventTime, GridEvent, Limits, builder};
use relay_examples::input;

/// Reads deliveries of Event Grid, in either schema, and says what is in them.
#[derive(Debug, Parser)]
struct Arguments {
    /// Files to read, each the body of one delivery or a blob of dead letters; none, or -, for standard input.
    files: Vec<PathBuf>,
    /// The schema that every event must have.
    #[arg(long, value_enum, default_value_t)]
    schema: Wanted,
    /// A header of the request, as "name: value"; ce- headers mark a CloudEvent in binary mode.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// One line an event.
    #[arg(long, conflicts_with_all = ["originals", "to_cloud_events"])]
    table: bool,
    /// Only dead letters: why each died.
    #[arg(long)]
    dead_letters: bool,
    /// Print the dead letters as they were before they died, as one body that can be delivered again.
    #[arg(long, requires = "dead_letters", conflicts_with = "to_cloud_events")]
    originals: bool,
    /// Print the events as CloudEvents, as one body.
    #[arg(long)]
    to_cloud_events: bool,
    /// Fail when an element, or a whole body, cannot be read or has another schema.
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Wanted {
    #[default]
    Any,
    EventGrid,
    CloudEvents,
}

/// What was read of all files.
#[derive(Debug, Default)]
struct Report {
    /// Rows of the table, or elements of the body to print.
    lines: Vec<Line>,
    faults: Vec<String>,
}

#[derive(Debug)]
enum Line {
    Row([String; 4]),
    Text(String),
    Element(String),
}

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    if arguments.files.is_empty() {
        arguments.files.push(PathBuf::from("-"));
    }
    let mut report = Report::default();
    for path in &arguments.files {
        match input::read(path) {
            Ok(body) => report.read(&path.display().to_string(), &body, &arguments),
            Err(error) => {
                eprintln!("{}: {error}", path.display());
                return ExitCode::FAILURE;
            }
        }
    }
    report.print();
    if arguments.strict && !report.faults.is_empty() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

impl Report {
    fn read(&mut self, file: &str, body: &[u8], arguments: &Arguments) {
        let headers = arguments
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        if let Some(event) = Event::from_binary(headers, body, &Limits::default()) {
            match event {
                Ok(event) => self.event(file, &event, arguments),
                Err(error) => self.faults.push(format!("{file}: no event: {error}")),
            }
            return;
        }
        match Batch::parse(body) {
            Ok(batch) => {
                for element in &batch {
                    match element.event() {
                        Ok(event) => self.event(file, event, arguments),
                        Err(error) => {
                            let index = element.index();
                            self.faults
                                .push(format!("{file}: element {index} is no event: {error}"));
                        }
                    }
                }
            }
            Err(error) => self.faults.push(format!("{file}: nothing can be read: {error}")),
        }
    }

    fn event(&mut self, file: &str, event: &Event<'_>, arguments: &Arguments) {
        let wanted = match arguments.schema {
            Wanted::Any => event.schema(),
            Wanted::EventGrid => EventSchema::EventGrid,
            Wanted::CloudEvents => EventSchema::CloudEvents,
        };
        if event.schema() != wanted {
            let (id, schema) = (event.id(), event.schema());
            self.faults
                .push(format!("{file}: event {id} has the schema {schema:?}"));
            return;
        }
        let letter = event.dead_letter();
        if arguments.dead_letters && letter.is_none() {
            return;
        }
        if arguments.to_cloud_events {
            self.lines.push(Line::Element(builder::to_cloud_event(event)));
            return;
        }
        let mut what = payload(event).unwrap_or_else(|error| {
            self.faults.push(format!("{file}: event {}: {error}", event.id()));
            "payload cannot be read".to_owned()
        });
        if let Some(letter) = letter {
            if arguments.originals {
                self.lines.push(Line::Element(letter.original_json().to_owned()));
                return;
            }
            let attempts = letter
                .delivery_attempts
                .map_or_else(|| "?".to_owned(), |n| n.to_string());
            let outcome = letter.last_delivery_outcome.as_deref().unwrap_or("?");
            what = format!(
                "{what}; died after {attempts} attempt(s): {}, {outcome}",
                letter.reason
            );
        }
        let time = event.time().map_or("-", EventTime::as_str).to_owned();
        let (event_type, id) = (event.event_type().as_str(), event.id());
        self.lines.push(if arguments.table {
            let short = event_type.rsplit('.').next().unwrap_or(event_type);
            Line::Row([short, &what, &time, id].map(|cell| cell.replace(char::is_control, "\u{fffd}")))
        } else {
            Line::Text(format!(
                "{file}: {:?}: {event_type}\n    id {id}\n    source {}\n    subject {}\n    time {time}\n    {what}",
                event.schema(),
                event.source(),
                event.subject().unwrap_or("-"),
            ))
        });
    }

    fn print(&self) {
        self.print_table();
        let mut elements = Vec::new();
        for line in &self.lines {
            match line {
                Line::Text(text) => println!("{}", text.replace(is_hidden, "\u{fffd}")),
                Line::Element(element) => elements.push(element.as_str()),
                Line::Row(_) => {}
            }
        }
        if !elements.is_empty() {
            println!("[{}]", elements.join(",\n"));
        }
        for fault in &self.faults {
            eprintln!("{fault}");
        }
        eprintln!(
            "{} event(s), {} that cannot be read or have another schema",
            self.lines.len(),
            self.faults.len()
        );
    }

    fn print_table(&self) {
        let rows = self.lines.iter().filter_map(|line| match line {
            Line::Row(row) => Some(row),
            _ => None,
        });
        let head = ["TYPE", "WHAT", "TIME", "ID"].map(str::to_owned);
        let rows: Vec<&[String; 4]> = std::iter::once(&head).chain(rows).collect();
        if rows.len() == 1 {
            return;
        }
        let width = |cell: fn(&[String; 4]) -> &String| {
            let widths = rows.iter().map(|row| cell(row).chars().count());
            widths.max().unwrap_or_default()
        };
        let (first, second, third) = (
            width(|[it, ..]| it),
            width(|[_, it, ..]| it),
            width(|[.., it, _]| it),
        );
        for [event_type, what, time, id] in rows {
            println!("{event_type:first$}  {what:second$}  {time:third$}  {id}");
        }
    }
}

/// What a terminal would obey instead of showing it.
fn is_hidden(character: char) -> bool {
    character.is_control() && character != '\n'
}

/// What the payload says, in a few words.
fn payload(event: &Event<'_>) -> Result<String, eventgrid_schema::Error> {
    match event.system() {
        Some(GridEvent::SubscriptionValidation(validation)) => {
            return Ok(format!("answer it with {}", validation.response_body()));
        }
        Some(GridEvent::SubscriptionDeleted {
            event_subscription_id,
        }) => {
            let id = event_subscription_id.as_deref().unwrap_or("?");
            return Ok(format!("the subscription {id} is gone"));
        }
        Some(_) => return Ok("an event of Event Grid's own".to_owned()),
        None => {}
    }
    Ok(match event.aml()? {
        AmlEvent::ModelRegistered(model) => {
            format!("{} version {}", model.model_name(), model.model_version())
        }
        AmlEvent::ModelDeployed(deployed) => {
            format!("{} on {}", deployed.model_ids_text(), deployed.service_name())
        }
        AmlEvent::RunCompleted(run) => format!("run {} completed", run.run_id()),
        AmlEvent::RunStatusChanged(run) => match run.monitor_alert() {
            Some(alert) => format!("run {}: monitoring alert: {alert}", run.run_id()),
            None => format!("run {} is {}", run.run_id(), run.run_status()),
        },
        AmlEvent::DatasetDriftDetected(drift) => match drift.drift_coefficient() {
            Some(coefficient) => format!("drift {coefficient}"),
            None => "drift without a coefficient".to_owned(),
        },
        _ => "no payload that this crate knows".to_owned(),
    })
}
