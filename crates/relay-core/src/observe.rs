//! **Here**: every counter, gauge and histogram, by name, and the only code that hands numbers to the `metrics` facade.
//! **Not here**: where the numbers come from (`relay`, `worker`, `health`); a recorder, and showing what it holds (the host).
//! **Reads**: values of every module before it.
//! **Source**: our own; names and units as Prometheus recommends (<https://prometheus.io/docs/practices/naming/>), read 2026-11-27.
#![doc = ""]
#![doc = include_str!("../docs/metrics.md")]

use std::time::Duration;

use crate::alarm::Alert;
use crate::journal::Settled;
use crate::reply::Reply;

/// What kind of number it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the kinds that the facade knows")]
pub enum Kind {
    /// It only grows, from zero at the start of the process.
    Counter,
    /// It is what it was when [`Relay::measure`](crate::Relay) was called last.
    Gauge,
    /// Durations, one by one.
    Histogram,
}

/// In what it is counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the units of this table")]
pub enum Unit {
    /// Pieces.
    Count,
    /// Seconds, with fractions.
    Seconds,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, as it is exported.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// In what it is counted.
    pub unit: Unit,
    /// The names of its labels. Their values are words of this crate, names of routes, and names of identities: so there are few.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident $name:literal $kind:ident $unit:ident [$($label:literal)*] $help:literal;)+) => {
        $(#[doc = $help] pub const $constant: Metric = Metric {
            name: $name,
            kind: Kind::$kind,
            unit: Unit::$unit,
            labels: &[$($label),*],
            help: $help,
        };)+

        /// The whole table, in the order in which the path goes.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
}

metrics! {
    DELIVERIES "relay_deliveries_total" Counter Count ["reply"] "Requests of Event Grid, by what they were answered";
    EVENTS "relay_events_total" Counter Count ["fate"] "Elements of deliveries, by what became of them";
    ACCEPT "relay_accept_seconds" Histogram Seconds [] "From a delivery's body to its answer, in steps of a millisecond";
    SETTLED "relay_items_settled_total" Counter Count ["route" "verdict"] "Items that got a verdict";
    JUDGED "relay_judged_total" Counter Count ["route" "outcome"] "Judgements of the gate: admitted, held, refused, parked";
    ATTEMPTS "relay_attempts_total" Counter Count ["principal" "outcome"] "Requests to GitHub, by what came back";
    ATTEMPT "relay_attempt_seconds" Histogram Seconds ["principal"] "How long a request to GitHub lasted";
    FIRST_REQUEST "relay_accepted_to_request_seconds" Histogram Seconds ["route"] "From the acceptance of an item to its first request to GitHub";
    LOOKS "relay_looks_total" Counter Count ["principal" "outcome"] "Looks for a run after an unknown outcome";
    RUN_LOOKS "relay_run_looks_total" Counter Count ["principal" "outcome"] "Looks for runs of what was dispatched, and questions about them";
    CHECKS "relay_checks_total" Counter Count ["principal" "outcome"] "Checks of targets";
    THROTTLES "relay_throttles_total" Counter Count ["principal"] "Answers with which GitHub closed an identity for a while";
    FENCED "relay_fenced_total" Counter Count [] "Outcomes that came after their lease had ended and were not written";
    JOURNAL_FAILURES "relay_journal_failures_total" Counter Count ["verb"] "Verbs of the journal that failed";
    ALERTS "relay_alerts_total" Counter Count ["alarm"] "What a person was told";
    READY "relay_ready" Gauge Count [] "1 when the journal could be read, else 0";
    ITEMS "relay_items" Gauge Count ["standing"] "Items in each phase, settled ones by verdict";
    TRACKS "relay_tracks" Gauge Count ["standing"] "Dispatched items by what became of them: run seen, late, succeeded, failed, untracked";
    WAITING "relay_waiting" Gauge Count ["principal"] "Items that are judged or wait for targets that are open";
    HELD "relay_held" Gauge Count ["principal"] "Items that are judged or wait for targets that are closed";
    DRAINED_IN "relay_drained_in_seconds" Gauge Seconds ["principal"] "When what waits will have been sent; +Inf while nothing can be";
    BUDGET_LEFT "relay_budget_left" Gauge Count ["principal" "window"] "Requests that may still start in the hour, or minute, that ends now";
    OLDEST_DUE "relay_oldest_due_seconds" Gauge Seconds [] "For how long that is due which is due longest; 0 when nothing is";
    BLOCKED "relay_blocked" Gauge Count ["scope"] "Identities and targets that are blocked or paused, and the whole journal when it is paused";
    PARKED "relay_parked_waiting" Gauge Count [] "Parked items that wait for a person";
    PARKED_OLDEST "relay_parked_oldest_seconds" Gauge Seconds [] "For how long the oldest of them waits; 0 when none does";
    LANES_HELD "relay_lanes_held" Gauge Count [] "Lanes that stand still behind a parked item";
    PROBLEMS "relay_problems" Gauge Count ["severity"] "What is wrong, as /readyz says it in words";
    LAST_DELIVERY "relay_last_delivery_timestamp_seconds" Gauge Seconds [] "When the latest delivery came, in seconds since 1970; 0 when none has";
}

