//! create_views(): views of carrel's tables in the schema of an existing application.

use super::import::SOURCES;
use super::invalid_argument;
use crate::access;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::spi::{self, Access, Db};
use pgrx::prelude::*;

/// Creates views of the six tables in a schema, under the tables' names, so that existing queries
/// of an application keep working.
///
/// The views show and accept the rows that the caller may see and write (security_invoker). Roles
/// of grant_user() and grant_service() may use them. Callable by superusers. Errors: 22023 (no such
/// schema, or carrel's own), 55000 (the schema has one of the names already).
#[pg_extern(volatile, parallel_unsafe)]
fn create_views(target_schema: default!(Option<&str>, "'public'")) {
    guard(|| {
        let schema =
            target_schema.ok_or_else(|| invalid_argument("target_schema must not be null"))?;
        access::require_superuser("create_views")?;
        if schema == "carrel" {
            return Err(invalid_argument("views cannot be in schema carrel, where the tables are"));
        }
        let roles = access::granted_role_names()?;
        spi::as_superuser(Access::Write, |db| {
            let (schema, before, taken) = db
                .first(
                    include_str!("../../sql/operations/view_target.sql"),
                    &[schema.into(), SOURCES.map(|source| source.name.to_owned()).to_vec().into()],
                    |row| {
                        Ok((row.need::<String>(1)?, row.need::<String>(2)?, row.get::<String>(3)))
                    },
                )?
                .ok_or_else(|| {
                    invalid_argument(format!("there is no schema \"{schema}\" to make views in"))
                })?;
            if let Some(taken) = taken {
                return Err(Error::new(
                    SqlState::ObjectNotInPrerequisiteState,
                    format!("{taken} is there already"),
                )
                .hint(format!("Move the tables out of the way: create schema {before}; alter table … set schema {before}")));
            }
            for name in SOURCES.map(|source| source.name) {
                db.script(&format!(
                    "create view {schema}.{name} with (security_invoker = true) as select * from carrel.{name}"
                ))?;
                revoke_defaults(db, &format!("{schema}.{name}"))?;
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

/// Revokes the privileges on a new view that default privileges granted: TRIGGER on a view runs code as the
/// role that writes to it.
fn revoke_defaults(db: &Db, view: &str) -> Result<()> {
    let grantees = db.rows(
        "select distinct coalesce(quote_ident(r.rolname), 'public')
        from pg_class as c
        cross join aclexplode(c.relacl) as a
        left join pg_roles as r on a.grantee = r.oid
        where c.oid = $1::regclass and a.grantee <> c.relowner
        order by 1",
        &[view.into()],
        |row| row.need::<String>(1),
    )?;
    grantees
        .iter()
        .try_for_each(|role| db.script(&format!("revoke all on {view} from {role} cascade")))
}
