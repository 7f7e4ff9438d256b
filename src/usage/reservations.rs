//! Reservations: hold an amount for work of unknown cost, then settle its usage or release it.
//!
//! A held reservation is settled or released once. It expires when its time is over and another
//! session needs its amount ([`super::limits::admission`]). An expired reservation can still be
//! settled: finished work is billed.

use super::accounts::Accounts;
use super::amounts::UsageDelta;
use super::callers::{only_of, recording_user};
use super::ledger::events::{self, Event, Recorded, checked_type};
use super::ledger::retries::reused;
use super::limits::ChargeKind;
use super::limits::admission::{set_counted, try_debit};
use super::limits::allowances::debit;
use super::limits::limit_status::{self, LimitStatus};
use crate::access;
use crate::calendar::micros;
use crate::pg::clock;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::single_row;
use crate::pg::spi::{Arg, Db, as_owner_now};
use crate::pg::values::{Jsonb, Numeric};
use crate::users;
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;

/// Reserves one event with tokens and cost from hard limits for `ttl`. Returns the id of the
/// reservation.
///
/// settle_usage() or release_usage() ends it; after `ttl` it holds nothing. A repeated idempotency
/// key returns the first reservation. Callable by services. Errors: PT402 (beyond a hard limit),
/// PT409 (key used with other arguments), 22023 (bad argument), P0002 (no profile).
#[pg_extern(volatile, parallel_unsafe)]
fn reserve_usage(
    event_type: Option<&str>,
    tokens: default!(Option<i64>, "null"),
    cost: default!(Option<Numeric>, "null"),
    ttl: default!(Option<Interval>, "'10 minutes'"),
    idempotency_key: default!(Option<&str>, "null"),
    user_id: default!(Option<Uuid>, "null"),
) -> Uuid {
    guard(|| {
        access::require_service("reserve_usage")?;
        let user = recording_user(user_id)?;
        checked_type(event_type)?;
        const MOST: i64 = 36 * 86_400_000_000;
        if let Some(ttl) = &ttl
            && (ttl.months() != 0 || !(1..=MOST).contains(&micros(ttl)))
        {
            return Err(Error::new(
                SqlState::InvalidParameterValue,
                "ttl must be above 0 and up to 36 days, without months",
            ));
        }
        let args: [Arg; 6] = [
            user.into(),
            event_type.into(),
            tokens.into(),
            cost.into(),
            ttl.into(),
            idempotency_key.into(),
        ];
        as_owner_now(|db| reserve(db, user, &args))
    })
}

/// Settles a reservation: records the usage event of the work, even beyond a hard limit, and ends the
/// reservation.
///
/// `overage` is true if the work used more than was reserved. A repeated call with the same
/// arguments returns the same event with duplicate = true. The last four columns are as in
/// record_usage(). Callable by services. Errors: PT404 (no such reservation), PT409 (released, or
/// settled with other arguments), 22023 (bad argument).
#[pg_extern(volatile, parallel_unsafe)]
fn settle_usage(
    reservation: Option<Uuid>,
    tokens_used: default!(Option<i64>, "null"),
    cost: default!(Option<Numeric>, "null"),
    metadata: default!(Option<Jsonb>, "'{}'"),
    model: default!(Option<&str>, "null"),
    token_types: default!(Option<Jsonb>, "null"),
) -> single_row::TableIterator<
    'static,
    (
        name!(event_id, Uuid),
        name!(duplicate, bool),
        name!(overage, bool),
        name!(used, Option<Numeric>),
        name!(limit_value, Option<Numeric>),
        name!(remaining, Option<Numeric>),
        name!(resets_at, Option<TimestampWithTimeZone>),
    ),
> {
    let row = guard(|| {
        access::require_service("settle_usage")?;
        let only_of = only_of()?;
        as_owner_now(|db| {
            let held = lock(db, reservation, only_of)?;
            let amounts = Event::new(Some(&held.event_type), tokens_used, cost);
            let event = Event { metadata, model, token_types, ..amounts };
            let (recorded, is_over) = settle(db, &held, &event)?;
            let (used, limit, remaining, resets_at): LimitStatus = recorded.status;
            Ok((recorded.id, recorded.is_duplicate, is_over, used, limit, remaining, resets_at))
        })
    });
    single_row::TableIterator::once(row)
}

/// Releases a reservation of work that was not done. Returns true; false if it was released before.
///
/// Callable by services. Errors: PT404 (no such reservation), PT409 (settled).
#[pg_extern(volatile, parallel_unsafe)]
fn release_usage(reservation: Option<Uuid>) -> bool {
    guard(|| {
        access::require_service("release_usage")?;
        let only_of = only_of()?;
        as_owner_now(|db| {
            let held = lock(db, reservation, only_of)?;
            match held.state.as_str() {
                "released" => Ok(false),
                "settled" => Err(resolved(&held)),
                _ => {
                    end(db, &held, "released")?;
                    Ok(true)
                }
            }
        })
    })
}

/// Reservation whose row is locked.
struct Reservation {
    id: Uuid,
    user: Uuid,
    event_type: String,
    state: String,
    event: Option<Uuid>,
    settled_hash: Option<Vec<u8>>,
}

