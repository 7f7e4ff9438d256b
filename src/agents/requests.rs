//! Requests as users see them: created, cancelled, and tried afresh; and removed, when they are old.

use super::no_request;
use crate::access;
use crate::idempotency;
use crate::identity;
use crate::lease_arguments::{bad, given};
use crate::periods;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::spi::{self, Access, Arg, Db};
use crate::usage::{only_of, reused};
use carrel_core::requests::{Operation, State};
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;

/// Creates a request of the caller's, in one of their sessions or in none; returns its id. From then on it
/// holds one agent_request, and reserve_tokens, from hard limits: beyond one, error PT402. It runs at run_at
/// or later, the highest priority first; end users have priorities from -100 to 0, and 3 attempts at most. The
/// same idempotency key again gives the first request, or PT409 where anything else differs. No such session:
/// PT404; bad arguments: 22023.
#[pg_extern(volatile, parallel_unsafe)]
fn create_request(
    agent_type: Option<&str>,
    content: Option<&str>,
    session_id: default!(Option<Uuid>, "null"),
    priority: default!(Option<i32>, "0"),
    run_at: default!(Option<TimestampWithTimeZone>, "null"),
    max_attempts: default!(Option<i32>, "3"),
    idempotency_key: default!(Option<&str>, "null"),
    reserve_tokens: default!(Option<i64>, "0"),
) -> Uuid {
    guard(|| {
        let user = identity::require()?;
        let agent_type = given("agent_type", agent_type)?;
        let content = given("content", content)?;
        let priority = given("priority", priority)?;
        let max_attempts = given("max_attempts", max_attempts)?;
        let reserve_tokens = given("reserve_tokens", reserve_tokens)?;
        let payload_hash = idempotency_key.map(|_| {
            idempotency::hash([
                ("agent_type", Some(agent_type.to_owned())),
                ("content", Some(content.to_owned())),
                ("session_id", session_id.map(|id| id.to_string())),
                ("priority", Some(priority.to_string())),
                ("run_at", run_at.map(|at| i64::from(at).to_string())),
                ("max_attempts", Some(max_attempts.to_string())),
                ("reserve_tokens", Some(reserve_tokens.to_string())),
            ])
        });
        let row: [Arg; 9] = [
            agent_type.into(),
            content.into(),
            session_id.into(),
            priority.into(),
            run_at.into(),
            max_attempts.into(),
            idempotency_key.into(),
            payload_hash.clone().into(),
            reserve_tokens.into(),
        ];
        spi::as_caller(Access::Write, |db| {
            if let Some(session) = session_id {
                lock_own_session(db, session)?;
            }
            if let Some(id) = insert(db, &row)? {
                return Ok(id);
            }
            first_with_key(db, user, idempotency_key, payload_hash.as_deref())
        })
    })
}

/// Refuses a session that is not the caller's; holds it, so that it is there when the request is.
fn lock_own_session(db: &Db, session: Uuid) -> Result<()> {
    let found = db.execute(
        "select from carrel.agent_sessions where id = $1 and user_id = carrel.current_user_id()
        for key share",
        &[session.into()],
    )?;
    if found == 0 {
        return Err(super::sessions::no_session(session));
    }
    Ok(())
}

/// Inserts a request; None where its key is another one's.
fn insert(db: &Db, row: &[Arg]) -> Result<Option<Uuid>> {
    db.first(include_str!("../../sql/agents/insert_request.sql"), row, |row| row.need(1))
}

fn first_with_key(db: &Db, user: Uuid, key: Option<&str>, hash: Option<&[u8]>) -> Result<Uuid> {
    let first = db.first(
        "select id, payload_hash from carrel.agent_requests where user_id = $1 and idempotency_key = $2",
        &[user.into(), key.into()],
        |row| Ok((row.need::<Uuid>(1)?, row.get::<Vec<u8>>(2))),
    )?;
    let (id, first_hash) = first.ok_or_else(|| {
        Error::new(SqlState::SerializationFailure, "the first request of this key is being removed")
            .hint("Try the transaction again.")
    })?;
    match first_hash.as_deref() == hash {
        true => Ok(id),
        false => Err(reused(key, id)),
    }
}

