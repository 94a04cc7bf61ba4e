//! **Here**: whether a journal's file is the one that was owned last, or a copy, or older: [`Identity`] in the file, [`Note`] beside it.
//! **Not here**: what follows (`journal` pauses), where the note is written (`lock`).
//! **Reads**: `mount` before it; `journal`, `lock` and `writer` after it.
//! **Source**: DESIGN section 5: what is copied starts paused, for somebody else may still send the same.
//!
//! A file's number alone will not do: that of a removed file is given to the next. So the moment at which it was made counts as well,
//! where the system tells it and nobody can set it (Linux). Network file systems and FUSE may number anew with each mount, where every
//! restart would look like a copy: there the moment counts alone. What a backup writes over the file itself is told by the lock file,
//! which says how far the journal had come. A whole disk that is copied, lock file and all, cannot be told.

use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::files::number;
use crate::mount;

/// In the place of a number: a backup that we made ourselves.
const BACKUP: i64 = -1;

/// What tells a file from its copies, as far as the system says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Identity {
    /// Its number on its disk.
    pub(crate) inode: Option<i64>,
    /// When it was made, in nanoseconds since 1970.
    pub(crate) born: Option<i64>,
}

impl Identity {
    /// That of no file: whoever opens a journal that has it opens a copy.
    pub(crate) const OF_A_BACKUP: Self = Self {
        inode: Some(BACKUP),
        born: Some(BACKUP),
    };

    pub(crate) fn of(path: &Path) -> Self {
        let inode = number(path)
            .filter(|_| mount::keeps_numbers(path))
            .map(|(_, number)| i64::try_from(number).unwrap_or(i64::MAX));
        Self {
            inode,
            born: born(path),
        }
    }

    /// Whether a file that is this one was another when it was owned last.
    fn was_another(self, known: Self) -> bool {
        let differ =
            |own: Option<i64>, known: Option<i64>| own.zip(known).is_some_and(|(own, known)| own != known);
        known == Self::OF_A_BACKUP || differ(self.born, known.born) || differ(self.inode, known.inode)
    }
}

/// Other systems let a copy keep the moment of its original.
fn born(path: &Path) -> Option<i64> {
    let made = std::fs::metadata(path).ok()?.created().ok()?;
    let since = made.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos())
        .ok()
        .filter(|at| cfg!(target_os = "linux") && *at > 0)
}

/// How far a journal has come: neither number ever falls.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Note {
    /// The owner's.
    pub(crate) epoch: u64,
    /// The latest that was given out: nothing is sent without a new one.
    pub(crate) fence: u64,
}

impl Note {
    /// As one line of the lock file.
    pub(crate) fn line(self) -> String {
        format!("epoch {} fence {}", self.epoch, self.fence)
    }

    /// Reads that line. One that was never written, or only in part, says nothing.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (epoch, fence) = line.strip_prefix("epoch ")?.split_once(" fence ")?;
        Some(Self {
            epoch: epoch.parse().ok()?,
            fence: fence.parse().ok()?,
        })
    }
}

/// Why a journal that was owned before should not send by itself; none where it is the one that was owned last.
pub(crate) fn why_not_send(
    own: Identity,
    known: Identity,
    stands: Note,
    noted: Option<Note>,
) -> Option<&'static str> {
    if own.was_another(known) {
        return Some(
            "the file is a copy, or was restored, or moved from another disk: another relay may still send the same",
        );
    }
    let fell_back = |noted: Note| stands.epoch < noted.epoch || stands.fence < noted.fence;
    noted.is_some_and(fell_back).then_some(
        "the file is older than the journal that was here last: what was sent since then would go out again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_whatever_is_told_of_both_must_be_the_same() {
        let check = |own: (Option<i64>, Option<i64>), known: (Option<i64>, Option<i64>), expect: bool| {
            let of = |(inode, born)| Identity { inode, born };
            assert_eq!(of(own).was_another(of(known)), expect, "{own:?} {known:?}");
        };
        check((Some(1), Some(10)), (Some(1), Some(10)), false);
        // The number of a removed file, given again.
        check((Some(1), Some(11)), (Some(1), Some(10)), true);
        // Copied within one tick of the clock of the file system.
        check((Some(2), Some(10)), (Some(1), Some(10)), true);
        // Where numbers do not last.
        check((None, Some(10)), (None, Some(10)), false);
        check((None, Some(11)), (None, Some(10)), true);
        check((Some(2), None), (Some(1), Some(10)), true);
        check((Some(1), None), (Some(1), None), false);
        check((Some(2), None), (Some(1), None), true);
        check((None, None), (Some(1), Some(10)), false);
        // Never owned by a program that noted it.
        check((Some(1), Some(10)), (None, None), false);
        check((None, None), (Some(BACKUP), Some(BACKUP)), true);
    }

    #[test]
    fn ok_a_journal_that_fell_back_is_told() {
        let check = |epoch: u64, fence: u64, noted: Option<(u64, u64)>, expect: bool| {
            let noted = noted.map(|(epoch, fence)| Note { epoch, fence });
            let own = Identity::default();
            let why = why_not_send(own, own, Note { epoch, fence }, noted);
            assert_eq!(why.is_some(), expect, "{epoch} {fence} {noted:?}");
        };
        check(3, 7, Some((3, 7)), false);
        // The note is written after the journal: a crash in between leaves it behind.
        check(4, 9, Some((3, 7)), false);
        check(3, 6, Some((3, 7)), true);
        check(2, 7, Some((3, 7)), true);
        check(1, 0, None, false);
    }

    #[test]
    fn ok_a_note_reads_back_and_parts_of_it_say_nothing() {
        let note = Note {
            epoch: 12,
            fence: u64::MAX,
        };
        assert_eq!(Note::parse(&note.line()), Some(note));
        for line in [
            "",
            "77",
            "epoch",
            "epoch 1",
            "epoch 1 fence",
            "epoch 1 fence ",
            "epoch x fence 1",
            "epoch 1 fence 1 more",
        ] {
            assert_eq!(Note::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn ok_a_copy_is_another_file_and_a_moved_one_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a"), "x").unwrap();
        let a = Identity::of(&path("a"));
        std::fs::copy(path("a"), path("b")).unwrap();
        let told = a != Identity::default();
        assert_eq!(Identity::of(&path("b")).was_another(a), told, "{a:?}");
        std::fs::rename(path("a"), path("c")).unwrap();
        assert!(!Identity::of(&path("c")).was_another(a));
    }
}
