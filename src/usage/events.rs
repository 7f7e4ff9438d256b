//! Recording what happened.

use super::accounts::Accounts;
use super::ledger::{self, Entry};
use super::limit_status::{self, Standing};
use super::prices;
use super::{reckoning, whose};
use crate::access;
use crate::idempotency;
use crate::pg::clock;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::ids::uuid_v7;
use crate::pg::single_row;
use crate::pg::trigger::{self, Returned};
use crate::pg::values::{Jsonb, Numeric};
use crate::users;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cmp::Ordering;

/// The most tokens of an event, and the most money.
pub const MOST: i64 = 1_000_000_000_000_000;

/// The most bytes of a type of event: indexes have room for it.
const MOST_BYTES: usize = 1000;

/// The arguments of record_usage(). Without a cost, it is what the tokens of the model cost.
pub struct Event<'a> {
    pub event_type: Option<&'a str>,
    pub tokens_used: Option<i64>,
    pub cost: Option<Numeric>,
    pub metadata: Option<Jsonb>,
    pub idempotency_key: Option<&'a str>,
    pub occurred_at: Option<TimestampWithTimeZone>,
    pub model: Option<&'a str>,
    pub token_types: Option<Jsonb>,
    /// What it is the bill of, if of that; no part of the payload.
    pub attempt: Option<Attempt>,
}

/// An attempt at an agent request. Its lease's token is the id of the event: it is billed once.
#[derive(Clone, Copy)]
pub struct Attempt {
    pub request: Uuid,
    pub lease_token: Uuid,
}

/// An event that is there now.
pub struct Recorded {
    pub id: Uuid,
    /// Whether it was there before.
    pub is_duplicate: bool,
    pub standing: Standing,
}

/// A row of record_usage(): the event, whether it was there already, and the tightest limit.
type Row =
    (Uuid, bool, Option<Numeric>, Option<Numeric>, Option<Numeric>, Option<TimestampWithTimeZone>);

impl From<Recorded> for Row {
    fn from(recorded: Recorded) -> Self {
        let (used, limit, remaining, resets_at) = recorded.standing;
        (recorded.id, recorded.is_duplicate, used, limit, remaining, resets_at)
    }
}

/// SHA-256 over the arguments of record_usage() as given, without those left out, so that an honest retry is
/// never another payload: not in another time zone, nor with another scale of the same cost.
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
        let idempotency_key = None;
        Event {
            event_type,
            tokens_used,
            cost,
            metadata,
            idempotency_key,
            occurred_at,
            model,
            token_types,
            attempt: None,
        }
        .payload_hash()
    })
}

/// Records what happened, and never refuses it for a limit. The same idempotency key again gives
/// the first event with duplicate = true, or error PT409 where anything else differs. Without a cost,
/// it is computed from the model and its token types; the last four columns say how the tightest
/// limit stands that the event falls under, if there is one.
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
    let event = Event {
        event_type,
        tokens_used,
        cost,
        metadata,
        idempotency_key,
        occurred_at,
        model,
        token_types,
        attempt: None,
    };
    single_row::TableIterator::once(recorded(user_id, &event, false))
}

/// Records what happens, unless that is beyond a hard limit, or what reservations leave of it: then error
/// PT402, with used, limit and resets_at in DETAIL. Checked and recorded in one step: whatever else
/// goes on, what is admitted never exceeds a limit. Arguments and results as for record_usage().
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
    let event = Event {
        event_type,
        tokens_used,
        cost,
        metadata,
        idempotency_key,
        occurred_at,
        model,
        token_types,
        attempt: None,
    };
    single_row::TableIterator::once(recorded(user_id, &event, true))
}

fn recorded(user_id: Option<Uuid>, event: &Event, is_enforced: bool) -> Row {
    guard(|| {
        access::require_metering(if is_enforced { "consume_usage" } else { "record_usage" })?;
        record(whose(user_id)?, event, is_enforced)
    })
    .into()
}

/// Records an event of a user's, if hard limits leave room where they are enforced.
pub fn record(user: Uuid, event: &Event, is_enforced: bool) -> Result<Recorded> {
    let (entry, is_priced) = event.entry(user)?;
    let (is_new, standings) = match entry.is_late()? {
        true => (false, None),
        false => ledger::insert(&entry, is_enforced)?,
    };
    let id = match is_new {
        true => entry.id,
        false => first_with_key(&entry)?,
    };
    if is_new && !is_priced {
        warn_of_price(event);
    }
    let standing = match standings {
        Some(standings) => standings.tightest(user)?,
        None => limit_status::now(user, entry.event_type, entry.at)?,
    };
    Ok(Recorded { id, is_duplicate: !is_new, standing })
}

/// Records an event of a user's that has no key, and never refuses it for a limit; its id.
pub fn bill(user: Uuid, event: &Event) -> Result<Uuid> {
    let (entry, is_priced) = event.entry(user)?;
    let accounts = Accounts::hold_one(user)?;
    ledger::insert_many(&accounts, std::slice::from_ref(&entry))?;
    if !is_priced {
        warn_of_price(event);
    }
    Ok(entry.id)
}

