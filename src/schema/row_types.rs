//! Columns of other tables whose type is the row type of a table of carrel's. Postgres refuses to change a table
//! while there are any, so they block upgrades.

use crate::definitions::TABLES;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spi::Db;

/// The columns, also those of arrays, domains and composite types of such a type, each as `table.column`.
pub fn used_by(db: &Db) -> Result<Vec<String>> {
    let names: Vec<String> = TABLES.iter().map(|table| table.name.to_owned()).collect();
    db.rows(
        "with recursive types (oid) as (
            select reltype from pg_class
            where relnamespace = 'carrel'::regnamespace and relkind = 'r' and relname::text = any ($1)
            union
            select found.oid from types
            join pg_depend on refclassid = 'pg_type'::regclass and refobjid = types.oid
            cross join lateral (
                select objid where classid = 'pg_type'::regclass
                union all
                select reltype from pg_class
                where classid = 'pg_class'::regclass and pg_class.oid = objid and relkind in ('c', 'v', 'f')
            ) as found (oid)
        )
        select format('%s.%I', attrelid::regclass, attname)
        from types
        join pg_depend on refclassid = 'pg_type'::regclass and refobjid = types.oid and classid = 'pg_class'::regclass
        join pg_class on pg_class.oid = objid and relkind in ('r', 'm', 'p')
        join pg_attribute on attrelid = objid and attnum = objsubid
        order by 1",
        &[names.into()],
        |row| row.need(1),
    )
}

/// Part of doctor().
pub fn wrong(db: &Db) -> Result<Vec<String>> {
    let used = used_by(db)?;
    Ok(used.iter().map(|column| format!("column {column} has a row type of carrel's")).collect())
}

/// Fails if there is such a column: a table is about to be changed.
pub fn refuse(db: &Db) -> Result<()> {
    let used = used_by(db)?;
    if used.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        SqlState::ObjectNotInPrerequisiteState,
        format!("carrel's tables can't be changed: a row type of theirs is the type of {}", used.join(", ")),
    )
    .detail("Postgres changes no table whose row type another table's column has.")
    .hint("Drop the column, or store the row as jsonb: to_jsonb(row). Then run carrel.migrate() again."))
}