/// The table in Markdown, as the documentation shows it.
#[must_use]
pub fn table() -> String {
    let mut table = "| name | kind | labels | says |\n| --- | --- | --- | --- |\n".to_owned();
    for metric in ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let row = [
            format!("`{}`", metric.name),
            kind.to_owned(),
            labels.join(", "),
            metric.help.to_owned(),
        ];
        table.push_str("| ");
        table.push_str(&row.join(" | "));
        table.push_str(" |\n");
    }
    table.replace("|  |", "| |")
}

/// Tells the recorder of this thread, or of the process, what each of them means. Hosts call it once they have installed theirs.
#[cfg(feature = "metrics")]
pub fn describe() {
    metrics::with_recorder(|recorder| {
        for metric in ALL {
            let (name, help) = (metric.name.into(), metric.help.into());
            let unit = Some(match metric.unit {
                Unit::Count => metrics::Unit::Count,
                Unit::Seconds => metrics::Unit::Seconds,
            });
            match metric.kind {
                Kind::Counter => recorder.describe_counter(name, unit, help),
                Kind::Gauge => recorder.describe_gauge(name, unit, help),
                Kind::Histogram => recorder.describe_histogram(name, unit, help),
            }
        }
    });
}

#[cfg(feature = "metrics")]
mod sink {
    use metrics::{Key, Label, Level, Metadata};

    use super::Metric;

    static METADATA: Metadata<'static> = Metadata::new("relay_core", Level::INFO, Some("relay_core"));

    fn key(metric: &Metric, values: &[&str]) -> Key {
        let labels = metric.labels.iter().zip(values);
        let labels: Vec<Label> = labels
            .map(|(name, value)| Label::new(*name, (*value).to_owned()))
            .collect();
        Key::from_parts(metric.name, labels)
    }

    pub(super) fn count(metric: &Metric, n: u64, values: &[&str]) {
        metrics::with_recorder(|recorder| {
            recorder
                .register_counter(&key(metric, values), &METADATA)
                .increment(n);
        });
    }

    pub(super) fn set(metric: &Metric, to: f64, values: &[&str]) {
        metrics::with_recorder(|recorder| recorder.register_gauge(&key(metric, values), &METADATA).set(to));
    }

    pub(super) fn lasted(metric: &Metric, seconds: f64, values: &[&str]) {
        metrics::with_recorder(|recorder| {
            recorder
                .register_histogram(&key(metric, values), &METADATA)
                .record(seconds);
        });
    }
}

#[cfg(not(feature = "metrics"))]
mod sink {
    use super::Metric;

    pub(super) const fn count(_: &Metric, _: u64, _: &[&str]) {}

    pub(super) const fn lasted(_: &Metric, _: f64, _: &[&str]) {}
}

/// A delivery was answered.
pub(crate) fn delivery(reply: &Reply) {
    sink::count(&DELIVERIES, 1, &[reply.as_str()]);
    if let Reply::Accepted(receipt) = reply {
        let fates = [
            ("accepted", receipt.accepted),
            ("seen_again", receipt.seen_again),
            ("unwanted", receipt.unwanted),
            ("unreadable", receipt.unreadable),
            ("system", receipt.system),
        ];
        for (fate, n) in fates.into_iter().filter(|(_, n)| *n > 0) {
            sink::count(&EVENTS, u64::try_from(n).unwrap_or(u64::MAX), &[fate]);
        }
    }
}

/// A delivery of a host without a journal was answered.
pub(crate) fn passed_through(word: &'static str) {
    sink::count(&DELIVERIES, 1, &[word]);
}

/// A delivery with a right secret was judged and written down in this time.
pub(crate) fn accepted_in(lasted: Duration) {
    sink::lasted(&ACCEPT, lasted.as_secs_f64(), &[]);
}

/// Items got their verdicts, durably.
pub(crate) fn settled(settled: &[Settled]) {
    for one in settled {
        sink::count(&SETTLED, 1, &[&one.route, one.verdict]);
    }
}

/// A verb failed.
pub(crate) fn journal_failed(verb: &'static str) {
    sink::count(&JOURNAL_FAILURES, 1, &[verb]);
}

/// Outcomes came too late.
pub(crate) fn fenced(n: usize) {
    if n > 0 {
        sink::count(&FENCED, u64::try_from(n).unwrap_or(u64::MAX), &[]);
    }
}

/// A person is told something.
pub(crate) fn alert(alert: &Alert) {
    sink::count(&ALERTS, 1, &[&alert.word()]);
}

