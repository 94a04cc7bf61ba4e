//! **Here**: what a clause reads back of the journal: items, events, history, the overview.
//! **Not here**: driving it (`trial`).
//! **Reads**: `journal::scan`.
//! **Source**: our own.
#![expect(
    clippy::panic,
    reason = "a clause that does not hold says so by panicking, as tests do"
)]

use crate::alarm::Alert;
use crate::journal::item::{EventRow, EventSeq, Item, ItemId, Phase, Verdict};
use crate::journal::scan::{HistoryRow, ItemFilter, Overview, Page, ScanQuery};
use crate::testing::contract::journal::trial::{Trial, same};

impl Trial<'_> {
    async fn page(&self, query: ScanQuery) -> Page {
        match self.journal.scan(query).await {
            Ok(page) => page,
            Err(error) => panic!("clause {} is broken: scan failed: {error}", self.clause),
        }
    }

    pub(super) async fn items_after(&self, after: ItemId, filter: ItemFilter, limit: usize) -> Vec<Item> {
        match self.page(ScanQuery::Items { after, filter, limit }).await {
            Page::Items(items) => items,
            other => panic!(
                "clause {} is broken: a scan for items gave {other:?}",
                self.clause
            ),
        }
    }

    pub(super) async fn events_after(&self, after: EventSeq, limit: usize) -> Vec<EventRow> {
        match self.page(ScanQuery::Events { after, limit }).await {
            Page::Events(events) => events,
            other => panic!(
                "clause {} is broken: a scan for events gave {other:?}",
                self.clause
            ),
        }
    }

    pub(super) async fn history_after(
        &self,
        after: i64,
        item: Option<ItemId>,
        limit: usize,
    ) -> Vec<HistoryRow> {
        match self.page(ScanQuery::History { after, item, limit }).await {
            Page::History(rows) => rows,
            other => panic!(
                "clause {} is broken: a scan for history gave {other:?}",
                self.clause
            ),
        }
    }

    pub(super) async fn unreadable(&self) -> Vec<(String, String)> {
        match self.page(ScanQuery::Unreadable).await {
            Page::Unreadable(rows) => rows.into_iter().map(|row| (row.body, row.why)).collect(),
            other => panic!(
                "clause {} is broken: a scan for unreadable elements gave {other:?}",
                self.clause
            ),
        }
    }

    pub(super) async fn overview(&self) -> Overview {
        match self.page(ScanQuery::Overview).await {
            Page::Overview(overview) => overview,
            other => panic!(
                "clause {} is broken: a scan for the overview gave {other:?}",
                self.clause
            ),
        }
    }

    pub(super) async fn items(&self) -> Vec<Item> {
        self.items_after(ItemId(0), ItemFilter::default(), usize::from(u16::MAX))
            .await
    }

    pub(super) async fn events(&self) -> Vec<EventRow> {
        self.events_after(EventSeq(0), usize::from(u16::MAX)).await
    }

    pub(super) async fn history(&self) -> Vec<HistoryRow> {
        self.history_after(0, None, usize::from(u16::MAX)).await
    }

    pub(super) async fn item(&self, id: ItemId) -> Item {
        let found = self
            .items_after(ItemId(id.0 - 1), ItemFilter::default(), 1)
            .await
            .pop();
        match found {
            Some(item) if item.id == id => item,
            other => panic!(
                "clause {} is broken: item {} is not there, but {other:?}",
                self.clause, id.0
            ),
        }
    }

    pub(super) async fn expect_phase(&self, id: ItemId, phase: Phase) -> Item {
        let item = self.item(id).await;
        same!(
            self,
            item.phase,
            phase,
            "the phase of item {} ({:?})",
            id.0,
            item.verdict
        );
        item
    }

    pub(super) async fn expect_verdict(&self, id: ItemId, word: &str) -> Item {
        let item = self.item(id).await;
        let verdict = item.verdict.as_ref().map(Verdict::as_str);
        same!(
            self,
            verdict,
            Some(word),
            "the verdict of item {}, which is {:?}",
            id.0,
            item.phase
        );
        item
    }

    /// The reason in a verdict.
    pub(super) async fn reason(&self, id: ItemId) -> String {
        match self.item(id).await.verdict {
            Some(Verdict::Superseded { by }) => by,
            Some(Verdict::Refused { why } | Verdict::Cancelled { why } | Verdict::Parked { why }) => why,
            other => panic!(
                "clause {} is broken: item {} has a verdict with a reason, not {other:?}",
                self.clause, id.0
            ),
        }
    }

    /// How many alerts of this kind were handed out so far.
    pub(super) fn n_alerts(&self, kind: impl Fn(&Alert) -> bool) -> usize {
        self.alerts.iter().filter(|alert| kind(alert)).count()
    }

    pub(super) fn n_parked_alerts(&self) -> usize {
        self.n_alerts(|alert| matches!(alert, Alert::Parked { .. }))
    }
}
