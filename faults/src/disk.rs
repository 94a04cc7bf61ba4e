//! **Here**: [`Disk`], a folder whose storage fails by a [`Fault`]: what each operation is told, and the files after a power cut.
//! **Not here**: the calls of SQLite (`vfs`), what of a file survives (`image`), what must hold (`judge`).
//! **Reads**: `image` before it; `vfs` asks it before each operation.
//! **Source**: <https://www.sqlite.org/c3ref/io_methods.html>; what its own VFS answers (`os_unix.c`), read 2026-11-27.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::ffi;

use crate::image::{Dice, Image, Survival};
use crate::vfs;

/// What SQLite asks of storage.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the operations that a fault may hit, each of them a test"
)]
pub enum Op {
    /// Opens a file.
    Open,
    /// Reads from it.
    Read,
    /// Writes to it.
    Write,
    /// Syncs it.
    Sync,
    /// Changes its length.
    Truncate,
    /// Deletes it.
    Delete,
    /// Maps the index of the WAL.
    Map,
    /// Locks it.
    Lock,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Read,
        Self::Write,
        Self::Sync,
        Self::Truncate,
        Self::Delete,
        Self::Map,
        Self::Lock,
    ];

    /// Whether it changes what is on the disk.
    #[must_use]
    pub const fn is_change(self) -> bool {
        matches!(self, Self::Write | Self::Sync | Self::Truncate | Self::Delete)
    }

    /// The I/O error that SQLite's own VFS gives.
    const fn error(self) -> i32 {
        match self {
            Self::Open => ffi::SQLITE_CANTOPEN,
            Self::Read => ffi::SQLITE_IOERR_READ,
            Self::Write => ffi::SQLITE_IOERR_WRITE,
            Self::Sync => ffi::SQLITE_IOERR_FSYNC,
            Self::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
            Self::Delete => ffi::SQLITE_IOERR_DELETE,
            Self::Map => ffi::SQLITE_IOERR_SHMMAP,
            Self::Lock => ffi::SQLITE_IOERR_LOCK,
        }
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the kinds of faults, each of them a test")]
pub enum Trouble {
    /// The disk is full: a write stops somewhere in the middle.
    Full,
    /// An operation of this kind fails with its own I/O error: a write stops in the middle, and what a failed sync did not write is lost
    /// though later syncs say yes.
    Io,
    /// The file system has become read-only, as Linux makes it after an error: writes fail, files open for reading only.
    ReadOnly,
    /// Nothing works any more: the device is gone.
    Gone,
    /// The process ends here, as by `kill -9`: what it wrote is in the system's cache, synced or not.
    Kill,
    /// The machine loses its power here.
    PowerCut(Survival),
}

impl Trouble {
    /// What an operation is told while it lasts, or nothing.
    const fn error(self, hit: Op, op: Op) -> Option<i32> {
        match (self, op) {
            (Self::Full, Op::Write) => Some(ffi::SQLITE_FULL),
            (Self::Full, Op::Map) => Some(ffi::SQLITE_IOERR_SHMSIZE),
            (Self::ReadOnly, Op::Write | Op::Truncate | Op::Delete) | (Self::Gone, _) => Some(op.error()),
            (Self::Io, _) if op as u8 == hit as u8 => Some(op.error()),
            _ => None,
        }
    }
}

/// Which operation goes wrong, and how.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a point, and what happens there")]
pub struct Fault {
    /// What happens.
    pub trouble: Trouble,
    /// Which operations are counted; none for everything that changes the disk.
    pub op: Option<Op>,
    /// At which of them, from 0.
    pub n: usize,
    /// Whether it goes on until it is repaired.
    pub lasts: bool,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trouble,
            op,
            n,
            lasts,
        } = self;
        let last = if *lasts { ", and goes on" } else { "" };
        match op {
            Some(op) => write!(f, "{trouble:?} at {op:?} {n}{last}"),
            None => write!(f, "{trouble:?} at change {n}{last}"),
        }
    }
}

/// How many operations there were of each kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts([usize; 8]);

