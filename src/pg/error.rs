//! Raising errors with any SQLSTATE, DETAIL and HINT, and carrying Postgres' own errors through Rust
//! without losing a field.
//!
//! pgrx rebuilds a Postgres error that passes through its guard: SQLSTATEs that it doesn't know
//! become XX000, and CONTEXT, constraint and table names are lost. So carrel's functions run their
//! body in [`guard`] as a `Result`, and the error is thrown last, when nothing is left to drop.

use crate::pg::ffi::{
    CopyErrorData, FlushErrorState, ProcessInterrupts, ReThrowError, errcode, errdetail, errfinish,
    errhidecontext, errhidestmt, errhint, errmsg, errstart,
};
use crate::pg::memory;
use pgrx::{PgLogLevel, pg_sys};
use std::any::Any;
use std::ffi::{CStr, CString, c_char, c_int};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What carrel's fallible functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a function could not do what it was asked.
pub enum Error {
    /// An error of carrel's own.
    Raised(Box<Report>),
    /// An error that Postgres threw, whole. It lives in the memory context that was current when
    /// [`catch`] was entered.
    Postgres(*mut pg_sys::ErrorData),
    /// A panic, of Rust or of pgrx, which makes one of what Postgres throws through its bindings: a
    /// cancel, for one. Goes on at the end of [`guard`].
    Panic(Box<dyn Any + Send>),
}

/// The fields of an error of carrel's own.
pub struct Report {
    sqlstate: c_int,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    hides_statement: bool,
}

/// The SQLSTATEs that carrel raises.
#[derive(Clone, Copy)]
pub enum SqlState {
    /// 22023: a bad argument.
    InvalidParameterValue,
    /// 23P01: two rows that exclude each other.
    ExclusionViolation,
    /// 28000: malformed identity, or none where one is needed.
    InvalidAuthorization,
    /// 23502: a value that must not be null.
    NotNullViolation,
    /// 23514: a row that can't be.
    CheckViolation,
    /// 40001: to be tried again.
    SerializationFailure,
    /// 42501: not allowed.
    InsufficientPrivilege,
    /// 53200: no memory.
    OutOfMemory,
    /// 54000: too large.
    ProgramLimitExceeded,
    /// 55000: the database is not in the state that this needs.
    ObjectNotInPrerequisiteState,
    /// P0002: no profile for a user.
    NoDataFound,
    /// PT402: beyond a hard limit.
    LimitReached,
    /// PT404: no such row, or another user's.
    NotFound,
    /// PT409: a key reused with another payload, and the like.
    Conflict,
    /// PT422: a time outside of the window that is allowed.
    InvalidWindow,
}

impl SqlState {
    const fn code(self) -> c_int {
        make_sqlstate(match self {
            Self::InvalidParameterValue => b"22023",
            Self::ExclusionViolation => b"23P01",
            Self::InvalidAuthorization => b"28000",
            Self::NotNullViolation => b"23502",
            Self::CheckViolation => b"23514",
            Self::SerializationFailure => b"40001",
            Self::InsufficientPrivilege => b"42501",
            Self::OutOfMemory => b"53200",
            Self::ProgramLimitExceeded => b"54000",
            Self::ObjectNotInPrerequisiteState => b"55000",
            Self::NoDataFound => b"P0002",
            Self::LimitReached => b"PT402",
            Self::NotFound => b"PT404",
            Self::Conflict => b"PT409",
            Self::InvalidWindow => b"PT422",
        })
    }
}

/// Postgres' MAKE_SQLSTATE: six bits for each character.
pub const fn make_sqlstate(code: &[u8; 5]) -> c_int {
    let mut packed = 0;
    let mut i = 0;
    while i < 5 {
        packed |= (((code[i] - b'0') & 0x3f) as c_int) << (6 * i);
        i += 1;
    }
    packed
}

impl Error {
    /// An error with this message: lower case, with the offending value, no full stop.
    pub fn new(sqlstate: SqlState, message: impl Into<String>) -> Self {
        Self::Raised(Box::new(Report {
            sqlstate: sqlstate.code(),
            message: message.into(),
            detail: None,
            hint: None,
            hides_statement: false,
        }))
    }

    /// The error for an id that nothing has, or nothing that the caller may see.
    pub fn not_found(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(SqlState::NotFound, format!("no {what} {id}"))
            .hint("Rows of another user are not found, either: select carrel.current_user_id() says who asks.")
    }

