//! Usage: events are the facts, totals and the profile's counter are derived from them in the same
//! statement, and verify_usage() proves that they agree.

use crate::access;
use crate::datums::{Jsonb, Numeric};
use crate::error::{Error, Result, SqlState, guard};
use crate::identity;
use crate::spi::{self, Access, Db};
use crate::trigger::{self, Returned};
use crate::users;
use carrel_core::periods::{self, Zone};
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// A row of record_usage(): the event, whether it was there already, and the tightest limit.
type Recorded =
    (Uuid, bool, Option<Numeric>, Option<Numeric>, Option<Numeric>, Option<TimestampWithTimeZone>);

/// Records what happened, and never refuses it for a limit. The same idempotency key again gives
/// the first event with duplicate = true, or error PT409 where anything else differs. `used` counts
/// the user's events of this type in the billing period; the limit's columns are null while plans
/// have no limits.
#[pg_extern(volatile, parallel_unsafe)]
fn record_usage(
    event_type: Option<&str>,
    tokens_used: default!(Option<i64>, "null"),
    cost: default!(Option<Numeric>, "null"),
    metadata: default!(Option<Jsonb>, "'{}'"),
    idempotency_key: default!(Option<&str>, "null"),
    occurred_at: default!(Option<TimestampWithTimeZone>, "null"),
    model: default!(Option<&str>, "null"),
    token_types: default!(Option<Jsonb>, "null"),
    user_id: default!(Option<Uuid>, "null"),
) -> TableIterator<
    'static,
    (
        name!(event_id, Uuid),
        name!(duplicate, bool),
        name!(used, Option<Numeric>),
        name!(limit_value, Option<Numeric>),
        name!(remaining, Option<Numeric>),
        name!(resets_at, Option<TimestampWithTimeZone>),
    ),
> {
    let event = Event {
        event_type,
        tokens_used,
        cost,
        metadata,
        idempotency_key,
        occurred_at,
        model,
        token_types,
    };
    let recorded = guard(move || {
        let user = whose(user_id)?;
        spi::as_owner(Access::Write, |db| record(db, user, &event))
    });
    TableIterator::once(recorded)
}

/// Where totals or counters differ from the events: no row, unless something drifted.
#[pg_extern(stable, parallel_unsafe)]
fn verify_usage(
    user_id: default!(Option<Uuid>, "null"),
) -> TableIterator<
    'static,
    (name!(user_id, Uuid), name!(what, String), name!(expected, Numeric), name!(found, Numeric)),
> {
    let rows = guard(|| {
        spi::as_owner(Access::Read, |db| {
            db.rows(
                "with events as (
                    select e.user_id, e.event_type,
                        carrel.billing_period_start(p.billing_anchor, p.billing_timezone, e.occurred_at) as period_start,
                        sum(case when e.voids is null then 1 else -1 end)::numeric as events,
                        sum(e.tokens_used) as tokens_used, sum(e.cost) as cost
                    from carrel.usage_events as e
                    join carrel.user_profiles as p on p.user_id = e.user_id
                    where $1 is null or e.user_id = $1
                    group by e.user_id, e.event_type, period_start
                ), totals as (
                    select * from carrel.usage_totals where $1 is null or usage_totals.user_id = $1
                )
                select user_id, format('%s of %s in the period from %s', measure.what, event_type, period_start),
                    measure.expected, measure.found
                from events full join totals using (user_id, event_type, period_start)
                cross join lateral (
                    values
                        ('events', coalesce(events.events, 0), coalesce(totals.events, 0)),
                        ('tokens_used', coalesce(events.tokens_used, 0), coalesce(totals.tokens_used, 0)),
                        ('cost', coalesce(events.cost, 0), coalesce(totals.cost, 0))
                ) as measure (what, expected, found)
                where measure.expected <> measure.found
                union all
                select p.user_id, 'usage_count', greatest(events.events, 0), p.usage_count::numeric
                from carrel.user_profiles as p
                left join events on events.user_id = p.user_id and events.event_type = 'agent_request'
                    and events.period_start = p.usage_period_start
                where ($1 is null or p.user_id = $1) and greatest(events.events, 0) <> p.usage_count
                order by 1, 2",
                &[user_id.into()],
                |row| Ok((row.need(1)?, row.need(2)?, row.need(3)?, row.need(4)?)),
            )
        })
    });
    TableIterator::new(rows)
}

