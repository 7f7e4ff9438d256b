//! What follows from an event, in the statement that inserts it: totals, what is left of limits, and the
//! profile's counter of agent requests. Every event comes this way, whoever inserts it.
//!
//! Totals are rows of the backend's own, and so are parts of limits: events of one user don't wait for
//! each other. Only the counters of agent requests are one row for each user: [`super::usage_count`].

use super::accounts::{Accounts, Fact};
use super::allowances;
use super::events::{MOST, check_window};
use super::limit_status::Standings;
use super::limits;
use super::refusals::Asked;
use super::totals;
use super::usage_count;
use crate::access;
use crate::pg::error::{Error, Result, SqlState, contain};
use crate::pg::ids;
use crate::pg::roles;
use crate::pg::trigger::{self, Returned};
use crate::pg::values::Numeric;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeSet;

thread_local! {
    /// The event that is being inserted by [`counted`], and whether it is refused beyond a hard limit.
    static WANTED: Cell<Option<([u8; 16], bool)>> = const { Cell::new(None) };
    /// How the limits stand that it falls under.
    static STANDINGS: Cell<Option<Standings>> = const { Cell::new(None) };
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

/// AFTER INSERT on usage_events: adds the statement's events to the totals, draws them from what is left
/// of hard limits, and counts agent requests.
#[pg_trigger]
fn count_usage<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
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
    let is_bound = !(roles::bypasses_policies() || access::rights()?.are_unrestricted());
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
        if is_bound && ids::version(row.need(id)?) == ids::OF_LEASES {
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
    let requests = usage_count::lacking(&totals);
    totals::add(accounts, totals, of_days)?;
    let dues = accounts.dues(facts)?;
    match wanted {
        Some(true) => limits::take(dues, Asked::Used)?,
        _ => allowances::draw(&dues)?,
    }
    limits::has_counted();
    usage_count::count(requests)?;
    Ok(standings)
}
