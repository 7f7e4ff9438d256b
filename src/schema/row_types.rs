//! Columns of other tables whose type is the row type of one of carrel's tables. They block
//! upgrades: Postgres does not change a table while such a column exists.

use crate::definitions::TABLES;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spi::Db;

/// Lists the columns as `table.column`, including arrays, domains and composite types of a row
/// type.
pub fn used_by(db: &Db) -> Result<Vec<String>> {
    let names: Vec<String> = TABLES.iter().map(|table| table.name.to_owned()).collect();
    db.rows(include_str!("../../sql/schema/row_type_columns.sql"), &[names.into()], |row| {
        row.need(1)
    })
}

/// Lists the columns as problems. Part of doctor().
pub fn faults(db: &Db) -> Result<Vec<String>> {
    let used = used_by(db)?;
    Ok(used.iter().map(|column| format!("column {column} has a row type of carrel's")).collect())
}

/// Fails with 55000 if such a column exists, before a table is changed.
pub fn refuse(db: &Db) -> Result<()> {
    let used = used_by(db)?;
    if used.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        SqlState::ObjectNotInPrerequisiteState,
        format!("carrel's tables can't be changed: a row type of theirs is the type of {}", used.join(", ")),
    )
    .detail("Postgres changes no table whose row type another table's column has.")
    .hint("Drop the column, or store the row as jsonb: to_jsonb(row). Then run carrel.migrate() again."))
}
