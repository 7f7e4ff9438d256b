//! Work whose cost is not known before it is done: reserve what it may cost, then settle what it did.
//!
//! A reservation is held, from which it is settled or released, once; or lapses, when its time is over
//! and somebody else needs what it holds ([`super::limits`]). A lapsed one can still be settled: what was
//! done is billed.

use super::accounts::{Accounts, Fact};
use super::allowances;
use super::events::{self, Event, Recorded, checked_type, reused};
use super::limit_status::{self, Standing};
use super::limits;
use super::periods::micros;
use super::refusals::Asked;
use super::{only_of, reckoning, whose};
use crate::access;
use crate::pg::clock;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::single_row;
use crate::pg::spi::{Arg, Db};
use crate::pg::values::{Jsonb, Numeric};
use crate::users;
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;

/// Holds one event of a type, with so many tokens and such a cost, from hard limits, for the time that is
/// given; beyond one, error PT402. It resolves once: by settle_usage() or release_usage(); past its time
/// it holds nothing any more. The same idempotency key again gives the first reservation, or PT409
/// where anything else differs. Bad amounts: 22023.
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
        let user = whose(user_id)?;
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
        reckoning(|db| reserve(db, user, &args))
    })
}

/// Records what reserved work used, and ends the reservation: never refused, also beyond what was reserved
/// (overage is true then) or past its time. Again with the same arguments: the same event, with
/// duplicate = true. No such reservation: PT404; it was released, or settled otherwise: PT409.
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
        reckoning(|db| {
            let held = lock(db, reservation, only_of)?;
            let event = Event {
                event_type: Some(&held.event_type),
                tokens_used,
                cost,
                metadata,
                idempotency_key: None,
                occurred_at: None,
                model,
                token_types,
                attempt: None,
            };
            let (recorded, is_over) = settle(db, &held, &event)?;
            let (used, limit, remaining, resets_at): Standing = recorded.standing;
            Ok((recorded.id, recorded.is_duplicate, is_over, used, limit, remaining, resets_at))
        })
    });
    single_row::TableIterator::once(row)
}

/// Ends a reservation of work that was not done. True, or false where it was released before. No such
/// reservation: PT404; it was settled: PT409.
#[pg_extern(volatile, parallel_unsafe)]
fn release_usage(reservation: Option<Uuid>) -> bool {
    guard(|| {
        access::require_service("release_usage")?;
        let only_of = only_of()?;
        reckoning(|db| {
            let held = lock(db, reservation, only_of)?;
            match held.state.as_str() {
                "released" => Ok(false),
                "settled" => Err(resolved(&held)),
                _ => {
                    give_back(db, &held, "released")?;
                    Ok(true)
                }
            }
        })
    })
}

/// A reservation, locked.
struct Held {
    id: Uuid,
    user: Uuid,
    event_type: String,
    state: String,
    event: Option<Uuid>,
    settled_hash: Option<Vec<u8>>,
}

