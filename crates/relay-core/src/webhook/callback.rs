//! **Here**: [`Callback`]: whether a validation or callback URL that somebody sent us may be called at all.
//! **Not here**: calling it, which a host does after its 200 and never before; the handshakes (`eventgrid_schema`).
//! **Reads**: the URL of a `SubscriptionValidation` or an `OriginCheck`.
//! **Source**: facts/eventgrid 3.1 and 8.18: such a URL is only ever https, at a host of Event Grid, on port 443 or 553.

use std::fmt;

use url::{Host, Url};

use super::DEFAULT_ORIGINS;

/// A URL that may be called: https, at one of Event Grid's hosts in any of its clouds, on port 443 or 553.
#[derive(Clone, Eq, PartialEq)]
pub struct Callback(Url);

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its path and query hold a token.
        write!(f, "Callback({:?})", self.0.host_str().unwrap_or_default())
    }
}

/// A URL that is not called, and why. The URL is not shown: it holds a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedCallback {
    /// It is no URL.
    #[error("it is no URL")]
    NotAUrl,
    /// It is not https.
    #[error("it is not https")]
    NotHttps,
    /// Its host is not one of Event Grid's.
    #[error("its host is not one of Event Grid's")]
    AnotherHost,
    /// Its port is neither 443 nor 553.
    #[error("its port is neither 443 nor 553")]
    AnotherPort,
    /// It names a user, which no URL of Event Grid does.
    #[error("it names a user")]
    NamesAUser,
}

impl Callback {
    /// Judges a URL.
    ///
    /// # Errors
    /// Whoever sent it could make the host call something else: it must not be called.
    pub fn parse(url: &str) -> Result<Self, RefusedCallback> {
        let url = Url::parse(url).map_err(|_| RefusedCallback::NotAUrl)?;
        if url.scheme() != "https" {
            return Err(RefusedCallback::NotHttps);
        }
        let Some(Host::Domain(host)) = url.host() else {
            return Err(RefusedCallback::AnotherHost);
        };
        let is_theirs = |suffix: &&str| {
            host.strip_suffix(*suffix)
                .is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        if !DEFAULT_ORIGINS.iter().any(is_theirs) {
            return Err(RefusedCallback::AnotherHost);
        }
        if !matches!(url.port(), None | Some(553)) {
            return Err(RefusedCallback::AnotherPort);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RefusedCallback::NamesAUser);
        }
        Ok(Self(url))
    }

    /// The URL. It holds a token: do not log it.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_event_grids_hosts_in_every_cloud() {
        for url in [
            "https://rp-westeurope.eventgrid.azure.net:553/eventsubscriptions/relay/validate?id=1&t=2",
            "https://rp-westeurope.eventgrid.azure.net/eventsubscriptions",
            "https://rp-westeurope.eventgrid.azure.net:443/x",
            "https://RP.USGOVVIRGINIA.EVENTGRID.AZURE.US:553/x",
            "https://rp-chinaeast2.eventgrid.azure.cn:553/x",
            "https://eventgrid.azure.net/x",
        ] {
            assert!(Callback::parse(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn err_everything_else_is_not_called() {
        use RefusedCallback::{AnotherHost, AnotherPort, NamesAUser, NotAUrl, NotHttps};
        let check = |url: &str, expect| assert_eq!(Callback::parse(url), Err(expect), "{url}");
        check("", NotAUrl);
        check("/validate", NotAUrl);
        check("https://", NotAUrl);
        check("http://rp.eventgrid.azure.net:553/x", NotHttps);
        check("ftp://rp.eventgrid.azure.net/x", NotHttps);
        check("file:///etc/passwd", NotHttps);
        check("https://169.254.169.254/metadata", AnotherHost);
        check("https://[::1]/x", AnotherHost);
        check("https://localhost/x", AnotherHost);
        check("https://evileventgrid.azure.net/x", AnotherHost);
        check("https://eventgrid.azure.net.evil.example/x", AnotherHost);
        check("https://evil.example/rp.eventgrid.azure.net", AnotherHost);
        check("https://rp.eventgrid.azure.net@evil.example/x", AnotherHost);
        check("https://evil.example\\@rp.eventgrid.azure.net/x", AnotherHost);
        check("https://rp.eventgrid.azure.net.:553/x", AnotherHost);
        check("https://rp.eventgrid.azure.net:22/x", AnotherPort);
        check("https://rp.eventgrid.azure.net:80/x", AnotherPort);
        check("https://user@rp.eventgrid.azure.net/x", NamesAUser);
        check("https://:secret@rp.eventgrid.azure.net/x", NamesAUser);
    }

    #[test]
    fn ok_no_error_shows_the_url() {
        let error = Callback::parse("https://evil.example/?t=t0ken").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("evil"));
        let callback = Callback::parse("https://rp.eventgrid.azure.net/x?t=t0ken").unwrap();
        assert_eq!(format!("{callback:?}"), "Callback(\"rp.eventgrid.azure.net\")");
    }
}
