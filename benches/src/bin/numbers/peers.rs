//! **Here**: the same job by the real server, by FastAPI and by express, side by side: processor time of an event, memory, latency.
//! **Not here**: the peers themselves (`benches/peers/webhook-python`, `benches/peers/webhook-node`).
//! **Reads**: `process` for the figures, one stand-in and one load for each turn.
//! **Source**: our own: turns alternate, and each ends when the stand-in has every event one time.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::accept::{median, sorted};
use crate::load::{self, SECRET};
use crate::process::{Program, host_server};
use crate::report::Row;
use crate::standin::{StandIn, TOKEN};

/// Deliveries before those that are counted: connections, just-in-time compilers.
const WARM: usize = 2_000;
const AT_ONCE: usize = 32;

/// Who does the job: ours, and the peers by the way they send.
const CONTENDERS: [&str; 6] = [
    "ours",
    "ours-1",
    "python-httpx",
    "python-aiohttp",
    "node-http",
    "node-fetch",
];

#[derive(Debug, Default)]
struct Figures {
    cpu_ms: Vec<f64>,
    peak_mib: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    per_s: Vec<f64>,
}

impl Figures {
    fn to_json(&self, name: &str) -> Value {
        json!({
            "who": name, "cpu_ms_per_event": self.cpu_ms, "peak_mib": self.peak_mib, "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms, "deliveries_per_s": self.per_s,
        })
    }
}

fn start(name: &str, folder: &Path, github: SocketAddr) -> Program {
    let root = format!("http://{github}");
    let installed = |path: &str| {
        let path = PathBuf::from(path);
        assert!(
            path.exists(),
            "{} is not there: `just numbers-peers` installs it",
            path.display()
        );
        path
    };
    let mut command = match name.split_once('-') {
        // As many as the peers send: each of their requests waits for one at GitHub.
        None => return host_server(folder, github, AT_ONCE),
        Some(("ours", _)) => return host_server(folder, github, 1),
        Some(("python", client)) => {
            let mut command = Command::new(installed("target/peers/python/bin/python"));
            command.args(["benches/peers/webhook-python/app.py", &root, client]);
            command
        }
        Some((_, client)) => {
            let app = installed("target/peers/node/app.mjs");
            let mut command = Command::new("node");
            command.arg(app).args([&root, client]);
            command
        }
    };
    Program::start(command.env("RELAY_SECRET", SECRET).env("RELAY_TOKEN", TOKEN))
}

async fn turn(name: &str, folder: &Path, n: usize, figures: &mut Figures) {
    let standin = StandIn::start().await;
    let program = start(name, folder, standin.address());
    let longest = Duration::from_secs(120);
    load::deliver(program.address(), 0..WARM, AT_ONCE).await;
    standin.wait_for(WARM, longest).await;
    let before = program.cpu_s();
    let loaded = load::deliver(program.address(), WARM..WARM + n, AT_ONCE).await;
    standin.wait_for(WARM + n, longest).await;
    figures.cpu_ms.push((program.cpu_s() - before) * 1e3 / n as f64);
    figures.peak_mib.push(program.peak_mib());
    figures.p50_ms.push(loaded.quantile_ms(0.5));
    figures.p99_ms.push(loaded.quantile_ms(0.99));
    figures.per_s.push(loaded.rate());
}

/// One turn of one contender, for looking into it.
pub(crate) async fn only(name: &str, folder: &Path, n: usize) -> Value {
    let mut figures = Figures::default();
    turn(name, folder, n, &mut figures).await;
    figures.to_json(name)
}

/// Each contender has its turn in every round.
pub(crate) async fn side_by_side(folder: &Path, n: usize, n_rounds: usize) -> Row {
    let mut all: Vec<Figures> = CONTENDERS.iter().map(|_| Figures::default()).collect();
    for round in 0..n_rounds {
        for turn_of in 0..CONTENDERS.len() {
            let index = (turn_of + round) % CONTENDERS.len();
            let own = folder.join(format!("{}-{round}", CONTENDERS[index]));
            std::fs::create_dir_all(&own).expect("a folder");
            turn(CONTENDERS[index], &own, n, &mut all[index]).await;
            println!("{}", all[index].to_json(CONTENDERS[index]));
        }
    }
    let of = |list: &[f64]| median(&sorted(list.to_vec()));
    let cpu: Vec<f64> = all.iter().map(|figures| of(&figures.cpu_ms)).collect();
    let memory: Vec<f64> = all.iter().map(|figures| of(&figures.peak_mib)).collect();
    // The leaner way of each peer is what ours is held against.
    let (python, node) = (cpu[2].min(cpu[3]), cpu[4].min(cpu[5]));
    let python_memory = memory[2].min(memory[3]);
    let named = |list: &[f64], digits: usize| {
        let parts = CONTENDERS
            .iter()
            .zip(list)
            .map(|(name, value)| format!("{name} {value:.digits$}"));
        parts.collect::<Vec<_>>().join(", ")
    };
    let details: Vec<Value> = CONTENDERS
        .iter()
        .zip(&all)
        .map(|(name, figures)| figures.to_json(name))
        .collect();
    let p99: Vec<f64> = all.iter().map(|figures| of(&figures.p99_ms)).collect();
    let per_s: Vec<f64> = all.iter().map(|figures| of(&figures.per_s)).collect();
    Row {
        measure: "the same job in Python (FastAPI, azure-eventgrid) and Node (express, @azure/eventgrid), neither durable, both with kept connections; ours is host_server with SQLite; 32 connections",
        goal: "processor time of an event at most 1/10 of Python's and 1/2 of Node's; at most 1/4 of Python's memory",
        reached: format!(
            "1/{:.1} of Python's and 1/{:.1} of Node's leaner way; 1/{:.1} of Python's memory. CPU ms of an event: {}. MiB at most: {}. p99 ms of a delivery: {}. Deliveries/s: {}",
            python / cpu[0],
            node / cpu[0],
            python_memory / memory[0],
            named(&cpu, 3),
            named(&memory, 0),
            named(&p99, 1),
            named(&per_s, 0),
        ),
        is_met: cpu[0] <= python / 10.0 && cpu[0] <= node / 2.0 && memory[0] <= python_memory / 4.0,
        figures: json!({"events": n, "contenders": details}),
    }
}
