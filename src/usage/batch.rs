//! Recording many events in one statement.

use super::events::reused;
use super::reckoning;
use crate::access;
use crate::datums::Jsonb;
use crate::error::{Error, Result, SqlState, guard};
use crate::identity;
use crate::rows::uuid_v7;
use crate::spi::{Arg, Db};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::collections::HashSet;

/// What is wrong with the arguments in the row `e`, if anything: SQLSTATE and message.
macro_rules! wrong {
    () => {
        "case
            when coalesce(e.event_type, '') !~ '[^[:space:]]' then array['22023', 'event_type must not be empty']
            when octet_length(e.event_type) > 1000 then array['22023', 'event_type must not be longer than 1000 bytes']
            when e.event_type = '*' then array['22023', 'event_type must not be *, which stands for all']
            when e.idempotency_key = '' then array['22023', 'idempotency_key must not be empty: leave it out for an event without one']
            when e.tokens_used < 0 then array['22023', 'tokens_used must not be negative: ' || e.tokens_used]
            when e.tokens_used > 1000000000000000 then array['22023', 'tokens_used must be at most 10^15: ' || e.tokens_used]
            when e.cost < 0 or e.cost > 1000000000000000 then array['22023', 'cost must be a number from 0 to 10^15: ' || left(e.cost::text, 40)]
            when e.tokens_used < carrel.usage_tokens(e.token_types) then array['22023', format(
                'token types add up to more than tokens_used: %s, %s', carrel.usage_tokens(e.token_types), e.tokens_used
            )]
            when e.tokens_used is null and e.token_types is not null and carrel.usage_tokens(e.token_types) is null
                then array['22023', 'token_types can''t be counted: give tokens_used']
            when carrel.usage_tokens(e.token_types) > 1000000000000000 then array['22023', 'token types add up to more than 10^15']
            when not (coalesce(e.occurred_at, now()) between now() - interval '35 days' and now() + interval '5 minutes')
                and not exists (
                    select from carrel.usage_events as first
                    where first.user_id = e.owner and first.idempotency_key = e.idempotency_key
                )
                then array['PT422', 'occurred_at is outside of the window: ' || e.occurred_at]
        end"
    };
}
/// The hash of the arguments in the row `e`.
macro_rules! hash {
    () => {
        "carrel.usage_payload_hash(e.event_type, e.tokens_used, e.cost, e.metadata, e.occurred_at, e.model, e.token_types)"
    };
}
/// The rows `e` of a batch, $1, with their place; whose they are where it is not said: $2; their ids: $3.
macro_rules! many {
    () => {
        "(
            select element.place, ids.id, coalesce(e.user_id, $2::uuid) as owner, e.*
            from jsonb_array_elements($1::jsonb) with ordinality as element (value, place)
            join unnest($3::uuid[]) with ordinality as ids (id, place) using (place)
            cross join lateral jsonb_to_record(element.value) as e (
                event_type text, tokens_used bigint, cost numeric, metadata jsonb, idempotency_key text,
                occurred_at timestamptz, model text, token_types jsonb, user_id uuid
            )
        ) as e"
    };
}

/// Records many events at once: an array of objects whose fields are the arguments of record_usage(). Each
/// is what record_usage() would make of it; a row for each, in their order. Nothing is recorded where one
/// of them is an error.
#[pg_extern(volatile, parallel_unsafe)]
fn record_usage_batch(
    events: Option<Jsonb>,
) -> TableIterator<'static, (name!(event_id, Uuid), name!(duplicate, bool))> {
    let rows = guard(|| {
        let bad = |message: &str| Error::new(SqlState::InvalidParameterValue, message);
        let events = events.ok_or_else(|| bad("events must not be null"))?;
        let own = identity::current()?;
        let is_service = access::is_service()?;
        reckoning(|db| {
            let count = db.value::<i32>(
                "select case when jsonb_typeof($1::jsonb) = 'array' then jsonb_array_length($1) else -1 end",
                &[events.into()],
            )?;
            if count < 0 {
                return Err(bad("events must be an array of objects"));
            }
            check_fields(db, events)?;
            let ids: Vec<Uuid> = (0..count).map(|_| uuid_v7()).collect();
            record_many(db, events, own, is_service, ids)
        })
    });
    TableIterator::new(rows)
}

