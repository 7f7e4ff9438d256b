//! Requests from the user's side: create, cancel, retry; and purging old ones.

use super::no_request;
use crate::access;
use crate::calendar;
use crate::idempotency;
use crate::identity;
use crate::lease_arguments::{given, invalid_argument};
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::spi::{self, Access, Arg, Db};
use crate::usage::{only_of, reused};
use carrel_core::requests::{Operation, State};
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;

/// Creates a request of the caller and returns its id.
///
/// It runs at `run_at` or later, higher priority first. End users may set priorities from -100 to 0
/// and up to 3 attempts; other values are clamped. Until it is finished, it reserves one
/// agent_request and `reserve_tokens` of hard limits. A retry with the idempotency key returns the
/// id of the first request. Callable by users and services. Errors: 22023 (invalid argument), 28000
/// (no user is set), 54000 (content larger than 4 MiB), PT402 (hard limit reached), PT404 (no such
/// session), PT409 (key used with other arguments).
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

/// Locks the caller's session until the request is inserted. Fails with PT404 if there is none.
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

/// Inserts a request. None: its idempotency key is taken.
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

/// Cancels a request and returns its status.
///
/// A request that no worker holds is cancelled at once. Otherwise the worker is told at its next
/// heartbeat. A cancelled request stays unchanged. Callable by users for their own requests and by
/// services for any. Errors: PT404 (no such request), PT409 (completed or failed).
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

/// Requeues a failed or cancelled request with all its attempts, and returns its status.
///
/// It reserves its share of hard limits again. A pending request stays unchanged. Callable by users
/// for their own requests and by services for any. Errors: PT402 (hard limit reached), PT404 (no
/// such request), PT409 (processing or completed).
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

/// Locks a request, of the caller or, for services, of any user, and changes it. Returns its
/// status.
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

/// Returns the state that an operation leads to. Fails with PT409 if the state does not allow the
/// operation.
fn next_state(id: Uuid, state: State, operation: Operation, done: &str) -> Result<State> {
    state.after(operation).ok_or_else(|| {
        Error::new(SqlState::Conflict, format!("request {id} is {state} and can't be {done}"))
    })
}

/// Deletes one batch of old requests. Arguments: age, most rows, completed_at and id of the last
/// request seen. Returns the number seen, the number deleted, and the last one seen.
fn purge(db: &Db, args: &[Arg; 4]) -> Result<(i64, i64, Option<(TimestampWithTimeZone, Uuid)>)> {
    let purged = db.first(include_str!("../../sql/agents/purge_requests.sql"), args, |row| {
        Ok((row.need(1)?, row.need(2)?, row.get(3).zip(row.get(4))))
    })?;
    Ok(purged.unwrap_or_default())
}

/// Deletes up to `max_rows` requests that finished longer ago than `older_than`, oldest first, and
/// returns their number.
///
/// Requests and sessions locked by others are skipped. Usage that the requests recorded stays.
/// Callable by services. Errors: 22023 (negative or null argument).
#[pg_extern(volatile, parallel_unsafe)]
fn purge_requests(
    older_than: default!(Option<Interval>, "'30 days'"),
    max_rows: default!(Option<i32>, "10000"),
) -> i64 {
    guard(|| {
        access::require_service("purge_requests")?;
        let older_than = given("older_than", older_than)?;
        let max_rows = given("max_rows", max_rows)?;
        if calendar::micros(&older_than) < 0 || older_than.months() < 0 {
            return Err(invalid_argument("older_than must not be negative"));
        }
        if max_rows < 0 {
            return Err(invalid_argument(format!("max_rows must be from 0: {max_rows}")));
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
                // Continues after requests of locked sessions: they must not block the rest.
                match last.filter(|_| seen == batch && deleted < seen) {
                    Some(last) => after = Some(last),
                    None => break,
                }
            }
            Ok(removed)
        })
    })
}
