//! What follows from an event, in the statement that inserts it: totals, what is left of limits, and the
//! profile's counter of agent requests. Every event comes this way, whoever inserts it.
//!
//! Totals are rows of the backend's own, and so are parts of limits: events of one user don't wait for
//! each other. Only events of type agent_request lock the profile's row, whose usage_count they change:
//! those of the caller's own at once, those that somebody records for others when the transaction
//! commits, in the order of the users' ids, so that services that act as nobody don't deadlock over several
//! users. (Who acts as one user after the other in one transaction may: 40P01.)

use super::accounts::{Accounts, Fact, PROFILES};
use super::events::{MOST, check_window};
use super::limits;
use super::locks;
use super::parts;
use super::periods::{Calendar, Kind};
use super::reckoning;
use super::standings::{AGENT_REQUEST, Standings};
use super::totals;
use crate::datums::Numeric;
use crate::error::{Error, Result, SqlState, contain};
use crate::heap::{Access, Changed, Condition, Rows, Upheld};
use crate::identity;
use crate::rows;
use crate::spi::{Db, PassingRow};
use crate::trigger::{self, Returned};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

thread_local! {
    /// The event that is being inserted by [`counted`], and whether it is refused beyond a hard limit.
    static WANTED: Cell<Option<([u8; 16], bool)>> = const { Cell::new(None) };
    /// How the limits stand that it falls under.
    static STANDINGS: Cell<Option<Standings>> = const { Cell::new(None) };
    static UNCOUNTED: RefCell<Uncounted> = const {
        RefCell::new(Uncounted {
            transaction: 0,
            users: Lacking::new(),
            counted_in: 0,
            at_once: BTreeSet::new(),
        })
    };
}

/// Inserts an event by a statement, which is refused beyond a hard limit if that is asked for: PT402; says how
/// the limits stand that it falls under. What an operator's trigger inserts beside it is recorded.
pub fn counted<T>(
    event: Uuid,
    is_enforced: bool,
    insert: impl FnOnce() -> Result<T>,
) -> Result<(T, Option<Standings>)> {
    STANDINGS.set(None);
    WANTED.set(Some((*event.as_bytes(), is_enforced)));
    let result = contain(insert);
    WANTED.set(None);
    Ok((result?, STANDINGS.take()))
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

/// AFTER INSERT on usage_events: adds the statement's events to the totals, draws them from what is left
/// of hard limits, and counts agent requests.
#[pg_trigger]
fn count_usage<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_statement(|| {
        if trigger::restoring() {
            return Ok(());
        }
        let (facts, wanted) = facts(trigger)?;
        if facts.is_empty() {
            return Ok(());
        }
        let users: BTreeSet<[u8; 16]> = facts.iter().map(|fact| *fact.user.as_bytes()).collect();
        let users: Vec<Uuid> = users.into_iter().map(Uuid::from_bytes).collect();
        STANDINGS.set(count(&Accounts::hold(&users)?, &facts, wanted)?);
        Ok(())
    })
}

/// What was used, and, where the event is among it that [`counted`] inserts, whether it is refused beyond a
/// hard limit.
fn facts(trigger: &PgTrigger) -> Result<(Vec<Fact>, Option<bool>)> {
    let column = |name| trigger::column(trigger, name);
    let (id, mut wanted) = (column(c"id")?, None);
    let (user, event_type, model) =
        (column(c"user_id")?, column(c"event_type")?, column(c"model")?);
    let (at, voids, key) =
        (column(c"occurred_at")?, column(c"voids")?, column(c"idempotency_key")?);
    let (tokens, cost) = (column(c"tokens_used")?, column(c"cost")?);
    // carrel's own functions have checked when it was, and operators bring old events over.
    // SAFETY: reads the session and the catalog.
    let is_bound = !unsafe { pg_sys::has_bypassrls_privilege(pg_sys::GetUserId()) };
    let mut facts = Vec::new();
    trigger::each_new(trigger, |row| {
        let mut fact = Fact::of(row.need(user)?, row.need(event_type)?, row.need(at)?);
        fact.model = row.get(model).unwrap_or_default();
        fact.events = if row.get::<Uuid>(voids).is_some() { -1 } else { 1 };
        fact.tokens = row.need::<i64>(tokens)?.into();
        fact.cost = Some(row.need(cost)?);
        if row.with_bytes(key, <[u8]>::is_empty)? == Some(true) {
            return Err(impossible("idempotency_key must not be empty".to_owned()));
        }
        check(&fact)?;
        if is_bound {
            check_window(fact.at)?;
        }
        if let Some((event, is_enforced)) = WANTED.get()
            && *row.need::<Uuid>(id)?.as_bytes() == event
        {
            wanted = Some(is_enforced);
        }
        if is_bound && rows::version(row.need(id)?) == rows::OF_LEASES {
            return Err(impossible(
                "id must not be of version 8: bills of requests are".to_owned(),
            ));
        }
        facts.push(fact);
        Ok(())
    })?;
    Ok((facts, wanted))
}

