//! Disabled triggers of carrel's foreign keys: rows of deleted users would stay.
//!
//! Postgres enforces a foreign key by triggers on both tables. A superuser can disable them, and so
//! can an interrupted `pg_restore --disable-triggers`.

use crate::definitions::table_names;
use crate::pg::error::Result;
use crate::pg::spi::{self, Access, Db};

const DISABLED_TRIGGERS: &str = include_str!("../../sql/doctor/disabled_keys.sql");

/// Lists disabled triggers, each with its remedy. Part of doctor().
pub fn disabled(db: &Db) -> Result<Vec<String>> {
    let mut lines: Vec<String> =
        db.rows(DISABLED_TRIGGERS, &[table_names().into()], |row| row.need(3))?;
    // A key has two triggers on each of its tables.
    lines.dedup();
    Ok(lines)
}

/// Enables disabled triggers. Part of migrate().
pub fn enable() -> Result<()> {
    spi::as_superuser(Access::Write, |db| {
        let disabled = db.rows(DISABLED_TRIGGERS, &[table_names().into()], |row| {
            Ok((row.need::<String>(1)?, row.need::<String>(2)?))
        })?;
        for (table, trigger) in disabled {
            spi::patiently(|| db.script(&format!("alter table {table} enable trigger {trigger}")))?;
        }
        Ok(())
    })
}