    /// Adds a DETAIL: a sentence.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        if let Self::Raised(report) = &mut self {
            report.detail = Some(detail.into());
        }
        self
    }

    /// Adds a HINT: a sentence that says what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Raised(report) = &mut self {
            report.hint = Some(hint.into());
        }
        self
    }

    /// Says in an error of carrel's own what of several it is about.
    pub fn about(mut self, what: impl std::fmt::Display) -> Self {
        if let Self::Raised(report) = &mut self {
            report.message = format!("{} ({what})", report.message);
        }
        self
    }

    /// Whether this is an error of the data that was worked on (class 22, or 54000: too large),
    /// rather than a cancel, a lack of memory or the like.
    pub fn is_of_content(&self) -> bool {
        const CLASS: c_int = (1 << 12) - 1;
        let sqlstate = self.sqlstate();
        sqlstate & CLASS == make_sqlstate(b"22000") & CLASS || sqlstate == make_sqlstate(b"54000")
    }

    /// Whether this is an error of the system or the session rather than of what was worked on: a
    /// deadlock or serialization failure (class 40), a lack of resources (53; but not 53400: more than a session may
    /// have), a cancel (57), an error of the system (58) or of a program (XX).
    pub fn is_of_system(&self) -> bool {
        const CLASS: c_int = (1 << 12) - 1;
        [b"40000", b"53000", b"57000", b"58000", b"XX000"]
            .iter()
            .any(|class| self.sqlstate() & CLASS == make_sqlstate(class) & CLASS)
            && self.sqlstate() != make_sqlstate(b"53400")
    }

    /// Whether a table (42P01) or a column (42703) was not there.
    pub fn is_of_missing_column(&self) -> bool {
        [make_sqlstate(b"42P01"), make_sqlstate(b"42703")].contains(&self.sqlstate())
    }

    /// Returns true if Postgres found the error in the text of this statement, not in a function that the statement calls.
    pub fn is_in_statement(&self, sql: &str) -> bool {
        match self {
            // SAFETY: see `catch`; a statement, where there is one, is a C string.
            Self::Postgres(error) => unsafe {
                let query = (**error).internalquery;
                !query.is_null() && CStr::from_ptr(query).to_bytes() == sql.as_bytes()
            },
            Self::Raised(_) | Self::Panic(_) => false,
        }
    }

    /// Whether a value is not what its type asks for: class 22, data exception.
    pub fn is_of_data(&self) -> bool {
        self.sqlstate() & 0xfff == make_sqlstate(b"22000")
    }

    /// Whether a lock was waited for in vain (55P03), or in a circle (40P01).
    pub fn is_of_locks(&self) -> bool {
        [make_sqlstate(b"55P03"), make_sqlstate(b"40P01")].contains(&self.sqlstate())
    }

    /// The same without the statements and functions that it came through.
    pub fn without_context(self) -> Self {
        if let Self::Postgres(error) = &self {
            // SAFETY: see `catch`: the copy is carrel's own.
            unsafe { (**error).context = std::ptr::null_mut() };
        }
        self
    }

    /// Keeps the statement, and the functions it came through, out of the server's log: its text has a secret in it.
    pub fn without_statement(mut self) -> Self {
        match &mut self {
            Self::Raised(report) => report.hides_statement = true,
            // SAFETY: see `catch`: the copy is carrel's own.
            Self::Postgres(error) => unsafe {
                (**error).hide_stmt = true;
                (**error).hide_ctx = true;
            },
            Self::Panic(_) => {}
        }
        self
    }

    fn sqlstate(&self) -> c_int {
        match self {
            Self::Raised(report) => report.sqlstate,
            Self::Panic(_) => make_sqlstate(b"XX000"),
            // SAFETY: see `catch`: the copy is valid while the context it was made in is.
            Self::Postgres(error) => unsafe { (**error).sqlerrcode },
        }
    }

    /// The message alone.
    pub fn message(&self) -> String {
        match self {
            Self::Raised(report) => report.message.clone(),
            Self::Panic(_) => "a panic".to_owned(),
            // SAFETY: see `catch`; a message, where there is one, is a C string.
            Self::Postgres(error) => unsafe {
                match (**error).message {
                    message if message.is_null() => String::new(),
                    message => CStr::from_ptr(message).to_string_lossy().into_owned(),
                }
            },
        }
    }

    /// Throws the error as Postgres does. Nothing with a destructor may be alive in the caller.
    fn throw(self) -> ! {
        match self {
            // SAFETY: ErrorData from CopyErrorData, which ReThrowError copies before it jumps.
            Self::Postgres(error) => unsafe { ReThrowError(error) },
            // To pgrx's own guard, which is next on the stack.
            Self::Panic(panic) => resume_unwind(panic),
            Self::Raised(report) => {
                // SAFETY: the sequence of ereport(ERROR, …). The C strings are copied by errmsg and
                // its kin, and dropped before errfinish jumps.
                unsafe {
                    errstart(PgLogLevel::ERROR as c_int, std::ptr::null());
                    errcode(report.sqlstate);
                    put(errmsg, Some(&report.message));
                    put(errdetail, report.detail.as_ref());
                    put(errhint, report.hint.as_ref());
                    if report.hides_statement {
                        errhidestmt(true);
                        errhidecontext(true);
                    }
                    drop(report);
                    errfinish(c"carrel".as_ptr(), 0, std::ptr::null())
                }
            }
        }
    }
}

