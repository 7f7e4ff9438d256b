//! Errors with any SQLSTATE, DETAIL and HINT, and Postgres's errors as Rust values.
//!
//! pgrx rebuilds a Postgres error that passes through its guard: SQLSTATEs unknown to pgrx become XX000, and
//! CONTEXT, constraint and table names are lost. Functions of carrel therefore run their body in [`guard`] as
//! a `Result`. The error is thrown last, when no destructor is left to run.

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

/// Result of fallible functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Error of carrel or of Postgres.
pub enum Error {
    /// Error of carrel's own.
    Raised(Box<Report>),
    /// Error thrown by Postgres, with all fields. It lives in the memory context that was current when
    /// [`catch`] was called.
    Postgres(*mut pg_sys::ErrorData),
    /// Panic of Rust, or of pgrx: its bindings turn Postgres's errors, such as a cancel, into panics. Resumed
    /// at the end of [`guard`].
    Panic(Box<dyn Any + Send>),
}

/// Fields of an error of carrel's own.
pub struct Report {
    sqlstate: c_int,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    hides_statement: bool,
}

/// SQLSTATEs that carrel raises.
#[derive(Clone, Copy)]
pub enum SqlState {
    /// 22023: invalid argument.
    InvalidParameterValue,
    /// 23P01: two rows exclude each other.
    ExclusionViolation,
    /// 28000: malformed identity, or no user is set.
    InvalidAuthorization,
    /// 23502: value must not be null.
    NotNullViolation,
    /// 23514: row violates a rule of its table.
    CheckViolation,
    /// 40001: the transaction should be retried.
    SerializationFailure,
    /// 42501: insufficient privilege.
    InsufficientPrivilege,
    /// 53200: out of memory.
    OutOfMemory,
    /// 54000: value too large.
    ProgramLimitExceeded,
    /// 55000: the database is not in the required state.
    ObjectNotInPrerequisiteState,
    /// P0002: the user has no profile.
    NoDataFound,
    /// PT402: hard limit reached.
    LimitReached,
    /// PT404: the row does not exist or belongs to another user.
    NotFound,
    /// PT409: conflict, such as an idempotency key that is reused with other arguments.
    Conflict,
    /// PT422: time outside the allowed window.
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

/// Encodes a SQLSTATE as MAKE_SQLSTATE does: six bits for each character.
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
    /// Creates an error. The message is lower case, contains the offending value and has no full stop.
    pub fn new(sqlstate: SqlState, message: impl Into<String>) -> Self {
        Self::Raised(Box::new(Report {
            sqlstate: sqlstate.code(),
            message: message.into(),
            detail: None,
            hint: None,
            hides_statement: false,
        }))
    }

    /// Error for an id that does not exist or that the caller may not see.
    pub fn not_found(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(SqlState::NotFound, format!("no {what} {id}"))
            .hint("Rows of another user are not found, either: select carrel.current_user_id() says who asks.")
    }

