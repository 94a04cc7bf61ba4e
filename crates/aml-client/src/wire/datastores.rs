//! **Here**: a datastore as the service writes it. Of its many kinds only what all have is typed; the rest stays as it came.
//! **Not here**: calls (`ops::datastores`), secrets: the service does not show them.
//! **Reads**: nothing before it.
//! **Source**: azure-ai-ml 1.35.2 `_restclient/arm_ml_service` (Datastore, DatastoreProperties), read 2026-11-23.

use super::StringMap;

open! {
    /// A datastore: where files of models and data are kept.
    ///
    /// Shape: `{"id": "/subscriptions/...", "name": "workspaceblobstore", "properties": {"datastoreType": "AzureBlob", "isDefault": true}}`.
    pub struct Datastore {
        /// `id`: the resource id.
        id: Option<String> = "id",
        /// `name`.
        name: Option<String> = "name",
        ;
        /// `properties`.
        properties: DatastoreProperties = "properties",
        ..
    }
}

open! {
    /// What every kind of datastore has. Those of one kind, such as `accountName` and `containerName`, are in `extra`.
    #[derive(Default)]
    pub struct DatastoreProperties {
        /// `datastoreType`, such as `AzureBlob`; others are kept.
        datastore_type: Option<String> = "datastoreType",
        /// `isDefault`: where files go when nobody says where.
        is_default: Option<bool> = "isDefault",
        /// `description`: text.
        description: Option<String> = "description",
        /// `tags`.
        tags: Option<StringMap> = "tags",
        ..
    }
}
