//! Inserting events: without a statement where the table is as carrel made it, else by one, whose trigger
//! counts them. What follows from an event is the same either way ([`event_trigger::count`]).

use super::accounts::{self, Accounts, Fact};
use super::limit_status::Standings;
use super::reckoning;
use super::{event_trigger, usage_count};
use crate::pg::clock;
use crate::pg::error::{Error, Result};
use crate::pg::heap::{Sink, Upheld};
use crate::pg::spi::{Arg, Db};
use crate::pg::values::{Jsonb, Numeric};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::ffi::CStr;

/// An event to be inserted, of which everything is checked but whether the user has a profile.
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

/// The table, with what is done here besides: the profile is held as its foreign key would, the cost is
/// checked, and what the triggers would count is counted.
const EVENTS: Sink = Sink {
    table: c"usage_events",
    upheld: Upheld {
        triggers: &[c"usage_events_prepare", c"usage_events_count", COUNTS_AT_COMMIT],
        checks: &[c"usage_events_cost_check"],
        reference: Some(accounts::OF_PROFILE),
    },
    key: c"usage_events_user_id_idempotency_key_idx",
};
const COUNTS_AT_COMMIT: &CStr = c"usage_events_count_requests_of_others";

impl Entry<'_> {
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

    fn fact(&self) -> Fact {
        let mut fact = Fact::of(self.user, self.event_type.to_owned(), self.at);
        fact.model = self.model.unwrap_or_default().to_owned();
        (fact.events, fact.tokens, fact.cost) = (1, self.tokens.into(), Some(self.cost));
        fact
    }
}

/// Inserts an event, which is refused beyond a hard limit if that is asked for: PT402. Whether it is there
/// now (not where its key is another one's), and how the limits stand that it falls under. A user
/// without a profile: P0002.
pub fn insert(entry: &Entry, is_enforced: bool) -> Result<(bool, Option<Standings>)> {
    let accounts = Accounts::hold_one(entry.user)?;
    let entries = std::slice::from_ref(entry);
    match insert_directly(&accounts, entries, Some(is_enforced))? {
        Some((are_there, standings)) => Ok((are_there == [true], standings)),
        None => event_trigger::counted(entry.id, is_enforced, || insert_by_statement(entry)),
    }
}

/// Inserts events of users whose profiles are held, none of which is refused for a limit; whether each is
/// there now.
pub fn insert_many(accounts: &Accounts, entries: &[Entry]) -> Result<Vec<bool>> {
    match insert_directly(accounts, entries, None)? {
        Some((are_there, _)) => Ok(are_there),
        None => entries.iter().map(insert_by_statement).collect(),
    }
}

type Inserted = (Vec<bool>, Option<Standings>);

/// None where statements have to do it.
fn insert_directly(
    accounts: &Accounts,
    entries: &[Entry],
    wanted: Option<bool>,
) -> Result<Option<Inserted>> {
    let has_keys = entries.iter().any(|entry| entry.idempotency_key.is_some());
    let inserted = EVENTS.insert(COLUMNS, has_keys, |rows| {
        let mut are_there = Vec::with_capacity(entries.len());
        for entry in entries {
            let is_there = rows.add(entry.values()?, entry.idempotency_key.is_some())?;
            if is_there && usage_count::is_counted_at_commit(entry.user, entry.event_type) {
                rows.fire(COUNTS_AT_COMMIT)?;
            }
            are_there.push(is_there);
        }
        Ok(are_there)
    })?;
    let Some(are_there) = inserted else { return Ok(None) };
    let new = entries.iter().zip(&are_there).filter(|(_, is_there)| **is_there);
    let facts: Vec<Fact> = new.map(|(entry, _)| entry.fact()).collect();
    if facts.is_empty() {
        return Ok(Some((are_there, None)));
    }
    let standings = event_trigger::count(accounts, &facts, wanted)?;
    Ok(Some((are_there, standings)))
}

fn insert_by_statement(entry: &Entry) -> Result<bool> {
    macro_rules! insert {
        () => {
            "insert into carrel.usage_events
                (id, user_id, event_type, tokens_used, cost, metadata, idempotency_key, occurred_at, model,
                    token_types, payload_hash, request_id, voids, created_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
        };
    }
    let values = entry.values()?;
    let inserted = reckoning(|db: &Db| {
        match entry.idempotency_key {
        None => db.execute(insert!(), &values),
        Some(_) => db.execute(
            concat!(
                insert!(),
                " on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing"
            ),
            &values,
        ),
    }
    });
    match inserted {
        Ok(count) => Ok(count > 0),
        // What carrel's own triggers raise needs no statement of carrel's beside it.
        Err(error) => Err(Error::without_context(error)),
    }
}
