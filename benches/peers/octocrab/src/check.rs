//! **Here**: what must hold on every machine: all dispatches arrive, connections are what the policy says, logs are silent, few crates.
//! **Not here**: time, which no machine of CI can be held to; instructions (`instructions.sh --check`).
//! **Reads**: `sender`, `measure`, `crates`.
//! **Source**: `benches/RESULTS.md` says what is promised.

use std::process::ExitCode;

use crate::contenders::{CONTENDERS, Policy};
use crate::crates;
use crate::measure::{N_AT_A_TIME, N_COUNTED, counted, listened};
use crate::sender::Turn;

/// Allocations of a dispatch beyond those of a bare POST, at most: of its URL, headers, token and body, which that has made before.
const MAX_MORE_ALLOCATIONS: u64 = 16;
/// Dispatches of a turn with many at a time.
const N_MANY: u64 = 500;

/// Says each thing, and fails if one does not hold.
pub(crate) fn check() -> ExitCode {
    let mut all_hold = true;
    let mut say = |holds: bool, what: String| {
        println!("{}: {what}", if holds { "ok" } else { "FAILED" });
        all_hold &= holds;
    };
    for policy in Policy::ALL {
        let mut allocations = Vec::new();
        for (name, _) in CONTENDERS {
            // Each of these stops the program unless all dispatches were accepted, and arrived as they should.
            let one = counted(name, policy);
            let n = one.n_dispatches;
            let expected = if policy == Policy::Fresh { n } else { 1 };
            say(
                one.n_connections == expected,
                format!(
                    "{name}, {}: {n} dispatches on {} connections, {expected} expected",
                    policy.name(),
                    one.n_connections
                ),
            );
            allocations.push((name, one.n_allocations));
            let turn = Turn {
                n_at_a_time: N_AT_A_TIME,
                ..Turn::of(name, policy, N_MANY)
            };
            let many = turn.run();
            let holds = match policy {
                Policy::Fresh => many.n_connections == N_MANY,
                Policy::Kept => many.n_connections < N_MANY,
            };
            say(
                holds,
                format!(
                    "{name}, {}: {N_MANY} dispatches, {N_AT_A_TIME} at a time, on {} connections",
                    policy.name(),
                    many.n_connections
                ),
            );
        }
        let of = |wanted: &str| {
            let found = allocations.iter().find(|(name, _)| *name == wanted);
            found.expect("it was counted").1 / N_COUNTED
        };
        let (ours, bare) = (of("ours"), of("bare"));
        say(
            ours <= bare + MAX_MORE_ALLOCATIONS,
            format!(
                "{}: a dispatch makes {ours} allocations, at most {MAX_MORE_ALLOCATIONS} more than the {bare} of a bare POST",
                policy.name()
            ),
        );
        let listened = listened("ours", policy);
        let [n_records, ..] = listened
            .logged
            .get("github_dispatch")
            .copied()
            .unwrap_or_default();
        let n_leaks: u64 = listened.logged.values().map(|[_, _, n_leaks]| n_leaks).sum();
        say(
            n_records == 0 && n_leaks == 0,
            format!(
                "{}: github-dispatch logs nothing, and nobody its token",
                policy.name()
            ),
        );
    }
    let [ours, bare, minimal, default] = crates::FEATURES.map(crates::count);
    say(
        ours < minimal && minimal < default,
        format!(
            "crates of the smallest program: ours {ours}, octocrab at least {minimal}, by default {default}; bare {bare}"
        ),
    );
    if all_hold {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
