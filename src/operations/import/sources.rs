//! Tables of the application: columns to read, their types, and how they are read.

use crate::pg::error::Result;
use crate::pg::heap::table_scan::{self, Lock};
use crate::pg::spi::{Db, NamedRows, subtransaction};
use pgrx::pg_sys;
use std::ffi::CStr;

/// Row of import_from(): a table with its number of rows, or a problem with the number of rows that
/// have it.
pub struct Finding {
    pub table: &'static str,
    pub rows: i64,
    pub problem: Option<String>,
    pub blocks: bool,
}

/// Table of the application, with the columns to read.
pub struct Source {
    pub name: &'static str,
    /// Name of its rows in SQL.
    relation: &'static CStr,
    columns: &'static [(&'static CStr, pg_sys::Oid)],
}

const UUID: pg_sys::Oid = pg_sys::UUIDOID;
const TEXT: pg_sys::Oid = pg_sys::TEXTOID;
const TEXTS: pg_sys::Oid = pg_sys::TEXTARRAYOID;
const INTEGER: pg_sys::Oid = pg_sys::INT4OID;
const BIGINT: pg_sys::Oid = pg_sys::INT8OID;
const REAL: pg_sys::Oid = pg_sys::FLOAT4OID;
const NUMERIC: pg_sys::Oid = pg_sys::NUMERICOID;
const JSONB: pg_sys::Oid = pg_sys::JSONBOID;
const TIME: pg_sys::Oid = pg_sys::TIMESTAMPTZOID;

/// Tables in the order of the result.
pub const SOURCES: [Source; 6] = [
    Source {
        name: "user_profiles",
        relation: c"import_user_profiles",
        columns: &[
            (c"id", UUID),
            (c"user_id", UUID),
            (c"name", TEXT),
            (c"plan_type", TEXT),
            (c"subscription_status", TEXT),
            (c"billing_anchor", TIME),
            (c"billing_timezone", TEXT),
            (c"created_at", TIME),
            (c"updated_at", TIME),
        ],
    },
    Source {
        name: "documents",
        relation: c"import_documents",
        columns: &[
            (c"id", UUID),
            (c"user_id", UUID),
            (c"filename", TEXT),
            (c"file_type", TEXT),
            (c"file_size", BIGINT),
            (c"processing_status", TEXT),
            (c"processing_error", TEXT),
            (c"content_text", TEXT),
            (c"storage_path", TEXT),
            (c"language", TEXT),
            (c"metadata", JSONB),
            (c"created_at", TIME),
            (c"updated_at", TIME),
        ],
    },
    Source {
        name: "document_chunks",
        relation: c"import_document_chunks",
        columns: &[
            (c"id", UUID),
            (c"document_id", UUID),
            (c"chunk_index", INTEGER),
            (c"content", TEXT),
            (c"section_title", TEXT),
            (c"heading_path", TEXTS),
            (c"start_offset", INTEGER),
            (c"end_offset", INTEGER),
            (c"created_at", TIME),
        ],
    },
    Source {
        name: "agent_sessions",
        relation: c"import_agent_sessions",
        columns: &[
            (c"id", UUID),
            (c"user_id", UUID),
            (c"title", TEXT),
            (c"request_chain", JSONB),
            (c"context_state", JSONB),
            (c"created_at", TIME),
            (c"updated_at", TIME),
        ],
    },
    Source {
        name: "agent_requests",
        relation: c"import_agent_requests",
        columns: &[
            (c"id", UUID),
            (c"user_id", UUID),
            (c"agent_type", TEXT),
            (c"content", TEXT),
            (c"status", TEXT),
            (c"progress", REAL),
            (c"results", JSONB),
            (c"token_cost", BIGINT),
            (c"error", JSONB),
            (c"priority", INTEGER),
            (c"max_attempts", INTEGER),
            (c"created_at", TIME),
            (c"started_at", TIME),
            (c"completed_at", TIME),
            (c"updated_at", TIME),
        ],
    },
    Source {
        name: "usage_events",
        relation: c"import_usage_events",
        columns: &[
            (c"id", UUID),
            (c"user_id", UUID),
            (c"event_type", TEXT),
            (c"tokens_used", BIGINT),
            (c"cost", NUMERIC),
            (c"metadata", JSONB),
            (c"model", TEXT),
            (c"token_types", JSONB),
            (c"request_id", UUID),
            (c"occurred_at", TIME),
            (c"created_at", TIME),
        ],
    },
];

/// Column of a table of the application.
struct TableColumn {
    name: String,
    /// Type; the base type of a domain.
    kind: pg_sys::Oid,
}

/// Microseconds from 2000, the epoch of Postgres, to the end of the year 9999.
const YEAR_10000: i64 = 252_455_616_000_000_000;

