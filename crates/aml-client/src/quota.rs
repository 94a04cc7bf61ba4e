//! **Here**: [`Quota`]: how many requests the resource manager still allows, as its answers say, and when the next one may go. Pure.
//! **Not here**: what to do about a 429 (`retry`), waiting (`clock`).
//! **Reads**: headers; `caller` keeps the last ones.
//! **Source**: MicrosoftDocs `request-limits-and-throttling.md`, read 2026-11-22: buckets for each principal, subscription and region, refilled by
//! 25 reads, 10 writes and 10 deletes a second; what is left of them is in headers.

use std::time::Duration;

use http::{HeaderMap, Method};

/// What is left until the resource manager refuses. None where no answer has said.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Quota {
    /// GET.
    pub reads: Option<u32>,
    /// PUT, PATCH and POST.
    pub writes: Option<u32>,
    /// DELETE.
    pub deletes: Option<u32>,
}

/// A second fills an empty bucket by ten requests or more.
const REFILL: Duration = Duration::from_secs(1);

impl Quota {
    /// Takes over what an answer says; what it is silent about stays.
    pub(crate) fn see(&mut self, headers: &HeaderMap) {
        let least = |kind: &str| {
            let limits = ["subscription", "tenant", "subscription-resource"];
            let names = limits.map(|limit| format!("x-ms-ratelimit-remaining-{limit}-{kind}"));
            let found = names.iter().filter_map(|name| {
                let text = headers.get(name.as_str())?.to_str().ok()?;
                text.trim().parse::<u32>().ok()
            });
            found.min()
        };
        let any = least("requests");
        for (kept, kind) in [
            (&mut self.reads, "reads"),
            (&mut self.writes, "writes"),
            (&mut self.deletes, "deletes"),
        ] {
            let said = least(kind).into_iter().chain(any).min();
            *kept = said.or(*kept);
        }
    }

    /// How long a request of this method waits, which is then taken for sent: nothing but where the last answer left none.
    pub(crate) fn take(&mut self, method: &Method) -> Duration {
        let left = match *method {
            Method::GET | Method::HEAD => &mut self.reads,
            Method::DELETE => &mut self.deletes,
            _ => &mut self.writes,
        };
        match left {
            Some(0) => {
                // The next answer says how many there are.
                *left = None;
                REFILL
            }
            Some(left) => {
                *left -= 1;
                Duration::ZERO
            }
            None => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pairs: &[(&'static str, &'static str)]) -> Quota {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        let mut quota = Quota {
            deletes: Some(9),
            ..Quota::default()
        };
        quota.see(&headers);
        quota
    }

    #[test]
    fn ok_the_least_counts_and_silence_changes_nothing() {
        let quota = seen(&[
            ("x-ms-ratelimit-remaining-subscription-reads", "249"),
            ("x-ms-ratelimit-remaining-tenant-reads", "12"),
            ("x-ms-ratelimit-remaining-subscription-writes", "odd"),
        ]);
        assert_eq!(
            (quota.reads, quota.writes, quota.deletes),
            (Some(12), None, Some(9))
        );
        let quota = seen(&[("x-ms-ratelimit-remaining-subscription-resource-requests", "3")]);
        assert_eq!(
            (quota.reads, quota.writes, quota.deletes),
            (Some(3), Some(3), Some(3))
        );
    }

    #[test]
    fn ok_one_waits_where_none_is_left_and_the_next_asks_anew() {
        let mut quota = Quota {
            reads: Some(1),
            writes: Some(0),
            deletes: None,
        };
        assert_eq!(quota.take(&Method::GET), Duration::ZERO);
        assert_eq!(quota.take(&Method::GET), REFILL);
        assert_eq!(quota.take(&Method::GET), Duration::ZERO);
        assert_eq!(quota.take(&Method::POST), REFILL);
        assert_eq!(quota.take(&Method::DELETE), Duration::ZERO);
    }
}
