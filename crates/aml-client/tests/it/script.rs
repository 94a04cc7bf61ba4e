//! **Here**: a server that answers by script, and a clock that goes on by what is waited for.
//! **Not here**: tests.
//! **Reads**: `support`.
//! **Source**: our own, read 2026-11-23.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aml_client::clock::Clock;
use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

use crate::support::now;

/// A clock that goes on by what is waited for, and remembers it.
#[derive(Clone, Debug)]
pub(crate) struct Turned(Arc<Mutex<(SystemTime, Vec<u64>)>>);

impl Turned {
    pub(crate) fn new() -> Self {
        Self::at(now())
    }

    pub(crate) fn at(now: SystemTime) -> Self {
        Self(Arc::new(Mutex::new((now, Vec::new()))))
    }

    pub(crate) fn turn(&self, by: Duration) {
        self.0.lock().unwrap().0 += by;
    }

    pub(crate) fn waits(&self) -> Vec<u64> {
        self.0.lock().unwrap().1.clone()
    }
}

#[async_trait::async_trait]
impl Clock for Turned {
    fn now(&self) -> SystemTime {
        self.0.lock().unwrap().0
    }

    async fn sleep(&self, wait: Duration) {
        let mut state = self.0.lock().unwrap();
        state.0 += wait;
        state.1.push(wait.as_secs());
    }
}

pub(crate) type Reply = (u16, Vec<(&'static str, &'static str)>, Option<Value>);

/// Answers by method, or by the beginning of a path; the last one repeats.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) rules: Vec<(&'static str, Vec<Reply>)>,
    pub(crate) used: Arc<Mutex<HashMap<&'static str, usize>>>,
    pub(crate) base: String,
}

impl Respond for Script {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let path = request.url.path();
        let is_path = |key: &str| key.starts_with('/') && path.starts_with(key);
        let by_path = self
            .rules
            .iter()
            .filter(|(key, _)| is_path(key))
            .max_by_key(|(key, _)| key.len());
        let rule = by_path.or_else(|| self.rules.iter().find(|(key, _)| *key == request.method.as_str()));
        let Some((key, replies)) = rule else {
            return ResponseTemplate::new(500)
                .set_body_json(json!({ "error": { "code": "NoRule", "message": path } }));
        };
        let mut used = self.used.lock().unwrap();
        let n = used.entry(key).or_default();
        let (status, headers, body) = &replies[(*n).min(replies.len() - 1)];
        *n += 1;
        let answer = headers
            .iter()
            .fold(ResponseTemplate::new(*status), |answer, (name, value)| {
                answer.insert_header(*name, value.replace("{base}", &self.base))
            });
        match body {
            Some(body) => answer.set_body_json(body),
            None => answer,
        }
    }
}
