//! Bytes that are made in one trigger and used in the next: kept in memory as far as they are few,
//! beyond that in a temporary file of Postgres', which `temp_file_limit` and `temp_tablespaces` hold
//! for. So a document's size is no matter for the backend's memory.
//!
//! There is one spool per backend, and what is in it is forgotten at the transaction's end.

use crate::pg::error::{Error, Result, SqlState, catch};
use crate::pg::ffi::{BufFileClose, BufFileCreateTemp, BufFileRead, BufFileSeek, BufFileWrite};
use crate::pg::memory;
use pgrx::callbacks::{PgXactCallbackEvent, register_xact_callback};
use pgrx::pg_sys;
use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::rc::Rc;

/// What is kept in memory at most, in bytes.
const MAX_MEMORY: usize = 16 << 20;

#[derive(Default)]
struct Spool {
    memory: Vec<u8>,
    /// What comes after `memory`.
    file: Option<File>,
    /// The bytes in memory and file.
    length: usize,
    /// Shared with every [`Lease`]: when it is not shared any more, the spool is empty.
    leases: Rc<()>,
    /// Whether it is emptied when this transaction ends.
    is_registered: bool,
}

thread_local! {
    static SPOOL: RefCell<Spool> = RefCell::default();
}

/// As long as there is one, what was written stays.
pub struct Lease(Rc<()>);

/// Lets what is written from now on stay, until it is dropped or the transaction ends; reading after
/// that is an error.
pub fn lease() -> Lease {
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
        if Rc::strong_count(&spool.leases) == 1 {
            spool.memory.clear();
            spool.length = 0;
        }
        Lease(spool.leases.clone())
    })
}

/// Where the next byte will be.
pub fn end() -> usize {
    SPOOL.with_borrow(|spool| spool.length)
}

/// Appends bytes. There has to be a [`Lease`].
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
        memory::make_room(&mut spool.memory, first.len())?;
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

/// Reads so many bytes from a position, written under this lease.
pub fn read(lease: &Lease, at: usize, bytes: &mut [u8]) -> Result<()> {
    SPOOL.with_borrow(|spool| {
        if !Rc::ptr_eq(&lease.0, &spool.leases) || at + bytes.len() > spool.length {
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
    Error::new(SqlState::ObjectNotInPrerequisiteState, "what processing made of a document is lost")
}

/// A temporary file that belongs to the transaction, whatever subtransaction or portal is current, so
/// that Postgres removes it at an abort. Dropping it does nothing: closing it writes what is not
/// written yet, which fails again if it has failed before.
struct File(*mut c_void);

impl File {
    fn create() -> Result<Self> {
        // SAFETY: the file's state lives in a context that ends with the transaction, as the file does;
        // `catch` puts the present context back, and the owner is put back on both ways out.
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

    /// Closes and removes the file, as Postgres wants it before a transaction ends well.
    fn close(self) {
        let file = self.0;
        // SAFETY: an open file, which is not used after that. Where this fails, the transaction's end
        // closes it, with a warning.
        drop(catch(|| unsafe { BufFileClose(file) }));
    }

    fn write(&self, at: usize, bytes: &[u8]) -> Result<()> {
        self.seek(at)?;
        let (file, start, length) = (self.0, bytes.as_ptr(), bytes.len());
        // SAFETY: an open file, and so many bytes.
        catch(|| unsafe { BufFileWrite(file, start.cast(), length) })
    }

    fn read(&self, at: usize, bytes: &mut [u8]) -> Result<()> {
        self.seek(at)?;
        let (file, start, length) = (self.0, bytes.as_mut_ptr(), bytes.len());
        // SAFETY: an open file, and room for so many bytes.
        let read = catch(|| unsafe { BufFileRead(file, start.cast(), length) })?;
        if read == length { Ok(()) } else { Err(lost()) }
    }

    fn seek(&self, at: usize) -> Result<()> {
        // A file of Postgres' has parts of so many bytes.
        const PART: usize = 1 << 30;
        let (file, part, offset) = (self.0, (at / PART) as c_int, (at % PART) as i64);
        // SAFETY: an open file; 0 is SEEK_SET.
        match catch(|| unsafe { BufFileSeek(file, part, offset, 0) })? {
            0 => Ok(()),
            _ => Err(lost()),
        }
    }
}