fn reserve(db: &Db, user: Uuid, args: &[Arg; 6]) -> Result<Uuid> {
    let wrong = db.first(
        "select case
            when $1::text is null then 'event_type must not be empty'
            when $2::bigint < 0 or $2 > 1000000000000000 then 'tokens must be from 0 to 10^15: ' || $2
            when $3::numeric < 0 or $3 in ('NaN', 'Infinity') or $3 > 1000000000000000 then 'cost must be from 0 to 10^15: ' || $3
            when $4::interval is null then 'ttl must not be null'
            when $5::text = '' then 'idempotency_key must not be empty: leave it out for a reservation without one'
        end as wrong",
        &args[1..],
        |row| Ok(row.get::<String>(1)),
    )?;
    if let Some(wrong) = wrong.flatten() {
        return Err(Error::new(SqlState::InvalidParameterValue, wrong));
    }
    users::require(db, user)?;
    macro_rules! payload_hash {
        () => {
            "sha256(convert_to(jsonb_build_array($2::text, $3::bigint, trim_scale($4::numeric), extract(epoch from $5::interval))::text, 'UTF8'))"
        };
    }
    let reserved = db.first(
        concat!(
            "insert into carrel.usage_reservations
                (id, user_id, event_type, tokens, cost, idempotency_key, payload_hash, reserved_at, expires_at)
            select carrel.uuid_v7(), $1::uuid, $2, coalesce($3, 0), coalesce(round($4, 10), 0), $6::text,
                case when $6 is not null then ", payload_hash!(), " end, now(), clock_timestamp() + $5
            on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing
            returning id"
        ),
        args,
        |row| row.need::<Uuid>(1),
    )?;
    let Some(id) = reserved else {
        let (first, is_same, key) = db
            .first(
                concat!(
                    "select r.id, r.payload_hash is not distinct from ",
                    payload_hash!(),
                    ", r.idempotency_key
                    from carrel.usage_reservations as r
                    where r.user_id = $1 and r.idempotency_key = $6"
                ),
                args,
                |row| Ok((row.need::<Uuid>(1)?, row.need::<bool>(2)?, row.need::<String>(3)?)),
            )?
            .ok_or_else(|| {
                Error::new(SqlState::NoDataFound, "the first reservation of this key is gone")
            })?;
        return if is_same { Ok(first) } else { Err(reused(Some(&key), first)) };
    };
    let (user, fact) = fact(db, id, 1)?;
    let dues = Accounts::keep(&[user])?.dues(&[fact])?;
    limits::take(dues, Asked::Held)?;
    limits::has_counted();
    Ok(id)
}

fn settle(db: &Db, held: &Held, event: &Event) -> Result<(Recorded, bool)> {
    let hash = event.payload_hash()?;
    let recorded = match (held.state.as_str(), held.event) {
        ("released", _) => return Err(resolved(held)),
        ("settled", Some(id)) => {
            if held.settled_hash.as_deref() != Some(&hash) {
                return Err(resolved(held));
            }
            let now = clock::now()?;
            let standing = limit_status::now(held.user, &held.event_type, now)?;
            Recorded { id, is_duplicate: true, standing }
        }
        _ => {
            give_back(db, held, "settled")?;
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

/// Ends a reservation, and gives back what it holds.
fn give_back(db: &Db, held: &Held, state: &'static str) -> Result<()> {
    db.execute(
        "update carrel.usage_reservations set state = $2, resolved_at = now() where id = $1",
        &[held.id.into(), state.into()],
    )?;
    if held.state != "held" {
        return Ok(());
    }
    let (user, fact) = fact(db, held.id, -1)?;
    let dues = Accounts::keep(&[user])?.dues(&[fact])?;
    allowances::draw(&dues)?;
    limits::has_counted();
    Ok(())
}

/// What a reservation holds, or the same below zero, and whose it is.
fn fact(db: &Db, id: Uuid, sign: i64) -> Result<(Uuid, Fact)> {
    let held = db.first(
        "select user_id, event_type, reserved_at, tokens, cost from carrel.usage_reservations where id = $1",
        &[id.into()],
        |row| {
            let mut fact = Fact::of(row.need(1)?, row.need(2)?, row.need(3)?);
            let cost: Numeric = row.need(5)?;
            fact.events = sign;
            fact.tokens = i128::from(sign * row.need::<i64>(4)?);
            fact.cost = Some(if sign < 0 { cost.negated()? } else { cost });
            Ok((fact.user, fact))
        },
    )?;
    held.ok_or_else(|| Error::not_found("reservation", id))
}

fn lock(db: &Db, reservation: Option<Uuid>, only_of: Option<Uuid>) -> Result<Held> {
    let id = reservation.ok_or_else(|| {
        Error::new(SqlState::InvalidParameterValue, "reservation must not be null")
    })?;
    db.first(
        "select user_id, event_type, state, event_id, settled_hash from carrel.usage_reservations
        where id = $1 and ($2::uuid is null or user_id = $2) for update",
        &[id.into(), only_of.into()],
        |row| {
            Ok(Held {
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

fn resolved(held: &Held) -> Error {
    Error::new(SqlState::Conflict, format!("reservation {} is {} already", held.id, held.state))
        .hint("Record what else was used: carrel.record_usage()")
}
