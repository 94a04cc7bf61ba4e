//! **Here**: [`Snapshots`], the routes that items name, each read one time.
//! **Not here**: how a route is read (`Route::of_snapshot`).
//! **Reads**: `Route` before it; `worker` asks it for the route of each item.
//! **Source**: our own: reading a route again was a third of making a request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Route, RuleError};

/// So many are kept; an old journal may name more, one for each change of the rules.
const MAX: usize = 64;

/// Routes by the text that a journal kept. A text means the same route for ever, so nothing here grows old.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    known: Mutex<HashMap<String, Arc<Route>>>,
}

impl Snapshots {
    /// The route of a snapshot. One that cannot be read is tried again: its items park, and there are no more of it then.
    ///
    /// # Errors
    /// As [`Route::of_snapshot`].
    pub(crate) fn route(&self, snapshot: &str) -> Result<Arc<Route>, RuleError> {
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = lock().get(snapshot) {
            return Ok(Arc::clone(route));
        }
        let route = Arc::new(Route::of_snapshot(snapshot)?);
        let mut known = lock();
        if known.len() >= MAX {
            known.clear();
        }
        known.insert(snapshot.to_owned(), Arc::clone(&route));
        Ok(route)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RouteConfig;

    #[test]
    fn ok_a_snapshot_is_read_one_time_and_no_more_than_so_many_are_kept() {
        let snapshots = Snapshots::default();
        let text = |n: usize| {
            let route = RouteConfig::new(format!("route-{n}"), "contoso/deploy").build();
            route.unwrap().snapshot().to_owned()
        };
        let first = snapshots.route(&text(0)).unwrap();
        assert!(Arc::ptr_eq(&first, &snapshots.route(&text(0)).unwrap()));
        for n in 0..3 * MAX {
            let route = snapshots.route(&text(n)).unwrap();
            assert_eq!(route.name(), format!("route-{n}"));
            assert!(snapshots.known.lock().unwrap().len() <= MAX);
        }
    }

    #[test]
    fn err_what_cannot_be_read_is_not_kept() {
        let snapshots = Snapshots::default();
        assert!(snapshots.route("{}").is_err());
        assert!(snapshots.known.lock().unwrap().is_empty());
    }
}
