//! What workers say of the requests that they hold: that they are at it, that one is done, that one failed.
//!
//! Each shows the token of its lease; who lost it changes nothing and bills nothing (PT409). What an attempt
//! used is recorded in the statement that says how it ended, as an event whose id is the lease's token: an
//! attempt is billed once.

use super::no_request;
use crate::access;
use crate::lease_arguments::{bad, checked_lease, given};
use crate::periods;
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

/// The type of the event that a failed attempt is billed by, which another attempt follows.
const AGENT_ATTEMPT: &str = "agent_attempt";

/// Says that a worker is still at a request: its lease ends `extend` from now. Progress, from 0 to 1, never
/// goes back. Returns until when it is leased, and whether cancelling was asked for: then the worker is to
/// stop, and say so by fail_request(), with what was spent. The lease is lost: PT409; no such request: PT404.
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
            return Err(bad(format!("progress must be from 0 to 1: {progress}")));
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

/// Says that a request is done: writes its results, ends its lease and what it held, and records the event,
/// of type agent_request, that it is billed by, all at once or not at all. Never refused for a limit, nor
/// because cancelling was asked for: the work is done. Without a cost, it is what the tokens of the model
/// cost. The same again: the same event, with duplicate = true. The lease is lost, or it was completed
/// otherwise: PT409; no such request: PT404; bad amounts: 22023.
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

/// Says that an attempt failed, and what it spent, which is billed. Another one follows retry_after from now,
/// or after a wait that doubles with each attempt, by chance up to half as long; after the last one
/// the request has failed. If cancelling was asked for, it is cancelled. Returns the status, and when it
/// runs again. The same again: the same answer. The lease is lost, or it ended otherwise: PT409; no such
/// request: PT404; bad amounts: 22023.
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
            && (wait.months() < 0 || periods::micros(wait) < 0)
        {
            return Err(bad("retry_after must not be negative"));
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

/// The answer to a failure that is told again.
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

/// Whether an attempt used anything that is billed.
fn used_anything(event: &Event, user: Uuid) -> Result<bool> {
    let (entry, _) = event.entry(user)?;
    Ok(entry.tokens > 0 || entry.cost.compare(Numeric::zero()?)?.is_gt())
}

/// Whether an attempt is billed by such an event, or by none.
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

/// The error for a worker that does not hold a request: PT409, with who does since when, or PT404.
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
