//! **Here**: clauses of export, import and backup: whole or nothing, and what is taken over starts paused.
//! **Not here**: a backup as a file, which only its engine can open (the engine's own tests).
//! **Reads**: `trial`; `compaction` for an item that goes out.
//! **Source**: DESIGN section 5, `JournalAdmin`.

use std::io::{self, Cursor, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::dispatch::{Advice, Checked, Dispatched, Scope};
use crate::journal::item::{Item, ItemId, Phase};
use crate::journal::{
    AcceptBatch, Closing, Command, Fate, JournalAdmin, JournalError, Record, Settlement, Task,
};
use crate::lane::LaneMode;
use crate::retry::OnUnknown;
use crate::testing::contract::journal::admin::Administered;
use crate::testing::contract::journal::admin::compaction::sent;
use crate::testing::contract::journal::trial::{Trial, holds, same, secs};
use crate::testing::rows::Arrival;

/// What is written stays readable after the journal has taken the writer.
#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that takes so many bytes and no more.
#[derive(Debug)]
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(self.0);
        self.0 -= n;
        if n == 0 && !bytes.is_empty() {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything as text, and how many lines it has.
async fn export(t: &Trial<'_>, admin: &dyn JournalAdmin) -> String {
    let to = Shared::default();
    let lines = admin.export(Box::new(to.clone())).await;
    let text = String::from_utf8(to.0.lock().unwrap_or_else(PoisonError::into_inner).clone());
    holds!(t, text.is_ok(), "an export is UTF-8");
    let text = text.unwrap_or_default();
    let n = u64::try_from(text.lines().count()).unwrap_or_default();
    holds!(
        t,
        matches!(lines, Ok(lines) if lines == n),
        "{n} lines were written: {lines:?}"
    );
    text
}

async fn import(t: &Trial<'_>, admin: &dyn JournalAdmin, text: &str) -> Result<u64, JournalError> {
    admin
        .import(t.now, Box::new(Cursor::new(text.to_owned().into_bytes())))
        .await
}

async fn resume(t: &mut Trial<'_>) {
    let what = Closing::Journal;
    let written = t.command(Command::Resume { what }).await;
    holds!(t, written.is_ok(), "{written:?}");
}

/// A journal with something of everything: every phase, a parked item, two generations, unreadable and unwanted, a pause, a block.
async fn something_of_everything(t: &mut Trial<'_>) -> Vec<ItemId> {
    let unknown =
        |model: &str, policy: OnUnknown| Arrival::new(model, "1").with_policy(|with| with.unknown = policy);
    let blocked = Arrival::new("blocked", "1")
        .with_repository("octo/gone")
        .with_identity("other");
    let mut items = vec![
        sent(t, &Arrival::new("sent", "5")).await,
        t.arrive(&Arrival::new("sent", "4")).await,
        t.arrive(&Arrival::new("parked", "1").with_park("by its name"))
            .await,
        t.arrive(&Arrival::new("facts", "1").with_policy(|policy| policy.wants_facts = true))
            .await,
        t.arrive(&unknown("sending", OnUnknown::Park)).await,
        t.arrive(&unknown("probing", OnUnknown::Probe)).await,
        t.arrive(&blocked).await,
    ];
    t.judge().await;
    for work in t.sends().await {
        match work.about.1.as_deref() {
            Some("probing") => t.fail(&work, Advice::Unknown).await,
            Some("blocked") => t.fail(&work, Advice::Block(Scope::Target)).await,
            _ => {}
        }
    }
    let every = |version: &str| {
        Arrival::new("every \u{e9}\"\n", version).with_policy(|policy| policy.lane = LaneMode::Every)
    };
    items.push(t.arrive(&every("1")).await);
    items.push(t.arrive(&every("2").with_time(None)).await);
    let mut unwanted = Arrival::new("unwanted", "1").event();
    unwanted.wanted.clear();
    let batch = AcceptBatch {
        now: t.now,
        events: vec![unwanted],
        unreadable: vec![("\u{0}not \"an event\n".to_owned(), "no id".to_owned())],
        keep_unreadable: (10, 10_000),
    };
    t.accept_batch(batch).await;
    for (identity, repository) in [("other", "octo/gone"), ("default", "octo/app")] {
        let what = Closing::Target {
            identity: identity.to_owned(),
            repository: repository.to_owned(),
        };
        let why = "on purpose".to_owned();
        let written = t.command(Command::Pause { what, why }).await;
        holds!(t, written.is_ok(), "{written:?}");
    }
    items
}

/// An export, imported, is the same journal: events, items, history, what was kept aside, targets, principals, attempts and marks, each
/// with its number. What comes next gets the next number, and what was known is known.
pub async fn an_export_is_taken_over_whole(journal: &dyn Administered, other: &dyn Administered) {
    let mut t = Trial::new("an_export_is_taken_over_whole", journal);
    something_of_everything(&mut t).await;
    let text = export(&t, journal).await;
    same!(t, export(&t, journal).await, text, "an export changes nothing");
    let mut o = Trial::new("an_export_is_taken_over_whole", other);
    o.now = t.now;
    let n = import(&o, other, &text).await;
    let n_lines = u64::try_from(text.lines().count()).unwrap_or_default();
    holds!(
        o,
        matches!(n, Ok(n) if n == n_lines),
        "all of it is taken over: {n:?}"
    );
    same!(o, o.items().await, t.items().await, "items");
    same!(o, o.events().await, t.events().await, "events");
    same!(
        o,
        o.unreadable().await,
        t.unreadable().await,
        "what was kept aside"
    );
    let (mut there, here) = (o.history().await, t.history().await);
    let last = there.pop();
    same!(o, there, here, "history");
    holds!(
        o,
        last.is_some_and(|row| row.seq > here.len() as i64),
        "and the import in it"
    );
    let (mut there, here) = (o.overview().await, t.overview().await);
    there.pause = None;
    same!(o, there, here, "targets, principals and counts");
    // Everything else, such as attempts and marks: another export says the same, but for the journal as a whole and what was added.
    let again = export(&o, other).await;
    let lines = |text: &str| -> Vec<String> {
        let kept = text.lines().filter(|line| !line.contains("\"row\":\"meta\""));
        kept.map(str::to_owned).collect()
    };
    let (there, here) = (lines(&again), lines(&text));
    let n_rows = here.len() - 1;
    same!(o, there.get(..n_rows), here.get(..n_rows), "line by line");
    let known = Arrival::new("sent", "5").event();
    let fates = o.accept(vec![known]).await;
    same!(o, fates, [Fate::SeenAgain], "what was known is known");
    let new = o.arrive(&Arrival::new("new", "1")).await;
    holds!(
        o,
        t.items().await.iter().all(|item| item.id < new),
        "the next number"
    );
    let late = o.arrive(&Arrival::new("sent", "3")).await;
    o.expect_verdict(late, "superseded").await;
    o.finish().await;
    t.finish().await;
}

/// What is imported sends nothing, also what it accepts then, until a person resumes it; runs are looked for meanwhile.
pub async fn what_is_imported_starts_paused(journal: &dyn Administered, other: &dyn Administered) {
    let mut t = Trial::new("what_is_imported_starts_paused", journal);
    let waits = t.arrive(&Arrival::new("waits", "1")).await;
    let lost = t.arrive(&Arrival::new("lost", "1")).await;
    t.open().await;
    for work in t.sends().await {
        if work.item.id == lost {
            t.fail(&work, Advice::Unknown).await;
        } else {
            t.fail(&work, Advice::NotSent).await;
        }
    }
    let text = export(&t, journal).await;
    let mut o = Trial::new("what_is_imported_starts_paused", other);
    o.now = t.now.after(secs(3_600));
    let imported = import(&o, other, &text).await;
    holds!(o, imported.is_ok(), "{imported:?}");
    let pause = o.overview().await.pause;
    holds!(
        o,
        pause
            .as_ref()
            .is_some_and(|pause| pause.why.contains("imported") && pause.since == o.now),
        "it says why, and since when: {pause:?}"
    );
    let new = o.arrive(&Arrival::new("new", "1")).await;
    let looks = o.looks().await;
    holds!(
        o,
        looks.len() > 1,
        "targets are checked, and runs are looked for: {looks:?}"
    );
    for look in looks {
        if let Task::Check(target) = look {
            let result = Ok(Checked {
                shows_relay_id: Some(true),
                remarks: Vec::new(),
            });
            o.record(Record::Checked {
                target: target.key,
                result,
            })
            .await;
        }
    }
    o.send_nothing("it is paused").await;
    resume(&mut o).await;
    same!(
        o,
        o.sent_ids().await,
        [waits, new],
        "what waited, and what came since"
    );
    o.finish().await;
    t.finish().await;
}

/// Whoever worked for the journal that was exported can write nothing into the imported one: an attempt of his is unknown there.
pub async fn an_import_ends_every_lease(journal: &dyn Administered, other: &dyn Administered) {
    let mut t = Trial::new("an_import_ends_every_lease", journal);
    let item = t.arrive_version("1").await;
    t.open().await;
    let work = t.send(item).await;
    let text = export(&t, journal).await;
    let mut o = Trial::new("an_import_ends_every_lease", other);
    o.now = t.now;
    let imported = import(&o, other, &text).await;
    holds!(o, imported.is_ok(), "{imported:?}");
    let dispatched = Settlement::Dispatched {
        item,
        fence: work.fence,
        answer: Dispatched::default(),
    };
    let written = o.settle(dispatched).await;
    same!(o, written.fenced, [item], "his fence is an old one");
    o.open().await;
    o.expect_phase(item, Phase::Probing).await;
    let new = o.arrive(&Arrival::new("n", "1")).await;
    resume(&mut o).await;
    let next = o.send(new).await;
    holds!(
        o,
        next.fence > work.fence,
        "fences go on: {} {}",
        next.fence,
        work.fence
    );
    t.dispatched(&work).await;
    o.finish().await;
    t.finish().await;
}

/// A line of versions is taken over as it stood: held by what parked, and in its order; what is compacted leaves it as it is.
pub async fn a_line_is_taken_over_as_it_stood(journal: &dyn Administered, other: &dyn Administered) {
    let mut t = Trial::new("a_line_is_taken_over_as_it_stood", journal);
    let every =
        |version: &str| Arrival::new("m", version).with_policy(|policy| policy.lane = LaneMode::Every);
    let v1 = t.arrive(&every("1").with_park("not decided")).await;
    let (v4, v2) = (t.arrive(&every("4")).await, t.arrive(&every("2")).await);
    let v3 = t.arrive(&every("3")).await;
    let text = export(&t, journal).await;
    let mut o = Trial::new("a_line_is_taken_over_as_it_stood", other);
    o.now = t.now.after(secs(60));
    let imported = import(&o, other, &text).await;
    holds!(o, imported.is_ok(), "{imported:?}");
    resume(&mut o).await;
    for (t, admin) in [(&mut t, journal), (&mut o, other)] {
        t.open().await;
        t.send_nothing("a person must decide about version 1").await;
        let (item, why) = (v1, "broken".to_owned());
        let written = t.command(Command::Refuse { item, why }).await;
        holds!(t, written.is_ok(), "{written:?}");
        t.advance(secs(3_600));
        let compacted = admin.compact(t.now, 100).await;
        holds!(
            t,
            compacted.as_ref().is_ok_and(|compacted| compacted.items == 1),
            "version 1 is removed: {compacted:?}"
        );
        for item in [v2, v3, v4] {
            let work = t.send(item).await;
            t.dispatched(&work).await;
        }
    }
}

/// What is not a whole export, in whatever way, is refused with the number of the line; nothing of it is kept.
pub async fn an_import_is_whole_or_nothing(journal: &dyn Administered, other: &dyn Administered) {
    let mut t = Trial::new("an_import_is_whole_or_nothing", journal);
    something_of_everything(&mut t).await;
    let text = export(&t, journal).await;
    let lines: Vec<&str> = text.lines().collect();
    let join = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let mut broken: Vec<String> = vec![
        String::new(),
        "\n".to_owned(),
        "no JSON\n".to_owned(),
        "{\"row\":\"of a later version\"}\n".to_owned(),
        text.replacen("\"format\":1", "\"format\":2", 1),
        format!("{text}{text}").replacen("\"row\":\"end\"", "\"row\":\"start\"", 1),
        text.trim_end().to_owned(),
        text.get(..text.len() / 2).unwrap_or_default().to_owned(),
    ];
    for n in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(n);
        broken.push(join(&without));
        let mut twice = lines.clone();
        twice.insert(n, lines.get(n).copied().unwrap_or_default());
        broken.push(join(&twice));
    }
    let mut o = Trial::new("an_import_is_whole_or_nothing", other);
    o.now = t.now;
    for (n, text) in broken.iter().enumerate() {
        match import(&o, other, text).await {
            Err(JournalError::Refused { why }) => {
                holds!(
                    o,
                    why.contains("line "),
                    "broken export {n}: {why:?} names no line"
                );
            }
            result => holds!(o, false, "broken export {n} is refused, and not {result:?}"),
        }
        same!(
            o,
            (o.items().await.len(), o.history().await.len()),
            (0, 0),
            "nothing is kept"
        );
        same!(o, o.overview().await.pause, None, "nor a pause");
    }
    let imported = import(&o, other, &text).await;
    holds!(o, imported.is_ok(), "the whole one is taken then: {imported:?}");
    o.finish().await;
    t.finish().await;
}

/// Two journals are never made one.
pub async fn a_journal_that_holds_something_takes_no_import(
    journal: &dyn Administered,
    other: &dyn Administered,
) {
    let mut t = Trial::new("a_journal_that_holds_something_takes_no_import", journal);
    t.arrive_version("1").await;
    let text = export(&t, journal).await;
    let mut o = Trial::new("a_journal_that_holds_something_takes_no_import", other);
    let mut unwanted = Arrival::new("unwanted", "1").event();
    unwanted.wanted.clear();
    o.accept(vec![unwanted]).await;
    let before = (o.events().await, o.history().await);
    for (journal, trial) in [(other, &o), (journal, &t)] {
        match import(trial, journal, &text).await {
            Err(JournalError::Refused { why }) => {
                holds!(trial, why.contains("holds something"), "{why}");
            }
            result => holds!(trial, false, "it is refused, and not {result:?}"),
        }
    }
    same!(
        o,
        (o.events().await, o.history().await),
        before,
        "it is as it was"
    );
    o.finish().await;
    t.finish().await;
}

/// An export that cannot be written says so, wherever it ends, and the journal goes on.
pub async fn an_export_that_cannot_be_written_fails(journal: &dyn Administered, _: &dyn Administered) {
    let mut t = Trial::new("an_export_that_cannot_be_written_fails", journal);
    something_of_everything(&mut t).await;
    let text = export(&t, journal).await;
    for room in [0, 1, 100, text.len() / 2, text.len() - 1] {
        let result = journal.export(Box::new(Full(room))).await;
        holds!(
            t,
            matches!(result, Err(JournalError::Unavailable { .. })),
            "with room for {room} bytes it fails: {result:?}"
        );
    }
    let result = journal.export(Box::new(Full(text.len()))).await;
    holds!(
        t,
        result.is_ok(),
        "with room for all of it it does not: {result:?}"
    );
    t.arrive_version("1").await;
    t.finish().await;
}

/// A backup that cannot be made says so; a journal without a file always does.
pub async fn a_backup_that_cannot_be_made_fails(journal: &dyn Administered, _: &dyn Administered) {
    let mut t = Trial::new("a_backup_that_cannot_be_made_fails", journal);
    let item = t.arrive_version("1").await;
    let nowhere = Path::new("no such folder of a contract").join("copy");
    let result = journal.back_up(&nowhere).await;
    holds!(t, result.is_err(), "there is no such folder");
    let before: Item = t.item(item).await;
    same!(t, before.phase, Phase::Waiting, "the journal goes on");
    t.finish().await;
}
