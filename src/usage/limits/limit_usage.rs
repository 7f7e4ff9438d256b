//! Usage of limits: what is used, held and allocated of them, by one query.

use crate::pg::clock;
use crate::pg::error::Result;
use crate::pg::spi::{Db, null_column};
use crate::pg::values::Numeric;
use crate::usage::amounts::LimitCharge;
use crate::users::no_profile;
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// Limits, each in one of its periods, as columns: the arguments of the query.
#[derive(Default)]
pub struct LimitKeys {
    users: Vec<Uuid>,
    event_types: Vec<String>,
    measures: Vec<String>,
    periods: Vec<String>,
    starts: Vec<TimestampWithTimeZone>,
    ends: Vec<TimestampWithTimeZone>,
}

impl LimitKeys {
    pub fn of(charge: &LimitCharge) -> Self {
        let mut keys = Self::default();
        keys.add(
            charge.user,
            charge.event_type.clone(),
            charge.measure.clone(),
            charge.period.clone(),
            (charge.period_start, charge.period_end),
        );
        keys
    }

    /// Adds a limit, in the period from `span.0` to `span.1`.
    pub fn add(
        &mut self,
        user: Uuid,
        event_type: String,
        measure: String,
        period: String,
        span: (TimestampWithTimeZone, TimestampWithTimeZone),
    ) {
        self.users.push(user);
        self.event_types.push(event_type);
        self.measures.push(measure);
        self.periods.push(period);
        self.starts.push(span.0);
        self.ends.push(span.1);
    }
}

/// Reservations that count as held.
#[derive(Clone, Copy)]
pub enum HeldSince {
    /// Reservations in state `held`, also past their time: shares are debited for them until they
    /// are released.
    Reserved,
    /// Reservations that have not expired.
    Now,
}

/// Usage of a limit in a period.
pub struct LimitUsage {
    pub used: Numeric,
    pub held: Numeric,
    /// Sum of the shares; None where it was not asked for.
    pub allocated: Option<Numeric>,
}

/// Returns the usage of each limit, in order, all from one snapshot.
///
/// Fails with P0002 where a user has no profile.
pub fn limit_usage(
    db: &Db,
    keys: LimitKeys,
    held: HeldSince,
    with_allocated: bool,
) -> Result<Vec<LimitUsage>> {
    if keys.users.is_empty() {
        return Ok(Vec::new());
    }
    let after = match held {
        HeldSince::Reserved => TimestampWithTimeZone::negative_infinity(),
        HeldSince::Now => clock::wall()?,
    };
    let mut users = keys.users.clone().into_iter();
    let args = [
        keys.users.into(),
        keys.event_types.into(),
        keys.measures.into(),
        keys.periods.into(),
        keys.starts.into(),
        keys.ends.into(),
        after.into(),
        with_allocated.into(),
    ];
    // The plan is kept and shared by all callers: one made for tables that were empty would scan
    // them later.
    db.read_by_index(|| {
        db.rows(include_str!("../../../sql/usage/limit_usage.sql"), &args, |row| {
            let used = match (row.get(1), users.next()) {
                (None, Some(user)) => return Err(no_profile(user)),
                (used, _) => used.ok_or_else(|| null_column(1))?,
            };
            Ok(LimitUsage { used, held: row.need(2)?, allocated: row.get(3) })
        })
    })
}
