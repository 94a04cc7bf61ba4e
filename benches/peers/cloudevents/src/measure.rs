//! **Here**: what one body costs each contender: nanoseconds and allocations; and whether all found what was written.
//! **Not here**: tables (`table`), instructions (`instructions.sh`).
//! **Reads**: `contenders` and `input`.
//! **Source**: our own: turns in every round, so that whatever disturbs the machine meets all contenders.

use std::hint::black_box;
use std::time::Instant;

use crate::contenders::Contender;
use crate::counting::{Allocations, allocations_of};
use crate::input::Input;

/// A round reads about as many bytes as this, and at least one body: long beside the clock's own step, short beside a second.
const BYTES_OF_A_TURN: usize = 64 * 1024;

/// What one body costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// The median of all rounds.
    pub(crate) nanos: f64,
    /// The first and the ninth decile of all rounds.
    pub(crate) deciles: [f64; 2],
    /// Of one reading; each has the same.
    pub(crate) allocations: Allocations,
}

/// Stops the program if a contender finds something else than was written.
pub(crate) fn check_sums(contenders: &[Contender], input: &Input) {
    for contender in contenders {
        let found = (contender.read)(&input.bytes);
        assert!(
            contender.is_right(found, input),
            "{} found {found:?}, and {:?} was written",
            contender.name,
            input.written
        );
    }
}

/// What a body allocates on its way through one contender.
pub(crate) fn allocations(contender: &Contender, input: &Input) -> Allocations {
    allocations_of(|| {
        black_box((contender.read)(black_box(&input.bytes)));
    })
}

/// What a body costs each contender. The first tenth of the rounds warms up, and each round begins with another contender.
pub(crate) fn costs(contenders: &[Contender], input: &Input, n_rounds: usize) -> Vec<Cost> {
    let n_times = (BYTES_OF_A_TURN / input.bytes.len()).max(1);
    let n_warm = n_rounds.div_ceil(10);
    let mut nanos = vec![Vec::with_capacity(n_rounds); contenders.len()];
    for round in 0..n_warm + n_rounds {
        for turn in 0..contenders.len() {
            let index = (round + turn) % contenders.len();
            let one = turn_of(&contenders[index], input, n_times);
            if round >= n_warm {
                nanos[index].push(one);
            }
        }
    }
    let with_allocations = |(contender, mut nanos): (&Contender, Vec<f64>)| {
        nanos.sort_by(f64::total_cmp);
        let at = |tenths: usize| nanos[(nanos.len() - 1) * tenths / 10];
        Cost {
            nanos: at(5),
            deciles: [at(1), at(9)],
            allocations: allocations(contender, input),
        }
    };
    contenders.iter().zip(nanos).map(with_allocations).collect()
}

/// Nanoseconds of one body, over as many readings.
fn turn_of(contender: &Contender, input: &Input, n_times: usize) -> f64 {
    #[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
    let start = Instant::now();
    for _ in 0..n_times {
        black_box((contender.read)(black_box(&input.bytes)));
    }
    start.elapsed().as_nanos() as f64 / n_times as f64
}
