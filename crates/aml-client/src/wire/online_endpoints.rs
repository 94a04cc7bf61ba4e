//! **Here**: an online endpoint as the service writes it, its keys and its token.
//! **Not here**: calls (`ops::online_endpoints`), deployments.
//! **Reads**: nothing before it.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json` (OnlineEndpoint, EndpointAuthKeys,
//! EndpointAuthToken) and azure-ai-ml 1.35.2 for 2025-12-01, read 2026-11-23.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ProvisioningState, StringMap};

/// A map of numbers as the service writes it: any value may be null.
pub type IntMap = BTreeMap<String, Option<i64>>;

open! {
    /// An online endpoint.
    ///
    /// Shape: `{"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {"authMode": "Key", "traffic": {"blue": 100}}}`.
    pub struct OnlineEndpoint {
        /// `id`: the resource id; read only.
        id: Option<String> = "id",
        /// `name`; read only.
        name: Option<String> = "name",
        /// `location`: the workspace's.
        location: Option<String> = "location",
        /// `identity`: a PUT without one is refused.
        identity: Option<Value> = "identity",
        /// `tags`.
        tags: Option<StringMap> = "tags",
        ;
        /// `properties`.
        properties: OnlineEndpointProperties = "properties",
        ..
    }
}

open! {
    /// What is known of an online endpoint.
    #[derive(Default)]
    pub struct OnlineEndpointProperties {
        /// `authMode`: `Key`, `AMLToken` or `AADToken`.
        auth_mode: Option<String> = "authMode",
        /// `description`.
        description: Option<String> = "description",
        /// `traffic`: percent by deployment; together 100, or empty.
        traffic: Option<IntMap> = "traffic",
        /// `scoringUri`; read only.
        scoring_uri: Option<String> = "scoringUri",
        /// `swaggerUri`; read only.
        swagger_uri: Option<String> = "swaggerUri",
        /// `provisioningState`; read only.
        provisioning_state: Option<ProvisioningState> = "provisioningState",
        /// `properties`.
        properties: Option<StringMap> = "properties",
        ..
    }
}

results!(OnlineEndpoint);

impl OnlineEndpoint {
    /// An endpoint to create, with an identity of its own. Traffic is set once its deployments exist.
    #[must_use]
    pub fn new(location: impl Into<String>, auth_mode: impl Into<String>) -> Self {
        Self {
            id: None,
            name: None,
            location: Some(location.into()),
            identity: Some(serde_json::json!({ "type": "SystemAssigned" })),
            tags: None,
            properties: OnlineEndpointProperties {
                auth_mode: Some(auth_mode.into()),
                ..OnlineEndpointProperties::default()
            },
            extra: Map::new(),
        }
    }

    /// The share of a deployment, in percent; names are compared without regard to case.
    #[must_use]
    pub fn traffic_of(&self, deployment: &str) -> i64 {
        let traffic = self.properties.traffic.iter().flatten();
        let shares = traffic.filter(|(name, _)| name.eq_ignore_ascii_case(deployment));
        shares.filter_map(|(_, share)| *share).sum()
    }
}

/// Which of the two keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there are two keys")]
pub enum KeyKind {
    /// The first.
    Primary,
    /// The second.
    Secondary,
}

impl KeyKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "Primary",
            Self::Secondary => "Secondary",
        }
    }
}

/// The keys of an endpoint. Never printed.
#[derive(Clone)]
#[non_exhaustive]
pub struct EndpointKeys {
    /// `primaryKey`.
    pub primary: SecretString,
    /// `secondaryKey`.
    pub secondary: SecretString,
}

/// A token for an endpoint whose `authMode` is `AMLToken`. Never printed.
#[derive(Clone)]
#[non_exhaustive]
pub struct EndpointToken {
    /// `accessToken`.
    pub token: SecretString,
    /// `expiryTimeUtc`: seconds since 1970 on the wire.
    pub expires_at: Option<SystemTime>,
    /// `refreshAfterTimeUtc`: from then on another one can be had.
    pub refresh_at: Option<SystemTime>,
}

/// As they are on the wire.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireKeys {
    primary_key: String,
    secondary_key: String,
}

impl From<WireKeys> for EndpointKeys {
    fn from(wire: WireKeys) -> Self {
        Self {
            primary: wire.primary_key.into(),
            secondary: wire.secondary_key.into(),
        }
    }
}

/// As it is on the wire.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireToken {
    access_token: String,
    #[serde(default)]
    expiry_time_utc: Option<u64>,
    #[serde(default)]
    refresh_after_time_utc: Option<u64>,
}

impl From<WireToken> for EndpointToken {
    fn from(wire: WireToken) -> Self {
        let at = |seconds: u64| UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        Self {
            token: wire.access_token.into(),
            expires_at: wire.expiry_time_utc.filter(|at| *at > 0).and_then(at),
            refresh_at: wire.refresh_after_time_utc.filter(|at| *at > 0).and_then(at),
        }
    }
}

impl fmt::Debug for EndpointKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndpointKeys")
    }
}

impl fmt::Debug for EndpointToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointToken")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