fn warn_of_price(event: &Event) {
    let model = event.model.unwrap_or_default();
    warning!("no price of model \"{model}\" for all of its tokens: recorded at cost 0");
}

impl Entry<'_> {
    /// Whether this is a retry that comes too late to be inserted: else an event that is refused for its time
    /// (PT422).
    pub fn is_late(&self) -> Result<bool> {
        let Err(error) = check_window(self.at) else { return Ok(false) };
        let sql = "select from carrel.usage_events where user_id = $1 and idempotency_key = $2";
        let is_used =
            reckoning(|db| db.execute(sql, &[self.user.into(), self.idempotency_key.into()]))?;
        if is_used > 0 { Ok(true) } else { Err(error) }
    }
}

/// Bytes of an event's metadata, at most.
const MOST_METADATA: usize = 1 << 20;

/// BEFORE INSERT of usage_events: refuses events of nobody (28000) and of users without a profile (P0002), metadata
/// that is no object (22023), and what is too large (54000). Amounts and times are checked when events are counted.
#[pg_trigger]
fn prepare_event<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring() {
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

/// A type of event, if it can be one: else error 22023.
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

impl Event<'_> {
    /// See [`usage_payload_hash`].
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

    /// Refuses what could not be billed from: 22023. Gives the type.
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
            // Not a number compares as the greatest.
            if cost.compare(Numeric::zero()?)? == Ordering::Less
                || cost.compare(Numeric::from_whole(MOST)?)? == Ordering::Greater
            {
                let shown: String = cost.to_text()?.chars().take(40).collect();
                return bad(format!("cost must be a number from 0 to 10^15: {shown}"));
            }
        }
        Ok(event_type)
    }

    fn counted(&self) -> Result<Option<i64>> {
        Ok(self.token_types.map(prices::count).transpose()?.flatten())
    }

    /// How many tokens it has.
    pub fn tokens(&self) -> Result<i64> {
        let given = self.tokens_used.map_or_else(|| self.counted(), |tokens| Ok(Some(tokens)))?;
        Ok(given.unwrap_or(0))
    }

    /// What is inserted of it for a user, and false where it has no price: then it costs nothing.
    pub fn entry(&self, user: Uuid) -> Result<(Entry<'_>, bool)> {
        let event_type = self.check()?;
        let bad = |message: String| Error::new(SqlState::InvalidParameterValue, message);
        let counted = self.counted()?;
        if let (Some(used), Some(counted)) = (self.tokens_used, counted)
            && counted > used
        {
            return Err(bad(format!(
                "token types add up to more than tokens_used: {counted}, {used}"
            )));
        }
        if self.tokens_used.is_none() && counted.is_none() && self.token_types.is_some() {
            return Err(bad("token_types can't be counted: give tokens_used".to_owned()).hint(
                "Or give input, output, cached_input and reasoning, or usage as the provider reports it.",
            ));
        }
        if let Some(counted) = counted.filter(|counted| *counted > MOST) {
            return Err(bad(format!("token types add up to more than 10^15: {counted}")));
        }
        let at = self.occurred_at.map_or_else(clock::now, Ok)?;
        let price = match (self.cost, self.model, self.token_types) {
            (None, Some(model), Some(tokens)) => {
                Some(reckoning(|db| prices::price(db, model, tokens, at))?)
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

/// Refuses a time that events can't be recorded at any more, or yet: PT422.
pub fn check_window(at: TimestampWithTimeZone) -> Result<()> {
    const MINUTE: i64 = 60_000_000;
    const DAY: i64 = 24 * 60 * MINUTE;
    let late = i64::from(clock::now()?).saturating_sub(i64::from(at));
    if (-5 * MINUTE..=35 * DAY).contains(&late) {
        return Ok(());
    }
    Err(Error::new(
        SqlState::InvalidWindow,
        format!("occurred_at is outside of the window: {}", at.to_iso_string()),
    )
    .detail("Events may be recorded up to 35 days late and 5 minutes early."))
}

/// The event that was recorded first under the key of another one, if it was the same; else PT409.
pub fn first_with_key(entry: &Entry) -> Result<Uuid> {
    let (id, first_hash) = reckoning(|db| {
        db.first(
            "select id, payload_hash from carrel.usage_events where user_id = $1 and idempotency_key = $2",
            &[entry.user.into(), entry.idempotency_key.into()],
            |row| Ok((row.need::<Uuid>(1)?, row.get::<Vec<u8>>(2))),
        )
    })?
    .ok_or_else(|| {
        Error::new(SqlState::NoDataFound, "the event was not recorded")
            .detail("A trigger of usage_events kept it out, or the first event of its key is gone.")
    })?;
    match first_hash == entry.payload_hash {
        true => Ok(id),
        false => Err(reused(entry.idempotency_key, id)),
    }
}

/// The error for a key that stands for something else.
pub fn reused(key: Option<&str>, first: Uuid) -> Error {
    let key = key.unwrap_or_default();
    Error::new(
        SqlState::Conflict,
        format!("idempotency key \"{key}\" was used with another payload"),
    )
    .detail(format!("The first one is {first}."))
    .hint("Use a new key for a new event, and the same arguments for a retry.")
}
