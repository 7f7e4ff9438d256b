//! Hard limits, kept exactly while many sessions use them at once.
//!
//! What is left of a limit is handed out in parts, the rows of usage_allowances, of which each backend
//! has its own: to draw on it nobody waits. The parts of a user, limit and period add up to what is left:
//! the limit less what was used and what is held by reservations. So that this holds at every commit, a
//! transaction that changes what is used or held draws the same from a part of its own, below zero if
//! need be ([`draw`]); only what asks first is refused ([`take`]). Nothing is handed out before somebody
//! asks: until then, parts say what was used since.
//!
//! Nobody waits for long for a part, or for who hands out, while holding a part: sessions that use several
//! users' limits in any order don't deadlock.
//!
//! Facts come first, then the draw: what is due is in usage_events, usage_reservations or documents
//! already.

use super::accounts::{Accounts, Fact};
use super::locks;
use crate::datums::Numeric;
use crate::error::{Error, Result, SqlState};
use crate::spi::{self, Arg, Db};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cell::Cell;
use std::cmp::Ordering;

/// An amount that a hard limit is due.
pub struct Due {
    pub user: Uuid,
    pub event_type: String,
    pub measure: String,
    pub period: String,
    pub period_start: TimestampWithTimeZone,
    pub period_end: TimestampWithTimeZone,
    pub limit: Numeric,
    pub amount: Numeric,
}

/// What is used of the limit and period that the row `k` names, as numeric.
macro_rules! used_of_k {
    () => {
        "(
            select case
                when k.measure = 'documents' then (
                    select count(*) from carrel.documents as d where d.user_id = k.user_id
                )
                when k.measure = 'bytes' then (
                    select coalesce(sum(greatest(d.file_size, octet_length(d.content_text))), 0)
                    from carrel.documents as d where d.user_id = k.user_id
                )
                when k.period in ('month', 'week', 'day') then (
                    select coalesce(sum(case k.measure when 'events' then t.events when 'tokens' then t.tokens_used else t.cost end), 0)
                    from carrel.usage_totals as t
                    where t.user_id = k.user_id and k.event_type in ('*', t.event_type)
                        and t.day >= carrel.usage_day(p.billing_timezone, k.period_start)
                        and t.day <= carrel.usage_day(p.billing_timezone, k.period_end - interval '1 microsecond')
                        and (k.period <> 'month' or t.period_start = k.period_start)
                )
                else (
                    select coalesce(sum(case k.measure
                        when 'events' then case when e.voids is null then 1 else -1 end
                        when 'tokens' then e.tokens_used
                        else e.cost
                    end), 0)
                    from carrel.usage_events as e
                    where e.user_id = k.user_id and k.event_type in ('*', e.event_type)
                        and e.occurred_at >= k.period_start and e.occurred_at < k.period_end
                )
            end
            from carrel.user_profiles as p where p.user_id = k.user_id
        )"
    };
}
/// What reservations that are `$state` hold of it.
macro_rules! held_of_k {
    ($state:literal) => {
        concat!(
            "(
                select coalesce(sum(case k.measure when 'events' then 1 when 'tokens' then r.tokens when 'cost' then r.cost else 0 end), 0)
                from carrel.usage_reservations as r
                where r.user_id = k.user_id and k.event_type in ('*', r.event_type)
                    and r.reserved_at >= k.period_start and r.reserved_at < k.period_end and ",
            $state,
            ")"
        )
    };
}
/// That a part is of the limit and period that the row `k` names.
macro_rules! is_of_key {
    ($part:literal) => {
        concat!(
            $part,
            ".user_id = k.user_id and ",
            $part,
            ".period_start = k.period_start and ",
            $part,
            ".measure = k.measure and ",
            $part,
            ".event_type = k.event_type and ",
            $part,
            ".period = k.period"
        )
    };
}
/// What is due, as rows, of the first arguments.
macro_rules! dues {
    () => {
        "select * from unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::numeric[]
        ) as due (user_id, event_type, measure, period, period_start, period_end, amount)"
    };
}
/// The row `k`, of the first arguments.
macro_rules! k {
    () => {
        "(
            select $1::uuid as user_id, $2::text as event_type, $3::text as measure, $4::text as period,
                $5::timestamptz as period_start, $6::timestamptz as period_end
        ) as k"
    };
}
pub(super) use {held_of_k, used_of_k};

thread_local! {
    /// The transaction that counted usage last: it may hold parts, and the row of a profile.
    static COUNTED: Cell<u32> = const { Cell::new(0) };
}

