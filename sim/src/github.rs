//! **Here**: `GitHub`, a stand-in with the real limits, and [`SimDispatcher`], the way to it: requests that travel, arrive, start runs, are
//! answered, or are not.
//! **Not here**: what the relay may do (`judge`), how a status becomes an advice (`github_dispatch::response`, the real code).
//! **Reads**: `plan`, `weather`.
//! **Source**: facts/github 5 (limits), 6 (lost answers), 2.3 (runs show up late).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use github_dispatch::response::read_dispatch;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use relay_core::clock::Timestamp;
use relay_core::dispatch::{
    Advice, Checked, DispatchError, DispatchRequest, DispatchTarget, Dispatched, Dispatcher, RunState, Scope,
    Sighting,
};
use relay_core::journal::item::RunRef;
use relay_core::key::RelayId;

use crate::sabotage::Sabotage;
use crate::stage::{Happening, Stage, State, note};
use crate::time::{START_MS, Sleep};
use crate::weather::Ill;

/// How long one attempt takes at most, in milliseconds.
const LONGEST: i64 = 30_000;
/// What has left a process that stopped is with GitHub within this time, or never.
const ON_ITS_WAY: i64 = 2_000;

/// What came back to the relay.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// None: accepted.
    pub(crate) advice: Option<Advice>,
    /// The moment of a limit, in time as it passes for the relay.
    pub(crate) closed_until: Option<i64>,
}

/// One request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) relay_id: String,
    pub(crate) identity: String,
    pub(crate) repository: usize,
    /// When it left, truly, and by the time that passes for the relay.
    pub(crate) left_at: i64,
    pub(crate) left_elapsed: i64,
    /// All jumps forward until it left.
    pub(crate) forward: i64,
    pub(crate) arrived_at: Option<i64>,
    /// Whether it took effect.
    pub(crate) executed: bool,
    /// When its run shows up in the list, if it ever does.
    pub(crate) visible_at: Option<i64>,
    /// When the relay was told, or gave up.
    pub(crate) ended_at: Option<i64>,
    /// When the process stopped while it was under way.
    pub(crate) orphaned_at: Option<i64>,
    pub(crate) told: Option<Told>,
    answer: Option<Answer>,
}

#[derive(Clone, Debug)]
enum Answer {
    Http {
        status: StatusCode,
        headers: HeaderMap,
        message: &'static str,
        after: i64,
    },
    /// The connection is cut.
    Cut { after: i64 },
    /// Nothing ever comes.
    Nothing,
}

/// What one identity has used.
#[derive(Debug, Default)]
struct Usage {
    content: VecDeque<i64>,
    points: VecDeque<(i64, u32)>,
    hour: Option<i64>,
    used: u32,
    /// A secondary limit is on until then.
    closed_until: i64,
}

/// GitHub.
#[derive(Debug, Default)]
pub(crate) struct GitHub {
    pub(crate) requests: Vec<Request>,
    usage: BTreeMap<String, Usage>,
}

impl Usage {
    fn forget(&mut self, now: i64) {
        while self.content.front().is_some_and(|at| *at <= now - 3_600_000) {
            self.content.pop_front();
        }
        while self.points.front().is_some_and(|(at, _)| *at <= now - 60_000) {
            self.points.pop_front();
        }
        if self.hour.is_some_and(|begun| now >= begun + 3_600_000) {
            (self.hour, self.used) = (None, 0);
        }
    }
}

