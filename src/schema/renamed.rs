//! Renamed columns. Adding the missing column beside a renamed one would hide the values.

use crate::definitions::{NamedSql, Table};
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spi::Db;

/// Finds the column that a missing column was probably renamed to: unknown to this version, of the
/// same type, and between the neighbours of the missing column.
///
/// Returns None for the last column: an earlier version may not have it, and columns of the
/// operator follow there. Also None if several columns match.
pub fn renamed_column(db: &Db, table: &Table, missing: &str) -> Result<Option<String>> {
    let names: Vec<String> = table.columns().map(|column| column.name.to_owned()).collect();
    let Some(NamedSql { name, definition }) = table.columns().find(|column| column.name == missing)
    else {
        return Ok(None);
    };
    let kind = NamedSql { name, definition }.column_type();
    let found = db.rows(
        include_str!("../../sql/schema/renamed_column.sql"),
        &[table.name.into(), kind.into(), names.into(), missing.into()],
        |row| row.need::<String>(1),
    )?;
    let mut found = found.into_iter();
    Ok(found.next().filter(|_| found.next().is_none()))
}

/// Fails with 55000 if the missing column was probably renamed.
pub fn refuse(db: &Db, table: &Table, column: &NamedSql) -> Result<()> {
    let Some(other) = renamed_column(db, table, column.name)? else { return Ok(()) };
    let quoted: String = db.value("select quote_ident($1)", &[other.as_str().into()])?;
    let (table, name, definition) = (table.name, column.name, column.definition);
    Err(Error::new(
        SqlState::ObjectNotInPrerequisiteState,
        format!("table carrel.{table} has no column {name}, but {quoted} in its place"),
    )
    .hint(format!(
        "If it was renamed: alter table carrel.{table} rename column {quoted} to {name}. \
         If it is another: alter table carrel.{table} add column {definition}. Then run carrel.migrate() again."
    )))
}
