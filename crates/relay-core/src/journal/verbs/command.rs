//! **Here**: what a person asks for: replay, refuse, cancel, recheck, pause and resume, forget; records like everything else.
//! **Not here**: who may ask (the host).
//! **Reads**: `accept` for how an item starts; `record` calls it.
//! **Source**: DESIGN section 6, asking again is an explicit replay.

use std::collections::BTreeSet;

use crate::alarm::Alert;
use crate::journal::item::{Block, Item, ItemId, Phase, ReleaseRow, Target, Verdict};
use crate::journal::scan::{Entry, ItemFilter};
use crate::journal::state::Step;
use crate::journal::verbs::{Verb, accept};
use crate::journal::{Closing, Command, JournalError, Written};
use crate::key::RelayId;
use crate::lane;

/// How many items are loaded at a time while many are replayed.
const PAGE: usize = 256;

/// Carries a command out, and says which items it made.
pub(super) fn carry_out(
    verb: &mut Verb<'_>,
    command: Command,
    written: &mut Written,
) -> Result<(), JournalError> {
    match command {
        Command::Replay { item, allow_older } => {
            let made = replay(verb, item, allow_older)?;
            written.made.push(made);
            Ok(())
        }
        Command::ReplayAll {
            filter,
            allow_older,
            limit,
        } => replay_all(verb, &filter, allow_older, limit, written),
        Command::Pause { what, why } => pause(verb, &what, &why),
        Command::Resume { what } => resume(verb, &what),
        Command::Forget { workspace } => forget(verb, &workspace),
        Command::Refuse { item, why } => {
            let item = verb.load(item)?;
            if !matches!(item.verdict, Some(Verdict::Parked { .. })) {
                return Err(refused(&item, "only a parked item can be refused"));
            }
            verb.step(&item, &Step::Refuse { why }).map(drop)
        }
        Command::Cancel { item, why } => {
            let item = verb.load(item)?;
            if !item.nothing_at_github() {
                return Err(refused(
                    &item,
                    "only an item that waits, and of which nothing can be at GitHub, can be cancelled",
                ));
            }
            verb.step(&item, &Step::Cancel { why }).map(drop)
        }
        Command::Recheck => {
            for mut target in verb.rows.targets()? {
                let principal = verb.principal(&target.principal)?;
                if target.block.is_some() || principal.block.is_some() {
                    target.check_due_at = Some(verb.now);
                    verb.rows.put_target(&target)?;
                }
            }
            Ok(())
        }
    }
}

