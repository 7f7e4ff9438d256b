//! When plans, limits or billing periods change: nobody records usage meanwhile, and what followed from the
//! events is made anew.

use super::{locks, reckoning, usage_count};
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spi::Db;
use crate::pg::trigger::{self, Returned};
use crate::pg::xact;
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// BEFORE UPDATE of profiles' plans, anchors or time zones, and of plan_limits: waits until nobody records
/// usage who reckons with what they were.
#[pg_trigger]
fn wait_for_usage<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring() {
            return Ok(());
        }
        locks::change_all()
    })
}

/// AFTER UPDATE of a profile's plan, anchor or time zone: what is left of limits is reckoned anew when
/// somebody asks, and the usage of other periods is summed up again.
#[pg_trigger]
fn rebuild_usage_periods<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_row(trigger, |row| {
        let user: Uuid = row.new.need(c"user_id")?;
        let anchor = |row: &trigger::Row| row.get::<TimestampWithTimeZone>(c"billing_anchor");
        let is_moved = row.old.is_none_or(|old| anchor(&old) != anchor(&row.new));
        let periods_are_new = is_moved || row.changes(c"billing_timezone")?;
        if periods_are_new && xact::is_repeatable() {
            return Err(Error::new(
                SqlState::ObjectNotInPrerequisiteState,
                "billing periods can't be changed in a REPEATABLE READ or SERIALIZABLE transaction",
            )
            .detail("Its snapshot may lack events that were recorded since.")
            .hint("Do it in a READ COMMITTED transaction."));
        }
        reckoning(|db| {
            db.execute("delete from carrel.usage_allowances where user_id = $1", &[user.into()])?;
            if periods_are_new {
                rebuild(db, Some(user))?;
                usage_count::recount(&[user])?;
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
