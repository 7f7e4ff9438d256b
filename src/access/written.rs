//! Enforces `sql/privileges` on every statement that writes, whatever else a role was granted.
//!
//! Guides have operators grant everything on all tables to everybody. Row-level security keeps users to their own rows even
//! then, but not to the columns that are theirs to write, and not from TRUNCATE. A trigger on each table therefore asks, once
//! per statement, whether carrel grants the statement to a kind that the caller's role was granted as. Columns that an operator added
//! are the operator's to grant.

use super::callers;
use super::privileges::Kind;
use crate::pg::error::{Error, Result, SqlState, catch};
use crate::pg::ffi::{bms_next_member, get_attname};
use crate::pg::trigger::{self, Returned};
use crate::schema::definitions::TABLES;
use pgrx::prelude::*;
use std::ffi::CStr;

/// BEFORE each statement on carrel's tables: error 42501 where carrel does not grant it to the caller.
#[pg_trigger]
fn check_privileges<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        let rights = callers::rights()?;
        if rights.are_unrestricted() || trigger::restoring() {
            return Ok(());
        }
        let data = trigger.trigger_data();
        // SAFETY: a trigger is called with its relation open, whose name is a C string.
        let table = unsafe { CStr::from_ptr((*(*data.tg_relation).rd_rel).relname.data.as_ptr()) };
        let table = table.to_string_lossy();
        let verb = match trigger::operation(trigger) {
            pg_sys::TRIGGER_EVENT_INSERT => "insert",
            pg_sys::TRIGGER_EVENT_UPDATE => "update",
            pg_sys::TRIGGER_EVENT_DELETE => "delete",
            _ => "truncate",
        };
        let may = |column: Option<&str>| {
            Kind::ALL.into_iter().filter(|kind| rights.has(*kind)).any(|kind| {
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
            return Err(refused(verb, &format!("table {table}"), ""));
        }
        for column in updated_columns(data)? {
            if is_carrels(&table, &column) && !may(Some(&column)) {
                return Err(refused(verb, &format!("column {column} of table {table}"), &column));
            }
        }
        Ok(())
    })
}

/// Tells whether a column is one that carrel defines.
fn is_carrels(table: &str, column: &str) -> bool {
    TABLES
        .iter()
        .filter(|defined| defined.name == table)
        .any(|defined| defined.columns().any(|defined| defined.name == column))
}

/// The columns that an UPDATE names.
fn updated_columns(data: &pg_sys::TriggerData) -> Result<Vec<String>> {
    let mut columns = Vec::new();
    let mut member = -1;
    loop {
        let (set, last) = (data.tg_updatedcols, member);
        // SAFETY: the columns of this call, null where there are none.
        member = catch(|| unsafe { bms_next_member(set, last) })?;
        if member < 0 {
            return Ok(columns);
        }
        let number = member + pg_sys::FirstLowInvalidHeapAttributeNumber;
        // SAFETY: a column of the trigger's relation, which is open.
        let name =
            catch(|| unsafe { get_attname((*data.tg_relation).rd_id, number as i16, true) })?;
        if !name.is_null() {
            // SAFETY: a C string.
            columns.push(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned());
        }
    }
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
