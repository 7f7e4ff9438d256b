//! The profiles' counters of agent requests, usage_count.
//!
//! Events of type agent_request lock the profile's row, whose counter they change: those of the caller's own at once,
//! those that somebody records for others when the transaction commits, in the order of the users' ids, so that
//! services that act as nobody don't deadlock over several users. (Who acts as one user after the other in one
//! transaction may: 40P01.)

use super::accounts::{PROFILES, Totals};
use super::limit_status::AGENT_REQUEST;
use super::periods::{Calendar, Kind};
use super::reckoning;
use super::totals;
use crate::identity;
use crate::pg::clock;
use crate::pg::error::Result;
use crate::pg::heap::{Access, Changed, Condition, Rows, Upheld};
use crate::pg::trigger::{self, Returned};
use crate::pg::xact;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

thread_local! {
    static UNCOUNTED: RefCell<Uncounted> = const {
        RefCell::new(Uncounted {
            transaction: 0,
            users: Lacking::new(),
            counted_in: 0,
            at_once: BTreeSet::new(),
        })
    };
}

/// Users whose counters a transaction has yet to set. Those whose events were rolled back to a savepoint
/// are among them, as [`Requests::Unknown`]: a counter that is summed up again stays as it is.
struct Uncounted {
    transaction: u32,
    users: Lacking,
    /// The subtransaction that has set them; 0: none. Its rollback takes that back.
    counted_in: pg_sys::SubTransactionId,
    /// Users whose rows' trigger fired, in this transaction, before that of their statement did: constraints
    /// are immediate.
    at_once: BTreeSet<[u8; 16]>,
}

/// The agent requests that a user's counter lacks.
#[derive(Clone, Copy)]
pub enum Requests {
    /// So many of the billing period that began then, as Postgres counts time.
    Of(i64, i64),
    /// That is not known: the counter is summed up.
    Unknown,
}

impl Requests {
    fn and(self, more: Self) -> Self {
        match (self, more) {
            (Self::Of(period, count), Self::Of(of_more, more)) if period == of_more => {
                Self::Of(period, count + more)
            }
            _ => Self::Unknown,
        }
    }

