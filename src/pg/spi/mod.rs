//! SQL statements: the only module that calls SPI.
//!
//! Work runs as the caller or as the owner, always with a pinned `search_path`: names and operators in
//! carrel's SQL cannot resolve to objects of other roles. Errors are returned as
//! [`Error`](crate::pg::error::Error) with all fields. Plans are kept for the life of the backend, by
//! statement text.

mod args;
pub mod caller;
mod connection;
mod pins;
mod relations;
mod rights;
mod settings;
mod stream;
mod subtransaction;
mod waiting;

pub use args::Args;
pub use connection::{
    Access, Arg, Db, Row, as_caller, as_owner_of_catalogs, missing_column, need_writable,
    null_column, set_followed_by_others,
};
pub use pins::{is_set_by_session, pin, role_that_set, set_local};
pub use relations::NamedRows;
pub use rights::{as_owner, as_owner_now, as_superuser, is_superuser_work};
pub use stream::PassingRow;
pub use subtransaction::subtransaction;
pub use waiting::{BRIEFLY, LOCK_PATIENCE, NOT_AT_ALL, patiently, waiting_at_most};

#[cfg(any(test, feature = "pg_test"))]
#[pgrx::pg_schema]
#[allow(clippy::disallowed_types, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::pg::error::{Error, Result};
    use pgrx::prelude::*;
    use std::ffi::c_char;

    const RAISE: &str = "do $$ begin
        raise exception 'no quota' using errcode = 'PT402', detail = 'd', hint = 'h', constraint = 'c';
    end $$";

    fn raise() -> Result<()> {
        as_caller(Access::Write, |db| db.script(RAISE))
    }

    #[pg_test]
    fn errors_keep_their_fields_across_spi() {
        let Err(Error::Postgres(error)) = subtransaction(raise) else {
            panic!("the error was lost");
        };
        // SAFETY: a copy in this function's memory context.
        let field = |text: *const c_char| unsafe { std::ffi::CStr::from_ptr(text) };
        // SAFETY: a copy in this function's memory context.
        let error = unsafe { &*error };
        assert_eq!(field(error.message), c"no quota");
        assert_eq!(field(error.detail), c"d");
        assert_eq!(field(error.hint), c"h");
        assert_eq!(field(error.constraint_name), c"c");
        assert!(!error.context.is_null());
    }

    #[pg_test]
    fn a_session_stays_sound_after_thousands_of_caught_errors() {
        for _ in 0..5_000 {
            assert!(subtransaction(raise).is_err());
        }
        let ask = |sql| as_caller(Access::Read, |db| db.value::<String>(sql, &[])).ok();
        assert_eq!(ask("select current_user::text"), ask("select session_user::text"));
        let path = "select current_setting('search_path')";
        assert_eq!(ask(path).as_deref(), Some("pg_catalog, pg_temp"));
        assert_ne!(Spi::get_one::<String>(path).ok().flatten(), ask(path));
    }

    #[pg_test]
    fn plans_do_not_depend_on_the_callers_settings() {
        Spi::run("set jit = on; set enable_indexscan = off; set random_page_cost = 1")
            .expect("set-up");
        let ask = |sql| as_owner(Access::Read, |db| db.value::<String>(sql, &[])).ok();
        assert_eq!(ask("select current_setting('jit')").as_deref(), Some("off"));
        assert_eq!(ask("select current_setting('enable_indexscan')").as_deref(), Some("on"));
        assert_eq!(ask("select current_setting('random_page_cost')").as_deref(), Some("4"));
        let after = Spi::get_one::<String>("select current_setting('jit')");
        assert_eq!(after.ok().flatten().as_deref(), Some("on"));
    }

    #[pg_test]
    fn reading_assigns_no_transaction_id() {
        let assigned = as_owner(Access::Read, |db| {
            db.rows("select * from carrel.plans", &[], |_| Ok(()))?;
            db.value::<bool>("select pg_current_xact_id_if_assigned() is not null", &[])
        });
        assert_eq!(assigned.ok(), Some(false));
    }

    #[pg_test]
    fn a_limit_never_keeps_statement_triggers_from_firing() {
        Spi::run(
            "create temp table fired (t text);
            create temp table t (i int);
            create function pg_temp.f() returns trigger language plpgsql as
                $$ begin insert into pg_temp.fired values ('x'); return null; end $$;
            create trigger t after insert on t for each statement execute function pg_temp.f()",
        )
        .expect("set-up");
        let fired = as_caller(Access::Write, |db| {
            db.first(
                "insert into pg_temp.t select generate_series(1, 3) returning i",
                &[],
                |row| row.need::<i32>(1),
            )?;
            db.value::<i64>("select count(*) from pg_temp.fired", &[])
        });
        assert_eq!(fired.ok(), Some(1));
    }
}