/// Something was judged, sent, looked for or checked.
pub(crate) fn outcome(metric: &Metric, whose: &str, outcome: &'static str) {
    sink::count(metric, 1, &[whose, outcome]);
}

/// GitHub closed an identity.
pub(crate) fn throttled(principal: &str) {
    sink::count(&THROTTLES, 1, &[principal]);
}

/// A request to GitHub lasted so long.
pub(crate) fn attempt_lasted(principal: &str, lasted: Duration) {
    sink::lasted(&ATTEMPT, lasted.as_secs_f64(), &[principal]);
}

/// The first request of an item left so long after it was accepted.
pub(crate) fn first_request(route: &str, after: Duration) {
    sink::lasted(&FIRST_REQUEST, after.as_secs_f64(), &[route]);
}

/// Sets every gauge from what is known of the relay.
#[cfg(feature = "metrics")]
pub(crate) fn gauges(health: &crate::health::Health, now: crate::clock::Timestamp) {
    use sink::set;

    use crate::health::Severity;
    use crate::journal::item::Phase;

    #[expect(
        clippy::cast_precision_loss,
        reason = "a gauge is a float, and nobody has 2^53 items"
    )]
    let number = |n: u64| n as f64;
    let since = |at: Option<crate::clock::Timestamp>| at.map_or(0.0, |at| now.since(at).as_secs_f64());
    set(&READY, f64::from(u8::from(health.journal.is_some())), &[]);
    let last_delivery = health.since_start.last_delivery_at;
    let epoch = crate::clock::Timestamp::default();
    set(
        &LAST_DELIVERY,
        last_delivery.map_or(0.0, |at| at.since(epoch).as_secs_f64()),
        &[],
    );
    for severity in [Severity::Critical, Severity::Stuck, Severity::Note] {
        let n = health
            .problems
            .iter()
            .filter(|problem| problem.severity == severity)
            .count();
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        set(&PROBLEMS, number(n), &[severity.as_str()]);
    }
    let Some(journal) = &health.journal else { return };
    let phases = Phase::ALL
        .into_iter()
        .filter(|phase| *phase != Phase::Settled)
        .map(Phase::as_str);
    for standing in phases.chain(VERDICTS) {
        let n = journal
            .counts
            .iter()
            .find(|(word, _)| word == standing)
            .map_or(0, |(_, n)| *n);
        set(&ITEMS, number(n), &[standing]);
    }
    for standing in crate::journal::track::Track::STANDINGS {
        let n = journal
            .tracks
            .iter()
            .find(|(word, _)| word == standing)
            .map_or(0, |(_, n)| *n);
        set(&TRACKS, number(n), &[standing]);
    }
    let due = journal.waiting.iter().map(|row| row.earliest_due).min();
    set(&OLDEST_DUE, since(due), &[]);
    set(&PARKED, number(journal.parked.n), &[]);
    set(&PARKED_OLDEST, since(journal.parked.oldest), &[]);
    set(&LANES_HELD, number(journal.parked.n_lanes), &[]);
    let principals = journal
        .principals
        .iter()
        .filter(|principal| principal.block.is_some())
        .count();
    let targets = journal.targets.iter();
    let targets = targets
        .filter(|target| target.block.is_some() || target.pause.is_some())
        .count();
    let scopes = [
        ("principal", principals),
        ("target", targets),
        ("journal", usize::from(journal.pause.is_some())),
    ];
    for (scope, n) in scopes {
        set(&BLOCKED, number(u64::try_from(n).unwrap_or(u64::MAX)), &[scope]);
    }
    for drain in &health.drains {
        let principal = drain.principal.as_str();
        set(&WAITING, number(drain.n_waiting), &[principal]);
        set(&HELD, number(drain.n_held), &[principal]);
        set(
            &DRAINED_IN,
            drain.drained_in_s.map_or(f64::INFINITY, number),
            &[principal],
        );
        for (window, left) in [("hour", drain.left_this_hour), ("minute", drain.left_this_minute)] {
            if let Some(left) = left {
                set(&BUDGET_LEFT, f64::from(left), &[principal, window]);
            }
        }
    }
}

/// The words of verdicts.
#[cfg(feature = "metrics")]
const VERDICTS: [&str; 5] = ["dispatched", "superseded", "refused", "cancelled", "parked"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ok_the_documentation_shows_this_table() {
        let page = include_str!("../docs/metrics.md");
        assert!(
            page.contains(&table()),
            "docs/metrics.md should hold:\n{}",
            table()
        );
    }

    #[test]
    fn ok_names_say_kind_and_unit() {
        let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len(), "each name is there once");
        for Metric { name, kind, unit, .. } in ALL {
            assert!(name.starts_with("relay_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert_eq!(name.ends_with("_seconds"), *unit == Unit::Seconds, "{name}");
        }
    }
}
