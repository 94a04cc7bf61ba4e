//! **Here**: [`Time`], the virtual time: how it passes truly, what the relay's clock shows, who waits for when.
//! **Not here**: what happens when (`stage`'s agenda), who is polled (`executor`).
//! **Reads**: nothing; [`SimClock`] gives it to the relay.
//! **Source**: DESIGN section 5, clocks: a wall clock may jump, waiting is by a clock that does not.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use relay_core::clock::{Clock, Timestamp};

use crate::stage::Stage;

/// When every simulation begins, by every clock.
pub const START_MS: i64 = 1_795_000_000_000;

/// The virtual time.
#[derive(Debug)]
pub struct Time {
    /// How late it truly is, in milliseconds since 1970; GitHub's clock and Event Grid's.
    pub now: i64,
    /// How far the relay's clock is ahead of it.
    pub skew: i64,
    /// The sum of all jumps forward. A jump back is undone by the journal, one forward looks like time that passed.
    pub forward: i64,
    timers: BTreeMap<(i64, u64), Waker>,
    next_timer: u64,
}

impl Time {
    pub(crate) const fn new() -> Self {
        Self {
            now: START_MS,
            skew: 0,
            forward: 0,
            timers: BTreeMap::new(),
            next_timer: 0,
        }
    }

    /// What the relay's clock shows.
    #[must_use]
    pub const fn relay_now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.now + self.skew)
    }

    /// How much time has passed for the relay: jumps back do not count, jumps forward do.
    #[must_use]
    pub const fn elapsed(&self) -> i64 {
        self.now + self.forward
    }

    /// The relay's clock jumps.
    pub(crate) const fn jump(&mut self, by_ms: i64) {
        self.skew += by_ms;
        if by_ms > 0 {
            self.forward += by_ms;
        }
    }

    /// When the next one who waits is to be woken.
    pub(crate) fn next_timer(&self) -> Option<i64> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes those whose time has come.
    pub(crate) fn take_due(&mut self) -> Vec<Waker> {
        let later = self.timers.split_off(&(self.now + 1, 0));
        std::mem::replace(&mut self.timers, later).into_values().collect()
    }
}

/// The relay's clock.
#[derive(Clone, Debug)]
pub struct SimClock(pub(crate) Stage);

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.0.lock().time.relay_now()
    }

    async fn sleep(&self, wait: Duration) {
        let ms = i64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX);
        Sleep::new(&self.0, ms).await;
    }
}

/// Waits until so much time has truly passed.
#[derive(Debug)]
pub(crate) struct Sleep {
    stage: Stage,
    until: i64,
    timer: Option<u64>,
}

impl Sleep {
    pub(crate) fn new(stage: &Stage, ms: i64) -> Self {
        let until = stage.lock().time.now.saturating_add(ms);
        Self {
            stage: stage.clone(),
            until,
            timer: None,
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let until = self.until;
        let timer = self.timer.take();
        let mut state = self.stage.lock();
        let time = &mut state.time;
        // Wakers are dropped when the lock is free again: nobody knows what hangs on them.
        let _former = timer.and_then(|timer| time.timers.remove(&(until, timer)));
        if time.now >= until {
            drop(state);
            return Poll::Ready(());
        }
        let timer = time.next_timer;
        time.next_timer += 1;
        time.timers.insert((until, timer), context.waker().clone());
        drop(state);
        self.timer = Some(timer);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            let waker = self.stage.lock().time.timers.remove(&(self.until, timer));
            drop(waker);
        }
    }
}

/// Lets others go first, one time.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