/// Inserts a reservation and charges it, or finds the one with its key.
fn reserve(db: &Db, user: Uuid, args: &[Arg; 6]) -> Result<Uuid> {
    let wrong =
        db.first(include_str!("../../sql/usage/check_reservation.sql"), &args[1..], |row| {
            Ok(row.get::<String>(1))
        })?;
    if let Some(wrong) = wrong.flatten() {
        return Err(Error::new(SqlState::InvalidParameterValue, wrong));
    }
    users::require(db, user)?;
    let reserved =
        db.first(include_str!("../../sql/usage/reserve.sql"), args, |row| row.need::<Uuid>(1))?;
    let Some(id) = reserved else {
        let first = include_str!("../../sql/usage/find_reservation.sql");
        let (first, is_same, key) = db
            .first(first, args, |row| {
                Ok((row.need::<Uuid>(1)?, row.need::<bool>(2)?, row.need::<String>(3)?))
            })?
            .ok_or_else(|| {
                Error::new(SqlState::NoDataFound, "the first reservation of this key is gone")
            })?;
        return if is_same { Ok(first) } else { Err(reused(Some(&key), first)) };
    };
    let delta = held_delta(db, id, 1)?;
    let charges = Accounts::keep(&[delta.user])?.charges(&[delta])?;
    try_debit(charges, ChargeKind::Hold)?;
    set_counted();
    Ok(id)
}

/// Records the event of a reservation, or finds it. Returns true as well if it exceeds the
/// reservation.
fn settle(db: &Db, held: &Reservation, event: &Event) -> Result<(Recorded, bool)> {
    let hash = event.payload_hash()?;
    let recorded = match (held.state.as_str(), held.event) {
        ("released", _) => return Err(resolved(held)),
        ("settled", Some(id)) => {
            if held.settled_hash.as_deref() != Some(&hash) {
                return Err(resolved(held));
            }
            let now = clock::now()?;
            let status = limit_status::now(held.user, &held.event_type, now)?;
            Recorded { id, is_duplicate: true, status }
        }
        _ => {
            end(db, held, "settled")?;
            let recorded = events::record(held.user, event, false)?;
            db.execute(
                "update carrel.usage_reservations set event_id = $2, settled_hash = $3 where id = $1",
                &[held.id.into(), recorded.id.into(), hash.into()],
            )?;
            recorded
        }
    };
    let is_over = db.value::<bool>(
        "select e.tokens_used > r.tokens or e.cost > r.cost
        from carrel.usage_reservations as r, carrel.usage_events as e where r.id = $1 and e.id = $2",
        &[held.id.into(), recorded.id.into()],
    )?;
    Ok((recorded, is_over))
}

/// Ends a reservation, and releases its amount.
fn end(db: &Db, held: &Reservation, state: &'static str) -> Result<()> {
    db.execute(
        "update carrel.usage_reservations set state = $2, resolved_at = now() where id = $1",
        &[held.id.into(), state.into()],
    )?;
    if held.state != "held" {
        return Ok(());
    }
    let delta = held_delta(db, held.id, -1)?;
    debit(&Accounts::keep(&[delta.user])?.charges(&[delta])?)?;
    set_counted();
    Ok(())
}

/// Reads the amounts that a reservation holds, times `sign`.
fn held_delta(db: &Db, id: Uuid, sign: i64) -> Result<UsageDelta> {
    let held = db.first(
        "select user_id, event_type, reserved_at, tokens, cost from carrel.usage_reservations where id = $1",
        &[id.into()],
        |row| {
            let mut delta = UsageDelta::zero(row.need(1)?, row.need(2)?, row.need(3)?);
            let cost: Numeric = row.need(5)?;
            delta.events = sign;
            delta.tokens = i128::from(sign * row.need::<i64>(4)?);
            delta.cost = Some(if sign < 0 { cost.negated()? } else { cost });
            Ok(delta)
        },
    )?;
    held.ok_or_else(|| Error::not_found("reservation", id))
}

/// Locks a reservation, of `only_of` or of any user. Fails with PT404.
fn lock(db: &Db, reservation: Option<Uuid>, only_of: Option<Uuid>) -> Result<Reservation> {
    let id = reservation.ok_or_else(|| {
        Error::new(SqlState::InvalidParameterValue, "reservation must not be null")
    })?;
    db.first(
        "select user_id, event_type, state, event_id, settled_hash from carrel.usage_reservations
        where id = $1 and ($2::uuid is null or user_id = $2) for update",
        &[id.into(), only_of.into()],
        |row| {
            Ok(Reservation {
                id,
                user: row.need(1)?,
                event_type: row.need(2)?,
                state: row.need(3)?,
                event: row.get(4),
                settled_hash: row.get(5),
            })
        },
    )?
    .ok_or_else(|| Error::not_found("reservation", id))
}

/// Error PT409: the reservation has ended.
fn resolved(held: &Reservation) -> Error {
    Error::new(SqlState::Conflict, format!("reservation {} is {} already", held.id, held.state))
        .hint("Record what else was used: carrel.record_usage()")
}