/// Which of the server's backends this is: no two at once, and a new one takes the place of one that is
/// gone.
pub fn slot() -> i32 {
    // SAFETY: the backend's own number.
    unsafe {
        #[cfg(any(feature = "pg15", feature = "pg16"))]
        return pg_sys::MyBackendId;
        #[cfg(not(any(feature = "pg15", feature = "pg16")))]
        return pg_sys::MyProcNumber;
    }
}

/// The transaction counts usage: from now on it holds what others may wait for.
pub fn has_counted() {
    // SAFETY: reads the transaction's state.
    COUNTED.set(unsafe { pg_sys::GetTopTransactionIdIfAny() }.into_inner());
}

/// Draws what is due, whatever is left.
pub fn draw(db: &Db, dues: &[Due]) -> Result<()> {
    if dues.is_empty() {
        return Ok(());
    }
    let new = db.execute(
        concat!(
            "with due as (",
            dues!(),
            "), own as materialized (
                select k.*, (
                    select part.id from carrel.usage_allowances as part
                    where ",
            is_of_key!("part"),
            " and part.slot = $8
                    limit 1 for update skip locked
                ) as id
                from due as k
            ), drawn as (
                update carrel.usage_allowances as part set amount = part.amount - own.amount
                from own where part.id = own.id
            )
            insert into carrel.usage_allowances
                (user_id, event_type, measure, period, period_start, period_end, slot, amount)
            select user_id, event_type, measure, period, period_start, period_end, $8, - amount
            from own where id is null"
        ),
        &columns(dues)[..8],
    )?;
    if new > 0 { forget_past(db, dues) } else { Ok(()) }
}

/// Deletes the parts of periods that nothing can be recorded in any more.
fn forget_past(db: &Db, dues: &[Due]) -> Result<()> {
    let users: Vec<Uuid> = dues.iter().map(|due| due.user).collect();
    db.execute(
        "delete from carrel.usage_allowances where id in (
            select part.id from carrel.usage_allowances as part
            where part.user_id = any ($1) and part.period_end < now() - interval '36 days'
            for update skip locked
        )",
        &[users.into()],
    )?;
    Ok(())
}

fn columns(dues: &[Due]) -> [Arg; 9] {
    fn column<T>(dues: &[Due], of: impl Fn(&Due) -> T) -> Vec<T> {
        dues.iter().map(of).collect()
    }
    [
        column(dues, |due| due.user).into(),
        column(dues, |due| due.event_type.clone()).into(),
        column(dues, |due| due.measure.clone()).into(),
        column(dues, |due| due.period.clone()).into(),
        column(dues, |due| due.period_start).into(),
        column(dues, |due| due.period_end).into(),
        column(dues, |due| due.amount).into(),
        slot().into(),
        column(dues, |due| due.limit).into(),
    ]
}

/// Draws what is due if all of it is left, else error PT402.
pub fn take(db: &Db, dues: Vec<Due>) -> Result<()> {
    let nothing = Numeric::from_whole(0)?;
    let (mut more, mut less) = (Vec::new(), Vec::new());
    for due in dues {
        match due.amount.compare(nothing)? {
            Ordering::Greater => more.push(due),
            _ => less.push(due),
        }
    }
    draw(db, &less)?;
    if more.is_empty() {
        return Ok(());
    }
    // SAFETY: reads the transaction's state.
    let transaction = unsafe { pg_sys::GetTopTransactionIdIfAny() }.into_inner();
    let may_wait = COUNTED.get() != transaction;
    // First without waiting for anybody. What was locked in vain is given back before anybody is waited
    // for.
    let is_busy = Cell::new(false);
    for attempt in 0..=if may_wait { ATTEMPTS } else { BRIEF_ATTEMPTS } {
        is_busy.set(false);
        let wait = match attempt {
            0 => Wait::Never,
            _ if may_wait => Wait::Long,
            _ => Wait::Briefly,
        };
        match spi::subtransaction(|| take_now(db, &more, wait, &is_busy)) {
            Ok(()) => return Ok(()),
            Err(error) if !is_busy.get() && !error.is_of_locks() => return Err(error),
            Err(_) => {}
        }
    }
    Err(Error::new(
        SqlState::SerializationFailure,
        "other transactions hold what is left of the plan's limits",
    )
    .hint("Try the transaction again, or record usage of one user in a transaction."))
}

/// How often others are waited for.
const ATTEMPTS: usize = 20;
const BRIEF_ATTEMPTS: usize = 2;

