//! Merging the totals of past days, so that few rows of them stay.

use crate::pg::clock;
use crate::pg::error::Result;
use crate::pg::heap::Condition;
use crate::pg::spi::as_owner_now;
use crate::pg::xact;
use crate::usage::accounts::Accounts;
use crate::usage::amounts::TOTALS;
use pgrx::datum::{Date, Uuid};
use pgrx::prelude::*;

/// Number of past days that are merged: a billing period before the earliest event that can still
/// be recorded.
const DAYS: i32 = 70;

/// Merges the rows that several backends have of one total, on past days of a user. Waits for no
/// lock.
pub fn merge_past(accounts: &Accounts, user: Uuid) -> Result<()> {
    let Some(account) = accounts.get(user) else { return Ok(()) };
    if xact::is_repeatable() {
        // The transaction's snapshot cannot lock rows that others have changed since.
        return Ok(());
    }
    let now = clock::now()?;
    let today = account.calendar.day(now)?;
    let first = i64::from(now) - i64::from(DAYS) * 24 * 3600 * 1_000_000;
    let first = account.calendar.day(TimestampWithTimeZone::try_from(first).unwrap_or(now))?;
    let conditions = [Condition::is_user(user), Condition::is_from_day(first)];
    let (mut before, mut is_split) = (None, false);
    TOTALS.read(&conditions, [c"day", c"period_start", c"event_type", c"model"], |row| {
        let (day, period): (Date, TimestampWithTimeZone) = (row.need(1)?, row.need(2)?);
        if day < today {
            let key = Some((day, period, row.need::<String>(3)?, row.need::<String>(4)?));
            is_split |= key == before;
            before = key;
        }
        Ok(())
    })?;
    if !is_split {
        return Ok(());
    }
    as_owner_now(|db| {
        db.execute(
            include_str!("../../../sql/usage/merge_totals.sql"),
            &[user.into(), first.into(), today.into()],
        )
        .map(|_| ())
    })
}
