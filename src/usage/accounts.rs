//! What was used, and what of it hard limits are due.

use super::limits::Due;
use super::locks;
use super::periods::{Calendar, Kind};
use super::plan_limits::{self, Limit};
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::heap::{Access, Condition, Reference, Row, Rows, Table};
use crate::pg::values::Numeric;
use crate::users;
use pgrx::datum::{Date, Uuid};
use pgrx::prelude::*;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Something that was used, stored or held; below zero where that is taken back.
pub struct Fact {
    pub user: Uuid,
    pub event_type: String,
    pub model: String,
    pub at: TimestampWithTimeZone,
    pub events: i64,
    pub tokens: i128,
    /// None: nothing.
    pub cost: Option<Numeric>,
    pub documents: i64,
    pub bytes: i128,
}

impl Fact {
    /// Nothing, as yet.
    pub fn of(user: Uuid, event_type: String, at: TimestampWithTimeZone) -> Self {
        let model = String::new();
        Self {
            user,
            event_type,
            model,
            at,
            events: 0,
            tokens: 0,
            cost: None,
            documents: 0,
            bytes: 0,
        }
    }

    fn amount(&self, measure: &str) -> Result<Option<Numeric>> {
        let whole = match measure {
            "events" => self.events.into(),
            "tokens" => self.tokens,
            "cost" => return Ok(self.cost),
            "documents" => self.documents.into(),
            _ => self.bytes,
        };
        if whole == 0 { Ok(None) } else { Numeric::from_wide(whole).map(Some) }
    }
}

/// The profiles, by their users.
pub const PROFILES: Table = Table { name: c"user_profiles", index: c"user_profiles_user_id_key" };

/// The foreign key of the ledger's tables. Whoever inserts holds the profile: [`Accounts::hold`].
pub const OF_PROFILE: Reference =
    Reference { column: c"user_id", table: c"user_profiles", key: c"user_id" };

/// What the usage of a user is reckoned by.
pub struct Account {
    pub calendar: Calendar,
    pub limits: Rc<[Limit]>,
}

impl Account {
    /// What a limit is due for a fact.
    fn due(&self, fact: &Fact, limit: &Limit, amount: Numeric) -> Result<Due> {
        let (period_start, period_end) = self.calendar.period(&limit.kind, fact.at)?;
        Ok(Due {
            user: fact.user,
            event_type: limit.event_type.clone(),
            measure: limit.measure.clone(),
            period: limit.period.clone(),
            period_start,
            period_end,
            limit: limit.value.get().trimmed()?,
            amount,
        })
    }
}

/// Those of several users.
pub struct Accounts(HashMap<[u8; 16], Account>);

/// Sums of the totals, by user, day, start of the billing period, type of event and model.
pub type Totals = BTreeMap<([u8; 16], i32, i64, String, String), Total>;

/// What is added to a total.
pub struct Total {
    pub user: Uuid,
    pub day: Date,
    pub period_start: TimestampWithTimeZone,
    pub events: i64,
    pub tokens: Numeric,
    pub cost: Numeric,
}

impl Accounts {
    /// Those of these users, which stay as they are until the transaction ends.
    pub fn keep(users: &[Uuid]) -> Result<Self> {
        locks::keep(users)?;
        Self::find(users)
    }

    /// Those of these users, which stay as they are until the transaction ends, and their profiles as a
    /// foreign key would hold them.
    pub fn hold(users: &[Uuid]) -> Result<Self> {
        locks::keep(users)?;
        Self::read(users, true)
    }

    /// That of one user, held likewise; a user without a profile: P0002.
    pub fn hold_one(user: Uuid) -> Result<Self> {
        let accounts = Self::hold(&[user])?;
        match accounts.get(user) {
            Some(_) => Ok(accounts),
            None => Err(users::no_profile(user)),
        }
    }

    /// Those of these users, as they are now. Users without a profile have none.
    pub fn find(users: &[Uuid]) -> Result<Self> {
        Self::read(users, false)
    }

