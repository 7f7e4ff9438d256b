//! Event trigger that refuses code added by roles with fewer rights: on carrel's tables, in its
//! schema, and on tables that follow them.
//!
//! Reads the catalogs as they are when the command ends, not by the transaction's snapshot: a
//! column's type may have changed since.

use super::callers;
use super::privileges::RoleKind;
use crate::locks;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::locks::Mode;
use crate::pg::spi::{self, Access, Db};
use crate::pg::{owner, roles, xact};
use pgrx::prelude::*;

const ADDED_KEYS: &str = include_str!("../../sql/access/added_keys.sql");
const IS_CONNECTED: &str =
    "select exists (select from carrel.foreign_code() as f where f.relation = any($1))";
const CASTING_KEYS: &str = include_str!("../../sql/access/casting_keys.sql");

/// Object that a DDL command created or altered.
struct DdlCommand {
    object: pg_sys::Oid,
    identity: String,
    /// Name of the object's schema.
    schema: Option<String>,
    /// Table that the object is, or belongs to.
    table: Option<pg_sys::Oid>,
    is_trigger: bool,
}

/// Event trigger ON ddl_command_end: refuses triggers, foreign keys and functions that roles with
/// fewer rights add to carrel's tables and schema, and code on tables that follow them.
///
/// Superusers and the owner of the tables may add anything. Errors: 42501.
#[pg_extern(
    volatile,
    parallel_unsafe,
    sql = "create function carrel.refuse_added_code() returns event_trigger language c as 'MODULE_PATHNAME', '@FUNCTION_NAME@';"
)]
fn refuse_added_code() {
    guard(|| {
        let (current, of_session) = (roles::current(), roles::of_session());
        // Without an owner or a schema there is nothing to protect: migrate() reports them.
        let (Some(owner), true) = (owner::find()?, owner::has_schema()?) else { return Ok(()) };
        if current == owner || roles::has_superuser(current)? {
            return Ok(());
        }
        spi::as_owner_of_catalogs(owner, Access::Write, |db| {
            let commands = db.latest(|| {
                let commands = commands(db)?;
                commands.iter().try_for_each(|command| check_command(db, command, current))?;
                Ok(commands)
            })?;
            let tables: Vec<_> = commands.iter().filter_map(|command| command.table).collect();
            let is_connected: bool =
                db.latest(|| db.value(IS_CONNECTED, &[tables.clone().into()]))?;
            locks::lock_added_code(if is_connected { Mode::Exclusive } else { Mode::Shared })?;
            db.latest(|| check_followers(db, tables, [current, of_session]))
        })
    });
}

fn commands(db: &Db) -> Result<Vec<DdlCommand>> {
    db.rows(include_str!("../../sql/access/ddl_commands.sql"), &[], |row| {
        Ok(DdlCommand {
            object: row.need(1)?,
            identity: row.need(2)?,
            schema: row.get(3),
            is_trigger: row.need(4)?,
            table: row.get(5),
        })
    })
}

fn check_command(db: &Db, command: &DdlCommand, actor: pg_sys::Oid) -> Result<()> {
    let role = roles::name(actor)?;
    let identity = &command.identity;
    if command.schema.as_deref() == Some("carrel") {
        return Err(refused(format!("role \"{role}\" may not create {identity} in schema carrel"))
            .hint("Create it in a schema of your own."));
    }
    let Some(table) = command.table else { return Ok(()) };
    if command.is_trigger {
        let is_own: bool = db.value(
            "select exists (select from pg_class where oid = $1 and relnamespace = 'carrel'::regnamespace)",
            &[table.into()],
        )?;
        if is_own {
            return Err(refused(format!("role \"{role}\" may not add trigger {identity}"))
                .detail("It would run as the role that writes to the table.")
                .hint("Have a superuser create it."));
        }
    }
    let keys = db.rows(ADDED_KEYS, &[command.object.into()], |row| {
        Ok((row.need::<String>(1)?, row.need::<String>(2)?))
    })?;
    let is_new = |xmin: &str| xmin.parse().is_ok_and(xact::is_of_current);
    if let Some((key, _)) = keys.into_iter().find(|(_, xmin)| is_new(xmin))
        && !callers::rights_of(actor)?.has(RoleKind::Operator)
    {
        return Err(refused(format!(
            "role \"{role}\" may not add foreign key {key} to {identity}: it refers to carrel's tables"
        ))
        .detail("A row that refers to a user's could keep the user from being deleted.")
        .hint(format!("Have a superuser add it, or let the role administer carrel: select carrel.grant_operator('{role}')")));
    }
    let key: Option<String> =
        db.first(CASTING_KEYS, &[command.object.into()], |row| row.need(1))?;
    match key {
        None => Ok(()),
        Some(key) => Err(refused(format!(
            "foreign key {key} of {identity} must have columns of the types that it refers to"
        ))
        .detail("A cast between the types would run as the owner of carrel's tables.")
        .hint("Give the columns the types of those that they refer to.")),
    }
}

/// Refuses code that foreign_code() finds: on tables of the acting roles, and on any table if the command
/// changed one that foreign keys connect with carrel's.
fn check_followers(db: &Db, tables: Vec<pg_sys::Oid>, actors: [pg_sys::Oid; 2]) -> Result<()> {
    let found: Option<String> = db.first(
        include_str!("../../sql/access/follower_code.sql"),
        &[tables.into(), actors[0].into(), actors[1].into()],
        |row| row.need(1),
    )?;
    match found {
        None => Ok(()),
        Some(what) => Err(refused(format!("{what}, which is refused on tables that follow carrel's"))
            .detail("It would run in the sessions of those who delete carrel's rows.")
            .hint("Let the foreign key be ON DELETE CASCADE or NO ACTION, without triggers, rules and functions of your own in indexes and constraints, or have a superuser own the table.")),
    }
}

fn refused(message: String) -> Error {
    Error::new(SqlState::InsufficientPrivilege, message)
}
