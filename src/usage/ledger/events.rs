//! Recording usage events: record_usage() and consume_usage().

use super::insert::{Entry, insert, insert_many};
use super::retries::first_with_key;
use crate::access;
use crate::idempotency;
use crate::pg::clock;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::ids::uuid_v7;
use crate::pg::single_row;
use crate::pg::spi::as_owner_now;
use crate::pg::trigger::{self, Returned};
use crate::pg::values::{Jsonb, Numeric};
use crate::usage::accounts::Accounts;
use crate::usage::amounts::{MOST, MOST_BYTES};
use crate::usage::callers::recording_user;
use crate::usage::limits::limit_status::{self, LimitStatus};
use crate::usage::prices;
use crate::users;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cmp::Ordering;

/// Arguments of record_usage(). Without a cost, it is computed from model and tokens.
#[derive(Default)]
pub struct Event<'a> {
    pub event_type: Option<&'a str>,
    pub tokens_used: Option<i64>,
    pub cost: Option<Numeric>,
    pub metadata: Option<Jsonb>,
    pub idempotency_key: Option<&'a str>,
    pub occurred_at: Option<TimestampWithTimeZone>,
    pub model: Option<&'a str>,
    pub token_types: Option<Jsonb>,
    /// Set if the event bills an agent request; not hashed.
    pub attempt: Option<Attempt>,
}

/// Attempt at an agent request. Its lease token is the id of the event, so it is billed once.
#[derive(Clone, Copy)]
pub struct Attempt {
    pub request: Uuid,
    pub lease_token: Uuid,
}

/// Event that is recorded, by this call or before.
pub struct Recorded {
    pub id: Uuid,
    pub is_duplicate: bool,
    pub status: LimitStatus,
}

/// Row of record_usage(): id, duplicate, and the status of the tightest limit.
type RecordedRow =
    (Uuid, bool, Option<Numeric>, Option<Numeric>, Option<Numeric>, Option<TimestampWithTimeZone>);

impl From<Recorded> for RecordedRow {
    fn from(recorded: Recorded) -> Self {
        let (used, limit, remaining, resets_at) = recorded.status;
        (recorded.id, recorded.is_duplicate, used, limit, remaining, resets_at)
    }
}

/// Returns the SHA-256 of the arguments of record_usage(), without null ones.
///
/// The hash depends neither on the time zone nor on the scale of the cost, so a retry always has the
/// hash of the first call.
#[pg_extern(immutable, parallel_safe)]
fn usage_payload_hash(
    event_type: Option<&str>,
    tokens_used: Option<i64>,
    cost: Option<Numeric>,
    metadata: Option<Jsonb>,
    occurred_at: Option<TimestampWithTimeZone>,
    model: Option<&str>,
    token_types: Option<Jsonb>,
) -> Vec<u8> {
    guard(|| {
        let amounts = Event::new(event_type, tokens_used, cost);
        Event { metadata, occurred_at, model, token_types, ..amounts }.payload_hash()
    })
}

/// Records a usage event, even beyond a hard limit. Returns its id and the status of its tightest limit.
///
/// A repeated idempotency key returns the first event with duplicate = true. Without `cost`, the
/// cost is computed from `model` and `token_types`. The last four columns are null without a limit.
/// Callable by services for the user they act as or name, and by users with self-metering. Errors:
/// PT409 (key used with other arguments), PT422 (time outside of the window), 22023 (bad argument),
/// P0002 (no profile).
#[pg_extern(volatile, parallel_unsafe)]
fn record_usage(
    event_type: Option<&str>,
    tokens_used: default!(Option<i64>, "null"),
    cost: default!(Option<Numeric>, "null"),
    metadata: default!(Option<Jsonb>, "'{}'"),
    idempotency_key: default!(Option<&str>, "null"),
    occurred_at: default!(Option<TimestampWithTimeZone>, "null"),
    model: default!(Option<&str>, "null"),
    token_types: default!(Option<Jsonb>, "null"),
    user_id: default!(Option<Uuid>, "null"),
) -> single_row::TableIterator<
    'static,
    (
        name!(event_id, Uuid),
        name!(duplicate, bool),
        name!(used, Option<Numeric>),
        name!(limit_value, Option<Numeric>),
        name!(remaining, Option<Numeric>),
        name!(resets_at, Option<TimestampWithTimeZone>),
    ),
> {
    let amounts = Event::new(event_type, tokens_used, cost);
    let event = Event { metadata, idempotency_key, occurred_at, model, token_types, ..amounts };
    single_row::TableIterator::once(recorded(user_id, &event, false))
}

