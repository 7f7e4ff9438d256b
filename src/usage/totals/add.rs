//! Adding to the totals: sums over events by day, in rows of which each backend writes its own.
//!
//! No transaction waits for a row. If a row is locked, the amounts go to another row of the total.
//! A backend that adds its first row of a total merges the user's rows of past days ([`merge_past`]),
//! so that few stay.

use super::merge::merge_past;
use crate::pg::backend;
use crate::pg::error::Result;
use crate::pg::heap::{
    Condition, DirectInsert, HandledByCaller, RowVersion, Rows, TableLock, TableRow, UpdateOutcome,
};
use crate::pg::ids;
use crate::pg::spi::{Arg, Db, as_owner_now};
use crate::pg::values::Numeric;
use crate::usage::accounts::Accounts;
use crate::usage::amounts::{OF_PROFILE, TOTALS, Total, Totals};
use crate::usage::limits::limit_status::LimitWindows;
use pgrx::datum::{Date, Uuid};
use pgrx::prelude::*;
use std::collections::BTreeSet;
use std::ffi::CStr;

/// Direct insert of new rows. The users' profiles are locked as the foreign key would lock them.
const NEW: DirectInsert = DirectInsert {
    table: c"usage_totals",
    handled: HandledByCaller { triggers: &[], checks: &[], reference: Some(OF_PROFILE) },
    key: c"usage_totals_pkey",
};
const COLUMNS: [&CStr; 9] = [
    c"user_id",
    c"day",
    c"period_start",
    c"event_type",
    c"model",
    c"slot",
    c"events",
    c"tokens_used",
    c"cost",
];
const SUMS: [&CStr; 3] = [c"events", c"tokens_used", c"cost"];

/// Event type, model, and the amounts to add to their total.
type Addition = (String, String, Total);

/// Adds to the totals, in rows of this backend, and adds the resulting totals to `windows`.
///
/// The users' profiles have to be locked: `Accounts::hold`.
pub fn add(
    accounts: &Accounts,
    totals: Totals,
    mut windows: Option<&mut LimitWindows>,
) -> Result<()> {
    let (mut absent, mut held, mut by_statement) = (Vec::new(), Vec::new(), Vec::new());
    TOTALS.open(TableLock::Change, |rows| {
        for ((_, _, _, event_type, model), total) in totals {
            let changed = add_one(rows, &event_type, &model, &total, windows.as_deref_mut())?;
            match changed {
                UpdateOutcome::Updated => continue,
                UpdateOutcome::Absent => &mut absent,
                UpdateOutcome::Conflict => &mut held,
                UpdateOutcome::NeedsSql => &mut by_statement,
            }
            .push((event_type, model, total));
        }
        Ok(())
    })?;
    let users: BTreeSet<[u8; 16]> =
        absent.iter().map(|(_, _, total)| *total.user.as_bytes()).collect();
    // A row with the key that is not visible yet belongs to another transaction.
    held.extend(insert(absent, backend::slot(), &mut by_statement)?);
    for one in held {
        insert(vec![one], unowned_slot(), &mut by_statement)?;
    }
    if !by_statement.is_empty() {
        as_owner_now(|db| by_statement.iter().try_for_each(|one| add_by_statement(db, one)))?;
    }
    users.into_iter().try_for_each(|user| merge_past(accounts, Uuid::from_bytes(user)))
}

/// Row of this backend that a total is added to, with its events, tokens and cost.
type Own = (Option<RowVersion>, Option<[Numeric; 3]>);

/// Adds to a total, if this backend has a row of it that no other transaction has locked.
fn add_one(
    rows: &Rows,
    event_type: &str,
    model: &str,
    total: &Total,
    windows: Option<&mut LimitWindows>,
) -> Result<UpdateOutcome> {
    let own = match windows {
        None => find_own(rows, event_type, model, total)?,
        Some(windows) => find_own_and_sum(rows, event_type, model, total, windows)?,
    };
    let (Some(chosen), Some([events, tokens, cost])) = own else {
        return Ok(UpdateOutcome::Absent);
    };
    let sums = [
        events.plus(Numeric::from_whole(total.events)?)?.into(),
        tokens.plus(total.tokens)?.into(),
        cost.plus(total.cost)?.into(),
    ];
    rows.set(chosen, SUMS, sums)
}

