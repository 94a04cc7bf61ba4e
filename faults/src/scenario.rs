//! **Here**: [`run`], the real relay over the real journal, through one fault, until everything has its verdict.
//! **Not here**: what must hold (`judge`), where faults hit (`points`).
//! **Reads**: `disk`, `github`; relay-core and relay-sqlite as any host does.
//! **Source**: DESIGN sections 2, 3 and 6; Event Grid repeats whatever was not answered 2xx.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use relay_core::budget::Budget;
use relay_core::clock::{Clock as _, Timestamp};
use relay_core::journal::JournalError;
use relay_core::lane::LaneMode;
use relay_core::rules::{RouteConfig, RuleSet};
use relay_core::testing::doubles::{ManualClock, RecordingAlarm};
use relay_core::webhook::SharedSecrets;
use relay_core::{Relay, RelayBuilder};
use relay_sqlite::{Health, OpenOptions, SqliteJournal};
use serde_json::{Value, json};

use crate::disk::{Counts, Disk, Fault};
use crate::github::Github;
use crate::image::{Dice, Survival};
use crate::judge;

/// The error of everything here that is not a finding: a text for whoever runs a test.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

const SECRET: &str = "a-shared-secret";
const START: Timestamp = Timestamp::from_unix_ms(1_763_856_000_000);
const WORKSPACE: &str = "/subscriptions/0f3c/resourceGroups/credit/providers/Microsoft.MachineLearningServices/workspaces/scoring";

/// How long a scenario is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the two lengths of a scenario")]
pub enum Length {
    /// A few releases, two restarts.
    Short,
    /// Large bodies besides, until SQLite itself moves the WAL into the file in the middle of a commit.
    Checkpoint,
}

/// A version of a model.
pub type Release = (String, u32);

/// One step of a script.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    /// Deliveries at the same time.
    Deliver(Vec<Vec<Release>>),
    /// What is due is done.
    Work,
    /// The time goes on.
    Wait(Duration),
    /// The journal is opened again, after it was closed or without.
    Restart { closes: bool },
}

/// How the relay came back to work after a fault.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "the ways back, each of them counted")]
pub enum Recovery {
    /// The fault did not hit.
    Unhurt,
    /// It went on with the journal that it had.
    ByItself,
    /// The journal could not be opened, and could a moment later.
    ByOpeningAgain,
    /// The journal that it had had to be opened again.
    ByReopening,
    /// The process or the machine had ended.
    ByStarting,
}

/// What a run showed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The operations of the script.
    pub counts: Counts,
    /// How it came back.
    pub recovery: Recovery,
    /// Deliveries that were answered 200 and 503.
    pub answered: (usize, usize),
    /// What should not be.
    pub findings: Vec<String>,
}

/// A relay over a disk, and whoever talks to it.
#[derive(Debug)]
pub(crate) struct Stage {
    seed: u64,
    length: Length,
    path: PathBuf,
    pub(crate) disk: Arc<Disk>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) github: Arc<Github>,
    running: Option<(Relay, Arc<SqliteJournal>)>,
    /// What Event Grid has to deliver, and what of it was answered 200.
    pub(crate) wanted: BTreeSet<Release>,
    pub(crate) promised: BTreeSet<Release>,
    answered: (usize, usize),
    recovery: Recovery,
    pub(crate) findings: Vec<String>,
}

/// Runs the script of a seed through a fault, lets it recover, and judges; then cuts the power and judges again.
///
/// # Errors
/// Something other than the relay and its journal failed.
pub async fn run(length: Length, seed: u64, fault: Option<Fault>) -> Result<Outcome, Failed> {
    let folder = tempfile::tempdir()?;
    let disk = Arc::new(Disk::new(folder.path(), seed)?);
    let clock = Arc::new(ManualClock::new(START));
    let mut stage = Stage {
        seed,
        length,
        path: folder.path().canonicalize()?.join("relay.db"),
        github: Arc::new(Github::new(seed, Arc::clone(&clock), Arc::clone(&disk))),
        disk,
        clock,
        running: None,
        wanted: BTreeSet::new(),
        promised: BTreeSet::new(),
        answered: (0, 0),
        recovery: Recovery::Unhurt,
        findings: Vec::new(),
    };
    stage.disk.plan(fault);
    stage.play().await?;
    let counts = stage.disk.counts();
    stage.disk.repair();
    if stage.disk.n_failed() > 0 {
        stage.recover().await?;
    }
    stage.redeliver().await?;
    stage.drain().await?;
    judge::judge(&mut stage, false).await?;
    // Whatever is written down by now is there for good.
    let before = judge::verdicts(stage.relay()?).await?;
    stage.disk.cut_power(pick_survival(seed));
    stage.restart(false)?;
    if judge::verdicts(stage.relay()?).await? != before {
        stage
            .findings
            .push("verdicts were not the same after a power cut at the end".to_owned());
    }
    stage.drain().await?;
    judge::judge(&mut stage, true).await?;
    stage.leave();
    Ok(Outcome {
        counts,
        recovery: stage.recovery,
        answered: stage.answered,
        findings: stage.findings,
    })
}

