//! **Here**: the calls for the Event Grid subscriptions of the workspace, and for the provider they belong to.
//! **Not here**: what a subscription is (`wire`), answering the handshake (the webhook's own).
//! **Reads**: `client`, `poller`.
//! **Source**: Azure/azure-rest-api-specs `Microsoft.EventGrid/EventGrid/stable/2025-02-15/EventGrid.json` (`EventSubscriptions_*` on a scope) and
//! `Microsoft.Resources` (`Providers_*`), read 2026-11-23. Creating and changing one makes Event Grid ask the webhook again.

use http::Method;
use secrecy::SecretString;
use serde::Deserialize;

use crate::client::Client;
use crate::error::Error;
use crate::pager::Pager;
use crate::poller::Poller;
use crate::request::Call;
use crate::retry::Effect;
use crate::wire::{EventSubscription, NewEventSubscription};

/// The version of Event Grid's interface.
const EVENT_GRID: &str = "2025-02-15";
/// The version of the resource manager's own.
const RESOURCES: &str = "2021-04-01";
const PROVIDER: &str = "Microsoft.EventGrid";

impl Client {
    /// Creates a subscription of the workspace, or sets everything of one: `PUT {workspace}/providers/Microsoft.EventGrid/eventSubscriptions/{name}`.
    /// It succeeds once a webhook has answered the handshake.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version), and those of the operation: `OperationFailed` where the webhook did not answer as
    /// it has to. No text holds the webhook's address or a header's value.
    pub async fn put_event_subscription(
        &self,
        name: &str,
        subscription: &NewEventSubscription,
    ) -> Result<Poller<EventSubscription>, Error> {
        check_name(name)?;
        let call = of(Method::PUT, &["eventSubscriptions", name]).with_json(&subscription.body())?;
        Poller::begin(self.caller(), Method::PUT, Effect::Repeatable, &call).await
    }

    /// Reads a subscription of the workspace.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn get_event_subscription(&self, name: &str) -> Result<EventSubscription, Error> {
        check_name(name)?;
        self.caller()
            .read(&of(Method::GET, &["eventSubscriptions", name]))
            .await
    }

    /// Lists the subscriptions of the workspace.
    pub fn list_event_subscriptions(&self) -> Pager<EventSubscription> {
        let path = ["providers", PROVIDER, "eventSubscriptions"];
        Pager::with_api_version(self.caller(), &path, EVENT_GRID)
    }

    /// Reads the whole address of a subscription's webhook, its secret included.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn event_subscription_url(&self, name: &str) -> Result<SecretString, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct FullUrl {
            endpoint_url: String,
        }
        check_name(name)?;
        let call = of(Method::POST, &["eventSubscriptions", name, "getFullUrl"]);
        let full: FullUrl = self.caller().read(&call).await?;
        Ok(full.endpoint_url.into())
    }

    /// Deletes a subscription; one that is not there is as good.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version), and those of the operation.
    pub async fn delete_event_subscription(&self, name: &str) -> Result<Poller<()>, Error> {
        check_name(name)?;
        let call = of(Method::DELETE, &["eventSubscriptions", name]);
        Poller::begin(self.caller(), Method::DELETE, Effect::Repeatable, &call).await
    }

    /// Whether the subscription's Azure has Event Grid switched on (`Registered`); without it no event subscription can be created.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn event_grid_is_registered(&self) -> Result<bool, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Provider {
            registration_state: String,
        }
        let path = [
            "subscriptions",
            self.workspace().subscription(),
            "providers",
            PROVIDER,
        ];
        let found: Provider = self
            .caller()
            .read(&Call::get(&path).at_root().with_api_version(RESOURCES))
            .await?;
        Ok(found.registration_state.eq_ignore_ascii_case("registered"))
    }

    /// Switches Event Grid on; it takes some minutes until [`event_grid_is_registered`](Self::event_grid_is_registered) says so.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn register_event_grid(&self) -> Result<(), Error> {
        let path = [
            "subscriptions",
            self.workspace().subscription(),
            "providers",
            PROVIDER,
            "register",
        ];
        let call = Call::new(Method::POST, &path)
            .at_root()
            .with_api_version(RESOURCES);
        self.caller().done(Effect::Repeatable, &call).await
    }
}

fn of<'a>(method: Method, rest: &[&'a str]) -> Call<'a> {
    let mut path = vec!["providers", PROVIDER];
    path.extend_from_slice(rest);
    Call::new(method, &path).with_api_version(EVENT_GRID)
}

/// 3 to 64 letters, digits and hyphens.
fn check_name(name: &str) -> Result<(), Error> {
    let is_name =
        (3..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if is_name {
        Ok(())
    } else {
        Err(Error::invalid(
            "the name of an event subscription is not 3 to 64 letters, digits and hyphens",
        ))
    }
}
