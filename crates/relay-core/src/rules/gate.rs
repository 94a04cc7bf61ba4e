//! **Here**: the [`Gate`] trait: facts to admit, hold or refuse. Pure.
//! **Not here**: asking for facts (`enrich`).
//! **Reads**: `enrich` before it; `worker` after it.
//! **Source**: DESIGN section 5.

use std::fmt;
use std::time::Duration;

use super::Route;
use crate::enrich::Facts;

/// What a gate decides.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the worker must act on each")]
pub enum Judgement {
    /// It may go.
    Admit,
    /// Not yet: ask again after a while.
    Hold {
        /// After how long.
        wait: Duration,
        /// Why.
        why: String,
    },
    /// It never goes.
    Refuse {
        /// Why.
        why: String,
    },
}

/// Judges an item of a route that wants facts. Pure: no I/O, no clock.
pub trait Gate: fmt::Debug + Send + Sync {
    /// Judges by the route and the facts.
    fn judge(&self, route: &Route, facts: &Facts) -> Judgement;
}

#[deny(clippy::missing_trait_methods)]
impl<T: Gate + ?Sized> Gate for std::sync::Arc<T> {
    fn judge(&self, route: &Route, facts: &Facts) -> Judgement {
        (**self).judge(route, facts)
    }
}

#[deny(clippy::missing_trait_methods)]
impl<T: Gate + ?Sized> Gate for Box<T> {
    fn judge(&self, route: &Route, facts: &Facts) -> Judgement {
        (**self).judge(route, facts)
    }
}

/// Admits everything.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a unit struct has nothing to add")]
pub struct AdmitAll;

impl Gate for AdmitAll {
    fn judge(&self, _route: &Route, _facts: &Facts) -> Judgement {
        Judgement::Admit
    }
}
