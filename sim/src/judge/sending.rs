//! **Here**: what is judged when a request leaves, arrives and takes effect: order, lanes, repetition, budget.
//! **Not here**: what was written before (`super`).
//! **Reads**: `github`'s requests.
//! **Source**: DESIGN section 2, and section 6: lane, unknown outcome, rate budget.

use relay_core::dispatch::DispatchRequest;
use relay_core::retry::OnUnknown;

use crate::github::{Request, seconds};
use crate::stage::State;

impl State {
    /// A request leaves.
    pub(crate) fn judge_leaving(&mut self, no: usize, request: &DispatchRequest) {
        let relay_id = request.relay_id.to_string();
        let Some(fence) = self.judge.intents.remove(&relay_id) else {
            return self.broken(format!("unasked: {relay_id} leaves without a claim of its own"));
        };
        self.judge.requests_of.insert(fence, no);
        let Some(fact) = self.judge.facts.get(&relay_id).cloned() else {
            return;
        };
        self.judge_content(&fact, request);
        self.judge_repetition(&relay_id, &fact);
        self.judge_lane(no, &fact);
        self.judge_pace(no);
        self.judge.lanes.entry(fact.lane).or_default().push(no);
        if let Some(fact) = self.judge.facts.get_mut(&relay_id) {
            fact.requests.push(no);
        }
    }

    /// It says what the event said, and goes where the route says.
    fn judge_content(&mut self, fact: &super::Fact, request: &DispatchRequest) {
        let (event, route) = (&self.plan.events[fact.event], &self.plan.routes[fact.route]);
        let text = |name: &str| request.payload.get(name).and_then(serde_json::Value::as_str);
        let id = request
            .payload
            .get("relay")
            .and_then(|relay| relay.get("id"))
            .and_then(serde_json::Value::as_str);
        let target = &request.target;
        let right = text("model_name") == Some(event.model.as_str())
            && text("model_version") == Some(event.version.as_str())
            && id == Some(request.relay_id.as_str())
            && target.identity == route.identity
            && target.repository.as_str().eq_ignore_ascii_case(&route.repository)
            && target.action.to_string() == route.event_type;
        if !right {
            let what = format!(
                "content: {} of {} is {:?} to {target:?}",
                request.relay_id, event.id, request.payload
            );
            self.broken(what);
        }
    }

    /// What may have taken effect goes again only as its route says, and what has a verdict never.
    fn judge_repetition(&mut self, relay_id: &str, fact: &super::Fact) {
        let open = fact.requests.len()
            - fact
                .requests
                .iter()
                .filter(|no| fact.surely_not.contains(*no))
                .count();
        let shows = fact
            .requests
            .last()
            .is_none_or(|no| self.plan.repositories[self.github.requests[*no].repository].shows);
        let why = if fact.went_out {
            "after it is written that it went out"
        } else if fact.refused {
            "after it was refused for ever"
        } else if open == 0 || fact.unknown == OnUnknown::Resend {
            if open > 0 {
                self.count("requests repeated by `resend`");
            }
            return;
        } else if fact.unknown == OnUnknown::Park {
            "although its route parks what is in doubt"
        } else if open > 1 {
            "a second time after an unknown outcome"
        } else if !shows {
            "where runs do not show the id"
        } else {
            self.count("requests repeated after a look");
            return;
        };
        self.broken(format!("sent again {why}: {relay_id}"));
    }

    /// One request of a lane at a time, and no older one after a newer one that took effect.
    fn judge_lane(&mut self, no: usize, fact: &super::Fact) {
        let others = self.judge.lanes.get(&fact.lane).cloned().unwrap_or_default();
        let forward = self.time.forward;
        for other in others.into_iter().filter(|other| *other != no) {
            let request = &self.github.requests[other];
            let under_way = request.ended_at.is_none() && request.orphaned_at.is_none();
            if under_way && request.forward == forward {
                return self.broken(format!(
                    "lane: requests {other} and {no} of {:?} at the same time",
                    fact.lane
                ));
            }
            let Some(earlier) = self.judge.facts.get(&request.relay_id) else {
                continue;
            };
            let newer = earlier.rank.is_some() && fact.rank.is_some() && earlier.rank > fact.rank;
            if newer && request.executed && !fact.allow_older {
                let what = format!(
                    "order: {:?} leaves after {:?} of {:?} took effect",
                    fact.rank, earlier.rank, fact.lane
                );
                return self.broken(what);
            }
        }
    }