/// Records a usage event if hard limits allow it, exactly under concurrency.
///
/// Held amounts are not available. Arguments, results and callers as for record_usage(). Errors:
/// PT402 (beyond a hard limit; used, held, limit and resets_at in DETAIL), and those of record_usage().
#[pg_extern(volatile, parallel_unsafe)]
fn consume_usage(
    event_type: Option<&str>,
    tokens_used: default!(Option<i64>, "null"),
    cost: default!(Option<Numeric>, "null"),
    metadata: default!(Option<Jsonb>, "'{}'"),
    idempotency_key: default!(Option<&str>, "null"),
    occurred_at: default!(Option<TimestampWithTimeZone>, "null"),
    model: default!(Option<&str>, "null"),
    token_types: default!(Option<Jsonb>, "null"),
    user_id: default!(Option<Uuid>, "null"),
) -> single_row::TableIterator<
    'static,
    (
        name!(event_id, Uuid),
        name!(duplicate, bool),
        name!(used, Option<Numeric>),
        name!(limit_value, Option<Numeric>),
        name!(remaining, Option<Numeric>),
        name!(resets_at, Option<TimestampWithTimeZone>),
    ),
> {
    let amounts = Event::new(event_type, tokens_used, cost);
    let event = Event { metadata, idempotency_key, occurred_at, model, token_types, ..amounts };
    single_row::TableIterator::once(recorded(user_id, &event, true))
}

/// Records an event for the caller or the user that a service names.
fn recorded(user_id: Option<Uuid>, event: &Event, is_enforced: bool) -> RecordedRow {
    guard(|| {
        access::require_metering(if is_enforced { "consume_usage" } else { "record_usage" })?;
        record(recording_user(user_id)?, event, is_enforced)
    })
    .into()
}

/// Records an event of a user; with `is_enforced`, fails with PT402 beyond a hard limit.
pub fn record(user: Uuid, event: &Event, is_enforced: bool) -> Result<Recorded> {
    let (entry, is_priced) = event.entry(user)?;
    let (is_new, windows) = match entry.is_late()? {
        true => (false, None),
        false => insert(&entry, is_enforced)?,
    };
    let id = match is_new {
        true => entry.id,
        false => first_with_key(&entry)?,
    };
    if is_new && !is_priced {
        warn_of_price(event);
    }
    let status = match windows {
        Some(windows) => windows.tightest(user)?,
        None => limit_status::now(user, entry.event_type, entry.at)?,
    };
    Ok(Recorded { id, is_duplicate: !is_new, status })
}

/// Records an event without an idempotency key, even beyond a hard limit. Returns its id.
pub fn bill(user: Uuid, event: &Event) -> Result<Uuid> {
    let (entry, is_priced) = event.entry(user)?;
    let accounts = Accounts::hold_one(user)?;
    insert_many(&accounts, std::slice::from_ref(&entry))?;
    if !is_priced {
        warn_of_price(event);
    }
    Ok(entry.id)
}

/// Warns that an event is recorded without a price.
fn warn_of_price(event: &Event) {
    let model = event.model.unwrap_or_default();
    warning!("no price of model \"{model}\" for all of its tokens: recorded at cost 0");
}

/// Maximum bytes of an event's metadata.
const MOST_METADATA: usize = 1 << 20;

/// Trigger BEFORE INSERT of usage_events: checks the owner and the size of an event.
///
/// Errors: 28000 (no identity), P0002 (no profile), 22023 (metadata is no object), 54000 (too
/// large). Amounts and times are checked when events are counted.
#[pg_trigger]
fn prepare_event<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring()? {
            return Ok(());
        }
        users::require_owner(row)?;
        row.need_object(&[c"metadata"])?;
        row.need_at_most(&[
            (c"event_type", MOST_BYTES),
            (c"model", MOST_BYTES),
            (c"metadata", MOST_METADATA),
        ])
    })
}

/// Checks an event type: 22023.
pub fn checked_type(event_type: Option<&str>) -> Result<&str> {
    let bad = |message: &str| Err(Error::new(SqlState::InvalidParameterValue, message));
    match event_type {
        None => bad("event_type must not be empty"),
        Some(name) if name.trim().is_empty() => bad("event_type must not be empty"),
        Some("*") => bad("event_type must not be *, which stands for all"),
        Some(name) if name.len() > MOST_BYTES => {
            bad("event_type must not be longer than 1000 bytes")
        }
        Some(name) => Ok(name),
    }
}

impl<'a> Event<'a> {
    /// Event of a type with amounts, and nothing else.
    pub fn new(
        event_type: Option<&'a str>,
        tokens_used: Option<i64>,
        cost: Option<Numeric>,
    ) -> Self {
        Self { event_type, tokens_used, cost, ..Self::default() }
    }
}

