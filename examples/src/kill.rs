//! **Here**: the kill run: the real server, killed at random points while events come in, and the count at the stand-in.
//! **Not here**: the server as a child process (`server`).
//! **Reads**: the stand-in's effects and `/readyz`.
//! **Source**: DESIGN section 2: what was answered with 2xx survives a crash, and at most one dispatch takes effect.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use github_dispatch::mock::{MockGitHub, Scripted};
use relay_core::clock::{Clock, Timestamp, TokioClock};

use crate::events::model_registered;
use crate::server::{Failed, Server, configuration};

const REPOSITORY: &str = "contoso/deploy";

/// How a kill run goes.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "settings of a test")]
pub struct Plan {
    /// Events, each of a model of its own.
    pub n_events: usize,
    /// Kills while they come in, and as many again, at most, while they drain.
    pub n_kills: usize,
    /// Where the random numbers begin.
    pub seed: u64,
    /// The route's policy for unknown outcomes.
    pub unknown: &'static str,
    /// The longest time that the rest may take after the last event, by which everything has to be settled.
    pub drain: Duration,
}

/// What a kill run saw.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Kills.
    pub n_kills: usize,
    /// Answers that the stand-in was told to lose or to spoil.
    pub n_spoiled: usize,
    /// Deliveries that had to be repeated, as Event Grid repeats them.
    pub n_redelivered: usize,
    /// Items that a person has to look at, because nobody knows whether they went out.
    pub n_parked: usize,
    /// Models without any effect at the stand-in.
    pub lost: Vec<String>,
    /// Relay ids with more than one.
    pub repeated: Vec<String>,
    /// From the first event until everything was settled.
    pub took: Duration,
}

/// A row of pseudo-random numbers: reproducible, and good enough to choose moments.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n.max(1)
    }
}

/// Runs the plan in a folder.
///
/// # Errors
/// Something other than the relay failed, or the rest did not settle in time; what was lost or repeated is in the report.
pub async fn run(plan: Plan, folder: &Path) -> Result<Report, Failed> {
    let github = MockGitHub::start(REPOSITORY).await;
    let config = folder.join("relay.toml");
    std::fs::write(
        &config,
        configuration(
            &folder.join("relay.db"),
            &github.uri(),
            REPOSITORY,
            &format!("unknown = {:?}", plan.unknown),
        ),
    )?;
    let (mut dice, clock, mut report) = (Dice(plan.seed), TokioClock, Report::default());
    let begin = clock.now();
    let mut server = Server::start(&config)?;
    let mut until_kill = dice.below(8) + 1;
    for n in 0..plan.n_events {
        if dice.below(12) == 0 {
            report.n_spoiled += 1;
            let spoiled = [
                Scripted::AcceptThenDrop,
                Scripted::AcceptThen { status: 502 },
                Scripted::DropBefore,
            ];
            github.script(spoiled.get(usize::try_from(dice.below(3))?).cloned());
        }
        let event = [model_registered(&format!("model-{n:04}"), "1", 0)];
        // As Event Grid does: again and again, until the answer is a 200.
        loop {
            let answer = if report.n_kills < plan.n_kills && until_kill == 0 {
                until_kill = dice.below(2 * u64::try_from(plan.n_events / (plan.n_kills + 1))?) + 1;
                let answer = kill_while(
                    &mut server,
                    &event,
                    Duration::from_micros(dice.below(15_000)),
                    &clock,
                )
                .await?;
                report.n_kills += 1;
                server = Server::start(&config)?;
                answer
            } else {
                server.post(&event).await.ok()
            };
            match answer {
                Some((200, _)) => break,
                _ => report.n_redelivered += 1,
            }
        }
        until_kill = until_kill.saturating_sub(1);
    }
    drain(&plan, &mut dice, &mut server, &config, &mut report).await?;
    report.took = clock.now().since(begin);
    count(&plan, &github, &mut report);
    let stopped = server.stop()?;
    if !stopped.success() {
        return Err(format!(
            "after SIGTERM the server ended with {stopped}: {}",
            server.logged()
        )
        .into());
    }
    Ok(report)
}

/// Posts, and kills the server at some moment of it; the answer may or may not have come before.
async fn kill_while(
    server: &mut Server,
    event: &[serde_json::Value],
    after: Duration,
    clock: &TokioClock,
) -> Result<Option<(u16, String)>, Failed> {
    let answer = tokio::select! {
        answer = server.post(event) => answer.ok(),
        () = clock.sleep(after) => None,
    };
    if answer.is_some() {
        // It answered first: what is being dispatched is cut off instead.
        clock.sleep(after).await;
    }
    server.kill()?;
    Ok(answer)
}

/// Waits until everything has its verdict, killing now and then.
async fn drain(
    plan: &Plan,
    dice: &mut Dice,
    server: &mut Server,
    config: &Path,
    report: &mut Report,
) -> Result<(), Failed> {
    let clock = TokioClock;
    let end: Timestamp = clock.now().after(plan.drain);
    let mut kills_left = plan.n_kills / 2;
    loop {
        let (dispatched, parked) = (server.count("dispatched").await?, server.count("parked").await?);
        if dispatched + parked == u64::try_from(plan.n_events)? {
            report.n_parked = usize::try_from(parked)?;
            return Ok(());
        }
        if clock.now() > end {
            let ready = server.get("/readyz").await?.1;
            return Err(format!(
                "not settled in time: {dispatched} dispatched and {parked} parked of {}; {ready}; {}",
                plan.n_events,
                server.logged()
            )
            .into());
        }
        clock.sleep(Duration::from_millis(20 + dice.below(200))).await;
        if kills_left > 0 && dice.below(3) == 0 {
            kills_left -= 1;
            report.n_kills += 1;
            server.kill()?;
            *server = Server::start(config)?;
        }
    }
}

/// What the stand-in counted.
fn count(plan: &Plan, github: &MockGitHub, report: &mut Report) {
    let mut effects: BTreeMap<String, usize> = BTreeMap::new();
    let mut models: BTreeMap<String, usize> = BTreeMap::new();
    for received in github.received().into_iter().filter(|received| received.effect) {
        let model = received
            .client_payload
            .get("model_name")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        *models.entry(model.to_owned()).or_default() += 1;
        *effects.entry(received.relay_id.unwrap_or_default()).or_default() += 1;
    }
    report.lost = (0..plan.n_events)
        .map(|n| format!("model-{n:04}"))
        .filter(|model| !models.contains_key(model))
        .collect();
    report.repeated = effects
        .into_iter()
        .filter(|(_, n)| *n > 1)
        .map(|(id, _)| id)
        .collect();
    report
        .repeated
        .extend(models.into_iter().filter(|(_, n)| *n > 1).map(|(model, _)| model));
}