impl Counts {
    /// Of this kind.
    #[must_use]
    pub fn of(&self, op: Op) -> usize {
        self.0.get(op as usize).copied().unwrap_or(0)
    }

    /// Of those that change the disk.
    #[must_use]
    pub fn changes(&self) -> usize {
        Op::ALL
            .into_iter()
            .filter(|op| op.is_change())
            .map(|op| self.of(op))
            .sum()
    }

    fn add(&mut self, op: Op) {
        if let Some(n) = self.0.get_mut(op as usize) {
            *n += 1;
        }
    }
}

/// A folder whose storage fails by plan. SQLite's files in it are counted and watched; other folders are as they always are.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    inner: Arc<Inner>,
}

/// The state, shared with the files that SQLite has open.
#[derive(Debug)]
pub(crate) struct Inner(Mutex<State>);

#[derive(Debug)]
struct State {
    files: BTreeMap<PathBuf, Image>,
    counts: Counts,
    dice: Dice,
    fault: Option<Fault>,
    /// The operation that was hit, while it goes on.
    hit: Option<Op>,
    n_failed: usize,
    /// The process can do nothing any more; and, after a power cut, what survived it.
    ended: Option<Option<Survival>>,
}

/// What the VFS does with one operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Proceed,
    /// Opened for reading only.
    ReadOnly,
    Fail(i32),
    /// That many bytes are written before it fails.
    FailAfter(usize, i32),
}

impl Disk {
    /// A disk that works, over this folder, with its random numbers from here. Everything that SQLite opens in this process afterwards
    /// goes through it, where it lies in this folder.
    ///
    /// # Errors
    /// The folder is not there, or SQLite would not take the VFS.
    pub fn new(folder: &Path, seed: u64) -> std::io::Result<Self> {
        let folder = folder.canonicalize()?;
        let inner = Arc::new(Inner(Mutex::new(State {
            files: BTreeMap::new(),
            counts: Counts::default(),
            dice: Dice::new(seed),
            fault: None,
            hit: None,
            n_failed: 0,
            ended: None,
        })));
        vfs::install(&folder, &inner)?;
        Ok(Self { folder, inner })
    }

    /// Goes wrong like this, and counts from 0 again.
    pub fn plan(&self, fault: Option<Fault>) {
        let mut state = self.inner.state();
        state.counts = Counts::default();
        state.fault = fault;
        state.hit = None;
    }

    /// Everything works again, and nothing is planned.
    pub fn repair(&self) {
        let mut state = self.inner.state();
        state.fault = None;
        state.hit = None;
    }