impl Event<'_> {
    /// Hashes the arguments: see [`usage_payload_hash`].
    pub fn payload_hash(&self) -> Result<Vec<u8>> {
        let text = |json: Option<Jsonb>| json.map(Jsonb::to_text).transpose();
        let cost = self.cost.map(|cost| cost.trimmed()?.to_text()).transpose()?;
        Ok(idempotency::hash([
            ("event_type", self.event_type.map(str::to_owned)),
            ("tokens_used", self.tokens_used.map(|tokens| tokens.to_string())),
            ("cost", cost),
            ("metadata", text(self.metadata)?.filter(|metadata| metadata != "{}")),
            ("occurred_at", self.occurred_at.map(|at| i64::from(at).to_string())),
            ("model", self.model.map(str::to_owned)),
            ("token_types", text(self.token_types)?),
        ]))
    }

    /// Checks the arguments: 22023. Returns the event type.
    pub fn check(&self) -> Result<&str> {
        let bad = |message: String| Err(Error::new(SqlState::InvalidParameterValue, message));
        let event_type = checked_type(self.event_type)?;
        if let Some(metadata) = self.metadata {
            metadata.need_object("metadata")?;
        }
        if self.idempotency_key == Some("") {
            return bad("idempotency_key must not be empty: leave it out for an event without one"
                .to_owned());
        }
        if let Some(tokens) = self.tokens_used {
            if tokens < 0 {
                return bad(format!("tokens_used must not be negative: {tokens}"));
            }
            if tokens > MOST {
                return bad(format!("tokens_used must be at most 10^15: {tokens}"));
            }
        }
        if let Some(cost) = self.cost {
            // NaN compares as greater than any number.
            if cost.compare(Numeric::zero()?)? == Ordering::Less
                || cost.compare(Numeric::from_whole(MOST)?)? == Ordering::Greater
            {
                let shown: String = cost.to_text()?.chars().take(40).collect();
                return bad(format!("cost must be a number from 0 to 10^15: {shown}"));
            }
        }
        Ok(event_type)
    }

    /// Sum of the tokens in `token_types`; None if they are missing or unknown.
    fn tokens_by_type(&self) -> Result<Option<i64>> {
        Ok(self.token_types.map(prices::count_tokens).transpose()?.flatten())
    }

    /// Number of tokens, given or counted.
    pub fn tokens(&self) -> Result<i64> {
        let given =
            self.tokens_used.map_or_else(|| self.tokens_by_type(), |tokens| Ok(Some(tokens)))?;
        Ok(given.unwrap_or(0))
    }

    /// Builds the event to insert, and true if its cost is known. An event without a price costs
    /// nothing.
    pub fn entry(&self, user: Uuid) -> Result<(Entry<'_>, bool)> {
        let event_type = self.check()?;
        let bad = |message: String| Error::new(SqlState::InvalidParameterValue, message);
        let counted = self.tokens_by_type()?;
        if let (Some(used), Some(counted)) = (self.tokens_used, counted)
            && counted > used
        {
            return Err(bad(format!(
                "token types add up to more than tokens_used: {counted}, {used}"
            )));
        }
        if self.tokens_used.is_none() && counted.is_none() && self.token_types.is_some() {
            let message = "token_types can't be counted, and tokens_used is missing";
            return Err(bad(message.to_owned()).hint(prices::TOKEN_TYPES_HINT));
        }
        if let Some(counted) = counted.filter(|counted| *counted > MOST) {
            return Err(bad(format!("token types add up to more than 10^15: {counted}")));
        }
        let at = self.occurred_at.map_or_else(clock::now, Ok)?;
        let price = match (self.cost, self.model, self.token_types) {
            (None, Some(model), Some(tokens)) => {
                Some(as_owner_now(|db| prices::price(db, model, tokens, at))?)
            }
            _ => None,
        };
        let cost = match self.cost.or(price.flatten()) {
            Some(cost) => cost.rounded(10)?.trimmed()?,
            None => Numeric::zero()?,
        };
        let payload_hash = match (self.idempotency_key, self.attempt) {
            (None, None) => None,
            _ => Some(self.payload_hash()?),
        };
        let entry = Entry {
            id: self.attempt.map_or_else(uuid_v7, |attempt| attempt.lease_token),
            user,
            event_type,
            tokens: self.tokens_used.or(counted).unwrap_or(0),
            cost,
            metadata: self.metadata,
            idempotency_key: self.idempotency_key,
            at,
            model: self.model,
            token_types: self.token_types,
            payload_hash,
            request_id: self.attempt.map(|attempt| attempt.request),
        };
        Ok((entry, !matches!(price, Some(None))))
    }
}