type Field = unsafe extern "C-unwind" fn(*const c_char, ...) -> c_int;

/// Gives `text` to one of errmsg, errdetail, errhint, which copy it.
unsafe fn put(field: Field, text: Option<&String>) {
    if let Some(text) = text {
        // Text from Postgres has no NUL; where Rust made one, what precedes it is shown.
        let text = text.split('\0').next().unwrap_or_default();
        if let Ok(text) = CString::new(text) {
            // SAFETY: a format with one string, and that string.
            unsafe { field(c"%s".as_ptr(), text.as_ptr()) };
        }
    }
}

/// Runs the body of a function that SQL calls; throws its error when all that the body owned has
/// been dropped. Every `#[pg_extern]` that can fail is `guard(move || { … })`, so that the frames
/// the throw jumps over hold nothing.
pub fn guard<T>(body: impl FnOnce() -> Result<T>) -> T {
    match contain(|| restore_reserve().and_then(|()| body())) {
        Ok(value) => value,
        Err(error) => error.throw(),
    }
}

/// Runs `work`, and returns a panic in it as an error, so that whoever changed the state of the
/// session before can put it back on every way out.
pub fn contain<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(panic.downcast::<Unwinding>().map_or_else(Error::Panic, |error| error.0))
    })
}

/// Throws an error of Postgres' on, within a call that [`catch`] made; gives any other back.
///
/// # Safety
/// No caller up to that call has a value with a destructor.
pub unsafe fn pass_on(result: Result<()>) -> Result<()> {
    if let Err(Error::Postgres(error)) = result {
        // SAFETY: a copy that `catch` made; the next copies it again, in its own memory context.
        unsafe { ReThrowError(error) };
    }
    result
}

/// Obeys a cancel or a timeout in the midst of code that can't return an error: unwinds to the next
/// [`contain`], which there must be.
pub fn check_for_interrupts() {
    if memory::is_exhausted() {
        resume_unwind(Box::new(Unwinding(exhausted())));
    }
    // SAFETY: a flag of the backend's.
    if unsafe { pg_sys::InterruptPending } == 0 {
        return;
    }
    // SAFETY: what CHECK_FOR_INTERRUPTS() does.
    if let Err(error) = catch(|| unsafe { ProcessInterrupts() }) {
        resume_unwind(Box::new(Unwinding(error)));
    }
}

/// An error on its way to [`contain`].
struct Unwinding(Error);

// SAFETY: a backend has one thread; the payload of a panic has to be Send all the same.
unsafe impl Send for Unwinding {}

/// Puts the reserve of memory aside again; error 53200 where there is none.
fn restore_reserve() -> Result<()> {
    if memory::restore() { Ok(()) } else { Err(exhausted()) }
}

/// Reserves memory for this many bytes more, or fails with 53200: for what may be large.
pub fn reserve(bytes: &mut Vec<u8>, more: usize) -> Result<()> {
    if memory::try_reserve(bytes, more) {
        return Ok(());
    }
    Err(exhausted().detail(format!("Failed on request of size {more}.")))
}

/// Error 53200.
pub fn exhausted() -> Error {
    Error::new(SqlState::OutOfMemory, "out of memory")
}

/// Calls into Postgres, and returns what it throws as an error with all its fields. The memory
/// context is afterwards what it was before, whatever the call switches to: SPI's functions leave
/// one behind that ends with the connection.
///
/// `call` may do nothing but call functions declared by `extern` blocks of this crate: pgrx's own
/// bindings would turn the error into a panic first, and a Rust value with a destructor inside
/// `call` would be jumped over. An error must be passed on, or its subtransaction rolled back.
pub fn catch<T: Copy>(call: impl FnOnce() -> T + Copy) -> Result<T> {
    // SAFETY: as PG_TRY / PG_CATCH: the stacks are restored on both ways out, the error is copied in
    // the caller's memory context, and closure and result are Copy, so that a jump skips no
    // destructor.
    unsafe {
        let context = pg_sys::CurrentMemoryContext;
        let exceptions = pg_sys::PG_exception_stack;
        let contexts = pg_sys::error_context_stack;
        let mut result = MaybeUninit::<T>::uninit();
        let jumped = cee_scape::call_with_sigsetjmp(false, |buffer| {
            pg_sys::PG_exception_stack = buffer as *const _ as *mut _;
            result.write(call());
            0
        });
        pg_sys::PG_exception_stack = exceptions;
        pg_sys::error_context_stack = contexts;
        pg_sys::CurrentMemoryContext = context;
        if jumped == 0 {
            return Ok(result.assume_init());
        }
        let error = CopyErrorData();
        FlushErrorState();
        Err(Error::Postgres(error))
    }
}