/// Refuses what no event can be; that the cost is a number, and how large, is checked by a constraint.
fn check(fact: &Fact) -> Result<()> {
    let event_type = fact.event_type.as_str();
    if matches!(event_type, "" | "*") {
        return Err(impossible(format!("event_type must not be \"{event_type}\"")));
    }
    if fact.at.is_infinity() || fact.at.is_neg_infinity() {
        return Err(impossible("occurred_at must be finite".to_owned()));
    }
    let cost = match fact.cost {
        Some(cost) => cost.compare(Numeric::zero()?)?,
        None => Ordering::Equal,
    };
    let most = i128::from(MOST);
    let (least, most, wrong) = match fact.events {
        1 => (0, most, Ordering::Less),
        _ => (-most, 0, Ordering::Greater),
    };
    if !(least..=most).contains(&fact.tokens) {
        let tokens = fact.tokens;
        return Err(impossible(format!("tokens_used must be from {least} to {most}: {tokens}")));
    }
    if cost == wrong {
        let sign = if fact.events == 1 { "negative" } else { "positive in an event that voids" };
        return Err(impossible(format!("cost must not be {sign}")));
    }
    Ok(())
}

fn impossible(message: String) -> Error {
    Error::new(SqlState::CheckViolation, message)
}

/// Does all that follows from events of users whose profiles are held. Where it is one that somebody `wanted`, refused
/// beyond a hard limit or not, says how the limits stand that it falls under.
pub fn count(
    accounts: &Accounts,
    facts: &[Fact],
    wanted: Option<bool>,
) -> Result<Option<Standings>> {
    let mut standings = match facts {
        [fact] if wanted.is_some() => match accounts.get(fact.user) {
            Some(account) => Some(Standings::of(account, &fact.event_type, fact.at)?),
            None => None,
        },
        _ => None,
    };
    let of_days = standings.as_mut().filter(|standings| standings.first_day().is_some());
    let totals = accounts.totals(facts)?;
    let mut requests = Lacking::new();
    for ((user, _, period, event_type, _), total) in &totals {
        if event_type == AGENT_REQUEST {
            add(&mut requests, *user, Requests::Of(*period, total.events));
        }
    }
    totals::add(accounts, totals, of_days)?;
    let dues = accounts.dues(facts)?;
    match wanted {
        Some(true) => limits::take(dues)?,
        _ => parts::draw(&dues)?,
    }
    limits::has_counted();
    if requests.is_empty() {
        return Ok(standings);
    }
    let own = identity::current().ok().flatten().map(|own| *own.as_bytes());
    let (now, others): (Lacking, Lacking) = uncounted(|uncounted| {
        requests
            .into_iter()
            .partition(|(user, _)| uncounted.at_once.remove(user) || Some(*user) == own)
    });
    count_requests(&now, false)?;
    remember(others);
    Ok(standings)
}

