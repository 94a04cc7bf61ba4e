//! **Here**: the verb `accept`: dedupe by event and by release, items, what their arrival does in their lanes.
//! **Not here**: reading and matching (`intake`), replay by a person (`command`).
//! **Reads**: `intake` builds its batch; `claim` finds what it wrote.
//! **Source**: DESIGN section 6, one dispatch per release.

use std::collections::HashSet;

use crate::alarm::Alert;
use crate::journal::item::{EventRow, EventSeq, Item, ItemId, Phase, ReleaseRow, Target, UnreadableRow};
use crate::journal::rows::Rows;
use crate::journal::scan::Entry;
use crate::journal::state::Step;
use crate::journal::verbs::{Verb, line};
use crate::journal::{AcceptBatch, Acceptance, Fate, JournalError, NewEvent, NewItem};
use crate::key::RelayId;
use crate::lane::{self, LaneMode};
use crate::retry::Again;

/// Writes down a delivery.
///
/// An empty batch writes the clock and nothing else: that is how a host asks whether the journal can promise.
///
/// # Errors
/// The store failed; the engine rolls back.
pub fn accept(rows: &mut dyn Rows, batch: AcceptBatch) -> Result<Acceptance, JournalError> {
    let mut verb = Verb::begin(rows, batch.now)?;
    let mut fates = Vec::with_capacity(batch.events.len());
    for event in batch.events {
        fates.push(accept_event(&mut verb, event)?);
    }
    if !batch.unreadable.is_empty() {
        let n = u64::try_from(batch.unreadable.len()).unwrap_or(u64::MAX);
        verb.meta.n_unreadable = verb.meta.n_unreadable.saturating_add(n);
        let (n_rows, bytes) = batch.keep_unreadable;
        for (body, why) in worth_keeping(batch.unreadable, n_rows) {
            let row = UnreadableRow {
                digest: digest(&body),
                body,
                why: why.clone(),
                received_at: batch.now,
            };
            if verb.rows.add_unreadable(&row)? {
                verb.alerts.push(Alert::Unreadable { why });
            }
        }
        verb.rows.trim_unreadable(n_rows, bytes)?;
    }
    Ok(Acceptance {
        fates,
        settled: std::mem::take(&mut verb.settled),
        alerts: verb.end(true)?,
    })
}

/// Each element once, and no more of them than are kept: a body may hold a million. At least one is told of.
fn worth_keeping(unreadable: Vec<(String, String)>, n_rows: usize) -> impl Iterator<Item = (String, String)> {
    let mut seen = HashSet::new();
    let firsts: Vec<bool> = unreadable
        .iter()
        .map(|(body, _)| seen.insert(body.as_str()))
        .collect();
    let surplus = seen.len().saturating_sub(n_rows.max(1));
    let distinct = unreadable.into_iter().zip(firsts).filter(|(_, first)| *first);
    distinct.skip(surplus).map(|(element, _)| element)
}

fn accept_event(verb: &mut Verb<'_>, new: NewEvent) -> Result<Fate, JournalError> {
    if let Some(seq) = verb.rows.find_event(&new.key)? {
        // Of what was compacted the key alone is left: nothing hangs on it that nobody would remove.
        let known = verb.rows.event(seq)?;
        let is_whole = known.is_some_and(|event| event.body.is_some() || event.unwanted.is_some());
        verb.history(is_whole.then_some(seq), None, Entry::SeenAgain { key: new.key })?;
        return Ok(Fate::SeenAgain);
    }
    let unwanted = new.wanted.is_empty().then(|| {
        let why = new.unwanted.as_deref();
        why.unwrap_or("no route wanted it").to_owned()
    });
    let row = EventRow {
        seq: EventSeq(0),
        key: new.key.clone(),
        event_type: new.event_type,
        subject: new.subject,
        workspace: new.workspace,
        model: new.model,
        version: new.version,
        time: new.time,
        release: new.release,
        body: (!new.wanted.is_empty()).then_some(new.body),
        unwanted: unwanted.clone(),
        received_at: verb.now,
    };
    let event = verb.rows.add_event(&row)?;
    verb.history(Some(event), None, Entry::Accepted)?;
    if let Some(why) = unwanted {
        verb.history(Some(event), None, Entry::Unwanted { why })?;
        return Ok(Fate::Unwanted { event });
    }
    let mut items = Vec::new();
    for wanted in new.wanted {
        items.extend(accept_release(verb, event, new.instant, wanted)?);
    }
    if items.is_empty() {
        verb.rows
            .reject_event(event, "everything that it releases was known")?;
        verb.history(Some(event), None, Entry::SeenAgain { key: new.key })?;
        return Ok(Fate::SeenAgain);
    }
    Ok(Fate::Accepted { event, items })
}

