//! **Here**: an Event Grid subscription of a workspace, as it is asked for and as the service writes it.
//! **Not here**: calls (`ops::event_subscriptions`), events (another crate).
//! **Reads**: nothing before it.
//! **Source**: Azure/azure-rest-api-specs `Microsoft.EventGrid/EventGrid/stable/2025-02-15/EventGrid.json` (EventSubscription), read 2026-11-23. The
//! address of a webhook is written and never read back: answers hold its part before the query.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::ProvisioningState;
use crate::error::Error;

/// Where events go.
#[derive(Clone)]
enum Destination {
    Webhook {
        url: SecretString,
        headers: Vec<(String, SecretString)>,
        max_events: Option<u32>,
        entra: Option<(String, String)>,
    },
    StorageQueue {
        account: String,
        queue: String,
    },
    NamespaceTopic {
        topic: String,
    },
}

/// In which schema events are delivered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum DeliverySchema {
    /// Event Grid's own.
    EventGrid,
    /// CloudEvents 1.0.
    #[default]
    CloudEvents,
}

/// A subscription to create, or to set.
#[derive(Clone)]
pub struct NewEventSubscription {
    destination: Destination,
    event_types: Vec<String>,
    subject_begins_with: Option<String>,
    subject_ends_with: Option<String>,
    advanced_filters: Vec<Value>,
    schema: DeliverySchema,
    retry: Option<(u32, u32)>,
    dead_letter: Option<(String, String)>,
    labels: Vec<String>,
}

