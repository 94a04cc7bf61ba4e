//! **Here**: the [`Alarm`] trait: who is told what a person must know; [`LogAlarm`] tells the log, [`Alarms`] several, [`Quiet`] does not
//! repeat itself.
//! **Not here**: when something is alarming (the module that finds it).
//! **Reads**: values of every module before it.
//! **Source**: DESIGN sections 4 to 7, every "alarm".

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::clock::{Clock, Timestamp};

/// Something a person must know.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "alarm", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Alert {
    /// A request that looks like Event Grid's was refused: its events are being lost.
    EventsBeingLost {
        /// The subscription that sent it, if it said.
        subscription: Option<String>,
    },
    /// An event subscription was deleted: no more events will come from it.
    SubscriptionDeleted {
        /// Its resource id, if the event said.
        subscription: Option<String>,
    },
    /// An element could not be read and was kept aside.
    Unreadable {
        /// What was wrong.
        why: String,
    },
    /// An item waits for a person.
    Parked {
        /// Its route.
        route: String,
        /// Its relay id.
        relay_id: String,
        /// Why.
        why: String,
    },
    /// A lane in which every version goes out stands still behind an item that was parked, until a person replays or refuses that.
    LaneHeld {
        /// Its route.
        route: String,
        /// The relay id of what was parked.
        relay_id: String,
    },
    /// GitHub accepted a request, and its run was not seen in time, or has not concluded in time.
    RunLate {
        /// Its route.
        route: String,
        /// Its relay id.
        relay_id: String,
        /// What is late, and why as far as known.
        why: String,
    },
    /// A run ended otherwise than it should: failed, cancelled, skipped, or in a word that is not known.
    RunFailed {
        /// Its route.
        route: String,
        /// Its relay id.
        relay_id: String,
        /// The run's id.
        run: String,
        /// Where a person looks at it.
        url: Option<String>,
        /// GitHub's word for how it ended.
        conclusion: String,
    },
    /// A version was registered again with a later time.
    RegisteredAgain {
        /// Its route.
        route: String,
        /// The relay id of the new generation.
        relay_id: String,
    },
    /// An identity or a target is closed until somebody changes something.
    Blocked {
        /// `principal` or `target`.
        scope: String,
        /// Which.
        name: String,
        /// Why.
        why: String,
    },
    /// It is open again.
    Unblocked {
        /// `principal` or `target`.
        scope: String,
        /// Which.
        name: String,
    },
    /// A target, or the whole journal, is closed until a person opens it.
    Paused {
        /// `target` or `journal`.
        scope: String,
        /// Which.
        name: String,
        /// Why.
        why: String,
    },
    /// A target could not be checked, or the check had a remark. Sending goes on.
    Warning {
        /// Which target.
        name: String,
        /// What was found.
        why: String,
    },
    /// A host without a journal was given what it cannot answer for.
    NeedsJournal {
        /// What it was, and what to set.
        why: String,
    },
    /// The journal could not promise, or could not be written.
    JournalFailing {
        /// Why.
        why: String,
    },
    /// The clock jumped back; due times moved with it.
    ClockJumpedBack {
        /// By how much, in milliseconds.
        by_ms: i64,
    },
}

impl Alert {
    /// Its word, such as `parked`.
    #[must_use]
    pub fn word(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        let word = value.get("alarm").and_then(serde_json::Value::as_str);
        word.unwrap_or_default().to_owned()
    }
}

/// Tells a person.
pub trait Alarm: fmt::Debug + Send + Sync {
    /// Called after what it tells is durable. Must not block.
    fn raise(&self, alert: &Alert);
}

#[deny(clippy::missing_trait_methods)]
impl<T: Alarm + ?Sized> Alarm for Arc<T> {
    fn raise(&self, alert: &Alert) {
        (**self).raise(alert);
    }
}

#[deny(clippy::missing_trait_methods)]
impl<T: Alarm + ?Sized> Alarm for Box<T> {
    fn raise(&self, alert: &Alert) {
        (**self).raise(alert);
    }
}

/// Writes every alert to the `tracing` log: warnings at level warn, the rest at level error.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit struct has nothing to add")]
pub struct LogAlarm;

impl Alarm for LogAlarm {
    fn raise(&self, alert: &Alert) {
        let text = serde_json::to_string(alert).unwrap_or_default();
        match alert {
            Alert::Warning { .. }
            | Alert::Unblocked { .. }
            | Alert::Paused { .. }
            | Alert::ClockJumpedBack { .. } => {
                tracing::warn!(alert = %text, "warning");
            }
            _ => tracing::error!(alert = %text, "alarm"),
        }
    }
}

/// Tells several, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Alarms {
    all: Vec<Arc<dyn Alarm>>,
}

impl Alarms {
    /// Nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more.
    #[must_use]
    pub fn with(mut self, alarm: impl Alarm + 'static) -> Self {
        self.all.push(Arc::new(alarm));
        self
    }
}

impl Alarm for Alarms {
    fn raise(&self, alert: &Alert) {
        for alarm in &self.all {
            alarm.raise(alert);
        }
    }
}

/// Tells another what was not told within some time before: a disk that is full for an hour is a page and not thousands.
///
/// What is about one item is told always, since each item is news. An identity or a target that is closed, opened and closed again is
/// told each time, however short that took. Requests that look like Event Grid's and are refused count as the same whatever subscription
/// they name, since whoever sends them has no secret and names what he likes.
#[derive(Debug)]
pub struct Quiet<A> {
    inner: A,
    clock: Arc<dyn Clock>,
    within: Duration,
    told: Mutex<Repeats>,
}

