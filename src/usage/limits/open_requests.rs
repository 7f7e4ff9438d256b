//! Allowances held by agent requests: each holds one event of type `agent_request` and the tokens
//! that it reserves, from its creation until it is finished. Its usage event then takes over.
//!
//! The request's row is the only record of the hold, so nothing can contradict it.

use super::admission::{require_remaining, set_counted, try_debit};
use super::refusals::ChargeKind;
use crate::notify;
use crate::pg::clock;
use crate::pg::error::Result;
use crate::pg::spi::{PassingRow, as_owner_now};
use crate::pg::trigger::{self, Returned};
use crate::usage::accounts::Accounts;
use crate::usage::amounts::{AGENT_REQUEST, UsageDelta};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::collections::BTreeMap;

/// Held events and tokens by user, and time from which they are held.
type Held = BTreeMap<([u8; 16], i64), (i64, i128)>;

/// Trigger AFTER INSERT, UPDATE, DELETE or TRUNCATE of agent_requests: charges the amounts that
/// unfinished requests hold against hard limits.
///
/// Releases the amounts of finished requests, and notifies workers of pending ones. Errors: PT402
/// (beyond a hard limit, or a limit of tokens or cost is used up).
#[pg_trigger]
fn hold_for_requests<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring()? {
            return Ok(());
        }
        if trigger::operation(trigger) == pg_sys::TRIGGER_EVENT_TRUNCATE {
            return as_owner_now(|db| {
                db.execute("delete from carrel.usage_allowances", &[]).map(|_| ())
            });
        }
        let (held, pending) = changes(trigger)?;
        if !held.is_empty() {
            hold(held)?;
        }
        if pending > 0 { notify::wake_workers() } else { Ok(()) }
    })
}

/// Sums up the statement's changes of held amounts, and of the number of pending requests.
fn changes(trigger: &PgTrigger) -> Result<(Held, i64)> {
    let columns = [c"user_id", c"status", c"reserve_tokens", c"reserved_at"];
    let [user, status, tokens, at] = columns.map(|name| trigger::column(trigger, name));
    let (user, status, tokens, at) = (user?, status?, tokens?, at?);
    let mut held = Held::new();
    let mut pending = 0_i64;
    let mut add = |row: &PassingRow, sign: i64| {
        let state = row.with_bytes(status, |status| match status {
            b"pending" => (true, 1_i64),
            status => (status == b"processing", 0),
        })?;
        let Some((true, is_pending)) = state else { return Ok(()) };
        pending += sign * is_pending;
        let since: TimestampWithTimeZone = row.need(at)?;
        let key = (*row.need::<Uuid>(user)?.as_bytes(), i64::from(since));
        let sum = held.entry(key).or_default();
        *sum = (sum.0 + sign, sum.1 + i128::from(sign) * i128::from(row.need::<i64>(tokens)?));
        Ok(())
    };
    trigger::each_new(trigger, |row| add(row, 1))?;
    trigger::each_old(trigger, |row| add(row, -1))?;
    held.retain(|_, sum| *sum != (0, 0));
    Ok((held, pending))
}

/// Charges held amounts against hard limits.
fn hold(held: Held) -> Result<()> {
    let mut users: Vec<Uuid> = held.keys().map(|(user, _)| Uuid::from_bytes(*user)).collect();
    users.dedup();
    let mut deltas = Vec::with_capacity(held.len());
    for ((user, since), (events, tokens)) in held {
        let at = TimestampWithTimeZone::try_from(since).map_or_else(|_| clock::now(), Ok)?;
        let mut delta = UsageDelta::zero(Uuid::from_bytes(user), AGENT_REQUEST.to_owned(), at);
        (delta.events, delta.tokens) = (events, tokens);
        deltas.push(delta);
    }
    let accounts = Accounts::keep(&users)?;
    for new in deltas.iter().filter(|delta| delta.events > 0) {
        require_remaining(&accounts.unknown_charges(new)?)?;
    }
    let charges = accounts.charges(&deltas)?;
    if !charges.is_empty() {
        try_debit(charges, ChargeKind::Hold)?;
        set_counted();
    }
    Ok(())
}
