//! import_from(): copies the tables of an existing application into carrel.
//!
//! The application's rows are read with carrel's columns and types into relations named import_*
//! ([`sources`]). The SQL that finds problems and inserts rows therefore does not depend on the
//! application's tables.

mod sources;

use super::invalid_argument;
use crate::access;
use crate::auth_users;
use crate::calendar;
use crate::documents;
use crate::locks;
use crate::pg::error::{Error, Result, SqlState, check_for_interrupts, guard};
use crate::pg::heap::table_scan::Lock;
use crate::pg::spi::{self, Access, Db};
use crate::pg::trigger;
use crate::pg::values::TsVector;
use crate::pg::xact;
use crate::search;
use crate::usage;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
pub(super) use sources::{Finding, SOURCES};

const PROBLEMS: &str = include_str!("../../../sql/operations/import/problems.sql");
const DOCUMENTS: &str = include_str!("../../../sql/operations/import/documents.sql");
const CHUNKS: &str = include_str!("../../../sql/operations/import/chunks.sql");
const REQUESTS: &str = include_str!("../../../sql/operations/import/requests.sql");

/// Imports the tables of an existing application, those of the six that the schema has: ids,
/// timestamps and chunks stay as they are.
///
/// Creates missing profiles and rebuilds counters. Returns one row for each table with its number
/// of rows, and one for each problem with the number of rows that have it. With `dry_run`, the
/// default, nothing is changed. During an import, recording usage waits. Callable by superusers.
/// Errors: 22023 (no such schema, or no table to import), 23514 (rows that cannot be imported),
/// 55000 (in a REPEATABLE READ or SERIALIZABLE transaction, unless dry_run).
#[pg_extern(volatile, parallel_unsafe)]
fn import_from(
    source_schema: Option<&str>,
    dry_run: default!(Option<bool>, "true"),
) -> TableIterator<
    'static,
    (name!(table_name, String), name!(row_count, i64), name!(problem, Option<String>)),
> {
    let findings = guard(|| {
        let schema =
            source_schema.ok_or_else(|| invalid_argument("source_schema must not be null"))?;
        let dry_run = dry_run.ok_or_else(|| invalid_argument("dry_run must not be null"))?;
        if dry_run {
            access::as_administrator("import_from", Access::Read, |db| import(db, schema, dry_run))
        } else {
            access::as_administrator("import_from", Access::Write, |db| import(db, schema, dry_run))
        }
    });
    TableIterator::new(
        findings
            .into_iter()
            .map(|finding| (finding.table.to_owned(), finding.rows, finding.problem)),
    )
}

fn import(db: &Db, schema: &str, dry_run: bool) -> Result<Vec<Finding>> {
    if !dry_run {
        spi::need_writable(c"INSERT")?;
    }
    db.silence_notices();
    let exists = "select exists (select from pg_namespace where nspname::text = $1)";
    if schema == "carrel" || !db.value::<bool>(exists, &[schema.into()])? {
        return Err(invalid_argument(format!("there is no schema \"{schema}\" to import from"))
            .hint("Name the schema that the application's tables are in, such as public."));
    }
    if xact::is_repeatable() && !dry_run {
        return Err(Error::new(
            SqlState::ObjectNotInPrerequisiteState,
            "rows can't be imported in a REPEATABLE READ or SERIALIZABLE transaction",
        )
        .detail("Its snapshot may lack rows that were committed since.")
        .hint("Do it in a READ COMMITTED transaction."));
    }
    let lock = if dry_run { Lock::Definition } else { Lock::Rows };
    let mut findings = Vec::new();
    let mut relations = Vec::new();
    let mut is_any_there = false;
    for source in &SOURCES {
        let (rows, is_there) =
            db.written_exactly(|| source.read(db, schema, lock, &mut findings))?;
        relations.push(rows);
        is_any_there |= is_there;
    }
    if !is_any_there {
        let names = SOURCES.map(|source| source.name).join(", ");
        return Err(invalid_argument(format!(
            "schema \"{schema}\" has none of the tables to import"
        ))
        .detail(format!("They are {names}.")));
    }
    // Rows that could not be read would be reported as missing.
    if !findings.iter().any(|finding| finding.blocks) {
        find_problems(db, &mut findings)?;
    }
    if !dry_run {
        refuse_blocked(schema, &findings)?;
        locks::lock_all_users()?;
        insert_rows(db)?;
    }
    relations.into_iter().try_for_each(|rows| rows.end())?;
    Ok(findings)
}

