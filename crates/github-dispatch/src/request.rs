//! **Here**: parameters to `http::Request<Vec<u8>>`. Pure; the token is added where the request is sent.
//! **Not here**: I/O (`send`), what comes back (`response`).
//! **Reads**: `repo`, `repository_dispatch`; `send` after it.
//! **Source**: <https://docs.github.com/rest/repos/repos> and <https://docs.github.com/rest/actions/workflow-runs>, API version 2022-11-28,
//! read 2026-11-22.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use url::Url;

use crate::repo::RepoFullName;
use crate::repository_dispatch::RepositoryDispatch;
use crate::workflow_dispatch::{WorkflowDispatch, WorkflowFile};

/// The API version that is asked for unless the builder says otherwise: known to every Enterprise Server.
pub const DEFAULT_API_VERSION: &str = "2022-11-28";
/// The API root of github.com.
pub const GITHUB_COM: &str = "https://api.github.com";

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

    fn below(&self, segment: &str) -> Url {
        extended(&self.0, [segment])
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

/// What runs are listed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RunQuery<'a> {
    /// Only runs that this event started, such as `repository_dispatch`.
    pub event: Option<&'a str>,
    /// Only runs created since then, by GitHub's clock.
    pub created_since: Option<SystemTime>,
}

impl<'a> RunQuery<'a> {
    /// Runs that a repository dispatch started since a moment.
    #[must_use]
    pub const fn of_dispatches(since: SystemTime) -> Self {
        RunQuery {
            event: Some("repository_dispatch"),
            created_since: Some(since),
        }
    }
}

/// A request that cannot be made of its parts.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be made")]
pub struct InvalidRequest(#[source] http::Error);

/// Makes requests against one root, in one API version.
#[derive(Clone, Debug)]
pub struct Requests {
    drafts: Drafts,
}

type Made = Result<Request<Vec<u8>>, InvalidRequest>;

impl Requests {
    /// Requests against this root, with these values of `X-GitHub-Api-Version` and `User-Agent`.
    #[must_use]
    pub fn new(root: ApiRoot, api_version: impl Into<String>, user_agent: impl Into<String>) -> Self {
        let drafts = Drafts::new(root, api_version.into(), user_agent.into());
        Self { drafts }
    }

    /// The root.
    #[must_use]
    pub const fn root(&self) -> &ApiRoot {
        self.drafts.root()
    }

    /// `POST /repos/{owner}/{repo}/dispatches`. Needs *Contents: write*. Not idempotent.
    ///
    /// # Errors
    /// A header value of the builder cannot be sent.
    pub fn repository_dispatch(&self, repo: &RepoFullName, dispatch: &RepositoryDispatch) -> Made {
        self.drafts.repository_dispatch(repo, dispatch)?.into_http()
    }

    /// `POST /repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches`. Needs *Actions: write*. Not idempotent.
    ///
    /// # Errors
    /// As above.
    pub fn workflow_dispatch(
        &self,
        repo: &RepoFullName,
        workflow: &WorkflowFile,
        dispatch: &WorkflowDispatch,
    ) -> Made {
        self.drafts
            .workflow_dispatch(repo, workflow, dispatch)?
            .into_http()
    }

    /// `GET /repos/{owner}/{repo}`.
    ///
    /// # Errors
    /// As above.
    pub fn repository(&self, repo: &RepoFullName) -> Made {
        self.drafts.repository(repo)?.into_http()
    }

    /// `GET /repos/{owner}/{repo}/actions/runs`, 100 to the page; pages count from 1. Needs *Actions: read*.
    ///
    /// # Errors
    /// As above.
    pub fn runs(&self, repo: &RepoFullName, query: &RunQuery<'_>, page: u32) -> Made {
        self.drafts.runs(repo, query, page)?.into_http()
    }

    /// `GET /repos/{owner}/{repo}/actions/runs/{id}`. Needs *Actions: read*.
    ///
    /// # Errors
    /// As above.
    pub fn run(&self, repo: &RepoFullName, id: u64) -> Made {
        self.drafts.run(repo, id)?.into_http()
    }

    /// `GET /repos/{owner}/{repo}/contents/.github/workflows`: the workflow files of the default branch.
    ///
    /// # Errors
    /// As above.
    pub fn workflow_files(&self, repo: &RepoFullName) -> Made {
        self.drafts.workflow_files(repo)?.into_http()
    }

    /// The same for one file, its text as it is.
    ///
    /// # Errors
    /// As above.
    pub fn workflow_file(&self, repo: &RepoFullName, name: &str) -> Made {
        self.drafts.workflow_file(repo, name)?.into_http()
    }
}

/// A request before it takes the form of `http` or of `reqwest`: for reqwest a URI would only be written to be read again.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Draft {
    fn into_http(self) -> Made {
        let uri = self.url.as_str().parse();
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = uri.map_err(|error: http::uri::InvalidUri| InvalidRequest(error.into()))?;
        *request.headers_mut() = self.headers;
        Ok(request)
    }
}

/// What [`Requests`] makes its requests of, and the client its own.
#[derive(Clone, Debug)]
pub(crate) struct Drafts {
    root: ApiRoot,
    /// The root and `repos`.
    repos: Url,
    api_version: String,
    user_agent: String,
    /// Made one time of the two; none where they cannot be headers, which each request then says.
    common: Option<Common>,
}

type Drafted = Result<Draft, InvalidRequest>;

