//! **Here**: a relay as a configuration describes it.
//! **Not here**: what runs it (the hosts), what the keys mean (`config`, `identity`).
//! **Reads**: `config`, `identity`.
//! **Source**: our own.

use std::sync::Arc;
use std::time::Duration;

use relay_core::journal::{Journal, JournalAdmin};
use relay_core::report::report;
use relay_core::rules::RuleSet;
use relay_core::webhook::SharedSecrets;
use relay_core::{PassThrough, PassThroughBuilder, Relay, RelayBuilder};

use super::config::Config;
use super::identity::Identities;

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// How many requests a relay makes at once at least; one that may make more has an identity that may.
const AT_ONCE: u32 = 16;
/// And at most, whatever the budgets say: each has a connection of its own.
const AT_ONCE_AT_MOST: u32 = 64;

/// The rules of a configuration, checked.
///
/// # Errors
/// The first route that is wrong, its key, and why.
pub fn rules(config: &Config) -> Result<RuleSet, String> {
    RuleSet::load(config.route.clone()).map_err(|error| report(&error))
}

/// The relay over a journal, which it compacts as `[journal]` says. Offline: nothing is contacted.
///
/// # Errors
/// Something that has no safe default was not said.
pub fn relay(
    config: &Config,
    rules: RuleSet,
    journal: Arc<impl Journal + JournalAdmin + 'static>,
    identities: Identities,
    secrets: SharedSecrets,
) -> Result<Relay, String> {
    let own = identities.budgets.iter().map(|(_, budget)| budget.max_in_flight);
    let max_at_once = at_once(std::iter::once(config.budget.max_in_flight).chain(own));
    let mut builder = RelayBuilder::new(Arc::clone(&journal), identities.dispatcher, rules)
        .with_secrets(secrets)
        .with_budget(config.budget.budget())
        .with_max_at_once(max_at_once)
        .with_max_body_bytes(config.webhook.max_body_bytes);
    let days = config.journal.clone().unwrap_or_default().retention_days;
    if days > 0 {
        builder = builder.with_retention(journal, DAY.saturating_mul(days));
    }
    identities
        .budgets
        .into_iter()
        .fold(builder, |builder, (name, budget)| {
            builder.with_budget_of(name, budget)
        })
        .build()
        .map_err(|error| report(&error))
}

/// How many requests there may be at once where identities may have so many each; 0 is no bound.
fn at_once(of_identities: impl Iterator<Item = u32>) -> usize {
    let most = of_identities
        .map(|n| if n == 0 { AT_ONCE_AT_MOST } else { n })
        .max()
        .unwrap_or(AT_ONCE);
    usize::try_from(most.clamp(AT_ONCE, AT_ONCE_AT_MOST)).unwrap_or(usize::MAX)
}

/// The same without a journal: each delivery is answered after GitHub has answered. Offline.
///
/// # Errors
/// Something that has no safe default was not said.
pub fn pass_through(
    config: &Config,
    rules: RuleSet,
    identities: Identities,
    secrets: SharedSecrets,
) -> Result<PassThrough, String> {
    PassThroughBuilder::new(identities.dispatcher, rules)
        .with_secrets(secrets)
        .with_max_body_bytes(config.webhook.max_body_bytes)
        .build()
        .map_err(|error| report(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_whoever_may_have_many_requests_at_once_has_room_for_them() {
        let check = |of_identities: &[u32], expect: usize| {
            assert_eq!(
                at_once(of_identities.iter().copied()),
                expect,
                "{of_identities:?}"
            );
        };
        check(&[1], 16);
        check(&[1, 32], 32);
        check(&[40, 2], 40);
        check(&[1_000], 64);
        check(&[1, 0], 64);
    }
}
