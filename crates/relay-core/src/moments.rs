//! **Here**: [`Moments`], which tells the verbs of a relay the time, so that none is told one from before a jump of the clock and
//! written after it.
//! **Not here**: what a jump does to what is stored (`journal::verbs`); the clock (`clock`).
//! **Reads**: `clock` before it; `relay` and `worker` take a moment for each verb.
//! **Source**: DESIGN section 5: at a backward jump, due times move back by the jump, and once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_lock::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::clock::{Clock, JUMP, Timestamp};

/// Where the verbs of a relay get the time from.
///
/// The journal learns of a jump from the first verb that is told an earlier time, and moves what it has stored. A verb that was told
/// the time before the jump and is written after that one would look like a clock that went forward again, and the next like a second
/// jump back: everything would be moved twice, retries would come early and the windows of a budget end before GitHub's. One that was told
/// the time before a jump forward looks like a jump back that there never was. So the first that finds a jump waits for all that were
/// told the time before it, and everybody else waits for the first. To find nobody for a while looks the same, and costs nothing: there
/// is nobody to wait for.
#[derive(Debug)]
pub(crate) struct Moments {
    clock: Arc<dyn Clock>,
    /// Shared by the verbs under way; held alone by the first after a jump.
    turn: RwLock<()>,
    /// The latest that anybody was told since the last jump, in milliseconds.
    latest: AtomicI64,
}

/// What a verb is told. Keep it until the verb has come back: whoever finds a jump waits for that.
#[derive(Debug)]
pub(crate) struct Moment<'a> {
    pub(crate) now: Timestamp,
    _turn: Turn<'a>,
}

#[derive(Debug)]
enum Turn<'a> {
    Shared { _guard: RwLockReadGuard<'a, ()> },
    Alone { _guard: RwLockWriteGuard<'a, ()> },
}

impl Moments {
    pub(crate) const fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            turn: RwLock::new(()),
            latest: AtomicI64::new(i64::MIN),
        }
    }

    /// The time for one verb.
    ///
    /// # Cancel safety
    /// Dropping the future gives the turn back. A moment that is dropped before its verb has come back is as good where the journal
    /// carries out verbs in the order in which they were handed over, as both of ours do.
    pub(crate) async fn next(&self) -> Moment<'_> {
        let guard = self.turn.read().await;
        let now = self.clock.now();
        let latest = self.latest.load(Ordering::SeqCst);
        let is_first = latest == i64::MIN;
        let is_behind = Timestamp::from_unix_ms(latest).after(JUMP) < now;
        let is_ahead = now.after(JUMP) < Timestamp::from_unix_ms(latest);
        let is_near = is_first || !(is_behind || is_ahead);
        if is_near {
            self.latest.fetch_max(now.as_unix_ms(), Ordering::SeqCst);
            let turn = Turn::Shared { _guard: guard };
            return Moment { now, _turn: turn };
        }
        drop(guard);
        let guard = self.turn.write().await;
        let now = self.clock.now();
        self.latest.store(now.as_unix_ms(), Ordering::SeqCst);
        let turn = Turn::Alone { _guard: guard };
        Moment { now, _turn: turn }
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
