//! import_from(): brings the tables of an application that carrel replaces the backend of over to carrel.
//!
//! Temporary views give the application's rows carrel's columns and types, so that what looks for problems
//! and what brings the rows in is SQL that does not depend on how the application had them.

use crate::access;
use crate::datums::TsVector;
use crate::documents;
use crate::error::{Error, Result, SqlState, check_for_interrupts, guard};
use crate::spi::Db;
use crate::usage;
use pgrx::datum::Uuid;
use pgrx::prelude::*;

const PROBLEMS: &str = include_str!("../../sql/operations/import/problems.sql");
const COUNTS: &str = "
    select 'user_profiles', count(*) from pg_temp.import_user_profiles
    union all select 'documents', count(*) from pg_temp.import_documents
    union all select 'document_chunks', count(*) from pg_temp.import_document_chunks
    union all select 'agent_sessions', count(*) from pg_temp.import_agent_sessions
    union all select 'agent_requests', count(*) from pg_temp.import_agent_requests
    union all select 'usage_events', count(*) from pg_temp.import_usage_events";
const ROWS: &str = include_str!("../../sql/operations/import/rows.sql");

/// What is read of a table of the application's, where it is there, and as which types.
struct Source {
    name: &'static str,
    columns: &'static [(&'static str, &'static str)],
}

/// A column of a table of the application's.
struct Found {
    name: String,
    is_without_zone: bool,
    /// Not of a type of Postgres' own: of an enumeration, say.
    is_of_own_type: bool,
}

/// In the order in which they are reported.
const SOURCES: [Source; 6] = [
    Source {
        name: "user_profiles",
        columns: &[
            ("id", "uuid"),
            ("user_id", "uuid"),
            ("name", "text"),
            ("plan_type", "text"),
            ("subscription_status", "text"),
            ("billing_anchor", "timestamptz"),
            ("billing_timezone", "text"),
            ("created_at", "timestamptz"),
            ("updated_at", "timestamptz"),
        ],
    },
    Source {
        name: "documents",
        columns: &[
            ("id", "uuid"),
            ("user_id", "uuid"),
            ("filename", "text"),
            ("file_type", "text"),
            ("file_size", "bigint"),
            ("processing_status", "text"),
            ("processing_error", "text"),
            ("content_text", "text"),
            ("storage_path", "text"),
            ("language", "text"),
            ("metadata", "jsonb"),
            ("created_at", "timestamptz"),
            ("updated_at", "timestamptz"),
        ],
    },
    Source {
        name: "document_chunks",
        columns: &[
            ("id", "uuid"),
            ("document_id", "uuid"),
            ("chunk_index", "integer"),
            ("content", "text"),
            ("section_title", "text"),
            ("heading_path", "text[]"),
            ("start_offset", "integer"),
            ("end_offset", "integer"),
            ("created_at", "timestamptz"),
        ],
    },
    Source {
        name: "agent_sessions",
        columns: &[
            ("id", "uuid"),
            ("user_id", "uuid"),
            ("title", "text"),
            ("request_chain", "jsonb"),
            ("context_state", "jsonb"),
            ("created_at", "timestamptz"),
            ("updated_at", "timestamptz"),
        ],
    },
    Source {
        name: "agent_requests",
        columns: &[
            ("id", "uuid"),
            ("user_id", "uuid"),
            ("agent_type", "text"),
            ("content", "text"),
            ("status", "text"),
            ("progress", "real"),
            ("results", "jsonb"),
            ("token_cost", "bigint"),
            ("error", "jsonb"),
            ("priority", "integer"),
            ("max_attempts", "integer"),
            ("created_at", "timestamptz"),
            ("started_at", "timestamptz"),
            ("completed_at", "timestamptz"),
            ("updated_at", "timestamptz"),
        ],
    },
    Source {
        name: "usage_events",
        columns: &[
            ("id", "uuid"),
            ("user_id", "uuid"),
            ("event_type", "text"),
            ("tokens_used", "bigint"),
            ("cost", "numeric"),
            ("metadata", "jsonb"),
            ("model", "text"),
            ("token_types", "jsonb"),
            ("request_id", "uuid"),
            ("occurred_at", "timestamptz"),
            ("created_at", "timestamptz"),
        ],
    },
];

/// A row of the result: a table and how many rows of it there are, or a problem and how many rows have it.
struct Finding {
    table: &'static str,
    rows: i64,
    problem: Option<String>,
    blocks: bool,
}

