//! Proof that totals, allowances and counters agree with the ledger: verify_usage().

use crate::access;
use crate::pg::error::{Result, check_for_interrupts, guard};
use crate::pg::spi::{self, Access, Db};
use crate::pg::values::Numeric;
use crate::usage::limits::{Holds, LimitKeys, LimitUsage, usage_of_limits};
use crate::usage::measure::Measure;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cmp::Ordering;

/// Returns differences between the usage events and the data derived from them; no row: all agree.
///
/// Compares totals, allowances, counters and settled reservations, of a user or of all users. Callable
/// by services.
#[pg_extern(stable, parallel_unsafe)]
fn verify_usage(
    user_id: default!(Option<Uuid>, "null"),
) -> TableIterator<
    'static,
    (name!(user_id, Uuid), name!(what, String), name!(expected, Numeric), name!(found, Numeric)),
> {
    let rows = guard(|| {
        access::require_service("verify_usage")?;
        spi::as_owner(Access::Read, |db| {
            let wrong = wrong_allowances(db, user_id)?;
            let args = [
                user_id.into(),
                wrong.users.into(),
                wrong.event_types.into(),
                wrong.measures.into(),
                wrong.starts.into(),
                wrong.expected.into(),
                wrong.found.into(),
            ];
            db.rows(include_str!("../../../sql/usage/verify_usage.sql"), &args, |row| {
                Ok((row.need(1)?, row.need(2)?, row.need(3)?, row.need(4)?))
            })
        })
    });
    TableIterator::new(rows)
}

/// Allocated limits whose shares do not add up, as columns.
#[derive(Default)]
struct WrongAllowances {
    users: Vec<Uuid>,
    event_types: Vec<String>,
    measures: Vec<String>,
    starts: Vec<TimestampWithTimeZone>,
    expected: Vec<Numeric>,
    found: Vec<Numeric>,
}

/// Limit with shares, in one of its periods.
struct AllocatedLimit {
    user: Uuid,
    event_type: String,
    measure: Measure,
    period: String,
    start: TimestampWithTimeZone,
    end: TimestampWithTimeZone,
    limit: Numeric,
}

/// Number of limits whose usage is read by one query.
const BATCH: usize = 1000;

/// Compares the shares of allocated limits with limit - used - held.
fn wrong_allowances(db: &Db, user: Option<Uuid>) -> Result<WrongAllowances> {
    let allocated =
        db.rows(include_str!("../../../sql/usage/allocated_limits.sql"), &[user.into()], |row| {
            Ok(AllocatedLimit {
                user: row.need(1)?,
                event_type: row.need(2)?,
                measure: Measure::parse(row.need(3)?)?,
                period: row.need(4)?,
                start: row.need(5)?,
                end: row.need(6)?,
                limit: row.need(7)?,
            })
        })?;
    let mut wrong = WrongAllowances::default();
    for batch in allocated.chunks(BATCH) {
        check_for_interrupts();
        let mut keys = LimitKeys::default();
        for AllocatedLimit { user, event_type, measure, period, start, end, .. } in batch {
            keys.add(*user, event_type.clone(), *measure, period.clone(), (*start, *end));
        }
        let usage = usage_of_limits(db, keys, Holds::All, true)?;
        for (limit, LimitUsage { used, held, allocated }) in batch.iter().zip(usage) {
            let expected = limit.limit.plus(used.plus(held)?.negated()?)?;
            let found = allocated.map_or_else(Numeric::zero, Ok)?;
            if found.compare(expected)? == Ordering::Equal {
                continue;
            }
            wrong.users.push(limit.user);
            wrong.event_types.push(limit.event_type.clone());
            wrong.measures.push(limit.measure.name().to_owned());
            wrong.starts.push(limit.start);
            wrong.expected.push(expected);
            wrong.found.push(found);
        }
    }
    Ok(wrong)
}
