//! **Here**: [`Grid`], a stand-in of Event Grid: batches, delays, redelivery by its schedule, copies, and the answers it does not hear.
//! **Not here**: the relay's answer (`relay_core`), whether it was right (`judge`).
//! **Reads**: `plan`, `weather`.
//! **Source**: facts/eventgrid 2.3 and 2.4.

use bytes::Bytes;
use http::{Request, StatusCode};

use crate::stage::{Happening, Stage, State, note};

/// The webhook's secret.
pub(crate) const SECRET: &str = "the-secret-of-the-webhook";
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// After each failed attempt.
const SCHEDULE: [i64; 9] = [
    10_000,
    30_000,
    MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    3 * HOUR,
    6 * HOUR,
];
const MAX_ATTEMPTS: u32 = 30;
const TIME_TO_LIVE: i64 = 24 * HOUR;

/// Some events, delivered together or not at all.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) events: Vec<usize>,
    published_at: i64,
    attempt: u32,
    open: bool,
    done: bool,
}

/// Event Grid.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    pub(crate) deliveries: Vec<Delivery>,
    filling: Option<usize>,
    n_published: usize,
}

impl Grid {
    /// Whether everything was published, and delivered or given up.
    pub(crate) fn is_done(&self, n_events: usize) -> bool {
        self.n_published == n_events && self.deliveries.iter().all(|delivery| delivery.done)
    }
}

impl State {
    pub(crate) fn publish(&mut self, event: usize) {
        self.count("events published");
        self.grid.n_published += 1;
        let batch = self.plan.batch;
        let filling = self.grid.filling.filter(|index| {
            let delivery = &self.grid.deliveries[*index];
            delivery.attempt == 0 && delivery.events.len() < batch
        });
        if let Some(index) = filling {
            self.grid.deliveries[index].events.push(event);
            return;
        }
        let late = self.random.per_mille(self.weather.late);
        let wait = if late {
            self.random.within(1_000, 20 * MINUTE)
        } else {
            self.random.within(50, 1_500)
        };
        let index = self.deliver_in(vec![event], wait);
        self.grid.filling = Some(index);
    }

    fn deliver_in(&mut self, events: Vec<usize>, wait: i64) -> usize {
        let index = self.grid.deliveries.len();
        self.grid.deliveries.push(Delivery {
            events,
            published_at: self.time.now,
            attempt: 0,
            open: false,
            done: false,
        });
        self.soon(wait, Happening::Deliver(index));
        index
    }

    /// An attempt begins: the request, if the relay is there to take it.
    pub(crate) fn attempt(&mut self, index: usize) -> Option<(u32, Request<Bytes>)> {
        let delivery = &mut self.grid.deliveries[index];
        if delivery.done {
            return None;
        }
        delivery.attempt += 1;
        let attempt = delivery.attempt;
        let bodies: Vec<&str> = delivery
            .events
            .iter()
            .map(|event| self.plan.events[*event].body.as_str())
            .collect();
        let body = match bodies.as_slice() {
            // A lone CloudEvent comes as an object.
            [one] if one.contains("\"specversion\"") => (*one).to_owned(),
            all => format!("[{}]", all.join(",")),
        };
        self.count("deliveries attempted");
        if attempt > 1 {
            self.count("deliveries repeated after a failure");
        }
        note!(self, "delivery {index}, attempt {attempt}: {} bytes", body.len());
        if !self.up {
            self.count("deliveries to a process that is down");
            self.again(index);
            return None;
        }
        self.grid.deliveries[index].open = true;
        self.soon(30_000, Happening::NoAnswer(index, attempt));
        let request = Request::post(format!("/events?code={SECRET}"))
            .body(Bytes::from(body))
            .expect("a request");
        Some((attempt, request))
    }

    /// The relay has answered.
    pub(crate) fn answered(&mut self, index: usize, attempt: u32, status: StatusCode) {
        note!(
            self,
            "delivery {index}, attempt {attempt} is answered {}",
            status.as_u16()
        );
        let events = self.grid.deliveries[index].events.clone();
        self.judge_answer(&events, status);
        if self.random.per_mille(self.weather.deaf) {
            self.count("answers that Event Grid did not hear");
            return;
        }
        let delivery = &mut self.grid.deliveries[index];
        if !delivery.open || delivery.attempt != attempt {
            return;
        }
        delivery.open = false;
        if !status.is_success() {
            self.count("deliveries answered 503");
            self.again(index);
            return;
        }
        delivery.done = true;
        self.count("deliveries accepted");
        if self.random.per_mille(self.weather.repeats) {
            self.count("deliveries copied");
            // A copy may come alone, with others, soon, or when everybody has forgotten.
            let mut events = events;
            if self.random.per_mille(300) {
                let at = self.random.index(events.len());
                events = vec![events[at]];
            }
            let wait = self.random.pick(&[5, 1_000, MINUTE, 30 * MINUTE, 3 * HOUR]);
            self.deliver_in(events, wait);
        }
    }

    /// Nobody has answered for 30 s.
    pub(crate) fn no_answer(&mut self, index: usize, attempt: u32) {
        let delivery = &mut self.grid.deliveries[index];
        if delivery.open && delivery.attempt == attempt {
            delivery.open = false;
            self.count("deliveries without an answer");
            self.again(index);
        }
    }

    fn again(&mut self, index: usize) {
        let delivery = &self.grid.deliveries[index];
        let attempt = delivery.attempt;
        let wait = SCHEDULE
            .get(usize::try_from(attempt).unwrap_or(1).saturating_sub(1))
            .copied()
            .unwrap_or(12 * HOUR);
        // Best effort, randomised; a 503 is tried again after 30 s or more.
        let wait = self.random.within(wait.max(30_000), wait.max(30_000) * 5 / 4);
        if attempt >= MAX_ATTEMPTS || self.time.now + wait > delivery.published_at + TIME_TO_LIVE {
            self.grid.deliveries[index].done = true;
            self.count("deliveries that Event Grid gave up");
            note!(self, "delivery {index} is given up");
            return;
        }
        self.soon(wait, Happening::Deliver(index));
    }
}

/// Hands a delivery to the relay, and its answer back.
pub(crate) async fn hand_over(
    stage: Stage,
    relay: relay_core::Relay,
    index: usize,
    attempt: u32,
    request: Request<Bytes>,
) {
    let response = relay.accept(request).await;
    stage.lock().answered(index, attempt, response.status());
}

/// Something that looks like a delivery, from somebody who does not know the secret.
pub(crate) async fn forge(stage: Stage, relay: relay_core::Relay) {
    let body = r#"[{"id":"forged","topic":"/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w","subject":"models/m0:99","eventType":"Microsoft.MachineLearningServices.ModelRegistered","eventTime":"2026-11-22T10:00:00Z","data":{"modelName":"m0","modelVersion":"99"},"dataVersion":"2","metadataVersion":"1"}]"#;
    let request = Request::post("/events?code=guessed")
        .body(Bytes::from_static(body.as_bytes()))
        .expect("a request");
    let status = relay.accept(request).await.status();
    stage.lock().judge_forged(status);
}
