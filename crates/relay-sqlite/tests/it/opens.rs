//! **Here**: what is opened, what is refused, and that what is refused stays as it was.
//! **Not here**: network file systems (units of `mount`: no test mounts anything).
//! **Reads**: `support`.
//! **Source**: DESIGN section 9; the texts are what an operator reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use relay_core::journal::scan::{Page, ScanQuery};
use relay_core::journal::{Journal, JournalError};
use relay_sqlite::{Health, OpenError, OpenOptions, SqliteJournal, SqliteReader};
use rusqlite::Connection;

use crate::support::{at, batch, event, everything, folder, items, open};

fn at_once() -> OpenOptions {
    OpenOptions::new().with_lock_wait(Duration::ZERO)
}

/// Every file of a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
        .collect()
}

/// Owner and reader refuse this file with a text that says this, and leave everything as it is.
fn check_refused(path: &Path, expect: &str) {
    let folder = path.parent().unwrap();
    let before = files(folder);
    for error in [
        SqliteJournal::open(path, at_once()).unwrap_err(),
        SqliteReader::open(path).unwrap_err(),
    ] {
        assert!(error.to_string().contains(expect), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
    let mut after = files(folder);
    // Only where SQLite itself had to say what the file is, we own the name beside it.
    after.remove(&path.with_file_name("relay.db.lock"));
    assert!(
        before == after,
        "a refused file was changed: {:?} {:?}",
        before.keys(),
        after.keys()
    );
}

#[test]
fn err_a_newer_version_is_refused() {
    let (_folder, path) = folder();
    drop(open(&path));
    std::fs::remove_file(path.with_file_name("relay.db.lock")).unwrap();
    let other = Connection::open(&path).unwrap();
    other.pragma_update(None, "journal_mode", "delete").unwrap();
    other.pragma_update(None, "user_version", 7).unwrap();
    drop(other);
    check_refused(&path, "has schema version 7; this program knows versions up to 6");
    assert!(!path.with_file_name("relay.db.lock").exists());
}

#[test]
fn err_a_newer_version_that_lies_in_the_wal_is_refused() {
    let (_folder, path) = folder();
    drop(open(&path));
    let copy = tempfile::tempdir().unwrap();
    let other = Connection::open(&path).unwrap();
    other.pragma_update(None, "user_version", 7).unwrap();
    // As a crash leaves it: the file says 6, the WAL says 7.
    for name in ["relay.db", "relay.db-wal"] {
        std::fs::copy(path.with_file_name(name), copy.path().join(name)).unwrap();
    }
    let path = copy.path().join("relay.db");
    let before = files(copy.path());
    let error = SqliteJournal::open(&path, at_once()).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::Newer {
                found: 7,
                known: 6,
                ..
            }
        ),
        "{error}"
    );
    let after = files(copy.path());
    assert!(
        before.iter().all(|(path, bytes)| after.get(path) == Some(bytes)),
        "a refused file was changed"
    );
}

#[test]
fn err_other_files_are_refused() {
    let (_folder, path) = folder();
    let check = |make: &dyn Fn(&Path), expect: &str| {
        let _ = std::fs::remove_file(&path);
        let _ = std::fs::remove_file(path.with_file_name("relay.db.lock"));
        make(&path);
        check_refused(&path, expect);
    };
    check(
        &|path| std::fs::write(path, "not a database").unwrap(),
        "it is not an SQLite file",
    );
    check(
        &|path| std::fs::write(path, vec![0; 5_000]).unwrap(),
        "it is not an SQLite file",
    );
    check(
        &|path| std::fs::write(path, "SQLite format 3\0").unwrap(),
        "it is not an SQLite file",
    );
    let sqlite =
        |sql: &'static str| move |path: &Path| Connection::open(path).unwrap().execute_batch(sql).unwrap();
    check(
        &sqlite("PRAGMA application_id = 42; CREATE TABLE t (a)"),
        "another program, with application id 0x0000002a",
    );
    check(
        &sqlite("CREATE TABLE t (a)"),
        "another program, without an application id",
    );
    check(
        &sqlite("PRAGMA application_id = 1095584850; CREATE TABLE t (a)"),
        "its schema version is 0, which never was",
    );
}

