//! What may become of a request, whoever writes it.

use super::sessions::no_session;
use crate::access;
use crate::pg::clock;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::heap::{Condition, Table};
use crate::pg::spi::{self, Access};
use crate::pg::trigger::{self, Change, Returned};
use crate::usage;
use crate::users;
use carrel_core::requests::State;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::ops::RangeInclusive;

/// What end users may ask for: priority sorts across users, and workers look at each that there is.
const USER_PRIORITIES: RangeInclusive<i32> = -100..=0;
/// At most: attempts are work.
const MAX_USER_ATTEMPTS: i32 = 3;

/// Bytes of what is asked, at most: workers are given many at once.
const MAX_CONTENT_BYTES: usize = 4 << 20;
/// Bytes of what is a name, at most; an index has room for one.
const MAX_NAME_BYTES: usize = 1000;

const SESSIONS: Table = Table { name: c"agent_sessions", index: c"agent_sessions_user_id_id_key" };

/// BEFORE INSERT of agent_requests: refuses requests of nobody (28000) and of users without a profile (P0002), blank
/// texts and what else no request has (22023), and what is too large (54000); clamps what end users ask for, and locks the
/// session that the request is for. The chain's trigger locks it too, but later: a session that is deleted while that
/// one waits would leave the request behind, past the foreign key.
#[pg_trigger]
fn prepare_request<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring() {
            return Ok(());
        }
        let owner = users::require_owner(row)?;
        row.need_text(&[c"agent_type", c"content", c"idempotency_key"])?;
        row.need_one_of(c"status", &State::ALL.map(State::name))?;
        row.need_within(c"max_attempts", 1..=i32::MAX)?;
        row.need_within(c"reserve_tokens", 0..=usage::MOST)?;
        row.need_at_most(&[
            (c"content", MAX_CONTENT_BYTES),
            (c"agent_type", MAX_NAME_BYTES),
            (c"idempotency_key", MAX_NAME_BYTES),
        ])?;
        if let Some(session) = row.new.get::<Uuid>(c"session_id") {
            if let Some(owner) = owner
                && !SESSIONS.has(&[Condition::is_user(owner), Condition::is_id(session)])?
            {
                return Err(no_session(session));
            }
            spi::as_caller(Access::Write, |db| {
                db.execute(
                    "select from carrel.agent_sessions where id = $1 for no key update",
                    &[session.into()],
                )
            })?;
        }
        // Not the transaction's time: one that is kept open would be a place in front of others.
        let now = clock::statement_start()?;
        let priority: i32 = row.new.need(c"priority")?;
        let attempts: i32 = row.new.need(c"max_attempts")?;
        let run_at: TimestampWithTimeZone = row.new.need(c"run_at")?;
        let reserved_at: TimestampWithTimeZone = row.new.need(c"reserved_at")?;
        let is_modest = USER_PRIORITIES.contains(&priority)
            && attempts <= MAX_USER_ATTEMPTS
            && run_at >= now
            && reserved_at == now;
        if !is_modest && !access::is_service()? {
            // Nor does it draw on a period that is over.
            row.set(c"reserved_at", now);
            row.set(c"priority", priority.clamp(*USER_PRIORITIES.start(), *USER_PRIORITIES.end()));
            row.set(c"max_attempts", attempts.min(MAX_USER_ATTEMPTS));
            row.set(c"run_at", if run_at < now { now } else { run_at });
        }
        Ok(())
    })
}

/// BEFORE UPDATE of agent_requests: refuses what no operation of [`carrel_core::requests`] leads to, a change
/// of what is finished (but for its session), and progress that goes back within an attempt: PT409.
#[pg_trigger]
fn check_request_transition<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| if trigger::restoring() { Ok(()) } else { check(row) })
}

fn check(row: &Change) -> Result<()> {
    let Some(old) = row.old else { return Ok(()) };
    let id: Uuid = old.need(c"id")?;
    let refused = |message: String| Err(Error::new(SqlState::Conflict, message));
    let state = |name: &str| {
        let unknown =
            || Error::new(SqlState::CheckViolation, format!("a request has no status \"{name}\""));
        State::named(name).ok_or_else(unknown)
    };
    let (from, to) = (state(old.need(c"status")?)?, state(row.new.need(c"status")?)?);
    if !from.may_become(to) {
        return refused(format!("request {id} can't go from {from} to {to}"));
    }
    if from == to && from.is_finished() {
        // The session may be deleted, or given to it later.
        if let Some(column) = row.change_beyond(&[c"session_id", c"updated_at"])? {
            return refused(format!("request {id} is {from}: its {column} can't change any more"));
        }
    }
    let lease = |row: &trigger::Row| row.get::<Uuid>(c"lease_token");
    if from == State::Processing && to == State::Processing && lease(&old) == lease(&row.new) {
        let (before, after): (f32, f32) = (old.need(c"progress")?, row.new.need(c"progress")?);
        if after < before {
            return refused(format!(
                "progress of request {id} can't go back from {before} to {after}"
            ));
        }
    }
    Ok(())
}
