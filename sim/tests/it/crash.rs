//! **Here**: a stop at every step that matters, over journals, policies, lanes and conducts of GitHub, and what is left of it afterwards.
//! **Not here**: the cases that CI has no time for, and pairs of stops (`just crash`).
//! **Reads**: `relay_sim::crash`.
//! **Source**: the row "crash at every named step x journal x policy, then recover".

use std::collections::BTreeSet;

use relay_sim::crash::{Case, Conduct, STEPS};
use relay_sim::plan::Engine;

/// Runs a case with a stop at each of its steps. Gives how many runs that were, and the steps' names.
fn stopped_everywhere(case: Case) -> (usize, BTreeSet<&'static str>) {
    assert_eq!(case.run(&[]).broken, None, "{case:?}");
    let steps = case.steps();
    for (step, name) in &steps {
        let outcome = case.run(&[*step]);
        assert_eq!(outcome.broken, None, "{case:?}, stopped at step {step}, {name}");
        assert_eq!(
            outcome.figures.get("stops without warning"),
            Some(&1),
            "{case:?} was not stopped at step {step}, {name}"
        );
    }
    (steps.len(), steps.into_iter().map(|(_, name)| name).collect())
}

fn stopped_in_every_case(engine: Engine, cases: impl Fn(&Case) -> bool) -> usize {
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
    n
}

#[test]
fn ok_stopped_at_every_step_with_a_journal_in_memory() {
    // Down for an hour only where answers are lost: it is their window that passes meanwhile.
    let n = stopped_in_every_case(Engine::Memory, |case| match case.conduct {
        Conduct::Lossy => true,
        Conduct::Fine => case.down == 0,
        Conduct::Shy => false,
    });
    assert!(n > 700, "only {n} runs");
}

#[test]
fn ok_stopped_at_every_step_with_a_journal_in_sqlite() {
    let n = stopped_in_every_case(Engine::Sqlite, |case| {
        case.conduct == Conduct::Lossy && case.down == 0
    });
    assert!(n > 200, "only {n} runs");
}
