//! **Here**: the [`Alarm`] trait: who is told what a person must know, and [`LogAlarm`], which tells the log.
//! **Not here**: when something is alarming (the module that finds it).
//! **Reads**: values of every module before it.
//! **Source**: DESIGN sections 4 to 7, every "alarm".

use std::fmt;

use serde::Serialize;

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
impl<T: Alarm + ?Sized> Alarm for std::sync::Arc<T> {
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