/// For how long others who hold parts are waited for.
#[derive(Clone, Copy, PartialEq)]
enum Wait {
    Never,
    /// So that a deadlock ends before Postgres finds it: this transaction may hold what others wait for.
    Briefly,
    /// Until they are done: nobody waits for this transaction.
    Long,
}

impl Wait {
    /// Does `work`, in which nobody is waited for any longer; else an error of locks.
    fn during<T>(self, db: &Db, work: impl FnOnce() -> Result<T>) -> Result<T> {
        match self {
            Self::Never => db.waiting_at_most(c"1ms", work),
            Self::Briefly => db.waiting_at_most(c"200ms", work),
            Self::Long => work(),
        }
    }
}

/// Whether this backend's parts have what is due, as far as can be told without locking them.
fn fits_own(db: &Db, dues: &[Due]) -> Result<bool> {
    let fitting = db.value::<i64>(
        concat!(
            "select count(*) from unnest(
                $1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::numeric[], $9::numeric[]
            ) as k (user_id, event_type, measure, period, period_start, period_end, amount, limit_value)
            where (
                select sum(part.granted) = k.limit_value
                    and sum(part.amount) filter (where part.slot = $8 or part.amount < 0) >= k.amount
                from carrel.usage_allowances as part where ", is_of_key!("part"), "
            )"
        ),
        &columns(dues),
    )?;
    Ok(fitting == dues.len() as i64)
}

/// Draws what is due from this backend's parts, if they have all of it.
fn take_own(db: &Db, dues: &[Due]) -> Result<bool> {
    let drawn = db.execute(
        concat!(
            "with due as (",
            dues!(),
            "), own as materialized (
                select own.id, k.amount, own.amount + coalesce((
                    select sum(part.amount) from carrel.usage_allowances as part
                    where ",
            is_of_key!("part"),
            " and part.amount < 0 and part.id <> own.id
                ), 0) >= k.amount as fits
                from due as k cross join lateral (
                    select part.id, part.amount from carrel.usage_allowances as part
                    where ",
            is_of_key!("part"),
            " and part.slot = $8
                    limit 1 for update skip locked
                ) as own
            )
            update carrel.usage_allowances as part set amount = part.amount - own.amount
            from own
            where part.id = own.id
                and (select count(*) from own as fit where fit.fits) = cardinality($1::uuid[])"
        ),
        &columns(dues)[..8],
    )?;
    Ok(drawn > 0)
}

/// Waits until nobody else holds a part of these limits, in an order that everybody keeps.
fn wait_for_parts(db: &Db, dues: &[Due]) -> Result<()> {
    db.execute(
        concat!(
            "select from carrel.usage_allowances as part
            where part.id in (
                select part.id from (",
            dues!(),
            ") as k
                join carrel.usage_allowances as part on ",
            is_of_key!("part"),
            "
            )
            order by part.id for update"
        ),
        &columns(dues)[..7],
    )?;
    Ok(())
}

fn take_now(db: &Db, dues: &[Due], wait: Wait, is_busy: &Cell<bool>) -> Result<()> {
    match wait {
        Wait::Never if fits_own(db, dues)? && take_own(db, dues)? => return Ok(()),
        Wait::Never => {}
        Wait::Briefly | Wait::Long => wait.during(db, || wait_for_parts(db, dues))?,
    }
    let mut users: Vec<Uuid> = dues.iter().map(|due| due.user).collect();
    users.dedup();
    for user in users {
        give_back_lapsed(db, user)?;
    }
    for due in dues {
        let own = wait.during(db, || own_part(db, due))?;
        if !gather_one(db, due, own)? && !gather(db, due, own)? {
            is_busy.set(are_held(db, due, own)?);
            return Err(refused(db, due)?);
        }
    }
    Ok(())
}

/// Whether others hold parts of a limit.
fn are_held(db: &Db, due: &Due, own: Uuid) -> Result<bool> {
    let sql = concat!(
        "select (
            select count(*) from carrel.usage_allowances as part
            where part.id <> $7 and part.amount > 0 and ",
        is_of_key!("part"),
        "
        ) > (
            select count(*) from (
                select part.id from carrel.usage_allowances as part
                where part.id <> $7 and part.amount > 0 and ",
        is_of_key!("part"),
        "
                for update skip locked
            ) as free
        )
        from ",
        k!()
    );
    let [user, event_type, measure, period, start, end] = key(due);
    db.value(sql, &[user, event_type, measure, period, start, end, own.into()])
}

