//! `usage_count` of profiles: the agent requests of the current billing period.
//!
//! Counting locks the profile's row. Events of the caller are counted at once. Events that a
//! service records for others are counted at commit, in the order of user ids, so that services
//! that act as nobody cannot deadlock over several users. A transaction that acts as several users
//! in turn still can: 40P01.

use crate::calendar::{Calendar, PeriodKind};
use crate::identity;
use crate::pg::clock;
use crate::pg::error::Result;
use crate::pg::heap::{Condition, HandledByCaller, Rows, TableLock, TableRow, UpdateOutcome};
use crate::pg::spi::as_owner_now;
use crate::pg::trigger::{self, Returned};
use crate::pg::values::Numeric;
use crate::pg::xact;
use crate::usage::amounts::{AGENT_REQUEST, TOTALS, Totals};
use crate::users::PROFILES;
use pgrx::datum::{Date, Uuid};
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

thread_local! {
    static UNCOUNTED: RefCell<Uncounted> = const {
        RefCell::new(Uncounted {
            transaction: 0,
            users: RequestDeltas::new(),
            counted_in: 0,
            at_once: BTreeSet::new(),
        })
    };
}

/// Users whose counters the transaction still has to set.
///
/// Users whose events were rolled back to a savepoint stay among them, as
/// [`RequestDelta::Unknown`]: computing an unchanged counter does no harm.
struct Uncounted {
    transaction: u32,
    users: RequestDeltas,
    /// Subtransaction that has set them; 0: none. Its rollback undoes that.
    counted_in: pg_sys::SubTransactionId,
    /// Users whose row trigger fired before the trigger of their statement, because constraints are
    /// immediate.
    at_once: BTreeSet<[u8; 16]>,
}

/// Agent requests to add to a user's counter.
#[derive(Clone, Copy)]
pub enum RequestDelta {
    /// `Of(period_start, requests)`, period_start in Postgres microseconds.
    Of(i64, i64),
    /// Not known: the counter is computed from the totals.
    Unknown,
}

impl RequestDelta {
    fn and(self, more: Self) -> Self {
        match (self, more) {
            (Self::Of(period, count), Self::Of(of_more, more)) if period == of_more => {
                Self::Of(period, count + more)
            }
            _ => Self::Unknown,
        }
    }

    /// Returns the new value of a counter of the period from `start`, if it follows from the value
    /// `before`.
    fn counted(self, start: TimestampWithTimeZone, before: i32) -> Option<i32> {
        // A counter at its minimum or maximum may stand for a number beyond.
        let is_exact = |count: i64| (1..i32::MAX.into()).contains(&count);
        match self {
            Self::Of(period, count) if period == i64::from(start) && is_exact(before.into()) => {
                let after = i64::from(before).checked_add(count)?;
                i32::try_from(after).ok().filter(|_| is_exact(after))
            }
            _ => None,
        }
    }
}

/// Agent requests to add, by user.
pub type RequestDeltas = BTreeMap<[u8; 16], RequestDelta>;

/// Adds to a user's delta.
fn add(deltas: &mut RequestDeltas, user: [u8; 16], requests: RequestDelta) {
    deltas.entry(user).and_modify(|sum| *sum = sum.and(requests)).or_insert(requests);
}

/// Returns the agent requests among additions to totals.
pub fn request_deltas(totals: &Totals) -> RequestDeltas {
    let mut deltas = RequestDeltas::new();
    for ((user, _, period, event_type, _), total) in totals {
        if event_type == AGENT_REQUEST {
            add(&mut deltas, *user, RequestDelta::Of(*period, total.events));
        }
    }
    deltas
}

/// Adds agent requests to the counters: at once for the caller, else when the transaction commits.
pub fn add_to_counters(deltas: RequestDeltas) -> Result<()> {
    if deltas.is_empty() {
        return Ok(());
    }
    let own = identity::current().ok().flatten().map(|own| *own.as_bytes());
    let (now, others): (RequestDeltas, RequestDeltas) = uncounted(|uncounted| {
        deltas
            .into_iter()
            .partition(|(user, _)| uncounted.at_once.remove(user) || Some(*user) == own)
    });
    count_requests(&now, false)?;
    remember(others);
    Ok(())
}

/// Tells if an event is counted at commit, by the trigger `count_requests_of_others`.
pub fn is_counted_at_commit(user: Uuid, event_type: &str) -> bool {
    event_type == AGENT_REQUEST && identity::current().ok().flatten() != Some(user)
}

/// Keeps requests, to add them when the transaction commits.
fn remember(requests: RequestDeltas) {
    if requests.is_empty() {
        return;
    }
    let can_roll_back = xact::subtransaction() != TOP;
    uncounted(|uncounted| {
        for (user, requests) in requests {
            add(
                &mut uncounted.users,
                user,
                if can_roll_back { RequestDelta::Unknown } else { requests },
            );
        }
        uncounted.counted_in = 0;
    });
}

/// Id of the top-level transaction among subtransactions: Postgres' TopSubTransactionId.
const TOP: pg_sys::SubTransactionId = 1;

/// Calls `with` with the counters that this transaction still has to set.
fn uncounted<T>(with: impl FnOnce(&mut Uncounted) -> T) -> T {
    let transaction = xact::id();
    UNCOUNTED.with_borrow_mut(|uncounted| {
        if uncounted.transaction != transaction {
            uncounted.transaction = transaction;
            uncounted.users.clear();
            uncounted.at_once.clear();
        }
        with(uncounted)
    })
}