impl<A: Alarm> Quiet<A> {
    /// Tells this alarm the same again only after so long, by this clock.
    pub fn new(inner: A, within: Duration, clock: impl Clock + 'static) -> Self {
        Self {
            inner,
            clock: Arc::new(clock),
            within,
            told: Mutex::default(),
        }
    }
}

impl<A: Alarm> Alarm for Quiet<A> {
    fn raise(&self, alert: &Alert) {
        let now = self.clock.now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = told.is_news(alert, now, self.within);
        drop(told);
        if is_news {
            self.inner.raise(alert);
        }
    }
}

/// How many alerts are remembered; of more, the oldest is told again.
const REMEMBERED: usize = 1_024;

/// What was told, when: by what it is about.
#[derive(Debug, Default)]
struct Repeats {
    told: HashMap<String, (String, Timestamp)>,
}

impl Repeats {
    fn is_news(&mut self, alert: &Alert, now: Timestamp, within: Duration) -> bool {
        let text = serde_json::to_string(alert).unwrap_or_default();
        let (about, text) = match alert {
            Alert::EventsBeingLost { .. } => (alert.word(), String::new()),
            Alert::Blocked { scope, name, .. }
            | Alert::Unblocked { scope, name }
            | Alert::Paused { scope, name, .. } => (format!("{scope} {name}"), text),
            _ => (text, String::new()),
        };
        // A clock that was set back makes everything news once.
        let is_known =
            |(known, at): &(String, Timestamp)| *known == text && *at <= now && at.after(within) > now;
        if self.told.get(&about).is_some_and(is_known) {
            return false;
        }
        if self.told.len() >= REMEMBERED && !self.told.contains_key(&about) {
            let oldest = self.told.iter().min_by_key(|(_, (_, at))| *at);
            if let Some(oldest) = oldest.map(|(about, _)| about.clone()) {
                self.told.remove(&oldest);
            }
        }
        self.told.insert(about, (text, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::doubles::{ManualClock, RecordingAlarm};

    fn failing(why: &str) -> Alert {
        Alert::JournalFailing { why: why.to_owned() }
    }

    fn quiet() -> (Arc<RecordingAlarm>, Arc<ManualClock>, Quiet<Arc<RecordingAlarm>>) {
        let alarm = Arc::new(RecordingAlarm::new());
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_ms(1_763_856_000_000)));
        let quiet = Quiet::new(Arc::clone(&alarm), Duration::from_secs(600), Arc::clone(&clock));
        (alarm, clock, quiet)
    }

    #[test]
    fn ok_the_same_is_told_again_only_after_some_time() {
        let (alarm, clock, quiet) = quiet();
        for _ in 0..1_300 {
            quiet.raise(&failing("disk full"));
            clock.advance(Duration::from_secs(1));
        }
        quiet.raise(&failing("read-only"));
        let told = [
            failing("disk full"),
            failing("disk full"),
            failing("disk full"),
            failing("read-only"),
        ];
        assert_eq!(alarm.take(), told);
        clock.set(Timestamp::from_unix_ms(0));
        quiet.raise(&failing("read-only"));
        assert_eq!(alarm.take().len(), 1, "the clock was set back");
    }

    #[test]
    fn ok_every_item_and_every_change_is_news() {
        let (alarm, _, quiet) = quiet();
        let (scope, name) = ("target".to_owned(), "contoso/deploy".to_owned());
        let blocked = Alert::Blocked {
            scope: scope.clone(),
            name: name.clone(),
            why: "404".to_owned(),
        };
        let opened = Alert::Unblocked { scope, name };
        let parked = |relay_id: &str| Alert::Parked {
            route: "deploy".to_owned(),
            relay_id: relay_id.to_owned(),
            why: "422".to_owned(),
        };
        let raised = [
            &blocked,
            &blocked,
            &opened,
            &opened,
            &blocked,
            &parked("a"),
            &parked("b"),
            &parked("a"),
        ];
        raised.into_iter().for_each(|alert| quiet.raise(alert));
        assert_eq!(
            alarm.take(),
            [blocked.clone(), opened, blocked, parked("a"), parked("b")]
        );
    }

    #[test]
    fn ok_strangers_cannot_make_a_flood() {
        let (alarm, _, quiet) = quiet();
        for n in 0..5_000 {
            quiet.raise(&Alert::EventsBeingLost {
                subscription: Some(n.to_string()),
            });
        }
        assert_eq!(alarm.take().len(), 1);
        for n in 0..5_000 {
            quiet.raise(&failing(&n.to_string()));
        }
        assert_eq!(quiet.told.lock().unwrap().told.len(), REMEMBERED);
    }

    #[test]
    fn ok_several_are_told() {
        let (first, second) = (Arc::new(RecordingAlarm::new()), Arc::new(RecordingAlarm::new()));
        let alarms = Alarms::new()
            .with(Arc::clone(&first))
            .with(Arc::clone(&second))
            .with(LogAlarm);
        alarms.raise(&failing("full"));
        assert_eq!(
            (first.take(), second.take()),
            (vec![failing("full")], vec![failing("full")])
        );
    }

    #[test]
    fn ok_words_are_those_of_the_json() {
        assert_eq!(failing("full").word(), "journal_failing");
        assert_eq!(Alert::ClockJumpedBack { by_ms: 1 }.word(), "clock_jumped_back");
    }
}
