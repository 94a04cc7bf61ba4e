//! A credential of Azure's own crates as one of ours: what it is asked for, how long its token is kept, and what its errors become.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aml_client::auth::{AzureIdentity, CredentialChain, CredentialError, FixedToken, TokenCredential as _};
use aml_client::clock::Clock;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::time::OffsetDateTime;

use crate::credentials::{SCOPE, text, texts};
use crate::script::Turned;

const SECRET: &str = "s3cr3t-in-an-official-error";

type Answer = Box<dyn Fn(usize) -> azure_core::Result<AccessToken> + Send + Sync>;

/// Answers by a function of how often it was asked, and remembers what it was asked for.
pub(crate) struct Theirs {
    answer: Answer,
    scopes: Arc<Mutex<Vec<String>>>,
    /// Lets others come in between.
    is_slow: bool,
}

impl std::fmt::Debug for Theirs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // As careless as somebody else's may be.
        write!(f, "Theirs({SECRET})")
    }
}

#[async_trait::async_trait]
impl TokenCredential for Theirs {
    async fn get_token(
        &self,
        scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let n = {
            let mut seen = self.scopes.lock().unwrap();
            seen.push(scopes.join(" "));
            seen.len()
        };
        for _ in 0..if self.is_slow { 100 } else { 0 } {
            tokio::task::yield_now().await;
        }
        (self.answer)(n)
    }
}

/// The end of a token by the tests' clock.
fn end(clock: &Turned, life: u64) -> OffsetDateTime {
    OffsetDateTime::from(clock.now() + Duration::from_secs(life))
}

impl Theirs {
    fn new(answer: impl Fn(usize) -> azure_core::Result<AccessToken> + Send + Sync + 'static) -> Self {
        Self {
            answer: Box::new(answer),
            scopes: Arc::default(),
            is_slow: false,
        }
    }

    /// Always this token, which ends in an hour.
    pub(crate) fn of(clock: &Turned, token: &str) -> Self {
        let (end, token) = (end(clock, 3_600), token.to_owned());
        Self::new(move |_| Ok(AccessToken::new(token.clone(), end)))
    }

    fn ours(self, clock: &Turned) -> AzureIdentity {
        AzureIdentity::new(Arc::new(self)).with_clock(Patient(clock.clone()))
    }
}

/// The tests' clock, but nobody is given up by it.
#[derive(Debug)]
struct Patient(Turned);

