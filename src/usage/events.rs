//! Recording what happened.

use super::accounts::Accounts;
use super::counting;
use super::plans::{self, Standing};
use super::prices;
use super::whose;
use crate::access;
use crate::datums::{Jsonb, Numeric};
use crate::error::{Error, Result, SqlState, guard};
use crate::rows::uuid_v7;
use crate::spi::{self, Access, Arg, Db};
use crate::trigger::{self, Returned};
use crate::users;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cmp::Ordering;
use std::collections::HashSet;

/// The most tokens of an event, and the most money.
const MOST: i64 = 1_000_000_000_000_000;

/// The arguments of record_usage(). Without a cost, it is what the tokens of the model cost.
pub struct Event<'a> {
    pub event_type: Option<&'a str>,
    pub tokens_used: Option<i64>,
    pub cost: Option<Numeric>,
    pub metadata: Option<Jsonb>,
    pub idempotency_key: Option<&'a str>,
    pub occurred_at: Option<TimestampWithTimeZone>,
    pub model: Option<&'a str>,
    pub token_types: Option<Jsonb>,
}

/// An event that is there now.
pub struct Recorded {
    pub id: Uuid,
    /// Whether it was there before.
    pub is_duplicate: bool,
    pub standing: Standing,
}

/// A row of record_usage(): the event, whether it was there already, and the tightest limit.
type Row =
    (Uuid, bool, Option<Numeric>, Option<Numeric>, Option<Numeric>, Option<TimestampWithTimeZone>);

impl From<Recorded> for Row {
    fn from(recorded: Recorded) -> Self {
        let (used, limit, remaining, resets_at) = recorded.standing;
        (recorded.id, recorded.is_duplicate, used, limit, remaining, resets_at)
    }
}

/// SHA-256 over the arguments as given, of the row `e`, without those left out, so that an honest retry is
/// never another payload: not in another time zone, nor with another scale of the same cost.
macro_rules! payload_hash {
    () => {
        "(
            select sha256(convert_to(jsonb_object_agg(name, value)::text, 'UTF8'))
            from (
                values
                    ('event_type', to_jsonb(e.event_type)), ('tokens_used', to_jsonb(e.tokens_used)),
                    ('cost', to_jsonb(trim_scale(e.cost))), ('metadata', nullif(e.metadata, '{}')),
                    ('occurred_at', to_jsonb(extract(epoch from e.occurred_at))),
                    ('model', to_jsonb(e.model)), ('token_types', e.token_types)
            ) as argument (name, value)
            where value is not null
        )"
    };
}
/// What is wrong with the arguments in the row `e`, if anything: SQLSTATE and message.
macro_rules! wrong {
    () => {
        "case
            when btrim(coalesce(e.event_type, '')) = '' then array['22023', 'event_type must not be empty']
            when e.event_type = '*' then array['22023', 'event_type must not be *, which stands for all']
            when e.idempotency_key = '' then array['22023', 'idempotency_key must not be empty: leave it out for an event without one']
            when e.tokens_used < 0 then array['22023', 'tokens_used must not be negative: ' || e.tokens_used]
            when e.tokens_used > 1000000000000000 then array['22023', 'tokens_used must be at most 10^15: ' || e.tokens_used]
            when e.cost < 0 or e.cost > 1000000000000000 then array['22023', 'cost must be a number from 0 to 10^15: ' || left(e.cost::text, 40)]
            when e.tokens_used < carrel.usage_tokens(e.token_types) then array['22023', format(
                'token types add up to more than tokens_used: %s, %s', carrel.usage_tokens(e.token_types), e.tokens_used
            )]
            when not (coalesce(e.occurred_at, now()) between now() - interval '35 days' and now() + interval '5 minutes')
                then array['PT422', 'occurred_at is outside of the window: ' || e.occurred_at]
        end"
    };
}
/// The row `e` of one event's arguments, $1 to $8.
macro_rules! one {
    () => {
        "(
            select $1::text as event_type, $2::bigint as tokens_used, $3::numeric as cost, $4::jsonb as metadata,
                $5::text as idempotency_key, $6::timestamptz as occurred_at, $7::text as model, $8::jsonb as token_types
        ) as e"
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

/// Records what happened, and never refuses it for a limit. The same idempotency key again gives
/// the first event with duplicate = true, or error PT409 where anything else differs. Without a cost,
/// it is computed from the model and its token types; the last four columns say how the tightest
/// limit stands that the event falls under, if there is one.
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
        spi::as_owner(Access::Write, |db| db.read_by_index(|| record(db, user, &event, false)))
    });
    TableIterator::once(recorded.into())
}

