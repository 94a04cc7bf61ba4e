//! Dispatches whose answer is lost, case after case in virtual time: where the run shows inside the window there is never a second one,
//! beyond it exactly the hidden ones are doubled, and each is reported. `examples/lost_answers.rs` runs as many as are wanted.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use github_dispatch::clock::Clock;
use github_dispatch::mock::{MockGitHub, RunsShow, Scripted};
use github_dispatch::{
    Advice, Client, DispatchEventType, FindOptions, IfHidden, RepoFullName, RepositoryDispatch, StaticToken,
};
use serde_json::json;

/// How long a run is looked for, in seconds; delays are drawn from 0 to twice that.
const WINDOW: u64 = 120;
/// Cases to a mock: its runs are listed again and again.
const PER_MOCK: u64 = 200;

/// A clock that goes on by what is waited for.
#[derive(Clone, Debug)]
struct Virtual(Arc<Mutex<SystemTime>>);

#[async_trait]
impl Clock for Virtual {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, wait: Duration) {
        *self.0.lock().unwrap() += wait;
    }
}

/// What came of all cases.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally {
    pub(crate) cases: u64,
    /// The run showed inside the window.
    pub(crate) found: u64,
    /// It showed later, and nothing was sent again.
    pub(crate) hidden: u64,
    /// It showed later, and was sent again: two runs, reported.
    pub(crate) doubled: u64,
    /// The request had never arrived, and nothing was sent again.
    pub(crate) missing: u64,
    /// The request had never arrived, and was sent again: one run.
    pub(crate) repaired: u64,
    /// Looks at the runs that failed.
    pub(crate) failed_looks: u64,
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// Runs so many cases; panics with the seed and the number of the first one that is wrong.
pub(crate) async fn cases(seed: u64, n: u64) -> Tally {
    let repo = RepoFullName::parse("contoso/deploy").unwrap();
    let clock = Virtual(Arc::new(Mutex::new(
        UNIX_EPOCH + Duration::from_secs(1_795_341_600),
    )));
    let mut tally = Tally::default();
    let mut number = 0;
    while number < n {
        let github = MockGitHub::start_with_clock("contoso/deploy", clock.clone()).await;
        let client = Client::builder(StaticToken::new("ghp_lost", "tester").unwrap())
            .api_root(github.uri())
            .clock(clock.clone())
            .build()
            .unwrap();
        for _ in 0..PER_MOCK.min(n - number) {
            let mut random = Random(seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
            one(
                &github,
                &client,
                &repo,
                &mut random,
                &format!("case{number}"),
                &mut tally,
            )
            .await;
            // A look begins a minute before its dispatch, and is not to see the cases before.
            clock.sleep(Duration::from_secs(600)).await;
            number += 1;
        }
    }
    tally
}

async fn one(
    github: &MockGitHub,
    client: &Client,
    repo: &RepoFullName,
    random: &mut Random,
    id: &str,
    tally: &mut Tally,
) {
    // To the millisecond, and the end of the window itself now and then.
    let delay = match random.below(20) {
        0 => Duration::from_secs(WINDOW),
        1 => Duration::from_millis(WINDOW * 1_000 + 1),
        _ => Duration::from_millis(random.below(2 * WINDOW * 1_000 + 1)),
    };
    let (arrives, lost) = match random.below(5) {
        0 => (false, Scripted::DropBefore),
        1 => (true, Scripted::AcceptThen { status: 500 }),
        2 => (true, Scripted::AcceptThen { status: 502 }),
        3 => (true, Scripted::AcceptThen { status: 504 }),
        _ => (true, Scripted::AcceptThenDrop),
    };
    let resends = random.below(2) == 0;
    // Failing looks come first, so that the last one, at the end of the window, is not among them.
    let failing = u32::try_from(random.below(4)).unwrap();
    github.script([lost]);
    github.show_runs(RunsShow::After(delay));
    github.fail_lists(failing);
    tally.failed_looks += u64::from(failing);
    tally.cases += 1;

    let payload = json!({ "model_name": "m", "model_version": "3", "relay": { "id": id } });
    let event_type = DispatchEventType::parse("deploy_pipeline_action").unwrap();
    let dispatch = RepositoryDispatch::new(event_type, payload.as_object().unwrap().clone()).unwrap();
    let if_hidden = if resends {
        IfHidden::ResendOnce
    } else {
        IfHidden::Report
    };
    let options = FindOptions::default()
        .with_window(Duration::from_secs(WINDOW))
        .with_if_hidden(if_hidden);
    let outcome = client.dispatch_and_find(repo, &dispatch, options).await;

    let n_effects = github.n_effects(id);
    let is_seen = arrives && delay <= Duration::from_secs(WINDOW);
    let case = format!("{id}: delay {delay:?}, arrives {arrives}, resends {resends}: {outcome:?}");
    match (&outcome, is_seen, arrives, resends) {
        // Inside the window: found, and never a second run.
        (Ok(found), true, _, _) => {
            assert_eq!(
                (found.runs.len(), found.resent, n_effects),
                (1, false, 1),
                "{case}"
            );
            assert!(found.accepted.is_none(), "{case}");
            tally.found += 1;
        }
        // Beyond it, and not sent again: nobody knows, and that is said.
        (Err(error), false, arrives, false) => {
            assert_eq!(
                (error.advice(), n_effects),
                (Advice::Unknown, usize::from(arrives)),
                "{case}"
            );
            if arrives {
                tally.hidden += 1;
            } else {
                tally.missing += 1;
            }
        }
        // Beyond it, and sent again: reported, two runs where the first was only hidden.
        (Ok(found), false, arrives, true) => {
            assert!(found.resent && found.accepted.is_some(), "{case}");
            assert_eq!(n_effects, 1 + usize::from(arrives), "{case}");
            if arrives {
                // The second look begins after the first window, and sees the run that had been hidden.
                assert!(!found.runs.is_empty(), "{case}");
                tally.doubled += 1;
            } else {
                tally.repaired += 1;
            }
        }
        _ => panic!("{case}"),
    }
}

#[tokio::test]
async fn ok_inside_the_window_never_two_runs_and_beyond_it_each_is_reported() {
    let tally = cases(7, 400).await;
    assert_eq!(tally.cases, 400);
    let all = [
        tally.found,
        tally.hidden,
        tally.doubled,
        tally.missing,
        tally.repaired,
    ];
    assert_eq!(all.iter().sum::<u64>(), 400);
    assert!(all.iter().all(|n| *n > 20), "{tally:?}");
}
