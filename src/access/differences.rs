//! Differences between the privileges in the catalog and the privileges that carrel grants.

use super::callers;
use super::named_roles::of_named_roles;
use super::privileges::{Privilege, RoleKind};
use crate::definitions::TABLES;
use crate::pg::error::Result;
use crate::pg::spi::Db;
use pgrx::pg_sys;

const DIFFERENCES: &str = include_str!("../../sql/access/differences.sql");
const DEFAULT_PRIVILEGES: &str = include_str!("../../sql/access/default_privileges.sql");

/// Privilege that a role has without a grant by carrel, or is missing.
pub struct Difference {
    pub description: String,
    /// Statement that removes the difference.
    pub remedy: String,
    /// True if carrel repairs it: a privilege of PUBLIC, of a granted role, or given by default
    /// privileges.
    pub is_carrels: bool,
}

/// Lists the differences: schema first, then tables, columns and functions.
pub fn differences(db: &Db) -> Result<Vec<Difference>> {
    let expected: Vec<(RoleKind, Privilege)> = RoleKind::ALL
        .into_iter()
        .flat_map(|kind| kind.privileges().map(move |privilege| (kind, privilege)))
        .collect();
    let column = |of: fn(&(RoleKind, Privilege)) -> &'static str| -> Vec<String> {
        expected.iter().map(|entry| of(entry).to_owned()).collect()
    };
    let (roles, kinds) = granted(db)?.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
    let tables: Vec<String> = TABLES.iter().map(|table| table.name.to_owned()).collect();
    let columns: Vec<String> = TABLES
        .iter()
        .flat_map(|table| table.columns().map(|column| format!("{}.{}", table.name, column.name)))
        .collect();
    db.planned_for_values(|| {
        db.rows(
            DIFFERENCES,
            &[
                column(|(kind, _)| kind.name()).into(),
                column(|(_, privilege)| privilege.class).into(),
                column(|(_, privilege)| privilege.object).into(),
                column(|(_, privilege)| privilege.column.unwrap_or_default()).into(),
                column(|(_, privilege)| privilege.privilege).into(),
                roles.into(),
                kinds.into(),
                tables.into(),
                columns.into(),
            ],
            |row| {
                Ok(Difference {
                    description: row.need(1)?,
                    remedy: row.need(2)?,
                    is_carrels: row.need(3)?,
                })
            },
        )
    })
}

/// Lists the granted roles that exist, with their kinds.
pub fn granted(db: &Db) -> Result<Vec<(pg_sys::Oid, String)>> {
    db.rows(
        of_named_roles!(
            "select role, kind from named where granted and counts and role is not null order by 1, 2"
        ),
        &[callers::installation()?.into()],
        |row| Ok((row.need(1)?, row.need(2)?)),
    )
}

/// Lists default privileges that give others rights on new objects in carrel's schema, each with
/// the statement that removes it.
pub fn default_privileges(db: &Db) -> Result<Vec<String>> {
    db.rows(DEFAULT_PRIVILEGES, &[], |row| row.need(1))
}
