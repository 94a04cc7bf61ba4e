//! **Here**: one process that sends with one contender and measures itself; and the other end, which starts it and reads what it says.
//! **Not here**: which contenders, how often, and in what order (`main`).
//! **Reads**: `contenders`, `standin`, `counting`, `logging`.
//! **Source**: `getrusage(2)`. A process for each turn, so that no contender inherits the heap, the ports or the threads of another.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use crate::contenders::{Contender, Policy};
use crate::counting::{Allocations, allocations_of};
use crate::logging;
use crate::standin::{Seen, StandIn};

/// What one process is to do.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) name: String,
    pub(crate) policy: Policy,
    /// Dispatches before anything is measured.
    pub(crate) n_warm: u64,
    /// Dispatches that are measured.
    pub(crate) n_times: u64,
    /// How many are under way at a time.
    pub(crate) n_at_a_time: u64,
    /// Whether all logs are listened to, which takes time and memory of its own.
    pub(crate) listens: bool,
    /// Whether allocations are counted, which takes time.
    pub(crate) counts: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Dispatches that the client says were accepted, and others.
    pub(crate) n_accepted: u64,
    pub(crate) n_failed: u64,
    /// Of the measured ones.
    pub(crate) wall_micros: u64,
    pub(crate) cpu_micros: u64,
    pub(crate) n_allocations: u64,
    pub(crate) n_allocated_bytes: u64,
    /// By crate: records, bytes, records with the token.
    pub(crate) logged: BTreeMap<String, [u64; 3]>,
    /// What the stand-in says, the first dispatches included.
    pub(crate) n_connections: u64,
    pub(crate) n_dispatches: u64,
    pub(crate) n_others: u64,
}

impl Turn {
    /// A turn of one dispatch after another, nothing of it listened to or counted.
    pub(crate) fn of(name: &str, policy: Policy, n_times: u64) -> Self {
        Self {
            name: name.to_owned(),
            policy,
            n_warm: 0,
            n_times,
            n_at_a_time: 1,
            listens: false,
            counts: false,
        }
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["send".to_owned(), self.name.clone()];
        for (name, value) in [
            ("--policy", self.policy.name().to_owned()),
            ("--warm", self.n_warm.to_string()),
            ("--times", self.n_times.to_string()),
            ("--at-a-time", self.n_at_a_time.to_string()),
        ] {
            arguments.extend([name.to_owned(), value]);
        }
        arguments.extend(self.listens.then(|| "--logs".to_owned()));
        arguments.extend(self.counts.then(|| "--allocations".to_owned()));
        arguments
    }

    /// Starts a process for it. Stops the program unless every dispatch was accepted, and arrived as it should.
    pub(crate) fn run(&self) -> Outcome {
        let program = std::env::current_exe().expect("the path of this program");
        let output = Command::new(program)
            .args(self.arguments())
            .output()
            .expect("a process");
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{self:?} failed: {said}{complaint}");
        Outcome::parse(&said)
    }

    /// Does it, within this process.
    pub(crate) fn perform(&self) -> Option<Outcome> {
        let stand_in = StandIn::start();
        if self.listens {
            logging::listen();
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let contender = {
            let _inside = runtime.enter();
            Arc::new(Contender::new(&self.name, self.policy, stand_in.root())?)
        };
        let send = |n| runtime.block_on(send_all(&contender, n, self.n_at_a_time));
        let mut outcome = Outcome {
            n_failed: send(self.n_warm),
            ..Outcome::default()
        };
        logging::clear();
        let (cpu, wall) = (cpu_micros(), now());
        if self.counts {
            let Allocations { n_calls, n_bytes } = allocations_of(|| outcome.n_failed += send(self.n_times));
            (outcome.n_allocations, outcome.n_allocated_bytes) = (n_calls, n_bytes);
        } else {
            outcome.n_failed += send(self.n_times);
        }
        outcome.wall_micros = u64::try_from(wall.elapsed().as_micros()).expect("a short time");
        outcome.cpu_micros = cpu_micros() - cpu;
        for (name, logged) in logging::logged() {
            let numbers = [logged.n_records, logged.n_bytes, logged.n_leaks];
            outcome.logged.insert(name, numbers);
        }
        outcome.n_accepted = self.n_warm + self.n_times - outcome.n_failed;
        drop(contender);
        drop(runtime);
        let Seen {
            n_connections,
            n_dispatches,
            n_others,
        } = stand_in.stop();
        (outcome.n_connections, outcome.n_dispatches, outcome.n_others) =
            (n_connections, n_dispatches, n_others);
        let n = self.n_warm + self.n_times;
        let counts = (outcome.n_accepted, n_dispatches, n_others);
        assert_eq!(
            counts,
            (n, n, 0),
            "accepted, arrived and others of {n} dispatches: {self:?}"
        );
        Some(outcome)
    }
}

impl Outcome {
    fn numbers(&mut self) -> [(&'static str, &mut u64); 9] {
        [
            ("accepted", &mut self.n_accepted),
            ("failed", &mut self.n_failed),
            ("wall", &mut self.wall_micros),
            ("cpu", &mut self.cpu_micros),
            ("allocations", &mut self.n_allocations),
            ("allocated", &mut self.n_allocated_bytes),
            ("connections", &mut self.n_connections),
            ("dispatches", &mut self.n_dispatches),
            ("others", &mut self.n_others),
        ]
    }

    /// One number a line.
    pub(crate) fn print(mut self) {
        for (name, number) in self.numbers() {
            println!("{name} {number}");
        }
        for (name, [n_records, n_bytes, n_leaks]) in &self.logged {
            println!("log {name} {n_records} {n_bytes} {n_leaks}");
        }
    }

    fn parse(text: &str) -> Self {
        let mut outcome = Self::default();
        let number = |word: &str| word.parse::<u64>().expect("a number");
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["log", name, n_records, n_bytes, n_leaks] => {
                    let numbers = [number(n_records), number(n_bytes), number(n_leaks)];
                    outcome.logged.insert(name.to_owned(), numbers);
                }
                [name, value] => {
                    let mut numbers = outcome.numbers().into_iter();
                    let (_, place) = numbers.find(|(known, _)| *known == name).expect("a known number");
                    *place = number(value);
                }
                _ => panic!("expected a number, found {line}"),
            }
        }
        outcome
    }
}

/// Sends so many, and says how many were not accepted. One at a time goes without tasks, as a program that sends one would.
async fn send_all(contender: &Arc<Contender>, n: u64, n_at_a_time: u64) -> u64 {
    let failed = |result: Result<(), String>| match result {
        Ok(()) => 0,
        Err(why) => {
            eprintln!("not accepted: {why}");
            1
        }
    };
    let mut n_failed = 0;
    if n_at_a_time == 1 {
        for _ in 0..n {
            n_failed += failed(contender.dispatch().await);
        }
        return n_failed;
    }
    let n_begun = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..n_at_a_time)
        .map(|_| {
            let (contender, n_begun) = (Arc::clone(contender), Arc::clone(&n_begun));
            tokio::spawn(async move {
                let mut n_failed = 0;
                while n_begun.fetch_add(1, Ordering::Relaxed) < n {
                    n_failed += failed(contender.dispatch().await);
                }
                n_failed
            })
        })
        .collect();
    for task in tasks {
        n_failed += task.await.expect("no panic");
    }
    n_failed
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn now() -> Instant {
    Instant::now()
}

/// What this process took of the processor so far, in its own code and in the system's. The stand-in is another process.
fn cpu_micros() -> u64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("a usage");
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    u64::try_from(micros).expect("a time")
}
