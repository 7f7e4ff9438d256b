//! stats(): numbers to watch.

use crate::datums::Numeric;
use crate::error::guard;
use crate::spi::{self, Access};
use pgrx::prelude::*;

const STATS: &str = include_str!("../../sql/operations/stats.sql");

/// How this database stands: rows by table and status, the oldest that wait, leases that lapsed, bytes, dead rows,
/// indexes, and the oldest transaction. Times are in seconds; null where nothing waits. What is large is estimated,
/// and its detail says so. For services.
#[pg_extern(stable, parallel_unsafe)]
fn stats() -> TableIterator<
    'static,
    (name!(name, String), name!(value, Option<Numeric>), name!(detail, Option<String>)),
> {
    let rows = guard(|| {
        spi::as_owner(Access::Read, |db| {
            db.rows(STATS, &[], |row| Ok((row.need(1)?, row.get(2), row.get(3))))
        })
    });
    TableIterator::new(rows)
}
