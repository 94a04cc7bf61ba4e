//! **Here**: the calls for online endpoints, their traffic, keys and tokens.
//! **Not here**: deployments (`online_deployments`), scoring.
//! **Reads**: `client`, `poller`.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json`, `OnlineEndpoints_*`, read 2026-11-23. PATCH
//! takes tags and identity only: everything else is GET, edit, PUT.

use http::Method;
use serde_json::json;

use crate::client::Client;
use crate::error::Error;
use crate::pager::Pager;
use crate::poller::Poller;
use crate::request::{Call, check_endpoint_name};
use crate::response;
use crate::retry::Effect;
use crate::wire::online_endpoints::{WireKeys, WireToken};
use crate::wire::resource::for_put;
use crate::wire::{EndpointKeys, EndpointToken, IntMap, KeyKind, OnlineEndpoint};

/// A split of traffic that the service takes: names in lower case, no zero shares, together 100 or nothing.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid): a share is below 0, a name cannot be one or comes twice, or they are not 100 together.
pub fn traffic<N: AsRef<str>>(shares: impl IntoIterator<Item = (N, i64)>) -> Result<IntMap, Error> {
    let mut split = IntMap::new();
    let mut sum = 0_i64;
    for (name, share) in shares {
        let name = name.as_ref();
        check_endpoint_name("deployment name", name)?;
        if !(0..=100).contains(&share) {
            return Err(Error::invalid("a share of traffic is 0 to 100 percent"));
        }
        sum += share;
        if share > 0 && split.insert(name.to_ascii_lowercase(), Some(share)).is_some() {
            return Err(Error::invalid("a deployment has two shares of traffic"));
        }
    }
    if sum != 0 && sum != 100 {
        return Err(Error::invalid(format!(
            "the shares of traffic are {sum} together, and 100 or none are needed"
        )));
    }
    Ok(split)
}

impl Client {
    /// Lists online endpoints: `GET {workspace}/onlineEndpoints`.
    pub fn list_online_endpoints(&self) -> Pager<OnlineEndpoint> {
        Pager::new(self.caller(), &["onlineEndpoints"], Vec::new())
    }

    /// Reads an online endpoint: `GET {workspace}/onlineEndpoints/{name}`.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn get_online_endpoint(&self, name: &str) -> Result<OnlineEndpoint, Error> {
        check_endpoint_name("endpoint name", name)?;
        self.caller().read(&Call::get(&["onlineEndpoints", name])).await
    }

    /// Creates an endpoint, or sets everything of one: `PUT {workspace}/onlineEndpoints/{name}`. What only the service writes is left out;
    /// what this crate does not know goes back as it came.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version), and those of the operation; 409 while another one is under way.
    pub async fn put_online_endpoint(
        &self,
        name: &str,
        endpoint: &OnlineEndpoint,
    ) -> Result<Poller<OnlineEndpoint>, Error> {
        check_endpoint_name("endpoint name", name)?;
        let body = serde_json::to_value(endpoint)
            .map_err(|error| Error::invalid("the endpoint cannot be written").with_source(error))?;
        let call = Call::new(Method::PUT, &["onlineEndpoints", name]).with_json(&for_put(body))?;
        Poller::begin(self.caller(), Method::PUT, Effect::Repeatable, &call).await
    }

    /// Sets the split of traffic: reads the endpoint, changes it and puts it back. The deployments must be there.
    ///
    /// # Errors
    /// As [`put_online_endpoint`](Self::put_online_endpoint); [`Invalid`](crate::ErrorKind::Invalid) where the shares are not 100 together.
    /// There is no If-Match at this service: a change of somebody else between our read and our write is lost.
    pub async fn set_traffic<N: AsRef<str> + Send>(
        &self,
        name: &str,
        shares: impl IntoIterator<Item = (N, i64)> + Send,
    ) -> Result<Poller<OnlineEndpoint>, Error> {
        let split = traffic(shares)?;
        let mut endpoint = self.get_online_endpoint(name).await?;
        endpoint.properties.traffic = Some(split);
        self.put_online_endpoint(name, &endpoint).await
    }

    /// Deletes an endpoint with its deployments: `DELETE {workspace}/onlineEndpoints/{name}`.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version), and those of the operation.
    pub async fn delete_online_endpoint(&self, name: &str) -> Result<Poller<()>, Error> {
        check_endpoint_name("endpoint name", name)?;
        let call = Call::new(Method::DELETE, &["onlineEndpoints", name]);
        Poller::begin(self.caller(), Method::DELETE, Effect::Repeatable, &call).await
    }

    /// Reads the keys of an endpoint whose `authMode` is `Key`: `POST …/listKeys`, which only reads.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn list_endpoint_keys(&self, name: &str) -> Result<EndpointKeys, Error> {
        check_endpoint_name("endpoint name", name)?;
        let call = Call::new(Method::POST, &["onlineEndpoints", name, "listKeys"]);
        self.caller().read::<WireKeys>(&call).await.map(Into::into)
    }

    /// Makes one of the keys anew: `POST …/regenerateKeys`. Never made again by itself: each makes another key.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version), and those of the operation.
    pub async fn regenerate_endpoint_key(&self, name: &str, kind: KeyKind) -> Result<Poller<()>, Error> {
        check_endpoint_name("endpoint name", name)?;
        let call = Call::new(Method::POST, &["onlineEndpoints", name, "regenerateKeys"])
            .with_json(&json!({ "keyType": kind.as_str() }))?;
        Poller::begin(self.caller(), Method::POST, Effect::Once, &call).await
    }

    /// Asks for a token of an endpoint whose `authMode` is `AMLToken`: `POST …/token`.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn endpoint_token(&self, name: &str) -> Result<EndpointToken, Error> {
        check_endpoint_name("endpoint name", name)?;
        let call = Call::new(Method::POST, &["onlineEndpoints", name, "token"]);
        let response = self.caller().call(Effect::Repeatable, &call).await?;
        response::json::<WireToken>(&response, self.now()).map(Into::into)
    }
}
