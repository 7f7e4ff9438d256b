//! Recording many events in one statement.

use super::accounts::Accounts;
use super::events::{Event, first_with_key};
use super::ledger::{self, Entry};
use super::{Caller, reckoning};
use crate::access;
use crate::pg::error::{Error, Result, SqlState, check_for_interrupts, guard};
use crate::pg::spi::Db;
use crate::pg::values::{Jsonb, Numeric, Oddity};
use crate::users;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::collections::BTreeSet;

/// Records many events at once: an array of objects whose fields are the arguments of record_usage(). Each
/// is what record_usage() would make of it; a row for each, in their order. Nothing is recorded where one
/// of them is an error.
#[pg_extern(volatile, parallel_unsafe)]
fn record_usage_batch(
    events: Option<Jsonb>,
) -> TableIterator<'static, (name!(event_id, Uuid), name!(duplicate, bool))> {
    let rows = guard(|| {
        access::require_metering("record_usage_batch")?;
        let events = events.ok_or_else(|| bad("events must not be null".to_owned()))?;
        let caller = Caller::now()?;
        reckoning(|db| record_many(&read(db, events)?, &caller))
    });
    TableIterator::new(rows)
}

/// An element of a batch, as it is given.
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

/// The elements of a batch. Fields that no event has are mistakes: what they were meant to say would be
/// lost.
fn read(db: &Db, events: Jsonb) -> Result<Vec<Element>> {
    match events.oddity(&FIELDS)? {
        None => {}
        Some(Oddity::NoArray) => return Err(bad("events must be an array of objects".to_owned())),
        Some(Oddity::NoObject(place)) => {
            return Err(bad(format!("event {place} of the batch is no object")));
        }
        Some(Oddity::Field(place, field)) => {
            return Err(bad(format!(
                "event {place} of the batch has an unknown field \"{field}\""
            )));
        }
    }
    db.rows(
        "select event_type, tokens_used, cost, coalesce(metadata, '{}'), idempotency_key, occurred_at, model,
            token_types, user_id
        from jsonb_to_recordset($1::jsonb) as e (
            event_type text, tokens_used bigint, cost numeric, metadata jsonb, idempotency_key text,
            occurred_at timestamptz, model text, token_types jsonb, user_id uuid
        )",
        &[events.into()],
        |row| {
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
        },
    )
}

/// Records a batch; ids and whether they were there before, in order.
fn record_many(elements: &[Element], caller: &Caller) -> Result<Vec<(Uuid, bool)>> {
    let events: Vec<Event> = elements.iter().map(Element::event).collect();
    let mut entries: Vec<(usize, Entry)> = Vec::with_capacity(events.len());
    let mut late: Vec<(usize, Entry)> = Vec::new();
    let mut unpriced = BTreeSet::new();
    for (place, event) in events.iter().enumerate() {
        check_for_interrupts();
        let entry = || {
            let user = caller.whose(elements[place].user_id)?;
            let (entry, is_priced) = event.entry(user)?;
            Ok((entry.is_late()?, entry, is_priced))
        };
        let (is_late, entry, is_priced) = entry().map_err(|error| of_batch(error, place))?;
        if !is_priced {
            unpriced.extend(event.model);
        }
        if is_late {
            late.push((place, entry))
        } else {
            entries.push((place, entry))
        };
    }
    // In one order, so that batches that have users and keys in common don't wait for each other in a
    // circle.
    entries.sort_unstable_by(|one, other| {
        check_for_interrupts();
        order(one).cmp(&order(other))
    });
    let users: BTreeSet<[u8; 16]> = entries.iter().map(|(_, e)| *e.user.as_bytes()).collect();
    let users: Vec<Uuid> = users.into_iter().map(Uuid::from_bytes).collect();
    let accounts = Accounts::hold(&users)?;
    let absent = entries.iter().filter(|(_, entry)| accounts.get(entry.user).is_none());
    if let Some((place, entry)) = absent.min_by_key(|(place, _)| place) {
        return Err(of_batch(users::no_profile(entry.user), *place));
    }
    let (places, entries): (Vec<usize>, Vec<Entry>) = entries.into_iter().unzip();
    let are_new = ledger::insert_many(&accounts, &entries)?;
    let mut recorded = vec![None; elements.len()];
    for ((place, entry), is_new) in places.into_iter().zip(&entries).zip(are_new) {
        recorded[place] = Some(match is_new {
            true => (entry.id, false),
            false => (first_with_key(entry)?, true),
        });
    }
    for (place, entry) in &late {
        recorded[*place] = Some((first_with_key(entry)?, true));
    }
    for model in unpriced {
        warning!("no price of model \"{model}\" for all of its tokens: recorded at cost 0");
    }
    Ok(recorded.into_iter().flatten().collect())
}

/// What the entries of a batch are sorted by: user, key, and place in it.
fn order<'a>((place, entry): &'a (usize, Entry)) -> (&'a [u8; 16], Option<&'a str>, usize) {
    (entry.user.as_bytes(), entry.idempotency_key, *place)
}

fn of_batch(error: Error, place: usize) -> Error {
    error.about(format!("event {place} of the batch"))
}

fn bad(message: String) -> Error {
    Error::new(SqlState::InvalidParameterValue, message)
}
