//! migrate() and doctor(): the only code that creates or alters tables.
//!
//! Tables are ordinary ones, not members of the extension: then a dump carries all that a user did
//! to them, and DROP EXTENSION leaves the data. So migrate() works outside of the extension's script
//! even when the script calls it, see [`outside_of_script`].

mod doctor;
mod doctor_data;
mod embeddings;
mod keys;
mod renamed;
mod row_types;
mod versions;

use crate::access;
use crate::access::owner;
use crate::auth_users;
use crate::definitions::{Part, RULES, TABLES, Table};
use crate::pg;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::extension;
use crate::pg::spi::{self, Access, Db};
use crate::usage;
use pgrx::prelude::*;

/// Creates what is missing of carrel's tables and applies policies, triggers, defaults, privileges and comments again. Idempotent; in
/// the caller's transaction; never drops what a user added. For superusers.
#[pg_extern(volatile, parallel_unsafe)]
fn migrate() {
    guard(|| {
        access::require_superuser("migrate")?;
        let is_in_script = extension::is_in_script();
        extension::outside_of_script(|| {
            access::lock_definitions()?;
            owner::prepare()?;
            refuse_foreign_schema()?;
            owner::take_tables()?;
            let is_first =
                spi::as_owner_of_catalogs(pg::owner::oid()?, Access::Write, versions::is_first)?;
            spi::as_owner(Access::Write, change_tables)?;
            keys::enable()?;
            spi::as_owner(Access::Write, |db| {
                access::refresh_records(db, access::Strangers::Adopt)
            })?;
            if is_in_script || is_first {
                access::adopt_known_roles()?;
            }
            access::mend_privileges()?;
            auth_users::follow_known()
        })
    })
}

/// Makes carrel's owner where it is missing. CREATE EXTENSION calls it while a dump is restored, which brings the tables and
/// says whose they are. For superusers.
#[pg_extern(volatile, parallel_unsafe)]
fn prepare_owner() {
    guard(|| {
        access::require_superuser("prepare_owner")?;
        extension::outside_of_script(owner::prepare)
    })
}

fn change_tables(db: &Db) -> Result<()> {
    // Such as that a policy which is dropped does not exist.
    db.silence_notices();
    versions::refuse_others(db)?;
    // Usage is recorded under these locks before any table's, and the rules change plans.
    spi::patiently(|| {
        usage::keep_from_changing()?;
        lock_tables(db, TABLES.iter().map(|table| table.name))
    })?;
    versions::apply_steps(db)?;
    for table in &TABLES {
        create_missing(db, table)?;
    }
    for table in &TABLES {
        record(db, &format!("tables/{}", table.name))?;
    }
    for rules in RULES {
        db.script(rules)?;
    }
    embeddings::restore(db)
}

/// Locks those of these tables that are there, all at once: who writes to several of them does so in another order
/// than they are changed in.
fn lock_tables(db: &Db, names: impl Iterator<Item = &'static str>) -> Result<()> {
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

/// Error 42501 where the schema belongs neither to a superuser nor to the extension's owner: whoever owns it can put functions
/// beside carrel's (the class of CVE-2022-2625).
fn refuse_foreign_schema() -> Result<()> {
    let foreign = spi::as_caller(Access::Read, |db| {
        db.first(
            "select owner.rolname::text, extension_owner.rolname::text
            from pg_namespace as n
            join pg_roles as owner on n.nspowner = owner.oid
            left join pg_extension on extname = 'carrel'
            join pg_roles as extension_owner
                on extension_owner.oid = coalesce(extowner, current_user::regrole::oid)
            where n.nspname = 'carrel' and not owner.rolsuper and owner.oid <> extension_owner.oid",
            &[],
            |row| Ok((row.need::<String>(1)?, row.need::<String>(2)?)),
        )
    })?;
    let Some((owner, extension_owner)) = foreign else { return Ok(()) };
    Err(Error::new(
        SqlState::InsufficientPrivilege,
        format!(
            "schema carrel belongs to role \"{owner}\", but the extension to \"{extension_owner}\""
        ),
    )
    .detail("Whoever owns it could run code as everybody who uses carrel.")
    .hint(format!(
        "If what is in it can be trusted: alter schema carrel owner to \"{extension_owner}\""
    )))
}

/// Creates a table, or what is missing of one that is there: columns, constraints, indexes.
fn create_missing(db: &Db, table: &Table) -> Result<()> {
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

/// Puts back a column's default and NOT NULL, where they are gone.
fn restore_column(db: &Db, table: &str, column: &Part) -> Result<()> {
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

/// Whether a column has a default, and whether it is NOT NULL; both false where there is none.
fn column_state(db: &Db, table: &str, column: &str) -> Result<(bool, bool)> {
    let state = db.first(
        "select atthasdef, attnotnull from pg_attribute
        where attrelid = format('carrel.%I', $1)::regclass and attname::text = $2 and not attisdropped",
        &[table.into(), column.into()],
        |row| Ok((row.need(1)?, row.need(2)?)),
    )?;
    Ok(state.unwrap_or_default())
}

fn relation_exists(db: &Db, name: &str, kind: &str) -> Result<bool> {
    db.value(
        "select exists (
            select from pg_class
            where relnamespace = 'carrel'::regnamespace and relname::text = $1 and relkind::text = $2
        )",
        &[name.into(), kind.into()],
    )
}

fn index_exists(db: &Db, table: &str, name: &str) -> Result<bool> {
    db.value(
        "select exists (
            select from pg_index where indrelid = format('carrel.%I', $1)::regclass
                and indexrelid = to_regclass(format('carrel.%I', $2))
        )",
        &[table.into(), name.into()],
    )
}

fn constraint_exists(db: &Db, table: &str, name: &str) -> Result<bool> {
    db.value(
        "select exists (
            select from pg_constraint
            where conrelid = format('carrel.%I', $1)::regclass and conname::text = $2
        )",
        &[table.into(), name.into()],
    )
}

