//! carrel: the backend of a multi-tenant AI document application, inside Postgres.
//!
//! The map. SQL calls the domains: [`users`], [`documents`], [`search`], [`usage`], [`agents`], and
//! for operators [`access`], [`schema`] and [`operations`]. They ask [`identity`] who is calling, compute with the
//! `carrel_core` crate, which knows nothing of Postgres, and work on the tables through [`pg`], which knows no domain.
//!
//! The domains share these modules:
//!
//! - [`definitions`]: tables and rules as `sql/` defines them
//! - [`auth_users`]: follows the application's own table of users, such as auth.users
//! - [`calendar`]: billing periods, weeks, days and windows of a user
//! - [`idempotency`]: hashes of arguments, which distinguish a retry from another call
//! - [`lease_arguments`]: checks of the arguments that all functions over leases have
//! - [`locks`]: locks of users and definitions; [`notify`]: wakes workers
//!
//! The extension's SQL, in order: `sql/guard.sql`, the functions of this crate, among them
//! `sql/foreign_code.sql`, `sql/added_code.sql` and `sql/installation.sql`, then the functions' comments and
//! `sql/install.sql`, which ends with carrel.migrate(). Tables, policies and privileges are in `sql/tables`,
//! `sql/rules` and `sql/privileges`, which migrate() applies.
#![deny(unsafe_code, unsafe_op_in_unsafe_fn)]

mod access;
mod agents;
mod auth_users;
mod calendar;
mod definitions;
mod documents;
mod idempotency;
mod identity;
mod lease_arguments;
mod locks;
mod notify;
mod operations;
#[allow(unsafe_code)]
mod pg;
mod schema;
mod search;
mod usage;
mod users;

use pgrx::prelude::*;

::pgrx::pg_module_magic!(name, version);

extension_sql_file!("../sql/guard.sql", bootstrap);
extension_sql_file!("../sql/foreign_code.sql", name = "foreign_code");
extension_sql_file!("../sql/added_code.sql", requires = [access::added_code::refuse_added_code]);
extension_sql_file!("../sql/installation.sql");
include!(concat!(env!("OUT_DIR"), "/function_comments.rs"));
extension_sql_file!("../sql/install.sql", finalize);

/// Called by Postgres when the library is loaded.
#[pg_guard]
extern "C-unwind" fn _PG_init() {
    pg::memory::put_reserve_aside();
    pg::owner::set_tables(definitions::table_names());
    pg::foreign_code::install();
    auth_users::register_settings();
    identity::register_settings();
    users::register_settings();
    documents::register_settings();
    search::register_settings();
    notify::register_settings();
    pg::heap::register_settings();
    pg::guc::reserve_prefix(c"carrel");
}

/// Returns the version of the loaded library. Callable by users, services and operators.
#[pg_extern(stable, parallel_safe)]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

#[cfg(test)]
pub mod pg_test {
    pub fn setup(_options: Vec<&str>) {}

    pub fn postgresql_conf_options() -> Vec<&'static str> {
        vec![]
    }
}
