//! Reports of workers on the requests that they hold: heartbeat, completion, failure.
//!
//! A report names the lease token. After the lease is lost, a report changes nothing and bills
//! nothing (PT409). The statement that ends an attempt also records its usage, as an event whose id
//! is the lease token: an attempt is billed once.

use super::no_request;
use crate::access;
use crate::calendar;
use crate::lease_arguments::{checked_lease, given, invalid_argument};
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::ids;
use crate::pg::single_row;
use crate::pg::spi::{self, Db};
use crate::pg::values::{Jsonb, Numeric};
use crate::usage::AGENT_REQUEST;
use crate::usage::events::{self, Attempt, Event};
use carrel_core::requests::{Operation, State, backoff};
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;

/// Type of the event of a failed attempt that another attempt follows.
const AGENT_ATTEMPT: &str = "agent_attempt";

/// Extends the lease of a request to `extend` from now, and reports progress.
///
/// Progress, 0 to 1, never decreases. Returns the end of the lease and `cancel_requested`: if true,
/// the worker should stop and call fail_request() with its usage. Callable by services. Errors:
/// 22023 (invalid argument), PT404 (no such request), PT409 (lease lost).
#[pg_extern(volatile, parallel_unsafe)]
fn heartbeat_request(
    request_id: Option<Uuid>,
    lease_token: Option<Uuid>,
    progress: default!(Option<f32>, "null"),
    extend: default!(Option<Interval>, "'30 seconds'"),
) -> single_row::TableIterator<
    'static,
    (name!(lease_expires_at, TimestampWithTimeZone), name!(cancel_requested, bool)),
> {
    let row = guard(|| {
        access::require_service("heartbeat_request")?;
        let attempt = attempt(request_id, lease_token)?;
        let extend = checked_lease("extend", extend)?;
        if let Some(progress) = progress
            && !(0.0..=1.0).contains(&progress)
        {
            return Err(invalid_argument(format!("progress must be from 0 to 1: {progress}")));
        }
        spi::as_owner_now(|db| {
            let leased = db.first(
                include_str!("../../sql/agents/heartbeat.sql"),
                &[
                    attempt.request.into(),
                    attempt.lease_token.into(),
                    extend.into(),
                    progress.into(),
                ],
                |row| Ok((row.need(1)?, row.need(2)?)),
            )?;
            leased.map_or_else(|| Err(lease_lost(db, attempt)?), Ok)
        })
    });
    single_row::TableIterator::once(row)
}

/// Completes a request: stores its results, ends its lease, releases its reservation and records an
/// event of type agent_request, in one transaction.
///
/// Limits and a requested cancellation do not refuse it: the work is done. Without `cost`, the cost
/// is computed from model and tokens. A retry with the arguments of the first call returns its
/// event with `duplicate` = true. Callable by services. Errors: 22023 (invalid amount), PT404 (no
/// such request), PT409 (lease lost, or completed with other arguments).
#[pg_extern(volatile, parallel_unsafe)]
fn complete_request(
    request_id: Option<Uuid>,
    lease_token: Option<Uuid>,
    results: Option<Jsonb>,
    tokens: default!(Option<i64>, "null"),
    cost: default!(Option<Numeric>, "null"),
    model: default!(Option<&str>, "null"),
    token_types: default!(Option<Jsonb>, "null"),
) -> single_row::TableIterator<'static, (name!(event_id, Uuid), name!(duplicate, bool))> {
    let row = guard(|| {
        access::require_service("complete_request")?;
        let attempt = attempt(request_id, lease_token)?;
        let event = attempt_event(attempt, AGENT_REQUEST, tokens, cost, model, token_types);
        event.check()?;
        spi::as_owner_now(|db| complete(db, attempt, results, &event))
    });
    single_row::TableIterator::once(row)
}

fn complete(
    db: &Db,
    attempt: Attempt,
    results: Option<Jsonb>,
    event: &Event,
) -> Result<(Uuid, bool)> {
    let user = db.first(
        include_str!("../../sql/agents/complete_request.sql"),
        &[
            attempt.request.into(),
            attempt.lease_token.into(),
            results.into(),
            event.tokens()?.into(),
        ],
        |row| row.need::<Uuid>(1),
    )?;
    if let Some(user) = user {
        return Ok((events::bill(user, event)?, false));
    }
    let is_same = db.first(
        "select results is not distinct from $3 from carrel.agent_requests
        where id = $1 and lease_token = $2 and status = 'completed'",
        &[attempt.request.into(), attempt.lease_token.into(), results.into()],
        |row| row.need::<bool>(1),
    )?;
    match is_same {
        None => Err(lease_lost(db, attempt)?),
        Some(true) if is_billed(db, attempt, Some(event))? => Ok((attempt.lease_token, true)),
        Some(_) => Err(already_ended(attempt)),
    }
}

/// Ends an attempt that failed, and records its usage.
///
/// The next attempt starts `retry_after` from now. By default the delay doubles with each attempt,
/// plus up to half of it at random. After the last attempt the request has failed. If cancellation
/// was requested, it is cancelled. Returns the status and the time of the next attempt. A retry
/// with the arguments of the first call returns the first result. Callable by services. Errors:
/// 22023 (invalid argument), PT404 (no such request), PT409 (lease lost, or ended with other
/// arguments).
#[pg_extern(volatile, parallel_unsafe)]
fn fail_request(
    request_id: Option<Uuid>,
    lease_token: Option<Uuid>,
    error: Option<Jsonb>,
    retry_after: default!(Option<Interval>, "null"),
    tokens: default!(Option<i64>, "null"),
    cost: default!(Option<Numeric>, "null"),
    model: default!(Option<&str>, "null"),
    token_types: default!(Option<Jsonb>, "null"),
) -> single_row::TableIterator<
    'static,
    (name!(status, String), name!(run_at, Option<TimestampWithTimeZone>)),