/// Records what happens, unless that is beyond a hard limit, or what reservations leave of it: then error
/// PT402, with used, limit and resets_at in DETAIL. Checked and recorded in one step: whatever else
/// goes on, what is admitted never exceeds a limit. Arguments and results as for record_usage().
#[pg_extern(volatile, parallel_unsafe)]
fn consume_usage(
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
        spi::as_owner(Access::Write, |db| db.read_by_index(|| record(db, user, &event, true)))
    });
    TableIterator::once(recorded.into())
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
        let own = crate::identity::current()?;
        let is_service = access::is_service()?;
        spi::as_owner(Access::Write, |db| {
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

/// Takes an event back: a row of negated amounts that counts -1 in the period in which the event occurred.
/// Once for each event; again with the same reason, the same row. The event itself stays. No such
/// event: PT404; it was voided for another reason, or is a void itself: PT409.
#[pg_extern(volatile, parallel_unsafe)]
fn void_usage(
    event_id: Option<Uuid>,
    reason: Option<&str>,
    idempotency_key: default!(Option<&str>, "null"),
) -> Uuid {
    guard(|| {
        let bad = |message: &str| Error::new(SqlState::InvalidParameterValue, message);
        let event = event_id.ok_or_else(|| bad("event_id must not be null"))?;
        let reason = reason
            .filter(|reason| !reason.trim().is_empty())
            .ok_or_else(|| bad("reason must not be empty"))?;
        if idempotency_key == Some("") {
            return Err(bad("idempotency_key must not be empty: leave it out"));
        }
        let own = crate::identity::current()?;
        let is_service = access::is_service()?;
        spi::as_owner(Access::Write, |db| {
            void(db, event, reason, idempotency_key, own.filter(|_| !is_service))
        })
    })
}

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
        return Err(Error::new(SqlState::NotFound, format!("no event {event}")));
    };
    if is_void {
        return Err(Error::new(SqlState::Conflict, format!("event {event} voids another one"))
            .hint("Record the event again instead."));
    }
    let voided = db.first(
        "insert into carrel.usage_events
            (user_id, event_type, tokens_used, cost, metadata, idempotency_key, occurred_at, model, voids, request_id)
        select user_id, event_type, - tokens_used, - cost, jsonb_build_object('reason', $2::text), $3, occurred_at, model, id, request_id
        from carrel.usage_events where id = $1
        on conflict do nothing
        returning id",
        &[event.into(), reason.into(), key.into()],
        |row| row.need::<Uuid>(1),
    )?;
    if let Some(id) = voided {
        return Ok(id);
    }
    let first = db.first(
        "select id, voids is not distinct from $2 and metadata ->> 'reason' = $3 and idempotency_key is not distinct from $4, voids = $2
        from carrel.usage_events
        where user_id = $1 and (voids = $2 or idempotency_key = $4)
        order by voids = $2 desc nulls last limit 1",
        &[user.into(), event.into(), reason.into(), key.into()],
        |row| Ok((row.need::<Uuid>(1)?, row.get::<bool>(2) == Some(true), row.get::<bool>(3) == Some(true))),
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

/// Records an event of a user's, if hard limits leave room where they are enforced.
pub fn record(db: &Db, user: Uuid, event: &Event, is_enforced: bool) -> Result<Recorded> {
    let event_type = event.check()?;
    let counted = event.token_types.map(prices::count).transpose()?.flatten();
    if let (Some(used), Some(counted)) = (event.tokens_used, counted)
        && counted > used
    {
        let message = format!("token types add up to more than tokens_used: {counted}, {used}");
        return Err(Error::new(SqlState::InvalidParameterValue, message));
    }
    let now = crate::rows::now()?;
    let at = event.occurred_at.unwrap_or(now);
    let price = match (event.cost, event.model, event.token_types) {
        (None, Some(model), Some(tokens)) => Some(prices::price(db, model, tokens, at)?),
        _ => None,
    };
    let hash = match event.idempotency_key {
        Some(_) => Some(payload_hash(db, event)?),
        None => None,
    };
    let insert = || {
        db.first(
            "insert into carrel.usage_events
                (id, user_id, event_type, tokens_used, cost, metadata, idempotency_key, occurred_at, model, token_types, payload_hash)
            values ($1, $2, $3, $4, trim_scale(round(coalesce($5, 0), 10)), coalesce($6, '{}'), $7, $8, $9, $10, $11)
            on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing
            returning id",
            &[
                uuid_v7().into(),
                user.into(),
                event_type.into(),
                event.tokens_used.or(counted).unwrap_or(0).into(),
                event.cost.or(price.flatten()).into(),
                event.metadata.into(),
                event.idempotency_key.into(),
                at.into(),
                event.model.into(),
                event.token_types.into(),
                hash.clone().into(),
            ],
            |row| row.need::<Uuid>(1),
        )
    };
    let inserted = match is_enforced {
        true => counting::enforcing(insert),
        false => insert(),
    };
    let (id, is_duplicate, account) = match inserted.map_err(|error| of_insert(error, user))? {
        Some(id) => (id, false, counting::last_account()),
        None => {
            let first = first_with_key(db, user, event, hash.as_deref())?;
            (first, true, Accounts::find(db, vec![user])?.take(user))
        }
    };
    if let (Some(None), false) = (price, is_duplicate) {
        let model = event.model.unwrap_or_default();
        warning!("no price of model \"{model}\" for all of its tokens: recorded at cost 0");
    }
    let standing = match account {
        Some(account) => plans::tightest(db, user, &account, event_type, at)?,
        None => Standing::default(),
    };
    Ok(Recorded { id, is_duplicate, standing })
}

impl Event<'_> {
    /// Refuses what could not be billed from: 22023, or PT422 for a time too far away. Gives the type.
    fn check(&self) -> Result<&str> {
        const MINUTE: i64 = 60_000_000;
        const DAY: i64 = 24 * 60 * MINUTE;
        let bad = |message: String| Err(Error::new(SqlState::InvalidParameterValue, message));
        let Some(event_type) = self.event_type.filter(|name| !name.trim().is_empty()) else {
            return bad("event_type must not be empty".to_owned());
        };
        if event_type == "*" {
            return bad("event_type must not be *, which stands for all".to_owned());
        }
        if self.idempotency_key == Some("") {
            return bad("idempotency_key must not be empty: leave it out for an event without one"
                .to_owned());
        }
        if let Some(tokens) = self.tokens_used {
            if tokens < 0 {
                return bad(format!("tokens_used must not be negative: {tokens}"));
            }
            if tokens > MOST {
                return bad(format!("tokens_used must be at most 10^15: {tokens}"));
            }
        }
        if let Some(cost) = self.cost {
            // Not a number compares as the greatest.
            if cost.compare(Numeric::from_whole(0)?)? == Ordering::Less
                || cost.compare(Numeric::from_whole(MOST)?)? == Ordering::Greater
            {
                let shown: String = cost.to_text()?.chars().take(40).collect();
                return bad(format!("cost must be a number from 0 to 10^15: {shown}"));
            }
        }
        if let Some(at) = self.occurred_at {
            let late = i64::from(crate::rows::now()?).saturating_sub(i64::from(at));
            if !(-5 * MINUTE..=35 * DAY).contains(&late) {
                return Err(Error::new(
                    SqlState::InvalidWindow,
                    format!("occurred_at is outside of the window: {}", at.to_iso_string()),
                )
                .detail("Events may be recorded up to 35 days late and 5 minutes early."));
            }
        }
        Ok(event_type)
    }
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
    let wrong = concat!(
        "select wrong[1], format('%s (event %s of the batch)', wrong[2], place - 1)
        from (select place, ",
        wrong!(),
        " as wrong from ",
        many!(),
        ") as e
        where wrong is not null order by place limit 1"
    );
    refuse(db, wrong, &args)?;
    let nobody = db.first(
        concat!(
            "select e.place - 1, coalesce(e.owner::text, 'null') from ",
            many!(),
            "
            where not exists (select from carrel.user_profiles as p where p.user_id = e.owner)
            order by e.place limit 1"
        ),
        &args,
        |row| Ok((row.need::<i64>(1)?, row.need::<String>(2)?)),
    )?;
    if let Some((place, owner)) = nobody {
        return Err(match owner.as_str() {
            "null" => Error::new(
                SqlState::InvalidAuthorization,
                format!("event {place} of the batch names no user, and the caller is none"),
            )
            .hint("Give each event a user_id, or act as a user."),
            _ => Error::new(
                SqlState::NoDataFound,
                format!("user {owner} has no profile (event {place} of the batch)"),
            )
            .hint("Create it with the service role: select carrel.create_user('<user id>')"),
        });
    }
    let other = db.first(
        concat!(
            "select e.owner::text from ",
            many!(),
            " where e.owner is distinct from $2 order by e.place limit 1"
        ),
        &args,
        |row| row.need::<String>(1),
    )?;
    if let Some(other) = other.filter(|_| !is_service) {
        return Err(Error::new(
            SqlState::InsufficientPrivilege,
            format!("usage of user {other} is not the caller's to record"),
        )
        .hint("Leave user_id out, or call it with the service role."));
    }
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
                    case when e.idempotency_key is not null then ", payload_hash!(), " end
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
            "select e.place, first.id, coalesce(first.payload_hash = ", payload_hash!(), ", false), e.idempotency_key
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

/// Raises what is wrong with arguments: the SQLSTATE and message that a query found.
fn refuse(db: &Db, wrong: &'static str, args: &[Arg]) -> Result<()> {
    let found =
        db.first(wrong, args, |row| Ok((row.need::<String>(1)?, row.need::<String>(2)?)))?;
    match found {
        None => Ok(()),
        Some((code, message)) if code == "PT422" => {
            Err(Error::new(SqlState::InvalidWindow, message)
                .detail("Events may be recorded up to 35 days late and 5 minutes early."))
        }
        Some((_, message)) => Err(Error::new(SqlState::InvalidParameterValue, message)),
    }
}

/// The hash of an event's arguments.
pub fn payload_hash(db: &Db, event: &Event) -> Result<Vec<u8>> {
    db.value(concat!("select ", payload_hash!(), " from ", one!()), &event.args())
}

impl Event<'_> {
    /// As arguments of a statement, $1 to $8.
    fn args(&self) -> [Arg; 8] {
        [
            self.event_type.into(),
            self.tokens_used.into(),
            self.cost.into(),
            self.metadata.into(),
            self.idempotency_key.into(),
            self.occurred_at.into(),
            self.model.into(),
            self.token_types.into(),
        ]
    }
}

/// The event that was recorded first under the key of another one, if it was the same.
fn first_with_key(db: &Db, user: Uuid, event: &Event, hash: Option<&[u8]>) -> Result<Uuid> {
    let (id, first_hash) = db
        .first(
            "select id, payload_hash from carrel.usage_events where user_id = $1 and idempotency_key = $2",
            &[user.into(), event.idempotency_key.into()],
            |row| Ok((row.need::<Uuid>(1)?, row.get::<Vec<u8>>(2))),
        )?
        .ok_or_else(|| Error::new(SqlState::NoDataFound, "the first event of this key is gone"))?;
    match first_hash.as_deref() == hash {
        true => Ok(id),
        false => Err(reused(event.idempotency_key, id)),
    }
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
        .hint("Take one back by carrel.void_usage(); a user's events go with the user: carrel.delete_user()"))
    })
}

/// The error for a key that stands for something else.
pub fn reused(key: Option<&str>, first: Uuid) -> Error {
    let key = key.unwrap_or_default();
    Error::new(
        SqlState::Conflict,
        format!("idempotency key \"{key}\" was used with another payload"),
    )
    .detail(format!("The first one is {first}."))
    .hint("Use a new key for a new event, and the same arguments for a retry.")
}

/// An error of the statement that inserts an event, as the caller of a function should see it.
fn of_insert(error: Error, user: Uuid) -> Error {
    match error.is_of_constraint(c"usage_events_user_id_fkey") {
        true => users::no_profile(user),
        // What carrel's own triggers raise needs no statement of carrel's beside it.
        false => error.without_context(),
    }
}
