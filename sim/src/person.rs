//! **Here**: a person: commands at random while things go wrong, and decisions until everything has a verdict.
//! **Not here**: what commands do (`relay_core::journal::Command`).
//! **Reads**: the journal's items.
//! **Source**: DESIGN section 6, asking again is an explicit replay; the commands.

use relay_core::Relay;
use relay_core::journal::item::{Item, ItemId, Phase};
use relay_core::journal::scan::{ItemFilter, Page};
use relay_core::journal::{Closing, Command, JournalError};

use crate::stage::{Stage, State, note};

/// Asks, and hears what comes of it.
pub(crate) async fn ask(stage: Stage, relay: Relay, command: Command) {
    let word = match &command {
        Command::Replay {
            allow_older: false, ..
        } => "commands: replay",
        Command::Replay {
            allow_older: true, ..
        } => "commands: replay an older one",
        Command::ReplayAll { .. } => "commands: replay all parked",
        Command::Refuse { .. } => "commands: refuse",
        Command::Cancel { .. } => "commands: cancel",
        Command::Pause { .. } => "commands: pause",
        Command::Resume { .. } => "commands: resume",
        Command::Recheck => "commands: recheck",
        _ => "commands: others",
    };
    let text = format!("{command:?}");
    let result = relay.command(command).await;
    let mut state = stage.lock();
    state.count(word);
    state.count("commands");
    match result {
        Ok(made) => note!(state, "{text}: made {made:?}"),
        Err(JournalError::Refused { why }) => {
            state.count("commands that were refused");
            note!(state, "{text}: {why}");
        }
        Err(error) => note!(state, "{text}: {error}"),
    }
}

impl State {
    /// Something that a person may ask for; none while nothing has come.
    pub(crate) fn some_command(&mut self) -> Option<Command> {
        if self.judge.max_item == 0 || !self.up {
            return None;
        }
        let item = ItemId(self.random.within(1, self.judge.max_item));
        let why = "a person said so".to_owned();
        let route = self.random.index(self.plan.routes.len());
        let route = &self.plan.routes[route];
        let target = Closing::Target {
            identity: route.identity.clone(),
            repository: route.repository.to_uppercase(),
        };
        let what = if self.random.per_mille(250) {
            Closing::Journal
        } else {
            target
        };
        Some(match self.random.below(16) {
            0..=3 => Command::Replay {
                item,
                allow_older: false,
            },
            4..=5 => Command::Replay {
                item,
                allow_older: true,
            },
            6..=7 => Command::Refuse { item, why },
            8..=9 => Command::Cancel { item, why },
            10 => Command::Recheck,
            11 => Command::ReplayAll {
                filter: ItemFilter {
                    verdict: Some("parked".to_owned()),
                    ..ItemFilter::default()
                },
                allow_older: self.random.per_mille(200),
                limit: 3,
            },
            12..=13 => Command::Pause { what, why },
            _ => Command::Resume { what },
        })
    }

    /// What is left to decide: what is paused is opened, and the first of each lane that is held is refused or replayed.
    pub(crate) fn decisions(&mut self, items: &[Item], overview: &Page) -> Vec<Command> {
        let mut commands = Vec::new();
        if let Page::Overview(overview) = overview {
            if overview.pause.is_some() {
                commands.push(Command::Resume {
                    what: Closing::Journal,
                });
            }
            for target in overview.targets.iter().filter(|target| target.pause.is_some()) {
                let what = Closing::Target {
                    identity: target.principal.clone(),
                    repository: target.repository.clone(),
                };
                commands.push(Command::Resume { what });
            }
        }
        let mut lanes = std::collections::BTreeSet::new();
        for item in items
            .iter()
            .filter(|item| item.holds_lane && item.phase == Phase::Settled)
        {
            if !lanes.insert(item.lane.clone()) {
                continue;
            }
            let again = item.generation < 4 && self.random.per_mille(300);
            commands.push(if again {
                Command::Replay {
                    item: item.id,
                    allow_older: self.random.per_mille(500),
                }
            } else {
                Command::Refuse {
                    item: item.id,
                    why: "decided".to_owned(),
                }
            });
        }
        commands
    }
}