const fn pick_survival(seed: u64) -> Survival {
    match seed % 3 {
        0 => Survival::Nothing,
        1 => Survival::Anything,
        _ => Survival::Prefix,
    }
}

impl Stage {
    pub(crate) fn relay(&self) -> Result<&Relay, Failed> {
        let (relay, _) = self.running.as_ref().ok_or("no relay is running")?;
        Ok(relay)
    }

    /// Whether the file is sound, once the check of an unclean stop has ended.
    pub(crate) fn health(&self) -> Result<Health, Failed> {
        let (_, journal) = self.running.as_ref().ok_or("no relay is running")?;
        while journal.health() == Health::Checking {
            std::thread::yield_now();
        }
        Ok(journal.health())
    }

    /// The script, whatever fails on the way.
    async fn play(&mut self) -> Result<(), Failed> {
        self.open()?;
        // A fault that lasts is repaired after one more step, or only when the journal cannot be opened.
        let repairs_soon = self.seed.is_multiple_of(2);
        for step in script(self.length, self.seed) {
            let was_hit = self.disk.n_failed() > 0;
            let is_restart = matches!(step, Step::Restart { .. });
            match step {
                Step::Deliver(deliveries) => self.deliver(deliveries).await?,
                Step::Work => self.work().await?,
                Step::Wait(wait) => self.clock.advance(wait),
                Step::Restart { closes } => self.restart(closes)?,
            }
            let is_hit = self.disk.n_failed() > 0;
            if self.disk.has_ended() || (is_hit && !is_restart && !self.disk.is_failing()) {
                self.recover().await?;
            } else if was_hit && repairs_soon {
                self.disk.repair();
                self.recover().await?;
            }
        }
        Ok(())
    }

    /// Posts at the same time; whatever is answered 200 is promised from then on.
    async fn deliver(&mut self, deliveries: Vec<Vec<Release>>) -> Result<(), Failed> {
        let relay = self.relay()?.clone();
        let mut posts = Vec::new();
        for releases in deliveries {
            self.wanted.extend(releases.iter().cloned());
            let (relay, request) = (relay.clone(), post(&releases, self.length)?);
            posts.push(tokio::spawn(async move {
                (releases, relay.accept(request).await.status().as_u16())
            }));
        }
        for post in posts {
            match post.await? {
                (releases, 200) => {
                    self.answered.0 += 1;
                    self.promised.extend(releases);
                }
                (_, 503) => self.answered.1 += 1,
                (releases, status) => self.findings.push(format!("{releases:?} was answered {status}")),
            }
        }
        Ok(())
    }

    async fn work(&mut self) -> Result<(), Failed> {
        match self.relay()?.run_due().await {
            Ok(_) | Err(JournalError::Unavailable { .. }) => {}
            Err(error) => self.findings.push(format!("working ended with {error:?}")),
        }
        Ok(())
    }

    /// Works until nothing is due any more, moving the clock to each due time.
    async fn drain(&mut self) -> Result<(), Failed> {
        for _ in 0..1_000 {
            match self.relay()?.run_due().await {
                Ok(round) => match round.next_due {
                    None => return Ok(()),
                    Some(due) if due > self.clock.now() => self.clock.set(due),
                    Some(due) => {
                        self.findings.push(format!("due at {due}, and nothing was done"));
                        return Ok(());
                    }
                },
                Err(error) => {
                    self.findings
                        .push(format!("without a fault, working ended with {error:?}"));
                    return Ok(());
                }
            }
        }
        self.findings.push("it never ends".to_owned());
        Ok(())
    }

    /// Nothing fails any more: the relay goes on with the journal that it has, or with one opened again.
    async fn recover(&mut self) -> Result<(), Failed> {
        let mut recovery = Recovery::ByItself;
        if self.disk.has_ended() {
            self.restart(false)?;
            recovery = Recovery::ByStarting;
        }
        if !self.relay()?.health().await.ready {
            // Half of the operators stop it in an orderly way, half of them do not.
            self.restart(self.seed % 4 < 2)?;
            recovery = Recovery::ByReopening;
        }
        self.recovery = self.recovery.max(recovery);
        Ok(())
    }

    /// Event Grid delivers again what was not answered 200.
    async fn redeliver(&mut self) -> Result<(), Failed> {
        for release in self
            .wanted
            .difference(&self.promised)
            .cloned()
            .collect::<Vec<_>>()
        {
            self.deliver(vec![vec![release.clone()]]).await?;
            if !self.promised.contains(&release) {
                self.findings.push(format!(
                    "{release:?} was refused, although nothing fails any more"
                ));
            }
        }
        Ok(())
    }

