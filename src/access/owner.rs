//! Role that owns carrel's tables, carrel_owner: creates it, finds its faults, and gives it the
//! tables.

use crate::definitions::table_names;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::owner::{find, foreign_table};
use crate::pg::spi::{self, Access, Db};

/// Creates carrel_owner if missing and grants it the schema and the extension's functions.
///
/// Fails with 42501 if the role has a fault: see [`faults`]. Callable by superusers: part of
/// migrate(), and of CREATE EXTENSION during a restore.
pub fn prepare() -> Result<()> {
    spi::need_writable(c"GRANT")?;
    spi::as_superuser(Access::Write, |db| {
        if find()?.is_none() {
            db.script("create role carrel_owner nologin noinherit")?;
            db.script(
                "comment on role carrel_owner is 'Owns the tables of the extension carrel. Nobody logs in as it or is its member.'",
            )?;
        }
        // The administrator of a role can grant it to carrel_owner, which gains nothing that it uses.
        for membership in faults(db)?.iter().filter(|fault| fault.is_membership) {
            db.script(&membership.remedy)?;
        }
        if let Some(fault) = faults(db)?.into_iter().next() {
            return Err(Error::new(
                SqlState::InsufficientPrivilege,
                format!("role \"carrel_owner\" {}", fault.description),
            )
            .detail("It owns carrel's tables, and must be nobody and have no other rights.")
            .hint(format!("Run: {}", fault.remedy)));
        }
        db.script("grant usage, create on schema carrel to carrel_owner")?;
        grant_functions(db)
    })
}

/// Grants carrel_owner EXECUTE on the extension's functions.
fn grant_functions(db: &Db) -> Result<()> {
    let functions =
        db.rows(include_str!("../../sql/access/owner_missing_execute.sql"), &[], |row| {
            row.need::<String>(1)
        })?;
    functions.iter().try_for_each(|function| {
        db.script(&format!("grant execute on function {function} to carrel_owner"))
    })
}

/// Attribute or membership that gives carrel_owner rights of others, or others its rights.
pub struct Fault {
    /// Rest of a sentence about the role.
    pub description: String,
    /// Statement that removes the fault.
    pub remedy: String,
    /// True if carrel_owner is a member of another role.
    is_membership: bool,
}

/// Lists attributes, members and memberships that make carrel_owner more than a role that owns
/// tables.
pub fn faults(db: &Db) -> Result<Vec<Fault>> {
    db.rows(include_str!("../../sql/access/owner_faults.sql"), &[], |row| {
        Ok(Fault { description: row.need(1)?, remedy: row.need(2)?, is_membership: row.need(3)? })
    })
}

/// Lists tables that carrel_owner does not own, and other objects of carrel that no superuser owns,
/// each with its remedy. Part of doctor().
pub fn foreign_tables(db: &Db) -> Result<Vec<String>> {
    db.rows(include_str!("../../sql/access/foreign_owners.sql"), &[table_names().into()], |row| {
        row.need(1)
    })
}

/// Gives carrel_owner the tables of superusers, for example after a restore without owners.
///
/// Fails with 42501 if another role owns a table. Part of migrate().
pub fn reassign_tables() -> Result<()> {
    spi::as_superuser(Access::Write, |db| {
        let tables = db.rows(
            include_str!("../../sql/access/tables_to_take.sql"),
            &[table_names().into()],
            |row| Ok((row.need(1)?, row.need(2)?, row.need::<bool>(3)?, row.need::<String>(4)?)),
        )?;
        for (relation, owner, is_superuser, name) in tables {
            if !is_superuser {
                return Err(foreign_table(relation, owner));
            }
            spi::patiently(|| {
                db.script(&format!("alter table carrel.{name} owner to carrel_owner"))
            })?;
        }
        Ok(())
    })
}
