//! **Here**: an allocator that counts while it is told to, and what one piece of work allocates.
//! **Not here**: what is counted (`contenders`), clocks (`measure`).
//! **Reads**: nothing; `measure` asks.
//! **Source**: <https://doc.rust-lang.org/std/alloc/trait.GlobalAlloc.html>, read 2026-11-23. An allocator cannot be written without
//! `unsafe`, so that this file has all of it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Off while time is taken: two additions a call would weigh on whoever allocates most.
static COUNTS: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

// SAFETY: each call goes to the system's allocator with the arguments that it came with, and its answer goes back as it is; the
// counters allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `GlobalAlloc`, which is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn count(size: usize) {
    if COUNTS.load(Ordering::Relaxed) {
        CALLS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(size as u64, Ordering::Relaxed);
    }
}

/// What a piece of work asked of the allocator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocations {
    /// Calls, a growth counting as one more.
    pub(crate) n_calls: u64,
    /// Bytes asked for, a growth counting with its whole new size.
    pub(crate) n_bytes: u64,
}

/// What this work allocates. The program has one thread.
pub(crate) fn allocations_of(work: impl FnOnce()) -> Allocations {
    CALLS.store(0, Ordering::Relaxed);
    BYTES.store(0, Ordering::Relaxed);
    COUNTS.store(true, Ordering::Relaxed);
    work();
    COUNTS.store(false, Ordering::Relaxed);
    Allocations {
        n_calls: CALLS.load(Ordering::Relaxed),
        n_bytes: BYTES.load(Ordering::Relaxed),
    }
}