/// An item for a release on a route, unless that release is known.
fn accept_release(
    verb: &mut Verb<'_>,
    event: EventSeq,
    instant: Option<(i64, u32)>,
    mut new: NewItem,
) -> Result<Option<ItemId>, JournalError> {
    let known = verb.rows.release(&new.key)?;
    let mut generation = 1;
    let mut registered_again = false;
    if let Some(forgotten) = known.as_ref().filter(|known| known.forgotten) {
        generation = forgotten.generation.saturating_add(1);
    } else if let Some(mut known) = known {
        if instant.is_none() || instant <= known.registered {
            return Ok(None);
        }
        if new.policy.again == Again::Ignore {
            known.registered = instant;
            verb.rows.put_release(&known)?;
            return Ok(None);
        }
        generation = known.generation.saturating_add(1);
        registered_again = true;
        if new.policy.again == Again::Park {
            new.park =
                Some("registered again with a later time: replay it, or set `again` on the route".to_owned());
        }
    }
    let item = begin(verb, event, &new, generation, instant)?;
    if registered_again {
        let (route, relay_id) = (item.route.clone(), item.relay_id.to_string());
        verb.alerts.push(Alert::RegisteredAgain { route, relay_id });
    }
    Ok(Some(item.id))
}

fn begin(
    verb: &mut Verb<'_>,
    event: EventSeq,
    new: &NewItem,
    generation: u32,
    instant: Option<(i64, u32)>,
) -> Result<Item, JournalError> {
    let target = new.target.key();
    if verb.rows.target(&target)?.is_none() {
        let mut fresh = Target {
            key: target.clone(),
            principal: new.target.identity.clone(),
            repository: new.target.repository.as_str().to_owned(),
            event_type: new.target.action.to_string(),
            asked_epoch: None,
            checked_epoch: None,
            check: None,
            check_due_at: None,
            shows_relay_id: false,
            hides_relay_id: false,
            block: None,
            pause: None,
            blocked_ms: 0,
        };
        // What closes a repository closes it for whatever is sent there from now on.
        for other in verb.same_repository(&fresh)? {
            fresh.block = fresh.block.or(other.block);
            fresh.pause = fresh.pause.or(other.pause);
        }
        verb.rows.put_target(&fresh)?;
    }
    let item = Item {
        id: ItemId(0),
        relay_id: RelayId::new(&new.key, generation),
        key: new.key.clone(),
        generation,
        event,
        route: new.route.clone(),
        snapshot: new.snapshot.clone(),
        policy: new.policy,
        target,
        principal: new.target.identity.clone(),
        lane: new.lane.clone(),
        place: new.place.clone(),
        allow_older: false,
        phase: if new.policy.wants_facts {
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
        holds_lane: new.lane.is_some(),
        created_at: verb.now,
        settled_at: None,
    };
    start(verb, item, instant, new.park.as_deref())
}

/// Writes a new item down, parks it or lets it arrive in its lane.
pub(super) fn start(
    verb: &mut Verb<'_>,
    mut item: Item,
    registered: Option<(i64, u32)>,
    park: Option<&str>,
) -> Result<Item, JournalError> {
    item.id = line::join(verb.rows, &item)?;
    let release = ReleaseRow {
        key: item.key.clone(),
        generation: item.generation,
        item: item.id,
        registered,
        forgotten: false,
    };
    verb.rows.put_release(&release)?;
    verb.history(
        Some(item.event),
        Some(item.id),
        Entry::Began {
            item: Box::new(item.clone()),
        },
    )?;
    if let Some(why) = park {
        return verb.step(&item, &Step::Park { why: why.to_owned() });
    }
    let Some(lane) = item.lane.clone() else {
        return Ok(item);
    };
    let mark = verb.rows.lane_mark(&lane)?;
    // Where every version goes out, nobody who waits is touched by an arrival: a long lane need not be read.
    let others = match item.policy.lane {
        LaneMode::Latest => verb.rows.lane_items(&lane)?,
        LaneMode::Every => Vec::new(),
    };
    for (id, step) in lane::on_arrival(&item, &others, mark.as_ref()) {
        let of = verb.load(id)?;
        let after = verb.step(&of, &step)?;
        if id == item.id {
            item = after;
        }
    }
    Ok(item)
}

fn digest(body: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(body.as_bytes())
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            for half in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
            }
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_each_unreadable_element_once_and_the_last_of_them() {
        let check = |bodies: &str, n_rows, expect: &str| {
            let element = |body: char| (body.to_string(), "no id".to_owned());
            let kept = worth_keeping(bodies.chars().map(element).collect(), n_rows);
            assert_eq!(kept.map(|(body, _)| body).collect::<String>(), expect, "{bodies}");
        };
        check("", 2, "");
        check("abc", 3, "abc");
        check("abc", 2, "bc");
        check("abaab", 2, "ab");
        check("abbbbbb", 2, "ab");
        check("abc", 0, "c");
    }

    #[test]
    fn ok_digest_is_sha_256_in_hexadecimal() {
        assert_eq!(
            digest("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
