//! Computing totals, counters and allowances again from the ledger: when plans, limits or billing
//! periods change, and for operators.

use super::usage_count;
use crate::access;
use crate::locks;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::spi::{Access, Db, as_owner_now};
use crate::pg::trigger::{self, Returned};
use crate::pg::xact;
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// Trigger BEFORE any change of plan_limits, and BEFORE UPDATE of plan, anchor or time zone of
/// user_profiles: waits until no transaction records usage by the old values.
#[pg_trigger]
fn wait_for_usage<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring()? {
            return Ok(());
        }
        locks::lock_all_users()
    })
}

/// Trigger AFTER UPDATE of plan, anchor or time zone of user_profiles: deletes the user's shares of
/// hard limits, and computes totals and counter for new billing periods.
///
/// Errors: 55000 (billing periods change in a REPEATABLE READ or SERIALIZABLE transaction).
#[pg_trigger]
fn rebuild_usage_periods<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_row(trigger, |row| {
        let user: Uuid = row.new.need(c"user_id")?;
        let anchor =
            |row: &trigger::TriggerRow| row.get::<TimestampWithTimeZone>(c"billing_anchor");
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
        as_owner_now(|db| {
            db.execute("delete from carrel.usage_allowances where user_id = $1", &[user.into()])?;
            if periods_are_new {
                rebuild_totals(db, Some(user))?;
                usage_count::recount(&[user])?;
            }
            Ok(())
        })
    })
}

/// Computes totals and counters of all users again from the events. Returns the number of totals.
///
/// Deletes all shares of hard limits: they are allocated again when the limits are next debited.
/// Recording usage waits meanwhile. Callable by superusers.
#[pg_extern(volatile, parallel_unsafe)]
fn rebuild_usage() -> i64 {
    guard(|| {
        access::as_administrator("rebuild_usage", Access::Write, |db| {
            locks::lock_all_users()?;
            rebuild_all(db)?;
            db.value("select count(*) from carrel.usage_totals", &[])
        })
    })
}

/// Computes totals and counters of all users under the exclusive lock of all users.
pub fn rebuild_all(db: &Db) -> Result<()> {
    db.execute("delete from carrel.usage_allowances", &[])?;
    rebuild_totals(db, None)?;
    let users = db.value::<Vec<Uuid>>(
        "select coalesce(array_agg(user_id order by user_id), '{}') from carrel.user_profiles",
        &[],
    )?;
    usage_count::recount(&users)
}

/// Computes the totals of a user, or of all users, again from the events.
fn rebuild_totals(db: &Db, user: Option<Uuid>) -> Result<()> {
    db.execute(
        "delete from carrel.usage_totals where $1::uuid is null or user_id = $1",
        &[user.into()],
    )?;
    db.execute(include_str!("../../../sql/usage/rebuild_totals.sql"), &[user.into()])?;
    Ok(())
}
