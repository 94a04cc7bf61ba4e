//! **Here**: seeds that hold, and that a seed is the same whenever it is run.
//! **Not here**: what holds (`relay_sim`'s judge).
//! **Reads**: `relay_sim`.
//! **Source**: our own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use relay_sim::stage::Figures;
use relay_sim::{Options, run};

/// Two threads share the seeds, as CI has two cores.
fn figures_of(seeds: std::ops::Range<u64>) -> Figures {
    let (next, all) = (AtomicU64::new(seeds.start), Mutex::new(Figures::new()));
    std::thread::scope(|scope| {
        let work = || {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    return;
                }
                let outcome = run(seed, Options::default());
                assert_eq!(
                    outcome.broken, None,
                    "seed {seed}: cargo run --release -p relay-sim -- --seed {seed} --trace"
                );
                let mut all = all.lock().unwrap();
                for (what, n) in outcome.figures {
                    *all.entry(what).or_default() += n;
                }
            }
        };
        let workers = [scope.spawn(work), scope.spawn(work)];
        for worker in workers {
            // The first seed that broke a promise says so itself.
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
    all.into_inner().unwrap()
}

/// The simulation is worth something only if what can go wrong does: each of these has to have happened.
const MUST_HAPPEN: [&str; 38] = [
    "answers lost",
    "answers that Event Grid did not hear",
    "answers: 301",
    "answers: 401",
    "answers: 403",
    "answers: 404",
    "answers: 422",
    "answers: 5xx, and a run started",
    "answers: 5xx, and nothing started",
    "answers: limit out of nowhere",
    "answers: primary limit",
    "answers: secondary limit",
    "commands: cancel",
    "commands: pause",
    "commands: refuse",
    "commands: replay",
    "commands: replay an older one",
    "commands: replay all parked",
    "commands: resume",
    "deliveries answered 503",
    "deliveries copied",
    "deliveries to a process that is down",
    "deliveries without an answer",
    "doubles of runs hidden longer than the window",
    "elements kept aside",
    "journal failures after the write",
    "journal failures before the write",
    "jumps back",
    "jumps forward",
    "orderly stops",
    "requests orphaned",
    "requests repeated after a look",
    "requests: no connection",
    "runs hidden longer than the longest window",
    "stops without warning",
    "verdicts: cancelled",
    "verdicts: refused",
    "verdicts: superseded",
];

#[test]
fn ok_three_hundred_seeds_keep_every_promise() {
    let figures = figures_of(1..301);
    for what in MUST_HAPPEN {
        assert!(
            figures.get(what).is_some_and(|n| *n > 0),
            "{what} never happened: {figures:#?}"
        );
    }
}

#[test]
fn ok_a_seed_is_the_same_whenever_it_is_run() {
    // 24 and 49 have their journal in SQLite, which has threads of its own.
    for seed in [1, 2, 3, 24, 49, 77, 1_234_567_890_123] {
        let first = run(seed, Options::default());
        let kept = run(
            seed,
            Options {
                trace: true,
                ..Options::default()
            },
        );
        assert_eq!(first.digest, kept.digest, "seed {seed}");
        assert_eq!(first.figures, kept.figures, "seed {seed}");
        assert_eq!(kept.trace.len() as u64, kept.digest.1, "seed {seed}");
        assert!(kept.trace.len() > 20, "seed {seed}: {:?}", kept.trace);
    }
    assert_ne!(
        run(1, Options::default()).digest,
        run(2, Options::default()).digest
    );
}
