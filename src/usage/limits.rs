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
use super::allowances::{
    draw, gather, gather_one, is_left, key, own_part, take_own, wait_for_parts,
};
use super::reckoning;
use super::refusals::{Asked, refused};
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spi::{self, Db};
use crate::pg::values::Numeric;
use crate::pg::xact;
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
/// What reservations that are `$state`, and agent requests that are not finished, hold of it.
macro_rules! held_of_k {
    ($state:literal) => {
        concat!(
            "(
                select coalesce(sum(case k.measure when 'events' then 1 when 'tokens' then q.reserve_tokens else 0 end), 0)
                from carrel.agent_requests as q
                where q.user_id = k.user_id and k.event_type in ('*', 'agent_request')
                    and q.status in ('pending', 'processing')
                    and q.reserved_at >= k.period_start and q.reserved_at < k.period_end
            ) + (
                select coalesce(sum(case k.measure when 'events' then 1 when 'tokens' then r.tokens when 'cost' then r.cost else 0 end), 0)
                from carrel.usage_reservations as r
                where r.user_id = k.user_id and k.event_type in ('*', r.event_type)
                    and r.reserved_at >= k.period_start and r.reserved_at < k.period_end and ",
            $state,
            ")"
        )
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
pub(super) use {held_of_k, k, used_of_k};

thread_local! {
    /// The transaction that counted usage last: it may hold parts, and the row of a profile.
    static COUNTED: Cell<u32> = const { Cell::new(0) };
}

/// The transaction counts usage: from now on it holds what others may wait for.
pub fn has_counted() {
    COUNTED.set(xact::id());
}

/// Draws what is due if all of it is left, else error PT402.
pub fn take(dues: Vec<Due>, kind: Asked) -> Result<()> {
    let nothing = Numeric::zero()?;
    let (mut more, mut less) = (Vec::new(), Vec::new());
    for due in dues {
        match due.amount.compare(nothing)? {
            Ordering::Greater => more.push(due),
            _ => less.push(due),
        }
    }
    if !less.is_empty() {
        draw(&less)?;
        has_counted();
    }
    let count = more.len();
    let left = if more.is_empty() { more } else { take_own(more)? };
    if left.is_empty() {
        return Ok(());
    }
    if left.len() < count {
        has_counted();
    }
    reckoning(|db| take_from_all(db, &left, kind))
}

/// Refuses what will use limits that it takes nothing of beforehand, where they are used up: PT402.
pub fn need_left(dues: &[Due]) -> Result<()> {
    if dues.is_empty() {
        return Ok(());
    }
    reckoning(|db| {
        for due in dues {
            let [user, event_type, measure, period, start, end] = key(due);
            let is_left = db.value::<bool>(
                concat!(
                    "select $7::numeric > ",
                    used_of_k!(),
                    " + ",
                    held_of_k!("r.state = 'held' and r.expires_at > clock_timestamp()"),
                    " from ",
                    k!()
                ),
                &[user, event_type, measure, period, start, end, due.limit.into()],
            )?;
            if !is_left {
                return Err(refused(db, due, Asked::Used)?);
            }
        }
        Ok(())
    })
}

/// Draws what is due from what all backends have.
fn take_from_all(db: &Db, dues: &[Due], kind: Asked) -> Result<()> {
    let may_wait = COUNTED.get() != xact::id();
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
        match spi::subtransaction(|| take_now(db, dues, kind, wait, &is_busy)) {
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
    fn during<T>(self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        match self {
            Self::Never => spi::waiting_at_most(&spi::NOT_AT_ALL, work),
            Self::Briefly => spi::waiting_at_most(&spi::BRIEFLY, work),
            Self::Long => work(),
        }
    }
}

fn take_now(db: &Db, dues: &[Due], kind: Asked, wait: Wait, is_busy: &Cell<bool>) -> Result<()> {
    if wait != Wait::Never {
        wait.during(|| wait_for_parts(db, dues))?;
    }
    let mut users: Vec<Uuid> = dues.iter().map(|due| due.user).collect();
    users.dedup();
    for user in users {
        give_back_lapsed(db, user)?;
    }
    for due in dues {
        let own = wait.during(|| own_part(db, due))?;
        if !gather_one(db, due, own)? && !gather(db, due, own)? {
            let refusal = refused(db, due, kind)?;
            is_busy.set(is_left(db, due)?);
            return Err(refusal);
        }
    }
    Ok(())
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
            fact.tokens = -i128::from(row.need::<i64>(3)?);
            fact.cost = Some(row.need::<Numeric>(4)?.negated()?);
            Ok(fact)
        },
    )?;
    if lapsed.is_empty() {
        return Ok(());
    }
    draw(&Accounts::find(&[user])?.dues(&lapsed)?)
}
