//! **Here**: where requests go and what each has, as an [`ApiRequest`]; one file below it for each kind. Pure; the token is added where the
//! request is sent.
//! **Not here**: I/O (`send`), what comes back (`response`).
//! **Reads**: `repo`, `repository_dispatch` and the other vocabulary; `send` after it.
//! **Source**: <https://docs.github.com/rest/about-the-rest-api/api-versions>, read 2026-11-22.

#[cfg(feature = "app")]
mod app;
mod dispatches;
#[cfg(feature = "provision")]
mod provision;
mod repositories;
mod runs;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use url::Url;

#[cfg(feature = "provision")]
pub(crate) use self::provision::FileChange;
pub use self::runs::{JobFilter, RunQuery};
use crate::repo::RepoFullName;

/// The API version that is asked for unless the builder says otherwise: known to every Enterprise Server.
pub const DEFAULT_API_VERSION: &str = "2022-11-28";
/// The API root of github.com.
pub const GITHUB_COM: &str = "https://api.github.com";
/// What GitHub advises to accept.
const JSON: &str = "application/vnd.github+json";
/// A file as it is.
const RAW: &str = "application/vnd.github.raw+json";

/// An API root that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the api root {why}")]
pub struct InvalidApiRoot {
    why: &'static str,
}

/// Where requests go: `https://api.github.com`, `https://api.NAME.ghe.com`, or `https://HOST/api/v3`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApiRoot(Url);

impl ApiRoot {
    /// Reads an API root. A path is kept, a trailing slash is not.
    ///
    /// # Errors
    /// It is no URL, holds a user, query or fragment, or is plain http to somewhere else than loopback.
    pub fn parse(text: &str) -> Result<Self, InvalidApiRoot> {
        let refuse = |why| InvalidApiRoot { why };
        let mut url = Url::parse(text).map_err(|_| refuse("is not a url"))?;
        let loopback = match url.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => return Err(refuse("names no host")),
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => return Err(refuse("must begin with https:// (http:// is for loopback only)")),
        }
        if !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(refuse("must not hold a user, a query or a fragment"));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The API root of a data residency enterprise: `https://api.SUBDOMAIN.ghe.com`.
    ///
    /// # Errors
    /// It is no label of a host name.
    pub fn data_residency(subdomain: &str) -> Result<Self, InvalidApiRoot> {
        let is_label = !subdomain.is_empty()
            && subdomain.len() <= 63
            && subdomain
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_label {
            return Err(InvalidApiRoot {
                why: "needs the enterprise's subdomain of ghe.com: letters, digits and hyphens",
            });
        }
        Self::parse(&format!("https://api.{subdomain}.ghe.com"))
    }

    /// The API root of an Enterprise Server: `https://HOST/api/v3`, with a port where there is one.
    ///
    /// # Errors
    /// It is not the name of a host.
    pub fn enterprise_server(host: &str) -> Result<Self, InvalidApiRoot> {
        let is_host = !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'[' | b']'));
        if !is_host {
            return Err(InvalidApiRoot {
                why: "needs the server's host name, without https:// and without a path",
            });
        }
        Self::parse(&format!("https://{host}/api/v3"))
    }

    /// Whether requests to it need TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it is github.com, or an enterprise with data residency: what GitHub itself runs, in its newest version.
    #[must_use]
    pub fn is_hosted_by_github(&self) -> bool {
        let is_hosted = |name: &str| name == "api.github.com" || name.ends_with(".ghe.com");
        matches!(self.0.host(), Some(url::Host::Domain(name)) if is_hosted(name))
    }

    /// The origin that a token may be sent to.
    #[must_use]
    pub fn origin(&self) -> url::Origin {
        self.0.origin()
    }

    /// A URL below the root.
    fn below(&self, segments: &[&str]) -> Url {
        extended(&self.0, segments.iter().copied())
    }
}

/// A URL below this one: segments are pushed and so encoded, never formatted into a text.
fn extended<'s>(url: &Url, segments: impl IntoIterator<Item = &'s str>) -> Url {
    let mut url = url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// A request without its token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApiRequest {
    /// The method.
    pub method: Method,
    /// Where it goes.
    pub url: Url,
    /// `accept`, `user-agent`, `x-github-api-version`, and `content-type` where there is a body.
    pub headers: HeaderMap,
    /// JSON.
    pub body: Option<Vec<u8>>,
}

impl TryFrom<ApiRequest> for Request<Vec<u8>> {
    type Error = InvalidRequest;

    fn try_from(api: ApiRequest) -> Result<Self, InvalidRequest> {
        let mut request = Self::new(api.body.unwrap_or_default());
        *request.method_mut() = api.method;
        let uri = api.url.as_str().parse();
        *request.uri_mut() = uri.map_err(|error: http::uri::InvalidUri| InvalidRequest(error.into()))?;
        *request.headers_mut() = api.headers;
        Ok(request)
    }
}

/// Makes requests against one root, in one API version.
#[derive(Clone, Debug)]
pub struct Requests {
    root: ApiRoot,
    /// The root and `repos`, where most requests go.
    repos: Url,
    api_version: String,
    user_agent: String,
    /// Made one time of the two; none where they cannot be headers, which each request then says.
    common: Option<Common>,
}

/// Headers of every request.
#[derive(Clone, Debug)]
struct Common {
    api_version: HeaderValue,
    user_agent: HeaderValue,
}

