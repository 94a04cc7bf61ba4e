//! **Here**: a relay as a configuration describes it.
//! **Not here**: what runs it (the hosts), what the keys mean (`config`, `identity`).
//! **Reads**: `config`, `identity`.
//! **Source**: our own.

use relay_core::journal::Journal;
use relay_core::report::report;
use relay_core::rules::RuleSet;
use relay_core::webhook::SharedSecrets;
use relay_core::{PassThrough, PassThroughBuilder, Relay, RelayBuilder};

use super::config::Config;
use super::identity::Identities;

/// The rules of a configuration, checked.
///
/// # Errors
/// The first route that is wrong, its key, and why.
pub fn rules(config: &Config) -> Result<RuleSet, String> {
    RuleSet::load(config.route.clone()).map_err(|error| report(&error))
}

/// The relay over a journal. Offline: nothing is contacted.
///
/// # Errors
/// Something that has no safe default was not said.
pub fn relay(
    config: &Config,
    rules: RuleSet,
    journal: impl Journal + 'static,
    identities: Identities,
    secrets: SharedSecrets,
) -> Result<Relay, String> {
    let builder = RelayBuilder::new(journal, identities.dispatcher, rules)
        .with_secrets(secrets)
        .with_budget(config.budget.budget())
        .with_max_body_bytes(config.webhook.max_body_bytes);
    identities
        .budgets
        .into_iter()
        .fold(builder, |builder, (name, budget)| {
            builder.with_budget_of(name, budget)
        })
        .build()
        .map_err(|error| report(&error))
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