impl Source {
    /// Reads the application's table into a relation for SQL, and adds findings. An application
    /// without the table has no rows. Returns true if the table exists.
    pub(super) fn read(
        &self,
        db: &Db,
        schema: &str,
        lock: Lock,
        findings: &mut Vec<Finding>,
    ) -> Result<(NamedRows, bool)> {
        let table = self.table(db, schema)?;
        let mut rows = db.named_rows(self.relation, self.columns)?;
        let outcome = match table {
            Some((table, true)) => self.fill(table, lock, &mut rows)?,
            Some((_, false)) => Err("is no table: only tables are imported".to_owned()),
            None => Ok(0),
        };
        rows.publish()?;
        let count = rows.count();
        let mut add = |rows, problem, blocks| {
            findings.push(Finding { table: self.name, rows, problem, blocks });
        };
        add(count, None, false);
        match table {
            None => add(0, Some("there is no such table".to_owned()), false),
            Some((table, _)) => {
                for note in self.notes(&columns_of(db, table)?) {
                    add(count, Some(note), false);
                }
            }
        }
        match outcome {
            Err(problem) => add(1, Some(problem), true),
            Ok(0) => {}
            Ok(out_of_range) => {
                let problem = "times that are infinite or beyond the year 9999".to_owned();
                add(out_of_range, Some(problem), true);
            }
        }
        Ok((rows, table.is_some()))
    }

    /// Finds the application's relation, and tells if it is a table.
    fn table(&self, db: &Db, schema: &str) -> Result<Option<(pg_sys::Oid, bool)>> {
        db.first(
            "select c.oid, c.relkind in ('r', 'p')
            from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
            where n.nspname::text = $1 and c.relname::text = $2",
            &[schema.into(), self.name.into()],
            |row| Ok((row.need(1)?, row.need(2)?)),
        )
    }

    /// Reads all rows. Returns the number of rows with a time that carrel does not accept, or a
    /// description of the value that cannot be read.
    fn fill(
        &self,
        table: pg_sys::Oid,
        lock: Lock,
        rows: &mut NamedRows,
    ) -> Result<std::result::Result<i64, String>> {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        let mut out_of_range = 0;
        let mut unreadable = None;
        let read = subtransaction(|| {
            table_scan::read(table, lock, &names, |values| {
                let mut row = Vec::with_capacity(values.len());
                let mut is_out_of_range = false;
                for ((name, kind), value) in self.columns.iter().zip(values) {
                    let converted = value.map(|value| value.convert(*kind)).transpose();
                    let datum = converted.inspect_err(|error| {
                        if error.is_of_data() {
                            let name = name.to_string_lossy();
                            unreadable = Some(format!("{name}: {}", error.message()));
                        }
                    })?;
                    is_out_of_range |= *kind == TIME && datum.is_some_and(is_out_of_range_time);
                    row.push(datum);
                }
                out_of_range += i64::from(is_out_of_range);
                rows.add(&row)
            })
        });
        match (read, unreadable) {
            (Err(_), Some(problem)) => Ok(Err(problem)),
            (read, _) => read.map(|()| Ok(out_of_range)),
        }
    }

    /// Describes columns that are left out or converted.
    fn notes(&self, found: &[TableColumn]) -> Vec<String> {
        // Computed from the imported rows.
        const DERIVED: [&str; 2] = ["search_vector", "usage_count"];
        let kind_of = |name: &str| {
            let column = self.columns.iter().find(|column| column.0.to_bytes() == name.as_bytes());
            column.map(|column| column.1)
        };
        let listed = |of: &dyn Fn(&TableColumn) -> bool| {
            let names = found.iter().filter(|found| of(found)).map(|found| found.name.as_str());
            names.collect::<Vec<_>>().join(", ")
        };
        let unknown = listed(&|found| {
            kind_of(&found.name).is_none() && !DERIVED.contains(&found.name.as_str())
        });
        let without_zone =
            listed(&|found| kind_of(&found.name) == Some(TIME) && found.kind != TIME);
        let mut notes = Vec::new();
        if !unknown.is_empty() {
            notes.push(format!("columns that carrel does not have, left out: {unknown}"));
        }
        if !without_zone.is_empty() {
            notes.push(format!("times without a zone, taken as UTC: {without_zone}"));
        }
        notes
    }
}

fn is_out_of_range_time(datum: pg_sys::Datum) -> bool {
    let micros = datum.value() as i64;
    micros == i64::MIN || micros >= YEAR_10000
}

/// Lists the columns of a table.
fn columns_of(db: &Db, table: pg_sys::Oid) -> Result<Vec<TableColumn>> {
    db.rows(include_str!("../../../sql/operations/import/columns.sql"), &[table.into()], |row| {
        Ok(TableColumn { name: row.need(1)?, kind: row.need(2)? })
    })
}