#[test]
fn err_paths_that_cannot_hold_a_journal_are_named() {
    let (folder, path) = folder();
    std::fs::write(&path, "").unwrap();
    let check = |path: PathBuf, expect: &str| {
        let error = SqliteJournal::open(&path, at_once()).unwrap_err();
        assert!(error.to_string().contains(expect), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    };
    check(
        folder.path().join("missing/relay.db"),
        "is missing or is not a folder",
    );
    check(path.join("relay.db"), "is missing or is not a folder");
    check(folder.path().to_path_buf(), "is not a file");
    assert!(!folder.path().join("missing").exists(), "no folder is created");
}

#[test]
#[cfg(unix)]
fn err_a_link_to_a_journal_is_the_same_journal() {
    let (_folder, path) = folder();
    let _journal = open(&path);
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(
        SqliteJournal::open(&link, at_once()).unwrap_err(),
        OpenError::Held { .. }
    ));
    std::os::unix::fs::symlink("nowhere", elsewhere.path().join("dangling.db")).unwrap();
    let error = SqliteJournal::open(elsewhere.path().join("dangling.db"), at_once()).unwrap_err();
    assert!(error.to_string().contains("following the link"), "{error}");
}

/// One file under two names (a hard link, or a file mounted into two containers) has two WALs: what follows from two owners is
/// shown with two processes in `examples/tests/it`.
#[test]
#[cfg(unix)]
fn err_a_hard_link_lets_no_second_owner_in() {
    let (_folder, path) = folder();
    drop(open(&path));
    let other_path = path.with_file_name("other.db");
    std::fs::hard_link(&path, &other_path).unwrap();
    let _one = open(&path);
    assert!(SqliteJournal::open(&other_path, at_once()).is_err(), "two owners");
}

/// Somebody tidies up: the lock file has another number then, and is nobody's.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn err_a_removed_lock_file_lets_no_second_owner_in() {
    let (_folder, path) = folder();
    let _first = open(&path);
    std::fs::remove_file(path.with_file_name("relay.db.lock")).unwrap();
    assert!(SqliteJournal::open(&path, at_once()).is_err(), "two owners");
}

#[test]
#[cfg(unix)]
fn err_a_file_with_other_names_opens_by_the_name_it_was_owned_by() {
    let (_folder, path) = folder();
    drop(open(&path));
    let other_path = path.with_file_name("other.db");
    std::fs::hard_link(&path, &other_path).unwrap();
    let error = SqliteJournal::open(&other_path, at_once()).unwrap_err();
    assert!(
        matches!(error, OpenError::OtherName { n_names: 2, .. }),
        "{error:?}"
    );
    let text = format!(
        "the journal {} is one file with 2 names (hard links)",
        other_path.display()
    );
    assert!(error.to_string().starts_with(&text), "{error}");
    assert!(!path.with_file_name("other.db.lock").exists());
    // A backup that is a link does not keep the journal from opening again.
    drop(open(&path));
    // Nobody knows any more by which name it was owned.
    std::fs::remove_file(path.with_file_name("relay.db.lock")).unwrap();
    assert!(matches!(
        SqliteJournal::open(&path, at_once()),
        Err(OpenError::OtherName { .. })
    ));
    std::fs::remove_file(&other_path).unwrap();
    drop(open(&path));
}

/// By the lock file alone it would be another journal.
#[test]
#[cfg(target_os = "linux")]
fn err_an_owner_under_another_name_is_still_the_owner() {
    let (_folder, path) = folder();
    drop(open(&path));
    let other_path = path.with_file_name("other.db");
    std::fs::hard_link(&path, &other_path).unwrap();
    std::fs::write(path.with_file_name("other.db.lock"), "77").unwrap();
    let one = open(&path);
    for wait in [0, 60] {
        let options = OpenOptions::new().with_lock_wait(Duration::from_millis(wait));
        let error = SqliteJournal::open(&other_path, options).unwrap_err();
        let us = std::process::id();
        assert!(
            matches!(error, OpenError::Held { pid: Some(pid), .. } if pid == us),
            "{error:?}"
        );
    }
    one.close().unwrap();
    drop(SqliteJournal::open(&other_path, at_once()).unwrap());
}