    /// Adds a DETAIL: a full sentence.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        if let Self::Raised(report) = &mut self {
            report.detail = Some(detail.into());
        }
        self
    }

    /// Adds a HINT: a sentence that tells the reader what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Raised(report) = &mut self {
            report.hint = Some(hint.into());
        }
        self
    }

    /// Appends the element that failed, in parentheses, to the message of an error of carrel's own.
    pub fn about(mut self, what: impl std::fmt::Display) -> Self {
        if let Self::Raised(report) = &mut self {
            report.message = format!("{} ({what})", report.message);
        }
        self
    }

    /// Returns true for errors of the processed data (class 22, or 54000: too large), as opposed to a cancel
    /// or out of memory.
    pub fn is_of_content(&self) -> bool {
        const CLASS: c_int = (1 << 12) - 1;
        let sqlstate = self.sqlstate();
        sqlstate & CLASS == make_sqlstate(b"22000") & CLASS || sqlstate == make_sqlstate(b"54000")
    }

    /// Returns true for errors of the system or session: deadlock or serialization failure (class 40),
    /// insufficient resources (53, except 53400: a configured limit), operator intervention (57), system
    /// error (58), internal error (XX).
    pub fn is_of_system(&self) -> bool {
        const CLASS: c_int = (1 << 12) - 1;
        [b"40000", b"53000", b"57000", b"58000", b"XX000"]
            .iter()
            .any(|class| self.sqlstate() & CLASS == make_sqlstate(class) & CLASS)
            && self.sqlstate() != make_sqlstate(b"53400")
    }

    /// Returns true if a table (42P01) or a column (42703) does not exist.
    pub fn is_of_missing_column(&self) -> bool {
        [make_sqlstate(b"42P01"), make_sqlstate(b"42703")].contains(&self.sqlstate())
    }

    /// Returns true if Postgres found the error in the text of this statement, not in a function that the
    /// statement calls.
    pub fn is_in_statement(&self, sql: &str) -> bool {
        match self {
            // SAFETY: the copy made by `catch` is valid; the statement is null or a C string.
            Self::Postgres(error) => unsafe {
                let query = (**error).internalquery;
                !query.is_null() && CStr::from_ptr(query).to_bytes() == sql.as_bytes()
            },
            Self::Raised(_) | Self::Panic(_) => false,
        }
    }

    /// Returns true for data exceptions (class 22): the value does not fit its type.
    pub fn is_of_data(&self) -> bool {
        self.sqlstate() & 0xfff == make_sqlstate(b"22000")
    }

    /// Returns true for a lock timeout (55P03) or a deadlock (40P01).
    pub fn is_of_locks(&self) -> bool {
        [make_sqlstate(b"55P03"), make_sqlstate(b"40P01")].contains(&self.sqlstate())
    }

    /// Removes CONTEXT: the statements and functions that the error passed through.
    pub fn without_context(self) -> Self {
        if let Self::Postgres(error) = &self {
            // SAFETY: `catch` made the copy, which belongs to carrel.
            unsafe { (**error).context = std::ptr::null_mut() };
        }
        self
    }

    /// Keeps the statement and the CONTEXT out of the server's log, because the statement contains a secret.
    pub fn without_statement(mut self) -> Self {
        match &mut self {
            Self::Raised(report) => report.hides_statement = true,
            // SAFETY: `catch` made the copy, which belongs to carrel.
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
            // SAFETY: the copy made by `catch` is valid in its memory context.
            Self::Postgres(error) => unsafe { (**error).sqlerrcode },
        }
    }

    /// Primary message.
    pub fn message(&self) -> String {
        match self {
            Self::Raised(report) => report.message.clone(),
            Self::Panic(_) => "a panic".to_owned(),
            // SAFETY: the copy made by `catch` is valid; the message is null or a C string.
            Self::Postgres(error) => unsafe {
                match (**error).message {
                    message if message.is_null() => String::new(),
                    message => CStr::from_ptr(message).to_string_lossy().into_owned(),
                }
            },
        }
    }

    /// Throws the error as Postgres does. The caller must not hold values with destructors.
    fn throw(self) -> ! {
        match self {
            // SAFETY: ErrorData from CopyErrorData(), which ReThrowError() copies before the jump.
            Self::Postgres(error) => unsafe { ReThrowError(error) },
            // pgrx's guard is next on the stack.
            Self::Panic(panic) => resume_unwind(panic),
            Self::Raised(report) => {
                // SAFETY: the call sequence of ereport(ERROR, …). errmsg() and the like copy the C strings,
                // which are dropped before errfinish() jumps: it does not return for an ERROR.
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
                    errfinish(c"carrel".as_ptr(), 0, std::ptr::null());
                    std::hint::unreachable_unchecked()
                }
            }
        }
    }
}

/// Reports a warning without the statement and its context, which may hold a token.
pub fn warn(message: &str) {
    let message = CString::new(message).unwrap_or_default();
    // SAFETY: the call sequence of ereport(WARNING, …), which returns. errmsg() copies the C string.
    let report = || unsafe {
        if errstart(PgLogLevel::WARNING as c_int, std::ptr::null()) {
            errmsg(c"%s".as_ptr(), message.as_ptr());
            errhidestmt(true);
            errhidecontext(true);
            errfinish(c"carrel".as_ptr(), 0, std::ptr::null());
        }
    };
    // A warning that cannot be reported must not stop the work.
    drop(catch(report));
}

