//! **Here**: a journal in which a million items wait: accepting, claiming, opening it after a kill, and the memory of all that.
//! **Not here**: what a claim does (`relay_core::journal::verbs`).
//! **Reads**: this program again, as a process that is killed and one that opens what it left.
//! **Source**: our own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use relay_core::budget::Budget;
use relay_core::clock::{Clock as _, TokioClock};
use relay_core::dispatch::Checked;
use relay_core::dispatch::Dispatched;
use relay_core::journal::{
    Budgets, ClaimKind, ClaimRequest, Claimed, Journal as _, Record, Settlement, Task, Work,
};
use relay_core::rules::{RouteConfig, RuleSet};
use relay_core::testing::doubles::ScriptedDispatcher;
use relay_core::webhook::SharedSecrets;
use relay_core::{Relay, RelayBuilder};
use relay_sqlite::{Health, OpenOptions, SqliteJournal};
use serde_json::{Value, json};

use crate::accept::{accept, delivery, sorted};
use crate::load::quantile_ms;
use crate::process::peak_mib;
use crate::report::Row;

/// Events of a delivery while the journal is filled: as many as its limit of 4 MiB allows.
const BATCH: usize = 4_000;
const AT_ONCE: usize = 16;

/// What waits: so many models, so many versions of each, on a route that sends every version or the latest one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) models: usize,
    pub(crate) versions: usize,
    pub(crate) every: bool,
}

/// A million models that wait for their only version; and a thousand models of which a thousand versions each have to go, in order.
pub(crate) const fn shapes(n: usize) -> [Shape; 3] {
    let narrow = if n >= 1_000 { 1_000 } else { 1 };
    [
        Shape {
            name: "models",
            models: n,
            versions: 1,
            every: false,
        },
        Shape {
            name: "versions",
            models: n / narrow,
            versions: narrow,
            every: true,
        },
        Shape {
            name: "one-lane",
            models: 1,
            versions: n,
            every: true,
        },
    ]
}

fn relay(journal: impl relay_core::journal::Journal + 'static, every: bool) -> Relay {
    let mut route = RouteConfig::new("deploy", "contoso/deploy");
    if every {
        route.lane = relay_core::lane::LaneMode::Every;
    }
    RelayBuilder::new(
        journal,
        ScriptedDispatcher::new(),
        RuleSet::load([route]).expect("rules"),
    )
    .with_secrets(SharedSecrets::new(["s"]).expect("a secret"))
    .with_budget(Budget::unbounded())
    .build()
    .expect("a relay")
}

