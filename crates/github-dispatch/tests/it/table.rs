//! Status, headers and body to kind, advice, wait and text: every cell is pinned, and so is every message of the crate's own errors.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use github_dispatch::deploy_workflow::DeployWorkflow;
use github_dispatch::request::ApiRoot;
use github_dispatch::response::{read_dispatch, read_json};
use github_dispatch::{
    Advice, BlockScope, DispatchEventType, Error, RepoFullName, RepositoryDispatch, WorkflowDispatch,
    WorkflowFile,
};
use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::{Map, Value};

/// 2026-11-22T10:00:00Z, in seconds.
const NOW: u64 = 1_795_341_600;

/// Headers of an answer.
type Headers<'a> = &'a [(&'static str, &'a str)];

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn advice(error: &Error) -> String {
    match error.advice() {
        Advice::Throttled { until } => format!("+{} s", until.duration_since(now()).unwrap().as_secs()),
        Advice::Block(BlockScope::Principal) => "principal".to_owned(),
        Advice::Block(BlockScope::Target) => "target".to_owned(),
        Advice::GiveUp => "give up".to_owned(),
        Advice::NotSent => "not sent".to_owned(),
        Advice::Unknown => "unknown".to_owned(),
    }
}

/// One line: status, headers, body | kind, advice, text.
fn line(status: u16, headers: Headers<'_>, body: &str) -> String {
    let map: HeaderMap = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect();
    let code = StatusCode::from_u16(status).unwrap();
    let said: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let shown: String = body.chars().take(40).collect();
    let asked = format!("{status} [{}] {shown}", said.join(" "));
    match read_dispatch(code, &map, body.as_bytes(), now()) {
        Ok(accepted) => {
            let until = accepted
                .exhausted_until
                .map(|until| until.duration_since(now()).unwrap().as_secs());
            format!("{asked} | accepted, exhausted until {until:?}")
        }
        Err(error) => format!("{asked} | {:?}, {}: {error}", error.kind(), advice(&error)),
    }
}

