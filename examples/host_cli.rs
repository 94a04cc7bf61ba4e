//! The relay from the command line, over the same journal and configuration as the server.
//!
//! Replaces: the portal's run history of the Logic App, its "Resubmit", and posting test events by hand.
//! Shows: that a host needs no socket: `deliver` is the first half of the relay, `run-due` the second; the story of each model version.
//! Simplifies: `history` reads the whole journal before it prints.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to whoever runs it"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::{Parser, Subcommand};
use http::Request;
use indicatif::ProgressBar;
use relay_core::Relay;
use relay_core::clock::{Clock, TokioClock};
use relay_core::journal::item::{Item, ItemId};
use relay_core::journal::scan::ItemFilter;
use relay_core::journal::{Command, Journal as _, JournalError, Record};
use relay_core::reply::Reply;
use relay_core::report::report;
use relay_core::webhook::SharedSecrets;
use relay_examples::host::config::{Config, Journal};
use relay_examples::host::due::{self, Standing};
use relay_examples::host::identity::{self, Identities};
use relay_examples::host::{build, logs};
use relay_examples::input;
use relay_examples::story::Story;

/// Delivers events, sends what is due, and tells what became of it, over the journal of a relay.
///
/// Nothing reaches GitHub but by `run-due`, and only with --live, unless every api_root of the configuration is on loopback, where
/// stand-ins live. `history` and `show` read beside a running server; the others need the journal for themselves.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Arguments {
    /// The configuration, the same as that of host_server. deliver and run-due need it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The journal, where it is not the one of the configuration.
    #[arg(long, global = true, value_name = "PATH")]
    journal: Option<PathBuf>,
    #[command(subcommand)]
    command: Asked,
}

#[derive(Debug, Subcommand)]
enum Asked {
    /// Writes deliveries down, as the webhook does: each file is the body of one. None, or -, is standard input.
    Deliver { files: Vec<PathBuf> },
    /// Sends what is due, one time.
    RunDue {
        /// Send to the real GitHub.
        #[arg(long)]
        live: bool,
        /// Go on until everything has its verdict; runs of what was dispatched are followed by the next call.
        #[arg(long)]
        wait: bool,
        /// Stop waiting after so many seconds.
        #[arg(long, value_name = "SECONDS", requires = "wait", default_value_t = 86_400)]
        within: u64,
    },
    /// The story of each event, or of those of an item or of a model.
    History {
        #[arg(long, value_name = "ID")]
        item: Option<String>,
        #[arg(long, value_name = "NAME", conflicts_with = "item")]
        model: Option<String>,
    },
    /// One item, by its number or relay id.
    Show { id: String },
    /// Sends an item once more, as a new generation; or everything that is parked.
    Replay {
        #[arg(required_unless_present = "parked")]
        id: Option<String>,
        #[arg(long, conflicts_with = "id")]
        parked: bool,
        /// Even after a newer version of its lane went out.
        #[arg(long)]
        allow_older: bool,
    },
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed, with the reason; 2 wrong arguments; 3 nothing new was delivered; \
    4 something delivered could not be read; 5 the command was refused; 6 run-due: something was parked; \
    7 run-due: something still waits";

type Outcome = Result<u8, String>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logs::start_quietly();
    match run(&arguments).await {
        Ok(code) => ExitCode::from(code),
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Outcome {
    let config = arguments.config.as_deref().map(Config::read).transpose()?;
    let mut journal = config
        .as_ref()
        .and_then(|config| config.journal.clone())
        .unwrap_or_default();
    if let Some(path) = &arguments.journal {
        journal.path.clone_from(path);
    } else if config.is_none() {
        return Err("--config or --journal is expected".to_owned());
    }
    match &arguments.command {
        Asked::Deliver { files } => deliver(&needed(config)?, &journal, files).await,
        Asked::RunDue { live, wait, within } => {
            let config = needed(config)?;
            // Before any credential is looked at.
            if let (false, Some(real)) = (live, identity::beyond_loopback(&config)) {
                return Err(format!(
                    "run-due would send to {real}; say --live if that is meant"
                ));
            }
            let within = wait.then(|| Duration::from_secs(*within));
            run_due(&relay(&config, &journal, Identities::of(&config)?).await?, within).await
        }
        Asked::History { item, model } => history(&journal.path, item.as_deref(), model.as_deref()).await,
        Asked::Show { id } => show(&journal.path, id).await,
        Asked::Replay { id, allow_older, .. } => replay(&journal, id.as_deref(), *allow_older).await,
    }
}

fn needed(config: Option<Config>) -> Result<Config, String> {
    config.ok_or_else(|| "--config is expected: its routes say what is sent, and where".to_owned())
}

/// A relay that takes what this person hands over: whoever may write the journal needs no secret.
async fn relay(config: &Config, journal: &Journal, identities: Identities) -> Result<Relay, String> {
    let (rules, journal) = (build::rules(config)?, std::sync::Arc::new(journal.open().await?));
    build::relay(config, rules, journal, identities, SharedSecrets::anonymous())
}

async fn deliver(config: &Config, journal: &Journal, files: &[PathBuf]) -> Outcome {
    let relay = relay(config, journal, Identities::none()?).await?;
    let standard_input = [PathBuf::from("-")];
    let files = if files.is_empty() { &standard_input } else { files };
    let (mut accepted, mut unreadable) = (0, 0);
    for file in files {
        let shown = file.display();
        let body = input::read(file).map_err(|error| format!("{shown}: {error}"))?;
        let request = Request::post("/events").body(Bytes::from(body));
        match relay.reply(request.map_err(|error| error.to_string())?).await {
            Reply::Accepted(receipt) => {
                println!("{shown}: {}", serde_json::to_string(&receipt).unwrap_or_default());
                accepted += receipt.accepted;
                unreadable += receipt.unreadable;
            }
            Reply::Validated { .. } => println!("{shown}: a handshake; nothing to write down"),
            Reply::TryAgain => return Err(format!("{shown}: the journal cannot promise now")),
            other => {
                let answer = other.into_response();
                println!("{shown}: {}", String::from_utf8_lossy(answer.body()));
                unreadable += 1;
            }
        }
    }
    Ok(match (accepted, unreadable) {
        (_, 1..) => 4,
        (0, 0) => 3,
        _ => 0,
    })
}

async fn run_due(relay: &Relay, within: Option<Duration>) -> Outcome {
    let progress = ProgressBar::new_spinner();
    let before = Standing::of(relay).await?;
    let tell = |standing: &Standing, wait: Duration| {
        progress.set_message(format!("{standing}; next in {} s", wait.as_secs()));
        progress.tick();
    };
    due::run(relay, within, tell).await?;
    progress.finish_and_clear();
    let after = Standing::of(relay).await?;
    println!("{after}");
    Ok(match after {
        _ if after.n("parked") > before.n("parked") => 6,
        _ if after.n_open() > 0 => 7,
        _ => 0,
    })
}

fn find<'s>(story: &'s Story, id: &str) -> Result<&'s Item, String> {
    story.find(id).ok_or_else(|| format!("there is no item {id}"))
}

