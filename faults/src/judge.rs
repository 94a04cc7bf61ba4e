//! **Here**: what must hold once everything has settled: nothing promised is lost, nothing goes out twice, lanes keep their order.
//! **Not here**: how it came to that (`scenario`).
//! **Reads**: the journal by its trait, the destination's count.
//! **Source**: DESIGN section 2.

use std::collections::{BTreeMap, BTreeSet};

use relay_core::Relay;
use relay_core::journal::item::{EventSeq, Item, ItemId, Phase, Verdict};
use relay_core::journal::scan::{ItemFilter, Page, ScanQuery};
use relay_sqlite::Health;

use crate::github::Effect;
use crate::scenario::{Failed, Release, Stage};

/// The items by release.
pub(crate) type Items = BTreeMap<Release, Vec<Item>>;

/// Compares what was promised, what the journal says and what took effect; adds what does not agree to the findings.
///
/// With `is_checked` the journal was opened after everything that failed: its check has read the whole file.
pub(crate) async fn judge(stage: &mut Stage, is_checked: bool) -> Result<(), Failed> {
    let mut findings = Vec::new();
    let health = stage.health()?;
    let is_fine = match health {
        Health::Sound => true,
        // The fault hit the check itself.
        Health::ClosedCleanly | Health::NotChecked { .. } => !is_checked,
        _ => false,
    };
    if !is_fine {
        findings.push(format!("the file is {health:?}"));
    }
    let items = items(stage.relay()?).await?;
    let effects = stage.github.effects();
    for release in &stage.promised {
        if !items.contains_key(release) {
            findings.push(format!("{release:?} was answered 200 and is lost"));
        }
    }
    for release in items.keys().filter(|release| !stage.wanted.contains(*release)) {
        findings.push(format!("{release:?} was never delivered"));
    }
    for (release, of_release) in &items {
        let [item] = of_release.as_slice() else {
            findings.push(format!("{release:?} has {} items", of_release.len()));
            continue;
        };
        of_item(release, item, is_held(item, &items), &effects, &mut findings);
    }
    let known: BTreeSet<&str> = items
        .values()
        .flatten()
        .map(|item| item.relay_id.as_str())
        .collect();
    for effect in &effects {
        if !known.contains(effect.relay_id.as_str()) {
            findings.push(format!("{effect:?} came from no item of the journal"));
        }
    }
    order(&effects, &mut findings);
    stage.findings.extend(findings);
    Ok(())
}

/// Whether its lane stands behind another item that was parked in it.
fn is_held(item: &Item, items: &Items) -> bool {
    items.values().flatten().any(|other| {
        other.id != item.id && other.lane == item.lane && other.holds_lane && other.phase == Phase::Settled
    })
}

/// One item: it has its verdict, and its effects agree with it.
fn of_item(release: &Release, item: &Item, is_held: bool, effects: &[Effect], findings: &mut Vec<String>) {
    let n = effects
        .iter()
        .filter(|effect| (&effect.model, &effect.version) == (&release.0, &release.1.to_string()))
        .count();
    if n > 1 {
        findings.push(format!("{release:?} took effect {n} times"));
    }
    let agrees = match &item.verdict {
        Some(Verdict::Dispatched { .. }) => n == 1,
        // Only what surely was not taken may be given up.
        Some(_) => n == 0,
        // A lane of every version stands behind what was parked in it, until a person comes.
        None => n == 0 && is_held,
    };
    if !agrees {
        findings.push(format!(
            "{release:?} took effect {n} times, and is {:?}: {:?}",
            item.phase, item.verdict
        ));
    }
}

/// In a lane an older version never goes out after a newer one.
fn order(effects: &[Effect], findings: &mut Vec<String>) {
    let mut highest: BTreeMap<&str, u32> = BTreeMap::new();
    for effect in effects {
        let version: u32 = effect.version.parse().unwrap_or(0);
        let highest = highest.entry(&effect.model).or_default();
        if version < *highest {
            findings.push(format!("{} went out after version {highest}", effect.version));
        }
        *highest = (*highest).max(version);
    }
}

/// Every item and what became of it.
pub(crate) async fn verdicts(
    relay: &Relay,
) -> Result<Vec<(Release, ItemId, Phase, Option<Verdict>)>, Failed> {
    let items = items(relay).await?;
    let all = items.into_iter().flat_map(|(release, items)| {
        items
            .into_iter()
            .map(move |item| (release.clone(), item.id, item.phase, item.verdict))
    });
    Ok(all.collect())
}

async fn items(relay: &Relay) -> Result<Items, Failed> {
    let mut release_of = BTreeMap::new();
    let query = ScanQuery::Events {
        after: EventSeq(0),
        limit: usize::MAX,
    };
    let Page::Events(events) = relay.scan(query).await? else {
        return Err("a scan for events gives events".into());
    };
    for event in events {
        let version = event.version.as_deref().and_then(|version| version.parse().ok());
        if let (Some(model), Some(version)) = (event.model, version) {
            release_of.insert(event.seq, (model, version));
        }
    }
    let query = ScanQuery::Items {
        after: ItemId(0),
        filter: ItemFilter::default(),
        limit: usize::MAX,
    };
    let Page::Items(items) = relay.scan(query).await? else {
        return Err("a scan for items gives items".into());
    };
    let mut found = Items::new();
    for item in items {
        let release = release_of
            .get(&item.event)
            .cloned()
            .ok_or("an item without its event")?;
        found.entry(release).or_default().push(item);
    }
    Ok(found)
}
