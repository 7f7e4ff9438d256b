//! Escrow: a limit's remaining allowance is split into per-backend shares. Finds, debits and
//! rebalances them.
//!
//! A share's `slot` is the number of the backend that owns it; -1: unassigned; < -1: overdraft of
//! slot (-2 - slot). `limit_value` is the limit that a share was allocated from; null: not
//! allocated yet.

use super::limit_usage::{Holds, limit_usage};
use crate::locks;
use crate::pg::backend;
use crate::pg::error::Result;
use crate::pg::heap::{Condition, RowVersion, Rows, Table, TableLock, UpdateOutcome};
use crate::pg::spi::{Arg, Db, as_owner_now};
use crate::pg::values::Numeric;
use crate::usage::amounts::LimitCharge;
use pgrx::datum::Uuid;
use std::cmp::Ordering;

/// Shares, by the index of their keys.
const SHARES: Table = Table { name: c"usage_allowances", index: c"usage_allowances_user_id_idx" };

/// Number of shares that an allocation makes: one for this backend, the others unassigned.
const ALLOCATED_SHARES: i32 = 16;

/// Slot of this backend's overdraft row.
fn overdraft_slot() -> i32 {
    -2 - backend::slot()
}

/// Debits all charges, even if nothing remains: from shares of this backend, else from its overdraft rows.
pub fn debit(charges: &[LimitCharge]) -> Result<()> {
    if charges.is_empty() {
        return Ok(());
    }
    let rest = SHARES.open(TableLock::Change, |rows| {
        let mut rest = Vec::new();
        for charge in charges {
            let own = debit_slot(rows, charge, backend::slot())?;
            let is_done = match own {
                UpdateOutcome::Updated => true,
                UpdateOutcome::NeedsSql => false,
                _ => debit_slot(rows, charge, overdraft_slot())? == UpdateOutcome::Updated,
            };
            if !is_done {
                rest.push((charge, own));
            }
        }
        Ok(rest)
    })?;
    if rest.is_empty() {
        return Ok(());
    }
    as_owner_now(|db| {
        let mut has_new = false;
        for (charge, own) in &rest {
            if *own == UpdateOutcome::NeedsSql && debit_by_statement(db, charge, backend::slot())? {
                continue;
            }
            if !debit_by_statement(db, charge, overdraft_slot())? {
                insert_overdraft(db, charge)?;
                has_new = true;
            }
        }
        if has_new { delete_past(db, charges) } else { Ok(()) }
    })
}

/// Debits a charge from a row of this slot that no other transaction has locked, if the row has
/// enough or is an overdraft.
fn debit_slot(rows: &Rows, charge: &LimitCharge, slot: i32) -> Result<UpdateOutcome> {
    let [user, start, measure, event_type, period] = conditions(charge);
    let conditions = [user, start, measure, event_type, period, Condition::is_slot(slot)];
    let mut left = Numeric::zero()?;
    let share = rows.find(&conditions, [c"amount"], |row| {
        left = row.need::<Numeric>(1)?.plus(charge.amount.negated()?)?;
        Ok(slot < 0 || left.compare(Numeric::zero()?)? != Ordering::Less)
    })?;
    let Some(share) = share else { return Ok(UpdateOutcome::Absent) };
    rows.set(share, [c"amount"], [left.into()])
}

/// Debits as [`debit_slot`] does, by a statement. Returns false if there is no such row.
fn debit_by_statement(db: &Db, charge: &LimitCharge, slot: i32) -> Result<bool> {
    let [user, event_type, measure, period, start] = key(charge);
    let amount = charge.amount.negated()?.into();
    let debited = db.execute(
        include_str!("../../../sql/usage/allowances/debit.sql"),
        &[user, event_type, measure, period, start, slot.into(), amount],
    )?;
    Ok(debited > 0)
}

/// Inserts an overdraft row of this backend.
fn insert_overdraft(db: &Db, charge: &LimitCharge) -> Result<()> {
    let [user, event_type, measure, period, start] = key(charge);
    let (end, amount) = (charge.period_end.into(), charge.amount.negated()?.into());
    db.execute(
        "insert into carrel.usage_allowances
            (user_id, event_type, measure, period, period_start, period_end, slot, amount)
        values ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[user, event_type, measure, period, start, end, overdraft_slot().into(), amount],
    )?;
    Ok(())
}

/// Debits charges from shares of this backend, if these cover all of them.
///
/// Returns the charges that are not debited: all, or those whose share another transaction changes
/// at this moment.
pub fn debit_own(charges: Vec<LimitCharge>) -> Result<Vec<LimitCharge>> {
    SHARES.open(TableLock::Change, |rows| {
        let mut shares = Vec::with_capacity(charges.len());
        for charge in &charges {
            match covering_share(rows, charge)? {
                Some(share) if share.0.was_free() => shares.push(share),
                _ => return Ok(charges),
            }
        }
        let mut rest = Vec::new();
        for (charge, (share, amount)) in charges.into_iter().zip(shares) {
            if rows.set(share, [c"amount"], [amount.into()])? != UpdateOutcome::Updated {
                rest.push(charge);
            }
        }
        Ok(rest)
    })
}

