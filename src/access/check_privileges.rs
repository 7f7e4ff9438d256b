//! Enforces `sql/privileges` on every writing statement, whatever else a role was granted.
//!
//! Many guides grant everything on all tables to every role. Row-level security then still keeps
//! users to their own rows, but not to their own columns, and does not stop TRUNCATE. A trigger on
//! each table therefore checks each statement against the kinds of the caller's role. Columns that
//! an operator added are the operator's to grant.

use super::callers;
use super::privileges::RoleKind;
use crate::definitions::TABLES;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::owner;
use crate::pg::trigger::{self, Returned};
use pgrx::prelude::*;

/// Trigger BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE of each table: refuses a statement that
/// carrel does not grant to the caller, or that would run code of roles with fewer rights on tables
/// that follow.
///
/// Errors: 42501.
#[pg_trigger]
fn check_privileges<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring()? {
            return Ok(());
        }
        // Actions of foreign keys run triggers of the following tables as the role that deletes.
        if trigger::operation(trigger) != pg_sys::TRIGGER_EVENT_INSERT {
            owner::of_all_tables()?;
        }
        let rights = callers::rights()?;
        if rights.are_unrestricted() {
            return Ok(());
        }
        let table = trigger::table_name(trigger);
        let verb = match trigger::operation(trigger) {
            pg_sys::TRIGGER_EVENT_INSERT => "insert",
            pg_sys::TRIGGER_EVENT_UPDATE => "update",
            pg_sys::TRIGGER_EVENT_DELETE => "delete",
            _ => "truncate",
        };
        let may = |column: Option<&str>| {
            RoleKind::ALL.into_iter().filter(|kind| rights.has(*kind)).any(|kind| {
                kind.privileges().any(|privilege| {
                    privilege.class == "table"
                        && privilege.object == table
                        && privilege.privilege == verb
                        && (privilege.column.is_none() || privilege.column == column)
                })
            })
        };
        if may(None) {
            return Ok(());
        }
        if verb != "update" {
            let preposition = match verb {
                "insert" => "into ",
                "delete" => "from ",
                _ => "",
            };
            return Err(refused(verb, &format!("{preposition}table {table}"), ""));
        }
        for column in trigger::updated_columns(trigger)? {
            if is_carrels(&table, &column) && !may(Some(&column)) {
                return Err(refused(verb, &format!("column {column} of table {table}"), &column));
            }
        }
        Ok(())
    })
}

/// Tells if carrel defines a column.
fn is_carrels(table: &str, column: &str) -> bool {
    TABLES
        .iter()
        .filter(|defined| defined.name == table)
        .any(|defined| defined.columns().any(|defined| defined.name == column))
}

fn refused(verb: &str, what: &str, column: &str) -> Error {
    let role = callers::current_role();
    let error = Error::new(
        SqlState::InsufficientPrivilege,
        format!("permission denied to {verb} {what}: carrel does not grant it to role \"{role}\""),
    );
    match column {
        "" => error,
        _ => error.hint(format!("Leave {column} out of the statement.")),
    }
}
