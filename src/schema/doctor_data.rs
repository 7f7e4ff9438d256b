//! Checks of doctor() on rows. Constraints guarantee them, but rows that arrive by replication are
//! not checked.

use crate::pg::error::Result;
use crate::pg::spi::Db;

/// Lists plans that users are on and that do not exist: these users have no limits.
pub fn plans(db: &Db) -> Result<Vec<String>> {
    db.rows(include_str!("../../sql/doctor/missing_plans.sql"), &[], |row| row.need(1))
}
