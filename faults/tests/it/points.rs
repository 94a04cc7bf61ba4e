//! The relay over failing storage, in CI's size: each operation of one seed's scenario fails, in turn by each of the troubles.

use relay_faults::disk::{Fault, Op, Trouble};
use relay_faults::points::{Sum, count, each_operation, run_all, sample};
use relay_faults::scenario::{Length, Recovery};

fn assert_kept(sum: &Sum) {
    assert_eq!(sum.findings, Vec::<String>::new());
    let (taken, refused) = sum.answered;
    assert!(taken > sum.n_runs && refused > 0, "{sum:?}");
}

#[test]
fn ok_each_operation_of_the_scenario_fails_and_the_promise_is_kept() {
    let counts = count(Length::Short, 1).unwrap();
    let runs: Vec<_> = each_operation(&counts, 1)
        .into_iter()
        .map(|fault| (1, fault))
        .collect();
    assert!(runs.len() > 500, "{counts:?}");
    let sum = run_all(Length::Short, &runs, 4).unwrap();
    assert_kept(&sum);
    assert!(sum.of(Recovery::Unhurt) < runs.len() / 10, "faults hit: {sum:?}");
    for recovery in [
        Recovery::ByItself,
        Recovery::ByOpeningAgain,
        Recovery::ByReopening,
        Recovery::ByStarting,
    ] {
        assert!(sum.of(recovery) > 0, "{recovery:?}: {sum:?}");
    }
}

/// SQLite moves the WAL in the middle of a commit; a sample, since a run takes a second.
#[test]
fn ok_operations_of_a_checkpoint_fail_and_the_promise_is_kept() {
    let counts = count(Length::Checkpoint, 2).unwrap();
    let faults = sample(&each_operation(&counts, 2), 24);
    let runs: Vec<_> = faults.into_iter().map(|fault| (2, fault)).collect();
    assert_kept(&run_all(Length::Checkpoint, &runs, 4).unwrap());
}

/// Which fault the same journal survives, and which needs another one: what an operator is told.
#[test]
fn ok_only_a_failed_sync_asks_for_a_restart() {
    let counts = count(Length::Short, 3).unwrap();
    let mut by_reopening = 0;
    for op in [Op::Write, Op::Sync] {
        let of_op = each_operation(&counts, 0)
            .into_iter()
            .filter(|fault| fault.op == Some(op));
        // From the end: there the relay is at work, and opens nothing any more.
        let n = of_op.clone().count();
        let faults = of_op.skip(n - n / 8).map(|fault| Fault {
            trouble: Trouble::Io,
            lasts: false,
            ..fault
        });
        let runs: Vec<_> = faults.map(|fault| (3, fault)).collect();
        let sum = run_all(Length::Short, &runs, 4).unwrap();
        assert_eq!(sum.findings, Vec::<String>::new());
        match op {
            Op::Sync => by_reopening = sum.of(Recovery::ByReopening),
            _ => assert_eq!(sum.of(Recovery::ByReopening), 0, "{sum:?}"),
        }
    }
    assert!(by_reopening > 0);
}
