//! The role that owns carrel's tables: making it, finding what is wrong with it, and giving it the tables.

use crate::definitions::table_names;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::owner::{find, foreign_table};
use crate::pg::spi::{self, Access, Db};

/// Creates the owner where it is missing, refuses one that is more than it should be, and lets it use the schema and the
/// extension's functions. For superusers: part of migrate(), and of CREATE EXTENSION while a dump is restored.
pub fn prepare() -> Result<()> {
    spi::need_writable(c"GRANT")?;
    spi::as_superuser(Access::Write, |db| {
        if find()?.is_none() {
            db.script("create role carrel_owner nologin noinherit")?;
            db.script(
                "comment on role carrel_owner is 'Owns the tables of the extension carrel. Nobody logs in as it or is its member.'",
            )?;
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

/// Grants the owner EXECUTE on those functions of the extension that it lacks.
fn grant_functions(db: &Db) -> Result<()> {
    let functions =
        db.rows(include_str!("../../sql/access/owner_missing_execute.sql"), &[], |row| {
            row.need::<String>(1)
        })?;
    functions.iter().try_for_each(|function| {
        db.script(&format!("grant execute on function {function} to carrel_owner"))
    })
}

/// Something about the owner that gives others its rights, or it others'.
pub struct Fault {
    /// Fault, as the rest of a sentence about the role.
    pub description: String,
    /// The statement that mends it.
    pub remedy: String,
}

/// Lists attributes, members and memberships that make the owner more than a role that owns tables.
pub fn faults(db: &Db) -> Result<Vec<Fault>> {
    db.rows(include_str!("../../sql/access/owner_faults.sql"), &[], |row| {
        Ok(Fault { description: row.need(1)?, remedy: row.need(2)? })
    })
}

/// Tables of carrel's that do not belong to the owner, and what else of it does not belong to a superuser, each with its mending.
/// Part of doctor().
pub fn foreign_tables(db: &Db) -> Result<Vec<String>> {
    db.rows(include_str!("../../sql/access/foreign_owners.sql"), &[table_names().into()], |row| {
        row.need(1)
    })
}

/// Gives the owner the tables that belong to superusers: those of a restore without owners, or from before there was this role. Error 42501 where
/// another role owns one. Part of migrate().
pub fn take_tables() -> Result<()> {
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