/// The part of this backend, locked, of a limit that is handed out.
fn own_part(db: &Db, due: &Due) -> Result<Uuid> {
    let find = concat!(
        "select part.id, (
            select sum(every.granted) = $8 from carrel.usage_allowances as every where ",
        is_of_key!("every"),
        "
        )
        from ",
        k!(),
        " cross join lateral (
            select part.id from carrel.usage_allowances as part
            where ",
        is_of_key!("part"),
        " and part.slot = $7
            limit 1 for update skip locked
        ) as part"
    );
    let [user, event_type, measure, period, start, end] = key(due);
    let found = |row: &spi::Row| Ok((row.need::<Uuid>(1)?, row.get::<bool>(2).unwrap_or(false)));
    let args = [user, event_type, measure, period, start, end, slot().into(), due.limit.into()];
    let own = match db.first(find, &args, found)? {
        Some((own, true)) => return Ok(own),
        Some((own, false)) => own,
        None => {
            let own = db.value(
                "insert into carrel.usage_allowances
                    (user_id, event_type, measure, period, period_start, period_end, slot, amount)
                values ($1, $2, $3, $4, $5, $6, $7, 0) returning id",
                &args[..7],
            )?;
            forget_past(db, std::slice::from_ref(due))?;
            if let Some((own, true)) = db.first(find, &args, found)? {
                return Ok(own);
            }
            own
        }
    };
    locks::hand_out(db, due.user)?;
    let hand_out = concat!(
        "update carrel.usage_allowances as own set
            granted = $8::numeric - others.granted,
            amount = $8 + $9::numeric - others.amount - others.used
        from (
            select coalesce(sum(part.granted), 0) as granted, coalesce(sum(part.amount), 0) as amount,
                (select ", used_of_k!(), " + ", held_of_k!("r.state = 'held'"), " from ", k!(), ") as used
            from ", k!(), " left join carrel.usage_allowances as part on part.id <> $7 and ", is_of_key!("part"), "
        ) as others
        where own.id = $7"
    );
    db.execute(
        hand_out,
        &[
            user,
            event_type,
            measure,
            period,
            start,
            end,
            own.into(),
            due.limit.into(),
            due.amount.into(),
        ],
    )?;
    spread(db, due, own)?;
    Ok(own)
}

/// Hands what was handed out to this backend on to parts of nobody's, for those who come meanwhile.
fn spread(db: &Db, due: &Due, own: Uuid) -> Result<()> {
    const PARTS: i32 = 16;
    let sql = concat!(
        "with own as (
            select trunc((part.amount - $8::numeric) / $9, case k.measure when 'cost' then 10 else 0 end) as share
            from ", k!(), " join carrel.usage_allowances as part on part.id = $7
        ), given as (
            insert into carrel.usage_allowances
                (user_id, event_type, measure, period, period_start, period_end, slot, amount)
            select k.user_id, k.event_type, k.measure, k.period, k.period_start, k.period_end, -1, own.share
            from ", k!(), ", own, generate_series(2, $9) where own.share > 0
            returning amount
        )
        update carrel.usage_allowances as part
        set amount = part.amount - (select sum(given.amount) from given)
        where part.id = $7 and exists (select from given)"
    );
    let [user, event_type, measure, period, start, end] = key(due);
    let args = [
        user,
        event_type,
        measure,
        period,
        start,
        end,
        own.into(),
        due.amount.into(),
        PARTS.into(),
    ];
    db.execute(sql, &args).map(|_| ())
}

/// Draws what is due from a part of this backend's, and half of a part of nobody else's that has at least
/// what that lacks. Whether there was one.
fn gather_one(db: &Db, due: &Due, own: Uuid) -> Result<bool> {
    let sql = concat!(
        "with need as (
            select $8::numeric
                - coalesce(sum(part.amount) filter (where part.id = $7 or part.amount < 0), 0) as amount
            from ", k!(), " left join carrel.usage_allowances as part on ", is_of_key!("part"), "
        ), other as materialized (
            select part.id, least(part.amount, greatest(need.amount, ceil(part.amount / 2))) as amount
            from ", k!(), ", need cross join lateral (
                select part.id, part.amount from carrel.usage_allowances as part
                where need.amount > 0 and part.id <> $7 and part.amount >= need.amount and ", is_of_key!("part"), "
                limit 1 for update skip locked
            ) as part
            where part.amount >= need.amount
        ), taken as (
            update carrel.usage_allowances as part set amount = part.amount - other.amount
            from other where part.id = other.id
            returning other.amount
        )
        update carrel.usage_allowances as part
        set amount = part.amount + coalesce((select sum(taken.amount) from taken), 0) - $8
        where part.id = $7
            and ((select need.amount <= 0 from need) or exists (select from taken))"
    );
    let [user, event_type, measure, period, start, end] = key(due);
    let args = [user, event_type, measure, period, start, end, own.into(), due.amount.into()];
    Ok(db.execute(sql, &args)? > 0)
}

