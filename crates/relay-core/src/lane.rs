//! **Here**: order within a lane and what follows from it: what is superseded, what is late, who may go. Pure.
//! **Not here**: retry and unknown outcomes (`retry`), rate (`budget`), the rows themselves (`journal`).
//! **Reads**: `key` before it; `journal::verbs` asks it inside a transaction.
//! **Source**: DESIGN section 6, lane and order.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::journal::item::{Item, ItemId, Phase};
use crate::journal::rows::LaneFront;
use crate::journal::state::Step;

/// What a lane does with several versions that wait.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the verbs must decide for each")]
pub enum LaneMode {
    /// A newer version supersedes older ones of which nothing can be at GitHub.
    #[default]
    Latest,
    /// All versions go out, in order; one that parks holds the lane until a person decides.
    Every,
}

/// By what versions are ordered in a lane. Never mixed within one.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the verbs must decide for each")]
pub enum Order {
    /// Versions are decimal integers of any length.
    #[default]
    Version,
    /// The instant of the event, then its id.
    EventTime,
}

/// A place in the order of a lane.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "one variant for each Order")]
pub enum Place {
    /// A decimal integer without leading zeros.
    Version(String),
    /// An instant, and an id that decides between equal instants.
    EventTime {
        /// Seconds since the epoch.
        seconds: i64,
        /// Nanoseconds of that second.
        nanos: u32,
        /// The event's id.
        id: String,
    },
}

/// A version or time that has no place in the order of its lane.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoPlace {
    /// Order `version`, and the version is not a decimal integer.
    #[error(
        "version {found:?} is not a decimal integer, which `order = \"version\"` needs (`order = \"event_time\"` takes any)"
    )]
    NotDecimal {
        /// The version, at most 64 bytes of it.
        found: String,
    },
    /// Order `event_time`, and the event carries no time.
    #[error("the event has no time, which `order = \"event_time\"` needs")]
    NoTime,
    /// The lane was ordered otherwise before.
    #[error(
        "this lane has been ordered by another setting; replay with allow_older, or forget the workspace"
    )]
    Mixed,
}

impl Place {
    /// The place of a version.
    ///
    /// # Errors
    /// [`NoPlace::NotDecimal`] for anything but ASCII digits.
    pub fn of_version(version: &str) -> Result<Self, NoPlace> {
        if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NoPlace::NotDecimal {
                found: version.chars().take(64 / 4).collect(),
            });
        }
        let digits = version.trim_start_matches('0');
        Ok(Self::Version(if digits.is_empty() {
            "0".to_owned()
        } else {
            digits.to_owned()
        }))
    }

    /// The order of two places; `None` when they belong to different orders.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            // Without leading zeros the longer integer is the larger one.
            (Self::Version(a), Self::Version(b)) => Some(a.len().cmp(&b.len()).then_with(|| a.cmp(b))),
            (
                Self::EventTime { seconds, nanos, id },
                Self::EventTime {
                    seconds: other_seconds,
                    nanos: other_nanos,
                    id: other_id,
                },
            ) => Some((seconds, nanos, id).cmp(&(other_seconds, other_nanos, other_id))),
            _ => None,
        }
    }

    fn is_below(&self, other: &Self) -> bool {
        self.compare(other) == Some(Ordering::Less)
    }

    fn is_at_or_above(&self, other: &Self) -> bool {
        matches!(self.compare(other), Some(Ordering::Equal | Ordering::Greater))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Version(digits) => write!(f, "version {digits}"),
            Self::EventTime { seconds, nanos, id } => write!(f, "event {id} of {seconds}.{nanos:09}"),
        }
    }
}

/// What the arrival of `new` does in its lane: steps for it and for those that waited there.
///
/// `others` are the lane's items that hold it (open, or parked where parking blocks), `mark` is the highest place that
/// went out or may have.
#[must_use]
pub fn on_arrival(new: &Item, others: &[Item], mark: Option<&Place>) -> Vec<(ItemId, Step)> {
    let Some(place) = new.place.as_ref() else {
        return Vec::new();
    };
    if let Some(step) = behind_mark(new, mark) {
        return vec![(new.id, step)];
    }
    if new.policy.lane == LaneMode::Every {
        return Vec::new();
    }
    let open = || {
        others
            .iter()
            .filter(|other| other.id != new.id && other.phase != Phase::Settled)
    };
    let newer = open().find(|other| other.place.as_ref().is_some_and(|there| place.is_below(there)));
    if let (Some(newer), false) = (newer, new.allow_older) {
        return vec![(new.id, Step::Supersede { by: named(newer) })];
    }
    // One that waits to be sent a second time gives way too: that request will not go out any more.
    open()
        .filter(|other| matches!(other.phase, Phase::Judging | Phase::Waiting) && !other.allow_older)
        .filter(|other| {
            other
                .place
                .as_ref()
                .is_some_and(|there| place.is_at_or_above(there))
        })
        .map(|other| (other.id, Step::Supersede { by: named(new) }))
        .collect()
}

