//! Voids: an event that was wrong stays, and another one with negated amounts undoes it.

use super::retries::reused;
use crate::access;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::heap::Condition;
use crate::pg::spi::{Db, as_owner_now};
use crate::pg::trigger::{self, Returned};
use crate::usage::callers::only_of;
use crate::users::PROFILES;
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// Voids a usage event: records a row of negated amounts that counts -1 in the event's period.
/// Returns its id.
///
/// The event itself stays. A repeated call with the same reason returns the first void. Callable by
/// services. Errors: PT404 (no such event), PT409 (voided for another reason, or a void itself),
/// 22023 (empty reason or key).
#[pg_extern(volatile, parallel_unsafe)]
fn void_usage(
    event_id: Option<Uuid>,
    reason: Option<&str>,
    idempotency_key: default!(Option<&str>, "null"),
) -> Uuid {
    guard(|| {
        access::require_service("void_usage")?;
        let bad = |message: &str| Error::new(SqlState::InvalidParameterValue, message);
        let event = event_id.ok_or_else(|| bad("event_id must not be null"))?;
        let reason = reason
            .filter(|reason| !reason.trim().is_empty())
            .ok_or_else(|| bad("reason must not be empty"))?;
        if idempotency_key == Some("") {
            return Err(bad("idempotency_key must not be empty: leave it out"));
        }
        let only_of = only_of()?;
        as_owner_now(|db| void(db, event, reason, idempotency_key, only_of))
    })
}

/// Inserts the void of an event, or finds the one that exists.
fn void(
    db: &Db,
    event: Uuid,
    reason: &str,
    key: Option<&str>,
    only_of: Option<Uuid>,
) -> Result<Uuid> {
    let found = db.first(
        "select user_id, voids is not null from carrel.usage_events
        where id = $1 and ($2::uuid is null or user_id = $2)",
        &[event.into(), only_of.into()],
        |row| Ok((row.need::<Uuid>(1)?, row.need::<bool>(2)?)),
    )?;
    let Some((user, is_void)) = found else {
        return Err(Error::not_found("event", event));
    };
    if is_void {
        return Err(Error::new(SqlState::Conflict, format!("event {event} voids another one"))
            .hint("Record the event again instead."));
    }
    let voided = db.first(
        include_str!("../../../sql/usage/void_event.sql"),
        &[event.into(), reason.into(), key.into()],
        |row| row.need::<Uuid>(1),
    )?;
    if let Some(id) = voided {
        return Ok(id);
    }
    let first = db.first(
        include_str!("../../../sql/usage/find_void.sql"),
        &[user.into(), event.into(), reason.into(), key.into()],
        |row| {
            Ok((
                row.need::<Uuid>(1)?,
                row.get::<bool>(2) == Some(true),
                row.get::<bool>(3) == Some(true),
            ))
        },
    )?;
    match first {
        Some((id, true, _)) => Ok(id),
        Some((id, _, true)) => {
            Err(Error::new(SqlState::Conflict, format!("event {event} is void already"))
                .detail(format!("It was voided by {id}.")))
        }
        Some((id, ..)) => Err(reused(key, id)),
        None => Err(Error::new(SqlState::NoDataFound, "the first void of this event is gone")),
    }
}

/// Trigger BEFORE UPDATE, DELETE or TRUNCATE of usage_events: refuses all but the DELETE that
/// follows the deletion of the profile. Errors: 42501.
#[pg_trigger]
fn refuse_usage_change<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::check_row(trigger, |row| {
        let op = trigger.op().map_or("change", |op| match op {
            PgTriggerOperation::Update => "UPDATE",
            PgTriggerOperation::Delete => "DELETE",
            _ => "TRUNCATE",
        });
        if let (Some(row), "DELETE") = (row, op) {
            let user: Uuid = row.need(c"user_id")?;
            if !PROFILES.has(&[Condition::is_user(user)])? {
                return Ok(());
            }
        }
        Err(Error::new(
            SqlState::InsufficientPrivilege,
            format!("usage events can't be changed: {op} refused"),
        )
        .detail("They are what customers are billed from.")
        .hint(
            "Void one: carrel.void_usage(); a user's events go with the user: carrel.delete_user()",
        ))
    })
}