/// `numbers fill`: fills a journal, says so, and waits to be killed.
pub(crate) async fn fill(file: &Path, shape: Shape) {
    let journal = SqliteJournal::open(file, OpenOptions::new()).expect("a journal");
    let relay = relay(journal, shape.every);
    let n = shape.models * shape.versions;
    let begin = Instant::now();
    let own = std::process::id();
    let mut at_a_tenth = None;
    for first in (0..n).step_by(BATCH) {
        if first >= n / 10 {
            at_a_tenth.get_or_insert_with(|| peak_mib(own));
        }
        let elements: Vec<String> = (first..n.min(first + BATCH))
            .map(|i| relay_benches::registered(i % shape.models, &(i / shape.models + 1).to_string()))
            .collect();
        let body = format!("[{}]", elements.join(","));
        assert_eq!(relay.accept(delivery(body)).await.status(), 200);
    }
    println!(
        "{}",
        json!({"seconds": begin.elapsed().as_secs_f64(), "peak_mib": peak_mib(own), "peak_mib_at_a_tenth": at_a_tenth})
    );
    std::io::stdout().flush().expect("an output");
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// `numbers reopen`: opens what a killed process left, and measures from there.
pub(crate) async fn reopen(file: &Path, shape: Shape) {
    let begin = Instant::now();
    let journal = std::sync::Arc::new(SqliteJournal::open(file, OpenOptions::new()).expect("a journal"));
    let opened = begin.elapsed();
    let claimed = claim(&journal, ClaimKind::Judge, 16).await;
    let first_claim = begin.elapsed();
    let records: Vec<Record> = claimed.tasks.into_iter().map(checked).collect();
    assert_eq!(records.len(), 1, "a target is checked first");
    journal.record(TokioClock.now(), records).await.expect("recorded");
    let sends = claim(&journal, ClaimKind::Send, 16).await.tasks;
    let first_send = begin.elapsed();
    assert!(!sends.is_empty(), "nothing can be sent");
    let own = std::process::id();
    let (mut claims, mut settles, mut sent) = (Vec::new(), Vec::new(), sends);
    for _ in 0..200 {
        for task in std::mem::take(&mut sent) {
            let begin = Instant::now();
            let written = journal
                .settle(TokioClock.now(), vec![dispatched(task)])
                .await
                .expect("settled");
            assert!(written.fenced.is_empty());
            settles.push(begin.elapsed());
        }
        let begin = Instant::now();
        sent = claim(&journal, ClaimKind::Send, 16).await.tasks;
        claims.push(begin.elapsed());
        assert!(!sent.is_empty(), "nothing can be sent");
    }
    // With something under way in each lane that is looked at.
    let mut blocked = Vec::new();
    for _ in 0..20 {
        let begin = Instant::now();
        sent.extend(claim(&journal, ClaimKind::Send, 16).await.tasks);
        blocked.push(begin.elapsed());
    }
    // With a lane held by what parked, until a person decides; where only the latest goes, nothing is.
    let mut held = Vec::new();
    for _ in 0..20 {
        let parked = std::mem::take(&mut sent).into_iter().map(parked).collect();
        let written = journal.settle(TokioClock.now(), parked).await.expect("settled");
        assert!(written.fenced.is_empty());
        let begin = Instant::now();
        sent.extend(claim(&journal, ClaimKind::Send, 16).await.tasks);
        held.push(begin.elapsed());
    }
    while matches!(journal.health(), Health::Checking) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let checked = begin.elapsed();
    assert!(
        matches!(journal.health(), Health::Sound),
        "{:?}",
        journal.health()
    );
    let (mut deep, mut empty) = (Vec::new(), Vec::new());
    let folder = tempfile::tempdir_in(file.parent().expect("a folder")).expect("a folder");
    let fresh = SqliteJournal::open(folder.path().join("empty.db"), OpenOptions::new()).expect("a journal");
    let (deep_relay, empty_relay) = (
        relay(std::sync::Arc::clone(&journal), shape.every),
        relay(fresh, shape.every),
    );
    const PART: usize = 1_000;
    for round in 0..10 {
        let numbers = 10_000_000 + round * PART..10_000_000 + (round + 1) * PART;
        deep.extend(accept(&deep_relay, numbers.clone(), AT_ONCE).await.latencies);
        empty.extend(accept(&empty_relay, numbers, AT_ONCE).await.latencies);
    }
    let figures = |mut list: Vec<Duration>| {
        list.sort_unstable();
        json!({"p50": quantile_ms(&list, 0.5), "p99": quantile_ms(&list, 0.99), "max": quantile_ms(&list, 1.0)})
    };
    let begin = Instant::now();
    deep_relay.health().await;
    let overview = begin.elapsed();
    println!(
        "{}",
        json!({
            "open_s": opened.as_secs_f64(), "first_claim_s": first_claim.as_secs_f64(), "first_send_claim_s": first_send.as_secs_f64(),
            "whole_check_s": checked.as_secs_f64(), "claim_ms": figures(claims), "settle_ms": figures(settles),
            "claim_under_way_ms": figures(blocked), "claim_held_ms": figures(held), "accept_ms": figures(deep), "accept_empty_ms": figures(empty),
            "health_ms": overview.as_secs_f64() * 1e3, "peak_mib": peak_mib(own),
        })
    );
}

async fn claim(journal: &SqliteJournal, kind: ClaimKind, max: usize) -> Claimed {
    let request = ClaimRequest {
        kind,
        now: TokioClock.now(),
        lease: Duration::from_secs(60),
        max,
        budgets: Budgets {
            default: Budget::unbounded().with_max_in_flight(0),
            ..Budgets::default()
        },
    };
    journal.claim(request).await.expect("claimed")
}

fn checked(task: Task) -> Record {
    let Task::Check(target) = task else {
        panic!("{task:?}")
    };
    Record::Checked {
        target: target.key,
        result: Ok(Checked {
            shows_relay_id: Some(true),
            remarks: Vec::new(),
        }),
    }
}

fn to_send(task: Task) -> Work {
    let Task::Send(work) = task else {
        panic!("{task:?}")
    };
    work
}

fn dispatched(task: Task) -> Settlement {
    let work = to_send(task);
    Settlement::Dispatched {
        item: work.item.id,
        fence: work.fence,
        answer: Dispatched {
            run: None,
            closed_until: None,
        },
    }
}

fn parked(task: Task) -> Settlement {
    let work = to_send(task);
    Settlement::Parked {
        item: work.item.id,
        fence: work.fence,
        why: "no".to_owned(),
    }
}

/// Fills in one process, kills it, and measures in another.
pub(crate) fn row(folder: &Path, n: usize) -> Row {
    let mut all = Vec::new();
    for shape in shapes(n) {
        let file = folder.join(format!("backlog-{}.db", shape.name));
        let own = |mode: &str| {
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command.arg(mode).arg(&file).arg(shape.name).arg(n.to_string());
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            command.spawn().expect("this program again")
        };
        let said = |child: &mut std::process::Child| -> Value {
            let mut line = String::new();
            BufReader::new(child.stdout.take().expect("its output"))
                .read_line(&mut line)
                .expect("a line");
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"))
        };
        let mut filling = own("fill");
        let filled = said(&mut filling);
        filling.kill().expect("killed");
        filling.wait().expect("its end");
        let size = std::fs::metadata(&file).expect("a file").len() as f64 / 1e6;
        let mut opening = own("reopen");
        let found = said(&mut opening);
        assert!(opening.wait().expect("its end").success());
        let line = json!({"shape": shape.name, "models": shape.models, "versions": shape.versions, "file_mb": size, "fill": filled, "reopened": found});
        println!("{line}");
        all.push(line);
        // One of a million takes more than 4 GB.
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(folder.join(format!("backlog-{}.db{ending}", shape.name)));
        }
    }
    let each = |pointer: &str| -> Vec<f64> {
        all.iter()
            .map(|one| one.pointer(pointer).and_then(Value::as_f64).expect("a figure"))
            .collect()
    };
    let ratios: Vec<f64> = each("/reopened/accept_ms/p99")
        .iter()
        .zip(each("/reopened/accept_empty_ms/p99"))
        .map(|(deep, empty)| deep / empty)
        .collect();
    let memory = sorted(
        each("/reopened/peak_mib")
            .into_iter()
            .chain(each("/fill/peak_mib"))
            .collect(),
    );
    let claims = each("/reopened/first_claim_s")
        .into_iter()
        .chain(each("/reopened/first_send_claim_s"));
    let slowest = sorted(claims.collect());
    let list = |values: &[f64], digits: usize| {
        values
            .iter()
            .map(|value| format!("{value:.digits$}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let worst = |values: &[f64]| sorted(values.to_vec())[values.len() - 1];
    Row {
        measure: "backlog of 1,000,000 pending, SQLite, after a kill: 1,000,000 models; 1,000 versions each of 1,000 models, all to go in order; 1,000,000 versions of one model",
        goal: "accept p99 within 2 x of empty; restart to first claim under 3 s; memory flat, under 200 MB",
        reached: format!(
            "{n} pending: accept p99 {} x of empty; open and first claims {} s at most; {:.0} MiB at most; a claim of 16 p99 {} ms, with lanes under way {} ms, with lanes held {} ms, a settle p99 {} ms; health {} ms",
            list(&ratios, 2),
            slowest[slowest.len() - 1],
            memory[memory.len() - 1],
            list(&each("/reopened/claim_ms/p99"), 1),
            list(&each("/reopened/claim_under_way_ms/p99"), 1),
            list(&each("/reopened/claim_held_ms/p99"), 1),
            list(&each("/reopened/settle_ms/p99"), 1),
            list(&each("/reopened/health_ms"), 0),
        ),
        is_met: n >= 1_000_000
            && worst(&ratios) <= 2.0
            && slowest[slowest.len() - 1] < 3.0
            && memory[memory.len() - 1] < 200.0,
        figures: json!({"pending": n, "shapes": all}),
    }
}
