//! Versions of library, extension and tables.
//!
//! They change one after the other: a server's package brings the library, ALTER EXTENSION UPDATE
//! the functions, and migrate() the tables.

use super::row_types;
use super::tables::{create_missing, record_step, relation_exists};
use crate::definitions::{STEPS, TABLES, Table};
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spi::Db;

const LIBRARY: &str = env!("CARGO_PKG_VERSION");
/// Table that records the steps applied to the tables.
const MIGRATIONS: &Table = &TABLES[0];

/// Fails with 55000 if the extension is of another version than the library, since the rules name
/// functions of this version, or if the tables are of a later one.
pub fn refuse_other_versions(db: &Db) -> Result<()> {
    if let Some(version) = other_extension(db)? {
        return Err(Error::new(
            SqlState::ObjectNotInPrerequisiteState,
            format!("the extension here is version {version}, but the library is {LIBRARY}"),
        )
        .hint("Run: alter extension carrel update; then: select carrel.migrate(). Or, where the library is the older one, install the later."));
    }
    match unknown_steps(db)?.first() {
        None => Ok(()),
        Some(step) => Err(Error::new(
            SqlState::ObjectNotInPrerequisiteState,
            format!("the tables here are of a later version than the library, which is {LIBRARY}"),
        )
        .detail(format!("They have had {step}, which it does not know."))
        .hint("Install the version of carrel that they come from, or a later one.")),
    }
}

/// Applies pending steps in order. Tables created now need none: their steps are only recorded.
pub fn apply_steps(db: &Db) -> Result<()> {
    let is_fresh = !any_table(db)?;
    create_missing(db, MIGRATIONS)?;
    let steps = pending(db)?;
    if !is_fresh && !steps.is_empty() {
        row_types::refuse(db)?;
    }
    for step in steps {
        if !is_fresh {
            db.script(step.1)?;
        }
        record_step(db, step.0)?;
    }
    Ok(())
}

/// Lists differences between the versions of library, extension and tables. Part of doctor().
pub fn differences(db: &Db) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    if let Some(version) = other_extension(db)? {
        problems.push(format!(
            "the extension is version {version}, but the library is {LIBRARY}: alter extension carrel update"
        ));
    }
    if relation_exists(db, MIGRATIONS.name, "r")? {
        let steps = pending(db)?;
        problems.extend(steps.iter().map(|(step, _)| format!("the tables have not had {step}")));
    }
    let unknown = unknown_steps(db)?;
    problems.extend(
        unknown.iter().map(|step| {
            format!("the tables have had {step}, which library {LIBRARY} does not know")
        }),
    );
    Ok(problems)
}

/// Returns the version of the extension, if it is not the library's.
fn other_extension(db: &Db) -> Result<Option<String>> {
    db.first(
        "select extversion from pg_extension where extname = 'carrel' and extversion <> $1",
        &[LIBRARY.into()],
        |row| row.need(1),
    )
}

/// Tells if none of the tables exists yet.
pub fn has_no_tables(db: &Db) -> Result<bool> {
    any_table(db).map(|any| !any)
}

fn any_table(db: &Db) -> Result<bool> {
    for table in &TABLES {
        if relation_exists(db, table.name, "r")? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn pending(db: &Db) -> Result<Vec<(&'static str, &'static str)>> {
    let recorded = recorded(db)?;
    Ok(STEPS.iter().filter(|(step, _)| !recorded.iter().any(|r| r == step)).copied().collect())
}

fn unknown_steps(db: &Db) -> Result<Vec<String>> {
    if !relation_exists(db, MIGRATIONS.name, "r")? {
        return Ok(Vec::new());
    }
    let mut recorded = recorded(db)?;
    recorded.retain(|recorded| !STEPS.iter().any(|(step, _)| step == recorded));
    Ok(recorded)
}

fn recorded(db: &Db) -> Result<Vec<String>> {
    db.rows(
        "select step_name from carrel.migrations where step_name like 'steps/%' order by 1",
        &[],
        |row| row.need(1),
    )
}
