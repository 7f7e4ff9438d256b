//! State transitions of requests, enforced for every writer.

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

/// Priorities that end users may set: priority sorts across users.
const USER_PRIORITIES: RangeInclusive<i32> = -100..=0;
/// Maximum number of attempts that end users may set.
const MAX_USER_ATTEMPTS: i32 = 3;

/// Maximum bytes of a request's content: workers claim many at once.
const MAX_CONTENT_BYTES: usize = 4 << 20;
/// Maximum bytes of names and keys, which have to fit an index entry.
const MAX_NAME_BYTES: usize = 1000;

const SESSIONS: Table = Table { name: c"agent_sessions", index: c"agent_sessions_user_id_id_key" };

/// Trigger BEFORE INSERT of agent_requests: checks the row, clamps priority, attempts and times set
/// by end users, and locks the session.
///
/// The trigger that maintains chains also locks the session, but later: if the session were deleted
/// while that trigger waits, the request would stay with a dangling session_id. Errors: 22023
/// (invalid value), 28000 (no user is set), 54000 (too long), P0002 (user without a profile), PT404
/// (no such session).
#[pg_trigger]
fn prepare_request<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring()? {
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
        // Statement time: a transaction kept open would otherwise put its requests in front of others.
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
            // An earlier reserved_at would reserve from a period that is over.
            row.set(c"reserved_at", now);
            row.set(c"priority", priority.clamp(*USER_PRIORITIES.start(), *USER_PRIORITIES.end()));
            row.set(c"max_attempts", attempts.min(MAX_USER_ATTEMPTS));
            row.set(c"run_at", if run_at < now { now } else { run_at });
        }
        Ok(())
    })
}

/// Trigger BEFORE UPDATE of agent_requests: allows only the transitions of the life cycle.
///
/// A finished request may only change its session. Progress never decreases within an attempt.
/// Errors: PT409.
#[pg_trigger]
fn check_request_transition<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(
        trigger,
        |row| if trigger::restoring()? { Ok(()) } else { check_transition(row) },
    )
}

fn check_transition(row: &Change) -> Result<()> {
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
        // The session may be deleted, or set later.
        if let Some(column) = row.change_beyond(&[c"session_id", c"updated_at"])? {
            return refused(format!("request {id} is {from}: its {column} can't change any more"));
        }
    }
    let lease = |row: &trigger::TriggerRow| row.get::<Uuid>(c"lease_token");
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