/// Draws what is due from a part of this backend's, and what that lacks from those of others that nobody
/// holds: half of what they have, or all. Whether there was enough.
fn gather(db: &Db, due: &Due, own: Uuid) -> Result<bool> {
    let sql = concat!(
        "with others as materialized (
            select part.id, part.amount, least(part.amount, ceil(part.amount / 2)) as half
            from ", k!(), " cross join lateral (
                select part.id, part.amount from carrel.usage_allowances as part
                where part.id <> $7 and part.amount > 0 and ", is_of_key!("part"), "
                for update skip locked
            ) as part
        ), need as (
            select $8::numeric
                - coalesce(sum(part.amount) filter (where part.id = $7 or part.amount < 0), 0) as amount
            from ", k!(), " left join carrel.usage_allowances as part on ", is_of_key!("part"), "
        ), plan as (
            select need.amount <= 0 as is_enough, coalesce(sum(others.half), 0) >= need.amount as is_half
            from need left join others on true
            group by need.amount
            having need.amount <= 0 or sum(others.amount) >= need.amount
        ), taken as (
            update carrel.usage_allowances as part
            set amount = part.amount - case when plan.is_half then others.half else others.amount end
            from others, plan
            where part.id = others.id and not plan.is_enough
            returning case when plan.is_half then others.half else others.amount end as amount
        )
        update carrel.usage_allowances as part
        set amount = part.amount + coalesce((select sum(taken.amount) from taken), 0) - $8
        where part.id = $7 and exists (select from plan)"
    );
    let [user, event_type, measure, period, start, end] = key(due);
    let args = [user, event_type, measure, period, start, end, own.into(), due.amount.into()];
    Ok(db.execute(sql, &args)? > 0)
}

/// What reservations hold past their time is there again, as soon as somebody needs it.
fn give_back_lapsed(db: &Db, user: Uuid) -> Result<()> {
    let lapsed = db.rows(
        "update carrel.usage_reservations set state = 'lapsed'
        where id in (
            select r.id from carrel.usage_reservations as r
            where r.user_id = $1 and r.state = 'held' and r.expires_at <= clock_timestamp()
            for update skip locked
        )
        returning event_type, reserved_at, tokens, cost",
        &[user.into()],
        |row| {
            let mut fact = Fact::of(user, row.need(1)?, row.need(2)?);
            fact.events = -1;
            fact.tokens = -row.need::<i64>(3)?;
            fact.cost = Some(row.need::<Numeric>(4)?.negated()?);
            Ok(fact)
        },
    )?;
    if lapsed.is_empty() {
        return Ok(());
    }
    draw(db, &Accounts::find(db, vec![user])?.dues(&lapsed)?)
}

fn key(due: &Due) -> [Arg; 6] {
    [
        due.user.into(),
        due.event_type.as_str().into(),
        due.measure.as_str().into(),
        due.period.as_str().into(),
        due.period_start.into(),
        due.period_end.into(),
    ]
}

/// The error for what is beyond a limit.
fn refused(db: &Db, due: &Due) -> Result<Error> {
    let sql = concat!(
        "select jsonb_build_object(
            'event_type', k.event_type, 'measure', k.measure, 'period', k.period,
            'asked', trim_scale($8::numeric), 'used', trim_scale(",
        used_of_k!(),
        " + ",
        held_of_k!("r.state = 'held'"),
        " - $8), 'limit', trim_scale($7::numeric),
            'resets_at', case when isfinite(k.period_end) then k.period_end end
        )::text
        from ",
        k!()
    );
    let [user, event_type, measure, period, start, end] = key(due);
    let args = [user, event_type, measure, period, start, end, due.limit.into(), due.amount.into()];
    let detail: String = db.value(sql, &args)?;
    let what = match due.event_type.as_str() {
        "*" => due.measure.clone(),
        event_type => format!("{} of {event_type}", due.measure),
    };
    Ok(Error::new(SqlState::LimitReached, format!("the plan's limit of {what} is reached"))
        .detail(detail)
        .hint("Wait until it resets, or have the service role change the plan: carrel.set_plan()"))
}
