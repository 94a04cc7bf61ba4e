//! **Here**: the calls for datastores.
//! **Not here**: creating them and reading their secrets: a release needs neither.
//! **Reads**: `client`, `pager`.
//! **Source**: azure-ai-ml 1.35.2 `_restclient/arm_ml_service`, `Datastores_*`, read 2026-11-23.

use crate::client::Client;
use crate::error::Error;
use crate::pager::Pager;
use crate::request::{Call, check_asset_part};
use crate::wire::Datastore;

impl Client {
    /// Lists the datastores: `GET {workspace}/datastores`.
    pub fn list_datastores(&self) -> Pager<Datastore> {
        Pager::new(self.caller(), &["datastores"], Vec::new())
    }

    /// Reads a datastore: `GET {workspace}/datastores/{name}`.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn get_datastore(&self, name: &str) -> Result<Datastore, Error> {
        check_asset_part("datastore name", name)?;
        self.caller().read(&Call::get(&["datastores", name])).await
    }

    /// The datastore where files go when nobody says where; none where there is none.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn default_datastore(&self) -> Result<Option<Datastore>, Error> {
        let mut pages = Pager::new(
            self.caller(),
            &["datastores"],
            vec![("isDefault", "true".to_owned())],
        );
        while let Some(page) = pages.next_page().await? {
            // The filter may be passed over.
            let is_default = |store: &Datastore| store.properties.is_default == Some(true);
            if let Some(store) = page.into_iter().find(is_default) {
                return Ok(Some(store));
            }
        }
        Ok(None)
    }
}