/// A request that cannot be made of its parts.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be made")]
pub struct InvalidRequest(#[source] http::Error);

type Made = Result<ApiRequest, InvalidRequest>;

impl Requests {
    /// Requests against this root, with these values of `X-GitHub-Api-Version` and `User-Agent`.
    #[must_use]
    pub fn new(root: ApiRoot, api_version: impl Into<String>, user_agent: impl Into<String>) -> Self {
        let (api_version, user_agent) = (api_version.into(), user_agent.into());
        Self {
            repos: root.below(&["repos"]),
            root,
            common: Common::new(&api_version, &user_agent).ok(),
            api_version,
            user_agent,
        }
    }

    /// The root.
    #[must_use]
    pub const fn root(&self) -> &ApiRoot {
        &self.root
    }

    /// A URL below a repository.
    fn repository_url(&self, repo: &RepoFullName, rest: &[&str]) -> Url {
        let named = [repo.owner(), repo.name()].into_iter();
        extended(&self.repos, named.chain(rest.iter().copied()))
    }

    fn get(&self, url: Url) -> Made {
        self.request(Method::GET, url, JSON, None)
    }

    fn post(&self, url: Url, body: Option<Vec<u8>>) -> Made {
        self.request(Method::POST, url, JSON, body)
    }

    fn request(&self, method: Method, url: Url, accept: &'static str, body: Option<Vec<u8>>) -> Made {
        let common = match &self.common {
            Some(common) => common.clone(),
            // Says again what is wrong with them.
            None => Common::new(&self.api_version, &self.user_agent)?,
        };
        // With room for the token.
        let mut headers = HeaderMap::with_capacity(6);
        headers.insert(header::USER_AGENT, common.user_agent);
        headers.insert(
            HeaderName::from_static("x-github-api-version"),
            common.api_version,
        );
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        if body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(ApiRequest {
            method,
            url,
            headers,
            body,
        })
    }
}

impl Common {
    fn new(api_version: &str, user_agent: &str) -> Result<Self, InvalidRequest> {
        let value = |text| HeaderValue::from_str(text).map_err(|error| InvalidRequest(error.into()));
        Ok(Self {
            api_version: value(api_version)?,
            user_agent: value(user_agent)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn requests(root: &str) -> Requests {
        Requests::new(ApiRoot::parse(root).unwrap(), DEFAULT_API_VERSION, "agent")
    }

    #[test]
    fn ok_a_path_of_the_root_is_kept() {
        let repo = RepoFullName::parse("a/b").unwrap();
        let check = |root: &str, expect: &str| {
            assert_eq!(requests(root).repository(&repo).unwrap().url.as_str(), expect);
        };
        check("https://api.github.com", "https://api.github.com/repos/a/b");
        check("https://api.github.com/", "https://api.github.com/repos/a/b");
        check(
            "https://ghe.example/api/v3",
            "https://ghe.example/api/v3/repos/a/b",
        );
        check(
            "https://ghe.example/api/v3/",
            "https://ghe.example/api/v3/repos/a/b",
        );
        check("http://127.0.0.1:8080", "http://127.0.0.1:8080/repos/a/b");
        check("http://[::1]:1", "http://[::1]:1/repos/a/b");
    }

    #[test]
    fn err_roots_that_would_show_a_token() {
        for root in [
            "",
            "api.github.com",
            "http://api.github.com",
            "ftp://x",
            "https://user@x",
            "https://x?y",
            "https://x#y",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
        ] {
            assert!(ApiRoot::parse(root).is_err(), "{root}");
        }
    }

    #[test]
    fn ok_roots_of_other_hosts() {
        let url = |root: Result<ApiRoot, InvalidApiRoot>| root.unwrap().below(&["rate_limit"]).to_string();
        assert_eq!(
            url(ApiRoot::data_residency("octo-corp")),
            "https://api.octo-corp.ghe.com/rate_limit"
        );
        assert_eq!(
            url(ApiRoot::enterprise_server("ghe.example:8443")),
            "https://ghe.example:8443/api/v3/rate_limit"
        );
        for name in ["", "a.b", "a/b", "a@b", "é", "a#"] {
            assert!(ApiRoot::data_residency(name).is_err(), "{name}");
        }
        for name in ["", "https://x", "a/b", "user@x", "x?y", "x#y", "x:y:z"] {
            assert!(ApiRoot::enterprise_server(name).is_err(), "{name}");
        }
        let is_hosted = |text: &str| ApiRoot::parse(text).unwrap().is_hosted_by_github();
        assert!(is_hosted(GITHUB_COM) && is_hosted("https://API.octo-corp.ghe.com"));
        for other in [
            "https://ghe.example/api/v3",
            "http://127.0.0.1:1",
            "https://notghe.com",
            "https://api.github.com.evil.example",
        ] {
            assert!(!is_hosted(other), "{other}");
        }
    }

    #[test]
    fn err_what_cannot_be_a_header_is_said_by_each_request() {
        let repo = RepoFullName::parse("a/b").unwrap();
        for (version, agent) in [("2022\n", "agent"), (DEFAULT_API_VERSION, "a\rb")] {
            let requests = Requests::new(ApiRoot::parse(GITHUB_COM).unwrap(), version, agent);
            let error = requests.repository(&repo).unwrap_err();
            let source = std::error::Error::source(&error).unwrap();
            assert_eq!(
                (error.to_string(), source.to_string()),
                (
                    "the request cannot be made".to_owned(),
                    "failed to parse header value".to_owned()
                )
            );
        }
    }

    #[test]
    fn ok_the_form_of_http() {
        let repo = RepoFullName::parse("a/b").unwrap();
        let request: Request<Vec<u8>> = requests(GITHUB_COM)
            .repository(&repo)
            .unwrap()
            .try_into()
            .unwrap();
        assert_eq!(
            (request.method(), request.uri().path()),
            (&Method::GET, "/repos/a/b")
        );
        assert_eq!((request.headers().len(), request.body().len()), (3, 0));
    }
}