/// Whatever of the page cannot be sent once more is passed over, with the reason.
fn replay_all(
    verb: &mut Verb<'_>,
    filter: &ItemFilter,
    allow_older: bool,
    limit: usize,
    written: &mut Written,
) -> Result<(), JournalError> {
    let names_what = filter.verdict.is_some() || filter.event.is_some() || filter.relay_id.is_some();
    if !names_what {
        return Err(JournalError::Refused {
            why: "name the verdict of what is to be replayed, such as parked, or an event: otherwise everything that ever went out \
                  would go out again"
                .to_owned(),
        });
    }
    let mut after = ItemId(0);
    let mut made = BTreeSet::new();
    loop {
        let page = verb.rows.items_after(after, filter, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.id;
        for item in &page {
            if written.made.len() >= limit {
                return Ok(());
            }
            // Made on the way, and settled at once.
            if made.contains(&item.id) {
                continue;
            }
            let release = verb.rows.release(&item.key)?;
            if release.is_some_and(|release| release.forgotten) {
                let why = "its release was forgotten: name it where it is meant".to_owned();
                written.passed_over.push((item.id, why));
                continue;
            }
            match replay(verb, item.id, allow_older) {
                Ok(id) => {
                    made.insert(id);
                    written.made.push(id);
                }
                Err(JournalError::Refused { why }) => written.passed_over.push((item.id, why)),
                Err(error) => return Err(error),
            }
        }
    }
}

fn pause(verb: &mut Verb<'_>, what: &Closing, why: &str) -> Result<(), JournalError> {
    let block = Block {
        why: why.to_owned(),
        since: verb.now,
    };
    let mut fresh = false;
    match what {
        Closing::Journal => {
            fresh = verb.meta.pause.is_none();
            verb.meta.pause.get_or_insert(block);
        }
        Closing::Target { identity, repository } => {
            for mut target in of_repository(verb, identity, repository)? {
                if target.pause.is_none() {
                    fresh = true;
                    target.pause = Some(block.clone());
                    verb.rows.put_target(&target)?;
                }
            }
        }
    }
    if !fresh {
        return Ok(());
    }
    let (scope, name) = named(what);
    verb.alerts.push(Alert::Paused {
        scope: scope.clone(),
        name: name.clone(),
        why: why.to_owned(),
    });
    let why = why.to_owned();
    verb.history(None, None, Entry::Paused { scope, name, why })
}

/// Opens again what a person closed; the time in between does not count against any item.
fn resume(verb: &mut Verb<'_>, what: &Closing) -> Result<(), JournalError> {
    let now = verb.now;
    let lasted = |pause: &Block| i64::try_from(now.since(pause.since).as_millis()).unwrap_or(i64::MAX);
    let mut opened = false;
    match what {
        Closing::Journal => {
            if let Some(pause) = verb.meta.pause.take() {
                opened = true;
                let names: BTreeSet<String> = verb
                    .rows
                    .targets()?
                    .into_iter()
                    .map(|target| target.principal)
                    .collect();
                for name in names {
                    let mut principal = verb.principal(&name)?;
                    principal.blocked_ms = principal.blocked_ms.saturating_add(lasted(&pause));
                    verb.rows.put_principal(&principal)?;
                }
            }
        }
        Closing::Target { identity, repository } => {
            for mut target in of_repository(verb, identity, repository)? {
                if let Some(pause) = target.pause.take() {
                    opened = true;
                    target.blocked_ms = target.blocked_ms.saturating_add(lasted(&pause));
                    verb.rows.put_target(&target)?;
                }
            }
        }
    }
    if !opened {
        return Ok(());
    }
    let (scope, name) = named(what);
    verb.history(None, None, Entry::Resumed { scope, name })
}

/// The targets of a repository under an identity.
fn of_repository(verb: &mut Verb<'_>, identity: &str, repository: &str) -> Result<Vec<Target>, JournalError> {
    let mut targets = verb.rows.targets()?;
    targets
        .retain(|target| target.principal == identity && target.repository.eq_ignore_ascii_case(repository));
    if targets.is_empty() {
        return Err(JournalError::Refused {
            why: format!("no item was ever to go to {repository} as {identity}"),
        });
    }
    Ok(targets)
}

fn named(what: &Closing) -> (String, String) {
    match what {
        Closing::Journal => ("journal".to_owned(), "everything".to_owned()),
        Closing::Target { identity, repository } => {
            ("target".to_owned(), format!("{repository} as {identity}"))
        }
    }
}

fn forget(verb: &mut Verb<'_>, workspace: &str) -> Result<(), JournalError> {
    let workspace = workspace.trim_end_matches('/').to_lowercase();
    if let Some(item) = verb.rows.open_item_of(&workspace)? {
        return Err(refused(
            &item,
            "it is not over, or its lane waits for it; nothing of its workspace is forgotten before",
        ));
    }
    let (releases, lanes) = verb.rows.forget_workspace(&workspace)?;
    if releases == 0 && lanes == 0 {
        return Err(JournalError::Refused {
            why: format!("nothing is known of the workspace {workspace}"),
        });
    }
    let forgotten = Entry::Forgotten {
        workspace,
        releases,
        lanes,
    };
    verb.history(None, None, forgotten)
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
        return stand_in(verb, &old, &release, allow_older);
    }
    if old.snapshot.is_empty() {
        return Err(refused(
            &old,
            "what it would send was removed when its time was over",
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

/// What goes instead of an earlier generation that parked and holds its lane: the latest one, which may wait behind it, or one more. The
/// lane is handed on, and what goes instead is of the same version: the order is as it was.
fn stand_in(
    verb: &mut Verb<'_>,
    old: &Item,
    release: &ReleaseRow,
    allow_older: bool,
) -> Result<ItemId, JournalError> {
    let latest = verb.load(release.item)?;
    let is_latest = format!(
        "generation {} of it is the latest, item {}",
        latest.generation, latest.id.0
    );
    if !old.holds_lane {
        return Err(refused(old, &is_latest));
    }
    if matches!(latest.verdict, Some(Verdict::Dispatched { .. })) {
        let why = format!(
            "{is_latest}, and it was dispatched: refuse this one, which frees its lane; or replay that one, which sends it again"
        );
        return Err(refused(old, &why));
    }
    let instead = match latest.phase {
        Phase::Settled => {
            let made = replay(verb, latest.id, allow_older)?;
            verb.load(made)?
        }
        _ => latest,
    };
    let by = instead.relay_id.to_string();
    verb.step(old, &Step::Replace { by })?;
    Ok(instead.id)
}

fn refused(item: &Item, why: &str) -> JournalError {
    JournalError::Refused {
        why: format!("item {} ({}): {why}", item.id.0, item.relay_id),
    }
}
