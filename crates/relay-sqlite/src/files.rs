//! **Here**: [`Files`], whether the journal's files are still the ones that were opened; numbers and names of files.
//! **Not here**: what follows (`writer`).
//! **Reads**: nothing before it; `writer` asks it before it says that something is durable, `lock` before it locks.
//! **Source**: <https://www.sqlite.org/howtocorrupt.html> section 4.3, "unlinking or renaming a database file while in
//! use", read 2026-11-23: SQLite would go on writing to files that no longer have a name.

use std::path::{Path, PathBuf};

/// The journal's file and its WAL, by number.
#[derive(Debug)]
pub(crate) struct Files {
    known: Vec<(PathBuf, Option<Number>)>,
}

type Number = (u64, u64);

impl Files {
    /// Notes the files of an open journal, whose WAL exists by now.
    pub(crate) fn note(journal: &Path) -> Self {
        let mut wal = journal.as_os_str().to_owned();
        wal.push("-wal");
        let mut paths = vec![journal.to_path_buf(), PathBuf::from(wal)];
        if !cfg!(target_os = "linux") {
            // There only its name keeps a second owner away.
            paths.push(crate::lock::lock_path(journal));
        }
        let known = paths.into_iter().map(|path| {
            let number = number(&path);
            (path, number)
        });
        Self {
            known: known.collect(),
        }
    }

    /// Whether they are still there, and the same.
    pub(crate) fn are_there(&self) -> bool {
        self.known
            .iter()
            .all(|(path, noted)| noted.is_none() || number(path) == *noted)
    }
}

/// Whether an open file is the one that has this name.
#[cfg(unix)]
pub(crate) fn is_at(file: &std::fs::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let open = file.metadata().map(|found| (found.dev(), found.ino()));
    open.ok() == number(path)
}

/// Elsewhere an open file cannot be removed.
#[cfg(not(unix))]
pub(crate) const fn is_at(_file: &std::fs::File, _path: &Path) -> bool {
    true
}

/// How many names a file has; none when it is not there.
#[cfg(unix)]
pub(crate) fn n_names(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|found| found.nlink())
}

/// Elsewhere it is not asked.
#[cfg(not(unix))]
pub(crate) const fn n_names(_path: &Path) -> Option<u64> {
    None
}

#[cfg(unix)]
fn number(path: &Path) -> Option<Number> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path)
        .ok()
        .map(|found| (found.dev(), found.ino()))
}

/// Elsewhere an open file cannot be removed.
#[cfg(not(unix))]
fn number(_path: &Path) -> Option<Number> {
    None
}
