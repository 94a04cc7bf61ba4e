//! **Here**: [`run`]: one simulation from its seed to its end: processes start and stop, time passes, things happen, the judge looks.
//! **Not here**: what happens (`plan`), what must hold (`judge`).
//! **Reads**: every other file.
//! **Source**: the row "deterministic simulation in virtual time".

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use relay_core::Relay;
use relay_core::journal::item::{EventSeq, ItemId};
use relay_core::journal::scan::{ItemFilter, Page, ScanQuery};
use relay_core::testing::contract::journal::history_makes_items;

use crate::disk::{Disk, SimJournal, finish};
use crate::executor::Executor;
use crate::github::SimDispatcher;
use crate::host;
use crate::plan::Plan;
use crate::random::Random;
use crate::sabotage::Sabotage;
use crate::stage::{Figures, Happening, Stage, note};
use crate::time::START_MS;
use crate::{grid, person};

/// So many polls without time passing, and something turns in a circle.
const RESTLESS: u64 = 200_000;
/// So much calm time, and what has no verdict will never have one.
const LONGEST_CALM: i64 = 15 * 24 * 3_600_000;

/// How a simulation is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// What is broken on purpose.
    pub sabotage: Sabotage,
    /// Whether the lines of the trace are kept.
    pub trace: bool,
}

/// What came of a simulation.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// The digest of everything that happened, and the number of lines.
    pub digest: (u64, u64),
    /// What happened how often.
    pub figures: Figures,
    /// The steps at which accidents can happen, by name.
    pub steps: Vec<&'static str>,
    /// The first promise that was broken.
    pub broken: Option<String>,
    /// What happened, if it was to be kept.
    pub trace: Vec<String>,
}

/// Runs the simulation of this seed to its end.
#[must_use]
pub fn run(seed: u64, options: Options) -> Outcome {
    run_plan(Plan::new(seed), options)
}

/// Runs the simulation of this plan to its end.
pub(crate) fn run_plan(plan: Plan, options: Options) -> Outcome {
    let (seed, plan) = (plan.seed, Arc::new(plan));
    let stage = Stage::new(&plan, options.sabotage, options.trace);
    let mut world = World {
        disk: Disk::new(plan.engine),
        random: Random::new(seed, 3),
        stage: stage.clone(),
        executor: Executor::default(),
        relay: None,
        done: false,
    };
    let panicked = catch_unwind(AssertUnwindSafe(|| world.run())).err();
    // What is left of the processes needs the stage to end.
    drop(world);
    let mut state = stage.lock();
    if let Some(panicked) = panicked {
        let text = panicked.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panicked.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        state.broken(format!("panicked: {}", text.unwrap_or_default()));
    }
    Outcome {
        seed,
        digest: state.trace.digest(),
        figures: std::mem::take(&mut state.figures),
        steps: std::mem::take(&mut state.steps),
        broken: state.judge.broken.take(),
        trace: state.trace.take_lines(),
    }
}

struct World {
    stage: Stage,
    executor: Executor,
    disk: Disk,
    random: Random,
    relay: Option<Relay>,
    done: bool,
}

impl World {
    fn run(&mut self) {
        while !self.done {
            if !self.go_on() || !self.pass_time() {
                return;
            }
        }
        self.judge_end();
    }

    /// Polls until nobody can go on; false when a promise is broken.
    fn go_on(&mut self) -> bool {
        let mut n_polls = 0;
        while self.executor.poll_one(&mut self.random) {
            n_polls += 1;
            let mut state = self.stage.lock();
            if n_polls > RESTLESS {
                state.broken("it never rests".to_owned());
            }
            if state.judge.broken.is_some() {
                return false;
            }
            let process = state.process;
            let accident = match state.doomed {
                Some((accident, 0)) => Some(accident),
                Some((accident, n)) => {
                    state.doomed = Some((accident, n - 1));
                    None
                }
                None => None,
            };
            let ended = state.up && state.stopping && state.hosts == 0;
            drop(state);
            if let Some(accident) = accident {
                self.accident(accident);
            } else if ended {
                self.kill(process);
            }
        }
        true
    }

    /// Lets time pass until something happens or somebody is to be woken.
    fn pass_time(&mut self) -> bool {
        let mut state = self.stage.lock();
        let timer = state.time.next_timer();
        let entry = state.agenda.first_key_value().map(|(key, _)| *key);
        let Some(at) = timer.into_iter().chain(entry.map(|(at, _)| at)).min() else {
            state.broken("nothing will ever happen again".to_owned());
            return false;
        };
        state.time.now = state.time.now.max(at);
        if entry.is_some_and(|(when, _)| when <= at)
            && let Some((_, happening)) = state.agenda.pop_first()
        {
            drop(state);
            self.happen(happening);
        } else {
            let due = state.time.take_due();
            drop(state);
            due.into_iter().for_each(std::task::Waker::wake);
        }
        self.stage.lock().judge.broken.is_none()
    }

