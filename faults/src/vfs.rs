//! **Here**: a VFS that stands before SQLite's own as the default of this process, and asks a [`Disk`](crate::disk::Disk) before each
//! operation on files of that disk's folder. The only unsafe code of the workspace.
//! **Not here**: what fails (`disk`); any folder without a disk, whose files are SQLite's own.
//! **Reads**: `disk`.
//! **Source**: <https://www.sqlite.org/vfs.html> and `test_vfs.c` beside it, read 2026-11-27.
//!
//! A file of this VFS is a [`File`] with the file of SQLite's VFS behind it in the same block of memory, which SQLite allocates by
//! `szOsFile`. Nothing is really synced: what a sync is worth is for the disk to say.
#![expect(
    unsafe_code,
    reason = "SQLite's VFS is a table of C functions; this is unpublished support of tests"
)]

use std::collections::BTreeMap;
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use crate::disk::{Inner, Op, Verdict};

/// The disks by folder.
static DISKS: Mutex<BTreeMap<PathBuf, Weak<Inner>>> = Mutex::new(BTreeMap::new());
/// SQLite's own VFS, and whether ours was taken.
static REAL: OnceLock<Result<Real, c_int>> = OnceLock::new();

/// SQLite's own VFS, which lives as long as the process.
struct Real(*mut sqlite3_vfs);

// SAFETY: a registered VFS is never changed or freed, and SQLite itself calls it from every thread.
unsafe impl Send for Real {}
// SAFETY: as above.
unsafe impl Sync for Real {}

/// A file that is open: what SQLite sees of it, whose disk it is on, and behind it the real file.
#[repr(C)]
struct File {
    base: sqlite3_file,
    /// Null for a file on no disk of ours.
    watched: *mut Watched,
}

/// A file on a disk of ours.
struct Watched {
    disk: Arc<Inner>,
    path: PathBuf,
    /// Its next sync also syncs the folder, as the first one of a journal or WAL does.
    syncs_folder: bool,
}

/// Makes our VFS the default, the first time, and this disk that of its folder.
pub(crate) fn install(folder: &Path, disk: &Arc<Inner>) -> std::io::Result<()> {
    REAL.get_or_init(register)
        .as_ref()
        .map_err(|code| std::io::Error::other(format!("SQLite does not take the VFS: {code}")))?;
    disks().insert(folder.to_path_buf(), Arc::downgrade(disk));
    Ok(())
}

/// The folder is as any other again.
pub(crate) fn forget(folder: &Path) {
    disks().remove(folder);
}

fn disks() -> std::sync::MutexGuard<'static, BTreeMap<PathBuf, Weak<Inner>>> {
    DISKS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn register() -> Result<Real, c_int> {
    // SAFETY: no name asks for the default VFS; asking initialises SQLite.
    let real = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    // SAFETY: SQLite has a default VFS on every system it is built for; a null is answered as "none".
    let Some(of_real) = (unsafe { real.as_ref() }) else {
        return Err(ffi::SQLITE_NOTFOUND);
    };
    let own = i32::try_from(size_of::<File>()).map_err(|_| ffi::SQLITE_TOOBIG)?;
    let ours = Box::new(sqlite3_vfs {
        szOsFile: own + of_real.szOsFile,
        pNext: ptr::null_mut(),
        zName: c"relay-faults".as_ptr(),
        xOpen: Some(open),
        xDelete: Some(delete),
        // The rest is SQLite's own: it needs nothing of the VFS that it is called with.
        ..*of_real
    });
    // SAFETY: what is registered has to live as long as the process, so it is leaked.
    let code = unsafe { ffi::sqlite3_vfs_register(Box::into_raw(ours), 1) };
    if code == ffi::SQLITE_OK {
        Ok(Real(real))
    } else {
        Err(code)
    }
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    // Without the methods of version 3, which map the file into memory past us.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

fn real() -> Option<&'static sqlite3_vfs> {
    let Ok(Real(real)) = REAL.get()? else { return None };
    // SAFETY: found by SQLite, and never freed.
    unsafe { real.as_ref() }
}