    /// What a counter of the period that began at `start` is then, if it can be told from what it was.
    fn counted(self, start: TimestampWithTimeZone, before: i32) -> Option<i32> {
        // One that is at its least or its most may stand for what is beyond.
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

/// What each of several users' counters lacks.
pub type Lacking = BTreeMap<[u8; 16], Requests>;

fn add(lacking: &mut Lacking, user: [u8; 16], requests: Requests) {
    lacking.entry(user).and_modify(|sum| *sum = sum.and(requests)).or_insert(requests);
}

/// What counters lack by what was added to totals.
pub fn lacking(totals: &Totals) -> Lacking {
    let mut lacking = Lacking::new();
    for ((user, _, period, event_type, _), total) in totals {
        if event_type == AGENT_REQUEST {
            add(&mut lacking, *user, Requests::Of(*period, total.events));
        }
    }
    lacking
}

/// Counts what counters lack: at once, or when the transaction commits.
pub fn count(lacking: Lacking) -> Result<()> {
    if lacking.is_empty() {
        return Ok(());
    }
    let own = identity::current().ok().flatten().map(|own| *own.as_bytes());
    let (now, others): (Lacking, Lacking) = uncounted(|uncounted| {
        lacking
            .into_iter()
            .partition(|(user, _)| uncounted.at_once.remove(user) || Some(*user) == own)
    });
    count_requests(&now, false)?;
    remember(others);
    Ok(())
}

/// Whether a trigger of carrel's is needed to count an event when the transaction commits.
pub fn is_counted_at_commit(user: Uuid, event_type: &str) -> bool {
    event_type == AGENT_REQUEST && identity::current().ok().flatten() != Some(user)
}

/// Has the counters of users set when the transaction commits.
fn remember(requests: Lacking) {
    if requests.is_empty() {
        return;
    }
    let may_be_undone = xact::subtransaction() != TOP;
    uncounted(|uncounted| {
        for (user, requests) in requests {
            add(
                &mut uncounted.users,
                user,
                if may_be_undone { Requests::Unknown } else { requests },
            );
        }
        uncounted.counted_in = 0;
    });
}

/// The transaction itself, among its subtransactions: Postgres' TopSubTransactionId.
const TOP: pg_sys::SubTransactionId = 1;

/// Calls `with` for what this transaction has yet to count.
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

/// At the end of a transaction that recorded agent requests for others, or as soon as constraints are set
/// immediate: sets these users' counters.
#[pg_trigger]
fn count_requests_of_others<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_row(trigger, |row| {
        let user = *row.new.need::<Uuid>(c"user_id")?.as_bytes();
        let current = xact::subtransaction();
        let users = uncounted(|uncounted| {
            uncounted.at_once.insert(user);
            if uncounted.counted_in == current {
                return Lacking::new();
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
                // They lack it again after a rollback.
                uncounted.users.values_mut().for_each(|requests| *requests = Requests::Unknown);
            }
        });
        Ok(())
    })
}

/// Sums up the counters of users whose billing periods may be new.
pub fn recount(users: &[Uuid]) -> Result<()> {
    let unknown = users.iter().map(|user| (*user.as_bytes(), Requests::Unknown));
    count_requests(&unknown.collect(), true)
}

/// Sets usage_count to the requests of the period that now is in; never of an earlier one than it is of,
/// for a transaction may have begun before the period's end, unless the periods are new.
///
/// Whoever records a request holds the profile's row from here on until it commits: the last to come
/// sees what the others recorded.
fn count_requests(users: &Lacking, periods_are_new: bool) -> Result<()> {
    // What the table's own triggers and checks would see to.
    const UPHELD: Upheld = Upheld {
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
    let now = clock::now()?;
    let counted = |user, lacking: Requests, anchor, timezone: &str, period, before| {
        let period: TimestampWithTimeZone = period;
        let calendar = Calendar::new(anchor, timezone)?;
        let (mut start, _) = calendar.period(&Kind::Month, now)?;
        if !periods_are_new && i64::from(start) < i64::from(period) {
            (start, _) = calendar.period(&Kind::Month, period)?;
        }
        let is_of_before = !periods_are_new && i64::from(start) == i64::from(period);
        if let Some(count) = lacking.counted(start, before).filter(|_| is_of_before) {
            return Ok((start, count));
        }
        let requests = totals::requests_since(user, calendar.day(start)?, start)?;
        Ok((start, requests.to_count()?))
    };
    // What the transaction has yet to count of these may be in what is summed up here.
    uncounted(|uncounted| {
        let lacking = uncounted.users.iter_mut().filter(|(user, _)| users.contains_key(*user));
        lacking.for_each(|(_, requests)| *requests = Requests::Unknown);
    });
    for (user, lacking) in users {
        let user = Uuid::from_bytes(*user);
        let conditions = [Condition::is_user(user)];
        let change = |rows: &Rows| {
            rows.change_one(
                &conditions,
                [c"billing_anchor", c"billing_timezone", c"usage_period_start", c"usage_count"],
                [c"usage_period_start", c"usage_count", c"updated_at"],
                UPHELD,
                |row| {
                    let (start, count) = counted(
                        user,
                        *lacking,
                        row.need(1)?,
                        row.need(2)?,
                        row.need(3)?,
                        row.need(4)?,
                    )?;
                    Ok([start.into(), count.into(), now.into()])
                },
            )
        };
        let changed = PROFILES.open(Access::Change, change)?;
        if changed != Changed::Undone {
            continue;
        }
        reckoning(|db| {
            let profile = db.first(
                "select billing_anchor, billing_timezone, usage_period_start, usage_count from carrel.user_profiles
                where user_id = $1 for no key update",
                &[user.into()],
                |row| {
                    let (anchor, timezone): (_, &str) = (row.need(1)?, row.need(2)?);
                    counted(user, *lacking, anchor, timezone, row.need(3)?, row.need(4)?)
                },
            )?;
            let Some((start, count)) = profile else { return Ok(()) };
            db.execute(
                "update carrel.user_profiles set usage_period_start = $2, usage_count = $3 where user_id = $1",
                &[user.into(), start.into(), count.into()],
            )
            .map(|_| ())
        })?;
    }
    Ok(())
}
