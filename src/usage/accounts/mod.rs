//! Accounts: a user's billing calendar and the limits of their plan, which turn changes in usage
//! into charges and totals.

pub mod plan_limits;

use super::amounts::{LimitCharge, Total, Totals, UsageDelta};
use crate::calendar::{Calendar, PeriodKind};
use crate::locks;
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::heap::{Condition, Rows, TableLock, TableRow};
use crate::pg::values::Numeric;
use crate::users::{self, PROFILES};
use pgrx::datum::Uuid;
use plan_limits::Limit;
use std::cmp::Ordering;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Billing calendar of a user, and the limits of their plan.
pub struct Account {
    pub calendar: Calendar,
    pub limits: Rc<[Limit]>,
}

impl Account {
    /// Charge of `amount` against a limit, in the limit's period at the time of the change.
    fn charge(&self, delta: &UsageDelta, limit: &Limit, amount: Numeric) -> Result<LimitCharge> {
        let (period_start, period_end) = self.calendar.period(&limit.kind, delta.at)?;
        Ok(LimitCharge {
            user: delta.user,
            event_type: limit.event_type.clone(),
            measure: limit.measure,
            period: limit.period.clone(),
            period_start,
            period_end,
            limit: limit.value.get().trimmed()?,
            amount,
        })
    }
}

/// Accounts of several users.
pub struct Accounts(HashMap<[u8; 16], Account>);

impl Accounts {
    /// Reads the accounts of these users under their shared lock: plans, limits and periods stay
    /// until the transaction ends.
    pub fn keep(users: &[Uuid]) -> Result<Self> {
        locks::lock_users_shared(users)?;
        Self::find(users)
    }

    /// Reads the accounts of these users as [`Accounts::keep`] does, and locks their profiles as a
    /// foreign key would.
    pub fn hold(users: &[Uuid]) -> Result<Self> {
        locks::lock_users_shared(users)?;
        Self::read(users, true)
    }

    /// Reads one account as [`Accounts::hold`] does. Fails with P0002 if the user has no
    /// profile.
    pub fn hold_one(user: Uuid) -> Result<Self> {
        let accounts = Self::hold(&[user])?;
        match accounts.get(user) {
            Some(_) => Ok(accounts),
            None => Err(users::no_profile(user)),
        }
    }

    /// Reads the accounts of these users as they are now. Users without a profile have none.
    pub fn find(users: &[Uuid]) -> Result<Self> {
        Self::read(users, false)
    }

    fn read(users: &[Uuid], is_held: bool) -> Result<Self> {
        let mut accounts = HashMap::with_capacity(users.len());
        let mut find = |rows: &Rows, user: Uuid| {
            let mut profile = None;
            let conditions = [Condition::is_user(user)];
            let columns = [c"billing_anchor", c"billing_timezone", c"plan_type"];
            let take = |row: &TableRow| {
                let calendar = Calendar::new(row.need(1)?, row.need::<&str>(2)?)?;
                profile = Some((calendar, row.need::<String>(3)?));
                Ok(())
            };
            match is_held {
                true => rows.hold(&conditions, columns, take).map(|_| ())?,
                false => rows.find_one(&conditions, columns, take).map(|_| ())?,
            }
            let Some((calendar, plan)) = profile else { return Ok(()) };
            let limits = plan_limits::of(&plan)?;
            accounts.insert(*user.as_bytes(), Account { calendar, limits });
            Ok(())
        };
        let access = if is_held { TableLock::Hold } else { TableLock::Read };
        PROFILES.open(access, |rows| users.iter().try_for_each(|user| find(rows, *user)))?;
        Ok(Self(accounts))
    }

    /// Account of a user, if they have a profile.
    pub fn get(&self, user: Uuid) -> Option<&Account> {
        self.0.get(user.as_bytes())
    }

    /// Charges against hard limits, in the order of their keys, in which allocations are locked. The
    /// only statement that waits for shares, allowances/lock_all.sql, locks them in this order too.
    pub fn charges(&self, deltas: &[UsageDelta]) -> Result<Vec<LimitCharge>> {
        let mut charges: BTreeMap<_, LimitCharge> = BTreeMap::new();
        for delta in deltas {
            check_for_interrupts();
            let Some(account) = self.0.get(delta.user.as_bytes()) else { continue };
            let matching = account.limits.iter();
            for limit in matching.filter(|limit| limit.is_hard && limit.matches(&delta.event_type))
            {
                let Some(amount) = delta.amount(limit.measure)? else { continue };
                let charge = account.charge(delta, limit, amount)?;
                let key = (
                    *delta.user.as_bytes(),
                    i64::from(charge.period_start),
                    limit.measure.name(),
                    limit.event_type.as_str(),
                    limit.period.as_str(),
                );
                match charges.entry(key) {
                    Entry::Occupied(mut sum) => {
                        let sum = sum.get_mut();
                        sum.amount = sum.amount.plus(amount)?;
                    }
                    Entry::Vacant(new) => {
                        new.insert(charge);
                    }
                }
            }
        }
        let nothing = Numeric::from_whole(0)?;
        let mut changed = Vec::with_capacity(charges.len());
        for charge in charges.into_values() {
            if charge.amount.compare(nothing)? != Ordering::Equal {
                changed.push(charge);
            }
        }
        Ok(changed)
    }

    /// Charges of zero: hard limits that match a change whose amount of their measure is not known
    /// yet.
    pub fn unknown_charges(&self, delta: &UsageDelta) -> Result<Vec<LimitCharge>> {
        let Some(account) = self.get(delta.user) else { return Ok(Vec::new()) };
        let mut unknown = Vec::new();
        let matching = account.limits.iter();
        for limit in matching.filter(|limit| limit.is_hard && limit.matches(&delta.event_type)) {
            if limit.measure.is_known_later() && delta.amount(limit.measure)?.is_none() {
                unknown.push(account.charge(delta, limit, Numeric::zero()?)?);
            }
        }
        Ok(unknown)
    }

    /// Amounts to add to the totals.
    pub fn totals(&self, deltas: &[UsageDelta]) -> Result<Totals> {
        let mut totals = Totals::new();
        for delta in deltas {
            check_for_interrupts();
            let Some(account) = self.0.get(delta.user.as_bytes()) else { continue };
            let day = account.calendar.day(delta.at)?;
            let (period_start, _) = account.calendar.period(&PeriodKind::Month, delta.at)?;
            let key = (
                *delta.user.as_bytes(),
                day.to_pg_epoch_days(),
                i64::from(period_start),
                delta.event_type.clone(),
                delta.model.clone(),
            );
            let tokens = Numeric::from_wide(delta.tokens)?;
            let cost = delta.cost.map_or_else(|| Numeric::from_whole(0), Ok)?;
            match totals.entry(key) {
                Entry::Occupied(mut total) => {
                    let total = total.get_mut();
                    total.events += delta.events;
                    total.tokens = total.tokens.plus(tokens)?;
                    total.cost = total.cost.plus(cost)?;
                }
                Entry::Vacant(new) => {
                    let (user, events) = (delta.user, delta.events);
                    new.insert(Total { user, day, period_start, events, tokens, cost });
                }
            }
        }
        Ok(totals)
    }
}