    /// What was counted since the last plan.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.inner.state().counts
    }

    /// How many operations were told that they failed.
    #[must_use]
    pub fn n_failed(&self) -> usize {
        self.inner.state().n_failed
    }

    /// Whether a fault that lasts is there now.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.inner.state().hit.is_some()
    }

    /// The process ends here: nothing that it still does reaches the files.
    pub fn kill(&self) {
        self.inner.state().ended.get_or_insert(None);
    }

    /// The power goes here.
    pub fn cut_power(&self, survival: Survival) {
        self.inner.state().ended = Some(Some(survival));
    }

    /// Whether the process or the machine has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.inner.state().ended.is_some()
    }

    /// Starts again, after everything that was open has been closed: the files are what the power cut has left of them.
    ///
    /// # Errors
    /// They could not be written.
    pub fn start_again(&self) -> std::io::Result<()> {
        let mut state = self.inner.state();
        let State {
            files, dice, ended, ..
        } = &mut *state;
        if let Some(Some(survival)) = ended.take() {
            for (path, image) in &mut *files {
                match image.survive(survival, dice) {
                    // The same file with another content: a journal knows its own by its number.
                    Some(bytes) => std::fs::write(path, bytes)?,
                    None if path.exists() => std::fs::remove_file(path)?,
                    None => {}
                }
            }
            files.clear();
        }
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        vfs::forget(&self.folder);
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before a file is opened: `length` is what it has, or none where there is no file.
    pub(crate) fn open(&self, path: &Path, content: impl FnOnce() -> Option<Vec<u8>>) -> Verdict {
        let mut state = self.state();
        let verdict = state.ask(Op::Open);
        if verdict == Verdict::Proceed {
            let is_there = path.exists();
            match state.files.get_mut(path) {
                Some(_) if is_there => {}
                Some(image) => image.create(),
                None => {
                    let image = match content() {
                        Some(bytes) if !bytes.is_empty() => Image::of(bytes),
                        _ => {
                            let mut image = Image::default();
                            image.create();
                            image
                        }
                    };
                    state.files.insert(path.to_path_buf(), image);
                }
            }
        }
        verdict
    }

    /// Before an operation that changes nothing.
    pub(crate) fn ask(&self, op: Op) -> Verdict {
        self.state().ask(op)
    }

    pub(crate) fn write(&self, path: &Path, at: usize, bytes: &[u8]) -> Verdict {
        let mut state = self.state();
        let mut verdict = state.ask(Op::Write);
        let ended = state.ended.is_some();
        if let Verdict::Fail(code) = verdict
            && !ended
        {
            verdict = Verdict::FailAfter(state.dice.index(bytes.len()), code);
        }
        let written = match verdict {
            Verdict::Proceed => Some(bytes),
            Verdict::FailAfter(n, _) => bytes.get(..n),
            _ => None,
        };
        if let (Some(written), Some(image)) = (written, state.files.get_mut(path)) {
            image.write(at, written);
        }
        verdict
    }

    pub(crate) fn truncate(&self, path: &Path, length: usize) -> Verdict {
        self.change(path, Op::Truncate, |image| image.truncate(length))
    }

    /// Whether the folder is synced with it.
    pub(crate) fn delete(&self, path: &Path, with_folder: bool) -> Verdict {
        self.change(path, Op::Delete, |image| image.delete(with_folder))
    }

    /// A new journal or WAL is synced with its folder, and so with every name in it; the database's own file is not.
    pub(crate) fn sync(&self, path: &Path, with_folder: bool) -> Verdict {
        let mut state = self.state();
        let verdict = state.ask(Op::Sync);
        let State { files, ended, .. } = &mut *state;
        match verdict {
            Verdict::Proceed => {
                if with_folder {
                    files.values_mut().for_each(Image::sync_name);
                }
                if let Some(image) = files.get_mut(path) {
                    image.sync();
                }
            }
            _ if ended.is_none() => {
                if let Some(image) = files.get_mut(path) {
                    image.lose();
                }
            }
            _ => {}
        }
        verdict
    }

    fn change(&self, path: &Path, op: Op, change: impl FnOnce(&mut Image)) -> Verdict {
        let mut state = self.state();
        let verdict = state.ask(op);
        if verdict == Verdict::Proceed
            && let Some(image) = state.files.get_mut(path)
        {
            change(image);
        }
        verdict
    }
}

impl State {
    fn ask(&mut self, op: Op) -> Verdict {
        if self.ended.is_some() {
            return Verdict::Fail(op.error());
        }
        let n = self.counts.of(op);
        let n_changes = self.counts.changes();
        self.counts.add(op);
        let Some(fault) = self.fault else {
            return Verdict::Proceed;
        };
        let is_hit = match fault.op {
            Some(counted) => counted == op && n == fault.n,
            None => op.is_change() && n_changes == fault.n,
        };
        if is_hit {
            match fault.trouble {
                Trouble::Kill => self.ended = Some(None),
                Trouble::PowerCut(survival) => self.ended = Some(Some(survival)),
                _ => {}
            }
            if fault.lasts {
                self.hit = Some(op);
            }
        }
        let hit = if is_hit { Some(op) } else { self.hit };
        if self.ended.is_some() {
            self.n_failed += 1;
            return Verdict::Fail(op.error());
        }
        let Some(hit) = hit else {
            return Verdict::Proceed;
        };
        if fault.trouble == Trouble::ReadOnly && op == Op::Open {
            return Verdict::ReadOnly;
        }
        match fault.trouble.error(hit, op) {
            Some(code) => {
                self.n_failed += 1;
                Verdict::Fail(code)
            }
            None => Verdict::Proceed,
        }
    }
}
