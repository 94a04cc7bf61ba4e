//! **Here**: a process that is killed while it accepts, and a WAL whose end is torn.
//! **Not here**: a machine that loses power (nothing here can take the disk's cache away).
//! **Reads**: `support`.
//! **Source**: DESIGN section 2: what was answered 2xx survives.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use relay_core::journal::item::EventSeq;
use relay_core::journal::scan::{Page, ScanQuery};
use relay_core::journal::{Fate, Journal};
use relay_sqlite::{Health, OpenError, OpenOptions, SqliteJournal};

use crate::support::{Lcg, at, batch, event, folder, open};

/// Its content is the number of the round; the child looks for it where it was started.
const ROUND: &str = "accept-until-killed";

async fn keys(journal: &dyn Journal) -> BTreeSet<String> {
    match journal
        .scan(ScanQuery::Events {
            after: EventSeq(0),
            limit: usize::MAX,
        })
        .await
        .unwrap()
    {
        Page::Events(events) => events.into_iter().map(|event| event.key).collect(),
        other => panic!("not events: {other:?}"),
    }
}

fn wait_for_check(journal: &SqliteJournal) -> Health {
    while journal.health() == Health::Checking {
        std::thread::yield_now();
    }
    journal.health()
}

/// What the killed process does. Started by the harness without the file, it has nothing to do.
#[tokio::test]
async fn child_accepts_until_it_is_killed() {
    let Ok(round) = std::fs::read_to_string(ROUND) else {
        return;
    };
    let journal = Arc::new(open(&Path::new("relay.db").to_path_buf()));
    let accepting = (0..4).map(|task| {
        let (journal, round) = (Arc::clone(&journal), round.clone());
        tokio::spawn(async move {
            for n in 0..100_000 {
                let id = format!("{round}-{task}-{n}");
                let accepted = journal
                    .accept(batch(at(0), vec![event(&id, &id, "1")]))
                    .await
                    .unwrap();
                assert!(matches!(accepted.fates[0], Fate::Accepted { .. }));
                // A parent that has gone ends this by a broken pipe.
                writeln!(std::io::stdout(), "acknowledged /w {id}").unwrap();
            }
        })
    });
    for task in accepting.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// Another process that carries out one test of this file, in this folder.
fn spawn(test: &str, folder: &Path) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("crash::{test}"), "--nocapture"])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

/// The harness writes the name of the test into the first line.
fn acknowledged_in(line: &str) -> Option<String> {
    line.split_once("acknowledged ").map(|(_, key)| key.to_owned())
}

#[tokio::test]
async fn ok_what_was_acknowledged_survives_kill_9() {
    let (folder, path) = folder();
    let mut random = Lcg(7);
    let mut acknowledged = BTreeSet::new();
    for round in 0..8 {
        std::fs::write(folder.path().join(ROUND), round.to_string()).unwrap();
        let (mut child, mut lines) = spawn("child_accepts_until_it_is_killed", folder.path());
        let n_before = acknowledged.len();
        let mut note = |line: String| {
            acknowledged.extend(acknowledged_in(&line));
        };
        for _ in 0..random.below(150) + 2 {
            note(lines.next().unwrap().unwrap());
        }
        child.kill().unwrap();
        lines.map_while(Result::ok).for_each(&mut note);
        child.wait().unwrap();
        assert!(
            acknowledged.len() > n_before,
            "round {round} acknowledged nothing"
        );

        let journal = open(&path);
        let kept = keys(&journal).await;
        let lost: Vec<_> = acknowledged.difference(&kept).collect();
        assert!(lost.is_empty(), "round {round} lost {lost:?}");
        assert_eq!(wait_for_check(&journal), Health::Sound, "round {round}");
    }
}

