//! Hard limits, enforced exactly under concurrency by escrow.
//!
//! The remaining allowance of a limit is split into shares (rows of `usage_allowances`), one per
//! backend. A backend debits its own share without waiting. Invariant at every commit: the shares
//! of an allocated limit in a period add up to limit - used - held. [`debit`] always succeeds and may
//! overdraw the share; [`try_debit`] refuses when the allowance is exhausted, after rebalancing
//! shares between backends. Nothing is allocated before the first [`try_debit`]: until then, shares
//! only record debits.
//!
//! Rows come first, then the charge: a charged event, reservation or document is in its table
//! already.
//!
//! Lock order: `lock_all`, the only statement that waits for shares, locks them in the order of their
//! keys, after the failed attempt has released its locks. A transaction that holds shares of earlier
//! statements waits less than Postgres' deadlock timeout, so transactions over several users cannot
//! deadlock.

use super::allowances::{
    debit, debit_own, has_remaining, lock_all, own_share, rebalance_all, rebalance_one,
};
use super::limit_usage::{Holds, LimitUsage, limit_usage};
use super::refusals::{ChargeKind, refused};
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spi::{self, Db, as_owner_now};
use crate::pg::values::Numeric;
use crate::pg::xact;
use crate::usage::accounts::Accounts;
use crate::usage::amounts::{LimitCharge, UsageDelta};
use pgrx::datum::Uuid;
use std::cell::Cell;
use std::cmp::Ordering;

thread_local! {
    /// Transaction that counted usage last: it may hold locks on shares and on a profile's row.
    static COUNTED: Cell<u32> = const { Cell::new(0) };
}

/// Records that the transaction has counted usage, so that it holds locks that others may wait for.
pub fn set_counted() {
    COUNTED.set(xact::id());
}

/// Debits all charges if every limit has enough remaining. Fails with PT402 otherwise.
pub fn try_debit(charges: Vec<LimitCharge>, kind: ChargeKind) -> Result<()> {
    let zero = Numeric::zero()?;
    let (mut more, mut less) = (Vec::new(), Vec::new());
    for charge in charges {
        match charge.amount.compare(zero)? {
            Ordering::Greater => more.push(charge),
            _ => less.push(charge),
        }
    }
    if !less.is_empty() {
        debit(&less)?;
        set_counted();
    }
    let count = more.len();
    let rest = if more.is_empty() { more } else { debit_own(more)? };
    if rest.is_empty() {
        return Ok(());
    }
    if rest.len() < count {
        set_counted();
    }
    as_owner_now(|db| debit_with_retries(db, &rest, kind))
}

/// Fails with PT402 if a limit is used up, for work whose amount is charged only later.
pub fn require_remaining(charges: &[LimitCharge]) -> Result<()> {
    if charges.is_empty() {
        return Ok(());
    }
    as_owner_now(|db| {
        for charge in charges {
            let LimitUsage { used, held, .. } = limit_usage(db, charge, Holds::Unexpired, false)?;
            if charge.limit.compare(used.plus(held)?)? != Ordering::Greater {
                return Err(refused(db, charge, ChargeKind::Use)?);
            }
        }
        Ok(())
    })
}

/// Debits charges from the shares of all backends, waiting for other transactions if need be.
fn debit_with_retries(db: &Db, charges: &[LimitCharge], kind: ChargeKind) -> Result<()> {
    let may_wait = COUNTED.get() != xact::id();
    // The first attempt waits for nobody. Each failed one releases its locks before the next waits.
    let is_busy = Cell::new(false);
    for attempt in 0..=if may_wait { ATTEMPTS } else { BRIEF_ATTEMPTS } {
        is_busy.set(false);
        let wait = match attempt {
            0 => Wait::Never,
            _ if may_wait => Wait::Long,
            _ => Wait::Briefly,
        };
        match spi::subtransaction(|| debit_once(db, charges, kind, wait, &is_busy)) {
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

/// Maximum number of retries that wait.
const ATTEMPTS: usize = 20;
/// Maximum number of retries of a transaction that others may wait for.
const BRIEF_ATTEMPTS: usize = 2;

/// Limit on waiting for other transactions that hold shares.
#[derive(Clone, Copy, PartialEq)]
enum Wait {
    Never,
    /// Less than Postgres' deadlock timeout: other transactions may wait for this one.
    Briefly,
    /// Until the other transaction ends: no other transaction waits for this one.
    Long,
}

impl Wait {
    /// Runs `work` under the limit. Fails with an error of locks when it is exceeded.
    fn during<T>(self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        match self {
            Self::Never => spi::waiting_at_most(&spi::NOT_AT_ALL, work),
            Self::Briefly => spi::waiting_at_most(&spi::BRIEFLY, work),
            Self::Long => work(),
        }
    }
}

/// Debits charges from the shares of all backends, once. Sets `is_busy` if the missing allowance
/// is in shares that other transactions have locked.
fn debit_once(
    db: &Db,
    charges: &[LimitCharge],
    kind: ChargeKind,
    wait: Wait,
    is_busy: &Cell<bool>,
) -> Result<()> {
    if wait != Wait::Never {
        wait.during(|| lock_all(db, charges))?;
    }
    let mut users: Vec<Uuid> = charges.iter().map(|charge| charge.user).collect();
    users.dedup();
    for user in users {
        expire_reservations(db, user)?;
    }
    for charge in charges {
        let own = wait.during(|| own_share(db, charge))?;
        if !rebalance_one(db, charge, own)? && !rebalance_all(db, charge, own)? {
            let refusal = refused(db, charge, kind)?;
            is_busy.set(has_remaining(db, charge)?);
            return Err(refusal);
        }
    }
    Ok(())
}

/// Expires held reservations past their time, when another session needs their amounts.
fn expire_reservations(db: &Db, user: Uuid) -> Result<()> {
    let expired = db.rows(
        include_str!("../../../sql/usage/expire_reservations.sql"),
        &[user.into()],
        |row| {
            let mut delta = UsageDelta::zero(user, row.need(1)?, row.need(2)?);
            delta.events = -1;
            delta.tokens = -i128::from(row.need::<i64>(3)?);
            delta.cost = Some(row.need::<Numeric>(4)?.negated()?);
            Ok(delta)
        },
    )?;
    if expired.is_empty() {
        return Ok(());
    }
    debit(&Accounts::find(&[user])?.charges(&expired)?)
}
