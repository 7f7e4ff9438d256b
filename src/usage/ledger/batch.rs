//! Recording many events in one statement.

use super::events::Event;
use super::insert::{Entry, insert_many};
use super::retries::first_with_key;
use crate::access;
use crate::pg::error::{Error, Result, SqlState, check_for_interrupts, guard};
use crate::pg::spi::{Db, as_owner_now};
use crate::pg::values::{Jsonb, Numeric, ShapeError};
use crate::usage::accounts::Accounts;
use crate::usage::callers::Caller;
use crate::users;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::collections::BTreeSet;

/// Records many usage events: an array of objects whose fields are the arguments of record_usage().
///
/// Returns one row for each event, in order. If one event fails, none is recorded. Callers as for
/// record_usage(). Errors: those of record_usage(), 22023 (not an array of objects, unknown field).
#[pg_extern(volatile, parallel_unsafe)]
fn record_usage_batch(
    events: Option<Jsonb>,
) -> TableIterator<'static, (name!(event_id, Uuid), name!(duplicate, bool))> {
    let rows = guard(|| {
        access::require_metering("record_usage_batch")?;
        let events = events.ok_or_else(|| bad("events must not be null".to_owned()))?;
        let caller = Caller::now()?;
        as_owner_now(|db| record_many(&read(db, events)?, &caller))
    });
    TableIterator::new(rows)
}

/// Element of a batch: the arguments of record_usage().
struct Element {
    event_type: Option<String>,
    tokens_used: Option<i64>,
    cost: Option<Numeric>,
    metadata: Option<Jsonb>,
    idempotency_key: Option<String>,
    occurred_at: Option<TimestampWithTimeZone>,
    model: Option<String>,
    token_types: Option<Jsonb>,
    user_id: Option<Uuid>,
}

impl Element {
    fn event(&self) -> Event<'_> {
        Event {
            event_type: self.event_type.as_deref(),
            tokens_used: self.tokens_used,
            cost: self.cost,
            metadata: self.metadata,
            idempotency_key: self.idempotency_key.as_deref(),
            occurred_at: self.occurred_at,
            model: self.model.as_deref(),
            token_types: self.token_types,
            attempt: None,
        }
    }
}

const FIELDS: [&str; 9] = [
    "event_type",
    "tokens_used",
    "cost",
    "metadata",
    "idempotency_key",
    "occurred_at",
    "model",
    "token_types",
    "user_id",
];

/// Reads the elements of a batch. Refuses unknown fields: ignoring a misspelt one would lose its
/// value.
fn read(db: &Db, events: Jsonb) -> Result<Vec<Element>> {
    match events.shape_error(&FIELDS)? {
        None => {}
        Some(ShapeError::NotArray) => {
            return Err(bad("events must be an array of objects".to_owned()));
        }
        Some(ShapeError::NotObject(number)) => {
            return Err(bad(format!("event {number} of the batch is no object")));
        }
        Some(ShapeError::UnknownField(number, field)) => {
            return Err(bad(format!(
                "event {number} of the batch has an unknown field \"{field}\""
            )));
        }
    }
    db.rows(include_str!("../../../sql/usage/batch_events.sql"), &[events.into()], |row| {
        check_for_interrupts();
        Ok(Element {
            event_type: row.get(1),
            tokens_used: row.get(2),
            cost: row.get(3),
            metadata: row.get(4),
            idempotency_key: row.get(5),
            occurred_at: row.get(6),
            model: row.get(7),
            token_types: row.get(8),
            user_id: row.get(9),
        })
    })
}

/// Records a batch. Returns the id of each event, and true for duplicates, in order.
fn record_many(elements: &[Element], caller: &Caller) -> Result<Vec<(Uuid, bool)>> {
    let events: Vec<Event> = elements.iter().map(Element::event).collect();
    let mut entries: Vec<(usize, Entry)> = Vec::with_capacity(events.len());
    let mut late: Vec<(usize, Entry)> = Vec::new();
    let mut unpriced = BTreeSet::new();
    for (number, event) in events.iter().enumerate() {
        check_for_interrupts();
        let entry = || {
            let user = caller.recording_user(elements[number].user_id)?;
            let (entry, is_priced) = event.entry(user)?;
            Ok((entry.is_late()?, entry, is_priced))
        };
        let (is_late, entry, is_priced) = entry().map_err(|error| of_batch(error, number))?;
        if !is_priced {
            unpriced.extend(event.model);
        }
        if is_late {
            late.push((number, entry))
        } else {
            entries.push((number, entry))
        };
    }
    // One order for all batches, so that batches with common users and keys do not deadlock.
    entries.sort_unstable_by(|one, other| {
        check_for_interrupts();
        order(one).cmp(&order(other))
    });
    let users: BTreeSet<[u8; 16]> = entries.iter().map(|(_, e)| *e.user.as_bytes()).collect();
    let users: Vec<Uuid> = users.into_iter().map(Uuid::from_bytes).collect();
    let accounts = Accounts::hold(&users)?;
    let absent = entries.iter().filter(|(_, entry)| accounts.get(entry.user).is_none());
    if let Some((number, entry)) = absent.min_by_key(|(number, _)| number) {
        return Err(of_batch(users::no_profile(entry.user), *number));
    }
    let (numbers, entries): (Vec<usize>, Vec<Entry>) = entries.into_iter().unzip();
    let are_new = insert_many(&accounts, &entries)?;
    let mut recorded = vec![None; elements.len()];
    for ((number, entry), is_new) in numbers.into_iter().zip(&entries).zip(are_new) {
        recorded[number] = Some(match is_new {
            true => (entry.id, false),
            false => (first_with_key(entry)?, true),
        });
    }
    for (number, entry) in &late {
        recorded[*number] = Some((first_with_key(entry)?, true));
    }
    for model in unpriced {
        warning!("no price of model \"{model}\" for all of its tokens: recorded at cost 0");
    }
    Ok(recorded.into_iter().flatten().collect())
}

/// Sort key of a batch's entries: user, idempotency key, number in the batch.
fn order<'a>((number, entry): &'a (usize, Entry)) -> (&'a [u8; 16], Option<&'a str>, usize) {
    (entry.user.as_bytes(), entry.idempotency_key, *number)
}

/// Names the event of the batch that an error is about.
fn of_batch(error: Error, number: usize) -> Error {
    error.about(format!("event {number} of the batch"))
}

fn bad(message: String) -> Error {
    Error::new(SqlState::InvalidParameterValue, message)
}