/// The path behind a name, and the disk that it lies on.
fn on_disk(name: *const c_char) -> Option<(PathBuf, Arc<Inner>)> {
    if name.is_null() {
        return None;
    }
    // SAFETY: SQLite's names end with a zero and live as long as the call.
    let name = unsafe { CStr::from_ptr(name) };
    let path = Path::new(OsStr::from_bytes(name.to_bytes()));
    let disk = disks().get(path.parent()?)?.upgrade()?;
    Some((path.to_path_buf(), disk))
}

/// Opens the real file behind ours.
///
/// # Safety
/// As SQLite calls it: `file` has `szOsFile` bytes of ours.
unsafe extern "C" fn open(
    _vfs: *mut sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let ours = file.cast::<File>();
    // SAFETY: SQLite gave us a block of that size; it holds nothing yet.
    unsafe {
        ours.write(File {
            base: sqlite3_file {
                pMethods: ptr::null(),
            },
            watched: ptr::null_mut(),
        });
    }
    let Some(vfs) = real() else {
        return ffi::SQLITE_CANTOPEN;
    };
    let Some(open) = vfs.xOpen else {
        return ffi::SQLITE_CANTOPEN;
    };
    let mut flags = flags;
    let watched = on_disk(name).map(|(path, disk)| {
        let is_journal = flags & (ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL) != 0;
        // Whether it was there already or not, as SQLite's own VFS does it.
        let syncs_folder = is_journal && flags & ffi::SQLITE_OPEN_CREATE != 0;
        Watched {
            disk,
            path,
            syncs_folder,
        }
    });
    if let Some(watched) = &watched {
        let creates = flags & ffi::SQLITE_OPEN_CREATE != 0 || watched.path.exists();
        let verdict = if creates {
            watched
                .disk
                .open(&watched.path, || std::fs::read(&watched.path).ok())
        } else {
            watched.disk.ask(Op::Open)
        };
        match verdict {
            Verdict::Proceed => {}
            Verdict::ReadOnly => {
                flags = flags & !(ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE)
                    | ffi::SQLITE_OPEN_READONLY;
            }
            Verdict::Fail(code) | Verdict::FailAfter(_, code) => return code,
        }
    }
    // SAFETY: the block has the real file's size behind ours, and the real VFS is called with its own pointer.
    let code = unsafe { open(ptr::from_ref(vfs).cast_mut(), name, real_of(file), flags, out) };
    // SAFETY: as above; a real file that was not opened has no methods.
    unsafe {
        if !(*real_of(file)).pMethods.is_null() {
            (*ours).base.pMethods = &raw const METHODS;
            (*ours).watched = watched.map_or(ptr::null_mut(), |watched| Box::into_raw(Box::new(watched)));
        }
    }
    code
}

unsafe extern "C" fn delete(_vfs: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    let Some(vfs) = real() else {
        return ffi::SQLITE_IOERR_DELETE;
    };
    let Some(delete) = vfs.xDelete else {
        return ffi::SQLITE_IOERR_DELETE;
    };
    let mut sync_folder = sync_folder;
    if let Some((path, disk)) = on_disk(name)
        && path.exists()
    {
        match disk.delete(&path, sync_folder != 0) {
            Verdict::Fail(code) | Verdict::FailAfter(_, code) => return code,
            Verdict::Proceed | Verdict::ReadOnly => sync_folder = 0,
        }
    }
    // SAFETY: the real VFS is called with its own pointer and SQLite's name.
    unsafe { delete(ptr::from_ref(vfs).cast_mut(), name, sync_folder) }
}

/// The real file behind ours.
const fn real_of(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // The real file begins where ours ends, which is a multiple of a pointer's alignment; that is all it needs.
    file.cast::<File>().wrapping_add(1).cast()
}

/// Whose disk a file is on.
///
/// # Safety
/// `file` is one that [`open`] has opened.
unsafe fn watched<'f>(file: *mut sqlite3_file) -> Option<&'f mut Watched> {
    // SAFETY: open has written it, and SQLite uses a file from one thread at a time.
    unsafe { (*file.cast::<File>()).watched.as_mut() }
}

/// Calls the real file's method of this name; answers `$none` where it has none.
macro_rules! real {
    ($file:expr, $method:ident, $none:expr $(, $argument:expr)*) => {{
        let real = real_of($file);
        // SAFETY: the file is open, so its methods are there and live as long as the process.
        match unsafe { (*real).pMethods.as_ref() }.and_then(|methods| methods.$method) {
            // SAFETY: SQLite's own arguments, handed on.
            Some(method) => unsafe { method(real $(, $argument)*) },
            None => $none,
        }
    }};
}

