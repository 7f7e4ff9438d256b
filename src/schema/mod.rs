//! migrate() and doctor(): the only code that creates or alters tables.
//!
//! The tables are not members of the extension: a dump then carries a user's changes to them, and
//! DROP EXTENSION keeps the data. migrate() therefore works outside of the extension's script, even
//! if the script calls it: see [`extension::outside_of_script`].

mod doctor;
mod doctor_data;
mod embeddings;
mod keys;
mod renamed;
mod row_types;
mod tables;
mod versions;

use crate::access;
use crate::access::owner;
use crate::auth_users;
use crate::definitions::{RULES, STATISTICS_DRIFT, TABLES, index_comments};
use crate::locks;
use crate::pg;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::extension;
use crate::pg::spi::{self, Access, Db};
use crate::search;
use pgrx::prelude::*;
use tables::{create_missing, lock_tables, record_step};

/// Creates missing tables, columns, constraints and indexes, and applies policies, triggers,
/// defaults, privileges and comments again.
///
/// Idempotent; runs in the caller's transaction; never drops objects that a user added. Callable by
/// superusers. Errors: 42501 (schema, table or role of carrel's has an untrusted owner or member),
/// 55000 (versions of library, extension and tables differ, or a column was renamed or has another
/// type).
#[pg_extern(volatile, parallel_unsafe)]
fn migrate() {
    guard(|| {
        access::require_superuser("migrate")?;
        let is_in_script = extension::is_in_script();
        extension::outside_of_script(|| {
            access::lock_definitions()?;
            owner::prepare()?;
            refuse_foreign_schema()?;
            owner::reassign_tables()?;
            let is_new = spi::as_owner_of_catalogs(
                pg::owner::oid()?,
                Access::Write,
                versions::has_no_tables,
            )?;
            spi::as_owner(Access::Write, change_tables)?;
            keys::enable()?;
            spi::as_owner(Access::Write, |db| {
                access::refresh_records(db, access::ForeignRecords::Adopt)
            })?;
            if is_in_script || is_new {
                access::adopt_known_roles()?;
            }
            access::repair_privileges()?;
            auth_users::follow_known()
        })
    })
}

/// Creates the role carrel_owner if it is missing.
///
/// CREATE EXTENSION calls it during a restore, before the dump creates the tables and names their
/// owner. Callable by superusers. Errors: 42501 (carrel_owner has members or more rights than it
/// should).
#[pg_extern(volatile, parallel_unsafe)]
fn prepare_owner() {
    guard(|| {
        access::require_superuser("prepare_owner")?;
        extension::outside_of_script(owner::prepare)
    })
}

fn change_tables(db: &Db) -> Result<()> {
    // Hides notices such as "policy does not exist, skipping".
    db.silence_notices();
    versions::refuse_other_versions(db)?;
    // Recording usage takes these locks before the locks of any table, and the rules change plans.
    spi::patiently(|| {
        locks::lock_all_users()?;
        lock_tables(db, TABLES.iter().map(|table| table.name))
    })?;
    versions::apply_steps(db)?;
    for table in &TABLES {
        create_missing(db, table)?;
    }
    for table in &TABLES {
        record_step(db, &format!("tables/{}", table.name))?;
    }
    for rules in RULES {
        db.script(rules)?;
    }
    search::rebuild_differing_statistics(db, STATISTICS_DRIFT)?;
    for comment in TABLES.iter().flat_map(|table| index_comments(table.sql)) {
        db.script(&comment)?;
    }
    embeddings::restore(db)
}

/// Fails with 42501 if the schema's owner is neither a superuser nor the extension's owner: it
/// could add functions beside carrel's (the class of CVE-2022-2625).
fn refuse_foreign_schema() -> Result<()> {
    let foreign = spi::as_caller(Access::Read, |db| {
        db.first(include_str!("../../sql/schema/foreign_schema.sql"), &[], |row| {
            Ok((row.need::<String>(1)?, row.need::<String>(2)?))
        })
    })?;
    let Some((owner, extension_owner)) = foreign else { return Ok(()) };
    Err(Error::new(
        SqlState::InsufficientPrivilege,
        format!(
            "schema carrel belongs to role \"{owner}\", but the extension to \"{extension_owner}\""
        ),
    )
    .detail("Its owner could run code as every role that uses carrel.")
    .hint(format!(
        "If what is in it can be trusted: alter schema carrel owner to \"{extension_owner}\""
    )))
}
