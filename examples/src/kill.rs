//! **Here**: the kill run: the real server, killed at random points while events come in, and the count at the stand-in.
//! **Not here**: the server as a child process (`server`).
//! **Reads**: the stand-in's effects and `/readyz`.
//! **Source**: DESIGN section 2: what was answered with 2xx survives a crash, and at most one dispatch takes effect.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use github_dispatch::mock::{MockGitHub, Scripted};
use relay_core::clock::{Clock, Timestamp, TokioClock};
use relay_core::journal::item::{EventSeq, ItemId, Verdict};
use relay_core::journal::scan::{ItemFilter, Page, ScanQuery};
use relay_sqlite::SqliteReader;

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
    /// Models that have neither an effect at the stand-in nor a verdict that leaves them to a person.
    pub lost: Vec<String>,
    /// Models and relay ids with more than one effect.
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
    let text = configuration(
        &folder.join("relay.db"),
        &github.uri(),
        REPOSITORY,
        &format!("unknown = {:?}", plan.unknown),
    );
    // Nothing here hangs; but a machine that is busy with other things may take its time to list some hundred runs.
    let text = text.replace("timeout_ms = 1000", "timeout_ms = 10000");
    std::fs::write(&config, text)?;
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
        let event = [model_registered(&model_name(n), "1", 0)];
        // As Event Grid does: again and again, until the answer is a 200.
        loop {
            // So late that no event is left to do without one.
            let is_late = plan.n_events - n <= plan.n_kills.saturating_sub(report.n_kills);
            let answer = if report.n_kills < plan.n_kills && (until_kill == 0 || is_late) {
                until_kill = dice.below(2 * u64::try_from(plan.n_events / (plan.n_kills + 1))?) + 1;
                // Half of the kills fall into the time in which an event is written down, half into what follows.
                let longest = if dice.below(2) == 0 { 1_200 } else { 15_000 };
                let after = Duration::from_micros(dice.below(longest));
                let answer = kill_while(&mut server, &event, after).await?;
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
    let stopped = server.stop()?;
    if !stopped.success() {
        return Err(format!(
            "after SIGTERM the server ended with {stopped}: {}",
            server.logged()
        )
        .into());
    }
    audit(&plan, &folder.join("relay.db"), &github, &mut report).await?;
    Ok(report)
}

/// Posts, and kills the server at some moment of it; the answer may or may not have come before.
async fn kill_while(
    server: &mut Server,
    event: &[serde_json::Value],
    after: Duration,
) -> Result<Option<(u16, String)>, Failed> {
    let answer = tokio::select! {
        answer = server.post(event) => answer.ok(),
        () = wait(after) => None,
    };
    if answer.is_some() {
        // It answered first: what is being dispatched is cut off instead.
        wait(after).await;
    }
    server.kill()?;
    Ok(answer)
}

/// Waits for less than the millisecond that is the least for the runtime's timer.
async fn wait(time: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the moment of a kill is by the real clock"
    )]
    let waited = tokio::task::spawn_blocking(move || std::thread::sleep(time)).await;
    debug_assert!(waited.is_ok(), "a thread that only waits");
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

/// Compares what the journal says with what the stand-in counted, model by model.
async fn audit(plan: &Plan, journal: &Path, github: &MockGitHub, report: &mut Report) -> Result<(), Failed> {
    let mut effects: BTreeMap<String, usize> = BTreeMap::new();
    let mut effects_of_id: BTreeMap<String, usize> = BTreeMap::new();
    for received in github.received().into_iter().filter(|received| received.effect) {
        let model = received
            .client_payload
            .get("model_name")
            .and_then(serde_json::Value::as_str);
        *effects.entry(model.unwrap_or_default().to_owned()).or_default() += 1;
        *effects_of_id
            .entry(received.relay_id.unwrap_or_default())
            .or_default() += 1;
    }
    let verdicts = verdicts(journal).await?;
    for model in (0..plan.n_events).map(model_name) {
        let n_effects = effects.get(&model).copied().unwrap_or(0);
        let kept = match verdicts.get(&model) {
            Some(Verdict::Dispatched { .. }) => n_effects > 0,
            // Nobody knows, and a person is told so.
            Some(Verdict::Parked { why }) => why.starts_with("unknown: it may have been dispatched"),
            _ => false,
        };
        report.n_parked += usize::from(matches!(verdicts.get(&model), Some(Verdict::Parked { .. })));
        if !kept {
            report.lost.push(format!(
                "{model}: {:?}, {n_effects} effects",
                verdicts.get(&model)
            ));
        }
    }
    let repeated = effects.into_iter().chain(effects_of_id).filter(|(_, n)| *n > 1);
    report.repeated.extend(repeated.map(|(name, _)| name));
    Ok(())
}

/// The verdict of every model, as the journal has it.
async fn verdicts(journal: &Path) -> Result<BTreeMap<String, Verdict>, Failed> {
    let (reader, mut found, mut after) = (SqliteReader::open(journal)?, BTreeMap::new(), EventSeq(0));
    let mut model_of = BTreeMap::new();
    while let Page::Events(events) = reader.scan(ScanQuery::Events { after, limit: 100 }).await? {
        let Some(last) = events.last() else { break };
        after = last.seq;
        model_of.extend(
            events
                .into_iter()
                .map(|event| (event.seq, event.model.unwrap_or_default())),
        );
    }
    let mut after = ItemId(0);
    let every = |after| ScanQuery::Items {
        after,
        filter: ItemFilter::default(),
        limit: 100,
    };
    while let Page::Items(items) = reader.scan(every(after)).await? {
        let Some(last) = items.last() else { break };
        after = last.id;
        for item in items {
            if let (Some(model), Some(verdict)) = (model_of.get(&item.event), item.verdict) {
                found.insert(model.clone(), verdict);
            }
        }
    }
    Ok(found)
}

fn model_name(n: usize) -> String {
    format!("model-{n:04}")
}