/// Records a batch; ids and whether they were there before, in order.
fn record_many(
    db: &Db,
    events: Jsonb,
    own: Option<Uuid>,
    is_service: bool,
    ids: Vec<Uuid>,
) -> Result<Vec<(Uuid, bool)>> {
    let args: [Arg; 3] = [events.into(), own.into(), ids.clone().into()];
    check(db, &args, own, is_service)?;
    let inserted: HashSet<[u8; 16]> = db
        .rows(
            concat!(
                "insert into carrel.usage_events
                    (id, user_id, event_type, tokens_used, cost, metadata, idempotency_key, occurred_at, model, token_types, payload_hash)
                select e.id, e.owner, e.event_type,
                    coalesce(e.tokens_used, carrel.usage_tokens(e.token_types), 0),
                    trim_scale(round(coalesce(e.cost, case when e.model is not null and e.token_types is not null then
                        carrel.price_usage(e.model, e.token_types, coalesce(e.occurred_at, now()))
                    end, 0), 10)),
                    coalesce(e.metadata, '{}'), e.idempotency_key, coalesce(e.occurred_at, now()), e.model, e.token_types,
                    case when e.idempotency_key is not null then ", hash!(), " end
                from ", many!(), "
                order by e.owner, e.idempotency_key, e.place
                on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing
                returning id"
            ),
            &args,
            |row| Ok(*row.need::<Uuid>(1)?.as_bytes()),
        )
        .map_err(Error::without_context)?
        .into_iter()
        .collect();
    let mut recorded: Vec<(Uuid, bool)> =
        ids.iter().map(|id| (*id, !inserted.contains(id.as_bytes()))).collect();
    if inserted.len() == recorded.len() {
        return Ok(recorded);
    }
    let firsts = db.rows(
        concat!(
            "select e.place, first.id, coalesce(first.payload_hash = ", hash!(), ", false), e.idempotency_key
            from ", many!(), "
            join carrel.usage_events as first on first.user_id = e.owner and first.idempotency_key = e.idempotency_key
            where first.id <> e.id"
        ),
        &args,
        |row| Ok((row.need::<i64>(1)?, row.need::<Uuid>(2)?, row.need::<bool>(3)?, row.need::<String>(4)?)),
    )?;
    for (place, first, is_same, key) in firsts {
        if !is_same {
            return Err(reused(Some(&key), first));
        }
        recorded[place as usize - 1].0 = first;
    }
    Ok(recorded)
}

/// Fields that no event has are mistakes: what they were meant to say would be lost.
fn check_fields(db: &Db, events: Jsonb) -> Result<()> {
    let unknown = db.first(
        "select place - 1, case when jsonb_typeof(event) = 'object' then field end
        from jsonb_array_elements($1::jsonb) with ordinality as element (event, place)
        left join lateral jsonb_object_keys(case when jsonb_typeof(event) = 'object' then event end) as field on true
        where jsonb_typeof(event) <> 'object'
            or field not in (
                'event_type', 'tokens_used', 'cost', 'metadata', 'idempotency_key', 'occurred_at', 'model', 'token_types', 'user_id'
            )
        limit 1",
        &[events.into()],
        |row| Ok((row.need::<i64>(1)?, row.get::<String>(2))),
    )?;
    let bad = |message: String| Err(Error::new(SqlState::InvalidParameterValue, message));
    match unknown {
        None => Ok(()),
        Some((place, None)) => bad(format!("event {place} of the batch is no object")),
        Some((place, Some(field))) => {
            bad(format!("event {place} of the batch has an unknown field \"{field}\""))
        }
    }
}

/// Raises what is wrong with the first event that can't be recorded.
fn check(db: &Db, args: &[Arg; 3], own: Option<Uuid>, is_service: bool) -> Result<()> {
    struct Wrong {
        place: i64,
        code: Option<String>,
        message: Option<String>,
        owner: Option<Uuid>,
    }
    let wrong = db.first(
        concat!(
            "select place - 1, wrong[1], wrong[2], owner
            from (
                select e.place, e.owner, ", wrong!(), " as wrong,
                    not $4::boolean and e.owner is distinct from $2 as is_other,
                    exists (select from carrel.user_profiles as p where p.user_id = e.owner) as has_profile
                from ", many!(), "
            ) as e
            where wrong is not null or is_other or not has_profile
            order by place limit 1"
        ),
        &[args[0], args[1], args[2], is_service.into()],
        |row| {
            Ok(Wrong { place: row.need(1)?, code: row.get(2), message: row.get(3), owner: row.get(4) })
        },
    )?;
    let Some(Wrong { place, code, message, owner }) = wrong else { return Ok(()) };
    let of_batch = format!("(event {place} of the batch)");
    if let (Some(code), Some(message)) = (code, message) {
        let message = format!("{message} {of_batch}");
        return Err(match code.as_str() {
            "PT422" => Error::new(SqlState::InvalidWindow, message)
                .detail("Events may be recorded up to 35 days late and 5 minutes early."),
            _ => Error::new(SqlState::InvalidParameterValue, message),
        });
    }
    let Some(owner) = owner else {
        return Err(Error::new(
            SqlState::InvalidAuthorization,
            format!("event {place} of the batch names no user, and the caller is none"),
        )
        .hint("Give each event a user_id, or act as a user."));
    };
    if !is_service && Some(owner) != own {
        return Err(Error::new(
            SqlState::InsufficientPrivilege,
            format!("usage of user {owner} is not the caller's to record {of_batch}"),
        )
        .hint("Leave user_id out, or call it with the service role."));
    }
    Err(Error::new(SqlState::NoDataFound, format!("user {owner} has no profile {of_batch}"))
        .hint("Create it with the service role: select carrel.create_user('<user id>')"))
}
