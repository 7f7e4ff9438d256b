//! What agent requests hold of hard limits: from its creation until it is finished, each holds one event
//! of type agent_request, and the tokens that it reserves. Then its event takes their place. The request's
//! row is what says so: there is nothing beside it that could say otherwise.

use super::accounts::{Accounts, Fact};
use super::refusals::Asked;
use super::{AGENT_REQUEST, limits, reckoning};
use crate::agents;
use crate::pg::clock;
use crate::pg::error::Result;
use crate::pg::spi::PassingRow;
use crate::pg::trigger::{self, Returned};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::collections::BTreeMap;

/// AFTER INSERT, UPDATE, DELETE or TRUNCATE of agent_requests: draws what the statement's requests hold
/// from then on from what is left of hard limits, and refuses what is beyond, or would use limits of tokens or cost
/// that are used up: PT402. Gives back what they hold no longer. Tells workers of requests to be done.
#[pg_trigger]
fn hold_for_requests<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring() {
            return Ok(());
        }
        if trigger::operation(trigger) == pg_sys::TRIGGER_EVENT_TRUNCATE {
            return reckoning(|db| {
                db.execute("delete from carrel.usage_allowances", &[]).map(|_| ())
            });
        }
        let columns = [c"user_id", c"status", c"reserve_tokens", c"reserved_at"];
        let [user, status, tokens, at] = columns.map(|name| trigger::column(trigger, name));
        let (user, status, tokens, at) = (user?, status?, tokens?, at?);
        let mut held: BTreeMap<([u8; 16], i64), (i64, i128)> = BTreeMap::new();
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
        if !held.is_empty() {
            hold(held)?;
        }
        if pending > 0 { agents::wake_workers() } else { Ok(()) }
    })
}

/// Draws what is held by user, and time from when on.
fn hold(held: BTreeMap<([u8; 16], i64), (i64, i128)>) -> Result<()> {
    let mut users: Vec<Uuid> = held.keys().map(|(user, _)| Uuid::from_bytes(*user)).collect();
    users.dedup();
    let mut facts = Vec::with_capacity(held.len());
    for ((user, since), (events, tokens)) in held {
        let at = TimestampWithTimeZone::try_from(since).map_or_else(|_| clock::now(), Ok)?;
        let mut fact = Fact::of(Uuid::from_bytes(user), AGENT_REQUEST.to_owned(), at);
        (fact.events, fact.tokens) = (events, tokens);
        facts.push(fact);
    }
    let accounts = Accounts::keep(&users)?;
    for new in facts.iter().filter(|fact| fact.events > 0) {
        limits::need_left(&accounts.untouched(new)?)?;
    }
    let dues = accounts.dues(&facts)?;
    if !dues.is_empty() {
        limits::take(dues, Asked::Held)?;
        limits::has_counted();
    }
    Ok(())
}