impl fmt::Debug for NewEventSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The destination holds secrets.
        f.debug_struct("NewEventSubscription")
            .field("event_types", &self.event_types)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl NewEventSubscription {
    fn to(destination: Destination) -> Self {
        Self {
            destination,
            event_types: Vec::new(),
            subject_begins_with: None,
            subject_ends_with: None,
            advanced_filters: Vec::new(),
            schema: DeliverySchema::default(),
            retry: None,
            dead_letter: None,
            labels: Vec::new(),
        }
    }

    /// Events go to a webhook, which is asked to prove that it wants them. Its address may hold a secret.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the address is not https.
    pub fn to_webhook(url: impl Into<SecretString>) -> Result<Self, Error> {
        let url = url.into();
        let parsed = url::Url::parse(url.expose_secret()).ok();
        // Event Grid takes nothing else; loopback is for the mock.
        let is_right = parsed.is_some_and(|url| url.scheme() == "https" || crate::client::is_loopback(&url));
        if !is_right {
            return Err(Error::invalid("the webhook's address is not an https url"));
        }
        Ok(Self::to(Destination::Webhook {
            url,
            headers: Vec::new(),
            max_events: None,
            entra: None,
        }))
    }

    /// Events go to a queue of a storage account, by the account's resource id.
    #[must_use]
    pub fn to_storage_queue(account: impl Into<String>, queue: impl Into<String>) -> Self {
        Self::to(Destination::StorageQueue {
            account: account.into(),
            queue: queue.into(),
        })
    }

    /// Events go to a topic of an Event Grid namespace, by its resource id.
    #[must_use]
    pub fn to_namespace_topic(topic: impl Into<String>) -> Self {
        Self::to(Destination::NamespaceTopic { topic: topic.into() })
    }

    /// Sends this header with every delivery, its value kept secret. Only a webhook has headers.
    #[must_use]
    pub fn with_secret_header(mut self, name: impl Into<String>, value: impl Into<SecretString>) -> Self {
        if let Destination::Webhook { headers, .. } = &mut self.destination {
            headers.push((name.into(), value.into()));
        }
        self
    }

    /// Proves itself with a token of Entra, of this tenant and for this application. Only a webhook asks for one.
    #[must_use]
    pub fn with_entra(mut self, tenant: impl Into<String>, application: impl Into<String>) -> Self {
        if let Destination::Webhook { entra, .. } = &mut self.destination {
            *entra = Some((tenant.into(), application.into()));
        }
        self
    }

    /// So many events a delivery at most. Only a webhook has batches.
    #[must_use]
    pub fn with_max_events(mut self, n: u32) -> Self {
        if let Destination::Webhook { max_events, .. } = &mut self.destination {
            *max_events = Some(n);
        }
        self
    }

    /// Only events of these types, such as `Microsoft.MachineLearningServices.ModelRegistered`.
    #[must_use]
    pub fn with_event_types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.event_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Only events whose subject begins and ends so, such as `models/churn:` and nothing.
    #[must_use]
    pub fn with_subject(mut self, begins_with: Option<&str>, ends_with: Option<&str>) -> Self {
        self.subject_begins_with = begins_with.map(str::to_owned);
        self.subject_ends_with = ends_with.map(str::to_owned);
        self
    }

    /// One of Event Grid's advanced filters, as JSON: `{"operatorType": "StringIn", "key": "data.modelName", "values": ["churn"]}`. A key that
    /// holds a dot in its name cannot be addressed.
    #[must_use]
    pub fn with_advanced_filter(mut self, filter: Value) -> Self {
        self.advanced_filters.push(filter);
        self
    }

    /// In another schema.
    #[must_use]
    pub const fn with_schema(mut self, schema: DeliverySchema) -> Self {
        self.schema = schema;
        self
    }

    /// Delivers so often at most, and not longer than so many minutes. 30 times and 1,440 minutes where nothing is said.
    #[must_use]
    pub const fn with_retry_policy(mut self, attempts: u32, minutes: u32) -> Self {
        self.retry = Some((attempts, minutes));
        self
    }

    /// What cannot be delivered goes to this container of a storage account, by the account's resource id.
    #[must_use]
    pub fn with_dead_letter(mut self, account: impl Into<String>, container: impl Into<String>) -> Self {
        self.dead_letter = Some((account.into(), container.into()));
        self
    }

    /// Labels.
    #[must_use]
    pub fn with_labels<T: Into<String>>(mut self, labels: impl IntoIterator<Item = T>) -> Self {
        self.labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// The body. It holds secrets.
    pub(crate) fn body(&self) -> Value {
        let mut filter = Map::new();
        let mut properties = Map::new();
        if !self.event_types.is_empty() {
            filter.insert("includedEventTypes".to_owned(), json!(self.event_types));
        }
        for (name, value) in [
            ("subjectBeginsWith", &self.subject_begins_with),
            ("subjectEndsWith", &self.subject_ends_with),
        ] {
            if let Some(value) = value {
                filter.insert(name.to_owned(), json!(value));
            }
        }
        if !self.advanced_filters.is_empty() {
            filter.insert("advancedFilters".to_owned(), json!(self.advanced_filters));
            filter.insert("enableAdvancedFilteringOnArrays".to_owned(), json!(true));
        }
        properties.insert("destination".to_owned(), destination(&self.destination));
        properties.insert("filter".to_owned(), Value::Object(filter));
        let schema = match self.schema {
            DeliverySchema::EventGrid => "EventGridSchema",
            DeliverySchema::CloudEvents => "CloudEventSchemaV1_0",
        };
        properties.insert("eventDeliverySchema".to_owned(), json!(schema));
        if let Some((attempts, minutes)) = self.retry {
            let policy = json!({ "maxDeliveryAttempts": attempts, "eventTimeToLiveInMinutes": minutes });
            properties.insert("retryPolicy".to_owned(), policy);
        }
        if let Some((account, container)) = &self.dead_letter {
            let place = json!({ "endpointType": "StorageBlob", "properties": { "resourceId": account, "blobContainerName": container } });
            properties.insert("deadLetterDestination".to_owned(), place);
        }
        if !self.labels.is_empty() {
            properties.insert("labels".to_owned(), json!(self.labels));
        }
        json!({ "properties": properties })
    }
}

fn destination(destination: &Destination) -> Value {
    match destination {
        Destination::Webhook {
            url,
            headers,
            max_events,
            entra,
        } => {
            let mut properties = Map::new();
            properties.insert("endpointUrl".to_owned(), json!(url.expose_secret()));
            if let Some(n) = max_events {
                properties.insert("maxEventsPerBatch".to_owned(), json!(n));
            }
            if let Some((tenant, application)) = entra {
                properties.insert("azureActiveDirectoryTenantId".to_owned(), json!(tenant));
                properties.insert(
                    "azureActiveDirectoryApplicationIdOrUri".to_owned(),
                    json!(application),
                );
            }
            if !headers.is_empty() {
                let mapping = |(name, value): &(String, SecretString)| json!({ "name": name, "type": "Static", "properties": { "value": value.expose_secret(), "isSecret": true } });
                let mappings: Vec<Value> = headers.iter().map(mapping).collect();
                properties.insert("deliveryAttributeMappings".to_owned(), json!(mappings));
            }
            json!({ "endpointType": "WebHook", "properties": properties })
        }
        Destination::StorageQueue { account, queue } => {
            json!({ "endpointType": "StorageQueue", "properties": { "resourceId": account, "queueName": queue } })
        }
        Destination::NamespaceTopic { topic } => {
            json!({ "endpointType": "NamespaceTopic", "properties": { "resourceId": topic } })
        }
    }
}

open! {
    /// A subscription as the service shows it: no address behind the query, and no secret value.
    ///
    /// Shape: `{"id": "…", "name": "relay", "properties": {"provisioningState": "Succeeded", "destination": {…}, "filter": {…}}}`.
    pub struct EventSubscription {
        /// `id`.
        id: Option<String> = "id",
        /// `name`.
        name: Option<String> = "name",
        ;
        /// `properties`.
        properties: EventSubscriptionProperties = "properties",
        ..
    }
}

open! {
    /// What is known of a subscription.
    pub struct EventSubscriptionProperties {
        /// `provisioningState`; `AwaitingManualAction` while the webhook has not proved that it wants events.
        provisioning_state: Option<ProvisioningState> = "provisioningState",
        /// `topic`: the workspace, in any casing.
        topic: Option<String> = "topic",
        /// `eventDeliverySchema`.
        event_delivery_schema: Option<String> = "eventDeliverySchema",
        ..
    }
}

results!(EventSubscription);