    /// Ends the relay, closing its journal or not, and starts another one.
    fn restart(&mut self, closes: bool) -> Result<(), Failed> {
        if !closes {
            self.disk.kill();
        }
        self.leave();
        self.disk.start_again()?;
        self.open()
    }

    /// Drops the relay; its journal closes itself, as far as the disk lets it.
    fn leave(&mut self) {
        if let Some((relay, journal)) = self.running.take() {
            drop(relay);
            // An error is the fault's: the next opening says whether it did harm.
            let _ = journal.close();
        }
    }

    /// Opens the journal; where a fault keeps it from that it is tried again, and then without the fault.
    fn open(&mut self) -> Result<(), Failed> {
        let mut refused = Vec::new();
        for attempt in 0..4 {
            if attempt > 0 && self.disk.has_ended() {
                self.disk.start_again()?;
            }
            if attempt == 2 {
                self.disk.repair();
            }
            match SqliteJournal::open(&self.path, OpenOptions::new()) {
                Ok(journal) => {
                    if attempt > 0 {
                        self.recovery = self.recovery.max(Recovery::ByOpeningAgain);
                    }
                    let journal = Arc::new(journal);
                    self.running = Some((self.build(Arc::clone(&journal))?, journal));
                    return Ok(());
                }
                Err(error) => refused.push(relay_core::report::report(&error)),
            }
        }
        Err(format!("the journal cannot be opened, although nothing fails any more: {refused:?}").into())
    }

    fn build(&self, journal: Arc<SqliteJournal>) -> Result<Relay, Failed> {
        let mut latest = RouteConfig::new("latest", "contoso/deploy");
        latest.models = vec!["latest-*".to_owned()];
        let mut every = RouteConfig::new("every", "contoso/archive");
        every.models = vec!["every-*".to_owned()];
        every.lane = LaneMode::Every;
        let relay = RelayBuilder::new(journal, Arc::clone(&self.github), RuleSet::load([latest, every])?)
            .with_secrets(SharedSecrets::new([SECRET])?)
            .with_clock(Arc::clone(&self.clock))
            .with_alarm(Arc::new(RecordingAlarm::new()))
            .with_budget(Budget::unbounded())
            .build()?;
        Ok(relay)
    }
}

/// What is delivered, worked and restarted with this seed.
fn script(length: Length, seed: u64) -> Vec<Step> {
    let mut dice = Dice::new(seed);
    let models = ["latest-a", "every-b", "latest-c"];
    let mut versions = [0_u32; 3];
    let mut next = |dice: &mut Dice| {
        let n = dice.index(models.len());
        let version = versions.get_mut(n).map_or(1, |version| {
            // Now and then one comes again, as it came before.
            if *version == 0 || !dice.one_in(6) {
                *version += 1;
            }
            *version
        });
        (models.get(n).copied().unwrap_or_default().to_owned(), version)
    };
    let mut steps = Vec::new();
    let n_parts = 3;
    for part in 0..n_parts {
        let mut deliveries = vec![vec![next(&mut dice), next(&mut dice)]];
        deliveries.extend((0..dice.below(3)).map(|_| vec![next(&mut dice)]));
        steps.push(Step::Deliver(deliveries));
        if length == Length::Checkpoint && part == 1 {
            // 2 MB each: two of them are more than the 1,000 pages after which SQLite empties the WAL.
            for _ in 0..2 {
                steps.push(Step::Deliver(vec![(0..20).map(|_| next(&mut dice)).collect()]));
            }
        }
        steps.push(Step::Work);
        if dice.one_in(2) {
            steps.push(Step::Wait(Duration::from_secs(30 + dice.below(900))));
            steps.push(Step::Work);
        }
        if part + 1 < n_parts {
            steps.push(Step::Restart { closes: part == 0 });
        }
    }
    steps
}

/// The delivery of these releases.
fn post(releases: &[Release], length: Length) -> Result<Request<Bytes>, Failed> {
    let filler = if length == Length::Checkpoint && releases.len() > 2 {
        100_000
    } else {
        300
    };
    let events: Vec<Value> = releases
        .iter()
        .map(|(model, version)| {
            json!({
                "id": format!("{model}-{version}"),
                "topic": WORKSPACE,
                "subject": format!("models/{model}:{version}"),
                "eventType": "Microsoft.MachineLearningServices.ModelRegistered",
                "eventTime": "2026-11-22T10:00:00.2500000Z",
                "data": {
                    "modelName": model,
                    "modelVersion": version.to_string(),
                    "modelTags": {"note": "x".repeat(filler)},
                    "modelProperties": {}
                },
                "dataVersion": "2",
                "metadataVersion": "1"
            })
        })
        .collect();
    Ok(Request::builder()
        .method(Method::POST)
        .uri(format!("/events?code={SECRET}"))
        .body(Value::from(events).to_string().into())?)
}
