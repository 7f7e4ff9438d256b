//! What follows from an event, in the statement that inserts it: totals, what is left of limits, and the
//! profile's counter of agent requests. Every event comes this way, whoever inserts it.
//!
//! Totals are rows of the backend's own, and so are parts of limits: events of one user don't wait for
//! each other. Only events of type agent_request lock the profile's row, whose usage_count they change:
//! those of the caller's own at once, those that somebody records for others when the transaction
//! commits, in the order of the users' ids, so that transactions over several users don't deadlock.

use super::limits::{self, dues_of};
use crate::error::{Error, Result, SqlState};
use crate::identity;
use crate::spi::{self, Access, Db};
use crate::trigger::{self, Returned};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

thread_local! {
    /// Whether the events of the next statement are refused beyond a hard limit.
    static ENFORCING: Cell<bool> = const { Cell::new(false) };
    static UNCOUNTED: RefCell<Uncounted> = const {
        RefCell::new(Uncounted { transaction: 0, users: BTreeSet::new(), counted_in: 0 })
    };
}

/// Users whose counters a transaction has yet to set. Those whose events were rolled back to a savepoint
/// are among them: a counter that is set again stays as it is.
struct Uncounted {
    transaction: u32,
    users: BTreeSet<[u8; 16]>,
    /// The subtransaction that has set them; 0: none. Its rollback takes that back.
    counted_in: pg_sys::SubTransactionId,
}

/// Inserts events by a statement, which is refused beyond a hard limit: PT402.
pub fn enforcing<T>(insert: impl FnOnce() -> Result<T>) -> Result<T> {
    ENFORCING.set(true);
    let result = insert();
    ENFORCING.set(false);
    result
}

/// AFTER INSERT on usage_events: adds the statement's events to the totals, draws them from what is left
/// of hard limits, and counts agent requests.
#[pg_trigger]
fn count_usage<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    let is_enforced = ENFORCING.replace(false);
    trigger::after_statement(|| {
        if trigger::restoring() {
            return Ok(());
        }
        spi::as_owner(Access::Write, |db| {
            // SAFETY: this call's data.
            unsafe { db.register_trigger_data(trigger::data(trigger)) }?;
            db.planned_once(|| count(db, is_enforced))
        })
    })
}

fn count(db: &Db, is_enforced: bool) -> Result<()> {
    // The foreign key locks the profile's row, so that its periods don't change meanwhile.
    db.execute(
        "insert into carrel.usage_totals as t
            (user_id, day, period_start, event_type, model, slot, events, tokens_used, cost)
        select e.user_id, carrel.usage_day(p.billing_timezone, e.occurred_at),
            carrel.billing_period_start(p.billing_anchor, p.billing_timezone, e.occurred_at),
            e.event_type, coalesce(e.model, ''), $1,
            sum(case when e.voids is null then 1 else -1 end), sum(e.tokens_used), sum(e.cost)
        from inserted as e join carrel.user_profiles as p on p.user_id = e.user_id
        group by 1, 2, 3, 4, 5
        on conflict (user_id, day, period_start, event_type, model, slot) do update set
            events = t.events + excluded.events,
            tokens_used = t.tokens_used + excluded.tokens_used,
            cost = t.cost + excluded.cost",
        &[limits::slot().into()],
    )?;
    let dues = limits::due(
        db,
        dues_of!(
            "",
            "select user_id, event_type, occurred_at, case when voids is null then 1 else -1 end,
                tokens_used, cost, 0, 0
            from inserted"
        ),
        &[limits::slot().into()],
    )?;
    match is_enforced {
        true => limits::take(db, dues)?,
        false => limits::draw(db, &dues)?,
    }
    let requesters = db.rows(
        "select distinct user_id from inserted where event_type = 'agent_request' order by user_id",
        &[],
        |row| row.need::<Uuid>(1),
    )?;
    limits::has_counted();
    let own = identity::current().ok().flatten();
    let (own, others): (Vec<Uuid>, Vec<Uuid>) =
        requesters.into_iter().partition(|user| Some(*user) == own);
    for user in own {
        count_requests(db, &[user], false)?;
    }
    remember(&others);
    Ok(())
}

