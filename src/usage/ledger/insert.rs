//! Inserting events: directly if the table has only carrel's own triggers and checks, else by a
//! statement, whose trigger counts them. Both paths count by [`counting::add_to_totals`].

use super::counting;
use crate::pg::clock;
use crate::pg::error::{Error, Result};
use crate::pg::heap::{DirectInsert, HandledByCaller};
use crate::pg::spi::{Arg, as_owner_now};
use crate::pg::values::{Jsonb, Numeric};
use crate::usage::accounts::Accounts;
use crate::usage::amounts::{OF_PROFILE, UsageDelta};
use crate::usage::limits::limit_status::LimitWindows;
use crate::usage::totals::usage_count;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::ffi::CStr;

/// Event to insert. Its fields are checked, except that the user has a profile.
pub struct Entry<'a> {
    pub id: Uuid,
    pub user: Uuid,
    pub event_type: &'a str,
    pub tokens: i64,
    pub cost: Numeric,
    pub metadata: Option<Jsonb>,
    pub idempotency_key: Option<&'a str>,
    pub at: TimestampWithTimeZone,
    pub model: Option<&'a str>,
    pub token_types: Option<Jsonb>,
    pub payload_hash: Option<Vec<u8>>,
    pub request_id: Option<Uuid>,
}

const COLUMNS: [&CStr; 14] = [
    c"id",
    c"user_id",
    c"event_type",
    c"tokens_used",
    c"cost",
    c"metadata",
    c"idempotency_key",
    c"occurred_at",
    c"model",
    c"token_types",
    c"payload_hash",
    c"request_id",
    c"voids",
    c"created_at",
];

/// Direct insert. Does the work of the table's own triggers, check and foreign key: locks the
/// profile, checks the cost and counts the events.
const EVENTS: DirectInsert = DirectInsert {
    table: c"usage_events",
    handled: HandledByCaller {
        triggers: &[c"usage_events_prepare", c"usage_events_count", COUNTS_AT_COMMIT],
        checks: &[c"usage_events_cost_check"],
        reference: Some(OF_PROFILE),
    },
    key: c"usage_events_user_id_idempotency_key_idx",
};
const COUNTS_AT_COMMIT: &CStr = c"usage_events_count_requests_of_others";

impl Entry<'_> {
    /// Column values, in the order of [`COLUMNS`].
    fn values(&self) -> Result<[Arg; 14]> {
        Ok([
            self.id.into(),
            self.user.into(),
            self.event_type.into(),
            self.tokens.into(),
            self.cost.into(),
            self.metadata.map_or_else(Jsonb::empty_object, Ok)?.into(),
            self.idempotency_key.into(),
            self.at.into(),
            self.model.into(),
            self.token_types.into(),
            self.payload_hash.clone().into(),
            self.request_id.into(),
            None::<Uuid>.into(),
            clock::now()?.into(),
        ])
    }

    fn delta(&self) -> UsageDelta {
        let mut delta = UsageDelta::zero(self.user, self.event_type.to_owned(), self.at);
        delta.model = self.model.unwrap_or_default().to_owned();
        (delta.events, delta.tokens, delta.cost) = (1, self.tokens.into(), Some(self.cost));
        delta
    }
}

/// Inserts an event; with `is_enforced`, fails with PT402 beyond a hard limit.
///
/// Returns true if it was inserted, false if another event has its key, and the windows of its
/// limits. Fails with P0002 if the user has no profile.
pub fn insert(entry: &Entry, is_enforced: bool) -> Result<(bool, Option<LimitWindows>)> {
    let accounts = Accounts::hold_one(entry.user)?;
    let entries = std::slice::from_ref(entry);
    match insert_directly(&accounts, entries, Some(is_enforced))? {
        Some((are_new, windows)) => Ok((are_new == [true], windows)),
        None => counting::insert_and_count(entry.id, is_enforced, || insert_by_statement(entry)),
    }
}

/// Inserts events whose users' profiles are locked ([`Accounts::hold`]), without enforcing limits.
/// Returns true for each that was inserted.
pub fn insert_many(accounts: &Accounts, entries: &[Entry]) -> Result<Vec<bool>> {
    match insert_directly(accounts, entries, None)? {
        Some((are_new, _)) => Ok(are_new),
        None => entries.iter().map(insert_by_statement).collect(),
    }
}

/// True for each event that was inserted, and the windows of the limits of a single one.
type Inserted = (Vec<bool>, Option<LimitWindows>);

/// Inserts events without a statement. Returns None if a statement has to do it.
fn insert_directly(
    accounts: &Accounts,
    entries: &[Entry],
    wanted: Option<bool>,
) -> Result<Option<Inserted>> {
    let has_keys = entries.iter().any(|entry| entry.idempotency_key.is_some());
    let inserted = EVENTS.insert(COLUMNS, has_keys, |rows| {
        let mut are_new = Vec::with_capacity(entries.len());
        for entry in entries {
            let is_new = rows.add(entry.values()?, entry.idempotency_key.is_some())?;
            if is_new && usage_count::is_counted_at_commit(entry.user, entry.event_type) {
                rows.fire(COUNTS_AT_COMMIT)?;
            }
            are_new.push(is_new);
        }
        Ok(are_new)
    })?;
    let Some(are_new) = inserted else { return Ok(None) };
    let new = entries.iter().zip(&are_new).filter(|(_, is_new)| **is_new);
    let deltas: Vec<UsageDelta> = new.map(|(entry, _)| entry.delta()).collect();
    if deltas.is_empty() {
        return Ok(Some((are_new, None)));
    }
    let windows = counting::add_to_totals(accounts, &deltas, wanted)?;
    Ok(Some((are_new, windows)))
}

/// Inserts an event by a statement. Returns false if another event has its key.
fn insert_by_statement(entry: &Entry) -> Result<bool> {
    const INSERT: &str = include_str!("../../../sql/usage/insert_event.sql");
    const INSERT_ONCE: &str = include_str!("../../../sql/usage/insert_event_once.sql");
    let values = entry.values()?;
    let insert = if entry.idempotency_key.is_some() { INSERT_ONCE } else { INSERT };
    let inserted = as_owner_now(|db| db.execute(insert, &values));
    match inserted {
        Ok(count) => Ok(count > 0),
        // Errors of carrel's own triggers do not need carrel's own statement as context.
        Err(error) => Err(Error::without_context(error)),
    }
}
