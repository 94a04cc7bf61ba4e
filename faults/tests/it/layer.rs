//! The layer itself: without it being able to lose something, the other tests would prove nothing.

use relay_faults::disk::{Disk, Fault, Op, Trouble};
use relay_faults::image::Survival;
use rusqlite::Connection;

/// Commits rows one after the other with this setting, cuts the power, and counts what is there afterwards.
fn n_after_power_cut(synchronous: &str, survival: Survival) -> i64 {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path(), 1).unwrap();
    let path = folder.path().canonicalize().unwrap().join("x.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n); PRAGMA synchronous = {synchronous};"
        ))
        .unwrap();
    for n in 0..10 {
        connection.execute("INSERT INTO t VALUES (?1)", [n]).unwrap();
    }
    disk.cut_power(survival);
    drop(connection);
    disk.start_again().unwrap();
    let connection = Connection::open(&path).unwrap();
    connection
        .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
        .unwrap()
}

#[test]
fn ok_a_power_cut_takes_what_was_not_synced_and_nothing_else() {
    for survival in [
        Survival::Nothing,
        Survival::Prefix,
        Survival::Anything,
        Survival::Everything,
    ] {
        assert_eq!(n_after_power_cut("FULL", survival), 10, "{survival:?}");
    }
    assert_eq!(n_after_power_cut("OFF", Survival::Nothing), 0);
    assert_eq!(n_after_power_cut("OFF", Survival::Everything), 10);
}

#[test]
fn ok_each_operation_fails_where_it_is_planned() {
    let check = |trouble, op, expect: &str| {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path(), 1).unwrap();
        let connection = Connection::open(folder.path().canonicalize().unwrap().join("x.db")).unwrap();
        connection
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (n)")
            .unwrap();
        disk.plan(Some(Fault {
            trouble,
            op: Some(op),
            n: 0,
            lasts: true,
        }));
        let error = connection.execute("INSERT INTO t VALUES (1)", []).unwrap_err();
        assert!(
            format!("{error:?}").contains(expect),
            "{trouble:?} {op:?}: {error:?}"
        );
        assert!(disk.n_failed() > 0);
        disk.repair();
        connection.execute("INSERT INTO t VALUES (1)", []).unwrap();
    };
    check(Trouble::Full, Op::Write, "DiskFull");
    check(Trouble::Io, Op::Write, "extended_code: 778");
    check(Trouble::Io, Op::Sync, "extended_code: 1034");
    check(Trouble::ReadOnly, Op::Write, "extended_code: 778");
    check(Trouble::Gone, Op::Write, "extended_code: 778");
}

/// What a failed sync did not write is gone, though a later sync says yes: as on Linux.
#[test]
fn ok_a_failed_sync_loses_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path(), 1).unwrap();
    let path = folder.path().canonicalize().unwrap().join("x.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n)")
        .unwrap();
    disk.plan(Some(Fault {
        trouble: Trouble::Io,
        op: Some(Op::Sync),
        n: 0,
        lasts: false,
    }));
    connection.execute("INSERT INTO t VALUES (1)", []).unwrap_err();
    disk.kill();
    drop(connection);
    disk.start_again().unwrap();
    // Read from the system's cache, and taken for written.
    let connection = Connection::open(&path).unwrap();
    let count = |connection: &Connection| -> i64 {
        connection
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(count(&connection), 1);
    connection
        .execute_batch("PRAGMA synchronous = FULL; INSERT INTO t VALUES (2)")
        .unwrap();
    disk.cut_power(Survival::Everything);
    drop(connection);
    disk.start_again().unwrap();
    assert_eq!(
        count(&Connection::open(&path).unwrap()),
        0,
        "a committed row went with the lost one"
    );
}