/// Brings the six tables of an existing application, those of them that the schema has, over to carrel: ids,
/// timestamps and chunks as they are. Missing profiles are made, counters rebuilt. A row for each table with how
/// many rows it has, and one for each problem with how many rows have it. With dry_run, the default, nothing is
/// changed; without, error 23514 where a problem would leave rows out. No such schema: 22023. For superusers.
#[pg_extern(volatile, parallel_unsafe)]
fn import_from(
    source_schema: Option<&str>,
    dry_run: default!(Option<bool>, "true"),
) -> TableIterator<
    'static,
    (name!(table_name, String), name!(row_count, i64), name!(problem, Option<String>)),
> {
    let findings = guard(|| {
        let schema = source_schema.ok_or_else(|| bad("source_schema must not be null"))?;
        let dry_run = dry_run.ok_or_else(|| bad("dry_run must not be null"))?;
        access::as_administrator("import_from", |db| {
            db.silence_notices();
            if !dry_run {
                usage::keep_from_changing()?;
            }
            let mut findings = read(db, schema, dry_run)?;
            problems(db, &mut findings)?;
            if !dry_run {
                refuse_blocked(schema, &findings)?;
                bring(db)?;
            }
            let views = SOURCES.map(|source| format!("pg_temp.import_{}", source.name)).join(", ");
            db.script(&format!("drop view {views}"))?;
            Ok(findings)
        })
    });
    TableIterator::new(
        findings
            .into_iter()
            .map(|finding| (finding.table.to_owned(), finding.rows, finding.problem)),
    )
}

/// Makes views of the six tables in a schema, under the tables' names, so that what an application asks of tables
/// there goes on working. They show and take what the caller may see and write, and are the operator's to drop. Roles
/// that were granted access may use them. Where the schema has such a name already: 55000. For superusers.
#[pg_extern(volatile, parallel_unsafe)]
fn create_views(target_schema: default!(Option<&str>, "'public'")) {
    guard(|| {
        let schema = target_schema.ok_or_else(|| bad("target_schema must not be null"))?;
        access::as_administrator("create_views", |db| {
            let (schema, taken) = db
                .first(
                    "select format('%I', nspname), (
                        select string_agg(format('%I.%I', nspname, relname), ', ' order by relname)
                        from pg_class where relnamespace = n.oid and relname::text = any ($2)
                    )
                    from pg_namespace as n where nspname::text = $1 and nspname <> 'carrel'",
                    &[schema.into(), SOURCES.map(|source| source.name.to_owned()).to_vec().into()],
                    |row| Ok((row.need::<String>(1)?, row.get::<String>(2))),
                )?
                .ok_or_else(|| bad(format!("there is no schema \"{schema}\" to make views in")))?;
            if let Some(taken) = taken {
                return Err(Error::new(
                    SqlState::ObjectNotInPrerequisiteState,
                    format!("{taken} is there already"),
                )
                .hint(format!("Move the tables out of the way: create schema {schema}_before; alter table … set schema {schema}_before")));
            }
            let roles = db.rows(
                "select distinct format('%I', role_name) from carrel.granted_roles order by 1",
                &[],
                |row| row.need::<String>(1),
            )?;
            for Source { name, .. } in &SOURCES {
                db.script(&format!(
                    "create view {schema}.{name} with (security_invoker = true) as select * from carrel.{name}"
                ))?;
                for role in &roles {
                    db.script(&format!(
                        "grant select, insert, update, delete on {schema}.{name} to {role}"
                    ))?;
                }
            }
            Ok(())
        })
    })
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(SqlState::InvalidParameterValue, message)
}

/// Makes the views, and counts what they have.
fn read(db: &Db, schema: &str, dry_run: bool) -> Result<Vec<Finding>> {
    let exists = "select exists (select from pg_namespace where nspname::text = $1)";
    if schema == "carrel" || !db.value::<bool>(exists, &[schema.into()])? {
        return Err(bad(format!("there is no schema \"{schema}\" to import from"))
            .hint("Name the schema that the application's tables are in, such as public."));
    }
    let mut findings = Vec::new();
    let mut is_any_there = false;
    for source in &SOURCES {
        let table = source.table(db, schema)?;
        is_any_there |= table.is_some();
        if let Some(table) = table.as_deref().filter(|_| !dry_run) {
            db.script(&format!("lock table {table} in share mode"))?;
        }
        let columns = source.found(db, table.as_deref())?;
        source.make_view(db, table.as_deref(), &columns)?;
        let rows = 0;
        findings.push(Finding { table: source.name, rows, problem: None, blocks: false });
        let notes = source.notes(&columns, table.is_some());
        findings.extend(notes.into_iter().map(|note| Finding {
            table: source.name,
            rows,
            problem: Some(note),
            blocks: false,
        }));
    }
    if !is_any_there {
        let names = SOURCES.map(|source| source.name).join(", ");
        return Err(bad(format!("schema \"{schema}\" has none of the tables to import"))
            .detail(format!("They are {names}.")));
    }
    let counts = db.rows(COUNTS, &[], |row| Ok((row.need::<String>(1)?, row.need::<i64>(2)?)))?;
    for finding in &mut findings {
        finding.rows =
            counts.iter().find(|(table, _)| table == finding.table).map_or(0, |count| count.1);
    }
    Ok(findings)
}