/// Finds a share of this backend, allocated from the current limit, that covers a charge after all
/// overdrafts. Returns the share and the amount that it has after the charge.
fn covering_share(rows: &Rows, charge: &LimitCharge) -> Result<Option<(RowVersion, Numeric)>> {
    let [user, start, measure, event_type, period] = conditions(charge);
    let of_slot = [user, start, measure, event_type, period, Condition::is_slot(backend::slot())];
    let mut own = None;
    let share = rows.find(&of_slot, [c"limit_value", c"amount"], |row| {
        own = Some(row.need::<Numeric>(2)?);
        match row.get::<Numeric>(1) {
            Some(limit) => Ok(limit.compare(charge.limit)? == Ordering::Equal),
            None => Ok(false),
        }
    })?;
    let (Some(share), Some(own)) = (share, own) else { return Ok(None) };
    let [user, start, measure, event_type, period] = conditions(charge);
    let overdrafts = [user, start, measure, event_type, period, Condition::is_slot_below(-1)];
    let zero = Numeric::zero()?;
    let mut overdraft = zero;
    rows.read(&overdrafts, [c"amount"], |row| {
        let amount = row.need::<Numeric>(1)?;
        if amount.compare(zero)? == Ordering::Less {
            overdraft = overdraft.plus(amount)?;
        }
        Ok(())
    })?;
    match own.plus(overdraft)?.compare(charge.amount)? {
        Ordering::Less => Ok(None),
        _ => Ok(Some((share, own.plus(charge.amount.negated()?)?))),
    }
}

/// Conditions that select the shares of a charge's limit and period.
fn conditions(charge: &LimitCharge) -> [Condition; 5] {
    [
        Condition::is_user(charge.user),
        Condition::is_period(charge.period_start),
        Condition::is_text(c"measure", charge.measure.name()),
        Condition::is_text(c"event_type", &charge.event_type),
        Condition::is_text(c"period", &charge.period),
    ]
}

/// Arguments $1 to $5 of statements that select the shares of a charge's limit and period.
fn key(charge: &LimitCharge) -> [Arg; 5] {
    [
        charge.user.into(),
        charge.event_type.as_str().into(),
        charge.measure.name().into(),
        charge.period.as_str().into(),
        charge.period_start.into(),
    ]
}

/// Deletes shares of periods in which no event can be recorded any more.
fn delete_past(db: &Db, charges: &[LimitCharge]) -> Result<()> {
    let users: Vec<Uuid> = charges.iter().map(|charge| charge.user).collect();
    db.execute(include_str!("../../../sql/usage/allowances/delete_past.sql"), &[users.into()])?;
    Ok(())
}

/// Locks all shares of the charged limits in the order of their keys. Waits for other transactions.
pub fn lock_all(db: &Db, charges: &[LimitCharge]) -> Result<()> {
    fn column<T>(charges: &[LimitCharge], of: impl Fn(&LimitCharge) -> T) -> Vec<T> {
        charges.iter().map(of).collect()
    }
    db.execute(
        include_str!("../../../sql/usage/allowances/lock_all.sql"),
        &[
            column(charges, |charge| charge.user).into(),
            column(charges, |charge| charge.event_type.clone()).into(),
            column(charges, |charge| charge.measure.name().to_owned()).into(),
            column(charges, |charge| charge.period.clone()).into(),
            column(charges, |charge| charge.period_start).into(),
        ],
    )?;
    Ok(())
}

/// Tells if the shares of all backends together cover a charge.
pub fn has_remaining(db: &Db, charge: &LimitCharge) -> Result<bool> {
    let [user, event_type, measure, period, start] = key(charge);
    db.value(
        include_str!("../../../sql/usage/allowances/has_remaining.sql"),
        &[user, event_type, measure, period, start, charge.amount.into()],
    )
}

/// Returns this backend's share of a limit, locked; creates it and allocates the limit if need be.
///
/// Overdrafts are moved into the share, which may overdraw it.
pub fn own_share(db: &Db, charge: &LimitCharge) -> Result<Uuid> {
    let own = match lock_own(db, charge)? {
        Some(own) => own,
        None => {
            let own = insert_own(db, charge)?;
            delete_past(db, std::slice::from_ref(charge))?;
            own
        }
    };
    if !is_allocated(db, charge)? {
        locks::lock_allocation(charge.user)?;
        allocate(db, charge, own)?;
        distribute(db, charge, own)?;
    }
    db.execute(
        "update carrel.usage_allowances set limit_value = $2 where id = $1 and limit_value is distinct from $2",
        &[own.into(), charge.limit.into()],
    )?;
    collect_overdrafts(db, charge, own)?;
    Ok(own)
}