/// When the monthly billing period that contains `at` began, for an anchor in a time zone.
#[pg_extern(immutable, strict, parallel_safe)]
fn billing_period_start(
    anchor: TimestampWithTimeZone,
    timezone: &str,
    at: TimestampWithTimeZone,
) -> TimestampWithTimeZone {
    guard(|| period_start(anchor, timezone, at))
}

/// AFTER INSERT on usage_events: adds the statement's events to the totals and counters.
///
/// The profiles are locked in one order, so that statements don't deadlock with each other, and so
/// that an anchor does not move while periods are computed from it.
#[pg_trigger]
fn count_usage<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_statement(|| {
        if trigger::restoring() {
            return Ok(());
        }
        spi::as_owner(Access::Write, |db| {
            // SAFETY: this call's data.
            unsafe { db.register_trigger_data(trigger::data(trigger)) }?;
            db.execute(
                "select from carrel.user_profiles
                where user_id in (select inserted.user_id from inserted)
                order by user_id for no key update",
                &[],
            )?;
            db.execute(
                "insert into carrel.usage_totals (user_id, period_start, event_type, events, tokens_used, cost)
                select e.user_id, carrel.billing_period_start(p.billing_anchor, p.billing_timezone, e.occurred_at),
                    e.event_type, sum(case when e.voids is null then 1 else -1 end),
                    sum(e.tokens_used), sum(e.cost)
                from inserted as e join carrel.user_profiles as p on p.user_id = e.user_id
                group by 1, 2, 3 order by 1, 2, 3
                on conflict (user_id, period_start, event_type) do update set
                    events = usage_totals.events + excluded.events,
                    tokens_used = usage_totals.tokens_used + excluded.tokens_used,
                    cost = usage_totals.cost + excluded.cost",
                &[],
            )?;
            let users = db.value::<Vec<Uuid>>(
                "select coalesce(array_agg(distinct user_id), '{}') from inserted where event_type = 'agent_request'",
                &[],
            )?;
            set_usage_counts(db, users, false)
        })
    })
}

/// AFTER UPDATE of a profile's anchor or time zone: its periods are others now.
#[pg_trigger]
fn rebuild_usage_periods<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_row(trigger, |row| {
        let user: Uuid = row.new.need(c"user_id")?;
        // SAFETY: reads the state of the transaction.
        if unsafe { pg_sys::XactIsoLevel } >= pg_sys::XACT_REPEATABLE_READ as i32 {
            return Err(Error::new(
                SqlState::ObjectNotInPrerequisiteState,
                "billing periods can't be changed in a REPEATABLE READ or SERIALIZABLE transaction",
            )
            .detail("Its snapshot may lack events that were recorded since.")
            .hint("Do it in a READ COMMITTED transaction."));
        }
        spi::as_owner(Access::Write, |db| {
            db.execute("delete from carrel.usage_totals where user_id = $1", &[user.into()])?;
            db.execute(
                "insert into carrel.usage_totals (user_id, period_start, event_type, events, tokens_used, cost)
                select e.user_id, carrel.billing_period_start(p.billing_anchor, p.billing_timezone, e.occurred_at),
                    e.event_type, sum(case when e.voids is null then 1 else -1 end),
                    sum(e.tokens_used), sum(e.cost)
                from carrel.usage_events as e join carrel.user_profiles as p on p.user_id = e.user_id
                where e.user_id = $1
                group by 1, 2, 3",
                &[user.into()],
            )?;
            set_usage_counts(db, vec![user], true)
        })
    })
}

/// BEFORE UPDATE, DELETE or TRUNCATE of usage_events: refuses, except the DELETE that follows when
/// the profile is gone.
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
            let profile = spi::as_owner(Access::Write, |db| {
                db.value::<bool>(
                    "select exists (select from carrel.user_profiles where user_id = $1)",
                    &[user.into()],
                )
            })?;
            if !profile {
                return Ok(());
            }
        }
        Err(Error::new(
            SqlState::InsufficientPrivilege,
            format!("usage events can't be changed: {op} refused"),
        )
        .detail("They are what customers are billed from.")
        .hint("Record another event; a user's events go with the user: carrel.delete_user()"))
    })
}