/// Constraint trigger AFTER INSERT of usage_events, at commit or when constraints are set immediate:
/// sets the counters of users for whom a service has recorded agent requests.
#[pg_trigger]
fn count_requests_of_others<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_row(trigger, |row| {
        let user = *row.new.need::<Uuid>(c"user_id")?.as_bytes();
        let current = xact::subtransaction();
        let users = uncounted(|uncounted| {
            uncounted.at_once.insert(user);
            if uncounted.counted_in == current {
                return RequestDeltas::new();
            }
            uncounted.users.clone()
        });
        if users.is_empty() {
            return Ok(());
        }
        count_requests(&users, false)?;
        uncounted(|uncounted| {
            uncounted.counted_in = current;
            if current == TOP {
                uncounted.users.clear();
            } else {
                // After a rollback to a savepoint they have to be set again.
                uncounted.users.values_mut().for_each(|requests| *requests = RequestDelta::Unknown);
            }
        });
        Ok(())
    })
}

/// Computes the counters of users again from the totals: their billing periods may have changed.
pub fn recount(users: &[Uuid]) -> Result<()> {
    let unknown = users.iter().map(|user| (*user.as_bytes(), RequestDelta::Unknown));
    count_requests(&unknown.collect(), true)
}

/// Triggers and checks of user_profiles whose work is done here, so that rows can be updated in
/// place.
const HANDLED: HandledByCaller = HandledByCaller {
    triggers: &[
        c"user_profiles_prepare",
        c"user_profiles_touch_updated_at",
        c"user_profiles_wait_for_usage",
        c"user_profiles_rebuild_usage",
    ],
    checks: &[
        c"user_profiles_usage_count_check",
        c"user_profiles_subscription_status_check",
        c"user_profiles_billing_anchor_check",
        c"user_profiles_usage_period_start_check",
    ],
    reference: None,
};

/// Adds to `usage_count` of the current billing period, or computes it.
///
/// The period never moves back, unless `periods_are_new`: now() of a long transaction may lie in
/// the previous one. The profile's row stays locked until commit, so the last transaction to count
/// sees the requests of all others.
fn count_requests(users: &RequestDeltas, periods_are_new: bool) -> Result<()> {
    // Computed counters include events that the transaction still has to count.
    uncounted(|uncounted| {
        let pending = uncounted.users.iter_mut().filter(|(user, _)| users.contains_key(*user));
        pending.for_each(|(_, requests)| *requests = RequestDelta::Unknown);
    });
    let now = clock::now()?;
    for (user, requests) in users {
        let counter =
            Counter { user: Uuid::from_bytes(*user), requests: *requests, periods_are_new, now };
        if counter.update_in_place()? == UpdateOutcome::NeedsSql {
            counter.update_by_statement()?;
        }
    }
    Ok(())
}

/// Counter of one user that is being set.
struct Counter {
    user: Uuid,
    requests: RequestDelta,
    periods_are_new: bool,
    now: TimestampWithTimeZone,
}

impl Counter {
    /// Returns the new period start and count for a profile with these columns.
    fn counted(
        &self,
        calendar: &Calendar,
        period: TimestampWithTimeZone,
        before: i32,
    ) -> Result<(TimestampWithTimeZone, i32)> {
        let (mut start, _) = calendar.period(&PeriodKind::Month, self.now)?;
        if !self.periods_are_new && i64::from(start) < i64::from(period) {
            (start, _) = calendar.period(&PeriodKind::Month, period)?;
        }
        let is_same_period = !self.periods_are_new && i64::from(start) == i64::from(period);
        if let Some(count) = self.requests.counted(start, before).filter(|_| is_same_period) {
            return Ok((start, count));
        }
        let requests = requests_since(self.user, calendar.day(start)?, start)?;
        Ok((start, requests.to_count()?))
    }

    /// Updates the profile's row without a statement.
    fn update_in_place(&self) -> Result<UpdateOutcome> {
        let conditions = [Condition::is_user(self.user)];
        let columns =
            [c"billing_anchor", c"billing_timezone", c"usage_period_start", c"usage_count"];
        let new = [c"usage_period_start", c"usage_count", c"updated_at"];
        let change = |rows: &Rows| {
            rows.change_one(&conditions, columns, new, HANDLED, |row: &TableRow| {
                let calendar = Calendar::new(row.need(1)?, row.need(2)?)?;
                let (start, count) = self.counted(&calendar, row.need(3)?, row.need(4)?)?;
                Ok([start.into(), count.into(), self.now.into()])
            })
        };
        PROFILES.open(TableLock::Change, change)
    }

    /// Updates the profile's row by statements: triggers or checks of the operator's have to run.
    fn update_by_statement(&self) -> Result<()> {
        as_owner_now(|db| {
            let profile = db.first(
                "select billing_anchor, billing_timezone, usage_period_start, usage_count from carrel.user_profiles
                where user_id = $1 for no key update",
                &[self.user.into()],
                |row| {
                    let calendar = Calendar::new(row.need(1)?, row.need(2)?)?;
                    self.counted(&calendar, row.need(3)?, row.need(4)?)
                },
            )?;
            let Some((start, count)) = profile else { return Ok(()) };
            db.execute(
                "update carrel.user_profiles set usage_period_start = $2, usage_count = $3 where user_id = $1",
                &[self.user.into(), start.into(), count.into()],
            )
            .map(|_| ())
        })
    }
}

/// Adds up the agent requests of the billing period from `start`, which lies in `day`, from the
/// totals.
fn requests_since(user: Uuid, day: Date, start: TimestampWithTimeZone) -> Result<Numeric> {
    let conditions = [
        Condition::is_user(user),
        Condition::is_from_day(day),
        Condition::is_period(start),
        Condition::is_text(c"event_type", AGENT_REQUEST),
    ];
    let mut requests = Numeric::zero()?;
    TOTALS.read(&conditions, [c"events"], |row| {
        requests = requests.plus(row.need(1)?)?;
        Ok(())
    })?;
    Ok(requests)
}