/// Closing a descriptor of our own on the file would free SQLite's locks on it, and another process could take the WAL away.
#[test]
#[cfg(target_os = "linux")]
fn ok_our_lock_does_not_cost_sqlite_its_own() {
    use std::os::unix::fs::MetadataExt;
    let (_folder, path) = folder();
    let journal = open(&path);
    let inode = format!(":{} ", std::fs::metadata(&path).unwrap().ino());
    // SQLite's shared lock, which every connection in WAL mode keeps: 2 to the 30th, and two.
    let check = |expect: bool, when: &str| {
        let held =
            |line: &str| line.contains("POSIX") && line.contains(&inode) && line.contains("1073741826");
        // While others lock and unlock, a line of that list may be skipped or told twice.
        let locks: Vec<String> = (0..20)
            .map(|_| std::fs::read_to_string("/proc/locks").unwrap())
            .collect();
        let is_held = locks.iter().any(|locks| locks.lines().any(held));
        assert_eq!(is_held, expect, "{when}: {locks:?}");
    };
    check(true, "it is owned");
    assert!(SqliteJournal::open(&path, at_once()).is_err());
    check(true, "somebody was refused");
    std::fs::remove_file(path.with_file_name("relay.db.lock")).unwrap();
    assert!(SqliteJournal::open(&path, at_once()).is_err());
    check(true, "somebody was refused without a lock file");
    let reader = SqliteReader::open(&path).unwrap();
    journal.close().unwrap();
    check(true, "a reader outlives its owner");
    for _ in 0..2 {
        let next = open(&path);
        assert!(SqliteJournal::open(&path, at_once()).is_err());
        check(true, "the next owns it");
        drop(next);
        check(true, "a reader outlives the next owner as well");
    }
    drop(reader);
    check(false, "nobody has it");
}

#[test]
fn ok_odd_paths() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "a b.db",
        "50%25?mode=ro#x.db",
        "ümlaut'\".db",
        "file:x.db",
        ":memory:",
    ] {
        let path = folder.path().join(name);
        drop(open(&path));
        assert!(path.is_file(), "{name}");
        SqliteReader::open(&path).unwrap();
    }
}

#[test]
fn ok_an_empty_file_becomes_a_journal() {
    let (_folder, path) = folder();
    std::fs::write(&path, "").unwrap();
    drop(open(&path));
    drop(open(&path));
}