/// AFTER INSERT, UPDATE, DELETE or TRUNCATE of documents: draws what the statement adds to what a user
/// has stored from what is left of hard limits, and refuses what is beyond: PT402.
#[pg_trigger]
fn count_documents<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_statement(|| {
        if trigger::restoring() {
            return Ok(());
        }
        let (slot, operation) = (limits::slot().into(), trigger::operation(trigger));
        spi::as_owner(Access::Write, |db| {
            // SAFETY: this call's data.
            unsafe { db.register_trigger_data(trigger::data(trigger)) }?;
            let sql = match operation {
                pg_sys::TRIGGER_EVENT_INSERT => {
                    dues_of!(
                        "",
                        "select user_id, '*', now(), 0, 0, 0, 1,
                        coalesce(greatest(file_size, octet_length(content_text)), 0) from added"
                    )
                }
                pg_sys::TRIGGER_EVENT_DELETE => {
                    dues_of!("", "select user_id, '*', now(), 0, 0, 0, -1,
                        - coalesce(greatest(file_size, octet_length(content_text)), 0) from removed")
                }
                pg_sys::TRIGGER_EVENT_UPDATE => {
                    dues_of!("", "select user_id, '*', now(), 0, 0, 0, 1,
                        coalesce(greatest(file_size, octet_length(content_text)), 0) from added
                        union all select user_id, '*', now(), 0, 0, 0, -1,
                        - coalesce(greatest(file_size, octet_length(content_text)), 0) from removed")
                }
                _ => {
                    db.execute("delete from carrel.usage_allowances where period = 'stored'", &[])?;
                    return Ok(());
                }
            };
            let dues = db.planned_once(|| limits::due(db, sql, &[slot]))?;
            if dues.is_empty() {
                return Ok(());
            }
            db.planned_once(|| limits::take(db, dues))?;
            limits::has_counted();
            Ok(())
        })
    })
}

/// Has the counters of users set when the transaction commits.
fn remember(users: &[Uuid]) {
    if users.is_empty() {
        return;
    }
    // SAFETY: reads the transaction's state.
    let transaction = unsafe { pg_sys::GetTopTransactionIdIfAny() }.into_inner();
    UNCOUNTED.with_borrow_mut(|uncounted| {
        if uncounted.transaction != transaction {
            uncounted.transaction = transaction;
            uncounted.users.clear();
        }
        uncounted.users.extend(users.iter().map(|user| *user.as_bytes()));
        uncounted.counted_in = 0;
    });
}

/// At the end of a transaction that recorded agent requests for others, or as soon as constraints are set
/// immediate: sets these users' counters.
#[pg_trigger]
fn count_requests_of_others<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_row(trigger, |_| {
        // SAFETY: reads the transaction's state.
        let (transaction, current) = unsafe {
            (pg_sys::GetTopTransactionIdIfAny().into_inner(), pg_sys::GetCurrentSubTransactionId())
        };
        let users: Vec<Uuid> = UNCOUNTED.with_borrow(|uncounted| {
            let is_to_do = uncounted.transaction == transaction && uncounted.counted_in != current;
            let users = uncounted.users.iter().filter(|_| is_to_do);
            users.map(|user| Uuid::from_bytes(*user)).collect()
        });
        if users.is_empty() {
            return Ok(());
        }
        spi::as_owner(Access::Write, |db| db.planned_once(|| count_requests(db, &users, false)))?;
        UNCOUNTED.with_borrow_mut(|uncounted| uncounted.counted_in = current);
        Ok(())
    })
}

