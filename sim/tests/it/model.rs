//! **Here**: the journal in memory against the model of it: two thousand cases; and a model with a wrong rule, which must disagree.
//! **Not here**: the rules and the operations (`relay_sim::model`), a million cases (`just journal-model`).
//! **Reads**: `relay_sim::model`.
//! **Source**: the row "state-machine property test of the journal against a model".

use relay_sim::model::Wrong;
use relay_sim::model::case::run;

#[test]
fn ok_the_journal_is_as_the_model_says_2000_cases() {
    let mut figures = relay_sim::stage::Figures::new();
    for seed in 1..=2_000 {
        let tried = run(seed, Wrong::Nothing);
        if let Some(broken) = tried.broken {
            panic!("seed {seed}: {broken}\n  {}", tried.operations.join("\n  "));
        }
        for (what, n) in tried.figures {
            *figures.entry(what).or_default() += n;
        }
    }
    // Whatever can happen does, so that none of it is compared in name only.
    for what in [
        "events accepted",
        "events seen again",
        "events unwanted",
        "sends",
        "looks",
        "sent again after a look",
        "outcomes",
        "outcomes fenced off",
        "commands",
        "commands refused",
        "dispatched",
        "superseded",
        "parked",
        "refused",
        "cancelled",
    ] {
        let n = figures.get(what).copied().unwrap_or(0);
        assert!(n >= 200, "{what}: {n} in {figures:?}");
    }
}

#[test]
fn err_a_wrong_rule_is_found_within_200_cases() {
    for wrong in Wrong::ALL {
        let found = (1..=200).any(|seed| run(seed, wrong).broken.is_some());
        assert!(found, "{wrong:?} was not found");
    }
}