    fn read(users: &[Uuid], is_held: bool) -> Result<Self> {
        let mut accounts = HashMap::with_capacity(users.len());
        let mut find = |rows: &Rows, user: Uuid| {
            let mut profile = None;
            let conditions = [Condition::is_user(user)];
            let columns = [c"billing_anchor", c"billing_timezone", c"plan_type"];
            let take = |row: &Row| {
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
        let access = if is_held { Access::Hold } else { Access::Read };
        PROFILES.open(access, |rows| users.iter().try_for_each(|user| find(rows, *user)))?;
        Ok(Self(accounts))
    }

    /// The account of a user.
    pub fn get(&self, user: Uuid) -> Option<&Account> {
        self.0.get(user.as_bytes())
    }

    /// What hard limits are due, in one order.
    pub fn dues(&self, facts: &[Fact]) -> Result<Vec<Due>> {
        let mut dues: BTreeMap<_, Due> = BTreeMap::new();
        for fact in facts {
            check_for_interrupts();
            let Some(account) = self.0.get(fact.user.as_bytes()) else { continue };
            let matching = account.limits.iter();
            for limit in matching.filter(|limit| limit.is_hard && limit.matches(&fact.event_type)) {
                let Some(amount) = fact.amount(&limit.measure)? else { continue };
                let due = account.due(fact, limit, amount)?;
                let key = (
                    *fact.user.as_bytes(),
                    i64::from(due.period_start),
                    limit.measure.as_str(),
                    limit.event_type.as_str(),
                    limit.period.as_str(),
                );
                match dues.entry(key) {
                    std::collections::btree_map::Entry::Occupied(mut due) => {
                        let due = due.get_mut();
                        due.amount = due.amount.plus(amount)?;
                    }
                    std::collections::btree_map::Entry::Vacant(new) => {
                        new.insert(due);
                    }
                }
            }
        }
        let nothing = Numeric::from_whole(0)?;
        let mut due = Vec::with_capacity(dues.len());
        for one in dues.into_values() {
            if one.amount.compare(nothing)? != Ordering::Equal {
                due.push(one);
            }
        }
        Ok(due)
    }

    /// The hard limits of tokens and cost that a fact falls under and takes nothing of.
    pub fn untouched(&self, fact: &Fact) -> Result<Vec<Due>> {
        let Some(account) = self.get(fact.user) else { return Ok(Vec::new()) };
        let mut untouched = Vec::new();
        let matching = account.limits.iter();
        for limit in matching.filter(|limit| limit.is_hard && limit.matches(&fact.event_type)) {
            let is_spent = ["tokens", "cost"].contains(&limit.measure.as_str());
            if is_spent && fact.amount(&limit.measure)?.is_none() {
                untouched.push(account.due(fact, limit, Numeric::zero()?)?);
            }
        }
        Ok(untouched)
    }

    /// What is to be added to the totals.
    pub fn totals(&self, facts: &[Fact]) -> Result<Totals> {
        let mut totals = Totals::new();
        for fact in facts {
            check_for_interrupts();
            let Some(account) = self.0.get(fact.user.as_bytes()) else { continue };
            let day = account.calendar.day(fact.at)?;
            let (period_start, _) = account.calendar.period(&Kind::Month, fact.at)?;
            let key = (
                *fact.user.as_bytes(),
                day.to_pg_epoch_days(),
                i64::from(period_start),
                fact.event_type.clone(),
                fact.model.clone(),
            );
            let tokens = Numeric::from_wide(fact.tokens)?;
            let cost = fact.cost.map_or_else(|| Numeric::from_whole(0), Ok)?;
            match totals.entry(key) {
                std::collections::btree_map::Entry::Occupied(mut total) => {
                    let total = total.get_mut();
                    total.events += fact.events;
                    total.tokens = total.tokens.plus(tokens)?;
                    total.cost = total.cost.plus(cost)?;
                }
                std::collections::btree_map::Entry::Vacant(new) => {
                    let (user, events) = (fact.user, fact.events);
                    new.insert(Total { user, day, period_start, events, tokens, cost });
                }
            }
        }
        Ok(totals)
    }
}