    fn happen(&mut self, happening: Happening) {
        let mut state = self.stage.lock();
        match happening {
            Happening::Publish(event) => state.publish(event),
            Happening::Deliver(index) => {
                let attempt = state.attempt(index);
                let process = state.process;
                drop(state);
                if let (Some((attempt, request)), Some(relay)) = (attempt, self.relay.clone()) {
                    let stage = self.stage.clone();
                    self.executor
                        .spawn(process, grid::hand_over(stage, relay, index, attempt, request));
                }
            }
            Happening::NoAnswer(index, attempt) => state.no_answer(index, attempt),
            Happening::Forge => {
                let process = state.process;
                drop(state);
                if let Some(relay) = self.relay.clone() {
                    self.executor
                        .spawn(process, grid::forge(self.stage.clone(), relay));
                }
            }
            Happening::Arrive(no) => state.request_arrives(no),
            Happening::Jump(by) => {
                state.count(if by < 0 { "jumps back" } else { "jumps forward" });
                note!(state, "the clock jumps by {by} ms");
                state.time.jump(by);
                state.judge_jump();
            }
            Happening::Weather(index) => {
                state.weather = state.plan.weather[index].1;
                note!(state, "weather {index}");
            }
            Happening::Accident(index) => {
                drop(state);
                self.accident(index);
            }
            Happening::Enough(process) => {
                if state.process == process && state.up && state.stopping {
                    drop(state);
                    self.kill(process);
                }
            }
            Happening::Start => {
                drop(state);
                self.start();
            }
            Happening::Person => {
                drop(state);
                self.person();
            }
            Happening::Decide => {
                drop(state);
                self.decide();
            }
        }
    }

    fn start(&mut self) {
        let mut state = self.stage.lock();
        state.process += 1;
        state.up = true;
        (state.stopping, state.doomed) = (false, None);
        let process = state.process;
        note!(state, "process {process} starts");
        state.count("processes started");
        state.judge_restart();
        drop(state);
        let journal = SimJournal {
            stage: self.stage.clone(),
            disk: self.disk.open(),
        };
        let relay = host::build(&self.stage, journal, SimDispatcher(self.stage.clone()));
        host::begin(&self.stage, &relay, process, &mut self.executor);
        self.relay = Some(relay);
    }

    fn accident(&mut self, index: usize) {
        let mut state = self.stage.lock();
        state.doomed = None;
        if !state.up || state.stopping {
            return;
        }
        let (accident, process) = (state.plan.accidents[index], state.process);
        state.down = accident.down;
        if accident.orderly {
            note!(state, "process {process} is told to stop");
            state.count("orderly stops");
            state.stopping = true;
            state.soon(60_000, Happening::Enough(process));
            let wakers = std::mem::take(&mut state.stop_wakers);
            drop(state);
            wakers.into_iter().for_each(std::task::Waker::wake);
        } else {
            state.count("stops without warning");
            drop(state);
            self.kill(process);
        }
    }

    /// A process ends, wherever its tasks are.
    fn kill(&mut self, process: u32) {
        let mut state = self.stage.lock();
        state.up = false;
        note!(state, "process {process} ends");
        state.stop_wakers.clear();
        let down = state.down;
        state.soon(down, Happening::Start);
        drop(state);
        self.executor.kill(process);
        self.relay = None;
    }

    fn person(&mut self) {
        let mut state = self.stage.lock();
        let Some(person) = state.plan.person.filter(|_| !state.is_calm()) else {
            return;
        };
        let wait = state.random.within(person.every / 4, person.every * 2);
        state.soon(wait, Happening::Person);
        let (command, process) = (state.some_command(), state.process);
        drop(state);
        if let (Some(command), Some(relay)) = (command, self.relay.clone()) {
            self.executor
                .spawn(process, person::ask(self.stage.clone(), relay, command));
        }
    }

    /// Nothing goes wrong any more: a person opens what is closed and decides about what holds a lane, until everything has a verdict.
    fn decide(&mut self) {
        let mut state = self.stage.lock();
        let (up, process) = (state.up, state.process);
        if !up || state.stopping {
            state.soon(60_000, Happening::Decide);
            return;
        }
        let delivered = state.grid.is_done(state.plan.events.len());
        let late = state.time.now > START_MS + state.plan.calm_at + LONGEST_CALM;
        drop(state);
        let (items, overview) = (self.items(), self.disk.scan(ScanQuery::Overview));
        let mut state = self.stage.lock();
        let open = items.iter().filter(|item| item.verdict.is_none()).count();
        let commands = state.decisions(&items, &overview);
        if delivered && open == 0 && commands.is_empty() {
            self.done = true;
            return;
        }
        if late {
            let left: Vec<String> = items
                .iter()
                .filter(|item| item.verdict.is_none())
                .take(3)
                .map(|item| format!("{item:?}"))
                .collect();
            state.broken(format!(
                "no verdict in fifteen calm days: {open} items, {}",
                left.join("; ")
            ));
            return;
        }
        state.soon(20 * 60_000, Happening::Decide);
        drop(state);
        for command in commands {
            if let Some(relay) = self.relay.clone() {
                self.executor
                    .spawn(process, person::ask(self.stage.clone(), relay, command));
            }
        }
    }

    fn items(&self) -> Vec<relay_core::journal::item::Item> {
        let all = ScanQuery::Items {
            after: ItemId(0),
            filter: ItemFilter::default(),
            limit: usize::from(u16::MAX),
        };
        match self.disk.scan(all) {
            Page::Items(items) => items,
            _ => Vec::new(),
        }
    }

    fn judge_end(&mut self) {
        let limit = usize::from(u16::MAX) * 16;
        let Page::Events(events) = self.disk.scan(ScanQuery::Events {
            after: EventSeq(0),
            limit,
        }) else {
            return;
        };
        let Page::History(history) = self.disk.scan(ScanQuery::History {
            after: 0,
            item: None,
            limit,
        }) else {
            return;
        };
        let items = self.items();
        let mut state = self.stage.lock();
        state.judge_end(&events, &items, &history);
        let jumped = !state.plan.jumps.is_empty();
        drop(state);
        finish(history_makes_items("a simulation", &*self.disk.journal(), jumped));
    }
}
