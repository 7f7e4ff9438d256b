//! stats(): metrics of a database.

use crate::access;
use crate::pg::error::guard;
use crate::pg::spi::{self, Access, Db};
use crate::pg::values::Numeric;
use pgrx::prelude::*;

const STATS: &str = include_str!("../../sql/operations/stats.sql");
const OLDEST_TRANSACTION: &str = include_str!("../../sql/operations/oldest_transaction.sql");

/// Returns metrics of the database: rows by table and status, age of the oldest waiting work,
/// expired leases, sizes, dead rows, indexes, and the oldest transaction.
///
/// Ages are in seconds, sizes in bytes; null: nothing waits. Row counts of large tables are
/// estimates, marked in `detail`. Callable by operators and services.
#[pg_extern(stable, parallel_unsafe)]
fn stats() -> TableIterator<
    'static,
    (name!(name, String), name!(value, Option<Numeric>), name!(detail, Option<String>)),
> {
    let rows = guard(|| {
        access::require_operator_or_service("stats")?;
        let list =
            |db: &Db, sql| db.rows(sql, &[], |row| Ok((row.need(1)?, row.get(2), row.get(3))));
        let mut rows = spi::as_owner(Access::Read, |db| list(db, STATS))?;
        rows.extend(spi::as_superuser(Access::Read, |db| list(db, OLDEST_TRANSACTION))?);
        Ok(rows)
    });
    TableIterator::new(rows)
}