async fn history(path: &Path, item: Option<&str>, model: Option<&str>) -> Outcome {
    let story = Story::open(path).await?;
    let of_item = item.map(|id| find(&story, id)).transpose()?;
    for event in &story.events {
        let is_of_item = of_item.is_none_or(|item| item.event == event.seq);
        if is_of_item && model.is_none_or(|model| event.model.as_deref() == Some(model)) {
            println!("{}", story.told_of(event));
        }
    }
    Ok(0)
}

async fn show(path: &Path, id: &str) -> Outcome {
    let mut item = find(&Story::open(path).await?, id)?.clone();
    item.snapshot.clear();
    println!("{}", serde_json::to_string_pretty(&item).unwrap_or_default());
    history(path, Some(id), None).await
}

async fn replay(journal: &Journal, id: Option<&str>, allow_older: bool) -> Outcome {
    let command = if let Some(id) = id {
        let item = find(&Story::open(&journal.path).await?, id)?.id;
        Command::Replay { item, allow_older }
    } else {
        Command::ReplayAll {
            filter: ItemFilter {
                verdict: Some("parked".to_owned()),
                ..ItemFilter::default()
            },
            allow_older,
            limit: usize::MAX,
        }
    };
    let record = vec![Record::Command(command)];
    let written = match journal.open().await?.record(TokioClock.now(), record).await {
        Err(JournalError::Refused { why }) => {
            eprintln!("{why}");
            return Ok(5);
        }
        written => written.map_err(|error| report(&error))?,
    };
    for ItemId(made) in written.made {
        println!("item {made} waits for run-due");
    }
    for (ItemId(item), why) in written.passed_over {
        println!("item {item} was passed over: {why}");
    }
    Ok(0)
}