/// What has to happen to an item that is below the lane's mark; `None` when it is not, or was allowed to be.
#[must_use]
pub fn behind_mark(item: &Item, mark: Option<&Place>) -> Option<Step> {
    let (place, mark) = (item.place.as_ref()?, mark?);
    if item.allow_older {
        return None;
    }
    match place.compare(mark) {
        None => Some(Step::Park {
            why: NoPlace::Mixed.to_string(),
        }),
        Some(Ordering::Less) => Some(match item.policy.lane {
            LaneMode::Latest => Step::Supersede { by: mark.to_string() },
            LaneMode::Every => Step::Park {
                why: format!("late: {mark} of this lane has gone out, or may have, before {place} came"),
            },
        }),
        Some(_) => None,
    }
}

/// The order in which the items of a lane go out where every version does: by place, then by number, so that generations of
/// one version go as they were asked for. An item without a place is behind all that have one; versions, if a lane ever
/// held both, are before event times.
#[must_use]
pub fn order(a: &Item, b: &Item) -> Ordering {
    order_of((a.place.as_ref(), a.id), (b.place.as_ref(), b.id))
}

/// The same of places and numbers.
pub(crate) fn order_of(a: (Option<&Place>, ItemId), b: (Option<&Place>, ItemId)) -> Ordering {
    let kind = |place: Option<&Place>| match place {
        Some(Place::Version(_)) => 0,
        Some(Place::EventTime { .. }) => 1,
        None => 2,
    };
    let by_place = match (a.0, b.0) {
        (Some(mine), Some(theirs)) => mine.compare(theirs),
        _ => None,
    };
    by_place
        .unwrap_or_else(|| kind(a.0).cmp(&kind(b.0)))
        .then_with(|| a.1.cmp(&b.1))
}

/// Who goes next of a lane where every version goes out, once it is due and everything is open; nobody while something is under way,
/// while the first is judged, and while something parked holds the first back. All others stand behind.
#[must_use]
pub fn next_in_line(front: &LaneFront) -> Option<&Item> {
    next_of(front, front.first.as_ref())
}

/// The same as soon as this item, which is the latest to come, has joined the lane.
#[must_use]
pub fn next_with<'a>(front: &'a LaneFront, new: &'a Item) -> Option<&'a Item> {
    let is_before = |known: &&Item| {
        let last = ItemId(i64::MAX);
        order_of((new.place.as_ref(), last), (known.place.as_ref(), known.id)).is_gt()
    };
    let first = front.first.as_ref().filter(is_before);
    next_of(front, first.or(Some(new)))
}

fn next_of<'a>(front: &LaneFront, first: Option<&'a Item>) -> Option<&'a Item> {
    if front.under_way {
        return None;
    }
    first.filter(|first| first.phase == Phase::Waiting && !(front.parked && is_held_by_parked(first)))
}

/// Whether an item stands in a line at all: it waits in a lane, and there every version goes out.
#[must_use]
pub fn stands_in_line(item: &Item) -> bool {
    item.phase == Phase::Waiting && item.lane.is_some() && item.policy.lane == LaneMode::Every
}

/// Whether something parked in its lane holds this item back: all but what a person allowed to pass.
#[must_use]
pub fn is_held_by_parked(item: &Item) -> bool {
    item.policy.lane == LaneMode::Every && !item.allow_older
}

/// Whether a newer version waits in the lane, so that resending this one would be in vain.
#[must_use]
pub fn newer_waits<'a>(item: &Item, others: &'a [Item]) -> Option<&'a Item> {
    let place = item.place.as_ref()?;
    others.iter().find(|other| {
        other.id != item.id
            && matches!(other.phase, Phase::Judging | Phase::Waiting)
            && other.place.as_ref().is_some_and(|there| place.is_below(there))
    })
}