fn message(text: &str) -> String {
    format!(r#"{{"message":"{text}"}}"#)
}

#[test]
fn ok_every_cell_of_status_headers_and_body() {
    const SECONDARY: &str = "You have exceeded a secondary rate limit.";
    const ABUSE: &str = "You have triggered an abuse detection mechanism.";
    const FORBIDDEN: &str = "Resource not accessible by personal access token";
    let reset = (NOW + 90).to_string();
    let past = (NOW - 90).to_string();
    let used_up: Headers<'_> = &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &reset)];
    let used_up_past: Headers<'_> = &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &past)];
    let behind: Headers<'_> = &[
        ("date", "Sun, 22 Nov 2026 10:01:00 GMT"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", &reset),
    ];
    let after: Headers<'_> = &[("retry-after", "7")];
    let dated: Headers<'_> = &[
        ("date", "Sun, 22 Nov 2026 10:00:00 GMT"),
        ("retry-after", "Sun, 22 Nov 2026 10:02:00 GMT"),
    ];
    let both: Headers<'_> = &[
        ("retry-after", "7"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", &reset),
    ];
    let needs: Headers<'_> = &[("x-accepted-github-permissions", "contents=write")];
    let sso: Headers<'_> = &[("x-github-sso", "required; url=https://github.com/orgs/x/sso?y=z")];
    let id: Headers<'_> = &[("x-github-request-id", "ABCD:1")];
    let moved: Headers<'_> = &[("location", "https://api.github.com/repositories/7/dispatches?a=b")];
    let cells: Vec<(u16, Headers<'_>, String)> = [
        (200, &[][..], "{}"),
        (201, &[], ""),
        (202, &[], "<html>"),
        (204, &[], ""),
        (204, used_up, ""),
        (204, behind, ""),
        (299, &[], "x"),
        (300, &[], ""),
        (301, moved, ""),
        (302, &[], ""),
        (303, &[], ""),
        (304, &[], ""),
        (307, moved, "Moved Permanently"),
        (308, &[("location", "/repositories/7")], ""),
        (308, &[("location", "//evil.example")], ""),
        (400, &[], "Problems parsing JSON"),
        (400, after, ""),
        (401, &[], "Bad credentials"),
        (401, after, "Bad credentials"),
        (401, used_up, ""),
        (402, &[], ""),
        (403, &[], FORBIDDEN),
        (403, needs, FORBIDDEN),
        (403, sso, "Resource protected by organization SAML enforcement."),
        (403, after, FORBIDDEN),
        (403, after, SECONDARY),
        (403, dated, SECONDARY),
        (403, both, "API rate limit exceeded"),
        (403, used_up, "API rate limit exceeded"),
        (403, used_up_past, "API rate limit exceeded"),
        (403, behind, "API rate limit exceeded"),
        (403, &[("x-ratelimit-remaining", "0")], "API rate limit exceeded"),
        (
            403,
            &[
                ("x-ratelimit-remaining", "17"),
                ("x-ratelimit-reset", "1795341690"),
            ],
            FORBIDDEN,
        ),
        (403, &[], SECONDARY),
        (403, &[], ABUSE),
        (403, &[("retry-after", "soon")], FORBIDDEN),
        (403, &[("retry-after", "-1")], SECONDARY),
        (403, &[("retry-after", "0")], SECONDARY),
        (403, &[("retry-after", "99999999999")], SECONDARY),
        (403, id, FORBIDDEN),
        (404, &[], "Not Found"),
        (404, after, "Not Found"),
        (405, &[], ""),
        (406, &[], ""),
        (408, &[], ""),
        (409, &[], "Conflict"),
        (410, &[], "Gone"),
        (411, &[], ""),
        (412, &[], ""),
        (413, &[], ""),
        (415, &[], ""),
        (418, &[], ""),
        (421, &[], ""),
        (
            422,
            &[],
            "No more than 10 properties are allowed; 13 were supplied.",
        ),
        (422, &[], "client_payload is too large."),
        (422, after, ""),
        (426, &[], ""),
        (429, &[], ""),
        (429, after, ""),
        (429, used_up, ""),
        (429, dated, SECONDARY),
        (451, &[], "Repository access blocked"),
        (500, &[], ""),
        (500, after, "Server Error"),
        (501, &[], ""),
        (502, id, "Server Error"),
        (503, after, ""),
        (503, used_up, ""),
        (504, &[], ""),
        (599, &[], ""),
    ]
    .into_iter()
    .map(|(status, headers, text)| {
        (
            status,
            headers,
            if text.is_empty() {
                String::new()
            } else {
                message(text)
            },
        )
    })
    .collect();
    assert!(cells.len() >= 60, "{}", cells.len());
    let mut seen = String::new();
    for (status, headers, body) in &cells {
        writeln!(seen, "{}", line(*status, headers, body)).unwrap();
    }
    // Bodies that are none, or not what they should be.
    for body in [
        "<html><body>nginx</body></html>",
        r#"{"message":"cut o"#,
        r#"{"message":7}"#,
        r#"["message"]"#,
        "\u{1f8b}",
    ] {
        writeln!(seen, "{}", line(422, &[], body)).unwrap();
    }
    similar(&seen, EXPECTED);
}

/// Compares line by line, so that a difference is one line long.
fn similar(seen: &str, expected: &str) {
    for (seen, expected) in seen.lines().zip(expected.trim_start().lines()) {
        assert_eq!(seen, expected);
    }
    assert_eq!(
        seen.lines().count(),
        expected.trim_start().lines().count(),
        "{seen}"
    );
}

