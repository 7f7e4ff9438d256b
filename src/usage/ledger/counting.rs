//! Counts recorded events: called by the direct insert and by the trigger.
//!
//! Counting adds to totals, debits allowances, and adds to the profile's counter of agent requests.
//!
//! Totals and allowances are rows of the backend, so events of one user do not wait for each other.
//! Only the counter of agent requests is one row for each user:
//! [`crate::usage::totals::usage_count`].

use super::window::check_window;
use crate::access;
use crate::pg::error::{Error, Result, SqlState, contain};
use crate::pg::ids;
use crate::pg::roles;
use crate::pg::trigger::{self, Returned};
use crate::pg::values::Numeric;
use crate::usage::accounts::Accounts;
use crate::usage::amounts::{MOST, UsageDelta};
use crate::usage::limits::ChargeKind;
use crate::usage::limits::admission::{set_counted, try_debit};
use crate::usage::limits::allowances::debit;
use crate::usage::limits::limit_status::LimitWindows;
use crate::usage::totals::{add, usage_count};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeSet;

thread_local! {
    /// Event that [`insert_and_count`] inserts, and true if it is refused beyond a hard limit.
    static WANTED: Cell<Option<([u8; 16], bool)>> = const { Cell::new(None) };
    /// Windows of the limits that this event counts against.
    static WINDOWS: Cell<Option<LimitWindows>> = const { Cell::new(None) };
}

/// Runs `insert`, a statement that inserts an event; with `is_enforced`, it fails with PT402 beyond
/// a hard limit.
///
/// Returns the windows of the event's limits as well. Events that an operator's trigger inserts are
/// recorded without enforcement.
pub fn insert_and_count<T>(
    event: Uuid,
    is_enforced: bool,
    insert: impl FnOnce() -> Result<T>,
) -> Result<(T, Option<LimitWindows>)> {
    WINDOWS.set(None);
    WANTED.set(Some((*event.as_bytes(), is_enforced)));
    let result = contain(insert);
    WANTED.set(None);
    Ok((result?, WINDOWS.take()))
}

/// Trigger AFTER INSERT of usage_events: adds the statement's events to the totals, charges them
/// against hard limits, and counts agent requests.
///
/// Errors: 23514 (impossible event), PT422 (time outside of the window), PT402 (beyond a hard limit,
/// in consume_usage()).
#[pg_trigger]
fn count_usage<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring()? {
            return Ok(());
        }
        let (deltas, wanted) = deltas(trigger)?;
        if deltas.is_empty() {
            return Ok(());
        }
        let users: BTreeSet<[u8; 16]> = deltas.iter().map(|delta| *delta.user.as_bytes()).collect();
        let users: Vec<Uuid> = users.into_iter().map(Uuid::from_bytes).collect();
        WINDOWS.set(add_to_totals(&Accounts::hold(&users)?, &deltas, wanted)?);
        Ok(())
    })
}

/// Reads the statement's events. The second value is set if the event of [`insert_and_count`] is among them:
/// true if limits are enforced.
fn deltas(trigger: &PgTrigger) -> Result<(Vec<UsageDelta>, Option<bool>)> {
    let column = |name| trigger::column(trigger, name);
    let (id, mut wanted) = (column(c"id")?, None);
    let (user, event_type, model) =
        (column(c"user_id")?, column(c"event_type")?, column(c"model")?);
    let (at, voids, key) =
        (column(c"occurred_at")?, column(c"voids")?, column(c"idempotency_key")?);
    let (tokens, cost) = (column(c"tokens_used")?, column(c"cost")?);
    // carrel's own functions have checked the time, and operators import old events.
    let is_bound = !(roles::bypasses_policies() || access::rights()?.are_unrestricted());
    let mut deltas = Vec::new();
    trigger::each_new(trigger, |row| {
        let mut delta = UsageDelta::zero(row.need(user)?, row.need(event_type)?, row.need(at)?);
        delta.model = row.get(model).unwrap_or_default();
        delta.events = if row.get::<Uuid>(voids).is_some() { -1 } else { 1 };
        delta.tokens = row.need::<i64>(tokens)?.into();
        delta.cost = Some(row.need(cost)?);
        if row.with_bytes(key, <[u8]>::is_empty)? == Some(true) {
            return Err(impossible("idempotency_key must not be empty".to_owned()));
        }
        check(&delta)?;
        if is_bound {
            check_window(delta.at)?;
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
        deltas.push(delta);
        Ok(())
    })?;
    Ok((deltas, wanted))
}

/// Refuses impossible events: 23514. A constraint checks that the cost is a number and not too
/// large.
fn check(delta: &UsageDelta) -> Result<()> {
    let event_type = delta.event_type.as_str();
    if matches!(event_type, "" | "*") {
        return Err(impossible(format!("event_type must not be \"{event_type}\"")));
    }
    if delta.at.is_infinity() || delta.at.is_neg_infinity() {
        return Err(impossible("occurred_at must be finite".to_owned()));
    }
    let cost = match delta.cost {
        Some(cost) => cost.compare(Numeric::zero()?)?,
        None => Ordering::Equal,
    };
    let most = i128::from(MOST);
    let (least, most, wrong) = match delta.events {
        1 => (0, most, Ordering::Less),
        _ => (-most, 0, Ordering::Greater),
    };
    if !(least..=most).contains(&delta.tokens) {
        let tokens = delta.tokens;
        return Err(impossible(format!("tokens_used must be from {least} to {most}: {tokens}")));
    }
    if cost == wrong {
        let sign = if delta.events == 1 { "negative" } else { "positive in an event that voids" };
        return Err(impossible(format!("cost must not be {sign}")));
    }
    Ok(())
}

fn impossible(message: String) -> Error {
    Error::new(SqlState::CheckViolation, message)
}

/// Adds events whose users' profiles are locked to totals and counters, and charges them.
///
/// `wanted` is set for a single event that the caller records: true enforces limits, and the
/// windows of its limits are returned.
pub fn add_to_totals(
    accounts: &Accounts,
    deltas: &[UsageDelta],
    wanted: Option<bool>,
) -> Result<Option<LimitWindows>> {
    let mut windows = match deltas {
        [delta] if wanted.is_some() => match accounts.get(delta.user) {
            Some(account) => Some(LimitWindows::of(account, &delta.event_type, delta.at)?),
            None => None,
        },
        _ => None,
    };
    let of_days = windows.as_mut().filter(|windows| windows.first_day().is_some());
    let totals = accounts.totals(deltas)?;
    let requests = usage_count::request_deltas(&totals);
    add::add(accounts, totals, of_days)?;
    let charges = accounts.charges(deltas)?;
    match wanted {
        Some(true) => try_debit(charges, ChargeKind::Use)?,
        _ => debit(&charges)?,
    }
    set_counted();
    usage_count::add_to_counters(requests)?;
    Ok(windows)
}