/// The higher of a lane's mark and a place that went out, or may have.
#[must_use]
pub fn raised(mark: Option<Place>, place: &Place) -> Place {
    match mark {
        Some(mark) if !mark.is_below(place) => mark,
        _ => place.clone(),
    }
}

/// What a superseded item names as its successor.
pub(crate) fn named(item: &Item) -> String {
    let place = item
        .place
        .as_ref()
        .map_or_else(|| "an item".to_owned(), Place::to_string);
    format!("{place} ({})", item.relay_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Place {
        Place::of_version(text).unwrap()
    }

    #[test]
    fn ok_versions_of_any_length_are_ordered_as_integers() {
        let check =
            |a: &str, b: &str, expect| assert_eq!(version(a).compare(&version(b)), Some(expect), "{a} {b}");
        check("9", "10", Ordering::Less);
        check("0010", "9", Ordering::Greater);
        check("007", "7", Ordering::Equal);
        check("0", "00", Ordering::Equal);
        check(
            "99999999999999999999999999999998",
            "99999999999999999999999999999999",
            Ordering::Less,
        );
    }

    #[test]
    fn err_versions_that_are_no_integer_name_the_setting() {
        for text in ["", "1.0", "v2", "-1", "１", "2024-01-01"] {
            let error = Place::of_version(text).unwrap_err();
            assert!(error.to_string().contains("order = \"version\""), "{error}");
        }
    }

    #[test]
    fn ok_places_of_different_orders_do_not_compare() {
        let time = Place::EventTime {
            seconds: 1,
            nanos: 0,
            id: "a".to_owned(),
        };
        assert_eq!(time.compare(&version("1")), None);
        let later = Place::EventTime {
            seconds: 1,
            nanos: 0,
            id: "b".to_owned(),
        };
        assert_eq!(time.compare(&later), Some(Ordering::Less));
    }

    #[test]
    fn ok_items_of_a_lane_go_by_place_then_by_number() {
        let at = |id: i64, place: Option<Place>| Item {
            place,
            id: ItemId(id),
            ..crate::testing::rows::item(id)
        };
        let time = |seconds, id: &str| {
            Some(Place::EventTime {
                seconds,
                nanos: 0,
                id: id.to_owned(),
            })
        };
        let in_order = [
            at(9, Some(version("9"))),
            at(3, Some(version("10"))),
            at(4, Some(version("10"))),
            at(2, time(-1, "b")),
            at(8, time(5, "a")),
            at(1, time(5, "b")),
            at(0, None),
            at(5, None),
        ];
        for (i, a) in in_order.iter().enumerate() {
            for (j, b) in in_order.iter().enumerate() {
                assert_eq!(order(a, b), i.cmp(&j), "{i} {j}");
            }
        }
    }

    #[test]
    fn ok_one_of_a_lane_goes_next_and_only_while_nothing_holds_it() {
        let every = |n: i64| {
            let mut item = crate::testing::rows::item(n);
            item.policy.lane = LaneMode::Every;
            item
        };
        let check = |front: &LaneFront, new: i64, next: Option<i64>, with_new: Option<i64>| {
            let id = |item: Option<&Item>| item.map(|item| item.id.0);
            assert_eq!(id(next_in_line(front)), next, "{front:?}");
            assert_eq!(id(next_with(front, &every(new))), with_new, "{new}: {front:?}");
        };
        let mut front = LaneFront::default();
        check(&front, 5, None, Some(5));
        front.first = Some(every(4));
        check(&front, 5, Some(4), Some(4));
        check(&front, 3, Some(4), Some(3));
        front.parked = true;
        check(&front, 5, None, None);
        check(&front, 3, None, None);
        front.first = Some(every(4)).map(|allowed| Item {
            allow_older: true,
            ..allowed
        });
        check(&front, 5, Some(4), Some(4));
        check(&front, 3, Some(4), None);
        front.under_way = true;
        check(&front, 5, None, None);
        (front.under_way, front.parked) = (false, false);
        front.first = Some(every(4)).map(|judged| Item {
            phase: Phase::Judging,
            ..judged
        });
        check(&front, 5, None, None);
        check(&front, 3, None, Some(3));
    }

    #[test]
    fn ok_mark_only_rises() {
        assert_eq!(raised(None, &version("3")), version("3"));
        assert_eq!(raised(Some(version("4")), &version("3")), version("4"));
        assert_eq!(raised(Some(version("4")), &version("5")), version("5"));
    }
}