/// Neither a second name nor a removed lock file lets anybody in beside another process, and kill -9 frees it for good.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn err_another_process_owns_the_file_and_not_its_name() {
    let (folder, path) = folder();
    let other = path.with_file_name("other.db");
    std::fs::write(folder.path().join(ROUND), "1").unwrap();
    let (mut child, mut lines) = spawn("child_accepts_until_it_is_killed", folder.path());
    let mut acknowledged = BTreeSet::new();
    while acknowledged.len() < 5 {
        acknowledged.extend(acknowledged_in(&lines.next().unwrap().unwrap()));
    }
    std::fs::hard_link(&path, &other).unwrap();
    std::fs::write(path.with_file_name("other.db.lock"), "").unwrap();
    std::fs::remove_file(path.with_file_name("relay.db.lock")).unwrap();
    // By a name without a lock file it is refused in any case; so give it one.
    std::fs::write(path.with_file_name("relay.db.lock"), "77").unwrap();
    for name in [&other, &path] {
        let options = OpenOptions::new().with_lock_wait(Duration::from_millis(60));
        let error = SqliteJournal::open(name, options).unwrap_err();
        assert!(matches!(error, OpenError::Held { pid: None, .. }), "{error:?}");
    }
    child.kill().unwrap();
    lines
        .map_while(Result::ok)
        .for_each(|line| acknowledged.extend(acknowledged_in(&line)));
    child.wait().unwrap();
    let journal = open(&path);
    let kept = keys(&journal).await;
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(wait_for_check(&journal), Health::Sound);
}

/// The header is among the first pages that a checkpoint moves; who is stopped after it leaves a file that is shorter than it says, or a
/// header that is torn. The WAL still has all of it.
#[tokio::test]
async fn ok_a_file_that_was_left_in_the_middle_of_a_checkpoint_is_opened() {
    let (_folder, path) = folder();
    let journal = open(&path);
    for n in 0..12 {
        let id = n.to_string();
        journal
            .accept(batch(at(0), vec![event(&id, &id, "1")]))
            .await
            .unwrap();
    }
    let (file, wal) = (
        std::fs::read(&path).unwrap(),
        std::fs::read(path.with_file_name("relay.db-wal")).unwrap(),
    );
    let mut longer = file.clone();
    longer[28..32].copy_from_slice(&4_000_u32.to_be_bytes());
    let mut torn = file.clone();
    torn[..512].fill(0xA5);
    for left in [longer, torn] {
        let (_folder, path) = folder();
        std::fs::write(&path, &left).unwrap();
        // Without the WAL it is refused, and not touched.
        let error = SqliteJournal::open(&path, OpenOptions::new()).unwrap_err();
        assert!(
            matches!(error, OpenError::Store { .. } | OpenError::NotAJournal { .. }),
            "{error:?}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), left);
        std::fs::write(path.with_file_name("relay.db-wal"), &wal).unwrap();
        let journal = open(&path);
        assert_eq!(keys(&journal).await.len(), 12);
        assert_eq!(wait_for_check(&journal), Health::Sound);
    }
}

#[tokio::test]
async fn ok_a_torn_wal_loses_only_what_was_torn_off() {
    let (_folder, path) = folder();
    let journal = open(&path);
    let wal = path.with_file_name("relay.db-wal");
    // After each commit: how long the WAL is, and so which lengths hold how many events whole.
    let mut n_pages = Vec::new();
    for n in 0..12 {
        journal
            .accept(batch(at(0), vec![event(&n.to_string(), &n.to_string(), "1")]))
            .await
            .unwrap();
        n_pages.push(std::fs::metadata(&wal).unwrap().len());
    }
    let (file, whole) = (std::fs::read(&path).unwrap(), std::fs::read(&wal).unwrap());
    let mut random = Lcg(11);
    let mut lengths: Vec<usize> = (0..24)
        .map(|_| usize::try_from(random.below(whole.len() as u64)).unwrap())
        .collect();
    lengths.extend([
        0,
        1,
        31,
        32,
        33,
        whole.len() - 4_096,
        whole.len() - 1,
        whole.len(),
    ]);
    for length in lengths {
        for garbage in [false, true] {
            let (_folder, path) = folder();
            std::fs::write(&path, &file).unwrap();
            let mut torn = whole[..length].to_vec();
            if garbage {
                torn.extend(std::iter::repeat_n(0xA5, whole.len() - length));
            }
            std::fs::write(path.with_file_name("relay.db-wal"), torn).unwrap();
            let journal = open(&path);
            let kept = keys(&journal).await;
            let whole_commits = n_pages.iter().filter(|&&end| end <= length as u64).count();
            let expect: BTreeSet<String> = (0..whole_commits).map(|n| format!("/w {n}")).collect();
            assert_eq!(
                kept,
                expect,
                "{length} of {} bytes, garbage {garbage}",
                whole.len()
            );
            // What was torn off may come again.
            let again = (0..12)
                .map(|n| event(&n.to_string(), &n.to_string(), "1"))
                .collect();
            journal.accept(batch(at(1), again)).await.unwrap();
            assert_eq!(keys(&journal).await.len(), 12);
            assert_eq!(wait_for_check(&journal), Health::Sound, "{length}");
        }
    }
}