/// Finds this backend's row of a total by its key.
fn find_own(rows: &Rows, event_type: &str, model: &str, total: &Total) -> Result<Own> {
    let conditions = [
        Condition::is_user(total.user),
        Condition::is_day(total.day),
        Condition::is_period(total.period_start),
        Condition::is_text(c"event_type", event_type),
        Condition::is_text(c"model", model),
        Condition::is_slot(backend::slot()),
    ];
    let mut own = None;
    let chosen = rows.find_one(&conditions, SUMS, |row| {
        own = Some([row.need(1)?, row.need(2)?, row.need(3)?]);
        Ok(())
    })?;
    Ok((chosen, own))
}

/// Finds this backend's row of a total, while it adds up all totals of the windows in the same
/// scan.
fn find_own_and_sum(
    rows: &Rows,
    event_type: &str,
    model: &str,
    total: &Total,
    windows: &mut LimitWindows,
) -> Result<Own> {
    let slot = backend::slot();
    let mut sums = windows.sums()?;
    sums.add(windows, total.day, total.period_start, event_type, |measure| total.amount(measure))?;
    let first = windows.first_day().map_or(total.day, |first| first.min(total.day));
    let conditions = [Condition::is_user(total.user), Condition::is_from_day(first)];
    let columns = [
        c"day",
        c"period_start",
        c"event_type",
        c"events",
        c"tokens_used",
        c"cost",
        c"slot",
        c"model",
    ];
    let mut own = None;
    let chosen = rows.find_last(&conditions, columns, |row: &TableRow| {
        let (day, period_start): (Date, TimestampWithTimeZone) = (row.need(1)?, row.need(2)?);
        let of_type = row.need(3)?;
        sums.add(windows, day, period_start, of_type, |measure| row.need(4 + measure.position()))?;
        let is_own = row.need::<i32>(7)? == slot
            && day.to_pg_epoch_days() == total.day.to_pg_epoch_days()
            && i64::from(period_start) == i64::from(total.period_start)
            && of_type == event_type
            && row.need::<&str>(8)? == model;
        if is_own {
            own = Some([row.need(4)?, row.need(5)?, row.need(6)?]);
        }
        Ok(is_own)
    })?;
    windows.take(sums);
    Ok((chosen, own))
}

/// Column values of a new row, in the order of [`COLUMNS`].
fn values((event_type, model, total): &Addition, slot: i32) -> Result<[Arg; 9]> {
    Ok([
        total.user.into(),
        total.day.into(),
        total.period_start.into(),
        event_type.as_str().into(),
        model.as_str().into(),
        slot.into(),
        Numeric::from_whole(total.events)?.into(),
        total.tokens.into(),
        total.cost.into(),
    ])
}

/// Inserts rows. Returns those whose key another row has; adds those that only statements can
/// insert to `by_statement`.
fn insert(
    added: Vec<Addition>,
    slot: i32,
    by_statement: &mut Vec<Addition>,
) -> Result<Vec<Addition>> {
    if added.is_empty() {
        return Ok(added);
    }
    let inserted = NEW.insert(COLUMNS, true, |rows| {
        added.iter().map(|added| rows.add(values(added, slot)?, true)).collect::<Result<Vec<_>>>()
    })?;
    match inserted {
        Some(are_there) => {
            let added = added.into_iter().zip(are_there);
            Ok(added.filter(|(_, is_there)| !is_there).map(|(added, _)| added).collect())
        }
        None => {
            by_statement.extend(added);
            Ok(Vec::new())
        }
    }
}

/// Adds to this backend's row by statements. Waits for no other transaction, as the direct path
/// does.
fn add_by_statement(db: &Db, added: &Addition) -> Result<()> {
    let own = values(added, backend::slot())?;
    let added_to = db.execute(include_str!("../../../sql/usage/add_to_total.sql"), &own)?;
    if added_to > 0 {
        return Ok(());
    }
    const INSERT: &str = include_str!("../../../sql/usage/insert_total.sql");
    let is_held = db.value::<bool>(
        "select exists (
            select from carrel.usage_totals
            where user_id = $1 and day = $2 and period_start = $3 and event_type = $4 and model = $5 and slot = $6
        )",
        &own[..6],
    )?;
    if !is_held && db.execute(INSERT, &own)? > 0 {
        return Ok(());
    }
    db.execute(INSERT, &values(added, unowned_slot())?).map(|_| ())
}

/// A random negative slot: owned by no backend, practically unique.
fn unowned_slot() -> i32 {
    let random = ids::uuid_v7();
    let last = random.as_bytes().last_chunk().map_or(0, |last| i32::from_be_bytes(*last));
    last | i32::MIN
}