fn header(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

impl State {
    /// Headers of every answer: GitHub's clock and the primary limit.
    fn headers(&mut self, identity: &str) -> HeaderMap {
        let now = self.time.now;
        let limit = self.plan.limits.primary_hour;
        let usage = self.github.usage.entry(identity.to_owned()).or_default();
        let begun = *usage.hour.get_or_insert(now);
        let mut headers = HeaderMap::new();
        let date = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date);
        header(&mut headers, "date", &date.unwrap_or_default());
        header(&mut headers, "x-ratelimit-limit", &limit.to_string());
        header(
            &mut headers,
            "x-ratelimit-remaining",
            &limit.saturating_sub(usage.used).to_string(),
        );
        header(&mut headers, "x-ratelimit-used", &usage.used.to_string());
        header(
            &mut headers,
            "x-ratelimit-reset",
            &(begun / 1_000 + 3_600).to_string(),
        );
        headers
    }

    /// Whatever refuses a request of any kind; none when nothing does. Counts it.
    fn refusal(
        &mut self,
        identity: &str,
        repository: usize,
        points: u32,
        content: bool,
    ) -> Option<(StatusCode, HeaderMap, &'static str)> {
        let now = self.time.now;
        let limits = self.plan.limits;
        if self.weather.bad_token == Some(usize::from(identity != "default")) {
            self.count("answers: 401");
            return Some((StatusCode::UNAUTHORIZED, HeaderMap::new(), "Bad credentials"));
        }
        let usage = self.github.usage.entry(identity.to_owned()).or_default();
        usage.forget(now);
        let spent: u32 = usage.points.iter().map(|(_, points)| points).sum();
        let minute = usage.content.iter().filter(|at| **at > now - 60_000).count();
        let full = content && (minute >= limits.content_minute || usage.content.len() >= limits.content_hour);
        let too_fast = spent + points > limits.points_minute;
        let still = usage.closed_until > now;
        let exhausted = usage.used >= limits.primary_hour;
        if exhausted {
            self.count("answers: primary limit");
            return Some((
                StatusCode::FORBIDDEN,
                self.headers(identity),
                "API rate limit exceeded",
            ));
        }
        usage.used += 1;
        usage.hour.get_or_insert(now);
        usage.points.push_back((now, points));
        if full || too_fast || still {
            if !still {
                usage.closed_until = now + 60_000;
            }
            let wait = (usage.closed_until - now).max(0).div_euclid(1_000) + 1;
            self.count("answers: secondary limit");
            if !still && content {
                self.limit_was_met(identity, full);
            }
            let mut headers = self.headers(identity);
            header(&mut headers, "retry-after", &wait.to_string());
            return Some((
                StatusCode::FORBIDDEN,
                headers,
                "You have exceeded a secondary rate limit",
            ));
        }
        if content {
            usage.content.push_back(now);
        }
        if self.random.per_mille(self.weather.moody) {
            self.count("answers: limit out of nowhere");
            let mut headers = self.headers(identity);
            if self.random.per_mille(700) {
                header(
                    &mut headers,
                    "retry-after",
                    self.random.pick(&["1", "30", "300", "3600"]),
                );
            }
            return Some((
                StatusCode::TOO_MANY_REQUESTS,
                headers,
                "You have exceeded a secondary rate limit",
            ));
        }
        match self.weather.ill {
            Some((ill, kind)) if ill == repository => {
                let (word, status, message) = match kind {
                    Ill::Gone => ("answers: 404", StatusCode::NOT_FOUND, "Not Found"),
                    Ill::Forbidden => (
                        "answers: 403",
                        StatusCode::FORBIDDEN,
                        "Resource not accessible by personal access token",
                    ),
                    Ill::Moved => ("answers: 301", StatusCode::MOVED_PERMANENTLY, "Moved Permanently"),
                };
                self.count(word);
                Some((status, self.headers(identity), message))
            }
            _ => None,
        }
    }

    fn repository_of(&self, target: &DispatchTarget) -> usize {
        let named = |name: &str| name.eq_ignore_ascii_case(target.repository.as_str());
        self.plan
            .repositories
            .iter()
            .position(|repository| named(&repository.name))
            .unwrap_or(usize::MAX)
    }

    /// A request leaves the relay; gives its number and how long it travels, or how long it takes to find that there is no way.
    fn request_leaves(&mut self, request: &DispatchRequest) -> Result<(usize, i64), i64> {
        self.step("a request leaves");
        let no_way = self.random.per_mille(self.weather.unreachable);
        let travel = match self.random.below(50) {
            0 => self.random.within(3_000, 9_000),
            1..=4 => self.random.within(300, 3_000),
            _ => self.random.within(20, 300),
        };
        let no = self.github.requests.len();
        let repository = self.repository_of(&request.target);
        self.github.requests.push(Request {
            relay_id: request.relay_id.to_string(),
            identity: request.target.identity.clone(),
            repository,
            left_at: self.time.now,
            left_elapsed: self.time.elapsed(),
            forward: self.time.forward,
            arrived_at: None,
            executed: false,
            visible_at: None,
            ended_at: None,
            orphaned_at: None,
            told: None,
            answer: None,
        });
        note!(
            self,
            "request {no} of {} leaves for {}",
            request.relay_id,
            request.target.repository.as_str()
        );
        self.count("requests");
        self.judge_leaving(no, request);
        if no_way {
            self.count("requests: no connection");
            return Err(travel);
        }
        self.soon(travel, Happening::Arrive(no));
        Ok((no, travel))
    }

    /// A request arrives at GitHub.
    pub(crate) fn request_arrives(&mut self, no: usize) {
        let now = self.time.now;
        let request = &self.github.requests[no];
        if request.orphaned_at.is_some_and(|at| now > at + ON_ITS_WAY) {
            self.count("requests: cut off with their process");
            return;
        }
        let (identity, repository, relay_id) = (
            request.identity.clone(),
            request.repository,
            request.relay_id.clone(),
        );
        self.step("a request arrives");
        self.github.requests[no].arrived_at = Some(now);
        self.judge_arrival(no);
        let slow = self.random.per_mille(self.weather.slow);
        let after = if slow {
            self.random.within(1_000, 8_000)
        } else {
            self.random.within(40, 700)
        };
        // A release that GitHub can never accept stays one.
        let hash = relay_id.bytes().fold(7_u64, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let unacceptable = hash % 1_000 < self.plan.unacceptable;
        let broken = self.random.per_mille(self.weather.broken);
        let (mut status, mut message) = (StatusCode::NO_CONTENT, "");
        let mut headers = None;
        if let Some((refused, with, why)) = self.refusal(&identity, repository, 5, true) {
            (status, message, headers) = (refused, why, Some(with));
        } else if unacceptable {
            self.count("answers: 422");
            (status, message) = (StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed");
        } else if broken {
            status = self.random.pick(&[
                StatusCode::INTERNAL_SERVER_ERROR,
                StatusCode::BAD_GATEWAY,
                StatusCode::GATEWAY_TIMEOUT,
            ]);
            let started = self.random.per_mille(500);
            self.count(if started {
                "answers: 5xx, and a run started"
            } else {
                "answers: 5xx, and nothing started"
            });
            if started {
                self.execute(no);
            }
        } else {
            self.execute(no);
        }
        let lost = self.random.per_mille(self.weather.lost);
        let cut = self.random.per_mille(500);
        let answer = if lost {
            self.count("answers lost");
            if cut {
                Answer::Cut { after }
            } else {
                Answer::Nothing
            }
        } else {
            let headers = headers.unwrap_or_else(|| self.headers(&identity));
            Answer::Http {
                status,
                headers,
                message,
                after,
            }
        };
        let executed = self.github.requests[no].executed;
        note!(
            self,
            "request {no} arrives: {}, {}{}",
            status.as_u16(),
            if executed { "takes effect" } else { "has no effect" },
            if lost { ", its answer is lost" } else { "" }
        );
        self.github.requests[no].answer = Some(answer);
    }

    /// It takes effect: a run starts, and shows up in the list sooner or later.
    fn execute(&mut self, no: usize) {
        let repository = self.github.requests[no].repository;
        let Some(repository) = self.plan.repositories.get(repository).cloned() else {
            return;
        };
        let now = self.time.now;
        let delay = match self.random.below(1_000) {
            n if n < repository.late.1 => self.random.within(601_000, 3_000_000),
            n if n < repository.late.1 + repository.late.0 => self.random.within(10_000, 500_000),
            _ => self.random.within(500, 8_000),
        };
        let request = &mut self.github.requests[no];
        request.executed = true;
        request.visible_at = repository.shows.then_some(now + delay);
        self.count("runs started");
        if delay > 600_000 {
            self.count("runs hidden longer than the longest window");
        }
        self.judge_effect(no);
    }

    fn visible(&self, relay_id: &str, repository: usize, since: i64) -> Option<usize> {
        let now = self.time.now;
        self.github.requests.iter().position(|request| {
            request.relay_id == relay_id
                && request.repository == repository
                && request.visible_at.is_some_and(|at| at <= now)
                && request.arrived_at.is_some_and(|at| at >= since)
        })
    }

    fn request_ends(&mut self, no: usize, told: Told) {
        self.step("a request ends");
        note!(self, "request {no} ends: {:?}", told.advice);
        let now = self.time.now;
        let request = &mut self.github.requests[no];
        request.ended_at = Some(now);
        request.told = Some(told);
    }

    fn blind(&mut self) -> bool {
        let blind = self.random.per_mille(self.weather.blind);
        if blind {
            self.count("looks that failed");
        }
        blind
    }
}

/// The way to the stand-in.
#[derive(Clone, Debug)]
pub struct SimDispatcher(pub(crate) Stage);

/// Notes when a request is dropped under way: its process has stopped.
struct UnderWay<'s> {
    stage: &'s Stage,
    no: usize,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = self.stage.lock();
        let now = state.time.now;
        let request = &mut state.github.requests[self.no];
        if request.ended_at.is_none() {
            request.orphaned_at = Some(now);
            state.count("requests orphaned");
        }
    }
}