type Field = unsafe extern "C-unwind" fn(*const c_char, ...) -> c_int;

/// Passes `text` to errmsg, errdetail or errhint, which copy it.
///
/// # Safety
/// An error report was started by errstart().
unsafe fn put(field: Field, text: Option<&String>) {
    if let Some(text) = text {
        // Text from Postgres contains no NUL. Text from Rust is cut at the first NUL.
        let text = text.split('\0').next().unwrap_or_default();
        if let Ok(text) = CString::new(text) {
            // SAFETY: a format with one string, and that string.
            unsafe { field(c"%s".as_ptr(), text.as_ptr()) };
        }
    }
}

/// Runs the body of a function that SQL calls. Throws the body's error after everything that the body owned
/// is dropped. Each fallible `#[pg_extern]` is `guard(move || { … })`: the throw skips only frames without
/// destructors.
pub fn guard<T>(body: impl FnOnce() -> Result<T>) -> T {
    match contain(|| restore_reserve().and_then(|()| body())) {
        Ok(value) => value,
        Err(error) => error.throw(),
    }
}

/// Runs `work` and returns a panic as an error. The caller can then restore changed session state on every
/// path.
pub fn contain<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(panic.downcast::<Unwinding>().map_or_else(Error::Panic, |error| error.0))
    })
}

/// Rethrows an error of Postgres inside a call made by [`catch`]. Returns other results.
///
/// # Safety
/// No caller up to that call holds a value with a destructor.
pub unsafe fn pass_on(result: Result<()>) -> Result<()> {
    if let Err(Error::Postgres(error)) = result {
        // SAFETY: a copy made by `catch`. The outer `catch` copies it into its own memory context.
        unsafe { ReThrowError(error) };
    }
    result
}

/// Handles a cancel or a timeout in code that cannot return an error: unwinds to the next [`contain`], which
/// must exist.
pub fn check_for_interrupts() {
    if memory::is_exhausted() {
        resume_unwind(Box::new(Unwinding(exhausted())));
    }
    // SAFETY: reads a flag of the backend.
    if unsafe { pg_sys::InterruptPending } == 0 {
        return;
    }
    // SAFETY: the body of CHECK_FOR_INTERRUPTS().
    if let Err(error) = catch(|| unsafe { ProcessInterrupts() }) {
        resume_unwind(Box::new(Unwinding(error)));
    }
}

/// Error that unwinds to [`contain`].
struct Unwinding(Error);

// SAFETY: a backend has one thread. A panic payload must be Send nevertheless.
unsafe impl Send for Unwinding {}

/// Allocates the memory reserve if it was used. Fails with 53200.
fn restore_reserve() -> Result<()> {
    if memory::restore() { Ok(()) } else { Err(exhausted()) }
}

/// Reserves memory for `more` bytes that may be many. Fails with 53200.
pub fn reserve(bytes: &mut Vec<u8>, more: usize) -> Result<()> {
    if memory::try_reserve(bytes, more) {
        return Ok(());
    }
    Err(exhausted().detail(format!("Failed on request of size {more}.")))
}

/// Error 53200: out of memory.
pub fn exhausted() -> Error {
    Error::new(SqlState::OutOfMemory, "out of memory")
}

/// Calls into Postgres and returns a thrown error with all its fields. Restores the memory context: functions
/// of SPI switch to one that ends with the connection.
///
/// `call` may only call functions declared by this crate's `extern` blocks: pgrx's bindings would turn the
/// error into a panic. `call` must not hold Rust values with destructors, which the jump would skip. The
/// caller must return the error, or roll back its subtransaction.
pub fn catch<T: Copy>(call: impl FnOnce() -> T + Copy) -> Result<T> {
    // SAFETY: as PG_TRY and PG_CATCH. Both stacks are restored on each path. The error is copied into the
    // caller's memory context. Closure and result are Copy, so the jump skips no destructor.
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
