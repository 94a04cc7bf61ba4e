//! **Here**: [`Moments`], which tells the verbs of a relay the time, so that none is told one from before a jump of the clock and
//! written after it.
//! **Not here**: what a jump does to what is stored (`journal::verbs`); the clock (`clock`).
//! **Reads**: `clock` before it; `relay` and `worker` take a moment for each verb.
//! **Source**: DESIGN section 5: at a backward jump, due times move back by the jump, and once.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::clock::{Clock, JUMP, Timestamp};

/// Where the verbs of a relay get the time from.
///
/// The journal learns of a jump from the first verb that is told an earlier time, and moves what it has stored. A verb that was told
/// the time before the jump and is written after that one would look like a clock that went forward again, and the next like a second
/// jump back: everything would be moved twice, retries would come early and the windows of a budget end before GitHub's. One that was told
/// the time before a jump forward looks like a jump back that there never was. So the first that finds a jump waits for all that were
/// told the time before it, and everybody else waits for the first. To find nobody for a while looks the same, and costs nothing: there
/// is nobody to wait for.
///
/// It is a lock that many share and one holds alone, with the reading of the clock inside it. (`async-lock` has one; there those who want
/// to share wake each other all the time while somebody holds it alone.)
#[derive(Debug)]
pub(crate) struct Moments {
    clock: Arc<dyn Clock>,
    turns: Mutex<Turns>,
}

#[derive(Debug, Default)]
struct Turns {
    /// The latest that anybody was told since the last jump; none before the first.
    latest: Option<Timestamp>,
    n_shared: usize,
    is_alone: bool,
    n_wait_alone: usize,
    wakers: Vec<Waker>,
}

impl Turns {
    /// Whether this moment is no jump from the last one: either may be a little ahead.
    fn is_near(&self, now: Timestamp) -> bool {
        self.latest
            .is_none_or(|latest| latest.after(JUMP) >= now && now.after(JUMP) >= latest)
    }

    fn wait(&mut self, context: &Context<'_>) {
        let is_known = self.wakers.iter().any(|waker| waker.will_wake(context.waker()));
        if !is_known {
            self.wakers.push(context.waker().clone());
        }
    }
}

/// What a verb is told. Keep it until the verb has come back: whoever finds a jump waits for that.
#[derive(Debug)]
pub(crate) struct Moment<'a> {
    pub(crate) now: Timestamp,
    is_alone: bool,
    all: &'a Moments,
}

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        self.all.change(|turns| {
            if self.is_alone {
                turns.is_alone = false;
            } else {
                turns.n_shared = turns.n_shared.saturating_sub(1);
            }
        });
    }
}

/// Waits for its turn alone; whoever gives it up holds nobody up.
struct Waiting<'a>(Option<&'a Moments>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(all) = self.0 {
            all.change(|turns| turns.n_wait_alone = turns.n_wait_alone.saturating_sub(1));
        }
    }
}

