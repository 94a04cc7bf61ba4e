//! **Here**: a stop at every step that matters, over journals, policies, lanes and conducts of GitHub, and what is left of it afterwards.
//! **Not here**: pairs of stops (`just crash`).
//! **Reads**: `relay_sim::crash`.
//! **Source**: the row "crash at every named step x journal x policy, then recover".

use std::collections::BTreeSet;

use relay_sim::crash::{Case, STEPS};
use relay_sim::plan::Engine;

/// Runs a case without a stop, then with one at each of its steps. Gives how many runs that were, and the steps' names.
fn stopped_everywhere(case: Case) -> (usize, BTreeSet<&'static str>) {
    let whole = case.run(&[]);
    assert_eq!(whole.broken, None, "{case:?}");
    let busy = case.busy_steps();
    for step in 1..=busy {
        let outcome = case.run(&[step]);
        let name = whole.steps[step - 1];
        assert_eq!(outcome.broken, None, "{case:?}, stopped at step {step}, {name}");
        assert_eq!(
            outcome.figures.get("stops without warning"),
            Some(&1),
            "{case:?} was not stopped at step {step}, {name}"
        );
    }
    (busy, whole.steps.into_iter().collect())
}

fn stopped_in_every_case(engine: Engine, cases: impl Fn(&Case) -> bool) {
    let (mut n, mut names) = (0, BTreeSet::new());
    for case in Case::all(engine).into_iter().filter(cases) {
        let (runs, of_case) = stopped_everywhere(case);
        n += runs;
        names.extend(of_case);
    }
    assert_eq!(
        names,
        BTreeSet::from(STEPS),
        "every step that has a name was taken"
    );
    assert!(n > 500, "only {n} runs");
}

#[test]
fn ok_stopped_at_every_step_with_a_journal_in_memory() {
    stopped_in_every_case(Engine::Memory, |_| true);
}

#[test]
fn ok_stopped_at_every_step_with_a_journal_in_sqlite() {
    // Being down for long is the same for every journal.
    stopped_in_every_case(Engine::Sqlite, |case| case.down == 0);
}
