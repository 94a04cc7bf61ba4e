//! **Here**: backups, and files that are copied, restored, moved: what starts paused, and that nothing is lost or silent.
//! **Not here**: compaction, export and import (the contract suite).
//! **Reads**: `support`.
//! **Source**: DESIGN section 5, `JournalAdmin`; the promise of section 2: no second dispatch because somebody restored a backup.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use relay_core::dispatch::Dispatched;
use relay_core::journal::scan::{Page, ScanQuery};
use relay_core::journal::{Closing, Command, Journal, JournalAdmin, JournalError, Record, Settlement};
use relay_sqlite::{Health, OpenOptions, SqliteJournal, SqliteReader};

use crate::support::{at, batch, check_targets, claim_sends, event, everything, folder, items, open};

/// Why nothing is sent.
async fn pause(journal: &dyn Journal) -> Option<String> {
    match journal.scan(ScanQuery::Overview).await.unwrap() {
        Page::Overview(overview) => overview.pause.map(|pause| pause.why),
        other => panic!("not the overview: {other:?}"),
    }
}

async fn check_paused(journal: &dyn Journal, why: &str) {
    let found = pause(journal).await.unwrap_or_default();
    assert!(found.contains(why), "{found:?} does not say {why:?}");
    check_targets(journal, at(50)).await;
    assert_eq!(claim_sends(journal, at(51)).await.len(), 0, "it is paused");
}

async fn resume(journal: &dyn Journal) {
    let what = Closing::Journal;
    let written = journal
        .record(at(60), vec![Record::Command(Command::Resume { what })])
        .await;
    written.unwrap();
    assert_eq!(pause(journal).await, None);
}

async fn accept(journal: &dyn Journal, id: &str) {
    journal
        .accept(batch(at(0), vec![event(id, id, "1")]))
        .await
        .unwrap();
}

/// Sends everything that may be sent now; gives how many.
async fn send_all(journal: &dyn Journal) -> usize {
    check_targets(journal, at(1)).await;
    let works = claim_sends(journal, at(2)).await;
    for work in &works {
        let settlement = Settlement::Dispatched {
            item: work.item.id,
            fence: work.fence,
            answer: Dispatched::default(),
        };
        journal.settle(at(2), vec![settlement]).await.unwrap();
    }
    works.len()
}

