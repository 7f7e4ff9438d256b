//! Checks of doctor() on rows that constraints vouch for, unless the rows came by replication, which checks none.

use crate::pg::error::Result;
use crate::pg::spi::Db;

/// Users on plans that do not exist have no limits.
pub fn plans(db: &Db) -> Result<Vec<String>> {
    db.rows(include_str!("../../sql/doctor/missing_plans.sql"), &[], |row| row.need(1))
}
