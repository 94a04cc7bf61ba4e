//! **Here**: the relay, or what it stands on, broken on purpose: the judge finds it, and says what is broken.
//! **Not here**: the ways to break it (`relay_sim::sabotage`).
//! **Reads**: `relay_sim`.
//! **Source**: our own: a check that never fails has not been shown to check.

use relay_sim::{Options, Sabotage, run};

/// So many seeds at most until it is found.
const SEEDS: u64 = 120;

#[test]
fn err_whatever_is_broken_is_found() {
    for (sabotage, words) in Sabotage::ALL {
        let found = (1..=SEEDS).find_map(|seed| {
            let options = Options {
                sabotage,
                ..Options::default()
            };
            run(seed, options).broken.map(|broken| (seed, broken))
        });
        let Some((seed, broken)) = found else {
            panic!("{sabotage:?} was not found within {SEEDS} seeds")
        };
        assert!(
            words.iter().any(|word| broken.contains(word)),
            "{sabotage:?}, seed {seed}, was found by another promise than {words:?}: {broken}"
        );
    }
}