/// The type of a column, with its collation if it is not the type's, and whether that is as defined; None where there
/// is no such column. Where the definition names no collation, any is right.
fn column_type(db: &Db, table: &str, column: &Part) -> Result<Option<(String, bool)>> {
    db.first(
        "select format_type(atttypid, atttypmod) || coalesce(' collate \"' || collname || '\"', ''),
            atttypid = $3::regtype and (
                $4::text is null
                or collname::text is not distinct from $4 and collnamespace = 'pg_catalog'::regnamespace
            )
        from pg_attribute
        left join pg_collation on pg_collation.oid = attcollation and collname <> 'default'
        where attrelid = format('carrel.%I', $1)::regclass and attname::text = $2 and not attisdropped",
        &[
            table.into(),
            column.name.into(),
            column.column_type().into(),
            column.collation().into(),
        ],
        |row| Ok((row.need(1)?, row.need(2)?)),
    )
}

/// The type of a column as its table is defined, with its collation.
fn wanted_type(column: &Part) -> String {
    match column.collation() {
        Some(collation) => format!("{} collate \"{collation}\"", column.column_type()),
        None => column.column_type().to_owned(),
    }
}

/// What is wrong with an index that should be so defined.
fn index_definition(db: &Db, name: &str, expected: &str) -> Result<Option<String>> {
    let found = db.first(
        "select pg_get_indexdef(indexrelid), indisvalid from pg_index
        where indexrelid = to_regclass(format('carrel.%I', $1))",
        &[name.into()],
        |row| Ok((row.get::<String>(1), row.need::<bool>(2)?)),
    )?;
    Ok(match found {
        None | Some((None, true)) => Some(format!("index {name} is missing")),
        Some((_, false)) => Some(format!("index {name} is invalid")),
        Some((Some(found), true)) if crate::definitions::normalized(&found) != expected => {
            Some(format!("index {name} is: {found}"))
        }
        Some(_) => None,
    })
}

fn record(db: &Db, step: &str) -> Result<()> {
    db.execute(
        "insert into carrel.migrations (step_name, library_version) values ($1, $2)
        on conflict do nothing",
        &[step.into(), env!("CARGO_PKG_VERSION").into()],
    )?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::definitions::*;

    #[test]
    fn every_table_has_its_file_in_the_expected_form() {
        for table in &TABLES {
            let head = format!("create table carrel.{} (\n", table.name);
            assert!(table.create().starts_with(&head), "{}", table.name);
            assert!(table.create().ends_with("\n)"), "{}", table.name);
            assert!(table.columns().count() > 0 && table.constraints().count() > 0);
            let others = statements(table.sql).count() - 1;
            assert_eq!(others, table.indexes().count(), "{}", table.name);
        }
    }

    #[test]
    fn columns_are_read_with_type_and_nullability() {
        let documents = TABLES.iter().find(|table| table.name == "documents").unwrap();
        let column = |name| documents.columns().find(|column| column.name == name).unwrap();
        assert_eq!(column("language").column_type(), "text");
        assert_eq!(column("language").collation(), Some("C"));
        assert_eq!(column("content_text").collation(), None);
        assert!(column("language").is_not_null());
        assert_eq!(column("search_vector").column_type(), "tsvector");
        assert!(!column("search_vector").is_not_null());
    }

    #[test]
    fn the_rules_name_every_policy_with_its_table() {
        let in_documents = |kind, name| {
            created_by_rules(kind).any(|rule| rule.name == name && rule.table == "documents")
        };
        assert!(in_documents("create policy ", "documents_select_own"));
        assert!(in_documents("create trigger ", "documents_process"));
        assert!(defaults_in_rules().any(|d| d == ["documents", "id", "carrel.uuid_v7()"]));
    }

    #[test]
    fn sql_is_compared_without_what_postgres_adds() {
        let ours = "status = 'pending' and progress = 0 and chain = '[]' and a is null";
        let theirs = "((status = 'pending'::text) AND (progress = (0)::double precision) \
                      AND (chain = '[]'::jsonb) AND (a IS NULL))";
        assert_eq!(normalized(ours), normalized(theirs));
        let unparenthesised = "status = 'pending'::text AND a IS NULL";
        assert_eq!(normalized(unparenthesised), normalized("status = 'pending' and a is null"));
        assert_ne!(normalized("user_id = f()"), normalized("user_id = f() or true"));
    }
}
