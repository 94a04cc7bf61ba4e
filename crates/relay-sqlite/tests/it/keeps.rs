//! **Here**: what a journal keeps over a close and an open, and what it must not write.
//! **Not here**: crashes (`crash`).
//! **Reads**: `support`.
//! **Source**: DESIGN sections 3 and 5.

use std::sync::Arc;

use relay_core::journal::item::Phase;
use relay_core::journal::scan::{Page, ScanQuery};
use relay_core::journal::{ClaimKind, Durability, Journal, Record, Settlement};
use relay_sqlite::{Health, SqliteJournal};

use crate::support::{
    at, batch, check_targets, claim_sends, event, everything, folder, items, open, request,
};

#[tokio::test]
async fn ok_reopening_keeps_everything() {
    let (_folder, path) = folder();
    let journal = open(&path);
    assert_eq!(journal.durability(), Durability::Machine);
    let mut accepted = batch(
        at(0),
        vec![event("1", "a", "1"), event("2", "a", "2"), event("3", "b", "1")],
    );
    accepted
        .unreadable
        .push(("{\"bad\":\"\0\"}".to_owned(), "no id".to_owned()));
    journal.accept(accepted).await.unwrap();
    check_targets(&journal, at(1)).await;
    let sent = claim_sends(&journal, at(2)).await;
    let parked = Settlement::Parked {
        item: sent[0].item.id,
        fence: sent[0].fence,
        why: "no".to_owned(),
    };
    journal.settle(at(3), vec![parked]).await.unwrap();
    let before = everything(&journal).await;
    journal.close().unwrap();
    assert!(journal.scan(ScanQuery::Overview).await.is_err(), "closed");
    assert!(journal.accept(batch(at(4), vec![])).await.is_err(), "closed");
    journal.close().unwrap();

    let journal = open(&path);
    assert_eq!(journal.health(), Health::ClosedCleanly);
    assert_eq!(everything(&journal).await, before);
    let wal = path.with_file_name("relay.db-wal");
    drop(journal);
    assert!(!wal.exists(), "dropping closes, and leaves no WAL");
}

#[tokio::test]
async fn ok_a_new_owner_ends_leases_and_a_send_becomes_probing() {
    let (_folder, path) = folder();
    let journal = open(&path);
    journal
        .accept(batch(at(0), vec![event("1", "a", "1")]))
        .await
        .unwrap();
    check_targets(&journal, at(1)).await;
    let work = claim_sends(&journal, at(2)).await.remove(0);
    assert_eq!(work.item.phase, Phase::Sending);
    assert_eq!(work.body, "{\"id\":\"1\"}");
    drop(journal);

    let journal = open(&path);
    // The lease has not run out; its owner has.
    journal.claim(request(ClaimKind::Judge, at(3))).await.unwrap();
    let item = items(&journal).await.remove(0);
    assert_eq!((item.phase, item.lease), (Phase::Probing, None));
    let late = Record::Admit {
        item: item.id,
        fence: work.fence,
    };
    assert_eq!(journal.record(at(4), vec![late]).await.unwrap().fenced, [item.id]);
}

#[tokio::test]
async fn ok_bodies_come_back_byte_for_byte() {
    let (_folder, path) = folder();
    let bodies = [
        "{\"a\":\"\0\"}",
        "\0",
        "",
        "\u{feff}{}",
        "{\"e\":\"\u{301}e\u{10ffff}\u{fffd}\"}\r\n\t ",
        "'; --",
        "\\u0000",
    ];
    let journal = open(&path);
    for (n, body) in bodies.iter().enumerate() {
        let mut new = event(&format!("{n}\0odd"), "m", &n.to_string());
        new.body = (*body).to_owned();
        new.subject = Some((*body).to_owned());
        let mut batch = batch(at(0), vec![new]);
        batch.unreadable.push(((*body).to_owned(), (*body).to_owned()));
        journal.accept(batch).await.unwrap();
    }
    drop(journal);
    let journal = open(&path);
    let pages = everything(&journal).await;
    let Page::Events(events) = &pages[0] else {
        panic!("{pages:?}")
    };
    let found: Vec<&str> = events
        .iter()
        .map(|event| event.body.as_deref().unwrap())
        .collect();
    assert_eq!(found, bodies);
    assert!(
        events
            .iter()
            .all(|event| event.subject == event.body && event.key.ends_with("\0odd"))
    );
    let Page::Unreadable(kept) = &pages[3] else {
        panic!("{pages:?}")
    };
    assert_eq!(
        kept.iter().map(|row| row.body.as_str()).collect::<Vec<_>>(),
        bodies
    );
    assert!(kept.iter().all(|row| row.why == row.body));
}

#[tokio::test]
async fn ok_a_claim_without_work_writes_nothing() {
    let (_folder, path) = folder();
    let journal = open(&path);
    journal
        .accept(batch(at(0), vec![event("1", "a", "1")]))
        .await
        .unwrap();
    check_targets(&journal, at(1)).await;
    claim_sends(&journal, at(2)).await;
    let wal = path.with_file_name("relay.db-wal");
    let files = || (std::fs::read(&path).unwrap(), std::fs::read(&wal).unwrap());
    let before = files();
    for ms in 3..50 {
        for kind in [ClaimKind::Judge, ClaimKind::Send] {
            assert!(
                journal
                    .claim(request(kind, at(ms)))
                    .await
                    .unwrap()
                    .tasks
                    .is_empty()
            );
        }
    }
    assert!(before == files(), "a claim without work touched the file");
}

#[tokio::test]
async fn ok_it_works_through_box_and_arc() {
    let (_folder, path) = folder();
    let shared = Arc::new(open(&path));
    let boxed: Box<dyn Journal> = Box::new(Arc::<SqliteJournal>::clone(&shared));
    boxed
        .accept(batch(at(0), vec![event("1", "a", "1")]))
        .await
        .unwrap();
    assert_eq!(items(&shared).await.len(), 1);
    // A host keeps one handle to close by, whatever else still holds the journal.
    shared.close().unwrap();
    assert!(boxed.accept(batch(at(0), vec![])).await.is_err());
}
