//! Tables in the database: creates missing parts, and compares them with their definitions.

use super::{renamed, row_types};
use crate::definitions::{NamedSql, Table, normalized};
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spi::{self, Db};

/// Locks the existing ones of these tables by a single statement: sessions that write to several
/// tables lock them in another order than migrate() changes them.
pub fn lock_tables(db: &Db, names: impl Iterator<Item = &'static str>) -> Result<()> {
    let names: Vec<String> = names.map(str::to_owned).collect();
    let list: Option<String> = db
        .first(
            "select string_agg(format('carrel.%I', relname), ', ' order by relname) from pg_class
        where relnamespace = 'carrel'::regnamespace and relkind = 'r' and relname::text = any ($1)",
            &[names.into()],
            |row| Ok(row.get(1)),
        )?
        .flatten();
    match list {
        Some(list) => {
            spi::patiently(|| db.script(&format!("lock table {list} in access exclusive mode")))
        }
        None => Ok(()),
    }
}

/// Creates a table, or the missing columns, constraints and indexes of an existing one.
pub fn create_missing(db: &Db, table: &Table) -> Result<()> {
    if !relation_exists(db, table.name, "r")? {
        db.script(table.create())?;
    } else {
        for column in table.columns() {
            match column_type(db, table.name, &column)? {
                Some((_, true)) => restore_column(db, table.name, &column)?,
                Some((found, false)) => {
                    return Err(Error::new(
                        SqlState::ObjectNotInPrerequisiteState,
                        format!(
                            "column {} of table carrel.{} is of type {found}, where carrel needs {}",
                            column.name,
                            table.name,
                            wanted_type(&column)
                        ),
                    )
                    .hint("Rename the column, or alter its type; then run carrel.migrate() again."));
                }
                None => {
                    renamed::refuse(db, table, &column)?;
                    row_types::refuse(db)?;
                    db.script(&format!(
                        "alter table carrel.{} add column {}",
                        table.name, column.definition
                    ))?;
                }
            }
        }
        for constraint in table.constraints() {
            if !constraint_exists(db, table.name, constraint.name)? {
                db.script(&format!(
                    "alter table carrel.{} add {}",
                    table.name, constraint.definition
                ))?;
            }
        }
    }
    for index in table.indexes() {
        if !index_exists(db, table.name, index.name)? {
            db.script(index.definition)?;
        }
    }
    Ok(())
}

/// Restores the default and NOT NULL of a column.
fn restore_column(db: &Db, table: &str, column: &NamedSql) -> Result<()> {
    let (has_default, not_null) = column_state(db, table, column.name)?;
    if let Some(default) = column.default().filter(|_| !has_default) {
        db.script(&format!(
            "alter table carrel.{table} alter column {} set default {default}",
            column.name
        ))?;
    }
    if column.is_not_null() && !not_null {
        db.script(&format!(
            "alter table carrel.{table} alter column {} set not null",
            column.name
        ))?;
    }
    Ok(())
}

/// Tells if a column has a default, and if it is NOT NULL. Both are false for a missing column.
pub fn column_state(db: &Db, table: &str, column: &str) -> Result<(bool, bool)> {
    let state = db.first(
        "select atthasdef, attnotnull from pg_attribute
        where attrelid = format('carrel.%I', $1)::regclass and attname::text = $2 and not attisdropped",
        &[table.into(), column.into()],
        |row| Ok((row.need(1)?, row.need(2)?)),
    )?;
    Ok(state.unwrap_or_default())
}

pub fn relation_exists(db: &Db, name: &str, kind: &str) -> Result<bool> {
    db.value(
        "select exists (select from pg_class
            where relnamespace = 'carrel'::regnamespace and relname::text = $1 and relkind::text = $2)",
        &[name.into(), kind.into()],
    )
}

pub fn index_exists(db: &Db, table: &str, name: &str) -> Result<bool> {
    db.value(
        "select exists (select from pg_index
            where indrelid = format('carrel.%I', $1)::regclass and indexrelid = to_regclass(format('carrel.%I', $2)))",
        &[table.into(), name.into()],
    )
}

pub fn constraint_exists(db: &Db, table: &str, name: &str) -> Result<bool> {
    db.value(
        "select exists (select from pg_constraint
            where conrelid = format('carrel.%I', $1)::regclass and conname::text = $2)",
        &[table.into(), name.into()],
    )
}

/// Returns the type of a column, with its collation if it is not the type's, and true if both match
/// the definition. None: there is no such column. A definition without a collation matches any.
pub fn column_type(db: &Db, table: &str, column: &NamedSql) -> Result<Option<(String, bool)>> {
    db.first(
        include_str!("../../sql/schema/column_type.sql"),
        &[table.into(), column.name.into(), column.column_type().into(), column.collation().into()],
        |row| Ok((row.need(1)?, row.need(2)?)),
    )
}

/// Returns the defined type of a column, with its collation.
pub fn wanted_type(column: &NamedSql) -> String {
    match column.collation() {
        Some(collation) => format!("{} collate \"{collation}\"", column.column_type()),
        None => column.column_type().to_owned(),
    }
}

/// Describes the difference between an index and its definition. None: they are equal.
pub fn index_fault(db: &Db, name: &str, expected: &str) -> Result<Option<String>> {
    let found = db.first(
        "select pg_get_indexdef(indexrelid), indisvalid from pg_index
        where indexrelid = to_regclass(format('carrel.%I', $1))",
        &[name.into()],
        |row| Ok((row.get::<String>(1), row.need::<bool>(2)?)),
    )?;
    Ok(match found {
        None | Some((None, true)) => Some(format!("index {name} is missing")),
        Some((_, false)) => Some(format!("index {name} is invalid")),
        Some((Some(found), true)) if normalized(&found) != expected => {
            Some(format!("index {name} is: {found}"))
        }
        Some(_) => None,
    })
}

pub fn record_step(db: &Db, step: &str) -> Result<()> {
    db.execute(
        "insert into carrel.migrations (step_name, library_version) values ($1, $2)
        on conflict do nothing",
        &[step.into(), env!("CARGO_PKG_VERSION").into()],
    )?;
    Ok(())
}
