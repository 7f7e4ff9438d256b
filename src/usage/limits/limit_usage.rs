//! Usage of limits: what is used, held and allocated of them, by one query.

use crate::pg::clock;
use crate::pg::error::Result;
use crate::pg::spi::{Db, Row, null_column};
use crate::pg::values::Numeric;
use crate::usage::amounts::LimitCharge;
use crate::usage::measure::Measure;
use crate::users::no_profile;
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// The query for one limit: with scalars, its subqueries are planned as plain index scans.
const OF_ONE: &str = concat!(
    "with k as (select $1::uuid as user_id, $2::text as event_type, $3::text as measure, $4::text as period, \
     $5::timestamptz as period_start, $6::timestamptz as period_end, 1 as number)\n",
    include_str!("../../../sql/usage/limit_usage.sql")
);

/// The query for any number of limits.
const OF_MANY: &str = concat!(
    "with k as (select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], \
     $6::timestamptz[]) with ordinality as k (user_id, event_type, measure, period, period_start, period_end, \
     number))\n",
    include_str!("../../../sql/usage/limit_usage.sql")
);

/// Limits, each in one of its periods, as columns: the arguments of [`OF_MANY`].
#[derive(Default)]
pub struct LimitKeys {
    users: Vec<Uuid>,
    event_types: Vec<String>,
    measures: Vec<&'static str>,
    periods: Vec<String>,
    starts: Vec<TimestampWithTimeZone>,
    ends: Vec<TimestampWithTimeZone>,
}

impl LimitKeys {
    /// Adds a limit, in the period from `span.0` to `span.1`.
    pub fn add(
        &mut self,
        user: Uuid,
        event_type: String,
        measure: Measure,
        period: String,
        span: (TimestampWithTimeZone, TimestampWithTimeZone),
    ) {
        self.users.push(user);
        self.event_types.push(event_type);
        self.measures.push(measure.name());
        self.periods.push(period);
        self.starts.push(span.0);
        self.ends.push(span.1);
    }
}

/// Reservations that count as held.
#[derive(Clone, Copy)]
pub enum Holds {
    /// All in state `held`, also past their time: shares are debited for them until they are
    /// released.
    All,
    /// Reservations that have not expired.
    Unexpired,
}

impl Holds {
    /// Time after which a held reservation has to expire in order to count.
    fn expire_after(self) -> Result<TimestampWithTimeZone> {
        match self {
            Self::All => Ok(TimestampWithTimeZone::negative_infinity()),
            Self::Unexpired => clock::wall(),
        }
    }
}

/// Usage of a limit in a period.
pub struct LimitUsage {
    pub used: Numeric,
    pub held: Numeric,
    /// Sum of the shares; None where it was not asked for.
    pub allocated: Option<Numeric>,
}

fn usage_of_row(row: &Row, user: Uuid) -> Result<LimitUsage> {
    let used = row.get(1).ok_or_else(|| no_profile(user))?;
    Ok(LimitUsage { used, held: row.need(2)?, allocated: row.get(3) })
}

/// Returns the usage of the limit that a charge is for, in its period.
///
/// Fails with P0002 where the user has no profile.
pub fn limit_usage(
    db: &Db,
    charge: &LimitCharge,
    held: Holds,
    with_allocated: bool,
) -> Result<LimitUsage> {
    let args = [
        charge.user.into(),
        charge.event_type.as_str().into(),
        charge.measure.name().into(),
        charge.period.as_str().into(),
        charge.period_start.into(),
        charge.period_end.into(),
        held.expire_after()?.into(),
        with_allocated.into(),
    ];
    let usage =
        db.read_by_index(|| db.first(OF_ONE, &args, |row| usage_of_row(row, charge.user)))?;
    usage.ok_or_else(|| no_profile(charge.user))
}

/// Returns the usage of each limit, in order, all from one snapshot.
///
/// Fails with P0002 where a user has no profile.
pub fn usage_of_limits(
    db: &Db,
    keys: LimitKeys,
    held: Holds,
    with_allocated: bool,
) -> Result<Vec<LimitUsage>> {
    if keys.users.is_empty() {
        return Ok(Vec::new());
    }
    let mut users = keys.users.clone().into_iter();
    let args = [
        keys.users.into(),
        keys.event_types.into(),
        keys.measures.into(),
        keys.periods.into(),
        keys.starts.into(),
        keys.ends.into(),
        held.expire_after()?.into(),
        with_allocated.into(),
    ];
    // The plan is kept and shared by all callers: one made for tables that were empty would scan
    // them later.
    db.read_by_index(|| {
        db.rows(OF_MANY, &args, |row| match users.next() {
            Some(user) => usage_of_row(row, user),
            None => Err(null_column(1)),
        })
    })
}
