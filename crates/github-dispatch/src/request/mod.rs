//! **Here**: where requests go and what each has; one file below it for each kind: parameters to `http::Request<Vec<u8>>`. Pure; the
//! token is added where the request is sent.
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

use http::{Method, Request, header};
use url::Url;

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

    /// The origin that a token may be sent to.
    #[must_use]
    pub fn origin(&self) -> url::Origin {
        self.0.origin()
    }

    /// A URL below the root: segments are pushed and so encoded, never formatted into a text.
    fn below(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

/// Makes requests against one root, in one API version.
#[derive(Clone, Debug)]
pub struct Requests {
    root: ApiRoot,
    api_version: String,
    user_agent: String,
}

/// A request that cannot be made of its parts.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be made")]
pub struct InvalidRequest(#[source] http::Error);

type Made = Result<Request<Vec<u8>>, InvalidRequest>;

impl Requests {
    /// Requests against this root, with these values of `X-GitHub-Api-Version` and `User-Agent`.
    #[must_use]
    pub fn new(root: ApiRoot, api_version: impl Into<String>, user_agent: impl Into<String>) -> Self {
        Self {
            root,
            api_version: api_version.into(),
            user_agent: user_agent.into(),
        }
    }

    /// The root.
    #[must_use]
    pub const fn root(&self) -> &ApiRoot {
        &self.root
    }

    /// A URL below a repository.
    fn repository_url(&self, repo: &RepoFullName, rest: &[&str]) -> Url {
        let mut segments = vec!["repos", repo.owner(), repo.name()];
        segments.extend_from_slice(rest);
        self.root.below(&segments)
    }

    fn get(&self, url: &Url) -> Made {
        self.request(Method::GET, url, JSON, None)
    }

    fn post(&self, url: &Url, body: Option<Vec<u8>>) -> Made {
        self.request(Method::POST, url, JSON, body)
    }

    fn request(&self, method: Method, url: &Url, accept: &str, body: Option<Vec<u8>>) -> Made {
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(header::ACCEPT, accept)
            .header(header::USER_AGENT, &self.user_agent)
            .header("x-github-api-version", &self.api_version);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(body.unwrap_or_default()).map_err(InvalidRequest)
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
            assert_eq!(
                requests(root).repository(&repo).unwrap().uri().to_string(),
                expect
            );
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
    }
}