/// The agent requests that a user's counter lacks.
#[derive(Clone, Copy)]
enum Requests {
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
type Lacking = BTreeMap<[u8; 16], Requests>;

fn add(lacking: &mut Lacking, user: [u8; 16], requests: Requests) {
    lacking.entry(user).and_modify(|sum| *sum = sum.and(requests)).or_insert(requests);
}

/// Whether a trigger of carrel's is needed to count an event when the transaction commits.
pub fn is_counted_at_commit(user: Uuid, event_type: &str) -> bool {
    event_type == AGENT_REQUEST && identity::current().ok().flatten() != Some(user)
}

/// AFTER INSERT, UPDATE, DELETE or TRUNCATE of documents: draws what the statement adds to what a user
/// has stored from what is left of hard limits, and refuses what is beyond: PT402.
#[pg_trigger]
fn count_documents<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_statement(|| {
        if trigger::restoring() {
            return Ok(());
        }
        if trigger::operation(trigger) == pg_sys::TRIGGER_EVENT_TRUNCATE {
            return reckoning(|db| {
                db.execute("delete from carrel.usage_allowances where period = 'stored'", &[])
                    .map(|_| ())
            });
        }
        let columns = [c"user_id", c"file_size", c"content_text"];
        let [user, size, text] = columns.map(|name| trigger::column(trigger, name));
        let (user, size, text) = (user?, size?, text?);
        let now = crate::rows::now()?;
        let mut stored: BTreeMap<[u8; 16], (i64, i128)> = BTreeMap::new();
        let mut add = |row: &PassingRow, sign: i64| {
            let bytes = row.get::<i64>(size).unwrap_or(0).max(row.raw_size(text)?.unwrap_or(0));
            let sum = stored.entry(*row.need::<Uuid>(user)?.as_bytes()).or_default();
            *sum = (sum.0 + sign, sum.1 + i128::from(sign) * i128::from(bytes));
            Ok(())
        };
        trigger::each_new(trigger, |row| add(row, 1))?;
        trigger::each_old(trigger, |row| add(row, -1))?;
        stored.retain(|_, sum| *sum != (0, 0));
        if stored.is_empty() {
            return Ok(());
        }
        let users: Vec<Uuid> = stored.keys().map(|user| Uuid::from_bytes(*user)).collect();
        let facts: Vec<Fact> = stored
            .into_iter()
            .map(|(user, (documents, bytes))| {
                let mut fact = Fact::of(Uuid::from_bytes(user), "*".to_owned(), now);
                (fact.documents, fact.bytes) = (documents, bytes);
                fact
            })
            .collect();
        let dues = Accounts::keep(&users)?.dues(&facts)?;
        if !dues.is_empty() {
            limits::take(dues)?;
            limits::has_counted();
        }
        Ok(())
    })
}

/// Has the counters of users set when the transaction commits.
fn remember(requests: Lacking) {
    if requests.is_empty() {
        return;
    }
    let may_be_undone = subtransaction() != TOP;
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

fn subtransaction() -> pg_sys::SubTransactionId {
    // SAFETY: reads the transaction's state.
    unsafe { pg_sys::GetCurrentSubTransactionId() }
}

/// Calls `with` for what this transaction has yet to count.
fn uncounted<T>(with: impl FnOnce(&mut Uncounted) -> T) -> T {
    // SAFETY: reads the transaction's state.
    let transaction = unsafe { pg_sys::GetTopTransactionIdIfAny() }.into_inner();
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
        let current = subtransaction();
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
pub fn recount_requests(users: &[Uuid]) -> Result<()> {
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
        has_references: false,
    };
    let now = crate::rows::now()?;
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

/// BEFORE UPDATE of profiles' plans, anchors or time zones, and of plan_limits: waits until nobody records
/// usage who reckons with what they were.
#[pg_trigger]
fn wait_for_usage<'a>(_: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_statement(|| {
        if trigger::restoring() {
            return Ok(());
        }
        reckoning(locks::change_all)
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
        // SAFETY: reads the state of the transaction.
        let is_old = unsafe { pg_sys::XactIsoLevel } >= pg_sys::XACT_REPEATABLE_READ as i32;
        if periods_are_new && is_old {
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
                recount_requests(&[user])?;
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