/// The start of the period that contains `at`.
pub fn period_start(
    anchor: TimestampWithTimeZone,
    timezone: &str,
    at: TimestampWithTimeZone,
) -> Result<TimestampWithTimeZone> {
    let zone = zone(timezone)?;
    let period = periods::month_containing(unix_micros(anchor), &zone, unix_micros(at))
        .map_err(|error| Error::new(SqlState::InvalidParameterValue, error.to_string()))?;
    from_unix_micros(period.start)
}

/// A time zone by its IANA name, else error 22023.
pub fn zone(name: &str) -> Result<Zone> {
    Zone::named(name).map_err(|error| {
        Error::new(SqlState::InvalidParameterValue, error.to_string())
            .hint("Give the name of a zone such as 'Europe/Berlin' or 'UTC'.")
    })
}

/// The arguments of record_usage().
struct Event<'a> {
    event_type: Option<&'a str>,
    tokens_used: Option<i64>,
    cost: Option<Numeric>,
    metadata: Option<Jsonb>,
    idempotency_key: Option<&'a str>,
    occurred_at: Option<TimestampWithTimeZone>,
    model: Option<&'a str>,
    token_types: Option<Jsonb>,
}

/// Whose usage it is: the caller's, or, for a service, the user's that it names.
fn whose(named: Option<Uuid>) -> Result<Uuid> {
    let Some(named) = named else { return identity::require() };
    if identity::current()? != Some(named) && !spi::as_caller(Access::Read, access::is_service)? {
        return Err(Error::new(
            SqlState::InsufficientPrivilege,
            format!("usage of user {named} is not the caller's to record"),
        )
        .hint("Leave user_id out, or call it with the service role."));
    }
    Ok(named)
}

fn record(db: &Db, user: Uuid, event: &Event) -> Result<Recorded> {
    check(db, event)?;
    let profile = "select from carrel.user_profiles where user_id = $1 for key share";
    if db.execute(profile, &[user.into()])? == 0 {
        return Err(users::no_profile(user));
    }
    let hash = payload_hash(db, event)?;
    let inserted = db.first(
        "insert into carrel.usage_events
            (user_id, event_type, tokens_used, cost, metadata, idempotency_key, occurred_at, model, token_types, payload_hash)
        values ($1, $2, coalesce($3, 0), coalesce($4, 0), coalesce($5, '{}'), $6, coalesce($7, now()), $8, $9, $10)
        on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing
        returning id",
        &[
            user.into(),
            event.event_type.into(),
            event.tokens_used.into(),
            event.cost.into(),
            event.metadata.into(),
            event.idempotency_key.into(),
            event.occurred_at.into(),
            event.model.into(),
            event.token_types.into(),
            hash.clone().into(),
        ],
        |row| row.need::<Uuid>(1),
    )?;
    let (id, duplicate) = match inserted {
        Some(id) => (id, false),
        None => (first_with_key(db, user, event, &hash)?, true),
    };
    let used = db.first(
        "select coalesce(sum(t.events), 0)
        from carrel.usage_events as e
        join carrel.user_profiles as p on p.user_id = e.user_id
        join carrel.usage_totals as t on t.user_id = e.user_id and t.event_type = e.event_type
            and t.period_start = carrel.billing_period_start(p.billing_anchor, p.billing_timezone, e.occurred_at)
        where e.id = $1",
        &[id.into()],
        |row| row.need(1),
    )?;
    Ok((id, duplicate, used, None, None, None))
}

/// The event that was recorded first under this key, if it was the same.
fn first_with_key(db: &Db, user: Uuid, event: &Event, hash: &[u8]) -> Result<Uuid> {
    let (id, first_hash) = db
        .first(
            "select id, payload_hash from carrel.usage_events where user_id = $1 and idempotency_key = $2",
            &[user.into(), event.idempotency_key.into()],
            |row| Ok((row.need::<Uuid>(1)?, row.get::<Vec<u8>>(2))),
        )?
        .ok_or_else(|| Error::new(SqlState::NoDataFound, "the first event of this key is gone"))?;
    if first_hash.as_deref() == Some(hash) {
        return Ok(id);
    }
    let key = event.idempotency_key.unwrap_or_default();
    Err(Error::new(
        SqlState::Conflict,
        format!("idempotency key \"{key}\" was used with another payload"),
    )
    .detail(format!("The first event is {id}."))
    .hint("Use a new key for a new event, and the same arguments for a retry."))
}

