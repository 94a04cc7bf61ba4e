//! **Here**: [`Stage`]: the one shared state of a simulation, and the agenda of what is going to happen.
//! **Not here**: who acts on it (`github`, `grid`, `disk`, `judge`), the loop (`world`).
//! **Reads**: every part's own state.
//! **Source**: our own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::github::GitHub;
use crate::grid::Grid;
use crate::judge::Judge;
use crate::plan::{Plan, Stop};
use crate::random::Random;
use crate::sabotage::Sabotage;
use crate::time::{START_MS, Time};
use crate::trace::Trace;
use crate::weather::Weather;

/// What happened how often.
pub type Figures = BTreeMap<&'static str, u64>;

/// Something that is going to happen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Happening {
    /// The workspace publishes an event.
    Publish(usize),
    /// Event Grid makes an attempt.
    Deliver(usize),
    /// Event Grid has waited for 30 s: delivery, attempt.
    NoAnswer(usize, u32),
    /// Somebody without the secret posts something.
    Forge,
    /// A request arrives at GitHub.
    Arrive(usize),
    /// The relay's clock jumps.
    Jump(i64),
    /// An accident whose moment has come.
    Accident(usize),
    /// The process is started again.
    Start,
    /// Other weather.
    Weather(usize),
    /// A person does something.
    Person,
    /// From here on nothing goes wrong, and a person decides what is left to decide.
    Decide,
    /// An orderly stop has taken long enough.
    Enough(u32),
}

/// The shared state.
pub struct State {
    pub(crate) plan: Arc<Plan>,
    pub(crate) sabotage: Sabotage,
    pub(crate) time: Time,
    pub(crate) trace: Trace,
    pub(crate) figures: Figures,
    /// What chance decides on the way.
    pub(crate) random: Random,
    pub(crate) weather: Weather,
    pub(crate) github: GitHub,
    pub(crate) grid: Grid,
    pub(crate) judge: Judge,
    pub(crate) agenda: BTreeMap<(i64, u64), Happening>,
    next_entry: u64,
    /// The steps that matter, by name.
    pub(crate) steps: Vec<&'static str>,
    /// The process that runs, and whether it does.
    pub(crate) process: u32,
    pub(crate) up: bool,
    /// An accident under way, and how many polls are left.
    pub(crate) doomed: Option<(usize, u64)>,
    pub(crate) stopping: bool,
    pub(crate) stop_wakers: Vec<Waker>,
    /// Loops of the process that run.
    pub(crate) hosts: u32,
    /// How long it stays down after the stop under way.
    pub(crate) down: i64,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "State(seed {}, at {})",
            self.plan.seed,
            self.time.now - START_MS
        )
    }
}

/// The shared state, as everybody holds it. The lock is never held while a future is polled or a waker called.
#[derive(Clone)]
pub struct Stage(Arc<Mutex<State>>);

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stage")
    }
}

impl Stage {
    pub(crate) fn new(plan: &Arc<Plan>, sabotage: Sabotage, keep_trace: bool) -> Self {
        let random = Random::new(plan.seed, 2);
        let judge = Judge::new(Arc::clone(plan));
        let mut state = State {
            sabotage,
            time: Time::new(),
            trace: Trace::new(keep_trace),
            figures: Figures::new(),
            random,
            weather: Weather::fine(),
            github: GitHub::default(),
            grid: Grid::default(),
            judge,
            agenda: BTreeMap::new(),
            next_entry: 0,
            steps: Vec::new(),
            process: 0,
            up: false,
            doomed: None,
            stopping: false,
            stop_wakers: Vec::new(),
            hosts: 0,
            down: 0,
            plan: Arc::clone(plan),
        };
        for (index, event) in plan.events.iter().enumerate() {
            state.at(event.at, Happening::Publish(index));
        }
        for (index, (at, _)) in plan.weather.iter().enumerate() {
            state.at(*at, Happening::Weather(index));
        }
        for (at, by) in &plan.jumps {
            state.at(*at, Happening::Jump(*by));
        }
        for (index, accident) in plan.accidents.iter().enumerate() {
            if let Stop::At(at) = accident.stop {
                state.at(at, Happening::Accident(index));
            }
        }
        if let Some(person) = plan.person {
            state.at(person.every, Happening::Person);
        }
        state.at(plan.calm_at / 3, Happening::Forge);
        state.at(0, Happening::Start);
        state.at(plan.calm_at, Happening::Decide);
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// So many milliseconds after the start.
    fn at(&mut self, ms: i64, happening: Happening) {
        let entry = self.next_entry;
        self.next_entry += 1;
        self.agenda.insert((START_MS + ms, entry), happening);
    }

    /// In so many milliseconds.
    pub(crate) fn soon(&mut self, ms: i64, happening: Happening) {
        self.at(self.time.now - START_MS + ms, happening);
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.figures.entry(what).or_default() += 1;
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.time.now >= START_MS + self.plan.calm_at
    }

    /// A step that matters: accidents happen at some of them.
    pub(crate) fn step(&mut self, what: &'static str) {
        if self.is_calm() {
            return;
        }
        self.steps.push(what);
        if self.doomed.is_some() || !self.up {
            return;
        }
        let at = Stop::AtStep(self.steps.len());
        let accidents = &self.plan.accidents;
        if let Some(index) = accidents.iter().position(|accident| accident.stop == at) {
            self.doomed = Some((index, accidents[index].polls_later));
        }
    }
}

/// Writes a line of the trace.
macro_rules! note {
    ($state:expr, $($what:tt)*) => {{
        let now = $state.time.now;
        $state.trace.line(now, format_args!($($what)*));
    }};
}
pub(crate) use note;