impl Moments {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            turns: Mutex::default(),
        }
    }

    /// The time for one verb.
    ///
    /// # Cancel safety
    /// Dropping the future gives the turn back. A moment that is dropped before its verb has come back is as good where the journal
    /// carries out verbs in the order in which they were handed over, as both of ours do.
    pub(crate) async fn next(&self) -> Moment<'_> {
        let mut waiting = Waiting(None);
        poll_fn(|context| self.poll(context, &mut waiting)).await
    }

    fn poll<'a>(&'a self, context: &Context<'_>, waiting: &mut Waiting<'a>) -> Poll<Moment<'a>> {
        let mut turns = self.locked();
        if waiting.0.is_none() {
            if turns.is_alone || turns.n_wait_alone > 0 {
                turns.wait(context);
                return Poll::Pending;
            }
            let now = self.clock.now();
            if turns.is_near(now) {
                turns.n_shared += 1;
                turns.latest = turns.latest.max(Some(now));
                return Poll::Ready(self.moment(now, false));
            }
            turns.n_wait_alone += 1;
            waiting.0 = Some(self);
        }
        if turns.is_alone || turns.n_shared > 0 {
            turns.wait(context);
            return Poll::Pending;
        }
        waiting.0 = None;
        turns.n_wait_alone -= 1;
        turns.is_alone = true;
        let now = self.clock.now();
        turns.latest = Some(now);
        Poll::Ready(self.moment(now, true))
    }

    const fn moment(&self, now: Timestamp, is_alone: bool) -> Moment<'_> {
        Moment {
            now,
            is_alone,
            all: self,
        }
    }

    /// Changes whose turn it is, and wakes those who wait for one.
    fn change(&self, change: impl FnOnce(&mut Turns)) {
        let wakers = {
            let mut turns = self.locked();
            change(&mut turns);
            std::mem::take(&mut turns.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn locked(&self) -> MutexGuard<'_, Turns> {
        // A panic cannot leave a count half written.
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::testing::doubles::ManualClock;

    const START: Timestamp = Timestamp::from_unix_ms(1_763_856_000_000);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn moments() -> (Arc<ManualClock>, Moments) {
        let clock = Arc::new(ManualClock::new(START));
        let moments = Moments::new(Arc::<ManualClock>::clone(&clock));
        (clock, moments)
    }

    #[test]
    fn ok_verbs_share_their_turn_while_the_clock_goes_on_or_back_a_little() {
        let (clock, moments) = moments();
        let first = moments.next().now_or_never().unwrap();
        clock.set(START.before(JUMP));
        let second = moments.next().now_or_never().unwrap();
        clock.set(START.after(JUMP));
        let third = moments.next().now_or_never().unwrap();
        assert_eq!(
            [first.now, second.now, third.now],
            [START, START.before(JUMP), START.after(JUMP)]
        );
    }

    #[test]
    fn ok_the_first_after_a_jump_waits_for_those_before_it_and_others_for_the_first() {
        let (clock, moments) = moments();
        let before = moments.next().now_or_never().unwrap();
        clock.set(START.before(HOUR));
        let mut first = Box::pin(moments.next());
        assert!(first.as_mut().now_or_never().is_none(), "one is under way");
        let mut second = Box::pin(moments.next());
        assert!(second.as_mut().now_or_never().is_none(), "one waits before it");
        drop(before);
        let told = first.now_or_never().unwrap();
        assert_eq!(told.now, START.before(HOUR));
        assert!(second.as_mut().now_or_never().is_none(), "the first is under way");
        drop(told);
        assert_eq!(second.now_or_never().unwrap().now, START.before(HOUR));
        // From here on that is the time: nobody waits for anybody.
        let (a, b) = (moments.next().now_or_never(), moments.next().now_or_never());
        assert!(a.is_some() && b.is_some());
    }

    /// Two jumps that are small for themselves are one for the journal, which knows the latest moment only.
    #[test]
    fn ok_small_jumps_add_up() {
        let (clock, moments) = moments();
        let before = moments.next().now_or_never().unwrap();
        let small = JUMP - Duration::from_millis(1);
        clock.set(START.before(small));
        let between = moments.next().now_or_never().unwrap();
        clock.set(START.before(2 * small));
        assert!(moments.next().now_or_never().is_none());
        drop((before, between));
        assert!(moments.next().now_or_never().is_some());
    }

    /// A verb that is slow must not be written after one that was told the time of an hour later: it would look like a jump back.
    #[test]
    fn ok_a_jump_forward_is_waited_for_as_well() {
        let (clock, moments) = moments();
        let before = moments.next().now_or_never().unwrap();
        clock.set(START.after(HOUR));
        let mut first = Box::pin(moments.next());
        assert!(first.as_mut().now_or_never().is_none(), "one is under way");
        let mut second = Box::pin(moments.next());
        assert!(second.as_mut().now_or_never().is_none(), "one waits before it");
        drop(before);
        assert_eq!(first.now_or_never().unwrap().now, START.after(HOUR));
        assert_eq!(second.now_or_never().unwrap().now, START.after(HOUR));
    }

    #[test]
    fn ok_after_a_while_without_verbs_nobody_waits() {
        let (clock, moments) = moments();
        drop(moments.next().now_or_never().unwrap());
        clock.set(START.after(HOUR));
        assert!(moments.next().now_or_never().is_some());
    }

    #[test]
    fn ok_whoever_no_longer_waits_holds_nobody_up() {
        let (clock, moments) = moments();
        let before = moments.next().now_or_never().unwrap();
        clock.set(START.before(HOUR));
        let mut gone = Box::pin(moments.next());
        assert!(gone.as_mut().now_or_never().is_none());
        drop(gone);
        drop(before);
        assert_eq!(moments.next().now_or_never().unwrap().now, START.before(HOUR));
    }
}