impl Source {
    /// The application's table, as SQL spells it.
    fn table(&self, db: &Db, schema: &str) -> Result<Option<String>> {
        db.first(
            "select format('%I.%I', n.nspname, c.relname)
            from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
            where n.nspname::text = $1 and c.relname::text = $2 and c.relkind in ('r', 'p')",
            &[schema.into(), self.name.into()],
            |row| row.need(1),
        )
    }

    /// The columns that the application's table has.
    fn found(&self, db: &Db, table: Option<&str>) -> Result<Vec<Found>> {
        db.rows(
            "select a.attname::text, a.atttypid = 'timestamp'::regtype, t.typnamespace <> 'pg_catalog'::regnamespace
            from pg_attribute as a join pg_type as t on t.oid = a.atttypid
            where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum",
            &[table.into()],
            |row| {
                Ok(Found {
                    name: row.need(1)?,
                    is_without_zone: row.need(2)?,
                    is_of_own_type: row.need(3)?,
                })
            },
        )
    }

    /// Makes the view of the application's table, or of no rows where it has none.
    fn make_view(&self, db: &Db, table: Option<&str>, found: &[Found]) -> Result<()> {
        let column = |&(name, kind): &(&str, &str)| {
            let Some(found) = found.iter().find(|found| found.name == name) else {
                return format!("null::{kind} as {name}");
            };
            // As text, for a cast of the application's own would be its code, run by a superuser.
            let value = if found.is_of_own_type {
                format!("case when t.{name} is not null then format('%s', t.{name}) end")
            } else if found.is_without_zone {
                format!("(t.{name} at time zone 'UTC')")
            } else {
                format!("t.{name}")
            };
            format!("{value}::{kind} as {name}")
        };
        let columns = self.columns.iter().map(column).collect::<Vec<_>>().join(", ");
        let rows = table.map_or("where false".to_owned(), |table| format!("from {table} as t"));
        db.script(&format!("create temporary view import_{} as select {columns} {rows}", self.name))
    }

    /// What of a table is not read as it is.
    fn notes(&self, found: &[Found], is_there: bool) -> Vec<String> {
        if !is_there {
            return vec!["there is no such table".to_owned()];
        }
        let listed = |of: &dyn Fn(&Found) -> bool| {
            let names = found.iter().filter(|found| of(found)).map(|found| found.name.as_str());
            names.collect::<Vec<_>>().join(", ")
        };
        let is_read = |name: &str| self.columns.iter().any(|(known, _)| *known == name);
        // Made anew from what is imported.
        const DERIVED: [&str; 2] = ["search_vector", "usage_count"];
        let unknown =
            listed(&|found| !is_read(&found.name) && !DERIVED.contains(&found.name.as_str()));
        let without_zone = listed(&|found| is_read(&found.name) && found.is_without_zone);
        let mut notes = Vec::new();
        if !unknown.is_empty() {
            notes.push(format!("columns that carrel does not have, left out: {unknown}"));
        }
        if !without_zone.is_empty() {
            notes.push(format!("timestamps without time zone, taken as UTC: {without_zone}"));
        }
        notes
    }
}

/// Adds the problems that rows have, each behind its table.
fn problems(db: &Db, findings: &mut Vec<Finding>) -> Result<()> {
    let problems = db.rows(PROBLEMS, &[], |row| {
        Ok((row.need::<String>(1)?, row.need(2)?, row.need::<String>(3)?, row.need(4)?))
    })?;
    for (table, rows, problem, blocks) in problems {
        let Some(last) = findings.iter().rposition(|finding| finding.table == table) else {
            continue;
        };
        let table = findings[last].table;
        findings.insert(last + 1, Finding { table, rows, problem: Some(problem), blocks });
    }
    Ok(())
}

/// Error 23514 where rows can't be brought in as they are.
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

/// Brings the rows in, and makes what is derived from them.
fn bring(db: &Db) -> Result<()> {
    db.script(ROWS)?;
    let documents = db.rows("select id from pg_temp.import_documents order by id", &[], |row| {
        row.need::<Uuid>(1)
    })?;
    for id in documents {
        check_for_interrupts();
        let (vector, words) = documents::vector_of_chunks(db, id)?;
        db.execute(
            "update carrel.documents set search_vector = $2, words = $3 where id = $1",
            &[id.into(), TsVector::from_body(&vector).into(), words.into()],
        )?;
    }
    db.script("drop table pg_temp.import_chains; set local row_security = on")?;
    usage::rebuild_all(db)
}