> {
    let row = guard(|| {
        access::require_service("fail_request")?;
        let attempt = attempt(request_id, lease_token)?;
        if let Some(wait) = &retry_after
            && (wait.months() < 0 || calendar::micros(wait) < 0)
        {
            return Err(invalid_argument("retry_after must not be negative"));
        }
        let event = attempt_event(attempt, AGENT_REQUEST, tokens, cost, model, token_types);
        event.check()?;
        spi::as_owner_now(|db| fail(db, attempt, error, retry_after, event))
    });
    single_row::TableIterator::once(row)
}

fn fail(
    db: &Db,
    attempt: Attempt,
    error: Option<Jsonb>,
    retry_after: Option<Interval>,
    mut event: Event,
) -> Result<(String, Option<TimestampWithTimeZone>)> {
    let (request, token) = (attempt.request.into(), attempt.lease_token.into());
    let held =
        db.first(include_str!("../../sql/agents/lock_attempt.sql"), &[request, token], |row| {
            Ok((row.need::<Uuid>(1)?, row.need::<i32>(2)?, row.need(3)?, row.need(4)?))
        })?;
    let Some((user, attempts, has_more, is_cancelled)) = held else {
        return repeated_failure(db, attempt, error, event);
    };
    let operation = match (is_cancelled, has_more) {
        (true, _) => Operation::Cancel,
        (_, true) => Operation::Requeue,
        _ => Operation::Fail,
    };
    let next = State::Processing.after(operation).unwrap_or(State::Failed);
    let wait = backoff(attempts, ids::random_number());
    if next == State::Pending {
        event.event_type = Some(AGENT_ATTEMPT);
    }
    let run_at = db.first(
        include_str!("../../sql/agents/end_attempt.sql"),
        &[
            request,
            token,
            next.name().into(),
            error.into(),
            event.tokens()?.into(),
            retry_after.into(),
            (wait as f64).into(),
        ],
        |row| Ok(row.get(1)),
    )?;
    if used_anything(&event, user)? {
        events::bill(user, &event)?;
    }
    Ok((next.name().to_owned(), run_at.flatten()))
}

/// Returns the result of a repeated fail_request(). Fails with PT409 if the arguments differ.
fn repeated_failure(
    db: &Db,
    attempt: Attempt,
    error: Option<Jsonb>,
    mut event: Event,
) -> Result<(String, Option<TimestampWithTimeZone>)> {
    let before = db.first(
        "select status, case when status = 'pending' then run_at end, error is not distinct from $3, user_id
        from carrel.agent_requests
        where id = $1 and lease_token = $2 and status in ('pending', 'failed', 'cancelled')",
        &[attempt.request.into(), attempt.lease_token.into(), error.into()],
        |row| Ok((row.need::<String>(1)?, row.get(2), row.need::<bool>(3)?, row.need(4)?)),
    )?;
    let Some((status, run_at, is_same, user)) = before else {
        return Err(lease_lost(db, attempt)?);
    };
    if status == "pending" {
        event.event_type = Some(AGENT_ATTEMPT);
    }
    let spent = if used_anything(&event, user)? { Some(&event) } else { None };
    match is_same && is_billed(db, attempt, spent)? {
        true => Ok((status, run_at)),
        false => Err(already_ended(attempt)),
    }
}

/// Tells if an attempt used anything that is billed.
fn used_anything(event: &Event, user: Uuid) -> Result<bool> {
    let (entry, _) = event.entry(user)?;
    Ok(entry.tokens > 0 || entry.cost.compare(Numeric::zero()?)?.is_gt())
}

/// Tells if an attempt is billed by this event, or, without an event, not billed.
fn is_billed(db: &Db, attempt: Attempt, event: Option<&Event>) -> Result<bool> {
    let first = db.first(
        "select payload_hash from carrel.usage_events where id = $1 and request_id = $2",
        &[attempt.lease_token.into(), attempt.request.into()],
        |row| Ok(row.get::<Vec<u8>>(1)),
    )?;
    Ok(first.flatten() == event.map(Event::payload_hash).transpose()?)
}

fn attempt_event<'a>(
    attempt: Attempt,
    event_type: &'a str,
    tokens: Option<i64>,
    cost: Option<Numeric>,
    model: Option<&'a str>,
    token_types: Option<Jsonb>,
) -> Event<'a> {
    Event {
        event_type: Some(event_type),
        tokens_used: tokens,
        cost,
        metadata: None,
        idempotency_key: None,
        occurred_at: None,
        model,
        token_types,
        attempt: Some(attempt),
    }
}

fn attempt(request_id: Option<Uuid>, lease_token: Option<Uuid>) -> Result<Attempt> {
    let request = given("request_id", request_id)?;
    Ok(Attempt { request, lease_token: given("lease_token", lease_token)? })
}

/// Error for a worker that does not hold the request: PT409 with the current holder, or PT404.
fn lease_lost(db: &Db, attempt: Attempt) -> Result<Error> {
    let id = attempt.request;
    let found =
        db.first(include_str!("../../sql/agents/lease_holder.sql"), &[id.into()], |row| {
            row.need::<String>(2)
        })?;
    Ok(match found {
        None => no_request(id),
        Some(detail) => Error::new(
            SqlState::Conflict,
            format!("request {id} is not leased by token {}", attempt.lease_token),
        )
        .detail(detail)
        .hint("Leave it: what this worker did counts no more."),
    })
}

fn already_ended(attempt: Attempt) -> Error {
    let message = format!("this attempt at request {} has ended otherwise before", attempt.request);
    Error::new(SqlState::Conflict, message)
        .hint("Say it again with the same arguments to ask for the same answer.")
}
