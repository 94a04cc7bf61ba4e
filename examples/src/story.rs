//! **Here**: a journal's history as lines for a person: what happened to each event, in order.
//! **Not here**: what happens (relay-core).
//! **Reads**: pages of `scan`.
//! **Source**: DESIGN section 7: the history of one model version reads like a story.

use std::path::Path;

use relay_core::Relay;
use relay_core::clock::Timestamp;
use relay_core::journal::JournalError;
use relay_core::journal::item::{EventRow, EventSeq, Item, ItemId, UnreadableRow};
use relay_core::journal::scan::{Entry, HistoryRow, ItemFilter, Overview, Page, ScanQuery};
use relay_core::journal::state::Step;
use relay_core::report::report;
use relay_sqlite::SqliteReader;

/// Everything that a journal tells, read page by page.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Story {
    /// The events.
    pub events: Vec<EventRow>,
    /// The items.
    pub items: Vec<Item>,
    /// What happened.
    pub history: Vec<HistoryRow>,
    /// What could not be read.
    pub unreadable: Vec<UnreadableRow>,
    /// Targets, principals, counts.
    pub overview: Overview,
}

const PAGE: usize = 500;

impl Story {
    /// Reads it all.
    ///
    /// # Errors
    /// The journal could not be read.
    pub async fn read(relay: &Relay) -> Result<Self, JournalError> {
        Self::read_by(async |query| relay.scan(query).await).await
    }

    /// The same, by whatever scans a journal: a reader beside its owner, for example.
    ///
    /// # Errors
    /// The journal could not be read.
    pub async fn read_by(
        scan: impl AsyncFn(ScanQuery) -> Result<Page, JournalError>,
    ) -> Result<Self, JournalError> {
        let mut story = Self::default();
        loop {
            let after = story.events.last().map_or(EventSeq(0), |row| row.seq);
            let Page::Events(page) = scan(ScanQuery::Events { after, limit: PAGE }).await? else {
                break;
            };
            if page.is_empty() {
                break;
            }
            story.events.extend(page);
        }
        loop {
            let after = story.items.last().map_or(ItemId(0), |item| item.id);
            let query = ScanQuery::Items {
                after,
                filter: ItemFilter::default(),
                limit: PAGE,
            };
            let Page::Items(page) = scan(query).await? else {
                break;
            };
            if page.is_empty() {
                break;
            }
            story.items.extend(page);
        }
        loop {
            let after = story.history.last().map_or(0, |row| row.seq);
            let query = ScanQuery::History {
                after,
                item: None,
                limit: PAGE,
            };
            let Page::History(page) = scan(query).await? else {
                break;
            };
            if page.is_empty() {
                break;
            }
            story.history.extend(page);
        }
        if let Page::Unreadable(rows) = scan(ScanQuery::Unreadable).await? {
            story.unreadable = rows;
        }
        if let Page::Overview(overview) = scan(ScanQuery::Overview).await? {
            story.overview = overview;
        }
        Ok(story)
    }

    /// Reads it all from the file of a journal, beside its owner.
    ///
    /// # Errors
    /// There is no such journal, or it could not be read.
    pub async fn open(path: &Path) -> Result<Self, String> {
        let reader = SqliteReader::open(path).map_err(|error| report(&error))?;
        let story = Self::read_by(async |query| reader.scan(query).await).await;
        story.map_err(|error| report(&error))
    }

    /// The item with this number, or relay id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Item> {
        self.items
            .iter()
            .find(|item| item.id.0.to_string() == id || item.relay_id.as_str() == id)
    }

    /// An event with its story, for a terminal.
    #[must_use]
    pub fn told_of(&self, event: &EventRow) -> String {
        let (subject, time) = (event.subject.as_deref(), event.time.as_deref());
        let mut lines = vec![format!(
            "event {} {} {}",
            event.seq.0,
            subject.unwrap_or("-"),
            time.unwrap_or("-")
        )];
        let told = self.lines_of(event.seq, event.received_at);
        lines.extend(told.into_iter().map(|line| format!("  {line}")));
        // A terminal would obey what an event's sender wrote.
        let shown = lines
            .iter()
            .map(|line| line.replace(char::is_control, "\u{fffd}"));
        shown.collect::<Vec<_>>().join("\n")
    }

    /// How many items have this verdict.
    #[must_use]
    pub fn n_with_verdict(&self, word: &str) -> usize {
        self.items
            .iter()
            .filter(|item| {
                item.verdict
                    .as_ref()
                    .is_some_and(|verdict| verdict.as_str() == word)
            })
            .count()
    }

    /// The lines of one event: its own and those of its items.
    #[must_use]
    pub fn lines_of(&self, event: EventSeq, start: Timestamp) -> Vec<String> {
        let of_event = self.history.iter().filter(|row| row.event == Some(event));
        of_event
            .map(|row| {
                format!(
                    "{:>7.3} s  {}",
                    row.at.since(start).as_secs_f64(),
                    told(&row.entry)
                )
            })
            .collect()
    }
}

/// One line of history in words.
#[must_use]
pub fn told(entry: &Entry) -> String {
    match entry {
        Entry::Accepted => "accepted: it is in the journal, and Event Grid has its 200".to_owned(),
        Entry::SeenAgain { .. } => "seen again: nothing new is sent".to_owned(),
        Entry::Unwanted { why } => format!("unwanted: {why}"),
        Entry::Began { item } => format!("route {:?} wants it, relay id {}", item.route, item.relay_id),
        Entry::Stepped { step } => step_told(step),
        Entry::Blocked { scope, name, why } => format!("{scope} {name} is blocked: {why}"),
        Entry::Unblocked { scope, name } => format!("{scope} {name} is open again"),
        Entry::Throttled { name, until } => format!("{name} is closed until {until}"),
        Entry::Checked { name, found } => format!("{name} was checked: {found}"),
        other => format!("{other:?}"),
    }
}

fn step_told(step: &Step) -> String {
    match step {
        Step::Send { .. } => "the intent to send is recorded".to_owned(),
        Step::Dispatch { run: None } => "dispatched: GitHub accepted it".to_owned(),
        Step::Dispatch { run: Some(run) } => format!("dispatched: run {} shows its relay id", run.id),
        Step::Doubt { why, .. } => format!("unknown, so its run is looked for: {why}"),
        Step::LookAgain { why, .. } => format!("looked: {why}"),
        Step::Resend { why, .. } => format!("sent once more with the same id: {why}"),
        Step::Retry { why, .. } => format!("waits again: {why}"),
        Step::Supersede { by } => format!("superseded by {by}"),
        Step::Park { why } => format!("parked for a person: {why}"),
        Step::Refuse { why } => format!("refused: {why}"),
        Step::Cancel { why } => format!("cancelled: {why}"),
        Step::Replace { by } => format!("asked for once more: {by} stands for it now"),
        Step::SeeRun { run } => format!("run {} was seen", run.id),
        other => other.as_str().to_owned(),
    }
}