/// Sets usage_count to the requests of the period that now is in; never of an earlier one than it is of,
/// for a transaction may have begun before the period's end, unless the periods are new.
///
/// Whoever records a request holds the profile's row from here on until it commits: the last to come
/// sees what the others recorded.
pub fn count_requests(db: &Db, users: &[Uuid], periods_are_new: bool) -> Result<()> {
    db.execute(
        "select from carrel.user_profiles where user_id = any ($1) order by user_id for no key update",
        &[users.to_vec().into()],
    )?;
    db.execute(
        "update carrel.user_profiles as p set
            usage_period_start = period.start,
            usage_count = (
                select least(greatest(coalesce(sum(t.events), 0), 0), 2147483647) from carrel.usage_totals as t
                where t.user_id = p.user_id and t.period_start = period.start and t.event_type = 'agent_request'
                    and t.day >= carrel.usage_day(p.billing_timezone, period.start)
            )
        from (
            select user_id, greatest(
                carrel.billing_period_start(billing_anchor, billing_timezone, now()),
                case when not $2 then usage_period_start end
            ) as start
            from carrel.user_profiles where user_id = any ($1)
        ) as period
        where p.user_id = period.user_id",
        &[users.to_vec().into(), periods_are_new.into()],
    )?;
    Ok(())
}

/// BEFORE UPDATE of a profile's plan, anchor or time zone: waits until nobody records usage of the
/// user's any more, who reckons with what they were.
#[pg_trigger]
fn wait_for_usage_of_user<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring() {
            return Ok(());
        }
        let user: Uuid = row.new.need(c"user_id")?;
        spi::as_owner(Access::Write, |db| {
            let sql = "select from carrel.user_profiles where user_id = $1 for update";
            db.execute(sql, &[user.into()]).map(|_| ())
        })
    })
}

/// AFTER UPDATE of a profile's plan, anchor or time zone: what is left of limits is reckoned anew when
/// somebody asks, and the usage of other periods is summed up again.
#[pg_trigger]
fn rebuild_usage_periods<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_row(trigger, |row| {
        let user: Uuid = row.new.need(c"user_id")?;
        let periods_are_new = row.changes_any(&[c"billing_anchor", c"billing_timezone"])?;
        // SAFETY: reads the state of the transaction.
        let is_old = unsafe { pg_sys::XactIsoLevel } >= pg_sys::XACT_REPEATABLE_READ as i32;
        if periods_are_new && is_old {
            return Err(Error::new(
                SqlState::ObjectNotInPrerequisiteState,
                "billing periods can't be changed in a REPEATABLE READ or SERIALIZABLE transaction",
            )
            .detail("Its snapshot may lack events that were recorded since.")
            .hint("Do it in a READ COMMITTED transaction."));
        }
        spi::as_owner(Access::Write, |db| {
            db.execute("delete from carrel.usage_allowances where user_id = $1", &[user.into()])?;
            if periods_are_new {
                rebuild(db, Some(user))?;
                count_requests(db, &[user], true)?;
            }
            Ok(())
        })
    })
}

/// Sums the totals of a user, or of all, up again from the events.
pub fn rebuild(db: &Db, user: Option<Uuid>) -> Result<()> {
    db.execute(
        "delete from carrel.usage_totals where $1::uuid is null or user_id = $1",
        &[user.into()],
    )?;
    db.execute(
        "insert into carrel.usage_totals
            (user_id, day, period_start, event_type, model, slot, events, tokens_used, cost)
        select e.user_id, carrel.usage_day(p.billing_timezone, e.occurred_at),
            carrel.billing_period_start(p.billing_anchor, p.billing_timezone, e.occurred_at),
            e.event_type, coalesce(e.model, ''), 0,
            sum(case when e.voids is null then 1 else -1 end), sum(e.tokens_used), sum(e.cost)
        from carrel.usage_events as e join carrel.user_profiles as p on p.user_id = e.user_id
        where $1::uuid is null or e.user_id = $1
        group by 1, 2, 3, 4, 5",
        &[user.into()],
    )?;
    Ok(())
}