/// Has a request not be done: a pending one, or one whose worker's lease has lapsed, is cancelled at once; the
/// worker of one that is being done learns of it at its next heartbeat. Returns the status. One that was
/// cancelled before stays as it is; one that is finished otherwise: PT409. No such request of the
/// caller's: PT404.
#[pg_extern(volatile, parallel_unsafe)]
fn cancel_request(request_id: Option<Uuid>) -> String {
    change_request(request_id, |db, id, state| {
        if state == State::Cancelled {
            return Ok(state);
        }
        next_state(id, state, Operation::Cancel, "cancelled")?;
        let status: Option<String> =
            db.first(include_str!("../../sql/agents/cancel_request.sql"), &[id.into()], |row| {
                row.need(1)
            })?;
        status.as_deref().and_then(State::named).ok_or_else(|| no_request(id))
    })
}

/// Has a request that failed or was cancelled be tried afresh, with all its attempts. It holds from hard
/// limits again: beyond one, error PT402. Returns the status; one that is pending stays as it is; others:
/// PT409. No such request of the caller's: PT404.
#[pg_extern(volatile, parallel_unsafe)]
fn retry_request(request_id: Option<Uuid>) -> String {
    change_request(request_id, |db, id, state| {
        if state == State::Pending {
            return Ok(state);
        }
        let next = next_state(id, state, Operation::Retry, "retried")?;
        db.execute(include_str!("../../sql/agents/retry_request.sql"), &[id.into()])?;
        Ok(next)
    })
}

/// Changes a request of the caller's, or, for a service, anybody's, which is locked; its status then.
fn change_request(
    request_id: Option<Uuid>,
    change: impl FnOnce(&Db, Uuid, State) -> Result<State>,
) -> String {
    guard(|| {
        let id = given("request_id", request_id)?;
        let only_of = only_of()?;
        spi::as_owner_now(|db| {
            let status: Option<String> = db.first(
                "select status from carrel.agent_requests
                where id = $1 and ($2::uuid is null or user_id = $2) for no key update",
                &[id.into(), only_of.into()],
                |row| row.need(1),
            )?;
            let state = status.as_deref().and_then(State::named).ok_or_else(|| no_request(id))?;
            Ok(change(db, id, state)?.name().to_owned())
        })
    })
}

/// The state that an operation leads to: PT409 where it can't be done.
fn next_state(id: Uuid, state: State, operation: Operation, done: &str) -> Result<State> {
    state.after(operation).ok_or_else(|| {
        Error::new(SqlState::Conflict, format!("request {id} is {state} and can't be {done}"))
    })
}

/// Removes requests that have been finished for so long ($1), at most so many ($2), behind a place ($3, $4); returns how
/// many it saw, how many of them it removed, and the last it saw.
fn purge(db: &Db, args: &[Arg; 4]) -> Result<(i64, i64, Option<(TimestampWithTimeZone, Uuid)>)> {
    let purged = db.first(include_str!("../../sql/agents/purge_requests.sql"), args, |row| {
        Ok((row.need(1)?, row.need(2)?, row.get(3).zip(row.get(4))))
    })?;
    Ok(purged.unwrap_or_default())
}

/// Removes requests that have been finished for this long, the longest first, at most so many; returns how
/// many. Those that somebody else is changing, or whose sessions, are left. What they used stays in the books.
#[pg_extern(volatile, parallel_unsafe)]
fn purge_requests(
    older_than: default!(Option<Interval>, "'30 days'"),
    max_rows: default!(Option<i32>, "10000"),
) -> i64 {
    guard(|| {
        access::require_service("purge_requests")?;
        let older_than = given("older_than", older_than)?;
        let max_rows = given("max_rows", max_rows)?;
        if periods::micros(&older_than) < 0 || older_than.months() < 0 {
            return Err(bad("older_than must not be negative"));
        }
        if max_rows < 0 {
            return Err(bad(format!("max_rows must be from 0: {max_rows}")));
        }
        spi::as_owner_now(|db| {
            let mut removed = 0;
            let mut after: Option<(TimestampWithTimeZone, Uuid)> = None;
            while removed < i64::from(max_rows) {
                let (since, id) = after.unzip();
                let batch = i64::from(max_rows) - removed;
                let (seen, deleted, last) =
                    purge(db, &[older_than.into(), batch.into(), since.into(), id.into()])?;
                removed += deleted;
                // Those of held sessions are passed over, lest they keep all others.
                match last.filter(|_| seen == batch && deleted < seen) {
                    Some(last) => after = Some(last),
                    None => break,
                }
            }
            Ok(removed)
        })
    })
}
