//! Usage over time, from the totals: usage_report().

use crate::access;
use crate::identity;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::spi::{self, Access, Db};
use crate::pg::values::Numeric;
use crate::usage::callers::readable_user;
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// Values of `bucket`.
const BUCKETS: [&str; 5] = ["day", "week", "month", "period", "all"];
/// Values of `group_by`.
const GROUPS: [&str; 3] = ["event_type", "model", "user"];

/// Returns usage between two times, by bucket and group.
///
/// Buckets: `day`, `week` and `month` of the user's calendar, `period` (billing period) or `all`.
/// Groups: any of `event_type`, `model` and, for services, `user`; other columns are null. Callable by
/// users for their own usage, and by services for a user that they name or act as, else for all users.
/// Errors: 22023 (unknown bucket or group, end before start), 42501 (group `user` by another caller),
/// PT404 (no such user).
#[pg_extern(stable, parallel_unsafe)]
fn usage_report(
    start_at: Option<TimestampWithTimeZone>,
    end_at: Option<TimestampWithTimeZone>,
    bucket: default!(Option<&str>, "'day'"),
    group_by: default!(Option<Vec<Option<String>>>, "'{event_type}'"),
    user_id: default!(Option<Uuid>, "null"),
) -> TableIterator<
    'static,
    (
        name!(bucket_start, Option<TimestampWithTimeZone>),
        name!(event_type, Option<String>),
        name!(model, Option<String>),
        name!(user_id, Option<Uuid>),
        name!(events, Numeric),
        name!(tokens_used, Numeric),
        name!(cost, Numeric),
    ),
> {
    let rows = guard(|| {
        let bucket = bucket.unwrap_or("all");
        let groups: Vec<String> = group_by
            .unwrap_or_default()
            .into_iter()
            .map(|group| group.unwrap_or_else(|| "null".to_owned()))
            .collect();
        check(start_at, end_at, bucket, &groups)?;
        let is_service = access::is_service()?;
        let user = match (user_id, is_service) {
            (None, true) => identity::current()?,
            (named, _) => Some(readable_user(named)?),
        };
        let has = |group: &str| groups.iter().any(|asked| asked == group);
        if has("user") && !is_service {
            return Err(Error::new(
                SqlState::InsufficientPrivilege,
                "usage by user is for services to read",
            )
            .hint("Leave user out of group_by."));
        }
        let report = |db: &Db| {
            db.rows(
                include_str!("../../../sql/usage/usage_report.sql"),
                &[
                    start_at.into(),
                    end_at.into(),
                    user.into(),
                    bucket.into(),
                    groups.clone().into(),
                ],
                |row| {
                    Ok((
                        row.get(1),
                        row.get(2),
                        row.get(3),
                        row.get(4),
                        row.need(5)?,
                        row.need(6)?,
                        row.need(7)?,
                    ))
                },
            )
        };
        // The best plan differs: one user's rows are found by an index, all users' are scanned.
        spi::as_owner(Access::Read, |db| db.planned_for_values(|| report(db)))
    });
    TableIterator::new(rows)
}

/// Checks the arguments. Fails with 22023.
fn check(
    start: Option<TimestampWithTimeZone>,
    end: Option<TimestampWithTimeZone>,
    bucket: &str,
    groups: &[String],
) -> Result<()> {
    let bad = |message: String| Error::new(SqlState::InvalidParameterValue, message);
    let (Some(start), Some(end)) = (start, end) else {
        return Err(bad("start_at and end_at must not be null".to_owned()));
    };
    let is_finite = |at: TimestampWithTimeZone| !at.is_infinity() && !at.is_neg_infinity();
    if !is_finite(start) || !is_finite(end) || end < start {
        return Err(bad("end_at must not be before start_at, and both finite".to_owned()));
    }
    if !BUCKETS.contains(&bucket) {
        return Err(bad(format!("unknown bucket \"{bucket}\""))
            .hint(format!("Known: {}.", BUCKETS.join(", "))));
    }
    match groups.iter().find(|group| !GROUPS.contains(&group.as_str())) {
        None => Ok(()),
        Some(group) => Err(bad(format!("unknown group \"{group}\""))
            .hint(format!("Known: {}.", GROUPS.join(", ")))),
    }
}
