//! A backlog drained through the limits that GitHub documents, in virtual time, against a mock that refuses whatever is above them.
//! `examples/drain.rs` prints the figures.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use github_dispatch::auth::TokenError;
use github_dispatch::clock::Clock;
use github_dispatch::mock::{MockGitHub, MockLimits};
use github_dispatch::pace::{PaceRules, Pacer};
use github_dispatch::{
    Client, DispatchEventType, RepoFullName, RepositoryDispatch, RetryPolicy, TokenSource,
};
use secrecy::SecretString;
use serde_json::json;

/// A clock that goes on by what is waited for.
#[derive(Clone, Debug)]
struct Virtual(Arc<Mutex<SystemTime>>);

impl Virtual {
    fn turn(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

#[async_trait]
impl Clock for Virtual {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, wait: Duration) {
        self.turn(wait);
    }
}

/// A token that takes its time to come, as the way to GitHub does: between the start of a request and its arrival.
#[derive(Debug)]
struct Way {
    clock: Virtual,
    longest: Duration,
    random: Mutex<u64>,
}

#[async_trait]
impl TokenSource for Way {
    async fn token(&self) -> Result<SecretString, TokenError> {
        if !self.longest.is_zero() {
            let mut random = self.random.lock().unwrap();
            *random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let share = u32::try_from(*random >> 40).unwrap() % 1_000;
            self.clock.turn(self.longest * share / 1_000);
        }
        Ok(SecretString::from("ghp_drain"))
    }

    async fn refresh(&self) -> Result<bool, TokenError> {
        Ok(false)
    }

    fn principal(&self) -> &str {
        "tester"
    }
}

/// What a drain came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drained {
    pub(crate) n: u32,
    /// From the first to the last.
    pub(crate) took: Duration,
    /// What no schedule can be faster than: 500 in any hour, a second apart.
    pub(crate) permitted: Duration,
    /// What was estimated at the beginning.
    pub(crate) estimated: Duration,
    /// Requests that a limit refused.
    pub(crate) n_refused: usize,
}

/// Drains so many dispatches; each takes up to `longest_way` to arrive.
pub(crate) async fn drain(n: u32, longest_way: Duration) -> Drained {
    let clock = Virtual(Arc::new(Mutex::new(
        UNIX_EPOCH + Duration::from_secs(1_795_341_600),
    )));
    let github = MockGitHub::start_with_clock("contoso/deploy", clock.clone()).await;
    github.limit(MockLimits::documented());
    let pacer = Arc::new(Pacer::new(PaceRules::default()).with_patience(Duration::from_secs(7_200)));
    let way = Way {
        clock: clock.clone(),
        longest: longest_way,
        random: Mutex::new(7),
    };
    let client = Client::builder(way)
        .api_root(github.uri())
        .clock(clock.clone())
        .pacer(Arc::clone(&pacer))
        .retry(RetryPolicy::off())
        .build()
        .unwrap();
    let repo = RepoFullName::parse("contoso/deploy").unwrap();
    let began = clock.now();
    let estimated = pacer.drained_at(n, began).duration_since(began).unwrap();
    let mut last = began;
    for number in 0..n {
        let payload = json!({ "relay": { "id": format!("id{number}") } });
        let event_type = DispatchEventType::parse("deploy").unwrap();
        let dispatch = RepositoryDispatch::new(event_type, payload.as_object().unwrap().clone()).unwrap();
        client.dispatch(&repo, &dispatch).await.unwrap();
        last = clock.now();
    }
    assert_eq!(
        github.received().iter().filter(|one| one.effect).count(),
        usize::try_from(n).unwrap()
    );
    let (hours, rest) = ((n - 1) / 500, (n - 1) % 500);
    Drained {
        n,
        took: last.duration_since(began).unwrap(),
        permitted: Duration::from_secs(u64::from(hours) * 3_600 + u64::from(rest)),
        estimated,
        n_refused: github.n_throttled(),
    }
}

#[tokio::test]
async fn ok_a_backlog_drains_at_the_permitted_rate_and_github_never_says_no() {
    for longest_way in [Duration::ZERO, Duration::from_millis(900)] {
        let drained = drain(2_000, longest_way).await;
        assert_eq!((drained.n, drained.n_refused), (2_000, 0), "{drained:?}");
        let share = drained.permitted.as_secs_f64() / drained.took.as_secs_f64();
        assert!((0.95..=1.0).contains(&share), "{share} {drained:?}");
        let estimate = drained.estimated.as_secs_f64() / drained.took.as_secs_f64();
        assert!((0.95..=1.05).contains(&estimate), "{estimate} {drained:?}");
    }
}