/// What the status says, by the code that reads it in production.
fn read(
    status: StatusCode,
    headers: &HeaderMap,
    message: &str,
    now: Timestamp,
) -> Result<Dispatched, DispatchError> {
    let body = serde_json::json!({"message": message}).to_string();
    match read_dispatch(status, headers, body.as_bytes(), now.into()) {
        Ok(accepted) => Ok(Dispatched {
            run: None,
            closed_until: accepted.exhausted_until.map(Timestamp::from),
        }),
        Err(error) => {
            let advice = match error.advice() {
                github_dispatch::Advice::GiveUp => Advice::GiveUp,
                github_dispatch::Advice::Block(github_dispatch::BlockScope::Principal) => {
                    Advice::Block(Scope::Principal)
                }
                github_dispatch::Advice::Block(github_dispatch::BlockScope::Target) => {
                    Advice::Block(Scope::Target)
                }
                github_dispatch::Advice::Throttled { until } => Advice::Throttled { until: until.into() },
                github_dispatch::Advice::NotSent => Advice::NotSent,
                github_dispatch::Advice::Unknown => Advice::Unknown,
            };
            Err(DispatchError::new(advice, error.to_string()))
        }
    }
}

impl SimDispatcher {
    async fn attempt(&self, request: &DispatchRequest) -> Result<Dispatched, DispatchError> {
        let stage = &self.0;
        let left = stage.lock().request_leaves(request);
        let (no, travel) = match left {
            Ok(left) => left,
            Err(wait) => {
                let no = stage.lock().github.requests.len() - 1;
                let _under_way = UnderWay { stage, no };
                Sleep::new(stage, wait).await;
                let error = DispatchError::new(Advice::NotSent, "no connection came about");
                let told = Told {
                    advice: Some(Advice::NotSent),
                    closed_until: None,
                };
                stage.lock().request_ends(no, told);
                return Err(error);
            }
        };
        let _under_way = UnderWay { stage, no };
        Sleep::new(stage, travel).await;
        let answer = stage.lock().github.requests[no].answer.clone();
        let result = match answer {
            Some(Answer::Http {
                status,
                headers,
                message,
                after,
            }) => {
                Sleep::new(stage, after).await;
                let now = stage.lock().time.relay_now();
                read(status, &headers, message, now)
            }
            Some(Answer::Cut { after }) => {
                Sleep::new(stage, after).await;
                Err(DispatchError::new(Advice::Unknown, "the connection was cut"))
            }
            Some(Answer::Nothing) | None => {
                Sleep::new(stage, LONGEST - travel).await;
                Err(DispatchError::new(Advice::Unknown, "no answer came in time"))
            }
        };
        let mut state = stage.lock();
        let (elapsed, now) = (state.time.elapsed(), state.time.relay_now());
        let passes = |until: Timestamp| elapsed + until.as_unix_ms() - now.as_unix_ms();
        let told = match &result {
            Ok(accepted) => Told {
                advice: None,
                closed_until: accepted.closed_until.map(passes),
            },
            Err(error) => Told {
                advice: Some(error.advice),
                closed_until: if let Advice::Throttled { until } = error.advice {
                    Some(passes(until))
                } else {
                    None
                },
            },
        };
        state.request_ends(no, told);
        result
    }

