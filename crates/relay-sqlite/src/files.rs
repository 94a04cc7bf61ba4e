//! **Here**: [`Files`], whether the journal's files are still the ones that were opened; the number of a file, and of its names.
//! **Not here**: what follows (`writer`).
//! **Reads**: nothing before it; `writer` asks it before it says that something is durable, `inode` and `lock` which file a name means.
//! **Source**: <https://www.sqlite.org/howtocorrupt.html> section 4.3, "unlinking or renaming a database file while in
//! use", read 2026-11-23: SQLite would go on writing to files that no longer have a name.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// The journal's file and its WAL, by number.
#[derive(Debug)]
pub(crate) struct Files {
    known: Vec<(PathBuf, Option<Number>)>,
}

/// The number of a file: of its device, and on it.
pub(crate) type Number = (u64, u64);

impl Files {
    /// Notes the files of an open journal, whose WAL exists by now.
    pub(crate) fn note(journal: &Path) -> Self {
        let mut wal = journal.as_os_str().to_owned();
        wal.push("-wal");
        let known = [journal.to_path_buf(), PathBuf::from(wal)].map(|path| {
            let number = number(&path);
            (path, number)
        });
        Self { known: known.into() }
    }

    /// Whether they are still there, and the same.
    pub(crate) fn are_there(&self) -> bool {
        self.known
            .iter()
            .all(|(path, noted)| noted.is_none() || number(path) == *noted)
    }
}

/// The number of the file that this name leads to.
pub(crate) fn number(path: &Path) -> Option<Number> {
    std::fs::metadata(path).ok().as_ref().and_then(number_of)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems tell none")]
pub(crate) fn number_of(found: &Metadata) -> Option<Number> {
    use std::os::unix::fs::MetadataExt;
    Some((found.dev(), found.ino()))
}

/// How many names (hard links) a file has.
#[cfg(unix)]
pub(crate) fn n_names(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).map_or(0, |found| found.nlink())
}

/// Elsewhere an open file cannot be removed.
#[cfg(not(unix))]
pub(crate) fn number_of(_found: &Metadata) -> Option<Number> {
    None
}

/// Not told on this system.
#[cfg(not(unix))]
pub(crate) fn n_names(_path: &Path) -> u64 {
    0
}