    /// As many at once, and as far apart, as the budget says.
    fn judge_pace(&mut self, no: usize) {
        let (now, forward) = (self.time.now, self.time.forward);
        let identity = self.github.requests[no].identity.clone();
        let others = || {
            self.github
                .requests
                .iter()
                .take(no)
                .rev()
                .filter(|other| other.identity == identity)
        };
        let under_way = |other: &&Request| other.ended_at.is_none() && other.orphaned_at.is_none();
        let max = usize::try_from(self.plan.budget.max_in_flight).unwrap_or(usize::MAX);
        // A jump forward ends leases before their time.
        let jumped = others()
            .take(64)
            .filter(under_way)
            .any(|other| other.forward != forward);
        let at_once = others().take(64).filter(under_way).count();
        if max > 0 && at_once >= max && !jumped {
            return self.broken(format!("budget: {} requests of {identity} at once", at_once + 1));
        }
        let interval = i64::try_from(self.plan.budget.min_interval.as_millis()).unwrap_or(0);
        // With several at once, one may end between the claim of another and its leaving; and where a jump forward has ended the lease
        // of a request, it counts as ended before it was.
        let ended = others()
            .take(64)
            .filter(|other| other.forward == forward && max == 1);
        let ended = ended.filter_map(|other| other.ended_at).max();
        let too_soon = ended.filter(|at| now - at < interval);
        if let Some(at) = too_soon {
            self.broken(format!(
                "budget: request {no} of {identity} leaves {} ms after the last ended",
                now - at
            ));
        }
    }

    /// A request arrives: no window holds more than the budget.
    pub(crate) fn judge_arrival(&mut self, no: usize) {
        let identity = self.github.requests[no].identity.clone();
        self.judge.arrivals.entry(identity.clone()).or_default().push(no);
        let budget = &self.plan.budget;
        for (window, most) in [(60_000, budget.per_minute), (3_600_000, budget.per_hour)] {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let (n, excused) = self.arrivals(&identity, window);
            if most == 0 || n <= most {
                continue;
            }
            if excused {
                self.count("windows that a jump or a stop excuses");
            } else {
                self.broken(format!(
                    "budget: {n} requests of {identity} in {} s, {most} are allowed",
                    window / 1_000
                ));
            }
        }
    }

    /// How many arrived in the window that ends now; and whether a jump forward, or a request that outlived its process, lies in it.
    fn arrivals(&self, identity: &str, window: i64) -> (usize, bool) {
        let now = self.time.now;
        let arrived = self.judge.arrivals.get(identity).map_or(&[][..], Vec::as_slice);
        let in_window = || {
            let requests = arrived.iter().rev().map(|no| &self.github.requests[*no]);
            requests.take_while(move |request| request.arrived_at.is_some_and(|at| at > now - window))
        };
        let jumped = self.judge.forward_at(now - window) != self.time.forward;
        (
            in_window().count(),
            jumped || in_window().any(|request| request.orphaned_at.is_some()),
        )
    }

    /// GitHub has said no for a secondary limit.
    pub(crate) fn limit_was_met(&mut self, identity: &str, content: bool) {
        if self.plan.within_limits && content && !self.arrivals(identity, 3_600_000).1 {
            self.broken(format!("budget: GitHub had to say no to {identity}"));
        }
    }

    /// A request takes effect: it is the only one of its generation, or GitHub hid the run of the one before.
    pub(crate) fn judge_effect(&mut self, no: usize) {
        let relay_id = self.github.requests[no].relay_id.clone();
        let Some(fact) = self.judge.facts.get(&relay_id).cloned() else {
            return;
        };
        for earlier in fact.requests.iter().filter(|earlier| **earlier != no) {
            if !self.github.requests[*earlier].executed {
                continue;
            }
            match fact.unknown {
                OnUnknown::Resend => self.count("doubles that `resend` allows"),
                OnUnknown::Probe if self.was_hidden(*earlier, fact.window_ms) => {
                    self.count("doubles of runs hidden longer than the window");
                }
                _ => {
                    let (first, second) = (&self.github.requests[*earlier], &self.github.requests[no]);
                    let what = format!(
                        "took effect twice: {relay_id} of item {} at {} (run shows at {:?}) and {}",
                        fact.item.0,
                        seconds(first.left_at),
                        first.visible_at.map(seconds),
                        seconds(second.left_at),
                    );
                    self.broken(what);
                }
            }
        }
    }

    /// Whether GitHub hid a run longer than the window, by the time that passes for the relay.
    pub(crate) fn was_hidden(&self, no: usize, window_ms: i64) -> bool {
        let request = &self.github.requests[no];
        request
            .visible_at
            .is_none_or(|at| at + self.judge.forward_at(at) - request.left_elapsed >= window_ms)
    }
}
