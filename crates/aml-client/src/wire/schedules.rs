//! **Here**: a schedule as the service writes it.
//! **Not here**: calls (`ops::schedules`).
//! **Reads**: nothing before it.
//! **Source**: azure-ai-ml 1.35.2 `_restclient/arm_ml_service` (Schedule, ScheduleProperties), read 2026-11-23.

use serde_json::Value;

use super::{ProvisioningState, StringMap};

open! {
    /// A schedule: what is started, and when.
    ///
    /// Shape: `{"id": "/subscriptions/...", "name": "nightly", "properties": {"isEnabled": true, "action": {...}, "trigger": {...}}}`.
    pub struct Schedule {
        /// `id`: the resource id; read only.
        id: Option<String> = "id",
        /// `name`; read only.
        name: Option<String> = "name",
        ;
        /// `properties`.
        properties: ScheduleProperties = "properties",
        ..
    }
}

open! {
    /// What is known of a schedule.
    #[derive(Default)]
    pub struct ScheduleProperties {
        /// `displayName`.
        display_name: Option<String> = "displayName",
        /// `isEnabled`: whether it starts anything.
        is_enabled: Option<bool> = "isEnabled",
        /// `action`: what is started, by its `actionType`: `CreateJob`, `InvokeBatchEndpoint`, `CreateMonitor`, or what is newer.
        action: Option<Value> = "action",
        /// `trigger`: when, by its `triggerType`: `Cron`, `Recurrence`, or what is newer.
        trigger: Option<Value> = "trigger",
        /// `description`: text.
        description: Option<String> = "description",
        /// `tags`.
        tags: Option<StringMap> = "tags",
        /// `provisioningState`; read only.
        provisioning_state: Option<ProvisioningState> = "provisioningState",
        ..
    }
}

results!(Schedule);

impl Schedule {
    /// Whether it starts anything; absent means that it does.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.properties.is_enabled.unwrap_or(true)
    }
}
