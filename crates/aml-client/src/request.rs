//! **Here**: parameters to `http::Request`, purely; names and versions are checked before they become path segments.
//! **Not here**: the token (`send` adds it), reading the answer (`response`).
//! **Reads**: `arm_id` and `api_version` before it; `send` after it.
//! **Source**: Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json`, `ModelVersions_Get`, and the
//! resource provider contract (request headers), read 2026-11-22.

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request};
use url::Url;

use crate::api_version::ApiVersion;
use crate::arm_id::Scope;
use crate::error::Error;

/// What all requests of a client have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) endpoint: &'a Url,
    pub(crate) scope: &'a Scope,
    pub(crate) api_version: &'a ApiVersion,
    pub(crate) client_request_id: Option<&'a HeaderValue>,
}

/// A call below the workspace: what goes into the request beside what all have in common.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    method: Method,
    path: Vec<&'a str>,
    query: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Another one than the client's: other providers have versions of their own.
    api_version: Option<&'static str>,
    place: Place<'a>,
}

/// Where a call goes.
#[derive(Clone, Debug)]
enum Place<'a> {
    /// Below the workspace or registry.
    Scope,
    /// Below the endpoint.
    Root,
    /// To an address that was read from the service, taken as it is.
    Link(&'a str),
}

impl<'a> Call<'a> {
    pub(crate) fn new(method: Method, path: &[&'a str]) -> Self {
        Self {
            method,
            path: path.to_vec(),
            query: Vec::new(),
            body: None,
            headers: Vec::new(),
            api_version: None,
            place: Place::Scope,
        }
    }

    /// The same below the endpoint, and not below the workspace.
    pub(crate) fn at_root(mut self) -> Self {
        self.place = Place::Root;
        self
    }

    /// A call of an address that was read from the service. It is a request of ours only where it goes to our endpoint.
    pub(crate) fn to_link(method: Method, link: &'a str) -> Self {
        Self {
            place: Place::Link(link),
            ..Self::new(method, &[])
        }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.push((HeaderName::from_static(name), value));
        self
    }

    pub(crate) const fn with_api_version(mut self, api_version: &'static str) -> Self {
        self.api_version = Some(api_version);
        self
    }

    pub(crate) fn get(path: &[&'a str]) -> Self {
        Self::new(Method::GET, path)
    }

    /// A parameter of the query, where it has a value.
    pub(crate) fn with_query(mut self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        self.query.extend(value.map(|value| (name, value.into())));
        self
    }

    pub(crate) fn with_json(mut self, body: &impl serde::Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(body);
        self.body =
            Some(body.map_err(|error| Error::invalid("the body cannot be written").with_source(error))?);
        Ok(self)
    }

    pub(crate) fn build(self, target: Target<'_>) -> Result<Request<Vec<u8>>, Error> {
        build(target, self)
    }
}

/// A GET of a link that the service gave, taken as it is: such links hold colons and an api version of their own.
pub(crate) fn get_link(target: Target<'_>, link: &str) -> Result<Request<Vec<u8>>, Error> {
    Call::to_link(Method::GET, link).build(target)
}

/// The value of `x-ms-client-request-id`.
pub(crate) fn client_request_id(id: &str) -> Result<HeaderValue, Error> {
    let is_id = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let value = HeaderValue::from_str(id).ok().filter(|_| is_id);
    value.ok_or_else(|| Error::invalid("the client request id is not 1 to 64 letters, digits and hyphens"))
}

fn build(target: Target<'_>, call: Call<'_>) -> Result<Request<Vec<u8>>, Error> {
    let scope = target.scope.segments();
    let below = match call.place {
        Place::Scope => &scope[..],
        Place::Root => &[],
        Place::Link(link) => {
            check_link(target.endpoint, link)?;
            return finish(target, &call.method, link, call.body, call.headers);
        }
    };
    let mut url = target.endpoint.clone();
    let segments = below.iter().chain(&call.path);
    url.path_segments_mut()
        .map_err(|()| Error::invalid("the endpoint cannot have a path"))?
        .clear()
        .extend(segments.clone());
    // `Url` drops `.` and `..` without a word, and the request then addresses another resource. The checks above
    // refuse them; this holds even if a later check forgets to.
    if url.path_segments().map(Iterator::count) != Some(segments.count()) {
        return Err(Error::invalid("a part of the path is not a name"));
    }
    let api_version = call.api_version.unwrap_or_else(|| target.api_version.as_str());
    let mut pairs = format!("api-version={api_version}");
    for (name, value) in call.query {
        // As Azure's own clients write it: `$` in names, and %20 for a blank, which not every reader takes a plus for.
        let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        pairs.push('&');
        pairs.push_str(name);
        pairs.push('=');
        pairs.push_str(&value.replace('+', "%20"));
    }
    url.set_query(Some(&pairs));
    finish(target, &call.method, url.as_str(), call.body, call.headers)
}

fn check_link(endpoint: &Url, link: &str) -> Result<(), Error> {
    let url = Url::parse(link).map_err(|_| Error::invalid("the service's link is not a url"))?;
    if url.origin() == endpoint.origin() {
        Ok(())
    } else {
        Err(Error::invalid(
            "the service's link leads to another origin, and the token stays here",
        ))
    }
}

fn finish(
    target: Target<'_>,
    method: &Method,
    url: &str,
    body: Option<Vec<u8>>,
    headers: Vec<(HeaderName, HeaderValue)>,
) -> Result<Request<Vec<u8>>, Error> {
    let mut request = Request::builder()
        .method(method)
        .uri(url)
        .header(ACCEPT, HeaderValue::from_static("application/json"))
        .header(USER_AGENT, HeaderValue::from_static(AGENT));
    if body.is_some() {
        request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    } else if method == Method::POST {
        // Said by hand: the client says nothing for an empty body, and front ends answer 411.
        request = request.header(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let mut request = request
        .body(body.unwrap_or_default())
        .map_err(|e| Error::invalid("the path is not acceptable").with_source(e))?;
    request.headers_mut().extend(headers);
    if let Some(id) = target.client_request_id {
        request
            .headers_mut()
            .insert(HeaderName::from_static("x-ms-client-request-id"), id.clone());
        request.headers_mut().insert(
            HeaderName::from_static("x-ms-return-client-request-id"),
            HeaderValue::from_static("true"),
        );
    }
    Ok(request)
}

/// Refuses what is no name of an endpoint or deployment: 3 to 32 letters, digits and hyphens, a letter first and no hyphen last.
pub(crate) fn check_endpoint_name(what: &str, text: &str) -> Result<(), Error> {
    let is_name = (3..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if is_name {
        Ok(())
    } else {
        Err(Error::invalid(format!(
            "the {what} is not 3 to 32 letters, digits and hyphens, with a letter first and no hyphen last"
        )))
    }
}

/// Refuses what is no name of an asset in a registry: 1 to 255 letters, digits, hyphens and underscores, a letter or digit first.
pub(crate) fn check_registry_name(what: &str, text: &str) -> Result<(), Error> {
    let is_name = (1..=255).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if is_name {
        Ok(())
    } else {
        Err(Error::invalid(format!(
            "the {what} is not 1 to 255 letters, digits, hyphens and underscores that begin with a letter or digit"
        )))
    }
}

/// Refuses what is no name: names and versions come from events, which are other people's text.
///
/// The specification states no pattern for the models of a workspace, and names with full stops exist, so this is wider
/// than the pattern of registries. It is narrow where a proxy on the way might read the path once more: no percent
/// sign, no backslash, printable ASCII only.
pub(crate) fn check_asset_part(what: &str, text: &str) -> Result<(), Error> {
    let why = if text.is_empty() {
        "is empty"
    } else if text.len() > 255 {
        "is longer than 255 characters"
    } else if text.bytes().all(|b| b == b'.') {
        "is made of full stops only"
    } else if !text
        .bytes()
        .all(|b| b.is_ascii_graphic() && !br"/\%?#".contains(&b))
    {
        r"holds something else than printable ascii without /\%?#"
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("the {what} {why}")))
}

const AGENT: &str = concat!("aml-client/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm_id::WorkspaceScope;

    fn get_model_version(target: Target<'_>, name: &str, version: &str) -> Result<Request<Vec<u8>>, Error> {
        check_asset_part("model name", name)?;
        check_asset_part("model version", version)?;
        Call::get(&["models", name, "versions", version]).build(target)
    }

    fn request(name: &str, version: &str) -> Result<Request<Vec<u8>>, Error> {
        let target = Target {
            endpoint: &Url::parse("https://management.azure.com").unwrap(),
            scope: &Scope::Workspace(WorkspaceScope::new("0a1b", "ml-rg", "Churn-ws").unwrap()),
            api_version: &ApiVersion::DEFAULT,
            client_request_id: None,
        };
        get_model_version(target, name, version)
    }

    const PREFIX: &str = "https://management.azure.com/subscriptions/0a1b/resourceGroups/ml-rg/providers/\
                          Microsoft.MachineLearningServices/workspaces/Churn-ws/models";

    #[test]
    fn ok_uri_keeps_the_case_of_names() {
        let request = request("Churn.v2_x-y", "7").unwrap();
        assert_eq!(request.method(), Method::GET);
        assert_eq!(
            request.uri().to_string(),
            format!("{PREFIX}/Churn.v2_x-y/versions/7?api-version=2025-12-01")
        );
        assert!(request.body().is_empty());
    }

    #[test]
    fn ok_every_accepted_character_stays_inside_its_segment() {
        for byte in 0x21..=0x7e_u8 {
            let name = format!("a{}b", char::from(byte));
            match request(&name, "7") {
                Ok(request) => assert_eq!(request.uri().path().split('/').count(), 13, "{name:?}"),
                Err(e) => assert!(br"/\%?#".contains(&byte), "{name:?}: {e}"),
            }
        }
    }

    #[test]
    fn err_hostile_names_and_versions() {
        let long = "x".repeat(256);
        for text in [
            "",
            ".",
            "..",
            "...",
            "/",
            "a/b",
            "../x",
            "%2f",
            "%2e%2e",
            "a%00",
            "a\\b",
            "a?b",
            "a#b",
            "a b",
            "a\nb",
            "a\0",
            "modèle",
            "\u{202e}abc",
            "．．",
            &long,
        ] {
            assert!(request(text, "7").is_err(), "name {text:?}");
            assert!(request("churn", text).is_err(), "version {text:?}");
        }
    }

    #[test]
    fn err_texts_name_the_part_and_never_the_value() {
        assert_eq!(
            request("..", "7").unwrap_err().to_string(),
            "the model name is made of full stops only"
        );
        assert_eq!(
            request("a", "").unwrap_err().to_string(),
            "the model version is empty"
        );
    }

    #[test]
    fn ok_and_err_client_request_ids() {
        assert!(client_request_id("7c9e6679-7425-40de-944b-e07fc1f90ae7").is_ok());
        for id in ["", "a b", "a\r\nx: y", "é", &"x".repeat(65)] {
            assert!(client_request_id(id).is_err(), "{id:?}");
        }
    }

    #[test]
    fn ok_queries_are_written_as_azures_own_clients_write_them() {
        let target = Target {
            endpoint: &Url::parse("https://management.azure.com").unwrap(),
            scope: &Scope::Workspace(WorkspaceScope::new("0a1b", "ml-rg", "Churn-ws").unwrap()),
            api_version: &ApiVersion::DEFAULT,
            client_request_id: None,
        };
        let call = Call::get(&["models", "m", "versions"])
            .with_query("$orderBy", Some("createdtime desc"))
            .with_query("tags", Some("a=b,c&d+e ü"))
            .with_query("none", None::<String>);
        let request = call.build(target).unwrap();
        assert_eq!(
            request.uri().query().unwrap(),
            "api-version=2025-12-01&$orderBy=createdtime%20desc&tags=a%3Db%2Cc%26d%2Be%20%C3%BC"
        );
    }
}