/// Locks this backend's share, unless another transaction has it locked.
fn lock_own(db: &Db, charge: &LimitCharge) -> Result<Option<Uuid>> {
    let [user, event_type, measure, period, start] = key(charge);
    db.first(
        include_str!("../../../sql/usage/allowances/lock_own.sql"),
        &[user, event_type, measure, period, start, backend::slot().into()],
        |row| row.need(1),
    )
}

/// Inserts a share for this backend: half of an unassigned share, the rest stays for others, or
/// zero.
fn insert_own(db: &Db, charge: &LimitCharge) -> Result<Uuid> {
    let [user, event_type, measure, period, start] = key(charge);
    let (slot, end) = (backend::slot().into(), charge.period_end.into());
    db.value(
        include_str!("../../../sql/usage/allowances/insert_own.sql"),
        &[user, event_type, measure, period, start, slot, end],
    )
}

/// Tells if all shares together are the remaining allowance of the limit as it is now.
fn is_allocated(db: &Db, charge: &LimitCharge) -> Result<bool> {
    let [user, event_type, measure, period, start] = key(charge);
    db.value(
        include_str!("../../../sql/usage/allowances/is_allocated.sql"),
        &[user, event_type, measure, period, start, charge.limit.into()],
    )
}

/// Allocates a limit: gives this backend's share the remaining allowance that the other shares do
/// not have, and the charge, which is counted as used or held already.
fn allocate(db: &Db, charge: &LimitCharge, own: Uuid) -> Result<()> {
    let [user, event_type, measure, period, start] = key(charge);
    db.execute(
        include_str!("../../../sql/usage/allowances/release_limit.sql"),
        &[user, event_type, measure, period, start, charge.limit.into()],
    )?;
    // One statement reads the shares and the usage, so that both are of one snapshot. The own share
    // is locked: it does not change until the update.
    let usage = limit_usage(db, charge, Holds::All, true)?;
    let allocated = usage.allocated.map_or_else(Numeric::zero, Ok)?;
    let taken = usage.used.plus(usage.held)?.plus(allocated)?;
    let unallocated = charge.limit.plus(charge.amount)?.plus(taken.negated()?)?;
    db.execute(
        "update carrel.usage_allowances set amount = amount + $2 where id = $1",
        &[own.into(), unallocated.into()],
    )?;
    Ok(())
}

/// Moves all overdrafts of a limit into this backend's share.
fn collect_overdrafts(db: &Db, charge: &LimitCharge, own: Uuid) -> Result<()> {
    let [user, event_type, measure, period, start] = key(charge);
    db.execute(
        include_str!("../../../sql/usage/allowances/collect_overdrafts.sql"),
        &[user, event_type, measure, period, start, own.into()],
    )?;
    Ok(())
}

/// Distributes an allocated limit from this backend's share to unassigned shares, for other
/// backends.
fn distribute(db: &Db, charge: &LimitCharge, own: Uuid) -> Result<()> {
    let [user, event_type, measure, period, start] = key(charge);
    let (end, amount) = (charge.period_end.into(), charge.amount.into());
    db.execute(
        include_str!("../../../sql/usage/allowances/distribute.sql"),
        &[
            user,
            event_type,
            measure,
            period,
            start,
            own.into(),
            end,
            amount,
            ALLOCATED_SHARES.into(),
            charge.measure.decimals().into(),
        ],
    )?;
    Ok(())
}

/// Debits a charge from this backend's share, after moving the missing amount from one other share.
/// Returns false if no unlocked share has enough.
pub fn rebalance_one(db: &Db, charge: &LimitCharge, own: Uuid) -> Result<bool> {
    let [user, event_type, measure, period, start] = key(charge);
    let debited = db.execute(
        include_str!("../../../sql/usage/allowances/rebalance_one.sql"),
        &[user, event_type, measure, period, start, own.into(), charge.amount.into()],
    )?;
    Ok(debited > 0)
}

/// Debits a charge from this backend's share, after moving the missing amount from all other
/// unlocked shares. Returns false if these do not have enough.
pub fn rebalance_all(db: &Db, charge: &LimitCharge, own: Uuid) -> Result<bool> {
    let [user, event_type, measure, period, start] = key(charge);
    let debited = db.execute(
        include_str!("../../../sql/usage/allowances/rebalance_all.sql"),
        &[user, event_type, measure, period, start, own.into(), charge.amount.into()],
    )?;
    Ok(debited > 0)
}