/// SHA-256 over the arguments as given, without those left out, so that an honest retry is never
/// another payload: not in another time zone, nor with another scale of the same cost.
fn payload_hash(db: &Db, event: &Event) -> Result<Vec<u8>> {
    db.value(
        "select sha256(convert_to(jsonb_object_agg(name, value)::text, 'UTF8'))
        from (
            values
                ('event_type', to_jsonb($1::text)), ('tokens_used', to_jsonb($2::bigint)),
                ('cost', to_jsonb(trim_scale($3::numeric))), ('metadata', nullif($4::jsonb, '{}')),
                ('occurred_at', to_jsonb(extract(epoch from $5::timestamptz))),
                ('model', to_jsonb($6::text)), ('token_types', $7::jsonb)
        ) as argument (name, value)
        where value is not null",
        &[
            event.event_type.into(),
            event.tokens_used.into(),
            event.cost.into(),
            event.metadata.into(),
            event.occurred_at.into(),
            event.model.into(),
            event.token_types.into(),
        ],
    )
}

/// Refuses what could not be billed from: 22023, or PT422 for a time too far away.
fn check(db: &Db, event: &Event) -> Result<()> {
    let bad = |message: String| Err(Error::new(SqlState::InvalidParameterValue, message));
    if event.event_type.is_none_or(|name| name.trim().is_empty()) {
        return bad("event_type must not be empty".to_owned());
    }
    if event.idempotency_key == Some("") {
        return bad(
            "idempotency_key must not be empty: leave it out for an event without one".to_owned()
        );
    }
    if let Some(tokens) = event.tokens_used.filter(|tokens| *tokens < 0) {
        return bad(format!("tokens_used must not be negative: {tokens}"));
    }
    let cost = db.first(
        "select $1::text where $1::numeric < 0 or $1::numeric in ('NaN', 'Infinity')",
        &[event.cost.into()],
        |row| row.need::<String>(1),
    )?;
    if let Some(cost) = cost {
        return bad(format!("cost must be a number from 0: {cost}"));
    }
    let far = db.first(
        "select $1::text
        where not ($1::timestamptz between now() - interval '35 days' and now() + interval '5 minutes')",
        &[event.occurred_at.into()],
        |row| row.need::<String>(1),
    )?;
    match far {
        None => Ok(()),
        Some(at) => Err(Error::new(
            SqlState::InvalidWindow,
            format!("occurred_at is outside of the window: {at}"),
        )
        .detail("Events may be recorded up to 35 days late and 5 minutes early.")),
    }
}

/// Sets usage_count from the totals of the period that now is in; never of an earlier one than it is
/// of, for a transaction may have begun before the period's end, unless the periods are new.
fn set_usage_counts(db: &Db, users: Vec<Uuid>, periods_are_new: bool) -> Result<()> {
    db.execute(
        "update carrel.user_profiles as p set
            usage_period_start = period.start,
            usage_count = coalesce((
                select greatest(t.events, 0) from carrel.usage_totals as t
                where t.user_id = p.user_id and t.period_start = period.start and t.event_type = 'agent_request'
            ), 0)
        from (
            select user_id, greatest(
                carrel.billing_period_start(billing_anchor, billing_timezone, now()),
                case when not $2 then usage_period_start end
            ) as start
            from carrel.user_profiles where user_id = any ($1)
        ) as period
        where p.user_id = period.user_id",
        &[users.into(), periods_are_new.into()],
    )?;
    Ok(())
}

/// Microseconds from 1970 to 2000, where Postgres counts from.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

fn unix_micros(at: TimestampWithTimeZone) -> i64 {
    i64::from(at).saturating_add(POSTGRES_EPOCH)
}

fn from_unix_micros(at: i64) -> Result<TimestampWithTimeZone> {
    TimestampWithTimeZone::try_from(at.saturating_sub(POSTGRES_EPOCH))
        .map_err(|_| Error::new(SqlState::InvalidParameterValue, "billing period out of range"))
}