impl Drafts {
    pub(crate) fn new(root: ApiRoot, api_version: String, user_agent: String) -> Self {
        Self {
            repos: root.below("repos"),
            root,
            common: Common::new(&api_version, &user_agent).ok(),
            api_version,
            user_agent,
        }
    }

    pub(crate) const fn root(&self) -> &ApiRoot {
        &self.root
    }

    pub(crate) fn repository_dispatch(&self, repo: &RepoFullName, dispatch: &RepositoryDispatch) -> Drafted {
        self.post(self.of(repo, &["dispatches"]), dispatch.body())
    }

    pub(crate) fn workflow_dispatch(
        &self,
        repo: &RepoFullName,
        workflow: &WorkflowFile,
        dispatch: &WorkflowDispatch,
    ) -> Drafted {
        let url = self.of(repo, &["actions", "workflows", workflow.as_str(), "dispatches"]);
        self.post(url, dispatch.body(&self.api_version))
    }

    pub(crate) fn repository(&self, repo: &RepoFullName) -> Drafted {
        self.get(self.of(repo, &[]))
    }

    pub(crate) fn runs(&self, repo: &RepoFullName, query: &RunQuery<'_>, page: u32) -> Drafted {
        let mut url = self.of(repo, &["actions", "runs"]);
        {
            let mut pairs = url.query_pairs_mut();
            if let Some(event) = query.event {
                pairs.append_pair("event", event);
            }
            if let Some(since) = query.created_since {
                pairs.append_pair("created", &format!(">={}", instant(since)));
            }
            pairs
                .append_pair("per_page", "100")
                .append_pair("page", &page.to_string());
        }
        self.get(url)
    }

    pub(crate) fn run(&self, repo: &RepoFullName, id: u64) -> Drafted {
        self.get(self.of(repo, &["actions", "runs", &id.to_string()]))
    }

    pub(crate) fn workflow_files(&self, repo: &RepoFullName) -> Drafted {
        self.get(self.of(repo, &["contents", ".github", "workflows"]))
    }

    pub(crate) fn workflow_file(&self, repo: &RepoFullName, name: &str) -> Drafted {
        let url = self.of(repo, &["contents", ".github", "workflows", name]);
        self.draft(Method::GET, url, "application/vnd.github.raw+json", Vec::new())
    }

    fn of(&self, repo: &RepoFullName, segments: &[&str]) -> Url {
        let named = [repo.owner(), repo.name()].into_iter();
        extended(&self.repos, named.chain(segments.iter().copied()))
    }

    fn get(&self, url: Url) -> Drafted {
        self.draft(Method::GET, url, "application/vnd.github+json", Vec::new())
    }

    fn post(&self, url: Url, body: Vec<u8>) -> Drafted {
        let mut draft = self.draft(Method::POST, url, "application/vnd.github+json", body)?;
        let json = HeaderValue::from_static("application/json");
        draft.headers.insert(header::CONTENT_TYPE, json);
        Ok(draft)
    }

    fn draft(&self, method: Method, url: Url, accept: &'static str, body: Vec<u8>) -> Drafted {
        let common = match &self.common {
            Some(common) => common.clone(),
            // Says again what is wrong with them.
            None => Common::new(&self.api_version, &self.user_agent)?,
        };
        // With room for a content type and the token.
        let mut headers = HeaderMap::with_capacity(6);
        headers.insert(header::USER_AGENT, common.user_agent);
        headers.insert(
            HeaderName::from_static("x-github-api-version"),
            common.api_version,
        );
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        Ok(Draft {
            method,
            url,
            headers,
            body,
        })
    }
}

/// Headers of every request.
#[derive(Clone, Debug)]
struct Common {
    api_version: HeaderValue,
    user_agent: HeaderValue,
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

/// `2026-11-22T10:00:00Z`: GitHub's search has a grain of one second.
fn instant(at: SystemTime) -> String {
    let at = jiff::Timestamp::try_from(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::Timestamp::from_second(at.as_second())
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_string()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn requests(root: &str) -> Requests {
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
    fn ok_a_dispatch_has_these_parts_and_no_others() {
        let dispatch = RepositoryDispatch::new(
            crate::DispatchEventType::parse("deploy").unwrap(),
            serde_json::Map::new(),
        )
        .unwrap();
        let request = requests(GITHUB_COM)
            .repository_dispatch(&RepoFullName::parse("a/b").unwrap(), &dispatch)
            .unwrap();
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri(), "https://api.github.com/repos/a/b/dispatches");
        let mut headers: Vec<String> = request
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        headers.sort();
        assert_eq!(
            headers,
            [
                "accept: application/vnd.github+json",
                "content-type: application/json",
                "user-agent: agent",
                "x-github-api-version: 2022-11-28",
            ]
        );
        assert_eq!(request.body(), br#"{"client_payload":{},"event_type":"deploy"}"#);
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
    fn ok_runs_are_listed_from_a_second_on() {
        let query = RunQuery::of_dispatches(UNIX_EPOCH + Duration::from_millis(1_795_341_600_999));
        let uri = requests(GITHUB_COM)
            .runs(&RepoFullName::parse("a/b").unwrap(), &query, 2)
            .unwrap()
            .uri()
            .to_string();
        let expect = "https://api.github.com/repos/a/b/actions/runs?event=repository_dispatch&created=%3E%3D2026-11-22T10%3A00%3A00Z&per_page=100&page=2";
        assert_eq!(uri, expect);
    }
}