#[test]
#[cfg(unix)]
fn err_a_folder_that_cannot_be_written_to_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = folder();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
    // Root writes wherever it wants: then there is nothing to see.
    if std::fs::write(folder.path().join("probe"), "").is_err() {
        let error = SqliteJournal::open(&path, at_once()).unwrap_err();
        assert!(error.to_string().contains("creating the lock file"), "{error}");
        assert!(error.to_string().contains("relay.db.lock"), "{error}");
    }
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn err_a_second_owner_is_told_who_the_first_is() {
    let (_folder, path) = folder();
    let journal = open(&path);
    let options = OpenOptions::new().with_lock_wait(Duration::from_millis(120));
    let error = SqliteJournal::open(&path, options).unwrap_err();
    let OpenError::Held { pid, waited, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(
        (*pid, *waited),
        (Some(std::process::id()), Duration::from_millis(120))
    );
    let text = format!(
        "{} is owned by process {}, which did not close it within 0.12 s",
        path.display(),
        std::process::id()
    );
    assert!(error.to_string().contains(&text), "{error}");
    journal
        .accept(batch(at(0), vec![event("1", "a", "1")]))
        .await
        .unwrap();
}

#[test]
fn ok_a_second_owner_waits_for_the_first() {
    let (_folder, path) = folder();
    let journal = open(&path);
    let second = std::thread::spawn({
        let path = path.clone();
        move || SqliteJournal::open(&path, OpenOptions::new()).map(|_| ())
    });
    while !second.is_finished() {
        journal.close().unwrap();
        std::thread::yield_now();
    }
    second.join().unwrap().unwrap();
}

#[tokio::test]
async fn ok_a_reader_reads_beside_an_owner_and_without_one() {
    let (_folder, path) = folder();
    assert!(
        SqliteReader::open(&path)
            .unwrap_err()
            .to_string()
            .contains("there is no such file")
    );
    let journal = open(&path);
    let reader = SqliteReader::open(&path).unwrap();
    for n in 1..5 {
        journal
            .accept(batch(at(0), vec![event(&n.to_string(), &n.to_string(), "1")]))
            .await
            .unwrap();
        let query = ScanQuery::Overview;
        assert_eq!(
            reader.scan(query.clone()).await.unwrap(),
            journal.scan(query).await.unwrap()
        );
    }
    let before = everything(&journal).await;
    journal.close().unwrap();
    let alone = SqliteReader::open(&path).unwrap();
    assert_eq!(alone.scan(ScanQuery::Overview).await.unwrap(), before[4]);
    assert_eq!(reader.scan(ScanQuery::Overview).await.unwrap(), before[4]);
    // A reader is no owner.
    assert_eq!(everything(&open(&path)).await, before);
}

#[tokio::test]
async fn err_a_damaged_journal_refuses_writes_and_still_reads() {
    let (_folder, path) = folder();
    let journal = open(&path);
    journal
        .accept(batch(at(0), vec![event("1", "a", "1")]))
        .await
        .unwrap();
    drop(journal);
    let other = Connection::open(&path).unwrap();
    let damage = "PRAGMA foreign_keys = OFF; UPDATE meta SET clean = 0; UPDATE items SET event = 77;";
    other.execute_batch(damage).unwrap();
    drop(other);
    for _ in 0..2 {
        let journal = open(&path);
        while journal.health() == Health::Checking {
            std::thread::yield_now();
        }
        let Health::Damaged { findings } = journal.health() else {
            panic!("{:?}", journal.health())
        };
        assert_eq!(
            findings,
            ["a row of items refers to a row of events that is not there"]
        );
        let error = journal.accept(batch(at(1), vec![])).await.unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
        assert_eq!(items(&journal).await.len(), 1);
        // Closing does not hide it: the next owner checks again.
        journal.close().unwrap();
    }
}

#[tokio::test]
async fn err_words_that_are_not_known_are_corrupt_and_not_guessed() {
    let (_folder, path) = folder();
    let journal = open(&path);
    journal
        .accept(batch(at(0), vec![event("1", "a", "1")]))
        .await
        .unwrap();
    let other = Connection::open(&path).unwrap();
    for (sql, expect) in [
        (
            "UPDATE items SET policy = '{\"lane\":\"sideways\"}'",
            "policy: JSON that cannot be read (Data)",
        ),
        (
            "UPDATE items SET policy = 'secret'",
            "policy: JSON that cannot be read (Syntax)",
        ),
        (
            "UPDATE history SET entry = '{\"entry\":\"of a later version\"}'",
            "entry: JSON that cannot be read (Data)",
        ),
    ] {
        other.execute_batch(sql).unwrap();
        let query = if sql.contains("history") {
            ScanQuery::History {
                after: 0,
                item: None,
                limit: 9,
            }
        } else {
            ScanQuery::Items {
                after: Default::default(),
                filter: Default::default(),
                limit: 9,
            }
        };
        let error = journal.scan(query).await.unwrap_err();
        assert!(matches!(error, JournalError::Corrupt { .. }), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(error.to_string().contains(expect), "{error}");
    }
}

#[tokio::test]
#[cfg(unix)]
async fn err_a_journal_that_vanished_promises_nothing() {
    let (folder, path) = folder();
    let journal = open(&path);
    journal
        .accept(batch(at(0), vec![event("1", "a", "1")]))
        .await
        .unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("moved");
    std::fs::rename(folder.path(), &moved).unwrap();
    for _ in 0..2 {
        let error = journal
            .accept(batch(at(1), vec![event("2", "b", "1")]))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("moved or removed"), "{error}");
    }
    assert!(journal.close().is_err());
    drop(journal);
    // What was promised is where the files are.
    let found = SqliteReader::open(moved.join("relay.db")).unwrap();
    let Page::Events(events) = found
        .scan(ScanQuery::Events {
            after: Default::default(),
            limit: 9,
        })
        .await
        .unwrap()
    else {
        panic!("not events");
    };
    assert_eq!(events[0].key, "/w 1");
}
