//! **Here**: what a person asks for: replay, refuse, cancel, recheck; records like everything else.
//! **Not here**: who may ask (the host).
//! **Reads**: `accept` for how an item starts; `record` calls it.
//! **Source**: DESIGN section 6, asking again is an explicit replay.

use crate::journal::item::{Item, ItemId, Phase, Verdict};
use crate::journal::state::Step;
use crate::journal::verbs::{Verb, accept};
use crate::journal::{Command, JournalError};
use crate::key::RelayId;
use crate::lane;

/// Carries a command out; gives the items it made.
pub(super) fn carry_out(verb: &mut Verb<'_>, command: Command) -> Result<Vec<ItemId>, JournalError> {
    match command {
        Command::Replay { item, allow_older } => replay(verb, item, allow_older).map(|made| vec![made]),
        Command::Refuse { item, why } => {
            let item = verb.load(item)?;
            if !matches!(item.verdict, Some(Verdict::Parked { .. })) {
                return Err(refused(&item, "only a parked item can be refused"));
            }
            verb.step(&item, &Step::Refuse { why }).map(|_| Vec::new())
        }
        Command::Cancel { item, why } => {
            let item = verb.load(item)?;
            if !item.nothing_at_github() {
                return Err(refused(
                    &item,
                    "only an item that waits, and of which nothing can be at GitHub, can be cancelled",
                ));
            }
            verb.step(&item, &Step::Cancel { why }).map(|_| Vec::new())
        }
        Command::Recheck => {
            for mut target in verb.rows.targets()? {
                let principal = verb.principal(&target.principal)?;
                if target.block.is_some() || principal.block.is_some() {
                    target.check_due_at = Some(verb.now);
                    verb.rows.put_target(&target)?;
                }
            }
            Ok(Vec::new())
        }
    }
}

fn replay(verb: &mut Verb<'_>, id: ItemId, allow_older: bool) -> Result<ItemId, JournalError> {
    let old = verb.load(id)?;
    if old.phase != Phase::Settled {
        return Err(refused(&old, "only an item with a verdict can be replayed"));
    }
    let release = verb
        .rows
        .release(&old.key)?
        .ok_or_else(|| refused(&old, "its release is not known"))?;
    if release.item != old.id {
        return Err(refused(
            &old,
            &format!(
                "generation {} of it is the latest, item {}",
                release.generation, release.item.0
            ),
        ));
    }
    let mark = old
        .lane
        .as_deref()
        .map_or_else(|| Ok(None), |lane| verb.rows.lane_mark(lane))?;
    let mut new = Item {
        relay_id: RelayId::new(&old.key, release.generation.saturating_add(1)),
        generation: release.generation.saturating_add(1),
        allow_older,
        phase: if old.policy.wants_facts {
            Phase::Judging
        } else {
            Phase::Waiting
        },
        verdict: None,
        due_at: verb.now,
        lease: None,
        n_attempts: 0,
        n_not_sent: 0,
        retry_since: None,
        unknown_since: None,
        n_looks: 0,
        n_resends: 0,
        holds_lane: old.lane.is_some(),
        created_at: verb.now,
        settled_at: None,
        ..old.clone()
    };
    if lane::behind_mark(&new, mark.as_ref()).is_some() {
        let mark = mark.map(|mark| mark.to_string()).unwrap_or_default();
        return Err(refused(
            &old,
            &format!("{mark} of its lane has gone out, or may have; allow_older replays it all the same"),
        ));
    }
    verb.step(
        &old,
        &Step::Replace {
            by: new.relay_id.to_string(),
        },
    )?;
    new = accept::start(verb, new, release.registered, None)?;
    Ok(new.id)
}

fn refused(item: &Item, why: &str) -> JournalError {
    JournalError::Refused {
        why: format!("item {} ({}): {why}", item.id.0, item.relay_id),
    }
}
