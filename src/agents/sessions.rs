//! Operations on sessions. [`super::chains`] maintains the chains of their requests.

use super::no_request;
use crate::documents::encoding_named;
use crate::identity;
use crate::lease_arguments::{given, invalid_argument};
use crate::pg::error::{Error, Result, SqlState, check_for_interrupts, guard};
use crate::pg::single_row;
use crate::pg::spi::{self, Access, Db};
use crate::pg::trigger::{self, Returned};
use crate::pg::values::Jsonb;
use crate::users;
use carrel_core::chunking::{Encoding, count_tokens};
use carrel_core::merge_patch;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::ffi::CStr;

/// Creates a session of the caller and returns its id.
///
/// Callable by users and services. Errors: 22023 (title is blank, or context_state is no JSON
/// object), 28000 (no user is set), 54000 (title or state too large).
#[pg_extern(volatile, parallel_unsafe)]
fn create_session(
    title: default!(Option<&str>, "null"),
    context_state: default!(Option<Jsonb>, "'{}'"),
) -> Uuid {
    guard(|| {
        identity::require()?;
        let state = given("context_state", context_state)?;
        spi::as_caller(Access::Write, |db| {
            db.value(
                "insert into carrel.agent_sessions (title, context_state) values ($1, $2) returning id",
                &[title.into(), state.into()],
            )
        })
    })
}

/// Maximum sizes of columns in bytes.
const MAX_BYTES: [(&CStr, usize); 2] = [(c"title", 4096), (c"context_state", 4 << 20)];

/// Trigger BEFORE INSERT OR UPDATE of agent_sessions: checks owner, title and state.
///
/// Errors: 22023 (blank title, or a state that is no object), 28000 (no user is set), 54000 (title
/// or state too large), P0002 (user without a profile).
#[pg_trigger]
fn prepare_session<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring()? {
            return Ok(());
        }
        users::require_owner(row)?;
        row.need_text(&[c"title"])?;
        row.need_at_most(&MAX_BYTES)?;
        row.need_object(&[c"context_state"])
    })
}

/// Trigger BEFORE UPDATE of agent_sessions: `version` counts the changes of context_state.
#[pg_trigger]
fn count_session_version<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        let is_restored = trigger::restoring()?;
        let Some(old) = row.old.filter(|_| !is_restored) else { return Ok(()) };
        let version: i64 = old.need(c"version")?;
        let counted = version.saturating_add(row.changes(c"context_state")?.into());
        // Setting a column copies the row, which a long chain makes large.
        if row.new.need::<i64>(c"version")? != counted {
            row.set(c"version", counted);
        }
        Ok(())
    })
}

/// Appends a request of the caller that is in no session to a session of the caller.
///
/// Does nothing if the request is already in it. Callable by users and services. Errors: 28000 (no
/// user is set), PT404 (no such session or request), PT409 (request is in another session).
#[pg_extern(volatile, parallel_unsafe)]
fn append_to_session(session_id: Option<Uuid>, request_id: Option<Uuid>) {
    guard(|| {
        let user = identity::require()?;
        let session = given("session_id", session_id)?;
        let request = given("request_id", request_id)?;
        spi::as_owner_now(|db| {
            let exists = "select from carrel.agent_sessions where id = $1 and user_id = $2";
            if db.execute(exists, &[session.into(), user.into()])? == 0 {
                return Err(no_session(session));
            }
            // Locks the request before the session, as deleting a request does.
            let before = db.first(
                "select session_id from carrel.agent_requests where id = $1 and user_id = $2 for no key update",
                &[request.into(), user.into()],
                |row| Ok(row.get::<Uuid>(1)),
            )?;
            match before.ok_or_else(|| no_request(request))? {
                None => {
                    lock_session(db, user, session)?;
                    db.execute(
                        "update carrel.agent_requests set session_id = $2 where id = $1",
                        &[request.into(), session.into()],
                    )
                    .map(|_| ())
                }
                Some(before) if before == session => Ok(()),
                Some(before) => Err(Error::new(
                    SqlState::Conflict,
                    format!("request {request} is in session {before} already"),
                )),
            }
        })
    })
}