/// Asks the disk, where there is one, and ends with its error.
macro_rules! ask {
    ($file:expr, $op:expr) => {
        // SAFETY: SQLite calls methods of open files.
        if let Some(watched) = unsafe { watched($file) } {
            if let Verdict::Fail(code) | Verdict::FailAfter(_, code) = watched.disk.ask($op) {
                return code;
            }
        }
    };
}

fn length(n: sqlite3_int64) -> usize {
    usize::try_from(n).unwrap_or(0)
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    let ours = file.cast::<File>();
    // SAFETY: made by Box::into_raw in open, and freed only here.
    unsafe {
        if !(*ours).watched.is_null() {
            drop(Box::from_raw((*ours).watched));
            (*ours).watched = ptr::null_mut();
        }
    }
    real!(file, xClose, ffi::SQLITE_OK)
}

unsafe extern "C" fn read(file: *mut sqlite3_file, to: *mut c_void, n: c_int, at: sqlite3_int64) -> c_int {
    ask!(file, Op::Read);
    real!(file, xRead, ffi::SQLITE_IOERR_READ, to, n, at)
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    n: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite calls methods of open files.
    if let Some(watched) = unsafe { watched(file) } {
        // SAFETY: SQLite gives a buffer of that many bytes.
        let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), length(n.into())) };
        match watched.disk.write(&watched.path, length(at), bytes) {
            Verdict::Proceed | Verdict::ReadOnly => {}
            Verdict::Fail(code) => return code,
            Verdict::FailAfter(written, code) => {
                let written = c_int::try_from(written).unwrap_or(0);
                real!(file, xWrite, code, from, written, at);
                return code;
            }
        }
    }
    real!(file, xWrite, ffi::SQLITE_IOERR_WRITE, from, n, at)
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: SQLite calls methods of open files.
    if let Some(watched) = unsafe { watched(file) }
        && let Verdict::Fail(code) = watched.disk.truncate(&watched.path, length(size))
    {
        return code;
    }
    real!(file, xTruncate, ffi::SQLITE_IOERR_TRUNCATE, size)
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: SQLite calls methods of open files.
    let Some(watched) = (unsafe { watched(file) }) else {
        return real!(file, xSync, ffi::SQLITE_IOERR_FSYNC, flags);
    };
    match watched.disk.sync(&watched.path, watched.syncs_folder) {
        Verdict::Fail(code) | Verdict::FailAfter(_, code) => code,
        Verdict::Proceed | Verdict::ReadOnly => {
            watched.syncs_folder = false;
            ffi::SQLITE_OK
        }
    }
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    real!(file, xFileSize, ffi::SQLITE_IOERR_FSTAT, size)
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    ask!(file, Op::Lock);
    real!(file, xLock, ffi::SQLITE_IOERR_LOCK, level)
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    real!(file, xUnlock, ffi::SQLITE_IOERR_UNLOCK, level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    real!(file, xCheckReservedLock, ffi::SQLITE_IOERR_CHECKRESERVEDLOCK, out)
}

unsafe extern "C" fn file_control(file: *mut sqlite3_file, op: c_int, argument: *mut c_void) -> c_int {
    real!(file, xFileControl, ffi::SQLITE_NOTFOUND, op, argument)
}

unsafe extern "C" fn sector_size(file: *mut sqlite3_file) -> c_int {
    real!(file, xSectorSize, 4_096)
}

unsafe extern "C" fn device_characteristics(file: *mut sqlite3_file) -> c_int {
    real!(file, xDeviceCharacteristics, 0)
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    ask!(file, Op::Map);
    real!(file, xShmMap, ffi::SQLITE_IOERR_SHMMAP, page, size, extend, out)
}

unsafe extern "C" fn shm_lock(file: *mut sqlite3_file, offset: c_int, n: c_int, flags: c_int) -> c_int {
    real!(file, xShmLock, ffi::SQLITE_IOERR_SHMLOCK, offset, n, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    real!(file, xShmBarrier, ());
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, delete: c_int) -> c_int {
    real!(file, xShmUnmap, ffi::SQLITE_OK, delete)
}