const EXPECTED: &str = r##"
200 [] {"message":"{}"} | accepted, exhausted until None
201 []  | accepted, exhausted until None
202 [] {"message":"<html>"} | accepted, exhausted until None
204 []  | accepted, exhausted until None
204 [x-ratelimit-remaining=0 x-ratelimit-reset=1795341690]  | accepted, exhausted until Some(91)
204 [date=Sun, 22 Nov 2026 10:01:00 GMT x-ratelimit-remaining=0 x-ratelimit-reset=1795341690]  | accepted, exhausted until Some(31)
299 [] {"message":"x"} | accepted, exhausted until None
300 []  | Redirected, target: it was renamed or moved; redirects are not followed, so change the configuration: status 300
301 [location=https://api.github.com/repositories/7/dispatches?a=b]  | Redirected, target: it was renamed or moved, to "/repositories/7/dispatches"; redirects are not followed, so change the configuration: status 301
302 []  | Redirected, target: it was renamed or moved; redirects are not followed, so change the configuration: status 302
303 []  | Redirected, target: it was renamed or moved; redirects are not followed, so change the configuration: status 303
304 []  | Redirected, target: it was renamed or moved; redirects are not followed, so change the configuration: status 304
307 [location=https://api.github.com/repositories/7/dispatches?a=b] {"message":"Moved Permanently"} | Redirected, target: it was renamed or moved, to "/repositories/7/dispatches"; redirects are not followed, so change the configuration: status 307 ("Moved Permanently")
308 [location=/repositories/7]  | Redirected, target: it was renamed or moved, to "/repositories/7"; redirects are not followed, so change the configuration: status 308
308 [location=//evil.example]  | Redirected, target: it was renamed or moved; redirects are not followed, so change the configuration: status 308
400 [] {"message":"Problems parsing JSON"} | Status, give up: github refuses the request: status 400 ("Problems parsing JSON")
400 [retry-after=7]  | Status, give up: github refuses the request: status 400
401 [] {"message":"Bad credentials"} | Auth, principal: github does not accept the token: status 401 ("Bad credentials")
401 [retry-after=7] {"message":"Bad credentials"} | Auth, principal: github does not accept the token: status 401 ("Bad credentials")
401 [x-ratelimit-remaining=0 x-ratelimit-reset=1795341690]  | Auth, principal: github does not accept the token: status 401
402 []  | Status, give up: github refuses the request: status 402
403 [] {"message":"Resource not accessible by p | Auth, target: the token may not do this: status 403 ("Resource not accessible by personal access token")
403 [x-accepted-github-permissions=contents=write] {"message":"Resource not accessible by p | Auth, target: the token may not do this; it needs contents=write: status 403 ("Resource not accessible by personal access token")
403 [x-github-sso=required; url=https://github.com/orgs/x/sso?y=z] {"message":"Resource protected by organi | Auth, target: the token may not do this; it has to be authorised for the organisation's single sign-on: status 403 ("Resource protected by organization SAML enforcement.")
403 [retry-after=7] {"message":"Resource not accessible by p | Throttled, +7 s: github's secondary rate limit was met: status 403 ("Resource not accessible by personal access token")
403 [retry-after=7] {"message":"You have exceeded a secondar | Throttled, +7 s: github's secondary rate limit was met: status 403 ("You have exceeded a secondary rate limit.")
403 [date=Sun, 22 Nov 2026 10:00:00 GMT retry-after=Sun, 22 Nov 2026 10:02:00 GMT] {"message":"You have exceeded a secondar | Throttled, +120 s: github's secondary rate limit was met: status 403 ("You have exceeded a secondary rate limit.")
403 [retry-after=7 x-ratelimit-remaining=0 x-ratelimit-reset=1795341690] {"message":"API rate limit exceeded"} | Throttled, +7 s: github's rate limit is used up: status 403 ("API rate limit exceeded")
403 [x-ratelimit-remaining=0 x-ratelimit-reset=1795341690] {"message":"API rate limit exceeded"} | Throttled, +91 s: github's rate limit is used up: status 403 ("API rate limit exceeded")
403 [x-ratelimit-remaining=0 x-ratelimit-reset=1795341510] {"message":"API rate limit exceeded"} | Throttled, +1 s: github's rate limit is used up: status 403 ("API rate limit exceeded")
403 [date=Sun, 22 Nov 2026 10:01:00 GMT x-ratelimit-remaining=0 x-ratelimit-reset=1795341690] {"message":"API rate limit exceeded"} | Throttled, +31 s: github's rate limit is used up: status 403 ("API rate limit exceeded")
403 [x-ratelimit-remaining=0] {"message":"API rate limit exceeded"} | Throttled, +60 s: github's rate limit is used up: status 403 ("API rate limit exceeded")
403 [x-ratelimit-remaining=17 x-ratelimit-reset=1795341690] {"message":"Resource not accessible by p | Auth, target: the token may not do this: status 403 ("Resource not accessible by personal access token")
403 [] {"message":"You have exceeded a secondar | Throttled, +60 s: github's secondary rate limit was met: status 403 ("You have exceeded a secondary rate limit.")
403 [] {"message":"You have triggered an abuse  | Throttled, +60 s: github's secondary rate limit was met: status 403 ("You have triggered an abuse detection mechanism.")
403 [retry-after=soon] {"message":"Resource not accessible by p | Auth, target: the token may not do this: status 403 ("Resource not accessible by personal access token")
403 [retry-after=-1] {"message":"You have exceeded a secondar | Throttled, +60 s: github's secondary rate limit was met: status 403 ("You have exceeded a secondary rate limit.")
403 [retry-after=0] {"message":"You have exceeded a secondar | Throttled, +1 s: github's secondary rate limit was met: status 403 ("You have exceeded a secondary rate limit.")
403 [retry-after=99999999999] {"message":"You have exceeded a secondar | Throttled, +86400 s: github's secondary rate limit was met: status 403 ("You have exceeded a secondary rate limit.")
403 [x-github-request-id=ABCD:1] {"message":"Resource not accessible by p | Auth, target: the token may not do this: status 403 ("Resource not accessible by personal access token"), request ABCD:1
404 [] {"message":"Not Found"} | NotFound, target: it is not there, or the token may not see it: status 404 ("Not Found")
404 [retry-after=7] {"message":"Not Found"} | NotFound, target: it is not there, or the token may not see it: status 404 ("Not Found")
405 []  | Status, give up: github refuses the request: status 405
406 []  | Status, give up: github refuses the request: status 406
408 []  | Status, unknown: github failed, perhaps after it had accepted: status 408
409 [] {"message":"Conflict"} | Status, give up: github refuses the request: status 409 ("Conflict")
410 [] {"message":"Gone"} | NotFound, target: it is gone for good: status 410 ("Gone")
411 []  | Status, give up: github refuses the request: status 411
412 []  | Status, give up: github refuses the request: status 412
413 []  | Status, give up: github refuses the request: status 413
415 []  | Status, give up: github refuses the request: status 415
418 []  | Status, give up: github refuses the request: status 418
421 []  | Status, give up: github refuses the request: status 421
422 [] {"message":"No more than 10 properties a | Status, give up: github refuses the request: status 422 ("No more than 10 properties are allowed; 13 were supplied.")
422 [] {"message":"client_payload is too large. | Status, give up: github refuses the request: status 422 ("client_payload is too large.")
422 [retry-after=7]  | Status, give up: github refuses the request: status 422
426 []  | Status, give up: github refuses the request: status 426
429 []  | Throttled, +60 s: github's secondary rate limit was met: status 429
429 [retry-after=7]  | Throttled, +7 s: github's secondary rate limit was met: status 429
429 [x-ratelimit-remaining=0 x-ratelimit-reset=1795341690]  | Throttled, +91 s: github's rate limit is used up: status 429
429 [date=Sun, 22 Nov 2026 10:00:00 GMT retry-after=Sun, 22 Nov 2026 10:02:00 GMT] {"message":"You have exceeded a secondar | Throttled, +120 s: github's secondary rate limit was met: status 429 ("You have exceeded a secondary rate limit.")
451 [] {"message":"Repository access blocked"} | Status, give up: github refuses the request: status 451 ("Repository access blocked")
500 []  | Status, unknown: github failed, perhaps after it had accepted: status 500
500 [retry-after=7] {"message":"Server Error"} | Status, unknown: github failed, perhaps after it had accepted: status 500 ("Server Error")
501 []  | Status, unknown: github failed, perhaps after it had accepted: status 501
502 [x-github-request-id=ABCD:1] {"message":"Server Error"} | Status, unknown: github failed, perhaps after it had accepted: status 502 ("Server Error"), request ABCD:1
503 [retry-after=7]  | Status, unknown: github failed, perhaps after it had accepted: status 503
503 [x-ratelimit-remaining=0 x-ratelimit-reset=1795341690]  | Status, unknown: github failed, perhaps after it had accepted: status 503
504 []  | Status, unknown: github failed, perhaps after it had accepted: status 504
599 []  | Status, unknown: github failed, perhaps after it had accepted: status 599
422 [] <html><body>nginx</body></html> | Status, give up: github refuses the request: status 422
422 [] {"message":"cut o | Status, give up: github refuses the request: status 422
422 [] {"message":7} | Status, give up: github refuses the request: status 422
422 [] ["message"] | Status, give up: github refuses the request: status 422
422 [] ᾋ | Status, give up: github refuses the request: status 422
"##;

#[test]
fn ok_every_message_of_our_own() {
    let payload = |n: usize, text: &str| -> Map<String, Value> {
        (0..n).map(|n| (format!("k{n}"), Value::from(text))).collect()
    };
    let event_type = || DispatchEventType::parse("deploy").unwrap();
    let none: [(&str, &str); 0] = [];
    let many = (0..26).map(|n| (format!("k{n}"), "x"));
    let mut seen = String::new();
    let mut says = |error: &dyn std::fmt::Display| writeln!(seen, "{error}").unwrap();
    says(&RepositoryDispatch::new(event_type(), payload(11, "x")).unwrap_err());
    says(&RepositoryDispatch::new(event_type(), payload(1, &"x".repeat(65_529))).unwrap_err());
    says(&DispatchEventType::parse("").unwrap_err());
    says(&DispatchEventType::parse(&"x".repeat(101)).unwrap_err());
    for name in [
        "", "a", "a/b/c", "../b", "a/..", "a/b%2f", "a/%2e%2e", "ä/b", "a/b\n",
    ] {
        says(&RepoFullName::parse(name).unwrap_err());
    }
    says(&WorkflowDispatch::new("a..b", none).unwrap_err());
    says(&WorkflowFile::parse("../deploy.yml").unwrap_err());
    says(&WorkflowDispatch::new("main", many).unwrap_err());
    says(&WorkflowDispatch::new("main", [("k", "x".repeat(65_535))]).unwrap_err());
    says(&WorkflowDispatch::new("main", [("k k", "x")]).unwrap_err());
    says(&DeployWorkflow::new("deploy", "rg; rm -rf /", "ws", "ep", "blue").unwrap_err());
    for root in [
        "",
        "api.github.com",
        "http://api.github.com",
        "https://user@x",
        "data:x",
    ] {
        says(&ApiRoot::parse(root).unwrap_err());
    }
    says(&ApiRoot::data_residency("a.b").unwrap_err());
    says(&ApiRoot::enterprise_server("https://x").unwrap_err());
    let broken = |body: &str| {
        read_json::<Vec<u8>>(StatusCode::OK, &HeaderMap::new(), body.as_bytes(), now()).unwrap_err()
    };
    for body in ["", "<html>", "[1", "{}", "[256]"] {
        says(&broken(body));
    }
    similar(&seen, MESSAGES);
}

const MESSAGES: &str = r##"
client_payload has 11 top-level keys, and GitHub takes at most 10
client_payload can take 65538 bytes, and 60000 are the limit
an event type has 1 to 100 characters and no control characters, found 0
an event type has 1 to 100 characters and no control characters, found 101
expected a repository as owner/name, found "": a slash is expected
expected a repository as owner/name, found "a": a slash is expected
expected a repository as owner/name, found "a/b/c": the name has 1 to 100 letters, digits, hyphens, underscores or full stops
expected a repository as owner/name, found "../b": the owner has 1 to 39 letters, digits or hyphens
expected a repository as owner/name, found "a/..": GitHub has no repository of this name
expected a repository as owner/name, found "a/b%2f": the name has 1 to 100 letters, digits, hyphens, underscores or full stops
expected a repository as owner/name, found "a/%2e%2e": the name has 1 to 100 letters, digits, hyphens, underscores or full stops
expected a repository as owner/name, found "ä/b": the owner has 1 to 39 letters, digits or hyphens
expected a repository as owner/name, found "a/b\n": the name has 1 to 100 letters, digits, hyphens, underscores or full stops
the ref is not the name of a branch or tag, or has more than 255 bytes
a workflow is named by its file, such as deploy.yml, or by its id
there are 26 inputs, and GitHub takes at most 25
names and values of the inputs have 65536 characters, and GitHub takes at most 65535
an input's name begins with a letter or _ and has letters, digits, - and _ only
resource_group has 1 to 90 letters, digits, - . and _, and begins with a letter, a digit or _
the api root is not a url
the api root is not a url
the api root must begin with https:// (http:// is for loopback only)
the api root must not hold a user, a query or a fragment
the api root names no host
the api root needs the enterprise's subdomain of ghe.com: letters, digits and hyphens
the api root needs the server's host name, without https:// and without a path
github's answer cannot be read: EOF while parsing a value at line 1 column 0
github's answer cannot be read: expected value at line 1 column 1
github's answer cannot be read: EOF while parsing a list at line 1 column 2
github's answer cannot be read: invalid type: map, expected a sequence at line 1 column 0
github's answer cannot be read: invalid value: integer `256`, expected u8 at line 1 column 4
"##;

/// The same for what is behind features.
#[cfg(all(
    feature = "app",
    feature = "provision",
    feature = "rustls",
    feature = "webhooks"
))]
#[test]
fn ok_every_message_of_features() {
    use github_dispatch::auth::{App, RsaKey, StaticToken};
    use github_dispatch::provision::{EnvironmentName, FilePath, OrgName, PublicKey, SecretName};
    use secrecy::SecretString;

    let mut seen = String::new();
    let mut says = |error: &dyn std::fmt::Display| writeln!(seen, "{error}").unwrap();
    says(&StaticToken::new("", "x").unwrap_err());
    says(&StaticToken::new("a\nb", "x").unwrap_err());
    let key = SecretString::from(include_str!("keys/pkcs1.pem"));
    says(&App::builder("a b", RsaKey::from_pem(&key).unwrap()).unwrap_err());
    says(&RsaKey::from_pem(&SecretString::from("x")).unwrap_err());
    says(&RsaKey::from_pem(&SecretString::from(include_str!("keys/ec.pem"))).unwrap_err());
    says(&SecretName::parse("GITHUB_X").unwrap_err());
    says(&EnvironmentName::parse("..").unwrap_err());
    says(&OrgName::parse("a/b").unwrap_err());
    says(&FilePath::parse("../x").unwrap_err());
    says(&PublicKey::new("7", "!").unwrap_err());
    says(&PublicKey::new("7", "CQkJ").unwrap_err());
    similar(&seen, FEATURES);
}

#[cfg(all(
    feature = "app",
    feature = "provision",
    feature = "rustls",
    feature = "webhooks"
))]
const FEATURES: &str = r##"
the token is empty
the token holds blanks or other characters that no token has
an app is named by its client id or app id: letters, digits and dots
the app's key is not a private key in PEM form
the app's key is not an RSA key
the name of a secret or variable has 1 to 255 letters, digits and underscores, and begins with neither a digit nor GITHUB_
the name of an environment has 1 to 255 characters, none of them a control character, and is not . or ..
the name of an organisation has 1 to 39 letters, digits and hyphens
a path in a repository has parts with slashes between them; no part is empty, . or .., and none holds a backslash or a control character
github's public key is not base64
github's public key does not have 32 bytes
"##;