/// A journal with one event that waits, closed.
async fn closed_with_one(path: &PathBuf) {
    let journal = open(path);
    accept(&journal, "1").await;
    journal.close().unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn ok_a_backup_is_whole_and_starts_paused() {
    let (folder, path) = folder();
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("copy.db");
    let journal = open(&path);
    accept(&journal, "1").await;
    assert_eq!(send_all(&journal).await, 1);
    accept(&journal, "2").await;
    let before = everything(&journal).await;
    journal.back_up(&copy).await.unwrap();
    assert_eq!(names(elsewhere.path()), ["copy.db"], "nothing else is left there");
    assert_eq!(everything(&journal).await, before, "the original is as it was");
    accept(&journal, "3").await;

    let restored = open(&copy);
    check_paused(&restored, "a copy").await;
    assert_eq!(restored.health(), Health::ClosedCleanly);
    let (mut now, mut then) = (everything(&restored).await, before);
    // What the pause itself and the check of a target say comes last.
    let (Page::History(now_told), Page::History(told)) = (now.remove(2), then.remove(2)) else {
        panic!("not histories")
    };
    assert_eq!(now_told[..told.len()], told[..]);
    assert_eq!(
        now[..3],
        then[..3],
        "everything up to the backup, and nothing after it"
    );
    // The pause lasts until a person ends it.
    restored.close().unwrap();
    let restored = open(&copy);
    check_paused(&restored, "a copy").await;
    resume(&restored).await;
    assert_eq!(
        send_all(&restored).await,
        1,
        "event 2 goes out; event 1 went before"
    );
    restored.close().unwrap();
    assert_eq!(pause(&open(&copy)).await, None, "it is its own journal now");
    drop((journal, folder));
}

#[tokio::test]
async fn err_a_backup_replaces_nothing_and_leaves_nothing() {
    let (folder, path) = folder();
    let journal = open(&path);
    accept(&journal, "1").await;
    let taken = folder.path().join("taken");
    std::fs::write(&taken, "mine").unwrap();
    for place in [&taken, &path] {
        let error = journal.back_up(place).await.unwrap_err();
        assert!(matches!(error, JournalError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("something lies where"), "{error}");
    }
    assert_eq!(std::fs::read(&taken).unwrap(), b"mine");
    #[cfg(unix)]
    {
        let dangling = folder.path().join("dangling");
        std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
        assert!(journal.back_up(&dangling).await.is_err(), "a link is something");
        std::fs::remove_file(dangling).unwrap();
    }
    let nowhere = folder.path().join("missing").join("copy.db");
    let error = journal.back_up(&nowhere).await.unwrap_err();
    assert!(!error.to_string().contains("missing"), "no path in it: {error}");
    let beside = [
        "relay.db",
        "relay.db-shm",
        "relay.db-wal",
        "relay.db.lock",
        "taken",
    ];
    assert_eq!(names(folder.path()), beside);
    journal.close().unwrap();
    let error = journal.back_up(&folder.path().join("late")).await.unwrap_err();
    assert!(error.to_string().contains("closed"), "{error}");
}

/// Both are whole: neither sees half of the other, whoever comes first has the place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ok_backups_are_made_while_events_are_accepted() {
    let (folder, path) = folder();
    let journal = Arc::new(open(&path));
    let accepting = tokio::spawn({
        let journal = Arc::clone(&journal);
        async move {
            for n in 0..200 {
                accept(&*journal, &n.to_string()).await;
            }
        }
    });
    let places: Vec<PathBuf> = (0..3)
        .map(|n| folder.path().join(format!("copy{n}.db")))
        .collect();
    for place in &places {
        journal.back_up(place).await.unwrap();
    }
    let place = folder.path().join("same.db");
    let (one, other) = tokio::join!(journal.back_up(&place), journal.back_up(&place));
    assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
    accepting.await.unwrap();
    for place in places.iter().chain([&place]) {
        let copy = open(place);
        let (Page::Events(events), found) = (everything(&copy).await.remove(0), items(&copy).await.len())
        else {
            panic!("not events")
        };
        assert_eq!(events.len(), found, "each event with its item");
    }
}

#[tokio::test]
#[cfg(unix)]
async fn ok_a_copy_of_the_file_starts_paused_and_the_original_does_not() {
    let (folder, path) = folder();
    closed_with_one(&path).await;
    let copy = folder.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    let copied = open(&copy);
    check_paused(&copied, "is a copy").await;
    assert_eq!(items(&copied).await.len(), 1);
    let Page::History(told) = everything(&copied).await.remove(2) else {
        panic!("not a history")
    };
    let told = format!("{told:?}");
    assert!(told.contains("Paused") && told.contains("is a copy"), "{told}");
    let journal = open(&path);
    assert_eq!(pause(&journal).await, None);
    assert_eq!(send_all(&journal).await, 1);
}

#[tokio::test]
async fn ok_where_copies_are_allowed_they_send_at_once() {
    let (folder, path) = folder();
    closed_with_one(&path).await;
    let (copy, backup) = (folder.path().join("copy.db"), folder.path().join("backup.db"));
    std::fs::copy(&path, &copy).unwrap();
    open(&path).back_up(&backup).await.unwrap();
    for place in [copy, backup] {
        let journal = SqliteJournal::open(&place, OpenOptions::new().allow_copy(true)).unwrap();
        assert_eq!(pause(&journal).await, None);
        assert_eq!(send_all(&journal).await, 1);
        drop(journal);
        assert_eq!(pause(&open(&place)).await, None, "it is no copy any more");
    }
}

/// A file that only changed its name, or its lock file, is itself.
#[tokio::test]
async fn ok_a_renamed_journal_is_no_copy() {
    let (folder, path) = folder();
    closed_with_one(&path).await;
    assert_eq!(pause(&open(&path)).await, None);
    std::fs::remove_file(path.with_file_name("relay.db.lock")).unwrap();
    assert_eq!(pause(&open(&path)).await, None);
    let renamed = folder.path().join("sub").join("renamed.db");
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::rename(&path, &renamed).unwrap();
    assert_eq!(pause(&open(&renamed)).await, None);
    // Beside the lock file of the old one there is a new one.
    assert_eq!(pause(&open(&path)).await, None);
}

/// The file keeps its number and its moment: only the lock file knows better.
#[tokio::test]
async fn err_a_backup_written_over_the_file_is_told() {
    let check = async |sends: bool| {
        let (_folder, path) = folder();
        closed_with_one(&path).await;
        let backup = std::fs::read(&path).unwrap();
        let journal = open(&path);
        if sends {
            assert_eq!(send_all(&journal).await, 1);
        }
        drop(journal);
        std::fs::write(&path, backup).unwrap();
        let journal = open(&path);
        check_paused(&journal, "older than the journal that was here last").await;
        resume(&journal).await;
        drop(journal);
        assert_eq!(pause(&open(&path)).await, None);
    };
    check(true).await;
    check(false).await;
}

/// Taken while its owner ran, for a month perhaps: no owner came after it.
#[tokio::test]
async fn err_a_copy_taken_while_live_and_written_back_is_told() {
    let (_folder, path) = folder();
    let journal = open(&path);
    accept(&journal, "1").await;
    let wal = path.with_file_name("relay.db-wal");
    let live = [&path, &wal].map(|file| std::fs::read(file).unwrap());
    assert_eq!(send_all(&journal).await, 1);
    let noted = std::fs::read_to_string(path.with_file_name("relay.db.lock")).unwrap();
    assert!(
        noted.lines().nth(1).unwrap().starts_with("epoch 1 fence "),
        "{noted}"
    );
    journal.close().unwrap();
    for (file, bytes) in [&path, &wal].into_iter().zip(live) {
        std::fs::write(file, bytes).unwrap();
    }
    std::fs::write(path.with_file_name("relay.db.lock"), noted).unwrap();
    let journal = open(&path);
    check_paused(&journal, "older than the journal that was here last").await;
    assert_eq!(items(&journal).await.len(), 1, "what it held is there");
}

/// Whatever of its files somebody copied while it was written to: what opens is paused, or says that it is damaged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(unix)]
async fn err_a_journal_copied_while_live_is_paused_or_refused() {
    let (folder, path) = folder();
    let journal = Arc::new(open(&path));
    let accepting = tokio::spawn({
        let journal = Arc::clone(&journal);
        async move {
            for n in 0..150 {
                accept(&*journal, &n.to_string()).await;
            }
        }
    });
    let copies = (0..12).map(|n| {
        let to = folder.path().join(n.to_string());
        std::fs::create_dir(&to).unwrap();
        for name in ["relay.db", "relay.db-wal", "relay.db-shm"] {
            // Every third time the file alone, as somebody does who does not know.
            if name == "relay.db" || n % 3 > 0 {
                std::fs::copy(path.with_file_name(name), to.join(name)).unwrap();
            }
        }
        to.join("relay.db")
    });
    let copies: Vec<PathBuf> = copies.collect();
    accepting.await.unwrap();
    for copy in copies {
        let opened = match SqliteJournal::open(&copy, OpenOptions::new()) {
            Ok(opened) => opened,
            // Not even its schema came along.
            Err(error) => {
                assert!(error.to_string().contains("relay.db"), "{error}");
                continue;
            }
        };
        while opened.health() == Health::Checking {
            std::thread::yield_now();
        }
        if matches!(opened.health(), Health::Damaged { .. }) {
            let error = opened.accept(batch(at(1), vec![])).await.unwrap_err();
            assert!(error.to_string().contains("damaged"), "{error}");
        } else {
            // Before its first commit it is a new journal, which holds nothing that could go out.
            let found = pause(&opened).await;
            assert!(
                found.is_some() || items(&opened).await.is_empty(),
                "{:?}",
                opened.health()
            );
        }
    }
    assert_eq!(journal.health(), Health::ClosedCleanly);
    assert_eq!(items(&*journal).await.len(), 150, "the original does not mind");
}

/// Somebody who takes an export and reads no further does not keep the journal from closing, and reads on afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ok_an_export_that_hangs_does_not_hold_up_the_close() {
    struct Slow(mpsc::Sender<()>, mpsc::Receiver<()>, bool);
    impl std::io::Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if !std::mem::replace(&mut self.2, true) {
                self.0.send(()).unwrap();
                let _ = self.1.recv();
            }
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (_folder, path) = folder();
    let journal = Arc::new(open(&path));
    accept(&*journal, "1").await;
    let ((began, has_begun), (go_on, may_go_on)) = (mpsc::channel(), mpsc::channel());
    let exporting = tokio::spawn({
        let journal = Arc::clone(&journal);
        async move { journal.export(Box::new(Slow(began, may_go_on, false))).await }
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap())
        .await
        .unwrap();
    let closing = Arc::clone(&journal);
    tokio::task::spawn_blocking(move || closing.close().unwrap())
        .await
        .unwrap();
    let next = open(&path);
    accept(&next, "2").await;
    go_on.send(()).unwrap();
    // It was interrupted, or had read all of it before.
    match exporting.await.unwrap() {
        Ok(lines) => assert!(lines > 5, "{lines}"),
        Err(error) => assert!(matches!(error, JournalError::Unavailable { .. }), "{error}"),
    }
    assert_eq!(
        SqliteReader::open(&path)
            .unwrap()
            .scan(ScanQuery::Overview)
            .await
            .unwrap(),
        everything(&next).await[4]
    );
}