#[async_trait::async_trait]
impl Clock for Patient {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn ok_its_token_is_kept_till_its_last_five_minutes() {
    let clock = Turned::new();
    let by = clock.clone();
    let mut theirs = Theirs::new(move |n| Ok(AccessToken::new(format!("t{n}"), end(&by, 3_600))));
    theirs.is_slow = true;
    let scopes = Arc::clone(&theirs.scopes);
    let credential = Arc::new(theirs.ours(&clock));
    let all = async || {
        let tasks: Vec<_> = (0..1_000)
            .map(|_| {
                let credential = Arc::clone(&credential);
                tokio::spawn(async move { text(&credential.get_token(SCOPE).await.unwrap()) })
            })
            .collect();
        let mut seen = Vec::new();
        for task in tasks {
            seen.push(task.await.unwrap());
        }
        seen.sort();
        seen.dedup();
        seen
    };
    assert_eq!(all().await, ["t1"]);
    assert_eq!(*scopes.lock().unwrap(), [SCOPE]);
    let got = credential.get_token(SCOPE).await.unwrap();
    assert_eq!(got.expires_at(), Some(clock.now() + Duration::from_secs(3_600)));
    clock.turn(Duration::from_secs(3_299));
    assert_eq!(all().await, ["t1"]);
    clock.turn(Duration::from_secs(2));
    // One asks, and the others go on with the old one.
    assert_eq!(all().await, ["t1", "t2"]);
    assert_eq!(all().await, ["t2"]);
    assert_eq!(scopes.lock().unwrap().len(), 2);
    credential
        .get_token("https://ml.azure.com/.default")
        .await
        .unwrap();
    assert_eq!(scopes.lock().unwrap()[2], "https://ml.azure.com/.default");
}

#[tokio::test]
async fn ok_the_old_token_is_used_while_theirs_fails_and_what_ended_is_not() {
    let clock = Turned::new();
    let by = clock.clone();
    let theirs = Theirs::new(move |n| match n {
        1 => Ok(AccessToken::new("old", end(&by, 3_600))),
        _ => Err(ErrorKind::Connection.into_error()),
    });
    let scopes = Arc::clone(&theirs.scopes);
    let credential = theirs.ours(&clock);
    credential.get_token(SCOPE).await.unwrap();
    clock.turn(Duration::from_secs(3_400));
    for _ in 0..10 {
        assert_eq!(text(&credential.get_token(SCOPE).await.unwrap()), "old");
    }
    assert_eq!(scopes.lock().unwrap().len(), 2, "half a minute of peace");
    clock.turn(Duration::from_secs(200));
    let error = credential.get_token(SCOPE).await.unwrap_err();
    assert!(matches!(error, CredentialError::Unavailable { .. }), "{error}");
    // A token that has ended already, or never lived, is passed on and not kept.
    for life in [-7_200, -2_000_000_000] {
        let past = OffsetDateTime::from_unix_timestamp(1_795_305_600 + life).unwrap();
        let theirs = Theirs::new(move |n| Ok(AccessToken::new(format!("t{n}"), past)));
        let credential = theirs.ours(&clock);
        for expect in ["t1", "t2"] {
            assert_eq!(text(&credential.get_token(SCOPE).await.unwrap()), expect);
        }
    }
}

/// There is no way to make theirs forget, and none is claimed; but the next call asks them.
#[tokio::test]
async fn ok_forgetting_is_honest() {
    let clock = Turned::new();
    let by = clock.clone();
    let theirs = Theirs::new(move |n| Ok(AccessToken::new(format!("t{n}"), end(&by, 3_600))));
    let credential = theirs.ours(&clock);
    assert!(!credential.forget(SCOPE));
    assert_eq!(text(&credential.get_token(SCOPE).await.unwrap()), "t1");
    assert!(!credential.forget(SCOPE));
    assert_eq!(text(&credential.get_token(SCOPE).await.unwrap()), "t2");
}

#[tokio::test]
async fn err_theirs_become_ours_and_lose_their_texts() {
    use azure_core::Error;

    let http = |status: u16, code: Option<&str>| ErrorKind::HttpResponse {
        status: status.into(),
        error_code: code.map(str::to_owned),
        raw_response: None,
    };
    let wrapped = |kind| {
        let inner = Error::with_message(kind, format!("inner {SECRET}"));
        let middle = Error::with_error(ErrorKind::Other, inner, format!("middle {SECRET}"));
        Error::with_error(ErrorKind::Credential, middle, format!("outer {SECRET}"))
    };
    let io = || std::io::Error::other(SECRET);
    type Make<'a> = &'a (dyn Fn() -> Error + Send + Sync);
    let cases: [(Make<'_>, &str, bool); 12] = [
        (
            &|| wrapped(http(401, Some("7000215"))),
            "was answered 401: AADSTS7000215",
            true,
        ),
        (
            &|| wrapped(http(400, Some("700016,90002"))),
            "was answered 400: AADSTS700016",
            true,
        ),
        (&|| wrapped(http(403, Some(SECRET))), "was answered 403", true),
        (&|| wrapped(http(400, None)), "was answered 400", true),
        (&|| wrapped(http(429, None)), "was answered 429", false),
        (
            &|| wrapped(http(503, Some("1"))),
            "was answered 503: AADSTS1",
            false,
        ),
        (&|| wrapped(ErrorKind::Connection), "got no answer", false),
        (&|| Error::from(io()), "got no answer", false),
        (
            &|| wrapped(ErrorKind::DataConversion),
            "could not read an answer",
            false,
        ),
        (&|| wrapped(ErrorKind::Credential), "has no token", false),
        (&|| Error::new(ErrorKind::Credential, io()), "has no token", false),
        (&|| ErrorKind::Other.into_error(), "has no token", false),
    ];
    for (n, (make, expect, is_refusal)) in cases.into_iter().enumerate() {
        let clock = Turned::new();
        let error = Mutex::new(Some(make()));
        let credential = Theirs::new(move |_| Err(error.lock().unwrap().take().unwrap())).ours(&clock);
        let error = credential.get_token(SCOPE).await.unwrap_err();
        let why = match &error {
            CredentialError::Failed { why, .. } if is_refusal => why,
            CredentialError::Unavailable { why, .. } if !is_refusal => why,
            _ => panic!("{n}: {error:?}"),
        };
        assert_eq!(*why, format!("the credential of azure_core {expect}"));
        let shown = format!("{} {credential:?} {credential:#?}", texts(&error));
        assert!(!shown.contains("s3cr3t"), "{n}: {shown}");
        // In a chain, the next one is asked where nobody said no.
        let error = Mutex::new(Some(make()));
        let again = Theirs::new(move |_| Err(error.lock().unwrap().take().unwrap())).ours(&clock);
        let chain = CredentialChain::default()
            .with(again)
            .with(FixedToken::new("next"));
        assert_eq!(chain.get_token(SCOPE).await.is_err(), is_refusal, "{n}");
    }
    let clock = Turned::new();
    let by = clock.clone();
    let empty = Theirs::new(move |_| Ok(AccessToken::new("", end(&by, 3_600)))).ours(&clock);
    assert!(
        empty
            .get_token(SCOPE)
            .await
            .unwrap_err()
            .to_string()
            .ends_with("an empty token")
    );
}

/// One that never answers is given up after two minutes of the clock.
#[tokio::test]
async fn err_one_that_never_answers() {
    #[derive(Debug)]
    struct Never;

    #[async_trait::async_trait]
    impl TokenCredential for Never {
        async fn get_token(
            &self,
            _: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            std::future::pending().await
        }
    }

    let clock = Turned::new();
    let credential = AzureIdentity::new(Arc::new(Never)).with_clock(clock.clone());
    let error = credential.get_token(SCOPE).await.unwrap_err();
    assert!(error.to_string().ends_with("did not answer in time"), "{error}");
    assert_eq!(clock.waits(), [120]);
}
