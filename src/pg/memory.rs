//! Rust's global allocator, with a reserve for out of memory.
//!
//! Rust aborts the process when an allocation fails, and the server ends all sessions when a process aborts.
//! The allocator therefore keeps a reserve. If an allocation fails, it frees the reserve and tries again. The
//! statement then fails with 53200 at its next check for interrupts, unless the reserve could be allocated
//! again before. A call that starts without a reserve fails. If the reserve is not enough, this session ends
//! with 53200; other sessions continue.
//!
//! This holds if the system refuses memory. A system that overcommits (Linux, unless vm.overcommit_memory is
//! 2) kills the process later instead, and all sessions end.
//!
//! The allocator is the system's: C and Rust allocate from one heap.

use super::ffi::{errcode, errdetail, errfinish, errmsg, errstart};
use pgrx::{PgLogLevel, PgSqlErrorCode};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;
use std::ffi::c_int;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering::Relaxed};
use std::thread::LocalKey;

/// Size of the reserve: enough for the usual allocations until the next check for interrupts. Allocations for
/// large texts ask with [`try_reserve`] and do not use the reserve.
const RESERVE: Layout = Layout::new::<[u8; 1 << 20]>();

/// Reserve; null after it was freed. A backend has one thread.
static RESERVE_BLOCK: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
/// True during [`try_reserve`], which handles a failure.
static IS_ASKING: AtomicBool = AtomicBool::new(false);

// Unit tests run without Postgres.
#[cfg_attr(not(test), global_allocator)]
#[cfg_attr(test, allow(dead_code))]
static ALLOCATOR: ReservingAllocator = ReservingAllocator;

struct ReservingAllocator;

// SAFETY: returns memory of the system's allocator, which is asked twice at most. Nothing unwinds: see
// `end_session_without_memory`.
unsafe impl GlobalAlloc for ReservingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: guaranteed by the caller.
        insist(layout.size(), || unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: guaranteed by the caller.
        insist(layout.size(), || unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: guaranteed by the caller; a failed realloc leaves the old memory in place.
        insist(size, || unsafe { System.realloc(memory, layout, size) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: guaranteed by the caller.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Allocates, after freeing the reserve if necessary.
#[inline]
fn insist(size: usize, allocate: impl Fn() -> *mut u8) -> *mut u8 {
    let memory = allocate();
    if memory.is_null() && !IS_ASKING.load(Relaxed) {
        return without_reserve(size, allocate);
    }
    memory
}

#[cold]
fn without_reserve(size: usize, allocate: impl Fn() -> *mut u8) -> *mut u8 {
    if give_up() {
        let memory = allocate();
        if !memory.is_null() {
            return memory;
        }
    }
    end_session_without_memory(size)
}

/// Frees the reserve. Returns false if there was none.
fn give_up() -> bool {
    let block = RESERVE_BLOCK.swap(ptr::null_mut(), Relaxed);
    if !block.is_null() {
        // SAFETY: `allocate_reserve` allocated the block with this layout.
        unsafe { System.dealloc(block, RESERVE) };
    }
    !block.is_null()
}

/// Returns true if the reserve was used: the current work must end.
#[inline]
pub fn is_exhausted() -> bool {
    RESERVE_BLOCK.load(Relaxed).is_null()
}

/// Allocates the reserve when the library is loaded. If that fails, each call tries again before it starts.
pub fn put_reserve_aside() {
    restore();
}

/// Allocates the reserve if there is none. Returns false if that fails.
#[inline]
pub fn restore() -> bool {
    !is_exhausted() || allocate_reserve()
}

#[cold]
fn allocate_reserve() -> bool {
    // SAFETY: the size of the layout is not 0.
    RESERVE_BLOCK.store(unsafe { System.alloc(RESERVE) }, Relaxed);
    !is_exhausted()
}

/// Reserves memory for `more` bytes that may be many. Returns false if there is not enough.
pub fn try_reserve(bytes: &mut Vec<u8>, more: usize) -> bool {
    IS_ASKING.store(true, Relaxed);
    let reserved = bytes.try_reserve(more);
    IS_ASKING.store(false, Relaxed);
    reserved.is_ok()
}

/// Drops a value that a transaction kept. A session that ends inside an allocation comes here while the value
/// may be borrowed; the value is then unused and stays.
pub fn forget<T: Default>(kept: &'static LocalKey<RefCell<T>>) {
    kept.with(|kept| kept.try_borrow_mut().map(|mut kept| mem::take(&mut *kept)).ok());
}

/// Ends this session with error 53200 to its client, as pg_terminate_backend() does.
///
/// Runs inside allocations, which nothing may leave by unwinding or jumping. Nothing does: an error after
/// errstart() saw FATAL, or during exit, is FATAL too. Code that runs at the end of a session must not panic,
/// nor borrow a value that may be borrowed; see [`forget`].
fn end_session_without_memory(size: usize) -> ! {
    // SAFETY: the call sequence of ereport(FATAL, …), which does not return. It allocates nothing in Rust.
    unsafe {
        errstart(PgLogLevel::FATAL as c_int, std::ptr::null());
        errcode(PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY as c_int);
        errmsg(c"out of memory".as_ptr());
        errdetail(c"Failed on request of size %zu.".as_ptr(), size);
        errfinish(c"carrel".as_ptr(), 0, std::ptr::null());
        // FATAL ends the session.
        std::hint::unreachable_unchecked()
    }
}
