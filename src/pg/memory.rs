//! Memory for Rust's values, and what happens where there is none.
//!
//! Rust aborts the process when an allocation fails, and the server ends all sessions when a process
//! aborts. So a reserve is kept: where nothing else is left it is given up, and the statement fails with 53200,
//! as where Postgres gets no memory, at its next check for interrupts; unless the reserve could be put aside
//! again before, for a call that can't do that fails at its start. Where not even the reserve helps this session
//! ends with 53200, and no other.
//!
//! That is where the system refuses memory. Where it promises more than it has, as Linux does unless
//! vm.overcommit_memory is 2, it kills the process later, and all sessions end.
//!
//! The allocator is the system's, so what is allocated in C and in Rust comes from the same.

use super::ffi::{errcode, errdetail, errfinish, errmsg, errstart};
use pgrx::{PgLogLevel, PgSqlErrorCode};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;
use std::ffi::c_int;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering::Relaxed};
use std::thread::LocalKey;

/// Enough for what a statement mostly allocates until its next check for interrupts. What is as large as
/// texts are, and asks with [`try_reserve`], needs none of it; for what does not ask, the session ends.
const RESERVE: Layout = Layout::new::<[u8; 1 << 20]>();

/// Null as long as it is given up. A backend has one thread.
static HELD: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
/// True during [`try_reserve`], whose caller takes no for an answer.
static IS_ASKING: AtomicBool = AtomicBool::new(false);

// Not for unit tests, whose program has no Postgres.
#[cfg_attr(not(test), global_allocator)]
#[cfg_attr(test, allow(dead_code))]
static ALLOCATOR: Reserved = Reserved;

struct Reserved;

// SAFETY: what the system's allocator gives, asked once more where it gave nothing. Nothing unwinds: see
// `end_session_without_memory`.
unsafe impl GlobalAlloc for Reserved {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        insist(layout.size(), || unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        insist(layout.size(), || unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises; what could not grow is still there.
        insist(size, || unsafe { System.realloc(memory, layout, size) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// What `allocate` gives, if need be without the reserve.
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

/// Gives the reserve up, if it is there.
fn give_up() -> bool {
    let held = HELD.swap(ptr::null_mut(), Relaxed);
    if !held.is_null() {
        // SAFETY: `restore` allocated it so.
        unsafe { System.dealloc(held, RESERVE) };
    }
    !held.is_null()
}

/// Whether the reserve is given up: what is done now is to end.
#[inline]
pub fn is_exhausted() -> bool {
    HELD.load(Relaxed).is_null()
}

/// Puts the reserve aside, if it is not there; returns false where there is no memory for it.
#[inline]
pub fn restore() -> bool {
    !is_exhausted() || allocate_reserve()
}

#[cold]
fn allocate_reserve() -> bool {
    // SAFETY: its size is not 0.
    HELD.store(unsafe { System.alloc(RESERVE) }, Relaxed);
    !is_exhausted()
}

/// Reserves memory for this many bytes more; returns false where there is none. For what may be large.
pub fn try_reserve(bytes: &mut Vec<u8>, more: usize) -> bool {
    IS_ASKING.store(true, Relaxed);
    let reserved = bytes.try_reserve(more);
    IS_ASKING.store(false, Relaxed);
    reserved.is_ok()
}

/// Lets go of what a transaction kept. A session that ends in the midst of an allocation comes here while what
/// allocated still has it borrowed: then nobody will use it any more.
pub fn forget<T: Default>(kept: &'static LocalKey<RefCell<T>>) {
    kept.with(|kept| kept.try_borrow_mut().map(|mut kept| mem::take(&mut *kept)).ok());
}

/// Ends this session, with error 53200 to its client, as Postgres ends one that it is told to end.
///
/// It is called in the midst of allocations, out of which nothing may unwind or jump. Nothing does: what fails
/// once errstart has seen FATAL, or while the process exits, is FATAL as well. What runs at a session's end must
/// not panic, nor borrow what may be borrowed; see [`forget`].
fn end_session_without_memory(size: usize) -> ! {
    // SAFETY: the sequence of ereport(FATAL, …), which does not come back. Nothing is allocated in Rust.
    unsafe {
        errstart(PgLogLevel::FATAL as c_int, std::ptr::null());
        errcode(PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY as c_int);
        errmsg(c"out of memory".as_ptr());
        errdetail(c"Failed on request of size %zu.".as_ptr(), size);
        errfinish(c"carrel".as_ptr(), 0, std::ptr::null())
    }
}