    /// One request that only reads: the status line of what came back, if anything did.
    async fn ask(&self, target: &DispatchTarget, points: u32) -> Result<(), DispatchError> {
        let stage = &self.0;
        let wait = {
            let state = &mut *stage.lock();
            let slow = state.random.per_mille(state.weather.slow);
            if slow {
                state.random.within(1_000, 20_000)
            } else {
                state.random.within(50, 900)
            }
        };
        Sleep::new(stage, wait).await;
        let mut state = stage.lock();
        state.step("a question is answered");
        if state.blind() {
            let advice = state.random.pick(&[Advice::NotSent, Advice::Unknown]);
            return Err(DispatchError::new(advice, "nobody answered"));
        }
        let repository = state.repository_of(target);
        let now = state.time.relay_now();
        match state.refusal(&target.identity, repository, points, false) {
            Some((status, headers, message)) => read(status, &headers, message, now).map(drop),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Dispatcher for SimDispatcher {
    fn longest_attempt(&self) -> Duration {
        Duration::from_millis(LONGEST.unsigned_abs())
    }

    async fn check(&self, target: &DispatchTarget) -> Result<Checked, DispatchError> {
        self.ask(target, 2).await?;
        let mut state = self.0.lock();
        state.count("checks answered");
        let repository = state.repository_of(target);
        let repository = &state.plan.repositories[repository];
        Ok(Checked {
            shows_relay_id: repository.readable.then_some(repository.shows),
            remarks: Vec::new(),
        })
    }

    async fn dispatch(&self, request: &DispatchRequest) -> Result<Dispatched, DispatchError> {
        let sabotage = self.0.lock().sabotage;
        match (sabotage, self.attempt(request).await) {
            // What a client does that repeats whatever failed.
            (
                Sabotage::RepeatsOnError,
                Err(DispatchError {
                    advice: Advice::Unknown,
                    ..
                }),
            ) => self.attempt(request).await,
            (Sabotage::RepeatsForEver, Err(error)) if error.advice == Advice::GiveUp => {
                Err(DispatchError::new(Advice::NotSent, error.why))
            }
            (Sabotage::HearsNoLimit, Err(error)) if matches!(error.advice, Advice::Throttled { .. }) => {
                Err(DispatchError::new(Advice::NotSent, error.why))
            }
            (Sabotage::SaysItWasSent, Err(error)) if error.advice == Advice::NotSent => {
                Ok(Dispatched::default())
            }
            (_, result) => result,
        }
    }

    async fn probe(
        &self,
        target: &DispatchTarget,
        relay_id: &RelayId,
        since: Timestamp,
    ) -> Result<Sighting, DispatchError> {
        self.ask(target, 1).await?;
        let mut state = self.0.lock();
        let repository = state.repository_of(target);
        let seen = state.visible(relay_id.as_str(), repository, since.as_unix_ms());
        if state.sabotage == Sabotage::SeesNoRun {
            return Ok(Sighting::NotSeen);
        }
        state.count(if seen.is_some() {
            "looks that saw a run"
        } else {
            "looks that saw none"
        });
        note!(state, "look for {relay_id}: {seen:?}");
        Ok(seen.map_or(Sighting::NotSeen, |no| {
            Sighting::Seen(RunRef {
                id: (no + 1).to_string(),
                url: None,
            })
        }))
    }

    async fn run(&self, target: &DispatchTarget, run: &RunRef) -> Result<RunState, DispatchError> {
        self.ask(target, 1).await?;
        let state = self.0.lock();
        let no: usize = run.id.parse().unwrap_or(0);
        let begun = state
            .github
            .requests
            .get(no.wrapping_sub(1))
            .and_then(|request| request.arrived_at);
        let done = begun.is_some_and(|at| state.time.now > at + 180_000);
        let (status, conclusion) = if done {
            ("completed", Some("success".to_owned()))
        } else {
            ("in_progress", None)
        };
        Ok(RunState {
            run: run.clone(),
            status: Some(status.to_owned()),
            conclusion,
        })
    }
}

/// The moments of a request as a reader of the trace sees them.
pub(crate) fn seconds(at: i64) -> f64 {
    let ms = i32::try_from(at - START_MS).unwrap_or(i32::MAX);
    f64::from(ms) / 1_000.0
}