/// Locks a session of a user and returns its version.
fn lock_session(db: &Db, user: Uuid, session: Uuid) -> Result<i64> {
    let version = db.first(
        "select version from carrel.agent_sessions where id = $1 and user_id = $2 for no key update",
        &[session.into(), user.into()],
        |row| row.need(1),
    )?;
    version.ok_or_else(|| no_session(session))
}

pub(super) fn no_session(id: Uuid) -> Error {
    Error::not_found("session", id)
}

/// Applies a JSON merge patch (RFC 7396) to the state of the caller's session, and returns version
/// and state.
///
/// Members of the patch replace members of the state, recursively for objects; null removes a
/// member. Each change increments the version. With `expected_version`, fails if the session has
/// another version. Callable by users and services. Errors: 22023 (patch is no object, or nested
/// deeper than 256), 28000 (no user is set), 54000 (state larger than 4 MiB), PT404 (no such session),
/// PT409 (version differs).
#[pg_extern(volatile, parallel_unsafe)]
fn patch_session_state(
    session_id: Option<Uuid>,
    patch: Option<Jsonb>,
    expected_version: default!(Option<i64>, "null"),
) -> single_row::TableIterator<'static, (name!(version, i64), name!(context_state, Jsonb))> {
    let row = guard(|| {
        let user = identity::require()?;
        let session = given("session_id", session_id)?;
        let patch = given("patch", patch)?;
        patch.need_object("patch")?;
        spi::as_owner_now(|db| {
            let version = lock_session(db, user, session)?;
            if expected_version.is_some_and(|expected| expected != version) {
                return Err(Error::new(
                    SqlState::Conflict,
                    format!("session {session} has changed: its version is {version}"),
                )
                .detail(format!("Expected: {}.", expected_version.unwrap_or_default()))
                .hint("Read it again, and patch what is there now."));
            }
            let state: Jsonb = db.value(
                "select context_state from carrel.agent_sessions where id = $1",
                &[session.into()],
            )?;
            let merged =
                merge_patch::merge(&state.to_text()?, &patch.to_text()?, check_for_interrupts)
                    .map_err(|refused| invalid_argument(refused.to_string()))?;
            let changed = db.first(
                "update carrel.agent_sessions set context_state = $2::jsonb where id = $1
                returning version, context_state",
                &[session.into(), merged.into()],
                |row| Ok((row.need(1)?, row.need(2)?)),
            )?;
            changed.ok_or_else(|| no_session(session))
        })
    });
    single_row::TableIterator::once(row)
}

/// Returns the latest requests of the caller's session with their results, oldest first.
///
/// At most `max_requests` requests, with at most `max_tokens` tokens of content and results
/// together, counted in `encoding`. Callable by users and services. Errors: 22023 (invalid
/// argument), 28000 (no user is set), PT404 (no such session).
#[pg_extern(stable, parallel_unsafe)]
fn session_history(
    session_id: Option<Uuid>,
    max_tokens: default!(Option<i32>, "null"),
    max_requests: default!(Option<i32>, "null"),
    encoding: default!(Option<&str>, "'cl100k'"),
) -> TableIterator<
    'static,
    (
        name!(request_id, Uuid),
        name!(agent_type, String),
        name!(status, String),
        name!(content, String),
        name!(results, Option<Jsonb>),
        name!(error, Option<Jsonb>),
        name!(tokens, i32),
        name!(created_at, TimestampWithTimeZone),
    ),
> {
    let rows = guard(|| {
        identity::require()?;
        let session = given("session_id", session_id)?;
        let encoding = encoding_named(encoding)?;
        let budget = HistoryBudget {
            tokens: checked_maximum("max_tokens", max_tokens)?,
            requests: checked_maximum("max_requests", max_requests)?,
        };
        spi::as_caller(Access::Read, |db| latest_requests(db, session, encoding, budget))
    });
    TableIterator::new(rows)
}

/// Row of session_history().
type HistoryRow =
    (Uuid, String, String, String, Option<Jsonb>, Option<Jsonb>, i32, TimestampWithTimeZone);

/// Tokens and requests that session_history() may still return.
struct HistoryBudget {
    tokens: usize,
    requests: usize,
}

