//! **Here**: [`Weather`]: how often what goes wrong, for a while.
//! **Not here**: when it changes (`plan`), what then happens (`github`, `grid`, `disk`).
//! **Reads**: `random`.
//! **Source**: facts/github 5.2 and 6.2, facts/eventgrid 2.4.

use crate::random::Random;

/// How many there are of whom something can befall.
#[derive(Clone, Copy, Debug)]
pub struct Whom {
    /// Identities.
    pub identities: usize,
    /// Repositories.
    pub repositories: usize,
}

/// What befalls one repository.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ill {
    /// 404.
    Gone,
    /// 403 that is no limit.
    Forbidden,
    /// 301.
    Moved,
}

/// How often what goes wrong, out of a thousand times.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// No connection to GitHub.
    pub unreachable: u64,
    /// GitHub answers 500, 502 or 504; every second of these has started a run all the same.
    pub broken: u64,
    /// GitHub's answer is lost: the connection is cut, or nothing comes.
    pub lost: u64,
    /// GitHub is slow.
    pub slow: u64,
    /// GitHub sees a limit where nobody else does.
    pub moody: u64,
    /// A list of runs, or a check, has no answer.
    pub blind: u64,
    /// The token of this identity is not accepted.
    pub bad_token: Option<usize>,
    /// This repository is ill.
    pub ill: Option<(usize, Ill)>,
    /// A verb of the journal fails.
    pub disk: u64,
    /// A verb of the journal takes long.
    pub slow_disk: u64,
    /// Event Grid does not hear the answer.
    pub deaf: u64,
    /// Event Grid delivers once more what was delivered.
    pub repeats: u64,
    /// Event Grid's delivery comes late.
    pub late: u64,
    /// Facts cannot be had.
    pub no_facts: u64,
}

impl Weather {
    /// Nothing goes wrong.
    #[must_use]
    pub fn fine() -> Self {
        Self::default()
    }

    /// Some weather.
    pub(crate) fn some(random: &mut Random, whom: &Whom) -> Self {
        let mut weather = Self {
            repeats: random.pick(&[0, 50, 300]),
            late: random.pick(&[0, 100, 500]),
            deaf: random.pick(&[0, 0, 50, 300]),
            disk: random.pick(&[0, 0, 0, 20, 60, 300]),
            slow_disk: random.pick(&[0, 0, 100, 400]),
            no_facts: random.pick(&[0, 0, 100, 500]),
            blind: random.pick(&[0, 0, 100, 400]),
            slow: random.pick(&[0, 50, 300]),
            ..Self::default()
        };
        match random.below(12) {
            0 | 1 => {}
            2 | 3 => {
                weather.unreachable = 40;
                weather.broken = 60;
                weather.lost = 60;
                weather.moody = 20;
            }
            4 => weather.broken = 500,
            5 => weather.lost = 500,
            6 => (weather.unreachable, weather.blind) = (1_000, 1_000),
            7 => weather.bad_token = Some(random.index(whom.identities)),
            8 | 9 => {
                let ill = random.pick(&[Ill::Gone, Ill::Forbidden, Ill::Moved]);
                weather.ill = Some((random.index(whom.repositories), ill));
            }
            10 => weather.moody = 300,
            _ => (weather.lost, weather.broken, weather.disk) = (250, 250, 200),
        }
        weather
    }
}
