//! Spool of bytes that one trigger writes and the next one reads.
//!
//! The first 16 MB are in memory, the rest in a temporary file, which counts towards `temp_file_limit` and
//! uses `temp_tablespaces`. The backend's memory therefore does not depend on the size of a document.
//!
//! A backend has one spool. It is emptied when the transaction ends.

use crate::pg::error;
use crate::pg::error::{Error, Result, SqlState, catch};
use crate::pg::ffi::{BufFileClose, BufFileCreateTemp, BufFileRead, BufFileSeek, BufFileWrite};
use crate::pg::memory;
use pgrx::callbacks::{PgXactCallbackEvent, register_xact_callback};
use pgrx::pg_sys;
use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::rc::Rc;

/// Size limit of the part in memory, in bytes.
const MAX_MEMORY: usize = 16 << 20;

#[derive(Default)]
struct Spool {
    memory: Vec<u8>,
    /// Bytes beyond those in memory.
    file: Option<File>,
    /// Bytes in memory and file.
    length: usize,
    /// Shared with each [`SpoolGuard`]. The next [`acquire`] empties the spool if no guard is left.
    guards: Rc<()>,
    /// True if callbacks empty the spool at the end of transactions.
    is_registered: bool,
}

thread_local! {
    static SPOOL: RefCell<Spool> = RefCell::default();
}

/// Keeps written bytes until it is dropped or the transaction ends.
pub struct SpoolGuard(Rc<()>);

/// Keeps bytes that are written from now on. Reading them after the guard is dropped or the transaction has
/// ended is an error.
pub fn acquire() -> SpoolGuard {
    SPOOL.with_borrow_mut(|spool| {
        if !spool.is_registered {
            for end in [PgXactCallbackEvent::Commit, PgXactCallbackEvent::Prepare] {
                register_xact_callback(end, || {
                    if let Some(file) = SPOOL.take().file {
                        file.close();
                    }
                });
            }
            register_xact_callback(PgXactCallbackEvent::Abort, || memory::forget(&SPOOL));
            spool.is_registered = true;
        }
        if Rc::strong_count(&spool.guards) == 1 {
            spool.memory.clear();
            spool.length = 0;
        }
        SpoolGuard(spool.guards.clone())
    })
}

/// Position of the next byte.
pub fn end() -> usize {
    SPOOL.with_borrow(|spool| spool.length)
}

/// Appends bytes. The caller holds a [`SpoolGuard`].
pub fn write(bytes: &[u8]) -> Result<()> {
    let needs_file =
        SPOOL.with_borrow(|spool| spool.file.is_none() && spool.length + bytes.len() > MAX_MEMORY);
    if needs_file {
        let file = File::create()?;
        SPOOL.with_borrow_mut(|spool| spool.file = Some(file));
    }
    SPOOL.with_borrow_mut(|spool| {
        let (first, rest) =
            bytes.split_at(bytes.len().min(MAX_MEMORY.saturating_sub(spool.length)));
        error::reserve(&mut spool.memory, first.len())?;
        spool.memory.extend_from_slice(first);
        spool.length += first.len();
        if rest.is_empty() {
            return Ok(());
        }
        let Some(file) = &spool.file else { return Err(lost()) };
        file.write(spool.length - MAX_MEMORY, rest)?;
        spool.length += rest.len();
        Ok(())
    })
}

/// Reads bytes at a position that was written under this guard.
pub fn read(guard: &SpoolGuard, at: usize, bytes: &mut [u8]) -> Result<()> {
    SPOOL.with_borrow(|spool| {
        if !Rc::ptr_eq(&guard.0, &spool.guards) || at + bytes.len() > spool.length {
            return Err(lost());
        }
        let in_memory = bytes.len().min(spool.memory.len().saturating_sub(at));
        let (first, rest) = bytes.split_at_mut(in_memory);
        if !first.is_empty() {
            first.copy_from_slice(&spool.memory[at..at + in_memory]);
        }
        match &spool.file {
            _ if rest.is_empty() => Ok(()),
            Some(file) => file.read(at + in_memory - MAX_MEMORY, rest),
            None => Err(lost()),
        }
    })
}

fn lost() -> Error {
    Error::new(SqlState::ObjectNotInPrerequisiteState, "the temporary bytes are lost")
}

/// Temporary file that belongs to the top transaction, not to the current subtransaction or portal: Postgres
/// removes it at an abort. Dropping the handle does nothing, because closing writes buffered bytes, which
/// fails again after a failed write.
struct File(*mut c_void);

impl File {
    fn create() -> Result<Self> {
        // SAFETY: the file's state is in a context that ends with the transaction, as the file does. `catch`
        // restores the memory context; the owner is restored on both paths.
        unsafe {
            let owner = pg_sys::CurrentResourceOwner;
            let file = catch(|| {
                pg_sys::CurrentMemoryContext = pg_sys::TopTransactionContext;
                pg_sys::CurrentResourceOwner = pg_sys::TopTransactionResourceOwner;
                BufFileCreateTemp(false)
            });
            pg_sys::CurrentResourceOwner = owner;
            file.map(Self)
        }
    }

    /// Closes and removes the file, as Postgres requires before a commit.
    fn close(self) {
        let file = self.0;
        // SAFETY: the file is open and not used afterwards. If closing fails, the end of the transaction
        // closes it with a warning.
        drop(catch(|| unsafe { BufFileClose(file) }));
    }

    fn write(&self, at: usize, bytes: &[u8]) -> Result<()> {
        self.seek(at)?;
        let (file, start, length) = (self.0, bytes.as_ptr(), bytes.len());
        // SAFETY: the file is open, and the buffer has `length` bytes.
        catch(|| unsafe { BufFileWrite(file, start.cast(), length) })
    }

    fn read(&self, at: usize, bytes: &mut [u8]) -> Result<()> {
        self.seek(at)?;
        let (file, start, length) = (self.0, bytes.as_mut_ptr(), bytes.len());
        // SAFETY: the file is open, and the buffer holds `length` bytes.
        let read = catch(|| unsafe { BufFileRead(file, start.cast(), length) })?;
        if read == length { Ok(()) } else { Err(lost()) }
    }

    fn seek(&self, at: usize) -> Result<()> {
        // Segment size of Postgres's temporary files, in bytes.
        const SEGMENT: usize = 1 << 30;
        let (file, part, offset) = (self.0, (at / SEGMENT) as c_int, (at % SEGMENT) as i64);
        // SAFETY: the file is open; 0 is SEEK_SET.
        match catch(|| unsafe { BufFileSeek(file, part, offset, 0) })? {
            0 => Ok(()),
            _ => Err(lost()),
        }
    }
}