/// Maximum given by an argument; null: no maximum. Fails with 22023 below 0.
fn checked_maximum(name: &str, maximum: Option<i32>) -> Result<usize> {
    match maximum {
        None => Ok(usize::MAX),
        Some(maximum) => usize::try_from(maximum)
            .map_err(|_| invalid_argument(format!("{name} must be from 0: {maximum}"))),
    }
}

/// Latest requests of a session within the budget, in the order of its chain.
fn latest_requests(
    db: &Db,
    session: Uuid,
    encoding: Encoding,
    mut budget: HistoryBudget,
) -> Result<Vec<HistoryRow>> {
    /// Requests read at once: first page, largest page.
    const PAGES: (usize, usize) = (4, 64);
    let chain: Option<Vec<Uuid>> =
        db.first(include_str!("../../sql/agents/session_chain.sql"), &[session.into()], |row| {
            row.need(1)
        })?;
    let chain = chain.ok_or_else(|| no_session(session))?;
    let mut latest = Vec::new();
    let (mut left, mut page_size) = (chain.as_slice(), PAGES.0);
    'pages: while !left.is_empty() {
        let (ids, rest) = left.split_at(left.len().min(page_size));
        (left, page_size) = (rest, (page_size * 2).min(PAGES.1));
        for (tokens, row) in history_page(db, ids, encoding)? {
            if tokens > budget.tokens || latest.len() >= budget.requests {
                break 'pages;
            }
            budget.tokens -= tokens;
            latest.push(row);
        }
    }
    latest.reverse();
    Ok(latest)
}

/// Requests with these ids, each with its tokens.
fn history_page(db: &Db, ids: &[Uuid], encoding: Encoding) -> Result<Vec<(usize, HistoryRow)>> {
    let page = include_str!("../../sql/agents/history_page.sql");
    db.rows(page, &[ids.to_vec().into()], |row| {
        let (content, results): (String, String) = (row.need(4)?, row.need(7)?);
        let tokens = count_tokens(&content, encoding, check_for_interrupts)
            + count_tokens(&results, encoding, check_for_interrupts);
        let row = (
            row.need(1)?,
            row.need(2)?,
            row.need(3)?,
            content,
            row.get(5),
            row.get(6),
            i32::try_from(tokens).unwrap_or(i32::MAX),
            row.need(8)?,
        );
        Ok((tokens, row))
    })
}

/// Creates a session of the caller as a copy of another, and returns its id.
///
/// Copies title, current state and finished requests, all or up to and including `up_to_request`.
/// Copied requests have no cost and reserve nothing. Callable by users and services. Errors: 28000
/// (no user is set), PT404 (no such session, or the request is not in it).
#[pg_extern(volatile, parallel_unsafe)]
fn fork_session(session_id: Option<Uuid>, up_to_request: default!(Option<Uuid>, "null")) -> Uuid {
    guard(|| {
        let user = identity::require()?;
        let session = given("session_id", session_id)?;
        spi::as_owner_now(|db| {
            lock_session(db, user, session)?;
            let last: Option<i64> = match up_to_request {
                None => Some(i64::MAX),
                Some(request) => db.first(
                    "select link.ordinal from carrel.agent_sessions as s
                    cross join lateral jsonb_array_elements(s.request_chain) with ordinality as link (id, ordinal)
                    where s.id = $1 and link.id = to_jsonb($2::uuid)",
                    &[session.into(), request.into()],
                    |row| row.need(1),
                )?,
            };
            let Some(last) = last else {
                return Err(no_request(up_to_request.unwrap_or(session))
                    .detail(format!("It is not in session {session}.")));
            };
            let fork: Uuid = db.value(
                "insert into carrel.agent_sessions (user_id, title, context_state)
                select user_id, title, context_state from carrel.agent_sessions where id = $1 returning id",
                &[session.into()],
            )?;
            let copies = db.rows(
                include_str!("../../sql/agents/copy_requests.sql"),
                &[session.into(), fork.into(), last.into()],
                |row| row.need::<Uuid>(1),
            )?;
            // Requests may have come into the session in another order than they were created.
            db.execute(
                "update carrel.agent_sessions set request_chain = to_jsonb($2::uuid[]) where id = $1",
                &[fork.into(), copies.into()],
            )?;
            Ok(fork)
        })
    })
}