/// Inserts the problems of rows after the findings of their tables.
fn find_problems(db: &Db, findings: &mut Vec<Finding>) -> Result<()> {
    let mut add = |table: &str, rows, problem, blocks| {
        if let Some(last) = findings.iter().rposition(|finding| finding.table == table) {
            let table = findings[last].table;
            findings.insert(last + 1, Finding { table, rows, problem: Some(problem), blocks });
        }
    };
    let problems = db.planned_for_values(|| {
        db.rows(PROBLEMS, &[usage::MOST.into()], |row| {
            Ok((row.need::<String>(1)?, row.need(2)?, row.need::<String>(3)?, row.need(4)?))
        })
    })?;
    for (table, rows, problem, blocks) in problems {
        add(&table, rows, problem, blocks);
    }
    let values = include_str!("../../../sql/operations/import/values.sql");
    let values = db.rows(values, &[], |row| {
        Ok((row.need::<String>(1)?, row.get::<String>(2), row.need::<i64>(3)?))
    })?;
    for (table, value, rows) in values {
        let checked = match (table.as_str(), &value) {
            ("user_profiles", Some(zone)) => calendar::zone(zone).map(|_| ()),
            ("documents", Some(language)) => {
                documents::Parser::for_language(db, language).map(|_| ())
            }
            ("usage_events", event_type) => usage::checked_type(event_type.as_deref()).map(|_| ()),
            _ => Ok(()),
        };
        if let Err(error) = checked {
            add(&table, rows, error.message(), true);
        }
    }
    if let Some(rows) = auth_users::followed_users(db)? {
        let strangers = include_str!("../../../sql/operations/import/unknown_users.sql");
        match db.value::<i64>(strangers, &[])? {
            0 => {}
            users => {
                add("user_profiles", users, "users who are not in auth.users".to_owned(), true)
            }
        }
        rows.end()?;
    }
    Ok(())
}

/// Fails with 23514 if there are rows that cannot be imported.
fn refuse_blocked(schema: &str, findings: &[Finding]) -> Result<()> {
    let blocked: Vec<String> = findings
        .iter()
        .filter(|finding| finding.blocks)
        .map(|Finding { table, rows, problem, .. }| {
            format!("{table}: {rows} {}", problem.as_deref().unwrap_or_default())
        })
        .collect();
    if blocked.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        SqlState::CheckViolation,
        format!("rows of schema \"{schema}\" can't be imported as they are"),
    )
    .detail(blocked.join("\n"))
    .hint("Nothing was imported. Mend or delete those rows; carrel.import_from() without dry_run => false lists them again."))
}

/// Inserts the rows, and derives search statistics, chunks' words, documents' vectors and usage totals.
fn insert_rows(db: &Db) -> Result<()> {
    trigger::as_in_a_restore(|| db.script(DOCUMENTS))?;
    search::count_names(db, include_str!("../../../sql/operations/import/names.sql"))?;
    db.script(CHUNKS)?;
    trigger::as_in_a_restore(|| {
        db.script(REQUESTS)?;
        set_vectors(db)
    })?;
    usage::rebuild_all(db)
}

/// Computes the search vectors of documents from their chunks.
fn set_vectors(db: &Db) -> Result<()> {
    let documents =
        db.rows("select id from import_documents order by id", &[], |row| row.need::<Uuid>(1))?;
    for id in documents {
        check_for_interrupts();
        let (vector, words) = documents::vector_of_chunks(db, id)?;
        db.execute(
            "update carrel.documents set search_vector = $2, words = $3 where id = $1",
            &[id.into(), TsVector::from_body(&vector).into(), words.into()],
        )?;
    }
    Ok(())
}
