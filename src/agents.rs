//! Agent requests, and the sessions that hold them in order.

use crate::access;
use crate::error::{Error, Result, SqlState, guard};
use crate::identity;
use crate::spi::{self, Access};
use crate::trigger::{self, Returned};
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// What end users may ask for at most: priority sorts across users, and attempts are work.
const MAX_PRIORITY: i32 = 0;
const MAX_ATTEMPTS: i32 = 3;

/// Creates a request of the caller's, in one of their sessions or in none; returns its id.
#[pg_extern(volatile, parallel_unsafe)]
fn create_request(
    agent_type: Option<&str>,
    content: Option<&str>,
    session_id: default!(Option<Uuid>, "null"),
) -> Uuid {
    guard(|| {
        identity::require()?;
        let agent_type = given("agent_type", agent_type)?;
        let content = given("content", content)?;
        spi::as_caller(Access::Write, |db| {
            if let Some(session) = session_id {
                let found = db.execute(
                    "select from carrel.agent_sessions where id = $1 and user_id = carrel.current_user_id()
                    for key share",
                    &[session.into()],
                )?;
                if found == 0 {
                    return Err(Error::new(SqlState::NotFound, format!("no session {session}")));
                }
            }
            db.value(
                "insert into carrel.agent_requests (agent_type, content, session_id)
                values ($1, $2, $3) returning id",
                &[agent_type.into(), content.into(), session_id.into()],
            )
        })
    })
}

/// BEFORE INSERT of agent_requests: clamps what end users ask for, and locks the session that the
/// request is for. The chain's trigger locks it too, but later: a session that is deleted while that
/// one waits would leave the request behind, past the foreign key.
#[pg_trigger]
fn prepare_request<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring() {
            return Ok(());
        }
        if let Some(session) = row.new.get::<Uuid>(c"session_id") {
            spi::as_caller(Access::Write, |db| {
                db.execute(
                    "select from carrel.agent_sessions where id = $1 for no key update",
                    &[session.into()],
                )
            })?;
        }
        let now = crate::rows::now()?;
        let priority: i32 = row.new.need(c"priority")?;
        let attempts: i32 = row.new.need(c"max_attempts")?;
        let run_at: TimestampWithTimeZone = row.new.need(c"run_at")?;
        let is_modest = priority <= MAX_PRIORITY && attempts <= MAX_ATTEMPTS && run_at >= now;
        if !is_modest && !access::is_service()? {
            row.set(c"priority", priority.min(MAX_PRIORITY));
            row.set(c"max_attempts", attempts.min(MAX_ATTEMPTS));
            row.set(c"run_at", if run_at < now { now } else { run_at });
        }
        Ok(())
    })
}

/// AFTER INSERT of agent_requests: appends their ids to their sessions' chains. Each session is
/// locked before its chain is read, in one order, so that none is lost and statements don't deadlock.
#[pg_trigger]
fn append_to_request_chain<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    change_chains(
        trigger,
        "update carrel.agent_sessions as s set request_chain = s.request_chain || n.ids
        from (
            select user_id, session_id, jsonb_agg(id order by created_at, id) as ids
            from changed where session_id is not null group by user_id, session_id
        ) as n
        where s.user_id = n.user_id and s.id = n.session_id",
    )
}

/// AFTER DELETE of agent_requests: takes their ids out of their sessions' chains.
#[pg_trigger]
fn remove_from_request_chain<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    change_chains(
        trigger,
        "update carrel.agent_sessions as s set request_chain = (
            select coalesce(jsonb_agg(link.id order by link.place), '[]')
            from jsonb_array_elements(s.request_chain) with ordinality as link (id, place)
            left join changed as c on to_jsonb(c.id) = link.id
            where c.id is null
        )
        where (s.user_id, s.id) in (
            select user_id, session_id from changed where session_id is not null
        )",
    )
}

fn change_chains<'a>(trigger: &'a PgTrigger<'a>, update: &'static str) -> Returned<'a> {
    trigger::after_statement(|| {
        if trigger::restoring() {
            return Ok(());
        }
        spi::as_owner(Access::Write, |db| {
            // SAFETY: this call's data.
            unsafe { db.register_trigger_data(trigger::data(trigger)) }?;
            let sessions = db.execute(
                "select from carrel.agent_sessions
                where (user_id, id) in (
                    select user_id, session_id from changed where session_id is not null
                )
                order by id for no key update",
                &[],
            )?;
            if sessions > 0 {
                db.execute(update, &[])?;
            }
            Ok(())
        })
    })
}

fn given<'a>(name: &str, value: Option<&'a str>) -> Result<&'a str> {
    value.ok_or_else(|| {
        Error::new(SqlState::InvalidParameterValue, format!("{name} must not be null"))
    })
}
